// SPDX-License-Identifier: GPL-2.0-or-later
/* L1 with VMX: the least VMCS there can be, for an L2 that shares L1's address space (SDM vol. 3, "VM Entries"). */
#include "guest/guest.h"
#include "guest/msr.h"
#include "guest/nested.h"
#include "guest/segments.h"

#define MSR_FEATURE_CONTROL 0x3a
#define FEATURE_LOCKED      (1U << 0)
#define FEATURE_VMXON       (1U << 2) /* outside SMX operation */

#define MSR_VMX_BASIC      0x480
#define MSR_VMX_PINBASED   0x481
#define MSR_VMX_PROCBASED  0x482
#define MSR_VMX_EXIT       0x483
#define MSR_VMX_ENTRY      0x484
#define MSR_VMX_CR0_FIXED0 0x486
#define MSR_VMX_CR4_FIXED0 0x488
#define MSR_VMX_TRUE       0xc          /* from each of the four to its TRUE one ... */
#define BASIC_TRUE         (1ULL << 55) /* ... where there is one */

#define CR4_VMXE (1ULL << 13)

#define PROC_RDPMC_EXITING (1U << 11)
#define EXIT_HOST_64BIT    (1U << 9)
#define ENTRY_IA32E_GUEST  (1U << 9)

#define REASON_RDPMC  15
#define REASON_VMCALL 18

/* Fields of the VMCS, SDM vol. 3, appendix "Field Encoding in VMCS". Segments are 2 apart, ES to TR. */
enum {
	GUEST_SELECTOR = 0x800,
	HOST_SELECTOR = 0xc00,
	LINK_POINTER = 0x2800,
	GUEST_DEBUGCTL = 0x2802,
	PIN_CONTROLS = 0x4000,
	PROC_CONTROLS = 0x4002,
	EXCEPTION_BITMAP = 0x4004,
	PF_ERROR_MASK = 0x4006,
	PF_ERROR_MATCH = 0x4008,
	CR3_TARGETS = 0x400a,
	EXIT_CONTROLS = 0x400c,
	EXIT_MSRS_STORED = 0x400e,
	EXIT_MSRS_LOADED = 0x4010,
	ENTRY_CONTROLS = 0x4012,
	ENTRY_MSRS_LOADED = 0x4014,
	ENTRY_EVENT = 0x4016,
	INSTRUCTION_ERROR = 0x4400,
	EXIT_REASON = 0x4402,
	GUEST_LIMIT = 0x4800,
	GUEST_GDTR_LIMIT = 0x4810,
	GUEST_IDTR_LIMIT = 0x4812,
	GUEST_RIGHTS = 0x4814,
	GUEST_INTERRUPTIBILITY = 0x4824,
	GUEST_ACTIVITY = 0x4826,
	GUEST_SYSENTER_CS = 0x482a,
	HOST_SYSENTER_CS = 0x4c00,
	CR0_MASK = 0x6000,
	CR4_MASK = 0x6002,
	GUEST_CR0 = 0x6800,
	GUEST_CR3 = 0x6802,
	GUEST_CR4 = 0x6804,
	GUEST_BASE = 0x6806,
	GUEST_GDTR_BASE = 0x6816,
	GUEST_IDTR_BASE = 0x6818,
	GUEST_DR7 = 0x681a,
	GUEST_RSP = 0x681c,
	GUEST_RIP = 0x681e,
	GUEST_RFLAGS = 0x6820,
	GUEST_PENDING_DEBUG = 0x6822,
	GUEST_SYSENTER_ESP = 0x6824,
	GUEST_SYSENTER_EIP = 0x6826,
	HOST_CR0 = 0x6c00,
	HOST_CR3 = 0x6c02,
	HOST_CR4 = 0x6c04,
	HOST_FS_BASE = 0x6c06,
	HOST_GS_BASE = 0x6c08,
	HOST_TR_BASE = 0x6c0a,
	HOST_GDTR_BASE = 0x6c0c,
	HOST_IDTR_BASE = 0x6c0e,
	HOST_SYSENTER_ESP = 0x6c10,
	HOST_SYSENTER_EIP = 0x6c12,
	HOST_RIP = 0x6c16,
};

enum { ES, CS, SS, DS, FS, GS, LDTR, TR, NR_SEGMENTS };

#define RIGHTS_CODE     0xa09b /* present, 64-bit, accessed */
#define RIGHTS_DATA     0xc093
#define RIGHTS_TSS      0x8b /* present, busy */
#define RIGHTS_UNUSABLE 0x10000

