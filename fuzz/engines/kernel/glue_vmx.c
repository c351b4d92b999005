// SPDX-License-Identifier: GPL-2.0
/* The tree's vmx.c, and what glue.c calls of it. VMREAD and VMWRITE are vmcs.h's, of a VMCS in memory. */
#include <asm/desc.h>
#include <asm/special_insns.h>

/* The host's own state, that a VMCS has as well. */
#define read_cr0()   0UL
#define __read_cr3() 0UL

#include "vmx/vmx.c"

#include "fuzz/engines/kernel/vendor.h"

/* vmx_vcpu_create(), less its pages. */
void glue_vmx_reset(struct kvm_vcpu *vcpu)
{
	static unsigned long msr_bitmap[PAGE_SIZE / sizeof(long)] __aligned(PAGE_SIZE);
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	memset(&vmx->vmcs01, 0, sizeof(vmx->vmcs01));
	memset(msr_bitmap, 0xff, sizeof(msr_bitmap));
	vmx->vmcs01.msr_bitmap = msr_bitmap;
	vmx->loaded_vmcs = &vmx->vmcs01;
	nested = false; /* no guest here has a guest */
#ifdef KVM_REQUIRED_VMX_CPU_BASED_VM_EXEC_CONTROL
	/* setup_vmcs_config(), on a processor that has all controls. */
	vmcs_config.cpu_based_exec_ctrl = KVM_REQUIRED_VMX_CPU_BASED_VM_EXEC_CONTROL |
					  KVM_OPTIONAL_VMX_CPU_BASED_VM_EXEC_CONTROL;
#endif
	vmx_vcpu_reset(vcpu, false);
	/* Before 5.15 that left the controls to vmx_create_vcpu(). */
	if (!glue_vmread(CPU_BASED_VM_EXEC_CONTROL))
		init_vmcs(vmx);
}

void glue_vmx_after_cpuid(struct kvm_vcpu *vcpu)
{
	vmx_vcpu_after_set_cpuid(vcpu);
}

void glue_vmx_recalc(struct kvm_vcpu *vcpu)
{
#ifdef HAVE_RECALC_INTERCEPTS
	vmx_recalc_intercepts(vcpu);
#endif
}

bool glue_vmx_exits(struct kvm_vcpu *vcpu)
{
	return glue_vmread(CPU_BASED_VM_EXEC_CONTROL) & CPU_BASED_RDPMC_EXITING;
}
