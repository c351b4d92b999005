// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Another host for the programs and tests: `make test MADE=NAME` links this into all that look at a host,
 * with --wrap of the four functions by which they do. CPUID, KVM's supported CPUID and the files of /proc and
 * /sys that tell vendor, backend and PMU are another host's; all else is this machine's. So are the exits of
 * its KVM and the answers to RDPMC, so those hosts whose KVM would behave otherwise have none.
 */
#include <fcntl.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/cpuid.h"

#define FEATURE_CORE       (1U << 23) /* CPUID 0x80000001:ECX, PerfCtrExtCore */

/* The path of a file, and what is in it; NULL: it is not there. */
struct made_file {
	const char *path, *text;
};

struct made_host {
	const char *name;
	bool amd;
	const char *flag; /* of /proc/cpuinfo: "vmx", "svm" or none */
	struct cpuid_regs leaf_0a, leaf_v2;
	bool core; /* PerfCtrExtCore */
	struct made_file files[12];
};

#define MODULE(name, there)                                        \
	{ "/sys/module/" name, there }, { "/sys/module/" name "/initstate", there ? "live\n" : NULL }
#define PERF_PMU(type) { "/sys/bus/event_source/devices/cpu/type", type }
#define VPMU_OFF       { "/sys/module/kvm/parameters/enable_pmu", "N\n" }
#define NO_KVM         { "/dev/kvm", NULL }
#define EVENT(name)    "/sys/bus/event_source/devices/cpu/events/" name

static const struct made_host made_hosts[] = {
	/* Sapphire Rapids: version 5, 8 + 4 counters of 48 bits, PERF_METRICS. */
	{ .name = "intel-vmx", .flag = "vmx",
	  .leaf_0a = { 0x08300805, 0, 0xf, 0x8604 },
	  .files = { MODULE("kvm_intel", "y"), MODULE("kvm_amd", NULL), MODULE("kvm_pvm", NULL), VPMU_OFF, NO_KVM,
		     PERF_PMU("4\n"), { EVENT("topdown-retiring"), "event=0x00,umask=0x80\n" },
		     { EVENT("slots"), "event=0x00,umask=0x4\n" } } },
	/* Zen 4: PerfMonV2, 6 counters. */
	{ .name = "amd-svm", .amd = true, .flag = "svm", .core = true,
	  .leaf_v2 = { 1, 6, 0, 0 },
	  .files = { MODULE("kvm_intel", NULL), MODULE("kvm_amd", "y"), MODULE("kvm_pvm", NULL), VPMU_OFF, NO_KVM,
		     PERF_PMU("4\n") } },
	/* A guest of each without a PMU, as clouds have them. */
	{ .name = "intel-pvm",
	  .files = { MODULE("kvm_intel", NULL), MODULE("kvm_amd", NULL), MODULE("kvm_pvm", "y"), VPMU_OFF,
		     PERF_PMU(NULL) } },
	{ .name = "amd-pvm", .amd = true,
	  .files = { MODULE("kvm_intel", NULL), MODULE("kvm_amd", NULL), MODULE("kvm_pvm", "y"), VPMU_OFF,
		     PERF_PMU(NULL) } },
};

static const struct made_host *made(void)
{
	const char *name = getenv("MADE");

	for (size_t i = 0; name && i < sizeof(made_hosts) / sizeof(made_hosts[0]); i++)
		if (!strcmp(made_hosts[i].name, name))
			return &made_hosts[i];
	fprintf(stderr, "MADE=%s: no such host; there are", name ? name : "");
	for (size_t i = 0; i < sizeof(made_hosts) / sizeof(made_hosts[0]); i++)
		fprintf(stderr, " %s", made_hosts[i].name);
	fputc('\n', stderr);
	_exit(2);
}

