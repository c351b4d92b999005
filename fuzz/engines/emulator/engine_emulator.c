// SPDX-License-Identifier: GPL-2.0-or-later
/* The engine "emulator": emulator/, in process. The border between its types and the model's. */
#include <stdlib.h>
#include <string.h>

#include "emulator/emulate.h"
#include "emulator/pmu.h"
#include "fuzz/engines/engine.h"

/* A defect of the mutant catalogue is the same engine by another name. */
#ifndef ENGINE_NAME
#define ENGINE_NAME "emulator"
#endif

/* What is set in bits of CPUID that mean something else, or nothing: nobody must care. */
#define NOISE 0xa5a5a5a5U

struct engine_vcpu {
	struct kvm kvm;
	struct kvm_vcpu vcpu;
};

static struct engine_vcpu *emulator_create(const char **why)
{
	*why = "out of memory";
	return calloc(1, sizeof(struct engine_vcpu));
}

static void emulator_destroy(struct engine_vcpu *vcpu)
{
	free(vcpu);
}

/* KVM gives guests neither PMUs that are not architectural nor AMD's shared counters. */
static bool emulator_clamp(struct engine_vcpu *engine, struct rdpmc_pmu *guest,
			   struct rdpmc_pmu *host, struct rdpmc_policy *policy)
{
	bool shared = guest->vendor == RDPMC_AMD && (guest->ext_nb || guest->ext_l3);
	bool old = guest->vendor == RDPMC_INTEL && !guest->version && guest->old_counters;

	(void)engine;
	(void)host;
	(void)policy;
	if (shared)
		guest->ext_nb = guest->ext_l3 = false;
	if (old)
		guest->old_counters = 0;
	return shared || old;
}

static void to_cpuid(const struct rdpmc_pmu *pmu, struct kvm_cpuid_pmu *cpuid)
{
	cpuid->perf_capabilities = pmu->no_pdcm ? 0 : pmu->perf_capabilities;
	if (pmu->vendor == RDPMC_AMD) {
		cpuid->vendor = KVM_PMU_AMD;
		cpuid->no_pmu = !pmu->version;
		cpuid->ecx_80000001 = (NOISE & ~0x11800000U) | (uint32_t)pmu->ext_core << 23 |
				      (uint32_t)pmu->ext_nb << 24 | (uint32_t)pmu->ext_l3 << 28;
		cpuid->eax_80000022 = (NOISE & ~1U) | (pmu->version == 2);
		cpuid->ebx_80000022 = (NOISE & ~0xfc0fU) | pmu->nr_gp | (uint32_t)pmu->nr_nb << 10;
		cpuid->eax_0a = cpuid->ecx_0a = cpuid->edx_0a = NOISE;
		cpuid->ebx_23_0 = cpuid->eax_23_1 = cpuid->ebx_23_1 = ~NOISE;
		return;
	}
	cpuid->vendor = KVM_PMU_INTEL;
	cpuid->no_pmu = !pmu->version && !pmu->old_counters;
	cpuid->eax_0a = (NOISE & 0xff000000U) | (uint32_t)pmu->gp_width << 16 |
			(uint32_t)pmu->nr_gp << 8 | pmu->version;
	cpuid->ecx_0a = pmu->fixed_bitmap;
	cpuid->edx_0a = (NOISE & ~0x1fffU) | (uint32_t)pmu->fixed_width << 5 | pmu->nr_fixed;
	cpuid->ebx_23_0 = (~NOISE & ~4U) | (uint32_t)pmu->user_disable << 2;
	cpuid->eax_23_1 = pmu->leaf23_gp;
	cpuid->ebx_23_1 = pmu->leaf23_fixed;
	cpuid->ecx_80000001 = cpuid->eax_80000022 = cpuid->ebx_80000022 = NOISE;
}

static void emulator_begin(struct engine_vcpu *engine, const struct rdpmc_pmu *guest,
			   const struct rdpmc_pmu *host, const struct rdpmc_policy *policy)
{
	struct kvm_vcpu *vcpu = &engine->vcpu;
	struct kvm_cpuid_pmu processor = { 0 };

	/* Nothing of the case before is left, not even where nobody should look. */
	memset(engine, 0, sizeof(*engine));
	to_cpuid(host, &processor);
	engine->kvm.enable_vmware_backdoor = policy->vmware_backdoor;
	engine->kvm.enable_mediated_pmu = policy->mediated_pmu;
	kvm_init_pmu_capability(&engine->kvm, &processor);

	vcpu->kvm = &engine->kvm;
	to_cpuid(guest, &vcpu->cpuid);
	kvm_pmu_refresh(vcpu);
}

static void emulator_load(struct engine_vcpu *engine, const struct rdpmc_counters *counters,
			  unsigned int n_gp, unsigned int n_fixed)
{
	struct kvm_pmu *pmu = &engine->vcpu.pmu;

	for (unsigned int x = 0; x < n_gp; x++)
		pmu->gp_counters[x].counter = counters->gp[x];
	for (unsigned int x = 0; x < n_fixed; x++)
		pmu->fixed_counters[x].counter = counters->fixed[x];
	pmu->perf_metrics = counters->metrics;
	pmu->fixed_ctr_ctrl = counters->fixed_ctr_ctrl;
	pmu->gp_user_disable = counters->gp_user_disable;
	engine->kvm.vmware_host_tsc = counters->vmware[0];
	engine->kvm.vmware_real_time_ns = counters->vmware[1];
	engine->kvm.vmware_apparent_time_ns = counters->vmware[2];
}

