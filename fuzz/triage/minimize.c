// SPDX-License-Identifier: GPL-2.0-or-later
/* Minimising: try something simpler, keep it if the finding is alike, until nothing helps. */
#include "fuzz/triage/minimize.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TRIES 200000

struct work {
	struct trial *trial;
	struct finding wanted, *finding;
	uint8_t *data, *tried;
	size_t size;
	unsigned int tries; /* left: a case of a mebibyte that needs all of it has no end */
};

/* Keep @tried, @size bytes, if it shows the same. */
static bool keep(struct work *work, size_t size)
{
	struct finding finding;

	if (!work->tries)
		return false;
	work->tries--;
	if (trial_run(work->trial, work->tried, size, &finding) ||
	    !finding_alike(&finding, &work->wanted))
		return false;
	memcpy(work->data, work->tried, size);
	work->size = size;
	*work->finding = finding;
	return true;
}

/* Leave out @length bytes at @offset. */
static bool without(struct work *work, size_t offset, size_t length)
{
	memcpy(work->tried, work->data, offset);
	memcpy(work->tried + offset, work->data + offset + length, work->size - offset - length);
	return keep(work, work->size - length);
}

static bool fewer_steps(struct work *work)
{
	size_t first = sizeof(struct case_bytes), step = sizeof(struct case_step_bytes);
	bool better = false;

	/* Large pieces first: an input of a megabyte has 100,000 steps. */
	for (size_t piece = work->size; piece; piece /= 2) {
		piece -= piece % step;
		for (size_t at = first; piece && at + piece <= work->size;)
			if (without(work, at, piece))
				better = true;
			else
				at += piece;
	}
	if (work->size > first && (work->size - first) % step)
		better |= without(work, work->size - (work->size - first) % step,
				  (work->size - first) % step);
	return better;
}

/* The read that shows it as the case's first, without the steps before it and after. */
static bool read_first(struct work *work)
{
	size_t first = sizeof(struct case_bytes), read = work->finding->step;
	const struct case_step_bytes *steps = (const struct case_step_bytes *)(work->data + first);

	if (!read || first + read * sizeof(*steps) > work->size)
		return false;
	memcpy(work->tried, work->data, first);
	memcpy(((struct case_bytes *)work->tried)->rcx, steps[read - 1].value,
	       sizeof(steps->value));
	return keep(work, first);
}

/* A byte of another value. */
static bool with_byte(struct work *work, size_t at, uint8_t value)
{
	if (work->data[at] == value)
		return false;
	memcpy(work->tried, work->data, work->size);
	work->tried[at] = value;
	return keep(work, work->size);
}

static bool fewer_bits(struct work *work)
{
	bool better = false;
	uint8_t lowest;

	for (size_t at = 0; at < work->size; at++) {
		/* The version is no part of what is tried; without it the bytes would not be one. */
		if (!at)
			better |= with_byte(work, at, CASE_VERSION);
		else if (with_byte(work, at, 0))
			better = true;
		else
			for (uint8_t bits = work->data[at]; bits; bits &= (uint8_t)~lowest) {
				lowest = bits & (uint8_t)-bits;
				better |= with_byte(work, at, work->data[at] & (uint8_t)~lowest);
			}
	}
	return better;
}

size_t minimize(struct trial *trial, uint8_t *data, size_t size, struct finding *finding)
{
	struct work work = { .trial = trial, .finding = finding, .size = size, .tries = MAX_TRIES };
	bool better;

	if (trial_run(trial, data, size, &work.wanted))
		return size;
	*finding = work.wanted;
	work.data = malloc(size + 1);
	work.tried = malloc(size + 1);
	if (work.data && work.tried) {
		memcpy(work.data, data, size);
		do {
			better = read_first(&work);
			better |= fewer_steps(&work);
			better |= fewer_bits(&work);
		} while (better);
		memcpy(data, work.data, work.size);
		size = work.size;
	}
	free(work.data);
	free(work.tried);
	return size;
}
