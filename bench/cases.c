// SPDX-License-Identifier: GPL-2.0-or-later
/* Making the case table for this host, and giving each row that cannot be measured its reason. */
#include "bench/cases.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum guest_insn insn;
	bool cpl3; /* at CPL 3 too */
} controls[] = {
	{ GUEST_INSN_EMPTY, true }, { GUEST_INSN_RDTSC, true },   { GUEST_INSN_CPUID, true },
	{ GUEST_INSN_PORT, true },  { GUEST_INSN_VMCALL, false },
};

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

static const struct pmu_shape *ideal_pmu(enum cpu_vendor vendor)
{
	return vendor == CPU_VENDOR_AMD ? &ideal_amd : &ideal_intel;
}

uint32_t counter_ecx(enum counter counter, const struct pmu_shape *pmu)
{
	switch (counter) {
	case COUNTER_GP_LAST:
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

static struct row *skip(struct row *row, const char *reason, const char *remedy)
{
	row->status = ROW_SKIPPED;
	snprintf(row->reason, sizeof(row->reason), "%s%s%s", reason, remedy[0] ? "; " : "", remedy);
	return row;
}

static struct row *add(struct row *rows, size_t *n)
{
	struct row *row = &rows[(*n)++];

	*row = (struct row){ .status = ROW_READY };
	return row;
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
	snprintf(row->name, sizeof(row->name), "control/%s%s%s/%s", row_counter_name(row),
		 state ? "-" : "", state ? state->name : "", row_privilege_name(row));
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
		ideal_pmu(plan->simulated ? CPU_VENDOR_INTEL : plan->host.cpu.vendor);
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

	for (enum counter counter = COUNTER_GP_FIRST; counter < NR_COUNTERS; counter++) {
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

unsigned int cases_level(unsigned int max, unsigned int i)
{
	if (i && 1U << (i - 1) >= max)
		return 0;
	return 1U << i < max ? 1U << i : max;
}

/* Each row once for each number of vCPUs. From the last on, in place. */
static size_t add_vcpus(unsigned int max, struct row *rows, size_t n)
{
	unsigned int levels = 0;

	while (cases_level(max, levels))
		levels++;
	for (size_t i = n; i-- > 0;) {
		const struct row row = rows[i];

		for (unsigned int level = 0; level < levels; level++) {
			rows[i * levels + level] = row;
			row_set_vcpus(&rows[i * levels + level], cases_level(max, level));
		}
	}
	return n * levels;
}

size_t cases_make(const struct case_plan *plan, struct row *rows)
{
	size_t n = 0;

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

bool cases_elsewhere(const struct case_plan *plan, const char *glob, struct row *rows, char *text,
		     size_t size)
{
	struct case_plan intel = *plan;
	const char *first = NULL;
	size_t n, more = 0;

	if (plan->host.cpu.vendor != CPU_VENDOR_AMD)
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
	n = (size_t)snprintf(text, size, "matches benchmarks of Intel hosts only, %s", first);
	if (more && n < size)
		n += (size_t)snprintf(text + n, size - n, " and %zu more", more);
	if (n < size)
		snprintf(text + n, size - n,
			 ": AMD processors have no fixed counters, no PERF_METRICS and no types "
			 "of counters");
	return true;
}
