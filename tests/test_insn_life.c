// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Proves, on a real /dev/kvm, that code can lie where it may, that no vCPU is lost for good, that
 * nothing leaks, and that how an instruction was executed is told. Skipped by name where there is
 * no KVM.
 */
#include "tests/insn_states.h"

/* Where code can lie. */
static void test_places(void **unused)
{
	static const uint64_t rips[] = {
		INSN_CODE,          INSN_CODE + 0xfff,  INSN_CODE_END - 3,  0x7ffffffff000,
		0x7ffffffffabc,     0x7ffffffffffb,     0xffff800000020000, 0xffff8000001fe123,
		0xfffffffffffff000, 0xfffffffffffffff0, 0xfffffffffffffffb, 0xfffffffffffffffe,
	};
	struct cpu_state state;

	REQUIRE_KVM();
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rips); i++) {
		state = i & 1 ? user64 : kernel64;
		state.regs.rip = rips[i / 2];
		/* KVM_PVM has no user code there. */
		if (i & 1 && rips[i / 2] >> 63 && host.backend == KVM_BACKEND_PVM)
			continue;
		RUN(&state, RDTSC);
		expect(&state, INSN_DONE, 2);
		RUN(&state, DIV);
		expect_fault(&state, 0, false);
		RUN(&state, BL_5 DIV);
		assert_int_equal(result.end, INSN_EXCEPTION);
		assert_int_equal(result.regs.rip, state.regs.rip + 2);
	}
	/* Base + EIP is modulo 4 GiB. */
	for (size_t i = 0; i < nr_states; i++) {
		static const uint32_t eips[] = { 0xfffffff0, 0xfffff000, 0x80000000, 8 };

		state = states[i];
		for (size_t k = 0; !is_86(state.mode) && state.mode != CPU_LONG && k < 4; k++) {
			state.regs.rip = eips[k];
			state.cs_base = INSN_CODE + 0x1ab0 - eips[k];
			if (!RUN(&state, RDTSC))
				break;
			expect(&state, INSN_DONE, 2);
			RUN(&state, DIV);
			expect_fault(&state, 0, false);
		}
		if (is_86(state.mode)) {
			state.cs_base = 0xffff0 & (INSN_CODE_END - 0x10000);
			state.regs.rip = 0xff00;
			if (!RUN(&state, RDTSC))
				continue;
			expect(&state, INSN_DONE, 2);
			RUN(&state, CS_TO_EBX);
			assert_int_equal(result.regs.rbx, state.cs_base >> 4);
		}
	}
	/* The tables are whole after all of that. */
	for (size_t i = 0; i < nr_states; i++)
		if (RUN(&states[i], DIV))
			expect_fault(&states[i], 0, false);
}

/* CR8 is in struct kvm_run, too, where there is no irqchip. */
static void test_cr8(void **unused)
{
	struct cpu_state state = kernel64;

	REQUIRE_KVM();
	state.regs.rax = 5;
	RUN(&state, "\x44\x0f\x22\xc0"); /* MOV CR8, RAX */
	expect_named("cr8");
	RUN(&state, NOP);
	insn_close(&vcpu); /* whatever it is like: for the other tests */
	assert_int_equal(open_vcpu(&vcpu, TIMEOUT_MS), 0);
	expect_same(&state, INSN_DONE, 1);
}

/* The HLT or OUT after the code cannot be fetched: the code itself was executed all the same. */
static void test_last_byte(void **unused)
{
	struct cpu_state state = user64;

	REQUIRE_KVM();
	for (int cpl = 3; cpl >= 0; cpl--) {
		state = state_of(CPU_LONG, (unsigned int)cpl, true);
		state.regs.rip = 0x7ffffffffffe;
		RUN(&state, DIV);
		expect_fault(&state, 0, false);
		RUN(&state, RDTSC);
		expect(&state, INSN_DONE, 2);
	}
}

