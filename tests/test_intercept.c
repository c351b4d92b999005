// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the intercept may be off exactly where executing RDPMC under the processor's and the
 * guest's view shows no difference, for all pairs of some hundred PMUs; and which reads exit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/intercept.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define CAP_METRICS RDPMC_CAP_METRICS
#define CAP_BOTH    (RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR)

#define INTEL(version_, gp, fixed, ...)                                                            \
	{                                                                                          \
		.vendor = RDPMC_INTEL, .version = (version_), .nr_gp = (gp), .nr_fixed = (fixed),  \
		__VA_ARGS__                                                                        \
	}
#define W48 .gp_width = 48, .fixed_width = 48
#define AMD(version_, ...)                                                                         \
	{                                                                                          \
		.vendor = RDPMC_AMD, .version = (version_), __VA_ARGS__                            \
	}
#define OLD(n, ...)                                                                                \
	{                                                                                          \
		.vendor = RDPMC_INTEL, .old_counters = (n), __VA_ARGS__                            \
	}

static const struct rdpmc_pmu plain = INTEL(2, 8, 3, W48);
static const struct rdpmc_pmu version_5 = INTEL(5, 8, 3, W48);
static const struct rdpmc_pmu fewer_gp = INTEL(2, 7, 3, W48);
static const struct rdpmc_pmu fewer_fixed = INTEL(2, 8, 2, W48);
static const struct rdpmc_pmu gp_of_40 = INTEL(2, 8, 3, .gp_width = 40, .fixed_width = 48);
static const struct rdpmc_pmu fixed_of_40 = INTEL(2, 8, 3, .gp_width = 48, .fixed_width = 40);
static const struct rdpmc_pmu no_fixed = INTEL(2, 8, 0, .gp_width = 48, .fixed_width = 48);
static const struct rdpmc_pmu no_fixed_40 = INTEL(2, 8, 0, .gp_width = 48, .fixed_width = 40);
static const struct rdpmc_pmu no_gp = INTEL(2, 0, 3, .gp_width = 48, .fixed_width = 48);
static const struct rdpmc_pmu no_gp_40 = INTEL(2, 0, 3, .gp_width = 40, .fixed_width = 48);
static const struct rdpmc_pmu fixed_bitmap = INTEL(5, 8, 3, W48, .fixed_bitmap = 0x40);
static const struct rdpmc_pmu same_bitmap = INTEL(5, 8, 0, W48, .fixed_bitmap = 0x7);
static const struct rdpmc_pmu leaf23_gp = INTEL(6, 8, 3, W48, .leaf23_gp = 0x80000000);
static const struct rdpmc_pmu leaf23_fixed = INTEL(6, 8, 3, W48, .leaf23_fixed = 0x200);
static const struct rdpmc_pmu metrics = INTEL(2, 8, 3, W48, .perf_capabilities = CAP_METRICS);
static const struct rdpmc_pmu clearing = INTEL(2, 8, 3, W48, .perf_capabilities = CAP_BOTH);
static const struct rdpmc_pmu clear_bit_alone =
	INTEL(2, 8, 3, W48, .perf_capabilities = RDPMC_CAP_METRICS_CLEAR);
static const struct rdpmc_pmu hiding = INTEL(2, 8, 3, W48, .user_disable = true);
static const struct rdpmc_pmu high_fixed =
	INTEL(6, 0, 0, .fixed_width = 48, .leaf23_fixed = 0xffffff00);
static const struct rdpmc_pmu high_fixed_hiding =
	INTEL(6, 0, 0, .fixed_width = 48, .leaf23_fixed = 0xffffff00, .user_disable = true);
