/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A survey: how an engine differs from the processor, as classes of reads that differ alike, each
 * with how many reads it covers and the smallest of them. Or how two engines differ.
 *
 * The counts are not of reads made: 2^32 ECX by states by configurations are too many. What a read
 * does is taken as a matter of its type (ECX[31:16]) and its index (ECX[15:0]): types that
 * answer alike are a class, indices too, and each class of types was tried with every index, each
 * class of indices with every type; what they cover follows by multiplication (survey_grid.h). That
 * states which answer some thousand chosen ECX alike are alike for all is taken for granted, and
 * held against reads at random; where one disagrees, the classes that it belongs to are estimates.
 */
#ifndef FUZZ_SURVEY_H
#define FUZZ_SURVEY_H

#include <sys/types.h>

#include "fuzz/configurations.h"
#include "fuzz/trial.h"

#define SURVEY_TEXT 160 /* of a complaint, cut there */
#define SURVEY_HITS 160 /* classes of one configuration */

/* States that the rules, or code for them, can tell apart; the simplest to look at come first. */
#define SURVEY_STATES 22
void survey_state(unsigned int number, struct rdpmc_state *state);

enum { SURVEY_BEFORE, SURVEY_AFTER, SURVEY_SIDES }; /* one engine: only the first */

/* What an engine does in a class; compared as bytes. */
struct survey_side {
	uint64_t known;   /* bits by known_get() */
	uint8_t oracles;  /* 0: it is right */
	uint8_t rule;     /* enum rdpmc_rule */
	uint8_t model;    /* enum rdpmc_answer that is right for its guest */
	uint8_t answer;   /* enum rdpmc_answer or ANSWER_STRANGE that it gives */
	uint8_t obstacle; /* enum rdpmc_obstacle and ... */
	uint8_t class;    /* ... enum rdpmc_class of ORACLE_PASS_SOUND */
	uint8_t unused[2];
	char trouble[SURVEY_TEXT];
};

struct survey_key {
	uint8_t vendor; /* of the guest; enum rdpmc_vendor */
	uint8_t entry;  /* enum entry, or one of SURVEY_* */
	uint8_t unused[6];
	struct survey_side sides[SURVEY_SIDES];
};

/* What is no read, and counted by configuration. */
#define SURVEY_INTERCEPT NR_ENTRIES       /* the decision to intercept */
#define SURVEY_SETUP     (NR_ENTRIES + 1) /* the engine's code complains when a guest is set up */

/* What the two sides of one ECX are. */
struct survey_example {
	uint32_t ecx;
	uint8_t state;
	struct rdpmc_outcome model[SURVEY_SIDES];
	struct engine_answer engine[SURVEY_SIDES];
};

/* A class within one configuration. */
struct survey_hit {
	struct survey_key key;
	uint64_t count;   /* ECX by states; of what is no read 1 */
	uint64_t reached; /* ENTRY_EXIT: of these what a guest could bring to the exit */
	uint32_t states;  /* bits */
	bool estimated;
	struct survey_example example;
};

/* What one configuration showed. In memory that the workers and their parent share. */
struct survey_slot {
	enum { SLOT_NOT_BEGUN, SLOT_BEGUN, SLOT_DONE } progress;
	pid_t worker;
	bool too_many;              /* classes, or kinds of types or indices: some are left out */
	bool offered[SURVEY_SIDES]; /* the engine cannot give this guest */
	uint8_t intercepts[SURVEY_SIDES]; /* enum intercept */
	uint8_t obstacle[SURVEY_SIDES];   /* enum rdpmc_obstacle */
	uint64_t reads;                   /* made, by all entries of an engine */
	/* By each entry: of an engine, and answered by all of them. */
	uint64_t answered[SURVEY_SIDES], refused[SURVEY_SIDES], compared;
	char refusal[SURVEY_TEXT];  /* why one was refused; or "" */
	uint64_t probes, disagreed; /* reads at random, and those that were not as counted */
	uint64_t happened[SURVEY_SIDES][KNOWN_MOST];
	unsigned int n_hits;
	struct survey_hit hits[SURVEY_HITS];
};

