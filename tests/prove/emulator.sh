#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Proves the instruction emulator's entry of a real kernel, if its tree is in the cache already: of Debian's 6.12 or 6.1,
# in which a model checker goes astray behind the pointer to who injects page faults.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/checks.sh
. tests/kernels.sh
programs=$(realpath "${BUILD:-build}")

tree=$(cached_tree -name 'debian-6.1*_*')
if [ "$tree" ]; then
	mkdir "$dir/build"
	ln -s "$programs/rdpmc-diff" "$programs/prove-repeat" "$programs/prove-known" "$dir/build"
	status=0
	timeout 3000 nice -n 5 scripts/prove --build "$dir/build" --name test-prove --no-classes --emulator --kernel "$tree" \
		>"$dir/out" 2>"$dir/err" </dev/null || status=$?
fi
if [ ! "$tree" ]; then
	skip "the emulator's entry" "no tree of debian:6.12 or debian:6.1 in the cache; scripts/kernel-tree debian:6.12 makes one"
elif [ "$status" -eq 77 ]; then
	skip "the emulator's entry" "$(tail -n 1 "$dir/err")"
else
	check "$(basename "$tree") is proved" test "$status" -eq 0
	for part in 'exit, Intel' 'exit, AMD' 'emulator, Intel' 'emulator, AMD' 'emulator with LOCK, Intel' 'emulator with LOCK, AMD'; do
		check "... $part" grep -q "^proved  *$part: every RDPMC has the model's outcome" "$dir/out"
	done
	check "... who injects page faults is not reached" \
		grep -q 'body of .*kvm_inject_emulated_page_fault(), proved not to be reached' "$dir/build/prove/kernel-test-prove/translation.txt"
fi
echo "1..$n"
[ $failed -eq 0 ]
