// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that a case can be taken away from a report: its bytes in hexadecimal and as C that
 * compiles to them; that the answers of each read are told; and the summary of many cases.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/case/bytes.h"
#include "fuzz/case/mutate.h"
#include "fuzz/oracle/choices.h"
#include "fuzz/report/names.h"
#include "fuzz/report/report.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static char *text;
static size_t text_size;

static FILE *begin(void)
{
	FILE *out;

	free(text);
	text = NULL;
	out = open_memstream(&text, &text_size);
	assert_non_null(out);
	return out;
}

static int forget(void **unused)
{
	(void)unused;
	free(text);
	text = NULL;
	return 0;
}

static void assert_holds(const char *expected)
{
	if (!strstr(text, expected))
		fail_msg("'%s' is not in: %s", expected, text);
}

/* The digits in @text, as bytes. */
static size_t digits(uint8_t *data, size_t max)
{
	size_t n = 0;

	for (const char *at = text + strlen("bytes    "); n < max; at += 2) {
		unsigned int byte;

		while (*at == '\n' || *at == ' ')
			at++;
		if (!isxdigit((unsigned char)at[0]) || sscanf(at, "%2x", &byte) != 1)
			break;
		data[n++] = (uint8_t)byte;
	}
	return n;
}

static void test_bytes(void **unused)
{
	uint8_t data[5000], back[5000];
	struct random random = { 31 };

	(void)unused;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)random_next(&random);
	for (size_t size = 0; size <= 4096; size += size < 300 ? 1 : 949) {
		FILE *out = begin();

		report_bytes(out, data, size, NULL, NULL, "");
		fclose(out);
		assert_int_equal(text_size ? digits(back, sizeof(back)) : 0, size);
		assert_memory_equal(back, data, size);
		if (size)
			assert_int_equal(text[text_size - 1], '\n');
		assert_null(strstr(text, "repeat"));
		for (const char *line = text; *line; line = strchr(line, '\n') + 1)
			assert_true(strchr(line, '\n') - line <= 80);
	}
}

static void test_bytes_text(void **unused)
{
	static const uint8_t data[34] = { 0x01, 0xff, [31] = 0x80, [32] = 0x0a };
	uint8_t many[4097] = { 0 };
	FILE *out = begin();

	(void)unused;
	report_bytes(out, data, sizeof(data), "corpus/x", NULL, "");
	fclose(out);
	assert_string_equal(
		text, "bytes    01ff000000000000000000000000000000000000000000000000000000000080\n"
		      "         0a00\n"
		      "repeat   rdpmc-diff run corpus/x\n");
	out = begin();
	report_bytes(out, data, 0, "empty", NULL, "");
	fclose(out);
	assert_string_equal(text, "repeat   rdpmc-diff run empty\n");
	out = begin();
	report_bytes(out, data, 0, "x", "kernel:6.1", " --known none");
	fclose(out);
	assert_string_equal(text, "repeat   rdpmc-diff run --engine kernel:6.1 --known none x\n");
	/* Nobody reads a megabyte of digits, but its size is told. */
	out = begin();
	report_bytes(out, many, sizeof(many), NULL, NULL, "");
	fclose(out);
	assert_holds("4097 bytes");
}

static void test_oracles(void **unused)
{
	static const char *const names[] = { "outcome", "nothing-else", "pass-sound", "entries" };

	(void)unused;
	for (unsigned int oracles = 0; oracles < 16; oracles++) {
		char got[REPORT_ORACLES], expected[REPORT_ORACLES] = "";

		for (unsigned int i = 0; i < 4; i++) {
			if (!(oracles >> i & 1))
				continue;
			if (expected[0])
				strcat(expected, ", ");
			strcat(expected, names[i]);
		}
		assert_ptr_equal(report_oracles(oracles, got), got);
		assert_string_equal(got, expected);
	}
	assert_int_equal(ORACLE_OUTCOME | ORACLE_NOTHING_ELSE | ORACLE_PASS_SOUND | ORACLE_ENTRIES,
			 15);
}

static struct trial start(void)
{
	struct trial trial;
	const char *why;

	assert_int_equal(trial_init(&trial, engine_find("emulator", &why), &why), 0);
	return trial;
}

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

static struct rdpmc_choices chosen; /* by whom a test reports */

static void report(const struct data *data)
{
	struct trial trial = start();
	struct rdpmc_case decoded;
	FILE *out = begin();

	trial.choices = chosen;
	case_decode((const uint8_t *)data, data->size, &decoded);
	report_answers(out, &trial, &decoded);
	fclose(out);
	trial_free(&trial);
}

