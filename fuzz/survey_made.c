// SPDX-License-Identifier: GPL-2.0-or-later
/* A survey's random cases, in a process that one of them may take down. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/mutate.h"
#include "fuzz/survey.h"

#define LOOK_NS 10000000 /* between looks at the process */

/* What it tells its parent, case by case. */
struct shared {
	struct survey_made made;
	uint64_t happened[KNOWN_MOST];
	char why[200]; /* it could not begin; empty: it could */
};

struct made_cases {
	const struct survey *survey;
	uint64_t count;
	void (*note)(void *opaque, uint64_t first);
	void *opaque;
};

static void try_all(const struct made_cases *cases, struct trial *trial, struct shared *shared)
{
	struct known *known = cases->survey->known[SURVEY_BEFORE];
	uint8_t data[MUTATE_SIZE];
	struct finding finding;

	for (uint64_t i = 0; i < cases->count; i++) {
		size_t size = mutate_numbered(SURVEY_SEED, i, data, sizeof(data));

		if (cases->note && i % SURVEY_NOTE == 0)
			cases->note(cases->opaque, i);
		shared->made.differ += !trial_run(trial, data, size, &finding);
		shared->made.answered = trial->tally.answered;
		shared->made.cases = i + 1;
		for (unsigned int k = 0; trial->tally.known && k < known_count(known); k++)
			shared->happened[k] = known_get(known, k)->happened;
		trial->tally.known = 0;
	}
}

/* Never returns. */
static void worker(const struct made_cases *cases, struct shared *shared, pid_t parent)
{
	const struct survey *survey = cases->survey;
	const char *why = "";
	struct trial trial;

	survey_worker(parent);
	for (unsigned int k = 0; k < known_count(survey->known[SURVEY_BEFORE]); k++)
		known_get(survey->known[SURVEY_BEFORE], k)->happened = 0;
	if (trial_init(&trial, survey->engines[SURVEY_BEFORE], &why)) {
		snprintf(shared->why, sizeof(shared->why), "%s", why);
		_exit(1);
	}
	trial.choices = survey->choices;
	trial.known = survey->known[SURVEY_BEFORE];
	try_all(cases, &trial, shared);
	_exit(0);
}

/* Until it has ended. Returns its status. */
static int await(const struct survey *survey, pid_t pid)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	int status = 0;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (survey->interrupted && survey->interrupted())
			kill(pid, SIGKILL);
		nanosleep(&pause, NULL);
	}
	return status;
}

int survey_made(struct survey_result *result, uint64_t count,
		void (*note)(void *opaque, uint64_t first), void *opaque, struct survey_made *made,
		const char **why)
{
	const struct survey *survey = result->survey;
	const struct made_cases cases = { survey, count, note, opaque };
	static char text[200];
	const pid_t parent = getpid();
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int status;

	memset(made, 0, sizeof(*made));
	*why = "out of memory";
	if (shared == MAP_FAILED)
		return -1;
	fflush(NULL); /* what is not yet written is not the child's to write */
	pid = fork();
	if (!pid)
		worker(&cases, shared, parent);
	*why = "no process can be started";
	status = pid < 0 ? 0 : await(survey, pid);
	if (shared->why[0]) {
		snprintf(text, sizeof(text), "%s", shared->why);
		*why = text;
		pid = -1;
	}
	/* Where a case cannot be noted, what is said of it is said there. */
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		*why = "they ended early";
		pid = -1;
	}
	*made = shared->made;
	for (unsigned int k = 0; k < known_count(survey->known[SURVEY_BEFORE]); k++)
		known_get(survey->known[SURVEY_BEFORE], k)->happened += shared->happened[k];
	munmap(shared, sizeof(*shared));
	if (pid < 0)
		return -1;
	result->partial |= made->cases < count;
	if (made->cases < count && !result->died[0] &&
	    !(survey->interrupted && survey->interrupted()))
		snprintf(result->died, sizeof(result->died), "%s, in random case %llu of seed %u",
			 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit",
			 (unsigned long long)made->cases, SURVEY_SEED);
	return 0;
}
