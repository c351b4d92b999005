// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/*
 * Proves that the context and the doctor's advice say what /proc and /sys say, nothing where they
 * say nothing, and break on no content. Against made trees, and once against this machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/commands.h"
#include "host/advise.h"
#include "host/context.h"
#include "host/context_json.h"
#include "host/probe.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define CPU_DIR		"/sys/devices/system/cpu"
#define CLOCK_DIR	"/sys/devices/system/clocksource/clocksource0"
#define KVM_DIR		"/sys/module/kvm/parameters"
#define TOPDOWN		"/sys/bus/event_source/devices/cpu/events/topdown-retiring"
#define TOPDOWN_CORE	"/sys/bus/event_source/devices/cpu_core/events/topdown-retiring"

struct file {
	const char *path, *content;
};

/* A quiet Sapphire Rapids host on which both settings can be measured. */
static const struct file ideal_files[] = {
	{ "/proc/cmdline", "root=/dev/sda isolcpus=2-3\n" },
	{ "/proc/cpuinfo",
	  "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\n"
	  "model name\t: Xeon\nstepping\t: 8\nmicrocode\t: 0x2b000603\n"
	  "flags\t\t: fpu vmx sse\nvmx flags\t: hypervisor\n\n"
	  "processor\t: 1\nvendor_id\t: Other\n\n" },
	{ "/proc/loadavg", "0.07 1.50 12.03 1/321 4242\n" },
	{ "/proc/meminfo", "MemTotal:       16384 kB\nMemFree: 1 kB\n" },
	{ "/proc/self/mounts",
	  "proc /proc proc rw 0 0\nnodev /sys/kernel/tracing tracefs rw 0 0\n" },
	{ "/proc/stat", "cpu  100 0 100 100000 0 0 0 0 0 0\ncpu0 1 2 3 4\n" },
	{ "/proc/sys/kernel/hostname", "bench-7\n" },
	{ "/proc/sys/kernel/nmi_watchdog", "0\n" },
	{ "/proc/sys/kernel/numa_balancing", "0\n" },
	{ "/proc/sys/kernel/osrelease", "7.3.4\n" },
	{ "/proc/sys/kernel/perf_event_paranoid", "-1\n" },
	{ "/proc/sys/kernel/version", "#1 SMP\n" },
	{ CLOCK_DIR "/available_clocksource", "tsc hpet acpi_pm \n" },
	{ CLOCK_DIR "/current_clocksource", "tsc\n" },
	{ CPU_DIR "/cpu0/cpuidle/state0/disable", "0\n" },
	{ CPU_DIR "/cpu0/cpuidle/state0/latency", "0\n" },
	{ CPU_DIR "/cpu0/cpuidle/state1/disable", "0\n" },
	{ CPU_DIR "/cpu0/cpuidle/state1/latency", "10\n" },
	{ CPU_DIR "/cpu0/cpuidle/state2/disable", "1\n" },
	{ CPU_DIR "/cpu0/cpuidle/state2/latency", "190\n" },
	{ CPU_DIR "/cpu0/tsc_freq_khz", "2000000\n" },
	{ CPU_DIR "/cpufreq/policy0/energy_performance_preference", "performance\n" },
	{ CPU_DIR "/cpufreq/policy0/scaling_governor", "performance\n" },
	{ CPU_DIR "/cpufreq/policy1/scaling_governor", "performance\n" },
	{ CPU_DIR "/cpuidle/current_driver", "intel_idle\n" },
	{ CPU_DIR "/cpuidle/current_governor_ro", "menu\n" },
	{ CPU_DIR "/intel_pstate/no_turbo", "1\n" },
	{ CPU_DIR "/isolated", "2-3\n" },
	{ CPU_DIR "/nohz_full", "  (null)\n" },
	{ CPU_DIR "/online", "0-3\n" },
	{ CPU_DIR "/smt/active", "0\n" },
	{ CPU_DIR "/smt/control", "off\n" },
	{ CPU_DIR "/vulnerabilities/l1tf", "Not affected\n" },
	{ CPU_DIR "/vulnerabilities/spectre_v2", "Mitigation: IBRS\n" },
	{ "/sys/devices/system/node/online", "0\n" },
	{ "/sys/kernel/mm/ksm/run", "0\n" },
	{ "/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n" },
	{ KVM_DIR "/enable_pmu", "Y\n" },
	{ KVM_DIR "/enable_vmware_backdoor", "N\n" },
	{ KVM_DIR "/halt_poll_ns", "0\n" },
	{ "/sys/module/kvm/initstate", "live\n" },
	{ "/sys/module/kvm_intel/initstate", "live\n" },
	{ "/sys/module/kvm_intel/parameters/enable_mediated_pmu", "Y\n" },
	{ "/sys/module/loop/parameters/max_loop", "8\n" },
};

static const struct setting_host ideal_host = {
	.backend = KVM_BACKEND_VMX,
	.cpu = { CPU_VENDOR_INTEL, 5, 8, 48, 3, 48, PERF_CAP_FW_WRITES | PERF_CAP_PERF_METRICS },
	.kvm = { CPU_VENDOR_INTEL, 5, 8, 48, 3, 48, PERF_CAP_FW_WRITES },
	.enable_pmu = PARAM_YES,
	.enable_mediated_pmu = PARAM_YES,
	.enable_vmware_backdoor = PARAM_NO,
};

/* @full and, below, @root hold PATH_MAX bytes. */
static void join(char *full, const char *root, const char *path, const char *suffix)
{
	assert_true(snprintf(full, PATH_MAX, "%s%s%s", root, path, suffix) < PATH_MAX);
}

/* A tree of its own for row @i of a table. */
static void subtree(char *root, const char *tree, size_t i)
{
	assert_true(snprintf(root, PATH_MAX, "%s/%zu", tree, i) < PATH_MAX);
}

static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(!mkdir(path, 0700) || errno == EEXIST);
		*slash = '/';
	}
}

