// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON as people can read it. */
#include "lib/json/json_file.h"

#include "lib/file.h"

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

static bool put(FILE *file, const void *json)
{
	return put_json(file, (json_t *)json, 0) && fputc('\n', file) != EOF;
}

int json_file_write(const char *path, json_t *json, struct failure *failure)
{
	return file_write_by(path, put, json, failure);
}
