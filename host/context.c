// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading /proc and /sys. File contents are data: they are cut, and never trusted to be there, to
 * end in a newline or to be a file at all.
 */
#include "host/context.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool below(char *full, size_t size, const char *root, const char *path)
{
	int length = snprintf(full, size, "%s%s", root, path);

	return length >= 0 && (size_t)length < size;
}

/* At most @size - 1 bytes and a NUL; false where nothing can be read. */
static bool read_start(const char *root, const char *path, char *text, size_t size)
{
	char full[PATH_MAX];
	size_t length = 0;
	ssize_t n = -1;
	int fd;

	text[0] = '\0';
	if (!below(full, sizeof(full), root, path))
		return false;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (length < size - 1) {
		n = read(fd, text + length, size - 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		length += n;
	}
	close(fd);
	text[length] = '\0';
	return n >= 0;
}

bool context_read_line(const char *root, const char *path, char *line, size_t size)
{
	if (!size || !read_start(root, path, line, size))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

bool context_has_word(const char *list, const char *word, const char *separators)
{
	size_t length = strlen(word);

	while (*list) {
		size_t n = strcspn(list, separators);

		if (n == length && !memcmp(list, word, n))
			return true;
		list += n;
		list += strspn(list, separators);
	}
	return false;
}

enum param context_param(const char *root, const char *module, const char *name)
{
	char path[256], value[8];

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module, name);
	if (!context_read_line(root, path, value, sizeof(value)))
		return PARAM_ABSENT;
	if (!strcmp(value, "Y"))
		return PARAM_YES;
	if (!strcmp(value, "N"))
		return PARAM_NO;
	/* Some are numbers of which any but 0 is yes: force_emulation_prefix is 1, 2 or 3. */
	if (!*value || strspn(value, "0123456789") != strlen(value))
		return PARAM_ABSENT;
	return strspn(value, "0") == strlen(value) ? PARAM_NO : PARAM_YES;
}

bool context_host_lacks_pmu(const char *root)
{
	/* On a hybrid processor each kind of core has a PMU of its own name. */
	static const char *const pmus[] = {
		"/sys/bus/event_source/devices/cpu/type",
		"/sys/bus/event_source/devices/cpu_core/type",
		"/sys/bus/event_source/devices/cpu_atom/type",
	};
	char type[16];

	for (size_t i = 0; i < sizeof(pmus) / sizeof(pmus[0]); i++)
		if (context_read_line(root, pmus[i], type, sizeof(type)))
			return false;
	return context_read_line(root, "/sys/bus/event_source/devices/software/type", type,
				 sizeof(type));
}

bool context_host_has_metrics(const char *root)
{
	/* On a hybrid processor the performance cores have a PMU of their own name. */
	static const char *const paths[] = {
		"/sys/bus/event_source/devices/cpu/events/topdown-retiring",
		"/sys/bus/event_source/devices/cpu_core/events/topdown-retiring",
	};
	char event[128];

	/*
	 * Atom cores have an event of that name too, on an ordinary counter. Event 0 with umask
	 * 80H is Linux's pseudo encoding of a field of PERF_METRICS.
	 */
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (context_read_line(root, paths[i], event, sizeof(event)) &&
		    context_has_word(event, "event=0x00", ",") &&
		    context_has_word(event, "umask=0x80", ","))
			return true;
	return false;
}

bool context_in_container(const char *root)
{
	static const char *const marks[] = { "/.dockerenv", "/run/.containerenv" };
	char full[PATH_MAX], environment[CONTEXT_VALUE_SIZE + 1] = "", *variable = environment;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (below(full, sizeof(full), root, marks[i]) && !access(full, F_OK))
			return true;
	/* Root's to read. Each variable ends in a NUL; what was not read is NULs too. */
	read_start(root, "/proc/1/environ", environment, CONTEXT_VALUE_SIZE);
	for (; *variable; variable += strlen(variable) + 1)
		if (!strncmp(variable, "container=", strlen("container=")))
			return true;
	return false;
}

bool context_cpuinfo(const char *root, char *cpuinfo, size_t size)
{
	char *end;

	/* On a large machine the whole file takes long. */
	if (!read_start(root, "/proc/cpuinfo", cpuinfo, size))
		return false;
	end = strstr(cpuinfo, "\n\n");
	if (end)
		*end = '\0';
	return true;
}

bool context_cpuinfo_field(const char *cpuinfo, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);
	const char *line = cpuinfo;

	while (*line) {
		size_t end = strcspn(line, "\n");

		if (!strncmp(line, name, length)) {
			const char *colon = line + length + strspn(line + length, " \t");

			if (*colon == ':') {
				colon += 1 + strspn(colon + 1, " \t");
				snprintf(value, size, "%.*s", (int)(line + end - colon), colon);
				return true;
			}
		}
		line += end;
		line += *line == '\n';
	}
	value[0] = '\0';
	return false;
}

enum kvm_backend context_backend(const char *root)
{
	/* A processor has one of the flags at most; kvm_pvm needs neither and gives way to both. */
	static const struct {
		const char *module, *flag;
		enum kvm_backend backend;
	} known[] = {
		{ "kvm_intel", "vmx", KVM_BACKEND_VMX },
		{ "kvm_amd", "svm", KVM_BACKEND_SVM },
		{ "kvm_pvm", NULL, KVM_BACKEND_PVM },
	};
	enum kvm_backend live = KVM_BACKEND_UNKNOWN, able = KVM_BACKEND_UNKNOWN;
	enum kvm_backend present = KVM_BACKEND_UNKNOWN;
	char cpuinfo[CONTEXT_CPUINFO_SIZE], flags[CONTEXT_VALUE_SIZE], path[PATH_MAX], state[8];
	unsigned int nr_live = 0, nr_present = 0;
	bool flags_known;

	flags_known = context_cpuinfo(root, cpuinfo, sizeof(cpuinfo)) &&
		      context_cpuinfo_field(cpuinfo, "flags", flags, sizeof(flags));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		snprintf(path, sizeof(path), "%s/sys/module/%s", root, known[i].module);
		if (access(path, F_OK) < 0)
			continue;
		present = known[i].backend;
		nr_present++;

		snprintf(path, sizeof(path), "/sys/module/%s/initstate", known[i].module);
		if (context_read_line(root, path, state, sizeof(state)) && !strcmp(state, "live")) {
			live = known[i].backend;
			nr_live++;
		}
		if (able == KVM_BACKEND_UNKNOWN && flags_known &&
		    (!known[i].flag || context_has_word(flags, known[i].flag, " ")))
			able = known[i].backend;
	}
	/*
	 * A loaded module has found its hardware, or its load would have failed. A built-in one
	 * (without initstate) has a directory whether it did or not: the processor decides.
	 */
	if (nr_live == 1)
		return live;
	if (flags_known)
		return able;
	return nr_present == 1 ? present : KVM_BACKEND_UNKNOWN;
}
