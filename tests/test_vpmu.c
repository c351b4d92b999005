// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the simulated PMU takes and refuses MSR accesses as a processor does, counts only
 * what is enabled twice, and answers RDPMC by the rules of its shape.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/expect.h"
#include "host/vpmu.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* SDM vol. 4, table 2-2 */
#define IA32_PMC0                 0xc1
#define IA32_PERFEVTSEL0          0x186
#define IA32_FIXED_CTR0           0x309
#define MSR_PERF_METRICS          0x329
#define IA32_PERF_CAPABILITIES    0x345
#define IA32_FIXED_CTR_CTRL       0x38d
#define IA32_PERF_GLOBAL_STATUS   0x38e
#define IA32_PERF_GLOBAL_CTRL     0x38f
#define IA32_PERF_GLOBAL_OVF_CTRL 0x390
#define IA32_A_PMC0               0x4c1

#define EVENTSEL_USR    (1ULL << 16)
#define EVENTSEL_OS     (1ULL << 17)
#define EVENTSEL_EN     (1ULL << 22)
#define EVENTSEL_CYCLES 0x3c /* unhalted core cycles, umask 0 */
#define GLOBAL_FIXED(i) (1ULL << (32 + (i)))
#define GLOBAL_METRICS  (1ULL << 48)
#define FIXED_OS_USR(i) (3ULL << (4 * (i)))
#define WIDTH_MASK      0xffffffffffffULL

#define SECOND 1000000000ULL

static struct vpmu vpmu;

static int fresh(void **state)
{
	(void)state;
	memset(&vpmu, 0xa5, sizeof(vpmu));
	vpmu_init(&vpmu);
	return 0;
}

static void write_at(uint32_t msr, uint64_t value, uint64_t now)
{
	if (!vpmu_write_msr(&vpmu, msr, value, now))
		fail_msg("write of %#llx to MSR %#x gives #GP", (unsigned long long)value, msr);
}

static uint64_t read_at(uint32_t msr, uint64_t now)
{
	uint64_t value = 0x5555;

	if (!vpmu_read_msr(&vpmu, msr, now, &value))
		fail_msg("read of MSR %#x gives #GP", msr);
	return value;
}

static uint64_t rdpmc_at(uint32_t ecx, uint64_t now)
{
	uint64_t value = 0x5555;

	if (!vpmu_rdpmc(&vpmu, ecx, 0, false, now, &value))
		fail_msg("RDPMC of %#x gives #GP", ecx);
	return value;
}

/* Refused, and nothing has changed. */
static void refuse_write(uint32_t msr, uint64_t value)
{
	struct vpmu before = vpmu;

	if (vpmu_write_msr(&vpmu, msr, value, before.now))
		fail_msg("MSR %#x takes %#llx", msr, (unsigned long long)value);
	assert_memory_equal(&vpmu, &before, sizeof(vpmu));
}

static void test_shape(void **state)
{
	static const struct pmu_shape ice_lake = { .vendor = CPU_VENDOR_INTEL,
						   .version = 5,
						   .nr_gp = 8,
						   .gp_width = 48,
						   .nr_fixed = 4,
						   .fixed_width = 48 };

	(void)state;
	assert_int_equal(vpmu.shape.vendor, ice_lake.vendor);
	assert_int_equal(vpmu.shape.version, ice_lake.version);
	assert_int_equal(vpmu.shape.nr_gp, ice_lake.nr_gp);
	assert_int_equal(vpmu.shape.gp_width, ice_lake.gp_width);
	assert_int_equal(vpmu.shape.nr_fixed, ice_lake.nr_fixed);
	assert_int_equal(vpmu.shape.fixed_width, ice_lake.fixed_width);
	assert_true(pmu_has_metrics(&vpmu.shape));
	assert_true(vpmu.shape.perf_capabilities & PERF_CAP_FW_WRITES);
	/* RDPMC_METRICS_CLEAR would make a read change the counter */
	assert_false(vpmu.shape.perf_capabilities & 1ULL << 19);
	assert_int_equal(read_at(IA32_PERF_CAPABILITIES, 0), vpmu.shape.perf_capabilities);
}

