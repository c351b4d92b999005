// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases and findings in words. Numbers as the SDM writes them: 6000_0000H. */
#include "fuzz/report.h"

#include <string.h>

#include "fuzz/cpuid.h"

#define HEX_BYTES_A_LINE 32

static const char *const mode_names[NR_MODES] = {
	[MODE_REAL] = "real-address mode", [MODE_PROTECTED] = "protected mode",
	[MODE_VM86] = "virtual-8086 mode", [MODE_COMPATIBILITY] = "compatibility mode",
	[MODE_64BIT] = "64-bit mode",
};

static const char *const class_names[NR_CLASSES] = {
	[CLASS_NONE] = "nothing",
	[CLASS_GP] = "general-purpose counter",
	[CLASS_FIXED] = "fixed counter",
	[CLASS_METRICS] = "PERF_METRICS, index",
	[CLASS_OLD] = "counter",
	[CLASS_OLD_FAST] = "counter (fast read)",
	[CLASS_AMD_CORE] = "core counter",
	[CLASS_AMD_NB] = "data-fabric counter at index",
	[CLASS_AMD_L3] = "L3 counter at index",
	[CLASS_AMD_NB_MORE] = "data-fabric counter at index 16 +",
	[CLASS_VMWARE] = "VMware pseudo counter",
};

static const char *const step_names[NR_STEP_OPS] = {
#define STEP_NAME(name, text) [STEP_##name] = text,
	CASE_STEP_OPS(STEP_NAME)
#undef STEP_NAME
};

/* In groups of four digits, the leading zero groups left out but for one. */
struct hex {
	char text[24];
};

static struct hex hex(uint64_t value)
{
	unsigned int groups = 1;
	struct hex hex;
	char *at = hex.text;

	while (groups < 4 && value >> 16 * groups)
		groups++;
	for (unsigned int i = groups; i--;)
		at += sprintf(at, "%04X%s", (unsigned int)(value >> 16 * i & 0xffff),
			      i ? "_" : "H");
	return hex;
}

/* ECX always has its eight digits. */
static struct hex hex32(uint32_t value)
{
	struct hex hex;

	sprintf(hex.text, "%04X_%04XH", value >> 16, value & 0xffff);
	return hex;
}

void report_read(FILE *out, const struct rdpmc_state *state, const struct rdpmc_view *guest)
{
	uint32_t ecx = (uint32_t)state->regs.rcx;

	const bool may_be_16 = state->mode == MODE_PROTECTED || state->mode == MODE_COMPATIBILITY;

	fprintf(out, "%s%s, CPL %u, CR4.PCE = %d, ", mode_names[state->mode],
		may_be_16 && state->code16 ? " (16-bit code)" : "", state->cpl,
		!!(state->cr4 & RDPMC_CR4_PCE));
	if (state->cpl && !(state->cr0 & RDPMC_CR0_PE))
		fprintf(out, "(CR0.PE = 0: no processor gets there) ");
	fprintf(out, "%sECX = %s: ", state->lock ? "LOCK prefix, " : "", hex32(ecx).text);
	if (guest->vendor == RDPMC_INTEL && guest->version)
		fprintf(out, "type %04XH, index %u", ecx >> 16, ecx & 0xffff);
	else if (guest->vendor == RDPMC_INTEL)
		fprintf(out, "index %u%s", ecx & 0x7fffffff, ecx >> 31 ? ", fast" : "");
	else
		fprintf(out, "index %u", ecx);
	if (state->regs.rcx >> 32)
		fprintf(out, " (RCX[63:32] = %s)", hex32((uint32_t)(state->regs.rcx >> 32)).text);
}

