// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the emulated PMU (machine/) and the model answer RDPMC alike, with the model's PMU
 * built from what the emulated CPUID and IA32_PERF_CAPABILITIES report, and what no CPUID says by the
 * model's choices. Proves that a wrong PMU would be noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "machine/pmu.h"
#include "model/rdpmc.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum { EAX, EBX, ECX, EDX };

static const char *const configurations[] = {
	"none",
	"intel,version=0",
	"intel,version=0,gp=8",
	"intel,version=0,fast=1",
	"intel,version=1",
	"intel,version=1,gp=4,gp-width=48",
	"intel,version=2",
	"intel,version=2,gp=0,fixed=1",
	"intel,version=2,gp=8,fixed=0",
	"intel,version=3",
	"intel,version=3,gp-width=32,fixed-width=40",
	"intel,version=4",
	"intel,version=4,gp=8,fixed=4,metrics=1,metrics-level=1",
	"intel,version=4,gp=10,fixed=16",
	"intel,version=5",
	"intel,version=5,metrics=0",
	"intel,version=5,metrics-level=1",
	"intel,version=5,metrics-level=1,metrics-clear=1",
	"intel,version=5,metrics-clear=1",
	"intel,version=5,gp=8,fixed=3,fixed-bitmap=77",
	"intel,version=5,fixed=3,fixed-bitmap=8007",
	"intel,version=5,fixed-bitmap=8,metrics=1,metrics-clear=1",
	"intel,version=5,leaf23=1,gp=4,gp-bitmap=ff",
	"intel,version=5,leaf23=1,user-disable=1",
	"intel,version=5,leaf23=1,gp=1,gp-bitmap=2a1,fixed=1,fixed-bitmap=8009,gp-width=64",
	"intel,version=6",
	"intel,version=6,gp=32,fixed=16",
	"intel,version=6,gp=8,gp-bitmap=800000ff,fixed=4,fixed-bitmap=9f,user-disable=1",
	"intel,version=6,gp-bitmap=fffffffe,fixed-bitmap=fe,user-disable=1,metrics-clear=1",
	"intel,version=6,gp=10,fixed=7,user-disable=1,metrics-clear=1,gp-width=40,fixed-width=56",
	"intel,version=6,gp=0,fixed=0",
	"intel,version=6,leaf23=0",
	"intel,version=6,gp-width=64,fixed-width=64",
	"intel,version=6,gp-width=33,fixed-width=32",
	"amd,version=0",
	"amd,version=0,nb=4",
	"amd,version=1",
	"amd,version=1,nb=4,l2i=1",
	"amd,version=1,nb=4,l3=1",
	"amd,version=1,l2i=1",
	"amd,version=1,l3=1",
	"amd,version=2",
	"amd,version=2,gp=1",
	"amd,version=2,gp=8",
	"amd,version=2,gp=10,l3=1",
	"amd,version=2,gp=15",
	"amd,version=2,gp=4,nb=4,l3=1",
	"amd,version=2,nb=1",
	"amd,version=2,nb=3,l3=1",
	"amd,version=2,nb=4",
	"amd,version=2,nb=5",
	"amd,version=2,nb=16,l3=1",
	"amd,version=2,nb=63,l3=1",
	"amd,version=2,nb=63",
};

struct answer {
	bool readable;
	uint64_t value;
};

static void cpuid(const struct pmu *pmu, uint32_t leaf, uint32_t subleaf, uint32_t reg[4])
{
	memset(reg, 0, 4 * sizeof(reg[0]));
	pmu_cpuid(pmu, leaf, subleaf, reg);
}

