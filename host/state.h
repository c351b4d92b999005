/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPU state for every mode a processor can execute RDPMC in. The tables that a mode needs (page
 * tables, GDT, IDT, TSS) are written into guest memory below STATE_TABLES_END.
 */
#ifndef HOST_STATE_H
#define HOST_STATE_H

#include "host/vm.h"

#define STATE_TABLES_END 0x10000

enum cpu_mode {
	MODE_REAL, /* 16 bit, CR0.PE = 0, CPL 0 */
	MODE_PROTECTED16,
	MODE_PROTECTED32,
	MODE_VIRTUAL8086,   /* CPL 3 */
	MODE_COMPATIBILITY, /* 32-bit code in long mode */
	MODE_LONG,          /* 64 bit */
	NR_CPU_MODES
};

struct cpu_state {
	enum cpu_mode mode;
	unsigned int cpl;     /* 0 to 3; what the mode allows */
	bool pce;             /* CR4.PCE */
	bool paging;          /* protected modes only: long mode has it, real mode not */
	struct kvm_regs regs; /* RFLAGS.VM is set by the mode, bit 1 always */
};

const char *cpu_mode_name(enum cpu_mode mode);
bool cpu_mode_allows(enum cpu_mode mode, unsigned int cpl, bool paging);

/*
 * Bring the vCPU into @state with flat segments of base 0 (real and virtual-8086: selectors 0) and,
 * where there is paging, an identity map of guest memory open to CPL 3.
 * Every exception ends in a HLT at CPL 0, by which state_exception() knows it.
 * Returns 0 or -errno; -EINVAL for a combination that does not exist, -ENOTSUP for one that this
 * KVM does not take (it is read back: kvm_pvm drops paging outside long mode without a word).
 */
int state_set(struct vm *vm, const struct cpu_state *state, struct failure *failure);

struct cpu_exception {
	unsigned int vector;
	bool has_error;
	uint32_t error;
	uint64_t rip; /* of the faulting instruction */
	uint64_t cs;
};

/*
 * After KVM_EXIT_HLT (a VM with an in-kernel irqchip never gives one): was it an exception's HLT?
 * Then fill @exception from the stack of @mode's handler and return true. Registers other than RIP,
 * RSP and RFLAGS are still the faulting ones.
 */
bool state_exception(const struct vm *vm, enum cpu_mode mode, struct cpu_exception *exception);

#endif
