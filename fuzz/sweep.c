// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists of ECX, state by state. */
#include "fuzz/sweep.h"

#include <stdio.h>
#include <string.h>

#include "fuzz/random.h"

#define CR0_PG (1ULL << 31)

#define AT_ONCE 512 /* between looks at whether to end */

void sweep_result_free(struct sweep_result *result)
{
	findings_free(&result->findings);
}

const char *sweep_place_name(const struct sweep_place *place, char name[SWEEP_PLACE_NAME])
{
	static const char *const modes[NR_MODES] = { "real", "protected", "virtual-8086",
						     "compatibility", "64-bit" };
	const struct rdpmc_state *state = &place->state;
	const bool has_size = state->mode == MODE_PROTECTED || state->mode == MODE_COMPATIBILITY;
	const bool may_page = state->mode == MODE_PROTECTED || state->mode == MODE_VM86;

	snprintf(name, SWEEP_PLACE_NAME, "%s%s%s CPL %u%s", modes[state->mode],
		 !has_size       ? ""
		 : state->code16 ? " 16"
				 : " 32",
		 may_page && state->cr0 & CR0_PG ? " paging" : "", state->cpl,
		 state->cr4 & RDPMC_CR4_PCE ? " PCE" : "");
	return name;
}

/* The bits of @number choose; false where there is no such state. */
static bool state_of(unsigned int number, struct rdpmc_state *state)
{
	const unsigned int mode = number >> 5, cpl = number & 3;
	const bool pce = number >> 2 & 1, code16 = number >> 3 & 1, paging = number >> 4 & 1;

	if (code16 && mode != MODE_PROTECTED && mode != MODE_COMPATIBILITY)
		return false;
	if (paging && mode != MODE_PROTECTED && mode != MODE_VM86)
		return false;
	if ((mode == MODE_REAL && cpl) || (mode == MODE_VM86 && cpl != 3))
		return false;
	memset(state, 0, sizeof(*state));
	state->code16 = code16;
	state->cr0 = paging || mode >= MODE_COMPATIBILITY ? CR0_PG : 0;
	state->cr4 = pce ? RDPMC_CR4_PCE : 0;
	state->regs.rflags = 2;
	case_set_mode(state, mode, cpl);
	return true;
}

/* Anything that must not matter: flags, RAX, RDX, RIP, RCX[63:32]. */
static void vary(struct rdpmc_state *state, struct random *random)
{
	const uint64_t vm = state->regs.rflags & ~(uint64_t)CASE_RFLAGS;

	state->regs.rflags = vm | (random_next(random) & CASE_RFLAGS);
	state->regs.rax = random_next(random);
	state->regs.rdx = random_next(random);
	state->regs.rcx = random_next(random) << 32;
	state->regs.rip = random_next(random);
	/* RIP has 32 bits outside 64-bit mode. */
	case_set_mode(state, state->mode, state->cpl);
}

/* The bytes of @wrong, and @finding of it, into the result. */
static void note(struct sweep_result *result, const struct rdpmc_case *wrong,
		 const struct finding *finding)
{
	struct case_bytes bytes;
	char name[32];

	case_encode(wrong, &bytes);
	snprintf(name, sizeof(name), "ECX = %08x", (uint32_t)wrong->state.regs.rcx);
	findings_add(&result->findings, finding, name, (const uint8_t *)&bytes, sizeof(bytes), 1);
	result->mismatches++;
}

struct at {
	struct sweep_result *result;
	const struct rdpmc_case *swept;
	size_t found;
};

static void found(void *opaque, const struct trial_run *run)
{
	struct at *at = opaque;
	struct rdpmc_case one = *at->swept;

	at->found++;
	one.state = run->state;
	note(at->result, &one, run->finding);
}