#define NO_MSR ~0U

static uint8_t vmxon_region[4096] __attribute__((aligned(4096)));
static uint8_t vmcs[4096] __attribute__((aligned(4096)));
static bool launched;

/* VMXON, VMCLEAR and VMPTRLD take the address of an address. CF and ZF say that they failed. */
#define ON_REGION(instruction, region)                                                             \
	({                                                                                         \
		uint64_t address_ = (uint64_t)(region);                                            \
		bool failed_;                                                                      \
		__asm__ volatile(instruction " %1; setbe %0"                                       \
				 : "=q"(failed_)                                                   \
				 : "m"(address_)                                                   \
				 : "cc", "memory");                                                \
		!failed_;                                                                          \
	})

static bool write_field(uint64_t field, uint64_t value)
{
	bool failed;

	__asm__ volatile("vmwrite %1, %2; setbe %0"
			 : "=q"(failed)
			 : "r"(value), "r"(field)
			 : "cc", "memory");
	return !failed;
}

static uint64_t read_field(uint64_t field)
{
	uint64_t value = 0;

	__asm__ volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
	return value;
}

/* All of @wanted, and what has to be 1 (SDM vol. 3, appendix "VMX Capability Reporting Facility"). */
static uint64_t controls(uint32_t msr, uint64_t basic, uint32_t wanted)
{
	uint64_t value;

	read_msr(basic & BASIC_TRUE ? msr + MSR_VMX_TRUE : msr, &value);
	return (uint32_t)value | wanted;
}

static bool write_segments(const struct tables *tables)
{
	static const uint16_t selectors[NR_SEGMENTS] = {
		[ES] = KERNEL_DS, [CS] = KERNEL_CS,    [SS] = KERNEL_DS,
		[DS] = KERNEL_DS, [TR] = TSS_SELECTOR,
	};
	static const uint32_t rights[NR_SEGMENTS] = {
		RIGHTS_DATA,     RIGHTS_CODE,     RIGHTS_DATA,     RIGHTS_DATA,
		RIGHTS_UNUSABLE, RIGHTS_UNUSABLE, RIGHTS_UNUSABLE, RIGHTS_TSS,
	};
	bool good = true;

	for (unsigned int i = 0; i < NR_SEGMENTS; i++) {
		good &= write_field(GUEST_SELECTOR + 2 * i, selectors[i]);
		good &= write_field(GUEST_LIMIT + 2 * i, i == TR ? tables->tss_limit : ~0U);
		good &= write_field(GUEST_RIGHTS + 2 * i, rights[i]);
		good &= write_field(GUEST_BASE + 2 * i, i == TR ? tables->tss : 0);
		/* The host's has no LDTR: TR has its place. */
		if (i != LDTR)
			good &= write_field(HOST_SELECTOR + 2 * (i == TR ? (unsigned int)LDTR : i),
					    selectors[i]);
	}
	return good;
}

