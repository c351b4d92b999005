/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where vCPU threads run: chosen and bound through hwloc. */
#ifndef HOST_TOPOLOGY_H
#define HOST_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

struct placement {
	int cpu;        /* OS index */
	int core;       /* hwloc logical index; -1 unknown */
	int node;       /* OS index of the NUMA node; -1 unknown */
	int nr_cpus;    /* usable by this process */
	int siblings;   /* hardware threads of that core, this one included */
	bool isolated;  /* in /sys/devices/system/cpu/isolated */
	bool bound;     /* thread and memory are bound there */
	double busy;    /* busiest SMT sibling during the look, 0..1; 0 without one */
	char text[240]; /* one line: what was chosen and why */
};

/* What the choice of a CPU depends on. */
struct candidate {
	int cpu; /* OS index */
	bool isolated;
	double busy;         /* the CPU itself, 0..1 */
	double sibling_busy; /* its busiest SMT sibling, 0..1; 0 without siblings */
	int core;            /* the same number for those of one core */
};

/*
 * The indexes of the @wanted best candidates, the best first, each of a core of its own; behind them, where
 * @share_cores and cores do not suffice, the best of those that are left. Returns how many there are, @wanted at most.
 * The best is a core where all is idle (10 % or less) before others, then isolated, an idle CPU before a busy one, an
 * idle sibling before a busy one, not CPU 0, the lowest number. Busy goes before isolated because nothing moves a task
 * off an isolated CPU. Pure.
 */
size_t topology_spread(const struct candidate *candidates, size_t n, size_t wanted,
		       bool share_cores, size_t *chosen);

/*
 * Choose a CPU (@wanted, or the best when -1, see topology_spread()) and bind this thread and its
 * future memory to it and its node. Call it on a thread that is not yet bound: an affinity that
 * was narrowed, by taskset or by an earlier call, is respected. The kernel's default affinity
 * leaves isolated CPUs out; those stay eligible.
 * Takes 100 ms, or no time where there is neither a choice nor an SMT sibling to look at.
 * Returns 0; -ENODEV when @wanted does not exist or is not allowed to this process; -EBUSY when an
 * SMT sibling is busy (more than 10 % over 100 ms) and @force is false; another -errno from hwloc.
 * On error @why holds one line and nothing was bound.
 */
int topology_place(int wanted, bool force, struct placement *placement, char *why, size_t why_size);

/*
 * The same for @n >= 1 threads at once, into @cpus; @placement is that of the first, to which this thread is bound. Each
 * gets a core of its own; with @force cores may be shared by SMT siblings, a CPU never is. -ENOSPC: there are too few.
 */
int topology_place_all(unsigned int n, bool force, int *cpus, struct placement *placement,
		       char *why, size_t why_size);

/* Bind this thread to @cpu and its future memory to the node there. Returns 0 or -errno with @why. */
int topology_bind(int cpu, char *why, size_t why_size);

#endif
