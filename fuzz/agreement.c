// SPDX-License-Identifier: GPL-2.0-or-later
/* Several engines on the same cases. */
#include "fuzz/agreement.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS   100
#define MOST_NAME 26 /* columns that a name is given */

/* ----- what an engine read ----- */

/* Of the engine that runs: its functions are handed nothing else of ours. */
static _Thread_local struct agreement_engine *running;

#define HASH_START 0xcbf29ce484222325ULL

/* FNV-1a with words for bytes, and a shift because high bits do not come down by themselves. */
static uint64_t hash_more(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x100000001b3ULL;
	return hash ^ hash >> 29;
}

/* Of a PMU, what reads depend on: what is announced and means nothing may differ. */
static uint64_t hash_view(uint64_t hash, const struct rdpmc_view *view)
{
	hash = hash_more(hash, view->vendor);
	hash = hash_more(hash, view->version);
	hash = hash_more(hash, view->user_disable);
	hash = hash_more(hash, view->metrics_clear);
	for (unsigned int i = 0; i < NR_CLASSES; i++) {
		hash = hash_more(hash, view->readable[i]);
		hash = hash_more(hash, view->readable[i] ? view->width[i] : 0);
	}
	return hash;
}

static uint64_t hash_regs(uint64_t hash, const struct rdpmc_regs *regs)
{
	hash = hash_more(hash, regs->rax);
	hash = hash_more(hash, regs->rcx);
	hash = hash_more(hash, regs->rdx);
	hash = hash_more(hash, regs->rip);
	return hash_more(hash, regs->rflags);
}

static uint64_t hash_state(uint64_t hash, const struct rdpmc_state *state)
{
	hash = hash_regs(hash, &state->regs);
	hash = hash_more(hash, state->cr0);
	hash = hash_more(hash, state->cr4);
	hash = hash_more(hash, state->mode);
	hash = hash_more(hash, state->cpl);
	hash = hash_more(hash, state->lock);
	return hash_more(hash, state->code16);
}

/* On a real machine VMware's pseudo counters are clocks that run: no two reads of them are alike. */
static uint64_t hash_answer(const struct engine_answer *answer, bool clock)
{
	uint64_t hash = hash_more(HASH_START, answer->answer);
	struct rdpmc_regs regs = answer->regs;

	hash = hash_more(hash, answer->elsewhere);
	hash = hash_more(hash, answer->error_code);
	if (clock && answer->answer == ANSWER_VALUE)
		regs.rax = regs.rdx = 0;
	return hash_regs(hash, &regs);
}

static void watch_begin(struct engine_vcpu *vcpu, const struct rdpmc_pmu *guest,
			const struct rdpmc_pmu *host, const struct rdpmc_policy *policy)
{
	struct agreement_reads *reads = &running->reads;
	uint64_t hash = HASH_START;
	struct rdpmc_view view;

	rdpmc_view(host, &running->trial.choices, &view);
	hash = hash_view(hash, &view);
	rdpmc_view(guest, &running->trial.choices, &view);
	hash = hash_view(hash, &view);
	hash = hash_more(hash, policy->vmware_backdoor);
	reads->situation = hash_more(hash, policy->mediated_pmu);
	reads->hides = view.user_disable;
	reads->clears = view.metrics_clear;
	reads->controls = view.user_disable || view.metrics_clear;
	reads->loaded = false;
	running->original->begin(vcpu, guest, host, policy);
}

/*
 * The counters of a case follow from it and the guest; its control bits an engine may not take. Later
 * loads only put right what the case made of these.
 */
static void watch_load(struct engine_vcpu *vcpu, const struct rdpmc_counters *counters,
		       unsigned int n_gp, unsigned int n_fixed)
{
	struct agreement_reads *reads = &running->reads;

	if (!reads->loaded && reads->controls)
		reads->situation = hash_more(reads->situation, counters->fixed_ctr_ctrl);
	if (!reads->loaded && reads->hides)
		reads->situation = hash_more(reads->situation, counters->gp_user_disable);
	reads->loaded = true;
	running->original->load(vcpu, counters, n_gp, n_fixed);
}

