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
	held = holds(vcpu, &after);
	verdict.flaw = flaw_of(&verdict.model, &verdict.engine, held);
	verdict.guest = guest;
	planted = verdict.engine;
	planted.regs.rax ^= (uint32_t)state->regs.rcx == PROVE_PLANTED &&
			    planted.answer == ANSWER_VALUE;
	verdict.planted = flaw_of(&verdict.model, &planted, held);
	proved->destroy(vcpu);
	return verdict;
}

enum intercept prove_intercepts(const struct prove_inputs *inputs, struct rdpmc_pmu *guest,
				struct rdpmc_pmu *host, struct rdpmc_policy *policy)
{
	const char *why;
	struct engine_vcpu *vcpu = proved->create(&why);
	enum intercept intercept;

	*guest = inputs->decoded.guest;
	*host = inputs->decoded.host;
	*policy = inputs->decoded.policy;
	proved->offer(vcpu, guest, host, policy);
	proved->begin(vcpu, guest, host, policy);
	intercept = proved->intercepts(vcpu);
	proved->destroy(vcpu);
	return intercept;
}
