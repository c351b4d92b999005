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

static void c_field(FILE *out, const char *name, const uint8_t *bytes, size_t size)
{
	fprintf(out, "\t.%s = ", name);
	if (size == 1)
		fprintf(out, "%u", bytes[0]);
	for (size_t i = 0; size > 1 && i < size; i++)
		fprintf(out, "%s0x%02x", i ? ", " : "{ ", bytes[i]);
	fprintf(out, "%s,\n", size > 1 ? " }" : "");
}

void report_c(FILE *out, const uint8_t *data, size_t size)
{
	static const char *const pmus[] = { [FIELD_OF_GUEST] = "guest", [FIELD_OF_HOST] = "host" };
	unsigned int whose = FIELD_OF_CASE;
	struct rdpmc_case decoded;
	struct case_bytes bytes;
	struct case_step step;

	case_decode(data, size, &decoded);
	case_encode(&decoded, &bytes);
	fprintf(out, "struct case_bytes bytes = {\n");
	for (size_t i = 0; i < CASE_FIELDS; i++) {
		const struct case_field *field = &case_fields[i];

		if (whose != field->whose && whose)
			fprintf(out, "\t},\n");
		if (whose != field->whose && field->whose)
			fprintf(out, "\t.%s = {\n", pmus[field->whose]);
		whose = field->whose;
		if (whose)
			fputc('\t', out);
		c_field(out, field->name, (const uint8_t *)&bytes + field->offset, field->size);
	}
	fprintf(out, "};\n");
	if (!decoded.n_steps)
		return;
	fprintf(out, "struct case_step steps[] = {\n");
	for (size_t i = 0; i < decoded.n_steps; i++) {
		case_step(&decoded, i, &step);
		fprintf(out, "\t{ %u, %u, 0x%llxULL }, /* %s */\n", step.op, step.arg,
			(unsigned long long)step.value, step_name(step.op));
	}
	fprintf(out, "};\n");
}
