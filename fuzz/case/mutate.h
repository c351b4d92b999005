/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making cases: plausible ones from nothing, and neighbours of a given one. Both know the fields and
 * their boundaries, neither knows what is right.
 */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include "fuzz/case/case.h"
#include "lib/random.h"

/* Steps in a case that was made here; a fuzzer's own bytes may hold more. */
#define MUTATE_STEPS 4
#define MUTATE_SIZE  (sizeof(struct case_bytes) + MUTATE_STEPS * sizeof(struct case_step_bytes))

/* A case from nothing, at most @max bytes long. Returns its size. */
size_t mutate_make(struct random *random, uint8_t *data, size_t max);

/* Case @number of @seed's: each from a beginning of its own, so that none depends on another. */
size_t mutate_numbered(uint64_t seed, uint64_t number, uint8_t *data, size_t max);

/* Change @data, @size bytes in room for @max. Returns the new size. */
size_t mutate(struct random *random, uint8_t *data, size_t size, size_t max);

#endif
