#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, long
# limit 40m
# Proves a real kernel's RDPMC path by scripts/prove --kernel, if its tree is in the cache already: Debian's 7.3, or 6.12,
# differs from the model only as is known, every class of differences is one natively as well, and a bound that is
# off by one is refuted. What takes longer is in tests/prove/: make test-prove.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/prove/kernel.inc

# What is not edited is shared with the tree; and what was made of it is shared with the second proof, by its name.
cp -as "$tree" "$dir/copy" || exit 1
run test-prove "$dir/copy"
[ $status -ne 77 ] || skip_all "$(tail -n 1 "$dir/err")"
check "$(basename "$tree") is proved" test $status -eq 0
check "... the first line is the verdict" verdict "test-prove: RDPMC is the model's, but for the differences that are known"
check "... Intel's and AMD's" test "$(count '^proved .*exit, Intel'),$(count '^proved .*exit, AMD')" = 1,1
check "... no bound, pointer or shift is wrong for any case" grep -qE '^checked +bounds, pointers, shifts and divisions: [0-9]{4,} ' "$dir/out"
check "... and their intercepts" test "$(count '^proved .*intercept, Intel'),$(count '^proved .*intercept, AMD')" = 1,1
check "... nothing is refuted or void" test "$(count 'REFUTED\|VOID')" -eq 0
check "... known differences are met" grep -qE '^known +[1-9][0-9]* differences, each met: .*three-fixed-counters' "$dir/out"
check "... there are classes of them, for each vendor" test "$(count '^class .*Intel')" -gt 0 -a "$(count '^class .*AMD')" -gt 0
check "... each is explained" test "$(count 'NEW:')" -eq 0
check "... and is what it is natively as well" test "$(count 'natively it is')" -eq 0
check "... as rdpmc-diff says" reproduce class test-prove
check "... what is assumed is named" grep -q '^assumed  WIDTHS: ' "$dir/out"
check "... and how it was translated" grep -q '^Contracts$' "$dir/build/prove/kernel-test-prove/translation.txt"

mv "$dir/build/kernel/test-prove.so" "$dir/build/kernel/right.so" && tests/kernel_edit.py "$dir/copy" bound-off-by-one >"$dir/out" 2>"$dir/err" &&
	tests/kernel_edit.py "$dir/copy" read-before-bound >"$dir/out" 2>"$dir/err"
check "a bound can be made wrong, and a read made before it" test $? -eq 0
run test-prove "$dir/copy" --no-classes --vendor intel
check "... it is refuted" test $status -eq 1
check "... in the first line" grep -qE '^test-prove: differs in [1-9][0-9]* class(es)? from the model and what is known; undefined behaviour at [1-9][0-9]* places?; Intel only$' "$dir/out"
check "... for Intel, a value for a fault" grep -qE '^REFUTED +Intel, exit, TYPE-(GP|FIXED), a value for a fault: ' "$dir/out"
check "... and nothing is said of AMD" test "$(count AMD)" -eq 0
check "... what is read beyond an array and changes nothing is refuted as well" \
	grep -qE '^REFUTED +exit, Intel: .*pmu_intel.c:[0-9]+, intel_rdpmc_ecx_to_pmc\(\), undefined behaviour: ' "$dir/out"
check "... natively as well" changes 'REFUTED *Intel,' test-prove right
check "... nothing is void" test "$(count VOID)" -eq 0

echo "1..$n"
[ $failed -eq 0 ]
