// SPDX-License-Identifier: GPL-2.0-or-later
// beside others
/* Proves what people are told of a case and of a finding, word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/case/bytes.h"
#include "fuzz/report/report.h"
#include "fuzz/triage/triage.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CAP_BOTH      (RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR)

static char *text;
static size_t text_size;

static FILE *begin(void)
{
	FILE *out;

	free(text);
	text = NULL;
	out = open_memstream(&text, &text_size);
	assert_non_null(out);
	return out;
}

static int forget(void **unused)
{
	(void)unused;
	free(text);
	text = NULL;
	return 0;
}

static void assert_text(FILE *out, const char *expected)
{
	fclose(out);
	assert_string_equal(text, expected);
}

static void assert_holds(const char *expected)
{
	if (!strstr(text, expected))
		fail_msg("'%s' is not in: %s", expected, text);
}

static const struct rdpmc_pmu intel = { .vendor = RDPMC_INTEL,
					.version = 5,
					.nr_gp = 8,
					.gp_width = 48,
					.nr_fixed = 4,
					.fixed_width = 48,
					.perf_capabilities = CAP_BOTH };
static const struct rdpmc_pmu no_pmu = { .vendor = RDPMC_INTEL };
static const struct rdpmc_pmu p6 = { .vendor = RDPMC_INTEL, .old_counters = 2, .old_fast = true };
static const struct rdpmc_pmu amd = { .vendor = RDPMC_AMD, .version = 1, .ext_core = true };

static const struct {
	const char *text;
	const struct rdpmc_pmu *pmu;
	uint8_t mode, cpl;
	bool pce, lock;
	uint64_t rcx;
} reads[] = {
	{ "64-bit mode, CPL 3, CR4.PCE = 0, ECX = 0x60000000: type 0x6000, index 0", &intel,
	  MODE_64BIT, 3, false, false, 0x60000000 },
	{ "protected mode, CPL 0, CR4.PCE = 1, ECX = 0x4000ffff: type 0x4000, index 65535", &intel,
	  MODE_PROTECTED, 0, true, false, 0x4000ffff },
	{ "real-address mode, CPL 0, CR4.PCE = 0, ECX = 0x00000007: type 0x0000, index 7", &intel,
	  MODE_REAL, 0, false, false, 7 },
	{ "virtual-8086 mode, CPL 3, CR4.PCE = 1, ECX = 0x80000001: index 1, fast", &p6, MODE_VM86,
	  3, true, false, 0x80000001 },
	{ "compatibility mode, CPL 1, CR4.PCE = 1, ECX = 0x7fffffff: index 0x7fffffff", &no_pmu,
	  MODE_COMPATIBILITY, 1, true, false, 0x7fffffff },
	{ "64-bit mode, CPL 2, CR4.PCE = 1, ECX = 0xc0000000: index 0xc0000000", &amd, MODE_64BIT,
	  2, true, false, 0xc0000000 },
	{ "64-bit mode, CPL 0, CR4.PCE = 0, LOCK prefix, ECX = 0x00000000: type 0x0000, index 0",
	  &intel, MODE_64BIT, 0, false, true, 0 },
	{ "64-bit mode, CPL 0, CR4.PCE = 0, ECX = 0x00000002: type 0x0000, index 2 "
	  "(RCX[63:32] = 0x00010000)",
	  &intel, MODE_64BIT, 0, false, false, 0x1000000000002 },
	{ "real-address mode, CPL 3, CR4.PCE = 0, CR0.PE = 0 with CPL > 0 (no CPU gets into this "
	  "state), ECX = "
	  "0x00000000: type 0x0000, index 0",
	  &intel, MODE_REAL, 3, false, false, 0 },
};

static void test_read(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		struct rdpmc_state state = { .regs = { .rcx = reads[i].rcx },
					     .cr4 = reads[i].pce ? RDPMC_CR4_PCE : 0,
					     .lock = reads[i].lock };
		struct rdpmc_view view;
		FILE *out = begin();

		case_set_mode(&state, reads[i].mode, reads[i].cpl);
		rdpmc_view(reads[i].pmu, &rdpmc_default_choices, &view);
		report_read(out, &state, &view);
		assert_text(out, reads[i].text);
	}
}

static struct rdpmc_case case_of(const struct rdpmc_pmu *guest, const struct rdpmc_pmu *host)
{
	struct rdpmc_case decoded = { .guest = *guest, .host = *host };

	decoded.policy.mediated_pmu = true;
	decoded.state.cr4 = RDPMC_CR4_PCE;
	decoded.state.regs.rip = 0x1000;
	case_set_mode(&decoded.state, MODE_64BIT, 3);
	return decoded;
}

struct pmu_text {
	struct rdpmc_pmu pmu;
	const char *text;
};

#define INTEL(...)                                                                                 \
	{                                                                                          \
		.vendor = RDPMC_INTEL, __VA_ARGS__                                                 \
	}
#define AMD(...)                                                                                   \
	{                                                                                          \
		.vendor = RDPMC_AMD, __VA_ARGS__                                                   \
	}

static const struct pmu_text pmu_texts[] = {
	{ INTEL(.old_fast = true, .nr_gp = 8), "Intel, no PMU" },
	{ INTEL(.old_counters = 2), "Intel, not architectural, 2 counters" },
	{ INTEL(.old_counters = 18, .old_fast = true),
	  "Intel, not architectural, 18 counters, fast reads" },
	{ INTEL(.version = 2, .nr_gp = 2, .gp_width = 40, .nr_fixed = 3, .fixed_width = 48),
	  "Intel, version 2, 2 GP of 40 bits, 3 fixed of 48 bits" },
	{ INTEL(.version = 6, .nr_gp = 8, .gp_width = 48, .nr_fixed = 4, .fixed_width = 48,
		.leaf23_gp = 0x400, .leaf23_fixed = 0x80000000, .fixed_bitmap = 0x10,
		.user_disable = true, .perf_capabilities = CAP_BOTH),
	  "Intel, version 6, 8 GP of 48 bits (leaf 0x23: 0x400), 4 fixed of 48 bits (bitmap 0x10) "
	  "(leaf 0x23: 0x80000000), user disable, PERF_METRICS, metrics clear" },
	{ AMD(.version = 0, .ext_core = true), "AMD, no PMU" },
	{ AMD(.version = 1), "AMD, 4 core counters" },
	{ AMD(.version = 1, .ext_core = true, .ext_l3 = true),
	  "AMD, 6 core counters, PerfCtrExtCore, PerfCtrExtLLC" },
	{ AMD(.version = 2, .nr_gp = 6, .ext_core = true, .ext_nb = true, .nr_nb = 8),
	  "AMD, PerfMonV2, 6 core counters, PerfCtrExtCore, PerfCtrExtNB, 8 data-fabric counters" },
};

static void test_pmus(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pmu_texts); i++) {
		const struct rdpmc_case decoded = case_of(&pmu_texts[i].pmu, &no_pmu);
		FILE *out = begin();
		char line[256];

		report_case(out, &decoded);
		fclose(out);
		snprintf(line, sizeof(line), "\nguest    %s\nhost     Intel, no PMU\n",
			 pmu_texts[i].text);
		assert_holds(line);
	}
}

/* The counters of AMD's that are told are those that can be read. */
static void test_amd_counters(void **unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 3 * 16 * 2; i++) {
		const struct rdpmc_pmu pmu =
			AMD(.version = (uint8_t)(i / 32), .nr_gp = (uint8_t)(i % 16),
			    .ext_core = i / 16 % 2);
		const struct rdpmc_case decoded = case_of(&pmu, &pmu);
		FILE *out = begin();
		struct rdpmc_view view;
		char words[64];

		rdpmc_view(&pmu, &rdpmc_default_choices, &view);
		report_case(out, &decoded);
		fclose(out);
		snprintf(words, sizeof(words), " %d core counters",
			 __builtin_popcountll(view.readable[CLASS_AMD_CORE]));
		assert_holds(pmu.version ? words : "AMD, no PMU");
	}
}

