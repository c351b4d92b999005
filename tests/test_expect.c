// SPDX-License-Identifier: GPL-2.0-or-later
// beside others, long
/*
 * Proves that RDPMC is expected to answer as SDM and APM say, for every kind of ECX and privilege,
 * that exits are expected where VMX and SVM have them, and that running counters are told from
 * stopped ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "bench/expect.h"
#include "bench/modelled.h"
#include "guest/protocol.h"
#include "model/rules.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define CAPS         (PERF_CAP_FW_WRITES | 5)
#define CAPS_METRICS (CAPS | PERF_CAP_PERF_METRICS)

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

static const struct pmu_shape skylake = INTEL(2, 8, 48, 3, 48, CAPS);
static const struct pmu_shape ice_lake = INTEL(5, 8, 48, 4, 48, CAPS_METRICS);
static const struct pmu_shape metrics_hidden = INTEL(5, 8, 48, 4, 48, CAPS);
static const struct pmu_shape no_wide_writes = INTEL(3, 4, 48, 3, 40, 5);
static const struct pmu_shape narrow = INTEL(2, 7, 33, 2, 35, CAPS);
static const struct pmu_shape of_32_bits = INTEL(2, 4, 32, 3, 32, CAPS);
static const struct pmu_shape tiny = INTEL(2, 2, 20, 1, 24, 0);
static const struct pmu_shape all_bits = INTEL(5, 8, 64, 4, 64, CAPS_METRICS);
static const struct pmu_shape version_1 = INTEL(1, 2, 40, 0, 0, 0);
static const struct pmu_shape many = INTEL(6, 32, 48, 16, 48, CAPS_METRICS);
static const struct pmu_shape no_pmu = { .vendor = CPU_VENDOR_INTEL };
static const struct pmu_shape no_pmu_amd = { .vendor = CPU_VENDOR_AMD };
static const struct pmu_shape zen_1 = AMD(1, 4), zen_3 = AMD(1, 6), zen_4 = AMD(2, 6);
static const struct pmu_shape five = AMD(2, 5);

static const struct pmu_shape *const shapes[] = {
	&skylake, &ice_lake, &metrics_hidden, &no_wide_writes, &narrow, &of_32_bits,
	&tiny,    &all_bits, &version_1,      &many,           &no_pmu, &no_pmu_amd,
	&zen_1,   &zen_3,    &zen_4,          &five,
};

#define GP(rule_) true, rule_, 0

/* What is to be read where the privilege is there: at CPL 0, or with CR4.PCE set. */
static const struct {
	const char *name;
	const struct pmu_shape *pmu;
	uint32_t ecx;
	bool gp;
	const char *rule;
	uint64_t preset;
} table[] = {
	{ "first GP", &skylake, 0, false, "TYPE-GP", 0x2511223300 },
	{ "GP 1", &skylake, 1, false, "TYPE-GP", 0x2511223301 },
	{ "last GP", &skylake, 7, false, "TYPE-GP", 0x2511223307 },
	{ "past the GPs", &skylake, 8, GP("TYPE-GP") },
	{ "GP 31", &skylake, 31, GP("TYPE-GP") },
	{ "GP 32", &skylake, 32, GP("TYPE-GP") },
	{ "index of 8 bits and more", &skylake, 0x100, GP("TYPE-GP") },
	{ "last index", &skylake, 0xffff, GP("TYPE-GP") },
	{ "type 1", &skylake, 0x10000, GP("TYPE-OTHER") },
	{ "type 1, index 1", &skylake, 0x10001, GP("TYPE-OTHER") },
	{ "type 1, index 2", &skylake, 0x10002, GP("TYPE-OTHER") },
	{ "type 0x1fff", &skylake, 0x1fff0000, GP("TYPE-OTHER") },
	{ "no metrics", &skylake, 0x20000000, GP("TYPE-METRICS") },
	{ "no metrics, index 1", &skylake, 0x20000001, GP("TYPE-METRICS") },
	{ "type 0x2001", &skylake, 0x20010000, GP("TYPE-OTHER") },
	{ "type 0x3fff", &skylake, 0x3fffffff, GP("TYPE-OTHER") },
	{ "fixed 0", &skylake, 0x40000000, false, "TYPE-FIXED", 0x3644556600 },
	{ "fixed 2", &skylake, 0x40000002, false, "TYPE-FIXED", 0x3644556602 },
	{ "past the fixed ones", &skylake, 0x40000003, GP("TYPE-FIXED") },
	{ "last fixed index", &skylake, 0x4000ffff, GP("TYPE-FIXED") },
	{ "fixed with a bit of the type", &skylake, 0x40010000, GP("TYPE-OTHER") },
	{ "bits 29 and 30", &skylake, 0x60000000, GP("TYPE-OTHER") },
	{ "fast", &skylake, 0x80000000, GP("NO-FAST") },
	{ "fast, GP 1", &skylake, 0x80000001, GP("NO-FAST") },
	{ "fast, metrics", &skylake, 0xa0000000, GP("NO-FAST") },
	{ "fast, fixed", &skylake, 0xc0000000, GP("NO-FAST") },
	{ "all ones", &skylake, 0xffffffff, GP("NO-FAST") },

	{ "metrics", &ice_lake, 0x20000000, false, "METRICS-VALUE", 0x4f502040 },
	{ "metrics, index 1", &ice_lake, 0x20000001, GP("METRICS-INDEX") },
	{ "metrics, index 2", &ice_lake, 0x20000002, GP("METRICS-INDEX") },
	{ "metrics, index 0x8000", &ice_lake, 0x20008000, GP("METRICS-INDEX") },
	{ "metrics, last index", &ice_lake, 0x2000ffff, GP("METRICS-INDEX") },
	{ "type 0x2001, metrics there", &ice_lake, 0x20010000, GP("TYPE-OTHER") },
	{ "type 0x2100, metrics there", &ice_lake, 0x21000000, GP("TYPE-OTHER") },
	{ "bits 29 and 30, metrics there", &ice_lake, 0x60000000, GP("TYPE-OTHER") },
	{ "bits 29 and 30, index 1", &ice_lake, 0x60000001, GP("TYPE-OTHER") },
	{ "fast, metrics there", &ice_lake, 0xa0000000, GP("NO-FAST") },
	{ "fast GP, metrics there", &ice_lake, 0x80000000, GP("NO-FAST") },
	{ "fast fixed, metrics there", &ice_lake, 0xc0000000, GP("NO-FAST") },
	{ "type 1, metrics there", &ice_lake, 0x10000, GP("TYPE-OTHER") },
	{ "fixed 3", &ice_lake, 0x40000003, false, "TYPE-FIXED", 0x3644556603 },
	{ "fixed 4", &ice_lake, 0x40000004, GP("TYPE-FIXED") },
	{ "GP 7", &ice_lake, 7, false, "TYPE-GP", 0x2511223307 },
	{ "GP 8", &ice_lake, 8, GP("TYPE-GP") },

	{ "metrics hidden", &metrics_hidden, 0x20000000, GP("TYPE-METRICS") },
	{ "metrics hidden, index 1", &metrics_hidden, 0x20000001, GP("TYPE-METRICS") },
	{ "slots with metrics hidden", &metrics_hidden, 0x40000003, false, "TYPE-FIXED",
	  0x3644556603 },

	{ "written by 32 bits", &no_wide_writes, 0, false, "TYPE-GP", 0x11223300 },
	{ "written by 32 bits, last", &no_wide_writes, 3, false, "TYPE-GP", 0x11223303 },
	{ "past 4", &no_wide_writes, 4, GP("TYPE-GP") },
	{ "fixed are written whole", &no_wide_writes, 0x40000001, false, "TYPE-FIXED",
	  0x3644556601 },
	{ "33 bits", &narrow, 6, false, "TYPE-GP", 0x111223306 },
	{ "33 bits, past the last", &narrow, 7, GP("TYPE-GP") },
	{ "fixed of 35 bits", &narrow, 0x40000001, false, "TYPE-FIXED", 0x644556601 },
	{ "32 bits", &of_32_bits, 1, false, "TYPE-GP", 0x11223301 },
	{ "fixed of 32 bits", &of_32_bits, 0x40000001, false, "TYPE-FIXED", 0x44556601 },
	{ "20 bits", &tiny, 1, false, "TYPE-GP", 0x23301 },
	{ "fixed of 24 bits", &tiny, 0x40000000, false, "TYPE-FIXED", 0x556600 },
	{ "64 bits", &all_bits, 1, false, "TYPE-GP", 0x2511223301 },
	{ "fixed of 64 bits", &all_bits, 0x40000001, false, "TYPE-FIXED", 0x3644556601 },
	{ "metrics have no width", &many, 0x20000000, false, "METRICS-VALUE", 0x4f502040 },
	{ "GP 31 of 32", &many, 31, false, "TYPE-GP", 0x251122331f },
	{ "GP 32 of 32", &many, 32, GP("TYPE-GP") },
	{ "fixed 15 of 16", &many, 0x4000000f, false, "TYPE-FIXED", 0x364455660f },
	{ "version 1", &version_1, 1, false, "TYPE-GP", 0x11223301 },
	{ "version 1, no GP 2", &version_1, 2, GP("TYPE-GP") },
	{ "version 1, no fixed 0", &version_1, 0x40000000, GP("TYPE-FIXED") },

	{ "AMD 0", &zen_3, 0, false, "AMD-CORE", 0x2511223300 },
	{ "AMD 5", &zen_3, 5, false, "AMD-CORE", 0x2511223305 },
	{ "AMD 3 of 4", &zen_1, 3, false, "AMD-CORE", 0x2511223303 },
	{ "AMD 4 of 4", &zen_1, 4, GP("AMD-OTHER") },
	{ "AMD 5 of 4", &zen_1, 5, GP("AMD-OTHER") },
	{ "AMD 4 of 5", &five, 4, false, "AMD-CORE", 0x2511223304 },
	{ "AMD 5 of 5", &five, 5, GP("AMD-OTHER") },
	{ "PerfMonV2, 5", &zen_4, 5, false, "AMD-CORE", 0x2511223305 },
	{ "PerfMonV2, 6", &zen_4, 6, GP("AMD-OTHER") },
	{ "AMD, L3", &zen_4, 10, GP("AMD-OTHER") },
	{ "AMD, fabric", &zen_4, 16, GP("AMD-OTHER") },
	{ "AMD, type 1", &zen_4, 0x10000, GP("AMD-OTHER") },
	{ "AMD, metrics", &zen_4, 0x20000000, GP("AMD-OTHER") },
	{ "AMD, bit 30", &zen_4, 0x40000003, GP("AMD-OTHER") },
	{ "AMD, bit 30, 0", &zen_4, 0x40000000, GP("AMD-OTHER") },
	{ "AMD, bit 31", &zen_4, 0x80000000, GP("AMD-OTHER") },
	{ "AMD, bits 31 and 30", &zen_3, 0xc0000003, GP("AMD-OTHER") },
	{ "AMD, all ones", &zen_3, 0xffffffff, GP("AMD-OTHER") },
};

