// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening /dev/kvm, and creating and destroying VMs on it. */
#include "host/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/pmu_msrs.h"
#include "host/context.h"
#include "host/guest_cpuid.h"

#define MAX_CPUID_ENTRIES 256
/* VMX without unrestricted guests needs three pages and one page of guest-physical space. */
#define VMX_TSS_ADDRESS  0xfffbd000UL
#define VMX_IDENTITY_MAP 0xfffbc000ULL

/* KVM_GET_MSRS or KVM_SET_MSRS of one. Returns whether KVM did it. */
static bool one_msr(int fd, unsigned long request, struct kvm_msr_entry *entry)
{
	union {
		struct kvm_msrs header;
		uint8_t bytes[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} msrs = { .header.nmsrs = 1 };
	bool done;

	memcpy(msrs.bytes + sizeof(struct kvm_msrs), entry, sizeof(*entry));
	done = ioctl(fd, request, &msrs) == 1;
	memcpy(entry, msrs.bytes + sizeof(struct kvm_msrs), sizeof(*entry));
	return done;
}

/* What this program cannot do without, and since when Linux has it. */
static const struct {
	int cap;
	const char *name, *since;
} required_caps[] = {
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", "4.13" },
	{ KVM_CAP_GET_TSC_KHZ, "KVM_CAP_GET_TSC_KHZ", "2.6.39" },
	{ KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID", "2.6.25" },
	{ KVM_CAP_BINARY_STATS_FD, "KVM_CAP_BINARY_STATS_FD", "5.14" },
};

static int read_supported_cpuid(struct kvm *kvm, struct failure *failure)
{
	kvm->cpuid = calloc(1, sizeof(*kvm->cpuid) +
				       MAX_CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
	if (!kvm->cpuid)
		return fail_with(failure, -ENOMEM, "out of memory");
	kvm->cpuid->nent = MAX_CPUID_ENTRIES;
	if (ioctl(kvm->fd, KVM_GET_SUPPORTED_CPUID, kvm->cpuid))
		return fail_errno(failure, "KVM_GET_SUPPORTED_CPUID");
	return 0;
}

static uint64_t read_feature_msr(const struct kvm *kvm, uint32_t index)
{
	struct kvm_msr_entry entry = { .index = index };

	return one_msr(kvm->fd, KVM_GET_MSRS, &entry) ? entry.data : 0;
}

/* Name the command that gives access: by the node's group where that is its way, else by an ACL. */
static int not_permitted(const char *path, struct failure *failure)
{
	const struct passwd *user = getpwuid(getuid());
	const struct group *group = NULL;
	char name[64];
	struct stat st;

	snprintf(name, sizeof(name), "%u", getuid());
	if (user)
		snprintf(name, sizeof(name), "%s", user->pw_name);
	if (!stat(path, &st) && (st.st_mode & 0060) == 0060 && st.st_gid)
		group = getgrgid(st.st_gid);
	if (group)
		fail_with(failure, 0,
			  "%s: permission denied; as root: usermod -aG %s %s, and log in again",
			  path, group->gr_name, name);
	else
		fail_with(failure, 0, "%s: permission denied; as root: setfacl -m u:%s:rw %s", path,
			  name, path);
	return -EACCES;
}

static int no_kvm(const char *path, struct failure *failure)
{
	return fail_with(failure, -ENOENT,
			 "no %s: load kvm_intel or kvm_amd (modprobe), or enable virtualization in "
			 "the firmware or in the hypervisor below",
			 path);
}

int kvm_absent(const char *root, const char *path, struct failure *failure)
{
	/* One that somebody has named is no matter of modules or of a container's options. */
	if (strcmp(path, "/dev/kvm"))
		return fail_with(failure, -ENOENT, "no device %s", path);
	if (context_in_container(root))
		return fail_with(failure, -ENOENT,
				 "no %s in this container: start it with --device %s, on a host "
				 "with KVM",
				 path, path);
	return no_kvm(path, failure);
}

static int open_device(struct kvm *kvm, const char *path, struct failure *failure)
{
	int version;

	kvm->fd = open(path, O_RDWR | O_CLOEXEC);
	if (kvm->fd < 0 && errno == ENOENT)
		return kvm_absent("", path, failure);
	if (kvm->fd < 0 && (errno == ENODEV || errno == ENXIO))
		return no_kvm(path, failure); /* the node is there, perhaps in a container */
	if (kvm->fd < 0 && (errno == EACCES || errno == EPERM))
		return not_permitted(path, failure);
	if (kvm->fd < 0)
		return fail_errno(failure, "%s", path);
	version = ioctl(kvm->fd, KVM_GET_API_VERSION, 0);
	if (version < 0)
		return fail_with(failure, -ENOTSUP, "%s is not KVM: KVM_GET_API_VERSION: %s", path,
				 strerror(errno));
	if (version != KVM_API_VERSION)
		return fail_with(failure, -ENOTSUP, "%s speaks KVM API %d, %d is needed", path,
				 version, KVM_API_VERSION);
	for (size_t i = 0; i < sizeof(required_caps) / sizeof(required_caps[0]); i++)
		if (ioctl(kvm->fd, KVM_CHECK_EXTENSION, required_caps[i].cap) <= 0)
			return fail_with(failure, -ENOTSUP,
					 "this kernel's KVM is too old: it lacks %s (Linux %s)",
					 required_caps[i].name, required_caps[i].since);
	kvm->run_size = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (kvm->run_size < 0)
		return fail_errno(failure, "KVM_GET_VCPU_MMAP_SIZE");
	return 0;
}

int kvm_open(struct kvm *kvm, const char *path, struct failure *failure)
{
	int error;

	*kvm = (struct kvm){ .fd = -1 };
	error = open_device(kvm, path ? path : "/dev/kvm", failure);
	if (!error)
		error = read_supported_cpuid(kvm, failure);
	if (error) {
		kvm_close(kvm);
		return error;
	}
	kvm->perf_capabilities = read_feature_msr(kvm, MSR_PERF_CAPABILITIES);
	return 0;
}

void kvm_close(struct kvm *kvm)
{
	free(kvm->cpuid);
	if (kvm->fd >= 0)
		close(kvm->fd);
	*kvm = (struct kvm){ .fd = -1 };
}

void kvm_offered_pmu(const struct kvm *kvm, struct pmu_shape *pmu)
{
	guest_cpuid_pmu(kvm->cpuid, pmu);
	if (pmu->version)
		pmu->perf_capabilities = kvm->perf_capabilities;
}

#define MAX_SIGNALS 100

/* A signal that comes while KVM makes something, a timer's for instance, is no reason to be without it. */
static int make(int fd, unsigned long request, unsigned long argument)
{
	int result = -1;

	for (int i = 0; i < MAX_SIGNALS; i++) {
		result = ioctl(fd, request, argument);
		if (result >= 0 || errno != EINTR)
			break;
	}
	return result;
}

static int map_memory(struct vm *vm, const struct vm_config *config, struct failure *failure)
{
	struct kvm_userspace_memory_region region = {
		.slot = config->index,
		.guest_phys_addr = config->index * (uint64_t)config->memory_size,
		.memory_size = config->memory_size,
	};

	vm->memory_size = config->memory_size;
	vm->base = region.guest_phys_addr;
	vm->memory = mmap(NULL, vm->memory_size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->memory == MAP_FAILED) {
		vm->memory = NULL;
		return fail_errno(failure, "mmap of %zu bytes of guest memory", vm->memory_size);
	}
	region.userspace_addr = (uintptr_t)vm->memory;
	if (make(vm->fd, KVM_SET_USER_MEMORY_REGION, (uintptr_t)&region))
		return fail_errno(failure, "KVM_SET_USER_MEMORY_REGION");
	return 0;
}

/*
 * PMU MSRs: Intel's counters, event selects, fixed and global ones, PERF_METRICS,
 * PERF_CAPABILITIES.
 */
static int filter_pmu_msrs(const struct vm *vm, struct failure *failure)
{
	static const struct {
		uint32_t base, count;
	} ranges[] = {
		{ MSR_PMC0, 8 },
		{ MSR_PERFEVTSEL0, 8 },
		{ MSR_FIXED_CTR0, 4 },
		{ MSR_PERF_METRICS, 1 },
		{ MSR_PERF_CAPABILITIES, 1 },
		{ MSR_FIXED_CTR_CTRL, 4 },
		{ MSR_FULL_WIDTH_PMC0, 8 },
	};
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args = { KVM_MSR_EXIT_REASON_FILTER },
	};
	struct kvm_msr_filter filter = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };
	/* KVM reads whole longs. */
	unsigned long deny_all = 0;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		filter.ranges[i] = (struct kvm_msr_filter_range){
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.nmsrs = ranges[i].count,
			.base = ranges[i].base,
			.bitmap = (uint8_t *)&deny_all,
		};
	if (ioctl(vm->fd, KVM_ENABLE_CAP, &cap))
		return fail_errno(failure,
				  "KVM_ENABLE_CAP KVM_CAP_X86_USER_SPACE_MSR (Linux 5.10)");
	if (ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &filter))
		return fail_errno(failure, "KVM_X86_SET_MSR_FILTER");
	return 0;
}

