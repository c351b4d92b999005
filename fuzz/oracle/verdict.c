// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeping verdicts. */
#include "fuzz/oracle/verdict.h"

#include <stdio.h>

#include "fuzz/oracle/run.h"

const char *verdict_name(enum verdict_kind kind)
{
	static const char *const names[NR_VERDICTS] = { "agree",   "differ",      "known",
							"refused", "unavailable", "unreached",
							"skipped" };

	return names[kind];
}

void verdict_keep(const struct verdict *verdict, struct finding *finding)
{
	const struct trial_run *run = verdict->run;
	const struct engine_answer *answer = verdict->answer;

	*finding = (struct finding){
		.oracles = verdict->oracles,
		.rule = verdict->rule,
		.entry = verdict->entry,
		.step = verdict->step,
		.state = run->state,
		.unanswered = !answer && !verdict->pass,
		.trouble = verdict->trouble,
		.known = verdict->known,
		.guest = run->offered,
		.host = run->processor,
		.policy = run->policy,
		.before = verdict->before ? *verdict->before : run->counters,
	};
	if (verdict->pass)
		finding->pass = *verdict->pass;
	if (verdict->write)
		finding->write = *verdict->write;
	if (!answer)
		return;
	finding->model = *verdict->model;
	finding->engine = *answer;
	finding->engine.changed = finding->engine.refused = finding->engine.unjudged =
		NULL; /* good until the next read */
	if (answer->changed)
		snprintf(finding->changed, sizeof(finding->changed), "%s", answer->changed);
	finding->expected = run->counters;
	finding->n_gp = run->n_gp;
	finding->n_fixed = run->n_fixed;
	run->engine->counters(run->vcpu, &finding->counters, run->n_gp, run->n_fixed);
}

bool finding_fold(struct finding *finding, const struct verdict *verdict)
{
	const unsigned int before = finding->oracles;
	bool more = before & ~ORACLE_PASS_SOUND;

	/* Of two entries that are wrong the first is kept; one that only differs from it is right. */
	if (verdict->kind == VERDICT_DIFFER &&
	    (!more || (finding->unanswered && verdict->answer))) {
		const char *trouble = more ? finding->trouble : NULL;
		const struct rdpmc_pass pass = finding->pass;

		verdict_keep(verdict, finding);
		if (before & ORACLE_PASS_SOUND)
			finding->pass = pass;
		if (!finding->trouble)
			finding->trouble = trouble;
		finding->oracles |= before;
	} else if (more && verdict->answer) {
		finding->oracles |= verdict->kind == VERDICT_DIFFER ? verdict->oracles : 0;
	}
	more = finding->oracles & ~ORACLE_PASS_SOUND;
	if (more && verdict->apart && verdict->kind != VERDICT_KNOWN)
		finding->oracles |= ORACLE_ENTRIES;
	return !more;
}

bool finding_alike(const struct finding *a, const struct finding *b)
{
	if (a->oracles != b->oracles)
		return false;
	if (a->oracles & ORACLE_PASS_SOUND &&
	    (a->pass.obstacle != b->pass.obstacle || a->pass.class != b->pass.class))
		return false;
	if (a->oracles == ORACLE_PASS_SOUND)
		return true;
	if (a->trouble != b->trouble || a->unanswered != b->unanswered)
		return false;
	return a->entry == b->entry && a->rule == b->rule &&
	       a->model.decision.answer == b->model.decision.answer &&
	       a->engine.answer == b->engine.answer;
}
