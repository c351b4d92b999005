// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which guest PMU lets KVM clear the RDPMC intercept, and which keeps it set. "Linux 7.0" stands
 * for the release that brought the mediated PMU and its parameter enable_mediated_pmu (kvm_intel,
 * kvm_amd); where nothing else is said, a function named here is in arch/x86/kvm/pmu.c of 7.0.
 */
#include "host/setting.h"

#include <assert.h>
#include <stdio.h>

#include "lib/array.h"

/* amd_pmu_is_mediated_pmu_supported(), intel_pmu_is_mediated_pmu_supported(), Linux 7.0 */
#define MEDIATED_SINCE_AMD   2
#define MEDIATED_SINCE_INTEL 4

#define RELOAD_VENDOR "modprobe -r %1$s; modprobe %1$s enable_mediated_pmu=1"
#define RELOAD_KVM(option)                                                                         \
	"modprobe -r %1$s kvm; modprobe kvm " option "; modprobe %1$s enable_mediated_pmu=1"

static const char *name_of(const char *const *names, size_t n, size_t i)
{
	return i < n && names[i] ? names[i] : "unknown";
}

const char *setting_kind_name(enum setting_kind kind)
{
	static const char *const names[] = {
		[SETTING_PASSTHROUGH] = "passthrough",
		[SETTING_INTERCEPTED] = "intercepted",
	};

	return name_of(names, ARRAY_SIZE(names), kind);
}

const char *kvm_backend_name(enum kvm_backend backend)
{
	static const char *const names[] = {
		[KVM_BACKEND_VMX] = "vmx",
		[KVM_BACKEND_SVM] = "svm",
		[KVM_BACKEND_PVM] = "pvm",
	};

	return name_of(names, ARRAY_SIZE(names), backend);
}

const char *intercept_cause_name(enum intercept_cause means)
{
	static const char *const names[NR_INTERCEPT_CAUSES] = {
		[INTERCEPT_CAUSE_NONE] = "none",
		[INTERCEPT_CAUSE_NO_PMU] = "no-pmu",
		[INTERCEPT_CAUSE_NO_MEDIATED_PMU] = "no-mediated-pmu",
		[INTERCEPT_CAUSE_VMWARE_BACKDOOR] = "vmware-backdoor",
		[INTERCEPT_CAUSE_HOST_MISMATCH] = "host-mismatch",
		[INTERCEPT_CAUSE_GP_WIDTH] = "gp-width",
		[INTERCEPT_CAUSE_FEWER_GP] = "fewer-gp",
		[INTERCEPT_CAUSE_FEWER_FIXED] = "fewer-fixed",
		[INTERCEPT_CAUSE_METRICS_HIDDEN] = "metrics-hidden",
	};

	return names[means];
}

const char *intercept_cause_text(enum intercept_cause means)
{
	static const char *const texts[NR_INTERCEPT_CAUSES] = {
		[INTERCEPT_CAUSE_NONE] = "nothing changed",
		[INTERCEPT_CAUSE_NO_PMU] = "guest without a PMU",
		[INTERCEPT_CAUSE_NO_MEDIATED_PMU] = "no mediated PMU",
		[INTERCEPT_CAUSE_VMWARE_BACKDOOR] = "enable_vmware_backdoor=Y",
		[INTERCEPT_CAUSE_HOST_MISMATCH] = "KVM offers less than the processor has",
		[INTERCEPT_CAUSE_GP_WIDTH] = "GP counters one bit narrower",
		[INTERCEPT_CAUSE_FEWER_GP] = "one GP counter less",
		[INTERCEPT_CAUSE_FEWER_FIXED] = "one fixed counter less",
		[INTERCEPT_CAUSE_METRICS_HIDDEN] = "PERF_METRICS hidden",
	};

	return name_of(texts, ARRAY_SIZE(texts), means);
}

static bool offers_pmu(const struct setting_host *host)
{
	/* AMD's CPUID always has counters, whatever KVM makes of them: ask the parameter too. */
	return host->kvm.version && host->enable_pmu != PARAM_NO;
}

static bool mediated(const struct setting_host *host)
{
	return (host->backend == KVM_BACKEND_VMX || host->backend == KVM_BACKEND_SVM) &&
	       offers_pmu(host) && host->enable_mediated_pmu == PARAM_YES;
}

