// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves the byte map of a case: where each field is, by number; that every byte string decodes,
 * what is missing as 0 and what cannot be made legal and counted; that encoding is the inverse.
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
#define GUEST         48
#define HOST          76

/* A decoded case with every field as a number, so that "only this one changed" is a comparison. */
struct flat_pmu {
	uint64_t vendor, ext_core, ext_nb, ext_l3, user_disable, old_fast;
	uint64_t version, nr_gp, gp_width, nr_fixed, fixed_width, old_counters, nr_nb;
	uint64_t fixed_bitmap, leaf23_gp, leaf23_fixed, perf_capabilities, no_pdcm;
};

struct flat {
	uint64_t mode, cpl, lock, n_prefixes, prefix, rex, code16, backdoor, mediated, cr0, cr4, rflags, rcx, rax, rdx, rip;
	struct flat_pmu guest, host;
	uint64_t counter_seed, metrics, fixed_ctr_ctrl, gp_user_disable;
};

#define AT(field)       offsetof(struct flat, field)
#define PMU_AT(field)   offsetof(struct flat_pmu, field)
#define FLAT(flat, off) (*(uint64_t *)((char *)(flat) + (off)))

static struct flat_pmu flatten_pmu(const struct rdpmc_pmu *pmu)
{
	return (struct flat_pmu){
		pmu->vendor,
		pmu->ext_core,
		pmu->ext_nb,
		pmu->ext_l3,
		pmu->user_disable,
		pmu->old_fast,
		pmu->version,
		pmu->nr_gp,
		pmu->gp_width,
		pmu->nr_fixed,
		pmu->fixed_width,
		pmu->old_counters,
		pmu->nr_nb,
		pmu->fixed_bitmap,
		pmu->leaf23_gp,
		pmu->leaf23_fixed,
		pmu->perf_capabilities,
		pmu->no_pdcm,
	};
}

static struct flat flatten(const struct rdpmc_case *decoded)
{
	const struct rdpmc_state *state = &decoded->state;

	return (struct flat){
		.mode = state->mode,
		.cpl = state->cpl,
		.lock = state->lock,
		.n_prefixes = state->n_prefixes,
		.prefix = state->prefix,
		.rex = state->rex,
		.code16 = state->code16,
		.backdoor = decoded->policy.vmware_backdoor,
		.mediated = decoded->policy.mediated_pmu,
		.cr0 = state->cr0,
		.cr4 = state->cr4,
		.rflags = state->regs.rflags,
		.rcx = state->regs.rcx,
		.rax = state->regs.rax,
		.rdx = state->regs.rdx,
		.rip = state->regs.rip,
		.guest = flatten_pmu(&decoded->guest),
		.host = flatten_pmu(&decoded->host),
		.counter_seed = decoded->counter_seed,
		.metrics = decoded->metrics,
		.fixed_ctr_ctrl = decoded->fixed_ctr_ctrl,
		.gp_user_disable = decoded->gp_user_disable,
	};
}

static void assert_flat(const char *name, const struct flat *got, const struct flat *expected)
{
	for (size_t at = 0; at < sizeof(*got); at += sizeof(uint64_t))
		if (FLAT(got, at) != FLAT(expected, at))
			fail_msg("%s: field %zu is %llx, not %llx", name, at / sizeof(uint64_t),
				 (unsigned long long)FLAT(got, at),
				 (unsigned long long)FLAT(expected, at));
}

static void assert_same(const char *name, const struct rdpmc_case *a, const struct rdpmc_case *b)
{
	const struct flat got = flatten(a), expected = flatten(b);

	assert_flat(name, &got, &expected);
}

/* Decodes at any alignment, from an allocation whose end is the data's, watched by a sanitizer. */
static struct rdpmc_case decode(const uint8_t *bytes, size_t size)
{
	const size_t shift = size % 8;
	uint8_t *exact = malloc(shift + size + !size);
	struct rdpmc_case decoded;

	assert_non_null(exact);
	memcpy(exact + shift, bytes, size);
	memset(&decoded, 0xee, sizeof(decoded));
	case_decode(size ? exact + shift : NULL, size, &decoded);
	/* The steps go with the allocation. */
	decoded.steps = NULL;
	free(exact);
	return decoded;
}

/* 64-bit mode, so that RIP keeps all its bits; all legal. */
static void base(uint8_t bytes[CASE_SIZE])
{
	memset(bytes, 0, CASE_SIZE);
	bytes[0] = 1;
	bytes[1] = 4;
	bytes[4] = 1;
}

