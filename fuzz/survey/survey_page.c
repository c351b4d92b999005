// SPDX-License-Identifier: GPL-2.0-or-later
/* A survey as a page: the verdict in one sentence, classes, evidence, limits. */
#include <stdlib.h>
#include <string.h> /* the GNU basename() */

#include "fuzz/oracle/choices.h"
#include "fuzz/survey/survey_report.h"
#include "lib/text.h"

#define FEW_NAMES 4  /* of configurations, of a file's functions: the others are counted */
#define FEW_FILES 10 /* likewise */

size_t survey_bad(const struct survey_result *result)
{
	bool two = survey_sides(result->survey) > 1;
	size_t bad = 0;

	for (size_t i = 0; i < result->n_classes; i++)
		bad += two ? survey_change(&result->classes[i]) == CHANGE_BROKEN
			   : survey_new(&result->classes[i]);
	return bad;
}

static struct survey_words untried(const struct survey_result *result)
{
	const unsigned int side =
		tally_answered(&result->tally[SURVEY_BEFORE]) ? SURVEY_AFTER : SURVEY_BEFORE;
	const char *refusal = result->tally[side].refusal;

	/* What of them was read is not known here, and is nothing to blame an engine for. */
	if (!result->done)
		return survey_format("Nothing was surveyed: no configuration was finished");
	if (tally_answered(&result->tally[side]))
		return survey_format("Nothing was tried: no read was answered by both engines; do "
				     "they have an entry in common?");
	return survey_format("Nothing was tried: engine %s answered no read%s%s",
			     result->survey->engines[side]->name, *refusal ? ": " : "", refusal);
}

/* " in 1 of 53 configurations", or "" where nobody chose. */
static struct survey_words scope(const struct survey_report *report)
{
	return report->chosen ? survey_format(" in %zu of %zu configurations", report->chosen,
					      report->configurations)
			      : (struct survey_words){ "" };
}

/* @tried: " that was tried", or "" where all was. */
static struct survey_words verdict_of_two(const struct survey_render *r, const char *tried)
{
	const struct survey_words where = scope(r->report);
	const char *const before = survey_name(r->report, SURVEY_BEFORE);
	const char *const after = survey_name(r->report, SURVEY_AFTER);
	size_t count[NR_CHANGES] = { 0 }, others, hidden = 0;

	for (size_t i = 0; i < r->result->n_classes; i++) {
		const struct survey_class *class = &r->result->classes[i];

		if (r->numbers[i].repeated)
			continue;
		if (class->key.entry != ENTRY_EXIT || class->reached || r->numbers[i].shared)
			count[survey_change(class)]++;
		else
			hidden++;
	}
	if (!r->result->n_classes && r->not_run->n_functions)
		return survey_format(
			"Nothing changed in what was run%s: every read%s has the same outcome with "
			"%s as with %s",
			where.text, tried, after, before);
	if (!r->result->n_classes)
		return survey_format(
			"Nothing changed%s: every read%s has the same outcome with %s as "
			"with %s",
			where.text, tried, after, before);
	others = count[CHANGE_OTHERWISE] + count[CHANGE_KNOWN] + count[CHANGE_CLAMP];
	return survey_format(
		"%s makes %zu class%s of reads right and %zu wrong for guests%s, compared "
		"with %s%s",
		after, count[CHANGE_FIXED], count[CHANGE_FIXED] == 1 ? "" : "es",
		count[CHANGE_BROKEN],
		others ? survey_format(", and changes %zu %s", others,
				       others == 1 ? "other" : "others")
				 .text
		       : "",
		before,
		hidden ? survey_format("; %zu more not reachable by a guest", hidden).text : "");
}

static struct survey_words verdict_of_one(const struct survey_render *r, const char *tried)
{
	const struct survey_words where = scope(r->report);
	size_t bad = 0, known = 0;

	for (size_t i = 0; i < r->result->n_classes; i++)
		if (!r->numbers[i].repeated)
			++*(survey_new(&r->result->classes[i]) ? &bad : &known);
	if (bad)
		return survey_format(
			"NEW: %zu class%s of differences from the processor that no known "
			"difference explains%s",
			bad, bad == 1 ? "" : "es",
			known ? survey_format("; %zu more are known", known).text : "");
	if (known)
		return survey_format(
			"Every read%s%s has the processor's outcome, or a known difference (%zu "
			"class%s)",
			tried, where.text, known, known == 1 ? "" : "es");
	return survey_format("Every read%s%s has the processor's outcome", tried, where.text);
}

