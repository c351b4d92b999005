// SPDX-License-Identifier: GPL-2.0-or-later
/* A survey's worker processes, and the classes of all configurations together. */
#include "fuzz/survey.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/clock.h"

#define LOOK_NS 10000000 /* between looks at the workers */

/* What the workers and their parent share. */
struct shared {
	atomic_size_t next; /* configuration */
	char why[200];      /* a worker's, when it could not go on */
	struct survey_slot slots[];
};

static size_t shared_size(const struct survey *survey)
{
	return sizeof(struct shared) + survey->n_configurations * sizeof(struct survey_slot);
}

void survey_worker(pid_t parent)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/* Never returns. Signals end it at once: what it has under way is not counted. */
static void worker(const struct survey *survey, struct shared *shared, pid_t parent)
{
	const char *why;
	size_t i;

	survey_worker(parent);
	while ((i = atomic_fetch_add(&shared->next, 1)) < survey->n_configurations) {
		shared->slots[i].worker = getpid();
		shared->slots[i].progress = SLOT_BEGUN;
		if (survey_configuration(survey, i, &shared->slots[i], &why)) {
			snprintf(shared->why, sizeof(shared->why), "%s", why);
			_exit(1);
		}
		atomic_thread_fence(memory_order_release);
		shared->slots[i].progress = SLOT_DONE;
	}
	_exit(0);
}

static void note_death(const struct survey *survey, const struct shared *shared, pid_t pid,
		       int status, struct survey_result *result)
{
	const char *in = "";

	/* Ctrl-C is for the workers too. */
	if (!WIFSIGNALED(status) || WTERMSIG(status) == SIGINT || result->died[0] ||
	    (survey->interrupted && survey->interrupted()))
		return;
	for (size_t i = 0; i < survey->n_configurations; i++)
		if (shared->slots[i].progress == SLOT_BEGUN && shared->slots[i].worker == pid)
			in = survey->configurations[i]->name;
	snprintf(result->died, sizeof(result->died), "%s, in configuration %s",
		 strsignal(WTERMSIG(status)), in);
}

static size_t done(const struct survey *survey, const struct shared *shared)
{
	size_t n = 0;

	for (size_t i = 0; i < survey->n_configurations; i++)
		n += shared->slots[i].progress == SLOT_DONE;
	return n;
}

static void kill_all(const pid_t *pids, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (pids[i])
			kill(pids[i], SIGKILL);
}

/* Until all workers have ended. */
static void await(const struct survey *survey, const struct shared *shared, pid_t *pids,
		  unsigned int n, struct survey_result *result)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	unsigned int left = n;
	int status;

	while (left) {
		for (unsigned int i = 0; i < n; i++) {
			if (!pids[i] || waitpid(pids[i], &status, WNOHANG) != pids[i])
				continue;
			note_death(survey, shared, pids[i], status, result);
			pids[i] = 0;
			left--;
		}
		if (!left)
			break;
		if (survey->interrupted && survey->interrupted())
			kill_all(pids, n);
		if (survey->progress)
			survey->progress(survey->opaque, (double)done(survey, shared) /
								 (double)survey->n_configurations);
		nanosleep(&pause, NULL);
	}
}

/* Returns how many could be started. */
static unsigned int start(const struct survey *survey, struct shared *shared, pid_t *pids)
{
	pid_t parent = getpid();
	unsigned int n;

	fflush(NULL); /* what is not yet written is not the children's to write */
	for (n = 0; n < survey->jobs && n < survey->n_configurations; n++) {
		pids[n] = fork();
		if (!pids[n])
			worker(survey, shared, parent);
		if (pids[n] < 0)
			break;
	}
	return n;
}

static struct survey_class *class_for(struct survey_result *result, const struct survey_hit *hit,
				      size_t configuration)
{
	struct survey_class *class = result->classes;

	for (size_t i = 0; i < result->n_classes; i++, class ++)
		if (!memcmp(&class->key, &hit->key, sizeof(hit->key)))
			return class;
	class = realloc(result->classes, (result->n_classes + 1) * sizeof(*class));
	if (!class)
		return NULL;
	result->classes = class;
	class += result->n_classes;
	memset(class, 0, sizeof(*class));
	class->in = calloc(result->survey->n_configurations, 1);
	if (!class->in)
		return NULL;
	result->n_classes++;
	class->key = hit->key;
	class->first = configuration;
	class->example = hit->example;
	return class;
}

