// SPDX-License-Identifier: GPL-2.0-or-later
// beside others, long
/*
 * Proves that known differences are read as fuzz/oracle/known/README.md says, every mistake in a file told
 * with its entry; and that they explain an answer to the bit, by those that it hangs on, or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <dirent.h>

#include "fuzz/oracle/known/known.h"
#include "lib/random.h"
#include "model/intercept.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define WHY           400

static char directory[40];
static char why[WHY];

static const struct engine_feature features[] = {
	{ "has-it", "is there", true },
	{ "lacks-it", "is not", false },
	{ "has-more", "is there, too", true },
	{ NULL, NULL, false },
};
static struct engine engine = { .name = "fake", .version = "6.1", .features = features };

static void empty(void)
{
	char path[400];
	struct dirent *entry;
	DIR *dir = opendir(directory);

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (remove(path))
			fail_msg("%s cannot be removed", path);
	}
	closedir(dir);
}

static int set_up(void **unused)
{
	(void)unused;
	/* Tens of thousands of files: in memory where that can be. */
	snprintf(directory, sizeof(directory), "%s/test-known-XXXXXX",
		 access("/dev/shm", W_OK | X_OK) ? "/tmp" : "/dev/shm");
	return !mkdtemp(directory);
}

static int tear_down(void **unused)
{
	(void)unused;
	empty();
	return rmdir(directory);
}

/* Each test begins with nothing, and 6.1. */
static int anew(void **unused)
{
	(void)unused;
	empty();
	engine.version = "6.1";
	engine.features = features;
	engine.real = false;
	return 0;
}

static void put_bytes(const char *name, const char *text, size_t size)
{
	char path[400];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
}

/*
 * JSON as these tests write it: ' for ", and `a, b` for ["a", "b"], where commas in parentheses part nothing;
 * the comma before the first of a list is left out.
 */
static size_t json_of(const char *text, char *json, size_t size)
{
	bool list = false;
	int depth = 0;
	size_t n = 0;

	for (; *text && n + 3 < size; text++) {
		depth += (*text == '(') - (*text == ')');
		if (*text == '`') {
			n += sprintf(json + n, list ? "\"]" : "[\"");
			list = !list;
		} else if (*text == ',' && list && depth <= 0) {
			n += sprintf(json + n, "\",\"");
			text += text[1] == ' ';
		} else if (*text != ',' || !n || json[n - 1] != '[') {
			json[n++] = *text == '\'' ? '"' : *text;
		}
		depth = list ? depth : 0;
	}
	assert_false(*text);
	json[n] = '\0';
	return n;
}

static void put(const char *name, const char *text)
{
	static char json[2000000];

	put_bytes(name, json, json_of(text, json, sizeof(json)));
}

static struct known *read_it(void)
{
	struct known *known;

	snprintf(why, sizeof(why), "(nothing said)");
	known = known_read(directory, &engine, why, sizeof(why));
	if (!known)
		fail_msg("not read: %s", why);
	return known;
}

/* @text is not read, and told are the file, then @where, an entry's name or a line, and @what. */
static void refused_in(const char *where, const char *what, const char *text)
{
	struct known *known;
	const char *at;

	put("bad.json", text);
	memset(why, 0, sizeof(why));
	known = known_read(directory, &engine, why, sizeof(why));
	if (known)
		fail_msg("%s: read, %u entries", text, known_count(known));
	at = strstr(why, "/bad.json:");
	if (!at)
		fail_msg("%s: no file: '%s'", text, why);
	at += strlen("/bad.json:");
	at += *at == ' ';
	if (strncmp(at, where, strlen(where)) || at[strlen(where)] != ':')
		fail_msg("%s: not of %s: '%s'", text, where, why);
	if (!strstr(at + strlen(where), what))
		fail_msg("%s: nothing about %s: '%s'", text, what, why);
}

#define REST "'kernel': 'k', 'processor': 'p', 'why': 'w', 'source': 's', 'reach': 'r'}"
/* A whole entry: @name, @when, and what is in @does. */
#define ENTRY(name, when, does)   ",\n{'name': '" name "', 'when': `" when "`, " does ", " REST
#define KERNELS(kernels, entries) "{'kernels': '" kernels "', 'differences': [" entries "]}"
#define FILE_OF(entries)          KERNELS("6.1 -", entries)

static unsigned int count_of(const char *text)
{
	struct known *known;
	unsigned int count;

	put("a.json", text);
	known = read_it();
	count = known_count(known);
	known_free(known);
	return count;
}

/* ---- the file ---- */

static void test_texts(void **unused)
{
	struct known_difference *difference;
	struct known *known;

	(void)unused;
	put("some.json", "{'about': 'A comment.', 'kernels': '6.1 - 6.8',\n"
			 "'differences': [ {\n"
			 "  'name': 'first-one',\n"
			 "  'when': ['backdoor = 0', 'ecx >= 0x10000',\n"
			 "\t'ecx < 0x10003'],\n"
			 "  'as': ['backdoor = 1'],\n"
			 "  'kernel': 'says this: and that',\n"
			 "  'processor': 'says # no \\'comment\\'',\n"
			 "  'why': 'because',\n"
			 "  'source': 'arch/x86, f()',\n"
			 "  'reach': 'nobody' }, {\n"
			 "  'reach': 'all', 'source': 's',\n" /* in any order */
			 "  'why': 'w', 'processor': 'p', 'kernel': 'k',\n"
			 "  'as': ['backdoor = 0'], 'when': ['backdoor = 1'],\n"
			 "  'name': 'second' } ] }"); /* no newline */
	known = read_it();
	assert_int_equal(known_count(known), 2);
	difference = known_get(known, 0);
	assert_string_equal(difference->name, "first-one");
	assert_non_null(strstr(difference->file, "some.json"));
	assert_string_equal(difference->kernel, "says this: and that");
	assert_string_equal(difference->processor, "says # no \"comment\"");
	assert_string_equal(difference->why, "because");
	assert_string_equal(difference->source, "arch/x86, f()");
	assert_string_equal(difference->reach, "nobody");
	assert_int_equal(difference->happened, 0);
	difference = known_get(known, 1);
	assert_string_equal(difference->name, "second");
	assert_string_equal(difference->kernel, "k");
	assert_string_equal(difference->processor, "p");
	assert_string_equal(difference->why, "w");
	assert_string_equal(difference->source, "s");
	assert_string_equal(difference->reach, "all");
	known_free(known);
}

static void test_versions(void **unused)
{
	static const struct {
		const char *version, *kernels;
		bool in;
	} rows[] = {
		{ "6.1", "6.1 - 6.8", true },
		{ "6.8", "6.1 - 6.8", true },
		{ "6.5", "6.1 - 6.8", true },
		{ "6.8.12", "6.1 - 6.8", true },
		{ "6.1.0-rc1", "6.1 - 6.8", true },
		{ "6.1.192", "6.1 - 6.8", true },
		{ "6.0", "6.1 - 6.8", false },
		{ "6.0.19", "6.1 - 6.8", false },
		{ "6.9", "6.1 - 6.8", false },
		{ "6.10", "6.1 - 6.8", false }, /* numbers, not text */
		{ "6.12.117-1", "6.1 - 6.8", false },
		{ "5.15.3", "6.1 - 6.8", false },
		{ "5.5", "6.1 - 6.8", false },
		{ "7.2", "6.1 - 6.8", false },
		{ "7.1", "6.1 - 6.8", false },
		{ "6.12.117-1", "6.9 -", true },
		{ "6.9", "6.9 -", true },
		{ "7.0", "6.9 -", true },
		{ "10.0", "6.9 -", true },
		{ "6.8.99", "6.9 -", false },
		{ "6.1", "6.9 -", false },
		{ "5.19", "6.9 -", false },
		{ "6.12.117-1", "6.12 - 6.12", true },
		{ "6.13", "6.12 - 6.12", false },
		{ "6.11", "6.12 - 6.12", false },
		{ "6.0", "5.15 - 6.2", true },
		{ "6.3", "5.15 - 6.2", false },
		{ "5.14", "5.15 - 6.2", false },
		{ "5.20", "5.15 - 6.2", true },
		{ "7.2.13", "6.1 - 7.2", true },
		{ "7.3", "6.1 - 7.2", false },
		{ NULL, "6.1 - 6.8", false },
		{ NULL, "6.1 -", false },
		{ NULL, "0.0 -", false },
	};
	char text[1000];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		engine.version = rows[i].version;
		snprintf(text, sizeof(text),
			 KERNELS("%s", ENTRY("a", "backdoor = 0", "'as': `backdoor = 1`")),
			 rows[i].kernels);
		if (count_of(text) != rows[i].in)
			fail_msg("%s of %s", rows[i].version ? rows[i].version : "none",
				 rows[i].kernels);
	}
}

/* A file's kernels are about all of it, and about no other file; one without them is about all kernels. */
static void test_kernels_scope(void **unused)
{
	static const char *const expected[] = { "one", "two", "four", "five", "any" };
	static const char *const files[] = { "a.json", "a.json", "b.json", "c.json", "e.json" };
	struct known *known;

	(void)unused;
	/* In the order of their names, not as they came; others are none of our matter. */
	put("c.json", KERNELS("6.1 - 6.1", ENTRY("five", "ecx = 1", "'as': `ecx = 2`")));
	put("a.json", FILE_OF(ENTRY("one", "ecx = 1", "'as': `ecx = 2`")
				      ENTRY("two", "ecx = 1", "'as': `ecx = 2`")));
	put("d.json", KERNELS("6.9 -", ENTRY("three", "ecx = 1", "'as': `ecx = 2`")));
	put("b.json", KERNELS("6.1 - 6.2", ENTRY("four", "ecx = 1", "'as': `ecx = 2`")));
	put("e.json", "{'differences': [" ENTRY("any", "ecx = 1", "'as': `ecx = 2`") "]}");
	put("README.md", "garbage");
	put("c.json.orig", "garbage");
	put("json", "garbage");
	put(".json", "garbage");
	put(".a.json", "garbage");
	known = read_it();
	assert_int_equal(known_count(known), ARRAY_SIZE(expected));
	for (unsigned int i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_string_equal(known_get(known, i)->name, expected[i]);
		assert_non_null(strstr(known_get(known, i)->file, files[i]));
	}
	known_free(known);
	engine.version = "6.9.1";
	known = read_it();
	assert_int_equal(known_count(known), 4);
	assert_string_equal(known_get(known, 2)->name, "three");
	known_free(known);
	engine.version = NULL;
	known = read_it();
	assert_int_equal(known_count(known), 1);
	assert_string_equal(known_get(known, 0)->name, "any");
	known_free(known);
}

static void test_files_in_order(void **unused)
{
	static const char *const names[] = { "m.json", "c.json", "z.json",        "a.json",
					     "B.json", "k.json", "early-trees.json" };
	static const char *const sorted[] = { "B.json",         "a.json", "c.json", "k.json",
					      "early-trees.json", "m.json", "z.json" };
	struct known *known;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		put(names[i], FILE_OF(ENTRY("a", "ecx = 1", "'as': `ecx = 2`")));
	/* The same name is refused, in another file, too. */
	assert_null(known_read(directory, &engine, why, sizeof(why)));
	assert_non_null(strstr(why, ": a: the same name twice"));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char text[1000];

		snprintf(text, sizeof(text), FILE_OF(ENTRY("n%zu", "ecx = 1", "'as': `ecx = 2`")),
			 i);
		put(names[i], text);
	}
	known = read_it();
	assert_int_equal(known_count(known), ARRAY_SIZE(sorted));
	for (unsigned int i = 0; i < ARRAY_SIZE(sorted); i++) {
		/* Capitals before or after, by locale or not: both are an order. */
		if (i)
			assert_true(strcasecmp(known_get(known, i - 1)->file,
					       known_get(known, i)->file) < 0 ||
				    strcmp(known_get(known, i - 1)->file,
					   known_get(known, i)->file) < 0);
	}
	assert_non_null(strstr(known_get(known, 6)->file, sorted[6]));
	known_free(known);
}

/* How many entries there are of a file with one that asks for this feature. */
static unsigned int count_with(const char *feature)
{
	char text[1000];

	snprintf(text, sizeof(text),
		 FILE_OF(ENTRY("a", "ecx = 1", "'features': `%s`, 'as': `ecx = 2`")), feature);
	return count_of(text);
}

