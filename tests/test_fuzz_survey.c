// SPDX-License-Identifier: GPL-2.0-or-later
// beside others, long
/*
 * Proves that a survey counts exactly what is wrong, in the states and by the entry in which it is,
 * with the smallest case; that it says so when it can only estimate, or when a worker dies; and
 * what changes from one engine to another.
 */
#include <errno.h>
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
#include "fuzz/case/shape.h"
#include "fuzz/enumerate/ecxs.h"
#include "fuzz/oracle/known/known.h"
#include "fuzz/survey/survey_grid.h"
#include "fuzz/survey/survey_report.h"
#include "lib/array.h"

#define ALLOWED  15 /* states in which PRIV says yes, and there is no LOCK */
#define EXITS    21 /* states without LOCK */
#define ALL_ECXS (1ULL << 32)

extern const struct engine engine_emulator;

/* What the engine under test does wrong, and the one before it. */
enum {
	NOTHING,
	ANSWERS_6000 = 1 << 0, /* CPL 0, by the emulator: a value for the type 0x6000 */
	IGNORES_31 = 1 << 1,
	ONE_ECX = 1 << 2,   /* 0x20000007 is answered in virtual-8086 mode with CR4.PCE */
	COMPLAINS = 1 << 3, /* of ECX = 5 by exit */
	SETUP = 1 << 4,     /* complains when it is set up */
	SCATTERED =
		1 << 5, /* half of all ECX, by no rule of types and indices, in real-address mode */
	PASSES = 1 << 6, /* never intercepts */
	DIES = 1 << 7,   /* of a guest with 5 counters or more */
	DIES_SELDOM = 1 << 8,
	CLOBBERS = 1 << 9, /* RDX, in a #GP */
	REFUSES = 1 << 10, /* every read */
	STAYS = 1 << 11,   /* RIP does, where a value is read */
	LATE = 1 << 12,    /* clobbers RDX in a #GP, but not of the first read */
};
static unsigned int reads;
static unsigned int wrong, wrong_before;
static const char *pending;
static const char complaint[] = "arch/x86/kvm/pmu.c:1: UBSan: planted";

static void value(const struct rdpmc_state *state, struct engine_answer *answer)
{
	answer->answer = ANSWER_VALUE;
	answer->error_code = 0;
	answer->regs = state->regs;
	answer->regs.rax = 0x1234;
	answer->regs.rdx = 0;
	answer->regs.rip += RDPMC_LENGTH;
	if (state->mode != MODE_64BIT)
		answer->regs.rip = (uint32_t)answer->regs.rip;
}

static void read_without_31(struct engine_vcpu *vcpu, enum entry entry,
			    const struct rdpmc_state *state, struct engine_answer *answer)
{
	struct rdpmc_state changed = *state;

	changed.regs.rcx &= ~0x80000000ULL;
	engine_emulator.read(vcpu, entry, &changed, answer);
}

static void read_wrongly(unsigned int how, struct engine_vcpu *vcpu, enum entry entry,
			 const struct rdpmc_state *state, struct engine_answer *answer)
{
	const uint32_t ecx = (uint32_t)state->regs.rcx;

	if (how & IGNORES_31)
		read_without_31(vcpu, entry, state, answer);
	else
		engine_emulator.read(vcpu, entry, state, answer);
	answer->regs.rcx = state->regs.rcx;
	if (how & STAYS)
		answer->regs.rip = state->regs.rip;
	if (how & REFUSES)
		answer->refused = "KVM_RUN: EINVAL";
	if (state->lock)
		return;
	if (how & ANSWERS_6000 && entry == ENTRY_EMULATOR && ecx >> 16 == 0x6000 && !state->cpl)
		value(state, answer);
	if (how & ONE_ECX && ecx == 0x20000007 && state->mode == MODE_VM86 &&
	    state->cr4 & RDPMC_CR4_PCE)
		value(state, answer);
	if (how & SCATTERED && state->mode == MODE_REAL && ecx * 0x9e3779b1 >> 31)
		value(state, answer);
	if ((how & CLOBBERS || (how & LATE && reads++ >= 2)) && answer->answer == ANSWER_GP)
		answer->regs.rdx = 0;
	if (how & COMPLAINS && entry == ENTRY_EXIT && ecx == 5)
		pending = complaint;
}

static void wrong_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	read_wrongly(wrong, vcpu, entry, state, answer);
}

static void before_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
			struct engine_answer *answer)
{
	read_wrongly(wrong_before, vcpu, entry, state, answer);
}

static bool seldom(const struct rdpmc_pmu *guest)
{
	return guest->nr_gp == 7 && guest->nr_fixed == 2 && guest->gp_width == 48;
}

static void wrong_begin(struct engine_vcpu *vcpu, const struct rdpmc_pmu *guest,
			const struct rdpmc_pmu *host, const struct rdpmc_policy *policy)
{
	engine_emulator.begin(vcpu, guest, host, policy);
	reads = 0;
	if (wrong & SETUP)
		pending = complaint;
	if ((wrong & DIES && guest->nr_gp >= 5) || (wrong & DIES_SELDOM && seldom(guest)))
		abort();
}

static const char *trouble(struct engine_vcpu *vcpu)
{
	const char *now = pending;

	(void)vcpu;
	pending = NULL;
	return now;
}

static enum intercept intercepts(struct engine_vcpu *vcpu)
{
	return wrong & PASSES ? INTERCEPT_OFF : engine_emulator.intercepts(vcpu);
}

static struct engine engine, engine_before;
static const struct configuration *chosen[8];
static struct survey survey;

