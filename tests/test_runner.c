// SPDX-License-Identifier: GPL-2.0-or-later
// beside others, long
/*
 * Proves, on a real /dev/kvm, that the runner cannot be fooled: a row with the wrong label or the
 * wrong answer fails and says why, and a good one is measured as told. What needs a guest is
 * skipped where there is no KVM.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/answers.h"
#include "bench/cases.h"
#include "bench/figures.h"
#include "bench/runner.h"
#include "host/interrupt.h"
#include "host/probe.h"

#define RUNS     3
#define FEW_RUNS 2

static struct kvm kvm;
static bool have_kvm;
static struct failure failure;

static struct row *spoiled; /* answers wrongly from the counting pass on */

/*
 * perf's counters here are made, and count nothing: the counting pass runs on any host. How many
 * arguments there are is the call's own: it takes six, as libc's does, and ASan would object.
 */
__attribute__((no_sanitize("address"))) long syscall(long number, ...)
{
	static long (*next)(long, ...);
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_perf_event_open && spoiled) {
		spoiled->expected.gp = false;
		return open("/dev/zero", O_RDONLY | O_CLOEXEC);
	}
	if (!next)
		next = dlsym(RTLD_NEXT, "syscall");
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static unsigned int vms_made, max_vms;

static unsigned int count_vms(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 256; fd++) {
		char path[32], target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0)
			n += !strcmp(target, "anon_inode:kvm-vm");
	}
	return n;
}

/* Which vCPUs were run, and by which thread each: by no two. */
#define SEEN_VCPUS 64
static struct {
	int fd;
	pid_t thread;
} ran[SEEN_VCPUS];
static unsigned int nr_ran, nr_threads;
static bool by_two_threads;
static pthread_mutex_t ran_lock = PTHREAD_MUTEX_INITIALIZER;

static atomic_int others_fail; /* so many KVM_RUNs of threads beside the first */

static void note_run(int fd)
{
	bool known = false, known_thread = false;

	pthread_mutex_lock(&ran_lock);
	for (unsigned int i = 0; i < nr_ran; i++) {
		known_thread |= ran[i].thread == gettid();
		known |= ran[i].fd == fd;
		by_two_threads |= ran[i].fd == fd && ran[i].thread != gettid();
	}
	nr_threads += !known_thread;
	if (!known && nr_ran < SEEN_VCPUS) {
		ran[nr_ran].fd = fd;
		ran[nr_ran++].thread = gettid();
	}
	pthread_mutex_unlock(&ran_lock);
}

/* Of the second VM on, descriptors may be another vCPU's. */
static void forget_runs(void)
{
	nr_ran = 0;
}

/* Counts the VMs that are there when one is made. */
int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int, unsigned long, ...);
	void *argument;
	va_list ap;
	int result;

	va_start(ap, request);
	argument = va_arg(ap, void *);
	va_end(ap);
	if (!next)
		next = dlsym(RTLD_NEXT, "ioctl");
	if (request == KVM_RUN) {
		note_run(fd);
		if (gettid() != getpid() && atomic_load(&others_fail) > 0 &&
		    atomic_fetch_sub(&others_fail, 1) > 0) {
			errno = EIO;
			return -1;
		}
	}
	if (request == KVM_CREATE_VM)
		forget_runs();
	result = next(fd, request, argument);
	if (request == KVM_CREATE_VM && result >= 0) {
		unsigned int n = count_vms();

		vms_made++;
		max_vms = n > max_vms ? n : max_vms;
	}
	return result;
}

static int setup(void **state)
{
	(void)state;
	have_kvm = !kvm_open(&kvm, NULL, &failure);
	return interrupt_init(&failure);
}

static int teardown(void **state)
{
	(void)state;
	if (have_kvm)
		kvm_close(&kvm);
	return 0;
}

/*
 * A plan for this very host, and the one row of it named so, with the empty loops it is net of; @vcpus as of --vcpus.
 */
