// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that no silence is taken for agreement: of engines that refuse, lack an entry, move states,
 * reduce guests, do not know, crash or hang, every question ends in a verdict that says so; all counts
 * add up to what was asked; and no headline says more than was tried.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuzz/case/mutate.h"
#include "fuzz/survey/survey_report.h"

#define CASES 3000
#define ALL   "Every read has the processor's outcome"

extern const struct engine engine_emulator;

/* ----- engines that are the emulator but for one thing ----- */

static uint64_t made_reads; /* by this process */
static const char *pending;

static void refuse(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		   struct engine_answer *answer)
{
	engine_emulator.read(vcpu, entry, state, answer);
	answer->refused = "KVM_RUN: EINVAL";
}

static void refuse_some(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
			struct engine_answer *answer)
{
	engine_emulator.read(vcpu, entry, state, answer);
	if (state->mode == MODE_REAL && entry == ENTRY_EMULATOR)
		answer->refused = "KVM_RUN: EINVAL";
}

static unsigned int has_exit(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return 1U << ENTRY_EXIT;
}

static unsigned int has_none(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return 0;
}

static bool move(struct engine_vcpu *vcpu, struct rdpmc_state *state)
{
	const bool moved = state->regs.rip != 0x12340;

	(void)vcpu;
	state->regs.rip = 0x12340;
	return moved;
}

static bool reduce(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest, struct rdpmc_pmu *host,
		   struct rdpmc_policy *policy)
{
	engine_emulator.clamp(vcpu, guest, host, policy);
	guest->perf_capabilities = 0;
	return true;
}

static enum intercept not_known(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return INTERCEPT_UNKNOWN;
}

static void wrong_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	engine_emulator.read(vcpu, entry, state, answer);
	if (answer->answer == ANSWER_VALUE && !(answer->regs.rax & 3))
		answer->regs.rdx ^= entry == ENTRY_EXIT ? 1 : state->regs.rax & 1;
}

/* What is wrong with such an answer is nobody's fault. */
static void cannot_set(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	engine_emulator.read(vcpu, entry, state, answer);
	if ((uint32_t)state->regs.rcx != 0x20000000)
		return;
	if (answer->answer == ANSWER_VALUE)
		answer->regs.rax ^= 1;
	answer->unjudged = "it is elsewhere";
}

/* But that there is one at all is. */
static void cannot_set_leaks(struct engine_vcpu *vcpu, enum entry entry,
			     const struct rdpmc_state *state, struct engine_answer *answer)
{
	cannot_set(vcpu, entry, state, answer);
	if ((uint32_t)state->regs.rcx == 0x20000000 && answer->answer == ANSWER_GP) {
		answer->answer = ANSWER_VALUE;
		answer->error_code = 0;
	}
}

static void complaining_write(struct engine_vcpu *vcpu, const struct case_step *step)
{
	engine_emulator.write(vcpu, step);
	if (step->value & 1)
		pending = "pmu.c:7: it hurts";
}

static const char *trouble(struct engine_vcpu *vcpu)
{
	const char *now = pending;

	(void)vcpu;
	pending = NULL;
	return now;
}

static void crash_late(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	engine_emulator.read(vcpu, entry, state, answer);
	if (++made_reads == 5000)
		abort();
}

static void hang_late(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		      struct engine_answer *answer)
{
	engine_emulator.read(vcpu, entry, state, answer);
	while (made_reads++ >= 5000)
		pause();
}

enum member {
	RIGHT,
	REFUSES,
	REFUSES_SOME,
	ONE_ENTRY,
	NO_ENTRY,
	MOVES,
	REDUCES,
	KNOWS_NO_INTERCEPT,
	NO_STEP,
	CANNOT_SET,
	WRONG,
	COMPLAINS,
	NR_MEMBERS
};

