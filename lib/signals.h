/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The signals by which a program is asked to end: SIGINT, SIGTERM and SIGHUP. */
#ifndef LIB_SIGNALS_H
#define LIB_SIGNALS_H

#include <stdbool.h>

/*
 * Let @handler have them, with sigaction()'s @flags. Those that are ignored stay so; with @also_ignored SIGHUP alone
 * does (nohup): a script's background job, whose SIGINT its shell ignores, is ended by it then. Returns 0 or -errno.
 */
int signals_catch(void (*handler)(int signal), int flags, bool also_ignored);

/* Let them end the process, as before: of a child whose parent catches them. Those that are ignored stay so. */
void signals_default(void);

#endif
