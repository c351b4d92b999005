/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A benchmark: its rows, what was asked for, and what came of each. bench/runner.h fills it in. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "bench/exit_path.h"
#include "bench/machine.h"
#include "bench/noise.h"
#include "bench/run.h"
#include "host/perf.h"

struct vcpus;

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
	bool progress;       /* on stderr */
	bool cycles;         /* what is printed is in TSC cycles, not ns */
	const char *filter;  /* the rows were chosen by; NULL: all */
	double min_together; /* of --vcpus: a row whose vCPUs ran together for less fails */
};

struct bench {
	const struct kvm *kvm;
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

#endif
