/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Triage: of a case that a fuzzer saved, a page that a person reads, and one page for each finding
 * however often it is found. A page is a directory:
 *
 *   finding.md      what, where, why it is wrong, how to repeat it, who shares it
 *   case            the smallest case that shows it
 *   form-2 ...      other sights of it: the smallest case of each
 */
#ifndef FUZZ_TRIAGE_H
#define FUZZ_TRIAGE_H

#include <stdio.h>

#include "fuzz/oracle/trial.h"
#include "lib/failure.h"

#define TRIAGE_PAGE     "finding.md"
#define TRIAGE_CASE     "case"
#define TRIAGE_FORM     "form-%u"
#define TRIAGE_FORMS    64 /* that a page shows, the first one with them */
#define TRIAGE_SENTENCE 256
#define TRIAGE_UNTRIED  (TRIAGE_SENTENCE + TALLY_TEXT)
#define TRIAGE_NAME     256 /* bytes of a file's name and its end */

struct triage_engine {
	const char *name; /* as --engine takes it */
	const struct engine *engine;
	struct known *known; /* may be NULL; not owned */
};

struct triage {
	const char *directory; /* of the pages; it exists */
	struct rdpmc_choices choices;
	const char *
		arguments; /* how rdpmc-diff was told of them, and of what is known: " --known none" */
	unsigned int times; /* that a case is tried before anything is believed */
	unsigned int count; /* of engines: the first found the case, the others are asked as well */
	const struct triage_engine *engines;
};

enum triage_verdict {
	TRIAGE_NEW,     /* a page was written */
	TRIAGE_ANOTHER, /* a form was added to a page */
	TRIAGE_AGAIN,   /* a page has it already */
	TRIAGE_FLAKY,   /* not seen each time */
	TRIAGE_KNOWN,   /* known differences explain all of it */
	TRIAGE_NOTHING, /* never seen */
};

struct triage_result {
	enum triage_verdict verdict;
	unsigned int seen;           /* so often in triage->times */
	char page[TRIAGE_NAME];      /* name of its directory; "" where there is none */
	char class[TRIAGE_SENTENCE]; /* "ENGINE: ORACLE: TITLE"; "" if never seen */
	/* If never seen: what the engine was asked and not tried, and whether it answered at all; or "" */
	char untried[TRIAGE_UNTRIED];
};

/*
 * Returns 0, or -errno with @failure: an engine that cannot run here, or a page that cannot be
 * written; then no page is half there.
 */
int triage_case(const struct triage *triage, const uint8_t *data, size_t size,
		struct triage_result *result, struct failure *failure);

const char *triage_verdict_name(enum triage_verdict verdict); /* "new", "another form" ... */

/* A trial of the @number-th engine, with what is known of it. Returns 0, or -1 with @why. */
int triage_begin(const struct triage *triage, unsigned int number, struct trial *trial,
		 const char **why);

/* A case, small, and what it shows. */
struct triage_sight {
	const uint8_t *data;
	size_t size;
	const struct finding *finding;
};

/* What a page says of its first case. */
void triage_page(FILE *out, const struct triage *triage, struct trial *trial, const char *page,
		 const struct triage_sight *sight);
/* One more form, the case kept as @file, put into the @text of a page: a row and a section. */
void triage_form(FILE *out, const char *text, const struct triage *triage, struct trial *trial,
		 const char *page, const char *file, const struct triage_sight *sight);

#endif