struct data {
	struct case_bytes bytes;
	struct case_step_bytes steps[16];
	size_t size;
};

static void add(struct data *data, uint8_t op, uint8_t arg, uint64_t value)
{
	const struct case_step step = { op, arg, value };

	case_step_encode(&step, (struct case_step_bytes *)((uint8_t *)data + data->size));
	data->size += sizeof(struct case_step_bytes);
}

static struct data data_of(const struct rdpmc_case *decoded)
{
	struct data data = { .size = sizeof(data.bytes) };

	case_encode(decoded, &data.bytes);
	return data;
}

/* Every step, and numbers of every length. */
static void test_case(void **unused)
{
	struct rdpmc_case decoded = case_of(&intel, &no_pmu);
	struct data data;
	FILE *out;

	(void)unused;
	decoded.policy.vmware_backdoor = true;
	decoded.policy.mediated_pmu = false;
	decoded.fixed_ctr_ctrl = 0x200004000;
	decoded.gp_user_disable = 0xffff;
	decoded.metrics = 0xfedcba9876543210;
	data = data_of(&decoded);
	data.bytes.version = 1;
	data.bytes.flags |= 0x80;
	add(&data, STEP_READ, 0, 0);
	add(&data, STEP_GP, 31, 0x10000);
	add(&data, STEP_FIXED, 3, 0xffff);
	add(&data, STEP_METRICS, 0, 0x1000000000000);
	add(&data, STEP_FIXED_CTRL, 0, 0xabcdef);
	add(&data, STEP_USER_DISABLE, 0, 0xffffffff00000003);
	add(&data, STEP_CR4, 0, 0xffffffff00000100);
	add(&data, STEP_MODE, 2, 0);
	add(&data, STEP_MODE, 2 << 3 | 7, 0);
	add(&data, STEP_LOCK, 0x1f, 0);
	add(&data, STEP_LOCK, 0, 0);
	case_decode((const uint8_t *)&data, data.size, &decoded);
	out = begin();
	report_case(out, &decoded);
	assert_text(out, "tried    64-bit mode, CPL 3, CR4.PCE = 1, ECX = 0x00000000: type 0x0000, "
			 "index 0\n"
			 "guest    Intel, version 5, 8 GP of 48 bits, 4 fixed of 48 bits, "
			 "PERF_METRICS, metrics clear\n"
			 "host     Intel, no PMU\n"
			 "policy   emulated PMU, VMware backdoor on\n"
			 "control  FIXED_CTR_CTRL 0x200004000, PERFEVTSELx[37] 0xffff, "
			 "PERF_METRICS 0xfedcba9876543210\n"
			 "step 1   RDPMC, RCX = 0x0\n"
			 "step 2   general-purpose counter 31 = 0x10000\n"
			 "step 3   fixed counter 3 = 0xffff\n"
			 "step 4   PERF_METRICS = 0x1000000000000\n"
			 "step 5   IA32_FIXED_CTR_CTRL = 0xabcdef\n"
			 "step 6   PERFEVTSELx[37] = bits of 0x3\n"
			 "step 7   CR4 = 0x100 (PCE = 1)\n"
			 "step 8   virtual-8086 mode, CPL 3\n"
			 "step 9   virtual-8086 mode, CPL 3\n"
			 "step 10  LOCK prefix on\n"
			 "step 11  LOCK prefix off\n"
			 "legal    1 field out of range, replaced by a legal value\n");
}

