/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trial: an engine runs a case by each of its entries, and the oracles hold what came out
 * against the model: a verdict each, handed to a fold. No allocation, no state from one case to the next.
 */
#ifndef FUZZ_TRIAL_H
#define FUZZ_TRIAL_H

#include "fuzz/engines/engine.h"
#include "fuzz/oracle/known/known.h"
#include "fuzz/oracle/run.h"
#include "fuzz/oracle/tally.h"
#include "fuzz/oracle/verdict.h"

struct trial {
	const struct engine *engine;
	struct engine_vcpu *vcpu;
	unsigned int entries; /* of the engine, those there are here */
	struct rdpmc_choices choices;
	bool thorough; /* also ask the model what no engine is held to: slower, for replay */
	struct known
		*known; /* differences that do not end a case; NULL: every one does. Not owned */
	/* Each verdict goes into the tally and to this; NULL: to finding_fold(). */
	verdict_fold fold;
	void *opaque;
	struct tally tally;
	uint32_t decided; /* rules that decided a read of the last case, by bit */
	uint8_t obstacle; /* enum rdpmc_obstacle of the last case */
};

/* Returns 0, or -1 with @why. */
int trial_init(struct trial *trial, const struct engine *engine, const char **why);
void trial_free(struct trial *trial);

/*
 * Try @data, any bytes. False if something was found, and @finding tells the first thing. True is no
 * more than that: what was not looked at is in the tally. With a fold nothing is found, and false is
 * that it ended the case.
 */
bool trial_run(struct trial *trial, const uint8_t *data, size_t size, struct finding *finding);

/* The same for a case that was decoded, or made, already. */
bool trial_case(struct trial *trial, const struct rdpmc_case *decoded, struct finding *finding);

/* What the engine makes of a case: PMUs and policy. Returns whether the guest had to be changed. */
bool trial_clamp(const struct trial *trial, const struct rdpmc_case *decoded,
		 struct rdpmc_pmu *guest, struct rdpmc_pmu *host, struct rdpmc_policy *policy);

/*
 * For those who make many reads of one case: begins it and judges its intercept; no read yet. @decoded
 * must live on; @finding, too, and is for the fold where the trial has none of its own: NULL else.
 */
void trial_begin(struct trial *trial, struct trial_run *run, const struct rdpmc_case *decoded,
		 struct finding *finding);

/* Reads RCX = @rcx by all entries, as step @step. False: the fold ends the case. */
bool trial_read(struct trial_run *run, uint64_t rcx, size_t step);

/* Tries what @kept is about once more, and nothing of its case beside that. As trial_run(). */
bool trial_repeat(struct trial *trial, const struct finding *kept, struct finding *finding);

/*
 * What @step does by the rules alone, to @state and @counters. True if it was a read, and @outcome is
 * what the processor answers.
 */
bool trial_model_step(const struct rdpmc_view *guest, const struct rdpmc_policy *policy,
		      struct rdpmc_state *state, struct rdpmc_counters *counters,
		      const struct case_step *step, struct rdpmc_outcome *outcome);

#endif
