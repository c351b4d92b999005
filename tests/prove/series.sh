#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Proves the designs for PERF_METRICS on top of a real kernel with a mediated PMU: of what was posted and what was
# proposed each class that is wrong, and no other, and that what the reviewers asked for is right.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/prove/kernel.inc

case $tree in *debian-7*) ;; *) skip_all "$(basename "$tree") has no mediated PMU" ;; esac
# The rules that are broken, each once, in their order.
broken() { sed -n 's/^REFUTED .*exit, \([A-Z-]*\), .*/\1/p' "$dir/out" | sort -u | tr '\n' ' '; }
design() # DESIGN STATUS RULES
{
	rm -rf "$dir/copy"
	cp -as "$tree" "$dir/copy" && tests/kernel_edit.py "$dir/copy" "series-$1" >"$dir/out" 2>"$dir/err"
	check "as $1" test $? -eq 0
	run test-prove-off "$dir/copy" --no-classes
	[ "$status" -ne 77 ] || skip_all "$(tail -n 1 "$dir/err")"
	check "... status $2" test "$status" -eq "$2"
	check "... wrong by: ${3:-nothing}" test "$(broken)" = "$3"
	check "... nothing is void" test "$(count VOID)" -eq 0
	check "... with the fourth fixed counter as it is known" grep -qE '^known .*fourth-fixed-emulated' "$dir/out"
	[ "$2" -eq 0 ] || check "... natively as well" reproduce 'REFUTED *Intel,' test-prove-off
}
design posted 1 'METRICS-INDEX NO-FAST TYPE-OTHER '
design proposed 1 'METRICS-INDEX '
design corrected 0 ''
check "... and natively nothing is new" "$programs/rdpmc-diff" run --quiet --engine "$dir/build/kernel/test-prove-off.so" \
	--known fuzz/oracle/known --random 300K
echo "1..$n"
[ $failed -eq 0 ]
