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
#include "fuzz/engines/kernel/vendor.h"

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
	return &parts->glue;
}
#endif

extern const struct x86_emulate_ops emulate_ops; /* x86.c's, made global by the build */

/* What the kernel has elsewhere and this path needs. */
struct cpuinfo_x86 boot_cpu_data;
#ifdef HAVE_VMCS_CONFIG
struct vmcs_config vmcs_config __attribute__((weak)); /* vmx.c's, where that is here */
#endif

void glue_complain(const char *what, const char *file, int line)
{
	engine_complain(what, file, line, NULL);
}

void glue_bug(const char *what, const char *file, int line)
{
	engine_complain(what, file, line, NULL);
	engine_give_up();
}

/* Called by the stubs of functions that nobody expects on these paths. */
void glue_unexpected(const char *name, void *address);
void glue_unexpected(const char *name, void *address)
{
	engine_complain(name, NULL, 0, address);
	engine_give_up();
}

unsigned long long glue_rdmsr(unsigned int msr)
{
	if (msr != MSR_IA32_PERF_CAPABILITIES && only->setting_up)
		return 0; /* of the host's state, which no guest here runs on */
	if (msr != MSR_IA32_PERF_CAPABILITIES)
		glue_unexpected("rdmsr", __builtin_return_address(0));
	only->asked_capabilities = true;
	return only->host.perf_capabilities;
}

#ifndef GLUE_PROVE
/* The VMCS: by a field's encoding, of 15 bits. */
static unsigned long vmcs_fields[1 << 15];
static unsigned int vmcs_written[512], n_vmcs_written;

unsigned long glue_vmread(unsigned long field)
{
	return vmcs_fields[field % ARRAY_SIZE(vmcs_fields)];
}

void glue_vmwrite(unsigned long field, unsigned long value)
{
	field %= ARRAY_SIZE(vmcs_fields);
	if (n_vmcs_written == ARRAY_SIZE(vmcs_written))
		glue_bug("more VMWRITEs than a vCPU's setup has", __FILE__, __LINE__);
	vmcs_written[n_vmcs_written++] = field;
	vmcs_fields[field] = value;
}

static void clear_vmcs(void)
{
	while (n_vmcs_written)
		vmcs_fields[vmcs_written[--n_vmcs_written]] = 0;
}

/* hweight32(), hweight64(): called from an asm() that expects no register to change but RAX. */
__asm__(".pushsection .text\n"
	".globl __sw_hweight32, __sw_hweight64\n"
	"__sw_hweight32: popcnt %edi, %eax\n\tret\n"
	"__sw_hweight64: popcnt %rdi, %rax\n\tret\n"
	".popsection");
#endif

#ifndef GLUE_PROVE
/* Older trees have these in x86.c, newer ones in a file that is not here. No VM has a filter of MSRs; and the host's */
bool __weak kvm_msr_allowed(struct kvm_vcpu *vcpu, u32 index, u32 type)
{
	return true;
}

/* MSRs are none that a guest changes. */
int __weak kvm_find_user_return_msr(u32 msr)
{
	return -1;
}

unsigned long cr4_read_shadow(void)
{
	return 0;
}

int __srcu_read_lock(struct srcu_struct *srcu)
{
	return 0;
}

void __srcu_read_unlock(struct srcu_struct *srcu, int index)
{
}
#endif

#ifdef CONFIG_PRINTK
/* What the kernel has to say is no complaint. */
int _printk(const char *format, ...)
{
	return 0;
}
#endif

void perf_get_x86_pmu_capability(struct x86_pmu_capability *cap)
{
	const struct glue_host *host = &only->host;

	memset(cap, 0, sizeof(*cap));
	cap->version = host->version;
#ifdef HAVE_HOST_BITMAPS
	cap->cntr_mask64 = host->gp_set;
	cap->fixed_cntr_mask64 = host->fixed_set;
#else
	cap->num_counters_gp = host->gp;
	cap->num_counters_fixed = host->fixed;
#endif
	cap->bit_width_gp = host->gp_width;
	cap->bit_width_fixed = host->fixed_width;
	cap->events_mask_len = 7;
#ifdef HAVE_CAP_MEDIATED
	cap->mediated = 1;
#endif
}

#ifndef GLUE_PROVE
u64 perf_event_read_value(struct perf_event *event, u64 *enabled, u64 *running)
{
	*enabled = *running = 1;
	return container_of(event, struct glue_event, perf)->counted;
}
#endif

#ifdef HAVE_HW_EVENT_CONFIG
u64 perf_get_hw_event_config(int hw_event)
{
	return 0xc0 + hw_event; /* there is one: that is all that is asked */
}
#endif

/* By words: a proof unrolls the loop. */
void __bitmap_set(unsigned long *map, unsigned int start, int length)
{
	for (unsigned int bit = start, end = start + length; bit < end;) {
		unsigned int word = bit / BITS_PER_LONG, next = (word + 1) * BITS_PER_LONG;
		unsigned int last = (next < end ? next : end) - 1;

		map[word] |= GENMASK(last % BITS_PER_LONG, bit % BITS_PER_LONG);
		bit = next;
	}
}

ktime_t ktime_get_with_offset(enum tk_offsets offs)
{
	return offs == TK_OFFS_BOOT ? only->real : ~only->real;
}

#include "ops.h"

#if defined(GLUE_PROVE) && defined(HAVE_WRITE_GLOBAL_CTRL)
static void no_write_global_ctrl(u64 global_ctrl)
{
}
#endif

/* How many general-purpose counters KVM has. */
static int kvm_counters(void)
{
#ifdef HAVE_HOST_BITMAPS
	return __builtin_popcountll(kvm_pmu_cap.cntr_mask64);
#else
	return kvm_pmu_cap.num_counters_gp;
#endif
}

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
	enable_pmu = true;
	enable_vmware_backdoor = setup->backdoor;
