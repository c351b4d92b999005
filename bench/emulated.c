// SPDX-License-Identifier: GPL-2.0-or-later
/* The measured loop around emulator/'s entries. */
#include "bench/emulated.h"

#include <stdlib.h>
#include <string.h>

#include "bench/modelled.h"
#include "bench/tsc.h"
#include "emulator/emulate.h"
#include "emulator/pmu.h"

struct emulated {
	struct kvm kvm;
	struct kvm_vcpu intel, amd;
	uint64_t samples[GUEST_MAX_SAMPLES];
};

/*
 * What the loop calls. Each is one jump from the code that it stands for, so that the jump leaves
 * with the empty loop.
 */
typedef int entry_fn(struct kvm_vcpu *vcpu, bool lock_prefix);

static __attribute__((noinline)) int nothing(struct kvm_vcpu *vcpu)
{
	int result = 1;

	/* What it returns must not be known, or it is no jump any more. */
	__asm__ volatile("" : "+r"(result) : "r"(vcpu) : "memory");
	return result;
}

static int enter_nothing(struct kvm_vcpu *vcpu, bool lock_prefix)
{
	(void)lock_prefix;
	return nothing(vcpu);
}

static int enter_exit(struct kvm_vcpu *vcpu, bool lock_prefix)
{
	(void)lock_prefix;
	return kvm_emulate_rdpmc(vcpu);
}

static int enter_emulator(struct kvm_vcpu *vcpu, bool lock_prefix)
{
	return x86_emulate_rdpmc(vcpu, lock_prefix);
}

static entry_fn *entry_of(const struct row *row)
{
	switch (row->entry) {
	case ENTRY_EXIT:
		return enter_exit;
	case ENTRY_EMULATOR:
		return enter_emulator;
	default:
		return enter_nothing;
	}
}

static void announce(const struct pmu_shape *shape, struct kvm_cpuid_pmu *cpuid)
{
	*cpuid = (struct kvm_cpuid_pmu){ .perf_capabilities = shape->perf_capabilities };
	if (shape->vendor == CPU_VENDOR_AMD) {
		cpuid->vendor = KVM_PMU_AMD;
		cpuid->eax_80000022 = 1; /* PerfMonV2 */
		cpuid->ebx_80000022 = shape->nr_gp;
		return;
	}
	cpuid->vendor = KVM_PMU_INTEL;
	cpuid->eax_0a = shape->version | shape->nr_gp << 8 | shape->gp_width << 16;
	cpuid->edx_0a = shape->nr_fixed | shape->fixed_width << 5;
}

static void make_vcpu(struct emulated *emulated, struct kvm_vcpu *vcpu,
		      const struct pmu_shape *shape)
{
	struct kvm_pmu *pmu = &vcpu->pmu;
	struct rdpmc_counters presets;

	vcpu->kvm = &emulated->kvm;
	announce(shape, &vcpu->cpuid);
	kvm_pmu_refresh(vcpu);
	modelled_presets(shape, &presets);
	for (unsigned int i = 0; i < KVM_MAX_NR_PMCS; i++) {
		pmu->gp_counters[i].counter = presets.gp[i];
		pmu->fixed_counters[i].counter = presets.fixed[i];
	}
	pmu->perf_metrics = presets.metrics;
	emulated->kvm.vmware_host_tsc = presets.vmware[0];
}

struct emulated *emulated_create(void)
{
	struct emulated *emulated = calloc(1, sizeof(*emulated));

	if (!emulated)
		return NULL;
	make_vcpu(emulated, &emulated->intel, cases_ideal_pmu(CPU_VENDOR_INTEL));
	make_vcpu(emulated, &emulated->amd, cases_ideal_pmu(CPU_VENDOR_AMD));
	return emulated;
}

void emulated_destroy(struct emulated *emulated)
{
	free(emulated);
}

