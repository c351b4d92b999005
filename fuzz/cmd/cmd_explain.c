// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff explain and minimize: one case explained; the smallest that shows the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/cmd/command.h"
#include "fuzz/report/report.h"
#include "fuzz/triage/minimize.h"
#include "lib/file.h"
#include "lib/text.h"

struct options {
	struct command_engine chosen;
	char **paths;
	unsigned int wanted; /* how many paths */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_ARGS:
		options->paths = state->argv + state->next;
		if ((unsigned int)(state->argc - state->next) == options->wanted)
			break;
		/* fall through */
	case ARGP_KEY_NO_ARGS:
		command_die(options->wanted == 1 ? "explain: one FILE is wanted (- is standard "
						   "input)"
						 : "minimize: FILE and OUTPUT are wanted");
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp explain_argp = {
	.parser = parse,
	.args_doc = "FILE|-",
	.doc = "Explain a case: whether the engine answers it as expected, what it tries, and what "
	       "is expected by which rule.\v"
	       "Exit status: 0 the engine answers as expected, or has a known difference; 1 it "
	       "does not; 2 usage or a file that cannot be read; 77 the engine answers no read of "
	       "it.",
};
static const struct argp minimize_argp = {
	.parser = parse,
	.args_doc = "FILE|- OUTPUT|-",
	.doc = "Write the smallest case that shows the same finding as FILE: the same oracle, "
	       "entry, "
	       "rule and answers.\v"
	       "Exit status: 0 written, 1 no finding in FILE, 2 usage or file error.",
};

/* The first line. */
static void verdict(const struct trial *trial, const struct finding *finding, bool good)
{
	const char *name = trial->engine->name;
	const char *why = *trial->tally.refusal ? trial->tally.refusal : trial->tally.unjudged_why;
	const char *separator = ": ";
	char title[FINDING_TITLE];

	if (!good) {
		printf("%s: %s\n", name, finding_title(finding, title));
	} else if (tally_known(&trial->tally)) {
		printf("%s has a known difference", name);
		for (unsigned int i = 0; i < known_count(trial->known); i++)
			if (known_get(trial->known, i)->happened) {
				printf("%s%s", separator, known_get(trial->known, i)->name);
				separator = ", ";
			}
		printf("\n");
	} else if (!tally_answered(&trial->tally)) {
		printf("%s answers no read of this case%s%s\n", name, *why ? ": " : "", why);
	} else {
		printf("%s answers as expected, by all its entries\n", name);
	}
}

int command_explain(int argc, char **argv)
{
	struct options options = { .wanted = 1 };
	const struct command_shared shared = { .engine = &options.chosen };
	struct rdpmc_case decoded;
	char untried[TALLY_TEXT], arguments[COMMAND_ARGUMENTS];
	struct finding finding;
	struct trial trial;
	uint8_t *data;
	size_t size;
	bool good;

	command_parse(&explain_argp, &shared, argc, argv, &options);
	command_read_file(options.paths[0], &data, &size);
	command_check_case(options.paths[0], data, size);
	command_trial(&trial, &options.chosen);
	good = trial_run(&trial, data, size, &finding);
	case_decode(data, size, &decoded);
	verdict(&trial, &finding, good);
	report_case(stdout, &decoded);
	report_answers(stdout, &trial, &decoded);
	if (!good)
		report_finding(stdout, &trial, &decoded, &finding);
	else if (*tally_not_tried(&trial.tally, untried))
		text_wrap(stdout, "limits", 9, TEXT_COLUMNS, untried);
	command_arguments(&options.chosen, arguments);
	report_bytes(stdout, data, size, strcmp(options.paths[0], "-") ? options.paths[0] : NULL,
		     options.chosen.named, arguments);
	free(data);
	trial_free(&trial);
	if (good && !tally_answered(&trial.tally))
		return EXIT_NOTHING_RAN;
	return good ? EXIT_GOOD : EXIT_FINDING;
}

int command_minimize(int argc, char **argv)
{
	struct options options = { .wanted = 2 };
	const struct command_shared shared = { .engine = &options.chosen };
	struct finding finding = { 0 };
	struct trial trial;
	uint8_t *data;
	size_t size, before;
	char title[FINDING_TITLE];
	struct failure failure;

	command_parse(&minimize_argp, &shared, argc, argv, &options);
	command_read_file(options.paths[0], &data, &size);
	command_trial(&trial, &options.chosen);
	before = size;
	size = minimize(&trial, data, size, &finding);
	trial_free(&trial);
	if (!finding.oracles) {
		fprintf(stderr, "rdpmc-diff: %s: no finding in it\n", options.paths[0]);
		free(data);
		return EXIT_FINDING;
	}
	if (file_write(options.paths[1], data, size, &failure))
		command_die("%s", failure.text);
	fprintf(stderr, "minimized from %zu to %zu bytes: %s\n", before, size,
		finding_title(&finding, title));
	free(data);
	return EXIT_GOOD;
}
