// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves what guests of every kind become on hosts of every kind: the most that KVM gives, never
 * more, and nothing else than was asked where it can be given. No KVM is needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fuzz/engines/live/clamp.h"
#include "host/cpuid_pmu.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define METRICS       PERF_CAP_PERF_METRICS
#define FW            PERF_CAP_FW_WRITES
#define CLEAR         RDPMC_CAP_METRICS_CLEAR

#define INTEL_PMU(v, gp, gpw, fx, fxw, caps)                                                       \
	{                                                                                          \
		CPU_VENDOR_INTEL, v, gp, gpw, fx, fxw, caps                                        \
	}
#define AMD_PMU(v, gp)                                                                             \
	{                                                                                          \
		CPU_VENDOR_AMD, v, gp, v ? 48 : 0, 0, 0, 0                                         \
	}

enum host_name {
	NO_INTEL,
	NO_AMD,
	ICELAKE,
	SPR,
	SPR_METRICS,
	OLD_INTEL,
	ZEN1,
	ZEN2,
	ZEN4,
	NR_HOSTS
};

static const struct {
	const char *name;
	struct pmu_shape cpu, kvm;
} hosts[NR_HOSTS] = {
	[NO_INTEL] = { "Intel without", INTEL_PMU(0, 0, 0, 0, 0, 0), INTEL_PMU(0, 0, 0, 0, 0, 0) },
	[NO_AMD] = { "AMD, enable_pmu=N", AMD_PMU(1, 6), AMD_PMU(0, 0) },
	[ICELAKE] = { "Ice Lake", INTEL_PMU(5, 8, 48, 4, 48, METRICS | FW | 0x8f),
		      INTEL_PMU(2, 8, 48, 3, 48, FW | 0x4c0) },
	[SPR] = { "Sapphire Rapids", INTEL_PMU(5, 8, 48, 4, 48, METRICS | FW),
		  INTEL_PMU(5, 8, 48, 3, 48, FW) },
	[SPR_METRICS] = { "with PERF_METRICS", INTEL_PMU(5, 8, 48, 4, 48, METRICS | FW | CLEAR),
			  INTEL_PMU(5, 8, 48, 4, 48, METRICS | FW | CLEAR) },
	[OLD_INTEL] = { "version 1", INTEL_PMU(1, 2, 40, 0, 0, 0), INTEL_PMU(1, 2, 40, 0, 0, 0) },
	[ZEN1] = { "AMD, 4 counters", AMD_PMU(1, 6), AMD_PMU(1, 4) },
	[ZEN2] = { "Zen 2", AMD_PMU(1, 6), AMD_PMU(1, 6) },
	[ZEN4] = { "Zen 4", AMD_PMU(2, 6), AMD_PMU(2, 6) },
};

static struct live_host host_of(size_t i)
{
	const struct setting_host probed = { .cpu = hosts[i].cpu, .kvm = hosts[i].kvm };
	struct live_host host;

	memset(&host, 0xa5, sizeof(host));
	live_host(&probed, &host);
	return host;
}

/* Every field of a PMU: numbers are compared by size, sets and flags by inclusion. */
#define NUMBERS(X)                                                                                 \
	X(version) X(nr_gp) X(gp_width) X(nr_fixed) X(fixed_width) X(old_counters) X(nr_nb)
#define SETS(X)                                                                                    \
	X(fixed_bitmap)                                                                            \
	X(leaf23_gp)                                                                               \
	X(leaf23_fixed)                                                                            \
	X(user_disable) X(perf_capabilities) X(old_fast) X(ext_core) X(ext_nb) X(ext_l3) X(no_pdcm)

static bool same(const struct rdpmc_pmu *a, const struct rdpmc_pmu *b)
{
#define SAME(field) &&a->field == b->field
	return a->vendor == b->vendor NUMBERS(SAME) SETS(SAME);
}

static bool within(const struct rdpmc_pmu *a, const struct rdpmc_pmu *max)
{
#define NOT_MORE(field) &&a->field <= max->field
#define SUBSET(field)   &&!((uint64_t)a->field & ~(uint64_t)max->field)
	return a->vendor == max->vendor NUMBERS(NOT_MORE) SETS(SUBSET);
}