static int add_slot(struct survey_result *result, size_t number)
{
	const struct survey *survey = result->survey;
	const struct survey_slot *slot = &result->slots[number];

	for (unsigned int i = 0; i < slot->n_hits; i++) {
		const struct survey_hit *hit = &slot->hits[i];
		struct survey_class *class = class_for(result, hit, number);

		if (!class)
			return -1;
		class->count += hit->count;
		class->reached += hit->reached;
		class->states |= hit->states;
		class->estimated |= hit->estimated;
		class->n_configurations += !class->in[number];
		class->in[number] = 1;
	}
	for (unsigned int side = 0; side < survey_sides(survey); side++)
		for (unsigned int i = 0; i < known_count(survey->known[side]); i++)
			known_get(survey->known[side], i)->happened += slot->happened[side][i];
	for (unsigned int side = 0; side < survey_sides(survey); side++) {
		result->answered[side] += slot->answered[side];
		result->refused += slot->refused[side];
	}
	if (!*result->refusal)
		result->refusal = slot->refusal;
	result->compared += slot->compared;
	result->reads += slot->reads;
	result->probes += slot->probes;
	result->disagreed += slot->disagreed;
	result->done++;
	return 0;
}

bool survey_tried(const struct survey_result *result)
{
	return result->compared;
}

bool survey_new(const struct survey_class *class)
{
	return class->key.sides[0].oracles && !class->key.sides[0].known;
}

enum survey_change survey_change(const struct survey_key *key)
{
	bool before = !key->sides[SURVEY_BEFORE].oracles, after = !key->sides[SURVEY_AFTER].oracles;

	if (before != after)
		return after ? CHANGE_FIXED : CHANGE_BROKEN;
	return after ? CHANGE_OFFER : CHANGE_OTHERWISE;
}

/* New before known, complaints before wrong answers before side effects, then by size. */
static int compare(const void *a, const void *b)
{
	static const unsigned int weight[] = { ORACLE_TROUBLE, ORACLE_PASS_SOUND, ORACLE_OUTCOME };
	const struct survey_class *x = a, *y = b;
	const struct survey_side *p = x->key.sides, *q = y->key.sides;

	if (survey_new(x) != survey_new(y))
		return survey_new(x) ? -1 : 1;
	if (p->known != q->known)
		return p->known < q->known ? -1 : 1;
	for (size_t i = 0; i < sizeof(weight) / sizeof(weight[0]); i++)
		if ((p->oracles ^ q->oracles) & weight[i])
			return p->oracles & weight[i] ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static int compare_changes(const void *a, const void *b)
{
	const struct survey_class *x = a, *y = b;
	int change = (int)survey_change(&x->key) - (int)survey_change(&y->key);

	if (change)
		return change;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static int gather(struct survey_result *result)
{
	const struct survey *survey = result->survey;

	for (size_t i = 0; i < survey->n_configurations; i++)
		if (result->slots[i].progress == SLOT_DONE && add_slot(result, i))
			return -1;
	if (result->n_classes)
		qsort(result->classes, result->n_classes, sizeof(*result->classes),
		      survey_sides(survey) > 1 ? compare_changes : compare);
	result->partial = result->done < survey->n_configurations;
	return 0;
}

/* Keeps the slots: the rest of the memory was the workers'. */
static int keep(struct shared *shared, struct survey_result *result)
{
	size_t size = result->survey->n_configurations * sizeof(*result->slots);

	result->slots = malloc(size);
	if (result->slots)
		memcpy(result->slots, shared->slots, size);
	return result->slots ? 0 : -1;
}

int survey_run(const struct survey *survey, struct survey_result *result, const char **why)
{
	static char text[200];
	struct shared *shared = mmap(NULL, shared_size(survey), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t *pids = calloc(survey->jobs, sizeof(*pids));
	double since = clock_seconds();
	unsigned int started = 0;
	int error = -1;

	memset(result, 0, sizeof(*result));
	result->survey = survey;
	result->refusal = "";
	*why = "out of memory";
	if (shared == MAP_FAILED)
		shared = NULL;
	if (shared && pids) {
		*why = "no process can be started";
		started = start(survey, shared, pids);
	}
	if (started) {
		await(survey, shared, pids, started, result);
		snprintf(text, sizeof(text), "%s", shared->why[0] ? shared->why : "out of memory");
		*why = text;
		if (!shared->why[0] && !keep(shared, result))
			error = gather(result);
	}
	if (shared)
		munmap(shared, shared_size(survey));
	free(pids);
	result->seconds = clock_seconds() - since;
	return error;
}

void survey_free(struct survey_result *result)
{
	for (size_t i = 0; i < result->n_classes; i++)
		free(result->classes[i].in);
	free(result->classes);
	free(result->slots);
	memset(result, 0, sizeof(*result));
}

uint64_t survey_cases(const struct survey_result *result, unsigned int entry)
{
	struct rdpmc_state state;
	uint64_t states = 0;

	if (entry >= NR_ENTRIES)
		return result->done;
	for (unsigned int i = 0; i < SURVEY_STATES; i++) {
		survey_state(i, &state);
		states += entry != ENTRY_EXIT || !state.lock;
	}
	return states * result->done << 32;
}

void survey_case(const struct survey_result *result, const struct survey_class *class,
		 struct case_bytes *bytes)
{
	struct rdpmc_case made;

	configuration_case(result->survey->configurations[class->first], &made);
	survey_state(class->example.state, &made.state);
	made.state.regs.rcx |= class->example.ecx;
	memset(bytes, 0, sizeof(*bytes));
	case_encode(&made, bytes);
}
