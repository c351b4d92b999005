/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report's matrix of --pmu-cost and of --vcpus. */
#ifndef BENCH_REPORT_MATRIX_H
#define BENCH_REPORT_MATRIX_H

#include <stdio.h>

#include "bench/cases.h"
#include "bench/figures.h"

/*
 * Print it: of medians, with their intervals where there are enough runs, or of the recorded paths
 * where the host records them. False where there is nothing to hold against each other. @glob: of the rows that are shown; NULL: of all.
 */
bool report_matrix(FILE *out, const struct bench *bench, const char *glob);

/* Of --vcpus: what each row cost each vCPU, of the most that ran at the same time. */
void report_each_vcpu(FILE *out, const struct bench *bench, const char *glob);

#endif
