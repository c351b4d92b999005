// SPDX-License-Identifier: GPL-2.0-or-later
/* AFL++'s way to the mutator: a shared object for AFL_CUSTOM_MUTATOR_LIBRARY. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/case/mutate.h"

struct afl_mutator {
	struct random random;
	size_t room;
	uint8_t *data;
};

void *afl_custom_init(void *afl, unsigned int seed);
size_t afl_custom_fuzz(void *opaque, uint8_t *in, size_t size, uint8_t **out, uint8_t *add,
		       size_t add_size, size_t max_size);
void afl_custom_deinit(void *opaque);

void *afl_custom_init(void *afl, unsigned int seed)
{
	struct afl_mutator *mutator = calloc(1, sizeof(*mutator));

	(void)afl;
	if (mutator)
		mutator->random.state = seed;
	return mutator;
}

size_t afl_custom_fuzz(void *opaque, uint8_t *in, size_t size, uint8_t **out, uint8_t *add,
		       size_t add_size, size_t max_size)
{
	struct afl_mutator *mutator = opaque;
	size_t room = size > MUTATE_SIZE ? size : MUTATE_SIZE;

	(void)add;
	(void)add_size;
	if (room > max_size)
		room = max_size;
	if (size > room)
		size = room;
	if (room > mutator->room) {
		uint8_t *grown = realloc(mutator->data, room);

		if (!grown) { /* AFL++ goes on with the input as it is */
			*out = in;
			return size;
		}
		mutator->data = grown;
		mutator->room = room;
	}
	memcpy(mutator->data, in, size);
	*out = mutator->data;
	return mutate(&mutator->random, mutator->data, size, room);
}

void afl_custom_deinit(void *opaque)
{
	struct afl_mutator *mutator = opaque;

	free(mutator->data);
	free(mutator);
}
