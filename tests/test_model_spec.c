// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the model of RDPMC does what the manuals say. Written from SDM, APM and the model's
 * headers by someone who had not read the model's C files, and with an oracle of its own: a list of
 * the ECX values that a PMU answers, in place of the model's classes.
 *
 * First one test per rule, with reads that obey it and reads that break it; then random reads and
 * random pairs of host and guest against the oracle; last, RFLAGS.RF.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/intercept.h"
#include "model/rdpmc.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define TF (1ULL << 8)
#define RF (1ULL << 16)

#define FIXED(x)   (0x40000000ULL + (x))
#define METRICS(x) (0x20000000ULL + (x))
#define FAST(x)    (0x80000000ULL + (x))

/* Every counter has a value of its own, with bits set up to bit 63. */
#define GP_HOLDS(x)     (0xc1a2b3c4d5e60000ULL + 0x101 * (x))
#define FIXED_HOLDS(x)  (0xf1e2d3c4b5a68000ULL + 0x101 * (x))
#define METRICS_HOLDS   0x8899aabbccddeeffULL
#define VMWARE_HOLDS(x) (0xe1e2e3e4e5e6e700ULL + (x))

/* The low @bits of @value. */
static uint64_t low(uint64_t value, unsigned int bits)
{
	return bits >= 64 ? value : value & ~(~0ULL << bits);
}

struct read {
	struct rdpmc_pmu pmu;
	struct rdpmc_choices choices;
	struct rdpmc_policy policy;
	struct rdpmc_state state;
	struct rdpmc_counters counters;
};

static void set_mode(struct read *read, enum rdpmc_mode mode)
{
	read->state.mode = mode;
	read->state.cr0 = mode == MODE_REAL ? 0x60000010 : 0x80050033;
	read->state.regs.rip = mode == MODE_64BIT ? 0xffffffff81234567 : 0x1234;
}

static void set_cpl(struct read *read, unsigned int cpl, bool pce)
{
	read->state.cpl = cpl;
	read->state.cr4 = pce ? 0x120 : 0x20;
}

/* In 64-bit mode, at CPL 0 and with CR4.PCE = 0. */
static struct read read_of(const struct rdpmc_pmu *pmu, uint64_t rcx)
{
	struct read read = { .pmu = *pmu, .choices = rdpmc_default_choices };

	set_mode(&read, MODE_64BIT);
	set_cpl(&read, 0, false);
	read.state.regs.rax = 0xaaaaaaaaaaaaaaaa;
	read.state.regs.rdx = 0xdddddddddddddddd;
	read.state.regs.rcx = rcx;
	read.state.regs.rflags = 0x202;
	for (unsigned int x = 0; x < ARRAY_SIZE(read.counters.gp); x++)
		read.counters.gp[x] = GP_HOLDS(x);
	for (unsigned int x = 0; x < ARRAY_SIZE(read.counters.fixed); x++)
		read.counters.fixed[x] = FIXED_HOLDS(x);
	for (unsigned int x = 0; x < RDPMC_VMWARE_CLOCKS; x++)
		read.counters.vmware[x] = VMWARE_HOLDS(x);
	read.counters.metrics = METRICS_HOLDS;
	return read;
}

static struct rdpmc_outcome execute(struct read *read)
{
	struct rdpmc_view view;

	rdpmc_view(&read->pmu, &read->choices, &view);
	return rdpmc_execute(&view, &read->policy, &read->state, &read->counters);
}

static const char *rule_id(unsigned int rule)
{
	return rule < NR_RULES ? rdpmc_rules[rule].id : "?";
}

static void same_counters(const struct rdpmc_counters *got, const struct rdpmc_counters *wanted,
			  int line)
{
	if (memcmp(got, wanted, sizeof(*got)))
		fail_msg("line %d: other counters", line);
}

/* The read completes: @value, registers, the trap, and the counters are @after. */
static void completes(struct read *read, uint64_t value, enum rdpmc_rule rule,
		      const struct rdpmc_counters *after, int line)
{
	const struct rdpmc_regs before = read->state.regs;
	unsigned int length = 2 + read->state.n_prefixes + (read->state.rex ? 1 : 0);
	uint64_t rip = before.rip + length;
	struct rdpmc_outcome got = execute(read);

	if (read->state.mode != MODE_64BIT)
		rip &= 0xffffffff;
	if (got.decision.answer != ANSWER_VALUE)
		fail_msg("line %d: answer %d by %s, expected 0x%llx", line, got.decision.answer,
			 rule_id(got.decision.rule), (unsigned long long)value);
	if (got.value != value || got.decision.rule != rule)
		fail_msg("line %d: 0x%llx by %s, expected 0x%llx by %s", line,
			 (unsigned long long)got.value, rule_id(got.decision.rule),
			 (unsigned long long)value, rule_id(rule));
	if (got.regs.rax != (value & 0xffffffff) || got.regs.rdx != value >> 32)
		fail_msg("line %d: RDX:RAX = %llx:%llx", line, (unsigned long long)got.regs.rdx,
			 (unsigned long long)got.regs.rax);
	if (got.regs.rcx != before.rcx || got.regs.rflags != before.rflags)
		fail_msg("line %d: RCX or RFLAGS changed", line);
	if (got.regs.rip != rip)
		fail_msg("line %d: RIP = 0x%llx, expected 0x%llx", line,
			 (unsigned long long)got.regs.rip, (unsigned long long)rip);
	if (got.single_step != !!(before.rflags & TF))
		fail_msg("line %d: single step %d", line, got.single_step);
	same_counters(&read->counters, after, line);
}

static void gives(struct read *read, uint64_t value, enum rdpmc_rule rule, int line)
{
	const struct rdpmc_counters before = read->counters;

	completes(read, value, rule, &before, line);
}

/* The read clears PERF_METRICS and fixed counter 3 and nothing else. */
static void gives_and_clears(struct read *read, uint64_t value, enum rdpmc_rule rule, int line)
{
	struct rdpmc_counters after = read->counters;

	after.metrics = 0;
	after.fixed[3] = 0;
	completes(read, value, rule, &after, line);
}

/* A fault restarts: nothing has changed, and there is no trap behind it. */
static void faults(struct read *read, enum rdpmc_answer answer, enum rdpmc_rule rule, int line)
{
	const struct rdpmc_regs before = read->state.regs;
	const struct rdpmc_counters counters = read->counters;
	struct rdpmc_outcome got = execute(read);

	if (got.decision.answer != answer || got.decision.rule != rule)
		fail_msg("line %d: answer %d by %s, expected %d by %s", line, got.decision.answer,
			 rule_id(got.decision.rule), answer, rule_id(rule));
	if (memcmp(&got.regs, &before, sizeof(before)) || got.value || got.single_step)
		fail_msg("line %d: a fault changed something", line);
	same_counters(&read->counters, &counters, line);
}

#define GIVES(read, value, rule)  gives(read, value, RULE_##rule, __LINE__)
#define CLEARS(read, value, rule) gives_and_clears(read, value, RULE_##rule, __LINE__)
#define GP(read, rule)            faults(read, ANSWER_GP, RULE_##rule, __LINE__)
#define UD(read)                  faults(read, ANSWER_UD, RULE_UD_LOCK, __LINE__)

#define GIVES_AT(pmu, ecx, value, rule)                                                            \
	do {                                                                                       \
		struct read at_ = read_of(pmu, ecx);                                               \
		GIVES(&at_, value, rule);                                                          \
	} while (0)
#define GP_AT(pmu, ecx, rule)                                                                      \
	do {                                                                                       \
		struct read at_ = read_of(pmu, ecx);                                               \
		GP(&at_, rule);                                                                    \
	} while (0)

/* Skylake's and Ice Lake's kinds, with widths that cannot be mistaken for each other. */
static const struct rdpmc_pmu v4 = { .vendor = RDPMC_INTEL,
				     .version = 4,
				     .nr_gp = 4,
				     .gp_width = 48,
				     .nr_fixed = 3,
				     .fixed_width = 40 };
static const struct rdpmc_pmu v5 = { .vendor = RDPMC_INTEL,
				     .version = 5,
				     .nr_gp = 8,
				     .gp_width = 48,
				     .nr_fixed = 4,
				     .fixed_width = 44,
				     .fixed_bitmap = 0xf,
				     .perf_capabilities = 1ULL << 15 };
static const struct rdpmc_pmu v6 = { .vendor = RDPMC_INTEL,
				     .version = 6,
				     .nr_gp = 8,
				     .gp_width = 48,
				     .nr_fixed = 4,
				     .fixed_width = 48,
				     .fixed_bitmap = 0x7f,
				     .leaf23_gp = 0x3ff,
				     .leaf23_fixed = 0x17f,
				     .user_disable = true,
				     .perf_capabilities = 1ULL << 15 | 1ULL << 19 };
static const struct rdpmc_pmu p6 = { .vendor = RDPMC_INTEL, .old_counters = 2 };
static const struct rdpmc_pmu netburst = { .vendor = RDPMC_INTEL,
					   .old_counters = 18,
					   .old_fast = true };
static const struct rdpmc_pmu intel_none = { .vendor = RDPMC_INTEL };
static const struct rdpmc_pmu k8 = { .vendor = RDPMC_AMD, .version = 1 };
static const struct rdpmc_pmu zen = {
	.vendor = RDPMC_AMD, .version = 1, .ext_core = true, .ext_nb = true, .ext_l3 = true
};
static const struct rdpmc_pmu zen4 = { .vendor = RDPMC_AMD,
				       .version = 2,
				       .nr_gp = 6,
				       .ext_core = true,
				       .ext_nb = true,
				       .ext_l3 = true,
				       .nr_nb = 16 };
static const struct rdpmc_pmu amd_none = { .vendor = RDPMC_AMD };

/* A PMU of each kind, and what counter 0 of it gives. */
static const struct {
	const struct rdpmc_pmu *pmu;
	unsigned int bits;
	enum rdpmc_rule rule;
} kinds[] = {
	{ &v4, 48, RULE_TYPE_GP },   { &v5, 48, RULE_TYPE_GP },
	{ &v6, 48, RULE_TYPE_GP },   { &p6, 40, RULE_OLD_INDEX },
	{ &k8, 48, RULE_AMD_CORE },  { &netburst, 40, RULE_OLD_INDEX },
	{ &zen, 48, RULE_AMD_CORE }, { &zen4, 48, RULE_AMD_CORE },
};

#define FOR_KINDS(kind) for (unsigned int kind = 0; kind < ARRAY_SIZE(kinds); kind++)
#define FOR_MODES(mode) for (unsigned int mode = 0; mode < NR_MODES; mode++)
/* In real-address mode the CPL is 0. */
#define FOR_CPLS(cpl, mode)                                                                        \
	for (unsigned int cpl = 0; cpl <= ((mode) == MODE_REAL ? 0U : 3U); cpl++)

/*
 * UD-LOCK. SDM vol. 2 "RDPMC" lists #UD for a LOCK prefix under the exceptions of every mode; APM
 * vol. 3 ("Lock Prefix") has it for all instructions that are not on a list, and this one is not.
 * An invalid opcode is a fault of decoding: SDM vol. 3 ("Priority Among ... Exceptions and
 * Interrupts") and APM vol. 2 put it before all faults of execution, so #UD hides each #GP.
 */
static void test_lock(void **state)
{
	(void)state;
	FOR_KINDS(kind)
	FOR_MODES(mode)
	FOR_CPLS(cpl, mode)
	{
		struct read read = read_of(kinds[kind].pmu, 0);

		set_mode(&read, mode);
		set_cpl(&read, cpl, true);
		gives(&read, low(GP_HOLDS(0), kinds[kind].bits), kinds[kind].rule, __LINE__);
		read.state.lock = true;
		UD(&read);
		read.state.regs.rcx = 0x12345678; /* no counter */
		UD(&read);
		set_cpl(&read, cpl, false); /* and not allowed */
		UD(&read);
	}
}

