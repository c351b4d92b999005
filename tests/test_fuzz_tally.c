// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves what a trial counts, that no case leaves anything to the next, what each step does by the
 * rules alone, and which findings are alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/case/bytes.h"
#include "fuzz/case/mutate.h"
#include "fuzz/oracle/trial.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define METRICS       0x20000000
#define CAP_BOTH      (RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR)

static const struct engine *right;
static unsigned int writes;

static void counting_write(struct engine_vcpu *vcpu, const struct case_step *step)
{
	writes++;
	right->write(vcpu, step);
}

/* Wrong in every 16th counter value, so that findings come and go with the cases. */
static void sometimes_wrong(struct engine_vcpu *vcpu, enum entry entry,
			    const struct rdpmc_state *state, struct engine_answer *answer)
{
	right->read(vcpu, entry, state, answer);
	if (answer->answer == ANSWER_VALUE && !(answer->regs.rax & 15))
		answer->regs.rcx ^= 1;
}

static struct engine counting, wrong;

static struct trial start(void)
{
	struct trial trial;
	const char *why;

	right = engine_find("emulator", &why);
	assert_non_null(right);
	writes = 0;
	counting = wrong = *right;
	counting.write = counting_write;
	wrong.read = sometimes_wrong;
	assert_int_equal(trial_init(&trial, right, &why), 0);
	return trial;
}

struct data {
	struct case_bytes bytes;
	struct case_step_bytes steps[16];
	size_t size;
};

static void add(struct data *data, uint8_t op, uint8_t arg, uint64_t value)
{
	const struct case_step step = { op, arg, value };

	case_step_encode(&step, (struct case_step_bytes *)((uint8_t *)data + data->size));
	data->size += sizeof(struct case_step_bytes);
}

/* 64-bit mode at CPL 3 with CR4.PCE, eight counters and four, PERF_METRICS, mediated. */
static struct data plain(uint64_t rcx)
{
	struct data data = { .size = sizeof(data.bytes) };
	struct case_bytes *bytes = &data.bytes;

	bytes->version = CASE_VERSION;
	bytes->mode = MODE_64BIT;
	bytes->cpl = 3;
	bytes->flags = CASE_MEDIATED;
	bytes->cr0[0] = 1;
	put_le32(bytes->cr4, RDPMC_CR4_PCE);
	put_le64(bytes->rcx, rcx);
	bytes->guest.version = 5;
	bytes->guest.nr_gp = 8;
	bytes->guest.nr_fixed = 4;
	bytes->guest.gp_width = bytes->guest.fixed_width = 48;
	put_le64(bytes->guest.perf_capabilities, CAP_BOTH);
	bytes->host = bytes->guest;
	return data;
}

static void run(struct trial *trial, const struct data *data)
{
	struct finding finding;

	assert_true(trial_run(trial, (const uint8_t *)data, data->size, &finding));
}