static void same_shape(const char *name, const struct pmu_shape *a, const struct pmu_shape *b)
{
	if (a->vendor != b->vendor || a->version != b->version || a->nr_gp != b->nr_gp ||
	    a->gp_width != b->gp_width || a->nr_fixed != b->nr_fixed ||
	    a->fixed_width != b->fixed_width || a->perf_capabilities != b->perf_capabilities)
		fail_msg("%s: v%u %ux%u %ux%u %#llx, not v%u", name, a->version, a->nr_gp,
			 a->gp_width, a->nr_fixed, a->fixed_width,
			 (unsigned long long)a->perf_capabilities, b->version);
}

/* What guests see of @shape in CPUID. */
static struct pmu_shape by_cpuid(const struct pmu_shape *shape)
{
	/* All else in these leaves is not to matter. */
	struct cpuid_regs a = { 0x07000000, 0xff, 0, 0xffff8000 }, b = { 0 };
	struct pmu_shape read;

	if (shape->vendor == CPU_VENDOR_AMD) {
		pmu_to_cpuid_amd(shape, &a, &b);
		pmu_from_cpuid_amd(&a, &b, &read);
		if (!shape->version) /* which AMD's CPUID cannot say */
			read = (struct pmu_shape){ .vendor = CPU_VENDOR_AMD };
	} else {
		pmu_to_cpuid_0a(shape, &a);
		pmu_from_cpuid_0a(&a, &read);
	}
	read.perf_capabilities = shape->perf_capabilities;
	return read;
}

/* What is true of any guest on any host. Returns whether it was changed. */
static bool clamp(const struct live_host *host, struct rdpmc_pmu *guest)
{
	const struct rdpmc_pmu asked = *guest;
	struct rdpmc_view view, max_view;
	struct pmu_shape shape, read;
	struct rdpmc_pmu again;
	bool changed = live_clamp(host, guest);

	assert_int_equal(changed, !same(&asked, guest));
	assert_true(within(guest, &host->max));
	if (asked.vendor == host->max.vendor)
		assert_true(within(guest, &asked));
	else
		assert_true(same(guest, &host->max));
	again = *guest;
	assert_false(live_clamp(host, &again));
	assert_true(same(&again, guest));

	memset(&shape, 0xa5, sizeof(shape));
	live_shape(guest, &shape);
	assert_int_equal(shape.version, guest->version);
	if (!shape.version)
		assert_false(shape.nr_gp || shape.gp_width || shape.nr_fixed || shape.fixed_width ||
			     shape.perf_capabilities);
	read = by_cpuid(&shape);
	same_shape("by CPUID", &read, &shape);
	rdpmc_view(guest, &rdpmc_default_choices, &view);
	rdpmc_view(&host->max, &rdpmc_default_choices, &max_view);
	for (int class = 0; class < NR_CLASSES; class ++) {
		assert_int_equal(view.readable[class] & ~max_view.readable[class], 0);
		if (view.readable[class])
			assert_true(view.width[class] <= max_view.width[class]);
	}
	return changed;
}

static void test_hosts(void **unused)
{
	static const enum param params[] = { PARAM_ABSENT, PARAM_NO, PARAM_YES };
	/* Those that a read or the writing of its counter depends on. */
	const uint64_t capabilities = METRICS | CLEAR | FW;

	(void)unused;
	for (size_t i = 0; i < 9 * NR_HOSTS; i++) {
		const struct setting_host probed = {
			.cpu = hosts[i / 9].cpu,
			.kvm = hosts[i / 9].kvm,
			.enable_mediated_pmu = params[i % 3],
			.enable_vmware_backdoor = params[i / 3 % 3],
		};
		struct pmu_shape shape, expected;
		struct live_host host;

		memset(&host, 0xa5, sizeof(host));
		live_host(&probed, &host);
		assert_int_equal(host.policy.mediated_pmu, i % 3 == 2);
		assert_int_equal(host.policy.vmware_backdoor, i / 3 % 3 == 2);
		expected = probed.kvm;
		expected.perf_capabilities &= capabilities;
		live_shape(&host.max, &shape);
		same_shape(hosts[i / 9].name, &shape, &expected);
		expected = probed.cpu;
		expected.perf_capabilities &= capabilities;
		live_shape(&host.processor, &shape);
		same_shape(hosts[i / 9].name, &shape, &expected);
		/* What KVM gives is told by no leaf 0x23 and no other counters. */
		assert_false(host.max.fixed_bitmap || host.max.leaf23_gp ||
			     host.max.leaf23_fixed || host.max.user_disable ||
			     host.max.old_counters || host.max.old_fast || host.max.ext_nb ||
			     host.max.ext_l3 || host.max.nr_nb);
	}
}

