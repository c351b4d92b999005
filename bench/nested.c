// SPDX-License-Identifier: GPL-2.0-or-later
/* No rule of RDPMC is told here: model/nested.h decides. */
#include "bench/nested.h"

#include <stdio.h>

#include "bench/expect.h"
#include "bench/modelled.h"

#define ECX_FIXED0       0x40000000
#define ECX_METRICS      0x20000000
#define ECX_OUT_OF_RANGE 0xffff

#define VALUE_UNTOUCHED ((uint64_t)GUEST_UNTOUCHED << 32 | GUEST_UNTOUCHED)

size_t nested_reads(const struct setting_host *host, const struct setting *l0,
		    struct nested_read *reads)
{
	size_t n = 0;

	reads[n++] = (struct nested_read){ "gp-first/cpl0", 0, 0, true };
	reads[n++] = (struct nested_read){ "gp-first/cpl3", 0, 3, true };
	reads[n++] = (struct nested_read){ "gp-first/cpl3-nopce", 0, 3, false };
	if (l0->guest.nr_fixed)
		reads[n++] = (struct nested_read){ "fixed0/cpl0", ECX_FIXED0, 0, true };
	if (pmu_has_metrics(&host->cpu))
		reads[n++] = (struct nested_read){ "metrics/cpl0", ECX_METRICS, 0, true };
	reads[n++] = (struct nested_read){ "out-of-range/cpl0", ECX_OUT_OF_RANGE, 0, true };
	reads[n++] = (struct nested_read){ "out-of-range/cpl3", ECX_OUT_OF_RANGE, 3, true };
	if (l0->guest.version && l0->guest.nr_gp < host->cpu.nr_gp)
		reads[n++] = (struct nested_read){ "gp-hidden/cpl0", l0->guest.nr_gp, 0, true };
	return n;
}

struct nested_expectation nested_expect(const struct setting_host *host, enum setting_kind kind,
					const struct setting *l0, bool l1_intercepts,
					const struct nested_read *read)
{
	struct rdpmc_pmu l1_pmu = modelled_pmu(&l0->guest), pmu = modelled_pmu(&host->cpu);
	struct rdpmc_decision l1_cpu = modelled_decision(&l1_pmu, read->ecx, read->cpl, read->pce);
	struct rdpmc_decision cpu = modelled_decision(&pmu, read->ecx, read->cpl, read->pce);
	struct nested_expectation expected;
	struct rdpmc_counters presets;

	expected.nested = rdpmc_nested(host->backend == KVM_BACKEND_SVM ? RDPMC_AMD : RDPMC_INTEL,
				       kind == SETTING_INTERCEPTED, l1_intercepts, &l1_cpu, &cpu);
	modelled_presets(&l0->guest, &presets);
	expected.value = expected.nested.exits_to == LEVEL_L1     ? GUEST_L1_ANSWER
			 : expected.nested.answer == ANSWER_VALUE ? rdpmc_value(&l1_cpu, &presets)
								  : VALUE_UNTOUCHED;
	return expected;
}

const char *nested_known(const struct nested_expectation *expected, enum kvm_backend backend,
			 const struct nested_seen *seen)
{
	/* The processor exits where that of L1 would fault. */
	if (backend == KVM_BACKEND_SVM && expected->nested.rule == NESTED_L1_PRIORITY &&
	    expected->nested.exits_to == LEVEL_L0 && seen->l1_exits == NESTED_READS)
		return "known: kvm_amd gives L1 the exit of an index that the processor has and "
		       "L1's PMU has not "
		       "(nested_svm_intercept(), Linux 7.3)";
	return NULL;
}

enum guest_l2 nested_baseline(const struct nested_expectation *expected)
{
	bool faults =
		expected->nested.exits_to == LEVEL_L2 && expected->nested.answer != ANSWER_VALUE;

	return faults ? GUEST_L2_FAULT : GUEST_L2_NOP;
}

const char *nested_level_name(enum rdpmc_level level)
{
	static const char *const names[] = {
		[LEVEL_L2] = "nobody", [LEVEL_L0] = "L0", [LEVEL_L1] = "L1"
	};

	return names[level];
}

enum rdpmc_level nested_level_seen(const struct nested_seen *seen)
{
	if (seen->l1_exits)
		return LEVEL_L1;
	return expect_exits_met(EXITS_NONE, KVM_BACKEND_UNKNOWN, seen->exits) ? LEVEL_L2 : LEVEL_L0;
}

void nested_outcome_text(const struct nested_seen *seen, char *text, size_t size)
{
	if (seen->faults)
		snprintf(text, size, "#GP(0)");
	else if (seen->value == GUEST_L1_ANSWER)
		snprintf(text, size, "what L1 answers");
	else
		snprintf(text, size, "%#llx", (unsigned long long)seen->value);
}

static bool exits_met(enum rdpmc_level level, enum kvm_backend backend, double exits)
{
	/* What L1 does with an exit of its own takes further ones: VMREAD, and the entry into L2. */
	if (level == LEVEL_L1)
		return expect_exits_met(EXITS_EACH, KVM_BACKEND_UNKNOWN, exits);
	return expect_exits_met(level == LEVEL_L0 ? EXITS_EACH : EXITS_NONE, backend, exits);
}

bool nested_agrees(const struct nested_expectation *expected, enum kvm_backend backend,
		   const struct nested_seen *seen, char *text, size_t size)
{
	enum rdpmc_level level = expected->nested.exits_to;
	bool faults = level != LEVEL_L1 && expected->nested.answer != ANSWER_VALUE;
	uint64_t l1_exits = level == LEVEL_L1 ? NESTED_READS : 0;

	if (seen->l1_exits != l1_exits)
		snprintf(text, size, "L1 got the exit of %llu of %d reads, expected %llu",
			 (unsigned long long)seen->l1_exits, NESTED_READS,
			 (unsigned long long)l1_exits);
	else if (seen->faults != (faults ? NESTED_READS : 0))
		snprintf(text, size, "L2 took #GP(0) at %llu of %d reads, expected %d",
			 (unsigned long long)seen->faults, NESTED_READS, faults ? NESTED_READS : 0);
	else if (seen->value != expected->value)
		snprintf(text, size, "EDX:EAX of L2 is %#llx, expected %#llx",
			 (unsigned long long)seen->value, (unsigned long long)expected->value);
	else if (!exits_met(level, backend, seen->exits))
		snprintf(text, size, "KVM counted %.2f exits a read, expected %s", seen->exits,
			 level == LEVEL_L2   ? "none"
			 : level == LEVEL_L0 ? "one"
					     : "one or more");
	else
		return true;
	return false;
}
