// SPDX-License-Identifier: GPL-2.0-or-later
/* Registers go and come with KVM_RUN itself (KVM_CAP_SYNC_REGS): one system call a case. */
#include "host/insn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "host/watchdog.h"

#define HLT  0xf4
#define INT3 0xcc

/* RFLAGS that no mode has a meaning of its own for: all but TF, IF, RF, VM, VIF, VIP. */
#define RFLAGS_ALL 0x00247cd5ULL

#define SYNC (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS)

static size_t place(uint64_t linear)
{
	return (size_t)(linear & (INSN_MEMORY - 1));
}

/* Byte by byte: code may end where memory does, and go on where it begins. */
static void write_code(struct insn_vcpu *vcpu, uint64_t linear, const uint8_t *code, size_t length)
{
	for (size_t i = 0; i < length; i++)
		vcpu->vm.memory[place(linear + i)] = code[i];
}

static int vcpu_create(struct insn_vcpu *vcpu, struct failure *failure)
{
	int error = vm_create(&vcpu->vm, vcpu->kvm, &vcpu->config, failure);

	if (error)
		return error;
	error = vcpu_stats_open(&vcpu->stats, vcpu->vm.vcpu_fd, failure);
	if (!error)
		error = state_tables(&vcpu->vm, failure);
	if (!error)
		error = vcpu_stats_read(&vcpu->stats, vcpu->seen, failure);
	if (error) {
		vcpu_stats_close(&vcpu->stats);
		vm_destroy(&vcpu->vm);
		return error;
	}
	vcpu->filler = vcpu->config.irqchip ? INT3 : HLT;
	vcpu->out = 0;
	memset(vcpu->vm.memory, vcpu->filler, 16); /* what is beyond the end of memory */
	memset(vcpu->vm.memory + INSN_CODE, vcpu->filler, INSN_MEMORY - INSN_CODE);
	vcpu->vm.run->kvm_valid_regs = SYNC;
	vcpu->ready = true;
	vcpu->made++;
	return 0;
}

static void vcpu_destroy(struct insn_vcpu *vcpu)
{
	if (!vcpu->ready)
		return;
	vcpu_stats_close(&vcpu->stats);
	vm_destroy(&vcpu->vm);
	vcpu->ready = false;
}

int insn_open(struct insn_vcpu *vcpu, const struct kvm *kvm, const struct vm_config *config,
	      unsigned int timeout_ms, struct failure *failure)
{
	int synced = ioctl(kvm->fd, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS);

	*vcpu = (struct insn_vcpu){ .kvm = kvm, .config = *config, .timeout_ms = timeout_ms };
	vcpu->config.memory_size = INSN_MEMORY;
	if (synced < 0 || (synced & SYNC) != SYNC)
		return fail_with(failure, -ENOTSUP,
				 "this kernel's KVM is too old: it lacks KVM_CAP_SYNC_REGS "
				 "(Linux 4.17)");
	return vcpu_create(vcpu, failure);
}

void insn_close(struct insn_vcpu *vcpu)
{
	vcpu_destroy(vcpu);
}

static enum insn_end end_with(struct insn_result *result, enum insn_end end, const char *text)
{
	snprintf(result->text, sizeof(result->text), "%s", text);
	return end;
}

static enum insn_end exit_unknown(const struct insn_vcpu *vcpu, struct insn_result *result)
{
	const struct kvm_run *run = vcpu->vm.run;
	char text[120];

	switch (run->exit_reason) {
	case KVM_EXIT_SHUTDOWN:
		return end_with(result, INSN_LOST, "triple fault (KVM_EXIT_SHUTDOWN)");
	case KVM_EXIT_INTERNAL_ERROR:
		result->unemulated = run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION;
		snprintf(text, sizeof(text), "KVM_EXIT_INTERNAL_ERROR, suberror %u%s",
			 run->internal.suberror,
			 run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION
				 ? ": an instruction it does not emulate"
				 : "");
		return end_with(result, INSN_LOST, text);
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(text, sizeof(text), "KVM_EXIT_FAIL_ENTRY, hardware reason %#llx",
			 run->fail_entry.hardware_entry_failure_reason);
		return end_with(result, INSN_REFUSED, text);
	case KVM_EXIT_IO:
		snprintf(text, sizeof(text), "access to port %#x", run->io.port);
		return end_with(result, INSN_LOST, text);
	default:
		snprintf(text, sizeof(text), "KVM exit reason %u", run->exit_reason);
		return end_with(result, INSN_LOST, text);
	}
}

/* KVM_RUN until it leaves for a reason of the guest's. INSN_DONE: look at it. */
static enum insn_end run(struct insn_vcpu *vcpu, struct insn_result *result)
{
	char text[80];
	int error;

