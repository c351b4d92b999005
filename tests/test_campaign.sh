#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, longest
#
# Proves continuous fuzzing (scripts/rdpmc_campaign): tests/campaign/, by pytest, with the real fuzzers.
set -u

cd "$(dirname "$0")/.." || exit 1
python=${SETUP_PYTHON:-/usr/bin/python3}
export PYTHONDONTWRITEBYTECODE=1
build=${BUILD:-build}
make -s -j"$(nproc)" SETUP=no BUILD="$build" "$build/rdpmc-diff" "$build/fuzz-rdpmc" "$build/fuzz-rdpmc-afl" \
	"$build/afl-mutator.so" "$build/fuzz-rdpmc-live" "$build/coverage/rdpmc-diff" || exit 1
exec "$python" -m pytest --rootdir tests --confcutdir tests --tap -p no:cacheprovider \
	-o faulthandler_timeout=300 tests/campaign "$@"
