// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the emulated PMU (machine/) has the registers, reserved bits, counting, overflow and
 * freezing that SDM and APM describe, that CPUID announces it, and that a configuration that cannot
 * be is refused with its reason. RDPMC is test_machine_model's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine/pmu.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n)        (1ULL << (n))
#define ONES(n)       (~0ULL >> (64 - (n)))

#define PMC(x)       (0xc1 + (x))
#define A_PMC(x)     (0x4c1 + (x))
#define EVTSEL(x)    (0x186 + (x))
#define FIXED(x)     (0x309 + (x))
#define METRICS      0x329
#define CAPABILITIES 0x345
#define FIXED_CTRL   0x38d
#define STATUS       0x38e
#define GLOBAL_CTRL  0x38f
#define RESET        0x390
#define SET          0x391
#define INUSE        0x392
#define V6_GP(x)     (0x1900 + 4 * (x))
#define V6_FIXED(x)  (0x1980 + 4 * (x))

#define AMD_LEGACY_CTL(x) (0xc0010000 + (x))
#define AMD_LEGACY_CTR(x) (0xc0010004 + (x))
#define AMD_CTL(x)        (0xc0010200 + 2 * (x))
#define AMD_CTR(x)        (0xc0010201 + 2 * (x))
#define AMD_LLC(x)        (0xc0010230 + (x))
#define AMD_NB(x)         (0xc0010240 + (x))
#define AMD_STATUS        0xc0000300
#define AMD_GLOBAL        0xc0000301
#define AMD_CLEAR         0xc0000302
#define AMD_SET           0xc0000303

#define USR          BIT(16)
#define OS           BIT(17)
#define INT          BIT(20)
#define EN           BIT(22)
#define BOTH         (USR | OS | EN)
#define INSTRUCTIONS 0xc0
#define CYCLES       0x3c
#define REFERENCE    0x13c
#define SLOTS        0x1a4
#define CMASK(n)     ((uint64_t)(n) << 24)
#define INV          BIT(23)
#define EDGE         BIT(18)
#define EQ           BIT(36)
#define GUEST_ONLY   BIT(40)
#define HOST_ONLY    BIT(41)

#define CTR_FRZ      BIT(59)
#define LBR_FRZ      BIT(58)
#define FREEZE_LBRS  BIT(11)
#define FREEZE       BIT(12)

static struct pmu made(const char *text)
{
	struct pmu pmu;
	char why[200];

	memset(&pmu, 0xa5, sizeof(pmu));
	if (pmu_configure(&pmu, text, why, sizeof(why)))
		fail_msg("%s: %s", text, why);
	return pmu;
}

static uint64_t get(struct pmu *pmu, uint32_t msr)
{
	uint64_t value = 0xbad;

	if (pmu_rdmsr(pmu, msr, &value) != PMU_DONE)
		fail_msg("MSR %x cannot be read", msr);
	return value;
}

static void set(struct pmu *pmu, uint32_t msr, uint64_t value)
{
	if (pmu_wrmsr(pmu, msr, value) != PMU_DONE)
		fail_msg("MSR %x does not take %llx", msr, (unsigned long long)value);
}

/* A #GP changes nothing. */
static void refused(struct pmu *pmu, uint32_t msr, uint64_t value)
{
	struct pmu before = *pmu;

	if (pmu_wrmsr(pmu, msr, value) != PMU_FAULT)
		fail_msg("MSR %x takes %llx", msr, (unsigned long long)value);
	assert_memory_equal(&before, pmu, sizeof(before));
}

static uint64_t rdpmc(struct pmu *pmu, uint32_t ecx, unsigned int cpl)
{
	uint64_t value;

	assert_true(pmu_rdpmc(pmu, ecx, cpl, &value));
	return value;
}

static void retire(struct pmu *pmu, uint64_t instructions)
{
	pmu_retire(pmu, instructions, 0, PMU_NATIVE);
}

static void test_impossible_configurations(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "the vendor comes first: intel, amd or none, not ''" },
		{ "via", "the vendor comes first: intel, amd or none, not 'via'" },
		{ "inte", "the vendor comes first: intel, amd or none, not 'inte'" },
		{ "version=2", "the vendor comes first: intel, amd or none, not 'version=2'" },
		{ "none,gp=4", "unknown field 'gp' for none" },
		{ "intel,", "unknown field '' for intel" },
		{ "intel,,gp=4", "unknown field '' for intel" },
		{ "intel,width=48", "unknown field 'width' for intel" },
		{ "intel,nb=4", "unknown field 'nb' for intel" },
		{ "intel,metrics-", "unknown field 'metrics-' for intel" },
		{ "amd,metrics=1", "unknown field 'metrics' for amd" },
		{ "amd,gp-width=48", "unknown field 'gp-width' for amd" },
		{ "intel,gp", "gp: number expected: 'gp'" },
		{ "intel,gp=", "gp: number expected: 'gp='" },
		{ "intel,gp=,fixed=3", "gp: number expected: 'gp='" },
		{ "intel,gp=-1", "gp: number expected: 'gp=-1'" },
		{ "intel,gp= 1", "gp: number expected: 'gp= 1'" },
		{ "intel,gp=four", "gp: not a number: 'gp=four'" },
		{ "intel,gp=4x,fixed=3", "gp: not a number: 'gp=4x'" },
		{ "intel,gp-bitmap=xyz", "gp-bitmap: number expected: 'gp-bitmap=xyz'" },
		{ "intel,version=7", "version: 7 is out of range: 0 to 6" },
		{ "amd,version=3", "version: 3 is out of range: 0 to 2" },
		{ "intel,gp=33", "gp: 33 is out of range: 0 to 32" },
		{ "intel,gp=4294967295", "gp: 4294967295 is out of range: 0 to 32" },
		{ "intel,gp=99999999999999999999999", "gp: 18446744073709551615 is out of range: 0 to 32" },
		{ "amd,gp=16", "gp: 16 is out of range: 1 to 15" },
		{ "amd,nb=64", "nb: 64 is out of range: 0 to 63" },
		{ "intel,gp-width=31", "gp-width: 31 is out of range: 32 to 64" },
		{ "intel,fixed-width=65", "fixed-width: 65 is out of range: 32 to 64" },
		{ "intel,metrics=2", "metrics: 2 is out of range: 0 to 1" },
		{ "intel,metrics-level=0", "metrics-level: 0 is out of range: 1 to 2" },
		{ "intel,fixed-bitmap=10000", "fixed-bitmap: 10000 is out of range: 1 to ffff" },
		{ "intel,version=6,gp-bitmap=f,gp=5", "gp counts counters that gp-bitmap lacks" },
		{ "intel,version=5,fixed=4,fixed-bitmap=77", "fixed counts counters that fixed-bitmap lacks" },
		{ "intel,version=5,gp=4,gp-bitmap=ff", "only leaf23=1 can announce a gp-bitmap beyond gp" },
		{ "intel,version=4,fixed-bitmap=77",
		  "only version 5 or later can announce a fixed-bitmap beyond fixed" },
		{ "intel,version=5,gp=11", "general-purpose counters above 9 have no MSRs before version 6" },
		{ "intel,version=1,fixed=1", "fixed counters need version 2 or later" },
		{ "intel,version=1,full-width=1", "full-width=1 needs version 2 or later" },
		{ "intel,version=4,leaf23=1", "leaf23=1 needs version 5 or later" },
		{ "intel,version=5,fixed=3,metrics=1", "metrics=1 needs fixed counter 3" },
		{ "intel,version=5,metrics=0,metrics-clear=1", "metrics-clear=1 needs metrics=1" },
		{ "intel,version=4,fixed=4,metrics=1,metrics-clear=1",
		  "metrics-clear=1 needs version 5 or later: before it the bit is AnyThread's" },
		{ "intel,version=5,user-disable=1",
		  "user-disable, umask2 and eq need leaf23=1, which announces them" },
		{ "intel,version=5,eq=1", "user-disable, umask2 and eq need leaf23=1, which announces them" },
		{ "intel,version=6,fixed=9,user-disable=1",
		  "user-disable=1 has no room for fixed counters above 7" },
		{ "intel,version=1,fast=1", "fast=1 needs version 0" },
		{ "amd,version=0,gp=6", "version 0 has 4 core counters" },
		{ "amd,version=1,gp=4", "version 1 has 6 core counters" },
		{ "amd,version=1,nb=5", "before version 2 there are 4 data-fabric counters, or none" },
		{ "amd,gp=7,nb=4",
		  "with more than 6 core counters ECX 6 would be one of them and a data-fabric counter" },
		{ "amd,gp=11,l3=1", "with more than 10 core counters ECX 10 would be one of them and an L3 counter" },
		{ "amd,l3=1,l2i=1", "l3 is of family 0x17 and later, l2i of earlier ones" },
	};
	struct pmu pmu = made("intel,version=5"), before = pmu;
	char why[200], shorter[8];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(why, 0, sizeof(why));
		if (!pmu_configure(&pmu, rows[i].text, why, sizeof(why)))
			fail_msg("accepted: %s", rows[i].text);
		assert_string_equal(why, rows[i].why);
		assert_memory_equal(&pmu, &before, sizeof(pmu));
	}
	assert_int_equal(pmu_configure(&pmu, "intel,gp=33", shorter, sizeof(shorter)), -1);
	assert_string_equal(shorter, "gp: 33 ");
}

