/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list of ECX in every legal state: what a real vCPU is swept with, and what of it was run is
 * counted by state and by class of ECX.
 */
#ifndef FUZZ_SWEEP_STATES_H
#define FUZZ_SWEEP_STATES_H

#include "fuzz/shape.h"
#include "fuzz/sweep.h"

/* Mode, size of code, paging, CPL and CR4.PCE; each is tried with and without LOCK. */
#define SWEEP_PLACES 62

struct sweep_place {
	struct rdpmc_state state; /* the first that was tried: RCX[63:32] and others vary */
	uint64_t agree[NR_SHAPES], known, differ, refused;
	uint64_t ways[NR_WAYS]; /* answers, by how they came about */
};

/* "protected 16 paging CPL 3 PCE" */
#define SWEEP_PLACE_NAME 64
const char *sweep_place_name(const struct sweep_place *place, char name[SWEEP_PLACE_NAME]);

/*
 * @ecxs in every legal state, by all entries of @trial's engine and all of its oracles; its tally is
 * added to. @lock: with the prefix, too. In one thread, whatever the sweep says.
 */
void sweep_states(const struct sweep *sweep, struct trial *trial, const struct rdpmc_case *swept,
		  const uint32_t *ecxs, size_t count, bool lock,
		  struct sweep_place places[SWEEP_PLACES], struct sweep_result *result);

#endif