static void test_features(void **unused)
{
	static const struct {
		const char *feature;
		bool in, in_none; /* in_none: of an engine that has none to tell */
	} rows[] = {
		{ "has-it", true, false },
		{ "!has-it", false, true },
		{ "lacks-it", false, false },
		{ "!lacks-it", true, true },
		{ "never-heard-of", false, false },
		{ "has", false, false },
		{ "has-it-not", false, false },
		{ "has-it, has-more", true, false },
		{ "has-it, lacks-it", false, false },
		{ "lacks-it, has-it", false, false },
		{ "has-it, !lacks-it", true, false },
		{ "!lacks-it, has-it", true, false },
		{ "!has-it, !lacks-it", false, true },
		{ "!lacks-it, !has-it", false, true },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		engine.features = features;
		if (count_with(rows[i].feature) != rows[i].in)
			fail_msg("Feature: %s", rows[i].feature);
		engine.features = NULL;
		if (count_with(rows[i].feature) != rows[i].in_none)
			fail_msg("Feature: %s, of none", rows[i].feature);
	}
}

/* Of a running kernel the release decides what cannot be probed; what it does not say is not assumed. */
static void test_features_by_release(void **unused)
{
	static const struct {
		const char *release, *feature;
		bool in;
	} rows[] = {
		{ "6.1.0-40-amd64", "fast-reads", true },
		{ "6.8.0-31-generic", "fast-reads", true },
		{ "6.9.0", "fast-reads", false },
		{ "6.9.0", "!fast-reads", true },
		{ "6.8.12", "!intel-early-check", false },
		{ "6.12.117", "!intel-early-check", true },
		{ "7.3.4", "!intel-early-check", true },
		{ "6.1.192", "amd-masks-index", true },
		{ "6.18.44", "amd-masks-index", false },
		{ "6.1.192", "!refresh-asks", true },
		{ "6.12.117", "refresh-asks", true },
		{ "6.6.1", "refresh-asks", false },
		{ "6.6.1", "!refresh-asks", false },
		{ "6.1.192", "!amd-v2", true },
		{ "7.2.0", "amd-v2", true },
		{ "6.12.117", "has-it", true },
		{ "6.12.117", "never-heard-of", false },
		{ "6.12.117", "!never-heard-of", false },
		{ "6.12.117", "!fast-reads, has-it", true },
	};

	(void)unused;
	engine.real = true;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		engine.version = rows[i].release;
		if (count_with(rows[i].feature) != rows[i].in)
			fail_msg("Feature: %s, Linux %s", rows[i].feature, rows[i].release);
	}
}

/* Those that made good hosts end with 1: of the files as they are. */
static void test_release_of_the_files(void **unused)
{
	static const struct {
		const char *release, *name;
		bool in;
	} rows[] = {
		{ "6.1.192", "fast-bit", true },
		{ "6.12.117", "fast-bit", false },
		{ "6.1.192", "vmware-by-emulator", false },
		{ "6.12.117", "vmware-by-emulator", true },
	};

	(void)unused;
	engine.real = true;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct known *known;
		bool in = false;

		engine.version = rows[i].release;
		known = known_read("fuzz/oracle/known", &engine, why, sizeof(why));
		assert_non_null(known);
		for (unsigned int k = 0; k < known_count(known); k++)
			in |= !strcmp(known_get(known, k)->name, rows[i].name);
		known_free(known);
		if (in != rows[i].in)
			fail_msg("%s, Linux %s", rows[i].name, rows[i].release);
	}
}

/* Every field and word of the README, on either side. */
static const char *const pmu_fields[] = { "vendor",
					  "version",
					  "nr_gp",
					  "gp_width",
					  "nr_fixed",
					  "fixed_width",
					  "fixed_bitmap",
					  "leaf23_gp",
					  "leaf23_fixed",
					  "user_disable",
					  "perf_capabilities",
					  "no_pdcm",
					  "old_counters",
					  "old_fast",
					  "ext_core",
					  "ext_nb",
					  "ext_l3",
					  "nr_nb" };
static const char *const free_fields[] = { "no_pmu",     "backdoor", "mediated", "ecx",
					   "value_bits", "pe",       "pce" };
static const char *const fixed_fields[] = { "entry",   "mode",       "cpl",     "lock",
					    "allowed", "guest_core", "host_gp", "host_fixed" };
static const char *const words[] = { "intel", "amd",       "exit", "emulator",      "intercept",
				     "real",  "protected", "vm86", "compatibility", "64-bit" };

static char *line_of(const char *when, const char *as)
{
	static char text[2000];

	if (as)
		snprintf(text, sizeof(text), FILE_OF(ENTRY("a", "%s", "'as': `%s`")), when, as);
	else
		snprintf(text, sizeof(text), FILE_OF(ENTRY("a", "%s", "'answer': 'any'")), when);
	return text;
}

static void try_field(const char *name, bool assigned)
{
	char when[200], as[200];

	snprintf(when, sizeof(when), "%s = 0, 0 != %s, %s & 0x1 >= 0, ecx < %s, min(%s, 1) = 1",
		 name, name, name, name, name);
	assert_int_equal(count_of(line_of(when, "backdoor = 1")), 1);
	snprintf(as, sizeof(as), "ecx = %s, value_bits = min(%s, 3), ecx = %s & 0xf", name, name,
		 name);
	assert_int_equal(count_of(line_of("ecx = 1", as)), 1);
	snprintf(as, sizeof(as), "%s = 1", name);
	if (assigned)
		assert_int_equal(count_of(line_of("ecx = 1", as)), 1);
	else
		refused_in("a", as, line_of("ecx = 1", as));
	empty();
}

static void test_fields(void **unused)
{
	char name[100];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pmu_fields); i++) {
		snprintf(name, sizeof(name), "guest.%s", pmu_fields[i]);
		try_field(name, true);
		snprintf(name, sizeof(name), "host.%s", pmu_fields[i]);
		try_field(name, true);
	}
	for (size_t i = 0; i < ARRAY_SIZE(free_fields); i++)
		try_field(free_fields[i], true);
	for (size_t i = 0; i < ARRAY_SIZE(fixed_fields); i++)
		try_field(fixed_fields[i], false);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		snprintf(name, sizeof(name), "entry = %s, %s != mode", words[i], words[i]);
		assert_int_equal(count_of(line_of(name, "ecx = 1")), 1);
		/* A word is no field. */
		snprintf(name, sizeof(name), "%s = 1", words[i]);
		empty();
		refused_in("a", name, line_of("ecx = 1", name));
		empty();
	}
	/* Blanks part them, none are too many. */
	assert_int_equal(count_of(line_of("  ecx   =   1  ,  ecx &  0x1 =  1 , min( ecx , 2 ) = 1 ",
					  "  ecx =  2 ")),
			 1);
}

/* A whole file, of which line @line is another, or left out. */
static char *with_line(unsigned int line, const char *other)
{
	static const char *const lines[] = { "'name': 'x'",          "'when': `backdoor = 0`",
					     "'as': `backdoor = 1`", "'kernel': 'k'",
					     "'processor': 'p'",     "'why': 'w'",
					     "'source': 's'",        "'reach': 'r'" };
	static char text[2000];

	strcpy(text, "{'kernels': '6.1 -', 'differences': [{ 'features': ['has-it']");
	for (unsigned int i = 1; i <= ARRAY_SIZE(lines); i++) {
		if (i == line && !other)
			continue;
		strcat(text, ",\n");
		strcat(text, i == line ? other : lines[i - 1]);
	}
	strcat(text, "}]}");
	return text;
}

