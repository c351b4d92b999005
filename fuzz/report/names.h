/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Enumerations and numbers as text. */
#ifndef FUZZ_REPORT_NAMES_H
#define FUZZ_REPORT_NAMES_H

#include "fuzz/case/case.h"
#include "model/intercept.h"

const char *mode_name(enum rdpmc_mode mode);      /* "64-bit", "real" */
const char *mode_full_name(enum rdpmc_mode mode); /* as manuals have it: "real-address" */
const char *class_name(enum rdpmc_class class);   /* "fixed counter" */
const char *obstacle_name(enum rdpmc_obstacle obstacle);

/* "outcome, entries": the names of the bits of @oracles. @text holds REPORT_ORACLES bytes. */
unsigned int report_oracle(const char *name); /* the bit of one name; 0: no such oracle */
#define REPORT_ORACLES 64
const char *report_oracles(unsigned int oracles, char *text);

struct counter_name {
	char text[64];
};
/* "fixed counter 3", "PERF_METRICS, index 0" */
struct counter_name counter_name(enum rdpmc_class class, unsigned int index);

struct hex {
	char text[24];
};
struct hex hex(uint64_t value);   /* "0x402" */
struct hex hex32(uint32_t value); /* "0x20000000": ECX always has its eight digits */

#endif
