// SPDX-License-Identifier: GPL-2.0
/* The tree's svm.c, and what glue.c calls of it. */
#include "svm/svm.c"

#include "fuzz/engines/kernel/vendor.h"

/* svm_vcpu_create(), less its pages. */
void glue_svm_reset(struct kvm_vcpu *vcpu)
{
	static unsigned long msrpm[2 * PAGE_SIZE / sizeof(long)] __aligned(PAGE_SIZE);
	struct vcpu_svm *svm = to_svm(vcpu);

	memset(msrpm, 0xff, sizeof(msrpm));
	svm->msrpm = (void *)msrpm;
#ifdef HAVE_VMCB01
	svm->vmcb01.ptr = svm->vmcb;
	svm->current_vmcb = &svm->vmcb01;
#endif
	svm_vcpu_reset(vcpu, false);
}

void glue_svm_after_cpuid(struct kvm_vcpu *vcpu)
{
	svm_vcpu_after_set_cpuid(vcpu);
}

void glue_svm_recalc(struct kvm_vcpu *vcpu)
{
#ifdef HAVE_RECALC_INTERCEPTS
	svm_recalc_intercepts(vcpu);
#endif
}

bool glue_svm_exits(struct kvm_vcpu *vcpu)
{
	return vmcb_is_intercept(&to_svm(vcpu)->vmcb->control, INTERCEPT_RDPMC);
}
