/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The performance monitoring unit of an emulated processor, Intel's or AMD's: registers, CPUID,
 * RDPMC, counting, overflow. Written from Intel's SDM (vol. 3, "Performance Monitoring"; vol. 4)
 * and AMD's APM (vol. 2, "Performance Monitoring Counters"; vol. 3, "RDPMC") and PPRs.
 *
 * Time is counted in retired instructions. One instruction takes one cycle, core and reference
 * (TSC) alike, with PMU_SLOTS slots; PMU_BUS instructions take one bus clock. Each instruction
 * fills one slot of each level-1 category of the Topdown method. Branches are
 * counted as pmu_branch() reports them. No other event ever happens: mispredicted branches, LLC, L3
 * and data-fabric events stay 0. CPUID reports the architectural ones of them as unavailable.
 *
 * Not modelled: PEBS, LBR, Processor Trace, auto counter reload, in-TSX counting, the uncore, the
 * Pentium 4's PMU, AMD's freeze on PMI and LBR. AnyThread and pin control can be set and have no
 * effect. PERF_METRICS never overflows by itself. IA32_DEBUGCTL and IA32_MISC_ENABLE (bit 7,
 * "Performance Monitoring Available") are the caller's, as is every MSR that is PMU_NOT_MINE.
 */
#ifndef MACHINE_PMU_H
#define MACHINE_PMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PMU_MAX_GP    32
#define PMU_MAX_FIXED 16 /* IA32_FIXED_CTR_CTRL has no room for more */
#define PMU_MAX_NB    63 /* CPUID 0x80000022:EBX[15:10] */
#define PMU_MAX_LLC   6
#define PMU_LEGACY_GP 10 /* IA32_PMC0 to IA32_PMC9; beyond, only version 6 has MSRs */

#define PMU_SLOTS 4  /* slots a cycle */
#define PMU_BUS   64 /* cycles a bus clock */

enum pmu_vendor { PMU_NONE, PMU_INTEL, PMU_AMD };

/* What the processor has. Each comment begins with the field's name in the text. */
struct pmu_config {
	enum pmu_vendor vendor;
	uint32_t version;       /* version: Intel 0 (P6 family, not architectural) to 6;
				 AMD 0: legacy, 1: PerfCtrExtCore, 2: PerfMonV2 */
	uint32_t gp;            /* gp: CPUID.0AH:EAX[15:8], or AMD's core counters */
	uint32_t fixed;         /* fixed: CPUID.0AH:EDX[4:0] */
	uint32_t gp_set;        /* gp-bitmap (hex): all of them, CPUID.23H.01H:EAX */
	uint32_t fixed_set;     /* fixed-bitmap (hex): all of them, CPUID.0AH:ECX and 23H.01H:EBX */
	uint32_t gp_width;      /* gp-width: bits, 32 to 64 */
	uint32_t fixed_width;   /* fixed-width */
	uint32_t full_width;    /* full-width: IA32_A_PMCx, IA32_PERF_CAPABILITIES[13] */
	uint32_t missing;       /* missing-events (hex): CPUID.0AH:EBX, by default 0x58 */
	uint32_t metrics;       /* metrics: PERF_METRICS, IA32_PERF_CAPABILITIES[15] */
	uint32_t metrics_level; /* metrics-level: 1, or 2 with the upper four fractions */
	uint32_t metrics_clear; /* metrics-clear: Metrics Clear Mode, IA32_PERF_CAPABILITIES[19] */
	uint32_t leaf23;        /* leaf23: CPUID leaf 0x23 is there */
	uint32_t user_disable;  /* user-disable: RDPMC user disable, CPUID.23H.00H:EBX[2] */
	uint32_t umask2, eq;    /* umask2, eq: CPUID.23H.00H:EBX[0] and [1] */
	uint32_t fast;          /* fast: version 0 has fast reads, ECX[31] */
	uint32_t nb;            /* nb: data-fabric counters, PerfCtrExtNB */
	uint32_t l3, l2i; /* l3: 6 L3 counters, from family 0x17 on; l2i: 4 counters, before it.
			     CPUID 0x80000001:ECX[28] announces either; the family decides */
};

