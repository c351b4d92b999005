// SPDX-License-Identifier: GPL-2.0-or-later
/* A file that is whole or not there: written beside its place, synced, then renamed. */
#include "lib/file.h"

#include <errno.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint8_t *file_read(const char *path, size_t *size)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t room = 4096, got;
	uint8_t *data, *grown;
	int error;

	*size = 0;
	if (!file)
		return NULL;
	data = malloc(room);
	/* Of the room a byte is for the 0. */
	while (data && (got = fread(data + *size, 1, room - 1 - *size, file))) {
		*size += got;
		if (*size < room - 1)
			continue;
		room *= 2;
		grown = realloc(data, room);
		if (!grown)
			free(data);
		data = grown;
	}
	error = errno;
	if (data && ferror(file)) {
		free(data);
		data = NULL;
	}
	if (data)
		data[*size] = 0;
	if (file != stdin)
		fclose(file);
	errno = error;
	return data;
}

static bool is_stdout(const char *path)
{
	return !strcmp(path, "-");
}

/* A device or a pipe cannot be replaced by a file: it is written to as it is. */
static bool is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode);
}

static int write_stream(FILE *file, const char *path, file_put_fn *put, const void *opaque,
			struct failure *failure)
{
	if (!put(file, opaque) || ferror(file) || fflush(file)) {
		errno = errno ? errno : EIO;
		return fail_errno(failure, "%s", path);
	}
	return 0;
}

/* What is left of one that was killed is hidden from those who read all files of a directory. */
static int temporary(const char *path, char **name, struct failure *failure)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	if (asprintf(name, "%.*s.%s.XXXXXX", (int)(base - path), path, base) < 0) {
		*name = NULL;
		return fail_with(failure, -ENOMEM, "out of memory");
	}
	fd = mkstemp(*name);
	if (fd < 0) {
		int error = fail_errno(failure, "%s", path);

		free(*name);
		*name = NULL;
		return error;
	}
	fchmod(fd, 0666 & ~mask);
	return fd;
}

int file_check(const char *path, struct failure *failure)
{
	struct stat st;
	char *name;
	int fd;

	if (is_stdout(path))
		return 0;
	if (!*path)
		return fail_with(failure, -ENOENT, "the file name is empty");
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return fail_with(failure, -EISDIR, "%s: is a directory", path);
	if (is_special(path)) {
		if (access(path, W_OK))
			return fail_errno(failure, "%s", path);
		return 0;
	}
	fd = temporary(path, &name, failure);
	if (fd < 0)
		return fd;
	close(fd);
	unlink(name);
	free(name);
	return 0;
}

static int write_special(const char *path, file_put_fn *put, const void *opaque,
			 struct failure *failure)
{
	FILE *file = fopen(path, "we");
	int error;

	if (!file)
		return fail_errno(failure, "%s", path);
	error = write_stream(file, path, put, opaque, failure);
	if (fclose(file) && !error)
		error = fail_errno(failure, "%s", path);
	return error;
}

int file_write_by(const char *path, file_put_fn *put, const void *opaque, struct failure *failure)
{
	char *name;
	FILE *file;
	int error, fd;

	errno = 0;
	if (is_stdout(path)) {
		error = write_stream(stdout, "standard output", put, opaque, failure);
		/* Told here, and not again when the program ends. */
		if (error) {
			__fpurge(stdout);
			clearerr(stdout);
		}
		return error;
	}
	if (!*path)
		return fail_with(failure, -ENOENT, "the file name is empty");
	if (is_special(path))
		return write_special(path, put, opaque, failure);
	fd = temporary(path, &name, failure);
	if (fd < 0)
		return fd;
	file = fdopen(fd, "w");
	errno = 0;
	error = file ? write_stream(file, path, put, opaque, failure)
		     : fail_errno(failure, "%s", path);
	if (!error && fsync(fd))
		error = fail_errno(failure, "%s", path);
	if (file ? fclose(file) : close(fd))
		error = error ? error : fail_errno(failure, "%s", path);
	if (!error && rename(name, path))
		error = fail_errno(failure, "%s", path);
	if (error)
		unlink(name);
	free(name);
	return error;
}

struct bytes {
	const void *data;
	size_t size;
};

static bool put_bytes(FILE *file, const void *opaque)
{
	const struct bytes *bytes = opaque;

	return !bytes->size || fwrite(bytes->data, bytes->size, 1, file) == 1;
}

int file_write(const char *path, const void *data, size_t size, struct failure *failure)
{
	return file_write_by(path, put_bytes, &(struct bytes){ data, size }, failure);
}
