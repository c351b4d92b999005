// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff run: cases from files, or made at random, through an engine against the model. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/agreement.h"
#include "fuzz/clock.h"
#include "fuzz/command.h"
#include "fuzz/command_journal.h"
#include "fuzz/findings.h"
#include "fuzz/inputs.h"
#include "fuzz/mutate.h"
#include "fuzz/report.h"

#define MOST_JOBS 256
#define ROUND     65536 /* cases between looks at the clock */
#define TELL      0.2   /* seconds between words of progress, where several engines run */

_Static_assert(COMMAND_ENGINES <= AGREEMENT_ENGINES, "what can be named can be run");

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
	{ "jobs", 'j', "N", 0, "Threads for them, of one engine (default: a processor each)", 0 },
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
	.doc = "Run cases through an engine and hold every answer against the model. Several "
	       "--engine: through each, and a table of how they agree.\v"
	       "Exit status: 0 nothing found, 1 a finding, 2 usage or a file that cannot be read, "
	       "77 no engine can run here or answers, 128 + signal interrupted.",
	.children = children,
};

struct replay {
	struct trial *trial;
	struct findings *findings;
	struct journal *journal;
};

static bool replay_one(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	struct replay *replay = opaque;
	struct finding finding;

	command_check_case(name, data, size);
	command_journal_add(replay->journal, data, size);
	command_journal_sync(replay->journal);
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
	struct journal *journal;
};

#define GROUP 256 /* cases noted at once: what is noted costs a write to the disk each time */

/* Every @jobs-th case from @i on. */
static void note_group(const struct options *options, struct journal *journal, uint64_t i,
		       unsigned int jobs)
{
	uint8_t data[MUTATE_SIZE];

	for (unsigned int k = 0; journal && k < GROUP && i < options->random; k++, i += jobs)
		command_journal_add(journal, data,
				    mutate_numbered(options->seed, i, data, sizeof(data)));
	command_journal_sync(journal);
}

static void tell_progress(const struct options *options, uint64_t i, double since)
{
	double share = (double)(i + 1) / (double)options->random;
	double passed = clock_seconds() - since;

	if (command_progress())
		fprintf(stderr, "\r\033[K%.0f %% of %llu random cases, about %.0f s left",
			100 * share, (unsigned long long)options->random, passed / share - passed);
}

static void name_random(const struct options *options, uint64_t i, char *name, size_t size)
{
	snprintf(name, size, "random case %llu of seed %llu", (unsigned long long)i,
		 (unsigned long long)options->seed);
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

		if (i / options->jobs % GROUP == 0)
			note_group(options, job->journal, i, options->jobs);
		if (!trial_run(&job->trial, data, size, &finding)) {
			name_random(options, i, name, sizeof(name));
			findings_add(&job->findings, &finding, name, data, size, 1);
		}
		if (command_interrupted())
			break;
		if ((i / options->jobs) % ROUND)
			continue;
		if (!job->number)
			tell_progress(options, i, since);
	}
	return NULL;
}

/* Runs the threads, of which the first takes over @trial, and adds up what they saw. */
static void run_random(const struct options *options, struct trial *trial,
		       struct findings *findings, struct journal *journal)
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
	jobs[0].journal = journal;
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

/* @engine: one of several, and @before findings of others have been told; NULL: the only one. */
static void tell(const struct options *options, const struct trial *trial, const char *engine,
		 size_t before, const struct findings *findings)
{
	for (size_t i = 0; i < findings->kinds; i++) {
		const struct found *found = &findings->found[i];
		const size_t number = before + i + 1;

		printf("finding %zu%s%s: ", number, engine ? " of engine " : "",
		       engine ? engine : "");
		report_found(stdout, trial, found);
		if (options->save)
			save(options->save, number, found);
		printf("\n");
	}
}

static int interrupted(void)
{
	printf("interrupted: this is part of it\n");
	return 128 + command_interrupted();
}

static void nothing_tried(const char *refusal)
{
	printf("nothing was tried: no read was answered%s%s\n", *refusal ? ": " : "", refusal);
}

/* ----- several engines ----- */

struct several {
	struct agreement *agreement;
	struct journal *journal;
};

static bool agree_one(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	const struct several *several = opaque;

	command_check_case(name, data, size);
	command_journal_add(several->journal, data, size);
	command_journal_sync(several->journal);
	agreement_run(several->agreement, name, data, size);
	return !command_interrupted();
}

static void agree_random(const struct options *options, struct several *several)
{
	const bool progress = command_progress();
	const double since = clock_seconds();
	uint8_t data[MUTATE_SIZE];
	double told = since;
	char name[64];

	for (uint64_t i = 0; i < options->random && !command_interrupted(); i++) {
		size_t size = mutate_numbered(options->seed, i, data, sizeof(data));

		name_random(options, i, name, sizeof(name));
		if (i % GROUP == 0)
			note_group(options, several->journal, i, 1);
		agreement_run(several->agreement, name, data, size);
		if (!progress || clock_seconds() - told < TELL)
			continue;
		told = clock_seconds();
		tell_progress(options, i, since);
	}
	if (progress)
		fprintf(stderr, "\r\033[K");
}

/* How its engines are told apart: by their names, if that does. */
static const char *name_engine(const struct command_engine *chosen, unsigned int engine)
{
	for (unsigned int i = 0; i < chosen->count; i++)
		if (i != engine && !strcmp(chosen->all[i]->name, chosen->all[engine]->name))
			return chosen->names[engine];
	return chosen->all[engine]->name;
}