static const struct flat base_flat = { .mode = 4, .cr0 = 1, .rflags = 2 };

struct field {
	const char *name;
	size_t offset, size; /* of bytes */
	size_t flat;
};

static const struct field wide[] = {
	{ "cr0", 4, 4, AT(cr0) },
	{ "cr4", 8, 4, AT(cr4) },
	{ "rflags", 12, 4, AT(rflags) },
	{ "rcx", 16, 8, AT(rcx) },
	{ "rax", 24, 8, AT(rax) },
	{ "rdx", 32, 8, AT(rdx) },
	{ "rip", 40, 8, AT(rip) },
	{ "guest.fixed_bitmap", 56, 4, AT(guest.fixed_bitmap) },
	{ "guest.leaf23_gp", 60, 4, AT(guest.leaf23_gp) },
	{ "guest.leaf23_fixed", 64, 4, AT(guest.leaf23_fixed) },
	{ "guest.perf_capabilities", 68, 8, AT(guest.perf_capabilities) },
	{ "host.fixed_bitmap", 84, 4, AT(host.fixed_bitmap) },
	{ "host.leaf23_gp", 88, 4, AT(host.leaf23_gp) },
	{ "host.leaf23_fixed", 92, 4, AT(host.leaf23_fixed) },
	{ "host.perf_capabilities", 96, 8, AT(host.perf_capabilities) },
	{ "counter_seed", 104, 8, AT(counter_seed) },
	{ "metrics", 112, 8, AT(metrics) },
	{ "fixed_ctr_ctrl", 120, 8, AT(fixed_ctr_ctrl) },
	{ "gp_user_disable", 128, 4, AT(gp_user_disable) },
};

static void test_wide_fields(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
		for (unsigned int bit = 0; bit < 8 * wide[i].size; bit++) {
			uint8_t bytes[CASE_SIZE];
			struct flat expected = base_flat, got;
			struct rdpmc_case decoded;

			/* PE, and those of RFLAGS that are not free, have tests of their own. */
			if (wide[i].offset == 4 && !bit)
				continue;
			if (wide[i].offset == 12 && !(0x00247cd5 >> bit & 1))
				continue;
			base(bytes);
			bytes[wide[i].offset + bit / 8] |= 1 << bit % 8;
			FLAT(&expected, wide[i].flat) |= 1ULL << bit;
			decoded = decode(bytes, sizeof(bytes));
			got = flatten(&decoded);
			assert_flat(wide[i].name, &got, &expected);
			assert_int_equal(decoded.legalised, 0);
			assert_int_equal(decoded.n_steps, 0);
		}
	}
}

/* A single byte of any value: @limit values are legal, the others are taken modulo. */
struct narrow {
	const char *name;
	size_t offset, flat;
	unsigned int intel, amd; /* limits */
};

static const struct narrow narrow[] = {
	{ "version", 1, PMU_AT(version), 256, 3 },
	{ "nr_gp", 2, PMU_AT(nr_gp), 33, 16 },
	{ "gp_width", 3, PMU_AT(gp_width), 65, 65 },
	{ "nr_fixed", 4, PMU_AT(nr_fixed), 32, 32 },
	{ "fixed_width", 5, PMU_AT(fixed_width), 65, 65 },
	{ "old_counters", 6, PMU_AT(old_counters), 33, 33 },
	{ "nr_nb", 7, PMU_AT(nr_nb), 64, 64 },
};

static void narrow_byte(const struct narrow *field, unsigned int value, bool host, bool amd)
{
	const unsigned int limit = amd ? field->amd : field->intel;
	struct flat expected = base_flat, got;
	uint8_t bytes[CASE_SIZE];
	struct rdpmc_case decoded;

	base(bytes);
	bytes[host ? HOST : GUEST] = amd;
	bytes[(host ? HOST : GUEST) + field->offset] = value;
	FLAT(&expected, host ? AT(host.vendor) : AT(guest.vendor)) = amd;
	FLAT(&expected, (host ? AT(host) : AT(guest)) + field->flat) = value % limit;
	decoded = decode(bytes, sizeof(bytes));
	got = flatten(&decoded);
	assert_flat(field->name, &got, &expected);
	if (decoded.legalised != (value >= limit))
		fail_msg("%s = %u: %u legalised", field->name, value, decoded.legalised);
}

static void test_narrow_fields(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(narrow); i++)
		for (unsigned int value = 0; value < 256; value++)
			for (unsigned int which = 0; which < 4; which++)
				narrow_byte(&narrow[i], value, which & 1, which >> 1);
}

