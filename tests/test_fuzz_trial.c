// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that a trial finds what is wrong with an engine: deliberate mistakes, planted in the right
 * engine, give the oracle, entry, step and rule that they should; the right engine gives nothing.
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

#include "fuzz/case/bytes.h"
#include "fuzz/case/mutate.h"
#include "fuzz/oracle/trial.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_STEPS    8
#define BOTH          (1U << ENTRY_EXIT | 1U << ENTRY_EMULATOR)
#define METRICS_      0x1122334455667788

/* A mistake in the reads of one RCX: changes to the right answer. */
struct mistake {
	struct rdpmc_regs flip;
	uint32_t error_code;
	bool other_state, other; /* @other: @answer instead of the right one */
	uint8_t answer;
	struct case_step write; /* of the engine's own counters; STEP_READ for none */
};

/* The engine that is tried: the emulator, with what is planted in it, and what was asked of it. */
static const struct engine *right;
static struct {
	const struct mistake *mistake;
	uint64_t rcx;
	unsigned int entries;
	bool decides; /* @intercept instead of its own decision */
	enum intercept intercept;
	bool no_metrics; /* offers no guest PERF_METRICS */
	uint8_t nr_gp;   /* no guest has more; 0: it has what it asks for */
	bool fast;       /* ECX[31] is ignored */
	bool refuses;    /* reads of @rcx by @entries */
	/* What it complains of: when a guest begins, at a read of @rcx, at a write. */
	const char *by_begin, *by_read, *by_write;
	const char *trouble; /* not told yet */

	unsigned int reads[NR_ENTRIES], writes;
	struct engine_answer last[NR_ENTRIES];
} plant;

static void wrong_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	const struct mistake *mistake = plant.mistake;
	struct rdpmc_state other = *state;

	if (plant.fast)
		other.regs.rcx &= ~(1ULL << 31);
	right->read(vcpu, entry, &other, answer);
	if (plant.fast)
		answer->regs.rcx = state->regs.rcx;
	plant.reads[entry]++;
	if (plant.by_read && plant.entries >> entry & 1 && state->regs.rcx == plant.rcx)
		plant.trouble = plant.by_read;
	if (mistake && plant.entries >> entry & 1 && state->regs.rcx == plant.rcx) {
		answer->regs.rax ^= mistake->flip.rax;
		answer->regs.rcx ^= mistake->flip.rcx;
		answer->regs.rdx ^= mistake->flip.rdx;
		answer->regs.rip ^= mistake->flip.rip;
		answer->regs.rflags ^= mistake->flip.rflags;
		answer->error_code |= mistake->error_code;
		answer->other_state |= mistake->other_state;
		if (mistake->other)
			answer->answer = mistake->answer;
		if (mistake->write.op != STEP_READ)
			right->write(vcpu, &mistake->write);
	}
	if (plant.refuses && plant.entries >> entry & 1 && state->regs.rcx == plant.rcx)
		answer->refused = "KVM_RUN: EINVAL";
	plant.last[entry] = *answer;
}

static void counting_write(struct engine_vcpu *vcpu, const struct case_step *step)
{
	plant.writes++;
	if (plant.by_write)
		plant.trouble = plant.by_write;
	right->write(vcpu, step);
}

static void wrong_begin(struct engine_vcpu *vcpu, const struct rdpmc_pmu *guest,
			const struct rdpmc_pmu *host, const struct rdpmc_policy *policy)
{
	struct rdpmc_pmu fewer = *guest;

	if (plant.nr_gp && fewer.nr_gp > plant.nr_gp)
		fewer.nr_gp = plant.nr_gp;
	plant.trouble = plant.by_begin;
	right->begin(vcpu, &fewer, host, policy);
}

static const char *wrong_trouble(struct engine_vcpu *vcpu)
{
	const char *trouble = plant.trouble;

	(void)vcpu;
	plant.trouble = NULL;
	return trouble;
}

static enum intercept wrong_intercepts(struct engine_vcpu *vcpu)
{
	return plant.decides ? plant.intercept : right->intercepts(vcpu);
}

static bool wrong_clamp(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest, struct rdpmc_pmu *host,
			struct rdpmc_policy *policy)
{
	bool taken = plant.no_metrics && guest->perf_capabilities & RDPMC_CAP_METRICS;

	if (taken)
		guest->perf_capabilities &= ~RDPMC_CAP_METRICS;
	return right->clamp(vcpu, guest, host, policy) || taken;
}

static struct engine wrong;

static struct trial start(void)
{
	const char *why = NULL;
	struct trial trial;

	right = engine_find("emulator", &why);
	assert_non_null(right);
	memset(&plant, 0, sizeof(plant));
	wrong = *right;
	wrong.name = "wrong";
	wrong.read = wrong_read;
	wrong.write = counting_write;
	wrong.intercepts = wrong_intercepts;
	wrong.clamp = wrong_clamp;
	wrong.begin = wrong_begin;
	wrong.trouble = wrong_trouble;
	wrong.version = "6.1";
	assert_int_equal(trial_init(&trial, &wrong, &why), 0);
	assert_ptr_equal(trial.engine, &wrong);
	return trial;
}

struct data {
	struct case_bytes bytes;
	struct case_step_bytes steps[MAX_STEPS];
	size_t size;
};

static void add(struct data *data, uint8_t op, uint8_t arg, uint64_t value)
{
	const struct case_step step = { op, arg, value };

	case_step_encode(&step, (struct case_step_bytes *)((uint8_t *)data + data->size));
	data->size += sizeof(struct case_step_bytes);
}

/* 64-bit mode at CPL 0, eight counters and four, PERF_METRICS with clear mode, mediated. */
static struct data plain(uint64_t rcx)
{
	struct data data = { .size = sizeof(data.bytes) };
	struct case_bytes *bytes = &data.bytes;

	bytes->version = CASE_VERSION;
	bytes->mode = MODE_64BIT;
	bytes->flags = CASE_MEDIATED;
	bytes->cr0[0] = 1;
	put_le64(bytes->rax, 0xaaaaaaaabbbbbbbb);
	put_le64(bytes->rdx, 0xccccccccdddddddd);
	put_le64(bytes->rcx, rcx);
	put_le64(bytes->rip, 0x1000);
	put_le64(bytes->metrics, METRICS_);
	bytes->guest.version = 5;
	bytes->guest.nr_gp = 8;
	bytes->guest.nr_fixed = 4;
	bytes->guest.gp_width = bytes->guest.fixed_width = 48;
	put_le64(bytes->guest.perf_capabilities, RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR);
	bytes->host = bytes->guest;
	return data;
}