/* @code ends in a lost vCPU, said why in @why; then all works again. */
static void lose(struct insn_vcpu *one, const struct cpu_state *state, const char *code,
		 size_t length, const char *why)
{
	uint64_t made;

	/* All states are known. */
	for (size_t i = 0; i < nr_states; i++)
		insn_run(one, &states[i], (const uint8_t *)NOP, 1, &result);
	made = one->made;
	insn_run(one, state, (const uint8_t *)code, length, &result);
	assert_int_equal(result.end, INSN_LOST);
	if (!strstr(result.text, why))
		fail_msg("'%s' does not say %s", result.text, why);
	for (size_t i = 0; i < nr_states; i++) {
		insn_run(one, &states[i], (const uint8_t *)DIV, 2, &result);
		if (result.end != INSN_REFUSED)
			expect_fault(&states[i], 0, false);
	}
	assert_int_equal(one->made, made + 1);
}

static void test_lost(void **unused)
{
	static const unsigned int timeouts[] = { 1, 50, 300 }; /* ms */
	/* PUSH RAX, twice; LIDT [RSP]; XOR ECX, ECX; DIV ECX */
	static const char triple[] = "\x50\x50\x0f\x01\x1c\x24\x31\xc9" DIV;
	struct cpu_state user = user64, kernel = kernel64;
	struct insn_vcpu one;

	REQUIRE_KVM();
	for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
		const struct cpu_state *state = i & 1 ? &user : &kernel;
		const double begin = clock_seconds(), wait = timeouts[i] * 1e-3;

		assert_int_equal(open_vcpu(&one, timeouts[i]), 0);
		lose(&one, state, "\xeb\xfe", 2, "ms");
		/* It was given its time, in milliseconds and not in seconds: a busy host may take its own. */
		assert_true(clock_seconds() - begin >= wait && clock_seconds() - begin < wait + 20);
		if (i == 2) {
			lose(&one, &kernel, triple, sizeof(triple) - 1, "triple fault");
			lose(&one, &user, "\xeb\xfe", 2, "ms");
		}
		insn_close(&one);
	}
}

/* How often, of many times, @code was executed in this way, once its page was touched. */
static unsigned int count_exec_path(const struct cpu_state *state, const char *code,
				    enum insn_path path)
{
	unsigned int count = 0;

	run(state, code, strlen(code));
	for (int i = 0; i < 100; i++) {
		run(state, code, strlen(code));
		count += result.path == path;
	}
	return count;
}

static void test_exec_paths(void **unused)
{
	size_t by_processor = 0, cpuid_below = 0;

	REQUIRE_KVM();
	for (size_t i = 0; i < nr_states; i++) {
		struct cpu_state state = states[i];
		uint64_t nop, fault;

		if (!RUN(&state, NOP))
			continue;
		if (result.path == INSN_EMULATED) {
			assert_true(result.count.emulated > 0);
			assert_int_equal(count_exec_path(&state, RDTSC, INSN_EMULATED), 100);
			assert_int_equal(count_exec_path(&state, DIV, INSN_EMULATED), 100);
			continue;
		}
		by_processor++;
		/* Now and then the host has business of its own. */
		assert_in_range(count_exec_path(&state, NOP, INSN_NO_EXIT), 95, 100);
		nop = result.count.exits;
		assert_in_range(count_exec_path(&state, RDTSC, INSN_NO_EXIT), 95, 100);
		assert_in_range(count_exec_path(&state, DIV, INSN_NO_EXIT), 95, 100);
		fault = result.count.exits + result.count.emulated;
		if (host.backend != KVM_BACKEND_PVM || !host.nested) {
			assert_in_range(count_exec_path(&state, CPUID, INSN_EXITED), 95, 100);
			assert_true(result.count.exits > nop);
		} else if (count_exec_path(&state, CPUID, INSN_EXITED) < 95) {
			/* Without VMX or SVM of its own: the hypervisor below may take CPUID unseen. */
			assert_in_range(count_exec_path(&state, CPUID, INSN_NO_EXIT), 95, 100);
			cpuid_below++;
		}
		state.cr4 = CPU_CR4_PCE;
		if (host.backend != KVM_BACKEND_PVM)
			continue;
		/* Always #GP here, by an exit and an emulated instruction. */
		assert_in_range(count_exec_path(&state, RDPMC, INSN_EXITED), 95, 100);
		assert_true(result.count.exits + result.count.emulated > fault);
	}
	if (cpuid_below)
		printf("# the hypervisor below takes CPUID in %zu of %zu states\n", cpuid_below,
		       by_processor);
	/* Where there is no hardware for it KVM_PVM executes user code all the same. */
	assert_true(by_processor > 0);
}

