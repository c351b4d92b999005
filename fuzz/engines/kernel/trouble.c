// SPDX-License-Identifier: GPL-2.0-only
/* Where the kernel's complaints are gathered, and how what it may not do does not end the program. */
#include "fuzz/engines/kernel/trouble.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/engines/kernel/glue.h"

/* The first thing that the kernel's code has complained of; one vCPU at a time, so one of it. */
struct complaint {
	const char *what, *file; /* NULL: nothing */
	int line;
	void *address;
};

static struct complaint trouble;
sigjmp_buf trouble_out;
volatile sig_atomic_t trouble_inside;

/* addr2line's answer for @address in this object, or the offset. */
static void name_address(void *address, char *text, size_t size)
{
	unsigned long offset;
	char command[4200];
	FILE *tool;
	Dl_info info;
	size_t n = 0;

	if (!dladdr((void *)name_address, &info)) {
		snprintf(text, size, "%p", address);
		return;
	}
	offset = (unsigned long)((char *)address - (char *)info.dli_fbase) - 1;
	snprintf(text, size, "%s+%#lx", info.dli_fname, offset);
	if (strchr(info.dli_fname, '\''))
		return;
	snprintf(command, sizeof(command), "addr2line -e '%s' %#lx 2>/dev/null", info.dli_fname,
		 offset);
	tool = popen(command, "r");
	if (!tool)
		return;
	n = fread(command, 1, sizeof(command) - 1, tool);
	command[n] = '\0';
	command[strcspn(command, " \n")] = '\0';
	if (!pclose(tool) && command[0] && command[0] != '?')
		snprintf(text, size, "%s", command);
}

/* Each complaint is made into text once, and kept: reports point to it. */
static const char *text_of(const struct complaint *complaint)
{
	static struct {
		struct complaint complaint;
		char text[512];
	} seen[64];
	static unsigned int n;
	const char *tree;
	char where[400];
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!memcmp(&seen[i].complaint, complaint, sizeof(*complaint)))
			return seen[i].text;
	if (n == sizeof(seen) / sizeof(seen[0]))
		return "too many different splats to report";
	if (complaint->file && complaint->line)
		snprintf(where, sizeof(where), "%s:%d", complaint->file, complaint->line);
	else if (complaint->file)
		snprintf(where, sizeof(where), "%s", complaint->file);
	else
		name_address(complaint->address, where, sizeof(where));
	tree = strstr(where, "arch/x86/");
	tree = tree ? tree : strstr(where, "include/linux/");
	seen[n].complaint = *complaint;
	snprintf(seen[n].text, sizeof(seen[n].text), "%s: %s%s", tree ? tree : where,
		 complaint->file ? "" : "unexpected: ", complaint->what);
	return seen[n++].text;
}

void engine_complain(const char *what, const char *file, int line, void *address)
{
	if (trouble.what)
		return;
	memset(&trouble, 0, sizeof(trouble)); /* compared as bytes */
	trouble.what = what;
	trouble.file = file;
	trouble.line = line;
	trouble.address = address;
}

void engine_give_up(void)
{
	if (!trouble_inside)
		abort();
	siglongjmp(trouble_out, 1);
}

void *glue_allocate(unsigned long size)
{
	return calloc(1, size);
}

void glue_release(void *memory)
{
	free(memory);
}

static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };

#define NR_FAULTS (sizeof(faults) / sizeof(faults[0]))

static struct sigaction before[NR_FAULTS]; /* who handled them: sanitizers, in a fuzz target */

/*
 * An address that the kernel may not touch is a finding, perhaps a known one, and the next case runs.
 * What the kernel did not do is no business of ours.
 */
static void caught(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *user = context;
	sigset_t this;

	(void)info;
	if (!trouble_inside) {
		for (size_t i = 0; i < NR_FAULTS; i++)
			sigaction(faults[i], &before[i], NULL);
		return; /* to the instruction, which faults again */
	}
	engine_complain(signal == SIGILL   ? "SIGILL"
			: signal == SIGFPE ? "SIGFPE"
					   : "SIGSEGV",
			NULL, 0, (char *)user->uc_mcontext.gregs[REG_RIP] + 1);
	/* libFuzzer calls us from a handler of its own, during which the signal is blocked. */
	sigemptyset(&this);
	sigaddset(&this, signal);
	sigprocmask(SIG_UNBLOCK, &this, NULL);
	siglongjmp(trouble_out, 1);
}

void trouble_catch(void)
{
	struct sigaction action = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_NODEFER };

	for (size_t i = 0; i < NR_FAULTS; i++)
		sigaction(faults[i], &action, &before[i]);
}

void trouble_forget(void)
{
	trouble.what = NULL;
}

const char *trouble_text(void)
{
	const char *text = trouble.what ? text_of(&trouble) : NULL;

	trouble.what = NULL;
	return text;
}
