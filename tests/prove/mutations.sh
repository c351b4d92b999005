#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Proves that each of tests/kernel_edit.py's bugs in a copy of a real kernel (BUGS= some of them) is refuted by a case
# that changes what the tree without it answers, natively.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/prove/kernel.inc

run test-prove "$tree" --no-classes
[ "$status" -ne 77 ] || skip_all "$(tail -n 1 "$dir/err")"
check "$(basename "$tree") is proved" test "$status" -eq 0
for bug in ${BUGS:-bound-off-by-one index-mask-dropped type-mask-too-small width-ignored permission-inverted \
	cpl-forgotten pe-forgotten amd-index-masked exit-forgets-rdx intercept-gp-count}; do
	rm -rf "$dir/copy"
	cp -as "$tree" "$dir/copy" && tests/kernel_edit.py "$dir/copy" "$bug" >"$dir/out" 2>"$dir/err"
	check "$bug" test $? -eq 0
	begun=$(date +%s)
	run "$bug" "$dir/copy" --no-classes
	echo "# figure: $bug: $(($(date +%s) - begun)) s, $(sed -n 's/^REFUTED *\(.*\): .*/\1/p' "$dir/out" | paste -sd ';')"
	check "... is refuted" test "$status" -eq 1
	check "... nothing is void" test "$(count VOID)" -eq 0
	check "... natively as well" changes 'REFUTED *[A-Z][A-Za-z]*,' "$bug" test-prove
done
echo "1..$n"
[ $failed -eq 0 ]
