// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff survey: the whole picture of how an engine differs from the processor, or another. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/case/mutate.h"
#include "fuzz/cmd/command.h"
#include "fuzz/cmd/survey_live.h"
#include "fuzz/inputs/command_journal.h"
#include "fuzz/survey/survey_report.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/json/document.h"
#include "lib/json/json_file.h"

#define MADE      5000000
#define MADE_REAL 200000 /* of a real machine's, which is slow */

struct options {
	struct command_engine chosen, against;
	const struct configuration **configurations;
	size_t n_configurations;
	unsigned int jobs;
	const char *json, *markdown, *save;
	bool verbose, all; /* configurations */
};

enum { KEY_AGAINST = 256, KEY_CONFIGURATION, KEY_LIST, KEY_MARKDOWN, KEY_SAVE };

static const struct argp_option survey_options[] = {
	{ "against", KEY_AGAINST, "NAME", 0, "What changes from --engine to this engine", 0 },
	{ "configuration", KEY_CONFIGURATION, "NAME", 0, "Only this; may be repeated", 0 },
	{ "list", KEY_LIST, NULL, 0, "List the configurations and end", 0 },
	{ "markdown", KEY_MARKDOWN, "FILE", 0, "Write it for a mail or pull request (likewise)",
	  0 },
	{ "save", KEY_SAVE, "DIRECTORY", 0, "Keep each class's smallest case there, for `run`", 0 },
	{ "verbose", 'v', NULL, 0, "All names, intercepts, statistics", 0 },
	{ 0 },
};

