/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long something takes. */
#ifndef FUZZ_CLOCK_H
#define FUZZ_CLOCK_H

#include <time.h>

/* Seconds, from a beginning that stays; no clock that is ever set. */
static inline double clock_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

#endif
