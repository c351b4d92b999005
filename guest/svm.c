// SPDX-License-Identifier: GPL-2.0-or-later
/* L1 with SVM: the least VMCB there can be, for an L2 that shares L1's address space (APM vol. 2, "VMRUN Instruction"). */
#include "guest/guest.h"
#include "guest/msr.h"
#include "guest/nested.h"
#include "guest/segments.h"

#define MSR_EFER     0xc0000080
#define EFER_SVME    (1ULL << 12)
#define MSR_HSAVE_PA 0xc0010117

/* APM vol. 2, appendix "Layout of VMCB": vectors 3 and 4 of the intercepts */
#define INTERCEPT_RDPMC    (1U << 15)
#define INTERCEPT_SHUTDOWN (1U << 31)
#define INTERCEPT_VMRUN    (1U << 0) /* has to be 1 */
#define INTERCEPT_VMMCALL  (1U << 1)

#define EXIT_RDPMC   0x6f
#define EXIT_VMMCALL 0x81

struct segment {
	uint16_t selector, attributes;
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	uint32_t intercept_cr, intercept_dr, intercept_exceptions, intercepts3, intercepts4;
	uint8_t reserved014[0x58 - 0x14];
	uint32_t asid;
	uint8_t reserved05c[0x70 - 0x5c];
	uint64_t exit_code;
	uint8_t reserved078[0x400 - 0x78];
	struct segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved4a0[0x4cb - 0x4a0];
	uint8_t cpl;
	uint32_t reserved4cc;
	uint64_t efer;
	uint8_t reserved4d8[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t reserved580[0x5d8 - 0x580];
	uint64_t rsp;
	uint8_t reserved5e0[0x5f8 - 0x5e0];
	uint64_t rax;
	uint8_t reserved600[0x1000 - 0x600];
};
_Static_assert(sizeof(struct vmcb) == 0x1000 && __builtin_offsetof(struct vmcb, efer) == 0x4d0 &&
		       __builtin_offsetof(struct vmcb, rip) == 0x578,
	       "the layout of a VMCB");

#define ATTRIBUTES_CODE 0xa9b /* present, 64-bit, accessed */
#define ATTRIBUTES_DATA 0xc93

static struct vmcb vmcb __attribute__((aligned(4096)));
static uint8_t host_save_area[4096] __attribute__((aligned(4096)));

/* The rest is 0, and no exit that ends this L2 makes it anything else. */
static void write_vmcb(const struct l2 *l2, uint64_t efer)
{
	struct tables tables;

	traps_tables(&tables);
	vmcb.intercepts3 = INTERCEPT_SHUTDOWN | (l2->rdpmc_exiting ? INTERCEPT_RDPMC : 0);
	vmcb.intercepts4 = INTERCEPT_VMRUN | INTERCEPT_VMMCALL;
	vmcb.asid = 1;
	/* TR stays L1's: VMRUN does not switch it. */
	vmcb.cs = (struct segment){ KERNEL_CS, ATTRIBUTES_CODE, ~0U, 0 };
	vmcb.es = vmcb.ss = vmcb.ds = (struct segment){ KERNEL_DS, ATTRIBUTES_DATA, ~0U, 0 };
	vmcb.gdtr = (struct segment){ .limit = tables.gdt_limit, .base = tables.gdt };
	vmcb.idtr = (struct segment){ .limit = tables.idt_limit, .base = tables.idt };
	vmcb.cpl = 0;
	vmcb.efer = efer;
	vmcb.cr0 = read_cr0();
	vmcb.cr3 = read_cr3();
	vmcb.cr4 = l2->cr4;
	vmcb.dr6 = 0xffff0ff0;
	vmcb.dr7 = 0x400;
	vmcb.rflags = 2;
	vmcb.rsp = l2->rsp;
}

static uint32_t svm_start(const struct l2 *l2)
{
	uint64_t efer;

	if (!read_msr(MSR_EFER, &efer) || !write_msr(MSR_EFER, efer | EFER_SVME))
		return MSR_EFER;
	if (!write_msr(MSR_HSAVE_PA, (uint64_t)host_save_area))
		return MSR_HSAVE_PA;
	write_vmcb(l2, efer | EFER_SVME);
	return 0;
}

static enum l2_exit svm_run(struct l2 *l2)
{
	vmcb.rip = l2->rip;
	vmcb.rax = l2->regs.rax;
	svm_enter(&l2->regs, &vmcb);
	l2->regs.rax = vmcb.rax;
	l2->rip = vmcb.rip;
	l2->reason = vmcb.exit_code;
	return l2->reason == EXIT_RDPMC     ? L2_EXIT_RDPMC
	       : l2->reason == EXIT_VMMCALL ? L2_EXIT_HYPERCALL
					    : L2_EXIT_OTHER;
}

static void svm_stop(void)
{
	uint64_t efer;

	if (read_msr(MSR_EFER, &efer))
		write_msr(MSR_EFER, efer & ~EFER_SVME);
}

const struct virtualization svm = {
	.start = svm_start,
	.run = svm_run,
	.stop = svm_stop,
	.l2_entry = l2_entry_svm,
};
