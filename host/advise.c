// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The doctor's list: looks at what context_collect() gathered, at what KVM offers and at a few
 * more files, and says what disturbs or prevents a measurement and which command would change it.
 */
#include "host/advise.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/context.h"
#include "host/context_json.h"
#include "lib/array.h"

#define CPU_DIR         "/sys/devices/system/cpu"
#define DEEP_LATENCY_US 10    /* waking from a deeper idle state costs more than an exit */
#define BUSY_LOAD       0.5   /* runnable tasks per CPU over the last minute */
#define MUCH_STEAL      0.001 /* of the CPU time since boot */

struct check {
	const char *root;
	const struct setting_host *host;
	json_t *facts;
	struct advice *advice;
	size_t n, max;
};

static void advise(struct check *l, enum advice_level level, const char *command,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

static void advise(struct check *l, enum advice_level level, const char *command,
		   const char *format, ...)
{
	struct advice *advice;
	va_list args;

	if (l->n >= l->max)
		return;
	advice = &l->advice[l->n++];
	*advice = (struct advice){ .level = level };
	snprintf(advice->command, sizeof(advice->command), "%s", command);
	va_start(args, format);
	vsnprintf(advice->what, sizeof(advice->what), format, args);
	va_end(args);
	/* Parts come from files and end on a terminal. */
	for (char *c = advice->what; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* For guests of every setting, not only for passthrough. */
static void print_pmu_taken(struct check *l, const char *command, const char *what)
{
	size_t n = l->n;

	advise(l, ADVICE_PREVENTS, command, "%s", what);
	if (l->n > n)
		l->advice[n].takes_pmu = true;
}

static void not_known(struct check *l, const char *thing, const char *path)
{
	advise(l, ADVICE_NOTE, "", "%s: unknown, cannot read %s", thing, path);
}

static const char *fact(const struct check *l, const char *key)
{
	return json_string_value(json_object_get(l->facts, key));
}

static bool read_number(const struct check *l, const char *path, long *number)
{
	char line[32], *end;

	if (!context_read_line(l->root, path, line, sizeof(line)))
		return false;
	*number = strtol(line, &end, 10);
	return end != line && !*end;
}

static bool mediated_wanted(const struct check *l)
{
	return l->host->enable_mediated_pmu == PARAM_YES;
}

/* How a parameter that is read-only at run time can be changed: one of the two is empty. */
struct reload {
	char command[160];
	char boot[64];
};

static struct reload reload(const struct check *l, const char *module, const char *setting)
{
	static const char *const vendor_modules[] = {
		[KVM_BACKEND_VMX] = "kvm_intel",
		[KVM_BACKEND_SVM] = "kvm_amd",
		[KVM_BACKEND_PVM] = "kvm_pvm",
		[KVM_BACKEND_UNKNOWN] = NULL,
	};
	const char *vendor = vendor_modules[l->host->backend];
	struct reload how = { "", "" };
	char path[128], state[16];

	if (!module)
		module = vendor;
	if (!vendor)
		return how;
	snprintf(path, sizeof(path), "/sys/module/%s/initstate", module);
	/* A built-in module has no initstate, and no way to be reloaded. */
	if (!context_read_line(l->root, path, state, sizeof(state)))
		snprintf(how.boot, sizeof(how.boot), " (boot with %s.%s)", module, setting);
	else if (module == vendor)
		snprintf(how.command, sizeof(how.command), "modprobe -r %s && modprobe %s %s",
			 vendor, vendor, setting);
	else
		snprintf(how.command, sizeof(how.command),
			 "modprobe -r %s %s && modprobe %s %s && modprobe %s%s", vendor, module,
			 module, setting, vendor,
			 mediated_wanted(l) ? " enable_mediated_pmu=1" : "");
	return how;
}

/* What a mediated PMU asks of the processor, beside not being hybrid. */
static bool pmu_is_old(const struct pmu_shape *cpu)
{
	return cpu->version < (cpu->vendor == CPU_VENDOR_INTEL ? 4 : 2);
}

static void check_pmu(struct check *l)
{
	const struct pmu_shape found = setting_host_pmu(l->host), *cpu = &found;

	if (l->host->unused_version)
		/* "Broken PMU hardware detected", or no driver for it */
		advise(l, ADVICE_PREVENTS, "dmesg | grep -i PMU",
		       "CPUID announces a PMU of version %u, but the kernel uses none: see its log",
		       l->host->unused_version);
	else if (!cpu->version)
		advise(l, ADVICE_PREVENTS, "", "%s",
		       l->host->nested ? "the hypervisor below gives this host no PMU"
				       : "the processor shows no PMU");
	else if (pmu_is_old(cpu))
		advise(l, ADVICE_PREVENTS, "", "PMU version %u: a mediated PMU needs %s",
		       cpu->version,
		       cpu->vendor == CPU_VENDOR_INTEL ? "version 4 (Skylake or later)"
						       : "PerfMonV2 (Zen 4 or later)");
	else
		advise(l, ADVICE_GOOD, "", "PMU version %u, %u general and %u fixed counters",
		       cpu->version, cpu->nr_gp, cpu->nr_fixed);
}

static void check_hybrid(struct check *l)
{
	if (l->host->hybrid)
		advise(l, ADVICE_PREVENTS, "", "hybrid processor: KVM gives guests no PMU on it");
	else
		advise(l, ADVICE_GOOD, "", "not a hybrid processor");
}

static void check_emulation(struct check *l)
{
	if (json_is_true(json_object_get(json_object_get(l->facts, "cpu"), "emulated")))
		advise(l, ADVICE_NOTE, "",
		       "the processor is emulated and its TSC counts instructions: all "
		       "figures are instructions, not time");
}

static void check_nesting(struct check *l)
{
	if (l->host->nested)
		advise(l, ADVICE_DISTURBS, "",
		       "this host is itself a guest: exits cost more, and "
		       "those that the hypervisor below takes are not counted");
	else
		advise(l, ADVICE_GOOD, "", "this host is not a guest");
}

static void check_mediated_pmu(struct check *l)
{
	const struct setting_host *host = l->host;
	struct reload how;

	if (mediated_wanted(l)) {
		advise(l, ADVICE_GOOD, "", "mediated PMU is on");
	} else if (host->enable_mediated_pmu == PARAM_ABSENT) {
		advise(l, ADVICE_PREVENTS, "",
		       "KVM has no enable_mediated_pmu (Linux 7.0 or "
		       "later): every RDPMC is intercepted");
	} else if (!host->cpu.version || pmu_is_old(&host->cpu) || host->hybrid) {
		advise(l, ADVICE_PREVENTS, "",
		       "mediated PMU is off, and this processor does not "
		       "support it: every RDPMC is intercepted");
	} else {
		how = reload(l, NULL, "enable_mediated_pmu=1");
		advise(l, ADVICE_PREVENTS, how.command,
		       "mediated PMU is off: every RDPMC is intercepted%s", how.boot);
	}
}

static void check_enable_pmu(struct check *l)
{
	struct reload how;

	if (l->host->enable_pmu == PARAM_YES) {
		advise(l, ADVICE_GOOD, "", "kvm.enable_pmu=Y");
	} else if (l->host->enable_pmu == PARAM_ABSENT) {
		not_known(l, "kvm.enable_pmu", "/sys/module/kvm/parameters/enable_pmu");
	} else if (!l->host->cpu.version || l->host->hybrid) {
		/* KVM itself switches it off there. */
		advise(l, ADVICE_PREVENTS, "",
		       "host has no PMU that KVM can use (kvm.enable_pmu=N)");
	} else {
		how = reload(l, "kvm", "enable_pmu=1");
		advise(l, ADVICE_PREVENTS, how.command, "kvm.enable_pmu=N: guests have no PMU%s",
		       how.boot);
	}
}

static void check_vmware_backdoor(struct check *l)
{
	struct reload how;

	if (l->host->enable_vmware_backdoor == PARAM_NO) {
		advise(l, ADVICE_GOOD, "", "kvm.enable_vmware_backdoor=N");
	} else if (l->host->enable_vmware_backdoor == PARAM_ABSENT) {
		not_known(l, "kvm.enable_vmware_backdoor",
			  "/sys/module/kvm/parameters/enable_vmware_backdoor");
	} else {
		how = reload(l, "kvm", "enable_vmware_backdoor=0");
		advise(l, ADVICE_PREVENTS, how.command,
		       "kvm.enable_vmware_backdoor=Y: every RDPMC is intercepted%s", how.boot);
	}
}

/* KVM passes RDPMC through only to a guest whose counters equal the processor's. */
static void check_kvm_counters(struct check *l)
{
	const struct pmu_shape found = setting_host_pmu(l->host), *cpu = &found;
	const struct pmu_shape *kvm = &l->host->kvm;
	const struct {
		const char *what;
		unsigned int has, offers;
	} parts[] = {
		{ "fixed counters", cpu->nr_fixed, kvm->nr_fixed },
		{ "general counters", cpu->nr_gp, kvm->nr_gp },
		{ "bits in a fixed counter", cpu->fixed_width, kvm->fixed_width },
		{ "bits in a general counter", cpu->gp_width, kvm->gp_width },
	};

	if (!kvm->version) {
		/* Without a PMU in the processor that is no fault of KVM's. */
		advise(l, cpu->version ? ADVICE_PREVENTS : ADVICE_NOTE, "",
		       "KVM offers guests no PMU");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (parts[i].has != parts[i].offers) {
			advise(l, ADVICE_PREVENTS, "",
			       "KVM offers %u %s, the processor has %u: "
			       "RDPMC is always intercepted",
			       parts[i].offers, parts[i].what, parts[i].has);
			return;
		}
	}
	advise(l, ADVICE_GOOD, "", "KVM offers all of the processor's counters");
}

static void check_metrics(struct check *l)
{
	if (pmu_has_metrics(&l->host->cpu))
		advise(l, ADVICE_GOOD, "", "the processor has PERF_METRICS");
	else if (l->host->cpu.vendor == CPU_VENDOR_INTEL)
		advise(l, ADVICE_NOTE, "", "no PERF_METRICS: needs a PMU of Ice Lake or later");
	else
		advise(l, ADVICE_NOTE, "", "no PERF_METRICS: only Intel has it, from Ice Lake on");
}

static void check_nmi_watchdog(struct check *l)
{
	static const char *const off = "sysctl -w kernel.nmi_watchdog=0";
	json_t *watchdog = json_object_get(l->facts, "nmi_watchdog");

	if (json_is_false(watchdog))
		advise(l, ADVICE_GOOD, "", "NMI watchdog is off");
	else if (!json_is_true(watchdog))
		not_known(l, "NMI watchdog", "/proc/sys/kernel/nmi_watchdog");
	else if (mediated_wanted(l))
		/* perf refuses while any event on the PMU does not exclude guests, as this one. */
		print_pmu_taken(l, off,
				"NMI watchdog holds a counter of every CPU: perf "
				"grants KVM no mediated PMU beside it");
	else
		advise(l, ADVICE_DISTURBS, off,
		       "NMI watchdog is on: its NMIs exit, and it may hold a counter of every CPU");
}

static void check_paranoid(struct check *l)
{
	json_t *paranoid = json_object_get(l->facts, "perf_event_paranoid");
	long long level = json_integer_value(paranoid);

	if (!json_is_integer(paranoid))
		not_known(l, "perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid");
	else if (level > 1)
		advise(l, ADVICE_NOTE, "sysctl -w kernel.perf_event_paranoid=1",
		       "perf_event_paranoid=%lld: only root can count the host's side", level);
	else
		advise(l, ADVICE_GOOD, "", "perf_event_paranoid=%lld: every user can count", level);
}

static void check_tracefs(struct check *l)
{
	char path[PATH_MAX], type[32], *mount = NULL;
	bool mounted = false, any = false;
	FILE *mounts = NULL;
	size_t size = 0;

	if (snprintf(path, sizeof(path), "%s/proc/self/mounts", l->root) < (int)sizeof(path))
		mounts = fopen(path, "re");
	while (mounts && !mounted && getline(&mount, &size, mounts) > 0) {
		any = true;
		mounted = sscanf(mount, "%*s %*s %31s", type) == 1 && !strcmp(type, "tracefs");
	}
	free(mount);
	if (mounts)
		fclose(mounts);

	if (mounted)
		advise(l, ADVICE_GOOD, "", "tracefs is mounted");
	else if (any)
		advise(l, ADVICE_NOTE, "mount -t tracefs nodev /sys/kernel/tracing",
		       "tracefs is not mounted: no tracepoint counts");
	else
		not_known(l, "tracefs", "/proc/self/mounts");
}

static void check_governor(struct check *l)
{
	const char *governor = fact(l, "governor");

	if (!governor)
		advise(l, ADVICE_NOTE, "", "frequency governor: none visible here");
	else if (!strcmp(governor, "performance"))
		advise(l, ADVICE_GOOD, "", "frequency governor: performance");
	else
		advise(l, ADVICE_DISTURBS,
		       "echo performance | tee " CPU_DIR "/cpufreq/policy*/scaling_governor",
		       "frequency governor: %s, not performance", governor);
}

static void check_turbo(struct check *l)
{
	json_t *turbo = json_object_get(l->facts, "turbo");
	long number;

	if (json_is_false(turbo))
		advise(l, ADVICE_GOOD, "", "turbo is off");
	else if (!json_is_true(turbo))
		advise(l, ADVICE_NOTE, "", "turbo: no switch visible here");
	else
		advise(l, ADVICE_DISTURBS,
		       read_number(l, CPU_DIR "/intel_pstate/no_turbo", &number)
			       ? "echo 1 > " CPU_DIR "/intel_pstate/no_turbo"
			       : "echo 0 > " CPU_DIR "/cpufreq/boost",
		       "turbo is on: the frequency depends on heat and on the other cores");
}

static void check_smt(struct check *l)
{
	json_t *active = json_object_get(json_object_get(l->facts, "smt"), "active");

	if (json_is_false(active))
		advise(l, ADVICE_GOOD, "", "no SMT sibling is online");
	else if (json_is_true(active))
		advise(l, ADVICE_DISTURBS, "echo off > " CPU_DIR "/smt/control",
		       "SMT is on: whatever wakes on the sibling shares the measured core");
	else
		not_known(l, "SMT", CPU_DIR "/smt/active");
}

static void check_isolation(struct check *l)
{
	const char *isolated = fact(l, "isolated_cpus");

	if (!isolated)
		not_known(l, "isolated CPUs", CPU_DIR "/isolated");
	else if (*isolated)
		advise(l, ADVICE_GOOD, "", "isolated CPUs: %s", isolated);
	else
		advise(l, ADVICE_DISTURBS, "",
		       "no isolated CPU: other tasks may run on the measured "
		       "one (boot with isolcpus=N nohz_full=N)");
}

static void check_idle_states(struct check *l)
{
	char path[128], command[128];
	long latency, disabled;
	unsigned int i;

	for (i = 0; i < 10; i++) { /* the kernel's CPUIDLE_STATE_MAX */
		snprintf(path, sizeof(path), CPU_DIR "/cpu0/cpuidle/state%u/latency", i);
		if (!read_number(l, path, &latency))
			break;
		snprintf(path, sizeof(path), CPU_DIR "/cpu0/cpuidle/state%u/disable", i);
		if (latency <= DEEP_LATENCY_US || (read_number(l, path, &disabled) && disabled))
			continue;
		snprintf(command, sizeof(command),
			 "echo 1 | tee " CPU_DIR "/cpu*/cpuidle/state[%u-9]/disable", i);
		advise(l, ADVICE_NOTE, command,
		       "idle state %u takes %ld us to leave: figures vary where the vCPU sleeps", i,
		       latency);
		return;
	}
	if (i)
		advise(l, ADVICE_GOOD, "", "no idle state takes more than %d us to leave",
		       DEEP_LATENCY_US);
	else
		advise(l, ADVICE_NOTE, "", "idle states: none visible here");
}

static void check_clocksource(struct check *l)
{
	static const char *const dir = "/sys/devices/system/clocksource/clocksource0";
	const char *clock = fact(l, "clocksource");
	char path[128], command[128], available[128];
	bool has_tsc;

	snprintf(path, sizeof(path), "%s/available_clocksource", dir);
	has_tsc = context_read_line(l->root, path, available, sizeof(available)) &&
		  strstr(available, "tsc ");
	snprintf(command, sizeof(command), "echo tsc > %s/current_clocksource", dir);
	if (!clock)
		not_known(l, "clocksource", "clocksource0/current_clocksource");
	else if (!strcmp(clock, "tsc"))
		advise(l, ADVICE_GOOD, "", "clocksource: tsc");
	else if (has_tsc)
		advise(l, ADVICE_NOTE, command, "clocksource: %s, although the TSC is usable",
		       clock);
	else
		advise(l, ADVICE_DISTURBS, "",
		       "clocksource: %s: the kernel does not trust the TSC, "
		       "which times every sample",
		       clock);
}

/* The number of CPUs in a list like "0-3,8"; 0 when it is none. */
static unsigned int count_cpus(const char *list)
{
	unsigned int first, last, count = 0;
	int length;

	while (list && *list) {
		if (sscanf(list, "%u-%u%n", &first, &last, &length) != 2) {
			if (sscanf(list, "%u%n", &first, &length) != 1)
				return 0;
			last = first;
		}
		if (last < first || (list[length] && list[length] != ','))
			return 0;
		count += last - first + 1;
		list += length + (list[length] == ',');
	}
	return count;
}

static void check_load(struct check *l)
{
	json_t *minute = json_array_get(json_object_get(l->facts, "load_average"), 0);
	unsigned int cpus = count_cpus(fact(l, "online_cpus"));
	double load = json_real_value(minute);

	if (!minute || !cpus)
		not_known(l, "load", minute ? CPU_DIR "/online" : "/proc/loadavg");
	else if (load > BUSY_LOAD * cpus)
		advise(l, ADVICE_DISTURBS, "", "load average %.2f on %u CPUs: the host is busy",
		       load, cpus);
	else
		advise(l, ADVICE_GOOD, "", "load average %.2f on %u CPUs", load, cpus);
}

static void check_steal(struct check *l)
{
	unsigned long long time[8] = { 0 }, total = 0;
	char line[256];
	double steal;

	if (context_read_line(l->root, "/proc/stat", line, sizeof(line)))
		sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &time[0], &time[1],
		       &time[2], &time[3], &time[4], &time[5], &time[6], &time[7]);
	for (size_t i = 0; i < ARRAY_SIZE(time); i++)
		total += time[i];
	if (!total) {
		not_known(l, "stolen time", "/proc/stat");
		return;
	}
	steal = (double)time[7] / total;
	if (steal > MUCH_STEAL)
		advise(l, ADVICE_DISTURBS, "",
		       "the hypervisor below stole %.1f %% of the CPU time since boot",
		       steal * 100);
	else
		advise(l, ADVICE_GOOD, "", "no CPU time is stolen");
}

static void check_thp(struct check *l)
{
	const char *thp = fact(l, "transparent_hugepage");

	if (!thp)
		not_known(l, "huge pages", "/sys/kernel/mm/transparent_hugepage/enabled");
	else if (!strcmp(thp, "always"))
		advise(l, ADVICE_NOTE, "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
		       "transparent huge pages: always; khugepaged may remap guest memory");
	else
		advise(l, ADVICE_GOOD, "", "transparent huge pages: %s", thp);
}

/* Things that disturb unless a file says 0. */
static void check_switches(struct check *l)
{
	static const struct {
		const char *name, *path, *command, *effect;
		enum advice_level level;
	} switches[] = {
		{ "kvm.halt_poll_ns", "/sys/module/kvm/parameters/halt_poll_ns",
		  "echo 0 > /sys/module/kvm/parameters/halt_poll_ns",
		  "a vCPU that halts keeps its CPU busy", ADVICE_NOTE },
		{ "page merging (KSM)", "/sys/kernel/mm/ksm/run", "echo 0 > /sys/kernel/mm/ksm/run",
		  "scans memory and write-protects pages", ADVICE_DISTURBS },
		{ "NUMA balancing", "/proc/sys/kernel/numa_balancing",
		  "sysctl -w kernel.numa_balancing=0", "unmaps pages to see who uses them",
		  ADVICE_DISTURBS },
	};
	long value;

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		if (!read_number(l, switches[i].path, &value))
			not_known(l, switches[i].name, switches[i].path);
		else if (value)
			advise(l, switches[i].level, switches[i].command, "%s is %ld: %s",
			       switches[i].name, value, switches[i].effect);
		else
			advise(l, ADVICE_GOOD, "", "%s is off", switches[i].name);
	}
}

size_t context_advise(const char *root, const struct setting_host *host, struct advice *advice,
		      size_t max)
{
	/* What the figures are, then what prevents, then what disturbs. */
	static void (*const looks[])(struct check *) = {
		check_emulation,    check_pmu,          check_hybrid,
		check_enable_pmu,   check_mediated_pmu, check_vmware_backdoor,
		check_kvm_counters, check_nmi_watchdog, check_metrics,
		check_nesting,      check_steal,        check_load,
		check_isolation,    check_smt,          check_governor,
		check_turbo,        check_clocksource,  check_idle_states,
		check_thp,          check_switches,     check_paranoid,
		check_tracefs,
	};
	struct check l = {
		.root = root,
		.host = host,
		.facts = context_collect(root),
		.advice = advice,
		.max = max,
	};

	for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
		looks[i](&l);
	json_decref(l.facts);
	return l.n;
}
