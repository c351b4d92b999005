// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading inputs. */
#include "fuzz/inputs/inputs.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/inputs/journal.h"
#include "lib/file.h"

static int refuse(const char *path, int error, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s: %s", path, strerror(error));
	return -1;
}

/* Where what a journal holds goes. */
struct taker {
	const char *path;
	inputs_fn *take;
	void *opaque;
	size_t *count;
	int error; /* errno */
};

static bool take_case(void *opaque, size_t number, size_t cases, const uint8_t *data, size_t size)
{
	struct taker *taker = opaque;
	char *name;
	bool go_on;

	if (asprintf(&name, "%s (case %zu of %zu)", taker->path, number, cases) < 0) {
		taker->error = ENOMEM;
		return false;
	}
	(*taker->count)++;
	go_on = taker->take(taker->opaque, name, data, size);
	free(name);
	return go_on;
}

static int take_file(const char *path, const char *open_as, inputs_fn *take, void *opaque,
		     size_t *count, char *why, size_t why_size)
{
	struct taker taker = { path, take, opaque, count, 0 };
	size_t size;
	uint8_t *data = file_read(open_as, &size);
	bool go_on;

	if (!data)
		return refuse(path, errno, why, why_size);
	if (journal_is(data, size)) {
		go_on = journal_each(data, size, take_case, &taker);
	} else {
		(*count)++;
		go_on = take(opaque, path, data, size);
	}
	free(data);
	if (taker.error)
		return refuse(path, taker.error, why, why_size);
	return go_on ? 0 : 1;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

int inputs_each(const char *path, inputs_fn *take, void *opaque, size_t *count, char *why,
		size_t why_size)
{
	char *paths[] = { (char *)path, NULL };
	int result = 0;
	FTSENT *entry;
	FTS *fts;

	if (!strcmp(path, "-"))
		return take_file(path, path, take, opaque, count, why, why_size);
	fts = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_name);
	if (!fts)
		return refuse(path, errno, why, why_size);
	while (!result && (entry = fts_read(fts))) {
		switch (entry->fts_info) {
		case FTS_D:
			if (entry->fts_level && entry->fts_name[0] == '.')
				fts_set(fts, entry, FTS_SKIP);
			break;
		case FTS_F:
		case FTS_DEFAULT: /* a pipe, a device */
			if (!entry->fts_level || entry->fts_name[0] != '.')
				result = take_file(entry->fts_path, entry->fts_accpath, take,
						   opaque, count, why, why_size);
			break;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
		case FTS_SLNONE:
			result =
				refuse(entry->fts_path,
				       entry->fts_errno ? entry->fts_errno : ENOENT, why, why_size);
			break;
		default:
			break;
		}
	}
	fts_close(fts);
	return result;
}
