// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the CPUID made for a guest announces the PMU that was asked for and no other, that
 * nothing else of the table changes, and that no table, however short, is written past its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/guest_cpuid.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define CAPS         (PERF_CAP_FW_WRITES | 5)
#define CAPS_METRICS (CAPS | PERF_CAP_PERF_METRICS)
#define PDCM         (1U << 15) /* 1:ECX: IA32_PERF_CAPABILITIES is there */
#define VMX          (1U << 5)  /* 1:ECX */
#define SVM          (1U << 2)  /* 8000_0001H:ECX */
#define EXT_CORE     (1U << 23) /* 8000_0001H:ECX: PerfCtrExtCore */

#define INTEL(version_, gp, gp_bits, fixed, fixed_bits, capabilities)                              \
	{                                                                                          \
		.vendor = CPU_VENDOR_INTEL, .version = (version_), .nr_gp = (gp),                  \
		.gp_width = (gp_bits), .nr_fixed = (fixed), .fixed_width = (fixed_bits),           \
		.perf_capabilities = (capabilities)                                                \
	}
#define AMD(version_, gp)                                                                          \
	{                                                                                          \
		.vendor = CPU_VENDOR_AMD, .version = (version_), .nr_gp = (gp), .gp_width = 48     \
	}
#define NO_PMU(vendor_)                                                                            \
	{                                                                                          \
		.vendor = (vendor_)                                                                \
	}

#define LEAF(...) LEAF_(__VA_ARGS__) /* GENUINE_INTEL is three arguments */
#define LEAF_(function_, index_, flags_, a, b, c, d)                                               \
	{                                                                                          \
		.function = (function_), .index = (index_), .flags = (flags_), .eax = (a),         \
		.ebx = (b), .ecx = (c), .edx = (d)                                                 \
	}
#define SUB KVM_CPUID_FLAG_SIGNIFCANT_INDEX

#define GENUINE_INTEL 0x756e6547, 0x6c65746e, 0x49656e69 /* EBX, ECX, EDX */
#define AUTHENTIC_AMD 0x68747541, 0x444d4163, 0x69746e65

/* As KVM_GET_SUPPORTED_CPUID reports them, shortened. */
static const struct kvm_cpuid_entry2 intel_entries[] = {
	LEAF(0x0, 0, 0, 0x24, GENUINE_INTEL),
	LEAF(0x1, 0, 0, 0x000806f8, 0x00400800, 0xfffab223, 0x1f8bfbff),
	LEAF(0x2, 0, 0, 0x00feff01, 0xf0, 0, 0),
	LEAF(0x7, 0, SUB, 0x2, 0xf1bf07ab, 0x1b415f6e, 0xbfd14410),
	LEAF(0x7, 1, SUB, 0x00001c30, 0, 0, 0),
	LEAF(0xa, 0, 0, 0x08300802, 0, 0xf, 0x8603),
	LEAF(0xb, 0, SUB, 1, 2, 0x100, 3),
	LEAF(0xd, 0, SUB, 7, 0x340, 0x340, 0),
	LEAF(0x23, 0, SUB, 0xb, 0x7, 0x8, 0),
	LEAF(0x23, 1, SUB, 0xff, 0xf, 0, 0),
	LEAF(0x24, 0, SUB, 0, 0x00070001, 0, 0),
	LEAF(0x40000000, 0, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d),
	LEAF(0x80000000, 0, 0, 0x80000008, 0, 0, 0),
	LEAF(0x80000001, 0, 0, 0, 0, 0x121, 0x2c100800),
	LEAF(0x80000008, 0, 0, 0x302e, 0, 0, 0),
};

