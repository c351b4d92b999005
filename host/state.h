/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPU state for every mode a processor can execute RDPMC in. The tables that the modes need (page
 * tables, GDT, IDTs, TSSs) stand side by side in guest memory below STATE_TABLES_END.
 */
#ifndef HOST_STATE_H
#define HOST_STATE_H

#include "host/vm.h"

#define STATE_TABLES_END 0x10000

/* Every exception ends in a write to this port, at CPL 0. */
#define STATE_PORT 0xe4

enum cpu_mode {
	CPU_REAL, /* 16 bit, CR0.PE = 0, CPL 0 */
	CPU_PROTECTED16,
	CPU_PROTECTED32,
	CPU_VIRTUAL8086,     /* CPL 3 */
	CPU_COMPATIBILITY16, /* 16-bit code in long mode */
	CPU_COMPATIBILITY,   /* 32-bit code in long mode */
	CPU_LONG,            /* 64 bit */
	NR_CPU_MODES
};

#define CPU_CR0_PG    (1ULL << 31)
#define CPU_CR4_PCE   (1ULL << 8)
#define CPU_RFLAGS_RF (1ULL << 16)
#define CPU_RFLAGS_VM (1ULL << 17)

struct cpu_state {
	enum cpu_mode mode;
	unsigned int cpl;  /* 0 to 3; what the mode allows */
	bool paging;       /* protected modes only: long mode has it, real mode not */
	uint64_t cr0, cr4; /* bits set beside those that the mode needs */
	/*
	 * 0 in 64-bit mode, multiples of 16 below 1 MiB in real and virtual-8086 mode. DS is not
	 * used by the other modes, and all other segments have base 0.
	 */
	uint32_t cs_base, ds_base;
	struct kvm_regs regs; /* RFLAGS.VM is set by the mode, bit 1 always */
};

const char *cpu_mode_name(enum cpu_mode mode);
bool cpu_mode_allows(enum cpu_mode mode, unsigned int cpl, bool paging);
bool cpu_mode_is_long(enum cpu_mode mode);
bool cpu_mode_is_86(enum cpu_mode mode); /* real-address or virtual-8086 */

/*
 * Write the tables of all modes. Where there is paging, guest memory is mapped one to one and open
 * to CPL 3; in long mode its first 2 MiB also end at the lower half of the canonical addresses, and
 * begin and end the upper half. Returns 0 or -errno.
 */
int state_tables(const struct vm *vm, struct failure *failure);

/* The general registers of @state: the mode's RFLAGS with them. */
void state_general(const struct cpu_state *state, struct kvm_regs *regs);

/* @state in KVM's words. @sregs: what it is before, of which the local APIC's base is kept. */
void state_registers(const struct cpu_state *state, struct kvm_regs *regs, struct kvm_sregs *sregs);

/* The descriptors of CS and SS into the GDT, for code that is returned to by IRET. */
void state_descriptors(const struct vm *vm, const struct kvm_sregs *sregs);

/*
 * Write the tables and bring the vCPU into @state. Returns 0 or -errno; -EINVAL for a combination
 * that does not exist, or not for a vCPU whose memory does not begin at 0 (64-bit mode alone has page
 * tables for that), -ENOTSUP for one that this KVM does not take (it is read back: kvm_pvm drops
 * paging outside long mode without a word).
 */
int state_set(struct vm *vm, const struct cpu_state *state, struct failure *failure);

struct cpu_exception {
	unsigned int vector;
	bool has_error;
	uint32_t error;
};

/*
 * Do @regs and @sregs of a vCPU that was in @set, in virtual-8086 mode or not, stand in an
 * exception's handler? Then fill @exception and put back what its delivery took: RIP, RSP, RFLAGS,
 * the selectors, and as @set has them the hidden parts of the segments whose selectors were saved.
 */
bool state_unwind(const struct vm *vm, const struct kvm_sregs *set, bool virtual86,
		  struct kvm_regs *regs, struct kvm_sregs *sregs, struct cpu_exception *exception);

/*
 * The first thing in which the vCPU is not as it was, but for RIP, RAX, RDX and RFLAGS, in @text;
 * false: nothing.
 */
bool state_differs(const struct kvm_regs *regs_before, const struct kvm_sregs *before,
		   const struct kvm_regs *regs, const struct kvm_sregs *sregs, char *text,
		   size_t size);

#endif
