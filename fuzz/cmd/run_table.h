/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engines of a run as a table. */
#ifndef FUZZ_RUN_TABLE_H
#define FUZZ_RUN_TABLE_H

#include "fuzz/oracle/tally.h"

/* What came of an engine. */
struct ran {
	const char *name;   /* NULL: there is one engine */
	const char *absent; /* why it cannot run here; NULL: it ran */
	struct tally tally;
	uint64_t found; /* cases */
};

/* An engine a row: its cases, those with a finding, and its reads by each entry by verdict. */
void run_table(const struct ran *ran, unsigned int n);

#endif
