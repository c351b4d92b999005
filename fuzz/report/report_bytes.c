// SPDX-License-Identifier: GPL-2.0-or-later
/* A case as its bytes, and as C. */
#include "fuzz/report/names.h"
#include "fuzz/report/report.h"

#define HEX_BYTES_A_LINE 32

void report_bytes(FILE *out, const uint8_t *data, size_t size, const char *file, const char *engine,
		  const char *arguments)
{
	size_t shown = size < 4096 ? size : 4096;

	for (size_t i = 0; i < shown; i++) {
		if (i % HEX_BYTES_A_LINE == 0)
			fprintf(out, i ? "\n         " : "bytes    ");
		fprintf(out, "%02x", data[i]);
	}
	if (shown < size)
		fprintf(out, "\n         ... %zu bytes in all", size);
	if (size)
		fputc('\n', out);
	if (file)
		fprintf(out, "repeat   rdpmc-diff run%s%s%s %s\n", engine ? " --engine " : "",
			engine ? engine : "", arguments, file);
}
