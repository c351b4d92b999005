// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the model of RDPMC answers every rule of a single read as SDM and APM write it, in
 * both directions: answer, deciding rule, value, registers, and what becomes of the counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/rdpmc.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ASKED(rule)   (1U << RULE_##rule)
#define MASK(bits)    ((bits) < 64 ? (1ULL << (bits)) - 1 : ~0ULL)

/* What the counters hold: every counter its own value, with bits up to bit 63. */
#define GP_(x)     (0xa1b2c3d4e5f60000 + (x))
#define FIXED_(x)  (0x9182f3c4d5a60100 + (x))
#define METRICS_   0xfedcba9876543210
#define VMWARE_(x) (0x8899aabbccdd0200 + (x))

#define GP48(x)    (GP_(x) & 0xffffffffffff)
#define FIXED40(x) (FIXED_(x) & 0xffffffffff)

#define CAP_METRICS RDPMC_CAP_METRICS
#define CAP_BOTH    (RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR)

#define INTEL(version_, gp, fixed, ...)                                                            \
	{                                                                                          \
		.vendor = RDPMC_INTEL, .version = (version_), .nr_gp = (gp), .gp_width = 48,       \
		.nr_fixed = (fixed), .fixed_width = 40, __VA_ARGS__                                \
	}
#define AMD(version_, ...)                                                                         \
	{                                                                                          \
		.vendor = RDPMC_AMD, .version = (version_), __VA_ARGS__                            \
	}

static const struct rdpmc_pmu plain = INTEL(2, 8, 3, .perf_capabilities = 0);
static const struct rdpmc_pmu metrics = INTEL(5, 8, 4, .perf_capabilities = CAP_METRICS);
static const struct rdpmc_pmu clearing = INTEL(5, 8, 4, .perf_capabilities = CAP_BOTH);
static const struct rdpmc_pmu clear_bit_alone =
	INTEL(5, 8, 4, .perf_capabilities = RDPMC_CAP_METRICS_CLEAR);
static const struct rdpmc_pmu all_bits_but_15 = INTEL(5, 8, 4, .perf_capabilities = ~CAP_METRICS);
static const struct rdpmc_pmu no_pdcm =
	INTEL(5, 8, 4, .perf_capabilities = CAP_BOTH, .no_pdcm = true);
static const struct rdpmc_pmu version_1 = INTEL(1, 2, 3, .fixed_bitmap = 0xff);
static const struct rdpmc_pmu rich =
	INTEL(6, 8, 4, .leaf23_gp = 0x80000400, .leaf23_fixed = 0x80000100, .fixed_bitmap = 0x40,
	      .user_disable = true, .perf_capabilities = CAP_BOTH);
static const struct rdpmc_pmu rich_no_metrics =
	INTEL(6, 8, 4, .leaf23_gp = 0x80000400, .leaf23_fixed = 0x80000100, .fixed_bitmap = 0x40,
	      .user_disable = true);
static const struct rdpmc_pmu hiding = INTEL(6, 32, 8, .user_disable = true, .leaf23_fixed = ~0U,
					     .perf_capabilities = CAP_METRICS);
static const struct rdpmc_pmu not_hiding =
	INTEL(6, 32, 8, .leaf23_fixed = ~0U, .perf_capabilities = CAP_METRICS);
static const struct rdpmc_pmu no_pmu = { .vendor = RDPMC_INTEL };
static const struct rdpmc_pmu no_pmu_amd = { .vendor = RDPMC_AMD };
static const struct rdpmc_pmu p6 = { .vendor = RDPMC_INTEL, .old_counters = 2 };
static const struct rdpmc_pmu p6_fast = { .vendor = RDPMC_INTEL,
					  .old_counters = 18,
					  .old_fast = true };
static const struct rdpmc_pmu k8 = AMD(1, .nr_gp = 0);
static const struct rdpmc_pmu zen_2 = AMD(1, .ext_core = true, .ext_nb = true, .ext_l3 = true);
static const struct rdpmc_pmu zen_4 =
	AMD(2, .nr_gp = 6, .ext_core = true, .ext_nb = true, .ext_l3 = true, .nr_nb = 8);
static const struct rdpmc_pmu alone = { .vendor = RDPMC_INTEL,
					.version = 5,
					.perf_capabilities = CAP_METRICS };
static const struct rdpmc_pmu ext_core = AMD(1, .ext_core = true, .nr_gp = 2);
static const struct rdpmc_pmu v2_of_12 = AMD(2, .nr_gp = 12, .ext_nb = true, .nr_nb = 4);
static const struct rdpmc_pmu l3_only = AMD(1, .ext_core = true, .ext_l3 = true);
static const struct rdpmc_pmu most = AMD(2, .nr_gp = 6, .ext_nb = true, .nr_nb = 63);
static const struct rdpmc_pmu hiding_amd = AMD(1, .ext_core = true, .user_disable = true);
static const struct rdpmc_pmu hiding_old = { .vendor = RDPMC_INTEL,
					     .old_counters = 2,
					     .user_disable = true };
static const struct rdpmc_pmu nb_only = AMD(1, .ext_core = true, .ext_nb = true);

/* One read, in 64-bit mode at CPL 0 with CR4.PCE = 1 unless it says otherwise. */
struct read {
	const char *name;
	const struct rdpmc_pmu *pmu;
	uint64_t rcx;
	uint8_t answer, rule, class, index; /* class and index of a value */
	uint64_t value;
	uint8_t cpl;
	bool lock, no_pce, backdoor, clears;
	uint64_t fixed_ctr_ctrl;
	uint32_t gp_user_disable;
};

#define VALUE(rule_, class_, index_, value_)                                                       \
	.answer = ANSWER_VALUE, .rule = RULE_##rule_, .class = CLASS_##class_, .index = (index_),  \
	.value = (value_)
#define GP0(rule_) .answer = ANSWER_GP, .rule = RULE_##rule_
#define UD         .answer = ANSWER_UD, .rule = RULE_UD_LOCK

#define GP_IS(x)               VALUE(TYPE_GP, GP, x, GP48(x))
#define FIXED_IS(x)            VALUE(TYPE_FIXED, FIXED, x, FIXED40(x))
#define KEPT                   VALUE(METRICS_VALUE, METRICS, 0, METRICS_)
#define CLEARED                KEPT, .clears = true
#define HIDDEN(class_, index_) VALUE(USER_DISABLE, class_, index_, 0)
#define OLD_IS(x)              VALUE(OLD_INDEX, OLD, x, GP_(x) & MASK(40))
#define FAST_IS(x)             VALUE(OLD_FAST, OLD_FAST, x, GP_(x) & MASK(32))
#define CORE_IS(x)             VALUE(AMD_CORE, AMD_CORE, x, GP48(x))
#define NB_IS(x)               VALUE(AMD_NB, AMD_NB, x, GP48(x))
#define L3_IS(x)               VALUE(AMD_L3, AMD_L3, x, GP48(x))
#define MORE_IS(x)             VALUE(AMD_NB, AMD_NB_MORE, (x)-16, GP48(x))
#define CLOCK(x)               VALUE(VMWARE_PMC, VMWARE, x, VMWARE_(x)), .backdoor = true

#define LOCK      .lock = true
#define NO_RIGHT  .cpl = 3, .no_pce = true
#define CLEAR_BIT .fixed_ctr_ctrl = 1 << 14

static void fill(struct rdpmc_counters *counters)
{
	memset(counters, 0, sizeof(*counters));
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->gp); x++)
		counters->gp[x] = GP_(x);
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->fixed); x++)
		counters->fixed[x] = FIXED_(x);
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->vmware); x++)
		counters->vmware[x] = VMWARE_(x);
	counters->metrics = METRICS_;
}

