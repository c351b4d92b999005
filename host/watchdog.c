// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A timer that ticks as long as the program runs; a vCPU is given a number of ticks. State for the
 * whole process, because signal handlers cannot be given any other.
 */
#include "host/watchdog.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 50

static struct kvm_run *volatile watched;
static volatile unsigned int left; /* ticks */
static volatile sig_atomic_t expired;

static bool ticking;
static timer_t timer;
static pid_t owner; /* a thread, of this process and no child of it */

static void on_tick(int signal)
{
	struct kvm_run *run = watched;

	(void)signal;
	if (!run)
		return;
	if (left)
		left--;
	if (left)
		return;
	expired = 1;
	/* A tick that comes just before KVM_RUN would be lost otherwise. */
	*(volatile __u8 *)&run->immediate_exit = 1;
}

/* The signal has to come to the thread that is in KVM_RUN; SIGALRM is libFuzzer's. */
static bool tick(void)
{
	const struct itimerspec every = { .it_value = { .tv_nsec = TICK_MS * 1000000 },
					  .it_interval = { .tv_nsec = TICK_MS * 1000000 } };
	/* KVM_RUN returns all the same. */
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };

	if (ticking && owner != gettid())
		timer_delete(timer); /* a child has none: that is no error */
	ticking = false;
	event._sigev_un._tid = gettid();
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGRTMIN, &action, NULL) || timer_create(CLOCK_MONOTONIC, &event, &timer))
		return false;
	if (timer_settime(timer, 0, &every, NULL)) {
		timer_delete(timer);
		return false;
	}
	owner = gettid();
	ticking = true;
	return true;
}

bool watchdog_arm(struct kvm_run *run, unsigned int timeout_ms)
{
	if ((!ticking || owner != gettid()) && !tick())
		return false;
	left = timeout_ms / TICK_MS + 2; /* the first may come at once */
	expired = 0;
	run->immediate_exit = 0;
	watched = run;
	return true;
}

bool watchdog_expired(void)
{
	return expired;
}

void watchdog_disarm(void)
{
	if (watched)
		watched->immediate_exit = 0;
	watched = NULL;
}
