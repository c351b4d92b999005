// SPDX-License-Identifier: GPL-2.0-or-later
/* What a person has to know of the host to read what was tried there. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/clock.h"
#include "fuzz/live/live.h"

__attribute__((format(printf, 2, 3))) static void say(struct engine_vcpu *vcpu, const char *format,
						      ...)
{
	const size_t used = strlen(vcpu->remark);
	va_list ap;

	va_start(ap, format);
	vsnprintf(vcpu->remark + used, sizeof(vcpu->remark) - used, format, ap);
	va_end(ap);
}

static void say_pmu(struct engine_vcpu *vcpu, const char *whose, const struct pmu_shape *pmu)
{
	if (!pmu->version)
		say(vcpu, "; %s: no PMU", whose);
	else
		say(vcpu, "; %s: PMU version %u, %u GP, %u fixed%s", whose, pmu->version,
		    pmu->nr_gp, pmu->nr_fixed, pmu_has_metrics(pmu) ? ", PERF_METRICS" : "");
}

static void say_host(struct engine_vcpu *vcpu)
{
	const struct setting_host *host = &vcpu->probed;

	say(vcpu, "host: Linux %s, KVM by %s", engine_kvm.version, kvm_backend_name(host->backend));
	say_pmu(vcpu, "the processor", &host->cpu);
	say_pmu(vcpu, "guests at most", &host->kvm);
}

static void say_entries(struct engine_vcpu *vcpu)
{
	if (vcpu->entries & 1U << ENTRY_EMULATOR)
		say(vcpu, "entries: plain, and emulator by the forced-emulation prefix");
	else
		say(vcpu, "entries: plain; no emulator: kvm was loaded without "
			  "force_emulation_prefix=1");
}

/* States that are refused, or take no list, and the last one's reason. */
static void say_states(struct engine_vcpu *vcpu, const char *heading, bool list)
{
	const char *reason = NULL;
	char last[40] = "";

	for (unsigned int i = 0; vcpu->vm && i < NR_CPU_MODES * 4 * 2; i++) {
		const enum cpu_mode mode = i / 8;
		const unsigned int cpl = i / 2 % 4, paging = i % 2;
		const struct insn_kind *kind = &vcpu->vm->insn.kinds[mode][cpl][paging];
		const struct no_list *no_list = &vcpu->vm->no_list[mode][cpl];
		const bool is =
			list ? no_list->is && paging == cpu_mode_is_long(mode) : kind->refused;
		char name[40];

		if (!is)
			continue;
		if (!reason)
			say(vcpu, "%s", heading);
		snprintf(name, sizeof(name), "%s%s", cpu_mode_name(mode),
			 paging && !cpu_mode_is_long(mode) ? " paging" : "");
		if (strcmp(name, last))
			say(vcpu, "%s%s CPL", reason ? ", " : "", name);
		say(vcpu, " %u", cpl);
		snprintf(last, sizeof(last), "%s", name);
		reason = list ? no_list->why.text : kind->why.text;
	}
	if (reason)
		say(vcpu, " (%s)", reason);
}

static void say_lost_rflags(struct engine_vcpu *vcpu)
{
	/* FLAGS has 16 bits in real-address mode: there nothing is lost. */
	for (unsigned int i = 8 * (CPU_REAL + 1); vcpu->vm && i < NR_CPU_MODES * 4 * 2; i++) {
		const struct insn_kind *kind = &vcpu->vm->insn.kinds[i / 8][i / 2 % 4][i % 2];

		if (kind->tried && !kind->refused && kind->lost_rflags)
			say(vcpu,
			    "%s%s CPL %u: handlers of any exception are not told RFLAGS %#llx: not "
			    "compared",
			    *vcpu->remark ? "; " : "", cpu_mode_name(i / 8), i / 2 % 4,
			    (unsigned long long)kind->lost_rflags);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

enum { ROUNDS = 15, READS = 256 };

static double median(double seconds[ROUNDS])
{
	qsort(seconds, ROUNDS, sizeof(*seconds), compare);
	return READS / seconds[ROUNDS / 2];
}

/* One by one, by lists, and nothing but RDPMC with the lists' handler: by turns, medians. */
static void say_speed(struct engine_vcpu *vcpu, enum cpu_mode mode, unsigned int cpl)
{
	static const uint8_t rdpmc[] = { 0x0f, 0x33 };
	struct cpu_state state = {
		.mode = mode,
		.cpl = cpl,
		.paging = cpu_mode_is_long(mode),
		.regs = { .rip = INSN_CODE, .rsp = INSN_STACK_86, .rcx = 0x60000000 },
	};
	double exact[ROUNDS], list[ROUNDS], bare[ROUNDS];
	struct batch_result results[READS];
	uint64_t rcxs[READS];
	struct insn_count count;
	struct failure why;
	bool good = vcpu->vm;

	for (size_t i = 0; i < READS; i++)
		rcxs[i] = 0x60000000;
	for (int round = 0; good && round < ROUNDS; round++) {
		double since = clock_seconds();

		for (size_t i = 0; i < READS; i++)
			insn_run(&vcpu->vm->insn, &state, rdpmc, sizeof(rdpmc), &vcpu->result);
		exact[round] = clock_seconds() - since;
		since = clock_seconds();
		good = batch_run(&vcpu->vm->insn, &state, rcxs, READS, results, &count, &why) ==
		       BATCH_GOOD;
		list[round] = clock_seconds() - since;
		since = clock_seconds();
		good = good &&
		       batch_bare(&vcpu->vm->insn, &state, 0x60000000, READS, &why) == BATCH_GOOD;
		bare[round] = clock_seconds() - since;
	}
	if (!good)
		return;
	say(vcpu, "%s%s CPL %u: one by one %.0f reads/s, by lists %.0f, a bare loop %.0f (%.0f %%)",
	    *vcpu->remark ? "; " : "speed: ", cpu_mode_name(mode), cpl, median(exact), median(list),
	    median(bare), 100 * median(list) / median(bare));
}

const char *live_remark(struct engine_vcpu *vcpu, unsigned int line)
{
	vcpu->remark[0] = '\0';
	switch (line) {
	case 0:
		say_host(vcpu);
		break;
	case 1:
		say_entries(vcpu);
		break;
	case 2:
		say_states(vcpu, "refused by the host: ", false);
		break;
	case 3:
		say_states(vcpu, "no lists, read one by one: ", true);
		break;
	case 4:
		say_lost_rflags(vcpu);
		break;
	default:
		return NULL;
	}
	return vcpu->remark;
}

const char *live_speed(struct engine_vcpu *vcpu)
{
	vcpu->remark[0] = '\0';
	say_speed(vcpu, CPU_REAL, 0);
	say_speed(vcpu, CPU_LONG, 0);
	say_speed(vcpu, CPU_LONG, 3);
	return *vcpu->remark ? vcpu->remark : NULL;
}
