/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A case under way: what of it the engine was given, and the model's state. */
#ifndef FUZZ_ORACLE_RUN_H
#define FUZZ_ORACLE_RUN_H

#include "fuzz/engines/engine.h"
#include "fuzz/oracle/known/known.h"

struct trial;
struct finding;

struct trial_run {
	struct trial *trial;
	const struct engine *engine; /* this and the next three are the trial's */
	struct engine_vcpu *vcpu;
	struct known *known;
	const struct rdpmc_choices *choices;
	const struct rdpmc_case *decoded;
	struct rdpmc_state state; /* may be changed between reads */
	bool moved;               /* the state is not the one that was asked for */
	struct rdpmc_policy policy;
	struct rdpmc_pmu offered;   /* the guest's, as the engine can give it */
	struct rdpmc_pmu processor; /* the host's */
	bool reduced;               /* offered is less than the case asks for */
	struct rdpmc_view guest, host;
	struct rdpmc_counters counters; /* the model's */
	unsigned int n_gp, n_fixed;
	struct finding *finding;
};

#endif