static const struct rdpmc_pmu none = { .vendor = RDPMC_INTEL };
static const struct rdpmc_pmu none_amd = { .vendor = RDPMC_AMD };
static const struct rdpmc_pmu empty = INTEL(2, 0, 0, W48);
static const struct rdpmc_pmu metrics_alone = INTEL(2, 0, 0, .perf_capabilities = CAP_METRICS);
static const struct rdpmc_pmu p6 = OLD(2), p6_fast = OLD(2, .old_fast = true), p4 = OLD(18);
static const struct rdpmc_pmu zen = AMD(1, .ext_core = true);
static const struct rdpmc_pmu zen_4_core = AMD(1);
static const struct rdpmc_pmu zen_nb = AMD(1, .ext_core = true, .ext_nb = true);
static const struct rdpmc_pmu zen_l3 = AMD(1, .ext_core = true, .ext_l3 = true);
static const struct rdpmc_pmu zen_v2 = AMD(2, .nr_gp = 6);
static const struct rdpmc_pmu zen_v2_nb4 = AMD(2, .nr_gp = 6, .ext_nb = true, .nr_nb = 4);
static const struct rdpmc_pmu zen_v2_nb9 = AMD(2, .nr_gp = 6, .ext_nb = true, .nr_nb = 9);
static const struct rdpmc_pmu ten_core_l3 = AMD(2, .nr_gp = 15, .ext_l3 = true);
static const struct rdpmc_pmu sixteen_l3 = AMD(2, .nr_gp = 12, .ext_l3 = true);

static const struct rdpmc_policy mediated = { .mediated_pmu = true };
static const struct rdpmc_policy not_mediated = { 0 };
static const struct rdpmc_policy vmware = { .mediated_pmu = true, .vmware_backdoor = true };
static const struct rdpmc_policy vmware_not_mediated = { .vmware_backdoor = true };

static void view_of(const struct rdpmc_pmu *pmu, struct rdpmc_view *view)
{
	rdpmc_view(pmu, &rdpmc_default_choices, view);
}

