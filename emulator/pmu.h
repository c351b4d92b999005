/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual PMU as RDPMC sees it: the common entry, what the vendors implement, and the decision
 * whether RDPMC must be intercepted.
 */
#ifndef EMULATOR_PMU_H
#define EMULATOR_PMU_H

#include "emulator/kvm_host.h"

/*
 * The vendor's part, chosen by the guest's vendor. Functions that answer an RDPMC return 0, or 1
 * for #GP(0).
 */
struct kvm_pmu_ops {
	/* Decides everything about @idx, all of ECX, and reads the counter. */
	int (*emu_rdpmc)(struct kvm_vcpu *vcpu, unsigned int idx, uint64_t *data);

	/*
	 * The faults of a bad @idx that come before the exit, for the instruction emulator
	 * (SVM-PRIORITY). NULL if there are none (VMX-PRIORITY).
	 */
	int (*check_rdpmc_early)(struct kvm_vcpu *vcpu, unsigned int idx);

	/* @cap is all zero before. */
	void (*refresh)(struct x86_pmu_capability *cap, const struct kvm_cpuid_pmu *cpuid);

	/* Does RDPMC reach counters on this processor that refresh() gives to nobody? */
	bool (*has_private_pmcs)(const struct kvm_cpuid_pmu *host);
};

extern const struct kvm_pmu_ops intel_pmu_ops;
extern const struct kvm_pmu_ops amd_pmu_ops;

/*
 * To be called when vcpu->cpuid has changed. Counters, PERF_METRICS and the control registers keep
 * their values.
 */
void kvm_pmu_refresh(struct kvm_vcpu *vcpu);

/* To be called before a vCPU asks kvm_need_rdpmc_intercept(). */
void kvm_init_pmu_capability(struct kvm *kvm, const struct kvm_cpuid_pmu *host);

/* RDPMC without the registers: 0 and the value in @data, or 1 for #GP(0), @data untouched. */
int kvm_pmu_rdpmc(struct kvm_vcpu *vcpu, unsigned int idx, uint64_t *data);

/* The parts of it that the instruction emulator checks before it executes. */
bool is_vmware_backdoor_pmc(const struct kvm *kvm, unsigned int idx);
bool kvm_pmu_rdpmc_permitted(const struct kvm_vcpu *vcpu);
int kvm_pmu_check_rdpmc_early(struct kvm_vcpu *vcpu, unsigned int idx);

/*
 * Must RDPMC exit? False only if the processor by itself gives the guest's outcome for every ECX,
 * every privilege and every setting of the MSRs that the guest may make (PASS-SOUND).
 */
bool kvm_need_rdpmc_intercept(struct kvm_vcpu *vcpu);

/* The @nr lowest bits, for any @nr: all of them from 64 on. */
uint64_t pmu_low_bits(unsigned int nr);

static inline bool pmc_is_present(uint32_t cntr_mask, unsigned int idx)
{
	return idx < KVM_MAX_NR_PMCS && (cntr_mask & (1u << idx));
}

/* All 64 bits: how many of them are the guest's, emu_rdpmc() decides. */
static inline uint64_t pmc_read_counter(const struct kvm_pmc *pmc)
{
	return pmc->counter;
}

#endif
