/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What guest and host say to each other: an image header, one shared page, a sample ring, and a
 * few ports. The host writes a command, the guest runs it and says so by a port write; all of it
 * is seen by one thread at a time, so nothing here needs to be atomic.
 */
#ifndef GUEST_PROTOCOL_H
#define GUEST_PROTOCOL_H

#include <stdint.h>

#define GUEST_MAGIC            0x434d5052U /* "RPMC" */
#define GUEST_PROTOCOL_VERSION 1

#define GUEST_LOAD_ADDRESS 0x10000  /* guest.lds links it here; below are the host's page tables */
#define GUEST_MEMORY_SIZE  0x200000 /* bytes, from guest-physical 0, identity mapped */

/* Ports: the guest writes one byte, which leaves to user space (KVM_EXIT_IO). */
#define GUEST_PORT_DONE    0xe0 /* command finished, results are in the page; wait for the next */
#define GUEST_PORT_FAULT   0xe1 /* unexpected exception, told in page.fault; the guest is lost */
#define GUEST_PORT_ASSIST  0xe2 /* RDPMC gave #GP and the host shall answer: page.assist */
#define GUEST_PORT_NOTHING 0xe3 /* the measured port write: the host only resumes the guest */

/* First bytes of the image. All addresses are guest-physical and identity mapped. */
struct guest_header {
	uint32_t magic, version;
	uint32_t entry, stack_top; /* 64-bit code, CPL 0 */
	uint32_t page;             /* struct guest_page */
	uint32_t samples;          /* uint64_t[GUEST_MAX_SAMPLES] */
	uint32_t end;              /* first byte after the image and its zeroed data */
};

enum guest_command {
	GUEST_MEASURE,    /* params.insn in a loop; into result, or the sample ring */
	GUEST_PMU_DETECT, /* CPUID and IA32_PERF_CAPABILITIES as the guest sees them: page.pmu */
	GUEST_PMU_PRESET, /* stop all counters and give each its GUEST_PRESET value */
	GUEST_PMU_START,  /* zero all counters; params.running count cycles (fixed 3: slots) */
	GUEST_RAISE,      /* run into exception params.vector on purpose (tests) */
	GUEST_HANG,       /* never return (tests of the watchdog) */
	GUEST_PMU_COUNTS, /* how many of the counters go on counting: result.value */
	GUEST_NESTED,     /* be L1, and run an L2 that does params.l2: page.nested */
	NR_GUEST_COMMANDS
};

enum guest_insn {
	GUEST_INSN_EMPTY, /* the loop alone */
	GUEST_INSN_RDTSC,
	GUEST_INSN_RDPMC,
	GUEST_INSN_CPUID,  /* leaf 0 */
	GUEST_INSN_PORT,   /* OUT to GUEST_PORT_NOTHING */
	GUEST_INSN_VMCALL, /* an unknown hypercall number */
	GUEST_INSN_VMMCALL,
	NR_GUEST_INSNS
};

/* What L2 does params.count times. The others are what RDPMC's exits are held against. */
enum guest_l2 {
	GUEST_L2_RDPMC,
	GUEST_L2_EMULATED, /* RDPMC behind KVM's prefix: L0's instruction emulator executes it */
	GUEST_L2_NOP,
	GUEST_L2_FAULT, /* #GP that has nothing to do with counters */
	NR_GUEST_L2
};

#define VECTOR_UD 6
#define VECTOR_GP 13

/* EDX:EAX of L2, where L1 gets the exit and answers in the counter's place. */
#define GUEST_L1_ANSWER 0x4c31004c31ULL

/* Which counters GUEST_PMU_START lets count. */
enum guest_running {
	GUEST_RUNNING_READ, /* those that are measured: the first and the last two GP, all fixed */
	GUEST_RUNNING_NONE,
	GUEST_RUNNING_ONE, /* the first GP counter */
	GUEST_RUNNING_ALL,
	NR_GUEST_RUNNING
};

#define GUEST_MAX_SAMPLES 8192

/* RAX and RDX before a measured RDPMC: a faulting one has to leave them alone. */
#define GUEST_UNTOUCHED 0x5a5aa5a5U