/* What is to be said of it: of all it was asked for, "" if nothing is to be. */
static const struct {
	const char *name, *untried;
	bool answers;
	bool finds;
} members[NR_MEMBERS] = {
	[RIGHT] = { "right", "", true, false },
	[REFUSES] = { "refuses", "reads refused by the host (KVM_RUN: EINVAL)", false, false },
	[REFUSES_SOME] = { "refuses some", "reads refused by the host (KVM_RUN: EINVAL)", true, false },
	[ONE_ENTRY] = { "one entry", "reads by an entry that the engine does not have here", true, false },
	[NO_ENTRY] = { "no entry", "reads by an entry that the engine does not have here", false, false },
	[MOVES] = { "moves", "reads in another CPU state", true, false },
	[REDUCES] = { "reduces", "cases with the guest PMU reduced to what the engine supports", true, false },
	[KNOWS_NO_INTERCEPT] = { "no intercept", "intercepts not reported by the engine", true, false },
	[NO_STEP] = { "no step", "writes not supported by the engine", true, false },
	[CANNOT_SET] = { "cannot set", "reads not checked (it is elsewhere)", true, false },
	[WRONG] = { "wrong", "reads skipped after a finding", true, true },
	[COMPLAINS] = { "complains", "reads skipped after a finding", true, true },
};

static struct engine engine;

static void make(enum member member)
{
	engine = engine_emulator;
	engine.name = members[member].name;
	pending = NULL;
	switch (member) {
	case REFUSES:
		engine.read = refuse;
		break;
	case REFUSES_SOME:
		engine.read = refuse_some;
		break;
	case ONE_ENTRY:
		engine.has = has_exit;
		break;
	case NO_ENTRY:
		engine.has = has_none;
		break;
	case MOVES:
		engine.adapt = move;
		break;
	case REDUCES:
		engine.clamp = reduce;
		break;
	case KNOWS_NO_INTERCEPT:
		engine.intercepts = not_known;
		break;
	case NO_STEP:
		engine.unsupported = 1U << STEP_FIXED_CTRL | 1U << STEP_USER_DISABLE;
		break;
	case CANNOT_SET:
		engine.read = cannot_set;
		break;
	case WRONG:
		engine.read = wrong_read;
		break;
	case COMPLAINS:
		engine.write = complaining_write;
		engine.trouble = trouble;
		break;
	default:
		break;
	}
}

static struct trial start(enum member member)
{
	struct trial trial;
	const char *why;

	make(member);
	assert_int_equal(trial_init(&trial, &engine, &why), 0);
	return trial;
}

/* ----- sums ----- */

static uint64_t sum(const uint64_t verdicts[NR_VERDICTS])
{
	uint64_t all = 0;

	for (unsigned int kind = 0; kind < NR_VERDICTS; kind++)
		all += verdicts[kind];
	return all;
}

static void assert_sums(const struct tally *tally)
{
	for (unsigned int question = 0; question < NR_QUESTIONS; question++)
		assert_int_equal(sum(tally->verdicts[question]), tally->asked[question]);
	assert_int_equal(tally->cases, tally->asked[QUESTION_INTERCEPT]);
}

/* What is to be said of @member is in @text. The emulator's guests are reduced by itself, too. */
static void assert_untried(enum member member, const char *text)
{
	if (!strstr(text, members[member].untried))
		fail_msg("%s: '%s' is not in '%s'", members[member].name, members[member].untried, text);
	for (unsigned int i = 0; i < NR_MEMBERS; i++)
		if (i != REDUCES && strcmp(members[i].untried, members[member].untried) &&
		    *members[i].untried && strstr(text, members[i].untried))
			fail_msg("%s: '%s' is in '%s'", members[member].name, members[i].untried, text);
}

/* ----- the stream ----- */

/* What the fold has seen of a trial, counted by itself. */
static struct {
	uint64_t verdicts[NR_QUESTIONS][NR_VERDICTS];
	unsigned int entries; /* of the read under way, by bit */
	size_t step;
	bool ends; /* the case, at a difference */
} seen;