/* The reads as one case: the first is the state's own, the others are steps. */
static void tell_before(const struct sweep *sweep, struct rdpmc_case *one, const uint32_t *ecxs,
			size_t n)
{
	struct {
		struct case_bytes bytes;
		struct case_step_bytes steps[AT_ONCE];
	} whole;
	const uint64_t high = one->state.regs.rcx;

	if (!sweep->before)
		return;
	one->state.regs.rcx = high | ecxs[0];
	case_encode(one, &whole.bytes);
	one->state.regs.rcx = high;
	for (size_t i = 1; i < n; i++)
		case_step_encode(&(struct case_step){ STEP_READ, 0, high | ecxs[i] },
				 &whole.steps[i - 1]);
	sweep->before(sweep->opaque, (const uint8_t *)&whole,
		      sizeof(whole.bytes) + (n - 1) * sizeof(whole.steps[0]));
}

/* @n reads in one state. */
static void read_some(const struct sweep *sweep, struct trial *trial, struct rdpmc_case *one,
		      const uint32_t *ecxs, size_t n, struct sweep_place *place, struct at *at)
{
	const struct tally before = trial->tally;
	struct finding finding;
	struct trial_run run;
	size_t agree;

	at->swept = one;
	at->found = 0;
	tell_before(sweep, one, ecxs, n);
	trial_begin(trial, &run, one, &finding);
	if (finding.oracles)
		note(at->result, one, &finding);
	finding.oracles = 0;
	agree = trial_read_list(&run, ecxs, n, found, at);
	/* All of a chunk have the same shape: see below. */
	place->agree[ecx_shape(ecxs[0], one->state.lock)] += agree;
	place->known += trial->tally.known - before.known;
	for (unsigned int way = 0; way < NR_WAYS; way++)
		place->ways[way] += trial->tally.ways[way] - before.ways[way];
	place->differ += at->found;
	place->refused += n - agree - at->found;
	at->result->refused += n - agree - at->found;
	/* A LOCK prefix never comes to an exit. */
	at->result->cases += (agree + at->found) *
			     (uint64_t)__builtin_popcount(
				     trial->entries & ~(one->state.lock ? 1U << ENTRY_EXIT : 0));
}

static bool ends(const struct sweep *sweep, struct sweep_result *result)
{
	result->interrupted |= sweep->interrupted && sweep->interrupted();
	return result->interrupted;
}

static void place_all(const struct sweep *sweep, struct trial *trial, struct rdpmc_case *one,
		      const uint32_t *ecxs, size_t count, struct sweep_place *place,
		      struct random *random, struct at *at)
{
	for (size_t first = 0, n; first < count && !ends(sweep, at->result); first += n) {
		const enum ecx_shape shape = ecx_shape(ecxs[first], false);

		for (n = 1; n < AT_ONCE && first + n < count; n++)
			if (ecx_shape(ecxs[first + n], false) != shape)
				break;
		vary(&one->state, random);
		read_some(sweep, trial, one, ecxs + first, n, place, at);
	}
}

void sweep_states(const struct sweep *sweep, struct trial *trial, const struct rdpmc_case *swept,
		  const uint32_t *ecxs, size_t count, bool lock,
		  struct sweep_place places[SWEEP_PLACES], struct sweep_result *result)
{
	const uint64_t offered = trial->tally.offered;
	struct rdpmc_case one = *swept;
	struct random random = { 1 };
	struct at at = { .result = result };
	unsigned int place = 0;

	memset(result, 0, sizeof(*result));
	memset(places, 0, SWEEP_PLACES * sizeof(*places));
	for (unsigned int number = 0; number < NR_MODES << 5; number++) {
		if (!state_of(number, &one.state))
			continue;
		places[place].state = one.state;
		place_all(sweep, trial, &one, ecxs, count, &places[place], &random, &at);
		one.state.lock = true;
		if (lock)
			place_all(sweep, trial, &one, ecxs, count, &places[place], &random, &at);
		place++;
		if (sweep->progress)
			sweep->progress(sweep->opaque, (double)place / SWEEP_PLACES);
	}
	result->offered = trial->tally.offered != offered;
}