static void report_intel(FILE *out, const struct rdpmc_pmu *pmu)
{
	fprintf(out, "Intel, version %u, %u GP of %u bits", pmu->version, pmu->nr_gp,
		pmu->gp_width);
	if (pmu->leaf23_gp)
		fprintf(out, " (leaf 23H: %s)", hex(pmu->leaf23_gp).text);
	fprintf(out, ", %u fixed of %u bits", pmu->nr_fixed, pmu->fixed_width);
	if (pmu->fixed_bitmap)
		fprintf(out, " (bitmap %s)", hex(pmu->fixed_bitmap).text);
	if (pmu->leaf23_fixed)
		fprintf(out, " (leaf 23H: %s)", hex(pmu->leaf23_fixed).text);
	fprintf(out, "%s%s%s", pmu->user_disable ? ", user disable" : "",
		pmu->perf_capabilities & RDPMC_CAP_METRICS ? ", PERF_METRICS" : "",
		pmu->perf_capabilities & RDPMC_CAP_METRICS_CLEAR ? ", metrics clear" : "");
}

static void report_pmu(FILE *out, const char *whose, const struct rdpmc_pmu *pmu)
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

static void report_step(FILE *out, const struct case_step *step)
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
		fprintf(out, "%s, CPL %u", mode_names[(step->arg & 7) % NR_MODES],
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
		fprintf(out, "legal    %u field%s had to be changed to something legal\n",
			decoded->legalised, decoded->legalised == 1 ? "" : "s");
}

/* @error_code is #GP's; the registers hold a value's. */
static void report_answer(FILE *out, unsigned int answer, uint32_t error_code,
			  const struct rdpmc_regs *regs)
{
	if (answer == ANSWER_STRANGE)
		fprintf(out, "an exception that is neither #GP nor #UD, or without its error code");
	else if (answer == ANSWER_VALUE)
		fprintf(out, "EDX:EAX = %s", hex(regs->rdx << 32 | (uint32_t)regs->rax).text);
	else if (answer == ANSWER_UD)
		fprintf(out, "#UD");
	else
		fprintf(out, "#GP(%u)", error_code);
}

static void report_rule(FILE *out, enum rdpmc_rule rule)
{
	fprintf(out, "rule     %s: %s\n", rdpmc_rules[rule].id, rdpmc_rules[rule].text);
	fprintf(out, "source   %s\n", rdpmc_rules[rule].source);
}

static void report_model(FILE *out, const struct rdpmc_outcome *model)
{
	const struct rdpmc_decision *decision = &model->decision;

	report_answer(out, decision->answer, 0, &model->regs);
	if (decision->answer == ANSWER_VALUE)
		fprintf(out, ", %s %u%s%s", class_names[decision->class], decision->index,
			decision->hidden ? ", hidden" : "",
			decision->clears ? ", which clears it and fixed counter 3" : "");
}

static void report_register(FILE *out, const char *name, uint64_t engine, uint64_t model)
{
	if (engine != model)
		fprintf(out, "differs  %s is %s, should be %s\n", name, hex(engine).text,
			hex(model).text);
}

/* The bits of counter @x that the guest has; of one that it does not have, all. */
static uint64_t counter_bits(const struct rdpmc_view *guest, enum rdpmc_class class, unsigned int x)
{
	const bool has = x < 64 && guest->readable[class] >> x & 1;
	const unsigned int width = has ? guest->width[class] : 64;

	return width < 64 ? (1ULL << width) - 1 : ~0ULL;
}

static void report_counters(FILE *out, const struct rdpmc_view *guest,
			    const struct finding *finding)
{
	const enum rdpmc_class gp = guest->vendor == RDPMC_AMD ? CLASS_AMD_CORE : CLASS_GP;
	const struct rdpmc_counters *engine = &finding->counters, *model = &finding->expected;
	uint64_t mask;
	char name[64];

	for (unsigned int x = 0; x < finding->n_gp; x++) {
		snprintf(name, sizeof(name), "general-purpose counter %u", x);
		mask = counter_bits(guest, gp, x);
		report_register(out, name, engine->gp[x] & mask, model->gp[x] & mask);
	}
	for (unsigned int x = 0; x < finding->n_fixed; x++) {
		snprintf(name, sizeof(name), "fixed counter %u", x);
		mask = counter_bits(guest, CLASS_FIXED, x);
		report_register(out, name, engine->fixed[x] & mask, model->fixed[x] & mask);
	}
	report_register(out, "PERF_METRICS", engine->metrics, model->metrics);
	report_register(out, "FIXED_CTR_CTRL", engine->fixed_ctr_ctrl, model->fixed_ctr_ctrl);
	report_register(out, "PERFEVTSELx[37]", engine->gp_user_disable, model->gp_user_disable);
}

