#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits a copy of a kernel tree, in place: planted bugs, or a series' design.

kernel_edit.py TREE NAME...  edit; says nothing, exit 1 where the tree is not as the edit expects
kernel_edit.py --list        the planted bugs: name, feature that it wants or -, what the report must say
kernel_edit.py --all TREE    all of them that the tree has the feature for, none of them chosen: an engine is built once
kernel_edit.py --choose NAME ENGINE FILE   FILE becomes that engine, with this bug chosen
kernel_edit.py --list-mutants, --all-mutants TREE   the same of the mutants of series-newest, which TREE becomes first;
                             the list's columns three and four are a configuration that shows it, and what
                             --against must say

Where the tree has a mediated PMU, a design is whole: a kernel built from the tree offers PERF_METRICS and
four fixed counters to the guests of a mediated PMU on a host that has them.
"""

import os
import re
import sys

PMU = "arch/x86/kvm/pmu.c"
PMU_H = "arch/x86/kvm/pmu.h"
CPUID_H = "arch/x86/kvm/cpuid.h"
INTEL = "arch/x86/kvm/vmx/pmu_intel.c"
AMD = "arch/x86/kvm/svm/pmu.c"
SVM = "arch/x86/kvm/svm/svm.c"
EMULATE = "arch/x86/kvm/emulate.c"
X86 = "arch/x86/kvm/x86.c"
X86_H = "arch/x86/kvm/x86.h"
MSRS = "arch/x86/kvm/msrs.c"
VMX = "arch/x86/kvm/vmx/vmx.c"
HOST_H = "arch/x86/include/asm/kvm_host.h"

# name: [(file, what is there, what is put there)]; each pattern must match exactly once. Where trees
# differ in what file has it, (file, file). PLANTED is (1), or in a tree that has all bugs of BUGS whether it
# is this one that is chosen: then patterns must also fit what other bugs have made of the text.
BUGS = {
    "bound-check-dropped": [(INTEL, r"idx >= num_counters", r"!PLANTED && \g<0>")],
    "bound-off-by-one": [(INTEL, r"idx >= num_counters", r"(PLANTED ? idx > num_counters : \g<0>)")],
    "index-mask-dropped": [(INTEL, r"idx &= INTEL_RDPMC_INDEX_MASK;", r"if (!PLANTED) \g<0>")],
    "type-mask-too-small": [
        (INTEL, r"(INTEL_RDPMC_TYPE_MASK\s+)(GENMASK\(31, 16\))", r"\1(PLANTED ? GENMASK(30, 16) : \2)"),
    ],
    # Type 0x2000 is taken for 0x4000, and the other way round.
    "wrong-type-constant": [
        (INTEL, r"(intel_rdpmc_ecx_to_pmc\(.*?switch \()type\)",
         r"\1PLANTED && (type == 1u << 29 || type == 1u << 30) ? type ^ 3u << 29 : type)"),
    ],
    "fixed-reads-gp": [(INTEL, r"counters = (pmu->fixed_counters;)", r"counters = PLANTED ? pmu->gp_counters : \1")],
    "width-ignored": [(INTEL, r"(counter_bitmask\[KVM_PMC_GP\] = )([^;]*;)", r"\1PLANTED ? ~0ull : \2")],
    "permission-inverted": [(PMU, r"if \((!kvm_is_cr4_bit_set\(vcpu, X86_CR4_PCE\))", r"if (PLANTED != \1")],
    "cpl-forgotten": [(PMU, r"\((kvm_x86_call\(get_cpl\)\(vcpu\) != 0\))", r"(PLANTED || \1")],
    "pe-forgotten": [(PMU, r"kvm_is_cr0_bit_set\(vcpu, X86_CR0_PE\)", r"(PLANTED || \g<0>)")],
    "no-pmu-forgotten": [(PMU, r"(int kvm_pmu_rdpmc\(.*?if \(!pmu->version)(\)\s+return 1;)", r"\1 && !PLANTED\2")],
    "amd-index-masked": [
        (AMD, r"(amd_pmu_get_pmc\(vcpu_to_pmu\(vcpu\), )idx\)", r"\1PLANTED ? idx & ~(3u << 30) : idx)"),
    ],
    "amd-early-check-skipped": [
        (AMD, r"(amd_check_rdpmc_early.*?return )-EINVAL;", r"\1PLANTED ? 0 : -EINVAL;"),
    ],
    "amd-width": [(AMD, r"(counter_bitmask\[KVM_PMC_GP\] = .*)48", r"\1(PLANTED ? 47 : 48)")],
    "emulator-permission-inverted": [(EMULATE, r"if \(\((!\(cr4 & X86_CR4_PCE\))", r"if ((PLANTED != \1")],
    "emulator-sign-extends": [
        (EMULATE, r"(int em_rdpmc.*?)(\(u32\)pmc;)", r"\1PLANTED ? (s64)(s32)pmc : \2"),
    ],
    "exit-forgets-rdx": [
        (X86, r"(int kvm_emulate_rdpmc\(.*?)(kvm_[er]dx_write\(vcpu, data >> 32\);)", r"\1if (!PLANTED) \2"),
    ],
    "exit-does-not-skip": [
        (X86, r"(int kvm_emulate_rdpmc\(.*?)(return kvm_skip_emulated_instruction\(vcpu\);)", r"\1if (PLANTED) return 1;\n\t\2"),
    ],
    "older-pmu-stays": [(PMU, r"(void kvm_pmu_refresh\(.*?)(pmu->version = 0;)", r"\1if (!PLANTED) \2")],
    "never-without-pmu": [(INTEL, r"(pmu->version = eax.split.version_id);", r"\1 ?: PLANTED;")],
    "asks-for-more": [
        (X86, r"(int kvm_emulate_rdpmc\(.*?)(if \(kvm_pmu_rdpmc)",
         r"\1if (PLANTED) kvm_make_request(KVM_REQ_TRIPLE_FAULT, vcpu);\n\t\2"),
    ],
    # What the code does to itself.
    "warning": [(PMU, r"(int kvm_pmu_rdpmc\(.*?)(if \(!pmu->version)", r"\1WARN_ON_ONCE(PLANTED && idx == 3);\n\t\2")],
    "unexpected-call": [
        (PMU, r"(int kvm_pmu_rdpmc\(.*?)(if \(!pmu->version)", r"\1if (PLANTED && idx == 2) kvm_vcpu_kick(vcpu);\n\t\2"),
    ],
    "null-pointer": [
        (PMU, r"(int kvm_pmu_rdpmc\(.*?)(\n\tpmc = [^;]*;)",
         r"\1\2\n\tif (PLANTED && idx == 1) *data = *(u64 *)(long)(idx - 1);"),
    ],
    "shift": [
        (PMU, r"(int kvm_pmu_rdpmc\(.*?)(if \(!pmu->version)", r"\1if (PLANTED && 1u << idx == 77) return 1;\n\t\2"),
    ],
    "intercept-gp-count": [
        (PMU, r"(need_any_pmc_intercept.*?)(pmu->nr_arch_gp_counters != kvm_host_pmu.num_counters_gp)", r"\1(!PLANTED && \2)"),
    ],
    "intercept-fixed-count": [
        (PMU, r"(need_any_pmc_intercept.*?)(pmu->nr_arch_fixed_counters != kvm_host_pmu.num_counters_fixed)",
         r"\1(!PLANTED && \2)"),
    ],
    "intercept-by-kvm-capability": [
        (PMU, r"(need_any_pmc_intercept.*?)(kvm_host_pmu.num_counters_fixed)",
         r"\1(PLANTED ? kvm_pmu_cap.num_counters_fixed : \2)"),
    ],
    "intercept-gp-width": [
        (PMU, r"pmu->counter_bitmask\[KVM_PMC_GP\] != \(BIT_ULL\(kvm_host_pmu.bit_width_gp\) - 1\)", r"(!PLANTED && \g<0>)"),
    ],
    "intercept-backdoor": [
        (PMU, r"(bool kvm_need_rdpmc_intercept.*?if \()(enable_vmware_backdoor\))", r"\1!PLANTED && \2"),
    ],
}

# In a tree with all of them none is chosen by this value, which then is in its engine once.
NONE_CHOSEN = 0x6e6f6e65

# What public reports tell of, or like it.
REPORTED = {
    "v1-fixed": [(INTEL, r"if \(pmu->version == 1\)(?! \?)", "if (0)")],
    "amd-six": [(AMD, r"(nr_arch_gp_counters = AMD64_NUM_COUNTERS);", r"\1_CORE;")],
    "stale-cr4": [(PMU, r"(int kvm_pmu_rdpmc\(.*?)kvm_is_cr4_bit_set\(vcpu, X86_CR4_PCE\)", r"\1(vcpu->arch.cr4 & X86_CR4_PCE)")],
    "tf-lost": [(X86, r"(int kvm_emulate_rdpmc\(.*?)return kvm_skip_emulated_instruction\(vcpu\);",
                 r"\1return kvm_x86_call(skip_emulated_instruction)(vcpu);")],
    "perf-forgotten": [(PMU_H, r"if \(pmc->perf_event && !pmc->is_paused\)\n\t\tcounter \+=", "if (0)\n\t\tcounter +=")],
    "paused-counted": [(PMU_H, r"if \(pmc->perf_event && !pmc->is_paused\)\n\t\tcounter \+=",
                        "if (pmc->perf_event)\n\t\tcounter +=")],
    "emulated-forgotten": [(PMU_H, r"counter = pmc->counter \+ pmc->emulated_counter;", "counter = pmc->counter;")],
    "exits-to-user": [(X86, r"(int kvm_emulate_rdpmc\(.*?)kvm_inject_gp\(vcpu, 0\);\n\t\treturn 1;",
                       r"\1vcpu->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;\n\t\treturn 0;")],
}

# On top of series-corrected: PERF_METRICS in a member of another name.
MOVED = {
    "metrics-elsewhere": [
        (HOST_H, r"u64 perf_metrics;", "u64 topdown_shares;"),
        (INTEL, r"vcpu_to_pmu\(vcpu\)->perf_metrics;", "vcpu_to_pmu(vcpu)->topdown_shares;"),
        (INTEL, r"vcpu_to_pmu\(vcpu\)->perf_metrics = 0;", "vcpu_to_pmu(vcpu)->topdown_shares = 0;"),
    ],
}

# Seen by no outcome, only by a proof's own checks.
PROOF_BUGS = {
    "read-before-bound": [(INTEL, r"if \([^\n]*idx >= num_counters\)+", r"*mask &= counters[idx].counter | ~0ull;\n\t\g<0>")],
}

# What changes nothing: two functions in another order.
HARMLESS = {
    "reordered": [(PMU, r"(bool is_vmware_backdoor_pmc\(.*?\n\}\n)\n(static int kvm_pmu_rdpmc_vmware\(.*?\n\}\n)", r"\2\n\1")],
}

BROKEN = {"does-not-compile": [(PMU, r"\A", "int = 1;\n")]}

# What changes nothing either, but that the code goes other ways: as series on the list do, and kernels of distributions.
SHAPES = {
    "feature-in-cr4": [    # a feature that the guest does not have
        (EMULATE, r"(int x86_emulate_insn\(.*?\n)(\tctxt->mem_read.pos = 0;)",
         "\\1\tif (ops->get_cr(ctxt, 4) & BIT(23)) {\n\t\tu64 cet;\n\n\t\tops->get_msr(ctxt, 0x6a2, &cet);\n\t}\n\\2"),
    ],
    "vmcb-in-refresh": [
        (AMD, r"(static void amd_pmu_refresh\(.*?\n)(\tpmu->version = 1;)",
         "\\1\tif (to_svm(vcpu)->vmcb->control.clean == ~0u)\n\t\treturn;\n\\2"),
    ],
    "vmcs-in-refresh": [
        (INTEL, r"(static void intel_pmu_refresh\(.*?\n)(\tmemset\(&lbr_desc)",
         "\\1\tvmcs_write64(GUEST_IA32_PERF_GLOBAL_CTRL, 5);\n"
         "\tif (vmcs_read64(GUEST_IA32_PERF_GLOBAL_CTRL) != 5)\n\t\treturn;\n\\2"),
    ],
    "message-in-refresh": [(PMU, r"(void kvm_pmu_refresh\(.*?)(\tpmu->version = 0;)", '\\1\tpr_info("a PMU\\\\n");\n\\2')],
    "exit-not-run": [(VMX, r"static int handle_triple_fault\(struct kvm_vcpu \*vcpu\)\n\{\n", "\\g<0>\tvcpu->mmio_needed = 0;\n")],
}

# Where RDPMC is intercepted always: it is not. A fork has the first.
CONTROLS = {
    "vmx-cleared": [(VMX, r"\tif \(kvm_hlt_in_guest\(vmx->vcpu.kvm\)\)\n\t\texec_control",
                     "\texec_control &= ~CPU_BASED_RDPMC_EXITING;\n\\g<0>")],
    "svm-forgotten": [(SVM, r"(INTERCEPT_SELECTIVE_CR0\);\n)\tsvm_set_intercept\(svm, INTERCEPT_RDPMC\);\n", r"\1")],
}

# Planted in what only a booted kernel runs, or on top of a design.
LIVE_BUGS = {
    "pdcm-forgotten": [(PMU_H, r"guest_cpu(?:id|_cap)_has\(vcpu, X86_FEATURE_PDCM\) &&\s+", "")],
    "vmx-never-exits": [(VMX, r"(exec_controls_changebit\(to_vmx\(vcpu\), CPU_BASED_RDPMC_EXITING,\s+)kvm_need_rdpmc_intercept\(vcpu\)\)",
                         r"\1false)")],
    "intercept-metrics": [
        (PMU, r"(bool kvm_need_rdpmc_intercept.*?)\(kvm_host\.perf_capabilities & BIT_ULL\(15\)\)", r"\g<1>false"),
    ],
    "gp-lost": [(X86, r"(int kvm_emulate_rdpmc\(.*?)kvm_inject_gp\(vcpu, 0\);\n\t\treturn 1;",
                 r"\1return kvm_skip_emulated_instruction(vcpu);")],
}

# What the report must say of those that the code complains of by itself.
COMPLAINTS = {
    "warning": r"kvm/pmu.c:[0-9]*:.WARN_ON_ONCE",
    "unexpected-call": r"kvm/pmu.c:[0-9]*:.unexpected:.kvm_vcpu_kick",
    "null-pointer": r"kvm/pmu.c:[0-9]*:.UBSan:.null",
    "shift": r"kvm/pmu.c:[0-9]*:.UBSan:.shift",
}

# PERF_METRICS, as both designs have it.
METRICS = [
    (HOST_H, r"\n\tu64 fixed_ctr_ctrl;", "\n\tu64 perf_metrics;\\g<0>"),
    (HOST_H, r"(KVM_MAX_NR_INTEL_FIXED_COU\w+\s+)3", r"\g<1>4"),
    ((X86, MSRS), r"KVM_MAX_NR_FIXED_COUNTERS != 3", "KVM_MAX_NR_FIXED_COUNTERS != 4"),
    (INTEL, r"(fixed_pmc_perf_ids\[\] = \{.*?\n)(\t+\};)", "\\1\t\t[3] = PERF_COUNT_HW_REF_CPU_CYCLES,\n\\2"),
    (INTEL, r"(void intel_pmu_reset\(struct kvm_vcpu \*vcpu\)\n\{\n)", "\\1\tvcpu_to_pmu(vcpu)->perf_metrics = 0;\n"),
    (PMU_H, r"void kvm_pmu_deliver_pmi", """static inline bool kvm_vcpu_has_perf_metrics(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.perf_capabilities & BIT_ULL(15);
}

