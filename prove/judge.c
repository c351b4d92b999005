// SPDX-License-Identifier: GPL-2.0-or-later
/* What an engine makes of a case, held against the model. */
#include "prove/prove.h"

static bool holds(const struct engine_vcpu *vcpu, const struct rdpmc_counters *counters)
{
	return proved->holds(vcpu, counters, RDPMC_MAX_GP, RDPMC_MAX_FIXED);
}

static enum flaw flaw_of(const struct rdpmc_outcome *model, const struct engine_answer *engine,
			 bool counters_held)
{
	const enum rdpmc_answer due = model->decision.answer;

	if (engine->answer != due)
		return engine->answer == ANSWER_VALUE ? FLAW_VALUE_FOR_FAULT
		       : due == ANSWER_VALUE          ? FLAW_FAULT_FOR_VALUE
						      : FLAW_ANSWER;
	if (due == ANSWER_VALUE && engine_value(engine) != model->value)
		return FLAW_VALUE;
	if (!engine_same_regs(&engine->regs, &model->regs) || engine->error_code)
		return FLAW_REGISTERS;
	if (engine->other_state || engine->single_step != model->single_step)
		return FLAW_OTHER_STATE;
	return counters_held ? FLAW_NONE : FLAW_COUNTERS;
}

struct known_question prove_question(const struct prove_inputs *inputs,
				     const struct rdpmc_pmu *guest, const struct rdpmc_pmu *host,
				     const struct rdpmc_policy *policy)
{
	return (struct known_question){
		.guest = guest,
		.host = host,
		.policy = policy,
		.choices = &inputs->choices,
		.state = &inputs->decoded.state,
		.counters = &inputs->counters,
		.entry = inputs->entry,
	};
}

/* What is due where differences are known: @outcome becomes that of the processor that they make. */
static struct prove_known known_due(const struct known_question *question,
				    struct rdpmc_outcome *outcome)
{
	struct known_world world;
	struct prove_known known;

	known_to_world(question, &world);
	known = prove_known(&world);
	if (known.as)
		*outcome = known_outcome(question, &world);
	return known;
}

struct prove_verdict prove_read(const struct prove_inputs *inputs)
{
	struct rdpmc_state state = inputs->decoded.state;
	struct rdpmc_counters after = inputs->counters;
	struct prove_verdict verdict = {
		.guest = inputs->decoded.guest,
		.host = inputs->decoded.host,
		.policy = inputs->decoded.policy,
	};
	struct rdpmc_outcome plain;
	struct engine_answer planted;
	struct rdpmc_view view;
	const char *why;
	bool held;
	struct engine_vcpu *vcpu = proved->create(&why);
	struct known_question question =
		prove_question(inputs, &verdict.guest, &verdict.host, &verdict.policy);

	question.answer = &verdict.engine;
	proved->clamp(vcpu, &verdict.guest, &verdict.host, &verdict.policy);
	proved->begin(vcpu, &verdict.guest, &verdict.host, &verdict.policy);
	proved->load(vcpu, &inputs->counters, RDPMC_MAX_GP, RDPMC_MAX_FIXED);
	if (proved->adapt)
		proved->adapt(vcpu, &state);
	verdict.engine.single_step = false;
	verdict.engine.exit_reason = 0;
	proved->read(vcpu, inputs->entry, &state, &verdict.engine);

	rdpmc_view(&verdict.guest, &inputs->choices, &view);
	plain = rdpmc_execute(&view, &verdict.policy, &state, &after);
	held = holds(vcpu, &after);
	verdict.plain = flaw_of(&plain, &verdict.engine, held);
	verdict.plain_rule = plain.decision.rule;
	verdict.model = plain;
	verdict.known = known_due(&question, &verdict.model);
	verdict.flaw = flaw_of(&verdict.model, &verdict.engine, held);
	planted = verdict.engine;
	planted.regs.rax ^=
		(uint32_t)state.regs.rcx == PROVE_PLANTED && planted.answer == ANSWER_VALUE;
	verdict.planted = flaw_of(&verdict.model, &planted, held);

	verdict.trouble = proved->trouble ? proved->trouble(vcpu) : NULL;
	if (verdict.trouble && !verdict.flaw && !(verdict.known.may_complain & prove_allowed()))
		verdict.flaw = FLAW_TROUBLE;
	if (verdict.known.may_be_any)
		verdict.flaw = FLAW_NONE;
	proved->destroy(vcpu);
	return verdict;
}

void prove_intercepts(const struct prove_inputs *inputs, struct prove_intercept *intercept)
{
	const char *why;
	struct engine_vcpu *vcpu = proved->create(&why);
	const struct known_question question =
		prove_question(inputs, &intercept->guest, &intercept->host, &intercept->policy);
	struct known_world world;
	struct prove_known known;

	intercept->guest = inputs->decoded.guest;
	intercept->host = inputs->decoded.host;
	intercept->policy = inputs->decoded.policy;
	proved->clamp(vcpu, &intercept->guest, &intercept->host, &intercept->policy);
	proved->begin(vcpu, &intercept->guest, &intercept->host, &intercept->policy);
	intercept->intercept = proved->intercepts(vcpu);
	known_to_world(&question, &world);
	known = prove_known(&world);
	intercept->known = known.may_be_any;
	if (known_pass(&question, &world).obstacle == OBSTACLE_NONE)
		intercept->known |= known.as;
	proved->destroy(vcpu);
}
