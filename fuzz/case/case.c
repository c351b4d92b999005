// SPDX-License-Identifier: GPL-2.0-or-later
/* Bytes to case and back. */
#include "fuzz/case/case.h"

#include "fuzz/case/bytes.h"

#define RFLAGS_FIXED 0x2U
#define RFLAGS_VM    (1U << 17)

#define SIZE_OF(member) sizeof(((struct case_bytes *)0)->member)
#define FIELD(member)                                                                              \
	{                                                                                          \
		FIELD_OF_CASE, #member, offsetof(struct case_bytes, member), SIZE_OF(member)       \
	}
#define OF_PMU(whose, pmu, member)                                                                 \
	{                                                                                          \
		whose, #member, offsetof(struct case_bytes, pmu.member), SIZE_OF(pmu.member)       \
	}
#define PMU(whose, pmu)                                                                            \
	OF_PMU(whose, pmu, vendor), OF_PMU(whose, pmu, version), OF_PMU(whose, pmu, nr_gp),        \
		OF_PMU(whose, pmu, gp_width), OF_PMU(whose, pmu, nr_fixed),                        \
		OF_PMU(whose, pmu, fixed_width), OF_PMU(whose, pmu, old_counters),                 \
		OF_PMU(whose, pmu, nr_nb), OF_PMU(whose, pmu, fixed_bitmap),                       \
		OF_PMU(whose, pmu, leaf23_gp), OF_PMU(whose, pmu, leaf23_fixed),                   \
		OF_PMU(whose, pmu, perf_capabilities)

const struct case_field case_fields[CASE_FIELDS] = {
	FIELD(version),
	FIELD(mode),
	FIELD(cpl),
	FIELD(flags),
	FIELD(cr0),
	FIELD(cr4),
	FIELD(rflags),
	FIELD(rcx),
	FIELD(rax),
	FIELD(rdx),
	FIELD(rip),
	PMU(FIELD_OF_GUEST, guest),
	PMU(FIELD_OF_HOST, host),
	FIELD(counter_seed),
	FIELD(metrics),
	FIELD(fixed_ctr_ctrl),
	FIELD(gp_user_disable),
};

/* Operand size, address size, CS, DS, FS, GS, REPNE, REP. */
const uint8_t case_prefixes[8] = { 0x66, 0x67, 0x2e, 0x3e, 0x64, 0x65, 0xf2, 0xf3 };
const uint8_t case_rex[8] = { 0, 0x40, 0x41, 0x42, 0x44, 0x48, 0x4c, 0x4f };

unsigned int case_instruction(const struct rdpmc_state *state, uint8_t code[CASE_LENGTH])
{
	unsigned int length = 0;

	if (state->lock)
		code[length++] = 0xf0;
	for (unsigned int i = 0; i < state->n_prefixes; i++)
		code[length++] = state->prefix;
	if (state->rex)
		code[length++] = state->rex;
	code[length++] = 0x0f;
	code[length++] = 0x33;
	return length;
}

/* @value modulo @limit, counted where that changes it. */
static uint8_t legal(uint8_t value, unsigned int limit, unsigned int *changed)
{
	if (value < limit)
		return value;
	(*changed)++;
	return (uint8_t)(value % limit);
}

/* @vendors: how many values the byte has. */
static void pmu_decode(const struct case_pmu_bytes *bytes, unsigned int vendors,
		       struct rdpmc_pmu *pmu, unsigned int *changed)
{
	bool amd = bytes->vendor & CASE_PMU_AMD;

