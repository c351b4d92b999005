// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves how cases through several engines are counted, which reads of two engines are compared, and
 * that the tables fit their columns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/agreement.h"
#include "fuzz/bytes.h"

#define METRICS 0x20000000

static const struct engine *right;
static struct agreement *agreement;

/* ----- engines that are the emulator but for one thing ----- */

static struct engine but(const char *name)
{
	struct engine engine = *right;

	engine.name = name;
	return engine;
}

static void wrong_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	right->read(vcpu, entry, state, answer);
	if ((uint32_t)state->regs.rcx == 3)
		answer->regs.rax ^= 1;
}

static void refuse(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		   struct engine_answer *answer)
{
	(void)vcpu;
	(void)entry;
	(void)state;
	answer->refused = "never";
}

static void refuse_some(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
			struct engine_answer *answer)
{
	right->read(vcpu, entry, state, answer);
	if ((uint32_t)state->regs.rcx == 3)
		answer->refused = "not this";
}

/* Wrong of a guest without PERF_METRICS alone. */
static void wrong_metrics(struct engine_vcpu *vcpu, enum entry entry,
			  const struct rdpmc_state *state, struct engine_answer *answer)
{
	right->read(vcpu, entry, state, answer);
	if (answer->answer == ANSWER_GP)
		answer->answer = ANSWER_UD;
}

static bool offer_no_metrics(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest,
			     struct rdpmc_pmu *host, struct rdpmc_policy *policy)
{
	(void)vcpu;
	(void)host;
	(void)policy;
	guest->perf_capabilities = 0;
	return true;
}

static bool offer_other(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest, struct rdpmc_pmu *host,
			struct rdpmc_policy *policy)
{
	(void)vcpu;
	(void)host;
	(void)policy;
	guest->nr_gp--;
	return true;
}

static bool offer_other_host(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest,
			     struct rdpmc_pmu *host, struct rdpmc_policy *policy)
{
	(void)vcpu;
	(void)policy;
	host->nr_gp++;
	guest->old_counters = 7; /* means nothing */
	return false;
}

static bool adapt(struct engine_vcpu *vcpu, struct rdpmc_state *state)
{
	(void)vcpu;
	if ((uint32_t)state->regs.rcx != METRICS)
		return false;
	state->regs.rip += 16;
	return true;
}

static struct engine_vcpu *create_none(const char **why)
{
	*why = "there is none";
	return NULL;
}

static void one(int signal)
{
	(void)signal;
}

static void two(int signal)
{
	(void)signal;
}

static struct engine_vcpu *create_one(const char **why)
{
	signal(SIGFPE, one);
	return right->create(why);
}

static struct engine_vcpu *create_two(const char **why)
{
	signal(SIGFPE, two);
	return right->create(why);
}

static bool caught_by(void (*handler)(int))
{
	struct sigaction now;

	sigaction(SIGFPE, NULL, &now);
	return now.sa_handler == handler;
}

static void read_one(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		     struct engine_answer *answer)
{
	assert_true(caught_by(one));
	right->read(vcpu, entry, state, answer);
}

static void read_two(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		     struct engine_answer *answer)
{
	assert_true(caught_by(two));
	right->read(vcpu, entry, state, answer);
}

/* ----- cases ----- */

struct data {
	struct case_bytes bytes;
	struct case_step_bytes steps[8];
	size_t size;
};

static void add(struct data *data, uint8_t op, uint8_t arg, uint64_t value)
{
	const struct case_step step = { op, arg, value };

	case_step_encode(&step, (struct case_step_bytes *)((uint8_t *)data + data->size));
	data->size += sizeof(struct case_step_bytes);
}

/* 64-bit mode at CPL 0, eight counters and four, PERF_METRICS, emulated. */
static struct data plain(uint64_t rcx)
{
	struct data data = { .size = sizeof(data.bytes) };
	struct case_bytes *bytes = &data.bytes;

