// SPDX-License-Identifier: GPL-2.0-or-later
/* Journals: written in place, so that a group costs one write and one flush of the disk. */
#include "fuzz/inputs/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/case/bytes.h"

#define PREFIX     "journal."
#define MAGIC_SIZE (sizeof(JOURNAL_MAGIC) - 1)
#define SIZE_SIZE  4
#define MAX_NAMES  1000 /* journals that one PID can leave behind */

struct journal {
	int directory, fd;
	char name[64];
	uint8_t *group; /* the file from its start */
	size_t size, room;
	size_t written; /* as far as the file holds anything */
};

static int make_room(struct journal *journal, size_t more)
{
	size_t room = journal->room ? journal->room : 4096;
	uint8_t *grown;

	while (room - journal->size < more)
		room *= 2;
	grown = room == journal->room ? journal->group : realloc(journal->group, room);
	if (!grown)
		return -1;
	journal->group = grown;
	journal->room = room;
	return 0;
}

static void begin_group(struct journal *journal)
{
	memcpy(journal->group, JOURNAL_MAGIC, MAGIC_SIZE);
	journal->size = MAGIC_SIZE;
}

/* A new file under a name that is free. */
static int make_file(struct journal *journal)
{
	for (unsigned int i = 1; i <= MAX_NAMES; i++) {
		snprintf(journal->name, sizeof(journal->name),
			 i > 1 ? PREFIX "%ld.%u" : PREFIX "%ld", (long)getpid(), i);
		journal->fd = openat(journal->directory, journal->name,
				     O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (journal->fd >= 0 || errno != EEXIST)
			break;
	}
	return journal->fd;
}

/* Locked while it is empty: journal_died() takes no empty file for a journal. */
static int begin(struct journal *journal, const char *directory)
{
	journal->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal->directory < 0 || make_room(journal, MAGIC_SIZE))
		return -1;
	begin_group(journal);
	if (make_file(journal) < 0 || flock(journal->fd, LOCK_EX) || journal_sync(journal))
		return -1;
	return fsync(journal->directory);
}

struct journal *journal_open(const char *directory, char *why, size_t why_size)
{
	struct journal *journal = malloc(sizeof(*journal));

	if (journal)
		*journal = (struct journal){ .directory = -1, .fd = -1 };
	if (journal && !begin(journal, directory))
		return journal;
	snprintf(why, why_size, "%s: a journal cannot be kept there: %s", directory,
		 strerror(errno));
	journal_close(journal);
	return NULL;
}

int journal_add(struct journal *journal, const uint8_t *data, size_t size)
{
	uint8_t *at;

	errno = EMSGSIZE;
	if (size >= UINT32_MAX || make_room(journal, SIZE_SIZE + size))
		return -1;
	at = journal->group + journal->size;
	put_le32(at, (uint32_t)size + 1);
	if (size)
		memcpy(at + SIZE_SIZE, data, size);
	journal->size += SIZE_SIZE + size;
	return 0;
}

int journal_sync(struct journal *journal)
{
	size_t end = journal->size, at = 0;
	ssize_t n;

	/* Zeros over the rest of a longer group: a change of the size would double what this costs. */
	for (; end < journal->written; end++)
		journal->group[end] = 0;
	while (at < end) {
		errno = EIO;
		n = pwrite(journal->fd, journal->group + at, end - at, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += (size_t)n;
		if (journal->written < at)
			journal->written = at;
	}
	if (fdatasync(journal->fd))
		return -1;
	begin_group(journal);
	return 0;
}

/* No sync: what this is for is a program that ends, not a machine. */
void journal_done(struct journal *journal)
{
	static const uint8_t none[SIZE_SIZE];

	/* Should it fail, a case too many is told. */
	if (pwrite(journal->fd, none, sizeof(none), strlen(JOURNAL_MAGIC)) < 0)
		return;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	if (journal->fd >= 0) {
		unlinkat(journal->directory, journal->name, 0);
		close(journal->fd);
	}
	if (journal->directory >= 0)
		close(journal->directory);
	free(journal->group);
	free(journal);
}

bool journal_is(const uint8_t *bytes, size_t size)
{
	return size >= MAGIC_SIZE && !memcmp(bytes, JOURNAL_MAGIC, MAGIC_SIZE);
}

/* How many cases there are, or, if there is @take, how many it took before it stopped. */
static size_t walk(const uint8_t *bytes, size_t size, journal_case_fn *take, void *opaque,
		   size_t cases)
{
	size_t length, count = 0;

	if (!journal_is(bytes, size))
		return 0;
	for (size_t at = MAGIC_SIZE; size - at >= SIZE_SIZE; at += length) {
		length = get_le32(bytes + at);
		at += SIZE_SIZE;
		if (!length-- || length > size - at)
			break;
		if (take && !take(opaque, count + 1, cases, bytes + at, length))
			break;
		count++;
	}
	return count;
}

bool journal_each(const uint8_t *bytes, size_t size, journal_case_fn *take, void *opaque)
{
	const size_t cases = walk(bytes, size, NULL, NULL, 0);

	return walk(bytes, size, take, opaque, cases) == cases;
}

static int is_name(const struct dirent *entry)
{
	const char *rest = entry->d_name + sizeof(PREFIX) - 1;

	return !strncmp(entry->d_name, PREFIX, sizeof(PREFIX) - 1) && *rest &&
	       !rest[strspn(rest, "0123456789.")];
}

/* A journal that is not in use. A shared lock: two that ask at once see the same. */
static bool is_left(int fd, size_t *cases)
{
	struct stat st;
	uint8_t *bytes;
	ssize_t size;
	bool left;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || flock(fd, LOCK_SH | LOCK_NB))
		return false;
	bytes = malloc((size_t)st.st_size + 1);
	size = bytes ? pread(fd, bytes, (size_t)st.st_size, 0) : -1;
	left = size >= 0 && journal_is(bytes, (size_t)size);
	if (left)
		*cases = walk(bytes, (size_t)size, NULL, NULL, 0);
	free(bytes);
	return left;
}

int journal_died(const char *directory, journal_died_fn *report, void *opaque)
{
	struct dirent **entries;
	int fd, n = scandir(directory, &entries, is_name, versionsort);
	char path[PATH_MAX];
	size_t cases;

	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		free(entries[i]);
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (is_left(fd, &cases))
			report(opaque, path, cases);
		close(fd);
	}
	free(entries);
	return 0;
}