static struct rdpmc_state state_at(enum rdpmc_mode mode, unsigned int cpl, bool pce, bool pe)
{
	return (struct rdpmc_state){
		.regs = { .rax = 0x1122334455667788,
			  .rcx = 0,
			  .rdx = 0x99aabbccddeeff00,
			  .rip = 0x7fff12345678,
			  .rflags = 0x246 },
		.cr0 = ~RDPMC_CR0_PE | (pe ? RDPMC_CR0_PE : 0),
		.cr4 = ~RDPMC_CR4_PCE | (pce ? RDPMC_CR4_PCE : 0),
		.mode = mode,
		.cpl = cpl,
	};
}

static void assert_regs(const char *name, const struct rdpmc_regs *got,
			const struct rdpmc_regs *expected)
{
	if (got->rax != expected->rax || got->rcx != expected->rcx || got->rdx != expected->rdx ||
	    got->rip != expected->rip || got->rflags != expected->rflags)
		fail_msg("%s: rax %llx rcx %llx rdx %llx rip %llx rflags %llx", name,
			 (unsigned long long)got->rax, (unsigned long long)got->rcx,
			 (unsigned long long)got->rdx, (unsigned long long)got->rip,
			 (unsigned long long)got->rflags);
}

static struct rdpmc_outcome execute(const struct rdpmc_pmu *pmu, const struct rdpmc_state *state,
				    struct rdpmc_counters *counters)
{
	const struct rdpmc_policy policy = { .mediated_pmu = true };
	struct rdpmc_view view;

	rdpmc_view(pmu, &rdpmc_default_choices, &view);
	return rdpmc_execute(&view, &policy, state, counters);
}

static struct rdpmc_decision run_with(const struct read *read, const struct rdpmc_choices *choices)
{
	struct rdpmc_state state = state_at(MODE_64BIT, read->cpl, !read->no_pce, true);
	const struct rdpmc_policy policy = { .vmware_backdoor = read->backdoor };
	struct rdpmc_counters counters, expected;
	struct rdpmc_regs regs;
	struct rdpmc_outcome outcome;
	struct rdpmc_view view;

	state.lock = read->lock;
	state.regs.rcx = read->rcx;
	regs = state.regs;
	if (read->answer == ANSWER_VALUE) {
		regs.rax = read->value & 0xffffffff;
		regs.rdx = read->value >> 32;
		regs.rip += 2;
	}

	fill(&counters);
	counters.fixed_ctr_ctrl = read->fixed_ctr_ctrl;
	counters.gp_user_disable = read->gp_user_disable;
	expected = counters;
	if (read->clears)
		expected.metrics = expected.fixed[3] = 0;

	rdpmc_view(read->pmu, choices, &view);
	outcome = rdpmc_execute(&view, &policy, &state, &counters);

	if (outcome.decision.answer != read->answer || outcome.decision.rule != read->rule)
		fail_msg("%s: answer %u by %s, not %u by %s", read->name, outcome.decision.answer,
			 rdpmc_rules[outcome.decision.rule].id, read->answer,
			 rdpmc_rules[read->rule].id);
	if (outcome.value != read->value)
		fail_msg("%s: %llx, not %llx", read->name, (unsigned long long)outcome.value,
			 (unsigned long long)read->value);
	if (read->answer == ANSWER_VALUE &&
	    (outcome.decision.class != read->class || outcome.decision.index != read->index))
		fail_msg("%s: class %u, index %u", read->name, outcome.decision.class,
			 outcome.decision.index);
	if (outcome.decision.clears != read->clears ||
	    outcome.decision.hidden != (read->rule == RULE_USER_DISABLE))
		fail_msg("%s: clears %d, hidden %d", read->name, outcome.decision.clears,
			 outcome.decision.hidden);
	if (!((outcome.decision.yes | outcome.decision.no) >> read->rule & 1))
		fail_msg("%s: the deciding rule was not asked", read->name);
	if (outcome.decision.yes & outcome.decision.no)
		fail_msg("%s: a rule answered yes and no", read->name);
	assert_regs(read->name, &outcome.regs, &regs);
	if (memcmp(&counters, &expected, sizeof(counters)))
		fail_msg("%s: the counters are not what they should be", read->name);
	return outcome.decision;
}

static void run(const struct read *read)
{
	run_with(read, &rdpmc_default_choices);
}

#define RUN_ALL(rows)                                                                              \
	do {                                                                                       \
		for (size_t row = 0; row < ARRAY_SIZE(rows); row++)                                \
			run(&(rows)[row]);                                                         \
	} while (0)

