// SPDX-License-Identifier: GPL-2.0-or-later
/* ECX as a grid of classes of types and indices. */
#include "fuzz/survey/survey_grid.h"

#include <string.h>

static void reset(struct grid_axis *axis)
{
	memset(axis->class, 0, sizeof(axis->class));
	axis->classes = 1;
	axis->first[0] = 0;
	axis->size[0] = GRID_SIDE;
	axis->n_probes = 0;
}

/*
 * Classes fall apart by @answers. In order, so the first of each stays its lowest. False: there are
 * more than can be kept, and those beyond are thrown together.
 */
static bool split(struct grid_axis *axis, const uint16_t *answers)
{
	struct {
		uint16_t from, answer;
	} seen[GRID_PROBES + 1];
	unsigned int n = 0, i = 0;
	bool all = true;

	for (unsigned int at = 0; at < GRID_SIDE; at++) {
		const uint16_t from = axis->class[at], answer = answers[at];

		if (i >= n || seen[i].from != from || seen[i].answer != answer)
			for (i = 0; i < n; i++)
				if (seen[i].from == from && seen[i].answer == answer)
					break;
		if (i == n && n == GRID_PROBES + 1) {
			all = false;
			i--;
		} else if (i == n) {
			seen[n].from = from;
			seen[n].answer = answer;
			axis->first[n] = at;
			axis->size[n++] = 0;
		}
		axis->class[at] = (uint16_t)i;
		axis->size[i]++;
	}
	axis->classes = n;
	return all;
}

static void ask_all(struct grid *grid, uint32_t first, uint32_t step, uint16_t *answers)
{
	uint32_t ecxs[GRID_SOON];

	for (uint32_t at = 0; at < GRID_SIDE; at += GRID_SOON) {
		for (uint32_t i = 0; i < GRID_SOON; i++)
			ecxs[i] = first + (at + i) * step;
		if (grid->soon)
			grid->soon(grid->opaque, ecxs, GRID_SOON);
		for (uint32_t i = 0; i < GRID_SOON; i++)
			answers[at + i] = grid->ask(grid->opaque, ecxs[i]);
	}
}

/* Tries @value of @axis with all of the other axis, whose classes may fall apart. */
static void probe(struct grid *grid, struct grid_axis *axis, uint16_t value)
{
	struct grid_axis *other = axis == &grid->types ? &grid->indices : &grid->types;
	uint16_t *answers;

	for (unsigned int i = 0; i < axis->n_probes; i++)
		if (axis->probes[i] == value)
			return;
	if (grid->too_many || axis->n_probes == GRID_PROBES) {
		grid->too_many = true;
		return;
	}
	answers = axis->answers[axis->n_probes];
	axis->probes[axis->n_probes++] = value;
	if (axis == &grid->types)
		ask_all(grid, (uint32_t)value << 16, 1, answers);
	else
		ask_all(grid, value, 1 << 16, answers);
	if (!split(other, answers))
		grid->too_many = true;
}

/* A probe of class @class of @axis; -1: there is none yet. */
static int probe_of(const struct grid_axis *axis, unsigned int class)
{
	for (unsigned int i = 0; i < axis->n_probes; i++)
		if (axis->class[axis->probes[i]] == class)
			return (int)i;
	return -1;
}

/* Tries the first of a class that has no probe. True if there was one. */
static bool probe_one(struct grid *grid, struct grid_axis *axis)
{
	for (unsigned int class = 0; class < axis->classes; class ++) {
		if (probe_of(axis, class) >= 0)
			continue;
		probe(grid, axis, (uint16_t)axis->first[class]);
		return !grid->too_many;
	}
	return false;
}

static void close_grid(struct grid *grid)
{
	while (!grid->too_many &&
	       (probe_one(grid, &grid->types) || probe_one(grid, &grid->indices)))
		;
}

void grid_fill(struct grid *grid, grid_ask *ask, void *opaque)
{
	grid->ask = ask;
	grid->opaque = opaque;
	grid->too_many = false;
	reset(&grid->types);
	reset(&grid->indices);
	close_grid(grid);
}

void grid_refine(struct grid *grid, uint32_t ecx)
{
	probe(grid, &grid->types, (uint16_t)(ecx >> 16));
	probe(grid, &grid->indices, (uint16_t)ecx);
	close_grid(grid);
}

uint16_t grid_lookup(const struct grid *grid, uint32_t ecx)
{
	const struct grid_axis *types = &grid->types, *indices = &grid->indices;
	int probed = probe_of(types, types->class[ecx >> 16]);

	if (probed >= 0)
		return types->answers[probed][(uint16_t)ecx];
	/* Too many classes. */
	probed = probe_of(indices, indices->class[(uint16_t)ecx]);
	return probed >= 0 ? indices->answers[probed][ecx >> 16] : types->answers[0][(uint16_t)ecx];
}

void grid_each(const struct grid *grid,
	       void (*report)(void *opaque, uint16_t answer, uint32_t lowest, uint64_t count),
	       void *opaque)
{
	const struct grid_axis *types = &grid->types, *indices = &grid->indices;

	for (unsigned int t = 0; t < types->classes; t++)
		for (unsigned int i = 0; i < indices->classes; i++) {
			uint32_t lowest = types->first[t] << 16 | indices->first[i];

			report(opaque, grid_lookup(grid, lowest), lowest,
			       (uint64_t)types->size[t] * indices->size[i]);
		}
}
