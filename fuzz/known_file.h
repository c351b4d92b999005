/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Known differences as they are kept: conditions and assignments over a small world of fields. */
#ifndef FUZZ_KNOWN_FILE_H
#define FUZZ_KNOWN_FILE_H

#include <string.h>

#include "fuzz/known.h"
#include "model/intercept.h"

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

struct known_field;

uint64_t known_field_get(const struct known_world *world, const struct known_field *field);
void known_field_set(struct known_world *world, const struct known_field *field, uint64_t value);

/* As conditions call it, which is its name in struct known_world, and the most that it can be given. */
const char *known_field_name(const struct known_field *field);
uint64_t known_field_most(const struct known_field *field);

/* guest_core, which follows from the guest's PMU. */
void known_core(struct known_world *world);

/* What a question is about; and what a processor in such a world does, or may let pass. */
void known_to_world(const struct known_question *question, struct known_world *world);
struct rdpmc_outcome known_outcome(const struct known_question *question,
				   const struct known_world *world);
struct rdpmc_pass known_pass(const struct known_question *question,
			     const struct known_world *world);

struct known_operand {
	const struct known_field *field; /* NULL: a number */
	uint64_t number;
};

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
	struct known_difference said;
	unsigned int n_conditions, n_assignments;
	struct known_condition conditions[KNOWN_TERMS];
	struct known_assignment assignments[KNOWN_TERMS];
	const char *trouble; /* part of a complaint; NULL: it is about answers */
	bool any_answer;     /* after the complaint any answer is as good */
};

struct known {
	unsigned int count;
	struct known_entry entries[KNOWN_MOST];
	unsigned int n_texts; /* files as read, which all strings are in */
	char *texts[KNOWN_MOST];
};

#endif
