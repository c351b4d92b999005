// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Proves that the chooser prefers quiet CPUs, and that placing respects what this process may use,
 * binds exactly what it says, sees a busy sibling, and on refusal says why and leaves all alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/context.h"
#include "host/topology.h"
#include "lib/clock.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define LOOK_SECONDS	0.1

static void test_choose(void **state)
{
	/* The fields of a candidate: cpu, isolated, busy, sibling_busy, core. */
	static const struct {
		const char *rule;
		size_t n, best;
		struct candidate candidates[4];
	} rows[] = {
		{ "the only one", 1, 0, { { 0, false, 1, 1, 0 } } },
		{ "not CPU 0", 3, 1,
		  { { 0, false, 0, 0, 0 }, { 1, false, 0, 0, 0 }, { 2, false, 0, 0, 0 } } },
		{ "the lowest number", 3, 2,
		  { { 5, false, 0, 0, 0 }, { 4, false, 0, 0, 0 }, { 3, false, 0, 0, 0 } } },
		{ "isolated", 3, 2, { { 1, false, 0, 0, 0 }, { 2, false, 0, 0, 0 }, { 3, true, 0, 0, 0 } } },
		{ "isolated, CPU 0 too", 2, 0, { { 0, true, 0, 0, 0 }, { 1, false, 0, 0, 0 } } },
		{ "idle", 2, 1, { { 1, false, 0.5, 0, 0 }, { 2, false, 0, 0, 0 } } },
		{ "idle, CPU 0 too", 2, 0, { { 0, false, 0, 0, 0 }, { 1, false, 0.5, 0, 0 } } },
		{ "idle sibling", 2, 1, { { 1, false, 0, 0.5, 0 }, { 2, false, 0, 0, 0 } } },
		{ "idle sibling, CPU 0 too", 2, 0, { { 0, false, 0, 0, 0 }, { 1, false, 0, 0.5, 0 } } },
		{ "10 % is idle", 2, 0, { { 1, false, 0.1, 0.1, 0 }, { 2, false, 0, 0, 0 } } },
		{ "11 % is busy", 2, 1, { { 1, false, 0.11, 0, 0 }, { 2, false, 0, 0.1, 0 } } },
		{ "11 % is a busy sibling", 2, 1, { { 1, false, 0, 0.11, 0 }, { 2, false, 0.1, 0, 0 } } },
		{ "isolated of two idle ones", 2, 1,
		  { { 1, false, 0, 0, 0 }, { 2, true, 0.1, 0.1, 0 } } },
		{ "quiet before isolated and busy", 2, 0,
		  { { 1, false, 0, 0, 0 }, { 2, true, 0.9, 0, 0 } } },
		{ "quiet before isolated with a busy sibling", 2, 0,
		  { { 1, false, 0, 0, 0 }, { 2, true, 0, 0.9, 0 } } },
		{ "isolated of two busy ones", 2, 1,
		  { { 1, false, 0.5, 0, 0 }, { 2, true, 0.9, 0, 0 } } },
		{ "a busy sibling before a busy CPU", 3, 2,
		  { { 1, false, 0.2, 0, 0 }, { 2, false, 0.2, 0.9, 0 }, { 3, false, 0, 0.9, 0 } } },
		{ "the less busy", 3, 1,
		  { { 1, false, 0.9, 0, 0 }, { 2, false, 0.3, 0.2, 0 }, { 3, false, 0.6, 0, 0 } } },
		{ "the less busy sibling", 3, 2,
		  { { 1, false, 0, 0.9, 0 }, { 2, false, 0, 0.4, 0 }, { 3, false, 0, 0.3, 0 } } },
		{ "all busy alike: not CPU 0", 2, 1, { { 0, false, 1, 1, 0 }, { 1, false, 1, 1, 0 } } },
		{ "all at once", 4, 3,
		  { { 0, true, 0.3, 0, 0 }, { 1, false, 0, 0, 0 }, { 2, true, 0, 0.2, 0 },
		    { 3, true, 0, 0, 0 } } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t best;

		assert_int_equal(topology_spread(rows[i].candidates, rows[i].n, 1, false, &best), 1);
		if (best != rows[i].best)
			fail_msg("%s: number %zu, not %zu", rows[i].rule, best, rows[i].best);
	}
}

/* Cores before their second threads, in the order of the chooser; siblings only where they may be used. */
static void test_spread(void **state)
{
	/* Two cores of two threads, 0 and 2, 1 and 3; and a core of one. */
	static const struct candidate candidates[] = {
		{ .cpu = 0, .core = 0 }, { .cpu = 1, .core = 1 }, { .cpu = 2, .core = 0 },
		{ .cpu = 3, .core = 1 }, { .cpu = 4, .core = 4, .busy = 0.5 },
	};
	static const struct {
		size_t wanted;
		bool share;
		size_t found, chosen[5];
	} rows[] = {
		{ 1, false, 1, { 1 } },
		{ 2, false, 2, { 1, 2 } },
		{ 3, false, 3, { 1, 2, 4 } },
		{ 4, false, 3, { 1, 2, 4 } },
		{ 3, true, 3, { 1, 2, 4 } },
		{ 4, true, 4, { 1, 2, 4, 3 } },
		{ 5, true, 5, { 1, 2, 4, 3, 0 } },
		{ 6, true, 5, { 1, 2, 4, 3, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t chosen[6] = { 0 };

		assert_int_equal(topology_spread(candidates, ARRAY_SIZE(candidates), rows[i].wanted,
						 rows[i].share, chosen),
				 rows[i].found);
		for (size_t j = 0; j < rows[i].found; j++)
			if (chosen[j] != rows[i].chosen[j])
				fail_msg("row %zu: number %zu is %zu, not %zu", i, j, chosen[j],
					 rows[i].chosen[j]);
	}
}

/* One call of topology_place() on a thread of its own, and what it did to that thread. */
struct call {
	cpu_set_t before;
	int wanted;
	unsigned int vcpus; /* 0: topology_place() */
	bool force;

	int cpus[8];
	int ret;
	struct placement placement;
	char why[200];
	cpu_set_t after;
	double seconds;
	int memory_policy;	/* -1 when the kernel does not tell */
	bool may_set_policy;
};

static void *run_call(void *arg)
{
	struct call *call = arg;
	double start;

	if (sched_setaffinity(0, sizeof(call->before), &call->before) < 0)
		return NULL;
	call->may_set_policy = !syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
	memset(call->why, 0, sizeof(call->why));
	start = clock_seconds();
	if (call->vcpus)
		call->ret = topology_place_all(call->vcpus, call->force, call->cpus,
					       &call->placement, call->why, sizeof(call->why));
	else
		call->ret = topology_place(call->wanted, call->force, &call->placement, call->why,
					   sizeof(call->why));
	call->seconds = clock_seconds() - start;
	sched_getaffinity(0, sizeof(call->after), &call->after);
	if (syscall(SYS_get_mempolicy, &call->memory_policy, NULL, 0, NULL, 0) < 0)
		call->memory_policy = -1;
	return call;
}

static void place(struct call *call)
{
	pthread_t thread;
	void *done;

	assert_int_equal(pthread_create(&thread, NULL, run_call, call), 0);
	assert_int_equal(pthread_join(thread, &done), 0);
	assert_ptr_equal(done, call);
}

/* A call that may use what this process may, asking for no CPU in particular. */
static struct call new_call(void)
{
	struct call call = { .wanted = -1, .force = true };

	assert_int_equal(sched_getaffinity(0, sizeof(call.before), &call.before), 0);
	return call;
}

static int nth_cpu(const cpu_set_t *set, int n)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set) && n-- == 0)
			return cpu;
	return -1;
}