static void test_flags_are_0_or_1(void **state)
{
	static const struct {
		const char *text, *flag;
	} rows[] = {
		{ "intel", "full-width" },
		{ "intel,version=5", "metrics" },
		{ "intel,version=5", "metrics-clear" },
		{ "intel,version=5", "leaf23" },
		{ "intel,version=6", "user-disable" },
		{ "intel,version=6", "umask2" },
		{ "intel,version=6", "eq" },
		{ "intel,version=0", "fast" },
		{ "amd", "l3" },
		{ "amd", "l2i" },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pmu pmu[2];
		char text[80], why[80];

		for (unsigned int value = 0; value < 3; value++) {
			snprintf(text, sizeof(text), "%s,%s=%u", rows[i].text, rows[i].flag, value);
			if (value < 2)
				pmu[value] = made(text);
			else
				assert_int_equal(pmu_configure(&pmu[0], text, why, sizeof(why)), -1);
		}
		/* Each is a field of its own. */
		assert_memory_not_equal(&pmu[0].config, &pmu[1].config, sizeof(pmu[0].config));
		snprintf(text, sizeof(text), "%s: 2 is out of range: 0 to 1", rows[i].flag);
		assert_string_equal(why, text);
	}
}

static void test_defaults(void **state)
{
	static const struct {
		const char *text;
		uint32_t version, gp_set, fixed_set, gp_width, full_width, metrics, leaf23;
	} rows[] = {
		{ "intel", 4, 0xf, 0x7, 48, 1, 0, 0 },
		{ "intel,version=0", 0, 0x3, 0, 40, 0, 0, 0 },
		{ "intel,version=1", 1, 0x3, 0, 40, 0, 0, 0 },
		{ "intel,version=2", 2, 0x3, 0x7, 40, 0, 0, 0 },
		{ "intel,version=3", 3, 0xf, 0x7, 48, 1, 0, 0 },
		{ "intel,version=5", 5, 0xff, 0xf, 48, 1, 1, 0 },
		{ "intel,fixed=3,version=5", 5, 0xff, 0x7, 48, 1, 0, 0 },
		{ "intel,version=6", 6, 0xff, 0xf, 48, 1, 1, 1 },
		{ "intel,version=6,gp-bitmap=0x1f0,fixed-bitmap=9", 6, 0x1f0, 0x9, 48, 1, 1, 1 },
		{ "intel,version=6,gp-bitmap=1,fixed-bitmap=1", 6, 0x1, 0x1, 48, 1, 0, 1 },
		{ "intel,version=6,gp=32,gp=0x10", 6, 0xffff, 0xf, 48, 1, 1, 1 },
		{ "intel,version=6,gp=32,fixed=16", 6, 0xffffffff, 0xffff, 48, 1, 1, 1 },
		{ "amd", 2, 0x3f, 0, 48, 0, 0, 0 },
		{ "amd,version=0", 0, 0xf, 0, 48, 0, 0, 0 },
		{ "amd,version=1", 1, 0x3f, 0, 48, 0, 0, 0 },
		{ "none", 0, 0, 0, 0, 0, 0, 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pmu pmu = made(rows[i].text);

		assert_int_equal(pmu.config.version, rows[i].version);
		assert_int_equal(pmu.config.gp_set, rows[i].gp_set);
		assert_int_equal(pmu.config.fixed_set, rows[i].fixed_set);
		assert_int_equal(pmu.config.gp_width, rows[i].gp_width);
		assert_int_equal(pmu.config.full_width, rows[i].full_width);
		assert_int_equal(pmu.config.metrics, rows[i].metrics);
		assert_int_equal(pmu.config.leaf23, rows[i].leaf23);
	}
}

static void test_cpuid(void **state)
{
	static const struct {
		const char *text;
		uint32_t leaf, subleaf, before[4], after[4];
	} rows[] = {
#define ALL { ~0U, ~0U, ~0U, ~0U }
#define NONE { 0, 0, 0, 0 }
		{ "intel,version=4", 0, 0, { 0x7, 1, 2, 3 }, { 0xa, 1, 2, 3 } },
		{ "intel,version=4", 0, 0, { 0x16, 1, 2, 3 }, { 0x16, 1, 2, 3 } },
		{ "intel,version=6", 0, 0, { 0x16, 1, 2, 3 }, { 0x23, 1, 2, 3 } },
		{ "intel,version=0", 0, 0, { 0x7, 1, 2, 3 }, { 0x7, 1, 2, 3 } },
		{ "amd", 0, 0, { 0x7, 1, 2, 3 }, { 0x7, 1, 2, 3 } },
		{ "intel,version=2", 1, 0, ALL, { ~0U, ~0U, ~0x14U, ~0x200000U } },
		{ "intel,version=2", 1, 0, NONE, { 0, 0, 0x8000, 0 } },
		{ "intel,version=1", 1, 0, ALL, { ~0U, ~0U, ~0x8014U, ~0x200000U } },
		{ "none", 1, 0, ALL, { ~0U, ~0U, ~0x8014U, ~0x200000U } },
		{ "intel,version=6", 7, 0, NONE, { 1, 0, 0, 0 } },
		{ "intel,version=6", 7, 0, { 2, 0, 0, ~0U }, { 2, 0, 0, ~0x80000U } },
		{ "intel,version=5", 7, 0, NONE, NONE },
		{ "intel,version=6", 7, 1, NONE, { 0x100, 0, 0, 0 } },
		{ "intel,version=5", 7, 1, ALL, { ~0x100U, ~0U, ~0U, ~0U } },
		{ "intel,version=6", 7, 2, ALL, ALL },
		{ "intel,version=4", 0xa, 0, ALL, { 0x07300404, 0x58, 0, 0x603 } },
		{ "intel,version=1", 0xa, 0, ALL, { 0x07280201, 0x58, 0, 0 } },
		{ "intel,version=0", 0xa, 0, ALL, NONE },
		{ "intel,version=5,missing-events=a1", 0xa, 0, ALL, { 0x08300805, 0xa1, 0xf, 0x8604 } },
		{ "intel,version=5,fixed-bitmap=77,gp-width=40", 0xa, 0, ALL, { 0x07280805, 0x58, 0x77, 0x8603 } },
		{ "amd", 0xa, 0, ALL, NONE },
		{ "none", 0xa, 0, ALL, NONE },
		{ "intel", 0x15, 0, ALL, NONE },
		{ "none", 0x16, 0, ALL, NONE },
		{ "intel,version=6", 0x23, 0, ALL, { 0xb, 3, 4, 0 } },
		{ "intel,version=6,umask2=0,eq=0,user-disable=1", 0x23, 0, ALL, { 0xb, 4, 4, 0 } },
		{ "intel,version=6,gp=8,gp-bitmap=3ff,fixed-bitmap=77", 0x23, 1, ALL, { 0x3ff, 0x77, 0, 0 } },
		{ "intel,version=6", 0x23, 2, ALL, NONE },
		{ "intel,version=6", 0x23, 3, ALL, { 0xa7, 0, 0, 0 } },
		{ "intel,version=6,fixed=3", 0x23, 3, ALL, { 0x27, 0, 0, 0 } },
		{ "intel,version=6", 0x23, 4, ALL, NONE },
		{ "intel,version=5", 0x23, 0, ALL, NONE },
		{ "amd", 0x80000000, 0, { 0x8000001f, 1, 2, 3 }, { 0x80000022, 1, 2, 3 } },
		{ "amd,version=1", 0x80000000, 0, { 0x8000001f, 1, 2, 3 }, { 0x8000001f, 1, 2, 3 } },
		{ "intel", 0x80000000, 0, { 0x80000008, 1, 2, 3 }, { 0x80000008, 1, 2, 3 } },
		{ "amd,version=0", 0x80000001, 0, ALL, { ~0U, ~0U, ~0x11800000U, ~0U } },
		{ "amd,version=1", 0x80000001, 0, NONE, { 0, 0, 0x00800000, 0 } },
		{ "amd,version=1,nb=4,l3=1", 0x80000001, 0, NONE, { 0, 0, 0x11800000, 0 } },
		{ "amd,version=0,l2i=1", 0x80000001, 0, NONE, { 0, 0, 0x10000000, 0 } },
		{ "none", 0x80000001, 0, ALL, { ~0U, ~0U, ~0x11800000U, ~0U } },
		{ "amd,gp=6,nb=16", 0x80000022, 0, ALL, { 1, 0x4006, 0, 0 } },
		{ "amd,version=1", 0x80000022, 0, ALL, NONE },
		{ "none", 0x80000022, 0, ALL, NONE },
		{ "intel,version=6", 2, 0, ALL, ALL },
		{ "amd", 0x80000008, 0, ALL, ALL },
#undef ALL
#undef NONE
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pmu pmu = made(rows[i].text);
		uint32_t reg[4];

		memcpy(reg, rows[i].before, sizeof(reg));
		pmu_cpuid(&pmu, rows[i].leaf, rows[i].subleaf, reg);
		if (memcmp(reg, rows[i].after, sizeof(reg)))
			fail_msg("%s, leaf %x.%x: %x %x %x %x", rows[i].text, rows[i].leaf, rows[i].subleaf, reg[0],
				 reg[1], reg[2], reg[3]);
	}
}

/* Which MSRs are there: of all that any configuration has, and their neighbours. */
static void test_which_registers(void **state)
{
	static const struct {
		const char *text;
		uint32_t first, last;
		int read, write; /* of 0 */
	} rows[] = {
		{ "none", 0, 0x2000, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "none", 0xc0000300, 0xc0000303, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "intel", 0xc0000300, 0xc0000303, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "intel", 0xc0010000, 0xc00102ff, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "amd", 0, 0x2000, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "intel", 0, 0xc0, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "intel", PMC(0), PMC(3), PMU_DONE, PMU_DONE },
		{ "intel", PMC(4), PMC(9), PMU_FAULT, PMU_FAULT },
		{ "intel", PMC(10), 0x185, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "intel", EVTSEL(0), EVTSEL(3), PMU_DONE, PMU_DONE },
		{ "intel", EVTSEL(4), EVTSEL(9), PMU_FAULT, PMU_FAULT },
		{ "intel", EVTSEL(10), 0x308, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "intel", A_PMC(0), A_PMC(3), PMU_DONE, PMU_DONE },
		{ "intel", A_PMC(4), A_PMC(9), PMU_FAULT, PMU_FAULT },
		{ "intel,full-width=0", A_PMC(0), A_PMC(9), PMU_FAULT, PMU_FAULT },
		{ "intel", FIXED(0), FIXED(2), PMU_DONE, PMU_DONE },
		{ "intel", FIXED(3), FIXED(15), PMU_FAULT, PMU_FAULT },
		{ "intel", FIXED(16), 0x328, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "intel", METRICS, METRICS, PMU_FAULT, PMU_FAULT },
		{ "intel,version=5", METRICS, METRICS, PMU_DONE, PMU_DONE },
		{ "intel,version=1", CAPABILITIES, CAPABILITIES, PMU_FAULT, PMU_FAULT },
		{ "intel,version=2", CAPABILITIES, CAPABILITIES, PMU_DONE, PMU_FAULT },
		{ "intel,version=1", FIXED_CTRL, INUSE, PMU_FAULT, PMU_FAULT },
		{ "intel,version=2", FIXED_CTRL, FIXED_CTRL, PMU_DONE, PMU_DONE },
		{ "intel,version=2", STATUS, STATUS, PMU_DONE, PMU_FAULT },
		{ "intel,version=2", GLOBAL_CTRL, RESET, PMU_DONE, PMU_DONE },
		{ "intel,version=3", SET, INUSE, PMU_FAULT, PMU_FAULT },
		{ "intel,version=4", SET, SET, PMU_DONE, PMU_DONE },
		{ "intel,version=4", INUSE, INUSE, PMU_DONE, PMU_FAULT },
		{ "intel", 0x393, 0x4c0, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "intel,version=5", V6_GP(0), V6_FIXED(16) - 1, PMU_FAULT, PMU_FAULT },
		{ "intel,version=6", V6_GP(7), V6_GP(7) + 1, PMU_DONE, PMU_DONE },
		{ "intel,version=6", V6_GP(7) + 2, V6_FIXED(0) - 1, PMU_FAULT, PMU_FAULT },
		{ "intel,version=6", V6_FIXED(3), V6_FIXED(3), PMU_DONE, PMU_DONE },
		{ "intel,version=6", V6_FIXED(3) + 1, V6_FIXED(16) - 1, PMU_FAULT, PMU_FAULT },
		{ "intel,version=6", V6_FIXED(16), 0x2000, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "intel,version=6,gp-bitmap=4", PMC(0), PMC(1), PMU_FAULT, PMU_FAULT },
		{ "intel,version=6,gp-bitmap=4", PMC(2), PMC(2), PMU_DONE, PMU_DONE },
		{ "intel,version=6,gp-bitmap=4", PMC(3), PMC(9), PMU_FAULT, PMU_FAULT },
		{ "amd", 0xc00002ff, 0xc00002ff, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "amd", AMD_STATUS, AMD_SET, PMU_DONE, PMU_DONE },
		{ "amd", 0xc0000304, 0xc000ffff, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "amd,version=1", AMD_STATUS, AMD_SET, PMU_FAULT, PMU_FAULT },
		{ "amd,version=0", AMD_LEGACY_CTL(0), AMD_LEGACY_CTR(3), PMU_DONE, PMU_DONE },
		{ "amd,version=0", 0xc0010008, 0xc00101ff, PMU_NOT_MINE, PMU_NOT_MINE },
		{ "amd,version=0", AMD_CTL(0), AMD_CTR(5), PMU_FAULT, PMU_FAULT },
		{ "amd,version=1", AMD_CTL(0), AMD_CTR(5), PMU_DONE, PMU_DONE },
		{ "amd,version=1", AMD_CTL(6), AMD_LLC(11), PMU_FAULT, PMU_FAULT },
		{ "amd,gp=15", AMD_CTL(14), AMD_CTR(14), PMU_DONE, PMU_DONE },
		{ "amd,gp=2", AMD_LEGACY_CTL(2), AMD_LEGACY_CTL(3), PMU_FAULT, PMU_FAULT },
		{ "amd,l3=1", AMD_LLC(0), AMD_LLC(11), PMU_DONE, PMU_DONE },
		{ "amd,version=1,l2i=1", AMD_LLC(0), AMD_LLC(7), PMU_DONE, PMU_DONE },
		{ "amd,version=1,l2i=1", AMD_LLC(8), AMD_LLC(11), PMU_FAULT, PMU_FAULT },
		{ "amd,l3=1", AMD_LLC(12), AMD_LLC(15), PMU_NOT_MINE, PMU_NOT_MINE },
		{ "amd", AMD_NB(0), AMD_NB(125), PMU_FAULT, PMU_FAULT },
		{ "amd,nb=3", AMD_NB(0), AMD_NB(5), PMU_DONE, PMU_DONE },
		{ "amd,nb=3", AMD_NB(6), AMD_NB(125), PMU_FAULT, PMU_FAULT },
		{ "amd,nb=63", AMD_NB(0), AMD_NB(125), PMU_DONE, PMU_DONE },
		{ "amd,nb=63", AMD_NB(126), 0xc0010fff, PMU_NOT_MINE, PMU_NOT_MINE },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		for (uint32_t msr = rows[i].first; msr <= rows[i].last; msr++) {
			struct pmu pmu = made(rows[i].text);
			uint64_t value;

			if (pmu_rdmsr(&pmu, msr, &value) != (enum pmu_answer)rows[i].read ||
			    pmu_wrmsr(&pmu, msr, 0) != (enum pmu_answer)rows[i].write)
				fail_msg("%s, MSR %x", rows[i].text, msr);
		}
	}
}

/* Which bits of each register can be set: each is tried alone; #GP, ignored, or set. */
static void test_reserved_bits(void **state)
{
	static const struct {
		const char *text;
		uint32_t msr;
		uint64_t bits;
		bool ignored; /* the others are ignored, not #GP */
	} rows[] = {
		{ "intel,version=0", EVTSEL(0), 0xffdfffff, false },
		{ "intel,version=2", EVTSEL(0), 0xffdfffff, false },
		{ "intel,version=3", EVTSEL(0), 0xffffffff, false },
		{ "intel,version=4", EVTSEL(3), 0xffffffff, false },
		{ "intel,version=5", EVTSEL(0), 0xffdfffff, false },
		{ "intel,version=6", EVTSEL(0), 0xff10ffdfffff, false },
		{ "intel,version=6,umask2=0", EVTSEL(0), 0x10ffdfffff, false },
		{ "intel,version=6,eq=0", EVTSEL(0), 0xff00ffdfffff, false },
		{ "intel,version=6,umask2=0,eq=0,user-disable=1", EVTSEL(0), 0x20ffdfffff, false },
		{ "intel,version=6", V6_GP(1) + 1, 0xff10ffdfffff, false },
		{ "intel,version=2", FIXED_CTRL, 0xbbb, false },
		{ "intel,version=3", FIXED_CTRL, 0xfff, false },
		{ "intel,version=5", FIXED_CTRL, 0xbbbb, false },
		{ "intel,version=5,metrics-clear=1", FIXED_CTRL, 0xfbbb, false },
		{ "intel,version=5,fixed-bitmap=77", FIXED_CTRL, 0xbbb0bbb, false },
		{ "intel,version=5,fixed-bitmap=8", FIXED_CTRL, 0xb000, false },
		{ "intel,version=6,user-disable=1", FIXED_CTRL, 0x22220000bbbb, false },
		{ "intel,version=6,fixed=16", FIXED_CTRL, 0xbbbbbbbbbbbbbbbb, false },
		{ "intel,version=4", GLOBAL_CTRL, 0x70000000f, false },
		{ "intel,version=5", GLOBAL_CTRL, 0x1000f000000ff, false },
		{ "intel,version=6,gp-bitmap=80000001,fixed-bitmap=8009", GLOBAL_CTRL, 0x1800980000001, false },
		{ "intel", A_PMC(0), ONES(48), false },
		{ "intel,gp-width=64", A_PMC(0), ~0ULL, false },
		{ "intel,gp-width=40,version=6", V6_GP(0), ONES(40), false },
		{ "intel,fixed-width=40", FIXED(2), ONES(40), false },
		{ "intel,version=6,fixed-width=33", V6_FIXED(0), ONES(33), false },
		{ "intel,version=5", METRICS, ~0ULL, false },
		{ "intel,version=5,metrics-level=1", METRICS, ONES(32), true },
		{ "amd", AMD_CTL(0), 0x30fffd7ffff, true },
		{ "amd,version=0", AMD_LEGACY_CTL(1), 0x30fffd7ffff, true },
		{ "amd", AMD_CTR(5), ONES(48), true },
		{ "amd", AMD_GLOBAL, 0x3f, true },
		{ "amd,nb=4", AMD_NB(0), ~0ULL, true },
		{ "amd,l3=1", AMD_LLC(11), ONES(48), true },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned int n = 0; n < 64; n++) {
			struct pmu pmu = made(rows[i].text);
			bool there = rows[i].bits >> n & 1;

			set(&pmu, rows[i].msr, 0);
			if (!there && !rows[i].ignored)
				refused(&pmu, rows[i].msr, BIT(n));
			else
				set(&pmu, rows[i].msr, BIT(n));
			if (get(&pmu, rows[i].msr) != (there ? BIT(n) : 0))
				fail_msg("%s, MSR %x, bit %u", rows[i].text, rows[i].msr, n);
		}
	}
}

