// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading and rewriting KVM's CPUID tables. */
#include "host/guest_cpuid.h"

#include <stdlib.h>
#include <string.h>

#include "host/cpuid_pmu.h"

#define LEAF_VENDOR   0x0U
#define LEAF_FEATURES 0x1U
#define LEAF_PMU      0xaU
#define LEAF_PMU_EXT  0x23U
#define LEAF_AMD      0x80000001U
#define LEAF_AMD_PMU  0x80000022U
#define FEATURE_PDCM  (1U << 15) /* CPUID.01H:ECX: IA32_PERF_CAPABILITIES is there */
#define FEATURE_VMX   (1U << 5)  /* CPUID.01H:ECX */
#define FEATURE_SVM   (1U << 2)  /* CPUID 8000_0001H:ECX */

#define SPARE_ENTRIES 4 /* leaves this file may have to add */

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == leaf && !cpuid->entries[i].index)
			return &cpuid->entries[i];
	return NULL;
}

static struct kvm_cpuid_entry2 *find_or_add(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
	struct kvm_cpuid_entry2 *entry = find(cpuid, leaf);

	if (!entry) {
		entry = &cpuid->entries[cpuid->nent++];
		*entry = (struct kvm_cpuid_entry2){ .function = leaf };
	}
	return entry;
}

static struct cpuid_regs regs_of(const struct kvm_cpuid_entry2 *entry)
{
	return (struct cpuid_regs){ entry->eax, entry->ebx, entry->ecx, entry->edx };
}

static void set_regs(struct kvm_cpuid_entry2 *entry, const struct cpuid_regs *regs)
{
	entry->eax = regs->eax;
	entry->ebx = regs->ebx;
	entry->ecx = regs->ecx;
	entry->edx = regs->edx;
}

static enum cpu_vendor vendor_of(const struct kvm_cpuid_entry2 *entry)
{
	char name[12];

	memcpy(name, &entry->ebx, 4);
	memcpy(name + 4, &entry->edx, 4);
	memcpy(name + 8, &entry->ecx, 4);
	if (!memcmp(name, "GenuineIntel", 12))
		return CPU_VENDOR_INTEL;
	if (!memcmp(name, "AuthenticAMD", 12) || !memcmp(name, "HygonGenuine", 12))
		return CPU_VENDOR_AMD;
	return CPU_VENDOR_OTHER;
}

void guest_cpuid_pmu(const struct kvm_cpuid2 *cpuid, struct pmu_shape *pmu)
{
	/* Only searched, never changed: find() is shared with guest_cpuid_make(). */
	struct kvm_cpuid2 *table = (struct kvm_cpuid2 *)cpuid;
	struct kvm_cpuid_entry2 *vendor = find(table, LEAF_VENDOR), *leaf;
	struct cpuid_regs regs, pmu_v2;

	*pmu = (struct pmu_shape){ .vendor = vendor ? vendor_of(vendor) : CPU_VENDOR_OTHER };
	if (pmu->vendor == CPU_VENDOR_INTEL && (leaf = find(table, LEAF_PMU))) {
		regs = regs_of(leaf);
		pmu_from_cpuid_0a(&regs, pmu);
	} else if (pmu->vendor == CPU_VENDOR_AMD && (leaf = find(table, LEAF_AMD))) {
		regs = regs_of(leaf);
		leaf = find(table, LEAF_AMD_PMU);
		if (leaf)
			pmu_v2 = regs_of(leaf);
		pmu_from_cpuid_amd(&regs, leaf ? &pmu_v2 : NULL, pmu);
	}
}

bool guest_cpuid_nested(const struct kvm_cpuid2 *cpuid)
{
	/* Only searched, as above. */
	struct kvm_cpuid2 *table = (struct kvm_cpuid2 *)cpuid;
	const struct kvm_cpuid_entry2 *features = find(table, LEAF_FEATURES);
	const struct kvm_cpuid_entry2 *amd = find(table, LEAF_AMD);

	return (features && features->ecx & FEATURE_VMX) || (amd && amd->ecx & FEATURE_SVM);
}

static void make_intel(struct kvm_cpuid2 *cpuid, const struct pmu_shape *pmu)
{
	struct kvm_cpuid_entry2 *features = find_or_add(cpuid, LEAF_FEATURES);
	struct kvm_cpuid_entry2 *leaf = find_or_add(cpuid, LEAF_PMU);
	struct cpuid_regs regs = regs_of(leaf);

	pmu_to_cpuid_0a(pmu, &regs);
	set_regs(leaf, &regs);
	if (pmu->perf_capabilities)
		features->ecx |= FEATURE_PDCM;
	else
		features->ecx &= ~FEATURE_PDCM;
	/* Leaf 23H could announce more counters than leaf 0AH: a guest has what its shape says. */
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == LEAF_PMU_EXT)
			set_regs(&cpuid->entries[i], &(struct cpuid_regs){ 0 });
}

static void make_amd(struct kvm_cpuid2 *cpuid, const struct pmu_shape *pmu)
{
	struct kvm_cpuid_entry2 *leaf = find_or_add(cpuid, LEAF_AMD);
	struct kvm_cpuid_entry2 *leaf_v2 = find_or_add(cpuid, LEAF_AMD_PMU);
	struct cpuid_regs regs = regs_of(leaf), regs_v2 = regs_of(leaf_v2);

	pmu_to_cpuid_amd(pmu, &regs, &regs_v2);
	set_regs(leaf, &regs);
	set_regs(leaf_v2, &regs_v2);
}

struct kvm_cpuid2 *guest_cpuid_make(const struct kvm_cpuid2 *supported, const struct pmu_shape *pmu)
{
	size_t used = sizeof(*supported) + supported->nent * sizeof(supported->entries[0]);
	struct kvm_cpuid2 *cpuid = calloc(1, used + SPARE_ENTRIES * sizeof(supported->entries[0]));
	struct kvm_cpuid_entry2 *vendor;

	if (!cpuid)
		return NULL;
	memcpy(cpuid, supported, used);
	vendor = find_or_add(cpuid, LEAF_VENDOR);
	if (pmu->vendor == CPU_VENDOR_INTEL) {
		if (vendor_of(vendor) != CPU_VENDOR_INTEL) {
			memcpy(&vendor->ebx, "Genu", 4);
			memcpy(&vendor->edx, "ineI", 4);
			memcpy(&vendor->ecx, "ntel", 4);
		}
		if (vendor->eax < LEAF_PMU)
			vendor->eax = LEAF_PMU;
		make_intel(cpuid, pmu);
	} else if (pmu->vendor == CPU_VENDOR_AMD) {
		make_amd(cpuid, pmu);
	}
	return cpuid;
}
