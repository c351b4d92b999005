// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves what is made of a decoded case: its steps, whatever bytes they are; a change of mode; what
 * the counters hold at first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/case/case.h"
#include "lib/random.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CASE_SIZE     132
#define STEP_SIZE     10

static struct case_step step_of(const uint8_t *at)
{
	struct case_step step = { .op = at[0] % 9, .arg = at[1] & 31 };

	for (unsigned int i = 0; i < 8; i++)
		step.value |= (uint64_t)at[2 + i] << 8 * i;
	return step;
}

static void assert_steps(const uint8_t *data, size_t size)
{
	struct rdpmc_case decoded;

	case_decode(data, size, &decoded);
	assert_int_equal(decoded.n_steps, (size - CASE_SIZE + STEP_SIZE - 1) / STEP_SIZE);
	for (size_t i = 0; i < decoded.n_steps; i++) {
		const size_t at = CASE_SIZE + i * STEP_SIZE;
		uint8_t padded[STEP_SIZE] = { 0 };
		struct case_step step, expected;
		bool legal;

		memcpy(padded, data + at, size - at < STEP_SIZE ? size - at : STEP_SIZE);
		expected = step_of(padded);
		memset(&step, 0xee, sizeof(step));
		legal = case_step(&decoded, i, &step);
		if (step.op != expected.op || step.arg != expected.arg ||
		    step.value != expected.value || legal != (padded[0] < 9 && padded[1] < 32))
			fail_msg("size %zu, step %zu of %zu", size, i, decoded.n_steps);
	}
}

/* Steps of every length, at every alignment, the last of them cut anywhere. */
static void test_steps(void **unused)
{
	struct random random = { 6 };

	(void)unused;
	for (size_t size = CASE_SIZE + 1; size <= 200; size++) {
		for (size_t shift = 0; shift < 8; shift++) {
			uint8_t *data = malloc(size + shift);

			assert_non_null(data);
			for (size_t i = 0; i < size + shift; i++)
				data[i] = (uint8_t)random_next(&random);
			assert_steps(data + shift, size);
			free(data);
		}
	}
	/* Every op and every arg. */
	for (unsigned int i = 0; i < 256 * 256; i++) {
		uint8_t data[CASE_SIZE + STEP_SIZE] = { 1 };

		data[CASE_SIZE] = i & 255;
		data[CASE_SIZE + 1] = i >> 8;
		data[CASE_SIZE + 9] = 0x80;
		assert_steps(data, sizeof(data));
	}
}

static void test_megabyte(void **unused)
{
	const size_t size = 1 << 20;
	uint8_t *data = malloc(size);
	struct random random = { 7 };
	struct rdpmc_case decoded;

	(void)unused;
	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)random_next(&random);
	case_decode(data, size, &decoded);
	assert_int_equal(decoded.n_steps, 104845);
	assert_steps(data, size);
	free(data);
}

static void test_step_encode(void **unused)
{
	struct random random = { 11 };

	(void)unused;
	for (unsigned int i = 0; i < 20000; i++) {
		const struct case_step made = { (uint8_t)random_below(&random, 9),
						(uint8_t)random_below(&random, 32),
						random_next(&random) };
		uint8_t data[CASE_SIZE + STEP_SIZE] = { 1 };
		struct rdpmc_case decoded;
		struct case_step step;

		case_step_encode(&made, (struct case_step_bytes *)(data + CASE_SIZE));
		case_decode(data, sizeof(data), &decoded);
		assert_true(case_step(&decoded, 0, &step));
		assert_int_equal(step.op, made.op);
		assert_int_equal(step.arg, made.arg);
		assert_int_equal(step.value, made.value);
	}
}

static void test_set_mode(void **unused)
{
	(void)unused;
	for (unsigned int i = 0; i < NR_MODES * 4 * 4; i++) {
		const unsigned int mode = i / 16, cpl = i / 4 % 4;
		const bool vm86 = mode == MODE_VM86, wide_rip = mode == MODE_64BIT;
		struct rdpmc_state state = {
			.regs = { 1ULL << 63, 2ULL << 60, 3ULL << 60, 0xfffffffffffff000,
				  i & 1 ? 0x00247cd7 : 0x00267cd7 },
			.cr0 = i & 2 ? 0xe005003b : 0xe005003a,
			.cr4 = 0x100,
			.mode = (uint8_t)((mode + i) % NR_MODES),
			.cpl = 1,
			.lock = true,
		};
		const struct rdpmc_state before = state;

		case_set_mode(&state, mode, cpl);
		assert_int_equal(state.mode, mode);
		assert_int_equal(state.cpl, vm86 ? 3 : cpl);
		assert_int_equal(state.cr0, mode == MODE_REAL ? 0xe005003a : 0xe005003b);
		assert_int_equal(state.regs.rflags, vm86 ? 0x00267cd7 : 0x00247cd7);
		assert_int_equal(state.regs.rip, wide_rip ? 0xfffffffffffff000 : 0xfffff000);
		assert_int_equal(state.regs.rax, before.regs.rax);
		assert_int_equal(state.regs.rcx, before.regs.rcx);
		assert_int_equal(state.regs.rdx, before.regs.rdx);
		assert_int_equal(state.cr4, 0x100);
		assert_true(state.lock);
	}
}

struct counted {
	struct rdpmc_pmu pmu;
	unsigned int n_gp, n_fixed;
};

