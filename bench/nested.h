/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an RDPMC in L2 has to come to, by model/nested/nested.h, and whether what was seen is that. */
#ifndef BENCH_NESTED_H
#define BENCH_NESTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/protocol.h"
#include "host/setting.h"
#include "model/nested/nested.h"

#define NESTED_READS     32 /* in one visit of L2 */
#define MAX_NESTED_READS 11
#define MAX_NESTED_ROWS  (NR_SETTINGS * 2 * MAX_NESTED_READS)

struct nested_read {
	const char *name; /* counter/cpl, as rows of the benchmark are called */
	uint32_t ecx;
	uint8_t cpl;
	bool pce;
	bool emulated; /* by KVM's instruction emulator */
};

struct nested_expectation {
	struct rdpmc_nested nested;
	uint64_t value; /* EDX:EAX of L2 after the read */
};

/* Of NESTED_READS reads. */
struct nested_seen {
	uint64_t l1_exits, faults, value; /* as struct guest_nested has them */
	uint32_t vector;                  /* ... */
	double exits; /* KVM's, per read, less those of the same L2 with nested_baseline() in its place */
};

/* From NESTED_DIFFERS on it was measured. */
enum nested_status {
	NESTED_SKIPPED,
	NESTED_FAILED,
	NESTED_DIFFERS,
	NESTED_KNOWN,
	NESTED_AGREES,
	NR_NESTED_STATUS
};

struct nested_row {
	enum setting_kind l0;
	bool l1_intercepts;
	struct nested_read read;
	struct nested_expectation expected;
	enum nested_status status;
	struct nested_seen seen; /* where it was measured */
	char reason[400];        /* where it does not agree */
	const char *known;       /* where that is NESTED_KNOWN: the deviation of KVM's */
};

/*
 * What L2 reads of an L1 with the PMU of @l0: a counter, privilege, what no PMU has, and what the
 * processor has and L1 has not, where there is that; and with @emulator some of it once more by KVM's
 * instruction emulator. Returns how many, at most MAX_NESTED_READS.
 */
size_t nested_reads(const struct setting_host *host, const struct setting *l0, bool emulator,
		    struct nested_read *reads);

struct nested_expectation nested_expect(const struct setting_host *host, enum setting_kind kind,
					const struct setting *l0, bool l1_intercepts,
					const struct nested_read *read);

/* Else the first thing in which @seen is not what was expected, in @text. */
bool nested_agrees(const struct nested_expectation *expected, enum kvm_backend backend,
		   const struct nested_seen *seen, char *text, size_t size);

/* The deviation of KVM's, as far as it is understood, that makes a row differ; NULL for any other. */
const char *nested_known(const struct nested_row *row, enum kvm_backend backend);

/*
 * What L2 does in place of the read to find out how many exits are the read's: it takes #GP where the
 * processor is to raise one, for KVM may intercept that.
 */
enum guest_l2 nested_baseline(const struct nested_expectation *expected);

/* Whose the read was, as it was seen, and what L2 saw. */
const char *nested_level_name(enum rdpmc_level level);
enum rdpmc_level nested_level_seen(const struct nested_seen *seen);
void nested_outcome_text(const struct nested_seen *seen, char *text, size_t size);

#endif