/* What was found, and what was not looked at. */
static void headline(const struct survey_render *r)
{
	const struct survey_result *result = r->result;
	struct survey_words partial = { "" }, rest = { "" }, states = { "" };
	char not_tried[SURVEY_UNTRIED];
	size_t files = 0;
	/* A headline says no more than was tried. */
	const char *tried = *survey_not_tried(result, not_tried) ? " that was tried" : "";

	if (result->partial)
		partial = survey_format(
			"PARTIAL%s%s: ", result->died[0] ? ", a worker ended by " : "",
			result->died);
	if (*not_tried && (survey_tried(result) || !result->done))
		rest = survey_format("; limits: %s", not_tried);
	for (size_t i = 0; i < r->not_run->n_functions; i = survey_not_run_end(r->not_run, i))
		files++;
	if (files && survey_tried(result))
		survey_append(&rest, "",
			      survey_format("; changed and NOT RUN: %zu function%s in %zu file%s",
					    r->not_run->n_functions,
					    PLURAL(r->not_run->n_functions), files, PLURAL(files))
				      .text);
	if (r->report->states_new)
		states = survey_format("; but FOUND IN ITS LEGAL STATES: %zu kind%s",
				       r->report->states_new, PLURAL(r->report->states_new));
	page_headline(r->page, "%s%s%s%s%s", partial.text,
		      !survey_tried(result) ? untried(result).text
		      : r->two              ? verdict_of_two(r, tried).text
					    : verdict_of_one(r, tried).text,
		      rest.text, states.text,
		      result->made_too_many
			      ? "; but RANDOM CASES DIFFER IN MORE CLASSES THAN CAN BE LISTED"
			      : "");
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

static const char *const decisions[NR_DECISIONS] = {
	[DECISION_OFF] = "rightly not intercepted",    [DECISION_ON] = "rightly intercepted",
	[DECISION_COSTLY] = "intercepted needlessly",  [DECISION_UNSOUND] = "NOT intercepted (bug)",
	[DECISION_UNJUDGED] = "unknown to the engine",
};

/* Which configurations a list names. A change is CHANGED + before * NR_DECISIONS + after. */
enum { NOT_OFFERED, CROWDED, DECIDED, CHANGED = DECIDED + NR_DECISIONS };

static bool is(const struct survey_slot *slot, unsigned int which)
{
	const unsigned int before = survey_decision(slot, SURVEY_BEFORE);

	if (which == NOT_OFFERED)
		return slot->offered[SURVEY_BEFORE];
	if (which == CROWDED)
		return slot->too_many;
	if (which < CHANGED)
		return before == which - DECIDED;
	return before * NR_DECISIONS + survey_decision(slot, SURVEY_AFTER) == which - CHANGED;
}

/* A field "@what in 3 of 35 configurations: a, b, c", if there are any. */
static bool list(const struct survey_render *r, const char *label, const char *what,
		 unsigned int which)
{
	const struct survey *survey = r->result->survey;
	struct survey_words names = { "" };
	size_t n = 0;

	for (size_t i = 0; i < survey->n_configurations; i++)
		if (r->result->slots[i].progress == SLOT_DONE && is(&r->result->slots[i], which) &&
		    (n++ < FEW_NAMES || r->report->verbose))
			survey_append(&names, ", ", survey->configurations[i]->name);
	if (n > FEW_NAMES && !r->report->verbose)
		survey_append(&names, "", survey_format(" and %zu more", n - FEW_NAMES).text);
	if (n)
		page_field(r->page, label, "%s in %zu of %zu configurations: %s", what, n,
			   r->result->done, names.text);
	return n;
}

static bool any_happened(struct known *known)
{
	for (unsigned int i = 0; i < known_count(known); i++)
		if (known_get(known, i)->happened)
			return true;
	return false;
}

static void classes(const struct survey_render *r)
{
	static const char *const changes[NR_CHANGES] = {
		[CHANGE_BROKEN] = "Became wrong",
		[CHANGE_OTHERWISE] = "Wrong before and after, in another way",
		[CHANGE_KNOWN] = "Known differences of both",
		[CHANGE_CLAMP] = "Right before and after, for another guest PMU",
		[CHANGE_FIXED] = "Became right",
	};
	const size_t bad = survey_bad(r->result), end = r->two ? r->result->n_classes : bad;
	const char *last = "";

	for (size_t i = 0; i < end; i++) {
		const char *now = r->two ? changes[survey_change(&r->result->classes[i])] : "New";

		if (now != last)
			page_section(r->page, "%s", now);
		last = now;
		if (!r->numbers[i].repeated)
			survey_page_class(r, i);
	}
	if (!r->two && (bad < r->result->n_classes || any_happened(r->result->survey->known[0]))) {
		page_section(r->page, "Known");
		survey_page_known(r, bad);
	}
}

/* What the engines say of themselves, as far as both do; which guests; which intercepts. */
static void changed_engine(const struct survey_render *r)
{
	const struct survey *survey = r->result->survey;
	const struct engine_feature *at = survey->engines[SURVEY_BEFORE]->features;
	const struct engine_feature *features = survey->engines[SURVEY_AFTER]->features, *after;
	bool any = false;

	page_section(r->page, "What changed in the engine");
	for (; at && at->name; at++)
		for (after = features; after && after->name; after++)
			if (!strcmp(after->name, at->name) && after->there != at->there)
				page_field(r->page, "feature", "%s: %s (%s)", at->name,
					   after->there ? "new" : "gone", after->what);
	for (size_t i = 0; i < survey->n_configurations; i++) {
		const struct survey_slot *slot = &r->result->slots[i];

		if (slot->progress == SLOT_DONE && slot->offered[0] != slot->offered[1])
			page_field(r->page, "guest", "%s: %s", survey->configurations[i]->name,
				   slot->offered[0] ? "now supported" : "no longer supported");
	}
	for (unsigned int i = 0; i < NR_DECISIONS * NR_DECISIONS; i++) {
		const char *before = decisions[i / NR_DECISIONS],
			   *now = decisions[i % NR_DECISIONS];

		if (now != before)
			any |= list(r, "intercept", survey_format("%s -> %s", before, now).text,
				    CHANGED + i);
	}
	if (!any)
		page_field(r->page, "intercept", "the same decision in every configuration");
}

/* A field for each file, as far as there is room. */
static void not_run(const struct survey_render *r)
{
	const struct survey_not_run *all = r->not_run;
	size_t files = 0;

	if (all->n_functions)
		page_section(r->page, "Changed in arch/x86/kvm and NOT RUN: effects on guests are "
				      "unknown");
	for (size_t i = 0, end; i < all->n_functions; i = end) {
		struct survey_words names = { "" };

		end = survey_not_run_end(all, i);
		for (size_t n = i; n < end && (n - i < FEW_NAMES || r->report->verbose); n++) {
			const char *name = all->functions[n]->name;

			survey_append(&names, ", ",
				      *name ? survey_format("%s()", name).text
					    : "outside of functions");
		}
		if (end - i > FEW_NAMES && !r->report->verbose)
			survey_append(&names, "",
				      survey_format(" and %zu more", end - i - FEW_NAMES).text);
		if (files++ < FEW_FILES || r->report->verbose)
			page_field(r->page, "not run", "%s: %s", all->functions[i]->file,
				   names.text);
	}
	if (files > FEW_FILES && !r->report->verbose)
		page_field(r->page, "not run", "and %zu more files (-v: all)", files - FEW_FILES);
}

static void stale(const struct survey_render *r)
{
	struct known *known = r->result->survey->known[0];
	bool any = false;

	for (unsigned int i = 0; r->report->whole && i < known_count(known); i++) {
		const struct known_difference *one = known_get(known, i);

		if (one->happened)
			continue;
		if (!any)
			page_section(r->page, "Known differences that did not happen (stale)");
		any = true;
		page_field(r->page, "stale", "%s (%s)", one->name, basename(one->file));
	}
}

/* How much was tried, and how it was counted. */
static void counts(const struct survey_render *r)
{
	const struct survey_result *result = r->result;
	const char *not_tried = r->report->made_not_tried ? r->report->made_not_tried : "";

	page_field(r->page, "tried", "%zu configuration%s, %u CPU states, all 2^32 ECX values",
		   result->done, PLURAL(result->done), SURVEY_STATES);
	if (result->disagreed || r->report->verbose)
		page_field(r->page, "checked", "%s of %s random spot checks agree%s",
			   survey_count(result->probes - result->disagreed).text,
			   survey_count(result->probes).text,
			   result->disagreed ? ": counts with \"about\" are ESTIMATES" : "");
	if (r->report->made)
		page_field(r->page, "random", "%s random cases with other guests: %s%s%s%s",
			   survey_count(r->report->made).text,
			   r->report->made_new ? survey_count(r->report->made_new).text : "",
			   !r->report->made_new ? (r->two ? "nothing changed" : "nothing new")
			   : r->two             ? " changed"
						: " differ in a new way",
			   *not_tried ? "; limits: " : "", not_tried);
	if (r->report->verbose)
		page_field(
			r->page, "reads",
			"%s in %.1f s by %u processes; counts are extrapolated from them by type "
			"(ECX[31:16]) and index (ECX[15:0]); entry exit without LOCK",
			survey_count(result->reads).text, result->seconds, result->survey->jobs);
}

static void evidence(const struct survey_render *r)
{
	static const char *const labels[2][SURVEY_SIDES] = { { "engine" }, { "before", "after" } };
	const struct survey *survey = r->result->survey;
	uint32_t rules = 0;

	page_section(r->page, "Evidence");
	for (unsigned int i = 0; i < survey_sides(survey); i++) {
		const struct engine *engine = survey->engines[i];

		page_field(r->page, labels[r->two][i], "%s: %s", survey_name(r->report, i),
			   engine->what);
		for (unsigned int j = 0; j < SURVEY_REMARKS && survey->remarks[i][j]; j++)
			page_field(r->page, "", "%s", survey->remarks[i][j]);
	}
	counts(r);
	for (unsigned int i = 0; !r->two && i < NR_DECISIONS; i++)
		if (r->report->verbose || i >= DECISION_UNSOUND)
			list(r, "intercept", decisions[i], DECIDED + i);
	for (size_t i = 0; i < r->result->n_classes; i++) {
		const struct survey_key *key = &r->result->classes[i].key;

		if (key->entry != SURVEY_SETUP)
			rules |= 1U << key->sides[0].rule | 1U << key->sides[r->two].rule;
	}
	for (; rules; rules &= rules - 1) {
		const struct rdpmc_rule_text *rule = &rdpmc_rules[__builtin_ctz(rules)];

		page_field(r->page, "rule", "%s: %s (%s)", rule->id, rule->text, rule->source);
	}
}

static void limits(const struct survey_render *r)
{
	char choices[CHOICES_TEXT];
	const bool chosen = strcmp(choices_text(&r->result->survey->choices, choices), "none");

	page_section(r->page, "Limits");
	page_field(r->page, "expected", "outcomes are the reference model's, not silicon's%s%s",
		   chosen ? "; --choice: " : "", chosen ? choices : "");
	if (r->report->known)
		page_field(r->page, "known", "%u differences are listed in %s",
			   known_count(r->result->survey->known[0]), r->report->known);
	else
		page_field(r->page, "known", "no known differences were read: all count as new");
	list(r, "guest", "guest PMU reduced to what the engine supports", NOT_OFFERED);
	list(r, "estimates", "too many classes: the counts are estimates", CROWDED);
	page_field(r->page, "reads",
		   "what RDPMC answers is all that is compared: not which event a counter counts, "
		   "nor access by MSRs, migration, or which guest PMUs user space can set");
	page_field(r->page, "RCX", "RCX[63:32] is 0xc3c3c3c3 in all reads but random cases");
}

void survey_page(struct page *page, const struct survey_report *report)
{
	struct survey_number *numbers = survey_numbers(report->result);
	struct survey_not_run changed;
	const struct survey_render r = {
		page,    report, report->result, numbers, survey_sides(report->result->survey) > 1,
		&changed
	};

	page_begin(page);
	page->failed |= survey_not_run(report->result->survey, &changed) || !numbers;
	if (!page->failed) {
		headline(&r);
		classes(&r);
		not_run(&r);
		if (r.two)
			changed_engine(&r);
		else
			stale(&r);
		evidence(&r);
		limits(&r);
		survey_page_json(&r);
	}
	free(changed.functions);
	free(numbers);
}