/* Of the emulator, but for @how; in the configurations named, NULL at the end. */
static void prepare(unsigned int how, const char *const *names)
{
	wrong = how;
	engine = engine_before = engine_emulator;
	engine.read = wrong_read;
	engine.begin = wrong_begin;
	engine.trouble = trouble;
	engine.intercepts = intercepts;
	engine_before.read = before_read;
	survey = (struct survey){
		.engines = { &engine },
		.configurations = chosen,
		.jobs = 2,
	};
	for (; names[survey.n_configurations]; survey.n_configurations++)
		chosen[survey.n_configurations] =
			configuration_find(names[survey.n_configurations]);
}

static void run(struct survey_result *result)
{
	const char *why;

	assert_int_equal(survey_run(&survey, result, &why), 0);
}

/* One configuration, in which one class is expected. */
static const struct survey_class *only(unsigned int how, const char *name,
				       struct survey_result *result)
{
	prepare(how, (const char *const[]){ name, NULL });
	run(result);
	assert_int_equal(result->n_classes, 1);
	assert_false(result->partial);
	assert_int_equal(result->disagreed, 0);
	assert_false(result->classes[0].estimated);
	assert_true(survey_new(&result->classes[0]));
	return &result->classes[0];
}

/* Ascending, none twice; of every shape. */
static void test_ecxs(void **unused)
{
	size_t count, of[NR_SHAPES] = { 0 };
	uint32_t *ecxs = ecxs_chosen(&count);

	(void)unused;
	assert_in_range(count, 3000, 16384);
	for (size_t i = 0; i < count; i++) {
		assert_true(!i || ecxs[i - 1] < ecxs[i]);
		of[ecx_shape(ecxs[i], false)]++;
	}
	for (unsigned int shape = 0; shape < NR_SHAPES; shape++)
		assert_true(of[shape] || shape == SHAPE_LOCK);
	free(ecxs);
}

/* The last case that a survey said it was about to try, and how far its reads have come. */
static struct {
	struct rdpmc_state state;
	uint64_t rcx[GRID_SOON], n, at;
	uint64_t cases, reads, unannounced;
} announced;

static void note(void *opaque, const uint8_t *data, size_t size)
{
	struct rdpmc_case one;
	struct case_step step;

	(void)opaque;
	case_decode(data, size, &one);
	assert_int_equal(one.legalised, 0);
	assert_true(one.n_steps < GRID_SOON);
	announced.state = one.state;
	announced.rcx[0] = one.state.regs.rcx;
	for (size_t i = 0; i < one.n_steps; i++) {
		assert_true(case_step(&one, i, &step) && step.op == STEP_READ);
		announced.rcx[i + 1] = step.value;
	}
	announced.n = one.n_steps + 1;
	announced.at = 0;
	announced.cases++;
}

static void announced_read(struct engine_vcpu *vcpu, enum entry entry,
			   const struct rdpmc_state *state, struct engine_answer *answer)
{
	while (announced.at < announced.n && announced.rcx[announced.at] != state->regs.rcx)
		announced.at++;
	announced.reads++;
	announced.unannounced +=
		announced.at == announced.n || announced.state.mode != state->mode ||
		announced.state.cpl != state->cpl || announced.state.cr4 != state->cr4 ||
		announced.state.lock != state->lock;
	wrong_read(vcpu, entry, state, answer);
}

/* A machine that goes down in a read has that on its disk. */
static void test_before(void **unused)
{
	static struct survey_slot slot;
	const char *why;

	(void)unused;
	prepare(ONE_ECX | IGNORES_31, (const char *const[]){ "skylake", NULL });
	engine.read = announced_read;
	survey.before = note;
	assert_int_equal(survey_configuration(&survey, 0, &slot, &why), 0);
	assert_true(slot.n_hits > 0);
	assert_true(announced.reads > 500000);
	assert_int_equal(announced.unannounced, 0);
	/* Each is a write to the disk. */
	assert_true(announced.cases < announced.reads / 500);
}

static void test_clean(void **unused)
{
	static const char *const names[] = { "metrics-clear", "panther-cove", "amd-v2",
					     "backdoor-no-pmu", NULL };
	struct survey_result result;

	(void)unused;
	prepare(NOTHING, names);
	run(&result);
	assert_int_equal(result.done, 4);
	assert_int_equal(result.n_classes, 0);
	assert_int_equal(result.disagreed, 0);
	assert_true(survey_tried(&result));
	assert_true(survey_cases(&result, ENTRY_EXIT) == 4 * EXITS * ALL_ECXS);
	assert_true(survey_cases(&result, ENTRY_EMULATOR) == 4 * SURVEY_STATES * ALL_ECXS);
	survey_free(&result);
}

/* The example's bytes find what the class says. */
static void check_example(const struct survey_result *result)
{
	uint8_t data[MUTATE_SIZE];
	struct finding finding;
	struct trial trial;
	const char *why;

	assert_int_equal(trial_init(&trial, &engine, &why), 0);
	assert_false(
		trial_run(&trial, data, survey_case(result, &result->classes[0], data), &finding));
	assert_int_equal(finding.oracles, result->classes[0].key.sides[0].oracles);
	assert_int_equal(finding.entry, ENTRY_EMULATOR);
	assert_int_equal(finding.model.decision.rule, RULE_TYPE_OTHER);
	trial_free(&trial);
}