static void test_aliases(void **state)
{
	struct pmu pmu = made("intel,version=6");

	(void)state;
	/* A 32-bit write is sign-extended to the width, and its upper half ignored. */
	set(&pmu, PMC(1), 0x1234567880000000);
	assert_int_equal(get(&pmu, PMC(1)), 0xffff80000000);
	assert_int_equal(get(&pmu, A_PMC(1)), 0xffff80000000);
	assert_int_equal(get(&pmu, V6_GP(1)), 0xffff80000000);
	set(&pmu, A_PMC(1), 0x123456789abc);
	assert_int_equal(get(&pmu, PMC(1)), 0x123456789abc);
	set(&pmu, PMC(1), 0x7fffffff);
	assert_int_equal(get(&pmu, PMC(1)), 0x7fffffff);
	set(&pmu, V6_GP(2) + 1, INSTRUCTIONS);
	assert_int_equal(get(&pmu, EVTSEL(2)), INSTRUCTIONS);
	set(&pmu, V6_FIXED(3), 0x33);
	assert_int_equal(get(&pmu, FIXED(3)), 0x33);
	assert_int_equal(get(&pmu, CAPABILITIES), BIT(13) | BIT(15));
	pmu = made("intel,version=5,metrics-clear=1,full-width=0");
	assert_int_equal(get(&pmu, CAPABILITIES), BIT(15) | BIT(19));
	pmu = made("intel,version=3");
	assert_int_equal(get(&pmu, CAPABILITIES), BIT(13));
	pmu = made("intel,version=2");
	assert_int_equal(get(&pmu, CAPABILITIES), 0);
	pmu = made("intel,version=1,gp-width=32");
	set(&pmu, PMC(0), 0x80000000);
	assert_int_equal(get(&pmu, PMC(0)), 0x80000000);

	/* AMD's legacy registers are those of the first four counters. */
	pmu = made("amd");
	set(&pmu, AMD_LEGACY_CTL(3), 0x76);
	set(&pmu, AMD_LEGACY_CTR(3), 0x1234);
	assert_int_equal(get(&pmu, AMD_CTL(3)), 0x76);
	assert_int_equal(get(&pmu, AMD_CTR(3)), 0x1234);
	pmu = made("amd,nb=5,l3=1");
	set(&pmu, AMD_NB(1), 7);
	set(&pmu, AMD_NB(9), 8);
	set(&pmu, AMD_LLC(11), 9);
	assert_int_equal(rdpmc(&pmu, 6, 0), 7);
	assert_int_equal(rdpmc(&pmu, 16, 0), 8);
	assert_int_equal(rdpmc(&pmu, 15, 0), 9);
}

