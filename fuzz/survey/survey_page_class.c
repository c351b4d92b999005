// SPDX-License-Identifier: GPL-2.0-or-later
/* Classes of a survey as items, and those that are known as a table. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/report/names.h"
#include "fuzz/survey/survey_report.h"

static bool same_but_entry(const struct survey_result *result, const struct survey_class *a,
			   const struct survey_class *b)
{
	return a->key.entry < NR_ENTRIES && b->key.entry < NR_ENTRIES &&
	       a->key.entry != b->key.entry && a->key.vendor == b->key.vendor &&
	       !memcmp(a->key.sides, b->key.sides, sizeof(a->key.sides)) && a->count == b->count &&
	       a->states == b->states && a->example.ecx == b->example.ecx &&
	       a->estimated == b->estimated &&
	       (a->n_configurations || /* random cases are none of its count then */
		(a->made == b->made && a->example.made == b->example.made &&
		 a->example.step == b->example.step)) &&
	       !memcmp(a->in, b->in, result->survey->n_configurations);
}

struct survey_number *survey_numbers(const struct survey_result *result)
{
	struct survey_number *numbers = calloc(result->n_classes + 1, sizeof(*numbers));
	size_t last = 0;

	for (size_t i = 0, j; numbers && i < result->n_classes; i++) {
		for (j = 0; j < i; j++)
			if (same_but_entry(result, &result->classes[j], &result->classes[i]))
				break;
		numbers[i].number = j < i ? numbers[j].number : ++last;
		if (j < i)
			numbers[i].repeated = numbers[i].shared = numbers[j].shared = true;
	}
	return numbers;
}

void survey_path(char path[SURVEY_PATH], const char *directory, const struct survey_class *class,
		 size_t number)
{
	const struct survey_side *sides = class->key.sides;
	const struct survey_side *side = sides[0].oracles ? &sides[0] : &sides[1];

	snprintf(path, SURVEY_PATH, "%s/%02zu-%s-%s", directory, number,
		 survey_entry(class->key.entry),
		 class->key.entry == SURVEY_SETUP ? "complaint" : rdpmc_rules[side->rule].id);
}

static const char *entry_of(const struct survey_render *r, size_t index)
{
	return r->numbers[index].shared ? "both"
					: survey_entry(r->result->classes[index].key.entry);
}

static const char *vendor_of(const struct survey_class *class)
{
	return class->key.vendor == RDPMC_AMD ? "AMD" : "Intel";
}

static const char *about(const struct survey_class *class)
{
	return class->estimated ? "about " : "";
}

static struct survey_words known_names(struct known *known, uint64_t which)
{
	struct survey_words list = { "" };

	for (; which; which &= which - 1)
		survey_append(&list, " + ",
			      known_get(known, (unsigned int)__builtin_ctzll(which))->name);
	return list;
}

static uint32_t states_where(bool lock, bool allowed)
{
	uint32_t states = 0;
	struct rdpmc_state state;

	for (unsigned int i = 0; i < SURVEY_STATES; i++) {
		survey_state(i, &state);
		if (lock ? state.lock : !state.lock && rdpmc_allowed(&state) == allowed)
			states |= 1U << i;
	}
	return states;
}

/* By the rule that tells them apart, or the first by name. */
static struct survey_words states_text(uint32_t states)
{
	const uint32_t lock = states_where(true, false), allowed = states_where(false, true),
		       denied = states_where(false, false);
	const struct {
		uint32_t states;
		const char *text;
	} sets[] = {
		{ 0, "before any read" },
		{ lock | allowed | denied, "every state" },
		{ allowed | denied, "every state without LOCK" },
		{ allowed, "every state in which PRIV allows RDPMC" },
		{ denied, "every state in which PRIV forbids RDPMC" },
		{ lock, "every state with LOCK" },
	};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (states == sets[i].states)
			return survey_format("%s", sets[i].text);
	return survey_format("%d of %d states, first %s", __builtin_popcount(states), SURVEY_STATES,
			     survey_state_text((unsigned int)__builtin_ctz(states)).text);
}