/* An instruction is not blamed for its page's first use, nor another state's for that of the first. */
static void test_exec_paths_first(void **unused)
{
	struct cpu_state state = user64;
	struct insn_vcpu one;
	unsigned int exits = 0;
	enum insn_path first;

	REQUIRE_KVM();
	assert_int_equal(open_vcpu(&one, TIMEOUT_MS), 0);
	insn_run(&one, &state, (const uint8_t *)NOP, 1, &result);
	for (state.regs.rip = INSN_CODE; state.regs.rip < INSN_CODE_END; state.regs.rip += 0x1000) {
		insn_run(&one, &state, (const uint8_t *)NOP, 1, &result);
		exits += result.path != INSN_NO_EXIT;
	}
	insn_close(&one);
	printf("# %u first uses of a page with an exit more\n", exits);
	assert_int_equal(open_vcpu(&one, TIMEOUT_MS), 0);
	state = user64;
	state.regs.rsp = 0xdead0000beef1234; /* not canonical */
	insn_run(&one, &state, (const uint8_t *)NOP, 1, &result);
	state.regs.rsp = INSN_STACK;
	for (int i = 0; i < 3; i++)
		insn_run(&one, &state, (const uint8_t *)NOP, 1, &result);
	first = result.path;
	insn_close(&one);
	assert_int_equal(first, INSN_NO_EXIT);
	assert_in_range(exits, 0, 20);
}

static unsigned int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static long resident(void) /* KiB */
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void test_leaks(void **unused)
{
	const unsigned int files = open_files();
	unsigned int with_one;
	struct insn_vcpu one = { 0 };
	long kib = 0;

	REQUIRE_KVM();
	insn_close(&one);
	assert_int_equal(open_vcpu(&one, 20), 0);
	with_one = open_files();
	assert_true(with_one > files);
	for (unsigned int i = 0; i < 100000; i++) {
		const struct cpu_state *state = &states[i % nr_states];

		if (i == 5000)
			kib = resident();
		insn_run(&one, state, (const uint8_t *)(i & 4 ? DIV : RDTSC), 2, &result);
		assert_int_not_equal(result.end, INSN_LOST);
	}
	assert_in_range(resident(), 0, kib + 1024);
	assert_int_equal(open_files(), with_one);
	for (int i = 0; i < 10; i++) {
		struct cpu_state state = user64;

		insn_run(&one, &state, (const uint8_t *)"\xeb\xfe", 2, &result);
		assert_int_equal(result.end, INSN_LOST);
		insn_run(&one, &state, (const uint8_t *)NOP, 1, &result);
		expect_same(&state, INSN_DONE, 1);
	}
	assert_in_range(resident(), 0, kib + 1024);
	assert_int_equal(open_files(), with_one);
	insn_close(&one);
	assert_int_equal(open_files(), files);
	insn_close(&one);
	assert_int_equal(open_files(), files);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
	(void)number;
	alarms++;
}