static bool try(struct trial *trial, const struct data *data, struct finding *finding)
{
	memset(finding, 0xee, sizeof(*finding));
	return trial_run(trial, (const uint8_t *)data, data->size, finding);
}

#define OTHER(what) .other = true, .answer = (what)
#define FAULT       0x60000000
#define METRICS     0x20000000

struct row {
	const char *name;
	uint64_t rcx;
	unsigned int oracles; /* of both entries wrong; of one, ENTRIES too where they differ */
	struct mistake mistake;
};

static const struct row rows[] = {
	{ "a wrong value", 3, ORACLE_OUTCOME, { .flip = { .rax = 1 } } },
	{ "bit 47", 3, ORACLE_OUTCOME, { .flip = { .rdx = 0x8000 } } },
	{ "#GP for a value", 3, ORACLE_OUTCOME, { OTHER(ANSWER_GP) } },
	{ "#UD for a value", 3, ORACLE_OUTCOME, { OTHER(ANSWER_UD) } },
	{ "#UD for #GP", FAULT, ORACLE_OUTCOME, { OTHER(ANSWER_UD) } },
	{ "#DE for #GP", FAULT, ORACLE_OUTCOME, { OTHER(ANSWER_STRANGE) } },
	{ "a value for #GP", FAULT, ORACLE_OUTCOME, { OTHER(ANSWER_VALUE) } },
	{ "error code", FAULT, ORACLE_OUTCOME, { .error_code = 8 } },
	{ "RCX", 3, ORACLE_NOTHING_ELSE, { .flip = { .rcx = 1ULL << 63 } } },
	{ "RFLAGS", 3, ORACLE_NOTHING_ELSE, { .flip = { .rflags = 1 } } },
	{ "RIP stays", 3, ORACLE_NOTHING_ELSE, { .flip = { .rip = 2 } } },
	{ "RCX, #GP", FAULT, ORACLE_NOTHING_ELSE, { .flip = { .rcx = 1 } } },
	{ "RFLAGS, #GP", FAULT, ORACLE_NOTHING_ELSE, { .flip = { .rflags = 1 } } },
	{ "RIP, #GP", FAULT, ORACLE_NOTHING_ELSE, { .flip = { .rip = 2 } } },
	{ "RAX, #GP", FAULT, ORACLE_NOTHING_ELSE, { .flip = { .rax = 1 } } },
	{ "RDX, #GP", FAULT, ORACLE_NOTHING_ELSE, { .flip = { .rdx = 1 } } },
	{ "CR0", 3, ORACLE_NOTHING_ELSE, { .other_state = true } },
	{ "counts", 3, ORACLE_NOTHING_ELSE, { .write = { STEP_GP, 3, 1 } } },
	{ "another", 3, ORACLE_NOTHING_ELSE, { .write = { STEP_GP, 7, 1 } } },
	{ "fixed", 3, ORACLE_NOTHING_ELSE, { .write = { STEP_FIXED, 3, 1 } } },
	{ "metrics", 3, ORACLE_NOTHING_ELSE, { .write = { STEP_METRICS, 0, 1 } } },
	{ "control", 3, ORACLE_NOTHING_ELSE, { .write = { STEP_FIXED_CTRL, 0, 1 } } },
	{ "hidden", 3, ORACLE_NOTHING_ELSE, { .write = { STEP_USER_DISABLE, 0, 1 } } },
	{ "by a fault", FAULT, ORACLE_NOTHING_ELSE, { .write = { STEP_METRICS, 0, 0 } } },
	{ "not cleared", METRICS, ORACLE_NOTHING_ELSE, { .write = { STEP_METRICS, 0, METRICS_ } } },
	{ "slots not", METRICS, ORACLE_NOTHING_ELSE, { .write = { STEP_FIXED, 3, 7 } } },
	{ "while clearing", METRICS, ORACLE_OUTCOME, { .flip = { .rax = 1 } } },
	{ "two in one",
	  3,
	  ORACLE_OUTCOME | ORACLE_NOTHING_ELSE,
	  { .flip = { .rax = 1, .rcx = 1 } } },
};

static enum rdpmc_rule rule_of(uint64_t rcx)
{
	return rcx == FAULT ? RULE_TYPE_OTHER : rcx == METRICS ? RULE_METRICS_VALUE : RULE_TYPE_GP;
}

/* The mistake of @row in @entries, seen at the first read or, after others, at step 4. */
static void plant_row(const struct row *row, unsigned int entries, bool later)
{
	struct trial trial = start();
	struct data data = plain(later ? 1 : row->rcx);
	/* What the two answer is the same, though one of them does what it should not. */
	const bool hidden = row->mistake.other_state || row->mistake.write.op != STEP_READ;
	const bool clears = row->rcx == METRICS;
	unsigned int oracles = row->oracles;
	struct finding finding;

	plant.mistake = &row->mistake;
	plant.rcx = row->rcx;
	plant.entries = entries;
	if (clears)
		put_le64(data.bytes.fixed_ctr_ctrl, RDPMC_FIXED_CTRL_METRICS_CLEAR);
	if (later) {
		add(&data, STEP_GP, 3, ~0ULL);
		add(&data, STEP_READ, 0, 2);
		add(&data, STEP_LOCK, 0, 0);
	}
	add(&data, STEP_READ, 0, row->rcx);
	add(&data, STEP_READ, 0, 0);
	if (entries != BOTH && !hidden)
		oracles |= ORACLE_ENTRIES;
	if (try(&trial, &data, &finding))
		fail_msg("%s: nothing found", row->name);
	if (finding.oracles != oracles)
		fail_msg("%s: oracles %x, not %x", row->name, finding.oracles, oracles);
	/* Of two that are wrong, the first. */
	if (finding.entry != (entries == 1U << ENTRY_EMULATOR ? ENTRY_EMULATOR : ENTRY_EXIT))
		fail_msg("%s: entry %s is blamed", row->name, entry_name(finding.entry));
	if (finding.step != (later ? 4 : 0))
		fail_msg("%s: at step %zu", row->name, finding.step);
	if (finding.model.decision.rule != rule_of(row->rcx))
		fail_msg("%s: by %s", row->name, rdpmc_rules[finding.model.decision.rule].id);
	assert_int_equal(finding.state.regs.rcx, row->rcx);
	assert_int_equal(finding.state.regs.rip, 0x1000);
	assert_int_equal(finding.n_gp, 8);
	assert_int_equal(finding.n_fixed, 4);
	if (finding.engine.answer != plant.last[finding.entry].answer ||
	    finding.engine.error_code != plant.last[finding.entry].error_code ||
	    memcmp(&finding.engine.regs, &plant.last[finding.entry].regs,
		   sizeof(struct rdpmc_regs)))
		fail_msg("%s: not what the engine answered", row->name);
	/* What the counters hold after, where that is what is wrong. */
	if (row->mistake.write.op == STEP_GP)
		assert_int_equal(finding.counters.gp[row->mistake.write.arg], 1);
	if (row->mistake.write.op == STEP_GP && row->mistake.write.arg == 3 && later)
		assert_int_equal(finding.expected.gp[3], ~0ULL);
	if (clears)
		assert_int_equal(finding.expected.metrics | finding.expected.fixed[3], 0);
	trial_free(&trial);
}

