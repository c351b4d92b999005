// SPDX-License-Identifier: GPL-2.0-or-later
/* The host's own counters of what came between. */
#include "bench/noise.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/clock.h"

#define MSR_SMI_COUNT 0x34 /* SDM vol. 4; Intel only */

static long involuntary_switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? 0 : usage.ru_nivcsw;
}

static double steal_seconds(void)
{
	FILE *stat = fopen("/proc/stat", "re");
	unsigned long long steal = 0;

	if (!stat)
		return 0;
	if (fscanf(stat, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) != 1)
		steal = 0;
	fclose(stat);
	return (double)steal / (double)sysconf(_SC_CLK_TCK);
}

/* Through the msr driver, which root may use. */
static long smi_count(int cpu)
{
	uint64_t count = 0;
	char path[32];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	got = pread(fd, &count, sizeof(count), MSR_SMI_COUNT);
	close(fd);
	return got == sizeof(count) ? (long)(count & 0xffffffff) : -1;
}

double clock_ratio_add(double ratio, double guest_ns, double host_ns)
{
	return fmax(ratio, guest_ns / host_ns); /* of a NAN and a number the number */
}

/* That this thread had the CPU. */
static double thread_seconds(void)
{
	return (double)clock_ns(CLOCK_THREAD_CPUTIME_ID) * 1e-9;
}

void noise_start(struct noise *noise, int cpu)
{
	*noise = (struct noise){
		.involuntary_switches = involuntary_switches(),
		.steal_seconds = steal_seconds(),
		.smis = smi_count(cpu),
		.thread_seconds = thread_seconds(),
		.wall_seconds = clock_seconds(),
		.cpu_share = NAN,
		.clock_ratio = NAN,
	};
}

void noise_end(struct noise *noise, int cpu)
{
	noise->involuntary_switches = involuntary_switches() - noise->involuntary_switches;
	noise->steal_seconds = steal_seconds() - noise->steal_seconds;
	noise->thread_seconds = thread_seconds() - noise->thread_seconds;
	noise->wall_seconds = clock_seconds() - noise->wall_seconds;
	if (noise->wall_seconds > 0)
		noise->cpu_share = noise->thread_seconds / noise->wall_seconds;
	if (noise->smis >= 0)
		noise->smis = smi_count(cpu) - noise->smis;
}
