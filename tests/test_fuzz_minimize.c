// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that minimising keeps the finding and nothing that it does not need, and that mutating
 * stays within its room and makes what is worth trying, the same from the same seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/case/bytes.h"
#include "fuzz/triage/minimize.h"
#include "fuzz/case/mutate.h"

#define CASE_SIZE 132
#define STEP_SIZE 10
#define FIXED_2   0x40000002
#define MARK      0xabcdef

static const struct engine *right;
static struct engine wrong;

/* Wrong where fixed counter 2 holds one value: a write and a read must be left. */
static void read_mark(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		      struct engine_answer *answer)
{
	right->read(vcpu, entry, state, answer);
	if ((uint32_t)state->regs.rcx == FIXED_2 && answer->answer == ANSWER_VALUE &&
	    answer->regs.rax == MARK && !answer->regs.rdx)
		answer->regs.rax++;
}

/* #UD for every #GP. */
static void read_ud(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		    struct engine_answer *answer)
{
	right->read(vcpu, entry, state, answer);
	if (answer->answer == ANSWER_GP)
		answer->answer = ANSWER_UD;
}

/* Wrong in several ways, each by something else. */
static void read_badly(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	right->read(vcpu, entry, state, answer);
	if (answer->answer == ANSWER_VALUE && state->cpl == 3)
		answer->regs.rflags ^= 1;
	if (answer->answer == ANSWER_GP && state->cr4 & RDPMC_CR4_PCE && entry == ENTRY_EMULATOR)
		answer->error_code = 3;
	if (answer->answer == ANSWER_VALUE && state->mode == MODE_REAL)
		answer->regs.rax++;
}

static enum intercept never(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return INTERCEPT_OFF;
}

static struct trial start(void)
{
	struct trial trial;
	const char *why;

	right = engine_find("emulator", &why);
	assert_non_null(right);
	wrong = *right;
	assert_int_equal(trial_init(&trial, &wrong, &why), 0);
	return trial;
}

static void put_step(uint8_t *at, uint8_t op, uint8_t arg, uint64_t value)
{
	case_step_encode(&(struct case_step){ op, arg, value }, (struct case_step_bytes *)at);
}

/* A full case: of @steps steps the fourth last writes the mark, the second last reads it. */
static uint8_t *padded(size_t steps, size_t *size)
{
	uint8_t *data = malloc(CASE_SIZE + steps * STEP_SIZE);
	struct case_bytes *bytes = (struct case_bytes *)data;
	uint8_t *step = data + CASE_SIZE;
	struct random random = { 41 };

	assert_non_null(data);
	*size = CASE_SIZE + steps * STEP_SIZE;
	for (size_t i = 0; i < CASE_SIZE; i++)
		data[i] = (uint8_t)random_next(&random);
	bytes->version = CASE_VERSION;
	bytes->mode = MODE_64BIT;
	bytes->cpl = 0;
	bytes->flags = CASE_MEDIATED;
	put_le64(bytes->rcx, 0x60000000);
	bytes->guest = (struct case_pmu_bytes){ .vendor = CASE_PMU_USER_DISABLE,
						.version = 5,
						.nr_gp = 8,
						.gp_width = 48,
						.nr_fixed = 4,
						.fixed_width = 48,
						.perf_capabilities = { 0, 0x80, 8 } };
	put_le32(bytes->fixed_ctr_ctrl, 0);
	for (size_t i = 0; i < steps; i++) {
		static const uint8_t ops[] = { STEP_READ, STEP_GP, STEP_METRICS, STEP_USER_DISABLE,
					       STEP_FIXED };

		put_step(step + i * STEP_SIZE, ops[i % 5], i % 5 ? i % 2 : 0,
			 random_next(&random) >> 8);
	}
	put_step(step + (steps - 4) * STEP_SIZE, STEP_FIXED, 2, MARK);
	put_step(step + (steps - 2) * STEP_SIZE, STEP_READ, 0, FIXED_2);
	return data;
}

