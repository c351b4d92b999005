// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The fuzz target: bytes in, abort() with a report on the first thing found. The same object for
 * libFuzzer, AFL++ and replay; RDPMC_ENGINE chooses the engine.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/case/mutate.h"
#include "fuzz/inputs/command_journal.h"
#include "fuzz/report/report.h"
#include "fuzz/targets/target.h"
#include "fuzz/targets/target_features.h"
#include "fuzz/targets/target_outlet.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* The fuzzer's interface has no other place for it. */
static struct trial trial;

static struct journal *journal; /* of a real machine's cases */

/* Fuzzing services build without the reader, which wants jansson: nothing is known of the emulator. */
#pragma weak known_directory
#pragma weak known_read

/* What is known of a kernel does not stop the fuzzer. */
static void read_known(const struct engine *engine)
{
	char directory[4096], why[512];

	if (!known_read || known_directory(directory, sizeof(directory)))
		return;
	trial.known = known_read(directory, engine, why, sizeof(why));
	if (!trial.known) {
		fprintf(stderr, "%s\n", why);
		exit(2);
	}
}

const struct tally *target_tally(void)
{
	return &trial.tally;
}

/* A fuzzer that ends by itself must not pass for one that found nothing. */
static void print_untried(void)
{
	if (!trial.tally.cases || tally_answered(&trial.tally))
		return;
	fprintf(stderr, "Nothing was tried: no read was answered%s%s\n",
		*trial.tally.refusal ? ": " : "", trial.tally.refusal);
	_exit(77);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("RDPMC_ENGINE");
	const char *why;
	const struct engine *engine = engine_find(name ? name : "emulator", &why);

	if (!engine) {
		fprintf(stderr,
			"%s: RDPMC_ENGINE=%s: %s; `rdpmc-diff engines` lists what there is\n",
			program_invocation_short_name, name, why);
		exit(2);
	}
	if (trial_init(&trial, engine, &why)) {
		fprintf(stderr, "engine %s: %s\n", engine->name, why);
		exit(77);
	}
	if (engine->version)
		read_known(engine);
	journal = command_journal(engine);
	target_outlet_open(*argc, *argv);
	atexit(print_untried);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rdpmc_case decoded;
	struct finding finding;
	char title[FINDING_TITLE];

	case_decode(data, size, &decoded);
	command_journal_add(journal, data, size);
	command_journal_sync(journal);
	target_outlet_case(data, size);
	if (trial_case(&trial, &decoded, &finding)) {
		command_journal_done(journal);
		target_outlet_done();
		target_features(&trial, &decoded);
		return 0;
	}
	command_journal_close(journal);
	fprintf(stderr, "\nFOUND: %s\n", finding_title(&finding, title));
	report_case(stderr, &decoded);
	report_finding(stderr, &trial, &decoded, &finding);
	/* A kernel's engine for the fuzzer is none for rdpmc-diff: that has its own of the same name. */
	report_bytes(stderr, data, size, "FILE (what the fuzzer saved)",
		     trial.engine->version && !trial.engine->real ? trial.engine->name
								  : getenv("RDPMC_ENGINE"),
		     "");
	abort();
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	struct random random = { seed };

	return mutate(&random, data, size, max_size);
}