static const struct privilege_state {
	unsigned int cpl;
	bool pce, allowed;
} privileges[] = {
	{ 0, false, true },
	{ 0, true, true },
	{ 3, false, false },
	{ 3, true, true },
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		for (size_t j = 0; j < ARRAY_SIZE(privileges); j++) {
			struct expectation e = expect_rdpmc(table[i].pmu, table[i].ecx,
							    privileges[j].cpl, privileges[j].pce);
			const char *rule = privileges[j].allowed ? table[i].rule : "PRIV";
			bool gp = !privileges[j].allowed || table[i].gp;

			if (e.gp != gp || strcmp(e.rule, rule) ||
			    (!gp && e.preset != table[i].preset))
				fail_msg("%s (%#x), CPL %u, PCE %d: %s by %s, %#llx", table[i].name,
					 table[i].ecx, privileges[j].cpl, privileges[j].pce,
					 e.gp ? "#GP" : "value", e.rule,
					 (unsigned long long)e.preset);
		}
}

/* KVM gives a guest without a PMU nothing to read, whatever the processor has. */
static void test_no_pmu(void **state)
{
	static const uint32_t reads[] = { 0,          1,          4,          0xffff,
					  0x10000,    0x20000000, 0x20000001, 0x40000000,
					  0x60000000, 0x80000000, 0xc0000000, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++)
		for (size_t j = 0; j < ARRAY_SIZE(privileges); j++) {
			struct expectation intel = expect_rdpmc(
				&no_pmu, reads[i], privileges[j].cpl, privileges[j].pce);
			struct expectation amd = expect_rdpmc(&no_pmu_amd, reads[i],
							      privileges[j].cpl, privileges[j].pce);

			assert_true(intel.gp && amd.gp);
			assert_string_equal(intel.rule, privileges[j].allowed ? "NO-PMU" : "PRIV");
			assert_string_equal(amd.rule, privileges[j].allowed ? "NO-PMU" : "PRIV");
		}
}

