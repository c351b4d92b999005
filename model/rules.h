/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of RDPMC: a short id, what it says, where it is written. SDM is Intel's manual, APM
 * AMD's. "yes" is what a rule's question is answered with where it applies.
 */
#ifndef MODEL_RULES_H
#define MODEL_RULES_H

/* clang-format off */
/*   enum          id               question, answered yes or no by a read        source */
#define RDPMC_RULES(RULE) \
RULE(UD_LOCK,       "UD-LOCK",       "a LOCK prefix gives #UD", \
     "SDM vol. 2 and APM vol. 3, \"RDPMC\"") \
RULE(PRIV,          "PRIV",          "allowed if CR4.PCE = 1 or CPL = 0 or CR0.PE = 0, else #GP(0); virtual-8086 mode has CPL 3", \
     "SDM vol. 2 \"RDPMC\", Operation; APM vol. 3 \"RDPMC\"") \
RULE(ECX32,         "ECX32",         "ECX selects with all its 32 bits in every mode; RCX[63:32] is ignored", \
     "SDM vol. 2 \"RDPMC\"; APM vol. 3 \"RDPMC\"") \
RULE(RESULT,        "RESULT",        "EDX:EAX = counter, zero-extended; RAX[63:32] and RDX[63:32] become 0, RFLAGS.RF too; nothing else changes", \
     "SDM vol. 2 \"RDPMC\"; APM vol. 3 \"RDPMC\"") \
RULE(FAULT,         "FAULT",         "#GP has error code 0 (none is pushed in real-address mode); after #GP or #UD no register has changed and RIP is the instruction's", \
     "SDM vol. 3, \"Exception and Interrupt Reference\"; APM vol. 2, \"Vectors\"") \
RULE(LENGTH,        "LENGTH",        "RIP advances by the instruction's length: operand-size, address-size, segment, repeat and REX prefixes change nothing else", \
     "SDM vol. 2, \"Instruction Format\"; repeat prefixes, reserved there, measured: AMD EPYC at CPL 3, November 2026") \
RULE(SINGLE_STEP,   "SINGLE-STEP",   "with RFLAGS.TF = 1 #DB with DR6.BS = 1 follows the instruction; none follows #GP or #UD", \
     "SDM vol. 3, \"Single-Step Exception Condition\"; APM vol. 2, \"Single Stepping\"") \
RULE(NO_PMU,        "NO-PMU",        "a processor without counters answers every ECX with #GP(0), or with 0 (choice no-pmu-zero)", \
     "in no manual; by the rules on indices no index is valid") \
RULE(TYPE_GP,       "TYPE-GP",       "type 0x0000: x < CPUID.0AH:EAX[15:8], or x <= 31 and CPUID.23H.01H:EAX[x]", \
     "SDM vol. 2 \"RDPMC\" for leaf 0xa; Linux, arch/x86/events/intel/core.c for leaf 0x23, in its place (choice leaf23-replaces)") \
RULE(TYPE_FIXED,    "TYPE-FIXED",    "type 0x4000: x < CPUID.0AH:EDX[4:0], or x <= 31 and CPUID.0AH:ECX[x] or CPUID.23H.01H:EBX[x]", \
     "SDM vol. 2 \"RDPMC\" and \"CPUID\" leaf 0xa (EDX from version 2, ECX from version 5); leaf 0x23 as for TYPE-GP") \
RULE(TYPE_METRICS,  "TYPE-METRICS",  "type 0x2000 is valid only if IA32_PERF_CAPABILITIES[15] = 1", \
     "SDM vol. 2 \"RDPMC\"") \
RULE(METRICS_INDEX, "METRICS-INDEX", "type 0x2000: index 0 is valid; any other is implementation specific and gave #GP(0)", \
     "measured on Sapphire Rapids, Granite Rapids and Nova Lake: KVM list, June 2026, \"Emulate RDPMC on performance metrics\"") \
RULE(METRICS_VALUE, "METRICS-VALUE", "PERF_METRICS (MSR 0x329) is read: eight fractions of 0xff, or four in bits 31:0 (choice metrics-level-1)", \
     "SDM vol. 3, \"Performance Metrics\"; Linux, arch/x86/events/intel/core.c") \
RULE(METRICS_CLEAR, "METRICS-CLEAR", "with IA32_PERF_CAPABILITIES[19] and IA32_FIXED_CTR_CTRL[14] the read of 0x20000000 clears PERF_METRICS and fixed counter 3 after it", \
     "Intel ISE (319433-052), as quoted by Linux commit 0e45818ec189") \
