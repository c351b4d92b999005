// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A survey for a mail or a pull request: Markdown that is read as it stands, too. The tables' cells
 * are short, the rest are lists in lines of mail's width.
 */
#include <stdlib.h>

#include "fuzz/choices.h"
#include "fuzz/survey_report.h"

static void item(FILE *out, const char *label, const char *text)
{
	char whole[3000];

	snprintf(whole, sizeof(whole), "%s%s", label, text);
	survey_wrap(out, "* ", 2, whole);
}

static const char *name_of(const struct survey_report *report, unsigned int side)
{
	return report->names[side] ? report->names[side]
				   : report->result->survey->engines[side]->name;
}

static void head(FILE *out, const struct survey_report *report)
{
	const struct survey_result *result = report->result;
	const struct survey *survey = result->survey;
	bool two = survey_sides(survey) > 1;
	char choices[CHOICES_TEXT], text[1000];

	if (two)
		fprintf(out, "### RDPMC: from %s to %s\n\n", name_of(report, 0),
			name_of(report, 1));
	else
		fprintf(out, "### RDPMC of %s against the processor\n\n", name_of(report, 0));
	for (unsigned int i = 0; i < survey_sides(survey); i++) {
		snprintf(text, sizeof(text), "%s: version %s; %s", name_of(report, i),
			 survey_version(survey->engines[i]), survey->engines[i]->what);
		item(out, "", text);
	}
	item(out, "", survey_size(result).text);
	item(out, "", survey_grounds(result).text);
	if (result->refused)
		item(out, "", survey_refused(result).text);
	item(out, "the hardware's choices: ", choices_text(&survey->choices, choices));
	if (!report->known)
		item(out, "", "no differences are known: every one counts as new");
	if (result->partial) {
		snprintf(text, sizeof(text), "**partial**: %zu of %zu configurations%s%s",
			 result->done, survey->n_configurations,
			 result->died[0] ? ": a worker ended by " : "", result->died);
		item(out, "", text);
	}
}

/* "TYPE-OTHER", "#GP", "value": the cells of what is right and what is answered. */
static void cells(FILE *out, const struct survey_class *class, unsigned int side)
{
	const struct survey_side *of = &class->key.sides[side];

	if (class->key.entry == SURVEY_SETUP)
		fprintf(out, " | | complaint |");
	else if (class->key.entry == SURVEY_INTERCEPT)
		fprintf(out, " PASS-SOUND | on | %s |", of->oracles ? "off" : "sound");
	else
		fprintf(out, " %s | %s | %s |", rdpmc_rules[of->rule].id,
			survey_answer_name(of->model),
			of->oracles ? survey_instead(of) : survey_answer_name(of->answer));
}

static void row(FILE *out, const struct survey_result *result, size_t number)
{
	const struct survey_class *class = &result->classes[number];
	bool read = class->key.entry < NR_ENTRIES;

	if (survey_twin(result, number) < number)
		return;
	fprintf(out, "| %s | %s | %s |", survey_numbers(result, number).text,
		survey_entries(result, number), survey_vendor(&class->key));
	cells(out, class, 0);
	fprintf(out, " %s |", survey_count(class).text);
	if (class->key.entry == ENTRY_EXIT)
		fprintf(out, " %s |", survey_number(class->reached).text);
	else
		fprintf(out, " |");
	fprintf(out, " %s |\n", read ? survey_ecx(class->example.ecx).text : "");
}

static void table(FILE *out, const struct survey_result *result, size_t first, size_t end)
{
	fprintf(out, "\n| # | entry | guest | rule | right | engine | cases | reach exit | lowest "
		     "ECX |\n"
		     "|--:|---|---|---|---|---|--:|--:|---|\n");
	for (size_t i = first; i < end; i++)
		row(out, result, i);
	fputc('\n', out);
}

/* What the table has no room for. */
static void detail(FILE *out, const struct survey_result *result, size_t number)
{
	const struct survey_class *class = &result->classes[number];
	const struct survey_side *side = &class->key.sides[0];
	char text[2500], label[40];

	if (survey_twin(result, number) < number)
		return;
	snprintf(label, sizeof(label), "**%zu**: ", number + 1);
	if (class->key.entry == SURVEY_INTERCEPT)
		snprintf(text, sizeof(text), "off where it must be on: %s; in %s",
			 survey_pass(side).text, survey_place(result, class).text);
	else if (class->key.entry == SURVEY_SETUP)
		snprintf(text, sizeof(text), "%s; in %s", side->trouble,
			 survey_place(result, class).text);
	else
		snprintf(text, sizeof(text), "%s%s%s; right: %s; engine: %s; in %s; %s",
			 side->trouble, side->trouble[0] ? "; " : "",
			 survey_smallest(result, class).text, survey_model_gives(class, 0).text,
			 survey_engine_gives(class, 0).text, survey_place(result, class).text,
			 survey_states_text(class->states).text);
	item(out, label, text);
}

