// SPDX-License-Identifier: GPL-2.0-or-later
/* What changed between two engines' sources where neither engine runs it. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/survey/survey_report.h"

struct sided {
	const struct engine_function *function;
	unsigned int side;
};

static int by_place(const void *a, const void *b)
{
	const struct engine_function *one = ((const struct sided *)a)->function;
	const struct engine_function *other = ((const struct sided *)b)->function;
	int files = strcmp(one->file, other->file);

	return files ? files : strcmp(one->name, other->name);
}

/* The first of @all[], and those of its name: how many. Under #ifdef, one side can have several. */
static size_t compare(const struct sided *all, size_t n, bool *not_run)
{
	uint64_t differ = 0;
	bool inside = false;
	size_t same = 0;

	for (; same < n && !by_place(all, &all[same]); same++) {
		const struct engine_function *function = all[same].function;

		inside |= function->inside;
		differ += all[same].side == SURVEY_BEFORE ? function->hash : -function->hash;
	}
	*not_run = differ && !inside;
	return same;
}

int survey_not_run(const struct survey *survey, struct survey_not_run *not_run)
{
	struct sided *all;
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
			all[n++] = (struct sided){ function, side };
	qsort(all, n, sizeof(*all), by_place);
	for (size_t i = 0; i < n;) {
		const struct engine_function *function = all[i].function;
		const size_t out = not_run->n_functions;
		bool changed;

		i += compare(&all[i], n - i, &changed);
		if (!changed)
			continue;
		if (!out || strcmp(not_run->functions[out - 1]->file, function->file))
			not_run->n_files++;
		not_run->functions[not_run->n_functions++] = function;
	}
	free(all);
	return 0;
}
