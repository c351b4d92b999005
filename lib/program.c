// SPDX-License-Identifier: GPL-2.0-or-later
/* A program of subcommands. */
#include "lib/program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program_name;

/* What is printed last may meet a full disk too. */
static void close_stdout(void)
{
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "%s: standard output: %s\n", program_name, strerror(errno));
		_exit(EXIT_USAGE);
	}
}

static void usage(FILE *out, const struct program *program)
{
	fprintf(out, "Usage: %s COMMAND [OPTION...]\n%s\n\n", program->name, program->purpose);
	for (size_t i = 0; i < program->n; i++)
		fprintf(out, "  %-9s %s\n", program->commands[i].name,
			program->commands[i].summary);
	fprintf(out, "\n%s COMMAND --help tells the options of one; --version the version.\n",
		program->name);
}

static bool is_one_of(const char *word, const char *const words[])
{
	while (*words && strcmp(word, *words))
		words++;
	return *words;
}

int program_main(const struct program *program, int argc, char **argv)
{
	static const char *const help[] = { "--help", "-?", "-h", "help", NULL };
	static const char *const version[] = { "--version", "-V", NULL };
	char name[64];

	program_name = program->name;
	atexit(close_stdout);
	if (argc < 2) {
		usage(stderr, program);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < program->n; i++) {
		if (strcmp(argv[1], program->commands[i].name))
			continue;
		snprintf(name, sizeof(name), "%s %s", program->name, argv[1]);
		argv[1] = name;
		return program->commands[i].run(argc - 1, argv + 1);
	}
	if (is_one_of(argv[1], help)) {
		usage(stdout, program);
		return EXIT_GOOD;
	}
	if (is_one_of(argv[1], version)) {
		printf("%s %s\n", program->name, program->version);
		return EXIT_GOOD;
	}
	fprintf(stderr, "%s: '%s' is not a command; `%s --help` lists them\n", program->name,
		argv[1], program->name);
	return EXIT_USAGE;
}
