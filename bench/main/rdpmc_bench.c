// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-bench: its subcommands. */
#include "bench/commands.h"
#include "lib/program.h"

#define COMMAND(name, number)                                                                      \
	static int name(int argc, char **argv)                                                     \
	{                                                                                          \
		struct options options;                                                            \
                                                                                                   \
		options_parse(number, argc, argv, &options);                                       \
		return command_##name(&options);                                                   \
	}
COMMAND(run, COMMAND_RUN)
COMMAND(list, COMMAND_LIST)
COMMAND(doctor, COMMAND_DOCTOR)
COMMAND(nested, COMMAND_NESTED)

static const struct program_command commands[] = {
	{ "run", "measure", run },
	{ "list", "what can be measured here, and why the rest cannot", list },
	{ "doctor", "what blocks or disturbs a measurement here, and how to change it", doctor },
	{ "nested", "RDPMC in a nested guest: who gets the exit, and what L2 sees", nested },
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "rdpmc-bench",
		.version = PROGRAM_VERSION,
		.purpose = "What an RDPMC costs a KVM guest, with the intercept and without it.",
		.commands = commands,
		.n = sizeof(commands) / sizeof(commands[0]),
	};

	return program_main(&program, argc, argv);
}
