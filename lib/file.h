/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files as a whole. */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/failure.h"

/*
 * The whole of @path ("-" is stdin), whatever kind of file it is: @size bytes, and a 0 behind them. malloc()ed; NULL with
 * errno.
 */
uint8_t *file_read(const char *path, size_t *size);

/* Can a file be written there? Returns 0 or -errno with one line; leaves nothing behind. "-" always. */
int file_check(const char *path, struct failure *failure);

/*
 * Write @size bytes to @path ("-" is stdout) through a temporary file beside it, whose name begins with a dot: after an
 * error, or a kill, the old file is as it was. Devices and pipes are written to as they are. Returns 0 or -errno.
 */
int file_write(const char *path, const void *data, size_t size, struct failure *failure);

/* The same of what @put writes; it returns false, with errno or without, where it could not. */
typedef bool file_put_fn(FILE *file, const void *opaque);
int file_write_by(const char *path, file_put_fn *put, const void *opaque, struct failure *failure);

#endif
