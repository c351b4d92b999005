// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parses the text that configures an emulated PMU: fields, defaults, impossible combinations. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/pmu.h"

#define UNSET UINT32_MAX
#define INTEL (1U << PMU_INTEL)
#define AMD   (1U << PMU_AMD)
#define SLOTS (1U << 3) /* the fixed counter of slots */
#define HEX   16

static const struct field {
	const char *name;
	unsigned int vendors; /* bits of enum pmu_vendor */
	size_t offset;        /* of an uint32_t in struct pmu_config */
	uint32_t min, max;
	int base; /* 0: as in C */
} fields[] = {
#define FIELD(name, vendors, member, ...)                                                          \
	{                                                                                          \
		name, vendors, offsetof(struct pmu_config, member), __VA_ARGS__                    \
	}
	FIELD("version", INTEL, version, 0, 6, 0),
	FIELD("version", AMD, version, 0, 2, 0),
	FIELD("gp", INTEL, gp, 0, PMU_MAX_GP, 0),
	FIELD("gp", AMD, gp, 1, 15, 0),
	FIELD("gp-bitmap", INTEL, gp_set, 1, UINT32_MAX, HEX),
	FIELD("gp-width", INTEL, gp_width, 32, 64, 0),
	FIELD("fixed", INTEL, fixed, 0, PMU_MAX_FIXED, 0),
	FIELD("fixed-bitmap", INTEL, fixed_set, 1, (1U << PMU_MAX_FIXED) - 1, HEX),
	FIELD("fixed-width", INTEL, fixed_width, 32, 64, 0),
	FIELD("full-width", INTEL, full_width, 0, 1, 0),
	FIELD("missing-events", INTEL, missing, 0, 0xff, HEX),
	FIELD("metrics", INTEL, metrics, 0, 1, 0),
	FIELD("metrics-level", INTEL, metrics_level, 1, 2, 0),
	FIELD("metrics-clear", INTEL, metrics_clear, 0, 1, 0),
	FIELD("leaf23", INTEL, leaf23, 0, 1, 0),
	FIELD("user-disable", INTEL, user_disable, 0, 1, 0),
	FIELD("umask2", INTEL, umask2, 0, 1, 0),
	FIELD("eq", INTEL, eq, 0, 1, 0),
	FIELD("fast", INTEL, fast, 0, 1, 0),
	FIELD("nb", AMD, nb, 0, PMU_MAX_NB, 0),
	FIELD("l3", AMD, l3, 0, 1, 0),
	FIELD("l2i", AMD, l2i, 0, 1, 0),
#undef FIELD
};

#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

static uint32_t *member(struct pmu_config *config, const struct field *field)
{
	return (uint32_t *)((char *)config + field->offset);
}

static uint32_t low_bits(uint32_t n)
{
	return n < 32 ? (1U << n) - 1 : UINT32_MAX;
}

/* The number of 1 bits of @set below its lowest 0. */
static uint32_t contiguous(uint32_t set)
{
	return ~set ? (uint32_t)__builtin_ctz(~set) : 32;
}

static void set_default(uint32_t *value, uint32_t number)
{
	if (*value == UNSET)
		*value = number;
}

static void defaults_intel(struct pmu_config *config)
{
	static const uint8_t gp[] = { 2, 2, 2, 4, 4, 8, 8 }, fixed[] = { 0, 0, 3, 3, 3, 4, 4 };

	set_default(&config->version, 4);
	set_default(&config->gp, config->gp_set ? contiguous(config->gp_set) : gp[config->version]);
	set_default(&config->fixed,
		    config->fixed_set ? contiguous(config->fixed_set) : fixed[config->version]);
	if (!config->gp_set)
		config->gp_set = low_bits(config->gp);
	if (!config->fixed_set)
		config->fixed_set = low_bits(config->fixed);
	set_default(&config->gp_width, config->version < 3 ? 40 : 48);
	set_default(&config->fixed_width, config->version < 3 ? 40 : 48);
	set_default(&config->full_width, config->version >= 3);
	set_default(&config->missing,
		    0x58); /* LLC references and misses, branches mispredicted */
	set_default(&config->metrics, config->version >= 5 && config->fixed_set & SLOTS);
	set_default(&config->metrics_level, 2);
	set_default(&config->leaf23, config->version >= 6);
	set_default(&config->umask2, config->version >= 6 && config->leaf23);
	set_default(&config->eq, config->version >= 6 && config->leaf23);
}

static void defaults_amd(struct pmu_config *config)
{
	set_default(&config->version, 2);
	set_default(&config->gp, config->version ? 6 : 4);
	config->gp_set = low_bits(config->gp);
	config->gp_width = 48;
}

