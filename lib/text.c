// SPDX-License-Identifier: GPL-2.0-or-later
/* Words in lines. */
#include "lib/text.h"

#include <string.h>

void text_wrap(FILE *out, const char *label, unsigned int indent, unsigned int columns,
	       const char *text)
{
	unsigned int column = (unsigned int)fprintf(out, "%-*s", *text ? (int)indent : 0, label);

	while (*text) {
		unsigned int length = (unsigned int)strcspn(text, " ");

		if (column > indent && column + 1 + length > columns) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		column += (unsigned int)fprintf(out, "%s%.*s", column > indent ? " " : "",
						(int)length, text);
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}
