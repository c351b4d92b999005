/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One run of one row: several visits, each N turns, 2N turns and some timed one by one, become one
 * result. All times are TSC ticks of the guest.
 */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "bench/machine.h"
#include "bench/stats.h"

#define RUN_VISITS          5    /* of a row in one run */
#define MAX_SAMPLES_A_VISIT 1000 /* at most GUEST_MAX_SAMPLES */

/* Of a row of several vCPUs each of them adds to each visit, the first one first. */
struct visits {
	unsigned int n;
	double slope[RUN_VISITS * MAX_VCPUS]; /* ticks a turn */
	double blocks_ns, together_ns;        /* time in blocks, and of it that all vCPUs ran */
	double exits, sample_exits, insn_emulation, turns;
	uint64_t irq_exits;
	uint64_t *samples; /* RUN_VISITS * MAX_SAMPLES_A_VISIT, the owner's */
	size_t n_samples;
};

struct run_result {
	double median; /* slope of N and 2N, less the empty loop's: the run's value */
	double raw;    /* the same slope with the loop */
	struct summary
		samples; /* turns timed one by one, less the median of an empty one; not < 0 */
	double sample_overhead;     /* what was taken off them */
	struct histogram histogram; /* of the samples as timed, nothing taken off */
	double exits; /* a turn, by the slope of N and 2N, without those that interrupts caused */
	double sample_exits; /* in all samples, those of the way in and out of the guest included */
	double insn_emulation; /* a turn, likewise */
	double together;       /* share of the time in blocks that all of its vCPUs ran; 1 of one */
	uint64_t irq_exits;    /* interrupts that hit this row in this run */
	uint64_t reads;        /* how many turns were timed in blocks */
};

/* Forget all visits; the room for samples stays. */
void visits_clear(struct visits *visits);

/* @block[0] took @turns, @block[1] twice as many; @sampled left @n_samples in @samples. */
void visits_add(struct visits *visits, uint64_t turns, const struct reading block[2],
		const struct reading *sampled, const uint64_t *samples, size_t n_samples);

/* Of at least one visit. @empty is the empty loop's result of the same run, NULL for itself. */
void visits_result(const struct visits *visits, const struct run_result *empty,
		   struct run_result *result);
/* What it cost vCPU @i of @n, with the loop. */
double visits_of_vcpu(const struct visits *visits, unsigned int i, unsigned int n);

#endif
