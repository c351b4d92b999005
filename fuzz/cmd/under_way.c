// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz/cmd/under_way.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/cmd/command.h"
#include "lib/array.h"

#define LOOKS 5 /* a second, at what is under way */

struct under_way {
	const uint8_t *data;
	size_t size;
	const char *name;
	uint64_t number;
	uint64_t count; /* of those before; what the watch looks at */
	bool is;
};

/* A handler can be given no other place. */
static volatile struct under_way cases[COMMAND_JOBS];
static _Thread_local volatile struct under_way *mine;
static uint64_t seed;
static const char *save;
static unsigned int timeout;
static const char *found; /* what was found before, and is not printed yet */
static size_t found_size;

static bool keep(const volatile struct under_way *one, const char *path)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	return fd >= 0 && write(fd, one->data, one->size) == (ssize_t)one->size;
}

/* In a handler of signals as well: what it calls allocates nothing and takes no locks. */
static void name_case(const volatile struct under_way *one, const char *what, const char *file)
{
	char path[4096], name[300];

	if (found_size && write(STDOUT_FILENO, found, found_size) < 0)
		found_size = 0; /* no place to report it */
	if (one->name)
		snprintf(name, sizeof(name), "%.256s", one->name);
	else
		snprintf(name, sizeof(name), "random case %llu of seed %llu",
			 (unsigned long long)one->number, (unsigned long long)seed);
	snprintf(path, sizeof(path), "%s/%s", save ? save : "", file);
	if (save && keep(one, path))
		dprintf(STDERR_FILENO, "rdpmc-diff: %s in %s; saved as %s\n", what, name, path);
	else
		dprintf(STDERR_FILENO, "rdpmc-diff: %s in %s%s\n", what, name,
			save        ? "; it cannot be saved"
			: one->name ? ""
				    : "; --save DIRECTORY keeps it");
}

/* strsignal() takes a lock. */
static const char *signal_text(int signal)
{
	switch (signal) {
	case SIGABRT:
		return "SIGABRT";
	case SIGSEGV:
		return "SIGSEGV";
	case SIGBUS:
		return "SIGBUS";
	case SIGILL:
		return "SIGILL";
	default:
		return "SIGFPE";
	}
}

static void on_crash(int signal)
{
	static atomic_flag named = ATOMIC_FLAG_INIT;
	struct sigaction by_default = { .sa_handler = SIG_DFL };

	while (atomic_flag_test_and_set(&named))
		pause(); /* another thread's case is being named, and the program ends with it */
	/* What a thread that tries no case dies of is no case's. */
	if (mine && mine->is)
		name_case(mine, signal_text(signal), "crash");
	sigaction(signal, &by_default, NULL);
	raise(signal); /* once this returns */
}

static void *watch(void *unused)
{
	uint64_t seen[COMMAND_JOBS] = { 0 };
	unsigned int looks[COMMAND_JOBS] = { 0 }; /* no clock: a program may be stopped and go on */
	char what[60];

	(void)unused;
	for (;; usleep(1000000 / LOOKS))
		for (unsigned int i = 0; i < COMMAND_JOBS; i++) {
			if (!cases[i].is || cases[i].count != seen[i]) {
				seen[i] = cases[i].count;
				looks[i] = 0;
			} else if (++looks[i] > timeout * LOOKS) {
				snprintf(what, sizeof(what), "no end within %u s", timeout);
				name_case(&cases[i], what, "hang");
				_exit(EXIT_FINDING);
			}
		}
	return NULL;
}

void under_way_begin(uint64_t random_seed, const char *directory, unsigned int seconds)
{
	static const int crashes[] = { SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE };
	struct sigaction crash = { .sa_handler = on_crash };
	static pthread_t watcher;
	static bool watched;
	struct sigaction now;

	sigfillset(&crash.sa_mask); /* a fault in the handler ends the program */
	seed = random_seed;
	save = directory;
	timeout = seconds;
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		if (!sigaction(crashes[i], NULL, &now) && now.sa_handler == SIG_DFL)
			sigaction(crashes[i], &crash, NULL);
	if (!watched && pthread_create(&watcher, NULL, watch, NULL))
		command_die("cannot start a thread");
	watched = true;
}

void under_way_is(unsigned int job, const char *name, uint64_t number, const uint8_t *data,
		  size_t size)
{
	mine = &cases[job];
	mine->data = data;
	mine->size = size;
	mine->name = name;
	mine->number = number;
	mine->count++;
	mine->is = true;
}

void under_way_found(const char *text, size_t size)
{
	found = text;
	found_size = size;
}

void under_way_none(unsigned int job)
{
	cases[job].is = false;
}
