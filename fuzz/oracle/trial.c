// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases through an engine, and the oracles. */
#include "fuzz/oracle/trial.h"

#include <string.h>

#include "fuzz/oracle/choices.h"
#include "fuzz/oracle/judge.h"

int trial_init(struct trial *trial, const struct engine *engine, const char **why)
{
	memset(trial, 0, sizeof(*trial));
	trial->engine = engine;
	trial->choices = rdpmc_default_choices;
	trial->vcpu = engine->create(why);
	if (!trial->vcpu)
		return -1;
	trial->entries = engine->entries;
	if (engine->has)
		trial->entries &= engine->has(trial->vcpu);
	return 0;
}

void trial_free(struct trial *trial)
{
	trial->engine->destroy(trial->vcpu);
	trial->vcpu = NULL;
}

/* Counts it and hands it over. False: the case is to end. */
static bool hand_over(struct trial_run *run, const struct verdict *verdict)
{
	struct trial *trial = run->trial;

	tally_add_verdict(&trial->tally, verdict);
	if (trial->fold)
		return trial->fold(trial->opaque, verdict);
	/* Most agree, and then there is nothing to fold but what was found before. */
	if (verdict->kind != VERDICT_DIFFER && !verdict->apart)
		return !(run->finding->oracles & ~ORACLE_PASS_SOUND);
	return finding_fold(run->finding, verdict);
}

/* PASS-SOUND and PASS-MINIMAL. */
static void try_intercept(struct trial_run *run)
{
	struct trial *trial = run->trial;
	const struct rdpmc_pass pass = rdpmc_may_pass(&run->host, &run->guest, &run->policy);
	struct verdict verdict = {
		.question = QUESTION_INTERCEPT,
		.rule = RULE_PASS_SOUND,
		.run = run,
		.last = true,
		.pass = &pass,
	};

	trial->obstacle = pass.obstacle;
	trial->tally.asked[QUESTION_INTERCEPT]++;
	judge_intercept(run, &verdict);
	hand_over(run, &verdict);
}

/* By the bare processor's rules: would the read exit if intercepted? Noted for the rules' sake. */
static void ask_processor(struct trial_run *run)
{
	struct rdpmc_decision decision = rdpmc_decide_bare(&run->host, &run->counters, &run->state);

	rdpmc_exits(run->host.vendor, &decision);
	tally_rules(&run->trial->tally, &decision);
}

static bool same_decision(const struct rdpmc_decision *a, const struct rdpmc_decision *b)
{
	return a->answer == b->answer && a->class == b->class && a->index == b->index &&
	       a->width == b->width && a->hidden == b->hidden && a->clears == b->clears;
}

/*
 * What no engine is held to: the guest as it was asked for, where the engine cannot give it, and a
 * processor that is otherwise where the model has a choice.
 */
static __attribute__((noinline)) void ask_further(struct trial_run *run)
{
	const struct rdpmc_case *asked = run->decoded;
	struct tally *tally = &run->trial->tally;
	struct rdpmc_choices choices = rdpmc_default_choices;
	struct rdpmc_outcome outcome, first = { 0 };
	struct rdpmc_pass pass, first_pass = { 0 };
	bool depends = false;
	struct rdpmc_counters counters;
	struct rdpmc_view guest, host;
	unsigned int n_gp, n_fixed;

	/* By none of the choices, and by each alone. */
	for (unsigned int i = 0; i <= NR_CHOICES; i++) {
		if (i)
			*choice_of(&choices, i - 1) = true;
		rdpmc_view(&asked->guest, &choices, &guest);
		rdpmc_view(&asked->host, &choices, &host);
		case_counters(asked, &guest, &counters, &n_gp, &n_fixed);
		counters.fixed_ctr_ctrl = run->counters.fixed_ctr_ctrl;
		counters.gp_user_disable = run->counters.gp_user_disable;
		outcome = rdpmc_execute(&guest, &run->policy, &run->state, &counters);
		tally_rules(tally, &outcome.decision);
		pass = rdpmc_may_pass(&host, &guest, &run->policy);
		if (!i) {
			first = outcome;
			first_pass = pass;
			continue;
		}
		*choice_of(&choices, i - 1) = false;
		depends |= !same_decision(&first.decision, &outcome.decision) ||
			   first_pass.obstacle != pass.obstacle;
	}
	tally->choice += depends;
}

