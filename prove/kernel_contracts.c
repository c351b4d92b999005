// SPDX-License-Identifier: GPL-2.0
/*
 * Contracts: what functions that a tree's KVM sources call, and that are defined elsewhere in the
 * kernel, may do in a proof. The first line of the comment before each is listed with the result. A
 * function that is neither in the tree's files nor here is proved never to be reached.
 */
#include <linux/bitmap.h>
#include <linux/kvm_host.h>
#include <linux/perf_event.h>

#include "fuzz/engines/kernel/glue.h"
#include "prove/kernel_contracts.h"

unsigned long long contract_tsc;

/* RDTSC gives what the proof chose for it, at every execution the same. */
unsigned long long contract_rdtsc(void);
unsigned long long contract_rdtsc(void)
{
	return contract_tsc;
}

#define GP_COUNTERS    ARRAY_SIZE(((struct kvm_pmu *)NULL)->gp_counters)
#define FIXED_COUNTERS ARRAY_SIZE(((struct kvm_pmu *)NULL)->fixed_counters)
#define FIXED_FIRST    32

/* for_each_set_bit(): is the bit set? In a set of 64 only counters that KVM has are proved to be. */
bool glue_bit(const unsigned long *map, unsigned int bit, unsigned int size)
{
	const unsigned long counters =
		((1UL << FIXED_COUNTERS) - 1) << FIXED_FIRST | ((1UL << GP_COUNTERS) - 1);

	if (size == 64 && !bit)
		__CPROVER_assert(!(*map & ~counters), "contract: a bit of a counter that there is");
	return map[bit / 64] >> bit % 64 & 1;
}

/* for_each_set_bit(): the next bit; in a set of 64 the next that is of a counter. */
unsigned int glue_next_bit(unsigned int bit, unsigned int size)
{
	bit++;
	if (size == 64 && bit == GP_COUNTERS)
		return FIXED_FIRST;
	if (size == 64 && bit == FIXED_FIRST + FIXED_COUNTERS)
		return size;
	return bit;
}

/* kvm_pmu_trigger_event(): counts in the counters that are enabled, and it is proved that there are none. */
void contract_nothing_counts(const struct kvm_vcpu *vcpu);
void contract_nothing_counts(const struct kvm_vcpu *vcpu)
{
	const struct kvm_pmu *pmu = &vcpu->arch.pmu;
	unsigned long enabled = pmu->fixed_ctr_ctrl;

	for (unsigned int x = 0; x < GP_COUNTERS; x++)
		enabled |= pmu->gp_counters[x].eventsel & ARCH_PERFMON_EVENTSEL_ENABLE;
	__CPROVER_assert(!enabled, "contract: a counter that counts");
}

/* memcpy() of a size that is no constant, byte by byte: what is known of each byte stays known. */
void contract_copy(unsigned char *to, const unsigned char *from, unsigned long size);
void contract_copy(unsigned char *to, const unsigned char *from, unsigned long size)
{
	for (unsigned long at = 0; at < size; at++)
		to[at] = from[at];
}

/* lib/find_bit.c: the first bit that is set from @bit on, or the size. */
unsigned long _find_next_bit(const unsigned long *map, unsigned long size, unsigned long bit)
{
	unsigned long word;

	for (; bit < size; bit = (bit / 64 + 1) * 64) {
		word = map[bit / 64] >> bit % 64;
		if (!word)
			continue;
		bit += __builtin_ctzl(word);
		return bit < size ? bit : size;
	}
	return size;
}

/* lib/find_bit.c: the first bit that is set, or the size. */
unsigned long _find_first_bit(const unsigned long *map, unsigned long size)
{
	return _find_next_bit(map, size, 0);
}

#if defined(CONFIG_PERF_EVENTS) && defined(CONFIG_CPU_SUP_INTEL)
/* x86_perf_get_lbr(): the host's perf has no last branch records. */
void x86_perf_get_lbr(struct x86_pmu_lbr *lbr)
{
	lbr->nr = 0;
}
#endif
