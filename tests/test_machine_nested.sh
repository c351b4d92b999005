#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, long
# Proves that rdpmc-bench nested runs an L2 by VMX and by SVM on a kernel's own KVM, sees what it should for all four
# of L0 and L1 intercepting or not, and reports an L1 that is not asked, a model that is wrong, and KVM without nested.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/checks.sh
programs=$(realpath "${BUILD:-build}")
machine=$PWD/scripts/machine

"$machine" build >"$dir/out" 2>"$dir/err"
status=$?
if [ $status -eq 77 ]; then
	skip "nested guests in the emulated machine" "$(cat "$dir/err")"
	echo "1..$n"
	exit 0
fi
check "the emulator is built" test $status -eq 0

# The program with a fault of ours: FILE as sed makes it.
mkdir "$dir/tree"
cp -R Makefile VERSION bench guest host lib machine model scripts "$dir/tree"
faulty() # NAME FILE EXPRESSION
{
	cp "$2" "$dir/right"
	sed "$3" "$dir/right" >"$dir/tree/$2"
	if cmp -s "$dir/right" "$dir/tree/$2" ||
		! make -s -C "$dir/tree" SETUP=no BUILD=build CFLAGS=-O1 build/rdpmc-bench >"$dir/out" 2>"$dir/err"; then
		not_ok "a program with a fault is built: $1"
		return
	fi
	cp "$dir/tree/build/rdpmc-bench" "$dir/$1"
	cp "$dir/right" "$dir/tree/$2"
}
# L1's bit never comes to KVM, as if KVM had lost it; and a model by which L0 has what is L1's.
faulty unasked-vmx guest/vmx.c 's/? PROC_RDPMC_EXITING : 0/? 0 : 0/'
faulty unasked-svm guest/svm.c 's/? INTERCEPT_RDPMC : 0/? 0 : 0/'
faulty model model/nested/nested.c 's/nested.exits_to = LEVEL_L1;/nested.exits_to = LEVEL_L0;/'

cat >"$dir/job.sh" <<'END'
out()
{
	name=$1
	shift
	"$@" >"$name" 2>&1
	echo "exit status $?" >>"$name"
}
out right rdpmc-bench nested --json right.json
out unasked bin/unasked nested
out model bin/model nested
rmmod "$1" && insmod /modules/kvm?"${1#kvm_}".ko nested=0
out off rdpmc-bench nested
END

