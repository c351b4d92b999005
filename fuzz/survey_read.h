/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One configuration of a survey, read by read: what differs, as numbers that can be compared. */
#ifndef FUZZ_SURVEY_READ_H
#define FUZZ_SURVEY_READ_H

#include <signal.h>

#include "fuzz/survey.h"

#define SURVEY_SIGNALS 4

/* What an entry of an engine did that the trial objects to. */
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
	struct finding unused;
	struct rdpmc_counters initial; /* what reads that clear are undone by */
	struct survey_noted noted[NR_ENTRIES], intercept, setup;
	struct sigaction actions[SURVEY_SIGNALS]; /* what the engine does with its code's faults */
	struct rdpmc_decision decision;           /* of the last read, by the model */
};

/* Classes as they are compared read by read: complaints by address. */
struct survey_quick {
	struct {
		const char *trouble;
		uint64_t known;
		uint8_t oracles, rule, model, answer, obstacle, class;
		uint8_t unused[2];
	} sides[SURVEY_SIDES];
	uint64_t entry;
};

/* All that one ECX does in one state. Numbers of these are what a grid is made of. */
struct survey_deed {
	uint8_t rule[SURVEY_SIDES], answer[SURVEY_SIDES]; /* the model's, so that grids follow it */
	uint8_t hit[NR_ENTRIES]; /* 1 + the class's number; 0: nothing differs */
	uint8_t reached;         /* it differs by ENTRY_EXIT, and a guest can come there */
	uint8_t unused;
};

#define SURVEY_DEEDS 1024

struct survey_reader {
	const struct survey *survey;
	struct survey_slot *slot;
	struct rdpmc_case made;
	struct survey_subject subjects[SURVEY_SIDES];
	unsigned int n_subjects, entries; /* bits of those that all engines have */
	struct rdpmc_state states[SURVEY_STATES];
	unsigned int state; /* that is read in now */
	struct survey_deed deeds[SURVEY_DEEDS];
	unsigned int n_deeds, last_deed;
	struct survey_quick quick[SURVEY_HITS];
	struct sigaction actions[SURVEY_SIGNALS]; /* as they were before */
};

/*
 * An engine may catch the faults of its code, by a signal's one handler; of two engines each is to
 * get its own. Around an engine's begin, and before each of its reads, for a survey of two.
 */
void survey_signals_keep(struct sigaction actions[SURVEY_SIGNALS]);
void survey_signals_put(const struct sigaction actions[SURVEY_SIGNALS]);
void survey_signals_share(void);
void survey_signals_are(const struct sigaction actions[SURVEY_SIGNALS]);

/* Begins: engines, the configuration, the intercept. Returns 0, or -1 with @why. */
int survey_reader_begin(struct survey_reader *reader, const struct survey *survey, size_t number,
			struct survey_slot *slot, const char **why);
void survey_reader_end(struct survey_reader *reader);

/* A grid_ask: what @ecx does in the reader's state, by its number among the deeds. */
uint16_t survey_ask(void *opaque, uint32_t ecx);

/* @example, which says state and ECX, read once more for what the two sides answer by @entry. */
void survey_look(struct survey_reader *reader, unsigned int entry, struct survey_example *example);

#endif
