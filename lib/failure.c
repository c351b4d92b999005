// SPDX-License-Identifier: GPL-2.0-or-later
/* Failure lines. */
#include "lib/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail_with(struct failure *failure, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(failure->text, sizeof(failure->text), format, ap);
	va_end(ap);
	return error;
}

int fail_errno(struct failure *failure, const char *format, ...)
{
	int error = errno;
	size_t used;
	va_list ap;

	va_start(ap, format);
	vsnprintf(failure->text, sizeof(failure->text), format, ap);
	va_end(ap);
	used = strlen(failure->text);
	snprintf(failure->text + used, sizeof(failure->text) - used, ": %s", strerror(error));
	return -error;
}
