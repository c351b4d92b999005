/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The border to model/: this room's PMUs, reads and presets in the model's words. */
#ifndef BENCH_MODELLED_H
#define BENCH_MODELLED_H

#include <stdbool.h>
#include <stdint.h>

#include "host/pmu.h"
#include "model/rdpmc.h"

/* Vendors other than AMD follow Intel's rules. A version of 0 is no PMU. */
struct rdpmc_pmu modelled_pmu(const struct pmu_shape *shape);

/* Counters of @shape after GUEST_PMU_PRESET; what it does not have is set all the same. */
void modelled_presets(const struct pmu_shape *shape, struct rdpmc_counters *counters);

/* The rule that decides and the counter it chooses, with nothing disabled and no VMware backdoor. */
struct rdpmc_decision modelled_decision(const struct rdpmc_pmu *pmu, uint32_t ecx, unsigned int cpl,
					bool pce);

#endif
