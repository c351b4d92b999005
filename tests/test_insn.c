// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves, on a real /dev/kvm, that one instruction in any state has the effect that the manual gives
 * it, that whatever else it changed is named, and that no vCPU is lost for good. What only some
 * hosts do is not asked for. Skipped by name where there is no KVM.
 */
#include "tests/insn_states.h"

static void test_every_state(void **unused)
{
	uint64_t before = 0, made = vcpu.made;
	double begin;

	REQUIRE_KVM();
	for (size_t i = 0; i < nr_states; i++) {
		struct cpu_state state = states[i];

		state.regs.rax = 0x1111222233334444;
		state.regs.rdx = 0x5555666677778888;
		state.regs.rbx = 0x123456789abcdef0;
		if (!RUN(&state, NOP)) {
			printf("# skipped: %s, CPL %u, paging %d: %s\n", cpu_mode_name(state.mode),
			       state.cpl, state.paging, result.text);
			assert_int_not_equal(state.mode, CPU_LONG);
			continue;
		}
		expect_same(&state, INSN_DONE, 1);
		assert_true(RUN(&state, RDTSC));
		expect(&state, INSN_DONE, 2);
		assert_true(tsc() > before || vcpu.made != made);
		before = tsc();
		made = vcpu.made;
		assert_true(RUN(&state, DIV));
		expect_fault(&state, 0, false);
		assert_true(result.count.exits > 0);
		if (state.cpl) {
			assert_true(RUN(&state, HLT));
			expect_fault(&state, 13, true);
		}
		state.regs.rcx = NO_COUNTER;
		assert_true(RUN(&state, RDPMC));
		expect_fault(&state, 13, state.mode != CPU_REAL);
		state.cr4 = CPU_CR4_PCE;
		assert_true(RUN(&state, RDPMC));
		expect_fault(&state, 13, state.mode != CPU_REAL);
		assert_true(RUN(&state, PADDING NOP));
		expect_same(&state, INSN_DONE, INSN_LONGEST);
		/* The longest code; what is behind it is as it was, also afterwards. */
		assert_true(RUN(&state, PADDING NOP NOP NOP NOP NOP NOP));
		expect_same(&state, INSN_DONE, INSN_CODE_MOST);
		state.cr4 = CR4_TSD;
		RUN(&state, RDTSC);
		/* KVM_PVM leaves the processor's own CR4.TSD where user code runs by itself. */
		if (!state.cpl)
			expect(&state, INSN_DONE, 2);
		else if (result.path == INSN_EMULATED || host.backend != KVM_BACKEND_PVM)
			expect_fault(&state, 13, true);
	}
	RUN(&user64, RDTSC);
	before = tsc();
	for (begin = clock_seconds(); clock_seconds() - begin < 0.02;)
		; /* the watchdog's signal ends a sleep */
	RUN(&user64, RDTSC);
	/* By the clock. */
	assert_in_range(tsc() - before, vcpu.vm.tsc_khz * 19, vcpu.vm.tsc_khz * 10000 + UINT32_MAX);
}

/*
 * MOV EAX, 0x90400001 or MOV AX, 1; INC AX; NOP. Then INC or REX; NOP. CS says its RPL, the registers
 * that CPL 0 can read what was asked.
 */
static void test_modes(void **unused)
{
	REQUIRE_KVM();
	for (size_t i = 0; i < nr_states; i++) {
		struct cpu_state state = states[i];

		if (!RUN(&state, "\xb8\x01\x00\x40\x90\x40\x90"))
			continue;
		assert_int_equal(result.end, INSN_DONE);
		assert_int_equal(result.regs.rip, state.regs.rip + 7);
		assert_int_equal(result.regs.rax, is_16(state.mode)        ? 3
						  : state.mode == CPU_LONG ? 0x90400001
									   : 0x90400002);
		state.cr0 = CR0_TS;
		state.cr4 = CPU_CR4_PCE;
		run(&state, CS_TO_EBX CRS_TO_ESI_EDI, state.cpl ? 2 : 8);
		assert_int_equal(result.regs.rbx & (is_86(state.mode) ? 0xffff : 3),
				 is_86(state.mode) ? INSN_CODE >> 4 : state.cpl);
		if (state.cpl)
			continue;
		assert_int_equal(result.regs.rsi & (1 | CR0_TS | CPU_CR0_PG),
				 (state.mode != CPU_REAL) | CR0_TS |
					 (state.paging ? CPU_CR0_PG : 0));
		assert_true(result.regs.rdi & CPU_CR4_PCE);
		state.cr0 = state.cr4 = 0;
		RUN(&state, CRS_TO_ESI_EDI);
		assert_false(result.regs.rsi & CR0_TS || result.regs.rdi & CPU_CR4_PCE);
	}
}

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

