/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small seeded generator (SplitMix64, Steele et al. 2014) for interleaving and resampling: not
 * for secrets.
 */
#ifndef BENCH_RNG_H
#define BENCH_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = (rng->state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/*
 * Uniform in [0, bound), bound >= 1; the bias of the multiply is below 2^-32 for the bounds used
 * here.
 */
static inline uint64_t rng_below(struct rng *rng, uint32_t bound)
{
	return (uint64_t)(((unsigned __int128)rng_next(rng) * bound) >> 64);
}

/* Fisher-Yates */
static inline void rng_shuffle(struct rng *rng, unsigned int *index, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = rng_below(rng, (uint32_t)i);
		unsigned int swap = index[i - 1];

		index[i - 1] = index[j];
		index[j] = swap;
	}
}

#endif
