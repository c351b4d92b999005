// SPDX-License-Identifier: GPL-2.0-or-later
/* The page of a finding, in Markdown: for the person who has to mend it, or to say that it is known. */
#include <string.h>

#include "fuzz/report.h"
#include "fuzz/survey_report.h"
#include "fuzz/triage.h"

/* A comment that no reader of the page sees: rows are put before it. */
#define END_OF_FORMS "<!-- the end of the forms -->"

/* What the engine does instead. */
static const char *instead(const struct finding *finding)
{
	const unsigned int answer = finding->engine.answer;

	if (answer != finding->model.decision.answer)
		return survey_answer_name(answer);
	if (finding->oracles & ORACLE_OUTCOME)
		return answer == ANSWER_VALUE ? "another value" : "another error code";
	if (finding->oracles & ORACLE_NOTHING_ELSE)
		return "side effects";
	return finding->oracles & ORACLE_TROUBLE ? "a complaint of its own code"
						 : "its entries differ";
}

const char *triage_title(const struct finding *finding, char *text)
{
	if (finding->oracles == ORACLE_PASS_SOUND)
		snprintf(text, TRIAGE_SENTENCE, "intercept on by PASS-SOUND, here off");
	else if (finding->unanswered)
		snprintf(text, TRIAGE_SENTENCE, "the engine's code complains at %s%s",
			 finding->step ? "a step" : "the first read",
			 finding->oracles & ORACLE_PASS_SOUND ? ", and the intercept off" : "");
	else
		snprintf(text, TRIAGE_SENTENCE, "%s by %s, here %s%s",
			 survey_answer_name(finding->model.decision.answer),
			 rdpmc_rules[finding->model.decision.rule].id, instead(finding),
			 finding->oracles & ORACLE_PASS_SOUND ? ", and the intercept off" : "");
	return text;
}

/* Can a guest bring this about? */
static const char *reach(const struct rdpmc_case *decoded, const struct finding *finding)
{
	if (decoded->impossible)
		return "no processor gets into this state; who calls the function can";
	if (finding->oracles & ORACLE_PASS_SOUND)
		return "a guest with this PMU on such a host: its reads do not exit";
	if (finding->unanswered)
		return "the case's step; what a guest would do for it is not known";
	if (finding->entry == ENTRY_PLAIN)
		return "a guest's instruction did just this";
	if (finding->entry == ENTRY_EMULATOR)
		return "a guest whose instruction KVM emulates: in states that the processor does "
		       "not "
		       "run, or with the forced emulation prefix";
	return report_reaches_exit(decoded, finding) ? "a guest's instruction, by its exit"
						     : "not by this exit: the processor faults "
						       "before it; who calls the function can";
}

static void tell_case(FILE *out, const struct trial *trial, const uint8_t *data, size_t size,
		      const struct finding *finding)
{
	struct rdpmc_case decoded;

	case_decode(data, size, &decoded);
	fprintf(out, "```\n");
	report_case(out, &decoded);
	report_finding(out, trial, &decoded, finding);
	fprintf(out, "```\n\n");
}

static void tell_repeat(FILE *out, const struct triage *triage, const char *page, const char *file,
			const uint8_t *data, size_t size)
{
	fprintf(out,
		"```\nrdpmc-diff run --engine %s%s %s/%s/%s\n```\n\nThe case itself, for `xxd -r "
		"-p`:"
		"\n\n```\n",
		triage->engines[0].name, triage->arguments, triage->directory, page, file);
	for (size_t i = 0; i < size; i++)
		fprintf(out, "%02x%s", data[i], i % 32 == 31 || i + 1 == size ? "\n" : "");
	fprintf(out, "```\n");
}

static void name_engine(FILE *out, const struct triage_engine *engine)
{
	fprintf(out, "`%s`", engine->name);
	if (engine->engine->version)
		fprintf(out, " (Linux %s)", engine->engine->version);
}

