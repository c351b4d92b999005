/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What guest/batch.S and host/batch.c share: reads that the guest makes by itself, in any mode, and a
 * result for each. The results lie in one segment's 64 KiB, so that 16-bit code reaches them.
 */
#ifndef GUEST_BATCH_H
#define GUEST_BATCH_H

#define BATCH_CODE 0x10000 /* guest-physical: what runs, below 32 KiB of it */
#define BATCH_DATA 0x40000 /* the segment: struct batch_result[] */
#define BATCH_MOST 512     /* reads */

/* Offsets in a result, and its size. */
#define BATCH_RAX   0
#define BATCH_RDX   8
#define BATCH_ERROR 16
#define BATCH_SIZE  32

/* struct batch_result.error of a read that did not fault; a fault's is the error code of #GP. */
#define BATCH_NO_FAULT 0xffffffff

#ifndef __ASSEMBLER__
#include <stdint.h>

/* RAX and RDX are those after a read that did not fault. */
struct batch_result {
	uint64_t rax, rdx, error, unused;
};
#endif

#endif
