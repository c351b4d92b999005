// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading *.known: stanzas of "Key: text", as fuzz/known/README.md tells. */
#include "fuzz/known_file.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NR_OF(a) (sizeof(a) / sizeof((a)[0]))

struct known_field {
	const char *name;
	size_t offset, size;
	bool fixed;    /* cannot be assigned */
	uint64_t most; /* what the model bears; 0: all that fits */
};

#define FIELD(name, member)                                                                        \
	{                                                                                          \
		name, offsetof(struct known_world, member),                                        \
			sizeof(((struct known_world *)0)->member), false, 0                        \
	}
#define MOST(name, member, most)                                                                   \
	{                                                                                          \
		name, offsetof(struct known_world, member),                                        \
			sizeof(((struct known_world *)0)->member), false, most                     \
	}
#define FIXED_FIELD(name, member)                                                                  \
	{                                                                                          \
		name, offsetof(struct known_world, member),                                        \
			sizeof(((struct known_world *)0)->member), true, 0                         \
	}
#define PMU_FIELD(whose, member)      FIELD(#whose "." #member, whose.member)
#define PMU_MOST(whose, member, most) MOST(#whose "." #member, whose.member, most)
#define PMU_FIELDS(whose)                                                                          \
	PMU_MOST(whose, vendor, 1), PMU_FIELD(whose, version),                                     \
		PMU_MOST(whose, nr_gp, RDPMC_MAX_GP), PMU_MOST(whose, gp_width, 64),               \
		PMU_MOST(whose, nr_fixed, 31), PMU_MOST(whose, fixed_width, 64),                   \
		PMU_FIELD(whose, fixed_bitmap), PMU_FIELD(whose, leaf23_gp),                       \
		PMU_FIELD(whose, leaf23_fixed), PMU_MOST(whose, user_disable, 1),                  \
		PMU_FIELD(whose, perf_capabilities), PMU_MOST(whose, old_counters, RDPMC_MAX_GP),  \
		PMU_MOST(whose, old_fast, 1), PMU_MOST(whose, ext_core, 1),                        \
		PMU_MOST(whose, ext_nb, 1), PMU_MOST(whose, ext_l3, 1), PMU_MOST(whose, nr_nb, 63)

static const struct known_field fields[] = {
	PMU_FIELDS(guest),
	PMU_FIELDS(host),
	MOST("backdoor", backdoor, 1),
	MOST("mediated", mediated, 1),
	FIELD("ecx", ecx),
	MOST("value_bits", value_bits, 64),
	MOST("no_pmu", no_pmu, 1),
	FIXED_FIELD("entry", entry),
	FIXED_FIELD("mode", mode),
	FIXED_FIELD("cpl", cpl),
	MOST("pe", pe, 1),
	MOST("pce", pce, 1),
	FIXED_FIELD("allowed", allowed),
	FIXED_FIELD("lock", lock),
	FIXED_FIELD("guest_core", guest_core),
	FIXED_FIELD("host_gp", host_gp),
	FIXED_FIELD("host_fixed", host_fixed),
};

static const struct {
	const char *name;
	uint64_t number;
} words[] = {
	{ "intel", RDPMC_INTEL },
	{ "amd", RDPMC_AMD },
	{ "exit", ENTRY_EXIT },
	{ "emulator", ENTRY_EMULATOR },
	{ "intercept", KNOWN_INTERCEPT },
	{ "real", MODE_REAL },
	{ "protected", MODE_PROTECTED },
	{ "vm86", MODE_VM86 },
	{ "compatibility", MODE_COMPATIBILITY },
	{ "64-bit", MODE_64BIT },
};

uint64_t known_field_get(const struct known_world *world, const struct known_field *field)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)world + field->offset, field->size); /* little endian */
	return value;
}

const char *known_field_name(const struct known_field *field)
{
	return field->name;
}

uint64_t known_field_most(const struct known_field *field)
{
	return field->most ? field->most : ~0ULL >> (64 - 8 * field->size);
}

void known_field_set(struct known_world *world, const struct known_field *field, uint64_t value)
{
	uint64_t most = known_field_most(field);

	if (value > most)
		value = most;
	memcpy((char *)world + field->offset, &value, field->size);
}

/* A file under way. */
struct reader {
	const char *path;
	unsigned int line;  /* of the stanza's first line */
	unsigned int lines; /* that the stanza has */
	const char *error;  /* what is wrong there; NULL: nothing */
	const char *at;     /* near this */
};

static bool wrong(struct reader *reader, const char *error, const char *at)
{
	if (!reader->error) {
		reader->error = error;
		reader->at = at;
	}
	return false;
}

static void skip(const char **at)
{
	while (isspace((unsigned char)**at))
		++*at;
}

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

