/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between glue.c and the vendors' own files: vmx.c and svm.c write the controls that decide whether RDPMC exits. Each
 * is compiled inside of a file here (glue_vmx.c, glue_svm.c), because what is called of it is static. Where it
 * does not compile or link, its functions are NULL, and the decision is judged where kvm_need_rdpmc_intercept() makes it.
 */
#ifndef FUZZ_KERNEL_VENDOR_H
#define FUZZ_KERNEL_VENDOR_H

#include <linux/kvm_host.h>

#define VENDOR_OPTIONAL __attribute__((weak, visibility("hidden")))

/* Make the controls of a vCPU that is new. */
void glue_vmx_reset(struct kvm_vcpu *vcpu) VENDOR_OPTIONAL;
void glue_svm_reset(struct kvm_vcpu *vcpu) VENDOR_OPTIONAL;
/* What the vendor does when the guest's CPUID is set, and before the guest is entered next: kvm_x86_ops.recalc_intercepts. */
void glue_vmx_after_cpuid(struct kvm_vcpu *vcpu) VENDOR_OPTIONAL;
void glue_svm_after_cpuid(struct kvm_vcpu *vcpu) VENDOR_OPTIONAL;
void glue_vmx_recalc(struct kvm_vcpu *vcpu) VENDOR_OPTIONAL;
void glue_svm_recalc(struct kvm_vcpu *vcpu) VENDOR_OPTIONAL;
/* Does the control say that RDPMC exits? */
bool glue_vmx_exits(struct kvm_vcpu *vcpu) VENDOR_OPTIONAL;
bool glue_svm_exits(struct kvm_vcpu *vcpu) VENDOR_OPTIONAL;

#endif
