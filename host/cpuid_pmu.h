/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID leaves to a PMU's shape and back. Reading and writing agree: what pmu_to_*() wrote,
 * pmu_from_*() reads as the same shape. perf_capabilities is no part of CPUID: read as 0, ignored.
 */
#ifndef HOST_CPUID_PMU_H
#define HOST_CPUID_PMU_H

#include "host/cpuid.h"
#include "host/pmu.h"

/*
 * CPUID.0AH (SDM vol. 2, "CPUID"). Without a PMU (version 0) all but the vendor is 0. Fixed
 * counters are those of EDX[4:0], from version 2, together with those of the bitmap ECX, from
 * version 5. Counters that only leaf 23H announces are not counted.
 */
void pmu_from_cpuid_0a(const struct cpuid_regs *leaf0a, struct pmu_shape *pmu);

/*
 * Write @pmu into @inout; the list of events (EBX, EAX[31:24]) and EDX[31:13], AnyThread
 * deprecation among them, stay. Without a PMU the whole leaf becomes 0, as KVM's own does.
 */
void pmu_to_cpuid_0a(const struct pmu_shape *pmu, struct cpuid_regs *inout);

/*
 * CPUID 8000_0001H and 8000_0022H (APM vol. 3, appendix E); @leaf80000022 is NULL where the
 * processor does not have it. Never gives version 0: a processor of AMD's cannot announce that it
 * has no counters, so whoever knows better (enable_pmu=N) has to say so.
 */
void pmu_from_cpuid_amd(const struct cpuid_regs *leaf80000001,
			const struct cpuid_regs *leaf80000022, struct pmu_shape *pmu);

/*
 * Write @pmu into ECX[23] of the one leaf, EAX[0] and EBX[3:0] of the other; all other bits stay.
 * Before version 2 there is no way to announce but 4 or 6 counters: 5 become 4, never more.
 */
void pmu_to_cpuid_amd(const struct pmu_shape *pmu, struct cpuid_regs *leaf80000001,
		      struct cpuid_regs *leaf80000022);

#endif
