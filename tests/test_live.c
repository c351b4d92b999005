// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves, on a real /dev/kvm, that the guest runs in every mode, that every fault and every hang is
 * reported, and that the whole metrics path works against the simulated vPMU. Skipped by name where
 * there is no KVM.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/expect.h"
#include "host/guest.h"
#include "host/interrupt.h"
#include "host/probe.h"
#include "host/state.h"
#include "lib/clock.h"

#define TIMEOUT_MS 5000
#define NO_COUNTER 0x60000000U /* type 0x6000: #GP on every processor, with any PMU or none */
#define UNTOUCHED  ((uint64_t)GUEST_UNTOUCHED << 32 | GUEST_UNTOUCHED)
#define CODE       0x20000
#define STACK      0x30000

static struct kvm kvm;
static bool have_kvm;
static struct failure failure;

#define REQUIRE_KVM()                                                                              \
	do {                                                                                       \
		if (!have_kvm) {                                                                   \
			printf("# skipped: %s\n", failure.text);                                   \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static int setup(void **state)
{
	(void)state;
	have_kvm = !kvm_open(&kvm, "/dev/kvm", &failure);
	return interrupt_init(&failure);
}

static int teardown(void **state)
{
	(void)state;
	if (have_kvm)
		kvm_close(&kvm);
	return 0;
}

static void boot(struct guest *guest, bool simulated)
{
	struct guest_config config = { .simulated = simulated };
	struct setting_host host;

	probe_setting_host("", &kvm, &host);
	config.pmu.vendor = host.kvm.vendor;
	if (guest_boot(guest, &kvm, &config, &failure))
		fail_msg("%s", failure.text);
}

static void call(struct guest *guest, enum guest_command command)
{
	if (guest_call(guest, command, TIMEOUT_MS, &failure))
		fail_msg("%s", failure.text);
}

static const struct guest_result *measure(struct guest *guest, struct guest_params params)
{
	guest->page->params = params;
	call(guest, GUEST_MEASURE);
	return &guest->page->result;
}

static void test_device_errors(void **state)
{
	struct kvm none;

	(void)state;
	assert_int_equal(kvm_open(&none, "/dev/no-such-kvm", &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "/dev/no-such-kvm"));
	assert_int_equal(kvm_open(&none, "/dev/null", &failure), -ENOTSUP);
	assert_non_null(strstr(failure.text, "not KVM"));
	have_kvm = have_kvm || !kvm_open(&kvm, "/dev/kvm", &failure);
}

/* CBW or CWDE; INC EAX or a REX prefix; ADD AL, 5; HLT: what is left in EAX tells the mode. */
static const uint8_t mode_code[] = { 0x98, 0x40, 0x04, 0x05, 0xf4 };
#define MODE_CODE_EAX 0x0000ff80U
#define MODE_CODE_HLT 4

static uint32_t expected_eax(enum cpu_mode mode)
{
	switch (mode) {
	case CPU_REAL:
	case CPU_PROTECTED16:
	case CPU_VIRTUAL8086:
	case CPU_COMPATIBILITY16:
		return 0x0000ff86;
	case CPU_LONG:
		return 0xffffff85;
	default:
		return 0xffffff86;
	}
}

/* Real and virtual-8086 code must lie below 64 KiB: segments have base 0 here. */
static uint64_t code_address(enum cpu_mode mode)
{
	return mode == CPU_REAL || mode == CPU_VIRTUAL8086 || mode == CPU_PROTECTED16 ? 0xa000
											 : CODE;
}

/* Returns false where the host does not take the state. */
static bool run_in_mode(struct vm *vm, const struct cpu_state *cpu, const uint8_t *code,
			size_t size)
{
	int error;

	memcpy(vm->memory + cpu->regs.rip, code, size);
	error = state_set(vm, cpu, &failure);
	if (error == -ENOTSUP)
		return false;
	if (error)
		fail_msg("%s", failure.text);
	interrupt_arm(vm->run, TIMEOUT_MS);
	if (ioctl(vm->vcpu_fd, KVM_RUN, NULL))
		fail_msg("KVM_RUN in %s mode, CPL %u: %s", cpu_mode_name(cpu->mode), cpu->cpl,
			 strerror(errno));
	interrupt_disarm();
	if (vm->run->exit_reason != KVM_EXIT_HLT &&
	    (vm->run->exit_reason != KVM_EXIT_IO || vm->run->io.port != STATE_PORT))
		fail_msg("%s mode, CPL %u: exit reason %u", cpu_mode_name(cpu->mode), cpu->cpl,
			 vm->run->exit_reason);
	return true;
}

/* As state_unwind(), of a vCPU that was in @cpu. */
static bool unwind(const struct vm *vm, const struct cpu_state *cpu, struct kvm_regs *regs,
		   struct kvm_sregs *sregs, struct cpu_exception *exception)
{
	struct kvm_sregs set = { 0 };
	struct kvm_regs ignored;

	state_registers(cpu, &ignored, &set);
	assert_int_equal(ioctl(vm->vcpu_fd, KVM_GET_REGS, regs), 0);
	assert_int_equal(ioctl(vm->vcpu_fd, KVM_GET_SREGS, sregs), 0);
	return state_unwind(vm, &set, cpu->mode == CPU_VIRTUAL8086, regs, sregs, exception);
}

/* The instructions of mode_code ran as that mode decodes them, at the CPL asked for. */
static bool check_decoding(struct vm *vm, struct cpu_state cpu)
{
	struct cpu_exception exception;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	cpu.regs.rax = MODE_CODE_EAX;
	if (!run_in_mode(vm, &cpu, mode_code, sizeof(mode_code)))
		return false;
	if (!cpu.cpl) {
		assert_false(unwind(vm, &cpu, &regs, &sregs, &exception));
		assert_int_equal(regs.rip, cpu.regs.rip + MODE_CODE_HLT + 1);
	} else {
		/* HLT is privileged */
		assert_true(unwind(vm, &cpu, &regs, &sregs, &exception));
		assert_int_equal(exception.vector, 13);
		assert_int_equal(regs.rip, cpu.regs.rip + MODE_CODE_HLT);
		if (cpu.mode != CPU_VIRTUAL8086)
			assert_int_equal(sregs.cs.selector & 3, cpu.cpl);
	}
	assert_int_equal((uint32_t)regs.rax, expected_eax(cpu.mode));
	return true;
}

/* RDPMC of a counter that no processor has: #GP(0), RIP on the instruction, no register changed. */
static void check_rdpmc(struct vm *vm, struct cpu_state cpu)
{
	static const uint8_t rdpmc[] = { 0x0f, 0x33, 0xf4 };
	struct cpu_exception exception;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	cpu.regs.rax = 0x11223344;
	cpu.regs.rdx = 0x55667788;
	cpu.regs.rcx = NO_COUNTER;
	if (cpu.mode == CPU_LONG)
		cpu.regs.rcx |= 0xdeadbeef00000000;
	assert_true(run_in_mode(vm, &cpu, rdpmc, sizeof(rdpmc)));
	assert_true(unwind(vm, &cpu, &regs, &sregs, &exception));
	assert_int_equal(exception.vector, 13);
	assert_int_equal(exception.has_error, cpu.mode != CPU_REAL);
	assert_int_equal(exception.error, 0);
	assert_int_equal(regs.rip, cpu.regs.rip);
	assert_int_equal(regs.rax, cpu.regs.rax);
	assert_int_equal(regs.rdx, cpu.regs.rdx);
	assert_int_equal(regs.rcx, cpu.regs.rcx);
}

static void test_every_mode(void **state)
{
	struct vm_config config = { .memory_size = GUEST_MEMORY_SIZE };
	unsigned int tried[NR_CPU_MODES] = { 0 }, refused = 0;
	struct setting_host host;

	(void)state;
	REQUIRE_KVM();
	probe_setting_host("", &kvm, &host);
	config.pmu.vendor = host.kvm.vendor;
	for (enum cpu_mode mode = 0; mode < NR_CPU_MODES; mode++) {
		for (unsigned int variant = 0; variant < 16; variant++) {
			struct cpu_state cpu = {
				.mode = mode,
				.cpl = variant & 3,
				.cr4 = variant & 4 ? CPU_CR4_PCE : 0,
				.paging = variant & 8,
				.regs = { .rip = code_address(mode),
					  .rsp = mode == CPU_LONG ? STACK : 0x9000 },
			};
			struct vm vm;

			if (!cpu_mode_allows(mode, cpu.cpl, cpu.paging))
				continue;
			if (vm_create(&vm, &kvm, &config, &failure))
				fail_msg("%s", failure.text);
			tried[mode]++;
			if (check_decoding(&vm, cpu)) {
				check_rdpmc(&vm, cpu);
			} else {
				if (!refused++)
					printf("# skipped: %s mode, CPL %u and others: %s\n",
					       cpu_mode_name(mode), cpu.cpl, failure.text);
				/*
				 * Paging outside long mode is all that a KVM may lack, and only
				 * PVM does.
				 */
				assert_true(cpu.paging && !cpu_mode_is_long(mode));
				assert_true(host.backend == KVM_BACKEND_PVM ||
					    host.backend == KVM_BACKEND_UNKNOWN);
			}
			vm_destroy(&vm);
		}
		assert_true(tried[mode] > 0);
	}
	/* real: PCE; protected: CPL x PCE x paging; v8086: PCE x paging; long: CPL x PCE */
	assert_int_equal(tried[CPU_REAL], 2);
	assert_int_equal(tried[CPU_PROTECTED32], 16);
	assert_int_equal(tried[CPU_VIRTUAL8086], 4);
	assert_int_equal(tried[CPU_LONG], 8);
}

static void test_no_such_state(void **state)
{
	struct vm_config config = { .memory_size = GUEST_MEMORY_SIZE };
	struct vm vm;

	(void)state;
	REQUIRE_KVM();
	assert_int_equal(vm_create(&vm, &kvm, &config, &failure), 0);
	assert_int_equal(
		state_set(&vm, &(struct cpu_state){ .mode = CPU_REAL, .cpl = 3 }, &failure),
		-EINVAL);
	assert_int_equal(state_set(&vm, &(struct cpu_state){ .mode = CPU_LONG }, &failure),
			 -EINVAL);
	assert_int_equal(state_set(&vm, &(struct cpu_state){ .mode = CPU_VIRTUAL8086 }, &failure),
			 -EINVAL);
	vm_destroy(&vm);
}

static void test_loops(void **state)
{
	struct guest guest;
	const struct guest_result *result;
	uint64_t previous = 0;

	(void)state;
	REQUIRE_KVM();
	boot(&guest, false);
	for (uint32_t cpl = 0; cpl <= 3; cpl += 3) {
		struct guest_params params = { .cpl = cpl, .pce = 1, .count = 100 };

		params.insn = GUEST_INSN_EMPTY;
		result = measure(&guest, params);
		assert_true(result->ticks > 0);
		assert_int_equal(result->value, UNTOUCHED);

		params.insn = GUEST_INSN_RDTSC;
		result = measure(&guest, params);
		assert_true(result->value > previous);
		previous = result->value;

		params.insn = GUEST_INSN_CPUID;
		result = measure(&guest, params);
		assert_true(result->value >> 32 == 0x49656e69 || result->value >> 32 == 0x69746e65);

		params.insn = GUEST_INSN_PORT;
		guest.nothing_exits = 0;
		measure(&guest, params);
		assert_int_equal(guest.nothing_exits, 100);

		params.insn = GUEST_INSN_RDPMC;
		params.ecx = NO_COUNTER;
		result = measure(&guest, params);
		assert_int_equal(result->faults, 100);
		assert_int_equal(result->value, UNTOUCHED);
	}
	guest_destroy(&guest);
}

static void test_samples(void **state)
{
	struct guest guest;
	uint64_t sum = 0;

	(void)state;
	REQUIRE_KVM();
	boot(&guest, false);
	for (uint32_t cpl = 0; cpl <= 3; cpl += 3) {
		memset((void *)guest.samples, 0, GUEST_MAX_SAMPLES * sizeof(uint64_t));
		measure(&guest,
			(struct guest_params){
				.insn = GUEST_INSN_RDTSC, .cpl = cpl, .sampled = 1, .count = 300 });
		for (size_t i = 0; i < 300; i++) {
			assert_true(guest.samples[i] > 0);
			sum += guest.samples[i];
		}
		assert_int_equal(guest.samples[300], 0);
		/* A sample is a read, not a share of the block. */
		assert_true(sum / 300 < 100000000);
	}
	guest_destroy(&guest);
}

/* CPL 3 without CR4.PCE faults whatever the counter; the guest's CR4 follows the parameter. */
static void test_privilege(void **state)
{
	struct guest_params params = { .insn = GUEST_INSN_RDPMC, .cpl = 3, .count = 10 };
	struct guest guest;

	(void)state;
	REQUIRE_KVM();
	boot(&guest, true);
	call(&guest, GUEST_PMU_PRESET);
	params.assist = 1;
	params.ecx = 0x20000000;
	assert_int_equal(measure(&guest, params)->faults, 10);
	params.pce = 1;
	assert_int_equal(measure(&guest, params)->faults, 0);
	params.pce = 0;
	params.cpl = 0;
	assert_int_equal(measure(&guest, params)->faults, 0);
	guest_destroy(&guest);
}

static void test_refused_commands(void **state)
{
	struct guest guest;

	(void)state;
	REQUIRE_KVM();
	boot(&guest, false);
	assert_int_equal(guest_call(&guest, NR_GUEST_COMMANDS, TIMEOUT_MS, &failure), -EINVAL);
	guest.page->params = (struct guest_params){ .insn = NR_GUEST_INSNS, .count = 1 };
	assert_int_equal(guest_call(&guest, GUEST_MEASURE, TIMEOUT_MS, &failure), -EINVAL);
	guest.page->params = (struct guest_params){ .cpl = 1, .count = 1 };
	assert_int_equal(guest_call(&guest, GUEST_MEASURE, TIMEOUT_MS, &failure), -EINVAL);
	guest.page->params = (struct guest_params){ .count = 0 };
	assert_int_equal(guest_call(&guest, GUEST_MEASURE, TIMEOUT_MS, &failure), -EINVAL);
	guest.page->params = (struct guest_params){ .sampled = 1, .count = GUEST_MAX_SAMPLES + 1 };
	assert_int_equal(guest_call(&guest, GUEST_MEASURE, TIMEOUT_MS, &failure), -EINVAL);
	/* ... and goes on. */
	measure(&guest, (struct guest_params){ .count = 1 });
	guest_destroy(&guest);
}

static void test_every_fault(void **state)
{
	/* A bad stack of CPL 3 does no harm to a handler at CPL 0: no double fault from there. */
	static const struct {
		uint32_t vector, cpl;
	} faults[] = {
		{ 0, 0 },  { 0, 3 },  { 6, 0 },  { 6, 3 },  { 8, 0 },
		{ 13, 0 }, { 13, 3 }, { 14, 0 }, { 14, 3 },
	};

	(void)state;
	REQUIRE_KVM();
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		char expected[64];
		struct guest guest;

		boot(&guest, false);
		guest.page->params =
			(struct guest_params){ .vector = faults[i].vector, .cpl = faults[i].cpl };
		assert_int_equal(guest_call(&guest, GUEST_RAISE, TIMEOUT_MS, &failure), -EFAULT);
		snprintf(expected, sizeof(expected), "unexpected exception %u,", faults[i].vector);
		if (!strstr(failure.text, expected))
			fail_msg("vector %u at CPL %u: %s", faults[i].vector, faults[i].cpl,
				 failure.text);
		assert_int_equal(guest.page->fault.cs & 3, faults[i].cpl);
		assert_in_range(guest.page->fault.rip, GUEST_LOAD_ADDRESS, GUEST_MEMORY_SIZE);
		assert_non_null(strstr(failure.text, "RIP 0x"));
		if (faults[i].vector == 14) {
			assert_int_equal(guest.page->fault.cr2, 0x40000000);
			assert_int_equal(guest.page->fault.error, faults[i].cpl ? 6 : 2);
		}
		guest_destroy(&guest);
	}
}

static void test_triple_fault(void **state)
{
	struct guest guest;

	(void)state;
	REQUIRE_KVM();
	boot(&guest, false);
	guest.page->params = (struct guest_params){ .vector = GUEST_RAISE_TRIPLE_FAULT };
	assert_int_equal(guest_call(&guest, GUEST_RAISE, TIMEOUT_MS, &failure), -EIO);
	assert_non_null(strstr(failure.text, "triple fault"));
	guest_destroy(&guest);
}

static void test_watchdog(void **state)
{
	struct guest guest;
	double start;

	(void)state;
	REQUIRE_KVM();
	boot(&guest, false);
	start = clock_seconds();
	assert_int_equal(guest_call(&guest, GUEST_HANG, 200, &failure), -ETIMEDOUT);
	assert_non_null(strstr(failure.text, "200 ms"));
	assert_non_null(strstr(failure.text, "RIP 0x"));
	/* Not before its time; how long after is the machine's affair. */
	assert_true(clock_seconds() - start >= 0.19);
	guest_destroy(&guest);
}

/*
 * A guest that leaves all the time never stays in KVM_RUN: the watchdog has to see it all the
 * same.
 */
static void test_watchdog_of_busy_exits(void **state)
{
	struct guest guest;

	(void)state;
	REQUIRE_KVM();
	boot(&guest, false);
	guest.page->params = (struct guest_params){ .insn = GUEST_INSN_PORT, .count = ~0ULL >> 1 };
	assert_int_equal(guest_call(&guest, GUEST_MEASURE, 200, &failure), -ETIMEDOUT);
	guest_destroy(&guest);
}

static void test_interrupt(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	REQUIRE_KVM();
	/* In a process of its own: what asked to end stays asked. */
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct guest guest;
		struct kvm own;
		struct guest_config config = { 0 };
		pid_t parent = getpid(), killer;
		int error;

		if (kvm_open(&own, "/dev/kvm", &failure) ||
		    guest_boot(&guest, &own, &config, &failure))
			_exit(1);
		killer = fork();
		if (!killer) {
			usleep(100000);
			kill(parent, SIGTERM);
			_exit(0);
		}
		error = guest_call(&guest, GUEST_HANG, TIMEOUT_MS, &failure);
		waitpid(killer, NULL, 0);
		_exit(error == -EINTR && interrupt_signal() == SIGTERM ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Two vCPUs of one VM: each has an image and results of its own, and outlives the other. */
static void run_beside(bool irqchip)
{
	struct setting_host host;
	struct guest_config config = { .irqchip = irqchip };
	struct guest_params faults = {
		.insn = GUEST_INSN_RDPMC, .ecx = NO_COUNTER, .cpl = 3, .pce = 1, .count = 7
	};
	struct guest_params nothing = { .insn = GUEST_INSN_EMPTY, .cpl = 3, .count = 5 };
	struct guest first, second;

	probe_setting_host("", &kvm, &host);
	config.pmu.vendor = host.kvm.vendor;
	if (guest_boot(&first, &kvm, &config, &failure))
		fail_msg("%s", failure.text);
	config.beside = &first.vm;
	config.index = 1;
	if (guest_boot(&second, &kvm, &config, &failure))
		fail_msg("%s", failure.text);
	assert_int_equal(measure(&second, faults)->faults, 7);
	assert_int_equal(measure(&first, nothing)->faults, 0);
	assert_int_equal(second.page->result.faults, 7);
	/* What one of them ran into is in its own page. */
	first.page->params = (struct guest_params){ .vector = 6 };
	assert_int_equal(guest_call(&first, GUEST_RAISE, TIMEOUT_MS, &failure), -EFAULT);
	assert_int_equal(second.page->fault.raised, 0);
	guest_destroy(&first);
	assert_int_equal(measure(&second, faults)->faults, 7);
	guest_destroy(&second);
}

static void test_beside(void **state)
{
	(void)state;
	REQUIRE_KVM();
	run_beside(false);
	run_beside(true);
}

static void test_beside_in_another_mode(void **state)
{
	struct cpu_state real = { .mode = CPU_REAL };
	struct vm_config config = { .memory_size = GUEST_MEMORY_SIZE };
	struct vm first, second;

	(void)state;
	REQUIRE_KVM();
	assert_int_equal(vm_create(&first, &kvm, &config, &failure), 0);
	config.beside = &first;
	config.index = 1;
	assert_int_equal(vm_create(&second, &kvm, &config, &failure), 0);
	assert_int_equal(state_set(&second, &real, &failure), -EINVAL);
	assert_non_null(strstr(failure.text, "begins at 0x200000"));
	vm_destroy(&second);
	vm_destroy(&first);
}

static int joined;

static void *hang(void *guest)
{
	joined = interrupt_join(&failure);
	if (!joined)
		joined = guest_call(guest, GUEST_HANG, 200, &failure);
	interrupt_leave();
	return NULL;
}

/* Of another thread, while the first has none running or one that has time. */
static void test_watchdog_of_a_thread(void **state)
{
	struct guest guest;
	pthread_t thread;

	(void)state;
	REQUIRE_KVM();
	boot(&guest, false);
	assert_int_equal(pthread_create(&thread, NULL, hang, &guest), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(joined, -ETIMEDOUT);
	assert_false(interrupt_expired());
	guest_destroy(&guest);
}

/* Program SLOTS and PERF_METRICS, read 0x20000000, decode the fractions: all through the guest. */
static void test_metrics_end_to_end(void **state)
{
	struct guest_params params = {
		.insn = GUEST_INSN_RDPMC,
		.cpl = 3,
		.pce = 1,
		.count = 1,
		.assist = 1,
	};
	uint64_t first, second;
	unsigned int sum = 0;
	struct setting_host host;
	struct guest guest;

	(void)state;
	REQUIRE_KVM();
	probe_setting_host("", &kvm, &host);
	boot(&guest, true);
	call(&guest, GUEST_PMU_DETECT);
	assert_int_equal(guest.page->pmu.vendor, CPU_VENDOR_INTEL);
	assert_int_equal(guest.page->pmu.version, guest.vpmu.shape.version);
	assert_int_equal(guest.page->pmu.nr_gp, guest.vpmu.shape.nr_gp);
	assert_int_equal(guest.page->pmu.nr_fixed, guest.vpmu.shape.nr_fixed);
	assert_int_equal(guest.page->pmu.perf_capabilities, guest.vpmu.shape.perf_capabilities);

	call(&guest, GUEST_PMU_PRESET);
	measure(&guest, params);
	if (!guest.assists && host.backend == KVM_BACKEND_SVM) {
		printf("# skipped: kvm_amd answers RDPMC of a guest without a PMU (before 6.9)\n");
		guest_destroy(&guest);
		skip();
	}
	for (uint32_t ecx = 0; ecx < 8; ecx++) {
		params.ecx = ecx;
		assert_int_equal(measure(&guest, params)->value, GUEST_PRESET_GP_WIDE(ecx));
	}
	assert_int_equal(guest.assists, 9);
	for (uint32_t i = 0; i < 4; i++) {
		params.ecx = 0x40000000 + i;
		assert_int_equal(measure(&guest, params)->value, GUEST_PRESET_FIXED(i));
	}
	params.ecx = 0x20000000;
	assert_int_equal(measure(&guest, params)->value, GUEST_PRESET_METRICS);
	assert_int_equal(guest.page->result.faults, 0);

	call(&guest, GUEST_PMU_START);
	params.ecx = 0x40000003;
	first = measure(&guest, params)->value;
	second = measure(&guest, params)->value;
	assert_true(second > first);
	params.ecx = 0x20000000;
	second = measure(&guest, params)->value;
	for (unsigned int byte = 0; byte < 4; byte++)
		sum += second >> 8 * byte & 0xff;
	assert_int_equal(sum, 0xff);
	assert_int_not_equal(second, GUEST_PRESET_METRICS);

	params.ecx = 0x20000001;
	assert_int_equal(measure(&guest, params)->faults, 1);
	params.ecx = NO_COUNTER;
	assert_int_equal(measure(&guest, params)->faults, 1);
	guest_destroy(&guest);
}

/* An MSR that the PMU does not have is #GP for the guest, and the guest says which. */
static void test_refused_msr(void **state)
{
	struct guest guest;

	(void)state;
	REQUIRE_KVM();
	boot(&guest, true);
	guest.vpmu.shape.nr_fixed = 3;
	guest.vpmu.shape.perf_capabilities = 0;
	assert_int_equal(guest_call(&guest, GUEST_PMU_START, TIMEOUT_MS, &failure), -EINVAL);
	assert_non_null(strstr(failure.text, "MSR 0x30c"));
	guest_destroy(&guest);
}

/* As many counters run as were asked for, and the guest can tell. */
static void test_running_counters(void **state)
{
	static const struct {
		enum guest_running running;
		uint64_t counting; /* of 8 GP and 4 fixed ones */
	} rows[] = {
		{ GUEST_RUNNING_ALL, 12 },
		{ GUEST_RUNNING_NONE, 0 },
		{ GUEST_RUNNING_READ, 3 + 4 },
		{ GUEST_RUNNING_ONE, 1 },
	};
	struct guest guest;

	(void)state;
	REQUIRE_KVM();
	boot(&guest, true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		guest.page->params.running = rows[i].running;
		call(&guest, GUEST_PMU_START);
		call(&guest, GUEST_PMU_COUNTS);
		assert_int_equal(guest.page->result.value, rows[i].counting);
	}
	assert_int_equal(guest.vpmu.global_ctrl, 1);
	assert_int_equal(guest.vpmu.fixed_ctrl, 0);
	assert_int_equal(guest.vpmu.eventsel[1], 0);
	guest.page->params.running = NR_GUEST_RUNNING;
	assert_int_equal(guest_call(&guest, GUEST_PMU_START, TIMEOUT_MS, &failure), -EINVAL);
	assert_non_null(strstr(failure.text, "refused"));
	call(&guest, GUEST_PMU_PRESET);
	call(&guest, GUEST_PMU_COUNTS);
	assert_int_equal(guest.page->result.value, 0);
	guest_destroy(&guest);
}

/*
 * KVM's own counters tell an exit from none: a port write is one, an empty loop at CPL 3 is none.
 */
static void test_exit_counters(void **state)
{
	static const struct {
		enum guest_insn insn;
		double min, max;
	} expected[] = {
		{ GUEST_INSN_EMPTY, 0, 0.1 },
		{ GUEST_INSN_PORT, 0.9, 1.9 },
	};
	struct guest guest;

	(void)state;
	REQUIRE_KVM();
	boot(&guest, false);
	for (size_t i = 0; i < 2; i++) {
		uint64_t before[NR_VCPU_STATS], after[NR_VCPU_STATS];
		double exits;

		assert_int_equal(vcpu_stats_read(&guest.stats, before, &failure), 0);
		measure(&guest,
			(struct guest_params){ .insn = expected[i].insn, .cpl = 3, .count = 2000 });
		assert_int_equal(vcpu_stats_read(&guest.stats, after, &failure), 0);
		exits = (double)(after[STAT_EXITS] - before[STAT_EXITS]) / 2000;
		if (exits < expected[i].min || exits > expected[i].max)
			fail_msg("instruction %d: %.3f exits a turn", expected[i].insn, exits);
	}
	guest_destroy(&guest);
}

static size_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void test_nothing_is_left_open(void **state)
{
	size_t before;

	(void)state;
	REQUIRE_KVM();
	before = count_fds();
	for (int i = 0; i < 50; i++) {
		struct guest guest;

		boot(&guest, i & 1);
		guest_destroy(&guest);
		guest_destroy(&guest); /* twice is once */
	}
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_errors),
		cmocka_unit_test(test_every_mode),
		cmocka_unit_test(test_no_such_state),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_privilege),
		cmocka_unit_test(test_refused_commands),
		cmocka_unit_test(test_every_fault),
		cmocka_unit_test(test_triple_fault),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_watchdog_of_busy_exits),
		cmocka_unit_test(test_interrupt),
		cmocka_unit_test(test_beside),
		cmocka_unit_test(test_beside_in_another_mode),
		cmocka_unit_test(test_watchdog_of_a_thread),
		cmocka_unit_test(test_metrics_end_to_end),
		cmocka_unit_test(test_refused_msr),
		cmocka_unit_test(test_running_counters),
		cmocka_unit_test(test_exit_counters),
		cmocka_unit_test(test_nothing_is_left_open),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
