/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Read before a source file's own lines: a kernel's complaints become findings instead of a trap,
 * and the one MSR that is read on these paths comes from the case.
 */
#ifndef FUZZ_KERNEL_AFTER_H
#define FUZZ_KERNEL_AFTER_H

void glue_complain(const char *what, const char *file, int line);
void glue_bug(const char *what, const char *file, int line) __attribute__((noreturn));

#ifndef GLUE_PROVE
/* What is patched in at boot: a choice of functions for user memory and pages, which no guest here has; */
#include <asm/alternative.h>
#undef alternative_call_2
#define alternative_call_2(function, ...) glue_bug(#function "()", __FILE__, __LINE__)
/*
 * and static_cpu_has(), of which a file has all in one section. A function that has one would bring in every other,
 * as it would with all of __init.
 */
#include <asm/cpufeature.h>
#include <linux/init.h>
#undef static_cpu_has
#define static_cpu_has(bit) boot_cpu_has(bit)
#undef _static_cpu_has
#define _static_cpu_has(bit) boot_cpu_has(bit)
#undef __init
#define __init
#endif

#include <asm/msr.h>
#include <linux/bug.h>
#include <linux/mmdebug.h>

#include "fuzz/engines/kernel/vmcs.h"

unsigned long long glue_rdmsr(unsigned int msr);

#define GLUE_WARN(what, condition)                                                                 \
	({                                                                                         \
		int __glue_ret = !!(condition);                                                    \
		if (__glue_ret)                                                                    \
			glue_complain(what, __FILE__, __LINE__);                                   \
		__glue_ret;                                                                        \
	})

#undef WARN_ON
#undef WARN_ON_ONCE
#undef WARN
#undef WARN_ONCE
#undef WARN_TAINT
#undef WARN_TAINT_ONCE
#undef BUG
#undef BUG_ON
#define WARN_ON(condition)              GLUE_WARN("WARN_ON(" #condition ")", condition)
#define WARN_ON_ONCE(condition)         GLUE_WARN("WARN_ON_ONCE(" #condition ")", condition)
#define WARN(condition, ...)            GLUE_WARN("WARN(" #condition ")", condition)
#define WARN_ONCE(condition, ...)       GLUE_WARN("WARN_ONCE(" #condition ")", condition)
#define WARN_TAINT(condition, ...)      GLUE_WARN("WARN_TAINT(" #condition ")", condition)
#define WARN_TAINT_ONCE(condition, ...) GLUE_WARN("WARN_TAINT_ONCE(" #condition ")", condition)
#define BUG() glue_bug("BUG()", __FILE__, __LINE__)
#define BUG_ON(condition)                                                                          \
	do {                                                                                       \
		if (condition)                                                                     \
			glue_bug("BUG_ON(" #condition ")", __FILE__, __LINE__);                    \
	} while (0)

#undef rdmsrl
#undef rdmsrq
#define rdmsrl(msr, value) ((void)((value) = glue_rdmsr(msr)))
#define rdmsrq(msr, value) ((void)((value) = glue_rdmsr(msr)))
#ifndef GLUE_PROVE
#undef rdmsr
#define rdmsr(msr, low, high)                                                                      \
	((void)({                                                                                  \
		const unsigned long long __glue_msr = glue_rdmsr(msr);                             \
		(low) = (unsigned int)__glue_msr;                                                  \
		(high) = __glue_msr >> 32;                                                         \
	}))
#endif

#ifdef GLUE_PROVE
#include <linux/bitmap.h>

/*
 * Every bit in turn, instead of the next that is set: a model checker then knows which counter an
 * iteration is about. prove/kernel_contracts.c has the functions.
 */
bool glue_bit(const unsigned long *map, unsigned int bit, unsigned int size);
unsigned int glue_next_bit(unsigned int bit, unsigned int size);
#undef for_each_set_bit
#define for_each_set_bit(bit, addr, size)                                                          \
	for ((bit) = 0; (bit) < (size); (bit) = glue_next_bit((bit), (size)))                      \
		if (!glue_bit((const unsigned long *)(addr), (bit), (size))) {                     \
		} else
#endif

#endif
