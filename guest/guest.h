/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guest's files share. */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "guest/protocol.h"

#define CR4_PCE (1ULL << 8)

extern struct guest_page guest_page;

/* traps.c */
void traps_init(void);
void traps_expect_rdpmc_fault(
	bool assist); /* what a #GP of the measured RDPMC does: be counted, or ask the host */

/* nested.c: be L1 of an L2. Returns enum guest_status. */
uint32_t nested_run(const struct guest_params *params, struct guest_nested *nested);

/* boot.S */
uint64_t call_at_cpl3(uint64_t (*function)(uint64_t, uint64_t), uint64_t, uint64_t);

/* pmu.c */
void pmu_detect(struct pmu_shape *pmu);
/* Both return 0 or the MSR that could not be written. */
uint32_t pmu_preset(void);
uint32_t pmu_start(enum guest_running running);
/* How many counters change while this looks at each. */
uint32_t pmu_counting(void);

static inline void port_write(uint16_t port)
{
	__asm__ volatile("outb %b0, %w1" : : "a"(0), "Nd"(port) : "memory");
}

static inline uint64_t read_cr4(void)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	return cr4;
}

static inline void write_cr4(uint64_t cr4)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
}

#endif
