// SPDX-License-Identifier: GPL-2.0-or-later
/* Option parsing with argp. */
#include "bench/options.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rows.h"
#include "lib/clock.h"

#define MAX_SECONDS 86400
#define MAX_RUNS    1000
#define MAX_CPU     65535

enum {
	KEY_TIME = 't',
	KEY_RUNS = 'r',
	KEY_SEED = 's',
	KEY_FILTER = 'f',
	KEY_JSON = 'j',
	KEY_CPU = 'c',
	KEY_VERBOSE = 'v',
	KEY_QUICK = 0x100,
	KEY_FULL,
	KEY_LIST,
	KEY_FORCE,
	KEY_VPMU,
	KEY_DEVICE,
	KEY_ANONYMOUS,
	KEY_PMU_COST,
	KEY_VCPUS,
	KEY_UNIT,
};

#define OPTION_FILTER                                                                              \
	{                                                                                          \
		"filter", KEY_FILTER, "GLOB", 0,                                                   \
			"Only benchmarks whose name matches, as 'rdpmc/metrics/*'", 0              \
	}
#define OPTION_JSON                                                                                \
	{                                                                                          \
		"json", KEY_JSON, "FILE", 0, "Write everything as JSON (- is standard output)", 0  \
	}
#define OPTION_VPMU                                                                                \
	{                                                                                          \
		"vpmu", KEY_VPMU, "user", 0,                                                       \
			"Simulate the guest's PMU in user space: the whole path, no real times", 0 \
	}
#define OPTION_PMU_COST                                                                            \
	{                                                                                          \
		"pmu-cost", KEY_PMU_COST, NULL, 0,                                                 \
			"Measure what a guest's PMU adds to exits that do not use it", 0           \
	}
#define OPTION_VCPUS                                                                               \
	{                                                                                          \
		"vcpus", KEY_VCPUS, "N", 0,                                                        \
			"Measure an exit while 1, 2, 4 ... N vCPUs of one VM exit at once", 0      \
	}
#define OPTION_DEVICE                                                                              \
	{                                                                                          \
		"device", KEY_DEVICE, "PATH", 0, "KVM's device (default /dev/kvm)", 0              \
	}

static const struct argp_option run_options[] = {
	OPTION_FILTER,
	{ "list", KEY_LIST, NULL, 0, "List what would be measured", 0 },
	{ "time", KEY_TIME, "SECONDS", 0, "Time for all runs together (default 45)", 0 },
	{ "runs", KEY_RUNS, "N", 0, "Runs, each in fresh VMs (default 10)", 0 },
	{ "quick", KEY_QUICK, NULL, 0, "3 runs in 5 seconds: to see that it works", 0 },
	{ "full", KEY_FULL, NULL, 0, "30 runs in 300 seconds: for a figure to publish", 0 },
	{ "seed", KEY_SEED, "N", 0, "Seed of the order of benchmarks (default: the time; printed)",
	  0 },
	{ "cpu", KEY_CPU, "N", 0, "CPU to run on (default: chosen)", 0 },
	{ "force", KEY_FORCE, NULL, 0, "Run although an SMT sibling is busy, or is another vCPU's",
	  0 },
	OPTION_PMU_COST,
	OPTION_VCPUS,
	OPTION_VPMU,
	{ "unit", KEY_UNIT, "UNIT", 0,
	  "Print ns or cycles (of the TSC); the JSON has both (default ns)", 0 },
	OPTION_JSON,
	{ "anonymous", KEY_ANONYMOUS, NULL, 0,
	  "Leave the host's name and kernel command line out of the JSON", 0 },
	OPTION_DEVICE,
	{ 0 },
};

static const struct argp_option list_options[] = { OPTION_FILTER, OPTION_PMU_COST, OPTION_VCPUS,
						   OPTION_VPMU,   OPTION_JSON,     OPTION_DEVICE,
						   { 0 } };
static const struct argp_option doctor_options[] = {
	{ "verbose", KEY_VERBOSE, NULL, 0, "List the checks that are good, too", 0 },
	OPTION_JSON,
	OPTION_DEVICE,
	{ 0 },
};
static const struct argp_option nested_options[] = { OPTION_JSON, OPTION_DEVICE, { 0 } };

static const struct {
	const char *name;
	const struct argp_option *options;
	const char *doc;
} commands[] = {
	[COMMAND_RUN] = {
		"rdpmc-bench run", run_options,
		"Measure what an RDPMC costs a guest here, benchmark by benchmark.\v"
		"On a host whose processor is emulated all figures are instructions, not time, and "
		"--time is in seconds of its own clock.\n\n"
		"Exit status: 0 all good, 1 a benchmark failed, 2 usage or file error, 77 nothing "
		"could be measured, 128 + signal interrupted (what was measured is kept).",
	},
	[COMMAND_LIST] = {
		"rdpmc-bench list", list_options,
		"List what can be measured here, and why the rest cannot.",
	},
	[COMMAND_DOCTOR] = {
		"rdpmc-bench doctor", doctor_options,
		"Report what on this host blocks a measurement or disturbs it, and the command that "
		"changes it. Changes nothing.",
	},
	[COMMAND_NESTED] = {
		"rdpmc-bench nested", nested_options,
		"Run an L1 with VMX or SVM whose L2 executes RDPMC, with and without the intercept in L0 and in L1, "
		"and check who gets the exit and what L2 sees against the manuals.\v"
		"Exit status: 0 all as the manuals say, 1 a read differs, 2 usage or file error, 77 KVM has no nested "
		"virtualization here, 128 + signal interrupted.",
	},
};

