// SPDX-License-Identifier: GPL-2.0-or-later
/* Triage: reproduce, make small, look for it among the pages, keep. */
#include "fuzz/triage/triage.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/report/names.h"
#include "fuzz/report/report.h"
#include "fuzz/triage/minimize.h"
#include "fuzz/triage/related.h"
#include "lib/file.h"
#include "lib/hash.h"

#define MAX_NAME 60 /* bytes of an engine's name in a class */

const char *triage_verdict_name(enum triage_verdict verdict)
{
	static const char *const names[] = {
		[TRIAGE_NEW] = "new",     [TRIAGE_ANOTHER] = "another form",
		[TRIAGE_AGAIN] = "again", [TRIAGE_FLAKY] = "flaky",
		[TRIAGE_KNOWN] = "known", [TRIAGE_NOTHING] = "nothing",
	};

	return names[verdict];
}

int triage_begin(const struct triage *triage, unsigned int number, struct trial *trial,
		 const char **why)
{
	const struct triage_engine *engine = &triage->engines[number];

	if (trial_init(trial, engine->engine, why))
		return -1;
	trial->choices = triage->choices;
	trial->known = engine->known;
	return 0;
}

/* Of the engine that found the cases. */
static int begin(const struct triage *triage, struct trial *trial, struct failure *failure)
{
	const char *why;

	if (triage_begin(triage, 0, trial, &why))
		return fail_with(failure, -ENODEV, "engine %s: %s", triage->engines[0].name, why);
	return 0;
}

static void note_untried(const struct triage *triage, const struct tally *tally,
			 struct triage_result *result)
{
	char text[TALLY_TEXT];

	if (*tally_not_tried(tally, text))
		snprintf(result->untried, sizeof(result->untried), "engine %.200s%s; limits: %s",
			 triage->engines[0].name,
			 tally_answered(tally) ? "" : " answered no read of it", text);
}

/*
 * Tries it each time in a vCPU of its own. @finding is the first that was seen; another one is not the
 * same thing again.
 */
static int reproduce(const struct triage *triage, const uint8_t *data, size_t size,
		     struct finding *finding, struct triage_result *result, struct failure *failure)
{
	struct finding found;
	struct trial trial;
	bool known = false;
	int error;

	result->seen = 0;
	for (unsigned int i = 0; i < triage->times; i++) {
		error = begin(triage, &trial, failure);
		if (error)
			return error;
		if (!trial_run(&trial, data, size, &found)) {
			if (!result->seen)
				*finding = found;
			result->seen += finding_alike(&found, finding);
		}
		known |= tally_known(&trial.tally) != 0;
		note_untried(triage, &trial.tally, result);
		trial_free(&trial);
	}
	result->verdict = result->seen == triage->times ? TRIAGE_NEW
			  : result->seen                ? TRIAGE_FLAKY
			  : known                       ? TRIAGE_KNOWN
							: TRIAGE_NOTHING;
	if (result->verdict != TRIAGE_NOTHING)
		result->untried[0] = '\0';
	return 0;
}

/* ----- pages that there are ----- */

static void form_name(unsigned int form, char *text, size_t size)
{
	snprintf(text, size, form == 1 ? TRIAGE_CASE : TRIAGE_FORM, form);
}

