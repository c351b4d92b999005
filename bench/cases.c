// SPDX-License-Identifier: GPL-2.0-or-later
/* Making the case table for this host, and giving each row that cannot be measured its reason. */
#include "bench/cases.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static const char *const counter_names[NR_COUNTERS] = {
	[COUNTER_GP_FIRST] = "gp-first",   [COUNTER_GP_LAST] = "gp-last",
	[COUNTER_FIXED0] = "fixed0",       [COUNTER_FIXED1] = "fixed1",
	[COUNTER_FIXED2] = "fixed2",       [COUNTER_FIXED3] = "fixed3",
	[COUNTER_METRICS] = "metrics",     [COUNTER_METRICS_INDEX1] = "metrics-index1",
	[COUNTER_TYPE_6000] = "type6000",  [COUNTER_FAST] = "fast",
	[COUNTER_VMWARE] = "vmware",       [COUNTER_OUT_OF_RANGE] = "out-of-range",
	[COUNTER_AMD_FIRST] = "amd-first", [COUNTER_AMD_LAST] = "amd-last",
};

static const char *const privilege_names[NR_PRIVILEGES] = {
	[PRIVILEGE_CPL0] = "cpl0",
	[PRIVILEGE_CPL3] = "cpl3",
	[PRIVILEGE_CPL3_NOPCE] = "cpl3-nopce",
};

/* Instead of the privilege, which is CPL 3: with CR4.PCE, and without. */
static const char *const entry_names[NR_ENTRIES][2] = {
	[ENTRY_EMPTY] = { "call" },
	[ENTRY_EXIT] = { "exit", "exit-nopce" },
	[ENTRY_EMULATOR] = { "emulator", "emulator-nopce" },
};

