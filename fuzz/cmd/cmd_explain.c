// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-diff explain and minimize: one case in words; the smallest that shows the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/cmd/command.h"
#include "fuzz/report/report.h"
#include "fuzz/triage/minimize.h"
#include "lib/file.h"

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
	.doc = "Say in words what a case tries, what the processor answers and by which rule, and "
	       "whether the engine agrees.\v"
	       "Exit status: 0 the engine agrees, or differs as is known; 1 it does not; 2 usage "
	       "or a file that cannot be read; 77 the engine answers no read of it.",
};
static const struct argp minimize_argp = {
	.parser = parse,
	.args_doc = "FILE|- OUTPUT|-",
	.doc = "Write the smallest case that shows the same finding as FILE: the same oracle, "
	       "entry, "
	       "rule and answers.\v"
	       "Exit status: 0 written, 1 nothing is found in FILE, 2 usage or file error.",
};

static void print_known(const struct trial *trial)
{
	bool any = false;

	printf("engine   %s differs, as is known: ", trial->engine->name);
	for (unsigned int i = 0; i < known_count(trial->known); i++)
		if (known_get(trial->known, i)->happened) {
			printf("%s%s", any ? ", " : "", known_get(trial->known, i)->name);
			any = true;
		}
	printf("\n");
}

int command_explain(int argc, char **argv)
{
	struct options options = { .wanted = 1 };
	const struct command_shared shared = { .engine = &options.chosen };
	struct rdpmc_case decoded;
	char untried[TALLY_TEXT], arguments[COMMAND_ARGUMENTS];
	struct finding finding;
	struct trial trial;
	const char *why;
	uint8_t *data;
	size_t size;
	bool good;

	command_parse(&explain_argp, &shared, argc, argv, &options);
	command_read_file(options.paths[0], &data, &size);
	command_check_case(options.paths[0], data, size);
	command_trial(&trial, &options.chosen);
	good = trial_run(&trial, data, size, &finding);
	case_decode(data, size, &decoded);
	report_case(stdout, &decoded);
	report_answers(stdout, &trial, &decoded);
	why = *trial.tally.refusal ? trial.tally.refusal : trial.tally.unjudged_why;
	if (good && tally_known(&trial.tally))
		print_known(&trial);
	else if (good && !tally_answered(&trial.tally))
		printf("engine   %s answers nothing%s%s\n", trial.engine->name, *why ? ": " : "",
		       why);
	else if (good)
		printf("engine   %s agrees, by all its entries%s%s\n", trial.engine->name,
		       *tally_not_tried(&trial.tally, untried) ? "; not as asked: " : "", untried);
	else
		report_finding(stdout, &trial, &decoded, &finding);
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
	struct failure failure;

	command_parse(&minimize_argp, &shared, argc, argv, &options);
	command_read_file(options.paths[0], &data, &size);
	command_trial(&trial, &options.chosen);
	before = size;
	size = minimize(&trial, data, size, &finding);
	trial_free(&trial);
	if (!finding.oracles) {
		fprintf(stderr, "rdpmc-diff: %s: nothing is found in it\n", options.paths[0]);
		free(data);
		return EXIT_FINDING;
	}
	if (file_write(options.paths[1], data, size, &failure))
		command_die("%s", failure.text);
	fprintf(stderr, "%zu bytes, were %zu\n", size, before);
	free(data);
	return EXIT_GOOD;
}