const char *report_oracles(unsigned int oracles, char *text)
{
	static const char *const names[] = { "outcome", "nothing-else", "pass-sound", "entries",
					     "trouble" };

	text[0] = '\0';
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (oracles & 1U << i)
			sprintf(text + strlen(text), "%s%s", text[0] ? ", " : "", names[i]);
	return text;
}

unsigned int report_oracle(const char *name)
{
	char text[REPORT_ORACLES];

	for (unsigned int bit = ORACLE_OUTCOME; bit <= ORACLE_TROUBLE; bit <<= 1)
		if (!strcmp(report_oracles(bit, text), name))
			return bit;
	return 0;
}

static void report_pass(FILE *out, const struct finding *finding)
{
	static const char *const texts[NR_OBSTACLES] = {
		[OBSTACLE_NONE] = "nothing",
		[OBSTACLE_VMWARE] = "the processor does not know the VMware pseudo counters",
		[OBSTACLE_NOT_MEDIATED] = "the processor's counters are not the guest's",
		[OBSTACLE_READABLE] = "only one of the two lets it be read",
		[OBSTACLE_WIDTH] = "the two have it in different widths",
		[OBSTACLE_CLEAR] = "the guest may ask for metrics clear, the processor has none",
		[OBSTACLE_USER_DISABLE] =
			"the guest may ask for user disable, the processor has none",
	};
	const struct rdpmc_pass *pass = &finding->pass;

	fprintf(out, "engine   leaves RDPMC to the processor: the intercept is off\n");
	fprintf(out, "model    it must be on: %s", texts[pass->obstacle]);
	if (pass->class != CLASS_NONE)
		fprintf(out, " (%s %u)", class_names[pass->class], pass->index);
	fputc('\n', out);
	report_rule(out, RULE_PASS_SOUND);
}

bool report_reaches_exit(const struct rdpmc_case *decoded, const struct finding *finding)
{
	struct rdpmc_decision processor;
	struct rdpmc_view host;

	rdpmc_view(&decoded->host, &rdpmc_default_choices, &host);
	processor = rdpmc_decide_bare(&host, &finding->expected, &finding->state);
	return rdpmc_exits(host.vendor, &processor);
}

/* Trouble of a write, or of a read that the host refused. */
static void report_unanswered(FILE *out, const struct rdpmc_case *decoded,
			      const struct finding *finding)
{
	struct case_step step = { .op = STEP_READ, .value = finding->state.regs.rcx };

	fprintf(out, " in %s without an answer\n", finding->step ? "a step" : "the first read");
	if (finding->step)
		case_step(decoded, finding->step - 1, &step);
	fprintf(out, "at step  %zu: ", finding->step);
	report_step(out, &step);
	fprintf(out, "trouble  %s\n", finding->trouble);
}

