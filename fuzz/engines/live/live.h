/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine "kvm", between its files. */
#ifndef FUZZ_LIVE_LIVE_H
#define FUZZ_LIVE_LIVE_H

#include "fuzz/engines/engine.h"
#include "fuzz/engines/live/clamp.h"
#include "host/insn.h"

/* Bits of CR0 and CR4 that RDPMC must not care for, and that no table or handler here depends on. */
#define LIVE_CR0 0x5000eULL /* MP EM TS WP AM */
#define LIVE_CR4                                                                                   \
	0x00050fcfULL /* VME PVI TSD DE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP FSGSBASE OSXSAVE */

/* Guests of different PMUs that are kept; with 4 the seeds took twice as long. */
#define VMS      24
#define TROUBLES 16

struct guest_vm {
	bool there;
	uint64_t last; /* use */
	struct pmu_shape shape;
	bool asked; /* whether RDPMC is intercepted */
	enum intercept intercept;
	uint64_t loaded_in; /* the vCPU, by insn.made, that has the counters of the case; 0: none */
	struct insn_vcpu insn;
};

struct engine_vcpu {
	struct kvm kvm;
	struct setting_host probed;
	struct live_host host;
	unsigned int entries;
	uint64_t cr0, cr4; /* bits that this KVM takes */
	bool upper_user;   /* CPL 3 in the upper half of the canonical addresses */
	struct guest_vm vms[VMS];
	struct guest_vm *vm; /* of this case; NULL: there is none, ... */
	struct failure why;  /* ... and why */
	uint64_t begun;
	struct rdpmc_counters wanted; /* what the guest's counters hold by the case */
	struct insn_result result;    /* of the last read */
	const char *trouble;
	char troubles[TROUBLES][sizeof(struct failure)];
	char remark[1000];
};

/* state.c: as struct engine's adapt(); and @state for insn_run(), RIP on the RDPMC itself. */
bool live_adapt(struct engine_vcpu *vcpu, struct rdpmc_state *state);
void live_cpu(const struct rdpmc_state *state, struct cpu_state *cpu);

/* engine.c: before a read in @cpu, the counters of the case into a vCPU that has them not. */
void live_counters(struct engine_vcpu *vcpu, const struct cpu_state *cpu);

extern const struct engine engine_kvm;

/* read.c: a text that stays as long as the engine, one for all that differ in numbers only. */
const char *live_keep(struct engine_vcpu *vcpu, const char *text);

/* read.c: as struct engine's read() */
void live_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
	       struct engine_answer *answer);

/* What to know of this host, line by line until NULL. */
const char *live_remark(struct engine_vcpu *vcpu, unsigned int line);

#endif