/* Isolated CPUs widen what an untouched affinity means: some tests have to know. */
static bool has_isolated(void)
{
	char line[64];

	return context_read_line("", "/sys/devices/system/cpu/isolated", line, sizeof(line)) &&
	       *line;
}

static void check_placed(const struct call *call)
{
	const struct placement *p = &call->placement;

	if (call->ret)
		fail_msg("%d: %s", call->ret, call->why);
	assert_int_equal(CPU_COUNT(&call->after), 1);
	assert_true(CPU_ISSET(p->cpu, &call->after));
	assert_true(p->siblings >= 1);
	assert_true(p->busy >= 0 && p->busy <= 1);
	assert_true(p->nr_cpus >= 1);
	assert_non_null(strstr(p->text, "CPU "));
	assert_null(strchr(p->text, '\n'));
	assert_true(strlen(p->text) < sizeof(p->text) - 1);
	if (call->may_set_policy && call->memory_policy >= 0) {
		assert_true(p->bound);
		assert_int_not_equal(call->memory_policy, MPOL_DEFAULT);
	}
	if (!p->bound)
		assert_non_null(strstr(p->text, "memory not bound"));
}

static void check_refused(const struct call *call, int error, const char *reason)
{
	assert_int_equal(call->ret, -error);
	if (!strstr(call->why, reason))
		fail_msg("\"%s\" does not say \"%s\"", call->why, reason);
	assert_null(strchr(call->why, '\n'));
	assert_true(CPU_EQUAL(&call->before, &call->after));
	assert_int_not_equal(call->placement.bound, true);
	assert_true(call->memory_policy <= MPOL_DEFAULT);
}

