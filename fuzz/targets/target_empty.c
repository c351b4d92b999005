// SPDX-License-Identifier: GPL-2.0-or-later
/* A target that does nothing: what fuzzing costs by itself, for fuzz-speed. */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	return 0;
}
