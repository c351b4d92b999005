// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters by their MSRs: SDM vol. 4; APM vol. 2, "Performance monitoring counters". */
#include "host/counters.h"

#include "guest/pmu_msrs.h"

#define AMD_LEGACY 4 /* counters whose MSRs are C001_0004H on; with PerfCtrExtCore C001_0201H on */

/* 0: there is no such counter. */
static uint32_t msr_of(const struct pmu_shape *pmu, enum counter_kind kind, unsigned int index)
{
	const bool intel = pmu->vendor == CPU_VENDOR_INTEL;

	switch (kind) {
	case COUNTER_GP:
		if (index >= pmu->nr_gp)
			return 0;
		if (intel)
			return (pmu->perf_capabilities & PERF_CAP_FW_WRITES ? MSR_FULL_WIDTH_PMC0
									    : MSR_PMC0) +
			       index;
		return pmu->nr_gp > AMD_LEGACY ? MSR_AMD_CTR0 + 2 * index : MSR_K7_PERFCTR0 + index;
	case COUNTER_FIXED:
		return intel && index < pmu->nr_fixed ? MSR_FIXED_CTR0 + index : 0;
	default:
		return intel && pmu_has_metrics(pmu) ? MSR_PERF_METRICS : 0;
	}
}

static uint64_t mask_of(const struct pmu_shape *pmu, enum counter_kind kind)
{
	const unsigned int width = kind == COUNTER_GP      ? pmu->gp_width
				   : kind == COUNTER_FIXED ? pmu->fixed_width
							   : 64;

	return width < 64 ? (1ULL << width) - 1 : ~0ULL;
}

bool counter_set(const struct vm *vm, const struct pmu_shape *pmu, enum counter_kind kind,
		 unsigned int index, uint64_t value)
{
	const uint32_t msr = msr_of(pmu, kind, index);

	return msr && vm_set_msr(vm, msr, value & mask_of(pmu, kind));
}

bool counter_get(const struct vm *vm, const struct pmu_shape *pmu, enum counter_kind kind,
		 unsigned int index, uint64_t *value)
{
	const uint32_t msr = msr_of(pmu, kind, index);

	if (!msr || !vm_get_msr(vm, msr, value))
		return false;
	*value &= mask_of(pmu, kind);
	return true;
}

bool counter_holds(const struct vm *vm, const struct pmu_shape *pmu, enum counter_kind kind,
		   unsigned int index, uint64_t value)
{
	uint64_t held;

	return !counter_get(vm, pmu, kind, index, &held) || held == (value & mask_of(pmu, kind));
}