static void test_refused(void **unused)
{
	static const struct {
		unsigned int line;
		const char *other, *what, *where;
	} rows[] = {
		/* keys */
		{ 4, "'color': 'red', 'kernel': 'k'", "color", "x" },
		{ 4, "'Kernel': 'k', 'kernel': 'k'", "Kernel", "x" },
		{ 4, "'': 'k', 'kernel': 'k'", "left unpacked", "x" },
		{ 4, "'kernels': '6.1 -', 'kernel': 'k'", "kernels", "x" },
		{ 4, "'Kernel': 'k'", "kernel", "x" },
		{ 4, "'kernel' 'k'", "near", "5" },
		{ 4, "garbage", "near", "5" },
		{ 4, "# a comment", "near", "5" },
		{ 8, "'reach': 'r', 'reach': 'r'", "reach", "9" },
		{ 1, "'name': 'x',\n'name': 'x'", "name", "3" },
		{ 1, "'name': 'x',\n'name': 'y'", "name", "3" },
		{ 2, "'when': `ecx = 1`, 'when': `ecx = 2`", "when", "3" },
		{ 3, "'as': `ecx = 1`, 'as': `ecx = 2`", "as", "4" },
		{ 4, "'features': `has-it`, 'kernel': 'k'", "features", "5" },
		{ 3, "'trouble': 't', 'trouble': 't'", "trouble", "4" },
		{ 3, "'answer': 'any', 'answer': 'any'", "answer", "4" },
		/* types */
		{ 1, "'name': 7", "string", "difference 1" },
		{ 1, "'name': null", "string", "difference 1" },
		{ 4, "'kernel': ['k']", "string", "x" },
		{ 5, "'processor': {}", "string", "x" },
		{ 6, "'why': true", "string", "x" },
		{ 7, "'source': 1.5", "string", "x" },
		{ 8, "'reach': null", "string", "x" },
		{ 3, "'trouble': []", "string", "x" },
		{ 3, "'answer': 1", "string", "x" },
		{ 2, "'when': 'ecx = 1'", "list", "x" },
		{ 2, "'when': {}", "list", "x" },
		{ 2, "'when': [1]", "strings", "x" },
		{ 2, "'when': [['ecx = 1']]", "strings", "x" },
		{ 3, "'as': 'ecx = 1'", "list", "x" },
		{ 3, "'as': ['ecx = 1', null]", "strings", "x" },
		/* texts */
		{ 1, "'name': 'two words'", "one word", "two words" },
		{ 1, "'name': ''", "one word", "" },
		{ 4, "'kernel': ''", "empty", "x" },
		{ 4, "'kernel': '   '", "empty", "x" },
		{ 5, "'processor': ''", "empty", "x" },
		{ 6, "'why': ''", "empty", "x" },
		{ 7, "'source': ''", "empty", "x" },
		{ 8, "'reach': ''", "empty", "x" },
		{ 3, "'trouble': ''", "empty", "x" },
		{ 3, "'answer': 'none'", "none", "x" },
		{ 3, "'answer': 'any thing'", "any thing", "x" },
		{ 3, "'answer': ''", "any", "x" },
		/* conditions */
		{ 2, "'when': []", "empty", "x" },
		{ 2, "'when': ['']", "''", "x" },
#define WHEN(text) { 2, "'when': ['" text "']", text, "x" }
		WHEN("nothing = 0"),
		WHEN("guest.nothing = 0"),
		WHEN("guest = 0"),
		WHEN("guest. = 0"),
		WHEN("ghost.version = 0"),
		WHEN("guest.versions = 0"),
		WHEN("guest.versio = 0"),
		WHEN("guest.backdoor = 0"),
		WHEN("version = 0"),
		WHEN("ecx"),
		WHEN("ecx 1"),
		WHEN("ecx ="),
		WHEN("= 1"),
		WHEN("ecx == 1"),
		WHEN("ecx <= 1"),
		WHEN("ecx > 1"),
		WHEN("ecx =< 1"),
		WHEN("ecx ! 1"),
		WHEN("ecx <> 1"),
		WHEN("ecx = 1 2"),
		WHEN("ecx = 1 garbage"),
		WHEN("ecx = 1,"),
		WHEN(",ecx = 1"),
		WHEN("ecx = 1, ecx = 2"),
		WHEN("ecx = 1; ecx = 2"),
		WHEN("ecx = 1 ecx = 2"),
		WHEN("ecx = 1 = 1"),
		WHEN("ecx & = 1"),
		WHEN("ecx & 1 & 2 = 1"),
		WHEN("min(ecx) = 1"),
		WHEN("min(ecx, 1 = 1"),
		WHEN("min(ecx 1) = 1"),
		WHEN("min(ecx, 1, 2) = 1"),
		WHEN("min(, 1) = 1"),
		WHEN("min ecx, 1 = 1"),
		WHEN("max(ecx, 1) = 1"),
		WHEN("ecx = 1x"),
		WHEN("ecx = 0x"),
		WHEN("ecx = 0xg"),
		WHEN("ecx = -1"),
		WHEN("ecx = 18446744073709551616"),
		WHEN("ecx = 0x10000000000000000"),
		WHEN("entry = exits"),
		WHEN("entry = Exit"),
		WHEN("ecx=1"), /* blanks part them */
		{ 2, "'when': ['ecx = 1',\n 'nothing = 1']", "'nothing = 1'", "x" },
		/* assignments */
		{ 3, "'as': []", "empty", "x" },
		{ 3, "'as': ['']", "''", "x" },
#define AS(text) { 3, "'as': ['" text "']", text, "x" }
		AS("backdoor"),
		AS("backdoor ="),
		AS("= 1"),
		AS("1 = 1"),
		AS("backdoor != 1"),
		AS("backdoor < 1"),
		AS("backdoor >= 1"),
		AS("backdoor == 1"),
		AS("backdoor = 1 1"),
		AS("backdoor = 1,"),
		AS("ecx & 1 = 1"),
		AS("min(ecx, 1) = 1"),
		AS("nothing = 1"),
		AS("guest.nothing = 1"),
		AS("backdoor = nothing"),
		AS("cpl = 0"),
		{ 3, "'as': ['ecx = 1', 'lock = 0']", "'lock = 0'", "x" },
		{ 3, "'as': ['ecx = 1', 'ecx']", "'ecx'", "x" },
	};
	/* Of features and kernels. */
	static const char *const features_wrong[] = { "", "!", "!!has-it", "has-it,",
						      "has-it lacks-it" };
	static const char *const kernels_wrong[] = { "",           "six -",          "6 -",
						     "6.1",        "6.1 6.8",        "6.1 - six",
						     "6.1 - 6",    "6.1 - 6.8 more", "6.1 - 6.8,",
						     "6.1 to 6.8", "6.x -",          "-6.1 -",
						     "6.8 - 6.1",  "6.1 - 6.8 - 6.9" };
	char text[1000], what[100];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		refused_in(rows[i].where, rows[i].what, with_line(rows[i].line, rows[i].other));
	for (size_t i = 0; i < ARRAY_SIZE(features_wrong); i++) {
		snprintf(text, sizeof(text),
			 FILE_OF(ENTRY("x", "ecx = 1", "'features': ['%s'], 'as': `ecx = 1`")),
			 features_wrong[i]);
		snprintf(what, sizeof(what), "'%s' is no feature", features_wrong[i]);
		refused_in("x", what, text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(kernels_wrong); i++) {
		snprintf(text, sizeof(text),
			 KERNELS("%s", ENTRY("x", "ecx = 1", "'as': `ecx = 1`")), kernels_wrong[i]);
		snprintf(what, sizeof(what), "'%s'", kernels_wrong[i]);
		refused_in("the file", what, text);
	}
	/* All of it right, it is read. */
	put("bad.json", with_line(0, NULL));
	known_free(read_it());
}

/* What is around the entries. */
static void test_file_refused(void **unused)
{
	(void)unused;
	refused_in("the file", "differences", "{}");
	refused_in("the file", "differences", "{'kernels': '6.1 -'}");
	refused_in("the file", "list", "{'differences': {}}");
	refused_in("the file", "list", "{'differences': 'none'}");
	refused_in("the file", "string", "{'kernels': 6.1, 'differences': []}");
	refused_in("the file", "string", "{'about': ['much'], 'differences': []}");
	refused_in("the file", "versions", "{'versions': '6.1 -', 'differences': []}");
	refused_in("the file", "object", "[]");
	refused_in("difference 2", "object",
		   FILE_OF(ENTRY("a", "ecx = 1", "'as': `ecx = 2`") ",7"));
	refused_in("2", "near", "{'differences': [],\n}");
	refused_in("1", "near", "{'differences': []} more");
	refused_in("4", "near", "\n{\n'differences': [\n");
	refused_in("1", "duplicate", "{'kernels': '6.1 -', 'kernels': '6.1 -', 'differences': []}");
}

static void test_missing(void **unused)
{
	static const struct {
		unsigned int line;
		const char *what;
	} needed[] = { { 3, "as, trouble or answer" },
		       { 4, "kernel" },
		       { 5, "processor" },
		       { 6, "why" },
		       { 7, "source" },
		       { 8, "reach" } };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		refused_in("x", needed[i].what, with_line(needed[i].line, NULL));
	refused_in("difference 1", "name", with_line(1, NULL));
	/* As says all of the answer, trouble and answer something else. */
	refused_in("x", "as stands alone", with_line(3, "'as': `backdoor = 1`, 'trouble': 't'"));
	refused_in("x", "as stands alone", with_line(3, "'as': `backdoor = 1`, 'answer': 'any'"));
	refused_in("x", "as stands alone",
		   with_line(3, "'answer': 'any', 'as': `backdoor = 1`, 'trouble': 't'"));
	refused_in("x", "excuse everything", FILE_OF("{'name': 'x', 'answer': 'any', " REST));
	/* The second of two is named. */
	refused_in("difference 2", "name",
		   FILE_OF(ENTRY("b", "ecx = 1", "'as': `ecx = 2`") ",{'as': `ecx = 1`, " REST));
	refused_in("a", "kernel",
		   FILE_OF("{'name': 'a'}" ENTRY("b", "ecx = 1", "'as': `ecx = 2`")));
	/* These are enough. */
	empty();
	assert_int_equal(count_of(with_line(3, "'trouble': 't'")), 1);
	assert_int_equal(count_of(with_line(3, "'trouble': 't', 'answer': 'any'")), 1);
	assert_int_equal(count_of(with_line(3, "'answer': 'any', 'trouble': 't'")), 1);
	assert_int_equal(count_of(with_line(3, "'answer': 'any'")), 1);
}

/* What is not about this engine is held to the format all the same, or mistakes would hide. */
static void test_others_are_checked(void **unused)
{
	(void)unused;
	refused_in("a", "nothing = 1",
		   KERNELS("7.0 -", ENTRY("a", "nothing = 1", "'as': `backdoor = 1`")));
	refused_in("a", "nothing = 1",
		   FILE_OF(ENTRY("a", "ecx = 1", "'features': `lacks-it`, 'as': `nothing = 1`")));
	refused_in("b", "ecx == 1",
		   FILE_OF(ENTRY("a", "ecx = 1", "'as': `ecx = 2`")
				   ENTRY("b", "ecx == 1", "'as': `ecx = 2`")));
	/* The second file is told. */
	empty();
	put("a.json", FILE_OF(ENTRY("a", "ecx = 1", "'as': `ecx = 2`")));
	refused_in("the file", "come", "{'come': 'in', 'differences': []}");
}

static void repeat(char *text, const char *first, const char *again, unsigned int n)
{
	text += sprintf(text, "%s", first);
	while (n--)
		text += sprintf(text, "%s", again);
}

/* Without when an entry always holds. */
static void test_without_when(void **unused)
{
	struct known *known;

	(void)unused;
	put("a.json", with_line(2, NULL));
	known = read_it();
	assert_int_equal(known_count(known), 1);
	known_free(known);
}

/* A directory's name is no pattern. */
static void test_odd_directory(void **unused)
{
	char odd[400], path[500];
	struct known *known;
	struct stat st;

	(void)unused;
	snprintf(odd, sizeof(odd), "%s/a[b]*?", directory);
	assert_int_equal(mkdir(odd, 0700), 0);
	put("a[b]*?/a.json", FILE_OF(ENTRY("a", "ecx = 1", "'as': `ecx = 2`")));
	snprintf(path, sizeof(path), "%s/a.json", odd);
	assert_int_equal(stat(path, &st), 0);
	known = known_read(odd, &engine, why, sizeof(why));
	remove(path);
	if (!known)
		fail_msg("%s", why);
	assert_int_equal(known_count(known), 1);
	known_free(known);
}

static void test_limits(void **unused)
{
	static char text[1000000], terms[500000];
	unsigned int n = 0;

	(void)unused;
	/* KNOWN_MAX, of those for this engine; others beside them do no harm. */
	for (unsigned int i = 0; i < KNOWN_MAX; i++)
		n += sprintf(terms + n, ENTRY("n%u", "ecx = 1", "'as': `ecx = 2`"), i);
	sprintf(text, FILE_OF("%s"), terms);
	assert_int_equal(count_of(text), KNOWN_MAX);
	sprintf(text,
		FILE_OF("%s" ENTRY("other", "ecx = 1", "'features': `lacks-it`, 'as': `ecx = 2`")),
		terms);
	assert_int_equal(count_of(text), KNOWN_MAX);
	put("b.json", KERNELS("7.0 -", ENTRY("another", "ecx = 1", "'as': `ecx = 2`")));
	assert_int_equal(count_of(text), KNOWN_MAX);
	empty();
	sprintf(text, FILE_OF("%s" ENTRY("last", "ecx = 1", "'as': `ecx = 2`")), terms);
	refused_in("last", "64", text);
	/* In two files they are too many, too. */
	sprintf(text, FILE_OF("%s"), terms);
	put("a.json", text);
	refused_in("last", "64", FILE_OF(ENTRY("last", "ecx = 1", "'as': `ecx = 2`")));
	empty();

	repeat(terms, "ecx = 1", ", ecx = 1", 5000);
	sprintf(text, FILE_OF(ENTRY("a", "%s", "'as': `ecx = 2`")), terms);
	refused_in("a", "conditions", text);
	sprintf(text, FILE_OF(ENTRY("a", "ecx = 1", "'as': `%s`")), terms);
	refused_in("a", "assignments", text);
	empty();
	repeat(terms, "has-it", ", has-it", 5000);
	sprintf(text, FILE_OF(ENTRY("a", "ecx = 1", "'features': `%s`, 'as': `ecx = 2`")), terms);
	assert_int_equal(count_of(text), 1);
	empty();
	/* Depth, too. */
	repeat(terms, "", "min(ecx, ", 20000);
	sprintf(text, FILE_OF(ENTRY("a", "%s1 = 1", "'as': `ecx = 2`")), terms);
	refused_in("a", "min(ecx", text);
	repeat(terms, "", "[", 5000);
	sprintf(text, FILE_OF("{'name': 'a', 'when': %s"), terms);
	refused_in("1", "depth", text);
	/* Texts have none. */
	empty();
	repeat(terms, "very", " long", 50000);
	sprintf(text,
		FILE_OF("{'name': 'a', 'kernel': '%s', 'processor': 'p', 'why': 'w', 'source': 's',"
			"'reach': 'r', 'as': `ecx = 2`}"),
		terms);
	assert_int_equal(count_of(text), 1);
}

/* So many conditions and assignments as the files here have, and some more. */
static void test_enough_terms(void **unused)
{
	char when[300] = "backdoor = 0", as[300] = "ecx = 1";

	(void)unused;
	for (int i = 1; i < 8; i++) {
		strcat(when, ", guest.version != 0");
		strcat(as, ", guest.version = 1");
		if (i < 6)
			assert_int_equal(count_of(line_of("ecx = 1", as)), 1);
		assert_int_equal(count_of(line_of(when, "ecx = 1")), 1);
	}
}

static void test_unreadable(void **unused)
{
	char path[400], small[8];
	struct known *known;

	(void)unused;
	/* Nothing there. */
	why[0] = '\0';
	assert_null(known_read(directory, &engine, why, sizeof(why)));
	assert_non_null(strstr(why, directory));
	put("README.md", "no .json");
	why[0] = '\0';
	assert_null(known_read(directory, &engine, why, sizeof(why)));
	assert_string_not_equal(why, "");
	why[0] = '\0';
	assert_null(known_read("/no/such/directory", &engine, why, sizeof(why)));
	assert_non_null(strstr(why, "/no/such/directory"));
	why[0] = '\0';
	snprintf(path, sizeof(path), "%s/README.md", directory);
	assert_null(known_read(path, &engine, why, sizeof(why)));
	assert_string_not_equal(why, "");

	put("a.json", FILE_OF(ENTRY("a", "ecx = 1", "'as': `ecx = 2`")));
	snprintf(path, sizeof(path), "%s/b.json", directory);
	assert_int_equal(symlink("/no/such/file", path), 0);
	why[0] = '\0';
	assert_null(known_read(directory, &engine, why, sizeof(why)));
	assert_non_null(strstr(why, "b.json"));
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	why[0] = '\0';
	assert_null(known_read(directory, &engine, why, sizeof(why)));
	assert_non_null(strstr(why, "b.json"));
	rmdir(path);

	/* Little room for the reason. */
	put("b.json", "{'color': 'red'}");
	memset(small, 'x', sizeof(small));
	assert_null(known_read(directory, &engine, small, 5));
	assert_int_equal(small[5], 'x');
	assert_in_range(strlen(small), 1, 4);

	/* An empty file was not meant so; one without differences says nothing wrong. */
	put("b.json", "");
	assert_null(known_read(directory, &engine, why, sizeof(why)));
	assert_non_null(strstr(why, "/b.json:1: "));
	put("b.json", "{'differences': []}");
	put("c.json", "{'about': 'nothing', 'differences': [ ]}");
	known = read_it();
	assert_int_equal(known_count(known), 1);
	known_free(known);
	known_free(NULL);
}

/* Any bytes are read or refused, and nothing else happens: ASan and UBSan look on. */
static void test_any_bytes(void **unused)
{
	static const char text[] = FILE_OF(
		ENTRY("a", "guest.vendor = intel, ecx & 0x80000000 != 0, cpl >= 1, mode < vm86",
		      "'features': `has-it, !lacks-it`,"
		      "'as': `ecx = ecx & 0x7fffffff, guest.nr_gp = min(guest.nr_gp, host_gp)`")
			ENTRY("b", "backdoor = 0,\n lock != 1",
			      "'trouble': 'out of bounds', 'answer': 'any'"));
	static const char some[] = "=!<>&(),:#.{}[]\" \n\t09x-a\r\x80\\";
	char whole[sizeof(text) + 100], changed[sizeof(whole)];
	const size_t whole_size = json_of(text, whole, sizeof(whole));
	struct random random = { 7 };
	struct known *known;

	(void)unused;
	for (size_t size = 0; size <= whole_size; size++) {
		put_bytes("a.json", whole, size);
		known_free(known_read(directory, &engine, why, sizeof(why)));
	}
	for (unsigned int i = 0; i < 5000; i++) {
		size_t size = whole_size;

		memcpy(changed, whole, whole_size);
		for (unsigned int n = 1 + random_below(&random, 3); n; n--) {
			size_t at = random_below(&random, size);

			if (random_below(&random, 2)) {
				changed[at] = some[random_below(&random, sizeof(some))];
			} else {
				memmove(changed + at, changed + at + 1, size - at - 1);
				size--;
			}
		}
		put_bytes("a.json", changed, size);
		memset(why, 0, sizeof(why));
		known = known_read(directory, &engine, why, sizeof(why));
		if (!known && !strstr(why, "a.json:"))
			fail_msg("no file and line: %s", why);
		known_free(known);
	}
}

static void test_directory(void **unused)
{
	char found[400];

	(void)unused;
	assert_int_equal(setenv("RDPMC_KNOWN", directory, 1), 0);
	assert_int_equal(known_directory(found, sizeof(found)), 0);
	assert_string_equal(found, directory);
	assert_int_equal(known_directory(found, strlen(directory) + 1), 0);
	assert_int_equal(known_directory(found, strlen(directory)), -1);
	assert_int_equal(unsetenv("RDPMC_KNOWN"), 0);
	/* This program is not where the others are; what is found, if anything, is there. */
	if (!known_directory(found, sizeof(found)))
		assert_int_equal(access(found, R_OK), 0);
	assert_int_equal(known_directory(found, 3), -1);
	/* Cut short it would be another, that is there. */
	assert_int_equal(setenv("RDPMC_KNOWN", "/tmp/", 1), 0);
	assert_int_equal(known_directory(found, 5), -1);
	assert_int_equal(unsetenv("RDPMC_KNOWN"), 0);
}

/* The files as they ship. */
static void test_shipped(void **unused)
{
	static const char *const versions[] = { "6.1", "6.8", "6.9", "6.12", "7.2", "6.12.117-1" };
	static const struct engine_feature none[] = { { NULL, NULL, false } };
	static const struct engine_feature all[] = {
		{ "four-fixed", "", true },
		{ "need-intercept", "", true },
		{ "has-perf-metrics", "", true },
		{ NULL, NULL, false },
	};
	static const struct engine_feature intercept[] = {
		{ "four-fixed", "", false },
		{ "need-intercept", "", true },
		{ "has-perf-metrics", "", false },
		{ NULL, NULL, false },
	};
	static const struct engine_feature *const sets[] = { NULL, none, all, intercept };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(versions) * ARRAY_SIZE(sets); i++) {
		struct known *known;

		engine.version = versions[i / ARRAY_SIZE(sets)];
		engine.features = sets[i % ARRAY_SIZE(sets)];
		known = known_read("fuzz/oracle/known", &engine, why, sizeof(why));
		if (!known)
			fail_msg("%s: %s", engine.version, why);
		assert_in_range(known_count(known), 10, KNOWN_MAX);
		for (unsigned int a = 0; a < known_count(known); a++) {
			const struct known_difference *difference = known_get(known, a);
			const char *const reported[] = { difference->name,   difference->file,
						     difference->kernel, difference->why,
						     difference->source, difference->processor,
						     difference->reach };

			for (size_t n = 0; n < ARRAY_SIZE(reported); n++) {
				if (!reported[n] || !*reported[n])
					fail_msg("%s: text %zu", difference->name, n);
			}
			if (!strstr(difference->source, "arch/x86/"))
				fail_msg("%s: source %s", difference->name, difference->source);
			for (unsigned int b = 0; b < a; b++) {
				if (!strcmp(difference->name, known_get(known, b)->name))
					fail_msg("%s is there twice", difference->name);
			}
		}
		known_free(known);
	}
}

