/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From L1 into L2 and back, for VMX and SVM. RDI is struct l2_regs: last to load, first to save. */
#include "guest/kept.h"

	/* All but RAX and RDI; struct l2_regs has them at 0 and 112. */
	.macro	EACH_REGISTER what
offset = 8
	.irp	register, rbx, rcx, rdx, rbp, rsi, r8, r9, r10, r11, r12, r13, r14, r15
	\what	\register, offset
offset = offset + 8
	.endr
	.endm
	.macro	load register, where
	mov	\where(%rdi), %\register
	.endm
	.macro	save register, where
	mov	%\register, \where(%rdi)
	.endm

	/* L2's registers into the struct l2_regs that is on top of the stack, which goes; RAX is lost. */
	.macro	SAVE_L2
	xchg	%rdi, (%rsp)
	EACH_REGISTER save
	mov	%rax, (%rdi)
	pop	112(%rdi)
	.endm

	.text
	.globl	vmx_enter, vmx_exit
vmx_enter:
	PUSH_KEPT
	push	%rdi
	mov	$0x6c14, %eax		/* host RSP */
	vmwrite	%rsp, %rax
	test	%esi, %esi
	mov	(%rdi), %rax
	EACH_REGISTER load
	mov	112(%rdi), %rdi
	jnz	1f
	vmlaunch
	jmp	2f
1:	vmresume
2:	pop	%rdi
	mov	$1, %eax
	jmp	3f
vmx_exit:
	SAVE_L2
	xor	%eax, %eax
3:	POP_KEPT
	ret

	/* Without interrupts and NMIs until L1's registers are back. */
	.globl	svm_enter
svm_enter:
	PUSH_KEPT
	push	%rdi
	mov	%rsi, %rax
	clgi
	EACH_REGISTER load
	mov	112(%rdi), %rdi
	vmrun
	SAVE_L2
	stgi
	POP_KEPT
	ret

	.globl	l2_entry_vmx, l2_entry_svm
l2_entry_vmx:
	call	l2_main
	vmcall
	ud2
l2_entry_svm:
	call	l2_main
	vmmcall
	ud2

	.section .note.GNU-stack, "", @progbits
