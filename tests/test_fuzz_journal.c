// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that what a journal holds is read back as it was, that of one that is torn, mixed or damaged
 * nothing is read that is not in it, and that a run that was killed leaves one behind.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuzz/inputs/inputs.h"
#include "fuzz/inputs/journal.h"
#include "lib/random.h"

#define MAGIC (sizeof(JOURNAL_MAGIC) - 1)
#define MAX_ROUNDS  (1 << 18) /* bytes of a journal here */

static char directory[] = "/tmp/test_fuzz_journal.XXXXXX", own[32];
static uint8_t on_disk[MAX_ROUNDS], image[MAX_ROUNDS];
static size_t disk_size;
static int sync_error, directory_syncs;

/* In the C library's place: what of a file is on the disk, and a disk that fails. */
int fdatasync(int fd)
{
	disk_size = (size_t)pread(fd, on_disk, MAX_ROUNDS, 0);
	errno = sync_error;
	return errno ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	struct stat st;

	directory_syncs += !fstat(fd, &st) && S_ISDIR(st.st_mode);
	return (int)syscall(SYS_fsync, fd);
}

static int set_up(void **state)
{
	char why[256];

	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	if (!mkdtemp(directory) || chdir(directory))
		return -1;
	alarm(60);
	snprintf(own, sizeof(own), "./journal.%d", getpid());
	sync_error = directory_syncs = 0;
	*state = journal_open(".", why, sizeof(why));
	return *state ? 0 : -1;
}

/* Each test's journal is closed here: then it is gone. */
static int tear_down(void **state)
{
	char command[128];

	journal_close(*state);
	alarm(0);
	snprintf(command, sizeof(command), "cd / && rm -rf %s", directory);
	return access(own, F_OK) ? system(command) : -1;
}

/* Case @i of @group: from nothing to 4 KiB, bytes that tell both numbers. */
static size_t make_case(unsigned int group, size_t i, uint8_t data[4096])
{
	static const size_t sizes[] = { 0, 1, 4096, 132, 172, 2, 600 };
	const size_t size = sizes[(group + i) % 7];
	struct random random = { group * 1000 + i };

	for (size_t at = 0; at < size; at++)
		data[at] = (uint8_t)random_next(&random);
	return size;
}

/* @n cases of @group; where each ends in the file goes to @ends. */
static void add(struct journal *journal, unsigned int group, size_t n, size_t *ends)
{
	uint8_t data[4096];

	for (size_t i = 0; i < n; i++) {
		size_t size = make_case(group, i, data);

		assert_int_equal(journal_add(journal, size ? data : NULL, size), 0);
		if (ends)
			ends[i] = (i ? ends[i - 1] : MAGIC) + 4 + size;
	}
}

static void put(struct journal *journal, unsigned int group, size_t n, size_t *ends)
{
	add(journal, group, n, ends);
	assert_int_equal(journal_sync(journal), 0);
	assert_true(disk_size < MAX_ROUNDS);
}

struct expected {
	const char *path;
	unsigned int group;
	size_t taken, cases, stop_at;
};

/* The bytes of the group's case with this number, and no others. */
static bool take(void *opaque, size_t number, size_t cases, const uint8_t *data, size_t size)
{
	struct expected *expected = opaque;
	uint8_t right[4096];

	assert_int_equal(size, make_case(expected->group, expected->taken, right));
	assert_memory_equal(data, right, size);
	assert_int_equal(number, ++expected->taken);
	assert_true(number == 1 || cases == expected->cases);
	expected->cases = cases;
	return number != expected->stop_at;
}

static bool take_input(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	struct expected *expected = opaque;
	size_t number = 0, cases = 0;
	char again[256];

	sscanf(name + strlen(expected->path), " (case %zu of %zu", &number, &cases);
	snprintf(again, sizeof(again), "%s (case %zu of %zu)", expected->path, number, cases);
	assert_string_equal(name, again);
	return take(opaque, number, cases, data, size);
}

/* How many cases of @group are read from a file. */
static size_t read_file(const char *path, unsigned int group, size_t stop_at)
{
	struct expected expected = { .path = path, .group = group, .stop_at = stop_at };
	size_t count = 5;
	char why[256];

	assert_int_equal(inputs_each(path, take_input, &expected, &count, why, sizeof(why)),
			 !!stop_at);
	assert_int_equal(count, 5 + expected.taken);
	assert_int_equal(expected.taken, stop_at ? stop_at : expected.cases);
	return expected.taken;
}

/* How many from bytes, with nothing behind them that may be read. */
static size_t read_bytes(const uint8_t *bytes, size_t size, unsigned int group)
{
	struct expected expected = { .group = group };
	uint8_t *exact = malloc(size ? size : 1);

	assert_non_null(exact);
	memcpy(exact, bytes, size);
	assert_true(journal_each(exact, size, take, &expected));
	assert_int_equal(expected.taken, expected.cases);
	free(exact);
	return expected.taken;
}