static const struct engine *right;
static struct engine wrong;

static void start(struct trial *trial)
{
	const char *why;

	right = engine_find("emulator", &why);
	assert_non_null(right);
	wrong = *right;
	wrong.name = "wrong";
	assert_int_equal(trial_init(trial, &wrong, &why), 0);
}

/* By one entry: another value, RCX, RFLAGS, and a counter that changes. */
static void wrong_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	right->read(vcpu, entry, state, answer);
	if (entry != ENTRY_EMULATOR || state->regs.rcx != 3)
		return;
	answer->regs.rax ^= 1;
	answer->regs.rdx = 0x11111234;
	answer->regs.rcx |= 1ULL << 40;
	answer->regs.rip = 0x1000;
	answer->regs.rflags ^= 0x400;
	right->write(vcpu, &(struct case_step){ STEP_GP, 7, 0x12345 });
	right->write(vcpu, &(struct case_step){ STEP_FIXED, 1, 0x99 });
}

static const char *complaint;

static void test_finding(void **unused)
{
	struct rdpmc_case decoded = case_of(&intel, &intel);
	struct data data = data_of(&decoded);
	struct finding finding;
	struct trial trial;
	FILE *out = begin();

	(void)unused;
	start(&trial);
	wrong.read = wrong_read;
	add(&data, STEP_GP, 3, 0x123456789abc);
	add(&data, STEP_GP, 7, 0);
	add(&data, STEP_FIXED, 1, 0x10000);
	add(&data, STEP_READ, 0, 3);
	case_decode((const uint8_t *)&data, data.size, &decoded);
	assert_false(trial_case(&trial, &decoded, &finding));
	report_finding(out, &trial, &decoded, &finding);
	trial_free(&trial);
	assert_text(out,
		    "at       step 4: 64-bit mode, CPL 3, CR4.PCE = 1, ECX = 0x00000003: type 0x0000, "
		    "index 3\n"
		    "expected EDX:EAX = 0x123456789abc, general-purpose counter 3\n"
		    "got      EDX:EAX = 0x1111123456789abd\n"
		    "rule     TYPE-GP: type 0x0000: x < CPUID.0AH:EAX[15:8], or x <= 31 and "
		    "CPUID.23H.01H:EAX[x]\n"
		    "source   SDM vol. 2 \"RDPMC\" for leaf 0xa; Linux, arch/x86/events/intel/core.c for leaf "
		    "0x23, in its place (choice leaf23-replaces)\n"
		    "differs  RAX: expected 0x56789abc, got 0x56789abd\n"
		    "differs  RCX: expected 0x3, got 0x10000000003\n"
		    "differs  RDX: expected 0x1234, got 0x11111234\n"
		    "differs  RIP: expected 0x1002, got 0x1000\n"
		    "differs  RFLAGS: expected 0x2, got 0x402\n"
		    "differs  general-purpose counter 7: expected 0x0, got 0x12345\n"
		    "differs  fixed counter 1: expected 0x10000, got 0x99\n"
		    "entries  the engine's entries answer differently\n"
		    "oracle   outcome, nothing-else, entries; entry emulator\n");
}

