// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-bench doctor: what blocks a measurement, what disturbs it, and the command that changes it. */
#include <stdio.h>
#include <string.h>

#include "bench/commands.h"
#include "host/probe.h"
#include "lib/file.h"
#include "lib/json/json_file.h"
#include "lib/text.h"

static const char *const level_names[] = {
	[ADVICE_GOOD] = "good",
	[ADVICE_NOTE] = "note",
	[ADVICE_DISTURBS] = "disturbs",
	[ADVICE_PREVENTS] = "prevents",
};

/* For a reader, in this order; the JSON keeps its own. */
static const struct {
	enum advice_level level;
	const char *word;
} groups[] = {
	{ ADVICE_PREVENTS, "BLOCKED" },
	{ ADVICE_DISTURBS, "disturbs" },
	{ ADVICE_NOTE, "note" },
	{ ADVICE_GOOD, "good" },
};

static json_t *advice_json(const struct advice *advice, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			array, json_pack("{s:s, s:s, s:s}", "level", level_names[advice[i].level],
					 "what", advice[i].what, "command", advice[i].command));
	return json_pack("{s:s, s:o}", "schema", "rdpmc-doctor/1", "advice", array);
}

static size_t count(const struct advice *advice, size_t n, enum advice_level level)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += advice[i].level == level;
	return found;
}

static void print_advice(const struct advice *advice, size_t n, bool verbose)
{
	const size_t good = count(advice, n, ADVICE_GOOD);

	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		if (groups[g].level == ADVICE_GOOD && !verbose)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (advice[i].level != groups[g].level)
				continue;
			printf("%-9s %s\n", groups[g].word, advice[i].what);
			if (advice[i].command[0])
				printf("%-9s   %s\n", "", advice[i].command);
		}
	}
	if (good && !verbose)
		printf("%-9s %zu other check%s (-v lists them)\n", "good", good, PLURAL(good));
}

/* What of the list keeps guests of @setting from being measured; NULL where nothing does. */
static const struct advice *obstacle(enum setting_kind kind, const struct setting *setting,
				     const struct advice *advice, size_t n)
{
	bool mediated = setting->irqchip && setting->guest.version;

	for (size_t i = 0; i < n; i++)
		if (advice[i].level == ADVICE_PREVENTS &&
		    (advice[i].no_guest ||
		     (advice[i].takes_pmu ? mediated : kind == SETTING_PASSTHROUGH)))
			return &advice[i];
	return NULL;
}

bool doctor_headline(const struct setting_host *host, enum setting_kind kind,
		     const struct advice *advice, size_t n, char *text, size_t size)
{
	const struct advice *against = NULL;
	const char *what, *remedy;
	struct setting setting;

	setting_derive(host, kind, &setting);
	what = setting.available ? intercept_cause_text(setting.means) : setting.reason;
	remedy = setting.remedy;
	if (setting.available)
		against = obstacle(kind, &setting, advice, n);
	if (against) {
		what = against->what;
		remedy = against->command;
	}
	snprintf(text, size, "%s%s%s", what, remedy[0] ? "; " : "", remedy);
	return setting.available && !against;
}

static void print_settings(const struct setting_host *host, const struct advice *advice, size_t n)
{
	struct setting setting;
	char text[320];

	for (enum setting_kind kind = 0; kind < NR_SETTINGS; kind++) {
		bool possible = doctor_headline(host, kind, advice, n, text, sizeof(text));
		const char *how = possible ? "possible" : "BLOCKED";

		setting_derive(host, kind, &setting);
		if (possible && setting.means == INTERCEPT_CAUSE_NO_PMU)
			how = "only RDPMC that faults";
		printf("%-12s %s: %s\n", setting_kind_name(kind), how, text);
	}
}

/* Whether another hypervisor or a holder of the PMU lets KVM create a VM is known only by trying. */
static struct advice try_vm(const struct kvm *kvm, const struct setting_host *host)
{
	struct advice advice = { .level = ADVICE_GOOD, .what = "KVM creates VMs" };
	struct failure failure;
	struct setting setting;
	struct vm vm;

	for (enum setting_kind kind = 0; kind < NR_SETTINGS; kind++) {
		setting_derive(host, kind, &setting);
		if (!setting.available)
			continue;
		if (!vm_create(&vm, kvm,
			       &(struct vm_config){ .memory_size = 4096,
						    .irqchip = setting.irqchip,
						    .pmu = setting.guest },
			       &failure)) {
			vm_destroy(&vm);
			continue;
		}
		advice.level = ADVICE_PREVENTS;
		advice.no_guest = true;
		snprintf(advice.what, sizeof(advice.what), "%.*s", (int)sizeof(advice.what) - 1,
			 failure.text);
		break;
	}
	return advice;
}

int command_doctor(const struct options *options)
{
	struct advice advice[1 + ADVICE_MAX];
	struct setting_host host;
	struct failure failure;
	struct kvm kvm;
	json_t *json;
	size_t n = 0;
	int error, no_kvm = EXIT_GOOD, status = EXIT_GOOD;

	if (options->json && file_check(options->json, &failure))
		options_die("--json: %s", failure.text);
	/* A host without KVM is a case for a doctor too. */
	error = kvm_open(&kvm, options->device, &failure);
	if (error)
		no_kvm = options_no_kvm(options, failure.text);
	probe_setting_host("", error ? NULL : &kvm, &host);
	if (!error)
		advice[n++] = try_vm(&kvm, &host);
	n += context_advise("", &host, advice + n, ADVICE_MAX);
	if (!options->json || strcmp(options->json, "-")) {
		if (!error) {
			print_settings(&host, advice, n);
			printf("\n");
		}
		print_advice(advice, n, options->verbose);
	}
	if (options->json) {
		json = advice_json(advice, n);
		if (json_file_write(options->json, json, &failure)) {
			fprintf(stderr, "rdpmc-bench: %s\n", failure.text);
			status = EXIT_USAGE;
		}
		json_decref(json);
	}
	if (!error)
		kvm_close(&kvm);
	return no_kvm ? no_kvm : status;
}
