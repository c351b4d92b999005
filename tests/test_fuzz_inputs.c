// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that cases are read from whatever a path names, all of each and in order, and that what is
 * found in them is kept once of each kind.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuzz/oracle/findings.h"
#include "fuzz/inputs/inputs.h"

#define GUARD 10 /* seconds: a read that waits for ever ends the test */

static char directory[] = "/tmp/test_fuzz_inputs.XXXXXX";

static const char *path_of(const char *name)
{
	static char paths[4][512];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static void make_file(const char *name, const void *data, size_t size)
{
	FILE *file = fopen(path_of(name), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
}

static int set_up(void **unused)
{
	(void)unused;
	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	alarm(GUARD);
	return chmod(directory, 0755);
}

static int tear_down(void **unused)
{
	char command[128];

	(void)unused;
	alarm(0);
	if (!getuid() && seteuid(0))
		return -1;
	snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", directory, directory);
	return system(command);
}

/* What was handed over: names below the directory, sizes, and the first byte of each. */
struct taken {
	char names[512];
	size_t calls, bytes, stop_at;
	uint32_t sum;
};

static bool take(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	struct taken *taken = opaque;
	const char *below = name;

	if (!strncmp(name, directory, strlen(directory)))
		below += strlen(directory) + 1;
	snprintf(taken->names + strlen(taken->names), sizeof(taken->names) - strlen(taken->names),
		 "%s ", below);
	taken->bytes += size;
	for (size_t i = 0; i < size; i++)
		taken->sum = taken->sum * 31 + data[i];
	return ++taken->calls != taken->stop_at;
}

static struct taken each(const char *path, int expected)
{
	struct taken taken = { 0 };
	char why[512] = "";
	size_t count = 7;

	assert_int_equal(inputs_each(path, take, &taken, &count, why, sizeof(why)), expected);
	assert_int_equal(count, 7 + taken.calls);
	return taken;
}

static void assert_refused(const char *path, const char *reason)
{
	struct taken taken = { 0 };
	char why[512] = "";
	size_t count = 0;

	assert_int_equal(inputs_each(path, take, &taken, &count, why, sizeof(why)), -1);
	if (!strstr(why, reason) || strchr(why, '\n'))
		fail_msg("why: %s", why);
	/* Room for little of it is no harm. */
	memset(why, 'x', sizeof(why));
	assert_int_equal(inputs_each(path, take, &taken, &count, why, 8), -1);
	assert_true(memchr(why, 0, 8));
	assert_int_equal(why[8], 'x');
}

static void test_file(void **unused)
{
	static const size_t sizes[] = { 0, 1, 132, 4095, 4096, 4097, 8192, 1 << 20 };
	uint8_t *data = malloc(1 << 20);

	(void)unused;
	assert_non_null(data);
	for (size_t i = 0; i < 1 << 20; i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct taken taken;
		uint32_t sum = 0;

		for (size_t at = 0; at < sizes[i]; at++)
			sum = sum * 31 + data[at];
		make_file("file", data, sizes[i]);
		taken = each(path_of("file"), 0);
		assert_string_equal(taken.names, "file ");
		assert_int_equal(taken.bytes, sizes[i]);
		assert_int_equal(taken.sum, sum);
	}
	/* Hidden or not, a file that was asked for is one. */
	make_file(".file", "x", 1);
	assert_string_equal(each(path_of(".file"), 0).names, ".file ");
	free(data);
}

static void test_directory(void **unused)
{
	(void)unused;
	assert_int_equal(each(directory, 0).calls, 0);
	make_file("0003", "3", 1);
	make_file("0001", "1", 1);
	make_file("b", "b", 1);
	make_file("10", "10", 2);
	make_file("9", "9", 1);
	make_file(".hidden", "h", 1);
	make_file("0002", "", 0);
	mkdir(path_of("a"), 0755);
	make_file("a/2", "2", 1);
	make_file("a/1", "1", 1);
	mkdir(path_of("a/deep"), 0755);
	make_file("a/deep/x", "x", 1);
	make_file("a/.swp", "s", 1);
	mkdir(path_of(".git"), 0755);
	make_file(".git/config", "c", 1);
	mkdir(path_of("empty"), 0755);
	assert_string_equal(each(directory, 0).names, "0001 0002 0003 10 9 a/1 a/2 a/deep/x b ");
	assert_int_equal(symlink("9", path_of("c")), 0);
	assert_string_equal(each(directory, 0).names, "0001 0002 0003 10 9 a/1 a/2 a/deep/x b c ");
	/* A link back up is not followed for ever. */
	assert_int_equal(symlink("..", path_of("a/up")), 0);
	assert_string_equal(each(directory, 0).names, "0001 0002 0003 10 9 a/1 a/2 a/deep/x b c ");
	assert_string_equal(each(path_of("a/deep"), 0).names, "a/deep/x ");
}

static void test_stop(void **unused)
{
	struct taken taken = { .stop_at = 2 };
	char why[64];
	size_t count = 0;

	(void)unused;
	make_file("1", "1", 1);
	make_file("2", "2", 1);
	make_file("3", "3", 1);
	assert_int_equal(inputs_each(directory, take, &taken, &count, why, sizeof(why)), 1);
	assert_string_equal(taken.names, "1 2 ");
	assert_int_equal(count, 2);
	taken = (struct taken){ .stop_at = 1 };
	assert_int_equal(inputs_each(path_of("3"), take, &taken, &count, why, sizeof(why)), 1);
	assert_int_equal(count, 3);
}

static void test_refused(void **unused)
{
	(void)unused;
	assert_refused(path_of("none"), "none: No such file or directory");
	assert_refused("", "No such file or directory");
	make_file("file", "x", 1);
	assert_refused(path_of("file/below"), "Not a directory");
	assert_int_equal(symlink("nowhere", path_of("broken")), 0);
	assert_refused(directory, "broken: No such file or directory");
	assert_refused(path_of("broken"), "broken: No such file or directory");
}

/* Root can read everything: as somebody else, then. */
static void test_unreadable(void **unused)
{
	const bool root = !geteuid();

	(void)unused;
	make_file("secret", "x", 1);
	mkdir(path_of("closed"), 0755);
	make_file("closed/x", "x", 1);
	assert_int_equal(chmod(path_of("secret"), 0), 0);
	assert_int_equal(chmod(path_of("closed"), 0), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	assert_refused(path_of("secret"), "secret: Permission denied");
	assert_refused(path_of("closed"), "closed: Permission denied");
	assert_refused(directory, "Permission denied");
	if (root)
		assert_int_equal(seteuid(0), 0);
}

/* A child that writes three pieces into @path. */
static pid_t writer(const char *path)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child)
		return child;
	FILE *out = fopen(path, "wb");

	for (int i = 0; out && i < 3; i++) {
		fputs("piece", out);
		fflush(out);
		usleep(10000);
	}
	_exit(0);
}

static void test_fifo(void **unused)
{
	struct taken taken;
	pid_t child;

	(void)unused;
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
	child = writer(path_of("pipe"));
	taken = each(path_of("pipe"), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(taken.calls, 1);
	assert_int_equal(taken.bytes, 15);
}

static void test_standard_input(void **unused)
{
	int kept = dup(STDIN_FILENO);
	struct taken taken;

	(void)unused;
	make_file("file", "what comes in", 13);
	assert_non_null(freopen(path_of("file"), "rb", stdin));
	taken = each("-", 0);
	assert_string_equal(taken.names, "- ");
	assert_int_equal(taken.bytes, 13);
	/* At its end it is empty, which is an input like any other. */
	assert_int_equal(each("-", 0).bytes, 0);
	dup2(kept, STDIN_FILENO);
	close(kept);
	clearerr(stdin);
}

static struct finding kind(unsigned int i)
{
	struct finding finding = { .oracles = ORACLE_OUTCOME, .entry = i % 2 };

	finding.rule = i / 2 % NR_RULES;
	finding.engine.answer = (uint8_t)(i / 2 / NR_RULES);
	return finding;
}

static void test_findings(void **unused)
{
	static const uint8_t data[] = { 1, 2, 3 };
	struct findings *findings = calloc(1, sizeof(*findings));
	struct finding a = kind(0), b = kind(1), again = a;
	char name[400];

	(void)unused;
	assert_non_null(findings);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	again.step = 9;
	findings_add(findings, &a, "first", data, 3, 1);
	findings_add(findings, &again, "second", data, 2, 4);
	findings_add(findings, &b, name, NULL, 0, 2);
	assert_int_equal(findings->kinds, 2);
	assert_int_equal(findings->found[0].count, 5);
	assert_string_equal(findings->found[0].name, "first");
	assert_int_equal(findings->found[0].size, 3);
	assert_memory_equal(findings->found[0].data, data, 3);
	assert_ptr_not_equal(findings->found[0].data, data);
	assert_int_equal(findings->found[0].finding.step, 0);
	assert_int_equal(findings->found[1].count, 2);
	assert_int_equal(findings->found[1].size, 0);
	assert_int_equal(strlen(findings->found[1].name), sizeof(findings->found[1].name) - 1);
	findings_free(findings);
	assert_int_equal(findings->kinds, 0);
	free(findings);
}

static void test_many_findings(void **unused)
{
	static const uint8_t data[] = { 7 };
	struct findings *from = calloc(1, sizeof(*from)), *into = calloc(1, sizeof(*into));
	uint64_t all = 0;

	(void)unused;
	assert_non_null(from);
	assert_non_null(into);
	for (unsigned int i = 0; i < FINDINGS_KINDS + 10; i++) {
		const struct finding finding = kind(i);

		findings_add(from, &finding, "many", data, 1, 1);
	}
	assert_int_equal(from->kinds, FINDINGS_KINDS);
	assert_int_equal(from->found[0].count, 1);
	assert_int_equal(from->found[FINDINGS_KINDS - 1].count, 1);
	assert_int_equal(from->more, 10);

	findings_add(into, &from->found[3].finding, "mine", data, 0, 100);
	findings_merge(into, from);
	findings_merge(into, from);
	assert_int_equal(into->kinds, FINDINGS_KINDS);
	assert_string_equal(into->found[0].name, "mine");
	assert_int_equal(into->found[0].count, 102);
	assert_ptr_not_equal(into->found[1].data, from->found[0].data);
	assert_int_equal(into->found[1].data[0], 7);
	for (size_t i = 0; i < into->kinds; i++)
		all += into->found[i].count;
	assert_int_equal(all + into->more, 100 + 2 * (FINDINGS_KINDS + 10));
	findings_free(from);
	findings_free(into);
	free(from);
	free(into);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIRECTORY(test_file),
		WITH_DIRECTORY(test_directory),
		WITH_DIRECTORY(test_stop),
		WITH_DIRECTORY(test_refused),
		WITH_DIRECTORY(test_unreadable),
		WITH_DIRECTORY(test_fifo),
		WITH_DIRECTORY(test_standard_input),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_many_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
