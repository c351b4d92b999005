/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One place a row can be measured on: a guest under one setting, or this processor itself. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include "bench/rows.h"
#include "bench/native.h"
#include "host/guest.h"

struct machine {
	bool up;
	struct guest_config config; /* what a guest is booted with */
	enum guest_running running; /* which of its counters, once it is up */
	struct guest guest;
	struct native native;
};

/* What one command brought: ticks of the whole block, and KVM's counters over it. */
struct reading {
	uint64_t ticks, faults, value;
	uint64_t exits, insn_emulation, irq_exits; /* the way in and out of the guest included */
	uint64_t user_exits;                       /* GUEST_PORT_NOTHING */
	uint64_t assists;                          /* GUEST_PORT_ASSIST */
	uint64_t host_ns;
	double together; /* share of host_ns that all vCPUs of the row ran: vcpus_measure(); else 1 */
};

/* Boot a fresh VM unless up. Returns 0 or -errno. */
int machine_up(struct machine *machine, const struct kvm *kvm, struct failure *failure);
void machine_down(struct machine *machine);

/*
 * @count turns of the row's loop: one block, or @count samples into machine_samples(). Errors as
 * guest_call().
 */
int machine_measure(struct machine *machine, const struct row *row, uint64_t count, bool sampled,
		    unsigned int timeout_ms, struct reading *reading, struct failure *failure);
const uint64_t *machine_samples(const struct machine *machine, const struct row *row);

#endif
