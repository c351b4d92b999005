// SPDX-License-Identifier: GPL-2.0-or-later
/* A file that is whole or not there: written beside its place, synced, then renamed. */
#include "results/json_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* What is written: @json, or without it @text. */
struct content {
	json_t *json;
	const char *text;
};

static bool put_line(FILE *file, const json_t *value)
{
	return !json_dumpf(value, file, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
}

static bool put_key(FILE *file, const char *key)
{
	json_t *name = json_string(key);
	bool good = name && put_line(file, name) && fputs(": ", file) != EOF;

	json_decref(name);
	return good;
}

/*
 * jansson indents everything or nothing, and a histogram of a line per number is what nobody reads:
 * here a value that is LEVELS deep stands on one line, whatever is in it.
 */
#define LEVELS 3

static bool put_json(FILE *file, json_t *value, int level)
{
	bool good = true, object = json_is_object(value);
	const char *separator = "", *key;
	json_t *item;
	size_t i;

	if (level == LEVELS || !(json_object_size(value) + json_array_size(value)))
		return put_line(file, value);
	fputc(object ? '{' : '[', file);
	json_object_foreach(value, key, item) {
		fprintf(file, "%s\n%*s", separator, level + 1, "");
		good = good && put_key(file, key) && put_json(file, item, level + 1);
		separator = ",";
	}
	json_array_foreach(value, i, item) {
		fprintf(file, "%s\n%*s", separator, level + 1, "");
		good = good && put_json(file, item, level + 1);
		separator = ",";
	}
	return fprintf(file, "\n%*s%c", level, "", object ? '}' : ']') > 0 && good;
}

static bool put(FILE *file, const struct content *content)
{
	if (!content->json)
		return fputs(content->text, file) != EOF;
	return put_json(file, content->json, 0) && fputc('\n', file) != EOF && !ferror(file);
}

static int write_stream(FILE *file, const char *path, const struct content *content,
			struct failure *failure)
{
	if (!put(file, content) || fflush(file)) {
		errno = errno ? errno : EIO;
		return fail_errno(failure, "%s", path);
	}
	return 0;
}

static int temporary(const char *path, char **name, struct failure *failure)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	if (asprintf(name, "%s.XXXXXX", path) < 0) {
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

int json_file_check(const char *path, struct failure *failure)
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

static int write_special(const char *path, const struct content *content, struct failure *failure)
{
	FILE *file = fopen(path, "we");
	int error;

	if (!file)
		return fail_errno(failure, "%s", path);
	error = write_stream(file, path, content, failure);
	if (fclose(file) && !error)
		error = fail_errno(failure, "%s", path);
	return error;
}

static int write_whole(const char *path, const struct content *content, struct failure *failure)
{
	char *name;
	FILE *file;
	int error, fd;

	errno = 0;
	if (is_stdout(path))
		return write_stream(stdout, "standard output", content, failure);
	if (!*path)
		return fail_with(failure, -ENOENT, "the file name is empty");
	if (is_special(path))
		return write_special(path, content, failure);
	fd = temporary(path, &name, failure);
	if (fd < 0)
		return fd;
	file = fdopen(fd, "w");
	errno = 0;
	error = file ? write_stream(file, path, content, failure) : fail_errno(failure, "%s", path);
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

int json_file_write(const char *path, json_t *json, struct failure *failure)
{
	return write_whole(path, &(struct content){ .json = json }, failure);
}

int text_file_write(const char *path, const char *text, struct failure *failure)
{
	return write_whole(path, &(struct content){ .text = text }, failure);
}
