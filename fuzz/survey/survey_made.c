// SPDX-License-Identifier: GPL-2.0-or-later
/* A survey's random cases, in a process that one of them may take down; the next goes on behind it. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/survey/survey_read.h"

/* The fold of a case made at random: what it was, step by step. */
static bool note(void *opaque, const struct verdict *verdict)
{
	struct survey_subject *subject = opaque;
	struct survey_seen *seen = &subject->steps[verdict->step];

	subject->is_new |= verdict->kind == VERDICT_DIFFER;
	if (verdict->question == QUESTION_INTERCEPT && survey_verdict_differs(verdict))
		survey_note_differs(&subject->intercept, verdict);
	else if (verdict->question == QUESTION_WRITE && survey_verdict_differs(verdict))
		survey_note_differs(&subject->setup, verdict);
	if (verdict->question != QUESTION_READ)
		return true;
	survey_note_read(seen, verdict);
	if (verdict->entry == ENTRY_EXIT)
		seen->reached = survey_reaches_exit(verdict->run, verdict->before);
	return true;
}

static int reader_made(struct survey_reader *reader, const struct survey *survey,
		       struct survey_slot *slot, const char **why)
{
	survey_reader_none(reader, survey, slot);
	for (unsigned int i = 0; i < survey_sides(survey); i++) {
		if (survey_subject_make(reader, i, note, why)) {
			survey_reader_end(reader);
			return -1;
		}
		survey_signals_keep(reader->subjects[i].actions);
	}
	if (reader->n_subjects > 1)
		survey_signals_share();
	return 0;
}

/* One more of class @number - 1, which the case shows at @step. */
static void count_made(struct survey_reader *reader, unsigned int number, uint64_t made,
		       size_t step, uint32_t ecx,
		       const struct survey_seen *const seen[SURVEY_SIDES], unsigned int entry)
{
	struct survey_class *hit;

	if (!number)
		return;
	hit = &reader->slot->hits[number - 1];
	if (!hit->made++) {
		hit->example.made = made;
		hit->example.step = step;
		hit->example.ecx = ecx;
		for (unsigned int i = 0; seen && i < reader->n_subjects; i++)
			survey_answers(seen[i], entry, i, &hit->example);
	}
	hit->count = hit->made;
	hit->reached += seen && entry == ENTRY_EXIT && seen[0]->reached;
}

/* What is known is told by the difference that explains it, not by all the guests that show it. */
static bool known_already(const struct survey_reader *reader,
			  const struct survey_seen *const seen[SURVEY_SIDES], unsigned int entry)
{
	return reader->n_subjects == 1 && seen[0]->noted[entry].known;
}

static bool note_step(struct survey_reader *reader, uint64_t made, size_t step, uint32_t ecx)
{
	const struct survey_seen *const seen[SURVEY_SIDES] = { &reader->subjects[0].steps[step],
							       &reader->subjects[1].steps[step] };
	bool any = false;

	for (unsigned int entry = 0; entry < NR_ENTRIES; entry++)
		if (survey_differs(reader, seen, entry) && !known_already(reader, seen, entry)) {
			count_made(reader, survey_class_of(reader, seen, entry), made, step, ecx,
				   seen, entry);
			any = true;
		}
	return any;
}

/*
 * The case of this number, by all engines: what differs in its reads is noted as it is of a configuration's. Does it,
 * in a way that nothing known explains, or from one engine to the other?
 */