	pmu->vendor = amd ? RDPMC_AMD : RDPMC_INTEL;
	pmu->ext_core = bytes->vendor & CASE_PMU_EXT_CORE;
	pmu->ext_nb = bytes->vendor & CASE_PMU_EXT_NB;
	pmu->ext_l3 = bytes->vendor & CASE_PMU_EXT_L3;
	pmu->user_disable = bytes->vendor & CASE_PMU_USER_DISABLE;
	pmu->old_fast = bytes->vendor & CASE_PMU_OLD_FAST;
	pmu->no_pdcm = legal(bytes->vendor, vendors, changed) & CASE_PMU_NO_PDCM;
	pmu->version = legal(bytes->version, amd ? 3 : 256, changed);
	pmu->nr_gp = legal(bytes->nr_gp, amd ? 16 : RDPMC_MAX_GP + 1, changed);
	pmu->gp_width = legal(bytes->gp_width, 65, changed);
	pmu->nr_fixed = legal(bytes->nr_fixed, 32, changed);
	pmu->fixed_width = legal(bytes->fixed_width, 65, changed);
	pmu->old_counters = legal(bytes->old_counters, RDPMC_MAX_GP + 1, changed);
	pmu->nr_nb = legal(bytes->nr_nb, 64, changed);
	pmu->fixed_bitmap = get_le32(bytes->fixed_bitmap);
	pmu->leaf23_gp = get_le32(bytes->leaf23_gp);
	pmu->leaf23_fixed = get_le32(bytes->leaf23_fixed);
	pmu->perf_capabilities = get_le64(bytes->perf_capabilities);
}

static void pmu_encode(const struct rdpmc_pmu *pmu, struct case_pmu_bytes *bytes)
{
	bytes->vendor = (uint8_t)((pmu->vendor == RDPMC_AMD ? CASE_PMU_AMD : 0) |
				  (pmu->ext_core ? CASE_PMU_EXT_CORE : 0) |
				  (pmu->ext_nb ? CASE_PMU_EXT_NB : 0) |
				  (pmu->ext_l3 ? CASE_PMU_EXT_L3 : 0) |
				  (pmu->user_disable ? CASE_PMU_USER_DISABLE : 0) |
				  (pmu->old_fast ? CASE_PMU_OLD_FAST : 0) |
				  (pmu->no_pdcm ? CASE_PMU_NO_PDCM : 0));
	bytes->version = pmu->version;
	bytes->nr_gp = pmu->nr_gp;
	bytes->gp_width = pmu->gp_width;
	bytes->nr_fixed = pmu->nr_fixed;
	bytes->fixed_width = pmu->fixed_width;
	bytes->old_counters = pmu->old_counters;
	bytes->nr_nb = pmu->nr_nb;
	put_le32(bytes->fixed_bitmap, pmu->fixed_bitmap);
	put_le32(bytes->leaf23_gp, pmu->leaf23_gp);
	put_le32(bytes->leaf23_fixed, pmu->leaf23_fixed);
	put_le64(bytes->perf_capabilities, pmu->perf_capabilities);
}

void case_set_mode(struct rdpmc_state *state, enum rdpmc_mode mode, unsigned int cpl)
{
	state->mode = (uint8_t)mode;
	state->cpl = (uint8_t)(mode == MODE_VM86 ? 3 : cpl);
	state->cr0 &= ~RDPMC_CR0_PE;
	if (mode != MODE_REAL)
		state->cr0 |= RDPMC_CR0_PE;
	state->regs.rflags &= ~(uint64_t)RFLAGS_VM;
	if (mode == MODE_VM86)
		state->regs.rflags |= RFLAGS_VM;
	if (mode == MODE_64BIT)
		return;
	state->regs.rip = (uint32_t)state->regs.rip;
	state->rex = 0;
}