static void add_configuration(struct options *options, const char *name)
{
	const struct configuration *found = configuration_find(name);

	if (!found)
		command_die("--configuration: there is no '%s'; --list prints what there is", name);
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

static void list(void)
{
	for (size_t i = 0; i < nr_configurations; i++)
		printf("%-27s %s\n", configurations[i].name, configurations[i].what);
	exit(EXIT_GOOD);
}

static bool is_stdout(const char *path)
{
	return path && !strcmp(path, "-");
}

static void check(struct options *options)
{
	struct failure failure;

	if (is_stdout(options->json) && is_stdout(options->markdown))
		command_die("--json and --markdown cannot both go to standard output");
	if (options->markdown && file_check(options->markdown, &failure))
		command_die("--markdown: %s", failure.text);
	if (options->against.engine == options->chosen.engine)
		command_die("--against: '%s' is the engine that --engine names: name another",
			    options->against.named);
	if (options->against.engine &&
	    !strcmp(options->against.engine->what, options->chosen.engine->what))
		fprintf(stderr, "rdpmc-diff: both engines are built from the same sources: %s\n",
			options->chosen.engine->what);
	if (options->n_configurations)
		return;
	options->all = true;
	for (size_t i = 0; i < nr_configurations; i++)
		options->configurations[options->n_configurations++] = &configurations[i];
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_AGAINST:
		find_against(options, arg);
		break;
	case KEY_CONFIGURATION:
		add_configuration(options, arg);
		break;
	case KEY_LIST:
		list();
		break;
	case KEY_MARKDOWN:
		options->markdown = arg;
		break;
	case KEY_SAVE:
		options->save = arg;
		break;
	case 'v':
		options->verbose = true;
		break;
	case ARGP_KEY_END:
		check(options);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp survey_argp = {
	.options = survey_options,
	.parser = parse,
	.doc = "How an engine differs from the processor, or from another engine, by classes of "
	       "reads that differ alike.\v"
	       "Exit status: 0 nothing new, even if known differences did not happen; 1 a new one, "
	       "with --against something that became wrong, or a worker died or hung; 2 usage or a "
	       "file "
	       "that cannot be used; 77 an engine cannot run here, or answers nothing; 128 + "
	       "signal interrupted: what was done is reported.",
};

/* A survey of this command under way. */
struct work {
	double since;
	struct journal *journal;  /* of a real machine's, or NULL */
	struct findings findings; /* in its states */
	char *host;               /* what there is to say of it */
	size_t host_size;
};

static void progress(void *opaque, double share)
{
	const struct work *work = opaque;
	double passed = clock_seconds() - work->since;
	static double reported; /* not more often than a person reads */

	if (passed - reported < 0.2)
		return;
	reported = passed;
	fprintf(stderr, "\r\033[K%.0f %%", 100 * share);
	if (share > 0.05)
		fprintf(stderr, ", about %.0f s left", passed / share - passed);
}

static void before(void *opaque, const uint8_t *data, size_t size)
{
	const struct work *work = opaque;

	command_journal_add(work->journal, data, size);
	command_journal_sync(work->journal);
}

/* That the engines run here at all is said before anything else. */
static struct known *try_engine(struct options *options, const struct command_engine *chosen,
				struct work *work, const char **remarks)
{
	struct known *known;
	struct trial trial;
	FILE *out;

	command_trial(&trial, chosen);
	known = trial.known;
	if (chosen->engine->real) {
		work->journal = command_journal(chosen->engine);
		out = open_memstream(&work->host, &work->host_size);
		if (!out)
			command_die("out of memory");
		survey_live_states(out, &trial, work->journal, &work->findings);
		if (options->all)
			options->n_configurations = survey_live_guests(
				out, &trial, options->configurations, options->n_configurations);
		fclose(out);
		options->jobs = 1; /* one journal, of what one process does */
	} else if (chosen->engine->remark) {
		for (unsigned int i = 0; i < SURVEY_REMARKS; i++)
			remarks[i] = chosen->engine->remark(trial.vcpu, i);
	}
	trial_free(&trial);
	return known;
}

static void save_all(const char *directory, const struct survey_result *result)
{
	struct survey_number *numbers = survey_numbers(result);
	char path[SURVEY_PATH];
	uint8_t data[MUTATE_SIZE];
	struct failure failure;
	size_t size;

	if (!numbers)
		command_die("out of memory");
	for (size_t i = 0; i < result->n_classes; i++) {
		survey_path(path, directory, &result->classes[i], numbers[i].number);
		size = survey_case(result, &result->classes[i], data);
		if (file_write(path, data, size, &failure))
			command_die("--save: %s", failure.text);
	}
	free(numbers);
}

static uint64_t number_of_made(const struct survey *survey)
{
	const struct engine *after = survey->engines[SURVEY_AFTER];

	return survey->engines[SURVEY_BEFORE]->real || (after && after->real) ? MADE_REAL : MADE;
}

static int note_group(void *journal, uint64_t first)
{
	uint8_t data[MUTATE_SIZE];

	for (uint64_t i = first; i < first + SURVEY_NOTE && i < MADE_REAL; i++)
		if (journal_add(journal, data, mutate_numbered(SURVEY_SEED, i, data, sizeof(data))))
			return errno;
	return journal_sync(journal) ? errno : 0;
}

/*
 * What is known may want a guest that no configuration has to happen; and what is new may, too.
 * Single engines cannot have two vCPUs: the survey's workers are done.
 */
static void try_made(const struct survey *survey, struct survey_result *result,
		     struct survey_report *report, struct journal *journal,
		     char not_tried[TALLY_TEXT])
{
	struct survey_made made;
	const char *why;

	if (survey_made(result, number_of_made(survey), journal ? note_group : NULL, journal, &made,
			&why))
		command_die("random cases: %s", why);
	report->made = tally_answered(&made.tally) || made.differ ? made.cases : 0;
	report->made_new = made.differ;
	report->made_not_tried = tally_not_tried(&made.tally, not_tried);
}

static void write_markdown(const char *path, const struct page *page)
{
	struct failure failure;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out)
		page_print(out, page, true);
	if (!out || fclose(out))
		command_die("--markdown: out of memory");
	if (file_write(path, text, strlen(text), &failure))
		command_die("--markdown: %s", failure.text);
	free(text);
}

static void write_all(const struct options *options, const struct survey_report *report,
		      const struct work *work)
{
	FILE *out = is_stdout(options->json) || is_stdout(options->markdown) ? stderr : stdout;
	struct failure failure;
	struct page page;
	json_t *json;

	survey_page(&page, report);
	if (page.failed)
		command_die("out of memory");
	page_print(out, &page, false);
	if (work->host)
		fprintf(out, "\n%s", work->host);
	if (options->save)
		save_all(options->save, report->result);
	if (options->markdown)
		write_markdown(options->markdown, &page);
	if (options->json) {
		json = survey_json(&page, report);
		if (!json)
			command_die("--json: out of memory");
		if (json_file_write(options->json, json, &failure))
			command_die("--json: %s", failure.text);
		json_decref(json);
	}
	page_free(&page);
}

static int status_of(const struct survey_report *report)
{
	const struct survey_result *result = report->result;

	if (command_interrupted())
		return 128 + command_interrupted();
	const bool made_new = report->made_new && survey_sides(result->survey) == 1;

	if (survey_bad(result) || result->partial || result->made_too_many || made_new ||
	    report->states_new)
		return EXIT_FINDING;
	return survey_tried(result) ? EXIT_GOOD : EXIT_NOTHING_RAN;
}

static void known_of(struct options *options, struct survey *survey, struct survey_report *report,
		     struct work *work, char *directory, size_t size)
{
	survey->known[SURVEY_BEFORE] =
		try_engine(options, &options->chosen, work, survey->remarks[SURVEY_BEFORE]);
	if (options->against.engine)
		survey->known[SURVEY_AFTER] =
			try_engine(options, &options->against, work, survey->remarks[SURVEY_AFTER]);
	if (options->chosen.known)
		snprintf(directory, size, "%s", options->chosen.known);
	else if (known_directory(directory, size))
		return;
	else if (!getenv("RDPMC_KNOWN")) /* not where this machine has it */
		snprintf(directory, size, "%s",
			 strstr(directory, "share/rdpmc/known") ? "share/rdpmc/known"
								: "fuzz/oracle/known");
	if (survey->known[SURVEY_BEFORE])
		report->known = directory;
}

int command_survey(int argc, char **argv)
{
	struct options options = { 0 };
	const struct command_shared shared = { .engine = &options.chosen,
					       .jobs = &options.jobs,
					       .json = &options.json };
	char started[DOCUMENT_TIME], directory[4096], arguments[COMMAND_ARGUMENTS];
	char not_tried[TALLY_TEXT];
	struct survey_report report = { .started = started };
	struct survey_result result;
	struct work work = { .since = clock_seconds() };
	struct survey survey;
	const char *why;
	int status;

	options.configurations = calloc(nr_configurations, sizeof(*options.configurations));
	if (!options.configurations)
		command_die("out of memory");
	command_parse(&survey_argp, &shared, argc, argv, &options);
	if (options.save)
		command_directory("--save: ", options.save);
	options.against.choices = options.chosen.choices;
	options.against.known = options.chosen.known;
	survey = (struct survey){
		.engines = { options.chosen.engine, options.against.engine },
		.choices = options.chosen.choices,
		.configurations = options.configurations,
		.interrupted = command_ends,
		.progress = command_progress() ? progress : NULL,
		.opaque = &work,
	};
	command_catch_signals();
	known_of(&options, &survey, &report, &work, directory, sizeof(directory));
	survey.n_configurations = options.n_configurations;
	survey.jobs = options.jobs;
	survey.before = work.journal ? before : NULL;
	document_now(started);
	if (survey_run(&survey, &result, &why)) {
		fprintf(stderr, "rdpmc-diff: engine %s: %s\n", survey.engines[0]->name, why);
		return EXIT_NOTHING_RAN;
	}
	if (survey.progress)
		fprintf(stderr, "\r\033[K");
	if (options.all && !result.partial)
		try_made(&survey, &result, &report, work.journal, not_tried);
	result.seconds = clock_seconds() - work.since;
	command_journal_end(work.journal, *result.died);
	report.result = &result;
	report.chosen = options.all ? 0 : options.n_configurations;
	report.configurations = nr_configurations;
	report.whole = options.all && !result.partial;
	report.states_new = work.findings.kinds;
	report.names[SURVEY_BEFORE] = options.chosen.named;
	report.names[SURVEY_AFTER] = options.against.named;
	report.saved = options.save;
	command_arguments(&options.chosen, arguments);
	report.arguments = arguments;
	report.verbose = options.verbose;
	write_all(&options, &report, &work);
	status = status_of(&report);
	survey_free(&result);
	findings_free(&work.findings);
	free(work.host);
	free(options.configurations);
	return status;
}