/* After INIT all is 0 (SDM vol. 3, table 9-1) and nothing counts. */
static void test_initial(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < VPMU_MAX_GP; i++) {
		assert_int_equal(read_at(IA32_PMC0 + i, SECOND), 0);
		assert_int_equal(read_at(IA32_A_PMC0 + i, SECOND), 0);
		assert_int_equal(read_at(IA32_PERFEVTSEL0 + i, SECOND), 0);
		assert_int_equal(rdpmc_at(i, SECOND), 0);
	}
	for (uint32_t i = 0; i < VPMU_MAX_FIXED; i++) {
		assert_int_equal(read_at(IA32_FIXED_CTR0 + i, SECOND), 0);
		assert_int_equal(rdpmc_at(0x40000000 + i, SECOND), 0);
	}
	assert_int_equal(read_at(IA32_FIXED_CTR_CTRL, SECOND), 0);
	assert_int_equal(read_at(IA32_PERF_GLOBAL_CTRL, SECOND), 0);
	assert_int_equal(read_at(MSR_PERF_METRICS, SECOND), 0);
	assert_int_equal(rdpmc_at(0x20000000, SECOND), 0);
}

static void test_legacy_writes(void **state)
{
	static const struct {
		uint64_t written, read;
	} rows[] = {
		{ 0, 0 },
		{ 1, 1 },
		{ 0x7fffffff, 0x7fffffff },
		{ 0x80000000, 0xffff80000000 },
		{ 0xffffffff, 0xffffffffffff },
		{ 0x11223300, 0x11223300 },
		{ 0xffffffff80000001, 0xffff80000001 },
		{ 0xffffffffffffffff, 0xffffffffffff },
		/* bits 63:32 are not looked at */
		{ 0x2511223300, 0x11223300 },
		{ 0x2591223300, 0xffff91223300 },
	};

	(void)state;
	for (uint32_t i = 0; i < VPMU_MAX_GP; i++)
		for (size_t j = 0; j < ARRAY_SIZE(rows); j++) {
			write_at(IA32_PMC0 + i, rows[j].written, 0);
			if (read_at(IA32_PMC0 + i, 0) != rows[j].read ||
			    read_at(IA32_A_PMC0 + i, 0) != rows[j].read ||
			    rdpmc_at(i, 0) != rows[j].read)
				fail_msg("counter %u, %#llx: %#llx", i,
					 (unsigned long long)rows[j].written,
					 (unsigned long long)rdpmc_at(i, 0));
		}
}

static void test_full_width_writes(void **state)
{
	static const uint64_t good[] = {
		0, 1, 0x80000000, 0x2511223307, 0x800000000000, WIDTH_MASK
	};
	static const uint64_t bad[] = { WIDTH_MASK + 1, 1ULL << 63, ~0ULL, 0xffffffff80000000 };

	(void)state;
	for (uint32_t i = 0; i < VPMU_MAX_GP; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(good); j++) {
			write_at(IA32_A_PMC0 + i, good[j], 0);
			assert_int_equal(read_at(IA32_A_PMC0 + i, 0), good[j]);
			assert_int_equal(read_at(IA32_PMC0 + i, 0), good[j]);
			assert_int_equal(rdpmc_at(i, 0), good[j]);
		}
		for (size_t j = 0; j < ARRAY_SIZE(bad); j++)
			refuse_write(IA32_A_PMC0 + i, bad[j]);
	}
	for (uint32_t i = 0; i < VPMU_MAX_FIXED; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(good); j++) {
			write_at(IA32_FIXED_CTR0 + i, good[j], 0);
			assert_int_equal(read_at(IA32_FIXED_CTR0 + i, 0), good[j]);
			assert_int_equal(rdpmc_at(0x40000000 + i, 0), good[j]);
		}
		for (size_t j = 0; j < ARRAY_SIZE(bad); j++)
			refuse_write(IA32_FIXED_CTR0 + i, bad[j]);
	}
}

/* Each counter is its own. */
static void test_counters_are_separate(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < VPMU_MAX_GP; i++) {
		write_at(IA32_A_PMC0 + i, 0x100 + i, 0);
		write_at(IA32_PERFEVTSEL0 + i, 0x10 + i, 0);
	}
	for (uint32_t i = 0; i < VPMU_MAX_FIXED; i++)
		write_at(IA32_FIXED_CTR0 + i, 0x200 + i, 0);
	write_at(MSR_PERF_METRICS, 0x283010084f502040, 0);
	for (uint32_t i = 0; i < VPMU_MAX_GP; i++) {
		assert_int_equal(rdpmc_at(i, 0), 0x100 + i);
		assert_int_equal(read_at(IA32_PERFEVTSEL0 + i, 0), 0x10 + i);
	}
	for (uint32_t i = 0; i < VPMU_MAX_FIXED; i++)
		assert_int_equal(rdpmc_at(0x40000000 + i, 0), 0x200 + i);
	assert_int_equal(rdpmc_at(0x20000000, 0), 0x283010084f502040);
	assert_int_equal(read_at(MSR_PERF_METRICS, 0), 0x283010084f502040);
}

