/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list of ECX in every legal state: what a real vCPU is swept with, and what of it was run is
 * counted by state and by class of ECX.
 */
#ifndef FUZZ_SWEEP_STATES_H
#define FUZZ_SWEEP_STATES_H

#include "fuzz/sweep.h"

/* What ECX looks like, whatever PMU there is. */
#define SWEEP_SHAPES(SHAPE)                                                                        \
	SHAPE(GP, "0+x")           /* type 0000H, index to 31 */                                   \
	SHAPE(GP_BEYOND, "0+..")   /* ... further on */                                            \
	SHAPE(FIXED, "4000+x")     /* type 4000H */                                                \
	SHAPE(FIXED_BEYOND, "4000+..")                                                             \
	SHAPE(METRICS, "2000+0")   /* type 2000H */                                                \
	SHAPE(METRICS_INDEX, "2000+..")                                                            \
	SHAPE(VMWARE, "1_000x")    /* 10000H to 10002H */                                          \
	SHAPE(HIGH, "8000-FFFF")   /* ECX[31] is set */                                            \
	SHAPE(OTHER, "others")                                                                     \
	SHAPE(LOCK, "LOCK")        /* any ECX, with the prefix */

#define SWEEP_SHAPE_ENUM(name, text) SHAPE_##name,
enum sweep_shape { SWEEP_SHAPES(SWEEP_SHAPE_ENUM) NR_SHAPES };
#undef SWEEP_SHAPE_ENUM

const char *sweep_shape_name(enum sweep_shape shape);
enum sweep_shape sweep_shape(uint32_t ecx, bool lock);

/* Mode, size of code, paging, CPL and CR4.PCE; each is tried with and without LOCK. */
#define SWEEP_PLACES 62

struct sweep_place {
	struct rdpmc_state state; /* the first that was tried: RCX[63:32] and others vary */
	uint64_t agree[NR_SHAPES], differ, refused;
};

/* "protected mode (16-bit code), paging, CPL 3, PCE" */
#define SWEEP_PLACE_NAME 64
const char *sweep_place_name(const struct sweep_place *place, char name[SWEEP_PLACE_NAME]);

/*
 * @ecxs in every legal state, by all entries of the engine and all of the trial's oracles. @lock: with
 * the prefix, too. Returns 0, or -1 with @why. One thread, whatever the sweep says.
 */
int sweep_states(const struct sweep *sweep, const struct rdpmc_case *swept, const uint32_t *ecxs,
		 size_t count, bool lock, struct sweep_place places[SWEEP_PLACES],
		 struct sweep_result *result, struct tally *tally, const char **why);

#endif
