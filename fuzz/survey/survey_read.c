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
	};

	/* Nothing is 0 that should not change or should be ignored; RIP wraps where it has 32 bits. */
	*state = (struct rdpmc_state){
		.regs = { .rax = 0xa5a5a5a5deadbeef,
			  .rcx = 0xc3c3c3c300000000,
			  .rdx = 0x5a5a5a5afeedface,
			  .rip = 0xfffffffe,
			  .rflags = 0x8d7 },
		.cr0 = 0x10,
		.cr4 = states[number].pce ? RDPMC_CR4_PCE | 0x20 : 0xfffffeff,
		.lock = states[number].lock,
	};
	case_set_mode(state, states[number].mode, states[number].cpl);
}

/*
 * An engine may catch the faults of its code, by a signal's one handler; of two engines each is to get its
 * own: around an engine's begin, and before each of its reads, for a survey of two.
 */
static const int signals[SURVEY_SIGNALS] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };

/* A handler can be given no other place. */
static const struct sigaction *volatile current;

static void signals_keep(struct sigaction actions[SURVEY_SIGNALS])
{
	for (size_t i = 0; i < SURVEY_SIGNALS; i++)
		sigaction(signals[i], NULL, &actions[i]);
}

static void signals_put(const struct sigaction actions[SURVEY_SIGNALS])
{
	for (size_t i = 0; i < SURVEY_SIGNALS; i++)
		sigaction(signals[i], &actions[i], NULL);
}

static void signals_are(const struct sigaction actions[SURVEY_SIGNALS])
{
	current = actions;
}

static void forward(int signal, siginfo_t *info, void *context)
{
	const struct sigaction *action = current;
	size_t i = 0;

	while (i + 1 < SURVEY_SIGNALS && signals[i] != signal)
		i++;
	action = &action[i];
	if (action->sa_flags & SA_SIGINFO)
		action->sa_sigaction(signal, info, context);
	else /* not caught by this engine: the read is made again, and ends the process */
		sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
}

static void signals_share(void)
{
	const struct sigaction action = { .sa_sigaction = forward,
					  .sa_flags = SA_SIGINFO | SA_NODEFER };

	for (size_t i = 0; i < SURVEY_SIGNALS; i++)
		sigaction(signals[i], &action, NULL);
}

/* The fold: what differs in this read, or in the intercept. */
static bool note(void *opaque, const struct verdict *verdict)
{
	struct survey_subject *subject = opaque;
	struct survey_noted *noted = &subject->noted[verdict->entry];

	if (verdict->answer)
		subject->answered |= 1U << verdict->entry;
	if (verdict->kind != VERDICT_DIFFER && verdict->kind != VERDICT_KNOWN)
		return true;
	if (verdict->question == QUESTION_INTERCEPT)
		noted = &subject->intercept;
	*noted = (struct survey_noted){
		.differs = true,
		.oracles = verdict->oracles,
		.known = verdict->known,
		.trouble = verdict->trouble,
		.engine = { .answer = ANSWER_STRANGE },
	};
	if (verdict->pass)
		noted->pass = *verdict->pass;
	if (verdict->answer) {
		noted->model = *verdict->model;
		noted->engine = *verdict->answer;
	}
	return true;
}

/* 1 + the number of the class, a new one if need be; 0: there are too many. */
static unsigned int class_of(struct survey_reader *reader, const struct survey_key *key)
{
	struct survey_slot *slot = reader->slot;
	unsigned int i = slot->n_hits;

	while (i && memcmp(&slot->hits[i - 1].key, key, sizeof(*key)))
		i--;
	if (i)
		return i;
	if (slot->n_hits == SURVEY_HITS) {
		slot->too_many = true;
		return 0;
	}
	i = slot->n_hits++;
	slot->hits[i] = (struct survey_class){
		.key = *key,
		.example.ecx = (uint32_t)reader->subjects[0].run.state.regs.rcx,
		.example.state = (uint8_t)reader->state,
	};
	return i + 1;
}

/* A key is compared as bytes: all of it is set. */
static void key_begin(const struct survey_reader *reader, unsigned int entry,
		      struct survey_key *key)
{
	memset(key, 0, sizeof(*key));
	key->vendor = reader->made.guest.vendor;
	key->entry = (uint8_t)entry;
}

static void key_side(const struct survey_noted *noted, unsigned int oracles,
		     struct survey_side *side)
{
	side->known = noted->known;
	side->oracles = (uint8_t)oracles;
	side->obstacle = noted->pass.obstacle;
	side->class = noted->pass.class;
	if (noted->trouble)
		snprintf(side->trouble, sizeof(side->trouble), "%s", noted->trouble);
}

