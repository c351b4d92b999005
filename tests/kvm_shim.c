// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A KVM that misbehaves, for LD_PRELOAD: SHIM says what KVM_RUN does, from the SHIM_AFTER-th on (default
 * 2000: the engine has learnt the host then), once, or SHIM_EVERY so many times again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static struct kvm_run *run; /* the vCPU's that was mapped last */

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	static void *(*next)(void *, size_t, int, int, int, off_t);
	void *mapped;

	if (!next)
		next = dlsym(RTLD_NEXT, "mmap");
	mapped = next(address, size, protection, flags, fd, offset);
	if (flags & MAP_SHARED && fd >= 0 && mapped != MAP_FAILED)
		run = mapped;
	return mapped;
}

static int misbehave(const char *how)
{
	struct kvm_regs *regs = &run->s.regs.regs;
	struct kvm_sregs *sregs = &run->s.regs.sregs;

	if (!strcmp(how, "internal-error")) {
		run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
		run->internal.suberror = 3;
	} else if (!strcmp(how, "triple-fault")) {
		run->exit_reason = KVM_EXIT_SHUTDOWN;
	} else if (!strcmp(how, "fail-entry")) {
		run->exit_reason = KVM_EXIT_FAIL_ENTRY;
		run->fail_entry.hardware_entry_failure_reason = 0x21;
	} else if (!strcmp(how, "unknown")) {
		run->exit_reason = 77;
	} else if (!strcmp(how, "r12")) {
		regs->r12 ^= 0x100;
	} else if (!strcmp(how, "rax")) {
		regs->rax ^= 1;
	} else if (!strcmp(how, "cr4")) {
		sregs->cr4 ^= 4;
	} else if (!strcmp(how, "tr")) {
		sregs->tr.base += 8;
	} else if (!strcmp(how, "hang")) {
		/* As a guest that never leaves: until somebody says so. */
		while (!*(volatile __u8 *)&run->immediate_exit)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		errno = EINTR;
		return -1;
	} else if (!strcmp(how, "eio")) {
		errno = EIO;
		return -1;
	} else if (!strcmp(how, "refuse")) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int, unsigned long, ...);
	static unsigned long count, after, every;
	const char *how = getenv("SHIM");
	void *argument;
	va_list ap;
	int result;

	va_start(ap, request);
	argument = va_arg(ap, void *);
	va_end(ap);
	if (!next) {
		next = dlsym(RTLD_NEXT, "ioctl");
		after = number("SHIM_AFTER", 2000);
		every = number("SHIM_EVERY", 0);
	}
	if (request == KVM_CREATE_VM && how && !strcmp(how, "no-vm") && count >= after) {
		errno = ENOMEM;
		return -1;
	}
	/* Another hypervisor has VMX or SVM; or something else holds what a vCPU needs. */
	if (how && count >= after &&
	    ((request == KVM_CREATE_VM && !strcmp(how, "vm-busy")) ||
	     (request == KVM_CREATE_VCPU && !strcmp(how, "vcpu-busy")))) {
		errno = EBUSY;
		return -1;
	}
	/* A signal, each time that something is created: once, so that another try helps. */
	if (how && !strcmp(how, "eintr-create") &&
	    (request == KVM_CREATE_VM || request == KVM_CREATE_VCPU || request == KVM_CREATE_IRQCHIP ||
	     request == KVM_SET_USER_MEMORY_REGION || request == KVM_SET_CPUID2)) {
		static unsigned long last;

		if (last != request) {
			last = request;
			errno = EINTR;
			return -1;
		}
		last = 0;
	}
	if (request != KVM_RUN)
		return next(fd, request, argument);
	count++;
	if (!how || !run || !(count == after || (every && count > after && count % every == 0)))
		return next(fd, request, argument);
	/* Nothing is run at all; or it ran, and what came of it is changed. */
	if (!strcmp(how, "eintr")) {
		errno = EINTR;
		return -1;
	}
	if (!strcmp(how, "kill"))
		raise(9);
	if (!strcmp(how, "no-vm")) {
		run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 0;
	}
	if (!strcmp(how, "hang") || !strcmp(how, "refuse") || !strcmp(how, "eio"))
		return misbehave(how);
	result = next(fd, request, argument);
	return result ? result : misbehave(how);
}