RULE(TYPE_OTHER,    "TYPE-OTHER",    "every other type is #GP(0)", \
     "SDM vol. 2 \"RDPMC\"; 0x6000 measured: KVM list, June 2026, \"Emulate RDPMC on performance metrics\"") \
RULE(NO_FAST,       "NO-FAST",       "ECX[31] is part of the type, not a flag: such a type is #GP(0)", \
     "SDM vol. 2 \"RDPMC\"") \
RULE(USER_DISABLE,  "USER-DISABLE",  "with CPUID.23H.00H:EBX[2], PERFEVTSELx[37] or FIXED_CTR_CTRL[33 + 4x] make a read at CPL != 0 return 0", \
     "Intel ISE ch. 15, as quoted by Linux perf") \
RULE(OLD_INDEX,     "OLD-INDEX",     "without an architectural PMU ECX[30:0] is the index; the range is the model's", \
     "SDM vol. 2 \"RDPMC\"") \
RULE(OLD_FAST,      "OLD-FAST",      "without an architectural PMU ECX[31] is a fast read where there is one: 32 bits, EDX = 0", \
     "SDM vol. 2 \"RDPMC\"") \
RULE(AMD_CORE,      "AMD-CORE",      "0 to 3; to 5 with PerfCtrExtCore; to CPUID 0x80000022:EBX[3:0] - 1 with PerfMonV2", \
     "APM vol. 3 \"RDPMC\"; Linux, arch/x86/events/amd/core.c") \
RULE(AMD_WIDTH,     "AMD-WIDTH",     "AMD's counters are 48 bits wide", \
     "Linux, arch/x86/events/amd/core.c") \
RULE(AMD_NB,        "AMD-NB",        "with PerfCtrExtNB 6 to 9 are data-fabric counters 0 to 3, from 16 on the further ones; with PerfMonV2 as many as CPUID 0x80000022:EBX[15:10]", \
     "Linux, arch/x86/events/amd/uncore.c") \
RULE(AMD_L3,        "AMD-L3",        "with CPUID 0x80000001:ECX[28] 10 to 15 are L3 counters; below family 0x17 10 to 13 are L2I counters (choice amd-l2i)", \
     "Linux, arch/x86/events/amd/uncore.c") \
RULE(AMD_OTHER,     "AMD-OTHER",     "any other index is #GP(0); ECX[31:30] are part of the index", \
     "APM vol. 3 \"RDPMC\"") \
RULE(VMWARE_PMC,    "VMWARE-PMC",    "with the VMware backdoor on, 0x10000 to 0x10002 (host TSC, real ns, apparent ns) are readable at any CPL and CR4.PCE", \
     "Linux, arch/x86/kvm/pmu.c and emulate.c, which also want a PMU (choice vmware-needs-pmu)") \
RULE(VMX_PRIORITY,  "VMX-PRIORITY",  "with RDPMC exiting, #UD and the privilege fault come before the exit; a bad ECX exits", \
     "SDM vol. 3, \"Relative Priority of Faults and VM Exits\"") \
RULE(SVM_PRIORITY,  "SVM-PRIORITY",  "with RDPMC intercepted, every exception, a bad ECX included, comes before the exit", \
     "APM vol. 2, \"Instruction Intercepts\"") \
RULE(VMX_PASS,      "VMX-PASS",      "not intercepted, RDPMC answers by the processor's counters and rules, not the guest's", \
     "SDM vol. 3, \"RDPMC exiting\"; APM vol. 2, \"Instruction Intercepts\"") \
RULE(PASS_SOUND,    "PASS-SOUND",    "the intercept may be off: for every ECX, CPL and control register the processor gives the guest's outcome", \
     "definition: the guest's view is that of a bare processor with the guest's CPUID and PERF_CAPABILITIES") \
RULE(PASS_MINIMAL,  "PASS-MINIMAL",  "the intercept is on though PASS-SOUND does not ask for it: an exit on every read for nothing", \
     "definition")
/* clang-format on */

#define RULE_ENUM(name, id, text, source) RULE_##name,
enum rdpmc_rule { RDPMC_RULES(RULE_ENUM) NR_RULES };
#undef RULE_ENUM

struct rdpmc_rule_text {
	const char *id, *text, *source;
};

/* By enum rdpmc_rule. */
extern const struct rdpmc_rule_text rdpmc_rules[NR_RULES];

#endif