/* The obstacle of each pair, and where it is one counter's, the class and index of the first. */
static const struct {
	const char *name;
	const struct rdpmc_pmu *host, *guest;
	const struct rdpmc_policy *policy;
	uint8_t obstacle;
} pairs[] = {
	{ "equal", &plain, &plain, &mediated, OBSTACLE_NONE },
	{ "another version, the same counters", &version_5, &plain, &mediated, OBSTACLE_NONE },
	{ "bitmap instead of a number", &same_bitmap, &plain, &mediated, OBSTACLE_NONE },
	{ "equal on AMD", &zen_nb, &zen_nb, &mediated, OBSTACLE_NONE },
	{ "PerfMonV2 of the same counters", &zen_v2, &zen, &mediated, OBSTACLE_NONE },
	{ "the seed: the host alone has metrics", &metrics, &plain, &mediated, OBSTACLE_READABLE },
	{ "the guest alone has metrics", &plain, &metrics, &mediated, OBSTACLE_READABLE },
	{ "both have metrics", &metrics, &metrics, &mediated, OBSTACLE_NONE },
	{ "the guest has fewer GP", &plain, &fewer_gp, &mediated, OBSTACLE_READABLE },
	{ "the guest has more GP", &fewer_gp, &plain, &mediated, OBSTACLE_READABLE },
	{ "the guest has fewer fixed", &plain, &fewer_fixed, &mediated, OBSTACLE_READABLE },
	{ "the guest has more fixed", &fewer_fixed, &plain, &mediated, OBSTACLE_READABLE },
	{ "fixed bitmap", &fixed_bitmap, &plain, &mediated, OBSTACLE_READABLE },
	{ "fixed bitmap in the guest", &plain, &fixed_bitmap, &mediated, OBSTACLE_READABLE },
	{ "leaf 0x23, GP 31", &leaf23_gp, &plain, &mediated, OBSTACLE_READABLE },
	{ "leaf 0x23, GP 31 in the guest", &plain, &leaf23_gp, &mediated, OBSTACLE_READABLE },
	{ "leaf 0x23, fixed 9", &leaf23_fixed, &plain, &mediated, OBSTACLE_READABLE },
	{ "leaf 0x23, fixed 9 in the guest", &plain, &leaf23_fixed, &mediated, OBSTACLE_READABLE },
	{ "wider GP", &plain, &gp_of_40, &mediated, OBSTACLE_WIDTH },
	{ "narrower GP", &gp_of_40, &plain, &mediated, OBSTACLE_WIDTH },
	{ "wider fixed", &plain, &fixed_of_40, &mediated, OBSTACLE_WIDTH },
	{ "narrower fixed", &fixed_of_40, &plain, &mediated, OBSTACLE_WIDTH },
	{ "width of no fixed", &no_fixed, &no_fixed_40, &mediated, OBSTACLE_NONE },
	{ "width of no GP", &no_gp_40, &no_gp, &mediated, OBSTACLE_NONE },
	{ "width in AMD's PMUs is 48", &zen, &zen, &mediated, OBSTACLE_NONE },
	{ "the guest alone clears", &metrics, &clearing, &mediated, OBSTACLE_CLEAR },
	{ "the host alone clears", &clearing, &metrics, &mediated, OBSTACLE_NONE },
	{ "both clear", &clearing, &clearing, &mediated, OBSTACLE_NONE },
	{ "nothing to clear", &plain, &clear_bit_alone, &mediated, OBSTACLE_NONE },
	{ "the guest alone hides", &plain, &hiding, &mediated, OBSTACLE_USER_DISABLE },
	{ "the host alone hides", &hiding, &plain, &mediated, OBSTACLE_NONE },
	{ "both hide", &hiding, &hiding, &mediated, OBSTACLE_NONE },
	{ "nothing to hide", &high_fixed, &high_fixed_hiding, &mediated, OBSTACLE_NONE },
	{ "fabric in the host", &zen_nb, &zen, &mediated, OBSTACLE_READABLE },
	{ "fabric in the guest", &zen, &zen_nb, &mediated, OBSTACLE_READABLE },
	{ "L3 in the host", &zen_l3, &zen, &mediated, OBSTACLE_READABLE },
	{ "L3 in the guest", &zen, &zen_l3, &mediated, OBSTACLE_READABLE },
	{ "more fabric", &zen_v2_nb9, &zen_v2_nb4, &mediated, OBSTACLE_READABLE },
	{ "four of the fabric in either version", &zen_v2_nb4, &zen_nb, &mediated, OBSTACLE_NONE },
	{ "fewer core counters", &zen, &zen_4_core, &mediated, OBSTACLE_READABLE },
	{ "core where the guest has L3", &ten_core_l3, &sixteen_l3, &mediated, OBSTACLE_READABLE },
	{ "Intel and AMD", &plain, &zen, &mediated, OBSTACLE_READABLE },
	{ "AMD and Intel", &zen, &plain, &mediated, OBSTACLE_READABLE },
	{ "neither has counters", &none, &none_amd, &mediated, OBSTACLE_NONE },
	{ "version 2 of nothing", &empty, &none, &mediated, OBSTACLE_NONE },
	{ "the guest has no PMU", &plain, &none, &mediated, OBSTACLE_READABLE },
	{ "old, equal", &p6, &p6, &mediated, OBSTACLE_NONE },
	{ "old, fast in the host", &p6_fast, &p6, &mediated, OBSTACLE_READABLE },
	{ "old, fast in the guest", &p6, &p6_fast, &mediated, OBSTACLE_READABLE },
	{ "old, more", &p4, &p6, &mediated, OBSTACLE_READABLE },
	{ "backdoor", &plain, &plain, &vmware, OBSTACLE_VMWARE },
	{ "backdoor, no PMU", &none, &none, &vmware, OBSTACLE_VMWARE },
	{ "backdoor, not mediated", &none, &none, &vmware_not_mediated, OBSTACLE_VMWARE },
	{ "backdoor, AMD", &zen, &zen, &vmware, OBSTACLE_VMWARE },
	{ "not mediated", &plain, &plain, &not_mediated, OBSTACLE_NOT_MEDIATED },
	{ "not mediated, AMD", &zen, &zen, &not_mediated, OBSTACLE_NOT_MEDIATED },
	{ "not mediated, old", &p6, &p6, &not_mediated, OBSTACLE_NOT_MEDIATED },
	{ "not mediated, metrics alone", &metrics_alone, &metrics_alone, &not_mediated,
	  OBSTACLE_NOT_MEDIATED },
	{ "not mediated, nothing to read", &none, &none, &not_mediated, OBSTACLE_NONE },
	{ "not mediated, none of the guest's", &plain, &none, &not_mediated, OBSTACLE_READABLE },
	{ "not mediated, version 2 of nothing", &empty, &empty, &not_mediated, OBSTACLE_NONE },
};

