/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The case table: every row there could be, and whether this host can measure it. */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/rows.h"
#include "host/setting.h"

struct case_plan {
	struct setting_host host;
	struct setting setting[NR_SETTINGS];
	bool simulated;     /* --vpmu=user */
	bool pmu_cost;      /* --pmu-cost: its rows and no others */
	unsigned int vcpus; /* --vcpus: the most at once; 0: without it */
	struct pmu_shape simulated_pmu;
	char native_reason[160]; /* why native rows cannot be measured; empty when they can */
	bool native_fixed, native_metrics;
};

/* The numbers of vCPUs that are measured of @max: 1, 2, 4, 8 ... and @max. 0 behind the last. */
unsigned int cases_level(unsigned int max, unsigned int i);

/*
 * Fill @rows (MAX_ROWS of them) with every row there could be, each ready or skipped with its
 * reason. Returns how many.
 */
size_t cases_make(const struct case_plan *plan, struct row *rows);

/*
 * For a @glob that matches no row of @plan's: which rows of another processor it matches, and why they
 * are none here, in one line. False where it matches nothing there either. Overwrites @rows.
 */
bool cases_elsewhere(const struct case_plan *plan, const char *glob, struct row *rows, char *text,
		     size_t size);

/* Why KVM gives guests no PMU here; empty where it does. */
const char *cases_no_pmu(const struct case_plan *plan);

/* ECX that selects @counter of @pmu. */
uint32_t counter_ecx(enum counter counter, const struct pmu_shape *pmu);

#endif
