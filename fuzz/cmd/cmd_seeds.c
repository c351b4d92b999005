// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rdpmc-diff seeds: writes the seed corpus. Of many cases made at random those are kept that show
 * something new: a rule that decides, another answer of a rule, in another mode, at another
 * privilege, against another obstacle, after another kind of step, of another counter. The same seed, the same files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/case/mutate.h"
#include "fuzz/cmd/command.h"
#include "lib/file.h"
#include "lib/hash.h"

struct options {
	struct command_engine chosen;
	const char *directory;
	uint64_t seed, cases;
};

enum { KEY_CASES = 256 };

static const struct argp_option seeds_options[] = {
	{ "cases", KEY_CASES, "N", 0, "Cases to choose from (default 4M)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_CASES:
		options->cases = command_number("--cases", arg, 1, UINT64_MAX / 2);
		break;
	case ARGP_KEY_ARG:
		if (options->directory)
			command_die("seeds: '%s': one DIRECTORY is wanted, and '%s' was named", arg,
				    options->directory);
		options->directory = arg;
		break;
	case ARGP_KEY_END:
		if (!options->directory)
			command_die("seeds: name the DIRECTORY to write to");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp seeds_argp = {
	.options = seeds_options,
	.parser = parse,
	.args_doc = "DIRECTORY",
	.doc = "Write the seed corpus into DIRECTORY: the smallest number of random cases that "
	       "show "
	       "what many do. The same seed gives the same files.\v"
	       "Exit status: 0 written, 1 a case is a finding, 2 usage or file error.",
};

/* What a case showed, as numbers that are seen or not. */
struct seen {
	uint8_t rule[NR_RULES][2];
	uint8_t decided[NR_RULES][NR_MODES][2]; /* x mode x CPL != 0, of the state at the start */
	uint8_t obstacle[NR_OBSTACLES][NR_CLASSES];
	uint8_t step[NR_STEP_OPS][NR_RULES];              /* x what decided some read of the case */
	uint8_t gp[RDPMC_MAX_GP], fixed[RDPMC_MAX_FIXED]; /* how many the guest has */
	uint8_t cost[2];                                  /* PASS-MINIMAL */
	uint8_t version[2][8], legalised[8];
	uint8_t pdcm[2][2];                         /* x PERF_METRICS */
	uint8_t counter[NR_CLASSES][RDPMC_MAX_ECX]; /* read by a guest as it was asked for */
	/* user disable x GP x fixed 0 to 7, 8 and more x may pass, of the guest */
	uint8_t hides[2][2][2][2][2];
};

/* Mark one; was it new? */
static bool mark(uint8_t *seen)
{
	bool new = !*seen;

	*seen = 1;
	return new;
}

static bool mark_rules(struct seen *seen, const struct rdpmc_case *decoded,
		       const struct tally *tally)
{
	bool user = decoded->state.cpl, new = false;
	struct case_step step;

	for (unsigned int rule = 0; rule < NR_RULES; rule++) {
		if (tally->no >> rule & 1)
			new |= mark(&seen->rule[rule][0]);
		if (tally->yes >> rule & 1)
			new |= mark(&seen->rule[rule][1]);
		if (!tally->decided[rule])
			continue;
		new |= mark(&seen->decided[rule][decoded->state.mode][user]);
		for (size_t i = 0; i < decoded->n_steps; i++) {
			case_step(decoded, i, &step);
			new |= mark(&seen->step[step.op][rule]);
		}
	}
	return new;
}

static bool mark_pmus(struct seen *seen, const struct rdpmc_case *decoded,
		      const struct trial *trial)
{
	struct rdpmc_pmu offered, processor;
	struct rdpmc_policy policy;
	struct rdpmc_view guest, host;
	struct rdpmc_pass pass;
	bool new;

	trial_clamp(trial, decoded, &offered, &processor, &policy);
	rdpmc_view(&offered, &trial->choices, &guest);
	rdpmc_view(&processor, &trial->choices, &host);
	pass = rdpmc_may_pass(&host, &guest, &policy);
	new = mark(&seen->obstacle[pass.obstacle][pass.class]);
	new |= mark(&seen->gp[decoded->guest.nr_gp & 31]);
	new |= mark(&seen->fixed[decoded->guest.nr_fixed]);
	new |= mark(&seen->version[decoded->guest.vendor][decoded->guest.version & 7]);
	new |= mark(&seen->pdcm[decoded->guest.no_pdcm]
			       [!!(decoded->guest.perf_capabilities & RDPMC_CAP_METRICS)]);
	new |= mark(&seen->legalised[decoded->legalised & 7]);
	new |= mark(&seen->cost[!!trial->tally.costly]);
	new |= mark(&seen->hides[guest.user_disable][!guest.readable[CLASS_GP]][!(
		guest.readable[CLASS_FIXED] & 0xff)][!(guest.readable[CLASS_FIXED] >> 8)]
				[pass.obstacle == OBSTACLE_NONE]);
	return new;
}

static bool mark_reads(struct seen *seen, const struct rdpmc_case *decoded,
		       const struct trial *trial)
{
	struct case_step step = { .op = STEP_READ, .value = decoded->state.regs.rcx };
	struct rdpmc_state state = decoded->state;
	struct rdpmc_counters counters;
	struct rdpmc_outcome outcome;
	struct rdpmc_view guest;
	unsigned int n_gp, n_fixed;
	bool new = false;

	rdpmc_view(&decoded->guest, &trial->choices, &guest);
	case_counters(decoded, &guest, &counters, &n_gp, &n_fixed);
	for (size_t i = 0;; i++) {
		if (trial_model_step(&guest, &decoded->policy, &state, &counters, &step, &outcome))
			new |= mark(&seen->counter[outcome.decision.class][outcome.decision.index]);
		if (i == decoded->n_steps)
			return new;
		case_step(decoded, i, &step);
	}
}

/* Named by its content, so that a seed keeps its name when others come and go. */
static void write_seed(const struct options *options, const uint8_t *data, size_t size)
{
	char path[4096];
	struct failure failure;

	snprintf(path, sizeof(path), "%s/%016llx", options->directory,
		 (unsigned long long)hash_more(HASH_START, data, size));
	if (file_write(path, data, size, &failure))
		command_die("%s", failure.text);
}

int command_seeds(int argc, char **argv)
{
	struct options options = { .cases = 4000000 };
	const struct command_shared shared = { .engine = &options.chosen, .seed = &options.seed };
	struct random random;
	uint8_t data[MUTATE_SIZE];
	struct rdpmc_case decoded;
	struct finding finding;
	struct trial trial;
	struct seen *seen;
	size_t size, kept = 0;
	bool new;

	command_parse(&seeds_argp, &shared, argc, argv, &options);
	command_trial(&trial, &options.chosen);
	command_directory("", options.directory);
	seen = calloc(1, sizeof(*seen));
	if (!seen)
		command_die("out of memory");
	random.state = options.seed;
	for (uint64_t i = 0; i < options.cases; i++) {
		size = mutate_make(&random, data, sizeof(data));
		memset(&trial.tally, 0, sizeof(trial.tally));
		if (!trial_run(&trial, data, size, &finding)) {
			fprintf(stderr,
				"rdpmc-diff: case %llu is a finding; see rdpmc-diff run --random\n",
				(unsigned long long)i);
			return EXIT_FINDING;
		}
		case_decode(data, size, &decoded);
		new = mark_rules(seen, &decoded, &trial.tally);
		new |= mark_pmus(seen, &decoded, &trial);
		new |= mark_reads(seen, &decoded, &trial);
		if (!new)
			continue;
		write_seed(&options, data, size);
		kept++;
	}
	printf("wrote %zu seeds, chosen from %llu cases\n", kept,
	       (unsigned long long)options.cases);
	free(seen);
	trial_free(&trial);
	return EXIT_GOOD;
}
