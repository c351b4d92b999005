// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The report of a run: what it comes to, the table, and what limits it.
 */
#include "bench/report.h"

#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "bench/report_matrix.h"
#include "lib/text.h"

#define MIN_CPU_SHARE 0.97 /* of the time; a guest that runs alone has 0.99 */
#define WRAP_COLUMN   98

/* Words, wrapped at WRAP_COLUMN, each line behind @indent blanks. */
__attribute__((format(printf, 3, 4))) static void print_wrapped(FILE *out, unsigned int indent,
								const char *format, ...)
{
	char text[MAX_ROWS * 66 + 512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	text_wrap(out, "", indent, WRAP_COLUMN, text);
}

static const char *bold(const struct report_options *options)
{
	return options->colour ? "\033[1m" : "";
}

static const char *red(const struct report_options *options)
{
	return options->colour ? "\033[31m" : "";
}

static const char *plain(const struct report_options *options)
{
	return options->colour ? "\033[0m" : "";
}

/* A loop that only nets others is not asked for, but its failure is theirs. */
static bool is_shown(const struct row *row, const struct report_options *options)
{
	return !options->glob || row->status == ROW_FAILED || !fnmatch(options->glob, row->name, 0);
}

/*
 * "rdpmc-fault/ * /intercepted" of "rdpmc-fault/metrics/intercepted/cpl3": what a group of rows
 * shares.
 */
static void group_of(const struct row *row, char *text, size_t size)
{
	const struct pmu_state *state = pmu_state(row->machine);
	char vcpus[32] = "";

	if (row->vcpus)
		snprintf(vcpus, sizeof(vcpus), ", %u vCPU%s", row->vcpus,
			 row->vcpus > 1 ? "s at once" : "");
	if (row->control)
		snprintf(text, size, "control%s%s%s", state ? ", " : "", state ? state->text : "",
			 vcpus);
	else
		snprintf(text, size, "%.*s, %s%s", (int)strcspn(row->name, "/"), row->name,
			 row_setting(row), vcpus);
}

static void print_group(FILE *out, const struct row *row, const char *group,
			const struct case_plan *plan, const struct report_options *options)
{
	fprintf(out, "%s%s%s", bold(options), group, plain(options));
	if (!row->control && row->machine == MACHINE_INTERCEPTED)
		fprintf(out, " (%s)",
			intercept_cause_text(plan->setting[SETTING_INTERCEPTED].means));
	if (row->machine == MACHINE_SIMULATED && !row->control)
		fprintf(out, " (answered by this program: the times mean nothing)");
	fprintf(out, "\n");
}

static void print_row(FILE *out, const struct bench *bench, size_t i)
{
	const struct row *row = &bench->rows[i];
	struct row_figures f = row_figures(&bench->results[i]);
	const double ticks[] = { f.median, f.mad, f.p99, f.max };
	char label[64], text[16];

	snprintf(label, sizeof(label), "%s/%s", row_counter_name(row), row_privilege_name(row));
	fprintf(out, "  %-25s", label);
	for (size_t c = 0; c < sizeof(ticks) / sizeof(ticks[0]); c++) {
		/* No slower than an empty sample: too short for one to measure. */
		const bool lost = c >= 2 && !(ticks[c] > 0);

		format_figure(lost ? NAN : ticks_to_printed(bench, ticks[c]), text);
		fprintf(out, " %7s", text);
	}
	format_figure(row_has_guest(row) ? f.exits : NAN, text);
	fprintf(out, " %6s\n", text);
}

static void print_columns(FILE *out, const struct bench *bench)
{
	fprintf(out, "%-27s  %s  exits\n", "",
		bench->emulated_host    ? "------- instructions -------"
		: bench->options.cycles ? "--------- TSC cycles --------"
					: "------------- ns ------------");
	fprintf(out, "  %-25s %7s %7s %7s %7s %6s\n", "net of the empty loop", "median", "MAD",
		"p99", "max", "/read");
}

static void print_table(FILE *out, const struct bench *bench, const struct case_plan *plan,
			const struct report_options *options)
{
	char group[80], last[80] = "";

	print_columns(out, bench);
	/* Rows of one group may stand apart in the table of cases: print each group whole. */
	for (size_t i = 0; i < bench->n_rows; i++) {
		bool seen = false;

		if (bench->rows[i].status != ROW_MEASURED || !is_shown(&bench->rows[i], options))
			continue;
		group_of(&bench->rows[i], last, sizeof(last));
		for (size_t j = 0; j < i && !seen; j++) {
			group_of(&bench->rows[j], group, sizeof(group));
			seen = bench->rows[j].status == ROW_MEASURED &&
			       is_shown(&bench->rows[j], options) && !strcmp(group, last);
		}
		if (seen)
			continue;
		print_group(out, &bench->rows[i], last, plan, options);
		for (size_t j = i; j < bench->n_rows; j++) {
			group_of(&bench->rows[j], group, sizeof(group));
			if (bench->rows[j].status == ROW_MEASURED &&
			    is_shown(&bench->rows[j], options) && !strcmp(group, last))
				print_row(out, bench, j);
		}
	}
}

static void print_cost_rows(FILE *out, const struct bench *bench, const struct exit_cost *costs,
			    size_t n, const struct report_options *options)
{
	bool few_runs = false;
	size_t faults = 0;

	for (size_t i = 0; i < n; i++) {
		char label[80], vcpus[24] = "", value[16], lower[16], upper[16], interval[64] = "";

		/* What the processor itself refuses exits in neither setting, and costs no exit. */
		if (row_figures(&bench->results[costs[i].intercepted - bench->rows]).exits < 0.5) {
			faults++;
			continue;
		}
		if (costs[i].intercepted->vcpus)
			snprintf(vcpus, sizeof(vcpus), ", vCPUs: %u", costs[i].intercepted->vcpus);
		snprintf(label, sizeof(label), "%s%s/%s%s",
			 costs[i].intercepted->expected.gp ? "#GP of " : "",
			 row_counter_name(costs[i].intercepted),
			 row_privilege_name(costs[i].intercepted), vcpus);
		format_figure(ticks_to_printed(bench, costs[i].ticks.estimate), value);
		format_figure(ticks_to_printed(bench, costs[i].ticks.lower), lower);
		format_figure(ticks_to_printed(bench, costs[i].ticks.upper), upper);
		if (isnan(costs[i].ticks.lower))
			few_runs = true;
		else
			snprintf(interval, sizeof(interval), "  (95 %%: %s to %s)", lower, upper);
		fprintf(out, "  %-32s %s%7s %s%s%s\n", label, bold(options), value,
			printed_unit(bench), plain(options), interval);
	}
	if (few_runs)
		fprintf(out, "  too few runs for intervals\n");
	if (faults)
		fprintf(out, "  %zu more exit in neither setting: the CPU faults first\n", faults);
}

/* Where there is no pair of rows: what is known nevertheless. */
static void print_nearest(FILE *out, const struct bench *bench)
{
	const struct row *row = nearest_exit(bench);
	struct row_figures figures;
	char value[16], each[16];

	if (!row)
		return;
	figures = row_figures(&bench->results[row - bench->rows]);
	format_figure(ticks_to_printed(bench, figures.median), value);
	format_figure(ticks_to_printed(bench, figures.median / figures.exits), each);
	print_wrapped(out, 2, "nearest benchmark that exits: %s, %s %s for %.2f exits, %s each: %s",
		      row->name, value, printed_unit(bench), figures.exits, each,
		      row->control       ? "another instruction's"
		      : row->expected.gp ? "an RDPMC that is #GP, not a read"
					 : "an exit and the read together");
}

static void print_known_costs(FILE *out, const struct bench *bench, const struct case_plan *plan,
			      const struct report_options *options)
{
	struct exit_cost costs[MAX_ROWS];
	size_t n = exit_costs(bench, costs, MAX_ROWS);
	const struct setting *passthrough = &plan->setting[SETTING_PASSTHROUGH];

	fprintf(out, "%sexit cost = intercepted - passthrough%s\n", bold(options), plain(options));
	print_cost_rows(out, bench, costs, n, options);
	if (n)
		return;
	if (!passthrough->available)
		print_wrapped(out, 2, "unknown: no passthrough here: %s%s%s", passthrough->reason,
			      passthrough->remedy[0] ? "; " : "", passthrough->remedy);
	else
		fprintf(out, "  unknown: no counter was measured under both settings\n");
	n = exit_estimates(bench, costs, MAX_ROWS);
	if (n)
		fprintf(out, "  estimated as intercepted - native, a read of the host's own:\n");
	else
		print_nearest(out, bench);
	print_cost_rows(out, bench, costs, n, options);
	if (!bench->emulated_host)
		fprintf(out, "  in instructions, on an emulated host: make bench-machine%s\n",
			plan->host.cpu.vendor == CPU_VENDOR_AMD ? " CPU=zen4" : "");
}

static void print_costs(FILE *out, const struct bench *bench, const struct case_plan *plan,
			const struct report_options *options)
{
	if (plan->simulated || plan->pmu_cost)
		return;
	print_known_costs(out, bench, plan, options);
	fprintf(out, "\n");
}

static void print_pmu_cost(FILE *out, const struct bench *bench, const struct case_plan *plan,
			   const struct report_options *options)
{
	const char *none = cases_no_pmu(plan);

	fprintf(out, "%swhat a guest's PMU costs an exit: the difference to a guest without%s\n",
		bold(options), plain(options));
	if (none[0])
		print_wrapped(out, 2, "unknown: %s", none);
	else if (!report_matrix(out, bench, options->glob))
		fprintf(out, "  unknown: no exit was measured both with a PMU and without\n");
	else
		print_wrapped(out, 2, "the guest's PMU is %s; intercepted by: %s",
			      plan->host.enable_mediated_pmu == PARAM_YES
				      ? "mediated: KVM switches its registers around the guest"
				      : "emulated: a counter that is on is an event of the host's "
					"perf",
			      intercept_cause_text(plan->setting[SETTING_INTERCEPTED].means));
	fprintf(out, "\n");
}

static void print_vcpus(FILE *out, const struct bench *bench, const struct report_options *options)
{
	fprintf(out,
		"%swhat an exit costs while other vCPUs of the VM exit as well: the difference to "
		"one "
		"alone%s\n",
		bold(options), plain(options));
	if (!report_matrix(out, bench, options->glob))
		fprintf(out, "  unknown: no benchmark was measured both alone and beside others\n");
	else
		report_each_vcpu(out, bench, options->glob);
	fprintf(out, "\n");
}

/* An exit as the emulated machine recorded it: exact, so that there is one figure of each. */
static void print_paths(FILE *out, const struct bench *bench, const struct report_options *options)
{
	bool titled = false;

	for (size_t i = 0; i < bench->n_rows; i++) {
		const struct row *row = &bench->rows[i];
		const struct path *p = &bench->results[i].path;

		if (row->status != ROW_MEASURED || !bench->results[i].has_path ||
		    !is_shown(row, options))
			continue;
		if (!titled)
			fprintf(out,
				"%spath of one exit, VM exit to VM entry, recorded by the "
				"machine%s\n  %-43s %6s %5s %5s %6s %6s %5s %5s %5s\n",
				bold(options), plain(options), "", "instr.", "RDMSR", "WRMSR",
				"atomic", "indir.", "text", "stack", "data");
		titled = true;
		fprintf(out, "  %-43s %6llu %5llu %5llu %6llu %6llu %5llu %5llu %5llu\n", row->name,
			(unsigned long long)p->instructions, (unsigned long long)p->rdmsr,
			(unsigned long long)p->wrmsr, (unsigned long long)p->atomic,
			(unsigned long long)p->indirect, (unsigned long long)p->text_lines,
			(unsigned long long)p->stack_lines, (unsigned long long)p->data_lines);
		if (p->same + p->disturbed < p->exits)
			fprintf(out,
				"      taken by %llu of %llu exits; the others took other paths\n",
				(unsigned long long)p->same,
				(unsigned long long)(p->exits - p->disturbed));
	}
	if (titled)
		print_wrapped(
			out, 2,
			"atomic operations, indirect branches; text, stack, data: different "
			"cache lines that the kernel touches. The table above has the guest's "
			"own instructions as well, and is what a read costs the guest\n");
}

/*
 * How much of two names is the same up to the last '/', that included; 0 when they differ before.
 */
static size_t shared_prefix(const char *a, const char *b)
{
	size_t length = (size_t)(strrchr(a, '/') - a) + 1;

	return strncmp(a, b, length) || strchr(b + length, '/') ? 0 : length;
}

/*
 * "a/b/cpl0 a/b/cpl3 c/d/cpl0" as "a/b/{cpl0,cpl3} c/d/cpl0": the names of @rows, in their order.
 */
static void join_names(const struct row *const *rows, size_t n, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0, next; i < n && used < size; i = next) {
		size_t prefix = (size_t)(strrchr(rows[i]->name, '/') - rows[i]->name) + 1;

		for (next = i + 1; next < n && shared_prefix(rows[i]->name, rows[next]->name);
		     next++)
			;
		used += (size_t)snprintf(text + used, size - used, "%s%.*s%s%s", i ? " " : "",
					 (int)prefix, rows[i]->name, next > i + 1 ? "{" : "",
					 rows[i]->name + prefix);
		for (size_t j = i + 1; j < next && used < size; j++)
			used += (size_t)snprintf(text + used, size - used, ",%s%s",
						 rows[j]->name + prefix, j + 1 == next ? "}" : "");
	}
}

