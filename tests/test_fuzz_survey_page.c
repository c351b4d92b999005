// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves what people and programs are told of a survey, from results that are made here: the verdict
 * says no more than was tried, every kind of class can be reported, in all three forms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/survey/survey_report.h"

#define VALUE 0x8142637485960718

static const char splat[] = "arch/x86/kvm/pmu.c:1: UBSan: planted";
static const char *const right = "Every read has the processor's outcome";

/* What is reported: changed by each test. */
static struct engine_feature features[SURVEY_SIDES][3];
static struct engine made[SURVEY_SIDES];
static const struct configuration *guests[6];
static struct survey_slot slots[6];
static struct survey_class classes[8];
static uint8_t in[8][6];
static struct survey survey;
static struct survey_result result;
static struct survey_report report;

static struct page page;
static char *text, *markdown;
static json_t *json;

/* One or two engines that agree with the processor in two configurations. */
static void begin(unsigned int sides)
{
	static const char *const names[] = { "skylake",  "amd-v2", "sapphire-rapids",
					     "ice-lake", "no-pmu", "no-pmu-amd" };

	memset(slots, 0, sizeof(slots));
	memset(classes, 0, sizeof(classes));
	memset(in, 0, sizeof(in));
	memset(features, 0, sizeof(features));
	made[0] = (struct engine){ .name = "old", .what = "made", .features = features[0] };
	made[1] = (struct engine){
		.name = "new", .what = "made", .version = "6.12", .features = features[1]
	};
	for (size_t i = 0; i < 6; i++) {
		guests[i] = configuration_find(names[i]);
		slots[i].progress = SLOT_DONE;
	}
	survey = (struct survey){
		.engines = { &made[0], sides > 1 ? &made[1] : NULL },
		.configurations = guests,
		.n_configurations = 2,
		.jobs = 2,
	};
	result = (struct survey_result){
		.survey = &survey,
		.slots = slots,
		.classes = classes,
		.done = 2,
		.reads = 1234567,
		.probes = 26400,
		.compared = 1,
		.seconds = 1.5,
	};
	for (unsigned int side = 0; side < sides; side++) {
		result.tally[side].asked[QUESTION_READ] = 1;
		result.tally[side].verdicts[QUESTION_READ][VERDICT_AGREE] = 1;
		result.tally[side].paths[0] = 1;
	}
	report = (struct survey_report){ .result = &result, .started = "2026-01-01T00:00:00Z" };
}

/* What @side answers to TYPE-OTHER's 0x60000000. */
static void answer(struct survey_class *class, unsigned int side, unsigned int oracles,
		   unsigned int answered)
{
	struct survey_side *of = &class->key.sides[side];

	*of = (struct survey_side){ .oracles = (uint8_t)oracles,
				    .rule = RULE_TYPE_OTHER,
				    .model = ANSWER_GP,
				    .answer = (uint8_t)answered };
	if (oracles & ORACLE_TROUBLE)
		snprintf(of->trouble, sizeof(of->trouble), "%s", splat);
	if (oracles & ORACLE_PASS_SOUND)
		of->obstacle = OBSTACLE_WIDTH, of->class = CLASS_GP;
	class->example.model[side].decision.answer = ANSWER_GP;
	class->example.engine[side].answer = (uint8_t)answered;
	if (answered == ANSWER_VALUE) {
		class->example.engine[side].regs.rax = (uint32_t)VALUE;
		class->example.engine[side].regs.rdx = VALUE >> 32;
	}
}

/* A class of 65536 reads in one state of the first configuration: both sides are right. */
static struct survey_class *add(unsigned int entry)
{
	size_t number = result.n_classes++;
	struct survey_class *class = &classes[number];

