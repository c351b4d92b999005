/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Measuring the rows: calibration to a time budget, then runs. A run is a set of fresh VMs in
 * which every row is visited in random order, several times over; it is what statistics count as
 * one observation.
 */
#ifndef BENCH_RUNNER_H
#define BENCH_RUNNER_H

#include "bench/exit_path.h"
#include "bench/machine.h"
#include "bench/noise.h"
#include "bench/run.h"
#include "bench/vcpus.h"
#include "host/perf.h"

struct row_result {
	struct run_result *runs;
	size_t n_runs;
	uint64_t value; /* what the last checked read answered */
	bool has_counts;
	double counts[NR_PERF_COUNTS]; /* per read, measured after the runs; NAN: not */
	bool has_path;
	struct path path; /* of the exit of one read, on a host that records it */
	double *vcpus;    /* of --vcpus: run after run, what each vCPU's median was */
};

struct bench_options {
	double seconds; /* for all runs together */
	unsigned int runs;
	uint64_t seed;
	bool progress;         /* on stderr */
	const char *filter;    /* the rows were chosen by; NULL: all */
	double least_together; /* of --vcpus: a row whose vCPUs ran together for less fails */
};

struct bench {
	const struct kvm *kvm; /* NULL where no row has a guest */
	struct bench_options options;
	struct machine machines[NR_MACHINES];
	bool one_guest;     /* no other is there while a row is measured, in fresh VMs each round */
	unsigned int vcpus; /* most at the same time; 0: without --vcpus */
	const int *cpus;    /* ... where each runs; the first is @cpu */
	struct vcpus *others; /* ... all but the first; bench_run()'s */
	struct row rows[MAX_ROWS];
	struct row_result results[MAX_ROWS];
	size_t n_rows;
	uint64_t tsc_khz;   /* of the guest's TSC, or this processor's where no row has a guest */
	bool emulated_host; /* its TSC counts instructions: no figure is a time */
	enum kvm_backend backend;
	enum cpu_vendor vendor;
	int cpu;                      /* where this thread is bound */
	bool guest_ran;               /* one came up at least */
	int guest_error;              /* of the first that did not, or 0 */
	struct failure guest_failure; /* ... and why */
	struct noise noise;
	struct perf_counts counts;
	bool partial;   /* a signal ended it */
	double elapsed; /* seconds */
};

/*
 * Measure all ready rows. Rows that cannot be, or that are not what they are called, become
 * skipped or failed with their reason. Returns 0, also when interrupted (bench->partial); a
 * negative errno when no guest can be run at all, -EINVAL when the time does not suffice.
 */
int bench_run(struct bench *bench, struct failure *failure);
/* What becomes of each ready row after the last run; bench_run() does it. */
void bench_settle(struct bench *bench);
void bench_free(struct bench *bench);

#endif
