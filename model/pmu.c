// SPDX-License-Identifier: GPL-2.0-or-later
/* What each kind of PMU lets RDPMC read: the rules on indices, one line each. */
#include "model/pmu.h"

#include <string.h>

#define OLD_WIDTH 40 /* OLD-FAST: SDM vol. 2 "RDPMC" */
#define AMD_WIDTH 48

#define FIXED_FROM_VERSION  2 /* SDM vol. 2, CPUID.0AH:EDX[4:0] "if Version ID > 1" */
#define BITMAP_FROM_VERSION 5 /* SDM vol. 3, "Architectural Performance Monitoring Version 5" */

#define AMD_CORES      4
#define AMD_CORES_EXT  6
#define AMD_NB_FIRST   6
#define AMD_NB_LOW     4 /* the data-fabric counters below index 16 */
#define AMD_L3_FIRST   10
#define AMD_L3_COUNT   6
#define AMD_L2I_COUNT  4 /* in their place, below family 0x17 */
#define AMD_PERFMON_V2 2

const struct rdpmc_choices rdpmc_default_choices = { 0 };

/* The lowest @count bits, @count below 64. */
static uint64_t first(unsigned int count)
{
	return (1ULL << count) - 1;
}

static void view_intel(const struct rdpmc_pmu *pmu, const struct rdpmc_choices *choices,
		       struct rdpmc_view *view)
{
	bool replaced = choices->leaf23_replaces && (pmu->leaf23_gp || pmu->leaf23_fixed);
	const uint64_t capabilities = pmu->no_pdcm ? 0 : pmu->perf_capabilities;

	/* TYPE-GP */
	view->readable[CLASS_GP] = pmu->leaf23_gp;
	if (!replaced)
		view->readable[CLASS_GP] |= first(pmu->nr_gp);
	view->width[CLASS_GP] = pmu->gp_width;

	/* TYPE-FIXED */
	view->readable[CLASS_FIXED] = pmu->leaf23_fixed;
	if (!replaced && pmu->version >= FIXED_FROM_VERSION)
		view->readable[CLASS_FIXED] |= first(pmu->nr_fixed);
	if (!replaced && pmu->version >= BITMAP_FROM_VERSION)
		view->readable[CLASS_FIXED] |= pmu->fixed_bitmap;
	view->width[CLASS_FIXED] = pmu->fixed_width;

	/* TYPE-METRICS, METRICS-INDEX */
	if (capabilities & RDPMC_CAP_METRICS)
		view->readable[CLASS_METRICS] = choices->metrics_any_index ? 3 : 1;
	view->width[CLASS_METRICS] = choices->metrics_level_1 ? 32 : 64;

	view->user_disable = pmu->user_disable;
	view->metrics_hide = choices->user_disable_metrics;
	view->metrics_clear = capabilities & RDPMC_CAP_METRICS_CLEAR;
}

static void view_old(const struct rdpmc_pmu *pmu, struct rdpmc_view *view)
{
	/* OLD-INDEX, OLD-FAST */
	view->readable[CLASS_OLD] = first(pmu->old_counters);
	view->width[CLASS_OLD] = OLD_WIDTH;
	if (pmu->old_fast)
		view->readable[CLASS_OLD_FAST] = view->readable[CLASS_OLD];
	view->width[CLASS_OLD_FAST] = 32;
}

static void view_amd(const struct rdpmc_pmu *pmu, const struct rdpmc_choices *choices,
		     struct rdpmc_view *view)
{
	unsigned int cores = pmu->ext_core ? AMD_CORES_EXT : AMD_CORES;
	unsigned int fabric = AMD_NB_LOW;
	unsigned int last_level = choices->amd_l2i ? AMD_L2I_COUNT : AMD_L3_COUNT;
	unsigned int fabric_low;

	if (pmu->version >= AMD_PERFMON_V2) {
		cores = pmu->nr_gp;
		fabric = pmu->nr_nb;
	}
	fabric_low = fabric < AMD_NB_LOW ? fabric : AMD_NB_LOW;

	/* AMD-CORE. Where a processor had so many that they reached the others, they would win. */
	view->readable[CLASS_AMD_CORE] = first(cores);
	/* AMD-NB */
	if (pmu->ext_nb) {
		view->readable[CLASS_AMD_NB] = first(fabric_low) << AMD_NB_FIRST & ~first(cores);
		view->readable[CLASS_AMD_NB_MORE] = first(fabric - fabric_low);
	}
	/* AMD-L3 */
	if (pmu->ext_l3)
		view->readable[CLASS_AMD_L3] = first(last_level) << AMD_L3_FIRST & ~first(cores);
	/* AMD-WIDTH */
	for (int class = CLASS_AMD_CORE; class <= CLASS_AMD_NB_MORE; class ++)
		view->width[class] = AMD_WIDTH;
}

void rdpmc_view(const struct rdpmc_pmu *pmu, const struct rdpmc_choices *choices,
		struct rdpmc_view *view)
{
	memset(view, 0, sizeof(*view));
	view->vendor = pmu->vendor;
	view->version = pmu->version;
	view->no_vmware = choices->vmware_needs_pmu && !pmu->version;
	/* NO-PMU */
	view->readable[CLASS_NONE] = choices->no_pmu_zero && !pmu->version &&
				     (pmu->vendor == RDPMC_AMD || !pmu->old_counters);
	if (pmu->vendor == RDPMC_INTEL && pmu->version)
		view_intel(pmu, choices, view);
	else if (pmu->vendor == RDPMC_INTEL)
		view_old(pmu, view);
	else if (pmu->version)
		view_amd(pmu, choices, view);
}