static bool is_word(const char *at, size_t length, const char *name)
{
	return strlen(name) == length && !strncmp(at, name, length);
}

static bool accept(const char **at, const char *token)
{
	skip(at);
	if (strncmp(*at, token, strlen(token)))
		return false;
	*at += strlen(token);
	return true;
}

static bool read_operand(struct reader *reader, const char **at, struct known_operand *operand)
{
	size_t length = 0;
	char *end;

	skip(at);
	while (word_char((*at)[length]))
		length++;
	operand->field = NULL;
	for (size_t i = 0; i < NR_OF(words); i++)
		if (is_word(*at, length, words[i].name)) {
			operand->number = words[i].number;
			*at += length;
			return true;
		}
	for (size_t i = 0; i < NR_OF(fields); i++)
		if (is_word(*at, length, fields[i].name)) {
			operand->field = &fields[i];
			*at += length;
			return true;
		}
	errno = 0;
	operand->number = strtoull(*at, &end, (*at)[0] == '0' && (*at)[1] == 'x' ? 16 : 10);
	if (!isdigit((unsigned char)**at) || end != *at + length || errno)
		return wrong(reader, "no field, word or number", *at);
	*at = end;
	return true;
}

/* a, a & b, min(a, b) */
static bool read_expression(struct reader *reader, const char **at,
			    struct known_expression *expression)
{
	expression->operator= KNOWN_NOTHING;
	if (accept(at, "min(")) {
		expression->operator= KNOWN_MIN;
		if (!read_operand(reader, at, &expression->a))
			return false;
		if (!accept(at, ","))
			return wrong(reader, "a comma is wanted", *at);
		if (!read_operand(reader, at, &expression->b))
			return false;
		return accept(at, ")") || wrong(reader, "a closing parenthesis is wanted", *at);
	}
	if (!read_operand(reader, at, &expression->a))
		return false;
	if (!accept(at, "&"))
		return true;
	expression->operator= KNOWN_AND;
	return read_operand(reader, at, &expression->b);
}

static bool read_condition(struct reader *reader, const char **at, struct known_entry *entry)
{
	struct known_condition *condition = &entry->conditions[entry->n_conditions];

	if (entry->n_conditions++ == KNOWN_TERMS)
		return wrong(reader, "too many conditions", *at);
	if (!read_expression(reader, at, &condition->left))
		return false;
	if (accept(at, "!="))
		condition->relation = KNOWN_DIFFERENT;
	else if (accept(at, ">="))
		condition->relation = KNOWN_NOT_LESS;
	else if (accept(at, "<"))
		condition->relation = KNOWN_LESS;
	else if (accept(at, "="))
		condition->relation = KNOWN_EQUAL;
	else
		return wrong(reader, "one of = != < >= is wanted", *at);
	return read_expression(reader, at, &condition->right);
}

static bool read_assignment(struct reader *reader, const char **at, struct known_entry *entry)
{
	struct known_assignment *assignment = &entry->assignments[entry->n_assignments];
	struct known_operand field;
	const char *start = *at;

	if (entry->n_assignments++ == KNOWN_TERMS)
		return wrong(reader, "too many assignments", start);
	if (!read_operand(reader, at, &field))
		return false;
	if (!field.field || field.field->fixed)
		return wrong(reader, "this cannot be assigned", start);
	assignment->field = field.field;
	if (!accept(at, "="))
		return wrong(reader, "= is wanted", *at);
	return read_expression(reader, at, &assignment->expression);
}

static bool read_list(struct reader *reader, const char *at, struct known_entry *entry,
		      bool (*one)(struct reader *reader, const char **at,
				  struct known_entry *entry))
{
	do
		if (!one(reader, &at, entry))
			return false;
	while (accept(&at, ","));
	skip(&at);
	return !*at || wrong(reader, "a comma or the end is wanted", at);
}

/* "6.12" as 6 * 1000 + 12, and what comes after it; -1: none. */
static long version_number(const char *text, const char **after)
{
	unsigned int major, minor;
	int length;

	if (!isdigit((unsigned char)*text) || sscanf(text, "%u.%u%n", &major, &minor, &length) != 2)
		return -1;
	*after = text + length;
	return major * 1000L + minor;
}

