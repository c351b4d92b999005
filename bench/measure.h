/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One measurement of one row, whatever machine it takes. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench/bench.h"

/* The timeout of a row's first, single turn: a hypercall may never return. */
#define MEASURE_PROBE_MS 500

/*
 * @count turns of a row of @bench on its machine with its counters running, or, where that is down, on a fresh one.
 * @readings are as many as the row has vCPUs, each of which measures @count turns. Returns 0; -EINTR, which ends everything; or
 * -ECANCELED with the row failed or skipped and its reason.
 */
int measure_row(struct bench *bench, struct row *row, uint64_t count, bool sampled,
		unsigned int timeout_ms, struct reading *readings, struct failure *failure);

void measure_guests_down(struct bench *bench);
/* ... and what native rows have open. */
void measure_all_down(struct bench *bench);

#endif
