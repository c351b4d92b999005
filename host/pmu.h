/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a PMU announces through CPUID and IA32_PERF_CAPABILITIES. One shape serves the processor,
 * what KVM offers, and what a guest is given, so that they can be compared field by field.
 */
#ifndef HOST_PMU_H
#define HOST_PMU_H

#include <stdbool.h>
#include <stdint.h>

enum cpu_vendor { CPU_VENDOR_OTHER, CPU_VENDOR_INTEL, CPU_VENDOR_AMD };

/* IA32_PERF_CAPABILITIES (MSR 345H), SDM vol. 4 */
#define PERF_CAP_FW_WRITES    (1ULL << 13)
#define PERF_CAP_PERF_METRICS (1ULL << 15)

struct pmu_shape {
	enum cpu_vendor vendor;
	/*
	 * Intel: CPUID.0AH:EAX[7:0]. AMD: 1, or 2 with PerfMonV2 (CPUID 8000_0022H:EAX[0]).
	 * 0 means that there is no PMU and every other field is 0.
	 */
	unsigned int version;
	unsigned int nr_gp;       /* CPUID.0AH:EAX[15:8]; AMD: 4, 6 or 8000_0022H:EBX[3:0] */
	unsigned int gp_width;    /* bits; CPUID.0AH:EAX[23:16]; AMD 48 */
	unsigned int nr_fixed;    /* CPUID.0AH:EDX[4:0], or ECX from version 5; AMD 0 */
	unsigned int fixed_width; /* bits; CPUID.0AH:EDX[12:5] */
	uint64_t perf_capabilities;
};

static inline bool pmu_has_metrics(const struct pmu_shape *pmu)
{
	return pmu->perf_capabilities & PERF_CAP_PERF_METRICS;
}

#endif
