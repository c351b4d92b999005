// SPDX-License-Identifier: GPL-2.0-or-later
/* A finding in words. */
#include "fuzz/report/report.h"

#include <string.h>

#include "fuzz/oracle/choices.h"
#include "fuzz/report/names.h"
#include "lib/text.h"

const char *answer_name(unsigned int answer)
{
	return answer == ANSWER_VALUE        ? "value"
	       : answer == ANSWER_GP         ? "#GP"
	       : answer == ANSWER_UD         ? "#UD"
	       : answer == ANSWER_USER_SPACE ? "return to user space"
					     : "no proper answer";
}

const char *mismatch_name(const struct mismatch *mismatch)
{
	if (mismatch->answer != mismatch->model || !mismatch->oracles)
		return answer_name(mismatch->answer);
	if (mismatch->oracles & ORACLE_OUTCOME)
		return mismatch->model == ANSWER_VALUE ? "another value" : "another error code";
	if (mismatch->oracles & ORACLE_NOTHING_ELSE)
		return "side effects";
	return mismatch->oracles & ORACLE_TROUBLE ? "a splat" : "another outcome by another entry";
}

const char *mismatch_title(const struct mismatch *mismatch, char *text)
{
	const char *got = mismatch_name(mismatch);

	snprintf(text, MISMATCH_TITLE, "got %s%s, expected %s%s (rule %s)",
		 strcmp(got, "value") && mismatch->answer != ANSWER_USER_SPACE ? "" : "a ", got,
		 mismatch->model == ANSWER_VALUE ? "a " : "", answer_name(mismatch->model),
		 rdpmc_rules[mismatch->rule].id);
	return text;
}

const char *finding_title(const struct finding *finding, char *text)
{
	const struct mismatch mismatch = {
		finding->engine.answer,
		finding->model.decision.answer,
		finding->oracles & ~ORACLE_PASS_SOUND,
		finding->rule,
	};
	const char *more = finding->oracles & ORACLE_PASS_SOUND ? ", and NOT intercepted" : "";
	char title[MISMATCH_TITLE];

	if (finding->oracles == ORACLE_PASS_SOUND)
		snprintf(text, FINDING_TITLE, "NOT intercepted, expected an intercept (rule %s)",
			 rdpmc_rules[RULE_PASS_SOUND].id);
	else if (finding->unanswered)
		snprintf(text, FINDING_TITLE, "splat at %s%s",
			 finding->step ? "a step" : "the first read", more);
	else
		snprintf(text, FINDING_TITLE, "%s%s", mismatch_title(&mismatch, title), more);
	return text;
}

/* @error_code is #GP's; the registers hold a value's. */
static void report_answer(FILE *out, unsigned int answer, uint32_t error_code,
			  const struct rdpmc_regs *regs)
{
	if (answer == ANSWER_STRANGE)
		fprintf(out, "an exception that is neither #GP nor #UD, or without its error code");
	else if (answer == ANSWER_USER_SPACE)
		fprintf(out, "a return to user space");
	else if (answer == ANSWER_VALUE)
		fprintf(out, "EDX:EAX = %s", hex(regs->rdx << 32 | (uint32_t)regs->rax).text);
	else if (answer == ANSWER_UD)
		fprintf(out, "#UD");
	else
		fprintf(out, "#GP(%u)", error_code);
}

static void report_rule(FILE *out, enum rdpmc_rule rule)
{
	fprintf(out, "rule     %s: %s\n", rdpmc_rules[rule].id, rdpmc_rules[rule].text);
	fprintf(out, "source   %s\n", rdpmc_rules[rule].source);
}

static void report_model(FILE *out, const struct rdpmc_outcome *model)
{
	const struct rdpmc_decision *decision = &model->decision;

	report_answer(out, decision->answer, 0, &model->regs);
	if (decision->answer == ANSWER_VALUE)
		fprintf(out, ", %s%s%s", counter_name(decision->class, decision->index).text,
			decision->hidden ? ", hidden" : "",
			decision->clears ? ", which clears it and fixed counter 3" : "");
	if (model->single_step)
		fprintf(out, ", then #DB (single step)");
}

