// SPDX-License-Identifier: GPL-2.0-or-later
/* What changed between two engines' sources where neither engine runs it. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/survey/survey_report.h"

static int by_place(const void *a, const void *b)
{
	const struct engine_function *const *one = a, *const *other = b;
	int files = strcmp((*one)->file, (*other)->file);

	return files ? files : strcmp((*one)->name, (*other)->name);
}

/* The first of @all[], and if the other side has it, that: how many. */
static size_t compare(const struct engine_function *const *all, size_t n, bool *not_run)
{
	if (n < 2 || by_place(all, all + 1)) {
		*not_run = !all[0]->inside;
		return 1;
	}
	*not_run = all[0]->hash != all[1]->hash && !all[0]->inside && !all[1]->inside;
	return 2;
}

int survey_not_run(const struct survey *survey, struct survey_not_run *not_run)
{
	const struct engine_function **all;
	size_t n = 0;

	*not_run = (struct survey_not_run){ 0 };
	for (unsigned int side = 0; side < SURVEY_SIDES; side++) {
		const struct engine *engine = survey->engines[side];

		if (!engine || !engine->functions)
			return 0;
		for (size_t i = 0; engine->functions[i].name; i++)
			n++;
	}
	all = calloc(n + 1, sizeof(*all));
	not_run->functions = calloc(n + 1, sizeof(*not_run->functions));
	if (!all || !not_run->functions) {
		free(all);
		free(not_run->functions);
		not_run->functions = NULL;
		return -1;
	}
	n = 0;
	for (unsigned int side = 0; side < SURVEY_SIDES; side++)
		for (const struct engine_function *function = survey->engines[side]->functions;
		     function->name; function++)
			all[n++] = function;
	qsort(all, n, sizeof(*all), by_place);
	for (size_t i = 0; i < n;) {
		const struct engine_function *function = all[i];
		bool changed;

		i += compare(&all[i], n - i, &changed);
		if (changed)
			not_run->functions[not_run->n_functions++] = function;
	}
	free(all);
	return 0;
}

size_t survey_not_run_end(const struct survey_not_run *not_run, size_t first)
{
	const char *file = not_run->functions[first]->file;
	size_t end = first;

	while (end < not_run->n_functions && !strcmp(not_run->functions[end]->file, file))
		end++;
	return end;
}
