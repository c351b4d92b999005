/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KVM's own counters of a vCPU, by name, through its binary statistics (KVM_GET_STATS_FD). */
#ifndef HOST_STATS_FD_H
#define HOST_STATS_FD_H

#include <stdint.h>

#include "lib/failure.h"

enum vcpu_stat { STAT_EXITS, STAT_INSN_EMULATION, STAT_IRQ_EXITS, NR_VCPU_STATS };

struct vcpu_stats {
	int fd;
	long offset[NR_VCPU_STATS]; /* in the file; -1 where this kernel has no such counter */
	long first, last;           /* of those there are */
};

/* Returns 0 or -errno; a kernel without "exits" is an error, without the others not. */
int vcpu_stats_open(struct vcpu_stats *stats, int vcpu_fd, struct failure *failure);
void vcpu_stats_close(struct vcpu_stats *stats);

/* Read all of them; a counter that is not there reads 0. Returns 0 or -errno. */
int vcpu_stats_read(const struct vcpu_stats *stats, uint64_t value[NR_VCPU_STATS],
		    struct failure *failure);

#endif