/*
 * The registers after a read to which nobody objects are the model's. RIP is compared as the
 * distance from where it began: an engine may have moved that to where code can lie.
 */
static struct rdpmc_regs regs_of(const struct survey_subject *subject,
				 const struct survey_noted *noted)
{
	const struct rdpmc_decision *decision = &subject->decision;
	const struct rdpmc_state *state = &subject->run.state;
	struct rdpmc_regs regs = noted->engine.regs;

	if (!noted->differs)
		regs = rdpmc_result(decision, state, rdpmc_value(decision, &subject->initial));
	regs.rip -= state->regs.rip;
	if (state->mode != MODE_64BIT)
		regs.rip = (uint32_t)regs.rip;
	return regs;
}

/* Do the two engines answer differently, or is one right and one wrong? */
static bool changed(const struct survey_reader *reader, unsigned int entry)
{
	const struct survey_subject *before = &reader->subjects[0], *after = &reader->subjects[1];
	const struct survey_noted *b = &before->noted[entry], *a = &after->noted[entry];
	struct rdpmc_regs br, ar;

	if (b->differs != a->differs)
		return true;
	br = regs_of(before, b);
	ar = regs_of(after, a);
	if (!engine_same_regs(&br, &ar))
		return true;
	if (!b->differs)
		return before->decision.answer != after->decision.answer;
	/* A complaint's text has line numbers, which change for nothing. */
	return b->engine.answer != a->engine.answer ||
	       b->engine.error_code != a->engine.error_code ||
	       b->engine.other_state != a->engine.other_state || !b->trouble != !a->trouble;
}

/* Entries by which every engine answered: what one of them refused cannot be compared. */
static unsigned int compared(const struct survey_reader *reader)
{
	unsigned int entries = reader->entries;

	for (unsigned int i = 0; i < reader->n_subjects; i++)
		entries &= reader->subjects[i].answered;
	return entries;
}

static bool worth_reporting(const struct survey_reader *reader, unsigned int entry)
{
	if (reader->n_subjects == 1)
		return reader->subjects[0].noted[entry].differs;
	return compared(reader) >> entry & 1 && changed(reader, entry);
}

/* VMX-PRIORITY, SVM-PRIORITY: can a guest on this host bring the read to an exit? */
static bool reaches_exit(const struct survey_reader *reader)
{
	const struct trial_run *run = &reader->subjects[0].run;
	struct rdpmc_decision processor =
		rdpmc_decide_bare(&run->host, &reader->subjects[0].initial, &run->state);

	return rdpmc_exits(run->host.vendor, &processor);
}

