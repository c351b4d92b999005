// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest programs its own PMU, by what its own CPUID announces: Intel architectural PMU (SDM
 * vol. 3, "Performance monitoring") and AMD core counters (APM vol. 2, "Performance monitoring").
 */
#include "guest/guest.h"
#include "guest/msr.h"
#include "guest/pmu_msrs.h"

#define EVTSEL_USR_OS_EN      (EVENTSEL_USR | EVENTSEL_OS | EVENTSEL_ENABLE)
#define INTEL_UNHALTED_CYCLES 0x003c /* event 0x3c, umask 0 */
#define AMD_UNHALTED_CYCLES   0x0076
#define FIXED_OS_USR          3U /* four bits to a counter */
#define COUNTING_TURNS        1000U

static void detect_intel(struct pmu_shape *pmu, uint32_t max_leaf)
{
	struct cpuid leaf;

	pmu->vendor = CPU_VENDOR_INTEL;
	if (max_leaf < 0xa)
		return;
	leaf = cpuid(0xa, 0);
	pmu->version = leaf.eax & 0xff;
	if (!pmu->version)
		return;
	pmu->nr_gp = leaf.eax >> 8 & 0xff;
	pmu->gp_width = leaf.eax >> 16 & 0xff;
	if (pmu->version > 1) {
		pmu->nr_fixed = leaf.edx & 0x1f;
		pmu->fixed_width = leaf.edx >> 5 & 0xff;
	}
	/* CPUID.01H:ECX[15] (PDCM) announces IA32_PERF_CAPABILITIES. */
	if (cpuid(1, 0).ecx >> 15 & 1 && !read_msr(MSR_PERF_CAPABILITIES, &pmu->perf_capabilities))
		pmu->perf_capabilities = 0;
}

static void detect_amd(struct pmu_shape *pmu)
{
	uint32_t max_leaf = cpuid(0x80000000, 0).eax;

	pmu->vendor = CPU_VENDOR_AMD;
	pmu->version = 1;
	pmu->gp_width = 48;
	/* PerfCtrExtCore: six counters instead of four, at MSRs of their own */
	pmu->nr_gp = max_leaf >= 0x80000001 && cpuid(0x80000001, 0).ecx >> 23 & 1 ? 6 : 4;
	if (max_leaf >= 0x80000022 && cpuid(0x80000022, 0).eax & 1) {
		pmu->version = 2;
		pmu->nr_gp = cpuid(0x80000022, 0).ebx & 0xf;
	}
}

void pmu_detect(struct pmu_shape *pmu)
{
	struct cpuid leaf = cpuid(0, 0);

	*pmu = (struct pmu_shape){ 0 };
	if (leaf.ebx == 0x756e6547) /* "Genu" */
		detect_intel(pmu, leaf.eax);
	else if (leaf.ebx == 0x68747541 || leaf.ebx == 0x6f677948) /* "Auth", "Hygo" */
		detect_amd(pmu);
}

/* Write, and note the first MSR that refuses. */
static void set(uint32_t msr, uint64_t value, uint32_t *failed)
{
	if (!write_msr(msr, value) && !*failed)
		*failed = msr;
}

static void intel_set_counters(const struct pmu_shape *pmu, bool preset, uint32_t *failed)
{
	bool wide = pmu->perf_capabilities & PERF_CAP_FW_WRITES;

	for (unsigned int i = 0; i < pmu->nr_gp; i++)
		set((wide ? MSR_FULL_WIDTH_PMC0 : MSR_PMC0) + i,
		    !preset ? 0
		    : wide  ? GUEST_PRESET_GP_WIDE(i)
			    : GUEST_PRESET_GP(i),
		    failed);
	/*
	 * SLOTS before PERF_METRICS, and both from zero when they are to count (SDM, "Performance
	 * metrics")
	 */
	for (unsigned int i = 0; i < pmu->nr_fixed; i++)
		set(MSR_FIXED_CTR0 + i, preset ? GUEST_PRESET_FIXED(i) : 0, failed);
	if (pmu->perf_capabilities & PERF_CAP_PERF_METRICS)
		/* One that refuses shows in what it reads, and is no other counter's affair. */
		write_msr(MSR_PERF_METRICS, preset ? GUEST_PRESET_METRICS : 0);
}

static void intel_stop(const struct pmu_shape *pmu, uint32_t *failed)
{
	if (pmu->version > 1)
		set(MSR_GLOBAL_CTRL, 0, failed);
	for (unsigned int i = 0; i < pmu->nr_gp; i++)
		set(MSR_PERFEVTSEL0 + i, 0, failed);
	if (pmu->nr_fixed)
		set(MSR_FIXED_CTR_CTRL, 0, failed);
}

/*
 * Of those that are read: the first and the last two. All of them with the one event they count
 * would want every host counter that can count it, and an NMI watchdog takes one.
 */