static void test_read_back(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 200, 0, 7, 1 };
	size_t ends[200];

	assert_int_equal(directory_syncs, 1);
	assert_int_equal(read_file(own, 0, 0), 0);
	for (unsigned int group = 0; group < 7; group++) {
		const size_t n = sizes[group];

		add(*state, group, n, ends);
		assert_int_equal(read_file(own, group - 1, 0), group ? sizes[group - 1] : 0);
		assert_int_equal(journal_sync(*state), 0);
		assert_int_equal(read_file(own, group, 0), n);
		assert_int_equal(read_bytes(on_disk, disk_size, group), n);
		/* Of a longer group before nothing is left. */
		for (size_t at = n ? ends[n - 1] : MAGIC; at < disk_size; at++)
			assert_int_equal(on_disk[at], 0);
		if (n > 2)
			assert_int_equal(read_file(own, group, 2), 2);
	}
	assert_int_equal(journal_add(*state, NULL, (size_t)UINT32_MAX), -1);
	assert_int_equal(errno, EMSGSIZE);
}

static void test_torn(void **state)
{
	size_t ends[9], size, whole = 9;
	FILE *file = fopen("copy", "wb");

	assert_non_null(file);
	put(*state, 3, 9, ends);
	assert_int_equal(disk_size, ends[8]);
	assert_int_equal(fwrite(on_disk, 1, disk_size, file), disk_size);
	fclose(file);
	for (size = disk_size; size >= MAGIC; size--) {
		assert_int_equal(truncate("copy", (off_t)size), 0);
		whole -= whole && size < ends[whole - 1];
		assert_int_equal(read_file("copy", 3, 0), whole);
		assert_int_equal(read_bytes(on_disk, size, 3), whole);
	}
	for (; size; size--)
		assert_false(journal_is(on_disk, size));
	assert_int_equal(read_bytes(on_disk, 0, 3), 0);
}

static const uint8_t *first, *end; /* of the bytes that are read */
static size_t found;               /* bytes of cases in them */

static bool take_any(void *opaque, size_t number, size_t cases, const uint8_t *data, size_t size)
{
	assert_ptr_equal(opaque, &found);
	assert_in_range(number, 1, cases);
	assert_true(data >= first && size <= (size_t)(end - data));
	found += 4 + size;
	return true;
}

/* Cases one behind the other, whatever they are, with nothing behind the last that may be read. */
static void read_any(const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size);

	assert_non_null(exact);
	memcpy(exact, bytes, size);
	first = exact;
	end = exact + size;
	found = 0;
	assert_true(journal_each(exact, size, take_any, &found));
	assert_true(MAGIC + found <= size);
	free(exact);
}

/* Sectors of two groups side by side: the cases up to the first that is of the other group are right. */
static void test_mixed(void **state)
{
	struct random random = { 44 };
	size_t ends[12], whole;

	for (unsigned int i = 0; i < 2000; i++) {
		const size_t sector = 512 * (1 + random_below(&random, 20));
		struct expected expected = { .group = i % 5 + 1 };

		put(*state, i % 5, 1 + random_below(&random, 12), NULL);
		memcpy(image, on_disk, disk_size);
		put(*state, i % 5 + 1, 12, ends);
		memcpy(image, on_disk, sector < disk_size ? sector : disk_size);
		for (whole = 0; whole < 12 && ends[whole] <= sector; whole++)
			;
		expected.stop_at = whole;
		if (whole)
			assert_int_equal(journal_each(image, disk_size, take, &expected), false);
		assert_int_equal(expected.taken, whole);
		read_any(image, disk_size);
	}
}

/* One byte changed, at every place; and nothing but garbage. */
static void test_damaged(void **state)
{
	struct random random = { 45 };
	size_t ends[7] = { 0 }, size;

	put(*state, 0, 8, NULL);
	put(*state, 3, 6, ends);
	assert_true(disk_size > ends[5]);
	for (size_t at = MAGIC; at < disk_size; at++) {
		const uint8_t right = on_disk[at];

		on_disk[at] ^= (uint8_t)(1 + random_below(&random, 255));
		read_any(on_disk, disk_size);
		on_disk[at] = right;
	}
	assert_int_equal(read_bytes(on_disk, disk_size, 3), 6);
	for (unsigned int i = 0; i < 20000; i++) {
		size = MAGIC + random_below(&random, 300);
		for (size_t at = MAGIC; at < size; at++)
			on_disk[at] = (uint8_t)random_next(&random);
		/* Sizes that are possible or almost, and those that are at the end of what is. */
		if (i % 3 && size >= MAGIC + 4)
			memset(on_disk + MAGIC + i % 3 - 1, i % 3 == 1 ? 0xff : 0, 3);
		read_any(on_disk, size);
	}
}

static char died[512];