static void test_reserved_bits(void **state)
{
	static const struct {
		uint32_t msr;
		uint64_t value;
		bool taken;
	} rows[] = {
		{ IA32_PERF_GLOBAL_CTRL, 0xff, true },
		{ IA32_PERF_GLOBAL_CTRL, 1ULL << 8, false },
		{ IA32_PERF_GLOBAL_CTRL, 0xfULL << 32, true },
		{ IA32_PERF_GLOBAL_CTRL, 1ULL << 36, false },
		{ IA32_PERF_GLOBAL_CTRL, 1ULL << 47, false },
		{ IA32_PERF_GLOBAL_CTRL, GLOBAL_METRICS, true },
		{ IA32_PERF_GLOBAL_CTRL, 1ULL << 49, false },
		{ IA32_PERF_GLOBAL_CTRL, 1ULL << 63, false },
		{ IA32_PERF_GLOBAL_CTRL, ~0ULL, false },
		{ IA32_PERF_GLOBAL_CTRL, GLOBAL_METRICS | 0xf000000ffULL, true },
		{ IA32_FIXED_CTR_CTRL, 0x3333, true },
		{ IA32_FIXED_CTR_CTRL, 0xbbbb, true }, /* with interrupts on overflow */
		{ IA32_FIXED_CTR_CTRL, 1ULL << 16, false },
		{ IA32_FIXED_CTR_CTRL, 3ULL << 16, false },
		{ IA32_FIXED_CTR_CTRL, 1ULL << 32, false },
		{ IA32_FIXED_CTR_CTRL, ~0ULL, false },
		{ IA32_PERFEVTSEL0, EVENTSEL_EN | EVENTSEL_OS | EVENTSEL_USR | 0x3c, true },
		{ IA32_PERFEVTSEL0 + 7, EVENTSEL_EN, true },
		{ IA32_PERFEVTSEL0, 1ULL << 63, false },
		{ IA32_PERFEVTSEL0 + 7, 1ULL << 40, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].taken) {
			write_at(rows[i].msr, rows[i].value, 0);
			assert_int_equal(read_at(rows[i].msr, 0), rows[i].value);
		} else {
			refuse_write(rows[i].msr, rows[i].value);
		}
}

/* MSRs that are read only, or not there. */
static void test_other_msrs(void **state)
{
	static const uint32_t absent[] = {
		0,
		0xc0,
		IA32_PMC0 + 8,
		0x185,
		IA32_PERFEVTSEL0 + 8,
		0x308,
		IA32_FIXED_CTR0 + 4,
		0x328,
		0x32a,
		0x4c0,
		IA32_A_PMC0 + 8,
		0xffffffff,
		0xc0010000,
		0xc0010200,
		0x80000000 | IA32_PMC0,
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		if (vpmu_read_msr(&vpmu, absent[i], 0, &value))
			fail_msg("MSR %#x can be read", absent[i]);
		refuse_write(absent[i], 0);
	}
	refuse_write(IA32_PERF_CAPABILITIES, 0);
	refuse_write(IA32_PERF_CAPABILITIES, vpmu.shape.perf_capabilities);
	refuse_write(IA32_PERF_GLOBAL_STATUS, 0);
}

/* No MSR number reaches behind an array: for ASan, and UBSan's bounds. */
static void test_all_msrs(void **state)
{
	uint64_t value, taken = 0;

	(void)state;
	for (uint32_t msr = 0; msr < 0x2000; msr++) {
		taken += vpmu_read_msr(&vpmu, msr, 0, &value);
		vpmu_write_msr(&vpmu, msr, 0, 0);
	}
	/* 8 GP counters in two ways and their selects, 4 fixed ones, 4 others at least */
	assert_in_range(taken, 3 * VPMU_MAX_GP + VPMU_MAX_FIXED + 4, 64);
}

