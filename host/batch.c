// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists of RDPMCs: where guest/batch.S and its tables lie, and the registers it begins with. */
#include "host/batch.h"

#include <errno.h>
#include <string.h>

#include "host/insn_enter.h"

/* guest/batch.S */
extern const uint8_t batch_code[], batch_code_end[];
extern const uint8_t batch_turn16[], batch_rcx16[], batch_turn_end16[], batch_bare16[];
extern const uint8_t batch_turn32[], batch_rcx32[], batch_turn_end32[], batch_bare32[];
extern const uint8_t batch_turn64[], batch_rcx64[], batch_turn_end64[], batch_bare64[];
extern const uint8_t batch_bare_end16[], batch_bare_end32[], batch_bare_end64[];
extern const uint8_t batch_gp16[], batch_gp32[], batch_gp32_from16[], batch_gp_vm86[], batch_gp64[],
	batch_gp64_from32[], batch_gp64_from16[];

/* The code of a mode. */
struct loop {
	const uint8_t *turn, *rcx, *turn_end, *bare, *bare_end, *handler;
	size_t constant; /* bytes of RCX in a turn, which end at @rcx */
};

#define LOOP(bits, handler_, constant_)                                                            \
	{                                                                                          \
		batch_turn##bits, batch_rcx##bits, batch_turn_end##bits, batch_bare##bits,         \
			batch_bare_end##bits, handler_, constant_                                  \
	}

static const struct loop loops[NR_CPU_MODES] = {
	[CPU_REAL] = LOOP(16, batch_gp16, 4),
	[CPU_PROTECTED16] = LOOP(16, batch_gp32_from16, 4),
	[CPU_PROTECTED32] = LOOP(32, batch_gp32, 4),
	[CPU_VIRTUAL8086] = LOOP(16, batch_gp_vm86, 4),
	[CPU_COMPATIBILITY16] = LOOP(16, batch_gp64_from16, 4),
	[CPU_COMPATIBILITY] = LOOP(32, batch_gp64_from32, 4),
	[CPU_LONG] = LOOP(64, batch_gp64, 8),
};

/* Behind the loops and handlers: the mode's exception table with another handler of #GP, the turns. */
#define TABLE      (BATCH_CODE + 0x1000)
#define TABLE_SIZE 0x200
#define TURNS      (BATCH_CODE + 0x1200)
#define GP         13

/* RFLAGS that the loop changes, or that IRET treats by rules of its own. */
#define RFLAGS_STATUS 0x8d5ULL  /* CF PF AF ZF SF OF */
#define RFLAGS_IRET   0x7000ULL /* IOPL NT */

/* RAX and RDX before the first. */
#define UNTOUCHED 0xa55a5aa5c33c3cc3ULL

static uint32_t place(const uint8_t *code)
{
	return BATCH_CODE + (uint32_t)(code - batch_code);
}

/* The mode's exception table once more, with #GP to the list's handler. */
static void write_table(const struct vm *vm, const struct cpu_state *state, struct kvm_sregs *sregs)
{
	uint8_t *table = vm->memory + TABLE;
	const uint32_t handler = place(loops[state->mode].handler);

	memcpy(table, vm->memory + sregs->idt.base, TABLE_SIZE);
	if (state->mode == CPU_REAL) {
		const uint32_t far_pointer = BATCH_CODE >> 4 << 16 | (handler - BATCH_CODE);

		memcpy(table + 4 * GP, &far_pointer, 4);
	} else {
		uint8_t *gate = table + (cpu_mode_is_long(state->mode) ? 16 : 8) * GP;
		const uint16_t low = (uint16_t)handler, high = (uint16_t)(handler >> 16);

		memcpy(gate, &low, 2);
		memcpy(gate + 6, &high, 2);
	}
	sregs->idt.base = TABLE;
}

