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

#include "fuzz/case/mutate.h"
#include "fuzz/enumerate/configurations.h"
#include "fuzz/oracle/trial.h"

#define SURVEY_TEXT 160 /* of a complaint, cut there */
#define SURVEY_HITS 160 /* classes of one configuration */
#define SURVEY_REMARKS 3

/* States that the rules, or code for them, can tell apart; the simplest to look at come first. */
#define SURVEY_STATES 26
void survey_state(unsigned int number, struct rdpmc_state *state);

enum { SURVEY_BEFORE, SURVEY_AFTER, SURVEY_SIDES }; /* one engine: only the first */

/* What an engine does in a class; compared as bytes. */
struct survey_side {
	uint64_t known;      /* bits by known_get() */
	uint8_t oracles;     /* 0: it is right */
	uint8_t rule;        /* enum rdpmc_rule */
	uint8_t model;       /* enum rdpmc_answer that is right for its guest */
	uint8_t answer;      /* enum rdpmc_answer or ANSWER_STRANGE that it gives */
	uint8_t obstacle;    /* enum rdpmc_obstacle and ... */
	uint8_t class;       /* ... enum rdpmc_class of ORACLE_PASS_SOUND */
	uint8_t exit_reason; /* KVM_EXIT_* of ANSWER_USER_SPACE */
	uint8_t unused;
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

#define SURVEY_CHANGED 80

/* What the two sides of one ECX are. */
struct survey_example {
	uint32_t ecx;
	uint8_t state;
	uint64_t made; /* number of the random case, where no configuration shows it, and ... */
	size_t step;   /* ... how many of its steps come first, a read itself counted */
	struct rdpmc_outcome model[SURVEY_SIDES];
	struct engine_answer engine[SURVEY_SIDES];
	char changed[SURVEY_SIDES]
		    [SURVEY_CHANGED]; /* what the engine says beside its answer, or "" */
};

/* A class: within one configuration, and then over all. */
struct survey_class {
	struct survey_key key;
	uint64_t
		count; /* ECX by states; of what is no read 1; of what no configuration shows random cases */
	uint64_t made;    /* random cases */
	uint64_t reached; /* ENTRY_EXIT: of these what a guest could bring to the exit */
	uint32_t states;  /* bits */
	bool estimated;
	bool known; /* of two engines: what explains the second's side happens with the first, too */
	struct survey_example example;
	/* Over all: */
	size_t n_configurations; /* 0: random cases only */
	uint8_t *in;             /* by configuration: does it happen there? */
	size_t first;            /* the example's configuration, if there is one */
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
	struct tally tally[SURVEY_SIDES]; /* when it is done */
	uint64_t compared;                /* reads, by each entry that answered for all engines */
	uint64_t probes, disagreed;       /* reads at random, and those that were not as counted */
	uint64_t happened[SURVEY_SIDES][KNOWN_MAX];
	unsigned int n_hits;
	struct survey_class hits[SURVEY_HITS];
};

#define SURVEY_PATIENCE 60

/* What is surveyed. */
struct survey {
	const struct engine *engines[SURVEY_SIDES]; /* [SURVEY_AFTER] NULL: one alone */
	struct known *known[SURVEY_SIDES];          /* or NULL */
	/* What each engine cannot report, and why; of its own memory. The first that is NULL ends them. */
	const char *remarks[SURVEY_SIDES][SURVEY_REMARKS];
	struct rdpmc_choices choices;
	const struct configuration *const *configurations;
	size_t n_configurations;
	unsigned int jobs; /* processes: an engine may have no more than one vCPU in each */
	double patience; /* s that a read may take before its process is ended; 0: SURVEY_PATIENCE */
	/* A case is about to be tried: of a real machine, which may go down with it. NULL: not called */
	void (*before)(void *opaque, const uint8_t *data, size_t size);
	bool (*interrupted)(void);                    /* NULL: never */
	void (*progress)(void *opaque, double share); /* NULL: none */
	void *opaque;
};

/* The sides that a survey has. */
static inline unsigned int survey_sides(const struct survey *survey)
{
	return survey->engines[SURVEY_AFTER] ? 2 : 1;
}

struct survey_result {
	const struct survey *survey;
	struct survey_slot *slots;    /* by configuration */
	struct survey_class *classes; /* as they are told: what is worst first */
	size_t n_classes;
	size_t done;    /* configurations */
	bool partial;   /* interrupted, or a worker died or hung */
	char died[200]; /* how, and in which configuration; empty: none */
	uint64_t reads, probes, disagreed;
	uint64_t compared;                /* reads, by each entry that answered for all engines */
	struct tally tally[SURVEY_SIDES]; /* of the configurations that are done */
	bool made_too_many;               /* classes of random cases: some are left out */
	double seconds;
};

/*
 * Runs it. Counts of what happened are added to the known differences. Returns 0, or -1 with @why;
 * the result is to be freed.
 */
int survey_run(const struct survey *survey, struct survey_result *result, const char **why);
void survey_free(struct survey_result *result);

/* Cases of any guest, made at random as `run --random` makes them. What they show is added to the result. */
#define SURVEY_SEED   1
#define SURVEY_NOTE   256
#define SURVEY_KILLED 8
struct survey_made {
	uint64_t cases;  /* that were tried to their end */
	uint64_t killed; /* that took the process down; SURVEY_KILLED is the end of it */
	uint64_t differ; /* in a way that nothing known explains; of two engines, from each other */
	struct tally tally; /* with what was read of those that took it down; of both engines */
};

/*
 * Tries @count of them in processes of their own, as many as the survey has (with @note one), and behind a case that
 * kills one in another; @result is partial then and says which. @note, or NULL, is called before each SURVEY_NOTE cases and where a
 * process begins, with the number of the first, and returns 0, or errno: nothing more is tried.
 * Returns 0, or -1 with @why.
 */
int survey_made(struct survey_result *result, uint64_t count,
		int (*note)(void *opaque, uint64_t first), void *opaque, struct survey_made *made,
		const char **why);

/* Adds the classes of random cases. Returns 0, or -1: out of memory. */
int survey_add_made(struct survey_result *result, const struct survey_slot *slot);

/* Was a read answered, by every engine? If not, that nothing was found means nothing. */
bool survey_tried(const struct survey_result *result);

/* Reads of all engines, by each entry, that came to it. */
uint64_t survey_verdicts(const struct survey_result *result, enum verdict_kind kind);

/* What was not looked at, in a line, or "": only then may be said that every read is the processor's. */
#define SURVEY_UNTRIED 1000
const char *survey_not_tried(const struct survey_result *result, char text[SURVEY_UNTRIED]);

/* What became of a class from the first engine to the second. */
enum survey_change {
	CHANGE_BROKEN,
	CHANGE_OTHERWISE,
	CHANGE_KNOWN, /* wrong by what is known of both, or the first had not come so far */
	CHANGE_CLAMP,
	CHANGE_FIXED,
	NR_CHANGES
};
enum survey_change survey_change(const struct survey_class *class);

/* Is it a difference from the processor that nothing known explains? Of a survey of one engine. */
bool survey_new(const struct survey_class *class);

/* How many cases there are for @entry: configurations by states by ECX. */
uint64_t survey_cases(const struct survey_result *result, unsigned int entry);

/* The example's case, as bytes that decode to it; returns how many. */
size_t survey_case(const struct survey_result *result, const struct survey_class *class,
		   uint8_t data[MUTATE_SIZE]);

/* One configuration, in this process; survey_run()'s workers call it. */
int survey_configuration(const struct survey *survey, size_t number, struct survey_slot *slot,
			 const char **why);

/* A process of a survey's, as its parent sees it. */
struct survey_process {
	pid_t pid;      /* 0: it has ended */
	uint64_t steps; /* how far it was, ... */
	double since;   /* ... and when that was seen first */
	bool hung;
};

/* fork(): what is not yet written is not the child's to write; signals end it, and so does its parent's end. */
pid_t survey_fork(void);

/*
 * Has it ended, with @status? If not it is killed where the survey is interrupted, or where @steps have
 * not changed for too long.
 */
bool survey_ended(const struct survey *survey, struct survey_process *process, uint64_t steps,
		  int *status);

/* Between looks at processes. */
void survey_pause(void);

#endif
