// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading the headers of the fault catalogue's patches. */
#include "fuzz/fault.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take(const char *line, const char *key, char *field, size_t size)
{
	size_t length = strlen(key);

	if (!strncmp(line, key, length))
		snprintf(field, size, "%.*s", (int)size - 1, line + length);
}

/* The lines up to the first empty one. */
static int read_header(const char *path, struct fault *fault, char *why, size_t why_size)
{
	const char *base = strrchr(path, '/') + 1;
	FILE *file = fopen(path, "r");
	char line[256];

	if (!file) {
		snprintf(why, why_size, "%s: cannot be read", path);
		return -1;
	}
	snprintf(fault->name, sizeof(fault->name), "%.*s", (int)(strlen(base) - strlen(".patch")),
		 base);
	while (fgets(line, sizeof(line), file) && line[0] != '\n') {
		line[strcspn(line, "\n")] = '\0';
		take(line, "Fault: ", fault->what, sizeof(fault->what));
		take(line, "Origin: ", fault->origin, sizeof(fault->origin));
		take(line, "Oracle: ", fault->oracle, sizeof(fault->oracle));
		take(line, "Rule: ", fault->rule, sizeof(fault->rule));
	}
	fclose(file);
	if (fault->what[0] && fault->origin[0] && fault->oracle[0] && fault->rule[0])
		return 0;
	snprintf(why, why_size, "%s: its header lacks Fault:, Origin:, Oracle: or Rule:", path);
	return -1;
}

int faults_read(const char *directory, struct fault **faults, char *why, size_t why_size)
{
	char pattern[4096];
	glob_t paths;
	int n = -1;

	snprintf(pattern, sizeof(pattern), "%s/*.patch", directory);
	if (glob(pattern, 0, NULL, &paths)) {
		snprintf(why, why_size, "%s: no *.patch there", directory);
		return -1;
	}
	*faults = calloc(paths.gl_pathc, sizeof(**faults));
	snprintf(why, why_size, "out of memory");
	for (n = 0; *faults && (size_t)n < paths.gl_pathc; n++)
		if (read_header(paths.gl_pathv[n], &(*faults)[n], why, why_size))
			break;
	if (!*faults || (size_t)n < paths.gl_pathc) {
		free(*faults);
		n = -1;
	}
	globfree(&paths);
	return n;
}
