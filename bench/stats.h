/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Per-run summaries and between-run estimates. A run is summarised by its median; runs, not
 * samples, are the replicates. Nothing here drops a sample.
 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

/* In the unit of the samples, TSC ticks. Quantiles interpolate linearly (Hyndman-Fan type 7). */
struct summary {
	size_t n;
	double min, median, mad, p90, p99, p999, max; /* mad: median of |x - median|, unscaled */
	size_t disturbed; /* samples above disturbed_limit: marked, not dropped */
	double disturbed_limit;
};

/*
 * A sample above median + max(10 MAD, median / 4, 1000 ticks) is taken as disturbed: an interrupt,
 * an SMI or another task ran inside it.
 *  - 10 MAD is 6.7 sigma of a normal spread, so noise alone does not get there.
 *  - A quarter of the median keeps the second mode of a long exit out of it where the MAD is tiny
 *    or 0; on 20000 ticks that is 5000, about 2 us.
 *  - 1000 ticks (0.25 to 0.5 us) are less than an interrupt can cost a guest, which is an exit, the
 *    host's handler and an entry, and more than the cache and TLB misses of a 30 tick read.
 * Where the spread itself is microseconds wide, a short interrupt is within it and is not marked.
 */
#define DISTURBED_MADS  10
#define DISTURBED_SHARE 0.25 /* of the median */
#define DISTURBED_TICKS 1000

/*
 * Log-linear histogram: 16 buckets to each power of two, so a bucket is at most 1/16 wide
 * relative to its lower bound; below 32 each value has its own. Values from 0 to 2^40 - 1 have a
 * bucket, larger ones go to overflow. An empty histogram is all zeroes.
 */
#define HISTOGRAM_SUB_BITS 4
#define HISTOGRAM_MAX_BITS 40
#define HISTOGRAM_BUCKETS  ((HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS];
	uint64_t overflow;
};

void histogram_add(struct histogram *h, uint64_t value);

/* The smallest value of @bucket <= HISTOGRAM_BUCKETS; that of @bucket + 1 is its exclusive end. */
uint64_t histogram_lower(unsigned int bucket);

/* HISTOGRAM_BUCKETS for overflow. */
unsigned int histogram_bucket(uint64_t value);

/*
 * Summarise @n >= 1 samples; may reorder the array, allocates nothing. n == 0 gives a summary with
 * n = 0 and NANs.
 */
void summarise(uint64_t *samples, size_t n, struct summary *s);

/*
 * The same quantile and MAD on a few doubles (run medians); reorders the array. NAN when n == 0 or
 * where a value is NAN. 0 <= @q <= 1.
 */
double quantile(double *values, size_t n, double q);
double median(double *values, size_t n);
double median_absolute_deviation(double *values, size_t n);

struct interval {
	double estimate, lower, upper; /* lower and upper NAN with fewer than 6 runs a side */
};

/*
 * Percentile bootstrap over runs, 2000 resamples, deterministic for a @seed. @level is the
 * coverage, e.g. 0.95, 0 < @level < 1; no interval of fewer than 6 runs can reach 0.95 for a
 * median, since all runs fall on one side of it with probability 2^(1 - n). The estimate is that of
 * the data, not of the resamples; a difference is median(a) - median(b), and resamples both sides.
 * All three are NAN where a side is empty or holds a NAN, or there is no memory.
 */
struct interval median_interval(const double *runs, size_t n, double level, uint64_t seed);
struct interval median_difference_interval(const double *a, size_t na, const double *b, size_t nb,
					   double level, uint64_t seed);

#endif