static const struct kvm_cpuid_entry2 amd_entries[] = {
	LEAF(0x0, 0, 0, 0x10, AUTHENTIC_AMD),
	LEAF(0x1, 0, 0, 0x00a10f11, 0x00080800, 0xfed83203, 0x078bfbff),
	LEAF(0x7, 0, SUB, 0, 0x219c95a9, 0x0040069c, 0x10),
	LEAF(0xd, 0, SUB, 7, 0x340, 0x340, 0),
	LEAF(0x40000000, 0, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d),
	LEAF(0x80000000, 0, 0, 0x80000022, AUTHENTIC_AMD),
	LEAF(0x80000001, 0, 0, 0x00a10f11, 0x40000000, 0x01c003f3, 0x2fd3fbff),
	LEAF(0x80000008, 0, 0, 0x3030, 0x1001b00d, 0, 0),
	LEAF(0x80000022, 0, 0, 0x1, 0x6, 0, 0),
};

/* A PVM host's: no PMU, no leaf above 8000_0008H that says of one. */
static const struct kvm_cpuid_entry2 old_amd_entries[] = {
	LEAF(0x0, 0, 0, 0x7, AUTHENTIC_AMD),
	LEAF(0x1, 0, 0, 0x00100f42, 0x00080800, 0x00802001, 0x078bfbff),
	LEAF(0x80000000, 0, 0, 0x80000008, AUTHENTIC_AMD),
	LEAF(0x80000001, 0, 0, 0x00100f42, 0, 0x000001f3, 0x2fd3fbff),
};

static const struct kvm_cpuid_entry2 short_intel_entries[] = {
	LEAF(0x0, 0, 0, 0x1, GENUINE_INTEL),
	LEAF(0x1, 0, 0, 0x000006f8, 0x00400800, 0x00002223, 0x1f8bfbff),
};

static const struct kvm_cpuid_entry2 only_vendor[] = { LEAF(0x0, 0, 0, 0x24, GENUINE_INTEL) };

/* A copy in an allocation of its exact size, so that ASan sees what reads or writes past it. */
static struct kvm_cpuid2 *make_table(const struct kvm_cpuid_entry2 *entries, size_t n)
{
	struct kvm_cpuid2 *table = calloc(1, sizeof(*table) + n * sizeof(*entries));

	assert_non_null(table);
	table->nent = (uint32_t)n;
	if (n)
		memcpy(table->entries, entries, n * sizeof(*entries));
	return table;
}
#define MAKE_TABLE(entries) make_table(entries, ARRAY_SIZE(entries))

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *table, uint32_t function,
					   uint32_t index)
{
	const struct kvm_cpuid_entry2 *found = NULL;

	for (uint32_t i = 0; i < table->nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &table->entries[i];

		if (entry->function != function ||
		    (entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX && entry->index != index))
			continue;
		/* KVM would take the first, a reader the last */
		if (found)
			fail_msg("leaf %#x.%u is there twice", function, index);
		found = entry;
	}
	return found;
}

static void check_same_pmu(const char *name, const struct pmu_shape *a, const struct pmu_shape *b)
{
	if (a->vendor != b->vendor || a->version != b->version || a->nr_gp != b->nr_gp ||
	    a->gp_width != b->gp_width || a->nr_fixed != b->nr_fixed ||
	    a->fixed_width != b->fixed_width || a->perf_capabilities != b->perf_capabilities)
		fail_msg("%s: vendor %d, version %u, %u GP of %u bits, %u fixed of %u bits", name,
			 a->vendor, a->version, a->nr_gp, a->gp_width, a->nr_fixed, a->fixed_width);
}

/* @pmu given to a guest, and read back from its table. */
static void check_round_trip(const char *name, const struct kvm_cpuid2 *supported,
			     const struct pmu_shape *pmu)
{
	struct kvm_cpuid2 *table = guest_cpuid_make(supported, pmu);
	struct pmu_shape read, expected = *pmu;

	assert_non_null(table);
	memset(&read, 0xa5, sizeof(read));
	guest_cpuid_pmu(table, &read);
	expected.perf_capabilities = 0;
	check_same_pmu(name, &read, &expected);
	free(table);
}

