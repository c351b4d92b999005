// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The emulated PMU: counting, its MSRs, RDPMC. Sections named in quotes are in Intel's SDM, vol. 3,
 * unless a comment says otherwise.
 */
#include "machine/pmu.h"

#include <string.h>

#define BIT(n) (1ULL << (n))

/* IA32_PERFEVTSELx, "Architectural Performance Monitoring"; AMD's PERF_CTL shares bits 31:0 */
#define SEL_EVENT        0xffULL
#define SEL_UMASK        0xff00ULL
#define SEL_USR          BIT(16)
#define SEL_OS           BIT(17)
#define SEL_EDGE         BIT(18)
#define SEL_INT          BIT(20)
#define SEL_ANYTHREAD    BIT(21) /* versions 3 and 4 */
#define SEL_EN           BIT(22)
#define SEL_INV          BIT(23)
#define SEL_CMASK_SHIFT  24
#define SEL_EQ           BIT(36)
#define SEL_USER_DISABLE BIT(37)
#define SEL_UMASK2       (0xffULL << 40)

/* PERF_CTL, APM vol. 2, "Performance Event-Select Registers". Reserved bits: ignored, read as 0. */
#define AMD_EVENT_HIGH 0xf00000000ULL
#define AMD_GUEST_ONLY BIT(40)
#define AMD_HOST_ONLY  BIT(41)
#define AMD_SEL_BITS   (0xffd7ffffULL | AMD_EVENT_HIGH | AMD_GUEST_ONLY | AMD_HOST_ONLY)
#define AMD_WIDTH      48

/* IA32_FIXED_CTR_CTRL, four bits a counter */
#define FIXED_OS              1U
#define FIXED_USR             2U
#define FIXED_ANYTHREAD       4U
#define FIXED_PMI             8U
#define FIXED_METRICS_CLEAR   BIT(14)
#define FIXED_USER_DISABLE(x) BIT(33 + 4 * (x))

#define FIRST_FIXED 32 /* of IA32_PERF_GLOBAL_CTRL and _STATUS */
#define METRICS     BIT(48)
#define SLOTS_FIXED 3 /* the fixed counter of TOPDOWN.SLOTS */

/* IA32_PERF_GLOBAL_STATUS */
#define STATUS_LBR_FRZ BIT(58)
#define STATUS_CTR_FRZ BIT(59)
#define STATUS_ASCI    BIT(60)
#define STATUS_BUF     BIT(62)
#define STATUS_CHANGED BIT(63)
#define INUSE_PMI      BIT(63)

/* IA32_DEBUGCTL */
#define DEBUGCTL_FREEZE_LBRS BIT(11)
#define DEBUGCTL_FREEZE      BIT(12)

#define CAP_FULL_WIDTH    BIT(13)
#define CAP_METRICS       BIT(15)
#define CAP_METRICS_CLEAR BIT(19)

/*
 * PERF_METRICS, "Performance Metrics": an instruction fills one slot of each category, so each is a
 * quarter of 0xff, and 0xff together. Each level-2 fraction is a part of its category.
 */
#define FRACTIONS_LEVEL_1 0x3f404040ULL
#define FRACTIONS_LEVEL_2 (0x100f2030ULL << 32)

static uint64_t low_bits(unsigned int n)
{
	return n < 64 ? BIT(n) - 1 : ~0ULL;
}

static bool intel(const struct pmu *pmu)
{
	return pmu->config.vendor == PMU_INTEL;
}

static bool has_gp(const struct pmu *pmu, uint32_t x)
{
	return x < PMU_MAX_GP && pmu->config.gp_set >> x & 1;
}

static bool has_fixed(const struct pmu *pmu, uint32_t x)
{
	return x < PMU_MAX_FIXED && pmu->config.fixed_set >> x & 1;
}

static uint64_t gp_mask(const struct pmu *pmu)
{
	return low_bits(pmu->config.gp_width);
}

static uint64_t fixed_mask(const struct pmu *pmu)
{
	return low_bits(pmu->config.fixed_width);
}

static unsigned int llc_counters(const struct pmu *pmu)
{
	return pmu->config.l3 ? 6 : pmu->config.l2i ? 4 : 0;
}

/* IA32_PERF_GLOBAL_CTRL or PerfCntrGlobalCtl, and the status: version 2 or later. */
static bool has_global(const struct pmu *pmu)
{
	return pmu->config.version >= 2;
}

