// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves of lib/ what no other test does: the published numbers of its generator and its hash, words in lines,
 * whole files, signals. How a file is replaced is tests/test_json_file.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/hash.h"
#include "lib/random.h"
#include "lib/signals.h"
#include "lib/text.h"

static void test_random(void **state)
{
	/* Steele, Lea and Flood's, by many implementations. */
	static const uint64_t published[] = { 6457827717110365317U, 3203168211198807973U,
					      9817491932198370423U, 4593380528125082431U,
					      16408922859458223821U };
	struct random random = { 1234567 };

	(void)state;
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		assert_true(random_next(&random) == published[i]);
}

static void test_random_below(void **state)
{
	struct random random = { 1 };
	unsigned int counts[10] = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 10000; i++) {
		const uint32_t value = random_below(&random, 10);

		assert_true(value < 10);
		counts[value]++;
	}
	for (unsigned int i = 0; i < 10; i++)
		assert_in_range(counts[i], 850, 1150); /* five standard deviations */
	assert_int_equal(random_below(&random, 1), 0);
}

/* All orders of three come, each as often as the others. */
static void test_shuffle(void **state)
{
	struct random random = { 2 };
	unsigned int counts[3][3] = { 0 }, index[3];

	(void)state;
	for (unsigned int i = 0; i < 6000; i++) {
		for (unsigned int j = 0; j < 3; j++)
			index[j] = j;
		random_shuffle(&random, index, 3);
		assert_int_equal(1u << index[0] | 1u << index[1] | 1u << index[2], 7);
		counts[index[0]][index[1]]++;
	}
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int j = 0; j < 3; j++)
			if (i != j)
				assert_in_range(counts[i][j], 850, 1150);
	random_shuffle(&random, NULL, 0);
}

/* FNV-1a's own test vectors. */
static void test_hash(void **state)
{
	(void)state;
	assert_true(hash_more(HASH_START, NULL, 0) == 0xcbf29ce484222325U);
	assert_true(hash_more(HASH_START, "a", 1) == 0xaf63dc4c8601ec8cU);
	assert_true(hash_more(HASH_START, "foobar", 6) == 0x85944171f73967e8U);
	assert_true(hash_more(hash_more(HASH_START, "foo", 3), "bar", 3) == 0x85944171f73967e8U);
}

static void wrapped(const char *label, unsigned int indent, unsigned int columns, const char *text,
		    const char *expected)
{
	char *is = NULL;
	size_t size;
	FILE *out = open_memstream(&is, &size);

	assert_non_null(out);
	text_wrap(out, label, indent, columns, text);
	fclose(out);
	assert_string_equal(is, expected);
	free(is);
}

static void test_wrap(void **state)
{
	(void)state;
	wrapped("", 0, 10, "", "\n");
	wrapped("label", 8, 10, "", "label\n");
	wrapped("", 0, 10, "one", "one\n");
	wrapped("", 0, 10, "twelve two", "twelve two\n"); /* ten columns fit */
	wrapped("", 0, 9, "twelve two", "twelve\ntwo\n"); /* nine do not */
	wrapped("", 2, 8, "one two six", "  one\n  two\n  six\n");
	wrapped("", 2, 9, "one two six", "  one two\n  six\n");
	wrapped("* ", 2, 9, "one two six", "* one two\n  six\n");
	wrapped("a", 4, 12, "one   two   six", "a   one two\n    six\n"); /* blanks are not kept */
	wrapped("", 2, 6, "incomprehensible or not", "  incomprehensible\n  or\n  not\n");
}

static char directory[] = "/tmp/test_lib.XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	strcpy(strchr(directory, '.'), ".XXXXXX");
	return !mkdtemp(directory) || chdir(directory);
}

static int remove_directory(void **state)
{
	(void)state;
	unlink("file");
	return chdir("/") || rmdir(directory);
}

/* Sizes around those at which the reader wants more room. */
static void test_file(void **state)
{
	static const size_t sizes[] = { 0, 1, 4094, 4095, 4096, 8190, 8191, 8192, 100000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct failure failure = { "" };
		uint8_t *data = malloc(sizes[i] + 1), *is;
		size_t size = 7;

		assert_non_null(data);
		for (size_t at = 0; at < sizes[i]; at++)
			data[at] = (uint8_t)(at % 251); /* 0 and newlines among them */
		assert_int_equal(file_write("file", data, sizes[i], &failure), 0);
		is = file_read("file", &size);
		assert_non_null(is);
		assert_int_equal(size, sizes[i]);
		assert_memory_equal(is, data, size);
		assert_int_equal(is[size], 0);
		free(is);
		free(data);
	}
}

/* Of a size that nobody says before. */
static void test_file_of_no_size(void **state)
{
	struct stat st;
	size_t size;
	uint8_t *is = file_read("/proc/self/status", &size);

	(void)state;
	assert_int_equal(stat("/proc/self/status", &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_non_null(is);
	assert_int_equal(size, strlen((char *)is));
	assert_non_null(strstr((char *)is, "test_lib"));
	free(is);
}

static void test_file_stdin(void **state)
{
	struct failure failure;
	size_t size;
	uint8_t *is;

	(void)state;
	assert_int_equal(file_write("file", "words", 5, &failure), 0);
	assert_non_null(freopen("file", "r", stdin));
	is = file_read("-", &size);
	assert_non_null(is);
	assert_int_equal(size, 5);
	assert_string_equal((char *)is, "words");
	free(is);
}

static void test_file_errors(void **state)
{
	struct failure failure = { "" };
	size_t size = 1;

	(void)state;
	errno = 0;
	assert_null(file_read("none", &size));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(size, 0);
	assert_null(file_read(directory, &size));
	assert_int_equal(errno, EISDIR);
	assert_int_equal(file_write("none/file", "", 0, &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "none/file"));
}

static int caught;

static void catch (int signal)
{
	caught = signal;
}

/* Which of the three is caught, ignored, or ends the process: a letter each. */
static void check_signals(const char *expected)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	char is[4] = "";

	for (unsigned int i = 0; i < 3; i++) {
		struct sigaction now;

		assert_int_equal(sigaction(signals[i], NULL, &now), 0);
		is[i] = now.sa_handler == SIG_IGN ? 'i' : now.sa_handler == SIG_DFL ? 'd' : 'c';
	}
	assert_string_equal(is, expected);
}

static void test_signals(void **state)
{
	(void)state;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	assert_int_equal(signals_catch(catch, (int)SA_RESETHAND, false), 0);
	check_signals("ccc");
	raise(SIGTERM);
	assert_int_equal(caught, SIGTERM);
	check_signals("cdc"); /* as the flag has it */
	signals_default();
	check_signals("ddd");
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	assert_int_equal(signals_catch(catch, 0, false), 0);
	check_signals("ici");
	assert_int_equal(signals_catch(catch, 0, true), 0);
	check_signals("cci");
	raise(SIGHUP);
	raise(SIGINT);
	assert_int_equal(caught, SIGINT);
	signals_default();
	check_signals("ddi");
	signal(SIGHUP, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_random_below),
		cmocka_unit_test(test_shuffle),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_signals),
		cmocka_unit_test_setup_teardown(test_file, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(test_file_of_no_size, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(test_file_stdin, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(test_file_errors, make_directory, remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
