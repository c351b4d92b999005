// SPDX-License-Identifier: GPL-2.0-or-later
/* The choices' names and places. */
#include "fuzz/oracle/choices.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
} list[NR_CHOICES] = {
	{ "metrics-any-index", offsetof(struct rdpmc_choices, metrics_any_index) },
	{ "user-disable-metrics", offsetof(struct rdpmc_choices, user_disable_metrics) },
	{ "vmware-needs-pmu", offsetof(struct rdpmc_choices, vmware_needs_pmu) },
	{ "no-pmu-zero", offsetof(struct rdpmc_choices, no_pmu_zero) },
	{ "metrics-level-1", offsetof(struct rdpmc_choices, metrics_level_1) },
	{ "leaf23-replaces", offsetof(struct rdpmc_choices, leaf23_replaces) },
	{ "amd-l2i", offsetof(struct rdpmc_choices, amd_l2i) },
};

_Static_assert(sizeof(struct rdpmc_choices) == NR_CHOICES * sizeof(bool), "each has its name");

const char *choice_name(unsigned int choice)
{
	return list[choice].name;
}

bool *choice_of(struct rdpmc_choices *choices, unsigned int choice)
{
	return (bool *)((char *)choices + list[choice].offset);
}

const char *choices_text(const struct rdpmc_choices *choices, char *text)
{
	struct rdpmc_choices made = *choices;

	text[0] = '\0';
	for (unsigned int i = 0; i < NR_CHOICES; i++)
		if (*choice_of(&made, i))
			sprintf(text + strlen(text), "%s%s", text[0] ? "," : "", list[i].name);
	return text[0] ? text : strcpy(text, "none");
}
