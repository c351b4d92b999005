// SPDX-License-Identifier: GPL-2.0-or-later
/* Holding every read against what it should have answered. */
#include "bench/answers.h"

#include <errno.h>
#include <linux/kvm_para.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/figures.h"

#define TIMEOUT_MS     2000
#define MAX_CALL_EXITS 8 /* of one command's way to CPL 3 and back, at the most */

/* RAX and RDX as the loop left them: a #GP changes neither. */
#define UNTOUCHED ((uint64_t)GUEST_UNTOUCHED << 32 | GUEST_UNTOUCHED)

static const struct pmu_shape *guest_shape(const struct machine *machine)
{
	return machine->config.simulated ? &machine->guest.vpmu.shape : &machine->config.pmu;
}

/* Does the guest's own CPUID announce the PMU that the setting asked for? */
static int check_announced(struct machine *machine, struct failure *failure)
{
	const struct pmu_shape *asked = guest_shape(machine);
	const struct pmu_shape *seen = &machine->guest.page->pmu;
	int error = guest_call(&machine->guest, GUEST_PMU_DETECT, TIMEOUT_MS, failure);

	if (error || (seen->version == asked->version && seen->nr_gp == asked->nr_gp &&
		      seen->gp_width == asked->gp_width && seen->nr_fixed == asked->nr_fixed &&
		      seen->perf_capabilities == asked->perf_capabilities))
		return error;
	return fail_with(failure, -EBADMSG,
			 "the guest sees PMU version %u, %u GP counters of %u bits, %u fixed, "
			 "PERF_CAPABILITIES %#llx; asked for: %u, %u of %u, %u, %#llx",
			 seen->version, seen->nr_gp, seen->gp_width, seen->nr_fixed,
			 (unsigned long long)seen->perf_capabilities, asked->version, asked->nr_gp,
			 asked->gp_width, asked->nr_fixed,
			 (unsigned long long)asked->perf_capabilities);
}

int answers_counting(const struct pmu_shape *guest, enum guest_running running, uint64_t counting,
		     struct failure *failure)
{
	uint64_t asked = running == GUEST_RUNNING_ALL ? guest->nr_gp + guest->nr_fixed
						      : running == GUEST_RUNNING_ONE;

	if (counting < asked)
		return fail_with(failure, -ENOSPC,
				 "of the guest's %llu counters that were started %llu count; perf "
				 "has the others: sysctl kernel.nmi_watchdog=0, end other perf "
				 "events",
				 (unsigned long long)asked, (unsigned long long)counting);
	if (counting > asked)
		return fail_with(failure, -EBADMSG,
				 "wrong label: %llu of the guest's counters were started, %llu "
				 "count",
				 (unsigned long long)asked, (unsigned long long)counting);
	return 0;
}

int answers_start(struct machine *machine, struct failure *failure)
{
	struct guest *guest = &machine->guest;
	int error;

	if (!guest_shape(machine)->version)
		return 0;
	error = check_announced(machine, failure);
	if (error)
		return error;
	guest->page->params.running = machine->running;
	error = guest_call(guest, GUEST_PMU_START, TIMEOUT_MS, failure);
	if (error || machine->running == GUEST_RUNNING_READ)
		return error;
	error = guest_call(guest, GUEST_PMU_COUNTS, TIMEOUT_MS, failure);
	return error ? error
		     : answers_counting(guest_shape(machine), machine->running,
					guest->page->result.value, failure);
}

/* Deviations of KVM's own that this program meets on purpose; empty for any other. */
static const char *known_deviation(const struct row *row)
{
	if (!row->expected.gp)
		return "";
	if (row->counter == COUNTER_VMWARE)
		return "; known: KVM answers it whatever enable_vmware_backdoor says "
		       "(kvm_pmu_rdpmc(), "
		       "Linux 6.1 to 7.3)";
	if (row->counter == COUNTER_FAST)
		return "; known: KVM before Linux 6.9 takes ECX[31] for a fast read";
	if (!strcmp(row->expected.rule, "NO-PMU"))
		return "; known: kvm_amd before Linux 6.9 answers guests that have no PMU";
	return "";
}

/* One line on a read that faulted though it should not have, or the reverse. */
static bool right_outcome(struct row *row, const struct reading *reading, uint64_t count,
			  struct failure *failure)
{
	uint64_t expected = row->expected.gp ? count : 0;
	const char *deviation = known_deviation(row);