static void test_reading(void **state)
{
	static const struct {
		const char *name;
		const struct kvm_cpuid_entry2 *entries;
		size_t n;
		struct pmu_shape pmu;
	} rows[] = {
		{ "Intel", intel_entries, ARRAY_SIZE(intel_entries), INTEL(2, 8, 48, 3, 48, 0) },
		{ "AMD", amd_entries, ARRAY_SIZE(amd_entries), AMD(2, 6) },
		{ "AMD, no leaf 8000_0022H", old_amd_entries, ARRAY_SIZE(old_amd_entries),
		  AMD(1, 4) },
		{ "Intel, no leaf 0AH", short_intel_entries, ARRAY_SIZE(short_intel_entries),
		  NO_PMU(CPU_VENDOR_INTEL) },
		{ "the vendor alone", only_vendor, 1, NO_PMU(CPU_VENDOR_INTEL) },
		{ "nothing", NULL, 0, NO_PMU(CPU_VENDOR_OTHER) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kvm_cpuid2 *table = make_table(rows[i].entries, rows[i].n);
		struct pmu_shape pmu;

		memset(&pmu, 0xa5, sizeof(pmu));
		guest_cpuid_pmu(table, &pmu);
		check_same_pmu(rows[i].name, &pmu, &rows[i].pmu);
		free(table);
	}
}

/* Hygon's processors are AMD's, and a name that differs in any letter is neither vendor's. */
static void test_vendor_names(void **state)
{
	struct kvm_cpuid2 *amd = MAKE_TABLE(amd_entries), *intel = MAKE_TABLE(intel_entries);
	struct pmu_shape pmu;

	(void)state;
	for (unsigned int letter = 0; letter < 12; letter++) {
		struct kvm_cpuid2 *tables[] = { amd, intel };

		for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
			struct kvm_cpuid_entry2 *leaf = &tables[t]->entries[0];
			uint32_t *part[] = { &leaf->ebx, &leaf->edx, &leaf->ecx };

			*part[letter / 4] ^= 1U << (letter % 4 * 8);
			guest_cpuid_pmu(tables[t], &pmu);
			assert_int_equal(pmu.vendor, CPU_VENDOR_OTHER);
			*part[letter / 4] ^= 1U << (letter % 4 * 8);
		}
	}
	memcpy(&amd->entries[0].ebx, "Hygo", 4);
	memcpy(&amd->entries[0].edx, "nGen", 4);
	memcpy(&amd->entries[0].ecx, "uine", 4);
	guest_cpuid_pmu(amd, &pmu);
	check_same_pmu("Hygon", &pmu, &(struct pmu_shape)AMD(2, 6));
	free(amd);
	free(intel);
}

/* Neither of the two vendors: no rules, so no PMU. */
static void test_reading_other_vendor(void **state)
{
	struct kvm_cpuid2 *table = MAKE_TABLE(intel_entries);
	struct pmu_shape pmu;

	(void)state;
	table->entries[0].ebx = 0x746e6543; /* CentaurHauls */
	table->entries[0].edx = 0x48727561;
	table->entries[0].ecx = 0x736c7561;
	guest_cpuid_pmu(table, &pmu);
	check_same_pmu("Centaur", &pmu, &(struct pmu_shape)NO_PMU(CPU_VENDOR_OTHER));
	free(table);
}

static void test_round_trips(void **state)
{
	static const struct pmu_shape intel[] = {
		INTEL(2, 8, 48, 3, 48, CAPS),
		INTEL(2, 8, 47, 3, 48, CAPS),
		INTEL(2, 7, 48, 3, 48, CAPS),
		INTEL(2, 8, 48, 2, 48, CAPS),
		INTEL(5, 8, 48, 4, 48, CAPS_METRICS),
		INTEL(1, 2, 40, 0, 0, 0),
		NO_PMU(CPU_VENDOR_INTEL),
	};
	static const struct pmu_shape amd[] = { AMD(2, 6), AMD(2, 5), AMD(1, 6), AMD(1, 4),
						AMD(2, 15) };
	struct kvm_cpuid2 *tables[] = { MAKE_TABLE(intel_entries), MAKE_TABLE(short_intel_entries),
					MAKE_TABLE(only_vendor) };
	struct kvm_cpuid2 *amd_table = MAKE_TABLE(amd_entries);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(intel); i++)
		for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
			check_round_trip("Intel", tables[t], &intel[i]);
	for (size_t i = 0; i < ARRAY_SIZE(amd); i++)
		check_round_trip("AMD", amd_table, &amd[i]);
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		free(tables[t]);
	free(amd_table);
}

