/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The case table: instruction x counter x setting x privilege, each a row with a name that sorts
 * and filters: rdpmc/metrics/passthrough/cpl3. "rdpmc" rows are reads that are answered,
 * "rdpmc-fault" rows reads that end in #GP, which is another thing and never compared with them.
 * The emulator's rows have the entry where others have the privilege: rdpmc/metrics/emulator/exit.
 *
 * --pmu-cost has rows of its own and no others: exits that have nothing to do with RDPMC, in guests
 * that differ in their PMU only. control/cpuid-no-pmu/cpl3 is of the guest without a PMU,
 * control/cpuid-passthrough-all/cpl3 of one whose RDPMC is passed through while all of its counters
 * run; -0 and -1 are none and one. All are of setting "control".
 *
 * --vcpus=N has the rows of guests once for each number of vCPUs up to N, as cases_level() has them, that do
 * the same at the same time: rdpmc/metrics-vcpus2/passthrough/cpl3, control/empty-vcpus1/cpl3.
 */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/expect.h"
#include "guest/protocol.h"
#include "host/setting.h"

enum counter {
	COUNTER_NONE,
	COUNTER_GP_FIRST,
	COUNTER_GP_LAST,
	COUNTER_FIXED0,
	COUNTER_FIXED1,
	COUNTER_FIXED2,
	COUNTER_FIXED3,
	COUNTER_METRICS,        /* 2000_0000H */
	COUNTER_METRICS_INDEX1, /* 2000_0001H */
	COUNTER_TYPE_6000,
	COUNTER_FAST,   /* ECX[31] with GP counter 0 */
	COUNTER_VMWARE, /* 10000H */
	COUNTER_OUT_OF_RANGE,
	NR_GUEST_COUNTERS,
	/* of the emulator's second vCPU */
	COUNTER_AMD_FIRST = NR_GUEST_COUNTERS,
	COUNTER_AMD_LAST,
	NR_COUNTERS
};

enum privilege { PRIVILEGE_CPL0, PRIVILEGE_CPL3, PRIVILEGE_CPL3_NOPCE, NR_PRIVILEGES };

/* Which of the machines of a run a row is measured on. */
enum machine_kind {
	MACHINE_INTERCEPTED,
	MACHINE_PASSTHROUGH,
	MACHINE_SIMULATED,
	/* of --pmu-cost */
	MACHINE_NO_PMU,
	MACHINE_INTERCEPTED_0,
	MACHINE_INTERCEPTED_1,
	MACHINE_INTERCEPTED_ALL,
	MACHINE_PASSTHROUGH_0,
	MACHINE_PASSTHROUGH_1,
	MACHINE_PASSTHROUGH_ALL,
	NR_GUESTS,
	MACHINE_NATIVE = NR_GUESTS,
	MACHINE_EMULATOR,
	NR_MACHINES
};

/* What the guests of --pmu-cost differ in. */
struct pmu_state {
	const char *name; /* in a row's name */
	const char *text; /* in a report */
	bool has_pmu;
	enum setting_kind kind; /* of one that has */
	enum guest_running running;
};
/* NULL of machines that are none of --pmu-cost's. */
const struct pmu_state *pmu_state(enum machine_kind machine);

/* By which of the emulator's functions it is entered; the empty loop calls one that is empty. */
enum entry { ENTRY_EMPTY, ENTRY_EXIT, ENTRY_EMULATOR, NR_ENTRIES };

enum row_status { ROW_READY, ROW_SKIPPED, ROW_MEASURED, ROW_FAILED };

struct row {
	char name[64];
	enum machine_kind machine;
	bool control; /* not RDPMC: setting "control"; on the intercepted machine but for --pmu-cost */
	enum guest_insn insn;
	enum counter counter;
	enum privilege privilege;
	enum entry entry;   /* of the emulator's rows */
	unsigned int vcpus; /* at the same time; 0: one, and no row of --vcpus */
	uint32_t ecx;
	unsigned int cpl;
	bool pce;
	struct expectation expected; /* of RDPMC rows */
	enum exits_expected exits;
	enum row_status status;
	bool known;       /* failed by a deviation of KVM's that is known: no news */
	char reason[400]; /* why skipped or failed, and what would help */
};

