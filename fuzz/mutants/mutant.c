// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading the headers of the mutant catalogue's patches. */
#include "fuzz/mutants/mutant.h"

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
static int read_header(const char *path, struct mutant *mutant, char *why, size_t why_size)
{
	const char *base = strrchr(path, '/') + 1;
	FILE *file = fopen(path, "r");
	char line[256];

	if (!file) {
		snprintf(why, why_size, "%s: cannot be read", path);
		return -1;
	}
	snprintf(mutant->name, sizeof(mutant->name), "%.*s", (int)(strlen(base) - strlen(".patch")),
		 base);
	while (fgets(line, sizeof(line), file) && line[0] != '\n') {
		line[strcspn(line, "\n")] = '\0';
		take(line, "Mutant: ", mutant->what, sizeof(mutant->what));
		take(line, "Origin: ", mutant->origin, sizeof(mutant->origin));
		take(line, "Oracle: ", mutant->oracle, sizeof(mutant->oracle));
		take(line, "Rule: ", mutant->rule, sizeof(mutant->rule));
	}
	fclose(file);
	if (mutant->what[0] && mutant->origin[0] && mutant->oracle[0] && mutant->rule[0])
		return 0;
	snprintf(why, why_size, "%s: its header lacks Mutant:, Origin:, Oracle: or Rule:", path);
	return -1;
}

int mutants_read(const char *directory, struct mutant **mutants, char *why, size_t why_size)
{
	char pattern[4096];
	glob_t paths;
	int n = -1;

	snprintf(pattern, sizeof(pattern), "%s/*.patch", directory);
	if (glob(pattern, 0, NULL, &paths)) {
		snprintf(why, why_size, "%s: no *.patch there", directory);
		return -1;
	}
	*mutants = calloc(paths.gl_pathc, sizeof(**mutants));
	snprintf(why, why_size, "out of memory");
	for (n = 0; *mutants && (size_t)n < paths.gl_pathc; n++)
		if (read_header(paths.gl_pathv[n], &(*mutants)[n], why, why_size))
			break;
	if (!*mutants || (size_t)n < paths.gl_pathc) {
		free(*mutants);
		n = -1;
	}
	globfree(&paths);
	return n;
}
