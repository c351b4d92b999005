/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The path from a VM exit to the next VM entry, as the emulated machine records it: machine/path.h. On any
 * other host there is no recorder.
 */
#ifndef BENCH_EXIT_PATH_H
#define BENCH_EXIT_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/path.h"

bool exit_path_recorder(void);

/* Exits of this processor are recorded under @name, until the stop. */
void exit_path_start(const char *name);
/* False: there were not @min exits with the same reason, or an interrupt came into each. */
bool exit_path_stop(uint32_t min, struct path *path);

/* The figures of one exit by name, in the schema's order; NULL past the last. */
struct exit_path_figure {
	const char *name;
	size_t offset; /* in struct path, of a uint64_t */
};
const struct exit_path_figure *exit_path_figure(size_t i);

#endif
