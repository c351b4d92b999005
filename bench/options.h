/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines. A mistake gets one line on stderr and ends the program with EXIT_USAGE. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/program.h"

enum { EXIT_FAILED_ROW = 1 }; /* beside those of lib/program.h */

struct options {
	const char *filter, *json;
	const char *device; /* NULL: /dev/kvm */
	double seconds;
	unsigned int runs;
	uint64_t seed;
	int cpu;            /* -1: choose */
	int length;         /* the key of --quick or --full; 0: neither */
	unsigned int vcpus; /* 0: rows of one */
	bool force, simulated, list, anonymous, pmu_cost, verbose, cycles;
};

enum command { COMMAND_RUN, COMMAND_LIST, COMMAND_DOCTOR, COMMAND_NESTED };

/* argv[0] is the subcommand's name in messages. Ends the program for --help and for mistakes. */
void options_parse(enum command command, int argc, char **argv, struct options *options);

/*
 * KVM could not be opened: say so. Without KVM nothing can run (77); a device that a person named
 * and that is none is a usage error. Returns the exit status.
 */
int options_no_kvm(const struct options *options, const char *why);

/* A usage error found later: "rdpmc-bench: ..." and exit 2. */
__attribute__((format(printf, 1, 2), noreturn)) void options_die(const char *format, ...);

#endif
