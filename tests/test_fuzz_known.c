// SPDX-License-Identifier: GPL-2.0-or-later
// beside others, long
/*
 * Proves that known differences are read as fuzz/known/README.md says, every mistake in a file told
 * with its line; and that they explain an answer to the bit, by those that it hangs on, or not at all.
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

#include "fuzz/known.h"
#include "fuzz/random.h"
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

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
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

/* @text is not read, and told is the line, @exact, or where its stanza begins, @first. */
static void refused(const char *what, const char *text, unsigned int first, unsigned int exact)
{
	struct known *known;
	const char *at;
	unsigned int line = 0;

	put("bad.known", text);
	memset(why, 0, sizeof(why));
	known = known_read(directory, &engine, why, sizeof(why));
	if (known)
		fail_msg("%s: read, %u entries", what, known_count(known));
	at = strstr(why, "bad.known:");
	if (!at || sscanf(at, "bad.known:%u", &line) != 1)
		fail_msg("%s: no file and line: '%s'", what, why);
	if (line != first && line != exact)
		fail_msg("%s: line %u, not %u or %u: '%s'", what, line, first, exact, why);
	/* And something about it. */
	at += strcspn(at, " ");
	if (strlen(at) < 4)
		fail_msg("%s: nothing is said: '%s'", what, why);
}

/* A whole entry: @name, @when, and what is in @does. */
#define ENTRY(name, when, does)                                                                    \
	"Name: " name "\nWhen: " when "\n" does "\nKernel: the kernel\nProcessor: the processor\n" \
	"Why: it is so\nSource: somewhere\nReach: anybody\n\n"
#define KERNELS "Kernels: 6.1 -\n\n"

static unsigned int count_of(const char *text)
{
	struct known *known;
	unsigned int count;

	put("a.known", text);
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
	put("some.known", "# A comment.\n"
			  "Kernels: 6.1 - 6.8\n"
			  "# Another.\n"
			  "\n"
			  "\n"
			  "Name: first-one\n"
			  "When: backdoor = 0,\n"
			  " ecx >= 0x10000,\n"
			  "\tecx < 0x10003\n"
			  "# In between.\n"
			  "As: backdoor = 1\n"
			  "Kernel: says\n"
			  " this: and that\n"
			  "Processor: says # no comment\n"
			  "Why: because\n"
			  "Source: arch/x86, f()\n"
			  "Reach: nobody\n"
			  "\n"
			  "# Between entries.\n"
			  "\n"
			  "Reach: all\n" /* in any order */
			  "Source: s\n"
			  "Why: w\n"
			  "Processor: p\n"
			  "Kernel: k\n"
			  "As: backdoor = 0\n"
			  "When: backdoor = 1\n"
			  "Name: second"); /* no newline */
	known = read_it();
	assert_int_equal(known_count(known), 2);
	difference = known_get(known, 0);
	assert_string_equal(difference->name, "first-one");
	assert_non_null(strstr(difference->file, "some.known"));
	assert_string_equal(difference->kernel, "says this: and that");
	assert_string_equal(difference->processor, "says # no comment");
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
		snprintf(text, sizeof(text), "Kernels: %s\n\n%s", rows[i].kernels,
			 ENTRY("a", "backdoor = 0", "As: backdoor = 1"));
		if (count_of(text) != rows[i].in)
			fail_msg("%s of %s", rows[i].version ? rows[i].version : "none",
				 rows[i].kernels);
	}
}

/* Kernels: is about all that follows in the file, until the next; not about the next file. */
static void test_kernels_scope(void **unused)
{
	static const char a[] = "Kernels: 6.1 -\n\n" ENTRY("one", "ecx = 1", "As: ecx = 2")
		ENTRY("two", "ecx = 1", "As: ecx = 2") "Kernels: 6.9 -\n\n" ENTRY(
			"three", "ecx = 1",
			"As: ecx = 2") "Kernels: 6.1 - 6.2\n\n" ENTRY("four", "ecx = 1",
								      "As: ecx = 2");
	static const char b[] = "Kernels: 6.1 - 6.1\n\n" ENTRY("five", "ecx = 1", "As: ecx = 2");
	static const char *const expected[] = { "one", "two", "four", "five" };
	struct known *known;

	(void)unused;
	/* In the order of their names, not as they came; others are none of our matter. */
	put("b.known", b);
	put("a.known", a);
	put("README.md", "garbage");
	put("c.known.orig", "garbage");
	put("known", "garbage");
	known = read_it();
	assert_int_equal(known_count(known), ARRAY_SIZE(expected));
	for (unsigned int i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_string_equal(known_get(known, i)->name, expected[i]);
		assert_non_null(strstr(known_get(known, i)->file, i < 3 ? "a.known" : "b.known"));
	}
	known_free(known);
	engine.version = "6.9.1";
	known = read_it();
	assert_int_equal(known_count(known), 3);
	assert_string_equal(known_get(known, 2)->name, "three");
	known_free(known);
}