void report_finding(FILE *out, const struct trial *trial, const struct rdpmc_case *decoded,
		    const struct finding *finding)
{
	const struct rdpmc_regs *engine = &finding->engine.regs, *model = &finding->model.regs;
	struct rdpmc_pmu offered, processor;
	struct rdpmc_policy policy;
	char oracles[REPORT_ORACLES];
	struct rdpmc_view guest;

	trial_offer(trial, decoded, &offered, &processor, &policy);
	rdpmc_view(&offered, &trial->choices, &guest);
	if (trial->engine->real) {
		report_pmu(out, "given", &offered);
		report_pmu(out, "machine", &processor);
	}
	fprintf(out, "found    by oracle %s", report_oracles(finding->oracles, oracles));
	if (finding->oracles & ORACLE_PASS_SOUND) {
		fputc('\n', out);
		report_pass(out, finding);
		if (finding->oracles == ORACLE_PASS_SOUND)
			return;
		fprintf(out, "also");
	}
	if (finding->unanswered) {
		report_unanswered(out, decoded, finding);
		return;
	}
	fprintf(out, " in %s, entry %s\n", finding->step ? "a step" : "the first read",
		entry_name(finding->entry));
	if (finding->step)
		fprintf(out, "at step  %zu: ", finding->step);
	else
		fprintf(out, "at       ");
	report_read(out, &finding->state, &guest);
	fprintf(out, "\nengine   %s: ", trial->engine->name);
	report_answer(out, finding->engine.answer, finding->engine.error_code, engine);
	fprintf(out, "\nmodel    ");
	report_model(out, &finding->model);
	fputc('\n', out);
	report_rule(out, finding->model.decision.rule);
	if (finding->entry == ENTRY_EXIT && !report_reaches_exit(decoded, finding))
		fprintf(out,
			"reach    a processor of the host's kind faults before the exit (%s): not "
			"by this entry\n",
			rdpmc_rules[decoded->host.vendor == RDPMC_AMD ? RULE_SVM_PRIORITY
								      : RULE_VMX_PRIORITY]
				.id);
	report_register(out, "RAX", engine->rax, model->rax);
	report_register(out, "RCX", engine->rcx, model->rcx);
	report_register(out, "RDX", engine->rdx, model->rdx);
	report_register(out, "RIP", engine->rip, model->rip);
	report_register(out, "RFLAGS", engine->rflags, model->rflags);
	report_counters(out, &guest, finding);
	if (*finding->changed)
		fprintf(out, "differs  %s\n", finding->changed);
	else if (finding->engine.elsewhere)
		fprintf(out, "differs  CR0, CR4, CPL or the mode has changed\n");
	if (finding->trouble)
		fprintf(out, "trouble  %s\n", finding->trouble);
	if (finding->oracles & ORACLE_ENTRIES)
		fprintf(out, "entries  the entries of the engine do not agree\n");
}

/* What a processor with these PMUs answers to the case's reads. */
static void answers_of(FILE *out, const struct rdpmc_case *decoded, const struct rdpmc_view *guest,
		       const struct rdpmc_view *host, const struct rdpmc_policy *policy)
{
	struct rdpmc_state state = decoded->state;
	struct rdpmc_counters counters;
	struct rdpmc_outcome outcome;
	struct case_step step = { .op = STEP_READ, .value = state.regs.rcx };
	unsigned int n_gp, n_fixed;
	struct rdpmc_pass pass;

	case_counters(decoded, guest, &counters, &n_gp, &n_fixed);
	for (size_t i = 0;; i++) {
		if (trial_model_step(guest, policy, &state, &counters, &step, &outcome)) {
			fprintf(out, i ? "read %-4zu" : "read     ", i);
			report_model(out, &outcome);
			fprintf(out, "\n         by %s: %s\n         (%s)\n",
				rdpmc_rules[outcome.decision.rule].id,
				rdpmc_rules[outcome.decision.rule].text,
				rdpmc_rules[outcome.decision.rule].source);
		}
		if (i == decoded->n_steps)
			break;
		case_step(decoded, i, &step);
	}
	pass = rdpmc_may_pass(host, guest, policy);
	fprintf(out, "exits    the intercept %s\n",
		pass.obstacle == OBSTACLE_NONE ? "may be off" : "must be on");
}

