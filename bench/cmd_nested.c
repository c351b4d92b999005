// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-bench nested: RDPMC in a nested guest, by who intercepts it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/commands.h"
#include "bench/expect.h"
#include "bench/nested.h"
#include "host/context.h"
#include "host/guest.h"
#include "host/guest_cpuid.h"
#include "host/interrupt.h"
#include "host/probe.h"
#include "lib/file.h"
#include "lib/json/json_file.h"

#define TIMEOUT_MS 5000

struct nested {
	const struct kvm *kvm;
	struct setting_host host;
	struct setting l0[NR_SETTINGS];
	struct nested_row rows[MAX_NESTED_ROWS];
	size_t n_rows;
};

/* Exits of one command to the guest, but for those that an interrupt of the host's took. */
static int count_exits(struct guest *guest, enum guest_command command, double *exits,
		       struct failure *failure)
{
	uint64_t before[NR_VCPU_STATS], after[NR_VCPU_STATS];
	int error = vcpu_stats_read(&guest->stats, before, failure);

	if (!error)
		error = guest_call(guest, command, TIMEOUT_MS, failure);
	if (!error)
		error = vcpu_stats_read(&guest->stats, after, failure);
	if (!error)
		*exits = (double)(after[STAT_EXITS] - before[STAT_EXITS]) -
			 (double)(after[STAT_IRQ_EXITS] - before[STAT_IRQ_EXITS]);
	return error;
}

/*
 * How many exits more a read takes than what @baseline does in its place; @what in the parameters chooses.
 * The first of three visits is not counted: pages that are touched for the first time exit as well.
 */
static int exits_per_read(struct guest *guest, enum guest_command command, uint32_t *what,
			  uint32_t baseline, double *exits, struct failure *failure)
{
	uint32_t read = *what;
	double without, with;
	int error;

	error = guest_call(guest, command, TIMEOUT_MS, failure);
	*what = baseline;
	if (!error)
		error = count_exits(guest, command, &without, failure);
	*what = read;
	if (!error)
		error = count_exits(guest, command, &with, failure);
	if (!error)
		*exits = (with - without) / NESTED_READS;
	return error;
}

/* Does L0 with L1's own RDPMC what @kind says? Else none of the rows is what it is called. */
static int check_l0(struct nested *nested, enum setting_kind kind, struct guest *guest,
		    struct failure *failure)
{
	const struct expectation expected = expect_rdpmc(&nested->l0[kind].guest, 0, 0, true);
	struct guest_params *params = &guest->page->params;
	double exits;
	int error;

	*params = (struct guest_params){
		.insn = GUEST_INSN_RDPMC,
		.pce = true,
		.count = NESTED_READS,
	};
	error = exits_per_read(guest, GUEST_MEASURE, &params->insn, GUEST_INSN_EMPTY, &exits,
			       failure);
	if (error)
		return error;
	if (!expect_exits_met(expect_exits(&nested->host, kind, &expected, 0, 0, true),
			      nested->host.backend, exits))
		return fail_with(failure, -EINVAL,
				 "wrong label: L0 %s, but L1's own RDPMC took %.2f exits",
				 setting_kind_name(kind), exits);
	return 0;
}

static int measure(struct guest *guest, struct nested_row *row, struct failure *failure)
{
	struct guest_params *params = &guest->page->params;
	const struct guest_nested *result = &guest->page->nested;
	int error;

	*params = (struct guest_params){
		.ecx = row->read.ecx,
		.cpl = row->read.cpl,
		.pce = row->read.pce,
		.count = NESTED_READS,
		.l2 = row->read.emulated ? GUEST_L2_EMULATED : GUEST_L2_RDPMC,
		.rdpmc_exiting = row->l1_intercepts,
	};
	error = exits_per_read(guest, GUEST_NESTED, &params->l2, nested_baseline(&row->expected),
			       &row->seen.exits, failure);
	row->seen.l1_exits = result->l1_exits;
	row->seen.faults = result->faults;
	row->seen.value = result->value;
	row->seen.vector = result->vector;
	return error;
}

static void judge(const struct nested *nested, struct nested_row *row)
{
	const struct rdpmc_rule_text *rule = &rdpmc_nested_rules[row->expected.nested.rule];
	char text[160];

	row->status = NESTED_AGREES;
	if (nested_agrees(&row->expected, nested->host.backend, &row->seen, text, sizeof(text)))
		return;
	row->known = nested_known(row, nested->host.backend);
	row->status = row->known ? NESTED_KNOWN : NESTED_DIFFERS;
	snprintf(row->reason, sizeof(row->reason), "%s (rule %s)", text, rule->id);
}

static int measure_rows(struct nested *nested, enum setting_kind kind, struct guest *guest,
			struct failure *failure)
{
	int error = check_l0(nested, kind, guest, failure);

	if (!error)
		error = guest_call(guest, GUEST_PMU_PRESET, TIMEOUT_MS, failure);
	for (size_t i = 0; i < nested->n_rows && !error; i++) {
		if (nested->rows[i].l0 != kind)
			continue;
		error = measure(guest, &nested->rows[i], failure);
		if (!error)
			judge(nested, &nested->rows[i]);
	}
	return error;
}

