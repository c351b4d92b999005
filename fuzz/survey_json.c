// SPDX-License-Identifier: GPL-2.0-or-later
/* A survey as JSON: kind "survey" of results/rdpmc-results-2.schema.json. */
#include <string.h>

#include "fuzz/choices.h"
#include "fuzz/document.h"
#include "fuzz/report.h"
#include "fuzz/survey_report.h"

static json_t *names_json(struct known *known, uint64_t which)
{
	json_t *array = json_array();

	for (; which; which &= which - 1)
		json_array_append_new(
			array,
			json_string(known_get(known, (unsigned int)__builtin_ctzll(which))->name));
	return array;
}

static json_t *text_or_null(const char *text)
{
	return text && text[0] ? json_string(text) : json_null();
}

static json_t *example_json(const struct survey_result *result, const struct survey_class *class)
{
	struct case_bytes bytes;
	const uint8_t *at = (const uint8_t *)&bytes;
	char hex[2 * sizeof(bytes) + 1];
	struct survey_words text = survey_smallest(result, class);

	survey_case(result, class, &bytes);
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(&hex[2 * i], "%02x", at[i]);
	return json_pack("{s:s, s:s}", "text", text.text, "bytes", hex);
}

static json_t *configurations_json(const struct survey_result *result, const uint8_t *in)
{
	json_t *array = json_array();

	for (size_t i = 0; i < result->survey->n_configurations; i++)
		if (in ? in[i] : result->slots[i].progress == SLOT_DONE)
			json_array_append_new(array,
					      json_string(result->survey->configurations[i]->name));
	return array;
}

/* What one engine does: of a survey of one these are the row's own keys. */
static void set_side(json_t *into, const struct survey_report *report,
		     const struct survey_class *class, unsigned int side)
{
	const struct survey *survey = report->result->survey;
	const struct survey_side *of = &class->key.sides[side];
	bool read = class->key.entry < NR_ENTRIES, setup = class->key.entry == SURVEY_SETUP;
	char oracles[REPORT_ORACLES];

	report_oracles(of->oracles, oracles);
	json_object_set_new(into, "engine",
			    json_string(report->names[side] ? report->names[side]
							    : survey->engines[side]->name));
	json_object_set_new(into, "version", text_or_null(survey->engines[side]->version));
	json_object_set_new(into, "oracle", text_or_null(oracles));
	json_object_set_new(into, "rule",
			    setup ? json_null() : json_string(rdpmc_rules[of->rule].id));
	json_object_set_new(into, "model",
			    read ? json_string(survey_answer_name(of->model)) : json_null());
	json_object_set_new(into, "answer",
			    read ? json_string(of->oracles ? survey_instead(of)
							   : survey_answer_name(of->answer))
				 : json_null());
	json_object_set_new(into, "known", names_json(survey->known[side], of->known));
	json_object_set_new(into, "new", json_boolean(of->oracles && !of->known));
	json_object_set_new(into, "trouble", text_or_null(of->trouble));
}

static const char *change_name(enum survey_change change)
{
	static const char *const names[NR_CHANGES] = { "broken", "otherwise", "offer", "fixed" };

	return names[change];
}

static json_t *class_json(const struct survey_report *report, const struct survey_class *class)
{
	const struct survey_result *result = report->result;
	json_t *row = json_object(), *before;

	if (survey_sides(result->survey) > 1) {
		before = json_object();
		set_side(before, report, class, SURVEY_BEFORE);
		set_side(row, report, class, SURVEY_AFTER);
		json_object_set_new(row, "before", before);
		json_object_set_new(row, "change",
				    json_string(change_name(survey_change(&class->key))));
	} else {
		set_side(row, report, class, SURVEY_BEFORE);
	}
	json_object_set_new(row, "vendor",
			    json_string(class->key.vendor == RDPMC_AMD ? "amd" : "intel"));
	json_object_set_new(row, "entry", json_string(survey_entry(class->key.entry)));
	json_object_set_new(row, "count", json_integer((json_int_t) class->count));
	json_object_set_new(row, "of",
			    json_integer((json_int_t)survey_cases(result, class->key.entry)));
	json_object_set_new(row, "estimated", json_boolean(class->estimated));
	json_object_set_new(row, "reachable",
			    class->key.entry == ENTRY_EXIT
				    ? json_integer((json_int_t) class->reached)
				    : json_null());
	json_object_set_new(row, "states", json_integer(__builtin_popcount(class->states)));
	json_object_set_new(row, "configurations", configurations_json(result, class->in));
	json_object_set_new(row, "example", example_json(result, class));
	return row;
}

static json_t *intercepts_json(const struct survey_result *result, unsigned int side)
{
	json_t *object = json_object();

	for (size_t i = 0; i < result->survey->n_configurations; i++)
		if (result->slots[i].progress == SLOT_DONE)
			json_object_set_new(object, result->survey->configurations[i]->name,
					    json_string(survey_decision_name(
						    survey_decision(&result->slots[i], side))));
	return object;
}

static json_t *stale_json(const struct survey_result *result, unsigned int side)
{
	struct known *known = result->survey->known[side];
	json_t *array = json_array();

	for (unsigned int i = 0; !result->partial && i < known_count(known); i++)
		if (!known_get(known, i)->happened)
			json_array_append_new(array, json_string(known_get(known, i)->name));
	return array;
}

static json_t *summary_json(const struct survey_report *report)
{
	const struct survey_result *result = report->result;
	bool two = survey_sides(result->survey) > 1;
	json_t *summary = json_pack(
		"{s:i, s:i, s:I, s:I, s:I, s:i, s:i, s:o}", "states", SURVEY_STATES,
		"configurations", (int)result->done, "reads", (json_int_t)result->reads, "probes",
		(json_int_t)result->probes, "disagreed", (json_int_t)result->disagreed, "classes",
		(int)result->n_classes, two ? "broken" : "new", (int)survey_bad(result),
		"intercepts", intercepts_json(result, two ? SURVEY_AFTER : SURVEY_BEFORE));

	if (two)
		json_object_set_new(summary, "intercepts_before",
				    intercepts_json(result, SURVEY_BEFORE));
	else
		json_object_set_new(summary, "stale", stale_json(result, SURVEY_BEFORE));
	if (report->made) {
		json_object_set_new(summary, "made", json_integer((json_int_t)report->made));
		json_object_set_new(summary, "made_new",
				    json_integer((json_int_t)report->made_new));
	}
	if (result->refused)
		json_object_set_new(summary, "refused", json_integer((json_int_t)result->refused));
	if (result->died[0])
		json_object_set_new(summary, "died", json_string(result->died));
	return summary;
}

json_t *survey_json(const struct survey_report *report)
{
	const struct survey_result *result = report->result;
	const struct survey *survey = result->survey;
	json_t *rows = json_array(), *options, *document;

	for (size_t i = 0; i < result->n_classes; i++)
		json_array_append_new(rows, class_json(report, &result->classes[i]));
	options = json_pack("{s:s, s:o, s:o, s:i, s:o, s:o}", "engine",
			    report->names[0] ? report->names[0] : survey->engines[0]->name,
			    "against", text_or_null(survey->engines[1] ? report->names[1] : NULL),
			    "known", text_or_null(report->known), "jobs", (int)survey->jobs,
			    "choices", document_choices(&survey->choices), "configurations",
			    configurations_json(result, NULL));
	document = document_json("survey", report->started, result->partial, result->seconds,
				 options, rows);
	json_object_set_new(document, "summary", summary_json(report));
	return document;
}
