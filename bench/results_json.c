// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The result document. Times are ns unless a name says cycles (of the TSC). On an emulated host
 * there are no times: its TSC counts instructions, which are in the places of times, and "unit"
 * says so.
 */
#include "bench/results_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#ifndef PROGRAM_VERSION
#error "the Makefile defines PROGRAM_VERSION, PROGRAM_COMPILER and PROGRAM_FLAGS"
#endif

/* JSON has no NAN. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *figure(const struct bench *bench, double ticks)
{
	return number(ticks_to_unit(bench, ticks));
}

static json_t *pmu_json(const struct pmu_shape *pmu)
{
	static const char *const vendors[] = { "other", "intel", "amd" };

	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:o}", "vendor", vendors[pmu->vendor],
			 "version", (int)pmu->version, "gp_counters", (int)pmu->nr_gp, "gp_width",
			 (int)pmu->gp_width, "fixed_counters", (int)pmu->nr_fixed, "fixed_width",
			 (int)pmu->fixed_width, "perf_capabilities",
			 json_sprintf("0x%llx", (unsigned long long)pmu->perf_capabilities));
}

static json_t *setting_json(const struct setting *setting)
{
	if (!setting->available)
		return json_pack("{s:b, s:s, s:s}", "available", 0, "reason", setting->reason,
				 "remedy", setting->remedy);
	return json_pack("{s:b, s:s, s:s, s:o}", "available", 1, "means",
			 intercept_cause_name(setting->means), "means_text",
			 intercept_cause_text(setting->means), "guest_pmu",
			 pmu_json(&setting->guest));
}

/* [lower bound in @unit, count] of the buckets that hold something. */
static json_t *histogram_json(const struct histogram *histogram, const char *unit)
{
	json_t *buckets = json_array();

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (histogram->count[i])
			json_array_append_new(buckets,
					      json_pack("[I, I]", (json_int_t)histogram_lower(i),
							(json_int_t)histogram->count[i]));
	return json_pack("{s:s, s:o, s:I}", "unit", unit, "buckets", buckets, "overflow",
			 (json_int_t)histogram->overflow);
}

static json_t *run_json(const struct bench *bench, const struct run_result *run, bool guest)
{
	const struct summary *s = &run->samples;

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o}",
		"raw", figure(bench, run->raw), "min", figure(bench, s->min), "sample_median",
		figure(bench, s->median), "mad", figure(bench, s->mad), "p90",
		figure(bench, s->p90), "p99", figure(bench, s->p99), "p999", figure(bench, s->p999),
		"max", figure(bench, s->max), "sample_overhead",
		figure(bench, run->sample_overhead), "exits_per_read",
		guest ? number(run->exits) : json_null(), "emulated_per_read",
		guest ? number(run->insn_emulation) : json_null(), "samples", (json_int_t)s->n,
		"disturbed", (json_int_t)s->disturbed, "interrupts", (json_int_t)run->irq_exits,
		"histogram",
		histogram_json(&run->histogram,
			       bench->emulated_host ? figure_unit(bench) : "cycles"));
}

static json_t *counts_json(const struct row_result *result, const struct perf_counts *counts)
{
	json_t *object = json_object();

	for (int i = 0; i < NR_PERF_COUNTS; i++)
		if (!counts->reason[i][0] && !isnan(result->counts[i]))
			json_object_set_new(object, perf_count_name((enum perf_count)i),
					    number(result->counts[i]));
	return object;
}

/* What the emulated machine recorded of the exit of one read: exact, and no statistics. */
static json_t *path_json(const struct path *path)
{
	const struct exit_path_figure *figure;
	json_t *msrs[2] = { json_object(), json_object() }, *object;

	object = json_pack("{s:I, s:I, s:I, s:I}", "reason", (json_int_t)path->reason, "exits",
			   (json_int_t)path->exits, "disturbed", (json_int_t)path->disturbed,
			   "same", (json_int_t)path->same);
	for (size_t i = 0; (figure = exit_path_figure(i)); i++) {
		uint64_t value;

		memcpy(&value, (const char *)path + figure->offset, sizeof(value));
		json_object_set_new(object, figure->name, json_integer((json_int_t)value));
	}
	for (uint64_t i = 0; i < path->nr_msrs && i < PATH_MSRS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "0x%x", (unsigned int)path->msrs[i].index);
		json_object_set_new(msrs[path->msrs[i].index >> 32 & 1], name,
				    json_integer((json_int_t)path->msrs[i].count));
	}
	json_object_set_new(object, "rdmsr_by_register", msrs[0]);
	json_object_set_new(object, "wrmsr_by_register", msrs[1]);
	return object;
}