static void report_register(FILE *out, const char *name, uint64_t engine, uint64_t model)
{
	if (engine != model)
		fprintf(out, "differs  %s: expected %s, got %s\n", name, hex(model).text,
			hex(engine).text);
}

/* The bits of counter @x that the guest has; of one that it does not have, all. */
static uint64_t counter_bits(const struct rdpmc_view *guest, enum rdpmc_class class, unsigned int x)
{
	const bool has = x < 64 && guest->readable[class] >> x & 1;
	const unsigned int width = has ? guest->width[class] : 64;

	return width < 64 ? (1ULL << width) - 1 : ~0ULL;
}

static void report_counters(FILE *out, const struct rdpmc_view *guest,
			    const struct finding *finding)
{
	const enum rdpmc_class gp = guest->vendor == RDPMC_AMD ? CLASS_AMD_CORE : CLASS_GP;
	const struct rdpmc_counters *engine = &finding->counters, *model = &finding->expected;
	uint64_t mask;
	char name[64];

	for (unsigned int x = 0; x < finding->n_gp; x++) {
		snprintf(name, sizeof(name), "general-purpose counter %u", x);
		mask = counter_bits(guest, gp, x);
		report_register(out, name, engine->gp[x] & mask, model->gp[x] & mask);
	}
	for (unsigned int x = 0; x < finding->n_fixed; x++) {
		snprintf(name, sizeof(name), "fixed counter %u", x);
		mask = counter_bits(guest, CLASS_FIXED, x);
		report_register(out, name, engine->fixed[x] & mask, model->fixed[x] & mask);
	}
	report_register(out, "PERF_METRICS", engine->metrics, model->metrics);
	report_register(out, "FIXED_CTR_CTRL", engine->fixed_ctr_ctrl, model->fixed_ctr_ctrl);
	report_register(out, "PERFEVTSELx[37]", engine->gp_user_disable, model->gp_user_disable);
}

static void report_pass(FILE *out, const struct finding *finding)
{
	const struct rdpmc_pass *pass = &finding->pass;

	fprintf(out, "expected RDPMC intercepted: %s", obstacle_name(pass->obstacle));
	if (pass->class != CLASS_NONE)
		fprintf(out, " (%s)", counter_name(pass->class, pass->index).text);
	fprintf(out, "\ngot      RDPMC NOT intercepted (bug)\n");
	report_rule(out, RULE_PASS_SOUND);
}

bool report_reaches_exit(const struct trial *trial, const struct finding *finding)
{
	struct rdpmc_decision processor;
	struct rdpmc_view host;

	rdpmc_view(&finding->host, &trial->choices, &host);
	processor = rdpmc_decide_bare(&host, &finding->expected, &finding->state);
	return rdpmc_exits(host.vendor, &processor);
}

/* "step 2", or "the first read" */
static void report_place(FILE *out, const struct finding *finding)
{
	if (finding->step)
		fprintf(out, "at       step %zu", finding->step);
	else
		fprintf(out, "at       the first read");
}

/* A splat of a write, or of a read that the host refused. */
static void report_unanswered(FILE *out, const struct rdpmc_case *decoded,
			      const struct finding *finding)
{
	struct case_step step = { .op = STEP_READ, .value = finding->state.regs.rcx };

	if (finding->step)
		case_step(decoded, finding->step - 1, &step);
	report_place(out, finding);
	fprintf(out, ", without an answer: ");
	report_step(out, &step);
	fprintf(out, "splat    %s\n", finding->trouble);
}

