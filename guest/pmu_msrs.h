/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PMU's MSRs, for those who program them and those who play them (SDM vol. 4; APM vol. 2). */
#ifndef GUEST_PMU_MSRS_H
#define GUEST_PMU_MSRS_H

/* Intel: a counter's MSR is the first one's plus its index. */
#define MSR_PMC0              0x0c1 /* writes 32 bits and extends the sign */
#define MSR_PERFEVTSEL0       0x186
#define MSR_FIXED_CTR0        0x309
#define MSR_PERF_METRICS      0x329
#define MSR_PERF_CAPABILITIES 0x345
#define MSR_FIXED_CTR_CTRL    0x38d
#define MSR_GLOBAL_STATUS     0x38e
#define MSR_GLOBAL_CTRL       0x38f
#define MSR_GLOBAL_OVF_CTRL   0x390
#define MSR_FULL_WIDTH_PMC0   0x4c1

#define EVENTSEL_USR    (1U << 16)
#define EVENTSEL_OS     (1U << 17)
#define EVENTSEL_ENABLE (1U << 22)
#define GLOBAL_METRICS  (1ULL << 48)
#define FIXED_SLOTS     3 /* fixed counter 3 is TOPDOWN.SLOTS */

/* AMD: four counters, or those of PerfCtrExtCore, whose CTL and CTR alternate. */
#define MSR_K7_EVTSEL0     0xc0010000
#define MSR_K7_PERFCTR0    0xc0010004
#define MSR_AMD_CTL0       0xc0010200
#define MSR_AMD_CTR0       0xc0010201
#define MSR_AMD_GLOBAL_CTL 0xc0000301

#endif