static struct bench *make_planned_bench(const char *name, bool simulated, unsigned int vcpus)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct case_plan *plan = calloc(1, sizeof(*plan));
	struct vpmu vpmu;

	if (!have_kvm) {
		free(bench);
		free(plan);
		printf("# skipped: %s\n", failure.text);
		skip();
	}
	assert_non_null(bench);
	assert_non_null(plan);
	plan->simulated = simulated;
	plan->vcpus = vcpus;
	snprintf(plan->native_reason, sizeof(plan->native_reason), "not here");
	probe_setting_host("", &kvm, &plan->host);
	/* Whatever PMU the host has: a guest without one, so that every read is #GP. */
	plan->host.kvm = (struct pmu_shape){ .vendor = plan->host.kvm.vendor };
	for (enum setting_kind kind = 0; kind < NR_SETTINGS; kind++)
		setting_derive(&plan->host, kind, &plan->setting[kind]);
	vpmu_init(&vpmu);
	plan->simulated_pmu = vpmu.shape;
	bench->n_rows = rows_filter(bench->rows, cases_make(plan, bench->rows), name);
	assert_true(bench->n_rows > 0);
	bench->kvm = &kvm;
	bench->backend = plan->host.backend;
	bench->vendor = plan->host.cpu.vendor;
	/* A second for each run, all of which is used: less is too little on a busy machine. */
	bench->options = (struct bench_options){ .seconds = 1, .runs = 1, .seed = 1 };
	bench->machines[MACHINE_INTERCEPTED].config.pmu.vendor = plan->host.kvm.vendor;
	bench->machines[MACHINE_PASSTHROUGH].config.pmu.vendor = plan->host.kvm.vendor;
	bench->machines[MACHINE_SIMULATED].config.simulated = true;
	free(plan);
	return bench;
}

static struct bench *make_bench(const char *name, bool simulated)
{
	return make_planned_bench(name, simulated, 0);
}

static struct row *find(struct bench *bench, const char *name)
{
	for (size_t i = 0; i < bench->n_rows; i++)
		if (!strcmp(bench->rows[i].name, name))
			return &bench->rows[i];
	fail_msg("no row %s", name);
	return NULL;
}

static void run(struct bench *bench)
{
	if (bench_run(bench, &failure))
		fail_msg("%s", failure.text);
}

static void expect_failed(const struct row *row, const char *why)
{
	if (row->status != ROW_FAILED || !strstr(row->reason, why))
		fail_msg("%s: status %d, '%s'; expected to fail with '%s'", row->name, row->status,
			 row->reason, why);
}

static void finish(struct bench *bench)
{
	bench_free(bench);
	free(bench);
}

/* Every vendor has these two: an index beyond all counters. */
#define FAULT_ROW   "rdpmc-fault/out-of-range/intercepted/cpl3"
#define FAULT_CPL0  "rdpmc-fault/out-of-range/intercepted/cpl0"
#define METRICS_ROW "rdpmc/metrics/simulated-vpmu/cpl3"

static void test_good_row(void **state)
{
	const struct row_result *result;
	const struct row *empty;
	struct bench *bench;
	struct row *row;

	(void)state;
	/* A busy machine gives up runs: then in more time. */
	for (unsigned int seconds = RUNS;; seconds *= 4) {
		bench = make_bench(FAULT_ROW, false);
		row = find(bench, FAULT_ROW);
		empty = rows_empty_loop(bench->rows, bench->n_rows, row);
		assert_non_null(empty);
		result = &bench->results[row - bench->rows];
		bench->options.runs = RUNS;
		bench->options.seconds = seconds;
		run(bench);
		if (row->status != ROW_MEASURED || result->n_runs == RUNS || seconds > 16 * RUNS)
			break;
		finish(bench);
	}
	if (row->status != ROW_MEASURED)
		fail_msg("%s", row->reason);
	assert_int_equal(result->n_runs, RUNS);
	for (unsigned int i = 0; i < RUNS; i++) {
		const struct run_result *one = &result->runs[i];
		uint64_t in_histogram = one->histogram.overflow;

		for (unsigned int b = 0; b < HISTOGRAM_BUCKETS; b++)
			in_histogram += one->histogram.count[b];
		assert_int_equal(in_histogram, one->samples.n);
		assert_true(one->samples.n >= 8);
		/* Net of the same run's empty loop, and that alone. */
		assert_true(one->median ==
			    one->raw - bench->results[empty - bench->rows].runs[i].raw);
		assert_true(bench->results[empty - bench->rows].runs[i].median ==
			    bench->results[empty - bench->rows].runs[i].raw);
		assert_true(one->samples.min <= one->samples.median &&
			    one->samples.median <= one->samples.p99 &&
			    one->samples.p99 <= one->samples.max);
		assert_true(one->sample_overhead > 0);
		assert_true(one->reads > 0);
	}
	assert_true(bench->tsc_khz > 0);
	/* The guest's clock runs as the host's does. */
	assert_false(bench->noise.clock_ratio < 0.5 || bench->noise.clock_ratio > 1.1);
	finish(bench);
}

