// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that what is reported is what was measured: the figures of a row, the cost of an exit, a
 * table that fits 100 columns and hides no failure, and JSON that says null where nothing is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <float.h>
#include <fnmatch.h>
#include <math.h>

#include "bench/results_json.h"
#include "lib/random.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define CAPS         (PERF_CAP_FW_WRITES | 5)
#define CAPS_METRICS (CAPS | PERF_CAP_PERF_METRICS)

#define TSC_KHZ  2500000 /* 0.4 ns a tick */
#define WIDTH    100
#define MAX_RUNS 30

static void check_about(double value, double expected)
{
	if (!(fabs(value - expected) <= 1e-9 * (1 + fabs(expected))))
		fail_msg("%.17g instead of %.17g", value, expected);
}

/* ----- figures ----- */

static double parse_figure(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (!*end)
		return value;
	if (!strcmp(end, "k"))
		return value * 1e3;
	if (!strcmp(end, "M"))
		return value * 1e6;
	if (!strcmp(end, "G"))
		return value * 1e9;
	if (!strcmp(end, "T"))
		return value * 1e12;
	return NAN;
}

static void check_figure(double value)
{
	char text[16];
	double read;

	memset(text, 'x', sizeof(text));
	format_figure(value, text);
	if (!memchr(text, 0, sizeof(text)) || strlen(text) > 7 || !*text)
		fail_msg("%.17g: \"%.16s\"", value, text);
	if (isnan(value)) {
		assert_string_equal(text, "-");
		return;
	}
	assert_null(strchr(text, ' '));
	/* at least two digits are right, or the second decimal */
	read = parse_figure(text);
	if (fabs(value) < 1e15 && !(fabs(read - value) <= fmax(0.0051, 0.05 * fabs(value))))
		fail_msg("%.17g: \"%s\"", value, text);
	if (fabs(value) < 1e6 && !(fabs(read - value) <= fmax(0.0051, 0.005 * fabs(value))))
		fail_msg("%.17g: \"%s\" is not exact enough", value, text);
}

static void test_figures(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{ 0.31, "0.31" },       { 8412.5, "8412.5" },   { 123456, "123456" },
		{ 12.3e6, "12.3M" },    { NAN, "-" },           { 0, "0.00" },
		{ -0.001, "0.00" },     { -0.0, "0.00" },       { -0.0049, "0.00" },
		{ -0.0051, "-0.01" },   { 0.0051, "0.01" },     { 99.99, "99.99" },
		{ 100.04, "100.0" },    { 9999.9, "9999.9" },   { 10000.4, "10000" },
		{ 999999, "999999" },   { 1e6, "1.0M" },        { 999.9e6, "999.9M" },
		{ 1e9, "1.0G" },        { -99.99, "-99.99" },   { -0.31, "-0.31" },
		{ -8412.5, "-8412.5" }, { -123456, "-123456" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[16];

		format_figure(rows[i].value, text);
		if (strcmp(text, rows[i].text))
			fail_msg("%g: \"%s\" instead of \"%s\"", rows[i].value, text, rows[i].text);
	}
}

static void test_any_figure(void **state)
{
	static const double values[] = {
		0.0,
		-0.0,
		0.001,
		-0.001,
		0.0049999,
		0.005,
		0.994,
		0.995,
		0.9999999,
		1,
		9.994,
		9.995,
		9.9999,
		99.94,
		99.949,
		99.95,
		99.99,
		99.9999,
		100,
		999.94,
		999.95,
		999.99,
		1000,
		9999.4,
		9999.5,
		9999.94,
		9999.95,
		9999.99,
		10000,
		99999.4,
		99999.5,
		99999.94,
		99999.95,
		99999.99,
		100000,
		999999.4,
		999999.5,
		999999.99,
		1e6,
		9.99e6,
		9.999e6,
		9.9999e6,
		99.94e6,
		99.95e6,
		99.99e6,
		99.9999e6,
		1e8,
		999.94e6,
		999.95e6,
		999.99e6,
		999999999,
		1e9,
		9999e6,
		99999e6,
		999999e6,
		1e12,
		9999e9,
		99999e9,
		999999e9,
		1e15,
		9.9e17,
		1e18,
		1.8446744073709552e19,
		1e24,
		1e99,
		1e100,
		1e200,
		DBL_MAX,
		DBL_MIN,
		DBL_TRUE_MIN,
		(double)INFINITY,
	};
	struct random random = { 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		check_figure(values[i]);
		check_figure(-values[i]);
		check_figure(nextafter(values[i], 0));
		check_figure(-nextafter(values[i], INFINITY));
	}
	check_figure(NAN);
	check_figure(-NAN);
	for (unsigned int i = 0; i < 300000; i++) {
		uint64_t bits = random_next(&random);
		double any, usual = ldexp((double)random_next(&random) - 0x1p63, (int)(bits % 64) - 70);

		memcpy(&any, &bits, sizeof(any));
		check_figure(any);
		check_figure(usual);
	}
}

/* ----- made results ----- */

static struct bench bench;
static struct case_plan plan;
static struct run_result all_runs[MAX_ROWS][MAX_RUNS];

#define INTEL(version_, gp, fixed, capabilities)                                                   \
	{                                                                                          \
		.vendor = CPU_VENDOR_INTEL, .version = (version_), .nr_gp = (gp), .gp_width = 48,  \
		.nr_fixed = (fixed), .fixed_width = 48, .perf_capabilities = (capabilities)        \
	}
#define AMD(version_, gp)                                                                          \
	{                                                                                          \
		.vendor = CPU_VENDOR_AMD, .version = (version_), .nr_gp = (gp), .gp_width = 48     \
	}

static const struct setting_host ice_lake = { .backend = KVM_BACKEND_VMX,
					      .cpu = INTEL(5, 8, 4, CAPS_METRICS),
					      .kvm = INTEL(2, 8, 4, CAPS_METRICS),
					      .enable_pmu = PARAM_YES,
					      .enable_mediated_pmu = PARAM_YES,
					      .enable_vmware_backdoor = PARAM_NO };
static const struct setting_host zen_4 = { .backend = KVM_BACKEND_SVM,
					   .cpu = AMD(2, 6),
					   .kvm = AMD(2, 6),
					   .enable_pmu = PARAM_YES,
					   .enable_mediated_pmu = PARAM_YES,
					   .enable_vmware_backdoor = PARAM_NO };
static const struct setting_host pvm = { .backend = KVM_BACKEND_PVM,
					 .cpu = { .vendor = CPU_VENDOR_AMD },
					 .kvm = { .vendor = CPU_VENDOR_AMD },
					 .nested = true,
					 .enable_pmu = PARAM_NO };

static const struct setting_host backdoor = { .backend = KVM_BACKEND_VMX,
					      .cpu = INTEL(4, 4, 3, CAPS),
					      .kvm = INTEL(2, 4, 3, CAPS),
					      .enable_pmu = PARAM_YES,
					      .enable_mediated_pmu = PARAM_YES,
					      .enable_vmware_backdoor = PARAM_YES };
static const struct setting_host no_vpmu = { .backend = KVM_BACKEND_VMX,
					     .cpu = INTEL(4, 4, 3, CAPS),
					     .kvm = { .vendor = CPU_VENDOR_INTEL },
					     .enable_pmu = PARAM_NO,
					     .enable_mediated_pmu = PARAM_NO,
					     .enable_vmware_backdoor = PARAM_NO };

static const char no_tracefs[] = "no tracefs: mount -t tracefs tracefs /sys/kernel/tracing";

/* The table of a host, nothing measured yet. */
static void make_bench(const struct setting_host *host, bool simulated)
{
	memset(&bench, 0, sizeof(bench));
	memset(&plan, 0, sizeof(plan));
	plan.host = *host;
	for (int kind = 0; kind < NR_SETTINGS; kind++)
		setting_derive(host, (enum setting_kind)kind, &plan.setting[kind]);
	plan.simulated = simulated;
	if (simulated)
		plan.simulated_pmu = ice_lake.cpu;
	strcpy(plan.native_reason, "perf_event_paranoid is 3; sysctl kernel.perf_event_paranoid=2");
	bench.n_rows = cases_make(&plan, bench.rows);
	bench.tsc_khz = TSC_KHZ;
	bench.options.seconds = 45;
	bench.options.runs = 10;
	bench.options.seed = 0xffffffffffffffffULL;
	bench.noise.smis = -1;
	bench.noise.cpu_share = 0.99;
	bench.noise.clock_ratio = 0.9999;
	bench.elapsed = 46.5;
	for (int i = 0; i < NR_PERF_COUNTS; i++) {
		bench.counts.fd[i] = -1;
		strcpy(bench.counts.reason[i],
		       i < PERF_HOST_CYCLES ? no_tracefs : "host has no PMU");
	}
}

/* @n runs of one row, around @median ticks: median - 1, median, median + 1, median - 1 ... */
static void measure(size_t i, size_t n, double median)
{
	struct row_result *result = &bench.results[i];

	result->runs = all_runs[i];
	result->n_runs = n;
	result->value = 0xfedcba9876543210ULL;
	bench.rows[i].status = ROW_MEASURED;
	for (size_t r = 0; r < n; r++) {
		struct run_result *run = &all_runs[i][r];
		double x = median + (double)(r % 3) - 1;

		memset(run, 0, sizeof(*run));
		run->median = x;
		run->raw = x + 4;
		run->samples = (struct summary){ .n = 100,
						 .min = x - 2,
						 .median = x + 1,
						 .mad = 1,
						 .p90 = x + 10,
						 .p99 = x + 20,
						 .p999 = x + 30,
						 .max = x + 1000,
						 .disturbed = 3,
						 .disturbed_limit = x + 900 };
		run->sample_overhead = 25;
		run->exits = bench.rows[i].exits == EXITS_EACH ? 1.01 : 0.01;
		run->insn_emulation = 0.25;
		run->irq_exits = r;
		run->reads = 1000 + r;
		histogram_add(&run->histogram, 0);
		histogram_add(&run->histogram, 7);
		histogram_add(&run->histogram, 7);
		histogram_add(&run->histogram, 100);
		histogram_add(&run->histogram, UINT64_MAX);
	}
}

static void measure_all(size_t n)
{
	for (size_t i = 0; i < bench.n_rows; i++)
		if (bench.rows[i].status == ROW_READY)
			measure(i, n, bench.rows[i].machine == MACHINE_INTERCEPTED ? 2000 : 30);
}

static size_t row_index(const char *name)
{
	for (size_t i = 0; i < bench.n_rows; i++)
		if (!strcmp(bench.rows[i].name, name))
			return i;
	fail_msg("no row %s", name);
	return 0;
}

static void test_row_figures(void **state)
{
	struct run_result runs[5] = {
		{ .median = 10, .samples = { .n = 1, .p99 = 100, .max = 1000 }, .exits = 1,
		  .insn_emulation = 4 },
		{ .median = 14, .samples = { .n = 1, .p99 = 500, .max = 200 }, .exits = 3,
		  .insn_emulation = 0 },
		{ .median = 11, .samples = { .n = 1, .p99 = 300, .max = 9000 }, .exits = 1.5,
		  .insn_emulation = 1 },
		{ .median = 99, .samples = { .n = 1, .p99 = 200, .max = 10 }, .exits = 0,
		  .insn_emulation = 2 },
		{ .median = 12, .samples = { .n = 1, .p99 = 400, .max = 2000 }, .exits = 2,
		  .insn_emulation = 3 },
	}, before[5];
	struct row_result result = { .runs = runs, .n_runs = 5 };
	struct row_figures figures;

	(void)state;
	memcpy(before, runs, sizeof(runs));
	figures = row_figures(&result);
	check_about(figures.median, 12);
	check_about(figures.mad, 2);
	check_about(figures.p99, 300);
	check_about(figures.max, 9000);
	check_about(figures.exits, 1.5);
	check_about(figures.insn_emulation, 2);
	/* asked again: medians of doubles reorder, and the runs are not to be reordered */
	assert_memory_equal(runs, before, sizeof(runs));

	result.n_runs = 4; /* 10, 14, 11, 99 */
	figures = row_figures(&result);
	check_about(figures.median, 12.5);
	check_about(figures.mad, 2);
	check_about(figures.p99, 250);
	check_about(figures.exits, 1.25);
	check_about(figures.insn_emulation, 1.5);

	result.n_runs = 1;
	figures = row_figures(&result);
	check_about(figures.median, 10);
	check_about(figures.mad, 0);
	check_about(figures.max, 1000);

	result = (struct row_result){ 0 };
	figures = row_figures(&result);
	assert_true(isnan(figures.median) && isnan(figures.mad) && isnan(figures.p99) &&
		    isnan(figures.max) && isnan(figures.exits) && isnan(figures.insn_emulation));
}

