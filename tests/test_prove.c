// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves, natively, the judge that scripts/prove asks for all cases at once: an engine that answers as
 * the model is right, each kind of fault is told as what it is and blamed on its rule, and what shows
 * that RDPMC must not pass agrees with what model/intercept.c finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/intercept.h"
#include "prove/prove.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BLAMED(rule)  (1U << RULE_##rule)

static const struct rdpmc_pmu intel = {
	.vendor = RDPMC_INTEL,
	.version = 6,
	.nr_gp = 8,
	.gp_width = 48,
	.nr_fixed = 4,
	.fixed_width = 40,
	.user_disable = true,
	.perf_capabilities = RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR,
};
static const struct rdpmc_pmu amd = {
	.vendor = RDPMC_AMD, .version = 2, .nr_gp = 6, .ext_core = true
};

/* The engine's world for one read, which a fault makes another one than the model's. */
struct world {
	struct rdpmc_view view;
	struct rdpmc_policy policy;
	struct rdpmc_state state;
	struct rdpmc_counters counters;
};

struct engine_vcpu {
	struct rdpmc_pmu guest;
	struct rdpmc_policy policy;
	struct rdpmc_counters counters;
	const char *complaint;
};

/* What is wrong with the engine: before it decides, and after. NULL: nothing. */
static void (*misjudge)(struct world *world);
static void (*spoil)(struct engine_vcpu *vcpu, struct engine_answer *answer);

static struct engine_vcpu the_vcpu;
static enum entry entry_seen;
static unsigned int alive;
static bool clamps_more;
static enum intercept intercepted;

static struct engine_vcpu *fake_create(const char **why)
{
	(void)why;
	alive++;
	memset(&the_vcpu, 0, sizeof(the_vcpu));
	return &the_vcpu;
}

static void fake_destroy(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	alive--;
}

static bool fake_clamp(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest, struct rdpmc_pmu *host,
		       struct rdpmc_policy *policy)
{
	(void)vcpu;
	(void)host;
	(void)policy;
	if (clamps_more)
		guest->nr_gp = 2;
	return clamps_more;
}

static void fake_begin(struct engine_vcpu *vcpu, const struct rdpmc_pmu *guest,
		       const struct rdpmc_pmu *host, const struct rdpmc_policy *policy)
{
	(void)host;
	vcpu->guest = *guest;
	vcpu->policy = *policy;
}

static void fake_load(struct engine_vcpu *vcpu, const struct rdpmc_counters *counters,
		      unsigned int n_gp, unsigned int n_fixed)
{
	assert_int_equal(n_gp, RDPMC_MAX_GP);
	assert_int_equal(n_fixed, RDPMC_MAX_FIXED);
	vcpu->counters = *counters;
}

static void fake_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		      struct engine_answer *answer)
{
	struct world world = { .policy = vcpu->policy, .state = *state };
	struct rdpmc_outcome outcome;

	entry_seen = entry;
	rdpmc_view(&vcpu->guest, &rdpmc_default_choices, &world.view);
	world.counters = vcpu->counters;
	if (misjudge)
		misjudge(&world);
	outcome = rdpmc_execute(&world.view, &world.policy, &world.state, &world.counters);
	if (outcome.decision.clears)
		rdpmc_effects(&outcome.decision, &vcpu->counters);
	outcome.regs.rcx = state->regs.rcx;
	*answer = (struct engine_answer){ .answer = outcome.decision.answer, .regs = outcome.regs };
	if (spoil)
		spoil(vcpu, answer);
}

static bool fake_holds(const struct engine_vcpu *vcpu, const struct rdpmc_counters *expected,
		       unsigned int n_gp, unsigned int n_fixed)
{
	const struct rdpmc_counters *held = &vcpu->counters;

	return !memcmp(held->gp, expected->gp, n_gp * sizeof(held->gp[0])) &&
	       !memcmp(held->fixed, expected->fixed, n_fixed * sizeof(held->fixed[0])) &&
	       held->metrics == expected->metrics &&
	       held->fixed_ctr_ctrl == expected->fixed_ctr_ctrl &&
	       held->gp_user_disable == expected->gp_user_disable;
}

static enum intercept fake_intercepts(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return intercepted;
}

static const char *fake_trouble(struct engine_vcpu *vcpu)
{
	return vcpu->complaint;
}

static const struct engine fake = {
	.create = fake_create,
	.destroy = fake_destroy,
	.clamp = fake_clamp,
	.begin = fake_begin,
	.load = fake_load,
	.read = fake_read,
	.holds = fake_holds,
	.intercepts = fake_intercepts,
	.trouble = fake_trouble,
};

