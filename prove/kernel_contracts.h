/* SPDX-License-Identifier: GPL-2.0 */
/* What a proof says to the contracts of kernel_contracts.c: C's own types only, as in glue.h. */
#ifndef PROVE_KERNEL_CONTRACTS_H
#define PROVE_KERNEL_CONTRACTS_H

/* The host's time stamp counter, at every RDTSC. */
extern unsigned long long contract_tsc;

#endif
