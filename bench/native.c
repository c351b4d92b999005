// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * User-space RDPMC through perf_event_open(2); events after the kernel's own topdown
 * documentation.
 */
#include "bench/native.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/tsc.h"
#include "host/context.h"

#define INTEL_BRANCHES_RETIRED 0x00c4 /* architectural, and on no fixed counter */
#define AMD_BRANCHES_RETIRED   0x00c2
#define INTEL_SLOTS            0x0400 /* fixed counter 3 by the kernel's event encoding */
#define INTEL_TOPDOWN_RETIRING 0x8000 /* PERF_METRICS, in a group led by slots */

#define ECX_FIXED0  0x40000000U
#define ECX_SLOTS   0x40000003U
#define ECX_METRICS 0x20000000U

static const struct native_event closed = { .fd = -1 };

static int perf_open(uint32_t type, uint64_t config, int group_fd)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = type,
		.config = config,
		.exclude_kernel = 1,
		/*
		 * An event that counts guests too keeps KVM from making a mediated PMU, and the
		 * reverse.
		 */
		.exclude_guest = 1,
		.pinned = group_fd < 0,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, group_fd, PERF_FLAG_FD_CLOEXEC);
}

static void event_close(struct native_event *event)
{
	if (event->page)
		munmap(event->page, (size_t)sysconf(_SC_PAGESIZE));
	if (event->fd >= 0)
		close(event->fd);
	*event = closed;
}

/*
 * Opens, maps and learns which counter perf chose. False, with errno, where user RDPMC is not to
 * be had.
 */
static bool event_open(struct native_event *event, uint32_t type, uint64_t config, int group_fd)
{
	const volatile struct perf_event_mmap_page *page;

	*event = closed;
	event->fd = perf_open(type, config, group_fd);
	if (event->fd < 0)
		return false;
	event->page =
		mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, event->fd, 0);
	if (event->page == MAP_FAILED)
		event->page = NULL;
	page = event->page;
	if (!page || !page->cap_user_rdpmc || !page->index) {
		event_close(event);
		errno = page ? EPERM : errno;
		return false;
	}
	event->ecx = page->index - 1;
	return true;
}

/*
 * Where the processor has no PERF_METRICS both encodings are ordinary events, which perf opens on
 * any counter. It names them only where they are what they are called.
 */
static bool offers_metrics(const char *root)
{
	char line[64];

	return context_host_has_metrics(root) &&
	       context_read_line(root, "/sys/bus/event_source/devices/cpu/events/slots", line,
				 sizeof(line));
}

static void open_metrics(struct native *native, const char *root)
{
	if (!offers_metrics(root) || !event_open(&native->slots, PERF_TYPE_RAW, INTEL_SLOTS, -1))
		return;
	if (native->slots.ecx != ECX_SLOTS ||
	    !event_open(&native->metrics, PERF_TYPE_RAW, INTEL_TOPDOWN_RETIRING,
			native->slots.fd)) {
		event_close(&native->slots);
		return;
	}
	/*
	 * Whatever index perf tells for a topdown event, all fractions are read at once from
	 * 0x20000000.
	 */
	native->metrics.ecx = ECX_METRICS;
}

void native_open(struct native *native, const char *root, enum cpu_vendor vendor, char *reason,
		 size_t size)
{
	uint64_t branches =
		vendor == CPU_VENDOR_AMD ? AMD_BRANCHES_RETIRED : INTEL_BRANCHES_RETIRED;
	char line[64];

	native->open = true;
	native->gp = native->fixed = native->slots = native->metrics = closed;
	reason[0] = '\0';
	if (!context_read_line(root, "/sys/bus/event_source/devices/cpu/type", line,
			       sizeof(line))) {
		snprintf(reason, size, "the host's perf has no processor PMU (or a hybrid one)");
		return;
	}
	if (context_read_line(root, "/sys/bus/event_source/devices/cpu/rdpmc", line,
			      sizeof(line)) &&
	    line[0] == '0') {
		snprintf(reason, size,
			 "user RDPMC is off; echo 1 > /sys/bus/event_source/devices/cpu/rdpmc");
		return;
	}
	if (!event_open(&native->gp, PERF_TYPE_RAW, branches, -1)) {
		snprintf(reason, size, "perf_event_open with user RDPMC: %s%s", strerror(errno),
			 errno == EACCES || errno == EPERM ? "; sysctl kernel.perf_event_paranoid=2"
							   : "");
		return;
	}
	event_open(&native->fixed, PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, -1);
	if (vendor == CPU_VENDOR_INTEL)
		open_metrics(native, root);
	/*
	 * perf has just set SLOTS and PERF_METRICS to 0: let there be something to have fractions
	 * of.
	 */
	for (volatile unsigned int i = 0; i < 100000; i++)
		;
}

void native_close(struct native *native)
{
	if (!native->open)
		return;
	native->open = false;
	event_close(&native->metrics);
	event_close(&native->slots);
	event_close(&native->fixed);
	event_close(&native->gp);
}

static const struct native_event *event_of(const struct native *native, enum counter counter)
{
	switch (counter) {
	case COUNTER_GP_FIRST:
		return &native->gp;
	case COUNTER_FIXED0:
		return &native->fixed;
	default:
		return &native->metrics;
	}
}

bool native_has(const struct native *native, enum counter counter)
{
	const struct native_event *event = event_of(native, counter);

	if (event->fd < 0)
		return false;
	return counter == COUNTER_GP_FIRST ? event->ecx < 0x10000
	       : counter == COUNTER_FIXED0 ? event->ecx == ECX_FIXED0
					   : true;
}

uint32_t native_ecx(const struct native *native, enum counter counter)
{
	return event_of(native, counter)->ecx;
}

static uint64_t loop(uint32_t ecx, uint64_t count, uint64_t *value)
{
	uint32_t low, high;
	uint64_t start = fenced_tsc(), end;

	/* The guest's loop, instruction for instruction. */
	__asm__ volatile(".balign 32\n1: rdpmc; dec %2; jnz 1b"
			 : "=a"(low), "=d"(high), "+r"(count)
			 : "c"(ecx)
			 : "cc", "memory");
	end = fenced_tsc();
	*value = (uint64_t)high << 32 | low;
	return end - start;
}

static sigjmp_buf after_fault;

static void on_fault(int signal)
{
	(void)signal;
	siglongjmp(after_fault, 1);
}

int native_measure(struct native *native, enum counter counter, uint64_t count, bool sampled,
		   uint64_t *ticks, uint64_t *value)
{
	struct sigaction action = { .sa_handler = on_fault }, old;
	uint32_t ecx = native_ecx(native, counter);
	volatile int error = 0;

	/* #GP of a counter that is not there, or that another task's setting took away. */
	if (sigaction(SIGSEGV, &action, &old))
		return -errno;
	if (sigsetjmp(after_fault, 1)) {
		error = -EFAULT;
	} else if (!sampled) {
		*ticks = loop(ecx, count, value);
	} else {
		for (uint64_t i = 0; i < count; i++)
			native->samples[i] = loop(ecx, 1, value);
	}
	sigaction(SIGSEGV, &old, NULL);
	return error;
}