static void test_pairs(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct rdpmc_view host, guest;
		struct rdpmc_pass pass;

		view_of(pairs[i].host, &host);
		view_of(pairs[i].guest, &guest);
		pass = rdpmc_may_pass(&host, &guest, pairs[i].policy);
		if (pass.obstacle != pairs[i].obstacle)
			fail_msg("%s: obstacle %u (class %u, index %u), not %u", pairs[i].name,
				 pass.obstacle, pass.class, pass.index, pairs[i].obstacle);
	}
}

/* Where one counter alone differs, it is the one that is named. */
static void test_named(void **unused)
{
	static const struct {
		const char *name;
		const struct rdpmc_pmu *a, *b;
		uint8_t class, index;
	} rows[] = {
		{ "metrics", &metrics, &plain, CLASS_METRICS, 0 },
		{ "GP", &plain, &fewer_gp, CLASS_GP, 7 },
		{ "fixed", &plain, &fewer_fixed, CLASS_FIXED, 2 },
		{ "fixed bitmap", &fixed_bitmap, &plain, CLASS_FIXED, 6 },
		{ "leaf 0x23, GP", &leaf23_gp, &plain, CLASS_GP, 31 },
		{ "leaf 0x23, fixed", &leaf23_fixed, &plain, CLASS_FIXED, 9 },
	};

	(void)unused;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const bool swap = i & 1;
		struct rdpmc_view host, guest;
		struct rdpmc_pass pass;

		view_of(swap ? rows[i / 2].b : rows[i / 2].a, &host);
		view_of(swap ? rows[i / 2].a : rows[i / 2].b, &guest);
		pass = rdpmc_may_pass(&host, &guest, &mediated);
		if (pass.class != rows[i / 2].class || pass.index != rows[i / 2].index)
			fail_msg("%s: class %u, index %u", rows[i / 2].name, pass.class,
				 pass.index);
	}
}

/* The bounded space: every PMU here as the host of every other as the guest. */
static struct rdpmc_pmu pmus[900];
static unsigned int nr_pmus;

static void add(struct rdpmc_pmu pmu)
{
	assert_true(nr_pmus < ARRAY_SIZE(pmus));
	pmus[nr_pmus++] = pmu;
}

static void add_intel(void)
{
	static const uint64_t caps[] = { 0, CAP_METRICS, RDPMC_CAP_METRICS_CLEAR, CAP_BOTH };
	static const uint8_t versions[] = { 1, 2, 5 };
	static const struct {
		uint32_t fixed_bitmap, leaf23_gp, leaf23_fixed;
	} maps[] = { { 0x1, 0, 0 },
		     { 0x80000008, 0, 0 },
		     { 0, 0x80000006, 0 },
		     { 0, 0, 0x100 },
		     { 0, 0x3, 0x3 } };

	/* versions, counts, capabilities, user disable */
	for (unsigned int i = 0; i < 3 * 4 * 2 * 4 * 2; i++)
		add((struct rdpmc_pmu)INTEL(versions[i % 3], i / 3 % 4, i / 12 % 2 * 3, W48,
					    .perf_capabilities = caps[i / 24 % 4],
					    .user_disable = i / 96));
	/* widths, bitmaps, no counts or few; capabilities and user disable, all or none */
	for (unsigned int i = 0; i < 4 * 5 * 2 * 4; i++)
		add((struct rdpmc_pmu)INTEL(
			6, i / 20 % 2 * 2, i / 20 % 2, .gp_width = i & 1 ? 40 : 48,
			.fixed_width = i & 2 ? 40 : 48,
			.fixed_bitmap = maps[i / 4 % 5].fixed_bitmap,
			.leaf23_gp = maps[i / 4 % 5].leaf23_gp,
			.leaf23_fixed = maps[i / 4 % 5].leaf23_fixed,
			.perf_capabilities = i / 40 % 2 ? CAP_BOTH : 0, .user_disable = i / 80));
	/* not architectural, also with bits that mean nothing there */
	for (unsigned int i = 0; i < 4 * 2 * 2; i++)
		add((struct rdpmc_pmu)OLD(i % 4, .old_fast = i / 4 % 2, .nr_gp = i / 8 * 3, W48,
					  .leaf23_gp = i / 8 * 7, .user_disable = i / 8,
					  .perf_capabilities = i / 8 ? CAP_BOTH : 0));
	add(high_fixed);
	add(high_fixed_hiding);
}

