/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /dev/kvm, and the life of a virtual machine. A struct vm is one vCPU with memory of its own; more of them may
 * share a virtual machine, each with other guest-physical addresses.
 */
#ifndef HOST_VM_H
#define HOST_VM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/pmu.h"
#include "lib/failure.h"

struct kvm {
	int fd;
	int run_size;               /* bytes of struct kvm_run's mapping */
	struct kvm_cpuid2 *cpuid;   /* KVM_GET_SUPPORTED_CPUID; owned */
	uint64_t perf_capabilities; /* feature MSR 345H, 0 where KVM has none */
};

/*
 * Open @path; NULL is /dev/kvm. Returns 0; -ENOENT, -EACCES, -ENOTSUP (too old, says what lacks)
 * or another -errno.
 */
int kvm_open(struct kvm *kvm, const char *path, struct failure *failure);
/* Why there is no device at @path; @root as in host/context.h. Returns -ENOENT. */
int kvm_absent(const char *root, const char *path, struct failure *failure);
void kvm_close(struct kvm *kvm);
/* The most PMU that KVM offers a guest here. */
void kvm_offered_pmu(const struct kvm *kvm, struct pmu_shape *pmu);

struct vm_config {
	size_t memory_size;      /* bytes, a multiple of 4096 */
	bool irqchip;            /* in-kernel interrupt controller (a mediated PMU wants it) */
	bool user_pmu_msrs;      /* accesses to PMU MSRs leave to user space */
	struct pmu_shape pmu;    /* what CPUID and IA32_PERF_CAPABILITIES announce */
	const struct vm *beside; /* become another vCPU of its virtual machine; NULL: a new one */
	unsigned int index;      /* of the vCPU in the virtual machine; 0 for the first */
};

struct vm {
	int fd, vcpu_fd;
	struct kvm_run *run;
	size_t run_size;
	uint8_t *memory;
	size_t memory_size;
	uint64_t base;    /* guest-physical address of @memory; linear addresses begin at 0 */
	uint64_t tsc_khz; /* the guest's TSC; 0 unknown */
};

/*
 * Returns 0 or -errno; on failure nothing is left open. By the thread that will run the vCPU: with the emulated PMU
 * its counters are perf events of that thread.
 */
int vm_create(struct vm *vm, const struct kvm *kvm, const struct vm_config *config,
	      struct failure *failure);
void vm_destroy(struct vm *vm); /* of a zeroed or destroyed one: nothing */

/* One MSR of the vCPU's. Return whether KVM did it. */
bool vm_set_msr(const struct vm *vm, uint32_t index, uint64_t value);
bool vm_get_msr(const struct vm *vm, uint32_t index, uint64_t *value);

/* One line on where the vCPU is: mode, RIP, flags. For messages. */
void vm_describe(const struct vm *vm, char *text, size_t size);

#endif