/* The row's vCPU, in the row's state. */
static struct kvm_vcpu *prepare(struct emulated *emulated, const struct row *row,
				struct rdpmc_regs *regs)
{
	struct rdpmc_state state = modelled_state(row->ecx, row->cpl, row->pce);
	struct kvm_vcpu *vcpu =
		counter_vendor(row->counter) == CPU_VENDOR_AMD ? &emulated->amd : &emulated->intel;

	emulated->kvm.enable_vmware_backdoor = counter_backdoor(row->counter);
	vcpu->rflags = state.regs.rflags;
	vcpu->cr0 = state.cr0;
	vcpu->cr4 = state.cr4;
	vcpu->cpl = state.cpl;
	vcpu->is_64_bit = true;
	*regs = state.regs;
	return vcpu;
}

/* As an exit leaves a vCPU: the guest's registers, a store for each, and no exception. */
static inline void set_regs(volatile struct kvm_vcpu *vcpu, const struct rdpmc_regs *regs)
{
	vcpu->regs.rax = regs->rax;
	vcpu->regs.rcx = regs->rcx;
	vcpu->regs.rdx = regs->rdx;
	vcpu->regs.rip = regs->rip;
	vcpu->exception.pending = false;
}

static inline uint64_t edx_eax(const struct kvm_vcpu *vcpu)
{
	return vcpu->regs.rdx << 32 | (uint32_t)vcpu->regs.rax;
}

/*
 * One loop for all rows, so that the empty one is the same code. The compiler shall know neither
 * what it calls nor what that reads and leaves: no call is inlined, hoisted or dropped. Returns how
 * many calls faulted.
 */
static __attribute__((noinline)) uint64_t loop(struct kvm_vcpu *vcpu, entry_fn *entry,
					       struct rdpmc_regs regs, uint64_t count)
{
	uint64_t faults = 0;

	while (count--) {
		set_regs(vcpu, &regs);
		__asm__ volatile("" : "+r"(entry), "+r"(vcpu) : : "memory");
		entry(vcpu, false);
		__asm__ volatile("" : : : "memory");
		faults += vcpu->exception.pending;
	}
	return faults;
}

void emulated_measure(struct emulated *emulated, const struct row *row, uint64_t count,
		      bool sampled, uint64_t *ticks, uint64_t *faults, uint64_t *value)
{
	entry_fn *entry = entry_of(row);
	struct rdpmc_regs regs;
	struct kvm_vcpu *vcpu = prepare(emulated, row, &regs);
	uint64_t start;

	*ticks = *faults = 0;
	if (!sampled) {
		start = fenced_tsc();
		*faults = loop(vcpu, entry, regs, count);
		*ticks = fenced_tsc() - start;
	}
	for (uint64_t i = 0; sampled && i < count; i++) {
		start = fenced_tsc();
		*faults += loop(vcpu, entry, regs, 1);
		emulated->samples[i] = fenced_tsc() - start;
	}
	*value = edx_eax(vcpu);
}

const uint64_t *emulated_samples(const struct emulated *emulated)
{
	return emulated->samples;
}

void emulated_execute(struct emulated *emulated, const struct row *row,
		      struct emulated_answer *answer)
{
	struct rdpmc_regs regs;
	struct kvm_vcpu *vcpu = prepare(emulated, row, &regs);
	bool pending;

	set_regs(vcpu, &regs);
	entry_of(row)(vcpu, false);
	pending = vcpu->exception.pending;
	*answer = (struct emulated_answer){
		.answer = !pending                              ? ANSWER_VALUE
			  : vcpu->exception.vector == GP_VECTOR ? ANSWER_GP
								: ANSWER_UD,
		.error_code = pending ? vcpu->exception.error_code : 0,
		.regs = { .rax = vcpu->regs.rax,
			  .rcx = vcpu->regs.rcx,
			  .rdx = vcpu->regs.rdx,
			  .rip = vcpu->regs.rip,
			  .rflags = vcpu->rflags },
	};
}
