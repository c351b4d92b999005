/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What disturbed the machine while it was measured. Counted and told, never a reason to drop
 * anything.
 */
#ifndef BENCH_NOISE_H
#define BENCH_NOISE_H

#include <stdint.h>

struct noise {
	long involuntary_switches; /* of this thread */
	double steal_seconds;      /* all CPUs; taken by the hypervisor below */
	long smis;          /* on this CPU; -1 unknown (Intel, with /dev/cpu/N/msr readable) */
	uint64_t irq_exits; /* interrupts that hit measured loops */
	uint64_t samples, disturbed; /* see DISTURBED_MADS in stats.h */
	double thread_seconds, wall_seconds;
	double cpu_share;   /* of the time, this thread had its CPU; below 1 others had it */
	double clock_ratio; /* guest's clock over the host's, of long blocks; NAN without a guest */
};

/*
 * One block more for noise.clock_ratio, NAN before the first: how long it took by the guest's clock, and by
 * the host's around it. What holds the CPU in between can make the ratio smaller only, so the largest counts.
 */
double clock_ratio_add(double ratio, double guest_ns, double host_ns);

/*
 * Zero everything and note where the host's counters of @cpu stand; noise_end() takes the
 * difference.
 */
void noise_start(struct noise *noise, int cpu);
void noise_end(struct noise *noise, int cpu);

#endif
