// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For engines whose code is instrumented: what the model decided, rules and obstacle. libFuzzer finds
 * the array by its section and clears it before each input. Few, because each costs on every execution.
 */
#include "fuzz/targets/target_features.h"

__attribute__((
	section("__libfuzzer_extra_counters"))) static uint8_t features[NR_RULES + NR_OBSTACLES];

void target_features(const struct trial *trial, const struct rdpmc_case *decoded)
{
	(void)decoded;
	for (uint32_t rules = trial->decided; rules; rules &= rules - 1)
		features[__builtin_ctz(rules)] = 1;
	features[NR_RULES + trial->obstacle] = 1;
}