static void test_files_in_order(void **unused)
{
	static const char *const names[] = { "m.known", "c.known", "z.known",        "a.known",
					     "B.known", "k.known", "linux-6.1.known" };
	static const char *const sorted[] = { "B.known",         "a.known", "c.known", "k.known",
					      "linux-6.1.known", "m.known", "z.known" };
	struct known *known;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		put(names[i], KERNELS ENTRY("a", "ecx = 1", "As: ecx = 2"));
	known = known_read(directory, &engine, why, sizeof(why));
	/* The same name in all of them could be refused; told apart they cannot. */
	known_free(known);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char text[1000];

		snprintf(text, sizeof(text),
			 KERNELS "Name: n%zu\nWhen: ecx = 1\nAs: ecx = 2\n"
				 "Kernel: k\nProcessor: p\nWhy: w\nSource: s\nReach: r\n",
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
		 KERNELS "Name: a\nFeature: %s\nWhen: ecx = 1\n"
			 "As: ecx = 2\nKernel: k\nProcessor: p\nWhy: w\nSource: s\nReach: r\n",
		 feature);
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
		known = known_read("fuzz/known", &engine, why, sizeof(why));
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

#define REST "Kernel: k\nProcessor: p\nWhy: w\nSource: s\nReach: r\n"

static char *line_of(const char *when, const char *as)
{
	static char text[2000];

	snprintf(text, sizeof(text), KERNELS "Name: a\nWhen: %s\n%s%s\n" REST, when,
		 as ? "As: " : "Answer: any", as ? as : "");
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
		refused(name, line_of("ecx = 1", as), 3, 5);
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
		refused(words[i], line_of("ecx = 1", name), 3, 5);
		empty();
	}
	/* No blanks needed, none too many. */
	assert_int_equal(count_of(line_of("ecx=1,ecx!=2,ecx<3,ecx>=1,min(ecx,4)=1,ecx&1=1",
					  "ecx=min(ecx,5),value_bits=3")),
			 1);
	assert_int_equal(count_of(line_of("  ecx   =   1  ,  ecx &  0x1 =  1 , min( ecx , 2 ) = 1 ",
					  "  ecx =  2 ")),
			 1);
}

/* A whole file, of which line @line is another. */
static char *with_line(unsigned int line, const char *other)
{
	static const char *const lines[] = { "Kernels: 6.1 -",   "",
					     "Name: x",          "When: backdoor = 0",
					     "As: backdoor = 1", "Kernel: k",
					     "Processor: p",     "Why: w",
					     "Source: s",        "Reach: r" };
	static char text[2000];

	text[0] = '\0';
	for (unsigned int i = 1; i <= ARRAY_SIZE(lines); i++) {
		if (i == line && !other)
			continue;
		strcat(text, i == line ? other : lines[i - 1]);
		strcat(text, "\n");
	}
	return text;
}

