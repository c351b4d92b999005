// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One configuration of a survey: chosen ECX in every state, states that answer them alike counted
 * once by a grid, and reads at random in each of the states held against it.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/random.h"
#include "fuzz/survey_grid.h"
#include "fuzz/survey_read.h"
#include "fuzz/sweep.h"

#define PROBES  600 /* at random, for each state */
#define REFINES 12  /* by probes, for each group of states */

struct work {
	struct survey_reader reader;
	struct grid *grid;
	uint32_t *ecxs; /* chosen ones */
	size_t n_ecxs;
	uint16_t *said; /* what each of them does, state by state */
	struct random random;
	uint32_t group;         /* states that are counted now, as bits ... */
	unsigned int n_grouped; /* ... so many of them */
};

static const uint16_t *said_in(const struct work *work, unsigned int state)
{
	return &work->said[state * work->n_ecxs];
}

/* Any ECX; one of a type, or an index, that was worth trying; a low index of any type. */
static uint32_t probe_at(struct work *work)
{
	const struct grid_axis *types = &work->grid->types, *indices = &work->grid->indices;
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
	const uint16_t *said = said_in(work, state);

	for (size_t i = 0; i < work->n_ecxs && !work->grid->too_many; i++)
		if (grid_says(work->grid, work->ecxs[i]) != said[i])
			grid_refine(work->grid, work->ecxs[i]);
}

static void refine_by_probes(struct work *work)
{
	unsigned int refined = 0;

	for (unsigned int i = 0; i < PROBES && refined < REFINES; i++) {
		uint32_t ecx = probe_at(work);

		if (survey_ask(&work->reader, ecx) == grid_says(work->grid, ecx))
			continue;
		grid_refine(work->grid, ecx);
		refined++;
	}
}

/* What @deed belongs to cannot be counted. */
static void estimate(struct work *work, uint16_t deed)
{
	struct survey_slot *slot = work->reader.slot;

	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		if (work->reader.deeds[deed].hit[entry])
			slot->hits[work->reader.deeds[deed].hit[entry] - 1].estimated = true;
}

static void compare(struct work *work, uint32_t ecx, uint16_t does)
{
	uint16_t says = grid_says(work->grid, ecx);

	if (says == does)
		return;
	work->reader.slot->disagreed++;
	estimate(work, says);
	estimate(work, does);
}

/* The counts of a group hold for each of its states, says the chance of reads at random. */
static void probe_states(struct work *work)
{
	for (unsigned int state = 0; state < SURVEY_STATES; state++) {
		if (!(work->group >> state & 1))
			continue;
		work->reader.state = state;
		for (size_t i = 0; work->grid->too_many && i < work->n_ecxs; i++)
			compare(work, work->ecxs[i], said_in(work, state)[i]);
		for (unsigned int i = 0; i < PROBES; i++) {
			uint32_t ecx = probe_at(work);

			compare(work, ecx, survey_ask(&work->reader, ecx));
			work->reader.slot->probes++;
		}
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
	const struct survey_deed *deed = &work->reader.deeds[answer];
	uint8_t lead = (uint8_t)__builtin_ctz(work->group);

	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++) {
		struct survey_hit *hit;

		if (!deed->hit[entry])
			continue;
		hit = &work->reader.slot->hits[deed->hit[entry] - 1];
		if (!hit->count || simpler(lowest, lead, &hit->example)) {
			hit->example.ecx = lowest;
			hit->example.state = lead;
		}
		hit->count += ecxs * work->n_grouped;
		hit->reached += deed->reached && entry == ENTRY_EXIT ? ecxs * work->n_grouped : 0;
		hit->states |= work->group;
		hit->estimated |= work->grid->too_many;
	}
}

/*
 * A guest can come to an exit in some states of a group and not in others only if the chosen ECX,
 * whose deeds say so, tell the states apart.
 */
static void count_group(struct work *work)
{
	unsigned int lead = (unsigned int)__builtin_ctz(work->group);

	work->n_grouped = (unsigned int)__builtin_popcount(work->group);
	work->reader.state = lead;
	grid_fill(work->grid, survey_ask, &work->reader);
	refine_by_chosen(work, lead);
	refine_by_probes(work);
	work->reader.slot->too_many |= work->grid->too_many;
	probe_states(work);
	grid_each(work->grid, count, work);
}

static void count_all(struct work *work)
{
	const size_t size = work->n_ecxs * sizeof(*work->said);
	uint32_t left = (1U << SURVEY_STATES) - 1;

	while (left) {
		unsigned int lead = (unsigned int)__builtin_ctz(left);

		work->group = 0;
		for (unsigned int state = lead; state < SURVEY_STATES; state++)
			if (left >> state & 1 &&
			    !memcmp(said_in(work, lead), said_in(work, state), size))
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
		struct survey_hit *hit = &slot->hits[i];

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
		for (size_t i = 0; i < work->n_ecxs; i++)
			work->said[state * work->n_ecxs + i] =
				survey_ask(&work->reader, work->ecxs[i]);
	}
}

static void forget_happened(const struct survey *survey)
{
	for (unsigned int side = 0; side < SURVEY_SIDES; side++)
		for (unsigned int i = 0; i < known_count(survey->known[side]); i++)
			known_get(survey->known[side], i)->happened = 0;
}

static void keep_happened(const struct survey *survey, struct survey_slot *slot)
{
	for (unsigned int side = 0; side < SURVEY_SIDES; side++)
		for (unsigned int i = 0; i < known_count(survey->known[side]); i++)
			slot->happened[side][i] = known_get(survey->known[side], i)->happened;
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
	work->grid = grid_new();
	work->ecxs = sweep_ecxs(false, &work->n_ecxs);
	if (work->ecxs)
		work->said = calloc(SURVEY_STATES * work->n_ecxs, sizeof(*work->said));
	forget_happened(survey);
	if (work->grid && work->said &&
	    !survey_reader_begin(&work->reader, survey, number, slot, why)) {
		read_chosen(work);
		count_all(work);
		finish(work);
		survey_reader_end(&work->reader);
		keep_happened(survey, slot);
		error = 0;
	}
	grid_free(work->grid);
	free(work->ecxs);
	free(work->said);
	free(work);
	return error;
}
