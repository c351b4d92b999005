// SPDX-License-Identifier: GPL-2.0-or-later
/* One RDPMC, and what came of it as an engine's answer. */
#include <stdio.h>
#include <string.h>

#include "fuzz/engines/live/live.h"

/* 0F 0B "kvm": KVM's forced-emulation prefix. */
#define PREFIX_SIZE 5
_Static_assert(PREFIX_SIZE + CASE_LENGTH <= INSN_CODE_MOST, "code that a vCPU runs");
static const uint8_t prefix[PREFIX_SIZE] = { 0x0f, 0x0b, 'k', 'v', 'm' };

const char *live_keep(struct engine_vcpu *vcpu, const char *text)
{
	/* "r12: 0x1 became 0x2" is like any other change of R12. */
	const char *colon = strchr(text, ':');
	const size_t key = colon ? (size_t)(colon - text) : strlen(text);

	for (size_t i = 0; i < TROUBLES; i++) {
		char *kept = vcpu->troubles[i];

		if (!*kept)
			snprintf(kept, sizeof(vcpu->troubles[i]), "%s", text);
		if (!strncmp(kept, text, key) && (kept[key] == text[key]))
			return kept;
	}
	return "too many different splats to report";
}

static uint8_t answer_of(const struct insn_result *result, bool real)
{
	const struct cpu_exception *exception = &result->exception;

	if (result->end == INSN_DONE)
		return ANSWER_VALUE;
	if (exception->vector == 13 && (exception->has_error || real))
		return ANSWER_GP;
	return exception->vector == 6 ? ANSWER_UD : ANSWER_STRANGE;
}

static void to_answer(struct engine_vcpu *vcpu, const struct rdpmc_state *state,
		      struct engine_answer *answer)
{
	static const uint8_t paths[] = { [INSN_NO_EXIT] = EXEC_PATH_NO_EXIT,
					 [INSN_EXITED] = EXEC_PATH_EXIT,
					 [INSN_EMULATED] = EXEC_PATH_EMULATED };
	struct insn_result *result = &vcpu->result;

	answer->other_state = false;
	answer->error_code = 0;
	answer->regs = state->regs;
	answer->answer = ANSWER_STRANGE;
	if (result->end == INSN_REFUSED) {
		answer->refused = result->text;
		return;
	}
	if (result->end == INSN_LOST) {
		vcpu->trouble = live_keep(vcpu, result->text);
		return;
	}
	answer->answer = answer_of(result, state->mode == MODE_REAL);
	if (result->end == INSN_EXCEPTION)
		answer->error_code = result->exception.error;
	if (answer->answer == ANSWER_STRANGE && !result->changed) {
		result->changed = true;
		snprintf(result->text, sizeof(result->text), "exception %u",
			 result->exception.vector);
	}
	answer->path = paths[result->path];
	answer->other_state = result->changed;
	answer->changed = result->changed ? result->text : NULL;
	answer->regs.rax = result->regs.rax;
	answer->regs.rcx = result->regs.rcx;
	answer->regs.rdx = result->regs.rdx;
	answer->regs.rip = result->regs.rip;
	/* A fault's handler sees RF set; a case has none. */
	answer->regs.rflags = result->regs.rflags & ~CPU_RFLAGS_RF;
}

void live_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
	       struct engine_answer *answer)
{
	uint8_t code[INSN_CODE_MOST];
	size_t length = 0;
	struct cpu_state cpu;

	live_cpu(state, &cpu);
	if (entry == ENTRY_EMULATOR) {
		memcpy(code, prefix, sizeof(prefix));
		length = sizeof(prefix);
		cpu.regs.rip -= sizeof(prefix);
	}
	length += case_instruction(state, &code[length]);
	if (vcpu->vm) {
		live_counters(vcpu, &cpu);
		insn_run(&vcpu->vm->insn, &cpu, code, length, &vcpu->result);
	} else {
		vcpu->result.end = INSN_REFUSED;
		snprintf(vcpu->result.text, sizeof(vcpu->result.text), "%s", vcpu->why.text);
	}
	to_answer(vcpu, state, answer);
}