static void note(void *opaque, const char *path, size_t cases)
{
	snprintf(died + strlen(died), sizeof(died) - strlen(died), "%s:%zu ", path, cases);
	assert_ptr_equal(opaque, died);
}

static void assert_died(const char *expected)
{
	died[0] = '\0';
	assert_int_equal(journal_died(".", note, died), 0);
	assert_string_equal(died, expected);
}

static void test_killed(void **state)
{
	char path[64], expected[80];
	struct journal *journal;
	int ready[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(20);
		journal = journal_open(".", path, sizeof(path));
		put(journal, 7, 30, NULL);
		put(journal, 8, 20, NULL);
		add(journal, 9, 5, NULL);
		_exit(write(ready[1], "", 1) != 1 || pause());
	}
	assert_true(child > 0);
	assert_int_equal(read(ready[0], path, 1), 1);
	assert_died("");
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	snprintf(path, sizeof(path), "./journal.%d", child);
	snprintf(expected, sizeof(expected), "%s:20 ", path);
	assert_died(expected);
	assert_died(expected);
	assert_int_equal(read_file(path, 8, 0), 20);
	close(ready[0]);
	close(ready[1]);
}

static void make_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "wb");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* A PID that comes again, files of others, and what is in use. */
static void test_left(void **state)
{
	struct journal *second;
	char path[64];

	make_file("journal.10", JOURNAL_MAGIC);
	make_file("journal.9", JOURNAL_MAGIC "torn");
	make_file("journal.8", "");
	make_file("journal.7", "something else than a journal");
	make_file("journal.", JOURNAL_MAGIC);
	make_file("journal.1x", JOURNAL_MAGIC);
	make_file("journey.1", JOURNAL_MAGIC);
	assert_int_equal(mkfifo("journal.6", 0600), 0);
	assert_int_equal(mkdir("journal.5", 0700), 0);
	assert_int_equal(symlink("journal.9", "journal.4"), 0);
	second = journal_open(".", path, sizeof(path));
	put(*state, 1, 4, NULL);
	put(second, 2, 3, NULL);
	assert_int_equal(read_file(own, 1, 0), 4);
	snprintf(path, sizeof(path), "%s.2", own);
	assert_int_equal(read_file(path, 2, 0), 3);
	assert_died("./journal.9:0 ./journal.10:0 ");
	journal_close(second);
	journal_close(NULL);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(read_file(own, 1, 0), 4);
	assert_int_equal(journal_died("none", note, died), -1);
	assert_int_equal(errno, ENOENT);
}

static void assert_refused(const char *path, const char *reason)
{
	char why[256], expected[256];

	snprintf(expected, sizeof(expected), "%s: a journal cannot be kept there: %s", path,
		 reason);
	assert_null(journal_open(path, why, sizeof(why)));
	assert_string_equal(why, expected);
	memset(why, 'x', sizeof(why));
	assert_null(journal_open(path, why, 8));
	assert_true(memchr(why, 0, 8) && why[8] == 'x');
}

static void test_refused(void **state)
{
	const bool root = !geteuid();

	(void)state;
	assert_refused("none", "No such file or directory");
	assert_refused(own, "Not a directory");
	assert_int_equal(mkdir("closed", 0755), 0);
	sync_error = EIO;
	assert_refused("closed", "Input/output error");
	assert_int_equal(rmdir("closed"), 0); /* nothing is left in it */
	assert_int_equal(mkdir("closed", 0555), 0);
	assert_int_equal(chmod(".", 0755), 0);
	assert_true(!root || !seteuid(65534));
	assert_refused("closed", "Permission denied");
	assert_true(!root || !seteuid(0));
}

static void test_disk_full(void **state)
{
	struct rlimit limit, tight;
	size_t ends[9], whole = 0;

	signal(SIGXFSZ, SIG_IGN);
	put(*state, 6, 2, NULL);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	tight = limit;
	tight.rlim_cur = 5000;
	add(*state, 3, 9, ends);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	assert_int_equal(journal_sync(*state), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (ends[whole] <= 5000)
		whole++;
	assert_in_range(whole, 1, 8);
	assert_int_equal(read_file(own, 3, 0), whole);
	/* The group remains. */
	sync_error = EIO;
	assert_int_equal(journal_sync(*state), -1);
	assert_int_equal(errno, EIO);
	sync_error = 0;
	assert_int_equal(journal_sync(*state), 0);
	assert_int_equal(read_bytes(on_disk, disk_size, 3), 9);
}

#define WITH_JOURNAL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_JOURNAL(test_read_back), WITH_JOURNAL(test_torn),
		WITH_JOURNAL(test_mixed),     WITH_JOURNAL(test_damaged),
		WITH_JOURNAL(test_killed),    WITH_JOURNAL(test_left),
		WITH_JOURNAL(test_refused),   WITH_JOURNAL(test_disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