static void put_bytes(const char *root, const char *path, const void *content, size_t size)
{
	char full[PATH_MAX];
	FILE *file;

	join(full, root, path, "");
	make_parents(full);
	file = fopen(full, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void put(const char *root, const char *path, const char *content)
{
	put_bytes(root, path, content, strlen(content));
}

/* A directory where a file is expected. */
static void put_directory(const char *root, const char *path)
{
	char full[PATH_MAX];

	join(full, root, path, "/");
	make_parents(full);
}

static void drop(const char *root, const char *path)
{
	char full[PATH_MAX];

	join(full, root, path, "");
	assert_int_equal(unlink(full), 0);
}

static void put_ideal(const char *root)
{
	for (size_t i = 0; i < ARRAY_SIZE(ideal_files); i++)
		put(root, ideal_files[i].path, ideal_files[i].content);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int make_tree(void **state)
{
	const char *dir = getenv("TMPDIR");
	char *root = NULL;

	if (asprintf(&root, "%s/context-XXXXXX", dir ? dir : "/tmp") < 0 || !mkdtemp(root))
		return -1;
	*state = root;
	return 0;
}

static int remove_tree(void **state)
{
	int ret = nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return ret;
}

static void test_read_line(void **state)
{
	static const struct {
		const char *content, *line;
	} rows[] = {
		{ "one\n", "one" },	{ "one", "one" },	    { "one\ntwo\n", "one" },
		{ "", "" },		{ "\n", "" },		    { "\none\n", "" },
		{ "1234567\n", "1234567" }, { "12345678\n", "1234567" }, { " a \r\n", " a \r" },
	};
	char line[8];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put(*state, "/sys/file", rows[i].content);
		memset(line, 'x', sizeof(line));
		assert_true(context_read_line(*state, "/sys/file", line, sizeof(line)));
		assert_string_equal(line, rows[i].line);
	}

	put(*state, "/sys/file", "one\n");
	memset(line, 'x', sizeof(line));
	assert_true(context_read_line(*state, "/sys/file", line, 2));
	assert_string_equal(line, "o");
	assert_int_equal(line[2], 'x');

	assert_false(context_read_line(*state, "/sys/none", line, sizeof(line)));
	assert_string_equal(line, "");
	put_directory(*state, "/sys/directory");
	line[0] = 'x';
	assert_false(context_read_line(*state, "/sys/directory", line, sizeof(line)));
	assert_string_equal(line, "");
	assert_false(context_read_line(*state, "/sys/file/below", line, sizeof(line)));
}

static void test_path_too_long(void **state)
{
	char path[PATH_MAX + 8], line[8];

	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_false(context_read_line(*state, path, line, sizeof(line)));
}

static void test_param(void **state)
{
	static const struct {
		const char *content;
		enum param param;
	} rows[] = {
		{ "Y\n", PARAM_YES }, { "N\n", PARAM_NO }, { "1\n", PARAM_YES },
		{ "0\n", PARAM_NO }, { "Y", PARAM_YES }, { "2\n", PARAM_YES },
		{ "-1\n", PARAM_ABSENT },
		{ "10\n", PARAM_YES }, { "Yes\n", PARAM_ABSENT }, { "", PARAM_ABSENT },
		{ "(null)\n", PARAM_ABSENT }, { "00\n", PARAM_NO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put(*state, "/sys/module/kvm/parameters/p", rows[i].content);
		assert_int_equal(context_param(*state, "kvm", "p"), rows[i].param);
	}
	assert_int_equal(context_param(*state, "kvm", "q"), PARAM_ABSENT);
	assert_int_equal(context_param(*state, "kvm_intel", "p"), PARAM_ABSENT);
	put_directory(*state, "/sys/module/kvm/parameters/d");
	assert_int_equal(context_param(*state, "kvm", "d"), PARAM_ABSENT);
}

static void test_backend(void **state)
{
	/* Modules: L loaded, B built in, G going away, - absent. */
	static const struct {
		char intel, amd, pvm;
		const char *flags;	/* NULL: no /proc/cpuinfo */
		enum kvm_backend backend;
	} rows[] = {
		{ '-', '-', '-', "fpu vmx", KVM_BACKEND_UNKNOWN },
		{ '-', '-', '-', NULL, KVM_BACKEND_UNKNOWN },
		{ 'L', '-', '-', "fpu vmx", KVM_BACKEND_VMX },
		{ '-', 'L', '-', "fpu svm", KVM_BACKEND_SVM },
		{ '-', '-', 'L', "fpu", KVM_BACKEND_PVM },
		{ 'B', '-', '-', "fpu vmx", KVM_BACKEND_VMX },
		{ '-', 'B', '-', "fpu svm", KVM_BACKEND_SVM },
		{ '-', '-', 'B', "fpu", KVM_BACKEND_PVM },
		/* built in, on the other vendor's processor, or switched off in the firmware */
		{ 'B', '-', '-', "fpu svm", KVM_BACKEND_UNKNOWN },
		{ '-', 'B', '-', "fpu vmx", KVM_BACKEND_UNKNOWN },
		{ 'B', 'B', '-', "fpu", KVM_BACKEND_UNKNOWN },
		{ 'B', 'B', '-', "fpu vmx", KVM_BACKEND_VMX },
		{ 'B', 'B', '-', "fpu svm", KVM_BACKEND_SVM },
		{ 'B', 'B', 'B', "fpu", KVM_BACKEND_PVM },
		{ 'B', 'B', 'B', "svm", KVM_BACKEND_SVM },
		/* a part of a flag's name is not the flag */
		{ 'B', 'B', '-', "fpu vmxx svm_lock xsvm", KVM_BACKEND_UNKNOWN },
		/* a loaded module found its hardware, a built-in one did perhaps */
		{ 'B', 'L', '-', "fpu svm", KVM_BACKEND_SVM },
		{ 'B', '-', 'L', "fpu", KVM_BACKEND_PVM },
		{ 'L', '-', 'B', "fpu vmx", KVM_BACKEND_VMX },
		{ 'B', '-', 'L', "fpu vmx", KVM_BACKEND_PVM },
		{ 'L', '-', 'G', "fpu vmx", KVM_BACKEND_VMX },
		{ 'B', '-', 'G', "fpu vmx", KVM_BACKEND_VMX },
		{ 'L', '-', 'L', "fpu vmx", KVM_BACKEND_VMX },
		/* only the directory to go by */
		{ 'B', '-', '-', NULL, KVM_BACKEND_VMX },
		{ 'B', 'B', '-', NULL, KVM_BACKEND_UNKNOWN },
	};
	static const char *const names[] = { "kvm_intel", "kvm_amd", "kvm_pvm" };
	char root[PATH_MAX], path[64], cpuinfo[128];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char how[] = { rows[i].intel, rows[i].amd, rows[i].pvm };

		subtree(root, *state, i);
		put_directory(root, "/sys/module/kvm/parameters");
		for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
			snprintf(path, sizeof(path), "/sys/module/%s/parameters", names[j]);
			if (how[j] != '-')
				put_directory(root, path);
			snprintf(path, sizeof(path), "/sys/module/%s/initstate", names[j]);
			if (how[j] == 'L' || how[j] == 'G')
				put(root, path, how[j] == 'L' ? "live\n" : "going\n");
		}
		if (rows[i].flags) {
			snprintf(cpuinfo, sizeof(cpuinfo), "processor\t: 0\nflags\t\t: %s\n\n",
				 rows[i].flags);
			put(root, "/proc/cpuinfo", cpuinfo);
		}
		if (context_backend(root) != rows[i].backend)
			fail_msg("row %zu: backend %d, not %d", i, context_backend(root),
				 rows[i].backend);
	}
}

static void test_metrics(void **state)
{
	static const struct {
		const char *path, *event;
		bool has;
	} rows[] = {
		{ TOPDOWN, "event=0x00,umask=0x80\n", true },
		{ TOPDOWN_CORE, "event=0x00,umask=0x80\n", true },
		/* Tremont, Crestmont, Skymont: an ordinary counter */
		{ TOPDOWN, "event=0xc2,umask=0x0\n", false },
		{ TOPDOWN, "event=0x72,umask=0x0\n", false },
		{ TOPDOWN, "event=0xc2,umask=0x80\n", false },
		{ TOPDOWN, "event=0x00,umask=0x04\n", false },
		{ TOPDOWN, "", false },
	};

	assert_false(context_host_has_metrics(*state));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put(*state, rows[i].path, rows[i].event);
		assert_int_equal(context_host_has_metrics(*state), rows[i].has);
		drop(*state, rows[i].path);
	}
}

