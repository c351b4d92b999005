// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases through an engine, and the oracles. */
#include "fuzz/trial.h"

#include <string.h>

/* A case under way. */
struct run {
	struct trial *trial;
	struct rdpmc_state state;
	struct rdpmc_policy policy;
	struct rdpmc_view guest, host;
	struct rdpmc_counters counters; /* the model's */
	struct finding *finding;
};

int trial_init(struct trial *trial, const struct engine *engine, const char **why)
{
	memset(trial, 0, sizeof(*trial));
	trial->engine = engine;
	trial->choices = rdpmc_default_choices;
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++) {
		if (!(engine->entries & 1U << entry))
			continue;
		trial->vcpu[entry] = engine->create(why);
		if (!trial->vcpu[entry]) {
			trial_free(trial);
			return -1;
		}
	}
	return 0;
}

void trial_free(struct trial *trial)
{
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		if (trial->vcpu[entry])
			trial->engine->destroy(trial->vcpu[entry]);
	memset(trial->vcpu, 0, sizeof(trial->vcpu));
}

static void asked(struct tally *tally, enum rdpmc_rule rule, bool yes)
{
	*(yes ? &tally->yes : &tally->no) |= 1U << rule;
}

static void asked_all(struct tally *tally, const struct rdpmc_decision *decision)
{
	tally->no |= decision->no;
	tally->yes |= decision->yes;
}

/* PASS-SOUND and PASS-MINIMAL: the engine's decision against what the rules allow. */
static bool judge_intercept(struct run *run, struct engine_vcpu *vcpu)
{
	struct tally *tally = &run->trial->tally;
	struct rdpmc_pass pass = rdpmc_may_pass(&run->host, &run->guest, &run->policy);
	enum intercept intercept = run->trial->engine->intercepts(vcpu);
	bool sound = pass.obstacle == OBSTACLE_NONE;

	tally->obstacles[pass.obstacle]++;
	tally->passed += intercept == INTERCEPT_OFF;
	tally->costly += intercept == INTERCEPT_ON && sound;
	asked(tally, RULE_PASS_SOUND, sound);
	asked(tally, RULE_PASS_MINIMAL, intercept == INTERCEPT_ON && sound);
	asked(tally, RULE_VMX_PASS, intercept == INTERCEPT_OFF);
	if (sound || intercept != INTERCEPT_OFF)
		return true;
	run->finding->oracles = ORACLE_PASS_SOUND;
	run->finding->pass = pass;
	return false;
}

/* By the bare processor's rules: would the read exit if intercepted? Noted for the rules' sake. */
static void ask_processor(struct run *run)
{
	static const struct rdpmc_policy bare = { 0 };
	struct rdpmc_decision decision =
		rdpmc_decide(&run->host, &bare, &run->counters, &run->state);

	rdpmc_exits(run->host.vendor, &decision);
	asked_all(&run->trial->tally, &decision);
}

static unsigned int judge_answer(const struct rdpmc_outcome *model,
				 const struct engine_answer *engine)
{
	const struct rdpmc_regs *ours = &model->regs, *theirs = &engine->regs;
	bool value = model->decision.answer == ANSWER_VALUE;
	unsigned int oracles = 0;

	if (engine->answer != model->decision.answer || engine->error_code)
		return ORACLE_OUTCOME;
	if (ours->rax != theirs->rax || ours->rdx != theirs->rdx)
		oracles |= value ? ORACLE_OUTCOME : ORACLE_NOTHING_ELSE;
	if (ours->rcx != theirs->rcx || ours->rip != theirs->rip || ours->rflags != theirs->rflags)
		oracles |= ORACLE_NOTHING_ELSE;
	return oracles;
}

static bool same_counters(const struct rdpmc_counters *a, const struct rdpmc_counters *b)
{
	return !memcmp(a->gp, b->gp, RDPMC_MAX_GP * sizeof(a->gp[0])) &&
	       !memcmp(a->fixed, b->fixed, sizeof(a->fixed)) && a->metrics == b->metrics &&
	       a->fixed_ctr_ctrl == b->fixed_ctr_ctrl && a->gp_user_disable == b->gp_user_disable;
}

static bool same_answer(const struct engine_answer *a, const struct engine_answer *b)
{
	return a->answer == b->answer && a->error_code == b->error_code &&
	       !memcmp(&a->regs, &b->regs, sizeof(a->regs));
}