/* ---- explaining ---- */

/* A world: all that an answer can depend on. */
struct world {
	struct rdpmc_pmu guest, host;
	struct rdpmc_policy policy;
	struct rdpmc_choices choices;
	struct rdpmc_state state;
	struct rdpmc_counters counters;
};

/* 64-bit mode at CPL 0, a guest and a host of eight counters and four, all with values. */
static struct world plain(uint64_t rcx)
{
	struct world world = {
		.guest = { .vendor = RDPMC_INTEL,
			   .version = 5,
			   .nr_gp = 8,
			   .gp_width = 48,
			   .nr_fixed = 4,
			   .fixed_width = 48,
			   .perf_capabilities = RDPMC_CAP_METRICS },
		.policy = { .mediated_pmu = true },
		.state = { .regs = { 0xaaaaaaaabbbbbbbb, rcx, 0xccccccccdddddddd, 0x7fff00001000,
				     0xd5 },
			   .cr0 = RDPMC_CR0_PE,
			   .mode = MODE_64BIT },
	};

	world.host = world.guest;
	for (unsigned int x = 0; x < RDPMC_MAX_ECX; x++)
		world.counters.gp[x] = 0xfedcba9876543210 + x * 0x0101010101010101ULL;
	for (unsigned int x = 0; x < RDPMC_MAX_FIXED; x++)
		world.counters.fixed[x] = 0x0f1e2d3c4b5a6978 + x * 0x1010101010101010ULL;
	for (unsigned int x = 0; x < RDPMC_VMWARE_CLOCKS; x++)
		world.counters.vmware[x] = 0x8877665544332211 + x;
	world.counters.metrics = 0x1122334455667788;
	return world;
}

static struct world plain_amd(uint64_t rcx)
{
	struct world world = plain(rcx);

	world.guest = (struct rdpmc_pmu){ .vendor = RDPMC_AMD, .version = 1 };
	world.host = world.guest;
	return world;
}

/* What is answered in @world. */
static struct engine_answer answer_in(const struct world *world)
{
	struct rdpmc_counters counters = world->counters;
	struct engine_answer answer = { 0 };
	struct rdpmc_outcome outcome;
	struct rdpmc_view view;

	rdpmc_view(&world->guest, &world->choices, &view);
	outcome = rdpmc_execute(&view, &world->policy, &world->state, &counters);
	answer.answer = outcome.decision.answer;
	answer.regs = outcome.regs;
	return answer;
}

static struct known_question ask(const struct world *world, enum entry entry,
				 const struct engine_answer *answer)
{
	return (struct known_question){ .guest = &world->guest,
					.host = &world->host,
					.policy = &world->policy,
					.choices = &world->choices,
					.state = &world->state,
					.counters = answer ? &world->counters : NULL,
					.entry = entry,
					.answer = answer };
}

static struct known *entries(const char *text)
{
	char whole[20000];

	snprintf(whole, sizeof(whole), FILE_OF("%s"), text);
	put("a.json", whole);
	return read_it();
}

/* A tree that gives the fourth fixed counter with a mediated PMU only: where the host lets it have one. */
static void test_fourth_fixed(void **unused)
{
	static const struct engine_feature features[] = {
		{ "four-fixed", "", true },
		{ "mediated-fixed", "", true },
		{ NULL, NULL, false },
	};
	static const struct {
		bool mediated;
		uint8_t version;
		uint64_t capabilities;
		const char *name; /* NULL: its #GP is no known difference */
	} hosts[] = {
		{ false, 5, 1 << 13, "fourth-fixed-emulated" },
		{ true, 3, 1 << 13, "fourth-fixed-version-4" },
		{ true, 4, ~(1ULL << 13), "fourth-fixed-full-writes" },
		{ true, 4, 1 << 13, NULL },
	};
	struct known *known;

	(void)unused;
	engine.version = "7.3";
	engine.features = features;
	known = known_read("fuzz/oracle/known", &engine, why, sizeof(why));
	if (!known)
		fail_msg("%s", why);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct world world = plain(0x40000003), third = world;
		struct engine_answer value, fault;
		struct known_question question;
		uint64_t which;

		third.guest.nr_fixed = 3;
		value = answer_in(&world);
		fault = answer_in(&third);
		assert_int_equal(value.answer, ANSWER_VALUE);
		assert_int_equal(fault.answer, ANSWER_GP);
		world.policy.mediated_pmu = hosts[i].mediated;
		world.host.version = hosts[i].version;
		world.host.perf_capabilities = hosts[i].capabilities;
		question = ask(&world, ENTRY_EXIT, &fault);
		which = known_explain(known, &question);
		if (!hosts[i].name) {
			assert_int_equal(which, 0);
			continue;
		}
		assert_int_not_equal(which, 0);
		assert_int_equal(which & (which - 1), 0);
		assert_string_equal(known_get(known, (unsigned int)__builtin_ctzll(which))->name,
				    hosts[i].name);
		/* And it has no counter then. */
		question.answer = &value;
		assert_int_equal(known_explain(known, &question), 0);
	}
	known_free(known);
}

static uint64_t explain(const char *text, const struct known_question *question)
{
	struct known *known = entries(text);
	uint64_t bits = known_explain(known, question);

	for (unsigned int i = 0; i < known_count(known); i++)
		assert_int_equal(known_get(known, i)->happened, bits >> i & 1);
	known_free(known);
	return bits;
}

static bool same_answer(const struct engine_answer *a, const struct engine_answer *b)
{
	return a->answer == b->answer && !memcmp(&a->regs, &b->regs, sizeof(a->regs));
}

/*
 * By @text, and by exactly its entries @bits, @answer to the question of @asked is explained, and
 * nothing that is an inch beside it.
 */
static void explained(const char *what, const char *text, const struct world *asked,
		      enum entry entry, const struct engine_answer *answer, uint64_t bits)
{
	struct known_question question = ask(asked, entry, answer);
	struct known *known = entries(text);
	struct engine_answer wrong;
	uint64_t found;
	/* Only these of the registers can be wrong by a bit; RCX has ECX in it, which is masked. */
	static const size_t regs[] = {
		offsetof(struct rdpmc_regs, rax),    offsetof(struct rdpmc_regs, rcx),
		offsetof(struct rdpmc_regs, rdx),    offsetof(struct rdpmc_regs, rip),
		offsetof(struct rdpmc_regs, rflags),
	};

	found = known_explain(known, &question);
	if (found != bits)
		fail_msg("%s: by %llx, not %llx", what, (unsigned long long)found,
			 (unsigned long long)bits);
	for (unsigned int i = 0; i < known_count(known); i++)
		assert_int_equal(known_get(known, i)->happened, bits >> i & 1);
	question.answer = &wrong;
	for (unsigned int i = 0; i < ARRAY_SIZE(regs) * 64; i++) {
		wrong = *answer;
		*(uint64_t *)((char *)&wrong.regs + regs[i / 64]) ^= 1ULL << i % 64;
		if (known_explain(known, &question))
			fail_msg("%s: register %u, bit %u", what, i / 64, i % 64);
	}
	for (unsigned int other = 0; other < 4; other++) {
		wrong = *answer;
		wrong.answer = other < 3 ? other : ANSWER_STRANGE;
		if (wrong.answer != answer->answer && known_explain(known, &question))
			fail_msg("%s: answer %u", what, wrong.answer);
	}
	wrong = *answer;
	wrong.other_state = true;
	if (known_explain(known, &question))
		fail_msg("%s: elsewhere", what);
	for (unsigned int bit = 0; bit < 32; bit++) {
		wrong = *answer;
		wrong.error_code = 1U << bit;
		if (known_explain(known, &question))
			fail_msg("%s: error code", what);
	}
	/* A complaint that nobody knows of. */
	question.answer = answer;
	question.trouble = "it hurts";
	if (known_explain(known, &question))
		fail_msg("%s: trouble", what);
	for (unsigned int i = 0; i < known_count(known); i++)
		assert_int_equal(known_get(known, i)->happened, bits >> i & 1);
	known_free(known);
}

/* The same, of one entry that always applies, by the answer in the world @kvm. */
static void explained_as(const char *as, const struct world *asked, const struct world *kvm)
{
	struct engine_answer answer = answer_in(kvm), right = answer_in(asked);
	char text[2000];

	answer.regs.rcx = asked->state.regs.rcx;
	/* Or the row would say nothing. */
	if (same_answer(&answer, &right))
		fail_msg("%s: no difference", as);
	for (int entry = 0; entry <= ENTRY_EMULATOR; entry++) {
		snprintf(text, sizeof(text), ENTRY("a", "entry != intercept", "'as': `%s`"), as);
		explained(as, text, asked, entry, &answer, 1);
		/* The right answer is not known as a wrong one, nor explained by nothing at all. */
		const struct known_question question = ask(asked, entry, &right);

		assert_int_equal(explain(text, &question), 0);
	}
}