/* Counters are compared in their width, and told so: bits above it are nobody's. */
static void test_counters_width(void **unused)
{
	struct rdpmc_case decoded = case_of(&intel, &intel);
	struct finding finding = {
		.oracles = ORACLE_NOTHING_ELSE, .n_gp = 9, .n_fixed = 2, .state = decoded.state
	};
	struct trial trial;
	FILE *out = begin();

	(void)unused;
	finding.counters.gp[3] = 0xffff123456789abc;
	finding.expected.gp[3] = 0x123456789abc;
	finding.counters.fixed[1] = 0xabcd000000000001;
	finding.expected.fixed[1] = 2;
	finding.counters.gp[8] = 1ULL << 60; /* of the nine the guest has eight */
	start(&trial);
	report_finding(out, &trial, &decoded, &finding);
	trial_free(&trial);
	fclose(out);
	assert_null(strstr(text, "counter 3"));
	assert_holds("differs  fixed counter 1: expected 0x2, got 0x1\n");
	assert_holds("differs  general-purpose counter 8: expected 0x0, got 0x1000000000000000\n");
}

/* AMD's counters are by ECX, and the last data-fabric counter's is above 63. */
static void test_the_last_counter_of_amd(void **unused)
{
	static const struct rdpmc_pmu zen = { .vendor = RDPMC_AMD,
					      .version = 2,
					      .nr_gp = 6,
					      .ext_core = true,
					      .ext_nb = true,
					      .nr_nb = 60 };
	struct rdpmc_case decoded = case_of(&zen, &zen);
	struct finding finding = { .oracles = ORACLE_NOTHING_ELSE,
				   .n_gp = RDPMC_MAX_ECX,
				   .state = decoded.state };
	struct trial trial;
	FILE *out = begin();

	(void)unused;
	finding.counters.gp[RDPMC_MAX_ECX - 1] = 1ULL << 60;
	start(&trial);
	report_finding(out, &trial, &decoded, &finding);
	trial_free(&trial);
	fclose(out);
	assert_holds("got 0x1000000000000000\n");
}