/* UD-LOCK where something else would answer: no PMU at all, the clocks, a read that would clear. */
static void test_lock_first(void **state)
{
	struct read none = read_of(&intel_none, 0);
	struct read clock = read_of(&v6, 0x10000);
	struct read clear = read_of(&v6, METRICS(0));

	(void)state;
	none.state.lock = clock.state.lock = clear.state.lock = true;
	UD(&none);
	none.choices.no_pmu_zero = true;
	UD(&none);
	clock.policy.vmware_backdoor = true;
	UD(&clock);
	clear.counters.fixed_ctr_ctrl = 1 << 14;
	UD(&clear);
	clear.state.lock = false;
	CLEARS(&clear, METRICS_HOLDS, METRICS_VALUE);
}

/* UD-LOCK with other prefixes beside LOCK, up to 15 bytes in all, and with a REX prefix. */
static void test_lock_prefixes(void **state)
{
	(void)state;
	for (unsigned int n = 0; n <= 12; n++) {
		struct read read = read_of(&v5, 0);

		read.state.lock = true;
		read.state.prefix = 0xf3;
		read.state.n_prefixes = n;
		UD(&read);
		read.state.rex = 0x48;
		if (n < 12)
			UD(&read);
	}
}

/*
 * PRIV. SDM vol. 2 "RDPMC", Operation: CR4.PCE = 1 or CPL = 0 or CR0.PE = 0, or else #GP(0). The
 * text: PCE restricts in protected and virtual-8086 mode; in real-address mode the instruction is
 * always enabled. Virtual-8086 mode runs at CPL 3 (SDM vol. 3, "Virtual-8086 Mode"). APM vol. 3 is
 * the same. CPL 1 and 2 are not 0.
 */
static void test_privilege(void **state)
{
	(void)state;
	FOR_KINDS(kind)
	FOR_MODES(mode)
	FOR_CPLS(cpl, mode)
	for (unsigned int pce = 0; pce < 2; pce++) {
		struct read read = read_of(kinds[kind].pmu, 0);

		set_mode(&read, mode);
		set_cpl(&read, cpl, pce);
		if (!pce && (cpl || mode == MODE_VM86))
			GP(&read, PRIV);
		else
			gives(&read, low(GP_HOLDS(0), kinds[kind].bits), kinds[kind].rule,
			      __LINE__);
	}
}

/* PRIV and no other bit of CR0 and CR4: each of them alone, set and clear. */
static void test_privilege_bits(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++) {
		struct read read = read_of(&v4, 0);

		set_cpl(&read, 3, false);
		read.state.cr4 = bit == 8 ? 0 : 1ULL << bit;
		GP(&read, PRIV);
		read.state.cr4 = bit == 8 ? ~0ULL : ~(1ULL << bit);
		GIVES(&read, low(GP_HOLDS(0), 48), TYPE_GP);
		read.state.cr4 = ~(1ULL << 8);
		read.state.cr0 |= 1ULL << bit;
		GP(&read, PRIV);
	}
}

/* PRIV: with a bad index as well it is #GP all the same, and no read that is denied clears. */
static void test_privilege_first(void **state)
{
	struct read read = read_of(&v6, METRICS(0));

	(void)state;
	read.counters.fixed_ctr_ctrl = 1 << 14;
	set_cpl(&read, 3, false);
	GP(&read, PRIV);
	read.state.regs.rcx = 0xffffffff;
	GP(&read, PRIV);
	read.pmu = intel_none;
	GP(&read, PRIV);
	read.choices.no_pmu_zero = true;
	GP(&read, PRIV);
}

/*
 * ECX32. SDM vol. 2 "RDPMC": the counter is specified in ECX, bits 63:32 of RCX are ignored. APM
 * vol. 3: ECX always holds the number, operand size is ignored. So in 16-bit code, and behind 0x66
 * and 0x67, bits 31:16 count as well.
 */
static void test_ecx(void **state)
{
	static const uint8_t sizes[] = { 0, 0x66, 0x67 };

	(void)state;
	FOR_MODES(mode)
	for (unsigned int code16 = 0; code16 < 2; code16++)
		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct read read = read_of(&v5, 0xdeadbeef00000003);

			set_mode(&read, mode);
			set_cpl(&read, 0, true);
			read.state.code16 = code16;
			read.state.prefix = sizes[i];
			read.state.n_prefixes = !!sizes[i];
			GIVES(&read, low(GP_HOLDS(3), 48), TYPE_GP);
			set_mode(&read, mode);
			read.state.regs.rcx = 0xffffffff40000002;
			GIVES(&read, low(FIXED_HOLDS(2), 44), TYPE_FIXED);
			set_mode(&read, mode);
			read.state.regs.rcx = 0x10003;
			GP(&read, TYPE_OTHER);
			read.pmu = zen;
			GP(&read, AMD_OTHER);
		}
	for (unsigned int bit = 0; bit < 64; bit++) {
		struct read read = read_of(&k8, 1ULL << bit);

		if (bit >= 32)
			GIVES(&read, low(GP_HOLDS(0), 48), AMD_CORE);
		else if (bit < 2)
			GIVES(&read, low(GP_HOLDS(1ULL << bit), 48), AMD_CORE);
		else
			GP(&read, AMD_OTHER);
	}
}

/*
 * RESULT. SDM vol. 2 "RDPMC": EAX has bits 31:0 and EDX the rest, bits that are not implemented are
 * read as 0, RAX[63:32] and RDX[63:32] are cleared on a processor with Intel 64. Flags affected:
 * none. Checked by completes() in every read; here by widths, and by flags.
 */
static void test_result(void **state)
{
	static const unsigned int widths[] = { 1, 8, 31, 32, 33, 40, 47, 48, 56, 63, 64 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(widths); i++)
		FOR_MODES(mode)
		{
			struct rdpmc_pmu pmu = v5;
			struct read read;

			pmu.gp_width = widths[i];
			read = read_of(&pmu, 5);
			set_mode(&read, mode);
			set_cpl(&read, 0, true);
			read.counters.gp[5] = ~0ULL;
			GIVES(&read, low(~0ULL, widths[i]), TYPE_GP);
			set_mode(&read, mode);
			read.counters.gp[5] = low(~0ULL, 32);
			GIVES(&read, low(~0ULL, widths[i] < 32 ? widths[i] : 32), TYPE_GP);
			set_mode(&read, mode);
			read.counters.gp[5] = 0;
			GIVES(&read, 0, TYPE_GP);
		}
	/* All flags but TF, which has a test of its own, and RF, which is below. */
	for (unsigned int bit = 0; bit < 22; bit++) {
		struct read read = read_of(&v5, 5);

		read.state.regs.rflags = 1ULL << bit & ~(TF | RF);
		GIVES(&read, low(GP_HOLDS(5), 48), TYPE_GP);
		read.state.regs.rflags = 0x3fffff & ~(TF | RF) & ~(1ULL << bit);
		GIVES(&read, low(GP_HOLDS(5), 48), TYPE_GP);
	}
}

/*
 * FAULT. SDM vol. 3, "Exception and Interrupt Reference": #GP and #UD are faults: the saved
 * instruction pointer is the instruction's and the program state is as before it. faults() looks at
 * every fault; here those that lie after the decoding.
 */
static void test_fault(void **state)
{
	(void)state;
	FOR_MODES(mode)
	for (unsigned int n = 0; n < 4; n++) {
		struct read read = read_of(&v6, METRICS(n));

		set_mode(&read, mode);
		set_cpl(&read, 0, true);
		read.state.regs.rflags = 0xfd7 & ~TF;
		read.state.prefix = 0x2e;
		read.state.n_prefixes = n;
		read.counters.fixed_ctr_ctrl = 1 << 14;
		if (n)
			GP(&read, METRICS_INDEX);
		else
			CLEARS(&read, METRICS_HOLDS, METRICS_VALUE);
	}
}

/* All legacy prefixes but LOCK. */
static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3 };

/*
 * LENGTH. SDM vol. 2, "Instruction Format": groups of legacy prefixes, each of which has a
 * meaning that RDPMC has no use for: no memory operand (0x67, segments), no operand size (APM vol.
 * 3 says so of 0x66), no string (0xf2, 0xf3), no branch (0x2e, 0x3e). The SDM calls most of these uses
 * reserved, so that they change nothing is as far as processors go that are known. What is not
 * reserved is the length: RIP is the next instruction's, and an instruction may have 15 bytes.
 */
static void test_prefixes(void **state)
{
	(void)state;
	FOR_KINDS(kind)
	FOR_MODES(mode)
	for (unsigned int i = 0; i < ARRAY_SIZE(prefixes); i++)
		for (unsigned int n = 0; n <= 13; n++) {
			struct read read = read_of(kinds[kind].pmu, 1);

			set_mode(&read, mode);
			set_cpl(&read, 3 * (mode != MODE_REAL), true);
			read.state.prefix = prefixes[i];
			read.state.n_prefixes = n;
			read.state.code16 = n & 1;
			gives(&read, low(GP_HOLDS(1), kinds[kind].bits), kinds[kind].rule,
			      __LINE__);
		}
}

/*
 * LENGTH with REX. SDM vol. 2, "REX Prefixes": one byte, 0x40 to 0x4f, in 64-bit mode only and right
 * before the opcode. REX.W makes no 64-bit EAX of it, REX.R and REX.B choose no other registers.
 */
static void test_rex(void **state)
{
	(void)state;
	for (unsigned int rex = 0x40; rex <= 0x4f; rex++)
		for (unsigned int n = 0; n <= 12; n++) {
			struct read read = read_of(&v5, FIXED(1));

			read.state.rex = rex;
			read.state.prefix = 0x66;
			read.state.n_prefixes = n;
			read.state.regs.rip = 0x1000;
			GIVES(&read, low(FIXED_HOLDS(1), 44), TYPE_FIXED);
			read.state.regs.rcx = FIXED(9);
			GP(&read, TYPE_FIXED);
		}
}

/* RIP after a read at @rip of @n + 2 bytes. */
static uint64_t rip_after(enum rdpmc_mode mode, bool code16, uint64_t rip, unsigned int n)
{
	struct read read = read_of(&v4, 0);

	set_mode(&read, mode);
	read.state.code16 = code16;
	set_cpl(&read, 0, true);
	read.state.regs.rip = rip;
	read.state.n_prefixes = n;
	read.state.prefix = 0x66;
	return execute(&read).regs.rip;
}

/*
 * LENGTH at the edges. EIP has 32 bits outside 64-bit mode: past 0xffffffff it is 0. In a 16-bit
 * segment only branches truncate EIP to 16 bits (SDM vol. 2, "JMP", Operation): behind 0xffff it
 * is 0x10000, which the *next* fetch finds above the limit (SDM vol. 3, "Segment Wraparound"). In
 * 64-bit mode nothing is truncated below 64 bits.
 */
static void test_rip(void **state)
{
	static const enum rdpmc_mode narrow[] = { MODE_REAL, MODE_PROTECTED, MODE_VM86,
						  MODE_COMPATIBILITY };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(narrow); i++)
		for (unsigned int code16 = 0; code16 < 2; code16++) {
			assert_int_equal(rip_after(narrow[i], code16, 0, 0), 2);
			assert_int_equal(rip_after(narrow[i], code16, 0xfffd, 0), 0xffff);
			assert_int_equal(rip_after(narrow[i], code16, 0xfffe, 0), 0x10000);
			assert_int_equal(rip_after(narrow[i], code16, 0xfff1, 13), 0x10000);
			assert_int_equal(rip_after(narrow[i], code16, 0x7ffffffe, 0), 0x80000000);
			assert_int_equal(rip_after(narrow[i], code16, 0xfffffffe, 0), 0);
			assert_int_equal(rip_after(narrow[i], code16, 0xfffffff1, 13), 0);
			assert_int_equal(rip_after(narrow[i], code16, 0xfffffff2, 13), 1);
		}
	assert_int_equal(rip_after(MODE_64BIT, false, 0xfffffffe, 0), 0x100000000);
	assert_int_equal(rip_after(MODE_64BIT, false, 0xfffffff2, 13), 0x100000001);
	assert_int_equal(rip_after(MODE_64BIT, false, 0x7ffffffffffe, 0), 0x800000000000);
	assert_int_equal(rip_after(MODE_64BIT, false, 0xfffffffffffffffe, 0), 0);
	assert_int_equal(rip_after(MODE_64BIT, false, 0xffffffff7ffffffe, 0), 0xffffffff80000000);
}