/* All of a run's samples are negative once the overhead is off: so is the row's greatest. */
static void test_row_figures_negative(void **state)
{
	struct run_result runs[2] = {
		{ .median = -3, .samples = { .n = 1, .p99 = -2, .max = -1 } },
		{ .median = -5, .samples = { .n = 1, .p99 = -4, .max = -3 } },
	};
	struct row_figures figures = row_figures(&(struct row_result){ .runs = runs, .n_runs = 2 });

	(void)state;
	check_about(figures.median, -4);
	check_about(figures.p99, -3);
	check_about(figures.max, -1);
}

/* A read that is quicker than an empty one was timed costs nothing that could be measured. */
static void test_samples_below_empty(void **state)
{
	static uint64_t samples[] = { 30, 40, 40, 40, 45, 45, 45, 45, 45, 70 };
	const struct run_result empty = { .raw = 12, .samples = { .median = 48 } };
	struct visits visits = { .n = 1,
				 .slope = { 10 },
				 .turns = 8,
				 .samples = samples,
				 .n_samples = ARRAY_SIZE(samples) };
	struct run_result result;

	(void)state;
	visits_result(&visits, &empty, &result);
	check_about(result.sample_overhead, 48);
	check_about(result.samples.min, 0);
	check_about(result.samples.median, 0);
	check_about(result.samples.p90, 0);
	assert_true(result.samples.p99 >= 0 && result.samples.p999 >= 0);
	check_about(result.samples.max, 70 - 48);
	/* The run's value is a difference of two slopes: cut at 0, the median of runs would be too high. */
	check_about(result.median, -2);

	visits_result(&visits, NULL, &result);
	check_about(result.samples.min, 30);
	check_about(result.samples.median, 45);
}

/* Each vCPU adds to each visit: what all of them took is the run's, and what each took is to be had. */
static void test_visits_of_vcpus(void **state)
{
	static uint64_t samples[20];
	static const struct {
		uint64_t ticks, exits;
	} longer[5][2] = {
		{ { 1100, 10 }, { 2100, 10 } }, { { 1120, 10 }, { 2120, 10 } },
		{ { 1110, 10 }, { 9110, 10 } }, { { 1130, 10 }, { 2130, 10 } },
		{ { 1140, 10 }, { 2140, 10 } },
	};
	struct visits visits = { .samples = samples };
	struct run_result result;
	double own;

	(void)state;
	for (size_t v = 0; v < ARRAY_SIZE(longer); v++) {
		for (int vcpu = 0; vcpu < 2; vcpu++) {
			const struct reading sampled = { .exits = 2 };
			const struct reading block[2] = {
				{ .ticks = 100, .host_ns = 50, .together = 0.6 },
				{ .ticks = longer[v][vcpu].ticks,
				  .exits = longer[v][vcpu].exits,
				  .host_ns = 150,
				  .together = 1 },
			};
			const uint64_t one[2] = { 10 + vcpu, 20 + vcpu };

			visits_add(&visits, 10, block, &sampled, one, 2);
		}
	}
	own = visits_of_vcpu(&visits, 0, 2);
	check_about(own, 102);
	own = visits_of_vcpu(&visits, 1, 2);
	check_about(own, 203);
	visits_result(&visits, NULL, &result);
	check_about(result.raw, (104 + 200) / 2.0);
	check_about(result.exits, 1);
	check_about(result.sample_exits, 20);
	check_about(result.together, 0.9);
	assert_int_equal(result.samples.n, 20);
	assert_int_equal(result.reads, 300);
}

static void test_ticks(void **state)
{
	(void)state;
	make_bench(&ice_lake, false);
	check_about(ticks_to_ns(&bench, 1000), 400);
	check_about(ticks_to_ns(&bench, -2.5), -1);
	bench.tsc_khz = 1000000;
	check_about(ticks_to_ns(&bench, 8.25), 8.25);
}

/* ----- exit costs ----- */

static void check_cost(const struct exit_cost *cost)
{
	const struct row *in = cost->intercepted, *out = cost->passthrough;
	const char *in_privilege = strrchr(in->name, '/'), *out_privilege = strrchr(out->name, '/');

	assert_in_range((uintptr_t)in, (uintptr_t)bench.rows, (uintptr_t)&bench.rows[MAX_ROWS - 1]);
	assert_in_range((uintptr_t)out, (uintptr_t)bench.rows,
			(uintptr_t)&bench.rows[MAX_ROWS - 1]);
	assert_int_equal(in->machine, MACHINE_INTERCEPTED);
	assert_int_equal(out->machine, MACHINE_PASSTHROUGH);
	assert_false(in->control || out->control);
	assert_int_equal(in->counter, out->counter);
	assert_int_equal(in->privilege, out->privilege);
	assert_int_equal(in->ecx, out->ecx);
	assert_int_equal(in->expected.gp, out->expected.gp);
	assert_string_equal(in_privilege, out_privilege);
	assert_int_equal(in->status, ROW_MEASURED);
	assert_int_equal(out->status, ROW_MEASURED);
}

static void test_exit_costs(void **state)
{
	struct exit_cost costs[MAX_ROWS];
	bool metrics = false, gp_first = false;
	size_t n;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(10);
	measure(row_index("rdpmc/metrics/intercepted/cpl3"), 10, 3000);
	measure(row_index("rdpmc/metrics/passthrough/cpl3"), 10, 50);
	n = exit_costs(&bench, costs, ARRAY_SIZE(costs));
	/* 7 counters (first and last GP, 4 fixed, metrics) at two privileges at least */
	assert_in_range(n, 14, MAX_ROWS / 2);
	for (size_t i = 0; i < n; i++) {
		const char *name = costs[i].intercepted->name;
		double cost = 1970;

		check_cost(&costs[i]);
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(costs[i].intercepted, costs[j].intercepted);
		if (!strcmp(name, "rdpmc/metrics/intercepted/cpl3")) {
			metrics = true;
			cost = 2950;
		}
		gp_first |= !strcmp(name, "rdpmc/gp-first/intercepted/cpl0");
		check_about(costs[i].ticks.estimate, cost);
		assert_true(costs[i].ticks.lower <= cost && cost <= costs[i].ticks.upper);
		assert_true(costs[i].ticks.lower >= cost - 2 && costs[i].ticks.upper <= cost + 2);
	}
	assert_true(metrics && gp_first);
}

/* The interval is the bootstrap's of both rows' run medians, at 95 % and by the run's own seed. */
static void test_exit_costs_interval(void **state)
{
	struct exit_cost costs[2];
	struct interval expected;
	double in[10], out[7];

	(void)state;
	make_bench(&ice_lake, false);
	bench.rows[0] = bench.rows[row_index("rdpmc/metrics/passthrough/cpl3")];
	bench.rows[1] = bench.rows[row_index("rdpmc/metrics/intercepted/cpl3")];
	bench.n_rows = 2;
	measure(0, ARRAY_SIZE(out), 30);
	measure(1, ARRAY_SIZE(in), 2000);
	for (size_t r = 0; r < ARRAY_SIZE(in); r++)
		in[r] = all_runs[1][r].median = 2000 + 17 * (double)(r * r % 7);
	for (size_t r = 0; r < ARRAY_SIZE(out); r++)
		out[r] = all_runs[0][r].median = 30 + 5 * (double)(r * 3 % 7);
	for (uint64_t seed = 0; seed < 3; seed++) {
		bench.options.seed = seed;
		expected = median_difference_interval(in, ARRAY_SIZE(in), out, ARRAY_SIZE(out),
						      0.95, seed);
		assert_int_equal(exit_costs(&bench, costs, 2), 1);
		check_cost(&costs[0]);
		check_about(costs[0].ticks.estimate, expected.estimate);
		check_about(costs[0].ticks.lower, expected.lower);
		check_about(costs[0].ticks.upper, expected.upper);
	}
	/* the other way round, and where the table ends between them */
	bench.rows[2] = bench.rows[0];
	bench.results[2] = bench.results[0];
	bench.rows[0] = bench.rows[1];
	bench.results[0] = bench.results[1];
	bench.rows[1] = bench.rows[2];
	bench.results[1] = bench.results[2];
	assert_int_equal(exit_costs(&bench, costs, 2), 1);
	bench.n_rows = 1;
	assert_int_equal(exit_costs(&bench, costs, 2), 0);
}

/* One side failed, skipped or not measured: no pair. */
static void test_exit_costs_need_both(void **state)
{
	static const enum row_status statuses[] = { ROW_READY, ROW_SKIPPED, ROW_FAILED };
	struct exit_cost costs[MAX_ROWS];
	size_t all, in, out;

	(void)state;
	make_bench(&ice_lake, false);
	assert_int_equal(exit_costs(&bench, costs, ARRAY_SIZE(costs)), 0);
	measure_all(10);
	in = row_index("rdpmc/fixed0/intercepted/cpl3");
	out = row_index("rdpmc/fixed0/passthrough/cpl3");
	all = exit_costs(&bench, costs, ARRAY_SIZE(costs));
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		bench.rows[in].status = statuses[i];
		assert_int_equal(exit_costs(&bench, costs, ARRAY_SIZE(costs)), all - 1);
		bench.rows[in].status = ROW_MEASURED;
		bench.rows[out].status = statuses[i];
		assert_int_equal(exit_costs(&bench, costs, ARRAY_SIZE(costs)), all - 1);
		bench.rows[out].status = ROW_MEASURED;
	}
	assert_int_equal(exit_costs(&bench, costs, ARRAY_SIZE(costs)), all);
}

static void test_exit_costs_limit(void **state)
{
	struct exit_cost costs[5];

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(10);
	memset(costs, 0xa5, sizeof(costs));
	assert_int_equal(exit_costs(&bench, costs, 3), 3);
	for (size_t i = 3; i < 5; i++)
		for (size_t byte = 0; byte < sizeof(costs[i]); byte++)
			assert_int_equal(((unsigned char *)&costs[i])[byte], 0xa5);
	assert_int_equal(exit_costs(&bench, costs, 0), 0);
}

static void test_exit_costs_of_few_runs(void **state)
{
	struct exit_cost costs[MAX_ROWS];

	(void)state;
	for (size_t runs = 1; runs < 8; runs++) {
		size_t n;

		make_bench(&ice_lake, false);
		measure_all(runs);
		n = exit_costs(&bench, costs, ARRAY_SIZE(costs));
		assert_true(n > 0);
		for (size_t i = 0; i < n; i++) {
			check_about(costs[i].ticks.estimate, 1970);
			assert_int_equal(isnan(costs[i].ticks.lower), runs < 6);
			assert_int_equal(isnan(costs[i].ticks.upper), runs < 6);
		}
	}
}

/* AMD: one guest has a counter less; what is compared is one that both have. */
static void test_exit_costs_of_amd(void **state)
{
	struct exit_cost costs[MAX_ROWS];
	size_t n;

	(void)state;
	make_bench(&zen_4, false);
	measure_all(10);
	assert_int_equal(bench.rows[row_index("rdpmc/gp-last/intercepted/cpl3")].ecx, 4);
	assert_int_equal(bench.rows[row_index("rdpmc/gp-last/passthrough/cpl3")].ecx, 4);
	n = exit_costs(&bench, costs, ARRAY_SIZE(costs));
	assert_true(n >= 2);
	for (size_t i = 0; i < n; i++)
		check_cost(&costs[i]);
}

