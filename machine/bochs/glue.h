/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the insertions into Bochs call: machine/pmu.h on one side, the one processor of the machine on the
 * other. RDPMC_MACHINE in the environment says what the processor is like:
 *
 *   pmu=TEXT;signature=NUMBER;name=TEXT;path=FILE
 *
 * pmu is for pmu_configure(), signature replaces CPUID.01H:EAX, name the processor's name, path is where
 * recorded exits go (path.h). Without it there is no PMU, and Bochs is as it was.
 */
#ifndef MACHINE_BOCHS_GLUE_H
#define MACHINE_BOCHS_GLUE_H

struct cpuid_function_t;

extern Bit64u glue_branches; /* that ran since the last glue_settle() */

extern bool glue_watches_state; /* glue_settle() has to run where CPL, or guest and host, change */

void glue_power_on(bool amd);
void glue_cpuid(Bit32u leaf, Bit32u subleaf, cpuid_function_t *answer);
int glue_rdmsr(Bit32u msr, Bit64u *value); /* 1 done, 0 #GP, -1 is another's */
int glue_wrmsr(Bit32u msr, Bit64u value);
bool glue_has_pmu(void);
bool glue_rdpmc_valid(Bit32u ecx);		   /* would it not be #GP? */
bool glue_rdpmc(Bit32u ecx, Bit64u *value);	   /* false: #GP */
void glue_settle(void);				   /* counts what ran until now */
bool glue_global_ctrl_valid(Bit64u value);
Bit64u glue_global_ctrl(void);
void glue_set_global_ctrl(Bit64u value, bool entry); /* by a VM entry, or exit */

#endif