/* The @form-th case of a page, from 1 on. malloc()ed; NULL: there is none. */
static uint8_t *read_form(const struct triage *triage, const char *page, unsigned int form,
			  size_t *size)
{
	char path[PATH_MAX], name[32];

	form_name(form, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/%s/%s", triage->directory, page, name);
	return file_read(path, size);
}

/* The intercept is decided once for a guest: all that is wrong with that is one page. */
static bool one_decision(const struct finding *a, const struct finding *b)
{
	return a->oracles == ORACLE_PASS_SOUND && b->oracles == ORACLE_PASS_SOUND;
}

/* A line of code that complains is one thing, whatever was answered. */
static bool same(const struct finding *a, const struct finding *b)
{
	return finding_alike(a, b) || (a->trouble && a->trouble == b->trouble);
}

/* What a page has to do with the case: TRIAGE_NEW nothing. @forms: how many the page has. */
static enum triage_verdict compare(const struct triage *triage, struct trial *trial,
				   const char *page, const struct triage_sight *sight,
				   unsigned int *forms)
{
	enum triage_verdict verdict = TRIAGE_NEW;
	struct finding finding;
	uint8_t *data;
	size_t size;

	for (*forms = 0; (data = read_form(triage, page, *forms + 1, &size)); ++*forms) {
		/* Another engine, or this one since it was mended, may not show it. */
		if (verdict != TRIAGE_AGAIN && !trial_run(trial, data, size, &finding)) {
			if (same(&finding, sight->finding))
				verdict = TRIAGE_AGAIN;
			else if (verdict == TRIAGE_NEW &&
				 (one_decision(&finding, sight->finding) ||
				  related(trial, sight->data, sight->size, data, size)))
				verdict = TRIAGE_ANOTHER;
		}
		free(data);
	}
	return verdict;
}

static int is_page(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Looks through the pages; the best that one has of it, with its name and forms. */
static enum triage_verdict look(const struct triage *triage, struct trial *trial,
				const struct triage_sight *sight, char *page, size_t page_size,
				unsigned int *forms)
{
	enum triage_verdict best = TRIAGE_NEW;
	struct dirent **entries;
	int n = scandir(triage->directory, &entries, is_page, alphasort);

	for (int i = 0; i < n; i++) {
		unsigned int has;
		enum triage_verdict verdict =
			best == TRIAGE_AGAIN
				? TRIAGE_NEW
				: compare(triage, trial, entries[i]->d_name, sight, &has);

		if (verdict == TRIAGE_AGAIN || (verdict == TRIAGE_ANOTHER && best == TRIAGE_NEW)) {
			best = verdict;
			*forms = has;
			snprintf(page, page_size, "%s", entries[i]->d_name);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return best;
}

/* ----- writing ----- */

/* A name that says something, and is one for each case: "outcome-no-fast-0123456789abcdef". */
static void name_page(const struct triage_sight *sight, char *page, size_t size)
{
	const struct finding *finding = sight->finding;
	char oracles[REPORT_ORACLES];
	const unsigned int oracle = finding->oracles & ORACLE_TROUBLE
					    ? ORACLE_TROUBLE
					    : finding->oracles & -finding->oracles;
	const bool by_rule = oracle != ORACLE_TROUBLE && oracle != ORACLE_PASS_SOUND;

	snprintf(page, size, "%s%s%s-%016llx", report_oracles(oracle, oracles), by_rule ? "-" : "",
		 by_rule ? rdpmc_rules[finding->rule].id : "",
		 (unsigned long long)hash_more(HASH_START, sight->data, sight->size));
	for (char *at = page; *at; at++)
		*at = (char)tolower((unsigned char)*at);
}

/* A directory's entries are on the disk, too. */
static void sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

static int write_in(const char *directory, const char *name, const void *data, size_t size,
		    struct failure *failure)
{
	char path[PATH_MAX + 64];
	int error;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	error = file_write(path, data, size, failure);
	if (!error)
		sync_directory(directory);
	return error;
}

static void remove_page(const char *directory)
{
	static const char *const names[] = { TRIAGE_PAGE, TRIAGE_CASE };
	char path[PATH_MAX + 64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	rmdir(directory);
}

/* All of a new page beside its place, then renamed: it is there or not. */
static int write_page(const struct triage *triage, struct trial *trial,
		      const struct triage_sight *sight, const char *page, struct failure *failure)
{
	char beside[PATH_MAX], place[PATH_MAX], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int error;

	if (!out)
		return fail_with(failure, -ENOMEM, "out of memory");
	triage_page(out, triage, trial, page, sight);
	fclose(out);
	snprintf(beside, sizeof(beside), "%s/.%s.%d", triage->directory, page, (int)getpid());
	snprintf(place, sizeof(place), "%s/%s", triage->directory, page);
	error = mkdir(beside, 0777) ? fail_errno(failure, "%s", beside)
				    : write_in(beside, TRIAGE_PAGE, text, size, failure);
	free(text);
	if (!error)
		error = write_in(beside, TRIAGE_CASE, sight->data, sight->size, failure);
	/* One that another triage wrote meanwhile is this one. */
	if (!error && rename(beside, place) && errno != EEXIST && errno != ENOTEMPTY)
		error = fail_errno(failure, "%s", place);
	remove_page(beside);
	sync_directory(triage->directory);
	return error;
}

static int add_form(const struct triage *triage, struct trial *trial,
		    const struct triage_sight *sight, const char *page, unsigned int form,
		    struct failure *failure)
{
	char directory[PATH_MAX], path[PATH_MAX + 64], name[32], *before, *after = NULL;
	size_t size;
	FILE *out;
	int error;

	snprintf(directory, sizeof(directory), "%s/%s", triage->directory, page);
	snprintf(path, sizeof(path), "%s/" TRIAGE_PAGE, directory);
	before = (char *)file_read(path, &size);
	out = before ? open_memstream(&after, &size) : NULL;
	if (!out) {
		error = fail_errno(failure, "%s", path);
		free(before);
		return error;
	}
	form_name(form, name, sizeof(name));
	triage_form(out, before, triage, trial, page, name, sight);
	fclose(out);
	free(before);
	error = write_in(directory, TRIAGE_PAGE, after, size, failure);
	free(after);
	return error ? error : write_in(directory, name, sight->data, sight->size, failure);
}

static void name_class(const struct triage *triage, const struct finding *finding, char *text)
{
	char oracles[REPORT_ORACLES], title[FINDING_TITLE];
	const char *name = triage->engines[0].name;
	size_t length = strnlen(name, MAX_NAME);

	/* Not in the middle of a character. */
	while (length && (name[length] & 0xc0) == 0x80)
		length--;
	snprintf(text, TRIAGE_SENTENCE, "%.*s: %s: %.150s", (int)length, name,
		 report_oracles(finding->oracles, oracles), finding_title(finding, title));
}

int triage_case(const struct triage *triage, const uint8_t *data, size_t size,
		struct triage_result *result, struct failure *failure)
{
	struct finding finding = { 0 };
	struct triage_sight sight = { .finding = &finding };
	unsigned int forms = 0;
	struct trial trial;
	uint8_t *small;
	int error;

	memset(result, 0, sizeof(*result));
	error = reproduce(triage, data, size, &finding, result, failure);
	if (error || !result->seen)
		return error;
	name_class(triage, &finding, result->class);
	if (result->verdict != TRIAGE_NEW)
		return 0;
	small = malloc(size + 1);
	if (!small)
		return fail_with(failure, -ENOMEM, "out of memory");
	if (size)
		memcpy(small, data, size);
	error = begin(triage, &trial, failure);
	if (error)
		goto out;
	sight.data = small;
	sight.size = minimize(&trial, small, size, &finding);
	result->verdict = look(triage, &trial, &sight, result->page, sizeof(result->page), &forms);
	if (result->verdict == TRIAGE_ANOTHER && forms >= TRIAGE_FORMS)
		result->verdict = TRIAGE_AGAIN;
	if (result->verdict == TRIAGE_NEW) {
		name_page(&sight, result->page, sizeof(result->page));
		error = write_page(triage, &trial, &sight, result->page, failure);
	} else if (result->verdict == TRIAGE_ANOTHER) {
		error = add_form(triage, &trial, &sight, result->page, forms + 1, failure);
	}
	trial_free(&trial);
out:
	free(small);
	return error;
}