static void test_bits(void **unused)
{
	static const struct {
		size_t offset;
		uint8_t bit;
		size_t flat; /* 0: nothing by this name, which is one legalised */
	} rows[] = {
		{ 3, 0x01, AT(lock) },
		{ 3, 0x02, AT(backdoor) },
		{ 3, 0x04, AT(mediated) },
		{ 3, 0x08, AT(code16) },
		{ 3, 0x10, 0 },
		{ 3, 0x80, 0 },
		{ GUEST, 0x01, AT(guest.vendor) },
		{ GUEST, 0x02, AT(guest.ext_core) },
		{ GUEST, 0x04, AT(guest.ext_nb) },
		{ GUEST, 0x08, AT(guest.ext_l3) },
		{ GUEST, 0x10, AT(guest.user_disable) },
		{ GUEST, 0x20, AT(guest.old_fast) },
		{ GUEST, 0x40, 0 },
		{ GUEST, 0x80, 0 },
		{ HOST, 0x01, AT(host.vendor) },
		{ HOST, 0x02, AT(host.ext_core) },
		{ HOST, 0x04, AT(host.ext_nb) },
		{ HOST, 0x08, AT(host.ext_l3) },
		{ HOST, 0x10, AT(host.user_disable) },
		{ HOST, 0x20, AT(host.old_fast) },
		{ HOST, 0xc0, 0 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct flat expected = base_flat, got;
		uint8_t bytes[CASE_SIZE];
		struct rdpmc_case decoded;

		base(bytes);
		bytes[rows[i].offset] = rows[i].bit;
		if (rows[i].flat)
			FLAT(&expected, rows[i].flat) = 1;
		decoded = decode(bytes, sizeof(bytes));
		got = flatten(&decoded);
		assert_flat("bit", &got, &expected);
		assert_int_equal(decoded.legalised, !rows[i].flat);
	}
}

/* Mode, CPL, CR0.PE and RFLAGS.VM, not all of which go together: every mode and CPL. */
static void test_mode_and_cpl(void **unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 256 * 256 * 2; i++) {
		const unsigned int mode = i & 255, cpl = i >> 8 & 255, pe = i >> 16;
		const unsigned int is = mode % 5, ring = is == MODE_VM86 ? 3 : cpl & 3;
		unsigned int changed = (mode > 4) + (cpl != ring) + (pe != (is != MODE_REAL));
		struct flat expected = { .mode = is,
					 .cpl = ring,
					 .cr0 = 0x10 | (is != MODE_REAL),
					 .rflags = is == MODE_VM86 ? 0x20002 : 2 },
			    got;
		struct rdpmc_case decoded;
		uint8_t bytes[CASE_SIZE] = { 1, mode, cpl, 0, 0x10 | pe };

		case_decode(bytes, sizeof(bytes), &decoded);
		got = flatten(&decoded);
		assert_flat("mode and CPL", &got, &expected);
		if (decoded.legalised != changed)
			fail_msg("mode byte %u, CPL byte %u, PE %u: %u fields legalised, not %u",
				 mode, cpl, pe, decoded.legalised, changed);
		if (decoded.impossible != (is == MODE_REAL && ring))
			fail_msg("mode byte %u, CPL byte %u: impossible is %d", mode, cpl,
				 decoded.impossible);
	}
}

/* Version 2: all that the flags' and the CPL's upper bits can say, in each mode; and the bytes that it stands for. */
static void test_instruction(void **unused)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0x2e, 0x3e, 0x64, 0x65, 0xf2, 0xf3 },
			     rexes[] = { 0, 0x40, 0x41, 0x42, 0x44, 0x48, 0x4c, 0x4f };

	(void)unused;
	for (unsigned int all = 0; all < NR_MODES << 12; all++) {
		const unsigned int mode = all >> 12, n = all >> 8 & 15, prefix = all >> 2 & 7,
				   rex = all >> 5 & 7, cpl = all & 3, lock = (all >> 4 ^ n) & 1;
		const bool no_rex = rex && mode != MODE_64BIT;
		uint8_t bytes[CASE_SIZE] = { 2, mode, all, n << 4 | lock, mode != MODE_REAL },
			code[CASE_LENGTH], wanted[CASE_LENGTH];
		unsigned int length = 0, at = 0;
		struct case_bytes again = { 0 };
		struct rdpmc_case decoded, same;

		decoded = decode(bytes, sizeof(bytes));
		assert_int_equal(decoded.state.cpl, mode == MODE_VM86 ? 3 : cpl);
		assert_int_equal(decoded.state.lock, lock);
		assert_int_equal(decoded.legalised,
				 (n > 11) + no_rex + (mode == MODE_VM86 && cpl != 3));
		if (lock)
			wanted[at++] = 0xf0;
		for (unsigned int i = 0; i < n % 12; i++)
			wanted[at++] = prefixes[prefix];
		if (rex && !no_rex)
			wanted[at++] = rexes[rex];
		wanted[at++] = 0x0f;
		wanted[at++] = 0x33;
		length = case_instruction(&decoded.state, code);
		assert_int_equal(length, at);
		assert_memory_equal(code, wanted, at);
		assert_int_equal(rdpmc_length(&decoded.state) + lock, length);

		case_encode(&decoded, &again);
		same = decode((const uint8_t *)&again, sizeof(again));
		assert_int_equal(same.legalised, 0);
		assert_same("again", &same, &decoded);

		/* To version 1 these bits are none. */
		bytes[0] = 1;
		decoded = decode(bytes, sizeof(bytes));
		assert_int_equal(case_instruction(&decoded.state, code), 2 + lock);
	}
}

