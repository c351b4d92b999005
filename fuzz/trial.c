// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases through an engine, and the oracles. */
#include "fuzz/trial.h"

#include <stdio.h>
#include <string.h>

int trial_init(struct trial *trial, const struct engine *engine, const char **why)
{
	memset(trial, 0, sizeof(*trial));
	trial->engine = engine;
	trial->choices = rdpmc_default_choices;
	trial->vcpu = engine->create(why);
	if (!trial->vcpu)
		return -1;
	trial->entries = engine->entries;
	if (engine->has)
		trial->entries &= engine->has(trial->vcpu);
	return 0;
}

void trial_free(struct trial *trial)
{
	trial->engine->destroy(trial->vcpu);
	trial->vcpu = NULL;
}

void tally_add(struct tally *into, const struct tally *from)
{
	into->cases += from->cases;
	into->reads += from->reads;
	into->values += from->values;
	into->faults += from->faults;
	into->legalised += from->legalised;
	into->impossible += from->impossible;
	into->offered += from->offered;
	into->unreached += from->unreached;
	into->choice += from->choice;
	into->passed += from->passed;
	into->costly += from->costly;
	into->known += from->known;
	into->unjudged += from->unjudged;
	into->adapted += from->adapted;
	into->answered += from->answered;
	into->refused += from->refused;
	if (!into->refusal[0])
		memcpy(into->refusal, from->refusal, sizeof(into->refusal));
	for (int i = 0; i < NR_WAYS; i++)
		into->ways[i] += from->ways[i];
	into->no |= from->no;
	into->yes |= from->yes;
	for (int i = 0; i < NR_RULES; i++)
		into->decided[i] += from->decided[i];
	for (int i = 0; i < NR_OBSTACLES; i++)
		into->obstacles[i] += from->obstacles[i];
}

static void asked(struct tally *tally, enum rdpmc_rule rule, bool yes)
{
	*(yes ? &tally->yes : &tally->no) |= 1U << rule;
}

static void asked_all(struct tally *tally, const struct rdpmc_decision *decision)
{
	tally->no |= decision->no;
	tally->yes |= decision->yes;
}

/* The known differences that explain an answer, or with none the intercept; 0: it is new. */
static uint64_t explain(const struct trial_run *run, enum entry entry,
			const struct rdpmc_counters *before, const struct engine_answer *answer,
			const char *trouble)
{
	const struct known_question question = {
		.guest = &run->offered,
		.host = &run->processor,
		.policy = &run->policy,
		.choices = &run->trial->choices,
		.state = &run->state,
		.counters = before,
		.entry = entry != ENTRY_PLAIN                    ? entry
			 : answer && answer->way == WAY_EMULATED ? ENTRY_EMULATOR
								 : ENTRY_EXIT,
		.answer = answer,
		.trouble = trouble,
		.clocks = run->trial->engine->real,
	};

	return run->trial->known ? known_explain(run->trial->known, &question) : 0;
}

/*
 * Without an exit it was the processor that answered, by its own rules. That is the kernel's deviation where it
 * is known to let reads pass that it should not; and then it is what this processor gives, but for the
 * value: the counter is the host's own.
 */
static uint64_t explain_passed(const struct trial_run *run, const struct rdpmc_decision *guest,
			       const struct engine_answer *answer)
{
	struct rdpmc_decision host =
		rdpmc_decide_bare(&run->host, &run->counters, &run->state);
	uint64_t value = (uint32_t)answer->regs.rax | answer->regs.rdx << 32;
	struct rdpmc_regs regs = rdpmc_result(&host, &run->state, value);

	/* A counter that is the guest's own as well has the guest's value. */
	if (guest->answer == ANSWER_VALUE && guest->class == host.class && guest->index == host.index)
		return 0;
	if (answer->answer != host.answer || answer->error_code || answer->elsewhere ||
	    !engine_same_regs(&answer->regs, &regs) ||
	    (host.answer == ANSWER_VALUE && host.width < 64 && value >> host.width))
		return 0;
	return explain(run, ENTRY_EXIT, NULL, NULL, NULL);
}

/* Counts a difference. True if the case goes on: it is known, or there is somebody to tell. */
static bool goes_on(struct trial *trial, uint64_t known)
{
	trial->tally.known += !!known;
	return known || trial->tell;
}