static uint64_t counter_bits(const struct pmu *pmu)
{
	return pmu->config.gp_set | (uint64_t)pmu->config.fixed_set << FIRST_FIXED;
}

static uint64_t global_bits(const struct pmu *pmu)
{
	return counter_bits(pmu) | (pmu->config.metrics ? METRICS : 0);
}

static bool has_anythread(const struct pmu *pmu)
{
	return pmu->config.version == 3 || pmu->config.version == 4;
}

/* What may be written to IA32_PERFEVTSELx. */
static uint64_t evtsel_bits(const struct pmu *pmu)
{
	const struct pmu_config *config = &pmu->config;

	return (low_bits(32) & ~(has_anythread(pmu) ? 0 : SEL_ANYTHREAD)) |
	       (config->eq ? SEL_EQ : 0) | (config->user_disable ? SEL_USER_DISABLE : 0) |
	       (config->umask2 ? SEL_UMASK2 : 0);
}

/* What may be written to IA32_FIXED_CTR_CTRL. */
static uint64_t fixed_ctrl_bits(const struct pmu *pmu)
{
	uint64_t field =
		FIXED_OS | FIXED_USR | FIXED_PMI | (has_anythread(pmu) ? FIXED_ANYTHREAD : 0);
	uint64_t bits = pmu->config.metrics_clear ? FIXED_METRICS_CLEAR : 0;

	for (unsigned int x = 0; x < PMU_MAX_FIXED; x++) {
		if (has_fixed(pmu, x))
			bits |= field << 4 * x |
				(pmu->config.user_disable ? FIXED_USER_DISABLE(x) : 0);
	}
	return bits;
}

/* Counting */

/* A counter as its control registers have it: @events every @per instructions, 0 for none. */
struct counter {
	uint64_t *value, mask;
	unsigned int events, per;
	bool branches; /* @events every branch instead */
	bool os, usr, interrupt;
	unsigned int sides; /* bit of enum pmu_side */
};

#define ALL_SIDES (1U << PMU_NATIVE | 1U << PMU_HOST | 1U << PMU_GUEST)

/* The events of a general-purpose counter, before CMASK. */
static unsigned int gp_events(const struct pmu *pmu, uint64_t sel, unsigned int *per,
			      bool *branches)
{
	unsigned int event = sel & (SEL_EVENT | SEL_UMASK);

	*per = 1;
	if (!intel(pmu)) {
		/* Retired branches, instructions and uops, cycles not in halt; any unit mask */
		event &= SEL_EVENT;
		*branches = event == 0xc2;
		return !(sel & AMD_EVENT_HIGH) &&
		       (event == 0xc0 || event == 0xc1 || event == 0xc2 || event == 0x76);
	}
	if (sel & SEL_UMASK2)
		return 0;
	switch (event) {
	case 0x00c4: /* Branch Instruction Retired */
		*branches = true;
		return 1;
	case 0x00c0: /* Instruction Retired */
	case 0x003c: /* UnHalted Core Cycles */
		return 1;
	case 0x013c: /* UnHalted Reference Cycles: at the bus's rate */
		*per = PMU_BUS;
		return 1;
	case 0x01a4: /* Topdown Slots */
		return PMU_SLOTS;
	}
	return 0;
}

/*
 * CMASK counts cycles with at least that many events; with INV, those with fewer; with EQ, those
 * with exactly that many (EQ and INV: any other number). EDGE counts cycles that meet the condition
 * after one that did not: here every cycle is like the one before, so there is none. A choice: a
 * counter of bus clocks or branches, which are not @steady, with CMASK or EDGE counts nothing.
 */
static unsigned int compared(uint64_t sel, unsigned int events, bool steady)
{
	unsigned int cmask = sel >> SEL_CMASK_SHIFT & 0xff;
	bool inv = sel & SEL_INV;

	if (sel & SEL_EDGE)
		return 0;
	if (!cmask && !(sel & SEL_EQ))
		return events;
	return steady && (sel & SEL_EQ ? events == cmask : events >= cmask) != inv;
}

static struct counter gp_counter(struct pmu *pmu, unsigned int x)
{
	uint64_t sel = pmu->evtsel[x];
	struct counter counter = { &pmu->gp[x],  gp_mask(pmu),  0,             1,        false,
				   sel & SEL_OS, sel & SEL_USR, sel & SEL_INT, ALL_SIDES };

