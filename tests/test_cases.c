// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the case table of any host is whole: names that sort, filter and fit, every row
 * ready or with a reason why not, both settings of a counter comparable, filters that keep the
 * empty loops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fnmatch.h>

#include "bench/cases.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define CAPS         (PERF_CAP_FW_WRITES | 5)
#define CAPS_METRICS (CAPS | PERF_CAP_PERF_METRICS)

#define INTEL(version_, gp, fixed, capabilities)                                                   \
	{                                                                                          \
		.vendor = CPU_VENDOR_INTEL, .version = (version_), .nr_gp = (gp), .gp_width = 48,  \
		.nr_fixed = (fixed), .fixed_width = 48, .perf_capabilities = (capabilities)        \
	}
#define AMD(version_, gp)                                                                          \
	{                                                                                          \
		.vendor = CPU_VENDOR_AMD, .version = (version_), .nr_gp = (gp), .gp_width = 48     \
	}
#define NO_PMU(vendor_)                                                                            \
	{                                                                                          \
		.vendor = (vendor_)                                                                \
	}

#define SKYLAKE  INTEL(4, 4, 3, CAPS)
#define ICE_LAKE INTEL(5, 8, 4, CAPS_METRICS)

#define PARAMS(pmu, mediated, vmware)                                                              \
	.enable_pmu = PARAM_##pmu, .enable_mediated_pmu = PARAM_##mediated,                        \
	.enable_vmware_backdoor = PARAM_##vmware
#define VMX(...)                                                                                   \
	{                                                                                          \
		.backend = KVM_BACKEND_VMX, __VA_ARGS__                                            \
	}
#define SVM(...)                                                                                   \
	{                                                                                          \
		.backend = KVM_BACKEND_SVM, __VA_ARGS__                                            \
	}
#define PVM(...)                                                                                   \
	{                                                                                          \
		.backend = KVM_BACKEND_PVM, __VA_ARGS__                                            \
	}

enum made_host {
	SKYLAKE_ON,
	SKYLAKE_6_12,
	SKYLAKE_BACKDOOR,
	SKYLAKE_NO_VPMU,
	SKYLAKE_ONE_GP,
	NESTED_NO_FIXED,
	ICE_LAKE_CAPPED,
	ICE_LAKE_METRICS,
	ICE_LAKE_OFF,
	ICE_LAKE_BACKDOOR,
	ALDER_LAKE,
	ZEN_4_ON,
	ZEN_4_OFF,
	ZEN_4_BACKDOOR,
	ZEN_4_NO_VPMU,
	ZEN_3,
	PVM_NO_PMU,
	PVM_SIMULATED,
	PVM_WITH_PMU,
	UNKNOWN_BACKEND,
	SIMULATED_ON_ICE_LAKE,
	SIMULATED_ON_ZEN_4,
	NR_MADE_HOSTS
};

static const struct {
	const char *name;
	struct setting_host host;
	bool simulated, native;
} made_hosts[] = {
	[SKYLAKE_ON] = { .name = "Skylake, 7.x, mediated",
			 .host = VMX(PARAMS(YES, YES, NO), .cpu = SKYLAKE,
				     .kvm = INTEL(2, 4, 3, CAPS)),
			 .native = true },
	[SKYLAKE_6_12] = { .name = "Skylake, 6.12",
			   .host = VMX(PARAMS(YES, ABSENT, NO), .cpu = SKYLAKE,
				       .kvm = INTEL(2, 4, 3, CAPS)) },
	[SKYLAKE_BACKDOOR] = { .name = "Skylake, VMware backdoor",
			       .host = VMX(PARAMS(YES, YES, YES), .cpu = SKYLAKE,
					   .kvm = INTEL(2, 4, 3, CAPS)) },
	[SKYLAKE_NO_VPMU] = { .name = "Skylake, enable_pmu=N",
			      .host = VMX(PARAMS(NO, NO, NO), .cpu = SKYLAKE,
					  .kvm = NO_PMU(CPU_VENDOR_INTEL)),
			      .native = true },
	[SKYLAKE_ONE_GP] = { .name = "one GP counter offered",
			     .host = VMX(PARAMS(YES, NO, NO), .cpu = SKYLAKE,
					 .kvm = INTEL(1, 1, 0, 0)) },
	[NESTED_NO_FIXED] = { .name = "nested without fixed counters",
			      .host = VMX(PARAMS(YES, NO, NO), .cpu = INTEL(4, 4, 0, CAPS),
					  .kvm = INTEL(2, 4, 0, CAPS), .nested = true) },
	[ICE_LAKE_CAPPED] = { .name = "Ice Lake, 7.x, mediated",
			      .host = VMX(PARAMS(YES, YES, NO), .cpu = ICE_LAKE,
					  .kvm = INTEL(2, 8, 3, CAPS)) },
	[ICE_LAKE_METRICS] = { .name = "Ice Lake, PERF_METRICS offered",
			       .host = VMX(PARAMS(YES, YES, NO), .cpu = ICE_LAKE,
					   .kvm = INTEL(2, 8, 4, CAPS_METRICS)),
			       .native = true },
	[ICE_LAKE_OFF] = { .name = "Ice Lake, PERF_METRICS offered, not mediated",
			   .host = VMX(PARAMS(YES, NO, NO), .cpu = ICE_LAKE,
				       .kvm = INTEL(2, 8, 4, CAPS_METRICS)) },
	[ICE_LAKE_BACKDOOR] = { .name = "Ice Lake, PERF_METRICS offered, VMware backdoor",
				.host = VMX(PARAMS(YES, YES, YES), .cpu = ICE_LAKE,
					    .kvm = INTEL(2, 8, 4, CAPS_METRICS)) },
	[ALDER_LAKE] = { .name = "Alder Lake",
			 .host = VMX(PARAMS(NO, NO, NO), .cpu = ICE_LAKE,
				     .kvm = NO_PMU(CPU_VENDOR_INTEL), .hybrid = true) },
	[ZEN_4_ON] = { .name = "Zen 4, 7.x, mediated",
		       .host = SVM(PARAMS(YES, YES, NO), .cpu = AMD(2, 6), .kvm = AMD(2, 6)),
		       .native = true },
	[ZEN_4_OFF] = { .name = "Zen 4, not mediated",
			.host = SVM(PARAMS(YES, NO, NO), .cpu = AMD(2, 6), .kvm = AMD(2, 6)) },
	[ZEN_4_BACKDOOR] = { .name = "Zen 4, VMware backdoor",
			     .host = SVM(PARAMS(YES, YES, YES), .cpu = AMD(2, 6),
					 .kvm = AMD(2, 6)) },
	[ZEN_4_NO_VPMU] = { .name = "Zen 4, enable_pmu=N",
			    .host = SVM(PARAMS(NO, NO, NO), .cpu = AMD(2, 6),
					.kvm = NO_PMU(CPU_VENDOR_AMD)) },
	[ZEN_3] = { .name = "Zen 3",
		    .host = SVM(PARAMS(YES, ABSENT, NO), .cpu = AMD(1, 6), .kvm = AMD(1, 6)) },
	[PVM_NO_PMU] = { .name = "PVM without a PMU",
			 .host = PVM(PARAMS(NO, ABSENT, NO), .cpu = NO_PMU(CPU_VENDOR_AMD),
				     .kvm = NO_PMU(CPU_VENDOR_AMD), .nested = true) },
	[PVM_SIMULATED] = { .name = "PVM, simulated",
			    .host = PVM(PARAMS(NO, ABSENT, NO), .cpu = NO_PMU(CPU_VENDOR_AMD),
					.kvm = NO_PMU(CPU_VENDOR_AMD), .nested = true),
			    .simulated = true },
	[PVM_WITH_PMU] = { .name = "PVM with a PMU",
			   .host = PVM(PARAMS(YES, ABSENT, NO), .cpu = SKYLAKE,
				       .kvm = INTEL(2, 4, 3, CAPS)) },
	[UNKNOWN_BACKEND] = { .name = "unknown backend",
			      .host = { .backend = KVM_BACKEND_UNKNOWN,
					PARAMS(ABSENT, ABSENT, ABSENT),
					.cpu = SKYLAKE,
					.kvm = NO_PMU(CPU_VENDOR_INTEL) } },
	[SIMULATED_ON_ICE_LAKE] = { .name = "Ice Lake, simulated all the same",
				    .host = VMX(PARAMS(YES, YES, NO), .cpu = ICE_LAKE,
						.kvm = INTEL(2, 8, 4, CAPS_METRICS)),
				    .simulated = true,
				    .native = true },
	[SIMULATED_ON_ZEN_4] = { .name = "Zen 4, simulated all the same",
				 .host = SVM(PARAMS(YES, YES, NO), .cpu = AMD(2, 6),
					     .kvm = AMD(2, 6)),
				 .simulated = true },
};

