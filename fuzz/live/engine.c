// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine "kvm": each case becomes the state of a real vCPU, which executes one RDPMC. The border
 * between the model's types and host/.
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "fuzz/engine.h"
#include "fuzz/live/live.h"
#include "fuzz/random.h"
#include "host/batch.h"
#include "host/context.h"
#include "host/counters.h"
#include "host/probe.h"

#define TIMEOUT_MS 1000 /* of one instruction: some 10 us, more on a loaded host */

/* Bits of CR0 and CR4 that RDPMC must not care for, and that no table or handler here depends on. */
#define CR0_TRIED 0x5000eULL /* MP EM TS WP AM */
#define CR4_TRIED                                                                                  \
	0x00050fcfULL /* VME PVI TSD DE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP FSGSBASE OSXSAVE */

/* 0F 0B "kvm": KVM's forced-emulation prefix. */
#define PREFIX_SIZE 5
static const uint8_t prefix[PREFIX_SIZE] = { 0x0f, 0x0b, 'k', 'v', 'm' };

/* What the processor's CPUID says beyond the PMU that guests can be given. */
static void look_at_processor(struct rdpmc_pmu *cpu)
{
	unsigned int a, b, c, d;

	if (cpu->version && cpu->vendor == RDPMC_AMD) {
		if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
			cpu->ext_nb = c >> 24 & 1;
			cpu->ext_l3 = c >> 28 & 1;
		}
		if (cpu->version == 2 && __get_cpuid_count(0x80000022, 0, &a, &b, &c, &d))
			cpu->nr_nb = b >> 10 & 0x3f;
	} else if (cpu->version) {
		if (cpu->version >= 5 && __get_cpuid_count(0xa, 0, &a, &b, &c, &d))
			cpu->fixed_bitmap = c;
		if (__get_cpuid_count(0x23, 0, &a, &b, &c, &d) && a & 2) {
			cpu->user_disable = b >> 2 & 1;
			__get_cpuid_count(0x23, 1, &a, &b, &c, &d);
			cpu->leaf23_gp = a;
			cpu->leaf23_fixed = b;
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
	vm->pmu = *pmu;
	vm->shape = config.pmu;
	vm->asked = false;
	memset(vm->no_list, 0, sizeof(vm->no_list));
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
	look_at_processor(&vcpu->host.processor);
	vcpu->vm = vm_of(vcpu, &vcpu->host.most);
	if (!vcpu->vm) {
		failure = vcpu->why;
		kvm_destroy(vcpu);
		return NULL;
	}
	vcpu->entries = 1U << ENTRY_PLAIN;
	if (context_param("", "kvm", "force_emulation_prefix") == PARAM_YES)
		vcpu->entries |= 1U << ENTRY_EMULATOR;
	vcpu->cr0 = insn_free_bits(&vcpu->vm->insn, false, CR0_TRIED);
	vcpu->cr4 = insn_free_bits(&vcpu->vm->insn, true, CR4_TRIED) | RDPMC_CR4_PCE;
	vcpu->upper_user = has_upper_user(vcpu);
	return vcpu;
}

static unsigned int kvm_has(struct engine_vcpu *vcpu)
{
	return vcpu->entries;
}

static bool kvm_offer(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest, struct rdpmc_pmu *host,
		      struct rdpmc_policy *policy)
{
	*host = vcpu->host.processor;
	*policy = vcpu->host.policy;
	return live_offer(&vcpu->host, guest);
}

/* Where code can lie: see host/insn.h. */
static uint64_t reachable_rip(const struct rdpmc_state *state, bool upper_user)
{
	const uint64_t rip = state->regs.rip, low = rip & 0xffff;
	const uint64_t last = 0x1000 - RDPMC_LENGTH - state->lock; /* in the last page */
	const uint64_t in_page = (rip & 0xfff) < last ? rip & 0xfff : last;
	uint64_t half;

	if (state->mode == MODE_REAL || state->mode == MODE_VM86)
		return low < 8 ? 8 : low > 0xfff0 ? 0xfff0 : low;
	if (state->mode != MODE_64BIT)
		return rip < 8 ? 8 : (uint32_t)rip;
	half = rip >> 47 & 1 && (state->cpl != 3 || upper_user) ? 0xffff800000000000 : 0;
	/* The last page of each half; else its first ones. */
	if ((rip >> 12 & 0x7ffffffff) == 0x7ffffffff)
		return half | 0x7ffffffff000 | in_page;
	return half | INSN_CODE | (low < 8 ? 8 : low);
}

static bool kvm_adapt(struct engine_vcpu *vcpu, struct rdpmc_state *state)
{
	struct rdpmc_state wanted = *state;
	const bool is_long = wanted.mode == MODE_COMPATIBILITY || wanted.mode == MODE_64BIT;
	const uint64_t pg = wanted.mode == MODE_REAL ? 0
			    : is_long                ? CPU_CR0_PG
						     : wanted.cr0 & CPU_CR0_PG;

	state->cr0 = (wanted.cr0 & (vcpu->cr0 | RDPMC_CR0_PE)) | pg;
	state->cr4 = wanted.cr4 & vcpu->cr4;
	state->regs.rip = reachable_rip(state, vcpu->upper_user);
	if (wanted.mode == MODE_REAL)
		state->cpl = 0;
	return state->cr0 != wanted.cr0 || state->cr4 != wanted.cr4 || state->cpl != wanted.cpl ||
	       state->regs.rip != wanted.regs.rip;
}

static enum cpu_mode mode_of(const struct rdpmc_state *state)
{
	switch (state->mode) {
	case MODE_REAL:
		return CPU_REAL;
	case MODE_PROTECTED:
		return state->code16 ? CPU_PROTECTED16 : CPU_PROTECTED32;
	case MODE_VM86:
		return CPU_VIRTUAL8086;
	case MODE_COMPATIBILITY:
		return state->code16 ? CPU_COMPATIBILITY16 : CPU_COMPATIBILITY;
	default:
		return CPU_LONG;
	}
}

/* Garbage in all registers that RDPMC does not know. */
static void fill_registers(const struct rdpmc_state *state, struct cpu_state *cpu)
{
	struct random random = { state->regs.rcx ^ state->regs.rip ^ state->regs.rax };
	struct kvm_regs *regs = &cpu->regs;
	__u64 *const others[] = { &regs->rbx, &regs->rsi, &regs->rdi, &regs->rbp, &regs->r8,
				  &regs->r9,  &regs->r10, &regs->r11, &regs->r12, &regs->r13,
				  &regs->r14, &regs->r15, &regs->rsp };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		*others[i] = random_next(&random);
	regs->rax = state->regs.rax;
	regs->rcx = state->regs.rcx;
	regs->rdx = state->regs.rdx;
	regs->rip = state->regs.rip;
	regs->rflags = state->regs.rflags;
	/* Canonical: with another kvm_pvm does not let the processor execute the guest's code. */
	regs->rsp = cpu->mode != CPU_LONG ? (uint32_t)regs->rsp
					  : (uint64_t)((int64_t)(regs->rsp << 16) >> 16);
	/* There an exception at CPL 0 stays on its stack. */
	if (!cpu->cpl && !cpu_mode_is_long(cpu->mode))
		regs->rsp = cpu->mode == CPU_PROTECTED32 ? INSN_STACK : INSN_STACK_86;
}

static void to_cpu(const struct rdpmc_state *state, struct cpu_state *cpu)
{
	*cpu = (struct cpu_state){
		.mode = mode_of(state),
		.cpl = rdpmc_cpl(state),
		.paging = state->cr0 & CPU_CR0_PG,
		.cr0 = state->cr0 & CR0_TRIED,
		.cr4 = state->cr4,
	};
	fill_registers(state, cpu);
	if (state->mode == MODE_REAL || state->mode == MODE_VM86)
		cpu->cs_base = INSN_CODE;
	else if (state->mode != MODE_64BIT)
		cpu->cs_base =
			(uint32_t)(INSN_CODE + 8 + (state->regs.rip & 0xffff) - state->regs.rip);
}

/* Texts that stay as long as the engine: findings are told apart by where they are. */
static const char *keep(struct engine_vcpu *vcpu, const char *text)
{
	for (size_t i = 0; i < TROUBLES; i++) {
		if (!*vcpu->troubles[i])
			snprintf(vcpu->troubles[i], sizeof(vcpu->troubles[i]), "%s", text);
		if (!strcmp(vcpu->troubles[i], text))
			return vcpu->troubles[i];
	}
	return "more kinds of trouble than are kept apart";
}

static uint8_t answer_of(const struct insn_result *result, bool real)
{
	const struct cpu_exception *exception = &result->exception;

	if (result->end == INSN_DONE)
		return ANSWER_VALUE;
	if (exception->vector == 13 && (exception->has_error || real))
		return ANSWER_GP;
	return exception->vector == 6 ? ANSWER_UD : ANSWER_STRANGE;
}

static void to_answer(struct engine_vcpu *vcpu, const struct rdpmc_state *state,
		      struct engine_answer *answer)
{
	static const uint8_t ways[] = { [INSN_NO_EXIT] = WAY_NO_EXIT,
					[INSN_EXITED] = WAY_EXIT,
					[INSN_EMULATED] = WAY_EMULATED };
	struct insn_result *result = &vcpu->result;

	answer->elsewhere = false;
	answer->error_code = 0;
	answer->regs = state->regs;
	answer->answer = ANSWER_STRANGE;
	if (result->end == INSN_REFUSED) {
		answer->refused = result->text;
		return;
	}
	if (result->end == INSN_LOST) {
		vcpu->trouble = keep(vcpu, result->text);
		return;
	}
	answer->answer = answer_of(result, state->mode == MODE_REAL);
	if (result->end == INSN_EXCEPTION)
		answer->error_code = result->exception.error;
	if (answer->answer == ANSWER_STRANGE && !result->changed) {
		result->changed = true;
		snprintf(result->text, sizeof(result->text), "exception %u",
			 result->exception.vector);
	}
	answer->way = ways[result->way];
	answer->elsewhere = result->changed;
	answer->changed = result->changed ? result->text : NULL;
	answer->regs.rax = result->regs.rax;
	answer->regs.rcx = result->regs.rcx;
	answer->regs.rdx = result->regs.rdx;
	answer->regs.rip = result->regs.rip;
	/* A fault's handler is told RF; a case has none. */
	answer->regs.rflags = result->regs.rflags & ~(1ULL << 16);
}

static void kvm_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		     struct engine_answer *answer)
{
	uint8_t code[PREFIX_SIZE + 3];
	size_t length = 0;
	struct cpu_state cpu;

	to_cpu(state, &cpu);
	if (entry == ENTRY_EMULATOR) {
		memcpy(code, prefix, sizeof(prefix));
		length = sizeof(prefix);
		cpu.regs.rip -= sizeof(prefix);
	}
	if (state->lock)
		code[length++] = 0xf0;
	code[length++] = 0x0f;
	code[length++] = 0x33;
	if (vcpu->vm) {
		insn_run(&vcpu->vm->insn, &cpu, code, length, &vcpu->result);
	} else {
		vcpu->result.end = INSN_REFUSED;
		snprintf(vcpu->result.text, sizeof(vcpu->result.text), "%s", vcpu->why.text);
	}
	to_answer(vcpu, state, answer);
}