	class->in = in[number];
	class->in[0] = true;
	class->n_configurations = 1;
	class->key.entry = (uint8_t)entry;
	class->count = entry < NR_ENTRIES ? 65536 : 1;
	class->reached = class->count;
	class->states = 1;
	class->example.ecx = 0x60000000;
	answer(class, SURVEY_BEFORE, 0, ANSWER_GP);
	if (survey.engines[SURVEY_AFTER])
		answer(class, SURVEY_AFTER, 0, ANSWER_GP);
	return class;
}

static struct survey_class *add_wrong(unsigned int entry)
{
	struct survey_class *class = add(entry);

	answer(class, survey_sides(&survey) - 1, ORACLE_OUTCOME, ANSWER_VALUE);
	return class;
}

static char *print(bool as_markdown)
{
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	assert_non_null(out);
	page_print(out, &page, as_markdown);
	fclose(out);
	return printed;
}

static int forget(void **unused)
{
	(void)unused;
	if (text)
		page_free(&page);
	free(text);
	free(markdown);
	json_decref(json);
	text = markdown = NULL;
	json = NULL;
	return 0;
}

static void render(void)
{
	forget(NULL);
	survey_page(&page, &report);
	assert_false(page.failed);
	text = print(false);
	markdown = print(true);
	json = survey_json(&page, &report);
	assert_non_null(json);
}

static json_t *summary(const char *key)
{
	return json_object_get(json_object_get(json, "summary"), key);
}

static json_t *row(size_t number)
{
	return json_array_get(json_object_get(json, "rows"), number);
}

/* Where lines end is test_page()'s and test_right()'s. */
static char *squash(const char *from)
{
	char *squashed = calloc(1, strlen(from) + 1), *to = squashed;

	assert_non_null(squashed);
	for (; *from; from++)
		if (!strchr(" \n", *from))
			*to++ = *from;
		else if (to > squashed && to[-1] != ' ')
			*to++ = ' ';
	return squashed;
}

static void is_in(const char *expected, const char *whole, bool begins)
{
	char *part = squash(expected), *all = squash(whole), *at = strstr(all, part);

	if (!at || (begins && at != all))
		fail_msg("'%s' is not in: %s", part, whole);
	free(part);
	free(all);
}

/* What both forms say. */
static void holds(const char *expected)
{
	is_in(expected, text, false);
	is_in(expected, markdown, false);
}

static void text_holds(const char *expected)
{
	is_in(expected, text, false);
}

/* The whole first paragraph. */
static void verdict(const char *expected)
{
	char *end = strstr(text, "\n\n"), bold[500];

	assert_non_null(end);
	*end = '\0';
	is_in(expected, text, true);
	assert_int_equal(strlen(text), strlen(expected));
	*end = '\n';
	snprintf(bold, sizeof(bold), "**%s**", expected);
	is_in(bold, markdown, true);
}

static void test_page(void **unused)
{
	(void)unused;
	page_begin(&page);
	page_add(&page, PAGE_HEADLINE, NULL, "All %s.", "well");
	page_section(&page, "Section");
	page_item(&page, "1. item");
	page_field(&page, "label", "%s",
		   "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
		   "01234 0123456789");
	page_field(&page, "none", "%s", "");
	page_field(&page, "a long label", "text");
	page_row(&page, ">#|what|why");
	page_row(&page, "9|a|");
	page_row(&page, "10|bcdef|so");
	page_item(&page, "2. item");
	text = print(false);
	markdown = print(true);
	assert_string_equal(
		text,
		"All well.\n\nSection\n1. item\n"
		"   label     0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
		"0123456789 01234\n             0123456789\n"
		"   a long label text\n"
		"     #  what   why\n     9  a      \n    10  bcdef  so\n"
		"\n2. item\n");
	assert_string_equal(
		markdown,
		"**All well.**\n\n#### Section\n\n**1. item**\n\n"
		"* label: 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
		"0123456789 01234\n  0123456789\n* a long label: text\n\n"
		"| # | what | why |\n|--:|---|---|\n| 9 | a |  |\n| 10 | bcdef | so |\n"
		"\n**2. item**\n");
}

