/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an ECX looks like, whatever PMU there is: to count by. */
#ifndef FUZZ_SHAPE_H
#define FUZZ_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#define ECX_SHAPES(SHAPE)                                                                          \
	SHAPE(GP, "0+x")         /* type 0000H, index to 31 */                                     \
	SHAPE(GP_BEYOND, "0+..") /* ... further on */                                              \
	SHAPE(FIXED, "4000+x")   /* type 4000H */                                                  \
	SHAPE(FIXED_BEYOND, "4000+..")                                                             \
	SHAPE(METRICS, "2000+0") /* type 2000H */                                                  \
	SHAPE(METRICS_INDEX, "2000+..")                                                            \
	SHAPE(VMWARE, "1_000x")  /* 10000H to 10002H */                                            \
	SHAPE(HIGH, "8000-FFFF") /* ECX[31] is set */                                              \
	SHAPE(OTHER, "others")                                                                     \
	SHAPE(LOCK, "LOCK") /* any ECX, with the prefix */

#define SHAPE_ENUM(name, text) SHAPE_##name,
enum ecx_shape { ECX_SHAPES(SHAPE_ENUM) NR_SHAPES };
#undef SHAPE_ENUM

const char *ecx_shape_name(enum ecx_shape shape);
enum ecx_shape ecx_shape(uint32_t ecx, bool lock);

#endif
