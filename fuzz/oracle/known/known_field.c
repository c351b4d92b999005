// SPDX-License-Identifier: GPL-2.0-or-later
/* The fields of a known difference's world, and the words for their values. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "fuzz/oracle/known/known_file.h"

#include "lib/array.h"

#define FIELD(member, ...)                                                                         \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct known_world, member),                   \
		.size = sizeof(((struct known_world *)0)->member), __VA_ARGS__                     \
	}
#define PMU_FIELDS(whose)                                                                          \
	FIELD(whose.vendor, .max = 1), FIELD(whose.version),                                       \
		FIELD(whose.nr_gp, .max = RDPMC_MAX_GP), FIELD(whose.gp_width, .max = 64),         \
		FIELD(whose.nr_fixed, .max = 31), FIELD(whose.fixed_width, .max = 64),             \
		FIELD(whose.fixed_bitmap), FIELD(whose.leaf23_gp), FIELD(whose.leaf23_fixed),      \
		FIELD(whose.user_disable, .max = 1), FIELD(whose.perf_capabilities),               \
		FIELD(whose.no_pdcm, .max = 1), FIELD(whose.old_counters, .max = RDPMC_MAX_GP),    \
		FIELD(whose.old_fast, .max = 1), FIELD(whose.ext_core, .max = 1),                  \
		FIELD(whose.ext_nb, .max = 1), FIELD(whose.ext_l3, .max = 1),                      \
		FIELD(whose.nr_nb, .max = 63)

static const struct known_field fields[] = {
	PMU_FIELDS(guest),
	PMU_FIELDS(host),
	FIELD(backdoor, .max = 1),
	FIELD(mediated, .max = 1),
	FIELD(ecx),
	FIELD(value_bits, .max = 64),
	FIELD(no_pmu, .max = 1),
	FIELD(entry, .fixed = true),
	FIELD(mode, .fixed = true),
	FIELD(cpl, .fixed = true),
	FIELD(pe, .max = 1),
	FIELD(pce, .max = 1),
	FIELD(allowed, .fixed = true),
	FIELD(lock, .fixed = true),
	FIELD(guest_core, .fixed = true),
	FIELD(host_gp, .fixed = true),
	FIELD(host_fixed, .fixed = true),
};

static const struct {
	const char *name;
	uint64_t number;
} words[] = {
	{ "intel", RDPMC_INTEL },
	{ "amd", RDPMC_AMD },
	{ "exit", ENTRY_EXIT },
	{ "emulator", ENTRY_EMULATOR },
	{ "intercept", KNOWN_INTERCEPT },
	{ "real", MODE_REAL },
	{ "protected", MODE_PROTECTED },
	{ "vm86", MODE_VM86 },
	{ "compatibility", MODE_COMPATIBILITY },
	{ "64-bit", MODE_64BIT },
};

uint64_t known_field_get(const struct known_world *world, const struct known_field *field)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)world + field->offset, field->size); /* little endian */
	return value;
}

uint64_t known_field_max(const struct known_field *field)
{
	return field->max ? field->max : ~0ULL >> (64 - 8 * field->size);
}

void known_field_set(struct known_world *world, const struct known_field *field, uint64_t value)
{
	uint64_t max = known_field_max(field);

	if (value > max)
		value = max;
	memcpy((char *)world + field->offset, &value, field->size);
}

bool known_operand_read(const char *text, struct known_operand *operand)
{
	const int base = !strncmp(text, "0x", 2) ? 16 : 10;
	char *end;

	*operand = (struct known_operand){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(text, words[i].name)) {
			operand->number = words[i].number;
			return true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(text, fields[i].name)) {
			operand->field = &fields[i];
			return true;
		}
	errno = 0;
	operand->number = strtoull(text, &end, base);
	return isdigit((unsigned char)*text) && !*end && !errno;
}
