/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recorder of exits: Bochs' instrumentation calls it while a window is open (machine/path.h). What it
 * recorded of a window goes into the file that RDPMC_MACHINE names with path=FILE, appended:
 *
 *   path NAME			a window
 *   figures W W W ...		struct path, in decimal; MSRs: nr_msrs pairs
 *   frames A A ...		functions entered by CALL and not left at the VM exit, outermost first
 *   ADDRESS OPCODE		an instruction that retired; OPCODE is Bochs' number for the operation
 *   c ADDRESS, r		it called this function; it returned
 *   m MSR VALUE, n MSR		it writes, it reads this MSR
 *   x VECTOR ADDRESS		an exception there
 *   end
 *
 * and between the windows lines that the machine wrote itself (PATH_TEXT).
 */
#ifndef MACHINE_BOCHS_PATH_H
#define MACHINE_BOCHS_PATH_H

class bxInstruction_c;

extern bool path_on; /* a window is open */

void path_open(const char *file); /* may be empty */
void path_cpuid(Bit32u command, const Bit32u argument[2], Bit32u answer[4]);
void path_exit(Bit32u reason); /* before the host's first instruction */
void path_instruction(bxInstruction_c *i);
void path_branch(unsigned what, bx_address target);
void path_access(bx_address at, unsigned size);
void path_exception(unsigned vector);
void path_interrupt(void);

#endif