static void test_right(void **unused)
{
	(void)unused;
	begin(1);
	slots[1].intercepts[0] = INTERCEPT_ON;
	render();
	assert_string_equal(text,
			    "Every read has the processor's outcome\n"
			    "\nEvidence\n"
			    "   engine    old: made\n"
			    "   tried     2 configurations, 26 CPU states, all 2^32 ECX values\n"
			    "\nLimits\n"
			    "   expected  outcomes are the reference model's, not silicon's\n"
			    "   known     no known differences were read: all count as new\n"
			    "   reads     what RDPMC answers is all that is compared: not which "
			    "event a counter counts, nor\n"
			    "             access by MSRs, migration, or which guest PMUs "
			    "user space can set\n"
			    "   RCX       RCX[63:32] is 0xc3c3c3c3 in all reads but random cases\n");
	assert_int_equal(json_integer_value(summary("new")), 0);
	assert_int_equal(json_integer_value(summary("reads")), 1234567);
	assert_string_equal(json_string_value(json_object_get(summary("intercepts"), "amd-v2")),
			    "on without need");
	/* Of itself it speaks only where that is asked for. */
	report.verbose = true;
	render();
	text_holds("   reads     1,234,567 in 1.5 s by 2 processes; ");
	text_holds("   checked   26,400 of 26,400 random spot checks agree\n");
	text_holds("   intercept rightly not intercepted in 1 of 2 configurations: skylake\n"
		   "   intercept intercepted needlessly in 1 of 2 configurations: amd-v2\n");
	survey.choices.amd_l2i = true;
	render();
	text_holds("   expected  outcomes are the reference model's, not silicon's; --choice: amd-l2i\n");
}

/* Nothing that was not tried counts as right. */
static void test_verdict(void **unused)
{
	(void)unused;
	begin(1);
	result.tally[0].verdicts[QUESTION_READ][VERDICT_REFUSED] = 12345;
	strcpy(result.tally[0].refusal, "KVM_RUN: EINVAL");
	render();
	verdict("Every read that was tried has the processor's outcome; limits: 12345 reads "
		"refused by the host (KVM_RUN: EINVAL)");
	assert_int_equal(json_integer_value(summary("refused")), 12345);
	result.partial = true;
	result.done = 1;
	slots[1].progress = SLOT_BEGUN;
	snprintf(result.died, sizeof(result.died), "Aborted, in configuration amd-v2");
	render();
	verdict("PARTIAL, a worker ended by Aborted, in configuration amd-v2: Every read that was "
		"tried "
		"has the processor's outcome; limits: 1 of 2 configurations not run, 12345 reads "
		"refused by the host (KVM_RUN: EINVAL)");
	holds("1 configuration, 26 CPU states, ");
	assert_string_equal(json_string_value(summary("died")), result.died);
	assert_true(json_is_true(json_object_get(json, "partial")));

	begin(1);
	report.made = 5000000;
	render();
	verdict(right);
	holds("5,000,000 random cases with other guests: nothing new");
	report.made_not_tried = "3 cases with the guest PMU reduced to what the engine supports";
	render();
	holds("nothing new; limits: 3 cases with the guest PMU reduced to what the engine supports");
	report.made_not_tried = NULL;
	report.made_new = 3;
	result.made_too_many = true;
	render();
	verdict("Every read has the processor's outcome; but RANDOM CASES DIFFER IN MORE CLASSES "
		"THAN CAN BE LISTED");
	holds("5,000,000 random cases with other guests: 3 differ in a new way");
	assert_int_equal(json_integer_value(summary("made_new")), 3);
	report.made_new = 0;
	result.made_too_many = false;
	report.states_new = 2;
	render();
	verdict("Every read has the processor's outcome; but FOUND IN ITS LEGAL STATES: 2 "
		"kinds");
	assert_int_equal(json_integer_value(summary("states_new")), 2);
}