/* What stands in a leaf of the processor's, or of the guest's as KVM offers it: that has no PMU. */
static void change(const struct made_host *host, bool offered, uint32_t leaf, struct cpuid_regs *regs)
{
	static const char vendors[2][13] = { "GenuineIntel", "AuthenticAMD" };
	const char *vendor = vendors[host->amd];

	switch (leaf) {
	case 0:
		memcpy(&regs->ebx, vendor, 4);
		memcpy(&regs->edx, vendor + 4, 4);
		memcpy(&regs->ecx, vendor + 8, 4);
		break;
	case 0xa:
		*regs = offered ? (struct cpuid_regs){ 0 } : host->leaf_0a;
		break;
	case 0x23:
	case 0x80000022:
		*regs = offered || leaf == 0x23 ? (struct cpuid_regs){ 0 } : host->leaf_v2;
		break;
	case 0x80000001:
		regs->ecx = (regs->ecx & ~FEATURE_CORE) | (host->core && !offered ? FEATURE_CORE : 0);
		break;
	}
}

struct cpuid_regs __wrap_cpuid_read(uint32_t leaf, uint32_t subleaf);
struct cpuid_regs __real_cpuid_read(uint32_t leaf, uint32_t subleaf);
struct cpuid_regs __wrap_cpuid_read(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs regs = __real_cpuid_read(leaf, subleaf);

	change(made(), false, leaf, &regs);
	return regs;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct kvm_cpuid2 *offered;
	unsigned long argument;
	va_list ap;
	int result;

	va_start(ap, request);
	argument = va_arg(ap, unsigned long);
	va_end(ap);
	if (request == KVM_CHECK_EXTENSION && argument == KVM_CAP_PMU_CAPABILITY)
		return 0;
	result = __real_ioctl(fd, request, argument);
	if (request != KVM_GET_SUPPORTED_CPUID || result)
		return result;
	offered = (struct kvm_cpuid2 *)argument;
	for (unsigned int i = 0; i < offered->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &offered->entries[i];
		struct cpuid_regs regs = { entry->eax, entry->ebx, entry->ecx, entry->edx };

		change(made(), true, entry->function, &regs);
		entry->eax = regs.eax;
		entry->ebx = regs.ebx;
		entry->ecx = regs.ecx;
		entry->edx = regs.edx;
	}
	return 0;
}

static const struct made_file *find(const char *path)
{
	const struct made_host *host = made();

	for (size_t i = 0; i < sizeof(host->files) / sizeof(host->files[0]); i++)
		if (host->files[i].path && !strcmp(host->files[i].path, path))
			return &host->files[i];
	return NULL;
}

/* This machine's, but for the vendor and the flags of hardware virtualization. */
static void copy_cpuinfo(FILE *from, FILE *to)
{
	const struct made_host *host = made();
	char line[8192];

	while (fgets(line, sizeof(line), from)) {
		char *flag;

		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "vendor_id", 9)) {
			fprintf(to, "vendor_id\t: %s\n", host->amd ? "AuthenticAMD" : "GenuineIntel");
			continue;
		}
		if (!strncmp(line, "flags", 5)) {
			while ((flag = strstr(line, " vmx")) || (flag = strstr(line, " svm")))
				memmove(flag, flag + 4, strlen(flag + 4) + 1);
			fprintf(to, "%s%s%s\n", line, host->flag ? " " : "", host->flag ? host->flag : "");
			continue;
		}
		fprintf(to, "%s\n", line);
	}
}

int __wrap_access(const char *path, int mode);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
	const struct made_file *file = find(path);

	if (!file)
		return __real_access(path, mode);
	errno = ENOENT;
	return file->text ? 0 : -1;
}

int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	const struct made_file *file = find(path);
	bool cpuinfo = !strcmp(path, "/proc/cpuinfo");
	mode_t mode = 0;
	va_list ap;
	int fd, real;

	if (flags & (O_CREAT | __O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (file && !file->text) {
		errno = ENOENT;
		return -1;
	}
	real = file ? -1 : __real_open(path, flags, mode);
	if (!file && (!cpuinfo || real < 0))
		return real;
	fd = memfd_create("made", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	if (file) {
		dprintf(fd, "%s", file->text);
	} else {
		FILE *from = fdopen(real, "r"), *to = fdopen(dup(fd), "w");

		copy_cpuinfo(from, to);
		fclose(from);
		fclose(to);
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}