static const struct {
	enum guest_insn insn;
	const char *name;
	bool cpl3; /* at CPL 3 too */
} controls[] = {
	{ GUEST_INSN_EMPTY, "empty", true },       { GUEST_INSN_RDTSC, "rdtsc", true },
	{ GUEST_INSN_CPUID, "cpuid", true },       { GUEST_INSN_PORT, "port", true },
	{ GUEST_INSN_VMCALL, "hypercall", false },
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

/* They decide which rows there are to hope for. */
static const struct pmu_shape ideal_intel = {
	.vendor = CPU_VENDOR_INTEL,
	.version = 5,
	.nr_gp = 8,
	.gp_width = 48,
	.nr_fixed = 4,
	.fixed_width = 48,
	.perf_capabilities = PERF_CAP_FW_WRITES | PERF_CAP_PERF_METRICS,
};
static const struct pmu_shape ideal_amd = {
	.vendor = CPU_VENDOR_AMD,
	.version = 2,
	.nr_gp = 6,
	.gp_width = 48,
};

const struct pmu_shape *cases_ideal_pmu(enum cpu_vendor vendor)
{
	return vendor == CPU_VENDOR_AMD ? &ideal_amd : &ideal_intel;
}

uint32_t counter_ecx(enum counter counter, const struct pmu_shape *pmu)
{
	switch (counter) {
	case COUNTER_GP_LAST:
	case COUNTER_AMD_LAST:
		return pmu->nr_gp ? pmu->nr_gp - 1 : 0;
	case COUNTER_FIXED0:
	case COUNTER_FIXED1:
	case COUNTER_FIXED2:
	case COUNTER_FIXED3:
		return 0x40000000 + (counter - COUNTER_FIXED0);
	case COUNTER_METRICS:
		return 0x20000000;
	case COUNTER_METRICS_INDEX1:
		return 0x20000001;
	case COUNTER_TYPE_6000:
		return 0x60000000;
	case COUNTER_FAST:
		return 0x80000000;
	case COUNTER_VMWARE:
		return 0x10000;
	case COUNTER_OUT_OF_RANGE:
		return 0xffff;
	default:
		return 0;
	}
}

const char *row_counter_name(const struct row *row)
{
	if (!row->control)
		return counter_names[row->counter];
	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
		if (controls[i].insn == row->insn)
			return controls[i].name;
	return "hypercall"; /* VMMCALL */
}

const char *row_privilege_name(const struct row *row)
{
	if (row->machine == MACHINE_EMULATOR)
		return entry_names[row->entry][row->privilege == PRIVILEGE_CPL3_NOPCE];
	return privilege_names[row->privilege];
}

const char *row_setting(const struct row *row)
{
	static const char *const names[NR_MACHINES] = {
		[MACHINE_INTERCEPTED] = "intercepted",  [MACHINE_PASSTHROUGH] = "passthrough",
		[MACHINE_SIMULATED] = "simulated-vpmu", [MACHINE_NATIVE] = "native",
		[MACHINE_EMULATOR] = "emulator",
	};

	return row->control ? "control" : names[row->machine];
}

void row_set_privilege(struct row *row, enum privilege privilege)
{
	row->privilege = privilege;
	row->cpl = privilege == PRIVILEGE_CPL0 ? 0 : 3;
	row->pce = privilege != PRIVILEGE_CPL3_NOPCE;
}

static struct row *skip(struct row *row, const char *reason, const char *remedy)
{
	row->status = ROW_SKIPPED;
	snprintf(row->reason, sizeof(row->reason), "%s%s%s", reason, remedy[0] ? "; " : "", remedy);
	return row;
}

void row_fail(struct row *row, const char *reason)
{
	row->status = ROW_FAILED;
	snprintf(row->reason, sizeof(row->reason), "%s", reason);
}

static struct row *add(struct row *rows, size_t *n)
{
	struct row *row = &rows[(*n)++];

	*row = (struct row){ .status = ROW_READY };
	return row;
}

void row_set_name(struct row *row, bool fault)
{
	snprintf(row->name, sizeof(row->name), "rdpmc%s/%s/%s/%s", fault ? "-fault" : "",
		 counter_names[row->counter], row_setting(row), row_privilege_name(row));
}

static struct row *add_control(const struct case_plan *plan, enum machine_kind machine,
			       size_t control, enum privilege privilege, struct row *rows,
			       size_t *n)
{
	const struct pmu_state *state = pmu_state(machine);
	struct row *row = add(rows, n);

	row->control = true;
	row->machine = machine;
	row->insn = controls[control].insn;
	if (row->insn == GUEST_INSN_VMCALL && plan->host.cpu.vendor == CPU_VENDOR_AMD)
		row->insn = GUEST_INSN_VMMCALL;
	row_set_privilege(row, privilege);
	/* CPUID and a hypercall may end in a hypervisor below this one, unseen. */
	row->exits = row->insn == GUEST_INSN_PORT    ? EXITS_EACH
		     : row->insn <= GUEST_INSN_RDTSC ? EXITS_NONE
						     : EXITS_ANY;
	snprintf(row->name, sizeof(row->name), "control/%s%s%s/%s", controls[control].name,
		 state ? "-" : "", state ? state->name : "", privilege_names[row->privilege]);
	return row;
}

static void add_controls(const struct case_plan *plan, struct row *rows, size_t *n)
{
	enum machine_kind machine = plan->simulated ? MACHINE_SIMULATED : MACHINE_INTERCEPTED;
	const struct setting *setting = &plan->setting[SETTING_INTERCEPTED];

	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
		for (int cpl3 = 0; cpl3 <= controls[i].cpl3; cpl3++) {
			struct row *row = add_control(
				plan, machine, i, cpl3 ? PRIVILEGE_CPL3 : PRIVILEGE_CPL0, rows, n);

			if (!plan->simulated && !setting->available)
				skip(row, setting->reason, setting->remedy);
		}
	}
}

static const char *no_pmu_text(const struct case_plan *plan)
{
	return plan->host.cpu.version ? "KVM offers guests no PMU here (see doctor)"
				      : "host has no PMU; a guest's counters need one";
}

const char *cases_no_pmu(const struct case_plan *plan)
{
	for (enum setting_kind kind = 0; kind < NR_SETTINGS; kind++)
		if (plan->setting[kind].guest.version)
			return "";
	return no_pmu_text(plan);
}

