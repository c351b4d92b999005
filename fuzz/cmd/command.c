// SPDX-License-Identifier: GPL-2.0-or-later
/* What the commands of rdpmc-diff have in common. */
#include "fuzz/cmd/command.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/inputs/inputs.h"
#include "fuzz/oracle/choices.h"
#include "lib/array.h"
#include "lib/file.h"
#include "lib/signals.h"

void command_die(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "rdpmc-diff: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(EXIT_USAGE);
}

uint64_t command_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	static const char units[] = "KMG";
	uint64_t value = 0, unit = 1;
	const char *at;
	char *end;

	errno = 0;
	if (isdigit((unsigned char)text[0])) {
		value = strtoull(text, &end, strncasecmp(text, "0x", 2) ? 10 : 16);
		at = *end ? strchr(units, *end) : NULL;
		for (const char *u = units; at && u <= at; u++)
			unit *= 1000;
		if (!errno && !end[*end && at ? 1 : 0] && value <= max / unit &&
		    value * unit >= min)
			return value * unit;
	}
	command_die("%s: '%s' is not a whole number from %llu to %llu%s", option, text,
		    (unsigned long long)min, (unsigned long long)max,
		    max < 1000000 ? "" : " (K, M and G behind it are 10^3, 10^6 and 10^9)");
}

static void choose(struct rdpmc_choices *choices, const char *name)
{
	struct rdpmc_choices all;
	char text[CHOICES_TEXT];

	for (unsigned int i = 0; i < NR_CHOICES; i++) {
		if (strcmp(choice_name(i), name))
			continue;
		*choice_of(choices, i) = true;
		return;
	}
	memset(&all, true, sizeof(all));
	command_die("--choice: '%s' is unknown; there are %s", name, choices_text(&all, text));
}

static void choose_engine(struct command_engine *chosen, const char *name)
{
	const struct engine *engine;
	const char *why;

	if (chosen->count && !chosen->several)
		command_die("--engine: '%s': a single engine is wanted, and '%s' was named", name,
			    chosen->named);
	if (chosen->count == COMMAND_ENGINES)
		command_die("--engine: '%s': there can be %u engines", name, COMMAND_ENGINES);
	engine = engine_find(name, &why);
	if (!engine)
		command_die("--engine: '%s': %s; `rdpmc-diff engines` lists what there is", name,
			    why);
	for (unsigned int i = 0; i < chosen->count; i++)
		if (chosen->all[i] == engine)
			command_die("--engine: '%s' is named twice", name);
	chosen->all[chosen->count] = chosen->engine = engine;
	chosen->names[chosen->count++] = chosen->named = name;
}

enum { KEY_KNOWN = 0x1000, KEY_SEED, KEY_JSON };

static const struct argp_option shared_options[] = {
	{ "seed", KEY_SEED, "N", 0, "Seed (default 1): the same seed, the same cases", 0 },
	{ "json", KEY_JSON, "FILE", 0, "Write it as JSON (- is standard output)", 0 },
	{ "jobs", 'j', "N", 0, "Work on N at a time (default: a processor each)", 0 },
	{ "engine", 'e', "NAME", 0, "Engine to test (default emulator)", 1 },
	{ "known", KEY_KNOWN, "DIRECTORY", 0, "Known differences (fuzz/oracle/known), or none", 1 },
	{ "choice", 'c', "NAME", 0,
	  "metrics-any-index, user-disable-metrics, vmware-needs-pmu, no-pmu-zero, "
	  "metrics-level-1, leaf23-replaces or amd-l2i",
	  1 },
};

static bool is_taken(const struct command_shared *shared, int key)
{
	switch (key) {
	case KEY_SEED:
		return shared->seed;
	case KEY_JSON:
		return shared->json;
	case 'j':
		return shared->jobs;
	default:
		return shared->engine;
	}
}

static void set_defaults(const struct command_shared *shared)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const char *why;

	if (shared->engine) {
		shared->engine->engine = engine_find("emulator", &why);
		shared->engine->choices = rdpmc_default_choices;
	}
	if (shared->seed)
		*shared->seed = 1;
	if (shared->jobs)
		*shared->jobs = processors > COMMAND_JOBS ? COMMAND_JOBS : (unsigned int)processors;
}

static void open_json(const char **json, const char *path)
{
	struct failure failure;

	*json = path;
	if (file_check(path, &failure))
		command_die("--json: %s", failure.text);
}

/* The whole command line's input: its first child is the command, the second takes the rest. */
struct line {
	const struct command_shared *shared;
	void *options;
};

