// SPDX-License-Identifier: GPL-2.0-or-later
/* The space of PMUs whose pairs are tried: products of the values that decide something. */
#include <stdlib.h>

#include "fuzz/pairs.h"

#define NR_OF(a) (sizeof(a) / sizeof((a)[0]))

#define MOST 8192

struct space {
	struct rdpmc_pmu *pmus;
	size_t count, seen;
	unsigned int every;
};

static void add(struct space *space, struct rdpmc_pmu pmu)
{
	if (space->seen++ % space->every == 0)
		space->pmus[space->count++] = pmu;
}

/* A digit of a number whose digits are indices of arrays. */
static unsigned int digit(unsigned int *number, size_t values)
{
	unsigned int value = *number % (unsigned int)values;

	*number /= (unsigned int)values;
	return value;
}

static void add_architectural(struct space *space)
{
	static const uint8_t versions[] = { 1, 2, 5 }, gp[] = { 0, 4, 8 }, fixed[] = { 0, 3, 4 };
	static const uint8_t widths[] = { 48, 40 };
	static const uint32_t bitmaps[] = { 0, 0x18 };
	static const struct {
		uint32_t gp, fixed;
	} leaf23[] = { { 0, 0 }, { 0x80000100, 0x110 } };
	static const uint64_t capabilities[] = {
		0,
		RDPMC_CAP_METRICS,
		RDPMC_CAP_METRICS_CLEAR,
		RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR,
	};
	unsigned int rest = 0;

	for (unsigned int i = 0; !rest; i++) {
		struct rdpmc_pmu pmu = { .vendor = RDPMC_INTEL };

		rest = i;
		pmu.version = versions[digit(&rest, NR_OF(versions))];
		pmu.nr_gp = gp[digit(&rest, NR_OF(gp))];
		pmu.nr_fixed = fixed[digit(&rest, NR_OF(fixed))];
		pmu.gp_width = widths[digit(&rest, NR_OF(widths))];
		pmu.fixed_width = widths[digit(&rest, NR_OF(widths))];
		pmu.fixed_bitmap = bitmaps[digit(&rest, NR_OF(bitmaps))];
		pmu.leaf23_gp = leaf23[rest % NR_OF(leaf23)].gp;
		pmu.leaf23_fixed = leaf23[digit(&rest, NR_OF(leaf23))].fixed;
		pmu.perf_capabilities = capabilities[digit(&rest, NR_OF(capabilities))];
		pmu.user_disable = digit(&rest, 2);
		if (!rest)
			add(space, pmu);
	}
}

/* Widths at their ends, also of counters that are not there, and fixed counters above the 7th. */
static void add_edges(struct space *space)
{
	static const uint8_t widths[] = { 0, 1, 32, 63, 64 };

	for (unsigned int i = 0; i < 5 * 5 * 4 * 2; i++)
		add(space, (struct rdpmc_pmu){
				   .vendor = RDPMC_INTEL,
				   .version = 6,
				   .gp_width = widths[i % 5],
				   .fixed_width = widths[i / 5 % 5],
				   .nr_gp = i / 25 & 1 ? 2 : 0,
				   .leaf23_fixed = i / 25 & 2 ? 0xffffff00 : 0,
				   .user_disable = i / 100,
			   });
}

/* Not architectural, and none at all. */
static void add_old(struct space *space)
{
	static const uint8_t counters[] = { 0, 1, 2, 18 };

	for (unsigned int i = 0; i < 4 * 2; i++)
		add(space, (struct rdpmc_pmu){
				   .vendor = RDPMC_INTEL,
				   .old_counters = counters[i % 4],
				   .old_fast = i / 4,
			   });
}

static void add_amd(struct space *space)
{
	static const uint8_t gp[] = { 0, 4, 6, 9, 12, 15 }, fabric[] = { 0, 4, 9, 63 };

	for (unsigned int i = 0; i < 2 * 8; i++)
		add(space, (struct rdpmc_pmu){
				   .vendor = RDPMC_AMD,
				   .version = i / 8,
				   .ext_core = i & 1,
				   .ext_nb = i & 2,
				   .ext_l3 = i & 4,
			   });
	for (unsigned int i = 0; i < 6 * 4 * 4; i++)
		add(space, (struct rdpmc_pmu){
				   .vendor = RDPMC_AMD,
				   .version = 2,
				   .nr_gp = gp[i % 6],
				   .nr_nb = fabric[i / 6 % 4],
				   .ext_core = true,
				   .ext_nb = i / 24 & 1,
				   .ext_l3 = i / 24 & 2,
			   });
}

struct rdpmc_pmu *pairs_space(unsigned int every, size_t *count)
{
	struct space space = { .pmus = malloc(MOST * sizeof(*space.pmus)), .every = every };

	if (!space.pmus)
		return NULL;
	add_architectural(&space);
	add_edges(&space);
	add_old(&space);
	add_amd(&space);
	*count = space.count;
	return space.pmus;
}
