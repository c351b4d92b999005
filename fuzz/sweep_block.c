// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A block of a full sweep. The model answers all of it first, inlined; then each entry of the engine
 * runs it, comparing as it goes. Only where they differ is the block tried again, case by case.
 */
#include "fuzz/sweep_block.h"

#include <string.h>

void sweep_block_begin(struct sweep_block *block, struct sweep_thread *thread,
		       const struct rdpmc_case *swept)
{
	const struct engine *engine = thread->trial.engine;

	block->thread = thread;
	block->swept = *swept;
	block->single = *engine;
	thread->result.offered |= trial_offer(&thread->trial, swept, &block->guest,
					      &block->swept.host, &block->swept.policy);
	rdpmc_view(&block->guest, &thread->trial.choices, &block->view);
	memset(&block->before, 0, sizeof(block->before));
	case_counters(swept, &block->view, &block->before, &block->n_gp, &block->n_fixed);
	/* A write beside the guest's counters is one, too. */
	block->n_gp = RDPMC_MAX_GP;
	block->n_fixed = RDPMC_MAX_FIXED;
	engine->begin(thread->trial.vcpu, &block->guest, &block->swept.host, &block->swept.policy);
}

/*
 * The model's answers, and what they leave in @counters. Two things are said once more for the
 * compiler, which then decides them outside the loop: no LOCK, and ECX[31:16] is the same in all.
 */
__attribute__((flatten, noinline)) static void
expect(const struct rdpmc_view *restrict view, const struct rdpmc_policy *restrict policy,
       struct rdpmc_state state, struct rdpmc_counters *restrict counters, uint32_t first,
       unsigned int count, uint64_t *restrict values, uint8_t *restrict answers)
{
	const uint64_t high = (state.regs.rcx & ~0xffffffffULL) | (first & 0xffff0000);

	state.lock = false;
	for (unsigned int i = 0; i < count; i++) {
		struct rdpmc_decision decision;

		state.regs.rcx = high | (uint16_t)(first + i);
		if ((uint32_t)state.regs.rcx >> 16 != first >> 16)
			return;
		decision = rdpmc_decide(view, policy, counters, &state);
		values[i] = rdpmc_value(&decision, counters);
		answers[i] = (uint8_t)decision.answer;
		rdpmc_effects(&decision, counters);
	}
}

/* The same judgement as the engine's own loop, for an engine that has none. */
static bool read_each(struct sweep_block *block, enum entry entry, struct rdpmc_state state,
		      uint32_t first, unsigned int count)
{
	const struct trial *trial = &block->thread->trial;
	const uint64_t rcx = state.regs.rcx & ~0xffffffffULL;
	struct engine_answer answer;
	bool same = true;

	for (unsigned int i = 0; i < count; i++) {
		struct rdpmc_decision decision = { .answer = block->answers[i] };
		struct rdpmc_regs regs;

		state.regs.rcx = rcx | (first + i);
		regs = rdpmc_result(&decision, &state, block->values[i]);
		trial->engine->read(trial->vcpu, entry, &state, &answer);
		same &= answer.answer == decision.answer && !answer.error_code &&
			!answer.elsewhere && answer.regs.rax == regs.rax &&
			answer.regs.rcx == regs.rcx && answer.regs.rdx == regs.rdx &&
			answer.regs.rip == regs.rip && answer.regs.rflags == regs.rflags;
	}
	return same;
}

static bool read_block(struct sweep_block *block, enum entry entry, const struct rdpmc_state *state,
		       uint32_t first, unsigned int count)
{
	const struct trial *trial = &block->thread->trial;

	if (!trial->engine->read_range)
		return read_each(block, entry, *state, first, count);
	return trial->engine->read_range(trial->vcpu, entry, state, first, count, block->values,
					 block->answers);
}

/* Each case alone, by the one entry, by the trial's oracles. */
static void find(struct sweep_block *block, enum entry entry, const struct rdpmc_state *state,
		 uint32_t first, unsigned int count)
{
	struct sweep_result *result = &block->thread->result;
	struct trial *trial = &block->thread->trial;
	const struct engine *engine = trial->engine;
	const uint64_t mismatches = result->mismatches;
	const unsigned int entries = trial->entries;
	const uint64_t rcx = state->regs.rcx & ~0xffffffffULL;
	struct rdpmc_case one = block->swept;
	struct finding finding;

	block->single.entries = trial->entries & 1U << entry;
	trial->engine = &block->single;
	trial->entries = block->single.entries;
	one.state = *state;
	for (unsigned int i = 0; i < count; i++) {
		one.state.regs.rcx = rcx | (first + i);
		/* The intercept is judged once, not by every case. */
		if (!trial_case(trial, &one, &finding) && finding.oracles != ORACLE_PASS_SOUND)
			sweep_note(result, &one, &finding);
	}
	trial->engine = engine;
	trial->entries = entries;
	engine->begin(trial->vcpu, &block->guest, &block->swept.host, &block->swept.policy);
	if (result->mismatches != mismatches)
		return;
	/* The block is wrong, and each of its cases alone is not. */
	if (!result->unrepeated++) {
		result->unrepeated_at = *state;
		result->unrepeated_at.regs.rcx = rcx | first;
	}
	result->mismatches++;
}

unsigned int sweep_block(struct sweep_block *block, const struct rdpmc_state *state, uint32_t first,
			 unsigned int count)
{
	struct trial *trial = &block->thread->trial;
	const struct engine *engine = trial->engine;
	struct rdpmc_counters after = block->before;
	unsigned int wrong = 0;
	bool same;

	expect(&block->view, &block->swept.policy, *state, &after, first, count, block->values,
	       block->answers);
	for (enum entry entry = 0; entry < NR_ENTRIES; entry++) {
		if (!(trial->entries & 1U << entry))
			continue;
		engine->load(trial->vcpu, &block->before, block->n_gp, block->n_fixed);
		same = read_block(block, entry, state, first, count);
		same &= engine->holds(trial->vcpu, &after, block->n_gp, block->n_fixed);
		block->thread->result.cases += count;
		if (!same)
			find(block, entry, state, first, count);
		wrong += !same;
	}
	return wrong;
}
