/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A report that is put together once and printed as text, for a terminal, or as Markdown, for a
 * mail or a pull request that is read as it stands. What programs get of it is in rows and summary.
 */
#ifndef LIB_PAGE_H
#define LIB_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum page_kind { PAGE_HEADLINE, PAGE_SECTION, PAGE_ITEM, PAGE_FIELD, PAGE_ROW };

struct page_block {
	enum page_kind kind;
	const char *label; /* of a field */
	char *text;
};

struct page {
	struct page_block *blocks;
	size_t n_blocks;
	json_t *rows;    /* array */
	json_t *summary; /* object */
	bool failed;     /* no memory: something is missing */
};

void page_begin(struct page *page);
void page_free(struct page *page);

/* Adds a block; an empty text adds none. @label, of a field, is not copied. */
__attribute__((format(printf, 4, 5))) void page_add(struct page *page, enum page_kind kind,
						    const char *label, const char *format, ...);

/* A section has items, fields and tables, an item has fields. */
#define page_headline(page, ...)     page_add(page, PAGE_HEADLINE, NULL, __VA_ARGS__)
#define page_section(page, ...)      page_add(page, PAGE_SECTION, NULL, __VA_ARGS__)
#define page_item(page, ...)         page_add(page, PAGE_ITEM, NULL, __VA_ARGS__)
#define page_field(page, label, ...) page_add(page, PAGE_FIELD, label, __VA_ARGS__)
/*
 * Cells that '|' separates; rows in a row are a table, and the first one is its head. A '>' before a
 * cell of that aligns the column to the right.
 */
#define page_row(page, ...) page_add(page, PAGE_ROW, NULL, __VA_ARGS__)

void page_print(FILE *out, const struct page *page, bool markdown);

#endif
