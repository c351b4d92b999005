// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The exit path of RDPMC, and what an emulated instruction does to a vCPU: registers and RIP, or a
 * queued exception.
 */
#include "emulator/pmu.h"

void kvm_inject_gp(struct kvm_vcpu *vcpu, uint32_t error_code)
{
	vcpu->exception = (struct kvm_queued_exception){
		.pending = true,
		.has_error_code = true,
		.vector = GP_VECTOR,
		.error_code = error_code,
	};
}

void kvm_queue_ud(struct kvm_vcpu *vcpu)
{
	vcpu->exception = (struct kvm_queued_exception){
		.pending = true,
		.vector = UD_VECTOR,
	};
}

/* SINGLE-STEP: the trap of the instruction that has just been carried out. */
static void kvm_vcpu_do_singlestep(struct kvm_vcpu *vcpu)
{
	vcpu->exception = (struct kvm_queued_exception){
		.pending = true,
		.vector = DB_VECTOR,
		.payload = DR6_BS,
	};
}

void kvm_skip_emulated_instruction(struct kvm_vcpu *vcpu)
{
	uint64_t rip = vcpu->regs.rip + vcpu->insn_len; /* LENGTH */

	vcpu->regs.rip = vcpu->is_64_bit ? rip : (uint32_t)rip;
	if (vcpu->rflags & X86_EFLAGS_TF)
		kvm_vcpu_do_singlestep(vcpu);
}

/* RESULT: as every write of a 32-bit register, in every mode, these clear the upper halves. */
void kvm_write_edx_eax(struct kvm_vcpu *vcpu, uint64_t value)
{
	vcpu->regs.rax = (uint32_t)value;
	vcpu->regs.rdx = value >> 32;
}

int kvm_emulate_rdpmc(struct kvm_vcpu *vcpu)
{
	uint32_t ecx = vcpu->regs.rcx; /* ECX32: in every mode */
	uint64_t data;

	if (kvm_pmu_rdpmc(vcpu, ecx, &data)) {
		kvm_inject_gp(vcpu, 0); /* FAULT */
	} else {
		kvm_write_edx_eax(vcpu, data);
		kvm_skip_emulated_instruction(vcpu);
	}
	return 1;
}
