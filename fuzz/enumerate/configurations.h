/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What surveys go through: a guest's PMU, the host's, the policy, what the counters hold. */
#ifndef FUZZ_CONFIGURATIONS_H
#define FUZZ_CONFIGURATIONS_H

#include "fuzz/case/case.h"

struct configuration {
	const char *name, *what;
	struct rdpmc_pmu guest;
	const struct rdpmc_pmu *host; /* NULL: as the guest's */
	struct rdpmc_policy policy;
	uint64_t fixed_ctr_ctrl;
	uint32_t gp_user_disable;
};

extern const struct configuration configurations[];
extern const size_t nr_configurations;

/* NULL where there is none of that name. */
const struct configuration *configuration_find(const char *name);

/* The case that it makes, without steps; the state is for others to choose. */
void configuration_case(const struct configuration *configuration, struct rdpmc_case *made);

#endif
