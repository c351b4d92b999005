// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules' texts. */
#include "model/rules.h"

#define RULE_TEXT(name, id, text, source) { id, text, source },
const struct rdpmc_rule_text rdpmc_rules[NR_RULES] = { RDPMC_RULES(RULE_TEXT) };
