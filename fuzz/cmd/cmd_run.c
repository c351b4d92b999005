// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff run: cases from files, or made at random, through an engine against the model. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/case/mutate.h"
#include "fuzz/cmd/command.h"
#include "fuzz/cmd/under_way.h"
#include "fuzz/inputs/command_journal.h"
#include "fuzz/inputs/inputs.h"
#include "fuzz/oracle/findings.h"
#include "fuzz/report/report.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/text.h"

#define ROUND 65536 /* cases between looks at the clock */

struct options {
	struct command_engine chosen;
	uint64_t random, seed;
	unsigned int jobs, timeout;
	const char *save;
	bool quiet;
	char **paths;
};

enum { KEY_RANDOM = 256, KEY_SAVE, KEY_TIMEOUT };

static const struct argp_option run_options[] = {
	{ "random", KEY_RANDOM, "N", 0, "Make N cases at random (K, M, G: 10^3, 10^6, 10^9)", 0 },
	{ "save", KEY_SAVE, "DIRECTORY", 0, "Keep the first case of each kind of finding there",
	  0 },
	{ "timeout", KEY_TIMEOUT, "SECONDS", 0, "A case that takes longer hangs (default 60)", 0 },
	{ "quiet", 'q', NULL, 0, "Only tell what is found", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_RANDOM:
		options->random = command_number("--random", arg, 1, UINT64_MAX / 2);
		break;
	case KEY_SAVE:
		options->save = arg;
		break;
	case KEY_TIMEOUT:
		options->timeout = (unsigned int)command_number("--timeout", arg, 1, 86400);
		break;
	case 'q':
		options->quiet = true;
		break;
	case ARGP_KEY_ARGS:
		options->paths = state->argv + state->next;
		break;
	case ARGP_KEY_END:
		if (!options->paths && !options->random)
			command_die(
				"run: nothing to run: name a FILE, or how many cases by --random");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp run_argp = {
	.options = run_options,
	.parser = parse,
	.args_doc = "[FILE|DIRECTORY|-]...",
	.doc = "Run cases through an engine and hold every answer against the model. Several "
	       "--engine: through one after the other, and a table.\v"
	       "Exit status: 0 nothing found, 1 a finding or a case that hangs, 2 usage or a file "
	       "that cannot be read, "
	       "77 no engine can run here or answers, 128 + signal interrupted, or the engine's "
	       "code "
	       "crashed: the case is named.",
};

struct replay {
	struct trial *trial;
	struct findings *findings;
	struct journal *journal;
	bool again; /* by another engine */
};

static bool replay_one(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	struct replay *replay = opaque;
	struct finding finding;

	if (!replay->again)
		command_check_case(name, data, size);
	command_journal_add(replay->journal, data, size);
	command_journal_sync(replay->journal);
	under_way_is(0, name, 0, data, size);
	if (!trial_run(replay->trial, data, size, &finding))
		findings_add(replay->findings, &finding, name, data, size, 1);
	under_way_none(0); /* what comes next may be long in coming, and @data is gone then */
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

static void print_progress(const struct options *options, uint64_t i, double since)
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
		under_way_is(job->number, NULL, i, data, size);
		if (!trial_run(&job->trial, data, size, &finding)) {
			name_random(options, i, name, sizeof(name));
			findings_add(&job->findings, &finding, name, data, size, 1);
		}
		under_way_none(job->number);
		if (command_interrupted())
			break;
		if ((i / options->jobs) % ROUND)
			continue;
		if (!job->number)
			print_progress(options, i, since);
	}
	under_way_none(job->number);
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
	struct failure failure;

	snprintf(path, sizeof(path), "%s/finding-%zu", directory, number);
	if (file_write(path, found->data, found->size, &failure))
		command_die("--save: %s", failure.text);
	printf("saved    %s\n", path);
}

/* @engine: one of several, and @before findings of others have been printed; NULL: the only one. */
static void print_findings(const struct options *options, const struct trial *trial,
			   const char *engine, size_t before, const struct findings *findings)
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
	report_more(stdout, findings);
}

static int interrupted(void)
{
	printf("interrupted: this is part of it\n");
	return 128 + command_interrupted();
}