	bytes->version = CASE_VERSION;
	bytes->mode = MODE_64BIT;
	bytes->cr0[0] = 1;
	put_le64(bytes->rcx, rcx);
	bytes->guest.version = 5;
	bytes->guest.nr_gp = 8;
	bytes->guest.nr_fixed = 4;
	bytes->guest.gp_width = bytes->guest.fixed_width = 48;
	put_le64(bytes->guest.perf_capabilities, RDPMC_CAP_METRICS);
	bytes->host = bytes->guest;
	return data;
}

static void run(const struct data *data)
{
	agreement_run(agreement, "a case", (const uint8_t *)data, data->size);
}

static int setup(void **unused)
{
	const char *why;

	(void)unused;
	right = engine_find("emulator", &why);
	agreement = calloc(1, sizeof(*agreement));
	if (!right || !agreement)
		return -1;
	agreement_add(agreement, right, right->name, &rdpmc_default_choices, NULL);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	agreement_free(agreement);
	free(agreement);
	return 0;
}

static const struct agreement_engine *put(const struct engine *engine)
{
	agreement_add(agreement, engine, engine->name, &rdpmc_default_choices, NULL);
	return &agreement->engines[agreement->count - 1];
}

#define assert_ran(engine, asked, other, not )                                                     \
	do {                                                                                       \
		assert_int_equal((engine)->as_asked, asked);                                       \
		assert_int_equal((engine)->otherwise, other);                                      \
		assert_int_equal((engine)->not_run, not );                                         \
		assert_int_equal(agreement->cases, (asked) + (other) + (not ));                    \
	} while (0)

#define assert_came_to(engine, agreed, differs)                                                    \
	do {                                                                                       \
		assert_int_equal((engine)->agree, agreed);                                         \
		assert_int_equal((engine)->known, 0);                                              \
		assert_int_equal((engine)->differ, differs);                                       \
	} while (0)

#define assert_pair(i, j, has, all)                                                                \
	do {                                                                                       \
		assert_int_equal(agreement->pairs[i][j].same, has);                                \
		assert_int_equal(agreement->pairs[i][j].compared, all);                            \
	} while (0)

static void test_wrong(void **unused)
{
	struct engine wrong = but("wrong"), twin = but("twin");
	const struct agreement_engine *put_wrong;
	struct data data = plain(3);

	(void)unused;
	wrong.read = wrong_read;
	put_wrong = put(&wrong);
	put(&twin);
	run(&data);
	data = plain(4);
	add(&data, STEP_READ, 0, 3);
	run(&data);
	data = plain(4);
	add(&data, STEP_READ, 0, 5);
	run(&data);
	assert_ran(put_wrong, 3, 0, 0);
	assert_came_to(put_wrong, 1, 2);
	assert_int_equal(put_wrong->findings.found[0].count, 2);
	assert_string_equal(put_wrong->findings.found[0].name, "a case");
	assert_came_to(&agreement->engines[0], 3, 0);
	assert_pair(0, 1, 1, 3);
	assert_pair(0, 2, 3, 3);
	assert_pair(1, 2, 1, 3);
}

static void test_refused(void **unused)
{
	struct engine refuses = but("refuses"), some = but("some");
	const struct agreement_engine *put_refuses, *put_some;
	struct data data = plain(3);

	(void)unused;
	refuses.read = refuse;
	some.read = refuse_some;
	put_refuses = put(&refuses);
	put_some = put(&some);
	run(&data);
	add(&data, STEP_READ, 0, 4);
	run(&data);
	data = plain(4);
	run(&data);
	assert_ran(put_refuses, 0, 0, 3);
	assert_came_to(put_refuses, 0, 0);
	assert_ran(put_some, 1, 1, 1);
	assert_came_to(put_some, 2, 0);
	assert_pair(0, 1, 0, 0);
	assert_pair(0, 2, 2, 2);
}