static void add_amd(void)
{
	static const uint8_t gp[] = { 0, 3, 4, 6, 7, 15 }, nb[] = { 0, 1, 3, 4, 5, 63 };

	for (unsigned int i = 0; i < 2 * 8 * 2; i++)
		add((struct rdpmc_pmu)AMD(i / 16, .ext_core = i & 1, .ext_nb = i & 2,
					  .ext_l3 = i & 4, .nr_nb = i / 8 % 2 * 9,
					  .user_disable = i / 8 % 2,
					  .perf_capabilities = CAP_BOTH));
	for (unsigned int i = 0; i < 6 * 6 * 4; i++)
		add((struct rdpmc_pmu)AMD(2, .nr_gp = gp[i % 6], .nr_nb = nb[i / 6 % 6],
					  .ext_nb = i / 36 & 1, .ext_l3 = i / 36 & 2));
}

/* Representatives of every class of ECX. */
static uint32_t ecxs[300];
static unsigned int nr_ecxs;

static void gather_ecxs(void)
{
	static const uint16_t types[] = { 0x0001, 0x2000, 0x2001, 0x4000, 0x4001,
					  0x6000, 0x8000, 0xa000, 0xc000, 0xffff };
	static const uint16_t few[] = { 0, 1, 2, 3, 4, 8, 31, 32, 63, 64, 0x8000, 0xffff };

	for (unsigned int x = 0; x <= 80; x++)
		ecxs[nr_ecxs++] = x;
	ecxs[nr_ecxs++] = 0xffff;
	for (unsigned int x = 0; x <= 40; x++)
		ecxs[nr_ecxs++] = 0x40000000 | x;
	for (unsigned int i = 0; i < ARRAY_SIZE(types) * ARRAY_SIZE(few); i++)
		ecxs[nr_ecxs++] =
			(uint32_t)types[i % ARRAY_SIZE(types)] << 16 | few[i / ARRAY_SIZE(types)];
	assert_true(nr_ecxs <= ARRAY_SIZE(ecxs));
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15;
	hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9;
	return hash ^ hash >> 32;
}

/* Distinct, and with bits above and below every width. */
static void fill(struct rdpmc_counters *counters)
{
	uint64_t seed = 1;

	memset(counters, 0, sizeof(*counters));
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->gp); x++)
		counters->gp[x] = (seed = mix(seed, x)) | 1ULL << 63 | 1ULL << 44 | 1ULL << 36;
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->fixed); x++)
		counters->fixed[x] = (seed = mix(seed, x)) | 1ULL << 63 | 1ULL << 44 | 1ULL << 36;
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->vmware); x++)
		counters->vmware[x] = seed = mix(seed, x);
	counters->metrics = mix(seed, 0) | 1ULL << 63;
}

/* What the guest can set: bit 0 asks for the clear mode, bits 1 and 2 hide GP and fixed ones. */
#define CONTROLS            8
#define ASKS_CLEAR(control) ((control)&1)
#define ASKS_HIDE(control)  ((control) >> 1)

static void set_controls(struct rdpmc_counters *counters, unsigned int control)
{
	if (control & 1)
		counters->fixed_ctr_ctrl |= RDPMC_FIXED_CTRL_METRICS_CLEAR;
	if (control & 2)
		counters->gp_user_disable = ~0U;
	if (control & 4) {
		for (unsigned int x = 0; x < 8; x++)
			counters->fixed_ctr_ctrl |= RDPMC_FIXED_CTRL_USER_DISABLE(x);
	}
}

/* A bit that the guest's PMU does not have is reserved. */
static bool may_set(const struct rdpmc_pmu *guest, unsigned int control)
{
	const bool architectural = guest->vendor == RDPMC_INTEL && guest->version;

	if (ASKS_CLEAR(control) &&
	    !(architectural && (guest->perf_capabilities & CAP_BOTH) == CAP_BOTH))
		return false;
	return !ASKS_HIDE(control) || (architectural && guest->user_disable);
}

