/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PMU as the CPUID leaves that announce it. */
#ifndef FUZZ_CPUID_H
#define FUZZ_CPUID_H

#include "model/pmu.h"

struct cpuid_leaf {
	uint32_t function, index, eax, ebx, ecx, edx;
};

#define CPUID_LEAVES 6

/*
 * The leaves of @pmu: 1, then Intel's 0xa and 0x23 (0 and 1), or AMD's 0x80000001 and 0x80000022. Bits
 * that mean something else, or nothing, are noise: nobody must care. Returns how many.
 */
unsigned int cpuid_leaves(const struct rdpmc_pmu *pmu, struct cpuid_leaf leaves[CPUID_LEAVES]);

/* AMD: how many core counters there are; 0 without a PMU. */
unsigned int cpuid_core_counters(const struct rdpmc_pmu *pmu);

/*
 * The counters that Linux' perf finds on such a host and tells KVM, how many or which
 * (arch/x86/events/core.c, perf_get_x86_pmu_capability()). Coarser than Linux: leaf 0x23 adds to leaf 0xa, it
 * replaces it there; and no fixed counters are assumed where an old version announces none.
 */
struct cpuid_counts {
	uint8_t gp, fixed;
	uint32_t gp_set, fixed_set;
};
struct cpuid_counts cpuid_perf_counts(const struct rdpmc_pmu *host);

#endif