static void test_untried(void **unused)
{
	(void)unused;
	/* One engine; of two the second, the first; both, and not the same reads. */
	for (unsigned int i = 0; i < 4; i++) {
		begin(i ? 2 : 1);
		result.compared = 0;
		for (unsigned int side = 0; side <= !!i; side++) {
			uint64_t *reads = result.tally[side].verdicts[QUESTION_READ];

			reads[VERDICT_AGREE] = i == side + 1 || i == 3;
			result.tally[side].paths[0] = reads[VERDICT_AGREE];
			if (i == 3 ? !side : !reads[VERDICT_AGREE])
				reads[VERDICT_REFUSED] = 7;
			strcpy(result.tally[side].refusal, "KVM_RUN: EINVAL");
		}
		render();
		verdict(i == 3   ? "Nothing was tried: no read was answered by both engines; do "
				   "they have an entry in common?"
			: i == 1 ? "Nothing was tried: engine new answered no read: KVM_RUN: EINVAL"
				 : "Nothing was tried: engine old answered no read: KVM_RUN: "
				   "EINVAL");
		assert_null(strstr(text, "very read"));
		assert_null(strstr(text, "Nothing changed"));
		assert_int_equal(json_integer_value(summary("refused")), 7);
	}
	/* Interrupted before one was finished: no engine is blamed. */
	begin(1);
	result.partial = true;
	result.done = 0;
	result.compared = 0;
	memset(result.tally, 0, sizeof(result.tally));
	render();
	verdict("PARTIAL: Nothing was surveyed: no configuration was finished; limits: 2 of "
		"2 "
		"configurations not run");
}

/* Entries that are the same are one class. */
static void test_class(void **unused)
{
	(void)unused;
	begin(1);
	report.saved = "kept";
	report.names[0] = "./old.so";
	add_wrong(ENTRY_EXIT);
	add_wrong(ENTRY_EMULATOR)->example.ecx = 0x60000001;
	add_wrong(ENTRY_EMULATOR);
	classes[1].estimated = true;
	classes[1].count = 1234;
	classes[1].states = 3;
	classes[1].n_configurations = 2;
	classes[1].key.vendor = RDPMC_AMD;
	render();
	verdict("NEW: 2 classes of differences from the processor that no known difference "
		"explains");
	text_holds(
		"\nNew\n1. both entries, Intel guest: got a value, expected #GP (rule TYPE-OTHER)\n"
		"   cases     65,536\n"
		"   smallest  64-bit mode, CPL 0, CR4.PCE = 0, ECX = 0x60000000\n"
		"   expected  #GP(0)\n"
		"   got       EDX:EAX = 0x8142637485960718\n"
		"   where     skylake; 1 of 26 states, first 64-bit mode, CPL 0, CR4.PCE = 0\n"
		"   reach     a guest with this PMU, by an exit; or where KVM emulates the "
		"instruction\n"
		"   repeat    rdpmc-diff run --engine ./old.so kept/01-exit-TYPE-OTHER\n"
		"\n2. emulator, AMD guest: ");
	text_holds("   cases     about 1,234 ");
	text_holds("   where     skylake and 1 more; 2 of 26 states, ");
	holds("TYPE-OTHER: every other type is #GP(0)");
	assert_non_null(strstr(markdown, "**2. emulator, AMD guest: got a value, "));
	assert_int_equal(json_array_size(json_object_get(json, "rows")), 3);
	assert_int_equal(json_integer_value(summary("new")), 3);
	assert_string_equal(json_string_value(json_object_get(row(0), "answer")), "value");
	assert_string_equal(json_string_value(json_object_get(row(0), "model")), "#GP");
	assert_string_equal(json_string_value(json_object_get(row(1), "vendor")), "amd");
	assert_true(json_is_true(json_object_get(row(1), "estimated")));
	assert_true(json_is_null(json_object_get(row(2), "reachable")));
}

