// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's RDPMC paths, called in user space. Compiled against the tree's own headers, with HAVE_* as the probes of
 * ./features found them. What it touches: struct kvm_vcpu (arch.regs, cr0, cr4, efer, exception, cpuid_entries,
 * perf_capabilities, pmu, emulate_ctxt), struct kvm (arch.enable_pmu, arch.kvmclock_offset), struct kvm_pmu's
 * counters, struct x86_pmu_capability, the static calls of kvm_x86_ops and the vendors' kvm_pmu_ops. A tree where
 * one of these is not there does not compile.
 */
#include "fuzz/engines/kernel/tree.h"

#include "fuzz/engines/kernel/glue.h"

#if defined(HAVE_HAS_CPU_CAPS) && !defined(HAVE_CPU_CAPS)
#error "kvm_vcpu_arch.cpu_caps is there, and guest_cpu_cap_change() is not: no guest could be given a feature"
#endif

/* Registers that RDPMC must leave alone hold this. */
#define UNTOUCHED 0x5a5a5a5a5a5a0000UL
#define REGISTERS 16 /* RAX to R15 */

#ifdef HAVE_VCPU_REG
#define GLUE_CR0          VCPU_REG_CR0
#define GLUE_CR4          VCPU_REG_CR4
#define GLUE_RIP          VCPU_REG_RIP
#define GLUE_RIP_OF(arch) ((arch)->rip)
#else
#define GLUE_CR0          VCPU_EXREG_CR0
#define GLUE_CR4          VCPU_EXREG_CR4
#define GLUE_RIP          VCPU_REGS_RIP
#define GLUE_RIP_OF(arch) ((arch)->regs[VCPU_REGS_RIP])
#endif

#ifdef HAVE_NOAPIC_KEY
#define NOAPIC_KEY kvm_has_noapic_vcpu.key
#else
#define NOAPIC_KEY kvm_no_apic_vcpu
#endif

#ifdef HAVE_EXCEPTION_VECTOR
#define EXCEPTION_VECTOR vector
#else
#define EXCEPTION_VECTOR nr
#endif

#ifndef DR6_ACTIVE_LOW /* before 5.12 */
#define DR6_ACTIVE_LOW (DR6_FIXED_1 | DR6_RTM)
#endif

/* perf's, of one counter, and what it has counted. */
struct glue_event {
	struct perf_event perf;
	u64 counted;
};

#define MAX_COUNTERS 32 /* of each kind */

struct glue {
	struct kvm *kvm;
	struct vcpu_vmx *vmx;
	struct vcpu_svm *svm;
	struct kvm_vcpu *vcpu; /* of these the one that is in use */
	struct x86_emulate_ctxt *ctxt;
	struct kvm_run *run;
	int amd; /* which vendor's operations are in; -1: none yet */
	u64 real;
	struct kvm_cpuid_entry2 *cpuid;
	struct glue_event *events; /* [2 * MAX_COUNTERS]; NULL: in a proof there are none */
	struct glue_host host;
	bool in_parts;           /* a counter's value */
	bool asked_capabilities; /* IA32_PERF_CAPABILITIES was read from the host */
	struct glue_state state; /* as the guest has it, whatever KVM has of it */
	bool setting_up;         /* the vendor's controls */
	bool no_controls;        /* glue_without_controls() */
	bool no_handler;         /* glue_without_handler() */
};

static struct glue *only;

#define MAX_CPUID 16

#ifdef GLUE_PROVE
/*
 * A model checker wants objects with a type, and small ones: a pointer into one whose offset depends on
 * the case makes all of it part of the formula.
 */
static struct glue *glue_parts(void)
{
	static struct kvm kvm;
	static struct vcpu_vmx vmx;
	static struct vcpu_svm svm;
	static struct x86_emulate_ctxt ctxt;
	static struct kvm_run run;
	static struct kvm_cpuid_entry2 cpuid[MAX_CPUID];
	static struct glue glue;

	glue = (struct glue){
		.kvm = &kvm, .vmx = &vmx, .svm = &svm, .ctxt = &ctxt, .run = &run, .cpuid = cpuid
	};
	return &glue;
}
#else
static struct glue *glue_parts(void)
{
	struct parts {
		struct glue glue; /* first: what is freed is where it is */
		union {
			struct kvm kvm;
			struct kvm_vmx vmx;
			struct kvm_svm svm;
		} vm;
		struct vcpu_vmx vmx;
		struct vcpu_svm svm;
		struct vmcb vmcb;
		struct x86_emulate_ctxt ctxt;
		struct kvm_run run;
		struct kvm_cpuid_entry2 cpuid[MAX_CPUID];
		struct glue_event events[2 * MAX_COUNTERS];
	} *parts = glue_allocate(sizeof(*parts));

