/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Known differences: where an engine is understood to differ from the processor, as data. Each says
 * when it holds and as what processor the engine then answers, so what is known is held to the bit
 * like everything else. The files' format is told in fuzz/oracle/known/README.md.
 */
#ifndef FUZZ_KNOWN_H
#define FUZZ_KNOWN_H

#include "fuzz/oracle/known/known_file.h"

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

/* Is any answer as good as another there, whatever it is? Counts nothing. */
bool known_any(const struct known *known, const struct known_question *question);

/* Does @complaint contain @trouble, whose '*' stand for anything? */
bool known_allows(const char *trouble, const char *complaint);

/* guest_core, which follows from the guest's PMU. */
void known_core(struct known_world *world);

/* What a question is about; and what a processor in such a world does, or may let pass. */
void known_to_world(const struct known_question *question, struct known_world *world);
struct rdpmc_outcome known_outcome(const struct known_question *question,
				   const struct known_world *world);
struct rdpmc_pass known_pass(const struct known_question *question,
			     const struct known_world *world);

#endif
