// SPDX-License-Identifier: GPL-2.0-or-later
/* The engine that is proved: a kernel tree's own code, by the glue of the kernel engine. */
#include "prove/prove.h" /* first: glue.h has no headers of its own */

#include "fuzz/case/cpuid.h"
#include "fuzz/engines/kernel/glue.h"
#include "fuzz/engines/kernel/trouble.h"
#include "prove/kernel_contracts.h"

extern const struct engine rdpmc_engine;

const struct engine *proved = &rdpmc_engine;

static const char *complaint;
static uint64_t allowed;

void engine_complain(const char *what, const char *file, int line, void *address)
{
	(void)line;
	(void)address;
	if (!complaint) {
		complaint = what;
		allowed = prove_known_allows(what, file);
	}
}

uint64_t prove_allowed(void)
{
	return allowed;
}

/* What goes on after this is no kernel any more. */
void engine_give_up(void)
{
	__CPROVER_assert(0, "theorem: the kernel goes on");
	__CPROVER_assume(0);
	__builtin_unreachable();
}

/* The glue's parts are static in a proof. */
void glue_release(void *memory)
{
	(void)memory;
}

void trouble_catch(void)
{
}

void trouble_forget(void)
{
	complaint = NULL;
}

const char *trouble_text(void)
{
	const char *text = complaint;

	complaint = NULL;
	return text;
}

/* The engine brackets a read by two of these, to know the TSC that is read between them: it is given. */
uint64_t trouble_tsc(void)
{
	return contract_tsc;
}

/* WIDTHS: the kernel shifts by them, and C does not say what a shift of 64 bits by 64 is. */
static bool widths(const struct rdpmc_pmu *pmu)
{
	return pmu->gp_width < 64 && pmu->fixed_width < 64;
}

/* COUNTERS: what the host's perf reports, and so all loops end by this. */
static bool counters(const struct rdpmc_pmu *pmu)
{
	const struct cpuid_counts counts = cpuid_perf_counts(pmu);

	return counts.gp <= 8 && counts.fixed <= 4;
}

/* PREFIXES: what the emulator decodes is a constant. */
static bool prefixes(const struct rdpmc_state *state)
{
	return !state->n_prefixes && !state->rex;
}

bool prove_assumes(const struct prove_inputs *inputs)
{
	const struct rdpmc_pmu *guest = &inputs->decoded.guest, *host = &inputs->decoded.host;

	contract_tsc = inputs->counters.vmware[0];
	return widths(guest) && widths(host) &&
	       (inputs->entry == ENTRY_EXIT || prefixes(&inputs->decoded.state)) &&
	       counters(guest->vendor == host->vendor ? host : guest);
}