static void test_type(void **unused)
{
	struct survey_result result;
	const struct survey_class *class = only(ANSWERS_6000, "skylake", &result);

	(void)unused;
	assert_int_equal(class->key.entry, ENTRY_EMULATOR);
	assert_int_equal(class->key.sides[0].rule, RULE_TYPE_OTHER);
	assert_int_equal(class->key.sides[0].model, ANSWER_GP);
	assert_int_equal(class->key.sides[0].answer, ANSWER_VALUE);
	/* 64-bit mode; protected and real-address mode with CR4.PCE 0 and 1; and with TF or prefixes */
	assert_int_equal(class->count, 8 * 65536);
	assert_int_equal(__builtin_popcount(class->states), 8);
	assert_int_equal(class->example.ecx, 0x60000000);
	assert_int_equal(class->example.state, 0);
	assert_int_equal(class->example.engine[0].regs.rax, 0x1234);
	check_example(&result);
	survey_free(&result);
}

static void test_bit_31(void **unused)
{
	static const char *const names[] = { "skylake", "sapphire-rapids", NULL };
	struct survey_result result;
	uint64_t gp = 0, all = 0, reached = 0;

	(void)unused;
	prepare(IGNORES_31, names);
	run(&result);
	for (size_t i = 0; i < result.n_classes; i++) {
		const struct survey_class *class = &result.classes[i];

		assert_false(class->estimated);
		assert_int_equal(class->n_configurations, 2);
		assert_int_equal(class->key.sides[0].rule, RULE_NO_FAST);
		all += class->count;
		reached += class->reached;
		gp += class->example.ecx == 0x80000000 ? class->count : 0;
	}
	/* 4 + 8 general-purpose counters, 3 + 4 fixed ones, PERF_METRICS; by two entries */
	assert_int_equal(result.n_classes, 2);
	assert_int_equal(all, 2 * ALLOWED * (4 + 3 + 8 + 4 + 1));
	assert_int_equal(gp, all);
	/* A bad ECX exits on VMX. */
	assert_int_equal(reached, all / 2);
	survey_free(&result);
}

/* On SVM a bad ECX faults before the exit. */
static void test_reach(void **unused)
{
	struct survey_result result;

	(void)unused;
	prepare(IGNORES_31, (const char *const[]){ "amd-v2", NULL });
	run(&result);
	for (size_t i = 0; i < result.n_classes; i++) {
		assert_int_equal(result.classes[i].count, ALLOWED * 6);
		assert_int_equal(result.classes[i].reached, 0);
	}
	assert_int_equal(result.n_classes, 2);
	survey_free(&result);
}

static void test_one_ecx(void **unused)
{
	struct survey_result result;

	(void)unused;
	prepare(ONE_ECX, (const char *const[]){ "sapphire-rapids", NULL });
	run(&result);
	assert_int_equal(result.n_classes, 2); /* entries */
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(result.classes[i].count, 1);
		assert_int_equal(result.classes[i].example.ecx, 0x20000007);
		assert_int_equal(result.classes[i].key.sides[0].rule, RULE_METRICS_INDEX);
		assert_false(result.classes[i].estimated);
	}
	survey_free(&result);
}

static void test_complaint(void **unused)
{
	struct survey_result result;
	uint64_t count = 0;

	(void)unused;
	prepare(COMPLAINS, (const char *const[]){ "amd-v2", NULL });
	run(&result);
	for (size_t i = 0; i < result.n_classes; i++) {
		const struct survey_class *class = &result.classes[i];

		assert_int_equal(class->key.entry, ENTRY_EXIT);
		assert_int_equal(class->example.ecx, 5);
		assert_true(class->key.sides[0].oracles & ORACLE_TROUBLE);
		assert_string_equal(class->key.sides[0].trouble, complaint);
		assert_false(class->estimated);
		count += class->count;
	}
	assert_int_equal(result.n_classes, 2); /* where PRIV allows and where it does not */
	assert_int_equal(count, EXITS);
	survey_free(&result);
}

static void test_setup(void **unused)
{
	struct survey_result result;
	const struct survey_class *class = only(SETUP, "no-pmu", &result);

	(void)unused;
	assert_int_equal(class->key.entry, SURVEY_SETUP);
	assert_int_equal(class->count, 1);
	assert_string_equal(class->key.sides[0].trouble, complaint);
	survey_free(&result);
}

static void test_intercept(void **unused)
{
	static const char *const names[] = { "sapphire-rapids-no-metrics", "skylake", "ice-lake",
					     NULL };
	struct survey_result result;

	(void)unused;
	prepare(PASSES, names);
	run(&result);
	for (size_t i = 0; i < result.n_classes; i++) {
		assert_int_equal(result.classes[i].key.entry, SURVEY_INTERCEPT);
		assert_int_equal(result.classes[i].key.sides[0].oracles, ORACLE_PASS_SOUND);
		assert_int_equal(result.classes[i].count, 1);
	}
	assert_int_equal(result.n_classes, 2); /* two reasons */
	assert_int_equal(survey_decision(&result.slots[0], 0), DECISION_UNSOUND);
	assert_int_equal(survey_decision(&result.slots[1], 0), DECISION_OFF);
	assert_int_equal(survey_decision(&result.slots[2], 0), DECISION_UNSOUND);
	assert_int_equal(survey_bad(&result), 2);
	survey_free(&result);
}

/* What is no matter of types and indices is found, and called an estimate. */
static void test_estimate(void **unused)
{
	struct survey_result result;
	bool any = false;

	(void)unused;
	prepare(SCATTERED, (const char *const[]){ "no-pmu", NULL });
	run(&result);
	assert_int_not_equal(result.n_classes, 0);
	for (size_t i = 0; i < result.n_classes; i++)
		any |= result.classes[i].estimated;
	assert_true(any);
	assert_true(result.slots[0].too_many);
	assert_true(result.disagreed > 0);
	survey_free(&result);
}