struct case_plan {
	struct setting_host host;
	struct setting setting[NR_SETTINGS];
	bool simulated;     /* --vpmu=user */
	bool emulator;      /* --engine=emulator: its rows and no others */
	bool pmu_cost;      /* --pmu-cost: its rows and no others */
	unsigned int vcpus; /* --vcpus: the most at once; 0: without it */
	struct pmu_shape simulated_pmu;
	char native_reason[160]; /* why native rows cannot be measured; empty when they can */
	bool native_fixed, native_metrics;
};

#define MAX_VCPUS 128
#define MAX_ROWS  (128 * 8) /* of one vCPU, each at every number up to MAX_VCPUS */

/* The numbers of vCPUs that are measured of @most: 1, 2, 4, 8 ... and @most. 0 behind the last. */
unsigned int cases_level(unsigned int most, unsigned int i);

/*
 * Fill @rows (MAX_ROWS of them) with every row there could be, each ready or skipped with its
 * reason. Returns how many.
 */
size_t cases_make(const struct case_plan *plan, struct row *rows);
/* The emulator's part of it, which no host decides. */
size_t cases_make_emulator(struct row *rows);

/*
 * Keep the rows whose name matches @glob (fnmatch, '*' also matches '/'), and those that the kept
 * ones are held against: their empty loops, cases_base() and that one's. Returns how many rows are left; 0 when none
 * matched.
 */
size_t cases_filter(struct row *rows, size_t n, const char *glob);

/*
 * For a @glob that matches no row of @plan's: which rows of another processor it matches, and why they
 * are none here, in one line. False where it matches nothing there either. Overwrites @rows.
 */
bool cases_elsewhere(const struct case_plan *plan, const char *glob, struct row *rows, char *text,
		     size_t size);

const char *row_setting(const struct row *row); /* the schema's word */
const char *
row_counter_name(const struct row *row); /* "metrics", or the instruction of a control */
const char *row_privilege_name(const struct row *row); /* or the entry */
/* "rdpmc" or "rdpmc-fault", and the rest of an RDPMC row's name. */
void row_set_name(struct row *row, bool fault);
void row_set_privilege(struct row *row, enum privilege privilege);
/*
 * The row's empty loop: same CPL, as many vCPUs, the guest's also for native rows; NULL for itself or when
 * filtered away.
 */
const struct row *cases_empty_loop(const struct row *rows, size_t n, const struct row *row);

/*
 * What a row's cost is held against: of --pmu-cost the same exit of the guest without a PMU, of --vcpus the same row
 * with one vCPU. NULL for itself, of other rows, or when filtered away.
 */
const struct row *cases_base(const struct row *rows, size_t n, const struct row *row);

/* Why KVM gives guests no PMU here; empty where it does. */
const char *cases_no_pmu(const struct case_plan *plan);

void row_fail(struct row *row, const char *reason);

static inline unsigned int row_vcpus(const struct row *row)
{
	return row->vcpus ? row->vcpus : 1;
}

static inline bool row_has_guest(const struct row *row)
{
	return row->machine < NR_GUESTS;
}

/* What a processor of this vendor has at its best. The emulator's vCPUs have it. */
const struct pmu_shape *cases_ideal_pmu(enum cpu_vendor vendor);

/* ECX that selects @counter of @pmu. */
uint32_t counter_ecx(enum counter counter, const struct pmu_shape *pmu);

/* Which of the emulator's vCPUs has @counter, and does it take the VMware backdoor? */
enum cpu_vendor counter_vendor(enum counter counter);
bool counter_backdoor(enum counter counter);

#endif
