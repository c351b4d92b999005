// SPDX-License-Identifier: GPL-2.0-or-later
/* What the commands of rdpmc-diff have in common. */
#include "fuzz/command.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/choices.h"
#include "fuzz/inputs.h"

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

/*
 * argp adds "Try ... --help" lines to a mistake by its error stream; getopt's own line, which goes
 * to stderr itself, says enough. Asked last, so that an argument that comes here is nobody's.
 */
static error_t parse_rest(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = fopen("/dev/null", "we");
		return 0;
	case ARGP_KEY_ARG:
		command_die("'%s' is not expected; see %s --help", arg, state->argv[0]);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void command_parse(const struct argp *argp, int argc, char **argv, void *options)
{
	static const struct argp rest = { .parser = parse_rest };
	struct argp_child children[4] = { 0 };
	struct argp whole = *argp;
	size_t n = 0;

	for (const struct argp_child *child = argp->children; child && child->argp; child++)
		children[n++] = *child;
	children[n].argp = &rest;
	whole.children = children;
	program_invocation_name = program_invocation_short_name = argv[0];
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0); /* help shall fit a screen */
	argp_parse(&whole, argc, argv, 0, NULL, options);
}

uint64_t command_number(const char *option, const char *text, uint64_t least, uint64_t most)
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
		if (!errno && !end[*end && at ? 1 : 0] && value <= most / unit &&
		    value * unit >= least)
			return value * unit;
	}
	command_die("%s: '%s' is not a whole number from %llu to %llu", option, text,
		    (unsigned long long)least, (unsigned long long)most);
}

static void choose(struct rdpmc_choices *choices, const char *name)
{
	for (unsigned int i = 0; i < NR_CHOICES; i++) {
		if (strcmp(choice_name(i), name))
			continue;
		*choice_of(choices, i) = true;
		return;
	}
	command_die("--choice: '%s' is unknown; there are '%s', '%s' and '%s'", name,
		    choice_name(0), choice_name(1), choice_name(2));
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

enum { KEY_KNOWN = 0x1000 };

static error_t parse_engine(int key, char *arg, struct argp_state *state)
{
	struct command_engine *chosen = state->input;
	const char *why;

	switch (key) {
	case ARGP_KEY_INIT:
		chosen->engine = engine_find("emulator", &why);
		chosen->choices = rdpmc_default_choices;
		break;
	case 'e':
		choose_engine(chosen, arg);
		break;
	case KEY_KNOWN:
		chosen->known = arg;
		break;
	case 'c':
		choose(&chosen->choices, arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_option engine_options[] = {
	{ "engine", 'e', "NAME", 0, "What is put on trial (default emulator)", 1 },
	{ "known", KEY_KNOWN, "DIRECTORY", 0, "Known differences (fuzz/known), or none", 1 },
	{ "choice", 'c', "NAME", 0, "metrics-any-index, user-disable-metrics, vmware-needs-pmu",
	  1 },
	{ 0 },
};

const struct argp command_engine_argp = { .options = engine_options, .parser = parse_engine };

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
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
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
		command_die("%s: a single file is wanted", name);
	whole->data = malloc(size ? size : 1);
	if (!whole->data)
		command_die("%s: out of memory", name);
	if (size)
		memcpy(whole->data, data, size);
	whole->size = size;
	return true;
}

/* Fuzzers and seeds write CASE_VERSION, and what is made small has a 0 there. */
void command_check_case(const char *name, const uint8_t *data, size_t size)
{
	if (size && data[0] && data[0] != CASE_VERSION)
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
		command_die("%s: no file there", path);
	*data = whole.data;
	*size = whole.size;
}
