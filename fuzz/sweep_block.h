/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One block of a full sweep: consecutive ECX in one state, by each entry. */
#ifndef FUZZ_SWEEP_BLOCK_H
#define FUZZ_SWEEP_BLOCK_H

#include "fuzz/sweep.h"

/* What a thread needs for it. */
struct sweep_block {
	struct sweep_thread *thread;
	struct rdpmc_case swept;
	struct rdpmc_pmu guest; /* as the engine can give it */
	struct rdpmc_view view;
	struct rdpmc_counters before; /* each entry starts from them */
	unsigned int n_gp, n_fixed;
	struct engine single; /* the engine with one entry alone */
	uint64_t values[SWEEP_BLOCK];
	uint8_t answers[SWEEP_BLOCK];
};

/* Also makes the engine ready. */
void sweep_block_begin(struct sweep_block *block, struct sweep_thread *thread,
		       const struct rdpmc_case *swept);

/*
 * @count reads without LOCK from ECX @first on, at most SWEEP_BLOCK and all with the same ECX[31:16].
 * Notes in the thread's result what is wrong; returns how many entries are.
 */
unsigned int sweep_block(struct sweep_block *block, const struct rdpmc_state *state, uint32_t first,
			 unsigned int count);

#endif
