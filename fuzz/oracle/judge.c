// SPDX-License-Identifier: GPL-2.0-or-later
/* What an engine did, against the model. */
#include "fuzz/oracle/judge.h"

static struct known_question question_of(const struct trial_run *run, enum entry entry,
					 const struct rdpmc_counters *before,
					 const struct engine_answer *answer, const char *trouble)
{
	return (struct known_question){
		.guest = &run->offered,
		.host = &run->processor,
		.policy = &run->policy,
		.choices = run->choices,
		.state = &run->state,
		.counters = before,
		.entry = entry != ENTRY_PLAIN                           ? entry
			 : answer && answer->path == EXEC_PATH_EMULATED ? ENTRY_EMULATOR
									: ENTRY_EXIT,
		.answer = answer,
		.trouble = trouble,
		.clocks = run->engine->real,
	};
}

/* The known differences that explain an answer, or with none the intercept; 0: it is new. */
static uint64_t explain(const struct trial_run *run, enum entry entry,
			const struct rdpmc_counters *before, const struct engine_answer *answer,
			const char *trouble)
{
	const struct known_question question = question_of(run, entry, before, answer, trouble);

	return run->known ? known_explain(run->known, &question) : 0;
}

/* Is it known that this entry may answer anything? */
static bool any_answer(const struct trial_run *run, enum entry entry,
		       const struct rdpmc_counters *before, const struct engine_answer *answer)
{
	const struct known_question question = question_of(run, entry, before, answer, NULL);

	return run->known && known_any(run->known, &question);
}

/*
 * Without an exit it was the processor that answered, by its own rules. That is the kernel's deviation where it
 * is known to let reads pass that it should not; and then it is what this processor gives, but for the
 * value: the counter is the host's own.
 */
static uint64_t explain_passed(const struct trial_run *run, const struct rdpmc_decision *guest,
			       const struct engine_answer *answer)
{
	struct rdpmc_decision host = rdpmc_decide_bare(&run->host, &run->counters, &run->state);
	uint64_t value = (uint32_t)answer->regs.rax | answer->regs.rdx << 32;
	struct rdpmc_regs regs = rdpmc_result(&host, &run->state, value);

	/* A counter that is the guest's own as well has the guest's value. */
	if (guest->answer == ANSWER_VALUE && guest->class == host.class &&
	    guest->index == host.index)
		return 0;
	if (answer->answer != host.answer || answer->error_code || answer->other_state ||
	    answer->single_step != rdpmc_single_step(&host, &run->state) ||
	    !engine_same_regs(&answer->regs, &regs) ||
	    (host.answer == ANSWER_VALUE && host.width < 64 && value >> host.width))
		return 0;
	return explain(run, ENTRY_EXIT, NULL, NULL, NULL);
}

static enum verdict_kind differs_or_known(uint64_t known)
{
	return known ? VERDICT_KNOWN : VERDICT_DIFFER;
}

void judge_intercept(const struct trial_run *run, struct verdict *verdict)
{
	verdict->intercept = run->engine->intercepts(run->vcpu);
	if (verdict->intercept == INTERCEPT_UNKNOWN) {
		verdict->kind = VERDICT_UNAVAILABLE;
		verdict->why = "the engine does not know whether it intercepts";
	} else if (verdict->intercept == INTERCEPT_OFF &&
		   verdict->pass->obstacle != OBSTACLE_NONE) {
		verdict->known = explain(run, ENTRY_EXIT, NULL, NULL, NULL);
		verdict->kind = differs_or_known(verdict->known);
		verdict->oracles = ORACLE_PASS_SOUND;
	}
}

/*
 * @clocks: VMware's pseudo counters are the hypervisor's own clocks and not a case's: any 64 bits of
 * them will do.
 */
static unsigned int judge_answer(const struct rdpmc_outcome *model,
				 const struct engine_answer *engine, bool clocks)
{
	const struct rdpmc_regs *ours = &model->regs, *theirs = &engine->regs;
	bool value = model->decision.answer == ANSWER_VALUE;
	unsigned int oracles = 0;

	if (engine->answer != model->decision.answer || engine->error_code)
		return ORACLE_OUTCOME;
	if (clocks && value && model->decision.class == CLASS_VMWARE)
		oracles |= theirs->rax >> 32 || theirs->rdx >> 32 ? ORACLE_OUTCOME : 0;
	else if (ours->rax != theirs->rax || ours->rdx != theirs->rdx)
		oracles |= value ? ORACLE_OUTCOME : ORACLE_NOTHING_ELSE;
	if (engine->other_state || ours->rcx != theirs->rcx || ours->rip != theirs->rip ||
	    ours->rflags != theirs->rflags || engine->single_step != model->single_step)
		oracles |= ORACLE_NOTHING_ELSE;
	return oracles;
}

/* RIP has moved on, by another length than the instruction's. */
static bool wrong_length(const struct rdpmc_state *state, uint64_t rip)
{
	uint64_t length = rip - state->regs.rip;

	if (state->mode != MODE_64BIT)
		length = (uint32_t)length;
	return length && length <= CASE_LENGTH && length != rdpmc_length(state);
}