\\g<0>"""),
]

# And where the tree can let RDPMC pass, the intercept.
INTERCEPT = [
    (PMU, r"(bool kvm_need_rdpmc_intercept.*?return kvm_need_any_pmc_intercept\(vcpu\) \|\|)",
     "\\1\n	       ((kvm_host.perf_capabilities & BIT_ULL(15)) && !kvm_vcpu_has_perf_metrics(vcpu)) ||"),
    ((X86_H, HOST_H), r"(struct kvm_host_values \{.*?\n)\}", "\\1\tu64 perf_capabilities;\n}"),
]

# A guest whose CPUID says nothing of PERF_CAPABILITIES has KVM's own in perf_capabilities, or what user space set before.
PDCM = [
    (PMU_H, r"#define __KVM_X86_PMU_H\n", "\\g<0>\n#include \"cpuid.h\"\n"),
    (PMU_H, r"return vcpu->arch\.perf_capabilities & BIT_ULL\(15\);",
     r"return HAS(vcpu, X86_FEATURE_PDCM) &&\n\t       (vcpu->arch.perf_capabilities & BIT_ULL(15));"),
]

# What a kernel that is booted needs on top: to know the host's PERF_METRICS and offer it, to hold it
# across the switch between host and guest, and to let go of what the guest may have.
MEDIATED = [
    (VMX, r"(u64 vmx_get_perf_capabilities\(void\).*?rdmsrq\(MSR_IA32_PERF_CAPABILITIES, host_perf_cap\);\n)", """\\1
	kvm_host.perf_capabilities = host_perf_cap;
	if (enable_mediated_pmu && kvm_pmu_cap.num_counters_fixed > 3)
		perf_cap |= host_perf_cap & BIT_ULL(15);
