// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff engines: what can be put on trial here. */
#include <stdio.h>

#include "fuzz/command.h"

static const struct argp engines_argp = {
	.doc = "List the engines: name, entries, what each is; or why one cannot run here.",
};

int command_engines(int argc, char **argv)
{
	command_parse(&engines_argp, argc, argv, NULL);
	for (size_t i = 0; engines[i]; i++) {
		const char *why = NULL;
		struct engine_vcpu *vcpu = engines[i]->create(&why);

		printf("%-12s entries:", engines[i]->name);
		for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
			if (engines[i]->entries & 1U << entry)
				printf(" %s", entry_name(entry));
		printf("; %s", engines[i]->what);
		if (!vcpu)
			printf(" (not here: %s)", why);
		else
			engines[i]->destroy(vcpu);
		printf("\n");
	}
	return EXIT_GOOD;
}
