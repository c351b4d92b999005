// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * RDPMC by AMD's PMU: core counters. Data-fabric and L3 counters count for all guests at once and
 * are given to none.
 */
#include "emulator/pmu.h"

#define AMD64_NUM_COUNTERS       4
#define AMD64_NUM_COUNTERS_CORE  6
#define AMD64_COUNTER_WIDTH      48         /* AMD-WIDTH */
#define AMD64_PERFCTR_CORE       (1u << 23) /* CPUID 0x80000001:ECX */
#define AMD64_PERFCTR_NB         (1u << 24)
#define AMD64_PERFCTR_LLC        (1u << 28)
#define AMD64_PERFMON_V2         (1u << 0) /* CPUID 0x80000022:EAX */
#define AMD64_PERFMON_V2_NR_MASK 0xfu      /* CPUID 0x80000022:EBX */

/* SVM-PRIORITY: the fault of a bad ECX comes before the exit. */
static int amd_check_rdpmc_early(struct kvm_vcpu *vcpu, unsigned int idx)
{
	return !pmc_is_present(vcpu_to_pmu(vcpu)->cap.gp_cntr_mask, idx);
}

/* AMD-CORE, AMD-OTHER: ECX is the index and nothing else, bits 31:30 included. */
static int amd_emu_rdpmc(struct kvm_vcpu *vcpu, unsigned int idx, uint64_t *data)
{
	const struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);

	if (!pmc_is_present(pmu->cap.gp_cntr_mask, idx))
		return 1;

	*data = pmc_read_counter(&pmu->gp_counters[idx]) & pmu->cap.counter_bitmask[KVM_PMC_GP];
	return 0;
}

static void amd_pmu_refresh(struct x86_pmu_capability *cap, const struct kvm_cpuid_pmu *cpuid)
{
	unsigned int nr_counters = AMD64_NUM_COUNTERS;

	cap->version = 1;
	if (cpuid->ecx_80000001 & AMD64_PERFCTR_CORE)
		nr_counters = AMD64_NUM_COUNTERS_CORE;
	if (cpuid->eax_80000022 & AMD64_PERFMON_V2) {
		cap->version = 2;
		nr_counters = cpuid->ebx_80000022 & AMD64_PERFMON_V2_NR_MASK;
	}

	cap->gp_cntr_mask = pmu_low_bits(nr_counters);
	if (nr_counters)
		cap->counter_bitmask[KVM_PMC_GP] = pmu_low_bits(AMD64_COUNTER_WIDTH);
}

/* AMD-NB, AMD-L3 */
static bool amd_has_private_pmcs(const struct kvm_cpuid_pmu *host)
{
	return host->ecx_80000001 & (AMD64_PERFCTR_NB | AMD64_PERFCTR_LLC);
}

const struct kvm_pmu_ops amd_pmu_ops = {
	.emu_rdpmc = amd_emu_rdpmc,
	.check_rdpmc_early = amd_check_rdpmc_early,
	.refresh = amd_pmu_refresh,
	.has_private_pmcs = amd_has_private_pmcs,
};
