/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an RDPMC should have answered, and how many exits it should have taken. */
#ifndef BENCH_EXPECT_H
#define BENCH_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "host/setting.h"

struct expectation {
	bool gp;          /* #GP(0), else a value */
	bool any;         /* a clock: whatever value it has */
	const char *rule; /* which of the model's rules decides, by its id: PRIV, TYPE-GP ... */
	uint64_t preset;  /* the value while the guest's counters hold their presets */
};

/* A guest with @pmu executes RDPMC of @ecx: model/ decides, by model/rules.h. */
struct expectation expect_rdpmc(const struct pmu_shape *pmu, uint32_t ecx, unsigned int cpl,
				bool pce);

/*
 * VMWARE-PMC: what ECX 0x10000 (the host's TSC) answers a guest with a PMU while the VMware backdoor
 * is enabled, at any CPL and whatever CR4.PCE (arch/x86/kvm/pmu.c, kvm_pmu_rdpmc()).
 */
struct expectation expect_vmware_tsc(void);

/*
 * Is @second plausible after @first, read from running counters? Cycles and slots must have grown;
 * the level-1 fractions of PERF_METRICS must add up to FFH, give or take @EXPECT_METRICS_SLACK.
 */
#define EXPECT_METRICS_SLACK 8
bool expect_metrics_plausible(uint64_t value);
bool expect_running(const struct pmu_shape *pmu, uint32_t ecx, uint64_t first, uint64_t second);

enum exits_expected { EXITS_NONE, EXITS_EACH, EXITS_ANY };

/*
 * How many exits a read takes under a setting. Not only the setting decides: with VMX the
 * privilege fault comes before the exit, with SVM every exception does (APM vol. 2, instruction
 * intercepts).
 */
enum exits_expected expect_exits(const struct setting_host *host, enum setting_kind setting,
				 const struct expectation *expected, uint32_t ecx, unsigned int cpl,
				 bool pce);

/*
 * Do @exits per read agree? At most 0.1 is none, at least 0.9 is each; with VMX and SVM, where one
 * read is one exit, each is also at most 1.1. Other backends may need more for one (kvm_pvm: one to
 * fault, one to return).
 */
bool expect_exits_met(enum exits_expected expected, enum kvm_backend backend, double exits);

#endif
