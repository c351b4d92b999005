// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/cpuid.h"

#include <cpuid.h>

#define HYPERVISOR_LEAVES 0x40000000

struct cpuid_regs cpuid_read(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs regs = { 0 };

	/* No leaf tells the highest of a hypervisor's; __get_cpuid_count() changes nothing where there is none. */
	if (leaf >> 16 == HYPERVISOR_LEAVES >> 16)
		__cpuid_count(leaf, subleaf, regs.eax, regs.ebx, regs.ecx, regs.edx);
	else
		__get_cpuid_count(leaf, subleaf, &regs.eax, &regs.ebx, &regs.ecx, &regs.edx);
	return regs;
}
