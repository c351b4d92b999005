// SPDX-License-Identifier: GPL-2.0-or-later
/* Kinds of findings. */
#include "fuzz/oracle/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void findings_add(struct findings *findings, const struct finding *finding, const char *name,
		  const uint8_t *data, size_t size, uint64_t count)
{
	struct found *found = findings->found;
	size_t i = 0;

	while (i < findings->kinds && !finding_alike(&found[i].finding, finding))
		i++;
	if (i == FINDINGS_KINDS) {
		findings->more += count;
		return;
	}
	found[i].count += count;
	if (i < findings->kinds)
		return;
	findings->kinds++;
	found[i].finding = *finding;
	snprintf(found[i].name, sizeof(found[i].name), "%s", name);
	found[i].data = malloc(size ? size : 1);
	found[i].size = found[i].data ? size : 0;
	if (found[i].size)
		memcpy(found[i].data, data, size);
}

void findings_merge(struct findings *into, const struct findings *from)
{
	for (size_t i = 0; i < from->kinds; i++)
		findings_add(into, &from->found[i].finding, from->found[i].name,
			     from->found[i].data, from->found[i].size, from->found[i].count);
	into->more += from->more;
}

void findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->kinds; i++)
		free(findings->found[i].data);
	memset(findings, 0, sizeof(*findings));
}
