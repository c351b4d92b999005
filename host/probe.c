// SPDX-License-Identifier: GPL-2.0-or-later
/* The processor under this process, and the kernel's modules. */
#include "host/probe.h"

#include <string.h>
#include <sys/ioctl.h>

#include "host/context.h"
#include "host/cpuid_pmu.h"

#define FEATURE_HYPERVISOR (1U << 31) /* CPUID.01H:ECX */
#define FEATURE_HYBRID     (1U << 15) /* CPUID.07H.0:EDX */

unsigned int probe_drop_unused(const char *root, struct pmu_shape *pmu)
{
	/* AMD's CPUID announces 4 counters, version 1, for want of a way to say that there are none. */
	bool announced = pmu->vendor != CPU_VENDOR_AMD || pmu->version > 1 || pmu->nr_gp > 4;
	unsigned int version = announced ? pmu->version : 0;

	if (!context_host_lacks_pmu(root))
		return 0;
	*pmu = (struct pmu_shape){ .vendor = pmu->vendor };
	return version;
}

/* Returns probe_drop_unused(). */
static unsigned int probe_cpu(const char *root, struct pmu_shape *pmu)
{
	struct cpuid_regs leaf = cpuid_read(0, 0), leaf_v2;
	unsigned int unused_version;
	char vendor[12];

	memcpy(vendor, &leaf.ebx, 4);
	memcpy(vendor + 4, &leaf.edx, 4);
	memcpy(vendor + 8, &leaf.ecx, 4);
	if (!memcmp(vendor, "GenuineIntel", 12)) {
		leaf = cpuid_read(0xa, 0);
		pmu_from_cpuid_0a(&leaf, pmu);
		pmu->vendor = CPU_VENDOR_INTEL;
	} else if (!memcmp(vendor, "AuthenticAMD", 12) || !memcmp(vendor, "HygonGenuine", 12)) {
		leaf = cpuid_read(0x80000001, 0);
		leaf_v2 = cpuid_read(0x80000022, 0);
		pmu_from_cpuid_amd(&leaf, &leaf_v2, pmu);
	}
	/* CPUID may announce counters that do not count, a hypervisor's above all: perf has tried. */
	unused_version = probe_drop_unused(root, pmu);
	/* The MSR itself is for the kernel only; what perf makes of it is in sysfs. */
	if (pmu->version && context_host_has_metrics(root))
		pmu->perf_capabilities |= PERF_CAP_PERF_METRICS;
	return unused_version;
}

/*
 * AMD's CPUID cannot say that there are no counters: KVM_CAP_PMU_CAPABILITY (Linux 5.18) is 0 when
 * enable_pmu is N, and before that only the parameter tells.
 */
static bool has_vpmu(const struct kvm *kvm, enum param enable_pmu)
{
	if (enable_pmu != PARAM_ABSENT)
		return enable_pmu == PARAM_YES;
	return ioctl(kvm->fd, KVM_CHECK_EXTENSION, KVM_CAP_PMU_CAPABILITY) > 0;
}

void probe_setting_host(const char *root, const struct kvm *kvm, struct setting_host *host)
{
	const char *vendor_module;

	*host = (struct setting_host){ .backend = context_backend(root) };
	vendor_module = host->backend == KVM_BACKEND_SVM ? "kvm_amd" : "kvm_intel";
	host->unused_version = probe_cpu(root, &host->cpu);
	host->enable_pmu = context_param(root, "kvm", "enable_pmu");
	if (kvm) {
		kvm_offered_pmu(kvm, &host->kvm);
		if (!has_vpmu(kvm, host->enable_pmu))
			host->kvm = (struct pmu_shape){ .vendor = host->kvm.vendor };
	}
	/* Of what KVM offers only PERF_METRICS proves that the processor has it. */
	host->cpu.perf_capabilities |= host->kvm.perf_capabilities & PERF_CAP_PERF_METRICS;
	host->hybrid = cpuid_read(7, 0).edx & FEATURE_HYBRID;
	host->nested = cpuid_read(1, 0).ecx & FEATURE_HYPERVISOR;
	host->enable_mediated_pmu = context_param(root, vendor_module, "enable_mediated_pmu");
	host->enable_vmware_backdoor = context_param(root, "kvm", "enable_vmware_backdoor");
}
