/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RDPMC on the host itself, without a VM: the floor. perf schedules a counter and, through the
 * event's mmap page (cap_user_rdpmc), lets this process read it at CPL 3.
 */
#ifndef BENCH_NATIVE_H
#define BENCH_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/rows.h"
#include "guest/protocol.h"

struct native_event {
	int fd;
	void *page; /* struct perf_event_mmap_page */
	uint32_t ecx;
};

struct native {
	bool open;
	struct native_event gp, fixed, slots, metrics;
	uint64_t samples[GUEST_MAX_SAMPLES];
};

/*
 * Open what can be opened. @reason is empty when at least the GP counter can be read, else it says
 * why not and what would help. To be open only while there is no guest: these events and a guest's
 * PMU would take counters from each other.
 */
void native_open(struct native *native, const char *root, enum cpu_vendor vendor, char *reason,
		 size_t size);
void native_close(struct native *native);
/* Is this counter open, and where the row's name says? */
bool native_has(const struct native *native, enum counter counter);
/* ECX by which it is read; only of a counter that native_has(). */
uint32_t native_ecx(const struct native *native, enum counter counter);
/*
 * Only of a counter that native_has(). Returns 0, or -EFAULT where the read ended in #GP; it has no
 * results then.
 */
int native_measure(struct native *native, enum counter counter, uint64_t count, bool sampled,
		   uint64_t *ticks, uint64_t *value);

#endif