/* PASS-SOUND and PASS-MINIMAL: the engine's decision against what the rules allow. */
static void judge_intercept(struct trial_run *run)
{
	struct tally *tally = &run->trial->tally;
	struct rdpmc_pass pass = rdpmc_may_pass(&run->host, &run->guest, &run->policy);
	enum intercept intercept = run->trial->engine->intercepts(run->trial->vcpu);
	bool sound = pass.obstacle == OBSTACLE_NONE;
	struct finding found = { .oracles = ORACLE_PASS_SOUND };

	run->trial->obstacle = pass.obstacle;
	tally->obstacles[pass.obstacle]++;
	tally->passed += intercept == INTERCEPT_OFF;
	tally->costly += intercept == INTERCEPT_ON && sound;
	tally->unjudged += intercept == INTERCEPT_UNKNOWN;
	asked(tally, RULE_PASS_SOUND, sound);
	asked(tally, RULE_PASS_MINIMAL, intercept == INTERCEPT_ON && sound);
	asked(tally, RULE_VMX_PASS, intercept == INTERCEPT_OFF);
	if (sound || intercept != INTERCEPT_OFF)
		return;
	found.state = run->state;
	found.pass = pass;
	found.known = explain(run, ENTRY_EXIT, NULL, NULL, NULL);
	if (run->trial->tell)
		run->trial->tell(run->trial->opaque, &found);
	if (goes_on(run->trial, found.known))
		return;
	run->finding->oracles |= ORACLE_PASS_SOUND;
	run->finding->state = run->state;
	run->finding->pass = pass;
}

/* By the bare processor's rules: would the read exit if intercepted? Noted for the rules' sake. */
static void ask_processor(struct trial_run *run)
{
	struct rdpmc_decision decision = rdpmc_decide_bare(&run->host, &run->counters, &run->state);

	rdpmc_exits(run->host.vendor, &decision);
	asked_all(&run->trial->tally, &decision);
}

static bool same_decision(const struct rdpmc_decision *a, const struct rdpmc_decision *b)
{
	return a->answer == b->answer && a->class == b->class && a->index == b->index &&
	       a->hidden == b->hidden && a->clears == b->clears;
}

/*
 * What no engine is held to: the guest as it was asked for, where the engine cannot give it, and a
 * processor that chose otherwise where the hardware has a choice.
 */
static __attribute__((noinline)) void ask_further(struct trial_run *run)
{
	static const struct rdpmc_choices choices[] = {
		{ .metrics_any_index = false },
		{ .metrics_any_index = true },
		{ .user_disable_metrics = true },
		{ .vmware_needs_pmu = true },
	};
	enum { N = sizeof(choices) / sizeof(choices[0]) };
	const struct rdpmc_case *asked = run->decoded;
	struct tally *tally = &run->trial->tally;
	struct rdpmc_outcome outcome[N];
	struct rdpmc_pass pass[N];
	bool hangs = false;
	struct rdpmc_counters counters;
	struct rdpmc_view guest, host;
	unsigned int n_gp, n_fixed;

	for (int i = 0; i < N; i++) {
		rdpmc_view(&asked->guest, &choices[i], &guest);
		rdpmc_view(&asked->host, &choices[i], &host);
		case_counters(asked, &guest, &counters, &n_gp, &n_fixed);
		counters.fixed_ctr_ctrl = run->counters.fixed_ctr_ctrl;
		counters.gp_user_disable = run->counters.gp_user_disable;
		outcome[i] = rdpmc_execute(&guest, &run->policy, &run->state, &counters);
		asked_all(tally, &outcome[i].decision);
		pass[i] = rdpmc_may_pass(&host, &guest, &run->policy);
	}
	for (int i = 1; i < N; i++)
		hangs |= !same_decision(&outcome[0].decision, &outcome[i].decision) ||
			 pass[0].obstacle != pass[i].obstacle;
	tally->choice += hangs;
}

/*
 * @clocks: VMware's pseudo counters are the hypervisor's own clocks and not a case's: any 64 bits of
 * them will do.
 */
