/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RDPMC in a nested guest: L0, the hypervisor on the processor, runs L1, a hypervisor that runs L2, which
 * reads. No manual knows nested guests. What is right follows from one definition, GUEST-VIEW: L1 and L2
 * see what they would see if L1 ran on a bare processor with the PMU that L1's CPUID announces. So whether
 * L0 intercepts is for L0 alone to know.
 */
#ifndef MODEL_NESTED_H
#define MODEL_NESTED_H

#include "model/rdpmc.h"

/* clang-format off */
/*   enum          id                 what it says                                              source */
#define RDPMC_NESTED_RULES(RULE) \
RULE(L1_FIRST,    "NESTED-L1-FIRST", "L1 intercepts RDPMC and nothing faults before it: L1 gets the VM exit, whether L0 intercepts or not", \
     "SDM vol. 3C, 26.1.3 (September 2023); APM vol. 2, 15.9 \"Instruction Intercepts\"") \
RULE(L1_PRIORITY, "NESTED-PRIORITY", "L1 intercepts RDPMC, but L2 faults first: with VMX by #UD and privilege, with SVM by every exception", \
     "SDM vol. 3C, 26.1.1 (September 2023), and for a bad index Linux commit 7bb7fce13601; APM vol. 2, 15.9") \
RULE(L1_VIEW,     "NESTED-VIEW",     "L1 does not intercept RDPMC: L2 sees what a processor with the PMU of L1 answers", \
     "SDM vol. 3C, 25.6.2 (September 2023) \"RDPMC exiting\"; APM vol. 2, 15.9")
/* clang-format on */

#define RDPMC_NESTED_ENUM(name, id, text, source) NESTED_##name,
enum rdpmc_nested_rule { RDPMC_NESTED_RULES(RDPMC_NESTED_ENUM) NR_NESTED_RULES };
#undef RDPMC_NESTED_ENUM

/* By enum rdpmc_nested_rule. */
extern const struct rdpmc_rule_text rdpmc_nested_rules[NR_NESTED_RULES];

/* Who ends up with an RDPMC that L2 executed. */
enum rdpmc_level {
	LEVEL_L2, /* no VM exit: L2's processor answers, with a value or a fault */
	LEVEL_L0, /* L0 answers in the processor's place: of L1 and L2 nobody can tell */
	LEVEL_L1, /* L1 gets the VM exit: what L2 sees is L1's to decide */
};

struct rdpmc_nested {
	enum rdpmc_nested_rule rule;
	enum rdpmc_level exits_to;
	enum rdpmc_answer answer; /* what L2 sees, unless L1 got the exit */
};

/*
 * @l1_cpu is the decision by L1's PMU, @cpu by the processor's own: L0 has to forestall where they differ,
 * but only the processor's says whether L0 sees an exit.
 */
struct rdpmc_nested rdpmc_nested(enum rdpmc_vendor vendor, bool l0_intercepts, bool l1_intercepts,
				 const struct rdpmc_decision *l1_cpu,
				 const struct rdpmc_decision *cpu);

#endif