/*
 * SINGLE-STEP. SDM vol. 3, "Single-Step Exception Condition": a trap, taken after an instruction
 * that began with TF = 1 has been executed. After a fault nothing has been executed. TF is still
 * set when the trap is delivered. completes() and faults() look at each; here all ways to end.
 */
static void test_single_step(void **state)
{
	struct read read;

	(void)state;
	FOR_MODES(mode)
	FOR_CPLS(cpl, mode)
	{
		read = read_of(&v6, 0);
		set_mode(&read, mode);
		set_cpl(&read, cpl, true);
		read.state.regs.rflags = 0x202 | TF;
		read.state.prefix = 0xf2;
		read.state.n_prefixes = cpl;
		GIVES(&read, low(GP_HOLDS(0), 48), TYPE_GP);
		set_mode(&read, mode);
		read.state.regs.rcx = 0x6666;
		GP(&read, TYPE_GP);
		set_cpl(&read, cpl, false);
		if (mode == MODE_VM86 || cpl)
			GP(&read, PRIV);
		read.state.lock = true;
		UD(&read);
	}
	/* A read that clears, a hidden one, a clock, and the 0 of no PMU: all are executed. */
	read = read_of(&v6, METRICS(0));
	read.state.regs.rflags |= TF;
	read.counters.fixed_ctr_ctrl = 1 << 14;
	CLEARS(&read, METRICS_HOLDS, METRICS_VALUE);
	read = read_of(&v6, 2);
	read.state.regs.rflags |= TF;
	read.counters.gp_user_disable = 1 << 2;
	set_cpl(&read, 3, true);
	GIVES(&read, 0, USER_DISABLE);
	read = read_of(&v6, 0x10001);
	read.state.regs.rflags |= TF;
	read.policy.vmware_backdoor = true;
	GIVES(&read, VMWARE_HOLDS(1), VMWARE_PMC);
	read = read_of(&amd_none, 1);
	read.state.regs.rflags |= TF;
	GP(&read, NO_PMU);
	read.choices.no_pmu_zero = true;
	GIVES(&read, 0, NO_PMU);
	/* No other flag makes it, RF included. */
	for (unsigned int bit = 0; bit < 64; bit++) {
		read = read_of(&zen, 0);
		read.state.regs.rflags = 1ULL << bit;
		assert_int_equal(execute(&read).single_step, bit == 8);
	}
}

/*
 * NO-PMU. In no manual. SDM and APM make an index that is not implemented #GP, and with CPUID.0AH
 * all 0 none is; the choice no-pmu-zero has 0. A processor with one counter has a PMU.
 */
static void test_no_pmu(void **state)
{
	static const uint64_t some[] = { 0,          1,        31,      32,         75,
					 METRICS(0), FIXED(0), FAST(0), 0xffffffff, 0x10000 };
	const struct rdpmc_pmu one = { .vendor = RDPMC_INTEL, .old_counters = 1 };
	const struct rdpmc_pmu *const none[] = { &intel_none, &amd_none };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(some); i++)
		for (unsigned int vendor = 0; vendor < ARRAY_SIZE(none); vendor++)
			FOR_MODES(mode)
			{
				struct read read = read_of(none[vendor], some[i]);

				set_mode(&read, mode);
				set_cpl(&read, 0, true);
				GP(&read, NO_PMU);
				read.choices.no_pmu_zero = true;
				GIVES(&read, 0, NO_PMU);
			}
	GIVES_AT(&one, 0, low(GP_HOLDS(0), 40), OLD_INDEX);
	GP_AT(&one, 1, OLD_INDEX);
}

/* NO-PMU is not what a PMU is that has lost its last counter: the rules on indices decide. */
static void test_empty_pmu(void **state)
{
	const struct rdpmc_pmu intel = { .vendor = RDPMC_INTEL, .version = 2, .gp_width = 48 };
	const struct rdpmc_pmu amd = { .vendor = RDPMC_AMD, .version = 2 };
	struct read read = read_of(&intel, 0);

	(void)state;
	read.choices.no_pmu_zero = true;
	GP(&read, TYPE_GP);
	read.state.regs.rcx = FIXED(0);
	GP(&read, TYPE_FIXED);
	read = read_of(&amd, 0);
	read.choices.no_pmu_zero = true;
	GP(&read, AMD_OTHER);
}

/*
 * TYPE-GP. SDM vol. 2 "RDPMC": type 0, x less than CPUID.0AH:EAX[15:8]; the width is EAX[23:16],
 * whatever the version. Index bits up to 15 count. Leaf 0x23, "Architectural Performance Monitoring
 * Extended": sub-leaf 1, EAX is a bit map of the general-purpose counters.
 */
static void test_type_gp(void **state)
{
	(void)state;
	for (unsigned int version = 1; version <= 6; version++)
		for (unsigned int n = 0; n <= 32; n++) {
			struct rdpmc_pmu pmu = v4;

			pmu.version = version;
			pmu.nr_gp = n;
			pmu.gp_width = 33 + n % 16;
			if (n)
				GIVES_AT(&pmu, n - 1, low(GP_HOLDS(n - 1), 33 + n % 16), TYPE_GP);
			GP_AT(&pmu, n, TYPE_GP);
			GP_AT(&pmu, n + 64, TYPE_GP);
			GP_AT(&pmu, n + 0x100, TYPE_GP);
			GP_AT(&pmu, 0x8000, TYPE_GP);
			GP_AT(&pmu, 0xffff, TYPE_GP);
		}
	GIVES_AT(&v6, 9, low(GP_HOLDS(9), 48), TYPE_GP); /* by leaf 0x23 alone */
	GP_AT(&v6, 10, TYPE_GP);
	for (unsigned int x = 0; x < 32; x++) {
		struct rdpmc_pmu pmu = v6;

		pmu.nr_gp = 0;
		pmu.leaf23_gp = 1U << x;
		GIVES_AT(&pmu, x, low(GP_HOLDS(x), 48), TYPE_GP);
		GP_AT(&pmu, x ^ 1, TYPE_GP);
		GP_AT(&pmu, x + 32, TYPE_GP); /* shifts of a 32-bit map */
		GP_AT(&pmu, x + 64, TYPE_GP);
	}
}

/*
 * TYPE-FIXED. SDM vol. 2 "RDPMC": type 0x4000, EDX[4:0] > x or ECX[x] of leaf 0xa. "CPUID" leaf 0xa:
 * EDX[4:0] and its width, EDX[12:5], are there if the version is above 1; the bit map ECX came with
 * version 5, before which the register is reserved.
 */
static void test_type_fixed(void **state)
{
	(void)state;
	for (unsigned int version = 1; version <= 6; version++)
		for (unsigned int n = 0; n <= 31; n++) {
			struct rdpmc_pmu pmu = v4;

			pmu.version = version;
			pmu.nr_fixed = n;
			pmu.fixed_width = 32 + n;
			if (n && version > 1)
				GIVES_AT(&pmu, FIXED(n - 1), low(FIXED_HOLDS(n - 1), 32 + n),
					 TYPE_FIXED);
			else
				GP_AT(&pmu, FIXED(n ? n - 1 : 0), TYPE_FIXED);
			GP_AT(&pmu, FIXED(n), TYPE_FIXED);
			GP_AT(&pmu, FIXED(n + 64), TYPE_FIXED);
			GP_AT(&pmu, FIXED(0x100 + n), TYPE_FIXED);
			GP_AT(&pmu, FIXED(0xffff), TYPE_FIXED);
			pmu.fixed_bitmap = 1U << n;
			if (version >= 5)
				GIVES_AT(&pmu, FIXED(n), low(FIXED_HOLDS(n), 32 + n), TYPE_FIXED);
			else
				GP_AT(&pmu, FIXED(n), TYPE_FIXED);
			GP_AT(&pmu, FIXED(n + 1), TYPE_FIXED);
			GP_AT(&pmu, FIXED(n + 32), TYPE_FIXED);
		}
	GIVES_AT(&v6, FIXED(6), low(FIXED_HOLDS(6), 48), TYPE_FIXED); /* leaf 0xa's map */
	GP_AT(&v6, FIXED(7), TYPE_FIXED);
	GIVES_AT(&v6, FIXED(8), low(FIXED_HOLDS(8), 48), TYPE_FIXED); /* leaf 0x23 alone */
	GP_AT(&v6, FIXED(9), TYPE_FIXED);
}

/* Choice leaf23-replaces: where leaf 0x23 is there, both of its maps stand for leaf 0xa's. */
static void test_leaf23_replaces(void **state)
{
	struct rdpmc_pmu pmu = v6;
	struct read read;

	(void)state;
	pmu.leaf23_gp = 0x300;
	pmu.leaf23_fixed = 0x100;
	read = read_of(&pmu, 7);
	GIVES(&read, low(GP_HOLDS(7), 48), TYPE_GP);
	read.choices.leaf23_replaces = true;
	GP(&read, TYPE_GP);
	read.state.regs.rcx = 9;
	GIVES(&read, low(GP_HOLDS(9), 48), TYPE_GP);
	read.state.regs.rcx = FIXED(0);
	GP(&read, TYPE_FIXED);
	read.state.regs.rcx = FIXED(8);
	GIVES(&read, low(FIXED_HOLDS(8), 48), TYPE_FIXED);
	read.pmu = v5; /* has none */
	read.state.regs.rcx = FIXED(3);
	GIVES(&read, low(FIXED_HOLDS(3), 44), TYPE_FIXED);
}

/*
 * TYPE-METRICS. SDM vol. 2 "RDPMC": type 0x2000 only if IA32_PERF_CAPABILITIES[15] = 1: that bit and
 * no other, whatever the version and the counters.
 */
static void test_type_metrics(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++) {
		struct rdpmc_pmu pmu = v4;

		pmu.version = 1 + bit % 6;
		pmu.perf_capabilities = 1ULL << bit;
		if (bit == 15)
			GIVES_AT(&pmu, METRICS(0), METRICS_HOLDS, METRICS_VALUE);
		else
			GP_AT(&pmu, METRICS(0), TYPE_METRICS);
		if (bit == 15)
			GP_AT(&pmu, METRICS(0x10), METRICS_INDEX);
		else
			GP_AT(&pmu, METRICS(0x10), TYPE_METRICS);
		pmu.perf_capabilities = ~0ULL & ~(1ULL << bit);
		if (bit == 15)
			GP_AT(&pmu, METRICS(0), TYPE_METRICS);
		else
			GIVES_AT(&pmu, METRICS(0), METRICS_HOLDS, METRICS_VALUE);
	}
}

/*
 * METRICS-INDEX. SDM vol. 2 "RDPMC": for this type the index is implementation specific; where it
 * was tried all but 0 gave #GP. By the choice metrics-any-index all give PERF_METRICS.
 */
static void test_metrics_index(void **state)
{
	for (unsigned int x = 0; x <= 0xffff; x = x < 70 ? x + 1 : 2 * x + 1) {
		struct read read = read_of(&v6, METRICS(x));

		read.counters.fixed_ctr_ctrl = 1 << 14;
		if (x)
			GP(&read, METRICS_INDEX);
		read.choices.metrics_any_index = true;
		if (x) /* only 0x20000000 is said to clear */
			GIVES(&read, METRICS_HOLDS, METRICS_VALUE);
		else
			CLEARS(&read, METRICS_HOLDS, METRICS_VALUE);
	}
	(void)state;
}

/*
 * METRICS-VALUE. SDM vol. 3, "Performance Metrics": eight fields of 8 bits in MSR 0x329; Ice Lake's
 * generation has the four in bits 31:0 (choice metrics-level-1). No width of CPUID.0AH applies.
 */
static void test_metrics_value(void **state)
{
	struct rdpmc_pmu pmu = v5;

	(void)state;
	for (unsigned int width = 1; width <= 64; width++) {
		struct read read;

		pmu.gp_width = pmu.fixed_width = width;
		read = read_of(&pmu, METRICS(0));
		GIVES(&read, METRICS_HOLDS, METRICS_VALUE);
		read.choices.metrics_level_1 = true;
		GIVES(&read, low(METRICS_HOLDS, 32), METRICS_VALUE);
	}
}