static void test_tally(void **unused)
{
	struct trial trial = start();
	const struct tally *tally = &trial.tally;
	struct data data = plain(3);

	(void)unused;
	add(&data, STEP_READ, 0, 0x60000000);
	add(&data, STEP_LOCK, 1, 0);
	add(&data, STEP_READ, 0, 3);
	add(&data, STEP_LOCK, 0, 0);
	add(&data, STEP_CR4, 0, 0);
	add(&data, STEP_READ, 0, METRICS);
	run(&trial, &data);
	assert_int_equal(tally->cases, 1);
	assert_int_equal(tally->reads, 4);
	assert_int_equal(tally->values, 1);
	assert_int_equal(tally->faults, 3);
	assert_int_equal(tally->verdicts[QUESTION_READ][VERDICT_UNREACHED], 1);
	assert_int_equal(tally->passed, 1);
	assert_int_equal(tally->legalised + tally->impossible + tally->offered + tally->costly, 0);
	for (unsigned int rule = 0; rule < NR_RULES; rule++)
		assert_int_equal(tally->decided[rule],
				 rule == RULE_TYPE_GP || rule == RULE_TYPE_OTHER ||
					 rule == RULE_UD_LOCK || rule == RULE_PRIV);
	assert_int_equal(trial.decided, 1U << RULE_TYPE_GP | 1U << RULE_TYPE_OTHER |
						1U << RULE_UD_LOCK | 1U << RULE_PRIV);
	assert_int_equal(trial.obstacle, OBSTACLE_NONE);
	assert_int_equal(tally->obstacles[OBSTACLE_NONE], 1);
	/* The intercept may be off, and it is. */
	assert_true(tally->yes >> RULE_PASS_SOUND & 1);
	assert_true(tally->no >> RULE_PASS_MINIMAL & 1);
	assert_true(tally->yes >> RULE_VMX_PASS & 1);
	assert_true((tally->yes & tally->no) >> RULE_PRIV & 1);
	assert_true((tally->yes & tally->no) >> RULE_UD_LOCK & 1);
	assert_false(tally->yes >> RULE_SVM_PRIORITY & 1);

	data = plain(0);
	data.bytes.guest.vendor = CASE_PMU_AMD | CASE_PMU_EXT_L3;
	data.bytes.guest.version = 1;
	data.bytes.version = 9;
	data.bytes.mode = MODE_REAL;
	data.bytes.cr0[0] = 0;
	run(&trial, &data);
	assert_int_equal(tally->cases, 2);
	assert_int_equal(tally->legalised, 1);
	assert_int_equal(tally->impossible, 1);
	assert_int_equal(tally->offered, 1);
	assert_int_equal(trial.decided, 1U << RULE_AMD_CORE);
	assert_int_equal(trial.obstacle, OBSTACLE_READABLE);
	assert_int_equal(tally->obstacles[OBSTACLE_READABLE], 1);
	assert_int_equal(tally->passed, 1);
	trial_free(&trial);
}

/* Thorough: reads that another choice of the hardware's would answer otherwise. */
static void test_choice(void **unused)
{
	struct trial trial = start();
	struct data data = plain(METRICS | 1);

	(void)unused;
	add(&data, STEP_READ, 0, METRICS);
	add(&data, STEP_READ, 0, 3);
	run(&trial, &data);
	assert_int_equal(trial.tally.choice, 0);
	trial.thorough = true;
	run(&trial, &data);
	assert_int_equal(trial.tally.choice, 2); /* any index; PERF_METRICS of level 1 */
	trial_free(&trial);
}

/* Every number is added, every rule joined; of refusals the first is kept. */
static void test_tally_add(void **unused)
{
	const size_t sets = offsetof(struct tally, no) / sizeof(uint64_t);
	uint64_t a[sizeof(struct tally) / sizeof(uint64_t)], b[ARRAY_SIZE(a)];
	const size_t text = offsetof(struct tally, refusal) / sizeof(uint64_t);
	const size_t after = offsetof(struct tally, decided) / sizeof(uint64_t);
	struct tally into, from;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(a); i++) {
		a[i] = 1 + i;
		b[i] = 1000 * (1 + i);
	}
	memcpy(&into, a, sizeof(into));
	memcpy(&from, b, sizeof(from));
	into.no = 0x5;
	into.yes = 0x80000000;
	from.no = 0x6;
	from.yes = 0x1;
	into.refusal[0] = '\0';
	strcpy(from.refusal, "first");
	strcpy(into.unjudged_why, "earlier");
	strcpy(from.unjudged_why, "later");
	tally_add(&into, &from);
	assert_string_equal(into.refusal, "first");
	assert_string_equal(into.unjudged_why, "earlier");
	tally_add(&into, &(struct tally){ .refusal = "second" });
	assert_string_equal(into.refusal, "first");
	assert_int_equal(into.no, 0x7);
	assert_int_equal(into.yes, 0x80000001);
	memcpy(a, &into, sizeof(into));
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		if (i != sets && (i < text || i >= after))
			assert_int_equal(a[i], 1001 * (1 + i));
}