/* The list by one KVM_RUN. False: not so, and nothing of it counts. */
static bool read_batch(struct engine_vcpu *vcpu, const struct rdpmc_state *state,
		       const uint32_t *ecxs, size_t n, struct engine_answer *answers)
{
	const uint64_t high = state->regs.rcx & ~0xffffffffULL;
	struct batch_result results[BATCH_MOST];
	uint64_t rcxs[BATCH_MOST];
	struct insn_count count;
	struct no_list *no_list;
	struct cpu_state cpu;
	enum way way;

	if (!vcpu->vm || state->lock)
		return false;
	to_cpu(state, &cpu);
	no_list = &vcpu->vm->no_list[cpu.mode][cpu.cpl];
	if (no_list->is)
		return false;
	for (size_t i = 0; i < n; i++)
		rcxs[i] = high | ecxs[i];
	if (!batch_run(&vcpu->vm->insn, &cpu, rcxs, n, results, &count, &no_list->why)) {
		no_list->is = true;
		return false;
	}
	way = insn_emulated(&vcpu->vm->insn, &cpu) ? WAY_EMULATED
	      : count.exits < n                    ? WAY_NO_EXIT
						   : WAY_EXIT;
	for (size_t i = 0; i < n; i++) {
		struct engine_answer *answer = &answers[i];

		*answer = (struct engine_answer){ .regs = state->regs };
		answer->regs.rcx = rcxs[i];
		answer->way = way;
		if (results[i].error != BATCH_NO_FAULT) {
			answer->answer = ANSWER_GP;
			answer->error_code = (uint32_t)results[i].error;
			continue;
		}
		answer->answer = ANSWER_VALUE;
		answer->regs.rax = results[i].rax;
		answer->regs.rdx = results[i].rdx;
		answer->regs.rip += RDPMC_LENGTH;
		if (state->mode != MODE_64BIT)
			answer->regs.rip = (uint32_t)answer->regs.rip;
	}
	return true;
}

