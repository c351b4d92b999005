// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Engines that misbehave as no emulator should: FLAKY answers wrongly now and then, OVERFLOW writes
 * beyond its memory for some ECX (the answer is right; only a sanitizer sees it), ABORTS ends the process for some RAX.
 */
#include <stdlib.h>
#include <string.h>

#ifndef FLAKY_EVERY
#define FLAKY_EVERY 200003
#endif

#define engine_emulator inner
#include "fuzz/engines/emulator/engine_emulator_inlined.c"
#undef engine_emulator

static void read_badly(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		       struct engine_answer *answer)
{
	static unsigned int reads;

	inner.read(vcpu, entry, state, answer);
	reads++;
#ifdef FLAKY
	if (reads % FLAKY_EVERY == 0)
		answer->regs.rdx ^= 1;
#endif
#ifdef OVERFLOW
	if ((uint32_t)state->regs.rcx == 0x20000000) {
		char *volatile memory = malloc(8);

		memory[8 + !memory] = 1;
		free(memory);
	}
#endif
#ifdef ABORTS
	if ((state->regs.rax & 0xff) == 0x5a)
		abort();
#endif
}

__attribute__((visibility("default"))) struct engine rdpmc_engine;

__attribute__((constructor)) static void make(void)
{
	memcpy(&rdpmc_engine, &inner, sizeof(inner));
	rdpmc_engine.read = read_badly;
}