static struct survey_words gives(unsigned int answer, uint32_t error_code,
				 const struct rdpmc_regs *regs)
{
	if (answer == ANSWER_VALUE)
		return survey_format("EDX:EAX = 0x%08x%08x", (uint32_t)regs->rdx,
				     (uint32_t)regs->rax);
	if (answer == ANSWER_GP)
		return survey_format("#GP(%u)", error_code);
	return survey_format("%s", answer == ANSWER_UD ? "#UD"
				   : answer == ANSWER_USER_SPACE
					   ? "a return to user space"
					   : "none that RDPMC has: the code gave up, another "
					     "exception or error code");
}

static struct survey_words expected(const struct survey_class *class, unsigned int side)
{
	const struct rdpmc_outcome *model = &class->example.model[side];

	return gives(model->decision.answer, 0, &model->regs);
}

static struct survey_words outcome(const struct survey_class *class, unsigned int side)
{
	const struct rdpmc_regs *right = &class->example.model[side].regs;
	const struct engine_answer *engine = &class->example.engine[side];
	const struct rdpmc_regs *regs = &engine->regs;
	struct survey_words made = gives(engine->answer, engine->error_code, regs);
	const bool single_step = engine->single_step != class->example.model[side].single_step;

	if (class->example.changed[side][0])
		made = survey_format("%.100s (%s)", made.text, class->example.changed[side]);
	if (!(class->key.sides[side].oracles & ORACLE_NOTHING_ELSE))
		return made;
	return survey_format(
		"%.200s; other state is wrong:%s%s%s%s%s%s%s%s", made.text,
		engine->answer != ANSWER_VALUE && regs->rax != right->rax ? " RAX" : "",
		engine->answer != ANSWER_VALUE && regs->rdx != right->rdx ? " RDX" : "",
		regs->rcx != right->rcx ? " RCX" : "", regs->rip != right->rip ? " RIP" : "",
		regs->rflags != right->rflags ? " RFLAGS" : "",
		engine->other_state ? " CR0/CR4/CPL" : "",
		single_step ? " #DB of a single step" : "",
		!engine->other_state && !single_step && !memcmp(regs, right, sizeof(*regs))
			? " a counter"
			: "");
}

/* Which guests can bring it about. */
static struct survey_words reach(const struct survey_class *class, bool shared)
{
	const char *rule =
		rdpmc_rules[class->key.vendor == RDPMC_AMD ? RULE_SVM_PRIORITY : RULE_VMX_PRIORITY]
			.id;
	const char *emulated = shared ? "; or where KVM emulates the instruction" : "";

	if (class->key.entry == ENTRY_PLAIN)
		return survey_format("a guest with this PMU: its instruction did it");
	if (class->key.entry == ENTRY_EMULATOR)
		return survey_format("a guest with this PMU whose RDPMC KVM emulates");
	if (class->reached == class->count)
		return survey_format("a guest with this PMU, by an exit%s", emulated);
	if (!class->reached)
		return survey_format(
			"not reachable by a guest: the CPU faults before the exit (%s)%s", rule,
			emulated);
	return survey_format(
		"%s of them by a guest; in the others the CPU faults before the exit (%s)%s",
		survey_count(class->reached).text, rule, emulated);
}

/* The command that shows the class again: its case, if that was saved, or the survey of its guest. */
static void repeat(const struct survey_render *r, const struct survey_class *class, size_t number)
{
	const struct survey_side *side = class->key.sides;
	const char *const arguments = r->report->arguments ? r->report->arguments : "";
	const char *name = r->report->names[r->two && !side->oracles];
	char path[SURVEY_PATH];

	if (r->report->saved) {
		survey_path(path, r->report->saved, class, number);
		page_field(r->page, "repeat", "rdpmc-diff run%s%s%s %s", name ? " --engine " : "",
			   name ? name : "", arguments, path);
		return;
	}
	name = r->report->names[SURVEY_BEFORE];
	page_field(r->page, "repeat", "rdpmc-diff survey%s%s%s%s%s%s%s", name ? " --engine " : "",
		   name ? name : "", r->two ? " --against " : "",
		   r->two ? survey_name(r->report, SURVEY_AFTER) : "", arguments,
		   class->n_configurations ? " --configuration " : "",
		   class->n_configurations ? r->result->survey->configurations[class->first]->name
					   : "");
}

