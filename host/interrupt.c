// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A signal that comes just before KVM_RUN would be lost, were it not for immediate_exit: the
 * handler sets it, and KVM_RUN then returns at once with EINTR.
 */
#include "host/interrupt.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "lib/signals.h"

#define THREAD_SIGNAL SIGUSR1 /* of the watchdogs of further threads; SIGALRM comes to any thread */

static const int signals[] = { SIGALRM, SIGINT, SIGTERM, SIGHUP };

static __thread struct kvm_run *volatile running;
static __thread volatile sig_atomic_t expired;
static volatile sig_atomic_t ending;

static __thread bool has_timer; /* of its own */
static __thread timer_t own_timer;

static void on_signal(int signal)
{
	struct kvm_run *run = running;

	if (signal == SIGALRM || signal == THREAD_SIGNAL)
		expired = 1;
	else
		ending = signal;
	if (run)
		*(volatile __u8 *)&run->immediate_exit = 1;
}

int interrupt_init(struct failure *failure)
{
	struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART: KVM_RUN must end */
	int error;

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGALRM, &action, NULL))
		return fail_errno(failure, "sigaction");
	error = signals_catch(on_signal, action.sa_flags, false);
	return error ? fail_with(failure, error, "sigaction: %s", strerror(-error)) : 0;
}

int interrupt_join(struct failure *failure)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = THREAD_SIGNAL };
	sigset_t others;

	sigemptyset(&others);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&others, signals[i]);
	pthread_sigmask(SIG_BLOCK, &others, NULL);
	sigemptyset(&action.sa_mask);
	event._sigev_un._tid = gettid();
	if (sigaction(THREAD_SIGNAL, &action, NULL))
		return fail_errno(failure, "sigaction");
	if (timer_create(CLOCK_MONOTONIC, &event, &own_timer))
		return fail_errno(failure, "timer_create");
	has_timer = true;
	return 0;
}

void interrupt_leave(void)
{
	if (has_timer)
		timer_delete(own_timer);
	has_timer = false;
}

/* @timeout_ms 0: never. */
static void set_timer(unsigned int timeout_ms)
{
	const long usec = timeout_ms % 1000 * 1000;
	/* Again and again: one lost between two KVM_RUNs must not be the last. */
	const long again = timeout_ms ? 50000 : 0;
	struct itimerval timer = {
		.it_value = { .tv_sec = timeout_ms / 1000, .tv_usec = usec },
		.it_interval = { .tv_usec = again },
	};
	struct itimerspec own = {
		.it_value = { .tv_sec = timeout_ms / 1000, .tv_nsec = usec * 1000 },
		.it_interval = { .tv_nsec = again * 1000 },
	};

	if (has_timer)
		timer_settime(own_timer, 0, &own, NULL);
	else
		setitimer(ITIMER_REAL, &timer, NULL);
}

void interrupt_arm(struct kvm_run *run, unsigned int timeout_ms)
{
	expired = 0;
	run->immediate_exit = ending != 0;
	running = run;
	set_timer(timeout_ms);
}

void interrupt_disarm(void)
{
	set_timer(0);
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