/* A guest of AMD's cannot be told by CPUID that it has no counters; this tells KVM. */
static int disable_pmu(const struct vm *vm, struct failure *failure)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_PMU_CAPABILITY,
				      .args = { KVM_PMU_CAP_DISABLE } };
	int offered = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_PMU_CAPABILITY);

	if (offered <= 0 || !(offered & KVM_PMU_CAP_DISABLE))
		return 0; /* older than Linux 5.18, or KVM has no PMU to give */
	if (ioctl(vm->fd, KVM_ENABLE_CAP, &cap))
		return fail_errno(failure, "KVM_ENABLE_CAP KVM_CAP_PMU_CAPABILITY");
	return 0;
}

static int create_vm(struct vm *vm, const struct kvm *kvm, const struct vm_config *config,
		     struct failure *failure)
{
	uint64_t identity_map = VMX_IDENTITY_MAP;
	int error;

	vm->fd = make(kvm->fd, KVM_CREATE_VM, 0);
	if (vm->fd < 0 && errno == EBUSY)
		return fail_with(failure, -EBUSY,
				 "KVM_CREATE_VM: %s; another hypervisor (VirtualBox, VMware) uses "
				 "VMX or SVM: stop its VMs",
				 strerror(EBUSY));
	if (vm->fd < 0)
		return fail_errno(failure, "KVM_CREATE_VM");
	/* Not every backend has these two (SVM does not need them): no error when refused. */
	ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
	ioctl(vm->fd, KVM_SET_TSS_ADDR, VMX_TSS_ADDRESS);
	if (config->irqchip && make(vm->fd, KVM_CREATE_IRQCHIP, 0))
		return fail_errno(failure, "KVM_CREATE_IRQCHIP");
	/* A simulated PMU must be the only one: KVM would answer RDPMC from its own. */
	error = config->pmu.version && !config->user_pmu_msrs ? 0 : disable_pmu(vm, failure);
	if (error)
		return error;
	return config->user_pmu_msrs ? filter_pmu_msrs(vm, failure) : 0;
}