static void test_exit_costs_of_no_passthrough(void **state)
{
	struct exit_cost costs[MAX_ROWS];

	(void)state;
	make_bench(&pvm, false);
	measure_all(10);
	assert_int_equal(exit_costs(&bench, costs, ARRAY_SIZE(costs)), 0);
	make_bench(&ice_lake, true);
	measure_all(10);
	assert_int_equal(exit_costs(&bench, costs, ARRAY_SIZE(costs)), 0);
}

/* ----- what a PMU costs other exits ----- */

static const char *const pmu_guests[] = {
	"intercepted-0", "intercepted-1", "intercepted-all",
	"passthrough-0", "passthrough-1", "passthrough-all",
};

static void make_pmu_cost_bench(const struct setting_host *host)
{
	make_bench(host, false);
	plan.pmu_cost = true;
	memset(bench.rows, 0, sizeof(bench.rows));
	bench.n_rows = cases_make(&plan, bench.rows);
}

static size_t pmu_cost_index(const char *insn, const char *guest, const char *privilege)
{
	char name[64];

	snprintf(name, sizeof(name), "control/%s-%s/%s", insn, guest, privilege);
	return row_index(name);
}

/* 1000 ticks without a PMU, 100 more in each further guest; empty loops 2. */
static void measure_pmu_cost(size_t n)
{
	for (size_t i = 0; i < bench.n_rows; i++)
		if (bench.rows[i].status == ROW_READY)
			measure(i, n, bench.rows[i].insn == GUEST_INSN_EMPTY
					      ? 2
					      : 1000 + 100 * (bench.rows[i].machine - MACHINE_NO_PMU));
}

static void set_path(size_t i, uint64_t instructions, uint64_t wrmsr)
{
	bench.results[i].has_path = true;
	bench.results[i].path.instructions = instructions;
	bench.results[i].path.wrmsr = wrmsr;
}

static const struct added_cost *pmu_cost_of(const struct added_cost *costs, size_t n, size_t row)
{
	for (size_t i = 0; i < n; i++)
		if (costs[i].row == &bench.rows[row])
			return &costs[i];
	return NULL;
}

static void test_pmu_costs(void **state)
{
	struct added_cost costs[MAX_ROWS];
	const struct added_cost *cost;
	size_t n, row;

	(void)state;
	make_pmu_cost_bench(&zen_4);
	measure_pmu_cost(10);
	n = added_costs(&bench, costs, ARRAY_SIZE(costs));
	assert_int_equal(n, 5 * ARRAY_SIZE(pmu_guests));
	for (size_t g = 0; g < ARRAY_SIZE(pmu_guests); g++) {
		row = pmu_cost_index("port", pmu_guests[g], "cpl0");
		cost = pmu_cost_of(costs, n, row);
		assert_non_null(cost);
		assert_ptr_equal(cost->base,
				 &bench.rows[pmu_cost_index("port", "no-pmu", "cpl0")]);
		check_about(cost->ticks.estimate, 100 * (double)(g + 1));
		assert_true(cost->ticks.lower <= cost->ticks.estimate &&
			    cost->ticks.estimate <= cost->ticks.upper);
		assert_false(cost->has_path);
	}
	assert_int_equal(added_costs(&bench, costs, 7), 7);

	/* One of them failed, or the guest without a PMU did: no difference. */
	bench.rows[row].status = ROW_FAILED;
	bench.rows[pmu_cost_index("cpuid", "no-pmu", "cpl3")].status = ROW_FAILED;
	n = added_costs(&bench, costs, ARRAY_SIZE(costs));
	assert_int_equal(n, 5 * ARRAY_SIZE(pmu_guests) - 1 - ARRAY_SIZE(pmu_guests));
	assert_null(pmu_cost_of(costs, n, row));

	make_pmu_cost_bench(&zen_4);
	measure_pmu_cost(5);
	n = added_costs(&bench, costs, ARRAY_SIZE(costs));
	assert_true(n > 0 && isnan(costs[0].ticks.lower) && isnan(costs[0].ticks.upper));
	make_pmu_cost_bench(&pvm);
	measure_pmu_cost(10);
	assert_int_equal(added_costs(&bench, costs, ARRAY_SIZE(costs)), 0);
	make_bench(&zen_4, false);
	measure_all(10);
	assert_int_equal(added_costs(&bench, costs, ARRAY_SIZE(costs)), 0);
}

/* Of recorded exits, and only where both were. */
static void test_pmu_costs_of_paths(void **state)
{
	struct added_cost costs[MAX_ROWS];
	const struct added_cost *cost;
	size_t n, without, with;

	(void)state;
	make_pmu_cost_bench(&zen_4);
	measure_pmu_cost(1);
	without = pmu_cost_index("cpuid", "no-pmu", "cpl0");
	with = pmu_cost_index("cpuid", "passthrough-1", "cpl0");
	set_path(without, 1201, 9);
	n = added_costs(&bench, costs, ARRAY_SIZE(costs));
	assert_false(pmu_cost_of(costs, n, with)->has_path);
	set_path(with, 2360, 4);
	n = added_costs(&bench, costs, ARRAY_SIZE(costs));
	cost = pmu_cost_of(costs, n, with);
	assert_true(cost->has_path);
	assert_int_equal(cost->instructions, 1159);
	assert_int_equal(cost->wrmsr, -5);
}

/* ----- the table ----- */

static char *print(const char *placement, bool colour, const char *glob)
{
	static char text[1 << 18];
	struct report_options options = { .colour = colour, .glob = glob };
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	memset(text, 0, sizeof(text));
	report_print(out, &bench, &plan, placement, &options);
	assert_false(ferror(out));
	assert_int_equal(fclose(out), 0);
	assert_true(strlen(text) < sizeof(text) - 1);
	return text;
}

/* Columns on a terminal: UTF-8 continuation bytes and colours take none. */
static void check_width(const char *text)
{
	unsigned int columns = 0, line = 1;
	const char *start = text;

	for (const char *c = text; *c; c++) {
		if (*c == '\n') {
			if (columns > WIDTH)
				fail_msg("line %u has %u columns: %.*s", line, columns,
					 (int)(c - start), start);
			columns = 0;
			line++;
			start = c + 1;
			continue;
		}
		if (*c == '\033') {
			c += strcspn(c, "m");
			assert_int_equal(*c, 'm');
			continue;
		}
		assert_int_not_equal(*c, '\t');
		assert_int_not_equal(*c, '\r');
		columns += (*c & 0xc0) != 0x80;
	}
	assert_int_equal(columns, 0); /* the last line ends */
}

/* @part may be broken over lines: compare without white space. */
static bool contains(const char *text, const char *part)
{
	for (; *text; text++) {
		const char *t = text, *p = part;

		while (*p && (*t == *p || *p == ' ' || *t == ' ' || *t == '\n')) {
			if (*p == ' ')
				p++;
			else if (*t == ' ' || *t == '\n')
				t++;
			else
				t++, p++;
		}
		if (!*p)
			return true;
	}
	return false;
}

static void check_prints(const char *text, const char *part)
{
	if (!contains(text, part))
		fail_msg("the report does not say \"%s\"", part);
}

static const char sentence[] = "the read gave 0x123456789abcdef0 where 0x2511223300 was preset; ";

static void fill_text(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		text[i] = sentence[i % (sizeof(sentence) - 1)];
	text[size - 1] = 0;
	if (text[size - 2] == ' ')
		text[size - 2] = '.';
}

/* The line of @text, from @from on, that begins with @start; NULL where there is none. */
static const char *line_of(const char *from, const char *start)
{
	while (from) {
		if (!strncmp(from, start, strlen(start)))
			return from;
		from = strchr(from, '\n');
		from = from ? from + 1 : NULL;
	}
	return NULL;
}

static unsigned int count_of(const char *text, const char *part)
{
	unsigned int n = 0;

	while ((text = strstr(text, part))) {
		n++;
		text += strlen(part);
	}
	return n;
}

static void test_print(void **state)
{
	char *text;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(10);
	measure(row_index("rdpmc/metrics/intercepted/cpl3"), 10, 7711); /* 3084.4 ns */
	measure(row_index("rdpmc/metrics/passthrough/cpl3"), 10, 48);
	text = print("CPU 3 (core 3 of 8, node 0)", false, NULL);
	check_width(text);
	assert_null(strchr(text, '\033'));
	check_prints(text, "CPU 3 (core 3 of 8, node 0)");
	check_prints(text, "metrics");
	check_prints(text, "intercepted");
	check_prints(text, "passthrough");
	check_prints(text, "3084.4");
	check_prints(text, "3065.2"); /* its cost */
	assert_null(strstr(text, "7711"));
	assert_null(strstr(text, " cycles"));
	bench.options.cycles = true;
	text = print("CPU 3 (core 3 of 8, node 0)", false, NULL);
	check_width(text);
	check_prints(text, "TSC cycles");
	check_prints(text, "7711");
	check_prints(text, "7663.0 cycles");
	assert_null(strstr(text, "3065.2"));
	assert_null(strstr(text, " ns"));
	check_prints(text, "perf_event_paranoid is 3");
	assert_null(line_of(text, "rdpmc, native")); /* nothing of it was measured */
}

/* The words of the line of @text that begins with @start. */
static size_t words_of(const char *text, const char *start, char words[][16], size_t max)
{
	const char *line = line_of(text, start);
	char copy[200], *save, *word;
	size_t n = 0;

	if (!line)
		fail_msg("no line \"%s\"", start);
	snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(line, "\n"), line + strlen(start));
	copy[strcspn(copy, "\n")] = '\0';
	for (word = strtok_r(copy, " ", &save); word && n < max; word = strtok_r(NULL, " ", &save))
		snprintf(words[n++], sizeof(words[0]), "%s", word);
	return n;
}

static void check_words(const char *text, const char *start, const char *const *expected, size_t n)
{
	char words[16][16];

	assert_int_equal(words_of(text, start, words, ARRAY_SIZE(words)), n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], expected[i]))
			fail_msg("%s: word %zu is \"%s\", not \"%s\"", start, i, words[i],
				 expected[i]);
}

