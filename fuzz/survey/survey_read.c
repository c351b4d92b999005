// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads for a survey, and which class each belongs to. */
#include "fuzz/survey/survey_read.h"

#include <stdio.h>
#include <string.h>

#include "fuzz/survey/survey_grid.h"

/* The first that shows a difference gives the example: what most guests run in comes first. */
void survey_state(unsigned int number, struct rdpmc_state *state)
{
	static const struct {
		uint8_t mode, cpl;
		bool pce, lock;
	} states[SURVEY_STATES] = {
		{ MODE_64BIT, 0, false, false },         { MODE_64BIT, 3, true, false },
		{ MODE_64BIT, 3, false, false },         { MODE_COMPATIBILITY, 3, true, false },
		{ MODE_COMPATIBILITY, 3, false, false }, { MODE_PROTECTED, 0, false, false },
		{ MODE_PROTECTED, 0, true, false },      { MODE_PROTECTED, 1, false, false },
		{ MODE_PROTECTED, 1, true, false },      { MODE_PROTECTED, 2, false, false },
		{ MODE_PROTECTED, 2, true, false },      { MODE_PROTECTED, 3, false, false },
		{ MODE_PROTECTED, 3, true, false },      { MODE_REAL, 0, false, false },
		{ MODE_REAL, 0, true, false },           { MODE_VM86, 3, false, false },
		{ MODE_VM86, 3, true, false },           { MODE_64BIT, 0, false, true },
		{ MODE_COMPATIBILITY, 3, true, true },   { MODE_PROTECTED, 0, false, true },
		{ MODE_REAL, 0, false, true },           { MODE_VM86, 3, true, true },
		{ MODE_64BIT, 0, false, false },         { MODE_64BIT, 3, true, false },
		{ MODE_PROTECTED, 0, false, false },     { MODE_REAL, 0, false, false },
	};
	/* Of the last states. */
	static const struct {
		bool tf;
		uint8_t n_prefixes, prefix, rex;
	} instructions[] = {
		{ true, 0, 0, 0 },
		{ false, 2, 0x66, 0x48 },
		{ false, 1, 0xf3, 0 },
		{ true, CASE_MOST_PREFIXES, 0x2e, 0 },
	};
	const unsigned int plain = SURVEY_STATES - sizeof(instructions) / sizeof(instructions[0]);

	/*
	 * Nothing is 0 that should not change or should be ignored; RIP wraps where it has 32 bits. CR4: the bits that
	 * need no feature.
	 */
	*state = (struct rdpmc_state){
		.regs = { .rax = 0xa5a5a5a5deadbeef,
			  .rcx = 0xc3c3c3c300000000,
			  .rdx = 0x5a5a5a5afeedface,
			  .rip = 0xfffffffe,
			  .rflags = 0x8d7 },
		.cr0 = 0x10,
		.cr4 = states[number].pce ? RDPMC_CR4_PCE | 0x20 : 0x6ff,
		.lock = states[number].lock,
	};
	if (number >= plain) {
		state->n_prefixes = instructions[number - plain].n_prefixes;
		state->prefix = instructions[number - plain].prefix;
		state->rex = instructions[number - plain].rex;
		if (instructions[number - plain].tf)
			state->regs.rflags |= RDPMC_RFLAGS_TF;
	}
	case_set_mode(state, states[number].mode, states[number].cpl);
}

/* The fold: what differs in this read, or in the intercept. */
static bool note(void *opaque, const struct verdict *verdict)
{
	struct survey_subject *subject = opaque;

	if (verdict->question == QUESTION_READ)
		survey_note_read(&subject->seen, verdict);
	else if (survey_verdict_differs(verdict))
		survey_note_differs(&subject->intercept, verdict);
	return true;
}

