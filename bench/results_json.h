/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results as JSON, by results/rdpmc-results-2.schema.json. */
#ifndef BENCH_RESULTS_JSON_H
#define BENCH_RESULTS_JSON_H

#include <jansson.h>

#include "bench/report.h"
#include "host/topology.h"

/* A new reference, NULL without memory. @context is stolen. @started: RFC 3339 UTC. */
json_t *results_json(const struct bench *bench, const struct case_plan *plan, json_t *context,
		     const struct placement *placement, const char *started);

#endif