static error_t parse_shared(int key, char *arg, struct argp_state *state)
{
	const struct line *line = state->input;
	const struct command_shared *shared = line->shared;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = line->options;
		break;
	case 'e':
		choose_engine(shared->engine, arg);
		break;
	case KEY_KNOWN:
		shared->engine->known = arg;
		break;
	case 'c':
		choose(&shared->engine->choices, arg);
		break;
	case KEY_SEED:
		*shared->seed = command_number("--seed", arg, 0,
					       shared->seed_max ? shared->seed_max : UINT64_MAX);
		break;
	case 'j':
		*shared->jobs = (unsigned int)command_number("--jobs", arg, 1, COMMAND_JOBS);
		break;
	case KEY_JSON:
		open_json(shared->json, arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Asked last, so that an argument that comes here is nobody's. */
static error_t parse_rest(int key, char *arg, struct argp_state *state)
{
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	command_die("'%s' is not expected; see %s --help", arg, state->argv[0]);
}

/* Said of engines that have none it would be for nothing. */
static void check_known(const struct command_engine *chosen)
{
	bool any = chosen->engine->version;

	for (unsigned int i = 0; i < chosen->count; i++)
		any |= !!chosen->all[i]->version;
	if (chosen->known && strcmp(chosen->known, "none") && !any)
		command_die("--known: the engine %s has no known differences: those of kernels "
			    "have; see --engine",
			    chosen->named ? chosen->named : chosen->engine->name);
}

void command_arguments(const struct command_engine *chosen, char text[COMMAND_ARGUMENTS])
{
	struct rdpmc_choices made = chosen->choices;
	size_t length = 0;

	text[0] = '\0';
	if (chosen->known)
		length = (size_t)snprintf(text, COMMAND_ARGUMENTS, " --known %s", chosen->known);
	for (unsigned int i = 0; i < NR_CHOICES && length < COMMAND_ARGUMENTS; i++)
		if (*choice_of(&made, i))
			length += (size_t)snprintf(text + length, COMMAND_ARGUMENTS - length,
						   " --choice %s", choice_name(i));
}

void command_parse(const struct argp *argp, const struct command_shared *shared, int argc,
		   char **argv, void *options)
{
	static const struct argp rest = { .parser = parse_rest };
	const struct argp_child children[] = { { argp, 0, NULL, 0 }, { &rest, 0, NULL, 0 }, { 0 } };
	struct argp_option taken[ARRAY_SIZE(shared_options) + 1] = { 0 };
	const struct argp whole = { .options = taken,
				    .parser = parse_shared,
				    .children = children };
	struct line line = { shared, options };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(shared_options); i++)
		if (is_taken(shared, shared_options[i].key))
			taken[n++] = shared_options[i];
	set_defaults(shared);
	program_check_options((const struct argp_option *[]){ taken, argp->options, NULL }, argc,
			      argv);
	program_invocation_name = program_invocation_short_name = argv[0];
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0); /* help shall fit a screen */
	argp_parse(&whole, argc, argv, 0, NULL, &line);
	if (shared->engine)
		check_known(shared->engine);
}

bool command_directory(const char *option, const char *path)
{
	struct stat status;
	int error;

	if (!mkdir(path, 0777))
		return true;
	error = errno;
	if (stat(path, &status))
		command_die("%s%s: cannot be made: %s", option, path, strerror(error));
	if (!S_ISDIR(status.st_mode))
		command_die("%s%s: Not a directory", option, path);
	if (access(path, W_OK | X_OK))
		command_die("%s%s: %s", option, path, strerror(errno));
	return false;
}

struct known *command_known(const struct command_engine *chosen)
{
	const char *directory = chosen->known;
	char fallback[4096], why[512];
	struct known *known;

	if (!chosen->engine->version || (directory && !strcmp(directory, "none")))
		return NULL;
	if (!directory) {
		if (known_directory(fallback, sizeof(fallback))) {
			fprintf(stderr,
				"rdpmc-diff: no known differences found; --known names them\n");
			return NULL;
		}
		directory = fallback;
	}
	known = known_read(directory, chosen->engine, why, sizeof(why));
	if (!known)
		command_die("--known: %s", why);
	return known;
}

void command_trial(struct trial *trial, const struct command_engine *chosen)
{
	const char *why;

	if (trial_init(trial, chosen->engine, &why)) {
		fprintf(stderr, "rdpmc-diff: engine %s: %s\n", chosen->engine->name, why);
		exit(EXIT_NOTHING_RAN);
	}
	trial->choices = chosen->choices;
	trial->known = command_known(chosen);
}

/* A handler can be given no other place. */
static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	interrupted = signal;
}

void command_catch_signals(void)
{
	signals_catch(on_signal, (int)SA_RESETHAND, true);
}

int command_interrupted(void)
{
	return interrupted;
}

bool command_ends(void)
{
	return interrupted;
}

bool command_progress(void)
{
	return isatty(STDERR_FILENO);
}

struct whole {
	uint8_t *data;
	size_t size;
};

static bool keep(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	struct whole *whole = opaque;

	if (whole->data)
		command_die("%s: not the only file there; a single file is wanted", name);
	whole->data = malloc(size ? size : 1);
	if (!whole->data)
		command_die("%s: out of memory", name);
	if (size)
		memcpy(whole->data, data, size);
	whole->size = size;
	return true;
}

/* Fuzzers and seeds write their version, and what is made small has a 0 there. */
void command_check_case(const char *name, const uint8_t *data, size_t size)
{
	if (size && data[0] > CASE_VERSION)
		fprintf(stderr,
			"rdpmc-diff: %s: this is no case file; its bytes are tried as a case\n",
			name);
}

void command_read_file(const char *path, uint8_t **data, size_t *size)
{
	struct whole whole = { 0 };
	size_t count = 0;
	char why[256];

	if (inputs_each(path, keep, &whole, &count, why, sizeof(why)) < 0)
		command_die("%s", why);
	if (!whole.data)
		command_die("%s: there is no file in it; a case is wanted", path);
	*data = whole.data;
	*size = whole.size;
}
