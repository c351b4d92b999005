// SPDX-License-Identifier: GPL-2.0-or-later
/* Fields and their boundaries. */
#include "fuzz/case/mutate.h"

#include "fuzz/case/bytes.h"

#define N(array)              ((uint32_t)(sizeof(array) / sizeof((array)[0])))
#define ONE_OF(random, array) ((array)[random_below(random, N(array))])

static uint64_t single_bit(struct random *random, unsigned int bits)
{
	return 1ULL << random_below(random, bits);
}

/* Of 64 bits each: nothing, all, one, any. */
static uint64_t pattern(struct random *random)
{
	switch (random_below(random, 4)) {
	case 0:
		return 0;
	case 1:
		return single_bit(random, 64);
	case 2:
		return ~0ULL;
	default:
		return random_next(random);
	}
}

/* An index: the ends of what @pmu has, of what the rules name, of the field. */
static uint32_t make_index(struct random *random, const struct case_pmu_bytes *pmu)
{
	static const uint16_t ends[] = {
		0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 63, 64, 255, 256, 0xffff
	};

	switch (random_below(random, 8)) {
	case 0:
		return pmu->nr_gp;
	case 1:
		return (pmu->nr_gp - 1U) & 0xffff;
	case 2:
		return pmu->nr_fixed;
	case 3:
		return random_below(random, 32);
	case 4:
		return random_below(random, 80);
	case 5:
		return random_below(random, 0x10000);
	default:
		return ONE_OF(random, ends);
	}
}

static uint32_t make_ecx(struct random *random, const struct case_pmu_bytes *pmu)
{
	static const uint32_t types[] = { 0,          0x40000000, 0x20000000, 0x60000000,
					  0x80000000, 0xc0000000, 0xa0000000, 0x00010000 };

	switch (random_below(random, 16)) {
	case 0:
		return (uint32_t)single_bit(random, 32);
	case 1:
		return (uint32_t)random_next(random);
	case 2:
		return 0x10000 + random_below(random, 4); /* VMware's, and one more */
	case 3:
		return make_index(random, pmu) | (uint32_t)single_bit(random, 32);
	case 4:
		return make_index(random, pmu) | ONE_OF(random, types);
	case 5:
	case 6:
		return 0x20000000 | (random_one_in(random, 3) ? make_index(random, pmu) : 0);
	case 7:
	case 8:
	case 9:
	case 10:
		return 0x40000000 | make_index(random, pmu);
	default:
		return make_index(random, pmu);
	}
}

static uint64_t make_rcx(struct random *random, const struct case_pmu_bytes *pmu)
{
	uint64_t high = random_one_in(random, 4) ? random_next(random) << 32 : 0;

	return high | make_ecx(random, pmu);
}

/* PERF_METRICS, the clear mode, both, neither, anything. */
static uint64_t make_capabilities(struct random *random)
{
	static const uint64_t some[] = { 0,
					 RDPMC_CAP_METRICS,
					 RDPMC_CAP_METRICS,
					 RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR,
					 RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR,
					 RDPMC_CAP_METRICS_CLEAR };
	uint64_t capabilities = CASE_CAP_FW_WRITES | ONE_OF(random, some);

	return random_one_in(random, 4) ? capabilities ^ pattern(random) : capabilities;
}

static uint32_t make_bitmap(struct random *random)
{
	return random_one_in(random, 3)   ? (uint32_t)pattern(random)
	       : random_one_in(random, 2) ? (uint32_t)single_bit(random, 8)
					  : 0;
}

