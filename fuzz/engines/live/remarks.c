// SPDX-License-Identifier: GPL-2.0-or-later
/* What a person has to know of the host to read what was tried there. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/engines/live/live.h"

__attribute__((format(printf, 2, 3))) static void append(struct engine_vcpu *vcpu,
							 const char *format, ...)
{
	const size_t used = strlen(vcpu->remark);
	va_list ap;

	va_start(ap, format);
	vsnprintf(vcpu->remark + used, sizeof(vcpu->remark) - used, format, ap);
	va_end(ap);
}

static void print_pmu(struct engine_vcpu *vcpu, const char *whose, const struct pmu_shape *pmu)
{
	if (!pmu->version)
		append(vcpu, "; %s: no PMU", whose);
	else
		append(vcpu, "; %s: PMU version %u, %u GP, %u fixed%s", whose, pmu->version,
		       pmu->nr_gp, pmu->nr_fixed, pmu_has_metrics(pmu) ? ", PERF_METRICS" : "");
}

static void print_host(struct engine_vcpu *vcpu)
{
	const struct setting_host *host = &vcpu->probed;

	append(vcpu, "host: Linux %s, KVM by %s", engine_kvm.version,
	       kvm_backend_name(host->backend));
	print_pmu(vcpu, "the processor", &host->cpu);
	print_pmu(vcpu, "guests at most", &host->kvm);
}

static void print_entries(struct engine_vcpu *vcpu)
{
	if (vcpu->entries & 1U << ENTRY_EMULATOR)
		append(vcpu, "entries: plain, and emulator by the forced-emulation prefix");
	else
		append(vcpu, "entries: plain; no emulator: kvm was loaded without "
			     "force_emulation_prefix=1");
}

/* And the last one's reason. */
static void print_refused(struct engine_vcpu *vcpu)
{
	const char *reason = NULL;
	char last[40] = "";

	for (unsigned int i = 0; vcpu->vm && i < NR_CPU_MODES * 4 * 2; i++) {
		const enum cpu_mode mode = i / 8;
		const unsigned int cpl = i / 2 % 4, paging = i % 2;
		const struct insn_kind *kind = &vcpu->vm->insn.kinds[mode][cpl][paging];
		char name[40];

		if (!kind->refused)
			continue;
		if (!reason)
			append(vcpu, "refused by the host: ");
		snprintf(name, sizeof(name), "%s%s", cpu_mode_name(mode),
			 paging && !cpu_mode_is_long(mode) ? " paging" : "");
		if (strcmp(name, last))
			append(vcpu, "%s%s CPL", reason ? ", " : "", name);
		append(vcpu, " %u", cpl);
		snprintf(last, sizeof(last), "%s", name);
		reason = kind->why.text;
	}
	if (reason)
		append(vcpu, " (%s)", reason);
}

static void print_lost_rflags(struct engine_vcpu *vcpu)
{
	/* FLAGS has 16 bits in real-address mode: there nothing is lost. */
	for (unsigned int i = 8 * (CPU_REAL + 1); vcpu->vm && i < NR_CPU_MODES * 4 * 2; i++) {
		const struct insn_kind *kind = &vcpu->vm->insn.kinds[i / 8][i / 2 % 4][i % 2];

		if (kind->tried && !kind->refused && kind->lost_rflags)
			append(vcpu,
			       "%s%s CPL %u: handlers of any exception are not told RFLAGS %#llx: "
			       "not "
			       "compared",
			       *vcpu->remark ? "; " : "", cpu_mode_name(i / 8), i / 2 % 4,
			       (unsigned long long)kind->lost_rflags);
	}
}

const char *live_remark(struct engine_vcpu *vcpu, unsigned int line)
{
	vcpu->remark[0] = '\0';
	switch (line) {
	case 0:
		print_host(vcpu);
		break;
	case 1:
		print_entries(vcpu);
		break;
	case 2:
		print_refused(vcpu);
		break;
	case 3:
		print_lost_rflags(vcpu);
		break;
	default:
		return NULL;
	}
	return vcpu->remark;
}