/* A test that is nothing but rows. */
#define TABLE(name)                                                                                \
	static void test_##name(void **unused)                                                     \
	{                                                                                          \
		(void)unused;                                                                      \
		RUN_ALL(name##_rows);                                                              \
	}

static const struct read ud_lock_rows[] = {
	{ "no LOCK", &plain, 0, GP_IS(0) },
	{ "LOCK", &plain, 0, UD, LOCK },
	{ "LOCK before PRIV", &plain, 0, UD, LOCK, NO_RIGHT },
	{ "LOCK before the index", &plain, 8, UD, LOCK },
	{ "LOCK before the type", &plain, 0xffffffff, UD, LOCK },
	{ "LOCK before NO-PMU", &no_pmu, 0, UD, LOCK },
	{ "LOCK on AMD", &k8, 4, UD, LOCK },
	{ "LOCK before the backdoor", &plain, 0x10000, UD, LOCK, .backdoor = true },
	{ "LOCK, nothing clears", &clearing, 0x20000000, UD, LOCK, CLEAR_BIT },
};
TABLE(ud_lock)

static const struct read priv_rows[] = {
	{ "CPL 0", &plain, 1, GP_IS(1), .no_pce = true },
	{ "CPL 1", &plain, 1, GP0(PRIV), .cpl = 1, .no_pce = true },
	{ "CPL 2", &plain, 1, GP0(PRIV), .cpl = 2, .no_pce = true },
	{ "CPL 3", &plain, 1, GP0(PRIV), NO_RIGHT },
	{ "CPL 3 with PCE", &plain, 1, GP_IS(1), .cpl = 3 },
	{ "before the index", &plain, 8, GP0(PRIV), NO_RIGHT },
	{ "before the type", &plain, 1U << 31, GP0(PRIV), NO_RIGHT },
	{ "before the metrics", &plain, 1 << 29, GP0(PRIV), NO_RIGHT },
	{ "before NO-PMU", &no_pmu, 0, GP0(PRIV), NO_RIGHT },
	{ "old", &p6, 0, GP0(PRIV), NO_RIGHT },
	{ "AMD", &zen_4, 99, GP0(PRIV), NO_RIGHT },
	{ "a denied read clears nothing", &clearing, 0x20000000, GP0(PRIV), NO_RIGHT, CLEAR_BIT },
};
TABLE(priv)

/* All five modes: who may, what the registers are after it, and RIP's truncation. */
static void test_modes(void **unused)
{
	static const uint64_t rips[] = { 0x1000, 0xfffe, 0xfffffffe, 0x1fffffffe, 0x7fffffffffff };

	(void)unused;
	for (unsigned int i = 0; i < NR_MODES * 4 * 2 * 2 * ARRAY_SIZE(rips); i++) {
		const unsigned int mode = i % NR_MODES, cpl = i / NR_MODES % 4;
		const bool pce = i / NR_MODES / 4 % 2, pe = i / NR_MODES / 8 % 2;
		const bool at_0 = mode != MODE_VM86 && cpl == 0, allowed = pce || at_0 || !pe;
		struct rdpmc_state state = state_at(mode, cpl, pce, pe);
		struct rdpmc_counters counters, before;
		struct rdpmc_outcome outcome;
		struct rdpmc_regs regs;
		char name[80];

		snprintf(name, sizeof(name), "mode %u, CPL %u, PCE %d, PE %d", mode, cpl, pce, pe);
		state.regs.rip = rips[i / NR_MODES / 16];
		state.regs.rcx = 0xdeadbeef40000002;
		regs = state.regs;
		if (allowed) {
			regs.rax = FIXED40(2) & 0xffffffff;
			regs.rdx = FIXED40(2) >> 32;
			regs.rip += 2;
			if (mode != MODE_64BIT)
				regs.rip &= 0xffffffff;
		}
		fill(&counters);
		before = counters;
		outcome = execute(&plain, &state, &counters);
		if (outcome.decision.answer != (allowed ? ANSWER_VALUE : ANSWER_GP) ||
		    outcome.decision.rule != (allowed ? RULE_TYPE_FIXED : RULE_PRIV))
			fail_msg("%s: answer %u by %s", name, outcome.decision.answer,
				 rdpmc_rules[outcome.decision.rule].id);
		assert_regs(name, &outcome.regs, &regs);
		if (memcmp(&counters, &before, sizeof(counters)))
			fail_msg("%s: counters changed", name);
	}
}

static void test_ecx32(void **unused)
{
	static const struct read rows[] = {
		{ "RCX[63:32]", &plain, 0xffffffff00000000, GP_IS(0) },
		{ "bit 32", &plain, 0x140000001, FIXED_IS(1) },
		{ "metrics", &metrics, 0x8000000020000000, KEPT },
		{ "VMware", &plain, 0x100010001, CLOCK(1) },
		{ "old", &p6, 0x8000000000000001, OLD_IS(1) },
		{ "AMD", &k8, 0x100000003, CORE_IS(3) },
		{ "bit 31 counts", &plain, 0x80000000, GP0(NO_FAST) },
		{ "bit 16 counts", &plain, 0x10000, GP0(TYPE_OTHER) },
		{ "bit 15 counts", &plain, 0x8000, GP0(TYPE_GP) },
		{ "bit 31 counts on AMD", &k8, 0x80000000, GP0(AMD_OTHER) },
		{ "bit 30 counts if old", &p6, 0x40000000, GP0(OLD_INDEX) },
	};

	(void)unused;
	RUN_ALL(rows);
	/* 16-bit code, too, has all of ECX: only the high half tells these from a good read. */
	for (unsigned int mode = 0; mode < NR_MODES; mode++) {
		struct rdpmc_state state = state_at(mode, 0, true, mode != MODE_REAL);
		struct rdpmc_counters counters;
		struct rdpmc_outcome outcome;

		fill(&counters);
		state.regs.rcx = 0x40000002;
		outcome = execute(&plain, &state, &counters);
		assert_int_equal(outcome.value, FIXED40(2));
		state.regs.rcx = 0x50000002;
		outcome = execute(&plain, &state, &counters);
		assert_int_equal(outcome.decision.answer, ANSWER_GP);
	}
}

/* The value by width; that registers and counters are as they should be is run()'s matter. */
static void test_result(void **unused)
{
	static const struct {
		uint8_t bits;
		uint64_t gp, fixed;
	} rows[] = {
		{ 0, 0, 0 },
		{ 1, 1, 1 },
		{ 31, 0x65f60007, 0x55a60103 },
		{ 32, 0xe5f60007, 0xd5a60103 },
		{ 33, 0xe5f60007, 0xd5a60103 },
		{ 40, 0xd4e5f60007, 0xc4d5a60103 },
		{ 48, 0xc3d4e5f60007, 0xf3c4d5a60103 },
		{ 63, 0x21b2c3d4e5f60007, 0x1182f3c4d5a60103 },
		{ 64, 0xa1b2c3d4e5f60007, 0x9182f3c4d5a60103 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rdpmc_pmu pmu = metrics;
		struct rdpmc_decision decision;

		pmu.gp_width = rows[i].bits;
		pmu.fixed_width = 64 - rows[i].bits;
		decision =
			run_with(&(struct read){ "GP", &pmu, 7, VALUE(TYPE_GP, GP, 7, rows[i].gp) },
				 &rdpmc_default_choices);
		assert_int_equal(decision.width, rows[i].bits);
		pmu.gp_width = 64 - rows[i].bits;
		pmu.fixed_width = rows[i].bits;
		decision = run_with(&(struct read){ "fixed", &pmu, 0x40000003,
						    VALUE(TYPE_FIXED, FIXED, 3, rows[i].fixed) },
				    &rdpmc_default_choices);
		assert_int_equal(decision.width, rows[i].bits);
	}
}

/* A fault leaves every register, the whole of RIP outside 64-bit mode included. */
static void test_fault(void **unused)
{
	static const struct {
		const char *name;
		const struct rdpmc_pmu *pmu;
		uint32_t ecx;
		bool lock, faults;
	} rows[] = {
		{ "no fault", &plain, 0, false, false },
		{ "LOCK", &plain, 0, true, true },
		{ "index", &plain, 8, false, true },
		{ "type", &plain, 0x60000000, false, true },
		{ "AMD", &k8, 4, false, true },
		{ "old", &p6, 2, false, true },
		{ "none", &no_pmu, 0, false, true },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows) * NR_MODES; i++) {
		const unsigned int mode = i % NR_MODES, row = i / NR_MODES;
		struct rdpmc_state state = state_at(mode, 0, true, mode != MODE_REAL);
		struct rdpmc_counters counters;
		struct rdpmc_outcome outcome;

		fill(&counters);
		state.lock = rows[row].lock;
		state.regs.rcx = 0xcafe000000000000 | rows[row].ecx;
		outcome = execute(rows[row].pmu, &state, &counters);
		if (rows[row].faults)
			assert_regs(rows[row].name, &outcome.regs, &state.regs);
		else
			assert_int_not_equal(outcome.regs.rip, state.regs.rip);
		if (rows[row].faults != (outcome.decision.answer != ANSWER_VALUE))
			fail_msg("%s in mode %u", rows[row].name, mode);
	}
}

static void test_no_pmu(void **unused)
{
	static const uint32_t every_class[] = {
		0, 1, 6, 16, 31, 0x10000, 0x20000000, 0x40000000, 0x80000000, 0xffffffff,
	};
	static const struct rdpmc_pmu stray = { .vendor = RDPMC_INTEL,
						.nr_gp = 8,
						.gp_width = 48,
						.nr_fixed = 4,
						.fixed_width = 48,
						.fixed_bitmap = 0xf,
						.perf_capabilities = ~0ULL };
	static const struct rdpmc_pmu stray_amd =
		AMD(0, .nr_gp = 6, .ext_core = true, .ext_nb = true, .ext_l3 = true, .nr_nb = 8);
	static const struct rdpmc_pmu *const none[] = { &no_pmu, &no_pmu_amd, &stray, &stray_amd };
	static const struct read others[] = {
		{ "one counter", &p6, 0, OLD_IS(0) },
		{ "architectural", &version_1, 0, GP_IS(0) },
		{ "AMD", &k8, 0, CORE_IS(0) },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		for (size_t e = 0; e < ARRAY_SIZE(every_class); e++)
			run(&(struct read){ "none", none[i], every_class[e], GP0(NO_PMU) });
	}
	RUN_ALL(others);
}

static void test_type_gp(void **unused)
{
	static const struct read rows[] = {
		{ "first", &plain, 0, GP_IS(0) },
		{ "n - 1", &plain, 7, GP_IS(7) },
		{ "n", &plain, 8, GP0(TYPE_GP) },
		{ "leaf 0x23", &rich, 10, GP_IS(10) },
		{ "between the two", &rich, 9, GP0(TYPE_GP) },
		{ "leaf 0x23, 31", &rich, 31, GP_IS(31) },
		{ "63", &rich, 63, GP0(TYPE_GP) },
		{ "no wrap of the index", &rich, 0x100, GP0(TYPE_GP) },
		{ "version 1", &version_1, 1, GP_IS(1) },
	};

	(void)unused;
	RUN_ALL(rows);
}

static const struct read type_fixed_rows[] = {
	{ "n - 1", &plain, 0x40000002, FIXED_IS(2) },
	{ "n", &plain, 0x40000003, GP0(TYPE_FIXED) },
	{ "bitmap", &rich, 0x40000006, FIXED_IS(6) },
	{ "between the two", &rich, 0x40000005, GP0(TYPE_FIXED) },
	{ "leaf 0x23", &rich, 0x40000008, FIXED_IS(8) },
	{ "leaf 0x23, 31", &rich, 0x4000001f, FIXED_IS(31) },
	{ "63", &rich, 0x4000003f, GP0(TYPE_FIXED) },
	{ "no wrap of the index", &rich, 0x40000100, GP0(TYPE_FIXED) },
	{ "version 1 has none", &version_1, 0x40000000, GP0(TYPE_FIXED) },
};
TABLE(type_fixed)

/* Every index of both types, by a mask of those that are there. */
static void test_indices(void **unused)
{
	static const struct {
		struct rdpmc_pmu pmu;
		uint64_t gp, fixed;
	} rows[] = {
		{ INTEL(1, 4, 3, .fixed_bitmap = 0xff), 0xf, 0 },
		{ INTEL(2, 4, 3, .fixed_bitmap = 0xff), 0xf, 0x7 },
		{ INTEL(4, 0, 0, .fixed_bitmap = ~0U), 0, 0 },
		{ INTEL(5, 8, 3, .fixed_bitmap = 0x78), 0xff, 0x7f },
		{ INTEL(5, 8, 0, .fixed_bitmap = 0x80000001), 0xff, 0x80000001 },
		{ INTEL(5, 32, 31, .leaf23_gp = 0), 0xffffffff, 0x7fffffff },
		{ INTEL(6, 31, 31, .fixed_bitmap = ~0U), 0x7fffffff, 0xffffffff },
		{ INTEL(6, 1, 0, .leaf23_gp = 0x80000000), 0x80000001, 0 },
		{ INTEL(6, 0, 2, .leaf23_gp = ~0U, .leaf23_fixed = 0x10), 0xffffffff, 0x13 },
		{ INTEL(6, 2, 1, .leaf23_gp = 0x3, .leaf23_fixed = 0x80000000), 0x3, 0x80000001 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows) * 0x20000; i++) {
		const unsigned int row = i >> 17, x = i & 0xffff;
		const bool fixed = i & 0x10000;
		const uint64_t mask = fixed ? rows[row].fixed : rows[row].gp;
		const bool there = x < 64 && mask >> x & 1;
		struct rdpmc_state state = state_at(MODE_64BIT, 0, false, true);
		static struct rdpmc_counters counters;
		struct rdpmc_outcome outcome;

		if (!i)
			fill(&counters);
		state.regs.rcx = (fixed ? 0x40000000 : 0) | x;
		outcome = execute(&rows[row].pmu, &state, &counters);
		if (outcome.decision.answer != (there ? ANSWER_VALUE : ANSWER_GP) ||
		    outcome.decision.rule != (fixed ? RULE_TYPE_FIXED : RULE_TYPE_GP) ||
		    outcome.value != (!there  ? 0
				      : fixed ? FIXED40(x)
					      : GP48(x)))
			fail_msg("row %u, %s %u: answer %u by %s", row, fixed ? "fixed" : "GP", x,
				 outcome.decision.answer, rdpmc_rules[outcome.decision.rule].id);
	}
}

static const struct read type_metrics_rows[] = {
	{ "bit 15", &metrics, 0x20000000, KEPT },
	{ "no bit 15", &plain, 0x20000000, GP0(TYPE_METRICS) },
	{ "no bit 15, index 1", &plain, 0x20000001, GP0(TYPE_METRICS) },
	{ "bit 19 is not bit 15", &clear_bit_alone, 0x20000000, GP0(TYPE_METRICS) },
	{ "no bit is bit 15", &all_bits_but_15, 0x20000000, GP0(TYPE_METRICS), CLEAR_BIT },
	{ "slots need no metrics", &all_bits_but_15, 0x40000003, FIXED_IS(3) },
	{ "bit 15 of no MSR", &no_pdcm, 0x20000000, GP0(TYPE_METRICS) },
	{ "bits 15 and 19 of no MSR", &no_pdcm, 0x20000000, GP0(TYPE_METRICS), CLEAR_BIT },
};
TABLE(type_metrics)

static void test_metrics_index(void **unused)
{
	static const struct read good = { "index 0", &metrics, 0x20000000, KEPT };

	(void)unused;
	run(&good);
	for (uint32_t x = 1; x <= 0xffff; x = 2 * x + (x % 3 == 0)) {
		run(&(struct read){ "x", &metrics, 0x20000000 | x, GP0(METRICS_INDEX) });
		run(&(struct read){ "x, clearing", &clearing, 0x20000000 | x, GP0(METRICS_INDEX),
				    CLEAR_BIT });
	}
	run(&(struct read){ "last", &metrics, 0x2000ffff, GP0(METRICS_INDEX) });
}

/* What was measured on Sapphire Rapids, Granite Rapids and Nova Lake, and the SDM's condition. */
static const struct read measured_rows[] = {
	{ "0x6000", &metrics, 0x60000000, GP0(TYPE_OTHER) },
	{ "0x6000, index 1", &metrics, 0x60000001, GP0(TYPE_OTHER) },
	{ "index 1", &metrics, 0x20000001, GP0(METRICS_INDEX) },
	{ "index 2", &metrics, 0x20000002, GP0(METRICS_INDEX) },
	{ "index 3", &metrics, 0x20000003, GP0(METRICS_INDEX) },
	{ "index 0x8000", &metrics, 0x20008000, GP0(METRICS_INDEX) },
	{ "index 0xffff", &metrics, 0x2000ffff, GP0(METRICS_INDEX) },
	{ "no capability", &plain, 0x20000000, GP0(TYPE_METRICS) },
	{ "index 0", &metrics, 0x20000000, KEPT },
};
TABLE(measured)

/* All 64 bits, whatever the counters' widths; not another counter's. */
static const struct read metrics_value_rows[] = {
	{ "read", &metrics, 0x20000000, KEPT },
	{ "no counters", &alone, 0x20000000, KEPT },
	{ "CPL 3", &metrics, 0x20000000, KEPT, .cpl = 3 },
	{ "not the slots", &metrics, 0x40000003, FIXED_IS(3) },
};
TABLE(metrics_value)

static const struct read metrics_clear_rows[] = {
	{ "both bits", &clearing, 0x20000000, CLEARED, CLEAR_BIT },
	{ "at CPL 3", &clearing, 0x20000000, CLEARED, CLEAR_BIT, .cpl = 3 },
	{ "all of the control", &clearing, 0x20000000, CLEARED, .fixed_ctr_ctrl = ~0ULL },
	{ "control bit 14 is 0", &clearing, 0x20000000, KEPT, .fixed_ctr_ctrl = ~(1ULL << 14) },
	{ "capability 19 is 0", &metrics, 0x20000000, KEPT, CLEAR_BIT },
	{ "another index", &clearing, 0x20000001, GP0(METRICS_INDEX), CLEAR_BIT },
	{ "the slots alone", &clearing, 0x40000003, FIXED_IS(3), CLEAR_BIT },
};
TABLE(metrics_clear)

static const struct read type_other_rows[] = {
	{ "0x0001", &rich, 0x10000, GP0(TYPE_OTHER) },
	{ "0x0001, index 2", &rich, 0x10002, GP0(TYPE_OTHER) },
	{ "0x2001", &rich, 0x20010000, GP0(TYPE_OTHER) },
	{ "0x4001", &rich, 0x40010000, GP0(TYPE_OTHER) },
	{ "0x6000", &rich, 0x60000000, GP0(TYPE_OTHER) },
	{ "0x7fff", &rich, 0x7fffffff, GP0(TYPE_OTHER) },
	{ "0x4000", &rich, 0x40000000, FIXED_IS(0) },
};
TABLE(type_other)

static const struct read no_fast_rows[] = {
	{ "0x8000", &rich, 0x80000000, GP0(NO_FAST) },
	{ "0x8000, index 7", &rich, 0x80000007, GP0(NO_FAST) },
	{ "0xa000", &rich, 0xa0000000, GP0(NO_FAST), CLEAR_BIT },
	{ "0xc000", &rich, 0xc0000000, GP0(NO_FAST) },
	{ "0xffff", &rich, 0xffffffff, GP0(NO_FAST) },
	{ "without bit 31", &rich, 7, GP_IS(7) },
	{ "without bit 31, other type", &rich, 0x7fff0000, GP0(TYPE_OTHER) },
};
TABLE(no_fast)

/* Every type, with and without metrics, against the rules said once more. */
static void test_every_type(void **unused)
{
	static const uint16_t indices[] = { 0, 1, 3, 4, 6, 7, 8, 10, 31, 32, 63, 64, 0xffff };
	static const uint64_t gp = 0x800004ff, fixed = 0x8000014f;

	(void)unused;
	for (uint64_t i = 0; i < 2 * 0x10000 * ARRAY_SIZE(indices); i++) {
		const bool has_metrics = i & 1;
		const uint32_t type = i >> 1 & 0xffff, x = indices[i >> 17];
		const uint32_t ecx = type << 16 | x;
		struct read read = { "type", has_metrics ? &rich : &rich_no_metrics, ecx,
				     GP0(TYPE_GP) };

		read.answer = ANSWER_GP;
		read.index = x;
		if (type == 0) {
			read.rule = RULE_TYPE_GP;
			read.class = CLASS_GP;
			if (x < 32 && gp >> x & 1)
				read.answer = ANSWER_VALUE, read.value = GP48(x);
		} else if (type == 0x4000) {
			read.rule = RULE_TYPE_FIXED;
			read.class = CLASS_FIXED;
			if (x < 32 && fixed >> x & 1)
				read.answer = ANSWER_VALUE, read.value = FIXED40(x);
		} else if (type == 0x2000 && has_metrics && x == 0) {
			read.rule = RULE_METRICS_VALUE;
			read.class = CLASS_METRICS;
			read.answer = ANSWER_VALUE, read.value = METRICS_;
		} else if (type == 0x2000) {
			read.rule = has_metrics ? RULE_METRICS_INDEX : RULE_TYPE_METRICS;
		} else {
			read.rule = type >> 15 ? RULE_NO_FAST : RULE_TYPE_OTHER;
		}
		run(&read);
	}
}

static void test_user_disable(void **unused)
{
	static const struct read rows[] = {
		{ "CPL 0", &hiding, 5, GP_IS(5), .gp_user_disable = ~0U },
		{ "CPL 1", &hiding, 5, HIDDEN(GP, 5), .gp_user_disable = 1 << 5, .cpl = 1 },
		{ "CPL 3", &hiding, 5, HIDDEN(GP, 5), .gp_user_disable = 1 << 5, .cpl = 3 },
		{ "the others", &hiding, 5, GP_IS(5), .cpl = 3, .gp_user_disable = ~(1U << 5),
		  .fixed_ctr_ctrl = ~0ULL },
		{ "not announced", &not_hiding, 5, GP_IS(5), .cpl = 3, .gp_user_disable = ~0U },
		{ "GP 31", &hiding, 31, HIDDEN(GP, 31), .gp_user_disable = 1U << 31, .cpl = 3 },
		{ "no such counter", &hiding, 32, GP0(TYPE_GP), .gp_user_disable = ~0U, .cpl = 3 },
		{ "not on AMD", &hiding_amd, 5, CORE_IS(5), .cpl = 3, .gp_user_disable = ~0U },
		{ "not if old", &hiding_old, 1, OLD_IS(1), .cpl = 3, .gp_user_disable = ~0U },
		{ "PRIV first", &hiding, 5, GP0(PRIV), .gp_user_disable = ~0U, NO_RIGHT },
		{ "fixed by the GP's bits", &hiding, 0x40000000, FIXED_IS(0),
		  .gp_user_disable = ~0U, .cpl = 3 },
		{ "metrics", &hiding, 0x20000000, KEPT, .fixed_ctr_ctrl = ~0ULL,
		  .gp_user_disable = ~0U, .cpl = 3 },
	};

	(void)unused;
	RUN_ALL(rows);
	for (unsigned int x = 0; x < 32; x++) {
		const uint64_t bit = x < 8 ? 1ULL << (33 + 4 * x) : 0;
		const struct read shown = { "shown",     &hiding,  0x40000000 | x,
					    FIXED_IS(x), .cpl = 3, .fixed_ctr_ctrl = ~bit };
		struct read read = shown;

		run(&read);
		read.fixed_ctr_ctrl = bit;
		read.pmu = &not_hiding;
		run(&read);
		read.pmu = &hiding;
		read.cpl = 0;
		run(&read);
		read.cpl = 3;
		if (bit)
			read.value = 0, read.rule = RULE_USER_DISABLE;
		run(&read);
	}
}

/* Virtual-8086 mode is CPL 3 whatever the state says; CR0.PE = 0 frees from PRIV alone. */
static void test_user_disable_modes(void **unused)
{
	static const struct {
		const char *name;
		uint8_t mode, cpl;
		bool pe, hidden;
	} rows[] = {
		{ "real", MODE_REAL, 0, false, false },
		{ "real, CPL 3", MODE_REAL, 3, false, true },
		{ "virtual-8086", MODE_VM86, 0, true, true },
		{ "virtual-8086, CPL 3", MODE_VM86, 3, true, true },
		{ "protected", MODE_PROTECTED, 0, true, false },
		{ "compatibility, CPL 3", MODE_COMPATIBILITY, 3, true, true },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rdpmc_state state =
			state_at(rows[i].mode, rows[i].cpl, rows[i].pe, rows[i].pe);
		struct rdpmc_counters counters;
		struct rdpmc_outcome outcome;

		fill(&counters);
		counters.gp_user_disable = 1;
		outcome = execute(&hiding, &state, &counters);
		if (outcome.decision.answer != ANSWER_VALUE ||
		    outcome.decision.hidden != rows[i].hidden ||
		    outcome.value != (rows[i].hidden ? 0 : GP48(0)))
			fail_msg("%s: answer %u, hidden %d", rows[i].name, outcome.decision.answer,
				 outcome.decision.hidden);
	}
}

/* What processors differ in without saying so: the level of PERF_METRICS, leaf 0x23's meaning, L2I counters. */
static void test_choices_of_processors(void **unused)
{
	static const struct rdpmc_choices level_1 = { .metrics_level_1 = true };
	static const struct rdpmc_choices replaces = { .leaf23_replaces = true };
	static const struct rdpmc_choices l2i = { .amd_l2i = true };
	static const struct rdpmc_choices zero = { .no_pmu_zero = true };
	static const struct rdpmc_pmu *const without[] = { &no_pmu, &no_pmu_amd };
	static const uint32_t any[] = { 0, 5, 0x20000000, 0x40000000, 0x60000000, 0x80000000, ~0U };
	static const struct rdpmc_pmu gp_less = INTEL(6, 8, 4, .leaf23_gp = 0x105);
	static const struct rdpmc_pmu fixed_less = INTEL(6, 8, 4, .fixed_bitmap = 0x70, .leaf23_fixed = 0x12);
	struct rdpmc_view view, other;

	(void)unused;
	rdpmc_view(&clearing, &level_1, &view);
	assert_int_equal(view.width[CLASS_METRICS], 32);
	run_with(&(struct read){ "level 1", &clearing, 0x20000000,
				 VALUE(METRICS_VALUE, METRICS, 0, (uint32_t)METRICS_) }, &level_1);
	run_with(&(struct read){ "level 1, index 1", &clearing, 0x20000001, GP0(METRICS_INDEX) }, &level_1);

	rdpmc_view(&gp_less, &rdpmc_default_choices, &view);
	assert_int_equal(view.readable[CLASS_GP], 0x1ff);
	assert_int_equal(view.readable[CLASS_FIXED], 0xf);
	rdpmc_view(&gp_less, &replaces, &view);
	assert_int_equal(view.readable[CLASS_GP], 0x105);
	assert_int_equal(view.readable[CLASS_FIXED], 0); /* subleaf 1 has both or is not there */
	rdpmc_view(&fixed_less, &rdpmc_default_choices, &view);
	assert_int_equal(view.readable[CLASS_FIXED], 0x7f);
	rdpmc_view(&fixed_less, &replaces, &view);
	assert_int_equal(view.readable[CLASS_GP], 0);
	assert_int_equal(view.readable[CLASS_FIXED], 0x12);
	rdpmc_view(&plain, &rdpmc_default_choices, &view);
	rdpmc_view(&plain, &replaces, &other);
	assert_memory_equal(&view, &other, sizeof(view)); /* no leaf 0x23 */

	for (size_t i = 0; i < ARRAY_SIZE(without) * ARRAY_SIZE(any); i++) {
		const struct rdpmc_pmu *const pmu = without[i % ARRAY_SIZE(without)];
		const uint32_t ecx = any[i / ARRAY_SIZE(without)];

		run_with(&(struct read){ "nothing reads 0", pmu, ecx, VALUE(NO_PMU, NONE, 0, 0) }, &zero);
		run_with(&(struct read){ "... PRIV first", pmu, ecx, GP0(PRIV), NO_RIGHT }, &zero);
	}
	run_with(&(struct read){ "P6 has counters", &p6, 2, GP0(OLD_INDEX) }, &zero);
	run_with(&(struct read){ "and this has", &k8, 4, GP0(AMD_OTHER) }, &zero);
	run_with(&(struct read){ "no counter of it", &plain, 0x60000000, GP0(TYPE_OTHER) }, &zero);

	run_with(&(struct read){ "the last L2I", &zen_2, 13, L3_IS(13) }, &l2i);
	run_with(&(struct read){ "past the last L2I", &zen_2, 14, GP0(AMD_OTHER) }, &l2i);
	run_with(&(struct read){ "L3 by default: index 15", &zen_2, 15, L3_IS(15) }, &rdpmc_default_choices);
	run_with(&(struct read){ "without ECX[28]: neither", &nb_only, 10, GP0(AMD_OTHER) }, &l2i);
}

static void test_choices(void **unused)
{
	static const struct rdpmc_choices any = { .metrics_any_index = true };
	static const struct rdpmc_choices hide = { .user_disable_metrics = true };
	struct read x = { "any index", &clearing, 0x20001234,
			  VALUE(METRICS_VALUE, METRICS, 1, METRICS_) };
	struct read hidden = { "hidden metrics",   &hiding,  0x20000000,
			       HIDDEN(METRICS, 0), .cpl = 3, .fixed_ctr_ctrl = 1ULL << 45 };

	(void)unused;
	assert_false(rdpmc_default_choices.metrics_any_index);
	assert_false(rdpmc_default_choices.user_disable_metrics);
	assert_false(rdpmc_default_choices.no_pmu_zero);
	assert_false(rdpmc_default_choices.metrics_level_1);
	assert_false(rdpmc_default_choices.leaf23_replaces);
	assert_false(rdpmc_default_choices.amd_l2i);
	run_with(&x, &any);
	x.fixed_ctr_ctrl = 1 << 14; /* only the read of 0x20000000 clears */
	run_with(&x, &any);
	run_with(&(struct read){ "index 0", &clearing, 0x20000000, CLEARED, CLEAR_BIT }, &any);
	run_with(&(struct read){ "no metrics", &plain, 0x20000001, GP0(TYPE_METRICS) }, &any);
	run_with(&(struct read){ "x", &clearing, 0x20001234, GP0(METRICS_INDEX) }, &hide);

	run_with(&hidden, &hide);
	hidden.cpl = 0;
	hidden.rule = RULE_METRICS_VALUE;
	hidden.value = METRICS_;
	run_with(&hidden, &hide);
	hidden.cpl = 3;
	hidden.fixed_ctr_ctrl = ~hidden.fixed_ctr_ctrl;
	run_with(&hidden, &hide);
	hidden.fixed_ctr_ctrl = ~0ULL;
	run_with(&hidden, &any);
	hidden.pmu = &not_hiding;
	run_with(&hidden, &hide);
}

static void test_old_index(void **unused)
{
	static const struct rdpmc_pmu most = { .vendor = RDPMC_INTEL, .old_counters = 32 };
	static const struct read rows[] = {
		{ "0", &p6, 0, OLD_IS(0) },
		{ "1", &p6, 1, OLD_IS(1) },
		{ "2", &p6, 2, GP0(OLD_INDEX) },
		{ "17 of 18", &p6_fast, 17, OLD_IS(17) },
		{ "18 of 18", &p6_fast, 18, GP0(OLD_INDEX) },
		{ "31 of 32", &most, 31, OLD_IS(31) },
		{ "32 of 32", &most, 32, GP0(OLD_INDEX) },
		{ "64", &most, 64, GP0(OLD_INDEX) },
		{ "no types: 0x0001", &most, 0x10000, GP0(OLD_INDEX) },
		{ "no types: 0x2000", &most, 0x20000000, GP0(OLD_INDEX) },
		{ "no types: 0x4000", &most, 0x40000001, GP0(OLD_INDEX) },
		{ "0x7fffffff", &most, 0x7fffffff, GP0(OLD_INDEX) },
		{ "architectural", &plain, 2, GP_IS(2) },
	};

	(void)unused;
	RUN_ALL(rows);
}

static const struct read old_fast_rows[] = {
	{ "fast 0", &p6_fast, 0x80000000, FAST_IS(0) },
	{ "fast 17", &p6_fast, 0x80000011, FAST_IS(17) },
	{ "slow 0", &p6_fast, 0, OLD_IS(0) },
	{ "not supported", &p6, 0x80000000, GP0(OLD_FAST) },
	{ "fast 18", &p6_fast, 0x80000012, GP0(OLD_INDEX) },
	{ "fast, bit 30", &p6_fast, 0xc0000000, GP0(OLD_INDEX) },
};
TABLE(old_fast)

static const struct read amd_core_rows[] = {
	{ "3 of 4", &k8, 3, CORE_IS(3) },
	{ "4 of 4", &k8, 4, GP0(AMD_OTHER) },
	{ "5 of 6", &ext_core, 5, CORE_IS(5) },
	{ "6 of 6", &ext_core, 6, GP0(AMD_OTHER) },
	{ "PerfMonV2, n - 1", &v2_of_12, 11, CORE_IS(11) },
	{ "PerfMonV2, n", &v2_of_12, 12, GP0(AMD_OTHER) },
	{ "before the fabric", &v2_of_12, 6, CORE_IS(6) },
};
TABLE(amd_core)

/* 48 bits, whatever the fields of Intel's leaf 0xa hold. */
static void test_amd_width(void **unused)
{
	static const uint32_t indices[] = { 0, 5, 6, 9, 10, 15, 16, 19 };
	struct rdpmc_pmu pmu = zen_4;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(indices) * 65; i++) {
		struct rdpmc_state state = state_at(MODE_64BIT, 0, false, true);
		struct rdpmc_counters counters;
		struct rdpmc_outcome outcome;

		fill(&counters);
		pmu.gp_width = pmu.fixed_width = i % 65;
		state.regs.rcx = indices[i / 65];
		outcome = execute(&pmu, &state, &counters);
		assert_int_equal(outcome.decision.width, 48);
		assert_int_equal(outcome.value, counters.gp[indices[i / 65]] & 0xffffffffffff);
		assert_int_equal(outcome.regs.rdx, outcome.value >> 32);
	}
}