/* A case as another engine's machine has it is another case: findings in it are named so. */
static void test_adapted_name(void **unused)
{
	struct engine real = but("real"), wrong = but("wrong");
	const struct agreement_engine *put_wrong;
	struct data data = plain(METRICS);

	(void)unused;
	real.real = true;
	real.offer = offer_no_metrics;
	wrong.read = wrong_metrics;
	put(&real);
	put_wrong = put(&wrong);
	run(&data);
	assert_came_to(put_wrong, 1, 0);
	assert_int_equal(put_wrong->findings.kinds, 1);
	assert_string_equal(put_wrong->findings.found[0].name, "a case as engine real has it");
}

static void read_clocks(struct engine_vcpu *vcpu, enum entry entry,
			const struct rdpmc_state *state, struct engine_answer *answer)
{
	static uint64_t now;

	right->read(vcpu, entry, state, answer);
	answer->regs.rax = ++now;
	if (answer->answer == ANSWER_GP)
		answer->way = WAY_NO_EXIT;
}

/*
 * With a real machine are compared its kernel's answers, not its processor's, and pseudo counters, which
 * are clocks there, by that they were read; and the first that differs is told.
 */
static void test_real(void **unused)
{
	struct engine real = but("real");
	struct data data = plain(RDPMC_VMWARE_FIRST);

	(void)unused;
	real.real = true;
	real.read = read_clocks;
	put(&real);
	data.bytes.flags |= CASE_BACKDOOR;
	run(&data);
	assert_pair(0, 1, 1, 1);
	data = plain(9);
	run(&data);
	assert_pair(0, 1, 1, 1);
	assert_string_equal(agreement->pairs[0][1].differs, "");
	data = plain(3);
	run(&data);
	assert_pair(0, 1, 1, 2);
	assert_non_null(strstr(agreement->pairs[0][1].differs, "a case, read 1, ECX = 3H\n      value, "));
}

/* Another guest or host is never compared; a state by the read, unless reads leave something. */
static void test_others(void **unused)
{
	struct engine guest = but("guest"), host = but("host"), state = but("state");
	const struct agreement_engine *put_guest, *put_host, *put_state;
	struct data data = plain(METRICS);

	(void)unused;
	guest.offer = offer_other;
	host.offer = offer_other_host;
	state.adapt = adapt;
	put_guest = put(&guest);
	put_host = put(&host);
	put_state = put(&state);
	run(&data);
	assert_pair(0, 3, 0, 0);
	data = plain(3);
	run(&data);
	assert_pair(0, 3, 1, 1);
	data = plain(3);
	add(&data, STEP_READ, 0, METRICS);
	run(&data);
	assert_pair(0, 3, 2, 2);
	data = plain(METRICS);
	add(&data, STEP_READ, 0, 3);
	run(&data);
	/* That RIP is not the case's stays so, and is compared with none. */
	assert_pair(0, 3, 2, 2);
	assert_ran(put_guest, 0, 4, 0);
	assert_ran(put_host, 4, 0, 0);
	assert_ran(put_state, 1, 3, 0);
	assert_came_to(put_guest, 4, 0);
	assert_pair(0, 1, 0, 0);
	assert_pair(0, 2, 0, 0);
}

/* What means nothing to this guest need not be the same. */
static void test_controls(void **unused)
{
	struct engine cannot = but("cannot");
	struct data data = plain(METRICS);

	(void)unused;
	cannot.cannot = 1U << STEP_FIXED_CTRL | 1U << STEP_USER_DISABLE;
	put(&cannot);
	put_le64(data.bytes.fixed_ctr_ctrl, RDPMC_FIXED_CTRL_METRICS_CLEAR);
	add(&data, STEP_FIXED_CTRL, 0, 1);
	add(&data, STEP_USER_DISABLE, 0, 1);
	add(&data, STEP_READ, 0, 3);
	run(&data);
	assert_pair(0, 1, 1, 1);
	put_le64(data.bytes.guest.perf_capabilities, RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR);
	data.bytes.host = data.bytes.guest;
	run(&data);
	assert_pair(0, 1, 1, 1);
	put_le64(data.bytes.fixed_ctr_ctrl, 0);
	run(&data);
	assert_pair(0, 1, 2, 2);
	data = plain(3);
	data.bytes.guest.vendor |= CASE_PMU_USER_DISABLE;
	put_le32(data.bytes.gp_user_disable, 1);
	run(&data);
	assert_pair(0, 1, 2, 2);
}

