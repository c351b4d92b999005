/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One instruction in a vCPU of its own, from any state: everything that it changed, how it ended, and
 * how many exits it took. A vCPU that is lost (triple fault, KVM's own error, one that does not
 * come back) is made anew by the next instruction.
 */
#ifndef HOST_INSN_H
#define HOST_INSN_H

#include "host/state.h"
#include "host/stats_fd.h"

#define INSN_MEMORY    0x200000 /* bytes of guest memory */
#define INSN_LONGEST   15
#define INSN_CODE_MOST 20 /* bytes of code: KVM's forced-emulation prefix, UD2 "kvm", before it */
#define INSN_PAGE      0x1000

/*
 * Where code may lie: CS's base and RIP together, modulo INSN_MEMORY. Below and above are tables
 * and stacks; everything here that is not under test is a HLT, or INT3 with an irqchip.
 */
#define INSN_CODE     0x20000
#define INSN_CODE_END (INSN_MEMORY - 0x1000)
#define INSN_STACK    0x18000 /* RSP where CPL 0 faults on its own stack: outside long mode */
#define INSN_STACK_86 0xc000  /* ... where the stack segment has 16 bits: SP is all there is */

struct insn_count {
	uint64_t exits, emulated; /* by KVM's counters; host interrupts left out */
};

/* One vCPU, and what this KVM makes of each kind of state. */
struct insn_vcpu {
	const struct kvm *kvm;
	struct vm_config config;
	unsigned int timeout_ms;
	bool ready;
	struct vm vm;
	struct vcpu_stats stats;
	uint64_t seen[NR_VCPU_STATS]; /* the counters after the last instruction */
	uint64_t made;                /* vCPUs, this one included */
	uint8_t filler; /* code that nothing should come to: what leaves to user space, or faults */
	uint64_t
		out; /* linear address of a port write that KVM may yet have to complete; 0: none */

	struct insn_kind {
		bool tried, refused;
		struct failure why;     /* ... it was refused */
		struct kvm_sregs sregs; /* read back: KVM may say nothing and have it otherwise */
		uint64_t lost_rflags;   /* what the handler of any exception is not told */
		bool emulated;          /* KVM executes all code of this kind in software */
		/* What no instruction's exit can be less than: done, and with an exception. */
		struct insn_count min[2];
		/* Pages that code was fetched from, in the vCPU of that number. */
		uint64_t touched[INSN_MEMORY / INSN_PAGE / 64], touched_in;
	} kinds[NR_CPU_MODES][4][2]; /* mode, CPL, paging */
};

/*
 * @config: memory_size is not looked at. @timeout_ms: for one instruction. Returns 0 or -errno, as
 * vm_create(); -ENOTSUP where KVM lacks what is needed.
 */
int insn_open(struct insn_vcpu *vcpu, const struct kvm *kvm, const struct vm_config *config,
	      unsigned int timeout_ms, struct failure *failure);
void insn_close(struct insn_vcpu *vcpu); /* of a zeroed or closed one: nothing */

enum insn_end {
	INSN_DONE,      /* the next one was come to */
	INSN_EXCEPTION, /* it raised one */
	INSN_REFUSED,   /* KVM does not take the state: @text says why; nothing was run */
	INSN_LOST       /* the vCPU did not come back: @text says how */
};

/* How the instruction itself was executed, told by KVM's counters. */
enum insn_path {
	INSN_NO_EXIT, /* by the processor, without KVM's doing */
	INSN_EXITED,  /* by KVM, after an exit of its own */
	INSN_EMULATED /* by KVM, as any instruction in this state */
};

struct insn_result {
	enum insn_end end;
	enum insn_path path;
	struct cpu_exception exception;
	/* As the instruction left them: with an exception, as its handler was told. */
	struct kvm_regs regs;
	/* Something changed that is neither RIP, RAX, RDX nor RFLAGS: @text says what. */
	bool changed;
	struct insn_count count; /* the instruction and its end */
	bool unemulated;         /* lost: KVM would have had to emulate what it cannot */
	char text[sizeof(struct failure)];
};

/* Run @code, of @length up to INSN_CODE_MOST bytes, once. */
void insn_run(struct insn_vcpu *vcpu, const struct cpu_state *state, const uint8_t *code,
	      size_t length, struct insn_result *result);

/* Does KVM execute all code of such a state in software? False, too, where it refuses the state. */
bool insn_emulated(struct insn_vcpu *vcpu, const struct cpu_state *state);

/*
 * Bits of @asked that this KVM takes in CR0 (@cr4: CR4) in 64-bit and in 32-bit protected mode, at
 * CPL 0 and 3. Each is tried by itself.
 */
uint64_t insn_free_bits(struct insn_vcpu *vcpu, bool cr4, uint64_t asked);

#endif
