// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A signal that comes just before KVM_RUN would be lost, were it not for immediate_exit: the
 * handler sets it, and KVM_RUN then returns at once with EINTR.
 */
#include "host/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>

static struct kvm_run *volatile running;
static volatile sig_atomic_t expired, ending;

static void on_signal(int signal)
{
	struct kvm_run *run = running;

	if (signal == SIGALRM)
		expired = 1;
	else
		ending = signal;
	if (run)
		*(volatile __u8 *)&run->immediate_exit = 1;
}

int interrupt_init(struct failure *failure)
{
	static const int signals[] = { SIGALRM, SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART: KVM_RUN must end */

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction old;

		/*
		 * What is ignored (nohup, a background job) stays ignored, but for our own timer.
		 */
		if (sigaction(signals[i], NULL, &old))
			return fail_errno(failure, "sigaction");
		if (signals[i] != SIGALRM && old.sa_handler == SIG_IGN)
			continue;
		if (sigaction(signals[i], &action, NULL))
			return fail_errno(failure, "sigaction");
	}
	return 0;
}

void interrupt_arm(struct kvm_run *run, unsigned int timeout_ms)
{
	struct itimerval timer = {
		.it_value = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 },
		/* Again and again: one lost between two KVM_RUNs must not be the last. */
		.it_interval = { .tv_usec = 50000 },
	};

	expired = 0;
	run->immediate_exit = ending != 0;
	running = run;
	setitimer(ITIMER_REAL, &timer, NULL);
}

void interrupt_disarm(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	if (running)
		running->immediate_exit = 0;
	running = NULL;
}

int interrupt_expired(void)
{
	return expired;
}

int interrupt_signal(void)
{
	return ending;
}
