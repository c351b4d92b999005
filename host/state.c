// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Descriptor and page tables for each mode, and the registers that go with them (SDM vol. 3,
 * "Protected-mode memory management", "Task management", "8086 emulation").
 */
#include "host/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* Guest-physical places, all below 64 KiB so that real mode reaches them. */
#define IVT        0x0400 /* real mode: 4 bytes a vector */
#define GDT        0x0600
#define TSS32      0x0680
#define TSS64      0x0700
#define TSS_SIZE   104
#define IDT32      0x0800 /* 8 bytes a gate */
#define IDT64      0x0a00 /* 16 bytes a gate */
#define STUBS      0x0c00 /* an OUT for each vector: RIP tells which */
#define STUB_SIZE  4
#define PML4       0x1000
#define PDPT       0x2000
#define PD         0x3000
#define PD32       0x4000
#define PD_LAST    0x5000 /* of the last 2 MiB of each half */
#define CPL0_STACK 0x8000
#define NR_VECTORS 32

#define CR0_PE       0x1ULL
#define CR0_ET_NE    0x30ULL
#define CR4_PSE      0x10ULL
#define CR4_PAE      0x20ULL
#define EFER_LME     0x100ULL
#define EFER_LMA     0x400ULL
#define RFLAGS_FIXED 0x2ULL

#define PAGE_PRESENT_RW_USER 0x7ULL
#define PAGE_LARGE           0x80ULL

/* Vectors that push an error code: SDM vol. 3 table "Exceptions and interrupts", APM vol. 2. */
#define WITH_ERROR_CODE 0x60227d00U

/* GDT: the first three serve the exception handlers at CPL 0, then the code under test. */
enum {
	SEL_HANDLER_CS32 = 0x08,
	SEL_HANDLER_CS64 = 0x10,
	SEL_HANDLER_DS = 0x18,
	SEL_CS = 0x20,
	SEL_DS = 0x28,
	SEL_TSS = 0x30, /* 16 bytes in long mode */
	GDT_SIZE = 0x40
};

bool cpu_mode_is_long(enum cpu_mode mode)
{
	return mode == CPU_LONG || mode == CPU_COMPATIBILITY || mode == CPU_COMPATIBILITY16;
}

bool cpu_mode_is_86(enum cpu_mode mode)
{
	return mode == CPU_REAL || mode == CPU_VIRTUAL8086;
}

const char *cpu_mode_name(enum cpu_mode mode)
{
	static const char *const names[NR_CPU_MODES] = {
		[CPU_REAL] = "real",
		[CPU_PROTECTED16] = "protected 16",
		[CPU_PROTECTED32] = "protected 32",
		[CPU_VIRTUAL8086] = "virtual-8086",
		[CPU_COMPATIBILITY16] = "compatibility 16",
		[CPU_COMPATIBILITY] = "compatibility 32",
		[CPU_LONG] = "64-bit",
	};

	return names[mode];
}

bool cpu_mode_allows(enum cpu_mode mode, unsigned int cpl, bool paging)
{
	if (mode == CPU_REAL)
		return cpl == 0 && !paging;
	if (mode == CPU_VIRTUAL8086)
		return cpl == 3;
	return cpl <= 3 && (paging || !cpu_mode_is_long(mode));
}

static void put(const struct vm *vm, size_t address, const void *data, size_t size)
{
	memcpy(vm->memory + address, data, size);
}

static void put64(const struct vm *vm, size_t address, uint64_t value)
{
	put(vm, address, &value, sizeof(value));
}

static void put32(const struct vm *vm, size_t address, uint32_t value)
{
	put(vm, address, &value, sizeof(value));
}

static uint64_t get(const struct vm *vm, uint64_t address, size_t size)
{
	uint64_t value = 0;

	if (address < vm->memory_size && size <= vm->memory_size - address)
		memcpy(&value, vm->memory + address, size);
	return value;
}