/*
 * METRICS-CLEAR. Intel ISE, quoted by Linux: IA32_PERF_CAPABILITIES[19] announces the mode,
 * IA32_FIXED_CTR_CTRL[14] turns it on, and RDPMC with ECX = 0x20000000 then clears what belongs to
 * PERF_METRICS, and fixed counter 3, at any CPL. The value read is that from before.
 */
static void test_metrics_clear(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++) {
		struct rdpmc_pmu pmu = v6;
		struct read read;

		read = read_of(&pmu, METRICS(0));
		set_cpl(&read, bit % 4, true);
		read.counters.fixed_ctr_ctrl = 1ULL << bit;
		if (bit == 14) {
			CLEARS(&read, METRICS_HOLDS, METRICS_VALUE);
			CLEARS(&read, 0, METRICS_VALUE); /* the next read finds 0 */
			read.state.regs.rcx = FIXED(3);
			GIVES(&read, 0, TYPE_FIXED);
			read.state.regs.rcx = FIXED(2);
			GIVES(&read, low(FIXED_HOLDS(2), 48), TYPE_FIXED);
		} else {
			GIVES(&read, METRICS_HOLDS, METRICS_VALUE);
		}
		pmu.perf_capabilities = 1ULL << 15 | (bit == 19 ? 0 : 1ULL << bit);
		read = read_of(&pmu, METRICS(0));
		read.counters.fixed_ctr_ctrl = ~0ULL;
		GIVES(&read, METRICS_HOLDS, METRICS_VALUE); /* not announced */
	}
	for (unsigned int x = 0; x < 9; x++) { /* reads of others do not clear */
		struct read read = read_of(&v6, x == 7 ? 7 : FIXED(x));

		read.counters.fixed_ctr_ctrl = 1 << 14;
		gives(&read, low(x == 7 ? GP_HOLDS(7) : FIXED_HOLDS(x), 48),
		      x == 7 ? RULE_TYPE_GP : RULE_TYPE_FIXED, __LINE__);
	}
}

/*
 * TYPE-OTHER and NO-FAST. SDM vol. 2 "RDPMC": with an architectural PMU all of ECX[31:16] is the
 * type, three types are defined, any other encoding is #GP(0). ECX[31] is a flag only without one.
 * 0x6000 has the bits of two types that exist.
 */
static void test_types(void **state)
{
	(void)state;
	for (uint32_t type = 0; type <= 0xffff; type++)
		for (unsigned int x = 0; x < 2; x++) {
			struct read read = read_of(&v6, type << 16 | x);

			read.policy.mediated_pmu = type & 1;
			if (type == 0)
				GIVES(&read, low(GP_HOLDS(x), 48), TYPE_GP);
			else if (type == 0x4000)
				GIVES(&read, low(FIXED_HOLDS(x), 48), TYPE_FIXED);
			else if (type == 0x2000 && !x)
				GIVES(&read, METRICS_HOLDS, METRICS_VALUE);
			else if (type == 0x2000)
				GP(&read, METRICS_INDEX);
			else if (type & 0x8000)
				GP(&read, NO_FAST);
			else
				GP(&read, TYPE_OTHER);
		}
	GP_AT(&v6, FAST(0), NO_FAST);
	GP_AT(&v6, FAST(FIXED(0)), NO_FAST);
	GIVES_AT(&netburst, FAST(0), low(GP_HOLDS(0), 32), OLD_FAST); /* a flag here */
}

/* USER-DISABLE of general-purpose counters: each by its own bit, at CPL != 0, if announced. */
static void test_user_disable_gp(void **state)
{
	(void)state;
	for (unsigned int x = 0; x < 32; x++)
		FOR_MODES(mode)
	FOR_CPLS(cpl, mode)
	{
		struct rdpmc_pmu pmu = v6;
		bool user = cpl || mode == MODE_VM86;
		struct read read;

		pmu.nr_gp = 32;
		read = read_of(&pmu, x);
		set_mode(&read, mode);
		set_cpl(&read, cpl, true);
		read.counters.gp_user_disable = 1U << x;
		if (user)
			GIVES(&read, 0, USER_DISABLE);
		else
			GIVES(&read, low(GP_HOLDS(x), 48), TYPE_GP);
		set_mode(&read, mode);
		read.counters.gp_user_disable = ~(1U << x);
		read.counters.fixed_ctr_ctrl = ~0ULL;
		GIVES(&read, low(GP_HOLDS(x), 48), TYPE_GP);
		set_mode(&read, mode);
		read.counters.gp_user_disable = ~0U;
		read.pmu.user_disable = false;
		GIVES(&read, low(GP_HOLDS(x), 48), TYPE_GP);
	}
}

/*
 * USER-DISABLE. Intel ISE, "RDPMC User Disable", quoted by Linux: announced by
 * CPUID.23H.00H:EBX[2]; bit 37 of IA32_PERFEVTSELx and bit 33 + 4x of IA32_FIXED_CTR_CTRL; the
 * read gives 0 and does not fault. The register of 64 bits has such a bit for fixed counters 0 to
 * 7.
 */
static void test_user_disable_fixed(void **state)
{
	(void)state;
	for (unsigned int x = 0; x < 32; x++)
		for (unsigned int cpl = 0; cpl < 4; cpl++)
			for (unsigned int bit = 0; bit < 64; bit++) {
				struct rdpmc_pmu pmu = v6;
				struct read read;

				pmu.leaf23_fixed = ~0U;
				read = read_of(&pmu, FIXED(x));
				set_cpl(&read, cpl, true);
				read.counters.gp_user_disable = ~0U;
				read.counters.fixed_ctr_ctrl = 1ULL << bit;
				if (cpl && bit == 33 + 4 * x)
					GIVES(&read, 0, USER_DISABLE);
				else
					GIVES(&read, low(FIXED_HOLDS(x), 48), TYPE_FIXED);
				read.pmu.user_disable = false;
				GIVES(&read, low(FIXED_HOLDS(x), 48), TYPE_FIXED);
			}
}

/*
 * USER-DISABLE and PERF_METRICS: nothing is written, so PERF_METRICS is read; by the choice user-
 * disable-metrics fixed counter 3's bit, 45, hides it. A counter that is not there is #GP first,
 * and so is a read that is not allowed.
 */
static void test_user_disable_others(void **state)
{
	struct read read = read_of(&v6, METRICS(0));

	(void)state;
	set_cpl(&read, 3, true);
	read.counters.gp_user_disable = ~0U;
	read.counters.fixed_ctr_ctrl = ~(1ULL << 14);
	GIVES(&read, METRICS_HOLDS, METRICS_VALUE);
	read.choices.user_disable_metrics = true;
	GIVES(&read, 0, USER_DISABLE);
	read.counters.fixed_ctr_ctrl &= ~(1ULL << 45);
	GIVES(&read, METRICS_HOLDS, METRICS_VALUE);
	read.counters.fixed_ctr_ctrl = 1ULL << 45;
	set_cpl(&read, 0, true);
	GIVES(&read, METRICS_HOLDS, METRICS_VALUE);
	read.state.regs.rcx = 10;
	set_cpl(&read, 3, true);
	GP(&read, TYPE_GP);
	read.state.regs.rcx = FIXED(7);
	GP(&read, TYPE_FIXED);
	read.state.regs.rcx = 0;
	set_cpl(&read, 3, false);
	GP(&read, PRIV);
}

/*
 * OLD-INDEX. SDM vol. 2 "RDPMC": with CPUID.0AH:EAX[7:0] = 0 the index is ECX[30:0] and counters
 * have 40 bits. P6 and Pentium M: 0 and 1 (an older edition's table and Operation).
 */
static void test_old_index(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 32; n++) {
		struct rdpmc_pmu pmu = p6;

		pmu.old_counters = n;
		GIVES_AT(&pmu, n - 1, low(GP_HOLDS(n - 1), 40), OLD_INDEX);
		GP_AT(&pmu, n, OLD_INDEX);
		GP_AT(&pmu, n + 64, OLD_INDEX);
		pmu.old_fast = true;
		GP_AT(&pmu, FAST(n), OLD_INDEX);
	}
	GP_AT(&p6, 2, OLD_INDEX);
	for (unsigned int bit = 1; bit < 31; bit++) { /* one index, not type and index */
		GP_AT(&p6, 1ULL << bit, OLD_INDEX);
		GP_AT(&p6, FAST(1ULL << bit), OLD_INDEX);
	}
	GP_AT(&p6, 0x7fffffff, OLD_INDEX);
}

/* What an architectural PMU has in CPUID and MSRs means nothing when its version is 0. */
static void test_old_alone(void **state)
{
	struct rdpmc_pmu pmu = v6;
	struct read read;

	(void)state;
	pmu.version = 0;
	GP_AT(&pmu, 0, NO_PMU);
	pmu.old_counters = 2;
	GP_AT(&pmu, 2, OLD_INDEX);
	GP_AT(&pmu, FIXED(0), OLD_INDEX);
	GP_AT(&pmu, METRICS(0), OLD_INDEX);
	read = read_of(&pmu, 1);
	set_cpl(&read, 3, true);
	read.counters.gp_user_disable = ~0U;
	read.counters.fixed_ctr_ctrl = ~0ULL;
	GIVES(&read, low(GP_HOLDS(1), 40), OLD_INDEX);
	pmu = v4; /* and the reverse */
	pmu.old_counters = 18;
	pmu.old_fast = true;
	GP_AT(&pmu, 4, TYPE_GP);
	GP_AT(&pmu, FAST(0), NO_FAST);
}

/*
 * OLD-FAST. SDM vol. 2 "RDPMC": ECX[31] selects a fast read where that is supported: EAX is bits
 * 31:0, EDX is 0. On NetBurst for all of its 18 counters; P6 has none, and #GP for such an ECX.
 */
static void test_old_fast(void **state)
{
	(void)state;
	for (unsigned int x = 0; x < 18; x++) {
		struct rdpmc_pmu pmu = netburst;

		GIVES_AT(&pmu, x, low(GP_HOLDS(x), 40), OLD_INDEX);
		GIVES_AT(&pmu, FAST(x), low(GP_HOLDS(x), 32), OLD_FAST);
		pmu.old_fast = false;
		GP_AT(&pmu, FAST(x), OLD_FAST);
	}
	GP_AT(&netburst, 18, OLD_INDEX);
	GP_AT(&netburst, FAST(18), OLD_INDEX);
}

/*
 * AMD-CORE and AMD-WIDTH. APM vol. 3 "RDPMC": 0 to 3, and 0 to 5 with PerfCtrExtCore. Linux: with
 * PerfMonV2 CPUID 0x80000022:EBX[3:0] is the number, and counters have 48 bits.
 */
static void test_amd_core(void **state)
{
	(void)state;
	for (unsigned int ext = 0; ext < 2; ext++)
		for (unsigned int ecx = 0; ecx < 64; ecx++) {
			struct rdpmc_pmu pmu = { .vendor = RDPMC_AMD, .version = 1, .nr_gp = 15 };

			pmu.ext_core = ext;
			if (ecx < (ext ? 6 : 4))
				GIVES_AT(&pmu, ecx, low(GP_HOLDS(ecx), 48), AMD_CORE);
			else
				GP_AT(&pmu, ecx, AMD_OTHER);
			for (unsigned int n = 0; n <= 15; n++) {
				pmu.version = 2;
				pmu.nr_gp = n;
				if (ecx < n)
					GIVES_AT(&pmu, ecx, low(GP_HOLDS(ecx), 48), AMD_CORE);
				else
					GP_AT(&pmu, ecx, AMD_OTHER);
			}
		}
}

/*
 * AMD-NB. APM vol. 3 "RDPMC": 6 to 9 with PerfCtrExtNB. Linux, for data-fabric counters: as many as
 * CPUID 0x80000022:EBX[15:10] with PerfMonV2, where those from the fifth on are at 16 and above.
 */