static unsigned int judge_answer(const struct rdpmc_outcome *model,
				 const struct engine_answer *engine, bool clocks)
{
	const struct rdpmc_regs *ours = &model->regs, *theirs = &engine->regs;
	bool value = model->decision.answer == ANSWER_VALUE;
	unsigned int oracles = 0;

	if (engine->answer != model->decision.answer || engine->error_code)
		return ORACLE_OUTCOME;
	if (clocks && value && model->decision.class == CLASS_VMWARE)
		oracles |= theirs->rax >> 32 || theirs->rdx >> 32 ? ORACLE_OUTCOME : 0;
	else if (ours->rax != theirs->rax || ours->rdx != theirs->rdx)
		oracles |= value ? ORACLE_OUTCOME : ORACLE_NOTHING_ELSE;
	if (engine->elsewhere || ours->rcx != theirs->rcx || ours->rip != theirs->rip ||
	    ours->rflags != theirs->rflags)
		oracles |= ORACLE_NOTHING_ELSE;
	return oracles;
}

static bool same_answer(const struct engine_answer *a, const struct engine_answer *b)
{
	return a->answer == b->answer && a->error_code == b->error_code &&
	       engine_same_regs(&a->regs, &b->regs);
}

static void note(const struct trial_run *run, enum entry entry, size_t step,
		 const struct rdpmc_outcome *model, const struct engine_answer *answer,
		 struct finding *finding)
{
	const struct trial *trial = run->trial;

	finding->entry = entry;
	finding->step = step;
	finding->state = run->state;
	finding->model = *model;
	finding->engine = *answer;
	finding->engine.changed = finding->engine.refused = NULL; /* good until the next read */
	finding->changed[0] = '\0';
	if (answer->changed)
		snprintf(finding->changed, sizeof(finding->changed), "%s", answer->changed);
	finding->expected = run->counters;
	finding->n_gp = run->n_gp;
	finding->n_fixed = run->n_fixed;
	trial->engine->counters(trial->vcpu, &finding->counters, run->n_gp, run->n_fixed);
}

/* Did the engine's code complain of itself? */
static const char *trouble_of(const struct trial *trial)
{
	return trial->engine->trouble ? trial->engine->trouble(trial->vcpu) : NULL;
}

/* The same where no answer has it: of a write, or of a read that the host refused. */
static __attribute__((noinline)) void judge_trouble(struct trial_run *run, enum entry entry,
						    size_t step, const char *trouble)
{
	struct trial *trial = run->trial;
	struct finding found = { .oracles = ORACLE_TROUBLE,
				 .entry = entry,
				 .step = step,
				 .state = run->state,
				 .unanswered = true,
				 .trouble = trouble };

	found.known = explain(run, entry, NULL, NULL, trouble);
	if (trial->tell)
		trial->tell(trial->opaque, &found);
	if (goes_on(trial, found.known) || run->finding->oracles & ~ORACLE_PASS_SOUND)
		return;
	found.oracles |= run->finding->oracles;
	found.pass = run->finding->pass;
	*run->finding = found;
}

/* One read under way, by one entry after the other. */
struct reading {
	size_t step;
	struct rdpmc_outcome model;
	struct rdpmc_counters before;         /* where the read may clear some */
	const struct rdpmc_counters *restore; /* each entry starts from these */
	const struct engine_answer *first;    /* the entry before */
	bool held, differs;
};

static void read_begin(struct trial_run *run, uint64_t rcx, size_t step, struct reading *reading)
{
	struct trial *trial = run->trial;
	struct tally *tally = &trial->tally;
	struct rdpmc_outcome *model = &reading->model;

	trial->answered = 0;
	reading->step = step;
	reading->restore = &run->counters;
	reading->first = NULL;
	reading->held = true;
	reading->differs = false;
	run->state.regs.rcx = rcx;
	if (trial->engine->adapt)
		tally->adapted += trial->engine->adapt(trial->vcpu, &run->state);
	if (!step)
		ask_processor(run);
	if (trial->thorough)
		ask_further(run);
	if (run->guest.metrics_clear) {
		reading->before = run->counters;
		reading->restore = &reading->before;
	}
	*model = rdpmc_execute(&run->guest, &run->policy, &run->state, &run->counters);
	asked_all(tally, &model->decision);
	trial->decided |= 1U << model->decision.rule;
	tally->decided[model->decision.rule]++;
	tally->reads++;
	tally->values += model->decision.answer == ANSWER_VALUE;
	tally->faults += model->decision.answer != ANSWER_VALUE;
}