static bool is_index_of_interest(uint32_t x)
{
	return x < 70 || x % 0x1000 == 0 || x % 0x1000 == 0xfff || x == 0x8001;
}

/* No ECX but those of the counters gives a value: every type with many an index. */
static void test_nothing_else(void **state)
{
	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
		const struct pmu_shape *pmu = shapes[s];
		unsigned int counters = pmu->nr_gp + pmu->nr_fixed + pmu_has_metrics(pmu);
		unsigned int values = 0;

		for (uint32_t x = 0; x <= 0xffff; x++)
			if (is_index_of_interest(x))
				for (uint32_t type = 0; type <= 0xffff; type++) {
					struct expectation e =
						expect_rdpmc(pmu, type << 16 | x, 3, true);

					values += !e.gp;
					if (!e.rule)
						fail_msg("shape %zu, ECX %08x: no rule", s, type << 16 | x);
				}
		if (values != counters)
			fail_msg("shape %zu: %u of its %u counters can be read", s, values,
				 counters);
	}
}

/* A preset that two counters share would not tell which of them was read. */
static void test_presets_differ(void **state)
{
	static const uint32_t reads[] = { 0,          1,          2,         3,          4,
					  5,          6,          7,         0x20000000, 0x40000000,
					  0x40000001, 0x40000002, 0x40000003 };

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(shapes); s++)
		for (size_t i = 0; i < ARRAY_SIZE(reads); i++)
			for (size_t j = 0; j < i; j++) {
				struct expectation a = expect_rdpmc(shapes[s], reads[i], 0, false);
				struct expectation b = expect_rdpmc(shapes[s], reads[j], 0, false);

				if (!a.gp && !b.gp && a.preset == b.preset)
					fail_msg("shape %zu: %#x and %#x", s, reads[i], reads[j]);
			}
}

