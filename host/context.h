/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What topology, setting logic, doctor and a result's context need of /proc and /sys, below @root: "" on a real host, a made
 * tree in tests.
 */
#ifndef HOST_CONTEXT_H
#define HOST_CONTEXT_H

#include <stddef.h>

#include "host/setting.h"

#define CONTEXT_VALUE_SIZE   (4096 + 1) /* longer lines are cut, the command line included */
#define CONTEXT_CPUINFO_SIZE 16384      /* the first processor's paragraph takes about 3000 */

/*
 * The first line without its newline, cut to @size; false (and an empty line) where there is no
 * such file.
 */
bool context_read_line(const char *root, const char *path, char *line, size_t size);
/* Is @word one of the words of @list? */
bool context_has_word(const char *list, const char *word, const char *separators);

/* The first processor's paragraph of /proc/cpuinfo, and a field of it; false where there is none. */
bool context_cpuinfo(const char *root, char *cpuinfo, size_t size);
bool context_cpuinfo_field(const char *cpuinfo, const char *name, char *value, size_t size);

enum param context_param(const char *root, const char *module, const char *name);
enum kvm_backend context_backend(const char *root);
/* Does the host's perf know PERF_METRICS (events/topdown-retiring of the cpu PMU)? */
bool context_host_has_metrics(const char *root);

/* Does perf say that it has no processor PMU? False where perf itself is out of sight. */
bool context_host_lacks_pmu(const char *root);

/* Docker, podman, and all that give their init the variable "container". */
bool context_in_container(const char *root);

#endif
