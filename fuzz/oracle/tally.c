// SPDX-License-Identifier: GPL-2.0-or-later
/* Counting verdicts. */
#include "fuzz/oracle/tally.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/oracle/run.h"
#include "lib/text.h"

void tally_add_intercept(struct tally *tally, const struct verdict *verdict)
{
	const struct trial_run *run = verdict->run;
	const bool sound = verdict->pass->obstacle == OBSTACLE_NONE;
	const bool off = verdict->intercept == INTERCEPT_OFF;
	const bool costly = sound && verdict->intercept == INTERCEPT_ON;

	tally->cases++;
	tally->legalised += !!run->decoded->legalised;
	tally->impossible += run->decoded->impossible;
	tally->offered += run->reduced;
	tally->obstacles[verdict->pass->obstacle]++;
	tally->passed += off;
	tally->costly += costly;
	tally_rule(tally, RULE_PASS_SOUND, sound);
	tally_rule(tally, RULE_PASS_MINIMAL, costly);
	tally_rule(tally, RULE_VMX_PASS, off);
}

void tally_add_refusal(struct tally *tally, const struct verdict *verdict)
{
	if (!tally->refusal[0])
		snprintf(tally->refusal, sizeof(tally->refusal), "%s", verdict->why);
}

void tally_add_unjudged(struct tally *tally, const struct verdict *verdict)
{
	if (!tally->unjudged++)
		snprintf(tally->unjudged_why, sizeof(tally->unjudged_why), "%s", verdict->why);
}

void tally_add(struct tally *into, const struct tally *from)
{
	into->cases += from->cases;
	into->reads += from->reads;
	into->values += from->values;
	into->faults += from->faults;
	into->legalised += from->legalised;
	into->impossible += from->impossible;
	into->offered += from->offered;
	into->choice += from->choice;
	into->passed += from->passed;
	into->costly += from->costly;
	into->adapted += from->adapted;
	for (int i = 0; i < NR_EXEC_PATHS; i++)
		into->paths[i] += from->paths[i];
	for (int i = 0; i < NR_QUESTIONS; i++) {
		into->asked[i] += from->asked[i];
		for (int kind = 0; kind < NR_VERDICTS; kind++)
			into->verdicts[i][kind] += from->verdicts[i][kind];
	}
	if (!into->refusal[0])
		memcpy(into->refusal, from->refusal, sizeof(into->refusal));
	if (!into->unjudged)
		memcpy(into->unjudged_why, from->unjudged_why, sizeof(into->unjudged_why));
	into->unjudged += from->unjudged;
	into->no |= from->no;
	into->yes |= from->yes;
	for (int i = 0; i < NR_RULES; i++)
		into->decided[i] += from->decided[i];
	for (int i = 0; i < NR_OBSTACLES; i++)
		into->obstacles[i] += from->obstacles[i];
}

uint64_t tally_answered(const struct tally *tally)
{
	uint64_t answered = 0;

	for (int i = 0; i < NR_EXEC_PATHS; i++)
		answered += tally->paths[i];
	return answered;
}

uint64_t tally_known(const struct tally *tally)
{
	uint64_t known = 0;

	for (int i = 0; i < NR_QUESTIONS; i++)
		known += tally->verdicts[i][VERDICT_KNOWN];
	return known;
}

/* One more of a list: "3 reads refused by the host"; nothing of none. */
__attribute__((format(printf, 4, 5))) static void item(char *text, uint64_t count, const char *noun,
						       const char *format, ...)
{
	const size_t at = strlen(text);
	const int n = count ? snprintf(text + at, TALLY_TEXT - at, "%s%llu %s%s ", at ? ", " : "",
				       (unsigned long long)count, noun, PLURAL(count))
			    : 0;
	va_list args;

	if (n <= 0 || at + (size_t)n >= TALLY_TEXT)
		return;
	va_start(args, format);
	vsnprintf(text + at + n, TALLY_TEXT - at - (size_t)n, format, args);
	va_end(args);
}

const char *tally_not_tried(const struct tally *tally, char text[TALLY_TEXT])
{
	const uint64_t *reads = tally->verdicts[QUESTION_READ];
	const uint64_t *writes = tally->verdicts[QUESTION_WRITE];

	text[0] = '\0';
	item(text, reads[VERDICT_REFUSED], "read", "refused by the host (%s)", tally->refusal);
	item(text, reads[VERDICT_UNAVAILABLE] - tally->unjudged, "read",
	     "by an entry that the engine does not have here");
	item(text, tally->unjudged, "read", "not checked (%s)", tally->unjudged_why);
	item(text, reads[VERDICT_SKIPPED], "read", "skipped after a finding");
	item(text, writes[VERDICT_SKIPPED], "write", "skipped after a finding");
	item(text, tally->adapted, "read", "in another CPU state");
	item(text, tally->offered, "case",
	     "with the guest PMU reduced to what the engine supports");
	item(text, writes[VERDICT_UNAVAILABLE], "write", "not supported by the engine");
	item(text, tally->verdicts[QUESTION_INTERCEPT][VERDICT_UNAVAILABLE], "intercept",
	     "not reported by the engine");
	return text;
}