static void test_side_effects(void **unused)
{
	struct survey_result result;

	(void)unused;
	prepare(CLOBBERS, (const char *const[]){ "no-pmu", NULL });
	run(&result);
	for (size_t i = 0; i < result.n_classes; i++) {
		const struct survey_class *class = &result.classes[i];

		assert_string_equal(survey_got(&class->key.sides[0]), "side effects");
		assert_true(class->count ==
			    (class->key.sides[0].rule == RULE_PRIV ? EXITS - ALLOWED : ALLOWED) *
				    ALL_ECXS);
	}
	assert_int_equal(result.n_classes, 4);
	survey_free(&result);
}

static void test_death(void **unused)
{
	static const char *const names[] = { "skylake", "sapphire-rapids", "no-pmu", NULL };
	struct survey_result result;

	(void)unused;
	prepare(DIES, names);
	run(&result);
	assert_true(result.partial);
	assert_int_equal(result.done, 2);
	assert_non_null(strstr(result.died, "sapphire-rapids"));
	survey_free(&result);
}

/* It is the configuration of the worker that died, not what another has under way then. */
static void test_death_beside_another(void **unused)
{
	struct survey_result result;

	(void)unused;
	prepare(DIES, (const char *const[]){ "sapphire-rapids", "skylake", NULL });
	run(&result);
	assert_int_equal(result.done, 1);
	assert_string_equal(result.died, "Aborted, in configuration sapphire-rapids");
	survey_free(&result);
}

/* A survey of no configuration: random cases need none, and each takes longer than they do. */
static void run_none(struct survey_result *result)
{
	*result = (struct survey_result){ .survey = &survey };
}

static unsigned int made_jobs = 1; /* in which those that kill come in order */

static struct survey_made made(unsigned int how, const char *name, struct survey_result *result)
{
	struct survey_made made;
	const char *why;

	prepare(how, (const char *const[]){ name, NULL });
	survey.jobs = made_jobs;
	if (name)
		run(result);
	else
		run_none(result);
	assert_int_equal(survey_made(result, 3000, NULL, NULL, &made, &why), 0);
	return made;
}

/*
 * What no configuration shows is a class as well, and each one's case shows it: by its last step, nothing being wrong
 * with what is before it.
 */
static void check_made_classes(const struct survey_result *result, unsigned int side)
{
	uint8_t data[MUTATE_SIZE];
	struct rdpmc_case decoded;
	size_t alone = 0, late = 0;
	struct finding finding;
	struct trial trial;
	const char *why;

	assert_int_equal(trial_init(&trial, &engine, &why), 0);
	for (size_t i = 0; i < result->n_classes; i++) {
		const struct survey_class *class = &result->classes[i];
		const size_t size = survey_case(result, class, data);

		if (class->n_configurations)
			continue;
		alone++;
		assert_int_equal(class->count, class->made);
		assert_true(class->made > 0 && class->reached <= class->count);
		case_decode(data, size, &decoded);
		assert_int_equal(decoded.n_steps, class->example.step);
		assert_false(trial_run(&trial, data, size, &finding));
		if (class->key.entry >= NR_ENTRIES || finding.step != class->example.step)
			continue;
		late += finding.step > 0;
		assert_int_equal(finding.oracles, class->key.sides[side].oracles);
		assert_int_equal(finding.model.decision.rule, class->key.sides[side].rule);
		assert_int_equal((uint32_t)finding.state.regs.rcx, class->example.ecx);
		assert_memory_equal(&finding.model.regs, &class->example.model[side].regs,
				    sizeof(finding.model.regs));
		assert_memory_equal(&finding.engine.regs, &class->example.engine[side].regs,
				    sizeof(finding.engine.regs));
	}
	assert_true(alone > 0);
	assert_int_equal(late > 0, !!(wrong & LATE));
	trial_free(&trial);
}

/* The same between two engines: what only random cases change is told, and which way. */
static void test_made_changes(void **unused)
{
	struct survey_result result;
	struct survey_made all;
	const char *why;

	(void)unused;
	for (unsigned int worse = 0; worse < 2; worse++) {
		prepare(NOTHING, (const char *const[]){ NULL });
		survey.engines[SURVEY_AFTER] = &engine;
		survey.engines[SURVEY_BEFORE] = &engine_before;
		/* Without configurations' classes: all are of random cases. */
		run_none(&result);
		wrong = worse ? CLOBBERS : NOTHING;
		wrong_before = worse ? NOTHING : CLOBBERS;
		assert_int_equal(survey_made(&result, 3000, NULL, NULL, &all, &why), 0);
		assert_true(all.differ > 0);
		assert_true(result.n_classes > 5);
		assert_int_equal(survey_bad(&result), worse ? result.n_classes : 0);
		for (size_t i = 0; i < result.n_classes; i++)
			assert_int_equal(survey_change(&result.classes[i]),
					 worse ? CHANGE_BROKEN : CHANGE_FIXED);
		if (worse)
			check_made_classes(&result, SURVEY_AFTER);
		survey_free(&result);
	}

	/* Both are wrong alike: nothing is changed. */
	prepare(CLOBBERS, (const char *const[]){ "no-pmu", NULL });
	wrong_before = CLOBBERS;
	survey.engines[SURVEY_AFTER] = &engine;
	survey.engines[SURVEY_BEFORE] = &engine_before;
	run(&result);
	assert_int_equal(survey_made(&result, 3000, NULL, NULL, &all, &why), 0);
	assert_int_equal(all.differ, 0);
	assert_int_equal(result.n_classes, 0);
	survey_free(&result);
}