static void check_verdict(const struct verdict *verdict)
{
	const unsigned int kind = verdict->kind;
	const bool differs = kind == VERDICT_DIFFER || kind == VERDICT_KNOWN;
	const bool read = verdict->question == QUESTION_READ;

	assert_in_range(kind, 0, NR_VERDICTS - 1);
	assert_non_null(verdict->run);
	assert_ptr_equal(verdict->run->trial->engine, &engine);
	assert_int_equal(!differs, !verdict->oracles);
	assert_int_equal(!verdict->known, kind != VERDICT_KNOWN);
	assert_int_equal(!verdict->trouble, !(verdict->oracles & ORACLE_TROUBLE));
	assert_int_equal(!verdict->pass, verdict->question != QUESTION_INTERCEPT);
	assert_int_equal(!verdict->write, verdict->question != QUESTION_WRITE);
	/* Nothing that was not tried is without a reason, or with an answer. */
	assert_int_equal(!verdict->why, kind <= VERDICT_KNOWN);
	if (kind > VERDICT_KNOWN)
		assert_null(verdict->answer);
	if (!read)
		return;
	assert_int_equal(!verdict->model, kind == VERDICT_SKIPPED);
	if (kind == VERDICT_AGREE) {
		assert_non_null(verdict->answer);
		assert_int_equal(verdict->answer->answer, verdict->model->decision.answer);
		assert_int_equal(verdict->answer->regs.rax, verdict->model->regs.rax);
		assert_int_equal(verdict->rule, verdict->model->decision.rule);
	}
}

static bool see(void *opaque, const struct verdict *verdict)
{
	assert_ptr_equal(opaque, &seen);
	check_verdict(verdict);
	seen.verdicts[verdict->question][verdict->kind]++;
	if (verdict->question == QUESTION_READ) {
		/* Each of the engine's entries once, in their order, then the next read. */
		assert_int_equal(seen.entries >> verdict->entry, 0);
		assert_true(!seen.entries || seen.step == verdict->step);
		seen.entries |= 1U << verdict->entry;
		seen.step = verdict->step;
		assert_int_equal(verdict->last, seen.entries == engine.entries);
		if (verdict->last)
			seen.entries = 0;
	}
	return !seen.ends || verdict->kind != VERDICT_DIFFER;
}

static void test_stream(void **unused)
{
	(void)unused;
	for (unsigned int member = 0; member < 2 * NR_MEMBERS; member++) {
		struct trial trial = start(member / 2);
		uint64_t reads = 0, writes = 0;
		uint8_t data[MUTATE_SIZE];
		struct rdpmc_case decoded;
		struct case_step step;

		memset(&seen, 0, sizeof(seen));
		seen.ends = member & 1;
		trial.fold = see;
		trial.opaque = &seen;
		for (uint64_t i = 0; i < CASES; i++) {
			case_decode(data, mutate_numbered(1, i, data, sizeof(data)), &decoded);
			trial_case(&trial, &decoded, NULL);
			reads++;
			for (size_t k = 0; k < decoded.n_steps; k++) {
				case_step(&decoded, k, &step);
				reads += step.op == STEP_READ;
				writes += step.op > STEP_READ && step.op <= STEP_USER_DISABLE;
			}
		}
		assert_sums(&trial.tally);
		assert_memory_equal(seen.verdicts, trial.tally.verdicts, sizeof(seen.verdicts));
		/* Every read of every case by both entries, whatever came of it. */
		assert_int_equal(trial.tally.asked[QUESTION_READ], 2 * reads);
		assert_int_equal(trial.tally.asked[QUESTION_INTERCEPT], CASES);
		assert_int_equal(trial.tally.asked[QUESTION_WRITE], writes);
		/* Those behind a difference, where that ends the case. */
		assert_int_equal(!trial.tally.verdicts[QUESTION_WRITE][VERDICT_SKIPPED],
				 !seen.ends || !members[member / 2].finds);
		trial_free(&trial);
	}
}

