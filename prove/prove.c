// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The theorems. To a bounded model checker each function theorem_*() is a program whose inputs are all
 * cases at once, and what it says of an assertion it says of every one of them. Beside a theorem's own
 * assertions stand others that must fail: that it can be reached, that it sees a planted fault, and
 * what cases there are among all.
 */
#include "prove/prove.h"

/* Found by their names in a trace: what a counterexample is, and what came of it. */
struct case_bytes proved_case;
struct rdpmc_counters proved_counters;
uint8_t proved_entry;
struct prove_verdict proved_verdict;
enum flaw proved_flaw;
enum rdpmc_rule proved_rule;

/* Any value at all. */
struct case_bytes nondet_case(void);
struct rdpmc_counters nondet_counters(void);
bool nondet_bool(void);

#define THEOREM(holds, what) __CPROVER_assert(holds, "theorem: " what)
#define PLANTED(holds, what) __CPROVER_assert(holds, "planted: " what)
#define WITNESS(of, what)    __CPROVER_assert(!(of), "witness: " what)
#define REACHED()            __CPROVER_assert(0, "reached")

/* A proof of a large engine is cut into parts, by what would otherwise make its code two. */
#ifdef PROVE_VENDOR
#define PROVE_PART 1
#else
#define PROVE_PART   0
#define PROVE_VENDOR 0
#define PROVE_ENTRY  0
#define PROVE_LOCK   0
#endif

static void any_inputs(struct prove_inputs *inputs)
{
	struct rdpmc_case *decoded = &inputs->decoded;

	proved_case = nondet_case();
	proved_counters = nondet_counters();
	if (PROVE_PART) {
		proved_case.guest.vendor =
			(proved_case.guest.vendor & ~CASE_PMU_AMD) | PROVE_VENDOR;
		proved_case.flags = (proved_case.flags & ~CASE_LOCK) | PROVE_LOCK;
	}
	case_decode((const uint8_t *)&proved_case, sizeof(proved_case), decoded);
	/* Assumption LOCK-NEVER-EXITS. */
	proved_entry = decoded->state.lock || nondet_bool() ? ENTRY_EMULATOR : ENTRY_EXIT;
	if (PROVE_PART) {
		/* As they are already, but constants. */
		decoded->guest.vendor = PROVE_VENDOR;
		decoded->state.lock = PROVE_LOCK;
		proved_entry = PROVE_ENTRY;
	}
	if (PROVE_PART && PROVE_ENTRY) {
		/* Assumption PREFIXES; what the emulator decodes is a constant then, and else any instruction. */
		__CPROVER_assume(!decoded->state.n_prefixes && !decoded->state.rex);
		decoded->state.n_prefixes = 0;
		decoded->state.rex = 0;
	}
	inputs->entry = proved_entry;
	inputs->choices = rdpmc_default_choices;
	inputs->counters = proved_counters;
	__CPROVER_assume(prove_assumes(inputs));
}

/* The views and policy of @inputs, as the engine can give them; all else of @pass as it comes. */
static void any_pass(const struct prove_inputs *inputs, const struct rdpmc_pmu *guest,
		     const struct rdpmc_pmu *host, struct prove_pass *pass)
{
	rdpmc_view(guest, &inputs->choices, &pass->guest);
	rdpmc_view(host, &inputs->choices, &pass->host);
	pass->state = inputs->decoded.state;
	pass->state.lock = false; /* #UD everywhere */
	pass->counters = inputs->counters;
	pass->strangers = nondet_counters();
	/* Assumption RESERVED-BITS. */
	prove_reserve(&pass->guest, &pass->counters);
}

/* A class of differences each: entry, rule that decides by the model, flaw. */
#define FLAWED(flaw_name, flaw_text, rule_name, id, entry_name, entry_text)                        \
	THEOREM(proved_flaw != FLAW_##flaw_name || proved_rule != RULE_##rule_name ||              \
			proved_entry != ENTRY_##entry_name,                                        \
		entry_text ", " id ", " flaw_text);
#define EXIT_FLAWED(name, id, text, source)     PROVE_FLAWS(FLAWED, name, id, EXIT, "exit")
#define EMULATOR_FLAWED(name, id, text, source) PROVE_FLAWS(FLAWED, name, id, EMULATOR, "emulator")
#define ALL_CLASSES()                                                                              \
	RDPMC_RULES(EXIT_FLAWED)                                                                   \
	RDPMC_RULES(EMULATOR_FLAWED)

/* Every read by both entries has the model's outcome, and changes nothing else. */
void theorem_read(void)
{
	static struct prove_inputs inputs;

	any_inputs(&inputs);
	proved_verdict = prove_read(&inputs);
	proved_flaw = proved_verdict.flaw;
	proved_rule = proved_verdict.model.decision.rule;
	ALL_CLASSES()

#if !PROVE_LOCK /* with which nothing has a value */
	PLANTED(!proved_verdict.planted, "one bit of counter 1");
#endif
	prove_known_witnesses(proved_verdict.plain && !proved_verdict.flaw
				      ? proved_verdict.known.as | proved_verdict.known.may_be_any
				      : 0);
	REACHED();
}

/* The same where nothing is known of the engine: all that is different, in classes. */
void theorem_unaided(void)
{
	static struct prove_inputs inputs;

	any_inputs(&inputs);
	proved_verdict = prove_read(&inputs);
	proved_flaw = proved_verdict.plain;
	proved_rule = proved_verdict.plain_rule;
	ALL_CLASSES()
	REACHED();
}