/* Random cases are a worker's, too. */
static void test_made(void **unused)
{
	uint8_t data[MUTATE_SIZE];
	struct survey_result result;
	struct survey_made all;
	struct rdpmc_case one;
	char died[200];
	unsigned int killed = 0;
	size_t at = 0;

	(void)unused;
	all = made(NOTHING, "no-pmu", &result);
	assert_int_equal(all.cases, 3000);
	assert_int_equal(all.differ, 0);
	assert_true(tally_answered(&all.tally) > 3000);
	assert_false(result.partial);
	survey_free(&result);

	all = made(CLOBBERS, "no-pmu", &result);
	assert_true(all.differ > 0);
	check_made_classes(&result, SURVEY_BEFORE);
	survey_free(&result);

	made(LATE, NULL, &result);
	check_made_classes(&result, SURVEY_BEFORE);
	survey_free(&result);

	/* The whole of what it says of those that kill, up to the last that is tried. */
	all = made(DIES, NULL, &result);
	assert_int_equal(all.killed, SURVEY_KILLED);
	for (uint64_t i = 0; killed < SURVEY_KILLED; i++) {
		case_decode(data, mutate_numbered(1, i, data, sizeof(data)), &one);
		if (one.guest.nr_gp < 5)
			continue;
		at += (size_t)snprintf(died + at, sizeof(died) - at,
				       killed ? ", %u" : "Aborted, in random case %u of seed 1",
				       (unsigned int)i);
		killed++;
		assert_true(killed < SURVEY_KILLED || all.cases == i + 1 - SURVEY_KILLED);
	}
	assert_true(result.partial);
	assert_string_equal(result.died, died);
	survey_free(&result);
}

/* Behind a case that kills it goes on: every other one is tried, and counts as it does without. */
static void test_made_go_on(void **unused)
{
	uint64_t killers = 0, answered;
	const char *why = NULL;
	uint8_t data[MUTATE_SIZE];
	struct survey_result result;
	struct survey_made all;
	struct finding finding;
	struct rdpmc_case one;
	struct trial trial;
	size_t size;

	(void)unused;
	all = made(DIES_SELDOM, NULL, &result);
	wrong = NOTHING;
	assert_int_equal(trial_init(&trial, &engine, &why), 0);
	for (uint64_t i = 0; i < 3000; i++) {
		size = mutate_numbered(SURVEY_SEED, i, data, sizeof(data));
		case_decode(data, size, &one);
		if (seldom(&one.guest))
			killers++;
		else
			trial_run(&trial, data, size, &finding);
	}
	answered = tally_answered(&trial.tally);
	trial_free(&trial);
	assert_in_range(killers, 1, SURVEY_KILLED - 1);
	assert_int_equal(all.killed, killers);
	assert_int_equal(all.cases, 3000 - killers);
	assert_int_equal(tally_answered(&all.tally), answered);
	assert_int_equal(all.differ, 0);
	assert_true(result.partial);
	survey_free(&result);
}

/* In however many processes, it is the same that is found. */
static void test_made_jobs(void **unused)
{
	struct survey_result alone, shared;
	struct survey_made one, many;

	(void)unused;
	one = made(LATE, NULL, &alone);
	made_jobs = 7;
	many = made(LATE, NULL, &shared);
	made_jobs = 1;
	assert_int_equal(one.cases, many.cases);
	assert_int_equal(one.differ, many.differ);
	assert_int_equal(tally_answered(&one.tally), tally_answered(&many.tally));
	assert_int_equal(alone.n_classes, shared.n_classes);
	for (size_t i = 0; i < alone.n_classes; i++) {
		const struct survey_class *a = &alone.classes[i], *b = &shared.classes[i];

		assert_memory_equal(&a->key, &b->key, sizeof(a->key));
		assert_int_equal(a->made, b->made);
		assert_int_equal(a->count, b->count);
		assert_int_equal(a->reached, b->reached);
		assert_int_equal(a->example.made, b->example.made);
	}
	survey_free(&alone);
	survey_free(&shared);
}

static int cannot_note(void *opaque, uint64_t first)
{
	(void)opaque;
	return first ? ENOSPC : 0;
}

/* Status 2 of the process is no sign of that: it may be the engine's own. */
static void exits_by_2(struct engine_vcpu *vcpu, const struct rdpmc_pmu *guest,
		       const struct rdpmc_pmu *host, const struct rdpmc_policy *policy)
{
	engine_emulator.begin(vcpu, guest, host, policy);
	if (guest->nr_gp >= 5)
		_exit(2);
}

static void test_made_not_noted(void **unused)
{
	struct survey_result result;
	struct survey_made all;
	const char *why;

	(void)unused;
	made(NOTHING, NULL, &result);
	assert_int_equal(survey_made(&result, 3000, cannot_note, NULL, &all, &why), -1);
	assert_string_equal(why, "the journal cannot be written: No space left on device; nothing "
				 "more is run");
	assert_int_equal(all.cases, SURVEY_NOTE);
	engine.begin = exits_by_2;
	assert_int_equal(survey_made(&result, 3000, NULL, NULL, &all, &why), 0);
	assert_int_equal(all.killed, SURVEY_KILLED);
	assert_int_equal(strncmp(result.died, "exit, in random case ", 21), 0);
	survey_free(&result);
}

