// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-bench: the subcommand's name, and --help and --version. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/commands.h"

static const struct {
	const char *name, *summary;
	int (*run)(const struct options *options);
} commands[] = {
	[COMMAND_RUN] = { "run", "measure", command_run },
	[COMMAND_LIST] = { "list", "say what can be measured here, and why the rest cannot",
			   command_list },
	[COMMAND_DOCTOR] = { "doctor", "look at the host and say what to change", command_doctor },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fprintf(out, "Usage: rdpmc-bench COMMAND [OPTION...]\n"
		     "What an RDPMC costs a KVM guest, with the intercept and without it.\n\n");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(out,
		"\nrdpmc-bench COMMAND --help tells the options of one; --version the version.\n");
}

/* What is printed last may meet a full disk too. */
static void close_stdout(void)
{
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "rdpmc-bench: standard output: %s\n", strerror(errno));
		_exit(EXIT_USAGE);
	}
}

int main(int argc, char **argv)
{
	struct options options;

	atexit(close_stdout);
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		usage(stdout);
		return EXIT_GOOD;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("rdpmc-bench %s\n", PROGRAM_VERSION);
		return EXIT_GOOD;
	}
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		options_parse((enum command)i, argc - 1, argv + 1, &options);
		return commands[i].run(&options);
	}
	options_die("'%s' is not a command; there are run, list and doctor (--help)", argv[1]);
}
