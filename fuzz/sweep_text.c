// SPDX-License-Identifier: GPL-2.0-or-later
/* What sweeps found, in words and in a table. */
#include "fuzz/sweep_text.h"

#include <stdlib.h>

#include "fuzz/report.h"
#include "fuzz/survey_report.h"

void sweep_tell_findings(FILE *out, const struct trial *trial, const struct sweep_result *result)
{
	for (size_t i = 0; i < result->findings.kinds; i++) {
		fprintf(out, "\nfinding %zu: ", i + 1);
		report_found(out, trial, &result->findings.found[i]);
	}
}

#define PLACE_WIDTH 32

static uint64_t place_reads(const struct sweep_place *place)
{
	uint64_t reads = 0;

	for (unsigned int shape = 0; shape < NR_SHAPES; shape++)
		reads += place->agree[shape];
	return reads;
}

/* How the answers of a place came about: as most did. */
static const char *place_way(const struct sweep_place *place)
{
	enum way most = WAY_UNKNOWN;

	for (enum way way = 0; way < NR_WAYS; way++)
		if (place->ways[way] > place->ways[most])
			most = way;
	return most == WAY_UNKNOWN ? "" : way_name(most);
}

/* Ten columns that fit a wide terminal. */
void sweep_tell_states(FILE *out, const struct sweep_place places[SWEEP_PLACES],
		       const struct tally *tally)
{
	char name[SWEEP_PLACE_NAME];
	uint64_t agree = 0, differ = 0, refused = 0;
	unsigned int tried = 0;

	fprintf(out, "\n%-*s", PLACE_WIDTH, "reads that agree, by type + index");
	for (unsigned int shape = 0; shape < NR_SHAPES; shape++)
		fprintf(out, " %*s", shape ? 8 : 7, ecx_shape_name(shape));
	fprintf(out, "   known  differ refused  mostly by\n");
	for (unsigned int i = 0; i < SWEEP_PLACES; i++) {
		const struct sweep_place *place = &places[i];

		fprintf(out, "%-*s", PLACE_WIDTH, sweep_place_name(place, name));
		for (unsigned int shape = 0; shape < NR_SHAPES; shape++) {
			fprintf(out, " %8llu", (unsigned long long)place->agree[shape]);
			agree += place->agree[shape];
		}
		fprintf(out, " %7llu %7llu %7llu  %s\n", (unsigned long long)place->known,
			(unsigned long long)place->differ, (unsigned long long)place->refused,
			place_way(place));
		tried += place->differ || place_reads(place);
		differ += place->differ;
		refused += place->refused;
	}
	fprintf(out,
		"known: of those that agree, by one entry or more as the known differences say\n");
	fprintf(out, "%u of %u states tried: %llu agree, %llu differ, %llu the host refuses\n",
		tried, SWEEP_PLACES, (unsigned long long)agree, (unsigned long long)differ,
		(unsigned long long)refused);
	report_tally(out, tally, 0);
}

void sweep_tell_left_out(FILE *out, const bool left_out[])
{
	char *text = NULL;
	size_t size, n = 0;
	FILE *list = open_memstream(&text, &size);

	for (size_t i = 0; i < nr_configurations; i++) {
		if (list && left_out[i])
			fprintf(list, "%s ", configurations[i].name);
		n += left_out[i];
	}
	if (n)
		fprintf(out,
			"%zu configurations left out, of which the engine makes the same guest as "
			"of another:\n",
			n);
	if (list && !fclose(list) && n)
		survey_wrap(out, "", 4, text);
	free(text);
}