/* What each engine's reads come to, and what is said of it. */
static void test_members(void **unused)
{
	(void)unused;
	for (unsigned int member = 0; member < NR_MEMBERS; member++) {
		struct trial trial = start(member);
		const uint64_t *reads = trial.tally.verdicts[QUESTION_READ];
		uint8_t data[MUTATE_SIZE];
		struct finding finding;
		uint64_t found = 0;
		char text[TALLY_TEXT];

		for (uint64_t i = 0; i < CASES; i++) {
			size_t size = mutate_numbered(1, i, data, sizeof(data));

			found += !trial_run(&trial, data, size, &finding);
		}
		assert_sums(&trial.tally);
		assert_untried(member, tally_not_tried(&trial.tally, text));
		assert_int_equal(!tally_answered(&trial.tally), !members[member].answers);
		assert_int_equal(!found, !members[member].finds);
		if (!members[member].answers)
			assert_int_equal(reads[VERDICT_AGREE], 0);
		if (member == MOVES)
			assert_int_equal(trial.tally.adapted, trial.tally.reads);
		trial_free(&trial);
	}
}

/* What is not judged is the value alone: that there is one is. */
static void test_unjudged_leak(void **unused)
{
	struct trial trial = start(CANNOT_SET);
	uint8_t data[MUTATE_SIZE];
	struct finding finding;
	unsigned int found = 0;

	(void)unused;
	engine.read = cannot_set_leaks;
	for (uint64_t i = 0; i < CASES; i++) {
		if (trial_run(&trial, data, mutate_numbered(1, i, data, sizeof(data)), &finding))
			continue;
		found++;
		assert_int_equal(finding.model.decision.answer, ANSWER_GP);
		assert_int_equal(finding.engine.answer, ANSWER_VALUE);
		assert_int_equal((uint32_t)finding.state.regs.rcx, 0x20000000);
	}
	assert_true(found > 10);
	assert_true(trial.tally.unjudged > 10);
	trial_free(&trial);
}

/* ----- a verdict by itself ----- */

static void test_repeat(void **unused)
{
	static const unsigned int hows[] = { WRONG, COMPLAINS };
	unsigned int deep = 0;

	(void)unused;
	for (unsigned int i = 0; i < CASES * 4; i++) {
		struct trial trial = start(hows[i & 1]);
		struct finding kept, again;
		uint8_t data[MUTATE_SIZE];
		size_t size = mutate_numbered(2, i, data, sizeof(data));

		if (!trial_run(&trial, data, size, &kept)) {
			deep += kept.step > 1;
			memset(&again, 0xee, sizeof(again));
			assert_false(trial_repeat(&trial, &kept, &again));
			assert_true(finding_alike(&kept, &again));
			assert_int_equal(again.step, kept.step);
			assert_memory_equal(&again.engine.regs, &kept.engine.regs,
					    sizeof(kept.engine.regs));
			/* The right engine does not show it. */
			trial.engine = &engine_emulator;
			pending = NULL;
			assert_true(trial_repeat(&trial, &kept, &again));
		}
		trial_free(&trial);
	}
	if (deep < 10)
		fail_msg("%u findings behind their case's first steps", deep);
}

/* What is kept of a write begins before it: the counter holds what an earlier one has put there. */
static void test_before_a_write(void **unused)
{
	const struct case_step first = { STEP_GP, 1, 0x1234 }, second = { STEP_GP, 1, 0x4321 };
	struct {
		struct case_bytes bytes;
		struct case_step_bytes steps[2];
	} data = { 0 };
	struct trial trial = start(COMPLAINS);
	struct finding kept, again;
	struct rdpmc_case made;

	(void)unused;
	configuration_case(configuration_find("skylake"), &made);
	case_encode(&made, &data.bytes);
	case_step_encode(&first, &data.steps[0]);
	case_step_encode(&second, &data.steps[1]);
	assert_false(trial_run(&trial, (const uint8_t *)&data, sizeof(data), &kept));
	assert_int_equal(kept.step, 2);
	assert_int_equal(kept.write.value, 0x4321);
	assert_int_equal(kept.before.gp[1], 0x1234);
	assert_false(trial_repeat(&trial, &kept, &again));
	assert_int_equal(again.before.gp[1], 0x1234);
	trial_free(&trial);
}

/* ----- those who fold ----- */

static void assert_json_sums(json_t *verdicts)
{
	json_int_t all = 0;

	assert_non_null(verdicts);
	for (unsigned int kind = 0; kind < NR_VERDICTS; kind++) {
		json_t *one = json_object_get(verdicts, verdict_name(kind));

		assert_true(json_is_integer(one));
		all += json_integer_value(one);
	}
	assert_int_equal(all, json_integer_value(json_object_get(verdicts, "asked")));
	assert_true(all > 0);
}

