/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A case: what is tried, as bytes. The byte map is told in fuzz/README.md and laid down here. Every
 * byte string decodes: what is missing at its end is 0, what cannot be is made legal, as little as
 * possible, and counted.
 */
#ifndef FUZZ_CASE_H
#define FUZZ_CASE_H

#include <stddef.h>

#include "model/rdpmc.h"

#define CASE_VERSION 2

/* IA32_PERF_CAPABILITIES: full-width writes. No read depends on it; KVM's mediated PMU wants it. */
#define CASE_CAP_FW_WRITES (1ULL << 13)

/* Little endian, unaligned; arrays of bytes so that there is no padding anywhere. */
struct case_pmu_bytes {
	uint8_t vendor;       /* bit 0: 0 Intel, 1 AMD; the rest CASE_PMU_* */
	uint8_t version;      /* AMD: modulo 3 */
	uint8_t nr_gp;        /* modulo 33; AMD: modulo 16 */
	uint8_t gp_width;     /* modulo 65 */
	uint8_t nr_fixed;     /* modulo 32 */
	uint8_t fixed_width;  /* modulo 65 */
	uint8_t old_counters; /* modulo 33 */
	uint8_t nr_nb;        /* modulo 64 */
	uint8_t fixed_bitmap[4];
	uint8_t leaf23_gp[4];
	uint8_t leaf23_fixed[4];
	uint8_t perf_capabilities[8];
};

#define CASE_PMU_AMD          0x01
#define CASE_PMU_EXT_CORE     0x02
#define CASE_PMU_EXT_NB       0x04
#define CASE_PMU_EXT_L3       0x08
#define CASE_PMU_USER_DISABLE 0x10
#define CASE_PMU_OLD_FAST     0x20
#define CASE_PMU_NO_PDCM      0x40 /* from version 2; of the guest */

struct case_bytes {
	uint8_t version; /* 1 or CASE_VERSION; others are read as 1 */
	uint8_t mode;    /* enum rdpmc_mode, modulo 5 */
	uint8_t cpl; /* bits 1:0; 3 in virtual-8086 mode. From version 2 CASE_PREFIX and CASE_REX */
	uint8_t flags;  /* CASE_*; from version 2 CASE_PREFIXES */
	uint8_t cr0[4]; /* PE follows the mode */
	uint8_t cr4[4];
	uint8_t rflags[4]; /* CASE_RFLAGS are free, VM follows the mode */
	uint8_t rcx[8];
	uint8_t rax[8];
	uint8_t rdx[8];
	uint8_t rip[8]; /* 32 bits outside 64-bit mode */
	struct case_pmu_bytes guest, host;
	uint8_t counter_seed[8];
	uint8_t metrics[8];
	uint8_t fixed_ctr_ctrl[8];
	uint8_t gp_user_disable[4];
};

#define CASE_LOCK     0x01
#define CASE_BACKDOOR 0x02
#define CASE_MEDIATED 0x04
#define CASE_CODE16   0x08 /* of protected and compatibility mode */
#define CASE_FLAGS    0x0f

/* From version 2: so many prefixes, modulo 12, of one kind, by case_prefixes[], and a REX prefix, by case_rex[]. */
#define CASE_PREFIXES(flags) ((flags) >> 4)
#define CASE_PREFIX(cpl)     ((cpl) >> 2 & 7)
#define CASE_REX(cpl)        ((cpl) >> 5)
#define CASE_MOST_PREFIXES   11 /* with LOCK, REX and 0F 33 an instruction's 15 bytes */

/* CF PF AF ZF SF DF OF IOPL NT AC ID: those that RDPMC could be caught changing. From version 2 TF. */
#define CASE_RFLAGS_1 0x00247cd5U
#define CASE_RFLAGS   (CASE_RFLAGS_1 | (uint32_t)RDPMC_RFLAGS_TF)

#define CASE_STEP_OPS(OP)                                                                          \
	OP(READ, "read")                 /* RDPMC with RCX = value */                              \
	OP(GP, "write-gp")               /* general-purpose counter arg, if the guest has it */    \
	OP(FIXED, "write-fixed")         /* fixed counter arg, if the guest has it */              \
	OP(METRICS, "write-metrics")     /* PERF_METRICS */                                        \
	OP(FIXED_CTRL, "fixed-ctr-ctrl") /* IA32_FIXED_CTR_CTRL */                                 \
	OP(USER_DISABLE, "user-disable") /* PERFEVTSELx[37] of all x: value[31:0] */               \
	OP(CR4, "cr4")                   /* CR4 = value[31:0] */                                   \
	OP(MODE, "mode")                 /* arg[2:0] modulo 5: mode; arg[4:3]: CPL */              \
	OP(LOCK, "lock")                 /* arg[0]: LOCK prefix from now on */

