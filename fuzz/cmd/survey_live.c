// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz/cmd/survey_live.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/cmd/command.h"
#include "fuzz/report/report.h"
#include "lib/array.h"
#include "lib/text.h"

/* A guest as the engine makes it. */
struct made_guest {
	struct rdpmc_view guest, host;
	struct rdpmc_policy policy;
};

static void make_guest(const struct trial *trial, const struct configuration *configuration,
		       struct made_guest *made)
{
	struct rdpmc_pmu guest, host;
	struct rdpmc_case asked;

	memset(made, 0, sizeof(*made)); /* compared as bytes */
	configuration_case(configuration, &asked);
	trial_clamp(trial, &asked, &guest, &host, &made->policy);
	rdpmc_view(&guest, &trial->choices, &made->guest);
	rdpmc_view(&host, &trial->choices, &made->host);
}

size_t survey_live_guests(FILE *out, const struct trial *trial, const struct configuration **chosen,
			  size_t n)
{
	struct made_guest one, other;
	char *names = NULL;
	size_t kept = 0, size;
	FILE *list = open_memstream(&names, &size);

	for (size_t i = 0, k; i < n; i++) {
		make_guest(trial, chosen[i], &one);
		for (k = 0; k < kept; k++) {
			make_guest(trial, chosen[k], &other);
			if (!memcmp(&one, &other, sizeof(one)))
				break;
		}
		if (k == kept)
			chosen[kept++] = chosen[i];
		else if (list)
			fprintf(list, "%s ", chosen[i]->name);
	}
	if (kept < n)
		fprintf(out,
			"%zu configurations left out, of which the engine makes the same guest as "
			"of another:\n",
			n - kept);
	if (list && !fclose(list) && kept < n)
		text_wrap(out, "", 4, TEXT_COLUMNS, names);
	free(names);
	return kept;
}

/* One of each shape; the bits of @number choose the state. False: there is no such one. */
static bool make_case(unsigned int number, struct rdpmc_case *made, struct case_bytes *bytes)
{
	const unsigned int mode = number >> 5, cpl = number & 3;
	const bool pce = number >> 2 & 1, code16 = number >> 3 & 1, paging = number >> 4 & 1;
	struct rdpmc_state *state = &made->state;

	if (code16 && mode != MODE_PROTECTED && mode != MODE_COMPATIBILITY)
		return false;
	if (paging && mode != MODE_PROTECTED && mode != MODE_VM86)
		return false;
	if ((mode == MODE_REAL && cpl) || (mode == MODE_VM86 && cpl != 3))
		return false;
	state->code16 = code16;
	state->cr0 = paging || mode >= MODE_COMPATIBILITY ? 1ULL << 31 : 0;
	state->cr4 = pce ? RDPMC_CR4_PCE : 0;
	/* Garbage where it must not matter. */
	state->regs = (struct rdpmc_regs){ .rax = 0xa5a5a5a5deadbeef,
					   .rcx = 0xc3c3c3c300000000,
					   .rdx = 0x5a5a5a5afeedface,
					   .rip = 0xfffffffe,
					   .rflags = 0x8d7 };
	case_set_mode(state, mode, cpl);
	case_encode(made, bytes);
	return true;
}

void survey_live_states(FILE *out, struct trial *trial, struct journal *journal,
			struct findings *findings)
{
	static const struct case_step steps[] = {
		{ .value = 31 },         { .value = 0xffff },     { .value = 0x40000000 },
		{ .value = 0x40000020 }, { .value = 0x20000000 }, { .value = 0x20000001 },
		{ .value = 0x10000 },    { .value = 0x80000000 }, { .value = 0x60000000 },
		{ STEP_LOCK, 1, 0 },     { .value = 0 },
	};
	struct {
		struct case_bytes bytes;
		struct case_step_bytes steps[ARRAY_SIZE(steps)];
	} whole = { 0 };
	const uint8_t *data = (const uint8_t *)&whole;
	char untried[TALLY_TEXT];
	struct finding finding;
	struct rdpmc_case made;

	configuration_case(&configurations[0], &made);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		case_step_encode(&steps[i], &whole.steps[i]);
	for (unsigned int number = 0; number < NR_MODES << 5 && !command_interrupted(); number++) {
		if (!make_case(number, &made, &whole.bytes))
			continue;
		command_journal_add(journal, data, sizeof(whole));
		command_journal_sync(journal);
		if (!trial_run(trial, data, sizeof(whole), &finding))
			findings_add(findings, &finding, "a legal state", data, sizeof(whole), 1);
	}
	tally_not_tried(&trial->tally, untried);
	fprintf(out, "%llu states: %llu reads answered%s%s\n",
		(unsigned long long)trial->tally.cases,
		(unsigned long long)tally_answered(&trial->tally), *untried ? "; limits: " : "",
		untried);
	report_remarks(out, trial);
	for (size_t i = 0; i < findings->kinds; i++)
		report_found(out, trial, &findings->found[i]);
	report_more(out, findings);
}
