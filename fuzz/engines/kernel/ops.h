/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tree calls through kvm_x86_ops and a vendor's kvm_pmu_ops. A part of glue.c, which includes it
 * once: a proof translates one file.
 */

/* kvm_x86_ops: those of this path, and for all others one that says its name. */
static int op_get_cpl(struct kvm_vcpu *vcpu)
{
	return only->state.cpl;
}

static void op_get_cs_db_l_bits(struct kvm_vcpu *vcpu, int *db, int *l)
{
	*db = !only->state.code16 &&
	      (only->state.mode == GLUE_PROTECTED || only->state.mode == GLUE_COMPATIBILITY);
	*l = only->state.mode == GLUE_64BIT;
}

static unsigned long op_get_rflags(struct kvm_vcpu *vcpu)
{
	return only->state.rflags;
}

static void op_set_rflags(struct kvm_vcpu *vcpu, unsigned long rflags)
{
	only->state.rflags = rflags;
}

/* A VMREAD; of CR0 and CR4 it has the bits that the guest owns. */
static void op_cache_reg(struct kvm_vcpu *vcpu, enum kvm_reg reg)
{
	struct kvm_vcpu_arch *arch = &vcpu->arch;

	__set_bit(reg, (unsigned long *)&arch->regs_avail);
	if (reg == GLUE_CR0)
		arch->cr0 = (arch->cr0 & ~arch->cr0_guest_owned_bits) |
			    (only->state.cr0 & arch->cr0_guest_owned_bits);
	else if (reg == GLUE_CR4)
		arch->cr4 = (arch->cr4 & ~arch->cr4_guest_owned_bits) |
			    (only->state.cr4 & arch->cr4_guest_owned_bits);
	else if (reg == GLUE_RIP)
		GLUE_RIP_OF(arch) = only->state.rip;
	else
		glue_unexpected("kvm_x86_ops.cache_reg", __builtin_return_address(0));
}

static void op_get_segment(struct kvm_vcpu *vcpu, struct kvm_segment *segment, int which)
{
	memset(segment, 0, sizeof(*segment));
}

static u32 op_get_interrupt_shadow(struct kvm_vcpu *vcpu)
{
	return 0;
}

/* As vendors do it: the instruction's length is known, RIP has 32 bits outside 64-bit mode. */
static int op_skip_emulated_instruction(struct kvm_vcpu *vcpu)
{
	unsigned long rip = kvm_rip_read(vcpu) + only->state.length;

	kvm_rip_write(vcpu, only->state.mode == GLUE_64BIT ? rip : (u32)rip);
	return 1;
}

#ifdef HAVE_CHECK_EMULATE_INSTRUCTION
static int op_check_emulate_instruction(struct kvm_vcpu *vcpu, int type, void *insn, int len)
{
	return X86EMUL_CONTINUE;
}
#else
static bool op_can_emulate_instruction(struct kvm_vcpu *vcpu, int type, void *insn, int len)
{
	return true;
}
#endif