struct guest_params {
	uint32_t insn;    /* enum guest_insn */
	uint32_t ecx;     /* for RDPMC */
	uint32_t cpl;     /* 0 or 3 */
	uint32_t pce;     /* CR4.PCE: 0 or 1 */
	uint32_t sampled; /* 0: one block of count; 1: count blocks of one, each into the ring */
	uint32_t assist;  /* a faulting measured RDPMC asks the host by GUEST_PORT_ASSIST */
	uint64_t count;   /* at most GUEST_MAX_SAMPLES when sampled */
	uint32_t vector;  /* for GUEST_RAISE: 0, 6, 8, 13, 14, or the one below */
	uint32_t running; /* for GUEST_PMU_START: enum guest_running */
	/* For GUEST_NESTED, which takes ecx, cpl, pce and count as well. */
	uint32_t l2;            /* enum guest_l2 */
	uint32_t rdpmc_exiting; /* L1 intercepts RDPMC */
};
#define GUEST_RAISE_TRIPLE_FAULT 0xff /* CPL 0 only */

struct guest_result {
	uint32_t status; /* enum guest_status */
	uint32_t msr;    /* the MSR that gave #GP when status is GUEST_MSR_FAULT */
	uint64_t ticks;  /* TSC, of the whole block */
	uint64_t faults; /* #GP taken by the measured RDPMC */
	uint64_t value;  /* EDX:EAX after the last RDPMC */
};

enum guest_status { GUEST_OK, GUEST_BAD_COMMAND, GUEST_MSR_FAULT, GUEST_NESTED_FAILED };

struct guest_nested {
	uint64_t l1_exits; /* RDPMCs that left L2 for L1: exit reason 15, exit code 0x6f */
	uint64_t faults;   /* #GP or #UD that L2 took */
	uint64_t value;    /* EDX:EAX of L2 after the last RDPMC; GUEST_UNTOUCHED twice after a fault */
	uint64_t reason;   /* why L2 left the last time: exit reason, exit code */
	uint32_t vector;   /* of the last fault: VECTOR_UD or VECTOR_GP */
	/* Why, with GUEST_NESTED_FAILED; both 0: by @reason. */
	uint32_t refused; /* the MSR that gave #GP, ~0: VMXON or the VMCS failed */
	uint32_t error;   /* VM-instruction error, where L2 was not entered */
};

struct guest_assist {
	uint32_t ecx, cpl, pce;
	uint32_t refused; /* the host's answer: 1 is #GP */
	uint64_t value;
};

struct guest_fault {
	uint32_t vector, raised; /* raised: GUEST_RAISE was running */
	uint64_t error, rip, cs, rflags, rsp, ss, cr2;
	uint64_t regs[15]; /* in the order of guest_fault_reg_names */
};
#define GUEST_FAULT_REG_NAMES                                                                      \
	{                                                                                          \
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12",  \
			"r13", "r14", "r15"                                                        \
	}

enum cpu_vendor { CPU_VENDOR_OTHER, CPU_VENDOR_INTEL, CPU_VENDOR_AMD };

/* IA32_PERF_CAPABILITIES (MSR 0x345), SDM vol. 4 */
#define PERF_CAP_FW_WRITES    (1ULL << 13)
#define PERF_CAP_PERF_METRICS (1ULL << 15)

/* What a PMU announces through CPUID and IA32_PERF_CAPABILITIES. */
struct pmu_shape {
	enum cpu_vendor vendor;
	/*
	 * Intel: CPUID.0AH:EAX[7:0]. AMD: 1, or 2 with PerfMonV2 (CPUID 0x80000022:EAX[0]).
	 * 0 means that there is no PMU and every other field is 0.
	 */
	uint32_t version;
	uint32_t nr_gp;       /* CPUID.0AH:EAX[15:8]; AMD: 4, 6 or 0x80000022:EBX[3:0] */
	uint32_t gp_width;    /* bits; CPUID.0AH:EAX[23:16]; AMD 48 */
	uint32_t nr_fixed;    /* CPUID.0AH:EDX[4:0], or ECX from version 5; AMD 0 */
	uint32_t fixed_width; /* bits; CPUID.0AH:EDX[12:5] */
	uint64_t perf_capabilities;
};

/* Values of stopped counters: GP ones below 2^31 unless full-width writes are there. */
#define GUEST_PRESET_GP(i)      (0x11223300ULL + (i))
#define GUEST_PRESET_GP_WIDE(i) (0x2511223300ULL + (i))
#define GUEST_PRESET_FIXED(i)   (0x3644556600ULL + (i))
/* PERF_METRICS, level 1 alone, which all that have it know: four fractions that make 0xff. */
#define GUEST_PRESET_METRICS 0x4f502040ULL

struct guest_page {
	uint32_t magic, version;
	uint32_t command; /* enum guest_command */
	uint32_t booted;  /* the guest sets it before its first GUEST_PORT_DONE */
	struct guest_params params;
	struct guest_result result;
	struct guest_assist assist;
	struct pmu_shape pmu; /* as the guest found it */
	struct guest_nested nested;
	struct guest_fault fault;
};

#endif