static bool try_case(struct survey_reader *reader, uint64_t number, const uint8_t *data,
		     size_t size)
{
	bool any = false, is_new = false;
	struct rdpmc_case decoded;
	struct case_step step;

	case_decode(data, size, &decoded);
	for (unsigned int i = 0; i < reader->n_subjects; i++) {
		struct survey_subject *subject = &reader->subjects[i];

		for (size_t at = 0; at <= decoded.n_steps; at++)
			survey_seen_begin(&subject->steps[at]);
		subject->intercept.differs = subject->setup.differs = false;
		subject->is_new = false;
		survey_signals_are(subject->actions);
		trial_case(&subject->trial, &decoded, NULL);
		is_new |= subject->is_new;
	}
	/* Two that are right may still have other guests. */
	if (reader->n_subjects == 1 && !is_new)
		return false;
	reader->made.guest.vendor = decoded.guest.vendor;
	any = note_step(reader, number, 0, (uint32_t)decoded.state.regs.rcx);
	for (size_t at = 0; at < decoded.n_steps; at++) {
		case_step(&decoded, at, &step);
		if (step.op == STEP_READ)
			any |= note_step(reader, number, at + 1, (uint32_t)step.value);
	}
	for (unsigned int entry = SURVEY_INTERCEPT; entry <= SURVEY_SETUP; entry++) {
		const unsigned int class = survey_note_once(
			reader, entry, entry == SURVEY_SETUP ? ORACLE_TROUBLE : ORACLE_PASS_SOUND);

		count_made(reader, class, number, decoded.n_steps, 0, NULL, entry);
		any |= class;
	}
	return reader->n_subjects > 1 ? any : is_new;
}

/* What it tells its parent, case by case. */
struct shared {
	struct survey_made made;
	struct survey_slot slot;
	struct survey_reader reader; /* here, so that its tallies outlive the process */
	uint64_t next, end;          /* case under way, and behind the last */
	char why[200]; /* it could not begin, or a case not be noted; empty: it could */
};

/* The cases are shared out among processes, each with a range of them. */
#define LANES_MAX 64

struct made_cases {
	const struct survey *survey;
	struct survey_result *result;
	struct shared *lanes;
	unsigned int n_lanes;
	struct survey_process processes[LANES_MAX];
	uint64_t killed;
	int (*note)(void *opaque, uint64_t first);
	void *opaque;
};

static uint64_t known_so_far(const struct survey_reader *reader)
{
	return tally_known(&reader->subjects[SURVEY_BEFORE].trial.tally) +
	       tally_known(&reader->subjects[SURVEY_AFTER].trial.tally);
}

static void try_all(const struct made_cases *cases, struct shared *shared)
{
	const uint64_t first = shared->next;
	uint8_t data[MUTATE_SIZE];
	int error = 0;

	for (uint64_t i = first; i < shared->end; i++) {
		size_t size = mutate_numbered(SURVEY_SEED, i, data, sizeof(data));
		const uint64_t known_before = known_so_far(&shared->reader);

		if (cases->note && (i % SURVEY_NOTE == 0 || i == first))
			error = cases->note(cases->opaque, i);
		if (error) {
			snprintf(shared->why, sizeof(shared->why),
				 "the journal cannot be written: %s; nothing more is run",
				 strerror(error));
			return;
		}
		shared->next = i;
		shared->made.differ += try_case(&shared->reader, i, data, size);
		shared->made.cases++;
		if (known_so_far(&shared->reader) != known_before)
			survey_take_happened(cases->survey, &shared->slot);
	}
	shared->next = shared->end;
}

/* Never returns. */
static void worker(const struct made_cases *cases, struct shared *shared)
{
	const char *why = "";

	survey_take_happened(cases->survey, NULL);
	if (reader_made(&shared->reader, cases->survey, &shared->slot, &why)) {
		snprintf(shared->why, sizeof(shared->why), "%s", why);
		_exit(1);
	}
	try_all(cases, shared);
	_exit(0);
}

/* A process of a lane, from shared->next on. False: there is none. */
static bool begin_lane(struct made_cases *cases, unsigned int lane)
{
	struct survey_process *process = &cases->processes[lane];

	*process = (struct survey_process){ .pid = survey_fork() };
	if (!process->pid)
		worker(cases, &cases->lanes[lane]);
	return process->pid > 0;
}