/* Run from @from to @end, guest-physical, where UD2 or OUT is. */
static enum batch_end walk(struct insn_vcpu *vcpu, const struct cpu_state *asked, uint32_t from,
			   uint32_t end, size_t n, struct insn_result *result, struct failure *why)
{
	const bool is_86 = cpu_mode_is_86(asked->mode);
	/* Jumps of 16-bit code have 16 bits of EIP. */
	const bool is_16 = loops[asked->mode].turn == batch_turn16;
	struct cpu_state state = *asked;
	const struct insn_kind *kind = insn_prepare(vcpu, &state, why);
	uint8_t stop[2] = { 0x0f, 0x0b };
	struct kvm_sregs sregs;
	struct kvm_regs regs, expected;

	if (!kind)
		return BATCH_CANNOT;
	state.cs_base = is_16 ? BATCH_CODE : 0;
	state.ds_base = is_86 ? BATCH_DATA : 0;
	state.regs.rip = from - state.cs_base;
	/* The flat segments of the other modes begin at 0. */
	state.regs.rdi = is_86 ? 0 : BATCH_DATA;
	state.regs.rbp = n;
	/* IRET to a stack of 16 bits gives back 16 bits of it (SDM vol. 2, IRET). */
	if (is_16)
		state.regs.rsp &= 0xffff;
	state.regs.rax = state.regs.rdx = UNTOUCHED;
	state.regs.rflags &= ~(RFLAGS_STATUS | RFLAGS_IRET);
	/* An exception clears AC, and IRET of 16 bits gives back 16 bits. */
	if (state.mode == CPU_REAL)
		state.regs.rflags &= 0xffff;
	insn_registers(&state, kind, &regs, &sregs);
	write_table(&vcpu->vm, &state, &sregs);
	if (!is_86)
		state_descriptors(&vcpu->vm, &sregs);
	if (!state.cpl) {
		stop[0] = 0xe6;
		stop[1] = STATE_PORT;
	}
	insn_write(vcpu, end, stop, sizeof(stop));
	result->text[0] = '\0';
	insn_enter(vcpu, &state, kind, &regs, &sregs, end - state.cs_base, result);
	if (result->end > INSN_EXCEPTION) {
		fail_with(why, -EIO, "%s", result->text);
		return result->end == INSN_REFUSED || result->unemulated ? BATCH_CANNOT
									 : BATCH_WRONG;
	}
	/* It ends behind the last: by OUT at CPL 0, else by #UD. */
	if (result->regs.rip != end - state.cs_base ||
	    (result->end == INSN_EXCEPTION && result->exception.vector != 6)) {
		fail_with(why, -EIO, "it ended at RIP %#llx by exception %d", result->regs.rip,
			  result->end == INSN_EXCEPTION ? (int)result->exception.vector : -1);
		return BATCH_WRONG;
	}
	expected = regs;
	expected.rcx = result->regs.rcx;
	expected.rbp = result->regs.rbp;
	expected.rdi = result->regs.rdi;
	if ((result->regs.rflags ^ regs.rflags) & ~(RFLAGS_STATUS | CPU_RFLAGS_RF)) {
		fail_with(why, -EIO, "after it RFLAGS: %#llx became %#llx", regs.rflags,
			  result->regs.rflags);
		return BATCH_WRONG;
	}
	if (state_differs(&expected, &sregs, &result->regs, &vcpu->vm.run->s.regs.sregs,
			  result->text, sizeof(result->text))) {
		fail_with(why, -EIO, "after it %s", result->text);
		return BATCH_WRONG;
	}
	return BATCH_GOOD;
}

/* Loops and handlers. False: there is no vCPU, or it takes no such state. */
static bool copy_code(struct insn_vcpu *vcpu, const struct cpu_state *state, struct failure *why)
{
	if (!insn_prepare(vcpu, state, why))
		return false;
	insn_write(vcpu, BATCH_CODE, batch_code, (size_t)(batch_code_end - batch_code));
	return true;
}

/* A turn for each read. Returns where they end. */
static uint32_t copy_turns(struct insn_vcpu *vcpu, const struct loop *loop, const uint64_t *rcxs,
			   size_t n)
{
	const size_t size = (size_t)(loop->turn_end - loop->turn);
	const size_t constant = (size_t)(loop->rcx - loop->turn) - loop->constant;
	uint8_t *at = vcpu->vm.memory + TURNS;

	for (size_t i = 0; i < n; i++, at += size) {
		memcpy(at, loop->turn, size);
		memcpy(at + constant, &rcxs[i], loop->constant);
	}
	return (uint32_t)(TURNS + n * size);
}

enum batch_end batch_run(struct insn_vcpu *vcpu, const struct cpu_state *state,
			 const uint64_t *rcxs, size_t n, struct batch_result *results,
			 struct insn_count *count, struct failure *why)
{
	struct insn_result result;
	uint64_t rax = UNTOUCHED, rdx = UNTOUCHED;
	enum batch_end how;
	uint8_t *data;
	uint32_t end;

	if (!n || n > BATCH_MOST || !copy_code(vcpu, state, why))
		return BATCH_CANNOT;
	data = vcpu->vm.memory + BATCH_DATA;
	end = copy_turns(vcpu, &loops[state->mode], rcxs, n);
	for (size_t i = 0; i < n; i++)
		results[i] = (struct batch_result){ .error = BATCH_NO_FAULT };
	memcpy(data, results, n * sizeof(*results));
	how = walk(vcpu, state, TURNS, end, 0, &result, why);
	if (how != BATCH_GOOD)
		return how;
	memcpy(results, data, n * sizeof(*results));
	*count = result.count;
	/* Faults leave RAX and RDX as the last value, or the beginning, had them. */
	for (size_t i = 0; i < n; i++) {
		if (results[i].error != BATCH_NO_FAULT)
			continue;
		rax = results[i].rax;
		rdx = results[i].rdx;
	}
	if ((result.regs.rdi & 0xffff) == n * sizeof(*results) && result.regs.rax == rax &&
	    result.regs.rdx == rdx)
		return BATCH_GOOD;
	fail_with(why, -EIO, "RDI, RAX or RDX are not what %zu results leave", n);
	return BATCH_WRONG;
}

enum batch_end batch_bare(struct insn_vcpu *vcpu, const struct cpu_state *state, uint64_t rcx,
			  size_t n, struct failure *why)
{
	const struct loop *loop = &loops[state->mode];
	struct cpu_state one = *state;
	struct insn_result result;

	one.regs.rcx = rcx;
	if (!n || n > BATCH_MOST || !copy_code(vcpu, state, why))
		return BATCH_CANNOT;
	return walk(vcpu, &one, place(loop->bare), place(loop->bare_end) - 2, n, &result, why);
}