void options_die(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "rdpmc-bench: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(EXIT_USAGE);
}

int options_no_kvm(const struct options *options, const char *why)
{
	fprintf(stderr, "rdpmc-bench: %s\n", why);
	return options->device ? EXIT_USAGE : EXIT_NOTHING_RAN;
}

/* A number in a range, written in full; what else is said is a mistake. */
static double number(const char *option, const char *text, double min, double max, bool whole)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (end == text || *end || errno || !isfinite(value) || value < min || value > max ||
	    (whole && (value != floor(value) || strspn(text, "0123456789") != strlen(text))))
		options_die("--%s: '%s' is not a %snumber from %g to %.0f", option, text,
			    whole ? "whole " : "", min, max);
	return value;
}

static uint64_t seed(const char *text)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (end == text || *end || errno || strchr(text, '-'))
		options_die("--seed: '%s' is not a whole number below 2^64", text);
	return value;
}

/* fnmatch() takes an open bracket for itself; a person who writes one means a set. */
static const char *glob(const char *text)
{
	const char *open = strchr(text, '[');

	if (!*text)
		options_die("--filter: the pattern is empty");
	if (open && !strchr(open + 1, ']'))
		options_die("--filter: '%s' has an unclosed '['", text);
	return text;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_FILTER:
		if (options->filter)
			options_die("--filter: given twice; one pattern chooses the benchmarks");
		options->filter = glob(arg);
		return 0;
	case KEY_LIST:
		options->list = true;
		return 0;
	case KEY_TIME:
		options->seconds = number("time", arg, 1, MAX_SECONDS, false);
		return 0;
	case KEY_RUNS:
		options->runs = (unsigned int)number("runs", arg, 1, MAX_RUNS, true);
		return 0;
	case KEY_QUICK:
	case KEY_FULL:
		if (options->length && options->length != key)
			options_die("--full: --quick is the contrary; choose one of them");
		options->length = key;
		options->runs = key == KEY_QUICK ? 3 : 30;
		options->seconds = key == KEY_QUICK ? 5 : 300;
		return 0;
	case KEY_SEED:
		options->seed = seed(arg);
		return 0;
	case KEY_CPU:
		options->cpu = (int)number("cpu", arg, 0, MAX_CPU, true);
		return 0;
	case KEY_VERBOSE:
		options->verbose = true;
		return 0;
	case KEY_FORCE:
		options->force = true;
		return 0;
	case KEY_VPMU:
		if (strcmp(arg, "user"))
			options_die("--vpmu: '%s' is unknown; there is only 'user'", arg);
		options->simulated = true;
		return 0;
	case KEY_JSON:
		if (!*arg)
			options_die("--json: the file name is empty");
		options->json = arg;
		return 0;
	case KEY_UNIT:
		options->cycles = !strcmp(arg, "cycles");
		if (!options->cycles && strcmp(arg, "ns"))
			options_die("--unit: '%s' is unknown; there are ns and cycles", arg);
		return 0;
	case KEY_ANONYMOUS:
		options->anonymous = true;
		return 0;
	case KEY_PMU_COST:
		options->pmu_cost = true;
		return 0;
	case KEY_VCPUS:
		options->vcpus = (unsigned int)number("vcpus", arg, 1, MAX_VCPUS, true);
		return 0;
	case KEY_DEVICE:
		options->device = arg;
		return 0;
	case ARGP_KEY_ARG:
		options_die("'%s' is not expected; see %s --help", arg, state->argv[0]);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void options_parse(enum command command, int argc, char **argv, struct options *options)
{
	struct argp argp = {
		.options = commands[command].options,
		.parser = parse,
		.doc = commands[command].doc,
	};

	*options = (struct options){
		.seconds = 45,
		.runs = 10,
		.cpu = -1,
		.seed = clock_ns(CLOCK_REALTIME) / 1000,
	};
	/* argp names the program by argv[0]. */
	argv[0] = (char *)commands[command].name;
	program_check_options((const struct argp_option *[]){ commands[command].options, NULL },
			      argc, argv);
	program_invocation_name = program_invocation_short_name = argv[0];
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, options);
	if (options->pmu_cost && options->simulated)
		options_die("--pmu-cost: --vpmu=user takes KVM's PMU from every guest");
	if (options->vcpus && options->simulated)
		options_die("--vcpus: --vpmu=user answers in this program: its times mean nothing");
	if (options->vcpus && options->pmu_cost)
		options_die("--vcpus: --pmu-cost has benchmarks of its own; measure one of them at "
			    "a time");
	if (options->vcpus && options->cpu >= 0)
		options_die(
			"--cpu: --vcpus chooses a CPU for each vCPU; use taskset to restrict them");
}
