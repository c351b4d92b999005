// SPDX-License-Identifier: GPL-2.0-or-later
/* The words of a survey's reports: one class, one configuration, one number. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/report.h"
#include "fuzz/survey_report.h"

struct survey_words survey_say(const char *format, ...)
{
	struct survey_words made;
	va_list ap;

	va_start(ap, format);
	vsnprintf(made.text, sizeof(made.text), format, ap);
	va_end(ap);
	return made;
}

const char *survey_entry(unsigned int entry)
{
	return entry < NR_ENTRIES      ? entry_name(entry)
	       : entry == SURVEY_SETUP ? "setup"
				       : "intercept";
}

const char *survey_vendor(const struct survey_key *key)
{
	return key->vendor == RDPMC_AMD ? "AMD" : "Intel";
}

const char *survey_answer_name(unsigned int answer)
{
	return answer == ANSWER_VALUE ? "value"
	       : answer == ANSWER_GP  ? "#GP"
	       : answer == ANSWER_UD  ? "#UD"
				      : "no proper answer";
}

const char *survey_instead(const struct survey_side *side)
{
	if (side->answer != side->model)
		return survey_answer_name(side->answer);
	if (side->oracles & ORACLE_OUTCOME)
		return side->model == ANSWER_VALUE ? "another value" : "another error code";
	if (side->oracles & ORACLE_NOTHING_ELSE)
		return "side effects";
	return side->oracles ? "complaint" : survey_answer_name(side->answer);
}

struct survey_words survey_number(uint64_t number)
{
	struct survey_words made = survey_say("%" PRIu64, number);
	char *text = made.text;

	for (size_t length = strlen(text), at = length; at > 3;) {
		at -= 3;
		memmove(text + at + 1, text + at, strlen(text + at) + 1);
		text[at] = ',';
	}
	return made;
}

struct survey_words survey_ecx(uint32_t ecx)
{
	return survey_say("%04X_%04XH", ecx >> 16, ecx & 0xffff);
}

struct survey_words survey_share(const struct survey_result *result,
				 const struct survey_class *class)
{
	uint64_t cases = survey_cases(result, class->key.entry);

	return survey_say("%.2g %%", cases ? 100.0 * (double)class->count / (double)cases : 0);
}

struct survey_words survey_count(const struct survey_class *class)
{
	return survey_say("%s%s", class->estimated ? "about " : "",
			  survey_number(class->count).text);
}

static uint32_t states_where(bool lock, bool allowed)
{
	uint32_t states = 0;
	struct rdpmc_state state;

	for (unsigned int i = 0; i < SURVEY_STATES; i++) {
		survey_state(i, &state);
		if (lock ? state.lock : !state.lock && rdpmc_allowed(&state) == allowed)
			states |= 1U << i;
	}
	return states;
}

static void name_state(unsigned int number, char *text, size_t size)
{
	static const char *const modes[NR_MODES] = { "real", "protected", "virtual-8086",
						     "compatibility", "64-bit" };
	struct rdpmc_state state;

	survey_state(number, &state);
	snprintf(text, size, "%s%s CPL %u PCE %d", state.lock ? "LOCK " : "", modes[state.mode],
		 state.cpl, !!(state.cr4 & RDPMC_CR4_PCE));
}

/* By the rule that tells them apart, or the first by name. */
struct survey_words survey_states_text(uint32_t states)
{
	const uint32_t lock = states_where(true, false), allowed = states_where(false, true),
		       denied = states_where(false, false);
	char first[80];
	int n = __builtin_popcount(states);

	if (!states)
		return survey_say("before any read");
	if (states == (lock | allowed | denied))
		return survey_say("every state");
	if (states == (allowed | denied))
		return survey_say("every state without LOCK");
	if (states == allowed)
		return survey_say("every state that PRIV allows");
	if (states == denied)
		return survey_say("every state that PRIV forbids");
	if (states == lock)
		return survey_say("every state with LOCK");
	name_state((unsigned int)__builtin_ctz(states), first, sizeof(first));
	return n == 1 ? survey_say("%s", first)
		      : survey_say("%d of %d states, first %s", n, SURVEY_STATES, first);
}

struct survey_words survey_place(const struct survey_result *result,
				 const struct survey_class *class)
{
	const char *first = result->survey->configurations[class->first]->name;

	if (class->n_configurations == 1)
		return survey_say("%s", first);
	return survey_say("%s and %zu more", first, class->n_configurations - 1);
}

struct survey_words survey_smallest(const struct survey_result *result,
				    const struct survey_class *class)
{
	const struct configuration *configuration = result->survey->configurations[class->first];
	struct survey_words made = { "" };
	struct rdpmc_state state;
	struct rdpmc_view view;
	FILE *out;

	if (class->key.entry >= NR_ENTRIES)
		return survey_say("guest %s", configuration->name);
	out = fmemopen(made.text, sizeof(made.text), "w");

	if (!out)
		return made;
	survey_state(class->example.state, &state);
	state.regs.rcx = class->example.ecx; /* that RCX[63:32] is not 0 is said once, of all */
	rdpmc_view(&configuration->guest, &result->survey->choices, &view);
	report_read(out, &state, &view);
	fclose(out);
	return made;
}

