// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that a sweep finds what is wrong: one wrong read in one state by one entry, counted exactly;
 * registers and counters changed that should not; an intercept that is off where it must be on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/configurations.h"
#include "fuzz/sweep.h"
#include "fuzz/sweep_json.h"
#include "fuzz/sweep_text.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

extern const struct engine engine_emulator;

/* What the engine under test does wrong. */
static struct {
	uint32_t ecx;
	uint8_t mode, cpl;
	bool pce, lock;
	unsigned int entries;
	enum { NOTHING, VALUE, FAULT_INSTEAD, CLOBBER, MODE_CHANGED, COUNTERS } how;
} wrong;

static bool is_wrong(enum entry entry, const struct rdpmc_state *state)
{
	return wrong.how != NOTHING && (uint32_t)state->regs.rcx == wrong.ecx &&
	       state->mode == wrong.mode && state->cpl == wrong.cpl && state->lock == wrong.lock &&
	       !(state->cr4 & RDPMC_CR4_PCE) == !wrong.pce && wrong.entries >> entry & 1;
}

static void wrong_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	const struct case_step step = { .op = STEP_METRICS, .value = 1 };

	engine_emulator.read(vcpu, entry, state, answer);
	if (!is_wrong(entry, state))
		return;
	switch (wrong.how) {
	case VALUE:
		answer->regs.rax ^= 1;
		break;
	case FAULT_INSTEAD:
		answer->answer = answer->answer == ANSWER_GP ? ANSWER_VALUE : ANSWER_GP;
		break;
	case CLOBBER:
		answer->regs.rdx = 0;
		break;
	case MODE_CHANGED:
		answer->elsewhere = true;
		break;
	case COUNTERS:
		engine_emulator.write(vcpu, &step);
		break;
	default:
		break;
	}
}

/* A list, as a real vCPU takes it. */
static void wrong_read_list(struct engine_vcpu *vcpu, enum entry entry,
			    const struct rdpmc_state *state, const uint32_t *ecxs, size_t count,
			    struct engine_answer *answers)
{
	struct rdpmc_state each = *state;

	for (size_t i = 0; i < count; i++) {
		each.regs.rcx = (state->regs.rcx & ~0xffffffffULL) | ecxs[i];
		wrong_read(vcpu, entry, &each, &answers[i]);
	}
}

static enum intercept never(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return INTERCEPT_OFF;
}

static const struct engine *engine_of(bool lists)
{
	static struct engine made[2];

	made[lists] = engine_emulator;
	made[lists].read = wrong_read;
	made[lists].read_list = lists ? wrong_read_list : NULL;
	return &made[lists];
}

static struct sweep_place places[SWEEP_PLACES];

static void sweep(const struct engine *engine, const char *name, const uint32_t *ecxs, size_t count,
		  struct sweep_result *result)
{
	struct rdpmc_case swept;
	struct trial trial;
	const char *why;

	assert_int_equal(trial_init(&trial, engine, &why), 0);
	configuration_case(configuration_find(name), &swept);
	sweep_states(&(struct sweep){ 0 }, &trial, &swept, ecxs, count, true, places, result);
	trial_free(&trial);
	/* By two entries, with LOCK by one. */
	assert_int_equal(result->cases, count * SWEEP_PLACES * 3);
	assert_false(result->interrupted);
}

/* Ascending, none twice; of every class. */
static void test_ecxs(void **unused)
{
	(void)unused;
	for (unsigned int few = 0; few < 2; few++) {
		size_t count, of[NR_SHAPES] = { 0 };
		uint32_t *ecxs = sweep_ecxs(few, &count);

		assert_in_range(count, few ? 200 : 3000, few ? 999 : 16384);
		for (size_t i = 0; i < count; i++) {
			assert_true(!i || ecxs[i - 1] < ecxs[i]);
			of[ecx_shape(ecxs[i], false)]++;
		}
		for (unsigned int shape = 0; shape < NR_SHAPES; shape++)
			assert_true(of[shape] || shape == SHAPE_LOCK);
		free(ecxs);
	}
}

static void test_clean(void **unused)
{
	size_t count;
	uint32_t *ecxs = sweep_ecxs(true, &count);

	(void)unused;
	wrong.how = NOTHING;
	for (size_t i = 0; i < 2 * nr_configurations; i++) {
		struct sweep_result result;

		sweep(engine_of(i & 1), configurations[i / 2].name, ecxs, count, &result);
		if (result.mismatches)
			fail_msg("%s: %llu mismatches of %llu", configurations[i / 2].name,
				 (unsigned long long)result.mismatches,
				 (unsigned long long)result.cases);
		sweep_result_free(&result);
	}
	free(ecxs);
}

