/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sweeps: every case of a bounded space through an engine against the model. In full, every ECX in
 * every state that the rules tell apart; representatives of ECX under many configurations; the
 * intercept for every pair of many PMUs (fuzz/pairs.h).
 */
#ifndef FUZZ_SWEEP_H
#define FUZZ_SWEEP_H

#include <stdatomic.h>

#include "fuzz/findings.h"

/* How to sweep. */
struct sweep {
	const struct engine *engine;
	struct rdpmc_choices choices;
	unsigned int jobs;         /* threads, 1 or more */
	bool (*interrupted)(void); /* asked often, by every thread; NULL: never */

	/* @share of it is done, 0 to 1: by one thread at a time. NULL: none. */
	void (*progress)(void *opaque, double share);
	/* A case is about to be tried: for sweep_states(). NULL: none. */
	void (*before)(void *opaque, const uint8_t *data, size_t size);
	void *opaque;
};

/* What a sweep has shown. */
struct sweep_result {
	uint64_t cases, mismatches;
	uint64_t cases_before; /* of the cases those that an earlier run had done */
	bool interrupted;      /* there is less than was asked for */
	bool too_many;         /* mismatches: the rest was not tried */
	bool offered;          /* the engine cannot give this guest; tried without what it lacks */
	uint64_t refused;      /* states: reads that the host refused */
	uint64_t costly;       /* pairs: intercepted, and need not be (PASS-MINIMAL) */
	double seconds;
	struct findings findings;

	/* Blocks in which the engine is wrong only when all of it is run at once. */
	uint64_t unrepeated;
	struct rdpmc_state unrepeated_at; /* RCX: the first of the first such block */

	/* Pairs: where the model's reasoning on the intercept is not what it does by itself. */
	uint64_t self;
	struct case_bytes self_example;
};

void sweep_result_free(struct sweep_result *result);

/* The full sweep */

/*
 * All legal (PE, PCE, CPL, VM86): real-address and virtual-8086 mode with CR4.PCE 0 and 1, protected
 * mode with every CPL too; and 64-bit mode at CPL 3.
 */
#define SWEEP_STATES 14
void sweep_state(unsigned int number, struct rdpmc_state *state);

/* A chunk is what a thread takes; a block what is computed at once. ECX of both: multiples. */
#define SWEEP_CHUNK  (1U << 22)
#define SWEEP_CHUNKS (1U << 10)
#define SWEEP_BLOCK  (1U << 12)

/* More blocks than this in which something is wrong end the sweep. */
#define SWEEP_MOST_BAD 256

struct resume;

/*
 * All ECX from @first to @last in the SWEEP_STATES, by each entry of the engine. @swept gives all
 * but the state. @resume, or NULL: chunks done before are left out, those done now are noted.
 * Returns 0, or -1 with @why.
 */
int sweep_full(const struct sweep *sweep, const struct rdpmc_case *swept, uint32_t first,
	       uint32_t last, struct resume *resume, struct sweep_result *result, const char **why);

/* Representatives of every class of ECX, in all five modes, with and without LOCK. */
int sweep_representatives(const struct sweep *sweep, const struct rdpmc_case *swept,
			  struct sweep_result *result, const char **why);

/* What sweeps are made of */

/* Representatives of ECX: some thousands, or some hundreds. The list is the caller's to free. */
uint32_t *sweep_ecxs(bool few, size_t *count);

/* The bytes of @wrong, and @finding of it, into the result. */
void sweep_note(struct sweep_result *result, const struct rdpmc_case *wrong,
		const struct finding *finding);

/* One thread of several. */
struct sweep_thread {
	const struct sweep *sweep;
	void *shared; /* what the threads have in common, but the result */
	struct trial trial;
	struct sweep_result result; /* its own: cases, findings ...; added up afterwards */
};

/*
 * Runs @work in the sweep's threads and adds up what they found into @result, which is set anew.
 * Returns 0, or -1 with @why.
 */
int sweep_run(const struct sweep *sweep, void (*work)(struct sweep_thread *thread), void *shared,
	      struct sweep_result *result, const char **why);

/* Is the sweep asked to end? Noted in the thread's result. */
bool sweep_ends(struct sweep_thread *thread);

#endif
