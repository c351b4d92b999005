/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RDPMC, executed by the rules: what one instruction does to a processor with this state and this
 * PMU. Pure functions; inline, so that what reads very often need not call.
 */
#ifndef MODEL_RDPMC_H
#define MODEL_RDPMC_H

#include "model/pmu.h"
#include "model/rules.h"

enum rdpmc_mode { MODE_REAL, MODE_PROTECTED, MODE_VM86, MODE_COMPATIBILITY, MODE_64BIT, NR_MODES };

#define RDPMC_CR0_PE  (1ULL << 0)
#define RDPMC_CR4_PCE (1ULL << 8)
#define RDPMC_LENGTH  2 /* bytes of 0F 33 */

#define RDPMC_RFLAGS_TF (1ULL << 8)
#define RDPMC_RFLAGS_RF (1ULL << 16)

/* IA32_FIXED_CTR_CTRL (MSR 0x38d) */
#define RDPMC_FIXED_CTRL_METRICS_CLEAR (1ULL << 14)
#define RDPMC_FIXED_CTRL_USER_DISABLE(x)                                                           \
	(1ULL << (33 + 4 * (x))) /* x <= 7: the register ends there */
#define RDPMC_FIXED_CTRL_COUNTERS 8

#define RDPMC_METRICS_FIXED 3 /* the fixed counter that PERF_METRICS goes with */

struct rdpmc_regs {
	uint64_t rax, rcx, rdx, rip, rflags;
};

struct rdpmc_state {
	struct rdpmc_regs regs;
	uint64_t cr0, cr4;
	uint8_t mode; /* enum rdpmc_mode; real if and only if CR0.PE = 0 */
	/* 0 to 3; virtual-8086 mode is CPL 3 whatever this says. In real-address mode a processor has 0 only. */
	uint8_t cpl;
	bool lock;    /* the instruction has a LOCK prefix */
	bool code16;  /* protected, compatibility mode: CS.D = 0. No rule asks for it */
	/*
	 * Behind LOCK: so many prefixes of one kind, and in 64-bit mode a REX prefix, or 0: there is none. 15 bytes at
	 * most with 0F 33: a longer one never is an RDPMC (#GP; SDM vol. 3, "Interrupt 13").
	 */
	uint8_t n_prefixes, prefix, rex;
};

/* What the hypervisor was told to do. */
struct rdpmc_policy {
	bool vmware_backdoor;
	bool mediated_pmu; /* the guest's counters are loaded into the processor's */
};

#define RDPMC_VMWARE_FIRST  0x10000U
#define RDPMC_VMWARE_CLOCKS 3 /* host TSC, real time in ns, apparent time in ns */

/* What the counters hold: any 64 bits, of which a counter's width is read. */
struct rdpmc_counters {
	uint64_t gp[RDPMC_MAX_ECX]; /* Intel: by x; AMD: all counters, by ECX */
	uint64_t fixed[RDPMC_MAX_FIXED];
	uint64_t metrics;         /* PERF_METRICS */
	uint64_t fixed_ctr_ctrl;  /* IA32_FIXED_CTR_CTRL */
	uint32_t gp_user_disable; /* IA32_PERFEVTSELx[37] in bit x */
	uint64_t vmware[RDPMC_VMWARE_CLOCKS];
};

enum rdpmc_answer { ANSWER_VALUE, ANSWER_GP, ANSWER_UD };

/* What the rules say before anything is read. */
struct rdpmc_decision {
	enum rdpmc_answer answer;
	enum rdpmc_rule rule;   /* which one decided */
	enum rdpmc_class class; /* the counter, when the answer is a value: its class and ... */
	unsigned int index;     /* ... index in it */
	unsigned int width;     /* bits of the value */
	bool hidden;            /* USER-DISABLE: the value is 0 */
	bool clears;            /* METRICS-CLEAR: after the read */
	uint32_t no, yes; /* the rules asked, by bit of enum rdpmc_rule, and what they answered */
};

_Static_assert(NR_RULES <= 32, "rules are bits of no and yes");