/* PERF_METRICS from eight fractions, the four of level 1 first. */
#define METRICS(retiring, bad, front, back)                                                        \
	(0x0102030400000000ULL | (uint64_t)(back) << 24 | (front) << 16 | (bad) << 8 | (retiring))

static void test_metrics_plausible(void **state)
{
	(void)state;
	assert_true(expect_metrics_plausible(GUEST_PRESET_METRICS));
	assert_true(expect_metrics_plausible(METRICS(0xff, 0, 0, 8)));
	assert_true(expect_metrics_plausible(METRICS(0xf0, 0, 7, 0)));
	assert_false(expect_metrics_plausible(METRICS(0xff, 0, 9, 0)));
	assert_false(expect_metrics_plausible(METRICS(0xf0, 6, 0, 0)));
	assert_false(expect_metrics_plausible(0));
	assert_false(expect_metrics_plausible(~0ULL));
}

static void test_running(void **state)
{
	static const struct {
		const char *name;
		const struct pmu_shape *pmu;
		uint32_t ecx;
		uint64_t first, second;
		bool plausible;
	} rows[] = {
		{ "grown", &skylake, 0, 1000, 1001, true },
		{ "stands still", &skylake, 0, 1000, 1000, false },
		{ "stands still at 0", &skylake, 0, 0, 0, false },
		{ "backwards", &skylake, 0, 1001, 1000, false },
		{ "last GP", &skylake, 7, 1, 0x100000000, true },
		{ "fixed", &skylake, 0x40000001, 5, 6, true },
		{ "fixed stands still", &skylake, 0x40000001, 5, 5, false },
		{ "fixed backwards", &skylake, 0x40000001, 6, 5, false },
		{ "slots", &ice_lake, 0x40000003, 5, 6, true },
		{ "slots stand still", &ice_lake, 0x40000003, 5, 5, false },
		{ "AMD", &zen_4, 5, 5, 6, true },
		{ "AMD stands still", &zen_4, 5, 5, 5, false },
		/* bits that the counter does not have */
		{ "above the width", &skylake, 0, 5, 1ULL << 48, false },
		{ "the first above the width", &skylake, 0, 1ULL << 48, (1ULL << 48) + 1, false },
		{ "all of the width", &skylake, 0, 5, (1ULL << 48) - 1, true },
		{ "fixed above the width", &no_wide_writes, 0x40000000, 5, 1ULL << 40, false },
		{ "GP wider than fixed", &no_wide_writes, 0, 5, 1ULL << 40, true },
		{ "AMD above the width", &zen_4, 0, 5, 1ULL << 48, false },
		{ "64 bits", &all_bits, 0, 5, ~0ULL, true },
		/* a fraction may well stay what it was, and grow or shrink */
		{ "metrics", &ice_lake, 0x20000000, METRICS(0x40, 0x20, 0x50, 0x4f),
		  METRICS(0x40, 0x20, 0x50, 0x4f), true },
		{ "metrics, smaller", &ice_lake, 0x20000000, METRICS(0x40, 0x20, 0x50, 0x4f),
		  METRICS(0, 0, 0xff, 0), true },
		{ "one fraction has all", &ice_lake, 0x20000000, 0, METRICS(0, 0, 0, 0xff), true },
		{ "retiring has all", &ice_lake, 0x20000000, 0, METRICS(0xff, 0, 0, 0), true },
		{ "speculation has all", &ice_lake, 0x20000000, 0, METRICS(0, 0xff, 0, 0), true },
		{ "slack above", &ice_lake, 0x20000000, 0, METRICS(0x47, 0x20, 0x50, 0x50), true },
		{ "above the slack", &ice_lake, 0x20000000, 0, METRICS(0x48, 0x20, 0x50, 0x50),
		  false },
		{ "slack below", &ice_lake, 0x20000000, 0, METRICS(0x40, 0x20, 0x50, 0x47), true },
		{ "below the slack", &ice_lake, 0x20000000, 0, METRICS(0x40, 0x20, 0x50, 0x46),
		  false },
		{ "all full", &ice_lake, 0x20000000, 0, METRICS(0xff, 0xff, 0xff, 0xff), false },
		{ "sum of 0x1ff", &ice_lake, 0x20000000, 0, METRICS(0xff, 0xff, 0x01, 0x00), false },
		{ "metrics stopped at 0", &ice_lake, 0x20000000, 0, 0, false },
		{ "only level 2", &ice_lake, 0x20000000, 0, 0xff00000000, false },
	};

	(void)state;
	assert_int_equal(EXPECT_METRICS_SLACK, 8);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (expect_running(rows[i].pmu, rows[i].ecx, rows[i].first, rows[i].second) !=
		    rows[i].plausible)
			fail_msg("%s", rows[i].name);
}