static void announced_intel(struct pmu *pmu, struct rdpmc_pmu *model)
{
	uint32_t reg[4];

	cpuid(pmu, 0xa, 0, reg);
	model->vendor = RDPMC_INTEL;
	model->version = reg[EAX] & 0xff;
	model->nr_gp = reg[EAX] >> 8 & 0xff;
	model->gp_width = reg[EAX] >> 16 & 0xff;
	model->nr_fixed = reg[EDX] & 0x1f;
	model->fixed_width = reg[EDX] >> 5 & 0xff;
	model->fixed_bitmap = reg[ECX];
	cpuid(pmu, 7, 1, reg);
	if (reg[EAX] >> 8 & 1) {
		cpuid(pmu, 0x23, 0, reg);
		model->user_disable = reg[EBX] >> 2 & 1;
		assert_true(reg[EAX] >> 1 & 1);
		cpuid(pmu, 0x23, 1, reg);
		model->leaf23_gp = reg[EAX];
		model->leaf23_fixed = reg[EBX];
	}
	cpuid(pmu, 1, 0, reg);
	if (reg[ECX] >> 15 & 1)
		assert_int_equal(pmu_rdmsr(pmu, 0x345, &model->perf_capabilities), PMU_DONE);
	/* What is not architectural is not announced. */
	if (pmu->config.vendor == PMU_INTEL && !model->version) {
		model->old_counters = (uint8_t)pmu->config.gp;
		model->old_fast = pmu->config.fast;
	}
}

static void announced_amd(const struct pmu *pmu, struct rdpmc_pmu *model)
{
	uint32_t reg[4];

	cpuid(pmu, 0x80000022, 0, reg);
	model->vendor = RDPMC_AMD;
	model->version = reg[EAX] & 1 ? 2 : 1;
	model->nr_gp = reg[EBX] & 0xf;
	model->nr_nb = reg[EBX] >> 10 & 0x3f;
	cpuid(pmu, 0x80000001, 0, reg);
	model->ext_core = reg[ECX] >> 23 & 1;
	model->ext_nb = reg[ECX] >> 24 & 1;
	model->ext_l3 = reg[ECX] >> 28 & 1;
}

/* What the counters are filled with, and the control bits. */
struct setting {
	bool ones, user_disable, metrics_clear;
};

/* Any 64 bits, different in every counter. All ones show the width. */
static uint64_t fill(const struct setting *setting, unsigned int n)
{
	return setting->ones ? ~0ULL : 0xfedcba9876543210 + n * 0x0101010101010101;
}

/* Each counter of the core with more bits than its width. */
static void prepare_core(struct pmu *pmu, const struct setting *setting)
{
	uint64_t control = 0;

	for (unsigned int x = 0; x < PMU_MAX_GP; x++) {
		pmu->gp[x] = fill(setting, x);
		if (setting->user_disable && pmu->config.gp_set >> x & 1 && x != 1)
			assert_int_equal(pmu_wrmsr(pmu, x < PMU_LEGACY_GP ? 0x186 + x : 0x1901 + 4 * x,
						   1ULL << 37), PMU_DONE);
	}
	for (unsigned int x = 0; x < PMU_MAX_FIXED; x++) {
		pmu->fixed[x] = fill(setting, 32 + x);
		if (setting->user_disable && pmu->config.fixed_set >> x & 1 && x != 1)
			control |= 1ULL << (33 + 4 * x);
	}
	/* By ECX, as RDPMC has them. */
	for (unsigned int x = 0; x < PMU_MAX_NB; x++)
		pmu->nb[x] = fill(setting, x < 4 ? 6 + x : 12 + x);
	for (unsigned int x = 0; x < PMU_MAX_LLC; x++)
		pmu->llc[x] = fill(setting, 10 + x);
	if (pmu->config.metrics)
		assert_int_equal(pmu_wrmsr(pmu, 0x329, fill(setting, 99)), PMU_DONE);
	if (setting->metrics_clear)
		control |= 1ULL << 14;
	if (control)
		assert_int_equal(pmu_wrmsr(pmu, 0x38d, control), PMU_DONE);
}

