/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rdpmc-diff survey, as command.h has the other commands. */
#ifndef FUZZ_SURVEY_COMMAND_H
#define FUZZ_SURVEY_COMMAND_H

int command_survey(int argc, char **argv);

#endif
