// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff sweep: options, and its table. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/clock.h"
#include "fuzz/command.h"
#include "fuzz/command_journal.h"
#include "fuzz/configurations.h"
#include "fuzz/document.h"
#include "fuzz/report.h"
#include "fuzz/sweep_json.h"
#include "fuzz/sweep_text.h"
#include "results/json_file.h"

struct options {
	struct command_engine chosen;
	const struct configuration *configuration; /* NULL: all */
	const char *type;                          /* as it was given; NULL: representatives */
	uint32_t first;                            /* ECX of that type */
	const char *json;
	bool list;
};

enum { KEY_CONFIGURATION = 256, KEY_LIST, KEY_FULL, KEY_JSON };

static const struct argp_option sweep_options[] = {
	{ "configuration", KEY_CONFIGURATION, "NAME", 0, "Only this", 0 },
	{ "list", KEY_LIST, NULL, 0, "List the configurations and end", 0 },
	{ "full", KEY_FULL, "TYPE", 0, "All of ECX[31:16] = TYPE, instead of some of each", 0 },
	{ "json", KEY_JSON, "FILE", 0, "Write it as JSON (- is standard output)", 0 },
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
	options->type = arg;
	options->first = (uint32_t)type << 16;
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
	case KEY_FULL:
		parse_type(options, arg);
		break;
	case KEY_JSON:
		options->json = arg;
		break;
	case ARGP_KEY_ARG:
		command_die("sweep: '%s' is not expected", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = { { &command_engine_argp, 0, NULL, 0 }, { 0 } };
static const struct argp sweep_argp = {
	.options = sweep_options,
	.parser = parse,
	.doc = "Some thousand ECX, or all of a type, in all legal states of mode, size of code, "
	       "paging, "
	       "CPL and CR4.PCE, with a table of what was run.\v"
	       "Exit status: 0 no mismatch, 1 a mismatch, 2 usage or a file that cannot be used, "
	       "77 nothing ran, 128 + signal interrupted.",
	.children = children,
};

/* A sweep of this command under way. */
struct run {
	const struct options *options;
	struct sweep sweep;
	struct trial trial;
	FILE *out; /* for people */
	const char *label;
	double since;
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

static void tell_row(const struct run *run, const struct sweep_row *row)
{
	const struct sweep_result *result = &row->result;

	if (command_progress())
		fprintf(stderr, "\r\033[K");
	fprintf(run->out, "%-27s %15llu %12llu %9.1f%s\n", row->configuration,
		(unsigned long long)result->cases, (unsigned long long)result->mismatches,
		result->seconds, result->interrupted ? "  interrupted" : "");
	if (result->offered)
		fprintf(run->out, "  the engine cannot give this guest: without what it lacks\n");
	sweep_tell_findings(run->out, &run->trial, result);
	fflush(run->out);
}

/* All of the type, or representatives of all. To be freed. */
static uint32_t *list_ecxs(const struct options *options, size_t *count)
{
	uint32_t *ecxs;

	if (!options->type)
		return sweep_ecxs(false, count);
	*count = 0x10000;
	ecxs = malloc(*count * sizeof(*ecxs));
	for (size_t i = 0; ecxs && i < *count; i++)
		ecxs[i] = options->first + (uint32_t)i;
	return ecxs;
}

static void states(struct run *run, const struct configuration *configuration)
{
	struct sweep_row *row = &run->rows[run->n_rows++];
	struct sweep_place places[SWEEP_PLACES];
	struct rdpmc_case swept;
	size_t count;
	uint32_t *ecxs = list_ecxs(run->options, &count);

	if (!ecxs)
		command_die("out of memory");
	row->configuration = run->label = configuration->name;
	run->since = clock_seconds();
	memset(&run->trial.tally, 0, sizeof(run->trial.tally));
	configuration_case(configuration, &swept);
	sweep_states(&run->sweep, &run->trial, &swept, ecxs, count, !run->options->type, places,
		     &row->result);
	free(ecxs);
	row->result.seconds = clock_seconds() - run->since;
	tell_row(run, row);
	sweep_tell_states(run->out, places, &run->trial.tally);
}

/* A real machine makes the same guest of many configurations: each guest once. */
static bool is_new_guest(const struct trial *trial, size_t number)
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
		rdpmc_view(&guest, &trial->choices, &made[i != number].guest);
		rdpmc_view(&host, &trial->choices, &made[i != number].host);
		if (i != number && !memcmp(&made[0], &made[1], sizeof(made[0])))
			return false;
	}
	return true;
}

static void states_of_all(struct run *run)
{
	const struct configuration *only = run->options->configuration;
	const struct engine *engine = run->trial.engine;
	bool left_out[nr_configurations];

	memset(left_out, 0, sizeof(left_out));
	for (size_t i = 0; i < nr_configurations && !command_interrupted(); i++) {
		left_out[i] = engine->real && !only && !is_new_guest(&run->trial, i);
		if (only ? &configurations[i] == only : !left_out[i])
			states(run, &configurations[i]);
	}
	sweep_tell_left_out(run->out, left_out);
	report_remarks(run->out, &run->trial);
	if (engine->speed && !command_interrupted()) {
		const char *speed = engine->speed(run->trial.vcpu);

		fprintf(run->out, "%s\n", speed ? speed : "speed: no lists here");
	}
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
		.trial = &run->trial,
		.type = options->type,
		.rows = run->rows,
		.n_rows = run->n_rows,
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
	struct options options = { 0 };
	struct run run = { .options = &options, .out = stdout };
	struct failure failure;
	char started[DOCUMENT_TIME];
	double since = clock_seconds();
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
	command_trial(&run.trial, &options.chosen);
	run.trial.thorough = true;
	run.sweep = (struct sweep){
		.interrupted = command_ends,
		.progress = command_progress() ? progress : NULL,
		.before = options.chosen.engine->real ? before : NULL,
		.opaque = &run,
	};
	run.rows = calloc(nr_configurations, sizeof(*run.rows));
	if (!run.rows)
		command_die("out of memory");
	document_now(started);
	run.journal = command_journal(options.chosen.engine);
	command_catch_signals();
	fprintf(run.out, "%-27s %15s %12s %9s\n", "configuration", "cases", "mismatches",
		"seconds");
	states_of_all(&run);
	command_journal_close(run.journal);
	status = finish(&run, started, since);
	trial_free(&run.trial);
	for (size_t i = 0; i < run.n_rows; i++)
		sweep_result_free(&run.rows[i].result);
	free(run.rows);
	return status;
}