#define V(v, gp, gpw, fx, fxw, caps)                                                               \
	{                                                                                          \
		.vendor = RDPMC_INTEL, .version = v, .nr_gp = gp, .gp_width = gpw, .nr_fixed = fx, \
		.fixed_width = fxw, .perf_capabilities = caps                                      \
	}
#define A(v, gp, ext)                                                                              \
	{                                                                                          \
		.vendor = RDPMC_AMD, .version = v, .nr_gp = gp, .ext_core = ext                    \
	}

/* A guest on a host, and what it is then. */
static const struct {
	enum host_name host;
	struct rdpmc_pmu asked, given;
} rows[] = {
	/* No PMU to be had. */
	{ NO_INTEL, V(0, 0, 0, 0, 0, 0), V(0, 0, 0, 0, 0, 0) },
	{ NO_INTEL, V(5, 8, 48, 4, 48, METRICS), V(0, 0, 0, 0, 0, 0) },
	{ NO_INTEL,
	  { .vendor = RDPMC_INTEL, .old_counters = 2, .old_fast = true },
	  V(0, 0, 0, 0, 0, 0) },
	{ NO_INTEL, A(2, 6, true), V(0, 0, 0, 0, 0, 0) },
	{ NO_INTEL, A(0, 0, false), V(0, 0, 0, 0, 0, 0) },
	{ NO_AMD, A(0, 0, false), A(0, 0, false) },
	{ NO_AMD, A(1, 0, true), A(0, 0, false) },
	{ NO_AMD, V(5, 8, 48, 4, 48, METRICS), A(0, 0, false) },
	/* Less of everything, and of each by itself. */
	{ ICELAKE, V(5, 8, 48, 4, 48, METRICS | FW), V(2, 8, 48, 3, 48, FW) },
	{ ICELAKE, V(2, 8, 48, 3, 48, FW), V(2, 8, 48, 3, 48, FW) },
	{ ICELAKE, V(2, 8, 48, 3, 48, 0), V(2, 8, 48, 3, 48, 0) },
	{ ICELAKE, V(5, 4, 40, 2, 40, 0), V(2, 4, 40, 2, 40, 0) },
	{ ICELAKE, V(1, 9, 64, 0, 0, 0), V(1, 8, 48, 0, 0, 0) },
	{ ICELAKE, V(1, 4, 48, 3, 48, 0), V(1, 4, 48, 0, 0, 0) },
	{ ICELAKE, V(2, 32, 48, 31, 64, 0), V(2, 8, 48, 3, 48, 0) },
	{ ICELAKE, V(0, 0, 0, 0, 0, 0), V(0, 0, 0, 0, 0, 0) },
	{ ICELAKE, V(0, 4, 48, 3, 48, FW), V(0, 0, 0, 0, 0, 0) },
	{ SPR, V(5, 8, 48, 4, 48, METRICS | FW), V(5, 8, 48, 3, 48, FW) },
	{ SPR, V(5, 8, 47, 3, 48, FW), V(5, 8, 47, 3, 48, FW) },
	{ SPR, V(5, 7, 48, 3, 47, FW), V(5, 7, 48, 3, 47, FW) },
	{ SPR, V(5, 8, 48, 2, 48, FW | 0x3f), V(5, 8, 48, 2, 48, FW) },
	{ SPR, V(6, 10, 48, 4, 48, 0), V(5, 8, 48, 3, 48, 0) },
	{ SPR, V(4, 8, 48, 3, 48, 0), V(4, 8, 48, 3, 48, 0) },
	{ SPR,
	  { .vendor = RDPMC_INTEL,
	    .version = 6,
	    .nr_gp = 8,
	    .gp_width = 48,
	    .nr_fixed = 3,
	    .fixed_width = 48,
	    .fixed_bitmap = 0x77,
	    .leaf23_gp = 0xff,
	    .leaf23_fixed = 0x77,
	    .user_disable = true,
	    .old_counters = 2,
	    .old_fast = true,
	    .ext_core = true,
	    .ext_nb = true,
	    .ext_l3 = true,
	    .nr_nb = 8 },
	  V(5, 8, 48, 3, 48, 0) },
	{ SPR, A(2, 6, true), V(5, 8, 48, 3, 48, FW) },
	{ SPR_METRICS, V(5, 8, 48, 4, 48, METRICS | CLEAR), V(5, 8, 48, 4, 48, METRICS | CLEAR) },
	{ SPR_METRICS, V(5, 8, 48, 4, 48, METRICS), V(5, 8, 48, 4, 48, METRICS) },
	{ SPR_METRICS, V(5, 8, 48, 3, 48, FW), V(5, 8, 48, 3, 48, FW) },
	{ SPR_METRICS, A(1, 0, true), V(5, 8, 48, 4, 48, METRICS | FW | CLEAR) },
	{ OLD_INTEL, V(5, 8, 48, 4, 48, METRICS), V(1, 2, 40, 0, 0, 0) },
	{ OLD_INTEL, V(1, 1, 32, 0, 0, 0), V(1, 1, 32, 0, 0, 0) },
	/* AMD: 4 or 6, or as many as version 2 says. */
	{ ZEN1, A(1, 0, true), A(1, 0, false) },
	{ ZEN1, A(2, 6, true), A(1, 0, false) },
	{ ZEN1, A(1, 0, false), A(1, 0, false) },
	{ ZEN2, A(1, 0, true), A(1, 0, true) },
	{ ZEN2, A(1, 0, false), A(1, 0, false) },
	{ ZEN2, A(2, 6, true), A(1, 0, true) },
	{ ZEN2, A(2, 4, false), A(1, 0, false) },
	{ ZEN2, A(0, 0, false), A(0, 0, false) },
	{ ZEN2, V(5, 8, 48, 4, 48, METRICS), A(1, 0, true) },
	{ ZEN4, A(2, 6, true), A(2, 6, true) },
	{ ZEN4, A(2, 4, true), A(2, 4, true) },
	{ ZEN4, A(2, 16, true), A(2, 6, true) },
	{ ZEN4, A(1, 0, true), A(1, 0, true) },
	{ ZEN4, A(1, 5, false), A(1, 0, false) },
	{ ZEN4,
	  { .vendor = RDPMC_AMD,
	    .version = 2,
	    .nr_gp = 6,
	    .ext_core = true,
	    .ext_nb = true,
	    .ext_l3 = true,
	    .nr_nb = 16,
	    .gp_width = 48,
	    .perf_capabilities = METRICS },
	  A(2, 6, true) },
	{ ZEN4, V(2, 4, 48, 3, 48, 0), A(2, 6, true) },
};