static void read_one(struct survey_reader *reader, struct survey_subject *subject, uint64_t rcx)
{
	struct trial_run *run = &subject->run;

	survey_seen_begin(&subject->seen);
	run->state = reader->states[reader->state];
	run->moved = false;
	run->state.regs.rcx |= rcx;
	survey_signals_are(subject->actions);
	/* A step: what is asked of the first read alone is of no use here. */
	trial_read(run, run->state.regs.rcx, 1);
	/* Every read finds the counters as the first did: a class is not a matter of their order. */
	if (!subject->seen.model.decision.clears)
		return;
	run->counters = subject->initial;
	subject->trial.engine->load(subject->trial.vcpu, &run->counters, run->n_gp, run->n_fixed);
}

static uint16_t result_of(struct survey_reader *reader, const struct read_result *result)
{
	unsigned int i = reader->last_result;

	if (reader->n_results && !memcmp(&reader->results[i], result, sizeof(*result)))
		return (uint16_t)i;
	for (i = 0; i < reader->n_results; i++)
		if (!memcmp(&reader->results[i], result, sizeof(*result)))
			break;
	if (i == SURVEY_RESULTS) {
		reader->slot->too_many = true;
		i--;
	} else if (i == reader->n_results) {
		reader->results[reader->n_results++] = *result;
	}
	reader->last_result = i;
	return (uint16_t)i;
}

/* Out of survey_ask(), which most reads leave without it: see read_differs(). */
static __attribute__((noinline)) void note_entry(struct survey_reader *reader,
						 const struct survey_seen *const seen[SURVEY_SIDES],
						 unsigned int entry, struct read_result *result)
{
	result->hit[entry] = (uint8_t)survey_class_of(reader, seen, entry);
	if (entry == ENTRY_EXIT)
		result->reached =
			survey_reaches_exit(&reader->subjects[0].run, &reader->subjects[0].initial);
}

uint16_t survey_ask(void *opaque, uint32_t ecx)
{
	struct survey_reader *reader = opaque;
	const struct survey_seen *const seen[SURVEY_SIDES] = { &reader->subjects[0].seen,
							       &reader->subjects[1].seen };
	struct read_result result = { 0 };

	for (unsigned int i = 0; i < reader->n_subjects; i++) {
		read_one(reader, &reader->subjects[i], ecx);
		result.rule[i] = (uint8_t)seen[i]->model.decision.rule;
		result.answer[i] = (uint8_t)seen[i]->model.decision.answer;
	}
	reader->slot->reads++;
	reader->slot->compared += (unsigned int)__builtin_popcount(survey_compared(reader, seen));
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		if (survey_differs(reader, seen, entry))
			note_entry(reader, seen, entry, &result);
	return result_of(reader, &result);
}

/* The first read is the state's own, the others are steps. */
void survey_soon(void *opaque, const uint32_t *ecxs, size_t n)
{
	const struct survey_reader *reader = opaque;
	struct rdpmc_case soon = reader->made;
	struct {
		struct case_bytes bytes;
		struct case_step_bytes steps[GRID_SOON];
	} whole = { 0 };

	if (!reader->survey->before || !n)
		return;
	soon.state = reader->states[reader->state];
	for (size_t i = 1; i < n; i++) {
		const struct case_step step = { .value = soon.state.regs.rcx | ecxs[i] };

		case_step_encode(&step, &whole.steps[i - 1]);
	}
	soon.state.regs.rcx |= ecxs[0];
	case_encode(&soon, &whole.bytes);
	reader->survey->before(reader->survey->opaque, (const uint8_t *)&whole,
			       sizeof(whole.bytes) + (n - 1) * sizeof(whole.steps[0]));
}

void survey_look(struct survey_reader *reader, unsigned int entry, struct survey_example *example)
{
	reader->state = example->state;
	survey_soon(reader, &example->ecx, 1);
	survey_ask(reader, example->ecx);
	for (unsigned int i = 0; i < reader->n_subjects; i++)
		survey_answers(&reader->subjects[i].seen, entry, i, example);
}

