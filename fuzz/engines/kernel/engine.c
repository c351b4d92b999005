// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine "kernel:NAME": a tree's own KVM code, in process. The border between the model's types
 * and the glue's. Built into a shared object by scripts/kernel-engine.
 */
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/case/cpuid.h"
#include "fuzz/engines/engine.h"
#include "fuzz/engines/kernel/glue.h"
#include "fuzz/engines/kernel/trouble.h"
#include "kernel-features.h" /* made by the build */

struct engine_vcpu {
	struct glue *glue;
	struct rdpmc_counters kept; /* what the kernel has no place for */
	bool strangers;             /* guest and host are of different vendors */
	bool begun;                 /* the kernel's code set the guest up, and came back */
};

/*
 * IA32_PERF_CAPABILITIES that the tree does not know cannot be written by anybody, nor one that the
 * host has not (x86.c, kvm_set_msr_common()). Metrics Clear Mode and user disable are for a tree to
 * come: the glue does not give it their control bits.
 */
static uint64_t capabilities_refused = RDPMC_CAP_METRICS_CLEAR;

/* The tree has PERF_METRICS, but not where the glue knows it to be: what is read is not what a case says. */
static bool metrics_elsewhere;
/* The tree's refresh of the PMU resets counters, but not PERF_METRICS. */
static bool metrics_outlive;
/* Whether the host has them may decide whether RDPMC is intercepted. */
static bool intercepts_by_metrics;
#define METRICS_ECX 0x20000000

static void kernel_destroy(struct engine_vcpu *vcpu)
{
	glue_destroy(vcpu->glue);
	free(vcpu);
}

static bool kernel_clamp(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest, struct rdpmc_pmu *host,
			 struct rdpmc_policy *policy)
{
	const uint64_t metrics = RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR;
	uint64_t taken = guest->perf_capabilities & metrics &
			 (capabilities_refused | ~host->perf_capabilities);
	bool refused = taken || guest->user_disable;

	(void)vcpu;
	(void)policy;
	guest->perf_capabilities &= ~taken;
	guest->user_disable = false;
	return refused;
}

/*
 * Bits 0 to 10 of CR4, VME to OSXMMEXCPT, are every guest's (SDM vol. 3, 2.5). The others belong to features, and a tree
 * that runs a feature's code for a guest that has not got it, and so cannot have set the bit, is not at fault.
 */
#define CR4_WITHOUT_FEATURES 0x7ffU

static bool kernel_adapt(struct engine_vcpu *vcpu, struct rdpmc_state *state)
{
	const bool other = state->cr4 & ~(uint64_t)CR4_WITHOUT_FEATURES;

	(void)vcpu;
	state->cr4 &= CR4_WITHOUT_FEATURES;
	return other;
}

/* What the host's perf tells KVM: one width, that of the general-purpose counters, for both kinds. */
static void to_host(const struct rdpmc_pmu *pmu, struct glue_host *host)
{
	const struct cpuid_counts counts = cpuid_perf_counts(pmu);
	const bool amd = pmu->vendor == RDPMC_AMD;

	*host = (struct glue_host){
		.version = amd && pmu->version < 2 ? 0 : pmu->version,
		.gp = counts.gp,
		.fixed = counts.fixed,
		.gp_set = counts.gp_set,
		.fixed_set = counts.fixed_set,
		/* No processor of AMD's has the MSR. */
		.perf_capabilities = amd ? 0 : pmu->perf_capabilities,
	};
	if (counts.gp)
		host->gp_width = amd ? 48 : pmu->gp_width;
	if (counts.fixed)
		host->fixed_width = pmu->gp_width;
}