/* What the other engines make of it. */
static void tell_sharing(FILE *out, const struct triage *triage, const uint8_t *data, size_t size,
			 const struct finding *finding)
{
	char title[TRIAGE_SENTENCE];
	struct finding other;
	struct trial trial;
	const char *why;

	fprintf(out, "\n## Who shares it\n\n| engine | |\n|---|---|\n| ");
	name_engine(out, &triage->engines[0]);
	fprintf(out, " | found here |\n");
	for (unsigned int i = 1; i < triage->count; i++) {
		const struct triage_engine *engine = &triage->engines[i];

		fprintf(out, "| ");
		name_engine(out, engine);
		if (triage_begin(triage, i, &trial, &why)) {
			fprintf(out, " | cannot run here: %s |\n", why);
			continue;
		}
		if (trial_run(&trial, data, size, &other))
			fprintf(out, " | %s |\n",
				trial.tally.known ? "differs as is known"
				: trial.tally.reads == trial.tally.refused
					? "refused to run it"
					: "agrees with the model");
		else if (finding_alike(&other, finding))
			fprintf(out, " | the same |\n");
		else
			fprintf(out, " | differs: %s |\n", triage_title(&other, title));
		trial_free(&trial);
	}
}

void triage_page(FILE *out, const struct triage *triage, struct trial *trial, const char *page,
		 const uint8_t *data, size_t size, const struct finding *finding)
{
	const enum rdpmc_rule rule =
		finding->oracles & ORACLE_PASS_SOUND &&
				(finding->unanswered || finding->oracles == ORACLE_PASS_SOUND)
			? RULE_PASS_SOUND
			: finding->model.decision.rule;
	char title[TRIAGE_SENTENCE], oracles[REPORT_ORACLES];
	struct rdpmc_case decoded;

	case_decode(data, size, &decoded);
	fprintf(out, "# %s\n\n| | |\n|---|---|\n| engine | ", triage_title(finding, title));
	name_engine(out, &triage->engines[0]);
	fprintf(out, " |\n| oracle | %s |\n", report_oracles(finding->oracles, oracles));
	if (finding->oracles != ORACLE_PASS_SOUND && !finding->unanswered)
		fprintf(out, "| entry | %s |\n", entry_name(finding->entry));
	if (!finding->unanswered || rule == RULE_PASS_SOUND)
		fprintf(out, "| rule | %s: %s |\n| source | %s |\n", rdpmc_rules[rule].id,
			rdpmc_rules[rule].text, rdpmc_rules[rule].source);
	fprintf(out, "| reached by | %s |\n| reproduced | %u times of %u |\n\n## What happens\n\n",
		reach(&decoded, finding), triage->times, triage->times);
	tell_case(out, trial, data, size, finding);
	fprintf(out, "## How to repeat it\n\n");
	tell_repeat(out, triage, page, TRIAGE_CASE, data, size);
	tell_sharing(out, triage, data, size, finding);
	fprintf(out,
		"\n## Seen as\n\nOne finding: each can be turned into another, field by field, "
		"with one of their\ntwo differences always there. A second mistake may hide among "
		"them; it has a page of its\nown once the first is mended. `rdpmc-diff survey` "
		"tells the whole extent.\n\n"
		"| case | what | engine |\n|---|---|---|\n| `" TRIAGE_CASE
		"` | %s | `%s` |\n" END_OF_FORMS "\n",
		title, triage->engines[0].name);
}

void triage_form(FILE *out, const char *text, const struct triage *triage, struct trial *trial,
		 const char *page, const char *file, const uint8_t *data, size_t size,
		 const struct finding *finding)
{
	const char *end = strstr(text, END_OF_FORMS);
	char title[TRIAGE_SENTENCE], row[64];

	snprintf(row, sizeof(row), "| `%s` |", file);
	triage_title(finding, title);
	/* A kill between the page and the case has it there already. */
	if (strstr(text, row)) {
		fputs(text, out);
		return;
	}
	if (end) {
		fwrite(text, 1, (size_t)(end - text), out);
		fprintf(out, "%s %s | `%s` |\n", row, title, triage->engines[0].name);
	}
	fprintf(out, "%s\n## %s (`%s`, engine `%s`)\n\n", end ? end : text, title, file,
		triage->engines[0].name);
	tell_case(out, trial, data, size, finding);
	tell_repeat(out, triage, page, file, data, size);
}
