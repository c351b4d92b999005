// SPDX-License-Identifier: GPL-2.0-or-later
/* One RDPMC from state to state. */
#include "model/rdpmc.h"

struct rdpmc_decision rdpmc_decide_bare(const struct rdpmc_view *processor,
					const struct rdpmc_counters *counters,
					const struct rdpmc_state *state)
{
	static const struct rdpmc_policy none = { 0 };

	return rdpmc_decide(processor, &none, counters, state);
}

struct rdpmc_outcome rdpmc_execute(const struct rdpmc_view *view, const struct rdpmc_policy *policy,
				   const struct rdpmc_state *state, struct rdpmc_counters *counters)
{
	struct rdpmc_outcome outcome;

	outcome.decision = rdpmc_decide(view, policy, counters, state);
	outcome.value = rdpmc_value(&outcome.decision, counters);
	outcome.regs = rdpmc_result(&outcome.decision, state, outcome.value);
	outcome.single_step = rdpmc_single_step(&outcome.decision, state);
	rdpmc_effects(&outcome.decision, counters);
	return outcome;
}
