// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One configuration of a survey: chosen ECX in every state, states that answer them alike counted
 * once by a grid, and reads at random in each of the states held against it.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/enumerate/ecxs.h"
#include "fuzz/survey/survey_grid.h"
#include "fuzz/survey/survey_read.h"
#include "lib/random.h"

#define PROBES  600 /* at random, for each state */
#define REFINES 12  /* by probes, for each group of states */

struct work {
	struct survey_reader reader;
	struct grid grid;
	uint32_t *ecxs; /* chosen ones */
	size_t n_ecxs;
	uint16_t *results; /* what each of them does, state by state */
	struct random random;
	uint32_t group;         /* states that are counted now, as bits ... */
	unsigned int n_grouped; /* ... so many of them */
};

static const uint16_t *results_in(const struct work *work, unsigned int state)
{
	return &work->results[state * work->n_ecxs];
}

/* Any ECX; one of a type, or an index, that was worth trying; a low index of any type. */
static uint32_t probe_at(struct work *work)
{
	const struct grid_axis *types = &work->grid.types, *indices = &work->grid.indices;
	uint64_t number = random_next(&work->random);
	uint32_t ecx = (uint32_t)number;
	unsigned int choice = (unsigned int)(number >> 32 & 3),
		     which = (unsigned int)(number >> 48);

	switch (choice) {
	case 0:
		return ecx;
	case 1:
		return (uint32_t)types->probes[which % types->n_probes] << 16 | (ecx & 0xffff);
	case 2:
		return (ecx & 0xffff0000) | indices->probes[which % indices->n_probes];
	default:
		return (ecx & 0xffff0000) | (which & 63);
	}
}

/* The chosen ECX that the grid gets wrong are tried in full, until none is left. */
static void refine_by_chosen(struct work *work, unsigned int state)
{
	const uint16_t *results = results_in(work, state);

	for (size_t i = 0; i < work->n_ecxs && !work->grid.too_many; i++)
		if (grid_lookup(&work->grid, work->ecxs[i]) != results[i])
			grid_refine(&work->grid, work->ecxs[i]);
}

static void draw_probes(struct work *work, uint32_t ecxs[PROBES])
{
	for (unsigned int i = 0; i < PROBES; i++)
		ecxs[i] = probe_at(work);
	survey_soon(&work->reader, ecxs, PROBES);
}

static void refine_by_probes(struct work *work)
{
	unsigned int refined = 0;
	uint32_t ecxs[PROBES];

	draw_probes(work, ecxs);
	for (unsigned int i = 0; i < PROBES && refined < REFINES; i++) {
		if (survey_ask(&work->reader, ecxs[i]) == grid_lookup(&work->grid, ecxs[i]))
			continue;
		grid_refine(&work->grid, ecxs[i]);
		survey_soon(&work->reader, ecxs + i + 1, PROBES - i - 1);
		refined++;
	}
}

/* What @result belongs to cannot be counted. */
static void estimate(struct work *work, uint16_t result)
{
	struct survey_slot *slot = work->reader.slot;

	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		if (work->reader.results[result].hit[entry])
			slot->hits[work->reader.results[result].hit[entry] - 1].estimated = true;
}

static void compare(struct work *work, uint32_t ecx, uint16_t result)
{
	uint16_t expected = grid_lookup(&work->grid, ecx);

	if (expected == result)
		return;
	work->reader.slot->disagreed++;
	estimate(work, expected);
	estimate(work, result);
}

/* The counts of a group hold for each of its states, says the chance of reads at random. */
static void probe_states(struct work *work)
{
	uint32_t ecxs[PROBES];

	for (unsigned int state = 0; state < SURVEY_STATES; state++) {
		if (!(work->group >> state & 1))
			continue;
		work->reader.state = state;
		for (size_t i = 0; work->grid.too_many && i < work->n_ecxs; i++)
			compare(work, work->ecxs[i], results_in(work, state)[i]);
		draw_probes(work, ecxs);
		for (unsigned int i = 0; i < PROBES; i++)
			compare(work, ecxs[i], survey_ask(&work->reader, ecxs[i]));
		work->reader.slot->probes += PROBES;
	}
}

