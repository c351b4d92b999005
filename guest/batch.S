/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list of RDPMCs in one mode, and the handlers of their #GP: the same source for 16, 32 and 64-bit
 * code. host/batch.c copies the turn once for each read, with its RCX, and the rest once, to
 * BATCH_CODE; it is no part of the guest's image. As few instructions as can be: where KVM executes
 * the guest's code in software each of them costs.
 *
 * EDI: where the result goes; EBP: how often, in the bare loop.
 */
#include "guest/batch.h"

	.macro	TURN bits, a, c, d, mov, rcx
	.code\bits
	.globl	batch_turn\bits, batch_rcx\bits, batch_turn_end\bits, batch_bare\bits, batch_bare_end\bits
batch_turn\bits:
	\mov	$\rcx, %\c
batch_rcx\bits:			/* the constant ends here */
rdpmc\bits:
	rdpmc
	mov	%\a, BATCH_RAX(%edi)
	mov	%\d, BATCH_RDX(%edi)
	add	$BATCH_SIZE, %edi
batch_turn_end\bits:
	.equ	skip\bits, batch_turn_end\bits - rdpmc\bits
	/*
	 * The same instruction and handler, and nothing else but a loop: what a list is measured
	 * against. A fault's handler goes on where it does in a turn.
	 */
batch_bare\bits:
	rdpmc
	.nops	skip\bits - 2
	dec	%ebp
	jnz	batch_bare\bits
	ud2
batch_bare_end\bits:
	.endm

	.section .rodata
	.globl	batch_code, batch_code_end
	.globl	batch_gp16, batch_gp32, batch_gp_vm86, batch_gp64
batch_code:
	TURN	16, eax, ecx, edx, movl, 0x12345678
	TURN	32, eax, ecx, edx, movl, 0x12345678
	TURN	64, rax, rcx, rdx, movabsq, 0x123456789abcdef0

	/* Real-address mode: no error code is pushed. */
	.code16
batch_gp16:
	movl	$0, BATCH_ERROR(%edi)
	add	$BATCH_SIZE, %edi
	addw	$skip16, (%esp)
	iretw

	/* Protected mode, from code of 32 and of 16 bits. */
	.code32
batch_gp32:
	popl	BATCH_ERROR(%edi)
	add	$BATCH_SIZE, %edi
	addl	$skip32, (%esp)
	iretl
	.globl	batch_gp32_from16
batch_gp32_from16:
	popl	BATCH_ERROR(%edi)
	add	$BATCH_SIZE, %edi
	addl	$skip16, (%esp)
	iretl
	/* From virtual-8086 mode: DS is null, and SS begins at 0. */
batch_gp_vm86:
	popl	%ss:BATCH_DATA + BATCH_ERROR(%edi)
	add	$BATCH_SIZE, %edi
	addl	$skip16, (%esp)
	iretl

	/* Long mode, from code of 64, 32 and 16 bits. */
	.code64
	.globl	batch_gp64_from32, batch_gp64_from16
batch_gp64:
	popq	BATCH_ERROR(%rdi)
	add	$BATCH_SIZE, %edi
	addq	$skip64, (%rsp)
	iretq
batch_gp64_from32:
	popq	BATCH_ERROR(%rdi)
	add	$BATCH_SIZE, %edi
	addq	$skip32, (%rsp)
	iretq
batch_gp64_from16:
	popq	BATCH_ERROR(%rdi)
	add	$BATCH_SIZE, %edi
	addq	$skip16, (%rsp)
	iretq
batch_code_end:

	.section .note.GNU-stack, "", @progbits