static void print_not_tried(const struct tally *tally)
{
	char untried[TALLY_TEXT];

	if (*tally_not_tried(tally, untried))
		text_wrap(stdout, "not as asked:", 14, TEXT_COLUMNS, untried);
}

/* The last line, where there is no finding. Returns the exit status. */
static int headline(const struct options *options, const struct tally *tally, const char *by)
{
	char untried[TALLY_TEXT];

	if (!tally->cases) {
		fprintf(stderr,
			"rdpmc-diff: there was no case to run: no file in what was named\n");
		return EXIT_NOTHING_RAN;
	}
	if (!tally_answered(tally)) {
		printf("nothing was tried: no read was answered%s%s\n", *tally->refusal ? ": " : "",
		       tally->refusal);
		return EXIT_NOTHING_RAN;
	}
	if (options->quiet)
		return EXIT_GOOD;
	printf("nothing found%s%s\n", by,
	       *tally_not_tried(tally, untried) ? " in what was tried" : "");
	print_not_tried(tally);
	return EXIT_GOOD;
}

/* How its engines are told apart: by their names, if that does. */
static const char *name_engine(const struct command_engine *chosen, unsigned int engine)
{
	for (unsigned int i = 0; i < chosen->count; i++)
		if (i != engine && !strcmp(chosen->all[i]->name, chosen->all[engine]->name))
			return chosen->names[engine];
	return chosen->all[engine]->name;
}

/* What came of an engine. */
struct ran {
	const char *name;   /* NULL: there is one engine */
	const char *absent; /* why it cannot run here; NULL: it ran */
	struct tally tally;
	uint64_t found; /* cases */
};

static uint64_t count_found(const struct findings *findings)
{
	uint64_t n = findings->more;

	for (size_t i = 0; i < findings->kinds; i++)
		n += findings->found[i].count;
	return n;
}

/* All cases through options->chosen.engine; @kinds findings of others have been printed. */
static void run_engine(const struct options *options, bool again, struct ran *ran, size_t *kinds)
{
	struct findings *findings = calloc(1, sizeof(*findings));
	const double since = clock_seconds();
	struct trial trial;
	struct replay replay = { &trial, findings, NULL, again };
	size_t count = 0;
	char why[256];

	if (!findings)
		command_die("out of memory");
	command_trial(&trial, &options->chosen);
	trial.thorough = true;
	replay.journal = command_journal(options->chosen.engine);
	under_way_begin(options->seed, options->save, options->timeout);
	for (char **path = options->paths; path && *path; path++)
		if (inputs_each(*path, replay_one, &replay, &count, why, sizeof(why)) < 0)
			command_die("%s", why);
	if (options->random && !command_interrupted())
		run_random(options, &trial, findings, replay.journal);
	command_journal_close(replay.journal);
	print_findings(options, &trial, ran->name, *kinds, findings);
	if (!options->quiet && !ran->name && trial.tally.cases) {
		report_tally(stdout, &trial.tally, clock_seconds() - since);
		report_remarks(stdout, &trial);
		if (findings->kinds || command_interrupted())
			print_not_tried(&trial.tally);
	}
	*kinds += findings->kinds;
	ran->tally = trial.tally;
	ran->found = count_found(findings);
	findings_free(findings);
	free(findings);
	trial_free(&trial);
	fflush(stdout); /* the next engine may take the program down */
}

#define MAX_NAME 26 /* columns of an engine's name; of a longer one its end tells paths apart */

