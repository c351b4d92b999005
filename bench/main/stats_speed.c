// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast a run is summarised: times summarise() and the histogram on made-up latencies.
 * Usage: stats_speed [SAMPLES]. Prints samples, seconds and ns per sample; asserts nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/stats.h"
#include "lib/clock.h"
#include "lib/random.h"

#define DEFAULT_SAMPLES 10000000UL
#define MAX_SAMPLES     1000000000UL /* 8 GB */
#define SEED            1

/* An exit of about 1200 ticks with a bell of noise; one in 50 is in a tail that reaches 10^6. */
static uint64_t latency(struct random *random)
{
	uint64_t x = 1200;

	for (int i = 0; i < 4; i++)
		x += random_below(random, 64);
	if (random_below(random, 50) == 0)
		x += random_below(random, 1u << random_below(random, 21));
	return x;
}

/* 0 where @text is not a number of samples. */
static size_t parse_samples(const char *text)
{
	unsigned long n;
	char *end;

	/* strtoul() would take a sign or a space. */
	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	return errno || *end || n > MAX_SAMPLES ? 0 : n;
}

int main(int argc, char **argv)
{
	size_t n = argc == 2 ? parse_samples(argv[1]) : DEFAULT_SAMPLES;
	struct histogram histogram = { 0 };
	struct random random = { .state = SEED };
	struct summary s;
	uint64_t *samples;
	double start, seconds;

	if (argc > 2 || n == 0) {
		fprintf(stderr, "stats_speed: expected one number of samples, 1 to %lu\n",
			MAX_SAMPLES);
		return 2;
	}

	samples = calloc(n, sizeof(*samples));
	if (!samples) {
		fprintf(stderr, "stats_speed: no memory for %zu samples\n", n);
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		samples[i] = latency(&random);

	start = clock_seconds();
	for (size_t i = 0; i < n; i++)
		histogram_add(&histogram, samples[i]);
	summarise(samples, n, &s);
	seconds = clock_seconds() - start;

	printf("%zu samples  %.3f s  %.2f ns/sample\n", n, seconds, seconds * 1e9 / (double)n);
	free(samples);
	return 0;
}