/* Why no processor can be like this, or no register express it; NULL if one can. */
static const char *impossible_intel(const struct pmu_config *config)
{
	if (config->gp > contiguous(config->gp_set))
		return "gp counts counters that gp-bitmap lacks";
	if (config->fixed > contiguous(config->fixed_set))
		return "fixed counts counters that fixed-bitmap lacks";
	if (config->gp_set != low_bits(config->gp) && !config->leaf23)
		return "only leaf23=1 can announce a gp-bitmap beyond gp";
	if (config->fixed_set != low_bits(config->fixed) && config->version < 5)
		return "only version 5 or later can announce a fixed-bitmap beyond fixed";
	if (config->version < 6 && config->gp_set >> PMU_LEGACY_GP)
		return "general-purpose counters above 9 have no MSRs before version 6";
	if (config->fixed_set && config->version < 2)
		return "fixed counters need version 2 or later";
	if (config->full_width && config->version < 2)
		return "full-width=1 needs version 2 or later";
	if (config->leaf23 && config->version < 5)
		return "leaf23=1 needs version 5 or later";
	if (config->metrics && !(config->fixed_set & SLOTS))
		return "metrics=1 needs fixed counter 3";
	if (config->metrics_clear && !config->metrics)
		return "metrics-clear=1 needs metrics=1";
	if (config->metrics_clear && config->version < 5)
		return "metrics-clear=1 needs version 5 or later: before it the bit is AnyThread's";
	if ((config->user_disable || config->umask2 || config->eq) && !config->leaf23)
		return "user-disable, umask2 and eq need leaf23=1, which announces them";
	if (config->user_disable && config->fixed_set >> 8)
		return "user-disable=1 has no room for fixed counters above 7";
	if (config->fast && config->version)
		return "fast=1 needs version 0";
	return NULL;
}

static const char *impossible_amd(const struct pmu_config *config)
{
	if (config->version < 2 && config->gp != (config->version ? 6 : 4))
		return config->version ? "version 1 has 6 core counters"
				       : "version 0 has 4 core counters";
	if (config->version < 2 && config->nb && config->nb != 4)
		return "before version 2 there are 4 data-fabric counters, or none";
	if (config->gp > 6 && config->nb)
		return "with more than 6 core counters ECX 6 would be one of them and a "
		       "data-fabric counter";
	if (config->gp > 10 && (config->l3 || config->l2i))
		return "with more than 10 core counters ECX 10 would be one of them and an L3 "
		       "counter";
	if (config->l3 && config->l2i)
		return "l3 is of family 0x17 and later, l2i of earlier ones";
	return NULL;
}

static int fail(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return -1;
}

static const struct field *find(const char *name, size_t length, enum pmu_vendor vendor)
{
	for (size_t i = 0; i < NR_FIELDS; i++) {
		if (strlen(fields[i].name) == length && !memcmp(fields[i].name, name, length) &&
		    fields[i].vendors >> vendor & 1)
			return &fields[i];
	}
	return NULL;
}

/* One "name=number" of @length bytes. */
static int parse(struct pmu_config *config, const char *text, size_t length, const char *vendor,
		 char *why, size_t size)
{
	const char *equals = memchr(text, '=', length);
	size_t name = equals ? (size_t)(equals - text) : length;
	const struct field *field = find(text, name, config->vendor);
	unsigned long long number;
	char *end;

	if (!field)
		return fail(why, size, "unknown field '%.*s' for %s", (int)name, text, vendor);
	if (!equals || !strchr("0123456789abcdefABCDEF", equals[1]) || equals[1] == '\0')
		return fail(why, size, "%s: number expected: '%.*s'", field->name, (int)length,
			    text);
	number = strtoull(equals + 1, &end, field->base);
	if (end != text + length)
		return fail(why, size, "%s: not a number: '%.*s'", field->name, (int)length, text);
	if (number < field->min || number > field->max)
		return fail(why, size,
			    field->base == HEX ? "%s: %llx is out of range: %x to %x"
					       : "%s: %llu is out of range: %u to %u",
			    field->name, number, field->min, field->max);
	*member(config, field) = (uint32_t)number;
	return 0;
}

int pmu_configure(struct pmu *pmu, const char *text, char *why, size_t size)
{
	static const char *const vendors[] = {
		[PMU_NONE] = "none", [PMU_INTEL] = "intel", [PMU_AMD] = "amd"
	};
	size_t length = strcspn(text, ",");
	struct pmu_config config = { 0 };
	const char *impossible = NULL;
	unsigned int vendor = 0;

	while (vendor < 3 &&
	       (strlen(vendors[vendor]) != length || memcmp(vendors[vendor], text, length)))
		vendor++;
	if (vendor == 3)
		return fail(why, size, "the vendor comes first: intel, amd or none, not '%.*s'",
			    (int)length, text);
	config.vendor = (enum pmu_vendor)vendor;
	for (size_t i = 0; i < NR_FIELDS; i++) {
		/* Of a bitmap 0 says that it was not given. */
		if (fields[i].vendors >> vendor & 1 &&
		    fields[i].offset != offsetof(struct pmu_config, gp_set) &&
		    fields[i].offset != offsetof(struct pmu_config, fixed_set))
			*member(&config, &fields[i]) = UNSET;
	}
	for (text += length; *text; text += length) {
		length = strcspn(++text, ",");
		if (parse(&config, text, length, vendors[vendor], why, size))
			return -1;
	}
	if (vendor == PMU_INTEL)
		defaults_intel(&config);
	else if (vendor == PMU_AMD)
		defaults_amd(&config);
	for (size_t i = 0; i < NR_FIELDS; i++) {
		if (fields[i].vendors >> vendor & 1 &&
		    fields[i].offset != offsetof(struct pmu_config, gp_set))
			set_default(member(&config, &fields[i]), 0);
	}
	if (vendor == PMU_INTEL)
		impossible = impossible_intel(&config);
	else if (vendor == PMU_AMD)
		impossible = impossible_amd(&config);
	if (impossible)
		return fail(why, size, "%s", impossible);
	pmu->config = config;
	pmu_reset(pmu);
	return 0;
}