/* One field of a PMU. */
static void change_pmu(struct random *random, struct case_pmu_bytes *pmu)
{
	static const uint8_t versions[] = { 0, 1, 1, 2, 2, 3, 4, 5, 5, 6, 7, 255 };
	static const uint8_t counts[] = { 0, 1, 2, 3, 4, 6, 7, 8, 31, 32 };
	static const uint8_t widths[] = { 0, 1, 31, 32, 39, 40, 47, 48, 48, 48, 49, 63, 64 };

	switch (random_below(random, 14)) {
	case 0:
		pmu->vendor ^= (uint8_t)single_bit(random, 7);
		break;
	case 1:
		pmu->version = ONE_OF(random, versions);
		break;
	case 2:
	case 3:
		pmu->nr_gp = ONE_OF(random, counts);
		break;
	case 4:
		pmu->gp_width = ONE_OF(random, widths);
		break;
	case 5:
		pmu->nr_fixed = ONE_OF(random, counts) & 31;
		break;
	case 6:
		pmu->fixed_width = ONE_OF(random, widths);
		break;
	case 7:
		pmu->old_counters = ONE_OF(random, counts);
		break;
	case 8:
		pmu->nr_nb = (uint8_t)random_below(random, 64);
		break;
	case 9:
		put_le32(pmu->fixed_bitmap, make_bitmap(random));
		break;
	case 10:
		put_le32(pmu->leaf23_gp, make_bitmap(random));
		break;
	case 11:
		put_le32(pmu->leaf23_fixed, make_bitmap(random));
		break;
	default:
		put_le64(pmu->perf_capabilities, make_capabilities(random));
	}
}

/* As processors have them, more or less. */
static void make_pmu(struct random *random, struct case_pmu_bytes *pmu)
{
	static const uint8_t versions[] = { 1, 2, 4, 5, 5, 6 };
	static const uint8_t counts[] = { 1, 2, 4, 4, 6, 8, 8 };

	memset(pmu, 0, sizeof(*pmu));
	switch (random_below(random, 8)) {
	case 0:
		pmu->old_counters = 2 * (uint8_t)random_below(random, 2);
		pmu->vendor = random_one_in(random, 2) ? CASE_PMU_OLD_FAST : 0;
		break;
	case 1:
	case 2:
		pmu->vendor = CASE_PMU_AMD | (random_below(random, 8) << 1);
		pmu->version = (uint8_t)random_below(random, 3);
		pmu->nr_gp = 6;
		pmu->nr_nb = (uint8_t)(4 * random_below(random, 5));
		break;
	default:
		pmu->version = ONE_OF(random, versions);
		pmu->nr_gp = ONE_OF(random, counts);
		pmu->gp_width = 48;
		pmu->nr_fixed = (uint8_t)random_below(random, 5);
		pmu->fixed_width = 48;
		put_le64(pmu->perf_capabilities, make_capabilities(random));
		if (random_one_in(random, 3))
			pmu->vendor = CASE_PMU_USER_DISABLE;
	}
	for (unsigned int i = random_below(random, 3); i; i--)
		change_pmu(random, pmu);
}

static uint64_t make_fixed_ctrl(struct random *random)
{
	return random_one_in(random, 3)   ? pattern(random)
	       : random_one_in(random, 2) ? RDPMC_FIXED_CTRL_METRICS_CLEAR
					  : RDPMC_FIXED_CTRL_USER_DISABLE(random_below(random, 8));
}

static void make_step(struct random *random, const struct case_bytes *bytes,
		      struct case_step_bytes *step_bytes)
{
	struct case_step step = { .op = (uint8_t)random_below(random, NR_STEP_OPS) };

	/* What is never read shows nothing. */
	if (random_one_in(random, 3))
		step.op = STEP_READ;
	step.arg = (uint8_t)random_below(random, 32);
	switch (step.op) {
	case STEP_READ:
		step.value = make_rcx(random, &bytes->guest);
		break;
	case STEP_FIXED_CTRL:
		step.value = make_fixed_ctrl(random);
		break;
	case STEP_CR4:
		step.value = random_one_in(random, 2) ? RDPMC_CR4_PCE : ~RDPMC_CR4_PCE;
		break;
	case STEP_MODE:
		step.arg = (uint8_t)(random_below(random, NR_MODES) | random_below(random, 4) << 3);
		break;
	default:
		step.value = pattern(random);
	}
	case_step_encode(&step, step_bytes);
}

