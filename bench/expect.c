// SPDX-License-Identifier: GPL-2.0-or-later
/* What model/ says of a read, as a benchmark asks for it. No rule of RDPMC is told here. */
#include "bench/expect.h"

#include "bench/modelled.h"
#include "model/intercept.h"

#define MAX_AMD_FABRIC 63 /* CPUID 8000_0022H:EBX[15:10] */

#define EXITS_NONE_MAX 0.1
#define EXITS_EACH_MIN 0.9
#define EXITS_EACH_MAX 1.1

struct expectation expect_rdpmc(const struct pmu_shape *pmu, uint32_t ecx, unsigned int cpl,
				bool pce)
{
	struct rdpmc_pmu modelled = modelled_pmu(pmu);
	struct rdpmc_decision decision = modelled_decision(&modelled, ecx, cpl, pce);
	struct expectation expectation = {
		.gp = decision.answer != ANSWER_VALUE,
		.rule = rdpmc_rules[decision.rule].id,
	};
	struct rdpmc_counters presets;

	if (!expectation.gp) {
		modelled_presets(pmu, &presets);
		expectation.preset = rdpmc_value(&decision, &presets);
	}
	return expectation;
}

struct expectation expect_vmware_tsc(void)
{
	return (struct expectation){ .any = true, .rule = rdpmc_rules[RULE_VMWARE_PMC].id };
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
	struct rdpmc_pmu modelled = modelled_pmu(pmu);
	struct rdpmc_decision decision = modelled_decision(&modelled, ecx, 0, true);
	uint64_t beyond = decision.width < 64 ? ~0ULL << decision.width : 0;

	if (decision.class == CLASS_METRICS)
		return expect_metrics_plausible(second);
	return !((first | second) & beyond) && second > first;
}

/*
 * Is @ecx one of the fabric and L3 counters that an AMD processor with these core counters may
 * have? Nothing here knows how many of them it has, so take the most there can be.
 */
static bool may_be_uncore(const struct pmu_shape *cpu, uint32_t ecx, unsigned int cpl, bool pce)
{
	struct rdpmc_pmu largest = modelled_pmu(cpu);
	struct rdpmc_decision decision;

	largest.version = 2; /* counts its counters by number */
	largest.ext_nb = largest.ext_l3 = true;
	largest.nr_nb = MAX_AMD_FABRIC;
	decision = modelled_decision(&largest, ecx, cpl, pce);
	return decision.answer == ANSWER_VALUE && decision.class != CLASS_AMD_CORE;
}

enum exits_expected expect_exits(const struct setting_host *host, enum setting_kind setting,
				 const struct expectation *expected, uint32_t ecx, unsigned int cpl,
				 bool pce)
{
	struct rdpmc_pmu processor;
	struct rdpmc_decision decision;

	if (setting == SETTING_PASSTHROUGH)
		return EXITS_NONE;
	/* With the backdoor on, KVM intercepts #GP itself to emulate what faulted. */
	if (host->enable_vmware_backdoor == PARAM_YES && (expected->gp || expected->any))
		return EXITS_EACH;
	if (host->backend != KVM_BACKEND_VMX && host->backend != KVM_BACKEND_SVM)
		return EXITS_EACH;
	if (host->backend == KVM_BACKEND_SVM &&
	    /* Without a PMU, who faults first is up to the hypervisor below. */
	    (!host->cpu.version || may_be_uncore(&host->cpu, ecx, cpl, pce)))
		return EXITS_ANY;
	processor = modelled_pmu(&host->cpu);
	decision = modelled_decision(&processor, ecx, cpl, pce);
	return rdpmc_exits(host->backend == KVM_BACKEND_SVM ? RDPMC_AMD : RDPMC_INTEL, &decision)
		       ? EXITS_EACH
		       : EXITS_NONE;
}

bool expect_exits_met(enum exits_expected expected, enum kvm_backend backend, double exits)
{
	bool one_each = backend == KVM_BACKEND_VMX || backend == KVM_BACKEND_SVM;

	switch (expected) {
	case EXITS_NONE:
		return exits <= EXITS_NONE_MAX;
	case EXITS_EACH:
		return exits >= EXITS_EACH_MIN && (!one_each || exits <= EXITS_EACH_MAX);
	default:
		return true;
	}
}
