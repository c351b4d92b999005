/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the kernel's world and ours: neither can include the other's headers, so nothing but C's
 * own types here.
 */
#ifndef FUZZ_KERNEL_GLUE_H
#define FUZZ_KERNEL_GLUE_H

struct glue_cpuid {
	unsigned int function, index, eax, ebx, ecx, edx;
};

/* What the host's perf tells KVM (struct x86_pmu_capability), and its IA32_PERF_CAPABILITIES. */
struct glue_host {
	int version, gp, fixed, gp_width, fixed_width;
	unsigned int gp_set, fixed_set; /* which: @gp and @fixed bits are set */
	unsigned long long perf_capabilities;
};

struct glue_setup {
	int amd;      /* kvm-amd.ko, or kvm-intel.ko */
	int no_pmu;   /* KVM_CAP_PMU_CAPABILITY: KVM_PMU_CAP_DISABLE */
	int backdoor; /* module parameter enable_vmware_backdoor */
	int mediated; /* module parameter enable_mediated_pmu, where the tree has it */
	struct glue_host host;
	unsigned long long perf_capabilities; /* the guest's */
	const struct glue_cpuid *cpuid;       /* the guest's */
	int n_cpuid;
};

enum glue_mode { GLUE_REAL, GLUE_PROTECTED, GLUE_VM86, GLUE_COMPATIBILITY, GLUE_64BIT };

struct glue_state {
	unsigned long long rax, rcx, rdx, rip, rflags, cr0, cr4;
	int mode, cpl;
	bool code16, lock;
	unsigned int length; /* of the instruction: bytes of code[] */
	unsigned char code[15];
};

struct glue_answer {
	int gave_up;   /* glue_read() did not return: engine_give_up() */
	int exits;     /* to user space */
	int reason;    /* KVM_EXIT_*, then */
	int exception; /* vector, or -1 */
	int has_error_code;
	unsigned int error_code;
	int single_step; /* #DB, with DR6.BS and nothing else */
	int other_state; /* a register that RDPMC has nothing to do with has changed */
};

struct glue;

struct glue *glue_create(void); /* one at a time: KVM's own state is global. NULL: out of memory */
void glue_destroy(struct glue *glue);
void glue_begin(struct glue *glue, const struct glue_setup *setup);
/* In @state what comes after, too. */
void glue_read(struct glue *glue, int emulator, struct glue_state *state,
	       struct glue_answer *answer);
/*
 * Counter @x, in the parts that KVM keeps it in: the counter, what was emulated of it, and what its perf event
 * has counted. 0: it is kept nowhere.
 */
int glue_get_counter(const struct glue *glue, int fixed, unsigned int x, unsigned long long *value);
int glue_set_counter(struct glue *glue, int fixed, unsigned int x, unsigned long long value);
unsigned long long *glue_metrics(struct glue *glue); /* 0: nowhere */
/* Has KVM given the guest a PMU with a general-purpose counter? */
int glue_has_counters(const struct glue *glue);
/* A KVM_SET_CPUID2 after the guest has counted: is a counter 0 then, and PERF_METRICS not? Spoils both. */
int glue_metrics_outlive(struct glue *glue);
/* RDPMC_VMWARE clocks 1 and 2, ns. */
void glue_clocks(struct glue *glue, unsigned long long real, unsigned long long apparent);
/* By the VMCS or VMCB: 1, 0, or -1 where that cannot be told. */
int glue_intercepts(struct glue *glue);
/* Forget the vendors' controls, which are no use in this tree; were there any? */
int glue_without_controls(struct glue *glue);
/* Do not write MSRs by KVM's handler, which is no use in this tree; was it used? */
int glue_without_handler(struct glue *glue);
/* Had it the host's IA32_PERF_CAPABILITIES to decide by, in the last glue_intercepts()? */
int glue_host_capabilities(const struct glue *glue);

/*
 * Called by the glue: a complaint of the kernel's, by file and line, or by the address it came from
 * (file 0). Does not return where the kernel could not go on.
 */
void engine_complain(const char *what, const char *file, int line, void *address);
void engine_give_up(void) __attribute__((noreturn));

/* The glue's memory, of zeros. NULL: there is none. */
void *glue_allocate(unsigned long size);
void glue_release(void *memory);

#endif