static void test_reach(void **unused)
{
	(void)unused;
	begin(1);
	add_wrong(ENTRY_EXIT)->reached = 0;
	render();
	holds("not reachable by a guest: the CPU faults before the exit (VMX-PRIORITY)");
	classes[0].reached = 4096;
	classes[0].key.vendor = RDPMC_AMD;
	render();
	holds("4,096 of them by a guest; in the others the CPU faults before the exit");
	assert_int_equal(json_integer_value(json_object_get(row(0), "reachable")), 4096);
	classes[0].reached = 65536;
	render();
	text_holds("   reach     a guest with this PMU, by an exit\n");
}

/* Every kind of class, of one engine and of two: what it is, and what was complained of. */
static void test_kinds(void **unused)
{
	static const struct {
		unsigned int entry, oracles, answer;
		const char *one, *two, *detail;
	} kinds[] = {
		{ SURVEY_INTERCEPT, ORACLE_PASS_SOUND, ANSWER_GP,
		  "1. intercept, Intel guest: NOT intercepted (bug)",
		  "1. intercept, Intel guest: NOT intercepted (bug)",
		  "the guest's counters are not as wide as the CPU's (general-purpose counter)" },
		{ SURVEY_SETUP, ORACLE_TROUBLE, ANSWER_GP,
		  "1. setup, Intel guest: splat while the guest is set up",
		  "1. setup, Intel guest: splat while the guest is set up", splat },
		{ ENTRY_EXIT, ORACLE_TROUBLE, ANSWER_GP,
		  "1. exit, Intel guest: got a splat, expected #GP (rule TYPE-OTHER)",
		  "1. exit, Intel guest: #GP -> a splat (rule TYPE-OTHER)", splat },
		{ ENTRY_EMULATOR, ORACLE_NOTHING_ELSE, ANSWER_GP,
		  "1. emulator, Intel guest: got side effects, expected #GP (rule TYPE-OTHER)",
		  "1. emulator, Intel guest: #GP -> side effects (rule TYPE-OTHER)",
		  "#GP(0); other state is wrong: RDX" },
		{ ENTRY_EXIT, ORACLE_OUTCOME, ANSWER_UD,
		  "1. exit, Intel guest: got #UD, expected #GP (rule TYPE-OTHER)",
		  "1. exit, Intel guest: #GP -> #UD (rule TYPE-OTHER)", "#UD" },
		{ ENTRY_EXIT, ORACLE_OUTCOME, ANSWER_STRANGE,
		  "1. exit, Intel guest: got no proper answer, expected #GP (rule TYPE-OTHER)",
		  "1. exit, Intel guest: #GP -> no proper answer (rule TYPE-OTHER)",
		  "none that RDPMC has" },
		{ ENTRY_EXIT, ORACLE_OUTCOME, ANSWER_GP,
		  "1. exit, Intel guest: got another error code, expected #GP (rule TYPE-OTHER)",
		  "1. exit, Intel guest: #GP -> another error code (rule TYPE-OTHER)", "#GP(5)" },
	};

	(void)unused;
	for (size_t i = 0; i < 2 * sizeof(kinds) / sizeof(kinds[0]); i++) {
		const unsigned int side = i & 1;
		struct survey_class *class;

		begin(1 + side);
		class = add(kinds[i / 2].entry);
		answer(class, side, kinds[i / 2].oracles, kinds[i / 2].answer);
		if (kinds[i / 2].oracles & ORACLE_NOTHING_ELSE)
			class->example.engine[side].regs.rdx = 1;
		if (i / 2 == 6)
			class->example.engine[side].error_code = 5;
		render();
		holds(side ? kinds[i / 2].two : kinds[i / 2].one);
		holds(kinds[i / 2].detail);
		holds("all 2^32 ECX values");
		assert_int_equal(json_array_size(json_object_get(json, "rows")), 1);
		assert_string_equal(json_string_value(json_object_get(row(0), "entry")),
				    survey_entry(kinds[i / 2].entry));
		assert_int_equal(json_is_string(json_object_get(row(0), "trouble")),
				 kinds[i / 2].oracles == ORACLE_TROUBLE);
		assert_int_equal(survey_bad(&result), 1);
	}
}

