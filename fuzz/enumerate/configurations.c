// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configurations that are swept. Named after processors where one announces such a PMU; what is
 * none's stands for what a hypervisor may be told to announce.
 */
#include "fuzz/enumerate/configurations.h"

#include <string.h>

#define FULL_WIDTH  CASE_CAP_FW_WRITES
#define METRICS     (FULL_WIDTH | RDPMC_CAP_METRICS)
#define CLEAR       (METRICS | RDPMC_CAP_METRICS_CLEAR)
#define CLEAR_ASKED RDPMC_FIXED_CTRL_METRICS_CLEAR

#define INTEL(version_, gp, gp_bits, fixed, fixed_bits, ...)                                       \
	{                                                                                          \
		.vendor = RDPMC_INTEL, .version = (version_), .nr_gp = (gp),                       \
		.gp_width = (gp_bits), .nr_fixed = (fixed), .fixed_width = (fixed_bits),           \
		__VA_ARGS__                                                                        \
	}
#define AMD(version_, ...)                                                                         \
	{                                                                                          \
		.vendor = RDPMC_AMD, .version = (version_), __VA_ARGS__                            \
	}

#define MEDIATED                                                                                   \
	{                                                                                          \
		.mediated_pmu = true                                                               \
	}
#define BACKDOOR                                                                                   \
	{                                                                                          \
		.vmware_backdoor = true                                                            \
	}

static const struct rdpmc_pmu host_metrics = INTEL(5, 8, 48, 4, 48, .perf_capabilities = METRICS);
static const struct rdpmc_pmu host_skylake =
	INTEL(4, 4, 48, 3, 48, .perf_capabilities = FULL_WIDTH);
static const struct rdpmc_pmu host_amd =
	AMD(2, .nr_gp = 6, .ext_core = true, .ext_nb = true, .ext_l3 = true, .nr_nb = 16);

static const struct rdpmc_pmu host_five_fixed =
	INTEL(5, 8, 48, 5, 48, .perf_capabilities = METRICS);
static const struct rdpmc_pmu host_fixed_bitmap = INTEL(5, 8, 48, 3, 48, .fixed_bitmap = 0xf);
static const struct rdpmc_pmu host_leaf23 =
	INTEL(6, 8, 48, 4, 48, .leaf23_gp = 0x3ff, .leaf23_fixed = 0xf);
static const struct rdpmc_pmu host_ext_core = AMD(1, .ext_core = true);
static const struct rdpmc_pmu host_fabric =
	AMD(2, .nr_gp = 6, .ext_core = true, .ext_nb = true, .nr_nb = 4);
static const struct rdpmc_pmu host_perfmon_v2 = AMD(2, .nr_gp = 6, .ext_core = true);