void report_finding(FILE *out, const struct trial *trial, const struct rdpmc_case *decoded,
		    const struct finding *finding)
{
	const struct rdpmc_regs *engine = &finding->engine.regs, *model = &finding->model.regs;
	struct rdpmc_pmu offered, processor;
	struct rdpmc_policy policy;
	char oracles[REPORT_ORACLES];
	struct rdpmc_view guest;

	trial_clamp(trial, decoded, &offered, &processor, &policy);
	rdpmc_view(&offered, &trial->choices, &guest);
	if (trial->engine->real) {
		report_pmu(out, "clamped", &offered);
		report_pmu(out, "host CPU", &processor);
	}
	if (finding->oracles & ORACLE_PASS_SOUND) {
		report_pass(out, finding);
		if (finding->oracles == ORACLE_PASS_SOUND)
			return;
	}
	if (finding->unanswered) {
		report_unanswered(out, decoded, finding);
		return;
	}
	report_place(out, finding);
	fprintf(out, ": ");
	report_read(out, &finding->state, &guest);
	fprintf(out, "\nexpected ");
	report_model(out, &finding->model);
	fprintf(out, "\ngot      ");
	report_answer(out, finding->engine.answer, finding->engine.error_code, engine);
	fputc('\n', out);
	report_rule(out, finding->rule);
	if (finding->entry == ENTRY_EXIT && !report_reaches_exit(trial, finding))
		fprintf(out,
			"reach    not reachable by a guest: the CPU faults before the exit (%s)\n",
			rdpmc_rules[finding->host.vendor == RDPMC_AMD ? RULE_SVM_PRIORITY
								      : RULE_VMX_PRIORITY]
				.id);
	report_register(out, "RAX", engine->rax, model->rax);
	report_register(out, "RCX", engine->rcx, model->rcx);
	report_register(out, "RDX", engine->rdx, model->rdx);
	report_register(out, "RIP", engine->rip, model->rip);
	report_register(out, "RFLAGS", engine->rflags, model->rflags);
	if (finding->engine.single_step != finding->model.single_step)
		fprintf(out, "differs  %s #DB of a single step (DR6.BS) follows\n",
			finding->engine.single_step ? "a" : "no");
	report_counters(out, &guest, finding);
	if (*finding->changed)
		fprintf(out, "differs  %s\n", finding->changed);
	else if (finding->engine.other_state)
		fprintf(out, "differs  CR0, CR4, CPL or the mode has changed\n");
	if (finding->trouble)
		fprintf(out, "splat    %s\n", finding->trouble);
	if (finding->oracles & ORACLE_ENTRIES)
		fprintf(out, "entries  the engine's entries answer differently\n");
	fprintf(out, "oracle   %s; entry %s\n", report_oracles(finding->oracles, oracles),
		entry_name(finding->entry));
}

/* A processor with these PMUs, by one making of the choices, as it goes through a case. */
struct world {
	struct rdpmc_view guest, host;
	struct rdpmc_state state;
	struct rdpmc_counters counters;
	struct rdpmc_outcome outcome;
};

struct worlds {
	const struct rdpmc_choices *choices;
	struct world made, others[NR_CHOICES]; /* each with one choice made the other way */
};

static void world_begin(struct world *world, const struct rdpmc_case *decoded,
			const struct rdpmc_pmu *guest, const struct rdpmc_pmu *host,
			const struct rdpmc_choices *choices)
{
	unsigned int n_gp, n_fixed;

	rdpmc_view(guest, choices, &world->guest);
	rdpmc_view(host, choices, &world->host);
	world->state = decoded->state;
	case_counters(decoded, &world->guest, &world->counters, &n_gp, &n_fixed);
}

static bool world_step(struct world *world, const struct rdpmc_policy *policy,
		       const struct case_step *step)
{
	return trial_model_step(&world->guest, policy, &world->state, &world->counters, step,
				&world->outcome);
}

/* "with", or "without", and the choice's name. */
static void report_other(FILE *out, const struct worlds *worlds, unsigned int choice)
{
	struct rdpmc_choices made = *worlds->choices;

	fprintf(out, "         with%s %s: ", *choice_of(&made, choice) ? "out" : "",
		choice_name(choice));
}

