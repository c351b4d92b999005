// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * prove-repeat ENGINE [KNOWN]: a counterexample, judged natively as the proof has judged it. It is read
 * from the standard input: entry (1 byte), case (struct case_bytes), then the counters in struct
 * rdpmc_counters' order, without padding. Prints what the engine does, to compare with another's;
 * then "agrees", or the class, the rules to blame and the differences of directory KNOWN that
 * explain it, each of them needed.
 */
#include <inttypes.h>
#include <stdio.h>

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

static void print_answer(const struct engine_answer *answer)
{
	const struct rdpmc_regs *regs = &answer->regs;

	printf("answer %u, error code %#" PRIx32 ", RAX %#" PRIx64 ", RCX %#" PRIx64
	       ", RDX %#" PRIx64 ", RIP %#" PRIx64 ", RFLAGS %#" PRIx64 "%s%s\n",
	       answer->answer, answer->error_code, regs->rax, regs->rcx, regs->rdx, regs->rip,
	       regs->rflags, answer->single_step ? ", #DB of a single step" : "",
	       answer->other_state ? ", CR0, CR4 or CPL changed" : "");
}

static void print_blamed(uint32_t rules)
{
	for (unsigned int rule = 0; rule < NR_RULES; rule++)
		if (rules >> rule & 1)
			printf(" %s", rdpmc_rules[rule].id);
}

/* Returns 0, or -1 where the directory cannot be read. */
static int print_known(const char *directory, const struct prove_inputs *inputs,
		       const struct prove_verdict *verdict)
{
	struct known_question question =
		prove_question(inputs, &verdict->guest, &verdict->host, &verdict->policy);
	char why[1000];
	struct known *known = known_read(directory, proved, why, sizeof(why));
	uint64_t which;

	if (!known) {
		fprintf(stderr, "prove-repeat: %s\n", why);
		return -1;
	}
	question.answer = &verdict->engine;
	/* Beside a wrong answer it is another matter. */
	if (verdict->flaw == FLAW_TROUBLE)
		question.trouble = verdict->trouble;
	which = known_explain(known, &question);
	putchar(':');
	for (unsigned int i = 0; i < known_count(known); i++)
		if (which >> i & 1)
			printf(" %s", known_get(known, i)->name);
	known_free(known);
	return 0;
}

int main(int argc, char **argv)
{
	static struct prove_inputs inputs;
	struct prove_verdict verdict;
	const char *why;

	if (argc < 2 || argc > 3 || !take_inputs(&inputs)) {
		fputs("usage: prove-repeat ENGINE [KNOWN] <COUNTEREXAMPLE\n", stderr);
		return 2;
	}
	proved = engine_find(argv[1], &why);
	if (!proved) {
		fprintf(stderr, "prove-repeat: %s: %s\n", argv[1], why);
		return 2;
	}
	inputs.choices = rdpmc_default_choices;
	verdict = prove_read(&inputs);
	print_answer(&verdict.engine);
	if (!verdict.flaw) {
		puts("agrees");
		return 0;
	}
	printf("%s, %s, %s:", entry_name(inputs.entry), rdpmc_rules[verdict.model.decision.rule].id,
	       flaw_text(verdict.flaw));
	print_blamed(prove_blame(&inputs, &verdict));
	if (argc == 3 && print_known(argv[2], &inputs, &verdict))
		return 2;
	putchar('\n');
	return 1;
}
