// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose an RDPMC of L2's is, and what L2 sees. */
#include "model/nested/nested.h"

#include "model/intercept.h"

#define RULE_TEXT(name, id, text, source) { id, text, source },
const struct rdpmc_rule_text rdpmc_nested_rules[NR_NESTED_RULES] = { RDPMC_NESTED_RULES(
	RULE_TEXT) };

/* On a copy: rdpmc_exits() notes what it asked. */
static bool exits(enum rdpmc_vendor vendor, bool intercepted, struct rdpmc_decision decision)
{
	return intercepted && rdpmc_exits(vendor, &decision);
}

struct rdpmc_nested rdpmc_nested(enum rdpmc_vendor vendor, bool l0_intercepts, bool l1_intercepts,
				 const struct rdpmc_decision *l1_cpu,
				 const struct rdpmc_decision *cpu)
{
	struct rdpmc_nested nested = { .answer = l1_cpu->answer };

	if (exits(vendor, l1_intercepts, *l1_cpu)) {
		nested.rule = NESTED_L1_FIRST;
		nested.exits_to = LEVEL_L1;
		return nested;
	}
	nested.rule = l1_intercepts ? NESTED_L1_PRIORITY : NESTED_L1_VIEW;
	/* L1's intercept is the processor's as well: L0 gets that exit, too, and has to see that it is not L1's. */
	nested.exits_to = exits(vendor, l0_intercepts || l1_intercepts, *cpu) ? LEVEL_L0 : LEVEL_L2;
	return nested;
}