static void test_refused(void **unused)
{
	static const struct {
		unsigned int line;
		const char *other;
		unsigned int at; /* 0: the same line */
	} rows[] = {
		/* keys */
		{ 6, "Color: red\nKernel: k", 0 },
		{ 6, "kernel: k", 0 },
		{ 6, "Kernel : k", 0 },
		{ 6, "Kernel k", 0 },
		{ 6, "garbage", 0 },
		{ 6, ": k", 0 },
		{ 10, "Reach: r\nReach: r", 11 },
		{ 3, "Name: x\nName: x", 4 },
		{ 3, "Name: x\nName: y", 4 },
		{ 4, "When: ecx = 1\nWhen: ecx = 2", 5 },
		{ 5, "As: ecx = 1\nAs: ecx = 2", 6 },
		{ 6, "Kernel: k\nKernel: k", 7 },
		{ 7, "Processor: k\nProcessor: k", 8 },
		{ 8, "Why: k\nWhy: k", 9 },
		{ 9, "Source: k\nSource: k", 10 },
		{ 6, "Feature: has-it\nKernel: k\nFeature: has-it", 8 },
		{ 5, "Trouble: t\nTrouble: t", 6 },
		{ 5, "Answer: any\nAnswer: any", 6 },
		{ 6, "Kernels: 6.1 -\nKernel: k", 0 }, /* by itself */
		/* texts */
		{ 3, "Name: two words", 0 },
		{ 3, "Name:", 0 },
		{ 6, "Kernel:", 0 },
		{ 6, "Kernel:   ", 0 },
		{ 5, "Trouble:", 0 },
		{ 5, "Answer: none", 0 },
		{ 5, "Answer: any thing", 0 },
		{ 5, "Answer:", 0 },
		{ 4, "Feature:\nWhen: ecx = 1", 0 },
		{ 4, "Feature: !\nWhen: ecx = 1", 0 },
		{ 4, "Feature: has-it,\nWhen: ecx = 1", 0 },
		{ 4, "Feature: has-it lacks-it\nWhen: ecx = 1", 0 },
		/* ranges */
		{ 1, "Kernels:", 0 },
		{ 1, "Kernels: six -", 0 },
		{ 1, "Kernels: 6 -", 0 },
		{ 1, "Kernels: 6.1", 0 },
		{ 1, "Kernels: 6.1 6.8", 0 },
		{ 1, "Kernels: 6.1 - six", 0 },
		{ 1, "Kernels: 6.1 - 6", 0 },
		{ 1, "Kernels: 6.1 - 6.8 more", 0 },
		{ 1, "Kernels: 6.1 - 6.8,", 0 },
		{ 1, "Kernels: 6.1 to 6.8", 0 },
		{ 1, "Kernels: 6.x -", 0 },
		{ 1, "Kernels: -6.1 -", 0 },
		{ 1, "Kernels: 6.8 - 6.1", 0 },
		{ 1, "Kernels: 6.1 - 6.8 - 6.9", 0 },
		/* conditions */
		{ 4, "When:", 0 },
		{ 4, "When: nothing = 0", 0 },
		{ 4, "When: guest.nothing = 0", 0 },
		{ 4, "When: guest = 0", 0 },
		{ 4, "When: guest. = 0", 0 },
		{ 4, "When: ghost.version = 0", 0 },
		{ 4, "When: guest.versions = 0", 0 },
		{ 4, "When: guest.versio = 0", 0 },
		{ 4, "When: guest.backdoor = 0", 0 },
		{ 4, "When: version = 0", 0 },
		{ 4, "When: ecx", 0 },
		{ 4, "When: ecx 1", 0 },
		{ 4, "When: ecx =", 0 },
		{ 4, "When: = 1", 0 },
		{ 4, "When: ecx == 1", 0 },
		{ 4, "When: ecx <= 1", 0 },
		{ 4, "When: ecx > 1", 0 },
		{ 4, "When: ecx =< 1", 0 },
		{ 4, "When: ecx ! 1", 0 },
		{ 4, "When: ecx <> 1", 0 },
		{ 4, "When: ecx = 1 2", 0 },
		{ 4, "When: ecx = 1 garbage", 0 },
		{ 4, "When: ecx = 1,", 0 },
		{ 4, "When: ,ecx = 1", 0 },
		{ 4, "When: ecx = 1,, ecx = 2", 0 },
		{ 4, "When: ecx = 1; ecx = 2", 0 },
		{ 4, "When: ecx = 1 ecx = 2", 0 },
		{ 4, "When: ecx = 1 = 1", 0 },
		{ 4, "When: ecx & = 1", 0 },
		{ 4, "When: ecx & 1 & 2 = 1", 0 },
		{ 4, "When: min(ecx) = 1", 0 },
		{ 4, "When: min(ecx, 1 = 1", 0 },
		{ 4, "When: min(ecx 1) = 1", 0 },
		{ 4, "When: min(ecx, 1, 2) = 1", 0 },
		{ 4, "When: min(, 1) = 1", 0 },
		{ 4, "When: min ecx, 1 = 1", 0 },
		{ 4, "When: max(ecx, 1) = 1", 0 },
		{ 4, "When: ecx = 1x", 0 },
		{ 4, "When: ecx = 0x", 0 },
		{ 4, "When: ecx = 0xg", 0 },
		{ 4, "When: ecx = -1", 0 },
		{ 4, "When: ecx = 18446744073709551616", 0 },
		{ 4, "When: ecx = 0x10000000000000000", 0 },
		{ 4, "When: entry = exits", 0 },
		{ 4, "When: entry = Exit", 0 },
		{ 4, "When: ecx = 1,\n nothing = 1", 0 },
		/* assignments */
		{ 5, "As:", 0 },
		{ 5, "As: backdoor", 0 },
		{ 5, "As: backdoor =", 0 },
		{ 5, "As: = 1", 0 },
		{ 5, "As: 1 = 1", 0 },
		{ 5, "As: backdoor != 1", 0 },
		{ 5, "As: backdoor < 1", 0 },
		{ 5, "As: backdoor >= 1", 0 },
		{ 5, "As: backdoor == 1", 0 },
		{ 5, "As: backdoor = 1 1", 0 },
		{ 5, "As: backdoor = 1,", 0 },
		{ 5, "As: ecx & 1 = 1", 0 },
		{ 5, "As: min(ecx, 1) = 1", 0 },
		{ 5, "As: nothing = 1", 0 },
		{ 5, "As: guest.nothing = 1", 0 },
		{ 5, "As: backdoor = nothing", 0 },
		{ 5, "As: cpl = 0", 0 },
		{ 5, "As: ecx = 1, lock = 0", 0 },
		{ 5, "As: ecx = 1, ecx", 0 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const unsigned int at = rows[i].at ? rows[i].at : rows[i].line;

		refused(rows[i].other, with_line(rows[i].line, rows[i].other),
			rows[i].line == 1 ? 1 : 3, at);
	}
	/* All of it right, it is read. */
	put("bad.known", with_line(0, NULL));
	known_free(read_it());
}

static void test_missing(void **unused)
{
	static const unsigned int needed[] = { 3, 5, 6, 7, 8, 9, 10 };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		char what[30];

		snprintf(what, sizeof(what), "without line %u", needed[i]);
		refused(what, with_line(needed[i], NULL), 3, 11);
	}
	/* As says all of the answer, Trouble and Answer something else. */
	refused("As and Trouble", with_line(5, "As: backdoor = 1\nTrouble: t"), 3, 12);
	refused("Trouble and As", with_line(5, "Trouble: t\nAs: backdoor = 1"), 3, 12);
	refused("As and Answer", with_line(5, "As: backdoor = 1\nAnswer: any"), 3, 12);
	refused("Answer and As", with_line(5, "Answer: any\nAs: backdoor = 1"), 3, 12);
	refused("all", with_line(5, "Answer: any\nAs: backdoor = 1\nTrouble: t"), 3, 13);
	/* The file ends with the entry, or goes on. */
	refused("end of file", "Kernels: 6.1 -\n\nName: a", 3, 4);
	refused("goes on", KERNELS "Name: a\n\n" ENTRY("b", "ecx = 1", "As: ecx = 2"), 3, 4);
	refused("starts with a continuation", " Name: a\n", 1, 1);
	refused("nothing to go on with", KERNELS " more\n", 3, 3);
	/* These are enough. */
	empty();
	assert_int_equal(count_of(with_line(5, "Trouble: t")), 1);
	assert_int_equal(count_of(with_line(5, "Trouble: t\nAnswer: any")), 1);
	assert_int_equal(count_of(with_line(5, "Answer: any\nTrouble: t")), 1);
	assert_int_equal(count_of(with_line(5, "Answer: any")), 1);
}

