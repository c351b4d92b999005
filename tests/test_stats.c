// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the summaries, the histogram and the bootstrap say what NumPy, SciPy, closed forms
 * and a naive sort say. Tables marked "reference" come from tests/stats_reference.py.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/stats.h"
#include "lib/random.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define EXACT         1e-12 /* relative: room for rounding only, all inputs being integers */

#define check_near(actual, expected, tolerance)                                                    \
	near_at(actual, expected, tolerance, #actual, __LINE__)

static void near_at(double actual, double expected, double tolerance, const char *what, int line)
{
	if (!(fabs(actual - expected) <= tolerance))
		fail_msg("line %d: %s is %.17g, not %.17g +- %g", line, what, actual, expected,
			 tolerance);
}

static void *array(size_t n, size_t size)
{
	void *p = calloc(n, size);

	assert_non_null(p);
	return p;
}

/* In [0, 1) */
static double uniform(struct random *random)
{
	return (double)(random_next(random) >> 11) * 0x1p-53;
}

/* Box-Muller */
static double normal(struct random *random)
{
	double radius = sqrt(-2 * log(1 - uniform(random)));

	return radius * cos(2 * M_PI * uniform(random));
}

/* 98 % in [1000, 1100), 2 % in [100000, 200000). */
static uint64_t tailed_sample(struct random *random)
{
	if (random_below(random, 50) == 0)
		return 100000 + random_below(random, 100000);
	return 1000 + random_below(random, 100);
}

struct expected {
	double median, mad, p90, p99, p999;
};

static void check_summary(uint64_t *samples, size_t n, const struct expected *e)
{
	struct summary s;

	summarise(samples, n, &s);
	assert_int_equal(s.n, n);
	check_near(s.median, e->median, EXACT * e->median);
	check_near(s.mad, e->mad, EXACT * e->mad);
	check_near(s.p90, e->p90, EXACT * e->p90);
	check_near(s.p99, e->p99, EXACT * e->p99);
	check_near(s.p999, e->p999, EXACT * e->p999);
}

/* Expected: reference, numpy.percentile() and scipy.stats.median_abs_deviation(). */
static void test_summary_vectors(void **state)
{
	static const struct {
		size_t n;
		uint64_t samples[6];
		struct expected expected;
	} table[] = {
		{ 1, { 7 }, { 7, 0, 7, 7, 7 } },
		{ 2, { 10, 3 }, { 6.5, 3.5, 9.3, 9.93, 9.993 } },
		{ 5, { 5, 1, 4, 2, 3 }, { 3, 1, 4.6, 4.96, 4.996 } },
		{ 6, { 30, 1, 100, 2, 7, 4 }, { 5.5, 4, 65, 96.5, 99.65 } },
		{ 4, { 8, 3, 1, 4 }, { 3.5, 1.5, 6.8, 7.88, 7.988 } },
		{ 6, { 5, 9, 5, 5, 1, 5 }, { 5, 0, 7, 8.8, 8.98 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint64_t samples[6];

		memcpy(samples, table[i].samples, sizeof(samples));
		check_summary(samples, table[i].n, &table[i].expected);
	}
}

/* Expected: reference. All quantiles of 1001 samples are samples. */
static void test_summary_squares(void **state)
{
	static const struct expected expected = { 250000, 216511, 810000, 980100, 998001 };
	uint64_t samples[1001];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		samples[i] = i * i;
	check_summary(samples, ARRAY_SIZE(samples), &expected);
}

/* Expected: reference, which draws the same sample with its own SplitMix64. */
static void test_summary_tailed(void **state)
{
	static const struct expected expected = { 1051, 25, 1091, 144315.18, 191836.388 };
	struct random random = { .state = 42 };
	size_t n = 20000;
	uint64_t *samples = array(n, sizeof(*samples));

	(void)state;
	for (size_t i = 0; i < n; i++)
		samples[i] = tailed_sample(&random);
	check_summary(samples, n, &expected);
	free(samples);
}

static void test_summary_of_nothing(void **state)
{
	struct summary s;

	(void)state;
	summarise(NULL, 0, &s);
	assert_int_equal(s.n, 0);
	assert_int_equal(s.disturbed, 0);
	assert_true(isnan(s.min) && isnan(s.max) && isnan(s.median) && isnan(s.mad));
	assert_true(isnan(s.p90) && isnan(s.p99) && isnan(s.p999) && isnan(s.disturbed_limit));
}

/* Five standard errors of the quantile @q of @n samples, where their density is @density. */
static double sampling_error(double q, double density, size_t n)
{
	return 5 * sqrt(q * (1 - q) / (double)n) / density;
}

/*
 * Samples of known laws: for each, quantiles in closed form, within their sampling error.
 * Uniform on [0, w): quantile q w, MAD w / 4.
 * Exponential of mean t: quantile -t log(1 - q). The distance d to the median has probability
 * sinh(d / t) to be less, which is a half at the MAD, t log((1 + sqrt 5) / 2), where its density,
 * cosh(MAD / t) / t, is sqrt(5) / 2t.
 */
static void test_summary_of_known_laws(void **state)
{
	const double width = 1e6, mean = 1e6;
	struct random random = { .state = 7 };
	size_t n = 200000;
	uint64_t *samples = array(n, sizeof(*samples));
	struct summary s;

	(void)state;
	for (size_t i = 0; i < n; i++)
		samples[i] = random_below(&random, (uint32_t)width);
	summarise(samples, n, &s);
	check_near(s.median, 0.5 * width, sampling_error(0.5, 1 / width, n));
	check_near(s.mad, 0.25 * width, sampling_error(0.5, 2 / width, n));
	check_near(s.p90, 0.9 * width, sampling_error(0.9, 1 / width, n));
	check_near(s.p99, 0.99 * width, sampling_error(0.99, 1 / width, n));
	check_near(s.p999, 0.999 * width, sampling_error(0.999, 1 / width, n));

	for (size_t i = 0; i < n; i++)
		samples[i] = (uint64_t)(-mean * log(1 - uniform(&random)));
	summarise(samples, n, &s);
	check_near(s.median, mean * log(2), sampling_error(0.5, 0.5 / mean, n));
	check_near(s.mad, mean * log((1 + sqrt(5)) / 2),
		   sampling_error(0.5, sqrt(5) / 2 / mean, n));
	check_near(s.p90, mean * log(10), sampling_error(0.9, 0.1 / mean, n));
	check_near(s.p99, mean * log(100), sampling_error(0.99, 0.01 / mean, n));
	check_near(s.p999, mean * log(1000), sampling_error(0.999, 0.001 / mean, n));
	free(samples);
}

/*
 * The law of tailed_sample(): below the tail, quantile q is 1000 + 100 q / 0.98; in it,
 * 100000 + 100000 (q - 0.98) / 0.02; MAD is 100 (0.5 / 0.98) / 2. The disturbed are the tail, which
 * the test counts for itself.
 */
static void test_summary_of_heavy_tail(void **state)
{
	struct random random = { .state = 11 };
	size_t n = 200000, tail = 0;
	uint64_t *samples = array(n, sizeof(*samples));
	struct summary s;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		samples[i] = tailed_sample(&random);
		tail += samples[i] >= 100000;
	}
	summarise(samples, n, &s);
	/* The samples are integers: half a tick more. */
	check_near(s.median, 1000 + 100 * 0.5 / 0.98, 0.5 + sampling_error(0.5, 0.0098, n));
	check_near(s.mad, 25 / 0.98, 0.5 + sampling_error(0.5, 0.0196, n));
	check_near(s.p90, 1000 + 100 * 0.9 / 0.98, 0.5 + sampling_error(0.9, 0.0098, n));
	check_near(s.p99, 150000, sampling_error(0.99, 0.02 / 1e5, n));
	check_near(s.p999, 195000, sampling_error(0.999, 0.02 / 1e5, n));
	assert_int_equal(s.disturbed, tail);
	assert_in_range(tail, n / 60, n / 40);
	free(samples);
}

static int compare_samples(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int compare_long_doubles(const void *a, const void *b)
{
	long double x = *(const long double *)a, y = *(const long double *)b;

	return (x > y) - (x < y);
}

/* Quantile @thousandths / 1000, with the place in whole numbers, hence without rounding. */
static long double naive_quantile(const long double *sorted, size_t n, size_t thousandths)
{
	size_t place = (n - 1) * thousandths, rank = place / 1000;
	long double fraction = (long double)(place % 1000) / 1000;

	if (place % 1000 == 0)
		return sorted[rank];
	return sorted[rank] * (1 - fraction) + sorted[rank + 1] * fraction;
}

/* Every field against a sort in long double, which holds any uint64_t; and nothing is dropped. */
static void check_against_sort(const uint64_t *samples, size_t n)
{
	uint64_t *sorted = array(n, sizeof(*sorted)), *given = array(n, sizeof(*given));
	long double *values = array(n, sizeof(*values));
	struct summary s;
	long double centre;
	double scale, limit;
	size_t disturbed = 0;

	memcpy(given, samples, n * sizeof(*given));
	memcpy(sorted, samples, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_samples);
	for (size_t i = 0; i < n; i++)
		values[i] = sorted[i];

	summarise(given, n, &s);
	assert_int_equal(s.n, n);
	assert_true(s.min == (double)sorted[0]);
	assert_true(s.max == (double)sorted[n - 1]);
	/* Rounding of the place (n - 1) q moves a quantile by a share of the gap it falls into. */
	scale = EXACT * s.max;
	centre = naive_quantile(values, n, 500);
	check_near(s.median, (double)centre, EXACT * (double)centre);
	check_near(s.p90, (double)naive_quantile(values, n, 900), scale);
	check_near(s.p99, (double)naive_quantile(values, n, 990), scale);
	check_near(s.p999, (double)naive_quantile(values, n, 999), scale);

	limit = s.median + fmax(fmax(10 * s.mad, s.median / 4), 1000);
	check_near(s.disturbed_limit, limit, EXACT * limit);
	for (size_t i = 0; i < n; i++)
		disturbed += (double)samples[i] > s.disturbed_limit;
	assert_int_equal(s.disturbed, disturbed);

	for (size_t i = 0; i < n; i++)
		values[i] = fabsl(values[i] - centre);
	qsort(values, n, sizeof(*values), compare_long_doubles);
	centre = naive_quantile(values, n, 500);
	check_near(s.mad, (double)centre, EXACT * (double)centre);

	qsort(given, n, sizeof(*given), compare_samples);
	assert_memory_equal(given, sorted, n * sizeof(*given));
	free(values);
	free(given);
	free(sorted);
}

enum shape {
	ASCENDING,
	DESCENDING,
	ORGAN_PIPE,
	ALL_EQUAL,
	ALL_GREATEST,
	TWO_ENDS,
	FEW_VALUES,
	HEAVY_TAIL,
	DIGIT_EDGES, /* around 2^11, 2^22 ..., where the selection takes another pass */
	ALL_BITS,
	ALL_LENGTHS,
	SHAPES,
};

static uint64_t shaped(enum shape shape, struct random *random, size_t i, size_t n)
{
	switch (shape) {
	case ASCENDING:
		return i;
	case DESCENDING:
		return 3 * (n - i);
	case ORGAN_PIPE:
		return i < n / 2 ? i : n - i;
	case ALL_EQUAL:
		return 1200;
	case ALL_GREATEST:
		return UINT64_MAX;
	case TWO_ENDS:
		return random_below(random, 2) ? UINT64_MAX : 0;
	case FEW_VALUES:
		return 30 + 2 * random_below(random, 3);
	case HEAVY_TAIL:
		return tailed_sample(random);
	case DIGIT_EDGES:
		return (1ULL << 11 * (i % 6)) + random_below(random, 3) - 1;
	case ALL_LENGTHS:
		return random_next(random) >> i % 64;
	default:
		return random_next(random);
	}
}

static void test_summary_shapes(void **state)
{
	static const size_t sizes[] = { 1,  2,  3,  4,  5,  6,  7,   8,    9,    10,   11,
					12, 13, 20, 21, 64, 99, 100, 1000, 1001, 4096, 10007 };
	struct random random = { .state = 3 };

	(void)state;
	for (enum shape shape = 0; shape < SHAPES; shape++) {
		for (size_t size = 0; size < ARRAY_SIZE(sizes); size++) {
			size_t n = sizes[size];
			uint64_t *samples = array(n, sizeof(*samples));

			for (size_t i = 0; i < n; i++)
				samples[i] = shaped(shape, &random, i, n);
			check_against_sort(samples, n);
			free(samples);
		}
	}
}

/*
 * By hand from the rule in bench/stats.h. Of 103 samples, 36 are @spread below the median, 33 on it
 * and 32 @spread above, so that the MAD is @spread; of the other two, one is on the limit and one a
 * tick above it. Only that last one is disturbed.
 */
static void test_disturbed(void **state)
{
	static const struct {
		uint64_t median, spread, limit;
	} table[] = {
		{ 30, 0, 1030 },                            /* a passthrough read: 1000 ticks */
		{ 200, 100, 1200 },                         /* 10 * 100 is 1000 as well */
		{ 400, 101, 1410 },                         /* 10 * 101 */
		{ 4000, 0, 5000 },                          /* where a quarter is 1000 */
		{ 4004, 0, 5005 },     { 20000, 0, 25000 }, /* an exit to user space: a quarter */
		{ 20000, 499, 25000 },                      /* 4990 is less than that */
		{ 20000, 501, 25010 },
	};

	(void)state;
	for (size_t row = 0; row < ARRAY_SIZE(table); row++) {
		uint64_t centre = table[row].median, spread = table[row].spread;
		uint64_t samples[103];
		struct summary s;

		for (size_t i = 0; i < 101; i++)
			samples[i] = i < 36 ? centre - spread : i < 69 ? centre : centre + spread;
		samples[101] = table[row].limit;
		samples[102] = table[row].limit + 1;
		summarise(samples, ARRAY_SIZE(samples), &s);
		check_near(s.mad, (double)spread, 0);
		check_near(s.disturbed_limit, (double)table[row].limit, 0);
		assert_int_equal(s.disturbed, 1);
	}
}

static const double doubles[] = { 2.5, -1.25, 0, 1000, -7.5, 3.125, 2.5, 0.5 };

/* Expected: reference, numpy.quantile() and scipy.stats.median_abs_deviation(). */
static void test_doubles(void **state)
{
	static const struct {
		double q, expected;
	} table[] = {
		{ 0, -7.5 },  { 0.1, -3.125 },   { 0.25, -0.3125 },
		{ 0.5, 1.5 }, { 0.9, 302.1875 }, { 1, 1000 },
	};
	double values[ARRAY_SIZE(doubles)], odd[] = { 9, 2, 4 }, one = -3;

	(void)state;
	memcpy(values, doubles, sizeof(values));
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		check_near(quantile(values, ARRAY_SIZE(values), table[i].q), table[i].expected,
			   EXACT * 1000);
	check_near(median(values, ARRAY_SIZE(values)), 1.5, 0);
	check_near(median_absolute_deviation(values, ARRAY_SIZE(values)), 1.5625, 0);

	check_near(median(odd, 3), 4, 0);
	check_near(median_absolute_deviation(odd, 3), 2, 0);
	check_near(quantile(&one, 1, 0.9), -3, 0);
	check_near(median_absolute_deviation(&one, 1), 0, 0);
}

/* The array is reordered, not used up: sums of these values are exact in any order. */
static void test_doubles_are_kept(void **state)
{
	double values[ARRAY_SIZE(doubles)], before = 0, after = 0;

	(void)state;
	memcpy(values, doubles, sizeof(values));
	median_absolute_deviation(values, ARRAY_SIZE(values));
	for (size_t i = 0; i < ARRAY_SIZE(doubles); i++) {
		before += doubles[i];
		after += values[i];
	}
	check_near(after, before, 0);
}

/* MAD of doubles against that of the samples, which takes another way to it. */
static void test_doubles_agree_with_samples(void **state)
{
	struct random random = { .state = 5 };

	(void)state;
	for (size_t n = 1; n <= 200; n++) {
		uint64_t samples[200];
		double values[200];
		struct summary s;

		for (size_t i = 0; i < n; i++) {
			samples[i] = random_below(&random, 1u << (n % 20 + 1));
			values[i] = (double)samples[i];
		}
		summarise(samples, n, &s);
		check_near(quantile(values, n, 0.99), s.p99, EXACT * s.p99);
		check_near(median_absolute_deviation(values, n), s.mad, 0);
	}
}

static void test_doubles_without_an_answer(void **state)
{
	double none[] = { 1, NAN, 3 }, infinite[] = { INFINITY, 1, 2, INFINITY, -INFINITY, 3 };

	(void)state;
	assert_true(isnan(quantile(NULL, 0, 0.5)));
	assert_true(isnan(median(NULL, 0)));
	assert_true(isnan(median_absolute_deviation(NULL, 0)));
	assert_true(isnan(median(none, 3)));
	assert_true(isnan(median_absolute_deviation(none, 3)));

	/* By hand: distances inf, 1.5, 0.5, 0.5, inf, inf. */
	assert_true(isinf(median_absolute_deviation(infinite, 6)));
	check_near(median(infinite, 6), 2.5, 0);
}

/* Boundaries by hand: 16 buckets of one value, then 16 to each octave from 16, 32, 64 ... */
static void test_histogram_bucket(void **state)
{
	static const struct {
		uint64_t value;
		unsigned int bucket;
	} table[] = {
		{ 0, 0 },
		{ 1, 1 },
		{ 15, 15 },
		{ 16, 16 },
		{ 31, 31 },
		{ 32, 32 },
		{ 33, 32 },
		{ 34, 33 },
		{ 63, 47 },
		{ 64, 48 },
		{ 67, 48 },
		{ 68, 49 },
		{ 1000, 16 * 6 + 15 }, /* 992 to 1023, the last of the octave of 512 */
		{ 1024, 16 * 7 },
		{ (1ULL << 39) - 1, 16 * 36 - 1 },
		{ 1ULL << 39, 16 * 36 },
		{ (1ULL << 40) - 1, 16 * 37 - 1 },
		{ 1ULL << 40, HISTOGRAM_BUCKETS },
		{ (1ULL << 41) - 1, HISTOGRAM_BUCKETS },
		{ 1ULL << 63, HISTOGRAM_BUCKETS },
		{ UINT64_MAX, HISTOGRAM_BUCKETS },
	};

	(void)state;
	assert_int_equal(HISTOGRAM_BUCKETS, 16 * 37);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(histogram_bucket(table[i].value), table[i].bucket);
}

/* Every bucket: where it starts, that it ends where the next one starts, and how wide it is. */
static void test_histogram_boundaries(void **state)
{
	(void)state;
	assert_int_equal(histogram_lower(0), 0);
	assert_int_equal(histogram_lower(HISTOGRAM_BUCKETS), 1ULL << 40);
	for (unsigned int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		uint64_t lower = histogram_lower(bucket), end = histogram_lower(bucket + 1);
		double expected =
			bucket < 16 ? bucket : ldexp(1 + bucket % 16 / 16.0, bucket / 16 + 3);

		assert_true((double)lower == expected);
		assert_int_equal(histogram_bucket(lower), bucket);
		assert_int_equal(histogram_bucket(lower + (end - lower) / 2), bucket);
		assert_int_equal(histogram_bucket(end - 1), bucket);
		assert_int_equal(histogram_bucket(end), bucket + 1);
		assert_true(lower < 32 ? end - lower == 1 : 16 * (end - lower) <= lower);
	}
}

static void test_histogram_add(void **state)
{
	struct histogram *h = array(1, sizeof(*h));

	(void)state;
	for (unsigned int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		histogram_add(h, histogram_lower(bucket));
		histogram_add(h, histogram_lower(bucket + 1) - 1);
	}
	assert_int_equal(h->overflow, 0);
	histogram_add(h, 1ULL << 40);
	histogram_add(h, UINT64_MAX);
	assert_int_equal(h->overflow, 2);
	for (unsigned int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
		assert_int_equal(h->count[bucket], 2);
	free(h);
}

/*
 * The bounds for an odd number of distinct runs are runs, and which ones follows from the binomial
 * law of the bootstrap median. Expected: reference; only rows are taken where the other ranks are
 * at least 3.8 standard errors of 2000 resamples away.
 */
static void test_bootstrap_ranks(void **state)
{
	static const struct {
		size_t n;
		double level;
		size_t lower, upper; /* ranks, from 1 */
	} table[] = {
		{ 7, 0.5, 3, 5 },   { 7, 0.95, 2, 6 }, { 9, 0.5, 4, 6 },   { 11, 0.5, 5, 7 },
		{ 11, 0.95, 3, 9 }, { 15, 0.5, 7, 9 }, { 15, 0.9, 5, 11 },
	};
	static const double same[] = { 4, 4, 4, 4, 4, 4 };

	(void)state;
	for (size_t row = 0; row < ARRAY_SIZE(table); row++) {
		size_t n = table[row].n;
		double runs[15];
		struct interval i;

		/* The squares of 1 to n, in an order that is not theirs. */
		for (size_t k = 0; k < n; k++)
			runs[k * 2 % n] = (double)((k + 1) * (k + 1));
		i = median_interval(runs, n, table[row].level, 1);
		check_near(i.estimate, (double)((n + 1) * (n + 1)) / 4, 0);
		check_near(i.lower, (double)(table[row].lower * table[row].lower), 0);
		check_near(i.upper, (double)(table[row].upper * table[row].upper), 0);

		/* A side without any spread only moves the interval; taken from it, it turns it. */
		i = median_difference_interval(runs, n, same, 6, table[row].level, 2);
		check_near(i.estimate, (double)((n + 1) * (n + 1)) / 4 - 4, 0);
		check_near(i.lower, (double)(table[row].lower * table[row].lower) - 4, 0);
		check_near(i.upper, (double)(table[row].upper * table[row].upper) - 4, 0);

		i = median_difference_interval(same, 6, runs, n, table[row].level, 3);
		check_near(i.estimate, 4 - (double)((n + 1) * (n + 1)) / 4, 0);
		check_near(i.lower, 4 - (double)(table[row].upper * table[row].upper), 0);
		check_near(i.upper, 4 - (double)(table[row].lower * table[row].lower), 0);
	}
}

static void draw_runs(struct random *random, double *runs, size_t n, double truth)
{
	for (size_t i = 0; i < n; i++)
		runs[i] = truth + normal(random);
}

static bool same_interval(struct interval a, struct interval b)
{
	return a.estimate == b.estimate && a.lower == b.lower && a.upper == b.upper;
}

static void test_bootstrap_is_deterministic(void **state)
{
	struct random random = { .state = 1 };
	double a[10], b[12], before[10];
	struct interval first;
	unsigned int others = 0;

	(void)state;
	draw_runs(&random, a, 10, 1000);
	draw_runs(&random, b, 12, 990);
	memcpy(before, a, sizeof(a));

	first = median_interval(a, 10, 0.95, 0);
	assert_true(same_interval(first, median_interval(a, 10, 0.95, 0)));
	first = median_difference_interval(a, 10, b, 12, 0.95, 1);
	assert_true(same_interval(first, median_difference_interval(a, 10, b, 12, 0.95, 1)));
	assert_memory_equal(a, before, sizeof(a));

	for (uint64_t seed = 2; seed < 12; seed++) {
		struct interval i = median_difference_interval(a, 10, b, 12, 0.95, seed);

		check_near(i.estimate, first.estimate, 0);
		others += !same_interval(i, first);
	}
	assert_true(others > 0);
}

/*
 * How often, in 400 simulations, the interval holds the truth. The seeds are fixed, so this cannot
 * fail by chance; the ranges are wide because the true coverage of so few runs is not the nominal
 * one: a median of 10 jumps from run to run.
 */
static void test_bootstrap_coverage(void **state)
{
	static const struct {
		double level, min, max;
	} table[] = { { 0.95, 0.88, 0.99 }, { 0.5, 0.4, 0.65 } };
	const unsigned int simulations = 400;

	(void)state;
	for (size_t row = 0; row < ARRAY_SIZE(table); row++) {
		unsigned int hit = 0, hit_difference = 0;
		struct random random = { .state = 2024 };

		for (unsigned int k = 0; k < simulations; k++) {
			double a[10], b[10];
			struct interval i;

			draw_runs(&random, a, 10, 100);
			draw_runs(&random, b, 10, 97);
			i = median_interval(a, 10, table[row].level, k);
			hit += i.lower <= 100 && 100 <= i.upper;
			i = median_difference_interval(a, 10, b, 10, table[row].level, k);
			hit_difference += i.lower <= 3 && 3 <= i.upper;
		}
		assert_in_range(hit, table[row].min * simulations, table[row].max * simulations);
		assert_in_range(hit_difference, table[row].min * simulations,
				table[row].max * simulations);
	}
}

/* Which side is larger, and that both sides are drawn apart: a against itself is not exactly 0. */
static void test_bootstrap_difference(void **state)
{
	struct random random = { .state = 9 };
	double slow[10], fast[14];
	struct interval i;

	(void)state;
	draw_runs(&random, slow, 10, 130);
	draw_runs(&random, fast, 14, 100);

	i = median_difference_interval(slow, 10, fast, 14, 0.95, 1);
	assert_true(0 < i.lower && i.lower <= i.estimate && i.estimate <= i.upper);
	i = median_difference_interval(fast, 14, slow, 10, 0.95, 1);
	assert_true(i.lower <= i.estimate && i.estimate <= i.upper && i.upper < 0);
	i = median_difference_interval(slow, 10, slow, 10, 0.95, 1);
	assert_true(i.lower < 0 && i.estimate == 0 && 0 < i.upper);
}

static void test_bootstrap_of_few_runs(void **state)
{
	static const double runs[] = { 3, 1, 5, 7, 9, 11 }, unknown[] = { 3, NAN, 5 };
	struct interval i;

	(void)state;
	for (size_t n = 0; n <= 6; n++) {
		/* of the first n, by hand */
		static const double medians[] = { NAN, 3, 2, 3, 4, 5, 6 };

		i = median_interval(n ? runs : NULL, n, 0.95, 1);
		assert_true(n ? i.estimate == medians[n] : isnan(i.estimate));
		assert_int_equal(isnan(i.lower) && isnan(i.upper), n < 6);

		i = median_difference_interval(runs, 6, n ? runs : NULL, n, 0.95, 1);
		assert_true(n ? i.estimate == 6 - medians[n] : isnan(i.estimate));
		assert_int_equal(isnan(i.lower) && isnan(i.upper), n < 6);

		i = median_difference_interval(n ? runs : NULL, n, runs, 6, 0.95, 1);
		assert_true(n ? i.estimate == medians[n] - 6 : isnan(i.estimate));
		assert_int_equal(isnan(i.lower) && isnan(i.upper), n < 6);
	}
	i = median_interval(unknown, 3, 0.95, 1);
	assert_true(isnan(i.estimate) && isnan(i.lower) && isnan(i.upper));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_summary_vectors),
		cmocka_unit_test(test_summary_squares),
		cmocka_unit_test(test_summary_tailed),
		cmocka_unit_test(test_summary_of_nothing),
		cmocka_unit_test(test_summary_of_known_laws),
		cmocka_unit_test(test_summary_of_heavy_tail),
		cmocka_unit_test(test_summary_shapes),
		cmocka_unit_test(test_disturbed),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_doubles_are_kept),
		cmocka_unit_test(test_doubles_agree_with_samples),
		cmocka_unit_test(test_doubles_without_an_answer),
		cmocka_unit_test(test_histogram_bucket),
		cmocka_unit_test(test_histogram_boundaries),
		cmocka_unit_test(test_histogram_add),
		cmocka_unit_test(test_bootstrap_ranks),
		cmocka_unit_test(test_bootstrap_is_deterministic),
		cmocka_unit_test(test_bootstrap_coverage),
		cmocka_unit_test(test_bootstrap_difference),
		cmocka_unit_test(test_bootstrap_of_few_runs),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