static void state_decode(const struct case_bytes *bytes, struct rdpmc_state *state,
			 unsigned int *changed)
{
	const bool first = bytes->version != CASE_VERSION;
	uint32_t cr0 = get_le32(bytes->cr0), rflags = get_le32(bytes->rflags);
	const uint32_t free = first ? CASE_RFLAGS_1 : CASE_RFLAGS;
	uint64_t rip = get_le64(bytes->rip);
	uint8_t cpl = bytes->cpl & 3, rex;

	state->lock = bytes->flags & CASE_LOCK;
	state->code16 = bytes->flags & CASE_CODE16;
	state->cr0 = cr0;
	state->cr4 = get_le32(bytes->cr4);
	state->regs.rcx = get_le64(bytes->rcx);
	state->regs.rax = get_le64(bytes->rax);
	state->regs.rdx = get_le64(bytes->rdx);
	state->regs.rip = rip;
	state->regs.rflags = (rflags & free) | RFLAGS_FIXED;
	state->n_prefixes = state->prefix = state->rex = 0;
	if (!first) {
		state->n_prefixes =
			legal(CASE_PREFIXES(bytes->flags), CASE_MOST_PREFIXES + 1, changed);
		state->prefix = state->n_prefixes ? case_prefixes[CASE_PREFIX(bytes->cpl)] : 0;
		state->rex = case_rex[CASE_REX(bytes->cpl)];
	}
	rex = state->rex;
	case_set_mode(state, legal(bytes->mode, NR_MODES, changed), cpl);
	*changed += !!(rflags & ~free) + (state->cr0 != cr0) +
		    (state->cpl != (first ? bytes->cpl : cpl)) + (state->regs.rip != rip) +
		    (state->rex != rex);
}

void case_decode(const uint8_t *data, size_t size, struct rdpmc_case *decoded)
{
	struct case_bytes padded, *changeable = &padded;
	const struct case_bytes *bytes = (const struct case_bytes *)data;
	unsigned int changed = 0;

	if (size < sizeof(padded)) {
		memset(changeable, 0, sizeof(padded));
		if (size)
			memcpy(changeable, data, size);
		bytes = changeable;
	}
	/* An empty file is a case of this version, too. */
	changed += size && bytes->version != 1 && bytes->version != CASE_VERSION;
	legal(bytes->flags, bytes->version == CASE_VERSION ? 256 : CASE_FLAGS + 1, &changed);
	state_decode(bytes, &decoded->state, &changed);
	pmu_decode(&bytes->guest, bytes->version == CASE_VERSION ? 128 : 64, &decoded->guest,
		   &changed);
	pmu_decode(&bytes->host, 64, &decoded->host, &changed);
	decoded->policy.vmware_backdoor = bytes->flags & CASE_BACKDOOR;
	decoded->policy.mediated_pmu = bytes->flags & CASE_MEDIATED;
	decoded->counter_seed = get_le64(bytes->counter_seed);
	decoded->metrics = get_le64(bytes->metrics);
	decoded->fixed_ctr_ctrl = get_le64(bytes->fixed_ctr_ctrl);
	decoded->gp_user_disable = get_le32(bytes->gp_user_disable);
	decoded->impossible = !(decoded->state.cr0 & RDPMC_CR0_PE) && decoded->state.cpl;
	decoded->legalised = changed;

	decoded->steps = NULL;
	decoded->steps_size = 0;
	if (size > sizeof(padded)) {
		decoded->steps = data + sizeof(padded);
		decoded->steps_size = size - sizeof(padded);
	}
	decoded->n_steps = (decoded->steps_size + sizeof(struct case_step_bytes) - 1) /
			   sizeof(struct case_step_bytes);
}

bool case_step(const struct rdpmc_case *decoded, size_t i, struct case_step *step)
{
	size_t offset = i * sizeof(struct case_step_bytes), size = decoded->steps_size - offset;
	const struct case_step_bytes *bytes =
		(const struct case_step_bytes *)(decoded->steps + offset);
	struct case_step_bytes padded;
	unsigned int changed = 0;

	if (size < sizeof(padded)) {
		memset(&padded, 0, sizeof(padded));
		memcpy(&padded, bytes, size);
		bytes = &padded;
	}
	step->op = legal(bytes->op, NR_STEP_OPS, &changed);
	step->arg = legal(bytes->arg, 32, &changed);
	step->value = get_le64(bytes->value);
	return !changed;
}

static uint8_t index_of(const uint8_t values[8], uint8_t value)
{
	uint8_t i = 7;

	while (i && values[i] != value)
		i--;
	return i;
}

