/* SPDX-License-Identifier: GPL-2.0-only */
/* What a tree does is found out by trying it, when an engine is made. A part of engine.c, which includes it once. */

#ifndef GLUE_PROVE
static const struct rdpmc_pmu full_host = {
	.vendor = RDPMC_INTEL,
	.version = 5,
	.nr_gp = 8,
	.gp_width = 48,
	.nr_fixed = 4,
	.fixed_width = 48,
	.perf_capabilities = CASE_CAP_FW_WRITES | RDPMC_CAP_METRICS,
};

/* A guest with these capabilities, on a host that has PERF_METRICS. */
static void begin_on_metrics(struct engine_vcpu *vcpu, uint64_t capabilities)
{
	const struct rdpmc_policy policy = { .mediated_pmu = true };
	struct rdpmc_pmu guest = full_host;

	guest.perf_capabilities = capabilities;
	kernel_begin(vcpu, &guest, &full_host, &policy);
}

/* What it is answered to a read of PERF_METRICS. */
static uint8_t answer_to_metrics(struct engine_vcpu *vcpu, uint64_t capabilities)
{
	const struct rdpmc_state state = {
		.regs.rcx = METRICS_ECX, .regs.rflags = 2, .cr0 = RDPMC_CR0_PE, .mode = MODE_64BIT
	};
	struct engine_answer answer;

	begin_on_metrics(vcpu, capabilities);
	kernel_read(vcpu, ENTRY_EXIT, &state, &answer);
	return answer.answer;
}

/*
 * A plain guest of @vendor reads its first counter, by each entry. Code that does not come to its end there calls or
 * has what the glue does not know of, and what it says of other guests is not to be believed. NULL: it does.
 */
static const char *stops(struct engine_vcpu *vcpu, enum rdpmc_vendor vendor)
{
	const struct rdpmc_policy policy = { 0 };
	const struct rdpmc_pmu pmu = { .vendor = vendor,
				       .version = vendor == RDPMC_AMD ? 1 : 2,
				       .nr_gp = vendor == RDPMC_AMD ? 0 : 4,
				       .gp_width = vendor == RDPMC_AMD ? 0 : 48 };
	const struct rdpmc_state state = { .regs.rflags = 2,
					   .cr0 = RDPMC_CR0_PE,
					   .mode = MODE_64BIT };
	struct engine_answer answer = { 0 };

	kernel_begin(vcpu, &pmu, &pmu, &policy);
	if (vcpu->begun && !glue_has_counters(vcpu->glue))
		return "KVM gives it no counters, and why has a name that is not known here";
	for (int entry = ENTRY_EXIT; vcpu->begun && entry <= ENTRY_EMULATOR; entry++) {
		kernel_read(vcpu, (enum entry)entry, &state, &answer);
		vcpu->begun = answer.answer != ANSWER_STRANGE;
	}
	return vcpu->begun ? NULL : trouble_text();
}
#endif

static bool has_feature(const char *name)
{
	for (const struct engine_feature *feature = kernel_features; feature->name; feature++)
		if (!strcmp(feature->name, name))
			return feature->there;
	return false;
}

/* By what the tree does: a guest with the capability can read them, one without cannot, and a reset clears them. */
static void find_metrics(struct engine_vcpu *vcpu)
{
	const bool there = has_feature("perf-metrics");
#ifndef GLUE_PROVE
	const uint64_t with = CASE_CAP_FW_WRITES | RDPMC_CAP_METRICS, without = CASE_CAP_FW_WRITES;
	volatile bool outlive = false;

	if (there) {
		begin_on_metrics(vcpu, with);
		if (trouble_enter())
			outlive = glue_metrics_outlive(vcpu->glue);
		trouble_leave();
	} else {
		metrics_elsewhere = answer_to_metrics(vcpu, with) == ANSWER_VALUE &&
				    answer_to_metrics(vcpu, without) == ANSWER_GP;
	}
	metrics_outlive = outlive;
	trouble_forget();
#endif
	intercepts_by_metrics = has_feature("has-perf-metrics") && has_feature("need-intercept");
	if (!there && !metrics_elsewhere)
		capabilities_refused |= RDPMC_CAP_METRICS;
}

/* Code of vmx.c or svm.c that needs what is not here would be in every case's way: then it is done without. */
static char no_controls[400], no_handler[400];

#ifndef GLUE_PROVE
static void try_controls(struct engine_vcpu *vcpu)
{
	const struct rdpmc_policy policy = { .mediated_pmu = true };

	for (int amd = 0; amd < 2; amd++) {
		const struct rdpmc_pmu amd_host = { .vendor = RDPMC_AMD,
						    .version = 1,
						    .ext_core = true };
		const struct rdpmc_pmu *pmu = amd ? &amd_host : &full_host;
		const char *trouble;

		kernel_begin(vcpu, pmu, pmu, &policy);
		trouble = trouble_text();
		if (trouble && glue_without_handler(vcpu->glue)) {
			snprintf(no_handler, sizeof(no_handler),
				 "IA32_PERF_CAPABILITIES is not written by KVM's handler: %s",
				 trouble);
			kernel_begin(vcpu, pmu, pmu, &policy);
			trouble = trouble_text();
			if (trouble) /* it was not that */
				*no_handler = '\0';
		}
		if (trouble && glue_without_controls(vcpu->glue))
			snprintf(no_controls, sizeof(no_controls),
				 "whether RDPMC exits is not judged in %s.c: %s",
				 amd ? "svm" : "vmx", trouble);
	}
}
#endif

static const char *kernel_remark(struct engine_vcpu *vcpu, unsigned int line)
{
	(void)vcpu;
	const char *const remarks[] = { no_handler, no_controls };

	for (size_t i = 0; i < 2; i++)
		if (*remarks[i] && !line--)
			return remarks[i];
	return NULL;
}

/* All of it; NULL, or why the tree cannot be handled. */
static const char *try_tree(struct engine_vcpu *vcpu)
{
#ifndef GLUE_PROVE
	static char text[700];
	const char *trouble;

	try_controls(vcpu);
	trouble = stops(vcpu, RDPMC_INTEL);
	if (!trouble)
		trouble = stops(vcpu, RDPMC_AMD);
	if (trouble) {
		snprintf(text, sizeof(text),
			 "Linux " KERNEL_VERSION
			 " cannot be handled: RDPMC of a plain guest does not come to "
			 "its end: %s",
			 trouble);
		return text;
	}
#endif
	find_metrics(vcpu);
	return NULL;
}