struct rdpmc_outcome {
	struct rdpmc_decision decision;
	uint64_t value; /* 0 unless the answer is a value */
	struct rdpmc_regs regs;
	bool single_step; /* SINGLE-STEP: #DB comes behind it */
};

static inline bool rdpmc_ask(struct rdpmc_decision *decision, enum rdpmc_rule rule, bool yes)
{
	decision->yes |= (uint32_t)yes << rule;
	decision->no |= (uint32_t)!yes << rule;
	return yes;
}

static inline void rdpmc_deny(struct rdpmc_decision *decision, enum rdpmc_answer answer,
			      enum rdpmc_rule rule)
{
	decision->answer = answer;
	decision->rule = rule;
}

/* Counter @index of @class: readable or not is @rule's matter. */
static inline bool rdpmc_select(struct rdpmc_decision *decision, const struct rdpmc_view *view,
				enum rdpmc_class class, uint32_t index, enum rdpmc_rule rule)
{
	if (!rdpmc_ask(decision, rule, index < 64 && view->readable[class] >> index & 1)) {
		rdpmc_deny(decision, ANSWER_GP, rule);
		return false;
	}
	decision->rule = rule;
	decision->class = class;
	decision->index = index;
	decision->width = view->width[class];
	return true;
}

/* USER-DISABLE hides a general-purpose or fixed counter, whose control bit is @disabled. */
static inline void rdpmc_hide(struct rdpmc_decision *decision, const struct rdpmc_view *view,
			      bool disabled, bool user)
{
	if (!view->user_disable)
		return;
	decision->hidden = rdpmc_ask(decision, RULE_USER_DISABLE, disabled && user);
	if (decision->hidden)
		decision->rule = RULE_USER_DISABLE;
}

static inline bool rdpmc_fixed_disabled(const struct rdpmc_counters *counters, unsigned int x)
{
	return x < RDPMC_FIXED_CTRL_COUNTERS &&
	       counters->fixed_ctr_ctrl & RDPMC_FIXED_CTRL_USER_DISABLE(x);
}

/* False where the processor has no counters: then every ECX is #GP, or reads 0 (no-pmu-zero). */
static inline bool rdpmc_has_pmu(struct rdpmc_decision *decision, const struct rdpmc_view *view,
				 bool counters)
{
	if (!rdpmc_ask(decision, RULE_NO_PMU, !counters))
		return true;
	decision->rule = RULE_NO_PMU;
	if (!view->readable[CLASS_NONE])
		rdpmc_deny(decision, ANSWER_GP, RULE_NO_PMU);
	return false;
}

static inline void rdpmc_decide_metrics(struct rdpmc_decision *decision,
					const struct rdpmc_view *view,
					const struct rdpmc_counters *counters, uint32_t index,
					bool user)
{
	if (!rdpmc_select(decision, view, CLASS_METRICS, 0, RULE_TYPE_METRICS) ||
	    !rdpmc_select(decision, view, CLASS_METRICS, !!index, RULE_METRICS_INDEX))
		return;
	decision->rule = RULE_METRICS_VALUE;
	if (view->metrics_hide)
		rdpmc_hide(decision, view, rdpmc_fixed_disabled(counters, RDPMC_METRICS_FIXED),
			   user);
	/* Only 0x20000000 is said to clear. */
	decision->clears =
		rdpmc_ask(decision, RULE_METRICS_CLEAR,
			  view->metrics_clear && !index &&
				  counters->fixed_ctr_ctrl & RDPMC_FIXED_CTRL_METRICS_CLEAR);
}

