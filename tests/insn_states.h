/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every state that one instruction can be run in, and what is to be true of its result. */
#ifndef TESTS_INSN_STATES_H
#define TESTS_INSN_STATES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "host/insn.h"
#include "host/probe.h"
#include "lib/clock.h"

#define TIMEOUT_MS 2000
#define FREE_FLAGS 0x247cd5ULL /* all that neither trap, interrupt nor choose a mode */
#define FLAG_RF    (1ULL << 16)
#define FLAG_VM    (1ULL << 17)
#define CR0_TS     (1ULL << 3)
#define CR0_NW     (1ULL << 29)
#define CR0_CD     (1ULL << 30)
#define CR4_TSD    (1ULL << 2)
#define PLACE      0x1000 /* of the code in INSN_CODE, unless told otherwise */
#define NO_COUNTER 0x60000000U

#define ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))
#define RUN(state, code) run(state, code, sizeof(code) - 1)

#define NOP            "\x90"
#define RDTSC          "\x0f\x31"
#define RDPMC          "\x0f\x33"
#define CPUID          "\x0f\xa2"
#define DIV            "\xf7\xf1" /* EDX:EAX by ECX */
#define HLT            "\xf4"
#define PADDING        "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"
#define CS_TO_EBX      "\x8c\xcb"
#define CRS_TO_ESI_EDI "\x0f\x20\xc6\x0f\x20\xe7"
#define BL_5           "\xb3\x05"

static struct kvm kvm;
static struct insn_vcpu vcpu;
static struct insn_result result;
static struct setting_host host;
static struct failure failure;
static bool have_kvm;

/* All states that exist. */
static struct cpu_state states[64], user64, kernel64;
static size_t nr_states;

#define REQUIRE_KVM()                                                                              \
	(void)unused;                                                                              \
	if (!have_kvm) {                                                                           \
		printf("# skipped: %s\n", failure.text);                                           \
		skip();                                                                            \
	}

static inline int open_vcpu(struct insn_vcpu *one, unsigned int timeout_ms)
{
	/* No PMU; the size is nobody's business. */
	const struct vm_config config = { .memory_size = 12345, .pmu.vendor = host.kvm.vendor };

	return insn_open(one, &kvm, &config, timeout_ms, &failure);
}

static inline bool is_86(enum cpu_mode mode)
{
	return mode == CPU_REAL || mode == CPU_VIRTUAL8086;
}

static inline bool is_16(enum cpu_mode mode)
{
	return is_86(mode) || mode == CPU_PROTECTED16 || mode == CPU_COMPATIBILITY16;
}

static inline struct cpu_state state_of(enum cpu_mode mode, unsigned int cpl, bool paging)
{
	struct cpu_state state = { .mode = mode, .cpl = cpl, .paging = paging };

	state.cs_base = mode == CPU_LONG ? 0 : INSN_CODE;
	state.regs.rip = mode == CPU_LONG ? INSN_CODE + PLACE : PLACE;
	state.regs.rsp = mode == CPU_REAL || mode == CPU_PROTECTED16 ? INSN_STACK_86 : INSN_STACK;
	state.regs.rflags = 2;
	return state;
}

static inline int setup(void **unused)
{
	(void)unused;
	for (int mode = 0; mode < NR_CPU_MODES; mode++)
		for (unsigned int i = 0; i < 8; i++)
			if (cpu_mode_allows((enum cpu_mode)mode, i >> 1, i & 1))
				states[nr_states++] = state_of((enum cpu_mode)mode, i >> 1, i & 1);
	user64 = state_of(CPU_LONG, 3, true);
	kernel64 = state_of(CPU_LONG, 0, true);
	if (kvm_open(&kvm, NULL, &failure))
		return 0;
	probe_setting_host("", &kvm, &host);
	have_kvm = !open_vcpu(&vcpu, TIMEOUT_MS);
	return 0;
}

static inline int teardown(void **unused)
{
	(void)unused;
	if (have_kvm) {
		insn_close(&vcpu);
		kvm_close(&kvm);
	}
	return 0;
}

/* Returns false where KVM does not take the state. A lost vCPU is a failure. */
static inline bool run(const struct cpu_state *state, const char *code, size_t length)
{
	memset(&result, 1, sizeof(result)); /* what is not filled in is seen */
	insn_run(&vcpu, state, (const uint8_t *)code, length, &result);
	if (result.end == INSN_LOST)
		fail_msg("%s, CPL %u, paging %d, RIP %llx: code %02x %02x lost the vCPU: %s",
			 cpu_mode_name(state->mode), state->cpl, state->paging, state->regs.rip,
			 (uint8_t)code[0], (uint8_t)code[length - 1], result.text);
	if (result.end == INSN_REFUSED)
		assert_in_range(strlen(result.text), 10, sizeof(result.text) - 1);
	return result.end != INSN_REFUSED;
}

/* The result is @end with RIP @advance bytes on; all else is as in @state, but for RAX and RDX. */
static inline void expect(const struct cpu_state *state, enum insn_end end, uint64_t advance)
{
	struct kvm_regs regs = result.regs;

	if (result.end != end || result.changed || regs.rip != state->regs.rip + advance)
		fail_msg("%s, CPL %u, paging %d, RIP %llx: end %d, vector %u, RIP %llx, %s",
			 cpu_mode_name(state->mode), state->cpl, state->paging, state->regs.rip,
			 result.end, result.exception.vector, regs.rip,
			 result.changed ? result.text : "nothing else changed");
	/* RF is what a fault's handler is told, the one after the code included. */
	assert_int_equal(regs.rflags & ~FLAG_RF,
			 state->regs.rflags | 2 | (state->mode == CPU_VIRTUAL8086 ? FLAG_VM : 0));
	regs.rip = state->regs.rip;
	regs.rflags = state->regs.rflags;
	regs.rax = state->regs.rax;
	regs.rdx = state->regs.rdx;
	assert_memory_equal(&regs, &state->regs, sizeof(regs));
}

static inline void expect_same(const struct cpu_state *state, enum insn_end end, uint64_t advance)
{
	expect(state, end, advance);
	assert_int_equal(result.regs.rax, state->regs.rax);
	assert_int_equal(result.regs.rdx, state->regs.rdx);
}

static inline void expect_fault(const struct cpu_state *state, unsigned int vector, bool has_error)
{
	expect_same(state, INSN_EXCEPTION, 0);
	assert_int_equal(result.exception.vector, vector);
	assert_int_equal(result.exception.has_error, has_error);
	if (has_error)
		assert_int_equal(result.exception.error, 0);
}

static inline void expect_named(const char *name)
{
	assert_true(result.changed);
	if (!strcasestr(result.text, name))
		fail_msg("'%s' does not name %s", result.text, name);
}

static inline uint64_t tsc(void)
{
	assert_int_equal(result.regs.rax >> 32, 0);
	assert_int_equal(result.regs.rdx >> 32, 0);
	return result.regs.rdx << 32 | result.regs.rax;
}

#endif
