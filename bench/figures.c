// SPDX-License-Identifier: GPL-2.0-or-later
/* From runs to figures, and from pairs of rows to what an exit costs. */
#include "bench/figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define INTERVAL_LEVEL 0.95
#define FIGURE_WIDTH   7

struct row_figures row_figures(const struct row_result *result)
{
	size_t n = result->n_runs;
	double *medians = calloc(n ? n : 1, sizeof(double)),
	       *p99 = calloc(n ? n : 1, sizeof(double));
	double *exits = calloc(n ? n : 1, sizeof(double)),
	       *emulated = calloc(n ? n : 1, sizeof(double));
	double *together = calloc(n ? n : 1, sizeof(double));
	struct row_figures figures = { NAN, NAN, NAN, NAN, NAN, NAN, NAN };

	if (medians && p99 && exits && emulated && together && n) {
		figures.max = result->runs[0].samples.max;
		for (size_t i = 0; i < n; i++) {
			medians[i] = result->runs[i].median;
			p99[i] = result->runs[i].samples.p99;
			exits[i] = result->runs[i].exits;
			emulated[i] = result->runs[i].insn_emulation;
			together[i] = result->runs[i].together;
			figures.max = fmax(figures.max, result->runs[i].samples.max);
		}
		figures.median = median(medians, n);
		figures.mad = median_absolute_deviation(medians, n);
		figures.p99 = median(p99, n);
		figures.exits = median(exits, n);
		figures.insn_emulation = median(emulated, n);
		figures.together = median(together, n);
	}
	free(medians);
	free(p99);
	free(exits);
	free(emulated);
	free(together);
	return figures;
}

double ticks_to_ns(const struct bench *bench, double ticks)
{
	return bench->tsc_khz ? ticks * 1e6 / (double)bench->tsc_khz : NAN;
}

const char *figure_unit(const struct bench *bench)
{
	return bench->emulated_host ? "instructions" : "ns";
}

double ticks_to_unit(const struct bench *bench, double ticks)
{
	return bench->emulated_host ? ticks : ticks_to_ns(bench, ticks);
}

const char *printed_unit(const struct bench *bench)
{
	return bench->options.cycles && !bench->emulated_host ? "cycles" : figure_unit(bench);
}

double ticks_to_printed(const struct bench *bench, double ticks)
{
	return bench->options.cycles ? ticks : ticks_to_unit(bench, ticks);
}

/* Both rows' run medians, as one allocation to be freed. */
static struct interval cost_interval(const struct bench *bench, const struct row_result *a,
				     const struct row_result *b)
{
	struct interval interval = { NAN, NAN, NAN };
	double *runs = calloc(a->n_runs + b->n_runs, sizeof(double));

	if (!runs)
		return interval;
	for (size_t i = 0; i < a->n_runs; i++)
		runs[i] = a->runs[i].median;
	for (size_t i = 0; i < b->n_runs; i++)
		runs[a->n_runs + i] = b->runs[i].median;
	interval = median_difference_interval(runs, a->n_runs, runs + a->n_runs, b->n_runs,
					      INTERVAL_LEVEL, bench->options.seed);
	free(runs);
	return interval;
}

/* A native row's ECX is the counter that perf has chosen. */
static bool is_pair(const struct row *a, const struct row *b, enum machine_kind machine)
{
	const bool same_ecx = machine == MACHINE_NATIVE || a->ecx == b->ecx;

	return a->machine == MACHINE_INTERCEPTED && b->machine == machine && !a->control &&
	       !b->control && a->counter == b->counter && a->vcpus == b->vcpus &&
	       a->privilege == b->privilege && same_ecx && a->expected.gp == b->expected.gp &&
	       a->status == ROW_MEASURED && b->status == ROW_MEASURED;
}

