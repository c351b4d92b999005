// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading and appending to the file of a sweep that can be taken up again. */
#include "fuzz/sweep_resume.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "fuzz/hash.h"
#include "fuzz/sweep.h"

#define HEADER "rdpmc-diff-sweep-1"

struct resume {
	int fd;
	int error; /* errno of the first line that could not be written */
	unsigned int count;
	bool done[SWEEP_CHUNKS];
};

bool resume_done(const struct resume *resume, unsigned int chunk)
{
	return resume->done[chunk];
}

unsigned int resume_count(const struct resume *resume)
{
	return resume->count;
}

static bool append(struct resume *resume, const char *line, size_t length)
{
	ssize_t n = write(resume->fd, line, length);

	if (n == (ssize_t)length)
		return true;
	if (!resume->error)
		resume->error = n < 0 ? errno : ENOSPC;
	return false;
}

void resume_note(struct resume *resume, unsigned int chunk)
{
	char line[32];

	if (resume->done[chunk] || resume->error)
		return;
	resume->done[chunk] = true;
	append(resume, line, (size_t)snprintf(line, sizeof(line), "chunk %u\n", chunk));
}

/* The header differs: in what? The fields are words at the same places. */
static void tell_difference(const char *theirs, const char *ours, char *why, size_t size)
{
	static const char *const texts[] = {
		"is not the file of a sweep",
		"was begun by another version of this program",
		"was begun by another build of this program or engine",
		"is of another engine",
		"is of another --choice",
		"is of another configuration",
		"is of other --first and --last",
	};
	size_t field = 0, same = 0;
	int theirs_length, ours_length;

	while (theirs[same] && theirs[same] == ours[same])
		field += theirs[same++] == ' ';
	while (same && theirs[same - 1] != ' ')
		same--;
	if (field >= sizeof(texts) / sizeof(texts[0]))
		field = 0;
	theirs_length = (int)strcspn(theirs + same, " ");
	ours_length = (int)strcspn(ours + same, " ");
	if (field)
		snprintf(why, size, "%s (%.*s, not %.*s)", texts[field], theirs_length,
			 theirs + same, ours_length, ours + same);
	else
		snprintf(why, size, "%s", texts[0]);
}

/* @text is what the file holds. Returns how much of it is whole lines, or -1 with @why. */
static ssize_t take(struct resume *resume, char *text, const char *header, char *why, size_t size)
{
	char *line = text, *end = strchr(text, '\n');
	unsigned int chunk;
	size_t number = 1;
	int used;

	if (!end) {
		/* Killed while it wrote its first line, or empty. */
		if (!strncmp(text, header, strlen(text)))
			return 0;
		snprintf(why, size, "is not the file of a sweep");
		return -1;
	}
	*end = '\0';
	if (strcmp(text, header)) {
		tell_difference(text, header, why, size);
		return -1;
	}
	for (line = end + 1; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		number++;
		used = -1;
		if (sscanf(line, "chunk %u%n", &chunk, &used) != 1 || line[used] ||
		    chunk >= SWEEP_CHUNKS) {
			snprintf(why, size, "line %zu is damaged", number);
			return -1;
		}
		resume->count += !resume->done[chunk];
		resume->done[chunk] = true;
	}
	return line - text;
}

/* All of a file that should be small; NULL with errno. */
static char *read_all(int fd)
{
	const size_t most = 1 << 20;
	char *text = calloc(1, most + 1);
	size_t size = 0;
	ssize_t n = 1;

	while (text && size < most && (n = read(fd, text + size, most - size)) > 0)
		size += (size_t)n;
	if (!text || n >= 0)
		return text;
	free(text);
	return NULL;
}

static bool open_file(struct resume *resume, const char *path, const char *header, char *why,
		      size_t size)
{
	ssize_t whole;
	char *text;

	resume->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (resume->fd < 0) {
		snprintf(why, size, "%s", strerror(errno));
		return false;
	}
	if (flock(resume->fd, LOCK_EX | LOCK_NB)) {
		snprintf(why, size, "%s",
			 errno == EWOULDBLOCK ? "another sweep is writing to it" : strerror(errno));
		return false;
	}
	text = read_all(resume->fd);
	if (!text) {
		snprintf(why, size, "%s", strerror(errno));
		return false;
	}
	whole = take(resume, text, header, why, size);
	free(text);
	if (whole < 0)
		return false;
	/* A last line that was cut off goes, or the next would be appended to it. */
	if (ftruncate(resume->fd, whole) ||
	    (!whole && (!append(resume, header, strlen(header)) || !append(resume, "\n", 1)))) {
		snprintf(why, size, "%s", strerror(resume->error ? resume->error : errno));
		return false;
	}
	return true;
}

struct resume *resume_open(const char *path, const struct resume_key *key, char *why,
			   size_t why_size)
{
	struct resume *resume = calloc(1, sizeof(*resume));
	char header[1024], what[600];

	snprintf(header, sizeof(header),
		 HEADER " version=%s build=%s engine=%s choices=%s configuration=%s ecx=%08x-%08x",
		 key->version, key->build, key->engine, key->choices, key->configuration,
		 key->first, key->last);
	snprintf(what, sizeof(what), "out of memory");
	if (resume && open_file(resume, path, header, what, sizeof(what)))
		return resume;
	snprintf(why, why_size, "%s: %s", path, what);
	if (resume && resume->fd >= 0)
		close(resume->fd);
	free(resume);
	return NULL;
}

bool resume_close(struct resume *resume, char *why, size_t why_size)
{
	int error = resume->error;

	if (close(resume->fd) && !error)
		error = errno;
	free(resume);
	if (error)
		snprintf(why, why_size, "a chunk could not be noted: %s", strerror(error));
	return !error;
}

static bool hash_file(const char *path, uint64_t *hash)
{
	uint8_t bytes[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd < 0)
		return false;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		*hash = hash_more(*hash, bytes, (size_t)n);
	close(fd);
	return !n;
}

void resume_build(const void *function, char text[17])
{
	uint64_t hash = HASH_START;
	Dl_info info;

	text[0] = '\0';
	if (!hash_file("/proc/self/exe", &hash))
		return;
	/* Of the program itself the name is argv[0], which need not be a path: once is enough. */
	if (dladdr(function, &info) && strchr(info.dli_fname, '/') &&
	    !hash_file(info.dli_fname, &hash))
		return;
	snprintf(text, 17, "%016llx", (unsigned long long)hash);
}