static void plant_all(unsigned int entries)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		plant_row(&rows[i], entries, false);
		plant_row(&rows[i], entries, true);
	}
}

static void test_both_wrong(void **unused)
{
	(void)unused;
	plant_all(BOTH);
}

static void test_emulator_entry_wrong(void **unused)
{
	(void)unused;
	plant_all(1U << ENTRY_EMULATOR);
}

static void test_exit_entry_wrong(void **unused)
{
	(void)unused;
	plant_all(1U << ENTRY_EXIT);
}

struct pass_row {
	const char *name;
	uint8_t obstacle, class, index;
	uint8_t flags;
	struct {
		uint8_t at, value;
	} guest, host; /* one byte of each PMU is changed */
};

static const struct pass_row pass_rows[] = {
	{ "none", OBSTACLE_NONE, 0, 0, CASE_MEDIATED, { 0 }, { 0 } },
	{ "backdoor",
	  OBSTACLE_VMWARE,
	  CLASS_VMWARE,
	  0,
	  CASE_MEDIATED | CASE_BACKDOOR,
	  { 0 },
	  { 0 } },
	{ "not mediated", OBSTACLE_NOT_MEDIATED, CLASS_NONE, 0, 0, { 0 }, { 0 } },
	/* PERF_CAPABILITIES[23:16], [15:8]: byte 22 and 21 of a PMU */
	{ "no metrics in the guest",
	  OBSTACLE_READABLE,
	  CLASS_METRICS,
	  0,
	  CASE_MEDIATED,
	  { 21, 0 },
	  { 0 } },
	{ "no metrics in the host",
	  OBSTACLE_READABLE,
	  CLASS_METRICS,
	  0,
	  CASE_MEDIATED,
	  { 0 },
	  { 21, 0 } },
	{ "fewer counters", OBSTACLE_READABLE, CLASS_GP, 7, CASE_MEDIATED, { 2, 7 }, { 0 } },
	{ "fewer fixed", OBSTACLE_READABLE, CLASS_FIXED, 2, CASE_MEDIATED, { 4, 2 }, { 0 } },
	{ "wider counters", OBSTACLE_WIDTH, CLASS_GP, 0, CASE_MEDIATED, { 0 }, { 3, 49 } },
	{ "narrower fixed", OBSTACLE_WIDTH, CLASS_FIXED, 0, CASE_MEDIATED, { 0 }, { 5, 40 } },
	{ "clear mode", OBSTACLE_CLEAR, CLASS_NONE, 0, CASE_MEDIATED, { 0 }, { 22, 0 } },
	{ "user disable",
	  OBSTACLE_USER_DISABLE,
	  CLASS_NONE,
	  0,
	  CASE_MEDIATED,
	  { 0, CASE_PMU_USER_DISABLE },
	  { 0 } },
};

static void test_pass_sound(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pass_rows); i++) {
		const struct pass_row *row = &pass_rows[i];
		const bool sound = row->obstacle == OBSTACLE_NONE;

		for (int intercept = INTERCEPT_OFF; intercept <= INTERCEPT_UNKNOWN; intercept++) {
			struct trial trial = start();
			struct data data = plain(0);
			struct finding finding;
			bool nothing;

			data.bytes.flags = row->flags;
			if (row->guest.at || row->guest.value)
				((uint8_t *)&data.bytes.guest)[row->guest.at] = row->guest.value;
			if (row->host.at)
				((uint8_t *)&data.bytes.host)[row->host.at] = row->host.value;
			plant.decides = true;
			plant.intercept = intercept;
			nothing = try(&trial, &data, &finding);
			if (nothing != (sound || intercept != INTERCEPT_OFF))
				fail_msg("%s, intercept %d: found %d", row->name, intercept,
					 !nothing);
			assert_int_equal(trial.obstacle, row->obstacle);
			assert_int_equal(trial.tally.obstacles[row->obstacle], 1);
			assert_int_equal(trial.tally.passed, intercept == INTERCEPT_OFF);
			assert_int_equal(trial.tally.costly, sound && intercept == INTERCEPT_ON);
			if (!nothing &&
			    (finding.oracles != ORACLE_PASS_SOUND || finding.step ||
			     finding.pass.obstacle != row->obstacle ||
			     finding.pass.class != row->class || finding.pass.index != row->index))
				fail_msg("%s: obstacle %u, class %u, index %u", row->name,
					 finding.pass.obstacle, finding.pass.class,
					 finding.pass.index);
			trial_free(&trial);
		}
	}
}

static void test_right_engine(void **unused)
{
	struct trial trial = start();
	struct random random = { 1 };

	(void)unused;
	trial.engine = right;
	for (unsigned int i = 0; i < 200000; i++) {
		uint8_t data[MUTATE_SIZE];
		struct finding finding;
		size_t size = mutate_make(&random, data, sizeof(data));

		if (!trial_run(&trial, data, size, &finding))
			fail_msg("case %u: oracles %x at step %zu by %s", i, finding.oracles,
				 finding.step, rdpmc_rules[finding.model.decision.rule].id);
	}
	assert_int_equal(trial.tally.cases, 200000);
	/* All there is to decide was decided, both ways. */
	assert_int_equal(trial.tally.yes, (1U << NR_RULES) - 1);
	assert_int_equal(trial.tally.no, (1U << NR_RULES) - 1);
	trial_free(&trial);
}

