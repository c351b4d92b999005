/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The score of the harness as JSON: kind "faults" of results/rdpmc-results-2.schema.json. */
#ifndef FUZZ_FAULTS_JSON_H
#define FUZZ_FAULTS_JSON_H

#include <jansson.h>

#include "fuzz/driver.h"
#include "fuzz/fault.h"

/* One row of one fault and one driver that ran. A new reference, NULL without memory. */
json_t *faults_row(const struct fault *fault, enum driver driver,
		   const struct driver_result *result);

#endif