const struct engine *proved = &fake;

/* Every counter its own value, with bits above every width. */
static void fill(struct rdpmc_counters *counters)
{
	memset(counters, 0, sizeof(*counters));
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->gp); x++)
		counters->gp[x] = 0xa1b3c3d4e5f60000 + x;
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->fixed); x++)
		counters->fixed[x] = 0x9182f3c4d5a60100 + x;
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->vmware); x++)
		counters->vmware[x] = 0x8899aabbccdd0200 + x;
	counters->metrics = 0xfedcba9876543210;
}

/* 64-bit mode, CPL 0, CR4.PCE = 1. */
static struct rdpmc_state state_of(uint64_t rcx)
{
	return (struct rdpmc_state){
		.regs = { .rax = 0x1122334455667788,
			  .rcx = rcx,
			  .rdx = 0x99aabbccddeeff00,
			  .rip = 0x7fff12345678,
			  .rflags = 0x246 },
		.cr0 = RDPMC_CR0_PE,
		.cr4 = RDPMC_CR4_PCE,
		.mode = MODE_64BIT,
	};
}

static struct prove_inputs inputs_of(const struct rdpmc_pmu *pmu, uint64_t rcx, enum entry entry)
{
	struct prove_inputs inputs = { .entry = entry, .choices = rdpmc_default_choices };

	inputs.decoded.guest = inputs.decoded.host = *pmu;
	inputs.decoded.policy.mediated_pmu = true;
	inputs.decoded.state = state_of(rcx);
	fill(&inputs.counters);
	return inputs;
}

/* What an engine can do wrong after it has decided. */
#define SPOIL(name, what)                                                                          \
	static void name(struct engine_vcpu *vcpu, struct engine_answer *answer)                   \
	{                                                                                          \
		(void)vcpu;                                                                        \
		(void)answer;                                                                      \
		what;                                                                              \
	}
SPOIL(nothing, )
SPOIL(print_value, answer->answer = ANSWER_VALUE)
SPOIL(print_gp, answer->answer = ANSWER_GP)
SPOIL(print_ud, answer->answer = ANSWER_UD)
SPOIL(print_strange, answer->answer = ANSWER_STRANGE)
SPOIL(low_bit, answer->regs.rax ^= 1)
SPOIL(bit_32, answer->regs.rdx ^= 1)
SPOIL(bit_47, answer->regs.rdx ^= 1 << 15)
SPOIL(rip, answer->regs.rip ^= 2)
SPOIL(rflags, answer->regs.rflags ^= 1)
SPOIL(rcx, answer->regs.rcx ^= 1)
SPOIL(rax_high, answer->regs.rax ^= 1ULL << 32)
SPOIL(rcx_high, answer->regs.rcx = (uint32_t)answer->regs.rcx)
SPOIL(rdx_high, answer->regs.rdx ^= 1ULL << 32)
SPOIL(rax, answer->regs.rax ^= 1)
SPOIL(zero, answer->regs.rax = answer->regs.rdx = 0)
SPOIL(a_value, answer->answer = ANSWER_VALUE)
SPOIL(error_code, answer->error_code = 1)
SPOIL(other_state, answer->other_state = true)
SPOIL(counter_gp, vcpu->counters.gp[RDPMC_MAX_GP - 1] ^= 1ULL << 63)
SPOIL(counter_fixed, vcpu->counters.fixed[RDPMC_MAX_FIXED - 1] ^= 1)
SPOIL(metrics, vcpu->counters.metrics ^= 1)
SPOIL(fixed_ctr_ctrl, vcpu->counters.fixed_ctr_ctrl ^= 1)
SPOIL(gp_user_disable, vcpu->counters.gp_user_disable ^= 1)
SPOIL(complain, vcpu->complaint = "WARN_ON_ONCE")
/* The first that applies is told. */
SPOIL(value_and_more, answer->regs.rax ^= 1; answer->regs.rip++; answer->other_state = true)
SPOIL(registers_and_more, answer->regs.rip++; answer->other_state = true; vcpu->counters.metrics++)
SPOIL(complaint_and_value, vcpu->complaint = "WARN_ON_ONCE"; answer->regs.rax ^= 1)
SPOIL(other_state_and_counters, answer->other_state = true; vcpu->counters.metrics++)