#define INTEL(...)                                                                                 \
	{                                                                                          \
		.vendor = RDPMC_INTEL, .version = 5, .gp_width = 48, __VA_ARGS__                   \
	}
#define AMD(...)                                                                                   \
	{                                                                                          \
		.vendor = RDPMC_AMD, __VA_ARGS__                                                   \
	}

static const struct counted counted[] = {
	{ INTEL(.nr_gp = 8, .nr_fixed = 3), 8, 3 },
	{ INTEL(.nr_gp = 32, .nr_fixed = 31), 32, 31 },
	{ INTEL(.nr_gp = 0, .nr_fixed = 0), 0, 0 },
	{ INTEL(.nr_gp = 4, .leaf23_gp = 1U << 31), 32, 0 },
	{ INTEL(.leaf23_fixed = 1U << 31), 0, 32 },
	{ INTEL(.nr_fixed = 3, .fixed_bitmap = 1U << 9), 0, 10 },
	{ { .vendor = RDPMC_INTEL }, 0, 0 },
	{ { .vendor = RDPMC_INTEL, .old_counters = 18 }, 18, 0 },
	{ AMD(.version = 0), 0, 0 },
	{ AMD(.version = 1), 4, 0 },
	{ AMD(.version = 1, .ext_core = true), 6, 0 },
	{ AMD(.version = 1, .ext_nb = true), 10, 0 },
	{ AMD(.version = 1, .ext_l3 = true), 16, 0 },
	{ AMD(.version = 2, .nr_gp = 15), 15, 0 },
	{ AMD(.version = 2, .nr_gp = 6, .ext_nb = true, .nr_nb = 63), 75, 0 },
};

static void all_counters(const struct rdpmc_case *decoded, const struct counted *row,
			 struct rdpmc_counters *counters)
{
	unsigned int n_gp = 99, n_fixed = 99;
	struct rdpmc_view view;

	rdpmc_view(&row->pmu, &rdpmc_default_choices, &view);
	memset(counters, 0xee, sizeof(*counters));
	case_counters(decoded, &view, counters, &n_gp, &n_fixed);
	assert_int_equal(n_gp, row->n_gp);
	assert_int_equal(n_fixed, row->n_fixed);
	assert_int_equal(counters->metrics, decoded->metrics);
	assert_int_equal(counters->fixed_ctr_ctrl, decoded->fixed_ctr_ctrl);
	assert_int_equal(counters->gp_user_disable, decoded->gp_user_disable);
	for (unsigned int x = n_gp; x < RDPMC_MAX_ECX; x++)
		assert_int_equal(counters->gp[x], 0xeeeeeeeeeeeeeeee);
	for (unsigned int x = n_fixed; x < RDPMC_MAX_FIXED; x++)
		assert_int_equal(counters->fixed[x], 0xeeeeeeeeeeeeeeee);
}

static void assert_all_differ(const uint64_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(values[i], values[j]);
}

static void test_counters(void **unused)
{
	static const uint64_t seeds[] = { 0, 1, 0xff, ~0ULL, 1ULL << 63, 0x0123456789abcdef };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(seeds) * ARRAY_SIZE(counted); i++) {
		const struct counted *row = &counted[i % ARRAY_SIZE(counted)];
		const struct rdpmc_case decoded = { .counter_seed = seeds[i / ARRAY_SIZE(counted)],
						    .metrics = 0x1122334455667788,
						    .fixed_ctr_ctrl = 0x99aabbccddeeff00,
						    .gp_user_disable = 0x12345678 };
		uint64_t values[RDPMC_MAX_ECX + RDPMC_MAX_FIXED + RDPMC_VMWARE_CLOCKS];
		struct rdpmc_counters counters, again;
		size_t n = 0;

		all_counters(&decoded, row, &counters);
		all_counters(&decoded, row, &again);
		assert_memory_equal(&counters, &again, sizeof(counters));
		for (unsigned int x = 0; x < row->n_gp; x++)
			values[n++] = counters.gp[x];
		for (unsigned int x = 0; x < row->n_fixed; x++)
			values[n++] = counters.fixed[x];
		for (unsigned int x = 0; x < RDPMC_VMWARE_CLOCKS; x++)
			values[n++] = counters.vmware[x];
		assert_all_differ(values, n);
	}
}

/* All 64 bits: of every counter each bit is 1 with some seed and 0 with another. */
static void test_counter_bits(void **unused)
{
	uint64_t ones[RDPMC_MAX_ECX] = { 0 }, zeros[RDPMC_MAX_ECX] = { 0 };
	struct random random = { 12 };

	(void)unused;
	for (unsigned int i = 0; i < 64; i++) {
		const struct rdpmc_case decoded = { .counter_seed = random_next(&random) };
		struct rdpmc_counters counters;

		all_counters(&decoded, &counted[ARRAY_SIZE(counted) - 1], &counters);
		for (unsigned int x = 0; x < RDPMC_MAX_ECX; x++) {
			ones[x] |= counters.gp[x];
			zeros[x] |= ~counters.gp[x];
		}
	}
	for (unsigned int x = 0; x < RDPMC_MAX_ECX; x++)
		assert_int_equal(ones[x] & zeros[x], ~0ULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),       cmocka_unit_test(test_megabyte),
		cmocka_unit_test(test_step_encode), cmocka_unit_test(test_set_mode),
		cmocka_unit_test(test_counters),    cmocka_unit_test(test_counter_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