/* A GP counter counts with its select's EN, a privilege, and its bit of the global control. */
static void test_gp_enables(void **state)
{
	static const struct {
		uint64_t select, global;
		bool counts;
	} rows[] = {
		{ EVENTSEL_EN | EVENTSEL_OS | EVENTSEL_USR, ~0ULL, true },
		{ EVENTSEL_OS | EVENTSEL_USR, ~0ULL, false },
		{ EVENTSEL_EN | EVENTSEL_OS | EVENTSEL_USR, 0, false },
		{ 0, ~0ULL, false },
	};

	(void)state;
	for (uint32_t i = 0; i < VPMU_MAX_GP; i++)
		for (size_t j = 0; j < ARRAY_SIZE(rows); j++) {
			uint64_t first, second;

			fresh(NULL);
			write_at(IA32_PERFEVTSEL0 + i, rows[j].select | EVENTSEL_CYCLES, 0);
			write_at(IA32_PERF_GLOBAL_CTRL, rows[j].global & 1ULL << i, 0);
			first = rdpmc_at(i, 1000);
			second = rdpmc_at(i, 2000);
			if ((first > 0 && second > first) != rows[j].counts ||
			    (!rows[j].counts && second))
				fail_msg("counter %u, row %zu: %llu, %llu", i, j,
					 (unsigned long long)first, (unsigned long long)second);
			for (uint32_t other = 0; other < VPMU_MAX_GP; other++)
				if (other != i)
					assert_int_equal(rdpmc_at(other, 3000), 0);
			for (uint32_t other = 0; other < VPMU_MAX_FIXED; other++)
				assert_int_equal(rdpmc_at(0x40000000 + other, 3000), 0);
		}
}

/* The other counters' enables are not this one's. */
static void test_gp_others_enables(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < VPMU_MAX_GP; i++) {
		fresh(NULL);
		for (uint32_t other = 0; other < VPMU_MAX_GP; other++)
			if (other != i)
				write_at(IA32_PERFEVTSEL0 + other,
					 EVENTSEL_EN | EVENTSEL_OS | EVENTSEL_USR | 0x3c, 0);
		write_at(IA32_PERF_GLOBAL_CTRL, 0xff, 0);
		assert_int_equal(rdpmc_at(i, 1000), 0);

		fresh(NULL);
		write_at(IA32_PERFEVTSEL0 + i, EVENTSEL_EN | EVENTSEL_OS | EVENTSEL_USR | 0x3c, 0);
		write_at(IA32_PERF_GLOBAL_CTRL,
			 (0xf00000000ULL | 0xff | GLOBAL_METRICS) & ~(1ULL << i), 0);
		assert_int_equal(rdpmc_at(i, 1000), 0);
	}
}

static void test_fixed_enables(void **state)
{
	static const struct {
		uint64_t field, global;
		bool counts;
	} rows[] = {
		{ 3, ~0ULL, true },  { 1, ~0ULL, true },  { 2, ~0ULL, true },
		{ 0, ~0ULL, false }, { 8, ~0ULL, false }, { 3, 0, false },
	};

	(void)state;
	for (uint32_t i = 0; i < VPMU_MAX_FIXED; i++)
		for (size_t j = 0; j < ARRAY_SIZE(rows); j++) {
			uint64_t first, second;

			fresh(NULL);
			write_at(IA32_FIXED_CTR_CTRL, rows[j].field << (4 * i), 0);
			write_at(IA32_PERF_GLOBAL_CTRL, rows[j].global & GLOBAL_FIXED(i), 0);
			first = rdpmc_at(0x40000000 + i, 1000);
			second = rdpmc_at(0x40000000 + i, 2000);
			if ((first > 0 && second > first) != rows[j].counts ||
			    (!rows[j].counts && second))
				fail_msg("fixed %u, row %zu: %llu, %llu", i, j,
					 (unsigned long long)first, (unsigned long long)second);
			for (uint32_t other = 0; other < VPMU_MAX_FIXED; other++)
				if (other != i)
					assert_int_equal(rdpmc_at(0x40000000 + other, 3000), 0);
			for (uint32_t other = 0; other < VPMU_MAX_GP; other++)
				assert_int_equal(rdpmc_at(other, 3000), 0);
		}
}