/* What is wrong with which read, in how many of the places, and the oracle that objects. */
static const struct {
	const char *name;
	uint32_t ecx;
	uint8_t mode, cpl;
	bool pce, lock;
	unsigned int entries, how, places, oracles;
} rows[] = {
	{ "a value", 3, MODE_PROTECTED, 0, false, false, 1, VALUE, 4,
	  ORACLE_OUTCOME | ORACLE_ENTRIES },
	{ "a value, by the other entry", 3, MODE_PROTECTED, 3, true, false, 2, VALUE, 4,
	  ORACLE_OUTCOME | ORACLE_ENTRIES },
	{ "a value, by both", 0, MODE_REAL, 0, true, false, 3, VALUE, 1, ORACLE_OUTCOME },
	{ "a fault", 7, MODE_PROTECTED, 1, true, false, 1, FAULT_INSTEAD, 4,
	  ORACLE_OUTCOME | ORACLE_ENTRIES },
	{ "a fault that is none", 0x1ffff, MODE_VM86, 3, true, false, 2, FAULT_INSTEAD, 2,
	  ORACLE_OUTCOME | ORACLE_ENTRIES },
	{ "LOCK", 0xffffffff, MODE_COMPATIBILITY, 2, true, true, 3, FAULT_INSTEAD, 2,
	  ORACLE_OUTCOME },
	{ "RDX after a fault", 0x5fff, MODE_PROTECTED, 2, false, false, 2, CLOBBER, 4,
	  ORACLE_NOTHING_ELSE | ORACLE_ENTRIES },
	{ "RDX after a fault, last", 0xffffffff, MODE_64BIT, 3, false, false, 1, CLOBBER, 1,
	  ORACLE_NOTHING_ELSE | ORACLE_ENTRIES },
	{ "CR0", 9, MODE_REAL, 0, false, false, 1, MODE_CHANGED, 1, ORACLE_NOTHING_ELSE },
	{ "counters", 0x1000, MODE_PROTECTED, 3, false, false, 2, COUNTERS, 4, ORACLE_NOTHING_ELSE },
};

static void test_wrong(void **unused)
{
	static const uint32_t ecxs[] = { 0,      3,      7,          8,          9,         0x1000,
					 0x1001, 0x5fff, 0x1ffff, 0x20000000, 0x40000000, 0xffffffff };

	(void)unused;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const size_t row = i / 2;
		const bool list = i & 1;
		struct sweep_result result;
		struct rdpmc_case decoded;
		uint64_t differ = 0;

		/* After a list counters are compared for all of it. */
		if (list && rows[row].how == COUNTERS)
			continue;
		wrong.ecx = rows[row].ecx;
		wrong.mode = rows[row].mode;
		wrong.cpl = rows[row].cpl;
		wrong.pce = rows[row].pce;
		wrong.lock = rows[row].lock;
		wrong.entries = rows[row].entries;
		wrong.how = rows[row].how;
		sweep(engine_of(list), "sapphire-rapids", ecxs, ARRAY_SIZE(ecxs), &result);
		if (result.mismatches != rows[row].places || result.findings.kinds != 1)
			fail_msg("%s: %llu mismatches of %zu kinds", rows[row].name,
				 (unsigned long long)result.mismatches, result.findings.kinds);
		for (size_t place = 0; place < SWEEP_PLACES; place++) {
			const struct rdpmc_state *state = &places[place].state;

			differ += places[place].differ;
			assert_true(!places[place].differ ||
				    (state->mode == wrong.mode && state->cpl == wrong.cpl));
		}
		assert_int_equal(differ, rows[row].places);
		for (size_t k = 0; k < result.findings.kinds; k++) {
			const struct found *found = &result.findings.found[k];

			case_decode(found->data, found->size, &decoded);
			assert_int_equal((uint32_t)decoded.state.regs.rcx, wrong.ecx);
			assert_int_equal(decoded.state.mode, wrong.mode);
			assert_int_equal(decoded.state.cpl, wrong.cpl);
			assert_int_equal(decoded.state.lock, wrong.lock);
			assert_int_equal(found->count, rows[row].places);
			if (found->finding.oracles != rows[row].oracles)
				fail_msg("%s: by oracles %x", rows[row].name,
					 found->finding.oracles);
			assert_true(wrong.entries >> found->finding.entry & 1);
			assert_int_equal(decoded.legalised, 0);
		}
		sweep_result_free(&result);
	}
}

static void test_unsound(void **unused)
{
	static const uint32_t ecxs[] = { 0, 1, 0x40000000 };
	struct engine engine = engine_emulator;
	struct sweep_result result;

	(void)unused;
	engine.intercepts = never;
	sweep(&engine, "sapphire-rapids-no-metrics", ecxs, ARRAY_SIZE(ecxs), &result);
	/* Told once for all reads of a class, and no reason not to look at them. */
	assert_int_equal(result.mismatches, 2 * 2 * SWEEP_PLACES);
	assert_int_equal(result.findings.kinds, 1);
	assert_int_equal(result.findings.found[0].finding.oracles, ORACLE_PASS_SOUND);
	for (unsigned int i = 0; i < SWEEP_PLACES; i++)
		assert_true(places[i].agree[SHAPE_GP] == 2 && !places[i].differ);
	sweep_result_free(&result);
}

