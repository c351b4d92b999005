// SPDX-License-Identifier: GPL-2.0-or-later
/* Calibration, runs and rounds. What is measured, and why, is described in docs/method.md. */
#include "bench/runner.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/answers.h"
#include "bench/figures.h"
#include "bench/measure.h"
#include "host/interrupt.h"
#include "lib/clock.h"
#include "lib/random.h"

#define MIN_TIMEOUT_MS 2000
#define CALIBRATION_NS 2000000 /* a block this long tells the cost of a turn well enough */
#define MAX_TURNS      (1U << 23)
#define MIN_TURNS      8
#define RECORDED_TURNS 64
#define BLOCK_SHARE    0.75 /* of a visit's time; the rest is for samples */

struct schedule {
	double cost_ns[MAX_ROWS]; /* of one turn, from calibration */
	uint64_t turns[MAX_ROWS];
	uint64_t samples[MAX_ROWS]; /* a visit */
	struct visits visits[MAX_ROWS];
	double clock_ratio; /* of guests' blocks, see clock_ratio_add() */
};

static void progress(const struct bench *bench, const char *what, unsigned int i, unsigned int n,
		     double left)
{
	if (!bench->options.progress)
		return;
	fprintf(stderr, "\r\033[K%s", what);
	if (n)
		fprintf(stderr, " %u of %u, about %.0f s left", i, n, left);
	fflush(stderr);
}

static void end_progress(const struct bench *bench)
{
	if (bench->options.progress)
		fprintf(stderr, "\r\033[K");
}

/* Double the block until it takes long enough to tell the cost of one turn. */
static int calibrate_row(struct bench *bench, struct schedule *schedule, size_t i,
			 struct failure *failure)
{
	struct row *row = &bench->rows[i];
	struct reading reading[MAX_VCPUS];
	uint64_t count;
	int error;

	error = measure_row(bench, row, 1, false, MEASURE_PROBE_MS, reading, failure);
	for (count = 4; !error; count *= 4) {
		error = measure_row(bench, row, count, false, MIN_TIMEOUT_MS, reading, failure);
		if (!error && (reading[0].host_ns >= CALIBRATION_NS || count >= MAX_TURNS))
			break;
	}
	if (!error)
		schedule->cost_ns[i] = fmax((double)reading[0].ticks * 1e6 /
						    (double)bench->tsc_khz / (double)count,
					    0.05);
	return error == -EINTR ? error : 0;
}

static size_t count_ready(const struct bench *bench)
{
	size_t ready = 0;

	for (size_t i = 0; i < bench->n_rows; i++)
		ready += bench->rows[i].status == ROW_READY;
	return ready;
}

/* Share the time that is left among the runs that are left, the same for each row. */
static void share_time(const struct bench *bench, struct schedule *schedule, double seconds)
{
	size_t ready = count_ready(bench);
	double visit_ns = seconds * 1e9 / (double)(ready ? ready * RUN_VISITS : 1);

	for (size_t i = 0; i < bench->n_rows; i++) {
		double turns = BLOCK_SHARE * visit_ns / 3 / schedule->cost_ns[i];
		double samples = (1 - BLOCK_SHARE) * visit_ns / schedule->cost_ns[i];

		schedule->turns[i] = (uint64_t)fmin(fmax(turns, MIN_TURNS), MAX_TURNS);
		/* As many of all vCPUs together as of one alone. */
		schedule->samples[i] =
			(uint64_t)fmax(fmin(fmax(samples, MIN_TURNS), MAX_SAMPLES_A_VISIT) /
					       row_vcpus(&bench->rows[i]),
				       1);
	}
}

/* The least that the rows can be measured in: refuse a budget that is a promise nobody can keep. */
static int check_budget(const struct bench *bench, const struct schedule *schedule,
			struct failure *failure)
{
	double min = 0;

