/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PMU as CPUID and IA32_PERF_CAPABILITIES announce it, and the set of ECX that it answers. */
#ifndef MODEL_PMU_H
#define MODEL_PMU_H

#include <stdbool.h>
#include <stdint.h>

enum rdpmc_vendor { RDPMC_INTEL, RDPMC_AMD };

#define RDPMC_MAX_GP    32 /* general-purpose counters, CPUID.23H.01H:EAX has 32 bits */
#define RDPMC_MAX_FIXED 32 /* CPUID.0AH:ECX has 32 bits */
#define RDPMC_MAX_ECX   75 /* the last data-fabric counter: 16 + 63 - 4 - 1 */

/* IA32_PERF_CAPABILITIES (MSR 0x345), SDM vol. 4 */
#define RDPMC_CAP_METRICS       (1ULL << 15)
#define RDPMC_CAP_METRICS_CLEAR (1ULL << 19)

struct rdpmc_pmu {
	uint8_t vendor; /* enum rdpmc_vendor */
	/*
	 * Intel: CPUID.0AH:EAX[7:0], 0 for a PMU that is not architectural. AMD: 1, or 2 with
	 * PerfMonV2 (CPUID 0x80000022:EAX[0]), or 0 for no PMU, which only a hypervisor can give.
	 */
	uint8_t version;

	/* Intel, architectural. AMD with version 2: nr_gp is CPUID 0x80000022:EBX[3:0] */
	uint8_t nr_gp;                    /* CPUID.0AH:EAX[15:8], at most RDPMC_MAX_GP */
	uint8_t gp_width;                 /* bits; CPUID.0AH:EAX[23:16], at most 64 */
	uint8_t nr_fixed;                 /* CPUID.0AH:EDX[4:0], at most 31 */
	uint8_t fixed_width;              /* bits; CPUID.0AH:EDX[12:5], at most 64 */
	uint32_t fixed_bitmap;            /* CPUID.0AH:ECX */
	uint32_t leaf23_gp, leaf23_fixed; /* CPUID.23H.01H:EAX and EBX; 0 where it is not there */
	bool user_disable;                /* CPUID.23H.00H:EBX[2] */
	uint64_t perf_capabilities;       /* IA32_PERF_CAPABILITIES */
	/* CPUID.01H:ECX[15] = 0: no such MSR. A hypervisor may hold a value for it all the same. */
	bool no_pdcm;

	/* Intel, not architectural */
	uint8_t old_counters; /* how many, at most RDPMC_MAX_GP; P6 has 2; 0: no PMU at all */
	bool old_fast;        /* ECX[31] is a fast read */

	/* AMD */
	bool ext_core, ext_nb, ext_l3; /* CPUID 0x80000001:ECX[23], [24], [28] */
	uint8_t nr_nb;                 /* CPUID 0x80000022:EBX[15:10]: data-fabric counters */
};

/* The classes that ECX falls into: each is one kind of counter, told apart by an index below 64. */
enum rdpmc_class {
	CLASS_NONE,        /* no counter: x = 0 stands for every ECX of a processor without a PMU */
	CLASS_GP,          /* Intel type 0x0000: general-purpose counter x */
	CLASS_FIXED,       /* type 0x4000: fixed counter x */
	CLASS_METRICS,     /* type 0x2000; x = 1 stands for every index but 0 */
	CLASS_OLD,         /* Intel, not architectural, ECX[31] = 0 */
	CLASS_OLD_FAST,    /* ... ECX[31] = 1 */
	CLASS_AMD_CORE,    /* AMD: x = ECX */
	CLASS_AMD_NB,      /* x = ECX, 6 to 9 */
	CLASS_AMD_L3,      /* x = ECX, 10 to 15 */
	CLASS_AMD_NB_MORE, /* x = ECX - 16 */
	CLASS_VMWARE,      /* x = ECX - 0x10000; a matter of policy, in no PMU's view */
	NR_CLASSES
};

#define RDPMC_AMD_NB_MORE_FIRST 16

/*
 * Where the manuals leave a choice, or processors differ in what CPUID does not announce. Each is
 * of a guest and its host alike.
 */
struct rdpmc_choices {
	bool metrics_any_index;    /* type 0x2000 reads PERF_METRICS whatever its index */
	bool user_disable_metrics; /* USER-DISABLE of fixed counter 3 zeroes PERF_METRICS too */
	bool vmware_needs_pmu;     /* VMWARE-PMC only for a guest with a PMU, as Linux has it */
	bool no_pmu_zero;          /* without a PMU every ECX reads 0 */
	bool metrics_level_1;      /* PERF_METRICS has four fractions: Ice Lake's generation */
	bool leaf23_replaces;      /* leaf 0x23's counters in place of leaf 0xa's: Linux perf */
	bool amd_l2i; /* below family 0x17: CPUID 0x80000001:ECX[28] is four L2I counters */
};

/*
 * Index != 0 is #GP: measured. User disable leaves PERF_METRICS alone: nothing is known. The pseudo
 * counters are clocks of the hypervisor's: they do not depend on the guest's having a PMU. Without a
 * PMU no index is valid, which is #GP. Eight
 * fractions and L3 counters: today's processors. Leaf 0xa counts what all cores have and leaf 0x23
 * what this one has: where both are true, leaf 0x23 has every counter of leaf 0xa.
 */
extern const struct rdpmc_choices rdpmc_default_choices;

/* Which counters of each class can be read (bit x), and how many bits of each. */
struct rdpmc_view {
	uint8_t vendor, version; /* decide how ECX is taken apart */
	bool user_disable;       /* counters can be hidden from CPL != 0 ... */
	bool metrics_hide;       /* ... and PERF_METRICS with fixed counter 3 */
	bool no_vmware;          /* VMWARE-PMC is for others */
	bool metrics_clear;      /* PERF_METRICS can be made to clear on reads */
	uint64_t readable[NR_CLASSES];
	uint8_t width[NR_CLASSES]; /* bits, 0 to 64 */
};

void rdpmc_view(const struct rdpmc_pmu *pmu, const struct rdpmc_choices *choices,
		struct rdpmc_view *view);

#endif
