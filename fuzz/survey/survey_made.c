// SPDX-License-Identifier: GPL-2.0-or-later
/* A survey's random cases, in a process that one of them may take down; the next goes on behind it. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/case/mutate.h"
#include "fuzz/survey/survey.h"

/* What it tells its parent, case by case. */
struct shared {
	struct survey_made made;
	struct trial trial; /* here, so that its tally outlives the process */
	uint64_t next;      /* case under way */
	uint64_t happened[KNOWN_MAX];
	char why[200]; /* it could not begin, or a case not be noted; empty: it could */
};

struct made_cases {
	const struct survey *survey;
	uint64_t count;
	int (*note)(void *opaque, uint64_t first);
	void *opaque;
};

static void try_all(const struct made_cases *cases, struct trial *trial, struct shared *shared)
{
	const uint64_t first = shared->next;
	struct known *known = cases->survey->known[SURVEY_BEFORE];
	uint8_t data[MUTATE_SIZE];
	struct finding finding;
	int error = 0;

	for (uint64_t i = first; i < cases->count; i++) {
		size_t size = mutate_numbered(SURVEY_SEED, i, data, sizeof(data));
		const uint64_t known_before = tally_known(&trial->tally);

		if (cases->note && (i % SURVEY_NOTE == 0 || i == first))
			error = cases->note(cases->opaque, i);
		if (error) {
			snprintf(shared->why, sizeof(shared->why),
				 "the journal cannot be written: %s; nothing more is run",
				 strerror(error));
			return;
		}
		shared->next = i;
		shared->made.differ += !trial_run(trial, data, size, &finding);
		shared->made.cases++;
		for (unsigned int k = 0;
		     tally_known(&trial->tally) != known_before && k < known_count(known); k++) {
			shared->happened[k] += known_get(known, k)->happened;
			known_get(known, k)->happened = 0;
		}
	}
	shared->next = cases->count;
}

/* Never returns. */
static void worker(const struct made_cases *cases, struct shared *shared)
{
	const struct survey *survey = cases->survey;
	struct trial *trial = &shared->trial;
	const char *why = "";

	for (unsigned int k = 0; k < known_count(survey->known[SURVEY_BEFORE]); k++)
		known_get(survey->known[SURVEY_BEFORE], k)->happened = 0;
	if (trial_init(trial, survey->engines[SURVEY_BEFORE], &why)) {
		snprintf(shared->why, sizeof(shared->why), "%s", why);
		_exit(1);
	}
	trial->choices = survey->choices;
	trial->known = survey->known[SURVEY_BEFORE];
	try_all(cases, trial, shared);
	_exit(0);
}

/* One process, from shared->next on. Returns its status, or -1: there is none. */
static int one_process(const struct made_cases *cases, struct shared *shared)
{
	struct survey_process process = { .pid = survey_fork() };
	int status = -1;

	if (!process.pid)
		worker(cases, shared);
	while (process.pid > 0 && !survey_ended(cases->survey, &process, shared->next, &status))
		survey_pause();
	return status;
}

static void print_killer(struct survey_result *result, const struct shared *shared, int status)
{
	char *died = result->died;
	const size_t at = strlen(died);

	if (!at)
		snprintf(died, sizeof(result->died), "%s, in random case %llu of seed %u",
			 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit",
			 (unsigned long long)shared->next, SURVEY_SEED);
	else if (shared->made.killed == 1)
		snprintf(died + at, sizeof(result->died) - at,
			 "; then in random case %llu of seed %u", (unsigned long long)shared->next,
			 SURVEY_SEED);
	else
		snprintf(died + at, sizeof(result->died) - at, ", %llu",
			 (unsigned long long)shared->next);
}

/* NULL, or why it is no use. */
static const char *all_processes(const struct made_cases *cases, struct shared *shared,
				 struct survey_result *result)
{
	const struct survey *survey = cases->survey;
	static char text[200];

	while (shared->next < cases->count && shared->made.killed < SURVEY_KILLED) {
		int status = one_process(cases, shared);

		if (status == -1)
			return "no process can be started";
		tally_add(&shared->made.tally, &shared->trial.tally);
		memset(&shared->trial.tally, 0, sizeof(shared->trial.tally));
		snprintf(text, sizeof(text), "%s", shared->why);
		if (text[0])
			return text;
		if (shared->next == cases->count)
			break;
		result->partial = true;
		if (survey->interrupted && survey->interrupted())
			break;
		shared->made.killed++;
		print_killer(result, shared, status);
		shared->next++;
	}
	return NULL;
}

int survey_made(struct survey_result *result, uint64_t count,
		int (*note)(void *opaque, uint64_t first), void *opaque, struct survey_made *made,
		const char **why)
{
	const struct survey *survey = result->survey;
	const struct made_cases cases = { survey, count, note, opaque };
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	memset(made, 0, sizeof(*made));
	*why = "out of memory";
	if (shared == MAP_FAILED)
		return -1;
	*why = all_processes(&cases, shared, result);
	*made = shared->made;
	for (unsigned int k = 0; k < known_count(survey->known[SURVEY_BEFORE]); k++)
		known_get(survey->known[SURVEY_BEFORE], k)->happened += shared->happened[k];
	munmap(shared, sizeof(*shared));
	return *why ? -1 : 0;
}