	for (size_t i = 0; i < bench->n_rows; i++)
		if (bench->rows[i].status == ROW_READY)
			min += schedule->cost_ns[i] * 1e-9 * (3 + 1) * MIN_TURNS * RUN_VISITS *
			       bench->options.runs;
	if (min <= 2 * bench->options.seconds)
		return 0;
	return fail_with(failure, -EINVAL,
			 "%g s is too little for %u runs of %zu rows: about %.0f s at the least",
			 bench->options.seconds, bench->options.runs, count_ready(bench), min);
}

static unsigned int timeout_for(const struct schedule *schedule, size_t i, uint64_t count)
{
	double expected_ms = schedule->cost_ns[i] * (double)count * 1e-6;

	return (unsigned int)fmax(MIN_TIMEOUT_MS, 50 * expected_ms);
}

/* A guest that has just been booted faults its pages in: not what is measured. */
static int warm_up(struct bench *bench, const struct schedule *schedule, size_t i,
		   struct failure *failure)
{
	struct row *row = &bench->rows[i];
	const unsigned int vcpus = row->vcpus;
	struct reading reading[MAX_VCPUS];
	int error = 0;

	/* The others' as well, for the rows to come. */
	row->vcpus = bench->vcpus;
	for (int sampled = 0; sampled < 2 && !error; sampled++) {
		uint64_t count = sampled ? schedule->samples[i] : MIN_TURNS;

		error = measure_row(bench, row, count, sampled, timeout_for(schedule, i, count),
				    reading, failure);
	}
	row->vcpus = vcpus;
	return error;
}

/* N reads, 2N reads, some reads one by one. */
static int visit(struct bench *bench, struct schedule *schedule, size_t i, bool long_first,
		 struct failure *failure)
{
	struct row *row = &bench->rows[i];
	uint64_t n = schedule->turns[i], samples = schedule->samples[i];
	const unsigned int vcpus = row_vcpus(row);
	struct reading reading[2][MAX_VCPUS], sampled[MAX_VCPUS];
	const struct machine *machine = &bench->machines[row->machine];
	int error = 0;

	if (bench->one_guest && !machine->up)
		error = warm_up(bench, schedule, i, failure);
	if (error)
		return error;
	for (int turn = 0; turn < 2; turn++) {
		bool is_long = turn != long_first;
		uint64_t count = is_long ? 2 * n : n;

		error = measure_row(bench, row, count, false, timeout_for(schedule, i, count),
				    reading[is_long], failure);
		if (error)
			return error;
	}
	error = measure_row(bench, row, samples, true, timeout_for(schedule, i, samples), sampled,
			    failure);
	if (error)
		return error;

	for (unsigned int v = 0; v < vcpus; v++) {
		const struct reading block[2] = { reading[0][v], reading[1][v] };

		visits_add(&schedule->visits[i], n, block, &sampled[v],
			   v ? vcpus_samples(bench->others, v, row) : machine_samples(machine, row),
			   samples);
	}
	if (row->machine == MACHINE_NATIVE)
		bench->results[i].value = reading[1]->value;
	/* The clock of native rows is the host's own. */
	if (row_has_guest(row) && reading[1]->host_ns > CALIBRATION_NS)
		schedule->clock_ratio =
			clock_ratio_add(schedule->clock_ratio,
					(double)reading[1]->ticks * 1e6 / (double)bench->tsc_khz,
					(double)reading[1]->host_ns);
	return 0;
}

/* A row's visits become its result of this run, net of @empty's when that is not NULL. */
static void summarise_row(struct bench *bench, const struct schedule *schedule, size_t i,
			  const struct row *empty, unsigned int run)
{
	const struct row_result *base = empty ? &bench->results[empty - bench->rows] : NULL;
	struct run_result *result;

	if (bench->rows[i].status != ROW_READY || !schedule->visits[i].n)
		return;
	/* A run that has no empty loop to take off has no net value. */
	if (base && base->n_runs <= run)
		return;
	result = &bench->results[i].runs[run];
	visits_result(&schedule->visits[i], base ? &base->runs[run] : NULL, result);
	for (unsigned int v = 0, n = bench->rows[i].vcpus; v < n; v++)
		bench->results[i].vcpus[run * n + v] = visits_of_vcpu(&schedule->visits[i], v, n) -
						       (base ? base->vcpus[run * n + v] : 0);
	bench->results[i].n_runs = run + 1;
	bench->noise.irq_exits += result->irq_exits;
	bench->noise.samples += result->samples.n;
	bench->noise.disturbed += result->samples.disturbed;
}