static const struct setting_host vmx = { .backend = KVM_BACKEND_VMX,
					 .cpu = INTEL(4, 8, 48, 3, 48, CAPS),
					 .kvm = INTEL(2, 8, 48, 3, 48, CAPS),
					 .enable_pmu = PARAM_YES,
					 .enable_mediated_pmu = PARAM_YES,
					 .enable_vmware_backdoor = PARAM_NO };
static const struct setting_host vmx_metrics = { .backend = KVM_BACKEND_VMX,
						 .cpu = INTEL(5, 8, 48, 4, 48, CAPS_METRICS),
						 .kvm = INTEL(2, 8, 48, 4, 48, CAPS_METRICS),
						 .enable_pmu = PARAM_YES,
						 .enable_mediated_pmu = PARAM_YES,
						 .enable_vmware_backdoor = PARAM_NO };
static const struct setting_host svm = { .backend = KVM_BACKEND_SVM,
					 .cpu = AMD(2, 6),
					 .kvm = AMD(2, 6),
					 .enable_pmu = PARAM_YES,
					 .enable_mediated_pmu = PARAM_YES,
					 .enable_vmware_backdoor = PARAM_NO };
/* A guest hypervisor that sees no PMU: which fault comes first is up to what is below. */
static const struct setting_host svm_no_pmu = { .backend = KVM_BACKEND_SVM,
						.cpu = { .vendor = CPU_VENDOR_AMD },
						.kvm = { .vendor = CPU_VENDOR_AMD },
						.nested = true,
						.enable_pmu = PARAM_NO };
static const struct setting_host svm_4 = { .backend = KVM_BACKEND_SVM,
					   .cpu = AMD(1, 4),
					   .kvm = AMD(1, 4),
					   .enable_pmu = PARAM_YES,
					   .enable_mediated_pmu = PARAM_ABSENT,
					   .enable_vmware_backdoor = PARAM_ABSENT };