/* Everything of a read that the guest, or what it reads, can show. */
static uint64_t observe(const struct rdpmc_view *view, uint32_t ecx, bool user, bool pce,
			const struct rdpmc_counters *before, bool *value)
{
	const struct rdpmc_state state = {
		.regs = { .rax = 0x1111222233334444,
			  .rcx = 0xabcdef0100000000 | ecx,
			  .rdx = 0x5555666677778888,
			  .rip = 0x7fff00001000,
			  .rflags = 0x246 },
		.cr0 = RDPMC_CR0_PE,
		.cr4 = pce ? RDPMC_CR4_PCE : 0,
		.mode = MODE_64BIT,
		.cpl = user ? 3 : 0,
	};
	struct rdpmc_counters counters = *before;
	const struct rdpmc_outcome outcome = rdpmc_execute(view, &mediated, &state, &counters);
	uint64_t hash = mix(1, outcome.decision.answer);

	if (outcome.decision.answer == ANSWER_VALUE) {
		hash = mix(hash, outcome.decision.class);
		/* What reads 0 without a PMU is no counter. */
		if (outcome.decision.class != CLASS_NONE)
			*value = true;
	}
	hash = mix(hash, outcome.value);
	hash = mix(hash, outcome.regs.rax);
	hash = mix(hash, outcome.regs.rcx);
	hash = mix(hash, outcome.regs.rdx);
	hash = mix(hash, outcome.regs.rip);
	hash = mix(hash, outcome.regs.rflags);
	if (memcmp(before, &counters, sizeof(counters))) {
		for (unsigned int x = 0; x < ARRAY_SIZE(counters.gp); x++)
			hash = mix(hash, counters.gp[x]);
		for (unsigned int x = 0; x < ARRAY_SIZE(counters.fixed); x++)
			hash = mix(hash, counters.fixed[x]);
		hash = mix(hash, counters.metrics);
		hash = mix(hash, counters.fixed_ctr_ctrl);
		hash = mix(hash, counters.gp_user_disable);
	}
	return hash;
}

/* By PMU and setting of the controls: all that any ECX, CPL and CR4.PCE shows. */
static uint64_t seen[ARRAY_SIZE(pmus)][CONTROLS];
static struct rdpmc_view views[ARRAY_SIZE(pmus)];
static bool has_counters[ARRAY_SIZE(pmus)];

static void observe_all(const struct rdpmc_choices *choices)
{
	for (unsigned int pmu = 0; pmu < nr_pmus; pmu++) {
		rdpmc_view(&pmus[pmu], choices, &views[pmu]);
		has_counters[pmu] = false;
		for (unsigned int control = 0; control < CONTROLS; control++) {
			struct rdpmc_counters counters;
			uint64_t hash = 0;

			fill(&counters);
			set_controls(&counters, control);
			for (unsigned int i = 0; i < nr_ecxs * 4; i++)
				hash = mix(hash, observe(&views[pmu], ecxs[i / 4], i & 1, i & 2,
							 &counters, &has_counters[pmu]));
			seen[pmu][control] = hash;
		}
	}
}

static bool same_outcomes(unsigned int host, unsigned int guest)
{
	for (unsigned int control = 0; control < CONTROLS; control++) {
		if (may_set(&pmus[guest], control) && seen[host][control] != seen[guest][control])
			return false;
	}
	return true;
}

static const char *text(const struct rdpmc_pmu *pmu)
{
	static char texts[2][200];
	static unsigned int next;
	char *const to = texts[next++ % 2];

	snprintf(to, sizeof(texts[0]),
		 "%s v%u gp %u/%u fixed %u/%u %x leaf23 %x %x ud %d caps %llx old %u/%d amd %d%d%d "
		 "%u",
		 pmu->vendor == RDPMC_AMD ? "AMD" : "Intel", pmu->version, pmu->nr_gp,
		 pmu->gp_width, pmu->nr_fixed, pmu->fixed_width, pmu->fixed_bitmap, pmu->leaf23_gp,
		 pmu->leaf23_fixed, pmu->user_disable, (unsigned long long)pmu->perf_capabilities,
		 pmu->old_counters, pmu->old_fast, pmu->ext_core, pmu->ext_nb, pmu->ext_l3,
		 pmu->nr_nb);
	return to;
}

