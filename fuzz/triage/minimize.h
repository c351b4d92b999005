/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest case that shows the same finding. */
#ifndef FUZZ_MINIMIZE_H
#define FUZZ_MINIMIZE_H

#include "fuzz/oracle/trial.h"

/*
 * Make @data, @size bytes that @trial finds something in, as small and as plain as it can be with
 * finding_alike() still true: fewer steps, then fields at 0 or at what is common, then fewer bits.
 * Returns the new size; @finding is that of the result. Nothing found: returns @size, changes
 * nothing.
 */
size_t minimize(struct trial *trial, uint8_t *data, size_t size, struct finding *finding);

#endif
