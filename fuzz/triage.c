// SPDX-License-Identifier: GPL-2.0-or-later
/* Triage: reproduce, make small, look for it among the pages, keep. */
#include "fuzz/triage.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/hash.h"
#include "fuzz/inputs.h"
#include "fuzz/minimize.h"
#include "fuzz/related.h"
#include "fuzz/report.h"
#include "results/json_file.h"

#define MOST_NAME 60 /* bytes of an engine's name in a class */

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
		known |= trial.tally.known != 0;
		trial_free(&trial);
	}
	result->verdict = result->seen == triage->times ? TRIAGE_NEW
			  : result->seen                ? TRIAGE_FLAKY
			  : known                       ? TRIAGE_KNOWN
							: TRIAGE_NOTHING;
	return 0;
}

/* ----- pages that there are ----- */

struct kept {
	uint8_t *data;
	size_t size;
};

static bool keep(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	struct kept *kept = opaque;

	(void)name;
	kept->data = malloc(size + 1);
	kept->size = kept->data ? size : 0;
	if (kept->size)
		memcpy(kept->data, data, size);
	return false;
}

static void form_name(unsigned int form, char *text, size_t size)
{
	snprintf(text, size, form == 1 ? TRIAGE_CASE : TRIAGE_FORM, form);
}

/* The @form-th case of a page, from 1 on. */
static bool read_form(const struct triage *triage, const char *page, unsigned int form,
		      struct kept *kept)
{
	char path[PATH_MAX], name[32], why[256];
	size_t count = 0;

	form_name(form, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/%s/%s", triage->directory, page, name);
	*kept = (struct kept){ 0 };
	return !access(path, R_OK) &&
	       inputs_each(path, keep, kept, &count, why, sizeof(why)) >= 0 && kept->data;
}

struct sought {
	const uint8_t *data;
	size_t size;
	const struct finding *finding;
};

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
				   const char *page, const struct sought *sought,
				   unsigned int *forms)
{
	enum triage_verdict verdict = TRIAGE_NEW;
	struct finding finding;
	struct kept kept;

	for (*forms = 0; read_form(triage, page, *forms + 1, &kept); ++*forms) {
		/* Another engine, or this one since it was mended, may not show it. */
		if (verdict != TRIAGE_AGAIN && !trial_run(trial, kept.data, kept.size, &finding)) {
			if (same(&finding, sought->finding))
				verdict = TRIAGE_AGAIN;
			else if (verdict == TRIAGE_NEW &&
				 (one_decision(&finding, sought->finding) ||
				  related(trial, sought->data, sought->size, kept.data, kept.size)))
				verdict = TRIAGE_ANOTHER;
		}
		free(kept.data);
	}
	return verdict;
}