static bool gp_runs(const struct pmu_shape *pmu, enum guest_running running, unsigned int i)
{
	switch (running) {
	case GUEST_RUNNING_NONE:
		return false;
	case GUEST_RUNNING_ONE:
		return i == 0;
	case GUEST_RUNNING_ALL:
		return true;
	default:
		return i == 0 || i + 2 >= pmu->nr_gp;
	}
}

static void intel_enable(const struct pmu_shape *pmu, enum guest_running running, uint32_t *failed)
{
	bool fixed_run = running == GUEST_RUNNING_READ || running == GUEST_RUNNING_ALL;
	uint64_t fixed_ctrl = 0, global = 0;

	for (unsigned int i = 0; i < pmu->nr_gp; i++) {
		if (!gp_runs(pmu, running, i))
			continue;
		set(MSR_PERFEVTSEL0 + i, INTEL_UNHALTED_CYCLES | EVTSEL_USR_OS_EN, failed);
		global |= 1ULL << i;
	}
	for (unsigned int i = 0; i < pmu->nr_fixed && fixed_run; i++) {
		fixed_ctrl |= (uint64_t)FIXED_OS_USR << 4 * i;
		global |= 1ULL << (32 + i);
	}
	if (pmu->nr_fixed)
		set(MSR_FIXED_CTR_CTRL, fixed_ctrl, failed);
	/* PERF_METRICS only counts together with SLOTS */
	if (pmu->perf_capabilities & PERF_CAP_PERF_METRICS && pmu->nr_fixed > FIXED_SLOTS &&
	    fixed_run)
		global |= GLOBAL_METRICS;
	if (pmu->version > 1 && !write_msr(MSR_GLOBAL_CTRL, global))
		set(MSR_GLOBAL_CTRL, global & ~GLOBAL_METRICS, failed);
}

static bool amd_extended(const struct pmu_shape *pmu)
{
	return pmu->nr_gp > 4 || pmu->version > 1;
}

static void amd_program(const struct pmu_shape *pmu, bool run, enum guest_running running,
			uint32_t *failed)
{
	bool extended = amd_extended(pmu);
	uint64_t all = (1ULL << pmu->nr_gp) - 1;

	if (pmu->version > 1)
		set(MSR_AMD_GLOBAL_CTL, 0, failed);
	for (unsigned int i = 0; i < pmu->nr_gp; i++) {
		set(extended ? MSR_AMD_CTL0 + 2 * i : MSR_K7_EVTSEL0 + i, 0, failed);
		set(extended ? MSR_AMD_CTR0 + 2 * i : MSR_K7_PERFCTR0 + i,
		    run ? 0 : GUEST_PRESET_GP_WIDE(i), failed);
		if (run && gp_runs(pmu, running, i))
			set(extended ? MSR_AMD_CTL0 + 2 * i : MSR_K7_EVTSEL0 + i,
			    AMD_UNHALTED_CYCLES | EVTSEL_USR_OS_EN, failed);
	}
	if (pmu->version > 1 && run)
		set(MSR_AMD_GLOBAL_CTL,
		    running == GUEST_RUNNING_NONE  ? 0
		    : running == GUEST_RUNNING_ONE ? 1
						   : all,
		    failed);
}

static uint32_t program(bool run, enum guest_running running)
{
	struct pmu_shape pmu;
	uint32_t failed = 0;

	pmu_detect(&pmu);
	if (pmu.vendor == CPU_VENDOR_INTEL && pmu.version) {
		intel_stop(&pmu, &failed);
		intel_set_counters(&pmu, !run, &failed);
		if (run)
			intel_enable(&pmu, running, &failed);
	} else if (pmu.vendor == CPU_VENDOR_AMD) {
		amd_program(&pmu, run, running, &failed);
	}
	return failed;
}

uint32_t pmu_preset(void)
{
	return program(false, GUEST_RUNNING_NONE);
}

uint32_t pmu_start(enum guest_running running)
{
	return program(true, running);
}

static bool counts(uint32_t msr)
{
	uint64_t first, second;

	if (!read_msr(msr, &first))
		return false;
	for (volatile unsigned int i = 0; i < COUNTING_TURNS; i++)
		;
	return read_msr(msr, &second) && first != second;
}

uint32_t pmu_counting(void)
{
	struct pmu_shape pmu;
	uint32_t counting = 0;

	pmu_detect(&pmu);
	for (unsigned int i = 0; i < pmu.nr_gp; i++)
		counting += counts(pmu.vendor == CPU_VENDOR_INTEL ? MSR_PMC0 + i
				   : amd_extended(&pmu)           ? MSR_AMD_CTR0 + 2 * i
								  : MSR_K7_PERFCTR0 + i);
	for (unsigned int i = 0; i < pmu.nr_fixed; i++)
		counting += counts(MSR_FIXED_CTR0 + i);
	return counting;
}
