// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff faults: the score of the harness. Each fault against each driver, as a table. */
#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/clock.h"
#include "fuzz/command.h"
#include "fuzz/document.h"
#include "fuzz/faults_json.h"
#include "fuzz/report.h"
#include "results/json_file.h"

#define MOST_JOBS 64

struct options {
	const char *catalogue, *build, *json;
	double seconds[NR_DRIVERS];
	bool wanted[NR_DRIVERS];
	uint64_t seed;
	unsigned int jobs;
	char **globs;
};

enum { KEY_CATALOGUE = 256, KEY_BUILD, KEY_DRIVER, KEY_TIME, KEY_SEED, KEY_JSON };

static const struct argp_option faults_options[] = {
	{ "catalogue", KEY_CATALOGUE, "DIR", 0, "The patches (default fuzz/faults)", 0 },
	{ "build", KEY_BUILD, "DIR", 0, "What `make faults` built (default build)", 0 },
	{ "driver", KEY_DRIVER, "NAME", 0,
	  "Only this one, may be given again: libfuzzer, afl, made (plausible cases, until the "
	  "fault's own oracle sees it), random (bytes)",
	  0 },
	{ "time", KEY_TIME, "SECONDS", 0,
	  "Give up after (default: libfuzzer 10, afl 60, made 10, random 2)", 0 },
	{ "seed", KEY_SEED, "N", 0, "Seed of all drivers (default 1)", 0 },
	{ "json", KEY_JSON, "FILE", 0, "Write the table as JSON (- is standard output)", 0 },
	{ "jobs", 'j', "N", 0, "Faults at a time (default: a processor each)", 0 },
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
		break;
	case KEY_DRIVER:
		want_driver(options, arg);
		break;
	case KEY_TIME:
		for (int driver = 0; driver < NR_DRIVERS; driver++)
			options->seconds[driver] = (double)command_number("--time", arg, 1, 86400);
		break;
	case KEY_SEED:
		options->seed = command_number("--seed", arg, 0, UINT32_MAX);
		break;
	case 'j':
		options->jobs = (unsigned int)command_number("--jobs", arg, 1, MOST_JOBS);
		break;
	case KEY_JSON:
		options->json = arg;
		break;
	case ARGP_KEY_ARGS:
		options->globs = state->argv + state->next;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp faults_argp = {
	.options = faults_options,
	.parser = parse,
	.args_doc = "[NAME]...",
	.doc = "Set each deliberate defect of the catalogue (those whose name matches a NAME, * "
	       "allowed) against each driver, from an empty corpus, and tell how soon it was "
	       "found.\v"
	       "Exit status: 0 libfuzzer, afl and made found all they were set against, 1 not, 2 "
	       "usage, 77 no driver can run, 128 + signal interrupted.",
};

/* The faults being tried; threads take the next one. */
struct campaign {
	const struct options *options;
	const struct fault *faults;
	struct driver_result (*results)[NR_DRIVERS];
	int n, next, done;
	pthread_mutex_t lock;
};

static void tell_progress(struct campaign *campaign, const char *name)
{
	if (command_progress())
		fprintf(stderr, "\r\033[K%d of %d, %s", campaign->done, campaign->n, name);
}

static void *work(void *opaque)
{
	struct campaign *campaign = opaque;
	const struct options *options = campaign->options;

	for (;;) {
		int i;

		pthread_mutex_lock(&campaign->lock);
		i = campaign->next++;
		if (i < campaign->n)
			tell_progress(campaign, campaign->faults[i].name);
		pthread_mutex_unlock(&campaign->lock);
		if (i >= campaign->n || command_interrupted())
			return NULL;
		for (int driver = 0; driver < NR_DRIVERS && !command_interrupted(); driver++) {
			struct driver_job job = {
				.build = options->build,
				.name = campaign->faults[i].name,
				.seconds = options->seconds[driver],
				.seed = options->seed,
				.oracles = report_oracle(campaign->faults[i].oracle),
			};

			if (options->wanted[driver])
				driver_run(driver, &job, &campaign->results[i][driver]);
		}
		pthread_mutex_lock(&campaign->lock);
		campaign->done++;
		pthread_mutex_unlock(&campaign->lock);
	}
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

/* A line of totals. Returns whether @driver found all that it was set against. */
static bool print_total(const struct campaign *campaign, enum driver driver)
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
		printf("%-10s found %d of %d; seconds to find: median %.2f, worst %.2f\n",
		       driver_name(driver), found, ran, seconds[found / 2], seconds[found - 1]);
	} else {
		printf("%-10s found 0 of %d\n", driver_name(driver), ran);
	}
	free(seconds);
	return found == ran && ran == campaign->n;
}

