/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RDPMC intercept: when it may be off, and which reads exit while it is on. Reasoned from what
 * each PMU lets be read, class of ECX by class; a hypervisor's own comparisons are what is judged.
 */
#ifndef MODEL_INTERCEPT_H
#define MODEL_INTERCEPT_H

#include "model/rdpmc.h"

/* What stands against a cleared intercept. */
enum rdpmc_obstacle {
	OBSTACLE_NONE,
	OBSTACLE_VMWARE,       /* the processor does not know the pseudo counters */
	OBSTACLE_NOT_MEDIATED, /* the processor's counters are not the guest's */
	OBSTACLE_READABLE,     /* one can be read here and not there */
	OBSTACLE_WIDTH,        /* it has other bits here than there */
	OBSTACLE_CLEAR,        /* the guest can ask for METRICS-CLEAR, the processor has none */
	OBSTACLE_USER_DISABLE, /* the guest can ask for USER-DISABLE, the processor has none */
	NR_OBSTACLES
};

struct rdpmc_pass {
	uint8_t obstacle; /* enum rdpmc_obstacle; the intercept may be off if none */
	uint8_t class;    /* enum rdpmc_class of an ECX that shows it, where there is one */
	uint8_t index;
};

/*
 * PASS-SOUND. A control bit that the guest's PMU does not have is reserved to the guest, so a
 * processor that could do more (clear mode, user disable) is never asked to.
 */
struct rdpmc_pass rdpmc_may_pass(const struct rdpmc_view *host, const struct rdpmc_view *guest,
				 const struct rdpmc_policy *policy);

/*
 * VMX-PRIORITY, SVM-PRIORITY: does an intercepted read exit, or does the processor fault first?
 * @processor is the decision by the host's view and without the hypervisor's policy; the rule asked
 * is noted in it.
 */
bool rdpmc_exits(enum rdpmc_vendor host, struct rdpmc_decision *processor);

#endif