static void test_no_such_cpu(void **state)
{
	static const int wanted[] = { 1000000, INT32_MAX, -2, INT32_MIN };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct call call = new_call();

		call.wanted = wanted[i];
		place(&call);
		check_refused(&call, ENODEV, "does not exist");
	}
}

static void test_reason_fits(void **state)
{
	struct placement placement;
	char why[8];

	(void)state;
	memset(why, 'x', sizeof(why));
	assert_int_equal(topology_place(1000000, false, &placement, why, 5), -ENODEV);
	assert_string_equal(why, "CPU ");
	assert_int_equal(why[5], 'x');
}

static void test_best(void **state)
{
	struct call call = new_call();

	(void)state;
	place(&call);
	check_placed(&call);
	if (!has_isolated()) {
		assert_true(CPU_ISSET(call.placement.cpu, &call.before));
		assert_int_equal(call.placement.nr_cpus, CPU_COUNT(&call.before));
		assert_false(call.placement.isolated);
	}
	if (call.placement.nr_cpus > 1)
		assert_true(call.seconds >= LOOK_SECONDS);
}

static void test_wanted(void **state)
{
	struct call call = new_call();
	int nr = CPU_COUNT(&call.before);

	(void)state;
	for (int i = 0; i < nr && i < 4; i++) {
		call.wanted = nth_cpu(&call.before, i);
		place(&call);
		check_placed(&call);
		assert_int_equal(call.placement.cpu, call.wanted);
		assert_non_null(strstr(call.placement.text, "asked for"));
	}
}

/* Without siblings there is nothing to look at, so no time is spent. */
static void test_no_needless_delay(void **state)
{
	struct call call = new_call();
	double shortest = 1;

	(void)state;
	call.wanted = nth_cpu(&call.before, 0);
	for (int i = 0; i < 5; i++) {
		place(&call);
		check_placed(&call);
		if (call.seconds < shortest)
			shortest = call.seconds;
	}
	if (call.placement.siblings > 1)
		assert_true(shortest >= LOOK_SECONDS);
	else
		assert_true(shortest < LOOK_SECONDS);
}

static void test_affinity_is_respected(void **state)
{
	struct call call = new_call();
	cpu_set_t all = call.before;
	int nr = CPU_COUNT(&all);

	(void)state;
	if (nr < 2 || has_isolated())
		skip();
	for (int i = 0; i < 2; i++) {
		int allowed = nth_cpu(&all, i ? nr - 1 : 0), other = nth_cpu(&all, i ? 0 : nr - 1);

		CPU_ZERO(&call.before);
		CPU_SET(allowed, &call.before);
		call.wanted = -1;
		place(&call);
		check_placed(&call);
		assert_int_equal(call.placement.cpu, allowed);
		assert_int_equal(call.placement.nr_cpus, 1);

		call.wanted = other;
		place(&call);
		check_refused(&call, ENODEV, "affinity");
	}
}

struct spinner {
	pthread_t thread;
	int cpu;
	atomic_bool stop, runs;
};

