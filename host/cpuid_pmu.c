// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where a PMU's shape lies in CPUID. KVM reads a guest's leaf 0AH without ECX, and offers a leaf
 * whose ECX is 0 (intel_pmu_refresh(), cpuid.c; Linux 6.12). The host kernel, which KVM compares
 * a guest with, reads nothing but ECX from version 5 on (intel_pmu_init(), events/intel/core.c,
 * Linux 6.12). A host's fixed counters need not be contiguous, so reading counts what either
 * announces, as the SDM says, and writing keeps the two registers in agreement.
 */
#include "host/cpuid_pmu.h"

#include <assert.h>
#include <stddef.h>

#define FIXED_SINCE        2 /* EDX[12:0] */
#define FIXED_BITMAP_SINCE 5 /* ECX */

#define AMD_PERF_CTR_CORE   (1U << 23) /* 8000_0001H:ECX */
#define AMD_PERFMON_V2      (1U << 0)  /* 8000_0022H:EAX */
#define AMD_LEGACY_COUNTERS 4
#define AMD_CORE_COUNTERS   6
#define AMD_WIDTH           48 /* amd_pmu_refresh(), svm/pmu.c, Linux 6.12 */

struct field {
	unsigned int shift, bits;
};

static const struct field version = { 0, 8 }, nr_gp = { 8, 8 }, gp_width = { 16, 8 }; /* EAX */
static const struct field nr_fixed = { 0, 5 }, fixed_width = { 5, 8 };                /* EDX */
static const struct field amd_nr_core = { 0, 4 }; /* 8000_0022H:EBX */

static uint32_t low_bits(unsigned int n)
{
	return (uint32_t)((1ULL << n) - 1);
}

static unsigned int get(uint32_t reg, struct field field)
{
	return reg >> field.shift & low_bits(field.bits);
}

static uint32_t put(uint32_t reg, struct field field, unsigned int value)
{
	uint32_t mask = low_bits(field.bits);

	assert(value <= mask);
	return (reg & ~(mask << field.shift)) | value << field.shift;
}

void pmu_from_cpuid_0a(const struct cpuid_regs *leaf0a, struct pmu_shape *pmu)
{
	uint32_t fixed = low_bits(get(leaf0a->edx, nr_fixed));

	*pmu = (struct pmu_shape){
		.vendor = CPU_VENDOR_INTEL,
		.version = get(leaf0a->eax, version),
	};
	if (!pmu->version)
		return;
	pmu->nr_gp = get(leaf0a->eax, nr_gp);
	pmu->gp_width = get(leaf0a->eax, gp_width);
	if (pmu->version < FIXED_SINCE)
		return;
	if (pmu->version >= FIXED_BITMAP_SINCE)
		fixed |= leaf0a->ecx;
	pmu->nr_fixed = (unsigned int)__builtin_popcount(fixed);
	pmu->fixed_width = get(leaf0a->edx, fixed_width);
}

void pmu_to_cpuid_0a(const struct pmu_shape *pmu, struct cpuid_regs *inout)
{
	if (!pmu->version) {
		*inout = (struct cpuid_regs){ 0 };
		return;
	}
	inout->eax = put(inout->eax, version, pmu->version);
	inout->eax = put(inout->eax, nr_gp, pmu->nr_gp);
	inout->eax = put(inout->eax, gp_width, pmu->gp_width);
	inout->ecx = pmu->version >= FIXED_BITMAP_SINCE ? low_bits(pmu->nr_fixed) : 0;
	inout->edx = put(inout->edx, nr_fixed, pmu->nr_fixed);
	inout->edx = put(inout->edx, fixed_width, pmu->fixed_width);
}

void pmu_from_cpuid_amd(const struct cpuid_regs *leaf80000001,
			const struct cpuid_regs *leaf80000022, struct pmu_shape *pmu)
{
	*pmu = (struct pmu_shape){
		.vendor = CPU_VENDOR_AMD,
		.version = 1,
		.nr_gp = AMD_LEGACY_COUNTERS,
		.gp_width = AMD_WIDTH,
	};
	if (leaf80000001->ecx & AMD_PERF_CTR_CORE)
		pmu->nr_gp = AMD_CORE_COUNTERS;
	if (leaf80000022 && leaf80000022->eax & AMD_PERFMON_V2) {
		pmu->version = 2;
		pmu->nr_gp = get(leaf80000022->ebx, amd_nr_core);
	}
}

void pmu_to_cpuid_amd(const struct pmu_shape *pmu, struct cpuid_regs *leaf80000001,
		      struct cpuid_regs *leaf80000022)
{
	bool v2 = pmu->version >= 2;

	/* PerfMonV2 builds on the MSRs that PerfCtrExtCore announces. */
	if (v2 || pmu->nr_gp >= AMD_CORE_COUNTERS)
		leaf80000001->ecx |= AMD_PERF_CTR_CORE;
	else
		leaf80000001->ecx &= ~AMD_PERF_CTR_CORE;
	if (v2)
		leaf80000022->eax |= AMD_PERFMON_V2;
	else
		leaf80000022->eax &= ~AMD_PERFMON_V2;
	leaf80000022->ebx = put(leaf80000022->ebx, amd_nr_core, v2 ? pmu->nr_gp : 0);
}