	counter.events = gp_events(pmu, sel, &counter.per, &counter.branches);
	/* A choice: an event that never happens counts nothing, not even with CMASK and INV. */
	if (counter.events)
		counter.events = compared(sel, counter.events,
					  counter.per == 1 && !counter.branches);
	/* EN. The P6 family has one for both counters, in PerfEvtSel0. */
	if (!((intel(pmu) && !pmu->config.version ? pmu->evtsel[0] : sel) & SEL_EN))
		counter.events = 0;
	/* HostGuestOnly: with either bit set only if EFER.SVME = 1 (PPR, PERF_CTL). */
	if (sel & (AMD_GUEST_ONLY | AMD_HOST_ONLY) && !intel(pmu))
		counter.sides = (sel & AMD_GUEST_ONLY ? 1U << PMU_GUEST : 0) |
				(sel & AMD_HOST_ONLY ? 1U << PMU_HOST : 0);
	return counter;
}

static struct counter fixed_counter(struct pmu *pmu, unsigned int x)
{
	/* Instructions, core cycles, reference cycles, slots; slots that were lost or retired */
	static const uint8_t events[PMU_MAX_FIXED] = { 1, 1, 1, PMU_SLOTS, 1, 1, 1 };
	unsigned int field = pmu->fixed_ctrl >> 4 * x & 0xf;

	return (struct counter){
		&pmu->fixed[x],   fixed_mask(pmu),   events[x],         1,        false,
		field & FIXED_OS, field & FIXED_USR, field & FIXED_PMI, ALL_SIDES
	};
}

static struct counter counter_at(struct pmu *pmu, unsigned int bit)
{
	return bit < FIRST_FIXED ? gp_counter(pmu, bit) : fixed_counter(pmu, bit - FIRST_FIXED);
}

/* USR counts CPL 1 to 3 on Intel, and CPL > 0 on AMD, which is the same. */
static bool counts(const struct counter *counter, unsigned int cpl, enum pmu_side side)
{
	return (cpl ? counter->usr : counter->os) && counter->sides >> side & 1;
}

/* Derives what depends on control registers; called after each change of one. */
static void update(struct pmu *pmu)
{
	uint64_t enabled = counter_bits(pmu) & (has_global(pmu) ? pmu->global_ctrl : ~0ULL);

	if (pmu->global_status & STATUS_CTR_FRZ)
		enabled = 0;
	pmu->counting = 0;
	pmu->by_state = false;
	for (; enabled; enabled &= enabled - 1) {
		unsigned int bit = (unsigned int)__builtin_ctzll(enabled);
		struct counter counter = counter_at(pmu, bit);

		if (!counter.events || !(counter.os || counter.usr))
			continue;
		pmu->counting |= BIT(bit);
		pmu->by_state |= counter.os != counter.usr || counter.sides != ALL_SIDES;
	}
}

/* "Freezing LBR and Performance Counters on PMI": streamlined from version 4 on, legacy before. */
static void freeze(struct pmu *pmu)
{
	if (pmu->config.version >= 4) {
		pmu->global_status |= (pmu->debugctl & DEBUGCTL_FREEZE_LBRS ? STATUS_LBR_FRZ : 0) |
				      (pmu->debugctl & DEBUGCTL_FREEZE ? STATUS_CTR_FRZ : 0);
	} else if (pmu->debugctl & DEBUGCTL_FREEZE) {
		pmu->global_ctrl = 0;
	}
	update(pmu);
}

static void count(struct pmu *pmu, uint64_t instructions, unsigned int cpl, enum pmu_side side)
{
	uint64_t branches = pmu->branches < instructions ? pmu->branches : instructions;
	bool interrupt = false;

	for (uint64_t left = pmu->counting; left; left &= left - 1) {
		unsigned int bit = (unsigned int)__builtin_ctzll(left);
		struct counter counter = counter_at(pmu, bit);
		uint64_t delta;

		if (!counts(&counter, cpl, side))
			continue;
		delta = counter.branches ? branches
					 : (pmu->retired % counter.per + instructions) / counter.per *
						   counter.events;
		if (delta > counter.mask - *counter.value) {
			if (has_global(pmu))
				pmu->global_status |= BIT(bit);
			interrupt |= counter.interrupt;
		}
		*counter.value = (*counter.value + delta) & counter.mask;
		/* PERF_METRICS is derived from the slots. */
		if (bit == FIRST_FIXED + SLOTS_FIXED && pmu->global_ctrl & METRICS && instructions)
			pmu->perf_metrics = FRACTIONS_LEVEL_1 |
					    (pmu->config.metrics_level > 1 ? FRACTIONS_LEVEL_2 : 0);
	}
	if (interrupt) {
		pmu->pmi = true;
		freeze(pmu);
	}
}

