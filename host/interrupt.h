/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may end a KVM_RUN from outside: the watchdog's timer, and a person's Ctrl-C. The one place
 * with state for the whole process or thread, because signal handlers cannot be given any other.
 */
#ifndef HOST_INTERRUPT_H
#define HOST_INTERRUPT_H

#include <linux/kvm.h>

#include "lib/failure.h"

/* Handle SIGALRM (watchdog), SIGINT, SIGTERM and SIGHUP. Returns 0 or -errno. */
int interrupt_init(struct failure *failure);

/* From now on a signal makes @run leave KVM_RUN; after @timeout_ms the watchdog expires. */
/*
 * Of a thread beside the one of interrupt_init(): from now on its interrupt_arm() has a watchdog of its own. A person's
 * signals go to the first thread; interrupt_signal() says so here too, and the watchdog ends what does not look.
 * Returns 0 or -errno.
 */
int interrupt_join(struct failure *failure);
void interrupt_leave(void);

/* The calling thread's, as are those below. */
void interrupt_arm(struct kvm_run *run, unsigned int timeout_ms);
void interrupt_disarm(void);

int interrupt_expired(void); /* the watchdog ran out since interrupt_arm() */
int interrupt_signal(void);  /* the signal that asked the program to end, or 0 */

#endif