static void kernel_begin(struct engine_vcpu *vcpu, const struct rdpmc_pmu *guest,
			 const struct rdpmc_pmu *host, const struct rdpmc_policy *policy)
{
	struct cpuid_leaf leaves[CPUID_LEAVES];
	struct glue_cpuid cpuid[CPUID_LEAVES];
	struct glue_setup setup = {
		.amd = guest->vendor == RDPMC_AMD,
		/* Intel: half of those without say so by CPUID, half by KVM_PMU_CAP_DISABLE. */
		.no_pmu = !guest->version &&
			  (guest->vendor == RDPMC_AMD || guest->perf_capabilities & 1),
		.backdoor = policy->vmware_backdoor,
		.mediated = policy->mediated_pmu,
		.perf_capabilities = guest->perf_capabilities,
		.cpuid = cpuid,
		.n_cpuid = (int)cpuid_leaves(guest, leaves),
	};

	for (int i = 0; i < setup.n_cpuid; i++)
		cpuid[i] = (struct glue_cpuid){
			.function = leaves[i].function,
			.index = leaves[i].index,
			.eax = leaves[i].eax,
			.ebx = leaves[i].ebx,
			.ecx = leaves[i].ecx,
			.edx = leaves[i].edx,
		};
	/* KVM runs no vPMU of the other vendor's: what is read is tried on the guest's own host. */
	vcpu->strangers = guest->vendor != host->vendor;
	to_host(vcpu->strangers ? guest : host, &setup.host);
	trouble_forget();
	vcpu->begun = false;
	if (trouble_enter()) {
		glue_begin(vcpu->glue, &setup);
		vcpu->begun = true;
	}
	trouble_leave();
	if (metrics_outlive && guest->perf_capabilities & RDPMC_CAP_METRICS)
		engine_complain("kvm_pmu_refresh() resets the counters, but not PERF_METRICS "
				"(KVM_SET_CPUID2)",
				"arch/x86/kvm/pmu.c", 0, NULL);
}

static unsigned long long *metrics_slot(const struct engine_vcpu *vcpu)
{
	unsigned long long *slot = glue_metrics(vcpu->glue);

	return slot ? slot : (unsigned long long *)&vcpu->kept.metrics;
}

/* What the kernel has no place for is kept beside. */
static void set_gp(struct engine_vcpu *vcpu, unsigned int x, uint64_t value)
{
	if (!glue_set_counter(vcpu->glue, false, x, value))
		vcpu->kept.gp[x] = value;
}

static void set_fixed(struct engine_vcpu *vcpu, unsigned int x, uint64_t value)
{
	if (!glue_set_counter(vcpu->glue, true, x, value))
		vcpu->kept.fixed[x] = value;
}

static uint64_t get_gp(const struct engine_vcpu *vcpu, unsigned int x)
{
	unsigned long long value;

	return glue_get_counter(vcpu->glue, false, x, &value) ? value : vcpu->kept.gp[x];
}

static uint64_t get_fixed(const struct engine_vcpu *vcpu, unsigned int x)
{
	unsigned long long value;

	return glue_get_counter(vcpu->glue, true, x, &value) ? value : vcpu->kept.fixed[x];
}

static void kernel_load(struct engine_vcpu *vcpu, const struct rdpmc_counters *counters,
			unsigned int n_gp, unsigned int n_fixed)
{
	for (unsigned int x = 0; x < n_gp; x++)
		set_gp(vcpu, x, counters->gp[x]);
	for (unsigned int x = 0; x < n_fixed; x++)
		set_fixed(vcpu, x, counters->fixed[x]);
	*metrics_slot(vcpu) = counters->metrics;
	vcpu->kept.fixed_ctr_ctrl = counters->fixed_ctr_ctrl;
	vcpu->kept.gp_user_disable = counters->gp_user_disable;
	memcpy(vcpu->kept.vmware, counters->vmware, sizeof(vcpu->kept.vmware));
	glue_clocks(vcpu->glue, counters->vmware[1], counters->vmware[2]);
}

/*
 * The control registers are kept beside: with them the kernel's counters would count, and what their
 * bits do to a read the tree has not, or clamp() takes them away.
 */
