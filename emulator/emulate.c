// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * RDPMC in the instruction emulator: the checks in the order of an intercepted instruction, then
 * the same kvm_pmu_rdpmc() as the exit path.
 */
#include "emulator/emulate.h"
#include "emulator/pmu.h"

enum x86emul_result {
	X86EMUL_CONTINUE,
	X86EMUL_PROPAGATE_FAULT,
};

static enum x86emul_result emulate_gp(struct x86_emulate_ctxt *ctxt)
{
	kvm_inject_gp(ctxt->vcpu, 0);
	return X86EMUL_PROPAGATE_FAULT;
}

static enum x86emul_result emulate_ud(struct x86_emulate_ctxt *ctxt)
{
	kvm_queue_ud(ctxt->vcpu);
	return X86EMUL_PROPAGATE_FAULT;
}

static enum x86emul_result check_rdpmc(struct x86_emulate_ctxt *ctxt)
{
	struct kvm_vcpu *vcpu = ctxt->vcpu;
	uint32_t ecx = vcpu->regs.rcx;

	/* VMWARE-PMC: neither the privilege nor the vendor's indices apply. */
	if (is_vmware_backdoor_pmc(vcpu->kvm, ecx))
		return X86EMUL_CONTINUE;

	if (!kvm_pmu_rdpmc_permitted(vcpu) || kvm_pmu_check_rdpmc_early(vcpu, ecx))
		return emulate_gp(ctxt);

	return X86EMUL_CONTINUE;
}

static enum x86emul_result em_rdpmc(struct x86_emulate_ctxt *ctxt)
{
	struct kvm_vcpu *vcpu = ctxt->vcpu;
	uint64_t data;

	if (kvm_pmu_rdpmc(vcpu, (uint32_t)vcpu->regs.rcx, &data))
		return emulate_gp(ctxt);

	kvm_write_edx_eax(vcpu, data);
	return X86EMUL_CONTINUE;
}

static enum x86emul_result x86_emulate_insn(struct x86_emulate_ctxt *ctxt)
{
	enum x86emul_result rc;

	/* UD-LOCK is the decoder's, and so comes before all that RDPMC itself could find. */
	if (ctxt->lock_prefix)
		return emulate_ud(ctxt);

	rc = check_rdpmc(ctxt);
	if (rc != X86EMUL_CONTINUE)
		return rc;

	return em_rdpmc(ctxt);
}

int x86_emulate_rdpmc(struct kvm_vcpu *vcpu, bool lock_prefix)
{
	struct x86_emulate_ctxt ctxt = { .vcpu = vcpu, .lock_prefix = lock_prefix };

	if (x86_emulate_insn(&ctxt) == X86EMUL_CONTINUE)
		kvm_skip_emulated_instruction(vcpu);
	return 1;
}
