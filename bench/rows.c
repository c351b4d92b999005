// SPDX-License-Identifier: GPL-2.0-or-later
/* What a row is called, which others it is held against, and which a filter keeps. */
#include "bench/rows.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static const char *const counter_names[NR_COUNTERS] = {
	[COUNTER_GP_FIRST] = "gp-first",  [COUNTER_GP_LAST] = "gp-last",
	[COUNTER_FIXED0] = "fixed0",      [COUNTER_FIXED1] = "fixed1",
	[COUNTER_FIXED2] = "fixed2",      [COUNTER_FIXED3] = "fixed3",
	[COUNTER_METRICS] = "metrics",    [COUNTER_METRICS_INDEX1] = "metrics-index1",
	[COUNTER_TYPE_6000] = "type6000", [COUNTER_FAST] = "fast",
	[COUNTER_VMWARE] = "vmware",      [COUNTER_OUT_OF_RANGE] = "out-of-range",
};

static const char *const privilege_names[NR_PRIVILEGES] = {
	[PRIVILEGE_CPL0] = "cpl0",
	[PRIVILEGE_CPL3] = "cpl3",
	[PRIVILEGE_CPL3_NOPCE] = "cpl3-nopce",
};

static const char *const control_names[NR_GUEST_INSNS] = {
	[GUEST_INSN_EMPTY] = "empty",      [GUEST_INSN_RDTSC] = "rdtsc",
	[GUEST_INSN_CPUID] = "cpuid",      [GUEST_INSN_PORT] = "port",
	[GUEST_INSN_VMCALL] = "hypercall", [GUEST_INSN_VMMCALL] = "hypercall",
};

static const struct pmu_state pmu_states[NR_MACHINES] = {
	[MACHINE_NO_PMU] = { .name = "no-pmu", .text = "no PMU" },
	[MACHINE_INTERCEPTED_0] = { "intercepted-0", "intercepted, no counter on", true,
				    SETTING_INTERCEPTED, GUEST_RUNNING_NONE },
	[MACHINE_INTERCEPTED_1] = { "intercepted-1", "intercepted, one counter on", true,
				    SETTING_INTERCEPTED, GUEST_RUNNING_ONE },
	[MACHINE_INTERCEPTED_ALL] = { "intercepted-all", "intercepted, all counters on", true,
				      SETTING_INTERCEPTED, GUEST_RUNNING_ALL },
	[MACHINE_PASSTHROUGH_0] = { "passthrough-0", "passthrough, no counter on", true,
				    SETTING_PASSTHROUGH, GUEST_RUNNING_NONE },
	[MACHINE_PASSTHROUGH_1] = { "passthrough-1", "passthrough, one counter on", true,
				    SETTING_PASSTHROUGH, GUEST_RUNNING_ONE },
	[MACHINE_PASSTHROUGH_ALL] = { "passthrough-all", "passthrough, all counters on", true,
				      SETTING_PASSTHROUGH, GUEST_RUNNING_ALL },
};

const struct pmu_state *pmu_state(enum machine_kind machine)
{
	return pmu_states[machine].name ? &pmu_states[machine] : NULL;
}

const char *row_counter_name(const struct row *row)
{
	return row->control ? control_names[row->insn] : counter_names[row->counter];
}

const char *row_privilege_name(const struct row *row)
{
	return privilege_names[row->privilege];
}

const char *row_setting(const struct row *row)
{
	static const char *const names[NR_MACHINES] = {
		[MACHINE_INTERCEPTED] = "intercepted",
		[MACHINE_PASSTHROUGH] = "passthrough",
		[MACHINE_SIMULATED] = "simulated-vpmu",
		[MACHINE_NATIVE] = "native",
	};

	return row->control ? "control" : names[row->machine];
}

void row_set_privilege(struct row *row, enum privilege privilege)
{
	row->privilege = privilege;
	row->cpl = privilege == PRIVILEGE_CPL0 ? 0 : 3;
	row->pce = privilege != PRIVILEGE_CPL3_NOPCE;
}

void row_fail(struct row *row, const char *reason)
{
	row->status = ROW_FAILED;
	snprintf(row->reason, sizeof(row->reason), "%s", reason);
}

void row_set_name(struct row *row, bool fault)
{
	snprintf(row->name, sizeof(row->name), "rdpmc%s/%s/%s/%s", fault ? "-fault" : "",
		 counter_names[row->counter], row_setting(row), row_privilege_name(row));
}

#define VCPUS_SUFFIX "-vcpus"

/* @from with the number of vCPUs at @at, the end of its second part or the suffix that is there. */
static void set_vcpus_name(char *name, size_t size, const char *from, const char *at,
			   unsigned int vcpus)
{
	snprintf(name, size, "%.*s" VCPUS_SUFFIX "%u%s", (int)(at - from), from, vcpus,
		 strchr(at, '/'));
}

void row_set_vcpus(struct row *row, unsigned int vcpus)
{
	const struct row one = *row;

	row->vcpus = vcpus;
	set_vcpus_name(row->name, sizeof(row->name), one.name,
		       strchr(strchr(one.name, '/') + 1, '/'), vcpus);
}

const struct row *rows_empty_loop(const struct row *rows, size_t n, const struct row *row)
{
	if (row->insn == GUEST_INSN_EMPTY)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (rows[i].insn == GUEST_INSN_EMPTY && rows[i].cpl == row->cpl &&
		    rows[i].vcpus == row->vcpus)
			return &rows[i];
	return NULL;
}

/* With one vCPU; NULL for itself. */
static const struct row *alone(const struct row *rows, size_t n, const struct row *row)
{
	const char *suffix = strstr(row->name, VCPUS_SUFFIX);
	char name[sizeof(row->name)];

	if (row->vcpus == 1 || !suffix)
		return NULL;
	set_vcpus_name(name, sizeof(name), row->name, suffix, 1);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

const struct row *rows_base(const struct row *rows, size_t n, const struct row *row)
{
	if (row->vcpus)
		return alone(rows, n, row);
	if (!pmu_state(row->machine) || row->machine == MACHINE_NO_PMU)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (rows[i].machine == MACHINE_NO_PMU && rows[i].insn == row->insn &&
		    rows[i].privilege == row->privilege)
			return &rows[i];
	return NULL;
}

size_t rows_matching(const struct row *rows, size_t n, const char *glob)
{
	size_t matched = 0;

	for (size_t i = 0; i < n; i++)
		matched += !fnmatch(glob, rows[i].name, 0);
	return matched;
}

size_t rows_filter(struct row *rows, size_t n, const char *glob)
{
	bool keep[MAX_ROWS] = { false };
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct row *empty, *base;

		if (fnmatch(glob, rows[i].name, 0))
			continue;
		keep[i] = true;
		if (rows[i].status != ROW_READY)
			continue;
		empty = rows_empty_loop(rows, n, &rows[i]);
		base = rows_base(rows, n, &rows[i]);
		if (empty)
			keep[empty - rows] = true;
		if (!base)
			continue;
		keep[base - rows] = true;
		empty = rows_empty_loop(rows, n, base);
		if (empty)
			keep[empty - rows] = true;
	}
	for (size_t i = 0; i < n; i++)
		if (keep[i])
			rows[kept++] = rows[i];
	return kept;
}
