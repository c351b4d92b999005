/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a PMU announces. One shape, the guest's (guest/protocol.h), serves the processor, what KVM offers, and what a guest is
 * given and finds, so that they can be compared field by field.
 */
#ifndef HOST_PMU_H
#define HOST_PMU_H

#include <stdbool.h>

#include "guest/protocol.h"

static inline bool pmu_has_metrics(const struct pmu_shape *pmu)
{
	return pmu->perf_capabilities & PERF_CAP_PERF_METRICS;
}

#endif
