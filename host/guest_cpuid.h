/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's CPUID: what KVM supports, with the PMU that a setting asks for. */
#ifndef HOST_GUEST_CPUID_H
#define HOST_GUEST_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>

#include "host/pmu.h"

/* The PMU that a CPUID table announces (IA32_PERF_CAPABILITIES is no part of it: 0). */
void guest_cpuid_pmu(const struct kvm_cpuid2 *cpuid, struct pmu_shape *pmu);

/* Does it announce VMX or SVM: can this guest be a hypervisor? */
bool guest_cpuid_nested(const struct kvm_cpuid2 *cpuid);

/*
 * A new table for KVM_SET_CPUID2, to be freed; NULL without memory. When @pmu's vendor is not the
 * table's, the guest's vendor becomes the PMU's: a simulated PMU is Intel's on any host.
 */
struct kvm_cpuid2 *guest_cpuid_make(const struct kvm_cpuid2 *supported,
				    const struct pmu_shape *pmu);

#endif