/* On a host that intercepts, call it passthrough. */
static void test_passthrough_that_exits(void **state)
{
	struct bench *bench = make_bench(FAULT_CPL0, false);
	struct row *row;

	(void)state;
	row = find(bench, FAULT_CPL0);
	if (row->exits == EXITS_NONE) {
		printf("# skipped: here this fault comes before the exit\n");
		finish(bench);
		skip();
	}
	row->machine = MACHINE_PASSTHROUGH;
	row->exits = EXITS_NONE;
	run(bench);
	expect_failed(row, "wrong label: passthrough, but KVM counted");
	finish(bench);
}

/* Something that does not exit, called intercepted. */
static void test_intercept_that_does_not_exit(void **state)
{
	struct bench *bench = make_bench("control/rdtsc/cpl3", false);
	struct row *row;

	(void)state;
	row = find(bench, "control/rdtsc/cpl3");
	row->control = false;
	row->exits = EXITS_EACH;
	run(bench);
	expect_failed(row, "wrong label: intercepted, but KVM counted 0.00 exits an iteration");
	finish(bench);
}

static void test_fault_instead_of_value(void **state)
{
	struct bench *bench = make_bench(FAULT_ROW, false);
	struct row *row;

	(void)state;
	row = find(bench, FAULT_ROW);
	row->expected.gp = false;
	run(bench);
	expect_failed(row, "wrong answer: RDPMC of 0x0000ffff should answer");
	assert_int_equal(bench->results[row - bench->rows].n_runs, 0);
	finish(bench);
}

static void test_value_instead_of_fault(void **state)
{
	struct bench *bench = make_bench(METRICS_ROW, true);
	struct row *row;

	(void)state;
	row = find(bench, METRICS_ROW);
	row->expected.gp = true;
	run(bench);
	expect_failed(row, "wrong answer: RDPMC of 0x20000000 should be #GP");
	assert_false(row->known);
	finish(bench);
}

/* The same of a read that KVM is known to answer: failed all the same, but no news. */
static void test_known_deviation(void **state)
{
	struct bench *bench = make_bench(METRICS_ROW, true);
	struct row *row;

	(void)state;
	row = find(bench, METRICS_ROW);
	row->expected.gp = true;
	row->counter = COUNTER_VMWARE;
	run(bench);
	expect_failed(row, "known: KVM answers it whatever enable_vmware_backdoor says");
	assert_true(row->known);
	finish(bench);
}

/* The counter answers, but not with what it holds. */
static void test_wrong_value(void **state)
{
	struct bench *bench = make_bench(METRICS_ROW, true);
	struct row *row;

	(void)state;
	row = find(bench, METRICS_ROW);
	row->expected.preset ^= 1ULL << 40;
	run(bench);
	expect_failed(row, "the stopped counter holds");
	assert_int_equal(bench->results[row - bench->rows].n_runs, 0);
	finish(bench);
}

static void test_metrics_are_measured(void **state)
{
	struct bench *bench = make_bench(METRICS_ROW, true);
	struct row *row;

	(void)state;
	row = find(bench, METRICS_ROW);
	run(bench);
	if (row->status != ROW_MEASURED)
		fail_msg("%s", row->reason);
	assert_true(expect_metrics_plausible(bench->results[row - bench->rows].value));
	finish(bench);
}

/* One row that fails takes no other with it. */
static void test_failure_is_the_rows_own(void **state)
{
	struct bench *bench = make_bench("rdpmc-fault/*/intercepted/cpl3", false);
	size_t measured = 0;
	struct row *row;

	(void)state;
	row = find(bench, FAULT_ROW);
	row->expected.gp = false;
	run(bench);
	for (size_t i = 0; i < bench->n_rows; i++)
		measured += bench->rows[i].status == ROW_MEASURED;
	expect_failed(row, "wrong answer");
	assert_int_equal(measured, bench->n_rows - 1);
	finish(bench);
}

