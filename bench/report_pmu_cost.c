// SPDX-License-Identifier: GPL-2.0-or-later
/* The matrix of --pmu-cost: exits down, guests across, each against the guest without a PMU. */
#include "bench/report_pmu_cost.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

enum line { LINE_MEDIAN, LINE_LOWER, LINE_UPPER, LINE_INSTRUCTIONS, LINE_WRMSR };

struct matrix {
	const struct bench *bench;
	const struct report_options *options;
	struct pmu_cost costs[MAX_ROWS];
	size_t n;
};

static double without_pmu(const struct bench *bench, const struct row *row, enum line line)
{
	const struct row_result *result = &bench->results[row - bench->rows];

	if (line == LINE_MEDIAN)
		return ticks_to_unit(bench, row_figures(result).median);
	if (!result->has_path)
		return NAN;
	return line == LINE_WRMSR ? (double)result->path.wrmsr : (double)result->path.instructions;
}

static double difference(const struct bench *bench, const struct pmu_cost *cost, enum line line)
{
	switch (line) {
	case LINE_MEDIAN:
		return ticks_to_unit(bench, cost->ticks.estimate);
	case LINE_LOWER:
		return ticks_to_unit(bench, cost->ticks.lower);
	case LINE_UPPER:
		return ticks_to_unit(bench, cost->ticks.upper);
	case LINE_INSTRUCTIONS:
		return cost->has_path ? (double)cost->instructions : NAN;
	default:
		return cost->has_path ? (double)cost->wrmsr : NAN;
	}
}

/* What is exact has no decimals; a difference has its sign. */
static void print_cell(FILE *out, double value, enum line line, bool signed_)
{
	char text[16];

	format_figure(value, text);
	if ((line == LINE_INSTRUCTIONS || line == LINE_WRMSR) && fabs(value) < 1e7)
		snprintf(text, sizeof(text), "%.0f", value);
	fprintf(out, " %*s%s", 8 - (int)strlen(text), signed_ && value > 0 ? "+" : "", text);
}

static bool is_shown(const struct matrix *matrix, const struct row *row)
{
	const char *glob = matrix->options->glob;

	return !glob || !fnmatch(glob, row->name, 0);
}

static const struct pmu_cost *find(const struct matrix *matrix, const struct row *without,
				   enum machine_kind kind)
{
	for (size_t i = 0; i < matrix->n; i++)
		if (matrix->costs[i].without == without && matrix->costs[i].row->machine == kind &&
		    is_shown(matrix, matrix->costs[i].row))
			return &matrix->costs[i];
	return NULL;
}

static void print_line(FILE *out, const struct matrix *matrix, const struct row *without,
		       enum line line)
{
	static const char *const labels[] = {
		[LINE_LOWER] = "95 %: from",
		[LINE_UPPER] = "to",
		[LINE_INSTRUCTIONS] = "instructions",
		[LINE_WRMSR] = "WRMSR",
	};
	const bool first = line == LINE_MEDIAN || line == LINE_INSTRUCTIONS;
	char label[64] = "";

	if (first)
		snprintf(label, sizeof(label), "%s/%s", row_counter_name(without),
			 row_privilege_name(without));
	fprintf(out, "  %-14s %-12s", label,
		line == LINE_MEDIAN ? figure_unit(matrix->bench) : labels[line]);
	if (line == LINE_LOWER || line == LINE_UPPER)
		fprintf(out, " %8s", "");
	else
		print_cell(out, without_pmu(matrix->bench, without, line), line, false);
	for (enum machine_kind kind = MACHINE_NO_PMU + 1; kind < NR_GUESTS; kind++) {
		const struct pmu_cost *cost = find(matrix, without, kind);

		print_cell(out, cost ? difference(matrix->bench, cost, line) : NAN, line, true);
	}
	fprintf(out, "\n");
}

static bool has_interval(const struct matrix *matrix, const struct row *without)
{
	for (size_t i = 0; i < matrix->n; i++)
		if (matrix->costs[i].without == without && !isnan(matrix->costs[i].ticks.lower))
			return true;
	return false;
}

static bool has_path(const struct matrix *matrix)
{
	for (size_t i = 0; i < matrix->n; i++)
		if (matrix->costs[i].has_path)
			return true;
	return false;
}

static void print_exit(FILE *out, const struct matrix *matrix, const struct row *without,
		       bool exact)
{
	if (exact) {
		print_line(out, matrix, without, LINE_INSTRUCTIONS);
		print_line(out, matrix, without, LINE_WRMSR);
		return;
	}
	print_line(out, matrix, without, LINE_MEDIAN);
	if (!has_interval(matrix, without))
		return;
	print_line(out, matrix, without, LINE_LOWER);
	print_line(out, matrix, without, LINE_UPPER);
}

static void print_columns(FILE *out)
{
	fprintf(out, "  %-27s %8s %26s %26s\n", "", "", "------- intercepted ------",
		"------- passthrough ------");
	fprintf(out, "  %-27s %8s %8s %8s %8s %8s %8s %8s\n", "counters on:", "no PMU", "none",
		"one", "all", "none", "one", "all");
}

/* Which of its exits has the guest without a PMU something to be held against? */
static bool is_wanted(const struct matrix *matrix, const struct row *row)
{
	for (enum machine_kind kind = MACHINE_NO_PMU + 1; kind < NR_GUESTS; kind++)
		if (find(matrix, row, kind))
			return true;
	return false;
}

bool report_pmu_cost(FILE *out, const struct bench *bench, const struct report_options *options)
{
	struct matrix matrix = { .bench = bench, .options = options };
	bool any = false, exact;

	matrix.n = pmu_costs(bench, matrix.costs, MAX_ROWS);
	exact = has_path(&matrix);
	for (size_t i = 0; i < bench->n_rows; i++) {
		if (bench->rows[i].machine != MACHINE_NO_PMU ||
		    !is_wanted(&matrix, &bench->rows[i]))
			continue;
		if (!any)
			print_columns(out);
		any = true;
		print_exit(out, &matrix, &bench->rows[i], exact);
	}
	return any;
}
