/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an ECX looks like, whatever PMU there is: to count by. */
#ifndef FUZZ_SHAPE_H
#define FUZZ_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

enum ecx_shape {
	SHAPE_GP,        /* type 0x0000, index to 31 */
	SHAPE_GP_BEYOND, /* ... further on */
	SHAPE_FIXED,     /* type 0x4000 */
	SHAPE_FIXED_BEYOND,
	SHAPE_METRICS, /* type 0x2000 */
	SHAPE_METRICS_INDEX,
	SHAPE_VMWARE, /* 0x10000 to 0x10002 */
	SHAPE_HIGH,   /* ECX[31] is set */
	SHAPE_OTHER,
	SHAPE_LOCK, /* any ECX, with the prefix */
	NR_SHAPES
};

enum ecx_shape ecx_shape(uint32_t ecx, bool lock);

#endif