/* Of a read in a list: the next one does away with its text, and trouble would be the first read's. */
static void keep_texts(struct engine_vcpu *vcpu, struct engine_answer *answer)
{
	if (vcpu->trouble) {
		answer->elsewhere = true;
		answer->changed = vcpu->trouble;
		vcpu->trouble = NULL;
	} else if (answer->changed) {
		answer->changed = keep(vcpu, answer->changed);
	}
	if (answer->refused)
		answer->refused = keep(vcpu, answer->refused);
}

#define FEW 4 /* reads that are not worth a list */

static void kvm_read_list(struct engine_vcpu *vcpu, enum entry entry,
			  const struct rdpmc_state *state, const uint32_t *ecxs, size_t count,
			  struct engine_answer *answers)
{
	struct rdpmc_state one = *state;

	for (size_t first = 0, n; first < count; first += n) {
		n = count - first < BATCH_MOST ? count - first : BATCH_MOST;
		if (entry == ENTRY_PLAIN && n >= FEW &&
		    read_batch(vcpu, state, ecxs + first, n, answers + first))
			continue;
		for (size_t i = first; i < first + n; i++) {
			one.regs.rcx = (state->regs.rcx & ~0xffffffffULL) | ecxs[i];
			kvm_read(vcpu, entry, &one, &answers[i]);
			keep_texts(vcpu, &answers[i]);
		}
	}
}