/* AMD's CPUID cannot say that there is no PMU: the fewest, and no leaf of version 2. */
static void test_no_pmu_amd(void **state)
{
	struct kvm_cpuid2 *supported = MAKE_TABLE(amd_entries);
	struct kvm_cpuid2 *table =
		guest_cpuid_make(supported, &(struct pmu_shape)NO_PMU(CPU_VENDOR_AMD));
	struct pmu_shape pmu;

	(void)state;
	assert_non_null(table);
	guest_cpuid_pmu(table, &pmu);
	assert_int_equal(pmu.vendor, CPU_VENDOR_AMD);
	assert_int_equal(pmu.nr_gp, 4);
	assert_false(find(table, 0x80000001, 0)->ecx & EXT_CORE);
	free(table);
	free(supported);
}

static void test_amd_leaves(void **state)
{
	static const struct {
		struct pmu_shape pmu;
		bool ext;
		uint32_t eax, ebx;
	} rows[] = {
		{ AMD(2, 6), true, 1, 6 },
		{ AMD(2, 5), true, 1, 5 },
		{ AMD(1, 6), true, 0, 0 },
		{ AMD(1, 4), false, 0, 0 },
	};
	struct kvm_cpuid2 *supported = MAKE_TABLE(amd_entries);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kvm_cpuid2 *table = guest_cpuid_make(supported, &rows[i].pmu);
		const struct kvm_cpuid_entry2 *v2;

		assert_non_null(table);
		v2 = find(table, 0x80000022, 0);
		assert_non_null(v2);
		assert_int_equal(v2->eax & 1, rows[i].eax);
		assert_int_equal(v2->ebx & 0xf, rows[i].ebx);
		assert_int_equal(!!(find(table, 0x80000001, 0)->ecx & EXT_CORE), rows[i].ext);
		free(table);
	}
	free(supported);
}

/* Where KVM's table does not reach to leaf 8000_0022H. */
static void test_amd_leaf_added(void **state)
{
	struct kvm_cpuid2 *supported = MAKE_TABLE(old_amd_entries);

	(void)state;
	check_round_trip("AMD, 4", supported, &(struct pmu_shape)AMD(1, 4));
	check_round_trip("AMD, 6", supported, &(struct pmu_shape)AMD(1, 6));
	check_round_trip("AMD, PerfMonV2", supported, &(struct pmu_shape)AMD(2, 5));
	free(supported);
}

/* The bit says that the MSR is there; a guest may have it only with something to say. */
static void test_pdcm(void **state)
{
	static const struct {
		const char *name;
		struct pmu_shape pmu;
		bool pdcm;
	} rows[] = {
		{ "with capabilities", INTEL(2, 8, 48, 3, 48, CAPS), true },
		{ "with metrics", INTEL(5, 8, 48, 4, 48, CAPS_METRICS), true },
		{ "no capabilities", INTEL(2, 8, 48, 3, 48, 0), false },
		{ "no PMU", NO_PMU(CPU_VENDOR_INTEL), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int before = 0; before < 2; before++) {
			struct kvm_cpuid2 *supported = MAKE_TABLE(intel_entries), *table;
			uint32_t others = supported->entries[1].ecx & ~PDCM;

			supported->entries[1].ecx = others | (before ? PDCM : 0);
			table = guest_cpuid_make(supported, &rows[i].pmu);
			assert_non_null(table);
			if (find(table, 1, 0)->ecx != (others | (rows[i].pdcm ? PDCM : 0)))
				fail_msg("%s: 1:ECX is %#x", rows[i].name, find(table, 1, 0)->ecx);
			free(table);
			free(supported);
		}
}

/* Counters that leaf 23H alone announces are counters the shape does not have: all of it is 0. */
static void test_leaf_23(void **state)
{
	static const struct pmu_shape pmus[] = { INTEL(2, 7, 48, 3, 48, CAPS),
						 INTEL(5, 8, 48, 4, 48, CAPS_METRICS),
						 NO_PMU(CPU_VENDOR_INTEL) };
	struct kvm_cpuid2 *supported = MAKE_TABLE(intel_entries);
	uint32_t left[2] = { 0, 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pmus); i++) {
		struct kvm_cpuid2 *table = guest_cpuid_make(supported, &pmus[i]);

		assert_non_null(table);
		for (uint32_t index = 0; index < 2; index++) {
			const struct kvm_cpuid_entry2 *entry = find(table, 0x23, index);

			if (entry)
				left[index] |= entry->eax | entry->ebx | entry->ecx | entry->edx;
		}
		free(table);
	}
	free(supported);
	assert_int_equal(left[0], 0);
	assert_int_equal(left[1], 0);
}

