// SPDX-License-Identifier: GPL-2.0-or-later
/* An engine of which no difference is known. */
#include "prove/known.h"

struct prove_known prove_known(struct known_world *world)
{
	(void)world;
	return (struct prove_known){ 0 };
}

uint64_t prove_known_allows(const char *what, const char *file)
{
	(void)what;
	(void)file;
	return 0;
}

uint64_t prove_allowed(void)
{
	return 0;
}

void prove_known_witnesses(uint64_t met)
{
	(void)met;
}