static void test_amd_nb(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < 64; n++)
		for (unsigned int ecx = 6; ecx <= 80; ecx++) {
			struct rdpmc_pmu pmu = zen4;
			unsigned int nth = ecx < 10 ? ecx - 6 : ecx - 12;

			pmu.nr_nb = n;
			pmu.ext_l3 = false;
			if ((ecx < 10 || ecx >= 16) && nth < n)
				GIVES_AT(&pmu, ecx, low(GP_HOLDS(ecx), 48), AMD_NB);
			else
				GP_AT(&pmu, ecx, AMD_OTHER);
			pmu.version = 1; /* four, whatever else is announced */
			if (ecx < 10)
				GIVES_AT(&pmu, ecx, low(GP_HOLDS(ecx), 48), AMD_NB);
			else
				GP_AT(&pmu, ecx, AMD_OTHER);
			pmu.ext_nb = false;
			GP_AT(&pmu, ecx, AMD_OTHER);
			pmu.version = 2;
			GP_AT(&pmu, ecx, AMD_OTHER);
		}
}

/*
 * AMD-L3. APM vol. 3 "RDPMC": 0xa to 0xd are the L2I counters of PerfCtrExtL2I; from family 0x17 on
 * Linux has six L3 counters, 0xa to 0xf, under the same CPUID bit.
 */
static void test_amd_l3(void **state)
{
	(void)state;
	for (unsigned int version = 1; version <= 2; version++)
		for (unsigned int ecx = 10; ecx < 16; ecx++) {
			struct rdpmc_pmu pmu = zen4;
			struct read read;

			pmu.version = version;
			pmu.nr_nb = 63;
			read = read_of(&pmu, ecx);
			GIVES(&read, low(GP_HOLDS(ecx), 48), AMD_L3);
			read.choices.amd_l2i = true;
			if (ecx < 14)
				GIVES(&read, low(GP_HOLDS(ecx), 48), AMD_L3);
			else
				GP(&read, AMD_OTHER);
			read.pmu.ext_l3 = false;
			GP(&read, AMD_OTHER);
		}
}

/*
 * AMD-OTHER. APM vol. 3 "RDPMC": #GP for a number that is not implemented. No types, no fast reads,
 * and nothing of Intel's MSRs.
 */
static void test_amd_other(void **state)
{
	struct rdpmc_pmu pmu = zen4;
	struct read read;

	(void)state;
	pmu.perf_capabilities = ~0ULL;
	pmu.user_disable = true;
	pmu.nr_fixed = 31;
	pmu.fixed_bitmap = pmu.leaf23_gp = pmu.leaf23_fixed = ~0U;
	pmu.gp_width = pmu.fixed_width = 64;
	pmu.old_counters = 32;
	pmu.old_fast = true;
	GP_AT(&pmu, FIXED(0), AMD_OTHER);
	GP_AT(&pmu, METRICS(0), AMD_OTHER);
	GP_AT(&pmu, FAST(0), AMD_OTHER);
	GP_AT(&pmu, FAST(FIXED(0)), AMD_OTHER);
	GP_AT(&pmu, 0xffffffff, AMD_OTHER);
	GP_AT(&pmu, 28, AMD_OTHER);
	GIVES_AT(&pmu, 27, low(GP_HOLDS(27), 48), AMD_NB);
	read = read_of(&pmu, 5);
	set_cpl(&read, 3, true);
	read.counters.gp_user_disable = ~0U;
	read.counters.fixed_ctr_ctrl = ~0ULL;
	GIVES(&read, low(GP_HOLDS(5), 48), AMD_CORE);
}

/* What makes @ecx, 0xffff or above, #GP where counter 0 is by @rule. */
static enum rdpmc_rule rule_beside(enum rdpmc_rule rule, uint32_t ecx)
{
	if (rule == RULE_AMD_CORE)
		return RULE_AMD_OTHER;
	if (rule == RULE_OLD_INDEX)
		return RULE_OLD_INDEX;
	return ecx == 0xffff ? RULE_TYPE_GP : RULE_TYPE_OTHER;
}

/*
 * VMWARE-PMC. Linux: with the backdoor 0x10000 to 0x10002 are clocks, and neither CPL nor CR4.PCE is
 * asked. All 64 bits. Off, they are what they are on a processor.
 */
static void test_vmware(void **state)
{
	(void)state;
	FOR_KINDS(kind)
	FOR_MODES(mode)
	FOR_CPLS(cpl, mode)
	for (unsigned int x = 0; x < 5; x++) {
		struct read read = read_of(kinds[kind].pmu, 0xffff + x);
		enum rdpmc_rule other;

		other = rule_beside(kinds[kind].rule, 0xffff + x);
		set_mode(&read, mode);
		set_cpl(&read, cpl, true);
		faults(&read, ANSWER_GP, other, __LINE__);
		read.policy.vmware_backdoor = true;
		set_cpl(&read, cpl, x & 1);
		if (x >= 1 && x <= 3)
			GIVES(&read, VMWARE_HOLDS(x - 1), VMWARE_PMC);
		else if (!(x & 1) && (cpl || mode == MODE_VM86))
			GP(&read, PRIV);
	}
}

/* VMWARE-PMC without a PMU: there, or, by the choice vmware-needs-pmu, not there. */
static void test_vmware_pmu(void **state)
{
	struct read read = read_of(&intel_none, 0x10002);

	(void)state;
	read.policy.vmware_backdoor = true;
	set_cpl(&read, 3, false);
	GIVES(&read, VMWARE_HOLDS(2), VMWARE_PMC);
	read.choices.vmware_needs_pmu = true;
	GP(&read, PRIV);
	set_cpl(&read, 0, false);
	GP(&read, NO_PMU);
	read.pmu = amd_none;
	GP(&read, NO_PMU);
	read.pmu = k8;
	GIVES(&read, VMWARE_HOLDS(2), VMWARE_PMC);
	read.pmu = v4;
	GIVES(&read, VMWARE_HOLDS(2), VMWARE_PMC);
}

/* The choices' defaults are as model/pmu.h has them in words: none is taken. */
static void test_default_choices(void **state)
{
	static const struct rdpmc_choices none;

	(void)state;
	assert_memory_equal(&rdpmc_default_choices, &none, sizeof(none));
}

/* What a processor of @pmu decides, and then: does an intercepted read exit? */
static bool exits(const struct rdpmc_pmu *pmu, uint64_t rcx, unsigned int cpl, bool pce, bool lock)
{
	struct read read = read_of(pmu, rcx);
	bool amd = pmu->vendor == RDPMC_AMD;
	uint32_t asked = 1U << (amd ? RULE_SVM_PRIORITY : RULE_VMX_PRIORITY);
	uint32_t both = 1U << RULE_SVM_PRIORITY | 1U << RULE_VMX_PRIORITY;
	struct rdpmc_decision decision;
	struct rdpmc_view view;
	bool yes;

	set_cpl(&read, cpl, pce);
	read.state.lock = lock;
	rdpmc_view(pmu, &read.choices, &view);
	decision = rdpmc_decide_bare(&view, &read.counters, &read.state);
	assert_int_equal((decision.yes | decision.no) & both, 0);
	yes = rdpmc_exits(pmu->vendor, &decision);
	assert_int_equal((decision.yes | decision.no) & both, asked);
	assert_int_equal(decision.yes & decision.no, 0);
	return yes;
}

/*
 * VMX-PRIORITY. SDM vol. 3, "Relative Priority of Faults and VM Exits": invalid opcodes and
 * faults by privilege level come before the exit. That an index is bad is found by executing, so
 * it exits.
 */
static void test_vmx_priority(void **state)
{
	static const uint64_t bad[] = { 100, FIXED(31), METRICS(0), METRICS(1), FAST(0), 0x10000 };

	(void)state;
	assert_true(exits(&v4, 0, 0, false, false));
	assert_true(exits(&v4, 0, 3, true, false));
	assert_false(exits(&v4, 0, 3, false, false));
	assert_false(exits(&v4, 0, 1, false, false));
	assert_false(exits(&v4, 0, 0, false, true));
	assert_false(exits(&v4, 0, 3, false, true));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(exits(&v4, bad[i], 0, false, false));
		assert_true(exits(&v4, bad[i], 3, true, false));
		assert_false(exits(&v4, bad[i], 3, false, false));
		assert_false(exits(&v4, bad[i], 0, false, true));
		assert_true(exits(&p6, bad[i], 0, false, false));
		assert_true(exits(&intel_none, bad[i], 0, false, false));
	}
}

/* SVM-PRIORITY. APM vol. 2, "Instruction Intercepts": RDPMC checks all exceptions first. */
static void test_svm_priority(void **state)
{
	static const uint64_t bad[] = { 4, 6, 10, 16, FIXED(0), METRICS(0), FAST(0), 0x10000 };

	(void)state;
	assert_true(exits(&k8, 3, 0, false, false));
	assert_true(exits(&k8, 3, 3, true, false));
	assert_true(exits(&zen4, 27, 3, true, false));
	assert_false(exits(&k8, 3, 3, false, false));
	assert_false(exits(&k8, 3, 0, false, true));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(exits(&k8, bad[i], 0, false, false));
		assert_false(exits(&k8, bad[i], 3, true, false));
		assert_false(exits(&amd_none, bad[i], 0, false, false));
	}
}

/* A bare processor has no clocks, and otherwise decides as one with no policy does. */
static void test_bare(void **state)
{
	struct read read = read_of(&v4, 0x10000);
	struct rdpmc_decision decision;
	struct rdpmc_view view;

	(void)state;
	rdpmc_view(&v4, &read.choices, &view);
	decision = rdpmc_decide_bare(&view, &read.counters, &read.state);
	assert_int_equal(decision.answer, ANSWER_GP);
	assert_int_equal(decision.rule, RULE_TYPE_OTHER);
	set_cpl(&read, 3, false);
	decision = rdpmc_decide_bare(&view, &read.counters, &read.state);
	assert_int_equal(decision.rule, RULE_PRIV);
}

/*
 * The oracle: all ECX that a PMU answers with a value, one by one.
 */
struct entry {
	uint32_t ecx;
	uint8_t bits;
	uint8_t rule;
	size_t at; /* in struct rdpmc_counters */
	uint64_t hide_fixed;
	uint32_t hide_gp;
};

struct list {
	unsigned int n;
	struct entry entry[192];
};

static struct entry *add(struct list *list, uint32_t ecx, unsigned int bits, enum rdpmc_rule rule,
			 size_t at)
{
	struct entry *entry = &list->entry[list->n++];

	assert_true(list->n <= ARRAY_SIZE(list->entry));
	*entry = (struct entry){ .ecx = ecx, .bits = bits, .rule = rule, .at = at };
	return entry;
}

#define AT_GP(x)    (offsetof(struct rdpmc_counters, gp) + 8 * (x))
#define AT_FIXED(x) (offsetof(struct rdpmc_counters, fixed) + 8 * (x))
#define AT_METRICS  offsetof(struct rdpmc_counters, metrics)

static void list_intel(struct list *list, const struct rdpmc_pmu *pmu,
		       const struct rdpmc_choices *choices)
{
	bool by_23 = choices->leaf23_replaces && (pmu->leaf23_gp || pmu->leaf23_fixed);
	struct entry *entry;

	for (unsigned int x = 0; x < 32; x++) {
		bool gp = !by_23 && pmu->nr_gp > x;
		bool fixed = !by_23 && ((pmu->version > 1 && pmu->nr_fixed > x) ||
					(pmu->version > 4 && pmu->fixed_bitmap & 1U << x));

		if (gp || pmu->leaf23_gp & 1U << x) {
			entry = add(list, x, pmu->gp_width, RULE_TYPE_GP, AT_GP(x));
			entry->hide_gp = pmu->user_disable ? 1U << x : 0;
		}
		if (fixed || pmu->leaf23_fixed & 1U << x) {
			entry = add(list, FIXED(x), pmu->fixed_width, RULE_TYPE_FIXED, AT_FIXED(x));
			if (pmu->user_disable && x < 8)
				entry->hide_fixed = 2ULL << 4 * (8 + x);
		}
	}
	if (pmu->perf_capabilities & 0x8000) {
		entry = add(list, METRICS(0), choices->metrics_level_1 ? 32 : 64,
			    RULE_METRICS_VALUE, AT_METRICS);
		if (pmu->user_disable && choices->user_disable_metrics)
			entry->hide_fixed = 2ULL << 44;
	}
}

