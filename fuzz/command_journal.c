// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the journal lies, and what to do when it cannot be written: not to run anything. */
#include "fuzz/command_journal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_CANNOT 2

static struct journal *noted; /* for exit() */

void command_journal_close(struct journal *journal)
{
	if (journal == noted)
		noted = NULL;
	journal_close(journal);
}

static void close_noted(void)
{
	command_journal_close(noted);
}

static void tell_died(void *opaque, const char *path, size_t cases)
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
		path, cases, cases == 1 ? "" : "s", path);
}

struct journal *command_journal(const struct engine *engine)
{
	const char *directory = getenv("RDPMC_JOURNAL");
	char beside[PATH_MAX], why[PATH_MAX + 100];
	struct journal *journal;

	if (!engine->real || (directory && !strcmp(directory, "none")))
		return NULL;
	if (!directory || !*directory) {
		if (engine_program(beside, sizeof(beside)))
			snprintf(beside, sizeof(beside), ".");
		else if (beside[1])
			beside[strlen(beside) - 1] = '\0'; /* the last slash */
		directory = beside;
	}
	journal_died(directory, tell_died, NULL);
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
