/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All 2^32 ECX by a few hundred thousand reads: ECX as a grid of types (ECX[31:16]) by indices
 * (ECX[15:0]). Types are of one class if they answer alike at the indices tried, indices likewise.
 * One type of each class is tried with every index, one index of each class with every type, until
 * no class falls apart: then each rectangle of two classes answers alike, as far as types of one
 * class that agree at an index of every class agree at all.
 */
#ifndef FUZZ_SURVEY_GRID_H
#define FUZZ_SURVEY_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRID_SIDE   65536
#define GRID_PROBES 48 /* types tried with every index, and indices with every type */

/* What a read of ECX comes to: equal numbers, equal results. */
typedef uint16_t grid_ask(void *opaque, uint32_t ecx);

/* These will be asked for next, in this order. */
#define GRID_SOON 1024
typedef void grid_soon(void *opaque, const uint32_t *ecxs, size_t n);

/* Types, or indices. */
struct grid_axis {
	uint16_t class[GRID_SIDE];
	uint32_t first[GRID_PROBES + 1], size[GRID_PROBES + 1]; /* by class */
	unsigned int classes;
	uint16_t probes[GRID_PROBES]; /* the members tried with all of the other axis ... */
	uint16_t answers[GRID_PROBES][GRID_SIDE]; /* ... and what that gave */
	unsigned int n_probes;
};

/* Some 12 MiB. */
struct grid {
	grid_ask *ask;
	grid_soon *soon; /* or NULL; at most GRID_SOON at once */
	void *opaque;
	struct grid_axis types, indices;
	bool too_many; /* classes: what is told of the rest is a guess */
};

/* Everything anew, by what @ask says. */
void grid_fill(struct grid *grid, grid_ask *ask, void *opaque);

/* @ecx did not do what the grid says: its type and its index are tried with all. */
void grid_refine(struct grid *grid, uint32_t ecx);

/* What @ecx does, by the grid. */
uint16_t grid_lookup(const struct grid *grid, uint32_t ecx);

/* Each rectangle: what it does, its lowest ECX, how many. */
void grid_each(const struct grid *grid,
	       void (*report)(void *opaque, uint16_t answer, uint32_t lowest, uint64_t count),
	       void *opaque);

#endif
