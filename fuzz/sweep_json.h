/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The result of sweeps as JSON: kind "sweep" of results/rdpmc-results-2.schema.json. */
#ifndef FUZZ_SWEEP_JSON_H
#define FUZZ_SWEEP_JSON_H

#include <jansson.h>

#include "fuzz/sweep.h"

struct sweep_row {
	const char *part; /* "full", "representatives", "pairs" */
	const char *configuration;
	struct sweep_result result;
};

struct sweep_document {
	const char *started; /* RFC 3339, UTC */
	const struct sweep *sweep;
	const struct sweep_row *rows;
	size_t n_rows;
	uint32_t first, last; /* ECX of the full sweep */
	double elapsed;
	bool partial;
};

/* A new reference, or NULL without memory. */
json_t *sweep_json(const struct sweep_document *document);

#endif