static const struct setting_host pvm = { .backend = KVM_BACKEND_PVM,
					 .cpu = { .vendor = CPU_VENDOR_AMD },
					 .kvm = { .vendor = CPU_VENDOR_AMD },
					 .nested = true,
					 .enable_pmu = PARAM_NO };

static const char *exits_name(enum exits_expected exits)
{
	return exits == EXITS_NONE ? "none" : exits == EXITS_EACH ? "each" : "any";
}

#define IN  SETTING_INTERCEPTED
#define OUT SETTING_PASSTHROUGH

static void test_exits(void **state)
{
	static const struct {
		const char *name;
		const struct setting_host *host;
		enum setting_kind setting;
		const struct pmu_shape *guest;
		uint32_t ecx;
		unsigned int cpl;
		bool pce;
		enum exits_expected exits;
	} rows[] = {
		/* VMX-PRIORITY: the privilege fault before the exit, a bad ECX after it */
		{ "value", &vmx, IN, &skylake, 0, 3, true, EXITS_EACH },
		{ "value, CPL 0", &vmx, IN, &skylake, 0, 0, false, EXITS_EACH },
		{ "fixed", &vmx, IN, &skylake, 0x40000002, 3, true, EXITS_EACH },
		{ "bad index", &vmx, IN, &skylake, 8, 3, true, EXITS_EACH },
		{ "bad index, CPL 0", &vmx, IN, &skylake, 0xffff, 0, false, EXITS_EACH },
		{ "bad type", &vmx, IN, &skylake, 0x60000000, 3, true, EXITS_EACH },
		{ "fast", &vmx, IN, &skylake, 0x80000000, 0, true, EXITS_EACH },
		{ "type 1", &vmx, IN, &skylake, 0x10000, 3, true, EXITS_EACH },
		{ "no privilege", &vmx, IN, &skylake, 0, 3, false, EXITS_NONE },
		{ "no privilege, bad index", &vmx, IN, &skylake, 8, 3, false, EXITS_NONE },
		{ "no privilege, bad type", &vmx, IN, &skylake, 0x60000000, 3, false, EXITS_NONE },
		{ "no PMU", &vmx, IN, &no_pmu, 0, 3, true, EXITS_EACH },
		{ "no PMU, CPL 0", &vmx, IN, &no_pmu, 0, 0, false, EXITS_EACH },
		{ "no PMU, no privilege", &vmx, IN, &no_pmu, 0, 3, false, EXITS_NONE },
		{ "metrics", &vmx_metrics, IN, &ice_lake, 0x20000000, 3, true, EXITS_EACH },
		{ "metrics, index 1", &vmx_metrics, IN, &ice_lake, 0x20000001, 3, true,
		  EXITS_EACH },
		{ "metrics hidden", &vmx_metrics, IN, &metrics_hidden, 0x20000000, 0, false,
		  EXITS_EACH },
		/* VMX-PASS */
		{ "value", &vmx, OUT, &skylake, 0, 3, true, EXITS_NONE },
		{ "value, CPL 0", &vmx, OUT, &skylake, 7, 0, false, EXITS_NONE },
		{ "bad index", &vmx, OUT, &skylake, 8, 3, true, EXITS_NONE },
		{ "bad type", &vmx, OUT, &skylake, 0x60000000, 0, false, EXITS_NONE },
		{ "no privilege", &vmx, OUT, &skylake, 0, 3, false, EXITS_NONE },
		{ "metrics", &vmx_metrics, OUT, &ice_lake, 0x20000000, 3, true, EXITS_NONE },
		{ "metrics, index 1", &vmx_metrics, OUT, &ice_lake, 0x20000001, 3, true,
		  EXITS_NONE },

		/* SVM-PRIORITY: every exception of the processor's before the exit */
		{ "value", &svm, IN, &zen_4, 0, 3, true, EXITS_EACH },
		{ "value, CPL 0", &svm, IN, &zen_4, 5, 0, false, EXITS_EACH },
		{ "no privilege", &svm, IN, &zen_4, 0, 3, false, EXITS_NONE },
		{ "bad type", &svm, IN, &zen_4, 0x60000000, 3, true, EXITS_NONE },
		{ "metrics", &svm, IN, &zen_4, 0x20000000, 3, true, EXITS_NONE },
		{ "bit 30", &svm, IN, &zen_4, 0x40000000, 0, false, EXITS_NONE },
		{ "bit 31", &svm, IN, &zen_4, 0x80000000, 0, false, EXITS_NONE },
		{ "type 1", &svm, IN, &zen_4, 0x10000, 0, false, EXITS_NONE },
		{ "all ones", &svm, IN, &zen_4, 0xffffffff, 0, false, EXITS_NONE },
		/* what the guest lacks and the processor has is no exception of the processor's */
		{ "the guest's 5 of 6", &svm, IN, &five, 5, 3, true, EXITS_EACH },
		{ "the guest's 5 of 6, no privilege", &svm, IN, &five, 5, 3, false, EXITS_NONE },
		{ "no PMU", &svm, IN, &no_pmu_amd, 0, 3, true, EXITS_EACH },
		{ "no PMU, CPL 0", &svm, IN, &no_pmu_amd, 5, 0, false, EXITS_EACH },
		{ "no PMU, no privilege", &svm, IN, &no_pmu_amd, 0, 3, false, EXITS_NONE },
		{ "no PMU, bad type", &svm, IN, &no_pmu_amd, 0x60000000, 0, false, EXITS_NONE },
		{ "host without a PMU", &svm_no_pmu, IN, &no_pmu_amd, 0, 0, false, EXITS_ANY },
		{ "4 of 4", &svm_4, IN, &zen_1, 3, 0, false, EXITS_EACH },
		{ "no fifth of 4", &svm_4, IN, &zen_1, 4, 0, false, EXITS_NONE },
		{ "fabric, no privilege", &svm, IN, &zen_4, 6, 3, false, EXITS_NONE },
		{ "value", &svm, OUT, &zen_4, 0, 3, true, EXITS_NONE },
		{ "value, CPL 0", &svm, OUT, &zen_4, 5, 0, false, EXITS_NONE },
		{ "bad index", &svm, OUT, &zen_4, 6, 0, false, EXITS_NONE },
		{ "no privilege", &svm, OUT, &zen_4, 0, 3, false, EXITS_NONE },

		/* PVM runs CPL 3 and emulates CPL 0: every RDPMC of CPL 3 traps, the faulting too */
		{ "no PMU", &pvm, IN, &no_pmu_amd, 0, 3, true, EXITS_EACH },
		{ "no privilege", &pvm, IN, &no_pmu_amd, 0, 3, false, EXITS_EACH },
		{ "bad type", &pvm, IN, &no_pmu_amd, 0x60000000, 3, true, EXITS_EACH },
		{ "with a PMU", &pvm, IN, &zen_3, 0, 3, true, EXITS_EACH },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct expectation e =
			expect_rdpmc(rows[i].guest, rows[i].ecx, rows[i].cpl, rows[i].pce);
		enum exits_expected exits = expect_exits(rows[i].host, rows[i].setting, &e,
							 rows[i].ecx, rows[i].cpl, rows[i].pce);

		if (exits != rows[i].exits)
			fail_msg("%s, %s, %s (%#x): %s", kvm_backend_name(rows[i].host->backend),
				 setting_kind_name(rows[i].setting), rows[i].name, rows[i].ecx,
				 exits_name(exits));
	}
}

