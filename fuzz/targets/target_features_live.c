// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For a real machine, whose kernel tells no coverage: the rules that decided by mode, size of code and
 * CPL, how the answers came about, and what ECX looked like. Beside an exit they cost nothing.
 */
#include "fuzz/case/shape.h"
#include "fuzz/targets/target_features.h"

static __attribute__((section("__libfuzzer_extra_counters"))) struct {
	uint8_t rules[NR_MODES][2][4][NR_RULES], shapes[NR_MODES][NR_SHAPES], paths[NR_EXEC_PATHS],
		obstacles[NR_OBSTACLES];
} features;

void target_features(const struct trial *trial, const struct rdpmc_case *decoded)
{
	static uint64_t paths[NR_EXEC_PATHS]; /* so far */
	const struct rdpmc_state *state = &decoded->state;

	for (uint32_t rules = trial->decided; rules; rules &= rules - 1)
		features.rules[state->mode][state->code16][rdpmc_cpl(state)][__builtin_ctz(rules)] =
			1;
	features.shapes[state->mode][ecx_shape((uint32_t)state->regs.rcx, state->lock)] = 1;
	for (unsigned int path = 0; path < NR_EXEC_PATHS; path++) {
		features.paths[path] = trial->tally.paths[path] != paths[path];
		paths[path] = trial->tally.paths[path];
	}
	features.obstacles[trial->obstacle] = 1;
}
