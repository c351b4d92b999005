/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gather from CPUID, sysfs and KVM what the setting logic wants to know of this host. */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

#include "host/setting.h"
#include "host/vm.h"

/*
 * Clear @pmu where the host's perf uses none. Returns its version if CPUID announced it all the
 * same, or 0.
 */
unsigned int probe_drop_unused(const char *root, struct pmu_shape *pmu);

/* @kvm may be NULL: then the offer of KVM is left without a PMU. */
void probe_setting_host(const char *root, const struct kvm *kvm, struct setting_host *host);

#endif
