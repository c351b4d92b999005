// SPDX-License-Identifier: GPL-2.0-or-later
// beside others, long
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

#include <unistd.h>

#include "fuzz/configurations.h"
#include "fuzz/pairs.h"
#include "fuzz/sweep.h"
#include "fuzz/sweep_json.h"
#include "fuzz/sweep_resume.h"
#include "fuzz/sweep_states.h"
#include "fuzz/sweep_text.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

extern const struct engine engine_emulator;

/* What the engine under test does wrong. */
static struct {
	uint32_t ecx;
	uint8_t mode, cpl;
	bool pce;
	unsigned int entries;
	enum { NOTHING, VALUE, FAULT_INSTEAD, CLOBBER, MODE_CHANGED, COUNTERS, ONLY_RANGE } how;
} wrong;

static bool is_wrong(enum entry entry, const struct rdpmc_state *state, uint32_t ecx)
{
	return wrong.how != NOTHING && ecx == wrong.ecx && state->mode == wrong.mode &&
	       state->cpl == wrong.cpl && !(state->cr4 & RDPMC_CR4_PCE) == !wrong.pce &&
	       wrong.entries >> entry & 1;
}

static void wrong_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	const struct case_step step = { .op = STEP_METRICS, .value = 1 };

	engine_emulator.read(vcpu, entry, state, answer);
	if (!is_wrong(entry, state, (uint32_t)state->regs.rcx))
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

/* As if the engine answered otherwise: what is expected is. */
static bool wrong_read_range(struct engine_vcpu *vcpu, enum entry entry,
			     const struct rdpmc_state *state, uint32_t first, unsigned int count,
			     const uint64_t *values, const uint8_t *answers)
{
	uint8_t changed[SWEEP_BLOCK];

	memcpy(changed, answers, count);
	for (unsigned int i = 0; i < count; i++)
		if (is_wrong(entry, state, first + i))
			changed[i] ^= ANSWER_GP;
	return engine_emulator.read_range(vcpu, entry, state, first, count, values, changed);
}

static enum intercept never(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return INTERCEPT_OFF;
}

static enum intercept always(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return INTERCEPT_ON;
}

static const struct engine *engine_of(bool ranges)
{
	static struct engine made[2];

	made[ranges] = engine_emulator;
	made[ranges].read = wrong_read;
	made[ranges].read_range = ranges ? wrong_read_range : NULL;
	return &made[ranges];
}

static void full(const struct engine *engine, const char *name, uint32_t first, uint32_t last,
		 struct sweep_result *result)
{
	const struct sweep sweep = { .engine = engine, .jobs = 2 };
	struct rdpmc_case swept;
	const char *why;

	configuration_case(configuration_find(name), &swept);
	assert_int_equal(sweep_full(&sweep, &swept, first, last, NULL, result, &why), 0);
}

static void test_clean(void **unused)
{
	static const uint32_t firsts[] = { 0, 0x0000fff0, 0x1ffffff0, 0x3ffffff0, 0xfffff000 };

	(void)unused;
	wrong.how = NOTHING;
	for (size_t i = 0; i < nr_configurations; i++)
		for (size_t k = 0; k < 2 * ARRAY_SIZE(firsts); k++) {
			struct sweep_result result;
			uint32_t first = firsts[k / 2], count = first & 0xfff ? 0x123 : 0x1000;

			full(engine_of(k & 1), configurations[i].name, first, first + count - 1,
			     &result);
			if (result.mismatches || result.cases != 2 * SWEEP_STATES * (uint64_t)count)
				fail_msg("%s from %08x: %llu mismatches of %llu",
					 configurations[i].name, first,
					 (unsigned long long)result.mismatches,
					 (unsigned long long)result.cases);
			sweep_result_free(&result);
		}
}