/* What both do wrong is no change; the rest becomes right or wrong, each by itself. */
static void test_changes(void **unused)
{
	static const unsigned int hows[] = { ANSWERS_6000, IGNORES_31 };

	(void)unused;
	for (unsigned int i = 0; i < 2; i++) {
		struct survey_result result;
		size_t n[2] = { 0 };

		prepare(ONE_ECX | hows[i], (const char *const[]){ "amd-v2", NULL });
		wrong_before = ONE_ECX | hows[!i];
		survey.engines[SURVEY_AFTER] = &engine;
		survey.engines[SURVEY_BEFORE] = &engine_before;
		run(&result);
		assert_int_equal(result.n_classes, 3);
		for (size_t k = 0; k < result.n_classes; k++) {
			const struct survey_class *class = &result.classes[k];
			const bool is_6000 = class->count == 8 * 65536;

			assert_true(is_6000 || class->count == ALLOWED * 6);
			assert_int_equal(class->example.ecx, is_6000 ? 0x60000000 : 0x80000000);
			assert_int_equal(survey_change(class),
					 is_6000 == !i ? CHANGE_BROKEN : CHANGE_FIXED);
			n[is_6000]++;
		}
		assert_int_equal(n[true], 1);
		assert_int_equal(n[false], 2); /* entries */
		assert_int_equal(survey_bad(&result), n[!i]);
		survey_free(&result);
	}
}

static bool (*is_set)(uint32_t ecx);

static uint16_t ask(void *opaque, uint32_t ecx)
{
	(void)opaque;
	return is_set(ecx);
}

static void add_set(void *opaque, uint16_t answer, uint32_t lowest, uint64_t count)
{
	uint64_t *total = opaque;

	total[0] += answer ? count : 0;
	total[1] += count;
	if (answer)
		assert_true(is_set(lowest));
}

static bool two_rectangles(uint32_t ecx)
{
	return (ecx >> 16 & 0x8fff) == 0x8001 || (!(ecx >> 16) && (ecx & 0xffff) % 7 == 3);
}

static bool far_corner(uint32_t ecx)
{
	return ecx >> 24 == 0xee && (ecx & 0xff00) == 0x7700;
}

static void check_grid(bool (*set)(uint32_t), uint32_t hint, uint64_t expected)
{
	struct grid *grid = calloc(1, sizeof(*grid));
	uint64_t total[2] = { 0 };

	assert_non_null(grid);
	is_set = set;
	grid_fill(grid, ask, NULL);
	if (hint && !grid_lookup(grid, hint))
		grid_refine(grid, hint);
	grid_each(grid, add_set, total);
	assert_false(grid->too_many);
	assert_true(total[0] == expected);
	assert_true(total[1] == ALL_ECXS);
	free(grid);
}

static void test_grid(void **unused)
{
	(void)unused;
	/* 0x0000 with 9362 indices; 0x8001, 0x9001 ... 0xf001 with all */
	check_grid(two_rectangles, 0, 9362 + 8 * 65536);
	/* Out of sight until one read shows it. */
	check_grid(far_corner, 0, 0);
	check_grid(far_corner, 0xee007700, 256 * 256);
}

static unsigned int has_exit(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return 1U << ENTRY_EXIT;
}

static unsigned int has_emulator(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return 1U << ENTRY_EMULATOR;
}

/* Only entries that both engines have here are compared, whatever they may have elsewhere. */
static void test_common_entries(void **unused)
{
	struct survey_result result;

	(void)unused;
	for (unsigned int i = 0; i < 2; i++) {
		prepare(NOTHING, (const char *const[]){ "no-pmu", NULL });
		wrong_before = ANSWERS_6000; /* by the emulator's entry */
		survey.engines[SURVEY_BEFORE] = &engine_before;
		survey.engines[SURVEY_AFTER] = &engine;
		engine.has = has_exit;
		engine_before.has = i ? has_emulator : NULL;
		run(&result);
		assert_int_equal(result.n_classes, 0);
		/* By no entry at all: that is no agreement. */
		assert_int_equal(survey_tried(&result), !i);
		survey_free(&result);
	}
}

/* Wrong where the first was right: known of both only if it is the intercept, and happens with the first somewhere. */
static void test_what_a_change_is(void **unused)
{
	static const struct {
		unsigned int oracles[SURVEY_SIDES], known[SURVEY_SIDES];
		bool of_both;
		enum survey_change change;
	} rows[] = {
		{ { 0, 0 }, { 0, 0 }, false, CHANGE_CLAMP },
		{ { 0, 1 }, { 0, 0 }, false, CHANGE_BROKEN },
		{ { 0, 1 }, { 0, 1 }, false, CHANGE_BROKEN },
		{ { 0, 1 }, { 0, 1 }, true, CHANGE_KNOWN },
		{ { 1, 0 }, { 0, 0 }, false, CHANGE_FIXED },
		{ { 1, 0 }, { 1, 0 }, false, CHANGE_FIXED },
		{ { 1, 1 }, { 0, 0 }, false, CHANGE_OTHERWISE },
		{ { 1, 1 }, { 1, 0 }, false, CHANGE_OTHERWISE },
		{ { 1, 1 }, { 0, 1 }, false, CHANGE_OTHERWISE },
		{ { 1, 1 }, { 1, 1 }, false, CHANGE_KNOWN },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct survey_class class = { .known = rows[i].of_both };

		for (int side = 0; side < SURVEY_SIDES; side++) {
			class.key.sides[side].oracles = (uint8_t)rows[i].oracles[side];
			class.key.sides[side].known = rows[i].known[side];
		}
		if (survey_change(&class) != rows[i].change)
			fail_msg("row %zu: %d", i, (int)survey_change(&class));
	}
}