static inline void rdpmc_decide_intel(struct rdpmc_decision *decision,
				      const struct rdpmc_view *view,
				      const struct rdpmc_counters *counters, uint32_t ecx,
				      bool user)
{
	uint32_t x = ecx & 0xffff;

	switch (ecx >> 16) {
	case 0x0000:
		if (rdpmc_select(decision, view, CLASS_GP, x, RULE_TYPE_GP))
			rdpmc_hide(decision, view, counters->gp_user_disable >> x & 1, user);
		break;
	case 0x4000:
		if (rdpmc_select(decision, view, CLASS_FIXED, x, RULE_TYPE_FIXED))
			rdpmc_hide(decision, view, rdpmc_fixed_disabled(counters, x), user);
		break;
	case 0x2000:
		rdpmc_decide_metrics(decision, view, counters, x, user);
		break;
	default:
		rdpmc_ask(decision, RULE_TYPE_OTHER, true);
		rdpmc_deny(decision, ANSWER_GP,
			   rdpmc_ask(decision, RULE_NO_FAST, ecx >> 31) ? RULE_NO_FAST
									: RULE_TYPE_OTHER);
		return;
	}
	rdpmc_ask(decision, RULE_TYPE_OTHER, false);
}

static inline void rdpmc_decide_old(struct rdpmc_decision *decision, const struct rdpmc_view *view,
				    uint32_t ecx)
{
	uint32_t index = ecx & 0x7fffffff;

	if (rdpmc_has_pmu(decision, view, view->readable[CLASS_OLD]) &&
	    rdpmc_select(decision, view, CLASS_OLD, index, RULE_OLD_INDEX) && ecx >> 31)
		rdpmc_select(decision, view, CLASS_OLD_FAST, index, RULE_OLD_FAST);
}

static inline void rdpmc_decide_amd(struct rdpmc_decision *decision, const struct rdpmc_view *view,
				    uint32_t ecx)
{
	bool more = ecx >= RDPMC_AMD_NB_MORE_FIRST;

	if (!rdpmc_has_pmu(decision, view, view->version))
		return;
	if (rdpmc_select(decision, view, CLASS_AMD_CORE, ecx, RULE_AMD_CORE) ||
	    rdpmc_select(decision, view, more ? CLASS_AMD_NB_MORE : CLASS_AMD_NB,
			 more ? ecx - RDPMC_AMD_NB_MORE_FIRST : ecx, RULE_AMD_NB) ||
	    rdpmc_select(decision, view, CLASS_AMD_L3, ecx, RULE_AMD_L3))
		decision->answer = ANSWER_VALUE;
	else
		rdpmc_deny(decision, ANSWER_GP, RULE_AMD_OTHER);
	rdpmc_ask(decision, RULE_AMD_WIDTH, decision->answer == ANSWER_VALUE);
	rdpmc_ask(decision, RULE_AMD_OTHER, decision->answer != ANSWER_VALUE);
}

/* Of the instruction, bytes; a LOCK prefix is left out, with which it never ends. */
static inline unsigned int rdpmc_length(const struct rdpmc_state *state)
{
	return RDPMC_LENGTH + state->n_prefixes + !!state->rex;
}

static inline bool rdpmc_single_step(const struct rdpmc_decision *decision,
				     const struct rdpmc_state *state)
{
	return decision->answer == ANSWER_VALUE && state->regs.rflags & RDPMC_RFLAGS_TF;
}

static inline unsigned int rdpmc_cpl(const struct rdpmc_state *state)
{
	return state->mode == MODE_VM86 ? 3 : state->cpl;
}

/* PRIV */
static inline bool rdpmc_allowed(const struct rdpmc_state *state)
{
	return state->cr4 & RDPMC_CR4_PCE || !rdpmc_cpl(state) || !(state->cr0 & RDPMC_CR0_PE);
}

