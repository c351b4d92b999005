// SPDX-License-Identifier: GPL-2.0-or-later
/* What a run has shown, in words. */
#include "fuzz/report/report.h"
#include "lib/text.h"

void report_exits(FILE *out, const struct tally *tally)
{
	if (tally->paths[EXEC_PATH_NO_EXIT] || tally->paths[EXEC_PATH_EXIT] ||
	    tally->paths[EXEC_PATH_EMULATED])
		fprintf(out,
			"exits    by KVM's counters: %llu read%s without an exit, %llu with one, "
			"%llu in code that KVM emulates\n",
			(unsigned long long)tally->paths[EXEC_PATH_NO_EXIT],
			PLURAL(tally->paths[EXEC_PATH_NO_EXIT]),
			(unsigned long long)tally->paths[EXEC_PATH_EXIT],
			(unsigned long long)tally->paths[EXEC_PATH_EMULATED]);
}

void report_tally(FILE *out, const struct tally *tally, double seconds)
{
	unsigned int both = __builtin_popcount(tally->no & tally->yes);

	fprintf(out, "expected %llu values, %llu faults\n", (unsigned long long)tally->values,
		(unsigned long long)tally->faults);
	if (seconds > 0)
		fprintf(out, "speed    %.1f s, %.0f cases/s\n", seconds,
			(double)tally->cases / seconds);
	fprintf(out,
		"cases    %llu with a field made legal, %llu in a state that no CPU gets into\n"
		"reads    %llu with LOCK, which never exit; %llu depend on a --choice\n"
		"exits    RDPMC not intercepted in %llu case%s, needlessly intercepted in %llu\n"
		"rules    %u of %u answered yes and no\n",
		(unsigned long long)tally->legalised, (unsigned long long)tally->impossible,
		(unsigned long long)tally->verdicts[QUESTION_READ][VERDICT_UNREACHED],
		(unsigned long long)tally->choice, (unsigned long long)tally->passed,
		PLURAL(tally->passed), (unsigned long long)tally->costly, both, NR_RULES);
	for (unsigned int rule = 0; rule < NR_RULES; rule++) {
		if (!(tally->yes >> rule & 1))
			fprintf(out, "         %s: never yes\n", rdpmc_rules[rule].id);
		if (!(tally->no >> rule & 1))
			fprintf(out, "         %s: never no\n", rdpmc_rules[rule].id);
	}
}
