// SPDX-License-Identifier: GPL-2.0-or-later
/* Walking from one case to another: a field or two at a time take the other's value, as long as it finds. */
#include "fuzz/triage/related.h"

#include <stdlib.h>
#include <string.h>

/* The first thing it finds; a complaint of the code is no wrong answer. */
static bool finds(struct trial *trial, const uint8_t *data, size_t size, struct finding *finding)
{
	return !trial_run(trial, data, size, finding) && !finding->trouble;
}

/* The same rule, answered alike, by whatever entry; or, both, the intercept off, which is one decision. */
static bool same_root_cause(const struct finding *a, const struct finding *b)
{
	if (a->oracles & b->oracles & ORACLE_PASS_SOUND)
		return true;
	return a->oracles != ORACLE_PASS_SOUND && b->oracles != ORACLE_PASS_SOUND &&
	       a->rule == b->rule &&
	       a->model.decision.answer == b->model.decision.answer &&
	       a->engine.answer == b->engine.answer;
}

struct walk {
	struct trial *trial;
	uint8_t *at, *to, *tried; /* as many bytes as the longer case has */
	size_t size, to_size, room;
	struct finding begin, end; /* on the way nothing else is found */
};

/* What changes at once: a field of the byte map; all steps together are the last. */
static struct case_field field_of(const struct walk *walk, size_t i)
{
	const size_t steps = sizeof(struct case_bytes);

	return i < CASE_FIELDS ? case_fields[i]
			       : (struct case_field){ .offset = steps, .size = walk->room - steps };
}

static bool differs(const struct walk *walk, size_t i)
{
	const struct case_field field = field_of(walk, i);

	return memcmp(walk->at + field.offset, walk->to + field.offset, field.size) ||
	       (i == CASE_FIELDS && walk->size != walk->to_size);
}

/* Gives two fields, or one of them twice, the other's values, if it finds something then. */
static bool step(struct walk *walk, size_t i, size_t j)
{
	struct finding found;
	const size_t size = i == CASE_FIELDS || j == CASE_FIELDS ? walk->to_size : walk->size;

	memcpy(walk->tried, walk->at, walk->room);
	for (unsigned int k = 0; k < 2; k++) {
		const struct case_field field = field_of(walk, k ? j : i);

		memcpy(walk->tried + field.offset, walk->to + field.offset, field.size);
	}
	if (!finds(walk->trial, walk->tried, size, &found) ||
	    (!same_root_cause(&found, &walk->begin) && !same_root_cause(&found, &walk->end)))
		return false;
	memcpy(walk->at, walk->tried, walk->room);
	walk->size = size;
	return true;
}

/* The first step that can be made, of one field if there is one. */
static bool any_step(struct walk *walk)
{
	for (size_t i = 0; i <= CASE_FIELDS; i++)
		if (differs(walk, i) && step(walk, i, i))
			return true;
	/* Which counter is read and whether there is one are two fields. */
	for (size_t i = 0; i <= CASE_FIELDS; i++)
		for (size_t j = i + 1; differs(walk, i) && j <= CASE_FIELDS; j++)
			if (differs(walk, j) && step(walk, i, j))
				return true;
	return false;
}

/* A whole case: what is missing at the end of its bytes, up to @room, is 0. */
static uint8_t *whole(const uint8_t *data, size_t size, size_t room)
{
	uint8_t *bytes = calloc(1, room);

	if (bytes && size)
		memcpy(bytes, data, size);
	return bytes;
}

static bool arrives(struct walk *walk)
{
	if (finds(walk->trial, walk->at, walk->size, &walk->begin) &&
	    finds(walk->trial, walk->to, walk->to_size, &walk->end))
		while (any_step(walk))
			;
	return walk->size == walk->to_size && !memcmp(walk->at, walk->to, walk->room);
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static bool walk_over(struct trial *trial, const uint8_t *from, size_t from_size, const uint8_t *to,
		      size_t to_size)
{
	struct walk walk = { .trial = trial,
			     .size = larger(from_size, sizeof(struct case_bytes)),
			     .to_size = larger(to_size, sizeof(struct case_bytes)) };
	bool found;

	walk.room = larger(walk.size, walk.to_size);
	walk.at = whole(from, from_size, walk.room);
	walk.to = whole(to, to_size, walk.room);
	walk.tried = malloc(walk.room);
	found = walk.at && walk.to && walk.tried && arrives(&walk);
	free(walk.at);
	free(walk.to);
	free(walk.tried);
	return found;
}

bool related(struct trial *trial, const uint8_t *from, size_t from_size, const uint8_t *to,
	     size_t to_size)
{
	return walk_over(trial, from, from_size, to, to_size) ||
	       walk_over(trial, to, to_size, from, from_size);
}
