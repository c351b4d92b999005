/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Out of an emulated machine whose kernel a case may take down: what the fuzz target does, over a port of
 * the emulator's, where each byte is outside before the next instruction runs. scripts/machine fuzz asks
 * for it by RDPMC_OUTLET in the environment, and reads it; elsewhere the port is none of ours.
 *
 * First OUTLET_MAGIC, then packets: a letter, a length of two bytes (low byte first), the data.
 *   C a case that is about to run	D it has run
 *   K the fuzzer has kept the last case
 */
#ifndef FUZZ_TARGET_OUTLET_H
#define FUZZ_TARGET_OUTLET_H

#include <stddef.h>
#include <stdint.h>

#define OUTLET_MAGIC "rdpmc-outlet/1\n"

/* @argv as libFuzzer has it: it keeps cases in the first directory. */
void target_outlet_open(int argc, char **argv);

/* Nothing to do where nobody has asked for it. */
void target_outlet_case(const uint8_t *data, size_t size);
void target_outlet_done(void);

#endif