static void test_rows(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct live_host host = host_of(rows[i].host);
		struct rdpmc_pmu guest = rows[i].asked;
		const bool changed = clamp(&host, &guest);

		if (!same(&guest, &rows[i].given) ||
		    changed == same(&rows[i].asked, &rows[i].given))
			fail_msg("%s, row %zu: changed %d, v%u, %u x %u, %u x %u, %llx, %d",
				 hosts[rows[i].host].name, i, changed, guest.version, guest.nr_gp,
				 guest.gp_width, guest.nr_fixed, guest.fixed_width,
				 (unsigned long long)guest.perf_capabilities, guest.ext_core);
	}
}

/* How many counters an AMD guest's CPUID tells. */
static void test_amd_shapes(void **unused)
{
	static const struct rdpmc_pmu guests[] = { A(0, 0, false), A(1, 0, false), A(1, 0, true),
						   A(2, 6, true), A(2, 3, true) };
	static const unsigned int nr_gp[] = { 0, 4, 6, 6, 3 };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(guests); i++) {
		struct pmu_shape shape;

		live_shape(&guests[i], &shape);
		assert_int_equal(shape.vendor, CPU_VENDOR_AMD);
		assert_int_equal(shape.nr_gp, nr_gp[i]);
		assert_int_equal(shape.gp_width, nr_gp[i] ? 48 : 0);
	}
}

