/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several vCPUs of one VM that measure the same row at the same time. The caller's thread runs the first, each of the
 * others has a thread and a CPU of its own, and sleeps while it is not wanted.
 *
 * All begin at once, and each goes on with unmeasured turns until the last has measured: no block that is measured ends
 * beside fewer vCPUs than it began with.
 */
#ifndef BENCH_VCPUS_H
#define BENCH_VCPUS_H

#include "bench/machine.h"

/* Below it a row's vCPUs did not run at the same time, whatever it is called. */
#define VCPUS_MIN_TOGETHER 0.9

struct vcpus;

/* Start the threads of @n - 1 more vCPUs, on @cpus[1] and so on. NULL with @failure. */
struct vcpus *vcpus_start(unsigned int n, const int *cpus, struct failure *failure);
void vcpus_stop(struct vcpus *vcpus); /* of NULL: nothing */

/* Boot a guest in each, beside @first's and with its configuration, unless there are. Returns 0 or -errno. */
int vcpus_up(struct vcpus *vcpus, const struct kvm *kvm, const struct machine *first,
	     struct failure *failure);
void vcpus_down(struct vcpus *vcpus);

/*
 * machine_measure() on @first and on as many others as the row has vCPUs. @count and @readings are of each; of the first
 * error that is returned the guests mean nothing any more.
 */
int vcpus_measure(struct vcpus *vcpus, struct machine *first, const struct row *row, uint64_t count,
		  bool sampled, unsigned int timeout_ms, struct reading *readings,
		  struct failure *failure);
/* What vCPU @i > 0 left of a sampled measurement. */
const uint64_t *vcpus_samples(const struct vcpus *vcpus, unsigned int i, const struct row *row);

/* When a vCPU measured, ns: from @start to @end, after which it kept going until @stop. */
struct vcpu_window {
	uint64_t start, end, stop;
	uint64_t lost; /* of the time from start to stop: its thread did not have the CPU */
};

/* The share of the time of the worst of @n windows that all other vCPUs ran, 0 to 1. Pure. */
double vcpus_together(const struct vcpu_window *windows, unsigned int n);

#endif