static void read_line(char *line, size_t size, const char *read, enum rdpmc_rule rule)
{
	snprintf(line, size, "%s\n         rule %s: %s\n         (%s)\n", read, rdpmc_rules[rule].id,
		 rdpmc_rules[rule].text, rdpmc_rules[rule].source);
}

/* A read of PERF_METRICS, which holds @metrics, by a guest like its host. */
static struct data metrics_read(uint64_t capabilities, uint64_t metrics)
{
	struct data data = { .size = sizeof(data.bytes) };

	data.bytes.version = CASE_VERSION;
	data.bytes.mode = MODE_64BIT;
	data.bytes.cr0[0] = 1;
	data.bytes.flags = CASE_MEDIATED;
	data.bytes.guest.version = 5;
	data.bytes.guest.nr_fixed = 4;
	data.bytes.guest.fixed_width = 48;
	put_le64(data.bytes.guest.perf_capabilities, capabilities);
	data.bytes.host = data.bytes.guest;
	put_le64(data.bytes.metrics, metrics);
	put_le64(data.bytes.rcx, 0x20000000);
	return data;
}

/* Each read, and the intercept, is followed by the choices that would change it, and by no other. */
static void test_answers_by_other_choices(void **unused)
{
	struct data data = metrics_read(RDPMC_CAP_METRICS, 0x5566778811223344);

	(void)unused;
	add(&data, STEP_READ, 0, 0x20000001);
	report(&data);
	assert_holds("(SDM vol. 3, \"Performance Metrics\"; Linux, arch/x86/events/intel/core.c)\n"
		     "         with metrics-level-1: EDX:EAX = 0x11223344, PERF_METRICS, index 0\n"
		     "read 1   expected #GP(0)\n");
	assert_holds("         with metrics-any-index: EDX:EAX = 0x5566778811223344, PERF_METRICS");
	assert_null(strstr(text, "with leaf23-replaces"));
	assert_null(strstr(text, "with vmware-needs-pmu"));

	/* The host has what only its leaf 0xa tells: with leaf 0x23 in its place it is the guest's. */
	data.bytes.guest.nr_gp = data.bytes.guest.gp_width = data.bytes.host.gp_width = 8;
	data.bytes.host.nr_gp = 9;
	data.bytes.guest.leaf23_gp[0] = data.bytes.host.leaf23_gp[0] = 0xff;
	data.bytes.guest.leaf23_fixed[0] = data.bytes.host.leaf23_fixed[0] = 0xf;
	report(&data);
	assert_holds("exits    RDPMC must be intercepted\n"
		     "         with leaf23-replaces: need not be intercepted\n");

	memset(&data.bytes.guest, 0, sizeof(data.bytes.guest));
	data.bytes.host = data.bytes.guest;
	report(&data);
	assert_holds("         with no-pmu-zero: EDX:EAX = 0x0, no counter\n");

	/* What was chosen is the answer, and what it was instead of is the other. */
	chosen.amd_l2i = true;
	data.bytes.guest.vendor = CASE_PMU_AMD | CASE_PMU_EXT_L3;
	data.bytes.guest.version = 1;
	data.bytes.host = data.bytes.guest;
	put_le64(data.bytes.rcx, 14);
	report(&data);
	chosen.amd_l2i = false;
	assert_holds("read     expected #GP(0)\n");
	assert_holds("         without amd-l2i: EDX:EAX = 0x");
}

static void test_choice_names(void **unused)
{
	static const char *const names[] = { "metrics-any-index", "user-disable-metrics", "vmware-needs-pmu",
					     "no-pmu-zero", "metrics-level-1", "leaf23-replaces", "amd-l2i" };
	struct rdpmc_choices choices = { 0 };
	const bool *const members[] = { &choices.metrics_any_index, &choices.user_disable_metrics,
					&choices.vmware_needs_pmu, &choices.no_pmu_zero, &choices.metrics_level_1,
					&choices.leaf23_replaces, &choices.amd_l2i };

	(void)unused;
	for (unsigned int i = 0; i < NR_CHOICES; i++) {
		assert_string_equal(choice_name(i), names[i]);
		assert_ptr_equal(choice_of(&choices, i), members[i]);
	}
}

