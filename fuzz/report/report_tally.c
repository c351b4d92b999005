// SPDX-License-Identifier: GPL-2.0-or-later
/* What a run has shown, in words. */
#include "fuzz/report/report.h"

void report_tally(FILE *out, const struct tally *tally, double seconds)
{
	unsigned int both = __builtin_popcount(tally->no & tally->yes);
	const uint64_t known = tally_known(tally);

	fprintf(out, "%llu cases, %llu reads (%llu values, %llu faults)",
		(unsigned long long)tally->cases, (unsigned long long)tally->reads,
		(unsigned long long)tally->values, (unsigned long long)tally->faults);
	if (seconds > 0)
		fprintf(out, ", %.1f s, %.0f cases/s", seconds, (double)tally->cases / seconds);
	fprintf(out,
		"\n%llu legalised, %llu impossible states, %llu reads that never exit (LOCK)\n",
		(unsigned long long)tally->legalised, (unsigned long long)tally->impossible,
		(unsigned long long)tally->verdicts[QUESTION_READ][VERDICT_UNREACHED]);
	fprintf(out,
		"intercept off in %llu cases, on without need in %llu (PASS-MINIMAL: a cost, not a "
		"mistake)\n",
		(unsigned long long)tally->passed, (unsigned long long)tally->costly);
	if (tally->choice)
		fprintf(out, "%llu reads depend on a choice of the model (--choice)\n",
			(unsigned long long)tally->choice);
	if (known)
		fprintf(out, "%llu reads and intercepts differ from the processor as is known\n",
			(unsigned long long)known);
	if (tally->paths[EXEC_PATH_NO_EXIT] || tally->paths[EXEC_PATH_EXIT] ||
	    tally->paths[EXEC_PATH_EMULATED])
		fprintf(out,
			"answers by KVM's counters: %llu without an exit, %llu after one, %llu in "
			"states whose code KVM executes itself\n",
			(unsigned long long)tally->paths[EXEC_PATH_NO_EXIT],
			(unsigned long long)tally->paths[EXEC_PATH_EXIT],
			(unsigned long long)tally->paths[EXEC_PATH_EMULATED]);
	fprintf(out, "rules: %u of %u asked and answered both ways", both, NR_RULES);
	for (unsigned int rule = 0; rule < NR_RULES; rule++) {
		if (!(tally->yes >> rule & 1))
			fprintf(out, "\n  %s never yes", rdpmc_rules[rule].id);
		if (!(tally->no >> rule & 1))
			fprintf(out, "\n  %s never no", rdpmc_rules[rule].id);
	}
	fputc('\n', out);
}
