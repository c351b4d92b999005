/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands, and what they share: looking at the host and making the table of rows. */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

#include "bench/cases.h"
#include "bench/native.h"
#include "bench/options.h"
#include "host/advise.h"
#include "host/vm.h"

/* Each returns the program's exit status. */
int command_run(const struct options *options);
int command_list(const struct options *options);
int command_doctor(const struct options *options);
int command_nested(const struct options *options);

/* Can guests of @kind be measured here? @text: why, or why not and what to do. */
bool doctor_headline(const struct setting_host *host, enum setting_kind kind,
		     const struct advice *advice, size_t n, char *text, size_t size);

/*
 * Look at host and KVM, and fill @rows. Returns how many rows there are after the filter, at least 1:
 * a filter that matches nothing ends the program. @native is only tried, and closed again.
 */
size_t plan_rows(const struct options *options, const struct kvm *kvm, struct case_plan *plan,
		 struct native *native, struct row *rows);

#endif