struct guest_row {
	const char *as;
	struct rdpmc_pmu asked, kvm;
	uint32_t ecx;
};

static const struct guest_row guest_rows[] = {
	{ "guest.vendor = amd",
	  { .version = 1, .nr_gp = 8, .gp_width = 48 },
	  { .vendor = RDPMC_AMD, .version = 1 },
	  7 },
	{ "guest.version = 1",
	  { .version = 2, .nr_fixed = 2, .fixed_width = 40 },
	  { .version = 1 },
	  0x40000001 },
	{ "guest.nr_gp = 3",
	  { .version = 2, .nr_gp = 4, .gp_width = 40 },
	  { .version = 2, .nr_gp = 3 },
	  3 },
	{ "guest.nr_gp = 4",
	  { .version = 2, .nr_gp = 3, .gp_width = 40 },
	  { .version = 2, .nr_gp = 4, .gp_width = 40 },
	  3 },
	{ "guest.gp_width = 32",
	  { .version = 2, .nr_gp = 4, .gp_width = 40 },
	  { .version = 2, .nr_gp = 4, .gp_width = 32 },
	  3 },
	{ "guest.nr_fixed = 3",
	  { .version = 2, .nr_fixed = 4, .fixed_width = 40 },
	  { .version = 2, .nr_fixed = 3, .fixed_width = 40 },
	  0x40000003 },
	{ "guest.fixed_width = 64",
	  { .version = 2, .nr_fixed = 4, .fixed_width = 40 },
	  { .version = 2, .nr_fixed = 4, .fixed_width = 64 },
	  0x40000003 },
	{ "guest.fixed_bitmap = 0x80000000",
	  { .version = 5, .fixed_width = 40 },
	  { .version = 5, .fixed_width = 40, .fixed_bitmap = 0x80000000 },
	  0x4000001f },
	{ "guest.leaf23_gp = 0x80000000",
	  { .version = 5, .gp_width = 40 },
	  { .version = 5, .gp_width = 40, .leaf23_gp = 0x80000000 },
	  0x1f },
	{ "guest.leaf23_fixed = 0x80000000",
	  { .version = 5, .fixed_width = 40 },
	  { .version = 5, .fixed_width = 40, .leaf23_fixed = 0x80000000 },
	  0x4000001f },
	{ "guest.perf_capabilities = 0x8000",
	  { .version = 5 },
	  { .version = 5, .perf_capabilities = 0x8000 },
	  0x20000000 },
	{ "guest.old_counters = 0", { .old_counters = 2 }, { .old_counters = 0 }, 1 },
	{ "guest.old_counters = 32", { .old_counters = 2 }, { .old_counters = 32 }, 31 },
	{ "guest.old_fast = 1",
	  { .old_counters = 2 },
	  { .old_counters = 2, .old_fast = true },
	  0x80000001 },
	{ "guest.ext_core = 1",
	  { .vendor = RDPMC_AMD, .version = 1 },
	  { .vendor = RDPMC_AMD, .version = 1, .ext_core = true },
	  5 },
	{ "guest.ext_nb = 1",
	  { .vendor = RDPMC_AMD, .version = 1 },
	  { .vendor = RDPMC_AMD, .version = 1, .ext_nb = true },
	  9 },
	{ "guest.ext_l3 = 1",
	  { .vendor = RDPMC_AMD, .version = 1 },
	  { .vendor = RDPMC_AMD, .version = 1, .ext_l3 = true },
	  15 },
	{ "guest.nr_nb = 63",
	  { .vendor = RDPMC_AMD, .version = 2, .ext_nb = true },
	  { .vendor = RDPMC_AMD, .version = 2, .ext_nb = true, .nr_nb = 63 },
	  74 },
	{ "guest.version = 2",
	  { .vendor = RDPMC_AMD, .version = 1, .nr_gp = 7 },
	  { .vendor = RDPMC_AMD, .version = 2, .nr_gp = 7 },
	  6 },
	{ "guest.ext_core = 0, guest.version = 1",
	  { .vendor = RDPMC_AMD, .version = 2, .nr_gp = 7, .ext_core = true },
	  { .vendor = RDPMC_AMD, .version = 1 },
	  4 },
};

static void test_guest_fields(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(guest_rows); i++) {
		struct world asked = plain(guest_rows[i].ecx), kvm;

		asked.guest = guest_rows[i].asked;
		kvm = asked;
		kvm.guest = guest_rows[i].kvm;
		explained_as(guest_rows[i].as, &asked, &kvm);
	}
}

static void test_user_disable(void **unused)
{
	struct world asked = plain(3), kvm;

	(void)unused;
	asked.state.cpl = 3;
	asked.state.cr4 = RDPMC_CR4_PCE;
	asked.counters.gp_user_disable = 1 << 3;
	kvm = asked;
	kvm.guest.user_disable = true;
	explained_as("guest.user_disable = 1", &asked, &kvm);
	explained_as("guest.user_disable = 0", &kvm, &asked);
}

/* By a choice of the hardware's, too, the answer is another. */
static void test_choices(void **unused)
{
	struct world asked = plain(0x20000001), kvm;

	(void)unused;
	asked.choices.metrics_any_index = true;
	asked.guest.perf_capabilities = 0;
	kvm = asked;
	kvm.guest.perf_capabilities = RDPMC_CAP_METRICS;
	explained_as("guest.perf_capabilities = 0x8000", &asked, &kvm);
}

static void test_ecx(void **unused)
{
	/* RCX[63:32] is ignored, and stays. */
	struct world asked = plain(0x1234567880000003), kvm;

	(void)unused;
	kvm = asked;
	kvm.state.regs.rcx = 3;
	explained_as("ecx = ecx & 0x7fffffff", &asked, &kvm);
	explained_as("ecx = 3", &asked, &kvm);
	explained_as("ecx = min(ecx, 3)", &asked, &kvm);
	/* In the emulator's 32-bit modes, RIP is cut. */
	asked.state.mode = MODE_PROTECTED;
	asked.state.regs.rip = 0xffffffff;
	kvm = asked;
	kvm.state.regs.rcx = 0x40000001;
	explained_as("ecx = 0x40000001", &asked, &kvm);
}

static void test_value_bits(void **unused)
{
	struct world asked = plain(3), kvm;

	(void)unused;
	/* So many bits of what is read: as a counter of that width. */
	for (unsigned int bits = 0; bits < 48; bits++) {
		char as[40];

		kvm = asked;
		kvm.guest.gp_width = bits;
		snprintf(as, sizeof(as), "value_bits = %u", bits);
		/* Bits that are 0 anyway make no difference. */
		if (answer_in(&kvm).regs.rax != answer_in(&asked).regs.rax ||
		    answer_in(&kvm).regs.rdx != answer_in(&asked).regs.rdx)
			explained_as(as, &asked, &kvm);
	}
	/* Of 64 bits, all: a pseudo counter. */
	asked = plain(0x10001);
	kvm = asked;
	kvm.policy.vmware_backdoor = true;
	explained_as("backdoor = 1, value_bits = 64", &asked, &kvm);
	/* Of a fault there is none. */
	kvm = asked = plain(3);
	kvm.guest.nr_gp = 2;
	explained_as("guest.nr_gp = 2, value_bits = 1", &asked, &kvm);
	/* ecx and value_bits at once, as in Linux 6.1 */
	asked = plain(0x80000003);
	kvm = asked;
	kvm.state.regs.rcx = 3;
	kvm.guest.gp_width = 32;
	explained_as("ecx = ecx & 0x7fffffff, value_bits = 32", &asked, &kvm);
}

static void test_no_pmu(void **unused)
{
	static const struct rdpmc_pmu pmus[] = {
		{ .version = 5, .nr_gp = 4, .gp_width = 40 },
		{ .old_counters = 4 },
		{ .vendor = RDPMC_AMD, .version = 1 },
		{ .vendor = RDPMC_AMD, .version = 2, .nr_gp = 6 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pmus); i++) {
		struct world asked = plain(2), kvm;

		asked.guest = pmus[i];
		kvm = asked;
		kvm.guest.version = kvm.guest.old_counters = 0;
		explained_as("no_pmu = 1", &asked, &kvm);
		/* no pseudo counters, either: everything is #GP */
		asked.state.regs.rcx = 0x10002;
		asked.policy.vmware_backdoor = true;
		kvm = asked;
		kvm.policy.vmware_backdoor = false;
		kvm.guest.version = kvm.guest.old_counters = 0;
		explained_as("no_pmu = 1", &asked, &kvm);
		explained_as("no_pmu = 1, backdoor = 1", &asked, &kvm);
		explained_as("backdoor = 0", &asked, &kvm);
	}
}

static void test_policy_and_privilege(void **unused)
{
	struct world asked = plain(0x10001), kvm;

	(void)unused;
	kvm = asked;
	kvm.policy.vmware_backdoor = true;
	explained_as("backdoor = 1", &asked, &kvm);
	explained_as("backdoor = 0", &kvm, &asked);

	asked = plain(3);
	asked.state.cpl = 1;
	asked.state.cr4 = 0xffffffff & ~RDPMC_CR4_PCE;
	kvm = asked;
	kvm.state.cr4 = RDPMC_CR4_PCE;
	explained_as("pce = 1", &asked, &kvm);
	explained_as("pce = 0", &kvm, &asked);

	asked = plain(3);
	asked.state.cpl = 3;
	asked.state.mode = MODE_REAL;
	asked.state.cr0 = 0x80000010;
	asked.state.regs.rip = 0x1000;
	kvm = asked;
	kvm.state.cr0 |= RDPMC_CR0_PE;
	explained_as("pe = 1", &asked, &kvm);
	/* pe = 0 of a mode with PE: no answer of a real processor, but of the model */
	explained_as("pe = 0", &kvm, &asked);
}

/* The entry: a read by the exit, one by the emulator, and the intercept are three things. */
static void test_entries(void **unused)
{
	static const char *const names[] = { "exit", "emulator", "intercept" };
	struct world asked = plain(3), kvm = asked;
	struct engine_answer answer;
	char text[1000];

	(void)unused;
	kvm.guest.nr_gp = 2;
	answer = answer_in(&kvm);
	asked.host.nr_gp = 2;
	for (unsigned int named = 0; named < 3; named++) {
		for (unsigned int is = 0; is < 3; is++) {
			/* The intercept is asked for by ENTRY_EXIT, without an answer. */
			struct known_question question =
				ask(&asked, is % 2, is == 2 ? NULL : &answer);

			snprintf(text, sizeof(text),
				 ENTRY("a", "entry = %s", "'as': `guest.nr_gp = 2`"), names[named]);
			assert_int_equal(explain(text, &question), named == is);
			snprintf(text, sizeof(text),
				 ENTRY("a", "entry != %s", "'as': `guest.nr_gp = 2`"),
				 names[named]);
			assert_int_equal(explain(text, &question), named != is);
		}
	}
}

struct intercept_row {
	const char *as;
	struct rdpmc_pmu guest, host;
	bool backdoor, unmediated;
	bool explained;
};

