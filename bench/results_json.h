/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Results as JSON, by results/rdpmc-results-1.schema.json, and writing a file so that it is whole
 * or not there.
 */
#ifndef BENCH_RESULTS_JSON_H
#define BENCH_RESULTS_JSON_H

#include <jansson.h>

#include "bench/report.h"
#include "host/topology.h"

/* A new reference, NULL without memory. @context is stolen. @started: RFC 3339 UTC. */
json_t *results_json(const struct bench *bench, const struct case_plan *plan, json_t *context,
		     const struct placement *placement, const char *started);

/*
 * Can a file be written there? Returns 0 or -errno with one line; leaves nothing behind. "-"
 * always.
 */
int json_file_check(const char *path, struct failure *failure);

/*
 * Write @json to @path ("-" is stdout) through a temporary file beside it: after an error the old
 * file is as it was. Returns 0 or -errno.
 */
int json_file_write(const char *path, const json_t *json, struct failure *failure);

#endif
