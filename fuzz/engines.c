// SPDX-License-Identifier: GPL-2.0-or-later
/* The engines by name. */
#include <string.h>

#include "fuzz/engine.h"

extern const struct engine engine_emulator;

const struct engine *const engines[] = { &engine_emulator, NULL };

const struct engine *engine_find(const char *name)
{
	for (size_t i = 0; engines[i]; i++)
		if (!strcmp(engines[i]->name, name))
			return engines[i];
	return NULL;
}

const char *entry_name(enum entry entry)
{
	static const char *const names[NR_ENTRIES] = { "exit", "emulator" };

	return names[entry];
}