static void test_impossible_budget(void **state)
{
	struct bench *bench = make_bench("control/port/*", false);

	(void)state;
	bench->options.runs = 1000;
	bench->options.seconds = 0.001;
	assert_int_not_equal(bench_run(bench, &failure), 0);
	assert_non_null(strstr(failure.text, "is too little for 1000 runs"));
	finish(bench);
}

/* Counting is optional: a row that fails there has been measured all the same. */
static void test_counting_fails(void **state)
{
	struct bench *bench = make_bench(FAULT_ROW, false);
	struct row *row = find(bench, FAULT_ROW);
	const struct row *empty = rows_empty_loop(bench->rows, bench->n_rows, row);

	(void)state;
	assert_non_null(empty);
	spoiled = row;
	run(bench);
	spoiled = NULL;
	if (row->status != ROW_MEASURED)
		fail_msg("status %d: %s", row->status, row->reason);
	assert_string_equal(row->reason, "");
	assert_false(bench->results[row - bench->rows].has_counts);
	assert_true(bench->results[empty - bench->rows].has_counts);
	finish(bench);
}

/* No guest comes up: that is what ends the run, whatever native rows have to say. */
static void test_no_guest_at_all(void **state)
{
	struct bench *bench = make_bench(FAULT_ROW, false);
	struct kvm none = kvm;
	struct row *native;

	(void)state;
	none.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_true(none.fd >= 0);
	bench->kvm = &none;
	native = &bench->rows[bench->n_rows++];
	*native = (struct row){ .machine = MACHINE_NATIVE, .insn = GUEST_INSN_RDPMC,
				.counter = COUNTER_GP_FIRST, .status = ROW_READY,
				.exits = EXITS_ANY };
	row_set_privilege(native, PRIVILEGE_CPL3);
	row_set_name(native, false);
	bench->options.runs = 1;
	if (!bench_run(bench, &failure))
		fail_msg("%s: %s", bench->rows[0].name, bench->rows[0].reason);
	assert_non_null(strstr(failure.text, "KVM_CREATE_VM: "));
	close(none.fd);
	finish(bench);
}

/* Another task that holds the CPU during blocks, be it most of them, says nothing of the guest's clock. */
static void test_clock_ratio(void **state)
{
	double ratio = NAN;

	(void)state;
	for (int i = 0; i < 100; i++)
		ratio = clock_ratio_add(ratio, 3e6, i == 50 ? 3.003e6 : 6e6 + i * 1e5);
	assert_true(ratio > 0.998 && ratio < 1);
	/* A clock that is slow is slow in all of them. */
	ratio = NAN;
	for (int i = 0; i < 100; i++)
		ratio = clock_ratio_add(ratio, 3e6, 6e6 + i);
	assert_true(ratio == 0.5);
}

/* A fault that comes only while the row is timed. */
static void test_block(void **state)
{
	struct row row = { .machine = MACHINE_INTERCEPTED,
			   .insn = GUEST_INSN_RDPMC,
			   .counter = COUNTER_METRICS,
			   .ecx = 0x20000000,
			   .expected.rule = "METRICS-VALUE" };
	struct reading reading = { .value = GUEST_PRESET_METRICS };

	(void)state;
	assert_true(answers_block(&row, 100, &reading, &failure));
	reading.faults = 1;
	assert_false(answers_block(&row, 100, &reading, &failure));
	assert_non_null(strstr(failure.text, "1 of 100 reads were #GP"));
	assert_null(strstr(failure.text, "known"));
}

/* ----- --pmu-cost ----- */