/*
 * The empty loop exits nowhere, so that it is the same in each of these guests; taken off, it drops
 * out of the differences.
 */
static void add_pmu_cost(const struct case_plan *plan, enum machine_kind machine, struct row *rows,
			 size_t *n)
{
	const struct pmu_state *state = pmu_state(machine);
	const struct setting *setting = &plan->setting[state->kind];

	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
		if (controls[i].insn == GUEST_INSN_RDTSC ||
		    (controls[i].insn == GUEST_INSN_EMPTY && state->has_pmu))
			continue;
		for (int cpl3 = 0; cpl3 <= controls[i].cpl3; cpl3++) {
			struct row *row = add_control(
				plan, machine, i, cpl3 ? PRIVILEGE_CPL3 : PRIVILEGE_CPL0, rows, n);

			if (!state->has_pmu)
				continue;
			if (!setting->available)
				skip(row, setting->reason, setting->remedy);
			else if (!setting->guest.version)
				skip(row, no_pmu_text(plan), "");
		}
	}
}

/* Why does a guest shaped like @guest not have this counter? */
static void reason_for_counter(const struct case_plan *plan, const struct pmu_shape *guest,
			       enum counter counter, char *reason, size_t size)
{
	unsigned int nr_fixed = setting_host_pmu(&plan->host).nr_fixed;

	if (!guest->version)
		snprintf(reason, size, "%s", no_pmu_text(plan));
	else if (counter == COUNTER_METRICS && !pmu_has_metrics(&plan->host.cpu))
		snprintf(reason, size, "needs PERF_METRICS: Intel Ice Lake or later");
	else if (counter == COUNTER_METRICS)
		snprintf(reason, size, "this kernel's KVM does not offer PERF_METRICS to guests");
	else if (counter >= COUNTER_FIXED0 && counter <= COUNTER_FIXED3 &&
		 guest->vendor == CPU_VENDOR_AMD)
		snprintf(reason, size, "AMD processors have no fixed counters");
	else if (counter == COUNTER_FIXED3 && nr_fixed < 4)
		snprintf(reason, size, "needs a fixed counter 3 (SLOTS): Intel Ice Lake or later");
	else if (counter >= COUNTER_FIXED0 && counter <= COUNTER_FIXED3 &&
		 nr_fixed <= counter - COUNTER_FIXED0)
		snprintf(reason, size, "this host's PMU has %u fixed counters", nr_fixed);
	else if (counter >= COUNTER_FIXED0 && counter <= COUNTER_FIXED3)
		snprintf(reason, size, "KVM offers %u fixed counters of the processor's %u",
			 guest->nr_fixed, nr_fixed);
	else
		snprintf(reason, size, "the guest's PMU does not have this counter");
}

/* A privilege fault does not depend on the counter: two examples are enough. */
static bool is_wanted(enum counter counter, enum privilege privilege)
{
	return privilege != PRIVILEGE_CPL3_NOPCE || counter == COUNTER_GP_FIRST ||
	       counter == COUNTER_METRICS;
}

static bool is_second_of_a_kind(enum counter counter)
{
	return counter == COUNTER_GP_LAST ||
	       (counter > COUNTER_FIXED0 && counter <= COUNTER_FIXED3);
}

static void add_rdpmc(const struct case_plan *plan, const struct row *like,
		      const struct setting *setting, const struct pmu_shape *guest,
		      enum setting_kind kind, struct row *rows, size_t *n)
{
	const struct pmu_shape *ideal =
		cases_ideal_pmu(plan->simulated ? CPU_VENDOR_INTEL : plan->host.cpu.vendor);
	bool hoped =
		!expect_rdpmc(ideal, counter_ecx(like->counter, ideal), like->cpl, like->pce).gp;
	struct row *row = add(rows, n);
	struct pmu_shape shared = *guest;
	char reason[160];