static void prepare_model(struct rdpmc_counters *counters, const struct pmu *pmu, const struct setting *setting)
{
	memset(counters, 0, sizeof(*counters));
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->gp); x++)
		counters->gp[x] = fill(setting, x);
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->fixed); x++)
		counters->fixed[x] = fill(setting, 32 + x);
	counters->metrics = fill(setting, 99);
	counters->fixed_ctr_ctrl = pmu->fixed_ctrl;
	for (unsigned int x = 0; x < PMU_MAX_GP; x++)
		counters->gp_user_disable |= (uint32_t)(pmu->evtsel[x] >> 37 & 1) << x;
}

/* Has all but what METRICS-CLEAR clears stayed, and was that cleared in one exactly if in the other? */
static bool same_effects(const struct pmu *before, const struct pmu *after, const struct rdpmc_counters *model)
{
	struct pmu expected = *before;

	if (!model->metrics && before->perf_metrics)
		expected.perf_metrics = 0;
	if (!model->fixed[3])
		expected.fixed[3] = 0;
	return !memcmp(&expected, after, sizeof(expected));
}

/* RDPMC of the PMU on trial. */
typedef bool rdpmc_function(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value);

struct comparison {
	const char *text;
	struct pmu pmu;
	struct rdpmc_view view;
	struct rdpmc_counters counters;
	rdpmc_function *rdpmc;
	unsigned long reads, readable, mismatches;
	bool quiet;
};

static void compare_read(struct comparison *comparison, uint32_t ecx, unsigned int cpl)
{
	struct pmu after = comparison->pmu;
	struct rdpmc_counters counters = comparison->counters;
	struct rdpmc_state state = { .cr0 = RDPMC_CR0_PE, .cr4 = RDPMC_CR4_PCE, .mode = MODE_64BIT, .cpl = (uint8_t)cpl,
				     .regs.rcx = ecx };
	const struct rdpmc_policy policy = { 0 };
	struct rdpmc_outcome outcome = rdpmc_execute(&comparison->view, &policy, &state, &counters);
	struct answer core = { 0 }, model = { outcome.decision.answer == ANSWER_VALUE, outcome.value };
	bool valid = pmu_rdpmc_valid(&after, ecx), good;

	core.readable = comparison->rdpmc(&after, ecx, cpl, &core.value);
	comparison->reads++;
	comparison->readable += core.readable;
	good = core.readable == model.readable && core.value == model.value;
	if (good && valid == core.readable && same_effects(&comparison->pmu, &after, &counters))
		return;
	if (!comparison->mismatches++ && !comparison->quiet)
		print_message("%s: ECX %08x, CPL %u: core %s %llx, model %s %llx (%s)%s%s\n", comparison->text, ecx, cpl,
			      core.readable ? "value" : "#GP", (unsigned long long)core.value,
			      model.readable ? "value" : "#GP", (unsigned long long)model.value,
			      rdpmc_rules[outcome.decision.rule].id,
			      valid == core.readable ? "" : ", pmu_rdpmc_valid() disagrees",
			      same_effects(&comparison->pmu, &after, &counters) ? "" : ", other state afterwards");
}

/* Indices near everything that is a limit. */
static void compare_dense(struct comparison *comparison, unsigned int cpl)
{
	static const uint16_t types[] = { 0x0000, 0x2000, 0x4000, 0x6000, 0x8000, 0xa000, 0xc000, 0xe000,
					  0x0001, 0x1fff, 0x2001, 0x3fff, 0x4001, 0x5fff, 0x7fff, 0xffff };
	static const uint16_t more[] = { 64, 65, 73, 74, 75, 76, 127, 128, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff };

	for (unsigned int t = 0; t < ARRAY_SIZE(types); t++) {
		for (uint32_t x = 0; x < 64; x++)
			compare_read(comparison, (uint32_t)types[t] << 16 | x, cpl);
		for (unsigned int i = 0; i < ARRAY_SIZE(more); i++)
			compare_read(comparison, (uint32_t)types[t] << 16 | more[i], cpl);
	}
}

