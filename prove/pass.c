// SPDX-License-Identifier: GPL-2.0-or-later
/* PASS-SOUND by its definition: the read executed by the guest's rules and by the host's. */
#include "prove/prove.h"

#include <string.h>

void prove_reserve(const struct rdpmc_view *guest, struct rdpmc_counters *counters)
{
	if (!guest->metrics_clear)
		counters->fixed_ctr_ctrl &= ~RDPMC_FIXED_CTRL_METRICS_CLEAR;
	if (guest->user_disable)
		return;
	counters->gp_user_disable = 0;
	for (unsigned int x = 0; x < RDPMC_FIXED_CTRL_COUNTERS; x++)
		counters->fixed_ctr_ctrl &= ~RDPMC_FIXED_CTRL_USER_DISABLE(x);
}

bool prove_shows(const struct prove_pass *pass)
{
	static const struct rdpmc_policy none;
	struct rdpmc_counters ours = pass->counters;
	struct rdpmc_counters theirs = pass->policy.mediated_pmu ? pass->counters : pass->strangers;
	struct rdpmc_outcome due, shown;

	due = rdpmc_execute(&pass->guest, &pass->policy, &pass->state, &ours);
	shown = rdpmc_execute(&pass->host, &none, &pass->state, &theirs);
	if (shown.decision.answer != due.decision.answer)
		return true;
	if (due.decision.answer != ANSWER_VALUE)
		return false;
	/* A counter of another class is another counter, though it should hold the same. */
	if (shown.decision.class != due.decision.class || shown.value != due.value)
		return true;
	return shown.decision.clears != due.decision.clears;
}

/* The ECX that reads counter @index of @class. */
static uint32_t ecx_of(enum rdpmc_class class, unsigned int index)
{
	switch (class) {
	case CLASS_NONE:
		return 0x60000000; /* no counter of anybody's */
	case CLASS_FIXED:
		return 0x40000000 + index;
	case CLASS_METRICS:
		return 0x20000000 + index;
	case CLASS_OLD_FAST:
		return 0x80000000 + index;
	case CLASS_AMD_NB_MORE:
		return RDPMC_AMD_NB_MORE_FIRST + index;
	case CLASS_VMWARE:
		return RDPMC_VMWARE_FIRST + index;
	default:
		return index;
	}
}

/* The ECX of a guest's counter that has any bits; @hideable: and can be hidden from user mode. */
static uint32_t ecx_observable(const struct rdpmc_view *guest, bool hideable)
{
	for (enum rdpmc_class class = CLASS_GP; class < NR_CLASSES; class ++) {
		uint64_t observable = guest->width[class] ? guest->readable[class] : 0;

		if (hideable && class == CLASS_FIXED)
			observable &= (1U << RDPMC_FIXED_CTRL_COUNTERS) - 1;
		if (observable && !(hideable && class == CLASS_METRICS && !guest->metrics_hide))
			return ecx_of(class, (unsigned int)__builtin_ctzll(observable));
	}
	return 0;
}

void prove_show(struct prove_pass *pass, struct rdpmc_pass obstacle)
{
	uint32_t ecx = ecx_of(obstacle.class, obstacle.index);

	pass->state = (struct rdpmc_state){
		.mode = MODE_64BIT,
		.cr0 = RDPMC_CR0_PE,
		.cr4 = RDPMC_CR4_PCE,
		.cpl = obstacle.obstacle == OBSTACLE_USER_DISABLE ? 3 : 0,
	};
	memset(&pass->counters, 0xff, sizeof(pass->counters));
	pass->counters.gp_user_disable = 0;
	pass->counters.fixed_ctr_ctrl = 0;
	switch (obstacle.obstacle) {
	case OBSTACLE_CLEAR:
		ecx = ecx_of(CLASS_METRICS, 0);
		pass->counters.fixed_ctr_ctrl = RDPMC_FIXED_CTRL_METRICS_CLEAR;
		break;
	case OBSTACLE_USER_DISABLE:
		ecx = ecx_observable(&pass->guest, true);
		pass->counters.gp_user_disable = ~0U;
		for (unsigned int x = 0; x < RDPMC_FIXED_CTRL_COUNTERS; x++)
			pass->counters.fixed_ctr_ctrl |= RDPMC_FIXED_CTRL_USER_DISABLE(x);
		break;
	case OBSTACLE_NOT_MEDIATED:
		ecx = ecx_observable(&pass->guest, false);
		break;
	default:
		break;
	}
	pass->state.regs.rcx = ecx;
	prove_reserve(&pass->guest, &pass->counters);
	pass->strangers = pass->counters;
	if (obstacle.obstacle == OBSTACLE_NOT_MEDIATED)
		memset(&pass->strangers, 0, sizeof(pass->strangers));
}