static void list_amd(struct list *list, const struct rdpmc_pmu *pmu,
		     const struct rdpmc_choices *choices)
{
	unsigned int core = pmu->version > 1 ? pmu->nr_gp : pmu->ext_core ? 6 : 4;
	unsigned int nb = !pmu->ext_nb ? 0 : pmu->version > 1 ? pmu->nr_nb : 4;
	unsigned int l3 = !pmu->ext_l3 ? 0 : choices->amd_l2i ? 4 : 6;

	for (unsigned int x = 0; x < core; x++)
		add(list, x, 48, RULE_AMD_CORE, AT_GP(x));
	for (unsigned int x = 0; x < nb; x++)
		add(list, x + (x < 4 ? 6 : 12), 48, RULE_AMD_NB, AT_GP(x + (x < 4 ? 6 : 12)));
	for (unsigned int x = 10; x < 10 + l3; x++)
		add(list, x, 48, RULE_AMD_L3, AT_GP(x));
}

static void list_all(struct list *list, const struct rdpmc_pmu *pmu,
		     const struct rdpmc_choices *choices)
{
	list->n = 0;
	if (pmu->vendor == RDPMC_AMD && pmu->version)
		list_amd(list, pmu, choices);
	else if (pmu->vendor == RDPMC_INTEL && pmu->version)
		list_intel(list, pmu, choices);
	else if (pmu->vendor == RDPMC_INTEL)
		for (unsigned int x = 0; x < pmu->old_counters; x++) {
			add(list, x, 40, RULE_OLD_INDEX, AT_GP(x));
			if (pmu->old_fast)
				add(list, FAST(x), 32, RULE_OLD_FAST, AT_GP(x));
		}
}

/* The first one: where core and data-fabric counters overlap it is a core counter. */
static const struct entry *find(const struct list *list, uint32_t ecx)
{
	for (unsigned int i = 0; i < list->n; i++)
		if (list->entry[i].ecx == ecx)
			return &list->entry[i];
	return NULL;
}

/* The ECX that counter @index of @class is read by, as model/pmu.h has it. */
static uint32_t ecx_of(enum rdpmc_class class, unsigned int index)
{
	static const uint32_t first[NR_CLASSES] = {
		[CLASS_FIXED] = 0x40000000,    [CLASS_METRICS] = 0x20000000,
		[CLASS_OLD_FAST] = 0x80000000, [CLASS_AMD_NB_MORE] = 16,
		[CLASS_VMWARE] = 0x10000,
	};

	return first[class] + index;
}

struct answer {
	enum rdpmc_answer answer;
	enum rdpmc_rule rule;
	uint64_t value;
	bool clears;
};

static struct answer fault(enum rdpmc_answer answer, enum rdpmc_rule rule)
{
	return (struct answer){ .answer = answer, .rule = rule };
}

static enum rdpmc_rule why_not(const struct read *read, const struct list *list, uint32_t ecx)
{
	if (read->pmu.vendor == RDPMC_AMD)
		return RULE_AMD_OTHER;
	if (!read->pmu.version)
		return find(list, ecx & ~FAST(0)) ? RULE_OLD_FAST : RULE_OLD_INDEX;
	if (ecx <= 0xffff)
		return RULE_TYPE_GP;
	if (ecx >= FIXED(0) && ecx <= FIXED(0xffff))
		return RULE_TYPE_FIXED;
	if (ecx >= METRICS(0) && ecx <= METRICS(0xffff))
		return find(list, METRICS(0)) ? RULE_METRICS_INDEX : RULE_TYPE_METRICS;
	return ecx >= FAST(0) ? RULE_NO_FAST : RULE_TYPE_OTHER;
}

/* No clock without a PMU, by the choice. */
static bool has_clocks(const struct read *read)
{
	return read->policy.vmware_backdoor &&
	       (!read->choices.vmware_needs_pmu || read->pmu.version);
}

static struct answer expect(const struct read *read, const struct list *list)
{
	const struct rdpmc_state *state = &read->state;
	bool user = state->mode == MODE_VM86 || (state->mode != MODE_REAL && state->cpl > 0);
	uint32_t ecx = state->regs.rcx & 0xffffffff;
	struct answer answer = { .answer = ANSWER_VALUE };
	const struct entry *entry;

	if (state->lock)
		return fault(ANSWER_UD, RULE_UD_LOCK);
	if (has_clocks(read) && ecx >= 0x10000 && ecx <= 0x10002) {
		answer.rule = RULE_VMWARE_PMC;
		answer.value = read->counters.vmware[ecx & 3];
		return answer;
	}
	if (user && !(state->cr4 & 0x100))
		return fault(ANSWER_GP, RULE_PRIV);
	if (!read->pmu.version && (read->pmu.vendor == RDPMC_AMD || !read->pmu.old_counters)) {
		answer.answer = read->choices.no_pmu_zero ? ANSWER_VALUE : ANSWER_GP;
		answer.rule = RULE_NO_PMU;
		return answer;
	}
	entry = find(list, ecx);
	if (!entry && read->choices.metrics_any_index && read->pmu.vendor == RDPMC_INTEL &&
	    read->pmu.version && ecx >> 16 == 0x2000)
		entry = find(list, METRICS(0));
	if (!entry)
		return fault(ANSWER_GP, why_not(read, list, ecx));
	answer.rule = entry->rule;
	answer.clears = ecx == METRICS(0) && entry->rule == RULE_METRICS_VALUE &&
			read->pmu.perf_capabilities & 0x80000 &&
			read->counters.fixed_ctr_ctrl & 0x4000;
	memcpy(&answer.value, (const char *)&read->counters + entry->at, 8);
	answer.value = low(answer.value, entry->bits);
	if (user && (entry->hide_gp & read->counters.gp_user_disable ||
		     entry->hide_fixed & read->counters.fixed_ctr_ctrl)) {
		answer.rule = RULE_USER_DISABLE;
		answer.value = 0;
	}
	return answer;
}

/* xorshift64*, from a fixed seed. */
static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t any(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1d;
}

/* Of 0 to @n - 1. */
static unsigned int one_of(unsigned int n)
{
	return (any() >> 32) % n;
}

static bool one_in(unsigned int n)
{
	return !one_of(n);
}

static unsigned int any_width(void)
{
	static const unsigned int usual[] = { 32, 40, 44, 48, 48, 64 };

	return one_in(4) ? 1 + one_of(64) : usual[one_of(ARRAY_SIZE(usual))];
}

static struct rdpmc_pmu any_pmu(void)
{
	struct rdpmc_pmu pmu = { .vendor = one_in(3) ? RDPMC_AMD : RDPMC_INTEL };
	bool amd = pmu.vendor == RDPMC_AMD;

	pmu.version = one_of(amd ? 3 : 7);
	pmu.nr_gp = one_of(amd ? 16 : one_in(4) ? 33 : 9);
	pmu.gp_width = any_width();
	pmu.nr_fixed = one_of(one_in(4) ? 32 : 6);
	pmu.fixed_width = one_in(2) ? pmu.gp_width : any_width();
	pmu.fixed_bitmap = one_in(2) ? 0 : any() & any();
	pmu.leaf23_gp = one_in(2) ? 0 : any() & any();
	pmu.leaf23_fixed = one_in(2) ? 0 : any() & any();
	pmu.user_disable = one_in(2);
	pmu.perf_capabilities = one_in(3) ? any() : (any() & 0x88000);
	pmu.old_counters = one_of(one_in(2) ? 3 : 33);
	pmu.old_fast = one_in(2);
	pmu.ext_core = one_in(2);
	pmu.ext_nb = one_in(2);
	pmu.ext_l3 = one_in(2);
	pmu.nr_nb = one_of(one_in(2) ? 8 : 64);
	return pmu;
}

static struct rdpmc_choices any_choices(void)
{
	struct rdpmc_choices choices = rdpmc_default_choices;

	if (one_in(2))
		return choices;
	choices.metrics_any_index = one_in(2);
	choices.user_disable_metrics = one_in(2);
	choices.vmware_needs_pmu = one_in(2);
	choices.no_pmu_zero = one_in(2);
	choices.metrics_level_1 = one_in(2);
	choices.leaf23_replaces = one_in(2);
	choices.amd_l2i = one_in(2);
	return choices;
}

/* Mostly ECX that are near those that are answered. */
static uint64_t any_rcx(const struct list *list)
{
	static const uint32_t types[] = { 0,          0,          0x20000000, 0x40000000,
					  0x60000000, 0x80000000, 0xc0000000, 0x10000,
					  0x40010000, 0x20010000 };
	uint64_t upper = one_in(2) ? 0 : (one_in(2) ? any() : 1ULL << one_of(32)) << 32;

	switch (one_of(8)) {
	case 0:
		return any();
	case 1:
	case 2:
		return upper | (types[one_of(ARRAY_SIZE(types))] + one_of(80));
	case 3:
		return upper | (types[one_of(ARRAY_SIZE(types))] + one_of(3));
	case 4:
		if (list->n)
			return upper | (list->entry[one_of(list->n)].ecx ^ 1U << one_of(32));
		/* fall through */
	default:
		return upper | (list->n ? list->entry[one_of(list->n)].ecx : one_of(8));
	}
}

static uint8_t any_prefix(void)
{
	return prefixes[one_of(ARRAY_SIZE(prefixes))];
}

/* Only what a processor can be in; RF = 0, which has a test of its own. */
static void any_state(struct rdpmc_state *state, const struct list *list)
{
	state->mode = one_of(NR_MODES);
	state->cpl = state->mode == MODE_REAL || one_in(2) ? 0 : one_of(4);
	state->cr0 = (any() & ~1ULL) | (state->mode != MODE_REAL);
	state->cr4 = any();
	state->lock = one_in(20);
	state->code16 = state->mode != MODE_64BIT && one_in(2);
	state->rex = state->mode == MODE_64BIT && one_in(3) ? 0x40 + one_of(16) : 0;
	state->n_prefixes = one_in(2) ? 0 : one_of(14 - !!state->rex - state->lock);
	state->prefix = any_prefix();
	state->regs.rax = any();
	state->regs.rdx = any();
	state->regs.rcx = any_rcx(list);
	state->regs.rip = state->mode == MODE_64BIT ? any() : any() >> 32;
	if (one_in(8))
		state->regs.rip |= state->mode == MODE_64BIT ? ~15ULL : 0xfffffff0;
	state->regs.rflags = any() & ~RF;
}

static void any_counters(struct rdpmc_counters *counters)
{
	uint64_t base = any();

	for (unsigned int x = 0; x < ARRAY_SIZE(counters->gp); x++)
		counters->gp[x] = base ^ x * 0x0101010101010101;
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->fixed); x++)
		counters->fixed[x] = ~base ^ x * 0x0101010101010101;
	for (unsigned int x = 0; x < RDPMC_VMWARE_CLOCKS; x++)
		counters->vmware[x] = any();
	counters->metrics = any();
	counters->fixed_ctr_ctrl = any();
	counters->gp_user_disable = any();
}

static void any_read(struct read *read, struct list *list)
{
	memset(read, 0, sizeof(*read));
	read->pmu = any_pmu();
	read->choices = any_choices();
	read->policy.vmware_backdoor = one_in(3);
	read->policy.mediated_pmu = one_in(2);
	list_all(list, &read->pmu, &read->choices);
	any_state(&read->state, list);
	any_counters(&read->counters);
}