static void compare_types(struct comparison *comparison)
{
	for (uint32_t type = 0; type < 0x10000; type++) {
		compare_read(comparison, type << 16, 0);
		compare_read(comparison, type << 16 | 1, 3);
		compare_read(comparison, type << 16 | 0xffff, 0);
	}
}

/* One configuration in all settings that it allows. */
static void compare(struct comparison *comparison, bool all_types)
{
	struct pmu fresh;
	struct rdpmc_pmu announced = { 0 };
	struct rdpmc_choices choices = rdpmc_default_choices;
	char why[200] = "";

	if (pmu_configure(&fresh, comparison->text, why, sizeof(why)))
		fail_msg("%s: %s", comparison->text, why);
	if (fresh.config.vendor == PMU_AMD)
		announced_amd(&fresh, &announced);
	else
		announced_intel(&fresh, &announced);
	/* No CPUID says so: a processor's model, or family, does. */
	choices.metrics_level_1 = fresh.config.metrics_level == 1;
	choices.amd_l2i = fresh.config.l2i;
	rdpmc_view(&announced, &choices, &comparison->view);
	for (unsigned int bits = 0; bits < 8; bits++) {
		struct setting setting = { bits & 1, bits & 2, bits & 4 };

		if ((setting.user_disable && !fresh.config.user_disable) ||
		    (setting.metrics_clear && !fresh.config.metrics_clear))
			continue;
		comparison->pmu = fresh;
		prepare_core(&comparison->pmu, &setting);
		prepare_model(&comparison->counters, &comparison->pmu, &setting);
		for (unsigned int cpl = 0; cpl < 4; cpl++)
			compare_dense(comparison, cpl);
		if (!bits && all_types)
			compare_types(comparison);
	}
}

static void test_same_answers(void **state)
{
	unsigned long reads = 0, mismatches = 0, readable = 0;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(configurations); i++) {
		struct comparison comparison = { .text = configurations[i], .rdpmc = pmu_rdpmc };

		compare(&comparison, true);
		reads += comparison.reads;
		readable += comparison.readable;
		mismatches += comparison.mismatches;
	}
	print_message("%zu configurations, %lu reads, %lu of them readable\n", ARRAY_SIZE(configurations), reads, readable);
	assert_int_equal(mismatches, 0);
}

/*
 * The choice leaf23-replaces: a processor whose leaf 0xa counts what its leaf 0x23 lacks would show it.
 * It cannot be configured.
 */
static void test_leaf_23_cannot_take_away(void **state)
{
	const struct rdpmc_pmu contradictory = { .vendor = RDPMC_INTEL, .version = 6, .nr_gp = 8, .gp_width = 48,
						 .leaf23_gp = 0xf };
	struct rdpmc_view view;
	struct pmu pmu;
	char why[200];

	(void)state;
	assert_int_equal(pmu_configure(&pmu, "intel,version=6,gp=8,gp-bitmap=f", why, sizeof(why)), -1);
	assert_string_equal(why, "gp counts counters that gp-bitmap lacks");
	assert_int_equal(pmu_configure(&pmu, "intel,version=6,fixed=4,fixed-bitmap=7", why, sizeof(why)), -1);
	assert_string_equal(why, "fixed counts counters that fixed-bitmap lacks");
	rdpmc_view(&contradictory, &rdpmc_default_choices, &view);
	assert_int_equal(view.readable[CLASS_GP], 0xff);
	rdpmc_view(&contradictory, &(struct rdpmc_choices){ .leaf23_replaces = true }, &view);
	assert_int_equal(view.readable[CLASS_GP], 0xf);
}

/* Wrong PMUs, each by one mistake. */

static bool wrong_metrics_index(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	return pmu_rdpmc(pmu, ecx == 0x20000001 ? 0x20000000 : ecx, cpl, value);
}

static bool wrong_fast_flag(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	return pmu_rdpmc(pmu, ecx & 0x7fffffff, cpl, value);
}

static bool wrong_bit_30(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	return pmu_rdpmc(pmu, ecx >> 29 == 3 ? ecx & ~(1U << 29) : ecx, cpl, value);
}

