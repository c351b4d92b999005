// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff sweep: proof by enumeration. What is swept, and what is told of it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/choices.h"
#include "fuzz/clock.h"
#include "fuzz/command.h"
#include "fuzz/command_journal.h"
#include "fuzz/configurations.h"
#include "fuzz/document.h"
#include "fuzz/pairs.h"
#include "fuzz/report.h"
#include "fuzz/sweep_json.h"
#include "fuzz/sweep_resume.h"
#include "fuzz/sweep_states.h"
#include "fuzz/sweep_text.h"
#include "results/json_file.h"

#ifndef PROGRAM_VERSION
#error "the Makefile defines PROGRAM_VERSION"
#endif

#define MOST_JOBS 256

enum { PART_FULL = 1, PART_REPRESENTATIVES = 2, PART_PAIRS = 4, PART_STATES = 8 };

struct options {
	struct command_engine chosen;
	const struct configuration *configuration; /* NULL: the default */
	unsigned int parts;                        /* 0: all */
	unsigned int jobs;
	uint32_t first, last;
	bool type; /* ECX[31:16] is the same in first and last: a TYPE was given */
	const char *json, *resume;
	bool list;
};

enum {
	KEY_CONFIGURATION = 256,
	KEY_LIST,
	KEY_PARTS,
	KEY_JSON = KEY_PARTS + 16,
	KEY_RESUME,
	KEY_FIRST,
	KEY_LAST
};

static const struct argp_option sweep_options[] = {
	{ "configuration", KEY_CONFIGURATION, "NAME", 0, "Only this (in full: sapphire-rapids)",
	  0 },
	{ "list", KEY_LIST, NULL, 0, "List the configurations and end", 0 },
	{ "full", KEY_PARTS + PART_FULL, NULL, 0, "Only every ECX in every state; or all of a TYPE",
	  0 },
	{ "representatives", KEY_PARTS + PART_REPRESENTATIVES, NULL, 0,
	  "Only some ECX, all configurations", 0 },
	{ "pairs", KEY_PARTS + PART_PAIRS, NULL, 0, "Only the intercept, all pairs of PMUs", 0 },
	{ "states", KEY_PARTS + PART_STATES, NULL, 0,
	  "Only some thousand ECX, all modes, counted; kvm's", 0 },
	{ "jobs", 'j', "N", 0, "Threads (default: a processor each)", 0 },
	{ "json", KEY_JSON, "FILE", 0, "Write it as JSON (- is standard output)", 0 },
	{ "resume", KEY_RESUME, "FILE", 0, "Note what is done in FILE, leave out what was", 0 },
	{ "first", KEY_FIRST, "ECX", 0, "The full sweep begins there (default 0)", 0 },
	{ "last", KEY_LAST, "ECX", 0, "... and ends there (default 0xffffffff)", 0 },
	{ 0 },
};

/* ECX[31:16], in hexadecimal as the SDM writes it, 2000H, or C does. */
static void parse_type(struct options *options, const char *arg)
{
	char *end;
	unsigned long type = strtoul(arg, &end, 16);

	if (*end == 'H' || *end == 'h')
		end++;
	if (!isxdigit((unsigned char)arg[0]) || *end || type > 0xffff)
		command_die("--full: '%s' is no TYPE: ECX[31:16] in hexadecimal, 2000H", arg);
	options->type = true;
	options->first = (uint32_t)type << 16;
	options->last = options->first | 0xffff;
}