/* In three cases of four none but 0F 33. */
static void make_instruction(struct random *random, struct case_bytes *bytes)
{
	const unsigned int n = random_one_in(random, 4)
				       ? 1 + random_below(random, CASE_MOST_PREFIXES)
				       : 0,
			   rex = bytes->mode == MODE_64BIT && random_one_in(random, 2)
					 ? random_below(random, 8)
					 : 0;

	bytes->flags = (uint8_t)((bytes->flags & CASE_FLAGS) | n << 4);
	bytes->cpl = (uint8_t)((bytes->cpl & 3) | random_below(random, 8) << 2 | rex << 5);
}

/* What a case of version 1 may have in bits that it does not define. */
static void renew(struct case_bytes *bytes)
{
	if (bytes->version == CASE_VERSION)
		return;
	bytes->version = CASE_VERSION;
	bytes->cpl &= 3;
	bytes->flags &= CASE_FLAGS;
	bytes->guest.vendor &= (uint8_t)~CASE_PMU_NO_PDCM;
	put_le32(bytes->rflags, get_le32(bytes->rflags) & CASE_RFLAGS_1);
}

static void change_state(struct random *random, struct case_bytes *bytes)
{
	switch (random_below(random, 14)) {
	case 0:
		bytes->mode = (uint8_t)random_below(random, NR_MODES);
		break;
	case 1:
		bytes->cpl = (uint8_t)((bytes->cpl & ~3) | random_below(random, 4));
		break;
	case 2:
		bytes->flags ^= (uint8_t)single_bit(random, 3);
		break;
	case 3:
		put_le32(bytes->cr0, get_le32(bytes->cr0) ^ (uint32_t)pattern(random));
		break;
	case 4:
		put_le32(bytes->cr4, get_le32(bytes->cr4) ^ RDPMC_CR4_PCE);
		break;
	case 5:
		put_le32(bytes->cr4, (uint32_t)single_bit(random, 32));
		break;
	case 6:
		put_le32(bytes->rflags, (uint32_t)pattern(random) & CASE_RFLAGS);
		break;
	case 7:
		put_le64(bytes->rax, pattern(random));
		break;
	case 8:
		put_le64(bytes->rdx, pattern(random));
		break;
	case 9:
		put_le64(bytes->rip, pattern(random));
		break;
	case 10:
		make_instruction(random, bytes);
		break;
	case 11:
		put_le32(bytes->rflags, get_le32(bytes->rflags) ^ (uint32_t)RDPMC_RFLAGS_TF);
		break;
	default:
		put_le64(bytes->rcx, make_rcx(random, &bytes->guest));
	}
}

static void change_counters(struct random *random, struct case_bytes *bytes)
{
	switch (random_below(random, 4)) {
	case 0:
		put_le64(bytes->counter_seed, random_next(random));
		break;
	case 1:
		put_le64(bytes->metrics, pattern(random));
		break;
	case 2:
		put_le64(bytes->fixed_ctr_ctrl, make_fixed_ctrl(random));
		break;
	default:
		put_le32(bytes->gp_user_disable, (uint32_t)pattern(random));
	}
}

/* Add a step, drop the last, or change one. Returns the new size. */
static size_t change_steps(struct random *random, uint8_t *data, size_t size, size_t max)
{
	const struct case_bytes *bytes = (const struct case_bytes *)data;
	struct case_step_bytes *steps = (struct case_step_bytes *)(data + sizeof(*bytes));
	size_t n = (size - sizeof(*bytes)) / sizeof(*steps);
	size_t room = (max - sizeof(*bytes)) / sizeof(*steps);

	if (room > MUTATE_STEPS)
		room = MUTATE_STEPS;
	if (n < room && random_one_in(random, 3))
		make_step(random, bytes, &steps[n++]);
	else if (n && random_one_in(random, 2))
		n--;
	else if (n)
		make_step(random, bytes, &steps[random_below(random, (uint32_t)n)]);
	return sizeof(*bytes) + n * sizeof(*steps);
}

