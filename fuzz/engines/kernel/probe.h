/* SPDX-License-Identifier: GPL-2.0 */
/* Short names for the probes of ./features. */
#include "fuzz/engines/kernel/tree.h"

#define OP(member) (((struct kvm_pmu_ops *)0)->member)
#define OPS        ((struct kvm_pmu_ops *)0)
#define VCPU       ((struct kvm_vcpu *)0)
#define PMU        (&VCPU->arch.pmu)
#define HOST       ((struct x86_pmu_capability *)0)
/* An array of a size that is so. */
#define COUNT_IS(array, so) ((char(*)[ARRAY_SIZE(array) so ? 1 : -1])0)
