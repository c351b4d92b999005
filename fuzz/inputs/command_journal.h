/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal of a command: cases noted on disk before a real machine runs them. */
#ifndef FUZZ_COMMAND_JOURNAL_H
#define FUZZ_COMMAND_JOURNAL_H

#include "fuzz/engines/engine.h"
#include "fuzz/inputs/journal.h"

/*
 * A journal in the directory that the environment's RDPMC_JOURNAL names; without it beside the program, or
 * if that is installed in $XDG_STATE_HOME/rdpmc (~/.local/state/rdpmc). NULL if it is "none", or @engine is
 * none of the machine's own. What earlier runs that did not end left there is told first. One that cannot
 * be written ends the program.
 */
struct journal *command_journal(const struct engine *engine);

/* The cases were run. NULL: nothing to do. */
void command_journal_done(struct journal *journal);

/* Also done at exit(). NULL: nothing to do. */
void command_journal_close(struct journal *journal);

/* The same, but where a process of this command @died of a case: then the journal stays. */
void command_journal_end(struct journal *journal, bool died);

/* Add a case, or make all that were added durable; failure ends the program. NULL: nothing to do. */
void command_journal_add(struct journal *journal, const uint8_t *data, size_t size);
void command_journal_sync(struct journal *journal);

#endif