void pmu_retire(struct pmu *pmu, uint64_t instructions, unsigned int cpl, enum pmu_side side)
{
	uint64_t counted = instructions;

	/* What retires after the counters were frozen is not counted. */
	if (pmu->debugctl & DEBUGCTL_FREEZE) {
		uint64_t until = pmu_until_pmi(pmu, cpl, side);

		if (counted > until)
			counted = until;
	}
	count(pmu, counted, cpl, side);
	pmu->retired += instructions;
	pmu->branches = 0;
}

void pmu_branch(struct pmu *pmu, uint64_t branches)
{
	pmu->branches += branches;
}

bool pmu_by_state(const struct pmu *pmu)
{
	return pmu->by_state;
}

uint64_t pmu_until_pmi(const struct pmu *pmu, unsigned int cpl, enum pmu_side side)
{
	uint64_t until = UINT64_MAX;

	for (uint64_t left = pmu->counting; left; left &= left - 1) {
		/* A counter is described for writing; here nothing is written. */
		struct counter counter =
			counter_at((struct pmu *)pmu, (unsigned int)__builtin_ctzll(left));
		uint64_t steps, instructions;

		if (!counter.interrupt || !counts(&counter, cpl, side))
			continue;
		/* The steps that still fit, and one more. Out of reach if it overflows. */
		steps = (counter.mask - *counter.value) / counter.events;
		if (steps >= UINT64_MAX / counter.per)
			continue;
		instructions = (steps + 1) * counter.per - pmu->retired % counter.per;
		if (instructions < until)
			until = instructions;
	}
	return until;
}

bool pmu_take_pmi(struct pmu *pmu)
{
	bool pmi = pmu->pmi;

	pmu->pmi = false;
	return pmi;
}

bool pmu_global_ctrl_valid(const struct pmu *pmu, uint64_t value)
{
	return !(value & ~(has_global(pmu) ? global_bits(pmu) : 0));
}

uint64_t pmu_global_ctrl(const struct pmu *pmu)
{
	return pmu->global_ctrl;
}

void pmu_set_global_ctrl(struct pmu *pmu, uint64_t value)
{
	if (!has_global(pmu))
		return;
	pmu->global_ctrl = value;
	update(pmu);
}

void pmu_set_debugctl(struct pmu *pmu, uint64_t value)
{
	if (intel(pmu) && has_global(pmu))
		pmu->debugctl = value & (DEBUGCTL_FREEZE | DEBUGCTL_FREEZE_LBRS);
}

void pmu_reset(struct pmu *pmu)
{
	struct pmu_config config = pmu->config;

	memset(pmu, 0, sizeof(*pmu));
	pmu->config = config;
	if (has_global(pmu))
		pmu->global_ctrl = config.gp_set;
}

/* MSRs */

/* Reads or writes a register. Bits other than @bits are reserved: writing 1 to them is #GP. */
static enum pmu_answer plain(uint64_t *reg, uint64_t bits, uint64_t *value, bool write)
{
	if (!write)
		*value = *reg;
	else if (*value & ~bits)
		return PMU_FAULT;
	else
		*reg = *value;
	return PMU_DONE;
}

/* The same, but writes to reserved bits are ignored. */
static enum pmu_answer lenient(uint64_t *reg, uint64_t bits, uint64_t *value, bool write)
{
	if (write)
		*value &= bits;
	return plain(reg, bits, value, write);
}

/* Is @msr one of @count from @first on? If so, @x is its index. */
static bool within(uint32_t msr, uint32_t first, uint32_t count, uint32_t *x)
{
	*x = msr - first;
	return *x < count;
}