static void test_garbage(void **unused)
{
	uint64_t seed = 0x9e3779b97f4a7c15;

	REQUIRE_KVM();
	for (size_t i = 0; i < 20 * nr_states; i++) {
		struct cpu_state state = states[i % nr_states];
		__u64 *regs = &state.regs.rax; /* the first of sixteen */
		const uint64_t rsp = state.regs.rsp;

		for (int k = 0; k < 16; k++)
			regs[k] = next(&seed);
		if (!cpu_mode_is_long(state.mode))
			state.regs.rsp = state.cpl ? (uint32_t)state.regs.rsp : rsp;
		state.regs.rcx &= 0xffffffff00000000; /* for DIV */
		state.regs.rflags = (i < nr_states ? FREE_FLAGS : next(&seed) & FREE_FLAGS) | 2;
		if (!RUN(&state, NOP))
			continue;
		expect_same(&state, INSN_DONE, 1);
		RUN(&state, DIV);
		expect_fault(&state, 0, false);
		run(&state, state.regs.rflags & 1 ? "\xf8" : "\xf9", 1); /* CLC, STC */
		state.regs.rflags ^= 1;
		expect_same(&state, INSN_DONE, 1);
	}
}

/* What else was changed is named: when the next instruction is come to, and when one faults. */
static void test_named(void **unused)
{
	REQUIRE_KVM();
	for (size_t i = 0; i < nr_states; i++) {
		struct cpu_state state = states[i];

		state.regs.rbx = state.regs.rax = 0x123456789abcdef0;
		if (!RUN(&state, BL_5))
			continue;
		expect_named("rbx");
		assert_int_equal(result.regs.rbx, 0x123456789abcde05);
		RUN(&state, BL_5 DIV);
		expect_named("rbx");
		assert_int_equal(result.end, INSN_EXCEPTION);
		assert_int_equal(result.exception.vector, 0);
		assert_int_equal(result.regs.rip, state.regs.rip + 2);
		state.regs.rcx = 1;
		RUN(&state, "\x87\xd9");                                  /* XCHG EBX, ECX */
		expect_named(strstr(result.text, "rcx") ? "rcx" : "rbx"); /* the first */
		state.regs.rcx = 0;
		if (is_16(state.mode))
			state.regs.rsp = INSN_STACK_86;
		RUN(&state, "\x50"); /* PUSH RAX, which does not change it */
		expect_named("rsp");
		RUN(&state, "\x50" DIV);
		expect_named("rsp");
		assert_int_equal(result.regs.rsp, state.regs.rsp - (state.mode == CPU_LONG ? 8
								    : is_16(state.mode)    ? 2
											   : 4));
		if (!state.cpl) {
			/* MOV EAX, CR4; XOR AH, 1; MOV CR4, EAX */
			RUN(&state, "\x0f\x20\xe0\x80\xf4\x01\x0f\x22\xe0");
			expect_named("cr4");
			/* MOV EAX, CR0; XOR AL, 8; MOV CR0, EAX */
			RUN(&state, "\x0f\x20\xc0\x34\x08\x0f\x22\xc0");
			expect_named("cr0");
		}
		/* Where KVM_PVM runs code by itself it does not tell its segments' registers. */
		if (state.mode == CPU_VIRTUAL8086 ||
		    (host.backend == KVM_BACKEND_PVM && state.cpl == 3 && state.mode == CPU_LONG))
			continue;
		state.regs.rax = state.mode == CPU_REAL ? 0x1000 : 0;
		for (int k = 0; k < 4; k++) {
			/* MOV ES, DS, FS or GS, AX; DIV ECX */
			static const char *const names[] = { "es", "ds", "fs", "gs" };
			char code[] = "\x8e\xc0" DIV;

			code[1] |= "\x00\x18\x20\x28"[k];
			run(&state, code, 4);
			expect_named(names[k]);
			assert_int_equal(result.end, INSN_EXCEPTION);
		}
	}
}

