// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine "emulator" with the emulator itself as one translation unit: one file to compile where a
 * changed emulator becomes a shared object. To be linked instead of engine_emulator.c and emulator/.
 */
#include "emulator/emulate.c"
#include "emulator/pmu.c"
#include "emulator/pmu_amd.c"
#include "emulator/pmu_intel.c"
#include "emulator/x86.c"

#include "fuzz/engines/emulator/engine_emulator.c"