static void refuse_what_takes_weeks(const struct options *options)
{
	if (options->parts & (PART_PAIRS | PART_REPRESENTATIVES))
		command_die("sweep: --pairs and --representatives are about PMUs that a real "
			    "machine has not; --states is for it");
	if (options->parts & PART_FULL && !options->type)
		command_die("sweep: every ECX would take a real machine weeks; --full TYPE takes "
			    "all of one type");
	if (options->resume)
		command_die("--resume is not for a real machine, whose sweeps take minutes");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->chosen;
		break;
	case KEY_CONFIGURATION:
		options->configuration = configuration_find(arg);
		if (!options->configuration)
			command_die("--configuration: there is no '%s'; --list tells what there is",
				    arg);
		break;
	case KEY_LIST:
		options->list = true;
		break;
	case KEY_PARTS + PART_FULL:
	case KEY_PARTS + PART_REPRESENTATIVES:
	case KEY_PARTS + PART_PAIRS:
	case KEY_PARTS + PART_STATES:
		options->parts |= (unsigned int)(key - KEY_PARTS);
		break;
	case 'j':
		options->jobs = (unsigned int)command_number("--jobs", arg, 1, MOST_JOBS);
		break;
	case KEY_JSON:
		options->json = arg;
		break;
	case KEY_RESUME:
		options->resume = arg;
		break;
	case KEY_FIRST:
		options->first = (uint32_t)command_number("--first", arg, 0, UINT32_MAX);
		break;
	case KEY_LAST:
		options->last = (uint32_t)command_number("--last", arg, 0, UINT32_MAX);
		break;
	case ARGP_KEY_ARG:
		if (!(options->parts & PART_FULL) || options->type)
			command_die("sweep: '%s' is not expected", arg);
		parse_type(options, arg);
		break;
	case ARGP_KEY_END:
		if (options->chosen.engine->real)
			refuse_what_takes_weeks(options);
		if (!options->parts)
			options->parts = options->chosen.engine->real
						 ? PART_STATES
						 : PART_FULL | PART_REPRESENTATIVES | PART_PAIRS;
		if (options->parts & PART_STATES && options->parts & PART_FULL &&
		    options->last - options->first == UINT32_MAX)
			command_die("--states: a list of every ECX is none; --full names no TYPE");
		if (options->first > options->last)
			command_die("--first is above --last");
		if (options->resume && !(options->parts & PART_FULL))
			command_die("--resume is for the full sweep, which is not asked for");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = { { &command_engine_argp, 0, NULL, 0 }, { 0 } };
static const struct argp sweep_argp = {
	.options = sweep_options,
	.parser = parse,
	.args_doc = "[TYPE]",
	.doc = "Prove by enumeration: every ECX in every privilege state; representatives of ECX "
	       "under many configurations; the intercept for every pair of many PMUs.\v"
	       "Exit status: 0 no mismatch, 1 a mismatch, 2 usage or a file that cannot be used, "
	       "77 nothing ran, 128 + signal interrupted.",
	.children = children,
};

/* A sweep of this command under way. */
struct run {
	const struct options *options;
	struct sweep sweep;
	const struct trial *trial; /* of the engine, to tell findings by */
	FILE *out;                 /* for people */
	const char *label;
	double since;
	struct resume *resume;   /* of the full sweep, or NULL */
	struct journal *journal; /* of a real machine's, or NULL */
	struct sweep_row *rows;
	size_t n_rows;
};

static void progress(void *opaque, double share)
{
	const struct run *run = opaque;
	double passed = clock_seconds() - run->since;

	fprintf(stderr, "\r\033[K%s: %.0f %%, about %.0f s left", run->label, 100 * share,
		share > 0 ? passed / share - passed : 0);
}

static void before(void *opaque, const uint8_t *data, size_t size)
{
	const struct run *run = opaque;

	command_journal_add(run->journal, data, size);
	command_journal_sync(run->journal);
}

static struct sweep_row *begin_row(struct run *run, const char *part, const char *configuration)
{
	struct sweep_row *row = &run->rows[run->n_rows++];

	row->part = part;
	row->configuration = configuration;
	run->label = configuration;
	run->since = clock_seconds();
	return row;
}

static void end_row(const struct run *run, const struct sweep_row *row)
{
	const struct sweep_result *result = &row->result;

	if (command_progress())
		fprintf(stderr, "\r\033[K");
	fprintf(run->out, "%-16s %-27s %15llu %12llu %9.1f%s%s\n", row->part, row->configuration,
		(unsigned long long)result->cases, (unsigned long long)result->mismatches,
		result->seconds, result->interrupted ? "  interrupted" : "",
		result->too_many ? "  too many, given up" : "");
	if (result->cases_before)
		fprintf(run->out, "  of these cases %llu were done before\n",
			(unsigned long long)result->cases_before);
	if (result->offered && strcmp(row->part, "pairs"))
		fprintf(run->out, "  the engine cannot give this guest: without what it lacks\n");
	if (result->costly)
		fprintf(run->out, "  intercepted, and need not be (PASS-MINIMAL): %llu\n",
			(unsigned long long)result->costly);
	sweep_tell_findings(run->out, run->trial, run->options->configuration, result);
	fflush(run->out);
}

static void cannot_run(const struct run *run, const char *why)
{
	fprintf(stderr, "rdpmc-diff: engine %s: %s\n", run->sweep.engine->name, why);
	exit(EXIT_NOTHING_RAN);
}

static struct resume *open_resume(const struct run *run)
{
	const struct options *options = run->options;
	char build[17], choices[CHOICES_TEXT], why[800];
	struct resume_key key = {
		.version = PROGRAM_VERSION,
		.build = build,
		.engine = run->sweep.engine->name,
		.choices = choices_text(&run->sweep.choices, choices),
		.configuration = options->configuration->name,
		.first = options->first,
		.last = options->last,
	};
	struct resume *resume;

	resume_build((const void *)run->sweep.engine, build);
	resume = resume_open(options->resume, &key, why, sizeof(why));
	if (!resume)
		command_die("--resume: %s", why);
	return resume;
}

static void full(struct run *run)
{
	const struct options *options = run->options;
	struct sweep_row *row = begin_row(run, "full", options->configuration->name);
	struct rdpmc_case swept;
	char text[200];
	const char *why;

	configuration_case(options->configuration, &swept);
	if (sweep_full(&run->sweep, &swept, options->first, options->last, run->resume,
		       &row->result, &why))
		cannot_run(run, why);
	end_row(run, row);
	if (run->resume && !resume_close(run->resume, text, sizeof(text)))
		command_die("--resume: %s: %s", options->resume, text);
}

static void representatives(struct run *run, const struct configuration *configuration)
{
	struct sweep_row *row = begin_row(run, "representatives", configuration->name);
	struct rdpmc_case swept;
	const char *why;

	configuration_case(configuration, &swept);
	if (sweep_representatives(&run->sweep, &swept, &row->result, &why))
		cannot_run(run, why);
	end_row(run, row);
}

/* The ECXs of a range, or representatives. To be freed. */
static uint32_t *list_ecxs(const struct options *options, size_t *count)
{
	uint32_t *ecxs;

	if (!(options->parts & PART_FULL))
		return sweep_ecxs(false, count);
	*count = options->last - options->first + 1;
	ecxs = malloc(*count * sizeof(*ecxs));
	for (size_t i = 0; ecxs && i < *count; i++)
		ecxs[i] = options->first + (uint32_t)i;
	return ecxs;
}

static void states(struct run *run, struct trial *trial, const struct configuration *configuration)
{
	struct sweep_row *row = begin_row(run, "states", configuration->name);
	const bool lock = !(run->options->parts & PART_FULL);
	struct sweep_place places[SWEEP_PLACES];
	struct rdpmc_case swept;
	size_t count;
	uint32_t *ecxs = list_ecxs(run->options, &count);

	if (!ecxs)
		command_die("out of memory");
	trial->thorough = true;
	memset(&trial->tally, 0, sizeof(trial->tally));
	configuration_case(configuration, &swept);
	sweep_states(&run->sweep, trial, &swept, ecxs, count, lock, places, &row->result);
	free(ecxs);
	row->result.seconds = clock_seconds() - run->since;
	end_row(run, row);
	sweep_tell_states(run->out, places, &trial->tally);
}

/* A real machine makes the same guest of many configurations: each guest once. */
static bool is_new_guest(const struct run *run, const struct trial *trial, size_t number)
{
	struct {
		struct rdpmc_view guest, host;
		struct rdpmc_policy policy;
	} made[2];

	memset(made, 0, sizeof(made));
	for (size_t i = number + 1; i--;) {
		struct rdpmc_case swept;
		struct rdpmc_pmu guest, host;

		configuration_case(&configurations[i], &swept);
		trial_offer(trial, &swept, &guest, &host, &made[i != number].policy);
		rdpmc_view(&guest, &run->sweep.choices, &made[i != number].guest);
		rdpmc_view(&host, &run->sweep.choices, &made[i != number].host);
		if (i != number && !memcmp(&made[0], &made[1], sizeof(made[0])))
			return false;
	}
	return true;
}

static void states_of_all(struct run *run, struct trial *trial, bool named)
{
	const struct configuration *only = run->options->configuration;
	bool left_out[nr_configurations];

	memset(left_out, 0, sizeof(left_out));
	for (size_t i = 0; i < nr_configurations && !command_interrupted(); i++) {
		left_out[i] = !named && !is_new_guest(run, trial, i);
		if (named ? &configurations[i] == only : !left_out[i])
			states(run, trial, &configurations[i]);
	}
	sweep_tell_left_out(run->out, left_out);
	report_remarks(run->out, trial);
	if (trial->engine->speed && !command_interrupted()) {
		const char *speed = trial->engine->speed(trial->vcpu);

		fprintf(run->out, "%s\n", speed ? speed : "speed: no lists here");
	}
}

static void pairs(struct run *run)
{
	struct sweep_row *row;
	struct rdpmc_pmu *pmus;
	const char *why;
	char *name;
	size_t count;

	pmus = pairs_space(1, &count);
	if (!pmus || asprintf(&name, "%zu PMUs, all pairs", count) < 0)
		command_die("out of memory");
	row = begin_row(run, "pairs", name);
	if (pairs_sweep(&run->sweep, pmus, count, &row->result, &why))
		cannot_run(run, why);
	end_row(run, row);
	free(pmus);
}

static void list(void)
{
	for (size_t i = 0; i < nr_configurations; i++)
		printf("%-27s %s\n", configurations[i].name, configurations[i].what);
}

/* Returns the exit status. */
static int finish(struct run *run, const char *started, double since)
{
	const struct options *options = run->options;
	struct sweep_document document = {
		.started = started,
		.sweep = &run->sweep,
		.rows = run->rows,
		.n_rows = run->n_rows,
		.first = options->first,
		.last = options->last,
		.elapsed = clock_seconds() - since,
		.partial = command_interrupted(),
	};
	uint64_t cases = 0, mismatches = 0;
	bool nothing;
	struct failure failure;
	json_t *json;

	for (size_t i = 0; i < run->n_rows; i++) {
		cases += run->rows[i].result.cases;
		mismatches += run->rows[i].result.mismatches;
	}
	nothing = !cases && !mismatches && !document.partial;
	fprintf(run->out, "\n%llu cases in %.1f s, %s", (unsigned long long)cases, document.elapsed,
		nothing      ? "nothing was tried: no read was answered\n"
		: mismatches ? ""
			     : "no mismatch\n");
	if (mismatches)
		fprintf(run->out, "%llu mismatch%s\n", (unsigned long long)mismatches,
			mismatches == 1 ? "" : "es");
	if (document.partial)
		fprintf(run->out, "interrupted: this is part of it\n");
	if (options->json) {
		json = sweep_json(&document);
		if (!json)
			command_die("--json: out of memory");
		if (json_file_write(options->json, json, &failure))
			command_die("--json: %s", failure.text);
		json_decref(json);
	}
	if (document.partial)
		return 128 + command_interrupted();
	return mismatches ? EXIT_FINDING : nothing ? EXIT_NOTHING_RAN : EXIT_GOOD;
}

int command_sweep(int argc, char **argv)
{
	struct options options = { .jobs = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN),
				   .last = UINT32_MAX };
	struct run run = { .options = &options, .out = stdout };
	struct failure failure;
	struct trial trial;
	char started[DOCUMENT_TIME];
	double since = clock_seconds();
	bool named;
	int status;

	command_parse(&sweep_argp, argc, argv, &options);
	if (options.chosen.engine->version && !options.chosen.engine->real &&
	    (!options.chosen.known || strcmp(options.chosen.known, "none")))
		command_die("sweep: it does not know what is known of kernels: use survey, or "
			    "--known none");
	if (options.list) {
		list();
		return EXIT_GOOD;
	}
	if (options.json && json_file_check(options.json, &failure))
		command_die("--json: %s", failure.text);
	if (options.json && !strcmp(options.json, "-"))
		run.out = stderr;
	/* That the engine runs here at all is said before anything else. */
	command_trial(&trial, &options.chosen);
	run.trial = &trial;
	named = options.configuration;
	if (!named)
		options.configuration = &configurations[0];
	run.sweep = (struct sweep){
		.engine = options.chosen.engine,
		.choices = options.chosen.choices,
		.jobs = options.chosen.engine->single ? 1 : options.jobs,
		.interrupted = command_ends,
		.progress = command_progress() ? progress : NULL,
		.before = options.chosen.engine->real ? before : NULL,
		.opaque = &run,
	};
	run.rows = calloc(nr_configurations + 2, sizeof(*run.rows));
	if (!run.rows)
		command_die("out of memory");
	document_now(started);
	run.journal = command_journal(run.sweep.engine);
	run.resume = options.resume ? open_resume(&run) : NULL;
	command_catch_signals();
	fprintf(run.out, "%-16s %-27s %15s %12s %9s\n", "part", "configuration", "cases",
		"mismatches", "seconds");
	if (run.sweep.engine->real || options.parts & PART_STATES)
		states_of_all(&run, &trial, named);
	else if (options.parts & PART_FULL)
		full(&run);
	for (size_t i = 0; options.parts & PART_REPRESENTATIVES && i < nr_configurations; i++)
		if (!command_interrupted() &&
		    (!named || options.configuration == &configurations[i]))
			representatives(&run, &configurations[i]);
	if (options.parts & PART_PAIRS && !command_interrupted())
		pairs(&run);
	trial_free(&trial);
	command_journal_close(run.journal);
	status = finish(&run, started, since);
	for (size_t i = 0; i < run.n_rows; i++)
		sweep_result_free(&run.rows[i].result);
	free(run.rows);
	return status;
}