#ifdef HAVE_MEDIATED_PMU
	enable_mediated_pmu = setup->mediated;
#endif
#ifdef HAVE_HOST_PERF_CAPABILITIES
	kvm_host.perf_capabilities = setup->host.perf_capabilities;
#endif
#ifdef HAVE_INIT_PMU_CAPABILITY_OPS
	kvm_init_pmu_capability(&ops);
#else
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
	atomic_set(&kvm_has_noapic_vcpu.key.enabled, 1);
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

#ifndef GLUE_PROVE
static bool has_controls(const struct glue *glue)
{
	return !glue->no_controls && (glue->amd ? glue_svm_exits : glue_vmx_exits);
}

/* The controls of a vCPU that is new. */
static void make_controls(struct glue *glue)
{
	clear_vmcs();
	if (!has_controls(glue))
		return;
	glue->setting_up = true;
	(glue->amd ? glue_svm_reset : glue_vmx_reset)(glue->vcpu);
	glue->setting_up = false;
}

static void update_controls(struct glue *glue)
{
	if (!has_controls(glue))
		return;
	glue->setting_up = true;
	glue->asked_capabilities = false;
	(glue->amd ? glue_svm_after_cpuid : glue_vmx_after_cpuid)(glue->vcpu);
	glue->setting_up = false;
}
#else
static void make_controls(struct glue *glue)
{
}

static void update_controls(struct glue *glue)
{
}
#endif

int glue_offered(struct glue *glue, const struct glue_setup *setup,
		 unsigned long long *capabilities)
{
#ifndef GLUE_PROVE
	if (setup->amd || glue->no_controls || !glue_vmx_capabilities)
		return 0;
	glue->host = setup->host;
	load_vendor(glue, setup);
	*capabilities = glue_vmx_capabilities();
	return 1;
#else
	return 0;
#endif
}

int glue_without_controls(struct glue *glue)
{
#ifndef GLUE_PROVE
	const int had = has_controls(glue);

	glue->no_controls = true;
	return had;
#else
	return 0;
#endif
}

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
	glue->kvm->arch.enable_pmu = enable_pmu && !setup->no_pmu;
	glue->kvm->vm_bugged = glue->kvm->vm_dead = false;

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
	vcpu->arch.perf_capabilities = setup->perf_capabilities;
	/* As after an earlier KVM_SET_CPUID2 that gave all there is: nothing of it may stay. */
	vcpu->arch.pmu.version = 2;
#ifdef HAVE_GUEST_BITMAPS
	vcpu->arch.pmu.cntr_mask64 = BIT_ULL(ARRAY_SIZE(vcpu->arch.pmu.gp_counters)) - 1;
	vcpu->arch.pmu.fixed_cntr_mask64 = BIT_ULL(ARRAY_SIZE(vcpu->arch.pmu.fixed_counters)) - 1;
#else
	vcpu->arch.pmu.nr_arch_gp_counters = ARRAY_SIZE(vcpu->arch.pmu.gp_counters);
	vcpu->arch.pmu.nr_arch_fixed_counters = ARRAY_SIZE(vcpu->arch.pmu.fixed_counters);
#endif
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
	return arch->exception.pending && arch->exception.vector == DB_VECTOR &&
	       !arch->exception.has_error_code &&
	       (arch->exception.has_payload ? arch->exception.payload == DR6_BS
					    : arch->dr6 == (DR6_ACTIVE_LOW | DR6_BS));
}

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
		ret = kvm_emulate_rdpmc(vcpu);

	answer->gave_up = 0;
	answer->exits = ret != 1;
	answer->reason = (int)vcpu->run->exit_reason;
	answer->exception = arch->exception.pending ? arch->exception.vector : -1;
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
	if (pmc->perf_event && !pmc->is_paused)
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
	pmc->is_paused = mixed >> 62 == 1;
	if (pmc->perf_event && !pmc->is_paused)
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

void glue_clocks(struct glue *glue, unsigned long long real, unsigned long long apparent)
{
	glue->real = real;
	glue->kvm->arch.kvmclock_offset = apparent - real;
}

int glue_host_capabilities(const struct glue *glue)
{
#ifdef HAVE_HOST_PERF_CAPABILITIES
	return 1;
#else
	return glue->asked_capabilities;
#endif
}

#ifdef HAVE_NEED_RDPMC_INTERCEPT
static bool helper_intercepts(struct glue *glue)
{
	glue->asked_capabilities = false;
	return kvm_need_rdpmc_intercept(glue->vcpu);
}
#else
static bool helper_intercepts(struct glue *glue)
{
	return true;
}
#endif

#ifndef GLUE_PROVE
/* Where the controls are not known, what asks the helper may do otherwise than it says. */
int glue_intercepts(struct glue *glue)
{
	if (has_controls(glue))
		return (glue->amd ? glue_svm_exits : glue_vmx_exits)(glue->vcpu);
	return helper_intercepts(glue) ? -1 : 0;
}
#else
int glue_intercepts(struct glue *glue)
{
	return helper_intercepts(glue);
}
#endif

#if !defined(GLUE_PROVE) && defined(CONFIG_PERF_EVENTS) && defined(CONFIG_CPU_SUP_INTEL)
/*
 * The host's perf has no last branch records, as in proofs (prove/kernel_contracts.c). By another name, because trees
 * before 6.1 declare that it returns an error.
 */
int glue_get_lbr(struct x86_pmu_lbr *lbr) __asm__("x86_perf_get_lbr");
int glue_get_lbr(struct x86_pmu_lbr *lbr)
{
	lbr->nr = 0;
	return -1;
}
#endif
