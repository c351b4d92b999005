/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID of the processor under this process: the only place that executes it. */
#ifndef HOST_CPUID_H
#define HOST_CPUID_H

#include <stdint.h>

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

/*
 * @leaf and @subleaf, all 0 where the processor does not have the leaf (SDM vol. 2, "CPUID": leaf 0 and
 * 8000_0000H name the highest of their range). Those of a hypervisor, from 4000_0000H, are read as they are.
 */
struct cpuid_regs cpuid_read(uint32_t leaf, uint32_t subleaf);

#endif