	if (row->machine == MACHINE_SIMULATED && reading->assists != count) {
		row->known = true;
		fail_with(
			failure, 0,
			"wrong answer: %llu of %llu reads came to the simulated PMU; KVM answered "
			"the others itself (known: kvm_amd before Linux 6.9 answers guests without "
			"a PMU)",
			(unsigned long long)reading->assists, (unsigned long long)count);
		return false;
	}
	if (reading->faults == expected)
		return true;
	row->known = deviation[0];
	fail_with(failure, 0,
		  "wrong answer: RDPMC of 0x%08x should %s (rule %s), but %llu of %llu reads were "
		  "#GP%s",
		  row->ecx, row->expected.gp ? "be #GP" : "answer", row->expected.rule,
		  (unsigned long long)reading->faults, (unsigned long long)count, deviation);
	return false;
}

/* Of a counter that is stopped. */
static int holds_preset(const struct row *row, uint64_t value, struct failure *failure)
{
	if (row->expected.gp || row->expected.any || value == row->expected.preset)
		return 0;
	return fail_with(
		failure, -EBADMSG,
		"wrong answer: RDPMC of 0x%08x gave %#llx, the stopped counter holds %#llx",
		row->ecx, (unsigned long long)value, (unsigned long long)row->expected.preset);
}

bool answers_block(struct row *row, uint64_t count, const struct reading *reading,
		   struct failure *failure)
{
	/* EDX of leaf 0: "ineI", "enti", "nGen" of GenuineIntel, AuthenticAMD and HygonGenuine */
	static const uint32_t vendors[] = { 0x49656e69, 0x69746e65, 0x6e65476e };
	uint32_t high = (uint32_t)(reading->value >> 32), low = (uint32_t)reading->value;

	switch (row->insn) {
	case GUEST_INSN_RDPMC:
		if (row->machine == MACHINE_NATIVE && row->counter == COUNTER_METRICS &&
		    !expect_metrics_plausible(reading->value)) {
			fail_with(failure, 0, "implausible: native PERF_METRICS %#llx",
				  (unsigned long long)reading->value);
			return false;
		}
		if (row->machine == MACHINE_NATIVE)
			return true;
		if (!right_outcome(row, reading, count, failure))
			return false;
		if (row->expected.gp && reading->value != UNTOUCHED) {
			fail_with(failure, 0,
				  "wrong answer: #GP of RDPMC 0x%08x changed EDX:EAX to %08x:%08x",
				  row->ecx, high, low);
			return false;
		}
		return true;
	case GUEST_INSN_CPUID:
		if (high == vendors[0] || high == vendors[1] || high == vendors[2])
			return true;
		fail_with(failure, 0, "wrong answer: CPUID leaf 0 gave EDX 0x%08x", high);
		return false;
	case GUEST_INSN_PORT:
		/* Samples come as blocks of one: the same number of writes. */
		if (reading->user_exits == count)
			return true;
		fail_with(failure, 0,
			  "wrong count: %llu port writes, %llu of them reached user space",
			  (unsigned long long)count, (unsigned long long)reading->user_exits);
		return false;
	case GUEST_INSN_VMCALL:
	case GUEST_INSN_VMMCALL:
		if (low == (uint32_t)-KVM_ENOSYS)
			return true;
		fail_with(failure, 0,
			  "wrong answer: an unknown hypercall gave EAX 0x%08x, not -KVM_ENOSYS",
			  low);
		return false;
	default:
		return true;
	}
}

static int read_once(struct machine *machine, struct row *row, uint64_t *value,
		     struct failure *failure)
{
	struct reading reading;
	int error = machine_measure(machine, row, 1, false, TIMEOUT_MS, &reading, failure);

	*value = reading.value;
	if (!error && !answers_block(row, 1, &reading, failure))
		error = -EBADMSG;
	return error;
}

static bool is_rdpmc_on(const struct row *row, enum machine_kind kind)
{
	return row->status == ROW_READY && row->machine == kind && row->insn == GUEST_INSN_RDPMC;
}

static int check_preset(struct machine *machine, struct row *row, uint64_t *value,
			struct failure *failure)
{
	int error = read_once(machine, row, value, failure);

	if (error)
		return error;
	/*
	 * Whether a processor keeps PERF_METRICS to the bit, with SLOTS at another value, is
	 * nowhere promised; that the fractions make a whole is.
	 */
	if (row->counter == COUNTER_METRICS && row->machine != MACHINE_SIMULATED &&
	    expect_metrics_plausible(*value))
		return 0;
	return holds_preset(row, *value, failure);
}

