// SPDX-License-Identifier: GPL-2.0-or-later
/* perf_event_open(2) for tracepoints and host counters. */
#include "host/perf.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/context.h"

static const struct {
	const char *name;
	const char *tracepoint; /* below events/, or NULL */
	uint64_t hardware;
} descriptions[NR_PERF_COUNTS] = {
	[PERF_KVM_EXIT] = { "kvm:kvm_exit", "kvm/kvm_exit", 0 },
	[PERF_KVM_ENTRY] = { "kvm:kvm_entry", "kvm/kvm_entry", 0 },
	[PERF_KVM_EMULATE_INSN] = { "kvm:kvm_emulate_insn", "kvm/kvm_emulate_insn", 0 },
	[PERF_KVM_INJ_EXCEPTION] = { "kvm:kvm_inj_exception", "kvm/kvm_inj_exception", 0 },
	[PERF_KVM_PIO] = { "kvm:kvm_pio", "kvm/kvm_pio", 0 },
	[PERF_HOST_CYCLES] = { "host_cycles", NULL, PERF_COUNT_HW_CPU_CYCLES },
	[PERF_HOST_INSTRUCTIONS] = { "host_instructions", NULL, PERF_COUNT_HW_INSTRUCTIONS },
};

const char *perf_count_name(enum perf_count count)
{
	return descriptions[count].name;
}

/* Returns false where tracefs is not to be seen. */
static bool tracepoint_id(const char *root, const char *tracepoint, uint64_t *id)
{
	static const char *const mounts[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[128], line[32];

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		snprintf(path, sizeof(path), "%s/events/%s/id", mounts[i], tracepoint);
		if (context_read_line(root, path, line, sizeof(line))) {
			*id = strtoull(line, NULL, 10);
			return true;
		}
	}
	return false;
}

static int open_one(enum perf_count count, const char *root, char *reason, size_t size)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
	};
	uint64_t id;
	int fd;

	if (descriptions[count].tracepoint) {
		attr.type = PERF_TYPE_TRACEPOINT;
		if (!tracepoint_id(root, descriptions[count].tracepoint, &id)) {
			snprintf(reason, size,
				 "tracefs cannot be read; as root: mount -t tracefs nodev "
				 "/sys/kernel/tracing");
			return -1;
		}
		attr.config = id;
	} else {
		attr.type = PERF_TYPE_HARDWARE;
		attr.config = descriptions[count].hardware;
		/* Inside KVM: neither the guest nor this program's own code. */
		attr.exclude_user = 1;
		attr.exclude_guest = 1;
	}
	fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		snprintf(reason, size,
			 "perf_event_open: %s; as root: sysctl kernel.perf_event_paranoid=1",
			 strerror(errno));
	else if (fd < 0 && (errno == ENOENT || errno == EOPNOTSUPP) &&
		 !descriptions[count].tracepoint)
		snprintf(reason, size, "the host has no PMU to count with");
	else if (fd < 0)
		snprintf(reason, size, "perf_event_open: %s", strerror(errno));
	return fd;
}

bool perf_count_is_traced(enum perf_count count)
{
	return descriptions[count].tracepoint;
}

size_t perf_counts_open(struct perf_counts *counts, const char *root, bool traced)
{
	size_t n = 0;

	for (int i = 0; i < NR_PERF_COUNTS; i++) {
		counts->fd[i] = -1;
		if (perf_count_is_traced((enum perf_count)i) != traced)
			continue;
		counts->reason[i][0] = '\0';
		counts->fd[i] = open_one((enum perf_count)i, root, counts->reason[i],
					 sizeof(counts->reason[i]));
		n += counts->fd[i] >= 0;
	}
	return n;
}

void perf_counts_close(struct perf_counts *counts)
{
	for (int i = 0; i < NR_PERF_COUNTS; i++) {
		if (counts->fd[i] >= 0)
			close(counts->fd[i]);
		counts->fd[i] = -1;
	}
}

static void give_up(struct perf_counts *counts, int i, const char *reason)
{
	close(counts->fd[i]);
	counts->fd[i] = -1;
	snprintf(counts->reason[i], sizeof(counts->reason[i]), "%s", reason);
}

void perf_counts_read(struct perf_counts *counts, uint64_t value[NR_PERF_COUNTS])
{
	for (int i = 0; i < NR_PERF_COUNTS; i++) {
		struct {
			uint64_t value, enabled, running; /* by read_format */
		} count = { 0 };

		value[i] = 0;
		if (counts->fd[i] < 0)
			continue;
		if (read(counts->fd[i], &count, sizeof(count)) != sizeof(count))
			give_up(counts, i, "perf's counter cannot be read");
		else if (count.running < count.enabled)
			give_up(counts, i,
				"the host's counters were taken, by the guest's PMU or others");
		else
			value[i] = count.value;
	}
}
