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
	fprintf(out, "\n%s COMMAND --help lists its options; --version prints the version.\n",
		program->name);
}

static bool is_one_of(const char *word, const char *const words[])
{
	while (*words && strcmp(word, *words))
		words++;
	return *words;
}

/* Takes all that is known. */
static error_t take(int key, char *arg, struct argp_state *state)
{
	(void)key, (void)arg, (void)state;
	return 0;
}

void program_check_options(const struct argp_option *const *lists, int argc, char **argv)
{
	static const struct argp_option help[] = { { "help", '?', NULL, 0, NULL, 0 },
						   { "usage", 0x10000, NULL, 0, NULL, 0 },
						   { 0 } };
	static const struct argp helping = { .options = help, .parser = take };
	struct argp each[4] = { 0 };
	struct argp_child children[6] = { { &helping, 0, NULL, 0 } };
	const struct argp all = { .parser = take, .children = children };
	FILE *const was = stderr;
	char *command = argv[0], *said = NULL, *text;
	size_t size;
	error_t error;

	for (size_t i = 0; lists[i] && i < sizeof(each) / sizeof(each[0]); i++) {
		each[i] = (struct argp){ .options = lists[i], .parser = take };
		children[i + 1].argp = &each[i];
	}
	/* getopt knows best what is wrong, and says so on stderr; argp has a second line. */
	stderr = open_memstream(&said, &size);
	if (!stderr) {
		stderr = was;
		return;
	}
	argv[0] = "";
	error = argp_parse(&all, argc, argv, ARGP_NO_HELP | ARGP_NO_EXIT, NULL, NULL);
	argv[0] = command;
	fclose(stderr);
	stderr = was;
	if (error) {
		text = said + strspn(said, ": ");
		fprintf(stderr, "%s: %.*s (see %s --help)\n", program_name,
			(int)strcspn(text, "\n"), text, command);
		exit(EXIT_USAGE);
	}
	free(said);
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