static void summarise_run(struct bench *bench, const struct schedule *schedule, unsigned int run)
{
	/* Empty loops first: the others are net of them. */
	for (int net = 0; net < 2; net++) {
		for (size_t i = 0; i < bench->n_rows; i++) {
			const struct row *empty =
				rows_empty_loop(bench->rows, bench->n_rows, &bench->rows[i]);

			if ((empty != NULL) == net)
				summarise_row(bench, schedule, i, empty, run);
		}
	}
}

/* Put rows of one machine one after the other: machines in random order, and theirs as they were. */
static void group_by_machine(const struct bench *bench, struct random *random, unsigned int *order)
{
	unsigned int machines[NR_MACHINES], grouped[MAX_ROWS];
	size_t n = 0;

	for (unsigned int i = 0; i < NR_MACHINES; i++)
		machines[i] = i;
	random_shuffle(random, machines, NR_MACHINES);
	for (unsigned int m = 0; m < NR_MACHINES; m++)
		for (size_t i = 0; i < bench->n_rows; i++)
			if (bench->rows[order[i]].machine == machines[m])
				grouped[n++] = order[i];
	memcpy(order, grouped, n * sizeof(*order));
}

/* Visit every guest's row, or every native one, once and in random order. */
static int do_round(struct bench *bench, struct schedule *schedule, struct random *random,
		    bool native, struct failure *failure)
{
	unsigned int order[MAX_ROWS];

	for (unsigned int i = 0; i < bench->n_rows; i++)
		order[i] = i;
	random_shuffle(random, order, bench->n_rows);
	if (bench->one_guest) {
		group_by_machine(bench, random, order);
		measure_guests_down(bench);
	}
	for (size_t i = 0; i < bench->n_rows; i++) {
		const struct row *row = &bench->rows[order[i]];

		if (row->status != ROW_READY || (row->machine == MACHINE_NATIVE) != native)
			continue;
		/* A native row has no KVM_RUN to leave. */
		if (interrupt_signal() ||
		    visit(bench, schedule, order[i], random_below(random, 2), failure) == -EINTR)
			return -EINTR;
	}
	return 0;
}

static int do_run(struct bench *bench, struct schedule *schedule, struct random *random,
		  unsigned int run, struct failure *failure)
{
	int error;

	for (size_t i = 0; i < bench->n_rows; i++)
		visits_clear(&schedule->visits[i]);
	error = answers_check_all(bench->machines, bench->kvm, bench->rows, bench->n_rows,
				  bench->results, failure);
	for (int native = 0; native < 2 && error != -EINTR; native++)
		for (unsigned int round = 0; round < RUN_VISITS && error != -EINTR; round++)
			error = do_round(bench, schedule, random, native, failure);
	measure_all_down(bench);
	/* Half a run is not an observation. */
	if (error == -EINTR)
		return error;
	summarise_run(bench, schedule, run);
	answers_exits(bench, run);
	return 0;
}

/*
 * Tracepoints or host counters, per read: after the runs, because counting makes an exit slower.
 */