	/* The last counter that both settings have: on AMD one of them has a counter less. */
	for (int other = 0; setting && other < NR_SETTINGS; other++)
		if (plan->setting[other].available &&
		    plan->setting[other].guest.nr_gp < shared.nr_gp)
			shared.nr_gp = plan->setting[other].guest.nr_gp;
	*row = *like;
	row_set_name(row, !hoped);
	if (setting && !setting->available) {
		skip(row, setting->reason, setting->remedy);
		return;
	}
	row->ecx = counter_ecx(row->counter, &shared);
	row->expected = expect_rdpmc(guest, row->ecx, row->cpl, row->pce);
	if (row->counter == COUNTER_VMWARE && setting && guest->version &&
	    plan->host.enable_vmware_backdoor == PARAM_YES) {
		row->expected = expect_vmware_tsc();
		row_set_name(row, false);
	}
	/* A simulated answer is asked for by a port write, whoever raised the #GP. */
	row->exits = row->machine == MACHINE_SIMULATED
			     ? EXITS_EACH
			     : expect_exits(&plan->host, kind, &row->expected, row->ecx, row->cpl,
					    row->pce);
	if (!hoped || !row->expected.gp)
		return;

	/* The answer cannot be had; what the read costs that ends in #GP instead can. */
	reason_for_counter(plan, guest, row->counter, reason, sizeof(reason));
	skip(row, reason, "");
	if (is_second_of_a_kind(row->counter))
		return;
	row = add(rows, n);
	*row = row[-1];
	row->status = ROW_READY;
	row->reason[0] = '\0';
	row_set_name(row, true);
}

static void add_machine(const struct case_plan *plan, enum machine_kind machine, struct row *rows,
			size_t *n)
{
	enum setting_kind kind =
		machine == MACHINE_PASSTHROUGH ? SETTING_PASSTHROUGH : SETTING_INTERCEPTED;
	const struct setting *setting = machine == MACHINE_SIMULATED ? NULL : &plan->setting[kind];
	const struct pmu_shape *guest = setting ? &setting->guest : &plan->simulated_pmu;
	bool amd = plan->host.cpu.vendor == CPU_VENDOR_AMD && !plan->simulated;

	for (enum counter counter = COUNTER_GP_FIRST; counter < NR_GUEST_COUNTERS; counter++) {
		/* Types are Intel's: on AMD each of these is just another index out of range. */
		if (amd && !(counter <= COUNTER_GP_LAST || counter >= COUNTER_VMWARE))
			continue;
		for (enum privilege privilege = 0; privilege < NR_PRIVILEGES; privilege++) {
			struct row like = {
				.machine = machine,
				.insn = GUEST_INSN_RDPMC,
				.counter = counter,
			};

			if (!is_wanted(counter, privilege))
				continue;
			row_set_privilege(&like, privilege);
			add_rdpmc(plan, &like, setting, guest, kind, rows, n);
		}
	}
}

static void add_native(const struct case_plan *plan, struct row *rows, size_t *n)
{
	static const enum counter counters[] = { COUNTER_GP_FIRST, COUNTER_FIXED0,
						 COUNTER_METRICS };

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		struct row *row;

		if (plan->host.cpu.vendor == CPU_VENDOR_AMD && counters[i] != COUNTER_GP_FIRST)
			continue;
		row = add(rows, n);
		row->machine = MACHINE_NATIVE;
		row->insn = GUEST_INSN_RDPMC;
		row->counter = counters[i];
		row->exits = EXITS_ANY;
		row_set_privilege(row, PRIVILEGE_CPL3);
		row_set_name(row, false);
		if (plan->native_reason[0])
			skip(row, plan->native_reason, "");
		else if (counters[i] == COUNTER_FIXED0 && !plan->native_fixed)
			skip(row, "perf did not put its event on fixed counter 0", "");
		else if (counters[i] == COUNTER_METRICS && !plan->native_metrics)
			skip(row, "the host's perf has no topdown events: Intel Ice Lake or later",
			     "");
	}
}

unsigned int cases_level(unsigned int most, unsigned int i)
{
	if (i && 1U << (i - 1) >= most)
		return 0;
	return 1U << i < most ? 1U << i : most;
}

#define VCPUS_SUFFIX "-vcpus"