static void test_reset(void **state)
{
	struct pmu pmu = made("intel,version=6,gp-bitmap=3ff,gp=8"), fresh = pmu;

	(void)state;
	assert_int_equal(get(&pmu, GLOBAL_CTRL), 0x3ff);
	set(&pmu, EVTSEL(0), INSTRUCTIONS | BOTH | INT);
	set(&pmu, FIXED_CTRL, 0xb);
	set(&pmu, GLOBAL_CTRL, BIT(0) | BIT(32));
	set(&pmu, A_PMC(0), ONES(48));
	pmu_set_debugctl(&pmu, FREEZE);
	retire(&pmu, 100);
	pmu_reset(&pmu);
	assert_memory_equal(&pmu, &fresh, sizeof(pmu));
	pmu = made("amd");
	assert_int_equal(get(&pmu, AMD_GLOBAL), 0x3f);
}

static void test_global_registers(void **state)
{
	static const struct {
		const char *text;
		uint32_t msr;
		uint64_t bits;
	} rows[] = {
		{ "intel,version=2", RESET, BIT(63) | BIT(62) | 0x700000003 },
		{ "intel,version=4", RESET, BIT(63) | BIT(62) | BIT(60) | CTR_FRZ | LBR_FRZ | 0x70000000f },
		{ "intel,version=4", SET, BIT(62) | BIT(60) | CTR_FRZ | LBR_FRZ | 0x70000000f },
		{ "intel,version=5", SET, BIT(62) | BIT(60) | CTR_FRZ | LBR_FRZ | 0x1000f000000ff },
	};
	struct pmu pmu;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned int n = 0; n < 64; n++) {
			pmu = made(rows[i].text);
			if (rows[i].bits >> n & 1)
				set(&pmu, rows[i].msr, BIT(n));
			else
				refused(&pmu, rows[i].msr, BIT(n));
			assert_int_equal(get(&pmu, rows[i].msr), 0);
			assert_int_equal(get(&pmu, STATUS), rows[i].msr == SET ? rows[i].bits & BIT(n) : 0);
		}
	}

	pmu = made("intel,version=5");
	set(&pmu, SET, BIT(48) | BIT(33));
	set(&pmu, SET, BIT(7));
	assert_false(pmu_take_pmi(&pmu));
	set(&pmu, RESET, BIT(33) | BIT(6));
	assert_int_equal(get(&pmu, STATUS), BIT(48) | BIT(7));

	/* In use: event not 0, enable field not 0; bit 63 with any PMI. */
	assert_int_equal(get(&pmu, INUSE), 0);
	set(&pmu, EVTSEL(2), 0xff00 | BOTH);
	assert_int_equal(get(&pmu, INUSE), 0);
	set(&pmu, EVTSEL(2), 0x01);
	set(&pmu, FIXED_CTRL, 0x1080);
	assert_int_equal(get(&pmu, INUSE), BIT(2) | BIT(35) | BIT(63));
	set(&pmu, FIXED_CTRL, 0x0020);
	assert_int_equal(get(&pmu, INUSE), BIT(2) | BIT(33));
	set(&pmu, EVTSEL(2), INT);
	assert_int_equal(get(&pmu, INUSE), BIT(33) | BIT(63));
	set(&pmu, EVTSEL(2), 0);
	set(&pmu, EVTSEL(0), 0x80);
	set(&pmu, FIXED_CTRL, 0x2001);
	assert_int_equal(get(&pmu, INUSE), BIT(0) | BIT(32) | BIT(35));
	/* User disable of fixed counter 0 is bit 33, and no field of counter 8's. */
	pmu = made("intel,version=6,user-disable=1");
	set(&pmu, FIXED_CTRL, BIT(33));
	assert_int_equal(get(&pmu, INUSE), 0);

	/* What VMCS fields load. */
	assert_true(pmu_global_ctrl_valid(&pmu, 0x1000f000000ff));
	assert_false(pmu_global_ctrl_valid(&pmu, BIT(8)));
	assert_false(pmu_global_ctrl_valid(&pmu, BIT(36)));
	pmu_set_global_ctrl(&pmu, BIT(32));
	assert_int_equal(pmu_global_ctrl(&pmu), BIT(32));
	assert_int_equal(get(&pmu, GLOBAL_CTRL), BIT(32));
	pmu = made("intel,version=1");
	assert_true(pmu_global_ctrl_valid(&pmu, 0));
	assert_false(pmu_global_ctrl_valid(&pmu, 1));
	pmu_set_global_ctrl(&pmu, 1);
	assert_int_equal(pmu_global_ctrl(&pmu), 0);

	/* AMD: status is read-only without #GP, Clr and Set read as 0. */
	pmu = made("amd");
	set(&pmu, AMD_SET, ~BIT(2));
	set(&pmu, AMD_SET, BIT(2));
	assert_int_equal(get(&pmu, AMD_STATUS), 0x3f);
	assert_int_equal(get(&pmu, AMD_SET), 0);
	set(&pmu, AMD_STATUS, 0);
	assert_int_equal(get(&pmu, AMD_STATUS), 0x3f);
	set(&pmu, AMD_CLEAR, 0x5);
	assert_int_equal(get(&pmu, AMD_STATUS), 0x3a);
	assert_int_equal(get(&pmu, AMD_CLEAR), 0);
}