	if (!parts)
		return NULL;
	parts->glue = (struct glue){
		.kvm = &parts->vm.kvm,
		.vmx = &parts->vmx,
		.svm = &parts->svm,
		.ctxt = &parts->ctxt,
		.run = &parts->run,
		.cpuid = parts->cpuid,
		.events = parts->events,
	};
	parts->svm.vmcb = &parts->vmcb;
	return &parts->glue;
}
#endif

extern const struct x86_emulate_ops emulate_ops; /* x86.c's, made global by the build */

#include "outside.h"

#include "ops.h"

#if defined(GLUE_PROVE) && defined(HAVE_WRITE_GLOBAL_CTRL)
static void no_write_global_ctrl(u64 global_ctrl)
{
}
#endif

#if defined(HAVE_AMD_FOUR_OR_SIX) || defined(HAVE_CPU_CAPS)
/* How many general-purpose counters KVM has. */
static int kvm_counters(void)
{
#ifdef HAVE_HOST_BITMAPS
	return __builtin_popcountll(kvm_pmu_cap.cntr_mask64);
#else
	return kvm_pmu_cap.num_counters_gp;
#endif
}
#endif

#ifdef GLUE_PROVE
/* Assumption PREFIXES: to a model checker the emulator's instruction is a constant. */
static const u8 locked_rdpmc[] = { 0xf0, 0x0f, 0x33 };

static int emulate(struct kvm_vcpu *vcpu, const struct glue_state *state)
{
	return x86_emulate_instruction(vcpu, 0, 0, (void *)(locked_rdpmc + !state->lock),
				       2 + state->lock);
}

/*
 * Decoding ends without success as well, in a mode that there is not. Where the emulator's context holds the
 * same instruction before, it does so after either end; else what is executed would be unknown.
 */
static void decode_once(struct kvm_vcpu *vcpu)
{
	x86_decode_emulated_instruction(vcpu, 0, (void *)(locked_rdpmc + 1), 2);
}
#else
static int emulate(struct kvm_vcpu *vcpu, const struct glue_state *state)
{
	return x86_emulate_instruction(vcpu, 0, 0, (void *)state->code, (int)state->length);
}

static void decode_once(struct kvm_vcpu *vcpu)
{
}
#endif

static void use_vcpu(struct glue *glue, struct kvm_vcpu *vcpu)
{
	glue->vcpu = vcpu;
	vcpu->kvm = glue->kvm;
	vcpu->run = glue->run;
	vcpu->arch.last_vmentry_cpu = -1; /* it has not run yet: the PMU may be set up */
	vcpu->arch.emulate_ctxt = glue->ctxt;
	glue->ctxt->vcpu = vcpu;
	memset(&vcpu->arch.regs_avail, 0xff, sizeof(vcpu->arch.regs_avail));
	for (int reg = 0; reg < REGISTERS; reg++)
		vcpu->arch.regs[reg] = UNTOUCHED + reg;
	decode_once(vcpu);
}

/* Load a vendor's module; what it asks the host is asked for every case anew. */
static void load_vendor(struct glue *glue, const struct glue_setup *setup)
{
	struct kvm_pmu_ops ops;

	memcpy(&ops, setup->amd ? &amd_pmu_ops : &intel_pmu_ops, sizeof(ops));
	boot_cpu_data.x86_vendor = setup->amd ? X86_VENDOR_AMD : X86_VENDOR_INTEL;
#ifdef HAVE_ENABLE_PMU
	enable_pmu = true;
#endif
	enable_vmware_backdoor = setup->backdoor;
#ifdef HAVE_MEDIATED_PMU
	enable_mediated_pmu = setup->mediated;
#endif
#ifdef HAVE_HOST_PERF_CAPABILITIES
	kvm_host.perf_capabilities = setup->host.perf_capabilities;
#endif
#ifdef HAVE_INIT_PMU_CAPABILITY_OPS
	kvm_init_pmu_capability(&ops);
#elif defined(HAVE_KVM_PMU_CAP)
	kvm_init_pmu_capability();
#endif
#ifdef HAVE_AMD_FOUR_OR_SIX
	/* What svm_set_cpu_caps() makes of it; svm.c is not here. */
	if (setup->amd && kvm_counters() < AMD64_NUM_COUNTERS_CORE) {
#ifdef HAVE_HOST_BITMAPS
		kvm_pmu_cap.cntr_mask64 &= BIT_ULL(AMD64_NUM_COUNTERS) - 1;
#else
		kvm_pmu_cap.num_counters_gp = min(kvm_pmu_cap.num_counters_gp, AMD64_NUM_COUNTERS);
#endif
	}
#endif
#if defined(GLUE_PROVE) && defined(HAVE_WRITE_GLOBAL_CTRL)
	ops.write_global_ctrl = no_write_global_ctrl; /* a VMWRITE, and nothing depends on it */
#endif
	if (glue->amd != setup->amd) {
		install_pmu_ops(&ops);
#ifndef GLUE_PROVE
		use_vcpu(glue, setup->amd ? &glue->svm->vcpu : &glue->vmx->vcpu);
#endif
	}
	glue->amd = setup->amd;
	glue->in_parts = true;
#ifdef HAVE_MEDIATED_PMU
	glue->in_parts = !setup->mediated; /* the processor has all of it then */
#endif
}