/* A complaint that the first read brings to light and the second does not is of the setting up. */
static void await_setup(struct survey_reader *reader, struct survey_subject *subject)
{
	const struct survey_noted *noted = subject->seen.noted;
	struct survey_noted first[NR_ENTRIES];

	read_one(reader, subject, 0);
	memcpy(first, noted, sizeof(first));
	read_one(reader, subject, 0);
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		if (first[entry].differs && first[entry].trouble &&
		    !(noted[entry].differs && noted[entry].trouble))
			subject->setup = first[entry];
	memset(&subject->setup.pass, 0, sizeof(subject->setup.pass));
}

/* Engine @side, with what it does with its code's faults. */
int survey_subject_make(struct survey_reader *reader, unsigned int side,
			bool (*fold)(void *opaque, const struct verdict *verdict), const char **why)
{
	struct survey_subject *subject = &reader->subjects[side];
	struct trial *trial = &subject->trial;

	if (trial_init(trial, reader->survey->engines[side], why))
		return -1;
	trial->choices = reader->survey->choices;
	trial->known = reader->survey->known[side];
	trial->fold = fold;
	trial->opaque = subject;
	reader->entries &= trial->entries;
	reader->n_subjects++;
	return 0;
}

static int subject_begin(struct survey_reader *reader, unsigned int side, const char **why)
{
	struct survey_subject *subject = &reader->subjects[side];
	struct survey_slot *slot = reader->slot;
	struct trial *trial = &subject->trial;

	if (survey_subject_make(reader, side, note, why))
		return -1;
	trial_begin(trial, &subject->run, &reader->made, NULL);
	subject->initial = subject->run.counters;
	slot->offered[side] = subject->run.reduced;
	slot->obstacle[side] = trial->obstacle;
	slot->intercepts[side] = trial->tally.passed ? INTERCEPT_OFF
				 : trial->tally.verdicts[QUESTION_INTERCEPT][VERDICT_UNAVAILABLE]
					 ? INTERCEPT_UNKNOWN
					 : INTERCEPT_ON;
	survey_signals_keep(subject->actions);
	return 0;
}

void survey_reader_none(struct survey_reader *reader, const struct survey *survey,
			struct survey_slot *slot)
{
	memset(reader, 0, sizeof(*reader));
	reader->survey = survey;
	reader->slot = slot;
	reader->entries = (1U << NR_ENTRIES) - 1;
	survey_signals_keep(reader->actions);
}

int survey_reader_begin(struct survey_reader *reader, const struct survey *survey, size_t number,
			struct survey_slot *slot, const char **why)
{
	survey_reader_none(reader, survey, slot);
	configuration_case(survey->configurations[number], &reader->made);
	for (unsigned int i = 0; i < SURVEY_STATES; i++)
		survey_state(i, &reader->states[i]);
	/* What counters that the guest does not have are said to hold is the same in every read. */
	survey_state(0, &reader->made.state);
	survey_soon(reader, &(uint32_t){ 0 }, 1);
	for (unsigned int i = 0; i < survey_sides(survey); i++)
		if (subject_begin(reader, i, why)) {
			survey_reader_end(reader);
			return -1;
		}
	if (reader->n_subjects > 1)
		survey_signals_share();
	for (unsigned int i = 0; i < reader->n_subjects; i++)
		await_setup(reader, &reader->subjects[i]);
	survey_note_once(reader, SURVEY_INTERCEPT, ORACLE_PASS_SOUND);
	survey_note_once(reader, SURVEY_SETUP, ORACLE_TROUBLE);
	return 0;
}

void survey_reader_end(struct survey_reader *reader)
{
	struct survey_slot *slot = reader->slot;

	while (reader->n_subjects) {
		struct trial *trial = &reader->subjects[--reader->n_subjects].trial;

		slot->tally[reader->n_subjects] = trial->tally;
		trial_free(trial);
	}
	survey_signals_put(reader->actions);
}
