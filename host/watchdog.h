/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends a KVM_RUN that does not return, for those who run a vCPU some ten thousand times a second:
 * arming costs a few stores, where host/interrupt.h sets a timer each time. One thread at a time.
 */
#ifndef HOST_WATCHDOG_H
#define HOST_WATCHDOG_H

#include <linux/kvm.h>
#include <stdbool.h>

/*
 * From now on for the calling thread: a KVM_RUN under way @timeout_ms after watchdog_arm() ends with
 * EINTR. It may do so before, too: ask watchdog_expired(). False with errno: no timer to be had.
 */
bool watchdog_arm(struct kvm_run *run, unsigned int timeout_ms);
bool watchdog_expired(void);
void watchdog_disarm(void);

#endif