/* What 1000 instructions at CPL 0 are to counter 1 by this event select. */
static void test_events(void **state)
{
	static const struct {
		const char *text;
		uint64_t select, events;
	} rows[] = {
		{ "intel", INSTRUCTIONS | BOTH, 1000 },
		{ "intel", CYCLES | BOTH, 1000 },
		{ "intel", REFERENCE | BOTH, 1000 / PMU_BUS },
		{ "intel", SLOTS | BOTH, 4000 },
		{ "intel", 0xc4 | BOTH, 77 },
		{ "intel", 0xc4 | EN | USR, 0 },
		{ "intel", 0x4c4 | BOTH, 0 },
		{ "intel", 0xc5 | BOTH, 0 },
		{ "intel", 0xc4 | BOTH | CMASK(1), 0 },
		{ "intel", 0x2ec0 | BOTH, 0 },
		{ "intel", 0x412e | BOTH, 0 },
		{ "intel", BOTH, 0 },
		{ "intel", INSTRUCTIONS | USR | OS, 0 },
		{ "intel", INSTRUCTIONS | EN, 0 },
		{ "intel", INSTRUCTIONS | EN | OS, 1000 },
		{ "intel", INSTRUCTIONS | EN | USR, 0 },
		{ "intel", INSTRUCTIONS | BOTH | CMASK(1), 1000 },
		{ "intel", INSTRUCTIONS | BOTH | CMASK(2), 0 },
		{ "intel", INSTRUCTIONS | BOTH | CMASK(2) | INV, 1000 },
		{ "intel", INSTRUCTIONS | BOTH | CMASK(1) | INV, 0 },
		{ "intel", INSTRUCTIONS | BOTH | INV, 1000 }, /* INV without CMASK is ignored */
		{ "intel", SLOTS | BOTH | CMASK(4), 1000 },
		{ "intel", SLOTS | BOTH | CMASK(5), 0 },
		{ "intel", SLOTS | BOTH | CMASK(3), 1000 },
		{ "intel", CYCLES | BOTH | CMASK(1) | EDGE, 0 },
		{ "intel", REFERENCE | BOTH | CMASK(1), 0 },
		{ "intel", 0xc5 | BOTH | CMASK(1) | INV, 0 },
		{ "intel", 0xc4 | BOTH | CMASK(1) | INV, 0 },
		{ "intel,version=6", SLOTS | BOTH | CMASK(4) | EQ, 1000 },
		{ "intel,version=6", SLOTS | BOTH | CMASK(3) | EQ, 0 },
		{ "intel,version=6", SLOTS | BOTH | CMASK(3) | EQ | INV, 1000 },
		{ "intel,version=6", INSTRUCTIONS | BOTH | BIT(40), 0 },
		{ "intel,version=1", INSTRUCTIONS | BOTH, 1000 },
		{ "intel,version=0", INSTRUCTIONS | BOTH, 0 }, /* EN is PerfEvtSel0's */
		{ "amd", INSTRUCTIONS | BOTH, 1000 },
		{ "amd,version=1", INSTRUCTIONS | BOTH, 1000 },
		{ "amd,version=0", 0xff76 | BOTH, 1000 },
		{ "amd", 0xc1 | BOTH, 1000 },
		{ "amd", 0xc2 | BOTH, 77 },
		{ "amd", 0xc3 | BOTH, 0 },
		{ "amd", CYCLES | BOTH, 0 },
		{ "amd", INSTRUCTIONS | BOTH | BIT(32), 0 },
		{ "amd", INSTRUCTIONS | BOTH | CMASK(2) | INV, 1000 },
		{ "amd", INSTRUCTIONS | OS | EN, 1000 },
		{ "amd", INSTRUCTIONS | USR | EN, 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pmu pmu = made(rows[i].text);
		uint32_t control = rows[i].text[0] == 'a' ? AMD_LEGACY_CTL(1) : EVTSEL(1);

		set(&pmu, control, rows[i].select);
		pmu_branch(&pmu, 70);
		pmu_branch(&pmu, 7);
		retire(&pmu, 600);
		retire(&pmu, 400); /* the branches were among the first */
		if (rdpmc(&pmu, 1, 0) != rows[i].events)
			fail_msg("%s, %llx: %llu", rows[i].text, (unsigned long long)rows[i].select,
				 (unsigned long long)rdpmc(&pmu, 1, 0));
		assert_int_equal(rdpmc(&pmu, 0, 0), 0);
	}
}

static void test_p6_enables_both(void **state)
{
	struct pmu pmu = made("intel,version=0");

	(void)state;
	set(&pmu, EVTSEL(1), INSTRUCTIONS | OS);
	set(&pmu, EVTSEL(0), EN);
	retire(&pmu, 5);
	assert_int_equal(rdpmc(&pmu, 1, 0), 5);
	assert_int_equal(rdpmc(&pmu, 0, 0), 0);
}

static void test_fixed_counters(void **state)
{
	static const uint64_t rates[16] = { 1, 1, 1, 4, 1, 1, 1 };
	struct pmu pmu = made("intel,version=6,fixed=16");

	(void)state;
	set(&pmu, FIXED_CTRL, 0x3333333333333333);
	retire(&pmu, 10);
	assert_int_equal(rdpmc(&pmu, 0x40000000, 0), 0); /* IA32_PERF_GLOBAL_CTRL's reset value */
	set(&pmu, GLOBAL_CTRL, 0xffff00000000);
	retire(&pmu, 100);
	for (unsigned int x = 0; x < 16; x++)
		assert_int_equal(rdpmc(&pmu, 0x40000000 + x, 0), 100 * rates[x]);
	/* OS, USR, neither, both */
	set(&pmu, FIXED_CTRL, 0x3021);
	pmu_retire(&pmu, 1, 0, PMU_NATIVE);
	pmu_retire(&pmu, 10, 1, PMU_NATIVE);
	pmu_retire(&pmu, 1000, 3, PMU_NATIVE);
	assert_int_equal(rdpmc(&pmu, 0x40000000, 0), 101);
	assert_int_equal(rdpmc(&pmu, 0x40000001, 0), 1110);
	assert_int_equal(rdpmc(&pmu, 0x40000002, 0), 100);
	assert_int_equal(rdpmc(&pmu, 0x40000003, 0), 400 + 4 * 1011);
}

static void test_metrics(void **state)
{
	struct pmu pmu = made("intel,version=5,metrics-clear=1");
	uint64_t value;
	unsigned int sum = 0;

	(void)state;
	set(&pmu, FIXED_CTRL, 0x3000);
	set(&pmu, GLOBAL_CTRL, BIT(35));
	retire(&pmu, 1);
	assert_int_equal(rdpmc(&pmu, 0x20000000, 0), 0); /* not enabled */
	set(&pmu, GLOBAL_CTRL, BIT(48));
	retire(&pmu, 1);
	assert_int_equal(rdpmc(&pmu, 0x20000000, 0), 0); /* without slots */
	set(&pmu, GLOBAL_CTRL, BIT(48) | BIT(35));
	retire(&pmu, 0);
	assert_int_equal(rdpmc(&pmu, 0x20000000, 0), 0); /* nothing retired */
	retire(&pmu, 1);
	value = rdpmc(&pmu, 0x20000000, 0);
	for (unsigned int i = 0; i < 4; i++) {
		sum += value >> 8 * i & 0xff;
		/* A fraction of level 2 is a part of its category. */
		assert_true((value >> (32 + 8 * i) & 0xff) > 0);
		assert_true((value >> (32 + 8 * i) & 0xff) < (value >> 8 * i & 0xff));
	}
	assert_int_equal(sum, 0xff);
	assert_int_equal(rdpmc(&pmu, 0x20000000, 0), value);

	set(&pmu, FIXED_CTRL, 0x7000);
	assert_int_equal(get(&pmu, METRICS), value); /* RDMSR does not clear */
	assert_int_equal(rdpmc(&pmu, 0x20000000, 3), value);
	assert_int_equal(rdpmc(&pmu, 0x20000000, 3), 0);
	assert_int_equal(get(&pmu, FIXED(3)), 0);
	retire(&pmu, 3);
	assert_int_equal(rdpmc(&pmu, 0x40000003, 0), 12);
	assert_int_equal(rdpmc(&pmu, 0x20000000, 0), value);

	pmu = made("intel,version=5,metrics-level=1");
	set(&pmu, FIXED_CTRL, 0x3000);
	set(&pmu, GLOBAL_CTRL, BIT(48) | BIT(35));
	retire(&pmu, 1);
	assert_int_equal(rdpmc(&pmu, 0x20000000, 0), (uint32_t)value);
}

static void test_user_disable(void **state)
{
	struct pmu pmu = made("intel,version=6,user-disable=1");

	(void)state;
	set(&pmu, PMC(0), 5);
	set(&pmu, PMC(1), 6);
	set(&pmu, FIXED(2), 7);
	set(&pmu, EVTSEL(0), BIT(37));
	set(&pmu, FIXED_CTRL, BIT(33 + 8));
	for (unsigned int cpl = 0; cpl < 4; cpl++) {
		assert_int_equal(rdpmc(&pmu, 0, cpl), cpl ? 0 : 5);
		assert_int_equal(rdpmc(&pmu, 1, cpl), 6);
		assert_int_equal(rdpmc(&pmu, 0x40000002, cpl), cpl ? 0 : 7);
	}
	assert_int_equal(get(&pmu, PMC(0)), 5);
}

/* AMD's HostOnly and GuestOnly */
static void test_sides(void **state)
{
	static const struct {
		uint64_t bits, events;
	} rows[] = {
		{ 0, 111 }, { GUEST_ONLY, 100 }, { HOST_ONLY, 10 }, { GUEST_ONLY | HOST_ONLY, 110 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pmu pmu = made("amd");

		set(&pmu, AMD_CTL(0), INSTRUCTIONS | BOTH | rows[i].bits);
		assert_int_equal(pmu_by_state(&pmu), rows[i].bits != 0);
		pmu_retire(&pmu, 1, 0, PMU_NATIVE);
		pmu_retire(&pmu, 10, 0, PMU_HOST);
		pmu_retire(&pmu, 100, 0, PMU_GUEST);
		assert_int_equal(rdpmc(&pmu, 0, 0), rows[i].events);
	}
}

static void test_by_state(void **state)
{
	struct pmu pmu = made("intel,version=5");

	(void)state;
	assert_false(pmu_by_state(&pmu));
	set(&pmu, EVTSEL(0), INSTRUCTIONS | BOTH);
	assert_false(pmu_by_state(&pmu));
	set(&pmu, EVTSEL(1), INSTRUCTIONS | OS | EN);
	assert_true(pmu_by_state(&pmu));
	pmu_set_global_ctrl(&pmu, BIT(0));
	assert_false(pmu_by_state(&pmu));
	pmu_set_global_ctrl(&pmu, BIT(1));
	assert_true(pmu_by_state(&pmu));
	set(&pmu, SET, CTR_FRZ);
	assert_false(pmu_by_state(&pmu));
	set(&pmu, RESET, CTR_FRZ);
	assert_true(pmu_by_state(&pmu));
	set(&pmu, EVTSEL(1), 0xc5 | OS | EN); /* never happens */
	assert_false(pmu_by_state(&pmu));
	set(&pmu, EVTSEL(1), INSTRUCTIONS | EN); /* counts at no CPL */
	assert_false(pmu_by_state(&pmu));
	set(&pmu, GLOBAL_CTRL, BIT(32));
	set(&pmu, FIXED_CTRL, 2);
	assert_true(pmu_by_state(&pmu));
	set(&pmu, FIXED_CTRL, 3);
	assert_false(pmu_by_state(&pmu));
}

static void test_overflow(void **state)
{
	struct pmu pmu = made("intel,version=4");

	(void)state;
	set(&pmu, EVTSEL(0), INSTRUCTIONS | BOTH | INT);
	set(&pmu, EVTSEL(1), INSTRUCTIONS | BOTH);
	set(&pmu, FIXED_CTRL, 0xb3);
	set(&pmu, GLOBAL_CTRL, 0x300000003);
	assert_int_equal(pmu_until_pmi(&pmu, 0, PMU_NATIVE), BIT(48));
	set(&pmu, PMC(0), -100ULL);
	set(&pmu, PMC(1), -10ULL);
	set(&pmu, FIXED(0), ONES(48) - 19);
	set(&pmu, FIXED(1), ONES(48) - 149);
	assert_int_equal(pmu_until_pmi(&pmu, 0, PMU_NATIVE), 100);
	retire(&pmu, 9);
	assert_int_equal(get(&pmu, STATUS), 0);
	retire(&pmu, 1);
	assert_int_equal(get(&pmu, STATUS), BIT(1));
	retire(&pmu, 89);
	assert_int_equal(get(&pmu, STATUS), BIT(1) | BIT(32));
	assert_false(pmu_take_pmi(&pmu));
	assert_int_equal(pmu_until_pmi(&pmu, 0, PMU_NATIVE), 1);
	retire(&pmu, 1);
	assert_int_equal(get(&pmu, STATUS), BIT(0) | BIT(1) | BIT(32));
	assert_int_equal(rdpmc(&pmu, 0, 0), 0);
	assert_int_equal(rdpmc(&pmu, 1, 0), 90);
	assert_true(pmu_take_pmi(&pmu));
	assert_false(pmu_take_pmi(&pmu));
	assert_int_equal(pmu_until_pmi(&pmu, 0, PMU_NATIVE), 50);
	retire(&pmu, 1000);
	assert_true(pmu_take_pmi(&pmu));
	assert_int_equal(get(&pmu, STATUS), 0x300000003);
	assert_int_equal(rdpmc(&pmu, 0x40000001, 0), 950);

	/* At a CPL where it does not count, never. Nor without INT, nor when disabled. */
	set(&pmu, FIXED_CTRL, 0);
	set(&pmu, EVTSEL(0), INSTRUCTIONS | USR | EN | INT);
	assert_int_equal(pmu_until_pmi(&pmu, 0, PMU_NATIVE), UINT64_MAX);
	assert_int_equal(pmu_until_pmi(&pmu, 2, PMU_NATIVE), BIT(48) - 1000);
	pmu_set_global_ctrl(&pmu, 2);
	assert_int_equal(pmu_until_pmi(&pmu, 2, PMU_NATIVE), UINT64_MAX);

	/* Several events an instruction; the widest counter */
	pmu = made("intel,version=4,gp-width=64");
	set(&pmu, EVTSEL(0), SLOTS | BOTH | INT);
	set(&pmu, A_PMC(0), -9ULL);
	assert_int_equal(pmu_until_pmi(&pmu, 0, PMU_NATIVE), 3);
	retire(&pmu, 3);
	assert_true(pmu_take_pmi(&pmu));
	assert_int_equal(rdpmc(&pmu, 0, 0), 3);
	set(&pmu, EVTSEL(0), INSTRUCTIONS | BOTH | INT);
	set(&pmu, A_PMC(0), 0);
	assert_int_equal(pmu_until_pmi(&pmu, 0, PMU_NATIVE), UINT64_MAX);

	/* The bus clock runs whether it is counted or not. */
	pmu = made("intel,version=4");
	retire(&pmu, PMU_BUS - 3);
	set(&pmu, EVTSEL(0), REFERENCE | BOTH | INT);
	set(&pmu, PMC(0), -2ULL);
	assert_int_equal(pmu_until_pmi(&pmu, 0, PMU_NATIVE), 3 + PMU_BUS);
	retire(&pmu, 3);
	assert_int_equal(rdpmc(&pmu, 0, 0), ONES(48));

	/* No status before version 2, but an interrupt. */
	pmu = made("intel,version=1");
	set(&pmu, EVTSEL(1), INSTRUCTIONS | BOTH | INT);
	set(&pmu, PMC(1), -1ULL);
	retire(&pmu, 1);
	assert_true(pmu_take_pmi(&pmu));
	assert_int_equal(pmu.global_status, 0);
	pmu = made("amd,version=0");
	set(&pmu, AMD_LEGACY_CTL(3), INSTRUCTIONS | BOTH | INT);
	set(&pmu, AMD_LEGACY_CTR(3), -1ULL);
	retire(&pmu, 1);
	assert_true(pmu_take_pmi(&pmu));
	assert_int_equal(pmu.global_status, 0);
	pmu = made("amd");
	set(&pmu, AMD_CTL(5), INSTRUCTIONS | BOTH | INT | GUEST_ONLY);
	set(&pmu, AMD_CTR(5), -7ULL);
	assert_int_equal(pmu_until_pmi(&pmu, 0, PMU_HOST), UINT64_MAX);
	assert_int_equal(pmu_until_pmi(&pmu, 3, PMU_GUEST), 7);
	pmu_retire(&pmu, 7, 3, PMU_GUEST);
	assert_true(pmu_take_pmi(&pmu));
	assert_int_equal(get(&pmu, AMD_STATUS), BIT(5));
}

static void test_freeze(void **state)
{
	struct pmu pmu = made("intel,version=4");

	(void)state;
	/* Streamlined: all counters stop with the one that overflows, until CTR_FRZ is cleared. */
	set(&pmu, EVTSEL(0), INSTRUCTIONS | BOTH | INT);
	set(&pmu, EVTSEL(1), INSTRUCTIONS | BOTH);
	set(&pmu, PMC(0), -10ULL);
	pmu_set_debugctl(&pmu, FREEZE | FREEZE_LBRS | BIT(0));
	retire(&pmu, 1000);
	assert_true(pmu_take_pmi(&pmu));
	assert_int_equal(get(&pmu, STATUS), CTR_FRZ | LBR_FRZ | BIT(0));
	assert_int_equal(get(&pmu, GLOBAL_CTRL), 0xf);
	assert_int_equal(rdpmc(&pmu, 1, 0), 10);
	assert_int_equal(pmu_until_pmi(&pmu, 0, PMU_NATIVE), UINT64_MAX);
	retire(&pmu, 1000);
	assert_int_equal(rdpmc(&pmu, 1, 0), 10);
	set(&pmu, RESET, CTR_FRZ | LBR_FRZ | BIT(0));
	retire(&pmu, 5);
	assert_int_equal(rdpmc(&pmu, 1, 0), 15);
	/* An overflow without an interrupt does not freeze. */
	set(&pmu, PMC(1), -1ULL);
	retire(&pmu, 2);
	assert_int_equal(get(&pmu, STATUS), BIT(1));

	/* Bit 11 alone stops no counter. */
	pmu_set_debugctl(&pmu, FREEZE_LBRS);
	set(&pmu, EVTSEL(2), INSTRUCTIONS | BOTH | INT);
	set(&pmu, PMC(2), -1ULL);
	retire(&pmu, 2);
	assert_int_equal(get(&pmu, STATUS), LBR_FRZ | BIT(1) | BIT(2));
	assert_int_equal(rdpmc(&pmu, 2, 0), 1);

	/* Legacy: IA32_PERF_GLOBAL_CTRL is cleared. */
	pmu = made("intel,version=3");
	set(&pmu, EVTSEL(0), INSTRUCTIONS | BOTH | INT);
	set(&pmu, PMC(0), -10ULL);
	pmu_set_debugctl(&pmu, FREEZE | FREEZE_LBRS);
	retire(&pmu, 1000);
	assert_int_equal(get(&pmu, STATUS), BIT(0));
	assert_int_equal(get(&pmu, GLOBAL_CTRL), 0);
	assert_int_equal(rdpmc(&pmu, 0, 0), 0);

	/* Not on AMD. */
	pmu = made("amd");
	set(&pmu, AMD_CTL(0), INSTRUCTIONS | BOTH | INT);
	set(&pmu, AMD_CTR(0), -10ULL);
	pmu_set_debugctl(&pmu, FREEZE);
	retire(&pmu, 1000);
	assert_int_equal(get(&pmu, AMD_STATUS), BIT(0));
	assert_int_equal(rdpmc(&pmu, 0, 0), 990);
}

/* A generator of its own: the same numbers everywhere. */
static uint64_t random_number(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return *seed >> 24;
}

static const uint64_t some_events[] = { INSTRUCTIONS, CYCLES, REFERENCE, SLOTS, 0xc4, 0x76, INSTRUCTIONS | CMASK(1) };

/* Counters of random events and CPLs, near an overflow. */
static void randomize(struct pmu *pmu, uint64_t *seed)
{
	for (unsigned int x = 0; x < 4; x++) {
		uint64_t select = some_events[random_number(seed) % ARRAY_SIZE(some_events)];
		uint64_t near = 0xffffffff - random_number(seed) % 3000;

		select |= random_number(seed) % 16 * BIT(16) & ~EDGE & ~BIT(19);
		select |= random_number(seed) % 4 ? EN : 0;
		select |= random_number(seed) % 2 ? INT : 0;
		if (pmu->config.vendor == PMU_AMD) {
			select |= random_number(seed) % 4 << 40;
			set(pmu, AMD_CTL(x), select);
			set(pmu, AMD_CTR(x), 0xffff00000000 | near);
		} else {
			set(pmu, EVTSEL(x), select);
			set(pmu, PMC(x), near);
			if (x < 3)
				set(pmu, FIXED(x), 0xffff00000000 | near);
		}
	}
	if (pmu->config.vendor == PMU_INTEL) {
		set(pmu, FIXED_CTRL, random_number(seed) & 0xbbb);
		set(pmu, GLOBAL_CTRL, random_number(seed) & 0x70000000f);
		pmu_set_debugctl(pmu, random_number(seed) % 2 ? FREEZE : 0);
	}
}

/* Counting in pieces, one instruction at a time in the end, is counting at once. */
static void test_pieces_and_the_next_pmi(void **state)
{
	static const char *const texts[] = { "intel,version=3", "intel,version=4", "amd", };
	uint64_t seed = 1;
	unsigned int interrupts = 0;

	(void)state;
	for (unsigned int i = 0; i < 3000; i++) {
		struct pmu whole = made(texts[i % 3]), pieces, single;
		unsigned int cpl = random_number(&seed) % 4;
		enum pmu_side side = i % 3 < 2 ? PMU_NATIVE : (enum pmu_side)(random_number(&seed) % 3);
		uint64_t instructions = random_number(&seed) % 4000, until;

		retire(&whole, random_number(&seed) % 1000);
		randomize(&whole, &seed);
		pieces = single = whole;
		/* All of them are branches, so that until is exact for those as well. */
		until = pmu_until_pmi(&whole, cpl, side);
		pmu_branch(&whole, instructions);
		pmu_retire(&whole, instructions, cpl, side);
		assert_int_equal(whole.pmi, instructions >= until);
		interrupts += whole.pmi;
		for (uint64_t left = instructions; left;) {
			uint64_t piece = random_number(&seed) % left + 1;

			pmu_branch(&pieces, piece);
			pmu_retire(&pieces, piece, cpl, side);
			left -= piece;
		}
		assert_memory_equal(&whole, &pieces, sizeof(whole));
		for (uint64_t n = 0; n < instructions; n++) {
			pmu_branch(&single, 1);
			pmu_retire(&single, 1, cpl, side);
		}
		assert_memory_equal(&whole, &single, sizeof(whole));
		/* If no state matters, the CPL did not. */
		if (!pmu_by_state(&whole) && !(whole.debugctl & FREEZE)) {
			pmu_retire(&whole, 77, cpl, side);
			pmu_retire(&pieces, 77, 3 - cpl, (enum pmu_side)(2 - side));
			assert_memory_equal(&whole, &pieces, sizeof(whole));
		}
	}
	assert_true(interrupts > 300);
}

static void test_header_in_cxx(void **state)
{
	(void)state;
	if (system("command -v g++ >/dev/null"))
		skip();
	assert_int_equal(system("g++ -std=c++11 -Wall -Wextra -Werror -I. -fsyntax-only -x c++ machine/pmu.h"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_impossible_configurations),
		cmocka_unit_test(test_flags_are_0_or_1),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_cpuid),
		cmocka_unit_test(test_which_registers),
		cmocka_unit_test(test_reserved_bits),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_global_registers),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_p6_enables_both),
		cmocka_unit_test(test_fixed_counters),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_user_disable),
		cmocka_unit_test(test_sides),
		cmocka_unit_test(test_by_state),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_pieces_and_the_next_pmi),
		cmocka_unit_test(test_header_in_cxx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