/* "6.1 - 6.8", "6.9 -": does @version lie there? */
static bool in_range(struct reader *reader, const char *range, const char *version)
{
	const char *after = range;
	long first = version_number(range, &after), last = LONG_MAX, number = -1;
	bool right = first >= 0 && accept(&after, "-");

	skip(&after);
	if (right && *after) {
		last = version_number(after, &after);
		skip(&after);
		right = last >= first && !*after;
	}
	if (!right)
		return wrong(reader, "Kernels: wants \"FIRST - LAST\" or \"FIRST -\"", range);
	if (version)
		number = version_number(version, &after);
	return number >= first && number <= last;
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
static bool release_decides(const char *at, size_t length, const char *release, bool *there)
{
	const char *after;
	const long number = release ? version_number(release, &after) : -1;

	for (size_t i = 0; number >= 0 && i < NR_OF(by_release); i++) {
		if (!is_word(at, length, by_release[i].name))
			continue;
		*there = by_release[i].there == (number <= by_release[i].last);
		return number <= by_release[i].last || number >= by_release[i].otherwise;
	}
	return false;
}

/* "name" or "!name", with commas */
static bool has_features(struct reader *reader, const char *at, const struct engine *engine)
{
	bool has = true;

	do {
		bool wanted = !accept(&at, "!"), there = false, decided = false;
		size_t length = 0;

		while (word_char(at[length]))
			length++;
		if (!length)
			return wrong(reader, "a feature's name is wanted", at);
		for (const struct engine_feature *feature = engine->features;
		     feature && feature->name; feature++) {
			bool is = is_word(at, length, feature->name);

			decided |= is;
			there |= is && feature->there;
		}
		if (!decided && engine->real)
			decided = release_decides(at, length, engine->version, &there);
		/* What neither says of a running kernel is not assumed. */
		has &= there == wanted && (decided || !engine->real);
		at += length;
	} while (accept(&at, ","));
	if (*at)
		return wrong(reader, "a comma or the end is wanted", at);
	return has;
}

/* What a stanza's lines say, as they stand. */
enum key {
	NAME,
	FEATURE,
	WHEN,
	AS,
	TROUBLE,
	ANSWER,
	KERNEL,
	PROCESSOR,
	WHY,
	SOURCE,
	REACH,
	KERNELS,
	NR_KEYS
};
static const char *const keys[NR_KEYS] = {
	"Name:",   "Feature:",   "When:", "As:",     "Trouble:", "Answer:",
	"Kernel:", "Processor:", "Why:",  "Source:", "Reach:",   "Kernels:",
};

static bool read_entry(struct reader *reader, const char *const text[NR_KEYS],
		       struct known_entry *entry)
{
	static const enum key needed[] = { NAME, KERNEL, PROCESSOR, WHY, SOURCE, REACH };

	memset(entry, 0, sizeof(*entry));
	for (size_t i = 0; i < NR_OF(needed); i++)
		if (!text[needed[i]])
			return wrong(reader, "a key that every entry has is missing",
				     keys[needed[i]]);
	for (size_t i = 0; i < NR_KEYS; i++)
		if (text[i] && !text[i][strspn(text[i], " \t")])
			return wrong(reader, "a key without a text", keys[i]);
	if (text[NAME][strcspn(text[NAME], " \t")])
		return wrong(reader, "Name is one word", text[NAME]);
	if (!text[AS] && !text[TROUBLE] && !text[ANSWER])
		return wrong(reader, "As, Trouble or Answer is needed", text[NAME]);
	if (text[ANSWER] && !text[WHEN])
		return wrong(reader, "Answer without When would excuse everything", text[NAME]);
	if (text[AS] && (text[TROUBLE] || text[ANSWER]))
		return wrong(reader, "As stands alone: no Trouble, no Answer beside it",
			     text[NAME]);
	entry->said = (struct known_difference){
		.name = text[NAME],
		.file = reader->path,
		.kernel = text[KERNEL],
		.processor = text[PROCESSOR],
		.why = text[WHY],
		.source = text[SOURCE],
		.reach = text[REACH],
	};
	entry->trouble = text[TROUBLE];
	entry->any_answer = text[ANSWER] && !strcmp(text[ANSWER], "any");
	if (text[ANSWER] && !entry->any_answer)
		return wrong(reader, "Answer: knows \"any\"", text[ANSWER]);
	return (!text[WHEN] || read_list(reader, text[WHEN], entry, read_condition)) &&
	       (!text[AS] || read_list(reader, text[AS], entry, read_assignment));
}

/* One stanza: lines up to an empty one, those that begin with a blank go on with the one before. */
static bool read_stanza(struct reader *reader, char **at, const char *text[NR_KEYS])
{
	char *line = *at, *end = NULL;

	memset(text, 0, sizeof(*text) * NR_KEYS);
	for (; *line && *line != '\n'; line = *at) {
		char *next = strchrnul(line, '\n');
		size_t key = 0;

		*at = *next ? next + 1 : next;
		reader->lines += !!*next;
		*next = '\0';
		if (*line == '#')
			continue;
		if (isspace((unsigned char)*line)) {
			if (!end)
				return wrong(reader, "a line that goes on with none", line);
			*end = ' ';
			memmove(end + 1, line + strspn(line, " \t"),
				strlen(line + strspn(line, " \t")) + 1);
			end += strlen(end);
			continue;
		}
		while (key < NR_KEYS && strncmp(line, keys[key], strlen(keys[key])))
			key++;
		if (key == NR_KEYS)
			return wrong(reader, "no such key", line);
		if (text[key])
			return wrong(reader, "the same key twice", line);
		text[key] = line + strlen(keys[key]) + strspn(line + strlen(keys[key]), " \t");
		end = line + strlen(line);
	}
	return true;
}

/* The whole file is in @text, which keeps the strings. */
static bool read_text(struct reader *reader, char *text, const struct engine *engine,
		      struct known *known)
{
	const char *stanza[NR_KEYS];
	bool fits = true;

	for (char *at = text; *at; reader->line += reader->lines) {
		unsigned int said = 0;

		for (; *at == '\n'; at++)
			reader->line++;
		reader->lines = 0;
		if (!read_stanza(reader, &at, stanza))
			return false;
		for (size_t i = 0; i < NR_KEYS; i++)
			said += !!stanza[i];
		if (stanza[KERNELS] && said > 1)
			return wrong(reader, "Kernels stands by itself", stanza[KERNELS]);
		if (stanza[KERNELS]) {
			fits = in_range(reader, stanza[KERNELS], engine->version);
		} else if (said) {
			struct known_entry entry;
			bool has;

			if (!read_entry(reader, stanza, &entry))
				return false;
			has = !stanza[FEATURE] || has_features(reader, stanza[FEATURE], engine);
			if (reader->error)
				return false;
			for (unsigned int i = 0; fits && has && i < known->count; i++)
				if (!strcmp(known->entries[i].said.name, entry.said.name))
					return wrong(reader, "the same name twice",
						     entry.said.name);
			if (fits && has && known->count == KNOWN_MOST)
				return wrong(reader, "more than are kept", stanza[NAME]);
			if (fits && has)
				known->entries[known->count++] = entry;
		}
		if (reader->error)
			return false;
	}
	return true;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t size = 0;
	char *text = NULL;

	if (!file)
		return NULL;
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = ferror(file) ? NULL : strdup(""); /* nothing was written of an empty file */
	}
	fclose(file);
	return text;
}