/* Fabric and L3 counters: whether the processor has them is not in its PMU's shape. */
static void test_exits_of_uncore(void **state)
{
	static const uint32_t reads[] = { 6, 7, 9, 10, 15, 16 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		struct expectation e = expect_rdpmc(&zen_4, reads[i], 0, false);

		assert_int_equal(expect_exits(&svm, SETTING_INTERCEPTED, &e, reads[i], 0, false),
				 EXITS_ANY);
		assert_int_equal(expect_exits(&svm, SETTING_PASSTHROUGH, &e, reads[i], 0, false),
				 EXITS_NONE);
	}
}

/* At CPL 0 PVM may emulate many instructions in one exit; nothing says that it does not. */
static void test_exits_of_emulated_cpl0(void **state)
{
	struct expectation e = expect_rdpmc(&no_pmu_amd, 0, 0, false);

	(void)state;
	assert_int_not_equal(expect_exits(&pvm, SETTING_INTERCEPTED, &e, 0, 0, false), EXITS_NONE);
}

/* With the backdoor on KVM intercepts #GP itself, on VMX and SVM, to emulate what faulted. */
static void test_exits_of_backdoor(void **state)
{
	struct setting_host hosts[] = { vmx, svm };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		const struct pmu_shape *guest = &hosts[i].kvm;
		struct expectation e = expect_rdpmc(guest, 0, 3, false);

		hosts[i].enable_vmware_backdoor = PARAM_YES;
		assert_int_equal(expect_exits(&hosts[i], SETTING_INTERCEPTED, &e, 0, 3, false),
				 EXITS_EACH);
		e = expect_rdpmc(guest, 0x60000000, 0, false);
		assert_int_equal(
			expect_exits(&hosts[i], SETTING_INTERCEPTED, &e, 0x60000000, 0, false),
			EXITS_EACH);
	}
}

