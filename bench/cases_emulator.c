// SPDX-License-Identifier: GPL-2.0-or-later
/* The rows of --engine=emulator: each kind of ECX by both entries, whatever the host is. */
#include <stdio.h>

#include "bench/cases.h"

/* One for each way that an ECX can go through the emulator. */
static const struct {
	enum counter counter;
	enum privilege privilege;
} reads[] = {
	{ COUNTER_GP_FIRST, PRIVILEGE_CPL3 },       { COUNTER_GP_LAST, PRIVILEGE_CPL3 },
	{ COUNTER_FIXED0, PRIVILEGE_CPL3 },         { COUNTER_FIXED3, PRIVILEGE_CPL3 },
	{ COUNTER_METRICS, PRIVILEGE_CPL3 },        { COUNTER_METRICS_INDEX1, PRIVILEGE_CPL3 },
	{ COUNTER_TYPE_6000, PRIVILEGE_CPL3 },      { COUNTER_FAST, PRIVILEGE_CPL3 },
	{ COUNTER_VMWARE, PRIVILEGE_CPL3 },         { COUNTER_OUT_OF_RANGE, PRIVILEGE_CPL3 },
	{ COUNTER_AMD_FIRST, PRIVILEGE_CPL3 },      { COUNTER_AMD_LAST, PRIVILEGE_CPL3 },
	{ COUNTER_GP_FIRST, PRIVILEGE_CPL3_NOPCE },
};

enum cpu_vendor counter_vendor(enum counter counter)
{
	return counter >= NR_GUEST_COUNTERS ? CPU_VENDOR_AMD : CPU_VENDOR_INTEL;
}

bool counter_backdoor(enum counter counter)
{
	return counter == COUNTER_VMWARE;
}

static void make_row(struct row *row, enum counter counter, enum privilege privilege,
		     enum entry entry)
{
	const struct pmu_shape *pmu = cases_ideal_pmu(counter_vendor(counter));

	*row = (struct row){
		.machine = MACHINE_EMULATOR,
		.insn = GUEST_INSN_RDPMC,
		.counter = counter,
		.entry = entry,
		.ecx = counter_ecx(counter, pmu),
		.exits = EXITS_ANY,
		.status = ROW_READY,
	};
	row_set_privilege(row, privilege);
	row->expected = counter_backdoor(counter)
				? expect_rdpmc_backdoor(pmu, row->ecx, row->cpl, row->pce)
				: expect_rdpmc(pmu, row->ecx, row->cpl, row->pce);
	row_set_name(row, row->expected.gp);
}

size_t cases_make_emulator(struct row *rows)
{
	struct row *empty = &rows[0];
	size_t n = 1;

	make_row(empty, COUNTER_NONE, PRIVILEGE_CPL3, ENTRY_EMPTY);
	empty->control = true;
	empty->insn = GUEST_INSN_EMPTY;
	snprintf(empty->name, sizeof(empty->name), "control/%s/%s", row_counter_name(empty),
		 row_privilege_name(empty));
	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
		for (enum entry entry = ENTRY_EXIT; entry < NR_ENTRIES; entry++)
			make_row(&rows[n++], reads[i].counter, reads[i].privilege, entry);
	return n;
}