/* IA32_PERF_GLOBAL_INUSE, "IA32_PERF_GLOBAL_INUSE MSR" */
static uint64_t inuse(const struct pmu *pmu)
{
	uint64_t value = 0;

	for (unsigned int x = 0; x < PMU_MAX_GP; x++) {
		value |= pmu->evtsel[x] & SEL_EVENT ? BIT(x) : 0;
		value |= pmu->evtsel[x] & SEL_INT ? INUSE_PMI : 0;
	}
	for (unsigned int x = 0; x < PMU_MAX_FIXED; x++) {
		unsigned int field = pmu->fixed_ctrl >> 4 * x & 0xf;

		/* Above counter 7 the field may hold the user disable of another counter. */
		if (!has_fixed(pmu, x))
			continue;
		value |= field & (FIXED_OS | FIXED_USR) ? BIT(FIRST_FIXED + x) : 0;
		value |= field & FIXED_PMI ? INUSE_PMI : 0;
	}
	return value;
}

/* From IA32_FIXED_CTR_CTRL to IA32_PERF_GLOBAL_INUSE, 0x38d to 0x392. */
static enum pmu_answer intel_global(struct pmu *pmu, uint32_t msr, uint64_t *value, bool write)
{
	unsigned int version = pmu->config.version;
	uint64_t settable = global_bits(pmu) | STATUS_BUF;

	if (version < (msr < 0x391 ? 2 : 4))
		return PMU_FAULT;
	if (version >= 4)
		settable |= STATUS_LBR_FRZ | STATUS_CTR_FRZ | STATUS_ASCI;
	switch (msr) {
	case 0x38d:
		return plain(&pmu->fixed_ctrl, fixed_ctrl_bits(pmu), value, write);
	case 0x38f:
		return plain(&pmu->global_ctrl, global_bits(pmu), value, write);
	case 0x38e:
	case 0x392:
		if (write)
			return PMU_FAULT;
		*value = msr == 0x38e ? pmu->global_status : inuse(pmu);
		return PMU_DONE;
	}
	/* IA32_PERF_GLOBAL_STATUS_RESET (_OVF_CTRL before version 4) and _SET: read as 0 */
	if (!write)
		*value = 0;
	else if (*value & ~(settable | (msr == 0x390 ? STATUS_CHANGED : 0)))
		return PMU_FAULT;
	else if (msr == 0x390)
		pmu->global_status &= ~*value;
	else
		pmu->global_status |= *value;
	return PMU_DONE;
}

static enum pmu_answer perf_capabilities(const struct pmu *pmu, uint64_t *value, bool write)
{
	const struct pmu_config *config = &pmu->config;

	if (write || config->version < 2) /* no PDCM */
		return PMU_FAULT;
	*value = (config->full_width ? CAP_FULL_WIDTH : 0) | (config->metrics ? CAP_METRICS : 0) |
		 (config->metrics_clear ? CAP_METRICS_CLEAR : 0);
	return PMU_DONE;
}

/* The fractions that are not there are not defined: here they read as 0. */
static enum pmu_answer perf_metrics(struct pmu *pmu, uint64_t *value, bool write)
{
	if (!pmu->config.metrics)
		return PMU_FAULT;
	return lenient(&pmu->perf_metrics, low_bits(32 * pmu->config.metrics_level), value, write);
}

static enum pmu_answer gp_register(struct pmu *pmu, uint32_t x, bool select, uint64_t *value,
				   bool write)
{
	if (!has_gp(pmu, x))
		return PMU_FAULT;
	return select ? plain(&pmu->evtsel[x], evtsel_bits(pmu), value, write)
		      : plain(&pmu->gp[x], gp_mask(pmu), value, write);
}

static enum pmu_answer fixed_register(struct pmu *pmu, uint32_t x, uint64_t *value, bool write)
{
	return has_fixed(pmu, x) ? plain(&pmu->fixed[x], fixed_mask(pmu), value, write) : PMU_FAULT;
}

static enum pmu_answer intel_msr(struct pmu *pmu, uint32_t msr, uint64_t *value, bool write)
{
	unsigned int version = pmu->config.version;
	uint32_t x;

