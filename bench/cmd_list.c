// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-bench list: every benchmark, measurable here or not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/commands.h"
#include "lib/file.h"
#include "lib/json/json_file.h"

static json_t *rows_json(const struct row *rows, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_pack("{s:s, s:s, s:b, s:s}", "name", rows[i].name,
						       "setting", row_setting(&rows[i]),
						       "measurable", rows[i].status == ROW_READY,
						       "reason", rows[i].reason));
	return json_pack("{s:s, s:o}", "schema", "rdpmc-list/1", "rows", array);
}

/* A name a line: what can be measured, and then what cannot, below the reason that it shares with others. */
static void print_rows(FILE *out, const struct row *rows, size_t n)
{
	bool printed[MAX_ROWS] = { false };
	size_t ready = 0;

	for (size_t i = 0; i < n; i++)
		ready += rows[i].status == ROW_READY;
	fprintf(out, "%zu of %zu benchmarks can be measured here:\n", ready, n);
	for (size_t i = 0; i < n; i++)
		if (rows[i].status == ROW_READY)
			fprintf(out, "%s\n", rows[i].name);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].status == ROW_READY || printed[i])
			continue;
		fprintf(out, "\nskipped: %s\n", rows[i].reason);
		for (size_t j = i; j < n; j++) {
			if (rows[j].status == ROW_READY || strcmp(rows[j].reason, rows[i].reason))
				continue;
			fprintf(out, "  %s\n", rows[j].name);
			printed[j] = true;
		}
	}
}

int command_list(const struct options *options)
{
	struct failure failure;
	struct case_plan plan;
	struct native *native;
	struct row *rows;
	struct kvm kvm;
	json_t *json;
	size_t n;
	int status = EXIT_GOOD;

	if (options->json && file_check(options->json, &failure))
		options_die("--json: %s", failure.text);
	if (kvm_open(&kvm, options->device, &failure))
		return options_no_kvm(options, failure.text);
	rows = calloc(MAX_ROWS, sizeof(*rows));
	native = calloc(1, sizeof(*native));
	if (!rows || !native)
		options_die("out of memory");
	n = plan_rows(options, &kvm, &plan, native, rows);
	if (!options->json || strcmp(options->json, "-"))
		print_rows(stdout, rows, n);
	if (options->json) {
		json = rows_json(rows, n);
		if (json_file_write(options->json, json, &failure)) {
			fprintf(stderr, "rdpmc-bench: %s\n", failure.text);
			status = EXIT_USAGE;
		}
		json_decref(json);
	}
	free(native);
	free(rows);
	kvm_close(&kvm);
	return status;
}