static void enable_all(uint64_t now)
{
	for (uint32_t i = 0; i < VPMU_MAX_GP; i++)
		write_at(IA32_PERFEVTSEL0 + i,
			 EVENTSEL_EN | EVENTSEL_OS | EVENTSEL_USR | EVENTSEL_CYCLES, now);
	write_at(IA32_FIXED_CTR_CTRL, 0x3333, now);
	write_at(IA32_PERF_GLOBAL_CTRL, GLOBAL_METRICS | 0xf000000ffULL, now);
}

/* Time before a counter was enabled, or after it was stopped, is not counted. */
static void test_starts_and_stops(void **state)
{
	uint64_t running, stopped;

	(void)state;
	enable_all(SECOND);
	running = rdpmc_at(0, SECOND + 1000);
	assert_true(running > 0 && running < 100 * 1000);
	assert_true(rdpmc_at(0x40000001, SECOND + 1000) < 100 * 1000);

	stopped = rdpmc_at(0, SECOND + 2000);
	write_at(IA32_PERF_GLOBAL_CTRL, 0, SECOND + 2000);
	assert_int_equal(rdpmc_at(0, SECOND + 2000), stopped);
	assert_int_equal(rdpmc_at(0, 2 * SECOND), stopped);
	assert_int_equal(read_at(IA32_PMC0, 3 * SECOND), stopped);

	/* what ran until the write was counted, and goes on from there */
	write_at(IA32_PERF_GLOBAL_CTRL, 0xff, 4 * SECOND);
	assert_int_equal(rdpmc_at(0, 4 * SECOND), stopped);
	write_at(IA32_PERFEVTSEL0, 0, 4 * SECOND + 1000);
	assert_true(rdpmc_at(0, 5 * SECOND) > stopped);
	assert_true(rdpmc_at(0, 5 * SECOND) < stopped + 100 * 1000);
}

/* A running counter that is written goes on from what was written. */
static void test_write_while_running(void **state)
{
	(void)state;
	enable_all(0);
	write_at(IA32_A_PMC0, 0x1000000000, SECOND);
	assert_int_equal(rdpmc_at(0, SECOND), 0x1000000000);
	assert_true(rdpmc_at(0, SECOND + 1000) > 0x1000000000);
	write_at(IA32_PMC0 + 1, 0, SECOND + 1000);
	assert_int_equal(rdpmc_at(1, SECOND + 1000), 0);
	write_at(IA32_FIXED_CTR0 + 3, 0, SECOND + 1000);
	assert_int_equal(rdpmc_at(0x40000003, SECOND + 1000), 0);
	assert_true(rdpmc_at(0x40000003, SECOND + 2000) > 0);
}

/* Bits above the width never show, also when a counter wraps. */
static void test_wraps(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < VPMU_MAX_GP; i++)
		write_at(IA32_A_PMC0 + i, WIDTH_MASK, 0);
	for (uint32_t i = 0; i < VPMU_MAX_FIXED; i++)
		write_at(IA32_FIXED_CTR0 + i, WIDTH_MASK, 0);
	enable_all(0);
	for (uint32_t i = 0; i < VPMU_MAX_GP; i++) {
		assert_true(rdpmc_at(i, 1000) < 100 * 1000);
		assert_int_equal(read_at(IA32_PMC0 + i, 1000), rdpmc_at(i, 1000));
	}
	for (uint32_t i = 0; i < VPMU_MAX_FIXED; i++) {
		assert_true(rdpmc_at(0x40000000 + i, 1000) < 100 * 1000);
		assert_int_equal(read_at(IA32_FIXED_CTR0 + i, 1000),
				 rdpmc_at(0x40000000 + i, 1000));
	}
}

static unsigned int level_1(uint64_t metrics)
{
	return (metrics & 0xff) + (metrics >> 8 & 0xff) + (metrics >> 16 & 0xff) +
	       (metrics >> 24 & 0xff);
}

/* The fractions of level 2 are shares of those of level 1. */
static void check_metrics(uint64_t metrics)
{
	unsigned int sum = level_1(metrics);

	if (sum < 0xff - EXPECT_METRICS_SLACK || sum > 0xff + EXPECT_METRICS_SLACK)
		fail_msg("%#llx: %u", (unsigned long long)metrics, sum);
	for (unsigned int i = 0; i < 4; i++)
		if ((metrics >> (32 + 8 * i) & 0xff) > (metrics >> (8 * i) & 0xff))
			fail_msg("%#llx: fraction %u", (unsigned long long)metrics, i);
}