/* The in-memory descriptor of a segment register's hidden part. */
static uint64_t descriptor(const struct kvm_segment *seg)
{
	uint64_t limit = seg->g ? seg->limit >> 12 : seg->limit;
	uint64_t access = seg->type | seg->s << 4 | seg->dpl << 5 | seg->present << 7;
	uint64_t flags = seg->avl | seg->l << 1 | seg->db << 2 | seg->g << 3;

	return (limit & 0xffff) | (seg->base & 0xffffff) << 16 | access << 40 |
	       (limit >> 16 & 0xf) << 48 | flags << 52 | (seg->base >> 24 & 0xff) << 56;
}

static struct kvm_segment flat(uint16_t selector, uint8_t type, unsigned int dpl)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = (uint16_t)(selector | dpl),
		.type = type,
		.present = 1,
		.dpl = (uint8_t)dpl,
		.db = 1,
		.s = 1,
		.g = 1,
	};
}

#define TYPE_CODE     0xb /* execute, read, accessed */
#define TYPE_DATA     0x3 /* read, write, accessed */
#define TYPE_BUSY_TSS 0xb

static struct kvm_segment flat_code(uint16_t selector, unsigned int bits, unsigned int dpl)
{
	struct kvm_segment code = flat(selector, TYPE_CODE, dpl);

	code.l = bits == 64;
	code.db = bits == 32;
	return code;
}

/* Real and virtual-8086 mode: 64 KiB. */
static struct kvm_segment segment_86(bool virtual86, uint32_t base, uint8_t type)
{
	return (struct kvm_segment){
		.base = base,
		.selector = (uint16_t)(base >> 4),
		.limit = 0xffff,
		.type = type,
		.present = 1,
		.s = 1,
		.dpl = virtual86 ? 3 : 0,
	};
}

static struct kvm_segment task(bool is_long)
{
	return (struct kvm_segment){
		.base = is_long ? TSS64 : TSS32,
		.limit = TSS_SIZE - 1,
		.selector = SEL_TSS,
		.type = TYPE_BUSY_TSS,
		.present = 1,
	};
}

static void write_page_tables(const struct vm *vm)
{
	/* First and last of each half of the canonical addresses. */
	static const size_t halves[] = { 0, 255, 256, 511 };

	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
		put64(vm, PML4 + 8 * halves[i], (vm->base + PDPT) | PAGE_PRESENT_RW_USER);
	put64(vm, PDPT, (vm->base + PD) | PAGE_PRESENT_RW_USER);
	put64(vm, PDPT + 8 * 511, (vm->base + PD_LAST) | PAGE_PRESENT_RW_USER);
	put64(vm, PD_LAST + 8 * 511, vm->base | PAGE_PRESENT_RW_USER | PAGE_LARGE);
	for (uint64_t i = 0; i << 21 < vm->memory_size && i < 512; i++)
		put64(vm, PD + 8 * i, (vm->base + (i << 21)) | PAGE_PRESENT_RW_USER | PAGE_LARGE);
	for (uint32_t i = 0; (uint64_t)i << 22 < vm->memory_size && i < 1024; i++)
		put32(vm, PD32 + 4 * i, i << 22 | (uint32_t)(PAGE_PRESENT_RW_USER | PAGE_LARGE));
}

static void write_exception_tables(const struct vm *vm)
{
	/* OUT imm8, AL; and a HLT that nothing comes to. */
	static const uint8_t stub[STUB_SIZE] = { 0xe6, STATE_PORT, 0xf4, 0xf4 };

	for (uint32_t vector = 0; vector < NR_VECTORS; vector++) {
		uint32_t handler = STUBS + STUB_SIZE * vector;
		uint64_t gate = handler | 0x8eULL << 40; /* 32 or 64-bit interrupt gate */

		put(vm, handler, stub, sizeof(stub));
		put32(vm, IVT + 4 * vector, handler);
		put64(vm, IDT32 + 8 * vector, gate | SEL_HANDLER_CS32 << 16);
		/* Stack 1 of the TSS, so that RSP may hold anything. */
		put64(vm, IDT64 + 16 * vector, gate | SEL_HANDLER_CS64 << 16 | 1ULL << 32);
		put64(vm, IDT64 + 16 * vector + 8, 0);
	}
	memset(vm->memory + TSS32, 0, TSS_SIZE);
	memset(vm->memory + TSS64, 0, TSS_SIZE);
	put64(vm, TSS32 + 4, CPL0_STACK | (uint64_t)SEL_HANDLER_DS << 32); /* ESP0, SS0 */
	put64(vm, TSS64 + 4, CPL0_STACK);                                  /* RSP0 */
	put64(vm, TSS64 + 36, CPL0_STACK);                                 /* IST1 */
}