static void watch_write(struct engine_vcpu *vcpu, const struct case_step *step)
{
	struct agreement_reads *reads = &running->reads;
	const bool matters = step->op == STEP_FIXED_CTRL     ? reads->controls
			     : step->op == STEP_USER_DISABLE ? reads->hides
							     : true;

	if (matters) {
		reads->situation = hash_more(reads->situation, step->op);
		reads->situation = hash_more(reads->situation, step->arg);
		reads->situation = hash_more(reads->situation, step->value);
	}
	running->original->write(vcpu, step);
}

/* One more read; NULL: out of memory, and the case is compared as far as there was some. */
static struct agreement_read *next_read(struct agreement_reads *reads)
{
	if (reads->count == reads->room) {
		const size_t room = reads->room ? 2 * reads->room : 64;
		struct agreement_read *list = realloc(reads->list, room * sizeof(*list));

		if (!list)
			return NULL;
		reads->list = list;
		reads->room = room;
	}
	return &reads->list[reads->count++];
}

/* A read is tried by one entry after the other, in their order. */
static void watch_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	struct agreement_reads *reads = &running->reads;
	struct agreement_read *read = reads->count ? &reads->list[reads->count - 1] : NULL;

	running->original->read(vcpu, entry, state, answer);
	if (entry <= reads->entry) {
		const uint64_t situation = hash_state(reads->situation, state);

		read = next_read(reads);
		if (read)
			*read = (struct agreement_read){ .situation = situation,
							 .rcx = state->regs.rcx };
		if (reads->clears)
			reads->situation = situation;
	}
	reads->entry = entry;
	if (read && !read->answered && !answer->refused) {
		read->alone = reads->real && answer->way == WAY_NO_EXIT;
		read->answer = hash_answer(
			answer, reads->real && (uint32_t)state->regs.rcx - RDPMC_VMWARE_FIRST <
						       RDPMC_VMWARE_CLOCKS);
		read->answered = true;
		read->kind = answer->answer;
		read->regs = answer->regs;
	}
}

/* ----- running ----- */

/* What kernels' engines catch, each in a handler of its own that their create() sets. */
static const int faults[AGREEMENT_FAULTS] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };

static void handlers(struct sigaction actions[AGREEMENT_FAULTS])
{
	for (unsigned int i = 0; i < AGREEMENT_FAULTS; i++)
		sigaction(faults[i], NULL, &actions[i]);
}

/* Let it catch its own faults. The handlers of one that does not are left to the others. */
static void catch_faults(struct agreement *agreement, const struct agreement_engine *engine)
{
	if (!engine->catches || agreement->catching == engine)
		return;
	agreement->catching = engine;
	for (unsigned int i = 0; i < AGREEMENT_FAULTS; i++)
		sigaction(faults[i], &engine->faults[i], NULL);
}

void agreement_add(struct agreement *agreement, const struct engine *engine, const char *name,
		   const struct rdpmc_choices *choices, struct known *known)
{
	struct agreement_engine *added = &agreement->engines[agreement->count++];
	struct sigaction before[AGREEMENT_FAULTS];

	added->name = name;
	added->original = engine;
	added->absent = "it does not say why";
	handlers(before);
	if (trial_init(&added->trial, engine, &added->absent))
		return;
	handlers(added->faults);
	for (unsigned int i = 0; i < AGREEMENT_FAULTS; i++)
		added->catches |= before[i].sa_sigaction != added->faults[i].sa_sigaction;
	if (added->catches)
		agreement->catching = added;
	added->absent = NULL;
	added->trial.choices = *choices;
	added->trial.known = known;
	added->reads.real = engine->real;
	added->watched = *engine;
	added->watched.begin = watch_begin;
	added->watched.load = watch_load;
	added->watched.write = watch_write;
	added->watched.read = watch_read;
	added->trial.engine = &added->watched;
	agreement->running++;
}

void agreement_free(struct agreement *agreement)
{
	for (unsigned int i = 0; i < agreement->count; i++) {
		struct agreement_engine *engine = &agreement->engines[i];

		findings_free(&engine->findings);
		free(engine->reads.list);
		if (!engine->absent)
			trial_free(&engine->trial);
	}
}