/* The engine's own loop sees every field of what is expected. */
static void test_range(void **unused)
{
	static uint64_t values[300];
	static uint8_t answers[300];
	struct rdpmc_state state;
	struct rdpmc_case one;
	struct rdpmc_counters counters = { 0 };
	struct rdpmc_view view;
	struct engine_vcpu *vcpu;
	unsigned int n_gp, n_fixed;
	const char *why;

	(void)unused;
	configuration_case(configuration_find("skylake"), &one);
	rdpmc_view(&one.guest, &rdpmc_default_choices, &view);
	case_counters(&one, &view, &counters, &n_gp, &n_fixed);
	vcpu = engine_emulator.create(&why);
	engine_emulator.begin(vcpu, &one.guest, &one.host, &one.policy);
	engine_emulator.load(vcpu, &counters, n_gp, n_fixed);
	memset(answers, ANSWER_GP, sizeof(answers));
	sweep_state(2, &state); /* protected mode, CPL 0 */
	/* The last counter lies beyond the end of a type, and of all ECX. */
	for (unsigned int x = 0; x < 4; x++) {
		values[100 + x] = counters.gp[x] & 0xffffffffffff;
		answers[100 + x] = ANSWER_VALUE;
	}
	for (enum entry entry = 0; entry <= ENTRY_EMULATOR; entry++) {
		assert_true(engine_emulator.read_range(vcpu, entry, &state, -100U, 300, values,
						       answers));
		for (unsigned int i = 0; i < 300; i += i < 98 || i > 105 ? 7 : 1) {
			answers[i] ^= 1;
			assert_false(engine_emulator.read_range(vcpu, entry, &state, -100U, 300,
								values, answers));
			answers[i] ^= 1;
		}
		for (unsigned int bit = 0; bit < 64; bit++) {
			values[103] ^= 1ULL << bit;
			assert_false(engine_emulator.read_range(vcpu, entry, &state, -100U, 300,
								values, answers));
			values[103] ^= 1ULL << bit;
		}
		/* A fault has no value. */
		values[5] = 7;
		assert_true(engine_emulator.read_range(vcpu, entry, &state, -100U, 300, values,
						       answers));
		assert_true(engine_emulator.holds(vcpu, &counters, n_gp, n_fixed));
	}
	engine_emulator.destroy(vcpu);
}

/* What is wrong with which read, and the oracle that objects. */
static const struct {
	const char *name;
	uint32_t ecx;
	uint8_t mode, cpl;
	bool pce;
	unsigned int entries, how, oracles;
} rows[] = {
	{ "a value", 3, MODE_PROTECTED, 0, false, 1, VALUE, ORACLE_OUTCOME },
	{ "a value, by the other entry", 3, MODE_PROTECTED, 3, true, 2, VALUE, ORACLE_OUTCOME },
	{ "a value, by both", 0, MODE_REAL, 0, true, 3, VALUE, ORACLE_OUTCOME },
	{ "a fault", 7, MODE_PROTECTED, 1, true, 1, FAULT_INSTEAD, ORACLE_OUTCOME },
	{ "a fault that is none", 0x1ffff, MODE_VM86, 3, true, 2, FAULT_INSTEAD, ORACLE_OUTCOME },
	{ "RDX after a fault", 0x5fff, MODE_PROTECTED, 2, false, 2, CLOBBER, ORACLE_NOTHING_ELSE },
	{ "RDX after a fault, last", 0x1ffff, MODE_VM86, 3, false, 1, CLOBBER,
	  ORACLE_NOTHING_ELSE },
	{ "CR0", 9, MODE_REAL, 0, false, 1, MODE_CHANGED, ORACLE_NOTHING_ELSE },
	{ "counters", 0x1000, MODE_PROTECTED, 3, false, 2, COUNTERS, ORACLE_NOTHING_ELSE },
};

static void test_wrong(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const size_t row = i / 2;
		const unsigned int entries = (unsigned int)__builtin_popcount(rows[row].entries);
		struct sweep_result result;
		struct rdpmc_case decoded;

		wrong.ecx = rows[row].ecx;
		wrong.mode = rows[row].mode;
		wrong.cpl = rows[row].cpl;
		wrong.pce = rows[row].pce;
		wrong.entries = rows[row].entries;
		wrong.how = rows[row].how;
		full(engine_of(i & 1), "sapphire-rapids", 0, 0x1ffff, &result);
		if (result.mismatches != entries || result.findings.kinds != entries ||
		    result.unrepeated || result.too_many)
			fail_msg("%s: %llu mismatches of %zu kinds", rows[row].name,
				 (unsigned long long)result.mismatches, result.findings.kinds);
		for (size_t k = 0; k < result.findings.kinds; k++) {
			const struct found *found = &result.findings.found[k];

			case_decode(found->data, found->size, &decoded);
			assert_int_equal((uint32_t)decoded.state.regs.rcx, wrong.ecx);
			assert_int_equal(decoded.state.mode, wrong.mode);
			assert_int_equal(found->count, 1);
			assert_int_equal(found->finding.oracles, rows[row].oracles);
			assert_true(wrong.entries >> found->finding.entry & 1);
			assert_int_equal(decoded.legalised, 0);
		}
		assert_int_equal(result.cases, 2 * SWEEP_STATES * 0x20000ULL);
		sweep_result_free(&result);
	}
}

