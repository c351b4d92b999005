/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What host/insn.c and host/batch.c share: a vCPU into a state, and back. */
#ifndef HOST_INSN_ENTER_H
#define HOST_INSN_ENTER_H

#include "host/insn.h"

/* The vCPU made if need be, and what this KVM makes of @state; NULL: nothing, and @why. */
struct insn_kind *insn_prepare(struct insn_vcpu *vcpu, const struct cpu_state *state,
			       struct failure *why);

/* @state as this KVM has it. */
void insn_registers(const struct cpu_state *state, const struct insn_kind *kind,
		    struct kvm_regs *regs, struct kvm_sregs *sregs);

/* Code to a linear address. */
void insn_write(struct insn_vcpu *vcpu, uint64_t linear, const uint8_t *code, size_t length);

/*
 * Enter with these registers, until an exception or a write to STATE_PORT at RIP @next: all of
 * @result but the way.
 */
void insn_enter(struct insn_vcpu *vcpu, const struct cpu_state *state, const struct insn_kind *kind,
		const struct kvm_regs *regs, const struct kvm_sregs *sregs, uint64_t next,
		struct insn_result *result);

#endif
