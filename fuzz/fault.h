/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fault catalogue: one patch of emulator/ each, with a header that says what and whence. */
#ifndef FUZZ_FAULT_H
#define FUZZ_FAULT_H

#include <stddef.h>

struct fault {
	char name[64]; /* the file's, without .patch */
	char what[160], origin[120], oracle[32], rule[32];
};

/*
 * Read the catalogue in @directory, by name: *faults is malloc()ed. Returns how many there are, or
 * -1 with @why, one line: a patch whose header lacks something is a mistake.
 */
int faults_read(const char *directory, struct fault **faults, char *why, size_t why_size);

#endif
