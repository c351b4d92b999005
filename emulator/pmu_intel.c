// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * RDPMC by Intel's architectural PMU: general-purpose and fixed counters and PERF_METRICS.
 * Non-architectural PMUs are not virtualised.
 */
#include "emulator/pmu.h"

/* The type is a value, not flags: no bit of it means anything alone (NO-FAST, TYPE-OTHER). */
#define INTEL_RDPMC_TYPE_MASK  0xffff0000u
#define INTEL_RDPMC_INDEX_MASK 0x0000ffffu
#define INTEL_RDPMC_GP         0x00000000u
#define INTEL_RDPMC_METRICS    0x20000000u
#define INTEL_RDPMC_FIXED      0x40000000u

#define PERF_CAP_PERF_METRICS       (1ull << 15)
#define PERF_CAP_RDPMC_CLEAR        (1ull << 19)
#define ARCH_PERFMON_USER_DISABLE   (1u << 2)    /* CPUID.23H.00H:EBX */
#define INTEL_FIXED_3_METRICS_CLEAR (1ull << 14) /* IA32_FIXED_CTR_CTRL */

/* IA32_FIXED_CTR_CTRL ends with counter 7: those above cannot be closed to user mode. */
#define INTEL_NR_USER_DISABLE_FIXED  8
#define INTEL_FIXED_USER_DISABLE(x)  (1ull << (33 + 4 * (x)))
#define INTEL_USER_DISABLE_FIXED_MSK ((1u << INTEL_NR_USER_DISABLE_FIXED) - 1)

static bool intel_gp_user_disabled(const struct kvm_pmu *pmu, unsigned int idx)
{
	return pmu->gp_user_disable & (1u << idx);
}

static bool intel_fixed_user_disabled(const struct kvm_pmu *pmu, unsigned int idx)
{
	return idx < INTEL_NR_USER_DISABLE_FIXED &&
	       (pmu->fixed_ctr_ctrl & INTEL_FIXED_USER_DISABLE(idx));
}

static int intel_emu_rdpmc_metrics(struct kvm_pmu *pmu, unsigned int idx, uint64_t *data)
{
	/* TYPE-METRICS; what an index means is the implementation's: here only 0 (METRICS-INDEX) */
	if (!pmu->cap.perf_metrics || idx)
		return 1;

	*data = pmu->perf_metrics;

	/* METRICS-CLEAR: fixed counter 3, the slots, is the other half of the measurement. */
	if (pmu->cap.metrics_clear && (pmu->fixed_ctr_ctrl & INTEL_FIXED_3_METRICS_CLEAR)) {
		pmu->perf_metrics = 0;
		pmu->fixed_counters[3].counter = 0;
	}
	return 0;
}

static int intel_emu_rdpmc(struct kvm_vcpu *vcpu, unsigned int idx, uint64_t *data)
{
	const unsigned int x = idx & INTEL_RDPMC_INDEX_MASK;
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	const struct kvm_pmc *pmc;
	bool user_disabled;
	uint64_t bitmask;

	switch (idx & INTEL_RDPMC_TYPE_MASK) {
	case INTEL_RDPMC_GP: /* TYPE-GP */
		if (!pmc_is_present(pmu->cap.gp_cntr_mask, x))
			return 1;
		pmc = &pmu->gp_counters[x];
		bitmask = pmu->cap.counter_bitmask[KVM_PMC_GP];
		user_disabled = intel_gp_user_disabled(pmu, x);
		break;
	case INTEL_RDPMC_FIXED: /* TYPE-FIXED */
		if (!pmc_is_present(pmu->cap.fixed_cntr_mask, x))
			return 1;
		pmc = &pmu->fixed_counters[x];
		bitmask = pmu->cap.counter_bitmask[KVM_PMC_FIXED];
		user_disabled = intel_fixed_user_disabled(pmu, x);
		break;
	case INTEL_RDPMC_METRICS:
		return intel_emu_rdpmc_metrics(pmu, x, data);
	default:
		return 1;
	}

	/* USER-DISABLE goes by the CPL alone, unlike PRIV, and is no fault. */
	if (pmu->cap.rdpmc_user_disable && vcpu->cpl && user_disabled)
		*data = 0;
	else
		*data = pmc_read_counter(pmc) & bitmask;
	return 0;
}

/* The version says how many of the leaf's fields are defined. */
static uint32_t intel_fixed_cntr_mask(const struct kvm_cpuid_pmu *cpuid, unsigned int version)
{
	uint32_t mask = cpuid->ebx_23_1;

	if (version >= 2)
		mask |= pmu_low_bits(cpuid->edx_0a & 0x1f);
	if (version >= 5)
		mask |= cpuid->ecx_0a;
	return mask;
}

static void intel_pmu_refresh(struct x86_pmu_capability *cap, const struct kvm_cpuid_pmu *cpuid)
{
	cap->version = cpuid->eax_0a & 0xff;
	if (!cap->version)
		return;

	cap->gp_cntr_mask = pmu_low_bits((cpuid->eax_0a >> 8) & 0xff) | cpuid->eax_23_1;
	if (cap->gp_cntr_mask)
		cap->counter_bitmask[KVM_PMC_GP] = pmu_low_bits((cpuid->eax_0a >> 16) & 0xff);

	cap->fixed_cntr_mask = intel_fixed_cntr_mask(cpuid, cap->version);
	if (cap->fixed_cntr_mask)
		cap->counter_bitmask[KVM_PMC_FIXED] = pmu_low_bits((cpuid->edx_0a >> 5) & 0xff);

	cap->perf_metrics = cpuid->perf_capabilities & PERF_CAP_PERF_METRICS;
	cap->metrics_clear = cap->perf_metrics && (cpuid->perf_capabilities & PERF_CAP_RDPMC_CLEAR);
	/* Where nothing that can be closed reads other than 0, closing it is not to be seen. */
	cap->rdpmc_user_disable = (cpuid->ebx_23_0 & ARCH_PERFMON_USER_DISABLE) &&
				  (cap->counter_bitmask[KVM_PMC_GP] ||
				   (cap->counter_bitmask[KVM_PMC_FIXED] &&
				    (cap->fixed_cntr_mask & INTEL_USER_DISABLE_FIXED_MSK)));
}

/* OLD-INDEX: a PMU without an architecture has counters, but nothing says which. */
static bool intel_has_private_pmcs(const struct kvm_cpuid_pmu *host)
{
	return !(host->eax_0a & 0xff);
}

/* No check_rdpmc_early: the exit comes before the fault of a bad ECX (VMX-PRIORITY). */
const struct kvm_pmu_ops intel_pmu_ops = {
	.emu_rdpmc = intel_emu_rdpmc,
	.refresh = intel_pmu_refresh,
	.has_private_pmcs = intel_has_private_pmcs,
};