/* The code under test has its hidden parts set with the registers. */
static void write_gdt(const struct vm *vm)
{
	struct kvm_segment code32 = flat_code(SEL_HANDLER_CS32, 32, 0);
	struct kvm_segment code64 = flat_code(SEL_HANDLER_CS64, 64, 0);
	struct kvm_segment data = flat(SEL_HANDLER_DS, TYPE_DATA, 0), tss = task(true);

	memset(vm->memory + GDT, 0, GDT_SIZE);
	put64(vm, GDT + SEL_HANDLER_CS32, descriptor(&code32));
	put64(vm, GDT + SEL_HANDLER_CS64, descriptor(&code64));
	put64(vm, GDT + SEL_HANDLER_DS, descriptor(&data));
	put64(vm, GDT + SEL_TSS, descriptor(&tss));
}

void state_descriptors(const struct vm *vm, const struct kvm_sregs *sregs)
{
	put64(vm, GDT + SEL_CS, descriptor(&sregs->cs));
	put64(vm, GDT + SEL_DS, descriptor(&sregs->ss));
}

int state_tables(const struct vm *vm, struct failure *failure)
{
	if (vm->memory_size < STATE_TABLES_END)
		return fail_with(failure, -EINVAL, "%zu bytes of memory do not hold the tables",
				 vm->memory_size);
	write_page_tables(vm);
	write_exception_tables(vm);
	write_gdt(vm);
	return 0;
}

static void set_segments(struct kvm_sregs *sregs, const struct cpu_state *state)
{
	const bool virtual86 = state->mode == CPU_VIRTUAL8086;
	const bool is16 = state->mode == CPU_PROTECTED16 || state->mode == CPU_COMPATIBILITY16;

	if (cpu_mode_is_86(state->mode)) {
		sregs->cs =
			segment_86(virtual86, state->cs_base, virtual86 ? TYPE_DATA : TYPE_CODE);
		sregs->ss = segment_86(virtual86, 0, TYPE_DATA);
		sregs->ds = segment_86(virtual86, state->ds_base, TYPE_DATA);
	} else {
		sregs->cs = flat_code(SEL_CS,
				      state->mode == CPU_LONG ? 64
				      : is16                  ? 16
							      : 32,
				      state->cpl);
		sregs->cs.base = state->cs_base;
		sregs->ds = flat(SEL_DS, TYPE_DATA, state->cpl);
		sregs->ds.db = !is16;
		sregs->ss = sregs->ds;
	}
	sregs->es = sregs->fs = sregs->gs = sregs->ss;
	sregs->tr = task(cpu_mode_is_long(state->mode));
	sregs->ldt = (struct kvm_segment){ .unusable = 1 };
}

static void set_control(struct kvm_sregs *sregs, const struct cpu_state *state)
{
	const bool is_long = cpu_mode_is_long(state->mode);

	sregs->cr0 = CR0_ET_NE | (state->mode == CPU_REAL ? 0 : CR0_PE) |
		     (state->paging ? CPU_CR0_PG : 0) | state->cr0;
	sregs->cr2 = 0;
	sregs->cr4 = (is_long ? CR4_PAE : CR4_PSE) | state->cr4;
	sregs->cr3 = !state->paging ? 0 : is_long ? PML4 : PD32;
	sregs->efer = is_long ? EFER_LME | EFER_LMA : 0;
	sregs->gdt = (struct kvm_dtable){ .base = GDT, .limit = GDT_SIZE - 1 };
	if (state->mode == CPU_REAL)
		sregs->idt = (struct kvm_dtable){ .base = IVT, .limit = 4 * NR_VECTORS - 1 };
	else
		sregs->idt = (struct kvm_dtable){
			.base = is_long ? IDT64 : IDT32,
			.limit = (uint16_t)((is_long ? 16 : 8) * NR_VECTORS - 1),
		};
}

