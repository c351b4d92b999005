// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the settings derived for known processors and kernels are those that KVM brings
 * about, that no host at all breaks the promises of host/setting.h, and that CPUID is read right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/cpuid_pmu.h"
#include "host/setting.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* IA32_PERF_CAPABILITIES: full-width writes and a format of LBRs, without and with PERF_METRICS. */
#define CAPS	     (PERF_CAP_FW_WRITES | 5)
#define CAPS_METRICS (CAPS | PERF_CAP_PERF_METRICS)

#define INTEL(version_, gp, gp_bits, fixed, fixed_bits, capabilities)                              \
	{ .vendor = CPU_VENDOR_INTEL,                                                              \
	  .version = (version_),                                                                   \
	  .nr_gp = (gp),                                                                           \
	  .gp_width = (gp_bits),                                                                   \
	  .nr_fixed = (fixed),                                                                     \
	  .fixed_width = (fixed_bits),                                                             \
	  .perf_capabilities = (capabilities) }
#define AMD(version_, gp)                                                                          \
	{ .vendor = CPU_VENDOR_AMD, .version = (version_), .nr_gp = (gp), .gp_width = 48 }
#define NO_PMU(vendor_) { .vendor = (vendor_) }

/* Processors, hyper-threading on; KVM offers version 2, at most 8 GP and (to 7.3) 3 fixed ones. */
#define HASWELL		INTEL(3, 4, 48, 3, 48, CAPS)
#define SKYLAKE_SP	INTEL(4, 4, 48, 3, 48, CAPS)
#define ICE_LAKE	INTEL(5, 8, 48, 4, 48, CAPS_METRICS)
#define SAPPHIRE_RAPIDS INTEL(5, 8, 48, 4, 48, CAPS_METRICS)
#define TEN_GP		INTEL(6, 10, 48, 4, 48, CAPS_METRICS)
#define SPARSE_FIXED	INTEL(5, 8, 48, 6, 48, CAPS)
#define ZEN_3		AMD(1, 6)
#define ZEN_4		AMD(2, 6)

#define OFFERED_4_3	INTEL(2, 4, 48, 3, 48, CAPS)
#define OFFERED_8_3	INTEL(2, 8, 48, 3, 48, CAPS)
#define OFFERED_METRICS INTEL(2, 8, 48, 4, 48, CAPS_METRICS)
#define OFFERED_NOTHING NO_PMU(CPU_VENDOR_INTEL)

#define PARAMS(pmu, mediated_pmu, vmware)                                                          \
	.enable_pmu = PARAM_##pmu, .enable_mediated_pmu = PARAM_##mediated_pmu,                    \
	.enable_vmware_backdoor = PARAM_##vmware
#define LINUX_6_12	PARAMS(YES, ABSENT, NO)
#define LINUX_7_OFF	PARAMS(YES, NO, NO)
#define LINUX_7_ON	PARAMS(YES, YES, NO)
#define LINUX_7_VMWARE	PARAMS(YES, YES, YES)
#define LINUX_7_NO_VPMU PARAMS(NO, NO, NO)

#define VMX(params, ...) { .backend = KVM_BACKEND_VMX, params, __VA_ARGS__ }
#define SVM(params, ...) { .backend = KVM_BACKEND_SVM, params, __VA_ARGS__ }

#define RELOAD "modprobe -r kvm_intel; modprobe kvm_intel enable_mediated_pmu=1"

struct row {
	const char *name;
	struct setting_host host;
	const char *reason;	    /* part of why there is no passthrough; NULL where there is */
	const char *remedy;	    /* part of what helps */
	enum intercept_cause means;   /* of the intercepted setting, and its guest: */
	unsigned int version, gp, gp_width, fixed;
	uint64_t capabilities;
	bool irqchip;		    /* of both */
};

