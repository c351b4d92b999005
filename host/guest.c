// SPDX-License-Identifier: GPL-2.0-or-later
/* Loading the embedded image, and the loop around KVM_RUN. */
#include "host/guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "host/interrupt.h"
#include "host/state.h"
#include "lib/clock.h"

#define BOOT_TIMEOUT_MS 2000

extern const uint8_t guest_image[], guest_image_end[]; /* host/image.S */

static int load(struct guest *guest, struct failure *failure)
{
	const struct guest_header *header = (const void *)guest_image;
	size_t size = (size_t)(guest_image_end - guest_image);
	struct cpu_state state = {
		.mode = CPU_LONG,
		.paging = true,
		.regs = { .rip = header->entry, .rsp = header->stack_top },
	};

	if (header->magic != GUEST_MAGIC || header->version != GUEST_PROTOCOL_VERSION ||
	    header->end > guest->vm.memory_size || GUEST_LOAD_ADDRESS + size > header->end)
		return fail_with(failure, -EINVAL,
				 "the embedded guest image does not fit this program");
	memcpy(guest->vm.memory + GUEST_LOAD_ADDRESS, guest_image, size);
	guest->page = (void *)(guest->vm.memory + header->page);
	guest->samples = (const void *)(guest->vm.memory + header->samples);
	return state_set(&guest->vm, &state, failure);
}

/* An exception that the guest did not expect, in one line. */
static int report_fault(const struct guest *guest, struct failure *failure)
{
	static const char *const names[] = GUEST_FAULT_REG_NAMES;
	const struct guest_fault *fault = &guest->page->fault;
	int used;

	fail_with(failure, -EFAULT,
		  "guest: unexpected exception %u, error code %#llx, RIP %#llx, CS %#llx, "
		  "RFLAGS %#llx, RSP %#llx, CR2 %#llx",
		  fault->vector, (unsigned long long)fault->error, (unsigned long long)fault->rip,
		  (unsigned long long)fault->cs, (unsigned long long)fault->rflags,
		  (unsigned long long)fault->rsp, (unsigned long long)fault->cr2);
	used = (int)strlen(failure->text);
	for (size_t i = 0;
	     i < sizeof(names) / sizeof(names[0]) && used < (int)sizeof(failure->text); i++)
		if (fault->regs[i])
			used += snprintf(failure->text + used, sizeof(failure->text) - (size_t)used,
					 ", %s %llx", names[i], (unsigned long long)fault->regs[i]);
	return -EFAULT;
}

static int report_nested(const struct guest_nested *nested, struct failure *failure)
{
	if (nested->refused == ~0U)
		return fail_with(failure, -EINVAL, "L1: VMXON or the VMCS failed");
	if (nested->refused)
		return fail_with(failure, -EINVAL, "L1: #GP at MSR %#x while enabling VMX or SVM",
				 nested->refused);
	if (nested->error)
		return fail_with(failure, -EINVAL, "L1: no VM entry, VM-instruction error %u",
				 nested->error);
	return fail_with(failure, -EINVAL, "L1: L2 ended by VM exit %#llx",
			 (unsigned long long)nested->reason);
}

static void answer_rdpmc(struct guest *guest)
{
	struct guest_assist *assist = &guest->page->assist;
	uint64_t value = 0;

	assist->refused = !guest->simulated || !vpmu_rdpmc(&guest->vpmu, assist->ecx, assist->cpl,
							   assist->pce, clock_ns(CLOCK_MONOTONIC), &value);
	assist->value = value;
}

static void answer_msr(struct guest *guest, bool write)
{
	struct kvm_run *run = guest->vm.run;
	uint64_t value = 0;
	bool good = false;

	if (guest->simulated && write)
		good = vpmu_write_msr(&guest->vpmu, run->msr.index, run->msr.data, clock_ns(CLOCK_MONOTONIC));
	else if (guest->simulated)
		good = vpmu_read_msr(&guest->vpmu, run->msr.index, clock_ns(CLOCK_MONOTONIC), &value);
	if (!write)
		run->msr.data = value;
	run->msr.error = !good;
}

static int lost(const struct guest *guest, struct failure *failure, const char *what)
{
	char where[240];

	vm_describe(&guest->vm, where, sizeof(where));
	return fail_with(failure, -EIO, "guest lost: %s; %s", what, where);
}

