/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a figure needs beside it to mean something: processor, microcode, kernel, KVM modules and
 * their parameters, power, mitigations. Reads /proc and /sys below @root ("" on a real host, a
 * made tree in tests). What cannot be read is JSON null, never a guess.
 */
#ifndef HOST_CONTEXT_JSON_H
#define HOST_CONTEXT_JSON_H

#include <jansson.h>

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

#endif