/* Is the read to be tried by this entry? VMX-PRIORITY, SVM-PRIORITY: a LOCK prefix never exits. */
static bool read_comes_to(struct trial_run *run, enum entry entry)
{
	if (!(run->trial->entries & 1U << entry))
		return false;
	if (entry != ENTRY_EXIT || !run->state.lock)
		return true;
	run->trial->tally.unreached++;
	return false;
}

/*
 * Out of read_judge(): what most reads have no use for would be room on its stack, which sanitizers make
 * ready and clear for each of them.
 */
static __attribute__((noinline)) void read_differs(struct trial_run *run, struct reading *reading,
						   enum entry entry,
						   const struct engine_answer *answer,
						   const char *trouble, unsigned int oracles)
{
	struct trial *trial = run->trial;
	bool passed = entry == ENTRY_PLAIN && answer->way == WAY_NO_EXIT && !trouble;
	uint64_t known = !reading->held ? 0
			 : passed       ? explain_passed(run, &reading->model.decision, answer)
					: explain(run, entry, reading->restore, answer, trouble);

	if (trial->tell) {
		struct finding found = { .oracles = oracles, .trouble = trouble, .known = known };

		note(run, entry, reading->step, &reading->model, answer, &found);
		trial->tell(trial->opaque, &found);
	}
	if (goes_on(trial, known)) {
		reading->differs = true;
		return;
	}
	/* Of two that are wrong the first is reported; one that only differs from it is right. */
	if (!(run->finding->oracles & ~ORACLE_PASS_SOUND) || run->finding->unanswered) {
		run->finding->trouble = trouble ? trouble : run->finding->trouble;
		run->finding->unanswered = false;
		note(run, entry, reading->step, &reading->model, answer, run->finding);
	}
	run->finding->oracles |= oracles;
}

static void read_judge(struct trial_run *run, struct reading *reading, enum entry entry,
		       const struct engine_answer *answer)
{
	struct trial *trial = run->trial;
	const struct engine *engine = trial->engine;
	const char *trouble = trouble_of(trial);
	unsigned int oracles;

	if (answer->refused) {
		if (!trial->tally.refused++)
			snprintf(trial->tally.refusal, sizeof(trial->tally.refusal), "%s",
				 answer->refused);
		if (trouble)
			judge_trouble(run, entry, reading->step, trouble);
		return;
	}
	trial->answered |= 1U << entry;
	trial->tally.answered++;
	trial->tally.ways[answer->way]++;
	oracles = judge_answer(&reading->model, answer, engine->real);
	reading->held = engine->holds(trial->vcpu, &run->counters, run->n_gp, run->n_fixed);
	if (!reading->held)
		oracles |= ORACLE_NOTHING_ELSE;
	/* Nor are two reads of a clock the same. */
	if (reading->first && !same_answer(reading->first, answer) && !reading->differs &&
	    !(engine->real && reading->model.decision.class == CLASS_VMWARE))
		oracles |= ORACLE_ENTRIES;
	reading->first = answer;
	if (trouble)
		oracles |= ORACLE_TROUBLE;
	if (oracles)
		read_differs(run, reading, entry, answer, trouble, oracles);
}

static void reload(struct trial_run *run, const struct rdpmc_counters *counters)
{
	run->trial->engine->load(run->trial->vcpu, counters, run->n_gp, run->n_fixed);
}

/* What goes on after a difference goes on from what the model says. */
static bool read_end(struct trial_run *run, const struct reading *reading)
{
	if (!reading->held)
		reload(run, &run->counters);
	return !(run->finding->oracles & ~ORACLE_PASS_SOUND);
}

bool trial_read(struct trial_run *run, uint64_t rcx, size_t step)
{
	struct trial *trial = run->trial;
	struct engine_answer answers[NR_ENTRIES];
	struct reading reading;

	read_begin(run, rcx, step, &reading);
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++) {
		struct engine_answer *answer = &answers[entry];

		if (!read_comes_to(run, entry))
			continue;
		if (reading.first && (reading.model.decision.clears || !reading.held))
			reload(run, reading.restore);
		answer->way = WAY_UNKNOWN;
		answer->refused = answer->changed = NULL;
		trial->engine->read(trial->vcpu, entry, &run->state, answer);
		read_judge(run, &reading, entry, answer);
	}
	return read_end(run, &reading);
}