static void set_counters(struct engine_vcpu *vcpu, const struct rdpmc_counters *counters,
			 unsigned int n_gp, unsigned int n_fixed)
{
	const struct vm *vm = &vcpu->vm->insn.vm;
	const struct pmu_shape *shape = &vcpu->vm->shape;

	for (unsigned int x = 0; x < n_gp && x < shape->nr_gp; x++)
		counter_set(vm, shape, COUNTER_GP, x, counters->gp[x]);
	for (unsigned int x = 0; x < n_fixed && x < shape->nr_fixed; x++)
		counter_set(vm, shape, COUNTER_FIXED, x, counters->fixed[x]);
	if (pmu_has_metrics(shape))
		counter_set(vm, shape, COUNTER_METRICS, 0, counters->metrics);
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
	if (vcpu->vm && vcpu->vm->shape.version && vcpu->vm->insn.ready)
		set_counters(vcpu, counters, n_gp, n_fixed);
}

static void kvm_write(struct engine_vcpu *vcpu, const struct case_step *step)
{
	static const enum counter_kind kinds[] = { [STEP_GP] = COUNTER_GP,
						   [STEP_FIXED] = COUNTER_FIXED,
						   [STEP_METRICS] = COUNTER_METRICS };

	if (vcpu->vm && vcpu->vm->shape.version && vcpu->vm->insn.ready)
		counter_set(&vcpu->vm->insn.vm, &vcpu->vm->shape, kinds[step->op],
			    step->op == STEP_METRICS ? 0 : step->arg, step->value);
}

