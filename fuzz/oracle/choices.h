/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model's choices (struct rdpmc_choices) by name: the one list of them. */
#ifndef FUZZ_CHOICES_H
#define FUZZ_CHOICES_H

#include "model/pmu.h"

#define NR_CHOICES 7

const char *choice_name(unsigned int choice); /* "metrics-any-index"; choice < NR_CHOICES */
bool *choice_of(struct rdpmc_choices *choices, unsigned int choice);

/* The names of those that are made, with commas: "none" where none is. @text holds CHOICES_TEXT. */
#define CHOICES_TEXT 120
const char *choices_text(const struct rdpmc_choices *choices, char *text);

#endif
