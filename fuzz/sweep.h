/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sweeps: a list of ECX in every legal state, through an engine against the model; for a real vCPU,
 * of which nothing can be proved. What of it was run is counted by state and by class of ECX.
 */
#ifndef FUZZ_SWEEP_H
#define FUZZ_SWEEP_H

#include "fuzz/findings.h"
#include "fuzz/shape.h"

/* How to sweep. A function that is NULL is not called. */
struct sweep {
	bool (*interrupted)(void); /* asked often: is it to end? */
	/* @share of it is done, 0 to 1. */
	void (*progress)(void *opaque, double share);
	/* A case is about to be tried. */
	void (*before)(void *opaque, const uint8_t *data, size_t size);
	void *opaque;
};

/* What a sweep has shown. */
struct sweep_result {
	uint64_t cases, mismatches;
	bool interrupted; /* there is less than was asked for */
	bool offered;     /* the engine cannot give this guest; tried without what it lacks */
	uint64_t refused; /* reads that the host refused */
	double seconds;
	struct findings findings;
};

void sweep_result_free(struct sweep_result *result);

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
 * added to. @swept gives all but the state. @lock: with the prefix, too.
 */
void sweep_states(const struct sweep *sweep, struct trial *trial, const struct rdpmc_case *swept,
		  const uint32_t *ecxs, size_t count, bool lock,
		  struct sweep_place places[SWEEP_PLACES], struct sweep_result *result);

/* Representatives of ECX: some thousands, or some hundreds. The list is the caller's to free. */
uint32_t *sweep_ecxs(bool few, size_t *count);

#endif