/* Rows that share a reason share a paragraph. */
static void print_others(FILE *out, const struct bench *bench, enum row_status status,
			 const char *title, const char *colour,
			 const struct report_options *options)
{
	bool done[MAX_ROWS] = { false }, titled = false;

	for (size_t i = 0; i < bench->n_rows; i++) {
		const struct row *alike[MAX_ROWS];
		char names[MAX_ROWS * sizeof(alike[0]->name)];
		size_t n = 0;

		if (done[i])
			continue;
		for (size_t j = i; j < bench->n_rows; j++) {
			if (bench->rows[j].status != status ||
			    !is_shown(&bench->rows[j], options) ||
			    strcmp(bench->rows[i].reason, bench->rows[j].reason))
				continue;
			done[j] = true;
			alike[n++] = &bench->rows[j];
		}
		if (!n)
			continue;
		if (!titled)
			fprintf(out, "%s%s%s\n", colour, title, plain(options));
		titled = true;
		join_names(alike, n, names, sizeof(names));
		print_wrapped(out, 2, "%s", alike[0]->reason);
		print_wrapped(out, 6, "%s", names);
	}
	if (titled)
		fprintf(out, "\n");
}

/* What makes the figures useless. */
static void print_unreliable(FILE *out, const struct bench *bench,
			     const struct report_options *options)
{
	const struct noise *noise = &bench->noise;

	if (noise->cpu_share < MIN_CPU_SHARE)
		print_wrapped(
			out, 0,
			"%sUNRELIABLE: other tasks used %.0f %% of CPU %d: figures are too high "
			"and differ from run to run%s",
			red(options), 100 * (1 - noise->cpu_share), bench->cpu, plain(options));
	if (noise->clock_ratio < 0.9 || noise->clock_ratio > 1.01)
		print_wrapped(out, 0,
			      "%sUNRELIABLE: the guest's clock ran at %.3f of the host's: the "
			      "figures may be wrong%s",
			      red(options), noise->clock_ratio, plain(options));
}

