/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID, and MSRs that may not be there. */
#ifndef GUEST_MSR_H
#define GUEST_MSR_H

#include <stdbool.h>
#include <stdint.h>

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/* An instruction, at the label 1, that may give #GP or #UD, which ends at the label 2: traps.c goes through this table. */
#define MAY_FAULT ".pushsection .ex_table, \"a\"; .quad 1b, 2b; .popsection"

/* Both return false on #GP. */
static inline bool write_msr(uint32_t msr, uint64_t value)
{
	uint32_t good = 0;

	__asm__ volatile("1: wrmsr; mov $1, %0; 2:\n" MAY_FAULT
			 : "+r"(good)
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
	return good;
}

static inline bool read_msr(uint32_t msr, uint64_t *value)
{
	uint32_t good = 0, low = 0, high = 0;

	__asm__ volatile("1: rdmsr; mov $1, %0; 2:\n" MAY_FAULT
			 : "+r"(good), "+a"(low), "+d"(high)
			 : "c"(msr));
	*value = (uint64_t)high << 32 | low;
	return good;
}

#endif