/* An engine a row: its cases, those in which something was found, and its reads by each entry by verdict. */
static void table(const struct ran *ran, unsigned int n)
{
	int name = 0;

	for (unsigned int i = 0; i < n; i++)
		name = (int)strlen(ran[i].name) > name ? (int)strlen(ran[i].name) : name;
	name = name > MAX_NAME ? MAX_NAME : name;
	printf("%*s%10s%8s ", 2 + name, "", "cases", "found");
	for (enum verdict_kind kind = 0; kind < NR_VERDICTS; kind++)
		printf(" %*s", (int)sizeof("1000000") - 1, verdict_name(kind));
	printf("\n");
	for (unsigned int i = 0; i < n; i++) {
		const size_t length = strlen(ran[i].name);
		const char *end = length > MAX_NAME ? ran[i].name + length - MAX_NAME : ran[i].name;
		char label[64];

		if (ran[i].absent) {
			snprintf(label, sizeof(label), "%u %-*s  cannot run here:", i + 1, name,
				 end);
			text_wrap(stdout, label, (unsigned int)strlen(label) + 1, TEXT_COLUMNS,
				  ran[i].absent);
			continue;
		}
		printf("%u %-*s%10llu%8llu ", i + 1, name, end,
		       (unsigned long long)ran[i].tally.cases, (unsigned long long)ran[i].found);
		for (enum verdict_kind kind = 0; kind < NR_VERDICTS; kind++) {
			const int width = (int)strlen(verdict_name(kind));

			printf(" %*llu", width > 7 ? width : 7,
			       (unsigned long long)ran[i].tally.verdicts[QUESTION_READ][kind]);
		}
		printf("\n");
	}
	printf("Cases, those in which something was found, and reads by what came of them. What\n"
	       "differs from one engine to another: survey --against.\n\n");
}

/* NULL, or why the engine cannot run here. */
static const char *absence(const struct engine *engine)
{
	static char text[512];
	const char *why = "it does not say why";
	struct trial trial;

	if (!trial_init(&trial, engine, &why)) {
		trial_free(&trial);
		return NULL;
	}
	snprintf(text, sizeof(text), "%s", why);
	return text;
}

static int run_several(struct options *options)
{
	static struct ran ran[COMMAND_ENGINES];
	struct command_engine *chosen = &options->chosen;
	const unsigned int jobs = options->jobs;
	const double since = clock_seconds();
	struct tally all = { 0 };
	unsigned int running = 0;
	size_t kinds = 0;

	for (char **path = options->paths; path && *path; path++)
		if (!strcmp(*path, "-"))
			command_die("run: standard input is for one --engine: it is read once");
	for (unsigned int i = 0; i < chosen->count && !command_interrupted(); i++) {
		const char *why = absence(chosen->all[i]);

		chosen->engine = chosen->all[i];
		ran[i].name = name_engine(chosen, i);
		ran[i].absent = why ? strdup(why) : NULL;
		if (why)
			continue;
		options->jobs = chosen->engine->single ? 1 : jobs;
		run_engine(options, running++, &ran[i], &kinds);
		tally_add(&all, &ran[i].tally);
	}
	for (unsigned int i = 0; i < chosen->count; i++)
		if (ran[i].absent && (options->quiet || !running))
			fprintf(stderr, "rdpmc-diff: engine %s: %s\n", ran[i].name, ran[i].absent);
	if (!running && !command_interrupted())
		return EXIT_NOTHING_RAN;
	if (!options->quiet) {
		unsigned int n = 0;

		while (n < chosen->count && ran[n].name)
			n++;
		printf("%u of %u engines, %.1f s\n\n", running, chosen->count,
		       clock_seconds() - since);
		table(ran, n);
		if (kinds || command_interrupted())
			print_not_tried(&all);
	}
	if (command_interrupted())
		return interrupted();
	return kinds ? EXIT_FINDING
		     : headline(options, &all,
				running < chosen->count ? " by those that could run" : "");
}

int command_run(int argc, char **argv)
{
	struct options options = { .chosen.several = true, .timeout = 60 };
	const struct command_shared shared = { .engine = &options.chosen,
					       .seed = &options.seed,
					       .jobs = &options.jobs };
	struct ran ran = { 0 };
	size_t kinds = 0;

	command_parse(&run_argp, &shared, argc, argv, &options);
	if (options.save)
		command_directory("--save: ", options.save);
	command_catch_signals();
	if (options.chosen.count > 1)
		return run_several(&options);
	if (options.chosen.engine->single)
		options.jobs = 1;
	run_engine(&options, false, &ran, &kinds);
	if (command_interrupted())
		return interrupted();
	return kinds ? EXIT_FINDING : headline(&options, &ran.tally, "");
}
