// SPDX-License-Identifier: GPL-2.0-or-later
/* The engines by name. */
#include <dlfcn.h>
#include <string.h>

#include "fuzz/engine.h"

extern const struct engine engine_emulator;

const struct engine *const engines[] = { &engine_emulator, NULL };

static const struct engine *engine_load(const char *path, const char **why)
{
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct engine *engine = object ? dlsym(object, "rdpmc_engine") : NULL;

	if (!engine) {
		*why = dlerror();
		return NULL;
	}
	if (engine->abi == ENGINE_ABI)
		return engine; /* stays loaded as long as the program runs */
	*why = "made for another version of this program";
	return NULL;
}

const struct engine *engine_find(const char *name, const char **why)
{
	if (strchr(name, '/'))
		return engine_load(name, why);
	for (size_t i = 0; engines[i]; i++)
		if (!strcmp(engines[i]->name, name))
			return engines[i];
	*why = "there is no such engine";
	return NULL;
}

const char *entry_name(enum entry entry)
{
	static const char *const names[NR_ENTRIES] = { "exit", "emulator" };

	return names[entry];
}
