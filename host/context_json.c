// SPDX-License-Identifier: GPL-2.0-or-later
/* The context of a result: what /proc and /sys say, as JSON. Texts are repaired to UTF-8. */
#include "host/context_json.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/context.h"
#include "host/cpuid.h"

#define CPU_DIR "/sys/devices/system/cpu"

static json_t *text(const char *string)
{
	json_t *json = json_string(string);
	char *copy;

	if (json)
		return json;
	/* Not UTF-8, so nobody knows what its other bytes mean. */
	copy = strdup(string);
	if (!copy)
		return NULL;
	for (char *c = copy; *c; c++)
		if (*c & 0x80)
			*c = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

static json_t *line(const char *root, const char *path)
{
	char value[CONTEXT_VALUE_SIZE];

	return context_read_line(root, path, value, sizeof(value)) ? text(value) : json_null();
}

static json_t *integer_in(const char *value)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (end == value || *end || errno)
		return json_null();
	return json_integer(number);
}

static json_t *integer(const char *root, const char *path)
{
	char value[32];

	return context_read_line(root, path, value, sizeof(value)) ? integer_in(value)
								   : json_null();
}

static json_t *boolean(const char *root, const char *path)
{
	char value[8];

	if (!context_read_line(root, path, value, sizeof(value)))
		return json_null();
	if (!strcmp(value, "0") || !strcmp(value, "1"))
		return json_boolean(value[0] == '1');
	return json_null();
}

/* Paths below @root that match @pattern, in order of name; release with globfree(). */
static void find(const char *root, const char *pattern, glob_t *found)
{
	char full[PATH_MAX];

	*found = (glob_t){ 0 };
	if ((size_t)snprintf(full, sizeof(full), "%s%s", root, pattern) < sizeof(full) &&
	    glob(full, 0, NULL, found)) {
		globfree(found);
		*found = (glob_t){ 0 };
	}
}

/* { file: first line } of a directory; null where there is none. */
static json_t *directory(const char *root, const char *path)
{
	char pattern[PATH_MAX];
	json_t *object;
	glob_t files;

	snprintf(pattern, sizeof(pattern), "%s/*", path);
	find(root, pattern, &files);
	object = files.gl_pathc ? json_object() : json_null();
	for (size_t i = 0; i < files.gl_pathc; i++)
		json_object_set_new(object, strrchr(files.gl_pathv[i], '/') + 1,
				    line("", files.gl_pathv[i]));
	globfree(&files);
	return object;
}

static json_t *kvm_modules(const char *root)
{
	char path[PATH_MAX];
	json_t *object;
	glob_t modules;

	find(root, "/sys/module/kvm*", &modules);
	object = modules.gl_pathc ? json_object() : json_null();
	for (size_t i = 0; i < modules.gl_pathc; i++) {
		snprintf(path, sizeof(path), "%s/parameters", modules.gl_pathv[i]);
		json_object_set_new(object, strrchr(modules.gl_pathv[i], '/') + 1,
				    directory("", path));
	}
	globfree(&modules);
	return object;
}

/* The distinct values of a file over all frequency policies: one word where all agree. */
static json_t *distinct(const char *root, const char *pattern)
{
	char value[64], values[256] = "";
	glob_t files;

	find(root, pattern, &files);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		size_t used = strlen(values);

		if (context_read_line("", files.gl_pathv[i], value, sizeof(value)) && *value &&
		    !context_has_word(values, value, ","))
			snprintf(values + used, sizeof(values) - used, "%s%s", used ? "," : "",
				 value);
	}
	globfree(&files);
	return *values ? text(values) : json_null();
}

static json_t *turbo(const char *root)
{
	json_t *off = boolean(root, CPU_DIR "/intel_pstate/no_turbo");
	json_t *on = json_is_null(off) ? boolean(root, CPU_DIR "/cpufreq/boost")
				       : json_boolean(json_is_false(off));

	json_decref(off);
	return on;
}

/* "always [madvise] never": the word in brackets. */
static json_t *bracketed(const char *root, const char *path)
{
	char value[128], *start, *end;

	if (!context_read_line(root, path, value, sizeof(value)))
		return json_null();
	start = strchr(value, '[');
	end = start ? strchr(start, ']') : NULL;
	if (!end)
		return json_null();
	*end = '\0';
	return text(start + 1);
}

/* Older kernels have it only under the name that says "read only". */
static json_t *idle_governor(const char *root)
{
	json_t *governor = line(root, CPU_DIR "/cpuidle/current_governor");

	if (!json_is_null(governor))
		return governor;
	json_decref(governor);
	return line(root, CPU_DIR "/cpuidle/current_governor_ro");
}

/* A kernel booted without nohz_full= prints "(null)" for the empty list. */
static json_t *cpu_list(const char *root, const char *path)
{
	char value[CONTEXT_VALUE_SIZE];

	if (!context_read_line(root, path, value, sizeof(value)))
		return json_null();
	return text(strstr(value, "(null)") ? "" : value);
}

static json_t *load_average(const char *root)
{
	unsigned int whole[3], part[3];
	char value[64];

	/* Not %lf: that would depend on the locale. */
	if (!context_read_line(root, "/proc/loadavg", value, sizeof(value)) ||
	    sscanf(value, "%u.%2u %u.%2u %u.%2u", &whole[0], &part[0], &whole[1], &part[1],
		   &whole[2], &part[2]) != 6)
		return json_null();
	return json_pack("[f, f, f]", whole[0] + part[0] / 100.0, whole[1] + part[1] / 100.0,
			 whole[2] + part[2] / 100.0);
}

