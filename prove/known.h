/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Known differences in a proof, as prove-known prints them; an engine of which none are known has known_none.c. */
#ifndef PROVE_KNOWN_H
#define PROVE_KNOWN_H

#include "fuzz/oracle/known/known.h"

/* Bits by the differences' numbers. */
struct prove_known {
	uint64_t as;           /* that changed the world */
	uint64_t may_complain; /* that allow a complaint */
	uint64_t may_be_any;   /* that allow any answer */
};

/* Make of @world the one whose processor the engine is known to be. */
struct prove_known prove_known(struct known_world *world);

/* The differences that allow a complaint: @what, of @file or NULL. */
uint64_t prove_known_allows(const char *what, const char *file);

/* The same of what the engine complained of in its last read, asked when it did: then it is a constant. */
uint64_t prove_allowed(void);

/* A property each: is there a case that difference i of @met explains? */
void prove_known_witnesses(uint64_t met);

#endif