/* The differences that explain classes, each once, and which classes. */
static void known_items(FILE *out, const struct survey_result *result, size_t first)
{
	struct known *known = result->survey->known[0];
	char text[3000];

	for (unsigned int i = 0; i < known_count(known); i++) {
		const struct known_difference *one = known_get(known, i);
		int at;

		if (!one->happened)
			continue;
		at = snprintf(text, sizeof(text), "**%s** (", one->name);
		for (size_t k = first; k < result->n_classes && at < 1000; k++)
			if (result->classes[k].key.sides[0].known >> i & 1)
				at += snprintf(text + at, sizeof(text) - (size_t)at, "%s%zu",
					       text[at - 1] == '(' ? "" : ", ", k + 1);
		snprintf(text + at, sizeof(text) - (size_t)at,
			 "): %.600s; right: %.400s. Who can see it: %.400s",
			 one->kernel ? one->kernel : "", one->processor ? one->processor : "",
			 one->reach ? one->reach : "not said");
		item(out, "", text);
	}
	for (unsigned int i = 0; !result->partial && i < known_count(known); i++)
		if (!known_get(known, i)->happened)
			item(out, known_get(known, i)->name, ": did not happen: stale");
}

static void intercepts(FILE *out, const struct survey_result *result)
{
	fprintf(out, "\n**Intercept** (PASS-SOUND, PASS-MINIMAL)\n\n");
	for (unsigned int i = 0; i < NR_DECISIONS; i++) {
		char *list = survey_list(result, survey_is_decided, i), label[80];

		snprintf(label, sizeof(label), "%s: ", survey_decision_name(i));
		item(out, label, list && list[0] ? list : "none");
		free(list);
	}
}

static void differences(FILE *out, const struct survey_result *result)
{
	size_t bad = survey_bad(result);

	if (bad) {
		fprintf(out, "\n**New: %zu**\n", bad);
		table(out, result, 0, bad);
	} else if (!survey_tried(result)) {
		fprintf(out, "\n**%s**\n", survey_untried(result).text);
	} else {
		fprintf(out, "\n**Nothing new.**\n");
	}
	for (size_t i = 0; i < bad; i++)
		detail(out, result, i);
	if (bad < result->n_classes) {
		fprintf(out, "\n**Known: %zu**\n", result->n_classes - bad);
		table(out, result, bad, result->n_classes);
	}
	known_items(out, result, bad);
	intercepts(out, result);
}

static void rules(FILE *out, const struct survey_result *result)
{
	uint32_t named = survey_rules(result);
	char text[600];

	if (named)
		fprintf(out, "\n**Rules**\n\n");
	for (; named; named &= named - 1) {
		const struct rdpmc_rule_text *rule = &rdpmc_rules[__builtin_ctz(named)];

		snprintf(text, sizeof(text), "%s: %s (%s)", rule->id, rule->text, rule->source);
		item(out, "", text);
	}
}

/* Two engines */

static void change_row(FILE *out, const struct survey_result *result, size_t number)
{
	const struct survey_class *class = &result->classes[number];

	if (survey_twin(result, number) < number)
		return;
	fprintf(out, "| %s | %s | %s |", survey_numbers(result, number).text,
		survey_entries(result, number), survey_vendor(&class->key));
	for (unsigned int side = 0; side < SURVEY_SIDES; side++) {
		const struct survey_side *of = &class->key.sides[side];

		if (class->key.entry >= NR_ENTRIES)
			fprintf(out, " %s |", of->oracles ? "wrong" : "right");
		else
			fprintf(out, " %s (%s) |",
				of->oracles ? survey_instead(of) : survey_answer_name(of->answer),
				of->oracles ? "wrong" : "right");
	}
	fprintf(out, " %s | %s | %s |\n",
		class->key.entry == SURVEY_SETUP
			? ""
			: rdpmc_rules[class->key.sides[SURVEY_AFTER].rule].id,
		survey_count(class).text,
		class->key.entry < NR_ENTRIES ? survey_ecx(class->example.ecx).text : "");
}

static void changed_intercepts(FILE *out, const struct survey_result *result)
{
	char label[100];

	for (unsigned int change = 0; change < NR_DECISIONS * NR_DECISIONS; change++) {
		char *list = survey_list(result, survey_is_changed, change);

		snprintf(label, sizeof(label),
			 "the intercept: %s -> %s: ", survey_decision_name(change / NR_DECISIONS),
			 survey_decision_name(change % NR_DECISIONS));
		if (change / NR_DECISIONS != change % NR_DECISIONS && list && list[0])
			item(out, label, list);
		free(list);
	}
}

void survey_markdown_changes(FILE *out, const struct survey_report *report)
{
	static const char *const heads[NR_CHANGES] = {
		[CHANGE_BROKEN] = "Became wrong",
		[CHANGE_OTHERWISE] = "Wrong in another way",
		[CHANGE_OFFER] = "Right in both, of other guests",
		[CHANGE_FIXED] = "Became right",
	};
	const struct survey_result *result = report->result;

	for (size_t i = 0; i < result->n_classes; i++) {
		enum survey_change change = survey_change(&result->classes[i].key);

		if (!i || change != survey_change(&result->classes[i - 1].key))
			fprintf(out,
				"\n**%s**\n\n"
				"| # | entry | guest | before | after | rule | cases | lowest ECX "
				"|\n"
				"|--:|---|---|---|---|---|--:|---|\n",
				heads[change]);
		change_row(out, result, i);
	}
	if (!survey_tried(result))
		fprintf(out, "\n**%s**\n", survey_untried(result).text);
	else if (!result->n_classes)
		fprintf(out, "\n**Nothing changed**: both answer every read alike.\n");
	fputc('\n', out);
	changed_intercepts(out, result);
}

void survey_markdown(FILE *out, const struct survey_report *report)
{
	head(out, report);
	if (survey_sides(report->result->survey) > 1)
		survey_markdown_changes(out, report);
	else
		differences(out, report->result);
	rules(out, report->result);
}
