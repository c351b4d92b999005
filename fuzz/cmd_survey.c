// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff survey: the whole picture of how an engine differs from the processor, or another. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/clock.h"
#include "fuzz/command.h"
#include "fuzz/command_journal.h"
#include "fuzz/document.h"
#include "fuzz/mutate.h"
#include "fuzz/survey_report.h"
#include "results/json_file.h"

#define MOST_JOBS 64
#define MADE      5000000

struct options {
	struct command_engine chosen, against;
	const struct configuration **configurations;
	size_t n_configurations;
	unsigned int jobs;
	const char *json, *markdown, *save;
};

enum { KEY_AGAINST = 256, KEY_CONFIGURATION, KEY_JSON, KEY_MARKDOWN, KEY_SAVE };

static const struct argp_option survey_options[] = {
	{ "against", KEY_AGAINST, "NAME", 0, "What changes from --engine to this engine", 0 },
	{ "configuration", KEY_CONFIGURATION, "NAME", 0,
	  "Only this; may be repeated (see `sweep --list`)", 0 },
	{ "json", KEY_JSON, "FILE", 0, "Write it as JSON (- is standard output)", 0 },
	{ "markdown", KEY_MARKDOWN, "FILE", 0, "Write it for a mail or pull request (likewise)",
	  0 },
	{ "save", KEY_SAVE, "DIRECTORY", 0, "Keep each class's smallest case there, for `run`", 0 },
	{ "jobs", 'j', "N", 0, "Processes (default: a processor each)", 0 },
	{ 0 },
};

static void add_configuration(struct options *options, const char *name)
{
	const struct configuration *found = configuration_find(name);

	if (!found)
		command_die(
			"--configuration: there is no '%s'; `rdpmc-diff sweep --list` tells what "
			"there is",
			name);
	for (size_t i = 0; i < options->n_configurations; i++)
		if (options->configurations[i] == found)
			return;
	options->configurations[options->n_configurations++] = found;
}

static void find_against(struct options *options, const char *name)
{
	const char *why;

	options->against.named = name;
	options->against.engine = engine_find(name, &why);
	if (!options->against.engine)
		command_die("--against: '%s': %s; `rdpmc-diff engines` lists what there is", name,
			    why);
}

static bool is_stdout(const char *path)
{
	return path && !strcmp(path, "-");
}

static void check(struct options *options)
{
	struct failure failure;

	if (options->json && json_file_check(options->json, &failure))
		command_die("--json: %s", failure.text);
	if (is_stdout(options->json) && is_stdout(options->markdown))
		command_die("--json and --markdown cannot both go to standard output");
	if (options->markdown && json_file_check(options->markdown, &failure))
		command_die("--markdown: %s", failure.text);
	if (options->against.engine && options->save)
		command_die("--save is for one engine; not with --against");
	if (options->against.engine == options->chosen.engine)
		command_die("--against is the same engine");
	if (options->against.engine &&
	    !strcmp(options->against.engine->what, options->chosen.engine->what))
		fprintf(stderr, "rdpmc-diff: both engines are made of the same sources: %s\n",
			options->chosen.engine->what);
	if (options->n_configurations)
		return;
	for (size_t i = 0; i < nr_configurations; i++)
		options->configurations[options->n_configurations++] = &configurations[i];
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->chosen;
		break;
	case KEY_AGAINST:
		find_against(options, arg);
		break;
	case KEY_CONFIGURATION:
		add_configuration(options, arg);
		break;
	case KEY_JSON:
		options->json = arg;
		break;
	case KEY_MARKDOWN:
		options->markdown = arg;
		break;
	case KEY_SAVE:
		options->save = arg;
		mkdir(arg, 0777);
		if (access(arg, W_OK | X_OK))
			command_die("--save: %s: %s", arg, strerror(errno));
		break;
	case 'j':
		options->jobs = (unsigned int)command_number("--jobs", arg, 1, MOST_JOBS);
		break;
	case ARGP_KEY_END:
		check(options);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = { { &command_engine_argp, 0, NULL, 0 }, { 0 } };
static const struct argp survey_argp = {
	.options = survey_options,
	.parser = parse,
	.doc = "How an engine differs from the processor: each class of reads that differ alike, "
	       "its smallest case, how many it covers, whether it is known.\v"
	       "Exit status: 0 nothing new, even if known differences did not happen; 1 a new one, "
	       "with --against something that became wrong, or a worker died; 2 usage or a file "
	       "that cannot be used; 77 an engine cannot run here, or answers nothing; 128 + "
	       "signal interrupted: what was done is reported.",
	.children = children,
};

static void progress(void *opaque, double share)
{
	const double *since = opaque;
	double passed = clock_seconds() - *since;
	static double told; /* not more often than a person reads */

	if (passed - told < 0.2)
		return;
	told = passed;
	fprintf(stderr, "\r\033[K%.0f %%", 100 * share);
	if (share > 0.05)
		fprintf(stderr, ", about %.0f s left", passed / share - passed);
}

/* That the engines run here at all is said before anything else. */
static struct known *try_engine(const struct command_engine *chosen)
{
	struct known *known;
	struct trial trial;

	command_trial(&trial, chosen);
	known = trial.known;
	trial_free(&trial);
	return known;
}

static void save_all(const char *directory, const struct survey_result *result)
{
	char path[SURVEY_PATH];
	struct case_bytes bytes;
	FILE *file;

	for (size_t i = 0; i < result->n_classes; i++) {
		survey_path(path, directory, &result->classes[i], i);
		survey_case(result, &result->classes[i], &bytes);
		file = fopen(path, "wb");
		if (!file || fwrite(&bytes, sizeof(bytes), 1, file) != 1 || fclose(file))
			command_die("--save: %s: %s", path, strerror(errno));
	}
}

static int note_group(void *journal, uint64_t first)
{
	uint8_t data[MUTATE_SIZE];

	for (uint64_t i = first; i < first + SURVEY_NOTE && i < MADE; i++)
		if (journal_add(journal, data, mutate_numbered(SURVEY_SEED, i, data, sizeof(data))))
			return errno;
	return journal_sync(journal) ? errno : 0;
}

/*
 * What is known may want a guest that no configuration has to happen; and what is new may, too.
 * Single engines cannot have two vCPUs: the survey's workers are done.
 */
static void try_made(const struct command_engine *chosen, struct survey_result *result,
		     struct survey_report *report)
{
	struct journal *journal = command_journal(chosen->engine);
	struct survey_made made;
	const char *why;

	if (survey_made(result, MADE, journal ? note_group : NULL, journal, &made, &why))
		command_die("engine %s: random cases: %s", chosen->engine->name, why);
	command_journal_close(journal);
	report->made = made.answered || made.differ ? made.cases : 0;
	report->made_new = made.differ;
}

static void write_markdown(const char *path, const struct survey_report *report)
{
	struct failure failure;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out)
		survey_markdown(out, report);
	if (!out || fclose(out))
		command_die("--markdown: out of memory");
	if (text_file_write(path, text, &failure))
		command_die("--markdown: %s", failure.text);
	free(text);
}