static void test_lock(void **unused)
{
	static const struct mistake mistake = { OTHER(ANSWER_GP) };
	struct trial trial = start();
	struct data data = plain(3);
	struct finding finding;

	(void)unused;
	data.bytes.flags |= CASE_LOCK;
	add(&data, STEP_READ, 0, 0);
	plant.mistake = &mistake;
	plant.rcx = 3;
	plant.entries = 1U << ENTRY_EXIT;
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(plant.reads[ENTRY_EXIT], 0);
	assert_int_equal(plant.reads[ENTRY_EMULATOR], 2);
	assert_int_equal(trial.tally.verdicts[QUESTION_READ][VERDICT_UNREACHED], 2);
	assert_int_equal(trial.tally.faults, 2);
	add(&data, STEP_LOCK, 0xfe & 31, 0);
	add(&data, STEP_READ, 0, 1);
	add(&data, STEP_LOCK, 1, 0);
	add(&data, STEP_READ, 0, 2);
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(plant.reads[ENTRY_EXIT], 1);
	assert_int_equal(trial.tally.verdicts[QUESTION_READ][VERDICT_UNREACHED], 2 + 3);
	trial_free(&trial);
}

/* Each entry reads PERF_METRICS before it is cleared, and it is cleared after. */
static void test_metrics_clear(void **unused)
{
	struct trial trial = start();
	struct data data = plain(METRICS);
	struct finding finding;

	(void)unused;
	put_le64(data.bytes.fixed_ctr_ctrl, RDPMC_FIXED_CTRL_METRICS_CLEAR);
	assert_true(try(&trial, &data, &finding));
	for (int entry = 0; entry <= ENTRY_EMULATOR; entry++) {
		assert_int_equal(plant.last[entry].regs.rax, METRICS_ & 0xffffffff);
		assert_int_equal(plant.last[entry].regs.rdx, METRICS_ >> 32);
	}
	add(&data, STEP_READ, 0, METRICS);
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(plant.last[ENTRY_EXIT].regs.rax, 0);
	add(&data, STEP_METRICS, 0, 0x7700000066);
	add(&data, STEP_FIXED, 3, 0x5500000044);
	add(&data, STEP_READ, 0, 0x40000003);
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(plant.last[ENTRY_EXIT].regs.rax, 0x44);
	add(&data, STEP_READ, 0, METRICS);
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(plant.last[ENTRY_EXIT].regs.rax, 0x66);
	assert_int_equal(plant.last[ENTRY_EMULATOR].regs.rax, 0x66);
	add(&data, STEP_READ, 0, 0x40000003);
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(plant.last[ENTRY_EMULATOR].regs.rax, 0);
	trial_free(&trial);
}

/* What the engine cannot give is taken from the guest, for the engine and for the model. */
static void test_clamp(void **unused)
{
	struct trial trial = start();
	struct data data = plain(METRICS);
	struct finding finding;

	(void)unused;
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(trial.decided, 1U << RULE_METRICS_VALUE);
	assert_int_equal(trial.tally.offered, 0);
	plant.no_metrics = true;
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(trial.decided, 1U << RULE_TYPE_METRICS);
	assert_int_equal(trial.tally.offered, 1);
	assert_int_equal(plant.last[ENTRY_EXIT].answer, ANSWER_GP);
	trial_free(&trial);
}

/* Known differences: their files' text, in a directory of its own. */
static struct known *known_of(const char *text)
{
	char directory[] = "/tmp/test-trial-XXXXXX", path[sizeof(directory) + 10], why[200] = "";
	struct known *known;
	FILE *out;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/a.json", directory);
	out = fopen(path, "w");
	assert_non_null(out);
	fprintf(out, "{\"kernels\": \"6.1 -\", \"differences\": [%s]}", text);
	fclose(out);
	known = known_read(directory, &wrong, why, sizeof(why));
	unlink(path);
	rmdir(directory);
	if (!known)
		fail_msg("%s", why);
	return known;
}

/* The strings of a list are parted by \", \". */
#define ENTRY(name, when, does)                                                                    \
	"{\"name\": \"" name "\", \"when\": [\"" when "\"], " does ", \"kernel\": \"k\","          \
	"\"processor\": \"p\", \"why\": \"w\", \"source\": \"s\", \"reach\": \"r\"}"
#define AS(assignment)     "\"as\": [\"" assignment "\"]"
#define TROUBLE(complaint) "\"trouble\": \"" complaint "\""
#define ANY                "\"answer\": \"any\""
#define FEWER              ENTRY("fewer", "guest.vendor = intel", AS("guest.nr_gp = min(guest.nr_gp, 4)"))
#define FAST               ENTRY("fast", "ecx & 0x80000000 != 0", AS("ecx = ecx & 0x7fffffff"))

/* What was told, in its order. */
#define MAX_REPORTED 32
static struct {
	unsigned int n;
	struct finding findings[MAX_REPORTED];
} reported;

static bool hear(void *opaque, const struct verdict *verdict)
{
	assert_ptr_equal(opaque, &reported);
	if (verdict->kind != VERDICT_DIFFER && verdict->kind != VERDICT_KNOWN)
		return true;
	assert_true(reported.n < MAX_REPORTED);
	memset(&reported.findings[reported.n], 0xee, sizeof(reported.findings[0]));
	verdict_keep(verdict, &reported.findings[reported.n++]);
	return true;
}

static void listen(struct trial *trial)
{
	reported.n = 0;
	trial->fold = hear;
	trial->opaque = &reported;
}

/* Reads of counters that the engine does not have, between some that it has. */
static struct data reads_of_fewer(void)
{
	struct data data = plain(5);

	add(&data, STEP_READ, 0, 1);
	add(&data, STEP_GP, 3, 0x1234);
	add(&data, STEP_READ, 0, 7);
	add(&data, STEP_READ, 0, 3);
	plant.nr_gp = 4;
	/* It is about reads. */
	plant.decides = true;
	plant.intercept = INTERCEPT_ON;
	return data;
}

