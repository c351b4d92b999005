/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tiny guest, in a fresh VM or beside others in theirs: load, boot, give it commands, and say what went wrong when it
 * did.
 */
#ifndef HOST_GUEST_H
#define HOST_GUEST_H

#include "guest/protocol.h"
#include "host/stats_fd.h"
#include "host/vm.h"
#include "host/vpmu.h"

struct guest_config {
	struct pmu_shape pmu;
	bool irqchip;
	bool simulated; /* the PMU is host/vpmu.c; @pmu is ignored */
	/*
	 * As in struct vm_config: another vCPU of that guest's virtual machine, with an image of its own that shares no
	 * cache line with the others', so that what they contend for is the host's.
	 */
	const struct vm *beside;
	unsigned int index;
};

struct guest {
	struct vm vm;
	struct vcpu_stats stats;
	struct guest_page *page; /* shared with the guest */
	const uint64_t *samples; /* GUEST_MAX_SAMPLES */
	uint64_t nothing_exits;  /* writes to GUEST_PORT_NOTHING so far */
	uint64_t assists;        /* RDPMCs that came to be answered by GUEST_PORT_ASSIST so far */
	bool simulated;
	struct vpmu vpmu;
};

/* By the thread that will run it. Returns 0 once the guest waits for its first command, else -errno as guest_call(). */
int guest_boot(struct guest *guest, const struct kvm *kvm, const struct guest_config *config,
	       struct failure *failure);
void guest_destroy(struct guest *guest);

/*
 * Run one command with the parameters in guest->page->params. Returns 0 when the guest finished it
 * with GUEST_OK; -ETIMEDOUT when the watchdog ended it; -EINTR when a person did; -EFAULT when the
 * guest took an exception it did not expect; -EIO when KVM gave up on it (triple fault, internal
 * error); -EINVAL when the guest refused the command. After any but 0 and -EINVAL the VM is lost.
 */
int guest_call(struct guest *guest, enum guest_command command, unsigned int timeout_ms,
	       struct failure *failure);

#endif
