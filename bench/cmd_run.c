// SPDX-License-Identifier: GPL-2.0-or-later
/* rdpmc-bench run: place, plan, measure, report. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/commands.h"
#include "bench/report.h"
#include "bench/results_json.h"
#include "bench/runner.h"
#include "host/context_json.h"
#include "host/interrupt.h"
#include "host/topology.h"
#include "lib/file.h"
#include "lib/json/json_file.h"

static int nothing_runs(const char *why)
{
	fprintf(stderr, "rdpmc-bench: %s\n", why);
	return EXIT_NOTHING_RAN;
}

static void utc_now(char text[32])
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

/* A host's name and command line may be nobody else's business. */
static void forget_identity(json_t *context)
{
	json_object_set_new(context, "hostname", json_null());
	json_object_set_new(json_object_get(context, "kernel"), "cmdline", json_null());
}

/* Which guest each kind of machine boots, if any. */
static void configure_machines(struct bench *bench, const struct case_plan *plan)
{
	for (int kind = 0; kind < NR_SETTINGS; kind++) {
		const struct setting *setting = &plan->setting[kind];
		enum machine_kind machine =
			kind == SETTING_PASSTHROUGH ? MACHINE_PASSTHROUGH : MACHINE_INTERCEPTED;

		bench->machines[machine].config = (struct guest_config){
			.pmu = setting->guest,
			.irqchip = setting->irqchip,
		};
	}
	for (enum machine_kind kind = 0; kind < NR_MACHINES; kind++) {
		const struct pmu_state *state = pmu_state(kind);
		struct machine *machine = &bench->machines[kind];

		if (!state)
			continue;
		machine->config = (struct guest_config){
			.pmu = plan->setting[state->kind].guest,
			.irqchip = plan->setting[state->kind].irqchip,
		};
		/* All but the PMU as the others have it. */
		if (!state->has_pmu)
			machine->config.pmu = (struct pmu_shape){ .vendor = plan->host.kvm.vendor };
		machine->running = state->running;
	}
	/* Each further vCPU has one guest, too. */
	bench->one_guest = plan->pmu_cost || plan->vcpus;
	bench->machines[MACHINE_SIMULATED].config.simulated = true;
}

static int exit_status(const struct bench *bench)
{
	size_t measured = 0, failed = 0;

	for (size_t i = 0; i < bench->n_rows; i++) {
		/* A loop that only nets others is nothing that was asked for. */
		measured += bench->rows[i].status == ROW_MEASURED &&
			    (!bench->options.filter ||
			     !fnmatch(bench->options.filter, bench->rows[i].name, 0));
		failed += bench->rows[i].status == ROW_FAILED && !bench->rows[i].known;
	}
	if (bench->partial)
		return 128 + interrupt_signal();
	return failed ? EXIT_FAILED_ROW : measured ? EXIT_GOOD : EXIT_NOTHING_RAN;
}

static const char *text_at(json_t *context, const char *object, const char *key)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(context, object), key));

	return text ? text : "unknown";
}

/* Returns the exit status. */
static int report(const struct options *options, const struct bench *bench,
		  const struct case_plan *plan, const struct placement *placement, json_t *context,
		  const char *started)
{
	struct report_options report_options = { .glob = options->filter };
	/* With the JSON on standard output the table goes to where people look instead. */
	FILE *out = options->json && !strcmp(options->json, "-") ? stderr : stdout;
	struct failure failure;
	char host[256];
	json_t *json;
	int error;

	snprintf(host, sizeof(host), "Linux %s, %s", text_at(context, "kernel", "release"),
		 text_at(context, "cpu", "model_name"));
	report_options.host = host;
	report_options.colour = isatty(fileno(out)) && !getenv("NO_COLOR");
	report_print(out, bench, plan, placement->text, &report_options);
	if (!options->json) {
		json_decref(context);
	} else {
		json = results_json(bench, plan, context, placement, started);
		error = json ? json_file_write(options->json, json, &failure)
			     : fail_with(&failure, -ENOMEM, "out of memory for the result");
		json_decref(json);
		if (error) {
			fprintf(stderr, "rdpmc-bench: %s\n", failure.text);
			return EXIT_USAGE;
		}
		if (strcmp(options->json, "-"))
			fprintf(out, "\nwritten to %s\n", options->json);
	}
	return exit_status(bench);
}

/* Says why where it cannot be. */
static int place(const struct options *options, int *cpus, struct placement *placement)
{
	char why[200];
	int error;

	if (options->vcpus)
		error = topology_place_all(options->vcpus, options->force, cpus, placement, why,
					   sizeof(why));
	else
		error = topology_place(options->cpu, options->force, placement, why, sizeof(why));
	if (!options->vcpus && (error == -ENODEV || error == -EINVAL))
		options_die("--cpu: %s", why);
	if (error)
		fprintf(stderr, "rdpmc-bench: %s%s\n", error == -ENOSPC ? "--vcpus: " : "", why);
	return error;
}

static int measure(const struct options *options, struct bench *bench)
{
	struct placement placement;
	struct case_plan plan;
	struct failure failure;
	int cpus[MAX_VCPUS];
	char started[32];
	json_t *context;
	int error, status;

	error = place(options, cpus, &placement);
	if (error)
		return EXIT_NOTHING_RAN;
	bench->cpu = placement.cpu;
	bench->vcpus = options->vcpus;
	bench->cpus = cpus;
	if (interrupt_init(&failure))
		return nothing_runs(failure.text);
	utc_now(started);
	context = context_collect("");
	if (!context)
		return nothing_runs("out of memory");
	bench->emulated_host =
		json_is_true(json_object_get(json_object_get(context, "cpu"), "emulated"));
	if (options->anonymous)
		forget_identity(context);
	bench->n_rows = plan_rows(options, bench->kvm, &plan,
				  &bench->machines[MACHINE_NATIVE].native, bench->rows);
	configure_machines(bench, &plan);
	bench->backend = plan.host.backend;
	bench->vendor = plan.host.cpu.vendor;
	error = bench_run(bench, &failure);
	if (error) {
		json_decref(context);
		status = nothing_runs(failure.text);
		if (error == -EINVAL)
			status = EXIT_USAGE;
	} else {
		status = report(options, bench, &plan, &placement, context, started);
	}
	bench_free(bench);
	return status;
}

int command_run(const struct options *options)
{
	struct failure failure;
	struct bench *bench;
	struct kvm kvm;
	int status;

	if (options->list) {
		struct options list = *options;

		list.json = NULL; /* the file is for results */
		return command_list(&list);
	}
	if (options->json && file_check(options->json, &failure))
		options_die("--json: %s", failure.text);
	if (kvm_open(&kvm, options->device, &failure))
		return options_no_kvm(options, failure.text);
	bench = calloc(1, sizeof(*bench));
	if (bench) {
		bench->kvm = &kvm;
		bench->options = (struct bench_options){
			.seconds = options->seconds,
			.runs = options->runs,
			.seed = options->seed,
			.progress = isatty(STDERR_FILENO),
			.cycles = options->cycles,
			.filter = options->filter,
			.min_together = VCPUS_MIN_TOGETHER,
		};
		status = measure(options, bench);
	} else {
		status = nothing_runs("out of memory");
	}
	free(bench);
	kvm_close(&kvm);
	return status;
}
