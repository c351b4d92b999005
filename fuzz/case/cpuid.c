// SPDX-License-Identifier: GPL-2.0-or-later
/* CPUID leaves of a PMU: SDM vol. 2 "CPUID", leaves 0xa and 0x23; APM vol. 3, 0x80000001 and 0x80000022. */
#include "fuzz/case/cpuid.h"

#define NOISE 0xa5a5a5a5U

#define LEAF_1_PDCM (1U << 15) /* ECX: IA32_PERF_CAPABILITIES is there */

static unsigned int intel_leaves(const struct rdpmc_pmu *pmu, struct cpuid_leaf *leaf)
{
	leaf[0] = (struct cpuid_leaf){
		.function = 0x0a,
		.eax = (NOISE & 0xff000000U) | (uint32_t)pmu->gp_width << 16 |
		       (uint32_t)pmu->nr_gp << 8 | pmu->version,
		.ecx = pmu->fixed_bitmap,
		.edx = (NOISE & ~0x1fffU) | (uint32_t)pmu->fixed_width << 5 | pmu->nr_fixed,
	};
	leaf[1] = (struct cpuid_leaf){
		.function = 0x23,
		.eax = 3, /* subleaves 0 and 1 */
		.ebx = (~NOISE & ~4U) | (uint32_t)pmu->user_disable << 2,
	};
	leaf[2] = (struct cpuid_leaf){
		.function = 0x23,
		.index = 1,
		.eax = pmu->leaf23_gp,
		.ebx = pmu->leaf23_fixed,
	};
	return 3;
}

static unsigned int amd_leaves(const struct rdpmc_pmu *pmu, struct cpuid_leaf *leaf)
{
	leaf[0] = (struct cpuid_leaf){
		.function = 0x80000001,
		.ecx = (NOISE & ~0x11800000U) | (uint32_t)pmu->ext_core << 23 |
		       (uint32_t)pmu->ext_nb << 24 | (uint32_t)pmu->ext_l3 << 28,
	};
	leaf[1] = (struct cpuid_leaf){
		.function = 0x80000022,
		.eax = (NOISE & ~1U) | (pmu->version == 2),
		.ebx = (NOISE & ~0xfc0fU) | pmu->nr_gp | (uint32_t)pmu->nr_nb << 10,
	};
	return 2;
}

unsigned int cpuid_leaves(const struct rdpmc_pmu *pmu, struct cpuid_leaf leaves[CPUID_LEAVES])
{
	leaves[0] = (struct cpuid_leaf){
		.function = 1,
		.ecx = (NOISE & ~LEAF_1_PDCM) |
		       (pmu->vendor == RDPMC_INTEL && !pmu->no_pdcm ? LEAF_1_PDCM : 0),
	};
	return 1 + (pmu->vendor == RDPMC_AMD ? amd_leaves(pmu, leaves + 1)
					     : intel_leaves(pmu, leaves + 1));
}

unsigned int cpuid_core_counters(const struct rdpmc_pmu *pmu)
{
	return !pmu->version ? 0 : pmu->version == 2 ? pmu->nr_gp : pmu->ext_core ? 6 : 4;
}

/* @first counters from 0 on, and those of a bitmap. */
static uint32_t set(unsigned int first, uint32_t bitmap)
{
	return bitmap | (first < 32 ? (1U << first) - 1 : ~0U);
}

struct cpuid_counts cpuid_perf_counts(const struct rdpmc_pmu *host)
{
	struct cpuid_counts counts = { 0 };

	if (host->vendor == RDPMC_AMD) {
		counts.gp_set = set(cpuid_core_counters(host), 0);
	} else {
		if (host->version)
			counts.gp_set = set(host->nr_gp, host->leaf23_gp);
		if (host->version > 1)
			counts.fixed_set = set(
				host->nr_fixed,
				host->leaf23_fixed | (host->version >= 5 ? host->fixed_bitmap : 0));
	}
	counts.gp = (uint8_t)__builtin_popcount(counts.gp_set);
	counts.fixed = (uint8_t)__builtin_popcount(counts.fixed_set);
	return counts;
}