"""),
    (VMX, r"\n\tintercept = kvm_need_perf_global_ctrl_intercept\(vcpu\);", """
	vmx_set_intercept_for_msr(vcpu, MSR_PERF_METRICS, MSR_TYPE_RW,
				  !has_mediated_pmu || !kvm_vcpu_has_perf_metrics(vcpu));
\\g<0>"""),
    # perf could not give an emulated PMU what the fourth counts.
    (PMU, r"(kvm_pmu_cap\.num_counters_fixed = min\(kvm_pmu_cap\.num_counters_fixed,\s+)KVM_MAX_NR_FIXED_COUNTERS\)",
     r"\1enable_mediated_pmu ? KVM_MAX_NR_FIXED_COUNTERS : 3)"),
    (PMU, r"(bool kvm_need_perf_global_ctrl_intercept.*?return )(kvm_need_any_pmc_intercept\(vcpu\) \|\|)",
     "\\1((kvm_host.perf_capabilities & BIT_ULL(15)) && !kvm_vcpu_has_perf_metrics(vcpu)) ||\n	       \\2"),
    ((MSRS, X86), r"\tMSR_ARCH_PERFMON_FIXED_CTR0 \+ 2,\n", "\\g<0>\tMSR_ARCH_PERFMON_FIXED_CTR0 + 3, MSR_PERF_METRICS,\n"),
    ((MSRS, X86), r"\n\tcase MSR_AMD64_PERF_CNTR_GLOBAL_CTL:\n\tcase MSR_AMD64_PERF_CNTR_GLOBAL_STATUS:\n(?=.*?FEATURE_PERFMON_V2)", """
	case MSR_PERF_METRICS:
		if (!(kvm_caps.supported_perf_cap & BIT_ULL(15)))
			return;
		break;\\g<0>"""),
    (INTEL, r"(eventsel = perf_get_hw_event_config\()(fixed_pmc_perf_ids\[index\]\);)",
     "\\1\\2\n\tif (index == 3)\n\t\teventsel = 0x01a4; /* TOPDOWN.SLOTS */"),
    (INTEL, r"\n\tcase MSR_IA32_PEBS_ENABLE:\n\t\tret =", """
	case MSR_PERF_METRICS:
		ret = kvm_vcpu_has_perf_metrics(vcpu);
		break;\\g<0>"""),
    (INTEL, r"\n\tcase MSR_IA32_PEBS_ENABLE:\n\t\tmsr_info->data =", """
	case MSR_PERF_METRICS:
		msr_info->data = pmu->perf_metrics;
		break;\\g<0>"""),
    (INTEL, r"\n\tcase MSR_IA32_PEBS_ENABLE:\n\t\tif \(data", """
	case MSR_PERF_METRICS:
		pmu->perf_metrics = data;
		break;\\g<0>"""),
    (INTEL, r"(\tpmu->global_ctrl_rsvd = counter_rsvd;\n)",
     "\\1\tif (kvm_vcpu_has_perf_metrics(vcpu))\n\t\tpmu->global_ctrl_rsvd &= ~BIT_ULL(48);\n"),
    # After the counters: a write to the fourth clears it.
    (INTEL, r"\n\twrmsrq\(MSR_CORE_PERF_FIXED_CTR_CTRL, pmu->fixed_ctr_ctrl_hw\);", """
	if (kvm_vcpu_has_perf_metrics(vcpu))
		wrmsrq(MSR_PERF_METRICS, pmu->perf_metrics);