static void test_changes(void **unused)
{
	static const char *const changes[] = { "broken", "otherwise", "offer", "fixed" };

	(void)unused;
	begin(2);
	features[0][0] = (struct engine_feature){ "metrics", "PERF_METRICS", false };
	features[1][0] = (struct engine_feature){ "metrics", "PERF_METRICS", true };
	features[0][1] = features[1][1] = (struct engine_feature){ "same", "the same", true };
	slots[0].offered[SURVEY_BEFORE] = true;
	slots[1].intercepts[SURVEY_AFTER] = INTERCEPT_ON;
	render();
	verdict("Nothing changed: every read has the same outcome with new as with "
		"old");
	/* Of those that the user chose nobody knows what the others would show. */
	report.chosen = 2;
	report.configurations = 53;
	render();
	verdict("Nothing changed in 2 of 53 configurations: every read has the same outcome with "
		"new as with old");
	report.chosen = 0;
	render();
	holds("metrics: new (PERF_METRICS)");
	holds("skylake: now supported");
	text_holds("   intercept rightly not intercepted -> intercepted needlessly in 1 of 2 "
		   "configurations:\n             amd-v2\n");
	assert_null(strstr(text, "the same)"));
	assert_null(strstr(text, "Became"));

	/* What is known of both engines, and shows with the second alone, is nobody's fault. */
	add_wrong(ENTRY_EXIT)->known = true;
	render();
	verdict("new makes 0 classes of reads right and 0 wrong for guests, and changes 1 other, "
		"compared with old");
	text_holds("\nKnown differences of both\n1. exit, Intel guest: #GP -> value");
	assert_int_equal(survey_bad(&result), 0);
	result.n_classes = 0;
	memset(classes, 0, sizeof(classes));

	add_wrong(ENTRY_EXIT);
	add_wrong(ENTRY_EMULATOR)->made = 7; /* one item all the same */
	add_wrong(ENTRY_EXIT)->example.ecx = 0x60000001;
	classes[2].reached = 0;
	answer(add_wrong(ENTRY_EXIT), SURVEY_BEFORE, ORACLE_OUTCOME, ANSWER_UD);
	answer(add(ENTRY_EXIT), SURVEY_AFTER, 0, ANSWER_VALUE);
	answer(add(ENTRY_EXIT), SURVEY_BEFORE, ORACLE_OUTCOME, ANSWER_VALUE);
	render();
	verdict("new makes 1 class of reads right and 1 wrong for guests, and changes 2 others, "
		"compared with old; 1 more not reachable by a guest");
	text_holds(
		"\nBecame wrong\n1. both entries, Intel guest: #GP -> value (rule TYPE-OTHER)\n");
	text_holds("   before    #GP(0), right by TYPE-OTHER\n"
		   "   after     EDX:EAX = 0x8142637485960718, wrong, expected #GP(0)\n");
	text_holds(
		"\nWrong before and after, in another way\n3. exit, Intel guest: #UD -> value (rule TYPE-OTHER)\n");
	text_holds("\nRight before and after, for another guest PMU\n4. exit, ");
	text_holds("\nBecame right\n5. exit, Intel guest: value -> #GP (rule TYPE-OTHER)\n");
	assert_int_equal(json_integer_value(summary("broken")), 3);
	for (size_t i = 0; i < 6; i++) {
		json_t *before = json_object_get(row(i), "before");

		assert_string_equal(json_string_value(json_object_get(row(i), "change")),
				    changes[i < 3 ? 0 : i - 2]);
		assert_string_equal(json_string_value(json_object_get(row(i), "engine")), "new");
		assert_string_equal(json_string_value(json_object_get(before, "engine")), "old");
	}
}

