// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz/known.h"
#include <stddef.h>
uint64_t known_explain(struct known *known, const struct known_question *question)
{
	(void)known; (void)question;
	return 0;
}