static struct survey_words gives(unsigned int answer, uint32_t error_code,
				 const struct rdpmc_regs *regs)
{
	if (answer == ANSWER_VALUE)
		return survey_say("EDX:EAX = %04X_%04X_%04X_%04XH",
				  (unsigned int)(regs->rdx >> 16 & 0xffff),
				  (unsigned int)(regs->rdx & 0xffff),
				  (unsigned int)(regs->rax >> 16 & 0xffff),
				  (unsigned int)(regs->rax & 0xffff));
	if (answer == ANSWER_GP)
		return survey_say("#GP(%u)", error_code);
	return survey_say("%s", answer == ANSWER_UD
					? "#UD"
					: "none that RDPMC has: the code gave up, another "
					  "exception or error code");
}

struct survey_words survey_model_gives(const struct survey_class *class, unsigned int side)
{
	const struct rdpmc_outcome *model = &class->example.model[side];

	return gives(model->decision.answer, 0, &model->regs);
}

struct survey_words survey_engine_gives(const struct survey_class *class, unsigned int side)
{
	const struct rdpmc_regs *right = &class->example.model[side].regs;
	const struct engine_answer *engine = &class->example.engine[side];
	const struct rdpmc_regs *regs = &engine->regs;
	struct survey_words made = gives(engine->answer, engine->error_code, regs);

	if (!(class->key.sides[side].oracles & ORACLE_NOTHING_ELSE))
		return made;
	return survey_say(
		"%.100s; changed that should not, or not that should:%s%s%s%s%s%s%s", made.text,
		engine->answer != ANSWER_VALUE && regs->rax != right->rax ? " RAX" : "",
		engine->answer != ANSWER_VALUE && regs->rdx != right->rdx ? " RDX" : "",
		regs->rcx != right->rcx ? " RCX" : "", regs->rip != right->rip ? " RIP" : "",
		regs->rflags != right->rflags ? " RFLAGS" : "",
		engine->elsewhere ? " CR0/CR4/CPL" : "",
		!engine->elsewhere && !memcmp(regs, right, sizeof(*regs)) ? " a counter" : "");
}

struct survey_words survey_known_names(const struct survey_result *result, unsigned int side,
				       uint64_t known)
{
	struct survey_words made = { "" };
	size_t at = 0;

	for (; known; known &= known - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(known);

		at += (size_t)snprintf(made.text + at, sizeof(made.text) - at, "%s%s",
				       at ? " + " : "",
				       known_get(result->survey->known[side], i)->name);
		if (at >= sizeof(made.text))
			break;
	}
	return made;
}

struct survey_words survey_reach(const struct survey_class *class)
{
	const char *rule =
		rdpmc_rules[class->key.vendor == RDPMC_AMD ? RULE_SVM_PRIORITY : RULE_VMX_PRIORITY]
			.id;

	if (class->key.entry != ENTRY_EXIT || class->reached == class->count)
		return survey_say("%s", "");
	if (!class->reached)
		return survey_say(
			"only visible to the function: a processor faults before the exit (%s)",
			rule);
	return survey_say(
		"a guest can bring %s of them to the exit, before the others it faults (%s)",
		survey_number(class->reached).text, rule);
}

struct survey_words survey_pass(const struct survey_side *side)
{
	static const char *const texts[NR_OBSTACLES] = {
		[OBSTACLE_NONE] = "it may be off",
		[OBSTACLE_VMWARE] = "the processor does not know the VMware pseudo counters",
		[OBSTACLE_NOT_MEDIATED] = "the processor's counters are not the guest's",
		[OBSTACLE_READABLE] = "guest or processor lets be read what the other does not",
		[OBSTACLE_WIDTH] = "guest and processor have counters of different widths",
		[OBSTACLE_CLEAR] = "the guest may ask for metrics clear, the processor has none",
		[OBSTACLE_USER_DISABLE] =
			"the guest may ask for user disable, the processor has none",
	};
	static const char *const classes[NR_CLASSES] = {
		[CLASS_GP] = "general-purpose",
		[CLASS_FIXED] = "fixed",
		[CLASS_METRICS] = "PERF_METRICS",
		[CLASS_OLD] = "not architectural",
		[CLASS_OLD_FAST] = "fast read",
		[CLASS_AMD_CORE] = "core",
		[CLASS_AMD_NB] = "data-fabric",
		[CLASS_AMD_L3] = "L3",
		[CLASS_AMD_NB_MORE] = "data-fabric, from 16 on",
		[CLASS_VMWARE] = "VMware",
	};
	const char *of = classes[side->class];

	return survey_say("%s%s%s%s", texts[side->obstacle], of ? " (" : "", of ? of : "",
			  of ? ")" : "");
}
