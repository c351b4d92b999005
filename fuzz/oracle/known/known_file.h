/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Known differences as they are kept: conditions and assignments over a small world of fields. */
#ifndef FUZZ_KNOWN_FILE_H
#define FUZZ_KNOWN_FILE_H

#include <string.h>

#include "fuzz/engines/engine.h"
#include "model/intercept.h"

#define KNOWN_MAX 64 /* differences of one engine: they are bits of a uint64_t */

struct known_difference {
	const char *name;      /* a word */
	const char *file;      /* where it stands */
	const char *kernel;    /* what the kernel says */
	const char *processor; /* what the processor says */
	const char *why, *source;
	const char *reach; /* who can see it */
	uint64_t happened; /* so often, since it was read */
};

/* What conditions ask and assignments change. */
struct known_world {
	struct rdpmc_pmu guest, host;
	bool backdoor, mediated;
	uint32_t ecx;
	uint8_t value_bits; /* of a value read only so many are seen */
	bool no_pmu;        /* the guest has none, whatever else is said */
	uint8_t entry;      /* enum entry, or KNOWN_INTERCEPT */
	uint8_t mode, cpl;
	bool pe, pce; /* CR0.PE, CR4.PCE */
	bool allowed; /* PRIV says yes */
	bool lock;
	/* How many counters there are: AMD's core counters; as the host's perf counts for KVM. */
	uint8_t guest_core, host_gp, host_fixed;
};

#define KNOWN_INTERCEPT NR_ENTRIES

struct known_field {
	const char *name; /* in struct known_world */
	size_t offset, size;
	bool fixed;   /* cannot be assigned */
	uint64_t max; /* what the model bears; 0: all that fits */
};

uint64_t known_field_get(const struct known_world *world, const struct known_field *field);
void known_field_set(struct known_world *world, const struct known_field *field, uint64_t value);

/* The most that it can be given. */
uint64_t known_field_max(const struct known_field *field);

struct known_operand {
	const struct known_field *field; /* NULL: a number */
	uint64_t number;
};

/* A field, a word or a number; false: @text is none of them. */
bool known_operand_read(const char *text, struct known_operand *operand);

struct known_expression {
	enum { KNOWN_NOTHING, KNOWN_AND, KNOWN_MIN } operator;
	struct known_operand a, b;
};

struct known_condition {
	struct known_expression left, right;
	enum { KNOWN_EQUAL, KNOWN_DIFFERENT, KNOWN_LESS, KNOWN_NOT_LESS } relation;
};

struct known_assignment {
	const struct known_field *field;
	struct known_expression expression;
};

#define KNOWN_TERMS 12

struct known_entry {
	struct known_difference difference;
	unsigned int n_conditions, n_assignments;
	struct known_condition conditions[KNOWN_TERMS];
	struct known_assignment assignments[KNOWN_TERMS];
	const char *trouble; /* in a complaint, '*' for anything; NULL: it is about answers */
	bool any_answer;     /* after the complaint any answer is as good */
};

struct known {
	unsigned int count;
	struct known_entry entries[KNOWN_MAX];
	struct json_t *files; /* by path, as read: all strings are in there */
};

/*
 * Those of the *.json files in @directory that are about @engine's version and features. NULL with
 * @why: a file that cannot be read or understood (file and line or entry are told).
 */
struct known *known_read(const char *directory, const struct engine *engine, char *why,
			 size_t why_size);
void known_free(struct known *known);

/*
 * Where they are if nothing else is said: $RDPMC_KNOWN, or ../fuzz/oracle/known as the program sees it, or
 * ../share/rdpmc/known, where it is installed. -1: not there.
 */
int known_directory(char *directory, size_t size);

#endif
