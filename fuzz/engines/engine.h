/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An engine runs a case's steps. It knows nothing of the model, of oracles or of other engines; what
 * it is given is in the words of case.h and the model's types, which it converts.
 */
#ifndef FUZZ_ENGINE_H
#define FUZZ_ENGINE_H

#include "fuzz/case/case.h"

/* The ways an RDPMC can take to be answered. */
enum entry {
	ENTRY_EXIT,     /* the VM exit: kvm_emulate_rdpmc() */
	ENTRY_EMULATOR, /* the instruction emulator */
	ENTRY_PLAIN,    /* the instruction in a guest: exit, passthrough or fault, as it comes */
	NR_ENTRIES
};

/* How a guest's instruction was executed, told by counters, not by belief. */
enum exec_path {
	EXEC_PATH_UNKNOWN,
	EXEC_PATH_NO_EXIT,  /* the processor answered: passthrough, or a fault that comes first */
	EXEC_PATH_EXIT,     /* it exited */
	EXEC_PATH_EMULATED, /* in this state all code is executed by KVM's software */
	NR_EXEC_PATHS
};

/* What an engine made of one RDPMC. The texts are good until its next read. */
struct engine_answer {
	uint8_t answer;      /* enum rdpmc_answer, or one of ANSWER_* below */
	bool other_state;    /* something changed beside regs and counters: CR0, CR4, CPL */
	uint8_t exit_reason; /* of ANSWER_USER_SPACE: KVM_EXIT_*, 255 and above as 255; else 0 */
	bool single_step;    /* #DB with DR6.BS is pending behind it; both 0 before a read */
	uint32_t error_code; /* of #GP */
	struct rdpmc_regs regs;
	/* Set to 0 before a read; only engines with a real vCPU have them to tell. */
	uint8_t path;         /* enum exec_path */
	const char *refused;  /* the host does not take this state: nothing was read, and why */
	const char *changed;  /* what changed elsewhere */
	const char *unjudged; /* of a value of PERF_METRICS: the engine could not set it; and why */
};

static inline bool engine_same_regs(const struct rdpmc_regs *a, const struct rdpmc_regs *b)
{
	return a->rax == b->rax && a->rcx == b->rcx && a->rdx == b->rdx && a->rip == b->rip &&
	       a->rflags == b->rflags;
}

/* EDX:EAX, which is what was read if the answer is ANSWER_VALUE. */
static inline uint64_t engine_value(const struct engine_answer *answer)
{
	return answer->regs.rdx << 32 | (uint32_t)answer->regs.rax;
}

/*
 * Another exception than #GP with an error code (in real-address mode none is pushed, so it does not
 * matter there) and #UD without one.
 */
#define ANSWER_STRANGE    0xff
#define ANSWER_USER_SPACE 0xfe /* none: KVM_RUN returned; @changed says why */

enum intercept { INTERCEPT_OFF, INTERCEPT_ON, INTERCEPT_UNKNOWN };

struct engine_vcpu;

/* Something that the engine's code has or lacks. */
struct engine_feature {
	const char *name, *what; /* a word, and a line for people */
	bool there;
};

/*
 * A function of the sources that an engine is made from, a kernel's arch/x86/kvm; @name "": all in @file that is in no
 * function. Each file and name once.
 */
struct engine_function {
	const char *file, *name;
	uint64_t hash; /* of its text, without comments and blanks */
	bool inside;   /* it is linked into the engine: a change of it may be seen */
};

struct engine {
	unsigned int abi;                      /* ENGINE_ABI */
	const char *name;                      /* as --engine takes it */
	const char *what;                      /* a line for people */
	const char *version;                   /* of the kernel it is made of; NULL: of none */
	const struct engine_feature *features; /* a NULL name at the end; NULL: none to tell */
	const struct engine_function *functions; /* a NULL name at the end; NULL: none to tell */
	bool single;              /* one vCPU at a time, in one thread: its state is global */
	bool real;                /* a vCPU of this machine's: slow, and a case may take it down */
	unsigned int entries;     /* bit by enum entry */
	unsigned int unsupported; /* steps that it does not take, bit by enum case_step_op */