# What L2's read comes to, of the lines "L0 L1 read exit-to what".
is() # L0 L1 READ TEXT
{
	check "$cpu: L0 $1, L1 $2, $3: $4" grep -Eq "^$1 +$2 +$3 +$4( |\$)" "$dir/$cpu/right"
}
host() # CPU MODULE PROGRAM
{
	cpu=$1
	mkdir "$dir/$cpu"
	(cd "$dir/$cpu" && "$machine" run --quiet --build "$programs" --cpu "$cpu" --kvm "enable_mediated_pmu=1 force_emulation_prefix=1" --put ../job.sh --put "../$3=bin/unasked" \
		--put ../model=bin/model --console console --get right --get right.json --get unasked --get model --get off -- \
		sh job.sh "$2" >../out 2>../err)
	status=$?
	if [ $status -eq 77 ]; then
		skip "nested guests on $cpu" "$(cat "$dir/err")"
		return 1
	fi
	cp "$dir/$cpu/right" "$dir/out"
	check "$cpu: nested agrees with the manuals" grep -qx 'exit status 0' "$dir/$cpu/right"
	check "$cpu: ... nothing is skipped, nothing failed" grep -q ' 0 differ, .* 0 failed, 0 skipped$' "$dir/$cpu/right"
	check "$cpu: ... the kernel has no complaint" sh -c "! grep -E 'BUG|WARNING|Oops' '$dir/$cpu/console'"
	check "$cpu: ... and as JSON the same" /usr/bin/python3 -c 'import json, sys
result = json.load(open(sys.argv[1]))
rows = {(row["l0"], row["l1"], row["read"]): row for row in result["rows"]}
assert result["schema"] == "rdpmc-nested/1" and len(rows) == len(result["rows"])
four = [rows[l0, l1, "gp-first/cpl0"] for l0 in ("passthrough", "intercepted") for l1 in ("passthrough", "intercepted")]
assert [row["exit_to"] for row in four] == ["nobody", "L1", "L0", "L1"], four
assert [round(row["exits_per_read"], 2) for row in four][::2] == [0, 1] and all(row["status"] == "agrees" for row in four)' \
		"$dir/$cpu/right.json"
	for l0 in passthrough intercepted; do
		is $l0 passthrough gp-first/cpl3 "$([ $l0 = passthrough ] && echo nobody || echo L0) +0x2511223300"
		is $l0 intercepted gp-first/cpl3 "L1 +what L1 answers"
		is $l0 intercepted gp-first/cpl3-nopce "nobody +#GP\(0\)"
	done

	cp "$dir/$cpu/unasked" "$dir/out"
	check "$cpu: an exit that L1 asked for and does not get is reported" grep -qx 'exit status 1' "$dir/$cpu/unasked"
	check "$cpu: ... by its rule" grep -q \
		'^differs: L0 passthrough, L1 intercepted, gp-first/cpl0: L1 got the exit of 0 of 32 reads, expected 32 (rule NESTED-L1-FIRST)$' \
		"$dir/$cpu/unasked"
	cp "$dir/$cpu/model" "$dir/out"
	check "$cpu: a wrong model is reported" grep -qx 'exit status 1' "$dir/$cpu/model"
	check "$cpu: ... where it is wrong" test "$(grep -c '^differs: L0 [a-z]*, L1 intercepted, ' "$dir/$cpu/model")" -ge 4 -a \
		"$(grep -c '^differs: .* L1 passthrough' "$dir/$cpu/model")" -eq 0
	cp "$dir/$cpu/off" "$dir/out"
	check "$cpu: without nested one line and 77" test \
		"$(grep -cx "rdpmc-bench: $2 has nested=N: modprobe -r $2; modprobe $2 nested=1" "$dir/$cpu/off")" -eq 1 -a \
		"$(sed -n '$p' "$dir/$cpu/off")" = 'exit status 77' -a "$(wc -l <"$dir/$cpu/off")" -eq 2
}

# A bad index is L1's exit with VMX, and L2's fault with SVM.
if host skylake kvm_intel unasked-vmx; then
	is passthrough intercepted out-of-range/cpl0 "L1 +what L1 answers"
	is intercepted passthrough out-of-range/cpl0 "L0 +#GP\(0\)"
	is passthrough passthrough fixed0/cpl0 "nobody +0x3644556600"
	is passthrough intercepted gp-first/cpl0/emulated "L0 +#UD +1.00  known"
	check "skylake: what KVM's emulator makes of it is known" grep -q "^known: KVM's instruction emulator" "$dir/skylake/right"
fi
if host zen4 kvm_amd unasked-svm; then
	is passthrough intercepted out-of-range/cpl0 "nobody +#GP\(0\)"
	is intercepted intercepted out-of-range/cpl3 "nobody +#GP\(0\)"
	is intercepted passthrough gp-hidden/cpl0 "L0 +#GP\(0\)"
	check "zen4: the exit of a counter that L1 has not is known" grep -q \
		'^known: kvm_amd gives L1 the exit' "$dir/zen4/right"
	is intercepted intercepted gp-hidden/cpl0 "L1 +what L1 answers +4.00  known"
	is passthrough passthrough gp-first/cpl0/emulated "L0 +0x2511223300"
	is passthrough intercepted gp-first/cpl0/emulated "L1 +what L1 answers"
	is intercepted intercepted out-of-range/cpl0/emulated "L0 +#GP\(0\)"
fi
echo "1..$n"
[ $failed -eq 0 ]
