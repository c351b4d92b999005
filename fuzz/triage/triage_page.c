// SPDX-License-Identifier: GPL-2.0-or-later
/* The report of a finding, in Markdown: for the person who has to fix it, or to list it as known. */
#include <string.h>

#include "fuzz/report/names.h"
#include "fuzz/report/report.h"
#include "fuzz/triage/triage.h"

/* A comment that no reader of the page sees: rows are put before it. */
#define END_OF_FORMS "<!-- the end of the forms -->"

/* Can a guest bring this about? */
static const char *reach(const struct trial *trial, const struct rdpmc_case *decoded,
			 const struct finding *finding)
{
	if (decoded->impossible)
		return "not reachable by a guest: no CPU gets into this state";
	if (finding->oracles & ORACLE_PASS_SOUND)
		return "a guest with this PMU on such a host: its reads do not exit";
	if (finding->unanswered)
		return "the case's step; how a guest would cause it is unknown";
	if (finding->entry == ENTRY_PLAIN)
		return "a guest: its own instruction did this";
	if (finding->entry == ENTRY_EMULATOR)
		return "a guest whose RDPMC KVM emulates: in states that the CPU cannot run, or "
		       "with the forced emulation prefix";
	return report_reaches_exit(trial, finding)
		       ? "a guest: its instruction exits"
		       : "not reachable by a guest: the CPU faults before the exit";
}

static void print_case(FILE *out, const struct trial *trial, const struct triage_sight *sight)
{
	struct rdpmc_case decoded;

	case_decode(sight->data, sight->size, &decoded);
	fprintf(out, "```\n");
	report_case(out, &decoded);
	report_finding(out, trial, &decoded, sight->finding);
	fprintf(out, "```\n\n");
}

static void print_repeat(FILE *out, const struct triage *triage, const char *page, const char *file,
			 const struct triage_sight *sight)
{
	fprintf(out,
		"```\nrdpmc-diff run --engine %s%s %s/%s/%s\n```\n\nThe case itself, for `xxd -r "
		"-p`:"
		"\n\n```\n",
		triage->engines[0].name, triage->arguments, triage->directory, page, file);
	for (size_t i = 0; i < sight->size; i++)
		fprintf(out, "%02x%s", sight->data[i],
			i % 32 == 31 || i + 1 == sight->size ? "\n" : "");
	fprintf(out, "```\n");
}

static void name_engine(FILE *out, const struct triage_engine *engine)
{
	fprintf(out, "`%s`", engine->name);
	if (engine->engine->version)
		fprintf(out, " (Linux %s)", engine->engine->version);
}

/* What the other engines make of it. */
static void print_sharing(FILE *out, const struct triage *triage, const struct triage_sight *sight)
{
	char title[FINDING_TITLE], untried[TALLY_TEXT];
	struct finding other;
	struct trial trial;
	const char *why;

	fprintf(out, "\n## Who shares it\n\n| engine | |\n|---|---|\n| ");
	name_engine(out, &triage->engines[0]);
	fprintf(out, " | has it |\n");
	for (unsigned int i = 1; i < triage->count; i++) {
		const struct triage_engine *engine = &triage->engines[i];

		fprintf(out, "| ");
		name_engine(out, engine);
		if (triage_begin(triage, i, &trial, &why)) {
			fprintf(out, " | cannot run here: %s |\n", why);
			continue;
		}
		if (trial_run(&trial, sight->data, sight->size, &other))
			fprintf(out, " | %s%s%s |\n",
				tally_known(&trial.tally)       ? "has a known difference"
				: !tally_answered(&trial.tally) ? "answered no read of it"
								: "answers as expected",
				*tally_not_tried(&trial.tally, untried) ? "; limits: " : "",
				untried);
		else if (finding_alike(&other, sight->finding))
			fprintf(out, " | has it |\n");
		else
			fprintf(out, " | differs: %s |\n", finding_title(&other, title));
		trial_free(&trial);
	}
}

void triage_page(FILE *out, const struct triage *triage, struct trial *trial, const char *page,
		 const struct triage_sight *sight)
{
	const struct finding *finding = sight->finding;
	const enum rdpmc_rule rule =
		finding->oracles & ORACLE_PASS_SOUND &&
				(finding->unanswered || finding->oracles == ORACLE_PASS_SOUND)
			? RULE_PASS_SOUND
			: finding->rule;
	char title[FINDING_TITLE], oracles[REPORT_ORACLES];
	struct rdpmc_case decoded;

	case_decode(sight->data, sight->size, &decoded);
	fprintf(out, "# %s\n\n| | |\n|---|---|\n| engine | ", finding_title(finding, title));
	name_engine(out, &triage->engines[0]);
	fprintf(out, " |\n| oracle | %s |\n", report_oracles(finding->oracles, oracles));
	if (finding->oracles != ORACLE_PASS_SOUND && !finding->unanswered)
		fprintf(out, "| entry | %s |\n", entry_name(finding->entry));
	if (!finding->unanswered || rule == RULE_PASS_SOUND)
		fprintf(out, "| rule | %s: %s |\n| source | %s |\n", rdpmc_rules[rule].id,
			rdpmc_rules[rule].text, rdpmc_rules[rule].source);
	fprintf(out,
		"| reached by | %s |\n| reproduced | in %u of %u tries |\n\n## What happens\n\n",
		reach(trial, &decoded, finding), triage->times, triage->times);
	print_case(out, trial, sight);
	fprintf(out, "## How to repeat it\n\n");
	print_repeat(out, triage, page, TRIAGE_CASE, sight);
	print_sharing(out, triage, sight);
	fprintf(out,
		"\n## Seen as\n\nThese cases are linked by one-field edits that keep a difference; "
		"they "
		"may be several\nbugs. Once the first is fixed, what is left of them becomes a "
		"finding "
		"of its own.\n`rdpmc-diff survey` lists every class of reads that is wrong.\n\n"
		"| case | what | engine |\n|---|---|---|\n| `" TRIAGE_CASE
		"` | %s | `%s` |\n" END_OF_FORMS "\n",
		title, triage->engines[0].name);
}

void triage_form(FILE *out, const char *text, const struct triage *triage, struct trial *trial,
		 const char *page, const char *file, const struct triage_sight *sight)
{
	const char *end = strstr(text, END_OF_FORMS);
	char title[FINDING_TITLE], row[64];

	snprintf(row, sizeof(row), "| `%s` |", file);
	finding_title(sight->finding, title);
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
	print_case(out, trial, sight);
	print_repeat(out, triage, page, file, sight);
}
