// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine "kvm": each case becomes the state of a real vCPU, which executes one RDPMC. The border
 * between the model's types and host/.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "fuzz/engines/live/live.h"
#include "host/context.h"
#include "host/counters.h"
#include "host/cpuid.h"
#include "host/probe.h"

#define TIMEOUT_MS 1000 /* of one instruction: some 10 us, more on a loaded host */

/* What the processor's CPUID says beyond the PMU that guests can be given. */
static void check_processor(struct rdpmc_pmu *cpu)
{
	struct cpuid_regs leaf;

	if (cpu->version && cpu->vendor == RDPMC_AMD) {
		leaf = cpuid_read(0x80000001, 0);
		cpu->ext_nb = leaf.ecx >> 24 & 1;
		cpu->ext_l3 = leaf.ecx >> 28 & 1;
		if (cpu->version == 2)
			cpu->nr_nb = cpuid_read(0x80000022, 0).ebx >> 10 & 0x3f;
	} else if (cpu->version) {
		if (cpu->version >= 5)
			cpu->fixed_bitmap = cpuid_read(0xa, 0).ecx;
		leaf = cpuid_read(0x23, 0);
		if (leaf.eax & 2) {
			cpu->user_disable = leaf.ebx >> 2 & 1;
			leaf = cpuid_read(0x23, 1);
			cpu->leaf23_gp = leaf.eax;
			cpu->leaf23_fixed = leaf.ebx;
		}
	}
}

static struct guest_vm *vm_of(struct engine_vcpu *vcpu, const struct rdpmc_pmu *pmu)
{
	struct vm_config config = { .irqchip = vcpu->host.policy.mediated_pmu };
	struct guest_vm *vm = vcpu->vms;

	live_shape(pmu, &config.pmu);
	for (size_t i = 0; i < VMS; i++) {
		struct guest_vm *at = &vcpu->vms[i];

		if (at->there && !memcmp(&at->shape, &config.pmu, sizeof(at->shape)))
			return at;
		if (!at->there || (vm->there && at->last < vm->last))
			vm = at;
	}
	if (vm->there)
		insn_close(&vm->insn);
	vm->there = false;
	if (insn_open(&vm->insn, &vcpu->kvm, &config, TIMEOUT_MS, &vcpu->why))
		return NULL;
	vm->there = true;
	vm->shape = config.pmu;
	vm->asked = false;
	return vm;
}

static void kvm_destroy(struct engine_vcpu *vcpu)
{
	for (size_t i = 0; i < VMS; i++)
		if (vcpu->vms[i].there)
			insn_close(&vcpu->vms[i].insn);
	kvm_close(&vcpu->kvm);
	free(vcpu);
}

/* What the modules' parameters tell of the running kernel. */
static struct engine_feature features[] = {
	{ .name = "need-intercept",
	  .what = "RDPMC may go without intercept: enable_mediated_pmu=Y" },
	{ 0 },
};

/* Does CPL 3 come to the upper half? kvm_pvm has its own things there. */
static bool has_upper_user(struct engine_vcpu *vcpu)
{
	static const uint8_t nop[] = { 0x90 };
	struct cpu_state cpu = {
		.mode = CPU_LONG,
		.cpl = 3,
		.paging = true,
		.regs = { .rip = 0xffff800000000000 | INSN_CODE, .rsp = INSN_STACK },
	};

	insn_run(&vcpu->vm->insn, &cpu, nop, sizeof(nop), &vcpu->result);
	return vcpu->result.end == INSN_DONE;
}

static struct engine_vcpu *kvm_create(const char **why)
{
	static struct failure failure; /* outlives the vCPU that was not made */
	struct engine_vcpu *vcpu = calloc(1, sizeof(*vcpu));

	*why = "out of memory";
	if (!vcpu)
		return NULL;
	*why = failure.text;
	vcpu->kvm.fd = -1;
	if (kvm_open(&vcpu->kvm, getenv("RDPMC_KVM"), &failure)) {
		free(vcpu);
		return NULL;
	}
	probe_setting_host("", &vcpu->kvm, &vcpu->probed);
	live_host(&vcpu->probed, &vcpu->host);
	check_processor(&vcpu->host.processor);
	features[0].there = vcpu->host.policy.mediated_pmu;
	vcpu->vm = vm_of(vcpu, &vcpu->host.max);
	if (!vcpu->vm) {
		failure = vcpu->why;
		kvm_destroy(vcpu);
		return NULL;
	}
	vcpu->entries = 1U << ENTRY_PLAIN;
	if (context_param("", "kvm", "force_emulation_prefix") == PARAM_YES)
		vcpu->entries |= 1U << ENTRY_EMULATOR;
	vcpu->cr0 = insn_free_bits(&vcpu->vm->insn, false, LIVE_CR0);
	vcpu->cr4 = insn_free_bits(&vcpu->vm->insn, true, LIVE_CR4) | RDPMC_CR4_PCE;
	vcpu->upper_user = has_upper_user(vcpu);
	return vcpu;
}