struct result {
	bool good;
	struct finding finding;
	struct tally tally;
	uint32_t decided;
	uint8_t obstacle;
};

static struct result run_alone(struct trial *trial, const uint8_t *data, size_t size)
{
	struct result result;

	memset(&trial->tally, 0, sizeof(trial->tally));
	memset(&result, 0, sizeof(result));
	result.good = trial_run(trial, data, size, &result.finding);
	result.tally = trial->tally;
	result.decided = trial->decided;
	result.obstacle = trial->obstacle;
	return result;
}

static void assert_results(const struct result *a, const struct result *b)
{
	assert_int_equal(a->good, b->good);
	assert_memory_equal(&a->tally, &b->tally, sizeof(a->tally));
	assert_int_equal(a->decided, b->decided);
	assert_int_equal(a->obstacle, b->obstacle);
	assert_int_equal(a->finding.oracles, b->finding.oracles);
	assert_int_equal(!a->finding.oracles, a->good);
	if (a->good || a->finding.oracles == ORACLE_PASS_SOUND)
		return;
	assert_int_equal(a->finding.step, b->finding.step);
	assert_int_equal(a->finding.entry, b->finding.entry);
	assert_memory_equal(&a->finding.engine.regs, &b->finding.engine.regs,
			    sizeof(a->finding.engine.regs));
	assert_memory_equal(a->finding.counters.gp, b->finding.counters.gp,
			    a->finding.n_gp * sizeof(uint64_t));
}

/* A, B, A: the second A is the first, whatever B was. */
static void test_no_state(void **unused)
{
	struct trial trial = start();
	struct random random = { 21 };
	unsigned int found = 0;

	(void)unused;
	for (unsigned int i = 0; i < 20000; i++) {
		uint8_t a[MUTATE_SIZE], b[MUTATE_SIZE];
		size_t a_size = mutate_make(&random, a, sizeof(a));
		size_t b_size = mutate_make(&random, b, sizeof(b));
		struct result first, second;

		trial.engine = i & 1 ? right : &wrong;
		first = run_alone(&trial, a, a_size);
		run_alone(&trial, b, b_size);
		second = run_alone(&trial, a, a_size);
		assert_results(&first, &second);
		found += !first.good;
	}
	assert_true(found > 50);
	trial_free(&trial);
}

/* A case that was decoded already is tried as its bytes are. */
static void test_trial_case(void **unused)
{
	struct trial trial = start();
	struct random random = { 22 };

	(void)unused;
	trial.engine = &wrong;
	for (unsigned int i = 0; i < 5000; i++) {
		uint8_t data[MUTATE_SIZE];
		size_t size = mutate_make(&random, data, sizeof(data));
		const struct result by_bytes = run_alone(&trial, data, size);
		struct result decoded_first = { 0 };
		struct rdpmc_case decoded;

		memset(&trial.tally, 0, sizeof(trial.tally));
		case_decode(data, size, &decoded);
		decoded_first.good = trial_case(&trial, &decoded, &decoded_first.finding);
		decoded_first.tally = trial.tally;
		decoded_first.decided = trial.decided;
		decoded_first.obstacle = trial.obstacle;
		assert_results(&by_bytes, &decoded_first);
	}
	trial_free(&trial);
}

static void test_megabyte(void **unused)
{
	const size_t size = 1 << 20;
	uint8_t *bytes = malloc(size);
	struct random random = { 23 };
	struct trial trial = start();
	struct data data = plain(0);
	struct finding finding;
	uint64_t reads = 1;

	(void)unused;
	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)random_next(&random);
	memcpy(bytes, &data.bytes, sizeof(data.bytes));
	for (size_t i = sizeof(data.bytes); i < size; i += sizeof(struct case_step_bytes))
		reads += bytes[i] % NR_STEP_OPS == STEP_READ;
	assert_true(trial_run(&trial, bytes, size, &finding));
	assert_int_equal(trial.tally.cases, 1);
	assert_int_equal(trial.tally.reads, reads);
	/* Any bytes at all, and none. */
	memset(bytes, 0xff, size);
	assert_true(trial_run(&trial, bytes, size, &finding));
	memset(bytes, 0, size);
	assert_true(trial_run(&trial, bytes, size, &finding));
	assert_int_equal(trial.tally.reads, reads + 1 + 1 + 104845);
	for (size_t cut = 0; cut <= 200; cut++)
		assert_true(trial_run(&trial, cut ? bytes : NULL, cut, &finding));
	assert_int_equal(trial.tally.cases, 3 + 201);
	free(bytes);
	trial_free(&trial);
}