static void emulator_write(struct engine_vcpu *engine, const struct case_step *step)
{
	struct kvm_pmu *pmu = &engine->vcpu.pmu;

	switch (step->op) {
	case STEP_GP:
		pmu->gp_counters[step->arg].counter = step->value;
		break;
	case STEP_FIXED:
		pmu->fixed_counters[step->arg].counter = step->value;
		break;
	case STEP_METRICS:
		pmu->perf_metrics = step->value;
		break;
	case STEP_FIXED_CTRL:
		pmu->fixed_ctr_ctrl = step->value;
		break;
	default: /* STEP_USER_DISABLE */
		pmu->gp_user_disable = (uint32_t)step->value;
	}
}

static void set_state(struct kvm_vcpu *vcpu, const struct rdpmc_state *state)
{
	vcpu->regs.rax = state->regs.rax;
	vcpu->regs.rcx = state->regs.rcx;
	vcpu->regs.rdx = state->regs.rdx;
	vcpu->regs.rip = state->regs.rip;
	vcpu->rflags = state->regs.rflags;
	vcpu->cr0 = state->cr0;
	vcpu->cr4 = state->cr4;
	vcpu->insn_len = rdpmc_length(state) + state->lock;
	vcpu->cpl = state->cpl;
	vcpu->is_64_bit = state->mode == MODE_64BIT;
	vcpu->exception = (struct kvm_queued_exception){ 0 };
}

static bool is_single_step(const struct kvm_queued_exception *exception)
{
	return exception->pending && exception->vector == DB_VECTOR &&
	       !exception->has_error_code && exception->payload == DR6_BS;
}

static uint8_t answer_of(const struct kvm_vcpu *vcpu)
{
	const struct kvm_queued_exception *exception = &vcpu->exception;

	if (!exception->pending || is_single_step(exception))
		return ANSWER_VALUE;
	if (exception->vector == GP_VECTOR &&
	    (exception->has_error_code || !(vcpu->cr0 & RDPMC_CR0_PE)))
		return ANSWER_GP;
	if (exception->vector == UD_VECTOR && !exception->has_error_code)
		return ANSWER_UD;
	return ANSWER_STRANGE;
}

static void emulator_read(struct engine_vcpu *engine, enum entry entry,
			  const struct rdpmc_state *state, struct engine_answer *answer)
{
	struct kvm_vcpu *vcpu = &engine->vcpu;

	set_state(vcpu, state);
	if (entry == ENTRY_EXIT)
		kvm_emulate_rdpmc(vcpu);
	else
		x86_emulate_rdpmc(vcpu, state->lock);
	answer->answer = answer_of(vcpu);
	answer->other_state = vcpu->cr0 != state->cr0 || vcpu->cr4 != state->cr4 ||
			      vcpu->cpl != state->cpl ||
			      vcpu->is_64_bit != (state->mode == MODE_64BIT);
	answer->single_step = is_single_step(&vcpu->exception);
	answer->error_code = answer->answer == ANSWER_VALUE ? 0 : vcpu->exception.error_code;
	answer->regs = (struct rdpmc_regs){
		.rax = vcpu->regs.rax,
		.rcx = vcpu->regs.rcx,
		.rdx = vcpu->regs.rdx,
		.rip = vcpu->regs.rip,
		.rflags = vcpu->rflags,
	};
}

static bool emulator_holds(const struct engine_vcpu *engine, const struct rdpmc_counters *expected,
			   unsigned int n_gp, unsigned int n_fixed)
{
	const struct kvm_pmu *pmu = &engine->vcpu.pmu;

	uint64_t differ = 0;

	for (unsigned int x = 0; x < n_gp; x++)
		differ |= pmu->gp_counters[x].counter ^ expected->gp[x];
	for (unsigned int x = 0; x < n_fixed; x++)
		differ |= pmu->fixed_counters[x].counter ^ expected->fixed[x];
	return !differ && pmu->perf_metrics == expected->metrics &&
	       pmu->fixed_ctr_ctrl == expected->fixed_ctr_ctrl &&
	       pmu->gp_user_disable == expected->gp_user_disable;
}

static void emulator_counters(const struct engine_vcpu *engine, struct rdpmc_counters *counters,
			      unsigned int n_gp, unsigned int n_fixed)
{
	const struct kvm_pmu *pmu = &engine->vcpu.pmu;

	for (unsigned int x = 0; x < n_gp; x++)
		counters->gp[x] = pmu->gp_counters[x].counter;
	for (unsigned int x = 0; x < n_fixed; x++)
		counters->fixed[x] = pmu->fixed_counters[x].counter;
	counters->metrics = pmu->perf_metrics;
	counters->fixed_ctr_ctrl = pmu->fixed_ctr_ctrl;
	counters->gp_user_disable = pmu->gp_user_disable;
}

static enum intercept emulator_intercepts(struct engine_vcpu *engine)
{
	return kvm_need_rdpmc_intercept(&engine->vcpu) ? INTERCEPT_ON : INTERCEPT_OFF;
}

__attribute__((visibility("default"))) const struct engine engine_emulator = {
	.abi = ENGINE_ABI,
	.name = ENGINE_NAME,
	.what = "emulator/, the design of the KVM list's review, in process",
	.entries = 1U << ENTRY_EXIT | 1U << ENTRY_EMULATOR,
	.create = emulator_create,
	.destroy = emulator_destroy,
	.clamp = emulator_clamp,
	.begin = emulator_begin,
	.load = emulator_load,
	.write = emulator_write,
	.read = emulator_read,
	.holds = emulator_holds,
	.counters = emulator_counters,
	.intercepts = emulator_intercepts,
};