/* How many ran, whether they ran at the same time, and what it cost each of them. */
static json_t *vcpus_json(const struct bench *bench, size_t i, double together)
{
	const struct row *row = &bench->rows[i];
	json_t *each = json_array();

	for (unsigned int v = 0; v < row->vcpus; v++)
		json_array_append_new(
			each, json_pack("{s:i, s:o}", "cpu", bench->cpus[v], "median",
					figure(bench, vcpu_figure(row, &bench->results[i], v))));
	return json_pack("{s:i, s:o, s:o}", "vcpus", (int)row->vcpus, "together", number(together),
			 "each_vcpu", each);
}

static json_t *row_json(const struct bench *bench, size_t i)
{
	static const char *const status[] = {
		[ROW_READY] = "skipped",
		[ROW_SKIPPED] = "skipped",
		[ROW_MEASURED] = "measured",
		[ROW_FAILED] = "failed",
	};
	const struct row *row = &bench->rows[i];
	const struct row_result *result = &bench->results[i];
	bool guest = row_has_guest(row);
	struct row_figures f = row_figures(result);
	json_t *object, *runs;

	object = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", row->name, "setting",
			   row_setting(row), "status", status[row->status], "reason", row->reason,
			   "unit", figure_unit(bench));
	if (!row->control && row->status != ROW_SKIPPED) {
		json_object_set_new(object, "ecx", json_sprintf("%08x", row->ecx));
		if (row->expected.rule)
			json_object_set_new(object, "rule", json_string(row->expected.rule));
		if (!row->expected.gp)
			json_object_set_new(
				object, "value",
				json_sprintf("0x%llx", (unsigned long long)result->value));
	}
	if (!result->n_runs)
		return object;
	runs = json_array();
	for (size_t r = 0; r < result->n_runs; r++)
		json_array_append_new(runs, figure(bench, result->runs[r].median));
	json_object_update_new(
		object,
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "median",
			  figure(bench, f.median), "mad", figure(bench, f.mad), "p99",
			  figure(bench, f.p99), "max", figure(bench, f.max), "cycles_median",
			  bench->emulated_host ? json_null() : number(f.median), "exits_per_read",
			  guest ? number(f.exits) : json_null(), "emulated_per_read",
			  guest ? number(f.insn_emulation) : json_null(), "runs", runs));
	if (row->vcpus)
		json_object_update_new(object, vcpus_json(bench, i, f.together));
	if (result->has_counts)
		json_object_set_new(object, "counts_per_read", counts_json(result, &bench->counts));
	if (result->has_path)
		json_object_set_new(object, "exit_path", path_json(&result->path));
	return object;
}

/* What most readers have no use for, and most of a file: it stands last. */
static json_t *details_json(const struct bench *bench)
{
	json_t *object = json_object();

	for (size_t i = 0; i < bench->n_rows; i++) {
		const struct row_result *result = &bench->results[i];
		bool guest = row_has_guest(&bench->rows[i]);
		json_t *runs;

		if (!result->n_runs)
			continue;
		runs = json_array();
		for (size_t r = 0; r < result->n_runs; r++)
			json_array_append_new(runs, run_json(bench, &result->runs[r], guest));
		json_object_set_new(object, bench->rows[i].name, runs);
	}
	return object;
}

static json_t *costs_json(const struct bench *bench)
{
	struct exit_cost costs[MAX_ROWS];
	size_t n = exit_costs(bench, costs, MAX_ROWS);
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			array, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "intercepted",
					 costs[i].intercepted->name, "passthrough",
					 costs[i].passthrough->name, "unit", figure_unit(bench),
					 "cost", figure(bench, costs[i].ticks.estimate), "lower",
					 figure(bench, costs[i].ticks.lower), "upper",
					 figure(bench, costs[i].ticks.upper)));
	return array;
}

/* @base: the key under which the row is that the cost is held against. */
static json_t *added_costs_json(const struct bench *bench, const char *base)
{
	struct added_cost costs[MAX_ROWS];
	size_t n = added_costs(bench, costs, MAX_ROWS);
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *object =
			json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "row", costs[i].row->name, base,
				  costs[i].base->name, "unit", figure_unit(bench), "cost",
				  figure(bench, costs[i].ticks.estimate), "lower",
				  figure(bench, costs[i].ticks.lower), "upper",
				  figure(bench, costs[i].ticks.upper));

		if (costs[i].has_path)
			json_object_set_new(object, "exit_path",
					    json_pack("{s:I, s:I}", "instructions",
						      (json_int_t)costs[i].instructions, "wrmsr",
						      (json_int_t)costs[i].wrmsr));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *uncounted_json(const struct perf_counts *counts)
{
	json_t *object = json_object();

	for (int i = 0; i < NR_PERF_COUNTS; i++)
		if (counts->reason[i][0])
			json_object_set_new(object, perf_count_name((enum perf_count)i),
					    json_string(counts->reason[i]));
	return object;
}