static const struct row rows[] = {
	/* Skylake: the one Intel processor that KVM 7.0 can pass RDPMC through on. */
	{ "Skylake-SP, 6.12", VMX(LINUX_6_12, .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3),
	  "kernel has no mediated PMU", "Linux 7.0 or later", INTERCEPT_CAUSE_NO_MEDIATED_PMU,
	  2, 4, 48, 3, CAPS, false },
	{ "Skylake-SP, 7.x off", VMX(LINUX_7_OFF, .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3),
	  "enable_mediated_pmu=N", RELOAD, INTERCEPT_CAUSE_NO_MEDIATED_PMU, 2, 4, 48, 3, CAPS, false },
	{ "Skylake-SP, 7.x on", VMX(LINUX_7_ON, .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3),
	  NULL, NULL, INTERCEPT_CAUSE_GP_WIDTH, 2, 4, 47, 3, CAPS, true },
	{ "Skylake-SP, 7.x, VMware", VMX(LINUX_7_VMWARE, .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3),
	  "enable_vmware_backdoor=Y",
	  "modprobe -r kvm_intel kvm; modprobe kvm enable_vmware_backdoor=0; "
	  "modprobe kvm_intel enable_mediated_pmu=1",
	  INTERCEPT_CAUSE_VMWARE_BACKDOOR, 2, 4, 48, 3, CAPS, true },
	{ "Skylake-SP, 7.x, no vPMU",
	  VMX(LINUX_7_NO_VPMU, .cpu = SKYLAKE_SP, .kvm = OFFERED_NOTHING),
	  "enable_pmu=N",
	  "modprobe -r kvm_intel kvm; modprobe kvm enable_pmu=1; "
	  "modprobe kvm_intel enable_mediated_pmu=1",
	  INTERCEPT_CAUSE_NO_PMU, 0, 0, 0, 0, 0, false },
	{ "Skylake-SP, no vPMU for other reasons",
	  VMX(LINUX_7_OFF, .cpu = SKYLAKE_SP, .kvm = OFFERED_NOTHING),
	  "KVM offers no PMU", "", INTERCEPT_CAUSE_NO_PMU, 0, 0, 0, 0, 0, false },
	{ "Skylake-SP, 6.12, no vPMU for other reasons",
	  VMX(LINUX_6_12, .cpu = SKYLAKE_SP, .kvm = OFFERED_NOTHING),
	  "KVM offers no PMU", "", INTERCEPT_CAUSE_NO_PMU, 0, 0, 0, 0, 0, false },
	{ "Skylake-SP, no vPMU, VMware",
	  VMX(PARAMS(NO, NO, YES), .cpu = SKYLAKE_SP, .kvm = OFFERED_NOTHING),
	  "enable_pmu=N", "enable_pmu=1", INTERCEPT_CAUSE_NO_PMU, 0, 0, 0, 0, 0, false },
	{ "Skylake-SP, off, VMware",
	  VMX(PARAMS(YES, NO, YES), .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3),
	  "enable_mediated_pmu=N", RELOAD, INTERCEPT_CAUSE_NO_MEDIATED_PMU, 2, 4, 48, 3, CAPS, false },
	/* A kernel so old that the parameters are elsewhere has a vPMU all the same. */
	{ "Skylake-SP, parameters absent",
	  VMX(PARAMS(ABSENT, ABSENT, ABSENT), .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3),
	  "kernel has no mediated PMU", "Linux 7.0", INTERCEPT_CAUSE_NO_MEDIATED_PMU,
	  2, 4, 48, 3, CAPS, false },

	/* Ice Lake and later: 4 fixed counters, of which KVM offers 3. */
	{ "Ice Lake, 6.12", VMX(LINUX_6_12, .cpu = ICE_LAKE, .kvm = OFFERED_8_3),
	  "kernel has no mediated PMU", "7.0 or later, with a KVM that offers all fixed counters",
	  INTERCEPT_CAUSE_NO_MEDIATED_PMU, 2, 8, 48, 3, CAPS, false },
	{ "Ice Lake, 7.x off", VMX(LINUX_7_OFF, .cpu = ICE_LAKE, .kvm = OFFERED_8_3),
	  "enable_mediated_pmu=N", RELOAD ", with a KVM that offers all fixed counters",
	  INTERCEPT_CAUSE_NO_MEDIATED_PMU, 2, 8, 48, 3, CAPS, false },
	{ "Ice Lake, 7.x on", VMX(LINUX_7_ON, .cpu = ICE_LAKE, .kvm = OFFERED_8_3),
	  "KVM offers 3 of the processor's 4 fixed counters", "a kernel whose KVM offers all",
	  INTERCEPT_CAUSE_HOST_MISMATCH, 2, 8, 48, 3, CAPS, true },
	{ "Ice Lake, PERF_METRICS offered",
	  VMX(LINUX_7_ON, .cpu = ICE_LAKE, .kvm = OFFERED_METRICS),
	  NULL, NULL, INTERCEPT_CAUSE_GP_WIDTH, 2, 8, 47, 4, CAPS_METRICS, true },
	{ "Ice Lake, PERF_METRICS offered, VMware",
	  VMX(LINUX_7_VMWARE, .cpu = ICE_LAKE, .kvm = OFFERED_METRICS),
	  "enable_vmware_backdoor=Y", "enable_vmware_backdoor=0", INTERCEPT_CAUSE_VMWARE_BACKDOOR,
	  2, 8, 48, 4, CAPS_METRICS, true },
	/* The backdoor is what can be helped: it is named before the mismatch. */
	{ "Ice Lake, 7.x, VMware", VMX(LINUX_7_VMWARE, .cpu = ICE_LAKE, .kvm = OFFERED_8_3),
	  "enable_vmware_backdoor=Y", "enable_vmware_backdoor=0", INTERCEPT_CAUSE_VMWARE_BACKDOOR,
	  2, 8, 48, 3, CAPS, true },
	{ "Sapphire Rapids, 7.x on", VMX(LINUX_7_ON, .cpu = SAPPHIRE_RAPIDS, .kvm = OFFERED_8_3),
	  "KVM offers 3 of the processor's 4 fixed counters", "a kernel whose KVM offers all",
	  INTERCEPT_CAUSE_HOST_MISMATCH, 2, 8, 48, 3, CAPS, true },
	{ "Sapphire Rapids, PERF_METRICS offered",
	  VMX(LINUX_7_ON, .cpu = SAPPHIRE_RAPIDS, .kvm = OFFERED_METRICS),
	  NULL, NULL, INTERCEPT_CAUSE_GP_WIDTH, 2, 8, 47, 4, CAPS_METRICS, true },
	{ "ten GP counters", VMX(LINUX_7_ON, .cpu = TEN_GP, .kvm = OFFERED_8_3),
	  "KVM offers 8 of the processor's 10 GP counters", "a kernel whose KVM offers all",
	  INTERCEPT_CAUSE_HOST_MISMATCH, 2, 8, 48, 3, CAPS, true },
	{ "ten GP counters, VMware", VMX(LINUX_7_VMWARE, .cpu = TEN_GP, .kvm = OFFERED_8_3),
	  "enable_vmware_backdoor=Y", "enable_vmware_backdoor=0", INTERCEPT_CAUSE_VMWARE_BACKDOOR,
	  2, 8, 48, 3, CAPS, true },
	{ "fixed counters 0-2 and 4-6", VMX(LINUX_7_ON, .cpu = SPARSE_FIXED, .kvm = OFFERED_8_3),
	  "KVM offers 3 of the processor's 6 fixed counters", "a kernel whose KVM offers all",
	  INTERCEPT_CAUSE_HOST_MISMATCH, 2, 8, 48, 3, CAPS, true },
	/* On bare metal perf takes 3 for given, whatever CPUID says, and so does KVM. */
	{ "no fixed counters in CPUID, off",
	  VMX(LINUX_7_OFF, .cpu = INTEL(4, 4, 48, 0, 0, CAPS), .kvm = OFFERED_4_3),
	  "enable_mediated_pmu=N", RELOAD, INTERCEPT_CAUSE_NO_MEDIATED_PMU, 2, 4, 48, 3, CAPS, false },
	{ "no fixed counters in CPUID",
	  VMX(LINUX_7_ON, .cpu = INTEL(4, 4, 48, 0, 0, CAPS), .kvm = OFFERED_4_3),
	  NULL, NULL, INTERCEPT_CAUSE_GP_WIDTH, 2, 4, 47, 3, CAPS, true },
	{ "two fixed counters in CPUID",
	  VMX(LINUX_7_ON, .cpu = INTEL(4, 4, 48, 2, 48, CAPS), .kvm = OFFERED_4_3),
	  NULL, NULL, INTERCEPT_CAUSE_GP_WIDTH, 2, 4, 47, 3, CAPS, true },
	/* A hypervisor below may well have none: then there are none. */
	{ "no fixed counters, none offered",
	  VMX(LINUX_7_ON, .cpu = INTEL(4, 4, 48, 0, 0, CAPS),
	      .kvm = INTEL(2, 4, 48, 0, 0, CAPS), .nested = true),
	  NULL, NULL, INTERCEPT_CAUSE_GP_WIDTH, 2, 4, 47, 0, CAPS, true },
	/* perf knows one width, that of the GP counters, and KVM offers and compares it. */
	{ "fixed counters narrower than GP counters",
	  VMX(LINUX_7_ON, .cpu = INTEL(4, 4, 48, 3, 40, CAPS), .kvm = OFFERED_4_3),
	  NULL, NULL, INTERCEPT_CAUSE_GP_WIDTH, 2, 4, 47, 3, CAPS, true },
	{ "fixed counters wider than GP counters",
	  VMX(LINUX_7_ON, .cpu = INTEL(4, 4, 40, 3, 48, CAPS),
	      .kvm = INTEL(2, 4, 40, 3, 40, CAPS)),
	  NULL, NULL, INTERCEPT_CAUSE_GP_WIDTH, 2, 4, 39, 3, CAPS, true },
	{ "GP counters offered too narrow",
	  VMX(LINUX_7_ON, .cpu = SKYLAKE_SP, .kvm = INTEL(2, 4, 40, 3, 48, CAPS)),
	  "KVM offers GP counters of 40 bits, not of 48", "", INTERCEPT_CAUSE_HOST_MISMATCH,
	  2, 4, 40, 3, CAPS, true },
	{ "fixed counters offered too narrow",
	  VMX(LINUX_7_ON, .cpu = SKYLAKE_SP, .kvm = INTEL(2, 4, 48, 3, 40, CAPS)),
	  "KVM offers another PMU than the processor's", "", INTERCEPT_CAUSE_HOST_MISMATCH,
	  2, 4, 48, 3, CAPS, true },

	/* The processor is the reason, not the parameter that KVM turned to N because of it. */
	{ "Haswell, 6.12", VMX(LINUX_6_12, .cpu = HASWELL, .kvm = OFFERED_4_3),
	  "PMU version 3: the mediated PMU needs 4", "Skylake or later", INTERCEPT_CAUSE_NO_MEDIATED_PMU,
	  2, 4, 48, 3, CAPS, false },
	{ "Haswell, 7.x", VMX(LINUX_7_OFF, .cpu = HASWELL, .kvm = OFFERED_4_3),
	  "PMU version 3: the mediated PMU needs 4", "Skylake or later", INTERCEPT_CAUSE_NO_MEDIATED_PMU,
	  2, 4, 48, 3, CAPS, false },
	{ "Haswell, 7.x, no vPMU", VMX(LINUX_7_NO_VPMU, .cpu = HASWELL, .kvm = OFFERED_NOTHING),
	  "PMU version 3: the mediated PMU needs 4", "Skylake or later", INTERCEPT_CAUSE_NO_PMU,
	  0, 0, 0, 0, 0, false },
	/* What can be known of the MSR here is what KVM offers, and that holds LBR formats and more. */
	{ "LBR format alone known",
	  VMX(LINUX_7_OFF, .cpu = INTEL(4, 4, 48, 3, 48, 5), .kvm = OFFERED_4_3),
	  "enable_mediated_pmu=N", RELOAD, INTERCEPT_CAUSE_NO_MEDIATED_PMU, 2, 4, 48, 3, CAPS, false },
	{ "capabilities unknown",
	  VMX(LINUX_7_OFF, .cpu = INTEL(4, 4, 48, 3, 48, 0), .kvm = OFFERED_4_3),
	  "enable_mediated_pmu=N", RELOAD, INTERCEPT_CAUSE_NO_MEDIATED_PMU, 2, 4, 48, 3, CAPS, false },
	{ "only PERF_METRICS known",
	  VMX(LINUX_7_OFF, .cpu = INTEL(5, 8, 48, 4, 48, PERF_CAP_PERF_METRICS),
	      .kvm = OFFERED_8_3),
	  "enable_mediated_pmu=N", RELOAD, INTERCEPT_CAUSE_NO_MEDIATED_PMU, 2, 8, 48, 3, CAPS, false },
	{ "full-width writes as KVM knows better",
	  VMX(LINUX_7_ON, .cpu = INTEL(4, 4, 48, 3, 48, 5), .kvm = OFFERED_4_3),
	  NULL, NULL, INTERCEPT_CAUSE_GP_WIDTH, 2, 4, 47, 3, CAPS, true },
	{ "Alder Lake",
	  VMX(LINUX_7_NO_VPMU, .cpu = ICE_LAKE, .kvm = OFFERED_NOTHING, .hybrid = true),
	  "hybrid processor: KVM has no vPMU there", "cores of one kind", INTERCEPT_CAUSE_NO_PMU,
	  0, 0, 0, 0, 0, false },
	{ "Alder Lake as perf reports it",
	  VMX(LINUX_7_NO_VPMU, .cpu = OFFERED_NOTHING, .kvm = OFFERED_NOTHING, .hybrid = true),
	  "hybrid processor: KVM has no vPMU there", "cores of one kind", INTERCEPT_CAUSE_NO_PMU,
	  0, 0, 0, 0, 0, false },
	{ "Alder Lake, 6.12",
	  VMX(PARAMS(NO, ABSENT, NO), .cpu = ICE_LAKE, .kvm = OFFERED_NOTHING, .hybrid = true),
	  "hybrid processor: KVM has no vPMU there", "cores of one kind", INTERCEPT_CAUSE_NO_PMU,
	  0, 0, 0, 0, 0, false },

	/* AMD */
	{ "Zen 3, 6.12", SVM(LINUX_6_12, .cpu = ZEN_3, .kvm = ZEN_3),
	  "AMD without PerfMonV2 (Zen 4 or later)", "Zen 4 or later", INTERCEPT_CAUSE_NO_MEDIATED_PMU,
	  1, 6, 48, 0, 0, false },
	{ "Zen 3, 7.x", SVM(LINUX_7_OFF, .cpu = ZEN_3, .kvm = ZEN_3),
	  "AMD without PerfMonV2 (Zen 4 or later)", "Zen 4 or later", INTERCEPT_CAUSE_NO_MEDIATED_PMU,
	  1, 6, 48, 0, 0, false },
	{ "Zen 4, 6.12", SVM(LINUX_6_12, .cpu = ZEN_4, .kvm = ZEN_4),
	  "kernel has no mediated PMU", "Linux 7.0 or later", INTERCEPT_CAUSE_NO_MEDIATED_PMU,
	  2, 6, 48, 0, 0, false },
	{ "Zen 4, 7.x off", SVM(LINUX_7_OFF, .cpu = ZEN_4, .kvm = ZEN_4),
	  "enable_mediated_pmu=N", "modprobe -r kvm_amd; modprobe kvm_amd enable_mediated_pmu=1",
	  INTERCEPT_CAUSE_NO_MEDIATED_PMU, 2, 6, 48, 0, 0, false },
	{ "Zen 4, 7.x on", SVM(LINUX_7_ON, .cpu = ZEN_4, .kvm = ZEN_4),
	  NULL, NULL, INTERCEPT_CAUSE_FEWER_GP, 2, 5, 48, 0, 0, true },
	{ "Zen 4, 7.x, VMware", SVM(LINUX_7_VMWARE, .cpu = ZEN_4, .kvm = ZEN_4),
	  "enable_vmware_backdoor=Y", "modprobe -r kvm_amd kvm;", INTERCEPT_CAUSE_VMWARE_BACKDOOR,
	  2, 6, 48, 0, 0, true },
	{ "Zen 4, more counters than KVM has", SVM(LINUX_7_ON, .cpu = AMD(2, 8), .kvm = ZEN_4),
	  "KVM offers 6 of the processor's 8 GP counters", "a kernel whose KVM offers all",
	  INTERCEPT_CAUSE_HOST_MISMATCH, 2, 6, 48, 0, 0, true },
	/* CPUID of AMD still announces 4 counters, and KVM gives none. */
	{ "Zen 4, 7.x, no vPMU", SVM(LINUX_7_NO_VPMU, .cpu = ZEN_4, .kvm = AMD(1, 4)),
	  "enable_pmu=N", "modprobe kvm_amd enable_mediated_pmu=1", INTERCEPT_CAUSE_NO_PMU,
	  0, 0, 0, 0, 0, false },

	/* Hosts that are guests */
	{ "nested under KVM, Intel",
	  VMX(LINUX_7_OFF, .cpu = OFFERED_8_3, .kvm = OFFERED_8_3, .nested = true),
	  "PMU version 2: the mediated PMU needs 4", "bare metal", INTERCEPT_CAUSE_NO_MEDIATED_PMU,
	  2, 8, 48, 3, CAPS, false },
	{ "nested, Zen 3 seen", SVM(LINUX_7_OFF, .cpu = ZEN_3, .kvm = ZEN_3, .nested = true),
	  "AMD without PerfMonV2", "PerfMonV2 for this virtual machine", INTERCEPT_CAUSE_NO_MEDIATED_PMU,
	  1, 6, 48, 0, 0, false },
	{ "nested, Zen 4", SVM(LINUX_7_ON, .cpu = ZEN_4, .kvm = ZEN_4, .nested = true),
	  NULL, NULL, INTERCEPT_CAUSE_FEWER_GP, 2, 5, 48, 0, 0, true },
	{ "nested without a PMU",
	  VMX(LINUX_7_NO_VPMU, .cpu = OFFERED_NOTHING, .kvm = OFFERED_NOTHING, .nested = true),
	  "host has no PMU", "a PMU for this virtual machine", INTERCEPT_CAUSE_NO_PMU, 0, 0, 0, 0, 0, false },
	{ "no PMU on bare metal",
	  VMX(LINUX_7_NO_VPMU, .cpu = OFFERED_NOTHING, .kvm = OFFERED_NOTHING),
	  "host has no PMU", "perf knows", INTERCEPT_CAUSE_NO_PMU, 0, 0, 0, 0, 0, false },

	{ "PMU that perf turned off",
	  VMX(LINUX_7_NO_VPMU, .cpu = OFFERED_NOTHING, .kvm = OFFERED_NOTHING,
	      .unused_version = 4),
	  "the host's kernel uses no PMU, though CPUID announces one", "dmesg | grep -i PMU",
	  INTERCEPT_CAUSE_NO_PMU, 0, 0, 0, 0, 0, false },

	/* Neither VMX nor SVM */
	{ "PVM on AMD without a PMU",
	  { .backend = KVM_BACKEND_PVM, PARAMS(NO, ABSENT, NO), .cpu = NO_PMU(CPU_VENDOR_AMD),
	    .kvm = NO_PMU(CPU_VENDOR_AMD), .nested = true },
	  "kvm_pvm has no mediated PMU", "VMX or SVM", INTERCEPT_CAUSE_NO_PMU, 0, 0, 0, 0, 0, false },
	{ "PVM with a PMU",
	  { .backend = KVM_BACKEND_PVM, PARAMS(YES, YES, NO), .cpu = SKYLAKE_SP,
	    .kvm = OFFERED_4_3 },
	  "kvm_pvm has no mediated PMU", "VMX or SVM", INTERCEPT_CAUSE_NO_MEDIATED_PMU,
	  2, 4, 48, 3, CAPS, false },
	{ "unknown backend",
	  { .backend = KVM_BACKEND_UNKNOWN, PARAMS(ABSENT, ABSENT, ABSENT), .cpu = SKYLAKE_SP,
	    .kvm = OFFERED_NOTHING },
	  "neither kvm_intel nor kvm_amd is loaded", "modprobe kvm_intel", INTERCEPT_CAUSE_NO_PMU,
	  0, 0, 0, 0, 0, false },
	{ "unknown backend on Alder Lake",
	  { .backend = KVM_BACKEND_UNKNOWN, PARAMS(NO, ABSENT, NO), .cpu = OFFERED_NOTHING,
	    .kvm = OFFERED_NOTHING, .hybrid = true },
	  "neither kvm_intel nor kvm_amd is loaded", "modprobe kvm_intel", INTERCEPT_CAUSE_NO_PMU,
	  0, 0, 0, 0, 0, false },
};