/* Each on a read that gives a value and on one that faults. */
static const struct {
	const char *name;
	void (*spoil)(struct engine_vcpu *vcpu, struct engine_answer *answer);
	enum flaw of_value, of_fault;
} flaws[] = {
	{ "nothing", nothing, FLAW_NONE, FLAW_NONE },
	{ "a value", print_value, FLAW_NONE, FLAW_VALUE_FOR_FAULT },
	{ "#GP", print_gp, FLAW_FAULT_FOR_VALUE, FLAW_NONE },
	{ "#UD", print_ud, FLAW_FAULT_FOR_VALUE, FLAW_ANSWER },
	{ "another exception", print_strange, FLAW_FAULT_FOR_VALUE, FLAW_ANSWER },
	{ "value, bit 0", low_bit, FLAW_VALUE, FLAW_REGISTERS },
	{ "value, bit 32", bit_32, FLAW_VALUE, FLAW_REGISTERS },
	{ "RIP", rip, FLAW_REGISTERS, FLAW_REGISTERS },
	{ "RFLAGS", rflags, FLAW_REGISTERS, FLAW_REGISTERS },
	{ "RCX", rcx, FLAW_REGISTERS, FLAW_REGISTERS },
	{ "RAX[63:32]", rax_high, FLAW_REGISTERS, FLAW_REGISTERS },
	{ "RDX[63:32]", rdx_high, FLAW_REGISTERS, FLAW_REGISTERS },
	{ "RAX", rax, FLAW_VALUE, FLAW_REGISTERS },
	{ "error code", error_code, FLAW_REGISTERS, FLAW_REGISTERS },
	{ "CR0, CR4 or CPL", other_state, FLAW_OTHER_STATE, FLAW_OTHER_STATE },
	{ "the last GP counter", counter_gp, FLAW_COUNTERS, FLAW_COUNTERS },
	{ "the last fixed counter", counter_fixed, FLAW_COUNTERS, FLAW_COUNTERS },
	{ "PERF_METRICS", metrics, FLAW_COUNTERS, FLAW_COUNTERS },
	{ "FIXED_CTR_CTRL", fixed_ctr_ctrl, FLAW_COUNTERS, FLAW_COUNTERS },
	{ "user disable", gp_user_disable, FLAW_COUNTERS, FLAW_COUNTERS },
	{ "a complaint", complain, FLAW_TROUBLE, FLAW_TROUBLE },
	{ "a value and more", value_and_more, FLAW_VALUE, FLAW_REGISTERS },
	{ "registers and more", registers_and_more, FLAW_REGISTERS, FLAW_REGISTERS },
	{ "a complaint and a value", complaint_and_value, FLAW_VALUE, FLAW_REGISTERS },
	{ "elsewhere and counters", other_state_and_counters, FLAW_OTHER_STATE, FLAW_OTHER_STATE },
};

static void expect_flaw(const char *name, const struct rdpmc_pmu *pmu, uint64_t ecx,
			enum entry entry, enum flaw flaw)
{
	const struct prove_inputs inputs = inputs_of(pmu, ecx, entry);
	const struct prove_verdict verdict = prove_read(&inputs);

	if (verdict.flaw != flaw)
		fail_msg("%s, ECX %llx, %s, %s: flaw %u, not %u", name, (unsigned long long)ecx,
			 pmu->vendor == RDPMC_AMD ? "AMD" : "Intel",
			 entry == ENTRY_EXIT ? "exit" : "emulator", verdict.flaw, flaw);
	/* Nothing is known of this engine; a complaint is no matter of what is. */
	if (flaw != FLAW_TROUBLE && verdict.plain != flaw)
		fail_msg("%s: plain flaw %u, not %u", name, verdict.plain, flaw);
	assert_int_equal(verdict.plain_rule, verdict.model.decision.rule);
	assert_int_equal(entry_seen, entry);
	assert_int_equal(alive, 0);
}

static void test_flaws(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(flaws) * 4; i++) {
		const struct rdpmc_pmu *pmu = i & 1 ? &amd : &intel;
		const enum entry entry = i & 2 ? ENTRY_EMULATOR : ENTRY_EXIT;
		const char *name = flaws[i / 4].name;

		spoil = flaws[i / 4].spoil;
		expect_flaw(name, pmu, 5, entry, flaws[i / 4].of_value);
		expect_flaw(name, pmu, 0xdead00000005, entry, flaws[i / 4].of_value);
		expect_flaw(name, pmu, 0x60000000, entry, flaws[i / 4].of_fault);
		if (pmu == &amd)
			continue;
		expect_flaw(name, pmu, 0x40000003, entry, flaws[i / 4].of_value);
		expect_flaw(name, pmu, 0x20000000, entry, flaws[i / 4].of_value);
	}
	spoil = NULL;
}

