// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Summaries of one run and bootstrap estimates over runs. Samples are selected by counting digits,
 * never sorted: no copy of them is made, and the time does not depend on their order.
 */
#include "bench/stats.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/random.h"

#define SELECT_BITS         11 /* 2^11 counters of 8 bytes stay in a 32 KiB first-level cache */
#define SELECT_COUNTERS     (1u << SELECT_BITS)
#define BOOTSTRAP_RESAMPLES 2000
#define FEW                 32
#define BOOTSTRAP_MIN       6 /* runs a side: with fewer, 0.95 is out of a median's reach */

static unsigned int bit_length(uint64_t value)
{
	return value ? 64 - (unsigned int)__builtin_clzll(value) : 0;
}

unsigned int histogram_bucket(uint64_t value)
{
	unsigned int bits = bit_length(value);
	unsigned int shift;

	if (bits > HISTOGRAM_MAX_BITS)
		return HISTOGRAM_BUCKETS;

	/* The leading one stays in the shifted value, and carries it past the buckets below. */
	shift = bits > HISTOGRAM_SUB_BITS + 1 ? bits - HISTOGRAM_SUB_BITS - 1 : 0;
	return (shift << HISTOGRAM_SUB_BITS) + (unsigned int)(value >> shift);
}

uint64_t histogram_lower(unsigned int bucket)
{
	unsigned int octave = bucket >> HISTOGRAM_SUB_BITS;
	uint64_t sub = bucket & ((1u << HISTOGRAM_SUB_BITS) - 1);

	assert(bucket <= HISTOGRAM_BUCKETS);
	return octave ? ((1u << HISTOGRAM_SUB_BITS) + sub) << (octave - 1) : sub;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	unsigned int bucket = histogram_bucket(value);

	if (bucket < HISTOGRAM_BUCKETS)
		h->count[bucket]++;
	else
		h->overflow++;
}

/* Where quantile @q of n values lies: between the order statistics rank and rank + 1. */
struct position {
	size_t rank; /* from 0 */
	double fraction;
};

static struct position position_of(size_t n, double q)
{
	double place = (double)(n - 1) * q;
	size_t rank = (size_t)place;

	assert(q >= 0 && q <= 1);
	return (struct position){ .rank = rank, .fraction = place - (double)rank };
}

/*
 * What is selected on: the distance of a sample to the span [from, to]. With from = to = 0 that is
 * the sample itself. With the two middle samples it is |x - median| less the constant half of the
 * span, exactly and in 64 bits even where the median is not an integer.
 */
struct keys {
	const uint64_t *samples;
	size_t n;
	uint64_t from, to;
	uint64_t min, max; /* bounds of what is looked for */
};

static inline uint64_t key_at(const struct keys *keys, size_t i)
{
	uint64_t x = keys->samples[i];

	if (x > keys->to)
		return x - keys->to;
	return x < keys->from ? keys->from - x : 0;
}

/*
 * The key of @rank, from 0. Each pass counts the next SELECT_BITS of the keys that are still
 * candidates: at most six passes for 64 bits, two or three for latencies, whatever the input.
 */
static uint64_t select_key(const struct keys *keys, size_t rank)
{
	uint64_t min = keys->min, max = keys->max;

	while (min < max) {
		/* One counter more, for the keys that are no candidates: cheaper than a branch. */
		size_t count[SELECT_COUNTERS + 1] = { 0 };
		uint64_t width = max - min;
		unsigned int bits = bit_length(width);
		unsigned int shift = bits > SELECT_BITS ? bits - SELECT_BITS : 0;
		uint64_t digit;

		for (size_t i = 0; i < keys->n; i++) {
			uint64_t offset = key_at(keys, i) - min;

			count[offset <= width ? offset >> shift : SELECT_COUNTERS]++;
		}
		for (digit = 0; rank >= count[digit]; digit++)
			rank -= count[digit];

		min += digit << shift;
		if (max - min >= 1ULL << shift)
			max = min + (1ULL << shift) - 1;
	}
	return min;
}

/* The key of @rank + 1, where that of @rank is @key. */
static uint64_t next_key(const struct keys *keys, size_t rank, uint64_t key)
{
	uint64_t next = UINT64_MAX;
	size_t upto = 0;

	for (size_t i = 0; i < keys->n; i++) {
		uint64_t k = key_at(keys, i);

		if (k <= key)
			upto++;
		else if (k < next)
			next = k;
	}
	return upto > rank + 1 ? key : next;
}

/* Quantile @q of the keys, and in @pair the two keys it lies between, equal where it is a key. */
static double key_quantile(const struct keys *keys, double q, uint64_t pair[2])
{
	struct position p = position_of(keys->n, q);

	pair[0] = select_key(keys, p.rank);
	pair[1] = p.fraction > 0 ? next_key(keys, p.rank, pair[0]) : pair[0];
	return (double)pair[0] + p.fraction * (double)(pair[1] - pair[0]);
}

static struct keys keys_of(const uint64_t *samples, size_t n)
{
	struct keys keys = { .samples = samples, .n = n, .min = UINT64_MAX };

	for (size_t i = 0; i < n; i++) {
		if (samples[i] < keys.min)
			keys.min = samples[i];
		if (samples[i] > keys.max)
			keys.max = samples[i];
	}
	return keys;
}

/*
 * @middle: the two middle samples. Half of all lie on either side of them, so their median distance
 * is at most that of the nearer end: keys above that are never candidates.
 */
static struct keys distances_of(const struct keys *keys, const uint64_t middle[2])
{
	uint64_t below = middle[0] - keys->min, above = keys->max - middle[1];