static bool pmu_text(const struct kvm_cpuid_entry2 *entry)
{
	return entry->function == 0xa || entry->function == 0x23 || entry->function == 0x80000022;
}

/* All but what says of the PMU is as KVM supports it, and the supported table is left alone. */
static void test_the_rest_stays(void **state)
{
	static const struct {
		const struct kvm_cpuid_entry2 *entries;
		size_t n;
		struct pmu_shape pmu;
	} rows[] = {
		{ intel_entries, ARRAY_SIZE(intel_entries), INTEL(2, 7, 47, 2, 48, CAPS) },
		{ intel_entries, ARRAY_SIZE(intel_entries), NO_PMU(CPU_VENDOR_INTEL) },
		{ amd_entries, ARRAY_SIZE(amd_entries), AMD(2, 5) },
		{ amd_entries, ARRAY_SIZE(amd_entries), AMD(1, 4) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kvm_cpuid2 *supported = make_table(rows[i].entries, rows[i].n);
		struct kvm_cpuid2 *table = guest_cpuid_make(supported, &rows[i].pmu);

		assert_non_null(table);
		assert_int_equal(supported->nent, rows[i].n);
		assert_memory_equal(supported->entries, rows[i].entries,
				    rows[i].n * sizeof(*rows[i].entries));
		assert_true(table->nent >= rows[i].n);
		for (size_t j = 0; j < rows[i].n; j++) {
			struct kvm_cpuid_entry2 before = rows[i].entries[j], after;

			assert_non_null(find(table, before.function, before.index));
			after = *find(table, before.function, before.index);
			if (pmu_text(&before))
				continue;
			if (before.function == 1) {
				before.ecx |= PDCM;
				after.ecx |= PDCM;
			}
			if (before.function == 0x80000001) {
				before.ecx |= EXT_CORE;
				after.ecx |= EXT_CORE;
			}
			assert_memory_equal(&before, &after, sizeof(before));
		}
		free(table);
		free(supported);
	}
}

static void check_vendor(const struct kvm_cpuid2 *table, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	const struct kvm_cpuid_entry2 *leaf = find(table, 0, 0);

	assert_non_null(leaf);
	assert_int_equal(leaf->ebx, ebx);
	assert_int_equal(leaf->ecx, ecx);
	assert_int_equal(leaf->edx, edx);
}

/* A simulated PMU is Intel's on any host: the vendor changes, and leaf 0AH can be reached. */
static void test_vendor_change(void **state)
{
	static const struct pmu_shape pmu = INTEL(5, 8, 48, 4, 48, CAPS_METRICS);
	struct kvm_cpuid2 *tables[] = { MAKE_TABLE(amd_entries), MAKE_TABLE(old_amd_entries),
					MAKE_TABLE(intel_entries) };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct kvm_cpuid2 *table = guest_cpuid_make(tables[i], &pmu);

		assert_non_null(table);
		check_vendor(table, 0x756e6547, 0x6c65746e, 0x49656e69);
		assert_true(find(table, 0, 0)->eax >= 0xa);
		assert_non_null(find(table, 0xa, 0));
		assert_true(find(table, 1, 0)->ecx & PDCM);
		free(table);
		check_round_trip("Intel on any", tables[i], &pmu);
		free(tables[i]);
	}
}

