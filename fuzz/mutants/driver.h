/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drivers that a mutant is set against, each from an empty corpus until something is found. */
#ifndef FUZZ_DRIVER_H
#define FUZZ_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum driver {
	DRIVER_LIBFUZZER, /* coverage of the engine, our mutator */
	DRIVER_AFL,       /* the same under AFL++ */
	DRIVER_MADE,      /* plausible cases from mutate_make(), no feedback */
	DRIVER_RANDOM,    /* random bytes */
	NR_DRIVERS
};

struct driver_result {
	bool ran, found;
	double seconds; /* until it was found, or given up */
	uint64_t executions;
	unsigned int oracles; /* bits of enum oracle, of the case that was found */
	char why[160];        /* why it did not run, or what went wrong */
};

/* What is built for one mutant, and where: DIRECTORY/NAME/{plain,libfuzzer,afl}.so */
struct driver_job {
	const char *build; /* holds fuzz-rdpmc-plain, fuzz-rdpmc-afl, afl-mutator.so, mutants/ */
	const char *name;
	double seconds; /* give up after that */
	uint64_t seed;
	unsigned int oracles; /* for DRIVER_MADE: found is what one of these sees, nothing else */
	bool (*interrupted)(void); /* asked often: is it to end? Then it has not run */
};

void driver_run(enum driver driver, const struct driver_job *job, struct driver_result *result);

const char *driver_name(enum driver driver); /* "libfuzzer", "afl", "made", "random" */

/* Is something missing that @driver needs? NULL, or a line that says what and how to have it. */
const char *driver_missing(enum driver driver, const char *build);

#endif