static struct survey survey;

static void run_survey(struct survey_result *result)
{
	static const struct configuration *chosen[2];
	const char *why;

	chosen[0] = configuration_find("skylake");
	chosen[1] = configuration_find("no-pmu");
	made_reads = 0;
	survey = (struct survey){
		.engines = { &engine },
		.configurations = chosen,
		.n_configurations = 2,
		.jobs = 1,
		.patience = 1,
	};
	assert_int_equal(survey_run(&survey, result, &why), 0);
}

static char *report_of(struct survey_result *result)
{
	struct survey_report report = { .result = result, .started = "2026-01-01T00:00:00Z" };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct page page;
	json_t *json, *summary;

	assert_non_null(out);
	survey_page(&page, &report);
	json = survey_json(&page, &report);
	summary = json_object_get(json, "summary");
	page_print(out, &page, false);
	page_print(out, &page, true);
	fclose(out);
	page_free(&page);
	if (result->done)
		assert_json_sums(json_object_get(summary, "verdicts"));
	json_decref(json);
	return text;
}

static void test_survey(void **unused)
{
	(void)unused;
	for (unsigned int member = 0; member < WRONG; member++) {
		struct survey_result result;
		char untried[SURVEY_UNTRIED];
		char *text;

		/* It makes no steps, and its configuration has no PERF_METRICS. */
		if (member == NO_STEP || member == CANNOT_SET)
			continue;
		make(member);
		run_survey(&result);
		assert_false(result.partial);
		assert_sums(&result.tally[SURVEY_BEFORE]);
		assert_true(result.tally[SURVEY_BEFORE].asked[QUESTION_READ] >= 2 * result.reads);
		assert_int_equal(survey_tried(&result), members[member].answers);
		survey_not_tried(&result, untried);
		assert_untried(member, untried);
		assert_int_equal(!*untried, member == RIGHT);
		text = report_of(&result);
		assert_int_equal(!strstr(text, ALL), member != RIGHT);
		assert_int_equal(!strstr(text, "Nothing was tried"), members[member].answers);
		free(text);
		survey_free(&result);
	}
}

/* What a worker had under way when it died or was ended, and all behind it, was not looked at. */
static void test_survey_ends(void **unused)
{
	static const struct {
		void (*read)(struct engine_vcpu *vcpu, enum entry entry,
			     const struct rdpmc_state *state, struct engine_answer *answer);
		const char *died;
	} rows[] = {
		{ crash_late, "Aborted, in configuration skylake" },
		{ hang_late, "Killed (no read ended within 1 s), in configuration skylake" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct survey_result result;
		char *text;

		make(RIGHT);
		engine.read = rows[i].read;
		run_survey(&result);
		assert_true(result.partial);
		assert_int_equal(result.done, 0);
		assert_string_equal(result.died, rows[i].died);
		text = report_of(&result);
		assert_null(strstr(text, ALL));
		assert_non_null(strstr(text, rows[i].died));
		free(text);
		survey_free(&result);
	}
}

/* The same of the random cases that come after the configurations. */
static void test_made_ends(void **unused)
{
	struct survey_result result;
	struct survey_made made;
	char *text;
	const char *why;

	(void)unused;
	make(RIGHT);
	run_survey(&result);
	engine.read = hang_late;
	assert_int_equal(survey_made(&result, 6000, NULL, NULL, &made, &why), 0);
	assert_in_range(made.killed, 1, SURVEY_KILLED);
	assert_true(result.partial);
	assert_non_null(strstr(result.died, "Killed, in random case "));
	text = report_of(&result);
	assert_null(strstr(text, ALL));
	assert_non_null(strstr(text, "limits: random cases (Killed, in random case "));
	free(text);
	survey_free(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),      cmocka_unit_test(test_unjudged_leak),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_repeat),      cmocka_unit_test(test_before_a_write),
		cmocka_unit_test(test_survey),      cmocka_unit_test(test_survey_ends),
		cmocka_unit_test(test_made_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
