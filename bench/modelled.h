/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The border to model/: this room's PMUs, reads and presets in the model's words. */
#ifndef BENCH_MODELLED_H
#define BENCH_MODELLED_H

#include <stdbool.h>
#include <stdint.h>

#include "host/pmu.h"
#include "model/rdpmc.h"

/* What the VMware pseudo counters hold where a test sets them, not a clock. */
#define MODELLED_VMWARE_PRESET(i) (0x4755667700ULL + (i))

/* Vendors other than AMD follow Intel's rules. A version of 0 is no PMU. */
struct rdpmc_pmu modelled_pmu(const struct pmu_shape *shape);

/* A 64-bit guest before RDPMC; RAX and RDX hold GUEST_UNTOUCHED. */
struct rdpmc_state modelled_state(uint32_t ecx, unsigned int cpl, bool pce);

/* Counters of @shape after GUEST_PMU_PRESET; what it does not have is set all the same. */
void modelled_presets(const struct pmu_shape *shape, struct rdpmc_counters *counters);

/* The rule that decides and the counter it chooses, with nothing disabled. */
struct rdpmc_decision modelled_decision(const struct rdpmc_pmu *pmu, bool vmware_backdoor,
					uint32_t ecx, unsigned int cpl, bool pce);

/* All that the read leaves while the counters hold their presets. */
struct rdpmc_outcome modelled_outcome(const struct pmu_shape *shape, bool vmware_backdoor,
				      uint32_t ecx, unsigned int cpl, bool pce);

#endif
