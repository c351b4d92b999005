// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the model of a nested RDPMC says who gets the exit for each of L0 and L1 intercepting or not, by
 * either vendor's priorities, that rdpmc-bench nested expects what the model says, and that it sees each thing
 * in which a read can be otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bench/nested.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* By which rule, and who ends up with the read. */
struct whose {
	enum rdpmc_nested_rule rule;
	enum rdpmc_level level;
};
#define FIRST                                                                                      \
	{                                                                                          \
		NESTED_L1_FIRST, LEVEL_L1                                                          \
	}
#define PRIORITY                                                                                   \
	{                                                                                          \
		NESTED_L1_PRIORITY, LEVEL_L2                                                       \
	}
#define AFTER_L0                                                                                   \
	{                                                                                          \
		NESTED_L1_PRIORITY, LEVEL_L0                                                       \
	} /* the processor exits, but that of L1 would not */
#define VIEW                                                                                       \
	{                                                                                          \
		NESTED_L1_VIEW, LEVEL_L2                                                           \
	}
#define BY_L0                                                                                      \
	{                                                                                          \
		NESTED_L1_VIEW, LEVEL_L0                                                           \
	}

#define GOOD(rule_, class_)                                                                        \
	{                                                                                          \
		.answer = ANSWER_VALUE, .rule = (rule_), .class = (class_)                         \
	}
#define FAULT(answer_, rule_)                                                                      \
	{                                                                                          \
		.answer = (answer_), .rule = (rule_)                                               \
	}

/* clang-format off */
static const struct {
	const char *name;
	enum rdpmc_vendor vendor;
	struct rdpmc_decision l1_cpu, cpu;
	struct whose neither, l1, l0, both; /* ... of L0 and L1 intercept */
} reads[] = {
	{ "VMX, a counter", RDPMC_INTEL, GOOD(RULE_TYPE_GP, CLASS_GP), GOOD(RULE_TYPE_GP, CLASS_GP),
	  VIEW, FIRST, BY_L0, FIRST },
	{ "VMX, #UD", RDPMC_INTEL, FAULT(ANSWER_UD, RULE_UD_LOCK), FAULT(ANSWER_UD, RULE_UD_LOCK),
	  VIEW, PRIORITY, VIEW, PRIORITY },
	{ "VMX, privilege", RDPMC_INTEL, FAULT(ANSWER_GP, RULE_PRIV), FAULT(ANSWER_GP, RULE_PRIV),
	  VIEW, PRIORITY, VIEW, PRIORITY },
	{ "VMX, a bad index", RDPMC_INTEL, FAULT(ANSWER_GP, RULE_TYPE_GP), FAULT(ANSWER_GP, RULE_TYPE_GP),
	  VIEW, FIRST, BY_L0, FIRST },
	{ "VMX, a counter that L1 has not", RDPMC_INTEL, FAULT(ANSWER_GP, RULE_TYPE_METRICS), GOOD(RULE_METRICS_VALUE, CLASS_METRICS),
	  VIEW, FIRST, BY_L0, FIRST },
	{ "SVM, a counter", RDPMC_AMD, GOOD(RULE_AMD_CORE, CLASS_AMD_CORE), GOOD(RULE_AMD_CORE, CLASS_AMD_CORE),
	  VIEW, FIRST, BY_L0, FIRST },
	{ "SVM, #UD", RDPMC_AMD, FAULT(ANSWER_UD, RULE_UD_LOCK), FAULT(ANSWER_UD, RULE_UD_LOCK),
	  VIEW, PRIORITY, VIEW, PRIORITY },
	{ "SVM, privilege", RDPMC_AMD, FAULT(ANSWER_GP, RULE_PRIV), FAULT(ANSWER_GP, RULE_PRIV),
	  VIEW, PRIORITY, VIEW, PRIORITY },
	{ "SVM, a bad index", RDPMC_AMD, FAULT(ANSWER_GP, RULE_AMD_OTHER), FAULT(ANSWER_GP, RULE_AMD_OTHER),
	  VIEW, PRIORITY, VIEW, PRIORITY },
	{ "SVM, a counter that L1 has not", RDPMC_AMD, FAULT(ANSWER_GP, RULE_AMD_OTHER), GOOD(RULE_AMD_CORE, CLASS_AMD_CORE),
	  VIEW, AFTER_L0, BY_L0, AFTER_L0 },
};
/* clang-format on */