/* A known difference does not end a case; one that is not known does, where it is. */
static void test_known(void **unused)
{
	struct trial trial = start();
	struct data data = reads_of_fewer();
	struct finding finding;
	struct known *known;

	(void)unused;
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.oracles, ORACLE_OUTCOME);
	assert_int_equal(finding.step, 0);
	assert_int_equal(finding.known, 0);
	assert_int_equal(plant.reads[ENTRY_EXIT], 1);
	assert_int_equal(tally_known(&trial.tally), 0);

	known = trial.known = known_of(FEWER);
	memset(plant.reads, 0, sizeof(plant.reads));
	trial.tally = (struct tally){ 0 };
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(finding.oracles, 0);
	assert_int_equal(plant.reads[ENTRY_EXIT], 4);
	assert_int_equal(plant.reads[ENTRY_EMULATOR], 4);
	assert_int_equal(trial.tally.reads, 4);
	assert_int_equal(tally_known(&trial.tally), 4); /* two reads by two entries */
	assert_int_equal(known_get(known, 0)->happened, 4);
	assert_int_equal(plant.last[ENTRY_EXIT].regs.rax, 0x1234);

	/* Something else, later in the case. */
	static const struct mistake mistake = { .flip = { .rdx = 1 } };

	plant.mistake = &mistake;
	plant.rcx = 7;
	plant.entries = 1U << ENTRY_EMULATOR;
	memset(plant.reads, 0, sizeof(plant.reads));
	trial.tally = (struct tally){ 0 };
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.step, 3);
	assert_int_equal(finding.entry, ENTRY_EMULATOR);
	assert_true(finding.oracles & ORACLE_OUTCOME);
	assert_int_equal(finding.known, 0);
	assert_int_equal(plant.reads[ENTRY_EXIT], 3);
	assert_int_equal(tally_known(&trial.tally), 3);
	/* Only known differences of the engine are asked for: none of them holds for this. */
	known_free(known);
	known = trial.known = known_of(ENTRY("other", "guest.vendor = amd", AS("guest.nr_gp = 4")));
	plant.mistake = NULL;
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.step, 0);
	known_free(known);
	trial_free(&trial);
}

/* Known of both entries, or of one: the other's is new then. */
static void test_known_entry(void **unused)
{
	struct trial trial = start();
	struct data data = plain(0x80000003);
	struct finding finding;
	struct known *known;

	(void)unused;
	add(&data, STEP_READ, 0, 2);
	add(&data, STEP_READ, 0, 0x80000007);
	plant.fast = true;
	assert_false(try(&trial, &data, &finding));
	known = trial.known = known_of(FAST);
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(tally_known(&trial.tally), 4);
	known_free(known);
	known = trial.known = known_of(ENTRY("fast", "entry = exit\", \"ecx & 0x80000000 != 0",
					     AS("ecx = ecx & 0x7fffffff")));
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.entry, ENTRY_EMULATOR);
	assert_int_equal(finding.step, 0);
	known_free(known);
	trial_free(&trial);
}

/* A processor that executes what the guest may not: no exit, and a counter of its own at index 8. */
static struct {
	uint64_t value;
	uint32_t index;
	uint8_t answer;
} passed;

static void passed_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
			struct engine_answer *answer)
{
	right->read(vcpu, ENTRY_EXIT, state, answer);
	assert_int_equal(entry, ENTRY_PLAIN);
	answer->path = EXEC_PATH_NO_EXIT;
	if ((uint32_t)state->regs.rcx == passed.index && passed.answer == ANSWER_VALUE) {
		answer->answer = ANSWER_VALUE;
		answer->regs = state->regs;
		answer->regs.rax = (uint32_t)passed.value;
		answer->regs.rdx = passed.value >> 32;
		answer->regs.rip += RDPMC_LENGTH;
	}
}

#define UNCORE                                                                                     \
	ENTRY("uncore", "entry = intercept\", \"guest.vendor = amd",                               \
	      AS("host.ext_nb = 0\", \"host.ext_l3 = 0\", \"host.nr_nb = 0"))

/*
 * What the processor answers without an exit is known only if the intercept that lets it is, and if it is
 * what this processor gives.
 */
static void test_known_without_exit(void **unused)
{
	struct trial trial = start();
	struct data data = plain(8);
	struct finding finding;

	(void)unused;
	wrong.entries = trial.entries = 1U << ENTRY_PLAIN;
	wrong.read = passed_read;
	plant.decides = true;
	data.bytes.guest = (struct case_pmu_bytes){
		.vendor = CASE_PMU_AMD | CASE_PMU_EXT_CORE,
		.version = 2,
		.nr_gp = 6,
		.gp_width = 48,
	};
	data.bytes.host = data.bytes.guest;
	passed.index = 8;
	passed.answer = ANSWER_VALUE;
	passed.value = 0x123456789abc;

	/* The host has no such counter: nothing explains it. */
	trial.known = known_of(UNCORE);
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.oracles, ORACLE_OUTCOME);

	data.bytes.host.vendor |= CASE_PMU_EXT_NB;
	data.bytes.host.nr_nb = 4;
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(known_get(trial.known, 0)->happened, 2); /* intercept and read */

	/* Wider than the counter, or a fault where the processor has none to give. */
	passed.value |= 1ULL << 63;
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.oracles, ORACLE_OUTCOME);
	passed.value = 1;

	/* A counter that the guest has is held to the guest's value. */
	data = plain(2);
	data.bytes.guest = (struct case_pmu_bytes){
		.vendor = CASE_PMU_AMD | CASE_PMU_EXT_CORE,
		.version = 2,
		.nr_gp = 6,
		.gp_width = 48,
	};
	data.bytes.host = data.bytes.guest;
	data.bytes.host.vendor |= CASE_PMU_EXT_NB;
	data.bytes.host.nr_nb = 4;
	assert_true(try(&trial, &data, &finding));
	passed.index = 2;
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.oracles, ORACLE_OUTCOME);
	put_le64(data.bytes.rcx, 8);
	passed.index = 8;

	/* The same, while nothing is known of the intercept. */
	known_free((struct known *)trial.known);
	trial.known = known_of(FAST);
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.known, 0);
	assert_true(finding.oracles & ORACLE_PASS_SOUND);
	known_free((struct known *)trial.known);
	trial_free(&trial);
}

