// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that a result file is whole or not there: whatever goes wrong while it is written, the old
 * one is as it was, nothing is left beside it, and the failure is told in one line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio_ext.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/json/json_file.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define OLD         "{\"old\": 1}\n"
#define NOBODY      65534
#define FILE_LIMIT  (64 << 10)
#define BIG_STRINGS 4000 /* of 100 bytes: more than any limit here */

/* A directory of its own for each test, which is also the current one. */
static char directory[64];
static char mounted[80]; /* what has to be unmounted; empty for nothing */
static json_t *small, *big;

/*
 * What the system may refuse, in front of the C library's own: the error to refuse it with, and in
 * which order it was asked for.
 */
static int fsync_error, rename_error;
static char asked[16];
static bool hidden; /* the name before: a leading dot */

int fsync(int fd)
{
	strcat(asked, "s");
	errno = fsync_error;
	return fsync_error ? -1 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
	const char *slash = strrchr(from, '/');

	strcat(asked, "r");
	hidden = (slash ? slash[1] : from[0]) == '.';
	errno = rename_error;
	return rename_error ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int count_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int files_before;

static int setup(void **state)
{
	(void)state;
	fsync_error = rename_error = 0;
	asked[0] = 0;
	strcpy(directory, "/tmp/test_json_file.XXXXXX");
	mounted[0] = 0;
	if (!mkdtemp(directory) || chmod(directory, 0755) || chdir(directory))
		return -1;
	files_before = count_files();
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	if (mounted[0] && umount2(mounted, MNT_DETACH))
		return -1;
	if (count_files() != files_before)
		print_error("%s: %d files were left open\n", directory,
			    count_files() - files_before);
	return count_files() != files_before || chdir("/") ||
	       nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int group_setup(void **state)
{
	json_t *strings = json_array();

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	umask(022);
	for (int i = 0; i < BIG_STRINGS; i++)
		json_array_append_new(strings, json_sprintf("%0100d", i));
	big = json_pack("{s:o}", "strings", strings);
	small = json_pack("{s:s, s:[i, f, n, b]}", "name", "RDPMC \xc2\xb5", "values", -3,
			  123456.789, 1);
	return !big || !small;
}

static int group_teardown(void **state)
{
	(void)state;
	json_decref(big);
	json_decref(small);
	return 0;
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void check_content(const char *path, const char *expected)
{
	static char text[1 << 12];
	FILE *file = fopen(path, "r");
	size_t n;

	if (!file)
		fail_msg("%s is not there", path);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = 0;
	assert_string_equal(text, expected);
}

/* The file holds @json, all of it, and a line's end. */
static void check_json(const char *path, const json_t *json)
{
	FILE *file = fopen(path, "r");
	json_error_t error;
	json_t *read;
	int last, equal;

	if (!file)
		fail_msg("%s is not there", path);
	read = json_loadf(file, 0, &error);
	fseek(file, -1, SEEK_END);
	last = fgetc(file);
	fclose(file);
	equal = read && json_equal(read, json);
	json_decref(read);
	if (!equal)
		fail_msg("%s: not what was written: %s", path, error.text);
	assert_int_equal(last, '\n');
}

/* What is in @path: exactly @n entries. */
static void check_entries(const char *path, int n)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char names[1000] = "";
	int entries = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
			strncat(names, entry->d_name, sizeof(names) - strlen(names) - 2);
			strcat(names, " ");
			entries++;
		}
	closedir(dir);
	if (entries != n)
		fail_msg("%s holds %d: %s", path, entries, names);
}

static void check_failure(int error, int expected, const struct failure *failure, const char *path)
{
	if (error != expected)
		fail_msg("%s: %d (%s) instead of %s", path, error, strerror(-error),
			 strerror(-expected));
	assert_non_null(memchr(failure->text, 0, sizeof(failure->text)));
	assert_null(strchr(failure->text, '\n'));
	if (!strstr(failure->text, path) || !failure->text[strlen(path)])
		fail_msg("\"%s\" does not say what is with %s", failure->text, path);
}

/* Both refuse it, for the same reason, and leave nothing. */
static void check_refused(const char *path, int expected)
{
	struct failure failure;

	memset(&failure, 'x', sizeof(failure));
	check_failure(file_check(path, &failure), expected, &failure, path);
	memset(&failure, 'x', sizeof(failure));
	check_failure(json_file_write(path, small, &failure), expected, &failure, path);
}

static void check_written(const char *path, json_t *json)
{
	struct failure failure = { "" };

	if (file_check(path, &failure))
		fail_msg("check: %s", failure.text);
	if (json_file_write(path, json, &failure))
		fail_msg("write: %s", failure.text);
}

static void test_writes(void **state)
{
	char path[100];

	(void)state;
	check_written("a.json", small);
	check_json("a.json", small);
	check_entries(".", 1);
	snprintf(path, sizeof(path), "%s/b.json", directory);
	check_written(path, big);
	check_json("b.json", big);
	check_entries(".", 2);
	assert_int_equal(mkdir("d", 0755), 0);
	check_written("d/c.json", small);
	check_json("d/c.json", small);
	check_written("./d/../d/c.json", big);
	check_json("d/c.json", big);
	check_entries("d", 1);
}

/* Three levels a line for each value, below that all on one. */
static void test_layout(void **state)
{
	static const struct {
		const char *json, *file;
	} pairs[] = {
		{ "{}", "{}\n" },
		{ "[]", "[]\n" },
		{ "{'a': {}, 'b': []}", "{\n 'a': {},\n 'b': []\n}\n" },
		{ "{'b': 1, 'a': null}", "{\n 'b': 1,\n 'a': null\n}\n" }, /* not sorted */
		{ "[{'a': [1, [2], {'b': {}}]}, 0.1]",
		  "[\n {\n  'a': [\n   1,\n   [2],\n   {'b': {}}\n  ]\n },\n 0.1\n]\n" },
		{ "{'k\\n': {'\xc3\xa9\\'': 123456789.75}}",
		  "{\n 'k\\n': {\n  '\xc3\xa9\\'': 123456790.0\n }\n}\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		char json[100], file[100];
		json_error_t error;
		json_t *value;

		/* quotes would be hard to read here */
		snprintf(json, sizeof(json), "%s", pairs[i].json);
		snprintf(file, sizeof(file), "%s", pairs[i].file);
		for (char *c = json; (c = strchr(c, '\''));)
			*c = '"';
		for (char *c = file; (c = strchr(c, '\''));)
			*c = '"';
		value = json_loads(json, 0, &error);
		if (!value)
			fail_msg("%s: %s", json, error.text);
		check_written("a.json", value);
		json_decref(value);
		check_content("a.json", file);
	}
}

/* Renamed, not written over: who has the old file open goes on reading the old one. */
static void test_replaces(void **state)
{
	char old[sizeof(OLD)] = "";
	struct stat before, after;
	FILE *open_before;
	size_t n;

	(void)state;
	put("a.json", OLD);
	open_before = fopen("a.json", "r");
	assert_non_null(open_before);
	assert_int_equal(stat("a.json", &before), 0);
	check_written("a.json", big);
	assert_int_equal(stat("a.json", &after), 0);
	n = fread(old, 1, sizeof(old) - 1, open_before);
	fclose(open_before);
	assert_int_equal(n, sizeof(OLD) - 1);
	assert_string_equal(old, OLD);
	assert_true(before.st_ino != after.st_ino);
	check_json("a.json", big);
	check_written("a.json", small);
	check_json("a.json", small);
	check_entries(".", 1);
}

/* On the disk before it gets its name: else a crash could leave an empty file under it. */
static void test_synced_first(void **state)
{
	(void)state;
	put("a.json", OLD);
	check_written("a.json", big);
	assert_string_equal(asked, "sr");
	asked[0] = 0;
	check_written("b.json", small);
	assert_string_equal(asked, "sr");
	assert_true(hidden);
	assert_int_equal(json_file_write("./a.json", small, &(struct failure){ "" }), 0);
	assert_true(hidden);
}

static void test_sync_fails(void **state)
{
	struct failure failure;

	(void)state;
	put("a.json", OLD);
	fsync_error = EIO;
	check_failure(json_file_write("a.json", small, &failure), -EIO, &failure, "a.json");
	check_failure(json_file_write("b.json", small, &failure), -EIO, &failure, "b.json");
	check_content("a.json", OLD);
	check_entries(".", 1);
	assert_string_equal(asked, "ss");
}

static void test_rename_fails(void **state)
{
	struct failure failure;

	(void)state;
	put("a.json", OLD);
	rename_error = EROFS;
	check_failure(json_file_write("a.json", small, &failure), -EROFS, &failure, "a.json");
	check_failure(json_file_write("b.json", small, &failure), -EROFS, &failure, "b.json");
	check_content("a.json", OLD);
	check_entries(".", 1);
}

/* A look, and no touch. */
static void test_check(void **state)
{
	struct stat before, after;
	struct failure failure;

	(void)state;
	assert_int_equal(file_check("a.json", &failure), 0);
	check_entries(".", 0);
	put("a.json", OLD);
	assert_int_equal(stat("a.json", &before), 0);
	assert_int_equal(file_check("a.json", &failure), 0);
	assert_int_equal(stat("a.json", &after), 0);
	assert_true(before.st_ino == after.st_ino && before.st_mode == after.st_mode);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	check_content("a.json", OLD);
	check_entries(".", 1);
}

static void test_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	check_refused("d", -EISDIR);
	check_refused(".", -EISDIR);
	check_refused("/", -EISDIR);
	check_entries("d", 0);
	check_entries(".", 1);
}

static void test_missing_directory(void **state)
{
	(void)state;
	check_refused("nowhere/a.json", -ENOENT);
	check_refused("nowhere/", -ENOENT);
	put("file", OLD);
	check_refused("file/a.json", -ENOTDIR);
	check_refused("file/", -ENOTDIR);
	check_content("file", OLD);
	check_entries(".", 1);
}

/* No name is no place, and that has to be said before a minute is spent on measuring. */
static void test_no_name(void **state)
{
	struct failure failure = { "" };
	int checked, written;

	(void)state;
	checked = file_check("", &failure);
	written = json_file_write("", small, &failure);
	check_entries(".", 0);
	assert_int_not_equal(written, 0);
	assert_int_not_equal(checked, 0);
}

/* What the check promises the write keeps, also where the temporary name is longer than may be. */
static void test_long_names(void **state)
{
	static const size_t lengths[] = { 200, 240, 247, 248, 249, 250, 255, 256, 300 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		char path[400];
		struct failure failure;
		int checked, written;

		memset(path, 'n', lengths[i]);
		path[lengths[i]] = 0;
		checked = file_check(path, &failure);
		written = json_file_write(path, small, &failure);
		assert_int_equal(checked, written);
		assert_true(!checked || checked == -ENAMETOOLONG);
		if (lengths[i] <= 240)
			assert_int_equal(checked, 0);
		if (!checked) {
			check_json(path, small);
			unlink(path);
		}
		check_entries(".", 0);
	}
}

static void become_nobody(bool nobody)
{
	if (!getuid() && seteuid(nobody ? NOBODY : 0))
		abort(); /* the rest of the tests would run as the wrong user */
}

static void test_unwritable_directory(void **state)
{
	struct failure checked, written;
	int check_error, write_error;

	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	put("d/a.json", OLD);
	assert_int_equal(chmod("d/a.json", 0666), 0);
	assert_int_equal(chmod("d", 0555), 0);
	become_nobody(true);
	check_error = file_check("d/a.json", &checked);
	write_error = json_file_write("d/a.json", small, &written);
	become_nobody(false);
	assert_int_equal(chmod("d", 0755), 0);
	check_failure(check_error, -EACCES, &checked, "d/a.json");
	check_failure(write_error, -EACCES, &written, "d/a.json");
	check_content("d/a.json", OLD);
	check_entries("d", 1);
}

/* The limit of a file's size comes in the middle of the file, as a full disk would. */
static void test_file_limit(void **state)
{
	static const bool old_file[] = { true, false };
	struct rlimit before, limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = FILE_LIMIT;
	for (size_t i = 0; i < ARRAY_SIZE(old_file); i++) {
		struct failure failure;
		int error;

		unlink("a.json");
		if (old_file[i])
			put("a.json", OLD);
		fflush(stdout);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		error = json_file_write("a.json", big, &failure);
		setrlimit(RLIMIT_FSIZE, &before);
		check_failure(error, -EFBIG, &failure, "a.json");
		if (old_file[i])
			check_content("a.json", OLD);
		check_entries(".", old_file[i]);
	}
	check_written("a.json", big);
	check_json("a.json", big);
}

static void skip_with(const char *what)
{
	printf("# skipped: %s: %s\n", what, strerror(errno));
	skip();
}

static void test_full_disk(void **state)
{
	struct failure failure;

	(void)state;
	assert_int_equal(mkdir("disk", 0755), 0);
	snprintf(mounted, sizeof(mounted), "%s/disk", directory);
	if (mount("tmpfs", mounted, "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k,mode=755")) {
		mounted[0] = 0;
		skip_with("no tmpfs can be mounted here");
	}
	check_written("disk/a.json", small);
	check_json("disk/a.json", small);
	check_failure(json_file_write("disk/a.json", big, &failure), -ENOSPC, &failure,
		      "disk/a.json");
	check_json("disk/a.json", small);
	check_entries("disk", 1);
	check_failure(json_file_write("disk/b.json", big, &failure), -ENOSPC, &failure,
		      "disk/b.json");
	check_entries("disk", 1);
	/* what was half written is given back */
	put("disk/a.json", OLD);
	check_written("disk/a.json", small);
	check_json("disk/a.json", small);
}

/* Made here, so that no mistake can replace the system's. */
static void make_device(const char *path, unsigned int minor)
{
	int fd;

	if (mknod(path, S_IFCHR | 0666, makedev(1, minor)))
		skip_with("no device can be made here");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		skip_with("a device made here cannot be opened");
	close(fd);
}

static void check_is_device(const char *path, unsigned int minor)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_true(st.st_rdev == makedev(1, minor));
	assert_int_equal(st.st_mode & 07777, 0666 & ~022);
	check_entries(".", 1);
}