/* The lines of an item of the Markdown, its title's and the empty one behind that not counted. */
static unsigned int item_lines(const char *title)
{
	const char *item = strstr(markdown, title), *end;
	unsigned int lines = 0;

	assert_non_null(item);
	item = strstr(item, "\n\n");
	assert_non_null(item);
	end = strstr(item + 2, "\n\n");
	assert_non_null(end);
	for (const char *at = item + 2; at < end + 1; at++)
		lines += *at == '\n';
	return lines;
}

/* What goes into a reply on a mailing list: the verdict, then of each class who can reach it and how to repeat it. */
static void test_mail(void **unused)
{
	static const char begins[] =
		"**new makes 0 classes of reads right and 1 wrong for guests, compared with old**\n"
		"\n#### Became wrong\n\n**1. exit, Intel guest: #GP -> value (rule TYPE-OTHER)**\n\n"
		"* cases: ";

	(void)unused;
	begin(2);
	report.arguments = " --choice amd-l2i";
	add_wrong(ENTRY_EXIT)->reached = 4096;
	render();
	assert_memory_equal(markdown, begins, strlen(begins));
	report.names[0] = "kernel:before";
	report.names[1] = "kernel:after";
	render();
	holds("4,096 of them by a guest; in the others the CPU faults before the exit "
	      "(VMX-PRIORITY)");
	holds("rdpmc-diff survey --engine kernel:before --against kernel:after --choice amd-l2i "
	      "--configuration skylake");
	assert_true(strstr(markdown, "* reach: ") < strstr(markdown, "* repeat: "));
	assert_in_range(item_lines("**1. exit"), 7, 10);
	/* The case itself, where it is kept. */
	report.saved = "kept";
	render();
	holds("rdpmc-diff run --engine kernel:after --choice amd-l2i kept/01-exit-TYPE-OTHER");
	assert_null(strstr(markdown, "survey --engine"));
	assert_in_range(item_lines("**1. exit"), 7, 10);
}

static void test_known(void **unused)
{
	struct engine kernel = { .name = "kernel", .version = "6.12" };
	char why[300], line[300];
	struct known *known = known_read("fuzz/oracle/known", &kernel, why, sizeof(why));
	struct known_difference *first, *second;

	(void)unused;
	assert_non_null(known);
	assert_true(known_count(known) > 2);
	begin(1);
	survey.known[0] = known;
	report.known = "fuzz/oracle/known";
	report.whole = true;
	first = known_get(known, 0);
	second = known_get(known, 1);
	first->happened = second->happened = 1;
	add_wrong(ENTRY_EXIT)->key.sides[0].known = 1;
	answer(add(SURVEY_SETUP), 0, ORACLE_TROUBLE, ANSWER_GP);
	classes[1].key.sides[0].known = 1;
	render();
	verdict("Every read has the processor's outcome, or a known difference (2 "
		"classes)");
	snprintf(line, sizeof(line),
		 "\n     1  exit   Intel  TYPE-OTHER  #GP -> value      65,536      65,536  "
		 "0x60000000  %s\n",
		 first->name);
	text_holds(line);
	snprintf(line, sizeof(line), "| 2 | setup | Intel |  | splat | 1 |  |  | %s |",
		 first->name);
	assert_non_null(strstr(markdown, line));
	snprintf(line, sizeof(line), "**%s (1, 2)**", first->name);
	assert_non_null(strstr(markdown, line));
	snprintf(line, sizeof(line), "**%s (random cases only)**", second->name);
	assert_non_null(strstr(markdown, line));
	holds(splat);
	/* What did not happen is stale, if all was tried. */
	snprintf(line, sizeof(line), "%s (", known_get(known, 2)->name);
	holds(line);
	holds("stale");
	assert_int_equal(json_array_size(summary("stale")), known_count(known) - 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(row(0), "known"), 0)),
			    first->name);
	assert_int_equal(json_integer_value(summary("new")), 0);
	report.whole = false;
	render();
	assert_null(strstr(text, "stale"));
	assert_int_equal(json_array_size(summary("stale")), 0);
	known_free(known);
}