/* A read that does not clear, or clears without being asked. */
static void no_clear(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		     struct engine_answer *answer)
{
	struct case_step step = { .op = STEP_METRICS };

	engine_emulator.read(vcpu, entry, state, answer);
	step.value = answer->regs.rdx << 32 | answer->regs.rax;
	if ((uint32_t)state->regs.rcx == 0x20000000 && answer->answer == ANSWER_VALUE)
		engine_emulator.write(vcpu, &step);
}

static void test_clear_mode(void **unused)
{
	static const uint32_t ecxs[] = { 0x20000000, 0x20000001 };
	struct engine engine = engine_emulator;
	struct sweep_result result;

	(void)unused;
	engine.read = no_clear;
	sweep(&engine, "metrics-clear-off", ecxs, ARRAY_SIZE(ecxs), &result);
	assert_int_equal(result.mismatches, 0);
	sweep_result_free(&result);
	sweep(&engine, "metrics-clear", ecxs, ARRAY_SIZE(ecxs), &result);
	/* Allowed in 39 of the states: 2 real, 20 protected, 2 virtual-8086, 10 compatibility, 5 64-bit. */
	assert_int_equal(result.mismatches, 39);
	assert_int_equal(result.findings.found[0].finding.oracles, ORACLE_NOTHING_ELSE);
	sweep_result_free(&result);
}

static const struct engine *answering;
static unsigned int looks;

static void refuse_real(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
			struct engine_answer *answer)
{
	answering->read(vcpu, entry, state, answer);
	if (state->mode == MODE_REAL)
		answer->refused = "KVM_RUN: EINVAL";
}

static bool after_three(void)
{
	return ++looks > 3;
}

/* What was tried of the states, and that not all of it was, is said, and is in the JSON. */
static void test_states_tried(void **unused)
{
	static const uint32_t ecx = 0;
	struct sweep_row row = { .configuration = "skylake" };
	struct sweep sweep = { 0 };
	struct rdpmc_case swept;
	struct engine refuses;
	struct trial trial;
	const char *why;

	(void)unused;
	answering = engine_find("emulator", &why);
	assert_non_null(answering);
	refuses = *answering;
	refuses.read = refuse_real;
	configuration_case(configuration_find("skylake"), &swept);
	for (unsigned int i = 0; i < 2; i++) {
		const char *tried = i ? "3 of 62 states tried" : "60 of 62 states tried";
		struct sweep_document document = { .started = "2026-01-01T00:00:00Z",
						   .trial = &trial,
						   .rows = &row,
						   .n_rows = 1 };
		json_t *json, *at;
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		looks = 0;
		sweep.interrupted = i ? after_three : NULL;
		refuses.read = i ? answering->read : refuse_real;
		assert_int_equal(trial_init(&trial, &refuses, &why), 0);
		sweep_states(&sweep, &trial, &swept, &ecx, 1, false, places, &row.result);
		sweep_tell_states(out, places, &trial.tally);
		fclose(out);
		if (!strstr(text, tried))
			fail_msg("'%s' is not in: %s", tried, text);
		free(text);
		json = sweep_json(&document);
		at = json_array_get(json_object_get(json, "rows"), 0);
		assert_false(json_is_true(json_object_get(at, "complete")));
		assert_int_equal(json_integer_value(json_object_get(at, "refused")), i ? 0 : 2);
		json_decref(json);
		trial_free(&trial);
		sweep_result_free(&row.result);
	}
}

/* All of them, in lines that a terminal holds; nothing of none. */
static void test_left_out(void **unused)
{
	bool left_out[nr_configurations];

	(void)unused;
	for (size_t kept = 0; kept < 3; kept++) {
		char *text, *place;
		size_t size, told = 0;
		FILE *out = open_memstream(&text, &size);

		for (size_t i = 0; i < nr_configurations; i++)
			left_out[i] = kept < 2 && i >= kept;
		sweep_tell_left_out(out, left_out);
		fclose(out);
		for (char *line = strtok_r(text, "\n", &place); line;
		     line = strtok_r(NULL, "\n", &place)) {
			assert_in_range(strlen(line), 1, 96);
			for (char *word = line; *line == ' ' && *word; told++) {
				word += strspn(word, " ");
				assert_string_not_equal(word, "");
				size = strlen(configurations[kept + told].name);
				assert_int_equal(strcspn(word, " "), size);
				assert_memory_equal(word, configurations[kept + told].name, size);
				word += size;
			}
		}
		assert_int_equal(told, kept < 2 ? nr_configurations - kept : 0);
		assert_true(size || kept == 2);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ecxs),       cmocka_unit_test(test_clean),
		cmocka_unit_test(test_wrong),      cmocka_unit_test(test_unsound),
		cmocka_unit_test(test_clear_mode), cmocka_unit_test(test_states_tried),
		cmocka_unit_test(test_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