static const struct intercept_row intercept_rows[] = {
	{ "host.version = guest.version",
	  { .version = 5, .nr_fixed = 2 },
	  { .version = 1, .nr_fixed = 2 },
	  .explained = true },
	{ "host.nr_gp = guest.nr_gp",
	  { .version = 5, .nr_gp = 2, .gp_width = 48 },
	  { .version = 5, .nr_gp = 8, .gp_width = 48 },
	  .explained = true },
	{ "host.nr_gp = 3",
	  { .version = 5, .nr_gp = 2, .gp_width = 48 },
	  { .version = 5, .nr_gp = 8, .gp_width = 48 },
	  .explained = false },
	{ "host.gp_width = 48",
	  { .version = 5, .nr_gp = 2, .gp_width = 48 },
	  { .version = 5, .nr_gp = 2, .gp_width = 40 },
	  .explained = true },
	{ "host.gp_width = 41",
	  { .version = 5, .nr_gp = 2, .gp_width = 48 },
	  { .version = 5, .nr_gp = 2, .gp_width = 40 },
	  .explained = false },
	{ "host.nr_fixed = guest.nr_fixed",
	  { .version = 5, .nr_fixed = 3 },
	  { .version = 5, .nr_fixed = 4 },
	  .explained = true },
	{ "host.fixed_width = host.gp_width",
	  { .version = 5, .nr_fixed = 3, .fixed_width = 48 },
	  { .version = 5, .nr_fixed = 3, .fixed_width = 40, .gp_width = 48 },
	  .explained = true },
	{ "host.fixed_bitmap = guest.fixed_bitmap",
	  { .version = 5, .fixed_bitmap = 3 },
	  { .version = 5, .fixed_bitmap = 5 },
	  .explained = true },
	{ "host.leaf23_gp = guest.leaf23_gp",
	  { .version = 5, .leaf23_gp = 0x80000000 },
	  { .version = 5, .leaf23_gp = 0x40000000 },
	  .explained = true },
	{ "host.leaf23_fixed = guest.leaf23_fixed",
	  { .version = 5, .leaf23_fixed = 0x80000000 },
	  { .version = 5, .leaf23_fixed = 0x40000000 },
	  .explained = true },
	{ "host.user_disable = 1",
	  { .version = 5, .nr_gp = 1, .gp_width = 40, .user_disable = true },
	  { .version = 5, .nr_gp = 1, .gp_width = 40 },
	  .explained = true },
	{ "host.perf_capabilities = host.perf_capabilities & 0xffffffffffff7fff",
	  { .version = 5 },
	  { .version = 5, .perf_capabilities = RDPMC_CAP_METRICS },
	  .explained = true },
	/* Of bit 15 too few are left. */
	{ "host.perf_capabilities = host.perf_capabilities & 0x8000",
	  { .version = 5 },
	  { .version = 5, .perf_capabilities = RDPMC_CAP_METRICS },
	  .explained = false },
	{ "host.perf_capabilities = 0x88000",
	  { .version = 5, .perf_capabilities = RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR },
	  { .version = 5, .perf_capabilities = RDPMC_CAP_METRICS },
	  .explained = true },
	{ "host.old_counters = 2",
	  { .old_counters = 2 },
	  { .old_counters = 3 },
	  .explained = true },
	{ "host.old_fast = 1",
	  { .old_counters = 2, .old_fast = true },
	  { .old_counters = 2 },
	  .explained = true },
	{ "host.ext_core = 0",
	  { .vendor = RDPMC_AMD, .version = 1 },
	  { .vendor = RDPMC_AMD, .version = 1, .ext_core = true },
	  .explained = true },
	{ "host.ext_nb = 0",
	  { .vendor = RDPMC_AMD, .version = 1 },
	  { .vendor = RDPMC_AMD, .version = 1, .ext_nb = true },
	  .explained = true },
	{ "host.ext_l3 = 0",
	  { .vendor = RDPMC_AMD, .version = 1 },
	  { .vendor = RDPMC_AMD, .version = 1, .ext_l3 = true },
	  .explained = true },
	{ "host.nr_nb = 4",
	  { .vendor = RDPMC_AMD, .version = 2, .ext_nb = true, .nr_nb = 4 },
	  { .vendor = RDPMC_AMD, .version = 2, .ext_nb = true, .nr_nb = 5 },
	  .explained = true },
	/* the guest's, seen otherwise */
	{ "guest.nr_gp = host_gp",
	  { .version = 5, .nr_gp = 9, .gp_width = 48 },
	  { .version = 5, .nr_gp = 8, .gp_width = 48 },
	  .explained = true },
	{ "no_pmu = 1", { .version = 5, .nr_gp = 2, .gp_width = 48 }, { 0 }, .explained = true },
	{ "no_pmu = 1",
	  { .version = 5, .nr_gp = 2 },
	  { .version = 5, .nr_gp = 1 },
	  .explained = false },
	/* the policy */
	{ "backdoor = 0", { .version = 5 }, { .version = 5 }, .backdoor = true, .explained = true },
	{ "backdoor = 1", { .version = 5 }, { .version = 5 }, .backdoor = true },
	{ "no_pmu = 1", { .version = 5 }, { .version = 5 }, .backdoor = true, .explained = true },
	{ "mediated = 1",
	  { .version = 5, .nr_gp = 2, .gp_width = 48 },
	  { .version = 5, .nr_gp = 2, .gp_width = 48 },
	  .unmediated = true,
	  .explained = true },
	{ "mediated = 0",
	  { .version = 5, .nr_gp = 2, .gp_width = 48 },
	  { .version = 5, .nr_gp = 2, .gp_width = 48 },
	  .unmediated = true },
};

static void test_intercept(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(intercept_rows); i++) {
		const struct intercept_row *row = &intercept_rows[i];
		struct world asked = plain(0);
		struct known_question question = ask(&asked, ENTRY_EXIT, NULL);
		struct rdpmc_view guest, host;
		char text[1000];

		asked.guest = row->guest;
		asked.host = row->host;
		asked.policy.vmware_backdoor = row->backdoor;
		asked.policy.mediated_pmu = !row->unmediated;
		rdpmc_view(&asked.guest, &asked.choices, &guest);
		rdpmc_view(&asked.host, &asked.choices, &host);
		if (rdpmc_may_pass(&host, &guest, &asked.policy).obstacle == OBSTACLE_NONE)
			fail_msg("%s: no difference", row->as);
		snprintf(text, sizeof(text), ENTRY("a", "entry = intercept", "'as': `%s`"),
			 row->as);
		if (explain(text, &question) != row->explained)
			fail_msg("%s: %d", row->as, row->explained);
		/* What is not about it, or does not hold, does not help. */
		snprintf(text, sizeof(text), ENTRY("a", "entry = exit", "'as': `%s`"), row->as);
		assert_int_equal(explain(text, &question), 0);
		snprintf(text, sizeof(text), ENTRY("a", "mediated = %d", "'as': `%s`"),
			 row->unmediated, row->as);
		assert_int_equal(explain(text, &question), 0);
	}
}

/* Two obstacles, two differences; each alone is none of it. */
static void test_intercept_combined(void **unused)
{
	static const char gp[] =
		ENTRY("gp", "entry = intercept", "'as': `host.nr_gp = guest.nr_gp`");
	static const char fixed[] =
		ENTRY("fixed", "guest.vendor = intel", "'as': `host.nr_fixed = guest.nr_fixed`");
	static const char width[] =
		ENTRY("width", "entry = intercept", "'as': `host.fixed_width = host.gp_width`");
	struct world asked = plain(0);
	struct known_question question = ask(&asked, ENTRY_EXIT, NULL);
	char text[4000];

	(void)unused;
	asked.host.nr_gp = 7;
	asked.host.nr_fixed = 3;
	snprintf(text, sizeof(text), "%s%s%s", gp, width, fixed);
	assert_int_equal(explain(text, &question), 5);
	assert_int_equal(explain(gp, &question), 0);
	assert_int_equal(explain(fixed, &question), 0);
	asked.host.fixed_width = 40;
	assert_int_equal(explain(text, &question), 7);
	asked.host.nr_gp = 8;
	assert_int_equal(explain(text, &question), 6);
	asked.host.gp_width = 40;
	assert_int_equal(explain(text, &question), 0);
}

#define MASK  ENTRY("mask", "ecx & 0x80000000 != 0", "'as': `ecx = ecx & 0x7fffffff`")
#define BITS  ENTRY("bits", "ecx & 0x80000000 != 0", "'as': `value_bits = 32`")
#define FEWER ENTRY("fewer", "guest.vendor = intel", "'as': `guest.nr_gp = min(guest.nr_gp, 6)`")
#define FIXED ENTRY("fixed", "guest.vendor = intel", "'as': `guest.nr_fixed = 3`")
#define NEVER ENTRY("never", "guest.vendor = amd", "'as': `guest.nr_gp = 0, no_pmu = 1`")

static void test_combined(void **unused)
{
	struct world asked = plain(0x80000003), kvm = asked;
	struct engine_answer answer;
	struct known_question question = ask(&asked, ENTRY_EXIT, &answer);

	(void)unused;
	kvm.state.regs.rcx = 3;
	kvm.guest.gp_width = 32;
	answer = answer_in(&kvm);
	answer.regs.rcx = asked.state.regs.rcx;
	/* Both, wherever they stand, and nothing else. */
	explained("both", MASK BITS, &asked, ENTRY_EXIT, &answer, 3);
	explained("and others", FEWER MASK FIXED BITS NEVER, &asked, ENTRY_EXIT, &answer, 10);
	explained("and others", NEVER BITS FIXED MASK FEWER, &asked, ENTRY_EXIT, &answer, 10);
	/* One is not enough; one that always applies is in the way of the other alone. */
	assert_int_equal(explain(MASK, &question), 0);
	assert_int_equal(explain(BITS, &question), 0);
	kvm.guest.gp_width = 48;
	answer = answer_in(&kvm);
	answer.regs.rcx = asked.state.regs.rcx;
	assert_int_equal(explain(MASK, &question), 1);
	assert_int_equal(explain(MASK BITS, &question), 0);
	/* What is read with fewer counters: the mask is needed no more, the answer is #GP by all. */
	asked.state.regs.rcx = 0x80000007;
	kvm = asked;
	kvm.state.regs.rcx = 7;
	kvm.guest.gp_width = 32;
	answer = answer_in(&kvm);
	answer.regs.rcx = asked.state.regs.rcx;
	assert_int_equal(explain(MASK BITS FEWER, &question), 0);
	assert_int_equal(explain(MASK BITS FIXED, &question), 3);
}

/* Where either of two is enough one is named: it is needed without the other. */
static void test_either(void **unused)
{
	static const char text[] = ENTRY("a", "guest.vendor = intel", "'as': `guest.nr_gp = 3`")
		ENTRY("b", "guest.vendor = intel", "'as': `guest.nr_gp = min(guest.nr_gp, 5)`")
			ENTRY("c", "guest.vendor = intel", "'as': `guest.nr_fixed = 3`");
	struct world asked = plain(7), kvm = asked;
	struct engine_answer answer;
	struct known_question question = ask(&asked, ENTRY_EMULATOR, &answer);
	uint64_t bits;

	(void)unused;
	kvm.guest.nr_gp = 3;
	answer = answer_in(&kvm);
	bits = explain(text, &question);
	assert_true(bits == 1 || bits == 2);
	/* One is not enough for the other's. */
	asked.state.regs.rcx = kvm.state.regs.rcx = 4;
	answer = answer_in(&kvm);
	assert_int_equal(explain(text, &question), 1);
	asked.state.regs.rcx = kvm.state.regs.rcx = 0x40000003;
	kvm.guest.nr_fixed = 3;
	answer = answer_in(&kvm);
	assert_int_equal(explain(text, &question), 4);
}

/* One after the other, each on what the one before made of it. */
static void test_one_after_the_other(void **unused)
{
	struct world asked = plain(7), kvm;
	struct engine_answer answer;
	struct known_question question = ask(&asked, ENTRY_EXIT, &answer);

	(void)unused;
	kvm = asked;
	kvm.guest.nr_gp = 4;
	kvm.guest.gp_width = 40;
	answer = answer_in(&kvm);
	/* The last has its way. */
	assert_int_equal(explain(ENTRY("a", "ecx >= 0", "'as': `guest.nr_gp = 4`")
					 ENTRY("b", "ecx >= 0", "'as': `guest.nr_gp = 8`"),
				 &question),
			 0);
	assert_int_equal(explain(ENTRY("a", "ecx >= 0", "'as': `guest.nr_gp = 8`")
					 ENTRY("b", "ecx >= 0", "'as': `guest.nr_gp = 4`"),
				 &question),
			 2);
	/* A lower limit of an earlier one stays. */
	assert_int_equal(
		explain(ENTRY("a", "ecx >= 0", "'as': `guest.nr_gp = 4`")
				ENTRY("b", "ecx >= 0", "'as': `guest.nr_gp = min(guest.nr_gp, 9)`"),
			&question),
		1);
	/* What one has set another reads, in the entry and in the next. */
	asked.state.regs.rcx = kvm.state.regs.rcx = 3;
	answer = answer_in(&kvm);
	assert_int_equal(explain(ENTRY("a", "ecx >= 0", "'as': `guest.fixed_width = 40`")
					 ENTRY("b", "ecx >= 0",
					       "'as': `guest.gp_width = guest.fixed_width`"),
				 &question),
			 3);
	assert_int_equal(explain(ENTRY("a", "ecx >= 0",
				       "'as': `guest.fixed_width = 40,"
				       " guest.gp_width = guest.fixed_width`"),
				 &question),
			 1);
	assert_int_equal(explain(ENTRY("a", "ecx >= 0",
				       "'as': `guest.gp_width = guest.fixed_width,"
				       " guest.fixed_width = 40`"),
				 &question),
			 0);
}

/* ---- conditions ---- */

/* Does @condition hold? An answer that nothing else would explain is given. */
static bool holds(const char *condition, const struct world *world, enum entry entry,
		  bool intercept)
{
	struct engine_answer answer = { .answer = ANSWER_STRANGE, .error_code = 77 };
	struct known_question question = ask(world, entry, intercept ? NULL : &answer);
	char text[1000];

	snprintf(text, sizeof(text), ENTRY("a", "%s", "'answer': 'any'"), condition);
	return explain(text, &question);
}

