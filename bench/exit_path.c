// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/exit_path.h"

#include <string.h>

#include "host/cpuid.h"

/* A call of the machine, not a question about the processor: host/cpuid.h has no place for EBX. */
static struct cpuid_regs call(enum path_command command, uint32_t argument)
{
	struct cpuid_regs regs;

	__asm__ volatile("cpuid"
			 : "=a"(regs.eax), "=b"(regs.ebx), "=c"(regs.ecx), "=d"(regs.edx)
			 : "0"(PATH_LEAF), "1"(argument), "2"(command), "3"(0)
			 : "memory");
	return regs;
}

bool exit_path_recorder(void)
{
	static const uint32_t name[] = PATH_NAME;
	struct cpuid_regs regs = call(PATH_ASK, 0);

	return regs.eax == PATH_WORDS && regs.ebx == name[0] && regs.ecx == name[1] &&
	       regs.edx == name[2];
}

void exit_path_start(const char *name)
{
	const size_t length = strlen(name);

	for (size_t i = 0; i < length; i += 4) {
		uint32_t letters = 0;

		memcpy(&letters, name + i, length - i < 4 ? length - i : 4);
		call(PATH_NAMED, letters);
	}
	call(PATH_START, 0);
}

bool exit_path_stop(uint32_t min, struct path *path)
{
	uint64_t words[PATH_WORDS];

	if (!call(PATH_STOP, min).eax)
		return false;
	for (uint32_t i = 0; i < PATH_WORDS; i++) {
		struct cpuid_regs regs = call(PATH_READ, i);

		words[i] = (uint64_t)regs.edx << 32 | regs.eax;
	}
	memcpy(path, words, sizeof(*path));
	return true;
}

#define FIGURE(field)                                                                              \
	{                                                                                          \
#field, offsetof(struct path, field)                                               \
	}

const struct exit_path_figure *exit_path_figure(size_t i)
{
	static const struct exit_path_figure figures[] = {
		FIGURE(instructions), FIGURE(user),       FIGURE(rdmsr),      FIGURE(wrmsr),
		FIGURE(vmread),       FIGURE(vmwrite),    FIGURE(atomic),     FIGURE(indirect),
		FIGURE(exceptions),   FIGURE(text_lines), FIGURE(text_pages), FIGURE(stack_lines),
		FIGURE(stack_pages),  FIGURE(data_lines), FIGURE(data_pages), FIGURE(user_lines),
		FIGURE(user_pages),
	};

	return i < sizeof(figures) / sizeof(figures[0]) ? &figures[i] : NULL;
}
