// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first process of the emulated machine: loads modules, waits until the kernel has come to rest, runs one
 * command and tells the host over the second serial port what happened. It never ends: the host ends the
 * machine after the last word.
 *
 * /job says what to do: strings that end in a zero byte, alternately a key and its value.
 *   module PATH, options OPTIONS		load it, with the options that came last
 *   get PATH					bring this file back afterwards
 *   env NAME=VALUE, arg WORD			of the command
 *   name NAME					of the host
 *   shell 1					the command talks on the console
 *   symbols modules|all				where modules are, or the kernel's functions as well, afterwards
 *
 * What it sends are packets: a letter, a length of two bytes (low byte first), the data.
 *   B the kernel's release: booted		L modules are loaded, the kernel is at rest
 *   O, E what the command wrote		W a line of trouble, the run goes on
 *   F a file's name, D its data, N a name and a reason: no such file
 *   X the end: the wait status (4 bytes), milliseconds since boot (8 bytes)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "machine/path.h"

#define HOME_DIRECTORY "/rdpmc" /* the command's */

#define WORDS	    512
#define PIPE_ROUNDS 64 /* of 4 KiB: more than a pipe holds */
#define REST_MS	   200 /* looked at, ... */
#define REST_TRIES 300 /* ... this often at most */

static int line = -1; /* to the host */

static void send_all(const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(line, at, size);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
}

static void packet(char kind, const void *data, size_t size)
{
	const char *at = data;

	do {
		size_t part = size < 4096 ? size : 4096;
		unsigned char head[3] = {(unsigned char)kind, part & 0xff, (unsigned char)(part >> 8)};

		send_all(head, sizeof(head));
		send_all(at, part);
		at += part;
		size -= part;
	} while (size);
}

__attribute__((format(printf, 2, 3))) static void log_line(char kind, const char *format, ...)
{
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	packet(kind, text, strlen(text));
}

static void open_line(void)
{
	struct termios t;

	line = open("/dev/ttyS1", O_RDWR | O_NOCTTY);
	if (line < 0 || tcgetattr(line, &t))
		return;
	cfmakeraw(&t);
	cfsetspeed(&t, B115200);
	tcsetattr(line, TCSANOW, &t);
}

static void mount_all(void)
{
	static const char *const table[][2] = {{"proc", "/proc"},
					       {"sysfs", "/sys"},
					       {"devtmpfs", "/dev"},
					       {"tmpfs", "/tmp"},
					       {"tracefs", "/sys/kernel/tracing"},
					       {"debugfs", "/sys/kernel/debug"}};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		mount(table[i][0], table[i][1], table[i][0], 0, NULL); /* a kernel may lack one */
	mkdir("/dev/shm", 01777);
	mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL);
}

static char *read_job(size_t *size)
{
	int fd = open("/job", O_RDONLY);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	text = calloc(1, (size_t)st.st_size + 1);
	*size = 0;
	for (ssize_t n; text && (n = read(fd, text + *size, (size_t)st.st_size - *size)) > 0;)
		*size += (size_t)n;
	close(fd);
	return text;
}

static void load_module(const char *path, const char *options)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, options, 0))
		log_line('W', "%s cannot be loaded: %s", strrchr(path, '/') + 1, strerror(errno));
	close(fd);
}

static bool cpu_times(uint64_t *all, uint64_t *idle)
{
	uint64_t v[8] = {0};
	FILE *f = fopen("/proc/stat", "r");
	int n = f ? fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6],
			   &v[7])
		  : 0;

	if (f)
		fclose(f);
	*all = *idle = 0;
	for (int i = 0; i < 8; i++)
		*all += v[i];
	*idle = v[3] + v[4];
	return n >= 5;
}

/* The first seconds are full of the kernel's own work, which a benchmark would take for other tasks'. */
static void come_to_rest(void)
{
	uint64_t all, idle, all_now, idle_now;

	for (int i = 0; i < REST_TRIES; i++) {
		if (!cpu_times(&all, &idle))
			return;
		nanosleep(&(struct timespec){.tv_nsec = REST_MS * 1000000L}, NULL);
		if (!cpu_times(&all_now, &idle_now) || all_now - all <= idle_now - idle + 1)
			return;
	}
	log_line('W', "the kernel has not come to rest within %d s", REST_MS * REST_TRIES / 1000);
}

static void become_console(void)
{
	int fd = open("/dev/ttyS0", O_RDWR);

	setsid();
	ioctl(fd, TIOCSCTTY, 1);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
}

static pid_t start(char **arguments, bool shell, int out, int err)
{
	pid_t child = fork();

	if (child)
		return child;
	if (shell) {
		become_console();
	} else {
		int null = open("/dev/null", O_RDONLY);

		setsid();
		dup2(null, 0);
		dup2(out, 1);
		dup2(err, 2);
	}
	if (chdir(HOME_DIRECTORY))
		_exit(126);
	execvp(arguments[0], arguments);
	dprintf(2, "%s: %s\n", arguments[0], strerror(errno));
	_exit(127);
}