static bool simpler(uint32_t ecx, uint8_t state, const struct survey_example *than)
{
	return state != than->state ? state < than->state : ecx < than->ecx;
}

/* Of grid_each(): a rectangle, in each of the group's states. */
static void count(void *opaque, uint16_t answer, uint32_t lowest, uint64_t ecxs)
{
	struct work *work = opaque;
	const struct read_result *result = &work->reader.results[answer];
	uint8_t lead = (uint8_t)__builtin_ctz(work->group);

	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++) {
		struct survey_class *hit;

		if (!result->hit[entry])
			continue;
		hit = &work->reader.slot->hits[result->hit[entry] - 1];
		if (!hit->count || simpler(lowest, lead, &hit->example)) {
			hit->example.ecx = lowest;
			hit->example.state = lead;
		}
		hit->count += ecxs * work->n_grouped;
		hit->reached += result->reached && entry == ENTRY_EXIT ? ecxs * work->n_grouped : 0;
		hit->states |= work->group;
		hit->estimated |= work->grid.too_many;
	}
}

/*
 * A guest can come to an exit in some states of a group and not in others only if the chosen ECX,
 * whose results say so, tell the states apart.
 */
static void count_group(struct work *work)
{
	unsigned int lead = (unsigned int)__builtin_ctz(work->group);

	work->n_grouped = (unsigned int)__builtin_popcount(work->group);
	work->reader.state = lead;
	grid_fill(&work->grid, survey_ask, &work->reader);
	refine_by_chosen(work, lead);
	refine_by_probes(work);
	work->reader.slot->too_many |= work->grid.too_many;
	probe_states(work);
	grid_each(&work->grid, count, work);
}

static void count_all(struct work *work)
{
	const size_t size = work->n_ecxs * sizeof(*work->results);
	uint32_t left = (1U << SURVEY_STATES) - 1;

	while (left) {
		unsigned int lead = (unsigned int)__builtin_ctz(left);

		work->group = 0;
		for (unsigned int state = lead; state < SURVEY_STATES; state++)
			if (left >> state & 1 &&
			    !memcmp(results_in(work, lead), results_in(work, state), size))
				work->group |= 1U << state;
		left &= ~work->group;
		count_group(work);
	}
}

/* What each class's example is answered with; and what only one read has shown. */
static void finish(struct work *work)
{
	struct survey_slot *slot = work->reader.slot;

	for (unsigned int i = 0; i < slot->n_hits; i++) {
		struct survey_class *hit = &slot->hits[i];

		if (!hit->count) {
			hit->count = 1;
			hit->states = 1U << hit->example.state;
			hit->estimated = true;
		}
		if (hit->key.entry < NR_ENTRIES)
			survey_look(&work->reader, hit->key.entry, &hit->example);
	}
}

static void read_chosen(struct work *work)
{
	for (unsigned int state = 0; state < SURVEY_STATES; state++) {
		work->reader.state = state;
		for (size_t i = 0; i < work->n_ecxs; i++) {
			const size_t left = work->n_ecxs - i;

			if (i % GRID_SOON == 0)
				survey_soon(&work->reader, &work->ecxs[i],
					    left < GRID_SOON ? left : GRID_SOON);
			work->results[state * work->n_ecxs + i] =
				survey_ask(&work->reader, work->ecxs[i]);
		}
	}
}

int survey_configuration(const struct survey *survey, size_t number, struct survey_slot *slot,
			 const char **why)
{
	struct work *work = calloc(1, sizeof(*work));
	int error = -1;

	*why = "out of memory";
	if (!work)
		return -1;
	work->random.state = number;
	work->grid.soon = survey_soon;
	work->ecxs = ecxs_chosen(&work->n_ecxs);
	if (work->ecxs)
		work->results = calloc(SURVEY_STATES * work->n_ecxs, sizeof(*work->results));
	survey_take_happened(survey, NULL);
	if (work->results && !survey_reader_begin(&work->reader, survey, number, slot, why)) {
		read_chosen(work);
		count_all(work);
		finish(work);
		survey_reader_end(&work->reader);
		survey_take_happened(survey, slot);
		error = 0;
	}
	free(work->ecxs);
	free(work->results);
	free(work);
	return error;
}
