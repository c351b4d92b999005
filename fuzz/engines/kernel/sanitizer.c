// SPDX-License-Identifier: GPL-2.0-only
/*
 * What clang's -fsanitize=undefined calls, so that undefined behaviour in the kernel's code is a
 * finding like another. The interface: the first argument's first fields are file, line and column
 * (LLVM, compiler-rt/lib/ubsan/ubsan_value.h, SourceLocation).
 */
#include <stdbool.h>
#include "fuzz/engines/kernel/glue.h"

struct place {
	const char *file;
	unsigned int line, column;
};

#define HANDLER(name, what)                                                                        \
	void __ubsan_handle_##name(const struct place *place);                                     \
	void __ubsan_handle_##name(const struct place *place)                                      \
	{                                                                                          \
		engine_complain("UBSan: " what, place->file, (int)place->line, 0);                 \
	}

HANDLER(out_of_bounds, "index out of bounds")
HANDLER(shift_out_of_bounds, "shift out of bounds")
HANDLER(divrem_overflow, "division overflows")
HANDLER(load_invalid_value, "a bool or enum holds none of its values")
HANDLER(type_mismatch_v1, "null or misaligned pointer")
HANDLER(pointer_overflow, "pointer overflows")
HANDLER(vla_bound_not_positive, "array of no size")
HANDLER(invalid_builtin, "builtin called with 0")

#define FATAL_HANDLER(name, what)                                                                  \
	void __ubsan_handle_##name(const struct place *place);                                     \
	void __ubsan_handle_##name(const struct place *place)                                      \
	{                                                                                          \
		engine_complain("UBSan: " what, place->file, (int)place->line, 0);                 \
		engine_give_up();                                                                  \
	}

FATAL_HANDLER(builtin_unreachable, "unreachable code")
FATAL_HANDLER(missing_return, "function without return")