/* A row is called by how many counters run: it is no row of fewer, and none of more. */
static void test_counting(void **state)
{
	static const struct pmu_shape guest = { .version = 5, .nr_gp = 8, .nr_fixed = 4 };
	static const struct {
		enum guest_running running;
		uint64_t counting;
		int error;
		const char *text;
	} rows[] = {
		{ GUEST_RUNNING_NONE, 0, 0, NULL },
		{ GUEST_RUNNING_NONE, 1, -EBADMSG, "wrong label: 0 of the guest's" },
		{ GUEST_RUNNING_ONE, 0, -ENOSPC, "1 counters that were started 0 count" },
		{ GUEST_RUNNING_ONE, 1, 0, NULL },
		{ GUEST_RUNNING_ONE, 2, -EBADMSG, "1 of the guest's counters were started, 2" },
		{ GUEST_RUNNING_ALL, 12, 0, NULL },
		{ GUEST_RUNNING_ALL, 11, -ENOSPC, "nmi_watchdog=0" },
		{ GUEST_RUNNING_ALL, 13, -EBADMSG, "wrong label" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
			answers_counting(&guest, rows[i].running, rows[i].counting, &failure),
			rows[i].error);
		if (rows[i].text && !strstr(failure.text, rows[i].text))
			fail_msg("%s", failure.text);
	}
}

#define WITHOUT_ROW "control/cpuid-no-pmu/cpl3"
#define NONE_ROW    "control/cpuid-intercepted-0/cpl3"
#define ALL_ROW     "control/cpuid-passthrough-all/cpl3"

/* These three; any host can have them if those with a PMU have the simulated one. */
static struct bench *make_pmu_cost_bench(void)
{
	struct bench *bench = make_bench("control/empty/cpl3", false);
	struct case_plan *plan = calloc(1, sizeof(*plan));
	size_t n = 0;

	assert_non_null(plan);
	plan->pmu_cost = true;
	probe_setting_host("", &kvm, &plan->host);
	for (enum setting_kind kind = 0; kind < NR_SETTINGS; kind++)
		setting_derive(&plan->host, kind, &plan->setting[kind]);
	bench->n_rows = cases_make(plan, bench->rows);
	for (size_t i = 0; i < bench->n_rows; i++) {
		struct row *row = &bench->rows[i];
		struct machine *machine = &bench->machines[row->machine];

		if (strcmp(row->name, WITHOUT_ROW) && strcmp(row->name, NONE_ROW) &&
		    strcmp(row->name, ALL_ROW) && strcmp(row->name, "control/empty-no-pmu/cpl3"))
			continue;
		machine->running = pmu_state(row->machine)->running;
		machine->config.pmu.vendor = plan->host.kvm.vendor;
		machine->config.simulated = pmu_state(row->machine)->has_pmu;
		bench->rows[n] = *row;
		bench->rows[n].status = ROW_READY;
		bench->rows[n++].reason[0] = '\0';
	}
	bench->n_rows = n;
	bench->one_guest = true;
	bench->options.runs = FEW_RUNS;
	bench->options.seconds = FEW_RUNS;
	free(plan);
	return bench;
}

/* No guest is measured beside another, and each round's is a fresh one. */
static void test_one_guest(void **state)
{
	static const char *const names[] = { WITHOUT_ROW, NONE_ROW, ALL_ROW };
	struct bench *bench = make_pmu_cost_bench();
	size_t runs = FEW_RUNS; /* fewer on a busy machine */

	(void)state;
	vms_made = max_vms = 0;
	run(bench);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct row *row = find(bench, names[i]);

		if (row->status != ROW_MEASURED)
			fail_msg("%s: %s", row->name, row->reason);
		runs = bench->results[row - bench->rows].n_runs;
		assert_in_range(runs, 1, FEW_RUNS);
	}
	assert_int_equal(max_vms, 1);
	assert_true(vms_made >= 3 + 3 * runs * RUN_VISITS);
	finish(bench);

	/* The others are there together, and the same for a whole run. */
	bench = make_pmu_cost_bench();
	bench->one_guest = false;
	vms_made = max_vms = 0;
	run(bench);
	assert_int_equal(max_vms, 3);
	assert_true(vms_made <= 3 + 3 * (FEW_RUNS + 2));
	finish(bench);
}

/* ----- --vcpus ----- */

#define VCPUS      3
/* It comes back to this program once a block, however many exits there are. */
#define ALONE_ROW  "control/cpuid-vcpus1/cpl3"
#define BESIDE_ROW "control/cpuid-vcpus3/cpl3"

/*
 * All of them on one CPU, which any host has; that they hardly run at the same time is no matter unless a test asks for
 * it.
 */
