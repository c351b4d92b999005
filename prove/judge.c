// SPDX-License-Identifier: GPL-2.0-or-later
/* What an engine makes of a case, held against the model. */
#include "prove/prove.h"

static uint64_t value_of(const struct engine_answer *answer)
{
	return answer->regs.rdx << 32 | (uint32_t)answer->regs.rax;
}

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
		       : due == ANSWER_VALUE	      ? FLAW_FAULT_FOR_VALUE
						      : FLAW_ANSWER;
	if (due == ANSWER_VALUE && value_of(engine) != model->value)
		return FLAW_VALUE;
	if (!engine_same_regs(&engine->regs, &model->regs) || engine->error_code)
		return FLAW_REGISTERS;
	if (engine->elsewhere)
		return FLAW_ELSEWHERE;
	return counters_held ? FLAW_NONE : FLAW_COUNTERS;
}

/* Is the engine's answer the model's where the world is another? */
static bool as_in(const struct engine_answer *engine, const struct rdpmc_view *view,
		  const struct rdpmc_policy *policy, const struct rdpmc_counters *counters,
		  const struct rdpmc_state *state)
{
	const struct rdpmc_decision decision = rdpmc_decide(view, policy, counters, state);

	return engine->answer == decision.answer &&
	       (decision.answer != ANSWER_VALUE ||
		value_of(engine) == rdpmc_value(&decision, counters));
}

/* The rules that, answered otherwise, give the engine's answer. */
static uint32_t blame(const struct prove_inputs *inputs, const struct rdpmc_view *view,
		      const struct engine_answer *engine)
{
	const struct rdpmc_state *state = &inputs->decoded.state;
	struct rdpmc_policy policy = inputs->decoded.policy;
	struct rdpmc_state other = *state;
	struct rdpmc_counters counters = inputs->counters;
	struct rdpmc_view otherwise = *view;
	uint32_t about = 0;

	other.lock = !state->lock;
	about |= (uint32_t)as_in(engine, view, &policy, &counters, &other) << RULE_UD_LOCK;

	other = *state;
	if (rdpmc_allowed(state)) {
		other.cr0 |= RDPMC_CR0_PE;
		other.cr4 &= ~RDPMC_CR4_PCE;
		other.cpl = 3;
	} else {
		other.cr4 |= RDPMC_CR4_PCE;
	}
	about |= (uint32_t)as_in(engine, view, &policy, &counters, &other) << RULE_PRIV;

	other = *state;
	other.regs.rcx = (uint16_t)state->regs.rcx;
	about |= (uint32_t)as_in(engine, view, &policy, &counters, &other) << RULE_ECX32;

	policy.vmware_backdoor = !policy.vmware_backdoor;
	otherwise.no_vmware = !view->no_vmware;
	about |= (uint32_t)(as_in(engine, view, &policy, &counters, state) ||
			    as_in(engine, &otherwise, &inputs->decoded.policy, &counters, state))
		 << RULE_VMWARE_PMC;
	policy = inputs->decoded.policy;

	otherwise = *view;
	otherwise.user_disable = !view->user_disable;
	counters.gp_user_disable = ~counters.gp_user_disable;
	counters.fixed_ctr_ctrl = ~counters.fixed_ctr_ctrl;
	about |= (uint32_t)(as_in(engine, &otherwise, &policy, &inputs->counters, state) ||
			    as_in(engine, view, &policy, &counters, state))
		 << RULE_USER_DISABLE;
	return about;
}

static uint32_t about(const struct prove_inputs *inputs, const struct rdpmc_view *view,
		      const struct prove_verdict *verdict)
{
	const struct rdpmc_decision *decision = &verdict->model.decision;
	uint32_t rules = 1U << decision->rule;

	/* Where it may be that the upper half was looked at, nothing more can be told. */
	if (inputs->decoded.state.regs.rcx >> 32)
		return 1U << RULE_ECX32;
	rules |= blame(inputs, view, &verdict->engine);
	if (verdict->flaw >= FLAW_ANSWER || verdict->flaw == FLAW_VALUE_FOR_FAULT)
		rules |= 1U << (decision->answer == ANSWER_VALUE ? RULE_RESULT : RULE_FAULT);
	if (verdict->flaw == FLAW_COUNTERS || decision->rule == RULE_METRICS_VALUE)
		rules |= 1U << RULE_METRICS_CLEAR;
	if (view->vendor == RDPMC_AMD && verdict->flaw == FLAW_VALUE)
		rules |= 1U << RULE_AMD_WIDTH;
	return rules;
}

struct prove_verdict prove_read(const struct prove_inputs *inputs)
{
	const struct rdpmc_state *state = &inputs->decoded.state;
	struct rdpmc_pmu guest = inputs->decoded.guest, host = inputs->decoded.host;
	struct rdpmc_policy policy = inputs->decoded.policy;
	struct rdpmc_counters after = inputs->counters;
	struct prove_verdict verdict = { 0 };
	struct engine_answer planted;
	struct rdpmc_view view;
	const char *why;
	bool held;
	struct engine_vcpu *vcpu = proved->create(&why);

	proved->offer(vcpu, &guest, &host, &policy);
	proved->begin(vcpu, &guest, &host, &policy);
	proved->load(vcpu, &inputs->counters, RDPMC_MAX_GP, RDPMC_MAX_FIXED);
	proved->read(vcpu, inputs->entry, state, &verdict.engine);

	rdpmc_view(&guest, &inputs->choices, &view);
	verdict.model = rdpmc_execute(&view, &policy, state, &after);
	verdict.rule = verdict.model.decision.rule;
	held = holds(vcpu, &after);
	verdict.flaw = flaw_of(&verdict.model, &verdict.engine, held);
	if (verdict.flaw)
		verdict.about = about(inputs, &view, &verdict);
	planted = verdict.engine;
	planted.regs.rax ^= (uint32_t)state->regs.rcx == PROVE_PLANTED &&
			    planted.answer == ANSWER_VALUE;
	verdict.planted = flaw_of(&verdict.model, &planted, held);
	return verdict;
}

enum intercept prove_intercepts(const struct prove_inputs *inputs, struct rdpmc_pmu *guest,
				struct rdpmc_pmu *host, struct rdpmc_policy *policy)
{
	const char *why;
	struct engine_vcpu *vcpu = proved->create(&why);

	*guest = inputs->decoded.guest;
	*host = inputs->decoded.host;
	*policy = inputs->decoded.policy;
	proved->offer(vcpu, guest, host, policy);
	proved->begin(vcpu, guest, host, policy);
	return proved->intercepts(vcpu);
}