/* What is not about this engine is held to the format all the same, or mistakes would hide. */
static void test_others_are_checked(void **unused)
{
	(void)unused;
	refused("other version", "Kernels: 7.0 -\n\n" ENTRY("a", "nothing = 1", "As: backdoor = 1"),
		3, 4);
	refused("other feature",
		KERNELS "Feature: lacks-it\n" ENTRY("a", "ecx = 1", "As: nothing = 1"), 3, 6);
	refused("second entry",
		KERNELS ENTRY("a", "ecx = 1", "As: ecx = 2") ENTRY("b", "ecx == 1", "As: ecx = 2"),
		12, 13);
	/* The second file is told. */
	empty();
	put("a.known", KERNELS ENTRY("a", "ecx = 1", "As: ecx = 2"));
	refused("second file", "Kernels: 6.1 -\n\nCome: in\n", 3, 3);
}

static void repeat(char *text, const char *first, const char *again, unsigned int n)
{
	text += sprintf(text, "%s", first);
	while (n--)
		text += sprintf(text, "%s", again);
}

/* Lines are counted past texts of any number of lines, comments in them, and empty lines. */
static void test_line_numbers(void **unused)
{
	static const char *const texts[] = {
		"one\n two\n three",
		"one\n two\n three\n four\n five",
		"one\n\t two\n    three\n        four",
		"one\n a far longer line than the one before it\n b\n yet another that is long",
		"one\n# a comment\n two",
		"one\n#\n a line that is longer than the comment",
		"one\n#\n#\n#\n# four of them\n two\n#\n three"
	};
	char text[2000];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		unsigned int first = 12;

		for (const char *c = texts[i]; *c; c++)
			first += *c == '\n';
		snprintf(text, sizeof(text),
			 KERNELS "Name: a\nWhen: ecx = 1\nAs: ecx = 2\nKernel: %s\n"
				 "Processor: p\nWhy: w\nSource: s\nReach: r\n\n" ENTRY(
					 "b", "ecx = 1", "Is: ecx = 2"),
			 texts[i]);
		refused(texts[i], text, first, first + 2);
		snprintf(text, sizeof(text),
			 "\n\n# A comment.\n\n\n" KERNELS "Name: a\n"
			 "When: ecx = 1\nAs: ecx = 2\nKernel: %s\nProcessor: p\nWhy: w\nSource: s\n"
			 "Reach: r\n\n\n# Another.\n\n" ENTRY("b", "ecx = 1", "Is: ecx = 2"),
			 texts[i]);
		refused(texts[i], text, first + 8, first + 10);
	}
}

