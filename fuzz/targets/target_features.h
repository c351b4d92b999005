/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counts as new to libFuzzer beside code: the features of the last case that was tried. */
#ifndef FUZZ_TARGET_FEATURES_H
#define FUZZ_TARGET_FEATURES_H

#include "fuzz/oracle/trial.h"

void target_features(const struct trial *trial, const struct rdpmc_case *decoded);

#endif