static void minimize_padded(size_t steps)
{
	struct trial trial = start();
	struct finding before, after;
	size_t size, min, again;
	struct rdpmc_case decoded;
	struct case_step step;
	uint8_t *data = padded(steps, &size), copy[CASE_SIZE + 2 * STEP_SIZE];

	wrong.read = read_mark;
	assert_false(trial_run(&trial, data, size, &before));
	assert_int_equal(before.step, steps - 1);
	min = minimize(&trial, data, size, &after);
	assert_int_equal(min, CASE_SIZE + 2 * STEP_SIZE);
	assert_true(finding_alike(&before, &after));
	assert_int_equal(after.step, 2);
	assert_false(trial_run(&trial, data, min, &before));
	assert_true(finding_alike(&before, &after));
	assert_int_equal(before.step, after.step);

	/* What is left: the write, the read, and that the guest has the counter. */
	case_decode(data, min, &decoded);
	case_step(&decoded, 0, &step);
	assert_true(step.op == STEP_FIXED && step.arg == 2 && step.value == MARK);
	case_step(&decoded, 1, &step);
	assert_true(step.op == STEP_READ && !step.arg && step.value == FIXED_2);
	assert_int_equal(decoded.legalised, 0);
	for (size_t at = 0; at < CASE_SIZE; at++) {
		const bool needed = at == 49 || at == 52 || at == 53;

		if (at ? !!data[at] != needed : data[at] != CASE_VERSION)
			fail_msg("byte %zu is %u", at, data[at]);
	}
	memcpy(copy, data, min);
	again = minimize(&trial, data, min, &after);
	assert_int_equal(again, min);
	assert_memory_equal(data, copy, min);
	free(data);
	trial_free(&trial);
}

static void test_padded(void **unused)
{
	(void)unused;
	minimize_padded(50);
	minimize_padded(4);
	minimize_padded(5000);
}

/* A case found at random: no byte of the result can be made simpler, no step left out. */
static void minimize_any(struct trial *trial, const uint8_t *from, size_t size)
{
	uint8_t data[MUTATE_SIZE], tried[MUTATE_SIZE];
	struct finding before, after, other;
	size_t min;

	memcpy(data, from, size);
	if (trial_run(trial, data, size, &before))
		return;
	min = minimize(trial, data, size, &after);
	assert_true(min <= size);
	assert_true(finding_alike(&before, &after));
	assert_false(trial_run(trial, data, min, &other));
	assert_true(finding_alike(&other, &after));
	for (size_t at = 1; at < min; at++) {
		if (!data[at])
			continue;
		memcpy(tried, data, min);
		tried[at] = 0;
		if (!trial_run(trial, tried, min, &other) && finding_alike(&other, &after))
			fail_msg("byte %zu need not be %u", at, data[at]);
	}
	for (size_t at = CASE_SIZE; at < min; at += STEP_SIZE) {
		memcpy(tried, data, at);
		memcpy(tried + at, data + at + STEP_SIZE, min - at - STEP_SIZE);
		if (!trial_run(trial, tried, min - STEP_SIZE, &other) &&
		    finding_alike(&other, &after))
			fail_msg("the step at %zu need not be there", at);
	}
}

static void test_any(void **unused)
{
	struct trial trial = start();
	struct random random = { 42 };

	(void)unused;
	for (unsigned int i = 0; i < 400; i++) {
		uint8_t data[MUTATE_SIZE];
		size_t size = mutate_make(&random, data, sizeof(data));

		wrong.read = read_badly;
		wrong.intercepts = i & 1 ? never : right->intercepts;
		minimize_any(&trial, data, size);
	}
	trial_free(&trial);
}

static void test_short(void **unused)
{
	struct trial trial = start();
	struct random random = { 43 };

	(void)unused;
	wrong.read = read_ud;
	for (size_t size = 0; size < CASE_SIZE + 2 * STEP_SIZE; size++) {
		uint8_t *data = malloc(size + !size);
		struct finding before, after;
		size_t min;

		assert_non_null(data);
		for (size_t i = 0; i < size; i++)
			data[i] = (uint8_t)random_next(&random);
		if (size > 3)
			data[3] &= ~CASE_LOCK;
		if (trial_run(&trial, data, size, &before)) {
			free(data);
			continue;
		}
		min = minimize(&trial, data, size, &after);
		assert_true(min <= size);
		assert_true(finding_alike(&before, &after));
		assert_false(trial_run(&trial, data, min, &after));
		assert_true(finding_alike(&before, &after));
		free(data);
	}
	trial_free(&trial);
}

static void test_pass_sound(void **unused)
{
	struct trial trial = start();
	struct finding finding;
	size_t size;
	uint8_t *data = padded(50, &size);

	(void)unused;
	wrong.intercepts = never;
	assert_int_equal(minimize(&trial, data, size, &finding), CASE_SIZE);
	assert_int_equal(finding.oracles, ORACLE_PASS_SOUND);
	free(data);
	trial_free(&trial);
}

/* A read among the steps that needs none of them can be the first. */
static void test_read_alone(void **unused)
{
	struct trial trial = start();
	struct finding before, after;
	size_t size;
	uint8_t *data = padded(50, &size);

	(void)unused;
	put_le64(((struct case_bytes *)data)->rcx, 0);
	for (size_t at = CASE_SIZE; at < size; at += STEP_SIZE)
		if (data[at] == STEP_READ)
			put_step(data + at, STEP_READ, 0, 1);
	put_step(data + CASE_SIZE + 30 * STEP_SIZE, STEP_READ, 0, 0x60000000);
	wrong.read = read_ud;
	assert_false(trial_run(&trial, data, size, &before));
	assert_int_equal(before.step, 31);
	assert_int_equal(minimize(&trial, data, size, &after), CASE_SIZE);
	assert_int_equal(after.step, 0);
	assert_true(finding_alike(&before, &after));
	free(data);
	trial_free(&trial);
}

