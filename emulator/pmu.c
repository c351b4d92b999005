// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What RDPMC has in common for all vendors: privilege, the VMware pseudo counters, the way to the
 * vendor's code, and whether the processor may be left to answer by itself.
 */
#include "emulator/pmu.h"

#define X86_CR0_PE  (1ull << 0)
#define X86_CR4_PCE (1ull << 8)

#define VMWARE_BACKDOOR_PMC_HOST_TSC      0x10000
#define VMWARE_BACKDOOR_PMC_REAL_TIME     0x10001
#define VMWARE_BACKDOOR_PMC_APPARENT_TIME 0x10002

/* A choice between two constants, which a compiler that sees both can turn into direct calls. */
#define kvm_pmu_call(vendor, op, ...)                                                              \
	((vendor) == KVM_PMU_AMD ? amd_pmu_ops.op(__VA_ARGS__) : intel_pmu_ops.op(__VA_ARGS__))

uint64_t pmu_low_bits(unsigned int nr)
{
	return nr < 64 ? (1ull << nr) - 1 : ~0ull;
}

static void kvm_pmu_cap_refresh(struct x86_pmu_capability *cap, const struct kvm_cpuid_pmu *cpuid)
{
	*cap = (struct x86_pmu_capability){ 0 };
	if (!cpuid->no_pmu)
		kvm_pmu_call(cpuid->vendor, refresh, cap, cpuid);
}

void kvm_pmu_refresh(struct kvm_vcpu *vcpu)
{
	kvm_pmu_cap_refresh(&vcpu_to_pmu(vcpu)->cap, &vcpu->cpuid);
}

void kvm_init_pmu_capability(struct kvm *kvm, const struct kvm_cpuid_pmu *host)
{
	kvm->host.vendor = host->vendor;
	kvm->host.has_private_pmcs =
		!host->no_pmu && kvm_pmu_call(host->vendor, has_private_pmcs, host);
	kvm_pmu_cap_refresh(&kvm->host.cap, host);
}

/* VMWARE-PMC: without the backdoor these are indices like any other. */
bool is_vmware_backdoor_pmc(const struct kvm *kvm, unsigned int idx)
{
	return kvm->enable_vmware_backdoor && idx >= VMWARE_BACKDOOR_PMC_HOST_TSC &&
	       idx <= VMWARE_BACKDOOR_PMC_APPARENT_TIME;
}

static uint64_t kvm_pmu_rdpmc_vmware(const struct kvm *kvm, unsigned int idx)
{
	switch (idx) {
	case VMWARE_BACKDOOR_PMC_HOST_TSC:
		return kvm->vmware_host_tsc;
	case VMWARE_BACKDOOR_PMC_REAL_TIME:
		return kvm->vmware_real_time_ns;
	default: /* VMWARE_BACKDOOR_PMC_APPARENT_TIME */
		return kvm->vmware_apparent_time_ns;
	}
}

/* PRIV. Real-address mode is asked for by CR0.PE alone: a CPL is not to be relied on there. */
bool kvm_pmu_rdpmc_permitted(const struct kvm_vcpu *vcpu)
{
	return (vcpu->cr4 & X86_CR4_PCE) || !vcpu->cpl || !(vcpu->cr0 & X86_CR0_PE);
}

int kvm_pmu_check_rdpmc_early(struct kvm_vcpu *vcpu, unsigned int idx)
{
	const struct kvm_pmu_ops *ops =
		vcpu->cpuid.vendor == KVM_PMU_AMD ? &amd_pmu_ops : &intel_pmu_ops;

	return ops->check_rdpmc_early ? ops->check_rdpmc_early(vcpu, idx) : 0;
}

int kvm_pmu_rdpmc(struct kvm_vcpu *vcpu, unsigned int idx, uint64_t *data)
{
	/* They are the hypervisor's, not the PMU's: no PMU and no privilege needed (VMWARE-PMC). */
	if (is_vmware_backdoor_pmc(vcpu->kvm, idx)) {
		*data = kvm_pmu_rdpmc_vmware(vcpu->kvm, idx);
		return 0;
	}

	if (!vcpu_to_pmu(vcpu)->cap.version)
		return 1;

	if (!kvm_pmu_rdpmc_permitted(vcpu))
		return 1;

	return kvm_pmu_call(vcpu->cpuid.vendor, emu_rdpmc, vcpu, idx, data);
}

/* Masks and not numbers: announced by bitmap, the same number can be different counters. */
static bool kvm_need_any_pmc_intercept(struct kvm_vcpu *vcpu)
{
	const struct x86_pmu_capability *guest = &vcpu_to_pmu(vcpu)->cap;
	const struct kvm_host_pmu *host = &vcpu->kvm->host;

	return host->has_private_pmcs || guest->gp_cntr_mask != host->cap.gp_cntr_mask ||
	       guest->fixed_cntr_mask != host->cap.fixed_cntr_mask;
}

/*
 * A mode that only the processor has needs no exit, here and below: the bit that enables it is
 * reserved for the guest and stays 0.
 */
static bool kvm_need_perf_metrics_intercept(struct kvm_vcpu *vcpu)
{
	const struct x86_pmu_capability *guest = &vcpu_to_pmu(vcpu)->cap;
	const struct x86_pmu_capability *host = &vcpu->kvm->host.cap;

	return guest->perf_metrics != host->perf_metrics ||
	       (guest->metrics_clear && !host->metrics_clear);
}

static bool kvm_need_user_disable_intercept(struct kvm_vcpu *vcpu)
{
	return vcpu_to_pmu(vcpu)->cap.rdpmc_user_disable && !vcpu->kvm->host.cap.rdpmc_user_disable;
}

bool kvm_need_rdpmc_intercept(struct kvm_vcpu *vcpu)
{
	const uint64_t *guest = vcpu_to_pmu(vcpu)->cap.counter_bitmask;
	const uint64_t *host = vcpu->kvm->host.cap.counter_bitmask;

	/* The counters hold the guest's values only where the PMU is mediated. */
	if (!vcpu->kvm->enable_mediated_pmu)
		return true;

	if (vcpu->kvm->enable_vmware_backdoor)
		return true;

	if (vcpu->cpuid.vendor != vcpu->kvm->host.vendor)
		return true;

	return kvm_need_any_pmc_intercept(vcpu) || kvm_need_perf_metrics_intercept(vcpu) ||
	       kvm_need_user_disable_intercept(vcpu) || guest[KVM_PMC_GP] != host[KVM_PMC_GP] ||
	       guest[KVM_PMC_FIXED] != host[KVM_PMC_FIXED];
}
