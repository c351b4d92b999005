// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz/enumerate/ecxs.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lib/array.h"

/* ECX[31:16]: types, their neighbours, every single bit and what several of them make. */
static const uint16_t types[] = {
	0x0000, 0x0001, 0x0002, 0x0004, 0x0008, 0x0010, 0x0020, 0x0040, 0x0080, 0x0100, 0x0200,
	0x0400, 0x0800, 0x1000, 0x1fff, 0x2000, 0x2001, 0x3000, 0x3fff, 0x4000, 0x4001, 0x4800,
	0x5000, 0x6000, 0x7fff, 0x8000, 0xa000, 0xc000, 0xdfff, 0xe000, 0xffff,
};

#define COUNTED 81 /* from 0 on: past the last index of AMD's */

/* The first, those around powers of 2, the last. */
static bool boundary(unsigned int index)
{
	return index < 70 || index >= 0xfffc || !(index & (index - 1)) || !(index & (index + 1)) ||
	       !((index - 1) & (index - 2));
}

static void fill(uint32_t *list, size_t *n)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		for (unsigned int index = 0; index <= 0xffff; index++)
			if (boundary(index))
				list[(*n)++] = (uint32_t)types[i] << 16 | index;
	for (unsigned int bit = 0; bit < 32; bit++)
		list[(*n)++] = 1U << bit;
	for (unsigned int index = 0; index < COUNTED; index++)
		list[(*n)++] = index;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

uint32_t *ecxs_chosen(size_t *count)
{
	uint32_t *list = malloc(sizeof(*list) * 16384);
	size_t n = 0, kept = 0;

	if (!list)
		return NULL;
	fill(list, &n);
	qsort(list, n, sizeof(*list), compare);
	for (size_t i = 0; i < n; i++)
		if (!i || list[i] != list[i - 1])
			list[kept++] = list[i];
	*count = kept;
	return list;
}
