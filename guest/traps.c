// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Descriptor tables and exceptions. An exception that nobody expects is written into the page and
 * told to the host; double faults have a stack of their own, so even a lost stack is reported.
 */
#include "guest/guest.h"
#include "guest/nested.h"
#include "guest/segments.h"

#define VECTOR_DF 8

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, zero;
};

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, io_map_base;
	uint8_t io_map[GUEST_PORT_NOTHING / 8 +
		       2]; /* a 0 bit opens a port to CPL 3; one byte of ones ends it */
} __attribute__((packed));

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

/* What exception_common pushed, then what the processor pushed. */
struct frame {
	uint64_t regs[15];
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

enum { REG_RAX = 0, REG_RCX = 2, REG_RDX = 3 };

/* An instruction that may fault, and where to go on when it does. */
struct ex_entry {
	uint64_t insn, fixup;
};

extern const struct ex_entry ex_table_start[], ex_table_end[];
extern const char exception_entries[], gp_skips_rdpmc[], rdpmc_insn[], cpl3_done[];
extern const char exception_stack_top[], fault_stack_top[];
extern uint64_t rdpmc_faults;
__attribute__((noreturn)) void leave_cpl3(uint64_t result);

static struct gate idt[32];
static struct tss tss;
/* Null, kernel code, kernel data, user data, user code, TSS (two slots). */
static uint64_t gdt[7] = {
	0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff,
};
static bool asks_host;
uint32_t traps_vector;

static void set_gate(unsigned int vector, const void *entry, uint8_t ist)
{
	uint64_t address = (uint64_t)entry;

	idt[vector] = (struct gate){
		.offset_low = (uint16_t)address,
		.offset_middle = (uint16_t)(address >> 16),
		.offset_high = (uint32_t)(address >> 32),
		.selector = KERNEL_CS,
		.ist = ist,
		.type = 0x8e, /* present, DPL 0, 64-bit interrupt gate */
	};
}

void traps_init(void)
{
	struct table_pointer gdtr = { sizeof(gdt) - 1, (uint64_t)gdt };
	struct table_pointer idtr = { sizeof(idt) - 1, (uint64_t)idt };
	uint64_t base = (uint64_t)&tss;

	tss.rsp[0] = (uint64_t)exception_stack_top;
	tss.ist[0] = (uint64_t)fault_stack_top;
	tss.io_map_base = __builtin_offsetof(struct tss, io_map);
	for (unsigned int i = 0; i < sizeof(tss.io_map); i++)
		tss.io_map[i] = 0xff;
	tss.io_map[GUEST_PORT_NOTHING / 8] &= (uint8_t) ~(1U << GUEST_PORT_NOTHING % 8);
	gdt[5] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ULL << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[6] = base >> 32;

	for (unsigned int vector = 0; vector < 32; vector++)
		set_gate(vector, exception_entries + 16 * vector, vector == VECTOR_DF);

	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	__asm__ volatile("lidt %0" : : "m"(idtr));
	__asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
	__asm__ volatile("mov %w0, %%ds; mov %w0, %%es; mov %w0, %%ss" : : "r"(KERNEL_DS));
	/* IRET of a handler loads CS from our GDT: start from there as well. */
	__asm__ volatile("push %0; push $1f; lretq; 1:" : : "i"(KERNEL_CS) : "memory");
}

void traps_tables(struct tables *tables)
{
	*tables = (struct tables){
		.gdt = (uint64_t)gdt,
		.idt = (uint64_t)idt,
		.tss = (uint64_t)&tss,
		.gdt_limit = sizeof(gdt) - 1,
		.idt_limit = sizeof(idt) - 1,
		.tss_limit = sizeof(tss) - 1,
	};
}

void traps_expect_rdpmc_fault(bool assist)
{
	asks_host = assist;
	set_gate(VECTOR_GP, assist ? exception_entries + 16 * VECTOR_GP : gp_skips_rdpmc, 0);
}

/* The host answers in the place of a PMU that is not there. */
static void assist_rdpmc(struct frame *frame)
{
	struct guest_assist *assist = &guest_page.assist;

	assist->ecx = (uint32_t)frame->regs[REG_RCX];
	assist->cpl = frame->cs & 3;
	assist->pce = read_cr4() >> 8 & 1;
	port_write(GUEST_PORT_ASSIST);
	if (assist->refused) {
		rdpmc_faults++;
	} else {
		frame->regs[REG_RAX] = (uint32_t)assist->value;
		frame->regs[REG_RDX] = assist->value >> 32;
	}
	frame->rip += 2;
}

static void report_fault(const struct frame *frame)
{
	struct guest_fault *fault = &guest_page.fault;

	fault->vector = (uint32_t)frame->vector;
	fault->raised = guest_page.command == GUEST_RAISE;
	fault->error = frame->error;
	fault->rip = frame->rip;
	fault->cs = frame->cs;
	fault->rflags = frame->rflags;
	fault->rsp = frame->rsp;
	fault->ss = frame->ss;
	__asm__ volatile("mov %%cr2, %0" : "=r"(fault->cr2));
	for (unsigned int i = 0; i < 15; i++)
		fault->regs[i] = frame->regs[i];
	for (;;)
		port_write(GUEST_PORT_FAULT);
}

void guest_exception(struct frame *frame);

void guest_exception(struct frame *frame)
{
	if (frame->vector == VECTOR_GP && asks_host && frame->rip == (uint64_t)rdpmc_insn) {
		assist_rdpmc(frame);
		return;
	}
	if (frame->vector == VECTOR_UD && frame->rip == (uint64_t)cpl3_done)
		leave_cpl3(frame->regs[REG_RAX]);
	for (const struct ex_entry *entry = ex_table_start; entry < ex_table_end; entry++) {
		if ((frame->vector == VECTOR_GP || frame->vector == VECTOR_UD) &&
		    entry->insn == frame->rip) {
			traps_vector = (uint32_t)frame->vector;
			frame->rip = entry->fixup;
			return;
		}
	}
	report_fault(frame);
}
