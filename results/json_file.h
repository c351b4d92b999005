/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing a result file so that it is whole or not there. */
#ifndef RESULTS_JSON_FILE_H
#define RESULTS_JSON_FILE_H

#include <jansson.h>

#include "host/failure.h"

/*
 * Can a file be written there? Returns 0 or -errno with one line; leaves nothing behind. "-"
 * always.
 */
int json_file_check(const char *path, struct failure *failure);

/*
 * Write @json to @path ("-" is stdout) through a temporary file beside it: after an error the old
 * file is as it was. Keys as they were put in, a line for each value of the first three levels.
 * Returns 0 or -errno.
 */
int json_file_write(const char *path, json_t *json, struct failure *failure);

/* The same for @text as it is. */
int text_file_write(const char *path, const char *text, struct failure *failure);

#endif
