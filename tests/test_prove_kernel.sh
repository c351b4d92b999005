#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, long
# Proves a real kernel's RDPMC path by scripts/prove --kernel, if its tree is in the cache already: Debian's 7.3
# differs from the model only as is known, every class of differences is one natively as well, and a bound that is
# off by one is refuted.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/checks.sh
programs=$(realpath "${BUILD:-build}")

skip_all()
{
	skip "a real kernel's proof" "$1"
	echo "1..$n"
	exit 0
}
run() # NAME TREE [OPTION]
{
	status=0
	nice -n 5 scripts/prove --build "$dir/build" --name "$1" ${3:+"$3"} --kernel "$2" >"$dir/out" 2>"$dir/err" </dev/null ||
		status=$?
}
count() { grep -c -e "$1" "$dir/out" || :; }
verdict() { [ "$(head -n 1 "$dir/out")" = "$1" ]; }
# Counterexamples of that kind, one at least, and each differs when it is run.
reproduce() # LABEL ENGINE
{
	sed -n "s/^$1 .*: \(.*\)/\1/p" "$dir/out" >"$dir/paths"
	[ -s "$dir/paths" ] || return 1
	while read -r path; do
		"$programs/rdpmc-diff" run --quiet --engine "$dir/build/kernel/$2.so" --known none "$path" >"$dir/run" 2>&1
		[ $? -eq 1 ] || { sed 's/^/# /' "$dir/run"; return 1; }
	done <"$dir/paths"
}

# Never fetched for this.
kernels=$(scripts/kernel-tree --list 2>/dev/null | sed -n 's/^Trees in \(.*\):$/\1/p')
tree=$(find "${kernels:-/nonexistent}" -maxdepth 1 -type d -name 'debian-7.3_*' 2>/dev/null | sort -V | tail -n 1)
[ "$tree" ] || skip_all "no tree of debian:7.3 in the cache; scripts/kernel-tree debian:7.3 makes one"

mkdir "$dir/build"
ln -s "$programs/rdpmc-diff" "$programs/prove-repeat" "$programs/prove-known" "$dir/build"
run test-prove "$tree"
[ $status -ne 77 ] || skip_all "$(tail -n 1 "$dir/err")"
check "Debian's 7.3 is proved" test $status -eq 0
check "... the first line is the verdict" verdict "test-prove: RDPMC is the model's, but for the differences that are known"
check "... Intel's and AMD's" test "$(count '^proved .*exit, Intel'),$(count '^proved .*exit, AMD')" = 1,1
check "... and their intercepts" test "$(count '^proved .*intercept, Intel'),$(count '^proved .*intercept, AMD')" = 1,1
check "... nothing is refuted or void" test "$(count 'REFUTED\|VOID')" -eq 0
check "... known differences are met" grep -qE '^known +[1-9][0-9]* differences, each met: .*three-fixed-counters' "$dir/out"
check "... there are classes of them, for each vendor" test "$(count '^class .*Intel')" -gt 0 -a "$(count '^class .*AMD')" -gt 0
check "... each is explained" test "$(count 'NEW:')" -eq 0
check "... and is what it is natively as well" test "$(count 'natively it is')" -eq 0
check "... as rdpmc-diff says" reproduce class test-prove
check "... what is assumed is named" grep -q '^assumed  WIDTHS: ' "$dir/out"
check "... and how it was translated" grep -q '^Contracts$' "$dir/build/prove/kernel-test-prove/translation.txt"

# What is not edited is shared with the tree.
cp -as "$tree" "$dir/copy" && tests/kernel_edit.py "$dir/copy" bound-off-by-one >"$dir/out" 2>"$dir/err"
check "a bound can be made wrong" test $? -eq 0
run test-prove-off "$dir/copy" --no-classes
check "... it is refuted" test $status -eq 1
check "... in the first line" grep -qE '^test-prove-off: differs in [1-9][0-9]* classes from the model and what is known$' "$dir/out"
check "... for Intel, a value for a fault" grep -qE '^REFUTED +Intel, exit, TYPE-(GP|FIXED), a value for a fault: ' "$dir/out"
check "... not for AMD" test "$(count '^REFUTED .*AMD')" -eq 0
check "... natively as well" reproduce 'REFUTED *Intel,' test-prove-off
check "... nothing is void" test "$(count VOID)" -eq 0
echo "1..$n"
[ $failed -eq 0 ]