struct glue *glue_create(void)
{
	struct glue *glue;

	if (only)
		return NULL;
	glue = glue_parts();
	if (!glue)
		return NULL;
	only = glue;
	glue->amd = -1;
	glue->ctxt->ops = &emulate_ops;
	set_cpu_cap(&boot_cpu_data, X86_FEATURE_PDCM);
#ifdef HAVE_VMCS_CONFIG
	memset(&vmcs_config, 0xff, sizeof(vmcs_config));
#endif
	install_ops();
#ifndef GLUE_PROVE
	/* KVM_CREATE_IRQCHIP is none of these guests'. */
	atomic_set(&NOAPIC_KEY.enabled, 1);
#endif
#ifdef GLUE_PROVE
	/* Of one type: SVM's PMU wants nothing beyond struct kvm_vcpu. */
	use_vcpu(glue, &glue->vmx->vcpu);
#endif
	return glue;
}

void glue_destroy(struct glue *glue)
{
	only = NULL;
	glue_release(glue);
}

#include "controls.h"

void glue_begin(struct glue *glue, const struct glue_setup *setup)
{
	struct kvm_vcpu *vcpu;
#ifdef HAVE_CPU_CAPS
	bool core;
#endif

	glue->host = setup->host;
	load_vendor(glue, setup);
	vcpu = glue->vcpu;
#ifdef HAVE_CPU_CAPS
	/* A guest's features are KVM's at most: svm_set_cpu_caps(). */
	core = kvm_counters() >= AMD64_NUM_COUNTERS_CORE;
#endif
#ifdef HAVE_ENABLE_PMU
	glue->kvm->arch.enable_pmu = enable_pmu && !setup->no_pmu;
#endif
	glue->kvm->vm_bugged = false;
#ifdef HAVE_VM_DEAD
	glue->kvm->vm_dead = false;
#endif

	/* A vCPU is made before its CPUID is set; some trees refresh the PMU at both. */
	vcpu->arch.cpuid_nent = 0;
	vcpu->arch.cpuid_entries = glue->cpuid;
	kvm_pmu_init(vcpu);
	make_controls(glue);
	vcpu->arch.cpuid_nent = setup->n_cpuid;
	for (int i = 0; i < setup->n_cpuid; i++) {
		const struct glue_cpuid *leaf = &setup->cpuid[i];

		glue->cpuid[i] = (struct kvm_cpuid_entry2){
			.function = leaf->function,
			.index = leaf->index,
			.flags = leaf->function == 0x23 ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
			.eax = leaf->eax,
			.ebx = leaf->ebx,
			.ecx = leaf->ecx,
			.edx = leaf->edx,
		};
#ifdef HAVE_CPU_CAPS
		if (leaf->function == 1)
			guest_cpu_cap_change(vcpu, X86_FEATURE_PDCM, leaf->ecx >> 15 & 1);
		if (leaf->function == 0x80000001)
			guest_cpu_cap_change(vcpu, X86_FEATURE_PERFCTR_CORE,
					     core && leaf->ecx >> 23 & 1);
		if (leaf->function == 0x80000022)
			guest_cpu_cap_change(vcpu, X86_FEATURE_PERFMON_V2,
					     core && kvm_pmu_cap.version == 2 && leaf->eax & 1);
#endif
	}
	/* As after an earlier KVM_SET_CPUID2 that gave all there is: nothing of it may stay. */
	vcpu->arch.pmu.version = 2;
#ifdef HAVE_GUEST_BITMAPS
	vcpu->arch.pmu.cntr_mask64 = BIT_ULL(ARRAY_SIZE(vcpu->arch.pmu.gp_counters)) - 1;
	vcpu->arch.pmu.fixed_cntr_mask64 = BIT_ULL(ARRAY_SIZE(vcpu->arch.pmu.fixed_counters)) - 1;
#else
	vcpu->arch.pmu.nr_arch_gp_counters = ARRAY_SIZE(vcpu->arch.pmu.gp_counters);
	vcpu->arch.pmu.nr_arch_fixed_counters = ARRAY_SIZE(vcpu->arch.pmu.fixed_counters);
#endif
	if (write_capabilities(glue, setup))
		return;
	vcpu->arch.perf_capabilities = setup->perf_capabilities;
	kvm_pmu_refresh(vcpu);
	update_controls(glue);
}

