// SPDX-License-Identifier: GPL-2.0-or-later
/* A survey's worker processes, and the classes of all configurations together. */
#include "fuzz/survey/survey.h"

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

#include "lib/clock.h"
#include "lib/signals.h"

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

pid_t survey_fork(void)
{
	const pid_t parent = getpid();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	signals_default();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

/* Never returns. Signals end it at once: what it has under way is not counted. */
static void work(const struct survey *survey, struct shared *shared)
{
	const char *why;
	size_t i;

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

/* What it has under way; NULL: nothing. */
static const struct survey_slot *under_way(const struct survey_result *result, pid_t pid)
{
	const struct survey_slot *slot = result->slots;

	for (size_t i = 0; i < result->survey->n_configurations; i++, slot++)
		if (slot->progress == SLOT_BEGUN && slot->worker == pid)
			return slot;
	return NULL;
}

static double patience(const struct survey *survey)
{
	return survey->patience > 0 ? survey->patience : SURVEY_PATIENCE;
}

static bool interrupted(const struct survey *survey)
{
	return survey->interrupted && survey->interrupted();
}

bool survey_ended(const struct survey *survey, struct survey_process *process, uint64_t steps,
		  int *status)
{
	if (waitpid(process->pid, status, WNOHANG) == process->pid)
		return true;
	if (steps != process->steps || !process->since) {
		process->steps = steps;
		process->since = clock_seconds();
	} else if (clock_seconds() - process->since > patience(survey)) {
		process->hung = true;
	}
	if (process->hung || interrupted(survey))
		kill(process->pid, SIGKILL);
	return false;
}

void survey_pause(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
}

static void note_death(struct survey_result *result, const struct survey_process *worker,
		       int status)
{
	const struct survey *survey = result->survey;
	const struct survey_slot *slot = under_way(result, worker->pid);
	char hung[60] = "";

	/* Ctrl-C is for the workers too. */
	if (!WIFSIGNALED(status) || WTERMSIG(status) == SIGINT || result->died[0] ||
	    interrupted(survey))
		return;
	if (worker->hung)
		snprintf(hung, sizeof(hung), " (no read ended within %g s)", patience(survey));
	snprintf(result->died, sizeof(result->died), "%s%s, in configuration %s",
		 strsignal(WTERMSIG(status)), hung,
		 slot ? survey->configurations[slot - result->slots]->name : "");
}

static void print_progress(const struct survey_result *result)
{
	const struct survey *survey = result->survey;
	size_t n = 0;

	for (size_t i = 0; i < survey->n_configurations; i++)
		n += result->slots[i].progress == SLOT_DONE;
	if (survey->progress)
		survey->progress(survey->opaque, (double)n / (double)survey->n_configurations);
}

/* Until all workers have ended. */
static void await(struct survey_result *result, struct survey_process *workers, unsigned int n)
{
	unsigned int left = n;
	int status;

	while (left) {
		for (unsigned int i = 0; i < n; i++) {
			struct survey_process *worker = &workers[i];
			const struct survey_slot *slot = under_way(result, worker->pid);

			if (!worker->pid ||
			    !survey_ended(result->survey, worker, slot ? slot->reads : 0, &status))
				continue;
			note_death(result, worker, status);
			worker->pid = 0;
			left--;
		}
		if (!left)
			break;
		print_progress(result);
		survey_pause();
	}
}

/* Returns how many could be started. */
static unsigned int start(const struct survey *survey, struct shared *shared,
			  struct survey_process *workers)
{
	unsigned int n;

	for (n = 0; n < survey->jobs && n < survey->n_configurations; n++) {
		workers[n].pid = survey_fork();
		if (!workers[n].pid)
			work(survey, shared);
		if (workers[n].pid < 0)
			break;
	}
	return n;
}

/*
 * Does the second engine nothing but what the first does as well, where that has not come so far: its guests are others,
 * or it lets RDPMC pass? A read of the same guest that was right is wrong now, whatever is known.
 */
static bool known_of_both(const struct survey *survey, const struct survey_key *key)
{
	const struct survey_side *first = &key->sides[SURVEY_BEFORE];
	const struct survey_side *second = &key->sides[SURVEY_AFTER];
	struct known *const before = survey->known[SURVEY_BEFORE];

	if (key->entry != SURVEY_INTERCEPT && first->model == second->model &&
	    first->rule == second->rule)
		return false;
	for (uint64_t bits = second->known; bits; bits &= bits - 1) {
		const char *name =
			known_get(survey->known[SURVEY_AFTER], (unsigned int)__builtin_ctzll(bits))
				->name;
		bool there = false;

		for (unsigned int i = 0; i < known_count(before); i++)
			there |= !strcmp(known_get(before, i)->name, name) &&
				 known_get(before, i)->happened;
		if (!there)
			return false;
	}
	return second->known;
}

static struct survey_class *class_for(struct survey_result *result, const struct survey_class *hit,
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
	*class = *hit;
	class->count = class->reached = class->made = 0;
	class->first = configuration;
	class->in = calloc(result->survey->n_configurations, 1);
	if (!class->in)
		return NULL;
	result->n_classes++;
	return class;
}

static void add_happened(const struct survey *survey, const struct survey_slot *slot)
{
	for (unsigned int side = 0; side < survey_sides(survey); side++)
		for (unsigned int i = 0; i < known_count(survey->known[side]); i++)
			known_get(survey->known[side], i)->happened += slot->happened[side][i];
}

static int add_slot(struct survey_result *result, size_t number)
{
	const struct survey *survey = result->survey;
	const struct survey_slot *slot = &result->slots[number];

	for (unsigned int i = 0; i < slot->n_hits; i++) {
		const struct survey_class *hit = &slot->hits[i];
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
	add_happened(survey, slot);
	for (unsigned int side = 0; side < survey_sides(survey); side++)
		tally_add(&result->tally[side], &slot->tally[side]);
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

uint64_t survey_verdicts(const struct survey_result *result, enum verdict_kind kind)
{
	return result->tally[SURVEY_BEFORE].verdicts[QUESTION_READ][kind] +
	       result->tally[SURVEY_AFTER].verdicts[QUESTION_READ][kind];
}

const char *survey_not_tried(const struct survey_result *result, char text[SURVEY_UNTRIED])
{
	const size_t n = result->survey->n_configurations - result->done;
	struct tally both = result->tally[SURVEY_BEFORE];
	char reads[TALLY_TEXT];
	int at = 0;

	tally_add(&both, &result->tally[SURVEY_AFTER]);
	tally_not_tried(&both, reads);
	text[0] = '\0';
	if (n)
		at = snprintf(text, SURVEY_UNTRIED, "%zu of %zu configurations not run", n,
			      result->survey->n_configurations);
	else if (result->partial) /* all configurations were done before these */
		at = snprintf(text, SURVEY_UNTRIED, "random cases (%s)",
			      *result->died ? result->died : "interrupted");
	snprintf(text + at, SURVEY_UNTRIED - (size_t)at, "%s%s", at && *reads ? ", " : "", reads);
	return text;
}

bool survey_new(const struct survey_class *class)
{
	return class->key.sides[0].oracles && !class->key.sides[0].known;
}

enum survey_change survey_change(const struct survey_class *class)
{
	const struct survey_side *sides = class->key.sides;
	bool before = !sides[SURVEY_BEFORE].oracles, after = !sides[SURVEY_AFTER].oracles;

	if (before != after)
		return after ? CHANGE_FIXED : class->known ? CHANGE_KNOWN : CHANGE_BROKEN;
	if (after)
		return CHANGE_CLAMP;
	return sides[SURVEY_BEFORE].known && sides[SURVEY_AFTER].known ? CHANGE_KNOWN
								       : CHANGE_OTHERWISE;
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
	int change = (int)survey_change(x) - (int)survey_change(y);

	if (change)
		return change;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static void sort(struct survey_result *result)
{
	const bool two = survey_sides(result->survey) > 1;

	if (!result->n_classes)
		return;
	for (size_t i = 0; two && i < result->n_classes; i++)
		result->classes[i].known = known_of_both(result->survey, &result->classes[i].key);
	qsort(result->classes, result->n_classes, sizeof(*result->classes),
	      two ? compare_changes : compare);
}

int survey_add_made(struct survey_result *result, const struct survey_slot *slot)
{
	for (unsigned int i = 0; i < slot->n_hits; i++) {
		const struct survey_class *hit = &slot->hits[i];
		struct survey_class *class;

		/* Of an intercept, say: what is known is told by the difference that explains it. */
		if (survey_sides(result->survey) == 1 && !survey_new(hit))
			continue;
		class = class_for(result, hit, result->survey->n_configurations);
		if (!class)
			return -1;
		class->made += hit->made;
		if (class->n_configurations)
			continue;
		class->count += hit->count;
		class->reached += hit->reached;
	}
	result->made_too_many |= slot->too_many;
	add_happened(result->survey, slot);
	sort(result);
	return 0;
}

static int gather(struct survey_result *result)
{
	const struct survey *survey = result->survey;

	for (size_t i = 0; i < survey->n_configurations; i++)
		if (result->slots[i].progress == SLOT_DONE && add_slot(result, i))
			return -1;
	sort(result);
	result->partial = result->done < survey->n_configurations;
	return 0;
}

int survey_run(const struct survey *survey, struct survey_result *result, const char **why)
{
	static char text[200];
	struct shared *shared = mmap(NULL, shared_size(survey), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct survey_process *workers = calloc(survey->jobs, sizeof(*workers));
	double since = clock_seconds();
	unsigned int started = 0;
	int error = -1;

	memset(result, 0, sizeof(*result));
	result->survey = survey;
	*why = "out of memory";
	if (shared == MAP_FAILED)
		shared = NULL;
	if (shared && workers) {
		*why = "no process can be started";
		started = start(survey, shared, workers);
	}
	if (started) {
		result->slots = shared->slots;
		await(result, workers, started);
		snprintf(text, sizeof(text), "%s", shared->why[0] ? shared->why : "out of memory");
		*why = text;
		if (!shared->why[0])
			error = gather(result);
	}
	if (shared && error) {
		result->slots = NULL;
		munmap(shared, shared_size(survey));
	}
	free(workers);
	result->seconds = clock_seconds() - since;
	return error;
}

void survey_free(struct survey_result *result)
{
	for (size_t i = 0; i < result->n_classes; i++)
		free(result->classes[i].in);
	free(result->classes);
	if (result->slots)
		munmap((char *)result->slots - offsetof(struct shared, slots),
		       shared_size(result->survey));
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

size_t survey_case(const struct survey_result *result, const struct survey_class *class,
		   uint8_t data[MUTATE_SIZE])
{
	struct case_bytes *bytes = (struct case_bytes *)data;
	struct rdpmc_case made;

	if (!class->n_configurations) {
		mutate_numbered(SURVEY_SEED, class->example.made, data, MUTATE_SIZE);
		return sizeof(*bytes) + class->example.step * sizeof(struct case_step_bytes);
	}
	configuration_case(result->survey->configurations[class->first], &made);
	survey_state(class->example.state, &made.state);
	made.state.regs.rcx |= class->example.ecx;
	memset(bytes, 0, sizeof(*bytes));
	case_encode(&made, bytes);
	return sizeof(*bytes);
}
