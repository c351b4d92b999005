// SPDX-License-Identifier: GPL-2.0-or-later
/* The words of a survey's reports: all classes and configurations together. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/survey_report.h"

#define COLUMNS 96

const char *survey_version(const struct engine *engine)
{
	return engine->version ? engine->version : "of this program";
}

struct survey_words survey_size(const struct survey_result *result)
{
	unsigned int without = 0;
	struct rdpmc_state state;

	for (unsigned int i = 0; i < SURVEY_STATES; i++) {
		survey_state(i, &state);
		without += !state.lock;
	}
	return survey_say(
		"%zu configuration%s x %u states (by exit %u: LOCK never exits) x 2^32 ECX; "
		"RCX[63:32] is C3C3_C3C3H in all",
		result->done, result->done == 1 ? "" : "s", SURVEY_STATES, without);
}

struct survey_words survey_grounds(const struct survey_result *result)
{
	return survey_say(
		"%s reads made; the counts follow from them by classes of types (ECX[31:16]) and "
		"indices (ECX[15:0]); of %s more at random %s not as counted%s",
		survey_number(result->reads).text, survey_number(result->probes).text,
		result->disagreed ? survey_number(result->disagreed).text : "none was",
		result->disagreed ? " were: counts with \"about\" are estimates" : "");
}

struct survey_words survey_refused(const struct survey_result *result)
{
	if (!result->refused)
		return survey_say("%s", "");
	return survey_say("%s reads not tried: the host refuses them (%s)",
			  survey_number(result->refused).text, result->refusal);
}

struct survey_words survey_untried(const struct survey_result *result)
{
	const struct survey *survey = result->survey;
	unsigned int side = result->answered[SURVEY_BEFORE] ? SURVEY_AFTER : SURVEY_BEFORE;

	if (result->answered[side])
		return survey_say("Nothing was tried: no read was answered by both engines; have "
				  "they no entry in common?");
	return survey_say("Nothing was tried: engine %s answered no read%s%s",
			  survey->engines[side]->name, *result->refusal ? ": " : "",
			  result->refusal);
}

enum survey_decision survey_decision(const struct survey_slot *slot, unsigned int side)
{
	bool sound = slot->obstacle[side] == OBSTACLE_NONE;

	if (slot->intercepts[side] == INTERCEPT_UNKNOWN)
		return DECISION_UNJUDGED;
	if (slot->intercepts[side] == INTERCEPT_OFF)
		return sound ? DECISION_OFF : DECISION_UNSOUND;
	return sound ? DECISION_COSTLY : DECISION_ON;
}

const char *survey_decision_name(enum survey_decision decision)
{
	static const char *const names[NR_DECISIONS] = {
		[DECISION_OFF] = "off, rightly",       [DECISION_ON] = "on, rightly",
		[DECISION_COSTLY] = "on without need", [DECISION_UNSOUND] = "off wrongly",
		[DECISION_UNJUDGED] = "not judged",
	};

	return names[decision];
}

bool survey_is_decided(const struct survey_slot *slot, unsigned int decision)
{
	return survey_decision(slot, SURVEY_BEFORE) == decision;
}

bool survey_is_not_offered(const struct survey_slot *slot, unsigned int side)
{
	return slot->offered[side];
}

bool survey_is_crowded(const struct survey_slot *slot, unsigned int unused)
{
	(void)unused;
	return slot->too_many;
}

bool survey_is_changed(const struct survey_slot *slot, unsigned int change)
{
	return survey_decision(slot, SURVEY_BEFORE) == change / NR_DECISIONS &&
	       survey_decision(slot, SURVEY_AFTER) == change % NR_DECISIONS;
}

char *survey_list(const struct survey_result *result,
		  bool (*is)(const struct survey_slot *slot, unsigned int argument),
		  unsigned int argument)
{
	const struct survey *survey = result->survey;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool any = false;

	if (!out)
		return NULL;
	for (size_t i = 0; i < survey->n_configurations; i++) {
		if (result->slots[i].progress != SLOT_DONE || !is(&result->slots[i], argument))
			continue;
		fprintf(out, "%s%s", any ? ", " : "", survey->configurations[i]->name);
		any = true;
	}
	fclose(out);
	return text;
}

void survey_wrap(FILE *out, const char *label, unsigned int indent, const char *text)
{
	unsigned int column = (unsigned int)fprintf(out, "%-*s", *text ? (int)indent : 0, label);

	while (*text) {
		unsigned int length = (unsigned int)strcspn(text, " ");

		if (column > indent && column + 1 + length > COLUMNS) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		column += (unsigned int)fprintf(out, "%s%.*s", column > indent ? " " : "",
						(int)length, text);
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static bool twins(const struct survey_result *result, const struct survey_class *a,
		  const struct survey_class *b)
{
	return a->key.entry < NR_ENTRIES && b->key.entry < NR_ENTRIES &&
	       a->key.entry != b->key.entry && a->key.vendor == b->key.vendor &&
	       !memcmp(a->key.sides, b->key.sides, sizeof(a->key.sides)) && a->count == b->count &&
	       a->states == b->states && a->example.ecx == b->example.ecx &&
	       a->estimated == b->estimated &&
	       !memcmp(a->in, b->in, result->survey->n_configurations);
}

size_t survey_twin(const struct survey_result *result, size_t number)
{
	for (size_t i = 0; i < result->n_classes; i++)
		if (twins(result, &result->classes[i], &result->classes[number]))
			return i;
	return number;
}

struct survey_words survey_numbers(const struct survey_result *result, size_t number)
{
	size_t twin = survey_twin(result, number);

	return twin == number ? survey_say("%zu", number + 1)
			      : survey_say("%zu and %zu", number + 1, twin + 1);
}

const char *survey_entries(const struct survey_result *result, size_t number)
{
	return survey_twin(result, number) == number
		       ? survey_entry(result->classes[number].key.entry)
		       : "both";
}

uint32_t survey_rules(const struct survey_result *result)
{
	uint32_t rules = 0;

	for (size_t i = 0; i < result->n_classes; i++) {
		const struct survey_key *key = &result->classes[i].key;

		if (key->entry == SURVEY_SETUP)
			continue;
		rules |= 1U << key->sides[0].rule;
		if (survey_sides(result->survey) > 1)
			rules |= 1U << key->sides[1].rule;
	}
	return rules;
}

size_t survey_bad(const struct survey_result *result)
{
	bool two = survey_sides(result->survey) > 1;
	size_t bad = 0;

	for (size_t i = 0; i < result->n_classes; i++)
		bad += two ? survey_change(&result->classes[i].key) == CHANGE_BROKEN
			   : survey_new(&result->classes[i]);
	return bad;
}

void survey_path(char path[SURVEY_PATH], const char *directory, const struct survey_class *class,
		 size_t number)
{
	const struct survey_side *sides = class->key.sides;
	const struct survey_side *side = sides[0].oracles ? &sides[0] : &sides[1];

	snprintf(path, SURVEY_PATH, "%s/%02zu-%s-%s", directory, number + 1,
		 survey_entry(class->key.entry),
		 class->key.entry == SURVEY_SETUP ? "complaint" : rdpmc_rules[side->rule].id);
}
