// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff engines: what can be put on trial here. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/command.h"

#define COLUMNS 96
#define INDENT  13

static const struct argp engines_argp = {
	.doc = "List the engines: name, entries, what each is, what its code has and lacks; or why "
	       "one cannot run here. Kernels are those in kernel/ beside the program.",
};

/* The names of the features that are there, or are not, on as few lines as they take. */
static void tell_features(const struct engine *engine, bool there)
{
	int column = 0;

	for (const struct engine_feature *at = engine->features; at && at->name; at++) {
		int length = (int)strlen(at->name);

		if (at->there != there)
			continue;
		if (!column || column + 1 + length > COLUMNS)
			column = printf("%s%*s%s", column ? "\n" : "", INDENT, "",
					column  ? "        "
					: there ? "has     "
						: "lacks   ") -
				 !!column;
		column += printf(" %s", at->name);
	}
	if (column)
		printf("\n");
}

static void tell(const char *name, const struct engine *engine)
{
	const char *why = NULL;
	struct engine_vcpu *vcpu = engine->create(&why);
	const unsigned int entries = vcpu && engine->has ? engine->has(vcpu) : engine->entries;

	printf("%-12s entries:", name);
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		if (entries & 1U << entry)
			printf(" %s", entry_name(entry));
	printf("; %s", engine->what);
	if (!vcpu)
		printf(" (not here: %s)", why);
	else
		engine->destroy(vcpu);
	printf("\n");
	tell_features(engine, true);
	tell_features(engine, false);
}

static int is_object(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return end && end != entry->d_name && !strcmp(end, ".so");
}

static void tell_kernel(const char *file)
{
	char name[sizeof(KERNEL_ENGINE) + NAME_MAX];
	const struct engine *engine;
	const char *why;

	snprintf(name, sizeof(name), "%s%.*s", KERNEL_ENGINE, (int)(strlen(file) - strlen(".so")),
		 file);
	engine = engine_find(name, &why);
	if (engine)
		tell(name, engine);
	else
		printf("%-12s (not here: %s)\n", name, why);
}

int command_engines(int argc, char **argv)
{
	char directory[PATH_MAX];
	struct dirent **files;
	int n = -1;

	command_parse(&engines_argp, argc, argv, NULL);
	for (size_t i = 0; engines[i]; i++)
		tell(engines[i]->name, engines[i]);
	if (!engine_kernels(directory, sizeof(directory)))
		n = scandir(directory, &files, is_object, versionsort);
	for (int i = 0; i < n; i++) {
		tell_kernel(files[i]->d_name);
		free(files[i]);
	}
	if (n >= 0)
		free(files);
	else
		printf("no kernels: `make kernel-engine KDIR=...` makes one of a tree\n");
	return EXIT_GOOD;
}