static json_t *known_index(int index)
{
	return index < 0 ? json_null() : json_integer(index);
}

/* What this program knows of the measurement, beside what the host tells of itself. */
static void add_to_context(json_t *context, const struct bench *bench, const struct case_plan *plan,
			   const struct placement *placement)
{
	json_object_set_new(context, "backend", json_string(kvm_backend_name(plan->host.backend)));
	json_object_set_new(context, "nested", json_boolean(plan->host.nested));
	json_object_set_new(context, "guest_tsc_khz",
			    bench->emulated_host ? json_null()
						 : json_integer((json_int_t)bench->tsc_khz));
	json_object_set_new(context, "host_pmu", pmu_json(&plan->host.cpu));
	json_object_set_new(context, "offered_pmu", pmu_json(&plan->host.kvm));
	for (int kind = 0; kind < NR_SETTINGS; kind++)
		json_object_set_new(context, setting_kind_name((enum setting_kind)kind),
				    setting_json(&plan->setting[kind]));
	json_object_set_new(context, "simulated_pmu",
			    plan->simulated ? pmu_json(&plan->simulated_pmu) : json_null());
	json_object_set_new(context, "placement",
			    json_pack("{s:i, s:i, s:o, s:b, s:i, s:b, s:s}", "cpu", placement->cpu,
				      "core", placement->core, "node", known_index(placement->node),
				      "isolated", placement->isolated, "siblings",
				      placement->siblings, "bound", placement->bound, "text",
				      placement->text));
	json_object_set_new(
		context, "noise",
		json_pack("{s:I, s:f, s:I, s:o, s:o, s:I, s:I, s:o}", "involuntary_switches",
			  (json_int_t)bench->noise.involuntary_switches, "steal_seconds",
			  bench->noise.steal_seconds, "interrupts",
			  (json_int_t)bench->noise.irq_exits, "cpu_share",
			  number(bench->noise.cpu_share), "smis",
			  bench->noise.smis < 0 ? json_null() : json_integer(bench->noise.smis),
			  "samples", (json_int_t)bench->noise.samples, "disturbed",
			  (json_int_t)bench->noise.disturbed, "clock_ratio",
			  number(bench->noise.clock_ratio)));
	json_object_set_new(context, "not_counted", uncounted_json(&bench->counts));
}

json_t *results_json(const struct bench *bench, const struct case_plan *plan, json_t *context,
		     const struct placement *placement, const char *started)
{
	json_t *rows = json_array(), *object;

	for (size_t i = 0; i < bench->n_rows; i++)
		json_array_append_new(rows, row_json(bench, i));
	add_to_context(context, bench, plan, placement);
	object = json_pack(
		"{s:s, s:s, s:s, s:b, s:{s:s, s:s, s:s}, s:{s:f, s:i, s:o, s:s?, s:s?, s:s}, "
		"s:f, s:o, s:o, s:o}",
		"schema", "rdpmc-results/2", "kind", "bench", "started", started, "partial",
		bench->partial, "program", "version", PROGRAM_VERSION, "compiler", PROGRAM_COMPILER,
		"flags", PROGRAM_FLAGS, "options", "seconds", bench->options.seconds, "runs",
		(int)bench->options.runs, "seed",
		json_sprintf("%llu", (unsigned long long)bench->options.seed), "filter",
		bench->options.filter, "vpmu", plan->simulated ? "user" : NULL, "engine", "kvm",
		"elapsed", bench->elapsed, "context", context, "exit_costs", costs_json(bench),
		"rows", rows);
	if (plan->pmu_cost) {
		json_object_set_new(json_object_get(object, "options"), "pmu_cost", json_true());
		json_object_set_new(object, "pmu_costs", added_costs_json(bench, "without"));
	}
	if (plan->vcpus) {
		json_object_set_new(json_object_get(object, "options"), "vcpus",
				    json_integer(plan->vcpus));
		json_object_set_new(object, "vcpu_costs", added_costs_json(bench, "alone"));
	}
	json_object_set_new(object, "details", details_json(bench));
	return object;
}
