// SPDX-License-Identifier: GPL-2.0-or-later
/* A case's state as one that a real vCPU can be in, and in host/'s words. */
#include "fuzz/engines/live/live.h"
#include "lib/random.h"

/* Where code can lie: see host/insn.h. */
static uint64_t reachable_rip(const struct rdpmc_state *state, bool upper_user)
{
	const uint64_t rip = state->regs.rip, low = rip & 0xffff;
	const uint64_t last = 0x1000 - rdpmc_length(state) - state->lock; /* in the last page */
	const uint64_t in_page = (rip & 0xfff) < last ? rip & 0xfff : last;
	uint64_t half;

	if (state->mode == MODE_REAL || state->mode == MODE_VM86)
		return low < 8 ? 8 : low > 0xfff0 ? 0xfff0 : low;
	/* No instruction across the end of 4 GiB, or of 64 KiB for 16-bit code. */
	if (state->mode != MODE_64BIT) {
		const uint32_t end = state->code16 ? 0xffff : 0xffffffff;
		const uint32_t within = (uint32_t)rip & end;

		return rip < 8 ? 8 : within > end - 15 ? (uint32_t)rip - 15 : (uint32_t)rip;
	}
	half = rip >> 47 & 1 && (state->cpl != 3 || upper_user) ? 0xffff800000000000 : 0;
	/* The last page of each half; else its first ones. */
	if ((rip >> 12 & 0x7ffffffff) == 0x7ffffffff)
		return half | 0x7ffffffff000 | in_page;
	return half | INSN_CODE | (low < 8 ? 8 : low);
}

bool live_adapt(struct engine_vcpu *vcpu, struct rdpmc_state *state)
{
	struct rdpmc_state wanted = *state;
	const bool is_long = wanted.mode == MODE_COMPATIBILITY || wanted.mode == MODE_64BIT;
	const uint64_t pg = wanted.mode == MODE_REAL ? 0
			    : is_long                ? CPU_CR0_PG
						     : wanted.cr0 & CPU_CR0_PG;

	state->cr0 = (wanted.cr0 & (vcpu->cr0 | RDPMC_CR0_PE)) | pg;
	state->cr4 = wanted.cr4 & vcpu->cr4;
	state->regs.rip = reachable_rip(state, vcpu->upper_user);
	if (wanted.mode == MODE_REAL)
		state->cpl = 0;
	/* The guest's handlers take no #DB. */
	state->regs.rflags &= ~RDPMC_RFLAGS_TF;
	return state->regs.rflags != wanted.regs.rflags || state->cr0 != wanted.cr0 ||
	       state->cr4 != wanted.cr4 || state->cpl != wanted.cpl ||
	       state->regs.rip != wanted.regs.rip;
}

static enum cpu_mode mode_of(const struct rdpmc_state *state)
{
	switch (state->mode) {
	case MODE_REAL:
		return CPU_REAL;
	case MODE_PROTECTED:
		return state->code16 ? CPU_PROTECTED16 : CPU_PROTECTED32;
	case MODE_VM86:
		return CPU_VIRTUAL8086;
	case MODE_COMPATIBILITY:
		return state->code16 ? CPU_COMPATIBILITY16 : CPU_COMPATIBILITY;
	default:
		return CPU_LONG;
	}
}

/* Garbage in all registers that RDPMC does not know. */
static void fill_registers(const struct rdpmc_state *state, struct cpu_state *cpu)
{
	struct random random = { state->regs.rcx ^ state->regs.rip ^ state->regs.rax };
	struct kvm_regs *regs = &cpu->regs;
	__u64 *const others[] = { &regs->rbx, &regs->rsi, &regs->rdi, &regs->rbp, &regs->r8,
				  &regs->r9,  &regs->r10, &regs->r11, &regs->r12, &regs->r13,
				  &regs->r14, &regs->r15, &regs->rsp };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		*others[i] = random_next(&random);
	regs->rax = state->regs.rax;
	regs->rcx = state->regs.rcx;
	regs->rdx = state->regs.rdx;
	regs->rip = state->regs.rip;
	regs->rflags = state->regs.rflags;
	/* Canonical: with another kvm_pvm does not let the processor execute the guest's code. */
	regs->rsp = cpu->mode != CPU_LONG ? (uint32_t)regs->rsp
					  : (uint64_t)((int64_t)(regs->rsp << 16) >> 16);
	/* There an exception at CPL 0 stays on its stack. */
	if (!cpu->cpl && !cpu_mode_is_long(cpu->mode))
		regs->rsp = cpu->mode == CPU_PROTECTED32 ? INSN_STACK : INSN_STACK_86;
}

void live_cpu(const struct rdpmc_state *state, struct cpu_state *cpu)
{
	*cpu = (struct cpu_state){
		.mode = mode_of(state),
		.cpl = rdpmc_cpl(state),
		.paging = state->cr0 & CPU_CR0_PG,
		.cr0 = state->cr0 & LIVE_CR0,
		.cr4 = state->cr4,
	};
	fill_registers(state, cpu);
	if (state->mode == MODE_REAL || state->mode == MODE_VM86)
		cpu->cs_base = INSN_CODE;
	else if (state->mode != MODE_64BIT)
		cpu->cs_base =
			(uint32_t)(INSN_CODE + 8 + (state->regs.rip & 0xffff) - state->regs.rip);
}
