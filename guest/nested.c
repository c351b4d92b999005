// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A nested guest: as L1 this guest runs an L2, which is a function in its own address space with a stack
 * of its own. L2 reads a counter; what L1 gets of that is answered with a value no counter holds.
 */
#include "guest/nested.h"

#include <stddef.h>

#include "guest/guest.h"
#include "guest/msr.h"

#define RDPMC_LENGTH 2
#define STACK_SIZE   4096

static struct l2 l2;
static uint8_t l2_stack[STACK_SIZE] __attribute__((aligned(16)));

void l2_main(void);

/* L2's loop. What does not fault comes to the instruction behind it, which says so. */
static uint64_t l2_loop(uint64_t count, uint64_t ecx)
{
	const uint64_t not_canonical = 1ULL << 63;
	uint32_t good, eax, edx;

	for (uint64_t i = 0; i < count; i++) {
		good = 0;
		eax = edx = GUEST_UNTOUCHED;
		switch (guest_page.params.l2) {
		case GUEST_L2_RDPMC:
			__asm__ volatile("1: rdpmc; mov $1, %0; 2:\n" MAY_FAULT
					 : "+r"(good), "+a"(eax), "+d"(edx)
					 : "c"((uint32_t)ecx));
			break;
		case GUEST_L2_EMULATED:
			__asm__ volatile("ud2; .ascii \"kvm\"; 1: rdpmc; mov $1, %0; 2:\n" MAY_FAULT
					 : "+r"(good), "+a"(eax), "+d"(edx)
					 : "c"((uint32_t)ecx));
			break;
		case GUEST_L2_FAULT:
			__asm__ volatile("1: mov (%1), %%al; mov $1, %0; 2:\n" MAY_FAULT
					 : "+r"(good)
					 : "S"(not_canonical) /* by RBP it would be #SS */
					 : "rax");
			break;
		default:
			__asm__ volatile("nop; mov $1, %0" : "+r"(good));
		}
		guest_page.nested.faults += !good;
		guest_page.nested.vector = good ? 0 : traps_vector;
		guest_page.nested.value = (uint64_t)edx << 32 | eax;
	}
	return 0;
}

void l2_main(void)
{
	const struct guest_params *params = &guest_page.params;

	if (params->cpl == 3)
		call_at_cpl3(l2_loop, params->count, params->ecx);
	else
		l2_loop(params->count, params->ecx);
}

static const struct virtualization *virtualization(void)
{
	if (cpuid(1, 0).ecx >> 5 & 1)
		return &vmx;
	if (cpuid(0x80000000, 0).eax >= 0x80000001 && cpuid(0x80000001, 0).ecx >> 2 & 1)
		return &svm;
	return NULL;
}

uint32_t nested_run(const struct guest_params *params, struct guest_nested *nested)
{
	const struct virtualization *v = virtualization();
	enum l2_exit exit;

	*nested = (struct guest_nested){ 0 };
	if (!v || (params->cpl != 0 && params->cpl != 3))
		return GUEST_BAD_COMMAND;
	l2.rip = (uint64_t)v->l2_entry;
	l2.rsp = (uint64_t)l2_stack + sizeof(l2_stack);
	l2.cr4 = params->pce ? read_cr4() | CR4_PCE : read_cr4() & ~CR4_PCE;
	l2.rdpmc_exiting = params->rdpmc_exiting;
	l2.reason = l2.error = 0;
	nested->refused = v->start(&l2);
	if (nested->refused)
		return GUEST_NESTED_FAILED;
	while ((exit = v->run(&l2)) == L2_EXIT_RDPMC) {
		nested->l1_exits++;
		l2.regs.rax = (uint32_t)GUEST_L1_ANSWER;
		l2.regs.rdx = GUEST_L1_ANSWER >> 32;
		l2.rip += RDPMC_LENGTH;
	}
	v->stop();
	nested->reason = l2.reason;
	nested->error = l2.error;
	return exit == L2_EXIT_HYPERCALL ? GUEST_OK : GUEST_NESTED_FAILED;
}
