// SPDX-License-Identifier: GPL-2.0-or-later
/* From this host to its table of rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/commands.h"
#include "host/probe.h"
#include "host/vpmu.h"
#include "lib/text.h"

/* Leaves it open. */
static void try_native(struct case_plan *plan, struct native *native)
{
	native_open(native, "", plan->host.cpu.vendor, plan->native_reason,
		    sizeof(plan->native_reason));
	plan->native_fixed = native_has(native, COUNTER_FIXED0);
	plan->native_metrics = native_has(native, COUNTER_METRICS);
}

/*
 * A filter may be made for other hosts: then nothing can be measured here. Else it is a mistake, most
 * often a part of a name. @rows are this host's.
 */
__attribute__((noreturn)) static void no_match(const struct case_plan *plan, const char *filter,
					       struct row *rows, size_t n)
{
	char text[400], wider[100];
	size_t matched;

	snprintf(wider, sizeof(wider), "*%s*", filter);
	matched = rows_matching(rows, n, wider);
	if (strchr(filter, '{'))
		options_die(
			"--filter: '%s' matches no benchmark: a pattern has no {a,b}, only *, ? "
			"and [...]",
			filter);
	if (matched)
		options_die("--filter: '%s' is no whole name; '%s' matches %zu benchmark%s", filter,
			    wider, matched, PLURAL(matched));
	if (!cases_elsewhere(plan, filter, rows, text, sizeof(text)))
		options_die("--filter: '%s' matches no benchmark; see rdpmc-bench list", filter);
	fprintf(stderr, "rdpmc-bench: --filter: '%s' %s\n", filter, text);
	exit(EXIT_NOTHING_RAN);
}

size_t plan_rows(const struct options *options, const struct kvm *kvm, struct case_plan *plan,
		 struct native *native, struct row *rows)
{
	struct vpmu vpmu;
	size_t n;

	*plan = (struct case_plan){
		.simulated = options->simulated,
		.pmu_cost = options->pmu_cost,
		.vcpus = options->vcpus,
	};
	probe_setting_host("", kvm, &plan->host);
	for (enum setting_kind kind = 0; kind < NR_SETTINGS; kind++)
		setting_derive(&plan->host, kind, &plan->setting[kind]);
	vpmu_init(&vpmu);
	plan->simulated_pmu = vpmu.shape;
	if (!plan->pmu_cost && !plan->vcpus)
		try_native(plan, native);
	n = cases_make(plan, rows);
	for (size_t i = 0; i < n; i++)
		if (rows[i].machine == MACHINE_NATIVE && rows[i].status == ROW_READY)
			rows[i].ecx = native_ecx(native, rows[i].counter);
	native_close(native);
	if (options->filter) {
		const size_t kept = rows_filter(rows, n, options->filter);

		if (!kept)
			no_match(plan, options->filter, rows, n);
		n = kept;
	}
	return n;
}