/* The guest that is judged is the one that the engine could give. */
static void test_clamp(void **unused)
{
	const struct prove_inputs inputs = inputs_of(&intel, 2, ENTRY_EXIT);
	struct prove_verdict verdict;
	struct prove_intercept intercept;

	(void)unused;
	clamps_more = true;
	verdict = prove_read(&inputs);
	assert_int_equal(verdict.flaw, FLAW_NONE);
	assert_int_equal(verdict.guest.nr_gp, 2);
	assert_int_equal(verdict.model.decision.answer, ANSWER_GP);
	for (intercepted = INTERCEPT_OFF; intercepted <= INTERCEPT_UNKNOWN; intercepted++) {
		prove_intercepts(&inputs, &intercept);
		assert_int_equal(intercept.intercept, intercepted);
		assert_int_equal(intercept.guest.nr_gp, 2);
		assert_int_equal(intercept.host.nr_gp, 8);
		assert_true(intercept.policy.mediated_pmu);
		assert_false(intercept.known);
	}
	clamps_more = false;
	assert_int_equal(alive, 0);
}

/* An engine that cannot complain; and one that does is told with its words. */
static void test_trouble(void **unused)
{
	const struct prove_inputs inputs = inputs_of(&intel, 0, ENTRY_EXIT);
	struct engine silent = fake;

	(void)unused;
	spoil = complain;
	assert_string_equal(prove_read(&inputs).trouble, "WARN_ON_ONCE");
	silent.trouble = NULL;
	proved = &silent;
	assert_int_equal(prove_read(&inputs).flaw, FLAW_NONE);
	proved = &fake;
	spoil = NULL;
}

/* The fault that each proof must find is in one value of a right engine, and nowhere else. */
static void test_planted(void **unused)
{
	static const struct {
		const struct rdpmc_pmu *pmu;
		uint64_t rcx;
		enum flaw planted;
	} reads[] = {
		{ &intel, 1, FLAW_VALUE }, { &intel, 0x100000001, FLAW_VALUE },
		{ &intel, 0, FLAW_NONE },  { &intel, 0x40000001, FLAW_NONE },
		{ &amd, 0, FLAW_NONE },    { &amd, 1, FLAW_VALUE },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		const struct prove_inputs inputs =
			inputs_of(reads[i].pmu, reads[i].rcx, ENTRY_EXIT);
		const struct prove_verdict verdict = prove_read(&inputs);

		assert_int_equal(verdict.flaw, FLAW_NONE);
		assert_int_equal(verdict.planted, reads[i].planted);
	}
}

/* What an engine can misjudge. */
#define MISJUDGE(name, what)                                                                       \
	static void name(struct world *world)                                                      \
	{                                                                                          \
		what;                                                                              \
	}
MISJUDGE(always_allowed, world->state.cr4 |= RDPMC_CR4_PCE)
MISJUDGE(never_allowed, world->state.cr4 &= ~RDPMC_CR4_PCE)
MISJUDGE(lock_ignored, world->state.lock = false)
MISJUDGE(lock_seen, world->state.lock = true)
MISJUDGE(all_of_rcx, world->state.regs.rcx |= world->state.regs.rcx >> 32)
MISJUDGE(cx_for_ecx, world->state.regs.rcx = (uint16_t)world->state.regs.rcx)
MISJUDGE(no_backdoor, world->policy.vmware_backdoor = false)
MISJUDGE(always_backdoor, world->policy.vmware_backdoor = true)
MISJUDGE(never_hidden, world->view.user_disable = false)
MISJUDGE(always_hidden, world->counters.gp_user_disable = ~0U)
MISJUDGE(one_core_more, world->view.readable[CLASS_AMD_CORE] |= 1 << 6)
MISJUDGE(no_metrics, world->view.readable[CLASS_METRICS] = 0)
MISJUDGE(never_clears, world->view.metrics_clear = false)

struct blamed {
	const char *name;
	const struct rdpmc_pmu *pmu;
	uint64_t rcx;
	void (*misjudge)(struct world *world);
	void (*spoil)(struct engine_vcpu *vcpu, struct engine_answer *answer);
	uint32_t rules; /* all of them */
	bool user, no_pce, lock, backdoor, hide, clear;
};

