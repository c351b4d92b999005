// SPDX-License-Identifier: GPL-2.0-or-later
/* Who asks a program to end. */
#include "lib/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static bool is_ignored(int signal)
{
	struct sigaction now;

	return !sigaction(signal, NULL, &now) && now.sa_handler == SIG_IGN;
}

int signals_catch(void (*handler)(int signal), int flags, bool also_ignored)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < NR_SIGNALS; i++) {
		if (is_ignored(signals[i]) && (!also_ignored || signals[i] == SIGHUP))
			continue;
		if (sigaction(signals[i], &action, NULL))
			return -errno;
	}
	return 0;
}

void signals_default(void)
{
	for (size_t i = 0; i < NR_SIGNALS; i++)
		if (!is_ignored(signals[i]))
			signal(signals[i], SIG_DFL);
}
