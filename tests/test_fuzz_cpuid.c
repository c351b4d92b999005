// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/* Proves that each field of a PMU lands in CPUID where the manuals have it, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/case/case.h"
#include "fuzz/case/cpuid.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum reg { EAX, EBX, ECX, EDX };

static uint32_t reg(const struct cpuid_leaf *leaf, enum reg which)
{
	const uint32_t regs[] = { leaf->eax, leaf->ebx, leaf->ecx, leaf->edx };

	return regs[which];
}

/* The one leaf @function, @index of @pmu. */
static struct cpuid_leaf leaf_of(const struct rdpmc_pmu *pmu, uint32_t function, uint32_t index)
{
	struct cpuid_leaf leaves[CPUID_LEAVES], found = { 0 };
	unsigned int n = cpuid_leaves(pmu, leaves), times = 0;

	assert_in_range(n, 1, CPUID_LEAVES);
	for (unsigned int i = 0; i < n; i++) {
		if (leaves[i].function == function && leaves[i].index == index) {
			found = leaves[i];
			times++;
		}
	}
	if (times != 1)
		fail_msg("leaf %x.%x is there %u times", function, index, times);
	return found;
}

static bool has_leaf(const struct rdpmc_pmu *pmu, uint32_t function)
{
	struct cpuid_leaf leaves[CPUID_LEAVES];
	unsigned int n = cpuid_leaves(pmu, leaves);

	for (unsigned int i = 0; i < n; i++) {
		if (leaves[i].function == function)
			return true;
	}
	return false;
}

/* Where the manuals have a field: SDM vol. 2, "CPUID"; APM vol. 3, appendix E. */
struct place {
	const char *name;
	uint32_t function, index;
	enum reg reg;
	unsigned int low, bits;
	size_t offset, size; /* in struct rdpmc_pmu */
};

#define FIELD(name)                                                                                \
#name, offsetof(struct rdpmc_pmu, name), sizeof(((struct rdpmc_pmu *)NULL)->name)
#define PLACE_(name_, offset_, size_, ...)                                                         \
	{                                                                                          \
		.name = name_, .offset = offset_, .size = size_, __VA_ARGS__                       \
	}
#define PLACE(...) PLACE_(__VA_ARGS__)
#define AT(function_, index_, reg_, low_, bits_)                                                   \
	.function = function_, .index = index_, .reg = reg_, .low = low_, .bits = bits_

static const struct place intel[] = {
	PLACE(FIELD(version), AT(0xa, 0, EAX, 0, 8)),
	PLACE(FIELD(nr_gp), AT(0xa, 0, EAX, 8, 8)),
	PLACE(FIELD(gp_width), AT(0xa, 0, EAX, 16, 8)),
	PLACE(FIELD(fixed_bitmap), AT(0xa, 0, ECX, 0, 32)),
	PLACE(FIELD(nr_fixed), AT(0xa, 0, EDX, 0, 5)),
	PLACE(FIELD(fixed_width), AT(0xa, 0, EDX, 5, 8)),
	PLACE(FIELD(user_disable), AT(0x23, 0, EBX, 2, 1)),
	PLACE(FIELD(leaf23_gp), AT(0x23, 1, EAX, 0, 32)),
	PLACE(FIELD(leaf23_fixed), AT(0x23, 1, EBX, 0, 32)),
};

static const struct place amd[] = {
	PLACE(FIELD(ext_core), AT(0x80000001, 0, ECX, 23, 1)),
	PLACE(FIELD(ext_nb), AT(0x80000001, 0, ECX, 24, 1)),
	PLACE(FIELD(ext_l3), AT(0x80000001, 0, ECX, 28, 1)),
	PLACE(FIELD(nr_gp), AT(0x80000022, 0, EBX, 0, 4)),
	PLACE(FIELD(nr_nb), AT(0x80000022, 0, EBX, 10, 6)),
};

static uint32_t mask_of(unsigned int bits)
{
	return bits < 32 ? (1U << bits) - 1 : 0xffffffff;
}

static uint32_t announced(const struct rdpmc_pmu *pmu, const struct place *place)
{
	const struct cpuid_leaf leaf = leaf_of(pmu, place->function, place->index);

	return reg(&leaf, place->reg) >> place->low & mask_of(place->bits);
}

/* Every field at once holds what it should; @changed is the one that is told of. */
static void check_all(const struct rdpmc_pmu *pmu, const struct place *places, size_t n,
		      const char *changed)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t expected = 0;

		memcpy(&expected, (const uint8_t *)pmu + places[i].offset, places[i].size);
		if (announced(pmu, &places[i]) != expected)
			fail_msg("%s is %x, not %x, with a change of %s", places[i].name,
				 announced(pmu, &places[i]), expected, changed);
	}
}

