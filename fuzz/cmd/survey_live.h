/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a survey of a real machine does before its workers: which guests there are, which states. */
#ifndef FUZZ_SURVEY_LIVE_H
#define FUZZ_SURVEY_LIVE_H

#include <stdio.h>

#include "fuzz/enumerate/configurations.h"
#include "fuzz/inputs/command_journal.h"
#include "fuzz/oracle/findings.h"
#include "fuzz/oracle/trial.h"

/*
 * A real machine makes the same guest of many configurations: leaves the first of each among the @n of
 * @chosen, and says to @out which went. Returns how many are left.
 */
size_t survey_live_guests(FILE *out, const struct trial *trial, const struct configuration **chosen,
			  size_t n);

/*
 * Each legal state of mode, size of code, paging, CPL and CR4.PCE with an ECX of each shape: more
 * states than a survey has. To @out what came of it, and what the engine says of its host and the states
 * that this refuses.
 */
void survey_live_states(FILE *out, struct trial *trial, struct journal *journal,
			struct findings *findings);

#endif
