/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which guest of a case's kind the running kernel can give. Pure functions of what was probed. */
#ifndef FUZZ_LIVE_CLAMP_H
#define FUZZ_LIVE_CLAMP_H

#include "host/setting.h"
#include "model/rdpmc.h"

/* The host in the model's words. */
struct live_host {
	struct rdpmc_pmu processor; /* its own */
	struct rdpmc_pmu max;       /* the most that KVM gives a guest; version 0: no PMU */
	struct rdpmc_policy policy; /* as the modules were told */
};

void live_host(const struct setting_host *probed, struct live_host *host);

/*
 * Reduce @guest to what @host can give; of another vendor than the host's it becomes the most there
 * is. Returns whether it was anything else.
 */
bool live_clamp(const struct live_host *host, struct rdpmc_pmu *guest);

/* An offered guest as its CPUID and IA32_PERF_CAPABILITIES are to be. */
void live_shape(const struct rdpmc_pmu *guest, struct pmu_shape *shape);

#endif