/* What is surveyed. */
struct survey {
	const struct engine *engines[SURVEY_SIDES]; /* [SURVEY_AFTER] NULL: one alone */
	struct known *known[SURVEY_SIDES];          /* or NULL */
	struct rdpmc_choices choices;
	const struct configuration *const *configurations;
	size_t n_configurations;
	unsigned int jobs;         /* processes: an engine may have no more than one vCPU in each */
	bool (*interrupted)(void); /* NULL: never */
	void (*progress)(void *opaque, double share); /* NULL: none */
	void *opaque;
};

/* The sides that a survey has. */
static inline unsigned int survey_sides(const struct survey *survey)
{
	return survey->engines[SURVEY_AFTER] ? 2 : 1;
}

/* A class over all configurations. */
struct survey_class {
	struct survey_key key;
	uint64_t count, reached;
	uint32_t states;
	bool estimated;
	size_t n_configurations;
	uint8_t *in;  /* by configuration: does it happen there? */
	size_t first; /* the example's configuration */
	struct survey_example example;
};

struct survey_result {
	const struct survey *survey;
	struct survey_slot *slots;    /* by configuration */
	struct survey_class *classes; /* as they are told: what is worst first */
	size_t n_classes;
	size_t done;    /* configurations */
	bool partial;   /* interrupted, or a worker died */
	char died[200]; /* how, and in which configuration; empty: none */
	uint64_t reads, probes, disagreed;
	uint64_t answered[SURVEY_SIDES], refused, compared; /* reads by each entry */
	const char *refusal;                                /* of a slot's */
	double seconds;
};

/*
 * Runs it. Counts of what happened are added to the known differences. Returns 0, or -1 with @why;
 * the result is to be freed.
 */
int survey_run(const struct survey *survey, struct survey_result *result, const char **why);
void survey_free(struct survey_result *result);

/* Cases of any guest, made at random as `run --random` makes them, by the first engine. */
#define SURVEY_SEED   1
#define SURVEY_NOTE   256
#define SURVEY_KILLED 8
struct survey_made {
	uint64_t cases;    /* that were tried to their end */
	uint64_t killed;   /* that took the process down; SURVEY_KILLED is the end of it */
	uint64_t differ;   /* in a way that nothing known explains */
	uint64_t answered; /* reads */
};

/*
 * Tries @count of them in a process of their own, and behind one that kills it in another; @result is
 * partial then and says which. @note, or NULL, is called before each SURVEY_NOTE cases and where a
 * process begins, with the number of the first, and returns 0, or errno: nothing more is tried.
 * Returns 0, or -1 with @why.
 */
int survey_made(struct survey_result *result, uint64_t count,
		int (*note)(void *opaque, uint64_t first), void *opaque, struct survey_made *made,
		const char **why);

/* Was a read answered, by every engine? If not, that nothing was found means nothing. */
bool survey_tried(const struct survey_result *result);

/* What became of a class from the first engine to the second. */
enum survey_change { CHANGE_BROKEN, CHANGE_OTHERWISE, CHANGE_OFFER, CHANGE_FIXED, NR_CHANGES };
enum survey_change survey_change(const struct survey_key *key);

/* Is it a difference from the processor that nothing known explains? Of a survey of one engine. */
bool survey_new(const struct survey_class *class);

/* How many cases there are for @entry: configurations by states by ECX. */
uint64_t survey_cases(const struct survey_result *result, unsigned int entry);

/* The example's case, as bytes that decode to it. */
void survey_case(const struct survey_result *result, const struct survey_class *class,
		 struct case_bytes *bytes);

/* One configuration, in this process; survey_run()'s workers call it. */
int survey_configuration(const struct survey *survey, size_t number, struct survey_slot *slot,
			 const char **why);

/* What a worker process begins with: signals end it, and so does its parent's end. */
void survey_worker(pid_t parent);

#endif
