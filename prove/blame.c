// SPDX-License-Identifier: GPL-2.0-or-later
/* Which rules a wrong read can be blamed on. */
#include "prove/prove.h"

/* Is the engine's answer the model's where the world is another? */
static bool as_in(const struct engine_answer *engine, const struct rdpmc_view *view,
		  const struct rdpmc_policy *policy, const struct rdpmc_counters *counters,
		  const struct rdpmc_state *state)
{
	const struct rdpmc_decision decision = rdpmc_decide(view, policy, counters, state);

	return engine->answer == decision.answer &&
	       (decision.answer != ANSWER_VALUE ||
		engine_value(engine) == rdpmc_value(&decision, counters));
}

/* The rules that, answered otherwise, give the engine's answer. */
static uint32_t otherwise_answered(const struct prove_inputs *inputs, const struct rdpmc_view *view,
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

uint32_t prove_blame(const struct prove_inputs *inputs, const struct prove_verdict *verdict)
{
	const struct rdpmc_decision *decision = &verdict->model.decision;
	const enum rdpmc_rule result = decision->answer == ANSWER_VALUE ? RULE_RESULT : RULE_FAULT;
	struct prove_inputs lower = *inputs;
	struct prove_verdict same;
	struct rdpmc_view view;
	uint32_t rules = 1U << decision->rule;

	if (inputs->decoded.state.regs.rcx >> 32) {
		lower.decoded.state.regs.rcx = (uint32_t)inputs->decoded.state.regs.rcx;
		same = prove_read(&lower);
		if (same.flaw)
			return prove_blame(&lower, &same);
		rules = 1U << RULE_ECX32;
		/* RCX[63:32] were not read as a part of ECX, but are lost. */
		if (verdict->flaw == FLAW_REGISTERS)
			rules |= 1U << result;
		return rules;
	}
	rdpmc_view(&verdict->guest, &inputs->choices, &view);
	/* Answer and value are right: no rule's answer can be to blame. */
	if (verdict->flaw <= FLAW_VALUE)
		rules |= otherwise_answered(inputs, &view, &verdict->engine);
	/* A closed counter reads 0: one that is not is taken for one. */
	if (verdict->flaw == FLAW_VALUE && view.user_disable && !engine_value(&verdict->engine))
		rules |= 1U << RULE_USER_DISABLE;
	/* A pseudo counter that VMware has not, not another ECX for one that it has. */
	if (verdict->flaw == FLAW_VALUE_FOR_FAULT && inputs->decoded.policy.vmware_backdoor &&
	    inputs->decoded.state.regs.rcx >> 16 == 1)
		rules |= 1U << RULE_VMWARE_PMC;
	/* No rule on what may be read ends in #UD. */
	if (verdict->flaw >= FLAW_ANSWER || verdict->flaw == FLAW_VALUE_FOR_FAULT ||
	    verdict->engine.answer == ANSWER_UD)
		rules |= 1U << result;
	if (verdict->flaw == FLAW_REGISTERS && decision->yes >> RULE_LENGTH & 1 &&
	    verdict->engine.regs.rip != verdict->model.regs.rip)
		rules |= 1U << RULE_LENGTH;
	if (verdict->engine.single_step != verdict->model.single_step)
		rules |= 1U << RULE_SINGLE_STEP;
	if (verdict->flaw == FLAW_FAULT_FOR_VALUE && decision->class == CLASS_METRICS)
		rules |= 1U << RULE_TYPE_METRICS;
	if (verdict->flaw == FLAW_COUNTERS || decision->rule == RULE_METRICS_VALUE)
		rules |= 1U << RULE_METRICS_CLEAR;
	if (view.vendor != RDPMC_AMD)
		return rules;
	if (verdict->flaw == FLAW_VALUE)
		rules |= 1U << RULE_AMD_WIDTH;
	/* A core counter that is not there, not another ECX for one that is. */
	if (verdict->flaw == FLAW_VALUE_FOR_FAULT && inputs->decoded.state.regs.rcx < RDPMC_MAX_GP)
		rules |= 1U << RULE_AMD_CORE;
	return rules;
}
