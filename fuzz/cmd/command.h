/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of rdpmc-diff have in common. */
#ifndef FUZZ_COMMAND_H
#define FUZZ_COMMAND_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "fuzz/oracle/trial.h"
#include "lib/program.h"

enum { EXIT_FINDING = 1 }; /* beside those of lib/program.h */

/* The commands, by their argc and argv: argv[0] is "rdpmc-diff COMMAND". They return an exit status. */
int command_run(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_minimize(int argc, char **argv);
int command_triage(int argc, char **argv);
int command_survey(int argc, char **argv);
int command_mutants(int argc, char **argv);
int command_engines(int argc, char **argv);
int command_seeds(int argc, char **argv);

/* "rdpmc-diff: ..." and exit 2. */
__attribute__((format(printf, 1, 2), noreturn)) void command_die(const char *format, ...);

/* @text as a whole number from @min to @max, or die naming @option. K, M and G are 10^3, 6, 9. */
uint64_t command_number(const char *option, const char *text, uint64_t min, uint64_t max);

#define COMMAND_ENGINES 8 /* the most that a command takes */

/* --engine, --known and --choice */
struct command_engine {
	const struct engine *engine;
	const char *named; /* as --engine was given; NULL: not */
	bool several;      /* set by the command: it takes more than one, and finds them in all[] */
	unsigned int count; /* of all[] and names[]: as --engine was given */
	const struct engine *all[COMMAND_ENGINES];
	const char *names[COMMAND_ENGINES];
	struct rdpmc_choices choices;
	const char *known; /* directory, or "none"; NULL: not said */
};

/* How they were given beside --engine, to be repeated: " --known none --choice vmware-needs-pmu", or "". */
#define COMMAND_ARGUMENTS (4096 + 256)
void command_arguments(const struct command_engine *chosen, char text[COMMAND_ARGUMENTS]);

#define COMMAND_JOBS 256 /* the most that --jobs is */

/* Options that several commands have: a command takes those that are not NULL. They get their defaults. */
struct command_shared {
	struct command_engine *engine;
	uint64_t *seed, seed_max; /* 0: any */
	unsigned int *jobs;
	const char **json; /* can be written */
};

/* argp_parse() of @argp and @shared: a mistake gets one line and exit 2. @options is @argp's input. */
void command_parse(const struct argp *argp, const struct command_shared *shared, int argc,
		   char **argv, void *options);

/*
 * The known differences of @chosen's engine, for as long as the program runs; ends it if they cannot
 * be read. NULL: there are none.
 */
struct known *command_known(const struct command_engine *chosen);

/* A trial of @chosen's engine; where that cannot be had, says why and exits with 77. */
void command_trial(struct trial *trial, const struct command_engine *chosen);

/* SIGINT and SIGTERM ask for an end; a second one ends at once. Returns the signal, or 0. */
void command_catch_signals(void);
int command_interrupted(void);
bool command_ends(void); /* is an end asked for? */

/* Is standard error a person's terminal? Then long work tells how far it is. */
bool command_progress(void);

/* Says so of @data that no case file is: any bytes are a case, but not each was meant to be one. */
void command_check_case(const char *name, const uint8_t *data, size_t size);

/* See that @path is a directory that can be written to, or die naming @option ("--save: "); was it made now? */
bool command_directory(const char *option, const char *path);

/* One file, whole, or die. *data is malloc()ed. */
void command_read_file(const char *path, uint8_t **data, size_t *size);

#endif