static void *spin(void *arg)
{
	struct spinner *spinner = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(spinner->cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	atomic_store(&spinner->runs, true);
	while (!atomic_load(&spinner->stop))
		;
	return NULL;
}

static void start_spinner(struct spinner *spinner, int cpu)
{
	spinner->cpu = cpu;
	atomic_init(&spinner->stop, false);
	atomic_init(&spinner->runs, false);
	assert_int_equal(pthread_create(&spinner->thread, NULL, spin, spinner), 0);
	while (!atomic_load(&spinner->runs))
		sched_yield();
}

static void stop_spinner(struct spinner *spinner)
{
	atomic_store(&spinner->stop, true);
	pthread_join(spinner->thread, NULL);
}

/* With every CPU taken the best is a busy one, and the text must own up to it. */
static void test_busy_cpus_are_seen(void **state)
{
	struct call call = new_call();
	struct spinner spinners[2];
	cpu_set_t all = call.before;

	(void)state;
	if (CPU_COUNT(&all) < 2 || has_isolated())
		skip();
	CPU_ZERO(&call.before);
	for (int i = 0; i < 2; i++) {
		CPU_SET(nth_cpu(&all, i), &call.before);
		start_spinner(&spinners[i], nth_cpu(&all, i));
	}
	place(&call);
	for (int i = 0; i < 2; i++)
		stop_spinner(&spinners[i]);
	check_placed(&call);
	assert_non_null(strstr(call.placement.text, "busy with other tasks"));
	assert_non_null(strstr(call.placement.text, "best of 2"));
}

/* hwloc is told that CPUs 0 to 3 are one core's, whatever they are here; 2 and 3 need not exist. */
static void pretend_smt(bool here)
{
	assert_int_equal(setenv("HWLOC_SYNTHETIC", "core:1 pu:4", 1), 0);
	if (here)
		assert_int_equal(setenv("HWLOC_THISSYSTEM", "1", 1), 0);
}

static int stop_pretending(void **state)
{
	(void)state;
	unsetenv("HWLOC_SYNTHETIC");
	unsetenv("HWLOC_THISSYSTEM");
	return 0;
}

/* As many CPUs as vCPUs, none twice, and the first is where the thread is. */
static void test_a_cpu_each(void **state)
{
	struct call call = new_call();
	int nr = CPU_COUNT(&call.before);

	(void)state;
	if (has_isolated())
		skip();
	for (call.vcpus = 1; call.vcpus <= 8 && (int)call.vcpus <= nr; call.vcpus++) {
		cpu_set_t seen;

		place(&call);
		check_placed(&call);
		assert_int_equal(call.placement.cpu, call.cpus[0]);
		CPU_ZERO(&seen);
		for (unsigned int i = 0; i < call.vcpus; i++) {
			assert_true(CPU_ISSET(call.cpus[i], &call.before));
			assert_false(CPU_ISSET(call.cpus[i], &seen));
			CPU_SET(call.cpus[i], &seen);
		}
	}
	call.vcpus = (unsigned int)nr + 1;
	place(&call);
	check_refused(&call, ENOSPC, "would measure the scheduler");
}

/* Siblings are no cores: only by force. */
static void test_a_core_each(void **state)
{
	struct call call = new_call();

	(void)state;
	if (!CPU_ISSET(0, &call.before) || !CPU_ISSET(1, &call.before) || has_isolated())
		skip();
	CPU_ZERO(&call.before);
	CPU_SET(0, &call.before);
	CPU_SET(1, &call.before);
	pretend_smt(true);
	call.vcpus = 2;
	call.force = false;
	place(&call);
	check_refused(&call, ENOSPC, "2 vCPUs want as many cores, this process may use 1; --force");
	call.force = true;
	place(&call);
	check_placed(&call);
	assert_int_equal(call.cpus[0] + call.cpus[1], 1);
	assert_non_null(strstr(call.placement.text, "2 vCPUs on CPUs 0-1, some on SMT siblings"));
}

static void *bind(void *cpu)
{
	char why[200];
	cpu_set_t after;

	if (topology_bind(*(int *)cpu, why, sizeof(why)))
		return NULL;
	sched_getaffinity(0, sizeof(after), &after);
	return CPU_COUNT(&after) == 1 && CPU_ISSET(*(int *)cpu, &after) ? cpu : NULL;
}

static void test_bind(void **state)
{
	struct call call = new_call();
	int cpu = nth_cpu(&call.before, CPU_COUNT(&call.before) - 1);
	pthread_t thread;
	void *done;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, bind, &cpu), 0);
	assert_int_equal(pthread_join(thread, &done), 0);
	assert_ptr_equal(done, &cpu);
}

