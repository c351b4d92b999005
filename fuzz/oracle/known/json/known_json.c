// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading known differences, JSON as fuzz/oracle/known/README.md describes it. */
#include "fuzz/oracle/known/known_file.h"

#include <ctype.h>
#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/array.h"

/* A file under way. */
struct reader {
	const struct engine *engine;
	bool fits;                /* the entry is about @engine */
	const char *path, *entry; /* its name, as far as there is one */
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static bool wrong(const struct reader *reader,
							const char *format, ...)
{
	int n = snprintf(reader->why, reader->why_size, "%s: %s: ", reader->path, reader->entry);
	va_list ap;

	va_start(ap, format);
	if ((size_t)n < reader->why_size)
		vsnprintf(reader->why + n, reader->why_size - (size_t)n, format, ap);
	va_end(ap);
	return false;
}

/* a, a & b, min(a, b) */
static bool read_expression(const char *text, struct known_expression *expression)
{
	char a[32], b[32];
	int end = 0;

	if (sscanf(text, "min( %31[^ ,] , %31[^ )] ) %n", a, b, &end) == 2 && end)
		expression->operator= KNOWN_MIN;
	else if (sscanf(text, "%31s & %31s %n", a, b, &end) == 2)
		expression->operator= KNOWN_AND;
	else if (sscanf(text, "%31s %n", a, &end) == 1)
		expression->operator= KNOWN_NOTHING;
	else
		return false;
	return !text[end] && known_operand_read(a, &expression->a) &&
	       (expression->operator== KNOWN_NOTHING || known_operand_read(b, &expression->b));
}

/* Two expressions and the sign between them, which is told apart by the blanks around it. */
static bool read_sides(const char *text, const char *sign, struct known_expression *left,
		       struct known_expression *right)
{
	const char *at = strstr(text, sign);
	char before[100];

	if (!at || (size_t)(at - text) >= sizeof(before))
		return false;
	snprintf(before, sizeof(before), "%.*s", (int)(at - text), text);
	return read_expression(before, left) && read_expression(at + strlen(sign), right);
}

static bool read_condition(struct reader *reader, const char *text, struct known_entry *entry)
{
	static const char *const signs[] = { [KNOWN_EQUAL] = " = ",
					     [KNOWN_DIFFERENT] = " != ",
					     [KNOWN_LESS] = " < ",
					     [KNOWN_NOT_LESS] = " >= " };
	struct known_condition *condition = &entry->conditions[entry->n_conditions];

	if (entry->n_conditions++ == KNOWN_TERMS)
		return wrong(reader, "more than %d conditions", KNOWN_TERMS);
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		condition->relation = i;
		if (read_sides(text, signs[i], &condition->left, &condition->right))
			return true;
	}
	return wrong(reader, "'%s' is no condition", text);
}

static bool read_assignment(struct reader *reader, const char *text, struct known_entry *entry)
{
	struct known_assignment *assignment = &entry->assignments[entry->n_assignments];
	struct known_expression field;

	if (entry->n_assignments++ == KNOWN_TERMS)
		return wrong(reader, "more than %d assignments", KNOWN_TERMS);
	if (!read_sides(text, " = ", &field, &assignment->expression))
		return wrong(reader, "'%s' is no assignment", text);
	assignment->field = field.a.field;
	return (field.operator== KNOWN_NOTHING && field.a.field && !field.a.field->fixed) ||
	       wrong(reader, "'%s' assigns what cannot be assigned", text);
}

/* "6.12.117-1" as 6 * 1000 + 12; -1: no version. */
static long version_number(const char *text)
{
	unsigned int major, minor;

	if (!text || !isdigit((unsigned char)*text) || sscanf(text, "%u.%u", &major, &minor) != 2)
		return -1;
	return major * 1000L + minor;
}

