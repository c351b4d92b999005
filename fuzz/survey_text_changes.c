// SPDX-License-Identifier: GPL-2.0-or-later
/* What changes from one engine to another, for a person at a terminal. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/survey_report.h"

#define INDENT 12

static const char *const change_heads[NR_CHANGES] = {
	[CHANGE_BROKEN] = "BECAME WRONG",
	[CHANGE_OTHERWISE] = "WRONG IN ANOTHER WAY",
	[CHANGE_OFFER] =
		"ANOTHER GUEST: right in both, but not the same, for what guests can be given",
	[CHANGE_FIXED] = "BECAME RIGHT",
};

static void line(FILE *out, const char *label, const char *text)
{
	if (text[0])
		survey_wrap(out, label, INDENT, text);
}

static void side_line(FILE *out, const struct survey_result *result,
		      const struct survey_class *class, unsigned int side, const char *label)
{
	const struct survey_side *of = &class->key.sides[side];
	char text[2000];

	snprintf(text, sizeof(text), "%s, %s%s%s%s%s%s", survey_engine_gives(class, side).text,
		 of->oracles ? "wrong" : "right", of->oracles ? "; right is " : " by ",
		 of->oracles ? survey_model_gives(class, side).text : rdpmc_rules[of->rule].id,
		 of->known ? "; known: " : "",
		 of->known ? survey_known_names(result, side, of->known).text : "",
		 of->trouble[0] ? "; complains:" : "");
	line(out, label, text);
	line(out, "", of->trouble);
}

static void block(FILE *out, const struct survey_result *result, size_t number)
{
	const struct survey_class *class = &result->classes[number];
	const struct survey_side *sides = class->key.sides;
	char text[1000];

	if (survey_twin(result, number) < number)
		return;
	fprintf(out, "\n%s. %s%s, %s guest", survey_numbers(result, number).text,
		survey_entries(result, number),
		survey_twin(result, number) == number ? "" : " entries",
		survey_vendor(&class->key));
	if (class->key.entry >= NR_ENTRIES) {
		const struct survey_side *side = sides[0].oracles ? &sides[0] : &sides[1];

		fprintf(out, class->key.entry == SURVEY_SETUP
				     ? ": the engine's code complains while it is set up\n"
				     : ": off where it must be on\n");
		line(out, "   because",
		     class->key.entry == SURVEY_SETUP ? side->trouble : survey_pass(side).text);
		line(out, "   where", survey_place(result, class).text);
		return;
	}
	fprintf(out, ", %s: %s -> %s\n", rdpmc_rules[sides[SURVEY_AFTER].rule].id,
		sides[0].oracles ? survey_instead(&sides[0]) : survey_answer_name(sides[0].answer),
		sides[1].oracles ? survey_instead(&sides[1]) : survey_answer_name(sides[1].answer));
	snprintf(text, sizeof(text), "%s (%s)", survey_count(class).text,
		 survey_share(result, class).text);
	line(out, "   cases", text);
	line(out, "   reach", survey_reach(class).text);
	line(out, "   smallest", survey_smallest(result, class).text);
	side_line(out, result, class, SURVEY_BEFORE, "   before");
	side_line(out, result, class, SURVEY_AFTER, "   after");
	snprintf(text, sizeof(text), "%s; %s", survey_place(result, class).text,
		 survey_states_text(class->states).text);
	line(out, "   where", text);
}

static const struct engine_feature *feature(const struct engine *engine, const char *name)
{
	const struct engine_feature *at = engine->features;

	while (at && at->name && strcmp(at->name, name))
		at++;
	return at && at->name ? at : NULL;
}

/* What one has and the other lacks, as far as both tell. */
static void features(FILE *out, const struct survey *survey)
{
	const struct engine_feature *at = survey->engines[SURVEY_BEFORE]->features;

	for (; at && at->name; at++) {
		const struct engine_feature *after =
			feature(survey->engines[SURVEY_AFTER], at->name);

		if (after && after->there != at->there)
			fprintf(out, "feature %s: %s (%s)\n", at->name,
				after->there ? "new" : "gone", after->what);
	}
}

static void intercepts(FILE *out, const struct survey_result *result)
{
	bool any = false;

	for (unsigned int change = 0; change < NR_DECISIONS * NR_DECISIONS; change++) {
		char *list = survey_list(result, survey_is_changed, change);

		if (change / NR_DECISIONS != change % NR_DECISIONS && list && list[0]) {
			fprintf(out, "%s   %s -> %s\n",
				any ? "" : "\nINTERCEPT: decisions that changed\n",
				survey_decision_name(change / NR_DECISIONS),
				survey_decision_name(change % NR_DECISIONS));
			line(out, "", list);
			any = true;
		}
		free(list);
	}
	if (!any)
		fprintf(out, "\nINTERCEPT: the same in every configuration\n");
}

static void offers(FILE *out, const struct survey_result *result)
{
	for (size_t i = 0; i < result->survey->n_configurations; i++) {
		const struct survey_slot *slot = &result->slots[i];

		if (slot->progress == SLOT_DONE && slot->offered[0] != slot->offered[1])
			fprintf(out, "guest %s: %s\n", result->survey->configurations[i]->name,
				slot->offered[0] ? "can now be given" : "can no longer be given");
	}
}

void survey_text_changes(FILE *out, const struct survey_report *report)
{
	const struct survey_result *result = report->result;

	features(out, result->survey);
	offers(out, result);
	if (!survey_tried(result))
		fprintf(out, "\n%s\n", survey_untried(result).text);
	else if (!result->n_classes)
		fprintf(out, "\nNothing changed: both answer every read alike\n");
	for (size_t i = 0; i < result->n_classes; i++) {
		enum survey_change change = survey_change(&result->classes[i].key);

		if (!i || change != survey_change(&result->classes[i - 1].key))
			fprintf(out, "\n%s\n", change_heads[change]);
		block(out, result, i);
	}
	intercepts(out, result);
}