static void read_begin(struct trial_run *run, uint64_t rcx, size_t step, struct reading *reading)
{
	struct trial *trial = run->trial;
	struct rdpmc_outcome *model = &reading->model;

	reading->verdict = (struct verdict){
		.question = QUESTION_READ,
		.step = step,
		.run = run,
		.model = model,
		.before = &run->counters,
	};
	reading->former = NULL;
	reading->held = true;
	reading->differs = reading->known = false;
	run->state.regs.rcx = rcx;
	/* What was changed for a read before this one is still so. */
	if (trial->engine->adapt)
		run->moved |= trial->engine->adapt(trial->vcpu, &run->state);
	reading->verdict.moved = run->moved;
	if (!step)
		ask_processor(run);
	if (trial->thorough)
		ask_further(run);
	if (run->guest.metrics_clear) {
		reading->before = run->counters;
		reading->verdict.before = &reading->before;
	}
	*model = rdpmc_execute(&run->guest, &run->policy, &run->state, &run->counters);
	reading->verdict.rule = model->decision.rule;
	trial->decided |= 1U << model->decision.rule;
	trial->tally.asked[QUESTION_READ] +=
		(unsigned int)__builtin_popcount(trial->engine->entries);
}

/* The next verdict, of @entry, is begun. Is the read to be tried by it? */
static bool read_comes_to(const struct trial_run *run, struct reading *reading, enum entry entry)
{
	struct verdict *verdict = &reading->verdict;

	verdict->kind = VERDICT_AGREE;
	verdict->rule = reading->model.decision.rule;
	verdict->entry = entry;
	verdict->last = !(run->trial->engine->entries >> entry >> 1);
	verdict->answer = NULL;
	verdict->trouble = verdict->why = NULL;
	verdict->oracles = 0;
	verdict->known = 0;
	verdict->apart = verdict->unjudged = false;
	if (!(run->trial->entries & 1U << entry)) {
		verdict->kind = VERDICT_UNAVAILABLE;
		verdict->why = "the engine has no such entry here";
	} else if (entry == ENTRY_EXIT && run->state.lock) { /* VMX-PRIORITY, SVM-PRIORITY */
		verdict->kind = VERDICT_UNREACHED;
		verdict->why = "a LOCK prefix is #UD before the exit";
	} else {
		return true;
	}
	return false;
}

static void reload(struct trial_run *run, const struct rdpmc_counters *counters)
{
	run->trial->engine->load(run->trial->vcpu, counters, run->n_gp, run->n_fixed);
}

/* What goes on after a difference goes on from what the model says. */
static void read_end(struct trial_run *run, const struct reading *reading)
{
	if (!reading->held)
		reload(run, &run->counters);
}

bool trial_read(struct trial_run *run, uint64_t rcx, size_t step)
{
	const struct trial *trial = run->trial;
	struct engine_answer answers[NR_ENTRIES];
	struct reading reading;
	bool should_continue = true;

	read_begin(run, rcx, step, &reading);
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++) {
		struct engine_answer *answer = &answers[entry];

		if (!(trial->engine->entries >> entry & 1))
			continue;
		if (read_comes_to(run, &reading, entry)) {
			if (reading.former && (reading.model.decision.clears || !reading.held))
				reload(run, reading.verdict.before);
			answer->path = EXEC_PATH_UNKNOWN;
			answer->single_step = false;
			answer->exit_reason = 0;
			answer->refused = answer->changed = answer->unjudged = NULL;
			trial->engine->read(trial->vcpu, entry, &run->state, answer);
			judge_read(run, &reading, answer);
		}
		should_continue &= hand_over(run, &reading.verdict);
	}
	read_end(run, &reading);
	return should_continue;
}

/* A counter that the guest does not have cannot be written: its MSR is not there. */
static bool has_counter(const struct rdpmc_view *guest, const struct case_step *step)
{
	uint64_t counters = step->op == STEP_GP
				    ? guest->readable[CLASS_GP] | guest->readable[CLASS_AMD_CORE]
				    : guest->readable[CLASS_FIXED];

	return counters >> step->arg & 1;
}