/* Counters that the guest has not: neither the rules nor the engine see a write. */
static void test_missing_counters(void **unused)
{
	static const struct {
		uint8_t vendor, op, arg;
		bool has;
	} rows[] = {
		{ 0, STEP_GP, 0, true },
		{ 0, STEP_GP, 7, true },
		{ 0, STEP_GP, 8, false },
		{ 0, STEP_GP, 31, false },
		{ 0, STEP_FIXED, 0, true },
		{ 0, STEP_FIXED, 3, true },
		{ 0, STEP_FIXED, 4, false },
		{ 0, STEP_FIXED, 31, false },
		{ CASE_PMU_AMD, STEP_GP, 3, true },
		{ CASE_PMU_AMD, STEP_GP, 4, false },
		{ CASE_PMU_AMD, STEP_FIXED, 0, false },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct case_step step = { rows[i].op, rows[i].arg, 0x123456789a };
		const struct rdpmc_policy policy = { 0 };
		struct trial trial = start();
		struct data data = plain(0);
		struct rdpmc_state state = { 0 }, state_before = state;
		struct rdpmc_counters counters, expected;
		struct rdpmc_outcome outcome;
		struct rdpmc_case decoded;
		struct rdpmc_view view;

		data.bytes.guest.vendor = rows[i].vendor;
		data.bytes.guest.version = rows[i].vendor ? 1 : 5;
		add(&data, step.op, step.arg, step.value);
		trial.engine = &counting;
		run(&trial, &data);
		assert_int_equal(writes, rows[i].has);

		case_decode((const uint8_t *)&data, data.size, &decoded);
		rdpmc_view(&decoded.guest, &rdpmc_default_choices, &view);
		memset(&counters, 0x77, sizeof(counters));
		expected = counters;
		if (rows[i].has)
			*(step.op == STEP_GP ? &expected.gp[step.arg] : &expected.fixed[step.arg]) =
				step.value;
		assert_false(trial_model_step(&view, &policy, &state, &counters, &step, &outcome));
		assert_memory_equal(&counters, &expected, sizeof(counters));
		assert_memory_equal(&state, &state_before, sizeof(state));
		trial_free(&trial);
	}
}

