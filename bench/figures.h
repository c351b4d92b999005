/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rows come to over their runs: for the table and the JSON alike. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include "bench/bench.h"

/* What a row's runs come to, in TSC ticks. NANs without runs. */
struct row_figures {
	double median; /* of the run medians */
	double mad;    /* of the run medians */
	double p99;    /* median of the runs' */
	double max;    /* of all runs */
	double exits;  /* median of the runs' */
	double insn_emulation;
	double together; /* likewise */
};
struct row_figures row_figures(const struct row_result *result);

/* What the intercept costs: one pair of rows that differ in nothing but the setting. */
struct exit_cost {
	const struct row *intercepted, *passthrough; /* of an estimate: the native row */
	struct interval ticks; /* 95 % bootstrap over runs; bounds NAN with few runs */
};
/* Fills at most @max; returns how many. */
size_t exit_costs(const struct bench *bench, struct exit_cost *costs, size_t max);
/* The same against native reads, for where nothing is passed through: how a guest's read differs from the host's is in it. */
size_t exit_estimates(const struct bench *bench, struct exit_cost *costs, size_t max);
/* The measured row that comes nearest to an RDPMC's exit; NULL: none exits. */
const struct row *nearest_exit(const struct bench *bench);

/*
 * What a row costs more than the one it is held against, rows_base(): for a guest's PMU, or for vCPUs beside its own.
 */
struct added_cost {
	const struct row *row, *base;
	struct interval ticks; /* as in struct exit_cost */
	bool has_path;         /* of both rows: then these are exact */
	int64_t instructions, wrmsr;
};
/* One of each measured row that has such a counterpart. Fills at most @max; returns how many. */
size_t added_costs(const struct bench *bench, struct added_cost *costs, size_t max);

/* Of --vcpus: the median over runs of what a row cost its vCPU @i, in TSC ticks. */
double vcpu_figure(const struct row *row, const struct row_result *result, unsigned int i);

double ticks_to_ns(const struct bench *bench, double ticks);

/* "ns", or "instructions" of an emulated host, and a figure in it. */
const char *figure_unit(const struct bench *bench);
double ticks_to_unit(const struct bench *bench, double ticks);

/* The same for what is printed: "cycles" where they were asked for. */
const char *printed_unit(const struct bench *bench);
double ticks_to_printed(const struct bench *bench, double ticks);

/* Seven columns at most: "0.31", "8412.5", "123456", "12.3M"; "-" for NAN. */
void format_figure(double value, char text[16]);

#endif
