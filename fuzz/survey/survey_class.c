// SPDX-License-Identifier: GPL-2.0-or-later
/* What a read showed, and which class it belongs to. */
#include <stdio.h>
#include <string.h>

#include "fuzz/survey/survey_read.h"

void survey_note_differs(struct survey_noted *noted, const struct verdict *verdict)
{
	*noted = (struct survey_noted){
		.differs = true,
		.oracles = verdict->oracles,
		.rule = verdict->rule,
		.known = verdict->known,
		.trouble = verdict->trouble,
		.engine = { .answer = ANSWER_STRANGE },
	};
	if (verdict->pass)
		noted->pass = *verdict->pass;
	if (!verdict->answer)
		return;
	noted->engine = *verdict->answer;
	if (verdict->answer->changed)
		snprintf(noted->changed, sizeof(noted->changed), "%s", verdict->answer->changed);
}

bool survey_verdict_differs(const struct verdict *verdict)
{
	return verdict->kind == VERDICT_DIFFER || verdict->kind == VERDICT_KNOWN;
}

void survey_note_read(struct survey_seen *seen, const struct verdict *verdict)
{
	if (verdict->answer)
		seen->answered |= 1U << verdict->entry;
	/* In the state that the engine could bring about. */
	seen->model = *verdict->model;
	seen->rip = verdict->run->state.regs.rip;
	seen->rflags = verdict->run->state.regs.rflags;
	seen->mode = verdict->run->state.mode;
	if (survey_verdict_differs(verdict))
		survey_note_differs(&seen->noted[verdict->entry], verdict);
}

/* 1 + the number of the class, a new one if need be; 0: there are too many. */
static unsigned int class_of(struct survey_reader *reader, const struct survey_key *key)
{
	struct survey_slot *slot = reader->slot;
	unsigned int i = slot->n_hits;

	while (i && memcmp(&slot->hits[i - 1].key, key, sizeof(*key)))
		i--;
	if (i)
		return i;
	if (slot->n_hits == SURVEY_HITS) {
		slot->too_many = true;
		return 0;
	}
	i = slot->n_hits++;
	slot->hits[i] = (struct survey_class){
		.key = *key,
		.example.ecx = (uint32_t)reader->subjects[0].run.state.regs.rcx,
		.example.state = (uint8_t)reader->state,
	};
	return i + 1;
}

/* A key is compared as bytes: all of it is set. */
static void key_begin(const struct survey_reader *reader, unsigned int entry,
		      struct survey_key *key)
{
	memset(key, 0, sizeof(*key));
	key->vendor = reader->made.guest.vendor;
	key->entry = (uint8_t)entry;
}

static void key_side(const struct survey_noted *noted, unsigned int oracles,
		     struct survey_side *side)
{
	side->known = noted->known;
	side->oracles = (uint8_t)oracles;
	side->obstacle = noted->pass.obstacle;
	side->class = noted->pass.class;
	if (noted->trouble)
		snprintf(side->trouble, sizeof(side->trouble), "%s", noted->trouble);
}

/*
 * The registers after a read to which nobody objects are the model's. RIP is compared as the
 * distance from where it began: an engine may have moved that to where code can lie. RFLAGS likewise.
 */
static struct rdpmc_regs regs_of(const struct survey_seen *seen, const struct survey_noted *noted)
{
	struct rdpmc_regs regs = noted->differs ? noted->engine.regs : seen->model.regs;

	regs.rip -= seen->rip;
	regs.rflags ^= seen->rflags;
	if (seen->mode != MODE_64BIT)
		regs.rip = (uint32_t)regs.rip;
	return regs;
}

/* Do the two engines answer differently, or is one right and one wrong? */
static bool changed(const struct survey_seen *const seen[SURVEY_SIDES], unsigned int entry)
{
	const struct survey_noted *b = &seen[SURVEY_BEFORE]->noted[entry],
				  *a = &seen[SURVEY_AFTER]->noted[entry];
	struct rdpmc_regs br, ar;

	/* One engine was not given the single step: these are two different reads. */
	if ((seen[SURVEY_BEFORE]->rflags ^ seen[SURVEY_AFTER]->rflags) & RDPMC_RFLAGS_TF)
		return false;
	if (b->differs != a->differs)
		return true;
	br = regs_of(seen[SURVEY_BEFORE], b);
	ar = regs_of(seen[SURVEY_AFTER], a);
	if (!engine_same_regs(&br, &ar))
		return true;
	if (!b->differs)
		return seen[SURVEY_BEFORE]->model.single_step !=
			       seen[SURVEY_AFTER]->model.single_step ||
		       seen[SURVEY_BEFORE]->model.decision.answer !=
			       seen[SURVEY_AFTER]->model.decision.answer;
	/* A complaint's text has line numbers, which change for nothing. */
	return b->engine.answer != a->engine.answer ||
	       b->engine.error_code != a->engine.error_code ||
	       b->engine.exit_reason != a->engine.exit_reason ||
	       b->engine.single_step != a->engine.single_step ||
	       b->engine.other_state != a->engine.other_state || !b->trouble != !a->trouble;
}