static const struct read amd_nb_rows[] = {
	{ "6", &zen_2, 6, NB_IS(6) },
	{ "9", &zen_2, 9, NB_IS(9) },
	{ "no PerfCtrExtNB", &l3_only, 6, GP0(AMD_OTHER) },
	{ "no 16 before version 2", &zen_2, 16, GP0(AMD_OTHER) },
	{ "16", &zen_4, 16, MORE_IS(16) },
	{ "19 of 8", &zen_4, 19, MORE_IS(19) },
	{ "20 of 8", &zen_4, 20, GP0(AMD_OTHER) },
	{ "74 of 63", &most, 74, MORE_IS(74) },
	{ "75 of 63", &most, 75, GP0(AMD_OTHER) },
	{ "not the L3's", &most, 10, GP0(AMD_OTHER) },
};
TABLE(amd_nb)

static const struct read amd_l3_rows[] = {
	{ "10", &zen_2, 10, L3_IS(10) },
	{ "15", &zen_2, 15, L3_IS(15) },
	{ "16", &zen_2, 16, GP0(AMD_OTHER) },
	{ "no PerfCtrExtLLC", &nb_only, 10, GP0(AMD_OTHER) },
	{ "PerfMonV2", &zen_4, 15, L3_IS(15) },
};
TABLE(amd_l3)

