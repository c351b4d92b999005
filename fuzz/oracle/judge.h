/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The oracles: what an engine did, held against the model, becomes a verdict. */
#ifndef FUZZ_ORACLE_JUDGE_H
#define FUZZ_ORACLE_JUDGE_H

#include "fuzz/oracle/run.h"
#include "fuzz/oracle/verdict.h"

/* One read under way, by one entry after the other. */
struct reading {
	struct verdict verdict; /* of the entry under way */
	struct rdpmc_outcome model;
	struct rdpmc_counters before;       /* where the read may clear some */
	const struct engine_answer *former; /* the one by the entry before ... */
	enum entry former_entry;            /* ... if there was one */
	bool held;
	bool differs, known; /* by an entry before */
};

/* The engine's decision against what the rules allow: the rest of @verdict, with its pass, is set. */
void judge_intercept(const struct trial_run *run, struct verdict *verdict);

/* What the engine answered by the entry of @reading's verdict. In a trial's fastest path. */
void judge_read(const struct trial_run *run, struct reading *reading,
		const struct engine_answer *answer);

/* A write that the engine has made: did its code complain? */
void judge_write(const struct trial_run *run, struct verdict *verdict);

#endif