/* A sequence: the second read of PERF_METRICS sees what the first has left. */
static void test_answers(void **unused)
{
	struct data data = metrics_read(RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR, 0x11223344);
	char expected[4096] = "", line[1024];

	(void)unused;
	put_le64(data.bytes.fixed_ctr_ctrl, RDPMC_FIXED_CTRL_METRICS_CLEAR);
	add(&data, STEP_READ, 0, 0x20000000);
	add(&data, STEP_LOCK, 1, 0);
	add(&data, STEP_READ, 0, 5);
	report(&data);
	read_line(line, sizeof(line),
		  "read     expected EDX:EAX = 0x11223344, PERF_METRICS, index 0, which clears it and fixed "
		  "counter 3",
		  RULE_METRICS_VALUE);
	strcat(expected, line);
	read_line(line, sizeof(line),
		  "read 1   expected EDX:EAX = 0x0, PERF_METRICS, index 0, which clears it and fixed "
		  "counter 3",
		  RULE_METRICS_VALUE);
	strcat(expected, line);
	read_line(line, sizeof(line), "read 3   expected #UD", RULE_UD_LOCK);
	strcat(expected, line);
	strcat(expected, "exits    RDPMC need not be intercepted\n");
	assert_string_equal(text, expected);

	data.bytes.host.perf_capabilities[1] = 0;
	report(&data);
	assert_holds("exits    RDPMC must be intercepted\n");

	/* As the engine's guest has it: KVM gives no guest AMD's shared counters. */
	data.size = sizeof(data.bytes);
	data.bytes.guest.vendor = CASE_PMU_AMD | CASE_PMU_EXT_NB;
	data.bytes.guest.version = 1;
	put_le64(data.bytes.rcx, 6);
	report(&data);
	/* The processor's answer first: the case's guest is not the engine's. */
	assert_holds("read     expected EDX:EAX = ");
	assert_true(strstr(text, "data-fabric counter at index 6") < strstr(text, "clamped"));
	read_line(line, sizeof(line), "clamped  AMD, 4 core counters\nread     expected #GP(0)",
		  RULE_AMD_OTHER);
	assert_holds(line);

	data.bytes.guest.version = 2;
	data.bytes.guest.nr_gp = 6;
	data.bytes.guest.nr_nb = 16;
	data.bytes.host = data.bytes.guest;
	put_le64(data.bytes.rcx, 9);
	report(&data);
	assert_int_equal(strncmp(text, "read     expected EDX:EAX = ", 28), 0);
	assert_true(strstr(text, "data-fabric counter at index 9") < strstr(text, "clamped"));
}

static void test_tally(void **unused)
{
	static const struct tally tally = { .cases = 5,
					    .reads = 12,
					    .values = 7,
					    .faults = 5,
					    .legalised = 1,
					    .impossible = 2,
					    .offered = 3,
					    .verdicts = { [QUESTION_READ][VERDICT_UNREACHED] = 4 },
					    .passed = 6,
					    .costly = 8,
					    .no = ~(1U << RULE_PRIV),
					    .yes = ~(1U << RULE_AMD_NB) };
	char untried[TALLY_TEXT];
	FILE *out = begin();

	(void)unused;
	report_tally(out, &tally, 0);
	fclose(out);
	assert_holds("expected 7 values, 5 faults\n");
	assert_holds("cases    1 with a field made legal, 2 in a state that no CPU gets into\n");
	assert_holds("reads    4 with LOCK, which never exit; 0 depend on a --choice\n");
	assert_string_equal(tally_not_tried(&tally, untried), 
			    "3 cases with the guest PMU reduced to what the engine supports");
	assert_holds("exits    RDPMC not intercepted in 6 cases, needlessly intercepted in 8\n");
	assert_holds("  PRIV: never no\n");
	assert_holds("  AMD-NB: never yes\n");
	assert_int_equal(text[text_size - 1], '\n');

	out = begin();
	report_tally(out, &tally, 2.5);
	fclose(out);
	assert_holds("speed    2.5 s, 2 cases/s\n");
}

static void test_full_tally(void **unused)
{
	struct trial trial = start();
	struct random random = { 32 };
	char expected[64];
	FILE *out = begin();

	(void)unused;
	for (unsigned int i = 0; i < 50000; i++) {
		uint8_t data[MUTATE_SIZE];
		struct finding finding;
		size_t size = mutate_make(&random, data, sizeof(data));

		assert_true(trial_run(&trial, data, size, &finding));
	}
	report_tally(out, &trial.tally, 0);
	fclose(out);
	trial_free(&trial);
	snprintf(expected, sizeof(expected), "\nrules    %u of %u answered yes and no\n", NR_RULES, NR_RULES);
	assert_holds(expected);
	assert_null(strstr(text, "never yes"));
	assert_null(strstr(text, "never no"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_bytes, forget),
		cmocka_unit_test_teardown(test_bytes_text, forget),
		cmocka_unit_test_teardown(test_oracles, forget),
		cmocka_unit_test_teardown(test_answers, forget),
		cmocka_unit_test_teardown(test_answers_by_other_choices, forget),
		cmocka_unit_test(test_choice_names),
		cmocka_unit_test_teardown(test_tally, forget),
		cmocka_unit_test_teardown(test_full_tally, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