/* Whoever is destroyed last, the virtual machine lives as long as a descriptor of it is open. */
static int join_vm(struct vm *vm, const struct vm *other, struct failure *failure)
{
	vm->fd = fcntl(other->fd, F_DUPFD_CLOEXEC, 0);
	return vm->fd < 0 ? fail_errno(failure, "fcntl of a VM") : 0;
}

static int create_vcpu(struct vm *vm, const struct kvm *kvm, const struct vm_config *config,
		       struct failure *failure)
{
	/* Callers ask for the irqchip where the PMU would be a mediated one. */
	bool mediated = config->irqchip && config->pmu.version && !config->user_pmu_msrs;
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	void *run;

	vm->vcpu_fd = make(vm->fd, KVM_CREATE_VCPU, config->index);
	if (vm->vcpu_fd < 0 && errno == EBUSY && mediated)
		return fail_with(failure, -EBUSY,
				 "KVM_CREATE_VCPU: %s; a mediated PMU needs the host's: sysctl "
				 "kernel.nmi_watchdog=0, end perf events that count guests",
				 strerror(EBUSY));
	if (vm->vcpu_fd < 0)
		return fail_errno(failure, "KVM_CREATE_VCPU");
	run = mmap(NULL, (size_t)kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu_fd, 0);
	if (run == MAP_FAILED)
		return fail_errno(failure, "mmap of the vCPU");
	vm->run = run;
	vm->run_size = (size_t)kvm->run_size;
	/* With an in-kernel irqchip all but the first wait for an IPI that starts them. */
	if (config->index && ioctl(vm->vcpu_fd, KVM_SET_MP_STATE, &runnable))
		return fail_errno(failure, "KVM_SET_MP_STATE");
	return 0;
}