/* The rule that decides is always among them, and RESULT or FAULT where it can be their matter. */
static const struct blamed blamed[] = {
	{ "allowed", &intel, 1, always_allowed, NULL, .rules = BLAMED(PRIV) | BLAMED(FAULT),
	  .user = true, .no_pce = true },
	{ "allowed, AMD", &amd, 1, always_allowed, NULL,
	  .rules = BLAMED(PRIV) | BLAMED(FAULT) | BLAMED(AMD_CORE), .user = true, .no_pce = true },
	{ "not allowed", &intel, 1, never_allowed, NULL, .rules = BLAMED(PRIV) | BLAMED(TYPE_GP),
	  .user = true },
	{ "not allowed, AMD", &amd, 1, never_allowed, NULL,
	  .rules = BLAMED(PRIV) | BLAMED(AMD_CORE), .user = true },
	{ "LOCK ignored", &intel, 1, lock_ignored, NULL, .rules = BLAMED(UD_LOCK) | BLAMED(FAULT),
	  .lock = true },
	{ "#UD without LOCK", &amd, 1, lock_seen, NULL,
	  .rules = BLAMED(UD_LOCK) | BLAMED(AMD_CORE) | BLAMED(RESULT) },
	{ "RCX[63:32] taken", &intel, 0x100000000002, all_of_rcx, NULL, .rules = BLAMED(ECX32) },
	{ "RCX[63:32] taken, AMD", &amd, 0x100000000002, all_of_rcx, NULL, .rules = BLAMED(ECX32) },
	{ "RCX[63:32] lost", &intel, 0x100000000001, NULL, rcx_high,
	  .rules = BLAMED(ECX32) | BLAMED(RESULT) },
	{ "RCX[63:32] lost by a fault", &amd, 0x100000000009, NULL, rcx_high,
	  .rules = BLAMED(ECX32) | BLAMED(FAULT) },
	{ "CX for ECX", &intel, 0x40000001, cx_for_ecx, NULL,
	  .rules = BLAMED(ECX32) | BLAMED(TYPE_FIXED) | BLAMED(RESULT) },
	{ "CX for ECX, #GP due", &intel, 0x60000001, cx_for_ecx, NULL,
	  .rules = BLAMED(ECX32) | BLAMED(TYPE_OTHER) | BLAMED(FAULT) },
	{ "CX for ECX, AMD", &amd, 0x40000001, cx_for_ecx, NULL,
	  .rules = BLAMED(ECX32) | BLAMED(AMD_OTHER) | BLAMED(FAULT) },
	/* Not only with RCX[63:32]: the rest of the case is judged without. */
	{ "RCX[63:32] of no matter", &intel, 0x1240000001, cx_for_ecx, NULL,
	  .rules = BLAMED(ECX32) | BLAMED(TYPE_FIXED) | BLAMED(RESULT) },
	{ "no clock", &intel, 0x10001, no_backdoor, NULL, .rules = BLAMED(VMWARE_PMC),
	  .backdoor = true },
	{ "no clock, AMD", &amd, 0x10001, no_backdoor, NULL, .rules = BLAMED(VMWARE_PMC),
	  .backdoor = true },
	{ "a clock", &intel, 0x10001, always_backdoor, NULL,
	  .rules = BLAMED(VMWARE_PMC) | BLAMED(TYPE_OTHER) | BLAMED(FAULT) },
	{ "shown to users", &intel, 1, never_hidden, NULL,
	  .rules = BLAMED(USER_DISABLE) | BLAMED(RESULT), .user = true, .hide = true },
	{ "hidden from users", &intel, 1, always_hidden, NULL,
	  .rules = BLAMED(USER_DISABLE) | BLAMED(RESULT) | BLAMED(TYPE_GP), .user = true },
	{ "hidden from CPL 0", &intel, 1, NULL, zero,
	  .rules = BLAMED(USER_DISABLE) | BLAMED(RESULT) | BLAMED(TYPE_GP) },
	{ "one clock more", &intel, 0x10003, NULL, a_value,
	  .rules = BLAMED(VMWARE_PMC) | BLAMED(TYPE_OTHER) | BLAMED(FAULT), .backdoor = true },
	{ "47 bits", &amd, 1, NULL, bit_47,
	  .rules = BLAMED(AMD_WIDTH) | BLAMED(RESULT) | BLAMED(AMD_CORE) },
	{ "one counter more", &amd, 6, one_core_more, NULL,
	  .rules = BLAMED(AMD_CORE) | BLAMED(AMD_OTHER) | BLAMED(FAULT) },
	{ "no metrics", &intel, 0x20000000, no_metrics, NULL,
	  .rules = BLAMED(PRIV) | BLAMED(TYPE_METRICS) | BLAMED(METRICS_VALUE) |
		   BLAMED(METRICS_CLEAR) },
	{ "metrics stay", &intel, 0x20000000, never_clears, NULL,
	  .rules = BLAMED(METRICS_CLEAR) | BLAMED(METRICS_VALUE) | BLAMED(RESULT), .clear = true },
	{ "metrics change", &intel, 1, NULL, metrics,
	  .rules = BLAMED(METRICS_CLEAR) | BLAMED(TYPE_GP) | BLAMED(RESULT) },
	{ "RIP after a value", &intel, 1, NULL, rip, .rules = BLAMED(TYPE_GP) | BLAMED(RESULT) },
	{ "RDX[63:32]", &amd, 1, NULL, rdx_high, .rules = BLAMED(AMD_CORE) | BLAMED(RESULT) },
	{ "RIP after a fault", &intel, 9, NULL, rip, .rules = BLAMED(TYPE_GP) | BLAMED(FAULT) },
	{ "error code", &amd, 9, NULL, error_code, .rules = BLAMED(AMD_OTHER) | BLAMED(FAULT) },
};