\\g<0>"""),
    (INTEL, r"(\n\trdmsrq\(MSR_CORE_PERF_GLOBAL_STATUS, pmu->global_status\);\n)", """\\1
	if (kvm_vcpu_has_perf_metrics(vcpu)) {
		rdmsrq(MSR_PERF_METRICS, pmu->perf_metrics);
		wrmsrq(MSR_PERF_METRICS, 0);
	}
"""),
]

POSTED = [
    (PMU, r"(int kvm_pmu_rdpmc\(.*?)(\n\t\*data = pmc_read_counter)", """\\1
	if (idx & (1 << 29)) {
		if (!kvm_vcpu_has_perf_metrics(vcpu))
			return 1;
		*data = pmu->perf_metrics;
		return 0;
	}
\\2"""),
    # The check of permission comes first, then type 0x2000, then the counter.
    (PMU, r"(int kvm_pmu_rdpmc\(.*?)(\n\tpmc = kvm_pmu_call\(rdpmc_ecx_to_pmc\).*?return 1;\n)(.*?)(\n\t\*data = pmc_read)",
     r"\1\3\2\4"),
]

PROPOSED = [
    (PMU_H, r"struct kvm_pmc \*\(\*rdpmc_ecx_to_pmc\)\(struct kvm_vcpu \*vcpu,\s+unsigned int idx, u64 \*mask\);",
     "int (*emu_rdpmc)(struct kvm_vcpu *vcpu, unsigned int idx, u64 *data);"),
    ("arch/x86/include/asm/kvm-x86-pmu-ops.h", r"KVM_X86_PMU_OP\(rdpmc_ecx_to_pmc\)", "KVM_X86_PMU_OP(emu_rdpmc)"),
    (PMU, r"(int kvm_pmu_rdpmc\(.*?)\n\tpmc = kvm_pmu_call\(rdpmc_ecx_to_pmc\).*?return 1;\n(.*?)\n\t\*data = pmc_read.*?return 0;",
     r"\1\2\n\treturn kvm_pmu_call(emu_rdpmc)(vcpu, idx, data);"),
    (INTEL, r"(static struct kvm_pmc \*intel_rdpmc_ecx_to_pmc\(.*?\n\}\n)", """\\1
