// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What CPUID reports of an emulated PMU (SDM vol. 2 and APM vol. 3, "CPUID"). It depends on the
 * configuration only.
 */
#include <string.h>

#include "machine/pmu.h"

#define SLOTS_FIXED 3

static bool intel(const struct pmu_config *config)
{
	return config->vendor == PMU_INTEL;
}

static uint32_t low_bits(unsigned int n)
{
	return (1U << n) - 1;
}

enum { EAX, EBX, ECX, EDX };

static void clear(uint32_t reg[4])
{
	memset(reg, 0, 4 * sizeof(reg[0]));
}

static void raise_to(uint32_t *highest, uint32_t leaf)
{
	if (*highest < leaf)
		*highest = leaf;
}

static void assign(uint32_t *reg, unsigned int bit, bool value)
{
	*reg = (*reg & ~(1U << bit)) | (uint32_t)value << bit;
}

/* The length of the vector of architectural events: Topdown Slots is the eighth. */
static unsigned int nr_events(const struct pmu_config *config)
{
	return config->fixed_set >> SLOTS_FIXED & 1 ? 8 : 7;
}

static void leaf_0a(const struct pmu_config *config, uint32_t reg[4])
{
	clear(reg);
	if (!config->version)
		return;
	reg[EAX] = config->version | config->gp << 8 | config->gp_width << 16 |
		   nr_events(config) << 24;
	reg[EBX] = config->missing & low_bits(nr_events(config));
	if (config->version >= 2)
		reg[EDX] = config->fixed | config->fixed_width << 5;
	if (config->version >= 5) {
		reg[ECX] = config->fixed_set;
		reg[EDX] |= 1U << 15; /* AnyThread deprecation */
	}
}

static void leaf_23(const struct pmu_config *config, uint32_t subleaf, uint32_t reg[4])
{
	clear(reg);
	if (!config->leaf23)
		return;
	switch (subleaf) {
	case 0:
		reg[EAX] = 1U << 0 | 1U << 1 | 1U << 3; /* the subleaves that are there */
		reg[EBX] = config->umask2 << 0 | config->eq << 1 | config->user_disable << 2;
		reg[ECX] = PMU_SLOTS;
		break;
	case 1:
		reg[EAX] = config->gp_set;
		reg[EBX] = config->fixed_set;
		break;
	case 3:
		reg[EAX] = ~config->missing & low_bits(nr_events(config));
		break;
	}
}

static void leaf_8000_0022(const struct pmu_config *config, uint32_t reg[4])
{
	clear(reg);
	if (intel(config) || config->version < 2)
		return;
	reg[EAX] = 1; /* PerfMonV2 */
	reg[EBX] = config->gp | config->nb << 10;
}

void pmu_cpuid(const struct pmu *pmu, uint32_t leaf, uint32_t subleaf, uint32_t reg[4])
{
	const struct pmu_config *config = &pmu->config;
	bool amd = config->vendor == PMU_AMD;

	switch (leaf) {
	case 0:
		if (intel(config) && config->version)
			raise_to(&reg[EAX], config->leaf23 ? 0x23 : 0xa);
		break;
	case 1:
		assign(&reg[ECX], 2, false); /* DTES64 */
		assign(&reg[ECX], 4, false); /* DS-CPL */
		assign(&reg[ECX], 15, intel(config) && config->version >= 2);
		assign(&reg[EDX], 21, false); /* DS */
		break;
	case 7:
		if (subleaf == 0 && config->leaf23)
			raise_to(&reg[EAX], 1); /* the highest subleaf */
		if (subleaf == 0)
			assign(&reg[EDX], 19, false); /* architectural LBRs */
		if (subleaf == 1)
			assign(&reg[EAX], 8, config->leaf23); /* ArchPerfmonExt */
		break;
	case 0xa:
		if (intel(config))
			leaf_0a(config, reg);
		else
			clear(reg);
		break;
	case 0x15:
	case 0x16:
		clear(reg);
		break;
	case 0x23:
		leaf_23(config, subleaf, reg);
		break;
	case 0x80000000:
		if (amd && config->version >= 2)
			raise_to(&reg[EAX], 0x80000022);
		break;
	case 0x80000001:
		assign(&reg[ECX], 23, amd && config->version >= 1); /* PerfCtrExtCore */
		assign(&reg[ECX], 24, config->nb > 0);              /* PerfCtrExtNB */
		assign(&reg[ECX], 28, config->l3 || config->l2i);   /* PerfCtrExtLLC, or L2I */
		break;
	case 0x80000022:
		leaf_8000_0022(config, reg);
		break;
	}
}
