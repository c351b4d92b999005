// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What KVM gives is in its supported CPUID: never leaf 0x23, a bitmap of fixed counters, AMD's
 * shared counters or a PMU that is not architectural.
 */
#include "fuzz/engines/live/clamp.h"

#include "fuzz/case/cpuid.h"

#define AMD_WIDTH 48
#define AMD_EXT   6 /* counters with PerfCtrExtCore */

/* Capabilities that a read depends on, or by which its counters are set. */
#define CAPABILITIES (RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR | PERF_CAP_FW_WRITES)

static uint8_t smaller(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

static void from_shape(const struct pmu_shape *shape, struct rdpmc_pmu *pmu)
{
	*pmu = (struct rdpmc_pmu){
		.vendor = shape->vendor == CPU_VENDOR_AMD ? RDPMC_AMD : RDPMC_INTEL,
		.version = (uint8_t)shape->version,
		.perf_capabilities = shape->perf_capabilities & CAPABILITIES,
	};
	if (!pmu->version)
		return;
	if (pmu->vendor == RDPMC_AMD) {
		pmu->ext_core = shape->nr_gp >= AMD_EXT;
		pmu->nr_gp = pmu->version == 2 ? (uint8_t)shape->nr_gp : 0;
		return;
	}
	pmu->nr_gp = (uint8_t)shape->nr_gp;
	pmu->gp_width = (uint8_t)shape->gp_width;
	pmu->nr_fixed = (uint8_t)shape->nr_fixed;
	pmu->fixed_width = (uint8_t)shape->fixed_width;
}

void live_host(const struct setting_host *probed, struct live_host *host)
{
	from_shape(&probed->cpu, &host->processor);
	from_shape(&probed->kvm, &host->max);
	/* What KVM offers its processor has. */
	host->processor.perf_capabilities |=
		host->max.perf_capabilities & (RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR);
	host->policy = (struct rdpmc_policy){
		.vmware_backdoor = probed->enable_vmware_backdoor == PARAM_YES,
		.mediated_pmu = probed->enable_mediated_pmu == PARAM_YES,
	};
}

static void clamp_intel(const struct rdpmc_pmu *max, const struct rdpmc_pmu *asked,
			struct rdpmc_pmu *guest)
{
	guest->version = smaller(asked->version, max->version);
	if (!guest->version)
		return;
	guest->nr_gp = smaller(asked->nr_gp, max->nr_gp);
	guest->gp_width = smaller(asked->gp_width, max->gp_width);
	/* SDM: fixed counters begin with version 2. */
	if (guest->version >= 2) {
		guest->nr_fixed = smaller(asked->nr_fixed, max->nr_fixed);
		guest->fixed_width = smaller(asked->fixed_width, max->fixed_width);
	}
	guest->perf_capabilities =
		asked->no_pdcm ? 0 : asked->perf_capabilities & max->perf_capabilities;
}

static void clamp_amd(const struct rdpmc_pmu *max, const struct rdpmc_pmu *asked,
		      struct rdpmc_pmu *guest)
{
	guest->version = smaller(asked->version, max->version);
	if (!guest->version)
		return;
	/* Never more than was asked for: without PerfMonV2 there are 4 or 6. */
	guest->ext_core = asked->ext_core && max->ext_core &&
			  (guest->version == asked->version || asked->nr_gp >= AMD_EXT);
	if (guest->version == 2)
		guest->nr_gp = smaller(asked->nr_gp, max->nr_gp);
}

static bool same(const struct rdpmc_pmu *a, const struct rdpmc_pmu *b)
{
	return a->vendor == b->vendor && a->version == b->version && a->nr_gp == b->nr_gp &&
	       a->gp_width == b->gp_width && a->nr_fixed == b->nr_fixed &&
	       a->fixed_width == b->fixed_width && a->fixed_bitmap == b->fixed_bitmap &&
	       a->leaf23_gp == b->leaf23_gp && a->leaf23_fixed == b->leaf23_fixed &&
	       a->user_disable == b->user_disable && a->perf_capabilities == b->perf_capabilities &&
	       a->old_counters == b->old_counters && a->old_fast == b->old_fast &&
	       a->ext_core == b->ext_core && a->ext_nb == b->ext_nb && a->ext_l3 == b->ext_l3 &&
	       a->nr_nb == b->nr_nb && a->no_pdcm == b->no_pdcm;
}

bool live_clamp(const struct live_host *host, struct rdpmc_pmu *guest)
{
	const struct rdpmc_pmu asked = *guest;

	*guest = (struct rdpmc_pmu){ .vendor = host->max.vendor };
	if (asked.vendor != host->max.vendor)
		*guest = host->max;
	else if (asked.vendor == RDPMC_AMD)
		clamp_amd(&host->max, &asked, guest);
	else
		clamp_intel(&host->max, &asked, guest);
	return !same(&asked, guest);
}

void live_shape(const struct rdpmc_pmu *guest, struct pmu_shape *shape)
{
	*shape = (struct pmu_shape){
		.vendor = guest->vendor == RDPMC_AMD ? CPU_VENDOR_AMD : CPU_VENDOR_INTEL,
	};
	if (!guest->version)
		return;
	shape->version = guest->version;
	shape->perf_capabilities = guest->perf_capabilities;
	if (guest->vendor == RDPMC_AMD) {
		shape->nr_gp = cpuid_core_counters(guest);
		shape->gp_width = AMD_WIDTH;
		return;
	}
	shape->nr_gp = guest->nr_gp;
	shape->gp_width = guest->gp_width;
	shape->nr_fixed = guest->nr_fixed;
	shape->fixed_width = guest->fixed_width;
}