static void print_rules(const char *what, uint32_t rules)
{
	for (unsigned int rule = 0; rule < NR_RULES; rule++)
		if (rules >> rule & 1)
			print_error("%s %s\n", what, rdpmc_rules[rule].id);
}

static void test_blame(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(blamed); i++) {
		const struct blamed *row = &blamed[i];
		struct prove_inputs inputs = inputs_of(row->pmu, row->rcx, ENTRY_EMULATOR);
		struct rdpmc_state *state = &inputs.decoded.state;
		struct prove_verdict verdict;
		uint32_t rules;

		state->cpl = row->user ? 3 : 0;
		state->lock = row->lock;
		if (row->no_pce)
			state->cr4 = 0;
		inputs.decoded.policy.vmware_backdoor = row->backdoor;
		inputs.counters.gp_user_disable = row->hide ? ~0U : 0;
		if (row->clear)
			inputs.counters.fixed_ctr_ctrl = RDPMC_FIXED_CTRL_METRICS_CLEAR;
		misjudge = row->misjudge;
		spoil = row->spoil;
		verdict = prove_read(&inputs);
		if (!verdict.flaw)
			fail_msg("%s: no flaw", row->name);
		rules = prove_blame(&inputs, &verdict);
		if (rules == row->rules)
			continue;
		print_rules("missing:", row->rules & ~rules);
		print_rules("blamed as well:", rules & ~row->rules);
		fail_msg("%s: other rules are blamed", row->name);
	}
	misjudge = NULL;
	spoil = NULL;
}

#define CAP_METRICS RDPMC_CAP_METRICS
#define CAP_BOTH    (RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR)
#define FOUR_FIXED  .nr_fixed = 4, .fixed_width = 40
#define PMU(...)                                                                                   \
	{                                                                                          \
		.vendor = RDPMC_INTEL, .version = 5, .nr_gp = 4, .gp_width = 48, FOUR_FIXED,       \
		__VA_ARGS__                                                                        \
	}
#define FIXED(...)                                                                                 \
	{                                                                                          \
		.vendor = RDPMC_INTEL, .version = 5, FOUR_FIXED, __VA_ARGS__                       \
	}

