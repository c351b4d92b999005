// SPDX-License-Identifier: GPL-2.0-or-later
/* The machine that a row wants, brought up where it is not, and what becomes of a row that cannot be measured. */
#include "bench/measure.h"

#include <errno.h>
#include <stdio.h>

#include "bench/answers.h"
#include "bench/tsc.h"
#include "bench/vcpus.h"

/* A measurement that failed: -EINTR ends everything, the rest is the row's own fate. */
static int row_error(struct row *row, int error, bool probing, const struct failure *failure)
{
	if (error == -EINTR)
		return error;
	if (error == -ETIMEDOUT && probing &&
	    (row->insn == GUEST_INSN_VMCALL || row->insn == GUEST_INSN_VMMCALL)) {
		row->status = ROW_SKIPPED;
		snprintf(row->reason, sizeof(row->reason),
			 "the hypercall never returns on this KVM (ended by the watchdog after %u "
			 "ms)",
			 MEASURE_PROBE_MS);
		return 0;
	}
	/* Fewer counters than the row is called by. */
	if (error == -ENOSPC && probing) {
		row->status = ROW_SKIPPED;
		snprintf(row->reason, sizeof(row->reason), "%s", failure->text);
		return 0;
	}
	row_fail(row, failure->text);
	return 0;
}

void measure_guests_down(struct bench *bench)
{
	if (bench->others)
		vcpus_down(bench->others);
	for (int i = 0; i < NR_MACHINES; i++)
		if (i != MACHINE_NATIVE)
			machine_down(&bench->machines[i]);
}

void measure_all_down(struct bench *bench)
{
	measure_guests_down(bench);
	native_close(&bench->machines[MACHINE_NATIVE].native);
}

/* Guests and native rows are never there together: they would take each other's counters. */
static int native_machine(struct bench *bench, const struct row *row, struct failure *failure)
{
	struct native *native = &bench->machines[MACHINE_NATIVE].native;
	char reason[160] = "";

	measure_guests_down(bench);
	/* No guest may have come up to say it. */
	if (!bench->tsc_khz)
		bench->tsc_khz = tsc_measure_khz();
	if (!native->open)
		native_open(native, "", bench->vendor, reason, sizeof(reason));
	if (native_has(native, row->counter))
		return 0;
	return fail_with(failure, -EBUSY, "perf gave the counter away%s%s", reason[0] ? ": " : "",
			 reason);
}

/* Bring up the row's machine with its counters running. */
static int one_machine(struct bench *bench, const struct row *row, struct failure *failure)
{
	struct machine *machine = &bench->machines[row->machine];
	int error;

	if (row->machine == MACHINE_NATIVE)
		return native_machine(bench, row, failure);
	native_close(&bench->machines[MACHINE_NATIVE].native);
	if (machine->up)
		return 0;
	/*
	 * Another guest's counters are perf events of this thread: they would take this one's, and
	 * make each of its entries and exits dearer.
	 */
	if (bench->one_guest)
		measure_guests_down(bench);
	error = machine_up(machine, bench->kvm, failure);
	if (error && error != -EINTR && !bench->guest_error) {
		bench->guest_error = error;
		bench->guest_failure = *failure;
	}
	if (error)
		return error;
	bench->guest_ran = true;
	bench->tsc_khz = machine->guest.vm.tsc_khz;
	error = answers_start(machine, failure);
	/* The next row must not find it up and believe that it was looked at. */
	if (error)
		machine_down(machine);
	return error;
}

/* ... and where there are more vCPUs, all of them: a row of fewer has the others idle. */
static int row_machine(struct bench *bench, const struct row *row, struct failure *failure)
{
	int error = one_machine(bench, row, failure);

	if (!error && bench->others)
		error = vcpus_up(bench->others, bench->kvm, &bench->machines[row->machine],
				 failure);
	return error;
}

int measure_row(struct bench *bench, struct row *row, uint64_t count, bool sampled,
		unsigned int timeout_ms, struct reading *readings, struct failure *failure)
{
	struct machine *machine = &bench->machines[row->machine];
	int error = row_machine(bench, row, failure);

	if (!error && row->vcpus > 1)
		error = vcpus_measure(bench->others, machine, row, count, sampled, timeout_ms,
				      readings, failure);
	else if (!error)
		error = machine_measure(machine, row, count, sampled, timeout_ms, readings,
					failure);
	/* A VM that has lost one of its vCPUs cannot get it back. */
	if (error && bench->others)
		measure_guests_down(bench);
	if (error)
		return row_error(row, error, timeout_ms == MEASURE_PROBE_MS, failure) ? -EINTR
										      : -ECANCELED;
	for (unsigned int i = 0; i < row_vcpus(row); i++) {
		if (answers_block(row, count, &readings[i], failure))
			continue;
		row_fail(row, failure->text);
		return -ECANCELED;
	}
	return 0;
}