static uint64_t held(const struct engine_vcpu *vcpu, enum counter_kind kind, unsigned int index,
		     uint64_t otherwise)
{
	uint64_t value;

	return counter_get(&vcpu->vm->insn.vm, &vcpu->vm->shape, kind, index, &value) ? value
										      : otherwise;
}

static void kvm_counters(const struct engine_vcpu *vcpu, struct rdpmc_counters *counters,
			 unsigned int n_gp, unsigned int n_fixed)
{
	memset(counters, 0, sizeof(*counters));
	if (!vcpu->vm || !vcpu->vm->insn.ready)
		return;
	for (unsigned int x = 0; x < n_gp && x < vcpu->vm->shape.nr_gp; x++)
		counters->gp[x] = held(vcpu, COUNTER_GP, x, 0);
	for (unsigned int x = 0; x < n_fixed && x < vcpu->vm->shape.nr_fixed; x++)
		counters->fixed[x] = held(vcpu, COUNTER_FIXED, x, 0);
	counters->metrics = held(vcpu, COUNTER_METRICS, 0, 0);
}

static uint64_t low_bits(uint64_t value, unsigned int width)
{
	return width < 64 ? value & ((1ULL << width) - 1) : value;
}

/* Only what the guest has, in its width. A vCPU that was lost takes its counters along. */
static bool kvm_holds(const struct engine_vcpu *vcpu, const struct rdpmc_counters *expected,
		      unsigned int n_gp, unsigned int n_fixed)
{
	const struct pmu_shape *shape;

	if (!vcpu->vm || !vcpu->vm->shape.version || !vcpu->vm->insn.ready)
		return true;
	shape = &vcpu->vm->shape;
	for (unsigned int x = 0; x < n_gp && x < shape->nr_gp; x++) {
		uint64_t value = low_bits(expected->gp[x], shape->gp_width);

		if (held(vcpu, COUNTER_GP, x, value) != value)
			return false;
	}
	for (unsigned int x = 0; x < n_fixed && x < shape->nr_fixed; x++) {
		uint64_t value = low_bits(expected->fixed[x], shape->fixed_width);

		if (held(vcpu, COUNTER_FIXED, x, value) != value)
			return false;
	}
	return held(vcpu, COUNTER_METRICS, 0, expected->metrics) == expected->metrics;
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
		exits += vcpu->result.way != INSN_NO_EXIT;
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

__attribute__((constructor)) static void look_at_release(void)
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
	.single = true,
	.real = true,
	.entries = 1U << ENTRY_PLAIN | 1U << ENTRY_EMULATOR,
	.cannot = 1U << STEP_FIXED_CTRL | 1U << STEP_USER_DISABLE,
	.create = kvm_create,
	.destroy = kvm_destroy,
	.has = kvm_has,
	.remark = live_remark,
	.speed = live_speed,
	.offer = kvm_offer,
	.adapt = kvm_adapt,
	.begin = kvm_begin,
	.load = kvm_load,
	.write = kvm_write,
	.read = kvm_read,
	.read_list = kvm_read_list,
	.holds = kvm_holds,
	.counters = kvm_counters,
	.intercepts = kvm_intercepts,
	.trouble = kvm_trouble,
};
