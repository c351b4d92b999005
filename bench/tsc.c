// SPDX-License-Identifier: GPL-2.0-or-later
/* How fast the time stamp counter runs. */
#include "bench/tsc.h"

#include "lib/clock.h"

#define INTERVAL_NS 100000000
#define TRIES       100 /* one of so many pairs of readings had nothing in between */

struct moment {
	uint64_t tsc, ns;
};

/* Both clocks at one time: of many readings that with the least TSC ticks around the other. */
static struct moment both_clocks(void)
{
	struct moment best = { 0 };
	uint64_t min = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = fenced_tsc(), ns = clock_ns(CLOCK_MONOTONIC_RAW),
			 ticks = fenced_tsc() - before;

		if (ticks >= min)
			continue;
		min = ticks;
		best = (struct moment){ .tsc = before + ticks / 2, .ns = ns };
	}
	return best;
}

uint64_t tsc_measure_khz(void)
{
	struct moment start = both_clocks(), end;

	while (clock_ns(CLOCK_MONOTONIC_RAW) - start.ns < INTERVAL_NS)
		;
	end = both_clocks();
	return (end.tsc - start.tsc) * 1000000 / (end.ns - start.ns);
}