static void test_exits_met(void **state)
{
	static const struct {
		double exits;
		bool none, each;
	} rows[] = {
		{ 0, true, false },
		{ 0.0999, true, false },
		{ 0.1, true, false },
		{ 0.1001, false, false },
		{ 0.5, false, false },
		{ 0.8999, false, false },
		{ 0.9, false, true },
		{ 1, false, true },
		{ 2.02, false, true },
		{ 1000, false, true },
		/* a slope may come out just below 0 */
		{ -0.001, true, false },
		/* no counters are no proof */
		{ NAN, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (expect_exits_met(EXITS_NONE, KVM_BACKEND_PVM, rows[i].exits) != rows[i].none ||
		    expect_exits_met(EXITS_EACH, KVM_BACKEND_PVM, rows[i].exits) != rows[i].each ||
		    !expect_exits_met(EXITS_ANY, KVM_BACKEND_PVM, rows[i].exits))
			fail_msg("%g exits", rows[i].exits);
}

/* One read is one exit with VMX and SVM; more is something else that is measured with it. */
static void test_exits_met_is_two_sided(void **state)
{
	(void)state;
	assert_true(expect_exits_met(EXITS_EACH, KVM_BACKEND_VMX, 1.0));
	assert_true(expect_exits_met(EXITS_EACH, KVM_BACKEND_SVM, 1.1));
	assert_false(expect_exits_met(EXITS_EACH, KVM_BACKEND_VMX, 1.2));
	assert_false(expect_exits_met(EXITS_EACH, KVM_BACKEND_SVM, 2.0));
	assert_false(expect_exits_met(EXITS_EACH, KVM_BACKEND_VMX, 0.8));
	assert_true(expect_exits_met(EXITS_EACH, KVM_BACKEND_PVM, 2.0));
	assert_true(expect_exits_met(EXITS_ANY, KVM_BACKEND_VMX, 2.0));
}

/* What is told of a read names one of the model's rules, by the id that a reader can look up. */
static void test_rules_are_the_models(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct expectation e = expect_rdpmc(table[i].pmu, table[i].ecx, 0, true);
		bool found = false;

		for (int rule = 0; rule < NR_RULES; rule++)
			found |= e.rule == rdpmc_rules[rule].id;
		assert_true(found);
	}
	assert_string_equal(expect_vmware_tsc().rule, "VMWARE-PMC");
	assert_true(expect_vmware_tsc().any && !expect_vmware_tsc().gp);
}

/* A hypervisor that announces more than any register has room for is not trusted. */
static void test_absurd_announcements(void **state)
{
	static const struct pmu_shape absurd = INTEL(5, 255, 255, 255, 255, CAPS);
	struct rdpmc_pmu pmu = modelled_pmu(&absurd);

	(void)state;
	assert_int_equal(pmu.nr_gp, RDPMC_MAX_GP);
	assert_int_equal(pmu.gp_width, 64);
	assert_int_equal(pmu.nr_fixed, 31);
	assert_int_equal(pmu.fixed_width, 64);
	assert_false(expect_rdpmc(&absurd, 31, 0, true).gp);
	assert_true(expect_rdpmc(&absurd, 32, 0, true).gp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_no_pmu),
		cmocka_unit_test(test_nothing_else),
		cmocka_unit_test(test_presets_differ),
		cmocka_unit_test(test_metrics_plausible),
		cmocka_unit_test(test_running),
		cmocka_unit_test(test_exits),
		cmocka_unit_test(test_exits_of_uncore),
		cmocka_unit_test(test_exits_of_emulated_cpl0),
		cmocka_unit_test(test_exits_of_backdoor),
		cmocka_unit_test(test_exits_met),
		cmocka_unit_test(test_exits_met_is_two_sided),
		cmocka_unit_test(test_rules_are_the_models),
		cmocka_unit_test(test_absurd_announcements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
