/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report's matrix of --pmu-cost and of --vcpus. */
#ifndef BENCH_REPORT_MATRIX_H
#define BENCH_REPORT_MATRIX_H

#include "bench/report.h"

/*
 * Print it: of medians, with their intervals where there are enough runs, or of the recorded paths
 * where the host records them. False where there is nothing to hold against each other.
 */
bool report_matrix(FILE *out, const struct bench *bench, const struct report_options *options);

/* Of --vcpus: what each row cost each vCPU, of the most that ran at the same time. */
void report_each_vcpu(FILE *out, const struct bench *bench, const struct report_options *options);

#endif