#ifdef HAVE_OPS_LIST
#define KVM_X86_OP(func)                                                                           \
	static void unexpected_##func(void)                                                        \
	{                                                                                          \
		glue_unexpected("kvm_x86_ops." #func, __builtin_return_address(0));                \
	}
#define KVM_X86_OP_OPTIONAL(func)
#define KVM_X86_OP_OPTIONAL_RET0(func)
#define KVM_X86_OP_NULL(func) /* its name before 5.18 */
#include <asm/kvm-x86-ops.h>

static long return_0(void)
{
	return 0;
}

#ifdef GLUE_PROVE
/* A model checker finds what a pointer calls by its type. */
static void return_0_vcpu(struct kvm_vcpu *vcpu)
{
}

static int return_0_index(struct kvm_vcpu *vcpu, unsigned int index)
{
	return 0;
}

static bool return_0_pmc(struct kvm_pmc *pmc)
{
	return false;
}

#define RETURN_0(call)                                                                             \
	_Generic(call,                                                                             \
		 void (*)(struct kvm_vcpu *): return_0_vcpu,                                       \
		 int (*)(struct kvm_vcpu *, unsigned int): return_0_index,                         \
		 bool (*)(struct kvm_pmc *): return_0_pmc,                                         \
		 default: return_0)
#else
#define RETURN_0(call) return_0
#endif

#define SET_OP(member, function) static_call_update(kvm_x86_##member, function)

static void set_all_ops(void)
{
#define KVM_X86_OP(func) static_call_update(kvm_x86_##func, (void *)unexpected_##func);
#define KVM_X86_OP_OPTIONAL(func)                                                                  \
	static_call_update(kvm_x86_##func, (void *)RETURN_0(kvm_x86_ops.func));
#define KVM_X86_OP_OPTIONAL_RET0 KVM_X86_OP_OPTIONAL
#undef KVM_X86_OP_NULL
#define KVM_X86_OP_NULL KVM_X86_OP_OPTIONAL
#include <asm/kvm-x86-ops.h>
}
#else
/* Without a list of what they are, none knows its own name; the line that calls it says which it is. */
static void unexpected_op(void)
{
	glue_unexpected("a vendor's operation", __builtin_return_address(0));
}

#define SET_OP(member, function) kvm_x86_ops.member = (function)

static void set_all_ops(void)
{
	void (**op)(void) = (void *)&kvm_x86_ops;

	for (size_t i = 0; i < sizeof(kvm_x86_ops) / sizeof(*op); i++)
		op[i] = unexpected_op;
	/* What is NULL where a vendor has nothing to do. */
	kvm_x86_ops.update_emulated_instruction = NULL;
}
#endif

#ifdef HAVE_PMU_OPS_LIST
/* Static calls that pmu.c has for itself. */
#define KVM_X86_PMU_OP(func)                                                                       \
	DECLARE_STATIC_CALL(kvm_x86_pmu_##func, *(((struct kvm_pmu_ops *)0)->func));
#define KVM_X86_PMU_OP_OPTIONAL      KVM_X86_PMU_OP
#define KVM_X86_PMU_OP_OPTIONAL_RET0 KVM_X86_PMU_OP
#include <asm/kvm-x86-pmu-ops.h>

/* A static call to nothing is patched into a plain return on x86. */
static void install_pmu_ops(const struct kvm_pmu_ops *ops)
{
	kvm_pmu_ops_update(ops);
#define KVM_X86_PMU_OP(func)                                                                       \
	if (!ops->func)                                                                            \
		static_call_update(kvm_x86_pmu_##func, (void *)RETURN_0(ops->func));
#define KVM_X86_PMU_OP_OPTIONAL      KVM_X86_PMU_OP
#define KVM_X86_PMU_OP_OPTIONAL_RET0 KVM_X86_PMU_OP
#include <asm/kvm-x86-pmu-ops.h>
}
#else
/* They are called through the vendor's table. */
static void install_pmu_ops(const struct kvm_pmu_ops *ops)
{
	static struct kvm_pmu_ops installed;

	memcpy(&installed, ops, sizeof(installed));
	kvm_x86_ops.pmu_ops = &installed;
}
#endif

static void install_ops(void)
{
#ifdef HAVE_NESTED_OPS
	/* No guest here has a guest: of these operations there is none. */
	static struct kvm_x86_nested_ops no_nested_ops;
#endif

	set_all_ops();
#ifdef HAVE_NESTED_OPS
	kvm_x86_ops.nested_ops = &no_nested_ops;
#endif
	SET_OP(get_cpl, op_get_cpl);
	SET_OP(get_cs_db_l_bits, op_get_cs_db_l_bits);
	SET_OP(get_rflags, op_get_rflags);
	SET_OP(set_rflags, op_set_rflags);
	SET_OP(cache_reg, op_cache_reg);
	SET_OP(get_segment, op_get_segment);
	SET_OP(get_interrupt_shadow, op_get_interrupt_shadow);
	SET_OP(skip_emulated_instruction, op_skip_emulated_instruction);
#ifdef HAVE_CHECK_EMULATE_INSTRUCTION
	SET_OP(check_emulate_instruction, op_check_emulate_instruction);
#else
	SET_OP(can_emulate_instruction, op_can_emulate_instruction);
#endif
}
