// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff engines: the engines that can be tested here. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/cmd/command.h"
#include "lib/text.h"

#define LABEL  "             "
#define INDENT 22

static const struct argp engines_argp = {
	.doc = "List the engines: name, entries, what each is, what its code has and lacks; or why "
	       "one cannot run here. Kernels are those in kernel/ beside the program.",
};

/* The names of the features that are there, or are not, on as few lines as they take. */
static void print_features(const struct engine *engine, bool there)
{
	char *names = NULL;
	size_t size;
	FILE *list = open_memstream(&names, &size);

	if (!list)
		return;
	for (const struct engine_feature *at = engine->features; at && at->name; at++)
		if (at->there == there)
			fprintf(list, "%s ", at->name);
	if (!fclose(list) && size)
		text_wrap(stdout, there ? LABEL "has" : LABEL "lacks", INDENT, TEXT_COLUMNS, names);
	free(names);
}

static void print_engine(const char *name, const struct engine *engine)
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
	print_features(engine, true);
	print_features(engine, false);
}

static int is_object(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return end && end != entry->d_name && !strcmp(end, ".so");
}

static void print_kernel(const char *file)
{
	char name[sizeof(KERNEL_ENGINE) + NAME_MAX];
	const struct engine *engine;
	const char *why;

	snprintf(name, sizeof(name), "%s%.*s", KERNEL_ENGINE, (int)(strlen(file) - strlen(".so")),
		 file);
	engine = engine_find(name, &why);
	if (engine)
		print_engine(name, engine);
	else
		printf("%-12s (not here: %s)\n", name, why);
}

int command_engines(int argc, char **argv)
{
	char directory[PATH_MAX];
	struct dirent **files;
	int n = -1;

	command_parse(&engines_argp, &(struct command_shared){ 0 }, argc, argv, NULL);
	for (size_t i = 0; engines[i]; i++)
		print_engine(engines[i]->name, engines[i]);
	if (!engine_kernels(directory, sizeof(directory)))
		n = scandir(directory, &files, is_object, versionsort);
	for (int i = 0; i < n; i++) {
		print_kernel(files[i]->d_name);
		free(files[i]);
	}
	if (n >= 0)
		free(files);
	else
		printf("no kernels: `make kernel-engine KDIR=...` makes one of a tree\n");
	return EXIT_GOOD;
}