/* What cannot be gone on with fails all rows that are left of this L0. */
static void fail_rest(struct nested *nested, enum setting_kind kind, enum nested_status status,
		      const char *why)
{
	for (size_t i = 0; i < nested->n_rows; i++) {
		struct nested_row *row = &nested->rows[i];

		if (row->l0 == kind && row->status == NESTED_SKIPPED && !row->reason[0]) {
			row->status = status;
			snprintf(row->reason, sizeof(row->reason), "%s", why);
		}
	}
}

static void run_l0(struct nested *nested, enum setting_kind kind)
{
	const struct setting *l0 = &nested->l0[kind];
	struct guest_config config = { .pmu = l0->guest, .irqchip = l0->irqchip };
	struct failure failure;
	struct guest guest;

	if (interrupt_signal()) {
		fail_rest(nested, kind, NESTED_SKIPPED, "interrupted");
		return;
	}
	if (!l0->available) {
		fail_rest(nested, kind, NESTED_SKIPPED, l0->reason);
		return;
	}
	/* KVM may have none to give: a host's matter, as for the benchmark. */
	if (guest_boot(&guest, nested->kvm, &config, &failure)) {
		fail_rest(nested, kind, NESTED_SKIPPED, failure.text);
		return;
	}
	if (measure_rows(nested, kind, &guest, &failure))
		fail_rest(nested, kind, NESTED_FAILED, failure.text);
	guest_destroy(&guest);
}

static void make_rows(struct nested *nested)
{
	bool emulator = context_param("", "kvm", "force_emulation_prefix") == PARAM_YES;
	struct nested_read reads[MAX_NESTED_READS];

	for (enum setting_kind kind = 0; kind < NR_SETTINGS; kind++) {
		const struct setting *l0 = &nested->l0[kind];
		size_t n;

		setting_derive(&nested->host, kind, &nested->l0[kind]);
		n = nested_reads(&nested->host, l0, emulator, reads);
		for (int l1_intercepts = 0; l1_intercepts < 2; l1_intercepts++)
			for (size_t i = 0; i < n; i++)
				nested->rows[nested->n_rows++] = (struct nested_row){
					.l0 = kind,
					.l1_intercepts = l1_intercepts,
					.read = reads[i],
					.expected = nested_expect(&nested->host, kind, l0,
								  l1_intercepts, &reads[i]),
				};
	}
}

static size_t count(const struct nested *nested, enum nested_status status)
{
	size_t n = 0;

	for (size_t i = 0; i < nested->n_rows; i++)
		n += nested->rows[i].status == status;
	return n;
}

static const char *l1_name(const struct nested_row *row)
{
	return setting_kind_name(row->l1_intercepts ? SETTING_INTERCEPTED : SETTING_PASSTHROUGH);
}

static void print_row(const struct nested_row *row)
{
	char outcome[40];

	nested_outcome_text(&row->seen, outcome, sizeof(outcome));
	printf("%-12s %-12s %-28s %-8s %-16s %10.2f%s\n", setting_kind_name(row->l0), l1_name(row),
	       row->read.name, nested_level_name(nested_level_seen(&row->seen)), outcome,
	       row->seen.exits,
	       row->status == NESTED_DIFFERS ? "  DIFFERS"
	       : row->status == NESTED_KNOWN ? "  known"
					     : "");
}

static void print_differences(const struct nested *nested)
{
	for (size_t i = 0; i < nested->n_rows; i++) {
		const struct nested_row *row = &nested->rows[i];

		if (row->status == NESTED_DIFFERS)
			printf("differs: L0 %s, L1 %s, %s: %s\n", setting_kind_name(row->l0),
			       l1_name(row), row->read.name, row->reason);
	}
}

/* Each deviation once. */
static void print_known(const struct nested *nested)
{
	const char *last = NULL;

	for (size_t i = 0; i < nested->n_rows; i++) {
		const char *known = nested->rows[i].known;

		if (known && (!last || strcmp(known, last)))
			printf("known: %s\n", known);
		last = known ? known : last;
	}
}

/* Of what was not measured, rows of one L0 that have the same reason, once. */
static void print_reasons(const struct nested *nested, enum nested_status status, const char *word)
{
	const struct nested_row *last = NULL;

	for (size_t i = 0; i < nested->n_rows; i++) {
		const struct nested_row *row = &nested->rows[i];

		if (row->status != status)
			continue;
		if (!last || last->l0 != row->l0 || strcmp(last->reason, row->reason))
			printf("%s: L0 %s: %s\n", word, setting_kind_name(row->l0), row->reason);
		last = row;
	}
}