static int count_events(struct bench *bench, const struct schedule *schedule, bool traced,
			struct failure *failure)
{
	for (size_t i = 0; i < bench->n_rows; i++) {
		struct row *row = &bench->rows[i];
		const struct row measured = *row;
		uint64_t n = schedule->turns[i] < 1000 ? schedule->turns[i] : 1000;
		uint64_t count[3][NR_PERF_COUNTS];
		struct reading reading;
		int error = 0;

		/* What a vCPU does until the others have measured would be counted too. */
		if (row->status != ROW_READY || !row_has_guest(row) || row->vcpus > 1)
			continue;
		for (int c = 0; c < NR_PERF_COUNTS; c++)
			if (perf_count_is_traced((enum perf_count)c) == traced)
				bench->results[i].counts[c] = NAN;
		/* Booting a guest must not be counted. */
		error = measure_row(bench, row, 1, false, timeout_for(schedule, i, 1), &reading,
				    failure);
		perf_counts_read(&bench->counts, count[0]);
		for (unsigned int turn = 1; turn <= 2 && !error; turn++) {
			error = measure_row(bench, row, n * turn, false,
					    timeout_for(schedule, i, n * turn), &reading, failure);
			perf_counts_read(&bench->counts, count[turn]);
		}
		if (error == -EINTR)
			return error;
		/* What was measured stays: a row without counts is no failed row. */
		if (error) {
			*row = measured;
			continue;
		}
		for (int c = 0; c < NR_PERF_COUNTS; c++)
			if (perf_count_is_traced((enum perf_count)c) == traced)
				bench->results[i].counts[c] =
					((double)(count[2][c] - count[1][c]) -
					 (double)(count[1][c] - count[0][c])) /
					(double)n;
		bench->results[i].has_counts = true;
	}
	return 0;
}

/*
 * One exit as the emulated machine saw it. After the runs, so that they are what they are without it; and
 * a row whose path cannot be had stays measured.
 */
static int record_paths(struct bench *bench, const struct schedule *schedule,
			struct failure *failure)
{
	for (size_t i = 0; i < bench->n_rows; i++) {
		struct row *row = &bench->rows[i];
		struct row_result *result = &bench->results[i];
		const struct row measured = *row;
		struct reading reading;
		int error;

		if (row->status != ROW_READY || !row_has_guest(row) || row->vcpus > 1)
			continue;
		/* Booting a guest must not be recorded. */
		error = measure_row(bench, row, 1, false, timeout_for(schedule, i, 1), &reading,
				    failure);
		if (!error) {
			exit_path_start(row->name);
			error = measure_row(bench, row, RECORDED_TURNS, false,
					    timeout_for(schedule, i, RECORDED_TURNS), &reading,
					    failure);
			/* A passed through read has the way in and out of the guest only. */
			result->has_path =
				exit_path_stop(error ? UINT32_MAX : RECORDED_TURNS, &result->path);
		}
		if (error == -EINTR)
			return error;
		if (error)
			*row = measured;
	}
	return 0;
}

static bool has_guests(const struct bench *bench)
{
	for (size_t i = 0; i < bench->n_rows; i++)
		if (row_has_guest(&bench->rows[i]))
			return true;
	return false;
}

static int allocate(struct bench *bench, struct schedule *schedule, struct failure *failure)
{
	for (size_t i = 0; i < bench->n_rows; i++) {
		if (bench->rows[i].status != ROW_READY)
			continue;
		bench->results[i].runs = calloc(bench->options.runs, sizeof(struct run_result));
		schedule->visits[i].samples =
			calloc(RUN_VISITS * MAX_SAMPLES_A_VISIT, sizeof(uint64_t));
		bench->results[i].vcpus = calloc(
			(size_t)bench->options.runs * row_vcpus(&bench->rows[i]), sizeof(double));
		if (!bench->results[i].runs || !schedule->visits[i].samples ||
		    !bench->results[i].vcpus)
			return fail_with(failure, -ENOMEM, "out of memory");
	}
	return 0;
}

/* What keeps every guest from coming up is the run's error, even if native rows could go on. */
static int check_guests(const struct bench *bench, struct failure *failure)
{
	if (bench->guest_ran || !bench->guest_error)
		return 0;
	*failure = bench->guest_failure;
	/* -EINVAL is for the budget. */
	return bench->guest_error == -EINVAL ? -EIO : bench->guest_error;
}