	/* NULL: out of memory, or *why says what is missing. destroy() takes what create() gave. */
	struct engine_vcpu *(*create)(const char **why);
	void (*destroy)(struct engine_vcpu *vcpu);

	/* Those of the entries that there are here. NULL: all. */
	unsigned int (*has)(struct engine_vcpu *vcpu);
	/* For people, line by line until NULL: what to know of this host. NULL: nothing. */
	const char *(*remark)(struct engine_vcpu *vcpu, unsigned int line);

	/*
	 * Take from @guest what no guest of this engine on @host can be given; was there anything? The
	 * case is then tried with what is left. An engine with a host of its own says which it is, and
	 * how it was told to treat guests.
	 */
	bool (*clamp)(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest, struct rdpmc_pmu *host,
		      struct rdpmc_policy *policy);
	/* Make @state one that the engine can bring about; was it another? NULL: it can all. */
	bool (*adapt)(struct engine_vcpu *vcpu, struct rdpmc_state *state);

	/* Everything anew: the guest's PMU, the host's, the policy. */
	void (*begin)(struct engine_vcpu *vcpu, const struct rdpmc_pmu *guest,
		      const struct rdpmc_pmu *host, const struct rdpmc_policy *policy);
	/* What the counters hold: the first @n_gp of gp[], @n_fixed of fixed[], and all else. */
	void (*load)(struct engine_vcpu *vcpu, const struct rdpmc_counters *counters,
		     unsigned int n_gp, unsigned int n_fixed);
	/* A step that writes a counter or an MSR: STEP_GP to STEP_USER_DISABLE. */
	void (*write)(struct engine_vcpu *vcpu, const struct case_step *step);
	/* RDPMC in @state by @entry. */
	void (*read)(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		     struct engine_answer *answer);
	/*
	 * Does the guest hold @expected: the first @n_gp of gp[] and @n_fixed of fixed[], metrics,
	 * fixed_ctr_ctrl, gp_user_disable? And what it holds, for a report.
	 */
	bool (*holds)(const struct engine_vcpu *vcpu, const struct rdpmc_counters *expected,
		      unsigned int n_gp, unsigned int n_fixed);
	void (*counters)(const struct engine_vcpu *vcpu, struct rdpmc_counters *counters,
			 unsigned int n_gp, unsigned int n_fixed);
	/* Would RDPMC be intercepted for this guest on this host? */
	enum intercept (*intercepts)(struct engine_vcpu *vcpu);

	/*
	 * What the engine's code complained of since this was last asked: a failed assertion, undefined
	 * behaviour, a call that nobody expects; with file and line, in memory that stays. NULL:
	 * nothing. No function: it cannot complain.
	 */
	const char *(*trouble)(struct engine_vcpu *vcpu);
};

/*
 * Engines outside the program are shared objects with a `const struct engine rdpmc_engine`; a change
 * of this file changes the number.
 */
#define ENGINE_ABI 9

/* The engines in the program, NULL at the end. */
extern const struct engine *const engines[];

/*
 * The engine of that name, or with a '/' in the name the one in that shared object; "kernel:NAME" is
 * NAME.so among the kernels. NULL with *why where there is none.
 */
const struct engine *engine_find(const char *name, const char **why);

#define KERNEL_ENGINE "kernel:"

/* Where engines made of kernels are: kernel/ beside the program. -1: that cannot be told. */
int engine_kernels(char *directory, size_t size);

/* The program's own directory, with a '/' at the end. -1: that cannot be told. */
int engine_program(char *directory, size_t size);

const char *entry_name(enum entry entry); /* "exit", "emulator", "plain" */

#endif
