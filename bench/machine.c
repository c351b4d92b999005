// SPDX-License-Identifier: GPL-2.0-or-later
/* Measuring a row: on a guest parameters in, results and KVM's counters out. */
#include "bench/machine.h"

#include <errno.h>
#include <string.h>

#include "lib/clock.h"

int machine_up(struct machine *machine, const struct kvm *kvm, struct failure *failure)
{
	int error;

	if (machine->up)
		return 0;
	error = guest_boot(&machine->guest, kvm, &machine->config, failure);
	machine->up = !error;
	return error;
}

void machine_down(struct machine *machine)
{
	if (machine->up)
		guest_destroy(&machine->guest);
	machine->up = false;
}

static int measure_guest(struct machine *machine, const struct row *row, uint64_t count,
			 bool sampled, unsigned int timeout_ms, struct reading *reading,
			 struct failure *failure)
{
	struct guest *guest = &machine->guest;
	uint64_t before[NR_VCPU_STATS], after[NR_VCPU_STATS];
	uint64_t user_exits = guest->nothing_exits, assists = guest->assists;
	int error;

	guest->page->params = (struct guest_params){
		.insn = row->insn,
		.ecx = row->ecx,
		.cpl = row->cpl,
		.pce = row->pce,
		.sampled = sampled,
		.assist = machine->config.simulated,
		.count = count,
	};
	error = vcpu_stats_read(&guest->stats, before, failure);
	if (error)
		return error;
	reading->host_ns = clock_ns(CLOCK_MONOTONIC);
	error = guest_call(guest, GUEST_MEASURE, timeout_ms, failure);
	reading->host_ns = clock_ns(CLOCK_MONOTONIC) - reading->host_ns;
	if (error) {
		/* All but a refused command leave the VM unusable. */
		machine_down(machine);
		return error;
	}
	error = vcpu_stats_read(&guest->stats, after, failure);
	reading->ticks = guest->page->result.ticks;
	reading->faults = guest->page->result.faults;
	reading->value = guest->page->result.value;
	reading->exits = after[STAT_EXITS] - before[STAT_EXITS];
	reading->insn_emulation = after[STAT_INSN_EMULATION] - before[STAT_INSN_EMULATION];
	reading->irq_exits = after[STAT_IRQ_EXITS] - before[STAT_IRQ_EXITS];
	reading->user_exits = guest->nothing_exits - user_exits;
	reading->assists = guest->assists - assists;
	return error;
}

int machine_measure(struct machine *machine, const struct row *row, uint64_t count, bool sampled,
		    unsigned int timeout_ms, struct reading *reading, struct failure *failure)
{
	int error;

	*reading = (struct reading){ .together = 1 };
	if (row_has_guest(row))
		return measure_guest(machine, row, count, sampled, timeout_ms, reading, failure);

	reading->host_ns = clock_ns(CLOCK_MONOTONIC);
	error = native_measure(&machine->native, row->counter, count, sampled, &reading->ticks,
			       &reading->value);
	reading->host_ns = clock_ns(CLOCK_MONOTONIC) - reading->host_ns;
	if (error == -EFAULT)
		return fail_with(failure, error, "RDPMC of %#x faulted on the host",
				 native_ecx(&machine->native, row->counter));
	return error ? fail_with(failure, error, "sigaction: %s", strerror(-error)) : 0;
}

const uint64_t *machine_samples(const struct machine *machine, const struct row *row)
{
	return row->machine == MACHINE_NATIVE ? machine->native.samples : machine->guest.samples;
}