bool trial_model_step(const struct rdpmc_view *guest, const struct rdpmc_policy *policy,
		      struct rdpmc_state *state, struct rdpmc_counters *counters,
		      const struct case_step *step, struct rdpmc_outcome *outcome)
{
	switch (step->op) {
	case STEP_READ:
		state->regs.rcx = step->value;
		*outcome = rdpmc_execute(guest, policy, state, counters);
		return true;
	case STEP_GP:
		if (has_counter(guest, step))
			counters->gp[step->arg] = step->value;
		break;
	case STEP_FIXED:
		if (has_counter(guest, step))
			counters->fixed[step->arg] = step->value;
		break;
	case STEP_METRICS:
		counters->metrics = step->value;
		break;
	case STEP_FIXED_CTRL:
		counters->fixed_ctr_ctrl = step->value;
		break;
	case STEP_USER_DISABLE:
		counters->gp_user_disable = (uint32_t)step->value;
		break;
	case STEP_CR4:
		state->cr4 = (uint32_t)step->value;
		break;
	case STEP_MODE:
		case_set_mode(state, (step->arg & 7) % NR_MODES, step->arg >> 3 & 3);
		break;
	default: /* STEP_LOCK */
		state->lock = step->arg & 1;
	}
	return false;
}

/* Makes the write, if there is one to make, in the engine: the model is not yet asked. */
static void try_write(struct trial_run *run, struct verdict *verdict)
{
	const struct trial *trial = run->trial;
	const struct case_step *step = verdict->write;

	if (trial->engine->unsupported & 1U << step->op) {
		verdict->kind = VERDICT_UNAVAILABLE;
		verdict->why = "the engine does not take this step";
		return;
	}
	if (step->op == STEP_METRICS ? trial->engine->real && !run->guest.readable[CLASS_METRICS]
				     : (step->op == STEP_GP || step->op == STEP_FIXED) &&
					       !has_counter(&run->guest, step)) {
		verdict->kind = VERDICT_UNREACHED;
		verdict->why = "the guest has no such counter";
		return;
	}
	trial->engine->write(trial->vcpu, step);
	judge_write(run, verdict);
}

static bool is_write(const struct case_step *step)
{
	return step->op > STEP_READ && step->op <= STEP_USER_DISABLE;
}

static bool take_step(struct trial_run *run, const struct case_step *step, size_t number)
{
	/* The engine gets the state with each read. */
	bool made = !(run->trial->engine->unsupported & 1U << step->op), should_continue = true;
	struct rdpmc_outcome outcome;

	if (step->op == STEP_READ)
		return trial_read(run, step->value, number);
	if (is_write(step)) {
		struct verdict verdict = {
			.question = QUESTION_WRITE,
			.step = number,
			.run = run,
			.last = true,
			.write = step,
		};

		run->trial->tally.asked[QUESTION_WRITE]++;
		try_write(run, &verdict);
		/* The fold finds the counters as they were before: a kept write is repeated from them. */
		should_continue = hand_over(run, &verdict);
		made = verdict.kind <= VERDICT_KNOWN;
	}
	if (made)
		trial_model_step(&run->guest, &run->policy, &run->state, &run->counters, step,
				 &outcome);
	return should_continue;
}

/* The reads and writes behind the step that ended the case. */
static void skip_rest(struct trial_run *run, size_t ended)
{
	struct trial *trial = run->trial;
	struct case_step step;

	for (size_t i = ended; i < run->decoded->n_steps; i++) {
		case_step(run->decoded, i, &step);
		const bool read = step.op == STEP_READ;
		const unsigned int entries = read              ? trial->engine->entries
					     : is_write(&step) ? 1U << ENTRY_EXIT
							       : 0;

		for (unsigned int entry = 0; entry < NR_ENTRIES; entry++) {
			const struct verdict verdict = {
				.kind = VERDICT_SKIPPED,
				.question = read ? QUESTION_READ : QUESTION_WRITE,
				.entry = entry,
				.step = i + 1,
				.run = run,
				.last = !(entries >> entry >> 1),
				.why = "the case ended before it",
				.write = read ? NULL : &step,
			};

			if (!(entries >> entry & 1))
				continue;
			trial->tally.asked[verdict.question]++;
			hand_over(run, &verdict);
		}
	}
}

