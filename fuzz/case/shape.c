// SPDX-License-Identifier: GPL-2.0-or-later
/* Shapes of ECX: by type ECX[31:16] and index ECX[15:0]. */
#include "fuzz/case/shape.h"

#include "model/rdpmc.h"

enum ecx_shape ecx_shape(uint32_t ecx, bool lock)
{
	const uint32_t type = ecx >> 16, index = ecx & 0xffff;

	if (lock)
		return SHAPE_LOCK;
	if (ecx >> 31)
		return SHAPE_HIGH;
	if (ecx - RDPMC_VMWARE_FIRST < RDPMC_VMWARE_CLOCKS)
		return SHAPE_VMWARE;
	switch (type) {
	case 0x0000:
		return index < 32 ? SHAPE_GP : SHAPE_GP_BEYOND;
	case 0x4000:
		return index < 32 ? SHAPE_FIXED : SHAPE_FIXED_BEYOND;
	case 0x2000:
		return index ? SHAPE_METRICS_INDEX : SHAPE_METRICS;
	default:
		return SHAPE_OTHER;
	}
}
