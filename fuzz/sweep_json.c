// SPDX-License-Identifier: GPL-2.0-or-later
/* The result document of sweeps. */
#include "fuzz/sweep_json.h"

#include "fuzz/document.h"

static json_t *row_json(const struct sweep_row *row)
{
	const struct sweep_result *result = &row->result;
	json_t *object =
		json_pack("{s:s, s:s, s:I, s:I, s:f, s:b}", "configuration", row->configuration,
			  "part", "states", "cases", (json_int_t)result->cases, "mismatches",
			  (json_int_t)result->mismatches, "seconds", result->seconds, "complete",
			  !result->interrupted && !result->refused);

	if (result->refused)
		json_object_set_new(object, "refused", json_integer((json_int_t)result->refused));
	if (result->offered)
		json_object_set_new(object, "reduced", json_true());
	return object;
}

json_t *sweep_json(const struct sweep_document *document)
{
	const struct trial *trial = document->trial;
	json_t *rows = json_array(), *options;

	for (size_t i = 0; i < document->n_rows; i++)
		json_array_append_new(rows, row_json(&document->rows[i]));
	options = json_pack("{s:s, s:o, s:s*}", "engine", trial->engine->name, "choices",
			    document_choices(&trial->choices), "full", document->type);
	return document_json("sweep", document->started, document->partial, document->elapsed,
			     options, rows);
}