	/* IA32_PMCx: the lower half is written, and sign-extended */
	if (within(msr, 0xc1, PMU_LEGACY_GP, &x)) {
		if (write)
			*value = (uint64_t)(int32_t)*value & gp_mask(pmu);
		return gp_register(pmu, x, false, value, write);
	}
	if (within(msr, 0x186, PMU_LEGACY_GP, &x)) /* IA32_PERFEVTSELx */
		return gp_register(pmu, x, true, value, write);
	if (within(msr, 0x4c1, PMU_LEGACY_GP, &x)) /* IA32_A_PMCx */
		return pmu->config.full_width ? gp_register(pmu, x, false, value, write)
					      : PMU_FAULT;
	if (within(msr, 0x309, PMU_MAX_FIXED, &x)) /* IA32_FIXED_CTRx */
		return fixed_register(pmu, x, value, write);
	/* IA32_PMC_GPx_CTR and _CFG_A, IA32_PMC_FXx_CTR. There is nothing for CFG_B and _C. */
	if (within(msr, 0x1900, 4 * PMU_MAX_GP, &x))
		return version >= 6 && x % 4 < 2 ? gp_register(pmu, x / 4, x % 4, value, write)
						 : PMU_FAULT;
	if (within(msr, 0x1980, 4 * PMU_MAX_FIXED, &x))
		return version >= 6 && x % 4 < 1 ? fixed_register(pmu, x / 4, value, write)
						 : PMU_FAULT;
	if (within(msr, 0x38d, 6, &x))
		return intel_global(pmu, msr, value, write);
	if (msr == 0x329)
		return perf_metrics(pmu, value, write);
	if (msr == 0x345)
		return perf_capabilities(pmu, value, write);
	return PMU_NOT_MINE;
}

/*
 * PerfCntrGlobalStatus, PerfCntrGlobalCtl, PerfCntrGlobalStatusClr and ...Set (PPR). Writes to the
 * status are ignored; the last two read as 0.
 */
static enum pmu_answer amd_global(struct pmu *pmu, uint32_t msr, uint64_t *value, bool write)
{
	uint64_t bits = global_bits(pmu);

	if (!has_global(pmu))
		return PMU_FAULT;
	if (msr == 0xc0000301)
		return lenient(&pmu->global_ctrl, bits, value, write);
	if (!write)
		*value = msr == 0xc0000300 ? pmu->global_status : 0;
	else if (msr == 0xc0000302)
		pmu->global_status &= ~*value;
	else if (msr == 0xc0000303)
		pmu->global_status |= *value & bits;
	return PMU_DONE;
}

/* A register of a counter that is @there: PERF_CTL, or PERF_CTR if @odd. */
static enum pmu_answer amd_register(bool there, uint64_t *ctl, uint64_t ctl_bits, uint64_t *ctr,
				    bool odd, uint64_t *value, bool write)
{
	if (!there)
		return PMU_FAULT;
	return odd ? lenient(ctr, low_bits(AMD_WIDTH), value, write)
		   : lenient(ctl, ctl_bits, value, write);
}

static enum pmu_answer amd_msr(struct pmu *pmu, uint32_t msr, uint64_t *value, bool write)
{
	uint32_t x;

	if (within(msr, 0xc0000300, 4, &x))
		return amd_global(pmu, msr, value, write);
	/* Legacy: four controls, four counters. All others alternate. */
	if (within(msr, 0xc0010000, 8, &x))
		return amd_register(has_gp(pmu, x % 4), &pmu->evtsel[x % 4], AMD_SEL_BITS,
				    &pmu->gp[x % 4], x / 4, value, write);
	if (within(msr, 0xc0010200, 0x30, &x))
		return amd_register(pmu->config.version && has_gp(pmu, x / 2), &pmu->evtsel[x / 2],
				    AMD_SEL_BITS, &pmu->gp[x / 2], x % 2, value, write);
	if (within(msr, 0xc0010230, 2 * PMU_MAX_LLC, &x))
		return amd_register(x / 2 < llc_counters(pmu), &pmu->llc_ctl[x / 2], ~0ULL,
				    &pmu->llc[x / 2], x % 2, value, write);
	if (within(msr, 0xc0010240, 2 * PMU_MAX_NB, &x))
		return amd_register(x / 2 < pmu->config.nb, &pmu->nb_ctl[x / 2], ~0ULL,
				    &pmu->nb[x / 2], x % 2, value, write);
	return PMU_NOT_MINE;
}

static enum pmu_answer access_msr(struct pmu *pmu, uint32_t msr, uint64_t *value, bool write)
{
	switch (pmu->config.vendor) {
	case PMU_INTEL:
		return intel_msr(pmu, msr, value, write);
	case PMU_AMD:
		return amd_msr(pmu, msr, value, write);
	default:
		return PMU_NOT_MINE;
	}
}