/*
 * At an exit KVM fetches from the VMCS what it asks for; what it has in memory until then is of an earlier exit. An
 * AMD guest owns no bit of CR0 and CR4, and KVM has its RIP.
 */
static void forget(struct glue *glue)
{
	struct kvm_vcpu_arch *arch = &glue->vcpu->arch;
	unsigned long *available = (unsigned long *)&arch->regs_avail;

	arch->cr0_guest_owned_bits = glue->amd ? 0 : KVM_POSSIBLE_CR0_GUEST_BITS;
	arch->cr4_guest_owned_bits = glue->amd ? 0 : KVM_POSSIBLE_CR4_GUEST_BITS;
	if (glue->amd)
		return;
	arch->cr0 ^= arch->cr0_guest_owned_bits;
	arch->cr4 ^= arch->cr4_guest_owned_bits;
	kvm_rip_write(glue->vcpu, ~glue->state.rip);
	__clear_bit(GLUE_CR0, available);
	__clear_bit(GLUE_CR4, available);
	__clear_bit(GLUE_RIP, available);
}

/* #DB is pending, with DR6.BS: delivered already, or still its payload. */
static bool single_step(const struct kvm_vcpu_arch *arch)
{
	return arch->exception.pending && arch->exception.EXCEPTION_VECTOR == DB_VECTOR &&
	       !arch->exception.has_error_code &&
	       (arch->exception.has_payload ? arch->exception.payload == DR6_BS
					    : arch->dr6 == (DR6_ACTIVE_LOW | DR6_BS));
}

#ifdef HAVE_EMULATE_RDPMC
static int exit_rdpmc(struct kvm_vcpu *vcpu)
{
	return kvm_emulate_rdpmc(vcpu);
}
#else
/* Both vendors have it so, each in a function of its own: the helper's return value is whether it faults. */
static int exit_rdpmc(struct kvm_vcpu *vcpu)
{
	return kvm_complete_insn_gp(vcpu, kvm_rdpmc(vcpu));
}
#endif

void glue_read(struct glue *glue, int emulator, struct glue_state *state,
	       struct glue_answer *answer)
{
	struct kvm_vcpu *vcpu = glue->vcpu;
	struct kvm_vcpu_arch *arch = &vcpu->arch;
	const u64 efer = state->mode >= GLUE_COMPATIBILITY ? EFER_LME | EFER_LMA : 0;
	int ret;

	glue->state = *state;
	arch->regs[VCPU_REGS_RAX] = state->rax;
	arch->regs[VCPU_REGS_RCX] = state->rcx;
	arch->regs[VCPU_REGS_RDX] = state->rdx;
	kvm_rip_write(vcpu, state->rip);
	arch->cr0 = state->cr0;
	arch->cr4 = state->cr4;
	forget(glue);
	arch->efer = efer;
	memset(&arch->exception, 0, sizeof(arch->exception));
	arch->dr6 = DR6_ACTIVE_LOW;
	vcpu->requests = 0;
	vcpu->run->exit_reason = KVM_EXIT_UNKNOWN;

	if (emulator)
		ret = emulate(vcpu, state);
	else
		ret = exit_rdpmc(vcpu);

