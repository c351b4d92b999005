/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is what was measured what the row says? A row that answers wrongly is failed, not timed. */
#ifndef BENCH_ANSWERS_H
#define BENCH_ANSWERS_H

#include "bench/machine.h"

struct bench;
struct row_result;

/*
 * See that a freshly booted guest's CPUID announces what was asked for, and let its counters run.
 * Of a guest without a PMU: nothing. Of --pmu-cost's, which are called by how many run: see that it
 * is so many; -ENOSPC where it is fewer.
 */
int answers_start(struct machine *machine, struct failure *failure);

/* Does the number of counters that count, @counting, fit @running? Errors as answers_start(). */
int answers_counting(const struct pmu_shape *guest, enum guest_running running, uint64_t counting,
		     struct failure *failure);

/*
 * In fresh VMs: every ready RDPMC row reads its counter stopped at a known value, then running.
 * Rows that answer wrongly become failed. Leaves the counters running. Returns 0 or -EINTR.
 */
int answers_check_all(struct machine *machines, const struct kvm *kvm, struct row *rows, size_t n,
		      struct row_result *results, struct failure *failure);

/*
 * After @count turns: as many faults as expected, and a last value that the instruction can give.
 */
bool answers_block(struct row *row, uint64_t count, const struct reading *reading,
		   struct failure *failure);

/*
 * Does what KVM counted in @run agree with what each row is called? A row of a guest that has
 * another number of exits becomes failed.
 */
void answers_exits(struct bench *bench, unsigned int run);

#endif
