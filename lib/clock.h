/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks as one number. A clock that there is cannot fail. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Seconds, from a beginning that stays: of the clock that nobody sets. */
static inline double clock_seconds(void)
{
	return (double)clock_ns(CLOCK_MONOTONIC) * 1e-9;
}

#endif
