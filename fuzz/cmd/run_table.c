// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz/cmd/run_table.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"

#define MAX_NAME 26 /* columns of an engine's name; of a longer one its end tells paths apart */

void run_table(const struct ran *ran, unsigned int n)
{
	int name = 0;

	for (unsigned int i = 0; i < n; i++)
		name = (int)strlen(ran[i].name) > name ? (int)strlen(ran[i].name) : name;
	name = name > MAX_NAME ? MAX_NAME : name;
	printf("%*s%10s%8s ", 2 + name, "", "cases", "found");
	for (enum verdict_kind kind = 0; kind < NR_VERDICTS; kind++)
		printf(" %*s", (int)sizeof("1000000") - 1, verdict_name(kind));
	printf("\n");
	for (unsigned int i = 0; i < n; i++) {
		const size_t length = strlen(ran[i].name);
		const char *end = length > MAX_NAME ? ran[i].name + length - MAX_NAME : ran[i].name;
		char label[64];

		if (ran[i].absent) {
			snprintf(label, sizeof(label), "%u %-*s  cannot run here:", i + 1, name,
				 end);
			text_wrap(stdout, label, (unsigned int)strlen(label) + 1, TEXT_COLUMNS,
				  ran[i].absent);
			continue;
		}
		printf("%u %-*s%10llu%8llu ", i + 1, name, end,
		       (unsigned long long)ran[i].tally.cases, (unsigned long long)ran[i].found);
		for (enum verdict_kind kind = 0; kind < NR_VERDICTS; kind++) {
			const int width = (int)strlen(verdict_name(kind));

			printf(" %*llu", width > 7 ? width : 7,
			       (unsigned long long)ran[i].tally.verdicts[QUESTION_READ][kind]);
		}
		printf("\n");
	}
	printf("Cases, cases with a finding, and reads by verdict. To compare two engines: survey "
	       "--against.\n");
}