size_t mutate_make(struct random *random, uint8_t *data, size_t max)
{
	struct case_bytes *bytes = (struct case_bytes *)data;
	size_t size = sizeof(*bytes);

	if (max < size)
		return mutate(random, data, 0, max);
	memset(bytes, 0, sizeof(*bytes));
	bytes->version = CASE_VERSION;
	bytes->mode = (uint8_t)random_below(random, NR_MODES);
	bytes->cpl = (uint8_t)random_below(random, 4);
	bytes->flags = random_one_in(random, 4) ? (uint8_t)random_below(random, CASE_FLAGS + 1)
						: CASE_MEDIATED;
	make_instruction(random, bytes);
	put_le32(bytes->cr0, bytes->mode != MODE_REAL);
	put_le32(bytes->cr4, random_one_in(random, 3) ? 0 : RDPMC_CR4_PCE);
	put_le64(bytes->rax, random_next(random));
	put_le64(bytes->rdx, random_next(random));
	put_le32(bytes->rflags, (uint32_t)pattern(random) & CASE_RFLAGS);
	put_le64(bytes->rip,
		 bytes->mode == MODE_64BIT ? pattern(random) : (uint32_t)pattern(random));
	make_pmu(random, &bytes->guest);
	bytes->host = bytes->guest;
	if (random_one_in(random, 2))
		change_pmu(random, random_one_in(random, 2) ? &bytes->host : &bytes->guest);
	put_le64(bytes->rcx, make_rcx(random, &bytes->guest));
	put_le64(bytes->counter_seed, random_next(random));
	put_le64(bytes->metrics, random_next(random));
	if (random_one_in(random, 2))
		put_le64(bytes->fixed_ctr_ctrl, make_fixed_ctrl(random));
	if (random_one_in(random, 2))
		put_le32(bytes->gp_user_disable, (uint32_t)pattern(random));
	for (unsigned int i = random_below(random, 4); i; i--)
		size = change_steps(random, data, size, max);
	return size;
}

size_t mutate(struct random *random, uint8_t *data, size_t size, size_t max)
{
	struct case_bytes *bytes = (struct case_bytes *)data;

	/* No room for a case: bytes are as good as any. */
	if (max < sizeof(*bytes)) {
		if (size < max)
			data[size++] = (uint8_t)random_next(random);
		else if (size)
			data[random_below(random, (uint32_t)size)] = (uint8_t)random_next(random);
		return size;
	}
	if (random_one_in(random, 16))
		return mutate_make(random, data, max);
	if (size < sizeof(*bytes)) {
		memset(data + size, 0, sizeof(*bytes) - size);
		size = sizeof(*bytes);
	}
	renew(bytes);
	for (unsigned int i = 1 + random_below(random, 2); i; i--) {
		switch (random_below(random, 10)) {
		case 0:
		case 1:
		case 2:
			change_state(random, bytes);
			break;
		case 3:
			change_pmu(random, &bytes->guest);
			break;
		case 4:
			change_pmu(random, &bytes->host);
			break;
		case 5: /* a pair that a mediated PMU could be had for, but for one thing */
			bytes->flags = (uint8_t)((bytes->flags & ~CASE_FLAGS) | CASE_MEDIATED);
			bytes->host = bytes->guest;
			change_pmu(random, random_one_in(random, 2) ? &bytes->host : &bytes->guest);
			break;
		case 6:
			change_counters(random, bytes);
			break;
		case 7:
			data[random_below(random, (uint32_t)size)] ^=
				(uint8_t)single_bit(random, 8);
			break;
		default:
			size = change_steps(random, data, size, max);
		}
	}
	return size;
}

size_t mutate_numbered(uint64_t seed, uint64_t number, uint8_t *data, size_t max)
{
	struct random random = { seed * 0xd1342543de82ef95ULL + number };

	random.state = random_next(&random);
	return mutate_make(&random, data, max);
}
