// SPDX-License-Identifier: GPL-2.0-or-later
/* What all sweeps have in common: threads, and adding up what they found. */
#include "fuzz/sweep.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/clock.h"

void sweep_result_free(struct sweep_result *result)
{
	findings_free(&result->findings);
}

void sweep_note(struct sweep_result *result, const struct rdpmc_case *wrong,
		const struct finding *finding)
{
	struct case_bytes bytes;
	char name[32];

	case_encode(wrong, &bytes);
	snprintf(name, sizeof(name), "ECX = %08x", (uint32_t)wrong->state.regs.rcx);
	findings_add(&result->findings, finding, name, (const uint8_t *)&bytes, sizeof(bytes), 1);
	result->mismatches++;
}

static void add(struct sweep_result *into, const struct sweep_result *from)
{
	into->cases += from->cases;
	into->mismatches += from->mismatches;
	into->cases_before += from->cases_before;
	into->interrupted |= from->interrupted;
	into->too_many |= from->too_many;
	into->offered |= from->offered;
	into->costly += from->costly;
	if (from->unrepeated && !into->unrepeated)
		into->unrepeated_at = from->unrepeated_at;
	into->unrepeated += from->unrepeated;
	if (from->self && !into->self)
		into->self_example = from->self_example;
	into->self += from->self;
	findings_merge(&into->findings, &from->findings);
}

bool sweep_ends(struct sweep_thread *thread)
{
	const struct sweep *sweep = thread->sweep;

	if (sweep->interrupted && sweep->interrupted())
		thread->result.interrupted = true;
	return thread->result.interrupted;
}

struct start {
	pthread_t id;
	void (*work)(struct sweep_thread *thread);
	struct sweep_thread thread;
};

static void *run(void *opaque)
{
	struct start *start = opaque;

	start->work(&start->thread);
	return NULL;
}

int sweep_run(const struct sweep *sweep, void (*work)(struct sweep_thread *thread), void *shared,
	      struct sweep_result *result, const char **why)
{
	struct start *starts = calloc(sweep->jobs, sizeof(*starts));
	unsigned int ready = 0, started = 0;
	double since = clock_seconds();

	memset(result, 0, sizeof(*result));
	*why = "out of memory";
	for (; starts && ready < sweep->jobs; ready++) {
		struct sweep_thread *thread = &starts[ready].thread;

		starts[ready].work = work;
		thread->sweep = sweep;
		thread->shared = shared;
		if (trial_init(&thread->trial, sweep->engine, why))
			break;
		thread->trial.choices = sweep->choices;
		thread->trial.thorough = true;
	}
	/* Fewer threads than asked for take longer, but do all of it: they share out as they go. */
	for (; starts && ready == sweep->jobs && started < ready; started++) {
		*why = "a thread cannot be started; try fewer jobs";
		if (pthread_create(&starts[started].id, NULL, run, &starts[started]))
			break;
	}
	for (unsigned int i = 0; i < ready; i++) {
		if (i < started)
			pthread_join(starts[i].id, NULL);
		add(result, &starts[i].thread.result);
		sweep_result_free(&starts[i].thread.result);
		trial_free(&starts[i].thread.trial);
	}
	free(starts);
	result->seconds = clock_seconds() - since;
	return started ? 0 : -1;
}