/* One field less than the most, whichever it is, is given as asked; one more is the most. */
static void test_one_field(void **unused)
{
	const size_t offsets[] = { offsetof(struct rdpmc_pmu, nr_gp),
				   offsetof(struct rdpmc_pmu, gp_width),
				   offsetof(struct rdpmc_pmu, nr_fixed),
				   offsetof(struct rdpmc_pmu, fixed_width) };

	(void)unused;
	for (size_t i = 0; i < NR_HOSTS * ARRAY_SIZE(offsets); i++) {
		const struct live_host host = host_of(i / ARRAY_SIZE(offsets));
		const size_t at = offsets[i % ARRAY_SIZE(offsets)];
		struct rdpmc_pmu guest = host.max;
		uint8_t *field = (uint8_t *)&guest + at;

		assert_false(clamp(&host, &guest));
		if (*field) {
			--*field;
			assert_false(clamp(&host, &guest));
		}
		guest = host.max;
		++*field;
		assert_true(clamp(&host, &guest));
		assert_true(same(&guest, &host.max));
	}
}

/* What KVM gives no guest: each by itself is taken away, and that is told. */
static void test_foreign(void **unused)
{
	static const struct rdpmc_pmu foreign[] = {
		{ .fixed_bitmap = 1 },      { .leaf23_gp = 1 },    { .leaf23_fixed = 1 },
		{ .user_disable = true },   { .old_counters = 1 }, { .old_fast = true },
		{ .ext_nb = true },         { .ext_l3 = true },    { .nr_nb = 1 },
		{ .perf_capabilities = 1 },
	};

	(void)unused;
	for (size_t i = 0; i < NR_HOSTS * ARRAY_SIZE(foreign); i++) {
		const struct live_host host = host_of(i / ARRAY_SIZE(foreign));
		const struct rdpmc_pmu *more = &foreign[i % ARRAY_SIZE(foreign)];
		struct rdpmc_pmu guest = host.max;

#define ADD(field) guest.field |= more->field;
		SETS(ADD)
		guest.nr_nb |= more->nr_nb;
		guest.old_counters |= more->old_counters;
		assert_true(clamp(&host, &guest));
		assert_true(same(&guest, &host.max));
	}
}

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

static void random_guest(uint64_t *seed, struct rdpmc_pmu *guest)
{
	const uint64_t r = next(seed), s = next(seed);

	*guest = (struct rdpmc_pmu){
		.vendor = r & 1 ? RDPMC_AMD : RDPMC_INTEL,
		.version = (uint8_t)((r >> 1 & 7) % 7),
		.nr_gp = (uint8_t)((r >> 4 & 63) % (RDPMC_MAX_GP + 1)),
		.gp_width = (uint8_t)((r >> 10 & 127) % 65),
		.nr_fixed = r >> 17 & 31,
		.fixed_width = (uint8_t)((r >> 22 & 127) % 65),
		.old_counters = r >> 29 & 3,
		.old_fast = r >> 31 & 1,
		.perf_capabilities = s & (r >> 32 & 1 ? ~0ULL : METRICS | FW | CLEAR),
		.ext_core = r >> 33 & 1,
		.ext_nb = r >> 34 & 1,
		.ext_l3 = r >> 35 & 1,
		.nr_nb = r >> 36 & 63,
		.user_disable = r >> 42 & 1,
	};
	if (guest->vendor == RDPMC_AMD)
		guest->version %= 3;
	if (r >> 43 & 1) {
		guest->fixed_bitmap = (uint32_t)next(seed);
		guest->leaf23_gp = (uint32_t)next(seed);
		guest->leaf23_fixed = (uint32_t)next(seed);
	}
}

static void test_random(void **unused)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	unsigned int stayed = 0, changed = 0;

	(void)unused;
	for (unsigned int i = 0; i < 100000; i++) {
		const struct live_host host = host_of(i % NR_HOSTS);
		struct rdpmc_pmu guest;

		random_guest(&seed, &guest);
		changed += clamp(&host, &guest);
		/* One that is asked of this host's own vendor and less stays itself. */
		stayed += !clamp(&host, &guest);
	}
	assert_int_equal(stayed, 100000);
	assert_in_range(changed, 50000, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),      cmocka_unit_test(test_rows),
		cmocka_unit_test(test_amd_shapes), cmocka_unit_test(test_one_field),
		cmocka_unit_test(test_foreign),    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