/* Times as they come: all fractions together are all slots at any of them. */
static void test_metrics_run(void **state)
{
	uint64_t now = 0, slots = 0, seen = 0, step = 1;

	(void)state;
	enable_all(0);
	for (unsigned int i = 0; i < 2000; i++) {
		uint64_t metrics, last = slots;

		now += step;
		step = step * 6364136223846793005ULL % 1000003 + 1;
		slots = rdpmc_at(0x40000003, now);
		metrics = rdpmc_at(0x20000000, now);
		assert_true(slots > last);
		check_metrics(metrics);
		assert_true(expect_running(&vpmu.shape, 0x20000000, seen, metrics));
		assert_int_equal(read_at(MSR_PERF_METRICS, now), metrics);
		seen = metrics;
	}
}

static void test_metrics_enables(void **state)
{
	static const struct {
		const char *name;
		uint64_t fixed, global;
		bool run;
	} rows[] = {
		{ "both", FIXED_OS_USR(3), GLOBAL_FIXED(3) | GLOBAL_METRICS, true },
		{ "metrics off", FIXED_OS_USR(3), GLOBAL_FIXED(3), false },
		{ "slots off globally", FIXED_OS_USR(3), GLOBAL_METRICS, false },
		{ "slots off", 0, GLOBAL_FIXED(3) | GLOBAL_METRICS, false },
		{ "another one on", FIXED_OS_USR(2), GLOBAL_FIXED(3) | GLOBAL_METRICS, false },
		{ "another one on globally", FIXED_OS_USR(3), GLOBAL_FIXED(2) | GLOBAL_METRICS,
		  false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t metrics;

		fresh(NULL);
		write_at(IA32_FIXED_CTR_CTRL, rows[i].fixed, 0);
		write_at(IA32_PERF_GLOBAL_CTRL, rows[i].global, 0);
		metrics = rdpmc_at(0x20000000, SECOND);
		if ((metrics != 0) != rows[i].run)
			fail_msg("%s: %#llx", rows[i].name, (unsigned long long)metrics);
		if (rows[i].run)
			check_metrics(metrics);
	}
}

/* A preset stays while nothing runs. */
static void test_metrics_stopped(void **state)
{
	(void)state;
	write_at(MSR_PERF_METRICS, 0x283010084f502040, 0);
	write_at(IA32_FIXED_CTR0 + 3, 0x3644556603, 0);
	assert_int_equal(rdpmc_at(0x20000000, SECOND), 0x283010084f502040);
	assert_int_equal(rdpmc_at(0x40000003, SECOND), 0x3644556603);
	assert_int_equal(rdpmc_at(0x20000000, 2 * SECOND), 0x283010084f502040);
}

/* A read does not change what is read: no METRICS-CLEAR. */
static void test_reads_do_not_clear(void **state)
{
	(void)state;
	write_at(IA32_FIXED_CTR_CTRL, FIXED_OS_USR(3), 0);
	write_at(MSR_PERF_METRICS, 0xff, 0);
	write_at(IA32_FIXED_CTR0 + 3, 77, 0);
	assert_int_equal(rdpmc_at(0x20000000, 0), 0xff);
	assert_int_equal(rdpmc_at(0x20000000, 0), 0xff);
	assert_int_equal(rdpmc_at(0x40000003, 0), 77);
}

static bool is_counter(uint32_t ecx)
{
	uint32_t type = ecx >> 16, x = ecx & 0xffff;

	return (type == 0 && x < 8) || (type == 0x4000 && x < 4) || ecx == 0x20000000;
}

static void test_rdpmc_outcomes(void **state)
{
	static const uint32_t indices[] = { 0,  1,  2,  3,    4,     5,      6,      7,     8,
					    15, 31, 32, 0xff, 0x100, 0x7fff, 0x8000, 0xffff };

	(void)state;
	for (uint32_t type = 0; type <= 0xffff; type++)
		for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
			uint32_t ecx = type << 16 | indices[i];

			for (unsigned int privilege = 0; privilege < 4; privilege++) {
				unsigned int cpl = privilege & 1 ? 3 : 0;
				bool pce = privilege & 2, answered;
				uint64_t value = 0x5555;

				answered = vpmu_rdpmc(&vpmu, ecx, cpl, pce, 0, &value);
				if (answered != (is_counter(ecx) && (cpl == 0 || pce)))
					fail_msg("%#x, CPL %u, PCE %d: %d", ecx, cpl, pce,
						 answered);
				/* FAULT: no register changes */
				if (!answered)
					assert_int_equal(value, 0x5555);
			}
		}
}