static void test_model(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		const struct whose *whose[2][2] = { { &reads[i].neither, &reads[i].l1 },
						    { &reads[i].l0, &reads[i].both } };

		for (int l0 = 0; l0 < 2; l0++)
			for (int l1 = 0; l1 < 2; l1++) {
				struct rdpmc_nested nested = rdpmc_nested(
					reads[i].vendor, l0, l1, &reads[i].l1_cpu, &reads[i].cpu);

				print_message("# %s, L0 %d, L1 %d\n", reads[i].name, l0, l1);
				assert_string_equal(rdpmc_nested_rules[nested.rule].id,
						    rdpmc_nested_rules[whose[l0][l1]->rule].id);
				assert_int_equal(nested.exits_to, whose[l0][l1]->level);
				assert_int_equal(nested.answer, reads[i].l1_cpu.answer);
			}
	}
}

#define INTEL_PMU(bits)                                                                            \
	{                                                                                          \
		.vendor = CPU_VENDOR_INTEL, .version = 4, .nr_gp = 4, .gp_width = (bits),          \
		.nr_fixed = 3, .fixed_width = 48, .perf_capabilities = PERF_CAP_FW_WRITES          \
	}
#define AMD_PMU(gp)                                                                                \
	{                                                                                          \
		.vendor = CPU_VENDOR_AMD, .version = 2, .nr_gp = (gp), .gp_width = 48              \
	}

/* Hosts with a mediated PMU: both settings can be had. */
static const struct setting_host intel = { .backend = KVM_BACKEND_VMX,
					   .cpu = INTEL_PMU(48),
					   .kvm = INTEL_PMU(48),
					   .enable_pmu = PARAM_YES,
					   .enable_mediated_pmu = PARAM_YES };
static const struct setting_host amd = { .backend = KVM_BACKEND_SVM,
					 .cpu = AMD_PMU(6),
					 .kvm = AMD_PMU(6),
					 .enable_pmu = PARAM_YES,
					 .enable_mediated_pmu = PARAM_YES };

#define FAULTS(vector_) .faults = NESTED_READS, .vector = (vector_), .value = UNTOUCHED

#define UNTOUCHED ((uint64_t)GUEST_UNTOUCHED << 32 | GUEST_UNTOUCHED)

/* What L2 is expected to see in the read called @name. */
static struct nested_expectation expect(const struct setting_host *host, enum setting_kind kind,
					bool l1, const char *name)
{
	struct nested_read list[MAX_NESTED_READS];
	struct setting l0;
	size_t n;

	setting_derive(host, kind, &l0);
	assert_true(l0.available);
	n = nested_reads(host, &l0, true, list);
	assert_in_range(n, 1, MAX_NESTED_READS);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return nested_expect(host, kind, &l0, l1, &list[i]);
	fail_msg("no read %s", name);
	return (struct nested_expectation){ 0 };
}