static int check_running(struct machine *machine, struct row *row, uint64_t *value,
			 struct failure *failure)
{
	uint64_t first, second = 0;
	int error = read_once(machine, row, &first, failure);

	if (!error)
		error = read_once(machine, row, &second, failure);
	*value = second;
	if (error || row->expected.gp || row->expected.any ||
	    expect_running(guest_shape(machine), row->ecx, first, second))
		return error;
	return fail_with(failure, -EBADMSG,
			 "implausible: RDPMC of 0x%08x running gave %#llx, then %#llx", row->ecx,
			 (unsigned long long)first, (unsigned long long)second);
}

/* All rows of one machine, stopped and then running. */
static int check_machine(struct machine *machine, enum machine_kind kind, const struct kvm *kvm,
			 struct row *rows, size_t n, struct row_result *results,
			 struct failure *failure)
{
	for (int running = 0; running < 2; running++) {
		int error = machine_up(machine, kvm, failure);

		if (!error && guest_shape(machine)->version)
			error = guest_call(&machine->guest,
					   running ? GUEST_PMU_START : GUEST_PMU_PRESET, TIMEOUT_MS,
					   failure);
		for (size_t i = 0; i < n && error != -EINTR; i++) {
			struct row *row = &rows[i];

			if (!is_rdpmc_on(row, kind))
				continue;
			if (!error)
				error = (running ? check_running : check_preset)(
					machine, row, &results[i].value, failure);
			if (error && error != -EINTR) {
				row_fail(row, failure->text);
				/*
				 * The machine may be gone; the counters of a new one must be set
				 * again.
				 */
				machine_down(machine);
				error = machine_up(machine, kvm, failure);
				if (!error && guest_shape(machine)->version)
					error = guest_call(&machine->guest,
							   running ? GUEST_PMU_START
								   : GUEST_PMU_PRESET,
							   TIMEOUT_MS, failure);
			}
		}
		if (error == -EINTR)
			return error;
	}
	return 0;
}

int answers_check_all(struct machine *machines, const struct kvm *kvm, struct row *rows, size_t n,
		      struct row_result *results, struct failure *failure)
{
	for (enum machine_kind kind = 0; kind < NR_MACHINES; kind++) {
		bool used = false;
		int error;

		/* Native rows know no value to expect. */
		if (kind == MACHINE_NATIVE)
			continue;
		for (size_t i = 0; i < n; i++)
			used |= is_rdpmc_on(&rows[i], kind);
		if (!used)
			continue;
		error = check_machine(&machines[kind], kind, kvm, rows, n, results, failure);
		if (error)
			return error;
	}
	return 0;
}

/*
 * Of @exits up to @slack may be none of the @turns': is there a number that agrees between what that
 * leaves and the whole?
 */
static bool exits_agree(const struct row *row, enum kvm_backend backend, double exits, double slack,
			double turns)
{
	double nominal = row->exits == EXITS_NONE ? 0 : 1;
	double min = (exits - slack) / turns, max = exits / turns;

	return expect_exits_met(row->exits, backend, fmin(fmax(nominal, min), max));
}

void answers_exits(struct bench *bench, unsigned int run)
{
	for (size_t i = 0; i < bench->n_rows; i++) {
		const struct run_result *result;
		struct row *row = &bench->rows[i];
		/* A simulated read exits once to fault and once to ask. */
		enum kvm_backend backend =
			row->machine == MACHINE_SIMULATED ? KVM_BACKEND_UNKNOWN : bench->backend;
		char reason[200], block[16], sample[16];
		double turns, visits;

		if (row->status != ROW_READY || !row_has_guest(row) ||
		    bench->results[i].n_runs <= run)
			continue;
		result = &bench->results[i].runs[run];
		turns = (double)result->reads / 3; /* exits are of 2N less N */
		visits = RUN_VISITS * row_vcpus(row);
		/* Samples pay for the way in and out of the guest, blocks for a stray exit at most. */
		if (exits_agree(row, backend, result->exits * turns, visits, turns) &&
		    exits_agree(row, backend, result->sample_exits, visits * MAX_CALL_EXITS,
				(double)result->samples.n))
			continue;
		format_figure(result->exits, block);
		format_figure(result->sample_exits / (double)result->samples.n, sample);
		snprintf(reason, sizeof(reason),
			 "wrong label: %s, but KVM counted %s exits an iteration (%s a sample) in "
			 "run "
			 "%u; %s "
			 "expected",
			 row_setting(row), block, sample, run + 1,
			 row->exits == EXITS_NONE ? "none" : "one");
		row_fail(row, reason);
	}
}
