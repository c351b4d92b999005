// SPDX-License-Identifier: GPL-2.0-or-later
/* A thread for each further vCPU, their tasks, and how much of the time all of them ran. */
#include "bench/vcpus.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bench/answers.h"
#include "host/interrupt.h"
#include "host/topology.h"
#include "lib/clock.h"

#define SPINS      2000 /* before the CPU is offered to others: who is waited for may need this one */
#define MORE_SHARE 8    /* of a block: what is run in one go while others still measure */

enum task { TASK_BOOT, TASK_MEASURE, TASK_END };

struct vcpu {
	struct vcpus *all;
	pthread_t thread;
	int cpu;
	struct guest_config config;
	struct machine machine;
	sem_t wanted;
	int error;
	struct failure failure;
};

struct vcpus {
	/* Of the task under way: written before its threads are woken. */
	enum task task;
	unsigned int taking_part; /* vCPUs, the first included */
	const struct kvm *kvm;
	const struct row *row;
	uint64_t count;
	bool sampled;
	unsigned int timeout_ms;
	struct reading *readings;
	struct vcpu_window windows[MAX_VCPUS];

	atomic_uint ready, measured, finished;
	unsigned int n; /* of @vcpu, its first not used */
	struct vcpu vcpu[];
};

/* Asleep they would not begin at once. */
static void wait_until(atomic_uint *number, unsigned int is)
{
	for (unsigned int i = 0; atomic_load(number) < is; i++) {
		if (i % SPINS == SPINS - 1)
			sched_yield();
		else
			__builtin_ia32_pause();
	}
}

/* What each thread of a measurement does, the caller's as well. */
static int measure_together(struct vcpus *vcpus, unsigned int i, struct machine *machine,
			    struct failure *failure)
{
	struct vcpu_window *window = &vcpus->windows[i];
	const uint64_t more = vcpus->count / MORE_SHARE + 1;
	struct reading unmeasured;
	uint64_t ran;
	int error;

	atomic_fetch_add(&vcpus->ready, 1);
	wait_until(&vcpus->ready, vcpus->taking_part);
	ran = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	window->start = clock_ns(CLOCK_MONOTONIC);
	error = machine_measure(machine, vcpus->row, vcpus->count, vcpus->sampled,
				vcpus->timeout_ms, &vcpus->readings[i], failure);
	window->end = clock_ns(CLOCK_MONOTONIC);
	atomic_fetch_add(&vcpus->measured, 1);
	while (!error && atomic_load(&vcpus->measured) < vcpus->taking_part)
		error = machine_measure(machine, vcpus->row, more, false, vcpus->timeout_ms,
					&unmeasured, failure);
	window->stop = clock_ns(CLOCK_MONOTONIC);
	ran = clock_ns(CLOCK_THREAD_CPUTIME_ID) - ran;
	window->lost = window->stop - window->start > ran ? window->stop - window->start - ran : 0;
	return error;
}

static int boot(struct vcpu *vcpu)
{
	int error;

	if (vcpu->machine.up)
		return 0;
	error = machine_up(&vcpu->machine, vcpu->all->kvm, &vcpu->failure);
	return error ? error : answers_start(&vcpu->machine, &vcpu->failure);
}

static void *run_vcpu(void *arg)
{
	struct vcpu *vcpu = arg;
	struct vcpus *all = vcpu->all;
	bool should_continue = true;

	vcpu->error = interrupt_join(&vcpu->failure);
	if (!vcpu->error)
		vcpu->error =
			topology_bind(vcpu->cpu, vcpu->failure.text, sizeof(vcpu->failure.text));
	atomic_fetch_add(&all->finished, 1);
	while (should_continue) {
		while (sem_wait(&vcpu->wanted))
			;
		if (all->task == TASK_BOOT)
			vcpu->error = boot(vcpu);
		else if (all->task == TASK_MEASURE)
			vcpu->error = measure_together(all, (unsigned int)(vcpu - all->vcpu),
						       &vcpu->machine, &vcpu->failure);
		should_continue = all->task != TASK_END;
		atomic_fetch_add(&all->finished, 1);
	}
	interrupt_leave();
	return NULL;
}

static void begin(struct vcpus *vcpus, enum task task, unsigned int taking_part)
{
	vcpus->task = task;
	vcpus->taking_part = taking_part;
	atomic_store(&vcpus->ready, 0);
	atomic_store(&vcpus->measured, 0);
	atomic_store(&vcpus->finished, 0);
	for (unsigned int i = 1; i < taking_part; i++)
		sem_post(&vcpus->vcpu[i].wanted);
}