/* A guest on a host, and what stands against passing. */
static const struct pair {
	const char *name;
	struct rdpmc_pmu guest, host;
	enum rdpmc_obstacle obstacle;
	bool not_mediated, backdoor;
} pairs[] = {
	{ "the same", PMU(.perf_capabilities = CAP_BOTH, .user_disable = true),
	  PMU(.perf_capabilities = CAP_BOTH, .user_disable = true), .obstacle = OBSTACLE_NONE },
	{ "the host can do more", PMU(.perf_capabilities = CAP_METRICS),
	  PMU(.perf_capabilities = CAP_BOTH, .user_disable = true), .obstacle = OBSTACLE_NONE },
	{ "no PMU, not mediated",
	  { .vendor = RDPMC_INTEL },
	  { .vendor = RDPMC_AMD },
	  .obstacle = OBSTACLE_NONE,
	  .not_mediated = true },
	{ "AMD",
	  { .vendor = RDPMC_AMD, .version = 1 },
	  { .vendor = RDPMC_AMD, .version = 1 },
	  .obstacle = OBSTACLE_NONE },
	{ "backdoor", PMU(), PMU(), .obstacle = OBSTACLE_VMWARE, .backdoor = true },
	{ "backdoor, no PMU",
	  { .vendor = RDPMC_INTEL },
	  { .vendor = RDPMC_INTEL },
	  .obstacle = OBSTACLE_VMWARE,
	  .backdoor = true },
	{ "not mediated", PMU(), PMU(), .obstacle = OBSTACLE_NOT_MEDIATED, .not_mediated = true },
	{ "not mediated, metrics alone",
	  { .vendor = RDPMC_INTEL, .version = 5, .perf_capabilities = CAP_METRICS },
	  { .vendor = RDPMC_INTEL, .version = 5, .perf_capabilities = CAP_METRICS },
	  .obstacle = OBSTACLE_NOT_MEDIATED,
	  .not_mediated = true },
	{ "not mediated, some of no width", FIXED(.nr_gp = 4), FIXED(.nr_gp = 4),
	  .obstacle = OBSTACLE_NOT_MEDIATED, .not_mediated = true },
	{ "a GP counter more", PMU(), PMU(.leaf23_gp = 1 << 31), .obstacle = OBSTACLE_READABLE },
	{ "a fixed counter less", PMU(.leaf23_fixed = 1 << 31), PMU(),
	  .obstacle = OBSTACLE_READABLE },
	{ "metrics", PMU(), PMU(.perf_capabilities = CAP_METRICS), .obstacle = OBSTACLE_READABLE },
	{ "old ones",
	  { .vendor = RDPMC_INTEL, .old_counters = 2 },
	  { .vendor = RDPMC_INTEL, .old_counters = 2, .old_fast = true },
	  .obstacle = OBSTACLE_READABLE },
	{ "data fabric",
	  { .vendor = RDPMC_AMD, .version = 2, .nr_gp = 6 },
	  { .vendor = RDPMC_AMD, .version = 2, .nr_gp = 6, .ext_nb = true, .nr_nb = 8 },
	  .obstacle = OBSTACLE_READABLE },
	{ "more data fabric",
	  { .vendor = RDPMC_AMD, .version = 2, .nr_gp = 6, .ext_nb = true, .nr_nb = 4 },
	  { .vendor = RDPMC_AMD, .version = 2, .nr_gp = 6, .ext_nb = true, .nr_nb = 8 },
	  .obstacle = OBSTACLE_READABLE },
	{ "another vendor",
	  { .vendor = RDPMC_AMD, .version = 1 },
	  PMU(),
	  .obstacle = OBSTACLE_READABLE },
	{ "a bit less",
	  PMU(),
	  { .vendor = RDPMC_INTEL,
	    .version = 5,
	    .nr_gp = 4,
	    .gp_width = 48,
	    .nr_fixed = 4,
	    .fixed_width = 39 },
	  .obstacle = OBSTACLE_WIDTH },
	{ "a bit more", PMU(), FIXED(.nr_gp = 4, .gp_width = 49), .obstacle = OBSTACLE_WIDTH },
	{ "no bit", FIXED(.nr_gp = 4), PMU(), .obstacle = OBSTACLE_WIDTH },
	{ "clear mode", PMU(.perf_capabilities = CAP_BOTH), PMU(.perf_capabilities = CAP_METRICS),
	  .obstacle = OBSTACLE_CLEAR },
	{ "user disable", PMU(.user_disable = true), PMU(), .obstacle = OBSTACLE_USER_DISABLE },
	{ "user disable, fixed alone", FIXED(.user_disable = true), FIXED(),
	  .obstacle = OBSTACLE_USER_DISABLE },
};

static void pass_of(const struct pair *pair, struct prove_pass *pass)
{
	memset(pass, 0, sizeof(*pass));
	rdpmc_view(&pair->guest, &rdpmc_default_choices, &pass->guest);
	rdpmc_view(&pair->host, &rdpmc_default_choices, &pass->host);
	pass->policy.mediated_pmu = !pair->not_mediated;
	pass->policy.vmware_backdoor = pair->backdoor;
	fill(&pass->counters);
}

/* Whether any of many reads shows it, with all control bits set that the guest may set. */
static bool any_shows(struct prove_pass *pass)
{
	static const uint32_t types[] = {
		0, 0x10000, 0x20000000, 0x40000000, 0x60000000, 1U << 31
	};
	const struct rdpmc_counters strangers = { 0 };
	bool shows = false;

	fill(&pass->counters);
	pass->counters.fixed_ctr_ctrl = ~0ULL;
	pass->counters.gp_user_disable = ~0U;
	prove_reserve(&pass->guest, &pass->counters);
	pass->strangers = strangers;
	for (unsigned int i = 0; i < ARRAY_SIZE(types) * 64 * 4; i++) {
		pass->state = state_of(types[i / 256] + i / 4 % 64);
		pass->state.cpl = i & 1 ? 3 : 0;
		pass->state.cr4 = i & 2 ? RDPMC_CR4_PCE : 0;
		shows |= prove_shows(pass);
	}
	return shows;
}