static void test_nothing_found(void **unused)
{
	struct trial trial = start();
	struct finding finding, untouched;
	size_t size;
	uint8_t *data = padded(50, &size), *copy = malloc(size);

	(void)unused;
	assert_non_null(copy);
	memcpy(copy, data, size);
	memset(&finding, 0x5a, sizeof(finding));
	untouched = finding;
	assert_int_equal(minimize(&trial, data, size, &finding), size);
	assert_memory_equal(data, copy, size);
	assert_memory_equal(&finding.oracles, &untouched.oracles, sizeof(finding.oracles));
	free(copy);
	free(data);
	trial_free(&trial);
}

static void test_mutate_room(void **unused)
{
	struct random random = { 44 };

	(void)unused;
	for (size_t max = 0; max <= 300; max++) {
		for (size_t size = 0; size <= max; size += 1 + random_below(&random, 3)) {
			uint8_t *data = malloc(max + !max);
			size_t got = size;

			assert_non_null(data);
			for (size_t i = 0; i < size; i++)
				data[i] = (uint8_t)random_next(&random);
			/* What a fuzzer does: again and again on what came out. */
			for (unsigned int round = 0; round < 4; round++) {
				got = mutate(&random, data, got, max);
				assert_true(got <= max);
			}
			got = mutate_make(&random, data, max);
			assert_true(got <= max);
			free(data);
		}
	}
}

static void test_mutate_make(void **unused)
{
	struct random random = { 45 };
	unsigned int legalised = 0, sizes[MUTATE_STEPS + 1] = { 0 };

	(void)unused;
	for (unsigned int i = 0; i < 100000; i++) {
		uint8_t data[MUTATE_SIZE];
		size_t size = mutate_make(&random, data, sizeof(data));
		struct rdpmc_case decoded;
		struct case_step step;

		assert_true(size >= CASE_SIZE && size <= MUTATE_SIZE);
		case_decode(data, size, &decoded);
		assert_true(decoded.legalised < 8);
		legalised += !!decoded.legalised;
		sizes[decoded.n_steps]++;
		for (size_t at = 0; at < decoded.n_steps; at++)
			assert_true(case_step(&decoded, at, &step));
	}
	/* Most are taken as they stand; virtual-8086 mode at another CPL is not. */
	assert_true(legalised < 25000);
	assert_true(sizes[0] && sizes[1] && sizes[2]);
}

static void test_deterministic(void **unused)
{
	unsigned int same = 0, changed = 0;

	(void)unused;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct random a = { seed }, b = { seed }, c = { seed + 1 };
		uint8_t first[MUTATE_SIZE], second[MUTATE_SIZE], third[MUTATE_SIZE];
		size_t size = mutate_make(&a, first, sizeof(first));

		assert_int_equal(mutate_make(&b, second, sizeof(second)), size);
		assert_memory_equal(first, second, size);
		same += mutate_make(&c, third, sizeof(third)) == size &&
			!memcmp(first, third, size);
		memcpy(third, first, size);
		for (unsigned int round = 0; round < 5; round++) {
			size_t before = size;

			size = mutate(&a, first, size, sizeof(first));
			assert_int_equal(mutate(&b, second, before, sizeof(second)), size);
			assert_memory_equal(first, second, size);
		}
		changed += memcmp(first, third, CASE_SIZE) != 0;
		assert_int_equal(a.state, b.state);
	}
	assert_int_equal(same, 0);
	assert_true(changed > 900);
}

/* From nothing, again and again with room to spare: a case, of no more steps than are made here. */
static void test_mutate_grows(void **unused)
{
	struct random random = { 46 };
	uint8_t *data = malloc(4096);
	bool max = false;
	size_t size = 0;

	(void)unused;
	assert_non_null(data);
	for (unsigned int i = 0; i < 20000; i++) {
		size = mutate(&random, data, size, 4096);
		assert_true(size >= CASE_SIZE && size <= MUTATE_SIZE);
		max |= size == MUTATE_SIZE;
	}
	assert_true(max);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_padded),        cmocka_unit_test(test_any),
		cmocka_unit_test(test_short),         cmocka_unit_test(test_pass_sound),
		cmocka_unit_test(test_read_alone),    cmocka_unit_test(test_nothing_found),
		cmocka_unit_test(test_mutate_room),   cmocka_unit_test(test_mutate_make),
		cmocka_unit_test(test_deterministic), cmocka_unit_test(test_mutate_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
