/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What perf counts of this thread while it runs a guest: KVM's tracepoints, and where the host has
 * a PMU the cycles and instructions spent in the kernel. Each one that cannot be had says why.
 */
#ifndef HOST_PERF_H
#define HOST_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum perf_count {
	PERF_KVM_EXIT,
	PERF_KVM_ENTRY,
	PERF_KVM_EMULATE_INSN,
	PERF_KVM_INJ_EXCEPTION,
	PERF_KVM_PIO,
	PERF_HOST_CYCLES,
	PERF_HOST_INSTRUCTIONS,
	NR_PERF_COUNTS
};

struct perf_counts {
	int fd[NR_PERF_COUNTS];           /* -1: not there */
	char reason[NR_PERF_COUNTS][160]; /* why not, and what would help */
};

/*
 * Opens what there is for the calling thread: tracepoints, or the host's counters, which would count what a
 * tracepoint adds to an exit. Returns how many there are. The others' reasons stay.
 */
size_t perf_counts_open(struct perf_counts *counts, const char *root, bool traced);
bool perf_count_is_traced(enum perf_count count);
void perf_counts_close(struct perf_counts *counts);
/*
 * Totals since opening; 0 for what is not there. An event that did not count all the time, because
 * the host's counters were all taken, is closed and gets its reason.
 */
void perf_counts_read(struct perf_counts *counts, uint64_t value[NR_PERF_COUNTS]);
const char *perf_count_name(enum perf_count count); /* "kvm:kvm_exit", "host_cycles" */

#endif
