// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Descriptor and page tables for each mode, and the registers that go with them (SDM vol. 3,
 * "Protected-mode memory management", "Task management", "8086 emulation").
 */
#include "host/state.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/* Guest-physical places, all below 64 KiB so that real mode reaches them. */
#define IVT        0x0000 /* real mode: 4 bytes a vector */
#define GDT        0x0600
#define TSS        0x0680
#define TSS_SIZE   104
#define IDT        0x0800 /* 8 bytes a gate, 16 in long mode */
#define HALTS      0x0c00 /* one HLT for each vector: RIP tells which */
#define PML4       0x1000
#define PDPT       0x2000
#define PD         0x3000
#define PD32       0x4000
#define CPL0_STACK 0x8000
#define NR_VECTORS 32

#define CR0_PE       0x1ULL
#define CR0_ET_NE    0x30ULL
#define CR0_PG       0x80000000ULL
#define CR4_PSE      0x10ULL
#define CR4_PAE      0x20ULL
#define CR4_PCE      0x100ULL
#define EFER_LME_LMA 0x500ULL
#define RFLAGS_FIXED 0x2ULL
#define RFLAGS_VM    0x20000ULL

#define PAGE_PRESENT_RW_USER 0x7ULL
#define PAGE_LARGE           0x80ULL

/* GDT: entry 1 and 2 serve the exception handlers at CPL 0, 3 and 4 the code under test. */
enum { SEL_HANDLER_CS = 0x08, SEL_HANDLER_DS = 0x10, SEL_CS = 0x18, SEL_DS = 0x20, SEL_TSS = 0x28 };

static bool is_long(enum cpu_mode mode)
{
	return mode == MODE_LONG || mode == MODE_COMPATIBILITY;
}

const char *cpu_mode_name(enum cpu_mode mode)
{
	static const char *const names[NR_CPU_MODES] = {
		[MODE_REAL] = "real",
		[MODE_PROTECTED16] = "protected16",
		[MODE_PROTECTED32] = "protected32",
		[MODE_VIRTUAL8086] = "virtual8086",
		[MODE_COMPATIBILITY] = "compatibility",
		[MODE_LONG] = "long",
	};

	return names[mode];
}