/* Until nothing is there to read now; false at the end of the file. */
static bool relay(int fd, char kind)
{
	char part[4096];
	ssize_t n = read(fd, part, sizeof(part));

	if (n > 0)
		packet(kind, part, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* What the command leaves behind in the background is not waited for. Nothing wakes this while the command is silent. */
static int run(char **arguments, bool shell)
{
	int out[2] = {-1, -1}, err[2] = {-1, -1}, status = 127 << 8;
	struct pollfd fds[3];
	pid_t child;

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return status;
	child = start(arguments, shell, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	fds[0] = (struct pollfd){.fd = out[0], .events = POLLIN};
	fds[1] = (struct pollfd){.fd = err[0], .events = POLLIN};
	fds[2] = (struct pollfd){.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
	for (bool ended = child < 0; !ended;) {
		poll(fds, 3, -1);
		ended = waitpid(child, &status, WNOHANG) == child;
		/* After its end what is in the pipes, which others may go on filling. */
		for (int round = 0; round < (ended ? PIPE_ROUNDS : 1); round++) {
			for (int i = 0; i < 2; i++)
				if (fds[i].revents && !relay(fds[i].fd, i ? 'E' : 'O'))
					fds[i].fd = -1;
			if (ended && poll(fds, 2, 0) <= 0)
				break;
		}
	}
	return status;
}

static void bring_back(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		log_line('N', "%s: %s", path, fd < 0 ? strerror(errno) : "no regular file");
	} else {
		packet('F', path, strlen(path));
		while (relay(fd, 'D'))
			;
	}
	close(fd);
}

/* Into the file of recorded exits, machine/path.h: a serial line takes minutes for what these are. */
static void record(const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i += 8) {
		uint32_t words[2] = {0, 0}, eax = PATH_LEAF, ebx, ecx = PATH_TEXT, edx;

		memcpy(words, text + i, length - i < 8 ? length - i : 8);
		ebx = words[0];
		edx = words[1];
		__asm__ volatile("cpuid" : "+a"(eax), "+b"(ebx), "+c"(ecx), "+d"(edx));
	}
}

/* Where the sections of modules are: their symbols are the host's business. */
static void record_modules(void)
{
	struct dirent *module, *section;
	DIR *modules = opendir("/sys/module"), *sections;
	char path[600], address[32], text[700];

	while (modules && (module = readdir(modules))) {
		snprintf(path, sizeof(path), "/sys/module/%s/sections", module->d_name);
		sections = opendir(path);
		while (sections && (section = readdir(sections))) {
			FILE *f;

			snprintf(path, sizeof(path), "/sys/module/%s/sections/%s", module->d_name, section->d_name);
			f = fopen(path, "r");
			if (f && fgets(address, sizeof(address), f) && address[0] == '0') {
				snprintf(text, sizeof(text), "module %s %s %s", module->d_name, section->d_name, address);
				record(text);
			}
			if (f)
				fclose(f);
		}
		if (sections)
			closedir(sections);
	}
	if (modules)
		closedir(modules);
}

/* The kernel's own functions come first in the list, then modules' symbols. */
static void record_functions(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[1024];

	while (f && fgets(line, sizeof(line), f)) {
		char *type = strchr(line, ' ');

		if (!type || strchr(line, '['))
			break;
		if (strchr("tTwW", type[1]))
			record(line);
	}
	if (f)
		fclose(f);
}

int main(void)
{
	char *arguments[WORDS + 1] = {0}, *gets[WORDS], *job;
	size_t size = 0, nr_arguments = 0, nr_gets = 0;
	const char *options = "", *symbols = NULL;
	struct utsname uts;
	struct timespec now;
	bool shell = false;
	struct {
		int32_t status;
		uint64_t ms;
	} __attribute__((packed)) end;

	mount_all();
	open_line();
	uname(&uts);
	packet('B', uts.release, strlen(uts.release));
	setenv("PATH", "/bin", 1);
	setenv("HOME", HOME_DIRECTORY, 1);
	if (chdir(HOME_DIRECTORY))
		log_line('W', HOME_DIRECTORY ": %s", strerror(errno));
	job = read_job(&size);
	for (char *key = job; key && key < job + size;) {
		char *value = key + strlen(key) + 1;

		if (!strcmp(key, "options"))
			options = value;
		else if (!strcmp(key, "module"))
			load_module(value, options);
		else if (!strcmp(key, "env"))
			putenv(value);
		else if (!strcmp(key, "name"))
			sethostname(value, strlen(value));
		else if (!strcmp(key, "shell"))
			shell = true;
		else if (!strcmp(key, "symbols"))
			symbols = value;
		else if (!strcmp(key, "get") && nr_gets < WORDS)
			gets[nr_gets++] = value;
		else if (!strcmp(key, "arg") && nr_arguments < WORDS)
			arguments[nr_arguments++] = value;
		key = value + strlen(value) + 1;
	}
	come_to_rest();
	log_line('L', "%s", uts.release);
	end.status = nr_arguments ? run(arguments, shell) : 0;
	for (size_t i = 0; i < nr_gets; i++)
		bring_back(gets[i]);
	if (symbols) {
		record("symbols\n");
		record_modules();
		if (!strcmp(symbols, "all"))
			record_functions();
		record("end\n");
	}
	clock_gettime(CLOCK_BOOTTIME, &now);
	end.ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	packet('X', &end, sizeof(end));
	tcdrain(line);
	for (;;)
		pause();
}
