/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trial: an engine runs a case by each of its entries, and the oracles hold what came out
 * against the model. No allocation, no state from one case to the next.
 */
#ifndef FUZZ_TRIAL_H
#define FUZZ_TRIAL_H

#include "fuzz/engine.h"
#include "fuzz/known.h"
#include "model/intercept.h"

/* What judges. Bits, because one read can offend more than one. */
enum oracle {
	ORACLE_OUTCOME = 1,      /* fault or value differ from the model's */
	ORACLE_NOTHING_ELSE = 2, /* something changed that should not, or did not that should */
	ORACLE_PASS_SOUND = 4,   /* the intercept is off where it must be on */
	ORACLE_ENTRIES = 8,      /* the engine's entries answer differently */
	ORACLE_TROUBLE = 16,     /* the engine's code complains of itself */
};

/* The first thing found wrong in a case. */
struct finding {
	unsigned int oracles; /* bits of enum oracle; 0: nothing was found */
	enum entry entry;
	size_t step; /* 0: the first read, i + 1: step i */
	struct rdpmc_state state;
	/* Of ORACLE_TROUBLE alone: @step is a write, or a refused read; there is no answer, all is 0 */
	bool unanswered;
	struct rdpmc_outcome model; /* by the guest's view */
	struct engine_answer engine;
	struct rdpmc_pass pass; /* of ORACLE_PASS_SOUND */
	const char *trouble;    /* of ORACLE_TROUBLE */
	char changed[160];      /* what changed elsewhere, where the engine tells; or "" */
	uint64_t known;         /* bits of the known differences that explain it; 0: it is new */
	struct rdpmc_counters counters, expected; /* after: the engine's and the model's ... */
	unsigned int n_gp, n_fixed;               /* ... so many of gp[] and fixed[] */
};

/* What cases have shown so far; only ever added to. */
struct tally {
	uint64_t cases, reads, values, faults;
	uint64_t legalised;  /* cases with a field that had to be made legal */
	uint64_t impossible; /* cases that no processor gets into, but the rules cover */
	uint64_t offered;    /* cases whose guest the engine cannot give */
	uint64_t unreached;  /* reads that cannot come to an entry: #UD comes before the exit */
	uint64_t choice;     /* reads that hang on a choice of the hardware's, when thorough */
	uint64_t passed;     /* cases with the intercept off */
	uint64_t unjudged;   /* cases whose intercept the engine does not know */
	uint64_t adapted;    /* reads in a state that the engine could not bring about as it was */
	uint64_t answered;   /* reads by each entry, ... */
	uint64_t refused;    /* ... and those that the host refused: not tried */
	char refusal[160];   /* why the first of them was; or "" */
	uint64_t ways[NR_WAYS];     /* answers by how they came about, where the engine tells */
	uint64_t known;             /* reads and intercepts that differ as is known */
	uint64_t costly;            /* PASS-MINIMAL: on, and need not be */
	uint64_t decided[NR_RULES]; /* reads by the rule that decided */
	uint32_t no, yes;           /* rules that have been asked, and what they have answered */
	uint64_t obstacles[NR_OBSTACLES];
};

/* Add @from to @into. */
void tally_add(struct tally *into, const struct tally *from);

struct trial {
	const struct engine *engine;
	struct engine_vcpu *vcpu;
	unsigned int entries; /* of the engine, those there are here */
	struct rdpmc_choices choices;
	bool thorough; /* also ask the model what no engine is held to: slower, for replay */
	struct known
		*known; /* differences that do not end a case; NULL: every one does. Not owned */
	/*
	 * Told of every difference, known or not, and then no difference ends a case; NULL: the first
	 * that is not known does.
	 */
	void (*tell)(void *opaque, const struct finding *finding);
	void *opaque;
	struct tally tally;
	uint32_t decided;      /* rules that decided a read of the last case, by bit */
	unsigned int answered; /* entries that answered the last read, by bit */
	uint8_t obstacle;      /* enum rdpmc_obstacle of the last case */
};

/* Returns 0, or -1 with @why. */
int trial_init(struct trial *trial, const struct engine *engine, const char **why);
void trial_free(struct trial *trial);

/* Try @data, any bytes. True if nothing was found; else @finding tells the first thing. */
bool trial_run(struct trial *trial, const uint8_t *data, size_t size, struct finding *finding);

/* The same for a case that was decoded, or made, already. */
bool trial_case(struct trial *trial, const struct rdpmc_case *decoded, struct finding *finding);

/* A case under way, for those who make many reads of one. */
struct trial_run {
	struct trial *trial;
	const struct rdpmc_case *decoded;
	struct rdpmc_state state; /* may be changed between reads */
	struct rdpmc_policy policy;
	struct rdpmc_pmu offered;   /* the guest's, as the engine can give it */
	struct rdpmc_pmu processor; /* the host's */
	struct rdpmc_view guest, host;
	struct rdpmc_counters counters; /* the model's */
	unsigned int n_gp, n_fixed;
	struct finding *finding;
};

/* What the engine makes of a case: PMUs and policy. Returns whether the guest had to be changed. */
bool trial_offer(const struct trial *trial, const struct rdpmc_case *decoded,
		 struct rdpmc_pmu *guest, struct rdpmc_pmu *host, struct rdpmc_policy *policy);

/* Begins the case and judges its intercept; no read yet. @decoded and @finding must live on. */
void trial_begin(struct trial *trial, struct trial_run *run, const struct rdpmc_case *decoded,
		 struct finding *finding);

/* Reads RCX = @rcx by all entries, as step @step. False: found something, and nobody to tell. */
bool trial_read(struct trial_run *run, uint64_t rcx, size_t step);

/*
 * Reads each of @ecxs with the state's RCX[63:32]. @found is told of what is found, if anything, and
 * the reading goes on. Returns how many reads agree by all entries, those refused left out.
 */
size_t trial_read_list(struct trial_run *run, const uint32_t *ecxs, size_t count,
		       void (*found)(void *opaque, const struct trial_run *run), void *opaque);

/*
 * What @step does by the rules alone, to @state and @counters. True if it was a read, and @outcome is
 * what the processor answers. The trial itself takes this step before the engine does.
 */
bool trial_model_step(const struct rdpmc_view *guest, const struct rdpmc_policy *policy,
		      struct rdpmc_state *state, struct rdpmc_counters *counters,
		      const struct case_step *step, struct rdpmc_outcome *outcome);

/*
 * Are two findings of the same kind: oracles, entry, rule, and what each side answered? What
 * minimising keeps.
 */
bool finding_alike(const struct finding *a, const struct finding *b);

#endif
