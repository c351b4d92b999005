// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * prove-repeat ENGINE: a counterexample, judged natively as the proof has judged it. It is read from the
 * standard input: entry (1 byte), case (struct case_bytes), then the counters in struct rdpmc_counters'
 * order, without padding. Prints the flaw, the rule that decides and the rules to blame, or "agrees".
 */
#include <stdio.h>
#include <string.h>

#include "prove/prove.h"

const struct engine *proved;

static bool take(void *into, size_t size)
{
	return fread(into, 1, size, stdin) == size;
}

static bool take_inputs(struct prove_inputs *inputs)
{
	static struct case_bytes bytes; /* the decoded case points into it */
	struct rdpmc_counters *counters = &inputs->counters;
	uint8_t entry;

	if (!take(&entry, 1) || !take(&bytes, sizeof(bytes)) ||
	    !take(counters->gp, sizeof(counters->gp)) ||
	    !take(counters->fixed, sizeof(counters->fixed)) ||
	    !take(&counters->metrics, sizeof(counters->metrics)) ||
	    !take(&counters->fixed_ctr_ctrl, sizeof(counters->fixed_ctr_ctrl)) ||
	    !take(&counters->gp_user_disable, sizeof(counters->gp_user_disable)) ||
	    !take(counters->vmware, sizeof(counters->vmware)))
		return false;
	case_decode((const uint8_t *)&bytes, sizeof(bytes), &inputs->decoded);
	inputs->entry = entry;
	return entry == ENTRY_EXIT || entry == ENTRY_EMULATOR;
}

static const char *flaw_text(enum flaw flaw)
{
#define FLAW_TEXT(name, text, unused) [FLAW_##name] = text,
	static const char *const texts[NR_FLAWS] = { PROVE_FLAWS(FLAW_TEXT, ) };

	return texts[flaw];
}

int main(int argc, char **argv)
{
	static struct prove_inputs inputs;
	struct prove_verdict verdict;
	const char *why;
	uint32_t blamed;

	if (argc != 2 || !take_inputs(&inputs)) {
		fputs("usage: prove-repeat ENGINE <COUNTEREXAMPLE\n", stderr);
		return 2;
	}
	proved = engine_find(argv[1], &why);
	if (!proved) {
		fprintf(stderr, "prove-repeat: %s: %s\n", argv[1], why);
		return 2;
	}
	inputs.choices = rdpmc_default_choices;
	verdict = prove_read(&inputs);
	if (!verdict.flaw) {
		puts("agrees");
		return 0;
	}
	blamed = prove_blame(&inputs, &verdict);
	printf("%s, %s, %s:", entry_name(inputs.entry), rdpmc_rules[verdict.model.decision.rule].id,
	       flaw_text(verdict.flaw));
	for (unsigned int rule = 0; rule < NR_RULES; rule++)
		if (blamed >> rule & 1)
			printf(" %s", rdpmc_rules[rule].id);
	putchar('\n');
	return 1;
}