	if (!watchdog_arm(vcpu->vm.run, vcpu->timeout_ms))
		return end_with(result, INSN_REFUSED, "no timer for the watchdog");
	while ((error = ioctl(vcpu->vm.vcpu_fd, KVM_RUN, NULL)) &&
	       (errno == EINTR || errno == EAGAIN) && !watchdog_expired())
		;
	error = error ? errno : 0;
	watchdog_disarm();
	if (error == EINTR || error == EAGAIN) {
		snprintf(text, sizeof(text), "it did not come back within %u ms", vcpu->timeout_ms);
		return end_with(result, INSN_LOST, text);
	}
	if (error) {
		snprintf(text, sizeof(text), "KVM_RUN: %s", strerror(error));
		return end_with(result, error == EINVAL ? INSN_REFUSED : INSN_LOST, text);
	}
	return INSN_DONE;
}

/* How did what came back end? */
static enum insn_end ended(struct insn_vcpu *vcpu, const struct cpu_state *state,
			   const struct kvm_regs *regs_set, const struct kvm_sregs *set,
			   uint64_t lost_rflags, uint64_t next, struct insn_result *result)
{
	const struct kvm_run *run = vcpu->vm.run;
	struct kvm_sregs *sregs = &vcpu->vm.run->s.regs.sregs;
	struct kvm_regs *regs = &result->regs;

	if (run->exit_reason == KVM_EXIT_HLT && !state->cpl) {
		/* Astray: where it is says enough. */
		regs->rip--;
		return INSN_DONE;
	}
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != STATE_PORT ||
	    run->io.direction != KVM_EXIT_IO_OUT)
		return exit_unknown(vcpu, result);
	if (!state_unwind(&vcpu->vm, set, state->mode == CPU_VIRTUAL8086, regs, sregs,
			  &result->exception)) {
		/* A port write may have been counted as done or not. */
		if (regs->rip == next + 2)
			regs->rip = next;
		vcpu->out = set->cs.base + regs->rip;
		return INSN_DONE;
	}
	regs->rflags |= lost_rflags & regs_set->rflags;
	/* HLT at CPL != 0; or the end of the canonical addresses, where there is nothing to fetch. */
	if (result->exception.vector != 13 || regs->rip != next || result->exception.error)
		return INSN_EXCEPTION;
	regs->rflags &= ~CPU_RFLAGS_RF;
	return INSN_DONE;
}

static void count(struct insn_vcpu *vcpu, struct insn_result *result)
{
	uint64_t now[NR_VCPU_STATS];
	struct failure failure;

	if (vcpu_stats_read(&vcpu->stats, now, &failure))
		return;
	result->count.exits = now[STAT_EXITS] - vcpu->seen[STAT_EXITS] -
			      (now[STAT_IRQ_EXITS] - vcpu->seen[STAT_IRQ_EXITS]);
	result->count.emulated = now[STAT_INSN_EMULATION] - vcpu->seen[STAT_INSN_EMULATION];
	memcpy(vcpu->seen, now, sizeof(now));
}

static void registers_of(const struct cpu_state *state, const struct insn_kind *kind,
			 struct kvm_regs *regs, struct kvm_sregs *sregs)
{
	state_general(state, regs);
	*sregs = kind->sregs;
	sregs->cr0 |= state->cr0;
	sregs->cr4 |= state->cr4;
	sregs->cs.base = state->cs_base;
	if (cpu_mode_is_86(state->mode)) {
		sregs->cs.selector = (uint16_t)(state->cs_base >> 4);
		sregs->ds.base = state->ds_base;
		sregs->ds.selector = (uint16_t)(state->ds_base >> 4);
	}
}

static void enter(struct insn_vcpu *vcpu, const struct cpu_state *state,
		  const struct insn_kind *kind, const struct kvm_regs *regs,
		  const struct kvm_sregs *sregs, uint64_t next, struct insn_result *result)
{
	const uint64_t linear = sregs->cs.base + regs->rip;
	struct kvm_run *shared = vcpu->vm.run;

	/*
	 * A port write may be complete only at the next entry, where KVM skips what is at its linear
	 * address: here it could take the instruction under test for it.
	 */
	if (vcpu->out && linear == vcpu->out) {
		shared->kvm_dirty_regs = 0;
		shared->immediate_exit = 1;
		ioctl(vcpu->vm.vcpu_fd, KVM_RUN, NULL);
		shared->immediate_exit = 0;
	}
	vcpu->out = 0;
	shared->s.regs.regs = *regs;
	shared->s.regs.sregs = *sregs;
	shared->kvm_dirty_regs = SYNC;
	/* Without an in-kernel local APIC it comes from here at every entry. */
	shared->cr8 = sregs->cr8;
	result->end = run(vcpu, result);
	if (result->end == INSN_DONE) {
		result->regs = shared->s.regs.regs;
		result->end = ended(vcpu, state, regs, sregs, kind->lost_rflags, next, result);
	}
	shared->kvm_dirty_regs = 0;
	if (result->end == INSN_LOST) {
		vcpu_destroy(vcpu);
		return;
	}
	count(vcpu, result);
	if (result->end == INSN_REFUSED)
		return;
	result->changed = state_differs(regs, sregs, &result->regs, &shared->s.regs.sregs,
					result->text, sizeof(result->text));
}

