// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-rdpmc-replay: the target without a fuzzer, by any compiler. Runs each file, each file of
 * each directory, or standard input ("-").
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/inputs/inputs.h"
#include "fuzz/targets/target.h"
#include "lib/text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	(void)opaque;
	(void)name;
	/* A copy of its own size, so that a sanitizer sees reads past the end. */
	uint8_t *copy = malloc(size);

	if (size && !copy)
		return false;
	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	return true;
}

int main(int argc, char **argv)
{
	char why[256], untried[TALLY_TEXT];
	size_t count = 0;

	if (argc < 2 || !strcmp(argv[1], "--help")) {
		fprintf(argc < 2 ? stderr : stdout, "Usage: fuzz-rdpmc-replay FILE|DIRECTORY|-...\n"
						    "Run cases through the fuzz target. Aborts "
						    "with a report on the first finding.\n"
						    "--version prints the version.\n");
		return argc < 2 ? 2 : 0;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("fuzz-rdpmc-replay %s\n", PROGRAM_VERSION);
		return 0;
	}
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1]) {
			fprintf(stderr, "fuzz-rdpmc-replay: unknown option '%s' (see --help)\n",
				argv[i]);
			return 2;
		}
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		if (inputs_each(argv[i], replay, NULL, &count, why, sizeof(why))) {
			fprintf(stderr, "fuzz-rdpmc-replay: %s\n", why);
			return 2;
		}
	}
	if (!count) {
		fprintf(stderr,
			"fuzz-rdpmc-replay: there was no case to run: no file in what was named\n");
		return 77;
	}
	tally_not_tried(target_tally(), untried);
	if (tally_answered(target_tally()))
		printf("No finding%s: %zu case%s%s%s\n", *untried ? " in what was tried" : "",
		       count, PLURAL(count), *untried ? "; limits: " : "", untried);
	if (fflush(stdout)) {
		fprintf(stderr, "fuzz-rdpmc-replay: standard output: %s\n", strerror(errno));
		return 2;
	}
	return 0;
}
