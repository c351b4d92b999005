/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person can do about a host: what disturbs a measurement there, and what prevents a setting. */
#ifndef HOST_ADVISE_H
#define HOST_ADVISE_H

#include <stdbool.h>
#include <stddef.h>

#include "host/setting.h"

enum advice_level { ADVICE_GOOD, ADVICE_NOTE, ADVICE_DISTURBS, ADVICE_PREVENTS };

struct advice {
	enum advice_level level;
	char what[160];    /* one line: what was found */
	char command[160]; /* what would change it; empty where nothing can or need be done */
	bool takes_pmu;    /* KVM creates no guest with a mediated PMU beside it */
	bool no_guest;     /* ... and no guest at all */
};

#define ADVICE_MAX 32 /* context_advise() never has more to say */

/*
 * What here disturbs a measurement or prevents a setting; one entry for each thing looked at, the
 * good ones too. Changes nothing. Returns the number of entries, at most @max.
 */
size_t context_advise(const char *root, const struct setting_host *host, struct advice *advice,
		      size_t max);

#endif