/* Each field with each of its bits alone, from a PMU of nothing and from one that is full. */
static void check_places(uint8_t vendor, const struct place *places, size_t n)
{
	for (int full = 0; full < 2; full++) {
		struct rdpmc_pmu base = { .vendor = vendor, .version = vendor == RDPMC_AMD };

		for (size_t i = 0; full && i < n; i++) {
			const uint32_t ones = mask_of(places[i].bits);

			memcpy((uint8_t *)&base + places[i].offset, &ones, places[i].size);
		}
		check_all(&base, places, n, "nothing");
		for (size_t i = 0; i < n; i++) {
			for (unsigned int bit = 0; bit < places[i].bits; bit++) {
				struct rdpmc_pmu pmu = base;
				uint8_t *field = (uint8_t *)&pmu + places[i].offset;

				field[bit / 8] ^= 1 << bit % 8;
				check_all(&pmu, places, n, places[i].name);
			}
		}
	}
}

static void test_intel(void **unused)
{
	(void)unused;
	check_places(RDPMC_INTEL, intel, ARRAY_SIZE(intel));
}

static void test_amd(void **unused)
{
	struct rdpmc_pmu pmu = { .vendor = RDPMC_AMD };

	(void)unused;
	check_places(RDPMC_AMD, amd, ARRAY_SIZE(amd));
	/* PerfMonV2: CPUID 0x80000022:EAX[0] */
	for (unsigned int version = 0; version <= 2; version++) {
		pmu.version = version;
		assert_int_equal(leaf_of(&pmu, 0x80000022, 0).eax & 1, version == 2);
	}
}

static void test_which(void **unused)
{
	struct cpuid_leaf leaves[CPUID_LEAVES];
	struct rdpmc_pmu pmu = { .vendor = RDPMC_INTEL, .version = 6 };

	(void)unused;
	assert_int_equal(cpuid_leaves(&pmu, leaves), 4);
	leaf_of(&pmu, 1, 0);
	leaf_of(&pmu, 0xa, 0);
	leaf_of(&pmu, 0x23, 0);
	leaf_of(&pmu, 0x23, 1);
	assert_false(has_leaf(&pmu, 0x80000001));
	assert_false(has_leaf(&pmu, 0x80000022));

	pmu.vendor = RDPMC_AMD;
	pmu.version = 2;
	assert_int_equal(cpuid_leaves(&pmu, leaves), 3);
	leaf_of(&pmu, 1, 0);
	leaf_of(&pmu, 0x80000001, 0);
	leaf_of(&pmu, 0x80000022, 0);
	assert_false(has_leaf(&pmu, 0xa));
	assert_false(has_leaf(&pmu, 0x23));
}

/* Without PDCM (leaf 1, ECX[15]) the MSR is not there, so nobody would look at it. */
static void test_perf_capabilities(void **unused)
{
	static const uint64_t capabilities[] = {
		1,     RDPMC_CAP_METRICS, RDPMC_CAP_METRICS_CLEAR, CASE_CAP_FW_WRITES, 1ULL << 63,
		~0ULL,
	};
	struct rdpmc_pmu pmu = { .vendor = RDPMC_INTEL, .version = 5 };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		pmu.perf_capabilities = capabilities[i];
		assert_int_equal(leaf_of(&pmu, 1, 0).ecx >> 15 & 1, 1);
	}
}

/* Subleaf 1 exists only where the bitmap of subleaf 0 says so: SDM vol. 2, leaf 0x23, EAX. */
static void test_leaf23_valid(void **unused)
{
	struct rdpmc_pmu pmu = { .vendor = RDPMC_INTEL, .version = 6 };

	(void)unused;
	pmu.leaf23_gp = 1U << 31;
	assert_int_equal(leaf_of(&pmu, 0x23, 0).eax & 3, 3);
	pmu.leaf23_gp = 0;
	pmu.leaf23_fixed = 1;
	assert_int_equal(leaf_of(&pmu, 0x23, 0).eax & 3, 3);
	pmu.leaf23_fixed = 0;
	pmu.user_disable = true;
	assert_int_equal(leaf_of(&pmu, 0x23, 0).eax & 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intel),        cmocka_unit_test(test_amd),
		cmocka_unit_test(test_which),        cmocka_unit_test(test_perf_capabilities),
		cmocka_unit_test(test_leaf23_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
