/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the result files of rdpmc-diff have in common: results/rdpmc-results-2.schema.json. */
#ifndef FUZZ_DOCUMENT_H
#define FUZZ_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>

#include "model/pmu.h"

/* Now: RFC 3339, UTC, whole seconds. */
#define DOCUMENT_TIME 32
void document_now(char text[DOCUMENT_TIME]);

/* The names of the choices that are made: a new reference. */
json_t *document_choices(const struct rdpmc_choices *choices);

/*
 * A result of @kind: @options and @rows are stolen. Returns a new reference, NULL without memory.
 */
json_t *document_json(const char *kind, const char *started, bool partial, double elapsed,
		      json_t *options, json_t *rows);

#endif