static void print_killer(const struct made_cases *cases, uint64_t number, int status)
{
	char *died = cases->result->died;
	const size_t at = strlen(died), room = sizeof(cases->result->died) - at;

	if (!at)
		snprintf(died, room, "%s, in random case %llu of seed %u",
			 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit",
			 (unsigned long long)number, SURVEY_SEED);
	else if (cases->killed == 1)
		snprintf(died + at, room, "; then in random case %llu of seed %u",
			 (unsigned long long)number, SURVEY_SEED);
	else
		snprintf(died + at, room, ", %llu", (unsigned long long)number);
}

/* A lane's process has ended. Is there another to come, behind a case that killed it? */
static bool goes_on(struct made_cases *cases, unsigned int lane, int status)
{
	const struct survey *survey = cases->survey;
	struct shared *shared = &cases->lanes[lane];

	for (unsigned int side = 0; side < survey_sides(survey); side++) {
		struct tally *tally = &shared->reader.subjects[side].trial.tally;

		tally_add(&shared->made.tally, tally);
		memset(tally, 0, sizeof(*tally));
	}
	if (shared->why[0] || shared->next == shared->end)
		return false;
	cases->result->partial = true;
	if ((survey->interrupted && survey->interrupted()) || cases->killed == SURVEY_KILLED)
		return false;
	cases->killed++;
	print_killer(cases, shared->next++, status);
	return cases->killed < SURVEY_KILLED && shared->next < shared->end;
}

/* NULL, or why it is no use. */
static const char *all_lanes(struct made_cases *cases)
{
	unsigned int left = 0;
	int status;

	for (unsigned int i = 0; i < cases->n_lanes; i++)
		left += begin_lane(cases, i);
	if (left < cases->n_lanes)
		return "no process can be started"; /* those that were end with this one */
	while (left) {
		for (unsigned int i = 0; i < cases->n_lanes; i++) {
			/* As many as were killed are enough: the others are ended. */
			if (cases->killed == SURVEY_KILLED && cases->processes[i].pid)
				kill(cases->processes[i].pid, SIGKILL);
			if (!cases->processes[i].pid ||
			    !survey_ended(cases->survey, &cases->processes[i], cases->lanes[i].next,
					  &status))
				continue;
			cases->processes[i].pid = 0;
			if (!goes_on(cases, i, status))
				left--;
			else if (!begin_lane(cases, i))
				return "no process can be started";
		}
		survey_pause();
	}
	return NULL;
}

/* What the lanes have shown, together. */
static const char *gather(const struct made_cases *cases, struct survey_made *made)
{
	static char text[200];
	const char *why = NULL;

	for (unsigned int i = 0; i < cases->n_lanes; i++) {
		const struct shared *shared = &cases->lanes[i];

		made->cases += shared->made.cases;
		made->differ += shared->made.differ;
		tally_add(&made->tally, &shared->made.tally);
		if (survey_add_made(cases->result, &shared->slot))
			why = "out of memory";
		if (shared->why[0]) {
			snprintf(text, sizeof(text), "%s", shared->why);
			why = text;
		}
	}
	made->killed = cases->killed;
	return why;
}

int survey_made(struct survey_result *result, uint64_t count,
		int (*note)(void *opaque, uint64_t first), void *opaque, struct survey_made *made,
		const char **why)
{
	const struct survey *survey = result->survey;
	/* What is noted is noted of one process. */
	const unsigned int n = note ? 1 : survey->jobs > LANES_MAX ? LANES_MAX : survey->jobs;
	struct made_cases cases = {
		.survey = survey, .result = result, .n_lanes = n, .note = note, .opaque = opaque
	};
	const char *none;

	memset(made, 0, sizeof(*made));
	*why = "out of memory";
	cases.lanes = mmap(NULL, n * sizeof(*cases.lanes), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cases.lanes == MAP_FAILED)
		return -1;
	for (unsigned int i = 0; i < n; i++) {
		cases.lanes[i].next = count / n * i;
		cases.lanes[i].end = i + 1 < n ? count / n * (i + 1) : count;
	}
	none = all_lanes(&cases);
	*why = gather(&cases, made);
	if (none)
		*why = none;
	munmap(cases.lanes, n * sizeof(*cases.lanes));
	return *why ? -1 : 0;
}