/* CPL 1 and 2 are not 0 (PRIV). */
static void test_rdpmc_other_cpls(void **state)
{
	(void)state;
	for (unsigned int cpl = 1; cpl < 4; cpl++) {
		uint64_t value;

		assert_false(vpmu_rdpmc(&vpmu, 0, cpl, false, 0, &value));
		assert_true(vpmu_rdpmc(&vpmu, 0, cpl, true, 0, &value));
	}
}

/* Nothing of it is wired to this one shape: fewer counters, other widths, no PERF_METRICS. */
static void test_other_shape(void **state)
{
	uint64_t value;

	(void)state;
	vpmu.shape.nr_gp = 4;
	vpmu.shape.gp_width = 40;
	vpmu.shape.nr_fixed = 3;
	vpmu.shape.fixed_width = 44;
	vpmu.shape.perf_capabilities = PERF_CAP_FW_WRITES;

	write_at(IA32_A_PMC0 + 3, (1ULL << 40) - 1, 0);
	refuse_write(IA32_A_PMC0 + 3, 1ULL << 40);
	write_at(IA32_PMC0, 0x80000000, 0);
	assert_int_equal(rdpmc_at(0, 0), 0xff80000000);
	write_at(IA32_FIXED_CTR0 + 2, (1ULL << 44) - 1, 0);
	refuse_write(IA32_FIXED_CTR0 + 2, 1ULL << 44);
	refuse_write(IA32_PMC0 + 4, 0);
	refuse_write(IA32_A_PMC0 + 4, 0);
	refuse_write(IA32_PERFEVTSEL0 + 4, 0);
	refuse_write(IA32_FIXED_CTR0 + 3, 0);
	refuse_write(MSR_PERF_METRICS, 0);
	assert_false(vpmu_read_msr(&vpmu, MSR_PERF_METRICS, 0, &value));
	refuse_write(IA32_PERF_GLOBAL_CTRL, GLOBAL_METRICS);
	refuse_write(IA32_PERF_GLOBAL_CTRL, 1ULL << 4);
	refuse_write(IA32_PERF_GLOBAL_CTRL, 1ULL << 35);
	refuse_write(IA32_FIXED_CTR_CTRL, 1ULL << 12);
	assert_false(vpmu_rdpmc(&vpmu, 4, 0, true, 0, &value));
	assert_false(vpmu_rdpmc(&vpmu, 0x40000003, 0, true, 0, &value));
	assert_false(vpmu_rdpmc(&vpmu, 0x20000000, 0, true, 0, &value));

	/* all wrap at their own width */
	for (uint32_t i = 0; i < 4; i++) {
		write_at(IA32_A_PMC0 + i, (1ULL << 40) - 1, 0);
		write_at(IA32_PERFEVTSEL0 + i, EVENTSEL_EN | EVENTSEL_OS | EVENTSEL_CYCLES, 0);
	}
	for (uint32_t i = 0; i < 3; i++)
		write_at(IA32_FIXED_CTR0 + i, (1ULL << 44) - 1, 0);
	write_at(IA32_FIXED_CTR_CTRL, 0x333, 0);
	write_at(IA32_PERF_GLOBAL_CTRL, 0x70000000f, 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_true(rdpmc_at(i, 1000) < 100 * 1000);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(rdpmc_at(0x40000000 + i, 1000) < 100 * 1000);
	write_at(IA32_FIXED_CTR0 + 1, 1ULL << 43, 1000);
	assert_true(rdpmc_at(0x40000001, 2000) > 1ULL << 43);
	write_at(IA32_A_PMC0 + 1, 1ULL << 39, 2000);
	assert_true(rdpmc_at(1, 3000) > 1ULL << 39);
}

/* RDMSR sees a counter run as RDPMC does, and the clock's last reading is not RDPMC's alone. */
static void test_msr_reads_of_running(void **state)
{
	uint64_t last[3] = { 0, 0, 0 };

	(void)state;
	enable_all(0);
	for (uint64_t now = 1000; now < 10000; now += 1000) {
		static const uint32_t msrs[3] = { IA32_PMC0 + 7, IA32_A_PMC0, IA32_FIXED_CTR0 + 1 };

		for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
			uint64_t value = read_at(msrs[i], now + i);

			assert_true(value > last[i]);
			last[i] = value;
		}
	}
}

