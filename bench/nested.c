// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules of RDPMC are in model/nested/nested.h, and none is here. */
#include "bench/nested.h"

#include <stdio.h>

#include "bench/expect.h"
#include "bench/modelled.h"

#define ECX_FIXED0       0x40000000
#define ECX_METRICS      0x20000000
#define ECX_OUT_OF_RANGE 0xffff

#define VALUE_UNTOUCHED ((uint64_t)GUEST_UNTOUCHED << 32 | GUEST_UNTOUCHED)

size_t nested_reads(const struct setting_host *host, const struct setting *l0, bool emulator,
		    struct nested_read *reads)
{
	bool hides = l0->guest.version && l0->guest.nr_gp < host->cpu.nr_gp;
	const struct {
		bool here;
		struct nested_read read;
	} all[MAX_NESTED_READS] = {
		{ true, { "gp-first/cpl0", 0, 0, true, false } },
		{ true, { "gp-first/cpl3", 0, 3, true, false } },
		{ true, { "gp-first/cpl3-nopce", 0, 3, false, false } },
		{ l0->guest.nr_fixed, { "fixed0/cpl0", ECX_FIXED0, 0, true, false } },
		{ pmu_has_metrics(&host->cpu), { "metrics/cpl0", ECX_METRICS, 0, true, false } },
		{ true, { "out-of-range/cpl0", ECX_OUT_OF_RANGE, 0, true, false } },
		{ true, { "out-of-range/cpl3", ECX_OUT_OF_RANGE, 3, true, false } },
		{ hides, { "gp-hidden/cpl0", l0->guest.nr_gp, 0, true, false } },
		{ emulator, { "gp-first/cpl0/emulated", 0, 0, true, true } },
		{ emulator, { "gp-first/cpl3-nopce/emulated", 0, 3, false, true } },
		{ emulator, { "out-of-range/cpl0/emulated", ECX_OUT_OF_RANGE, 0, true, true } },
	};
	size_t n = 0;

	for (size_t i = 0; i < MAX_NESTED_READS; i++)
		if (all[i].here)
			reads[n++] = all[i].read;
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
	/* L0 executes it in the processor's place, by the same rules: it is there whoever faults. */
	if (read->emulated && expected.nested.exits_to == LEVEL_L2)
		expected.nested.exits_to = LEVEL_L0;
	modelled_presets(&l0->guest, &presets);
	expected.value = expected.nested.exits_to == LEVEL_L1     ? GUEST_L1_ANSWER
			 : expected.nested.answer == ANSWER_VALUE ? rdpmc_value(&l1_cpu, &presets)
								  : VALUE_UNTOUCHED;
	return expected;
}

const char *nested_known(const struct nested_row *row, enum kvm_backend backend)
{
	const struct rdpmc_nested *nested = &row->expected.nested;
	const struct nested_seen *seen = &row->seen;

	/* The processor exits where that of L1 would fault. */
	if (backend == KVM_BACKEND_SVM && !row->read.emulated &&
	    nested->rule == NESTED_L1_PRIORITY && nested->exits_to == LEVEL_L0 &&
	    seen->l1_exits == NESTED_READS)
		return "kvm_amd gives L1 the exit of an index that the processor has and "
		       "L1's PMU has not (nested_svm_intercept(), Linux 7.3)";
	if (backend == KVM_BACKEND_VMX && row->read.emulated && seen->faults == NESTED_READS &&
	    seen->vector == VECTOR_UD)
		return "KVM's instruction emulator ends RDPMC in an L2 of VMX with #UD "
		       "(vmx_check_intercept(), Linux 6.12 and 7.3)";
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
		snprintf(text, size, seen->vector == VECTOR_UD ? "#UD" : "#GP(0)");
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
		snprintf(text, size, "L2 faulted at %llu of %d reads, expected %d",
			 (unsigned long long)seen->faults, NESTED_READS, faults ? NESTED_READS : 0);
	else if (faults && seen->vector != VECTOR_GP)
		snprintf(text, size, "L2 took exception %u, expected #GP(0)", seen->vector);
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