static unsigned int kvm_has(struct engine_vcpu *vcpu)
{
	return vcpu->entries;
}

static bool kvm_clamp(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest, struct rdpmc_pmu *host,
		      struct rdpmc_policy *policy)
{
	*host = vcpu->host.processor;
	*policy = vcpu->host.policy;
	return live_clamp(&vcpu->host, guest);
}

/* Out of trouble's way: a counter that the guest has and that cannot be set. */
static void set_counter(struct engine_vcpu *vcpu, enum counter_kind kind, unsigned int index,
			uint64_t value)
{
	static const char *const names[] = { "GP counter", "fixed counter", "PERF_METRICS" };
	char text[80];

	if (counter_set(&vcpu->vm->insn.vm, &vcpu->vm->shape, kind, index, value))
		return;
	snprintf(text, sizeof(text), "KVM_SET_MSRS refuses %s %u of the guest's", names[kind],
		 index);
	vcpu->trouble = live_keep(vcpu, text);
}

static void set_counters(struct engine_vcpu *vcpu)
{
	const struct pmu_shape *shape = &vcpu->vm->shape;
	const struct rdpmc_counters *wanted = &vcpu->wanted;

	for (unsigned int x = 0; x < shape->nr_gp; x++)
		set_counter(vcpu, COUNTER_GP, x, wanted->gp[x]);
	for (unsigned int x = 0; x < shape->nr_fixed; x++)
		set_counter(vcpu, COUNTER_FIXED, x, wanted->fixed[x]);
	if (pmu_has_metrics(shape))
		set_counter(vcpu, COUNTER_METRICS, 0, wanted->metrics);
	vcpu->vm->loaded_in = vcpu->vm->insn.made;
}

/* A vCPU that was made anew has other counters than the case gave the one before it. */
static void load(struct engine_vcpu *vcpu)
{
	if (vcpu->vm && vcpu->vm->shape.version && vcpu->vm->insn.ready &&
	    vcpu->vm->loaded_in != vcpu->vm->insn.made)
		set_counters(vcpu);
}

void live_counters(struct engine_vcpu *vcpu, const struct cpu_state *cpu)
{
	if (!vcpu->vm->shape.version)
		return;
	/* What has to be learnt of such states first may cost a vCPU. */
	insn_emulated(&vcpu->vm->insn, cpu);
	load(vcpu);
}

static void kvm_begin(struct engine_vcpu *vcpu, const struct rdpmc_pmu *guest,
		      const struct rdpmc_pmu *host, const struct rdpmc_policy *policy)
{
	(void)host;
	(void)policy;
	vcpu->vm = vm_of(vcpu, guest);
	if (vcpu->vm)
		vcpu->vm->last = ++vcpu->begun;
}

static void kvm_load(struct engine_vcpu *vcpu, const struct rdpmc_counters *counters,
		     unsigned int n_gp, unsigned int n_fixed)
{
	(void)n_gp;
	(void)n_fixed;
	vcpu->wanted = *counters;
	if (vcpu->vm)
		vcpu->vm->loaded_in = 0;
	load(vcpu);
}

static void kvm_write(struct engine_vcpu *vcpu, const struct case_step *step)
{
	if (step->op == STEP_GP)
		vcpu->wanted.gp[step->arg] = step->value;
	else if (step->op == STEP_FIXED)
		vcpu->wanted.fixed[step->arg] = step->value;
	else
		vcpu->wanted.metrics = step->value;
	if (vcpu->vm)
		vcpu->vm->loaded_in = 0;
	load(vcpu);
}

/* 0: there is none. */
static uint64_t held(const struct engine_vcpu *vcpu, enum counter_kind kind, unsigned int index)
{
	uint64_t value = 0;

	counter_get(&vcpu->vm->insn.vm, &vcpu->vm->shape, kind, index, &value);
	return value;
}