static void test_every_register(void **unused)
{
	static const char *const names[] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"
	};
	static const struct {
		const char *name, *code;
		size_t size;
	} more[] = {
		{ "cr2", "\x0f\x22\xd0", 3 },
		{ "cr3", "\x0f\x20\xd8\x0c\x08\x0f\x22\xd8", 8 }, /* PWT */
		/* SIDT [RSP]; DEC WORD [RSP]; LIDT [RSP], and the same of the GDT */
		{ "idt", "\x0f\x01\x0c\x24\x66\xff\x0c\x24\x0f\x01\x1c\x24", 12 },
		{ "gdt", "\x0f\x01\x04\x24\x66\xff\x0c\x24\x0f\x01\x14\x24", 12 },
		{ "idt", "\x0f\x01\x0c\x24\xff\x4c\x24\x02\x0f\x01\x1c\x24", 12 }, /* the base */
		{ "gdt", "\x0f\x01\x04\x24\xff\x4c\x24\x02\x0f\x01\x14\x24", 12 },
		{ "efer", "\xb9\x80\x00\x00\xc0\x0f\x32\x34\x01\x0f\x30\x31\xc9", 13 }, /* SCE */
	};
	struct cpu_state state = user64;

	REQUIRE_KVM();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char code[] = "\x40\xb8\x78\x56\x34\x12";

		code[0] |= i >> 3;
		code[1] |= i & 7;
		RUN(&state, code);
		assert_int_equal(result.end, INSN_DONE);
		assert_int_equal(result.changed, i != 0 && i != 2);
		if (result.changed)
			expect_named(names[i]);
	}
	state = kernel64;
	state.regs.rax = 5;
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		run(&state, more[i].code, more[i].size);
		assert_int_equal(result.end, INSN_DONE);
		expect_named(more[i].name);
	}
}

/* Every kind of error code. Of 64-bit code, and of a selector that is none in every mode with some. */
static void test_exceptions(void **unused)
{
	static const struct {
		const char *code;
		unsigned int vector, has_error, error, user_error;
	} rows[] = {
		{ "\x8b\x03", 14, 1, 0, 4 },           /* MOV EAX, [RBX] where nothing is */
		{ "\x89\x03", 14, 1, 2, 6 },           /* MOV [RBX], EAX */
		{ "\x41\x8b\x04\x24", 13, 1, 0, 0 },   /* MOV EAX, [R12], not canonical */
		{ "\x0f\x0b\x90", 6, 0, 0, 0 },        /* UD2 */
		{ "\x8e\xe1", 13, 1, 0xfff8, 0xfff8 }, /* MOV FS, CX */
	};

	REQUIRE_KVM();
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct cpu_state state = i & 1 ? user64 : kernel64;

		state.regs.rbx = 0x40000000;
		state.regs.rcx = 0xfffb;
		state.regs.r12 = state.regs.rbp = 0x8000000000000000;
		run(&state, rows[i / 2].code, strlen(rows[i / 2].code));
		assert_int_equal(result.end, INSN_EXCEPTION);
		assert_int_equal(result.exception.vector, rows[i / 2].vector);
		assert_int_equal(result.exception.has_error, rows[i / 2].has_error);
		if (rows[i / 2].has_error)
			assert_int_equal(result.exception.error,
					 i & 1 ? rows[i / 2].user_error : rows[i / 2].error);
		assert_int_equal(result.changed, rows[i / 2].vector == 14);
		if (result.changed)
			expect_named("cr2");
	}
	for (size_t i = 0; i < nr_states; i++) {
		struct cpu_state state = states[i];

		state.regs.rcx = 0xfff8;
		if (is_86(state.mode) || !RUN(&state, "\x8e\xe1"))
			continue;
		expect_same(&state, INSN_EXCEPTION, 0);
		assert_int_equal(result.exception.vector, 13);
		assert_int_equal(result.exception.error, 0xfff8);
	}
}

/* Flags are those of the instruction that faults, not those of the one before. */
static void test_flags(void **unused)
{
	struct cpu_state state = kernel64;

	REQUIRE_KVM();
	for (unsigned int nt = 0; nt <= 0x4000; nt += 0x4000) {
		const char code[] = { 0x68, 0x02, (char)(nt >> 8), 0, 0, (char)0x9d };
		char whole[] = "______" DIV;

		/* PUSH 2 or 0x4002; POPF; DIV ECX */
		memcpy(whole, code, sizeof(code));
		state.regs.rflags = nt ? 2 : 0x4002;
		run(&state, whole, 8);
		assert_int_equal(result.end, INSN_EXCEPTION);
		assert_int_equal(result.regs.rflags & ~FLAG_RF, nt | 2);
	}
}

/* What is not under test is a HLT, after code was there, too. */
static void test_astray(void **unused)
{
	REQUIRE_KVM();
	for (size_t i = 0; i < nr_states; i++) {
		struct cpu_state state = states[i];

		state.regs.rip += 0x20;
		if (!RUN(&state, NOP NOP NOP NOP NOP NOP NOP NOP))
			continue;
		state.regs.rip -= 0x20;
		RUN(&state, "\xeb\x1e"); /* JMP there */
		if (state.cpl)
			assert_int_equal(result.end, INSN_EXCEPTION);
		assert_int_equal(result.regs.rip, state.regs.rip + 0x20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_state),    cmocka_unit_test(test_modes),
		cmocka_unit_test(test_garbage),        cmocka_unit_test(test_named),
		cmocka_unit_test(test_every_register), cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_flags),          cmocka_unit_test(test_astray),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