/* Exits down, guests across, each against the first; before the rows. */
static void test_print_pmu_cost(void **state)
{
	static const char *const both[] = { "ns",      "400.0",	 "+40.00", "+80.00",
					    "+120.0", "+160.0", "+200.0", "+240.0" };
	static const char *const failed[] = { "ns",      "400.0", "+40.00", "-",
					      "+120.0", "+160.0", "+200.0", "+240.0" };
	static const char *const one[] = { "ns", "400.0", "-", "-", "-", "-", "+200.0", "-" };
	static const char *const emulated[] = { "ns", "400.0", "+40.00", "+80.00",
						"+120.0", "-", "-", "-" };
	struct setting_host off = zen_4;
	size_t row;
	char *text;

	(void)state;
	make_pmu_cost_bench(&zen_4);
	measure_pmu_cost(5);
	text = print("CPU 3", false, NULL);
	check_width(text);
	check_words(text, "  cpuid/cpl3", both, ARRAY_SIZE(both));
	check_words(text, "  hypercall/cpl0", both, ARRAY_SIZE(both));
	assert_true(line_of(text, "what a guest's PMU costs") < strstr(text, "net of the empty loop"));
	assert_null(strstr(text, "95 %"));
	assert_null(strstr(text, "exit cost = "));
	check_prints(text, "the guest's PMU is mediated");
	check_prints(text, "one GP counter less");
	assert_non_null(line_of(text, "control, passthrough, all counters on"));
	assert_non_null(line_of(text, "control, no PMU"));

	/* An interval where there are enough runs: one for each exit. */
	make_pmu_cost_bench(&zen_4);
	measure_pmu_cost(10);
	text = print("CPU 3", false, NULL);
	check_width(text);
	assert_int_equal(count_of(text, "95 %: from"), 5);

	row = pmu_cost_index("cpuid", "intercepted-1", "cpl3");
	bench.rows[row].status = ROW_FAILED;
	strcpy(bench.rows[row].reason, "a reason");
	text = print("CPU 3", false, NULL);
	check_words(text, "  cpuid/cpl3", failed, ARRAY_SIZE(failed));
	check_prints(text, "a reason control/cpuid-intercepted-1/cpl3");

	/* Only what was asked for, beside what it is held against. */
	text = print("CPU 3", false, "*/port-passthrough-1/cpl0");
	check_words(text, "  port/cpl0", one, ARRAY_SIZE(one));
	assert_null(line_of(text, "  cpuid/cpl3"));

	off.enable_mediated_pmu = PARAM_NO;
	make_pmu_cost_bench(&off);
	measure_pmu_cost(3);
	text = print("CPU 3", false, NULL);
	check_words(text, "  cpuid/cpl3", emulated, ARRAY_SIZE(emulated));
	check_prints(text, "the guest's PMU is emulated");
	check_prints(text, "enable_mediated_pmu=N");

	/* No PMU for any guest: that, and why. */
	make_pmu_cost_bench(&pvm);
	measure_pmu_cost(3);
	text = print("CPU 3", false, NULL);
	check_width(text);
	check_prints(text, "unknown: host has no PMU");
	assert_null(strstr(text, "counters on:"));
	make_pmu_cost_bench(&no_vpmu);
	measure_pmu_cost(3);
	check_prints(print("CPU 3", false, NULL), "unknown: KVM offers guests no PMU here");
	make_pmu_cost_bench(&zen_4);
	check_prints(print("CPU 3", false, NULL), "unknown: no exit was measured both");

	make_bench(&zen_4, false);
	measure_all(3);
	assert_null(strstr(print("CPU 3", false, NULL), "what a guest's PMU costs"));
}

/* 400 ns with one vCPU; with N of them 40 more for each beyond, and one more for each on a further CPU. */
static void make_vcpus_bench(const struct setting_host *host, unsigned int max, size_t n)
{
	static double all_vcpus[MAX_ROWS][MAX_RUNS * MAX_VCPUS];
	static int cpus[MAX_VCPUS];

	make_bench(host, false);
	plan.vcpus = bench.vcpus = max;
	for (unsigned int i = 0; i < max; i++)
		cpus[i] = (int)(max - 1 - i);
	bench.cpus = cpus;
	memset(bench.rows, 0, sizeof(bench.rows));
	bench.n_rows = cases_make(&plan, bench.rows);
	for (size_t i = 0; i < bench.n_rows; i++) {
		const unsigned int vcpus = bench.rows[i].vcpus;

		if (bench.rows[i].status != ROW_READY)
			continue;
		measure(i, n, 1000 + 100 * (vcpus - 1));
		bench.results[i].vcpus = all_vcpus[i];
		for (size_t r = 0; r < n; r++) {
			all_runs[i][r].together = 0.95;
			for (unsigned int v = 0; v < vcpus; v++)
				all_vcpus[i][r * vcpus + v] =
					all_runs[i][r].median + (vcpus > 1 ? 2.5 * v : 0);
		}
	}
}

static void test_print_vcpus(void **state)
{
	static const char *const cost[] = { "400.0", "+40.00", "+120.0" };
	static const char *const failed[] = { "400.0", "-", "+120.0" };
	static const char *const each[] = { "520.0", "521.0", "522.0", "523.0" };
	const char *line;
	char *text;
	size_t row;

	(void)state;
	make_vcpus_bench(&zen_4, 4, 5);
	text = print("CPU 3", false, NULL);
	check_width(text);
	assert_true(line_of(text, "what an exit costs while other vCPUs") <
		    strstr(text, "net of the empty loop"));
	check_words(text, "  vCPUs at once, ns", (const char *const[]){ "1", "2", "4" }, 3);
	check_words(text, "  cpuid/cpl3", cost, ARRAY_SIZE(cost));
	check_words(text, "  each of 4, ns; on CPU", (const char *const[]){ "3", "2", "1", "0" }, 4);
	line = line_of(line_of(text, "  each of 4, ns"), "  cpuid/cpl3");
	check_words(line, "  cpuid/cpl3", each, ARRAY_SIZE(each));
	assert_non_null(line_of(text, "control, 1 vCPU"));
	assert_non_null(line_of(text, "control, 4 vCPUs at once"));
	assert_non_null(line_of(text, "rdpmc, passthrough, 2 vCPUs at once"));
	/* What the intercept costs, at each number. */
	assert_non_null(line_of(text, "  gp-first/cpl0, vCPUs: 1"));
	assert_non_null(line_of(text, "  gp-first/cpl0, vCPUs: 4"));

	row = row_index("control/cpuid-vcpus2/cpl3");
	bench.rows[row].status = ROW_FAILED;
	strcpy(bench.rows[row].reason, "a reason");
	text = print("CPU 3", false, NULL);
	check_words(text, "  cpuid/cpl3", failed, ARRAY_SIZE(failed));
	check_prints(text, "a reason control/cpuid-vcpus2/cpl3");

	make_vcpus_bench(&zen_4, 4, 10);
	text = print("CPU 3", false, "control/cpuid*/cpl3");
	check_width(text);
	assert_int_equal(count_of(text, "95 %: from"), 1);
	assert_null(line_of(text, "  port/cpl0"));

	/* As wide and as long as it can be. */
	make_vcpus_bench(&ice_lake, 128, 10);
	text = print("CPU 3", false, NULL);
	check_width(text);

	make_vcpus_bench(&zen_4, 1, 3);
	check_prints(print("CPU 3", false, NULL), "unknown: no benchmark was measured both alone");
}

/* Where exits are recorded, what was counted stands there and no median. */
static void test_print_pmu_cost_of_paths(void **state)
{
	static const char *const instructions[] = { "instructions", "1201", "+1117", "-", "-", "-",
						    "-",	    "+1234567" };
	static const char *const wrmsr[] = { "31", "+10", "-", "-", "-", "-", "-2" };
	const char *line;
	char *text;

	(void)state;
	make_pmu_cost_bench(&zen_4);
	bench.emulated_host = true;
	measure_pmu_cost(10);
	set_path(pmu_cost_index("cpuid", "no-pmu", "cpl0"), 1201, 31);
	set_path(pmu_cost_index("cpuid", "intercepted-0", "cpl0"), 2318, 41);
	set_path(pmu_cost_index("cpuid", "passthrough-all", "cpl0"), 1201 + 1234567, 29);
	text = print("CPU 3", false, NULL);
	check_width(text);
	check_words(text, "  cpuid/cpl0", instructions, ARRAY_SIZE(instructions));
	line = strchr(line_of(text, "  cpuid/cpl0"), '\n') + 1;
	check_words(line, "                 WRMSR ", wrmsr, ARRAY_SIZE(wrmsr));
	assert_null(strstr(text, "95 %"));
}

/* The row's line below its group's heading: what was measured, in ns, and the exits. */
static void check_row_line(const char *text, const char *group, const char *label,
			   const struct row_figures *f, bool native)
{
	const double ticks[] = { f->median, f->mad, f->p99, f->max };
	char start[100], words[6][16], expected[16];
	const char *heading = line_of(text, group), *line = heading;

	if (!heading || line_of(heading + 1, group))
		fail_msg("group \"%s\" is there not once", group);
	snprintf(start, sizeof(start), "  %s ", label);
	do {
		line = strchr(line, '\n') + 1;
		if (strncmp(line, "  ", 2))
			fail_msg("no \"%s\" in group \"%s\"", label, group);
	} while (strncmp(line, start, strlen(start)));
	assert_int_equal(sscanf(line, "%*s %15s %15s %15s %15s %15s%1[^\n]", words[0], words[1],
				words[2], words[3], words[4], words[5]),
			 5);
	for (size_t i = 0; i < 4; i++) {
		format_figure(ticks[i] * 0.4, expected);
		assert_string_equal(words[i], expected);
	}
	format_figure(native ? (double)NAN : f->exits, expected);
	assert_string_equal(words[4], expected);
}

