#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Proves scripts/prove --against on two trees of a real kernel: a planted bug is what it says has changed, with cases
# that reproduce, and functions in another order and a new file change nothing.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/prove/kernel.inc

run test-prove "$tree" --no-classes
[ $status -ne 77 ] || skip_all "$(tail -n 1 "$dir/err")"
check "$(basename "$tree") is proved" test $status -eq 0
cp -as "$tree" "$dir/copy" && tests/kernel_edit.py "$dir/copy" bound-off-by-one >"$dir/out" 2>"$dir/err"
check "a bound can be made wrong" test $? -eq 0
run test-prove-off "$dir/copy" --no-classes
check "... it is refuted" test $status -eq 1

# The same copy by the same name: a translation, or an object, that is of what it was before would be seen.
linked=$(stat -c %i "$dir/build/prove/kernel-test-prove-off/kernel.gb")
run test-prove-off "$dir/copy" --against "$dir/build/kernel/test-prove.so"
check "compared with the tree as it is: what was edited changes it" test $status -eq 1
check "... in the first line" grep -qE '^test-prove-off: differs in [1-9][0-9]* class(es)? from ' "$dir/out"
check "... each change a case, for Intel" grep -qE '^changes +Intel, exit, TYPE-(GP|FIXED), a value for a fault: ' "$dir/out"
check "... not for AMD" test "$(count '^changes .*AMD')" -eq 0
check "... with what was answered before" grep -qE '^ +before: answer 1,' "$dir/out"
check "... and what is now" grep -qE '^ +now: +answer' "$dir/out"
check "... natively as well" changes 'changes *Intel,' test-prove-off test-prove
check "... nothing is void or not said" test "$(count 'VOID\|not said')" -eq 0
check "... it is not translated anew" test "$(stat -c %i "$dir/build/prove/kernel-test-prove-off/kernel.gb")" = "$linked"

restore()
{
	find "$dir/copy/arch/x86" -type f | while read -r file; do
		ln -sf "$tree/${file#"$dir/copy/"}" "$file"
	done
}
restore && tests/kernel_edit.py "$dir/copy" reordered >"$dir/out" 2>"$dir/err" && echo 'int harmless;' >"$dir/copy/arch/x86/kvm/harmless.c"
check "a copy with functions reordered and a new file" test $? -eq 0
run test-prove-off "$dir/copy" --against "$dir/build/kernel/test-prove.so"
check "... changes nothing" test $status -eq 0
check "... in the first line" grep -q '^test-prove-off: changes nothing for guests: .*, which is proved$' "$dir/out"
check "... nor is anything refuted, void or not said" test "$(count 'REFUTED\|VOID\|^changes \|not said')" -eq 0
run test-prove-off "$dir/copy" --against test-prove-off
check "a tree is not compared with itself" test $status -eq 2
check "... in one line" test "$(wc -l <"$dir/err")" -eq 1

echo "1..$n"
[ $failed -eq 0 ]