/* Entries by which every engine answered: what one of them refused cannot be compared. */
unsigned int survey_compared(const struct survey_reader *reader,
			     const struct survey_seen *const seen[SURVEY_SIDES])
{
	unsigned int entries = reader->entries;

	for (unsigned int i = 0; i < reader->n_subjects; i++)
		entries &= seen[i]->answered;
	return entries;
}

bool survey_differs(const struct survey_reader *reader,
		    const struct survey_seen *const seen[SURVEY_SIDES], unsigned int entry)
{
	if (!(reader->entries >> entry & 1))
		return false;
	if (reader->n_subjects == 1)
		return seen[0]->noted[entry].differs;
	return survey_compared(reader, seen) >> entry & 1 && changed(seen, entry);
}

/* VMX-PRIORITY, SVM-PRIORITY: can a guest on this host bring the read to an exit? */
bool survey_reaches_exit(const struct trial_run *run, const struct rdpmc_counters *counters)
{
	struct rdpmc_decision processor = rdpmc_decide_bare(&run->host, counters, &run->state);

	return rdpmc_exits(run->host.vendor, &processor);
}

void survey_seen_begin(struct survey_seen *seen)
{
	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		seen->noted[entry].differs = false;
	seen->answered = 0;
}

/* The class of what @entry does, 1 + its number; 0: there are too many. */
unsigned int survey_class_of(struct survey_reader *reader,
			     const struct survey_seen *const seen[SURVEY_SIDES], unsigned int entry)
{
	struct survey_key key;

	key_begin(reader, entry, &key);
	for (unsigned int i = 0; i < reader->n_subjects; i++) {
		const struct survey_noted *noted = &seen[i]->noted[entry];
		struct survey_side *side = &key.sides[i];

		side->rule = (uint8_t)seen[i]->model.decision.rule;
		side->model = side->answer = (uint8_t)seen[i]->model.decision.answer;
		if (!noted->differs)
			continue;
		side->rule = (uint8_t)noted->rule;
		side->answer = noted->engine.answer;
		side->exit_reason = noted->engine.exit_reason;
		key_side(noted, noted->oracles, side);
	}
	return class_of(reader, &key);
}

void survey_answers(const struct survey_seen *seen, unsigned int entry, unsigned int side,
		    struct survey_example *example)
{
	const struct survey_noted *noted = &seen->noted[entry];

	example->model[side] = seen->model;
	example->changed[side][0] = '\0';
	if (noted->differs) {
		example->engine[side] = noted->engine;
		memcpy(example->changed[side], noted->changed, sizeof(noted->changed));
	} else {
		example->engine[side] = (struct engine_answer){
			.answer = (uint8_t)seen->model.decision.answer,
			.single_step = seen->model.single_step,
			.regs = seen->model.regs,
		};
	}
}

/*
 * What is no read is told like one, once; between two engines, if it is not the same. Returns the class, 1 + its
 * number; 0: there is nothing to tell.
 */
unsigned int survey_note_once(struct survey_reader *reader, unsigned int entry, unsigned int oracle)
{
	struct survey_key key;
	bool any = false, alike = true;
	unsigned int class;

	key_begin(reader, entry, &key);
	for (unsigned int i = 0; i < reader->n_subjects; i++) {
		const struct survey_subject *subject = &reader->subjects[i];
		const struct survey_noted *noted =
			entry == SURVEY_SETUP ? &subject->setup : &subject->intercept;

		key.sides[i].rule = RULE_PASS_SOUND;
		alike &= noted->differs == any || !i;
		any |= noted->differs;
		if (noted->differs)
			key_side(noted, oracle, &key.sides[i]);
	}
	if (!any || (reader->n_subjects > 1 && alike))
		return 0;
	class = class_of(reader, &key);
	if (class)
		reader->slot->hits[class - 1].count++;
	return class;
}

void survey_take_happened(const struct survey *survey, struct survey_slot *slot)
{
	for (unsigned int side = 0; side < survey_sides(survey); side++)
		for (unsigned int k = 0; k < known_count(survey->known[side]); k++) {
			uint64_t *happened = &known_get(survey->known[side], k)->happened;

			if (slot)
				slot->happened[side][k] += *happened;
			*happened = 0;
		}
}