static const struct read amd_other_rows[] = {
	{ "bit 31", &zen_4, 0x80000000, GP0(AMD_OTHER) },
	{ "bit 30", &zen_4, 0x40000000, GP0(AMD_OTHER) },
	{ "bit 29", &zen_4, 0x20000000, GP0(AMD_OTHER) },
	{ "no backdoor", &zen_4, 0x10000, GP0(AMD_OTHER) },
	{ "all", &zen_4, 0xffffffff, GP0(AMD_OTHER) },
	{ "none of them", &zen_4, 0, CORE_IS(0) },
};
TABLE(amd_other)

/* Every index to 100 and every bit above: Core, N(fabric), L3, More of the fabric, - none. */
static void test_amd_indices(void **unused)
{
	static const struct {
		struct rdpmc_pmu pmu;
		const char *kinds;
	} rows[] = {
		{ AMD(1, .nr_nb = 8), "CCCC" },
		{ AMD(1, .nr_gp = 15, .ext_core = true), "CCCCCC" },
		{ AMD(1, .ext_nb = true, .nr_nb = 20), "CCCC--NNNN" },
		{ AMD(1, .ext_l3 = true), "CCCC------LLLLLL" },
		{ AMD(1, .ext_core = true, .ext_nb = true, .ext_l3 = true), "CCCCCCNNNNLLLLLL" },
		{ AMD(2, .nr_gp = 6, .nr_nb = 16, .ext_l3 = true), "CCCCCC----LLLLLL" },
		{ AMD(2, .nr_gp = 0, .ext_nb = true, .nr_nb = 4), "------NNNN" },
		{ AMD(2, .nr_gp = 6, .ext_nb = true, .nr_nb = 0), "CCCCCC" },
		{ AMD(2, .nr_gp = 6, .ext_nb = true, .nr_nb = 1), "CCCCCCN" },
		{ AMD(2, .nr_gp = 7, .ext_nb = true, .ext_l3 = true, .nr_nb = 3), "CCCCCCCNN-LLLLLL" },
		{ AMD(1, .ext_nb = true, .nr_nb = 1), "CCCC--NNNN" },
		{ AMD(2, .nr_gp = 3, .ext_core = true, .ext_nb = true, .nr_nb = 7),
		  "CCC---NNNN------MMM" },
		{ AMD(2, .nr_gp = 8, .ext_nb = true, .ext_l3 = true, .nr_nb = 5),
		  "CCCCCCCCNNLLLLLLM" },
		{ AMD(2, .nr_gp = 15, .ext_nb = true, .ext_l3 = true, .nr_nb = 12),
		  "CCCCCCCCCCCCCCCLMMMMMMMM" },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows) * 101 * 26; i++) {
		const unsigned int row = i / 101 / 26, x = i / 26 % 101, bit = 7 + i % 26;
		const char *const kinds = rows[row].kinds;
		const char kind = bit < 32 || x >= strlen(kinds) ? '-' : kinds[x];
		const uint64_t rcx = x | 1ULL << bit;
		struct read read = { kinds, &rows[row].pmu, rcx, GP0(AMD_OTHER) };

		if (kind != '-') {
			read.answer = ANSWER_VALUE;
			read.value = GP48(x);
			read.rule = kind == 'C'   ? RULE_AMD_CORE
				    : kind == 'L' ? RULE_AMD_L3
						  : RULE_AMD_NB;
			read.class = kind == 'C'   ? CLASS_AMD_CORE
				     : kind == 'L' ? CLASS_AMD_L3
				     : kind == 'N' ? CLASS_AMD_NB
						   : CLASS_AMD_NB_MORE;
			read.index = kind == 'M' ? x - 16 : x;
		}
		run(&read);
	}
}

