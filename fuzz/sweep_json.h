/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The result of sweeps as JSON: kind "sweep" of results/rdpmc-results-2.schema.json. */
#ifndef FUZZ_SWEEP_JSON_H
#define FUZZ_SWEEP_JSON_H

#include <jansson.h>

#include "fuzz/sweep.h"

struct sweep_row {
	const char *configuration;
	struct sweep_result result;
};

struct sweep_document {
	const char *started;       /* RFC 3339, UTC */
	const struct trial *trial; /* for its engine and choices */
	const char *type; /* all of it, ECX[31:16] as it was given; NULL: representatives */
	const struct sweep_row *rows;
	size_t n_rows;
	double elapsed;
	bool partial;
};

/* A new reference, or NULL without memory. */
json_t *sweep_json(const struct sweep_document *document);

#endif