static void test_busy_sibling(void **state)
{
	struct call call = new_call();
	struct spinner spinner;
	cpu_set_t all = call.before;

	(void)state;
	if (!CPU_ISSET(0, &all) || !CPU_ISSET(1, &all) || has_isolated())
		skip();
	pretend_smt(true);
	start_spinner(&spinner, 1);

	/* The sibling counts, whether this process may use it or not. */
	for (int narrow = 0; narrow < 2; narrow++) {
		CPU_ZERO(&call.before);
		CPU_SET(0, &call.before);
		if (!narrow)
			CPU_SET(1, &call.before);
		call.wanted = 0;
		call.force = false;
		place(&call);
		check_refused(&call, EBUSY, "CPU 0 shares its core with CPU ");
		assert_true(call.seconds >= LOOK_SECONDS);

		call.force = true;
		place(&call);
		check_placed(&call);
		assert_int_equal(call.placement.cpu, 0);
		assert_int_equal(call.placement.siblings, 4);
		assert_true(call.placement.busy > 0.1);
		assert_non_null(strstr(call.placement.text, "SMT sibling"));
		assert_non_null(strstr(call.placement.text, "% busy"));
	}

	call.wanted = -1;
	call.force = false;
	place(&call);
	check_refused(&call, EBUSY, "no core is idle");
	stop_spinner(&spinner);
}

/* Ticks that @cpu was idle since boot; 0 where there is no such CPU. */
static unsigned long long idle_ticks(int cpu)
{
	FILE *stat = fopen("/proc/stat", "r");
	unsigned long long idle = 0;
	char line[256], name[16];

	assert_non_null(stat);
	snprintf(name, sizeof(name), "cpu%d ", cpu);
	while (!idle && fgets(line, sizeof(line), stat))
		if (!strncmp(line, name, strlen(name)))
			assert_int_equal(sscanf(line, "%*s %*u %*u %*u %llu", &idle), 1);
	fclose(stat);
	return idle;
}

/* place(), and whether the pretended siblings of CPU 0 were idle all the while. */
static bool place_beside_idle(struct call *call)
{
	unsigned long long before[4], enough = LOOK_SECONDS * sysconf(_SC_CLK_TCK);

	for (int cpu = 1; cpu < 4; cpu++)
		before[cpu] = idle_ticks(cpu);
	place(call);
	for (int cpu = 1; cpu < 4; cpu++)
		if (before[cpu] && idle_ticks(cpu) - before[cpu] < enough)
			return false;
	return true;
}

static void test_idle_sibling(void **state)
{
	struct call call = new_call();
	bool idle = false;

	(void)state;
	if (!CPU_ISSET(0, &call.before) || has_isolated())
		skip();
	pretend_smt(true);
	call.wanted = 0;
	/* Others may be at work on this machine: wait for a moment in which they are not. */
	for (int i = 0; i < 30 && !idle; i++)
		idle = place_beside_idle(&call);
	if (!idle)
		skip();
	check_placed(&call);
	/* Not 0.1: a tick or two may have gone elsewhere before and after the look. */
	assert_true(call.placement.busy < 0.4);
}

/* Binding on a machine that hwloc was only told about would succeed without doing anything. */
static void test_other_machine(void **state)
{
	struct call call = new_call();

	(void)state;
	pretend_smt(false);
	place(&call);
	check_refused(&call, ENOTSUP, "another machine");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_no_such_cpu),
		cmocka_unit_test(test_reason_fits),
		cmocka_unit_test(test_best),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_no_needless_delay),
		cmocka_unit_test(test_affinity_is_respected),
		cmocka_unit_test(test_busy_cpus_are_seen),
		cmocka_unit_test(test_a_cpu_each),
		cmocka_unit_test(test_bind),
		cmocka_unit_test_teardown(test_a_core_each, stop_pretending),
		cmocka_unit_test_teardown(test_busy_sibling, stop_pretending),
		cmocka_unit_test_teardown(test_idle_sibling, stop_pretending),
		cmocka_unit_test_teardown(test_other_machine, stop_pretending),
	};

	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
