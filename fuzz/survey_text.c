// SPDX-License-Identifier: GPL-2.0-or-later
/* A survey for a person at a terminal. */
#include <stdlib.h>
#include <string.h> /* the GNU basename() */

#include "fuzz/choices.h"
#include "fuzz/survey_report.h"

#define INDENT 12

static void line(FILE *out, const char *label, const char *text)
{
	if (text && text[0])
		survey_wrap(out, label, INDENT, text);
}

/* @list is freed; nothing where it is empty. */
static void list_line(FILE *out, const char *label, const char *what, char *list)
{
	char text[3000];

	if (list && list[0]) {
		snprintf(text, sizeof(text), "%s %s", what, list);
		line(out, label, text);
	}
	free(list);
}

static void engine_line(FILE *out, const struct survey_report *report, unsigned int side,
			const char *label)
{
	const struct engine *engine = report->result->survey->engines[side];
	const char *name = report->names[side] ? report->names[side] : engine->name;
	char text[1000];

	snprintf(text, sizeof(text), "%s: %s; version %s", name, engine->what,
		 survey_version(engine));
	line(out, label, text);
}

static void head(FILE *out, const struct survey_report *report)
{
	const struct survey_result *result = report->result;
	const struct survey *survey = result->survey;
	bool two = survey_sides(survey) > 1;
	char choices[CHOICES_TEXT], text[SURVEY_PATH + 100];

	engine_line(out, report, SURVEY_BEFORE, two ? "before" : "engine");
	if (two)
		engine_line(out, report, SURVEY_AFTER, "after");
	snprintf(text, sizeof(text), "the model of the processor; the hardware's choices: %s",
		 choices_text(&survey->choices, choices));
	line(out, "right is", text);
	line(out, "cases", survey_size(result).text);
	line(out, "counted", survey_grounds(result).text);
	if (report->made) {
		snprintf(text, sizeof(text), "%s cases made at random, of odd guests, too: %s",
			 survey_number(report->made).text,
			 report->made_new ? "SOME DIFFER IN A WAY THAT IS NEW: `rdpmc-diff run "
					    "--random 5M` with "
					    "this engine tells"
					  : "nothing new");
		line(out, "beside", text);
	}
	line(out, "refused", survey_refused(result).text);
	if (report->known)
		snprintf(text, sizeof(text), "differences that are known: %u, of %s",
			 known_count(survey->known[0]), report->known);
	else
		snprintf(text, sizeof(text), "no differences are known: every one counts as new");
	line(out, "known", text);
	if (result->partial)
		fprintf(out, "PARTIAL     %zu of %zu configurations%s%s\n", result->done,
			survey->n_configurations, result->died[0] ? ": a worker ended by " : "",
			result->died);
	list_line(out, "without", "what the engine lacks these guests were tried:",
		  survey_list(result, survey_is_not_offered, SURVEY_BEFORE));
	list_line(out, "estimates", "only, of more classes than can be kept apart, are:",
		  survey_list(result, survey_is_crowded, 0));
}

static void saved_line(FILE *out, const struct survey_report *report,
		       const struct survey_class *class, size_t number)
{
	const char *name = report->names[SURVEY_BEFORE];
	char path[SURVEY_PATH];

	if (!report->saved)
		return;
	survey_path(path, report->saved, class, number);
	fprintf(out, "%-*srdpmc-diff run %s%s%s%s\n", INDENT, "   repeat", name ? "--engine " : "",
		name ? name : "", name ? " " : "", path);
}

static void once(FILE *out, const struct survey_report *report, const struct survey_class *class)
{
	const struct survey_side *side = &class->key.sides[0];

	if (class->key.entry == SURVEY_INTERCEPT) {
		fprintf(out, "intercept, %s guest: off where it must be on\n",
			survey_vendor(&class->key));
		line(out, "   because", survey_pass(side).text);
	} else {
		fprintf(out, "setup, %s guest: the engine's code complains while it is set up\n",
			survey_vendor(&class->key));
		line(out, "   trouble", side->trouble);
	}
	line(out, "   where", survey_place(report->result, class).text);
}

/* Number, then all that is needed to see it and to put it right. */
static void block(FILE *out, const struct survey_report *report, size_t number)
{
	const struct survey_result *result = report->result;
	const struct survey_class *class = &result->classes[number];
	const struct survey_side *side = &class->key.sides[0];
	char text[1000];

	if (survey_twin(result, number) < number)
		return;
	fprintf(out, "\n%s. ", survey_numbers(result, number).text);
	if (class->key.entry >= NR_ENTRIES) {
		once(out, report, class);
		saved_line(out, report, class, number);
		return;
	}
	fprintf(out, "%s%s, %s guest: %s by %s, here %s\n", survey_entries(result, number),
		survey_twin(result, number) == number ? "" : " entries", survey_vendor(&class->key),
		survey_answer_name(side->model), rdpmc_rules[side->rule].id, survey_instead(side));
	line(out, "   trouble", side->trouble);
	snprintf(text, sizeof(text), "%s (%s)", survey_count(class).text,
		 survey_share(result, class).text);
	line(out, "   cases", text);
	line(out, "   reach", survey_reach(class).text);
	line(out, "   smallest", survey_smallest(result, class).text);
	line(out, "   right", survey_model_gives(class, 0).text);
	line(out, "   engine", survey_engine_gives(class, 0).text);
	snprintf(text, sizeof(text), "%s; %s", survey_place(result, class).text,
		 survey_states_text(class->states).text);
	line(out, "   where", text);
	saved_line(out, report, class, number);
}