static void kvm_counters(const struct engine_vcpu *vcpu, struct rdpmc_counters *counters,
			 unsigned int n_gp, unsigned int n_fixed)
{
	memset(counters, 0, sizeof(*counters));
	if (!vcpu->vm || !vcpu->vm->insn.ready)
		return;
	for (unsigned int x = 0; x < n_gp && x < vcpu->vm->shape.nr_gp; x++)
		counters->gp[x] = held(vcpu, COUNTER_GP, x);
	for (unsigned int x = 0; x < n_fixed && x < vcpu->vm->shape.nr_fixed; x++)
		counters->fixed[x] = held(vcpu, COUNTER_FIXED, x);
	counters->metrics = held(vcpu, COUNTER_METRICS, 0);
}

/* Only what the guest has, in its width. A vCPU that was lost takes its counters along. */
static bool kvm_holds(const struct engine_vcpu *vcpu, const struct rdpmc_counters *expected,
		      unsigned int n_gp, unsigned int n_fixed)
{
	const struct pmu_shape *shape;
	const struct vm *vm;

	if (!vcpu->vm || !vcpu->vm->shape.version || !vcpu->vm->insn.ready)
		return true;
	shape = &vcpu->vm->shape;
	vm = &vcpu->vm->insn.vm;
	for (unsigned int x = 0; x < n_gp && x < shape->nr_gp; x++)
		if (!counter_holds(vm, shape, COUNTER_GP, x, expected->gp[x]))
			return false;
	for (unsigned int x = 0; x < n_fixed && x < shape->nr_fixed; x++)
		if (!counter_holds(vm, shape, COUNTER_FIXED, x, expected->fixed[x]))
			return false;
	return counter_holds(vm, shape, COUNTER_METRICS, 0, expected->metrics);
}

/*
 * Seen, not reasoned: a read at CPL 3, where code runs by itself if it does anywhere. A fault without
 * an exit tells nothing: SVM-PRIORITY has it before the intercept.
 */
static enum intercept kvm_intercepts(struct engine_vcpu *vcpu)
{
	static const uint8_t rdpmc[] = { 0x0f, 0x33 };
	struct cpu_state cpu = {
		.mode = CPU_LONG,
		.cpl = 3,
		.paging = true,
		.cr4 = CPU_CR4_PCE,
		.regs = { .rip = INSN_CODE, .rsp = INSN_STACK },
	};
	struct guest_vm *vm = vcpu->vm;
	unsigned int exits = 0, done = 0;

	if (!vm)
		return INTERCEPT_UNKNOWN;
	if (vm->asked)
		return vm->intercept;
	/* More than once: a host's interrupt counts as an exit, too. */
	for (int i = 0; i < 4; i++) {
		insn_run(&vm->insn, &cpu, rdpmc, sizeof(rdpmc), &vcpu->result);
		if (vcpu->result.end > INSN_EXCEPTION)
			return INTERCEPT_UNKNOWN;
		exits += vcpu->result.path != INSN_NO_EXIT;
		done += vcpu->result.end == INSN_DONE;
	}
	vm->asked = true;
	vm->intercept = exits == 4 ? INTERCEPT_ON : done == 4 ? INTERCEPT_OFF : INTERCEPT_UNKNOWN;
	return vm->intercept;
}

static const char *kvm_trouble(struct engine_vcpu *vcpu)
{
	const char *trouble = vcpu->trouble;

	vcpu->trouble = NULL;
	return trouble;
}

/* The running kernel's release: known before anything runs, and as long as the program does. */
static char release[sizeof(((struct utsname *)0)->release)];

__attribute__((constructor)) static void check_release(void)
{
	struct utsname uts;

	if (!uname(&uts))
		snprintf(release, sizeof(release), "%s", uts.release);
}

const struct engine engine_kvm = {
	.abi = ENGINE_ABI,
	.name = "kvm",
	.what = "the running kernel, in a real vCPU of /dev/kvm",
	.version = release,
	.features = features,
	.single = true,
	.real = true,
	.entries = 1U << ENTRY_PLAIN | 1U << ENTRY_EMULATOR,
	.unsupported = 1U << STEP_FIXED_CTRL | 1U << STEP_USER_DISABLE,
	.create = kvm_create,
	.destroy = kvm_destroy,
	.has = kvm_has,
	.remark = live_remark,
	.clamp = kvm_clamp,
	.adapt = live_adapt,
	.begin = kvm_begin,
	.load = kvm_load,
	.write = kvm_write,
	.read = live_read,
	.holds = kvm_holds,
	.counters = kvm_counters,
	.intercepts = kvm_intercepts,
	.trouble = kvm_trouble,
};