static void write_all(const struct options *options, const struct survey_report *report)
{
	struct failure failure;
	json_t *json;

	survey_text(is_stdout(options->json) || is_stdout(options->markdown) ? stderr : stdout,
		    report);
	if (options->save)
		save_all(options->save, report->result);
	if (options->markdown)
		write_markdown(options->markdown, report);
	if (!options->json)
		return;
	json = survey_json(report);
	if (!json)
		command_die("--json: out of memory");
	if (json_file_write(options->json, json, &failure))
		command_die("--json: %s", failure.text);
	json_decref(json);
}

static int status_of(const struct survey_report *report)
{
	const struct survey_result *result = report->result;

	if (command_interrupted())
		return 128 + command_interrupted();
	if (survey_bad(result) || result->partial || report->made_new)
		return EXIT_FINDING;
	return survey_tried(result) ? EXIT_GOOD : EXIT_NOTHING_RAN;
}

static void known_of(const struct options *options, struct survey *survey,
		     struct survey_report *report, char *directory, size_t size)
{
	survey->known[SURVEY_BEFORE] = try_engine(&options->chosen);
	if (options->against.engine)
		survey->known[SURVEY_AFTER] = try_engine(&options->against);
	if (options->chosen.known)
		snprintf(directory, size, "%s", options->chosen.known);
	else if (known_directory(directory, size))
		return;
	else if (!getenv("RDPMC_KNOWN"))
		snprintf(directory, size, "fuzz/known"); /* not where this machine has it */
	if (survey->known[SURVEY_BEFORE])
		report->known = directory;
}

int command_survey(int argc, char **argv)
{
	struct options options = { .jobs = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN) };
	char started[DOCUMENT_TIME], directory[4096];
	struct survey_report report = { .started = started };
	struct survey_result result;
	double since = clock_seconds();
	struct survey survey;
	const char *why;
	int status;

	options.configurations = calloc(nr_configurations, sizeof(*options.configurations));
	if (!options.configurations)
		command_die("out of memory");
	command_parse(&survey_argp, argc, argv, &options);
	options.against.choices = options.chosen.choices;
	options.against.known = options.chosen.known;
	survey = (struct survey){
		.engines = { options.chosen.engine, options.against.engine },
		.choices = options.chosen.choices,
		.configurations = options.configurations,
		.n_configurations = options.n_configurations,
		.jobs = options.jobs > MOST_JOBS ? MOST_JOBS : options.jobs,
		.interrupted = command_ends,
		.progress = command_progress() ? progress : NULL,
		.opaque = &since,
	};
	known_of(&options, &survey, &report, directory, sizeof(directory));
	document_now(started);
	command_catch_signals();
	if (survey_run(&survey, &result, &why)) {
		fprintf(stderr, "rdpmc-diff: engine %s: %s\n", survey.engines[0]->name, why);
		return EXIT_NOTHING_RAN;
	}
	if (survey.progress)
		fprintf(stderr, "\r\033[K");
	if (!options.against.engine && options.n_configurations == nr_configurations)
		try_made(&options.chosen, &result, &report);
	result.seconds = clock_seconds() - since;
	report.result = &result;
	report.names[SURVEY_BEFORE] = options.chosen.named;
	report.names[SURVEY_AFTER] = options.against.named;
	report.saved = options.save;
	write_all(&options, &report);
	status = status_of(&report);
	survey_free(&result);
	free(options.configurations);
	return status;
}