/* TF is free from version 2 on. A change of mode leaves no REX prefix behind. */
static void test_version_2(void **unused)
{
	struct rdpmc_case decoded;
	uint8_t bytes[CASE_SIZE];

	(void)unused;
	base(bytes);
	bytes[13] = 1; /* RFLAGS[8] */
	assert_int_equal(decode(bytes, sizeof(bytes)).state.regs.rflags, 2);
	bytes[0] = 2;
	bytes[2] = 5 << 5;
	decoded = decode(bytes, sizeof(bytes));
	assert_int_equal(decoded.state.regs.rflags, 0x102);
	assert_int_equal(decoded.legalised, 0);
	assert_int_equal(decoded.state.rex, 0x48);
	case_set_mode(&decoded.state, MODE_COMPATIBILITY, 3);
	assert_int_equal(decoded.state.rex, 0);

	/* PDCM is the guest's; that version 1 has no such bit is in test_bits(). */
	base(bytes);
	bytes[0] = 2;
	bytes[GUEST] = 0x40;
	decoded = decode(bytes, sizeof(bytes));
	assert_true(decoded.guest.no_pdcm && !decoded.host.no_pdcm && !decoded.legalised);
	bytes[GUEST] = 0;
	bytes[HOST] = 0x40;
	decoded = decode(bytes, sizeof(bytes));
	assert_true(!decoded.guest.no_pdcm && !decoded.host.no_pdcm);
	assert_int_equal(decoded.legalised, 1);
}

static void test_legalised(void **unused)
{
	uint8_t bytes[CASE_SIZE];

	(void)unused;
	for (unsigned int version = 0; version < 256; version++) {
		struct rdpmc_case decoded;
		struct flat got;

		base(bytes);
		bytes[0] = version;
		decoded = decode(bytes, sizeof(bytes));
		got = flatten(&decoded);
		assert_flat("version", &got, &base_flat);
		assert_int_equal(decoded.legalised, version != 1 && version != 2);
	}
	for (unsigned int bit = 0; bit < 32; bit++) {
		/* Bit 1 is 1 in every processor; whether it counts is nobody's concern. */
		const bool free = 0x00247cd5 >> bit & 1;
		struct rdpmc_case decoded;

		if (bit == 1)
			continue;
		base(bytes);
		bytes[12 + bit / 8] = 1 << bit % 8;
		decoded = decode(bytes, sizeof(bytes));
		assert_int_equal(decoded.state.regs.rflags, 2 | (free ? 1ULL << bit : 0));
		assert_int_equal(decoded.legalised, !free);
	}
	for (unsigned int mode = 0; mode < NR_MODES; mode++) {
		struct rdpmc_case decoded;

		base(bytes);
		bytes[1] = mode;
		bytes[2] = 3;
		bytes[4] = mode != MODE_REAL;
		memset(bytes + 40, 0x77, 5);
		decoded = decode(bytes, sizeof(bytes));
		assert_int_equal(decoded.state.regs.rip,
				 mode == MODE_64BIT ? 0x7777777777 : 0x77777777);
		assert_int_equal(decoded.legalised, mode != MODE_64BIT);
	}
	/* All that can be wrong: version, mode, CPL, flags, CR0, RFLAGS, RIP; 8 of each PMU. */
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(decode(bytes, sizeof(bytes)).legalised, 7 + 2 * 8);
}