/* "6.1 - 6.8", "6.9 -": does @version lie there? */
static bool in_range(struct reader *reader, const char *range)
{
	char from[8] = "", to[8];
	int end = 0, n = sscanf(range, "%7[0-9.] -%n %7[0-9.]%n", from, &end, to, &end);
	const long number = version_number(reader->engine->version);
	const long first = version_number(from), last = n == 2 ? version_number(to) : LONG_MAX;

	reader->fits = number >= first && number <= last;
	return (end && !range[end] && first >= 0 && last >= first) ||
	       wrong(reader, "kernels are \"FIRST - LAST\" or \"FIRST -\", not '%s'", range);
}

/*
 * What a running kernel has that cannot be probed, by releases whose sources were read; between the two
 * it is not known. A distribution may have taken a change back: then a difference does not happen.
 */
static const struct {
	const char *name;
	bool there;     /* up to ... */
	long last;      /* ... this release, and not so ... */
	long otherwise; /* ... from this one on */
} by_release[] = {
	{ "fast-reads", true, 6008, 6009 },      { "intel-early-check", true, 6008, 6009 },
	{ "amd-masks-index", true, 6008, 6009 }, { "refresh-asks", false, 6001, 6012 },
	{ "amd-v2", false, 6001, 6012 },
};

/* Does @release say whether the feature is @there? */
static bool release_decides(const char *name, const char *release, bool *there)
{
	const long number = version_number(release);

	for (size_t i = 0; number >= 0 && i < ARRAY_SIZE(by_release); i++) {
		if (strcmp(name, by_release[i].name))
			continue;
		*there = by_release[i].there == (number <= by_release[i].last);
		return number <= by_release[i].last || number >= by_release[i].otherwise;
	}
	return false;
}

/* "name" or "!name". What nobody says of a running kernel is not assumed. */
static bool read_feature(struct reader *reader, const char *text, struct known_entry *entry)
{
	const struct engine *engine = reader->engine;
	const bool wanted = *text != '!';
	const char *name = text + !wanted;
	bool there = false, decided = false;

	(void)entry;
	for (const struct engine_feature *each = engine->features; each && each->name; each++) {
		decided |= !strcmp(name, each->name);
		there |= each->there && !strcmp(name, each->name);
	}
	if (!decided && engine->real)
		decided = release_decides(name, engine->version, &there);
	reader->fits &= there == wanted && (decided || !engine->real);
	return (*name && !strpbrk(name, " ,!")) || wrong(reader, "'%s' is no feature", text);
}

static bool read_list(struct reader *reader, const json_t *list,
		      bool (*read)(struct reader *reader, const char *text,
				   struct known_entry *entry),
		      struct known_entry *entry)
{
	json_t *each;
	size_t n;

	if (list && !json_array_size(list))
		return wrong(reader, "features, when and as are lists, not empty");
	json_array_foreach(list, n, each) {
		if (!json_is_string(each))
			return wrong(reader, "features, when and as are lists of strings");
		if (!read(reader, json_string_value(each), entry))
			return false;
	}
	return true;
}

static bool read_entry(struct reader *reader, json_t *object, struct known_entry *entry)
{
	struct known_difference difference = { .file = reader->path };
	const json_t *features = NULL, *when = NULL, *as = NULL;
	const char *answer = NULL, *trouble = NULL;
	const char *const *const texts[] = { &difference.kernel, &difference.processor,
					     &difference.why,    &difference.source,
					     &difference.reach,  &trouble };
	json_error_t error;

	if (json_unpack_ex(object, &error, JSON_STRICT,
			   "{s:s s:s s:s s:s s:s s:s s?s s?s s?o s?o s?o}", "name",
			   &difference.name, "kernel", &difference.kernel, "processor",
			   &difference.processor, "why", &difference.why, "source",
			   &difference.source, "reach", &difference.reach, "trouble", &trouble,
			   "answer", &answer, "features", &features, "when", &when, "as", &as))
		return wrong(reader, "%s", error.text);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (*texts[i] && !(*texts[i])[strspn(*texts[i], " ")])
			return wrong(reader, "a text is empty");
	if (!*difference.name || strpbrk(difference.name, " \t"))
		return wrong(reader, "a name is one word");
	if (!as && !trouble && !answer)
		return wrong(reader, "as, trouble or answer is needed");
	if (answer && strcmp(answer, "any"))
		return wrong(reader, "answer knows \"any\", not '%s'", answer);
	if (answer && !when)
		return wrong(reader, "answer without when would excuse everything");
	if (as && (trouble || answer))
		return wrong(reader, "as stands alone: no trouble, no answer beside it");
	*entry = (struct known_entry){ .difference = difference,
				       .trouble = trouble,
				       .any_answer = answer };
	return read_list(reader, features, read_feature, entry) &&
	       read_list(reader, when, read_condition, entry) &&
	       read_list(reader, as, read_assignment, entry);
}

