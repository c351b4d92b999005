/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the emulated machine counts of the path from a VM exit to the next VM entry, and how a program inside
 * asks for it: by CPUID, which runs at any CPL and exits nowhere on the host's side.
 *
 *   CPUID with EAX = PATH_LEAF and ECX =
 *   PATH_ASK	EBX, ECX, EDX are PATH_NAME and EAX the number of words of struct path: there is a recorder
 *   PATH_NAMED	four more letters, EBX, of the name of what comes (the first of all clears the old name)
 *   PATH_START	exits from here on are recorded
 *   PATH_STOP	no more; EAX is 1 if there were EBX with the same reason or more, which can be read now
 *   PATH_TEXT	eight letters, EBX and EDX, for the file where recorded exits go; zeros are none
 *   PATH_READ	word EBX of struct path of what was stopped last, in EDX:EAX
 *
 * All figures but the first four are of one exit: of the path that most undisturbed exits took.
 */
#ifndef MACHINE_PATH_H
#define MACHINE_PATH_H

#include <stdint.h>

#define PATH_LEAF 0x52445043 /* "RDPC" */
#define PATH_NAME { 0x68746170, 0x78652d66, 0x2e737469 } /* "path", "f-ex", "its." */

enum path_command { PATH_ASK, PATH_NAMED, PATH_START, PATH_STOP, PATH_READ, PATH_TEXT };

#define PATH_MSRS 64 /* different ones of a path; further ones are counted, but not by register */

struct path_msr {
	uint64_t index; /* bit 32: written, else read */
	uint64_t count;
};

struct path {
	uint64_t reason;    /* VMX's basic exit reason or SVM's exit code: the commonest one recorded */
	uint64_t exits;	    /* with that reason */
	uint64_t disturbed; /* ... that an interrupt came into, or that had over a million instructions */
	uint64_t same;	    /* ... that ran the same addresses as the one below */

	uint64_t instructions; /* retired, the VM entry included */
	uint64_t user;	       /* ... of these at CPL 3: the process that runs the guest */
	uint64_t rdmsr, wrmsr;
	uint64_t vmread, vmwrite;
	uint64_t atomic;     /* LOCK, or XCHG with memory */
	uint64_t indirect;   /* jumps and calls; not returns */
	uint64_t exceptions; /* nested ones */
	/* Different lines of 64 bytes and pages of 4 KiB: fetched by the kernel, its stack, its other data. */
	uint64_t text_lines, text_pages;
	uint64_t stack_lines, stack_pages;
	uint64_t data_lines, data_pages;
	uint64_t user_lines, user_pages; /* the process's, all of them */
	uint64_t nr_msrs;
	struct path_msr msrs[PATH_MSRS];
};

#define PATH_WORDS (sizeof(struct path) / sizeof(uint64_t))

#endif
