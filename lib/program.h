/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program of subcommands: its exit status, its help, and the command that is asked for. */
#ifndef LIB_PROGRAM_H
#define LIB_PROGRAM_H

#include <argp.h>
#include <stddef.h>

/* 1 is each program's own. */
enum {
	EXIT_GOOD = 0,
	EXIT_USAGE = 2,
	EXIT_NOTHING_RAN = 77,
};

struct program_command {
	const char *name, *summary;
	int (*run)(int argc, char **argv); /* argv[0] is "PROGRAM COMMAND" */
};

struct program {
	const char *name, *version;
	const char *purpose; /* a sentence */
	const struct program_command *commands;
	size_t n;
};

/*
 * What main() returns: does what argv[1] says, be it a command, --help or --version. Where standard output
 * turns out to be unwritable the program ends with EXIT_USAGE.
 */
int program_main(const struct program *program, int argc, char **argv);

/*
 * Look through a command's options, those of @lists up to NULL, before argp does: one that is not there, or lacks its
 * argument, ends the program with EXIT_USAGE and one line. @argv[0] is "PROGRAM COMMAND".
 */
void program_check_options(const struct argp_option *const *lists, int argc, char **argv);

#endif