static void test_expectations(void **state)
{
	static const struct {
		const struct setting_host *host;
		enum setting_kind l0;
		bool l1;
		const char *read;
		enum rdpmc_level level;
		uint64_t value;
		enum guest_l2 baseline;
	} all[] = {
		{ &intel, SETTING_PASSTHROUGH, false, "gp-first/cpl3", LEVEL_L2,
		  GUEST_PRESET_GP_WIDE(0), GUEST_L2_NOP },
		{ &intel, SETTING_INTERCEPTED, false, "fixed0/cpl0", LEVEL_L0,
		  GUEST_PRESET_FIXED(0), GUEST_L2_NOP },
		{ &intel, SETTING_PASSTHROUGH, true, "gp-first/cpl0", LEVEL_L1, GUEST_L1_ANSWER,
		  GUEST_L2_NOP },
		{ &intel, SETTING_PASSTHROUGH, true, "out-of-range/cpl0", LEVEL_L1, GUEST_L1_ANSWER,
		  GUEST_L2_NOP },
		{ &intel, SETTING_INTERCEPTED, false, "out-of-range/cpl3", LEVEL_L0, UNTOUCHED,
		  GUEST_L2_NOP },
		{ &intel, SETTING_PASSTHROUGH, false, "out-of-range/cpl3", LEVEL_L2, UNTOUCHED,
		  GUEST_L2_FAULT },
		{ &intel, SETTING_INTERCEPTED, true, "gp-first/cpl3-nopce", LEVEL_L2, UNTOUCHED,
		  GUEST_L2_FAULT },
		{ &amd, SETTING_INTERCEPTED, true, "out-of-range/cpl0", LEVEL_L2, UNTOUCHED,
		  GUEST_L2_FAULT },
		{ &amd, SETTING_INTERCEPTED, false, "gp-hidden/cpl0", LEVEL_L0, UNTOUCHED,
		  GUEST_L2_NOP },
		{ &amd, SETTING_INTERCEPTED, true, "gp-hidden/cpl0", LEVEL_L0, UNTOUCHED,
		  GUEST_L2_NOP },
		{ &intel, SETTING_PASSTHROUGH, false, "gp-first/cpl0/emulated", LEVEL_L0,
		  GUEST_PRESET_GP_WIDE(0), GUEST_L2_NOP },
		{ &intel, SETTING_PASSTHROUGH, true, "gp-first/cpl3-nopce/emulated", LEVEL_L0,
		  UNTOUCHED, GUEST_L2_NOP },
		{ &intel, SETTING_PASSTHROUGH, true, "out-of-range/cpl0/emulated", LEVEL_L1,
		  GUEST_L1_ANSWER, GUEST_L2_NOP },
		{ &amd, SETTING_INTERCEPTED, true, "out-of-range/cpl0/emulated", LEVEL_L0,
		  UNTOUCHED, GUEST_L2_NOP },
		{ &amd, SETTING_INTERCEPTED, true, "gp-first/cpl0", LEVEL_L1, GUEST_L1_ANSWER,
		  GUEST_L2_NOP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct nested_expectation expected =
			expect(all[i].host, all[i].l0, all[i].l1, all[i].read);

		print_message("# %zu: %s\n", i, all[i].read);
		assert_int_equal(expected.nested.exits_to, all[i].level);
		assert_int_equal(expected.value, all[i].value);
		assert_int_equal(nested_baseline(&expected), all[i].baseline);
	}
}

static void test_reads_of_a_host(void **state)
{
	struct setting_host metrics = intel, without = amd;
	struct nested_read list[MAX_NESTED_READS];
	struct setting l0;

	(void)state;
	setting_derive(&intel, SETTING_INTERCEPTED, &l0);
	assert_int_equal(nested_reads(&intel, &l0, false, list), 6);
	assert_int_equal(nested_reads(&intel, &l0, true, list), 9);
	metrics.cpu.perf_capabilities |= PERF_CAP_PERF_METRICS;
	assert_int_equal(nested_reads(&metrics, &l0, false, list), 7);
	setting_derive(&amd, SETTING_PASSTHROUGH, &l0);
	assert_int_equal(nested_reads(&amd, &l0, false, list), 5);
	/* Without a PMU no counter is one that L1 alone has not. */
	without.enable_pmu = PARAM_NO;
	setting_derive(&without, SETTING_INTERCEPTED, &l0);
	assert_int_equal(nested_reads(&without, &l0, false, list), 5);
}

static bool agrees(const struct nested_expectation *expected, struct nested_seen seen)
{
	char text[160] = "";
	bool good = nested_agrees(expected, KVM_BACKEND_VMX, &seen, text, sizeof(text));

	assert_int_equal(good, !text[0]);
	return good;
}

/* Each thing that can be seen is changed alone. */
static void refuses_changes(const struct nested_expectation *expected, struct nested_seen right)
{
	struct nested_seen seen;

	assert_true(agrees(expected, right));
	seen = right;
	seen.l1_exits = right.l1_exits ? right.l1_exits - 1 : 1;
	assert_false(agrees(expected, seen));
	seen = right;
	seen.faults = right.faults ? right.faults - 1 : 1;
	assert_false(agrees(expected, seen));
	if (right.faults) {
		seen = right;
		seen.vector = VECTOR_UD;
		assert_false(agrees(expected, seen));
	}
	seen = right;
	seen.value++;
	assert_false(agrees(expected, seen));
	seen = right;
	seen.exits = right.exits ? 0 : 1;
	assert_false(agrees(expected, seen));
}

static void test_differences(void **state)
{
	struct nested_expectation expected =
		expect(&intel, SETTING_PASSTHROUGH, false, "gp-first/cpl0");

	(void)state;
	refuses_changes(&expected, (struct nested_seen){ .value = GUEST_PRESET_GP_WIDE(0) });
	expected = expect(&intel, SETTING_INTERCEPTED, false, "gp-first/cpl0");
	refuses_changes(&expected,
			(struct nested_seen){ .value = GUEST_PRESET_GP_WIDE(0), .exits = 1 });
	/* Only what L1 does takes more than one. */
	assert_false(agrees(&expected,
			    (struct nested_seen){ .value = GUEST_PRESET_GP_WIDE(0), .exits = 2 }));
	expected = expect(&intel, SETTING_INTERCEPTED, false, "out-of-range/cpl0");
	refuses_changes(&expected, (struct nested_seen){ FAULTS(VECTOR_GP), .exits = 1 });
	expected = expect(&intel, SETTING_PASSTHROUGH, true, "gp-first/cpl0");
	refuses_changes(&expected, (struct nested_seen){ .l1_exits = NESTED_READS,
							 .value = GUEST_L1_ANSWER,
							 .exits = 3 });
}

/* Each is known for one vendor, of one read, with one thing seen. */
static void test_known(void **state)
{
	struct nested_row hidden = {
		.expected = expect(&amd, SETTING_INTERCEPTED, true, "gp-hidden/cpl0"),
		.seen = { .l1_exits = NESTED_READS, .value = GUEST_L1_ANSWER, .exits = 4 },
	};
	struct nested_row emulated = {
		.read.emulated = true,
		.expected = expect(&intel, SETTING_INTERCEPTED, false, "gp-first/cpl0/emulated"),
		.seen = { FAULTS(VECTOR_UD), .exits = 1 },
	};

	(void)state;
	assert_non_null(nested_known(&hidden, KVM_BACKEND_SVM));
	assert_null(nested_known(&hidden, KVM_BACKEND_VMX));
	hidden.seen.l1_exits = 0;
	assert_null(nested_known(&hidden, KVM_BACKEND_SVM));
	hidden.seen.l1_exits = NESTED_READS;
	hidden.expected = expect(&amd, SETTING_INTERCEPTED, true, "out-of-range/cpl0");
	assert_null(nested_known(&hidden, KVM_BACKEND_SVM));

	/* The emulator knows what faults first. */
	hidden.read.emulated = true;
	hidden.expected = expect(&amd, SETTING_INTERCEPTED, true, "gp-first/cpl3-nopce/emulated");
	assert_null(nested_known(&hidden, KVM_BACKEND_SVM));

	assert_non_null(nested_known(&emulated, KVM_BACKEND_VMX));
	assert_null(nested_known(&emulated, KVM_BACKEND_SVM));
	emulated.seen.vector = VECTOR_GP;
	assert_null(nested_known(&emulated, KVM_BACKEND_VMX));
	emulated.seen.vector = VECTOR_UD;
	emulated.read.emulated = false;
	assert_null(nested_known(&emulated, KVM_BACKEND_VMX));
}

static void test_words(void **state)
{
	static const struct {
		struct nested_seen seen;
		const char *level, *outcome;
	} all[] = {
		{ { .value = 0x2511223300 }, "nobody", "0x2511223300" },
		{ { .value = 0x2511223300, .exits = 1 }, "L0", "0x2511223300" },
		{ { FAULTS(VECTOR_GP) }, "nobody", "#GP(0)" },
		{ { FAULTS(VECTOR_UD), .exits = 1 }, "L0", "#UD" },
		{ { .l1_exits = 1, .value = GUEST_L1_ANSWER, .exits = 3 },
		  "L1",
		  "what L1 answers" },
	};
	char text[40];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		nested_outcome_text(&all[i].seen, text, sizeof(text));
		assert_string_equal(text, all[i].outcome);
		assert_string_equal(nested_level_name(nested_level_seen(&all[i].seen)),
				    all[i].level);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),           cmocka_unit_test(test_expectations),
		cmocka_unit_test(test_reads_of_a_host), cmocka_unit_test(test_differences),
		cmocka_unit_test(test_known),           cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
