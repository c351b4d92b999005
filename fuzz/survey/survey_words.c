// SPDX-License-Identifier: GPL-2.0-or-later
/* A survey's words: one class, one state, one number. */
#include <inttypes.h>
#include <string.h>

#include "fuzz/report/names.h"
#include "fuzz/survey/survey_report.h"

struct survey_words survey_format(const char *format, ...)
{
	struct survey_words made;
	va_list ap;

	va_start(ap, format);
	vsnprintf(made.text, sizeof(made.text), format, ap);
	va_end(ap);
	return made;
}

void survey_append(struct survey_words *list, const char *separator, const char *text)
{
	size_t at = strlen(list->text);

	snprintf(list->text + at, sizeof(list->text) - at, "%s%s", at ? separator : "", text);
}

const char *survey_name(const struct survey_report *report, unsigned int side)
{
	return report->names[side] ? report->names[side]
				   : report->result->survey->engines[side]->name;
}

const char *survey_entry(unsigned int entry)
{
	return entry < NR_ENTRIES      ? entry_name(entry)
	       : entry == SURVEY_SETUP ? "setup"
				       : "intercept";
}

const char *survey_got(const struct survey_side *side)
{
	const struct mismatch mismatch = { side->answer, side->model, side->oracles, side->rule };

	return mismatch_name(&mismatch);
}

struct survey_words survey_count(uint64_t number)
{
	struct survey_words made = survey_format("%" PRIu64, number);
	char *text = made.text;

	for (size_t length = strlen(text), at = length; at > 3;) {
		at -= 3;
		memmove(text + at + 1, text + at, strlen(text + at) + 1);
		text[at] = ',';
	}
	return made;
}

struct survey_words survey_state_text(unsigned int number)
{
	struct rdpmc_state state;

	survey_state(number, &state);
	return survey_format(
		"%s mode, CPL %u, CR4.PCE = %d%s%s%s", mode_full_name(state.mode), state.cpl,
		!!(state.cr4 & RDPMC_CR4_PCE), state.lock ? ", LOCK prefix" : "",
		state.n_prefixes || state.rex
			? survey_format(", an instruction of %u bytes", rdpmc_length(&state)).text
			: "",
		state.regs.rflags & RDPMC_RFLAGS_TF ? ", RFLAGS.TF = 1" : "");
}

struct survey_words survey_smallest(const struct survey_result *result,
				    const struct survey_class *class)
{
	if (!class->n_configurations)
		return survey_format("random case %" PRIu64 " of seed %u%s, ECX = 0x%08x",
				     class->example.made, SURVEY_SEED,
				     class->example.step ? ", after other steps" : "",
				     class->example.ecx);
	if (class->key.entry >= NR_ENTRIES)
		return survey_format("guest %s",
				     result->survey->configurations[class->first]->name);
	/* That RCX[63:32] is not 0 is said once, of all. */
	return survey_format("%.200s, ECX = 0x%08x", survey_state_text(class->example.state).text,
			     class->example.ecx);
}
