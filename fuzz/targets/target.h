/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fuzz target, for a main() of our own: what its cases have shown. */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include "fuzz/oracle/tally.h"

const struct tally *target_tally(void);

#endif