/* The rule that a wrong read breaks: that which decided it, but for these two. */
static enum rdpmc_rule broken_rule(const struct trial_run *run, const struct rdpmc_outcome *model,
				   const struct engine_answer *engine)
{
	const struct rdpmc_regs *ours = &model->regs, *theirs = &engine->regs;

	if (engine->answer != ANSWER_VALUE || model->decision.answer != ANSWER_VALUE ||
	    ours->rax != theirs->rax || ours->rdx != theirs->rdx)
		return model->decision.rule;
	if (wrong_length(&run->state, theirs->rip))
		return RULE_LENGTH;
	return engine->single_step != model->single_step ? RULE_SINGLE_STEP : model->decision.rule;
}

static bool same_answer(const struct engine_answer *a, const struct engine_answer *b)
{
	return a->answer == b->answer && a->error_code == b->error_code &&
	       a->single_step == b->single_step && engine_same_regs(&a->regs, &b->regs);
}

/* Did the engine's code complain of itself? */
static const char *trouble_of(const struct trial_run *run)
{
	return run->engine->trouble ? run->engine->trouble(run->vcpu) : NULL;
}

/*
 * Out of judge_read(): what most reads have no use for would be room on its stack, which sanitizers make
 * ready and clear for each of them.
 */
static __attribute__((noinline)) void read_differs(const struct trial_run *run,
						   struct reading *reading,
						   const struct engine_answer *answer)
{
	struct verdict *verdict = &reading->verdict;
	const bool passed = answer && verdict->entry == ENTRY_PLAIN &&
			    answer->path == EXEC_PATH_NO_EXIT && !verdict->trouble;

	if (passed && reading->held)
		verdict->known = explain_passed(run, &reading->model.decision, answer);
	else if (reading->held || !answer)
		verdict->known = explain(run, verdict->entry, answer ? verdict->before : NULL,
					 answer, verdict->trouble);
	verdict->kind = differs_or_known(verdict->known);
}

/* PERF_METRICS, which the engine could not set: all of the answer but its value. Out of judge_read(), too. */
static __attribute__((noinline)) unsigned int judge_but_value(const struct rdpmc_outcome *model,
							      const struct engine_answer *engine)
{
	struct engine_answer judged = *engine;

	judged.regs.rax = model->regs.rax;
	judged.regs.rdx = model->regs.rdx;
	return judge_answer(model, &judged, false);
}

void judge_read(const struct trial_run *run, struct reading *reading,
		const struct engine_answer *answer)
{
	const struct engine *engine = run->engine;
	struct verdict *verdict = &reading->verdict;
	const struct rdpmc_decision *decision = &reading->model.decision;
	const bool unjudged = answer->unjudged && decision->answer == ANSWER_VALUE &&
			      decision->class == CLASS_METRICS;

	verdict->trouble = trouble_of(run);
	if (answer->refused) {
		verdict->kind = VERDICT_REFUSED;
		verdict->why = answer->refused;
		if (!verdict->trouble)
			return;
		verdict->oracles = ORACLE_TROUBLE;
		read_differs(run, reading, NULL);
		return;
	}
	verdict->answer = answer;
	verdict->oracles = unjudged ? judge_but_value(&reading->model, answer)
				    : judge_answer(&reading->model, answer, engine->real);
	reading->held = engine->holds(run->vcpu, &run->counters, run->n_gp, run->n_fixed);
	if (!reading->held)
		verdict->oracles |= ORACLE_NOTHING_ELSE;
	/* Nor are two reads of a clock the same. */
	verdict->apart = reading->former && !same_answer(reading->former, answer) &&
			 !reading->known && !(engine->real && decision->class == CLASS_VMWARE);
	/* What may be anything has no part in a difference. */
	if (verdict->apart &&
	    (any_answer(run, verdict->entry, verdict->before, answer) ||
	     any_answer(run, reading->former_entry, verdict->before, reading->former)))
		verdict->apart = false;
	/* Beside one that differs it may be right, and is if nothing else is wrong with it. */
	if (verdict->apart && !reading->differs)
		verdict->oracles |= ORACLE_ENTRIES;
	reading->former = answer;
	reading->former_entry = verdict->entry;
	if (verdict->trouble)
		verdict->oracles |= ORACLE_TROUBLE;
	if (!verdict->oracles && unjudged) {
		verdict->kind = VERDICT_UNAVAILABLE;
		verdict->why = answer->unjudged;
		verdict->unjudged = true;
		verdict->answer = NULL;
	}
	if (!verdict->oracles)
		return;
	verdict->rule = broken_rule(run, &reading->model, answer);
	read_differs(run, reading, answer);
	reading->known |= verdict->kind == VERDICT_KNOWN;
	reading->differs = true;
}

void judge_write(const struct trial_run *run, struct verdict *verdict)
{
	verdict->trouble = trouble_of(run);
	if (!verdict->trouble)
		return;
	verdict->oracles = ORACLE_TROUBLE;
	verdict->known = explain(run, ENTRY_EXIT, NULL, NULL, verdict->trouble);
	verdict->kind = differs_or_known(verdict->known);
}