static void test_vendor_stays(void **state)
{
	struct kvm_cpuid2 *amd = MAKE_TABLE(amd_entries), *intel = MAKE_TABLE(intel_entries),
			  *table;

	(void)state;
	table = guest_cpuid_make(amd, &(struct pmu_shape)AMD(2, 5));
	check_vendor(table, 0x68747541, 0x444d4163, 0x69746e65);
	assert_null(find(table, 0xa, 0));
	free(table);
	table = guest_cpuid_make(intel, &(struct pmu_shape)NO_PMU(CPU_VENDOR_INTEL));
	check_vendor(table, 0x756e6547, 0x6c65746e, 0x49656e69);
	free(table);
	free(amd);
	free(intel);
}

/* No room but the table's own: every prefix of both tables, every kind of PMU. */
static void test_bounds(void **state)
{
	static const struct pmu_shape pmus[] = {
		INTEL(5, 8, 48, 4, 48, CAPS_METRICS),
		NO_PMU(CPU_VENDOR_INTEL),
		AMD(2, 6),
		AMD(1, 4),
		NO_PMU(CPU_VENDOR_AMD),
	};
	static const struct {
		const struct kvm_cpuid_entry2 *entries;
		size_t n;
	} tables[] = {
		{ intel_entries, ARRAY_SIZE(intel_entries) },
		{ amd_entries, ARRAY_SIZE(amd_entries) },
		{ old_amd_entries, ARRAY_SIZE(old_amd_entries) },
	};

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (size_t n = 0; n <= tables[t].n; n++)
			for (size_t i = 0; i < ARRAY_SIZE(pmus); i++) {
				struct kvm_cpuid2 *supported = make_table(tables[t].entries, n);
				struct kvm_cpuid2 *table = guest_cpuid_make(supported, &pmus[i]);
				struct pmu_shape pmu;

				assert_non_null(table);
				assert_in_range(table->nent, n, n + 8);
				guest_cpuid_pmu(table, &pmu);
				/* KVM_SET_CPUID2 copies all of it: every entry is initialised */
				for (uint32_t j = 0; j < table->nent; j++) {
					assert_int_equal(table->entries[j].padding[0], 0);
					assert_int_equal(table->entries[j].padding[1], 0);
					assert_int_equal(table->entries[j].padding[2], 0);
				}
				free(table);
				free(supported);
			}
}

static void test_nested(void **state)
{
	static const struct {
		uint32_t features, amd;
		bool nested;
	} rows[] = {
		{ 0, 0, false },
		{ ~VMX, ~SVM, false },
		{ VMX, 0, true },
		{ 0, SVM, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct kvm_cpuid_entry2 entries[] = {
			LEAF(0x1, 0, 0, 0, 0, rows[i].features, 0),
			LEAF(0x80000001, 0, 0, 0, 0, rows[i].amd, 0),
		};
		struct kvm_cpuid2 *table = make_table(entries, ARRAY_SIZE(entries));

		assert_int_equal(guest_cpuid_nested(table), rows[i].nested);
		table->nent = 0;
		assert_false(guest_cpuid_nested(table));
		free(table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_vendor_names),
		cmocka_unit_test(test_reading_other_vendor),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_no_pmu_amd),
		cmocka_unit_test(test_amd_leaves),
		cmocka_unit_test(test_amd_leaf_added),
		cmocka_unit_test(test_pdcm),
		cmocka_unit_test(test_leaf_23),
		cmocka_unit_test(test_the_rest_stays),
		cmocka_unit_test(test_vendor_change),
		cmocka_unit_test(test_vendor_stays),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_nested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