static uint32_t ecx_of(enum rdpmc_class class, unsigned int index)
{
	static const uint32_t first[NR_CLASSES] = {
		[CLASS_FIXED] = 0x40000000,    [CLASS_METRICS] = 0x20000000,
		[CLASS_OLD_FAST] = 0x80000000, [CLASS_AMD_NB_MORE] = 16,
		[CLASS_VMWARE] = 0x10000,
	};

	assert_in_range(class, CLASS_GP, CLASS_VMWARE);
	return first[class] + index;
}

/* The ECX that an obstacle names shows it, READABLE and WIDTH with no control bit set. */
static bool shows(const struct rdpmc_pass *pass, unsigned int host, unsigned int guest)
{
	const bool hide = pass->obstacle == OBSTACLE_USER_DISABLE;
	struct rdpmc_counters counters;
	uint32_t ecx;
	bool value;

	if (pass->class == CLASS_NONE && pass->obstacle != OBSTACLE_READABLE)
		return pass->obstacle == OBSTACLE_CLEAR || hide;
	/* Without a class: what no counter answers to. */
	ecx = pass->class == CLASS_NONE ? 0x60000000 : ecx_of(pass->class, pass->index);
	fill(&counters);
	set_controls(&counters, hide ? 6 : pass->obstacle == OBSTACLE_CLEAR);
	return observe(&views[host], ecx, hide, true, &counters, &value) !=
	       observe(&views[guest], ecx, hide, true, &counters, &value);
}

static void prove(const struct rdpmc_choices *choices)
{
	unsigned int found[OBSTACLE_USER_DISABLE + 1] = { 0 };

	observe_all(choices);
	for (unsigned int i = 0; i < nr_pmus * nr_pmus; i++) {
		const unsigned int host = i / nr_pmus, guest = i % nr_pmus;
		const bool same = same_outcomes(host, guest);
		const struct rdpmc_pass pass =
			rdpmc_may_pass(&views[host], &views[guest], &mediated);
		const struct rdpmc_pass unmediated =
			rdpmc_may_pass(&views[host], &views[guest], &not_mediated);
		const struct rdpmc_pass backdoor =
			rdpmc_may_pass(&views[host], &views[guest], &vmware);

		assert_in_range(pass.obstacle, 0, OBSTACLE_USER_DISABLE);
		found[pass.obstacle]++;
		if (same != (pass.obstacle == OBSTACLE_NONE))
			fail_msg("obstacle %u, class %u, index %u, but the outcomes are %s\n%s\n%s",
				 pass.obstacle, pass.class, pass.index, same ? "equal" : "not",
				 text(&pmus[host]), text(&pmus[guest]));
		if (!same && !shows(&pass, host, guest))
			fail_msg("obstacle %u: class %u, index %u do not show it\n%s\n%s",
				 pass.obstacle, pass.class, pass.index, text(&pmus[host]),
				 text(&pmus[guest]));
		if ((unmediated.obstacle == OBSTACLE_NONE) != (same && !has_counters[guest]))
			fail_msg("not mediated: obstacle %u\n%s\n%s", unmediated.obstacle,
				 text(&pmus[host]), text(&pmus[guest]));
		if (backdoor.obstacle != OBSTACLE_VMWARE)
			fail_msg("backdoor: obstacle %u\n%s\n%s", backdoor.obstacle,
				 text(&pmus[host]), text(&pmus[guest]));
	}
	/* Not by nothing but equal or nothing but different ones. */
	assert_true(found[OBSTACLE_NONE] > nr_pmus && found[OBSTACLE_READABLE] > nr_pmus);
	assert_true(found[OBSTACLE_WIDTH] && found[OBSTACLE_CLEAR] && found[OBSTACLE_USER_DISABLE]);
	assert_int_equal(found[OBSTACLE_VMWARE] + found[OBSTACLE_NOT_MEDIATED], 0);
}

static int set_up(void **unused)
{
	(void)unused;
	add_intel();
	add_amd();
	gather_ecxs();
	return 0;
}

static void test_proof(void **unused)
{
	(void)unused;
	prove(&rdpmc_default_choices);
}