static const struct read vmware_pmc_rows[] = {
	{ "host TSC", &plain, 0x10000, CLOCK(0) },
	{ "real time", &plain, 0x10001, CLOCK(1) },
	{ "apparent time", &plain, 0x10002, CLOCK(2) },
	{ "past them", &plain, 0x10003, GP0(TYPE_OTHER), .backdoor = true },
	{ "before them", &plain, 0xffff, GP0(TYPE_GP), .backdoor = true },
	{ "high bit", &plain, 0x80010000, GP0(NO_FAST), .backdoor = true },
	{ "off", &plain, 0x10000, GP0(TYPE_OTHER) },
	{ "off, 1", &plain, 0x10001, GP0(TYPE_OTHER) },
	{ "off, 2", &plain, 0x10002, GP0(TYPE_OTHER) },
	{ "before PRIV", &plain, 0x10001, CLOCK(1), NO_RIGHT },
	{ "off, PRIV", &plain, 0x10001, GP0(PRIV), NO_RIGHT },
	{ "others and PRIV", &plain, 0, GP0(PRIV), NO_RIGHT, .backdoor = true },
	{ "no PMU", &no_pmu, 0x10002, CLOCK(2), NO_RIGHT },
	{ "no PMU of AMD", &no_pmu_amd, 0x10000, CLOCK(0) },
	{ "AMD", &zen_4, 0x10002, CLOCK(2) },
	{ "AMD, past them", &zen_4, 0x10003, GP0(AMD_OTHER), .backdoor = true },
	{ "old", &p6_fast, 0x10000, CLOCK(0) },
	{ "not hidden", &hiding, 0x10000, CLOCK(0), .cpl = 3, .gp_user_disable = ~0U,
	  .fixed_ctr_ctrl = ~0ULL },
	{ "LOCK", &plain, 0x10000, UD, LOCK, .backdoor = true },
};
TABLE(vmware_pmc)

