/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SplitMix64 (Steele et al. 2014): every seed a good one, nothing global, not for secrets. The same seed gives the same
 * numbers in every version: seeds are kept in results and in names of cases.
 */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 to @limit - 1; @limit far below 2^32, so that the bias does not matter. */
static inline uint32_t random_below(struct random *random, uint32_t limit)
{
	return (uint32_t)((random_next(random) >> 32) * limit >> 32);
}

/* Fisher-Yates. @n as a limit above. */
static inline void random_shuffle(struct random *random, unsigned int *index, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		const size_t j = random_below(random, (uint32_t)i);
		const unsigned int swap = index[i - 1];

		index[i - 1] = index[j];
		index[j] = swap;
	}
}

static inline int random_one_in(struct random *random, uint32_t n)
{
	return !random_below(random, n);
}

#endif