void state_general(const struct cpu_state *state, struct kvm_regs *regs)
{
	*regs = state->regs;
	regs->rflags |= RFLAGS_FIXED;
	if (state->mode == CPU_VIRTUAL8086)
		regs->rflags |= CPU_RFLAGS_VM;
}

void state_registers(const struct cpu_state *state, struct kvm_regs *regs, struct kvm_sregs *sregs)
{
	set_segments(sregs, state);
	set_control(sregs, state);
	state_general(state, regs);
}

/* A KVM that cannot have it so may say nothing and have it otherwise. */
static int check_taken(const struct vm *vm, const struct kvm_sregs *wanted, struct failure *failure)
{
	struct kvm_sregs taken;

	if (ioctl(vm->vcpu_fd, KVM_GET_SREGS, &taken))
		return fail_errno(failure, "KVM_GET_SREGS");
	if (taken.cr0 == wanted->cr0 && taken.cr4 == wanted->cr4 && taken.efer == wanted->efer)
		return 0;
	return fail_with(failure, -ENOTSUP,
			 "this KVM does not take CR0 %#llx, CR4 %#llx, EFER %#llx: they became "
			 "%#llx, %#llx, %#llx",
			 wanted->cr0, wanted->cr4, wanted->efer, taken.cr0, taken.cr4, taken.efer);
}

int state_set(struct vm *vm, const struct cpu_state *state, struct failure *failure)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	int error;

	if (state->mode >= NR_CPU_MODES || !cpu_mode_allows(state->mode, state->cpl, state->paging))
		return fail_with(failure, -EINVAL, "no such state: mode %d, CPL %u, paging %d",
				 state->mode, state->cpl, state->paging);
	if (vm->base && state->mode != CPU_LONG)
		return fail_with(failure, -EINVAL, "%s mode of a vCPU whose memory begins at %#llx",
				 cpu_mode_name(state->mode), (unsigned long long)vm->base);
	error = state_tables(vm, failure);
	if (error)
		return error;
	if (ioctl(vm->vcpu_fd, KVM_GET_SREGS, &sregs))
		return fail_errno(failure, "KVM_GET_SREGS");
	state_registers(state, &regs, &sregs);
	sregs.cr3 += vm->base;
	if (ioctl(vm->vcpu_fd, KVM_SET_SREGS, &sregs))
		return fail_errno(failure, "KVM_SET_SREGS (%s mode, CPL %u)",
				  cpu_mode_name(state->mode), state->cpl);
	if (ioctl(vm->vcpu_fd, KVM_SET_REGS, &regs))
		return fail_errno(failure, "KVM_SET_REGS");
	return check_taken(vm, &sregs, failure);
}

/* The handler's stack frame, slot by slot. */
struct frame {
	const struct vm *vm;
	uint64_t at;
	size_t slot; /* bytes */
};

static uint64_t pop(struct frame *frame)
{
	uint64_t value = get(frame->vm, frame->at, frame->slot);

	frame->at += frame->slot;
	return value;
}

static void pop_segment(struct frame *frame, struct kvm_segment *segment,
			const struct kvm_segment *set)
{
	*segment = *set;
	segment->selector = (uint16_t)pop(frame);
}

bool state_unwind(const struct vm *vm, const struct kvm_sregs *set, bool virtual86,
		  struct kvm_regs *regs, struct kvm_sregs *sregs, struct cpu_exception *exception)
{
	const bool real = !(set->cr0 & CR0_PE), is_long = set->efer & EFER_LMA;
	struct frame frame = { .vm = vm, .slot = real ? 2 : is_long ? 8 : 4 };
	uint64_t offset = sregs->cs.base + regs->rip - STUBS;
	const uint64_t handler_rsp = regs->rsp;