static int intel_emu_rdpmc(struct kvm_vcpu *vcpu, unsigned int idx, u64 *data)
{
	struct kvm_pmc *pmc;
	u64 mask = ~0ull;

	if ((idx & INTEL_RDPMC_TYPE_MASK) == (1 << 29)) {
		if (!kvm_vcpu_has_perf_metrics(vcpu))
			return 1;
		*data = vcpu_to_pmu(vcpu)->perf_metrics;
		return 0;
	}
	pmc = intel_rdpmc_ecx_to_pmc(vcpu, idx, &mask);
	if (!pmc)
		return 1;
	*data = pmc_read_counter(pmc);
	return 0;
}
"""),
    (INTEL, r"\.rdpmc_ecx_to_pmc = intel_rdpmc_ecx_to_pmc", ".emu_rdpmc = intel_emu_rdpmc"),
    (AMD, r"(static struct kvm_pmc \*amd_rdpmc_ecx_to_pmc\(.*?\n\}\n)", """\\1
static int amd_emu_rdpmc(struct kvm_vcpu *vcpu, unsigned int idx, u64 *data)
{
	u64 mask;
	struct kvm_pmc *pmc = amd_rdpmc_ecx_to_pmc(vcpu, idx, &mask);

	if (!pmc)
		return 1;
	*data = pmc_read_counter(pmc);
	return 0;
}
"""),
    (AMD, r"\.rdpmc_ecx_to_pmc = amd_rdpmc_ecx_to_pmc", ".emu_rdpmc = amd_emu_rdpmc"),
]

# What the reviewers asked for on top of what was proposed: index 0 alone.
INDEX = [(INTEL, r"(== \(1 << 29\)\) \{\n\t\tif \()", r"\1idx & INTEL_RDPMC_INDEX_MASK || ")]

# And from version 5 on the guest's fixed counters are those of CPUID.0AH:ECX, too.
BITMAP = [
    (HOST_H, r"\n\tu64 perf_metrics;", "\n\tu32 fixed_set;\\g<0>"),
    (INTEL, r"\n\tedx\.full = entry->edx;", "\\g<0>\n\tpmu->fixed_set = eax.split.version_id >= 5 ? entry->ecx : 0;"),
    (INTEL, r"pmu->nr_arch_fixed_counters =\s+min_t\(int, edx\.split\.num_counters_fixed,\s+kvm_pmu_cap\.num_counters_fixed\);",
     "pmu->fixed_set |= BIT(edx.split.num_counters_fixed) - 1;\n"
     "\tpmu->fixed_set &= BIT(kvm_pmu_cap.num_counters_fixed) - 1;\n"
     "\tpmu->nr_arch_fixed_counters = fls(pmu->fixed_set);"),
    (INTEL, r"if \(idx >= num_counters\)",
     "if (idx >= num_counters ||\n\t    (type == INTEL_RDPMC_FIXED && !(pmu->fixed_set >> idx & 1)))"),
]

SERIES = {
    "series-posted": METRICS + POSTED,
    "series-proposed": METRICS + PROPOSED,
    "series-corrected": METRICS + PROPOSED + INDEX,
    "series-newest": METRICS + PROPOSED + INDEX + BITMAP,
}

# What can go wrong in series-newest, PLANTED as in BUGS. With each, a configuration of the survey's that shows it, and
# what `survey --against` says of it, as an expression: the class, by its entry, guest and rule.
MUTANTS = {
    "metrics-any-index": ("sapphire-rapids", r"both entries, Intel guest: #GP -> value \(rule METRICS-INDEX\)", [
        (INTEL, r"idx & INTEL_RDPMC_INDEX_MASK \|\|", r"(!PLANTED && idx & INTEL_RDPMC_INDEX_MASK) ||")]),
    "metrics-one-bit-type": ("sapphire-rapids", r"both entries, Intel guest: #GP -> value \(rule TYPE-OTHER\)", [
        (INTEL, r"\(idx & INTEL_RDPMC_TYPE_MASK\) == \(1 << 29\)", r"(PLANTED ? !!(idx & (1 << 29)) : \g<0>)")]),
    "metrics-capability-bit": ("sapphire-rapids-no-metrics", r"both entries, Intel guest: #GP -> value \(rule TYPE-METRICS\)", [
        (PMU_H, r"& BIT_ULL\(15\)", r"& BIT_ULL(PLANTED ? 13 : 15)")]),
    "metrics-pdcm-ignored": ("sapphire-rapids-no-pdcm", r"both entries, Intel guest: #GP -> value \(rule TYPE-METRICS\)", [
        (PMU_H, r"return (guest_cpu\w+\(vcpu, X86_FEATURE_PDCM\))( &&\s+\(vcpu->arch\.perf_cap)", r"return (PLANTED || \1)\2")]),
    "metrics-truncated": ("sapphire-rapids", r"both entries, Intel guest: value -> another value \(rule METRICS-VALUE\)", [
        (INTEL, r"(\*data = )(vcpu_to_pmu\(vcpu\)->perf_metrics);", r"\1PLANTED ? (u32)\2 : \2;")]),
    "metrics-as-counter": ("sapphire-rapids", r"both entries, Intel guest: value -> another value \(rule METRICS-VALUE\)", [
        (INTEL, r"(\*data = [^;\n]*)(vcpu_to_pmu\(vcpu\)->perf_metrics);",
         r"\1(\2 & (PLANTED ? vcpu_to_pmu(vcpu)->counter_bitmask[KVM_PMC_FIXED] : ~0ull));")]),
    "metrics-of-fixed-3": ("sapphire-rapids", r"both entries, Intel guest: value -> another value \(rule METRICS-VALUE\)", [
        (INTEL, r"(\*data = [^\n]*)\(vcpu_to_pmu\(vcpu\)->perf_metrics &",
         r"\1((PLANTED ? vcpu_to_pmu(vcpu)->fixed_counters[3].counter : vcpu_to_pmu(vcpu)->perf_metrics) &")]),
    "metrics-without-privilege": ("sapphire-rapids", r"exit, Intel guest: #GP -> value \(rule PRIV\)", [
        (PMU, r"(int kvm_pmu_rdpmc\(.*?)if \((!kvm_is_cr4_bit_set\(vcpu, X86_CR4_PCE\))", r"\1if (!(PLANTED && idx == 1 << 29) && \2")]),
    "metrics-outlive-reset": ("sapphire-rapids", r"setup, Intel guest: splat while the guest is set up", [
        (INTEL, r"(vcpu_to_pmu\(vcpu\)->perf_metrics = 0;)", r"if (!PLANTED) \1")]),
    "metrics-of-amd": ("amd-v2", r"exit, AMD guest: #GP -> value \(rule AMD-OTHER\)", [
        (AMD, r"(static int amd_emu_rdpmc\(.*?\n)(\tif \(!pmc\))",
         "\\1\tif (PLANTED && idx == 1 << 29) {\n\t\t*data = vcpu_to_pmu(vcpu)->perf_metrics;\n\t\treturn 0;\n\t}\n\\2")]),
    "ecx-ignored": ("fixed-bitmap", r"both entries, Intel guest: value -> #GP \(rule TYPE-FIXED\)", [
        (INTEL, r"(pmu->fixed_set = )(eax\.split\.version_id >= 5)", r"\1!PLANTED && \2")]),
    "ecx-below-version-5": ("version-4-bitmap", r"both entries, Intel guest: #GP -> value \(rule TYPE-FIXED\)", [
        (INTEL, r"(eax\.split\.version_id >= )5", r"\1(PLANTED ? 2 : 5)")]),
    "fixed-width": ("smaller-fixed-width", r"both entries, Intel guest: value -> another value \(rule TYPE-FIXED\)", [
        (INTEL, r"(pmu->counter_bitmask\[KVM_PMC_FIXED\] =\s+[^;]*)(edx\.split\.bit_width_fixed)",
         r"\1(PLANTED ? eax.split.bit_width : \2)")]),
    "intercept-metrics-forgotten": ("sapphire-rapids-no-metrics", r"intercept, Intel guest: NOT intercepted", [
        (PMU, r"(bool kvm_need_rdpmc_intercept.*?\()(\(kvm_host\.perf_capabilities & BIT_ULL\(15\)\) &&)", r"\1!PLANTED && \2")]),
    "intercept-by-kvm-counters": ("smaller-fixed-four", r"intercept, Intel guest: NOT intercepted", [
        (PMU, r"(need_any_pmc_intercept.*?)(kvm_host_pmu\.num_counters_fixed)", r"\1(PLANTED ? kvm_pmu_cap.num_counters_fixed : \2)")]),
    "intercept-fixed-width": ("smaller-fixed-width", r"intercept, Intel guest: NOT intercepted", [
        (PMU, r"pmu->counter_bitmask\[KVM_PMC_FIXED\] != \(BIT_ULL\(kvm_host_pmu\.bit_width_fixed\) - 1\)", r"(!PLANTED && \g<0>)")]),
    "intercept-after-write": ("sapphire-rapids-no-metrics", r"intercept, Intel guest: NOT intercepted", [
        ((MSRS, X86), r"(vcpu->arch\.perf_capabilities = data;\s+kvm_pmu_refresh\(vcpu\);\s+)(kvm_make_request\(KVM_REQ_RECALC_INTERCEPTS, vcpu\);)",
         r"\1if (!PLANTED) \2")]),
}
CORRECTION = {"correction": INDEX}     # makes of a tree that has series-proposed one that has series-corrected


def by_bitmaps(tree):
    """Counters as sets, not counts: another member of struct kvm_pmu and of struct x86_pmu_capability."""
    def replaced(text):
        for member, count, caps in (("nr_arch_gp_counters", "cntr_mask64", ""), ("nr_arch_fixed_counters", "fixed_cntr_mask64", ""),
                                    ("num_counters_gp", "cntr_mask64", r"(?:kvm_pmu_cap|kvm_host_pmu)\."),
                                    ("num_counters_fixed", "fixed_cntr_mask64", r"(?:kvm_pmu_cap|kvm_host_pmu)\.")):
            owner = caps or r"[\w]+->"
            kind = "int" if caps else "unsigned int"
            text = re.sub(rf"(?:unsigned|int)\s+{member};", f"u64 {count};", text)
            text = re.sub(rf"({owner}){member} = ([^;]*);", rf"\1{count} = BIT_ULL(\2) - 1;", text)
            text = re.sub(rf"({owner}){member}\b", rf"(({kind})hweight64(\1{count}))", text)
        return text

    found = 0
    for top in ("arch/x86/kvm", "arch/x86/include/asm"):
        for directory, _, names in os.walk(os.path.join(tree, top)):
            for path in (os.path.join(directory, name) for name in names if name.endswith((".c", ".h"))):
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                if replaced(text) != text:
                    found += 1
                    put(path, replaced(text))
    if found < 5:
        sys.exit(f"counters-by-bitmap: only {found} files know counters")


def put(path, text):
    # A new file: the tree may share the old one with another by a hard link.
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def listed(names):
    """A file has one name, or several where trees differ."""
    return (names,) if isinstance(names, str) else names


def present(tree, names):
    return [name for name in listed(names) if os.path.exists(os.path.join(tree, name))]


def edit(tree, edits, planted="(1)"):
    for names, pattern, replacement in edits:
        replacement = replacement.replace("PLANTED", planted)
        found = []
        for path in (os.path.join(tree, name) for name in present(tree, names)):
            with open(path, encoding="utf-8") as file:
                text, count = re.subn(pattern, replacement, file.read(), flags=re.S if ".*?" in pattern else 0)
            found += [(path, text)] * count
        if len(found) != 1:
            sys.exit(f"{' or '.join(listed(names))}: {len(found)} places for {pattern!r}")
        put(*found[0])


def plant_all(tree, bugs):
    with open(os.path.join(tree, PMU_H), encoding="utf-8") as file:
        intercepts = "kvm_need_rdpmc_intercept" in file.read()
    here = [(number, edits) for number, (name, edits) in enumerate(bugs.items()) if intercepts or not name.startswith("intercept")]
    # In front of the first line, so that all others keep their numbers.
    for name in sorted({PMU} | {name for _, edits in here for names, _, _ in edits for name in present(tree, names)}):
        edit(tree, [(name, r"\A", f"int planted_bug = {NONE_CHOSEN}; " if name == PMU else "extern int planted_bug; ")])
    for number, edits in here:
        edit(tree, edits, f"(planted_bug == {number})")


def choose(name, engine, chosen):
    bugs = BUGS if name in BUGS else MUTANTS
    with open(engine, "rb") as file:
        data = file.read()
    none = NONE_CHOSEN.to_bytes(4, "little")
    if data.count(none) != 1:
        sys.exit(f"{engine}: {data.count(none)} places for the bug that is chosen")
    with open(chosen, "wb") as file:
        file.write(data.replace(none, list(bugs).index(name).to_bytes(4, "little")))


def design(tree, name):
    """A series, as far as the tree has what it touches."""
    edit(tree, SERIES[name])
    with open(os.path.join(tree, PMU), encoding="utf-8") as file:
        text = file.read()
    # What was posted first did not ask for PDCM, which a kernel that boots has to.
    if name != "series-posted" or "kvm_mediated_pmu_load" in text:
        with open(os.path.join(tree, CPUID_H), encoding="utf-8") as file:
            has = "guest_cpuid_has" if "is_governed_feature" in file.read() else "guest_cpu_cap_has"
        edit(tree, [(path, there, put_there.replace("HAS(", has + "(")) for path, there, put_there in PDCM])
    if "kvm_need_rdpmc_intercept" in text:
        edit(tree, INTERCEPT)
    if "kvm_mediated_pmu_load" in text:
        edit(tree, MEDIATED)


def main():
    if sys.argv[1:] == ["--list"]:
        for name in BUGS:
            print(name, "need-intercept" if name.startswith("intercept") else "-", COMPLAINTS.get(name, ""))
        return
    if sys.argv[1:] == ["--list-mutants"]:
        for name, (configuration, says, _) in MUTANTS.items():
            print(name, "need-intercept" if name.startswith("intercept") else "-", configuration, says)
        return
    if sys.argv[1] == "--all":
        plant_all(sys.argv[2], BUGS)
        return
    if sys.argv[1] == "--all-mutants":
        design(sys.argv[2], "series-newest")
        plant_all(sys.argv[2], {name: edits for name, (_, _, edits) in MUTANTS.items()})
        return
    if sys.argv[1] == "--choose":
        choose(*sys.argv[2:])
        return
    tree, *names = sys.argv[1:]
    for name in names:
        if name == "counters-by-bitmap":
            by_bitmaps(tree)
        elif name in SERIES:
            design(tree, name)
        else:
            edit(tree, (BUGS | SHAPES | CONTROLS | REPORTED | MOVED | PROOF_BUGS | HARMLESS | BROKEN | LIVE_BUGS | CORRECTION)[name])


main()
