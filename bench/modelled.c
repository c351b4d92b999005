// SPDX-License-Identifier: GPL-2.0-or-later
/* From host/pmu.h and guest/protocol.h to the model's types. Nothing here is a rule. */
#include "bench/modelled.h"

#include "guest/protocol.h"

#define AMD_CORES 4 /* without PerfCtrExtCore; what else there may be says so */

#define MAX_FIXED 31 /* CPUID.0AH:EDX[4:0] */
#define MAX_BITS  64

#define ANY_RIP      0x40100a
#define RFLAGS_FIXED 0x2

/* CPUID of an odd hypervisor may announce what no register of a PMU has room for. */
static uint8_t at_most(unsigned int max, unsigned int announced)
{
	return (uint8_t)(announced < max ? announced : max);
}

struct rdpmc_pmu modelled_pmu(const struct pmu_shape *shape)
{
	bool amd = shape->vendor == CPU_VENDOR_AMD;

	return (struct rdpmc_pmu){
		.vendor = amd ? RDPMC_AMD : RDPMC_INTEL,
		.version = (uint8_t)shape->version,
		.nr_gp = at_most(RDPMC_MAX_GP, shape->nr_gp),
		.gp_width = at_most(MAX_BITS, shape->gp_width),
		.nr_fixed = at_most(MAX_FIXED, shape->nr_fixed),
		.fixed_width = at_most(MAX_BITS, shape->fixed_width),
		.perf_capabilities = shape->perf_capabilities,
		.ext_core = amd && shape->nr_gp > AMD_CORES,
	};
}

/* A 64-bit guest before RDPMC. */
static struct rdpmc_state state_of(uint32_t ecx, unsigned int cpl, bool pce)
{
	return (struct rdpmc_state){
		.regs = { .rax = GUEST_UNTOUCHED,
			  .rcx = ecx,
			  .rdx = GUEST_UNTOUCHED,
			  .rip = ANY_RIP,
			  .rflags = RFLAGS_FIXED },
		.cr0 = RDPMC_CR0_PE,
		.cr4 = pce ? RDPMC_CR4_PCE : 0,
		.mode = MODE_64BIT,
		.cpl = (uint8_t)cpl,
	};
}

void modelled_presets(const struct pmu_shape *shape, struct rdpmc_counters *counters)
{
	bool wide =
		shape->vendor == CPU_VENDOR_AMD || shape->perf_capabilities & PERF_CAP_FW_WRITES;

	*counters = (struct rdpmc_counters){ .metrics = GUEST_PRESET_METRICS };
	for (unsigned int i = 0; i < RDPMC_MAX_GP; i++)
		counters->gp[i] = wide ? GUEST_PRESET_GP_WIDE(i) : GUEST_PRESET_GP(i);
	for (unsigned int i = 0; i < RDPMC_MAX_FIXED; i++)
		counters->fixed[i] = GUEST_PRESET_FIXED(i);
}

struct rdpmc_decision modelled_decision(const struct rdpmc_pmu *pmu, uint32_t ecx, unsigned int cpl,
					bool pce)
{
	static const struct rdpmc_counters nothing_disabled;
	static const struct rdpmc_policy policy;
	struct rdpmc_state state = state_of(ecx, cpl, pce);
	struct rdpmc_view view;

	rdpmc_view(pmu, &rdpmc_default_choices, &view);
	return rdpmc_decide(&view, &policy, &nothing_disabled, &state);
}
