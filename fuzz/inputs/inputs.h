/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cases from files, directories and standard input. */
#ifndef FUZZ_INPUTS_H
#define FUZZ_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called with each input; false stops. @data may be NULL when @size is 0. */
typedef bool inputs_fn(void *opaque, const char *name, const uint8_t *data, size_t size);

/*
 * Hand the file @path, all files below the directory @path (in the order of their names, hidden ones
 * left out), or standard input ("-") to @take, and count them in @count. A journal (fuzz/inputs/journal.h)
 * is not one input: each case in it is, named "FILE (case N of M)"; there may be none. Returns 0; 1
 * when @take stopped it; -1 with @why, a line for a person, if something could not be read.
 */
int inputs_each(const char *path, inputs_fn *take, void *opaque, size_t *count, char *why,
		size_t why_size);

#endif