/* One entry is wrong as is known; the other is right, and differs. */
static void test_known_of_one_entry(void **unused)
{
	for (unsigned int entry = 0; entry <= ENTRY_EMULATOR; entry++) {
		static const struct mistake mistake = { .flip = { .rax = 1 } };
		struct trial trial = start();
		struct data data = plain(3);
		struct finding finding;
		char text[400];

		(void)unused;
		add(&data, STEP_READ, 0, 4);
		plant.mistake = &mistake;
		plant.rcx = 3;
		plant.entries = 1U << entry;
		assert_false(try(&trial, &data, &finding));
		snprintf(text, sizeof(text), ENTRY("any", "entry = %s", ANY), entry_name(entry));
		trial.known = known_of(text);
		trial.tally = (struct tally){ 0 };
		if (!try(&trial, &data, &finding))
			fail_msg("%s: oracles %x by %s", entry_name(entry), finding.oracles,
				 entry_name(finding.entry));
		assert_int_equal(tally_known(&trial.tally), 1);
		known_free(trial.known);
		/* The other one may answer anything, and is right: it has no part in the finding. */
		snprintf(text, sizeof(text),
			 ENTRY("any", "entry = %s", ANY), entry_name(!entry));
		trial.known = known_of(text);
		assert_false(try(&trial, &data, &finding));
		assert_int_equal(finding.oracles, ORACLE_OUTCOME);
		assert_int_equal(finding.entry, entry);
		known_free(trial.known);
		trial_free(&trial);
	}
}

static void test_fold(void **unused)
{
	struct trial trial = start();
	struct data data = reads_of_fewer();
	struct finding finding;

	(void)unused;
	listen(&trial);
	/* Nothing is known: all is told, nothing ends the case. */
	try(&trial, &data, &finding);
	assert_int_equal(plant.reads[ENTRY_EMULATOR], 4);
	assert_int_equal(reported.n, 4);
	assert_int_equal(tally_known(&trial.tally), 0);
	for (unsigned int i = 0; i < reported.n; i++) {
		const struct finding *one = &reported.findings[i];

		assert_int_equal(one->step, i < 2 ? 0 : 3);
		assert_int_equal(one->entry, i % 2 ? ENTRY_EMULATOR : ENTRY_EXIT);
		assert_int_equal(one->oracles, ORACLE_OUTCOME);
		assert_int_equal(one->known, 0);
		assert_null(one->trouble);
		assert_int_equal(one->model.decision.answer, ANSWER_VALUE);
		assert_int_equal(one->engine.answer, ANSWER_GP);
		assert_int_equal(one->state.regs.rcx, i < 2 ? 5 : 7);
		assert_int_equal(one->n_gp, 8);
	}
	/* Known ones are told, too, and by what. */
	trial.known = known_of(FAST "," FEWER);
	reported.n = 0;
	try(&trial, &data, &finding);
	assert_int_equal(reported.n, 4);
	for (unsigned int i = 0; i < reported.n; i++)
		assert_int_equal(reported.findings[i].known, 2);
	assert_int_equal(tally_known(&trial.tally), 4);
	/* Nothing wrong, nothing told. */
	plant.nr_gp = 0;
	reported.n = 0;
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(reported.n, 0);
	known_free(trial.known);
	trial_free(&trial);
}

/* A read that changes counters is told of once: the next begins with what the model has. */
static void test_fold_counters(void **unused)
{
	static const struct case_step writes[] = {
		{ STEP_GP, 3, 1 },      { STEP_GP, 7, 1 },         { STEP_FIXED, 2, 1 },
		{ STEP_METRICS, 0, 1 }, { STEP_FIXED_CTRL, 0, 1 }, { STEP_USER_DISABLE, 0, 1 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(writes) * 3; i++) {
		const struct mistake mistake = { .write = writes[i / 3] };
		struct trial trial = start();
		struct data data = plain(6);
		struct finding finding;
		unsigned int expected = i % 3 == 2 ? 2 : 1;

		add(&data, STEP_READ, 0, 3);
		add(&data, STEP_READ, 0, 7);
		add(&data, STEP_READ, 0, METRICS);
		add(&data, STEP_READ, 0, 0x40000002);
		plant.mistake = &mistake;
		plant.rcx = 6;
		plant.entries = i % 3 == 2 ? BOTH : 1U << i % 3;
		listen(&trial);
		try(&trial, &data, &finding);
		if (reported.n != expected)
			fail_msg("op %u, entries %x: told %u times", writes[i / 3].op,
				 plant.entries, reported.n);
		assert_int_equal(reported.findings[0].step, 0);
		assert_int_equal(reported.findings[0].oracles, ORACLE_NOTHING_ELSE);
		assert_int_equal(reported.findings[0].known, 0);
		trial_free(&trial);
	}
}

/* METRICS-CLEAR goes on as the model has it, by engines that answer as is known before and after. */
static void test_known_clears(void **unused)
{
	struct trial trial = start();
	struct data data = plain(7);
	struct finding finding;

	(void)unused;
	put_le64(data.bytes.fixed_ctr_ctrl, RDPMC_FIXED_CTRL_METRICS_CLEAR);
	add(&data, STEP_READ, 0, METRICS);
	add(&data, STEP_READ, 0, 6);
	add(&data, STEP_READ, 0, METRICS);
	add(&data, STEP_READ, 0, 0x40000003);
	plant.nr_gp = 4;
	plant.decides = true;
	plant.intercept = INTERCEPT_ON;
	trial.known = known_of(FEWER);
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(tally_known(&trial.tally), 4);
	assert_int_equal(plant.last[ENTRY_EMULATOR].regs.rax, 0);
	known_free(trial.known);
	trial_free(&trial);
}

/* The intercept that is off where it must be on. */
static void test_known_intercept(void **unused)
{
	struct trial trial = start();
	struct data data = plain(1);
	struct finding finding;

	(void)unused;
	add(&data, STEP_READ, 0, 2);
	data.bytes.host.nr_gp = 7;
	plant.decides = true;
	plant.intercept = INTERCEPT_OFF;
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.oracles, ORACLE_PASS_SOUND);
	assert_int_equal(finding.known, 0);
	trial.known = known_of(ENTRY("exit", "entry = exit", AS("host.nr_gp = guest.nr_gp")));
	assert_false(try(&trial, &data, &finding));
	known_free(trial.known);
	trial.known = known_of(FEWER "," ENTRY("intercept", "entry = intercept",
					       AS("host.nr_gp = 8\", \"guest.nr_gp = 8")));
	trial.tally = (struct tally){ 0 };
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(tally_known(&trial.tally), 1);
	assert_int_equal(trial.tally.passed, 1);
	assert_int_equal(trial.obstacle, OBSTACLE_READABLE);
	listen(&trial);
	try(&trial, &data, &finding);
	assert_int_equal(reported.n, 1);
	assert_int_equal(reported.findings[0].oracles, ORACLE_PASS_SOUND);
	assert_int_equal(reported.findings[0].known, 2);
	assert_int_equal(reported.findings[0].pass.obstacle, OBSTACLE_READABLE);
	assert_int_equal(reported.findings[0].pass.class, CLASS_GP);
	assert_int_equal(reported.findings[0].pass.index, 7);
	known_free(trial.known);
	trial_free(&trial);
}

