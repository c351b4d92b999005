// SPDX-License-Identifier: GPL-2.0-or-later
/* A survey as JSON: kind "survey" of results/rdpmc-results-2.schema.json. */
#include "fuzz/oracle/choices.h"
#include "fuzz/report/names.h"
#include "fuzz/report/report.h"
#include "fuzz/survey/survey_report.h"
#include "fuzz/survey/trial_json.h"
#include "lib/json/document.h"

static const char *text_or_null(const char *text)
{
	return text && text[0] ? text : NULL;
}

static json_t *known_json(struct known *known, uint64_t which)
{
	json_t *array = json_array();

	for (; which; which &= which - 1)
		json_array_append_new(
			array,
			json_string(known_get(known, (unsigned int)__builtin_ctzll(which))->name));
	return array;
}

static json_t *example_json(const struct survey_result *result, const struct survey_class *class)
{
	uint8_t data[MUTATE_SIZE];
	char hex[2 * sizeof(data) + 1];
	const size_t size = survey_case(result, class, data);

	for (size_t i = 0; i < size; i++)
		sprintf(&hex[2 * i], "%02x", data[i]);
	return json_pack("{s:s, s:s}", "text", survey_smallest(result, class).text, "bytes", hex);
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
static json_t *side_json(const struct survey_report *report, const struct survey_class *class,
			 unsigned int side)
{
	const struct survey *survey = report->result->survey;
	const struct survey_side *of = &class->key.sides[side];
	bool read = class->key.entry < NR_ENTRIES, setup = class->key.entry == SURVEY_SETUP;
	char oracles[REPORT_ORACLES];
	json_t *made;

	report_oracles(of->oracles, oracles);
	made = json_pack(
		"{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:o, s:b, s:s?}", "engine",
		survey_name(report, side), "version", text_or_null(survey->engines[side]->version),
		"oracle", text_or_null(oracles), "rule", setup ? NULL : rdpmc_rules[of->rule].id,
		"model", read ? answer_name(of->model) : NULL, "answer",
		read ? survey_got(of) : NULL, "known", known_json(survey->known[side], of->known),
		"new", of->oracles && !of->known, "trouble", text_or_null(of->trouble));
	if (read && of->answer == ANSWER_USER_SPACE)
		json_object_set_new(made, "exit_reason", json_integer(of->exit_reason));
	return made;
}

static void add_row(const struct survey_render *r, const struct survey_class *class)
{
	static const char *const changes[NR_CHANGES] = { "broken", "otherwise", "known", "offer",
							 "fixed" };
	const struct survey_result *result = r->result;
	json_t *row = side_json(r->report, class, r->two ? SURVEY_AFTER : SURVEY_BEFORE);
	json_t *more = json_pack(
		"{s:s, s:s, s:I, s:I, s:b, s:o, s:i, s:o, s:o}", "vendor",
		class->key.vendor == RDPMC_AMD ? "amd" : "intel", "entry",
		survey_entry(class->key.entry), "count", (json_int_t) class->count, "of",
		(json_int_t)(class->n_configurations ? survey_cases(result, class->key.entry)
						     : r->report->made),
		"estimated", class->estimated, "reachable",
		class->key.entry == ENTRY_EXIT ? json_integer((json_int_t) class->reached)
					       : json_null(),
		"states", __builtin_popcount(class->states), "configurations",
		configurations_json(result, class->in), "example", example_json(result, class));

	if (class->made)
		json_object_set_new(more, "made", json_integer((json_int_t) class->made));
	if (r->two)
		json_object_update_new(more, json_pack("{s:o, s:s}", "before",
						       side_json(r->report, class, 0), "change",
						       changes[survey_change(class)]));
	r->page->failed |=
		json_object_update_new(row, more) || json_array_append_new(r->page->rows, row);
}

static json_t *intercepts_json(const struct survey_result *result, unsigned int side)
{
	static const char *const names[NR_DECISIONS] = {
		[DECISION_OFF] = "off, rightly",       [DECISION_ON] = "on, rightly",
		[DECISION_COSTLY] = "on without need", [DECISION_UNSOUND] = "off wrongly",
		[DECISION_UNJUDGED] = "not judged",
	};
	json_t *object = json_object();

	for (size_t i = 0; i < result->survey->n_configurations; i++)
		if (result->slots[i].progress == SLOT_DONE)
			json_object_set_new(
				object, result->survey->configurations[i]->name,
				json_string(names[survey_decision(&result->slots[i], side)]));
	return object;
}

static json_t *stale_json(const struct survey_report *report)
{
	struct known *known = report->result->survey->known[0];
	json_t *array = json_array();

	for (unsigned int i = 0; report->whole && i < known_count(known); i++)
		if (!known_get(known, i)->happened)
			json_array_append_new(array, json_string(known_get(known, i)->name));
	return array;
}

/* Functions by file. */
static json_t *not_run_json(const struct survey_not_run *not_run)
{
	json_t *files = json_object();

	for (size_t i = 0; i < not_run->n_functions;) {
		const size_t end = survey_not_run_end(not_run, i);
		json_t *names = json_array();

		json_object_set_new(files, not_run->functions[i]->file, names);
		for (; i < end; i++)
			json_array_append_new(names, json_string(not_run->functions[i]->name));
	}
	return files;
}

void survey_page_json(const struct survey_render *r)
{
	const struct survey_result *result = r->result;
	json_t *into = r->page->summary;

	r->page->failed |= json_object_update_new(
		into,
		json_pack("{s:i, s:i, s:I, s:I, s:I, s:i, s:i, s:o, s:o}", "states", SURVEY_STATES,
			  "configurations", (int)result->done, "reads", (json_int_t)result->reads,
			  "probes", (json_int_t)result->probes, "disagreed",
			  (json_int_t)result->disagreed, "classes", (int)result->n_classes,
			  r->two ? "broken" : "new", (int)survey_bad(result), "intercepts",
			  intercepts_json(result, r->two), r->two ? "intercepts_before" : "stale",
			  r->two ? intercepts_json(result, 0) : stale_json(r->report)));
	if (r->report->made) {
		json_object_set_new(into, "made", json_integer((json_int_t)r->report->made));
		json_object_set_new(into, r->two ? "made_changed" : "made_new",
				    json_integer((json_int_t)r->report->made_new));
	}
	if (r->not_run->n_functions)
		json_object_set_new(into, "not_run", not_run_json(r->not_run));
	if (result->made_too_many)
		json_object_set_new(into, "made_too_many", json_true());
	if (r->report->states_new)
		json_object_set_new(into, "states_new",
				    json_integer((json_int_t)r->report->states_new));
	if (survey_verdicts(result, VERDICT_REFUSED))
		json_object_set_new(
			into, "refused",
			json_integer((json_int_t)survey_verdicts(result, VERDICT_REFUSED)));
	for (unsigned int side = 0; side < survey_sides(result->survey); side++)
		json_object_set_new(
			into, r->two && side == SURVEY_BEFORE ? "verdicts_before" : "verdicts",
			verdicts_json(result->tally[side].asked[QUESTION_READ],
				      result->tally[side].verdicts[QUESTION_READ]));
	if (result->died[0])
		json_object_set_new(into, "died", json_string(result->died));
	for (size_t i = 0; i < result->n_classes; i++)
		add_row(r, &result->classes[i]);
}

json_t *survey_json(const struct page *page, const struct survey_report *report)
{
	const struct survey_result *result = report->result;
	const struct survey *survey = result->survey;
	json_t *options, *document;

	options = json_pack("{s:s, s:s?, s:s?, s:i, s:o, s:o}", "engine", survey_name(report, 0),
			    "against", survey->engines[1] ? text_or_null(report->names[1]) : NULL,
			    "known", text_or_null(report->known), "jobs", (int)survey->jobs,
			    "choices", choices_json(&survey->choices), "configurations",
			    configurations_json(result, NULL));
	document = document_json("survey", report->started, result->partial, result->seconds,
				 options, json_incref(page->rows));
	json_object_set(document, "summary", page->summary);
	return document;
}