/* Inside a container modprobe does not help: the device must be passed in. */
static void test_kvm_absent(void **state)
{
	static char full[4096];
	static const char docker[] = "PATH=/bin\0HOME=/\0";
	static const char nspawn[] = "PATH=/bin\0container=systemd-nspawn\0";
	static const char other[] = "mycontainer=1\0PATH=/container=\0";
	static const struct {
		const char *path, *content;
		size_t size;
		bool container;
	} rows[] = {
		{ "/.dockerenv", "", 0, true },
		{ "/run/.containerenv", "engine=podman", 13, true },
		{ "/proc/1/environ", nspawn, sizeof(nspawn) - 1, true },
		{ "/proc/1/environ", docker, sizeof(docker) - 1, false },
		{ "/proc/1/environ", other, sizeof(other) - 1, false },
		{ "/run/other", "", 0, false },
		/* As long as what is read of it, without an end */
		{ "/proc/1/environ", full, sizeof(full), false },
	};

	memset(full, 'x', sizeof(full));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct failure failure;
		char root[PATH_MAX];

		subtree(root, *state, i);
		put_bytes(root, rows[i].path, rows[i].content, rows[i].size);
		assert_int_equal(kvm_absent(root, "/dev/kvm", &failure), -ENOENT);
		if (!strstr(failure.text, "--device /dev/kvm") == rows[i].container ||
		    !strstr(failure.text, "modprobe") != rows[i].container)
			fail_msg("row %zu: %s", i, failure.text);
		/* One that somebody has named is just not there. */
		kvm_absent(root, "/tmp/none", &failure);
		assert_string_equal(failure.text, "no device /tmp/none");
	}
}

/* A member by its path, "cpu.family". */
static json_t *member(json_t *object, const char *path)
{
	char key[64];

	while (*path) {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		object = json_object_get(object, key);
		if (!object)
			fail_msg("no member %s", path);
		path += n + (path[n] == '.');
	}
	return object;
}

static void test_collect_ideal(void **state)
{
	static const struct {
		const char *path, *json;
	} rows[] = {
		{ "hostname", "\"bench-7\"" },
		{ "kernel.release", "\"7.3.4\"" },
		{ "kernel.version", "\"#1 SMP\"" },
		{ "kernel.cmdline", "\"root=/dev/sda isolcpus=2-3\"" },
		{ "cpu.vendor", "\"GenuineIntel\"" },
		{ "cpu.model_name", "\"Xeon\"" },
		{ "cpu.family", "6" },
		{ "cpu.model", "143" },
		{ "cpu.stepping", "8" },
		{ "cpu.microcode", "\"0x2b000603\"" },
		{ "cpu.hypervisor", "false" },
		{ "cpu.hypervisor_vendor", "null" },
		{ "cpu.emulated", "false" },
		{ "tsc_khz", "2000000" },
		{ "kvm_modules",
		  "{\"kvm\": {\"enable_pmu\": \"Y\", \"enable_vmware_backdoor\": \"N\", "
		  "\"halt_poll_ns\": \"0\"}, \"kvm_intel\": {\"enable_mediated_pmu\": \"Y\"}}" },
		{ "mitigations",
		  "{\"l1tf\": \"Not affected\", \"spectre_v2\": \"Mitigation: IBRS\"}" },
		{ "governor", "\"performance\"" },
		{ "energy_performance_preference", "\"performance\"" },
		{ "turbo", "false" },
		{ "smt", "{\"control\": \"off\", \"active\": false}" },
		{ "cpuidle", "{\"driver\": \"intel_idle\", \"governor\": \"menu\"}" },
		{ "online_cpus", "\"0-3\"" },
		{ "isolated_cpus", "\"2-3\"" },
		{ "nohz_full", "\"\"" },
		{ "numa_nodes", "\"0\"" },
		{ "clocksource", "\"tsc\"" },
		{ "transparent_hugepage", "\"madvise\"" },
		{ "nmi_watchdog", "false" },
		{ "perf_event_paranoid", "-1" },
		{ "load_average", "[0.07, 1.5, 12.03]" },
		{ "memory_kib", "16384" },
	};
	json_t *context;

	put_ideal(*state);
	context = context_collect(*state);
	assert_non_null(context);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *value = member(context, rows[i].path);
		json_t *expected = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);

		assert_non_null(expected);
		if (!json_equal(value, expected)) {
			char *text = json_dumps(value, JSON_ENCODE_ANY);

			fail_msg("%s is %s, not %s", rows[i].path, text, rows[i].json);
		}
		json_decref(expected);
	}
	json_decref(context);
}