/* A finding of the intercept alone says where it was found, whatever @finding held before. */
static void test_intercept_step(void **unused)
{
	struct trial trial = start();
	struct data data = plain(1);
	struct finding finding;

	(void)unused;
	data.bytes.host.nr_gp = 7;
	plant.decides = true;
	plant.intercept = INTERCEPT_OFF;
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.oracles, ORACLE_PASS_SOUND);
	assert_int_equal(finding.step, 0);
	trial_free(&trial);
}

static void test_trouble(void **unused)
{
	static const char complaint[] = "pmu.c:7: it hurts";
	struct trial trial = start();
	struct data data = plain(3);
	struct finding finding;

	(void)unused;
	add(&data, STEP_GP, 3, 0);
	add(&data, STEP_READ, 0, 4);
	assert_true(try(&trial, &data, &finding));

	/* At a read, right as its answer is; by the entry that it was. */
	for (unsigned int entry = 0; entry <= ENTRY_EMULATOR; entry++) {
		plant.by_read = complaint;
		plant.rcx = 4;
		plant.entries = 1U << entry;
		assert_false(try(&trial, &data, &finding));
		assert_int_equal(finding.oracles, ORACLE_TROUBLE);
		assert_int_equal(finding.step, 2);
		assert_int_equal(finding.entry, entry);
		assert_string_equal(finding.trouble, complaint);
		plant.by_read = NULL;
	}
	/* When the guest begins, before its first read. */
	plant.by_begin = complaint;
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.oracles, ORACLE_TROUBLE);
	assert_int_equal(finding.step, 0);
	assert_string_equal(finding.trouble, complaint);
	/* Known, and not. */
	trial.known = known_of(ENTRY("w", "ecx >= 0", TROUBLE("it itches")));
	assert_false(try(&trial, &data, &finding));
	known_free(trial.known);
	trial.known = known_of(FEWER "," ENTRY("w", "ecx >= 0", TROUBLE("it hurts")));
	trial.tally = (struct tally){ 0 };
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(tally_known(&trial.tally), 1);
	assert_int_equal(finding.oracles, 0);
	listen(&trial);
	try(&trial, &data, &finding);
	assert_int_equal(reported.n, 1);
	assert_int_equal(reported.findings[0].oracles, ORACLE_TROUBLE);
	assert_int_equal(reported.findings[0].known, 2);
	assert_string_equal(reported.findings[0].trouble, complaint);
	known_free(trial.known);
	trial.known = NULL;
	trial.fold = NULL;
	plant.by_begin = NULL;

	/* At a write, not at the read that comes after it; known, and not. */
	plant.by_write = complaint;
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.oracles, ORACLE_TROUBLE);
	assert_int_equal(finding.step, 1);
	trial.known = known_of(ENTRY("w", "ecx = 3", TROUBLE("it hurts")));
	trial.tally = (struct tally){ 0 };
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(tally_known(&trial.tally), 1);
	known_free(trial.known);
	trial.known = NULL;
	plant.by_write = NULL;
	assert_true(try(&trial, &data, &finding));

	/* An engine that cannot complain. */
	wrong.trouble = NULL;
	plant.by_begin = complaint;
	assert_true(try(&trial, &data, &finding));
	trial_free(&trial);
}

/* A complaint at the last write of a case is that case's, not the next one's. */
static void test_trouble_at_the_end(void **unused)
{
	struct trial trial = start();
	struct data data = plain(3);
	struct finding finding;

	(void)unused;
	add(&data, STEP_GP, 3, 0);
	wrong.begin = right->begin; /* which forgets no complaint */
	plant.by_write = "pmu.c:7: it hurts";
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(finding.oracles, ORACLE_TROUBLE);
	assert_string_equal(finding.trouble, plant.by_write);
	plant.by_write = NULL;
	assert_true(try(&trial, &data, &finding));
	trial_free(&trial);
}

static bool all_zero(const void *data, size_t size)
{
	static const char zeros[sizeof(struct finding)];

	return !memcmp(data, zeros, size);
}

/* A finding without an answer, in the state that the step left. */
static void assert_unanswered(const struct finding *finding, size_t step, uint64_t rcx)
{
	assert_int_equal(finding->oracles, ORACLE_TROUBLE);
	assert_int_equal(finding->step, step);
	assert_true(finding->unanswered);
	assert_string_equal(finding->trouble, "pmu.c:7: it hurts");
	assert_int_equal(finding->state.regs.rcx, rcx);
	assert_int_equal(finding->state.mode, MODE_64BIT);
	assert_true(all_zero(&finding->model, sizeof(finding->model)));
	assert_true(all_zero(&finding->engine, sizeof(finding->engine)));
	assert_true(all_zero(&finding->pass, sizeof(finding->pass)));
	assert_true(all_zero(&finding->counters, sizeof(finding->counters)));
	assert_true(all_zero(&finding->expected, sizeof(finding->expected)));
	assert_string_equal(finding->changed, "");
	assert_int_equal(finding->known | finding->n_gp | finding->n_fixed, 0);
}

/* The write that the code complains of is named, whatever comes after it, and nothing is left unset. */
static void test_trouble_of_a_write(void **unused)
{
	struct trial trial = start();
	struct data data = plain(3);
	struct finding finding;

	(void)unused;
	add(&data, STEP_READ, 0, 4);
	add(&data, STEP_GP, 3, 0);
	add(&data, STEP_LOCK, 0, 0);
	add(&data, STEP_CR4, 0, 0);
	plant.by_write = "pmu.c:7: it hurts";
	memset(&finding, 0xa5, sizeof(finding));
	assert_false(trial_run(&trial, (const uint8_t *)&data, data.size, &finding));
	assert_unanswered(&finding, 2, 4);
	/* It ends the case, or is told and does not. */
	add(&data, STEP_READ, 0, 5);
	memset(plant.reads, 0, sizeof(plant.reads));
	assert_false(try(&trial, &data, &finding));
	assert_int_equal(plant.reads[ENTRY_EXIT], 2);
	listen(&trial);
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(reported.n, 1);
	assert_unanswered(&reported.findings[0], 2, 4);
	assert_int_equal(plant.reads[ENTRY_EXIT], 5);
	trial_free(&trial);
}