/* What is noted of the rules asked: each is answered yes by one read and no by another. */
static void test_yes_and_no(void **unused)
{
	static const struct {
		struct read read;
		uint32_t yes, no;
	} rows[] = {
		{ { "a GP", &rich, 0xffff00000000, GP_IS(0) },
		  ASKED(PRIV) | ASKED(ECX32) | ASKED(RESULT) | ASKED(TYPE_GP),
		  ASKED(UD_LOCK) | ASKED(FAULT) | ASKED(TYPE_OTHER) | ASKED(METRICS_VALUE) |
			  ASKED(USER_DISABLE) },
		{ { "no GP", &rich, 9, GP0(TYPE_GP) },
		  ASKED(PRIV) | ASKED(FAULT),
		  ASKED(TYPE_GP) | ASKED(RESULT) | ASKED(ECX32) },
		{ { "LOCK", &rich, 9, UD, LOCK }, ASKED(UD_LOCK) | ASKED(FAULT), 0 },
		{ { "CPL 3", &rich, 0, GP0(PRIV), NO_RIGHT },
		  ASKED(FAULT),
		  ASKED(PRIV) | ASKED(UD_LOCK) },
		{ { "no PMU", &no_pmu, 0, GP0(NO_PMU) }, ASKED(NO_PMU), 0 },
		{ { "fixed", &rich, 0x40000000, FIXED_IS(0) },
		  ASKED(TYPE_FIXED),
		  ASKED(USER_DISABLE) },
		{ { "no fixed", &rich, 0x40000005, GP0(TYPE_FIXED) }, 0, ASKED(TYPE_FIXED) },
		{ { "metrics", &rich, 0x20000000, KEPT },
		  ASKED(TYPE_METRICS) | ASKED(METRICS_INDEX) | ASKED(METRICS_VALUE),
		  ASKED(METRICS_CLEAR) },
		{ { "cleared", &rich, 0x20000000, CLEARED, CLEAR_BIT }, ASKED(METRICS_CLEAR), 0 },
		{ { "metrics 1", &rich, 0x20000001, GP0(METRICS_INDEX) },
		  ASKED(TYPE_METRICS),
		  ASKED(METRICS_INDEX) },
		{ { "no metrics", &plain, 0x20000000, GP0(TYPE_METRICS) }, 0, ASKED(TYPE_METRICS) },
		{ { "other", &rich, 0x60000000, GP0(TYPE_OTHER) },
		  ASKED(TYPE_OTHER),
		  ASKED(NO_FAST) },
		{ { "fast", &rich, 0x80000000, GP0(NO_FAST) }, ASKED(NO_FAST), 0 },
		{ { "hidden", &hiding, 0, HIDDEN(GP, 0), .cpl = 3, .gp_user_disable = 1 },
		  ASKED(USER_DISABLE),
		  0 },
		{ { "old", &p6, 0, OLD_IS(0) }, ASKED(OLD_INDEX), 0 },
		{ { "not old", &p6, 2, GP0(OLD_INDEX) }, 0, ASKED(OLD_INDEX) },
		{ { "old fast", &p6_fast, 1U << 31, FAST_IS(0) }, ASKED(OLD_FAST), 0 },
		{ { "old, not fast", &p6, 1U << 31, GP0(OLD_FAST) }, 0, ASKED(OLD_FAST) },
		{ { "core", &zen_2, 0, CORE_IS(0) },
		  ASKED(AMD_CORE) | ASKED(AMD_WIDTH),
		  ASKED(NO_PMU) | ASKED(AMD_OTHER) },
		{ { "fabric", &zen_2, 6, NB_IS(6) }, ASKED(AMD_NB), ASKED(AMD_CORE) },
		{ { "L3", &zen_2, 10, L3_IS(10) }, ASKED(AMD_L3), ASKED(AMD_CORE) | ASKED(AMD_NB) },
		{ { "none of AMD's", &zen_2, 16, GP0(AMD_OTHER) },
		  ASKED(AMD_OTHER),
		  ASKED(AMD_CORE) | ASKED(AMD_NB) | ASKED(AMD_L3) | ASKED(AMD_WIDTH) },
		{ { "clock", &rich, 0x10000, CLOCK(0) }, ASKED(VMWARE_PMC), 0 },
		{ { "no clock", &rich, 0x10000, GP0(TYPE_OTHER) }, 0, ASKED(VMWARE_PMC) },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct rdpmc_decision decision =
			run_with(&rows[i].read, &rdpmc_default_choices);

		if (rows[i].yes & ~decision.yes || rows[i].no & ~decision.no)
			fail_msg("%s: yes %x lacks %x, no %x lacks %x", rows[i].read.name,
				 decision.yes, rows[i].yes & ~decision.yes, decision.no,
				 rows[i].no & ~decision.no);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ud_lock),       cmocka_unit_test(test_priv),
		cmocka_unit_test(test_modes),         cmocka_unit_test(test_ecx32),
		cmocka_unit_test(test_result),        cmocka_unit_test(test_fault),
		cmocka_unit_test(test_no_pmu),        cmocka_unit_test(test_type_gp),
		cmocka_unit_test(test_type_fixed),    cmocka_unit_test(test_indices),
		cmocka_unit_test(test_type_metrics),  cmocka_unit_test(test_metrics_index),
		cmocka_unit_test(test_measured),      cmocka_unit_test(test_metrics_value),
		cmocka_unit_test(test_metrics_clear), cmocka_unit_test(test_type_other),
		cmocka_unit_test(test_no_fast),       cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_user_disable),  cmocka_unit_test(test_user_disable_modes),
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_choices_of_processors),       cmocka_unit_test(test_old_index),
		cmocka_unit_test(test_old_fast),      cmocka_unit_test(test_amd_core),
		cmocka_unit_test(test_amd_width),     cmocka_unit_test(test_amd_nb),
		cmocka_unit_test(test_amd_l3),        cmocka_unit_test(test_amd_other),
		cmocka_unit_test(test_amd_indices),   cmocka_unit_test(test_vmware_pmc),
		cmocka_unit_test(test_yes_and_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
