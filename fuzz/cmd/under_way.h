/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which cases are under way, so that one that crashes the program or never ends is named. */
#ifndef FUZZ_UNDER_WAY_H
#define FUZZ_UNDER_WAY_H

#include <stddef.h>
#include <stdint.h>

/*
 * From now on: of random cases by their number and @seed. A crash names the case on standard error, keeps
 * it as @save/crash (NULL: nowhere), and ends the program by its signal. So does one that takes @timeout
 * s, as @save/hang, with exit status 1. An engine's own handlers of signals remain.
 */
void under_way_begin(uint64_t seed, const char *save, unsigned int timeout);

/* Thread @job is about to try @data: the file @name, or NULL: random case @number. All of it lives on. */
void under_way_is(unsigned int job, const char *name, uint64_t number, const uint8_t *data,
		  size_t size);
void under_way_none(unsigned int job);

/* Goes to standard output first if a case crashes the program or hangs. @text lives on until the next call. */
void under_way_found(const char *text, size_t size);

#endif
