/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several engines on the same cases: how each of them fares against the model, and which of them
 * answer alike. One thread.
 */
#ifndef FUZZ_AGREEMENT_H
#define FUZZ_AGREEMENT_H

#include <signal.h>
#include <stdio.h>

#include "fuzz/findings.h"
#include "fuzz/trial.h"

#define AGREEMENT_ENGINES 8
#define AGREEMENT_FAULTS  4

/* A read's situation and what was answered first, as hashes. */
struct agreement_read {
	uint64_t situation, answer;
	bool answered; /* not refused */
	bool alone;    /* the processor answered: nothing of a kernel's to compare */
	uint8_t kind;  /* of the answer */
	uint64_t rcx;  /* before it */
	struct rdpmc_regs regs;
};

/* The reads of an engine's last case. */
struct agreement_reads {
	uint64_t situation; /* guest, host and policy, and what was written since */
	bool loaded, controls, hides, clears;
	bool real;          /* of a real machine, or to be compared with one */
	unsigned int entry; /* of the last read() */
	size_t count, room;
	struct agreement_read *list;
};

struct agreement_engine {
	const char *name;
	const char *absent; /* why it cannot run here; NULL: it runs */
	struct trial trial;
	struct findings findings;
	uint64_t as_asked, otherwise, not_run; /* add up to the cases */
	uint64_t agree, known, differ;         /* add up to those that were run */
	const struct engine *original;
	struct engine watched; /* the same, but what it reads is noted */
	struct agreement_reads reads;
	bool catches; /* SIGSEGV and the like, by these */
	struct sigaction faults[AGREEMENT_FAULTS];
};

struct agreement_pair {
	uint64_t compared, same; /* cases */
	char differs[700];       /* the first that is not, and in what; empty: there is none */
};

struct agreement {
	unsigned int count, running;
	const struct agreement_engine *catching; /* whose handlers are set; NULL: nobody's */
	uint64_t cases;
	struct agreement_engine engines[AGREEMENT_ENGINES];
	struct agreement_pair pairs[AGREEMENT_ENGINES][AGREEMENT_ENGINES]; /* [i][j], i < j */
};

/*
 * @name must live on. An engine that cannot run here is told so in the table. @known may be NULL,
 * and is not owned.
 */
void agreement_add(struct agreement *agreement, const struct engine *engine, const char *name,
		   const struct rdpmc_choices *choices, struct known *known);
void agreement_free(struct agreement *agreement);

/* As struct trial's thorough, for all engines. */
void agreement_thorough(struct agreement *agreement, bool thorough);

/* One case, named @name in findings, through every engine. */
void agreement_run(struct agreement *agreement, const char *name, const uint8_t *data, size_t size);

/* An engine a row: how its cases were run, and what came of them. */
void agreement_table(FILE *out, const struct agreement *agreement);
/* Of every two engines that ran, how many cases had the same answers. */
void agreement_matrix(FILE *out, const struct agreement *agreement);

#endif