/* An issue slot is a part of a cycle. */
static void test_slots_outrun_cycles(void **state)
{
	(void)state;
	enable_all(0);
	assert_true(rdpmc_at(0x40000003, SECOND) >= 2 * rdpmc_at(0x40000001, SECOND));
	assert_true(rdpmc_at(0x40000001, SECOND) > 0);
	assert_true(rdpmc_at(0x40000003, SECOND) < 100 * SECOND);
}

/* Nothing overflows: the status is 0, and clearing it is taken. */
static void test_overflow_status(void **state)
{
	(void)state;
	enable_all(0);
	assert_int_equal(read_at(IA32_PERF_GLOBAL_STATUS, SECOND), 0);
	write_at(IA32_PERF_GLOBAL_OVF_CTRL, 0, SECOND);
	write_at(IA32_PERF_GLOBAL_OVF_CTRL, 0xf000000ffULL, SECOND);
	assert_int_equal(read_at(IA32_PERF_GLOBAL_STATUS, SECOND), 0);
	assert_int_equal(read_at(IA32_PERF_GLOBAL_CTRL, SECOND), GLOBAL_METRICS | 0xf000000ffULL);
}

/* What the runner expects of this PMU is what it gives, values included. */
static void test_as_expected(void **state)
{
	static const uint32_t reads[] = { 0,          7,          8,          0xffff,
					  0x10000,    0x20000000, 0x20000001, 0x40000000,
					  0x40000003, 0x40000004, 0x60000000, 0x80000000,
					  0xc0000000 };

	(void)state;
	for (uint32_t i = 0; i < VPMU_MAX_GP; i++)
		write_at(IA32_A_PMC0 + i, 0x2511223300 + i, 0);
	for (uint32_t i = 0; i < VPMU_MAX_FIXED; i++)
		write_at(IA32_FIXED_CTR0 + i, 0x3644556600 + i, 0);
	write_at(MSR_PERF_METRICS, 0x4f502040, 0);
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++)
		for (unsigned int privilege = 0; privilege < 4; privilege++) {
			unsigned int cpl = privilege & 1 ? 3 : 0;
			bool pce = privilege & 2;
			struct expectation e = expect_rdpmc(&vpmu.shape, reads[i], cpl, pce);
			uint64_t value = 0;

			assert_int_equal(vpmu_rdpmc(&vpmu, reads[i], cpl, pce, SECOND, &value),
					 !e.gp);
			if (!e.gp)
				assert_int_equal(value, e.preset);
		}
}

/* A clock that does not move, and one of years. */
static void test_clock(void **state)
{
	uint64_t first, year = 365 * 86400 * SECOND;

	(void)state;
	enable_all(5);
	first = rdpmc_at(0, 5);
	assert_int_equal(rdpmc_at(0, 5), first);
	assert_true(rdpmc_at(0, 10 * year) <= WIDTH_MASK);
	assert_true(rdpmc_at(0x40000003, 10 * year) <= WIDTH_MASK);
	check_metrics(rdpmc_at(0x20000000, 10 * year));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
	const struct CMUnitTest tests[] = {
		TEST(test_shape),
		TEST(test_initial),
		TEST(test_legacy_writes),
		TEST(test_full_width_writes),
		TEST(test_counters_are_separate),
		TEST(test_reserved_bits),
		TEST(test_other_msrs),
		TEST(test_all_msrs),
		TEST(test_gp_enables),
		TEST(test_gp_others_enables),
		TEST(test_fixed_enables),
		TEST(test_starts_and_stops),
		TEST(test_write_while_running),
		TEST(test_wraps),
		TEST(test_metrics_run),
		TEST(test_metrics_enables),
		TEST(test_metrics_stopped),
		TEST(test_reads_do_not_clear),
		TEST(test_rdpmc_outcomes),
		TEST(test_rdpmc_other_cpls),
		TEST(test_other_shape),
		TEST(test_msr_reads_of_running),
		TEST(test_slots_outrun_cycles),
		TEST(test_overflow_status),
		TEST(test_as_expected),
		TEST(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
