#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, long
# limit 30m
# What can go wrong in a PERF_METRICS series (tests/kernel_edit.py's mutants) is found by `survey --against`, each by its
# own class and rule. One engine has them all, and in a copy of it one is chosen. The tree is the newest in the cache,
# because what has a mediated PMU has the intercept to go wrong as well.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/checks.sh
. tests/kernels.sh

tree=$(cached_tree -name 'debian-*_*')
case $tree in
'' | *debian-6.1_*)
	skip 'mutants of a PERF_METRICS series' 'no tree of 6.12 or later in the cache; scripts/kernel-tree debian:6.12 makes one'
	finish ;;
esac
# Known differences are looked for beside the program; this one's engines are its own.
own_programs
diff=$dir/bin/rdpmc-diff

planted()
{
	cp -as "$tree" "$dir/copy" && tests/kernel_edit.py --all-mutants "$dir/copy" &&
		scripts/kernel-engine --out "$dir/bin/kernel/none.so" --name none "$dir/copy"
}
planted >"$dir/out" 2>"$dir/err"
status=$?
check "an engine of ${tree##*/debian-} with a PERF_METRICS series and all that can go wrong in it" test $status -eq 0
[ $status -eq 0 ] || finish

tests/kernel_edit.py --list-mutants >"$dir/mutants"
cut -d ' ' -f 3 "$dir/mutants" | sort -u | sed 's/^/--configuration /' >"$dir/configurations"
# shellcheck disable=SC2046 # options
"$diff" survey --engine kernel:none $(cat "$dir/configurations") >"$dir/out" 2>"$dir/err"
check 'nothing is new while none is chosen' test $? -eq 0

found() # NAME CONFIGURATION EXPRESSION
{
	tests/kernel_edit.py --choose "$1" "$dir/bin/kernel/none.so" "$dir/bin/kernel/chosen.so" >"$dir/out" 2>"$dir/err" || return
	"$diff" survey --engine kernel:none --against kernel:chosen --configuration "$2" >"$dir/out" 2>"$dir/err"
	[ $? -eq 1 ] && sed -n '/^Became wrong/,/^Evidence/p' "$dir/out" | grep -qE "^[0-9]+[.] $3"
}
while read -r name feature configuration says; do
	if [ "$feature" != - ] && ! grep -q kvm_need_rdpmc_intercept "$tree/arch/x86/kvm/pmu.h"; then
		skip "$name" 'this tree intercepts RDPMC always'
		continue
	fi
	check "$name: $configuration: $says" found "$name" "$configuration" "$says"
done <"$dir/mutants"
check 'seventeen of them' test "$(grep -c '' "$dir/mutants")" -ge 17
finish