static bool same_shape(const struct pmu_shape *a, const struct pmu_shape *b)
{
	return a->vendor == b->vendor && a->version == b->version && a->nr_gp == b->nr_gp &&
	       a->gp_width == b->gp_width && a->nr_fixed == b->nr_fixed &&
	       a->fixed_width == b->fixed_width && a->perf_capabilities == b->perf_capabilities;
}

/* What becomes of an offer: the formats of LBR and PEBS records, CAPS has one, are never passed on. */
static struct pmu_shape passed_on(struct pmu_shape clamp)
{
	clamp.perf_capabilities &= PERF_CAP_FW_WRITES | PERF_CAP_PERF_METRICS;
	return clamp;
}

static bool has_no_pmu(const struct pmu_shape *pmu, enum cpu_vendor vendor)
{
	return same_shape(pmu, &(struct pmu_shape)NO_PMU(vendor));
}

static void check_text(const char *name, const char *what, const char *text, const char *part)
{
	if (!strstr(text, part) || (!*part && *text))
		fail_msg("%s: %s is \"%s\", not \"%s\"", name, what, text, part);
}

static void test_passthrough_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct pmu_shape guest;
		struct setting setting;

		guest = passed_on(row->host.kvm);
		setting_derive(&row->host, SETTING_PASSTHROUGH, &setting);
		if (setting.available != !row->reason)
			fail_msg("%s: available %d, \"%s\"", row->name, setting.available,
				 setting.reason);
		check_text(row->name, "reason", setting.reason, row->reason ? row->reason : "");
		check_text(row->name, "remedy", setting.remedy, row->remedy ? row->remedy : "");
		if (setting.means != INTERCEPT_CAUSE_NONE || setting.irqchip != row->irqchip)
			fail_msg("%s: means %d, irqchip %d", row->name, setting.means,
				 setting.irqchip);
		if (setting.available && !same_shape(&setting.guest, &guest))
			fail_msg("%s: the guest does not get what KVM offers", row->name);
	}
}

