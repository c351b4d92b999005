/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for people. */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stdio.h>

#define PLURAL(n) ((n) == 1 ? "" : "s")

#define TEXT_COLUMNS 96 /* of what fits a wide terminal and a mail */

/*
 * @label, then the words of @text from column @indent on, in lines of at most @columns; a word that is longer has a line
 * of its own. Ends with a newline. Words are what blanks are between; @text without any leaves @label alone.
 */
void text_wrap(FILE *out, const char *label, unsigned int indent, unsigned int columns,
	       const char *text);

#endif
