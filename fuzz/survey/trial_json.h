/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In a document: what a trial supposes of the hardware, and what came of it. */
#ifndef FUZZ_SURVEY_TRIAL_JSON_H
#define FUZZ_SURVEY_TRIAL_JSON_H

#include <jansson.h>

#include "fuzz/oracle/verdict.h"
#include "model/pmu.h"

/* The names of the choices that are made: a new reference. */
json_t *choices_json(const struct rdpmc_choices *choices);

/* Of reads by each entry, how many were asked for, and by verdict what came of them: a new reference. */
json_t *verdicts_json(uint64_t asked, const uint64_t verdicts[NR_VERDICTS]);

#endif