/* Wrong in the range alone: no single case shows it, and it is counted all the same. */
static void test_unrepeated(void **unused)
{
	struct sweep_result result;

	(void)unused;
	wrong.ecx = 0x2345;
	wrong.mode = MODE_VM86;
	wrong.cpl = 3;
	wrong.pce = true;
	wrong.entries = 1;
	wrong.how = ONLY_RANGE;
	full(engine_of(true), "skylake", 0, 0x3fff, &result);
	assert_int_equal(result.mismatches, 1);
	assert_int_equal(result.unrepeated, 1);
	assert_int_equal((uint32_t)result.unrepeated_at.regs.rcx, 0x2000);
	assert_int_equal(result.unrepeated_at.mode, MODE_VM86);
	sweep_result_free(&result);
}

static void value_everywhere(struct engine_vcpu *vcpu, enum entry entry,
			     const struct rdpmc_state *state, struct engine_answer *answer)
{
	engine_emulator.read(vcpu, entry, state, answer);
	answer->regs.rip++;
}

static void test_too_many(void **unused)
{
	struct engine engine = engine_emulator;
	struct sweep_result result;

	(void)unused;
	engine.read = value_everywhere;
	engine.read_range = NULL;
	full(&engine, "amd-v2", 0, 0xffffff, &result);
	assert_true(result.too_many);
	assert_true(result.mismatches > 0 && result.cases < 1000 * 2 * SWEEP_BLOCK);
	sweep_result_free(&result);
}

static void test_unsound(void **unused)
{
	struct engine engine = engine_emulator;
	struct sweep_result result;

	(void)unused;
	engine.intercepts = never;
	full(&engine, "sapphire-rapids-no-metrics", 0, 0xffff, &result);
	/* Told once, and no reason not to look at the reads. */
	assert_int_equal(result.mismatches, 1);
	assert_int_equal(result.cases, 2 * SWEEP_STATES * 0x10000ULL);
	assert_int_equal(result.findings.found[0].finding.oracles, ORACLE_PASS_SOUND);
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
	struct engine engine = engine_emulator;
	struct sweep_result result;

	(void)unused;
	engine.read = no_clear;
	engine.read_range = NULL;
	full(&engine, "metrics-clear-off", 0x20000000, 0x20000fff, &result);
	assert_int_equal(result.mismatches, 0);
	sweep_result_free(&result);
	full(&engine, "metrics-clear", 0x20000000, 0x20000fff, &result);
	/* Allowed in 9 of the 14 states. */
	assert_int_equal(result.mismatches, 2 * 9);
	assert_int_equal(result.findings.found[0].finding.oracles, ORACLE_NOTHING_ELSE);
	sweep_result_free(&result);
}

static void test_representatives(void **unused)
{
	struct sweep sweep = { .engine = engine_of(true), .jobs = 2 };
	struct sweep_result result;
	struct rdpmc_case swept;
	const char *why;
	uint32_t *ecxs;
	size_t count;

	(void)unused;
	ecxs = sweep_ecxs(false, &count);
	assert_in_range(count, 3000, 16384);
	for (size_t i = 1; i < count; i++)
		assert_true(ecxs[i - 1] < ecxs[i]);
	free(ecxs);
	wrong.how = NOTHING;
	configuration_case(configuration_find("panther-cove"), &swept);
	assert_int_equal(sweep_representatives(&sweep, &swept, &result, &why), 0);
	assert_int_equal(result.mismatches, 0);
	/* Real 2, protected 8, virtual-8086 2, compatibility 8, 64-bit 8; by two entries, with LOCK by one */
	assert_int_equal(result.cases, count * 28 * 3);
	sweep_result_free(&result);

	wrong.how = VALUE;
	wrong.ecx = 0x20000000;
	wrong.mode = MODE_COMPATIBILITY;
	wrong.cpl = 2;
	wrong.pce = true;
	wrong.entries = 3;
	assert_int_equal(sweep_representatives(&sweep, &swept, &result, &why), 0);
	assert_int_equal(result.mismatches, 2); /* with LOCK it is RAX after #UD */
	sweep_result_free(&result);
}