static bool write_vmcs(const struct l2 *l2, uint64_t basic)
{
	struct tables tables;
	bool good;

	traps_tables(&tables);
	/* Nothing is left as VMCLEAR makes it: what that is, is the processor's affair. */
	const struct {
		uint32_t field;
		uint64_t value;
	} fields[] = {
		{ PIN_CONTROLS, controls(MSR_VMX_PINBASED, basic, 0) },
		{ PROC_CONTROLS,
		  controls(MSR_VMX_PROCBASED, basic, l2->rdpmc_exiting ? PROC_RDPMC_EXITING : 0) },
		{ EXIT_CONTROLS, controls(MSR_VMX_EXIT, basic, EXIT_HOST_64BIT) },
		{ ENTRY_CONTROLS, controls(MSR_VMX_ENTRY, basic, ENTRY_IA32E_GUEST) },
		{ EXCEPTION_BITMAP, 0 },
		{ PF_ERROR_MASK, 0 },
		{ PF_ERROR_MATCH, 0 },
		{ CR3_TARGETS, 0 },
		{ EXIT_MSRS_STORED, 0 },
		{ EXIT_MSRS_LOADED, 0 },
		{ ENTRY_MSRS_LOADED, 0 },
		{ ENTRY_EVENT, 0 },
		{ CR0_MASK, 0 },
		{ CR4_MASK, 0 },
		{ LINK_POINTER, ~0ULL },
		{ GUEST_DEBUGCTL, 0 },
		{ GUEST_GDTR_LIMIT, tables.gdt_limit },
		{ GUEST_IDTR_LIMIT, tables.idt_limit },
		{ GUEST_INTERRUPTIBILITY, 0 },
		{ GUEST_ACTIVITY, 0 },
		{ GUEST_SYSENTER_CS, 0 },
		{ GUEST_SYSENTER_ESP, 0 },
		{ GUEST_SYSENTER_EIP, 0 },
		{ GUEST_CR0, read_cr0() },
		{ GUEST_CR3, read_cr3() },
		/* CR4.VMXE has to be 1 in VMX non-root operation, too. */
		{ GUEST_CR4, l2->cr4 | (read_cr4() & CR4_VMXE) },
		{ GUEST_GDTR_BASE, tables.gdt },
		{ GUEST_IDTR_BASE, tables.idt },
		{ GUEST_DR7, 0x400 },
		{ GUEST_RSP, l2->rsp },
		{ GUEST_RFLAGS, 2 },
		{ GUEST_PENDING_DEBUG, 0 },
		{ HOST_SYSENTER_CS, 0 },
		{ HOST_SYSENTER_ESP, 0 },
		{ HOST_SYSENTER_EIP, 0 },
		{ HOST_CR0, read_cr0() },
		{ HOST_CR3, read_cr3() },
		{ HOST_CR4, read_cr4() },
		{ HOST_FS_BASE, 0 },
		{ HOST_GS_BASE, 0 },
		{ HOST_TR_BASE, tables.tss },
		{ HOST_GDTR_BASE, tables.gdt },
		{ HOST_IDTR_BASE, tables.idt },
		{ HOST_RIP, (uint64_t)vmx_exit },
	};

	good = write_segments(&tables);
	for (unsigned int i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		good &= write_field(fields[i].field, fields[i].value);
	return good;
}

/* Returns 0 or the MSR that refused. */
static uint32_t enable(void)
{
	uint64_t feature, cr0_fixed, cr4_fixed;

	if (!read_msr(MSR_FEATURE_CONTROL, &feature))
		return MSR_FEATURE_CONTROL;
	if (!(feature & FEATURE_LOCKED) &&
	    !write_msr(MSR_FEATURE_CONTROL, feature | FEATURE_LOCKED | FEATURE_VMXON))
		return MSR_FEATURE_CONTROL;
	if (!read_msr(MSR_VMX_CR0_FIXED0, &cr0_fixed))
		return MSR_VMX_CR0_FIXED0;
	if (!read_msr(MSR_VMX_CR4_FIXED0, &cr4_fixed))
		return MSR_VMX_CR4_FIXED0;
	write_cr0(read_cr0() | cr0_fixed);
	write_cr4(read_cr4() | cr4_fixed);
	return 0;
}

static void vmx_stop(void)
{
	__asm__ volatile("vmxoff" : : : "cc", "memory");
	write_cr4(read_cr4() & ~CR4_VMXE);
}

static uint32_t vmx_start(const struct l2 *l2)
{
	uint32_t refused = enable(), revision;
	uint64_t basic;

	if (refused)
		return refused;
	if (!read_msr(MSR_VMX_BASIC, &basic))
		return MSR_VMX_BASIC;
	revision = basic & 0x7fffffff;
	*(uint32_t *)vmxon_region = *(uint32_t *)vmcs = revision;
	if (!ON_REGION("vmxon", vmxon_region))
		return NO_MSR;
	launched = false;
	if (ON_REGION("vmclear", vmcs) && ON_REGION("vmptrld", vmcs) && write_vmcs(l2, basic))
		return 0;
	vmx_stop();
	return NO_MSR;
}

static enum l2_exit vmx_run(struct l2 *l2)
{
	write_field(GUEST_RIP, l2->rip);
	if (vmx_enter(&l2->regs, launched)) {
		l2->error = (uint32_t)read_field(INSTRUCTION_ERROR);
		return L2_EXIT_OTHER;
	}
	launched = true;
	l2->reason = read_field(EXIT_REASON);
	l2->rip = read_field(GUEST_RIP);
	/* Whole: bit 31 says that the entry failed. */
	return l2->reason == REASON_RDPMC    ? L2_EXIT_RDPMC
	       : l2->reason == REASON_VMCALL ? L2_EXIT_HYPERCALL
					     : L2_EXIT_OTHER;
}

const struct virtualization vmx = {
	.start = vmx_start,
	.run = vmx_run,
	.stop = vmx_stop,
	.l2_entry = l2_entry_vmx,
};