static void test_refused_tally(void **unused)
{
	struct tally tally = { .cases = 2,
			       .verdicts = { [QUESTION_READ] = { [VERDICT_REFUSED] = 3,
								 [VERDICT_UNAVAILABLE] = 5,
								 [VERDICT_SKIPPED] = 7 },
					     [QUESTION_WRITE] = { [VERDICT_UNAVAILABLE] = 9,
								  [VERDICT_SKIPPED] = 6 },
					     [QUESTION_INTERCEPT][VERDICT_UNAVAILABLE] = 2 },
			       .adapted = 4,
			       .offered = 1,
			       .refusal = "KVM_RUN: EINVAL" };
	const struct tally all = { .cases = 2 };
	char untried[TALLY_TEXT], *first;
	FILE *out = begin();

	(void)unused;
	report_tally(out, &tally, 0);
	fclose(out);
	assert_string_equal(tally_not_tried(&tally, untried),
			    "3 reads refused by the host (KVM_RUN: EINVAL), "
			    "5 reads by an entry that the engine does not have here, "
			    "7 reads skipped after a finding, 6 writes skipped after a finding, "
			    "4 reads in another CPU state, "
			    "1 case with the guest PMU reduced to what the engine supports, "
			    "9 writes not supported by the engine, "
			    "2 intercepts not reported by the engine");
	/* Said once: the tally is as if all had been tried. */
	first = text;
	text = NULL;
	out = begin();
	report_tally(out, &all, 0);
	assert_text(out, first);
	free(first);
	assert_string_equal(tally_not_tried(&all, untried), "");
}

static const char *complain(struct engine_vcpu *vcpu)
{
	(void)vcpu;
	return complaint;
}

static void complaining_write(struct engine_vcpu *vcpu, const struct case_step *step)
{
	right->write(vcpu, step);
	complaint = "pmu.c:7: it hurts";
}

/* No answer and no rule where no read was answered. */
static void test_unanswered(void **unused)
{
	struct rdpmc_case decoded = case_of(&intel, &intel);
	struct data data = data_of(&decoded);
	char title[FINDING_TITLE];
	struct finding finding;
	struct trial trial;
	FILE *out = begin();

	(void)unused;
	start(&trial);
	wrong.write = complaining_write;
	wrong.trouble = complain;
	complaint = NULL;
	add(&data, STEP_READ, 0, 4);
	add(&data, STEP_GP, 3, 0x1234);
	add(&data, STEP_LOCK, 0, 0);
	case_decode((const uint8_t *)&data, data.size, &decoded);
	memset(&finding, 0xa5, sizeof(finding));
	assert_false(trial_case(&trial, &decoded, &finding));
	report_finding(out, &trial, &decoded, &finding);
	trial_free(&trial);
	assert_text(out, "at       step 2, without an answer: general-purpose counter 3 = 0x1234\n"
			 "splat    pmu.c:7: it hurts\n");
	assert_string_equal(finding_title(&finding, title), "splat at a step");
}

static bool amd_host(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest, struct rdpmc_pmu *host,
		     struct rdpmc_policy *policy)
{
	(void)vcpu;
	(void)guest;
	(void)policy;
	*host = amd;
	return false;
}

static void answer_everything(struct engine_vcpu *vcpu, enum entry entry,
			      const struct rdpmc_state *state, struct engine_answer *answer)
{
	right->read(vcpu, entry, state, answer);
	answer->answer = ANSWER_VALUE;
	answer->error_code = 0;
}