static void sweep_some_pairs(struct engine *engine, unsigned int every, struct sweep_result *result,
			     size_t *count)
{
	const struct sweep sweep = { .engine = engine, .jobs = 2 };
	struct rdpmc_pmu *pmus = pairs_space(every, count);
	const char *why;

	assert_int_equal(pairs_sweep(&sweep, pmus, *count, result, &why), 0);
	assert_int_equal(result->cases, *count * *count * 4);
	assert_int_equal(result->self, 0);
	free(pmus);
}

static void test_pairs(void **unused)
{
	struct engine engine = engine_emulator;
	struct sweep_result sound, off, on;
	struct rdpmc_case decoded;
	size_t count;

	(void)unused;
	sweep_some_pairs(&engine, 13, &sound, &count);
	assert_int_equal(sound.mismatches, 0);
	assert_in_range(count, 100, 1000);
	engine.intercepts = never;
	sweep_some_pairs(&engine, 13, &off, &count);
	engine.intercepts = always;
	sweep_some_pairs(&engine, 13, &on, &count);
	assert_int_equal(on.mismatches, 0);
	/* Of all pairs one half is a mismatch where it is never on, the other costs where always. */
	assert_int_equal(off.mismatches + on.costly, count * count * 4);
	assert_true(on.costly > sound.costly && off.mismatches && !off.costly);
	/* Each example is one: a single case of it has the finding. */
	for (size_t i = 0; i < off.findings.kinds; i++) {
		const struct found *found = &off.findings.found[i];
		struct rdpmc_view host, guest;
		struct rdpmc_pass pass;

		case_decode(found->data, found->size, &decoded);
		rdpmc_view(&decoded.host, &rdpmc_default_choices, &host);
		rdpmc_view(&decoded.guest, &rdpmc_default_choices, &guest);
		pass = rdpmc_may_pass(&host, &guest, &decoded.policy);
		assert_int_not_equal(pass.obstacle, OBSTACLE_NONE);
	}
	assert_true(off.findings.kinds > 4);
	sweep_result_free(&sound);
	sweep_result_free(&off);
	sweep_result_free(&on);
}

static bool at_once(void)
{
	return true;
}

static void test_interrupted(void **unused)
{
	struct sweep sweep = { .engine = &engine_emulator, .jobs = 2, .interrupted = at_once };
	struct sweep_result result;
	struct rdpmc_case swept;
	const char *why;

	(void)unused;
	configuration_case(&configurations[0], &swept);
	assert_int_equal(sweep_full(&sweep, &swept, 0, UINT32_MAX, NULL, &result, &why), 0);
	assert_true(result.interrupted);
	assert_in_range(result.cases, 1, 4 * SWEEP_STATES * SWEEP_BLOCK);
	sweep_result_free(&result);
}

static struct resume_key key = { .version = "1",
				 .build = "b",
				 .engine = "e",
				 .choices = "none",
				 .configuration = "c",
				 .last = UINT32_MAX };
static char path[] = "/tmp/test_fuzz_sweep.XXXXXX";