static void add_engines(const struct options *options, struct agreement *agreement)
{
	const struct command_engine *chosen = &options->chosen;

	for (unsigned int i = 0; i < chosen->count; i++) {
		struct command_engine one = *chosen;

		one.engine = chosen->all[i];
		agreement_add(agreement, one.engine, name_engine(chosen, i), &chosen->choices,
			      command_known(&one));
	}
	for (unsigned int i = 0; i < agreement->count; i++)
		if (agreement->engines[i].absent && (options->quiet || !agreement->running))
			fprintf(stderr, "rdpmc-diff: engine %s: %s\n", agreement->engines[i].name,
				agreement->engines[i].absent);
}

/* All that is found, then the tables. Returns how many kinds of findings there are. */
static size_t tell_agreement(const struct options *options, const struct agreement *agreement,
			     double seconds)
{
	size_t kinds = 0;

	for (unsigned int i = 0; i < agreement->count; i++) {
		const struct agreement_engine *engine = &agreement->engines[i];

		tell(options, &engine->trial, engine->name, kinds, &engine->findings);
		kinds += engine->findings.kinds;
	}
	if (options->quiet)
		return kinds;
	printf("%llu cases, each through %u of %u engines, %.1f s\n\n",
	       (unsigned long long)agreement->cases, agreement->running, agreement->count, seconds);
	agreement_table(stdout, agreement);
	if (agreement->running > 1) {
		printf("\n");
		agreement_matrix(stdout, agreement);
	}
	return kinds;
}

/* Was a read, by any engine? If not, @refusal is why one was not. */
static bool answered(const struct agreement *agreement, const char **refusal)
{
	for (unsigned int i = 0; i < agreement->count; i++) {
		const struct tally *tally = &agreement->engines[i].trial.tally;

		if (tally->answered)
			return true;
		if (tally->refused)
			*refusal = tally->refusal;
	}
	return false;
}

static int run_several(const struct options *options)
{
	struct agreement *agreement = calloc(1, sizeof(*agreement));
	struct several several = { .agreement = agreement };
	const double since = clock_seconds();
	int status = EXIT_NOTHING_RAN;
	size_t count = 0, kinds;
	const char *refusal = "";
	char why[256];

	if (!agreement)
		command_die("out of memory");
	add_engines(options, agreement);
	if (!agreement->running)
		goto out;
	for (unsigned int i = 0; i < agreement->count && !several.journal; i++)
		if (!agreement->engines[i].absent)
			several.journal = command_journal(options->chosen.all[i]);
	command_catch_signals();
	agreement_thorough(agreement, true);
	for (char **path = options->paths; path && *path; path++)
		if (inputs_each(*path, agree_one, &several, &count, why, sizeof(why)) < 0)
			command_die("%s", why);
	agreement_thorough(agreement, false);
	if (options->random && !command_interrupted())
		agree_random(options, &several);
	command_journal_close(several.journal);
	kinds = tell_agreement(options, agreement, clock_seconds() - since);
	if (command_interrupted())
		status = interrupted();
	else if (kinds)
		status = EXIT_FINDING;
	else if (!agreement->cases)
		fprintf(stderr, "rdpmc-diff: there was no case to run\n");
	else if (!answered(agreement, &refusal))
		nothing_tried(refusal);
	else
		status = EXIT_GOOD;
	if (status == EXIT_GOOD && !options->quiet)
		printf("\nnothing found%s\n",
		       agreement->running < agreement->count ? " by those that could run" : "");
out:
	agreement_free(agreement);
	free(agreement);
	return status;
}

int command_run(int argc, char **argv)
{
	struct options options = {
		.chosen.several = true,
		.seed = 1,
		.jobs = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN),
	};
	struct findings findings = { 0 };
	struct trial trial;
	struct replay replay = { &trial, &findings, NULL };
	size_t count = 0;
	double since;
	char why[256];
	int status;

	command_parse(&run_argp, argc, argv, &options);
	if (options.chosen.count > 1)
		return run_several(&options);
	command_trial(&trial, &options.chosen);
	trial.thorough = true;
	if (options.chosen.engine->single)
		options.jobs = 1;
	replay.journal = command_journal(options.chosen.engine);
	command_catch_signals();
	since = clock_seconds();
	for (char **path = options.paths; path && *path; path++)
		if (inputs_each(*path, replay_one, &replay, &count, why, sizeof(why)) < 0)
			command_die("%s", why);
	if (options.random && !command_interrupted())
		run_random(&options, &trial, &findings, replay.journal);
	command_journal_close(replay.journal);
	tell(&options, &trial, NULL, 0, &findings);
	if (!options.quiet) {
		report_tally(stdout, &trial.tally, clock_seconds() - since);
		report_remarks(stdout, &trial);
	}
	status = findings.kinds         ? EXIT_FINDING
		 : trial.tally.answered ? EXIT_GOOD
					: EXIT_NOTHING_RAN;
	if (command_interrupted())
		status = interrupted();
	else if (status == EXIT_NOTHING_RAN && !trial.tally.cases)
		fprintf(stderr, "rdpmc-diff: there was no case to run\n");
	else if (status == EXIT_NOTHING_RAN)
		nothing_tried(trial.tally.refusal);
	else if (!findings.kinds && !options.quiet)
		printf("nothing found\n");
	findings_free(&findings);
	trial_free(&trial);
	return status;
}
