/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table for people: fits 100 columns, colour only when asked for. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "bench/cases.h"
#include "bench/figures.h"

struct report_options {
	bool colour;
	const char *host; /* kernel and processor, one line; NULL: not told */
	const char *glob; /* rows that were only measured to net others are not shown; NULL: all */
};

void report_print(FILE *out, const struct bench *bench, const struct case_plan *plan,
		  const char *placement, const struct report_options *options);

#endif