/* Nothing is told of When's being left out: it could be wrong, or say that it always holds. */
static void test_without_when(void **unused)
{
	struct known *known;

	(void)unused;
	put("a.known", with_line(4, NULL));
	known = known_read(directory, &engine, why, sizeof(why));
	if (known)
		assert_int_equal(known_count(known), 1);
	else
		assert_non_null(strstr(why, "a.known:"));
	known_free(known);
}

/* A directory's name is no pattern. */
static void test_odd_directory(void **unused)
{
	char odd[400], path[500];
	struct known *known;
	FILE *out;

	(void)unused;
	snprintf(odd, sizeof(odd), "%s/a[b]*?", directory);
	assert_int_equal(mkdir(odd, 0700), 0);
	snprintf(path, sizeof(path), "%s/a.known", odd);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(KERNELS ENTRY("a", "ecx = 1", "As: ecx = 2"), out);
	fclose(out);
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
	/* KNOWN_MOST, of those for this engine. */
	for (unsigned int i = 0; i < KNOWN_MOST; i++)
		n += sprintf(text + n, "%sName: n%u\nWhen: ecx = 1\nAs: ecx = 2\n" REST "\n",
			     i ? "" : KERNELS, i);
	assert_int_equal(count_of(text), KNOWN_MOST);
	sprintf(text + n, "Name: other\nFeature: lacks-it\nWhen: ecx = 1\nAs: ecx = 2\n" REST
			  "\nKernels: 7.0 -\n\n" ENTRY("another", "ecx = 1", "As: ecx = 2"));
	assert_int_equal(count_of(text), KNOWN_MOST);
	empty();
	sprintf(text + n, ENTRY("last", "ecx = 1", "As: ecx = 2"));
	refused("too many", text, 3 + 9 * KNOWN_MOST, 3 + 9 * KNOWN_MOST);
	/* In two files they are too many, too. */
	text[n] = '\0';
	put("a.known", text);
	refused("too many in two", KERNELS ENTRY("last", "ecx = 1", "As: ecx = 2"), 3, 11);
	empty();

	repeat(terms, "ecx = 1", ", ecx = 1", 5000);
	sprintf(text, KERNELS "Name: a\nWhen: %s\nAs: ecx = 2\n" REST, terms);
	refused("conditions", text, 3, 4);
	sprintf(text, KERNELS "Name: a\nWhen: ecx = 1\nAs: %s\n" REST, terms);
	refused("assignments", text, 3, 5);
	repeat(terms, "has-it", ", has-it", 5000);
	sprintf(text, KERNELS "Name: a\nFeature: %s\nWhen: ecx = 1\nAs: ecx = 2\n" REST, terms);
	/* As long as that says nothing new; refused or read. */
	put("bad.known", text);
	known_free(known_read(directory, &engine, why, sizeof(why)));
	/* Depth, too. */
	repeat(terms, "", "min(ecx, ", 20000);
	sprintf(text, KERNELS "Name: a\nWhen: %s1 = 1\nAs: ecx = 2\n" REST, terms);
	refused("depth", text, 3, 4);
	/* Texts have none. */
	empty();
	repeat(terms, "very", " long", 50000);
	sprintf(text,
		KERNELS "Name: a\nWhen: ecx = 1\nAs: ecx = 2\nKernel: %s\nProcessor: p\nWhy: w\n"
			"Source: s\nReach: r\n",
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
	put("README.md", "no .known");
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

	put("a.known", KERNELS ENTRY("a", "ecx = 1", "As: ecx = 2"));
	snprintf(path, sizeof(path), "%s/b.known", directory);
	assert_int_equal(symlink("/no/such/file", path), 0);
	why[0] = '\0';
	assert_null(known_read(directory, &engine, why, sizeof(why)));
	assert_non_null(strstr(why, "b.known"));
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	why[0] = '\0';
	assert_null(known_read(directory, &engine, why, sizeof(why)));
	assert_non_null(strstr(why, "b.known"));
	rmdir(path);

	/* Little room for the reason. */
	put("b.known", "Color: red\n");
	memset(small, 'x', sizeof(small));
	assert_null(known_read(directory, &engine, small, 5));
	assert_int_equal(small[5], 'x');
	assert_in_range(strlen(small), 1, 4);

	/* An empty file, or one of comments, says nothing wrong. */
	put("b.known", "");
	put("c.known", "# nothing\n\n");
	known = read_it();
	assert_int_equal(known_count(known), 1);
	known_free(known);
	known_free(NULL);
}

/* Any bytes are read or refused, and nothing else happens: ASan and UBSan look on. */
static void test_any_bytes(void **unused)
{
	static const char whole[] = KERNELS "Feature: has-it, !lacks-it\n" ENTRY(
		"a", "guest.vendor = intel, ecx & 0x80000000 != 0, cpl >= 1, mode < vm86",
		"As: ecx = ecx & 0x7fffffff, guest.nr_gp = min(guest.nr_gp, host_gp)")
		ENTRY("b", "backdoor = 0,\n lock != 1", "Trouble: out of bounds\nAnswer: any");
	static const char some[] = "=!<>&(),:#. \n\t09x-a\r\x80";
	struct random random = { 7 };
	char text[sizeof(whole) + 8];
	struct known *known;

	(void)unused;
	for (size_t size = 0; size < sizeof(whole); size++) {
		put_bytes("a.known", whole, size);
		known_free(known_read(directory, &engine, why, sizeof(why)));
	}
	for (unsigned int i = 0; i < 5000; i++) {
		size_t size = sizeof(whole) - 1;

		memcpy(text, whole, sizeof(whole));
		for (unsigned int n = 1 + random_below(&random, 3); n; n--) {
			size_t at = random_below(&random, size);

			if (random_below(&random, 2)) {
				text[at] = some[random_below(&random, sizeof(some))];
			} else {
				memmove(text + at, text + at + 1, size - at - 1);
				size--;
			}
		}
		put_bytes("a.known", text, size);
		memset(why, 0, sizeof(why));
		known = known_read(directory, &engine, why, sizeof(why));
		if (!known && !strstr(why, "a.known:"))
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
		known = known_read("fuzz/known", &engine, why, sizeof(why));
		if (!known)
			fail_msg("%s: %s", engine.version, why);
		assert_in_range(known_count(known), 10, KNOWN_MOST);
		for (unsigned int a = 0; a < known_count(known); a++) {
			const struct known_difference *difference = known_get(known, a);
			const char *const told[] = { difference->name,   difference->file,
						     difference->kernel, difference->why,
						     difference->source, difference->processor,
						     difference->reach };

			for (size_t n = 0; n < ARRAY_SIZE(told); n++) {
				if (!told[n] || !*told[n])
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
	char whole[8000];

	snprintf(whole, sizeof(whole), KERNELS "%s", text);
	put("a.known", whole);
	return read_it();
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
	wrong.elsewhere = true;
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
		snprintf(text, sizeof(text), "Name: a\nWhen: entry != intercept\nAs: %s\n" REST,
			 as);
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
				 "Name: a\nWhen: entry = %s\nAs: guest.nr_gp = 2\n" REST,
				 names[named]);
			assert_int_equal(explain(text, &question), named == is);
			snprintf(text, sizeof(text),
				 "Name: a\nWhen: entry != %s\nAs: guest.nr_gp = 2\n" REST,
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
		snprintf(text, sizeof(text), "Name: a\nWhen: entry = intercept\nAs: %s\n" REST,
			 row->as);
		if (explain(text, &question) != row->explained)
			fail_msg("%s: %d", row->as, row->explained);
		/* What is not about it, or does not hold, does not help. */
		snprintf(text, sizeof(text), "Name: a\nWhen: entry = exit\nAs: %s\n" REST, row->as);
		assert_int_equal(explain(text, &question), 0);
		snprintf(text, sizeof(text), "Name: a\nWhen: mediated = %d\nAs: %s\n" REST,
			 row->unmediated, row->as);
		assert_int_equal(explain(text, &question), 0);
	}
}

/* Two obstacles, two differences; each alone is none of it. */
static void test_intercept_combined(void **unused)
{
	static const char gp[] = ENTRY("gp", "entry = intercept", "As: host.nr_gp = guest.nr_gp");
	static const char fixed[] =
		ENTRY("fixed", "guest.vendor = intel", "As: host.nr_fixed = guest.nr_fixed");
	static const char width[] =
		ENTRY("width", "entry = intercept", "As: host.fixed_width = host.gp_width");
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

#define MASK  ENTRY("mask", "ecx & 0x80000000 != 0", "As: ecx = ecx & 0x7fffffff")
#define BITS  ENTRY("bits", "ecx & 0x80000000 != 0", "As: value_bits = 32")
#define FEWER ENTRY("fewer", "guest.vendor = intel", "As: guest.nr_gp = min(guest.nr_gp, 6)")
#define FIXED ENTRY("fixed", "guest.vendor = intel", "As: guest.nr_fixed = 3")
#define NEVER ENTRY("never", "guest.vendor = amd", "As: guest.nr_gp = 0, no_pmu = 1")

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
	static const char text[] = ENTRY("a", "guest.vendor = intel", "As: guest.nr_gp = 3")
		ENTRY("b", "guest.vendor = intel", "As: guest.nr_gp = min(guest.nr_gp, 5)")
			ENTRY("c", "guest.vendor = intel", "As: guest.nr_fixed = 3");
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
	assert_int_equal(explain(ENTRY("a", "ecx >= 0", "As: guest.nr_gp = 4")
					 ENTRY("b", "ecx >= 0", "As: guest.nr_gp = 8"),
				 &question),
			 0);
	assert_int_equal(explain(ENTRY("a", "ecx >= 0", "As: guest.nr_gp = 8")
					 ENTRY("b", "ecx >= 0", "As: guest.nr_gp = 4"),
				 &question),
			 2);
	/* A lower limit of an earlier one stays. */
	assert_int_equal(explain(ENTRY("a", "ecx >= 0", "As: guest.nr_gp = 4") ENTRY(
					 "b", "ecx >= 0", "As: guest.nr_gp = min(guest.nr_gp, 9)"),
				 &question),
			 1);
	/* What one has set another reads, in the entry and in the next. */
	asked.state.regs.rcx = kvm.state.regs.rcx = 3;
	answer = answer_in(&kvm);
	assert_int_equal(explain(ENTRY("a", "ecx >= 0", "As: guest.fixed_width = 40") ENTRY(
					 "b", "ecx >= 0", "As: guest.gp_width = guest.fixed_width"),
				 &question),
			 3);
	assert_int_equal(explain(ENTRY("a", "ecx >= 0",
				       "As: guest.fixed_width = 40,"
				       " guest.gp_width = guest.fixed_width"),
				 &question),
			 1);
	assert_int_equal(explain(ENTRY("a", "ecx >= 0",
				       "As: guest.gp_width = guest.fixed_width,"
				       " guest.fixed_width = 40"),
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

	snprintf(text, sizeof(text), "Name: a\nWhen: %s\nAnswer: any\n" REST, condition);
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
	FIELD(user_disable) FIELD(old_fast) FIELD(ext_core) FIELD(ext_nb) FIELD(ext_l3)
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
	put("a.known", line_of("ecx = 010", NULL));
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
			      "As: guest.version = 2, guest.nr_gp = min(guest_core, host_gp)"),
			&question),
		0);
}

/* ---- trouble ---- */

#define COMPLAINT "arch/x86/kvm/pmu.c:12: shift out of bounds by 64"
#define SHIFT     ENTRY("shift", "guest.vendor = intel", "Trouble: shift out of bounds")
#define WARN      ENTRY("warn", "guest.vendor = intel", "Trouble: WARN")
#define SHIFT_ANY ENTRY("any", "guest.vendor = intel", "Trouble: shift out of bounds\nAnswer: any")
#define ANY       ENTRY("all", "guest.vendor = intel", "Answer: any")
#define TWO       ENTRY("two", "guest.vendor = intel", "As: guest.nr_gp = 2")

static void test_trouble(void **unused)
{
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
	assert_int_equal(explain(ENTRY("no", "guest.vendor = amd", "Trouble: shift out of bounds"),
				 &question),
			 0);
	assert_int_equal(explain(SHIFT_ANY, &question), 1);
	/* It contains all of it, and by case. */
	assert_int_equal(explain(ENTRY("a", "ecx = 3", "Trouble: " COMPLAINT), &question), 1);
	assert_int_equal(explain(ENTRY("a", "ecx = 3", "Trouble: " COMPLAINT " bits"), &question),
			 0);
	assert_int_equal(explain(ENTRY("a", "ecx = 3", "Trouble: Shift"), &question), 0);
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
	other.elsewhere = true;
	other.error_code = 5;
	other.answer = ANSWER_STRANGE;
	question.answer = &other;
	assert_int_equal(explain(ANY, &question), 1);
	assert_int_equal(explain(SHIFT_ANY, &question), 0);
	question.trouble = COMPLAINT;
	assert_int_equal(explain(SHIFT_ANY, &question), 1);
	assert_int_equal(explain(ENTRY("a", "guest.vendor = amd", "Answer: any"), &question), 0);
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
	known = entries(SHIFT ENTRY("w", "ecx = 3", "As: guest.gp_width = 40"));
	question = ask(&asked, ENTRY_EMULATOR, &answer);
	question.trouble = COMPLAINT;
	assert_int_equal(known_explain(known, &question), 3);
	for (unsigned int bit = 0; bit < 64; bit++) {
		answer = answer_in(&kvm);
		answer.regs.rax ^= 1ULL << bit;
		assert_int_equal(known_explain(known, &question), 0);
	}
	answer = answer_in(&kvm);
	answer.elsewhere = true;
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
	for (unsigned int i = 0; i < KNOWN_MOST; i++)
		n += sprintf(text + n, "%sName: n%u\nWhen: ecx >= 0\nAs: %s\n" REST "\n",
			     i ? "" : KERNELS, i,
			     i == 63   ? "guest.gp_width = 40"
			     : i == 40 ? "guest.nr_fixed = 1"
				       : "backdoor = 0");
	kvm.guest.gp_width = 40;
	answer = answer_in(&kvm);
	put("a.known", text);
	known = read_it();
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
			snprintf(text, sizeof(text),
				 KERNELS "Name: a\nWhen: ecx >= 0\nAs: %s\n" REST, as);
			put("a.known", text);
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
		TEST(test_line_numbers),
		TEST(test_without_when),
		TEST(test_odd_directory),
		TEST(test_limits),
		TEST(test_enough_terms),
		TEST(test_unreadable),
		TEST(test_any_bytes),
		TEST(test_directory),
		TEST(test_shipped),
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