static void report_made(FILE *out, const struct worlds *worlds)
{
	const struct rdpmc_outcome *made = &worlds->made.outcome, *other;
	const struct rdpmc_rule_text *rule = &rdpmc_rules[made->decision.rule];

	report_model(out, made);
	fprintf(out, "\n         rule %s: %s\n         (%s)\n", rule->id, rule->text, rule->source);
	for (unsigned int i = 0; i < NR_CHOICES; i++) {
		other = &worlds->others[i].outcome;
		if (made->decision.answer == other->decision.answer &&
		    made->decision.clears == other->decision.clears &&
		    made->regs.rax == other->regs.rax && made->regs.rdx == other->regs.rdx)
			continue;
		report_other(out, worlds, i);
		report_model(out, other);
		fputc('\n', out);
	}
}

static bool may_pass(const struct world *world, const struct rdpmc_policy *policy)
{
	return rdpmc_may_pass(&world->host, &world->guest, policy).obstacle == OBSTACLE_NONE;
}

/* What a processor with these PMUs answers to the case's reads. */
static void answers_of(FILE *out, const struct rdpmc_case *decoded, const struct rdpmc_pmu *guest,
		       const struct rdpmc_pmu *host, const struct rdpmc_policy *policy,
		       const struct rdpmc_choices *choices)
{
	static const char *const exits[] = { "must be intercepted", "need not be intercepted" };
	struct worlds worlds = { .choices = choices };
	struct case_step step = { .op = STEP_READ, .value = decoded->state.regs.rcx };
	struct rdpmc_choices other;
	bool may;

	world_begin(&worlds.made, decoded, guest, host, choices);
	for (unsigned int i = 0; i < NR_CHOICES; i++) {
		other = *choices;
		*choice_of(&other, i) ^= 1;
		world_begin(&worlds.others[i], decoded, guest, host, &other);
	}
	for (size_t number = 0;; number++) {
		for (unsigned int i = 0; i < NR_CHOICES; i++)
			world_step(&worlds.others[i], policy, &step);
		if (world_step(&worlds.made, policy, &step)) {
			fprintf(out, number ? "read %-4zuexpected " : "read     expected ", number);
			report_made(out, &worlds);
		}
		if (number == decoded->n_steps)
			break;
		case_step(decoded, number, &step);
	}
	may = may_pass(&worlds.made, policy);
	fprintf(out, "exits    RDPMC %s\n", exits[may]);
	for (unsigned int i = 0; i < NR_CHOICES; i++) {
		if (may_pass(&worlds.others[i], policy) == may)
			continue;
		report_other(out, &worlds, i);
		fprintf(out, "%s\n", exits[!may]);
	}
}

void report_answers(FILE *out, const struct trial *trial, const struct rdpmc_case *decoded)
{
	struct rdpmc_pmu offered, processor;
	struct rdpmc_policy policy;

	answers_of(out, decoded, &decoded->guest, &decoded->host, &decoded->policy,
		   &trial->choices);
	if (!trial_clamp(trial, decoded, &offered, &processor, &policy))
		return;
	/* The engine does not support this guest PMU: what is right for the one that it gives. */
	report_pmu(out, "clamped", &offered);
	answers_of(out, decoded, &offered, &processor, &policy, &trial->choices);
}

void report_found(FILE *out, const struct trial *trial, const struct found *found)
{
	struct rdpmc_case decoded;
	char title[FINDING_TITLE];

	case_decode(found->data, found->size, &decoded);
	fprintf(out, "%s; %llu case%s, first: %s\n", finding_title(&found->finding, title),
		(unsigned long long)found->count, PLURAL(found->count), found->name);
	report_case(out, &decoded);
	report_finding(out, trial, &decoded, &found->finding);
	report_bytes(out, found->data, found->size, NULL, NULL, "");
}

void report_more(FILE *out, const struct findings *findings)
{
	if (findings->more)
		fprintf(out, "%llu more case%s, of other kinds than these %zu\n\n",
			(unsigned long long)findings->more, PLURAL(findings->more),
			findings->kinds);
}

void report_remarks(FILE *out, const struct trial *trial)
{
	const char *text;

	for (unsigned int line = 0; trial->engine->remark; line++) {
		text = trial->engine->remark(trial->vcpu, line);
		if (!text)
			break;
		if (*text)
			fprintf(out, "%s\n", text);
	}
}
