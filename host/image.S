/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's image inside the program, so that no file is needed at run time. */
	.section .rodata
	.balign	16
	.globl	guest_image, guest_image_end
guest_image:
	.incbin	GUEST_IMAGE_FILE
guest_image_end:
	.section .note.GNU-stack, "", @progbits