static struct bench *make_vcpus_bench(const char *name, double min_together)
{
	static int cpus[VCPUS];
	struct bench *bench = make_planned_bench(name, false, VCPUS);
	cpu_set_t may;

	assert_int_equal(sched_getaffinity(0, sizeof(may), &may), 0);
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		for (unsigned int i = 0; i < VCPUS && CPU_ISSET(cpu, &may); i++)
			cpus[i] = cpu;
	bench->vcpus = VCPUS;
	bench->cpus = cpus;
	bench->one_guest = true;
	bench->options.min_together = min_together;
	nr_threads = 0;
	by_two_threads = false;
	forget_runs();
	return bench;
}

/* All of them run, each by a thread of its own, and what each did is in the row's figures. */
static void test_vcpus(void **state)
{
	struct bench *bench = make_vcpus_bench(BESIDE_ROW, 0);
	const struct row *alone = find(bench, ALONE_ROW), *row = find(bench, BESIDE_ROW);
	const struct row_result *result = &bench->results[row - bench->rows];

	(void)state;
	assert_int_equal(alone->vcpus, 1);
	assert_int_equal(row->vcpus, VCPUS);
	assert_non_null(find(bench, "control/empty-vcpus1/cpl3"));
	assert_non_null(find(bench, "control/empty-vcpus3/cpl3"));
	run(bench);
	for (size_t i = 0; i < bench->n_rows; i++)
		if (bench->rows[i].status != ROW_MEASURED)
			fail_msg("%s: %s", bench->rows[i].name, bench->rows[i].reason);
	assert_int_equal(nr_ran, VCPUS);
	assert_true(nr_threads >= VCPUS);
	assert_false(by_two_threads);
	for (size_t r = 0; r < result->n_runs; r++) {
		assert_int_equal(result->runs[r].reads % (3 * VCPUS * RUN_VISITS), 0);
		assert_int_equal(result->runs[r].samples.n % (VCPUS * RUN_VISITS), 0);
		assert_true(result->runs[r].together >= 0 && result->runs[r].together <= 1);
	}
	assert_true(bench->results[alone - bench->rows].runs[0].together == 1);
	for (unsigned int i = 0; i < VCPUS; i++)
		assert_true(vcpu_figure(row, result, i) > 0);
	assert_null(bench->others);
	finish(bench);
}

/* Those that share a CPU do not run at the same time; nor does that concern the row of one. */
static void test_vcpus_apart(void **state)
{
	struct bench *bench = make_vcpus_bench(BESIDE_ROW, VCPUS_MIN_TOGETHER);

	(void)state;
	bench->options.runs = 1;
	run(bench);
	expect_failed(find(bench, BESIDE_ROW), "ran at the same time for less than 90 % of the time");
	assert_int_equal(find(bench, ALONE_ROW)->status, ROW_MEASURED);
	finish(bench);
}

/* A row is no better than the loop that is taken off it. */
static void test_empty_loop_apart(void **state)
{
	struct run_result apart = { .together = 0.5 }, together = { .together = 1 };
	struct bench *bench = calloc(1, sizeof(*bench));
	struct row *empty = &bench->rows[0], *row = &bench->rows[1];

	(void)state;
	assert_non_null(bench);
	bench->options.min_together = VCPUS_MIN_TOGETHER;
	bench->n_rows = 2;
	*empty = (struct row){ .insn = GUEST_INSN_EMPTY, .vcpus = 2, .status = ROW_READY };
	*row = (struct row){ .insn = GUEST_INSN_RDPMC, .vcpus = 2, .status = ROW_READY };
	bench->results[0] = (struct row_result){ .runs = &apart, .n_runs = 1 };
	bench->results[1] = (struct row_result){ .runs = &together, .n_runs = 1 };
	bench_settle(bench);
	expect_failed(row, "those of the empty loop to take off");
	expect_failed(empty, "ran at the same time");
	apart.together = 0.9;
	for (size_t i = 0; i < bench->n_rows; i++)
		bench->rows[i].status = ROW_READY;
	bench_settle(bench);
	assert_int_equal(row->status, ROW_MEASURED);
	assert_int_equal(empty->status, ROW_MEASURED);
	free(bench);
}