void report_answers(FILE *out, const struct trial *trial, const struct rdpmc_case *decoded)
{
	struct rdpmc_pmu offered, processor;
	struct rdpmc_policy policy;
	struct rdpmc_view guest, host;

	rdpmc_view(&decoded->guest, &trial->choices, &guest);
	rdpmc_view(&decoded->host, &trial->choices, &host);
	answers_of(out, decoded, &guest, &host, &decoded->policy);
	if (!trial_offer(trial, decoded, &offered, &processor, &policy))
		return;
	/* The engine cannot give this guest: what is right for the one that it gives. */
	report_pmu(out, "offered", &offered);
	rdpmc_view(&offered, &trial->choices, &guest);
	rdpmc_view(&processor, &trial->choices, &host);
	answers_of(out, decoded, &guest, &host, &policy);
}

void report_bytes(FILE *out, const uint8_t *data, size_t size, const char *file, const char *engine)
{
	size_t shown = size < 4096 ? size : 4096;

	for (size_t i = 0; i < shown; i++) {
		if (i % HEX_BYTES_A_LINE == 0)
			fprintf(out, i ? "\n         " : "bytes    ");
		fprintf(out, "%02x", data[i]);
	}
	if (shown < size)
		fprintf(out, "\n         ... %zu bytes in all", size);
	if (size)
		fputc('\n', out);
	if (file)
		fprintf(out, "repeat   rdpmc-diff run %s%s%s%s\n", engine ? "--engine " : "",
			engine ? engine : "", engine ? " " : "", file);
}

static void c_bytes(FILE *out, const char *name, const uint8_t *bytes, size_t size)
{
	fprintf(out, "\t.%s = {", name);
	for (size_t i = 0; i < size; i++)
		fprintf(out, "%s0x%02x", i ? ", " : " ", bytes[i]);
	fprintf(out, " },\n");
}

static void c_pmu(FILE *out, const char *name, const struct case_pmu_bytes *pmu)
{
	fprintf(out, "\t.%s = {\n", name);
#define BYTE(field)  fprintf(out, "\t\t." #field " = %u,\n", pmu->field)
#define BYTES(field) fputc('\t', out), c_bytes(out, #field, pmu->field, sizeof(pmu->field))
	BYTE(vendor);
	BYTE(version);
	BYTE(nr_gp);
	BYTE(gp_width);
	BYTE(nr_fixed);
	BYTE(fixed_width);
	BYTE(old_counters);
	BYTE(nr_nb);
	BYTES(fixed_bitmap);
	BYTES(leaf23_gp);
	BYTES(leaf23_fixed);
	BYTES(perf_capabilities);
#undef BYTES
#undef BYTE
	fprintf(out, "\t},\n");
}

void report_c(FILE *out, const uint8_t *data, size_t size)
{
	struct rdpmc_case decoded;
	struct case_bytes bytes;
	struct case_step step;

	case_decode(data, size, &decoded);
	case_encode(&decoded, &bytes);
	fprintf(out, "struct case_bytes bytes = {\n");
#define BYTE(field)  fprintf(out, "\t." #field " = %u,\n", bytes.field)
#define BYTES(field) c_bytes(out, #field, bytes.field, sizeof(bytes.field))
	BYTE(version);
	BYTE(mode);
	BYTE(cpl);
	BYTE(flags);
	BYTES(cr0);
	BYTES(cr4);
	BYTES(rflags);
	BYTES(rcx);
	BYTES(rax);
	BYTES(rdx);
	BYTES(rip);
	c_pmu(out, "guest", &bytes.guest);
	c_pmu(out, "host", &bytes.host);
	BYTES(counter_seed);
	BYTES(metrics);
	BYTES(fixed_ctr_ctrl);
	BYTES(gp_user_disable);
#undef BYTES
#undef BYTE
	fprintf(out, "};\n");
	if (!decoded.n_steps)
		return;
	fprintf(out, "struct case_step steps[] = {\n");
	for (size_t i = 0; i < decoded.n_steps; i++) {
		case_step(&decoded, i, &step);
		fprintf(out, "\t{ %u, %u, 0x%llxULL }, /* %s */\n", step.op, step.arg,
			(unsigned long long)step.value, step_names[step.op]);
	}
	fprintf(out, "};\n");
}