/* @from with the number of vCPUs at @at, the end of its second part or the suffix that is there. */
static void set_vcpus_name(char *name, size_t size, const char *from, const char *at,
			   unsigned int vcpus)
{
	snprintf(name, size, "%.*s" VCPUS_SUFFIX "%u%s", (int)(at - from), from, vcpus,
		 strchr(at, '/'));
}

static struct row with_vcpus(const struct row *row, unsigned int vcpus)
{
	struct row result = *row;

	result.vcpus = vcpus;
	set_vcpus_name(result.name, sizeof(result.name), row->name,
		       strchr(strchr(row->name, '/') + 1, '/'), vcpus);
	return result;
}

/* Each row once for each number of vCPUs. From the last on, in place. */
static size_t add_vcpus(unsigned int most, struct row *rows, size_t n)
{
	unsigned int levels = 0;

	while (cases_level(most, levels))
		levels++;
	for (size_t i = n; i-- > 0;) {
		const struct row row = rows[i];

		for (unsigned int level = 0; level < levels; level++)
			rows[i * levels + level] = with_vcpus(&row, cases_level(most, level));
	}
	return n * levels;
}

size_t cases_make(const struct case_plan *plan, struct row *rows)
{
	size_t n = 0;

	if (plan->emulator)
		return cases_make_emulator(rows);
	if (plan->pmu_cost) {
		for (enum machine_kind machine = 0; machine < NR_MACHINES; machine++)
			if (pmu_state(machine))
				add_pmu_cost(plan, machine, rows, &n);
		return n;
	}
	add_controls(plan, rows, &n);
	if (plan->simulated) {
		add_machine(plan, MACHINE_SIMULATED, rows, &n);
	} else {
		add_machine(plan, MACHINE_INTERCEPTED, rows, &n);
		add_machine(plan, MACHINE_PASSTHROUGH, rows, &n);
		/* Without a guest there is nothing of KVM's to contend for. */
		if (!plan->vcpus)
			add_native(plan, rows, &n);
	}
	return plan->vcpus ? add_vcpus(plan->vcpus, rows, n) : n;
}

const struct row *cases_empty_loop(const struct row *rows, size_t n, const struct row *row)
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

const struct row *cases_base(const struct row *rows, size_t n, const struct row *row)
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

bool cases_elsewhere(const struct case_plan *plan, const char *glob, struct row *rows, char *text,
		     size_t size)
{
	struct case_plan intel = *plan;
	const char *first = NULL;
	size_t n, more = 0;

	if (plan->emulator || plan->host.cpu.vendor != CPU_VENDOR_AMD)
		return false;
	intel.host.cpu.vendor = CPU_VENDOR_INTEL;
	n = cases_make(&intel, rows);
	for (size_t i = 0; i < n; i++) {
		if (fnmatch(glob, rows[i].name, 0))
			continue;
		more += first != NULL;
		if (!first)
			first = rows[i].name;
	}
	if (!first)
		return false;
	n = (size_t)snprintf(text, size, "matches rows of Intel hosts only, %s", first);
	if (more && n < size)
		n += (size_t)snprintf(text + n, size - n, " and %zu more", more);
	if (n < size)
		snprintf(text + n, size - n,
			 ": AMD processors have no fixed counters, no PERF_METRICS and no types "
			 "of counters");
	return true;
}

size_t cases_filter(struct row *rows, size_t n, const char *glob)
{
	bool keep[MAX_ROWS] = { false };
	size_t kept = 0, matched = 0;

	for (size_t i = 0; i < n; i++) {
		const struct row *empty, *base;

		if (fnmatch(glob, rows[i].name, 0))
			continue;
		matched++;
		keep[i] = true;
		if (rows[i].status != ROW_READY)
			continue;
		empty = cases_empty_loop(rows, n, &rows[i]);
		base = cases_base(rows, n, &rows[i]);
		if (empty)
			keep[empty - rows] = true;
		if (!base)
			continue;
		keep[base - rows] = true;
		empty = cases_empty_loop(rows, n, base);
		if (empty)
			keep[empty - rows] = true;
	}
	if (!matched)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (keep[i])
			rows[kept++] = rows[i];
	return kept;
}
