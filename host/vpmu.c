// SPDX-License-Identifier: GPL-2.0-or-later
/* The simulated PMU: SDM vol. 3, "Performance monitoring", as far as the guest uses it. */
#include "host/vpmu.h"

#include <stddef.h>

#include "guest/pmu_msrs.h"

#define SLOTS_PER_NS 6 /* six issue slots, one cycle to the ns */

#define TYPE_GP      0x0000
#define TYPE_METRICS 0x2000
#define TYPE_FIXED   0x4000

/* Level 1 adds up to FFH; each level-2 fraction is within its level-1 one. */
#define RUNNING_METRICS 0x3020081040404f30ULL

static uint64_t width_mask(unsigned int width)
{
	return width >= 64 ? ~0ULL : (1ULL << width) - 1;
}

void vpmu_init(struct vpmu *vpmu)
{
	*vpmu = (struct vpmu){
		.shape = {
			.vendor = CPU_VENDOR_INTEL,
			.version = 5,
			.nr_gp = VPMU_MAX_GP,
			.gp_width = 48,
			.nr_fixed = VPMU_MAX_FIXED,
			.fixed_width = 48,
			.perf_capabilities = PERF_CAP_FW_WRITES | PERF_CAP_PERF_METRICS,
		},
	};
}

static bool fixed_runs(const struct vpmu *vpmu, unsigned int i)
{
	return vpmu->global_ctrl >> (32 + i) & 1 && vpmu->fixed_ctrl >> 4 * i & 3;
}

/* Let the enabled counters run up to @now. */
static void advance(struct vpmu *vpmu, uint64_t now)
{
	uint64_t elapsed = now > vpmu->now ? now - vpmu->now : 0;

	vpmu->now = now;
	if (!elapsed)
		return;
	for (unsigned int i = 0; i < vpmu->shape.nr_gp; i++)
		if (vpmu->global_ctrl >> i & 1 && vpmu->eventsel[i] & EVENTSEL_ENABLE)
			vpmu->gp[i] = (vpmu->gp[i] + elapsed) & width_mask(vpmu->shape.gp_width);
	for (unsigned int i = 0; i < vpmu->shape.nr_fixed; i++)
		if (fixed_runs(vpmu, i))
			vpmu->fixed[i] =
				(vpmu->fixed[i] + elapsed * (i == FIXED_SLOTS ? SLOTS_PER_NS : 1)) &
				width_mask(vpmu->shape.fixed_width);
	if (vpmu->global_ctrl & GLOBAL_METRICS && fixed_runs(vpmu, FIXED_SLOTS))
		vpmu->metrics = RUNNING_METRICS;
}

/* The register behind an MSR that only stores; NULL when it is none. */
static uint64_t *stored_msr(struct vpmu *vpmu, uint32_t msr)
{
	if (msr - MSR_PMC0 < vpmu->shape.nr_gp)
		return &vpmu->gp[msr - MSR_PMC0];
	if (msr - MSR_FULL_WIDTH_PMC0 < vpmu->shape.nr_gp)
		return &vpmu->gp[msr - MSR_FULL_WIDTH_PMC0];
	if (msr - MSR_PERFEVTSEL0 < vpmu->shape.nr_gp)
		return &vpmu->eventsel[msr - MSR_PERFEVTSEL0];
	if (msr - MSR_FIXED_CTR0 < vpmu->shape.nr_fixed)
		return &vpmu->fixed[msr - MSR_FIXED_CTR0];
	if (msr == MSR_PERF_METRICS && pmu_has_metrics(&vpmu->shape))
		return &vpmu->metrics;
	if (msr == MSR_FIXED_CTR_CTRL)
		return &vpmu->fixed_ctrl;
	if (msr == MSR_GLOBAL_CTRL)
		return &vpmu->global_ctrl;
	return NULL;
}

bool vpmu_read_msr(struct vpmu *vpmu, uint32_t msr, uint64_t now, uint64_t *value)
{
	const uint64_t *stored = stored_msr(vpmu, msr);

	advance(vpmu, now);
	if (stored)
		*value = *stored;
	else if (msr == MSR_PERF_CAPABILITIES)
		*value = vpmu->shape.perf_capabilities;
	else if (msr == MSR_GLOBAL_STATUS)
		*value = 0; /* nothing overflows in the time of a benchmark */
	else
		return false;
	return true;
}

bool vpmu_write_msr(struct vpmu *vpmu, uint32_t msr, uint64_t value, uint64_t now)
{
	uint64_t *stored = stored_msr(vpmu, msr);
	uint64_t writable = ~0ULL;

	advance(vpmu, now);
	if (msr == MSR_GLOBAL_OVF_CTRL)
		return true;
	if (!stored)
		return false;
	if (msr - MSR_PMC0 < vpmu->shape.nr_gp) /* the old MSRs take 32 bits and extend the sign */
		value = (uint64_t)(int64_t)(int32_t)value & width_mask(vpmu->shape.gp_width);
	else if (msr - MSR_FULL_WIDTH_PMC0 < vpmu->shape.nr_gp)
		writable = width_mask(vpmu->shape.gp_width);
	else if (msr - MSR_FIXED_CTR0 < vpmu->shape.nr_fixed)
		writable = width_mask(vpmu->shape.fixed_width);
	else if (msr - MSR_PERFEVTSEL0 < vpmu->shape.nr_gp)
		writable = 0xffffffff;
	else if (msr == MSR_FIXED_CTR_CTRL)
		writable = width_mask(4 * vpmu->shape.nr_fixed);
	else if (msr == MSR_GLOBAL_CTRL)
		writable = width_mask(vpmu->shape.nr_gp) | width_mask(vpmu->shape.nr_fixed) << 32 |
			   (pmu_has_metrics(&vpmu->shape) ? GLOBAL_METRICS : 0);
	if (value & ~writable)
		return false;
	*stored = value;
	return true;
}

bool vpmu_rdpmc(struct vpmu *vpmu, uint32_t ecx, unsigned int cpl, bool pce, uint64_t now,
		uint64_t *value)
{
	uint32_t index = ecx & 0xffff;

	advance(vpmu, now);
	if (cpl && !pce)
		return false;
	switch (ecx >> 16) {
	case TYPE_GP:
		if (index >= vpmu->shape.nr_gp)
			return false;
		*value = vpmu->gp[index];
		return true;
	case TYPE_FIXED:
		if (index >= vpmu->shape.nr_fixed)
			return false;
		*value = vpmu->fixed[index];
		return true;
	case TYPE_METRICS:
		if (!pmu_has_metrics(&vpmu->shape) || index)
			return false;
		*value = vpmu->metrics;
		return true;
	default:
		return false;
	}
}