static int set_cpuid(struct vm *vm, const struct kvm *kvm, const struct vm_config *config,
		     struct failure *failure)
{
	struct kvm_cpuid2 *cpuid = guest_cpuid_make(kvm->cpuid, &config->pmu);
	int error = 0;

	if (!cpuid)
		return fail_with(failure, -ENOMEM, "out of memory");
	if (make(vm->vcpu_fd, KVM_SET_CPUID2, (uintptr_t)cpuid))
		error = fail_errno(failure, "KVM_SET_CPUID2");
	free(cpuid);
	/* A simulated PMU answers this MSR in user space. */
	if (!error && !config->user_pmu_msrs && config->pmu.perf_capabilities &&
	    !vm_set_msr(vm, MSR_PERF_CAPABILITIES, config->pmu.perf_capabilities))
		error = fail_with(failure, -EINVAL,
				  "KVM_SET_MSRS: IA32_PERF_CAPABILITIES = %#llx refused",
				  (unsigned long long)config->pmu.perf_capabilities);
	return error;
}

int vm_create(struct vm *vm, const struct kvm *kvm, const struct vm_config *config,
	      struct failure *failure)
{
	int error, khz;

	*vm = (struct vm){ .fd = -1, .vcpu_fd = -1 };
	error = config->beside ? join_vm(vm, config->beside, failure)
			       : create_vm(vm, kvm, config, failure);
	if (!error)
		error = map_memory(vm, config, failure);
	if (!error)
		error = create_vcpu(vm, kvm, config, failure);
	if (!error)
		error = set_cpuid(vm, kvm, config, failure);
	if (error) {
		vm_destroy(vm);
		return error;
	}
	khz = ioctl(vm->vcpu_fd, KVM_GET_TSC_KHZ, 0);
	vm->tsc_khz = khz > 0 ? (uint64_t)khz : 0;
	return 0;
}

void vm_destroy(struct vm *vm)
{
	if (vm->run)
		munmap(vm->run, vm->run_size);
	if (vm->vcpu_fd > 0)
		close(vm->vcpu_fd);
	if (vm->fd > 0)
		close(vm->fd);
	if (vm->memory)
		munmap(vm->memory, vm->memory_size);
	*vm = (struct vm){ .fd = -1, .vcpu_fd = -1 };
}

bool vm_set_msr(const struct vm *vm, uint32_t index, uint64_t value)
{
	struct kvm_msr_entry entry = { .index = index, .data = value };

	return one_msr(vm->vcpu_fd, KVM_SET_MSRS, &entry);
}

bool vm_get_msr(const struct vm *vm, uint32_t index, uint64_t *value)
{
	struct kvm_msr_entry entry = { .index = index };

	if (!one_msr(vm->vcpu_fd, KVM_GET_MSRS, &entry))
		return false;
	*value = entry.data;
	return true;
}

void vm_describe(const struct vm *vm, char *text, size_t size)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	if (ioctl(vm->vcpu_fd, KVM_GET_REGS, &regs) || ioctl(vm->vcpu_fd, KVM_GET_SREGS, &sregs)) {
		snprintf(text, size, "registers unreadable");
		return;
	}
	snprintf(text, size,
		 "RIP %#llx CS %#x RSP %#llx RFLAGS %#llx RCX %#llx CR0 %#llx CR2 %#llx CR4 %#llx",
		 regs.rip, sregs.cs.selector, regs.rsp, regs.rflags, regs.rcx, sregs.cr0, sregs.cr2,
		 sregs.cr4);
}