void report_tally(FILE *out, const struct tally *tally, double seconds)
{
	unsigned int both = __builtin_popcount(tally->no & tally->yes);

	fprintf(out, "%llu cases, %llu reads (%llu values, %llu faults)",
		(unsigned long long)tally->cases, (unsigned long long)tally->reads,
		(unsigned long long)tally->values, (unsigned long long)tally->faults);
	if (seconds > 0)
		fprintf(out, ", %.1f s, %.0f cases/s", seconds, (double)tally->cases / seconds);
	fprintf(out,
		"\n%llu legalised, %llu impossible states, %llu guests that the engine cannot "
		"give, "
		"%llu reads that never exit (LOCK)\n",
		(unsigned long long)tally->legalised, (unsigned long long)tally->impossible,
		(unsigned long long)tally->offered, (unsigned long long)tally->unreached);
	fprintf(out,
		"intercept off in %llu cases, on without need in %llu (PASS-MINIMAL: a cost, not a "
		"mistake)\n",
		(unsigned long long)tally->passed, (unsigned long long)tally->costly);
	if (tally->choice)
		fprintf(out, "%llu reads hang on what the hardware chose (--choice)\n",
			(unsigned long long)tally->choice);
	if (tally->known)
		fprintf(out, "%llu reads and intercepts differ from the processor as is known\n",
			(unsigned long long)tally->known);
	if (tally->ways[WAY_NO_EXIT] || tally->ways[WAY_EXIT] || tally->ways[WAY_EMULATED])
		fprintf(out,
			"answers by KVM's counters: %llu without an exit, %llu after one, %llu in "
			"states whose code KVM executes itself\n",
			(unsigned long long)tally->ways[WAY_NO_EXIT],
			(unsigned long long)tally->ways[WAY_EXIT],
			(unsigned long long)tally->ways[WAY_EMULATED]);
	if (tally->adapted)
		fprintf(out,
			"%llu reads in a state near to the one asked for: the engine cannot bring "
			"that about\n",
			(unsigned long long)tally->adapted);
	if (tally->refused)
		fprintf(out, "%llu reads not tried: the host refuses their state (%s)\n",
			(unsigned long long)tally->refused, tally->refusal);
	if (tally->unjudged)
		fprintf(out, "intercept not judged in %llu cases: the engine does not know it\n",
			(unsigned long long)tally->unjudged);
	fprintf(out, "rules: %u of %u asked and answered both ways", both, NR_RULES);
	for (unsigned int rule = 0; rule < NR_RULES; rule++) {
		if (!(tally->yes >> rule & 1))
			fprintf(out, "\n  %s never yes", rdpmc_rules[rule].id);
		if (!(tally->no >> rule & 1))
			fprintf(out, "\n  %s never no", rdpmc_rules[rule].id);
	}
	fputc('\n', out);
}

void report_found(FILE *out, const struct trial *trial, const struct found *found)
{
	struct rdpmc_case decoded;

	case_decode(found->data, found->size, &decoded);
	fprintf(out, "%llu case%s, first %s\n", (unsigned long long)found->count,
		found->count == 1 ? "" : "s", found->name);
	report_case(out, &decoded);
	report_finding(out, trial, &decoded, &found->finding);
	report_bytes(out, found->data, found->size, NULL, NULL);
}

void report_remarks(FILE *out, const struct trial *trial)
{
	const char *text;

	for (unsigned int line = 0; trial->engine->remark; line++) {
		text = trial->engine->remark(trial->vcpu, line);
		if (!text)
			break;
		if (*text)
			fprintf(out, "%s\n", text);
	}
}