static void condition_of(const char *name, const char *operator, uint64_t value, bool expected,
			 const struct world *world)
{
	char condition[200];

	snprintf(condition, sizeof(condition), "%s %s %llu",
		 name, operator,(unsigned long long) value);
	if (holds(condition, world, ENTRY_EXIT, false) != expected)
		fail_msg("%s: not %d", condition, expected);
	snprintf(condition, sizeof(condition), "%s %s 0x%llx, ecx = ecx",
		 name, operator,(unsigned long long) value);
	if (holds(condition, world, ENTRY_EXIT, false) != expected)
		fail_msg("%s: not %d", condition, expected);
	/* All must hold. */
	snprintf(condition, sizeof(condition), "ecx = ecx, ecx != ecx, %s %s %llu",
		 name, operator,(unsigned long long) value);
	assert_false(holds(condition, world, ENTRY_EXIT, false));
	/* Either side. */
	if (!strcmp(operator, "=")) {
		snprintf(condition, sizeof(condition), "%llu = %s", (unsigned long long)value,
			 name);
		assert_int_equal(holds(condition, world, ENTRY_EXIT, false), expected);
	}
}

/* The field @name is @value, and by all operators. */
static void is(const char *name, uint64_t value, const struct world *world)
{
	char masked[200];

	condition_of(name, "=", value, true, world);
	condition_of(name, "=", value + 1, false, world);
	condition_of(name, "=", value ^ 1, false, world);
	condition_of(name, "!=", value, false, world);
	condition_of(name, "!=", value + 1, true, world);
	condition_of(name, "<", value, false, world);
	condition_of(name, "<", value + 1, true, world);
	condition_of(name, ">=", value, true, world);
	condition_of(name, ">=", value + 1, false, world);
	if (value) {
		condition_of(name, "<", value - 1, false, world);
		condition_of(name, ">=", value - 1, true, world);
	}
	condition_of(name, "<", ~0ULL, true, world);
	condition_of(name, ">=", ~0ULL, false, world);
	snprintf(masked, sizeof(masked), "%s & 0xf0f0f0f0f0f0f0f0", name);
	condition_of(masked, "=", value & 0xf0f0f0f0f0f0f0f0, true, world);
	snprintf(masked, sizeof(masked), "%s & 1", name);
	condition_of(masked, "=", value & 1, true, world);
	snprintf(masked, sizeof(masked), "min(%s, 17)", name);
	condition_of(masked, "=", value < 17 ? value : 17, true, world);
	snprintf(masked, sizeof(masked), "min(2, %s)", name);
	condition_of(masked, "=", value < 2 ? value : 2, true, world);
}

/* clang-format off */
#define PMU_NUMBERS(FIELD) \
	FIELD(vendor) FIELD(version) FIELD(nr_gp) FIELD(gp_width) FIELD(nr_fixed) \
	FIELD(fixed_width) FIELD(fixed_bitmap) FIELD(leaf23_gp) FIELD(leaf23_fixed) \
	FIELD(perf_capabilities) FIELD(old_counters) FIELD(nr_nb)
#define PMU_BOOLS(FIELD) \
	FIELD(user_disable) FIELD(old_fast) FIELD(ext_core) FIELD(ext_nb) FIELD(ext_l3) FIELD(no_pdcm)
/* clang-format on */

