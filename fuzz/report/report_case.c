// SPDX-License-Identifier: GPL-2.0-or-later
/* A case in words. */
#include "fuzz/case/cpuid.h"
#include "fuzz/report/names.h"
#include "fuzz/report/report.h"
#include "lib/text.h"

/* One that no processor has is bits, not a number. */
static void print_index(FILE *out, uint32_t index, const char *more)
{
	fprintf(out, index < 0x100 ? "index %u%s" : "index 0x%x%s", index, more);
}

void report_read(FILE *out, const struct rdpmc_state *state, const struct rdpmc_view *guest)
{
	uint32_t ecx = (uint32_t)state->regs.rcx;

	const bool may_be_16 = state->mode == MODE_PROTECTED || state->mode == MODE_COMPATIBILITY;

	fprintf(out, "%s mode%s, CPL %u, CR4.PCE = %d, ", mode_full_name(state->mode),
		may_be_16 && state->code16 ? " (16-bit code)" : "", state->cpl,
		!!(state->cr4 & RDPMC_CR4_PCE));
	if (state->cpl && !(state->cr0 & RDPMC_CR0_PE))
		fprintf(out, "CR0.PE = 0 with CPL > 0 (no CPU gets into this state), ");
	if (state->lock)
		fprintf(out, "LOCK prefix, ");
	if (state->n_prefixes)
		fprintf(out, "%u prefix%s %02x, ", state->n_prefixes,
			state->n_prefixes == 1 ? "" : "es", state->prefix);
	if (state->rex)
		fprintf(out, "REX prefix %02x, ", state->rex);
	if (state->regs.rflags & RDPMC_RFLAGS_TF)
		fprintf(out, "RFLAGS.TF = 1, ");
	fprintf(out, "ECX = %s: ", hex32(ecx).text);
	if (guest->vendor == RDPMC_INTEL && guest->version)
		fprintf(out, "type 0x%04x, index %u", ecx >> 16, ecx & 0xffff);
	else if (guest->vendor == RDPMC_INTEL)
		print_index(out, ecx & 0x7fffffff, ecx >> 31 ? ", fast" : "");
	else
		print_index(out, ecx, "");
	if (state->regs.rcx >> 32)
		fprintf(out, " (RCX[63:32] = %s)", hex32((uint32_t)(state->regs.rcx >> 32)).text);
}

static void report_intel(FILE *out, const struct rdpmc_pmu *pmu)
{
	fprintf(out, "Intel, version %u, %u GP of %u bit%s", pmu->version, pmu->nr_gp,
		pmu->gp_width, PLURAL(pmu->gp_width));
	if (pmu->leaf23_gp)
		fprintf(out, " (leaf 0x23: %s)", hex(pmu->leaf23_gp).text);
	fprintf(out, ", %u fixed of %u bit%s", pmu->nr_fixed, pmu->fixed_width,
		PLURAL(pmu->fixed_width));
	if (pmu->fixed_bitmap)
		fprintf(out, " (bitmap %s)", hex(pmu->fixed_bitmap).text);
	if (pmu->leaf23_fixed)
		fprintf(out, " (leaf 0x23: %s)", hex(pmu->leaf23_fixed).text);
	fprintf(out, "%s%s%s%s", pmu->user_disable ? ", user disable" : "",
		pmu->perf_capabilities & RDPMC_CAP_METRICS ? ", PERF_METRICS" : "",
		pmu->perf_capabilities & RDPMC_CAP_METRICS_CLEAR ? ", metrics clear" : "",
		pmu->no_pdcm ? ", but no PDCM" : "");
}

void report_pmu(FILE *out, const char *whose, const struct rdpmc_pmu *pmu)
{
	fprintf(out, "%-9s", whose);
	if (pmu->vendor == RDPMC_AMD && pmu->version)
		fprintf(out, "AMD%s, %u core counters%s%s%s",
			pmu->version == 2 ? ", PerfMonV2" : "", cpuid_core_counters(pmu),
			pmu->ext_core ? ", PerfCtrExtCore" : "",
			pmu->ext_nb ? ", PerfCtrExtNB" : "", pmu->ext_l3 ? ", PerfCtrExtLLC" : "");
	else if (pmu->vendor == RDPMC_AMD)
		fprintf(out, "AMD, no PMU");
	else if (pmu->version)
		report_intel(out, pmu);
	else if (pmu->old_counters)
		fprintf(out, "Intel, not architectural, %u counters%s", pmu->old_counters,
			pmu->old_fast ? ", fast reads" : "");
	else
		fprintf(out, "Intel, no PMU");
	if (pmu->vendor == RDPMC_AMD && pmu->version == 2 && pmu->ext_nb)
		fprintf(out, ", %u data-fabric counters", pmu->nr_nb);
	fputc('\n', out);
}

void report_step(FILE *out, const struct case_step *step)
{
	static const char *const lock[] = { "off", "on" };

	switch (step->op) {
	case STEP_READ:
		fprintf(out, "RDPMC, RCX = %s", hex(step->value).text);
		break;
	case STEP_GP:
	case STEP_FIXED:
		fprintf(out, "%s counter %u = %s",
			step->op == STEP_GP ? "general-purpose" : "fixed", step->arg,
			hex(step->value).text);
		break;
	case STEP_METRICS:
		fprintf(out, "PERF_METRICS = %s", hex(step->value).text);
		break;
	case STEP_FIXED_CTRL:
		fprintf(out, "IA32_FIXED_CTR_CTRL = %s", hex(step->value).text);
		break;
	case STEP_USER_DISABLE:
		fprintf(out, "PERFEVTSELx[37] = bits of %s", hex((uint32_t)step->value).text);
		break;
	case STEP_CR4:
		fprintf(out, "CR4 = %s (PCE = %d)", hex((uint32_t)step->value).text,
			!!(step->value & RDPMC_CR4_PCE));
		break;
	case STEP_MODE:
		fprintf(out, "%s mode, CPL %u", mode_full_name((step->arg & 7) % NR_MODES),
			(step->arg & 7) % NR_MODES == MODE_VM86 ? 3 : step->arg >> 3 & 3);
		break;
	default:
		fprintf(out, "LOCK prefix %s", lock[step->arg & 1]);
	}
	fputc('\n', out);
}

void report_case(FILE *out, const struct rdpmc_case *decoded)
{
	struct rdpmc_view guest;
	struct case_step step;

	rdpmc_view(&decoded->guest, &rdpmc_default_choices, &guest);
	fprintf(out, "tried    ");
	report_read(out, &decoded->state, &guest);
	fputc('\n', out);
	report_pmu(out, "guest", &decoded->guest);
	report_pmu(out, "host", &decoded->host);
	fprintf(out, "policy   %s PMU, VMware backdoor %s\n",
		decoded->policy.mediated_pmu ? "mediated" : "emulated",
		decoded->policy.vmware_backdoor ? "on" : "off");
	fprintf(out, "control  FIXED_CTR_CTRL %s, PERFEVTSELx[37] %s, PERF_METRICS %s\n",
		hex(decoded->fixed_ctr_ctrl).text, hex(decoded->gp_user_disable).text,
		hex(decoded->metrics).text);
	for (size_t i = 0; i < decoded->n_steps; i++) {
		case_step(decoded, i, &step);
		fprintf(out, "step %-4zu", i + 1);
		report_step(out, &step);
	}
	if (decoded->legalised)
		fprintf(out, "legal    %u field%s out of range, replaced by a legal value\n",
			decoded->legalised, PLURAL(decoded->legalised));
}
