/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of a full sweep that can be taken up again: a line that says what is swept and by what,
 * then a line for each chunk that is done and in which nothing was found. Lines are only ever
 * appended, so that what is there survives any end of the program.
 */
#ifndef FUZZ_SWEEP_RESUME_H
#define FUZZ_SWEEP_RESUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct resume;

/* What must be the same for a sweep to be taken up. All are words, without blanks. */
struct resume_key {
	const char *version, *build; /* of the program; see resume_build() */
	const char *engine, *choices, *configuration;
	uint32_t first, last;
};

/* NULL with @why, one line: @path cannot be had, is in use, or is of another sweep. */
struct resume *resume_open(const char *path, const struct resume_key *key, char *why,
			   size_t why_size);
/* False with @why if a chunk could not be noted. */
bool resume_close(struct resume *resume, char *why, size_t why_size);

bool resume_done(const struct resume *resume, unsigned int chunk);
unsigned int resume_count(const struct resume *resume); /* chunks done when it was opened */

/* @chunk is done. To be called by one thread at a time. */
void resume_note(struct resume *resume, unsigned int chunk);

/*
 * A number for the machine code of the program and of the object that holds @function: the same
 * version can be built from other sources. Hexadecimal; empty where it cannot be told.
 */
void resume_build(const void *function, char text[17]);

#endif
