// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/json/page.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define INDENT      13 /* of fields' texts */
#define MAX_COLUMNS 12 /* of a table */

void page_begin(struct page *page)
{
	*page = (struct page){ .rows = json_array(), .summary = json_object() };
	page->failed = !page->rows || !page->summary;
}

void page_free(struct page *page)
{
	for (size_t i = 0; i < page->n_blocks; i++)
		free(page->blocks[i].text);
	free(page->blocks);
	json_decref(page->rows);
	json_decref(page->summary);
}

void page_add(struct page *page, enum page_kind kind, const char *label, const char *format, ...)
{
	struct page_block *grown, *block;
	va_list ap;
	int length;

	grown = reallocarray(page->blocks, page->n_blocks + 1, sizeof(*grown));
	if (!grown) {
		page->failed = true;
		return;
	}
	page->blocks = grown;
	block = &grown[page->n_blocks];
	block->kind = kind;
	block->label = label;
	va_start(ap, format);
	length = vasprintf(&block->text, format, ap);
	va_end(ap);
	if (length > 0)
		page->n_blocks++;
	else if (!length)
		free(block->text);
	else
		page->failed = true;
}

/* The cell at *@at, which is moved behind it; past the last one they are empty. */
static int next_cell(const char **at, const char **cell)
{
	size_t length = strcspn(*at, "|");

	*cell = *at;
	*at += length + (*(*at + length) == '|');
	return (int)length;
}

static void print_table(FILE *out, const struct page_block *rows, size_t n_rows, bool markdown)
{
	bool right[MAX_COLUMNS] = { false };
	int width[MAX_COLUMNS] = { 0 }, length;
	unsigned int n = 0;
	const char *at, *cell;

	for (at = rows[0].text; *at && n < MAX_COLUMNS; n++) {
		next_cell(&at, &cell);
		right[n] = *cell == '>';
	}
	for (size_t i = 0; i < n_rows; i++) {
		at = rows[i].text;
		for (unsigned int column = 0; column < n; column++) {
			length = next_cell(&at, &cell) - (!i && right[column]);
			width[column] = length > width[column] ? length : width[column];
		}
	}
	for (size_t i = 0; i < n_rows; i++) {
		at = rows[i].text;
		fputs(markdown ? "|" : "  ", out);
		for (unsigned int column = 0; column < n; column++) {
			bool mark = !i && right[column];
			int pad = markdown ? 0 : right[column] ? width[column] : -width[column];

			length = next_cell(&at, &cell) - mark;
			if (!markdown && !right[column] && column + 1 == n)
				pad = 0;
			fprintf(out, markdown ? " %*.*s |" : "  %*.*s", pad, length, cell + mark);
		}
		fputc('\n', out);
		for (unsigned int column = 0; markdown && !i && column < n; column++)
			fprintf(out, "%s%s%s", column ? "" : "|", right[column] ? "--:|" : "---|",
				column + 1 == n ? "\n" : "");
	}
}

void page_print(FILE *out, const struct page *page, bool markdown)
{
	enum page_kind last = PAGE_HEADLINE;
	char label[80];

	for (size_t i = 0, n; i < page->n_blocks; i += n) {
		const struct page_block *block = &page->blocks[i];
		/* In Markdown a list or a table wants an empty line before it. */
		bool apart = markdown ? block->kind != last || block->kind < PAGE_FIELD
				      : block->kind < PAGE_FIELD && last != PAGE_SECTION;

		n = 1;
		if (i && apart)
			fputc('\n', out);
		last = block->kind;
		if (last == PAGE_ROW) {
			while (i + n < page->n_blocks && block[n].kind == PAGE_ROW)
				n++;
			print_table(out, block, n, markdown);
		} else if (last == PAGE_FIELD) {
			snprintf(label, sizeof(label), markdown ? "* %s:" : "   %s", block->label);
			text_wrap(out, label, markdown ? 2 : INDENT, TEXT_COLUMNS, block->text);
		} else if (markdown) {
			fprintf(out, last == PAGE_SECTION ? "#### %s\n" : "**%s**\n", block->text);
		} else {
			text_wrap(out, "", 0, TEXT_COLUMNS, block->text);
		}
	}
}