static void kernel_write(struct engine_vcpu *vcpu, const struct case_step *step)
{
	switch (step->op) {
	case STEP_GP:
		set_gp(vcpu, step->arg, step->value);
		break;
	case STEP_FIXED:
		set_fixed(vcpu, step->arg, step->value);
		break;
	case STEP_METRICS:
		*metrics_slot(vcpu) = step->value;
		break;
	case STEP_FIXED_CTRL:
		vcpu->kept.fixed_ctr_ctrl = step->value;
		break;
	default: /* STEP_USER_DISABLE */
		vcpu->kept.gp_user_disable = (uint32_t)step->value;
	}
}

/* By name what code on this path may have reason to give. */
static const char *exit_reason(int reason)
{
	switch (reason) {
	case KVM_EXIT_UNKNOWN:
		return "returns to user space without an exit reason";
	case KVM_EXIT_DEBUG:
		return "returns to user space: KVM_EXIT_DEBUG";
	case KVM_EXIT_SHUTDOWN:
		return "returns to user space: KVM_EXIT_SHUTDOWN";
	case KVM_EXIT_INTERNAL_ERROR:
		return "returns to user space: KVM_EXIT_INTERNAL_ERROR";
	default:
		return "returns to user space for another reason";
	}
}

static uint8_t answer_of(const struct glue_answer *answer, bool real_mode)
{
	if (answer->gave_up)
		return ANSWER_STRANGE;
	if (answer->exits)
		return ANSWER_USER_SPACE;
	if (answer->exception < 0 || answer->single_step)
		return ANSWER_VALUE;
	if (answer->exception == 13 && (answer->has_error_code || real_mode))
		return ANSWER_GP;
	if (answer->exception == 6 && !answer->has_error_code)
		return ANSWER_UD;
	return ANSWER_STRANGE;
}

/* The host's TSC cannot be set: a value from the time of the read is what the case calls the TSC. */
static void name_tsc(const struct engine_vcpu *vcpu, struct engine_answer *answer, uint64_t before)
{
	uint64_t tsc = engine_value(answer);

	if (answer->answer != ANSWER_VALUE || answer->regs.rax >> 32 || answer->regs.rdx >> 32 ||
	    tsc < before || tsc > trouble_tsc())
		return;
	answer->regs.rax = (uint32_t)vcpu->kept.vmware[0];
	answer->regs.rdx = vcpu->kept.vmware[0] >> 32;
}

static void kernel_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
			struct engine_answer *answer)
{
	struct glue_answer glue = { .exception = -1, .gave_up = 1 };
	uint64_t before = 0;
	struct glue_state regs = {
		.rax = state->regs.rax,
		.rcx = state->regs.rcx,
		.rdx = state->regs.rdx,
		.rip = state->regs.rip,
		.rflags = state->regs.rflags,
		.cr0 = state->cr0,
		.cr4 = state->cr4,
		.mode = state->mode,
		.code16 = state->code16,
		.cpl = state->mode == MODE_VM86 ? 3 : state->cpl,
		.lock = state->lock,
	};

	regs.length = case_instruction(state, regs.code);

	if ((uint32_t)state->regs.rcx == RDPMC_VMWARE_FIRST)
		before = trouble_tsc();
	if (trouble_enter())
		glue_read(vcpu->glue, entry == ENTRY_EMULATOR, &regs, &glue);
	trouble_leave();
	answer->answer = answer_of(&glue, state->mode == MODE_REAL);
	answer->other_state = glue.other_state;
	answer->single_step = glue.single_step;
	if (answer->answer == ANSWER_USER_SPACE) {
		answer->exit_reason = glue.reason > 255 ? 255 : (uint8_t)glue.reason;
		answer->changed = exit_reason(glue.reason);
	}
	answer->error_code = answer->answer == ANSWER_VALUE ? 0 : glue.error_code;
	answer->regs = (struct rdpmc_regs){
		.rax = regs.rax,
		.rcx = regs.rcx,
		.rdx = regs.rdx,
		.rip = regs.rip,
		.rflags = regs.rflags,
	};
	if (before)
		name_tsc(vcpu, answer, before);
	if (metrics_elsewhere && answer->answer == ANSWER_VALUE)
		answer->unjudged = "this tree has PERF_METRICS where it cannot be set from outside";
}

