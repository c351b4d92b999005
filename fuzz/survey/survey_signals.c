// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose code has faulted, where two engines are in one process. */
#include "fuzz/survey/survey_read.h"

/*
 * An engine may catch the faults of its code, by a signal's one handler; of two engines each is to get its
 * own: around an engine's begin, and before each of its reads, for a survey of two.
 */
static const int signals[SURVEY_SIGNALS] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };

/* A handler can be given no other place. */
static const struct sigaction *volatile current;

void survey_signals_keep(struct sigaction actions[SURVEY_SIGNALS])
{
	for (size_t i = 0; i < SURVEY_SIGNALS; i++)
		sigaction(signals[i], NULL, &actions[i]);
}

void survey_signals_put(const struct sigaction actions[SURVEY_SIGNALS])
{
	for (size_t i = 0; i < SURVEY_SIGNALS; i++)
		sigaction(signals[i], &actions[i], NULL);
}

void survey_signals_are(const struct sigaction actions[SURVEY_SIGNALS])
{
	current = actions;
}

static void forward(int signal, siginfo_t *info, void *context)
{
	const struct sigaction *action = current;
	size_t i = 0;

	while (i + 1 < SURVEY_SIGNALS && signals[i] != signal)
		i++;
	action = &action[i];
	if (action->sa_flags & SA_SIGINFO)
		action->sa_sigaction(signal, info, context);
	else /* not caught by this engine: the read is made again, and ends the process */
		sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
}

void survey_signals_share(void)
{
	const struct sigaction action = { .sa_sigaction = forward,
					  .sa_flags = SA_SIGINFO | SA_NODEFER };

	for (size_t i = 0; i < SURVEY_SIGNALS; i++)
		sigaction(signals[i], &action, NULL);
}