/* Not, where an interrupt came first. */
static bool tried(const struct campaign *campaign, int i)
{
	bool any = false;

	for (int driver = 0; driver < NR_DRIVERS; driver++)
		any |= campaign->results[i][driver].ran || campaign->results[i][driver].why[0];
	return any;
}

/* Returns whether all was found that should be: random bytes are there for comparison only. */
static bool print_table(const struct campaign *campaign)
{
	const struct options *options = campaign->options;
	char oracles[REPORT_ORACLES];
	bool all = true;

	printf("%-30s", "fault");
	for (int driver = 0; driver < NR_DRIVERS; driver++)
		if (options->wanted[driver])
			printf("  %-18s", driver_name(driver));
	printf("  oracle\n");
	for (int i = 0; i < campaign->n; i++) {
		unsigned int seen = 0;

		if (!tried(campaign, i))
			continue;
		printf("%-30s", campaign->faults[i].name);
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
				printf("%s, %s did not run: %s\n", campaign->faults[i].name,
				       driver_name(driver), campaign->results[i][driver].why);
	printf("\n");
	for (int driver = 0; driver < NR_DRIVERS; driver++)
		if (options->wanted[driver] && !print_total(campaign, driver) &&
		    driver != DRIVER_RANDOM)
			all = false;
	return all;
}

/* Keep the faults whose name matches one of the globs. */
static int choose(const struct options *options, struct fault *faults, int n)
{
	int kept = 0;

	if (!options->globs)
		return n;
	for (int i = 0; i < n; i++)
		for (char **glob = options->globs; *glob; glob++)
			if (!fnmatch(*glob, faults[i].name, 0)) {
				faults[kept++] = faults[i];
				break;
			}
	if (!kept)
		command_die("faults: no fault of that name in %s", options->catalogue);
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
	pthread_t threads[MOST_JOBS];

	while (started < jobs && !pthread_create(&threads[started], NULL, work, campaign))
		started++;
	if (!started)
		command_die("cannot start a thread: %s", strerror(errno));
	while (started)
		pthread_join(threads[--started], NULL);
	if (command_progress())
		fprintf(stderr, "\r\033[K");
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
						      faults_row(&campaign->faults[i], driver,
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

int command_faults(int argc, char **argv)
{
	struct options options = {
		.catalogue = "fuzz/faults",
		.build = "build",
		.seconds = { [DRIVER_LIBFUZZER] = 10,
			     [DRIVER_AFL] = 60,
			     [DRIVER_MADE] = 10,
			     [DRIVER_RANDOM] = 2 },
		.seed = 1,
		.jobs = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN),
	};
	struct campaign campaign = { .options = &options, .lock = PTHREAD_MUTEX_INITIALIZER };
	char why[256], started[DOCUMENT_TIME];
	struct failure failure;
	struct fault *faults;
	double since;
	bool all;

	command_parse(&faults_argp, argc, argv, &options);
	if (options.json && json_file_check(options.json, &failure))
		command_die("--json: %s", failure.text);
	campaign.n = faults_read(options.catalogue, &faults, why, sizeof(why));
	if (campaign.n < 0)
		command_die("faults: %s", why);
	for (int i = 0; i < campaign.n; i++)
		if (!report_oracle(faults[i].oracle))
			command_die("faults: %s: '%s' is no oracle", faults[i].name,
				    faults[i].oracle);
	campaign.n = choose(&options, faults, campaign.n);
	if (!choose_drivers(&options))
		return EXIT_NOTHING_RAN;
	campaign.faults = faults;
	campaign.results = calloc((size_t)campaign.n, sizeof(*campaign.results));
	if (!campaign.results)
		command_die("out of memory");
	command_catch_signals();
	document_now(started);
	since = clock_seconds();
	run_all(&campaign);
	all = print_table(&campaign);
	if (options.json)
		write_json(&campaign, started, clock_seconds() - since);
	free(campaign.results);
	free(faults);
	if (command_interrupted())
		return 128 + command_interrupted();
	return all ? EXIT_GOOD : EXIT_FINDING;
}