	return (struct keys){
		.samples = keys->samples,
		.n = keys->n,
		.from = middle[0],
		.to = middle[1],
		.max = below < above ? below : above,
	};
}

static double disturbed_limit(double centre, double mad)
{
	double margin = DISTURBED_MADS * mad;

	margin = fmax(margin, DISTURBED_SHARE * centre);
	margin = fmax(margin, DISTURBED_TICKS);
	return centre + margin;
}

void summarise(uint64_t *samples, size_t n, struct summary *s)
{
	struct keys keys, distances;
	uint64_t middle[2], pair[2];

	if (n == 0) {
		*s = (struct summary){
			.min = NAN,
			.median = NAN,
			.mad = NAN,
			.p90 = NAN,
			.p99 = NAN,
			.p999 = NAN,
			.max = NAN,
			.disturbed_limit = NAN,
		};
		return;
	}

	keys = keys_of(samples, n);
	s->n = n;
	s->min = (double)keys.min;
	s->max = (double)keys.max;
	s->median = key_quantile(&keys, 0.5, middle);
	s->p90 = key_quantile(&keys, 0.9, pair);
	s->p99 = key_quantile(&keys, 0.99, pair);
	s->p999 = key_quantile(&keys, 0.999, pair);

	distances = distances_of(&keys, middle);
	s->mad = key_quantile(&distances, 0.5, pair) + (double)(middle[1] - middle[0]) / 2;

	s->disturbed_limit = disturbed_limit(s->median, s->mad);
	s->disturbed = 0;
	for (size_t i = 0; i < n; i++)
		s->disturbed += (double)samples[i] > s->disturbed_limit;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A bootstrap sorts thousands of samples of a few runs: each in place, without qsort()'s calls. */
static void sort_few(double *values, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		double value = values[i];
		size_t at = i;

		for (; at && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
}

/* Sorts, or says that there is no order: of nothing, or with a NAN. */
static bool sort_doubles(double *values, size_t n)
{
	bool sorted = true;

	if (n == 0)
		return false;

	for (size_t i = 0; i < n; i++) {
		if (isnan(values[i]))
			return false;
		sorted &= !i || values[i - 1] <= values[i];
	}
	if (sorted)
		return true;
	if (n <= FEW)
		sort_few(values, n);
	else
		qsort(values, n, sizeof(*values), compare_doubles);
	return true;
}

double quantile(double *values, size_t n, double q)
{
	struct position p;

	if (!sort_doubles(values, n))
		return NAN;

	p = position_of(n, q);
	if (p.fraction == 0)
		return values[p.rank];
	return values[p.rank] + p.fraction * (values[p.rank + 1] - values[p.rank]);
}

double median(double *values, size_t n)
{
	return quantile(values, n, 0.5);
}

/*
 * The deviations are two sorted lists that start at the median and go outwards; merging them up to
 * the middle one needs no array of deviations.
 */
double median_absolute_deviation(double *values, size_t n)
{
	double centre = median(values, n), deviation = 0, previous = 0;
	size_t left = n / 2, right = left;

	if (isnan(centre))
		return NAN;

	for (size_t i = 0; i <= n / 2; i++) {
		bool below = right == n ||
			     (left > 0 && centre - values[left - 1] <= values[right] - centre);

		previous = deviation;
		deviation = below ? centre - values[--left] : values[right++] - centre;
	}
	return n % 2 ? deviation : (previous + deviation) / 2;
}

static double median_of_copy(const double *values, size_t n, double *scratch)
{
	memcpy(scratch, values, n * sizeof(*values));
	return median(scratch, n);
}

static double resampled_median(struct random *random, const double *values, size_t n,
			       double *scratch)
{
	for (size_t i = 0; i < n; i++)
		scratch[i] = values[random_below(random, (uint32_t)n)];
	return median(scratch, n);
}

/* Of median(a) - median(b), or of median(a) where @b is NULL. */
static struct interval bootstrap(const double *a, size_t na, const double *b, size_t nb,
				 double level, uint64_t seed)
{
	struct interval result = { NAN, NAN, NAN };
	struct random random = { .state = seed };
	double *medians, *scratch;

	assert(level > 0 && level < 1);
	if (na == 0)
		return result;

	medians = calloc(BOOTSTRAP_RESAMPLES + (na > nb ? na : nb), sizeof(*medians));
	if (!medians)
		return result;
	scratch = medians + BOOTSTRAP_RESAMPLES;

	result.estimate = median_of_copy(a, na, scratch);
	if (b)
		result.estimate -= median_of_copy(b, nb, scratch);

	if (na >= BOOTSTRAP_MIN && (!b || nb >= BOOTSTRAP_MIN)) {
		for (size_t i = 0; i < BOOTSTRAP_RESAMPLES; i++) {
			medians[i] = resampled_median(&random, a, na, scratch);
			if (b)
				medians[i] -= resampled_median(&random, b, nb, scratch);
		}
		result.lower = quantile(medians, BOOTSTRAP_RESAMPLES, (1 - level) / 2);
		result.upper = quantile(medians, BOOTSTRAP_RESAMPLES, (1 + level) / 2);
	}
	free(medians);
	return result;
}

struct interval median_interval(const double *runs, size_t n, double level, uint64_t seed)
{
	return bootstrap(runs, n, NULL, 0, level, seed);
}

struct interval median_difference_interval(const double *a, size_t na, const double *b, size_t nb,
					   double level, uint64_t seed)
{
	if (nb == 0)
		return (struct interval){ NAN, NAN, NAN };
	return bootstrap(a, na, b, nb, level, seed);
}
