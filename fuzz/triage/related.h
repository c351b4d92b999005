/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Are two cases two sights of one defect? From outside that cannot be known. What can be tried: to
 * turn one into the other, a field or two at a time, with one of their two differences always there
 * (the rule, and what each side answers, count; the entry does not). Where that is possible
 * they are told as one finding; a second mistake that hides behind a first this way shows once the
 * first is mended.
 */
#ifndef FUZZ_RELATED_H
#define FUZZ_RELATED_H

#include "fuzz/oracle/trial.h"

/* Each of @from and @to, of these sizes, shows something new to @trial. */
bool related(struct trial *trial, const uint8_t *from, size_t from_size, const uint8_t *to,
	     size_t to_size);

#endif
