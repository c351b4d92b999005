/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A case and what came of it, in words that a person can act on. */
#ifndef FUZZ_REPORT_H
#define FUZZ_REPORT_H

#include <stdio.h>

#include "fuzz/findings.h"

/*
 * "64-bit mode, CPL 3, CR4.PCE = 0, ECX = 6000_0000H: type 6000H, index 0": one read in @state of a
 * guest with a PMU of this view.
 */
void report_read(FILE *out, const struct rdpmc_state *state, const struct rdpmc_view *guest);

/* The whole case: PMUs, policy, counters, steps. */
void report_case(FILE *out, const struct rdpmc_case *decoded);

/* The rules' answer to each read of the case, as the engine's guest has it, step by step. */
void report_answers(FILE *out, const struct trial *trial, const struct rdpmc_case *decoded);

/* What was found, by which oracle, against which rule, with its source. */
void report_finding(FILE *out, const struct trial *trial, const struct rdpmc_case *decoded,
		    const struct finding *finding);

/* VMX-PRIORITY, SVM-PRIORITY: can a guest on the case's host bring the read to an exit? */
bool report_reaches_exit(const struct rdpmc_case *decoded, const struct finding *finding);

/*
 * The bytes as hexadecimal digits, and the command that repeats the case from @file with the engine
 * that was asked for as @engine. Without a file no command; NULL is the default engine.
 */
void report_bytes(FILE *out, const uint8_t *data, size_t size, const char *file,
		  const char *engine);

/* The bytes as a C initialiser with each field named. */
void report_c(FILE *out, const uint8_t *data, size_t size);

/* "outcome, entries": the names of the bits of @oracles. @text holds REPORT_ORACLES bytes. */
unsigned int report_oracle(const char *name); /* the bit of one name; 0: no such oracle */
#define REPORT_ORACLES 64
const char *report_oracles(unsigned int oracles, char *text);

/* What cases have shown, as a few lines; @seconds may be 0. */
void report_tally(FILE *out, const struct tally *tally, double seconds);

/* How often, and the first case of it in full. */
void report_found(FILE *out, const struct trial *trial, const struct found *found);

/* What the engine has to say of its host, a line each. */
void report_remarks(FILE *out, const struct trial *trial);

#endif