static void test_pairs(void **unused)
{
	unsigned int found[NR_OBSTACLES] = { 0 };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct prove_pass pass;
		struct rdpmc_pass obstacle;
		struct rdpmc_counters reserved;

		pass_of(&pairs[i], &pass);
		obstacle = rdpmc_may_pass(&pass.host, &pass.guest, &pass.policy);
		if (obstacle.obstacle != pairs[i].obstacle)
			fail_msg("%s: obstacle %u", pairs[i].name, obstacle.obstacle);
		found[obstacle.obstacle]++;
		if (any_shows(&pass) != !!obstacle.obstacle)
			fail_msg("%s: obstacle %u, but reads show %s", pairs[i].name,
				 obstacle.obstacle, obstacle.obstacle ? "nothing" : "it");
		prove_show(&pass, obstacle);
		if (prove_shows(&pass) != !!obstacle.obstacle)
			fail_msg("%s: obstacle %u, but what should show it shows %s", pairs[i].name,
				 obstacle.obstacle, obstacle.obstacle ? "nothing" : "it");
		/* By nothing that the guest cannot set. */
		reserved = pass.counters;
		prove_reserve(&pass.guest, &reserved);
		if (memcmp(&reserved, &pass.counters, sizeof(reserved)))
			fail_msg("%s: it is shown by reserved bits", pairs[i].name);
		/* On a processor that is the guest's nothing shows, by the same read. */
		pass.host = pass.guest;
		pass.strangers = pass.counters;
		if (!pairs[i].backdoor && prove_shows(&pass))
			fail_msg("%s: it shows on the guest's own processor", pairs[i].name);
	}
	for (unsigned int obstacle = 0; obstacle < NR_OBSTACLES; obstacle++)
		assert_true(found[obstacle]);
}

/* What a guest can see is more than the answer and the value. */
static void test_shows(void **unused)
{
	static const struct pair vendors = {
		"", { .vendor = RDPMC_AMD, .version = 1 }, PMU(), .obstacle = OBSTACLE_READABLE
	};
	static const struct pair clearing = { "", PMU(.perf_capabilities = CAP_BOTH),
					      PMU(.perf_capabilities = CAP_METRICS),
					      .obstacle = OBSTACLE_CLEAR };
	struct prove_pass pass;

	(void)unused;
	/* 48 bits of the same value, but of another vendor's counter. */
	pass_of(&vendors, &pass);
	pass.state = state_of(0);
	assert_true(prove_shows(&pass));
	/* #GP by other rules is #GP. */
	pass.state = state_of(0x60000000);
	assert_false(prove_shows(&pass));
	/* LOCK is #UD everywhere. */
	pass.state.lock = true;
	assert_false(prove_shows(&pass));

	pass_of(&clearing, &pass);
	pass.state = state_of(0x20000000);
	assert_false(prove_shows(&pass));
	pass.counters.fixed_ctr_ctrl = RDPMC_FIXED_CTRL_METRICS_CLEAR;
	assert_true(prove_shows(&pass));
	pass.state = state_of(0);
	assert_false(prove_shows(&pass));

	/* Whose the counters are is a matter of the policy. */
	pass.host = pass.guest;
	pass.strangers = pass.counters;
	pass.strangers.gp[0] ^= 1;
	assert_false(prove_shows(&pass));
	pass.policy.mediated_pmu = false;
	assert_true(prove_shows(&pass));
}

static void test_reserve(void **unused)
{
	uint64_t disable = 0;

	(void)unused;
	for (unsigned int x = 0; x < RDPMC_FIXED_CTRL_COUNTERS; x++)
		disable |= RDPMC_FIXED_CTRL_USER_DISABLE(x);
	for (unsigned int i = 0; i < 4; i++) {
		const struct rdpmc_view guest = { .metrics_clear = i & 1, .user_disable = i & 2 };
		struct rdpmc_counters counters, expected;

		memset(&counters, 0xff, sizeof(counters));
		expected = counters;
		if (!guest.metrics_clear)
			expected.fixed_ctr_ctrl &= ~RDPMC_FIXED_CTRL_METRICS_CLEAR;
		if (!guest.user_disable) {
			expected.fixed_ctr_ctrl &= ~disable;
			expected.gp_user_disable = 0;
		}
		prove_reserve(&guest, &counters);
		assert_memory_equal(&counters, &expected, sizeof(counters));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flaws),   cmocka_unit_test(test_clamp),
		cmocka_unit_test(test_trouble), cmocka_unit_test(test_planted),
		cmocka_unit_test(test_blame),   cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_shows),   cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
