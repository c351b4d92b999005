/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON files. */
#ifndef LIB_JSON_FILE_H
#define LIB_JSON_FILE_H

#include <jansson.h>

#include "lib/failure.h"

/*
 * Write @json to @path as file_write() does. Keys as they were put in, a line for each value of the first three levels.
 * Returns 0 or -errno.
 */
int json_file_write(const char *path, json_t *json, struct failure *failure);

#endif
