// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff mutants: the score of the harness. Each mutant against each driver, as a table. */
#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/cmd/command.h"
#include "fuzz/mutants/driver.h"
#include "fuzz/mutants/mutant.h"
#include "fuzz/report/names.h"
#include "fuzz/report/report.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/json/document.h"
#include "lib/json/json_file.h"
#include "lib/text.h"

struct options {
	const char *catalogue, *build, *json;
	double seconds[NR_DRIVERS];
	bool wanted[NR_DRIVERS];
	uint64_t seed;
	unsigned int jobs;
	char **globs;
};

enum { KEY_CATALOGUE = 256, KEY_BUILD, KEY_DRIVER, KEY_TIME };

static const struct argp_option mutants_options[] = {
	{ "catalogue", KEY_CATALOGUE, "DIR", 0, "The patches (default fuzz/mutants/patches)", 0 },
	{ "build", KEY_BUILD, "DIR", 0, "What `make mutants` built (default build)", 0 },
	{ "driver", KEY_DRIVER, "NAME", 0,
	  "Only this one, may be given again: libfuzzer, afl, made (plausible cases, until the "
	  "mutant's own oracle sees it), random (bytes)",
	  0 },
	{ "time", KEY_TIME, "SECONDS", 0,
	  "Give up after (default: libfuzzer 10, afl 60, made 10, random 2)", 0 },
	{ 0 },
};