enum pmu_answer pmu_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value)
{
	return access_msr(pmu, msr, value, false);
}

enum pmu_answer pmu_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value)
{
	enum pmu_answer answer = access_msr(pmu, msr, &value, true);

	if (answer == PMU_DONE)
		update(pmu);
	return answer;
}

/* RDPMC */

/* What a read selects. @hidden: RDPMC user disable is set, CPL > 0 reads 0. */
struct selected {
	const uint64_t *counter;
	uint64_t mask;
	bool hidden, metrics;
};

/* SDM vol. 2, "RDPMC": ECX[31:16] is the type, ECX[15:0] the index. */
static bool select_intel(const struct pmu *pmu, uint32_t ecx, struct selected *selected)
{
	uint32_t x = ecx & 0xffff;

	switch (ecx >> 16) {
	case 0x0000:
		if (!has_gp(pmu, x))
			return false;
		*selected = (struct selected){ &pmu->gp[x], gp_mask(pmu),
					       pmu->evtsel[x] & SEL_USER_DISABLE, false };
		return true;
	case 0x4000:
		if (!has_fixed(pmu, x))
			return false;
		*selected = (struct selected){ &pmu->fixed[x], fixed_mask(pmu), false, false };
		if (pmu->config.user_disable)
			selected->hidden = pmu->fixed_ctrl & FIXED_USER_DISABLE(x);
		return true;
	case 0x2000:
		/* Other indices are implementation specific; on Sapphire Rapids and later #GP. */
		*selected = (struct selected){ &pmu->perf_metrics, ~0ULL, false, true };
		return pmu->config.metrics && !x;
	}
	return false;
}

/* Not architectural: ECX[30:0] is the index; ECX[31] is a fast read (bits 31:0) if supported. */
static bool select_old(const struct pmu *pmu, uint32_t ecx, struct selected *selected)
{
	uint32_t x = ecx & 0x7fffffff;
	bool fast = ecx >> 31;

	if (!has_gp(pmu, x) || (fast && !pmu->config.fast))
		return false;
	*selected = (struct selected){ &pmu->gp[x], gp_mask(pmu) & low_bits(fast ? 32 : 64), false,
				       false };
	return true;
}

/* APM vol. 3, "RDPMC"; PPR: core counters from 0, data fabric 6 to 9 and from 16, L3 10 to 15 */
static bool select_amd(const struct pmu *pmu, uint32_t ecx, struct selected *selected)
{
	uint32_t fabric = ecx < 10 ? ecx - 6 : ecx - 12;

	selected->mask = low_bits(AMD_WIDTH);
	if (has_gp(pmu, ecx))
		selected->counter = &pmu->gp[ecx];
	else if (ecx >= 10 && ecx < 16)
		selected->counter = ecx - 10 < llc_counters(pmu) ? &pmu->llc[ecx - 10] : NULL;
	else
		selected->counter = ecx >= 6 && fabric < pmu->config.nb ? &pmu->nb[fabric] : NULL;
	return selected->counter;
}

static bool select_counter(const struct pmu *pmu, uint32_t ecx, struct selected *selected)
{
	memset(selected, 0, sizeof(*selected));
	if (pmu->config.vendor == PMU_NONE)
		return false;
	if (!intel(pmu))
		return select_amd(pmu, ecx, selected);
	return pmu->config.version ? select_intel(pmu, ecx, selected)
				   : select_old(pmu, ecx, selected);
}

bool pmu_rdpmc_valid(const struct pmu *pmu, uint32_t ecx)
{
	struct selected selected;

	return select_counter(pmu, ecx, &selected);
}

bool pmu_rdpmc(struct pmu *pmu, uint32_t ecx, unsigned int cpl, uint64_t *value)
{
	struct selected selected;

	if (!select_counter(pmu, ecx, &selected))
		return false;
	*value = selected.hidden && cpl ? 0 : *selected.counter & selected.mask;
	/* Metrics Clear Mode: PERF_METRICS and the counter of slots start from 0 again. */
	if (selected.metrics && pmu->fixed_ctrl & FIXED_METRICS_CLEAR &&
	    pmu->config.metrics_clear) {
		pmu->perf_metrics = 0;
		pmu->fixed[SLOTS_FIXED] = 0;
	}
	return true;
}
