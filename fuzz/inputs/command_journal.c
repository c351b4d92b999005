// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the journal lies, and what to do when it cannot be written: not to run anything. */
#include "fuzz/inputs/command_journal.h"
#include "lib/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_CANNOT 2

static struct journal *noted; /* for exit() */

void command_journal_close(struct journal *journal)
{
	if (journal == noted)
		noted = NULL;
	journal_close(journal);
}

void command_journal_end(struct journal *journal, bool died)
{
	if (journal && died)
		noted = NULL; /* the next run names it */
	else
		command_journal_close(journal);
}

static void close_noted(void)
{
	command_journal_close(noted);
}

static void print_died(void *opaque, const char *path, size_t cases)
{
	(void)opaque;
	/* Before its first case: that was nobody's fault. */
	if (!cases) {
		unlink(path);
		return;
	}
	fprintf(stderr,
		"an earlier run did not end: %s holds the %zu case%s it was about to try; "
		"`rdpmc-diff run --engine kvm %s` tries them again; remove it then\n",
		path, cases, PLURAL(cases), path);
}

static bool installed(const char *program)
{
	char data[PATH_MAX + 16];

	snprintf(data, sizeof(data), "%s../share/rdpmc", program);
	return !access(data, F_OK);
}

/* Beside the program; of an installed one among the user's state (XDG Base Directory Specification). */
static void default_place(char *directory, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char program[PATH_MAX];

	if (engine_program(program, sizeof(program)))
		snprintf(program, sizeof(program), "./");
	if (installed(program) && state && *state == '/')
		snprintf(directory, size, "%s/rdpmc", state);
	else if (installed(program) && home && *home == '/')
		snprintf(directory, size, "%s/.local/state/rdpmc", home);
	else
		snprintf(directory, size, "%.*s", program[1] ? (int)strlen(program) - 1 : 1,
			 program);
	/* What cannot be made is told when the journal is opened. */
	for (char *at = strchr(directory + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(directory, 0700);
		*at = '/';
	}
	mkdir(directory, 0700);
}

struct journal *command_journal(const struct engine *engine)
{
	const char *directory = getenv("RDPMC_JOURNAL");
	char place[2 * PATH_MAX], why[2 * PATH_MAX + 100];
	struct journal *journal;

	if (!engine->real || (directory && !strcmp(directory, "none")))
		return NULL;
	if (!directory || !*directory) {
		default_place(place, sizeof(place));
		directory = place;
	}
	journal_died(directory, print_died, NULL);
	journal = journal_open(directory, why, sizeof(why));
	if (journal) {
		noted = journal;
		atexit(close_noted);
		return journal;
	}
	fprintf(stderr,
		"cases are noted on disk before they run, and cannot be: %s; "
		"RDPMC_JOURNAL=DIRECTORY "
		"names another place, RDPMC_JOURNAL=none does without\n",
		why);
	exit(EXIT_CANNOT);
}

static void check(int error)
{
	if (!error)
		return;
	fprintf(stderr, "the journal cannot be written: %s; nothing more is run\n",
		strerror(errno));
	exit(EXIT_CANNOT);
}

void command_journal_add(struct journal *journal, const uint8_t *data, size_t size)
{
	if (journal)
		check(journal_add(journal, data, size));
}

void command_journal_sync(struct journal *journal)
{
	if (journal)
		check(journal_sync(journal));
}

void command_journal_done(struct journal *journal)
{
	if (journal)
		journal_done(journal);
}