static void test_intercepted_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct setting setting;
		struct pmu_shape guest = {
			.vendor = row->host.kvm.vendor,
			.version = row->version,
			.nr_gp = row->gp,
			.gp_width = row->gp_width,
			.nr_fixed = row->fixed,
			.fixed_width = row->fixed ? row->host.kvm.fixed_width : 0,
			.perf_capabilities = row->capabilities,
		};

		guest = passed_on(guest);
		setting_derive(&row->host, SETTING_INTERCEPTED, &setting);
		if (!setting.available || setting.reason[0] || setting.remedy[0])
			fail_msg("%s: not available, \"%s\"", row->name, setting.reason);
		if (setting.means != row->means || setting.irqchip != row->irqchip)
			fail_msg("%s: means \"%s\", not \"%s\"; irqchip %d", row->name,
				 intercept_cause_text(setting.means), intercept_cause_text(row->means),
				 setting.irqchip);
		if (!same_shape(&setting.guest, &guest))
			fail_msg("%s: guest has version %u, %u GP of %u bits, %u fixed, %#llx",
				 row->name, setting.guest.version, setting.guest.nr_gp,
				 setting.guest.gp_width, setting.guest.nr_fixed,
				 (unsigned long long)setting.guest.perf_capabilities);
	}
}

