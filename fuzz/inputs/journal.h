/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cases that are about to be run, on disk before they are: one that takes the whole machine down
 * is known afterwards.
 *
 * A journal is a file: JOURNAL_MAGIC, then of each case its size plus 1 as u32, little endian, and the bytes;
 * zeros may follow. Each group of cases is written over the one before. Where that was cut short none of
 * the new group has run, and any bytes are a case: what is read then does no harm.
 */
#ifndef FUZZ_JOURNAL_H
#define FUZZ_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_MAGIC "rdpmc-journal/2\n"

struct journal;

/*
 * Begin @directory/journal.PID, or journal.PID.2 and so on where that is there already. It is locked
 * for as long as it is open. NULL with @why, one line.
 */
struct journal *journal_open(const char *directory, char *why, size_t why_size);

/* Add a case to the group. 0, or -1 with errno: the group is as it was. */
int journal_add(struct journal *journal, const uint8_t *data, size_t size);

/*
 * Once this returns 0 the group is on disk, and the next one begins; none of it may be run before.
 * -1 with errno: the disk holds part of the group at best. The group remains, to be tried again.
 */
int journal_sync(struct journal *journal);

/*
 * All of the group has run, and no harm was done: should the program now end without
 * journal_close(), no case is left. What a machine that goes down has on its disk is still the group.
 */
void journal_done(struct journal *journal);

/* Remove the file: nothing that it held did any harm. NULL is allowed. */
void journal_close(struct journal *journal);

/* Called with each journal of a run that did not end, and how many cases can be read from it. */
typedef void journal_died_fn(void *opaque, const char *path, size_t cases);

/*
 * Tell of the journals in @directory that nobody holds open, in the order of their names. Those that
 * cannot be read are left out. 0, or -1 with errno if @directory cannot be read.
 */
int journal_died(const char *directory, journal_died_fn *report, void *opaque);

/* Whether these bytes of a file are a journal. */
bool journal_is(const uint8_t *bytes, size_t size);

/* Called with case @number, from 1, of @cases; false stops. */
typedef bool journal_case_fn(void *opaque, size_t number, size_t cases, const uint8_t *data,
			     size_t size);

/* Hand the cases in a journal to @take; false when it stopped. */
bool journal_each(const uint8_t *bytes, size_t size, journal_case_fn *take, void *opaque);

#endif