static void print(const struct nested *nested)
{
	size_t n[NR_NESTED_STATUS], measured;

	for (enum nested_status status = 0; status < NR_NESTED_STATUS; status++)
		n[status] = count(nested, status);
	measured = n[NESTED_AGREES] + n[NESTED_DIFFERS] + n[NESTED_KNOWN];
	printf("nested RDPMC on %s: %zu of %zu reads of L2 are as the manuals say, %zu differ, "
	       "%zu known to differ, %zu failed, %zu skipped\n\n",
	       kvm_backend_name(nested->host.backend), n[NESTED_AGREES], nested->n_rows,
	       n[NESTED_DIFFERS], n[NESTED_KNOWN], n[NESTED_FAILED], n[NESTED_SKIPPED]);
	if (measured)
		printf("%-12s %-12s %-28s %-8s %-16s %10s\n", "L0", "L1", "L2 reads", "exit to",
		       "L2 sees", "exits/read");
	for (size_t i = 0; i < nested->n_rows; i++)
		if (nested->rows[i].status >= NESTED_DIFFERS)
			print_row(&nested->rows[i]);
	if (measured && n[NESTED_AGREES] < nested->n_rows)
		printf("\n");
	print_differences(nested);
	print_known(nested);
	print_reasons(nested, NESTED_FAILED, "failed");
	print_reasons(nested, NESTED_SKIPPED, "skipped");
}

static json_t *row_json(const struct nested_row *row)
{
	static const char *const status[NR_NESTED_STATUS] = {
		[NESTED_SKIPPED] = "skipped", [NESTED_FAILED] = "failed",
		[NESTED_DIFFERS] = "differs", [NESTED_KNOWN] = "known",
		[NESTED_AGREES] = "agrees",
	};
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "l0", setting_kind_name(row->l0),
				 "l1", l1_name(row), "read", row->read.name, "status",
				 status[row->status], "reason", row->reason);
	char outcome[40];

	if (row->known)
		json_object_set_new(json, "known", json_string(row->known));
	if (row->status < NESTED_DIFFERS)
		return json;
	nested_outcome_text(&row->seen, outcome, sizeof(outcome));
	json_object_set_new(json, "exit_to",
			    json_string(nested_level_name(nested_level_seen(&row->seen))));
	json_object_set_new(json, "l2_sees", json_string(outcome));
	json_object_set_new(json, "exits_per_read", json_real(row->seen.exits));
	json_object_set_new(json, "rule",
			    json_string(rdpmc_nested_rules[row->expected.nested.rule].id));
	return json;
}

static int write_json(const struct nested *nested, const char *path)
{
	struct failure failure;
	json_t *rows = json_array(), *json;
	int error;

	for (size_t i = 0; i < nested->n_rows; i++)
		json_array_append_new(rows, row_json(&nested->rows[i]));
	json = json_pack("{s:s, s:s, s:o}", "schema", "rdpmc-nested/1", "backend",
			 kvm_backend_name(nested->host.backend), "rows", rows);
	error = json_file_write(path, json, &failure);
	json_decref(json);
	if (error)
		fprintf(stderr, "rdpmc-bench: %s\n", failure.text);
	return error;
}

/* Returns the exit status. */
static int report(const struct options *options, const struct nested *nested)
{
	if (!options->json || strcmp(options->json, "-"))
		print(nested);
	if (options->json && write_json(nested, options->json))
		return EXIT_USAGE;
	if (interrupt_signal())
		return 128 + interrupt_signal();
	if (count(nested, NESTED_DIFFERS) + count(nested, NESTED_FAILED))
		return EXIT_FAILED_ROW;
	return count(nested, NESTED_AGREES) + count(nested, NESTED_KNOWN) ? EXIT_GOOD
									  : EXIT_NOTHING_RAN;
}

/* Returns the exit status where no guest of KVM's can be an L1, or 0. */
static int no_nested(const struct kvm *kvm, const struct setting_host *host)
{
	const char *module = host->backend == KVM_BACKEND_SVM ? "kvm_amd" : "kvm_intel";

	if (guest_cpuid_nested(kvm->cpuid))
		return 0;
	if (context_param("", module, "nested") == PARAM_NO)
		fprintf(stderr,
			"rdpmc-bench: %s has nested=N: modprobe -r %s; modprobe %s nested=1\n",
			module, module, module);
	else
		fprintf(stderr,
			"rdpmc-bench: KVM offers its guests neither VMX nor SVM "
			"(KVM_GET_SUPPORTED_CPUID, backend %s)\n",
			kvm_backend_name(host->backend));
	return EXIT_NOTHING_RAN;
}

int command_nested(const struct options *options)
{
	struct nested nested = { 0 };
	struct failure failure;
	struct kvm kvm;
	int status;

	if (options->json && file_check(options->json, &failure))
		options_die("--json: %s", failure.text);
	if (kvm_open(&kvm, options->device, &failure))
		return options_no_kvm(options, failure.text);
	nested.kvm = &kvm;
	probe_setting_host("", &kvm, &nested.host);
	status = no_nested(&kvm, &nested.host);
	if (!status && interrupt_init(&failure)) {
		fprintf(stderr, "rdpmc-bench: %s\n", failure.text);
		status = EXIT_NOTHING_RAN;
	}
	if (!status) {
		make_rows(&nested);
		for (enum setting_kind kind = 0; kind < NR_SETTINGS; kind++)
			run_l0(&nested, kind);
		status = report(options, &nested);
	}
	kvm_close(&kvm);
	return status;
}
