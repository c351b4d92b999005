/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why something failed: one line for a person, and a negative errno for the caller. */
#ifndef LIB_FAILURE_H
#define LIB_FAILURE_H

struct failure {
	char text[400];
};

/* Writes the line and returns @error, so that a caller can `return fail_with(...)`. */
__attribute__((format(printf, 3, 4))) int fail_with(struct failure *failure, int error,
						    const char *format, ...);

/* The same for a system call that set errno: ": Permission denied" is added, -errno returned. */
__attribute__((format(printf, 2, 3))) int fail_errno(struct failure *failure, const char *format,
						     ...);

#endif