/* A list of more than four names is folded, but for who wants all. */
static void test_limits(void **unused)
{
	(void)unused;
	begin(1);
	survey.n_configurations = result.done = 6;
	for (size_t i = 0; i < 6; i++)
		slots[i].offered[0] = true;
	slots[5].too_many = true;
	result.disagreed = 400;
	render();
	holds("guest PMU reduced to what the engine supports in 6 of 6 configurations: skylake,");
	holds(" ice-lake and 2 more\n");
	holds("too many classes: the counts are estimates in 1 of 6 configurations: no-pmu-amd");
	holds("26,000 of 26,400 random spot checks agree: counts with \"about\" are ESTIMATES");
	report.verbose = true;
	render();
	holds(" no-pmu, no-pmu-amd\n");
	assert_null(strstr(text, " more\n"));
}

/* What changed in a tree where no engine runs it is said, and nothing else. */
static void test_not_run(void **unused)
{
	static const struct engine_function before[] = {
		{ "pmu.c", "kvm_pmu_rdpmc", 1, true }, /* both: it was seen */
		{ "pmu.c", "gone", 2, false },
		{ "vmx/vmx.c", "", 3, false },
		{ "vmx/vmx.c", "same", 4, false },
		{ "vmx/vmx.c", "inlined_later", 7, false },
		{ 0 },
	};
	static const struct engine_function after[] = {
		{ "pmu.c", "kvm_pmu_rdpmc", 2, true },
		{ "vmx/vmx.c", "", 4, false },
		{ "vmx/vmx.c", "same", 4, false },
		{ "vmx/vmx.c", "inlined_later", 8, true },
		{ "vmx/vmx.c", "new1", 1, false },
		{ "vmx/vmx.c", "new2", 1, false },
		{ "vmx/vmx.c", "new3", 1, false },
		{ "vmx/vmx.c", "new4", 1, false },
		{ 0 },
	};
	json_t *files;

	(void)unused;
	begin(2);
	made[0].functions = before;
	render();
	assert_null(strstr(text, "not run")); /* one cannot tell */
	assert_null(summary("not_run"));
	made[1].functions = after;
	render();
	verdict("Nothing changed in what was run: every read has the same outcome with new as with "
		"old; changed and NOT RUN: 6 functions in 2 files");
	text_holds("\nChanged in arch/x86/kvm and NOT RUN: effects on guests are unknown\n"
		   "   not run   pmu.c: gone()\n"
		   "   not run   vmx/vmx.c: outside of functions, new1(), new2(), new3() and 1 "
		   "more\n");
	files = summary("not_run");
	assert_int_equal(json_object_size(files), 2);
	assert_int_equal(json_array_size(json_object_get(files, "vmx/vmx.c")), 5);
	add_wrong(ENTRY_EXIT);
	render();
	holds("wrong for guests, compared with old; changed and NOT RUN: 6 functions in 2 files");
	made[1].functions = before;
	begin(2);
	made[0].functions = made[1].functions = before;
	render();
	verdict("Nothing changed: every read has the same outcome with new as with old");
	assert_null(summary("not_run"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_page, forget),
		cmocka_unit_test_teardown(test_right, forget),
		cmocka_unit_test_teardown(test_verdict, forget),
		cmocka_unit_test_teardown(test_untried, forget),
		cmocka_unit_test_teardown(test_class, forget),
		cmocka_unit_test_teardown(test_reach, forget),
		cmocka_unit_test_teardown(test_kinds, forget),
		cmocka_unit_test_teardown(test_changes, forget),
		cmocka_unit_test_teardown(test_mail, forget),
		cmocka_unit_test_teardown(test_not_run, forget),
		cmocka_unit_test_teardown(test_known, forget),
		cmocka_unit_test_teardown(test_limits, forget),
	};

	return cmocka_run_group_tests_name("survey page", tests, NULL, NULL);
}
