// SPDX-License-Identifier: GPL-2.0-or-later
/* Known differences: whether they explain an answer. json/known_json.c reads them. */
#include "fuzz/oracle/known/known.h"

#include "fuzz/case/cpuid.h"

static uint64_t operand(const struct known_world *world, const struct known_operand *operand)
{
	return operand->field ? known_field_get(world, operand->field) : operand->number;
}

static uint64_t value(const struct known_world *world, const struct known_expression *expression)
{
	uint64_t a = operand(world, &expression->a), b;

	if (expression->operator== KNOWN_NOTHING)
		return a;
	b = operand(world, &expression->b);
	if (expression->operator== KNOWN_MIN)
		return a < b ? a : b;
	return a & b;
}

static bool holds(const struct known_world *world, const struct known_condition *condition)
{
	uint64_t a = value(world, &condition->left), b = value(world, &condition->right);

	switch (condition->relation) {
	case KNOWN_EQUAL:
		return a == b;
	case KNOWN_DIFFERENT:
		return a != b;
	case KNOWN_LESS:
		return a < b;
	default: /* KNOWN_NOT_LESS */
		return a >= b;
	}
}

static bool when(const struct known_world *world, const struct known_entry *entry)
{
	for (unsigned int i = 0; i < entry->n_conditions; i++)
		if (!holds(world, &entry->conditions[i]))
			return false;
	return true;
}

void known_core(struct known_world *world)
{
	if (world->guest.vendor == RDPMC_AMD)
		world->guest_core = (uint8_t)cpuid_core_counters(&world->guest);
}

/* Does that change anything? */
static bool apply(struct known_world *world, const struct known_entry *entry)
{
	bool changed = false;

	known_core(world);
	for (unsigned int i = 0; i < entry->n_assignments; i++) {
		const struct known_field *field = entry->assignments[i].field;
		uint64_t before = known_field_get(world, field);

		known_field_set(world, field, value(world, &entry->assignments[i].expression));
		changed |= known_field_get(world, field) != before;
	}
	return changed;
}

void known_to_world(const struct known_question *question, struct known_world *world)
{
	const struct rdpmc_state *state = question->state;
	struct cpuid_counts counts;

	*world = (struct known_world){
		.guest = *question->guest,
		/* No kernel runs a guest of the other vendor's PMU: it is tried on its own host. */
		.host = question->guest->vendor == question->host->vendor ? *question->host
									  : *question->guest,
		.backdoor = question->policy->vmware_backdoor,
		.mediated = question->policy->mediated_pmu,
		.ecx = (uint32_t)state->regs.rcx,
		.value_bits = 64,
		.entry = question->answer || question->trouble ? question->entry : KNOWN_INTERCEPT,
		.mode = state->mode,
		.cpl = (uint8_t)rdpmc_cpl(state),
		.allowed = rdpmc_allowed(state),
		.lock = state->lock,
		.pe = state->cr0 & RDPMC_CR0_PE,
		.pce = state->cr4 & RDPMC_CR4_PCE,
	};
	known_core(world);
	counts = cpuid_perf_counts(&world->host);
	world->host_gp = counts.gp;
	world->host_fixed = counts.fixed;
}

static void guest_view(const struct known_question *question, const struct known_world *world,
		       struct rdpmc_view *view)
{
	const struct rdpmc_pmu none = { .vendor = world->guest.vendor };

	rdpmc_view(world->no_pmu ? &none : &world->guest, question->choices, view);
}

struct rdpmc_pass known_pass(const struct known_question *question, const struct known_world *world)
{
	const struct rdpmc_policy policy = { world->backdoor && !world->no_pmu, world->mediated };
	struct rdpmc_view guest, host;

	guest_view(question, world, &guest);
	rdpmc_view(&world->host, question->choices, &host);
	return rdpmc_may_pass(&host, &guest, &policy);
}

struct rdpmc_outcome known_outcome(const struct known_question *question,
				   const struct known_world *world)
{
	const struct rdpmc_policy policy = { world->backdoor && !world->no_pmu, world->mediated };
	struct rdpmc_state state = *question->state;
	struct rdpmc_outcome outcome;
	struct rdpmc_view guest;

	guest_view(question, world, &guest);
	state.regs.rcx = world->ecx;
	state.cr0 = (state.cr0 & ~RDPMC_CR0_PE) | (world->pe ? RDPMC_CR0_PE : 0);
	state.cr4 = (state.cr4 & ~RDPMC_CR4_PCE) | (world->pce ? RDPMC_CR4_PCE : 0);
	outcome.decision = rdpmc_decide(&guest, &policy, question->counters, &state);
	outcome.value = rdpmc_value(&outcome.decision, question->counters);
	if (world->value_bits < 64)
		outcome.value &= (1ULL << world->value_bits) - 1;
	outcome.regs = rdpmc_result(&outcome.decision, question->state, outcome.value);
	outcome.single_step = rdpmc_single_step(&outcome.decision, question->state);
	return outcome;
}

