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
	enum rdpmc_rule rule; /* that it breaks */
	uint64_t known;
	const char *trouble;
	struct rdpmc_outcome model;
	struct engine_answer engine;
	char changed[SURVEY_CHANGED]; /* what the engine says beside its answer */
	struct rdpmc_pass pass;       /* of the intercept alone */
};

/* What became of one read, by all entries of an engine. */
struct survey_seen {
	struct survey_noted noted[NR_ENTRIES];
	struct rdpmc_outcome model;
	uint64_t rip, rflags; /* with which it began */
	uint8_t mode;
	bool reached;          /* a guest on this host can bring it to an exit */
	unsigned int answered; /* entries that did, by bit */
};

/* An engine under trial in this configuration. */
struct survey_subject {
	struct trial trial;
	struct trial_run run;
	struct rdpmc_counters initial; /* what reads that clear are undone by */
	struct survey_seen seen;       /* of the last read */
	struct survey_noted intercept, setup;
	struct sigaction actions[SURVEY_SIGNALS]; /* what the engine does with its code's faults */
	/* Of a case made at random, by step. */
	struct survey_seen steps[1 + MUTATE_STEPS];
	bool is_new; /* it differs in a way that nothing known explains */
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

/* What becomes of reads, for those that read by configuration and those that read cases made at random. */

bool survey_verdict_differs(const struct verdict *verdict); /* in a known way or not */
void survey_note_differs(struct survey_noted *noted, const struct verdict *verdict);
void survey_seen_begin(struct survey_seen *seen);
void survey_note_read(struct survey_seen *seen, const struct verdict *verdict);

/* VMX-PRIORITY, SVM-PRIORITY: can a guest on this host bring the read to an exit? */
bool survey_reaches_exit(const struct trial_run *run, const struct rdpmc_counters *counters);

/* Entries by which every engine answered: what one of them refused cannot be compared. */
unsigned int survey_compared(const struct survey_reader *reader,
			     const struct survey_seen *const seen[SURVEY_SIDES]);

/* Is it to be told: is it not the model's; of two engines, is it not the same? */
bool survey_differs(const struct survey_reader *reader,
		    const struct survey_seen *const seen[SURVEY_SIDES], unsigned int entry);

/* Its class, 1 + the number; 0: there are too many. */
unsigned int survey_class_of(struct survey_reader *reader,
			     const struct survey_seen *const seen[SURVEY_SIDES],
			     unsigned int entry);

/*
 * What is no read is told like one, once; between two engines, if it is not the same. Returns the class, 1 + its
 * number; 0: there is nothing to tell, or are too many.
 */
unsigned int survey_note_once(struct survey_reader *reader, unsigned int entry,
			      unsigned int oracle);

void survey_answers(const struct survey_seen *seen, unsigned int entry, unsigned int side,
		    struct survey_example *example);

/*
 * What is known and has happened since this was last called is added to @slot, in memory that outlives the process;
 * NULL: to none.
 */
void survey_take_happened(const struct survey *survey, struct survey_slot *slot);

/* A reader without a configuration, and its engines one by one, each with its fold. */
void survey_reader_none(struct survey_reader *reader, const struct survey *survey,
			struct survey_slot *slot);
int survey_subject_make(struct survey_reader *reader, unsigned int side,
			bool (*fold)(void *opaque, const struct verdict *verdict),
			const char **why);

/*
 * An engine may catch the faults of its code, by a signal's one handler; of two engines each is to get its
 * own: around an engine's begin, and before each of its reads, for a survey of two.
 */
void survey_signals_keep(struct sigaction actions[SURVEY_SIGNALS]);
void survey_signals_put(const struct sigaction actions[SURVEY_SIGNALS]);
void survey_signals_are(const struct sigaction actions[SURVEY_SIGNALS]);
void survey_signals_share(void);

#endif
