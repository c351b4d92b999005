/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Some thousand ECX: each type, its neighbours, boundaries among the indices, every single bit. */
#ifndef FUZZ_ECXS_H
#define FUZZ_ECXS_H

#include <stddef.h>
#include <stdint.h>

/* In ascending order, none twice. To be freed; NULL: out of memory. */
uint32_t *ecxs_chosen(size_t *count);

#endif