static void test_model_steps(void **unused)
{
	const struct rdpmc_policy policy = { 0 };
	const struct data data = plain(0);
	struct rdpmc_counters counters, expected;
	struct rdpmc_state state;
	struct rdpmc_outcome outcome;
	struct rdpmc_case decoded;
	struct rdpmc_view view;

	(void)unused;
	case_decode((const uint8_t *)&data, data.size, &decoded);
	rdpmc_view(&decoded.guest, &rdpmc_default_choices, &view);
	memset(&counters, 0x55, sizeof(counters));
	expected = counters;
	state = decoded.state;
#define STEP(...)                                                                                  \
	trial_model_step(&view, &policy, &state, &counters, &(struct case_step){ __VA_ARGS__ },    \
			 &outcome)

	assert_false(STEP(STEP_METRICS, 31, 0xaaaaaaaabbbbbbbb));
	expected.metrics = 0xaaaaaaaabbbbbbbb;
	assert_false(STEP(STEP_FIXED_CTRL, 0, 0xffffffff00004000));
	expected.fixed_ctr_ctrl = 0xffffffff00004000;
	assert_false(STEP(STEP_USER_DISABLE, 0, 0x1122334455667788));
	expected.gp_user_disable = 0x55667788;
	assert_memory_equal(&counters, &expected, sizeof(counters));

	assert_false(STEP(STEP_CR4, 0, 0xffffffff00000001));
	assert_int_equal(state.cr4, 1);
	assert_false(STEP(STEP_LOCK, 0x1f, 0));
	assert_true(state.lock);
	assert_true(STEP(STEP_READ, 0, 0x123400000003));
	assert_int_equal(outcome.decision.rule, RULE_UD_LOCK);
	assert_int_equal(state.regs.rcx, 0x123400000003);
	assert_false(STEP(STEP_LOCK, 0x1e, 0));
	assert_false(state.lock);
	assert_true(STEP(STEP_READ, 0, METRICS));
	assert_int_equal(outcome.decision.rule, RULE_PRIV);
	assert_memory_equal(&counters, &expected, sizeof(counters));

	/* arg[2:0] modulo 5 is the mode, arg[4:3] the CPL. */
	for (unsigned int arg = 0; arg < 32; arg++) {
		assert_false(STEP(STEP_MODE, (uint8_t)arg, 0));
		assert_int_equal(state.mode, (arg & 7) % 5);
		assert_int_equal(state.cpl, state.mode == MODE_VM86 ? 3 : arg >> 3);
		assert_int_equal(state.cr0 & 1, state.mode != MODE_REAL);
	}
	assert_false(STEP(STEP_MODE, MODE_PROTECTED, 0));
	assert_true(STEP(STEP_READ, 0, METRICS));
	assert_int_equal(outcome.decision.rule, RULE_METRICS_VALUE);
	assert_int_equal(outcome.value, 0xaaaaaaaabbbbbbbb);
	assert_int_equal(outcome.regs.rdx, 0xaaaaaaaa);
	/* The read itself is done to the counters, not to the state. */
	expected.metrics = expected.fixed[3] = 0;
	assert_memory_equal(&counters, &expected, sizeof(counters));
	assert_int_equal(state.regs.rdx, decoded.state.regs.rdx);
	assert_int_equal(state.regs.rip, decoded.state.regs.rip);
#undef STEP
}

static void test_finding_alike(void **unused)
{
	struct finding a = { .oracles = ORACLE_OUTCOME, .entry = ENTRY_EMULATOR, .step = 3 }, b;
	struct finding pass = { .oracles = ORACLE_PASS_SOUND }, other;

	(void)unused;
	a.rule = RULE_PRIV;
	a.model.decision.answer = ANSWER_GP;
	a.engine.answer = ANSWER_VALUE;
	b = a;
	assert_true(finding_alike(&a, &b));
	b.step = 0;
	b.state.regs.rcx = 7;
	b.engine.regs.rax = 9;
	b.model.regs.rax = 1;
	b.counters.metrics = 1;
	b.n_gp = 5;
	assert_true(finding_alike(&a, &b));
	b.oracles |= ORACLE_ENTRIES;
	assert_false(finding_alike(&a, &b));
	b = a;
	b.entry = ENTRY_EXIT;
	assert_false(finding_alike(&a, &b));
	b = a;
	b.rule = RULE_TYPE_GP;
	assert_false(finding_alike(&a, &b));
	b = a;
	b.model.decision.answer = ANSWER_UD;
	assert_false(finding_alike(&a, &b));
	b = a;
	b.engine.answer = ANSWER_UD;
	assert_false(finding_alike(&b, &a));

	pass.pass.obstacle = OBSTACLE_WIDTH;
	other = pass;
	other.state.regs.rcx = 5;
	assert_true(finding_alike(&pass, &other));
	other.pass.obstacle = OBSTACLE_CLEAR;
	assert_false(finding_alike(&pass, &other));
	assert_false(finding_alike(&pass, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tally),
		cmocka_unit_test(test_tally_add),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_no_state),
		cmocka_unit_test(test_trial_case),
		cmocka_unit_test(test_megabyte),
		cmocka_unit_test(test_missing_counters),
		cmocka_unit_test(test_model_steps),
		cmocka_unit_test(test_finding_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