	answer->gave_up = 0;
	answer->exits = ret != 1;
	answer->reason = (int)vcpu->run->exit_reason;
	answer->exception = arch->exception.pending ? arch->exception.EXCEPTION_VECTOR : -1;
	answer->single_step = single_step(arch);
	answer->has_error_code = arch->exception.has_error_code;
	answer->error_code = arch->exception.error_code;
	answer->other_state = kvm_read_cr0(vcpu) != state->cr0 ||
			      kvm_read_cr4(vcpu) != state->cr4 || arch->efer != efer ||
			      arch->exception.injected ||
			      vcpu->requests & ~(1ULL << (KVM_REQ_EVENT & KVM_REQUEST_MASK));
	for (int reg = VCPU_REGS_RBX; reg < REGISTERS; reg++) {
		answer->other_state |= arch->regs[reg] != UNTOUCHED + reg;
		arch->regs[reg] = UNTOUCHED + reg;
	}
	state->rax = arch->regs[VCPU_REGS_RAX];
	state->rcx = arch->regs[VCPU_REGS_RCX];
	state->rdx = arch->regs[VCPU_REGS_RDX];
	state->rip = kvm_rip_read(vcpu);
	state->rflags = glue->state.rflags;
}

static bool is_paused(const struct kvm_pmc *pmc)
{
#ifdef HAVE_IS_PAUSED
	return pmc->is_paused;
#else
	return false;
#endif
}

static struct kvm_pmc *counter(const struct glue *glue, int fixed, unsigned int x)
{
	struct kvm_pmu *pmu = &glue->vcpu->arch.pmu;

	if (fixed)
		return x < ARRAY_SIZE(pmu->fixed_counters) ? &pmu->fixed_counters[x] : NULL;
	return x < ARRAY_SIZE(pmu->gp_counters) ? &pmu->gp_counters[x] : NULL;
}

int glue_get_counter(const struct glue *glue, int fixed, unsigned int x, unsigned long long *value)
{
	struct kvm_pmc *pmc = counter(glue, fixed, x);

	if (!pmc)
		return 0;
	*value = pmc->counter;
#ifdef HAVE_EMULATED_COUNTER
	*value += pmc->emulated_counter;
#endif
#ifndef GLUE_PROVE
	if (pmc->perf_event && !is_paused(pmc))
		*value += container_of(pmc->perf_event, struct glue_event, perf)->counted;
#endif
	return 1;
}

/*
 * Of two values in four a part is what a perf event has counted since it was made, of one the event is paused and what
 * it counted is in the counter already; of every other one some was emulated since. What is where the value itself
 * says, so that a case is the same each time.
 */
int glue_set_counter(struct glue *glue, int fixed, unsigned int x, unsigned long long value)
{
	struct kvm_pmc *pmc = counter(glue, fixed, x);

	if (!pmc)
		return 0;
	pmc->counter = value;
#ifndef GLUE_PROVE
	const u64 mixed = (value + 1) * 0x9e3779b97f4a7c15ULL;
	struct glue_event *event = &glue->events[(fixed ? MAX_COUNTERS : 0) + x];

	event->counted = mixed >> 16;
	pmc->perf_event = glue->in_parts && mixed >> 62 ? &event->perf : NULL;
#ifdef HAVE_IS_PAUSED
	pmc->is_paused = mixed >> 62 == 1;
#endif
	if (pmc->perf_event && !is_paused(pmc))
		pmc->counter -= event->counted;
#ifdef HAVE_EMULATED_COUNTER
	pmc->emulated_counter = glue->in_parts && mixed >> 61 & 1 ? mixed & 0xffff : 0;
	pmc->counter -= pmc->emulated_counter;
#endif
#endif
	return 1;
}

unsigned long long *glue_metrics(struct glue *glue)
{
#ifdef HAVE_PERF_METRICS
	return &glue->vcpu->arch.pmu.perf_metrics;
#else
	return NULL;
#endif
}

int glue_has_counters(const struct glue *glue)
{
	const struct kvm_pmu *pmu = &glue->vcpu->arch.pmu;

#ifdef HAVE_GUEST_BITMAPS
	return pmu->version && pmu->cntr_mask64;
#else
	return pmu->version && pmu->nr_arch_gp_counters;
#endif
}

int glue_metrics_outlive(struct glue *glue)
{
#if defined(HAVE_PERF_METRICS) && !defined(GLUE_PROVE)
	struct kvm_pmu *pmu = &glue->vcpu->arch.pmu;

	pmu->gp_counters[0].counter = pmu->perf_metrics = 1;
	kvm_pmu_refresh(glue->vcpu);
	return !pmu->gp_counters[0].counter && pmu->perf_metrics;
#else
	return 0;
#endif
}

void glue_clocks(struct glue *glue, unsigned long long real, unsigned long long apparent)
{
	glue->real = real;
	glue->kvm->arch.kvmclock_offset = apparent - real;
}