/* Run @code in @state, which @kind tells how to bring about. */
static void execute(struct insn_vcpu *vcpu, const struct cpu_state *state,
		    const struct insn_kind *kind, const uint8_t *code, size_t length,
		    struct insn_result *result)
{
	/* OUT at CPL 0; HLT, which raises #GP, elsewhere: OUT would hang on IOPL. */
	const uint8_t stop[2] = { state->cpl ? HLT : 0xe6, state->cpl ? HLT : STATE_PORT };
	const uint64_t linear = state->cs_base + state->regs.rip;
	uint64_t next = state->regs.rip + length;
	uint8_t halts[INSN_CODE_MOST + sizeof(stop)];
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (state->mode != CPU_LONG)
		next = (uint32_t)next;
	registers_of(state, kind, &regs, &sregs);
	write_code(vcpu, linear, code, length);
	write_code(vcpu, linear + length, stop, sizeof(stop));
	enter(vcpu, state, kind, &regs, &sregs, next, result);
	if (!vcpu->ready)
		return;
	memset(halts, vcpu->filler, sizeof(halts));
	write_code(vcpu, linear, halts, length + sizeof(stop));
}

/* The least that @code takes: a host interrupt more or less is not @code's. */
static bool count_min(struct insn_vcpu *vcpu, const struct cpu_state *state,
		      const struct insn_kind *kind, const uint8_t *code, size_t length,
		      enum insn_end end, struct insn_result *result)
{
	struct insn_count min = { ~0ULL, ~0ULL };

	for (int i = 0; i < 4; i++) {
		execute(vcpu, state, kind, code, length, result);
		if (result->end != end)
			return false;
		if (result->count.exits < min.exits)
			min.exits = result->count.exits;
		if (result->count.emulated < min.emulated)
			min.emulated = result->count.emulated;
	}
	result->count = min;
	return true;
}

/* Find out what this KVM makes of such a state, by instructions that never concern a hypervisor. */
static void probe_baseline(struct insn_vcpu *vcpu, const struct cpu_state *state,
			   struct insn_kind *kind)
{
	static const uint8_t nop[] = { 0x90 }, div_ecx[] = { 0xf7, 0xf1 };
	const struct insn_result none = { 0 };
	struct insn_result nothing = none, done = none, fault = none;
	struct cpu_state bare = *state;

	kind->tried = true;
	bare.cr0 = bare.cr4 = 0;
	bare.cs_base = state->mode == CPU_LONG ? 0 : INSN_CODE;
	/* A stack of 16 bits at most, where all modes have one. */
	bare.regs = (struct kvm_regs){ .rip = state->mode == CPU_LONG ? INSN_CODE : 0,
				       .rsp = INSN_STACK_86,
				       .rflags = RFLAGS_ALL };
	if (state_set(&vcpu->vm, &bare, &kind->why) ||
	    ioctl(vcpu->vm.vcpu_fd, KVM_GET_SREGS, &kind->sregs)) {
		kind->refused = true;
	} else if (!count_min(vcpu, &bare, kind, nop, 0, INSN_DONE, &nothing) ||
		   !count_min(vcpu, &bare, kind, nop, sizeof(nop), INSN_DONE, &done) ||
		   !count_min(vcpu, &bare, kind, div_ecx, sizeof(div_ecx), INSN_EXCEPTION,
			      &fault)) {
		kind->refused = true;
		fail_with(&kind->why, -EIO, "NOP or DIV does not end as it should: %s",
			  *nothing.text ? nothing.text
			  : *done.text  ? done.text
					: fault.text);
	}
	if (kind->refused) {
		/* A KVM that did not take it may not know where it stands now. */
		vcpu_destroy(vcpu);
		return;
	}
	kind->lost_rflags = RFLAGS_ALL & ~fault.regs.rflags;
	if (state->mode == CPU_VIRTUAL8086)
		kind->lost_rflags |= CPU_RFLAGS_VM & ~fault.regs.rflags;
	kind->emulated = done.count.emulated > nothing.count.emulated ||
			 done.count.exits > nothing.count.exits;
	kind->min[INSN_DONE] = done.count;
	kind->min[INSN_EXCEPTION] = fault.count;
}

