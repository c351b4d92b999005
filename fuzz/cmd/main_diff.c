// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff: its subcommands. */
#include "fuzz/cmd/command.h"
#include "lib/program.h"

static const struct program_command commands[] = {
	{ "run", "run cases, from files or at random, against the model", command_run },
	{ "explain", "explain a case: what it tries, what is expected, what it gets",
	  command_explain },
	{ "minimize", "write the smallest case with the same finding", command_minimize },
	{ "triage", "write a report of each finding that a fuzzer saved", command_triage },
	{ "survey", "how an engine differs from the processor, or from another engine",
	  command_survey },
	{ "mutants", "score: how soon each mutant is found", command_mutants },
	{ "engines", "list the engines that can be tested", command_engines },
	{ "seeds", "write the seed corpus", command_seeds },
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "rdpmc-diff",
		.version = PROGRAM_VERSION,
		.purpose = "Tests engines that execute RDPMC against a model of the processor.",
		.commands = commands,
		.n = sizeof(commands) / sizeof(commands[0]),
	};

	argp_err_exit_status = EXIT_USAGE;
	return program_main(&program, argc, argv);
}
