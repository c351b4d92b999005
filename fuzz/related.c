// SPDX-License-Identifier: GPL-2.0-or-later
/* Walking from one case to another: a field or two at a time take the other's value, as long as it finds. */
#include "fuzz/related.h"

#include <stdlib.h>
#include <string.h>

/* What changes at once: a field of the byte map; all steps together are the last. */
#define FIELD(name)                                                                                \
	{                                                                                          \
		offsetof(struct case_bytes, name), sizeof(((struct case_bytes *)0)->name)          \
	}
#define PMU(whose)                                                                                 \
	FIELD(whose.vendor), FIELD(whose.version), FIELD(whose.nr_gp), FIELD(whose.gp_width),      \
		FIELD(whose.nr_fixed), FIELD(whose.fixed_width), FIELD(whose.old_counters),        \
		FIELD(whose.nr_nb), FIELD(whose.fixed_bitmap), FIELD(whose.leaf23_gp),             \
		FIELD(whose.leaf23_fixed), FIELD(whose.perf_capabilities)

static const struct field {
	size_t offset, size;
} fields[] = {
	FIELD(version),
	FIELD(mode),
	FIELD(cpl),
	FIELD(flags),
	FIELD(cr0),
	FIELD(cr4),
	FIELD(rflags),
	FIELD(rcx),
	FIELD(rax),
	FIELD(rdx),
	FIELD(rip),
	PMU(guest),
	PMU(host),
	FIELD(counter_seed),
	FIELD(metrics),
	FIELD(fixed_ctr_ctrl),
	FIELD(gp_user_disable),
};

#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

/* A whole case: what is missing at the end of its bytes is 0. */
static uint8_t *whole(const uint8_t *data, size_t size, size_t room)
{
	uint8_t *bytes = calloc(1, room);

	if (bytes && size)
		memcpy(bytes, data, size);
	return bytes;
}

static size_t at_least(size_t size)
{
	return size < sizeof(struct case_bytes) ? sizeof(struct case_bytes) : size;
}

/* The first thing it finds; a complaint of the code is no wrong answer. */
static bool finds(struct trial *trial, const uint8_t *data, size_t size, struct finding *finding)
{
	return !trial_run(trial, data, size, finding) && !finding->trouble;
}

/* The same rule, answered alike, by whatever entry; or, both, the intercept off, which is one decision. */
static bool kindred(const struct finding *a, const struct finding *b)
{
	if (a->oracles & b->oracles & ORACLE_PASS_SOUND)
		return true;
	return a->oracles != ORACLE_PASS_SOUND && b->oracles != ORACLE_PASS_SOUND &&
	       a->model.decision.rule == b->model.decision.rule &&
	       a->model.decision.answer == b->model.decision.answer &&
	       a->engine.answer == b->engine.answer;
}

struct walk {
	struct trial *trial;
	uint8_t *at, *tried; /* as many bytes as the longer case has */
	const uint8_t *to;
	size_t size, to_size, room;
	struct finding begin, end; /* on the way nothing else is found */
};

static struct field field_of(const struct walk *walk, size_t i)
{
	const size_t steps = sizeof(struct case_bytes);

	return i < NR_FIELDS ? fields[i] : (struct field){ steps, walk->room - steps };
}

static bool differs(const struct walk *walk, size_t i)
{
	const struct field field = field_of(walk, i);

	return memcmp(walk->at + field.offset, walk->to + field.offset, field.size) ||
	       (i == NR_FIELDS && walk->size != walk->to_size);
}

/* Gives two fields, or one of them twice, the other's values, if it finds something then. */
static bool step(struct walk *walk, size_t i, size_t j)
{
	struct finding found;
	const size_t size = i == NR_FIELDS || j == NR_FIELDS ? walk->to_size : walk->size;

	memcpy(walk->tried, walk->at, walk->room);
	for (unsigned int k = 0; k < 2; k++) {
		const struct field field = field_of(walk, k ? j : i);

		memcpy(walk->tried + field.offset, walk->to + field.offset, field.size);
	}
	if (!finds(walk->trial, walk->tried, size, &found) ||
	    (!kindred(&found, &walk->begin) && !kindred(&found, &walk->end)))
		return false;
	memcpy(walk->at, walk->tried, walk->room);
	walk->size = size;
	return true;
}

/* The first step that can be made, of one field if there is one. */
static bool any_step(struct walk *walk)
{
	for (size_t i = 0; i <= NR_FIELDS; i++)
		if (differs(walk, i) && step(walk, i, i))
			return true;
	/* Which counter is read and whether there is one are two fields. */
	for (size_t i = 0; i <= NR_FIELDS; i++)
		for (size_t j = i + 1; differs(walk, i) && j <= NR_FIELDS; j++)
			if (differs(walk, j) && step(walk, i, j))
				return true;
	return false;
}

/* From @at to @to, @at changing on the way. */
static bool arrives(struct trial *trial, uint8_t *at, size_t size, const uint8_t *to,
		    size_t to_size)
{
	struct walk walk = { .trial = trial,
			     .at = at,
			     .to = to,
			     .size = size,
			     .to_size = to_size,
			     .room = size > to_size ? size : to_size };

	walk.tried = malloc(walk.room);
	if (walk.tried && finds(trial, at, size, &walk.begin) &&
	    finds(trial, to, to_size, &walk.end))
		while (any_step(&walk))
			;
	free(walk.tried);
	return walk.size == to_size && !memcmp(at, to, to_size);
}

bool related(struct trial *trial, const uint8_t *from, size_t from_size, const uint8_t *to,
	     size_t to_size)
{
	const size_t from_whole = at_least(from_size), to_whole = at_least(to_size);
	const size_t room = from_whole > to_whole ? from_whole : to_whole;
	bool found = false;

	for (unsigned int way = 0; way < 2 && !found; way++) {
		uint8_t *a = whole(from, from_size, room), *b = whole(to, to_size, room);

		if (a && b)
			found = way ? arrives(trial, b, to_whole, a, from_whole)
				    : arrives(trial, a, from_whole, b, to_whole);
		free(a);
		free(b);
	}
	return found;
}