static int known_place(char *directory, size_t size, const char *program, const char *place)
{
	const int length = snprintf(directory, size, "%s%s", program, place);

	return (size_t)length < size && !access(directory, R_OK | X_OK) ? 0 : -1;
}

int known_directory(char *directory, size_t size)
{
	static const char *const places[] = { "../fuzz/known", "../share/rdpmc/known" };
	const char *named = getenv("RDPMC_KNOWN");
	char program[4096];

	if (named)
		return known_place(directory, size, "", named);
	if (engine_program(program, sizeof(program)))
		return -1;
	for (size_t i = 0; i < NR_OF(places); i++)
		if (!known_place(directory, size, program, places[i]))
			return 0;
	return -1;
}

struct known *known_read(const char *directory, const struct engine *engine, char *why,
			 size_t why_size)
{
	struct known *known = calloc(1, sizeof(*known));
	char pattern[2 * 4096];
	size_t n = 0;
	glob_t paths = { 0 };

	snprintf(why, why_size, "out of memory");
	for (const char *c = directory; *c && n < sizeof(pattern) - 20; c++) {
		if (strchr("*?[]\\", *c))
			pattern[n++] = '\\';
		pattern[n++] = *c;
	}
	strcpy(pattern + n, "/*.known");
	if (known && glob(pattern, 0, NULL, &paths)) {
		snprintf(why, why_size, "%s: no *.known there", directory);
		known_free(known);
		return NULL;
	}
	for (size_t i = 0; known && i < paths.gl_pathc; i++) {
		struct reader reader = { .line = 1 };
		char *text = read_file(paths.gl_pathv[i]);
		char *path = strdup(paths.gl_pathv[i]);

		if (known->n_texts + 2 > KNOWN_MOST || !text || !path) {
			snprintf(why, why_size, "%s cannot be read", paths.gl_pathv[i]);
			free(text);
			free(path);
			known_free(known);
			known = NULL;
			break;
		}
		known->texts[known->n_texts++] = text;
		known->texts[known->n_texts++] = path;
		reader.path = path;
		if (!read_text(&reader, text, engine, known)) {
			snprintf(why, why_size, "%s:%u: %s: '%.60s'", path, reader.line,
				 reader.error, reader.at);
			known_free(known);
			known = NULL;
		}
	}
	globfree(&paths);
	return known;
}
