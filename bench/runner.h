/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Measuring the rows: calibration to a time budget, then runs. A run is a set of fresh VMs in
 * which every row is visited in random order, several times over; it is what statistics count as
 * one observation.
 */
#ifndef BENCH_RUNNER_H
#define BENCH_RUNNER_H

#include "bench/bench.h"
#include "bench/vcpus.h"

/*
 * Measure all ready rows. Rows that cannot be, or that are not what they are called, become
 * skipped or failed with their reason. Returns 0, also when interrupted (bench->partial); a
 * negative errno when no guest can be run at all, -EINVAL when the time does not suffice.
 */
int bench_run(struct bench *bench, struct failure *failure);
/* What becomes of each ready row after the last run; bench_run() does it. */
void bench_settle(struct bench *bench);
void bench_free(struct bench *bench);

#endif