static void want_driver(struct options *options, const char *name)
{
	for (int driver = 0; driver < NR_DRIVERS; driver++) {
		if (strcmp(driver_name(driver), name))
			continue;
		options->wanted[driver] = true;
		return;
	}
	command_die("--driver: '%s' is unknown; there are libfuzzer, afl, made and random", name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_CATALOGUE:
		options->catalogue = arg;
		break;
	case KEY_BUILD:
		options->build = arg;
		if (access(arg, X_OK))
			command_die("--build: %s: %s; `make mutants` builds into build/", arg,
				    strerror(errno));
		break;
	case KEY_DRIVER:
		want_driver(options, arg);
		break;
	case KEY_TIME:
		for (int driver = 0; driver < NR_DRIVERS; driver++)
			options->seconds[driver] = (double)command_number("--time", arg, 1, 86400);
		break;
	case ARGP_KEY_ARGS:
		options->globs = state->argv + state->next;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp mutants_argp = {
	.options = mutants_options,
	.parser = parse,
	.args_doc = "[NAME]...",
	.doc = "Run each driver on each mutant of the catalogue (those whose name matches a NAME, "
	       "* allowed), from an empty corpus, and report how soon it found it.\v"
	       "Exit status: 0 libfuzzer, afl and made found every mutant, 1 not, 2 "
	       "usage, 77 no driver can run, 128 + signal interrupted.",
};

/* The mutants being tried; threads take the next one. */
struct campaign {
	const struct options *options;
	const struct mutant *mutants;
	struct driver_result (*results)[NR_DRIVERS];
	int n;
	atomic_int next, done;
};

static void *work(void *opaque)
{
	struct campaign *campaign = opaque;
	const struct options *options = campaign->options;
	int i;

	while (!command_interrupted() && (i = campaign->next++) < campaign->n) {
		if (command_progress())
			fprintf(stderr, "\r\033[K%d of %d, %s", campaign->done, campaign->n,
				campaign->mutants[i].name);
		for (int driver = 0; driver < NR_DRIVERS && !command_interrupted(); driver++) {
			struct driver_job job = {
				.build = options->build,
				.name = campaign->mutants[i].name,
				.seconds = options->seconds[driver],
				.seed = options->seed,
				.oracles = report_oracle(campaign->mutants[i].oracle),
				.interrupted = command_ends,
			};

			if (options->wanted[driver])
				driver_run(driver, &job, &campaign->results[i][driver]);
		}
		campaign->done++;
	}
	return NULL;
}

static void print_result(const struct driver_result *result)
{
	if (!result->ran)
		printf("  %-18s", "-");
	else if (!result->found)
		printf("  not in %6.1f s   ", result->seconds);
	else
		printf("  %6.2f s %9llu", result->seconds, (unsigned long long)result->executions);
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Random bytes are there for comparison only. */
static bool found_all(const struct campaign *campaign, enum driver driver)
{
	for (int i = 0; i < campaign->n; i++)
		if (!campaign->results[i][driver].found)
			return false;
	return true;
}

/* The first line. Returns whether all was found that should be. */
static bool print_verdict(const struct campaign *campaign)
{
	const char *separator = ": not found by ";
	bool all = true;

	for (int driver = 0; driver < NR_DRIVERS; driver++)
		if (campaign->options->wanted[driver] && driver != DRIVER_RANDOM)
			all &= found_all(campaign, driver);
	printf("%s%s %d mutant%s", command_interrupted() ? "PARTIAL: " : "",
	       all ? "Found all" : "Did NOT find all", campaign->n, PLURAL(campaign->n));
	for (int driver = 0; driver < NR_DRIVERS; driver++)
		if (campaign->options->wanted[driver] && driver != DRIVER_RANDOM &&
		    !found_all(campaign, driver)) {
			printf("%s%s", separator, driver_name(driver));
			separator = ", ";
		}
	printf("\n\n");
	return all;
}

/* A line of totals. */
static void print_total(const struct campaign *campaign, enum driver driver)
{
	double *seconds = calloc((size_t)campaign->n, sizeof(*seconds));
	int ran = 0, found = 0;

	for (int i = 0; seconds && i < campaign->n; i++) {
		const struct driver_result *result = &campaign->results[i][driver];

		ran += result->ran;
		if (result->found)
			seconds[found++] = result->seconds;
	}
	if (found) {
		qsort(seconds, (size_t)found, sizeof(*seconds), by_number);
		printf("%-10s found %d of %d, in %.2f s (median) and %.2f s (worst)\n",
		       driver_name(driver), found, ran, seconds[found / 2], seconds[found - 1]);
	} else {
		printf("%-10s found 0 of %d\n", driver_name(driver), ran);
	}
	free(seconds);
}

/* Not, where an interrupt came first. */
static bool tried(const struct campaign *campaign, int i)
{
	bool any = false;

	for (int driver = 0; driver < NR_DRIVERS; driver++)
		any |= campaign->results[i][driver].ran || campaign->results[i][driver].why[0];
	return any;
}

static void print_table(const struct campaign *campaign)
{
	const struct options *options = campaign->options;
	char oracles[REPORT_ORACLES];

	for (int driver = 0; driver < NR_DRIVERS; driver++)
		if (options->wanted[driver])
			print_total(campaign, driver);
	printf("\n%-30s", "mutant");
	for (int driver = 0; driver < NR_DRIVERS; driver++)
		if (options->wanted[driver])
			printf("  %-18s", driver_name(driver));
	printf("  oracle\n");
	for (int i = 0; i < campaign->n; i++) {
		unsigned int seen = 0;

		if (!tried(campaign, i))
			continue;
		printf("%-30s", campaign->mutants[i].name);
		for (int driver = 0; driver < NR_DRIVERS; driver++) {
			if (!options->wanted[driver])
				continue;
			print_result(&campaign->results[i][driver]);
			seen |= campaign->results[i][driver].found
					? campaign->results[i][driver].oracles
					: 0;
		}
		printf("  %s\n", report_oracles(seen, oracles));
	}
	for (int i = 0; i < campaign->n; i++)
		for (int driver = 0; driver < NR_DRIVERS; driver++)
			if (campaign->results[i][driver].why[0])
				printf("%s, %s did not run: %s\n", campaign->mutants[i].name,
				       driver_name(driver), campaign->results[i][driver].why);
}

/* Keep the mutants whose name matches one of the globs. */
static int choose(const struct options *options, struct mutant *mutants, int n)
{
	int kept = 0;

	if (!options->globs)
		return n;
	for (int i = 0; i < n; i++)
		for (char **glob = options->globs; *glob; glob++)
			if (!fnmatch(*glob, mutants[i].name, 0)) {
				mutants[kept++] = mutants[i];
				break;
			}
	if (!kept)
		command_die("mutants: no mutant in %s has a name like '%s'", options->catalogue,
			    *options->globs);
	return kept;
}

/* Without --driver: those that can run, and why the others cannot. */
static bool choose_drivers(struct options *options)
{
	bool named = false, any = false;

	for (int driver = 0; driver < NR_DRIVERS; driver++)
		named |= options->wanted[driver];
	for (int driver = 0; driver < NR_DRIVERS; driver++) {
		const char *missing;

		if (named && !options->wanted[driver])
			continue;
		missing = driver_missing(driver, options->build);
		options->wanted[driver] = !missing;
		any |= !missing;
		if (missing)
			fprintf(stderr, "rdpmc-diff: skipped %s: %s\n", driver_name(driver),
				missing);
	}
	return any;
}

static void run_all(struct campaign *campaign)
{
	unsigned int jobs = campaign->options->jobs, started = 0;
	pthread_t threads[COMMAND_JOBS];

	while (started < jobs && !pthread_create(&threads[started], NULL, work, campaign))
		started++;
	if (!started)
		command_die("cannot start a thread: %s", strerror(errno));
	while (started)
		pthread_join(threads[--started], NULL);
	if (command_progress())
		fprintf(stderr, "\r\033[K");
}

static json_t *row_json(const struct mutant *mutant, enum driver driver,
			const struct driver_result *result)
{
	char oracles[REPORT_ORACLES];

	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:f, s:I, s:s}", "name", mutant->name,
			 "what", mutant->what, "origin", mutant->origin, "rule", mutant->rule,
			 "found", result->found, "engine", "emulator", "driver",
			 driver_name(driver), "seconds", result->seconds, "executions",
			 (json_int_t)result->executions, "oracle",
			 result->found ? report_oracles(result->oracles, oracles) : "");
}

static void write_json(const struct campaign *campaign, const char *started, double elapsed)
{
	const struct options *options = campaign->options;
	json_t *rows = json_array(), *document;
	struct failure failure;

	for (int i = 0; i < campaign->n; i++)
		for (int driver = 0; driver < NR_DRIVERS; driver++)
			if (campaign->results[i][driver].ran)
				json_array_append_new(rows,
						      row_json(&campaign->mutants[i], driver,
							       &campaign->results[i][driver]));
	document = document_json("faults", started, command_interrupted(), elapsed,
				 json_pack("{s:I, s:i}", "seed", (json_int_t)options->seed, "jobs",
					   (int)options->jobs),
				 rows);
	if (!document)
		command_die("out of memory for the result");
	if (json_file_write(options->json, document, &failure))
		command_die("--json: %s", failure.text);
	json_decref(document);
}

int command_mutants(int argc, char **argv)
{
	struct options options = {
		.catalogue = "fuzz/mutants/patches",
		.build = "build",
		.seconds = { [DRIVER_LIBFUZZER] = 10,
			     [DRIVER_AFL] = 60,
			     [DRIVER_MADE] = 10,
			     [DRIVER_RANDOM] = 2 },
	};
	const struct command_shared shared = { .seed = &options.seed,
					       .seed_max = UINT32_MAX,
					       .jobs = &options.jobs,
					       .json = &options.json };
	struct campaign campaign = { .options = &options };
	char why[256], started[DOCUMENT_TIME];
	struct mutant *mutants;
	double since;
	bool all;

	command_parse(&mutants_argp, &shared, argc, argv, &options);
	campaign.n = mutants_read(options.catalogue, &mutants, why, sizeof(why));
	if (campaign.n < 0)
		command_die("mutants: %s", why);
	for (int i = 0; i < campaign.n; i++)
		if (!report_oracle(mutants[i].oracle))
			command_die("mutants: %s: '%s' is no oracle", mutants[i].name,
				    mutants[i].oracle);
	campaign.n = choose(&options, mutants, campaign.n);
	if (!choose_drivers(&options))
		return EXIT_NOTHING_RAN;
	campaign.mutants = mutants;
	campaign.results = calloc((size_t)campaign.n, sizeof(*campaign.results));
	if (!campaign.results)
		command_die("out of memory");
	command_catch_signals();
	document_now(started);
	since = clock_seconds();
	run_all(&campaign);
	all = print_verdict(&campaign);
	print_table(&campaign);
	if (options.json)
		write_json(&campaign, started, clock_seconds() - since);
	free(campaign.results);
	free(mutants);
	if (command_interrupted())
		return 128 + command_interrupted();
	return all ? EXIT_GOOD : EXIT_FINDING;
}