/* Every length is its own bytes with zeros after them. */
static void test_sizes(void **unused)
{
	struct random random = { 5 };

	(void)unused;
	for (size_t size = 0; size <= 200; size++) {
		const size_t n =
			size > CASE_SIZE ? (size - CASE_SIZE + STEP_SIZE - 1) / STEP_SIZE : 0;
		uint8_t bytes[256] = { 0 };
		struct rdpmc_case cut, whole;

		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)random_next(&random);
		cut = decode(bytes, size);
		whole = decode(bytes, CASE_SIZE);
		assert_same("cut", &cut, &whole);
		assert_int_equal(cut.n_steps, n);
		assert_int_equal(cut.impossible, whole.impossible);
		if (size)
			assert_int_equal(cut.legalised, whole.legalised);
	}
}

static bool one_bit(struct random *random)
{
	return random_below(random, 2);
}

static struct rdpmc_pmu valid_pmu(struct random *random)
{
	const bool amd = one_bit(random);

	return (struct rdpmc_pmu){
		.vendor = amd ? RDPMC_AMD : RDPMC_INTEL,
		.version = (uint8_t)random_below(random, amd ? 3 : 256),
		.nr_gp = (uint8_t)random_below(random, amd ? 16 : 33),
		.gp_width = (uint8_t)random_below(random, 65),
		.nr_fixed = (uint8_t)random_below(random, 32),
		.fixed_width = (uint8_t)random_below(random, 65),
		.old_counters = (uint8_t)random_below(random, 33),
		.nr_nb = (uint8_t)random_below(random, 64),
		.fixed_bitmap = (uint32_t)random_next(random),
		.leaf23_gp = (uint32_t)random_next(random),
		.leaf23_fixed = (uint32_t)random_next(random),
		.perf_capabilities = random_next(random),
		.user_disable = one_bit(random),
		.old_fast = one_bit(random),
		.ext_core = one_bit(random),
		.ext_nb = one_bit(random),
		.ext_l3 = one_bit(random),
	};
}

static void test_decode_encode(void **unused)
{
	struct random random = { 9 };

	(void)unused;
	for (unsigned int i = 0; i < 20000; i++) {
		struct rdpmc_case made = {
			.state = { .regs = { random_next(&random), random_next(&random),
					     random_next(&random), random_next(&random),
					     (random_next(&random) & 0x00247cd5) | 2 },
				   .cr0 = (uint32_t)random_next(&random),
				   .cr4 = (uint32_t)random_next(&random),
				   .lock = one_bit(&random),
				   .code16 = one_bit(&random) },
			.guest = valid_pmu(&random),
			.host = valid_pmu(&random),
			.policy = { one_bit(&random), one_bit(&random) },
			.counter_seed = random_next(&random),
			.metrics = random_next(&random),
			.fixed_ctr_ctrl = random_next(&random),
			.gp_user_disable = (uint32_t)random_next(&random),
		};
		struct case_bytes bytes, again;
		struct rdpmc_case decoded;

		case_set_mode(&made.state, random_below(&random, NR_MODES),
			      random_below(&random, 4));
		memset(&bytes, 0xee, sizeof(bytes));
		memset(&again, 0x11, sizeof(again));
		case_encode(&made, &bytes);
		case_decode((const uint8_t *)&bytes, sizeof(bytes), &decoded);
		assert_same("decode(encode(x))", &decoded, &made);
		assert_int_equal(decoded.legalised, 0);
		case_encode(&decoded, &again);
		assert_memory_equal(&bytes, &again, sizeof(bytes));
	}
}

/* Of any bytes: the case that they are made is the case of its own bytes. */
static void test_encode_decode(void **unused)
{
	struct random random = { 10 };

	(void)unused;
	for (unsigned int i = 0; i < 20000; i++) {
		struct rdpmc_case first, second;
		struct case_bytes any, bytes;

		for (size_t at = 0; at < sizeof(any); at++)
			((uint8_t *)&any)[at] = (uint8_t)random_next(&random);
		case_decode((const uint8_t *)&any, sizeof(any), &first);
		case_encode(&first, &bytes);
		case_decode((const uint8_t *)&bytes, sizeof(bytes), &second);
		assert_same("decode(encode(decode(bytes)))", &second, &first);
		assert_int_equal(second.legalised, 0);
		assert_int_equal(second.impossible, first.impossible);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide_fields),   cmocka_unit_test(test_narrow_fields),
		cmocka_unit_test(test_bits),          cmocka_unit_test(test_mode_and_cpl),
		cmocka_unit_test(test_instruction),   cmocka_unit_test(test_version_2),
		cmocka_unit_test(test_legalised),     cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_decode_encode), cmocka_unit_test(test_encode_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
