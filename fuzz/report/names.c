// SPDX-License-Identifier: GPL-2.0-or-later
/* Enumerations and numbers as text. */
#include "fuzz/report/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/oracle/verdict.h"

const char *mode_name(enum rdpmc_mode mode)
{
	static const char *const names[NR_MODES] = {
		[MODE_REAL] = "real",         [MODE_PROTECTED] = "protected",
		[MODE_VM86] = "virtual-8086", [MODE_COMPATIBILITY] = "compatibility",
		[MODE_64BIT] = "64-bit",
	};

	return names[mode];
}

const char *mode_full_name(enum rdpmc_mode mode)
{
	return mode == MODE_REAL ? "real-address" : mode_name(mode);
}

static const struct {
	const char *name, *before_index;
} classes[NR_CLASSES] = {
	[CLASS_NONE] = { "nothing", "" },
	[CLASS_GP] = { "general-purpose counter", "" },
	[CLASS_FIXED] = { "fixed counter", "" },
	[CLASS_METRICS] = { "PERF_METRICS", ", index" },
	[CLASS_OLD] = { "non-architectural counter", "" },
	[CLASS_OLD_FAST] = { "non-architectural counter", " (fast read)" },
	[CLASS_AMD_CORE] = { "core counter", "" },
	[CLASS_AMD_NB] = { "data-fabric counter", " at index" },
	[CLASS_AMD_L3] = { "L3 or L2I counter", " at index" },
	[CLASS_AMD_NB_MORE] = { "data-fabric counter", " at index 16 +" },
	[CLASS_VMWARE] = { "VMware pseudo counter", "" },
};

const char *class_name(enum rdpmc_class class)
{
	return classes[class].name;
}

struct counter_name counter_name(enum rdpmc_class class, unsigned int index)
{
	struct counter_name name;

	if (class == CLASS_NONE)
		snprintf(name.text, sizeof(name.text), "no counter");
	else
		snprintf(name.text, sizeof(name.text), "%s%s %u", classes[class].name,
			 classes[class].before_index, index);
	return name;
}

const char *obstacle_name(enum rdpmc_obstacle obstacle)
{
	static const char *const names[NR_OBSTACLES] = {
		[OBSTACLE_NONE] = "no intercept is needed",
		[OBSTACLE_VMWARE] = "the CPU does not know the VMware pseudo counters",
		[OBSTACLE_NOT_MEDIATED] = "the CPU's counters are not the guest's",
		[OBSTACLE_READABLE] = "guest and CPU do not let the same counters be read",
		[OBSTACLE_WIDTH] = "the guest's counters are not as wide as the CPU's",
		[OBSTACLE_CLEAR] = "the guest may ask for metrics clear, the CPU has none",
		[OBSTACLE_USER_DISABLE] = "the guest may ask for user disable, the CPU has none",
	};

	return names[obstacle];
}

const char *report_oracles(unsigned int oracles, char *text)
{
	static const char *const names[] = { "outcome", "nothing-else", "pass-sound", "entries",
					     "trouble" };

	text[0] = '\0';
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (oracles & 1U << i)
			sprintf(text + strlen(text), "%s%s", text[0] ? ", " : "", names[i]);
	return text;
}

unsigned int report_oracle(const char *name)
{
	char text[REPORT_ORACLES];

	for (unsigned int bit = ORACLE_OUTCOME; bit <= ORACLE_TROUBLE; bit <<= 1)
		if (!strcmp(report_oracles(bit, text), name))
			return bit;
	return 0;
}

struct hex hex(uint64_t value)
{
	struct hex hex;

	snprintf(hex.text, sizeof(hex.text), "0x%" PRIx64, value);
	return hex;
}

struct hex hex32(uint32_t value)
{
	struct hex hex;

	snprintf(hex.text, sizeof(hex.text), "0x%08" PRIx32, value);
	return hex;
}
