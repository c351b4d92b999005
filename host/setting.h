/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The setting: whether a guest's RDPMC is intercepted. Given what the processor has and what the
 * kernel offers, say which guest PMU brings about each setting, and by what means. Pure
 * functions; the exit counters prove or refute the answer afterwards.
 */
#ifndef HOST_SETTING_H
#define HOST_SETTING_H

#include "host/pmu.h"

enum kvm_backend { KVM_BACKEND_VMX, KVM_BACKEND_SVM, KVM_BACKEND_PVM, KVM_BACKEND_UNKNOWN };

/* A module parameter as read from sysfs. */
enum param { PARAM_ABSENT, PARAM_NO, PARAM_YES };

struct setting_host {
	enum kvm_backend backend;
	struct pmu_shape cpu; /* the processor's own PMU, by its CPUID: see setting_host_pmu() */
	struct pmu_shape kvm; /* the most KVM offers: KVM_GET_SUPPORTED_CPUID, feature MSR 345H */
	unsigned int unused_version; /* of a PMU that CPUID announces and perf does not use, or 0 */
	bool hybrid;                 /* CPUID.07H.0:EDX[15] */
	bool nested;                 /* the host is itself a guest: CPUID.01H:ECX[31] */
	enum param enable_pmu;       /* kvm */
	enum param enable_mediated_pmu;    /* kvm_intel or kvm_amd; absent before Linux 7.0 */
	enum param enable_vmware_backdoor; /* kvm */
};

enum setting_kind { SETTING_PASSTHROUGH, SETTING_INTERCEPTED, NR_SETTINGS };

enum intercept_cause {
	INTERCEPT_CAUSE_NONE,   /* nothing had to be done: passthrough */
	INTERCEPT_CAUSE_NO_PMU, /* the guest has no PMU: RDPMC is intercepted and ends in #GP */
	INTERCEPT_CAUSE_NO_MEDIATED_PMU, /* the kernel intercepts always */
	INTERCEPT_CAUSE_VMWARE_BACKDOOR, /* enable_vmware_backdoor=Y intercepts always */
	INTERCEPT_CAUSE_HOST_MISMATCH, /* KVM's offer can never equal the processor (fixed counters capped) */
	INTERCEPT_CAUSE_GP_WIDTH,       /* guest's GP counters announced one bit narrower */
	INTERCEPT_CAUSE_FEWER_GP,       /* guest announces one GP counter less */
	INTERCEPT_CAUSE_FEWER_FIXED,    /* guest announces one fixed counter less */
	INTERCEPT_CAUSE_METRICS_HIDDEN, /* guest lacks PERF_METRICS that the processor has */
	NR_INTERCEPT_CAUSES
};

struct setting {
	bool available;
	bool irqchip; /* create the in-kernel irqchip, which a mediated PMU needs */
	enum intercept_cause means;
	struct pmu_shape guest; /* what its CPUID and PERF_CAPABILITIES shall say; */
				/* version 0 when not available */
	char reason[160];       /* when not available: why */
	char remedy[160];       /* ... and what would make it so; may be empty */
};

/*
 * Fill @setting for @kind on @host. The intercepted setting changes as little as possible, so
 * that both settings read the same counters: preferably the GP width (Intel), else one counter.
 */
void setting_derive(const struct setting_host *host, enum setting_kind kind,
		    struct setting *setting);

/*
 * Fill @setting for intercepted RDPMC by @means and no other. Returns setting->available: false
 * where RDPMC is intercepted without it, or not even with it. INTERCEPT_CAUSE_NO_PMU needs more than CPUID on
 * AMD, where KVM gives every vCPU 4 counters unless KVM_CAP_PMU_CAPABILITY takes the VM's PMU away.
 */
bool setting_with_cause(const struct setting_host *host, enum intercept_cause means,
			struct setting *setting);

/* The processor's PMU as the host's perf has found it, which is what KVM compares a guest's with. */
struct pmu_shape setting_host_pmu(const struct setting_host *host);

/* Does KVM keep the RDPMC intercept set for this guest? Without the mediated PMU it always does. */
bool setting_kvm_intercepts(const struct setting_host *host, const struct pmu_shape *guest);

const char *setting_kind_name(enum setting_kind kind);        /* "passthrough", "intercepted" */
const char *intercept_cause_name(enum intercept_cause means); /* "gp-width": for programs */
const char *intercept_cause_text(enum intercept_cause means); /* a phrase for a report */
const char *kvm_backend_name(enum kvm_backend backend);       /* "vmx", "svm", "pvm", "unknown" */

#endif