/* A line: the differences that explain it say the rest. */
static void known_line(FILE *out, const struct survey_report *report, size_t number)
{
	const struct survey_class *class = &report->result->classes[number];
	const struct survey_side *side = &class->key.sides[0];
	char does[80];

	if (survey_twin(report->result, number) < number)
		return;
	if (class->key.entry == SURVEY_SETUP)
		snprintf(does, sizeof(does), "complaint");
	else if (class->key.entry == SURVEY_INTERCEPT)
		snprintf(does, sizeof(does), "PASS-SOUND: off");
	else
		snprintf(does, sizeof(does), "%s: %s -> %s", rdpmc_rules[side->rule].id,
			 survey_answer_name(side->model), survey_instead(side));
	fprintf(out, "   %3zu. %-9s %-37s %8s  %-10s  %s\n", number + 1,
		survey_entries(report->result, number), does, survey_count(class).text,
		class->key.entry < NR_ENTRIES ? survey_ecx(class->example.ecx).text : "",
		survey_place(report->result, class).text);
	if (class->key.entry == ENTRY_EXIT && class->reached != class->count)
		fprintf(out, "        (%s)\n", survey_reach(class).text);
	if (side->trouble[0])
		fprintf(out, "        %s\n", side->trouble);
}

/* What is known, each of it once. */
static void known_head(FILE *out, const struct survey_result *result, uint64_t known,
		       uint64_t *told)
{
	uint64_t left = known & ~*told;
	char text[2000];

	fprintf(out, "\n%s\n", survey_known_names(result, 0, known).text);
	if (left != known)
		fprintf(out, "   (what was told above, together)\n");
	for (; left; left &= left - 1) {
		const struct known_difference *one =
			known_get(result->survey->known[0], (unsigned int)__builtin_ctzll(left));

		if (known & (known - 1))
			fprintf(out, "   %s\n", one->name);
		snprintf(text, sizeof(text), "%s; right: %s", one->kernel ? one->kernel : "",
			 one->processor ? one->processor : "");
		line(out, "   what", text);
		line(out, "   why", one->why);
		line(out, "   reach", one->reach);
	}
	*told |= known;
}

static void stale(FILE *out, const struct survey_result *result)
{
	struct known *known = result->survey->known[0];

	unsigned int n = 0;

	for (unsigned int i = 0; !result->partial && i < known_count(known); i++) {
		if (known_get(known, i)->happened)
			continue;
		if (!n++)
			fprintf(out, "\nSTALE: known, but did not happen\n");
		fprintf(out, "   %-27s (%s)\n", known_get(known, i)->name,
			basename(known_get(known, i)->file));
	}
}

static void intercepts(FILE *out, const struct survey_result *result)
{
	size_t counts[NR_DECISIONS] = { 0 };
	char label[80];

	for (size_t i = 0; i < result->survey->n_configurations; i++)
		if (result->slots[i].progress == SLOT_DONE)
			counts[survey_decision(&result->slots[i], 0)]++;
	fprintf(out, "\nINTERCEPT (PASS-SOUND, PASS-MINIMAL), of %zu configurations\n",
		result->done);
	for (unsigned int i = 0; i < NR_DECISIONS; i++) {
		char *list = survey_list(result, survey_is_decided, i);

		snprintf(label, sizeof(label), "   %-17s %3zu", survey_decision_name(i), counts[i]);
		survey_wrap(out, label, 26, list ? list : "");
		free(list);
	}
}

static void rules(FILE *out, const struct survey_result *result)
{
	uint32_t named = survey_rules(result);
	char text[600];

	if (named)
		fprintf(out, "\nRULES\n");
	for (; named; named &= named - 1) {
		const struct rdpmc_rule_text *rule = &rdpmc_rules[__builtin_ctz(named)];

		snprintf(text, sizeof(text), "%s (%s)", rule->text, rule->source);
		survey_wrap(out, rule->id, 18, text);
	}
}

static void classes(FILE *out, const struct survey_report *report)
{
	const struct survey_result *result = report->result;
	size_t bad = survey_bad(result);
	uint64_t told = 0;

	if (bad)
		fprintf(out, "\nNEW: %zu class%s of differences that nothing known explains\n", bad,
			bad == 1 ? "" : "es");
	else if (!survey_tried(result))
		fprintf(out, "\n%s\n", survey_untried(result).text);
	else
		fprintf(out, "\nNothing new%s: every read is the processor's%s\n",
			result->partial ? " in what was read" : "",
			result->n_classes ? ", or differs as is known" : "");
	for (size_t i = 0; i < bad; i++)
		block(out, report, i);
	if (bad < result->n_classes)
		fprintf(out, "\nKNOWN: %zu class%s\n", result->n_classes - bad,
			result->n_classes - bad == 1 ? "" : "es");
	for (size_t i = bad; i < result->n_classes; i++) {
		if (i == bad || result->classes[i].key.sides[0].known !=
					result->classes[i - 1].key.sides[0].known)
			known_head(out, result, result->classes[i].key.sides[0].known, &told);
		known_line(out, report, i);
	}
}

void survey_text(FILE *out, const struct survey_report *report)
{
	head(out, report);
	if (survey_sides(report->result->survey) > 1) {
		survey_text_changes(out, report);
	} else {
		classes(out, report);
		stale(out, report->result);
		intercepts(out, report->result);
	}
	rules(out, report->result);
	fprintf(out, "\n%zu %s, %zu classes in all; %.1f s\n", survey_bad(report->result),
		survey_sides(report->result->survey) > 1 ? "became wrong" : "new",
		report->result->n_classes, report->result->seconds);
}
