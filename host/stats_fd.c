// SPDX-License-Identifier: GPL-2.0-or-later
/* The layout is the kernel's: a header, descriptors with names, then 64-bit values. */
#include "host/stats_fd.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MAX_STATS 4096 /* sanity bound on what the kernel announces */
#define MAX_SPAN  256  /* values that are read at once */

static const char *const stat_names[NR_VCPU_STATS] = {
	[STAT_EXITS] = "exits",
	[STAT_INSN_EMULATION] = "insn_emulation",
	[STAT_IRQ_EXITS] = "irq_exits",
};

static int read_exactly(int fd, void *buffer, size_t size, off_t offset)
{
	ssize_t got = pread(fd, buffer, size, offset);

	if (got == (ssize_t)size)
		return 0;
	if (got >= 0)
		errno = EIO;
	return -1;
}

static int find_stats(struct vcpu_stats *stats, struct failure *failure)
{
	struct kvm_stats_header header;
	size_t desc_size;
	char *descs;

	if (read_exactly(stats->fd, &header, sizeof(header), 0))
		return fail_errno(failure, "KVM statistics header");
	if (header.num_desc > MAX_STATS || header.name_size > 256)
		return fail_with(failure, -EPROTO, "KVM statistics: implausible header");
	desc_size = sizeof(struct kvm_stats_desc) + header.name_size;
	descs = malloc(desc_size * header.num_desc);
	if (!descs)
		return fail_with(failure, -ENOMEM, "out of memory");
	if (read_exactly(stats->fd, descs, desc_size * header.num_desc, header.desc_offset)) {
		free(descs);
		return fail_errno(failure, "KVM statistics descriptors");
	}
	for (uint32_t i = 0; i < header.num_desc; i++) {
		const struct kvm_stats_desc *desc = (const void *)(descs + i * desc_size);

		for (int s = 0; s < NR_VCPU_STATS; s++)
			if (!strncmp(desc->name, stat_names[s], header.name_size))
				stats->offset[s] = (long)header.data_offset + desc->offset;
	}
	free(descs);
	stats->first = stats->last = stats->offset[STAT_EXITS];
	for (int s = 0; s < NR_VCPU_STATS; s++) {
		if (stats->offset[s] < 0)
			continue;
		stats->first = stats->offset[s] < stats->first ? stats->offset[s] : stats->first;
		stats->last = stats->offset[s] > stats->last ? stats->offset[s] : stats->last;
	}
	if (stats->offset[STAT_EXITS] < 0)
		return fail_with(failure, -ENOTSUP, "KVM's statistics have no counter named exits");
	return 0;
}

int vcpu_stats_open(struct vcpu_stats *stats, int vcpu_fd, struct failure *failure)
{
	int error;

	for (int s = 0; s < NR_VCPU_STATS; s++)
		stats->offset[s] = -1;
	stats->fd = ioctl(vcpu_fd, KVM_GET_STATS_FD, NULL);
	if (stats->fd < 0)
		return fail_errno(failure, "KVM_GET_STATS_FD");
	error = find_stats(stats, failure);
	if (error)
		vcpu_stats_close(stats);
	return error;
}

void vcpu_stats_close(struct vcpu_stats *stats)
{
	if (stats->fd >= 0)
		close(stats->fd);
	stats->fd = -1;
}

int vcpu_stats_read(const struct vcpu_stats *stats, uint64_t value[NR_VCPU_STATS],
		    struct failure *failure)
{
	const size_t count = (size_t)(stats->last - stats->first) / sizeof(uint64_t) + 1;
	uint64_t all[MAX_SPAN];

	/* One system call where they lie near to each other. */
	if (count <= MAX_SPAN && read_exactly(stats->fd, all, count * sizeof(*all), stats->first))
		return fail_errno(failure, "KVM statistics");
	for (int s = 0; s < NR_VCPU_STATS; s++) {
		value[s] = 0;
		if (stats->offset[s] < 0)
			continue;
		if (count <= MAX_SPAN)
			value[s] = all[(size_t)(stats->offset[s] - stats->first) / sizeof(*all)];
		else if (read_exactly(stats->fd, &value[s], sizeof(value[s]), stats->offset[s]))
			return fail_errno(failure, "KVM statistics");
	}
	return 0;
}