/* Deal with one exit to user space: 1 command finished, 0 go on, negative as guest_call(). */
static int handle_exit(struct guest *guest, struct failure *failure)
{
	const struct kvm_run *run = guest->vm.run;
	char what[64];

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		switch (run->io.port) {
		case GUEST_PORT_NOTHING:
			guest->nothing_exits++;
			return 0;
		case GUEST_PORT_DONE:
			return 1;
		case GUEST_PORT_ASSIST:
			guest->assists++;
			answer_rdpmc(guest);
			return 0;
		case GUEST_PORT_FAULT:
			return report_fault(guest, failure);
		}
		snprintf(what, sizeof(what), "access to port %#x", run->io.port);
		return lost(guest, failure, what);
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		answer_msr(guest, run->exit_reason == KVM_EXIT_X86_WRMSR);
		return 0;
	case KVM_EXIT_SHUTDOWN:
		return lost(guest, failure, "triple fault");
	case KVM_EXIT_INTERNAL_ERROR:
		snprintf(what, sizeof(what), "KVM internal error, suberror %u",
			 run->internal.suberror);
		return lost(guest, failure, what);
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(what, sizeof(what), "VM entry failed, hardware reason %#llx",
			 run->fail_entry.hardware_entry_failure_reason);
		return lost(guest, failure, what);
	default:
		snprintf(what, sizeof(what), "KVM exit reason %u", run->exit_reason);
		return lost(guest, failure, what);
	}
}

static int ended_from_outside(const struct guest *guest, unsigned int timeout_ms,
			      struct failure *failure)
{
	char where[240];

	if (interrupt_signal())
		return fail_with(failure, -EINTR, "interrupted");
	vm_describe(&guest->vm, where, sizeof(where));
	return fail_with(failure, -ETIMEDOUT, "watchdog: the guest did not return within %u ms; %s",
			 timeout_ms, where);
}

static int run_until_done(struct guest *guest, unsigned int timeout_ms, struct failure *failure)
{
	int done = 0;

	while (!done) {
		/* A guest that leaves often is not interrupted inside KVM_RUN only. */
		if (interrupt_expired() || interrupt_signal())
			return ended_from_outside(guest, timeout_ms, failure);
		if (ioctl(guest->vm.vcpu_fd, KVM_RUN, NULL) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return fail_errno(failure, "KVM_RUN");
		}
		done = handle_exit(guest, failure);
	}
	return done < 0 ? done : 0;
}

int guest_call(struct guest *guest, enum guest_command command, unsigned int timeout_ms,
	       struct failure *failure)
{
	const struct guest_result *result = &guest->page->result;
	int error;

	guest->page->command = command;
	interrupt_arm(guest->vm.run, timeout_ms);
	error = run_until_done(guest, timeout_ms, failure);
	interrupt_disarm();
	if (error)
		return error;
	if (result->status == GUEST_MSR_FAULT)
		return fail_with(failure, -EINVAL,
				 "guest: #GP writing MSR %#x while programming its PMU",
				 result->msr);
	if (result->status == GUEST_NESTED_FAILED)
		return report_nested(&guest->page->nested, failure);
	if (result->status != GUEST_OK)
		return fail_with(failure, -EINVAL, "guest: command %d refused (status %u)", command,
				 result->status);
	return 0;
}

int guest_boot(struct guest *guest, const struct kvm *kvm, const struct guest_config *config,
	       struct failure *failure)
{
	struct vm_config vm_config = {
		.memory_size = GUEST_MEMORY_SIZE,
		.irqchip = config->irqchip,
		.user_pmu_msrs = config->simulated,
		.pmu = config->pmu,
		.beside = config->beside,
		.index = config->index,
	};
	int error;

	*guest = (struct guest){ .stats.fd = -1, .simulated = config->simulated };
	if (config->simulated) {
		vpmu_init(&guest->vpmu);
		vm_config.pmu = guest->vpmu.shape;
	}
	error = vm_create(&guest->vm, kvm, &vm_config, failure);
	if (!error)
		error = vcpu_stats_open(&guest->stats, guest->vm.vcpu_fd, failure);
	if (!error)
		error = load(guest, failure);
	if (!error) {
		interrupt_arm(guest->vm.run, BOOT_TIMEOUT_MS);
		error = run_until_done(guest, BOOT_TIMEOUT_MS, failure);
		interrupt_disarm();
	}
	if (!error && (guest->page->magic != GUEST_MAGIC || !guest->page->booted))
		error = fail_with(failure, -EIO, "the guest did not boot");
	if (error)
		guest_destroy(guest);
	return error;
}

void guest_destroy(struct guest *guest)
{
	vcpu_stats_close(&guest->stats);
	vm_destroy(&guest->vm);
	guest->page = NULL;
	guest->samples = NULL;
}