/* The same in one assertion, for a first counterexample and not all that there are. */
void refute_read(void)
{
	static struct prove_inputs inputs;

	any_inputs(&inputs);
	proved_verdict = prove_read(&inputs);
	THEOREM(!proved_verdict.flaw, "a read");
}

void refute_intercept(void)
{
	static struct prove_inputs inputs;
	static struct prove_pass pass;
	static struct prove_intercept intercept;

	any_inputs(&inputs);
	prove_intercepts(&inputs, &intercept);
	if (intercept.intercept != INTERCEPT_OFF || intercept.known)
		return;
	pass.policy = intercept.policy;
	any_pass(&inputs, &intercept.guest, &intercept.host, &pass);
	THEOREM(!prove_shows(&pass), "PASS-SOUND");
}

#define ASKED(name, id, text, source)                                                              \
	WITNESS(proved_verdict.model.decision.yes >> RULE_##name & 1, id " yes");                  \
	WITNESS(proved_verdict.model.decision.no >> RULE_##name & 1, id " no");

/* Which rules the theorem on reads is about: those that some read asks, and each answer they give. */
void theorem_rules(void)
{
	static struct prove_inputs inputs;

	any_inputs(&inputs);
	proved_verdict = prove_read(&inputs);
	RDPMC_RULES(ASKED)
}

/* PASS-SOUND: where RDPMC may pass, the processor answers as the guest's PMU would. */
void theorem_intercept(void)
{
	static struct prove_inputs inputs;
	static struct prove_pass pass;
	static struct prove_intercept engine;
	enum intercept intercept;
	bool shows, costly;

	any_inputs(&inputs);
	prove_intercepts(&inputs, &engine);
	intercept = engine.intercept;
	pass.policy = engine.policy;
	any_pass(&inputs, &engine.guest, &engine.host, &pass);
	shows = prove_shows(&pass);
	THEOREM(intercept != INTERCEPT_OFF || !shows || engine.known, "PASS-SOUND");
	PLANTED(!shows, "RDPMC passes always");
	prove_known_witnesses(intercept == INTERCEPT_OFF && shows ? engine.known : 0);
	WITNESS(intercept == INTERCEPT_OFF, "RDPMC passes");
	WITNESS(intercept == INTERCEPT_ON, "RDPMC is intercepted");

	/* PASS-MINIMAL: each of these that is met is an exit for nothing. */
	costly = intercept == INTERCEPT_ON &&
		 !rdpmc_may_pass(&pass.host, &pass.guest, &pass.policy).obstacle;
	WITNESS(costly && !pass.policy.mediated_pmu, "costly: not mediated, and nothing to read");
	WITNESS(costly && pass.policy.mediated_pmu && pass.guest.vendor != pass.host.vendor,
		"costly: another vendor, and nothing to read");
	WITNESS(costly && pass.policy.mediated_pmu && pass.guest.vendor == pass.host.vendor,
		"costly: the same vendor");
	REACHED();
}

static void any_pair(struct prove_inputs *inputs, struct prove_pass *pass)
{
	any_inputs(inputs);
	inputs->choices =
		(struct rdpmc_choices){ nondet_bool(), nondet_bool(), nondet_bool(), nondet_bool(),
					nondet_bool(), nondet_bool(), nondet_bool() };
	_Static_assert(sizeof(inputs->choices) == 7 * sizeof(bool), "each of them is any");
	pass->policy = inputs->decoded.policy;
	any_pass(inputs, &inputs->decoded.guest, &inputs->decoded.host, pass);
}

/* rdpmc_may_pass() is PASS-SOUND's definition: where it finds no obstacle, nothing shows, ... */
void theorem_may_pass(void)
{
	static struct prove_inputs inputs;
	static struct prove_pass pass;
	uint8_t obstacle;
	bool shows;

	any_pair(&inputs, &pass);
	obstacle = rdpmc_may_pass(&pass.host, &pass.guest, &pass.policy).obstacle;
	shows = prove_shows(&pass);
	THEOREM(obstacle || !shows, "no obstacle, nothing shows");
	PLANTED((obstacle && obstacle != OBSTACLE_WIDTH) || !shows, "widths are no obstacle");
	WITNESS(!obstacle, "no obstacle");
	REACHED();
}

/* ... and where it finds one, there is a read that shows it. */
void theorem_may_not_pass(void)
{
	static struct prove_inputs inputs;
	static struct prove_pass pass;
	struct rdpmc_pass found;
	bool shows;

	any_pair(&inputs, &pass);
	found = rdpmc_may_pass(&pass.host, &pass.guest, &pass.policy);
	prove_show(&pass, found);
	shows = prove_shows(&pass);
	THEOREM(!found.obstacle || shows, "every obstacle shows");
	PLANTED(shows, "an obstacle always");
	WITNESS(found.obstacle == OBSTACLE_VMWARE, "obstacle: VMware backdoor");
	WITNESS(found.obstacle == OBSTACLE_NOT_MEDIATED, "obstacle: not mediated");
	WITNESS(found.obstacle == OBSTACLE_READABLE, "obstacle: readable here and not there");
	WITNESS(found.obstacle == OBSTACLE_WIDTH, "obstacle: width");
	WITNESS(found.obstacle == OBSTACLE_CLEAR, "obstacle: metrics clear");
	WITNESS(found.obstacle == OBSTACLE_USER_DISABLE, "obstacle: user disable");
	REACHED();
}