/* A read that the host refuses has no answer; what the code complains of meanwhile is told. */
static void test_trouble_of_a_refused_read(void **unused)
{
	struct trial trial = start();
	struct data data = plain(3);
	struct finding finding;

	(void)unused;
	add(&data, STEP_READ, 0, 4);
	add(&data, STEP_READ, 0, 5);
	plant.refuses = true;
	plant.rcx = 4;
	plant.entries = 1U << ENTRY_EMULATOR;
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(trial.tally.verdicts[QUESTION_READ][VERDICT_REFUSED], 1);
	plant.by_read = "pmu.c:7: it hurts";
	assert_false(try(&trial, &data, &finding));
	assert_unanswered(&finding, 1, 4);
	assert_int_equal(finding.entry, ENTRY_EMULATOR);
	trial_free(&trial);
}

/* As much of the stack as trial_read() uses, in a value that nothing there has. */
static void __attribute__((noinline)) dirty_stack(void)
{
	volatile char stack[16384];

	for (size_t i = 0; i < sizeof(stack); i++)
		stack[i] = (char)0xa5;
}

/* What is told of a read has no intercept's obstacle in it. */
static void test_reported_whole(void **unused)
{
	struct trial trial = start();
	struct data data = reads_of_fewer();
	struct finding finding;

	(void)unused;
	listen(&trial);
	dirty_stack();
	try(&trial, &data, &finding);
	assert_int_equal(reported.n, 4);
	for (unsigned int i = 0; i < reported.n; i++) {
		assert_true(all_zero(&reported.findings[i].pass, sizeof(struct rdpmc_pass)));
		assert_false(reported.findings[i].unanswered);
	}
	trial_free(&trial);
}

/* Differences are of the guest that the engine can give, not of the one that was asked for. */
static void test_known_clamp(void **unused)
{
	struct trial trial = start();
	struct data data = plain(7);
	struct finding finding;

	(void)unused;
	plant.nr_gp = 4;
	plant.decides = true;
	plant.intercept = INTERCEPT_ON;
	plant.no_metrics = true;
	trial.known = known_of(
		ENTRY("asked", "guest.perf_capabilities & 0x8000 != 0", AS("guest.nr_gp = 4")));
	assert_false(try(&trial, &data, &finding));
	known_free(trial.known);
	trial.known = known_of(
		ENTRY("given", "guest.perf_capabilities & 0x8000 = 0", AS("guest.nr_gp = 4")));
	trial.tally = (struct tally){ 0 };
	assert_true(try(&trial, &data, &finding));
	assert_int_equal(tally_known(&trial.tally), 2);
	assert_int_equal(trial.tally.offered, 1);
	known_free(trial.known);
	trial_free(&trial);
}

/* The reads of a case one by one. */
static void test_one_by_one(void **unused)
{
	struct trial trial = start();
	struct data data = plain(3);
	struct rdpmc_case decoded;
	struct finding finding;
	struct trial_run run;

	(void)unused;
	plant.nr_gp = 4;
	plant.decides = true;
	plant.intercept = INTERCEPT_ON;
	plant.no_metrics = true;
	case_decode((const uint8_t *)&data, data.size, &decoded);
	trial_begin(&trial, &run, &decoded, &finding);
	assert_int_equal(finding.oracles, 0);
	assert_int_equal(plant.reads[ENTRY_EXIT], 0);
	assert_int_equal(run.offered.perf_capabilities, RDPMC_CAP_METRICS_CLEAR);
	assert_int_equal(run.n_gp, 8);
	assert_true(trial_read(&run, 2, 1));
	run.state.cpl = 3;
	assert_true(trial_read(&run, 2, 2));
	assert_int_equal(plant.last[ENTRY_EXIT].answer, ANSWER_GP);
	run.state.cpl = 0;
	assert_false(trial_read(&run, 7, 9));
	assert_int_equal(finding.step, 9);
	assert_int_equal(finding.state.regs.rcx, 7);
	assert_int_equal(finding.oracles, ORACLE_OUTCOME);

	trial.known = known_of(FEWER);
	trial_begin(&trial, &run, &decoded, &finding);
	for (unsigned int i = 0; i < 8; i++)
		assert_true(trial_read(&run, i, i));
	assert_int_equal(tally_known(&trial.tally), 8);
	known_free(trial.known);
	trial.known = NULL;
	listen(&trial);
	trial_begin(&trial, &run, &decoded, &finding);
	for (unsigned int i = 0; i < 8; i++)
		assert_true(trial_read(&run, i, i));
	assert_int_equal(reported.n, 8);
	assert_int_equal(reported.findings[7].step, 7);
	trial_free(&trial);
}

static struct engine_vcpu *no_vcpu(const char **why)
{
	*why = "it is Sunday";
	return NULL;
}

static void test_engines(void **unused)
{
	struct trial trial = start();
	const char *why = NULL;

	(void)unused;
	trial_free(&trial);
	wrong.create = no_vcpu;
	assert_int_equal(trial_init(&trial, &wrong, &why), -1);
	assert_string_equal(why, "it is Sunday");
	for (int i = 0; engines[i]; i++) {
		assert_ptr_equal(engine_find(engines[i]->name, &why), engines[i]);
		assert_non_null(engines[i]->what);
	}
	why = NULL;
	assert_null(engine_find("no such engine", &why));
	assert_non_null(why);
	why = NULL;
	assert_null(engine_find("./no/such/engine.so", &why));
	assert_non_null(why);
	assert_string_equal(entry_name(ENTRY_EXIT), "exit");
	assert_string_equal(entry_name(ENTRY_EMULATOR), "emulator");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_wrong),
		cmocka_unit_test(test_emulator_entry_wrong),
		cmocka_unit_test(test_exit_entry_wrong),
		cmocka_unit_test(test_pass_sound),
		cmocka_unit_test(test_right_engine),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_metrics_clear),
		cmocka_unit_test(test_clamp),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_known_without_exit),
		cmocka_unit_test(test_known_entry),
		cmocka_unit_test(test_known_of_one_entry),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_fold_counters),
		cmocka_unit_test(test_known_clears),
		cmocka_unit_test(test_known_intercept),
		cmocka_unit_test(test_intercept_step),
		cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_trouble_at_the_end),
		cmocka_unit_test(test_trouble_of_a_write),
		cmocka_unit_test(test_trouble_of_a_refused_read),
		cmocka_unit_test(test_reported_whole),
		cmocka_unit_test(test_known_clamp),
		cmocka_unit_test(test_one_by_one),
		cmocka_unit_test(test_engines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