void agreement_thorough(struct agreement *agreement, bool thorough)
{
	for (unsigned int i = 0; i < agreement->count; i++)
		agreement->engines[i].trial.thorough = thorough;
}

static bool was_read(const struct agreement_reads *reads)
{
	for (size_t i = 0; i < reads->count; i++)
		if (reads->list[i].answered)
			return true;
	return false;
}

/* False: something was found, and is noted. */
static bool try_one(struct agreement *agreement, struct agreement_engine *engine, const char *name,
		    const uint8_t *data, size_t size)
{
	struct finding finding;

	catch_faults(agreement, engine);
	engine->reads.count = 0;
	engine->reads.entry = NR_ENTRIES;
	running = engine;
	if (trial_run(&engine->trial, data, size, &finding))
		return true;
	findings_add(&engine->findings, &finding, name, data, size, 1);
	return false;
}

static void run_one(struct agreement *agreement, struct agreement_engine *engine, const char *name,
		    const uint8_t *data, size_t size)
{
	const struct tally *tally = &engine->trial.tally;
	const uint64_t offered = tally->offered, adapted = tally->adapted;
	const uint64_t refused = tally->refused, known = tally->known;
	const bool good = try_one(agreement, engine, name, data, size);

	if (!good) {
		engine->differ++;
	} else if (tally->known != known) {
		engine->known++;
	} else if (was_read(&engine->reads)) {
		engine->agree++;
	} else {
		engine->not_run++;
		return;
	}
	if (tally->offered != offered || tally->adapted != adapted || tally->refused != refused)
		engine->otherwise++;
	else
		engine->as_asked++;
}

static void answer_text(const struct agreement_read *read, char *text, size_t size)
{
	const char *const kinds[] = { "value", "#GP", "#UD" };

	snprintf(text, size, "%s, RDX:RAX = %llX:%llXH, RIP = %llXH",
		 read->kind < ANSWER_STRANGE ? kinds[read->kind] : "another exception",
		 (unsigned long long)read->regs.rdx, (unsigned long long)read->regs.rax,
		 (unsigned long long)read->regs.rip);
}

/* Later a person asks which it was. */
static void keep_difference(struct agreement_pair *pair, const char *name, size_t number,
			    const struct agreement_read *x, const struct agreement_read *y)
{
	char one[120], other[120];

	answer_text(x, one, sizeof(one));
	answer_text(y, other, sizeof(other));
	snprintf(pair->differs, sizeof(pair->differs),
		 "%.200s, read %zu, ECX = %XH\n      %s\n      %s", name, number + 1,
		 (unsigned int)x->rcx, one, other);
}

static void compare(const struct agreement_reads *a, const struct agreement_reads *b,
		    const char *name, struct agreement_pair *pair)
{
	const size_t count = a->count < b->count ? a->count : b->count;
	bool compared = false, same = true;

	for (size_t i = 0; i < count; i++) {
		const struct agreement_read *x = &a->list[i], *y = &b->list[i];

		if (!x->answered || !y->answered || x->alone || y->alone ||
		    x->situation != y->situation)
			continue;
		compared = true;
		if (x->answer != y->answer && same && !pair->differs[0])
			keep_difference(pair, name, i, x, y);
		same &= x->answer == y->answer;
	}
	pair->compared += compared;
	pair->same += compared && same;
}

/* The case as the machine of engine @real has it: its guest, its host, a state that it takes. */
static uint8_t *as_the_machine_has_it(struct agreement_engine *real, const uint8_t *data,
				      size_t size, size_t *made_size)
{
	const struct trial *trial = &real->trial;
	struct rdpmc_case decoded, made;
	struct case_bytes bytes;
	uint8_t *whole;

	case_decode(data, size, &decoded);
	made = decoded;
	trial_offer(trial, &decoded, &made.guest, &made.host, &made.policy);
	if (trial->engine->adapt)
		trial->engine->adapt(trial->vcpu, &made.state);
	case_encode(&made, &bytes);
	*made_size = sizeof(bytes) + decoded.steps_size;
	whole = malloc(*made_size);
	if (!whole)
		return NULL;
	memcpy(whole, &bytes, sizeof(bytes));
	if (decoded.steps_size)
		memcpy(whole + sizeof(bytes), decoded.steps, decoded.steps_size);
	return whole;
}