static void test_signals(void **unused)
{
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
	struct sigaction action = { .sa_handler = on_alarm }, before;
	const uint64_t made = vcpu.made;
	unsigned int exited = 0;

	REQUIRE_KVM();
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned int i = 0; i < 20000; i++) {
		struct cpu_state state = states[(i / 4) % nr_states];

		if (i >= 10000)
			state = user64;
		state.regs.rbx = i;
		if (!run(&state, i & 1 ? DIV : NOP, 1 + (i & 1)))
			continue;
		if (i & 1)
			expect_fault(&state, 0, false);
		else
			expect_same(&state, INSN_DONE, 1);
		exited += i >= 10000 && result.path != INSN_NO_EXIT;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	assert_true(alarms > 20);
	assert_int_equal(vcpu.made, made);
	/* Whose exits they are is not told to the last one. */
	assert_in_range(exited, 0, 500);
	printf("# %d signals, %u of 10000 results with an exit more\n", (int)alarms, exited);
}

static void test_free_bits(void **unused)
{
	struct cpu_state state = user64;
	static const uint64_t asks[] = {
		0, CPU_CR4_PCE, CR0_TS, 0x5000e, 0x50fcf, CR0_CD | CR0_NW
	};

	REQUIRE_KVM();
	assert_int_equal(insn_free_bits(&vcpu, true, 1ULL << 15), 0);
	assert_int_equal(insn_free_bits(&vcpu, true, 0xffffffff00000000), 0);
	assert_int_equal(insn_free_bits(&vcpu, false, 0xffffffff00000000), 0);
	assert_int_equal(insn_free_bits(&vcpu, true, CPU_CR4_PCE | CR4_TSD), CPU_CR4_PCE | CR4_TSD);
	assert_int_equal(insn_free_bits(&vcpu, false, CR0_TS), CR0_TS);
	assert_int_equal(insn_free_bits(&vcpu, true, 1ULL << 15 | CPU_CR4_PCE), CPU_CR4_PCE);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(asks); i++) {
		const uint64_t asked = asks[i / 2], low = asked & -asked;
		const uint64_t got = insn_free_bits(&vcpu, i & 1, asked);

		assert_int_equal(got & ~asked, 0);
		/* Each by itself. */
		assert_int_equal(got, insn_free_bits(&vcpu, i & 1, low) |
					      insn_free_bits(&vcpu, i & 1, asked ^ low));
	}
	assert_int_equal(nr_states, 1 + 8 + 8 + 2 + 4 + 4 + 4);
	state.mode = CPU_REAL; /* and CPL 3 */
	assert_false(RUN(&state, NOP));
	state = kernel64;
	state.cr4 = 1ULL << 15;
	assert_false(RUN(&state, NOP));
	assert_true(RUN(&kernel64, NOP));
	expect_same(&kernel64, INSN_DONE, 1);
}

/*
 * At CPL 0 an instruction ends by a port write, which KVM may complete only at the next entry, by
 * skipping what then is at its address. What follows there is executed all the same.
 */
static void test_after_port_write(void **unused)
{
	(void)unused;
	REQUIRE_KVM();
	for (size_t i = 0; i < nr_states; i++) {
		struct cpu_state first = states[i], second = states[i];

		if (first.cpl || !RUN(&first, NOP NOP))
			continue;
		expect_same(&first, INSN_DONE, 2);
		second.regs.rip += 2;
		second.regs.rcx = 0x1234;
		RUN(&second, "\x89\xc8"); /* MOV EAX, ECX */
		assert_int_equal(result.end, INSN_DONE);
		assert_int_equal(result.regs.rax & 0xffff, 0x1234);
		assert_int_equal(result.regs.rip, second.regs.rip + 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),    cmocka_unit_test(test_cr8),
		cmocka_unit_test(test_last_byte), cmocka_unit_test(test_lost),
		cmocka_unit_test(test_exec_paths), cmocka_unit_test(test_exec_paths_first),
		cmocka_unit_test(test_leaks),     cmocka_unit_test(test_signals),
		cmocka_unit_test(test_free_bits), cmocka_unit_test(test_after_port_write),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
