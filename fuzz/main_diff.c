// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff: the subcommand's name, and --help and --version. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/command.h"

static const struct {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", "run cases, from files or at random, against the model", command_run },
	{ "explain", "say in words what a case tries and what the processor answers",
	  command_explain },
	{ "minimize", "make a case that finds something as small as it gets", command_minimize },
	{ "triage", "make a page of each case that a fuzzer saved", command_triage },
	{ "sweep", "some of each class of ECX in every legal state, counted", command_sweep },
	{ "survey", "how an engine differs from the processor, or from another engine",
	  command_survey },
	{ "faults", "score: how soon each deliberate defect is found", command_faults },
	{ "engines", "list what can be put on trial", command_engines },
	{ "seeds", "write the seed corpus", command_seeds },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fprintf(out, "Usage: rdpmc-diff COMMAND [OPTION...]\n"
		     "RDPMC on trial: engines held against a model of the processor.\n\n");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fprintf(out,
		"\nrdpmc-diff COMMAND --help tells the options of one; --version the version.\n");
}

/* What is printed last may meet a full disk too. */
static void close_stdout(void)
{
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "rdpmc-diff: standard output: %s\n", strerror(errno));
		_exit(EXIT_USAGE);
	}
}

int main(int argc, char **argv)
{
	char name[64];

	atexit(close_stdout);
	argp_err_exit_status = EXIT_USAGE;
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
		printf("rdpmc-diff %s\n", PROGRAM_VERSION);
		return EXIT_GOOD;
	}
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		snprintf(name, sizeof(name), "rdpmc-diff %s", commands[i].name);
		argv[1] = name;
		return commands[i].run(argc - 1, argv + 1);
	}
	command_die("'%s' is not a command; `rdpmc-diff --help` lists them", argv[1]);
}
