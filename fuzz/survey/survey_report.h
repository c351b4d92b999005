/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a survey found, as a page; and its words. */
#ifndef FUZZ_SURVEY_REPORT_H
#define FUZZ_SURVEY_REPORT_H

#include "fuzz/report/report.h"
#include "fuzz/survey/survey.h"
#include "lib/json/page.h"

struct survey_report {
	const struct survey_result *result;
	const char *names[SURVEY_SIDES]; /* as the engines were asked for; NULL: their own */
	const char *saved;               /* directory of the examples, or NULL */
	const char *arguments; /* of a command that repeats one: " --known none"; or NULL */
	const char *started;   /* RFC 3339, UTC */
	const char *known;     /* directory of the known differences, or NULL: none are read */
	uint64_t made;         /* so many cases were made beside the configurations ... */
	uint64_t made_new;     /* ... so many of them differ in a way that is new ... */
	const char *made_not_tried; /* ... and what limits them: tally_not_tried(); or NULL */
	/* Kinds of findings in the legal states of a real machine, which are tried before the survey. */
	size_t states_new;
	size_t chosen, configurations; /* the user chose so many of so many; 0: all of them */
	bool whole;   /* all configurations and random cases: what is known has had its chance */
	bool verbose; /* all names, and statistics of the survey itself */
};

/* Fills @page, which is to be freed; without memory it has failed. */
void survey_page(struct page *page, const struct survey_report *report);

/* Kind "survey" of results/rdpmc-results-2.schema.json; NULL without memory. */
json_t *survey_json(const struct page *page, const struct survey_report *report);

/* How many classes are new; of two engines, became wrong, the intercept's decisions too. */
size_t survey_bad(const struct survey_result *result);

/*
 * Functions that changed from one engine's sources to the other's and are in neither engine: what they do to guests
 * was not seen. In order of files and names.
 */
struct survey_not_run {
	size_t n_functions;
	const struct engine_function **functions; /* malloc()ed */
};
/* -1: no memory. */
int survey_not_run(const struct survey *survey, struct survey_not_run *not_run);
/* The functions of the file of the one at @first end before this. */
size_t survey_not_run_end(const struct survey_not_run *not_run, size_t first);

/* By which number, from 1, a class is reported: one that is the same by another entry shares it. */
struct survey_number {
	size_t number;
	bool repeated; /* a class before it has the number, too */
	bool shared;   /* any other has */
};
struct survey_number *survey_numbers(const struct survey_result *result); /* malloc()ed, or NULL */

/* The file of a class in @directory. */
#define SURVEY_PATH 4096
void survey_path(char path[SURVEY_PATH], const char *directory, const struct survey_class *class,
		 size_t number);

/* A configuration's decision to intercept, by PASS-SOUND and PASS-MINIMAL. */
enum survey_decision {
	DECISION_OFF,      /* rightly */
	DECISION_ON,       /* rightly */
	DECISION_COSTLY,   /* on without need */
	DECISION_UNSOUND,  /* off wrongly */
	DECISION_UNJUDGED, /* not known */
	NR_DECISIONS
};
enum survey_decision survey_decision(const struct survey_slot *slot, unsigned int side);

/* What makes a page: survey_page(), and the functions that it has in other files. */
struct survey_render {
	struct page *page;
	const struct survey_report *report;
	const struct survey_result *result;
	const struct survey_number *numbers; /* by class */
	bool two;                            /* engines */
	const struct survey_not_run *not_run;
};
void survey_page_class(const struct survey_render *r, size_t index); /* an item */
void survey_page_known(const struct survey_render *r, size_t first); /* a table and items */
void survey_page_json(const struct survey_render *r);                /* rows and summary */

/* Words */

struct survey_words {
	char text[1200];
};

/* printf(), cut to size. */
__attribute__((format(printf, 1, 2))) struct survey_words survey_format(const char *format, ...);
/* One more of a list. */
void survey_append(struct survey_words *list, const char *separator, const char *text);

const char *survey_name(const struct survey_report *report, unsigned int side);
const char *survey_entry(unsigned int entry); /* "exit", "emulator", "intercept", "setup" */
const char *survey_got(const struct survey_side *side); /* its name */
struct survey_words survey_count(uint64_t number);      /* 1,234,567 */
struct survey_words survey_state_text(unsigned int number);
struct survey_words survey_smallest(const struct survey_result *result,
				    const struct survey_class *class);

#endif