/* Other spellings of the same thing. */
static void test_collect_variants(void **state)
{
	static const struct {
		struct file file;
		const char *path, *json;
	} rows[] = {
		{ { CPU_DIR "/intel_pstate/no_turbo", "0\n" }, "turbo", "true" },
		{ { CPU_DIR "/smt/active", "1\n" }, "smt.active", "true" },
		{ { CPU_DIR "/nohz_full", "\n" }, "nohz_full", "\"\"" },
		{ { CPU_DIR "/nohz_full", "1-3\n" }, "nohz_full", "\"1-3\"" },
		{ { CPU_DIR "/isolated", "\n" }, "isolated_cpus", "\"\"" },
		{ { CPU_DIR "/cpuidle/current_governor", "teo\n" }, "cpuidle.governor", "\"teo\"" },
		{ { CPU_DIR "/cpufreq/policy0/scaling_governor", "powersave\n" }, "governor",
		  "\"powersave,performance\"" },
		{ { "/proc/cpuinfo", "flags\t: vmx hypervisor\n" }, "cpu",
		  "{\"vendor\": null, \"model_name\": null, \"family\": null, \"model\": null, "
		  "\"stepping\": null, \"microcode\": null, \"hypervisor\": true, "
		  "\"hypervisor_vendor\": null, \"emulated\": null}" },
		{ { "/proc/cpuinfo", "model name\t: Emulated skylake (Bochs)\n" }, "cpu.emulated",
		  "true" },
		{ { "/proc/cpuinfo", "model name\t: Emulated\n" }, "cpu.emulated", "false" },
		{ { "/proc/cpuinfo", "model name\t: Not Emulated skylake\n" }, "cpu.emulated",
		  "false" },
		/* "model" is not "model name", and the second processor is not the first */
		{ { "/proc/cpuinfo", "model name\t: 7\nmodel\t: 1\n" }, "cpu.model", "1" },
		{ { "/proc/cpuinfo", "model\t: 1\n\nmicrocode\t: 0x2\n" }, "cpu.microcode",
		  "null" },
		{ { "/proc/cpuinfo", "stepping\t: unknown\nmodel\t: 1\n" }, "cpu.stepping",
		  "null" },
		{ { "/proc/loadavg", "busy\n" }, "load_average", "null" },
		{ { "/proc/meminfo", "MemFree: 3 kB\nMemTotal: 3 kB\n" }, "memory_kib", "null" },
		{ { "/sys/kernel/mm/transparent_hugepage/enabled", "always madvise never\n" },
		  "transparent_hugepage", "null" },
		{ { "/proc/sys/kernel/nmi_watchdog", "2\n" }, "nmi_watchdog", "null" },
		{ { "/proc/sys/kernel/perf_event_paranoid", "3x\n" }, "perf_event_paranoid",
		  "null" },
		{ { "/proc/sys/kernel/perf_event_paranoid", "99999999999999999999\n" },
		  "perf_event_paranoid", "null" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *context, *expected = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
		char root[PATH_MAX];

		subtree(root, *state, i);
		put_ideal(root);
		put(root, rows[i].file.path, rows[i].file.content);
		context = context_collect(root);
		if (!expected || !json_equal(member(context, rows[i].path), expected))
			fail_msg("%s is not %s", rows[i].path, rows[i].json);
		json_decref(expected);
		json_decref(context);
	}
}

static void test_collect_boost(void **state)
{
	json_t *context;

	put(*state, CPU_DIR "/cpufreq/boost", "1\n");
	context = context_collect(*state);
	assert_true(json_is_true(member(context, "turbo")));
	json_decref(context);
}

static void assert_all_null(const char *name, json_t *value)
{
	const char *key;
	json_t *part;

	if (!json_is_object(value)) {
		if (!json_is_null(value))
			fail_msg("%s is not null", name);
		return;
	}
	json_object_foreach(value, key, part)
		assert_all_null(key, part);
}

static void test_collect_nothing(void **state)
{
	char full[PATH_MAX];
	json_t *nothing, *ideal;

	nothing = context_collect(*state);
	assert_non_null(nothing);
	assert_all_null("context", nothing);

	join(full, *state, "/ideal", "");
	put_ideal(full);
	ideal = context_collect(full);
	/* Every key is there whether its value is known or not. */
	assert_int_equal(json_object_size(nothing), json_object_size(ideal));
	assert_int_equal(json_object_size(member(nothing, "cpu")),
			 json_object_size(member(ideal, "cpu")));
	json_decref(nothing);
	json_decref(ideal);

	nothing = context_collect("/nonexistent");
	assert_all_null("context", nothing);
	json_decref(nothing);
}

/* Directories in place of all files: as good as nothing. */
static void test_collect_directories(void **state)
{
	struct advice advice[ADVICE_MAX];
	json_t *context;

	for (size_t i = 0; i < ARRAY_SIZE(ideal_files); i++)
		put_directory(*state, ideal_files[i].path);
	context = context_collect(*state);
	assert_all_null("context", context);
	json_decref(context);
	assert_true(context_advise(*state, &ideal_host, advice, ADVICE_MAX) > 0);
}

static void test_collect_weird(void **state)
{
	static const char invalid[] = "quiet \xff\xc0\xaf \xed\xa0\x80 x=\xe2\x82\n";
	static const char nul[] = "one\0two\n";
	size_t size = 1 << 20;
	char *huge = malloc(size), *dump;
	struct advice advice[ADVICE_MAX];
	json_t *context;

	assert_non_null(huge);
	memset(huge, 'a', size);
	put(*state, "/proc/cmdline", invalid);
	put_bytes(*state, "/proc/sys/kernel/hostname", huge, size);
	put_bytes(*state, "/proc/cpuinfo", huge, size);
	put_bytes(*state, "/proc/self/mounts", huge, size);
	put_bytes(*state, "/proc/loadavg", huge, size);
	put_bytes(*state, "/proc/stat", huge, size);
	put_bytes(*state, CPU_DIR "/online", huge, size);
	put_bytes(*state, CPU_DIR "/cpufreq/policy0/scaling_governor", huge, size);
	put_bytes(*state, "/sys/kernel/mm/transparent_hugepage/enabled", huge, size);
	put_bytes(*state, "/proc/sys/kernel/osrelease", nul, sizeof(nul) - 1);
	put(*state, "/proc/sys/kernel/version", "\xc3\xa9t\xc3\xa9\x1b[31m\n");
	put(*state, KVM_DIR "/bad\xff", "Y\n");
	put(*state, KVM_DIR "/value", "\x80\n");

	context = context_collect(*state);
	assert_non_null(context);
	assert_string_equal(json_string_value(member(context, "kernel.cmdline")),
			    "quiet ??? ??? x=??");
	assert_int_equal(json_string_length(member(context, "hostname")), 4096);
	assert_string_equal(json_string_value(member(context, "kernel.release")), "one");
	assert_string_equal(json_string_value(member(context, "kernel.version")),
			    "\xc3\xa9t\xc3\xa9\x1b[31m");
	assert_true(json_is_null(member(context, "load_average")));
	assert_true(json_is_null(member(context, "cpu.vendor")));
	/* A key that no JSON can hold is left out. */
	assert_int_equal(json_object_size(member(context, "kvm_modules.kvm")), 1);
	assert_string_equal(json_string_value(member(context, "kvm_modules.kvm.value")), "?");
	dump = json_dumps(context, 0);
	assert_non_null(dump);
	free(dump);
	json_decref(context);
	assert_true(context_advise(*state, &ideal_host, advice, ADVICE_MAX) > 0);
	free(huge);
}

/* The kernel's command line and a CPU list, each at its cap and one byte beyond. */
static void test_collect_cap(void **state)
{
	for (size_t size = 4095; size <= 4098; size++) {
		char line[4100];
		json_t *context;

		memset(line, 'c', size);
		line[size - 1] = 'e';
		line[size] = '\n';
		put_bytes(*state, "/proc/cmdline", line, size + 1);
		context = context_collect(*state);
		assert_int_equal(json_string_length(member(context, "kernel.cmdline")),
				 size < 4096 ? size : 4096);
		json_decref(context);
	}
}

static void test_collect_this_machine(void **state)
{
	struct utsname name;
	json_t *context = context_collect("");

	(void)state;
	assert_non_null(context);
	assert_int_equal(uname(&name), 0);
	assert_string_equal(json_string_value(member(context, "kernel.release")), name.release);
	assert_string_equal(json_string_value(member(context, "kernel.version")), name.version);
	assert_string_equal(json_string_value(member(context, "hostname")), name.nodename);
	assert_true(json_integer_value(member(context, "memory_kib")) > 0);
	assert_true(json_is_string(member(context, "cpu.vendor")));
	assert_int_equal(json_is_boolean(member(context, "cpu.hypervisor")), 1);
	json_decref(context);
}

static const struct advice *find(const struct advice *advice, size_t n, const char *what)
{
	const struct advice *found = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!strstr(advice[i].what, what))
			continue;
		if (found)
			fail_msg("\"%s\" is said twice", what);
		found = &advice[i];
	}
	if (!found)
		fail_msg("nothing says \"%s\"", what);
	return found;
}