/* Real machines have few guests to give: to be compared with them, the others run theirs as well. */
static void run_as(struct agreement *agreement, unsigned int real, const char *name,
		   const uint8_t *data, size_t size)
{
	struct agreement_engine *engines = agreement->engines;
	char as[256];
	size_t made_size;
	uint8_t *made = as_the_machine_has_it(&engines[real], data, size, &made_size);

	/* It is not the case of that name. */
	snprintf(as, sizeof(as), "%.180s as engine %.50s has it", name, engines[real].name);
	for (unsigned int i = 0; made && i < agreement->count; i++) {
		struct agreement_pair *pair =
			&agreement->pairs[i < real ? i : real][i < real ? real : i];

		if (engines[i].absent || engines[i].trial.engine->real)
			continue;
		engines[i].reads.real = true;
		try_one(agreement, &engines[i], as, made, made_size);
		engines[i].reads.real = false;
		if (i < real)
			compare(&engines[i].reads, &engines[real].reads, name, pair);
		else
			compare(&engines[real].reads, &engines[i].reads, name, pair);
	}
	free(made);
}

void agreement_run(struct agreement *agreement, const char *name, const uint8_t *data, size_t size)
{
	struct agreement_engine *engines = agreement->engines;

	agreement->cases++;
	for (unsigned int i = 0; i < agreement->count; i++)
		if (!engines[i].absent)
			run_one(agreement, &engines[i], name, data, size);
	for (unsigned int i = 0; i < agreement->count; i++)
		for (unsigned int j = i + 1; j < agreement->count; j++)
			if (engines[i].absent || engines[j].absent ||
			    engines[i].trial.engine->real == engines[j].trial.engine->real)
				compare(&engines[i].reads, &engines[j].reads, name,
					&agreement->pairs[i][j]);
	for (unsigned int i = 0; i < agreement->count; i++)
		if (!engines[i].absent && engines[i].trial.engine->real)
			run_as(agreement, i, name, data, size);
}

/* ----- what it came to ----- */

static int digits(uint64_t number)
{
	return snprintf(NULL, 0, "%llu", (unsigned long long)number);
}

static int name_width(const struct agreement *agreement)
{
	int widest = 0;

	for (unsigned int i = 0; i < agreement->count; i++) {
		const int length = (int)strlen(agreement->engines[i].name);

		widest = length > widest ? length : widest;
	}
	return widest < MOST_NAME ? widest : MOST_NAME;
}

/* "1 emulator"; of a name that is too long its end, which tells paths apart. */
static void tell_name(FILE *out, const struct agreement *agreement, unsigned int i)
{
	const char *name = agreement->engines[i].name;
	const size_t length = strlen(name);

	if (length > MOST_NAME)
		fprintf(out, "%u ...%s", i + 1, name + length - (MOST_NAME - 3));
	else
		fprintf(out, "%u %-*s", i + 1, name_width(agreement), name);
}

/* Behind a name, in as many lines as it takes; a word that is longer than a line gets its own. */
static void tell_absent(FILE *out, const char *why, int indent)
{
	int column = indent + fprintf(out, "  cannot run here:");

	while (*why) {
		const int length = (int)strcspn(why, " ");

		if (column + 1 + length > COLUMNS) {
			fprintf(out, "\n%*s ", indent + 1, "");
			column = indent + 2;
		} else {
			fputc(' ', out);
			column++;
		}
		column += fprintf(out, "%.*s", length, why);
		why += length;
		why += strspn(why, " ");
	}
}

