/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For assembly: the registers that a C function has to keep. */
	.macro	PUSH_KEPT
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	.endm
	.macro	POP_KEPT
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	.endm