static bool wrong_index_bits(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	return pmu_rdpmc(pmu, ecx & 0xffff00ff, cpl, value);
}

static bool wrong_user_cpl(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	return pmu_rdpmc(pmu, ecx, cpl == 3 ? 3 : 0, value);
}

static bool wrong_hidden_metrics(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	bool good = pmu_rdpmc(pmu, ecx, cpl, value);

	if (good && ecx == 0x20000000 && cpl && pmu->fixed_ctrl >> (33 + 4 * 3) & 1)
		*value = 0;
	return good;
}

static bool wrong_no_clear(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	uint64_t slots = pmu->fixed[3];
	bool good = pmu_rdpmc(pmu, ecx, cpl, value);

	pmu->fixed[3] = slots;
	return good;
}

static bool wrong_clear_before_read(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	bool good = pmu_rdpmc(pmu, ecx, cpl, value);

	if (good && ecx == 0x20000000)
		*value = pmu->perf_metrics;
	return good;
}

static bool wrong_clear_by_user_only(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	struct pmu before = *pmu;
	bool good = pmu_rdpmc(pmu, ecx, cpl, value);

	if (!cpl)
		*pmu = before;
	return good;
}

static bool wrong_width(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	struct pmu wider = *pmu;

	wider.config.gp_width++;
	return pmu_rdpmc(ecx >> 16 || ecx == 3 ? pmu : &wider, ecx, cpl, value);
}

static bool wrong_fabric(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	return pmu_rdpmc(pmu, ecx >= 16 && ecx < 74 ? ecx + 1 : ecx, cpl, value);
}

static bool wrong_l3(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	return (ecx < 10 || ecx > 15) && pmu_rdpmc(pmu, ecx, cpl, value);
}

static bool wrong_gap(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	struct pmu filled = *pmu;

	filled.config.fixed_set |= filled.config.fixed_set >> 1;
	return pmu_rdpmc(&filled, ecx, cpl, value);
}

static void test_wrong_pmus_are_noticed(void **state)
{
	static const struct {
		const char *name, *text;
		rdpmc_function *rdpmc;
	} wrong[] = {
#define WRONG(function, text) { #function, text, function }
		WRONG(wrong_metrics_index, "intel,version=5"),
		WRONG(wrong_fast_flag, "intel,version=2"),
		WRONG(wrong_fast_flag, "amd"),
		WRONG(wrong_bit_30, "intel,version=4"),
		WRONG(wrong_index_bits, "intel,version=4"),
		WRONG(wrong_index_bits, "amd"),
		WRONG(wrong_user_cpl, "intel,version=6,user-disable=1"),
		WRONG(wrong_hidden_metrics, "intel,version=6,user-disable=1"),
		WRONG(wrong_no_clear, "intel,version=5,metrics-clear=1"),
		WRONG(wrong_clear_before_read, "intel,version=5,metrics-clear=1"),
		WRONG(wrong_clear_by_user_only, "intel,version=5,metrics-clear=1"),
		WRONG(wrong_width, "intel,version=1"),
		WRONG(wrong_width, "intel,version=6,gp-width=63"),
		WRONG(wrong_fabric, "amd,nb=16"),
		WRONG(wrong_l3, "amd,l3=1"),
		WRONG(wrong_gap, "intel,version=5,fixed=3,fixed-bitmap=77"),
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct comparison right = { .text = wrong[i].text, .rdpmc = pmu_rdpmc };
		struct comparison comparison = { .text = wrong[i].text, .rdpmc = wrong[i].rdpmc, .quiet = true };

		compare(&right, false);
		assert_int_equal(right.mismatches, 0);
		compare(&comparison, false);
		if (!comparison.mismatches)
			fail_msg("%s is not noticed", wrong[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_answers),
		cmocka_unit_test(test_leaf_23_cannot_take_away),
		cmocka_unit_test(test_wrong_pmus_are_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