static unsigned int at_least(unsigned int value, unsigned int limit)
{
	return value > limit ? value : limit;
}

struct pmu_shape setting_host_pmu(const struct setting_host *host)
{
	struct pmu_shape pmu = host->cpu;

	if (!pmu.version)
		return pmu;
	/*
	 * KVM offers nothing that perf has not found: intel_pmu_init() takes three fixed counters
	 * for given on bare metal, for versions 2 to 4, even if CPUID announces fewer.
	 */
	pmu.nr_gp = at_least(pmu.nr_gp, host->kvm.nr_gp);
	pmu.nr_fixed = at_least(pmu.nr_fixed, host->kvm.nr_fixed);
	/* One width for both kinds, x86_pmu.cntval_bits: perf_get_x86_pmu_capability() */
	pmu.fixed_width = pmu.nr_fixed ? pmu.gp_width : 0;
	return pmu;
}

static unsigned int at_most(unsigned int value, unsigned int limit)
{
	return value < limit ? value : limit;
}

/*
 * The PMU that KVM gives a guest with this CPUID: intel_pmu_refresh() of vmx/pmu_intel.c,
 * amd_pmu_refresh() of svm/pmu.c. KVM refuses no CPUID, it trims silently to what it offers.
 */
static struct pmu_shape realised(const struct setting_host *host, const struct pmu_shape *guest)
{
	const struct pmu_shape *kvm = &host->kvm;
	struct pmu_shape pmu = *guest;

	pmu.nr_gp = at_most(guest->nr_gp, kvm->nr_gp);
	pmu.nr_fixed = at_most(guest->nr_fixed, kvm->nr_fixed);
	pmu.fixed_width = at_most(guest->fixed_width, kvm->fixed_width);
	/* AMD's CPUID has no width: KVM sets its own. */
	pmu.gp_width = host->backend == KVM_BACKEND_SVM ? kvm->gp_width
							: at_most(guest->gp_width, kvm->gp_width);
	/* Before PerfMonV2 there is no number in CPUID: four, or six with PerfCtrExtCore. */
	if (host->backend == KVM_BACKEND_SVM && pmu.version == 1)
		pmu.nr_gp = at_most(guest->nr_gp < 6 ? 4 : 6, kvm->nr_gp);
	if (pmu.version < 2)
		pmu.nr_fixed = pmu.fixed_width = 0;
	return pmu;
}

/*
 * kvm_need_rdpmc_intercept(). It compares with the host, not with what KVM offers; the guest's
 * PMU version does not matter, as long as there is one. Linux up to 7.3 neither offers PERF_METRICS
 * nor compares it; the patches proposed since do both, so a KVM that offers it compares it.
 */
bool setting_kvm_intercepts(const struct setting_host *host, const struct pmu_shape *guest)
{
	struct pmu_shape cpu = setting_host_pmu(host), pmu = realised(host, guest);

	return !mediated(host) || !pmu.version || host->enable_vmware_backdoor == PARAM_YES ||
	       pmu.nr_gp != cpu.nr_gp || pmu.nr_fixed != cpu.nr_fixed ||
	       pmu.gp_width != cpu.gp_width || pmu.fixed_width != cpu.fixed_width ||
	       (pmu_has_metrics(&host->kvm) && !pmu_has_metrics(guest));
}

/*
 * What keeps KVM from clearing the intercept for any guest; empty where nothing does. The order
 * matters: kvm_init_pmu_capability() turns both parameters to N on a processor that does not
 * suffice, so a parameter is a reason only where the processor is none, and one that KVM left at Y
 * proves the processor good.
 */