static size_t count_rows(const struct bench *bench, enum row_status status,
			 const struct report_options *options)
{
	size_t n = 0;

	for (size_t i = 0; i < bench->n_rows; i++)
		n += bench->rows[i].status == status && is_shown(&bench->rows[i], options);
	return n;
}

static void print_summary(FILE *out, const struct bench *bench,
			  const struct report_options *options)
{
	const size_t measured = count_rows(bench, ROW_MEASURED, options);
	const size_t failed = count_rows(bench, ROW_FAILED, options);
	const size_t skipped = count_rows(bench, ROW_SKIPPED, options);
	size_t known = 0;

	for (size_t i = 0; i < bench->n_rows; i++)
		known += bench->rows[i].status == ROW_FAILED && bench->rows[i].known;
	fprintf(out, "%zu benchmark%s measured", measured, PLURAL(measured));
	if (failed)
		fprintf(out, ", %s%zu FAILED%s%s", red(options), failed,
			known == failed ? " (known)"
			: known         ? " (some known)"
					: "",
			plain(options));
	if (skipped)
		fprintf(out, ", %zu skipped", skipped);
	fprintf(out, "%s\n\n", bench->partial ? "; INTERRUPTED: partial" : "");
}

static void print_noise(FILE *out, const struct bench *bench)
{
	const struct noise *noise = &bench->noise;
	char smis[32] = "unknown";

	if (noise->smis >= 0)
		snprintf(smis, sizeof(smis), "%ld", noise->smis);
	print_wrapped(out, 0,
		      "noise: %llu of %llu samples disturbed, %llu interrupts in measured loops, "
		      "SMIs: %s, preempted %ld times, %.2f s stolen by the hypervisor below",
		      (unsigned long long)noise->disturbed, (unsigned long long)noise->samples,
		      (unsigned long long)noise->irq_exits, smis, noise->involuntary_switches,
		      noise->steal_seconds);
}

