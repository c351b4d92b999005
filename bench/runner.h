/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Measuring the rows: calibration to a time budget, then runs. A run is a set of fresh VMs in
 * which every row is visited in random order, several times over; it is what statistics count as
 * one observation.
 */
#ifndef BENCH_RUNNER_H
#define BENCH_RUNNER_H

#include "bench/machine.h"
#include "bench/stats.h"
#include "host/perf.h"

/* All times in TSC ticks of the guest. */
struct run_result {
	double median;		/* slope of N and 2N reads, per read, less the empty loop's: the run's value */
	double raw;		/* the same slope with the loop */
	struct summary samples;	/* reads timed one by one, less the median of an empty one */
	double sample_overhead;	/* what was taken off them */
	struct histogram histogram;	/* of the samples as timed, nothing taken off */
	double exits, insn_emulation;	/* per read, by the slope of N and 2N */
	uint64_t irq_exits;	/* interrupts that hit the run's reads of this row */
	uint64_t reads;		/* how many were timed in blocks */
};

struct row_result {
	struct run_result *runs;
	size_t n_runs;
	uint64_t value;		/* what the last checked read answered */
	bool has_counts;
	double counts[NR_PERF_COUNTS];	/* per read, measured after the runs */
};

/* What disturbed the machine over all runs. */
struct noise {
	long involuntary_switches;	/* of this thread */
	double steal_seconds;		/* all CPUs; taken by the hypervisor below */
	uint64_t irq_exits;
	long smis;			/* on this CPU; -1 unknown (Intel, with /dev/cpu/N/msr readable) */
	uint64_t samples, disturbed;
	double clock_ratio;		/* guest's clock over the host's, of the longest blocks; NAN unknown */
};

struct bench_options {
	double seconds;		/* for all runs together */
	unsigned int runs;
	uint64_t seed;
	bool progress;		/* on stderr */
	const char *filter;	/* the rows were chosen by; NULL: all */
};

struct bench {
	const struct kvm *kvm;
	struct bench_options options;
	struct machine machines[NR_MACHINES];
	struct row rows[MAX_ROWS];
	struct row_result results[MAX_ROWS];
	size_t n_rows;
	uint64_t tsc_khz;
	int cpu;		/* where this thread is bound */
	struct noise noise;
	struct perf_counts counts;
	bool partial;		/* a signal ended it */
	double elapsed;		/* seconds */
};

/*
 * Measure all ready rows. Rows that cannot be, or that are not what they are called, become
 * skipped or failed with their reason. Returns 0, also when interrupted (bench->partial); a
 * negative errno when no guest can be run at all, -EINVAL when the time does not suffice.
 */
int bench_run(struct bench *bench, struct failure *failure);
void bench_free(struct bench *bench);

#endif
