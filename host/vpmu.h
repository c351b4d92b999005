/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A simulated Intel PMU in user space, for hosts that give a guest none: it answers the MSRs that
 * the guest programs and the RDPMCs that its #GP handler brings. It counts time, not events, so
 * its values are plausible and its cost means nothing.
 */
#ifndef HOST_VPMU_H
#define HOST_VPMU_H

#include <stdbool.h>
#include <stdint.h>

#include "host/pmu.h"

#define VPMU_MAX_GP    8
#define VPMU_MAX_FIXED 4

struct vpmu {
	struct pmu_shape shape;
	uint64_t gp[VPMU_MAX_GP], eventsel[VPMU_MAX_GP];
	uint64_t fixed[VPMU_MAX_FIXED];
	uint64_t fixed_ctrl, global_ctrl, metrics;
	uint64_t now; /* ns, when the counters were last brought up to date */
};

/*
 * The shape of Ice Lake and later: version 5, 8 GP and 4 fixed counters of 48 bits, PERF_METRICS.
 */
void vpmu_init(struct vpmu *vpmu);

/* @now: any monotonic clock in ns. Return false where a processor would give #GP. */
bool vpmu_read_msr(struct vpmu *vpmu, uint32_t msr, uint64_t now, uint64_t *value);
bool vpmu_write_msr(struct vpmu *vpmu, uint32_t msr, uint64_t value, uint64_t now);
bool vpmu_rdpmc(struct vpmu *vpmu, uint32_t ecx, unsigned int cpl, bool pce, uint64_t now,
		uint64_t *value);

#endif
