// SPDX-License-Identifier: GPL-2.0-or-later
/* The guest's command loop: wait for a command, run it, say so. */
#include "guest/guest.h"

typedef uint64_t measured_loop(uint64_t count, uint64_t ecx);

extern measured_loop loop_empty, loop_rdtsc, loop_rdpmc, loop_cpuid, loop_port, loop_vmcall,
	loop_vmmcall;
extern uint64_t rdpmc_faults, rdpmc_value;

struct guest_page guest_page __attribute__((aligned(4096)));
uint64_t guest_samples[GUEST_MAX_SAMPLES] __attribute__((aligned(4096)));

static measured_loop *const loops[NR_GUEST_INSNS] = {
	[GUEST_INSN_EMPTY] = loop_empty,     [GUEST_INSN_RDTSC] = loop_rdtsc,
	[GUEST_INSN_RDPMC] = loop_rdpmc,     [GUEST_INSN_CPUID] = loop_cpuid,
	[GUEST_INSN_PORT] = loop_port,       [GUEST_INSN_VMCALL] = loop_vmcall,
	[GUEST_INSN_VMMCALL] = loop_vmmcall,
};

static uint64_t one_block(uint64_t count, uint64_t ecx)
{
	return loops[guest_page.params.insn](count, ecx);
}

static uint64_t many_samples(uint64_t count, uint64_t ecx)
{
	measured_loop *loop = loops[guest_page.params.insn];

	for (uint64_t i = 0; i < count; i++)
		guest_samples[i] = loop(1, ecx);
	return 0;
}

static uint32_t measure(const struct guest_params *params, struct guest_result *result)
{
	measured_loop *function = params->sampled ? many_samples : one_block;
	uint64_t cr4 = read_cr4();

	if (params->insn >= NR_GUEST_INSNS || !params->count ||
	    (params->cpl != 0 && params->cpl != 3) ||
	    (params->sampled && params->count > GUEST_MAX_SAMPLES))
		return GUEST_BAD_COMMAND;

	traps_expect_rdpmc_fault(params->assist);
	write_cr4(params->pce ? cr4 | CR4_PCE : cr4 & ~CR4_PCE);
	rdpmc_faults = 0;
	if (params->cpl == 3)
		result->ticks = call_at_cpl3(function, params->count, params->ecx);
	else
		result->ticks = function(params->count, params->ecx);
	result->faults = rdpmc_faults;
	result->value = rdpmc_value;
	return GUEST_OK;
}

/* Run into an exception on purpose, at the CPL asked for. */
static uint64_t raise(uint64_t vector, uint64_t unused)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt;

	(void)unused;
	switch (vector) {
	case 0:
		__asm__ volatile("xor %%edx, %%edx; div %%edx" : : "a"(1) : "edx");
		break;
	case 6:
		__asm__ volatile("ud2");
		break;
	case 8: /* an unusable stack: #PF, and #PF again while delivering it */
		__asm__ volatile("mov %0, %%rsp; push %%rax" : : "r"(0x40000000UL));
		break;
	case 13:
		__asm__ volatile("mov %0, %%rax; mov (%%rax), %%rax" : : "r"(1UL << 63) : "rax");
		break;
	case 14:
		*(volatile uint8_t *)0x40000000UL = 1;
		break;
	case GUEST_RAISE_TRIPLE_FAULT:
		__asm__ volatile("lidt %0; ud2" : : "m"(no_idt));
		break;
	default:
		break; /* nothing to raise: GUEST_OK */
	}
	return 0;
}

static uint32_t run_command(void)
{
	const struct guest_params *params = &guest_page.params;
	struct guest_result *result = &guest_page.result;

	switch (guest_page.command) {
	case GUEST_MEASURE:
		return measure(params, result);
	case GUEST_PMU_DETECT:
		pmu_detect(&guest_page.pmu);
		return GUEST_OK;
	case GUEST_PMU_PRESET:
		result->msr = pmu_preset();
		return result->msr ? GUEST_MSR_FAULT : GUEST_OK;
	case GUEST_PMU_START:
		if (params->running >= NR_GUEST_RUNNING)
			return GUEST_BAD_COMMAND;
		result->msr = pmu_start(params->running);
		return result->msr ? GUEST_MSR_FAULT : GUEST_OK;
	case GUEST_PMU_COUNTS:
		result->value = pmu_counting();
		return GUEST_OK;
	case GUEST_NESTED:
		return nested_run(params, &guest_page.nested);
	case GUEST_RAISE:
		if (params->cpl == 3)
			call_at_cpl3(raise, params->vector, 0);
		else
			raise(params->vector, 0);
		return GUEST_OK;
	case GUEST_HANG:
		for (;;)
			__asm__ volatile("pause");
	default:
		return GUEST_BAD_COMMAND;
	}
}

void guest_main(void);

void guest_main(void)
{
	traps_init();
	guest_page.magic = GUEST_MAGIC;
	guest_page.version = GUEST_PROTOCOL_VERSION;
	guest_page.booted = 1;
	for (;;) {
		port_write(GUEST_PORT_DONE);
		guest_page.result = (struct guest_result){ 0 };
		guest_page.result.status = run_command();
	}
}
