/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What result files have in common: results/rdpmc-results-2.schema.json. */
#ifndef LIB_JSON_DOCUMENT_H
#define LIB_JSON_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>

/* Now: RFC 3339, UTC, whole seconds. */
#define DOCUMENT_TIME 32
void document_now(char text[DOCUMENT_TIME]);

/*
 * A result of @kind: @options and @rows are stolen. Returns a new reference, NULL without memory.
 */
json_t *document_json(const char *kind, const char *started, bool partial, double elapsed,
		      json_t *options, json_t *rows);

#endif