/* What every list must hold, whatever it looked at. */
static void check_list(const struct advice *advice, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(advice[i].what);

		assert_true(length > 0);
		/* One byte less than the room: it was cut. */
		assert_true(length < sizeof(advice[i].what) - 1);
		assert_true(strlen(advice[i].command) < sizeof(advice[i].command) - 1);
		for (size_t c = 0; c < length; c++)
			assert_in_range(advice[i].what[c], ' ', '~');
		assert_true(advice[i].level <= ADVICE_PREVENTS);
		if (advice[i].level == ADVICE_GOOD)
			assert_string_equal(advice[i].command, "");
	}
}

static void test_advise_ideal(void **state)
{
	struct advice advice[ADVICE_MAX];
	size_t n;

	put_ideal(*state);
	n = context_advise(*state, &ideal_host, advice, ADVICE_MAX);
	assert_int_equal(n, 23);
	check_list(advice, n);
	for (size_t i = 0; i < n; i++)
		if (advice[i].level != ADVICE_GOOD)
			fail_msg("level %d: %s", advice[i].level, advice[i].what);
}

/* Each row spoils one file of the ideal host: one entry must say so, and no other. */
static void test_advise_one_file(void **state)
{
	static const struct {
		struct file file;	/* content NULL: removed */
		enum advice_level level;
		const char *what, *command;
	} rows[] = {
		{ { CPU_DIR "/cpufreq/policy1/scaling_governor", "powersave\n" }, ADVICE_DISTURBS,
		  "governor: performance,powersave",
		  "echo performance | tee " CPU_DIR "/cpufreq/policy*/scaling_governor" },
		{ { CPU_DIR "/intel_pstate/no_turbo", "0\n" }, ADVICE_DISTURBS, "turbo is on",
		  "echo 1 > " CPU_DIR "/intel_pstate/no_turbo" },
		{ { CPU_DIR "/intel_pstate/no_turbo", NULL }, ADVICE_NOTE, "turbo: no switch", "" },
		{ { CPU_DIR "/smt/active", "1\n" }, ADVICE_DISTURBS, "SMT is on",
		  "echo off > " CPU_DIR "/smt/control" },
		{ { CPU_DIR "/smt/active", NULL }, ADVICE_NOTE, "SMT: unknown", "" },
		{ { "/proc/sys/kernel/nmi_watchdog", "1\n" }, ADVICE_PREVENTS,
		  "no mediated PMU beside it", "sysctl -w kernel.nmi_watchdog=0" },
		{ { "/proc/sys/kernel/nmi_watchdog", NULL }, ADVICE_NOTE,
		  "watchdog: unknown", "" },
		{ { CPU_DIR "/isolated", "\n" }, ADVICE_DISTURBS, "isolcpus=", "" },
		{ { CPU_DIR "/isolated", NULL }, ADVICE_NOTE, "isolated CPUs: unknown", "" },
		{ { "/proc/sys/kernel/perf_event_paranoid", "2\n" }, ADVICE_NOTE,
		  "perf_event_paranoid=2", "sysctl -w kernel.perf_event_paranoid=1" },
		{ { "/proc/sys/kernel/perf_event_paranoid", "1\n" }, ADVICE_GOOD,
		  "perf_event_paranoid=1", "" },
		{ { "/proc/self/mounts",
		    "proc /proc proc rw 0 0\ntracefs /mnt ext4 tracefs 0 0\n" },
		  ADVICE_NOTE, "tracefs is not mounted",
		  "mount -t tracefs nodev /sys/kernel/tracing" },
		{ { "/proc/self/mounts", NULL }, ADVICE_NOTE, "tracefs: unknown", "" },
		{ { CLOCK_DIR "/current_clocksource", "hpet\n" }, ADVICE_NOTE, "clocksource: hpet",
		  "echo tsc > " CLOCK_DIR "/current_clocksource" },
		{ { CPU_DIR "/cpu0/cpuidle/state2/disable", "0\n" }, ADVICE_NOTE,
		  "idle state 2 takes 190 us",
		  "echo 1 | tee " CPU_DIR "/cpu*/cpuidle/state[2-9]/disable" },
		{ { CPU_DIR "/cpu0/cpuidle/state1/latency", "11\n" }, ADVICE_NOTE,
		  "idle state 1 takes 11 us",
		  "echo 1 | tee " CPU_DIR "/cpu*/cpuidle/state[1-9]/disable" },
		{ { CPU_DIR "/cpu0/cpuidle/state0/latency", NULL }, ADVICE_NOTE,
		  "idle states: none", "" },
		{ { "/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n" },
		  ADVICE_NOTE, "huge pages: always",
		  "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled" },
		{ { "/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n" },
		  ADVICE_GOOD, "huge pages: never", "" },
		{ { KVM_DIR "/halt_poll_ns", "200000\n" }, ADVICE_NOTE, "halt_poll_ns is 200000",
		  "echo 0 > " KVM_DIR "/halt_poll_ns" },
		{ { KVM_DIR "/halt_poll_ns", "\n" }, ADVICE_NOTE, "halt_poll_ns: unknown", "" },
		{ { KVM_DIR "/halt_poll_ns", "0x\n" }, ADVICE_NOTE, "halt_poll_ns: unknown", "" },
		{ { "/sys/kernel/mm/ksm/run", "1\n" }, ADVICE_DISTURBS, "(KSM) is 1",
		  "echo 0 > /sys/kernel/mm/ksm/run" },
		{ { "/sys/kernel/mm/ksm/run", NULL }, ADVICE_NOTE, "(KSM): unknown", "" },
		{ { "/proc/sys/kernel/numa_balancing", "1\n" }, ADVICE_DISTURBS,
		  "NUMA balancing is 1", "sysctl -w kernel.numa_balancing=0" },
		/* 4 CPUs: more than 2 tasks on average */
		{ { "/proc/loadavg", "2.01 0.00 0.00 1/1 1\n" }, ADVICE_DISTURBS,
		  "load average 2.01 on 4 CPUs: the host is busy", "" },
		{ { "/proc/loadavg", "2.00 9.00 9.00 1/1 1\n" }, ADVICE_GOOD,
		  "load average 2.00 on 4 CPUs", "" },
		{ { CPU_DIR "/online", "0-1,4,6-7\n" }, ADVICE_GOOD, "on 5 CPUs", "" },
		{ { CPU_DIR "/online", "0\n" }, ADVICE_GOOD, "load average 0.07 on 1 CPUs", "" },
		{ { CPU_DIR "/online", "many\n" }, ADVICE_NOTE, "load: unknown", "" },
		{ { CPU_DIR "/online", "0-3 5\n" }, ADVICE_NOTE, "load: unknown", "" },
		{ { "/proc/stat", "cpu  0 0 0 998 0 0 0 2 0 0\n" }, ADVICE_DISTURBS,
		  "stole 0.2 % of the CPU time", "" },
		{ { "/proc/stat", "cpu  0 0 0 999 0 0 0 1 0 0\n" }, ADVICE_GOOD,
		  "no CPU time is", "" },
		{ { "/proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\n" }, ADVICE_NOTE,
		  "stolen time: unknown", "" },
		{ { "/proc/stat", NULL }, ADVICE_NOTE, "stolen time: unknown", "" },
		/* what comes from a file reaches a terminal */
		{ { CPU_DIR "/isolated", "\x1b[2J\xc3\xa9\n" }, ADVICE_GOOD, "CPUs: ?[2J??", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct advice advice[ADVICE_MAX];
		const struct advice *entry;
		char root[PATH_MAX];
		size_t n;

		subtree(root, *state, i);
		put_ideal(root);
		if (rows[i].file.content)
			put(root, rows[i].file.path, rows[i].file.content);
		else
			drop(root, rows[i].file.path);
		n = context_advise(root, &ideal_host, advice, ADVICE_MAX);
		assert_int_equal(n, 23);
		check_list(advice, n);
		entry = find(advice, n, rows[i].what);
		if (entry->level != rows[i].level)
			fail_msg("%s: level %d", entry->what, entry->level);
		assert_string_equal(entry->command, rows[i].command);
		for (size_t j = 0; j < n; j++)
			if (&advice[j] != entry && advice[j].level != ADVICE_GOOD)
				fail_msg("%s, with %s", advice[j].what, rows[i].file.path);
	}
}

#define INTEL_FIXED(version, gp, gp_width, fixed, fixed_width) \
	{ CPU_VENDOR_INTEL, version, gp, gp_width, fixed, fixed_width, 0 }
#define INTEL(version, gp, gp_width, fixed) INTEL_FIXED(version, gp, gp_width, fixed, 48)
#define AMD(version)	{ CPU_VENDOR_AMD, version, 6, 48, 0, 0, 0 }
#define V3		INTEL(3, 4, 48, 3)
#define V5		INTEL(5, 8, 48, 3)
#define NONE		{ CPU_VENDOR_INTEL, 0, 0, 0, 0, 0, 0 }

/* The parameters of kvm, in this order: enable_pmu, enable_mediated_pmu, enable_vmware_backdoor. */
#define HOST(backend_, cpu_, kvm_, pmu, mediated, backdoor, ...) \
	{ .backend = KVM_BACKEND_##backend_, .cpu = cpu_, .kvm = kvm_, \
	  .enable_pmu = PARAM_##pmu, .enable_mediated_pmu = PARAM_##mediated, \
	  .enable_vmware_backdoor = PARAM_##backdoor, __VA_ARGS__ }

#define PMU_DIR "/sys/bus/event_source/devices"

/* CPUID announces a PMU that perf has turned off: "Broken PMU hardware detected". */
static void test_unused_pmu(void **state)
{
	static const struct {
		struct pmu_shape cpuid;
		const char *file;
		bool used;
		unsigned int unused_version;
	} rows[] = {
		{ V5, PMU_DIR "/software/type", false, 5 },
		{ V5, PMU_DIR "/cpu/type", true, 0 },
		/* A hybrid processor has a PMU for each kind of core. */
		{ V5, PMU_DIR "/cpu_core/type", true, 0 },
		/* Nothing of perf is to be seen, as in some containers. */
		{ V5, "/sys/bus/type", true, 0 },
		{ AMD(2), PMU_DIR "/software/type", false, 2 },
		{ AMD(2), PMU_DIR "/cpu/type", true, 0 },
		/* AMD's CPUID has no way to say that there are no counters. */
		{ { CPU_VENDOR_AMD, 1, 4, 48, 0, 0, 0 }, PMU_DIR "/software/type", false, 0 },
		{ NONE, PMU_DIR "/software/type", false, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pmu_shape pmu = rows[i].cpuid;
		char root[PATH_MAX];

		subtree(root, *state, i);
		if (strcmp(rows[i].file, "/sys/bus/type"))
			put(root, PMU_DIR "/software/type", "1\n");
		put(root, rows[i].file, "4\n");
		if (probe_drop_unused(root, &pmu) != rows[i].unused_version)
			fail_msg("row %zu", i);
		if (!!pmu.version != rows[i].used || pmu.vendor != rows[i].cpuid.vendor)
			fail_msg("row %zu: version %u", i, pmu.version);
		if (!rows[i].used)
			assert_int_equal(pmu.nr_gp + pmu.gp_width + pmu.nr_fixed + pmu.fixed_width,
					 0);
	}
}

/* Hosts other than the ideal one, on its files, of which one may be removed. */
static void test_advise_hosts(void **state)
{
	static const struct {
		struct setting_host host;
		const char *removed;
		enum advice_level level;
		const char *what, *command;
	} rows[] = {
		/* Modules that can be reloaded, and those that cannot */
		{ HOST(VMX, V5, V5, YES, NO, NO), NULL, ADVICE_PREVENTS, "mediated PMU is off",
		  "modprobe -r kvm_intel && modprobe kvm_intel enable_mediated_pmu=1" },
		{ HOST(VMX, V5, V5, YES, NO, NO), "/sys/module/kvm_intel/initstate",
		  ADVICE_PREVENTS, "(boot with kvm_intel.enable_mediated_pmu=1)", "" },
		{ HOST(VMX, V5, NONE, NO, YES, NO), NULL, ADVICE_PREVENTS, "enable_pmu=N",
		  "modprobe -r kvm_intel kvm && modprobe kvm enable_pmu=1 && modprobe kvm_intel "
		  "enable_mediated_pmu=1" },
		{ HOST(VMX, V5, NONE, NO, ABSENT, NO), NULL, ADVICE_PREVENTS, "enable_pmu=N",
		  "modprobe -r kvm_intel kvm && modprobe kvm enable_pmu=1 && modprobe kvm_intel" },
		{ HOST(VMX, V5, NONE, NO, YES, NO), "/sys/module/kvm/initstate",
		  ADVICE_PREVENTS, "(boot with kvm.enable_pmu=1)", "" },
		/* The backdoor, and a backend nobody knows how to reload */
		{ HOST(VMX, V5, V5, YES, YES, YES), NULL, ADVICE_PREVENTS, "backdoor=Y",
		  "modprobe -r kvm_intel kvm && modprobe kvm enable_vmware_backdoor=0 && "
		  "modprobe kvm_intel enable_mediated_pmu=1" },
		{ HOST(UNKNOWN, V5, V5, YES, YES, YES), NULL, ADVICE_PREVENTS, "backdoor=Y", "" },
		/* Nothing that a command could change */
		{ HOST(VMX, NONE, NONE, NO, NO, NO, .nested = true), NULL, ADVICE_PREVENTS,
		  "the hypervisor below gives this host no PMU", "" },
		{ HOST(VMX, NONE, NONE, NO, NO, NO), NULL, ADVICE_PREVENTS,
		  "host has no PMU that KVM can use (kvm.enable_pmu=N)", "" },
		{ HOST(VMX, NONE, NONE, NO, NO, NO), NULL, ADVICE_PREVENTS, "does not support it", "" },
		{ HOST(VMX, NONE, NONE, NO, NO, NO), NULL, ADVICE_NOTE,
		  "KVM offers guests no PMU", "" },
		{ HOST(VMX, NONE, NONE, NO, NO, NO, .unused_version = 4), NULL, ADVICE_PREVENTS,
		  "CPUID announces a PMU of version 4, but the kernel uses none",
		  "dmesg | grep -i PMU" },
		{ HOST(VMX, NONE, NONE, NO, NO, NO, .unused_version = 4), NULL, ADVICE_PREVENTS,
		  "host has no PMU that KVM can use (kvm.enable_pmu=N)", "" },
		{ HOST(VMX, NONE, NONE, NO, NO, NO, .unused_version = 4), NULL, ADVICE_PREVENTS,
		  "does not support it", "" },
		/* Hybrid, nested, no mediated PMU in this kernel */
		{ HOST(VMX, V5, NONE, NO, NO, NO, .hybrid = true), NULL, ADVICE_PREVENTS,
		  "hybrid processor: KVM", "" },
		{ HOST(VMX, V5, V5, YES, YES, NO, .nested = true), NULL, ADVICE_DISTURBS,
		  "is itself a guest", "" },
		{ HOST(VMX, V5, V5, YES, ABSENT, NO), NULL, ADVICE_PREVENTS,
		  "has no enable_mediated_pmu", "" },
		/* A PMU too old for it, or the processor's kind */
		{ HOST(VMX, V3, V3, YES, NO, NO), NULL, ADVICE_PREVENTS, "PMU version 3", "" },
		{ HOST(VMX, V3, V3, YES, NO, NO), NULL, ADVICE_PREVENTS, "does not support it", "" },
		{ HOST(VMX, V5, NONE, NO, NO, NO, .hybrid = true), NULL, ADVICE_PREVENTS,
		  "does not support it", "" },
		{ HOST(SVM, AMD(1), AMD(1), YES, NO, NO), NULL, ADVICE_PREVENTS,
		  "PMU version 1: a mediated PMU needs PerfMonV2", "" },
		/* AMD with PerfMonV2 */
		{ HOST(SVM, AMD(2), AMD(2), YES, YES, NO), NULL, ADVICE_GOOD,
		  "PMU version 2, 6 general", "" },
		{ HOST(SVM, AMD(2), AMD(2), YES, NO, NO), NULL, ADVICE_PREVENTS,
		  "(boot with kvm_amd.enable_mediated_pmu=1)", "" },
		{ HOST(SVM, AMD(2), AMD(2), YES, YES, NO), NULL, ADVICE_NOTE,
		  "PERF_METRICS: only Intel", "" },
		/* KVM offers less than the processor has */
		{ HOST(VMX, INTEL(5, 8, 48, 4), V5, YES, YES, NO), NULL, ADVICE_PREVENTS,
		  "KVM offers 3 fixed counters, the processor has 4", "" },
		{ HOST(VMX, INTEL(4, 8, 48, 0), V5, YES, YES, NO), NULL, ADVICE_GOOD,
		  "KVM offers all of the processor's counters", "" },
		{ HOST(VMX, INTEL(4, 8, 48, 0), V5, YES, YES, NO), NULL, ADVICE_GOOD,
		  "PMU version 4, 8 general and 3 fixed counters", "" },
		{ HOST(VMX, INTEL_FIXED(4, 8, 48, 3, 40), V5, YES, YES, NO), NULL, ADVICE_GOOD,
		  "KVM offers all of the processor's counters", "" },
		{ HOST(VMX, INTEL(5, 10, 48, 3), V5, YES, YES, NO), NULL, ADVICE_PREVENTS,
		  "KVM offers 8 general counters, the processor has 10", "" },
		{ HOST(VMX, V5, INTEL(5, 8, 40, 3), YES, YES, NO), NULL, ADVICE_PREVENTS,
		  "KVM offers 40 bits in a general counter", "" },
		{ HOST(VMX, V5, NONE, YES, YES, NO), NULL, ADVICE_PREVENTS,
		  "KVM offers guests no PMU", "" },
		/* What is not there, and what a kernel does not tell */
		{ HOST(VMX, V5, V5, YES, YES, NO), NULL, ADVICE_NOTE,
		  "PERF_METRICS: needs a PMU of Ice Lake", "" },
		{ HOST(VMX, V5, V5, ABSENT, YES, NO), NULL, ADVICE_NOTE,
		  "enable_pmu: unknown", "" },
		{ HOST(VMX, V5, V5, YES, YES, ABSENT), NULL, ADVICE_NOTE,
		  "enable_vmware_backdoor: unknown", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct advice advice[ADVICE_MAX];
		const struct advice *entry;
		char root[PATH_MAX];
		size_t n;

		subtree(root, *state, i);
		put_ideal(root);
		if (rows[i].removed)
			drop(root, rows[i].removed);
		n = context_advise(root, &rows[i].host, advice, ADVICE_MAX);
		assert_int_equal(n, 23);
		check_list(advice, n);
		entry = find(advice, n, rows[i].what);
		if (entry->level != rows[i].level || strcmp(entry->command, rows[i].command))
			fail_msg("row %zu: level %d: %s [%s]", i, entry->level, entry->what,
				 entry->command);
	}
}

/* What no command changes, and what a reader has to know before all figures. */
static void test_advise_emulated(void **state)
{
	struct advice advice[ADVICE_MAX];
	size_t n;

	put_ideal(*state);
	put(*state, "/proc/cpuinfo", "model name\t: Emulated skylake (Bochs)\nflags\t: vmx\n");
	n = context_advise(*state, &ideal_host, advice, ADVICE_MAX);
	assert_int_equal(n, 24);
	check_list(advice, n);
	assert_int_equal(advice[0].level, ADVICE_NOTE);
	assert_non_null(strstr(advice[0].what, "instructions, not time"));
	assert_string_equal(advice[0].command, "");
}

/* The NMI watchdog costs a mediated PMU only who wants one. */
static void test_advise_watchdog(void **state)
{
	struct advice advice[ADVICE_MAX];
	struct setting_host host = ideal_host;
	const struct advice *entry;
	size_t n;

	put_ideal(*state);
	put(*state, "/proc/sys/kernel/nmi_watchdog", "1\n");
	host.enable_mediated_pmu = PARAM_NO;
	n = context_advise(*state, &host, advice, ADVICE_MAX);
	entry = find(advice, n, "watchdog");
	assert_int_equal(entry->level, ADVICE_DISTURBS);
	assert_string_equal(entry->command, "sysctl -w kernel.nmi_watchdog=0");
}

/* The doctor's first lines do not promise what the list below them says is prevented. */
static void test_headline(void **state)
{
	static const struct {
		const char *watchdog;
		struct setting_host host;
		const char *passthrough, *intercepted;
	} rows[] = {
		{ "0\n", HOST(VMX, V5, V5, YES, YES, NO), "nothing changed",
		  "GP counters one bit narrower" },
		/* No guest with a mediated PMU can be created at all. */
		{ "1\n", HOST(VMX, V5, V5, YES, YES, NO),
		  "NMI watchdog holds a counter of every CPU: perf grants KVM no mediated PMU "
		  "beside it; sysctl -w kernel.nmi_watchdog=0",
		  "NMI watchdog holds a counter of every CPU: perf grants KVM no mediated PMU "
		  "beside it; sysctl -w kernel.nmi_watchdog=0" },
		{ "1\n", HOST(VMX, V5, V5, YES, YES, YES),
		  "enable_vmware_backdoor=Y; modprobe -r kvm_intel kvm; modprobe kvm "
		  "enable_vmware_backdoor=0; modprobe kvm_intel enable_mediated_pmu=1",
		  "NMI watchdog holds a counter of every CPU: perf grants KVM no mediated PMU "
		  "beside it; sysctl -w kernel.nmi_watchdog=0" },
		/* Guests without a mediated PMU are not in its way. */
		{ "1\n", HOST(VMX, V5, V5, YES, ABSENT, NO),
		  "kernel has no mediated PMU; needs Linux 7.0 or later", "no mediated PMU" },
		{ "1\n", HOST(VMX, NONE, NONE, NO, YES, NO),
		  "host has no PMU; needs a processor with a PMU that the host's perf knows",
		  "guest without a PMU" },
	};

	put_ideal(*state);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct advice advice[ADVICE_MAX];
		char text[320];
		size_t n;

		put(*state, "/proc/sys/kernel/nmi_watchdog", rows[i].watchdog);
		n = context_advise(*state, &rows[i].host, advice, ADVICE_MAX);
		doctor_headline(&rows[i].host, SETTING_PASSTHROUGH, advice, n, text, sizeof(text));
		assert_string_equal(text, rows[i].passthrough);
		doctor_headline(&rows[i].host, SETTING_INTERCEPTED, advice, n, text, sizeof(text));
		assert_string_equal(text, rows[i].intercepted);
	}
}

static void test_advise_other_switches(void **state)
{
	struct advice advice[ADVICE_MAX];
	const struct advice *entry;
	size_t n;

	put_ideal(*state);
	drop(*state, CPU_DIR "/intel_pstate/no_turbo");
	put(*state, CPU_DIR "/cpufreq/boost", "1\n");
	put(*state, CLOCK_DIR "/current_clocksource", "hpet\n");
	put(*state, CLOCK_DIR "/available_clocksource", "hpet acpi_pm \n");
	n = context_advise(*state, &ideal_host, advice, ADVICE_MAX);
	entry = find(advice, n, "turbo is on");
	assert_string_equal(entry->command, "echo 0 > " CPU_DIR "/cpufreq/boost");
	entry = find(advice, n, "clocksource: hpet");
	assert_int_equal(entry->level, ADVICE_DISTURBS);
	assert_string_equal(entry->command, "");
}

/* Nothing is known, so nothing is good but what @host says, and no command is offered. */
static void test_advise_nothing(void **state)
{
	static const struct setting_host host = { .backend = KVM_BACKEND_UNKNOWN };
	struct advice advice[ADVICE_MAX];
	unsigned int good = 0;
	size_t n;

	n = context_advise(*state, &host, advice, ADVICE_MAX);
	assert_int_equal(n, 23);
	check_list(advice, n);
	for (size_t i = 0; i < n; i++) {
		good += advice[i].level == ADVICE_GOOD;
		assert_int_not_equal(advice[i].level, ADVICE_DISTURBS);
		assert_string_equal(advice[i].command, "");
	}
	/* host.hybrid and host.nested are false */
	assert_int_equal(good, 2);
	assert_int_equal(find(advice, n, "the processor shows no PMU")->level, ADVICE_PREVENTS);
}

static void test_advise_room(void **state)
{
	struct advice full[ADVICE_MAX], advice[4];

	put_ideal(*state);
	context_advise(*state, &ideal_host, full, ADVICE_MAX);
	memset(advice, 0x5a, sizeof(advice));
	assert_int_equal(context_advise(*state, &ideal_host, advice, 3), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(advice[i].what, full[i].what);
	for (size_t i = 0; i < sizeof(advice[3]); i++)
		assert_int_equal(((unsigned char *)&advice[3])[i], 0x5a);
	assert_int_equal(context_advise(*state, &ideal_host, NULL, 0), 0);
}

#define tree_test(name) cmocka_unit_test_setup_teardown(name, make_tree, remove_tree)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tree_test(test_read_line),
		tree_test(test_path_too_long),
		tree_test(test_param),
		tree_test(test_backend),
		tree_test(test_metrics),
		tree_test(test_kvm_absent),
		tree_test(test_collect_ideal),
		tree_test(test_collect_variants),
		tree_test(test_collect_boost),
		tree_test(test_collect_nothing),
		tree_test(test_collect_directories),
		tree_test(test_collect_weird),
		tree_test(test_collect_cap),
		cmocka_unit_test(test_collect_this_machine),
		tree_test(test_advise_ideal),
		tree_test(test_advise_one_file),
		tree_test(test_unused_pmu),
		tree_test(test_advise_hosts),
		tree_test(test_advise_emulated),
		tree_test(test_advise_watchdog),
		tree_test(test_headline),
		tree_test(test_advise_other_switches),
		tree_test(test_advise_nothing),
		tree_test(test_advise_room),
	};

	return cmocka_run_group_tests_name("context", tests, NULL, NULL);
}