static struct insn_kind *prepare(struct insn_vcpu *vcpu, const struct cpu_state *state,
				 struct failure *why)
{
	struct insn_kind *kind = &vcpu->kinds[state->mode][state->cpl][state->paging];
	int error = 0;

	if (!vcpu->ready)
		error = vcpu_create(vcpu, why);
	/* Once more where it did not end well: a host may have been too busy. */
	for (int i = 0; i < 2 && !error && (!kind->tried || (i && kind->refused)); i++) {
		kind->refused = false;
		probe_baseline(vcpu, state, kind);
		if (!vcpu->ready)
			error = vcpu_create(vcpu, why);
	}
	if (!error && kind->refused)
		*why = kind->why;
	return error || kind->refused ? NULL : kind;
}

/* The first fetch from a page may exit by itself: that is not the instruction's. */
static void touch(struct insn_vcpu *vcpu, const struct cpu_state *state, struct insn_kind *kind,
		  struct insn_result *result)
{
	static const uint8_t nop[] = { 0x90 };
	const size_t page = place(state->cs_base + state->regs.rip) / INSN_PAGE;
	uint64_t *touched = &kind->touched[page / 64];

	if (kind->touched_in != vcpu->made) {
		memset(kind->touched, 0, sizeof(kind->touched));
		kind->touched_in = vcpu->made;
	}
	if (*touched >> page % 64 & 1)
		return;
	*touched |= 1ULL << page % 64;
	execute(vcpu, state, kind, nop, sizeof(nop), result);
}

/* A state is refused only if it is for any instruction; else this one has brought KVM to that. */
static void refused_or_lost(struct insn_vcpu *vcpu, const struct cpu_state *state,
			    const struct insn_kind *kind, struct insn_result *result)
{
	static const uint8_t nop[] = { 0x90 };
	struct insn_result other = { 0 };
	struct failure text;

	execute(vcpu, state, kind, nop, sizeof(nop), &other);
	if (other.end == INSN_REFUSED)
		return;
	fail_with(&text, 0, "%s, where a NOP is not refused", result->text);
	result->end = end_with(result, INSN_LOST, text.text);
	vcpu_destroy(vcpu);
}

void insn_run(struct insn_vcpu *vcpu, const struct cpu_state *state, const uint8_t *code,
	      size_t length, struct insn_result *result)
{
	struct failure why;
	struct insn_kind *kind = prepare(vcpu, state, &why);

	result->text[0] = '\0';
	result->changed = false;
	result->exception = (struct cpu_exception){ 0 };
	if (!kind) {
		result->end = end_with(result, INSN_REFUSED, why.text);
		return;
	}
	result->unemulated = false;
	touch(vcpu, state, kind, result);
	if (!vcpu->ready)
		return; /* a NOP cost it: that is told */
	result->text[0] = '\0';
	execute(vcpu, state, kind, code, length, result);
	if (result->end == INSN_REFUSED)
		refused_or_lost(vcpu, state, kind, result);
	if (result->end > INSN_EXCEPTION)
		return;
	result->path = kind->emulated ? INSN_EMULATED
		       : result->count.exits > kind->min[result->end].exits ||
				       result->count.emulated > kind->min[result->end].emulated
			       ? INSN_EXITED
			       : INSN_NO_EXIT;
}

bool insn_emulated(struct insn_vcpu *vcpu, const struct cpu_state *state)
{
	struct failure why;
	const struct insn_kind *kind = prepare(vcpu, state, &why);

	return kind && kind->emulated;
}

static bool takes(struct insn_vcpu *vcpu, const struct cpu_state *state)
{
	struct insn_result result;

	insn_run(vcpu, state, (const uint8_t[]){ 0x90 }, 1, &result);
	return result.end == INSN_DONE && !result.changed;
}

uint64_t insn_free_bits(struct insn_vcpu *vcpu, bool cr4, uint64_t asked)
{
	uint64_t taken = 0;

	for (uint64_t rest = asked; rest; rest &= rest - 1) {
		const uint64_t bit = rest & -rest;
		bool good = true;

		for (unsigned int i = 0; i < 4; i++) {
			struct cpu_state state = {
				.mode = i & 1 ? CPU_LONG : CPU_PROTECTED32,
				.cpl = i & 2 ? 3 : 0,
				.paging = i & 1,
				.cr0 = cr4 ? 0 : bit,
				.cr4 = cr4 ? bit : 0,
				.regs = { .rip = INSN_CODE, .rsp = INSN_STACK },
			};

			good = good && takes(vcpu, &state);
		}
		taken |= good ? bit : 0;
	}
	return taken;
}
