// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exits down, and across what they are measured in: with --pmu-cost guests, each against the one without a PMU, with
 * --vcpus numbers of vCPUs, each against one alone.
 */
#include "bench/report_matrix.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

enum line { LINE_MEDIAN, LINE_LOWER, LINE_UPPER, LINE_INSTRUCTIONS, LINE_WRMSR };

struct matrix {
	const struct bench *bench;
	const char *glob; /* of the rows that are shown; NULL: all */
	struct added_cost costs[MAX_ROWS];
	size_t n;
};

static double of_base(const struct bench *bench, const struct row *row, enum line line)
{
	const struct row_result *result = &bench->results[row - bench->rows];

	if (line == LINE_MEDIAN)
		return ticks_to_printed(bench, row_figures(result).median);
	if (!result->has_path)
		return NAN;
	return line == LINE_WRMSR ? (double)result->path.wrmsr : (double)result->path.instructions;
}

static double difference(const struct bench *bench, const struct added_cost *cost, enum line line)
{
	switch (line) {
	case LINE_MEDIAN:
		return ticks_to_printed(bench, cost->ticks.estimate);
	case LINE_LOWER:
		return ticks_to_printed(bench, cost->ticks.lower);
	case LINE_UPPER:
		return ticks_to_printed(bench, cost->ticks.upper);
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
	const char *glob = matrix->glob;

	return !glob || !fnmatch(glob, row->name, 0);
}

/* Behind the column of what all others are held against. */
static bool has_column(const struct matrix *matrix, unsigned int column)
{
	if (matrix->bench->vcpus)
		return cases_level(matrix->bench->vcpus, column + 1);
	return MACHINE_NO_PMU + 1 + column < NR_GUESTS;
}

static bool is_in(const struct matrix *matrix, const struct row *row, unsigned int column)
{
	if (matrix->bench->vcpus)
		return row->vcpus == cases_level(matrix->bench->vcpus, column + 1);
	return row->machine == MACHINE_NO_PMU + 1 + column;
}

static const struct added_cost *find(const struct matrix *matrix, const struct row *base,
				     unsigned int column)
{
	for (size_t i = 0; i < matrix->n; i++)
		if (matrix->costs[i].base == base && is_in(matrix, matrix->costs[i].row, column) &&
		    is_shown(matrix, matrix->costs[i].row))
			return &matrix->costs[i];
	return NULL;
}

static void print_line(FILE *out, const struct matrix *matrix, const struct row *base,
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
		snprintf(label, sizeof(label), "%s/%s", row_counter_name(base),
			 row_privilege_name(base));
	if (matrix->bench->vcpus)
		fprintf(out, first ? "  %-25s" : "  %25s", first ? label : labels[line]);
	else
		fprintf(out, "  %-14s %-12s", label,
			line == LINE_MEDIAN ? printed_unit(matrix->bench) : labels[line]);
	if (line == LINE_LOWER || line == LINE_UPPER)
		fprintf(out, " %8s", "");
	else
		print_cell(out, of_base(matrix->bench, base, line), line, false);
	for (unsigned int i = 0; has_column(matrix, i); i++) {
		const struct added_cost *cost = find(matrix, base, i);

		print_cell(out, cost ? difference(matrix->bench, cost, line) : NAN, line, true);
	}
	fprintf(out, "\n");
}

static bool has_interval(const struct matrix *matrix, const struct row *base)
{
	for (size_t i = 0; i < matrix->n; i++)
		if (matrix->costs[i].base == base && !isnan(matrix->costs[i].ticks.lower))
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

static void print_exit(FILE *out, const struct matrix *matrix, const struct row *base, bool exact)
{
	if (exact) {
		print_line(out, matrix, base, LINE_INSTRUCTIONS);
		print_line(out, matrix, base, LINE_WRMSR);
		return;
	}
	print_line(out, matrix, base, LINE_MEDIAN);
	if (!has_interval(matrix, base))
		return;
	print_line(out, matrix, base, LINE_LOWER);
	print_line(out, matrix, base, LINE_UPPER);
}

static void print_columns(FILE *out, const struct matrix *matrix)
{
	const unsigned int max = matrix->bench->vcpus;

	if (max) {
		fprintf(out, "  vCPUs at once, %-10s", printed_unit(matrix->bench));
		for (unsigned int i = 0; cases_level(max, i); i++)
			fprintf(out, " %8u", cases_level(max, i));
		fprintf(out, "\n");
		return;
	}
	fprintf(out, "  %-27s %8s %26s %26s\n", "", "", "------- intercepted ------",
		"------- passthrough ------");
	fprintf(out, "  %-27s %8s %8s %8s %8s %8s %8s %8s\n", "counters on:", "no PMU", "none",
		"one", "all", "none", "one", "all");
}

/* Is it one that others are held against, and is there any of them? */
static bool is_base(const struct matrix *matrix, const struct row *row)
{
	if (matrix->bench->vcpus ? row->vcpus != 1 : row->machine != MACHINE_NO_PMU)
		return false;
	for (unsigned int i = 0; has_column(matrix, i); i++)
		if (find(matrix, row, i))
			return true;
	return false;
}

/* Of --vcpus, whose rows are of several kinds and settings: what the label of one does not tell. */
static void print_group(FILE *out, const struct row *row, const struct row *last)
{
	const int length = (int)strcspn(row->name, "/");

	if (!row->vcpus || (last && !strncmp(row->name, last->name, (size_t)length + 1) &&
			    !strcmp(row_setting(row), row_setting(last))))
		return;
	fprintf(out, row->control ? " %.*s\n" : " %.*s, %s\n", length, row->name, row_setting(row));
}

bool report_matrix(FILE *out, const struct bench *bench, const char *glob)
{
	struct matrix matrix = { .bench = bench, .glob = glob };
	const struct row *last = NULL;
	bool exact;

	matrix.n = added_costs(bench, matrix.costs, MAX_ROWS);
	exact = has_path(&matrix);
	for (size_t i = 0; i < bench->n_rows; i++) {
		if (!is_base(&matrix, &bench->rows[i]))
			continue;
		if (!last)
			print_columns(out, &matrix);
		print_group(out, &bench->rows[i], last);
		last = &bench->rows[i];
		print_exit(out, &matrix, last, exact);
	}
	return last;
}

#define FIGURES_A_LINE 8

/* Figure @i of as many as there are vCPUs: more than a line holds go on below. */
static void print_one_of(FILE *out, unsigned int i, const char *label, const char *figure)
{
	if (i % FIGURES_A_LINE == 0)
		fprintf(out, "%s  %-25s", i ? "\n" : "", i ? "" : label);
	fprintf(out, " %8s", figure);
}

static void print_cpus(FILE *out, const struct bench *bench)
{
	char label[64], text[16];

	snprintf(label, sizeof(label), "each of %u, %s; on CPU", bench->vcpus, printed_unit(bench));
	for (unsigned int i = 0; i < bench->vcpus; i++) {
		snprintf(text, sizeof(text), "%d", bench->cpus[i]);
		print_one_of(out, i, label, text);
	}
	fprintf(out, "\n");
}

static void print_vcpus(FILE *out, const struct bench *bench, const struct row *row)
{
	char label[64], text[16];

	snprintf(label, sizeof(label), "%s/%s", row_counter_name(row), row_privilege_name(row));
	for (unsigned int i = 0; i < row->vcpus; i++) {
		format_figure(
			ticks_to_printed(bench,
					 vcpu_figure(row, &bench->results[row - bench->rows], i)),
			text);
		print_one_of(out, i, label, text);
	}
	fprintf(out, "\n");
}

void report_each_vcpu(FILE *out, const struct bench *bench, const char *glob)
{
	const struct matrix matrix = { .bench = bench, .glob = glob };
	const struct row *last = NULL;

	for (size_t i = 0; i < bench->n_rows; i++) {
		const struct row *row = &bench->rows[i];

		if (row->vcpus < 2 || row->vcpus != bench->vcpus || row->status != ROW_MEASURED ||
		    !is_shown(&matrix, row))
			continue;
		if (!last)
			print_cpus(out, bench);
		print_group(out, row, last);
		last = row;
		print_vcpus(out, bench, row);
	}
}