size_t trial_read_list(struct trial_run *run, const uint32_t *ecxs, size_t count,
		       void (*found)(void *opaque, const struct trial_run *run), void *opaque)
{
	enum { AT_ONCE = 256 };
	struct trial *trial = run->trial;
	const struct engine *engine = trial->engine;
	const uint64_t high = run->state.regs.rcx & ~0xffffffffULL;
	/* A read that clears counters is looked at by itself. */
	const bool by_list = engine->read_list && !run->guest.metrics_clear;
	struct engine_answer answers[NR_ENTRIES][AT_ONCE];
	const struct finding fresh = *run->finding;
	struct reading reading;
	size_t good = 0;

	/* Once for all of them; to each read it is what it was asked for then. */
	if (by_list && engine->adapt && engine->adapt(trial->vcpu, &run->state))
		trial->tally.adapted += count;
	for (size_t first = 0, n; first < count; first += n) {
		n = count - first < AT_ONCE ? count - first : AT_ONCE;
		memset(answers, 0, sizeof(answers));
		for (unsigned int entry = 0; by_list && entry < NR_ENTRIES; entry++)
			if (trial->entries & 1U << entry &&
			    !(entry == ENTRY_EXIT && run->state.lock))
				engine->read_list(trial->vcpu, entry, &run->state, ecxs + first, n,
						  answers[entry]);
		for (size_t i = 0; i < n; i++) {
			const uint64_t refused = trial->tally.refused;
			bool agrees;

			*run->finding = fresh;
			if (by_list) {
				read_begin(run, high | ecxs[first + i], 0, &reading);
				for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
					if (read_comes_to(run, entry))
						read_judge(run, &reading, entry,
							   &answers[entry][i]);
				agrees = read_end(run, &reading);
			} else {
				agrees = trial_read(run, high | ecxs[first + i], 0);
			}
			good += agrees && trial->tally.refused == refused;
			if (!agrees)
				found(opaque, run);
		}
	}
	return good;
}

/* A counter that the guest does not have cannot be written: its MSR is not there. */
static bool has_counter(const struct rdpmc_view *guest, const struct case_step *step)
{
	uint64_t counters = step->op == STEP_GP
				    ? guest->readable[CLASS_GP] | guest->readable[CLASS_AMD_CORE]
				    : guest->readable[CLASS_FIXED];

	return counters >> step->arg & 1;
}

bool trial_model_step(const struct rdpmc_view *guest, const struct rdpmc_policy *policy,
		      struct rdpmc_state *state, struct rdpmc_counters *counters,
		      const struct case_step *step, struct rdpmc_outcome *outcome)
{
	switch (step->op) {
	case STEP_READ:
		state->regs.rcx = step->value;
		*outcome = rdpmc_execute(guest, policy, state, counters);
		return true;
	case STEP_GP:
		if (has_counter(guest, step))
			counters->gp[step->arg] = step->value;
		break;
	case STEP_FIXED:
		if (has_counter(guest, step))
			counters->fixed[step->arg] = step->value;
		break;
	case STEP_METRICS:
		counters->metrics = step->value;
		break;
	case STEP_FIXED_CTRL:
		counters->fixed_ctr_ctrl = step->value;
		break;
	case STEP_USER_DISABLE:
		counters->gp_user_disable = (uint32_t)step->value;
		break;
	case STEP_CR4:
		state->cr4 = (uint32_t)step->value;
		break;
	case STEP_MODE:
		case_set_mode(state, (step->arg & 7) % NR_MODES, step->arg >> 3 & 3);
		break;
	default: /* STEP_LOCK */
		state->lock = step->arg & 1;
	}
	return false;
}