#include "tryout.h"

static struct engine_vcpu *kernel_create(const char **why)
{
	struct engine_vcpu *vcpu = calloc(1, sizeof(*vcpu));

	*why = "out of memory, or already in use: KVM's own state is global";
	if (!vcpu)
		return NULL;
	vcpu->glue = glue_create();
	if (!vcpu->glue) {
		free(vcpu);
		return NULL;
	}
	trouble_catch();
	*why = try_tree(vcpu);
	if (*why) {
		kernel_destroy(vcpu);
		return NULL;
	}
	return vcpu;
}

static bool kernel_holds(const struct engine_vcpu *vcpu, const struct rdpmc_counters *expected,
			 unsigned int n_gp, unsigned int n_fixed)
{
	uint64_t differ = *metrics_slot(vcpu) ^ expected->metrics;

	for (unsigned int x = 0; x < n_gp; x++)
		differ |= get_gp(vcpu, x) ^ expected->gp[x];
	for (unsigned int x = 0; x < n_fixed; x++)
		differ |= get_fixed(vcpu, x) ^ expected->fixed[x];
	return !differ && vcpu->kept.fixed_ctr_ctrl == expected->fixed_ctr_ctrl &&
	       vcpu->kept.gp_user_disable == expected->gp_user_disable;
}

static void kernel_counters(const struct engine_vcpu *vcpu, struct rdpmc_counters *counters,
			    unsigned int n_gp, unsigned int n_fixed)
{
	for (unsigned int x = 0; x < n_gp; x++)
		counters->gp[x] = get_gp(vcpu, x);
	for (unsigned int x = 0; x < n_fixed; x++)
		counters->fixed[x] = get_fixed(vcpu, x);
	counters->metrics = *metrics_slot(vcpu);
	counters->fixed_ctr_ctrl = vcpu->kept.fixed_ctr_ctrl;
	counters->gp_user_disable = vcpu->kept.gp_user_disable;
}

static enum intercept kernel_intercepts(struct engine_vcpu *vcpu)
{
	volatile int intercepts = -1;

	if (vcpu->strangers)
		return INTERCEPT_UNKNOWN;
	if (trouble_enter())
		intercepts = glue_intercepts(vcpu->glue);
	trouble_leave();
	/* What it decides by may not be what the case says: this tree has it elsewhere. */
	if (intercepts_by_metrics && !glue_host_capabilities(vcpu->glue))
		return INTERCEPT_UNKNOWN;
	return intercepts < 0 ? INTERCEPT_UNKNOWN : intercepts ? INTERCEPT_ON : INTERCEPT_OFF;
}

static const char *kernel_trouble(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return trouble_text();
}

extern const struct engine_function kernel_functions[]; /* made by the build */

__attribute__((visibility("default"))) const struct engine rdpmc_engine = {
	.abi = ENGINE_ABI,
	.name = "kernel:" KERNEL_NAME,
	.what = "Linux " KERNEL_VERSION " (" KERNEL_SOURCES "), its own arch/x86/kvm, in process",
	.version = KERNEL_VERSION,
	.features = kernel_features,
	.functions = kernel_functions,
	.single = true,
	.entries = 1U << ENTRY_EXIT | 1U << ENTRY_EMULATOR,
	.create = kernel_create,
	.destroy = kernel_destroy,
	.remark = kernel_remark,
	.clamp = kernel_clamp,
	.adapt = kernel_adapt,
	.begin = kernel_begin,
	.load = kernel_load,
	.write = kernel_write,
	.read = kernel_read,
	.holds = kernel_holds,
	.counters = kernel_counters,
	.intercepts = kernel_intercepts,
	.trouble = kernel_trouble,
};