static struct row all_rows[MAX_ROWS]; /* ASan guards the end */

struct table {
	struct case_plan plan;
	size_t n;
	struct row *rows;
	const char *host;
};

static void table_make(struct table *table, enum made_host made)
{
	struct case_plan *plan = &table->plan;

	memset(plan, 0, sizeof(*plan));
	plan->host = made_hosts[made].host;
	for (int kind = 0; kind < NR_SETTINGS; kind++)
		setting_derive(&plan->host, (enum setting_kind)kind, &plan->setting[kind]);
	plan->simulated = made_hosts[made].simulated;
	if (plan->simulated)
		plan->simulated_pmu = (struct pmu_shape)ICE_LAKE;
	if (!made_hosts[made].native)
		strcpy(plan->native_reason, "a reason of the native rows");
	plan->native_fixed = made_hosts[made].native && plan->host.cpu.nr_fixed;
	plan->native_metrics = made_hosts[made].native && pmu_has_metrics(&plan->host.cpu);

	table->host = made_hosts[made].name;
	table->rows = all_rows;
	memset(all_rows, 0xa5, sizeof(all_rows)); /* a caller's need not be zero */
	table->n = cases_make(plan, table->rows);
	assert_in_range(table->n, 1, MAX_ROWS);
}

static struct row *find(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->n; i++)
		if (!strcmp(table->rows[i].name, name))
			return &table->rows[i];
	return NULL;
}

static struct row *get(const struct table *table, const char *name)
{
	struct row *row = find(table, name);

	if (!row)
		fail_msg("%s: no row %s", table->host, name);
	return row;
}

static bool is_rdpmc(const struct row *row)
{
	return row->insn == GUEST_INSN_RDPMC && !row->control;
}

static bool is_fault_name(const char *name)
{
	return !strncmp(name, "rdpmc-fault/", strlen("rdpmc-fault/"));
}