/* Is the engine's answer that of a processor in such a world? */
static bool answers(const struct known_question *question, const struct known_world *world)
{
	const struct engine_answer *answer = question->answer;
	struct rdpmc_outcome outcome;

	if (!answer)
		return known_pass(question, world).obstacle == OBSTACLE_NONE;
	outcome = known_outcome(question, world);
	if (question->clocks && outcome.decision.class == CLASS_VMWARE &&
	    answer->answer == ANSWER_VALUE)
		outcome.regs =
			rdpmc_result(&outcome.decision, question->state, engine_value(answer));
	return answer->answer == outcome.decision.answer && !answer->error_code &&
	       !answer->other_state && answer->single_step == outcome.single_step &&
	       engine_same_regs(&answer->regs, &outcome.regs);
}

/* The same with all differences of @which at once, in their order. */
static bool answers_with(const struct known *known, const struct known_question *question,
			 struct known_world world, uint64_t which)
{
	for (; which; which &= which - 1)
		apply(&world, &known->entries[__builtin_ctzll(which)]);
	return answers(question, &world);
}

/* Of @all, which explain together, those without which the rest does not. */
static uint64_t needed(const struct known *known, const struct known_question *question,
		       const struct known_world *world, uint64_t all)
{
	uint64_t kept = all;

	for (uint64_t rest = all; rest; rest &= rest - 1) {
		uint64_t one = rest & -rest;

		if (answers_with(known, question, *world, kept & ~one))
			kept &= ~one;
	}
	return kept;
}

/* What follows in @text if it begins with @piece, up to its end or '*'; NULL: it does not. */
static const char *behind(const char *piece, const char *text)
{
	for (; *piece && *piece != '*'; piece++, text++)
		if (*text != *piece)
			return NULL;
	return text;
}

bool known_allows(const char *trouble, const char *complaint)
{
	const char *rest;

	for (;;) {
		/* The first place will do: what comes before the next piece is anything. */
		while (!(rest = behind(trouble, complaint)))
			if (!*complaint++)
				return false;
		complaint = rest;
		while (*trouble && *trouble != '*')
			trouble++;
		if (!*trouble++)
			return true;
	}
}

uint64_t known_explain(struct known *known, const struct known_question *question)
{
	uint64_t as = 0, troubled = 0, any = 0, explained;
	struct known_world world, changed;

	known_to_world(question, &world);
	changed = world;
	for (unsigned int i = 0; i < known->count; i++) {
		const struct known_entry *entry = &known->entries[i];

		if (!when(&world, entry))
			continue;
		if (entry->n_assignments)
			as |= (uint64_t)apply(&changed, entry) << i;
		else if (!entry->trouble)
			any |= 1ULL << i;
		else if (question->trouble && known_allows(entry->trouble, question->trouble))
			*(entry->any_answer ? &any : &troubled) |= 1ULL << i;
	}
	if (question->trouble && !troubled && !any)
		return 0;
	if (!question->answer && question->trouble)
		explained = troubled; /* of no read, so of no world either */
	else if (answers(question, &changed))
		explained = troubled | needed(known, question, &world, as);
	else if (any)
		explained = troubled | any;
	else
		return 0;
	if (question->trouble && !troubled)
		explained |= any;
	for (uint64_t rest = explained; rest; rest &= rest - 1)
		known->entries[__builtin_ctzll(rest)].difference.happened++;
	return explained;
}

bool known_any(const struct known *known, const struct known_question *question)
{
	struct known_world world;

	known_to_world(question, &world);
	for (unsigned int i = 0; i < known->count; i++) {
		const struct known_entry *entry = &known->entries[i];

		if (!entry->n_assignments && !entry->trouble && when(&world, entry))
			return true;
	}
	return false;
}

unsigned int known_count(const struct known *known)
{
	return known ? known->count : 0;
}

struct known_difference *known_get(struct known *known, unsigned int i)
{
	return &known->entries[i].difference;
}