static struct survey_words pass(const struct survey_side *side)
{
	if (side->class == CLASS_NONE)
		return survey_format("%s", obstacle_name(side->obstacle));
	return survey_format("%s (%s)", obstacle_name(side->obstacle), class_name(side->class));
}

static void title(const struct survey_render *r, size_t index)
{
	const struct survey_class *class = &r->result->classes[index];
	const struct survey_side *sides = class->key.sides;
	const struct mismatch mismatch = { sides->answer, sides->model, sides->oracles,
					   sides->rule };
	char text[MISMATCH_TITLE];
	struct survey_words what;

	if (class->key.entry == SURVEY_SETUP)
		what = survey_format("splat while the guest is set up");
	else if (class->key.entry == SURVEY_INTERCEPT)
		what = survey_format("NOT intercepted (bug)");
	else if (r->two)
		what = survey_format("%s -> %s (rule %s)", survey_got(&sides[0]),
				     survey_got(&sides[1]), rdpmc_rules[sides[1].rule].id);
	else
		what = survey_format("%s", mismatch_title(&mismatch, text));
	page_item(r->page, "%zu. %s%s, %s guest: %s", r->numbers[index].number, entry_of(r, index),
		  r->numbers[index].shared ? " entries" : "", vendor_of(class), what.text);
}

static void before_after(const struct survey_render *r, const struct survey_class *class,
			 unsigned int side)
{
	const struct survey_side *of = &class->key.sides[side];
	const struct survey_words got = outcome(class, side), right = expected(class, side);
	const char *verdict = "wrong, expected ", *rest = right.text;

	if (!of->oracles) {
		verdict = "right by ";
		rest = rdpmc_rules[of->rule].id;
	} else if (!strcmp(got.text, right.text)) {
		verdict = "the right outcome, but ";
		rest = of->trouble[0] ? "with a splat" : "more than that changed";
	}
	page_field(r->page, side == SURVEY_BEFORE ? "before" : "after", "%s, %s%s%s%s%s%s",
		   got.text, verdict, rest, of->known ? "; known difference: " : "",
		   known_names(r->result->survey->known[side], of->known).text,
		   of->trouble[0] ? "; splat: " : "", of->trouble);
}

static const char *const of_case[] = { "tried",   "guest", "host", "policy",
				       "control", "legal", "step", NULL };
/* What a name of a configuration does not say. */
static const char *const of_guest[] = { "guest", NULL };

/* What a case has of that, line by line as rdpmc-diff has it. */
static void of_example(const struct survey_render *r, const struct survey_class *class,
		       const char *const *labels)
{
	uint8_t data[MUTATE_SIZE];
	struct rdpmc_case decoded;
	char *text = NULL, *rest, *line;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	case_decode(data, survey_case(r->result, class, data), &decoded);
	if (out)
		report_case(out, &decoded);
	if (!out || fclose(out)) {
		r->page->failed = true;
		return;
	}
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		size_t i = 0;

		while (labels[i] && strncmp(line, labels[i], strlen(labels[i])))
			i++;
		if (labels[i])
			page_field(r->page, labels[i], "%s", line + REPORT_LABEL);
	}
	free(text);
}

/* What a class of reads has beside others. */
static void reads(const struct survey_render *r, const struct survey_class *class)
{
	const double cases = (double)survey_cases(r->result, class->key.entry);
	const double share = cases ? 100 * (double)class->count / cases : 0;

	/* A tiny share is no help: the number is. */
	if (class->n_configurations)
		page_field(r->page, "cases", "%s%s%s", about(class),
			   survey_count(class->count).text,
			   share < 0.1 ? "" : survey_format(" (%.2g %%)", share).text);
	else
		page_field(r->page, "cases", "%s of the random ones",
			   survey_count(class->count).text);
	if (class->n_configurations)
		page_field(r->page, "smallest", "%s", survey_smallest(r->result, class).text);
	if (r->two) {
		before_after(r, class, SURVEY_BEFORE);
		before_after(r, class, SURVEY_AFTER);
	} else {
		page_field(r->page, "expected", "%s", expected(class, 0).text);
		page_field(r->page, "got", "%s", outcome(class, 0).text);
	}
}