void case_encode(const struct rdpmc_case *decoded, struct case_bytes *bytes)
{
	const struct rdpmc_state *state = &decoded->state;

	bytes->version = CASE_VERSION;
	bytes->mode = state->mode;
	bytes->cpl = (uint8_t)(state->cpl | index_of(case_prefixes, state->prefix) << 2 |
			       index_of(case_rex, state->rex) << 5);
	bytes->flags = (uint8_t)(state->n_prefixes << 4 | (state->lock ? CASE_LOCK : 0) |
				 (state->code16 ? CASE_CODE16 : 0) |
				 (decoded->policy.vmware_backdoor ? CASE_BACKDOOR : 0) |
				 (decoded->policy.mediated_pmu ? CASE_MEDIATED : 0));
	put_le32(bytes->cr0, (uint32_t)state->cr0);
	put_le32(bytes->cr4, (uint32_t)state->cr4);
	put_le32(bytes->rflags, state->regs.rflags & CASE_RFLAGS);
	put_le64(bytes->rcx, state->regs.rcx);
	put_le64(bytes->rax, state->regs.rax);
	put_le64(bytes->rdx, state->regs.rdx);
	put_le64(bytes->rip, state->regs.rip);
	pmu_encode(&decoded->guest, &bytes->guest);
	pmu_encode(&decoded->host, &bytes->host);
	put_le64(bytes->counter_seed, decoded->counter_seed);
	put_le64(bytes->metrics, decoded->metrics);
	put_le64(bytes->fixed_ctr_ctrl, decoded->fixed_ctr_ctrl);
	put_le32(bytes->gp_user_disable, decoded->gp_user_disable);
}

void case_step_encode(const struct case_step *step, struct case_step_bytes *bytes)
{
	bytes->op = step->op;
	bytes->arg = step->arg;
	put_le64(bytes->value, step->value);
}

/* No two alike, and no pattern that a mask could leave as it is. */
static uint64_t value_of(uint64_t seed, unsigned int i)
{
	uint64_t value = seed + (i + 1) * 0x9e3779b97f4a7c15ULL;

	value ^= value >> 31;
	return value * 0xd6e8feb86659fd93ULL;
}

/* One more than the highest bit. */
static unsigned int highest(uint64_t bits)
{
	return bits ? 64 - (unsigned int)__builtin_clzll(bits) : 0;
}

void case_counter_values(const struct rdpmc_case *decoded, struct rdpmc_counters *counters,
			 unsigned int n_gp, unsigned int n_fixed)
{
	for (unsigned int x = 0; x < n_gp; x++)
		counters->gp[x] = value_of(decoded->counter_seed, x);
	for (unsigned int x = 0; x < n_fixed; x++)
		counters->fixed[x] = value_of(decoded->counter_seed, 64 + RDPMC_MAX_ECX + x);
}

void case_counters(const struct rdpmc_case *decoded, const struct rdpmc_view *guest,
		   struct rdpmc_counters *counters, unsigned int *n_gp, unsigned int *n_fixed)
{
	*n_gp = highest(guest->readable[CLASS_GP] | guest->readable[CLASS_OLD] |
			guest->readable[CLASS_AMD_CORE] | guest->readable[CLASS_AMD_NB] |
			guest->readable[CLASS_AMD_L3]);
	if (guest->readable[CLASS_AMD_NB_MORE])
		*n_gp = RDPMC_AMD_NB_MORE_FIRST + highest(guest->readable[CLASS_AMD_NB_MORE]);
	*n_fixed = highest(guest->readable[CLASS_FIXED]);
	case_counter_values(decoded, counters, *n_gp, *n_fixed);
	for (unsigned int i = 0; i < RDPMC_VMWARE_CLOCKS; i++)
		counters->vmware[i] = value_of(decoded->counter_seed, 128 + RDPMC_MAX_ECX + i);
	counters->metrics = decoded->metrics;
	counters->fixed_ctr_ctrl = decoded->fixed_ctr_ctrl;
	counters->gp_user_disable = decoded->gp_user_disable;
}
