// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff run: cases from files, or made at random, through an engine against the model. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/case/mutate.h"
#include "fuzz/cmd/command.h"
#include "fuzz/cmd/run_table.h"
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
	bool quiet, verbose;
	char **paths;
};

enum { KEY_RANDOM = 256, KEY_SAVE, KEY_TIMEOUT };

static const struct argp_option run_options[] = {
	{ "random", KEY_RANDOM, "N", 0, "Make N cases at random (K, M, G: 10^3, 10^6, 10^9)", 0 },
	{ "save", KEY_SAVE, "DIRECTORY", 0, "Keep the first case of each kind of finding there",
	  0 },
	{ "timeout", KEY_TIMEOUT, "SECONDS", 0, "A case that takes longer hangs (default 60)", 0 },
	{ "quiet", 'q', NULL, 0, "Only report findings", 0 },
	{ "verbose", 'v', NULL, 0, "Also statistics of the cases, the rules and the speed", 0 },
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
	case 'v':
		options->verbose = true;
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
	.doc = "Run cases through an engine and compare every answer with the model's. Several "
	       "--engine: one after the other, and a table.\v"
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

static void save(FILE *out, const char *directory, size_t number, const struct found *found)
{
	char path[4096];
	struct failure failure;

	snprintf(path, sizeof(path), "%s/finding-%zu", directory, number);
	if (file_write(path, found->data, found->size, &failure))
		command_die("--save: %s", failure.text);
	fprintf(out, "saved    %s\n", path);
}

/* @engine: one of several, and @before findings of others have been printed; NULL: the only one. */
static void print_findings(FILE *out, const struct options *options, const struct trial *trial,
			   const char *engine, size_t before, const struct findings *findings)
{
	for (size_t i = 0; i < findings->kinds; i++) {
		const struct found *found = &findings->found[i];
		const size_t number = before + i + 1;

		fprintf(out, "\nfinding %zu%s%s: ", number, engine ? " of engine " : "",
			engine ? engine : "");
		report_found(out, trial, found);
		if (options->save)
			save(out, options->save, number, found);
	}
	report_more(out, findings);
}

/* Of all engines. */
struct total {
	struct tally tally;
	size_t kinds;
	uint64_t found;              /* cases */
	const char *by;              /* " by 2 of 3 engines", or "": there is one */
	unsigned int wrong, engines; /* those with a finding, of all that ran */
};

/* The first line. Returns the exit status. */
static int verdict(const struct options *options, const struct total *total)
{
	const struct tally *tally = &total->tally;
	const unsigned long long cases = tally->cases, reads = tally->reads;
	const unsigned long long known = tally_known(tally);
	char untried[TALLY_TEXT], in[64] = "";

	if (command_interrupted()) {
		printf("PARTIAL: interrupted after %llu case%s, %llu read%s%s: %zu finding%s so "
		       "far\n",
		       cases, PLURAL(cases), reads, PLURAL(reads), total->by, total->kinds,
		       PLURAL(total->kinds));
		return 128 + command_interrupted();
	}
	if (total->kinds) {
		if (*total->by)
			snprintf(in, sizeof(in), " in %u of %u engines", total->wrong,
				 total->engines);
		printf("FOUND: %zu kind%s of differences from the processor%s: %llu of %llu "
		       "case%s\n",
		       total->kinds, PLURAL(total->kinds), in, (unsigned long long)total->found,
		       cases, PLURAL(cases));
		return EXIT_FINDING;
	}
	if (!tally->cases) {
		fprintf(stderr,
			"rdpmc-diff: there was no case to run: no file in what was named\n");
		return EXIT_NOTHING_RAN;
	}
	if (!tally_answered(tally)) {
		printf("Nothing was tried: no read was answered%s%s\n", *tally->refusal ? ": " : "",
		       tally->refusal);
		return EXIT_NOTHING_RAN;
	}
	if (options->quiet)
		return EXIT_GOOD;
	printf("No finding%s%s: %llu case%s, %llu read%s", total->by,
	       *tally_not_tried(tally, untried) ? " in what was tried" : "", cases, PLURAL(cases),
	       reads, PLURAL(reads));
	if (known)
		printf("; %llu reads and intercepts have a known difference", known);
	printf("\n");
	return EXIT_GOOD;
}

/* The last lines: what limits it, and with --verbose how much was tried. */
static void print_limits(const struct options *options, const struct tally *tally, double since)
{
	char untried[TALLY_TEXT];

	if (options->quiet || !tally->cases)
		return;
	if (*tally_not_tried(tally, untried))
		text_wrap(stdout, "limits", 9, TEXT_COLUMNS, untried);
	if (options->verbose)
		report_tally(stdout, tally, clock_seconds() - since);
}

/* How its engines are told apart: by their names, if that does. */
static const char *name_engine(const struct command_engine *chosen, unsigned int engine)
{
	for (unsigned int i = 0; i < chosen->count; i++)
		if (i != engine && !strcmp(chosen->all[i]->name, chosen->all[engine]->name))
			return chosen->names[engine];
	return chosen->all[engine]->name;
}

static uint64_t count_found(const struct findings *findings)
{
	uint64_t n = findings->more;

	for (size_t i = 0; i < findings->kinds; i++)
		n += findings->found[i].count;
	return n;
}

/* All cases through options->chosen.engine, its findings to @out; @total is of those before it. */
static void run_engine(const struct options *options, bool again, struct ran *ran, FILE *out,
		       struct total *total)
{
	struct findings *findings = calloc(1, sizeof(*findings));
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
	print_findings(out, options, &trial, ran->name, total->kinds, findings);
	if (!options->quiet && !ran->name && trial.tally.cases) {
		report_exits(out, &trial.tally);
		report_remarks(out, &trial);
	}
	ran->tally = trial.tally;
	ran->found = count_found(findings);
	total->kinds += findings->kinds;
	total->found += ran->found;
	total->wrong += ran->found != 0;
	total->engines++;
	tally_add(&total->tally, &ran->tally);
	findings_free(findings);
	free(findings);
	trial_free(&trial);
}

/* NULL, or why the engine cannot run here. */
static const char *absence(const struct engine *engine)
{
	static char text[512];
	const char *why = "no reason given";
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
	struct total total = { 0 };
	unsigned int running = 0, n = 0;
	char *findings = NULL, by[64];
	size_t size;
	FILE *out = open_memstream(&findings, &size);
	int status;

	if (!out)
		command_die("out of memory");
	for (char **path = options->paths; path && *path; path++)
		if (!strcmp(*path, "-"))
			command_die("run: standard input is for one --engine: it is read once");
	for (; n < chosen->count && !command_interrupted(); n++) {
		const char *why = absence(chosen->all[n]);

		chosen->engine = chosen->all[n];
		ran[n].name = name_engine(chosen, n);
		ran[n].absent = why ? strdup(why) : NULL;
		if (why)
			continue;
		options->jobs = chosen->engine->single ? 1 : jobs;
		run_engine(options, running++, &ran[n], out, &total);
		fflush(out);
		under_way_found(findings, size); /* the next engine may take the program down */
	}
	fclose(out);
	for (unsigned int i = 0; i < n; i++)
		if (ran[i].absent && (options->quiet || !running))
			fprintf(stderr, "rdpmc-diff: engine %s: %s\n", ran[i].name, ran[i].absent);
	if (!running && !command_interrupted())
		return EXIT_NOTHING_RAN;
	snprintf(by, sizeof(by), " by %u of %u engines", running, chosen->count);
	total.by = by;
	status = verdict(options, &total);
	if (!options->quiet)
		run_table(ran, n);
	fputs(findings, stdout);
	print_limits(options, &total.tally, since);
	free(findings);
	return status;
}

int command_run(int argc, char **argv)
{
	struct options options = { .chosen.several = true, .timeout = 60 };
	const struct command_shared shared = { .engine = &options.chosen,
					       .seed = &options.seed,
					       .jobs = &options.jobs };
	const double since = clock_seconds();
	struct total total = { .by = "" };
	struct ran ran = { 0 };
	char *evidence = NULL;
	size_t size;
	FILE *out;
	int status;

	command_parse(&run_argp, &shared, argc, argv, &options);
	if (options.save)
		command_directory("--save: ", options.save);
	command_catch_signals();
	if (options.chosen.count > 1)
		return run_several(&options);
	if (options.chosen.engine->single)
		options.jobs = 1;
	out = open_memstream(&evidence, &size);
	if (!out)
		command_die("out of memory");
	run_engine(&options, false, &ran, out, &total);
	fclose(out);
	status = verdict(&options, &total);
	fputs(evidence, stdout);
	print_limits(&options, &total.tally, since);
	free(evidence);
	return status;
}