/* Events that share a reason share a paragraph. */
static void print_uncounted(FILE *out, const struct bench *bench)
{
	const char(*reason)[sizeof(bench->counts.reason[0])] = bench->counts.reason;

	for (int i = 0; i < NR_PERF_COUNTS; i++) {
		char names[NR_PERF_COUNTS * 32] = "";
		bool first = true;

		for (int j = 0; j < NR_PERF_COUNTS; j++) {
			if (strcmp(reason[i], reason[j]))
				continue;
			first &= j >= i;
			strcat(names, " ");
			strcat(names, perf_count_name((enum perf_count)j));
		}
		if (!reason[i][0] || !first)
			continue;
		print_wrapped(out, 0, "not counted:%s", names);
		print_wrapped(out, 2, "%s", reason[i]);
	}
}

/* Where and how it was measured. */
static void print_conditions(FILE *out, const struct bench *bench, const struct case_plan *plan,
			     const char *placement, const struct report_options *options)
{
	char clock[32] = "";
	size_t runs = 0;

	for (size_t i = 0; i < bench->n_rows; i++)
		if (bench->results[i].n_runs > runs)
			runs = bench->results[i].n_runs;
	print_wrapped(out, 0, "backend %s%s%s%s", kvm_backend_name(plan->host.backend),
		      plan->host.nested ? ", on a host that is itself a guest" : "",
		      options->host ? "; " : "", options->host ? options->host : "");
	print_wrapped(out, 0, "%s", placement);
	if (bench->emulated_host)
		snprintf(clock, sizeof(clock), " by its own clock");
	else if (bench->tsc_khz)
		snprintf(clock, sizeof(clock), ", TSC %.1f MHz", (double)bench->tsc_khz / 1000);
	print_wrapped(out, 0, "%zu of %u runs (fresh VMs), seed %llu, %.1f s%s", runs,
		      bench->options.runs, (unsigned long long)bench->options.seed, bench->elapsed,
		      clock);
}

void report_print(FILE *out, const struct bench *bench, const struct case_plan *plan,
		  const char *placement, const struct report_options *options)
{
	if (bench->emulated_host)
		print_wrapped(out, 0,
			      "INSTRUCTIONS, NOT TIME: this was measured on an emulated processor, "
			      "whose TSC counts the instructions it executes");
	print_unreliable(out, bench, options);
	print_summary(out, bench, options);
	if (plan->pmu_cost)
		print_pmu_cost(out, bench, plan, options);
	if (plan->vcpus)
		print_vcpus(out, bench, options);
	print_costs(out, bench, plan, options);
	print_others(out, bench, ROW_FAILED, "failed", red(options), options);
	print_table(out, bench, plan, options);
	if (plan->host.backend == KVM_BACKEND_PVM)
		fprintf(out,
			"  CPL 0 figures measure kvm_pvm's instruction emulator, not an exit\n");
	fprintf(out, "\n");
	print_paths(out, bench, options);
	print_others(out, bench, ROW_SKIPPED, "skipped", bold(options), options);
	print_conditions(out, bench, plan, placement, options);
	print_noise(out, bench);
	print_uncounted(out, bench);
}