static bool take_step(struct trial_run *run, const struct case_step *step, size_t number)
{
	struct rdpmc_outcome outcome;
	const char *trouble;

	if (step->op == STEP_READ)
		return trial_read(run, step->value, number);
	if (run->trial->engine->cannot & 1U << step->op ||
	    (run->trial->engine->real && step->op == STEP_METRICS &&
	     !run->guest.readable[CLASS_METRICS]))
		return true;
	trial_model_step(&run->guest, &run->policy, &run->state, &run->counters, step, &outcome);
	switch (step->op) {
	case STEP_GP:
	case STEP_FIXED:
		if (!has_counter(&run->guest, step))
			return true;
		break;
	case STEP_METRICS:
	case STEP_FIXED_CTRL:
	case STEP_USER_DISABLE:
		break;
	default:
		return true; /* the engine is told the state with each read */
	}
	run->trial->engine->write(run->trial->vcpu, step);
	trouble = trouble_of(run->trial);
	if (trouble)
		judge_trouble(run, ENTRY_EXIT, number, trouble);
	return !(run->finding->oracles & ~ORACLE_PASS_SOUND);
}

bool trial_offer(const struct trial *trial, const struct rdpmc_case *decoded,
		 struct rdpmc_pmu *guest, struct rdpmc_pmu *host, struct rdpmc_policy *policy)
{
	*guest = decoded->guest;
	*host = decoded->host;
	*policy = decoded->policy;
	return trial->engine->offer(trial->vcpu, guest, host, policy);
}

void trial_begin(struct trial *trial, struct trial_run *run, const struct rdpmc_case *decoded,
		 struct finding *finding)
{
	const struct engine *engine = trial->engine;
	const unsigned int cannot = engine->cannot;

	run->trial = trial;
	run->decoded = decoded;
	run->state = decoded->state;
	run->finding = finding;
	memset(finding, 0, sizeof(*finding));
	trial->decided = 0;
	trial->tally.cases++;
	trial->tally.legalised += !!decoded->legalised;
	trial->tally.impossible += decoded->impossible;
	trial->tally.offered +=
		trial_offer(trial, decoded, &run->offered, &run->processor, &run->policy);

	rdpmc_view(&run->offered, &trial->choices, &run->guest);
	rdpmc_view(&run->processor, &trial->choices, &run->host);
	memset(&run->counters, 0,
	       sizeof(run->counters)); /* an engine may show more than there is */
	case_counters(decoded, &run->guest, &run->counters, &run->n_gp, &run->n_fixed);
	/* A write beside the guest's counters is one, too. */
	if (trial->thorough) {
		run->n_gp = RDPMC_MAX_GP;
		run->n_fixed = RDPMC_MAX_FIXED;
	}
	if (cannot & 1U << STEP_FIXED_CTRL)
		run->counters.fixed_ctr_ctrl = 0;
	if (cannot & 1U << STEP_USER_DISABLE)
		run->counters.gp_user_disable = 0;
	/* In a real vCPU what the guest does not have is not there at all. */
	if (engine->real && !run->guest.readable[CLASS_METRICS])
		run->counters.metrics = 0;
	engine->begin(trial->vcpu, &run->offered, &run->processor, &run->policy);
	engine->load(trial->vcpu, &run->counters, run->n_gp, run->n_fixed);
	judge_intercept(run);
}

bool trial_case(struct trial *trial, const struct rdpmc_case *decoded, struct finding *finding)
{
	struct case_step step;
	struct trial_run run;

	trial_begin(trial, &run, decoded, finding);
	if (!trial_read(&run, decoded->state.regs.rcx, 0))
		return false;
	for (size_t i = 0; i < decoded->n_steps; i++) {
		case_step(decoded, i, &step);
		if (!take_step(&run, &step, i + 1))
			return false;
	}
	return !finding->oracles;
}

bool trial_run(struct trial *trial, const uint8_t *data, size_t size, struct finding *finding)
{
	struct rdpmc_case decoded;

	case_decode(data, size, &decoded);
	return trial_case(trial, &decoded, finding);
}

bool finding_alike(const struct finding *a, const struct finding *b)
{
	if (a->oracles != b->oracles)
		return false;
	if (a->oracles & ORACLE_PASS_SOUND &&
	    (a->pass.obstacle != b->pass.obstacle || a->pass.class != b->pass.class))
		return false;
	if (a->oracles == ORACLE_PASS_SOUND)
		return true;
	if (a->trouble != b->trouble || a->unanswered != b->unanswered)
		return false;
	return a->entry == b->entry && a->model.decision.rule == b->model.decision.rule &&
	       a->model.decision.answer == b->model.decision.answer &&
	       a->engine.answer == b->engine.answer;
}
