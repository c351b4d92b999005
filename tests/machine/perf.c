// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs inside the emulated machine: does perf count what it should? Each line is a name, what an empty interval
 * counted, and how much more a loop of 1000000 rounds of two instructions did; the last how many overflow signals
 * came of 10000001 instructions at a period of 100000.
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void hear(int number)
{
	(void)number;
	signals++;
}

static int event(uint64_t config, uint64_t period)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_HARDWARE, .size = sizeof(attr), .config = config,
					.sample_period = period, .wakeup_events = !!period, .disabled = 1,
					.exclude_kernel = 1, .exclude_hv = 1 };

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static void loop(uint32_t rounds)
{
	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds) : : "cc");
}

static uint64_t count(int fd, int rounds)
{
	uint64_t value = 0;

	ioctl(fd, PERF_EVENT_IOC_RESET, 0);
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	if (rounds)
		loop((uint32_t)rounds);
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	return read(fd, &value, sizeof(value)) == sizeof(value) ? value : 0;
}

int main(void)
{
	static const struct {
		const char *name;
		uint64_t config;
	} events[] = { { "instructions", PERF_COUNT_HW_INSTRUCTIONS },
		       { "cycles", PERF_COUNT_HW_CPU_CYCLES },
		       { "branches", PERF_COUNT_HW_BRANCH_INSTRUCTIONS } };
	int fd;

	for (unsigned int i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		uint64_t empty;

		fd = event(events[i].config, 0);
		if (fd < 0) {
			perror(events[i].name);
			return 1;
		}
		empty = count(fd, 0);
		printf("%s %llu %llu\n", events[i].name, (unsigned long long)empty,
		       (unsigned long long)(count(fd, 1000000) - empty));
		close(fd);
	}
	fd = event(PERF_COUNT_HW_INSTRUCTIONS, 100000);
	signal(SIGIO, hear);
	fcntl(fd, F_SETFL, O_ASYNC);
	fcntl(fd, F_SETOWN, getpid());
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	loop(5000000);
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	printf("signals %d\n", (int)signals);
	return 0;
}
