// SPDX-License-Identifier: GPL-2.0-or-later
/* The full sweep: every ECX in every state, shared out to threads by chunks. */
#include <pthread.h>

#include "fuzz/sweep_block.h"
#include "fuzz/sweep_resume.h"

/* PCE off and on, of which the mode and CPL decide what it means. */
void sweep_state(unsigned int number, struct rdpmc_state *state)
{
	static const struct {
		uint8_t mode, cpl;
	} states[SWEEP_STATES / 2] = {
		{ MODE_REAL, 0 },      { MODE_PROTECTED, 0 }, { MODE_PROTECTED, 1 },
		{ MODE_PROTECTED, 2 }, { MODE_PROTECTED, 3 }, { MODE_VM86, 3 },
		{ MODE_64BIT, 3 },
	};

	/* RCX[63:32] is garbage; RIP ends where the next one wraps, in every other state. */
	*state = (struct rdpmc_state){
		.regs = { .rax = 0xa5a5a5a5deadbeef,
			  .rcx = 0xc3c3c3c300000000,
			  .rdx = 0x5a5a5a5afeedface,
			  .rip = number & 1 ? 0xfffffffe : 0x00401000,
			  .rflags = 0x8d7 },
		.cr0 = 0x10,
		.cr4 = number & 1 ? RDPMC_CR4_PCE | 0x20 : ~RDPMC_CR4_PCE & 0xffffffff,
	};
	case_set_mode(state, states[number / 2].mode, states[number / 2].cpl);
}

struct full {
	const struct rdpmc_case *swept;
	uint32_t first, last;
	struct resume *resume;
	struct rdpmc_state states[SWEEP_STATES];
	atomic_uint next, bad; /* the chunk to take, blocks in which something is wrong */
	pthread_mutex_t finish;
	unsigned int finished, chunks;
};

/* Returns false when the sweep is to end. */
static bool sweep_chunk(struct full *full, struct sweep_block *block, uint32_t first, uint32_t last)
{
	struct sweep_thread *thread = block->thread;
	unsigned int count;

	for (uint64_t ecx = first; ecx <= last; ecx += count) {
		count = SWEEP_BLOCK - ((uint32_t)ecx & (SWEEP_BLOCK - 1));
		/* Where a read changes counters each is looked at alone. */
		if (block->view.metrics_clear && (uint32_t)ecx >> 16 == 0x2000)
			count = 1;
		if (count > last - ecx + 1)
			count = (unsigned int)(last - ecx + 1);
		for (unsigned int i = 0; i < SWEEP_STATES; i++) {
			unsigned int wrong =
				sweep_block(block, &full->states[i], (uint32_t)ecx, count);

			if (wrong && atomic_fetch_add(&full->bad, wrong) + wrong > SWEEP_MOST_BAD)
				thread->result.too_many = true;
		}
		if (sweep_ends(thread) || atomic_load(&full->bad) > SWEEP_MOST_BAD)
			return false;
	}
	return true;
}

static void finish(struct full *full, struct sweep_thread *thread, unsigned int chunk, bool good)
{
	const struct sweep *sweep = thread->sweep;

	pthread_mutex_lock(&full->finish);
	/* One with a mismatch is done again, so that a later run tells what it is. */
	if (full->resume && good)
		resume_note(full->resume, chunk);
	full->finished++;
	if (sweep->progress)
		sweep->progress(sweep->opaque, (double)full->finished / full->chunks);
	pthread_mutex_unlock(&full->finish);
}

static void work(struct sweep_thread *thread)
{
	struct full *full = thread->shared;
	unsigned int chunk, last = full->last / SWEEP_CHUNK;
	struct sweep_block block;

	sweep_block_begin(&block, thread, full->swept);
	while ((chunk = atomic_fetch_add(&full->next, 1)) <= last) {
		uint32_t from = chunk * SWEEP_CHUNK, to = from + SWEEP_CHUNK - 1;
		uint64_t mismatches = thread->result.mismatches;

		from = from > full->first ? from : full->first;
		to = to < full->last ? to : full->last;
		if (full->resume && resume_done(full->resume, chunk)) {
			uint64_t entries = (uint64_t)__builtin_popcount(thread->trial.entries);
			uint64_t cases = entries * SWEEP_STATES * ((uint64_t)to - from + 1);

			thread->result.cases += cases;
			thread->result.cases_before += cases;
		} else if (!sweep_chunk(full, &block, from, to)) {
			break;
		}
		finish(full, thread, chunk, thread->result.mismatches == mismatches);
	}
}

/* An intercept that is wrongly off would be found in every case: it is looked at once. */
static void judge_intercept(const struct sweep *sweep, const struct full *full,
			    struct sweep_result *result, const char **why)
{
	struct rdpmc_case one = *full->swept;
	struct finding finding;
	struct trial trial;

	if (trial_init(&trial, sweep->engine, why))
		return; /* the threads have said so */
	trial.choices = sweep->choices;
	one.state = full->states[0];
	if (!trial_case(&trial, &one, &finding) && finding.oracles & ORACLE_PASS_SOUND) {
		finding.oracles = ORACLE_PASS_SOUND;
		sweep_note(result, &one, &finding);
	}
	trial_free(&trial);
}

int sweep_full(const struct sweep *sweep, const struct rdpmc_case *swept, uint32_t first,
	       uint32_t last, struct resume *resume, struct sweep_result *result, const char **why)
{
	struct full full = { .swept = swept, .first = first, .last = last, .resume = resume };
	int error;

	for (unsigned int i = 0; i < SWEEP_STATES; i++)
		sweep_state(i, &full.states[i]);
	atomic_init(&full.next, first / SWEEP_CHUNK);
	atomic_init(&full.bad, 0);
	full.chunks = last / SWEEP_CHUNK - first / SWEEP_CHUNK + 1;
	pthread_mutex_init(&full.finish, NULL);
	error = sweep_run(sweep, work, &full, result, why);
	if (!error)
		judge_intercept(sweep, &full, result, why);
	pthread_mutex_destroy(&full.finish);
	return error;
}