bool trial_clamp(const struct trial *trial, const struct rdpmc_case *decoded,
		 struct rdpmc_pmu *guest, struct rdpmc_pmu *host, struct rdpmc_policy *policy)
{
	*guest = decoded->guest;
	*host = decoded->host;
	*policy = decoded->policy;
	return trial->engine->clamp(trial->vcpu, guest, host, policy);
}

void trial_begin(struct trial *trial, struct trial_run *run, const struct rdpmc_case *decoded,
		 struct finding *finding)
{
	const struct engine *engine = trial->engine;
	const unsigned int unsupported = engine->unsupported;

	run->trial = trial;
	run->engine = engine;
	run->vcpu = trial->vcpu;
	run->known = trial->known;
	run->choices = &trial->choices;
	run->decoded = decoded;
	run->state = decoded->state;
	run->moved = false;
	run->finding = finding;
	if (finding)
		finding->oracles = 0;
	trial->decided = 0;
	run->reduced = trial_clamp(trial, decoded, &run->offered, &run->processor, &run->policy);

	rdpmc_view(&run->offered, &trial->choices, &run->guest);
	rdpmc_view(&run->processor, &trial->choices, &run->host);
	memset(&run->counters, 0,
	       sizeof(run->counters)); /* an engine may show more than there is */
	case_counters(decoded, &run->guest, &run->counters, &run->n_gp, &run->n_fixed);
	/* A write beside the guest's counters is one, too. */
	if (trial->thorough) {
		run->n_gp = RDPMC_MAX_GP;
		run->n_fixed = RDPMC_MAX_FIXED;
		if (!engine->real)
			case_counter_values(decoded, &run->counters, run->n_gp, run->n_fixed);
	}
	if (unsupported & 1U << STEP_FIXED_CTRL)
		run->counters.fixed_ctr_ctrl = 0;
	if (unsupported & 1U << STEP_USER_DISABLE)
		run->counters.gp_user_disable = 0;
	/* In a real vCPU what the guest does not have is not there at all. */
	if (engine->real && !run->guest.readable[CLASS_METRICS])
		run->counters.metrics = 0;
	engine->begin(trial->vcpu, &run->offered, &run->processor, &run->policy);
	engine->load(trial->vcpu, &run->counters, run->n_gp, run->n_fixed);
	try_intercept(run);
}

bool trial_case(struct trial *trial, const struct rdpmc_case *decoded, struct finding *finding)
{
	struct case_step step;
	struct trial_run run;
	size_t i = 0;
	bool should_continue;

	trial_begin(trial, &run, decoded, finding);
	should_continue = trial_read(&run, decoded->state.regs.rcx, 0);
	while (should_continue && i < decoded->n_steps) {
		case_step(decoded, i++, &step);
		should_continue = take_step(&run, &step, i);
	}
	if (!should_continue)
		skip_rest(&run, i);
	return should_continue && !(finding && finding->oracles);
}

bool trial_run(struct trial *trial, const uint8_t *data, size_t size, struct finding *finding)
{
	struct rdpmc_case decoded;

	case_decode(data, size, &decoded);
	return trial_case(trial, &decoded, finding);
}

bool trial_repeat(struct trial *trial, const struct finding *kept, struct finding *finding)
{
	const struct rdpmc_case made = {
		.state = kept->state,
		.guest = kept->guest,
		.host = kept->host,
		.policy = kept->policy,
	};
	bool should_continue = true;
	struct trial_run run;

	trial_begin(trial, &run, &made, finding);
	run.counters = kept->before;
	reload(&run, &run.counters);
	if (kept->write.op != STEP_READ)
		should_continue = take_step(&run, &kept->write, kept->step);
	else if (kept->oracles != ORACLE_PASS_SOUND)
		should_continue = trial_read(&run, kept->state.regs.rcx, kept->step);
	return should_continue && !(finding && finding->oracles);
}