static void test_proof_any_index(void **unused)
{
	(void)unused;
	prove(&(struct rdpmc_choices){ .metrics_any_index = true });
}

static void test_proof_hidden_metrics(void **unused)
{
	(void)unused;
	prove(&(struct rdpmc_choices){ .user_disable_metrics = true });
}

static void test_proof_of_processors(void **unused)
{
	(void)unused;
	prove(&(struct rdpmc_choices){ .no_pmu_zero = true });
	prove(&(struct rdpmc_choices){ .metrics_level_1 = true });
	prove(&(struct rdpmc_choices){ .leaf23_replaces = true });
	prove(&(struct rdpmc_choices){ .amd_l2i = true });
}

/* Which intercepted reads exit, by what the processor alone would have answered. */
static const struct {
	const char *name;
	const struct rdpmc_pmu *pmu;
	uint32_t ecx;
	bool lock, user; /* CPL 3 with CR4.PCE = 0 */
	bool vmx, svm;
} reads[] = {
	{ "a value", &plain, 0, false, false, true, true },
	{ "an AMD value", &zen, 0, false, false, true, true },
	{ "LOCK", &plain, 0, true, false, false, false },
	{ "LOCK and a bad ECX", &plain, 0x60000000, true, false, false, false },
	{ "LOCK without the right", &zen, 0, true, true, false, false },
	{ "no right", &plain, 0, false, true, false, false },
	{ "no right, bad ECX", &zen, 77, false, true, false, false },
	{ "no right, no PMU", &none, 0, false, true, false, false },
	{ "bad index", &plain, 8, false, false, true, false },
	{ "bad AMD index", &zen, 6, false, false, true, false },
	{ "bad type", &plain, 0x60000000, false, false, true, false },
	{ "bit 31", &plain, 0x80000000, false, false, true, false },
	{ "no metrics", &plain, 0x20000000, false, false, true, false },
	{ "metrics 1", &metrics, 0x20000001, false, false, true, false },
	{ "metrics", &metrics, 0x20000000, false, false, true, true },
	{ "a clock is a bad type", &plain, 0x10000, false, false, true, false },
	{ "a clock is a bad index", &zen, 0x10000, false, false, true, false },
	{ "old", &p6, 2, false, false, true, false },
	{ "no PMU", &none, 0, false, false, true, false },
};

static void test_exits(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(reads); i++) {
		const bool svm = i & 1, expected = svm ? reads[i / 2].svm : reads[i / 2].vmx;
		const uint32_t asked = svm ? 1U << RULE_SVM_PRIORITY : 1U << RULE_VMX_PRIORITY;
		const uint32_t other = svm ? 1U << RULE_VMX_PRIORITY : 1U << RULE_SVM_PRIORITY;
		struct rdpmc_state state = { .cr0 = RDPMC_CR0_PE, .mode = MODE_64BIT };
		struct rdpmc_counters counters;
		struct rdpmc_decision decision, before;
		struct rdpmc_view view;
		bool exits;

		state.lock = reads[i / 2].lock;
		state.cpl = reads[i / 2].user ? 3 : 0;
		state.regs.rcx = reads[i / 2].ecx;
		fill(&counters);
		view_of(reads[i / 2].pmu, &view);
		before = decision = rdpmc_decide(&view, &not_mediated, &counters, &state);
		exits = rdpmc_exits(svm ? RDPMC_AMD : RDPMC_INTEL, &decision);
		if (exits != expected)
			fail_msg("%s by %s: exits %d", reads[i / 2].name, svm ? "SVM" : "VMX",
				 exits);
		/* Noted once, and only the vendor's own; the processor's answer stays. */
		if (!((decision.yes ^ decision.no) & asked) || (decision.yes | decision.no) & other)
			fail_msg("%s: noted yes %x, no %x", reads[i / 2].name, decision.yes,
				 decision.no);
		if (decision.answer != before.answer || decision.rule != before.rule)
			fail_msg("%s: the decision changed", reads[i / 2].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_proof_any_index),
		cmocka_unit_test(test_proof_hidden_metrics),
		cmocka_unit_test(test_proof_of_processors),
		cmocka_unit_test(test_exits),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
