/* SPDX-License-Identifier: GPL-2.0 */
/* What a proof says to the contracts of kernel_contracts.c: C's own types only, as in glue.h. */
#ifndef PROVE_KERNEL_CONTRACTS_H
#define PROVE_KERNEL_CONTRACTS_H

struct glue;

/* The host's time stamp counter, at every RDTSC. */
extern unsigned long long contract_tsc;

/*
 * Counter @x's value in parts: what is in glue_gp() or glue_fixed(), @emulated, and @event, which
 * perf has counted if there is an event (@has_event), which may be paused and then does not count.
 * Where the tree has no such part, that is left out. Returns what is to be added to the first part.
 */
unsigned long long contract_parts(struct glue *glue, int fixed, unsigned int x,
				  unsigned long long emulated, int has_event, int is_paused,
				  unsigned long long event);

#endif
