// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In place of the fuzzer in the emulated machine: "executes" the cases of its last argument, a directory, by
 * what stands in them, and goes on with made ones, of which the third is kept, until it is ended.
 *   die		the kernel panics
 *   hang		nothing happens any more
 *   reset	the kernel resets the machine
 *   find		a finding
 * With a file at-once beside it the kernel panics before the first case.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/targets/target_outlet.h"

static void write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		perror(path);
		exit(2);
	}
	close(fd);
}

static void execute(const char *data, size_t size, const char *artifact)
{
	target_outlet_case((const uint8_t *)data, size);
	if (size >= 3 && !memcmp(data, "die", 3))
		write_file("/proc/sysrq-trigger", "c", 1);
	if (size >= 5 && !memcmp(data, "reset", 5))
		write_file("/proc/sysrq-trigger", "b", 1);
	while (size >= 4 && !memcmp(data, "hang", 4))
		;
	if (size >= 4 && !memcmp(data, "find", 4)) {
		write_file(artifact, data, size);
		exit(1);
	}
	target_outlet_done();
}

int main(int argc, char **argv)
{
	const char *artifact = NULL;
	struct dirent **entries;
	char path[512], data[64];
	int n, fd;

	if (access("at-once", F_OK) == 0)
		write_file("/proc/sysrq-trigger", "c", 1);
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "-exact_artifact_path=", 21))
			artifact = argv[i] + 21;
	target_outlet_open(argc, argv);
	n = scandir(argv[argc - 1], &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[argc - 1], entries[i]->d_name);
		fd = open(path, O_RDONLY);
		execute(data, (size_t)read(fd, data, sizeof(data)), artifact);
		close(fd);
	}
	for (int i = 1;; i++) {
		execute(data, (size_t)snprintf(data, sizeof(data), "made %d", i), artifact);
		if (i == 3) {
			snprintf(path, sizeof(path), "%s/third", argv[argc - 2]);
			write_file(path, data, strlen(data));
		}
		usleep(10000);
	}
}
