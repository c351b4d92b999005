// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The small part of the rules that a benchmark needs to know whether it measured the right thing.
 */
#include "bench/expect.h"

#include "guest/protocol.h"

#define TYPE_GP      0x0000U
#define TYPE_METRICS 0x2000U
#define TYPE_FIXED   0x4000U

/* AMD's fabric and L3 counters, where there are any (Linux, arch/x86/events/amd/uncore.c). */
#define AMD_UNCORE_FIRST 6
#define AMD_UNCORE_END   64

#define EXITS_NONE_MOST  0.1
#define EXITS_EACH_LEAST 0.9
#define EXITS_EACH_MOST  1.1

static uint64_t to_width(uint64_t value, unsigned int width)
{
	return width >= 64 ? value : value & ((1ULL << width) - 1);
}

static struct expectation gp_fault(const char *rule)
{
	return (struct expectation){ .gp = true, .rule = rule };
}

static struct expectation value(const char *rule, uint64_t preset, unsigned int width)
{
	return (struct expectation){ .rule = rule, .preset = to_width(preset, width) };
}

static struct expectation expect_intel(const struct pmu_shape *pmu, uint32_t ecx)
{
	uint32_t index = ecx & 0xffff;

	switch (ecx >> 16) {
	case TYPE_GP:
		if (index >= pmu->nr_gp)
			return gp_fault("TYPE-GP");
		return value("TYPE-GP",
			     pmu->perf_capabilities & PERF_CAP_FW_WRITES
				     ? GUEST_PRESET_GP_WIDE(index)
				     : GUEST_PRESET_GP(index),
			     pmu->gp_width);
	case TYPE_FIXED:
		if (index >= pmu->nr_fixed)
			return gp_fault("TYPE-FIXED");
		return value("TYPE-FIXED", GUEST_PRESET_FIXED(index), pmu->fixed_width);
	case TYPE_METRICS:
		if (!pmu_has_metrics(pmu))
			return gp_fault("TYPE-METRICS");
		if (index)
			return gp_fault("METRICS-INDEX");
		return value("METRICS-VALUE", GUEST_PRESET_METRICS, 64);
	default:
		return gp_fault("TYPE-OTHER");
	}
}

static struct expectation expect_amd(const struct pmu_shape *pmu, uint32_t ecx)
{
	/* Fabric and L3 counters beyond the core ones are not offered to guests by KVM. */
	if (ecx >= pmu->nr_gp)
		return gp_fault("AMD-OTHER");
	return value("AMD-CORE", GUEST_PRESET_GP_WIDE(ecx), pmu->gp_width);
}

struct expectation expect_rdpmc(const struct pmu_shape *pmu, uint32_t ecx, unsigned int cpl,
				bool pce)
{
	if (cpl && !pce)
		return gp_fault("PRIV");
	if (!pmu->version)
		return gp_fault("NO-PMU");
	return pmu->vendor == CPU_VENDOR_AMD ? expect_amd(pmu, ecx) : expect_intel(pmu, ecx);
}

struct expectation expect_vmware_tsc(void)
{
	return (struct expectation){ .any = true, .rule = "VMWARE-PMC" };
}

bool expect_metrics_plausible(uint64_t value)
{
	unsigned int sum = 0;

	for (unsigned int byte = 0; byte < 4; byte++)
		sum += value >> 8 * byte & 0xff;
	return sum >= 0xff - EXPECT_METRICS_SLACK && sum <= 0xff + EXPECT_METRICS_SLACK;
}

bool expect_running(const struct pmu_shape *pmu, uint32_t ecx, uint64_t first, uint64_t second)
{
	unsigned int width = ecx >> 16 == TYPE_FIXED ? pmu->fixed_width : pmu->gp_width;

	if (pmu->vendor != CPU_VENDOR_INTEL || ecx >> 16 != TYPE_METRICS)
		return first == to_width(first, width) && second == to_width(second, width) &&
		       second > first;
	return expect_metrics_plausible(second);
}

enum exits_expected expect_exits(const struct setting_host *host, enum setting_kind setting,
				 const struct expectation *expected, uint32_t ecx, unsigned int cpl,
				 bool pce)
{
	if (setting == SETTING_PASSTHROUGH)
		return EXITS_NONE;
	/* With the backdoor on, KVM intercepts #GP itself to emulate what faulted. */
	if (host->enable_vmware_backdoor == PARAM_YES && (expected->gp || expected->any))
		return EXITS_EACH;
	switch (host->backend) {
	case KVM_BACKEND_VMX:
		return expected->gp && cpl && !pce ? EXITS_NONE : EXITS_EACH;
	case KVM_BACKEND_SVM:
		if (!host->cpu.version) /* who faults first then is up to the hypervisor below */
			return EXITS_ANY;
		/* Does this processor have that uncore counter? Nothing here knows. */
		if ((!cpl || pce) && ecx >= host->cpu.nr_gp && ecx >= AMD_UNCORE_FIRST &&
		    ecx < AMD_UNCORE_END)
			return EXITS_ANY;
		return expect_rdpmc(&host->cpu, ecx, cpl, pce).gp ? EXITS_NONE : EXITS_EACH;
	default:
		return EXITS_EACH;
	}
}

bool expect_exits_met(enum exits_expected expected, enum kvm_backend backend, double exits)
{
	bool one_each = backend == KVM_BACKEND_VMX || backend == KVM_BACKEND_SVM;

	switch (expected) {
	case EXITS_NONE:
		return exits <= EXITS_NONE_MOST;
	case EXITS_EACH:
		return exits >= EXITS_EACH_LEAST && (!one_each || exits <= EXITS_EACH_MOST);
	default:
		return true;
	}
}