static bool keep(struct reader *reader, const struct known_entry *entry, struct known *known)
{
	for (unsigned int i = 0; i < known->count; i++)
		if (!strcmp(known->entries[i].difference.name, entry->difference.name))
			return wrong(reader, "the same name twice");
	if (known->count == KNOWN_MAX)
		return wrong(reader, "more than %d differences of one engine", KNOWN_MAX);
	known->entries[known->count++] = *entry;
	return true;
}

static bool read_file(struct reader *reader, json_t *file, struct known *known)
{
	const char *about, *kernels = NULL;
	json_t *list, *object;
	json_error_t error;
	char number[40];
	size_t n;
	bool in;

	reader->entry = "the file";
	reader->fits = true;
	if (json_unpack_ex(file, &error, JSON_STRICT, "{s?s s?s s:o}", "about", &about, "kernels",
			   &kernels, "differences", &list))
		return wrong(reader, "%s", error.text);
	if (!json_is_array(list))
		return wrong(reader, "differences are a list");
	if (kernels && !in_range(reader, kernels))
		return false;
	in = reader->fits;
	json_array_foreach(list, n, object) {
		struct known_entry entry;

		snprintf(number, sizeof(number), "difference %zu", n + 1);
		reader->entry = json_string_value(json_object_get(object, "name"));
		reader->entry = reader->entry ? reader->entry : number;
		reader->fits = in;
		if (!read_entry(reader, object, &entry) ||
		    (reader->fits && !keep(reader, &entry, known)))
			return false;
	}
	return true;
}

static int known_place(char *directory, size_t size, const char *program, const char *place)
{
	const int length = snprintf(directory, size, "%s%s", program, place);

	return (size_t)length < size && !access(directory, R_OK | X_OK) ? 0 : -1;
}

int known_directory(char *directory, size_t size)
{
	static const char *const places[] = { "../fuzz/oracle/known", "../share/rdpmc/known" };
	const char *named = getenv("RDPMC_KNOWN");
	char program[4096];

	if (named)
		return known_place(directory, size, "", named);
	if (engine_program(program, sizeof(program)))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!known_place(directory, size, program, places[i]))
			return 0;
	return -1;
}

static int is_json(const struct dirent *entry)
{
	return !fnmatch("*.json", entry->d_name, FNM_PERIOD);
}

/* known->files keeps what was read, and the path, for all strings are there. */
static bool read_path(const char *path, struct reader *reader, struct known *known)
{
	json_error_t error;
	json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

	if (!file || json_object_set_new_nocheck(known->files, path, file)) {
		snprintf(reader->why, reader->why_size, "%s:%d: %s", path, error.line, error.text);
		return false;
	}
	reader->path = json_object_iter_key(json_object_iter_at(known->files, path));
	return read_file(reader, file, known);
}

struct known *known_read(const char *directory, const struct engine *engine, char *why,
			 size_t why_size)
{
	struct reader reader = { .engine = engine, .why = why, .why_size = why_size };
	struct known *known = calloc(1, sizeof(*known));
	struct dirent **names = NULL;
	int count = scandir(directory, &names, is_json, alphasort);
	bool right = known && (known->files = json_object()) && count > 0;

	snprintf(why, why_size, "%s: no *.json there", directory);
	for (int i = 0; i < count; i++) {
		char path[2 * PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
		right = right && read_path(path, &reader, known);
		free(names[i]);
	}
	free(names);
	if (right)
		return known;
	known_free(known);
	return NULL;
}

void known_free(struct known *known)
{
	if (known)
		json_decref(known->files);
	free(known);
}
