/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The image header, exception entry, and the way to CPL 3 and back. */
#include "guest/kept.h"
#include "guest/segments.h"

	.section .header, "a"
	/* struct guest_header */
	.long 0x434d5052, 1
	.long guest_entry, kernel_stack_top
	.long guest_page, guest_samples, guest_end

	.text
	.globl guest_entry
guest_entry:
	xor	%ebp, %ebp
	call	guest_main
	ud2

/*
 * One entry for each vector, 16 bytes apart. Vectors with an error code are those of SDM vol. 3
 * table "Exceptions and interrupts" (8, 10-14, 17, 21) and AMD's 29 and 30 (APM vol. 2).
 */
	.balign	16
	.globl	exception_entries
exception_entries:
vector = 0
	.rept	32
	.balign	16
	.if	(1 << vector) & 0x60227d00
	.else
	push	$0
	.endif
	push	$vector
	jmp	exception_common
vector = vector + 1
	.endr

exception_common:
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%r11
	push	%r10
	push	%r9
	push	%r8
	push	%rbp
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%rbx
	push	%rax
	mov	%rsp, %rdi
	cld
	call	guest_exception
	pop	%rax
	pop	%rbx
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
	pop	%rbp
	pop	%r8
	pop	%r9
	pop	%r10
	pop	%r11
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	add	$16, %rsp
	iretq

/*
 * #GP while a measured RDPMC is expected to fault: as short as a handler that still knows what it
 * handles can be. Anything but that one RDPMC goes the long way.
 */
	.balign	64
	.globl	gp_skips_rdpmc
gp_skips_rdpmc:
	cmpq	$rdpmc_insn, 8(%rsp)
	jne	exception_entries + 13 * 16
	addq	$2, 8(%rsp)
	incq	rdpmc_faults
	add	$8, %rsp
	iretq

/*
 * u64 call_at_cpl3(u64 (*function)(u64, u64), u64, u64): run a function at CPL 3 on its own
 * stack. The way back is an exception that guest_exception() knows by its address: not
 * every KVM can deliver a software interrupt (where CPL 0 is emulated, INT n is not).
 */
	.globl	call_at_cpl3
call_at_cpl3:
	PUSH_KEPT
	mov	%rsp, cpl0_rsp
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	push	$USER_DS
	push	$user_stack_top
	push	$2			/* RFLAGS: interrupts off */
	push	$USER_CS
	push	$at_cpl3
	iretq
at_cpl3:
	call	*%rax
	.globl	cpl3_done
cpl3_done:
	ud2

/* void leave_cpl3(u64 result): at CPL 0 again, return from call_at_cpl3() */
	.globl	leave_cpl3
leave_cpl3:
	mov	%rdi, %rax
	mov	cpl0_rsp, %rsp
	POP_KEPT
	ret

	.section .note.GNU-stack, "", @progbits
	.bss
	.balign	16
	.globl	fault_stack_top, exception_stack_top, rdpmc_faults
	.skip	4096
kernel_stack_top:
	.skip	4096
exception_stack_top:
	.skip	4096
fault_stack_top:
	.skip	4096
user_stack_top:
cpl0_rsp:
	.skip	8
rdpmc_faults:
	.skip	8
