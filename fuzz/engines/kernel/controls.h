/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether RDPMC exits: by the controls in a VMCS or VMCB, as the vendor's own file makes them; in a proof by the helper
 * that it asks. A part of glue.c, which includes it once.
 */
#include "vendor.h"

#ifndef GLUE_PROVE
static bool has_controls(const struct glue *glue)
{
	return !glue->no_controls && (glue->amd ? glue_svm_exits : glue_vmx_exits);
}

static void by_vendor(struct glue *glue, void (*vmx)(struct kvm_vcpu *),
		      void (*svm)(struct kvm_vcpu *))
{
	if (!has_controls(glue))
		return;
	glue->setting_up = true;
	(glue->amd ? svm : vmx)(glue->vcpu);
	glue->setting_up = false;
}

/* The controls of a vCPU that is new. */
static void make_controls(struct glue *glue)
{
	clear_vmcs();
	memset(glue->svm->vmcb, 0, sizeof(*glue->svm->vmcb));
	by_vendor(glue, glue_vmx_reset, glue_svm_reset);
}

/* Before the guest is entered next. */
static void recalc_controls(struct glue *glue)
{
	glue->asked_capabilities = false;
	by_vendor(glue, glue_vmx_recalc, glue_svm_recalc);
}

static void update_controls(struct glue *glue)
{
	by_vendor(glue, glue_vmx_after_cpuid, glue_svm_after_cpuid);
	recalc_controls(glue);
}
#else
static void make_controls(struct glue *glue)
{
}

static void update_controls(struct glue *glue)
{
}
#endif

#if defined(HAVE_SET_MSR_COMMON) && !defined(GLUE_PROVE)
/*
 * By KVM's own handler, as user space does it after KVM_SET_CPUID2; the guest had other capabilities before. What has to be
 * set up anew is the handler's business: what it forgets stays. Returns false where KVM refuses it, or it cannot be run here.
 */
static bool write_capabilities(struct glue *glue, const struct glue_setup *setup)
{
	const u64 other = setup->perf_capabilities ^ BIT_ULL(13) ^ /* full-width writes */
			  (setup->host.perf_capabilities & BIT_ULL(15));
	struct kvm_vcpu *vcpu = glue->vcpu;
	struct msr_data msr = {
		.host_initiated = true,
		.index = MSR_IA32_PERF_CAPABILITIES,
		.data = setup->perf_capabilities,
	};

	if (glue->amd || glue->no_handler)
		return false;
	kvm_caps.supported_perf_cap = setup->perf_capabilities | other;
	vcpu->arch.perf_capabilities = other;
	kvm_pmu_refresh(vcpu);
	update_controls(glue);
	vcpu->requests = 0;
	if (kvm_set_msr_common(vcpu, &msr) ||
	    vcpu->arch.perf_capabilities != setup->perf_capabilities)
		return false;
#ifdef KVM_REQ_RECALC_INTERCEPTS
	if (kvm_check_request(KVM_REQ_RECALC_INTERCEPTS, vcpu))
		recalc_controls(glue);
#endif
	return true;
}
#else
static bool write_capabilities(struct glue *glue, const struct glue_setup *setup)
{
	return false;
}
#endif

int glue_without_controls(struct glue *glue)
{
#ifndef GLUE_PROVE
	const int had = has_controls(glue);

	glue->no_controls = true;
	return had;
#else
	return 0;
#endif
}

int glue_without_handler(struct glue *glue)
{
#if defined(HAVE_SET_MSR_COMMON) && !defined(GLUE_PROVE)
	const int had = !glue->no_handler;

	glue->no_handler = true;
	return had;
#else
	return 0;
#endif
}

int glue_host_capabilities(const struct glue *glue)
{
#ifdef HAVE_HOST_PERF_CAPABILITIES
	return 1;
#else
	return glue->asked_capabilities;
#endif
}

#ifdef HAVE_NEED_RDPMC_INTERCEPT
static bool helper_intercepts(struct glue *glue)
{
	glue->asked_capabilities = false;
	return kvm_need_rdpmc_intercept(glue->vcpu);
}
#else
static bool helper_intercepts(struct glue *glue)
{
	return true;
}
#endif

#ifndef GLUE_PROVE
/* Where the controls are not known, what asks the helper may do otherwise than it says. */
int glue_intercepts(struct glue *glue)
{
	if (has_controls(glue))
		return (glue->amd ? glue_svm_exits : glue_vmx_exits)(glue->vcpu);
	return helper_intercepts(glue) ? -1 : 0;
}
#else
int glue_intercepts(struct glue *glue)
{
	return helper_intercepts(glue);
}
#endif