static void read_one(struct survey_reader *reader, struct survey_subject *subject, uint64_t rcx)
{
	struct trial_run *run = &subject->run;

	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		subject->noted[entry].differs = false;
	subject->answered = 0;
	run->state = reader->states[reader->state];
	run->moved = false;
	run->state.regs.rcx |= rcx;
	signals_are(subject->actions);
	/* A step: what is asked of the first read alone is of no use here. */
	trial_read(run, run->state.regs.rcx, 1);
	/* In the state that the engine could bring about. */
	subject->decision = rdpmc_decide(&run->guest, &run->policy, &subject->initial, &run->state);
	/* Every read finds the counters as the first did: a class is not a matter of their order. */
	if (!subject->decision.clears)
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
static __attribute__((noinline)) void note_entry(struct survey_reader *reader, unsigned int entry,
						 struct read_result *result)
{
	struct survey_key key;

	key_begin(reader, entry, &key);
	for (unsigned int i = 0; i < reader->n_subjects; i++) {
		const struct survey_subject *subject = &reader->subjects[i];
		const struct survey_noted *noted = &subject->noted[entry];
		struct survey_side *side = &key.sides[i];

		side->rule = (uint8_t)subject->decision.rule;
		side->model = side->answer = (uint8_t)subject->decision.answer;
		if (!noted->differs)
			continue;
		side->answer = noted->engine.answer;
		key_side(noted, noted->oracles, side);
	}
	result->hit[entry] = (uint8_t)class_of(reader, &key);
	if (entry == ENTRY_EXIT)
		result->reached = reaches_exit(reader);
}

uint16_t survey_ask(void *opaque, uint32_t ecx)
{
	struct survey_reader *reader = opaque;
	struct read_result result = { 0 };

	for (unsigned int i = 0; i < reader->n_subjects; i++) {
		read_one(reader, &reader->subjects[i], ecx);
		result.rule[i] = (uint8_t)reader->subjects[i].decision.rule;
		result.answer[i] = (uint8_t)reader->subjects[i].decision.answer;
	}
	reader->slot->reads++;
	reader->slot->compared += (unsigned int)__builtin_popcount(compared(reader));
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		if (reader->entries >> entry & 1 && worth_reporting(reader, entry))
			note_entry(reader, entry, &result);
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
	for (unsigned int i = 0; i < reader->n_subjects; i++) {
		const struct survey_subject *subject = &reader->subjects[i];
		const struct survey_noted *noted = &subject->noted[entry];

		example->model[i] = (struct rdpmc_outcome){ .decision = subject->decision };
		example->model[i].value = rdpmc_value(&subject->decision, &subject->initial);
		example->model[i].regs = rdpmc_result(&subject->decision, &subject->run.state,
						      example->model[i].value);
		if (noted->differs)
			example->engine[i] = noted->engine;
		else
			example->engine[i] = (struct engine_answer){
				.answer = (uint8_t)subject->decision.answer,
				.regs = example->model[i].regs,
			};
	}
}

/* What is no read is told like one, once; between two engines, if it is not the same. */
static void note_once(struct survey_reader *reader, unsigned int entry, unsigned int oracle)
{
	struct survey_key key;
	bool any = false, alike = true;
	unsigned int class;

	key_begin(reader, entry, &key);
	for (unsigned int i = 0; i < reader->n_subjects; i++) {
		const struct survey_subject *subject = &reader->subjects[i];
		const struct survey_noted *noted =
			entry == SURVEY_SETUP ? &subject->setup : &subject->intercept;

		key.sides[i].rule = RULE_PASS_SOUND;
		alike &= noted->differs == any || !i;
		any |= noted->differs;
		if (noted->differs)
			key_side(noted, oracle, &key.sides[i]);
	}
	if (!any || (reader->n_subjects > 1 && alike))
		return;
	class = class_of(reader, &key);
	if (class)
		reader->slot->hits[class - 1].count = 1;
}

/* A complaint that the first read brings to light and the second does not is of the setting up. */
static void await_setup(struct survey_reader *reader, struct survey_subject *subject)
{
	struct survey_noted first[NR_ENTRIES];

	read_one(reader, subject, 0);
	memcpy(first, subject->noted, sizeof(first));
	read_one(reader, subject, 0);
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		if (first[entry].differs && first[entry].trouble &&
		    !(subject->noted[entry].differs && subject->noted[entry].trouble))
			subject->setup = first[entry];
	memset(&subject->setup.pass, 0, sizeof(subject->setup.pass));
}

static int subject_begin(struct survey_reader *reader, unsigned int side, const char **why)
{
	struct survey_subject *subject = &reader->subjects[side];
	struct survey_slot *slot = reader->slot;
	struct trial *trial = &subject->trial;

	if (trial_init(trial, reader->survey->engines[side], why))
		return -1;
	trial->choices = reader->survey->choices;
	trial->known = reader->survey->known[side];
	trial->fold = note;
	trial->opaque = subject;
	trial_begin(trial, &subject->run, &reader->made, NULL);
	subject->initial = subject->run.counters;
	slot->offered[side] = subject->run.reduced;
	slot->obstacle[side] = trial->obstacle;
	slot->intercepts[side] = trial->tally.passed ? INTERCEPT_OFF
				 : trial->tally.verdicts[QUESTION_INTERCEPT][VERDICT_UNAVAILABLE]
					 ? INTERCEPT_UNKNOWN
					 : INTERCEPT_ON;
	reader->entries &= trial->entries;
	reader->n_subjects++;
	signals_keep(subject->actions);
	return 0;
}

int survey_reader_begin(struct survey_reader *reader, const struct survey *survey, size_t number,
			struct survey_slot *slot, const char **why)
{
	memset(reader, 0, sizeof(*reader));
	reader->survey = survey;
	reader->slot = slot;
	reader->entries = (1U << NR_ENTRIES) - 1;
	configuration_case(survey->configurations[number], &reader->made);
	for (unsigned int i = 0; i < SURVEY_STATES; i++)
		survey_state(i, &reader->states[i]);
	/* What counters that the guest does not have are said to hold is the same in every read. */
	survey_state(0, &reader->made.state);
	survey_soon(reader, &(uint32_t){ 0 }, 1);
	signals_keep(reader->actions);
	for (unsigned int i = 0; i < survey_sides(survey); i++)
		if (subject_begin(reader, i, why)) {
			survey_reader_end(reader);
			return -1;
		}
	if (reader->n_subjects > 1)
		signals_share();
	for (unsigned int i = 0; i < reader->n_subjects; i++)
		await_setup(reader, &reader->subjects[i]);
	note_once(reader, SURVEY_INTERCEPT, ORACLE_PASS_SOUND);
	note_once(reader, SURVEY_SETUP, ORACLE_TROUBLE);
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
	signals_put(reader->actions);
}