static void print_read(const struct read *read)
{
	const struct rdpmc_pmu *pmu = &read->pmu;
	const struct rdpmc_state *state = &read->state;

	print_message("# vendor %u version %u gp %u*%u fixed %u*%u map %x leaf 0x23 %x %x ud %u\n",
		      pmu->vendor, pmu->version, pmu->nr_gp, pmu->gp_width, pmu->nr_fixed,
		      pmu->fixed_width, pmu->fixed_bitmap, pmu->leaf23_gp, pmu->leaf23_fixed,
		      pmu->user_disable);
	print_message("# capabilities %llx old %u fast %u ext %u%u%u nb %u\n",
		      (unsigned long long)pmu->perf_capabilities, pmu->old_counters, pmu->old_fast,
		      pmu->ext_core, pmu->ext_nb, pmu->ext_l3, pmu->nr_nb);
	print_message("# choices any-index %u ud-metrics %u vmware-pmu %u zero %u level-1 %u 23 %u "
		      "l2i %u\n",
		      read->choices.metrics_any_index, read->choices.user_disable_metrics,
		      read->choices.vmware_needs_pmu, read->choices.no_pmu_zero,
		      read->choices.metrics_level_1, read->choices.leaf23_replaces,
		      read->choices.amd_l2i);
	print_message("# rcx %llx mode %u cpl %u cr0 %llx cr4 %llx lock %u prefixes %u rex %x\n",
		      (unsigned long long)state->regs.rcx, state->mode, state->cpl,
		      (unsigned long long)state->cr0, (unsigned long long)state->cr4, state->lock,
		      state->n_prefixes, state->rex);
	print_message("# backdoor %u fixed_ctr_ctrl %llx gp_user_disable %x\n",
		      read->policy.vmware_backdoor,
		      (unsigned long long)read->counters.fixed_ctr_ctrl,
		      read->counters.gp_user_disable);
}

/* The decision names the counter that ECX selects, and its width. */
static void check_counter(const struct rdpmc_decision *decision, const struct list *list,
			  uint32_t ecx)
{
	const struct entry *entry;

	if (decision->class == CLASS_METRICS)
		ecx = METRICS(!!(ecx & 0xffff)); /* 1 stands for all others */
	assert_int_equal(ecx_of(decision->class, decision->index), ecx);
	entry = find(list, decision->class == CLASS_METRICS ? METRICS(0) : ecx);
	if (decision->class == CLASS_VMWARE)
		assert_int_equal(decision->width, 64);
	else
		assert_int_equal(decision->width, entry->bits);
}

/* A rule that was asked has answered @yes. */
static void check_rule(const struct rdpmc_decision *decision, enum rdpmc_rule rule, bool yes)
{
	if ((decision->yes >> rule & 1) != yes || (decision->no >> rule & 1) == yes)
		fail_msg("%s: yes %u no %u, expected %u", rule_id(rule), decision->yes >> rule & 1,
			 decision->no >> rule & 1, yes);
}

/* Rules on what every read does, and on AMD's counters, answer yes exactly where they apply. */
static void check_rules(const struct rdpmc_decision *decision, const struct read *read,
			const struct answer *wanted)
{
	const struct rdpmc_state *state = &read->state;
	bool value = wanted->answer == ANSWER_VALUE;

	check_rule(decision, RULE_UD_LOCK, state->lock);
	check_rule(decision, RULE_ECX32, state->regs.rcx > 0xffffffff);
	check_rule(decision, RULE_RESULT, value);
	check_rule(decision, RULE_FAULT, !value);
	check_rule(decision, RULE_LENGTH, value && (state->n_prefixes || state->rex));
	check_rule(decision, RULE_SINGLE_STEP, value && state->regs.rflags & TF);
	check_rule(decision, RULE_METRICS_VALUE, wanted->rule == RULE_METRICS_VALUE);
	if (wanted->rule == RULE_AMD_CORE || wanted->rule == RULE_AMD_NB ||
	    wanted->rule == RULE_AMD_L3 || wanted->rule == RULE_AMD_OTHER) {
		check_rule(decision, RULE_AMD_OTHER, !value);
		check_rule(decision, RULE_AMD_WIDTH, value);
	}
}

#define RANDOM_READS 300000

/*
 * All of the above at once: answer, rule, value, registers, trap and counters. And of every
 * decision: the rule that decided was asked, and no rule has answered both yes and no.
 */
static void test_random_reads(void **state)
{
	uint32_t yes = 0, no = 0;
	struct list list;
	struct read read;

	(void)state;
	for (unsigned int i = 0; i < RANDOM_READS; i++) {
		struct rdpmc_counters after;
		struct rdpmc_outcome got;
		struct answer wanted;
		struct rdpmc_regs regs;
		struct read before;

		any_read(&read, &list);
		before = read;
		wanted = expect(&read, &list);
		after = read.counters;
		regs = read.state.regs;
		if (wanted.answer == ANSWER_VALUE) {
			regs.rax = wanted.value % 0x100000000;
			regs.rdx = wanted.value / 0x100000000;
			regs.rip += 2 + read.state.n_prefixes + (read.state.rex ? 1 : 0);
			if (read.state.mode != MODE_64BIT)
				regs.rip %= 0x100000000;
		}
		if (wanted.clears)
			after.metrics = after.fixed[3] = 0;
		got = execute(&read);
		if (got.decision.answer != wanted.answer || got.decision.rule != wanted.rule ||
		    got.value != wanted.value || memcmp(&got.regs, &regs, sizeof(regs)) ||
		    got.single_step != (wanted.answer == ANSWER_VALUE && regs.rflags & TF) ||
		    memcmp(&read.counters, &after, sizeof(after))) {
			print_read(&before);
			fail_msg("read %u: answer %d by %s, 0x%llx, expected %d by %s, 0x%llx", i,
				 got.decision.answer, rule_id(got.decision.rule),
				 (unsigned long long)got.value, wanted.answer, rule_id(wanted.rule),
				 (unsigned long long)wanted.value);
		}
		if (got.decision.answer == ANSWER_VALUE && got.decision.rule != RULE_NO_PMU)
			check_counter(&got.decision, &list, before.state.regs.rcx);
		check_rules(&got.decision, &before, &wanted);
		assert_int_equal(got.decision.yes & got.decision.no, 0);
		assert_true((got.decision.yes | got.decision.no) >> got.decision.rule & 1);
		yes |= got.decision.yes;
		no |= got.decision.no;
	}
	/* The generator reaches all of them. */
	for (unsigned int rule = 0; rule < RULE_VMX_PRIORITY; rule++)
		if (!(yes >> rule & 1) || !(no >> rule & 1))
			fail_msg("%s: yes %u no %u", rule_id(rule), yes >> rule & 1,
				 no >> rule & 1);
}

/* What must not matter: RCX[63:32], prefixes, REX, 16-bit code, the mode that is not asked for. */
static void test_random_irrelevant(void **state)
{
	struct list list;
	struct read read;

	(void)state;
	for (unsigned int i = 0; i < 50000; i++) {
		struct rdpmc_outcome one, other;
		struct read changed;

		any_read(&read, &list);
		changed = read;
		changed.state.regs.rcx ^= any() << 32;
		changed.state.n_prefixes = one_of(12);
		changed.state.prefix = any_prefix();
		changed.state.code16 ^= 1;
		changed.state.cr0 ^= any() & ~1ULL;
		changed.state.cr4 ^= any() & ~0x100ULL;
		changed.state.regs.rax = any();
		changed.state.regs.rdx = any();
		changed.policy.mediated_pmu ^= 1;
		if (changed.state.mode == MODE_PROTECTED) /* the CPL is what counts */
			changed.state.mode = MODE_COMPATIBILITY;
		one = execute(&read);
		other = execute(&changed);
		assert_int_equal(one.decision.answer, other.decision.answer);
		assert_int_equal(one.decision.rule, other.decision.rule);
		assert_int_equal(one.value, other.value);
		assert_int_equal(one.single_step, other.single_step);
		same_counters(&read.counters, &changed.counters, __LINE__);
	}
}

/* VMX-PRIORITY and SVM-PRIORITY of any read, by the oracle's answer of a bare processor. */
static void test_random_exits(void **state)
{
	struct list list;
	struct read read;

	(void)state;
	for (unsigned int i = 0; i < 50000; i++) {
		struct rdpmc_decision decision;
		struct rdpmc_view view;
		struct answer wanted;
		bool exit;

		any_read(&read, &list);
		read.policy = (struct rdpmc_policy){ 0 };
		wanted = expect(&read, &list);
		rdpmc_view(&read.pmu, &read.choices, &view);
		decision = rdpmc_decide_bare(&view, &read.counters, &read.state);
		assert_int_equal(decision.answer, wanted.answer);
		assert_int_equal(decision.rule, wanted.rule);
		if (read.pmu.vendor == RDPMC_AMD)
			exit = wanted.answer == ANSWER_VALUE;
		else
			exit = wanted.rule != RULE_UD_LOCK && wanted.rule != RULE_PRIV;
		assert_int_equal(rdpmc_exits(read.pmu.vendor, &decision), exit);
	}
}

/*
 * PASS-SOUND by trying: does @guest's read of @ecx end otherwise on @host's processor? Tried at
 * both privileges, and with all that the guest can write into its own control registers: bits
 * that its PMU does not have are reserved to it.
 */
static bool differs(const struct read *host, const struct list *host_list, const struct read *guest,
		    const struct list *guest_list, uint32_t ecx)
{
	uint64_t bits = 0;
	uint32_t gp_bits = 0;

	for (unsigned int i = 0; i < guest_list->n; i++) {
		bits |= guest_list->entry[i].hide_fixed;
		gp_bits |= guest_list->entry[i].hide_gp;
	}
	if (guest->pmu.vendor == RDPMC_INTEL && guest->pmu.version &&
	    (guest->pmu.perf_capabilities & 0x88000) == 0x88000)
		bits |= 0x4000;
	for (unsigned int i = 0; i < 8; i++) {
		struct read here = *host, there = *guest;
		struct answer got, wanted;

		here.state.regs.rcx = there.state.regs.rcx = ecx;
		here.state.cpl = there.state.cpl = i & 1 ? 3 : 0;
		there.counters.gp_user_disable = i & 2 ? gp_bits : 0;
		there.counters.fixed_ctr_ctrl = i & 2 ? bits & ~0x4000ULL : 0;
		there.counters.fixed_ctr_ctrl |= i & 4 ? bits & 0x4000 : 0;
		here.counters.gp_user_disable = there.counters.gp_user_disable;
		here.counters.fixed_ctr_ctrl = there.counters.fixed_ctr_ctrl;
		got = expect(&here, host_list);
		wanted = expect(&there, guest_list);
		if (got.answer != wanted.answer || got.value != wanted.value ||
		    got.clears != wanted.clears)
			return true;
		/* With more than six core counters ECX = 6 is a core counter here and not there. */
		if (host->pmu.vendor == RDPMC_AMD && guest->pmu.vendor == RDPMC_AMD &&
		    got.answer == ANSWER_VALUE && got.rule != wanted.rule)
			return true;
	}
	return false;
}

struct pair {
	struct read host, guest;
	struct list host_list, guest_list;
};

static void prepare(struct read *read, struct list *list)
{
	set_mode(read, MODE_64BIT);
	set_cpl(read, 0, true);
	list_all(list, &read->pmu, &read->choices);
}

/* Of all widths another value, and of all counters; each bit changed that is set in @change. */
static void hold_ones(struct rdpmc_counters *counters, uint64_t change)
{
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->gp); x++)
		counters->gp[x] = (~0ULL - x) ^ change;
	for (unsigned int x = 0; x < ARRAY_SIZE(counters->fixed); x++)
		counters->fixed[x] = (~0ULL - 0x80 - x) ^ change;
	counters->metrics = (~0ULL - 0x100) ^ change;
}

/* A guest that is mostly its host, without clocks on the host's side. */
static void any_pair(struct pair *pair, bool strange)
{
	struct rdpmc_pmu other = any_pmu();
	struct rdpmc_pmu *pmu = &pair->guest.pmu;

	memset(pair, 0, sizeof(*pair));
	pair->host = read_of(&other, 0);
	pair->host.choices = any_choices();
	pair->guest = pair->host;
	pair->guest.policy.vmware_backdoor = one_in(10);
	pair->guest.policy.mediated_pmu = !one_in(10);
	hold_ones(&pair->guest.counters, 0);
	/* Not mediated, the host counts for itself: no bit is the guest's. */
	hold_ones(&pair->host.counters, pair->guest.policy.mediated_pmu ? 0 : ~0ULL);
	other = any_pmu();
	if (strange)
		*pmu = other;
	for (unsigned int n = strange ? 0 : one_of(4); n; n--)
		switch (one_of(14)) {
		case 0:
			if (pmu->version && other.version && pmu->vendor == other.vendor)
				pmu->version = other.version;
			break;
		case 1:
			if (pmu->vendor == other.vendor)
				pmu->nr_gp = other.nr_gp;
			break;
		case 2:
			pmu->gp_width = other.gp_width;
			break;
		case 3:
			pmu->nr_fixed = other.nr_fixed;
			break;
		case 4:
			pmu->fixed_width = other.fixed_width;
			break;
		case 5:
			pmu->leaf23_gp = other.leaf23_gp;
			break;
		case 6:
			pmu->leaf23_fixed = other.leaf23_fixed;
			break;
		case 7:
			pmu->user_disable ^= 1;
			break;
		case 8:
			pmu->perf_capabilities ^= 1ULL << 15;
			break;
		case 9:
			pmu->perf_capabilities ^= 1ULL << 19;
			break;
		case 10:
			pmu->ext_core ^= 1;
			break;
		case 11:
			pmu->ext_nb ^= 1;
			break;
		case 12:
			pmu->nr_nb = other.nr_nb;
			break;
		default:
			pmu->old_fast ^= 1;
		}
	prepare(&pair->host, &pair->host_list);
	prepare(&pair->guest, &pair->guest_list);
}

