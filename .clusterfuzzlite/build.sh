#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What ClusterFuzzLite and OSS-Fuzz run in their container to build the fuzz targets: any engine, any
# sanitizer, all of it told by the environment (SRC OUT WORK CC CFLAGS CXX CXXFLAGS LIB_FUZZING_ENGINE
# FUZZING_ENGINE SANITIZER). Nothing here depends on which: scripts/fuzz-target obeys the flags.
#
# There is one target, fuzz-rdpmc, the emulator against the model, because one has all the oracles in it:
# a second would split the time and find nothing else. The other engines, a kernel tree's code and the
# running kernel, need what these services have not: that tree, and /dev/kvm.
set -eu

# The image's working directory is the tree; a container that was started elsewhere has it here.
[ -f scripts/fuzz-target ] || cd "${SRC:?SRC is not set: where is the source tree?}/rdpmc"
# Intermediate files have their place, and the tree stays as it was copied: coverage reports show it.
[ -z "${WORK:-}" ] || export TMPDIR="$WORK"
# With what make may have been told by whoever started this it would not obey the environment.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES
exec make -s fuzz-target