static json_t *memory_kib(const char *root)
{
	unsigned long long kib;
	char value[128];

	if (!context_read_line(root, "/proc/meminfo", value, sizeof(value)) ||
	    sscanf(value, "MemTotal: %llu kB", &kib) != 1)
		return json_null();
	return json_integer(kib);
}

/* The hypervisor's CPUID signature is the running machine's: not asked of a made tree. */
static json_t *hypervisor_vendor(const char *root)
{
	struct cpuid_regs leaf;
	char signature[13] = { 0 };

	if (*root)
		return json_null();
	leaf = cpuid_read(0x40000000, 0);
	memcpy(signature, &leaf.ebx, 12);
	return signature[0] ? text(signature) : json_null();
}

/* scripts/machine gives each processor that it emulates a brand string that begins so. */
static json_t *emulated(const char *cpuinfo)
{
	static const char prefix[] = "Emulated ";
	char name[CONTEXT_VALUE_SIZE];

	if (!context_cpuinfo_field(cpuinfo, "model name", name, sizeof(name)))
		return json_null();
	return json_boolean(!strncmp(name, prefix, sizeof(prefix) - 1));
}

static json_t *processor(const char *root)
{
	static const struct {
		const char *field, *key;
		bool number;
	} fields[] = {
		{ "vendor_id", "vendor", false }, { "model name", "model_name", false },
		{ "cpu family", "family", true }, { "model", "model", true },
		{ "stepping", "stepping", true }, { "microcode", "microcode", false },
	};
	char cpuinfo[CONTEXT_CPUINFO_SIZE], value[CONTEXT_VALUE_SIZE];
	json_t *cpu = json_object(), *hypervisor = json_null();

	context_cpuinfo(root, cpuinfo, sizeof(cpuinfo));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		bool found = context_cpuinfo_field(cpuinfo, fields[i].field, value, sizeof(value));

		if (!found)
			json_object_set_new(cpu, fields[i].key, json_null());
		else
			json_object_set_new(cpu, fields[i].key,
					    fields[i].number ? integer_in(value) : text(value));
	}
	if (context_cpuinfo_field(cpuinfo, "flags", value, sizeof(value)))
		hypervisor = json_boolean(context_has_word(value, "hypervisor", " "));
	json_object_set_new(cpu, "hypervisor_vendor",
			    json_is_true(hypervisor) ? hypervisor_vendor(root) : json_null());
	json_object_set_new(cpu, "hypervisor", hypervisor);
	json_object_set_new(cpu, "emulated", emulated(cpuinfo));
	return cpu;
}

json_t *context_collect(const char *root)
{
	json_t *context = json_object();
	const struct {
		const char *key;
		json_t *value;
	} members[] = {
		{ "hostname", line(root, "/proc/sys/kernel/hostname") },
		{ "kernel",
		  json_pack("{s:o, s:o, s:o}", "release", line(root, "/proc/sys/kernel/osrelease"),
			    "version", line(root, "/proc/sys/kernel/version"), "cmdline",
			    line(root, "/proc/cmdline")) },
		{ "cpu", processor(root) },
		/* Only some out-of-tree modules and distributions show it. */
		{ "tsc_khz", integer(root, CPU_DIR "/cpu0/tsc_freq_khz") },
		{ "kvm_modules", kvm_modules(root) },
		{ "mitigations", directory(root, CPU_DIR "/vulnerabilities") },
		{ "governor", distinct(root, CPU_DIR "/cpufreq/policy*/scaling_governor") },
		{ "energy_performance_preference",
		  distinct(root, CPU_DIR "/cpufreq/policy*/energy_performance_preference") },
		{ "turbo", turbo(root) },
		{ "smt", json_pack("{s:o, s:o}", "control", line(root, CPU_DIR "/smt/control"),
				   "active", boolean(root, CPU_DIR "/smt/active")) },
		{ "cpuidle",
		  json_pack("{s:o, s:o}", "driver", line(root, CPU_DIR "/cpuidle/current_driver"),
			    "governor", idle_governor(root)) },
		{ "online_cpus", cpu_list(root, CPU_DIR "/online") },
		{ "isolated_cpus", cpu_list(root, CPU_DIR "/isolated") },
		{ "nohz_full", cpu_list(root, CPU_DIR "/nohz_full") },
		{ "numa_nodes", cpu_list(root, "/sys/devices/system/node/online") },
		{ "clocksource", line(root, "/sys/devices/system/clocksource/clocksource0/"
					    "current_clocksource") },
		{ "transparent_hugepage",
		  bracketed(root, "/sys/kernel/mm/transparent_hugepage/enabled") },
		{ "nmi_watchdog", boolean(root, "/proc/sys/kernel/nmi_watchdog") },
		{ "perf_event_paranoid", integer(root, "/proc/sys/kernel/perf_event_paranoid") },
		{ "load_average", load_average(root) },
		{ "memory_kib", memory_kib(root) },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_object_set_new(context, members[i].key, members[i].value);
	return context;
}