/* What KVM compares, and what it does not: one difference at a time. */
static void test_kvm_intercepts(void **state)
{
	static const struct setting_host skylake =
		VMX(LINUX_7_ON, .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3);
	static const struct setting_host metrics =
		VMX(LINUX_7_ON, .cpu = ICE_LAKE, .kvm = OFFERED_METRICS);
	static const struct setting_host unaware =
		VMX(LINUX_7_ON, .cpu = ICE_LAKE, .kvm = INTEL(2, 8, 48, 4, 48, CAPS));
	static const struct setting_host capped =
		VMX(LINUX_7_ON, .cpu = ICE_LAKE, .kvm = OFFERED_8_3);
	static const struct setting_host narrow_fixed =
		VMX(LINUX_7_ON, .cpu = INTEL(4, 4, 48, 3, 40, CAPS), .kvm = OFFERED_4_3);
	static const struct setting_host off =
		VMX(LINUX_7_OFF, .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3);
	static const struct setting_host vmware =
		VMX(LINUX_7_VMWARE, .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3);
	static const struct setting_host zen4 = SVM(LINUX_7_ON, .cpu = ZEN_4, .kvm = ZEN_4);
	static const struct {
		const char *name;
		const struct setting_host *host;
		struct pmu_shape guest;
		bool intercepts;
	} cases[] = {
		{ "equal", &skylake, INTEL(2, 4, 48, 3, 48, CAPS), false },
		{ "other version", &skylake, INTEL(4, 4, 48, 3, 48, CAPS), false },
		{ "other capabilities", &skylake, INTEL(2, 4, 48, 3, 48, 0), false },
		{ "no PMU", &skylake, NO_PMU(CPU_VENDOR_INTEL), true },
		{ "version 1 has no fixed counters", &skylake, INTEL(1, 4, 48, 3, 48, CAPS), true },
		{ "GP count", &skylake, INTEL(2, 3, 48, 3, 48, CAPS), true },
		{ "GP width", &skylake, INTEL(2, 4, 47, 3, 48, CAPS), true },
		{ "fixed count", &skylake, INTEL(2, 4, 48, 2, 48, CAPS), true },
		{ "fixed width", &skylake, INTEL(2, 4, 48, 3, 47, CAPS), true },
		{ "fixed width is GP width", &narrow_fixed, INTEL(2, 4, 48, 3, 48, CAPS), false },
		{ "fixed width of CPUID", &narrow_fixed, INTEL(2, 4, 48, 3, 40, CAPS), true },
		{ "more than there is", &skylake, INTEL(2, 9, 64, 4, 64, CAPS), false },
		{ "trimmed to what is offered", &capped, INTEL(5, 8, 48, 4, 48, CAPS), true },
		{ "not mediated", &off, INTEL(2, 4, 48, 3, 48, CAPS), true },
		{ "backdoor", &vmware, INTEL(2, 4, 48, 3, 48, CAPS), true },
		{ "metrics shown", &metrics, INTEL(2, 8, 48, 4, 48, CAPS_METRICS), false },
		{ "metrics hidden", &metrics, INTEL(2, 8, 48, 4, 48, CAPS), true },
		{ "metrics not compared", &unaware, INTEL(2, 8, 48, 4, 48, CAPS), false },
		{ "Zen 4", &zen4, AMD(2, 6), false },
		{ "Zen 4, GP count", &zen4, AMD(2, 5), true },
		{ "Zen 4, width is KVM's", &zen4, INTEL(2, 6, 47, 0, 0, 0), false },
		{ "Zen 4, version 0", &zen4, AMD(0, 6), true },
		{ "Zen 4, fixed is Intel's", &zen4, INTEL(2, 6, 48, 3, 48, 0), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (setting_kvm_intercepts(cases[i].host, &cases[i].guest) != cases[i].intercepts)
			fail_msg("%s", cases[i].name);
}

/* A means asked for by name, where it works and where it would be a wrong label. */
static void test_with_cause(void **state)
{
	static const struct setting_host skylake =
		VMX(LINUX_7_ON, .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3);
	static const struct setting_host metrics =
		VMX(LINUX_7_ON, .cpu = ICE_LAKE, .kvm = OFFERED_METRICS);
	static const struct setting_host capped =
		VMX(LINUX_7_ON, .cpu = ICE_LAKE, .kvm = OFFERED_8_3);
	static const struct setting_host old =
		VMX(LINUX_6_12, .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3);
	static const struct setting_host vmware =
		VMX(LINUX_7_VMWARE, .cpu = SKYLAKE_SP, .kvm = OFFERED_4_3);
	static const struct setting_host no_vpmu =
		VMX(LINUX_7_NO_VPMU, .cpu = SKYLAKE_SP, .kvm = OFFERED_NOTHING);
	/* KVM gives PerfMonV2 to guests of six counters or more only. */
	static const struct setting_host legacy =
		SVM(LINUX_7_ON, .cpu = AMD(2, 4), .kvm = AMD(1, 4));
	static const struct setting_host zen4 = SVM(LINUX_7_ON, .cpu = ZEN_4, .kvm = ZEN_4);
	static const struct {
		const char *name;
		const struct setting_host *host;
		enum intercept_cause means;
		const char *reason;		/* NULL: available, with this guest */
		struct pmu_shape guest;
	} cases[] = {
		{ "width", &skylake, INTERCEPT_CAUSE_GP_WIDTH, NULL, INTEL(2, 4, 47, 3, 48, CAPS) },
		{ "fewer GP", &skylake, INTERCEPT_CAUSE_FEWER_GP, NULL, INTEL(2, 3, 48, 3, 48, CAPS) },
		{ "fewer fixed", &skylake, INTERCEPT_CAUSE_FEWER_FIXED, NULL, INTEL(2, 4, 48, 2, 48, CAPS) },
		{ "no metrics to hide", &skylake, INTERCEPT_CAUSE_METRICS_HIDDEN,
		  "does not make KVM intercept: PERF_METRICS hidden", NO_PMU(0) },
		{ "metrics hidden", &metrics, INTERCEPT_CAUSE_METRICS_HIDDEN, NULL,
		  INTEL(2, 8, 48, 4, 48, CAPS) },
		{ "nothing changed", &skylake, INTERCEPT_CAUSE_NONE, "does not make KVM intercept: nothing",
		  NO_PMU(0) },
		{ "no mismatch", &skylake, INTERCEPT_CAUSE_HOST_MISMATCH, "does not make KVM intercept",
		  NO_PMU(0) },
		{ "no backdoor", &skylake, INTERCEPT_CAUSE_VMWARE_BACKDOOR, "does not make KVM intercept",
		  NO_PMU(0) },
		{ "mediated", &skylake, INTERCEPT_CAUSE_NO_MEDIATED_PMU, "does not make KVM intercept",
		  NO_PMU(0) },
		{ "no PMU by choice", &skylake, INTERCEPT_CAUSE_NO_PMU, NULL, NO_PMU(CPU_VENDOR_INTEL) },
		{ "no PMU by choice, old", &old, INTERCEPT_CAUSE_NO_PMU, NULL, NO_PMU(CPU_VENDOR_INTEL) },
		{ "no PMU anyway", &no_vpmu, INTERCEPT_CAUSE_NO_PMU, NULL, NO_PMU(CPU_VENDOR_INTEL) },
		{ "no PMU to narrow", &no_vpmu, INTERCEPT_CAUSE_GP_WIDTH,
		  "RDPMC is intercepted without it: guest without a PMU", NO_PMU(0) },
		{ "width, but capped", &capped, INTERCEPT_CAUSE_GP_WIDTH,
		  "RDPMC is intercepted without it: KVM offers less", NO_PMU(0) },
		{ "capped", &capped, INTERCEPT_CAUSE_HOST_MISMATCH, NULL, OFFERED_8_3 },
		{ "width, but old", &old, INTERCEPT_CAUSE_GP_WIDTH,
		  "RDPMC is intercepted without it: no mediated PMU", NO_PMU(0) },
		{ "old", &old, INTERCEPT_CAUSE_NO_MEDIATED_PMU, NULL, OFFERED_4_3 },
		{ "fewer GP, but backdoor", &vmware, INTERCEPT_CAUSE_FEWER_GP,
		  "RDPMC is intercepted without it: enable_vmware_backdoor=Y", NO_PMU(0) },
		{ "backdoor", &vmware, INTERCEPT_CAUSE_VMWARE_BACKDOOR, NULL, OFFERED_4_3 },
		{ "AMD's width", &zen4, INTERCEPT_CAUSE_GP_WIDTH,
		  "does not make KVM intercept: GP counters one bit narrower", NO_PMU(0) },
		{ "AMD's fixed", &zen4, INTERCEPT_CAUSE_FEWER_FIXED, "does not make KVM intercept",
		  NO_PMU(0) },
		{ "AMD's GP", &zen4, INTERCEPT_CAUSE_FEWER_GP, NULL, AMD(2, 5) },
		{ "AMD's GP, legacy", &legacy, INTERCEPT_CAUSE_FEWER_GP, "does not make KVM intercept",
		  NO_PMU(0) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct setting setting;
		bool available = setting_with_cause(cases[i].host, cases[i].means, &setting);
		struct pmu_shape guest = passed_on(cases[i].guest);

		if (available != !cases[i].reason || available != setting.available ||
		    setting.means != cases[i].means)
			fail_msg("%s: available %d, means %d, \"%s\"", cases[i].name, available,
				 setting.means, setting.reason);
		check_text(cases[i].name, "reason", setting.reason,
			   cases[i].reason ? cases[i].reason : "");
		if (available && !same_shape(&setting.guest, &guest))
			fail_msg("%s: another guest", cases[i].name);
	}
}

/* A line for a table: there, whole, and without a line's end. */
static bool is_line(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	return length < size - 1 && !strchr(text, '\n') && !strchr(text, '%');
}

static void check_promises(const struct setting_host *host)
{
	bool known = host->backend == KVM_BACKEND_VMX || host->backend == KVM_BACKEND_SVM;
	bool offered = host->kvm.version && host->enable_pmu != PARAM_NO;
	bool irqchip = known && offered && host->enable_mediated_pmu == PARAM_YES;
	struct setting settings[NR_SETTINGS], by_name;

	for (int kind = 0; kind < NR_SETTINGS; kind++) {
		const struct setting *setting = &settings[kind];
		const struct pmu_shape *guest = &setting->guest;

		setting_derive(host, (enum setting_kind)kind, &settings[kind]);
		assert_int_equal(setting->available, !setting->reason[0]);
		assert_true(is_line(setting->reason, sizeof(setting->reason)));
		assert_true(is_line(setting->remedy, sizeof(setting->remedy)));
		assert_false(setting->available && setting->remedy[0]);
		assert_int_equal(setting->irqchip, irqchip);
		assert_true(guest->version <= host->kvm.version);
		assert_true(guest->nr_gp <= host->kvm.nr_gp);
		assert_true(guest->gp_width <= host->kvm.gp_width);
		assert_true(guest->nr_fixed <= host->kvm.nr_fixed);
		assert_true(guest->fixed_width <= host->kvm.fixed_width);
		assert_false(guest->perf_capabilities & ~host->kvm.perf_capabilities);
		assert_int_equal(guest->vendor, host->kvm.vendor);
		if (!guest->version || !setting->available)
			assert_true(has_no_pmu(guest, host->kvm.vendor));
	}
	if (settings[SETTING_PASSTHROUGH].available) {
		assert_true(known && !host->hybrid && irqchip);
		assert_false(setting_kvm_intercepts(host, &settings[SETTING_PASSTHROUGH].guest));
	}
	assert_true(settings[SETTING_INTERCEPTED].available);
	assert_true(setting_kvm_intercepts(host, &settings[SETTING_INTERCEPTED].guest));
	assert_int_not_equal(settings[SETTING_INTERCEPTED].means, INTERCEPT_CAUSE_NONE);
	assert_true(setting_with_cause(host, settings[SETTING_INTERCEPTED].means, &by_name));
	assert_int_equal(by_name.means, settings[SETTING_INTERCEPTED].means);
	assert_int_equal(by_name.irqchip, irqchip);
	assert_true(same_shape(&by_name.guest, &settings[SETTING_INTERCEPTED].guest));

	for (int means = 0; means < NR_INTERCEPT_CAUSES; means++) {
		setting_with_cause(host, (enum intercept_cause)means, &by_name);
		assert_int_equal(by_name.available, !by_name.reason[0]);
		assert_true(is_line(by_name.reason, sizeof(by_name.reason)));
		if (by_name.available)
			assert_true(setting_kvm_intercepts(host, &by_name.guest));
		else
			assert_true(has_no_pmu(&by_name.guest, host->kvm.vendor));
	}
}

/* Every combination, those that no host has among them. */
static void test_promises(void **state)
{
	static const struct pmu_shape shapes[] = {
		NO_PMU(CPU_VENDOR_INTEL), NO_PMU(CPU_VENDOR_AMD), HASWELL, SKYLAKE_SP, ICE_LAKE,
		TEN_GP, SPARSE_FIXED, ZEN_3, ZEN_4, OFFERED_4_3, OFFERED_8_3, OFFERED_METRICS,
		INTEL(1, 2, 40, 0, 0, 0), AMD(1, 4),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_promises(&rows[i].host);
	for (size_t cpu = 0; cpu < ARRAY_SIZE(shapes); cpu++)
		for (size_t kvm = 0; kvm < ARRAY_SIZE(shapes); kvm++)
			for (unsigned int rest = 0; rest < 4 * 4 * 27; rest++) {
				struct setting_host host = {
					.backend = (enum kvm_backend)(rest % 4),
					.cpu = shapes[cpu],
					.kvm = shapes[kvm],
					.hybrid = rest / 4 % 2,
					.nested = rest / 8 % 2,
					.enable_pmu = (enum param)(rest / 16 % 3),
					.enable_mediated_pmu = (enum param)(rest / 48 % 3),
					.enable_vmware_backdoor = (enum param)(rest / 144 % 3),
				};

				check_promises(&host);
			}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(setting_kind_name(SETTING_PASSTHROUGH), "passthrough");
	assert_string_equal(setting_kind_name(SETTING_INTERCEPTED), "intercepted");
	assert_string_equal(setting_kind_name(NR_SETTINGS), "unknown");
	assert_string_equal(kvm_backend_name(KVM_BACKEND_VMX), "vmx");
	assert_string_equal(kvm_backend_name(KVM_BACKEND_SVM), "svm");
	assert_string_equal(kvm_backend_name(KVM_BACKEND_PVM), "pvm");
	assert_string_equal(kvm_backend_name(KVM_BACKEND_UNKNOWN), "unknown");
	assert_string_equal(intercept_cause_text(NR_INTERCEPT_CAUSES), "unknown");
	for (int a = 0; a < NR_INTERCEPT_CAUSES; a++) {
		assert_string_not_equal(intercept_cause_text((enum intercept_cause)a), "unknown");
		for (int b = 0; b < a; b++)
			assert_string_not_equal(intercept_cause_text((enum intercept_cause)a),
						intercept_cause_text((enum intercept_cause)b));
	}
}

static void check_same_regs(const struct cpuid_regs *a, const struct cpuid_regs *b)
{
	assert_int_equal(a->eax, b->eax);
	assert_int_equal(a->ebx, b->ebx);
	assert_int_equal(a->ecx, b->ecx);
	assert_int_equal(a->edx, b->edx);
}

/* The values are those that processors report; those marked so are made up. */
static const struct {
	const char *name;
	struct cpuid_regs leaf;
	struct pmu_shape pmu;
} intel_leaves[] = {
	{ "Haswell", { 0x07300403, 0, 0, 0x00000603 }, INTEL(3, 4, 48, 3, 48, 0) },
	{ "Haswell, HT off", { 0x07300803, 0, 0, 0x00000603 }, INTEL(3, 8, 48, 3, 48, 0) },
	{ "Skylake", { 0x07300404, 0, 0, 0x00000603 }, INTEL(4, 4, 48, 3, 48, 0) },
	{ "Ice Lake", { 0x08300805, 0, 0x0000000f, 0x00008604 }, INTEL(5, 8, 48, 4, 48, 0) },
	{ "offered by KVM", { 0x07300402, 0, 0, 0x00008603 }, INTEL(2, 4, 48, 3, 48, 0) },
	{ "version 1", { 0x07280201, 0x2, 0, 0 }, INTEL(1, 2, 40, 0, 0, 0) },
	{ "none", { 0, 0, 0, 0 }, NO_PMU(CPU_VENDOR_INTEL) },
	{ "made up: all bits about", { 0xa91f1105, 0xffffffff, 0x1ffff, 0xffffe3f1 },
	  INTEL(5, 17, 31, 17, 31, 0) },
};

static void test_cpuid_intel(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(intel_leaves); i++) {
		const struct cpuid_regs *leaf = &intel_leaves[i].leaf;
		struct cpuid_regs written = *leaf;
		struct pmu_shape pmu = OFFERED_METRICS;

		pmu_from_cpuid_0a(leaf, &pmu);
		if (!same_shape(&pmu, &intel_leaves[i].pmu))
			fail_msg("%s: version %u, %u GP of %u bits, %u fixed of %u bits",
				 intel_leaves[i].name, pmu.version, pmu.nr_gp, pmu.gp_width,
				 pmu.nr_fixed, pmu.fixed_width);
		pmu_to_cpuid_0a(&pmu, &written);
		check_same_regs(&written, leaf);
	}
}

/* Fields that the version does not define, and those of which there are two. */
static void test_cpuid_intel_versions(void **state)
{
	struct cpuid_regs leaf = { 0x07300401, 0, 0x0000000f, 0x00008604 };
	struct pmu_shape pmu;

	(void)state;
	pmu_from_cpuid_0a(&leaf, &pmu);
	assert_int_equal(pmu.nr_gp, 4);
	assert_int_equal(pmu.nr_fixed, 0);
	assert_int_equal(pmu.fixed_width, 0);

	leaf.eax = 0x07300402;
	leaf.ecx = 0xff;
	pmu_from_cpuid_0a(&leaf, &pmu);
	assert_int_equal(pmu.nr_fixed, 4);
	leaf.eax = 0x07300404;
	pmu_from_cpuid_0a(&leaf, &pmu);
	assert_int_equal(pmu.nr_fixed, 4);

	leaf = (struct cpuid_regs){ 0x08300805, 0, 0x77, 0x00008603 };
	pmu_from_cpuid_0a(&leaf, &pmu);
	assert_int_equal(pmu.nr_fixed, 6);
	leaf.ecx = 0;	/* a hypervisor's */
	pmu_from_cpuid_0a(&leaf, &pmu);
	assert_int_equal(pmu.nr_fixed, 3);
	leaf.ecx = 0x8;	/* either announces */
	pmu_from_cpuid_0a(&leaf, &pmu);
	assert_int_equal(pmu.nr_fixed, 4);

	leaf = (struct cpuid_regs){ 0x07300400, 0x7f, 0xf, 0x00008604 };
	pmu_from_cpuid_0a(&leaf, &pmu);
	assert_true(has_no_pmu(&pmu, CPU_VENDOR_INTEL));
	pmu_to_cpuid_0a(&pmu, &leaf);
	check_same_regs(&leaf, &(struct cpuid_regs){ 0 });
}

/* One shape over another's leaf: the shape changes, what is not its own stays. */
static void test_cpuid_intel_write(void **state)
{
	struct cpuid_regs leaf = { 0x08300805, 0x00000040, 0x0000000f, 0x00008604 };

	(void)state;
	pmu_to_cpuid_0a(&(struct pmu_shape)INTEL(2, 8, 47, 3, 48, CAPS), &leaf);
	check_same_regs(&leaf, &(struct cpuid_regs){ 0x082f0802, 0x40, 0, 0x8603 });
	pmu_to_cpuid_0a(&(struct pmu_shape)INTEL(5, 7, 48, 3, 40, CAPS), &leaf);
	check_same_regs(&leaf, &(struct cpuid_regs){ 0x08300705, 0x40, 0x7, 0x8503 });

	for (size_t i = 0; i < ARRAY_SIZE(intel_leaves); i++)
		for (size_t j = 0; j < ARRAY_SIZE(intel_leaves); j++) {
			struct cpuid_regs over = intel_leaves[j].leaf;
			struct pmu_shape pmu;

			pmu_to_cpuid_0a(&intel_leaves[i].pmu, &over);
			pmu_from_cpuid_0a(&over, &pmu);
			assert_true(same_shape(&pmu, &intel_leaves[i].pmu));
		}
}

#define EXT_CORE   0x00800000	/* 8000_0001H:ECX: PerfCtrExtCore */
#define EXT_OTHERS 0x754237ff	/* a processor's other bits of that register */

static void test_cpuid_amd(void **state)
{
	/* 8000_0022H of Zen 4: also LbrAndPmcFreeze and LbrExtV2, 16 LBRs and 16 fabric counters */
	static const struct cpuid_regs v2 = { 0x7, 0x4106, 0x1, 0 }, none = { 0, 0, 0, 0 };
	static const struct cpuid_regs not_v2 = { ~1U, ~0xfU, ~0U, ~0U };	/* made up */
	static const struct cpuid_regs all_about = { ~0U, ~9U, ~0U, ~0U };	/* made up */
	static const struct {
		const char *name;
		uint32_t ext;
		const struct cpuid_regs *leaf;
		struct pmu_shape pmu;
	} cases[] = {
		{ "family 10H", EXT_OTHERS, NULL, AMD(1, 4) },
		{ "Zen 3", EXT_OTHERS | EXT_CORE, NULL, AMD(1, 6) },
		{ "Zen 3, leaf empty", EXT_OTHERS | EXT_CORE, &none, AMD(1, 6) },
		{ "Zen 4", EXT_OTHERS | EXT_CORE, &v2, AMD(2, 6) },
		{ "all but PerfMonV2", EXT_OTHERS | EXT_CORE, &not_v2, AMD(1, 6) },
		{ "all about PerfMonV2", EXT_OTHERS | EXT_CORE, &all_about, AMD(2, 6) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cpuid_regs ext = { 0x00a10f11, 0x40000000, cases[i].ext, 0x2fd3fbff };
		struct cpuid_regs leaf = cases[i].leaf ? *cases[i].leaf : none;
		struct cpuid_regs ext_before = ext, before = leaf;
		struct pmu_shape pmu = OFFERED_METRICS;

		pmu_from_cpuid_amd(&ext, cases[i].leaf ? &leaf : NULL, &pmu);
		if (!same_shape(&pmu, &cases[i].pmu))
			fail_msg("%s: version %u, %u counters", cases[i].name, pmu.version,
				 pmu.nr_gp);
		pmu_to_cpuid_amd(&pmu, &ext, &leaf);
		check_same_regs(&ext, &ext_before);
		check_same_regs(&leaf, &before);
	}
}

static void test_cpuid_amd_write(void **state)
{
	static const struct {
		struct pmu_shape pmu;
		uint32_t ext, eax, ebx;
	} cases[] = {
		{ AMD(2, 5), EXT_OTHERS | EXT_CORE, 0x7, 0x4105 },
		{ AMD(2, 15), EXT_OTHERS | EXT_CORE, 0x7, 0x410f },
		{ AMD(2, 4), EXT_OTHERS | EXT_CORE, 0x7, 0x4104 },
		{ AMD(1, 6), EXT_OTHERS | EXT_CORE, 0x6, 0x4100 },
		{ AMD(1, 5), EXT_OTHERS, 0x6, 0x4100 },
		{ AMD(1, 4), EXT_OTHERS, 0x6, 0x4100 },
		{ NO_PMU(CPU_VENDOR_AMD), EXT_OTHERS, 0x6, 0x4100 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		size_t n = i / 2;
		/* over a leaf that announces more, and over one that announces nothing */
		struct cpuid_regs ext = { 1, 2, EXT_OTHERS | (i % 2 ? EXT_CORE : 0), 4 };
		struct cpuid_regs leaf = { i % 2 ? 0x7 : 0x6, i % 2 ? 0x4106 : 0x4100, 5, 6 };

		pmu_to_cpuid_amd(&cases[n].pmu, &ext, &leaf);
		check_same_regs(&ext, &(struct cpuid_regs){ 1, 2, cases[n].ext, 4 });
		check_same_regs(&leaf, &(struct cpuid_regs){ cases[n].eax, cases[n].ebx, 5, 6 });
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passthrough_table),
		cmocka_unit_test(test_intercepted_table),
		cmocka_unit_test(test_kvm_intercepts),
		cmocka_unit_test(test_with_cause),
		cmocka_unit_test(test_promises),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_cpuid_intel),
		cmocka_unit_test(test_cpuid_intel_versions),
		cmocka_unit_test(test_cpuid_intel_write),
		cmocka_unit_test(test_cpuid_amd),
		cmocka_unit_test(test_cpuid_amd_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