static size_t pairs(const struct bench *bench, enum machine_kind machine, struct exit_cost *costs,
		    size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < bench->n_rows; i++)
		for (size_t j = 0; j < bench->n_rows && n < max; j++)
			if (is_pair(&bench->rows[i], &bench->rows[j], machine))
				costs[n++] = (struct exit_cost){
					.intercepted = &bench->rows[i],
					.passthrough = &bench->rows[j],
					.ticks = cost_interval(bench, &bench->results[i],
							       &bench->results[j]),
				};
	return n;
}

size_t exit_costs(const struct bench *bench, struct exit_cost *costs, size_t max)
{
	return pairs(bench, MACHINE_PASSTHROUGH, costs, max);
}

size_t exit_estimates(const struct bench *bench, struct exit_cost *costs, size_t max)
{
	return pairs(bench, MACHINE_NATIVE, costs, max);
}

/* The lower the nearer: a read that exits, one that is #GP then, another instruction that exits; 0: none of them. */
static int distance(const struct row *row, const struct row_result *result)
{
	const int cpl = row->privilege == PRIVILEGE_CPL3 ? 0 : 1;

	if (row->status != ROW_MEASURED || row->vcpus > 1)
		return 0;
	if (row->machine == MACHINE_INTERCEPTED && !row->control)
		return (row->expected.gp ? 3 : 1) + cpl;
	return row->control && row_figures(result).exits >= 0.9 ? 5 + cpl : 0;
}

const struct row *nearest_exit(const struct bench *bench)
{
	const struct row *nearest = NULL;
	int least = 0;

	for (size_t i = 0; i < bench->n_rows; i++) {
		const int far = distance(&bench->rows[i], &bench->results[i]);

		if (far && (!least || far < least)) {
			least = far;
			nearest = &bench->rows[i];
		}
	}
	return nearest;
}

size_t added_costs(const struct bench *bench, struct added_cost *costs, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < bench->n_rows && n < max; i++) {
		const struct row *row = &bench->rows[i];
		const struct row *base = rows_base(bench->rows, bench->n_rows, row);
		const struct row_result *a = &bench->results[i], *b;

		if (!base || row->status != ROW_MEASURED || base->status != ROW_MEASURED)
			continue;
		b = &bench->results[base - bench->rows];
		costs[n] = (struct added_cost){
			.row = row,
			.base = base,
			.ticks = cost_interval(bench, a, b),
			.has_path = a->has_path && b->has_path,
		};
		if (costs[n].has_path) {
			costs[n].instructions =
				(int64_t)(a->path.instructions - b->path.instructions);
			costs[n].wrmsr = (int64_t)(a->path.wrmsr - b->path.wrmsr);
		}
		n++;
	}
	return n;
}

double vcpu_figure(const struct row *row, const struct row_result *result, unsigned int i)
{
	double *runs = calloc(result->n_runs ? result->n_runs : 1, sizeof(double)), figure = NAN;

	for (size_t run = 0; runs && run < result->n_runs; run++)
		runs[run] = result->vcpus[run * row->vcpus + i];
	if (runs)
		figure = median(runs, result->n_runs);
	free(runs);
	return figure;
}

void format_figure(double value, char text[16])
{
	/* The first that is large enough and fits; from the second M on only the unit changes. */
	static const struct {
		double below;
		double scale;
		const char *format;
	} forms[] = {
		{ 99.995, 1, "%.2f" },       { 9999.95, 1, "%.1f" },
		{ 999999.5, 1, "%.0f" },     { 999.95e6, 1e-6, "%.1fM" },
		{ 999.95e9, 1e-9, "%.1fG" }, { INFINITY, 1e-12, "%.1fT" },
		{ INFINITY, 1, "%.0e" },
	};

	snprintf(text, 16, "-");
	if (fabs(value) < 0.005) /* no "-0.00" */
		value = 0;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]) && !isnan(value); i++) {
		if (fabs(value) >= forms[i].below && !isinf(forms[i].below))
			continue;
		if (snprintf(text, 16, forms[i].format, value * forms[i].scale) <= FIGURE_WIDTH)
			return;
	}
}
