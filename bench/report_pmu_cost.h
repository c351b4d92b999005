/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report's matrix of --pmu-cost. */
#ifndef BENCH_REPORT_PMU_COST_H
#define BENCH_REPORT_PMU_COST_H

#include "bench/report.h"

/*
 * Print it: of medians, with their intervals where there are enough runs, or of the recorded paths
 * where the host records them. False where there is nothing to hold against each other.
 */
bool report_pmu_cost(FILE *out, const struct bench *bench, const struct report_options *options);

#endif