static int is_page(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Looks through the pages; the best that one has of it, with its name and forms. */
static enum triage_verdict look(const struct triage *triage, struct trial *trial,
				const struct sought *sought, char *page, size_t page_size,
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
				: compare(triage, trial, entries[i]->d_name, sought, &has);

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
static void name_page(const struct sought *sought, char *page, size_t size)
{
	const struct finding *finding = sought->finding;
	char oracles[REPORT_ORACLES];
	const unsigned int told = finding->oracles & ORACLE_TROUBLE
					  ? ORACLE_TROUBLE
					  : finding->oracles & -finding->oracles;
	const bool by_rule = told != ORACLE_TROUBLE && told != ORACLE_PASS_SOUND;

	snprintf(page, size, "%s%s%s-%016llx", report_oracles(told, oracles), by_rule ? "-" : "",
		 by_rule ? rdpmc_rules[finding->model.decision.rule].id : "",
		 (unsigned long long)hash_more(HASH_START, sought->data, sought->size));
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

/* Beside its place first: a kill leaves no half of it. */
static int write_case(const char *directory, const char *name, const struct sought *sought,
		      struct failure *failure)
{
	char beside[PATH_MAX + 64], path[PATH_MAX + 64];
	int fd, error = 0;

	snprintf(beside, sizeof(beside), "%s/.%s", directory, name);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail_errno(failure, "%s", path);
	errno = 0;
	if (write(fd, sought->data, sought->size) != (ssize_t)sought->size || fsync(fd)) {
		errno = errno ? errno : ENOSPC;
		error = fail_errno(failure, "%s", path);
	}
	if (close(fd) && !error)
		error = fail_errno(failure, "%s", path);
	if (!error && rename(beside, path))
		error = fail_errno(failure, "%s", path);
	if (error)
		unlink(beside);
	else
		sync_directory(directory);
	return error;
}

/* All of a new page beside its place, then renamed: it is there or not. */
static int write_page(const struct triage *triage, struct trial *trial, const struct sought *sought,
		      const char *page, struct failure *failure)
{
	char beside[PATH_MAX], path[PATH_MAX + 32], place[PATH_MAX], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int error;

	if (!out)
		return fail_with(failure, -ENOMEM, "out of memory");
	triage_page(out, triage, trial, page, sought->data, sought->size, sought->finding);
	fclose(out);
	snprintf(beside, sizeof(beside), "%s/.%s.%d", triage->directory, page, (int)getpid());
	snprintf(place, sizeof(place), "%s/%s", triage->directory, page);
	if (mkdir(beside, 0777)) {
		free(text);
		return fail_errno(failure, "%s", beside);
	}
	snprintf(path, sizeof(path), "%s/" TRIAGE_PAGE, beside);
	error = text_file_write(path, text, failure);
	free(text);
	if (!error)
		error = write_case(beside, TRIAGE_CASE, sought, failure);
	/* One that another triage wrote meanwhile is this one. */
	if (!error && rename(beside, place) && errno != EEXIST && errno != ENOTEMPTY)
		error = fail_errno(failure, "%s", place);
	if (!access(beside, F_OK)) {
		unlink(path);
		snprintf(path, sizeof(path), "%s/" TRIAGE_CASE, beside);
		unlink(path);
		rmdir(beside);
	}
	sync_directory(triage->directory);
	return error;
}

/* The page's text, to be freed; NULL with errno. */
static char *read_page(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t length = -1;

	if (in) {
		length = getdelim(&text, &size, '\0', in);
		fclose(in);
	}
	if (length >= 0)
		return text;
	free(text);
	return NULL;
}

static int add_form(const struct triage *triage, struct trial *trial, const struct sought *sought,
		    const char *page, unsigned int form, struct failure *failure)
{
	char path[PATH_MAX], name[32], *before, *after = NULL;
	size_t size;
	FILE *out;
	int error;

	snprintf(path, sizeof(path), "%s/%s/" TRIAGE_PAGE, triage->directory, page);
	before = read_page(path);
	out = before ? open_memstream(&after, &size) : NULL;
	if (!out) {
		error = fail_errno(failure, "%s", path);
		free(before);
		return error;
	}
	form_name(form, name, sizeof(name));
	triage_form(out, before, triage, trial, page, name, sought->data, sought->size,
		    sought->finding);
	fclose(out);
	free(before);
	error = text_file_write(path, after, failure);
	free(after);
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/%s", triage->directory, page);
	return write_case(path, name, sought, failure);
}

static void name_class(const struct triage *triage, const struct finding *finding, char *text)
{
	char oracles[REPORT_ORACLES], title[TRIAGE_SENTENCE];
	const char *name = triage->engines[0].name;
	size_t length = strnlen(name, MOST_NAME);

	/* Not in the middle of a character. */
	while (length && (name[length] & 0xc0) == 0x80)
		length--;
	snprintf(text, TRIAGE_SENTENCE, "%.*s: %s: %.150s", (int)length, name,
		 report_oracles(finding->oracles, oracles), triage_title(finding, title));
}

int triage_case(const struct triage *triage, const uint8_t *data, size_t size,
		struct triage_result *result, struct failure *failure)
{
	struct finding finding = { 0 };
	struct sought sought = { .finding = &finding };
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
	sought.data = small;
	sought.size = minimize(&trial, small, size, &finding);
	result->verdict = look(triage, &trial, &sought, result->page, sizeof(result->page), &forms);
	if (result->verdict == TRIAGE_ANOTHER && forms >= TRIAGE_FORMS)
		result->verdict = TRIAGE_AGAIN;
	if (result->verdict == TRIAGE_NEW) {
		name_page(&sought, result->page, sizeof(result->page));
		error = write_page(triage, &trial, &sought, result->page, failure);
	} else if (result->verdict == TRIAGE_ANOTHER) {
		error = add_form(triage, &trial, &sought, result->page, forms + 1, failure);
	}
	trial_free(&trial);
out:
	free(small);
	return error;
}
