// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows of the fault catalogue's score. */
#include "fuzz/faults_json.h"

#include "fuzz/report.h"

json_t *faults_row(const struct fault *fault, enum driver driver,
		   const struct driver_result *result)
{
	char oracles[REPORT_ORACLES];

	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:f, s:I, s:s}", "name", fault->name,
			 "what", fault->what, "origin", fault->origin, "rule", fault->rule, "found",
			 result->found, "engine", "emulator", "driver", driver_name(driver),
			 "seconds", result->seconds, "executions", (json_int_t)result->executions,
			 "oracle", result->found ? report_oracles(result->oracles, oracles) : "");
}
