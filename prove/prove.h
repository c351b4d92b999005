/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One read, or one decision to intercept, judged: what an engine makes of any case against the model. No
 * proof in here, and no allocation; prove.c asks it for all cases at once.
 */
#ifndef PROVE_PROVE_H
#define PROVE_PROVE_H

#include "fuzz/engines/engine.h"
#include "prove/known.h"

/* The engine that is proved. */
extern const struct engine *proved;

struct prove_inputs;

/* What is assumed of the inputs for this engine; printed with the result. */
bool prove_assumes(const struct prove_inputs *inputs);

/* How a read is wrong; the first that applies. */
#define PROVE_FLAWS(FLAW, ...)                                                                     \
	FLAW(VALUE_FOR_FAULT, "a value for a fault", __VA_ARGS__)                                  \
	FLAW(FAULT_FOR_VALUE, "a fault for a value", __VA_ARGS__)                                  \
	FLAW(ANSWER, "another fault", __VA_ARGS__)                                                 \
	FLAW(VALUE, "another value", __VA_ARGS__)                                                  \
	FLAW(REGISTERS, "other registers, RIP, flags or error code", __VA_ARGS__)                  \
	FLAW(OTHER_STATE, "CR0, CR4 or CPL changed, or #DB of a single step", __VA_ARGS__)           \
	FLAW(COUNTERS, "other counters or control registers afterwards", __VA_ARGS__)              \
	FLAW(TROUBLE, "a complaint of its own", __VA_ARGS__)

#define FLAW_ENUM(name, text, unused) FLAW_##name,
enum flaw { FLAW_NONE, PROVE_FLAWS(FLAW_ENUM, ) NR_FLAWS };
#undef FLAW_ENUM

/* What there is a theorem about: any case, any counters, one of the entries. */
struct prove_inputs {
	struct rdpmc_case decoded;
	struct rdpmc_choices choices;
	struct rdpmc_counters counters;
	enum entry entry; /* ENTRY_EXIT or ENTRY_EMULATOR */
};

struct prove_verdict {
	enum flaw flaw;
	enum flaw planted; /* where the values of PROVE_PLANTED are one bit off */
	/* The same where nothing is known of the engine, and the rule that decides then. */
	enum flaw plain;
	enum rdpmc_rule plain_rule;
	struct prove_known known;
	struct rdpmc_pmu guest, host; /* as the engine can give them */
	struct rdpmc_policy policy;
	struct rdpmc_outcome model;
	struct engine_answer engine;
	const char *trouble; /* what it complains of; NULL: nothing */
};

/* A fault to be found by every proof of reads: the value of this ECX. */
#define PROVE_PLANTED 1U

/* What known_explain() is asked; the answer and the trouble are the caller's. */
struct known_question prove_question(const struct prove_inputs *inputs,
				     const struct rdpmc_pmu *guest, const struct rdpmc_pmu *host,
				     const struct rdpmc_policy *policy);

struct prove_verdict prove_read(const struct prove_inputs *inputs);

/*
 * Bits of enum rdpmc_rule: those that can be blamed for a wrong read, because another answer of theirs
 * explains it, or because they say what is wrong. Tries more reads: not for proofs.
 */
uint32_t prove_blame(const struct prove_inputs *inputs, const struct prove_verdict *verdict);

/* One RDPMC that the guest executes with the intercept off, on a host of its own. */
struct prove_pass {
	struct rdpmc_view guest, host;
	struct rdpmc_policy policy;
	struct rdpmc_state state;
	struct rdpmc_counters counters;  /* the guest's; what it cannot set is 0 */
	struct rdpmc_counters strangers; /* what the host's hold where they are not the guest's */
};

/* PASS-SOUND by its definition: can the guest see that it is the host that answers? */
bool prove_shows(const struct prove_pass *pass);

/*
 * What shows the obstacle that rdpmc_may_pass() has found: the state and the counters of @pass are set
 * for it, all else is given.
 */
void prove_show(struct prove_pass *pass, struct rdpmc_pass obstacle);

/* Control bits of what the guest's PMU does not have are reserved to it. */
void prove_reserve(const struct rdpmc_view *guest, struct rdpmc_counters *counters);

struct prove_intercept {
	enum intercept intercept;
	struct rdpmc_pmu guest, host; /* as the engine can give them */
	struct rdpmc_policy policy;
	uint64_t known; /* the differences by which it may be off; 0: none */
};

/* Does the engine intercept RDPMC for this guest on this host? */
void prove_intercepts(const struct prove_inputs *inputs, struct prove_intercept *intercept);

#endif
