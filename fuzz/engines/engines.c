// SPDX-License-Identifier: GPL-2.0-or-later
/* The engines by name. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/engines/engine.h"

extern const struct engine engine_emulator;
/* Only in programs that have host/, too. */
extern const struct engine engine_kvm __attribute__((weak));

const struct engine *const engines[] = { &engine_emulator, &engine_kvm, NULL };

/* An engine that executes nothing would agree with everything. */
static bool complete(const struct engine *engine)
{
	return engine->name && engine->what && engine->entries &&
	       !(engine->entries >> NR_ENTRIES) && engine->create && engine->destroy &&
	       engine->clamp && engine->begin && engine->load && engine->write && engine->read &&
	       engine->holds && engine->counters && engine->intercepts;
}

static const struct engine *engine_load(const char *path, const char **why)
{
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct engine *engine = object ? dlsym(object, "rdpmc_engine") : NULL;

	if (!engine) {
		/* Whoever asks says the path. */
		*why = dlerror();
		if (!strncmp(*why, path, strlen(path)) && (*why)[strlen(path)] == ':')
			*why += strlen(path) + 2;
		return NULL;
	}
	*why = "made for another version of this program: make it again";
	if (engine->abi != ENGINE_ABI)
		return NULL;
	*why = "it lacks a name, an entry or a function";
	return complete(engine) ? engine : NULL; /* stays loaded as long as the program runs */
}

int engine_program(char *directory, size_t size)
{
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program));

	while (length > 0 && program[length - 1] != '/')
		length--;
	if (length <= 0 || (size_t)length >= size)
		return -1;
	snprintf(directory, size, "%.*s", (int)length, program);
	return 0;
}

int engine_kernels(char *directory, size_t size)
{
	char program[PATH_MAX];

	if (engine_program(program, sizeof(program)))
		return -1;
	return (size_t)snprintf(directory, size, "%skernel", program) < size ? 0 : -1;
}

static const struct engine *kernel_load(const char *name, const char **why)
{
	static char text[PATH_MAX + 100];
	char directory[PATH_MAX], path[2 * PATH_MAX];

	*why = "the directory of this program cannot be found";
	if (engine_kernels(directory, sizeof(directory)))
		return NULL;
	snprintf(path, sizeof(path), "%s/%s.so", directory, name);
	if (access(path, R_OK)) {
		snprintf(text, sizeof(text),
			 "it is not in %s; `make kernel-engine KDIR=...` makes it", directory);
		*why = text;
		return NULL;
	}
	return engine_load(path, why);
}

const struct engine *engine_find(const char *name, const char **why)
{
	if (strchr(name, '/'))
		return engine_load(name, why);
	if (!strncmp(name, KERNEL_ENGINE, strlen(KERNEL_ENGINE)))
		return kernel_load(name + strlen(KERNEL_ENGINE), why);
	for (size_t i = 0; engines[i]; i++)
		if (!strcmp(engines[i]->name, name))
			return engines[i];
	*why = "there is no such engine";
	return NULL;
}

const char *entry_name(enum entry entry)
{
	static const char *const names[NR_ENTRIES] = { "exit", "emulator", "plain" };

	return names[entry];
}