/* All that is needed to see it and to put it right. */
void survey_page_class(const struct survey_render *r, size_t index)
{
	const struct survey_class *class = &r->result->classes[index];
	const struct survey_side *side = class->key.sides;
	const bool read = class->key.entry < NR_ENTRIES;
	struct survey_words more = { "" };

	side += r->two && !side->oracles;
	title(r, index);
	if (!read || !r->two)
		page_field(r->page, "splat", "%s", side->trouble);
	if (class->key.entry == SURVEY_INTERCEPT)
		page_field(r->page, "because", "%s", pass(side).text);
	if (read)
		reads(r, class);
	if (!class->n_configurations)
		of_example(r, class, of_case);
	if (class->n_configurations > 1)
		more = survey_format(" and %zu more", class->n_configurations - 1);
	if (class->n_configurations)
		page_field(r->page, "where", "%s%s%s%s",
			   r->result->survey->configurations[class->first]->name, more.text,
			   read ? "; " : "", read ? states_text(class->states).text : "");
	if (class->n_configurations && r->two && read)
		of_example(r, class, of_guest);
	if (read)
		page_field(r->page, "reach", "%s", reach(class, r->numbers[index].shared).text);
	repeat(r, class, r->numbers[index].number);
}

static void known_row(const struct survey_render *r, size_t index)
{
	const struct survey_class *class = &r->result->classes[index];
	const struct survey_side *side = &class->key.sides[0];
	const bool exits = class->key.entry == ENTRY_EXIT, read = class->key.entry < NR_ENTRIES;
	const bool setup = class->key.entry == SURVEY_SETUP;

	page_row(r->page, "%zu|%s|%s|%s|%s%s%s|%s%s|%s|%s|%s", r->numbers[index].number,
		 entry_of(r, index), vendor_of(class), setup ? "" : rdpmc_rules[side->rule].id,
		 read ? answer_name(side->model) : "", read ? " -> " : "",
		 read    ? survey_got(side)
		 : setup ? "splat"
			 : "NOT intercepted",
		 about(class), survey_count(class->count).text,
		 exits ? survey_count(class->reached).text : "",
		 read ? survey_format("0x%08x", class->example.ecx).text : "",
		 known_names(r->result->survey->known[0], side->known).text);
}

/* One known difference, and the classes that it explains. */
static void known_item(const struct survey_render *r, unsigned int bit, size_t first)
{
	const struct known_difference *known = known_get(r->result->survey->known[0], bit);
	struct survey_words list = { "" };
	const char *splat = "";

	for (size_t i = first; i < r->result->n_classes; i++)
		if (r->result->classes[i].key.sides[0].known >> bit & 1 && !r->numbers[i].repeated)
			survey_append(&list, ", ", survey_format("%zu", r->numbers[i].number).text);
	page_item(r->page, "%s (%s)", known->name, list.text[0] ? list.text : "random cases only");
	page_field(r->page, "got", "%s", known->kernel);
	page_field(r->page, "expected", "%s", known->processor);
	page_field(r->page, "why", "%s", known->why);
	page_field(r->page, "reach", "%s", known->reach);
	for (size_t i = first; i < r->result->n_classes; i++) {
		const struct survey_side *side = &r->result->classes[i].key.sides[0];

		if (side->known >> bit & 1 && strcmp(splat, side->trouble)) {
			splat = side->trouble;
			page_field(r->page, "splat", "%s", splat);
		}
	}
}

void survey_page_known(const struct survey_render *r, size_t first)
{
	struct known *known = r->result->survey->known[0];

	if (first < r->result->n_classes)
		page_row(r->page, ">#|entry|guest|rule|expected -> got|>cases|>by guest|"
				  "lowest ECX|known difference");
	for (size_t i = first; i < r->result->n_classes; i++)
		if (!r->numbers[i].repeated)
			known_row(r, i);
	for (unsigned int i = 0; i < known_count(known); i++)
		if (known_get(known, i)->happened)
			known_item(r, i, first);
}