/* Which rule decides, and which counter is read if any. */
static inline struct rdpmc_decision rdpmc_decide(const struct rdpmc_view *view,
						 const struct rdpmc_policy *policy,
						 const struct rdpmc_counters *counters,
						 const struct rdpmc_state *state)
{
	struct rdpmc_decision decision = { 0 };
	uint32_t ecx = (uint32_t)state->regs.rcx;
	bool user = rdpmc_cpl(state);

	rdpmc_ask(&decision, RULE_ECX32, state->regs.rcx >> 32);
	if (rdpmc_ask(&decision, RULE_UD_LOCK, state->lock)) {
		rdpmc_deny(&decision, ANSWER_UD, RULE_UD_LOCK);
	} else if (rdpmc_ask(&decision, RULE_VMWARE_PMC,
			     policy->vmware_backdoor && !view->no_vmware &&
				     ecx - RDPMC_VMWARE_FIRST < RDPMC_VMWARE_CLOCKS)) {
		decision.rule = RULE_VMWARE_PMC;
		decision.class = CLASS_VMWARE;
		decision.index = ecx - RDPMC_VMWARE_FIRST;
		decision.width = 64;
	} else if (!rdpmc_ask(&decision, RULE_PRIV, rdpmc_allowed(state))) {
		rdpmc_deny(&decision, ANSWER_GP, RULE_PRIV);
	} else if (view->vendor == RDPMC_AMD) {
		rdpmc_decide_amd(&decision, view, ecx);
	} else if (view->version) {
		rdpmc_decide_intel(&decision, view, counters, ecx, user);
	} else {
		rdpmc_decide_old(&decision, view, ecx);
	}
	rdpmc_ask(&decision, RULE_METRICS_VALUE, decision.rule == RULE_METRICS_VALUE);
	rdpmc_ask(&decision, RULE_RESULT, decision.answer == ANSWER_VALUE);
	rdpmc_ask(&decision, RULE_LENGTH,
		  decision.answer == ANSWER_VALUE && rdpmc_length(state) != RDPMC_LENGTH);
	rdpmc_ask(&decision, RULE_SINGLE_STEP, rdpmc_single_step(&decision, state));
	rdpmc_ask(&decision, RULE_FAULT, decision.answer != ANSWER_VALUE);
	return decision;
}

/* What the counter that was decided on holds, in its width. 0 for a fault. */
static inline uint64_t rdpmc_value(const struct rdpmc_decision *decision,
				   const struct rdpmc_counters *counters)
{
	uint64_t value;

	if (decision->answer != ANSWER_VALUE || decision->hidden)
		return 0;
	switch (decision->class) {
	case CLASS_FIXED:
		value = counters->fixed[decision->index];
		break;
	case CLASS_METRICS:
		value = counters->metrics;
		break;
	case CLASS_VMWARE:
		value = counters->vmware[decision->index];
		break;
	case CLASS_AMD_NB_MORE:
		value = counters->gp[RDPMC_AMD_NB_MORE_FIRST + decision->index];
		break;
	default:
		value = counters->gp[decision->index];
	}
	return decision->width < 64 ? value & ((1ULL << decision->width) - 1) : value;
}

/* METRICS-CLEAR, after the read. */
static inline void rdpmc_effects(const struct rdpmc_decision *decision,
				 struct rdpmc_counters *counters)
{
	if (!decision->clears)
		return;
	counters->metrics = 0;
	counters->fixed[RDPMC_METRICS_FIXED] = 0;
}

/* RESULT and FAULT: the registers that the instruction leaves. */
static inline struct rdpmc_regs rdpmc_result(const struct rdpmc_decision *decision,
					     const struct rdpmc_state *state, uint64_t value)
{
	struct rdpmc_regs regs = state->regs;

	if (decision->answer != ANSWER_VALUE)
		return regs;
	regs.rax = (uint32_t)value;
	regs.rdx = value >> 32;
	regs.rflags &= ~(uint64_t)RDPMC_RFLAGS_RF;
	regs.rip += rdpmc_length(state);
	if (state->mode != MODE_64BIT)
		regs.rip = (uint32_t)regs.rip;
	return regs;
}

/* What a bare processor decides: no hypervisor, no policy. */
struct rdpmc_decision rdpmc_decide_bare(const struct rdpmc_view *processor,
					const struct rdpmc_counters *counters,
					const struct rdpmc_state *state);

/* The instruction, with all it does: @counters may change (METRICS-CLEAR). */
struct rdpmc_outcome rdpmc_execute(const struct rdpmc_view *view, const struct rdpmc_policy *policy,
				   const struct rdpmc_state *state,
				   struct rdpmc_counters *counters);

#endif
