/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sweeps found, for people. */
#ifndef FUZZ_SWEEP_TEXT_H
#define FUZZ_SWEEP_TEXT_H

#include <stdio.h>

#include "fuzz/configurations.h"
#include "fuzz/sweep.h"

/* Each kind of finding with its first case. @trial: of the engine that was swept. */
void sweep_tell_findings(FILE *out, const struct trial *trial, const struct sweep_result *result);

/* How many reads of each state and shape agree. */
void sweep_tell_states(FILE *out, const struct sweep_place places[SWEEP_PLACES],
		       const struct tally *tally);

/* The configurations that were not swept, if any, because the engine makes the same guest of another. */
void sweep_tell_left_out(FILE *out, const bool left_out[]);

#endif