static void test_print_rows(void **state)
{
	static const char *const groups[] = { "control",
					      "rdpmc, intercepted",
					      "rdpmc, passthrough",
					      "rdpmc-fault, intercepted",
					      "rdpmc-fault, passthrough",
					      "rdpmc, native" };
	const char *text;

	(void)state;
	make_bench(&ice_lake, false);
	plan.native_reason[0] = 0;
	plan.native_fixed = true;
	plan.native_metrics = true;
	bench.n_rows = cases_make(&plan, bench.rows);
	for (size_t i = 0; i < bench.n_rows; i++)
		measure(i, 3, 1000 + 37 * (double)i);
	text = print("CPU 3", false, NULL);
	check_width(text);
	for (size_t i = 0; i < bench.n_rows; i++) {
		const struct row *row = &bench.rows[i];
		struct row_figures figures = row_figures(&bench.results[i]);
		char group[80], label[80];

		snprintf(group, sizeof(group), "%.*s%s%s", (int)strcspn(row->name, "/"), row->name,
			 row->control ? "" : ", ", row->control ? "" : row_setting(row));
		snprintf(label, sizeof(label), "%s/%s", row_counter_name(row),
			 row_privilege_name(row));
		check_row_line(text, group, label, &figures, row->machine == MACHINE_NATIVE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		assert_non_null(line_of(text, groups[i]));
	assert_non_null(line_of(text, "rdpmc, intercepted (GP counters one bit narrower)\n"));
	assert_non_null(line_of(text, "rdpmc, passthrough\n"));
	assert_non_null(line_of(text, "control\n"));
	/* the columns are in the order that the figures were held against */
	text = strstr(text, "median");
	assert_non_null(text);
	assert_int_equal(strncmp(text + strcspn(text, " "),
				 "     MAD     p99     max  /read\n", 32),
			 0);
}

static void test_print_simulated(void **state)
{
	const char *text;

	(void)state;
	make_bench(&pvm, true);
	measure_all(3);
	text = print("CPU 3", false, NULL);
	assert_non_null(line_of(text, "rdpmc, simulated-vpmu (answered by this program: the times "
				      "mean nothing)\n"));
	assert_non_null(line_of(text, "control\n"));
	assert_null(strstr(text, "exit cost"));
	assert_null(strstr(text, "\nskipped"));
	assert_null(strstr(text, "\nfailed"));
	/* Where nothing but native rows was measured there is no guest's clock. */
	bench.noise.clock_ratio = NAN;
	assert_null(strstr(print("CPU 3", false, NULL), "UNRELIABLE"));
}

/* Group by group, though a group's rows may stand apart. */
static void test_print_groups_whole(void **state)
{
	struct row row;
	const char *text;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	/* the first intercepted row to the end, the last passthrough one to the front */
	row = bench.rows[0];
	bench.rows[0] = bench.rows[row_index("rdpmc/metrics/passthrough/cpl3")];
	bench.rows[row_index("rdpmc/metrics/passthrough/cpl3")] = row;
	text = print("CPU 3", false, NULL);
	assert_int_equal(count_of(text, "\nrdpmc, passthrough"), 1);
	assert_int_equal(count_of(text, "\ncontrol"), 1);
	assert_int_equal(count_of(text, "\n  empty/"), 2);
}

static void skip_machine(enum machine_kind machine)
{
	for (size_t i = 0; i < bench.n_rows; i++)
		if (bench.rows[i].machine == machine && !bench.rows[i].control)
			bench.rows[i].status = ROW_SKIPPED;
}

/* Without passthrough: against native reads; without those the nearest row by its name; without an exit nothing. */
static void test_print_costs_unknown(void **state)
{
	const char *text, *costs;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(10);
	measure(row_index("rdpmc/metrics/intercepted/cpl3"), 10, 3000);
	measure(row_index("rdpmc/metrics/native/cpl3"), 10, 50);
	assert_null(strstr(print("CPU 3", false, NULL), "estimated"));
	skip_machine(MACHINE_PASSTHROUGH);
	text = print("CPU 3", false, NULL);
	costs = strstr(text, "\n  unknown: no counter was measured under both settings\n"
			     "  estimated as intercepted - native, a read of the host's own:\n");
	assert_non_null(costs);
	assert_non_null(strstr(costs, "\n  metrics/cpl3 "));
	assert_non_null(strstr(costs, "\n  in instructions, on an emulated host: make bench-machine\n"));
	assert_true(strstr(costs, "\n  metrics/cpl0 ") > strstr(costs, "net of the empty loop"));
	assert_null(strstr(text, "nearest benchmark"));
	skip_machine(MACHINE_NATIVE);
	text = print("CPU 3", false, NULL);
	assert_null(strstr(text, "estimated"));
	assert_non_null(
		strstr(text, "\n  nearest benchmark that exits: rdpmc/gp-first/intercepted/cpl3, "));
	for (size_t i = 0; i < bench.n_rows; i++)
		if (!strncmp(bench.rows[i].name, "rdpmc/", 6))
			bench.rows[i].status = ROW_SKIPPED;
	text = strstr(print("CPU 3", false, NULL), "\n  nearest benchmark that exits: rdpmc-fault/");
	assert_non_null(text);
	assert_non_null(strstr(text, "each: an RDPMC that is #GP,"));
	skip_machine(MACHINE_INTERCEPTED);
	assert_null(strstr(print("CPU 3", false, NULL), "exits: rdpmc"));
}

static void test_print_costs(void **state)
{
	static struct exit_cost all_costs[MAX_ROWS];
	const char *text, *costs;
	size_t in, out, n, faults = 0;
	char line[80];

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(10);
	in = row_index("rdpmc/metrics/intercepted/cpl3");
	out = row_index("rdpmc/metrics/passthrough/cpl3");
	for (size_t r = 0; r < 10; r++) { /* 5000 to 5090, less 50 */
		all_runs[in][r].median = 5000 + 10 * (double)r;
		all_runs[out][r].median = 50;
	}
	text = print("CPU 3", false, NULL);
	costs = strstr(text, "exit cost = intercepted - passthrough\n");
	assert_non_null(costs);
	costs = strstr(costs, "\n  metrics/cpl3 ");
	assert_non_null(costs);
	{
		double cost, lower, upper;

		assert_int_equal(sscanf(costs,
					" metrics/cpl3 %lf ns (95 %%: %lf to %lf)", &cost, &lower,
					&upper),
				 3);
		check_about(cost, 0.4 * 4995);
		/* 95 % of what 10 evenly spread runs can give */
		assert_true(lower >= 0.4 * 4955 && lower <= 0.4 * 4980);
		assert_true(upper >= 0.4 * 5010 && upper <= 0.4 * 5035);
	}
	/* What the processor refuses before it could exit costs no exit. */
	assert_null(strstr(text, "\n  #GP of gp-first/cpl3-nopce "));
	assert_non_null(strstr(text, "\n  gp-first/cpl0 "));
	n = exit_costs(&bench, all_costs, MAX_ROWS);
	for (size_t i = 0; i < n; i++)
		faults += strstr(all_costs[i].intercepted->name, "-nopce") != NULL;
	assert_true(faults > 0);
	assert_int_equal(count_of(text, "(95 %: "), n - faults);
	snprintf(line, sizeof(line), "\n  %zu more exit in neither setting: the CPU faults first\n",
		 faults);
	assert_non_null(strstr(text, line));
	assert_null(strstr(text, "unknown: no"));

	for (size_t i = 0; i < bench.n_rows; i++)
		if (bench.rows[i].machine == MACHINE_PASSTHROUGH)
			bench.rows[i].status = ROW_READY;
	text = print("CPU 3", false, NULL);
	assert_non_null(strstr(text, "\n  unknown: no counter was measured under both settings\n"));

	make_bench(&ice_lake, false);
	measure_all(2);
	text = print("CPU 3", false, NULL);
	check_prints(text, "too few runs for intervals");
	assert_null(strstr(text, "95 %"));

	make_bench(&pvm, false);
	measure_all(10);
	text = print("CPU 3", false, NULL);
	check_prints(
		text,
		"unknown: no passthrough here: kvm_pvm has no mediated PMU; needs a host with VMX "
		"or SVM of its own");
}

/* Rows that share a reason share a paragraph: the reason once, the names short but all there. */
static void test_print_paragraphs(void **state)
{
	const char *text;

	(void)state;
	make_bench(&pvm, false);
	measure_all(3);
	text = print("CPU 3", false, NULL);
	assert_int_equal(count_of(text, plan.setting[SETTING_PASSTHROUGH].reason), 2);
	assert_int_equal(count_of(text, "\nskipped\n"), 1);
	assert_int_equal(count_of(text, "\nfailed\n"), 0);
	assert_non_null(strstr(text, "\n  host has no PMU; a guest's counters need one\n"
				     "      rdpmc/gp-first/intercepted/{cpl0,cpl3} "
				     "rdpmc/gp-last/intercepted/{cpl0,cpl3}\n"));
	check_prints(text, "rdpmc/gp-first/passthrough/{cpl0,cpl3} "
			 "rdpmc-fault/gp-first/passthrough/cpl3-nopce "
			 "rdpmc/gp-last/passthrough/{cpl0,cpl3}");

	make_bench(&ice_lake, false);
	measure_all(3);
	for (size_t i = 0; i < bench.n_rows; i++)
		if (bench.rows[i].status == ROW_MEASURED && bench.rows[i].privilege &&
		    bench.rows[i].counter >= COUNTER_METRICS) {
			bench.rows[i].status = ROW_FAILED;
			strcpy(bench.rows[i].reason, bench.rows[i].machine == MACHINE_PASSTHROUGH
							     ? "one reason"
							     : "another");
		}
	text = print("CPU 3", false, NULL);
	assert_int_equal(count_of(text, "\nfailed\n"), 1);
	assert_int_equal(count_of(text, "\n  one reason\n"), 1);
	assert_int_equal(count_of(text, "\n  another\n"), 1);
	check_prints(text, "another rdpmc/metrics/intercepted/cpl3 "
			 "rdpmc-fault/metrics/intercepted/cpl3-nopce "
			 "rdpmc-fault/metrics-index1/intercepted/cpl3 "
			 "rdpmc-fault/type6000/intercepted/cpl3");
	/* what failed is no figure */
	assert_null(strstr(text, "\n  type6000/cpl3 "));
	assert_non_null(strstr(text, "\n  type6000/cpl0 "));
}

/* Who shares its CPU measures the others too: that has to be said. */
static void test_print_shared_cpu(void **state)
{
	char *text;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(10);
	text = print("CPU 3", false, NULL);
	assert_null(strstr(text, "UNRELIABLE"));
	bench.noise.cpu_share = 0.5;
	text = print("CPU 3", false, NULL);
	check_prints(text, "UNRELIABLE: other tasks used 50 % of CPU 0");
	bench.noise.cpu_share = NAN;
	text = print("CPU 3", false, NULL);
	assert_null(strstr(text, "UNRELIABLE"));
}

/* Lines of a paragraph stand below each other: a reason's behind 2 blanks, the names' behind 6. */
static void test_print_indents(void **state)
{
	const char *line, *text;
	unsigned int reasons = 0, names = 0;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	for (size_t i = 0; i < bench.n_rows; i++)
		if (bench.rows[i].status == ROW_MEASURED) {
			bench.rows[i].status = ROW_FAILED;
			fill_text(bench.rows[i].reason, sizeof(bench.rows[i].reason));
		} else {
			bench.rows[i].status = ROW_READY;
		}
	text = print("CPU 3", false, NULL);
	line = strstr(text, "\nfailed\n");
	assert_non_null(line);
	for (line += strlen("\nfailed\n"); *line != '\n'; line = strchr(line, '\n') + 1) {
		size_t blanks = strspn(line, " ");
		bool name = names || !strncmp(line + blanks, "control/", strlen("control/"));

		if (blanks != (name ? 6 : 2))
			fail_msg("%zu blanks: %.60s", blanks, line);
		names += name;
		reasons += !name;
	}
	/* 399 columns of text, and more than 1000 of names */
	assert_in_range(reasons, 5, 6);
	assert_true(names >= 10);
	check_prints(text, "control/empty/{cpl0,cpl3} control/rdtsc/{cpl0,cpl3}");
}

/* The table ends where it says: what stands behind is not there. */
static void test_print_to_the_end(void **state)
{
	char *text;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	bench.rows[0].status = ROW_FAILED;
	strcpy(bench.rows[0].reason, "the first of them");
	measure(1, 9, 100);
	bench.n_rows = row_index("rdpmc/fixed1/intercepted/cpl3");
	text = print("CPU 3", false, NULL);
	assert_non_null(strstr(text, "\n  fixed1/cpl0 "));
	assert_null(strstr(text, "\n  fixed1/cpl3 "));
	check_prints(text, "the first of them control/empty/cpl0");
	check_prints(text, "9 of 10 runs");
	bench.rows[bench.n_rows].status = ROW_FAILED;
	strcpy(bench.rows[bench.n_rows].reason, "the one behind the last");
	assert_null(strstr(print("CPU 3", false, NULL), "the one behind the last"));
}

static void test_print_noise(void **state)
{
	static const struct {
		double ratio;
		bool warns;
	} clocks[] = { { 1, false },     { 0.95, false }, { 0.85, true }, { 0.5, true },
		       { 1.005, false }, { 1.05, true },  { 2, true },    { NAN, false } };
	char *text;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	bench.noise = (struct noise){ .cpu_share = 0.99,
				      .involuntary_switches = 12,
				      .steal_seconds = 0.5,
				      .irq_exits = 345,
				      .smis = -1,
				      .samples = 67890,
				      .disturbed = 11,
				      .clock_ratio = 1 };
	text = print("CPU 3", false, NULL);
	check_prints(text, "noise: 11 of 67890 samples disturbed, 345 interrupts in measured loops, "
			 "SMIs: unknown, preempted 12 times, 0.50 s stolen");
	bench.noise.smis = 0;
	check_prints(print("CPU 3", false, NULL), "SMIs: 0,");
	bench.noise.smis = 6;
	check_prints(print("CPU 3", false, NULL), "SMIs: 6,");
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		bench.noise.clock_ratio = clocks[i].ratio;
		text = print("CPU 3", false, NULL);
		if (!strstr(text, "UNRELIABLE: the guest's clock") == clocks[i].warns)
			fail_msg("the clock at %g", clocks[i].ratio);
	}
}

static void test_print_not_counted(void **state)
{
	char *text;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	text = print("CPU 3", false, NULL);
	assert_non_null(strstr(text, "\nnot counted: kvm:kvm_exit kvm:kvm_entry "
				     "kvm:kvm_emulate_insn kvm:kvm_inj_exception kvm:kvm_pio\n  "
				     "no tracefs: mount -t tracefs tracefs /sys/kernel/tracing\n"));
	assert_non_null(strstr(text, "\nnot counted: host_cycles host_instructions\n  host has no "
				     "PMU\n"));
	assert_int_equal(count_of(text, "not counted"), 2);
	bench.counts.reason[PERF_KVM_ENTRY][0] = 0;
	text = print("CPU 3", false, NULL);
	assert_null(strstr(text, "kvm:kvm_entry"));
	for (int i = 0; i < NR_PERF_COUNTS; i++)
		bench.counts.reason[i][0] = 0;
	assert_null(strstr(print("CPU 3", false, NULL), "not counted"));
}

static void test_print_head(void **state)
{
	char *text;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	measure(row_index("rdpmc/fixed0/intercepted/cpl3"), 7, 100);
	text = print("CPU 3", false, NULL);
	assert_non_null(strstr(text, "backend vmx\n"));
	check_prints(text, "7 of 10 runs");
	check_prints(text, "seed 18446744073709551615");
	check_prints(text, "46.5 s");
	check_prints(text, "TSC 2500.0 MHz");
	assert_null(strstr(text, "partial"));
	bench.partial = true;
	check_prints(print("CPU 3", false, NULL), "; INTERRUPTED: partial");
	make_bench(&pvm, false);
	check_prints(print("CPU 3", false, NULL), "backend pvm, on a host that is itself a guest");
}

/* The figures of an emulated host are instructions. Nothing in the report may look like a time. */
static void test_print_emulated_host(void **state)
{
	struct row_figures f;
	double cost, lower, upper;
	const char *text, *line;
	char start[80], words[4][16];
	size_t i;

	(void)state;
	make_bench(&ice_lake, false);
	bench.emulated_host = true;
	bench.noise.clock_ratio = 1.25;
	measure_all(10);
	i = row_index("rdpmc/metrics/intercepted/cpl3");
	measure(i, 10, 5000);
	f = row_figures(&bench.results[i]);
	text = print("CPU 3", false, NULL);
	check_width(text);
	assert_int_equal(strncmp(text, "INSTRUCTIONS, NOT TIME: ", 24), 0);
	assert_non_null(line_of(text,
				"  net of the empty loop      median     MAD     p99     max  "
				"/read\n"));
	line = line_of(line_of(text, "rdpmc, intercepted"), "  metrics/cpl3 ");
	assert_non_null(line);
	assert_int_equal(sscanf(line, "%*s %15s %15s %15s %15s %*s%1[^\n]", words[0], words[1],
				words[2], words[3], start),
			 4);
	for (size_t figure = 0; figure < ARRAY_SIZE(words); figure++) {
		format_figure((double[]){ f.median, f.mad, f.p99, f.max }[figure], start);
		assert_string_equal(words[figure], start);
	}
	line = line_of(strstr(text, "exit cost ="), "  metrics/cpl3 ");
	assert_non_null(line);
	assert_int_equal(sscanf(line, " metrics/cpl3 %lf instructions (95 %%: %lf to %lf)%1[^\n]",
				&cost, &lower, &upper, start),
			 3);
	assert_true(lower <= cost && cost <= upper);
	assert_null(strstr(text, " ns"));
	assert_null(strstr(text, " cycles"));
	assert_null(strstr(text, "MHz"));
	check_prints(text, "46.5 s by its own clock");
	bench.emulated_host = false;
	text = print("CPU 3", false, NULL);
	assert_null(strstr(text, "INSTRUCTIONS"));
	assert_null(strstr(text, " instructions"));
}

/* No glob: the loops are shown as any row is. With one that does not name them: hidden. */
static void test_print_of_a_filter(void **state)
{
	char *text;

	(void)state;
	make_bench(&ice_lake, false);
	bench.n_rows = rows_filter(bench.rows, bench.n_rows, "rdpmc/gp-first/*");
	measure_all(10);
	assert_true(bench.rows[row_index("control/empty/cpl3")].status == ROW_MEASURED);
	text = print("CPU 3", false, "rdpmc/gp-first/*");
	check_width(text);
	check_prints(text, "gp-first");
	assert_null(strstr(text, "empty/"));
	text = print("CPU 3", false, NULL);
	assert_non_null(strstr(text, "empty/"));
}

/* A loop that nobody asked for and that failed makes every row wrong: it is not hidden. */
static void test_print_of_a_failed_loop(void **state)
{
	size_t loop;
	char *text;

	(void)state;
	make_bench(&ice_lake, false);
	bench.n_rows = rows_filter(bench.rows, bench.n_rows, "rdpmc/gp-first/*");
	measure_all(10);
	loop = row_index("control/empty/cpl3");
	bench.rows[loop].status = ROW_FAILED;
	strcpy(bench.rows[loop].reason, "the loop took 1.00 exits a turn instead of none");
	text = print("CPU 3", false, "rdpmc/gp-first/*");
	check_prints(text, "control/empty/cpl3");
	check_prints(text, "the loop took 1.00 exits a turn instead of none");
}

static void test_colour(void **state)
{
	static char plain[1 << 18];
	char *coloured, *to;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(10);
	bench.rows[3].status = ROW_FAILED;
	strcpy(bench.rows[3].reason, "a wrong answer");
	strcpy(plain, print("CPU 3", false, NULL));
	coloured = print("CPU 3", true, NULL);
	assert_null(strchr(plain, '\033'));
	assert_non_null(strchr(coloured, '\033'));
	check_width(coloured);
	/* nothing but colours differs */
	to = coloured;
	for (const char *from = coloured; *from; from++)
		if (*from == '\033')
			from += strcspn(from, "m");
		else
			*to++ = *from;
	*to = 0;
	assert_string_equal(plain, coloured);
}

/* Every failed row is named with all of its reason, every skipped reason is there. */
static void test_print_failed(void **state)
{
	char *text;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(10);
	for (size_t i = 0; i < bench.n_rows; i++)
		if (i % 2 && bench.rows[i].status == ROW_MEASURED) {
			bench.rows[i].status = ROW_FAILED;
			snprintf(
				bench.rows[i].reason, sizeof(bench.rows[i].reason),
				"took %zu exits where none was expected, and so on for more than a "
				"line of the terminal, so that it has to be broken somewhere",
				i);
			if (i % 4 == 1) { /* failed before it had a run */
				bench.results[i].runs = NULL;
				bench.results[i].n_runs = 0;
			}
		}
	text = print("CPU 3", false, NULL);
	check_width(text);
	for (size_t i = 0; i < bench.n_rows; i++) {
		if (bench.rows[i].status == ROW_FAILED) {
			check_prints(text, bench.rows[i].name);
			check_prints(text, bench.rows[i].reason);
		}
		if (bench.rows[i].status == ROW_SKIPPED)
			check_prints(text, bench.rows[i].reason);
	}
}

/* The widest that can be: long names, reasons and placement, great figures, of either sign. */
static void test_width(void **state)
{
	static const double values[] = { 0, 1, -1, 1e5, -1e5, 1e8, -1e8, 1e11, -1e11 };
	static const struct setting_host *const hosts[] = { &ice_lake, &zen_4,    &pvm,
							    &ice_lake, &backdoor, &no_vpmu };
	char placement_text[160];

	(void)state;
	fill_text(placement_text, sizeof(placement_text));
	for (size_t v = 0; v < ARRAY_SIZE(values); v++)
		for (unsigned int what = 0; what < 4 * ARRAY_SIZE(hosts); what++) {
			size_t host = what / 4;

			make_bench(hosts[host], host == 3);
			measure_all(v % 2 ? 10 : 1);
			for (size_t i = 0; i < bench.n_rows; i++) {
				struct row *row = &bench.rows[i];

				if (row->status == ROW_MEASURED)
					measure(i, 10,
						values[(v + (i & what)) % ARRAY_SIZE(values)]);
				if (what & 1 && i % 5 == 0)
					snprintf(row->name, sizeof(row->name),
						 "rdpmc-fault/counter-of-long-name-%03u/"
						 "passthrough/cpl3-nopce",
						 (unsigned int)i % 1000);
				if (what & 2 && i % 3 == 0) {
					row->status = i % 2 ? ROW_FAILED : ROW_SKIPPED;
					fill_text(row->reason, sizeof(row->reason));
				}
			}
			bench.partial = what & 1;
			bench.noise =
				(struct noise){ .involuntary_switches = 999999999,
						.steal_seconds = 999999,
						.irq_exits = 9999999,
						.smis = what & 1 ? -1 : 99999,
						.samples = 9999999999,
						.disturbed = 9999999,
						.clock_ratio = what & 1 ? (double)NAN : 1.25 };
			bench.elapsed = 86400;
			check_width(print(placement_text, what & 2, NULL));
		}
}

/* A day of it, as --time allows. */
static void test_width_of_noise(void **state)
{
	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	bench.noise.samples = 999999999999;
	bench.noise.disturbed = 9999999999;
	bench.noise.irq_exits = 999999999;
	check_width(print("CPU 3", false, NULL));
}

static void test_width_of_not_counted(void **state)
{
	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	for (int i = 0; i < NR_PERF_COUNTS; i++)
		strcpy(bench.counts.reason[i], no_tracefs);
	check_width(print("CPU 3", false, NULL));
}

/* Nothing was measured at all: still a report. */
static void test_print_of_nothing(void **state)
{
	char *text;

	(void)state;
	make_bench(&pvm, false);
	bench.tsc_khz = 0;
	bench.partial = true;
	bench.noise.clock_ratio = NAN;
	for (size_t i = 0; i < bench.n_rows; i++)
		if (bench.rows[i].status == ROW_READY) {
			bench.rows[i].status = ROW_SKIPPED;
			strcpy(bench.rows[i].reason, "interrupted");
		}
	text = print("CPU 0", false, NULL);
	check_width(text);
	check_prints(text, "interrupted");
	assert_non_null(line_of(text, "0 of 10 runs"));
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
}

/* ----- JSON ----- */

static struct placement placement = { .cpu = 3,
				      .core = 2,
				      .node = 0,
				      .nr_cpus = 8,
				      .siblings = 2,
				      .isolated = true,
				      .bound = false,
				      .text = "CPU 3: isolated" };
#define STARTED "2026-01-02T03:04:05Z"

static json_t *json;

static int drop_json(void **state)
{
	(void)state;
	json_decref(json);
	json = NULL;
	return 0;
}

static void make_json(void)
{
	json_t *context = json_pack("{s:s}", "hostname", "made");
	char *text;

	assert_non_null(context);
	drop_json(NULL);
	json = results_json(&bench, &plan, context, &placement, STARTED);
	assert_non_null(json);
	/* can be written, and read again as the same */
	text = json_dumps(json, 0);
	assert_non_null(text);
	free(text);
}

static json_t *get(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		fail_msg("no \"%s\"", key);
	return value;
}

static json_t *json_row(const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach(get(json, "rows"), i, row)
		if (!strcmp(json_string_value(get(row, "name")), name))
			return row;
	fail_msg("no row %s", name);
	return NULL;
}

static const char *last_key(json_t *object)
{
	const char *key, *last = "";
	json_t *value;

	json_object_foreach(object, key, value)
		last = key;
	return last;
}

static json_t *json_run(const char *name, size_t run)
{
	return json_array_get(get(get(json, "details"), name), run);
}

static void check_number(json_t *object, const char *key, double expected)
{
	json_t *value = get(object, key);

	if (!json_is_number(value) ||
	    !(fabs(json_number_value(value) - expected) <= 1e-6 * (1 + fabs(expected))))
		fail_msg("%s: %g instead of %g", key, json_number_value(value), expected);
}

static void check_string(json_t *object, const char *key, const char *expected)
{
	assert_true(json_is_string(get(object, key)));
	assert_string_equal(json_string_value(get(object, key)), expected);
}

static void test_json(void **state)
{
	static const struct {
		int lower, count;
	} holds[] = { { 0, 1 }, { 7, 2 }, { 100, 1 } };
	json_t *row, *run, *buckets, *where;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	measure(row_index("rdpmc/metrics/intercepted/cpl3"), 3, 5000);
	make_json();
	check_string(json, "schema", "rdpmc-results/2");
	/* readers stop there */
	assert_string_equal(last_key(json), "details");
	check_string(json, "kind", "bench");
	check_string(json, "started", STARTED);
	assert_true(json_is_false(get(json, "partial")));
	assert_true(json_string_length(get(get(json, "program"), "version")) > 0);
	check_number(get(json, "options"), "seconds", 45);
	check_number(get(json, "options"), "runs", 10);
	check_string(get(json, "options"), "seed", "18446744073709551615");
	assert_true(json_is_null(get(get(json, "options"), "filter")));
	assert_true(json_is_null(get(get(json, "options"), "vpmu")));
	check_number(json, "elapsed", 46.5);
	check_string(get(json, "context"), "hostname", "made");
	check_string(get(json, "context"), "backend", "vmx");
	check_number(get(json, "context"), "guest_tsc_khz", TSC_KHZ);
	check_number(get(get(json, "context"), "host_pmu"), "fixed_counters", 4);
	check_string(get(get(json, "context"), "host_pmu"), "perf_capabilities", "0xa005");
	where = get(get(json, "context"), "placement");
	assert_int_equal(json_object_size(where), 7);
	check_number(where, "cpu", 3);
	check_number(where, "core", 2);
	check_number(where, "node", 0);
	check_number(where, "siblings", 2);
	assert_true(json_is_true(get(where, "isolated")));
	assert_true(json_is_false(get(where, "bound")));
	check_string(where, "text", placement.text);
	assert_true(json_is_null(get(get(json, "context"), "simulated_pmu")));
	assert_int_equal(json_array_size(get(json, "rows")), bench.n_rows);

	row = json_row("rdpmc/metrics/intercepted/cpl3");
	check_string(row, "setting", "intercepted");
	check_string(row, "status", "measured");
	check_string(row, "reason", "");
	check_string(row, "unit", "ns");
	check_string(row, "ecx", "20000000");
	check_string(row, "value", "0xfedcba9876543210");
	check_number(row, "median", 2000);
	check_number(row, "mad", 0.4);
	check_number(row, "p99", 2008);
	check_number(row, "max", 2400.4);
	check_number(row, "cycles_median", 5000);
	check_number(row, "exits_per_read", 1.01);
	check_number(row, "emulated_per_read", 0.25);
	assert_int_equal(json_array_size(get(row, "runs")), 3);
	assert_int_equal(
		json_array_size(get(get(json, "details"), json_string_value(get(row, "name")))), 3);
	run = json_run("rdpmc/metrics/intercepted/cpl3", 2); /* of 5001 ticks */
	assert_true(fabs(json_number_value(json_array_get(get(row, "runs"), 2)) - 2000.4) < 1e-9);
	check_number(run, "raw", 2002);
	check_number(run, "min", 1999.6);
	check_number(run, "sample_median", 2000.8);
	check_number(run, "mad", 0.4);
	check_number(run, "p90", 2004.4);
	check_number(run, "p99", 2008.4);
	check_number(run, "p999", 2012.4);
	check_number(run, "max", 2400.4);
	check_number(run, "sample_overhead", 10);
	check_number(run, "exits_per_read", 1.01);
	check_number(run, "emulated_per_read", 0.25);
	check_number(run, "samples", 100);
	check_number(run, "disturbed", 3);
	check_number(run, "interrupts", 2);

	check_number(get(run, "histogram"), "overflow", 1);
	buckets = get(get(run, "histogram"), "buckets");
	check_string(get(run, "histogram"), "unit", "cycles");
	assert_int_equal(json_array_size(buckets), ARRAY_SIZE(holds));
	for (size_t b = 0; b < ARRAY_SIZE(holds); b++) {
		json_t *bucket = json_array_get(buckets, b);

		assert_int_equal(json_array_size(bucket), 2);
		assert_int_equal(json_integer_value(json_array_get(bucket, 0)), holds[b].lower);
		assert_int_equal(json_integer_value(json_array_get(bucket, 1)), holds[b].count);
	}

	/* a read that ends in #GP answers nothing */
	row = json_row("rdpmc-fault/metrics-index1/passthrough/cpl3");
	assert_null(json_object_get(row, "value"));
	check_string(row, "rule", "METRICS-INDEX");
	row = json_row("control/rdtsc/cpl3");
	check_string(row, "setting", "control");
	assert_null(json_object_get(row, "ecx"));
	row = json_row("rdpmc/gp-first/native/cpl3");
	check_string(row, "status", "skipped");
	check_string(row, "reason", plan.native_reason);
	assert_int_equal(json_object_size(row), 5); /* nothing of a read that was not made */
}

static json_t *json_cost(const char *intercepted)
{
	json_t *cost;
	size_t i;

	json_array_foreach(get(json, "exit_costs"), i, cost)
		if (!strcmp(json_string_value(get(cost, "intercepted")), intercepted))
			return cost;
	fail_msg("no cost of %s", intercepted);
	return NULL;
}

static void test_json_costs(void **state)
{
	json_t *cost;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(10);
	make_json();
	cost = json_cost("rdpmc/metrics/intercepted/cpl3");
	check_string(cost, "passthrough", "rdpmc/metrics/passthrough/cpl3");
	check_string(cost, "unit", "ns");
	check_number(cost, "cost", 788);
	assert_true(json_number_value(get(cost, "lower")) <= 788);
	assert_true(json_number_value(get(cost, "upper")) >= 788);

	make_bench(&pvm, false);
	measure_all(10);
	make_json();
	assert_true(json_is_array(get(json, "exit_costs")));
	assert_int_equal(json_array_size(get(json, "exit_costs")), 0);
}

static void test_json_pmu_costs(void **state)
{
	json_t *costs, *cost = NULL, *each;
	const char *key, *last = NULL;
	size_t i, with;

	(void)state;
	make_pmu_cost_bench(&zen_4);
	measure_pmu_cost(10);
	with = pmu_cost_index("cpuid", "passthrough-all", "cpl3");
	set_path(pmu_cost_index("cpuid", "no-pmu", "cpl3"), 1201, 0);
	set_path(with, 2713, 29);
	make_json();
	assert_true(json_is_true(get(get(json, "options"), "pmu_cost")));
	costs = get(json, "pmu_costs");
	assert_int_equal(json_array_size(costs), 5 * ARRAY_SIZE(pmu_guests));
	json_array_foreach(costs, i, each)
	{
		if (!strcmp(json_string_value(get(each, "row")), bench.rows[with].name))
			cost = each;
		else
			assert_null(json_object_get(each, "exit_path"));
	}
	assert_non_null(cost);
	check_string(cost, "without", "control/cpuid-no-pmu/cpl3");
	check_string(cost, "unit", "ns");
	check_number(cost, "cost", 240);
	assert_true(json_number_value(get(cost, "lower")) <= 240);
	assert_true(json_number_value(get(cost, "upper")) >= 240);
	check_number(get(cost, "exit_path"), "instructions", 1512);
	check_number(get(cost, "exit_path"), "wrmsr", 29);
	/* What reads results takes it that nothing comes behind the details. */
	json_object_foreach(json, key, each) last = key;
	assert_string_equal(last, "details");
	assert_int_equal(json_array_size(get(json, "exit_costs")), 0);

	make_pmu_cost_bench(&pvm);
	measure_pmu_cost(3);
	make_json();
	assert_int_equal(json_array_size(get(json, "pmu_costs")), 0);

	make_bench(&zen_4, false);
	measure_all(3);
	make_json();
	assert_null(json_object_get(json, "pmu_costs"));
	assert_null(json_object_get(get(json, "options"), "pmu_cost"));
}

static void test_json_vcpus(void **state)
{
	json_t *costs, *cost = NULL, *each, *row = NULL;
	size_t i;

	(void)state;
	make_vcpus_bench(&zen_4, 4, 10);
	make_json();
	assert_int_equal(json_integer_value(get(get(json, "options"), "vcpus")), 4);
	costs = get(json, "vcpu_costs");
	json_array_foreach(costs, i, each) if (!strcmp(json_string_value(get(each, "row")),
						       "control/cpuid-vcpus4/cpl3")) cost = each;
	assert_non_null(cost);
	check_string(cost, "alone", "control/cpuid-vcpus1/cpl3");
	check_number(cost, "cost", 120);
	json_array_foreach(get(json, "rows"), i, each) if (!strcmp(
		json_string_value(get(each, "name")), "control/cpuid-vcpus4/cpl3")) row = each;
	assert_non_null(row);
	assert_int_equal(json_integer_value(get(row, "vcpus")), 4);
	check_number(row, "together", 0.95);
	assert_int_equal(json_array_size(get(row, "each_vcpu")), 4);
	check_number(json_array_get(get(row, "each_vcpu"), 3), "median", 523);
	assert_int_equal(json_integer_value(get(json_array_get(get(row, "each_vcpu"), 3), "cpu")),
			 0);

	make_bench(&zen_4, false);
	measure_all(3);
	make_json();
	assert_null(json_object_get(json, "vcpu_costs"));
	assert_null(json_object_get(get(json, "options"), "vcpus"));
	assert_null(json_object_get(json_array_get(get(json, "rows"), 0), "vcpus"));
}

/* Instructions under the name of instructions; what would be a time or a frequency is null. */
static void test_json_emulated_host(void **state)
{
	json_t *row, *run;

	(void)state;
	make_bench(&ice_lake, false);
	bench.emulated_host = true;
	measure_all(10);
	measure(row_index("rdpmc/metrics/intercepted/cpl3"), 3, 5000);
	make_json();
	for (size_t i = 0; i < bench.n_rows; i++)
		check_string(json_row(bench.rows[i].name), "unit", "instructions");
	row = json_row("rdpmc/metrics/intercepted/cpl3");
	check_number(row, "median", 5000);
	check_number(row, "mad", 1);
	check_number(row, "p99", 5020);
	check_number(row, "max", 6001);
	assert_true(json_is_null(get(row, "cycles_median")));
	assert_true(json_number_value(json_array_get(get(row, "runs"), 2)) == 5001);
	run = json_run("rdpmc/metrics/intercepted/cpl3", 2);
	check_number(run, "raw", 5005);
	check_number(run, "max", 6001);
	check_number(run, "sample_overhead", 25);
	check_string(get(run, "histogram"), "unit", "instructions");
	row = json_cost("rdpmc/gp-first/intercepted/cpl3");
	check_string(row, "unit", "instructions");
	check_number(row, "cost", 1970);
	assert_true(json_is_null(get(get(json, "context"), "guest_tsc_khz")));
}

/* The path of an exit, as the emulated machine recorded it. */
static const struct path path = {
	.reason = 15,
	.exits = 64,
	.disturbed = 1,
	.same = 61,
	.instructions = 2696,
	.rdmsr = 3,
	.wrmsr = 26,
	.atomic = 7,
	.indirect = 5,
	.text_lines = 214,
	.stack_lines = 4,
	.data_lines = 90,
	.user_pages = 11,
	.nr_msrs = 2,
	.msrs = { { 0x38f, 1 }, { 1ull << 32 | 0xc0010200, 5 } },
};

static void test_json_exit_path(void **state)
{
	json_t *object;
	size_t i;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	i = row_index("rdpmc/gp-first/intercepted/cpl3");
	bench.emulated_host = true;
	bench.results[i].path = path;
	make_json();
	assert_null(json_object_get(json_row(bench.rows[i].name), "exit_path"));
	bench.results[i].has_path = true;
	make_json();
	object = get(json_row(bench.rows[i].name), "exit_path");
	check_number(object, "reason", 15);
	check_number(object, "exits", 64);
	check_number(object, "disturbed", 1);
	check_number(object, "same", 61);
	check_number(object, "instructions", 2696);
	check_number(object, "wrmsr", 26);
	check_number(object, "stack_lines", 4);
	check_number(object, "user_pages", 11);
	check_number(object, "exceptions", 0);
	check_number(get(object, "rdmsr_by_register"), "0x38f", 1);
	check_number(get(object, "wrmsr_by_register"), "0xc0010200", 5);
	assert_int_equal(json_object_size(get(object, "rdmsr_by_register")), 1);
	assert_int_equal(json_object_size(get(object, "wrmsr_by_register")), 1);
	assert_null(json_object_get(json_row("rdpmc/gp-last/intercepted/cpl3"), "exit_path"));
}

static void test_print_exit_path(void **state)
{
	const char *text;
	size_t i;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	i = row_index("rdpmc/gp-first/intercepted/cpl3");
	bench.emulated_host = true;
	assert_null(strstr(print("here", false, NULL), "path of one exit"));
	bench.results[i].has_path = true;
	bench.results[i].path = path;
	text = print("here", false, NULL);
	check_width(text);
	assert_non_null(strstr(text,
			       "rdpmc/gp-first/intercepted/cpl3               2696     3    26"
			       "      7      5   214     4    90\n"
			       "      taken by 61 of 63 exits; the others took other paths\n"));
	bench.results[i].path.same = 63;
	assert_null(strstr(print("here", false, NULL), "other paths"));
	assert_null(strstr(print("here", false, "rdpmc/gp-last/*"), "path of one exit"));
}

/* What is not known is null; JSON has no NaN. */
static void test_json_null(void **state)
{
	json_t *row, *run, *cost;
	size_t i;

	(void)state;
	make_bench(&ice_lake, false);
	plan.native_reason[0] = 0;
	plan.native_fixed = true;
	plan.native_metrics = true;
	bench.n_rows = cases_make(&plan, bench.rows);
	measure_all(2);
	bench.noise.clock_ratio = NAN;
	bench.noise.smis = -1;
	/* the zeroes of a row without a guest are not counts */
	i = row_index("rdpmc/gp-first/native/cpl3");
	for (size_t r = 0; r < 2; r++) {
		all_runs[i][r].exits = 0;
		all_runs[i][r].insn_emulation = 0;
	}
	/* and a count that is not known is none, guest or not */
	i = row_index("control/rdtsc/cpl3");
	all_runs[i][0].exits = NAN;
	placement.node = -1;
	make_json();
	placement.node = 0;
	assert_true(json_is_null(get(get(get(json, "context"), "noise"), "clock_ratio")));
	assert_true(json_is_null(get(get(get(json, "context"), "noise"), "smis")));
	assert_true(json_is_null(get(get(get(json, "context"), "placement"), "node")));
	row = json_row("rdpmc/gp-first/native/cpl3");
	check_string(row, "setting", "native");
	assert_true(json_is_null(get(row, "exits_per_read")));
	assert_true(json_is_null(get(row, "emulated_per_read")));
	run = json_run("rdpmc/gp-first/native/cpl3", 0);
	assert_true(json_is_null(get(run, "exits_per_read")));
	assert_true(json_is_null(get(run, "emulated_per_read")));
	row = json_row("control/rdtsc/cpl3");
	assert_true(json_is_null(get(row, "exits_per_read")));
	check_number(row, "emulated_per_read", 0.25);
	assert_true(json_is_null(get(json_run("control/rdtsc/cpl3", 0), "exits_per_read")));
	check_number(json_run("control/rdtsc/cpl3", 1), "exits_per_read", 0.01);
	cost = json_cost("rdpmc/metrics/intercepted/cpl3");
	check_number(cost, "cost", 788);
	assert_true(json_is_null(get(cost, "lower")));
	assert_true(json_is_null(get(cost, "upper")));
}

static void test_json_noise(void **state)
{
	json_t *noise;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	bench.noise = (struct noise){ .involuntary_switches = 12,
				      .steal_seconds = 0.5,
				      .irq_exits = 34,
				      .smis = 5,
				      .samples = 6000,
				      .disturbed = 7,
				      .clock_ratio = 0.998 };
	bench.partial = true;
	make_json();
	assert_true(json_is_true(get(json, "partial")));
	noise = get(get(json, "context"), "noise");
	check_number(noise, "involuntary_switches", 12);
	check_number(noise, "steal_seconds", 0.5);
	check_number(noise, "interrupts", 34);
	check_number(noise, "smis", 5);
	check_number(noise, "samples", 6000);
	check_number(noise, "disturbed", 7);
	check_number(noise, "clock_ratio", 0.998);
}

/* Every field of a PMU is its own. */
static void test_json_pmu(void **state)
{
	static const char *const vendors[] = { "other", "intel", "amd" };

	(void)state;
	for (int vendor = 0; vendor < 3; vendor++) {
		json_t *pmu;

		make_bench(&ice_lake, false);
		measure_all(1);
		plan.host.cpu = (struct pmu_shape){ .vendor = (enum cpu_vendor)vendor,
						    .version = 1,
						    .nr_gp = 2,
						    .gp_width = 3,
						    .nr_fixed = 4,
						    .fixed_width = 5,
						    .perf_capabilities = 0xfedcba9876543210 };
		plan.host.kvm = (struct pmu_shape){ .version = 9 };
		make_json();
		pmu = get(get(json, "context"), "host_pmu");
		assert_int_equal(json_object_size(pmu), 7);
		check_string(pmu, "vendor", vendors[vendor]);
		check_number(pmu, "version", 1);
		check_number(pmu, "gp_counters", 2);
		check_number(pmu, "gp_width", 3);
		check_number(pmu, "fixed_counters", 4);
		check_number(pmu, "fixed_width", 5);
		check_string(pmu, "perf_capabilities", "0xfedcba9876543210");
		check_number(get(get(json, "context"), "offered_pmu"), "version", 9);
	}
}

static void test_json_settings(void **state)
{
	json_t *setting;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	make_json();
	setting = get(get(json, "context"), "passthrough");
	assert_true(json_is_true(get(setting, "available")));
	check_number(get(setting, "guest_pmu"), "gp_width", 48);
	setting = get(get(json, "context"), "intercepted");
	check_number(get(setting, "guest_pmu"), "gp_width", 47);
	check_string(setting, "means", "gp-width");
	check_string(setting, "means_text", intercept_cause_text(INTERCEPT_CAUSE_GP_WIDTH));

	make_bench(&pvm, false);
	measure_all(3);
	make_json();
	setting = get(get(json, "context"), "passthrough");
	assert_true(json_is_false(get(setting, "available")));
	check_string(setting, "reason", plan.setting[SETTING_PASSTHROUGH].reason);
	check_string(setting, "remedy", plan.setting[SETTING_PASSTHROUGH].remedy);
	check_string(get(json, "context"), "backend", "pvm");
	assert_true(json_is_true(get(get(json, "context"), "nested")));
}

static void test_json_options(void **state)
{
	json_t *row;

	(void)state;
	make_bench(&pvm, true);
	measure_all(3);
	bench.options.filter = "*/metrics/*";
	make_json();
	check_string(get(json, "options"), "filter", "*/metrics/*");
	check_string(get(json, "options"), "vpmu", "user");
	check_number(get(get(json, "context"), "simulated_pmu"), "gp_counters", 8);
	row = json_row("rdpmc/metrics/simulated-vpmu/cpl3");
	check_string(row, "setting", "simulated-vpmu");
}

static void test_json_failed(void **state)
{
	json_t *row;
	size_t with, without;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	with = row_index("rdpmc/fixed0/intercepted/cpl3");
	without = row_index("rdpmc/fixed1/intercepted/cpl3");
	bench.rows[with].status = ROW_FAILED;
	strcpy(bench.rows[with].reason, "0.00 exits per read: \"intercepted\" is a wrong label");
	bench.rows[without].status = ROW_FAILED;
	strcpy(bench.rows[without].reason, "the read gave #GP");
	bench.results[without] = (struct row_result){ 0 };
	make_json();
	row = json_row("rdpmc/fixed0/intercepted/cpl3");
	check_string(row, "status", "failed");
	check_string(row, "reason", "0.00 exits per read: \"intercepted\" is a wrong label");
	assert_int_equal(json_array_size(get(row, "runs")), 3);
	row = json_row("rdpmc/fixed1/intercepted/cpl3");
	check_string(row, "status", "failed");
	check_string(row, "reason", "the read gave #GP");
	assert_null(json_object_get(row, "runs"));
	assert_null(json_object_get(row, "median"));
	assert_null(json_object_get(get(json, "details"), "rdpmc/fixed1/intercepted/cpl3"));
}

static void test_json_counts(void **state)
{
	json_t *context;
	size_t i;

	(void)state;
	make_bench(&ice_lake, false);
	measure_all(3);
	bench.counts.fd[PERF_KVM_EXIT] = 99;
	bench.counts.reason[PERF_KVM_EXIT][0] = 0;
	i = row_index("rdpmc/fixed0/intercepted/cpl3");
	bench.results[i].has_counts = true;
	bench.results[i].counts[PERF_KVM_EXIT] = 1.25;
	make_json();
	context = get(json, "context");
	assert_null(json_object_get(get(context, "not_counted"), "kvm:kvm_exit"));
	check_string(get(context, "not_counted"), "kvm:kvm_entry", no_tracefs);
	assert_int_equal(json_object_size(get(context, "not_counted")), NR_PERF_COUNTS - 1);
	check_number(get(json_row("rdpmc/fixed0/intercepted/cpl3"), "counts_per_read"),
		     "kvm:kvm_exit", 1.25);
	assert_null(
		json_object_get(get(json_row("rdpmc/fixed0/intercepted/cpl3"), "counts_per_read"),
				"kvm:kvm_entry"));
	assert_null(json_object_get(json_row("rdpmc/fixed1/intercepted/cpl3"), "counts_per_read"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_any_figure),
		cmocka_unit_test(test_row_figures),
		cmocka_unit_test(test_row_figures_negative),
		cmocka_unit_test(test_samples_below_empty),
		cmocka_unit_test(test_visits_of_vcpus),
		cmocka_unit_test(test_ticks),
		cmocka_unit_test(test_exit_costs),
		cmocka_unit_test(test_exit_costs_interval),
		cmocka_unit_test(test_exit_costs_need_both),
		cmocka_unit_test(test_exit_costs_limit),
		cmocka_unit_test(test_exit_costs_of_few_runs),
		cmocka_unit_test(test_exit_costs_of_amd),
		cmocka_unit_test(test_exit_costs_of_no_passthrough),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_rows),
		cmocka_unit_test(test_print_simulated),
		cmocka_unit_test(test_print_groups_whole),
		cmocka_unit_test(test_print_costs),
		cmocka_unit_test(test_print_costs_unknown),
		cmocka_unit_test(test_print_paragraphs),
		cmocka_unit_test(test_print_shared_cpu),
		cmocka_unit_test(test_print_indents),
		cmocka_unit_test(test_print_to_the_end),
		cmocka_unit_test(test_print_noise),
		cmocka_unit_test(test_print_not_counted),
		cmocka_unit_test(test_print_head),
		cmocka_unit_test(test_print_emulated_host),
		cmocka_unit_test(test_print_of_a_filter),
		cmocka_unit_test(test_print_of_a_failed_loop),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_print_failed),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_width_of_noise),
		cmocka_unit_test(test_width_of_not_counted),
		cmocka_unit_test(test_print_of_nothing),
		cmocka_unit_test_teardown(test_json, drop_json),
		cmocka_unit_test_teardown(test_json_costs, drop_json),
		cmocka_unit_test_teardown(test_json_emulated_host, drop_json),
		cmocka_unit_test_teardown(test_json_exit_path, drop_json),
		cmocka_unit_test(test_print_exit_path),
		cmocka_unit_test_teardown(test_json_null, drop_json),
		cmocka_unit_test_teardown(test_json_noise, drop_json),
		cmocka_unit_test_teardown(test_json_pmu, drop_json),
		cmocka_unit_test_teardown(test_json_settings, drop_json),
		cmocka_unit_test_teardown(test_json_options, drop_json),
		cmocka_unit_test_teardown(test_json_failed, drop_json),
		cmocka_unit_test_teardown(test_json_counts, drop_json),
		cmocka_unit_test(test_pmu_costs),
		cmocka_unit_test(test_pmu_costs_of_paths),
		cmocka_unit_test(test_print_pmu_cost),
		cmocka_unit_test(test_print_vcpus),
		cmocka_unit_test(test_print_pmu_cost_of_paths),
		cmocka_unit_test_teardown(test_json_pmu_costs, drop_json),
		cmocka_unit_test_teardown(test_json_vcpus, drop_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