/* What an engine answers by its first entry stands for all; LOCK comes to no exit. */
static void test_entries(void **unused)
{
	struct engine exits = but("exits"), emulates = but("emulates");
	const struct agreement_engine *put_exits;
	struct data data = plain(3);

	(void)unused;
	exits.entries = 1U << ENTRY_EXIT;
	emulates.entries = 1U << ENTRY_EMULATOR;
	put_exits = put(&exits);
	put(&emulates);
	add(&data, STEP_READ, 0, 3);
	add(&data, STEP_READ, 0, 3);
	run(&data);
	assert_int_equal(agreement->engines[0].reads.count, 3);
	assert_int_equal(agreement->engines[1].reads.count, 3);
	assert_int_equal(agreement->engines[2].reads.count, 3);
	assert_pair(0, 1, 1, 1);
	assert_pair(0, 2, 1, 1);
	data = plain(3);
	data.bytes.flags = CASE_LOCK;
	run(&data);
	assert_ran(put_exits, 1, 0, 1);
	assert_pair(0, 1, 1, 1);
	assert_pair(0, 2, 2, 2);
}

static void test_absent(void **unused)
{
	struct engine absent = but("absent");
	const struct data data = plain(3);
	const struct agreement_engine *put_absent;
	size_t size;
	char *text;
	FILE *out;

	(void)unused;
	absent.create = create_none;
	put_absent = put(&absent);
	assert_string_equal(put_absent->absent, "there is none");
	assert_int_equal(agreement->running, 1);
	run(&data);
	assert_came_to(put_absent, 0, 0);
	out = open_memstream(&text, &size);
	agreement_table(out, agreement);
	fclose(out);
	assert_non_null(strstr(text, "\n2 absent    cannot run here: there is none\n"));
	free(text);
}

static void test_faults(void **unused)
{
	struct engine first = but("one"), second = but("two");
	const struct data data = plain(3);

	(void)unused;
	first.create = create_one;
	first.read = read_one;
	second.create = create_two;
	second.read = read_two;
	put(&first);
	put(&second);
	run(&data);
	run(&data);
	signal(SIGFPE, SIG_DFL);
}

/* Eight engines of long names, numbers of ten digits, a reason of many words. */
static void test_columns(void **unused)
{
	static const char *const names[] = { "1/the-longest-name-of-all.so", "2/a-longer-name.so",
					     "kernel:7.2-corrected" };
	size_t size, longest = 0, names_seen = 0;
	struct engine engine = but("one");
	char *text, *line, *rest;
	FILE *out;

	(void)unused;
	for (unsigned int i = 1; i < AGREEMENT_ENGINES; i++) {
		engine.name = names[i % 3];
		put(&engine);
	}
	agreement->cases = 9999999999;
	for (unsigned int i = 0; i < AGREEMENT_ENGINES; i++) {
		agreement->engines[i].as_asked = agreement->cases;
		for (unsigned int j = i + 1; j < AGREEMENT_ENGINES; j++)
			agreement->pairs[i][j] = (struct agreement_pair){ .compared = 9999999999, .same = 9999999999 };
	}
	out = open_memstream(&text, &size);
	agreement_table(out, agreement);
	agreement->engines[7].absent =
		"for each of the many words of which this is made there is another one, so that "
		"it takes more than a line, or two, and none of them is longer than it should be";
	agreement_table(out, agreement);
	agreement->engines[7].absent = NULL;
	agreement_matrix(out, agreement);
	fclose(out);
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		longest = strlen(line) > longest ? strlen(line) : longest;
		names_seen += line[0] == '8';
	}
	free(text);
	assert_in_range(longest, 50, 100);
	assert_int_equal(names_seen, 2 + 3); /* the matrix in three blocks */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adapted_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_real, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_controls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_entries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_absent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_columns, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
