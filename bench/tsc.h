/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This processor's own time stamp counter, for loops that run outside a guest. */
#ifndef BENCH_TSC_H
#define BENCH_TSC_H

#include <stdint.h>

/* Neither what is before it nor what is behind it moves across. */
static inline uint64_t fenced_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* Its frequency by the host's clock, where no guest tells it. Takes 100 ms. */
uint64_t tsc_measure_khz(void);

#endif
