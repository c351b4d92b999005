/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The little of KVM's types that RDPMC needs: what CPUID announces, the PMU, the vCPU, the VM. What
 * KVM keeps in module parameters and globals sits in struct kvm here, so that nothing is global.
 */
#ifndef EMULATOR_KVM_HOST_H
#define EMULATOR_KVM_HOST_H

#include <stdbool.h>
#include <stdint.h>

#define DB_VECTOR 1
#define UD_VECTOR 6
#define GP_VECTOR 13

#define X86_EFLAGS_TF (1U << 8)
#define DR6_BS        (1U << 14)

/* Of each kind. Every index below it is backed by storage, whatever CPUID announces. */
#define KVM_MAX_NR_PMCS 32

enum pmc_type {
	KVM_PMC_GP,
	KVM_PMC_FIXED,
	KVM_NR_PMC_TYPES,
};

enum kvm_pmu_vendor {
	KVM_PMU_INTEL,
	KVM_PMU_AMD,
};

/*
 * Raw announcements, of a guest or of a processor: CPUID registers by leaf (and subleaf), and
 * IA32_PERF_CAPABILITIES. What the other vendor defines is ignored. CPUID.0AH:EAX[7:0] = 0 is no
 * PMU to a guest of Intel's; on a processor it is a PMU without an architecture.
 */
struct kvm_cpuid_pmu {
	enum kvm_pmu_vendor vendor;
	bool no_pmu; /* no counter at all, whatever the rest says */
	uint32_t eax_0a;
	uint32_t ecx_0a;
	uint32_t edx_0a;
	uint32_t ebx_23_0;
	uint32_t eax_23_1;
	uint32_t ebx_23_1;
	uint32_t ecx_80000001;
	uint32_t eax_80000022;
	uint32_t ebx_80000022;
	uint64_t perf_capabilities;
};

/*
 * What the announcements mean to RDPMC. Normalised: what cannot be observed is 0 (the width of a
 * kind without counters, say), so that two PMUs read alike if the fields are equal.
 */
struct x86_pmu_capability {
	uint32_t gp_cntr_mask;    /* bit x: general-purpose counter x exists */
	uint32_t fixed_cntr_mask; /* bit x: fixed counter x exists */
	uint8_t version;          /* 0: no PMU, and then all else is 0 too */
	bool perf_metrics;        /* RDPMC type 0x2000 */
	bool metrics_clear;       /* IA32_FIXED_CTR_CTRL[14] exists */
	bool rdpmc_user_disable;  /* IA32_PERFEVTSELx[37], IA32_FIXED_CTR_CTRL[33 + 4x] exist */
	uint64_t counter_bitmask[KVM_NR_PMC_TYPES];
};

/* The processor's PMU, see kvm_init_pmu_capability(). */
struct kvm_host_pmu {
	enum kvm_pmu_vendor vendor;
	bool has_private_pmcs; /* RDPMC may reach counters that no guest is ever given */
	struct x86_pmu_capability cap;
};

struct kvm_pmc {
	uint64_t counter; /* may hold more bits than the guest's counter has */
};

struct kvm_pmu {
	struct x86_pmu_capability cap;
	uint32_t gp_user_disable; /* bit x: IA32_PERFEVTSELx[37] */
	uint64_t fixed_ctr_ctrl;
	uint64_t perf_metrics;
	struct kvm_pmc gp_counters[KVM_MAX_NR_PMCS];
	struct kvm_pmc fixed_counters[KVM_MAX_NR_PMCS];
};

struct kvm {
	bool enable_vmware_backdoor;
	bool enable_mediated_pmu;
	struct kvm_host_pmu host;

	/* The clocks behind the VMware pseudo counters, read by nobody but RDPMC. */
	uint64_t vmware_host_tsc;
	uint64_t vmware_real_time_ns;
	uint64_t vmware_apparent_time_ns;
};

struct kvm_queued_exception {
	bool pending;
	bool has_error_code;
	uint8_t vector;
	uint32_t error_code;
	uint32_t payload; /* of #DB: bits of DR6 */
};

/* What an exit touches comes first, the counters come last. */
struct kvm_vcpu {
	const struct kvm *kvm;
	struct {
		uint64_t rax;
		uint64_t rcx;
		uint64_t rdx;
		uint64_t rip;
	} regs;
	uint64_t rflags;
	uint64_t cr0;
	uint64_t cr4;
	struct kvm_queued_exception exception;
	uint32_t insn_len; /* of the instruction at RIP, with its prefixes: the exit's, or the decoder's */
	uint8_t cpl;    /* 3 in virtual-8086 mode */
	bool is_64_bit; /* in 64-bit mode: EFER.LMA and CS.L */

	struct kvm_cpuid_pmu cpuid;
	struct kvm_pmu pmu;
};

static inline struct kvm_pmu *vcpu_to_pmu(struct kvm_vcpu *vcpu)
{
	return &vcpu->pmu;
}

/*
 * The exit (VMX reason 15, SVM exit code 0x6f): RDPMC at RIP, of the length that the exit gives, is carried
 * out or #GP(0) is queued. Returns 1, which is KVM's "back into the guest".
 */
int kvm_emulate_rdpmc(struct kvm_vcpu *vcpu);

/* The end of every emulated RDPMC that did not fault; #DB is queued where the guest single-steps. */
void kvm_skip_emulated_instruction(struct kvm_vcpu *vcpu);
void kvm_write_edx_eax(struct kvm_vcpu *vcpu, uint64_t value);

void kvm_inject_gp(struct kvm_vcpu *vcpu, uint32_t error_code);
void kvm_queue_ud(struct kvm_vcpu *vcpu);

#endif