/* It is the engine's own host, if it has one, whose processor faults before the exit or does not. */
static void test_reach_of_the_engines_host(void **unused)
{
	struct rdpmc_case decoded = case_of(&intel, &intel);
	struct finding finding;
	struct trial trial;

	(void)unused;
	decoded.state.regs.rcx = 0x60000000;
	for (unsigned int own = 0; own < 2; own++) {
		FILE *out = begin();

		start(&trial);
		wrong.read = answer_everything;
		if (own)
			wrong.clamp = amd_host;
		assert_false(trial_case(&trial, &decoded, &finding));
		assert_int_equal(finding.entry, ENTRY_EXIT);
		report_finding(out, &trial, &decoded, &finding);
		assert_int_equal(report_reaches_exit(&trial, &finding), !own);
		trial_free(&trial);
		fclose(out);
		assert_int_equal(!strstr(text, "reach    "), !own);
		assert_int_equal(!strstr(text, "(SVM-PRIORITY)"), !own);
	}
}

/* A finding made by hand: the model's outcome of a read, and the same registers of @engine's. */
static void report_made(struct rdpmc_case *decoded, unsigned int oracles,
			const struct engine_answer *engine)
{
	struct finding finding = { .oracles = oracles, .engine = *engine, .state = decoded->state };
	struct rdpmc_counters counters = { .gp = { [1] = 0x1111 },
					   .fixed_ctr_ctrl = decoded->fixed_ctr_ctrl,
					   .gp_user_disable = decoded->gp_user_disable,
					   .metrics = 0x55667788,
					   .vmware = { [2] = 0x9876 } };
	struct rdpmc_view view;
	struct trial trial;
	FILE *out = begin();

	rdpmc_view(&decoded->guest, &rdpmc_default_choices, &view);
	finding.model = rdpmc_execute(&view, &decoded->policy, &decoded->state, &counters);
	finding.rule = finding.model.decision.rule;
	finding.engine.regs = finding.model.regs;
	finding.counters = finding.expected = counters;
	start(&trial);
	report_finding(out, &trial, decoded, &finding);
	trial_free(&trial);
	fclose(out);
}

static void test_answers_of_a_finding(void **unused)
{
	struct rdpmc_pmu hiding = intel;
	struct rdpmc_case decoded;

	(void)unused;
	decoded = case_of(&amd, &amd);
	decoded.state.regs.rcx = 1;
	report_made(&decoded, ORACLE_OUTCOME, &(struct engine_answer){ .answer = ANSWER_UD });
	assert_holds("at       the first read: 64-bit mode, CPL 3, CR4.PCE = 1, ECX = 0x00000001: "
		     "index 1\n"
		     "expected EDX:EAX = 0x1111, core counter 1\n"
		     "got      #UD\n"
		     "rule     AMD-CORE: ");
	assert_null(strstr(text, "differs"));
	assert_null(strstr(text, "entries  "));

	decoded = case_of(&intel, &intel);
	decoded.fixed_ctr_ctrl = RDPMC_FIXED_CTRL_METRICS_CLEAR;
	decoded.state.regs.rcx = 0x20000000;
	report_made(&decoded, ORACLE_NOTHING_ELSE, &(struct engine_answer){ .other_state = true });
	assert_holds("oracle   nothing-else; entry exit\n");
	assert_holds("expected EDX:EAX = 0x55667788, PERF_METRICS, index 0, which clears it and "
		     "fixed counter 3\n"
		     "got      EDX:EAX = 0x55667788\n"
		     "rule     METRICS-VALUE: ");
	assert_holds("differs  CR0, CR4, CPL");

	hiding.user_disable = true;
	decoded = case_of(&hiding, &hiding);
	decoded.gp_user_disable = 2;
	decoded.state.regs.rcx = 1;
	report_made(&decoded, ORACLE_OUTCOME, &(struct engine_answer){ .answer = ANSWER_STRANGE });
	assert_holds("neither #GP nor #UD");
	assert_holds("expected EDX:EAX = 0x0, general-purpose counter 1, hidden\n");
	assert_holds("rule     USER-DISABLE: ");

	decoded.policy.vmware_backdoor = true;
	decoded.state.regs.rcx = 0x10002;
	report_made(&decoded, ORACLE_OUTCOME, &(struct engine_answer){ .answer = ANSWER_GP });
	assert_holds("expected EDX:EAX = 0x9876, VMware pseudo counter 2\ngot      #GP(0)\n");

	decoded.state.lock = true;
	report_made(&decoded, ORACLE_OUTCOME, &(struct engine_answer){ .answer = ANSWER_GP });
	assert_holds("expected #UD\ngot      #GP(0)\nrule     UD-LOCK: ");
}

