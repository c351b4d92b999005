// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Proves that native metrics are read only where the processor has them, and that a read that
 * faults on the host is an error and not the program's end. perf is made here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/machine.h"
#include "bench/tsc.h"

#define EVENTS "/sys/bus/event_source/devices/cpu/events"

static uint32_t slots_index; /* of the made perf's page: 1 + what RDPMC takes */
static unsigned int topdown_opened;

/* Replaces libc's: perf_event_open returns a made page that allows user RDPMC. */
long syscall(long number, ...)
{
	struct perf_event_mmap_page page = { .cap_user_rdpmc = 1 };
	const struct perf_event_attr *attr;
	va_list args;
	int fd;

	va_start(args, number);
	attr = va_arg(args, const struct perf_event_attr *);
	va_end(args);
	if (number != SYS_perf_event_open) {
		errno = ENOSYS;
		return -1;
	}
	page.index = 1;
	if (attr->type == PERF_TYPE_HARDWARE)
		page.index = 0x40000001;
	else if (attr->config == 0x400)
		page.index = slots_index;
	topdown_opened += attr->type == PERF_TYPE_RAW && attr->config == 0x8000;
	fd = memfd_create("perf", MFD_CLOEXEC);
	if (fd >= 0 && (ftruncate(fd, sysconf(_SC_PAGESIZE)) ||
			pwrite(fd, &page, sizeof(page), 0) != sizeof(page)))
		abort();
	return fd;
}

static char root[] = "/tmp/rdpmc-native-XXXXXX";

static void make_file(const char *path, const char *text)
{
	char whole[256];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	file = fopen(whole, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int make_root(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	make_file("/sys/bus/event_source/devices/cpu/type", "4\n");
	make_file("/sys/bus/event_source/devices/cpu/rdpmc", "1\n");
	return 0;
}

static int remove_root(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static struct machine machine;

static bool has_metrics(enum cpu_vendor vendor)
{
	struct native *native = &machine.native;
	char reason[160];
	bool has;

	topdown_opened = 0;
	native_open(native, root, vendor, reason, sizeof(reason));
	assert_string_equal(reason, "");
	assert_true(native_has(native, COUNTER_GP_FIRST));
	has = native_has(native, COUNTER_METRICS);
	if (has)
		assert_int_equal(native_ecx(native, COUNTER_METRICS), 0x20000000);
	assert_int_equal(topdown_opened, has);
	native_close(native);
	return has;
}

/* In this order: each step adds an event to the made perf. */
static void metrics_are_opened_only_where_the_capability_is(void **state)
{
	(void)state;
	slots_index = 0x40000004;
	assert_false(has_metrics(CPU_VENDOR_INTEL));
	make_file(EVENTS "/slots", "event=0x00,umask=0x4\n");
	assert_false(has_metrics(CPU_VENDOR_INTEL));
	make_file(EVENTS "/topdown-retiring", "event=0x00,umask=0x80\n");
	assert_true(has_metrics(CPU_VENDOR_INTEL));
	assert_false(has_metrics(CPU_VENDOR_AMD));
	slots_index = 3; /* an ordinary event, on GP counter 2 */
	assert_false(has_metrics(CPU_VENDOR_INTEL));
}

static void nothing(int signal)
{
	(void)signal;
}

/* No processor has this counter, so the read faults everywhere. */
static void a_read_that_faults_is_an_error(void **state)
{
	struct row row = { .machine = MACHINE_NATIVE, .counter = COUNTER_GP_FIRST };
	struct sigaction mine = { .sa_handler = nothing }, old, now;
	struct failure failure;
	struct reading reading;

	(void)state;
	/* A program that leaves the fault to that handler faults for ever. */
	alarm(30);
	sigaction(SIGSEGV, &mine, &old);
	machine.native.gp.ecx = 0xfff0;
	for (int turn = 0; turn < 4; turn++) {
		assert_int_equal(machine_measure(&machine, &row, 3, turn % 2, 1000, &reading,
						 &failure),
				 -EFAULT);
		assert_string_equal(failure.text, "RDPMC of 0xfff0 faulted on the host");
		sigaction(SIGSEGV, NULL, &now);
		assert_ptr_equal(now.sa_handler, nothing);
	}
	sigaction(SIGSEGV, &old, NULL);
	alarm(0);
}

/* Where nothing but native rows is measured, no guest has reported the clock's frequency. */
static void the_clock_is_a_processors(void **state)
{
	uint64_t khz = tsc_measure_khz(), start = fenced_tsc();

	(void)state;
	assert_in_range(khz, 100000, 10000000);
	assert_true(fenced_tsc() > start);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_opened_only_where_the_capability_is),
		cmocka_unit_test(a_read_that_faults_is_an_error),
		cmocka_unit_test(the_clock_is_a_processors),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