/* One that is lost is told by its number, and the next row has another VM. */
static void test_vcpu_lost(void **state)
{
	struct bench *bench = make_vcpus_bench(BESIDE_ROW, 0);
	size_t failed = 0;

	(void)state;
	bench->options.runs = 1;
	vms_made = 0;
	atomic_store(&others_fail, 1);
	run(bench);
	for (size_t i = 0; i < bench->n_rows; i++) {
		if (bench->rows[i].status != ROW_FAILED)
			continue;
		/* Those it was taken off of fail with it. */
		failed += !strstr(bench->rows[i].reason, "the empty loop");
		if (!strstr(bench->rows[i].reason, "vCPU ") &&
		    !strstr(bench->rows[i].reason, "the empty loop"))
			fail_msg("%s", bench->rows[i].reason);
	}
	assert_int_equal(failed, 1);
	assert_true(vms_made > 1 + RUN_VISITS);
	finish(bench);
}

/* One of them answers wrongly: as when the only one does. */
static void test_vcpus_wrong_answer(void **state)
{
	struct bench *bench =
		make_vcpus_bench("rdpmc-fault/out-of-range-vcpus3/intercepted/cpl3", 0);
	struct row *row = find(bench, "rdpmc-fault/out-of-range-vcpus3/intercepted/cpl3");

	(void)state;
	bench->options.runs = 1;
	row->expected.gp = false;
	run(bench);
	expect_failed(row, "wrong answer: RDPMC of 0x0000ffff should answer");
	finish(bench);
}

/* The windows of two or three: when they began, had measured, stopped; and what they lost. */
static void test_together(void **state)
{
	static const struct {
		const char *what;
		unsigned int n;
		struct vcpu_window windows[3];
		double together;
	} rows[] = {
		{ "one alone", 1, { { 100, 200, 200, 50 } }, 1 },
		{ "the same time", 2, { { 0, 100, 100, 0 }, { 0, 100, 100, 0 } }, 1 },
		{ "one is done sooner and goes on", 2,
		  { { 0, 50, 100, 0 }, { 0, 100, 100, 0 } }, 1 },
		{ "one is done sooner and does not", 2,
		  { { 0, 50, 50, 0 }, { 0, 100, 100, 0 } }, 0.5 },
		{ "one is late", 2, { { 20, 100, 100, 0 }, { 0, 100, 100, 0 } }, 0.8 },
		{ "one is late for the short block of the other", 2,
		  { { 20, 120, 120, 0 }, { 0, 40, 120, 0 } }, 0.5 },
		{ "one after the other", 2, { { 0, 100, 100, 0 }, { 100, 200, 200, 0 } }, 0 },
		{ "one was off its CPU", 2, { { 0, 100, 100, 30 }, { 0, 100, 100, 0 } }, 0.7 },
		{ "more than it measured", 2, { { 0, 100, 900, 300 }, { 0, 100, 900, 0 } }, 0 },
		{ "the worst of three", 3,
		  { { 0, 100, 100, 0 }, { 10, 110, 110, 0 }, { 0, 100, 100, 5 } }, 0.85 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double together = vcpus_together(rows[i].windows, rows[i].n);

		if (fabs(together - rows[i].together) > 1e-9)
			fail_msg("%s: %g, not %g", rows[i].what, together, rows[i].together);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_row),
		cmocka_unit_test(test_passthrough_that_exits),
		cmocka_unit_test(test_intercept_that_does_not_exit),
		cmocka_unit_test(test_fault_instead_of_value),
		cmocka_unit_test(test_value_instead_of_fault),
		cmocka_unit_test(test_known_deviation),
		cmocka_unit_test(test_wrong_value),
		cmocka_unit_test(test_metrics_are_measured),
		cmocka_unit_test(test_failure_is_the_rows_own),
		cmocka_unit_test(test_impossible_budget),
		cmocka_unit_test(test_counting_fails),
		cmocka_unit_test(test_no_guest_at_all),
		cmocka_unit_test(test_clock_ratio),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_one_guest),
		cmocka_unit_test(test_vcpus),
		cmocka_unit_test(test_vcpus_apart),
		cmocka_unit_test(test_empty_loop_apart),
		cmocka_unit_test(test_vcpu_lost),
		cmocka_unit_test(test_vcpus_wrong_answer),
		cmocka_unit_test(test_together),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
