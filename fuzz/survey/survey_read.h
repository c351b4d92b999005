/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One configuration of a survey, read by read: what differs, as numbers that can be compared. */
#ifndef FUZZ_SURVEY_READ_H
#define FUZZ_SURVEY_READ_H

#include <signal.h>

#include "fuzz/survey/survey.h"

#define SURVEY_SIGNALS 4

/* What an entry of an engine did that is not the model's, known or not. */
struct survey_noted {
	bool differs;
	unsigned int oracles;
	uint64_t known;
	const char *trouble;
	struct rdpmc_outcome model;
	struct engine_answer engine;
	struct rdpmc_pass pass; /* of the intercept alone */
};

/* An engine under trial in this configuration. */
struct survey_subject {
	struct trial trial;
	struct trial_run run;
	struct rdpmc_counters initial; /* what reads that clear are undone by */
	struct survey_noted noted[NR_ENTRIES], intercept, setup;
	unsigned int answered;                    /* entries that answered the last read, by bit */
	struct sigaction actions[SURVEY_SIGNALS]; /* what the engine does with its code's faults */
	struct rdpmc_decision decision;           /* of the last read, by the model */
};

/* All that one ECX does in one state. Numbers of these are what a grid is made of. */
struct read_result {
	uint8_t rule[SURVEY_SIDES], answer[SURVEY_SIDES]; /* the model's, so that grids follow it */
	uint8_t hit[NR_ENTRIES]; /* 1 + the class's number; 0: nothing differs */
	uint8_t reached;         /* it differs by ENTRY_EXIT, and a guest can come there */
	uint8_t unused;
};

#define SURVEY_RESULTS 1024

struct survey_reader {
	const struct survey *survey;
	struct survey_slot *slot;
	struct rdpmc_case made;
	struct survey_subject subjects[SURVEY_SIDES];
	unsigned int n_subjects, entries; /* bits of those that all engines have */
	struct rdpmc_state states[SURVEY_STATES];
	unsigned int state; /* that is read in now */
	struct read_result results[SURVEY_RESULTS];
	unsigned int n_results, last_result;
	struct sigaction actions[SURVEY_SIGNALS]; /* as they were before */
};

/* Begins: engines, the configuration, the intercept. Returns 0, or -1 with @why. */
int survey_reader_begin(struct survey_reader *reader, const struct survey *survey, size_t number,
			struct survey_slot *slot, const char **why);
void survey_reader_end(struct survey_reader *reader);

/* A grid_ask: what @ecx does in the reader's state, by its number among the results. */
uint16_t survey_ask(void *opaque, uint32_t ecx);

/* A grid_soon: they are on disk before they run, as one case, where the survey wants that. */
void survey_soon(void *opaque, const uint32_t *ecxs, size_t n);

/* @example, which says state and ECX, read once more for what the two sides answer by @entry. */
void survey_look(struct survey_reader *reader, unsigned int entry, struct survey_example *example);

#endif
