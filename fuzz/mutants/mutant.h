/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mutant catalogue: one patch of emulator/ each, with a header that says what and whence. */
#ifndef FUZZ_MUTANT_H
#define FUZZ_MUTANT_H

#include <stddef.h>

struct mutant {
	char name[64]; /* the file's, without .patch */
	char what[160], origin[120], oracle[32], rule[32];
};

/*
 * Read the catalogue in @directory, by name: *mutants is malloc()ed. Returns how many there are, or
 * -1 with @why, one line: a patch whose header lacks something is a mistake.
 */
int mutants_read(const char *directory, struct mutant **mutants, char *why, size_t why_size);

#endif
