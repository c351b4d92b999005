/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verdicts: what became of every question that a trial asks of an engine. Each read by each of the
 * engine's entries, each write, and each case's intercept ends in exactly one, also where nothing was
 * tried. Whoever counts or reports folds this stream; nobody else decides what counts.
 */
#ifndef FUZZ_ORACLE_VERDICT_H
#define FUZZ_ORACLE_VERDICT_H

#include "fuzz/engines/engine.h"
#include "model/intercept.h"

struct trial_run;

/* What judges. Bits, because one read can offend more than one. */
enum oracle {
	ORACLE_OUTCOME = 1,      /* fault or value differ from the model's */
	ORACLE_NOTHING_ELSE = 2, /* something changed that should not, or did not that should */
	ORACLE_PASS_SOUND = 4,   /* the intercept is off where it must be on */
	ORACLE_ENTRIES = 8,      /* the engine's entries answer differently */
	ORACLE_TROUBLE = 16,     /* the engine's code complains of itself */
};

enum verdict_kind {
	VERDICT_AGREE,
	VERDICT_DIFFER,
	VERDICT_KNOWN,       /* it differs as the known differences say */
	VERDICT_REFUSED,     /* the host does not take this state: nothing was read */
	VERDICT_UNAVAILABLE, /* the engine has no such entry or step here, or cannot say */
	VERDICT_UNREACHED,   /* something comes first: #UD before the exit, or no such counter */
	VERDICT_SKIPPED,     /* the case ended before it */
	NR_VERDICTS
};

enum question { QUESTION_INTERCEPT, QUESTION_READ, QUESTION_WRITE, NR_QUESTIONS };

/* Pointers are good during the fold; verdict_keep() copies what is behind them. */
struct verdict {
	enum verdict_kind kind;
	enum question question;
	enum entry entry;            /* of a read; else ENTRY_EXIT */
	enum rdpmc_rule rule;        /* that decided, or that a wrong read breaks; or of an intercept */
	size_t step;                 /* 0: the first read, or the intercept; i + 1: step i */
	const struct trial_run *run; /* the case, and what of it the engine was given */
	bool last;                   /* of this read's verdicts, by the engine's last entry */
	bool moved;                  /* the engine could not bring about the state as it was */
	bool unjudged;        /* VERDICT_UNAVAILABLE of an entry that there is: it has answered */
	bool apart;           /* the entry before answered differently, and not as is known */
	unsigned int oracles; /* bits; of VERDICT_DIFFER and VERDICT_KNOWN */
	uint64_t known;       /* bits of the known differences that explain it */
	const char *trouble;  /* what the engine's code complained of; or NULL */
	const char *why;      /* of what was not tried; else NULL */
	const struct rdpmc_outcome *model;   /* of a read that the model made; else NULL */
	const struct engine_answer *answer;  /* NULL: there is none */
	const struct rdpmc_counters *before; /* of a read: what each entry starts from */
	const struct rdpmc_pass *pass;       /* of an intercept; else NULL */
	enum intercept intercept;            /* the engine's */
	const struct case_step *write;       /* of a write; else NULL */
};

/* Receives each verdict. False: the case ends with this read or write, of which all entries are told. */
typedef bool (*verdict_fold)(void *opaque, const struct verdict *verdict);

const char *verdict_name(enum verdict_kind kind); /* "agree", "differ" ... */

/* A verdict that is kept, and can be repeated from itself alone: trial_repeat(). */
struct finding {
	unsigned int oracles; /* bits of enum oracle; 0: there is none, and all else is unset */
	enum rdpmc_rule rule; /* that it breaks */
	enum entry entry;
	size_t step; /* 0: the first read, i + 1: step i */
	struct rdpmc_state state;
	/* Of ORACLE_TROUBLE alone: @step is a write, or a refused read; there is no answer, all is 0 */
	bool unanswered;
	struct rdpmc_outcome model; /* by the guest's view */
	struct engine_answer engine;
	struct rdpmc_pass pass; /* of ORACLE_PASS_SOUND */
	const char *trouble;    /* of ORACLE_TROUBLE */
	char changed[160];      /* what changed elsewhere, where the engine tells; or "" */
	uint64_t known;         /* bits of the known differences that explain it; 0: it is new */
	struct rdpmc_counters counters, expected; /* after: the engine's and the model's ... */
	unsigned int n_gp, n_fixed;               /* ... so many of gp[] and fixed[] */
	/* What ran: PMUs as the engine was given them, counters before the read, or the write. */
	struct rdpmc_pmu guest, host;
	struct rdpmc_policy policy;
	struct rdpmc_counters before;
	struct case_step write; /* STEP_READ: it is a read */
};

/* Copies @verdict, whatever kind it is, into @finding, all of which is set. */
void verdict_keep(const struct verdict *verdict, struct finding *finding);

/*
 * The fold of those who want the first finding of a case: the first read or write that differs, and
 * with it an intercept that does. @finding's oracles are 0 before. False: there is more than the intercept.
 */
bool finding_fold(struct finding *finding, const struct verdict *verdict);

/*
 * Are two findings of the same kind: oracles, entry, rule, and what each side answered? What
 * minimising keeps.
 */
bool finding_alike(const struct finding *a, const struct finding *b);

#endif
