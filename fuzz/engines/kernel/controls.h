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

/* The controls of a vCPU that is new. */
static void make_controls(struct glue *glue)
{
	clear_vmcs();
	memset(glue->svm->vmcb, 0, sizeof(*glue->svm->vmcb));
	if (!has_controls(glue))
		return;
	glue->setting_up = true;
	(glue->amd ? glue_svm_reset : glue_vmx_reset)(glue->vcpu);
	glue->setting_up = false;
}

static void update_controls(struct glue *glue)
{
	if (!has_controls(glue))
		return;
	glue->setting_up = true;
	glue->asked_capabilities = false;
	(glue->amd ? glue_svm_after_cpuid : glue_vmx_after_cpuid)(glue->vcpu);
	glue->setting_up = false;
}
#else
static void make_controls(struct glue *glue)
{
}

static void update_controls(struct glue *glue)
{
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
