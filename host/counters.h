/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's counters from outside, by KVM_SET_MSRS and KVM_GET_MSRS: stopped, and set to what is
 * wanted. A value is that of the counter's width; higher bits are left out.
 */
#ifndef HOST_COUNTERS_H
#define HOST_COUNTERS_H

#include "host/vm.h"

enum counter_kind { COUNTER_GP, COUNTER_FIXED, COUNTER_METRICS };

/* Return false where KVM has no such counter for the guest whose PMU is @pmu. */
bool counter_set(const struct vm *vm, const struct pmu_shape *pmu, enum counter_kind kind,
		 unsigned int index, uint64_t value);
bool counter_get(const struct vm *vm, const struct pmu_shape *pmu, enum counter_kind kind,
		 unsigned int index, uint64_t *value);

/* Does the counter hold @value, in its width? True where KVM has no such counter. */
bool counter_holds(const struct vm *vm, const struct pmu_shape *pmu, enum counter_kind kind,
		   unsigned int index, uint64_t value);

#endif
