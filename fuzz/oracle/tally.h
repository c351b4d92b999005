/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tally: a fold of verdicts that only counts. */
#ifndef FUZZ_ORACLE_TALLY_H
#define FUZZ_ORACLE_TALLY_H

#include "fuzz/oracle/verdict.h"

/* What cases have shown so far; only ever added to. */
struct tally {
	uint64_t cases, reads, values, faults;
	uint64_t legalised;  /* cases with a field that had to be made legal */
	uint64_t impossible; /* cases that no processor gets into, but the rules cover */
	uint64_t offered;    /* cases whose guest the engine cannot give */
	uint64_t choice;     /* reads that depend on a choice of the model's, when thorough */
	uint64_t passed;     /* cases with the intercept off */
	uint64_t costly;     /* PASS-MINIMAL: on, and need not be */
	uint64_t adapted;    /* reads in a state that the engine could not bring about as it was */
	uint64_t paths[NR_EXEC_PATHS]; /* answers by how they came about, where the engine tells */
	/* The trial counts what it asks; the verdicts on that add up to it. */
	uint64_t asked[NR_QUESTIONS], verdicts[NR_QUESTIONS][NR_VERDICTS];
	uint64_t unjudged;          /* of the reads that are not available: by an entry that there is */
	char refusal[160];          /* why the first read that the host refused was; or "" */
	char unjudged_why[160];     /* why the first of them was not judged; or "" */
	uint64_t decided[NR_RULES]; /* reads by the rule that decided */
	uint32_t no, yes;           /* rules that have been asked, and what they have answered */
	uint64_t obstacles[NR_OBSTACLES];
};

/* Add @from to @into. */
void tally_add(struct tally *into, const struct tally *from);

/* That a rule was asked, and what it answered. */
static inline void tally_rule(struct tally *tally, enum rdpmc_rule rule, bool yes)
{
	*(yes ? &tally->yes : &tally->no) |= 1U << rule;
}

static inline void tally_rules(struct tally *tally, const struct rdpmc_decision *decision)
{
	tally->no |= decision->no;
	tally->yes |= decision->yes;
}

/* Parts of tally_add_verdict() that are not for every read. */
void tally_add_intercept(struct tally *tally, const struct verdict *verdict);
void tally_add_refusal(struct tally *tally, const struct verdict *verdict);
void tally_add_unjudged(struct tally *tally, const struct verdict *verdict);

/* The fold. In a trial's fastest path. */
static inline void tally_add_verdict(struct tally *tally, const struct verdict *verdict)
{
	const struct rdpmc_outcome *model = verdict->model;

	tally->verdicts[verdict->question][verdict->kind]++;
	if (verdict->question == QUESTION_INTERCEPT)
		tally_add_intercept(tally, verdict);
	if (verdict->answer)
		tally->paths[verdict->answer->path]++;
	if (verdict->kind == VERDICT_REFUSED)
		tally_add_refusal(tally, verdict);
	if (verdict->unjudged)
		tally_add_unjudged(tally, verdict);
	if (!verdict->last || !model)
		return;
	tally_rules(tally, &model->decision);
	tally->decided[model->decision.rule]++;
	tally->adapted += verdict->moved;
	tally->reads++;
	tally->values += model->decision.answer == ANSWER_VALUE;
	tally->faults += model->decision.answer != ANSWER_VALUE;
}

/* Reads by each entry that were answered; 0: that nothing was found means nothing. */
uint64_t tally_answered(const struct tally *tally);

/* Reads, writes and intercepts that differ as is known. */
uint64_t tally_known(const struct tally *tally);

/*
 * What was asked for and not looked at, in a line, or "" if all was. With it no headline may say that
 * every read is right.
 */
#define TALLY_TEXT 600
const char *tally_not_tried(const struct tally *tally, char text[TALLY_TEXT]);

#endif
