/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Known differences: where an engine is understood to differ from the processor, as data. Each says
 * when it holds and as what processor the engine then answers, so what is known is held to the bit
 * like everything else. The files' format is told in fuzz/known/README.md.
 */
#ifndef FUZZ_KNOWN_H
#define FUZZ_KNOWN_H

#include "fuzz/engine.h"

#define KNOWN_MOST 64 /* differences of one engine: they are bits of a uint64_t */

struct known_difference {
	const char *name;      /* a word */
	const char *file;      /* where it stands */
	const char *kernel;    /* what the kernel says */
	const char *processor; /* what the processor says */
	const char *why, *source;
	const char *reach; /* who can see it */
	uint64_t happened; /* so often, since it was read */
};

struct known;

/*
 * Those of the *.known files in @directory that are about @engine's version and features. NULL with
 * @why: a file that cannot be read or understood (file and line are told).
 */
struct known *known_read(const char *directory, const struct engine *engine, char *why,
			 size_t why_size);
void known_free(struct known *known);

/*
 * Where they are if nothing else is said: $RDPMC_KNOWN, or ../fuzz/known as the program sees it, or
 * ../share/rdpmc/known, where it is installed. -1: not there.
 */
int known_directory(char *directory, size_t size);

unsigned int known_count(const struct known *known); /* NULL has none */
struct known_difference *known_get(struct known *known, unsigned int i);

/* What a difference is looked for in: a read by an entry, or the decision to intercept. */
struct known_question {
	const struct rdpmc_pmu *guest, *host; /* the guest as the engine could give it */
	const struct rdpmc_policy *policy;
	const struct rdpmc_choices *choices;
	const struct rdpmc_state *state;
	const struct rdpmc_counters *counters; /* before the read */
	enum entry entry;
	/* NULL: it is the intercept, and it is off; or with @trouble that of a write alone */
	const struct engine_answer *answer;
	bool clocks; /* VMware's pseudo counters are clocks that run: any value of them will do */
	const char *trouble; /* what the engine's code complained of; NULL: nothing */
};

/*
 * The differences that together give exactly this answer, as bits by known_get()'s index, each of
 * them needed for it; counted in happened. 0: the answer is not explained.
 */
uint64_t known_explain(struct known *known, const struct known_question *question);

#endif
