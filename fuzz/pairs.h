/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The intercept decision for every pair of a bounded space of PMUs, as the host's and as the
 * guest's, under every policy. What is true comes from executing, not from comparing PMUs: RDPMC is
 * let run under both views, for representatives of ECX, at each privilege, for each setting of the
 * control bits that the guest may make.
 */
#ifndef FUZZ_PAIRS_H
#define FUZZ_PAIRS_H

#include "fuzz/sweep.h"

/* The PMUs of both vendors; every @every-th of them (1: all). The list is the caller's to free. */
struct rdpmc_pmu *pairs_space(unsigned int every, size_t *count);

/*
 * All pairs under all policies. Mismatches are an intercept that is off where outcomes differ, and
 * pairs where rdpmc_may_pass() is not what executing shows (result->self).
 */
int pairs_sweep(const struct sweep *sweep, const struct rdpmc_pmu *pmus, size_t count,
		struct sweep_result *result, const char **why);

#endif
