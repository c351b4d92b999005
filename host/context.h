/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a figure needs beside it to mean something: processor, microcode, kernel, KVM modules and
 * their parameters, power, mitigations. Reads /proc and /sys below @root ("" on a real host, a
 * made tree in tests). What cannot be read is JSON null, never a guess.
 */
#ifndef HOST_CONTEXT_H
#define HOST_CONTEXT_H

#include <jansson.h>
#include <stddef.h>

#include "host/setting.h"

/*
 * A new reference: the "context" object of a result. Every key is always there:
 *   hostname, kernel {release, version, cmdline}
 *   cpu {vendor, model_name, family, model, stepping, microcode, hypervisor, hypervisor_vendor,
 *     emulated}
 *   tsc_khz, kvm_modules {module: {parameter: string}}, mitigations {name: string}
 *   governor, energy_performance_preference (distinct values, comma separated), turbo
 *   smt {control, active}, cpuidle {driver, governor}
 *   online_cpus, isolated_cpus, nohz_full, numa_nodes (lists like "0-3,8"; "" is none)
 *   clocksource, transparent_hugepage, nmi_watchdog, perf_event_paranoid
 *   load_average [1, 5, 15 minutes], memory_kib
 * NULL when memory ran out.
 */
json_t *context_collect(const char *root);

/*
 * What topology, setting logic and doctor need of /sys and /proc. context_read_line() gives the
 * first line without its newline, cut to @size, and returns false (and an empty line) where there
 * is no such file.
 */
bool context_read_line(const char *root, const char *path, char *line, size_t size);
enum param context_param(const char *root, const char *module, const char *name);
enum kvm_backend context_backend(const char *root);
/* Does the host's perf know PERF_METRICS (events/topdown-retiring of the cpu PMU)? */
bool context_host_has_metrics(const char *root);

/* Does perf say that it has no processor PMU? False where perf itself is out of sight. */
bool context_host_lacks_pmu(const char *root);

/* Docker, podman, and all that give their init the variable "container". */
bool context_in_container(const char *root);

enum advice_level { ADVICE_GOOD, ADVICE_NOTE, ADVICE_DISTURBS, ADVICE_PREVENTS };

struct advice {
	enum advice_level level;
	char what[160];    /* one line: what was found */
	char command[160]; /* what would change it; empty where nothing can or need be done */
	bool takes_pmu;    /* KVM creates no guest with a mediated PMU beside it */
	bool no_guest;     /* ... and no guest at all */
};

#define ADVICE_MAX 32 /* context_advise() never has more to say */

/*
 * What here disturbs a measurement or prevents a setting; one entry for each thing looked at, the
 * good ones too. Changes nothing. Returns the number of entries, at most @max.
 */
size_t context_advise(const char *root, const struct setting_host *host, struct advice *advice,
		      size_t max);

#endif