void agreement_table(FILE *out, const struct agreement *agreement)
{
	static const char *const headings[] = { "as asked", "otherwise", "not run",
						"agree",    "as known",  "differ" };
	enum { N = sizeof(headings) / sizeof(headings[0]) };
	const int number = digits(agreement->cases);
	int width[N];

	fprintf(out, "%*s", 2 + name_width(agreement), "");
	for (int i = 0; i < N; i++) {
		width[i] = 2 + (int)strlen(headings[i]);
		width[i] = width[i] < 2 + number ? 2 + number : width[i];
		fprintf(out, "%*s", width[i], headings[i]);
	}
	fputc('\n', out);
	for (unsigned int row = 0; row < agreement->count; row++) {
		const struct agreement_engine *engine = &agreement->engines[row];
		const uint64_t counts[N] = { engine->as_asked, engine->otherwise, engine->not_run,
					     engine->agree,    engine->known,     engine->differ };

		tell_name(out, agreement, row);
		for (int i = 0; !engine->absent && i < N; i++)
			fprintf(out, "%*llu", width[i], (unsigned long long)counts[i]);
		if (engine->absent)
			tell_absent(out, engine->absent, 2 + name_width(agreement));
		fputc('\n', out);
	}
	fputs("as asked   the case's guest and state (the host may be the engine's own)\n"
	      "otherwise  another guest, a state near to the case's, or not all of its reads\n"
	      "not run    no read: the host refuses the state, or no entry is reached\n"
	      "agree      every answer is the model's\n"
	      "as known   some differ from it, just as the known differences say\n"
	      "differ     a new finding\n",
	      out);
}

static int pair_text(const struct agreement *agreement, unsigned int i, unsigned int j, char *text,
		     size_t size)
{
	const struct agreement_pair *pair = &agreement->pairs[i < j ? i : j][i < j ? j : i];

	if (i == j)
		return snprintf(text, size, ".");
	if (!pair->compared)
		return snprintf(text, size, "-");
	return snprintf(text, size, "%llu/%llu", (unsigned long long)pair->same,
			(unsigned long long)pair->compared);
}

void agreement_matrix(FILE *out, const struct agreement *agreement)
{
	unsigned int ran[AGREEMENT_ENGINES], n = 0, at_once;
	int width = 1;
	char text[64];

	for (unsigned int i = 0; i < agreement->count; i++)
		if (!agreement->engines[i].absent)
			ran[n++] = i;
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = i + 1; j < n; j++) {
			const int length = pair_text(agreement, ran[i], ran[j], text, sizeof(text));

			width = length > width ? length : width;
		}
	width += 2;
	at_once = (unsigned int)((COLUMNS - 2 - name_width(agreement)) / width);
	fputs("Of the cases that both ran with the same guest, host and policy: same answers/all\n",
	      out);
	for (unsigned int first = 0; first < n; first += at_once) {
		const unsigned int last = n - first < at_once ? n : first + at_once;

		fprintf(out, "%*s", 2 + name_width(agreement), "");
		for (unsigned int j = first; j < last; j++)
			fprintf(out, "%*u", width, ran[j] + 1);
		fputc('\n', out);
		for (unsigned int i = 0; i < n; i++) {
			tell_name(out, agreement, ran[i]);
			for (unsigned int j = first; j < last; j++) {
				pair_text(agreement, ran[i], ran[j], text, sizeof(text));
				fprintf(out, "%*s", width, text);
			}
			fputc('\n', out);
		}
	}
	fputs("Compared is the first answer to each read, with all registers, where the states\n"
	      "are the same; -: there is no such case.\n",
	      out);
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = i + 1; j < n; j++)
			if (agreement->pairs[ran[i]][ran[j]].differs[0])
				fprintf(out, "%u and %u differ first in %s\n", ran[i] + 1,
					ran[j] + 1, agreement->pairs[ran[i]][ran[j]].differs);
	for (unsigned int i = 0; i < agreement->count; i++)
		if (!agreement->engines[i].absent && agreement->engines[i].trial.engine->real) {
			fputs("A real machine is compared where its kernel answered, not where its "
			      "processor did without an exit.\n"
			      "The others run its guest, too, in a state that it takes; VMware's "
			      "pseudo counters are clocks of which any value is the same.\n",
			      out);
			break;
		}
}