static void test_error_code(void **unused)
{
	struct rdpmc_case decoded = case_of(&intel, &intel);

	(void)unused;
	decoded.state.regs.rcx = 0x60000000;
	report_made(&decoded, ORACLE_OUTCOME,
		    &(struct engine_answer){ .answer = ANSWER_GP, .error_code = 8 });
	assert_holds("expected #GP(0)\n");
	/* It cannot be #GP(0) and have an error code of 8. */
	assert_holds("got      #GP(8)\n");
}

static const struct {
	struct rdpmc_pass pass;
	const char *line;
} passes[] = {
	{ { OBSTACLE_VMWARE, CLASS_VMWARE, 0 },
	  "the CPU does not know the VMware pseudo counters (VMware pseudo counter 0)" },
	{ { OBSTACLE_NOT_MEDIATED, 0, 0 }, "the CPU's counters are not the guest's" },
	{ { OBSTACLE_READABLE, CLASS_METRICS, 0 },
	  "guest and CPU do not let the same counters be read (PERF_METRICS, index 0)" },
	{ { OBSTACLE_READABLE, CLASS_AMD_NB_MORE, 3 },
	  "guest and CPU do not let the same counters be read (data-fabric counter at index 16 + 3)" },
	{ { OBSTACLE_WIDTH, CLASS_FIXED, 31 },
	  "the guest's counters are not as wide as the CPU's (fixed counter 31)" },
	{ { OBSTACLE_CLEAR, 0, 0 }, "the guest may ask for metrics clear, the CPU has none" },
	{ { OBSTACLE_USER_DISABLE, 0, 0 },
	  "the guest may ask for user disable, the CPU has none" },
};

static void test_pass_sound(void **unused)
{
	const struct rdpmc_case decoded = case_of(&intel, &intel);

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(passes); i++) {
		const struct finding finding = { .oracles = ORACLE_PASS_SOUND,
						 .pass = passes[i].pass };
		FILE *out = begin();
		struct trial trial;
		char expected[1024];

		start(&trial);
		report_finding(out, &trial, &decoded, &finding);
		trial_free(&trial);
		snprintf(expected, sizeof(expected),
			 "expected RDPMC intercepted: %s\n"
			 "got      RDPMC NOT intercepted (bug)\n"
			 "rule     PASS-SOUND: %s\n"
			 "source   %s\n",
			 passes[i].line, rdpmc_rules[RULE_PASS_SOUND].text,
			 rdpmc_rules[RULE_PASS_SOUND].source);
		assert_text(out, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_read, forget),
		cmocka_unit_test_teardown(test_pmus, forget),
		cmocka_unit_test_teardown(test_amd_counters, forget),
		cmocka_unit_test_teardown(test_case, forget),
		cmocka_unit_test_teardown(test_finding, forget),
		cmocka_unit_test_teardown(test_unanswered, forget),
		cmocka_unit_test_teardown(test_reach_of_the_engines_host, forget),
		cmocka_unit_test_teardown(test_counters_width, forget),
		cmocka_unit_test_teardown(test_the_last_counter_of_amd, forget),
		cmocka_unit_test_teardown(test_refused_tally, forget),
		cmocka_unit_test_teardown(test_answers_of_a_finding, forget),
		cmocka_unit_test_teardown(test_error_code, forget),
		cmocka_unit_test_teardown(test_pass_sound, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
