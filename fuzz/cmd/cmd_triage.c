// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff triage: what fuzzers saved, made into pages for people. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/cmd/command.h"
#include "fuzz/inputs/command_journal.h"
#include "fuzz/inputs/inputs.h"
#include "fuzz/triage/triage.h"
#include "lib/array.h"
#include "lib/json/json_file.h"
#include "lib/text.h"

#define TIMES     3
#define MAX_TIMES 1000

struct options {
	struct command_engine chosen;
	const char *into, *json;
	unsigned int times;
	char **paths;
};

enum { KEY_INTO = 256, KEY_TIMES };

static const struct argp_option triage_options[] = {
	{ "into", KEY_INTO, "DIRECTORY", 0, "Where the reports are (default findings)", 0 },
	{ "times", KEY_TIMES, "N", 0, "Try each case N times (default 3)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_INTO:
		options->into = arg;
		break;
	case KEY_TIMES:
		options->times = (unsigned int)command_number("--times", arg, 1, MAX_TIMES);
		break;
	case ARGP_KEY_ARGS:
		options->paths = state->argv + state->next;
		break;
	case ARGP_KEY_NO_ARGS:
		command_die("triage: name a FILE, or a DIRECTORY, that a fuzzer saved");
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp triage_argp = {
	.options = triage_options,
	.parser = parse,
	.args_doc = "FILE|DIRECTORY|-...",
	.doc = "Try each case several times, minimize it, and write a report in Markdown for each "
	       "finding that has none yet. The first --engine is where they were found; others "
	       "are checked for the same.\v"
	       "Exit status: 0 no report was written, 1 at least one was written or grew, 2 usage "
	       "or file error, 77 there was no case or the engine cannot run here, 128 + signal "
	       "interrupted.",
};

struct work {
	struct triage triage;
	struct journal *journal;
	struct failure failure;
	int error;
	unsigned int grown;
	json_t *rows;
};

static bool triage_one(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	struct work *work = opaque;
	struct triage_result result;
	json_t *row;

	command_journal_add(work->journal, data, size);
	command_journal_sync(work->journal);
	work->error = triage_case(&work->triage, data, size, &result, &work->failure);
	command_journal_done(work->journal);
	if (work->error)
		return false;
	row = json_pack("{s:s, s:s, s:i, s:i, s:s, s:s, s:s}", "case", name, "verdict",
			triage_verdict_name(result.verdict), "seen", (int)result.seen, "times",
			(int)work->triage.times, "page", result.page, "class", result.class,
			"untried", result.untried);
	if (!row)
		work->error = fail_with(&work->failure, -EILSEQ, "%s: no JSON can hold such a name",
					name);
	if (work->error)
		return false;
	json_array_append_new(work->rows, row);
	work->grown += result.verdict == TRIAGE_NEW || result.verdict == TRIAGE_ANOTHER;
	return !command_interrupted();
}

/* The first line: "32 cases: 4 new, 28 reported before". */
static void print_verdict(const json_t *rows)
{
	static const char *const texts[] = {
		[TRIAGE_NEW] = "new",
		[TRIAGE_ANOTHER] = "another form of a finding",
		[TRIAGE_AGAIN] = "reported before",
		[TRIAGE_FLAKY] = "flaky",
		[TRIAGE_KNOWN] = "a known difference",
		[TRIAGE_NOTHING] = "without a finding",
	};
	size_t count[ARRAY_SIZE(texts)] = { 0 }, i;
	const char *separator = ": ";
	const json_t *row;

	json_array_foreach(rows, i, row) {
		const char *name = json_string_value(json_object_get(row, "verdict"));

		for (unsigned int verdict = 0; verdict < ARRAY_SIZE(texts); verdict++)
			count[verdict] += !strcmp(name, triage_verdict_name(verdict));
	}
	printf("%s%zu case%s", command_interrupted() ? "PARTIAL: " : "", json_array_size(rows),
	       PLURAL(json_array_size(rows)));
	for (unsigned int verdict = 0; verdict < ARRAY_SIZE(texts); verdict++)
		if (count[verdict]) {
			printf("%s%zu %s", separator, count[verdict], texts[verdict]);
			separator = ", ";
		}
	printf("\n");
}

static void print_rows(const json_t *rows)
{
	const json_t *row;
	size_t i;

	if (json_array_size(rows))
		print_verdict(rows);
	json_array_foreach(rows, i, row) {
		const char *page = json_string_value(json_object_get(row, "page"));
		const char *class = json_string_value(json_object_get(row, "class"));
		const char *untried = json_string_value(json_object_get(row, "untried"));

		printf("%s: %s", json_string_value(json_object_get(row, "case")),
		       json_string_value(json_object_get(row, "verdict")));
		if (*class && !*page)
			printf(", seen in %d of %d tries: %s",
			       (int)json_integer_value(json_object_get(row, "seen")),
			       (int)json_integer_value(json_object_get(row, "times")), class);
		printf("%s%s%s\n", *page || *untried ? ": " : "", page, untried);
	}
}

int command_triage(int argc, char **argv)
{
	struct options options = { .chosen.several = true, .into = "findings", .times = TIMES };
	const struct command_shared shared = { .engine = &options.chosen, .json = &options.json };
	struct triage_engine engines[COMMAND_ENGINES] = { 0 };
	struct work work = { .rows = json_array() };
	char arguments[COMMAND_ARGUMENTS], why[256];
	size_t count = 0;
	bool made;
	int status;

	command_parse(&triage_argp, &shared, argc, argv, &options);
	made = command_directory("--into: ", options.into);
	for (unsigned int i = 0; i < options.chosen.count || !i; i++) {
		struct command_engine one = options.chosen;

		if (options.chosen.count) {
			one.engine = options.chosen.all[i];
			one.named = options.chosen.names[i];
		}
		engines[i] = (struct triage_engine){ one.named ? one.named : one.engine->name,
						     one.engine, command_known(&one) };
	}
	command_arguments(&options.chosen, arguments);
	work.triage = (struct triage){
		.directory = options.into,
		.choices = options.chosen.choices,
		.arguments = arguments,
		.times = options.times,
		.count = options.chosen.count ? options.chosen.count : 1,
		.engines = engines,
	};
	work.journal = command_journal(engines[0].engine);
	command_catch_signals();
	for (char **path = options.paths; *path && !work.error && !command_interrupted(); path++)
		if (inputs_each(*path, triage_one, &work, &count, why, sizeof(why)) < 0) {
			if (made)
				rmdir(options.into);
			command_die("%s", why);
		}
	command_journal_close(work.journal);
	if (options.json && !work.error)
		work.error = json_file_write(options.json, work.rows, &work.failure);
	else if (!work.error)
		print_rows(work.rows);
	if (!count && made)
		rmdir(options.into);
	if (!count && !work.error && !command_interrupted())
		work.error = fail_with(&work.failure, -ENODEV,
				       "there was no case to try: no file in what was named");
	status = command_interrupted()   ? 128 + command_interrupted()
		 : work.error == -ENODEV ? EXIT_NOTHING_RAN
		 : work.error            ? EXIT_USAGE
		 : work.grown            ? EXIT_FINDING
					 : EXIT_GOOD;
	if (work.error)
		fprintf(stderr, "rdpmc-diff: %s\n", work.failure.text);
	json_decref(work.rows);
	return status;
}