static void test_dev_full(void **state)
{
	struct failure failure;

	(void)state;
	make_device("full", 7);
	assert_int_equal(file_check("full", &failure), 0);
	check_failure(json_file_write("full", small, &failure), -ENOSPC, &failure, "full");
	check_failure(json_file_write("full", big, &failure), -ENOSPC, &failure, "full");
	check_is_device("full", 7);
}

static void test_dev_null(void **state)
{
	(void)state;
	make_device("null", 3);
	check_written("null", big);
	check_is_device("null", 3);
}

/* A pipe is written to, not replaced. */
static void test_fifo(void **state)
{
	char text[1000] = "";
	json_error_t error;
	struct stat st;
	json_t *read_back;
	ssize_t n;
	int fd, equal;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	fd = open("pipe", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	check_written("pipe", small);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n > 0);
	read_back = json_loads(text, 0, &error);
	equal = read_back && json_equal(read_back, small);
	json_decref(read_back);
	assert_true(equal);
	assert_int_equal(stat("pipe", &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	check_entries(".", 1);
}

static void test_permissions(void **state)
{
	static const mode_t masks[] = { 0, 022, 027, 077, 002 };
	mode_t before = umask(0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		struct failure failure;
		struct stat st = { 0 };
		mode_t after;
		int error;

		unlink("a.json");
		umask(masks[i]);
		error = file_check("a.json", &failure);
		if (!error)
			error = json_file_write("a.json", small, &failure);
		after = umask(before);
		stat("a.json", &st);
		assert_int_equal(error, 0);
		assert_int_equal(after, masks[i]);
		assert_int_equal(st.st_mode & 07777, 0666 & ~masks[i]);
		umask(0);
	}
	umask(before);
}

/* Let @fd be standard output for one write of @json to "-". */
static int write_to_stdout(int fd, json_t *json, struct failure *failure)
{
	int saved, error;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	if (saved < 0 || dup2(fd, STDOUT_FILENO) < 0)
		abort();
	error = file_check("-", failure);
	if (!error)
		error = json_file_write("-", json, failure);
	/* what could not be written is not to come out later */
	__fpurge(stdout);
	clearerr(stdout);
	if (dup2(saved, STDOUT_FILENO) < 0)
		abort();
	close(saved);
	return error;
}

static void test_stdout(void **state)
{
	struct failure failure = { "" };
	int fd = open("out", O_RDWR | O_CREAT | O_CLOEXEC, 0600), error;

	(void)state;
	assert_true(fd >= 0);
	error = write_to_stdout(fd, big, &failure);
	close(fd);
	assert_string_equal(failure.text, "");
	assert_int_equal(error, 0);
	check_json("out", big);
	check_entries(".", 1); /* and no file called - */
}

static void test_stdout_fails(void **state)
{
	struct failure failure = { "" };
	int fd, error;

	(void)state;
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		skip_with("/dev/full");
	error = write_to_stdout(fd, small, &failure);
	close(fd);
	assert_int_equal(error, -ENOSPC);
	assert_true(strlen(failure.text) > 0);
	assert_null(strchr(failure.text, '\n'));
	check_entries(".", 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_writes),
		TEST(test_layout),
		TEST(test_replaces),
		TEST(test_synced_first),
		TEST(test_sync_fails),
		TEST(test_rename_fails),
		TEST(test_check),
		TEST(test_directory),
		TEST(test_missing_directory),
		TEST(test_no_name),
		TEST(test_long_names),
		TEST(test_unwritable_directory),
		TEST(test_file_limit),
		TEST(test_full_disk),
		TEST(test_dev_full),
		TEST(test_dev_null),
		TEST(test_fifo),
		TEST(test_permissions),
		TEST(test_stdout),
		TEST(test_stdout_fails),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