#define CASE_STEP_ENUM(name, text) STEP_##name,
enum case_step_op { CASE_STEP_OPS(CASE_STEP_ENUM) NR_STEP_OPS };
#undef CASE_STEP_ENUM

struct case_step_bytes {
	uint8_t op;  /* enum case_step_op, modulo 9 */
	uint8_t arg; /* counters: bits 4:0 */
	uint8_t value[8];
};

_Static_assert(sizeof(struct case_pmu_bytes) == 28, "byte map");
_Static_assert(offsetof(struct case_pmu_bytes, perf_capabilities) == 20, "byte map");
_Static_assert(offsetof(struct case_bytes, rcx) == 16, "byte map");
_Static_assert(offsetof(struct case_bytes, guest) == 48, "byte map");
_Static_assert(offsetof(struct case_bytes, host) == 76, "byte map");
_Static_assert(offsetof(struct case_bytes, counter_seed) == 104, "byte map");
_Static_assert(sizeof(struct case_bytes) == 132, "byte map");
_Static_assert(sizeof(struct case_step_bytes) == 10, "byte map");

/* The fields in their order, for what goes through all of them. */
struct case_field {
	enum { FIELD_OF_CASE, FIELD_OF_GUEST, FIELD_OF_HOST } whose;
	const char *name;
	size_t offset, size;
};

#define CASE_FIELDS 39
extern const struct case_field case_fields[CASE_FIELDS];

struct case_step {
	uint8_t op, arg;
	uint64_t value;
};

/* A decoded case. The first read is the state's own; the steps come after it. */
struct rdpmc_case {
	struct rdpmc_state state;
	struct rdpmc_pmu guest, host;
	struct rdpmc_policy policy;
	uint64_t counter_seed, metrics, fixed_ctr_ctrl;
	uint32_t gp_user_disable;
	size_t n_steps;
	const uint8_t *steps; /* bytes of the input; case_step() decodes */
	size_t steps_size;
	unsigned int legalised; /* fields that had to be changed, steps not counted */
	bool impossible; /* CPL != 0 with CR0.PE = 0: no processor gets there, PRIV allows it */
};

/* @data must live as long as @decoded's steps are used. Any @size. */
void case_decode(const uint8_t *data, size_t size, struct rdpmc_case *decoded);

/* Step @i < n_steps. Returns whether it was legal as it stood. */
bool case_step(const struct rdpmc_case *decoded, size_t i, struct case_step *step);

/* The inverse: bytes that decode to the same case. */
void case_encode(const struct rdpmc_case *decoded, struct case_bytes *bytes);
void case_step_encode(const struct case_step *step, struct case_step_bytes *bytes);

/* The instruction's bytes; returns how many. */
#define CASE_LENGTH 15
extern const uint8_t case_prefixes[8], case_rex[8]; /* case_rex[0] is 0: none */
unsigned int case_instruction(const struct rdpmc_state *state, uint8_t code[CASE_LENGTH]);

/*
 * A change of mode: CR0.PE and RFLAGS.VM follow it, CPL is 3 in virtual-8086 mode, RIP has 32 bits
 * and REX is none outside 64-bit mode.
 */
void case_set_mode(struct rdpmc_state *state, enum rdpmc_mode mode, unsigned int cpl);

/*
 * What the guest's counters hold at first, made from the seed: all 64 bits of each that @guest could
 * have by its highest. The others are not set. @n_gp and @n_fixed say how many are.
 */
void case_counters(const struct rdpmc_case *decoded, const struct rdpmc_view *guest,
		   struct rdpmc_counters *counters, unsigned int *n_gp, unsigned int *n_fixed);

/* The first @n_gp and @n_fixed of them, whoever has them. */
void case_counter_values(const struct rdpmc_case *decoded, struct rdpmc_counters *counters,
			 unsigned int n_gp, unsigned int n_fixed);

#endif