const struct configuration configurations[] = {
	{ .name = "sapphire-rapids",
	  .what = "version 5, 8 + 4 counters, PERF_METRICS, mediated",
	  .guest = INTEL(5, 8, 48, 4, 48, .perf_capabilities = METRICS),
	  .policy = MEDIATED },
	{ .name = "sapphire-rapids-no-metrics",
	  .what = "the host has PERF_METRICS, the guest has not: must be intercepted",
	  .guest = INTEL(5, 8, 48, 4, 48, .perf_capabilities = FULL_WIDTH),
	  .host = &host_metrics,
	  .policy = MEDIATED },
	{ .name = "sapphire-rapids-no-pdcm",
	  .what = "IA32_PERF_CAPABILITIES is set, CPUID has not the MSR: no PERF_METRICS",
	  .guest = INTEL(5, 8, 48, 4, 48, .perf_capabilities = METRICS, .no_pdcm = true),
	  .host = &host_metrics,
	  .policy = MEDIATED },
	{ .name = "skylake",
	  .what = "version 4, 4 + 3 counters",
	  .guest = INTEL(4, 4, 48, 3, 48, .perf_capabilities = FULL_WIDTH),
	  .policy = MEDIATED },
	{ .name = "skylake-kvm",
	  .what = "Skylake's guest as KVM announces it: version 2",
	  .guest = INTEL(2, 4, 48, 3, 48, .perf_capabilities = FULL_WIDTH),
	  .host = &host_skylake,
	  .policy = MEDIATED },
	{ .name = "sapphire-rapids-kvm",
	  .what = "Sapphire Rapids' guest as KVM announces it: version 2, 3 fixed counters, no "
		  "PERF_METRICS",
	  .guest = INTEL(2, 8, 48, 3, 48, .perf_capabilities = FULL_WIDTH),
	  .host = &host_metrics,
	  .policy = MEDIATED },
	{ .name = "ten-counters-kvm",
	  .what = "a host with 10 general-purpose counters, all of them the guest's",
	  .guest = INTEL(2, 10, 48, 3, 48, .perf_capabilities = FULL_WIDTH) },
	{ .name = "ice-lake",
	  .what = "version 5, 8 + 4 counters, PERF_METRICS, not mediated",
	  .guest = INTEL(5, 8, 48, 4, 48, .fixed_bitmap = 0xf, .perf_capabilities = METRICS) },
	{ .name = "metrics-clear",
	  .what = "PERF_METRICS that clear on reads, the mode on",
	  .guest = INTEL(6, 8, 48, 4, 48, .perf_capabilities = CLEAR),
	  .policy = MEDIATED,
	  .fixed_ctr_ctrl = CLEAR_ASKED | 0x3333 },
	{ .name = "metrics-clear-off",
	  .what = "the same, the mode off",
	  .guest = INTEL(6, 8, 48, 4, 48, .perf_capabilities = CLEAR),
	  .policy = MEDIATED,
	  .fixed_ctr_ctrl = ~CLEAR_ASKED },
	{ .name = "metrics-clear-absent",
	  .what = "the mode's bit set where it is not announced",
	  .guest = INTEL(5, 8, 48, 4, 48, .perf_capabilities = METRICS),
	  .policy = MEDIATED,
	  .fixed_ctr_ctrl = ~0ULL },
	{ .name = "panther-cove",
	  .what = "leaf 0x23, all of user disable on",
	  .guest = INTEL(6, 8, 48, 4, 48, .leaf23_gp = 0x3ff, .leaf23_fixed = 0x7f,
			 .user_disable = true, .perf_capabilities = CLEAR),
	  .policy = MEDIATED,
	  .fixed_ctr_ctrl = ~0ULL,
	  .gp_user_disable = ~0U },
	{ .name = "user-disable-some",
	  .what = "leaf 0x23 with gaps, every other counter hidden",
	  .guest = INTEL(6, 0, 48, 0, 48, .leaf23_gp = 0x80000ff1, .leaf23_fixed = 0x80000175,
			 .user_disable = true),
	  .policy = MEDIATED,
	  .fixed_ctr_ctrl = 0x0202020200000000ULL,
	  .gp_user_disable = 0x55555555 },
	{ .name = "user-disable-absent",
	  .what = "user disable's bits set where it is not announced",
	  .guest = INTEL(6, 8, 48, 4, 48, .perf_capabilities = FULL_WIDTH),
	  .policy = MEDIATED,
	  .fixed_ctr_ctrl = ~0ULL,
	  .gp_user_disable = ~0U },
	{ .name = "fixed-bitmap",
	  .what = "fixed counters by bitmap alone, 31 among them",
	  .guest = INTEL(5, 2, 48, 0, 40, .fixed_bitmap = 0x80000011) },
	{ .name = "version-4-bitmap",
	  .what = "CPUID.0AH:ECX of version 4: no counter more",
	  .guest = INTEL(4, 8, 48, 2, 48, .fixed_bitmap = 0xf),
	  .host = &host_metrics,
	  .policy = MEDIATED },
	{ .name = "version-1",
	  .what = "version 1: no fixed counters, whatever is announced",
	  .guest = INTEL(1, 2, 40, 3, 40, .fixed_bitmap = 0xff) },
	{ .name = "most",
	  .what = "32 counters of each kind",
	  .guest = INTEL(6, 32, 48, 31, 48, .fixed_bitmap = ~0U, .perf_capabilities = METRICS) },
	{ .name = "width-0", .what = "counters of no width", .guest = INTEL(5, 8, 0, 4, 0) },
	{ .name = "width-1", .what = "counters of 1 bit", .guest = INTEL(5, 8, 1, 4, 1) },
	{ .name = "width-32",
	  .what = "counters of 32 and 33 bits",
	  .guest = INTEL(5, 8, 32, 4, 33) },
	{ .name = "width-63",
	  .what = "counters of 63 and 64 bits",
	  .guest = INTEL(5, 8, 63, 4, 64) },
	{ .name = "width-64",
	  .what = "counters of 64 and 63 bits",
	  .guest = INTEL(5, 8, 64, 4, 63) },
	{ .name = "no-pmu", .what = "Intel without a PMU", .guest = { .vendor = RDPMC_INTEL } },
	{ .name = "p6",
	  .what = "not architectural, fast reads; an engine may not be able to give it",
	  .guest = { .vendor = RDPMC_INTEL, .old_counters = 2, .old_fast = true } },
	{ .name = "amd-4", .what = "AMD with 4 counters", .guest = AMD(1), .policy = MEDIATED },
	{ .name = "amd-ext-core",
	  .what = "PerfCtrExtCore: 6 counters",
	  .guest = AMD(1, .ext_core = true),
	  .policy = MEDIATED },
	{ .name = "amd-v2",
	  .what = "PerfMonV2 with 6 counters",
	  .guest = AMD(2, .nr_gp = 6, .ext_core = true),
	  .policy = MEDIATED },
	{ .name = "amd-v2-15",
	  .what = "PerfMonV2 with 15 counters",
	  .guest = AMD(2, .nr_gp = 15, .ext_core = true),
	  .policy = MEDIATED },
	{ .name = "amd-nb-l3-host",
	  .what = "the host has data-fabric and L3 counters, the guest has not",
	  .guest = AMD(2, .nr_gp = 6, .ext_core = true),
	  .host = &host_amd,
	  .policy = MEDIATED },
	{ .name = "amd-nb-l3",
	  .what = "the guest has them too; an engine may not be able to give it",
	  .guest = AMD(2, .nr_gp = 6, .ext_core = true, .ext_nb = true, .ext_l3 = true,
		       .nr_nb = 16) },
	{ .name = "no-pmu-amd", .what = "AMD without a PMU", .guest = AMD(0) },
	{ .name = "no-pmu-guest",
	  .what = "a guest without a PMU on Sapphire Rapids",
	  .guest = { .vendor = RDPMC_INTEL },
	  .host = &host_metrics,
	  .policy = MEDIATED },
	{ .name = "no-pmu-guest-amd",
	  .what = "a guest without a PMU on AMD with all counters",
	  .guest = AMD(0),
	  .host = &host_amd,
	  .policy = MEDIATED },
	/* Guests smaller than their host in one thing: if that shows, it alone asks for the intercept. */
	{ .name = "smaller-version",
	  .what = "version 4 on a host of version 5: the same counters",
	  .guest = INTEL(4, 8, 48, 4, 48, .perf_capabilities = METRICS),
	  .host = &host_metrics,
	  .policy = MEDIATED },
	{ .name = "smaller-version-1",
	  .what = "version 1, whose EDX says 4 fixed counters all the same",
	  .guest = INTEL(1, 8, 48, 4, 48, .perf_capabilities = METRICS),
	  .host = &host_metrics,
	  .policy = MEDIATED },
	{ .name = "smaller-gp",
	  .what = "7 general-purpose counters on a host with 8",
	  .guest = INTEL(5, 7, 48, 4, 48, .perf_capabilities = METRICS),
	  .host = &host_metrics,
	  .policy = MEDIATED },
	{ .name = "smaller-fixed",
	  .what = "2 fixed counters on a host with 3",
	  .guest = INTEL(4, 4, 48, 2, 48, .perf_capabilities = FULL_WIDTH),
	  .host = &host_skylake,
	  .policy = MEDIATED },
	{ .name = "smaller-fixed-four",
	  .what = "4 fixed counters, as many as KVM may have, on a host with 5",
	  .guest = INTEL(5, 8, 48, 4, 48, .perf_capabilities = METRICS),
	  .host = &host_five_fixed,
	  .policy = MEDIATED },
	{ .name = "smaller-gp-width",
	  .what = "general-purpose counters of 40 bits on a host with 48",
	  .guest = INTEL(4, 4, 40, 3, 48, .perf_capabilities = FULL_WIDTH),
	  .host = &host_skylake,
	  .policy = MEDIATED },
	{ .name = "smaller-fixed-width",
	  .what = "fixed counters of 40 bits on a host with 48",
	  .guest = INTEL(4, 4, 48, 3, 40, .perf_capabilities = FULL_WIDTH),
	  .host = &host_skylake,
	  .policy = MEDIATED },
	{ .name = "smaller-capabilities",
	  .what = "no IA32_PERF_CAPABILITIES on a host that has it: nothing that RDPMC shows",
	  .guest = INTEL(4, 4, 48, 3, 48),
	  .host = &host_skylake,
	  .policy = MEDIATED },
	{ .name = "smaller-bitmap",
	  .what = "a fixed counter of the host's CPUID.0AH:ECX is not the guest's",
	  .guest = INTEL(5, 8, 48, 3, 48, .fixed_bitmap = 0x7),
	  .host = &host_fixed_bitmap,
	  .policy = MEDIATED },
	{ .name = "smaller-leaf23",
	  .what = "a counter of the host's leaf 0x23 is not the guest's",
	  .guest = INTEL(6, 8, 48, 4, 48, .leaf23_gp = 0xff, .leaf23_fixed = 0xf),
	  .host = &host_leaf23,
	  .policy = MEDIATED },
	{ .name = "smaller-ext-core",
	  .what = "AMD without PerfCtrExtCore on a host with it",
	  .guest = AMD(1),
	  .host = &host_ext_core,
	  .policy = MEDIATED },
	{ .name = "smaller-perfmon-v2",
	  .what = "AMD without PerfMonV2 on a host with it: the same counters",
	  .guest = AMD(1, .ext_core = true),
	  .host = &host_perfmon_v2,
	  .policy = MEDIATED },
	{ .name = "smaller-amd-v2",
	  .what = "PerfMonV2 with 5 counters on a host with 6",
	  .guest = AMD(2, .nr_gp = 5, .ext_core = true),
	  .host = &host_perfmon_v2,
	  .policy = MEDIATED },
	{ .name = "smaller-fabric",
	  .what = "3 data-fabric counters on a host with 4; an engine may not be able to give it",
	  .guest = AMD(2, .nr_gp = 6, .ext_core = true, .ext_nb = true, .nr_nb = 3),
	  .host = &host_fabric,
	  .policy = MEDIATED },
	{ .name = "intel-on-amd",
	  .what = "an Intel guest on AMD",
	  .guest = INTEL(2, 4, 48, 3, 48, .perf_capabilities = FULL_WIDTH),
	  .host = &host_perfmon_v2,
	  .policy = MEDIATED },
	{ .name = "amd-on-intel",
	  .what = "an AMD guest on Intel",
	  .guest = AMD(1),
	  .host = &host_skylake,
	  .policy = MEDIATED },
	{ .name = "backdoor",
	  .what = "VMware backdoor, with Sapphire Rapids' PMU",
	  .guest = INTEL(5, 8, 48, 4, 48, .perf_capabilities = METRICS),
	  .policy = BACKDOOR },
	{ .name = "backdoor-amd",
	  .what = "VMware backdoor on AMD",
	  .guest = AMD(2, .nr_gp = 6, .ext_core = true),
	  .policy = BACKDOOR },
	{ .name = "backdoor-no-pmu",
	  .what = "VMware backdoor without a PMU",
	  .guest = { .vendor = RDPMC_INTEL },
	  .policy = BACKDOOR },
};

const size_t nr_configurations = sizeof(configurations) / sizeof(configurations[0]);

const struct configuration *configuration_find(const char *name)
{
	for (size_t i = 0; i < nr_configurations; i++)
		if (!strcmp(configurations[i].name, name))
			return &configurations[i];
	return NULL;
}

void configuration_case(const struct configuration *configuration, struct rdpmc_case *made)
{
	memset(made, 0, sizeof(*made));
	made->guest = configuration->guest;
	made->host = configuration->host ? *configuration->host : configuration->guest;
	made->policy = configuration->policy;
	made->counter_seed = 0x243f6a8885a308d3;
	made->metrics = 0x8142637485960718; /* eight different fractions */
	made->fixed_ctr_ctrl = configuration->fixed_ctr_ctrl;
	made->gp_user_disable = configuration->gp_user_disable;
}