static void put(const char *text)
{
	FILE *file = fopen(path, "a");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* The file cannot be taken up, for the reason @what. */
static void refused(const struct resume_key *other, const char *what)
{
	char why[800];

	assert_null(resume_open(path, other, why, sizeof(why)));
	if (!strstr(why, what) || strchr(why, '\n'))
		fail_msg("'%s' does not say: %s", why, what);
}

static void test_resume(void **unused)
{
	struct resume_key other;
	struct resume *resume;
	char why[800];

	(void)unused;
	close(mkstemp(path));
	resume = resume_open(path, &key, why, sizeof(why));
	assert_non_null(resume);
	resume_note(resume, 3);
	resume_note(resume, 1023);
	refused(&key, "another sweep is writing to it");
	assert_true(resume_close(resume, why, sizeof(why)));
	/* A line that was cut off, and what is appended after it. */
	put("chunk 5");
	resume = resume_open(path, &key, why, sizeof(why));
	assert_non_null(resume);
	assert_int_equal(resume_count(resume), 2);
	assert_true(resume_done(resume, 3) && resume_done(resume, 1023) && !resume_done(resume, 5));
	resume_note(resume, 7);
	assert_true(resume_close(resume, why, sizeof(why)));
	resume = resume_open(path, &key, why, sizeof(why));
	assert_non_null(resume);
	assert_int_equal(resume_count(resume), 3);
	assert_true(resume_done(resume, 7));
	assert_true(resume_close(resume, why, sizeof(why)));

	other = key;
	other.version = "2";
	refused(&other, "another version of this program (version=1, not version=2)");
	other = key;
	other.build = "other";
	refused(&other, "another build");
	other = key;
	other.engine = "other";
	refused(&other, "another engine (engine=e, not engine=other)");
	other = key;
	other.configuration = "cc";
	refused(&other, "another configuration (configuration=c, not configuration=cc)");
	other = key;
	other.last--;
	refused(&other, "other --first and --last");
	put("chunk 1024\n");
	refused(&key, "line 5 is damaged");
	assert_int_equal(truncate(path, 0), 0);
	put("something else\n");
	refused(&key, "not the file of a sweep");
	assert_int_equal(truncate(path, 0), 0);
	put("rdpmc-diff-sw");
	resume = resume_open(path, &key, why, sizeof(why));
	assert_non_null(resume);
	assert_true(resume_close(resume, why, sizeof(why)));
	unlink(path);
}

static void test_states(void **unused)
{
	struct rdpmc_state a, b;

	(void)unused;
	for (unsigned int i = 0; i < SWEEP_STATES; i++)
		for (unsigned int k = 0; k < i; k++) {
			sweep_state(i, &a);
			sweep_state(k, &b);
			assert_true(a.mode != b.mode || a.cpl != b.cpl ||
				    (a.cr4 ^ b.cr4) & RDPMC_CR4_PCE);
			assert_int_equal(!(a.cr0 & RDPMC_CR0_PE), a.mode == MODE_REAL);
			assert_int_equal((uint32_t)a.regs.rcx, 0);
			assert_int_not_equal(a.regs.rcx, 0);
		}
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
	struct sweep_row row = { .part = "states", .configuration = "skylake" };
	struct sweep sweep = { .jobs = 1 };
	struct sweep_place places[SWEEP_PLACES];
	struct sweep_document document = {
		.started = "2026-01-01T00:00:00Z", .sweep = &sweep, .rows = &row, .n_rows = 1
	};
	struct rdpmc_case swept;
	struct engine refuses;
	struct trial trial;
	const char *why;

	(void)unused;
	answering = engine_find("emulator", &why);
	assert_non_null(answering);
	refuses = *answering;
	refuses.read = refuse_real;
	sweep.engine = &refuses;
	configuration_case(configuration_find("skylake"), &swept);
	for (unsigned int i = 0; i < 2; i++) {
		const char *tried = i ? "3 of 62 states tried" : "60 of 62 states tried";
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
		trial_free(&trial);
		fclose(out);
		if (!strstr(text, tried))
			fail_msg("'%s' is not in: %s", tried, text);
		free(text);
		json = sweep_json(&document);
		at = json_array_get(json_object_get(json, "rows"), 0);
		assert_false(json_is_true(json_object_get(at, "complete")));
		assert_int_equal(json_integer_value(json_object_get(at, "refused")), i ? 0 : 2);
		json_decref(json);
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
		cmocka_unit_test(test_states_tried), cmocka_unit_test(test_states),
		cmocka_unit_test(test_clean),        cmocka_unit_test(test_range),
		cmocka_unit_test(test_wrong),        cmocka_unit_test(test_unrepeated),
		cmocka_unit_test(test_too_many),     cmocka_unit_test(test_unsound),
		cmocka_unit_test(test_clear_mode),   cmocka_unit_test(test_representatives),
		cmocka_unit_test(test_pairs),        cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_resume),       cmocka_unit_test(test_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
