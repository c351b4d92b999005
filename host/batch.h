/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many RDPMCs in one state by one KVM_RUN: the guest makes them by itself, and its own handler notes
 * the faults. Per read it tells less than insn_run(): the value, or #GP with its error code; of all
 * the rest, RAX and RDX of a fault included, whether it is as it should be after the last.
 */
#ifndef HOST_BATCH_H
#define HOST_BATCH_H

#include "guest/batch.h"
#include "host/insn.h"

enum batch_end {
	BATCH_GOOD,
	BATCH_CANNOT, /* KVM refuses the state, or does not emulate what a list needs */
	BATCH_WRONG   /* it did not come back, or not as it should be */
};

/*
 * Run @rcxs, at most BATCH_MOST, in @state; of its registers RIP, RAX, RBX, RDX, RSI, RDI, RBP and of
 * RFLAGS IOPL, NT and the status flags are the list's own. Unless it is good the results mean nothing,
 * and @why tells. @count: exits of all.
 */
enum batch_end batch_run(struct insn_vcpu *vcpu, const struct cpu_state *state,
			 const uint64_t *rcxs, size_t n, struct batch_result *results,
			 struct insn_count *count, struct failure *why);

/* @n times RDPMC of @rcx with the same handler and nothing else: what a list can be at best. */
enum batch_end batch_bare(struct insn_vcpu *vcpu, const struct cpu_state *state, uint64_t rcx,
			  size_t n, struct failure *why);

#endif
