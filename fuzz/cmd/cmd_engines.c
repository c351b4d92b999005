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

static const struct argp_option engines_options[] = {
	{ "verbose", 'v', NULL, 0, "Also the features that each one's code has and lacks", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	bool *verbose = state->input;

	(void)arg;
	if (key != 'v')
		return ARGP_ERR_UNKNOWN;
	*verbose = true;
	return 0;
}

static const struct argp engines_argp = {
	.options = engines_options,
	.parser = parse,
	.doc = "List the engines: name, entries, what each is; or why one cannot run here. Kernels "
	       "are those in kernel/ beside the program.",
};

struct list {
	FILE *out;
	bool verbose;
	unsigned int all, here; /* of those that were printed, how many can run */
};

/* The names of the features that are there, or are not, on as few lines as they take. */
static void print_features(FILE *out, const struct engine *engine, bool there)
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
		text_wrap(out, there ? LABEL "has" : LABEL "lacks", INDENT, TEXT_COLUMNS, names);
	free(names);
}

static void print_engine(struct list *list, const char *name, const struct engine *engine)
{
	const char *why = NULL;
	struct engine_vcpu *vcpu = engine->create(&why);
	const unsigned int entries = vcpu && engine->has ? engine->has(vcpu) : engine->entries;

	list->all++;
	list->here += !!vcpu;
	fprintf(list->out, "%-12s entries:", name);
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		if (entries & 1U << entry)
			fprintf(list->out, " %s", entry_name(entry));
	fprintf(list->out, "; %s", engine->what);
	if (!vcpu)
		fprintf(list->out, " (cannot run here: %s)", why);
	else
		engine->destroy(vcpu);
	fputc('\n', list->out);
	if (!list->verbose)
		return;
	print_features(list->out, engine, true);
	print_features(list->out, engine, false);
}

static int is_object(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return end && end != entry->d_name && !strcmp(end, ".so");
}

static void print_kernel(struct list *list, const char *file)
{
	char name[sizeof(KERNEL_ENGINE) + NAME_MAX];
	const struct engine *engine;
	const char *why;

	snprintf(name, sizeof(name), "%s%.*s", KERNEL_ENGINE, (int)(strlen(file) - strlen(".so")),
		 file);
	engine = engine_find(name, &why);
	if (engine) {
		print_engine(list, name, engine);
		return;
	}
	list->all++;
	fprintf(list->out, "%-12s (cannot run here: %s)\n", name, why);
}

int command_engines(int argc, char **argv)
{
	char directory[PATH_MAX];
	struct dirent **files;
	struct list list = { 0 };
	char *text = NULL;
	size_t size;
	int n = -1;

	command_parse(&engines_argp, &(struct command_shared){ 0 }, argc, argv, &list.verbose);
	list.out = open_memstream(&text, &size);
	if (!list.out)
		command_die("out of memory");
	for (size_t i = 0; engines[i]; i++)
		print_engine(&list, engines[i]->name, engines[i]);
	if (!engine_kernels(directory, sizeof(directory)))
		n = scandir(directory, &files, is_object, versionsort);
	for (int i = 0; i < n; i++) {
		print_kernel(&list, files[i]->d_name);
		free(files[i]);
	}
	if (n >= 0)
		free(files);
	else
		fprintf(list.out,
			"no kernels: `make kernel-engine KDIR=...` builds one from a tree\n");
	fclose(list.out);
	printf("%u of %u engines can run here\n%s", list.here, list.all, text);
	free(text);
	return EXIT_GOOD;
}
