// SPDX-License-Identifier: GPL-2.0-or-later
/* The envelope of a result: program, kernel, what was asked for, rows. */
#include "lib/json/document.h"

#include <sys/utsname.h>
#include <time.h>

#ifndef PROGRAM_VERSION
#error "the Makefile defines PROGRAM_VERSION, PROGRAM_COMPILER and PROGRAM_FLAGS"
#endif

void document_now(char text[DOCUMENT_TIME])
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(text, DOCUMENT_TIME, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

json_t *document_json(const char *kind, const char *started, bool partial, double elapsed,
		      json_t *options, json_t *rows)
{
	struct utsname host;

	if (uname(&host))
		host.release[0] = host.version[0] = '\0';
	return json_pack("{s:s, s:s, s:s, s:b, s:{s:s, s:s, s:s}, s:o, s:f, s:{s:{s:s, s:s}}, s:o}",
			 "schema", "rdpmc-results/2", "kind", kind, "started", started, "partial",
			 partial, "program", "version", PROGRAM_VERSION, "compiler",
			 PROGRAM_COMPILER, "flags", PROGRAM_FLAGS, "options", options, "elapsed",
			 elapsed, "context", "kernel", "release", host.release, "version",
			 host.version, "rows", rows);
}
