/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a survey found: for a terminal, for a mail or a pull request, as JSON. */
#ifndef FUZZ_SURVEY_REPORT_H
#define FUZZ_SURVEY_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "fuzz/survey.h"

struct survey_report {
	const struct survey_result *result;
	const char *names[SURVEY_SIDES]; /* as the engines were asked for; NULL: their own */
	const char *saved;               /* directory of the examples, or NULL */
	const char *started;             /* RFC 3339, UTC */
	const char *known; /* directory of the known differences, or NULL: none are read */
	uint64_t made;     /* so many cases were made beside the configurations ... */
	uint64_t made_new; /* ... and so many of them differ in a way that is new */
};

void survey_text(FILE *out, const struct survey_report *report);
void survey_markdown(FILE *out, const struct survey_report *report);
json_t *survey_json(const struct survey_report *report); /* NULL without memory */

/* The parts of survey_text() and survey_markdown() that are about two engines. */
void survey_text_changes(FILE *out, const struct survey_report *report);
void survey_markdown_changes(FILE *out, const struct survey_report *report);

/* How many classes are new; of two engines, became wrong, the intercept's decisions too. */
size_t survey_bad(const struct survey_result *result);

/* The file of class @number (from 0) in @directory. */
#define SURVEY_PATH 4096
void survey_path(char path[SURVEY_PATH], const char *directory, const struct survey_class *class,
		 size_t number);

/* Words */

struct survey_words {
	char text[400];
};

/* printf(), cut to size. */
__attribute__((format(printf, 1, 2))) struct survey_words survey_say(const char *format, ...);

const char *survey_entry(unsigned int entry); /* "exit", "emulator", "intercept", "setup" */
const char *survey_vendor(const struct survey_key *key);
const char *survey_answer_name(unsigned int answer); /* "value", "#GP" ... */

/* What the engine does instead of what is right: "another value", "#GP", "the same, and ..." */
const char *survey_instead(const struct survey_side *side);
struct survey_words survey_number(uint64_t number); /* 1,234,567 */
struct survey_words survey_ecx(uint32_t ecx);       /* 6000_0000H */
struct survey_words survey_share(const struct survey_result *result,
				 const struct survey_class *class); /* "1.2e-07 %" */
struct survey_words survey_count(const struct survey_class *class); /* "about 12" */
struct survey_words survey_states_text(uint32_t states);
struct survey_words survey_place(const struct survey_result *result,
				 const struct survey_class *class); /* "skylake and 2 more" */
struct survey_words survey_smallest(const struct survey_result *result,
				    const struct survey_class *class);
struct survey_words survey_model_gives(const struct survey_class *class, unsigned int side);
struct survey_words survey_engine_gives(const struct survey_class *class, unsigned int side);
struct survey_words survey_known_names(const struct survey_result *result, unsigned int side,
				       uint64_t known);             /* "this + that" */
struct survey_words survey_reach(const struct survey_class *class); /* of ENTRY_EXIT; or "" */
struct survey_words survey_pass(const struct survey_side *side);
const char *survey_version(const struct engine *engine);
struct survey_words survey_size(const struct survey_result *result);
struct survey_words survey_grounds(const struct survey_result *result);
/* "12 reads not tried: the host refuses them (KVM_RUN: EINVAL)", or "". */
struct survey_words survey_refused(const struct survey_result *result);
/* Of a survey that was not tried: "Nothing was tried: ..." */
struct survey_words survey_untried(const struct survey_result *result);

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
const char *survey_decision_name(enum survey_decision decision);

/* "a, b, c": the configurations for which @is says yes; empty where it is none. malloc()ed. */
char *survey_list(const struct survey_result *result,
		  bool (*is)(const struct survey_slot *slot, unsigned int argument),
		  unsigned int argument);
bool survey_is_decided(const struct survey_slot *slot, unsigned int decision);
/* @change: the decision before, times NR_DECISIONS, plus that after. */
bool survey_is_changed(const struct survey_slot *slot, unsigned int change);
bool survey_is_not_offered(const struct survey_slot *slot, unsigned int side);
bool survey_is_crowded(const struct survey_slot *slot, unsigned int unused);

/* @label, then @text from column @indent on, in lines of at most 96 columns. */
void survey_wrap(FILE *out, const char *label, unsigned int indent, const char *text);

/*
 * The number of the class that is the same as class @number but by the engine's other entry; its own
 * where there is none. People are told of such two at once: of the first.
 */
size_t survey_twin(const struct survey_result *result, size_t number);
struct survey_words survey_numbers(const struct survey_result *result,
				   size_t number);                             /* "1 and 2" */
const char *survey_entries(const struct survey_result *result, size_t number); /* or "both" */

/* The rules that classes name, each once, by bit. */
uint32_t survey_rules(const struct survey_result *result);

#endif
