/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings of many cases, one of each kind kept with its bytes. */
#ifndef FUZZ_FINDINGS_H
#define FUZZ_FINDINGS_H

#include "fuzz/oracle/trial.h"

#define FINDINGS_KINDS 64 /* cases of any more are counted together */

struct found {
	struct finding finding;
	char name[256]; /* the first such case: its file, or "seed ..., case ..." */
	uint8_t *data;
	size_t size;
	uint64_t count;
};

struct findings {
	size_t kinds;
	uint64_t more; /* cases of other kinds than these */
	struct found found[FINDINGS_KINDS];
};

/* Note @finding of the case @data. Out of memory keeps the finding without its bytes. */
void findings_add(struct findings *findings, const struct finding *finding, const char *name,
		  const uint8_t *data, size_t size, uint64_t count);
void findings_merge(struct findings *into, const struct findings *from);
void findings_free(struct findings *findings);

#endif
