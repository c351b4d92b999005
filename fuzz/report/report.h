/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A case and what came of it, in words that a person can act on. */
#ifndef FUZZ_REPORT_REPORT_H
#define FUZZ_REPORT_REPORT_H

#include <stdio.h>

#include "fuzz/oracle/findings.h"

/*
 * "64-bit mode, CPL 3, CR4.PCE = 0, ECX = 0x60000000: type 0x6000, index 0": one read in @state of a
 * guest with a PMU of this view.
 */
void report_read(FILE *out, const struct rdpmc_state *state, const struct rdpmc_view *guest);

/* The whole case: PMUs, policy, counters, steps; a line each, with its label in the first columns. */
#define REPORT_LABEL 9
void report_case(FILE *out, const struct rdpmc_case *decoded);

/* Lines: a PMU after the word @whose, and a step without its number. */
void report_pmu(FILE *out, const char *whose, const struct rdpmc_pmu *pmu);
void report_step(FILE *out, const struct case_step *step);

/*
 * The rules' answer to each read of the case, as the engine's guest has it, step by step, and how it
 * would differ by each other choice.
 */
void report_answers(FILE *out, const struct trial *trial, const struct rdpmc_case *decoded);

/* What was expected by which rule, with its source, what the engine did, and which oracles object. */
void report_finding(FILE *out, const struct trial *trial, const struct rdpmc_case *decoded,
		    const struct finding *finding);

/* VMX-PRIORITY, SVM-PRIORITY: can a guest on the finding's host bring the read to an exit? */
bool report_reaches_exit(const struct trial *trial, const struct finding *finding);

/*
 * The bytes as hexadecimal digits, and the command that repeats the case from @file with the engine
 * that was asked for as @engine, and with @arguments, each behind a blank. Without a file no command;
 * NULL is the default engine.
 */
void report_bytes(FILE *out, const uint8_t *data, size_t size, const char *file, const char *engine,
		  const char *arguments);

/* What an engine did in place of what is expected. */
struct mismatch {
	unsigned int answer;  /* enum rdpmc_answer, or ANSWER_STRANGE */
	unsigned int model;   /* enum rdpmc_answer */
	unsigned int oracles; /* 0: it is right */
	unsigned int rule;    /* enum rdpmc_rule */
};

const char *answer_name(unsigned int answer);               /* "value", "#GP" ... */
const char *mismatch_name(const struct mismatch *mismatch); /* "another value", "#GP", "a splat" */

/* "got a value, expected #GP (rule NO-FAST)". @text holds MISMATCH_TITLE bytes. */
#define MISMATCH_TITLE 128
const char *mismatch_title(const struct mismatch *mismatch, char *text);

/* The same of a finding, with an intercept that is wrong. @text holds FINDING_TITLE bytes. */
#define FINDING_TITLE 300
const char *finding_title(const struct finding *finding, char *text);

/* How the reads exited, where the engine reports it: evidence; or nothing. */
void report_exits(FILE *out, const struct tally *tally);
/* Statistics of the cases and of the model's rules; @seconds may be 0. */
void report_tally(FILE *out, const struct tally *tally, double seconds);

/* Its title, how often, and the first case of it in full. */
void report_found(FILE *out, const struct trial *trial, const struct found *found);
/* Cases of kinds that there was no room for; nothing without any. */
void report_more(FILE *out, const struct findings *findings);

/* What the engine has to say of its host, a line each. */
void report_remarks(FILE *out, const struct trial *trial);

#endif
