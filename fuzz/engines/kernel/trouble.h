/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's code complains of while it runs, and the way out where it cannot go on. */
#ifndef FUZZ_KERNEL_TROUBLE_H
#define FUZZ_KERNEL_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

/* Faults of the kernel's code are complaints from now on. */
void trouble_catch(void);

void trouble_forget(void);

/* The first complaint since it was forgotten or asked for, as one line that stays; NULL: none. */
const char *trouble_text(void);

/*
 * `if (trouble_enter()) KERNEL CODE; trouble_leave();` in one function. What the kernel's code gives up
 * at is the end of the first.
 */
#ifndef GLUE_PROVE
#include <setjmp.h>
#include <signal.h>
#include <x86intrin.h>

extern sigjmp_buf trouble_out;
extern volatile sig_atomic_t trouble_inside;

#define trouble_enter() (!sigsetjmp(trouble_out, 0) && (trouble_inside = 1))
#define trouble_leave() ((void)(trouble_inside = 0))
#define trouble_tsc()   __rdtsc()
#else
/* A model checker follows every path to its end. */
#define trouble_enter() true
#define trouble_leave() ((void)0)
uint64_t trouble_tsc(void);
#endif

#endif