static int do_runs(struct bench *bench, struct schedule *schedule, struct failure *failure)
{
	struct random random = { bench->options.seed };
	double start = clock_seconds();
	int error = 0;

	for (size_t i = 0; i < bench->n_rows && !error; i++) {
		progress(bench, "calibrating row", (unsigned int)i + 1, (unsigned int)bench->n_rows,
			 bench->options.seconds - (clock_seconds() - start));
		if (bench->rows[i].status == ROW_READY)
			error = calibrate_row(bench, schedule, i, failure);
	}
	/* Runs are of fresh VMs, the first one too. */
	measure_all_down(bench);
	if (!error)
		error = check_guests(bench, failure);
	if (!error)
		error = check_budget(bench, schedule, failure);
	for (unsigned int run = 0; run < bench->options.runs && !error && count_ready(bench);
	     run++) {
		double left = bench->options.seconds - (clock_seconds() - start);

		/* Calibration was too hopeful: fewer runs, and the report says so. */
		if (run && left <= 0)
			break;
		progress(bench, "run", run + 1, bench->options.runs, fmax(left, 0));
		share_time(bench, schedule, fmax(left, 0) / (bench->options.runs - run));
		error = do_run(bench, schedule, &random, run, failure);
	}
	if (!error && exit_path_recorder())
		error = record_paths(bench, schedule, failure);
	for (int traced = 0; traced < 2 && !error && has_guests(bench); traced++) {
		if (perf_counts_open(&bench->counts, "", traced))
			error = count_events(bench, schedule, traced, failure);
		perf_counts_close(&bench->counts);
	}
	bench->elapsed = clock_seconds() - start;
	end_progress(bench);
	return error;
}

/* What did not run at the same time says nothing of what that costs. */
static void check_together(struct bench *bench, size_t i)
{
	struct row *row = &bench->rows[i];
	const struct row *empty = rows_empty_loop(bench->rows, bench->n_rows, row);
	double together = row_figures(&bench->results[i]).together;
	char reason[200];

	if (empty)
		together =
			fmin(together, row_figures(&bench->results[empty - bench->rows]).together);
	if (row->vcpus < 2 || together >= bench->options.min_together)
		return;
	/* Without its own figure, so that rows share the reason. */
	snprintf(reason, sizeof(reason),
		 "its vCPUs, or those of the empty loop to take off, ran at the same time for less "
		 "than %.0f %% of the time: other tasks had their CPUs",
		 100 * bench->options.min_together);
	row_fail(row, reason);
}

void bench_settle(struct bench *bench)
{
	for (size_t i = 0; i < bench->n_rows; i++) {
		struct row *row = &bench->rows[i];

		if (row->status != ROW_READY)
			continue;
		if (bench->results[i].n_runs) {
			row->status = ROW_MEASURED;
			check_together(bench, i);
		} else {
			row->status = bench->partial ? ROW_SKIPPED : ROW_FAILED;
			snprintf(row->reason, sizeof(row->reason), "%s",
				 bench->partial ? "interrupted before the first run was complete"
						: "the empty loop to take off was not measured");
		}
	}
}

int bench_run(struct bench *bench, struct failure *failure)
{
	struct schedule *schedule = calloc(1, sizeof(*schedule));
	int error;

	if (!schedule)
		return fail_with(failure, -ENOMEM, "out of memory");
	schedule->clock_ratio = NAN;
	if (bench->vcpus > 1) {
		bench->others = vcpus_start(bench->vcpus, bench->cpus, failure);
		if (!bench->others) {
			free(schedule);
			return -ENOMEM;
		}
	}
	noise_start(&bench->noise, bench->cpu);
	error = allocate(bench, schedule, failure);
	if (!error)
		error = do_runs(bench, schedule, failure);
	measure_all_down(bench);
	vcpus_stop(bench->others);
	bench->others = NULL;
	if (error == -EINTR) {
		bench->partial = true;
		error = 0;
	}
	bench_settle(bench);
	noise_end(&bench->noise, bench->cpu);
	bench->noise.clock_ratio = schedule->clock_ratio;
	for (size_t i = 0; i < bench->n_rows; i++)
		free(schedule->visits[i].samples);
	free(schedule);
	return error;
}

void bench_free(struct bench *bench)
{
	for (size_t i = 0; i < bench->n_rows; i++) {
		free(bench->results[i].runs);
		free(bench->results[i].vcpus);
	}
}