static void find_obstacle(const struct setting_host *host, struct setting *setting)
{
	const struct pmu_shape found = setting_host_pmu(host), *cpu = &found, *kvm = &host->kvm;
	bool vmx = host->backend == KVM_BACKEND_VMX, svm = host->backend == KVM_BACKEND_SVM;
	bool fewer_fixed = kvm->nr_fixed < cpu->nr_fixed;
	const struct {
		bool holds;
		const char *reason; /* a format for the two numbers */
		unsigned int a, b;
		const char *remedy; /* a format for the module's name */
	} obstacles[] = {
		{ host->backend == KVM_BACKEND_PVM, "kvm_pvm has no mediated PMU", 0, 0,
		  "needs a host with VMX or SVM of its own" },
		{ !vmx && !svm, "neither kvm_intel nor kvm_amd is loaded", 0, 0,
		  "modprobe kvm_intel, or kvm_amd" },
		{ host->hybrid, "hybrid processor: KVM has no vPMU there", 0, 0,
		  "needs a processor with cores of one kind" },
		{ host->unused_version, "the host's kernel uses no PMU, though CPUID announces one",
		  0, 0, "dmesg | grep -i PMU says why" },
		{ !cpu->version, "host has no PMU", 0, 0,
		  host->nested ? "needs bare metal, or a PMU for this virtual machine"
			       : "needs a processor with a PMU that the host's perf knows" },
		/* A KVM below gives version 2 at most: kvm_init_pmu_capability() */
		{ vmx && cpu->version < MEDIATED_SINCE_INTEL,
		  "PMU version %u: the mediated PMU needs %u", cpu->version, MEDIATED_SINCE_INTEL,
		  host->nested ? "needs bare metal: KVM gives its guests PMU version 2 at most"
			       : "needs Skylake or later" },
		{ svm && cpu->version < MEDIATED_SINCE_AMD,
		  "AMD without PerfMonV2 (Zen 4 or later)", 0, 0,
		  host->nested ? "needs Zen 4 or later, and PerfMonV2 for this virtual machine"
			       : "needs Zen 4 or later" },
		/*
		 * Full-width writes are a condition too, but IA32_PERF_CAPABILITIES is the kernel's
		 * to read, and every processor of version 4 or later has them.
		 */
		{ host->enable_pmu == PARAM_NO, "enable_pmu=N", 0, 0, RELOAD_KVM("enable_pmu=1") },
		{ !kvm->version, "KVM offers no PMU", 0, 0, "" },
		{ host->enable_mediated_pmu == PARAM_ABSENT, "kernel has no mediated PMU", 0, 0,
		  fewer_fixed
			  ? "needs Linux 7.0 or later, with a KVM that offers all fixed counters"
			  : "needs Linux 7.0 or later" },
		{ host->enable_mediated_pmu == PARAM_NO, "enable_mediated_pmu=N", 0, 0,
		  fewer_fixed ? RELOAD_VENDOR ", with a KVM that offers all fixed counters"
			      : RELOAD_VENDOR },
		{ host->enable_vmware_backdoor == PARAM_YES, "enable_vmware_backdoor=Y", 0, 0,
		  RELOAD_KVM("enable_vmware_backdoor=0") },
		{ kvm->nr_gp != cpu->nr_gp, "KVM offers %u of the processor's %u GP counters",
		  kvm->nr_gp, cpu->nr_gp, "needs a kernel whose KVM offers all of them" },
		/* KVM_MAX_NR_INTEL_FIXED_COUNTERS of asm/kvm_host.h is 3 in Linux 7.0 to 7.3. */
		{ kvm->nr_fixed != cpu->nr_fixed,
		  "KVM offers %u of the processor's %u fixed counters", kvm->nr_fixed,
		  cpu->nr_fixed, "needs a kernel whose KVM offers all of them" },
		{ kvm->gp_width != cpu->gp_width, "KVM offers GP counters of %u bits, not of %u",
		  kvm->gp_width, cpu->gp_width, "" },
		{ setting_kvm_intercepts(host, kvm), "KVM offers another PMU than the processor's",
		  0, 0, "" },
	};
	const char *module = vmx ? "kvm_intel" : "kvm_amd";

	for (size_t i = 0; i < ARRAY_SIZE(obstacles); i++) {
		if (!obstacles[i].holds)
			continue;
		snprintf(setting->reason, sizeof(setting->reason), obstacles[i].reason,
			 obstacles[i].a, obstacles[i].b);
		snprintf(setting->remedy, sizeof(setting->remedy), obstacles[i].remedy, module);
		return;
	}
}

