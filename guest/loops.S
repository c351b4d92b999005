/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The measured loops: u64 loop_*(u64 count, u64 ecx) runs the instruction count >= 1 times and
 * returns TSC ticks. LFENCE before RDTSC makes it wait for what precedes, LFENCE after it holds
 * back what follows (SDM vol. 2, RDTSC). That is as strict as RDTSCP, and works where CPL 0 is
 * emulated without RDTSCP; CPUID would exit.
 */

	.macro	LOOP name
	.balign	64
	.globl	loop_\name
loop_\name:
	push	%rbx
	mov	%rdi, %r8
	mov	%rsi, %r9
	lfence
	rdtsc
	lfence
	shl	$32, %rdx
	lea	(%rax, %rdx), %r10
	mov	%r9d, %ecx
	mov	$0x5a5aa5a5, %eax	/* GUEST_UNTOUCHED */
	mov	%eax, %edx
	.balign	32
1:	measured_\name
	dec	%r8
	jnz	1b
	mov	%eax, %r11d
	mov	%rdx, %r9
	lfence
	rdtsc
	lfence
	shl	$32, %rdx
	add	%rdx, %rax
	sub	%r10, %rax
	shl	$32, %r9
	or	%r11, %r9
	mov	%r9, rdpmc_value	/* EDX:EAX after the last turn */
	pop	%rbx
	ret
	.endm

	/* What is measured. EDX:EAX after it become the value that the host sees. */
	.macro	measured_empty
	.endm
	.macro	measured_rdtsc
	rdtsc
	.endm
	.macro	measured_rdpmc
	.globl	rdpmc_insn
rdpmc_insn:
	rdpmc
	.endm
	.macro	measured_cpuid
	xor	%eax, %eax
	xor	%ecx, %ecx
	cpuid
	.endm
	.macro	measured_port
	out	%al, $0xe3		/* GUEST_PORT_NOTHING */
	.endm
	.macro	measured_vmcall
	mov	$0x7fff, %eax		/* no hypercall has this number */
	vmcall
	.endm
	.macro	measured_vmmcall
	mov	$0x7fff, %eax
	vmmcall
	.endm

	.text
	LOOP	empty
	LOOP	rdtsc
	LOOP	rdpmc
	LOOP	cpuid
	LOOP	port
	LOOP	vmcall
	LOOP	vmmcall

	.section .note.GNU-stack, "", @progbits
	.bss
	.balign	8
	.globl	rdpmc_value
rdpmc_value:
	.skip	8