static bool read_counter(struct run *run, size_t step)
{
	const struct engine *engine = run->trial->engine;
	struct tally *tally = &run->trial->tally;
	struct finding *finding = run->finding;
	struct engine_answer answers[NR_ENTRIES];
	const struct engine_answer *first = NULL;
	struct rdpmc_counters counters;
	struct rdpmc_outcome model;
	unsigned int oracles;

	ask_processor(run);
	model = rdpmc_execute(&run->guest, &run->policy, &run->state, &run->counters);
	asked_all(tally, &model.decision);
	tally->decided[model.decision.rule]++;
	tally->reads++;
	tally->values += model.decision.answer == ANSWER_VALUE;
	tally->faults += model.decision.answer != ANSWER_VALUE;

	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++) {
		struct engine_answer *answer = &answers[entry];

		if (!run->trial->vcpu[entry])
			continue;
		/* VMX-PRIORITY, SVM-PRIORITY: a LOCK prefix never exits. */
		if (entry == ENTRY_EXIT && run->state.lock) {
			tally->unreached++;
			continue;
		}
		engine->read(run->trial->vcpu[entry], entry, &run->state, answer);
		oracles = judge_answer(&model, answer);
		engine->counters(run->trial->vcpu[entry], &counters);
		if (!same_counters(&counters, &run->counters))
			oracles |= ORACLE_NOTHING_ELSE;
		if (first && !same_answer(first, answer))
			oracles |= ORACLE_ENTRIES;
		first = answer;
		/* Of two that are wrong the last is told, with what they disagree in. */
		if (oracles) {
			finding->oracles |= oracles;
			finding->entry = entry;
			finding->step = step;
			finding->state = run->state;
			finding->model = model;
			finding->engine = *answer;
			finding->counters = counters;
			finding->expected = run->counters;
		}
	}
	return !finding->oracles;
}

static void write_all(struct run *run, const struct case_step *step)
{
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		if (run->trial->vcpu[entry])
			run->trial->engine->write(run->trial->vcpu[entry], step);
}

/* A counter that the guest does not have cannot be written: its MSR is not there. */
static bool has_counter(const struct rdpmc_view *guest, const struct case_step *step)
{
	uint64_t counters = step->op == STEP_GP
				    ? guest->readable[CLASS_GP] | guest->readable[CLASS_AMD_CORE]
				    : guest->readable[CLASS_FIXED];

	return counters >> step->arg & 1;
}

static bool take_step(struct run *run, const struct case_step *step, size_t number)
{
	switch (step->op) {
	case STEP_READ:
		run->state.regs.rcx = step->value;
		return read_counter(run, number);
	case STEP_GP:
		if (!has_counter(&run->guest, step))
			return true;
		run->counters.gp[step->arg] = step->value;
		break;
	case STEP_FIXED:
		if (!has_counter(&run->guest, step))
			return true;
		run->counters.fixed[step->arg] = step->value;
		break;
	case STEP_METRICS:
		run->counters.metrics = step->value;
		break;
	case STEP_FIXED_CTRL:
		run->counters.fixed_ctr_ctrl = step->value;
		break;
	case STEP_USER_DISABLE:
		run->counters.gp_user_disable = (uint32_t)step->value;
		break;
	case STEP_CR4:
		run->state.cr4 = (uint32_t)step->value;
		return true;
	case STEP_MODE:
		case_set_mode(&run->state, (step->arg & 7) % NR_MODES, step->arg >> 3 & 3);
		return true;
	default: /* STEP_LOCK */
		run->state.lock = step->arg & 1;
		return true;
	}
	write_all(run, step);
	return true;
}

bool trial_case(struct trial *trial, const struct rdpmc_case *decoded, struct finding *finding)
{
	struct run run = {
		.trial = trial,
		.state = decoded->state,
		.policy = decoded->policy,
		.finding = finding,
	};
	struct rdpmc_pmu guest = decoded->guest;
	struct engine_vcpu *any = NULL;
	struct case_step step;

	finding->oracles = 0;
	trial->engine->offer(&guest);
	trial->tally.cases++;
	trial->tally.legalised += !!decoded->legalised;
	trial->tally.impossible += decoded->impossible;
	trial->tally.offered += memcmp(&guest, &decoded->guest, sizeof(guest)) != 0;

	rdpmc_view(&guest, &trial->choices, &run.guest);
	rdpmc_view(&decoded->host, &trial->choices, &run.host);
	case_counters(decoded, &run.guest, &run.counters);
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++) {
		if (!trial->vcpu[entry])
			continue;
		any = trial->vcpu[entry];
		trial->engine->begin(any, &guest, &decoded->host, &run.policy, &run.counters);
	}
	if (!judge_intercept(&run, any) || !read_counter(&run, 0))
		return false;
	for (size_t i = 0; i < decoded->n_steps; i++) {
		case_step(decoded, i, &step);
		if (!take_step(&run, &step, i + 1))
			return false;
	}
	return true;
}

bool trial_run(struct trial *trial, const uint8_t *data, size_t size, struct finding *finding)
{
	struct rdpmc_case decoded;

	case_decode(data, size, &decoded);
	return trial_case(trial, &decoded, finding);
}

bool finding_alike(const struct finding *a, const struct finding *b)
{
	if (a->oracles != b->oracles)
		return false;
	if (a->oracles == ORACLE_PASS_SOUND)
		return a->pass.obstacle == b->pass.obstacle && a->pass.class == b->pass.class;
	return a->entry == b->entry && a->model.decision.rule == b->model.decision.rule &&
	       a->model.decision.answer == b->model.decision.answer &&
	       a->engine.answer == b->engine.answer;
}