/* Why RDPMC is intercepted whatever the guest announces; INTERCEPT_CAUSE_NONE where it depends on that. */
static enum intercept_cause inevitable(const struct setting_host *host)
{
	if (!offers_pmu(host))
		return INTERCEPT_CAUSE_NO_PMU;
	if (!mediated(host))
		return INTERCEPT_CAUSE_NO_MEDIATED_PMU;
	if (host->enable_vmware_backdoor == PARAM_YES)
		return INTERCEPT_CAUSE_VMWARE_BACKDOOR;
	if (setting_kvm_intercepts(host, &host->kvm))
		return INTERCEPT_CAUSE_HOST_MISMATCH;
	return INTERCEPT_CAUSE_NONE;
}

static void announce_less(struct pmu_shape *guest, enum intercept_cause means)
{
	/* What is 0 already wraps: KVM trims that to its offer, and so finds nothing changed. */
	switch (means) {
	case INTERCEPT_CAUSE_NO_PMU:
		*guest = (struct pmu_shape){ .vendor = guest->vendor };
		break;
	case INTERCEPT_CAUSE_GP_WIDTH:
		guest->gp_width--;
		break;
	case INTERCEPT_CAUSE_FEWER_GP:
		guest->nr_gp--;
		break;
	case INTERCEPT_CAUSE_FEWER_FIXED:
		guest->nr_fixed--;
		break;
	case INTERCEPT_CAUSE_METRICS_HIDDEN:
		guest->perf_capabilities &= ~PERF_CAP_PERF_METRICS;
		break;
	default:
		break;
	}
}

/*
 * With a mediated PMU KVM needs the in-kernel irqchip, and drops the VM's PMU where there is none
 * (kvm_arch_vcpu_precreate(), x86.c, Linux 7.0). Intercepted VMs get one as well: a difference
 * between the settings would be a difference in what is measured.
 */
static void start(const struct setting_host *host, enum intercept_cause means,
		  struct setting *setting)
{
	*setting =
		(struct setting){ .irqchip = mediated(host), .means = means, .guest = host->kvm };
	/*
	 * LBR and PEBS formats have conditions of their own (vmx_set_msr(), vmx.c), and no use
	 * here.
	 */
	setting->guest.perf_capabilities &= PERF_CAP_FW_WRITES | PERF_CAP_PERF_METRICS;
}

static bool finish(struct setting *setting)
{
	setting->available = !setting->reason[0];
	if (!setting->available)
		announce_less(&setting->guest, INTERCEPT_CAUSE_NO_PMU);
	return setting->available;
}

bool setting_with_cause(const struct setting_host *host, enum intercept_cause cause,
			struct setting *setting)
{
	enum intercept_cause other = inevitable(host);

	start(host, cause, setting);
	announce_less(&setting->guest, cause);
	/* A guest without a PMU is a choice on any host; the rest would be a wrong label. */
	if (other != cause && other != INTERCEPT_CAUSE_NONE && cause != INTERCEPT_CAUSE_NO_PMU)
		snprintf(setting->reason, sizeof(setting->reason),
			 "RDPMC is intercepted without it: %s", intercept_cause_text(other));
	else if (!setting_kvm_intercepts(host, &setting->guest))
		snprintf(setting->reason, sizeof(setting->reason),
			 "does not make KVM intercept: %s", intercept_cause_text(cause));
	return finish(setting);
}

static void derive_intercepted(const struct setting_host *host, struct setting *setting)
{
	enum intercept_cause cause = inevitable(host);

	/* A narrower width leaves every counter in place, but is Intel's to announce. */
	if (cause != INTERCEPT_CAUSE_NONE)
		setting_with_cause(host, cause, setting);
	else if (!setting_with_cause(host, INTERCEPT_CAUSE_GP_WIDTH, setting) &&
		 !setting_with_cause(host, INTERCEPT_CAUSE_FEWER_GP, setting))
		setting_with_cause(host, INTERCEPT_CAUSE_NO_PMU, setting);
}

static void derive_passthrough(const struct setting_host *host, struct setting *setting)
{
	start(host, INTERCEPT_CAUSE_NONE, setting);
	find_obstacle(host, setting);
	finish(setting);
}

void setting_derive(const struct setting_host *host, enum setting_kind kind,
		    struct setting *setting)
{
	assert(kind == SETTING_PASSTHROUGH || kind == SETTING_INTERCEPTED);
	if (kind == SETTING_PASSTHROUGH)
		derive_passthrough(host, setting);
	else
		derive_intercepted(host, setting);
}