static void check_name(const struct table *table, const struct row *row)
{
	unsigned int slashes = 0;
	char expected[200];

	if (!memchr(row->name, 0, sizeof(row->name)) || strlen(row->name) == sizeof(row->name) - 1)
		fail_msg("%s: a name does not fit", table->host);
	if (strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789-/") != strlen(row->name))
		fail_msg("%s: \"%s\"", table->host, row->name);
	for (const char *c = row->name; *c; c++)
		slashes += *c == '/';

	/* instruction / counter / setting / privilege; a control has no counter */
	if (row->control)
		snprintf(expected, sizeof(expected), "control/%s/%s", row_counter_name(row),
			 row_privilege_name(row));
	else
		snprintf(expected, sizeof(expected), "%s/%s/%s/%s",
			 is_fault_name(row->name) ? "rdpmc-fault" : "rdpmc", row_counter_name(row),
			 row_setting(row), row_privilege_name(row));
	assert_string_equal(row->name, expected);
	assert_int_equal(slashes, row->control ? 2 : 3);
}

static void check_row(const struct table *table, const struct row *row)
{
	static const char *const settings[NR_MACHINES] = {
		[MACHINE_INTERCEPTED] = "intercepted",
		[MACHINE_PASSTHROUGH] = "passthrough",
		[MACHINE_SIMULATED] = "simulated-vpmu",
		[MACHINE_NATIVE] = "native",
	};
	static const char *const privileges[NR_PRIVILEGES] = {
		[PRIVILEGE_CPL0] = "cpl0",
		[PRIVILEGE_CPL3] = "cpl3",
		[PRIVILEGE_CPL3_NOPCE] = "cpl3-nopce",
	};

	check_name(table, row);
	assert_in_range(row->machine, 0, NR_MACHINES - 1);
	assert_in_range(row->privilege, 0, NR_PRIVILEGES - 1);
	assert_string_equal(row_setting(row), row->control ? "control" : settings[row->machine]);
	assert_string_equal(row_privilege_name(row), privileges[row->privilege]);
	assert_int_equal(row->cpl, row->privilege == PRIVILEGE_CPL0 ? 0 : 3);
	if (row->privilege == PRIVILEGE_CPL3_NOPCE)
		assert_false(row->pce);
	if (row->privilege == PRIVILEGE_CPL3)
		assert_true(row->pce);

	assert_non_null(memchr(row->reason, 0, sizeof(row->reason)));
	assert_null(strchr(row->reason, '\n'));
	assert_true(row->status == ROW_READY || row->status == ROW_SKIPPED);
	if ((row->status == ROW_SKIPPED) != (row->reason[0] != 0))
		fail_msg("%s: %s has status %d, \"%s\"", table->host, row->name, row->status,
			 row->reason);
	if (row->control)
		assert_int_not_equal(row->insn, GUEST_INSN_RDPMC);
	else
		assert_int_equal(row->insn, GUEST_INSN_RDPMC);
}

static void test_every_row(void **state)
{
	(void)state;
	for (int made = 0; made < NR_MADE_HOSTS; made++) {
		struct table table;

		table_make(&table, (enum made_host)made);
		for (size_t i = 0; i < table.n; i++) {
			check_row(&table, &table.rows[i]);
			for (size_t j = 0; j < i; j++)
				assert_string_not_equal(table.rows[i].name, table.rows[j].name);
		}
	}
}

/*
 * Every row there is: "rdpmc gp-first 03n" is rdpmc/gp-first/SETTING/ with cpl0, cpl3 and
 * cpl3-nopce. Where a read cannot be answered its #GP is measured, for the first counter of a kind.
 */
static const char *const all_of_skylake[] = {
	"rdpmc gp-first 03",
	"rdpmc-fault gp-first n",
	"rdpmc gp-last 03",
	"rdpmc fixed0 03",
	"rdpmc fixed1 03",
	"rdpmc fixed2 03",
	"rdpmc fixed3 03",
	"rdpmc metrics 03",
	"rdpmc-fault metrics 03n",
	"rdpmc-fault metrics-index1 03",
	"rdpmc-fault type6000 03",
	"rdpmc-fault fast 03",
	"rdpmc-fault vmware 03",
	"rdpmc-fault out-of-range 03",
	NULL,
};
static const char *const all_of_ice_lake[] = {
	"rdpmc gp-first 03",
	"rdpmc-fault gp-first n",
	"rdpmc gp-last 03",
	"rdpmc fixed0 03",
	"rdpmc fixed1 03",
	"rdpmc fixed2 03",
	"rdpmc fixed3 03",
	"rdpmc metrics 03",
	"rdpmc-fault metrics n",
	"rdpmc-fault metrics-index1 03",
	"rdpmc-fault type6000 03",
	"rdpmc-fault fast 03",
	"rdpmc-fault vmware 03",
	"rdpmc-fault out-of-range 03",
	NULL,
};
static const char *const all_of_intel_without_pmu[] = {
	"rdpmc gp-first 03",
	"rdpmc-fault gp-first 03n",
	"rdpmc gp-last 03",
	"rdpmc fixed0 03",
	"rdpmc-fault fixed0 03",
	"rdpmc fixed1 03",
	"rdpmc fixed2 03",
	"rdpmc fixed3 03",
	"rdpmc metrics 03",
	"rdpmc-fault metrics 03n",
	"rdpmc-fault metrics-index1 03",
	"rdpmc-fault type6000 03",
	"rdpmc-fault fast 03",
	"rdpmc-fault vmware 03",
	"rdpmc-fault out-of-range 03",
	NULL,
};
static const char *const all_of_amd[] = {
	"rdpmc gp-first 03",     "rdpmc-fault gp-first n",      "rdpmc gp-last 03",
	"rdpmc-fault vmware 03", "rdpmc-fault out-of-range 03", NULL,
};
static const char *const all_of_amd_without_pmu[] = {
	"rdpmc gp-first 03",     "rdpmc-fault gp-first 03n",    "rdpmc gp-last 03",
	"rdpmc-fault vmware 03", "rdpmc-fault out-of-range 03", NULL,
};
static const char *const controls[] = {
	"control/empty/cpl0", "control/empty/cpl3", "control/rdtsc/cpl0",
	"control/rdtsc/cpl3", "control/cpuid/cpl0", "control/cpuid/cpl3",
	"control/port/cpl0",  "control/port/cpl3",  "control/hypercall/cpl0",
};

/* How many rows @lines are; all of them are there. */
static size_t check_lines(const struct table *table, const char *const *lines, const char *setting)
{
	size_t n = 0;

	for (; *lines; lines++) {
		char group[32], counter[32], privileges[8], name[200];

		assert_int_equal(sscanf(*lines, "%31s %31s %7s", group, counter, privileges), 3);
		for (const char *p = privileges; *p; p++, n++) {
			snprintf(name, sizeof(name), "%s/%s/%s/%s", group, counter, setting,
				 *p == '0'   ? "cpl0"
				 : *p == '3' ? "cpl3"
					     : "cpl3-nopce");
			get(table, name);
		}
	}
	return n;
}

static void test_all_rows(void **state)
{
	static const struct {
		enum made_host made;
		const char *const *intercepted, *const *passthrough, *const *simulated;
		size_t native;
	} hosts[] = {
		{ SKYLAKE_ON, all_of_skylake, all_of_skylake, NULL, 3 },
		{ ICE_LAKE_METRICS, all_of_ice_lake, all_of_ice_lake, NULL, 3 },
		{ SKYLAKE_6_12, all_of_skylake, all_of_ice_lake, NULL, 3 },
		{ SKYLAKE_NO_VPMU, all_of_intel_without_pmu, all_of_ice_lake, NULL, 3 },
		{ ZEN_4_ON, all_of_amd, all_of_amd, NULL, 1 },
		{ ZEN_3, all_of_amd, all_of_amd, NULL, 1 },
		{ ZEN_4_NO_VPMU, all_of_amd_without_pmu, all_of_amd, NULL, 1 },
		{ PVM_NO_PMU, all_of_amd_without_pmu, all_of_amd, NULL, 1 },
		{ PVM_SIMULATED, NULL, NULL, all_of_ice_lake, 0 },
		{ SIMULATED_ON_ICE_LAKE, NULL, NULL, all_of_ice_lake, 0 },
		{ SIMULATED_ON_ZEN_4, NULL, NULL, all_of_ice_lake, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct table table;
		size_t n = ARRAY_SIZE(controls) + hosts[i].native;

		table_make(&table, hosts[i].made);
		for (size_t c = 0; c < ARRAY_SIZE(controls); c++)
			get(&table, controls[c]);
		if (hosts[i].intercepted)
			n += check_lines(&table, hosts[i].intercepted, "intercepted");
		if (hosts[i].passthrough)
			n += check_lines(&table, hosts[i].passthrough, "passthrough");
		if (hosts[i].simulated)
			n += check_lines(&table, hosts[i].simulated, "simulated-vpmu");
		if (hosts[i].native)
			get(&table, "rdpmc/gp-first/native/cpl3");
		if (table.n != n)
			fail_msg("%s: %zu rows instead of %zu", table.host, table.n, n);
	}
}

/* The guest of the machine that a row is measured on. */
static const struct pmu_shape *row_guest(const struct case_plan *plan, const struct row *row)
{
	if (row->machine == MACHINE_SIMULATED)
		return &plan->simulated_pmu;
	return &plan->setting[row->machine == MACHINE_PASSTHROUGH ? SETTING_PASSTHROUGH
								  : SETTING_INTERCEPTED]
			.guest;
}

/* The last GP counter is the last that the guests of both settings have. */
static const struct pmu_shape *shared_guest(const struct case_plan *plan, const struct row *row)
{
	const struct pmu_shape *guest = row_guest(plan, row);

	if (row->machine == MACHINE_SIMULATED)
		return guest;
	for (int kind = 0; kind < NR_SETTINGS; kind++)
		if (plan->setting[kind].available && plan->setting[kind].guest.nr_gp < guest->nr_gp)
			guest = &plan->setting[kind].guest;
	return guest;
}

/* What a ready RDPMC row expects is what the rules say of its guest; its name says which kind. */
static void test_expectations(void **state)
{
	(void)state;
	for (int made = 0; made < NR_MADE_HOSTS; made++) {
		struct table table;

		table_make(&table, (enum made_host)made);
		for (size_t i = 0; i < table.n; i++) {
			const struct row *row = &table.rows[i];
			const struct pmu_shape *guest;
			struct expectation e;

			if (!is_rdpmc(row) || row->machine == MACHINE_NATIVE ||
			    row->status != ROW_READY)
				continue;
			if (row->expected.gp != is_fault_name(row->name))
				fail_msg("%s: %s: expects %s", table.host, row->name,
					 row->expected.gp ? "#GP" : "a value");
			guest = row_guest(&table.plan, row);
			assert_int_equal(row->ecx,
					 counter_ecx(row->counter, shared_guest(&table.plan, row)));
			e = expect_rdpmc(guest, row->ecx, row->cpl, row->pce);
			/* the backdoor's counters are no PMU's: below */
			if (row->counter == COUNTER_VMWARE &&
			    table.plan.host.enable_vmware_backdoor == PARAM_YES)
				continue;
			assert_int_equal(row->expected.gp, e.gp);
			assert_string_equal(row->expected.rule, e.rule);
			assert_int_equal(row->expected.preset, e.preset);
		}
	}
}

static void check_exits(const struct table *table, const struct row *row)
{
	const struct setting_host *host = &table->plan.host;
	enum exits_expected exits = EXITS_ANY;

	switch (row->insn) {
	case GUEST_INSN_EMPTY:
	case GUEST_INSN_RDTSC:
		exits = EXITS_NONE;
		break;
	case GUEST_INSN_PORT:
		exits = EXITS_EACH;
		break;
	case GUEST_INSN_RDPMC:
		if (row->machine == MACHINE_PASSTHROUGH)
			exits = EXITS_NONE;
		else if (row->machine == MACHINE_SIMULATED) /* the guest's #GP handler asks */
			exits = EXITS_EACH;
		else if (row->machine == MACHINE_INTERCEPTED)
			exits = row->expected.gp
					? expect_exits(host, SETTING_INTERCEPTED, &row->expected,
						       row->ecx, row->cpl, row->pce)
					: EXITS_EACH;
		break;
	default: /* CPUID, hypercalls: a hypervisor below may take them, and nothing counts it */
		break;
	}
	if (row->exits != exits)
		fail_msg("%s: %s: %d instead of %d", table->host, row->name, row->exits, exits);
}

static void test_exits(void **state)
{
	(void)state;
	for (int made = 0; made < NR_MADE_HOSTS; made++) {
		struct table table;

		table_make(&table, (enum made_host)made);
		for (size_t i = 0; i < table.n && !table.plan.simulated; i++)
			if (table.rows[i].status == ROW_READY)
				check_exits(&table, &table.rows[i]);
	}
}

static void test_exits_of_simulated(void **state)
{
	static const enum made_host hosts[] = { PVM_SIMULATED, SIMULATED_ON_ICE_LAKE,
						SIMULATED_ON_ZEN_4 };

	(void)state;
	for (size_t h = 0; h < ARRAY_SIZE(hosts); h++) {
		struct table table;

		table_make(&table, hosts[h]);
		for (size_t i = 0; i < table.n; i++)
			check_exits(&table, &table.rows[i]);
	}
}

/* A passthrough row is ready exactly where the setting can be had and the guest has the counter. */
static void test_passthrough_rows(void **state)
{
	(void)state;
	for (int made = 0; made < NR_MADE_HOSTS; made++) {
		struct table table;
		const struct setting *setting;
		bool available;
		size_t rows = 0, ready = 0;

		table_make(&table, (enum made_host)made);
		setting = &table.plan.setting[SETTING_PASSTHROUGH];
		available = setting->available && !table.plan.simulated;
		for (size_t i = 0; i < table.n; i++) {
			const struct row *row = &table.rows[i];

			if (row->machine != MACHINE_PASSTHROUGH)
				continue;
			rows++;
			ready += row->status == ROW_READY;
			if (!available) {
				if (row->status != ROW_SKIPPED ||
				    !strstr(row->reason, setting->reason) ||
				    !strstr(row->reason, setting->remedy))
					fail_msg("%s: %s: status %d, \"%s\", not \"%s\" and \"%s\"",
						 table.host, row->name, row->status, row->reason,
						 setting->reason, setting->remedy);
				continue;
			}
			if (is_fault_name(row->name))
				assert_int_equal(row->status, ROW_READY);
			else
				assert_int_equal(row->status,
						 row->expected.gp ? ROW_SKIPPED : ROW_READY);
		}
		/* simulated: neither setting is measured */
		assert_int_equal(rows > 0, !table.plan.simulated);
		assert_int_equal(ready > 0, available);
	}
}

static void test_settings_are_as_expected(void **state)
{
	static const enum made_host passthrough[] = { SKYLAKE_ON, ICE_LAKE_METRICS, ZEN_4_ON,
						      SIMULATED_ON_ICE_LAKE, SIMULATED_ON_ZEN_4 };

	(void)state;
	for (int made = 0; made < NR_MADE_HOSTS; made++) {
		struct table table;
		bool available = false;

		for (size_t i = 0; i < ARRAY_SIZE(passthrough); i++)
			available |= passthrough[i] == (enum made_host)made;
		table_make(&table, (enum made_host)made);
		assert_int_equal(table.plan.setting[SETTING_PASSTHROUGH].available, available);
	}
}

static void check_status(const struct table *table, const char *name, enum row_status status,
			 const char *part)
{
	const struct row *row = get(table, name);

	if (row->status != status || !strstr(row->reason, part))
		fail_msg("%s: %s: status %d, \"%s\"", table->host, name, row->status, row->reason);
}

static void test_metrics(void **state)
{
	struct table table;

	(void)state;
	table_make(&table, SKYLAKE_ON);
	check_status(&table, "rdpmc/metrics/intercepted/cpl0", ROW_SKIPPED, "Ice Lake");
	check_status(&table, "rdpmc/metrics/intercepted/cpl3", ROW_SKIPPED, "Ice Lake");
	check_status(&table, "rdpmc/metrics/passthrough/cpl0", ROW_SKIPPED, "Ice Lake");
	check_status(&table, "rdpmc/metrics/passthrough/cpl3", ROW_SKIPPED, "Ice Lake");
	check_status(&table, "rdpmc-fault/metrics/intercepted/cpl3", ROW_READY, "");
	check_status(&table, "rdpmc-fault/metrics/passthrough/cpl3", ROW_READY, "");

	/* The processor has it, KVM does not offer it: another processor would not help. */
	table_make(&table, ICE_LAKE_CAPPED);
	check_status(&table, "rdpmc/metrics/intercepted/cpl3", ROW_SKIPPED, "KVM");
	assert_null(strstr(get(&table, "rdpmc/metrics/intercepted/cpl3")->reason, "Ice Lake"));
	check_status(&table, "rdpmc/fixed3/intercepted/cpl3", ROW_SKIPPED,
		     "KVM offers 3 fixed counters of the processor's 4");

	table_make(&table, ICE_LAKE_METRICS);
	check_status(&table, "rdpmc/metrics/intercepted/cpl0", ROW_READY, "");
	check_status(&table, "rdpmc/metrics/passthrough/cpl3", ROW_READY, "");
	check_status(&table, "rdpmc-fault/metrics-index1/intercepted/cpl3", ROW_READY, "");
	check_status(&table, "rdpmc-fault/metrics-index1/passthrough/cpl3", ROW_READY, "");
	check_status(&table, "rdpmc/fixed3/passthrough/cpl3", ROW_READY, "");
	assert_int_equal(get(&table, "rdpmc/metrics/passthrough/cpl3")->expected.preset,
			 GUEST_PRESET_METRICS);
	assert_null(find(&table, "rdpmc-fault/metrics/intercepted/cpl3"));
}

/* A processor with 3 fixed counters: KVM is not what is missing. */
static void test_fixed3_of_skylake(void **state)
{
	struct table table;
	const struct row *row;

	(void)state;
	table_make(&table, SKYLAKE_ON);
	row = get(&table, "rdpmc/fixed3/intercepted/cpl3");
	assert_int_equal(row->status, ROW_SKIPPED);
	if (strstr(row->reason, "KVM offers") || !strstr(row->reason, "Ice Lake"))
		fail_msg("%s: %s: \"%s\"", table.host, row->name, row->reason);
}

static void test_no_pmu(void **state)
{
	static const enum made_host hosts[] = { PVM_NO_PMU, SKYLAKE_NO_VPMU, ALDER_LAKE,
						ZEN_4_NO_VPMU, UNKNOWN_BACKEND };

	(void)state;
	for (size_t h = 0; h < ARRAY_SIZE(hosts); h++) {
		struct table table;
		size_t faults = 0, reads = 0;

		table_make(&table, hosts[h]);
		for (size_t i = 0; i < table.n; i++) {
			const struct row *row = &table.rows[i];

			if (!is_rdpmc(row) || row->machine != MACHINE_INTERCEPTED)
				continue;
			if (is_fault_name(row->name)) {
				assert_int_equal(row->status, ROW_READY);
				assert_true(row->expected.gp);
				faults++;
			} else {
				assert_int_equal(row->status, ROW_SKIPPED);
				reads++;
			}
		}
		assert_true(faults && reads);
		check_status(&table, "rdpmc-fault/gp-first/intercepted/cpl0", ROW_READY, "");
		check_status(&table, "rdpmc-fault/gp-first/intercepted/cpl3", ROW_READY, "");
		check_status(&table, "rdpmc-fault/gp-first/intercepted/cpl3-nopce", ROW_READY, "");
		check_status(&table, "rdpmc/gp-first/intercepted/cpl3", ROW_SKIPPED, "PMU");
		check_status(&table, "control/empty/cpl3", ROW_READY, "");
	}
}

static void test_reasons(void **state)
{
	struct table table;

	(void)state;
	table_make(&table, PVM_NO_PMU);
	check_status(&table, "rdpmc/gp-first/intercepted/cpl3", ROW_SKIPPED, "host has no PMU");
	check_status(&table, "rdpmc/gp-last/intercepted/cpl0", ROW_SKIPPED, "host has no PMU");
	table_make(&table, SKYLAKE_NO_VPMU);
	check_status(&table, "rdpmc/gp-first/intercepted/cpl3", ROW_SKIPPED,
		     "KVM offers guests no");
	check_status(&table, "rdpmc/fixed3/intercepted/cpl3", ROW_SKIPPED, "KVM offers guests no");
	check_status(&table, "rdpmc/metrics/intercepted/cpl3", ROW_SKIPPED, "KVM offers guests no");
	check_status(&table, "rdpmc/gp-first/passthrough/cpl3", ROW_SKIPPED, "enable_pmu=N");
	table_make(&table, SKYLAKE_ON);
	check_status(&table, "rdpmc/metrics/intercepted/cpl3", ROW_SKIPPED, "needs PERF_METRICS");
	table_make(&table, ICE_LAKE_CAPPED);
	check_status(&table, "rdpmc/metrics/intercepted/cpl3", ROW_SKIPPED,
		     "KVM does not offer PERF_METRICS");
	table_make(&table, SKYLAKE_ONE_GP);
	check_status(&table, "rdpmc/fixed0/intercepted/cpl3", ROW_SKIPPED,
		     "KVM offers 0 fixed counters of the processor's 3");
	check_status(&table, "rdpmc/fixed2/intercepted/cpl3", ROW_SKIPPED,
		     "KVM offers 0 fixed counters of the processor's 3");
	check_status(&table, "rdpmc-fault/fixed0/intercepted/cpl3", ROW_READY, "");
	table_make(&table, NESTED_NO_FIXED);
	check_status(&table, "rdpmc/fixed0/intercepted/cpl3", ROW_SKIPPED,
		     "this host's PMU has 0 fixed counters");
}

/* A filter that chooses rows on an Intel host is no mistake on an AMD host. */
static void test_elsewhere(void **state)
{
	static const struct {
		enum made_host made;
		const char *glob, *text; /* NULL: it matches nothing anywhere */
	} rows[] = {
		{ ZEN_4_ON, "rdpmc/fixed*", "rdpmc/fixed0/intercepted/cpl0 and 16 more" },
		{ ZEN_4_ON, "*/metrics/passthrough/cpl3", "rdpmc/metrics/passthrough/cpl3" },
		{ ZEN_3, "rdpmc-fault/fast/passthrough/cpl0", "rdpmc-fault/fast/passthrough/cpl0" },
		{ PVM_NO_PMU, "*type6000*", "rdpmc-fault/type6000/intercepted/cpl0 and 3 more" },
		{ ZEN_4_ON, "no-such-row", NULL },
		{ SKYLAKE_ON, "no-such-row", NULL },
		{ PVM_SIMULATED, "*passthrough*", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[400] = "";
		struct table table;

		table_make(&table, rows[i].made);
		assert_int_equal(rows_filter(table.rows, table.n, rows[i].glob), 0);
		if (cases_elsewhere(&table.plan, rows[i].glob, table.rows, text, sizeof(text)) !=
		    (rows[i].text != NULL))
			fail_msg("%s: \"%s\"", rows[i].glob, text);
		if (rows[i].text &&
		    (!strstr(text, rows[i].text) ||
		     !strstr(text, "AMD processors have no fixed counters, no PERF_METRICS")))
			fail_msg("%s: \"%s\"", rows[i].glob, text);
	}
}

/* No guest can be had at all: nothing but the host itself is left to measure. */
static void test_no_guest(void **state)
{
	struct table table;
	size_t natives = 0;

	(void)state;
	table_make(&table, SKYLAKE_ON);
	for (int kind = 0; kind < NR_SETTINGS; kind++)
		table.plan.setting[kind] =
			(struct setting){ .reason = "no guest", .remedy = "no way" };
	table.n = cases_make(&table.plan, table.rows);
	for (size_t i = 0; i < table.n; i++) {
		const struct row *row = &table.rows[i];

		check_row(&table, row);
		natives += row->machine == MACHINE_NATIVE && row->status == ROW_READY;
		if (row->machine != MACHINE_NATIVE)
			assert_string_equal(row->reason, "no guest; no way");
	}
	assert_true(natives > 0);
}

/* Both settings of a counter, else the difference would not be the intercept's. */
static void test_settings_read_the_same(void **state)
{
	(void)state;
	for (int made = 0; made < NR_MADE_HOSTS; made++) {
		struct table table;
		size_t pairs = 0;

		table_make(&table, (enum made_host)made);
		for (size_t i = 0; i < table.n; i++) {
			const struct row *in = &table.rows[i], *out;
			char name[sizeof(in->name)], *setting;

			if (in->control || in->machine != MACHINE_INTERCEPTED ||
			    in->status != ROW_READY)
				continue;
			strcpy(name, in->name);
			setting = strstr(name, "intercepted");
			assert_non_null(setting);
			memcpy(setting, "passthrough", strlen("passthrough"));
			out = find(&table, name);
			if (!out || out->status != ROW_READY)
				continue;
			pairs++;
			assert_int_equal(out->machine, MACHINE_PASSTHROUGH);
			assert_int_equal(in->counter, out->counter);
			assert_int_equal(in->privilege, out->privilege);
			assert_int_equal(in->cpl, out->cpl);
			assert_int_equal(in->pce, out->pce);
			/* also where the intercept costs the guest a counter */
			assert_int_equal(in->ecx, out->ecx);
		}
		if (table.plan.setting[SETTING_PASSTHROUGH].available && !table.plan.simulated)
			assert_true(pairs >= 4);
	}
}

/* ECX = 0x10000, the backdoor's: read at any CPL whatever CR4.PCE, and always by KVM. */
static void test_vmware_backdoor(void **state)
{
	static const enum made_host with[] = { SKYLAKE_BACKDOOR, ICE_LAKE_BACKDOOR,
					       ZEN_4_BACKDOOR };
	static const enum made_host without[] = { SKYLAKE_ON, SKYLAKE_6_12, ZEN_4_ON, ZEN_3 };
	struct table table;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
		table_make(&table, without[i]);
		check_status(&table, "rdpmc-fault/vmware/intercepted/cpl0", ROW_READY, "");
		check_status(&table, "rdpmc-fault/vmware/intercepted/cpl3", ROW_READY, "");
		assert_int_equal(get(&table, "rdpmc-fault/vmware/intercepted/cpl3")->ecx, 0x10000);
		assert_null(find(&table, "rdpmc/vmware/intercepted/cpl3"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(with); i++) {
		table_make(&table, with[i]);
		for (size_t j = 0; j < table.n; j++) {
			const struct row *row = &table.rows[j];

			if (row->counter != COUNTER_VMWARE || row->machine != MACHINE_INTERCEPTED ||
			    row->status != ROW_READY)
				continue;
			if (row->expected.gp)
				fail_msg("%s: %s expects #GP", table.host, row->name);
			assert_int_equal(row->ecx, 0x10000);
			assert_int_equal(row->exits, EXITS_EACH);
			assert_string_equal(row->expected.rule, "VMWARE-PMC");
		}
	}
}

static void test_simulated(void **state)
{
	static const enum made_host hosts[] = { PVM_SIMULATED, SIMULATED_ON_ICE_LAKE,
						SIMULATED_ON_ZEN_4 };

	(void)state;
	for (size_t h = 0; h < ARRAY_SIZE(hosts); h++) {
		struct table table;

		table_make(&table, hosts[h]);
		for (size_t i = 0; i < table.n; i++) {
			const struct row *row = &table.rows[i];

			assert_int_equal(row->machine, MACHINE_SIMULATED);
			assert_int_equal(row->status, ROW_READY);
		}
		check_status(&table, "rdpmc/metrics/simulated-vpmu/cpl0", ROW_READY, "");
		check_status(&table, "rdpmc/fixed3/simulated-vpmu/cpl3", ROW_READY, "");
		check_status(&table, "rdpmc-fault/metrics-index1/simulated-vpmu/cpl3", ROW_READY,
			     "");
		check_status(&table, "rdpmc-fault/metrics/simulated-vpmu/cpl3-nopce", ROW_READY,
			     "");
	}
}

static void test_native(void **state)
{
	static const struct {
		enum made_host made;
		bool metrics;
	} hosts[] = { { SKYLAKE_ON, false }, { ICE_LAKE_METRICS, true } };
	struct table table;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		const struct row *metrics;

		table_make(&table, hosts[i].made);
		check_status(&table, "rdpmc/gp-first/native/cpl3", ROW_READY, "");
		check_status(&table, "rdpmc/fixed0/native/cpl3", ROW_READY, "");
		metrics = get(&table, "rdpmc/metrics/native/cpl3");
		assert_int_equal(metrics->status, hosts[i].metrics ? ROW_READY : ROW_SKIPPED);
		for (size_t j = 0; j < table.n; j++)
			if (table.rows[j].machine == MACHINE_NATIVE) {
				assert_int_equal(table.rows[j].cpl, 3);
				/* the guest's loop: the same instructions */
				assert_ptr_equal(
					rows_empty_loop(table.rows, table.n, &table.rows[j]),
					get(&table, "control/empty/cpl3"));
			}
	}
	table_make(&table, PVM_NO_PMU);
	check_status(&table, "rdpmc/gp-first/native/cpl3", ROW_SKIPPED,
		     "a reason of the native rows");

	table_make(&table, ICE_LAKE_METRICS);
	table.plan.native_fixed = false;
	table.n = cases_make(&table.plan, table.rows);
	check_status(&table, "rdpmc/gp-first/native/cpl3", ROW_READY, "");
	check_status(&table, "rdpmc/fixed0/native/cpl3", ROW_SKIPPED, "fixed counter 0");
	check_status(&table, "rdpmc/metrics/native/cpl3", ROW_READY, "");
	table.plan.native_fixed = true;
	table.plan.native_metrics = false;
	table.n = cases_make(&table.plan, table.rows);
	check_status(&table, "rdpmc/fixed0/native/cpl3", ROW_READY, "");
	check_status(&table, "rdpmc/metrics/native/cpl3", ROW_SKIPPED, "topdown");
}

static void test_controls(void **state)
{
	(void)state;
	for (int made = 0; made < NR_MADE_HOSTS; made++) {
		struct table table;
		bool amd;

		table_make(&table, (enum made_host)made);
		amd = table.plan.host.cpu.vendor == CPU_VENDOR_AMD;
		for (size_t i = 0; i < ARRAY_SIZE(controls); i++) {
			const struct row *row = get(&table, controls[i]);

			assert_true(row->control);
			assert_int_equal(row->status, ROW_READY);
			assert_int_equal(row->machine, table.plan.simulated ? MACHINE_SIMULATED
									    : MACHINE_INTERCEPTED);
			assert_string_equal(row_setting(row), "control");
		}
		assert_int_equal(get(&table, "control/empty/cpl0")->insn, GUEST_INSN_EMPTY);
		assert_int_equal(get(&table, "control/rdtsc/cpl3")->insn, GUEST_INSN_RDTSC);
		assert_int_equal(get(&table, "control/cpuid/cpl0")->insn, GUEST_INSN_CPUID);
		assert_int_equal(get(&table, "control/port/cpl3")->insn, GUEST_INSN_PORT);
		/* the other vendor's is #UD, or patched by KVM */
		assert_int_equal(get(&table, "control/hypercall/cpl0")->insn,
				 amd ? GUEST_INSN_VMMCALL : GUEST_INSN_VMCALL);
	}
}

/* Every row that is netted has its loop, of the same privilege; the loop itself has none. */
static void test_empty_loops(void **state)
{
	(void)state;
	for (int made = 0; made < NR_MADE_HOSTS; made++) {
		struct table table;

		table_make(&table, (enum made_host)made);
		for (size_t i = 0; i < table.n; i++) {
			const struct row *row = &table.rows[i];
			const struct row *loop = rows_empty_loop(table.rows, table.n, row);

			if (row->insn == GUEST_INSN_EMPTY) {
				assert_null(loop);
				continue;
			}
			if (!loop)
				fail_msg("%s: %s has no empty loop", table.host, row->name);
			assert_int_equal(loop->insn, GUEST_INSN_EMPTY);
			assert_int_equal(loop->cpl, row->cpl);
		}
	}
}

/* ----- --pmu-cost ----- */

static void table_make_pmu_cost(struct table *table, enum made_host made)
{
	table_make(table, made);
	table->plan.simulated = false;
	table->plan.pmu_cost = true;
	memset(all_rows, 0xa5, sizeof(all_rows));
	table->n = cases_make(&table->plan, table->rows);
	assert_in_range(table->n, 1, MAX_ROWS);
}

static const struct {
	enum machine_kind machine;
	const char *name;
	enum setting_kind kind;
	enum guest_running running;
} with_pmu[] = {
	{ MACHINE_INTERCEPTED_0, "intercepted-0", SETTING_INTERCEPTED, GUEST_RUNNING_NONE },
	{ MACHINE_INTERCEPTED_1, "intercepted-1", SETTING_INTERCEPTED, GUEST_RUNNING_ONE },
	{ MACHINE_INTERCEPTED_ALL, "intercepted-all", SETTING_INTERCEPTED, GUEST_RUNNING_ALL },
	{ MACHINE_PASSTHROUGH_0, "passthrough-0", SETTING_PASSTHROUGH, GUEST_RUNNING_NONE },
	{ MACHINE_PASSTHROUGH_1, "passthrough-1", SETTING_PASSTHROUGH, GUEST_RUNNING_ONE },
	{ MACHINE_PASSTHROUGH_ALL, "passthrough-all", SETTING_PASSTHROUGH, GUEST_RUNNING_ALL },
};
static const char *const pmu_cost_exits[][2] = {
	{ "cpuid", "cpl0" }, { "cpuid", "cpl3" },     { "port", "cpl0" },
	{ "port", "cpl3" },  { "hypercall", "cpl0" },
};

static const struct row *pmu_cost_row(const struct table *table, size_t exit, const char *state)
{
	char name[64];

	snprintf(name, sizeof(name), "control/%s-%s/%s", pmu_cost_exits[exit][0], state,
		 pmu_cost_exits[exit][1]);
	return get(table, name);
}

/* Each exit of every guest and the empty loops of one: no other rows, whatever the host. */
static void test_pmu_cost_rows(void **state)
{
	(void)state;
	for (int made = 0; made < NR_MADE_HOSTS; made++) {
		struct table table;

		table_make_pmu_cost(&table, (enum made_host)made);
		assert_int_equal(table.n,
				 2 + ARRAY_SIZE(pmu_cost_exits) * (1 + ARRAY_SIZE(with_pmu)));
		assert_int_equal(get(&table, "control/empty-no-pmu/cpl0")->machine, MACHINE_NO_PMU);
		assert_int_equal(get(&table, "control/empty-no-pmu/cpl3")->status, ROW_READY);
		for (size_t e = 0; e < ARRAY_SIZE(pmu_cost_exits); e++) {
			const struct row *base = pmu_cost_row(&table, e, "no-pmu");

			/* A guest without a PMU can be had anywhere. */
			assert_int_equal(base->status, ROW_READY);
			assert_int_equal(base->machine, MACHINE_NO_PMU);
			assert_null(rows_base(table.rows, table.n, base));
			for (size_t s = 0; s < ARRAY_SIZE(with_pmu); s++) {
				const struct row *row = pmu_cost_row(&table, e, with_pmu[s].name);

				assert_int_equal(row->machine, with_pmu[s].machine);
				assert_true(row->control);
				assert_string_equal(row_setting(row), "control");
				assert_int_equal(row->insn, base->insn);
				assert_int_equal(row->cpl, base->cpl);
				assert_int_equal(row->exits, base->exits);
				assert_true(row_has_guest(row));
				assert_ptr_equal(rows_base(table.rows, table.n, row), base);
				assert_non_null(rows_empty_loop(table.rows, table.n, row));
			}
		}
	}
}

/* Which guests the host has; of the others the reason is that of their setting. */
static void test_pmu_cost_hosts(void **state)
{
	static const struct {
		enum made_host made;
		const char *intercepted, *passthrough; /* NULL: they can be had */
	} hosts[] = {
		{ SKYLAKE_ON, NULL, NULL },
		{ SKYLAKE_6_12, NULL, "kernel has no mediated PMU" },
		{ SKYLAKE_NO_VPMU, "KVM offers guests no PMU here", "enable_pmu=N" },
		{ ICE_LAKE_CAPPED, NULL, "3 of the processor's 4 fixed counters" },
		{ ZEN_4_ON, NULL, NULL },
		{ ZEN_4_OFF, NULL, "enable_mediated_pmu=N" },
		{ ZEN_3, NULL, "PerfMonV2" },
		{ PVM_NO_PMU, "host has no PMU", "kvm_pvm has no mediated PMU" },
		{ PVM_WITH_PMU, NULL, "kvm_pvm has no mediated PMU" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct table table;

		table_make_pmu_cost(&table, hosts[i].made);
		for (size_t e = 0; e < ARRAY_SIZE(pmu_cost_exits); e++) {
			for (size_t s = 0; s < ARRAY_SIZE(with_pmu); s++) {
				const char *reason = with_pmu[s].kind == SETTING_PASSTHROUGH
							     ? hosts[i].passthrough
							     : hosts[i].intercepted;

				check_status(
					&table, pmu_cost_row(&table, e, with_pmu[s].name)->name,
					reason ? ROW_SKIPPED : ROW_READY, reason ? reason : "");
			}
		}
		/* It says so of the host, too, and only where no guest has one. */
		assert_int_equal(cases_no_pmu(&table.plan)[0] != 0,
				 hosts[i].intercepted && hosts[i].passthrough);
	}
}

/* What tells the guests apart, and that nothing else is one of them. */
static void test_pmu_states(void **state)
{
	size_t n = 0;

	(void)state;
	for (int machine = 0; machine < NR_MACHINES; machine++)
		n += pmu_state((enum machine_kind)machine) != NULL;
	assert_int_equal(n, 1 + ARRAY_SIZE(with_pmu));
	assert_false(pmu_state(MACHINE_NO_PMU)->has_pmu);
	for (size_t s = 0; s < ARRAY_SIZE(with_pmu); s++) {
		const struct pmu_state *found = pmu_state(with_pmu[s].machine);

		assert_non_null(found);
		assert_true(found->has_pmu);
		assert_int_equal(found->kind, with_pmu[s].kind);
		assert_int_equal(found->running, with_pmu[s].running);
		assert_string_equal(found->name, with_pmu[s].name);
	}
}

/* A filter keeps what the difference is taken to, and the loop that both are net of. */
static void test_pmu_cost_filter(void **state)
{
	static const char *const kept[] = {
		"control/empty-no-pmu/cpl3",
		"control/cpuid-no-pmu/cpl3",
		"control/cpuid-passthrough-all/cpl3",
	};
	struct table table;
	size_t n;

	(void)state;
	table_make_pmu_cost(&table, SKYLAKE_ON);
	n = rows_filter(table.rows, table.n, "*/cpuid-passthrough-all/cpl3");
	assert_int_equal(n, ARRAY_SIZE(kept));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(table.rows[i].name, kept[i]);
	assert_ptr_equal(rows_base(table.rows, n, &table.rows[2]), &table.rows[1]);

	/* Nothing is to be held against what is skipped. */
	table_make_pmu_cost(&table, SKYLAKE_6_12);
	assert_int_equal(rows_filter(table.rows, table.n, "*/cpuid-passthrough-all/cpl3"), 1);

	/* Without the option there is no such counterpart. */
	table_make(&table, SKYLAKE_ON);
	for (size_t i = 0; i < table.n; i++) {
		assert_null(rows_base(table.rows, table.n, &table.rows[i]));
		assert_null(pmu_state(table.rows[i].machine));
	}
}

/* ----- --vcpus ----- */

static void table_make_vcpus(struct table *table, enum made_host made, unsigned int max)
{
	table_make(table, made);
	table->plan.vcpus = max;
	memset(all_rows, 0xa5, sizeof(all_rows));
	table->n = cases_make(&table->plan, table->rows);
	assert_in_range(table->n, 1, MAX_ROWS);
}

static void test_levels(void **state)
{
	static const struct {
		unsigned int max, levels[9];
	} rows[] = {
		{ 1, { 1 } },
		{ 2, { 1, 2 } },
		{ 3, { 1, 2, 3 } },
		{ 8, { 1, 2, 4, 8 } },
		{ 9, { 1, 2, 4, 8, 9 } },
		{ 128, { 1, 2, 4, 8, 16, 32, 64, 128 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned int l = 0; l < ARRAY_SIZE(rows[i].levels); l++)
			assert_int_equal(cases_level(rows[i].max, l), rows[i].levels[l]);
}

/* The rows of guests, each at each number, and in everything else what they are without the option. */
static void test_vcpus_rows(void **state)
{
	static struct row plain[MAX_ROWS];

	(void)state;
	for (int made = 0; made < NR_MADE_HOSTS; made++) {
		struct table table;
		size_t n, next = 0;

		table_make(&table, (enum made_host)made);
		n = table.n;
		memcpy(plain, table.rows, n * sizeof(plain[0]));
		table_make_vcpus(&table, (enum made_host)made, MAX_VCPUS);
		for (size_t i = 0; i < n; i++) {
			const struct row *first = &table.rows[next];

			if (plain[i].machine == MACHINE_NATIVE)
				continue;
			for (unsigned int l = 0; cases_level(MAX_VCPUS, l); l++, next++) {
				struct row *row = &table.rows[next];
				const struct row *empty = rows_empty_loop(table.rows, table.n, row);
				char suffix[32], name[64];

				assert_int_equal(row->vcpus, 1 << l);
				assert_true(strlen(row->name) < sizeof(row->name) - 1);
				snprintf(suffix, sizeof(suffix), "-vcpus%u/", row->vcpus);
				assert_non_null(strstr(row->name, suffix));
				assert_true(empty ? empty->vcpus == row->vcpus
						  : row->insn == GUEST_INSN_EMPTY);
				assert_ptr_equal(rows_base(table.rows, table.n, row),
						 l ? first : NULL);
				/* Without the number it is the row that it was. */
				snprintf(name, sizeof(name), "%.*s%s",
					 (int)(strstr(row->name, suffix) - row->name), row->name,
					 strstr(row->name, suffix) + strlen(suffix) - 1);
				assert_string_equal(name, plain[i].name);
				assert_int_equal(row->status, plain[i].status);
				assert_int_equal(row->ecx, plain[i].ecx);
				assert_int_equal(row->exits, plain[i].exits);
			}
		}
		assert_int_equal(next, table.n);
	}
}

/* With what was asked for comes the row of one, and the loops of both. */
static void test_vcpus_filter(void **state)
{
	static const char *const kept[] = {
		"control/empty-vcpus1/cpl3",
		"control/empty-vcpus4/cpl3",
		"control/cpuid-vcpus1/cpl3",
		"control/cpuid-vcpus4/cpl3",
	};
	struct table table;

	(void)state;
	table_make_vcpus(&table, SKYLAKE_ON, 4);
	assert_int_equal(rows_filter(table.rows, table.n, "*/cpuid-vcpus4/cpl3"), ARRAY_SIZE(kept));
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		assert_string_equal(table.rows[i].name, kept[i]);
}

/* Is @row the loop of a row that matches and will be measured? */
static bool is_netted_with(const struct row *row, const struct row *rows, size_t n,
			   const char *glob)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].status == ROW_READY && !fnmatch(glob, rows[i].name, 0) &&
		    rows_empty_loop(rows, n, &rows[i]) == row)
			return true;
	return false;
}

/* What is left: in their order and unchanged the rows that match, their loops, nothing else. */
static void check_filter(enum made_host made, const char *glob)
{
	static struct row before[MAX_ROWS];
	bool any = false;
	struct table table;
	size_t n, kept, next = 0;

	table_make(&table, made);
	n = table.n;
	memcpy(before, table.rows, n * sizeof(*before));
	kept = rows_filter(table.rows, n, glob);

	for (size_t i = 0; i < n; i++) {
		bool matches = !fnmatch(glob, before[i].name, 0);

		any |= matches;
		if (!matches && !is_netted_with(&before[i], before, n, glob))
			continue;
		if (next == kept || memcmp(&table.rows[next], &before[i], sizeof(*before)))
			fail_msg("%s, %s: %s instead of %s", table.host, glob,
				 next == kept ? "the end" : table.rows[next].name, before[i].name);
		next++;
	}
	if (next != kept || (!any && kept))
		fail_msg("%s, %s: %zu rows instead of %zu", table.host, glob, kept, next);
	for (size_t i = 0; i < kept; i++) {
		const struct row *row = &table.rows[i];

		if (row->status == ROW_READY && row->insn != GUEST_INSN_EMPTY)
			assert_non_null(rows_empty_loop(table.rows, kept, row));
	}
}

static void test_filter(void **state)
{
	static const char *const globs[] = {
		"*",
		"rdpmc/*",
		"rdpmc-fault/*",
		"*/cpl3",
		"*/cpl0",
		"*/cpl3-nopce",
		"control/*",
		"control/empty/cpl0",
		"control/rdtsc/cpl3",
		"*metrics*",
		"*/passthrough/*",
		"*/intercepted/cpl3",
		"rdpmc*/gp-first/*/cpl?",
		"*[03]",
		"nothing",
		"",
		"RDPMC/*",
		"rdpmc",
		"rdpmc/",
		"*/native/*",
		"*/",
		"[",
		"rdpmc/gp-*/intercepted/cpl0",
	};

	(void)state;
	for (int made = 0; made < NR_MADE_HOSTS; made++)
		for (size_t g = 0; g < ARRAY_SIZE(globs); g++)
			check_filter((enum made_host)made, globs[g]);
}

/* A filtered table ends where it ends: what stood behind is gone. */
static void test_filter_again(void **state)
{
	struct table table;
	size_t all, n;

	(void)state;
	table_make(&table, SKYLAKE_ON);
	all = table.n;
	n = rows_filter(table.rows, all, "control/empty/cpl0");
	assert_int_equal(n, 1);
	for (size_t i = 0; i < all; i++)
		assert_int_equal(rows_filter(table.rows, n, table.rows[i].name), i < n);

	table_make(&table, SKYLAKE_ON);
	for (size_t i = 0; i < all; i++)
		if (table.rows[i].insn == GUEST_INSN_EMPTY && table.rows[i].cpl == 3)
			assert_null(
				rows_empty_loop(table.rows, i, get(&table, "control/rdtsc/cpl3")));
}

/* Netted with a loop that a caller has taken away: no other stands in for it. */
static void test_empty_loop_gone(void **state)
{
	struct table table;
	const struct row *row;
	struct row *loop;

	(void)state;
	table_make(&table, SKYLAKE_ON);
	table.n = rows_filter(table.rows, table.n, "control/*/cpl0");
	row = get(&table, "control/rdtsc/cpl0");
	assert_non_null(rows_empty_loop(table.rows, table.n, row));
	assert_null(find(&table, "control/empty/cpl3"));

	loop = get(&table, "control/empty/cpl0");
	loop->privilege = PRIVILEGE_CPL3;
	loop->cpl = 3;
	assert_null(rows_empty_loop(table.rows, table.n, row));
}

static void test_counter_ecx(void **state)
{
	static const struct pmu_shape shapes[] = {
		INTEL(2, 8, 3, CAPS),
		ICE_LAKE,
		INTEL(1, 1, 0, 0),
		INTEL(6, 32, 16, CAPS_METRICS),
		NO_PMU(CPU_VENDOR_INTEL),
		AMD(1, 4),
		AMD(1, 6),
		AMD(2, 15),
		NO_PMU(CPU_VENDOR_AMD),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		const struct pmu_shape *pmu = &shapes[i];

		assert_int_equal(counter_ecx(COUNTER_GP_FIRST, pmu), 0);
		assert_int_equal(counter_ecx(COUNTER_GP_LAST, pmu),
				 pmu->nr_gp ? pmu->nr_gp - 1 : 0);
		assert_int_equal(counter_ecx(COUNTER_FIXED0, pmu), 0x40000000);
		assert_int_equal(counter_ecx(COUNTER_FIXED1, pmu), 0x40000001);
		assert_int_equal(counter_ecx(COUNTER_FIXED2, pmu), 0x40000002);
		assert_int_equal(counter_ecx(COUNTER_FIXED3, pmu), 0x40000003);
		assert_int_equal(counter_ecx(COUNTER_METRICS, pmu), 0x20000000);
		assert_int_equal(counter_ecx(COUNTER_METRICS_INDEX1, pmu), 0x20000001);
		assert_int_equal(counter_ecx(COUNTER_TYPE_6000, pmu), 0x60000000);
		assert_int_equal(counter_ecx(COUNTER_FAST, pmu), 0x80000000);
		assert_int_equal(counter_ecx(COUNTER_VMWARE, pmu), 0x10000);
		/* out of range of any PMU, not only of this one: type 0, no AMD counter */
		assert_true(expect_rdpmc(pmu, counter_ecx(COUNTER_OUT_OF_RANGE, pmu), 0, true).gp);
		assert_in_range(counter_ecx(COUNTER_OUT_OF_RANGE, pmu), 64, 0xffff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_all_rows),
		cmocka_unit_test(test_settings_are_as_expected),
		cmocka_unit_test(test_expectations),
		cmocka_unit_test(test_exits),
		cmocka_unit_test(test_exits_of_simulated),
		cmocka_unit_test(test_passthrough_rows),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_fixed3_of_skylake),
		cmocka_unit_test(test_no_pmu),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_no_guest),
		cmocka_unit_test(test_settings_read_the_same),
		cmocka_unit_test(test_vmware_backdoor),
		cmocka_unit_test(test_simulated),
		cmocka_unit_test(test_native),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_empty_loops),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_filter_again),
		cmocka_unit_test(test_empty_loop_gone),
		cmocka_unit_test(test_counter_ecx),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_vcpus_rows),
		cmocka_unit_test(test_vcpus_filter),
		cmocka_unit_test(test_pmu_cost_rows),
		cmocka_unit_test(test_pmu_cost_hosts),
		cmocka_unit_test(test_pmu_states),
		cmocka_unit_test(test_pmu_cost_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