/* Plain data without pointers: a copy is a snapshot. */
struct pmu {
	struct pmu_config config;
	uint64_t gp[PMU_MAX_GP], evtsel[PMU_MAX_GP]; /* AMD: PERF_CTR and PERF_CTL */
	uint64_t fixed[PMU_MAX_FIXED];
	uint64_t nb[PMU_MAX_NB], nb_ctl[PMU_MAX_NB];
	uint64_t llc[PMU_MAX_LLC], llc_ctl[PMU_MAX_LLC];
	uint64_t fixed_ctrl, global_ctrl, global_status, perf_metrics;
	uint64_t debugctl; /* the bits of IA32_DEBUGCTL that freeze */
	uint64_t branches; /* among those that retire next */
	uint64_t retired;  /* all instructions, for the phase of the bus clock */
	bool pmi;          /* requested and not yet taken */
	/* Derived from the above. */
	bool by_state;
	uint64_t counting; /* bit x: general-purpose counter x; bit 32 + x: fixed counter x */
};

/*
 * Configures and resets @pmu by "intel,version=5,gp=8,...", "amd,..." or "none": the vendor, then
 * fields as named above, in any order. Defaults depend on vendor and version. Returns -1 with one
 * line in @why if a field is unknown or out of range, or a combination impossible; @pmu is then
 * unchanged.
 */
int pmu_configure(struct pmu *pmu, const char *text, char *why, size_t size);

/* Power-up. IA32_PERF_GLOBAL_CTRL enables the general-purpose counters, all else is 0. */
void pmu_reset(struct pmu *pmu);

/*
 * Edits @reg (EAX, EBX, ECX, EDX), which holds what the processor reports without this PMU: the
 * PMU's leaves and feature bits, the highest leaf, and no DS or architectural LBRs. Leaves 0x15 and
 * 0x16 become 0: the TSC counts instructions. Where the highest leaf rises, leaves in between come
 * into range that are the caller's.
 */
void pmu_cpuid(const struct pmu *pmu, uint32_t leaf, uint32_t subleaf, uint32_t reg[4]);

enum pmu_answer {
	PMU_NOT_MINE = -1, /* not a register of the PMU */
	PMU_FAULT = 0,     /* #GP(0), nothing has changed */
	PMU_DONE = 1
};

enum pmu_answer pmu_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value);
enum pmu_answer pmu_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value);

/*
 * RDPMC, after the check of CR4.PCE and CPL. false: #GP(0), which is also PMU_NONE's answer. In
 * Metrics Clear Mode a read of 0x20000000 clears PERF_METRICS and fixed counter 3.
 */
bool pmu_rdpmc(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value);
/* The same without reading: SVM checks ECX before it intercepts, VMX after. */
bool pmu_rdpmc_valid(const struct pmu *pmu, uint32_t ecx);

/* IA32_PERF_GLOBAL_CTRL for VM entries and exits. Without the register (version < 2) it is 0. */
bool pmu_global_ctrl_valid(const struct pmu *pmu, uint64_t value);
uint64_t pmu_global_ctrl(const struct pmu *pmu);
void pmu_set_global_ctrl(struct pmu *pmu, uint64_t value);

/*
 * IA32_DEBUGCTL was written. Bits 11 and 12 (FREEZE_LBRS_ON_PMI, FREEZE_PERFMON_ON_PMI) matter
 * here, on Intel from version 2 on. An overflow that requests an interrupt then sets LBR_FRZ or
 * CTR_FRZ (version 4 or later) or clears IA32_PERF_GLOBAL_CTRL (before).
 */
void pmu_set_debugctl(struct pmu *pmu, uint64_t value);

/* Where an instruction retires. AMD's HostOnly and GuestOnly count with EFER.SVME = 1 only. */
enum pmu_side {
	PMU_NATIVE, /* EFER.SVME = 0, and always on Intel */
	PMU_HOST,
	PMU_GUEST
};

/* So many of the instructions that the next pmu_retire() counts are branches. */
void pmu_branch(struct pmu *pmu, uint64_t branches);

/* Counts @instructions, all at this CPL and side. */
void pmu_retire(struct pmu *pmu, uint64_t instructions, unsigned int cpl, enum pmu_side side);

/*
 * Would another CPL or side change what is counted now? If not, instructions retired at several of
 * them can be counted by one pmu_retire(). Valid until the next WRMSR, pmu_set_global_ctrl() or
 * pmu_retire().
 */
bool pmu_by_state(const struct pmu *pmu);

/*
 * Instructions until an overflow requests an interrupt, at least 1; UINT64_MAX if none will. Where branches
 * are counted it may be later: each instruction could be one.
 */
uint64_t pmu_until_pmi(const struct pmu *pmu, unsigned int cpl, enum pmu_side side);

/* Has an overflow requested an interrupt (by LVTPC) since the last call? */
bool pmu_take_pmi(struct pmu *pmu);

#ifdef __cplusplus
}
#endif

#endif