static void test_known_of_both(void **unused)
{
	static const char text[] =
		"{\"differences\": ["
		"{\"name\": \"bit-31\", \"when\": [\"ecx & 0x80000000 != 0\", \"entry != "
		"intercept\"], "
		"\"as\": [\"ecx = ecx & 0x7fffffff\"], \"kernel\": \"k\", \"processor\": \"p\", "
		"\"why\": \"w\", \"source\": \"s\", \"reach\": \"r\"}, "
		"{\"name\": \"metrics\", \"when\": [\"entry = intercept\"], "
		"\"as\": [\"host.perf_capabilities = 0\"], \"kernel\": \"k\", \"processor\": "
		"\"p\", "
		"\"why\": \"w\", \"source\": \"s\", \"reach\": \"r\"}]}";
	unsigned int intercepts_seen = 0;
	char directory[] = "/tmp/test-survey-XXXXXX", file[40], why[400];
	struct survey_result result;
	FILE *out;

	(void)unused;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/all.json", directory);
	out = fopen(file, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	for (unsigned int happens = 0; happens < 2; happens++) {
		prepare(IGNORES_31 | PASSES,
			(const char *const[]){ "sapphire-rapids-no-metrics", NULL });
		wrong_before = NOTHING;
		survey.engines[SURVEY_BEFORE] = &engine_before;
		survey.engines[SURVEY_AFTER] = &engine;
		for (int side = 0; side < SURVEY_SIDES; side++) {
			survey.known[side] =
				known_read(directory, survey.engines[side], why, sizeof(why));
			if (!survey.known[side])
				fail_msg("%s", why);
		}
		for (unsigned int i = 0; i < 2; i++)
			known_get(survey.known[SURVEY_BEFORE], i)->happened = happens;
		run(&result);
		assert_true(result.n_classes > 0);
		for (size_t i = 0; i < result.n_classes; i++) {
			assert_true(result.classes[i].key.sides[SURVEY_AFTER].known);
			const bool intercept = result.classes[i].key.entry == SURVEY_INTERCEPT;

			intercepts_seen += intercept;
			assert_int_equal(survey_change(&result.classes[i]),
					 happens && intercept ? CHANGE_KNOWN : CHANGE_BROKEN);
		}
		survey_free(&result);
		for (int side = 0; side < SURVEY_SIDES; side++) {
			known_free(survey.known[side]);
			survey.known[side] = NULL;
		}
	}
	assert_int_equal(intercepts_seen, 2);
	remove(file);
	remove(directory);
}

static bool move_rip(struct engine_vcpu *vcpu, struct rdpmc_state *state)
{
	(void)vcpu;
	state->regs.rip = 0x12340;
	return true;
}

/* An engine that executes at another RIP does not answer otherwise for that; a RIP that stays does. */
static void test_moved_rip(void **unused)
{
	static const unsigned int hows[] = { NOTHING, STAYS };
	struct survey_result result;

	(void)unused;
	for (unsigned int i = 0; i < 2; i++) {
		prepare(hows[i], (const char *const[]){ "skylake", NULL });
		wrong_before = NOTHING;
		survey.engines[SURVEY_BEFORE] = &engine_before;
		survey.engines[SURVEY_AFTER] = &engine;
		engine.adapt = move_rip;
		run(&result);
		assert_int_equal(result.n_classes, 4 * i); /* two rules, two entries */
		survey_free(&result);
	}
}

static bool no_single_step(struct engine_vcpu *vcpu, struct rdpmc_state *state)
{
	const bool had = state->regs.rflags & RDPMC_RFLAGS_TF;

	(void)vcpu;
	state->regs.rflags &= ~RDPMC_RFLAGS_TF;
	return had;
}

/* One engine cannot give the guest a single step: nothing that the other does with it is a change. */
static void test_no_single_step(void **unused)
{
	struct survey_result result;
	struct survey_made all;
	const char *why;

	(void)unused;
	prepare(NOTHING, (const char *const[]){ "skylake", NULL });
	wrong_before = NOTHING;
	survey.engines[SURVEY_BEFORE] = &engine_before;
	survey.engines[SURVEY_AFTER] = &engine;
	engine.adapt = no_single_step;
	run(&result);
	assert_int_equal(survey_made(&result, 3000, NULL, NULL, &all, &why), 0);
	assert_int_equal(result.n_classes, 0);
	assert_int_equal(all.differ, 0);
	survey_free(&result);
}

/*
 * A guest that is smaller than its host in one thing: that thing is the obstacle, by its class, and there is none
 * where the guest has what the host has.
 */
static void test_smaller(void **unused)
{
	static const struct {
		const char *name;
		enum rdpmc_obstacle obstacle;
		enum rdpmc_class class;
		unsigned int index;
	} rows[] = {
		{ "smaller-version", OBSTACLE_NONE, CLASS_NONE, 0 },
		{ "smaller-version-1", OBSTACLE_READABLE, CLASS_FIXED, 0 },
		{ "smaller-gp", OBSTACLE_READABLE, CLASS_GP, 7 },
		{ "smaller-fixed", OBSTACLE_READABLE, CLASS_FIXED, 2 },
		{ "smaller-fixed-four", OBSTACLE_READABLE, CLASS_FIXED, 4 },
		{ "smaller-gp-width", OBSTACLE_WIDTH, CLASS_GP, 0 },
		{ "smaller-fixed-width", OBSTACLE_WIDTH, CLASS_FIXED, 0 },
		{ "smaller-capabilities", OBSTACLE_NONE, CLASS_NONE, 0 },
		{ "smaller-bitmap", OBSTACLE_READABLE, CLASS_FIXED, 3 },
		{ "smaller-leaf23", OBSTACLE_READABLE, CLASS_GP, 8 },
		{ "smaller-ext-core", OBSTACLE_READABLE, CLASS_AMD_CORE, 4 },
		{ "smaller-perfmon-v2", OBSTACLE_NONE, CLASS_NONE, 0 },
		{ "smaller-amd-v2", OBSTACLE_READABLE, CLASS_AMD_CORE, 5 },
		{ "smaller-fabric", OBSTACLE_READABLE, CLASS_AMD_NB, 9 },
	};
	unsigned int smaller = 0;

	(void)unused;
	for (size_t i = 0; i < nr_configurations; i++)
		smaller += !strncmp(configurations[i].name, "smaller-", strlen("smaller-"));
	assert_int_equal(smaller, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct configuration *found = configuration_find(rows[i].name);
		struct rdpmc_view guest, host;
		struct rdpmc_pass pass;

		if (!found || !found->host)
			fail_msg("%s: is it there, with a host?", rows[i].name);
		rdpmc_view(&found->guest, &rdpmc_default_choices, &guest);
		rdpmc_view(found->host, &rdpmc_default_choices, &host);
		pass = rdpmc_may_pass(&host, &guest, &found->policy);
		if (pass.obstacle != rows[i].obstacle || pass.class != rows[i].class ||
		    pass.index != rows[i].index)
			fail_msg("%s: obstacle %u, class %u, index %u", rows[i].name, pass.obstacle,
				 pass.class, pass.index);
		/* In nothing else: with the host's set and width of that class nothing is left. */
		guest.readable[pass.class] = host.readable[pass.class];
		guest.width[pass.class] = host.width[pass.class];
		assert_int_equal(rdpmc_may_pass(&host, &guest, &found->policy).obstacle,
				 OBSTACLE_NONE);
	}
}

/* Nothing was found because nothing was tried: that is no agreement. */
static void test_refused(void **unused)
{
	struct survey_result result;

	(void)unused;
	for (unsigned int side = 0; side <= SURVEY_SIDES; side++) {
		/* One engine; of two the second, the first. */
		prepare(side == 2 ? NOTHING : REFUSES, (const char *const[]){ "no-pmu", NULL });
		wrong_before = side == 2 ? REFUSES : ANSWERS_6000;
		if (side) {
			survey.engines[SURVEY_AFTER] = &engine;
			survey.engines[SURVEY_BEFORE] = &engine_before;
		}
		run(&result);
		assert_false(survey_tried(&result));
		assert_int_equal(result.n_classes, 0);
		assert_true(survey_verdicts(&result, VERDICT_REFUSED) > 0);
		assert_string_equal(result.tally[side == 1].refusal, "KVM_RUN: EINVAL");
		assert_int_equal(!!tally_answered(&result.tally[SURVEY_BEFORE]), side == 1);
		assert_int_equal(!!tally_answered(&result.tally[SURVEY_AFTER]), side == 2);
		survey_free(&result);
	}
}

/* All kinds of classes at once, of two engines; and that a result of a survey's own is announced. */
static void test_reports(void **unused)
{
	struct survey_report report = { .started = "2026-01-01T00:00:00Z" };
	unsigned int entries = 0, oracles = 0;
	struct survey_result result;
	struct page page;
	char *text;
	size_t size;
	json_t *json;
	FILE *out = open_memstream(&text, &size);

	(void)unused;
	prepare(PASSES | SETUP | COMPLAINS | CLOBBERS,
		(const char *const[]){ "backdoor-no-pmu", NULL });
	wrong_before = NOTHING;
	survey.engines[SURVEY_AFTER] = &engine;
	survey.engines[SURVEY_BEFORE] = &engine_before;
	run(&result);
	for (size_t i = 0; i < result.n_classes; i++) {
		entries |= 1U << result.classes[i].key.entry;
		oracles |= result.classes[i].key.sides[SURVEY_AFTER].oracles;
	}
	assert_int_equal(entries, 1U << ENTRY_EXIT | 1U << ENTRY_EMULATOR | 1U << SURVEY_INTERCEPT |
					  1U << SURVEY_SETUP);
	assert_int_equal(oracles, ORACLE_TROUBLE | ORACLE_PASS_SOUND | ORACLE_NOTHING_ELSE);
	report.result = &result;
	survey_page(&page, &report);
	assert_false(page.failed);
	page_print(out, &page, false);
	page_print(out, &page, true);
	fclose(out);
	assert_non_null(strstr(text, "1 configuration, 26 CPU states"));
	assert_non_null(strstr(text, complaint));
	json = survey_json(&page, &report);
	assert_int_equal(json_array_size(json_object_get(json, "rows")), result.n_classes);
	json_decref(json);
	page_free(&page);
	free(text);
	survey_free(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ecxs),
		cmocka_unit_test(test_before),
		cmocka_unit_test(test_grid),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_type),
		cmocka_unit_test(test_bit_31),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_one_ecx),
		cmocka_unit_test(test_complaint),
		cmocka_unit_test(test_setup),
		cmocka_unit_test(test_intercept),
		cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_side_effects),
		cmocka_unit_test(test_death),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_smaller),
		cmocka_unit_test(test_common_entries),
		cmocka_unit_test(test_what_a_change_is),
		cmocka_unit_test(test_known_of_both),
		cmocka_unit_test(test_moved_rip),
		cmocka_unit_test(test_no_single_step),
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_made_changes),
		cmocka_unit_test(test_death_beside_another),
		cmocka_unit_test(test_made_go_on),
		cmocka_unit_test(test_made_jobs),
		cmocka_unit_test(test_made_not_noted),
	};

	return cmocka_run_group_tests_name("survey", tests, NULL, NULL);
}