/* The first error of the others, -EINTR before any other. */
static int finish(struct vcpus *vcpus, struct failure *failure)
{
	int error = 0;

	wait_until(&vcpus->finished, vcpus->taking_part - 1);
	for (unsigned int i = 1; i < vcpus->taking_part; i++) {
		const struct vcpu *vcpu = &vcpus->vcpu[i];

		if (!vcpu->error || error == -EINTR || (error && vcpu->error != -EINTR))
			continue;
		error = vcpu->error;
		fail_with(failure, error, "vCPU %u: %.200s", i, vcpu->failure.text);
	}
	return error;
}

struct vcpus *vcpus_start(unsigned int n, const int *cpus, struct failure *failure)
{
	struct vcpus *vcpus = calloc(1, sizeof(*vcpus) + n * sizeof(vcpus->vcpu[0]));
	int error = 0;

	if (!vcpus) {
		fail_with(failure, -ENOMEM, "out of memory");
		return NULL;
	}
	for (vcpus->n = 1; vcpus->n < n && !error; vcpus->n++) {
		struct vcpu *vcpu = &vcpus->vcpu[vcpus->n];

		vcpu->all = vcpus;
		vcpu->cpu = cpus[vcpus->n];
		sem_init(&vcpu->wanted, 0, 0);
		error = pthread_create(&vcpu->thread, NULL, run_vcpu, vcpu);
		if (error) {
			fail_with(failure, -error, "thread of vCPU %u: %s", vcpus->n,
				  strerror(error));
			sem_destroy(&vcpu->wanted);
			break;
		}
		/* One after the other: each looks at the topology. */
		wait_until(&vcpus->finished, vcpus->n);
	}
	vcpus->taking_part = vcpus->n;
	if (!error)
		error = finish(vcpus, failure);
	if (!error)
		return vcpus;
	vcpus_stop(vcpus);
	return NULL;
}

void vcpus_stop(struct vcpus *vcpus)
{
	if (!vcpus)
		return;
	vcpus_down(vcpus);
	begin(vcpus, TASK_END, vcpus->n);
	for (unsigned int i = 1; i < vcpus->n; i++) {
		pthread_join(vcpus->vcpu[i].thread, NULL);
		sem_destroy(&vcpus->vcpu[i].wanted);
	}
	free(vcpus);
}

int vcpus_up(struct vcpus *vcpus, const struct kvm *kvm, const struct machine *first,
	     struct failure *failure)
{
	vcpus->kvm = kvm;
	for (unsigned int i = 1; i < vcpus->n; i++) {
		struct machine *machine = &vcpus->vcpu[i].machine;

		if (machine->up)
			continue;
		machine->config = first->config;
		machine->config.beside = &first->guest.vm;
		machine->config.index = i;
		machine->running = first->running;
	}
	begin(vcpus, TASK_BOOT, vcpus->n);
	return finish(vcpus, failure);
}

void vcpus_down(struct vcpus *vcpus)
{
	for (unsigned int i = 1; i < vcpus->n; i++)
		machine_down(&vcpus->vcpu[i].machine);
}

int vcpus_measure(struct vcpus *vcpus, struct machine *first, const struct row *row, uint64_t count,
		  bool sampled, unsigned int timeout_ms, struct reading *readings,
		  struct failure *failure)
{
	double together;
	int error, others;

	vcpus->row = row;
	vcpus->count = count;
	vcpus->sampled = sampled;
	vcpus->timeout_ms = timeout_ms;
	vcpus->readings = readings;
	begin(vcpus, TASK_MEASURE, row->vcpus);
	error = measure_together(vcpus, 0, first, failure);
	others = finish(vcpus, error ? &(struct failure){ 0 } : failure);
	if (error || others)
		return others == -EINTR || !error ? others : error;
	together = vcpus_together(vcpus->windows, row->vcpus);
	for (unsigned int i = 0; i < row->vcpus; i++)
		readings[i].together = together;
	return 0;
}

const uint64_t *vcpus_samples(const struct vcpus *vcpus, unsigned int i, const struct row *row)
{
	return machine_samples(&vcpus->vcpu[i].machine, row);
}

double vcpus_together(const struct vcpu_window *windows, unsigned int n)
{
	double min = 1;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t from = windows[i].start, to = windows[i].end, lost = 0;
		double share;

		for (unsigned int j = 0; j < n; j++) {
			if (j == i)
				continue;
			from = windows[j].start > from ? windows[j].start : from;
			to = windows[j].stop < to ? windows[j].stop : to;
			lost = windows[j].lost > lost ? windows[j].lost : lost;
		}
		share = to > from ? ((double)(to - from) - (double)lost) /
					    (double)(windows[i].end - windows[i].start)
				  : 0;
		min = share < min ? share : min;
	}
	return min > 0 ? min : 0;
}
