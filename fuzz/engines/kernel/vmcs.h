/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instead of the tree's vmx/vmx_ops.h, whose guard this defines: VMREAD and VMWRITE of a VMCS in memory. The
 * instructions that act on a processor or on a VMCS as a whole have nothing to act on here.
 */
#ifndef __KVM_X86_VMX_INSN_H
#define __KVM_X86_VMX_INSN_H

#include <linux/types.h>
/* Older trees get this by vmx_ops.h. */
#if __has_include("vmx/evmcs.h")
#include "vmx/evmcs.h"
#endif

/* Before 5.13 with what happens where the instruction faults. */
#define __ex(instruction) instruction

struct vmcs;

unsigned long glue_vmread(unsigned long field);
void glue_vmwrite(unsigned long field, unsigned long value);

#define GLUE_VMCS(suffix, type)                                                                    \
	static __always_inline type vmcs_read##suffix(unsigned long field)                         \
	{                                                                                          \
		return (type)glue_vmread(field);                                                   \
	}                                                                                          \
	static __always_inline void vmcs_write##suffix(unsigned long field, type value)            \
	{                                                                                          \
		glue_vmwrite(field, value);                                                        \
	}
GLUE_VMCS(16, u16)
GLUE_VMCS(32, u32)
GLUE_VMCS(64, u64)
GLUE_VMCS(l, unsigned long)

static __always_inline void vmcs_set_bits(unsigned long field, u32 mask)
{
	glue_vmwrite(field, glue_vmread(field) | mask);
}

static __always_inline void vmcs_clear_bits(unsigned long field, u32 mask)
{
	glue_vmwrite(field, glue_vmread(field) & ~(unsigned long)mask);
}

#define GLUE_NOTHING(name, ...)                                                                    \
	static inline void name(__VA_ARGS__)                                                       \
	{                                                                                          \
	}
GLUE_NOTHING(vmcs_clear, struct vmcs *vmcs)
GLUE_NOTHING(vmcs_load, struct vmcs *vmcs)
GLUE_NOTHING(vpid_sync_vcpu_single, int vpid)
GLUE_NOTHING(vpid_sync_vcpu_global, void)
GLUE_NOTHING(vpid_sync_context, int vpid)
GLUE_NOTHING(vpid_sync_vcpu_addr, int vpid, unsigned long address)
GLUE_NOTHING(ept_sync_global, void)
GLUE_NOTHING(ept_sync_context, u64 eptp)

#endif