	/* A port write may have been counted as done or not: RIP is on it or behind it. */
	if (offset >= NR_VECTORS * STUB_SIZE)
		return false;
	exception->vector = (unsigned int)(offset / STUB_SIZE);
	exception->has_error = !real && WITH_ERROR_CODE >> exception->vector & 1;
	frame.at = real ? sregs->ss.base + (regs->rsp & 0xffff) : regs->rsp;
	exception->error = exception->has_error ? (uint32_t)pop(&frame) : 0;
	regs->rip = pop(&frame);
	pop_segment(&frame, &sregs->cs, &set->cs);
	regs->rflags = pop(&frame);
	if (real) {
		regs->rsp = (handler_rsp & ~0xffffULL) | ((handler_rsp + 6) & 0xffff);
		return true;
	}
	if (!is_long && !virtual86 && !(set->cs.selector & 3)) {
		regs->rsp = frame.at;
		return true;
	}
	regs->rsp = pop(&frame);
	pop_segment(&frame, &sregs->ss, &set->ss);
	if (!virtual86)
		return true;
	/* kvm_pvm does not save them; the handler has none then. */
	if (frame.at < CPL0_STACK) {
		pop_segment(&frame, &sregs->es, &set->es);
		pop_segment(&frame, &sregs->ds, &set->ds);
		pop_segment(&frame, &sregs->fs, &set->fs);
		pop_segment(&frame, &sregs->gs, &set->gs);
	} else {
		sregs->es = set->es;
		sregs->ds = set->ds;
		sregs->fs = set->fs;
		sregs->gs = set->gs;
	}
	return true;
}

static bool differ(const char *name, const char *part, uint64_t before, uint64_t after, char *text,
		   size_t size)
{
	if (before == after)
		return false;
	snprintf(text, size, "%s%s: %#llx became %#llx", name, part, (unsigned long long)before,
		 (unsigned long long)after);
	return true;
}

static bool segment_differs(const char *name, const struct kvm_segment *a,
			    const struct kvm_segment *b, char *text, size_t size)
{
	if (a->unusable && b->unusable)
		return differ(name, "", a->selector, b->selector, text, size);
	return differ(name, "", a->selector, b->selector, text, size) ||
	       differ(name, ".base", a->base, b->base, text, size) ||
	       differ(name, ".limit", a->limit, b->limit, text, size) ||
	       differ(name, "'s descriptor", descriptor(a), descriptor(b), text, size);
}

bool state_differs(const struct kvm_regs *regs_before, const struct kvm_sregs *before,
		   const struct kvm_regs *regs, const struct kvm_sregs *sregs, char *text,
		   size_t size)
{
#define REGISTER(name) differ(#name, "", regs_before->name, regs->name, text, size)
#define CONTROL(name)  differ(#name, "", before->name, sregs->name, text, size)
#define SEGMENT(name)  segment_differs(#name, &before->name, &sregs->name, text, size)
	return REGISTER(rbx) || REGISTER(rcx) || REGISTER(rsi) || REGISTER(rdi) || REGISTER(rbp) ||
	       REGISTER(rsp) || REGISTER(r8) || REGISTER(r9) || REGISTER(r10) || REGISTER(r11) ||
	       REGISTER(r12) || REGISTER(r13) || REGISTER(r14) || REGISTER(r15) || SEGMENT(cs) ||
	       SEGMENT(ss) || SEGMENT(ds) || SEGMENT(es) || SEGMENT(fs) || SEGMENT(gs) ||
	       SEGMENT(tr) || SEGMENT(ldt) || CONTROL(cr0) || CONTROL(cr2) || CONTROL(cr3) ||
	       CONTROL(cr4) || CONTROL(cr8) || CONTROL(efer) || CONTROL(apic_base) ||
	       CONTROL(gdt.base) || CONTROL(gdt.limit) || CONTROL(idt.base) || CONTROL(idt.limit);
#undef REGISTER
#undef CONTROL
#undef SEGMENT
}
