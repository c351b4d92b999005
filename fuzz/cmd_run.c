// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff run: cases from files, or made at random, through an engine against the model. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/clock.h"
#include "fuzz/command.h"
#include "fuzz/findings.h"
#include "fuzz/inputs.h"
#include "fuzz/mutate.h"
#include "fuzz/report.h"

#define MOST_JOBS 256
#define ROUND     65536 /* cases between looks at the clock */

struct options {
	struct command_engine chosen;
	uint64_t random, seed;
	unsigned int jobs;
	const char *save;
	bool quiet;
	char **paths;
};

enum { KEY_RANDOM = 256, KEY_SEED, KEY_SAVE };

static const struct argp_option run_options[] = {
	{ "random", KEY_RANDOM, "N", 0, "Make N cases at random (K, M, G: 10^3, 10^6, 10^9)", 0 },
	{ "seed", KEY_SEED, "N", 0, "Seed of those (default 1): the same seed, the same cases", 0 },
	{ "jobs", 'j', "N", 0, "Threads for them (default: a processor each)", 0 },
	{ "save", KEY_SAVE, "DIRECTORY", 0, "Keep the first case of each kind of finding there",
	  0 },
	{ "quiet", 'q', NULL, 0, "Only tell what is found", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->chosen;
		break;
	case KEY_RANDOM:
		options->random = command_number("--random", arg, 1, UINT64_MAX / 2);
		break;
	case KEY_SEED:
		options->seed = command_number("--seed", arg, 0, UINT64_MAX);
		break;
	case 'j':
		options->jobs = (unsigned int)command_number("--jobs", arg, 1, MOST_JOBS);
		break;
	case KEY_SAVE:
		options->save = arg;
		if (access(arg, W_OK | X_OK))
			command_die("--save: %s: %s", arg, strerror(errno));
		break;
	case 'q':
		options->quiet = true;
		break;
	case ARGP_KEY_ARGS:
		options->paths = state->argv + state->next;
		break;
	case ARGP_KEY_END:
		if (!options->paths && !options->random)
			command_die("run: no FILE and no --random: nothing to run");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = { { &command_engine_argp, 0, NULL, 0 }, { 0 } };
static const struct argp run_argp = {
	.options = run_options,
	.parser = parse,
	.args_doc = "[FILE|DIRECTORY|-]...",
	.doc = "Run cases through an engine and hold every answer against the model.\v"
	       "Exit status: 0 nothing found, 1 a finding, 2 usage or a file that cannot be read, "
	       "77 the engine cannot run here, 128 + signal interrupted.",
	.children = children,
};

struct replay {
	struct trial *trial;
	struct findings *findings;
};

static bool replay_one(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	struct replay *replay = opaque;
	struct finding finding;

	if (!trial_run(replay->trial, data, size, &finding))
		findings_add(replay->findings, &finding, name, data, size, 1);
	return !command_interrupted();
}

/* One thread's share of the random cases: every jobs-th of them. */
struct job {
	pthread_t thread;
	const struct options *options;
	unsigned int number;
	struct trial trial;
	struct findings findings;
};

static void tell_progress(const struct options *options, uint64_t i, double since)
{
	double share = (double)(i + 1) / (double)options->random;
	double passed = clock_seconds() - since;

	if (command_progress())
		fprintf(stderr, "\r\033[K%.0f %% of %llu random cases, about %.0f s left",
			100 * share, (unsigned long long)options->random, passed / share - passed);
}

static void *run_job(void *opaque)
{
	struct job *job = opaque;
	const struct options *options = job->options;
	double since = clock_seconds();
	uint8_t data[MUTATE_SIZE];
	struct finding finding;
	char name[64];

	for (uint64_t i = job->number; i < options->random; i += options->jobs) {
		size_t size = mutate_numbered(options->seed, i, data, sizeof(data));

		if (!trial_run(&job->trial, data, size, &finding)) {
			snprintf(name, sizeof(name), "random case %llu of seed %llu",
				 (unsigned long long)i, (unsigned long long)options->seed);
			findings_add(&job->findings, &finding, name, data, size, 1);
		}
		if ((i / options->jobs) % ROUND)
			continue;
		if (command_interrupted())
			break;
		if (!job->number)
			tell_progress(options, i, since);
	}
	return NULL;
}

/* Runs the threads, of which the first takes over @trial, and adds up what they saw. */
static void run_random(const struct options *options, struct trial *trial,
		       struct findings *findings)
{
	struct job *jobs = calloc(options->jobs, sizeof(*jobs));
	unsigned int started = 0;

	if (!jobs)
		command_die("out of memory");
	for (unsigned int i = 0; i < options->jobs; i++) {
		jobs[i].options = options;
		jobs[i].number = i;
		if (i)
			command_trial(&jobs[i].trial, &options->chosen);
	}
	jobs[0].trial = *trial;
	jobs[0].trial.thorough = false;
	for (; started < options->jobs; started++)
		if (pthread_create(&jobs[started].thread, NULL, run_job, &jobs[started]))
			command_die("cannot start thread %u; try fewer --jobs", started + 1);
	for (unsigned int i = 0; i < options->jobs; i++) {
		pthread_join(jobs[i].thread, NULL);
		findings_merge(findings, &jobs[i].findings);
		findings_free(&jobs[i].findings);
		if (i) {
			tally_add(&jobs[0].trial.tally, &jobs[i].trial.tally);
			trial_free(&jobs[i].trial);
		}
	}
	*trial = jobs[0].trial;
	free(jobs);
	if (command_progress())
		fprintf(stderr, "\r\033[K");
}

static void save(const char *directory, size_t number, const struct found *found)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/finding-%zu", directory, number);
	file = fopen(path, "wb");
	if (!file || (found->size && fwrite(found->data, found->size, 1, file) != 1) ||
	    fclose(file))
		command_die("--save: %s: %s", path, strerror(errno));
	printf("saved    %s\n", path);
}

static void tell(const struct options *options, const struct trial *trial,
		 const struct findings *findings)
{
	struct rdpmc_case decoded;

	for (size_t i = 0; i < findings->kinds; i++) {
		const struct found *found = &findings->found[i];

		case_decode(found->data, found->size, &decoded);
		printf("finding %zu: %llu case%s, first %s\n", i + 1,
		       (unsigned long long)found->count, found->count == 1 ? "" : "s", found->name);
		report_case(stdout, &decoded);
		report_finding(stdout, trial, &decoded, &found->finding);
		report_bytes(stdout, found->data, found->size, NULL, NULL);
		if (options->save)
			save(options->save, i + 1, found);
		printf("\n");
	}
}

int command_run(int argc, char **argv)
{
	struct options options = { .seed = 1, .jobs = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN) };
	struct findings findings = { 0 };
	struct trial trial;
	struct replay replay = { &trial, &findings };
	size_t count = 0;
	double since;
	char why[256];
	int status;

	command_parse(&run_argp, argc, argv, &options);
	command_trial(&trial, &options.chosen);
	trial.thorough = true;
	if (options.chosen.engine->single)
		options.jobs = 1;
	command_catch_signals();
	since = clock_seconds();
	for (char **path = options.paths; path && *path; path++)
		if (inputs_each(*path, replay_one, &replay, &count, why, sizeof(why)) < 0)
			command_die("%s", why);
	if (options.random && !command_interrupted())
		run_random(&options, &trial, &findings);
	tell(&options, &trial, &findings);
	if (!options.quiet)
		report_tally(stdout, &trial.tally, clock_seconds() - since);
	status = findings.kinds ? EXIT_FINDING : trial.tally.cases ? EXIT_GOOD : EXIT_NOTHING_RAN;
	if (command_interrupted())
		status = 128 + command_interrupted();
	else if (status == EXIT_NOTHING_RAN)
		fprintf(stderr, "rdpmc-diff: there was no case to run\n");
	else if (!findings.kinds && !options.quiet)
		printf("nothing found\n");
	findings_free(&findings);
	trial_free(&trial);
	return status;
}