/* The first ECX whose read differs, or -1. */
static int64_t first_difference(const struct pair *pair)
{
	static const uint32_t more[] = { 0x10000,    0x10001,    0x10002, 0x20000001, 0x2000ffff,
					 0x60000000, 0xffffffff, 4,       74,         0x7fff };

	for (unsigned int i = 0; i < pair->host_list.n; i++)
		if (differs(&pair->host, &pair->host_list, &pair->guest, &pair->guest_list,
			    pair->host_list.entry[i].ecx))
			return pair->host_list.entry[i].ecx;
	for (unsigned int i = 0; i < pair->guest_list.n; i++)
		if (differs(&pair->host, &pair->host_list, &pair->guest, &pair->guest_list,
			    pair->guest_list.entry[i].ecx))
			return pair->guest_list.entry[i].ecx;
	for (unsigned int i = 0; i < ARRAY_SIZE(more); i++)
		if (differs(&pair->host, &pair->host_list, &pair->guest, &pair->guest_list,
			    more[i]))
			return more[i];
	return -1;
}

static struct rdpmc_pass may_pass(const struct pair *pair)
{
	struct rdpmc_view host, guest;

	rdpmc_view(&pair->host.pmu, &pair->host.choices, &host);
	rdpmc_view(&pair->guest.pmu, &pair->guest.choices, &guest);
	return rdpmc_may_pass(&host, &guest, &pair->guest.policy);
}

static void print_pair(const struct pair *pair)
{
	print_message("# host:\n");
	print_read(&pair->host);
	print_message("# guest:\n");
	print_read(&pair->guest);
}

/* Counters of one kind under the same ECX. */
static bool same_kind(const struct pair *pair)
{
	return pair->host.pmu.vendor == pair->guest.pmu.vendor &&
	       (pair->host.pmu.vendor == RDPMC_AMD ||
		!pair->host.pmu.version == !pair->guest.pmu.version);
}

#define RANDOM_PAIRS 20000

/*
 * PASS-SOUND, PASS-MINIMAL and VMX-PASS: the intercept may be off if and only if no read that was
 * tried ends otherwise on the processor, and the read that is named is one that does. PASS-MINIMAL
 * not between PMUs of different kinds, even if no read shows a difference: no host can
 * load the counters of the one into the other's.
 */
static void test_random_pairs(void **state)
{
	unsigned int passed = 0;
	static struct pair pair;

	(void)state;
	for (unsigned int i = 0; i < RANDOM_PAIRS; i++) {
		struct rdpmc_pass pass;
		int64_t ecx;

		any_pair(&pair, one_in(8));
		pass = may_pass(&pair);
		ecx = first_difference(&pair);
		passed += ecx < 0;
		if ((pass.obstacle == OBSTACLE_NONE) != (ecx < 0) &&
		    (ecx >= 0 || same_kind(&pair))) {
			print_pair(&pair);
			fail_msg("pair %u: obstacle %u class %u index %u, first difference %llx", i,
				 pass.obstacle, pass.class, pass.index, (unsigned long long)ecx);
		}
		if (pass.obstacle == OBSTACLE_VMWARE)
			assert_int_equal(pass.class, CLASS_VMWARE);
		if (pass.obstacle == OBSTACLE_WIDTH ||
		    (pass.obstacle == OBSTACLE_READABLE && !pair.host.choices.no_pmu_zero))
			assert_int_not_equal(pass.class, CLASS_NONE);
		if (same_kind(&pair) && pass.class != CLASS_NONE) {
			ecx = ecx_of(pass.class, pass.index);
			if (!differs(&pair.host, &pair.host_list, &pair.guest, &pair.guest_list,
				     ecx)) {
				print_pair(&pair);
				fail_msg("pair %u: obstacle %u, %llx does not show it", i,
					 pass.obstacle, (unsigned long long)ecx);
			}
		}
	}
	assert_in_range(passed, RANDOM_PAIRS / 20, RANDOM_PAIRS * 2 / 3);
}

static struct rdpmc_pass pass_by(const struct rdpmc_pmu *host, const struct rdpmc_pmu *guest,
				 const struct rdpmc_policy *policy,
				 const struct rdpmc_choices *choices)
{
	struct rdpmc_view here, there;

	rdpmc_view(host, choices, &here);
	rdpmc_view(guest, choices, &there);
	return rdpmc_may_pass(&here, &there, policy);
}

static struct rdpmc_pass pass_of(const struct rdpmc_pmu *host, const struct rdpmc_pmu *guest,
				 bool mediated, bool backdoor)
{
	struct rdpmc_policy policy = { .mediated_pmu = mediated, .vmware_backdoor = backdoor };

	return pass_by(host, guest, &policy, &rdpmc_default_choices);
}

#define MAY_PASS(host, guest)                                                                      \
	assert_int_equal(pass_of(host, guest, true, false).obstacle, OBSTACLE_NONE)
#define MAY_NOT_PASS(host, guest, because)                                                         \
	assert_int_equal(pass_of(host, guest, true, false).obstacle, OBSTACLE_##because)

/* PASS-SOUND, PASS-MINIMAL: hosts and guests that differ in one thing. */
static void test_pass(void **state)
{
	struct rdpmc_pmu host = v6, guest = v6;

	(void)state;
	FOR_KINDS(kind)
	MAY_PASS(kinds[kind].pmu, kinds[kind].pmu);
	guest.perf_capabilities = 0; /* PERF_METRICS here and not there */
	MAY_NOT_PASS(&host, &guest, READABLE);
	MAY_NOT_PASS(&guest, &host, READABLE);
	guest.perf_capabilities = 1ULL << 15; /* the guest cannot ask for it: nothing to hide */
	MAY_PASS(&host, &guest);
	MAY_NOT_PASS(&guest, &host, CLEAR);
	guest = v6;
	guest.user_disable = false;
	MAY_PASS(&host, &guest);
	MAY_NOT_PASS(&guest, &host, USER_DISABLE);
	guest = v6;
	guest.leaf23_gp = 0x1ff;
	MAY_NOT_PASS(&host, &guest, READABLE);
	MAY_NOT_PASS(&guest, &host, READABLE);
	guest = v6;
	guest.nr_fixed = 3; /* the bit map has it all the same */
	MAY_PASS(&host, &guest);
	guest.gp_width = 47;
	MAY_NOT_PASS(&host, &guest, WIDTH);
	MAY_NOT_PASS(&guest, &host, WIDTH);
	MAY_NOT_PASS(&v4, &intel_none, READABLE);
	MAY_NOT_PASS(&zen, &k8, READABLE);
	MAY_NOT_PASS(&zen4, &zen, READABLE);
	host = zen;
	host.version = 2;
	host.nr_gp = 6;
	host.nr_nb = 4;
	MAY_PASS(&host, &zen); /* announced in another way */
	MAY_NOT_PASS(&netburst, &p6, READABLE);
	assert_int_equal(pass_of(&v4, &v4, false, false).obstacle, OBSTACLE_NOT_MEDIATED);
	assert_int_equal(pass_of(&v4, &v4, true, true).obstacle, OBSTACLE_VMWARE);
	/* Nothing to read, here and there: no exit gains anything. */
	assert_int_equal(pass_of(&amd_none, &amd_none, false, false).obstacle, OBSTACLE_NONE);
	/* Fixed counters 8 and on have no bit that could hide them. */
	host = v6;
	host.nr_gp = host.nr_fixed = host.fixed_bitmap = host.leaf23_gp = 0;
	host.leaf23_fixed = 0xf00;
	guest = host;
	host.user_disable = false;
	MAY_PASS(&host, &guest);
}

/* PASS-SOUND where no counter is to be read: #GP everywhere, but by a choice 0 without a PMU. */
static void test_pass_empty(void **state)
{
	const struct rdpmc_pmu empty = { .vendor = RDPMC_INTEL, .version = 2, .gp_width = 48 };
	const struct rdpmc_policy policy = { .mediated_pmu = true };
	const struct rdpmc_choices zero = { .no_pmu_zero = true };

	(void)state;
	MAY_PASS(&empty, &intel_none);
	MAY_PASS(&intel_none, &empty);
	assert_int_equal(pass_by(&empty, &intel_none, &policy, &zero).obstacle, OBSTACLE_READABLE);
	assert_int_equal(pass_by(&intel_none, &empty, &policy, &zero).obstacle, OBSTACLE_READABLE);
	assert_int_equal(pass_by(&v4, &intel_none, &policy, &zero).obstacle, OBSTACLE_READABLE);
	assert_int_equal(pass_by(&intel_none, &intel_none, &policy, &zero).obstacle, OBSTACLE_NONE);
}

/*
 * SDM vol. 3, "Instruction-Breakpoint Exception Condition" and the description of EFLAGS.RF: the
 * processor clears RF when the instruction has been executed; APM vol. 2, "RFLAGS.RF", likewise. An
 * EPYC processor does so behind RDTSC.
 */
static void test_rf(void **state)
{
	struct read read = read_of(&v5, 0);

	(void)state;
	read.state.regs.rflags = 0x202 | RF;
	assert_false(execute(&read).regs.rflags & RF);
	read.state.regs.rflags = 0x202 | RF;
	read.state.regs.rcx = 0x100; /* the register is as it was; the image on the stack has RF */
	GP(&read, TYPE_GP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_lock_first),
		cmocka_unit_test(test_lock_prefixes),
		cmocka_unit_test(test_privilege),
		cmocka_unit_test(test_privilege_bits),
		cmocka_unit_test(test_privilege_first),
		cmocka_unit_test(test_ecx),
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_rex),
		cmocka_unit_test(test_rip),
		cmocka_unit_test(test_single_step),
		cmocka_unit_test(test_no_pmu),
		cmocka_unit_test(test_empty_pmu),
		cmocka_unit_test(test_type_gp),
		cmocka_unit_test(test_type_fixed),
		cmocka_unit_test(test_leaf23_replaces),
		cmocka_unit_test(test_type_metrics),
		cmocka_unit_test(test_metrics_index),
		cmocka_unit_test(test_metrics_value),
		cmocka_unit_test(test_metrics_clear),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_user_disable_gp),
		cmocka_unit_test(test_user_disable_fixed),
		cmocka_unit_test(test_user_disable_others),
		cmocka_unit_test(test_old_index),
		cmocka_unit_test(test_old_alone),
		cmocka_unit_test(test_old_fast),
		cmocka_unit_test(test_amd_core),
		cmocka_unit_test(test_amd_nb),
		cmocka_unit_test(test_amd_l3),
		cmocka_unit_test(test_amd_other),
		cmocka_unit_test(test_vmware),
		cmocka_unit_test(test_vmware_pmu),
		cmocka_unit_test(test_default_choices),
		cmocka_unit_test(test_vmx_priority),
		cmocka_unit_test(test_svm_priority),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_random_reads),
		cmocka_unit_test(test_random_irrelevant),
		cmocka_unit_test(test_random_exits),
		cmocka_unit_test(test_random_pairs),
		cmocka_unit_test(test_pass),
		cmocka_unit_test(test_pass_empty),
		cmocka_unit_test(test_rf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
