/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emulator/'s two entries, called in this process: what the software adds to an exit, without the
 * exit. Its types stay behind this header: it has a struct kvm of its own.
 */
#ifndef BENCH_EMULATED_H
#define BENCH_EMULATED_H

#include "bench/cases.h"
#include "model/rdpmc.h"

struct emulated;

/* Two vCPUs, one of Intel's and one of AMD's, with presets in their counters. NULL: no memory. */
struct emulated *emulated_create(void);
void emulated_destroy(struct emulated *emulated);

/*
 * @count calls of the row's entry, each with the registers that an exit finds. One block, or @count
 * (at most GUEST_MAX_SAMPLES) samples. @value is EDX:EAX after the last one.
 */
void emulated_measure(struct emulated *emulated, const struct row *row, uint64_t count,
		      bool sampled, uint64_t *ticks, uint64_t *faults, uint64_t *value);
const uint64_t *emulated_samples(const struct emulated *emulated);

/* What one call does to the vCPU. */
struct emulated_answer {
	enum rdpmc_answer answer;
	uint32_t error_code; /* 0 unless it faulted with one */
	struct rdpmc_regs regs;
};
void emulated_execute(struct emulated *emulated, const struct row *row,
		      struct emulated_answer *answer);

#endif
