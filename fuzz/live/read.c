// SPDX-License-Identifier: GPL-2.0-or-later
/* One RDPMC, or a list of them, and what came of it as an engine's answer. */
#include <stdio.h>
#include <string.h>

#include "fuzz/live/live.h"

/* 0F 0B "kvm": KVM's forced-emulation prefix. */
#define PREFIX_SIZE 5
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
	return "more kinds of trouble than are kept apart";
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
	static const uint8_t ways[] = { [INSN_NO_EXIT] = WAY_NO_EXIT,
					[INSN_EXITED] = WAY_EXIT,
					[INSN_EMULATED] = WAY_EMULATED };
	struct insn_result *result = &vcpu->result;

	answer->elsewhere = false;
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
	answer->way = ways[result->way];
	answer->elsewhere = result->changed;
	answer->changed = result->changed ? result->text : NULL;
	answer->regs.rax = result->regs.rax;
	answer->regs.rcx = result->regs.rcx;
	answer->regs.rdx = result->regs.rdx;
	answer->regs.rip = result->regs.rip;
	/* A fault's handler is told RF; a case has none. */
	answer->regs.rflags = result->regs.rflags & ~CPU_RFLAGS_RF;
}

void live_read(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
	       struct engine_answer *answer)
{
	uint8_t code[PREFIX_SIZE + 3];
	size_t length = 0;
	struct cpu_state cpu;

	live_cpu(state, &cpu);
	if (entry == ENTRY_EMULATOR) {
		memcpy(code, prefix, sizeof(prefix));
		length = sizeof(prefix);
		cpu.regs.rip -= sizeof(prefix);
	}
	if (state->lock)
		code[length++] = 0xf0;
	code[length++] = 0x0f;
	code[length++] = 0x33;
	if (vcpu->vm) {
		live_counters(vcpu, &cpu);
		insn_run(&vcpu->vm->insn, &cpu, code, length, &vcpu->result);
	} else {
		vcpu->result.end = INSN_REFUSED;
		snprintf(vcpu->result.text, sizeof(vcpu->result.text), "%s", vcpu->why.text);
	}
	to_answer(vcpu, state, answer);
}

#define OWN_EXITS 2 /* of a list without its reads: the end, a stray one */

/* The list by one KVM_RUN. False: not so, and nothing of it counts. */
static bool read_batch(struct engine_vcpu *vcpu, const struct rdpmc_state *state,
		       const uint32_t *ecxs, size_t n, struct engine_answer *answers)
{
	const uint64_t high = state->regs.rcx & ~0xffffffffULL;
	struct batch_result results[BATCH_MOST];
	uint64_t rcxs[BATCH_MOST];
	struct insn_count count;
	struct no_list *no_list;
	char text[sizeof(struct failure) + 80];
	struct cpu_state cpu;
	struct failure why;
	enum batch_end end;
	bool emulated;
	enum way way;

	if (!vcpu->vm || state->lock)
		return false;
	live_cpu(state, &cpu);
	no_list = &vcpu->vm->no_list[cpu.mode][cpu.cpl];
	if (no_list->is)
		return false;
	for (size_t i = 0; i < n; i++)
		rcxs[i] = high | ecxs[i];
	live_counters(vcpu, &cpu);
	emulated = insn_emulated(&vcpu->vm->insn, &cpu);
	end = batch_run(&vcpu->vm->insn, &cpu, rcxs, n, results, &count, &why);
	if (end == BATCH_CANNOT) {
		no_list->is = true;
		no_list->why = why;
	} else if (end == BATCH_WRONG) {
		/* Whatever it is: one by one it may not show. */
		snprintf(text, sizeof(text), "a list of reads, %s CPL %u: %s",
			 cpu_mode_name(cpu.mode), cpu.cpl, why.text);
		vcpu->trouble = live_keep(vcpu, text);
	}
	if (end != BATCH_GOOD)
		return false;
	/* Some exits: those of reads that did, beside faults that came before, or of few reads. */
	way = emulated                                         ? WAY_EMULATED
	      : count.exits >= n                               ? WAY_EXIT
	      : count.exits <= OWN_EXITS && n >= 8 * OWN_EXITS ? WAY_NO_EXIT
							       : WAY_UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		struct engine_answer *answer = &answers[i];

		*answer = (struct engine_answer){ .regs = state->regs };
		answer->regs.rcx = rcxs[i];
		answer->way = way;
		if (results[i].error != BATCH_NO_FAULT) {
			answer->answer = ANSWER_GP;
			answer->error_code = (uint32_t)results[i].error;
			continue;
		}
		answer->answer = ANSWER_VALUE;
		answer->regs.rax = results[i].rax;
		answer->regs.rdx = results[i].rdx;
		answer->regs.rip += RDPMC_LENGTH;
		if (state->mode != MODE_64BIT)
			answer->regs.rip = (uint32_t)answer->regs.rip;
	}
	return true;
}

/* Of a read in a list: the next one does away with its text, and trouble would be the first read's. */
static void keep_texts(struct engine_vcpu *vcpu, struct engine_answer *answer)
{
	if (vcpu->trouble) {
		answer->elsewhere = true;
		answer->changed = vcpu->trouble;
		vcpu->trouble = NULL;
	} else if (answer->changed) {
		answer->changed = live_keep(vcpu, answer->changed);
	}
	if (answer->refused)
		answer->refused = live_keep(vcpu, answer->refused);
}

#define FEW       4 /* reads that are not worth a list */
#define MOST_LOST 3 /* in a row: each may take a second */

void live_read_list(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
		    const uint32_t *ecxs, size_t count, struct engine_answer *answers)
{
	struct rdpmc_state one = *state;
	unsigned int lost = 0;

	for (size_t first = 0, n; first < count; first += n) {
		n = count - first < BATCH_MOST ? count - first : BATCH_MOST;
		if (entry == ENTRY_PLAIN && n >= FEW &&
		    read_batch(vcpu, state, ecxs + first, n, answers + first))
			continue;
		for (size_t i = first; i < first + n; i++) {
			const char *trouble = vcpu->trouble; /* of the list that was tried */

			one.regs.rcx = (state->regs.rcx & ~0xffffffffULL) | ecxs[i];
			if (lost >= MOST_LOST) {
				answers[i].refused = "too many reads before it cost the vCPU";
				continue;
			}
			vcpu->trouble = NULL;
			live_read(vcpu, entry, &one, &answers[i]);
			lost = vcpu->result.end == INSN_LOST ? lost + 1 : 0;
			keep_texts(vcpu, &answers[i]);
			vcpu->trouble = trouble;
		}
	}
}
