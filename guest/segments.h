/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Selectors that boot.S and traps.c share. */
#ifndef GUEST_SEGMENTS_H
#define GUEST_SEGMENTS_H

#define KERNEL_CS    0x08
#define KERNEL_DS    0x10
#define USER_DS      (0x18 | 3)
#define USER_CS      (0x20 | 3)
#define TSS_SELECTOR 0x28

#endif
