/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A row: instruction x counter x setting x privilege, with a name that sorts
 * and filters: rdpmc/metrics/passthrough/cpl3. "rdpmc" rows are reads that are answered,
 * "rdpmc-fault" rows reads that end in #GP, which is another thing and never compared with them.
 *
 * --pmu-cost has rows of its own and no others: exits that have nothing to do with RDPMC, in guests
 * that differ in their PMU only. control/cpuid-no-pmu/cpl3 is of the guest without a PMU,
 * control/cpuid-passthrough-all/cpl3 of one whose RDPMC is passed through while all of its counters
 * run; -0 and -1 are none and one. All are of setting "control".
 *
 * --vcpus=N has the rows of guests once for each number of vCPUs up to N, as cases_level() has them, that do
 * the same at the same time: rdpmc/metrics-vcpus2/passthrough/cpl3, control/empty-vcpus1/cpl3.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

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
	COUNTER_METRICS,        /* 0x20000000 */
	COUNTER_METRICS_INDEX1, /* 0x20000001 */
	COUNTER_TYPE_6000,
	COUNTER_FAST,   /* ECX[31] with GP counter 0 */
	COUNTER_VMWARE, /* 0x10000 */
	COUNTER_OUT_OF_RANGE,
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

enum row_status { ROW_READY, ROW_SKIPPED, ROW_MEASURED, ROW_FAILED };

struct row {
	char name[64];
	enum machine_kind machine;
	bool control; /* not RDPMC: setting "control"; on the intercepted machine but for --pmu-cost */
	enum guest_insn insn;
	enum counter counter;
	enum privilege privilege;
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

#define MAX_VCPUS 128
#define MAX_ROWS  (128 * 8) /* of one vCPU, each at every number up to MAX_VCPUS */

const char *row_setting(const struct row *row); /* the schema's word */
const char *
row_counter_name(const struct row *row); /* "metrics", or the instruction of a control */
const char *row_privilege_name(const struct row *row);
/* "rdpmc" or "rdpmc-fault", and the rest of an RDPMC row's name. */
void row_set_name(struct row *row, bool fault);
void row_set_privilege(struct row *row, enum privilege privilege);
/* @row becomes that of @vcpus at the same time. */
void row_set_vcpus(struct row *row, unsigned int vcpus);

/*
 * The row's empty loop: same CPL, as many vCPUs, the guest's also for native rows; NULL for itself or when
 * filtered away.
 */
const struct row *rows_empty_loop(const struct row *rows, size_t n, const struct row *row);

/*
 * What a row's cost is held against: of --pmu-cost the same exit of the guest without a PMU, of --vcpus the same row
 * with one vCPU. NULL for itself, of other rows, or when filtered away.
 */
const struct row *rows_base(const struct row *rows, size_t n, const struct row *row);

void row_fail(struct row *row, const char *reason);

static inline unsigned int row_vcpus(const struct row *row)
{
	return row->vcpus ? row->vcpus : 1;
}

static inline bool row_has_guest(const struct row *row)
{
	return row->machine < NR_GUESTS;
}

/* How many have a name that matches @glob: fnmatch, '*' also matches '/'. */
size_t rows_matching(const struct row *rows, size_t n, const char *glob);

/*
 * Keep the rows whose name matches @glob, and those that the kept
 * ones are held against: their empty loops, rows_base() and that one's. Returns how many rows are left; 0 when none
 * matched, and @rows is as it was.
 */
size_t rows_filter(struct row *rows, size_t n, const char *glob);

#endif
