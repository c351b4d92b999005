// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz/targets/target_outlet.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define PORT     0xe9 /* Bochs' port_e9_hack, open to all rings */
#define MAX_SIZE 0xffff

static bool wanted;
static int kept = -1; /* inotify: files that appear in the fuzzer's own corpus */

static void send(const void *data, size_t size)
{
	__asm__ volatile("rep outsb" : "+S"(data), "+c"(size) : "d"(PORT) : "memory");
}

static void packet(char kind, const void *data, size_t size)
{
	const unsigned char head[] = { (unsigned char)kind, size & 0xff,
				       (unsigned char)(size >> 8) };

	send(head, sizeof(head));
	send(data, size);
}

void target_outlet_open(int argc, char **argv)
{
	int at = 1;

	if (!getenv("RDPMC_OUTLET"))
		return;
	wanted = true;
	while (at < argc && argv[at][0] == '-')
		at++;
	if (at < argc) {
		kept = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (inotify_add_watch(kept, argv[at], IN_CLOSE_WRITE) < 0) {
			perror(argv[at]);
			exit(2);
		}
	}
	send(OUTLET_MAGIC, sizeof(OUTLET_MAGIC) - 1);
}

void target_outlet_case(const uint8_t *data, size_t size)
{
	char events[4096];

	if (!wanted)
		return;
	/* libFuzzer writes what it keeps before it goes on to the next case. */
	if (kept >= 0 && read(kept, events, sizeof(events)) > 0)
		packet('K', NULL, 0);
	packet('C', data, size < MAX_SIZE ? size : MAX_SIZE);
}

void target_outlet_done(void)
{
	if (wanted)
		packet('D', NULL, 0);
}
