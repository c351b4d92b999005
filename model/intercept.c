// SPDX-License-Identifier: GPL-2.0-or-later
/* May the intercept be off, and what exits while it is on. */
#include "model/intercept.h"

/* The readable counters of @class that can be told from one another: those of no width read 0. */
static uint64_t observable(const struct rdpmc_view *view, enum rdpmc_class class)
{
	return view->width[class] ? view->readable[class] : 0;
}

static bool reads_anything(const struct rdpmc_view *view)
{
	uint64_t counters = 0;

	for (int class = 0; class < NR_CLASSES; class ++)
		counters |= observable(view, class);
	return counters;
}

/* Has the guest a counter that USER-DISABLE can hide? */
static bool can_hide(const struct rdpmc_view *guest)
{
	uint64_t hidden = observable(guest, CLASS_GP);

	hidden |= observable(guest, CLASS_FIXED) & ((1U << RDPMC_FIXED_CTRL_COUNTERS) - 1);
	if (guest->metrics_hide)
		hidden |= observable(guest, CLASS_METRICS);
	return guest->user_disable && hidden;
}

struct rdpmc_pass rdpmc_may_pass(const struct rdpmc_view *host, const struct rdpmc_view *guest,
				 const struct rdpmc_policy *policy)
{
	struct rdpmc_pass pass = { 0 };
	uint64_t differ;

	if (policy->vmware_backdoor && !guest->no_vmware) {
		pass.obstacle = OBSTACLE_VMWARE;
		pass.class = CLASS_VMWARE;
		return pass;
	}
	/* No counter of the guest's can be another's if it has none that can be told. */
	if (!policy->mediated_pmu && reads_anything(guest)) {
		pass.obstacle = OBSTACLE_NOT_MEDIATED;
		return pass;
	}
	for (uint8_t class = 0; class < NR_CLASSES; class ++) {
		pass.class = class;
		differ = host->readable[class] ^ guest->readable[class];
		if (differ) {
			pass.obstacle = OBSTACLE_READABLE;
			pass.index = (uint8_t)__builtin_ctzll(differ);
			return pass;
		}
		if (guest->readable[class] && host->width[class] != guest->width[class]) {
			pass.obstacle = OBSTACLE_WIDTH;
			pass.index = (uint8_t)__builtin_ctzll(guest->readable[class]);
			return pass;
		}
	}
	pass.class = CLASS_NONE;
	if (guest->readable[CLASS_METRICS] && guest->metrics_clear && !host->metrics_clear)
		pass.obstacle = OBSTACLE_CLEAR;
	else if (can_hide(guest) && !host->user_disable)
		pass.obstacle = OBSTACLE_USER_DISABLE;
	return pass;
}

bool rdpmc_exits(enum rdpmc_vendor host, struct rdpmc_decision *processor)
{
	bool first;

	if (host == RDPMC_AMD) {
		first = processor->answer != ANSWER_VALUE;
		rdpmc_ask(processor, RULE_SVM_PRIORITY, first);
	} else {
		first = processor->rule == RULE_UD_LOCK || processor->rule == RULE_PRIV;
		rdpmc_ask(processor, RULE_VMX_PRIORITY, first);
	}
	return !first;
}