static void check_pmus(const struct world *world)
{
#define CHECK(field)                                                                               \
	is("guest." #field, world->guest.field, world);                                            \
	is("host." #field, world->host.field, world);
	PMU_NUMBERS(CHECK)
	PMU_BOOLS(CHECK)
#undef CHECK
}

/* Each field is that field and no other. */
static void test_pmu_conditions(void **unused)
{
	struct world world = plain(0);

	(void)unused;
	world.guest = (struct rdpmc_pmu){ .vendor = RDPMC_AMD,
					  .version = 2,
					  .nr_gp = 9,
					  .gp_width = 41,
					  .nr_fixed = 3,
					  .fixed_width = 43,
					  .fixed_bitmap = 0x80000085,
					  .leaf23_gp = 0xc1ff0001,
					  .leaf23_fixed = 0xf0000013,
					  .user_disable = true,
					  .ext_core = true,
					  .perf_capabilities = 0x923456789abcdef0,
					  .old_counters = 5,
					  .nr_nb = 63 };
	world.host = (struct rdpmc_pmu){ .vendor = RDPMC_AMD,
					 .version = 6,
					 .nr_gp = 10,
					 .gp_width = 42,
					 .nr_fixed = 4,
					 .fixed_width = 64,
					 .fixed_bitmap = 0xffffffff,
					 .leaf23_gp = 0x12,
					 .leaf23_fixed = 0x34,
					 .old_fast = true,
					 .ext_nb = true,
					 .ext_l3 = true,
					 .perf_capabilities = 0x8765432112345678,
					 .old_counters = 7,
					 .nr_nb = 8 };
	check_pmus(&world);
	assert_true(holds("guest.vendor = amd, host.vendor = amd", &world, ENTRY_EXIT, false));
	assert_false(holds("guest.vendor = intel", &world, ENTRY_EXIT, false));
	assert_false(holds("host.vendor = intel", &world, ENTRY_EXIT, false));
	assert_true(holds("guest.nr_gp < host.nr_gp", &world, ENTRY_EXIT, false));
	assert_false(holds("host.nr_gp < guest.nr_gp", &world, ENTRY_EXIT, false));
	assert_true(holds("min(guest.nr_gp, host.nr_gp) = guest.nr_gp", &world, ENTRY_EXIT, false));
	assert_true(holds("min(host.nr_gp, guest.nr_gp) = 9", &world, ENTRY_EXIT, false));
	/* 64 bits, without a sign. */
	assert_true(holds("host.perf_capabilities < guest.perf_capabilities", &world, ENTRY_EXIT,
			  false));
	/* Each of the bools alone. */
#define ALONE(field)                                                                               \
	world = plain(0);                                                                          \
	world.guest = world.host = (struct rdpmc_pmu){ .version = 1 };                             \
	world.guest.field = true;                                                                  \
	check_pmus(&world);                                                                        \
	world.guest.field = false;                                                                 \
	world.host.field = true;                                                                   \
	check_pmus(&world);
	PMU_BOOLS(ALONE)
#undef ALONE
}

static void test_state_conditions(void **unused)
{
	static const char *const modes[] = { "real", "protected", "vm86", "compatibility",
					     "64-bit" };
	struct world world;
	char condition[100];

	(void)unused;
	/* ECX is 32 bits of RCX. */
	world = plain(0xfedcba9876543210);
	is("ecx", 0x76543210, &world);
	world = plain(0);
	is("no_pmu", 0, &world);
	is("backdoor", 0, &world);
	is("mediated", 1, &world);
	world.policy = (struct rdpmc_policy){ .vmware_backdoor = true };
	is("backdoor", 1, &world);
	is("mediated", 0, &world);
	is("lock", 0, &world);
	world.state.lock = true;
	is("lock", 1, &world);

	for (int mode = 0; mode < NR_MODES; mode++) {
		for (unsigned int cpl = 0; cpl < 4; cpl++) {
			for (int pce = 0; pce < 2; pce++) {
				const unsigned int really = mode == MODE_VM86 ? 3 : cpl;

				world = plain(0);
				case_set_mode(&world.state, mode, cpl);
				world.state.cr4 = pce ? RDPMC_CR4_PCE : ~RDPMC_CR4_PCE;
				for (int word = 0; word < NR_MODES; word++) {
					snprintf(condition, sizeof(condition), "mode = %s",
						 modes[word]);
					assert_int_equal(
						holds(condition, &world, ENTRY_EXIT, false),
						word == mode);
				}
				is("cpl", really, &world);
				is("pe", mode != MODE_REAL, &world);
				is("pce", pce, &world);
				is("allowed", pce || !really || mode == MODE_REAL, &world);
			}
		}
	}
	/* In virtual-8086 mode CPL is 3 whatever the state says. */
	world = plain(0);
	world.state.mode = MODE_VM86;
	world.state.cpl = 0;
	is("cpl", 3, &world);
	is("allowed", 0, &world);

	world.policy.vmware_backdoor = true; /* so that the intercept may not be off */
	for (unsigned int entry = 0; entry < 3; entry++) {
		static const char *const names[] = { "exit", "emulator", "intercept" };

		for (unsigned int word = 0; word < 3; word++) {
			snprintf(condition, sizeof(condition), "entry = %s", names[word]);
			assert_int_equal(holds(condition, &world, entry % 2, entry == 2),
					 word == entry);
		}
	}
}

/* 0x is for hexadecimal; nothing is for octal. */
static void test_numbers(void **unused)
{
	struct world world = plain(10);
	struct known *known;

	(void)unused;
	assert_true(holds("ecx = 10", &world, ENTRY_EXIT, false));
	assert_true(holds("ecx = 0xa", &world, ENTRY_EXIT, false));
	assert_true(holds("ecx = 0xA", &world, ENTRY_EXIT, false));
	assert_true(holds("ecx < 18446744073709551615", &world, ENTRY_EXIT, false));
	assert_true(holds("ecx < 0xffffffffffffffff", &world, ENTRY_EXIT, false));
	world.state.regs.rcx = 8;
	put("a.json", line_of("ecx = 010", NULL));
	known = known_read(directory, &engine, why, sizeof(why));
	if (known)
		assert_false(holds("ecx = 010", &world, ENTRY_EXIT, false));
	known_free(known);
}

/* What is worked out of the PMUs. */
static void test_counts(void **unused)
{
	struct world world;

	(void)unused;
	world = plain_amd(0);
	is("guest_core", 4, &world);
	is("host_gp", 4, &world);
	world.guest.nr_gp = 9; /* means nothing before version 2 */
	is("guest_core", 4, &world);
	is("host_gp", 4, &world);
	world.guest.ext_core = true;
	is("guest_core", 6, &world);
	is("host_gp", 4, &world);
	world.guest.version = 2;
	is("guest_core", 9, &world);
	world.host.ext_core = true;
	is("host_gp", 6, &world);
	world.host.version = 2;
	world.host.nr_gp = 11;
	is("host_gp", 11, &world);
	is("guest_core", 9, &world);
	is("host_fixed", 0, &world);
	/* Without a PMU, none. */
	world.guest.version = world.host.version = 0;
	is("guest_core", 0, &world);
	is("host_gp", 0, &world);

	world = plain(0);
	world.host.nr_gp = 6;
	world.host.nr_fixed = 3;
	is("host_gp", 6, &world);
	is("host_fixed", 3, &world);
	world.guest.nr_gp = 2;
	world.guest.nr_fixed = 1;
	is("host_gp", 6, &world);
	is("host_fixed", 3, &world);
	/* Counters are counted, gaps and all: Linux, perf_get_x86_pmu_capability(). */
	world.host.leaf23_gp = 0xf1;
	is("host_gp", 8, &world);
	world.host.nr_gp = 32;
	is("host_gp", 32, &world);
	world.host.fixed_bitmap = 0x81;
	world.host.leaf23_fixed = 0x80000002;
	is("host_fixed", 5, &world);
	world.host.version = 4; /* the bitmap came with 5 */
	is("host_fixed", 4, &world);
	world.host.version = 2;
	is("host_fixed", 4, &world);
	world.host.version = 1;
	is("host_fixed", 0, &world);
	is("host_gp", 32, &world);
	is("guest_core", 0, &world);
	/* A host without a PMU has none to report. */
	world.host = (struct rdpmc_pmu){ .old_counters = 2 };
	is("host_gp", 0, &world);
	is("host_fixed", 0, &world);
}

/* A host of another vendor runs no such guest: the guest's own processor stands for it. */
static void test_other_vendor(void **unused)
{
	struct world world = plain(0);

	(void)unused;
	world.host = (struct rdpmc_pmu){ .vendor = RDPMC_AMD, .version = 1, .gp_width = 33 };
	is("host.vendor", RDPMC_INTEL, &world);
	is("host.gp_width", 48, &world);
	is("host_gp", 8, &world);
	world.host = plain(0).host;
	world.guest = plain_amd(0).guest;
	is("host.vendor", RDPMC_AMD, &world);
	is("host_gp", 4, &world);
	is("host_fixed", 0, &world);
}

/* guest_core is of the guest that is asked about, not of what has been made of it. */
static void test_guest_core_stays(void **unused)
{
	struct world asked = plain_amd(5), kvm;

	(void)unused;
	asked.guest.ext_core = true;
	asked.guest.nr_gp = 15;
	kvm = asked;
	kvm.guest.version = 2;
	kvm.guest.nr_gp = 4;
	explained_as("guest.version = 2, guest.nr_gp = min(guest_core, host_gp)", &asked, &kvm);
	asked.host.ext_core = true;
	asked.state.regs.rcx = 4;
	/* Now there is no difference to explain, and none is made up. */
	const struct engine_answer answer = answer_in(&asked);
	const struct known_question question = ask(&asked, ENTRY_EXIT, &answer);

	assert_int_equal(
		explain(ENTRY("a", "guest.vendor = amd",
			      "'as': `guest.version = 2, guest.nr_gp = min(guest_core, host_gp)`"),
			&question),
		0);
}

/* ---- trouble ---- */

#define COMPLAINT "arch/x86/kvm/pmu.c:12: shift out of bounds by 64"
#define SHIFT     ENTRY("shift", "guest.vendor = intel", "'trouble': 'shift out of bounds'")
#define WARN      ENTRY("warn", "guest.vendor = intel", "'trouble': 'WARN'")
#define SHIFT_ANY                                                                                  \
	ENTRY("any", "guest.vendor = intel", "'trouble': 'shift out of bounds', 'answer': 'any'")
#define ANY ENTRY("all", "guest.vendor = intel", "'answer': 'any'")
#define TWO ENTRY("two", "guest.vendor = intel", "'as': `guest.nr_gp = 2`")

static void test_trouble(void **unused)
{
	static const struct {
		const char *trouble;
		bool allows;
	} stars[] = {
		{ "", true },
		{ "*", true },
		{ "kvm/*shift", true },
		{ "kvm/*pmu.c", true },
		{ "*bounds*by*", true },
		{ "pmu.c:*:12", false },
		{ "shift*pmu.c", false },
		{ "12:*: shift", false },
		{ "12*: shift*4", true },
		{ "12*: shift*4*4", false },
		{ "ss*kvm", false },
	};
	struct world asked = plain(3), kvm = asked;
	struct engine_answer right = answer_in(&asked), wrong, other;
	struct known_question question = ask(&asked, ENTRY_EXIT, &right);

	(void)unused;
	kvm.guest.nr_gp = 2;
	wrong = answer_in(&kvm);
	other = wrong;
	other.regs.rax ^= 4;

	/* The answer is right, and so it must be. */
	question.trouble = COMPLAINT;
	assert_int_equal(explain(SHIFT, &question), 1);
	assert_int_equal(explain(WARN, &question), 0);
	assert_int_equal(explain(TWO, &question), 0);
	assert_int_equal(explain(WARN SHIFT, &question), 2);
	assert_int_equal(
		explain(ENTRY("no", "guest.vendor = amd", "'trouble': 'shift out of bounds'"),
			&question),
		0);
	assert_int_equal(explain(SHIFT_ANY, &question), 1);
	/* It contains all of it, and by case. */
	assert_int_equal(explain(ENTRY("a", "ecx = 3", "'trouble': '" COMPLAINT "'"), &question),
			 1);
	assert_int_equal(
		explain(ENTRY("a", "ecx = 3", "'trouble': '" COMPLAINT " bits'"), &question), 0);
	assert_int_equal(explain(ENTRY("a", "ecx = 3", "'trouble': 'Shift'"), &question), 0);
	/* A star is anything, nothing too; the parts come one after the other, and do not overlap. */
	for (size_t i = 0; i < ARRAY_SIZE(stars); i++)
		if (known_allows(stars[i].trouble, COMPLAINT) != stars[i].allows)
			fail_msg("%s: %d", stars[i].trouble, !stars[i].allows);
	assert_int_equal(explain(ENTRY("a", "ecx = 3", "'trouble': 'pmu.c:*: shift'"), &question),
			 1);
	assert_int_equal(explain(ENTRY("a", "ecx = 3", "'trouble': 'pmu.h:*: shift'"), &question),
			 0);
	question.answer = &wrong;
	assert_int_equal(explain(SHIFT, &question), 0);
	assert_int_equal(explain(SHIFT_ANY, &question), 1);
	/* Trouble and a difference, both needed; any answer needs no more. */
	assert_int_equal(explain(SHIFT TWO, &question), 3);
	assert_int_equal(explain(TWO SHIFT, &question), 3);
	assert_int_equal(explain(WARN TWO SHIFT, &question), 6);
	assert_int_equal(explain(WARN TWO, &question), 0);
	question.answer = &other;
	assert_int_equal(explain(SHIFT TWO, &question), 0);
	assert_int_equal(explain(SHIFT_ANY, &question), 1);

	/* Without a complaint they say nothing. */
	question.trouble = NULL;
	assert_int_equal(explain(SHIFT_ANY, &question), 0);
	assert_int_equal(explain(SHIFT TWO, &question), 0);
	question.answer = &wrong;
	assert_int_equal(explain(SHIFT, &question), 0);
	assert_int_equal(explain(SHIFT TWO, &question), 2);
	assert_int_equal(explain(SHIFT_ANY TWO, &question), 2);
	question.answer = &right;
	assert_int_equal(explain(SHIFT, &question), 0);

	/* Any answer, by itself; error code and all. */
	other.other_state = true;
	other.error_code = 5;
	other.answer = ANSWER_STRANGE;
	question.answer = &other;
	assert_int_equal(explain(ANY, &question), 1);
	assert_int_equal(explain(SHIFT_ANY, &question), 0);
	question.trouble = COMPLAINT;
	assert_int_equal(explain(SHIFT_ANY, &question), 1);
	assert_int_equal(explain(ENTRY("a", "guest.vendor = amd", "'answer': 'any'"), &question),
			 0);
	question.trouble = "something else";
	assert_int_equal(explain(SHIFT_ANY, &question), 0);
}

/* A complaint beside an answer that is right only as a difference has it is held to the bit, too. */
static void test_trouble_to_the_bit(void **unused)
{
	struct world asked = plain(3), kvm = asked;
	struct known_question question;
	struct engine_answer answer;
	struct known *known;

	(void)unused;
	kvm.guest.gp_width = 40;
	answer = answer_in(&kvm);
	known = entries(SHIFT ENTRY("w", "ecx = 3", "'as': `guest.gp_width = 40`"));
	question = ask(&asked, ENTRY_EMULATOR, &answer);
	question.trouble = COMPLAINT;
	assert_int_equal(known_explain(known, &question), 3);
	for (unsigned int bit = 0; bit < 64; bit++) {
		answer = answer_in(&kvm);
		answer.regs.rax ^= 1ULL << bit;
		assert_int_equal(known_explain(known, &question), 0);
	}
	answer = answer_in(&kvm);
	answer.other_state = true;
	assert_int_equal(known_explain(known, &question), 0);
	answer = answer_in(&kvm);
	assert_int_equal(known_explain(known, &question), 3);
	assert_int_equal(known_get(known, 0)->happened, 2);
	assert_int_equal(known_get(known, 1)->happened, 2);
	known_free(known);
}

static void test_happened(void **unused)
{
	struct world asked = plain(3), kvm = asked;
	struct engine_answer answer;
	struct known_question question = ask(&asked, ENTRY_EXIT, &answer);
	struct known *known = entries(NEVER TWO FIXED);

	(void)unused;
	kvm.guest.nr_gp = 2;
	answer = answer_in(&kvm);
	for (unsigned int i = 1; i <= 5; i++) {
		assert_int_equal(known_explain(known, &question), 2);
		assert_int_equal(known_get(known, 1)->happened, i);
	}
	kvm.guest.nr_fixed = 3;
	kvm.state.regs.rcx = asked.state.regs.rcx = 0x40000003;
	answer = answer_in(&kvm);
	assert_int_equal(known_explain(known, &question), 4);
	answer.regs.rflags ^= 1;
	assert_int_equal(known_explain(known, &question), 0);
	assert_int_equal(known_get(known, 0)->happened, 0);
	assert_int_equal(known_get(known, 1)->happened, 5);
	assert_int_equal(known_get(known, 2)->happened, 1);
	known_free(known);
	/* Read anew, it begins at 0. */
	known = read_it();
	assert_int_equal(known_get(known, 1)->happened, 0);
	known_free(known);
}

/* The last of 64 is a bit like the first. */
static void test_last_bit(void **unused)
{
	struct world asked = plain(3), kvm = asked;
	struct engine_answer answer;
	struct known_question question = ask(&asked, ENTRY_EXIT, &answer);
	static char text[100000];
	struct known *known;
	unsigned int n = 0;

	(void)unused;
	for (unsigned int i = 0; i < KNOWN_MAX; i++)
		n += sprintf(text + n, ENTRY("n%u", "ecx >= 0", "'as': `%s`"), i,
			     i == 63   ? "guest.gp_width = 40"
			     : i == 40 ? "guest.nr_fixed = 1"
				       : "backdoor = 0");
	kvm.guest.gp_width = 40;
	answer = answer_in(&kvm);
	known = entries(text);
	assert_true(known_explain(known, &question) == 1ULL << 63);
	kvm.guest.nr_fixed = 1;
	asked.state.regs.rcx = kvm.state.regs.rcx = 0x40000002;
	answer = answer_in(&kvm);
	assert_true(known_explain(known, &question) == 1ULL << 40);
	known_free(known);
}

/* Nothing in the files that ship is worse than what a world can be: any number is a world. */
static void test_any_world(void **unused)
{
	static const char *const numbers[] = {
		"0",  "1",  "31", "32",  "33",  "63",         "64",
		"65", "75", "76", "255", "256", "0xffffffff", "0xffffffffffffffff"
	};
	static const uint32_t reads[] = { 0,          31,         32,         63,
					  64,         74,         75,         0x40000000,
					  0x4000001f, 0x4000003f, 0x20000000, 0x80000000,
					  0x10000,    0xffffffff };
	char as[200], text[1000];

	(void)unused;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(pmu_fields) + ARRAY_SIZE(free_fields); i++) {
		for (size_t n = 0; n < ARRAY_SIZE(numbers); n++) {
			struct known *known;

			if (i < 2 * ARRAY_SIZE(pmu_fields))
				snprintf(as, sizeof(as), "%s.%s = %s", i % 2 ? "guest" : "host",
					 pmu_fields[i / 2], numbers[n]);
			else
				snprintf(as, sizeof(as), "%s = %s",
					 free_fields[i - 2 * ARRAY_SIZE(pmu_fields)], numbers[n]);
			snprintf(text, sizeof(text), FILE_OF(ENTRY("a", "ecx >= 0", "'as': `%s`")),
				 as);
			put("a.json", text);
			known = known_read(directory, &engine, why, sizeof(why));
			for (size_t r = 0; known && r < 5 * ARRAY_SIZE(reads); r++) {
				struct world asked = plain(reads[r / 5]);
				struct engine_answer answer = { .answer = ANSWER_GP,
								.regs = asked.state.regs };
				struct known_question question =
					ask(&asked, ENTRY_EXIT, r % 5 == 4 ? NULL : &answer);

				if (r % 5 == 1)
					asked.guest = (struct rdpmc_pmu){ .old_counters = 2 };
				if (r % 5 == 2)
					asked.guest = plain_amd(0).guest;
				if (r % 5 == 3)
					asked.guest = (struct rdpmc_pmu){ .vendor = RDPMC_AMD,
									  .version = 2,
									  .ext_nb = true };
				known_explain(known, &question);
			}
			known_free(known);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup(name, anew)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_texts),
		TEST(test_versions),
		TEST(test_kernels_scope),
		TEST(test_files_in_order),
		TEST(test_features),
		TEST(test_features_by_release),
		TEST(test_release_of_the_files),
		TEST(test_fields),
		TEST(test_refused),
		TEST(test_missing),
		TEST(test_others_are_checked),
		TEST(test_file_refused),
		TEST(test_without_when),
		TEST(test_odd_directory),
		TEST(test_limits),
		TEST(test_enough_terms),
		TEST(test_unreadable),
		TEST(test_any_bytes),
		TEST(test_directory),
		TEST(test_shipped),
		TEST(test_fourth_fixed),
		TEST(test_guest_fields),
		TEST(test_user_disable),
		TEST(test_choices),
		TEST(test_ecx),
		TEST(test_value_bits),
		TEST(test_no_pmu),
		TEST(test_policy_and_privilege),
		TEST(test_entries),
		TEST(test_intercept),
		TEST(test_intercept_combined),
		TEST(test_combined),
		TEST(test_either),
		TEST(test_one_after_the_other),
		TEST(test_pmu_conditions),
		TEST(test_state_conditions),
		TEST(test_numbers),
		TEST(test_counts),
		TEST(test_other_vendor),
		TEST(test_guest_core_stays),
		TEST(test_trouble),
		TEST(test_trouble_to_the_bit),
		TEST(test_happened),
		TEST(test_last_bit),
		TEST(test_any_world),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
