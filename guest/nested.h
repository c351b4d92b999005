/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L1 with VMX or SVM, and its L2: what nested.c and the two vendors' files share. */
#ifndef GUEST_NESTED_H
#define GUEST_NESTED_H

#include <stdbool.h>
#include <stdint.h>

/* General registers in the order of enter.S. RSP is in the VMCS or VMCB. */
struct l2_regs {
	uint64_t rax, rbx, rcx, rdx, rbp, rsi, r8, r9, r10, r11, r12, r13, r14, r15, rdi;
};

enum l2_exit { L2_EXIT_RDPMC, L2_EXIT_HYPERCALL, L2_EXIT_OTHER };

struct l2 {
	struct l2_regs regs;
	uint64_t rip, rsp, cr4;
	bool rdpmc_exiting;
	uint64_t reason; /* of the last VM exit, as the VMCS or VMCB has it */
	uint32_t error;  /* VM-instruction error of a VM entry that failed, or 0 */
};

/* L1's tables, which L2 shares with all of its address space. */
struct tables {
	uint64_t gdt, idt, tss;
	uint16_t gdt_limit, idt_limit, tss_limit;
};
/* traps.c */
void traps_tables(struct tables *tables);
extern uint32_t traps_vector; /* of the last exception of those that MAY_FAULT is for */

/* VMX or SVM. */
struct virtualization {
	/*
	 * Enable it and make a VMCS or VMCB for @l2. Returns 0 or the MSR that refused, or ~0 where VMX
	 * operation or the VMCS did.
	 */
	uint32_t (*start)(const struct l2 *l2);
	/* Enter @l2 at its RIP, and note where and why it left. */
	enum l2_exit (*run)(struct l2 *l2);
	void (*stop)(void);
	const void *l2_entry; /* calls l2_main(), then the vendor's hypercall */
};
extern const struct virtualization vmx, svm;

/* enter.S */
extern const char l2_entry_vmx[], l2_entry_svm[], vmx_exit[];
/* VMLAUNCH, or VMRESUME if @launched. Returns 0 after a VM exit, 1 where there was no entry. */
int vmx_enter(struct l2_regs *regs, int launched);
/* VMRUN. RAX is the VMCB's affair. */
void svm_enter(struct l2_regs *regs, void *vmcb);

static inline uint64_t read_cr0(void)
{
	uint64_t cr0;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	return cr0;
}

static inline void write_cr0(uint64_t cr0)
{
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
}

static inline uint64_t read_cr3(void)
{
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	return cr3;
}

#endif