bool cpu_mode_allows(enum cpu_mode mode, unsigned int cpl, bool paging)
{
	switch (mode) {
	case MODE_REAL:
		return cpl == 0 && !paging;
	case MODE_VIRTUAL8086:
		return cpl == 3;
	case MODE_COMPATIBILITY:
	case MODE_LONG:
		return cpl <= 3 && paging;
	default:
		return cpl <= 3;
	}
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

static struct kvm_segment flat_code(uint16_t selector, enum cpu_mode mode, unsigned int dpl)
{
	struct kvm_segment code = flat(selector, TYPE_CODE, dpl);

	code.l = mode == MODE_LONG;
	code.db = mode != MODE_LONG && mode != MODE_PROTECTED16;
	return code;
}

/* Real and virtual-8086 mode: base 0, 64 KiB. */
static struct kvm_segment segment_86(bool virtual86, uint8_t type)
{
	return (struct kvm_segment){
		.limit = 0xffff,
		.type = type,
		.present = 1,
		.s = 1,
		.dpl = virtual86 ? 3 : 0,
	};
}

static void write_page_tables(const struct vm *vm)
{
	put64(vm, PML4, PDPT | PAGE_PRESENT_RW_USER);
	put64(vm, PDPT, PD | PAGE_PRESENT_RW_USER);
	for (uint64_t i = 0; i << 21 < vm->memory_size && i < 512; i++)
		put64(vm, PD + 8 * i, i << 21 | PAGE_PRESENT_RW_USER | PAGE_LARGE);
	for (uint32_t i = 0; (uint64_t)i << 22 < vm->memory_size && i < 1024; i++)
		put32(vm, PD32 + 4 * i, i << 22 | (uint32_t)(PAGE_PRESENT_RW_USER | PAGE_LARGE));
}

static void write_exception_tables(const struct vm *vm, enum cpu_mode mode)
{
	memset(vm->memory + HALTS, 0xf4, NR_VECTORS);
	for (uint32_t vector = 0; vector < NR_VECTORS; vector++) {
		uint32_t handler = HALTS + vector;
		uint64_t gate = handler | SEL_HANDLER_CS << 16 |
				0x8eULL << 40; /* 32 or 64-bit interrupt gate */

		if (mode == MODE_REAL)
			put32(vm, IVT + 4 * vector, handler);
		else if (is_long(mode))
			put(vm, IDT + 16 * vector, (uint64_t[]){ gate, 0 }, 16);
		else
			put64(vm, IDT + 8 * vector, gate);
	}
}

static void set_segments(struct kvm_sregs *sregs, const struct cpu_state *state)
{
	bool virtual86 = state->mode == MODE_VIRTUAL8086;

	if (state->mode == MODE_REAL || virtual86) {
		sregs->cs = segment_86(virtual86, virtual86 ? TYPE_DATA : TYPE_CODE);
		sregs->ds = segment_86(virtual86, TYPE_DATA);
	} else {
		sregs->cs = flat_code(SEL_CS, state->mode, state->cpl);
		sregs->ds = flat(SEL_DS, TYPE_DATA, state->cpl);
		sregs->ds.db = state->mode != MODE_PROTECTED16;
	}
	sregs->es = sregs->fs = sregs->gs = sregs->ss = sregs->ds;
	sregs->tr = (struct kvm_segment){
		.base = TSS,
		.limit = TSS_SIZE - 1,
		.selector = SEL_TSS,
		.type = TYPE_BUSY_TSS,
		.present = 1,
	};
	sregs->ldt = (struct kvm_segment){ .unusable = 1 };
}

static void write_gdt(const struct vm *vm, const struct kvm_sregs *sregs,
		      const struct cpu_state *state)
{
	struct kvm_segment handler_code =
		flat_code(SEL_HANDLER_CS, is_long(state->mode) ? MODE_LONG : MODE_PROTECTED32, 0);
	struct kvm_segment handler_data = flat(SEL_HANDLER_DS, TYPE_DATA, 0);

	put64(vm, GDT + SEL_HANDLER_CS, descriptor(&handler_code));
	put64(vm, GDT + SEL_HANDLER_DS, descriptor(&handler_data));
	put64(vm, GDT + SEL_CS, descriptor(&sregs->cs));
	put64(vm, GDT + SEL_DS, descriptor(&sregs->ds));
	put64(vm, GDT + SEL_TSS, descriptor(&sregs->tr));
	put64(vm, GDT + SEL_TSS + 8, 0);
	/* ESP0 and SS0, or RSP0: both at offset 4. */
	put64(vm, TSS + 4,
	      is_long(state->mode) ? CPL0_STACK : CPL0_STACK | (uint64_t)SEL_HANDLER_DS << 32);
}

static void set_control(struct kvm_sregs *sregs, const struct cpu_state *state)
{
	sregs->cr0 =
		CR0_ET_NE | (state->mode == MODE_REAL ? 0 : CR0_PE) | (state->paging ? CR0_PG : 0);
	sregs->cr4 = (is_long(state->mode) ? CR4_PAE : CR4_PSE) | (state->pce ? CR4_PCE : 0);
	sregs->cr3 = !state->paging ? 0 : is_long(state->mode) ? PML4 : PD32;
	sregs->efer = is_long(state->mode) ? EFER_LME_LMA : 0;
	sregs->gdt = (struct kvm_dtable){ .base = GDT, .limit = SEL_TSS + 15 };
	if (state->mode == MODE_REAL)
		sregs->idt = (struct kvm_dtable){ .base = IVT, .limit = 4 * NR_VECTORS - 1 };
	else
		sregs->idt = (struct kvm_dtable){
			.base = IDT,
			.limit = (uint16_t)((is_long(state->mode) ? 16 : 8) * NR_VECTORS - 1),
		};
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
	struct kvm_regs regs = state->regs;
	struct kvm_sregs sregs;

	if (state->mode >= NR_CPU_MODES || !cpu_mode_allows(state->mode, state->cpl, state->paging))
		return fail_with(failure, -EINVAL, "no such state: mode %d, CPL %u, paging %d",
				 state->mode, state->cpl, state->paging);
	if (vm->memory_size < STATE_TABLES_END)
		return fail_with(failure, -EINVAL, "%zu bytes of memory do not hold the tables",
				 vm->memory_size);
	if (ioctl(vm->vcpu_fd, KVM_GET_SREGS, &sregs))
		return fail_errno(failure, "KVM_GET_SREGS");
	set_segments(&sregs, state);
	set_control(&sregs, state);
	write_page_tables(vm);
	write_exception_tables(vm, state->mode);
	write_gdt(vm, &sregs, state);

	regs.rflags |= RFLAGS_FIXED;
	if (state->mode == MODE_VIRTUAL8086)
		regs.rflags |= RFLAGS_VM;
	if (ioctl(vm->vcpu_fd, KVM_SET_SREGS, &sregs))
		return fail_errno(failure, "KVM_SET_SREGS (%s mode, CPL %u)",
				  cpu_mode_name(state->mode), state->cpl);
	if (ioctl(vm->vcpu_fd, KVM_SET_REGS, &regs))
		return fail_errno(failure, "KVM_SET_REGS");
	return check_taken(vm, &sregs, failure);
}

bool state_exception(const struct vm *vm, enum cpu_mode mode, struct cpu_exception *exception)
{
	/* Bytes of one stack slot in the handler's frame. */
	size_t slot = mode == MODE_REAL ? 2 : is_long(mode) ? 8 : 4;
	const uint32_t with_error = 0x60227d00; /* the vectors of guest/boot.S that push one */
	struct kvm_regs regs;
	uint64_t stack;

	if (ioctl(vm->vcpu_fd, KVM_GET_REGS, &regs))
		return false;
	/* HLT is done: RIP is one further. */
	if (regs.rip <= HALTS || regs.rip > HALTS + NR_VECTORS)
		return false;
	stack = mode == MODE_REAL ? regs.rsp & 0xffff : regs.rsp;
	exception->vector = (unsigned int)(regs.rip - 1 - HALTS);
	exception->has_error = mode != MODE_REAL && with_error >> exception->vector & 1;
	exception->error = 0;
	if (exception->has_error) {
		exception->error = (uint32_t)get(vm, stack, 4);
		stack += slot;
	}
	exception->rip = get(vm, stack, slot);
	exception->cs = get(vm, stack + slot, slot);
	return true;
}
