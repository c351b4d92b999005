#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Proves that rdpmc-diff run with several engines tells how each fares, names the engine
# of what is found, goes on without one that cannot run here, and with one engine is what it was.
set -u
diff=${BUILD:-build}/rdpmc-diff
seeds=corpus/seeds
. tests/checks.sh

run() { # arguments of rdpmc-diff run; sets $status
	"$diff" run "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
# The table's row of an engine, blanks made one.
row() { sed -n "s/^[1-8] $1  *//p" "$dir/out" | tr -s ' '; }
lines() { grep -c -e "$1" "$dir/out"; }
silent() { [ ! -s "$dir/err" ]; }

files=$(find $seeds -type f | wc -l)

run $seeds
cp "$dir/out" "$dir/by-itself"
guests=$(sed -n 's/^limits   \([0-9]*\) cases with the guest PMU reduced.*/\1/p' "$dir/out")
check "one engine: no table" test $status -eq 0 -a "$(lines ' unreached ')" -eq 0 -a "$(sed -n 1p "$dir/out" | grep -c "^No finding in what was tried: $files cases, [0-9]* reads$")" -eq 1
run --engine emulator $seeds
check "one engine, named: the same" test $status -eq 0 -a "$(cmp "$dir/out" "$dir/by-itself" | wc -l)" -eq 0

wrong_use "'emulator' is named twice" --engine emulator --engine emulator $seeds
wrong_use "there is no such engine" --engine emulator --engine qemu $seeds
wrong_use "none: No such file or directory" --engine emulator --engine kvm "$dir/none"
wrong_use "nothing to run" --engine emulator --engine kvm
for command in explain survey minimize seeds; do
	"$diff" $command --engine emulator --engine kvm >"$dir/out" 2>"$dir/err" </dev/null
	check "a single engine: $command" test $? -eq 2 -a ! -s "$dir/out" -a "$(wc -l <"$dir/err")" -eq 1 -a \
		"$(grep -c 'a single engine is wanted' "$dir/err")" -eq 1
done

# Engines that are the emulator but for one line.
object() { # name, directory of emulator/, arguments of the compiler
	name=$1 include=$2
	shift 2
	${CC:-gcc} -O2 -std=gnu11 -D_GNU_SOURCE -I"$include" -I. -shared -fPIC "$@" -DENGINE_NAME="\"$name\"" \
		-Dengine_emulator=rdpmc_engine -o "$dir/$name.so" 2>"$dir/err"
}
engine() { # name, sed command on emulator/FILE, FILE
	mkdir -p "$dir/$1" && cp -r emulator "$dir/$1/" && sed -i "$2" "$dir/$1/emulator/$3" &&
		! cmp -s "$dir/$1/emulator/$3" "emulator/$3" && object "$1" "$dir/$1" fuzz/engines/emulator/engine_emulator_inlined.c
}
absent() { # name, reason
	printf '#include "fuzz/engines/emulator/engine_emulator_inlined.c"\n' >"$dir/$1.c"
	sed "s/\.create = emulator_create/.create = absent_create/; s|^__attribute__((visibility.*|static struct engine_vcpu *absent_create(const char **why)\n{\n\t(void)emulator_create;\n\t*why = \"$2\";\n\treturn NULL;\n}\n&|" \
		fuzz/engines/emulator/engine_emulator.c >"$dir/engine_emulator.c"
	sed "s|\"fuzz/engines/emulator/engine_emulator.c\"|\"$dir/engine_emulator.c\"|" fuzz/engines/emulator/engine_emulator_inlined.c >"$dir/$1.c"
	object "$1" . "$dir/$1.c"
}
if ! command -v "${CC:-gcc}" >/dev/null; then
	skip "several engines" "no compiler"
	echo "1..$n"
	exit $((failed > 0))
fi
engine wrong 's/#define INTEL_RDPMC_TYPE_MASK .*/#define INTEL_RDPMC_TYPE_MASK 0xefffffffu/' pmu_intel.c
check "an engine that is wrong" test -s "$dir/wrong.so"
object right . fuzz/engines/emulator/engine_emulator_inlined.c
check "an engine that is right" test -s "$dir/right.so"
# Its RDPMC does not come back.
engine dies 's/^int kvm_emulate_rdpmc.*/&/; s/^{$/{ __builtin_trap();/' x86.c
check "an engine that kills the program" test -s "$dir/dies.so"
absent absent 'there is none here'
check "an engine that cannot run" test -s "$dir/absent.so"

# All that is known of the wrong one without the table.
run --engine "$dir/wrong.so" $seeds
wrong=$(sed -n 's/^finding [0-9]*: .*; \([0-9]*\) cases*, first: .*/\1/p' "$dir/out" | awk '{ n += $1 } END { print n + 0 }')
kinds=$(lines '^finding ')
check "the wrong one alone: findings ($wrong cases)" test $status -eq 1 -a "$wrong" -gt 0

mkdir "$dir/saved"
run --engine emulator --engine "$dir/wrong.so" --engine "$dir/right.so" --save "$dir/saved" $seeds
check "a wrong engine among three: exit 1" test $status -eq 1
check "... and the verdict comes first" test \
	"$(sed -n 1p "$dir/out")" = "FOUND: $kinds kinds of differences from the processor in 1 of 3 engines: $wrong of $((3 * files)) cases"
check "... its findings by its name, and no others" test "$(lines '^finding [0-9]* of engine wrong: ')" -eq "$kinds" -a "$(lines '^finding')" -eq "$kinds"
check "... kept, each in its file" test "$(ls "$dir/saved" | wc -l)" -eq "$kinds" -a "$(lines '^saved ')" -eq "$kinds"
# Cases, those that differ, reads: agree differ known refused unavailable unreached skipped. They add up.
check "... its row: $(row wrong)" test "$(row wrong | cut -d ' ' -f 1,2)" = "$files $wrong" -a \
	"$(row wrong | cut -d ' ' -f 4)" -ge "$wrong"
check "... the emulator's: $(row emulator)" test "$(row emulator | cut -d ' ' -f 1,2,4-7,9)" = "$files 0 0 0 0 0 0"
sum() { row "$1" | awk '{ print $3 + $4 + $5 + $6 + $7 + $8 + $9 }'; }
check "... of as many reads: $(sum emulator)" test "$(sum wrong)" -eq "$(sum emulator)" -a "$(sum emulator)" -ge "$files" -a \
	"$(row right)" = "$(row emulator)"
check "... nothing else is said" silent
check "... within 100 columns" test "$(sed -n '/unreached/,/^$/p' "$dir/out" | awk 'length > 100' | wc -l)" -eq 0

# Two that are wrong: what they find does not share a file.
cp "$dir/wrong.so" "$dir/wrong-2.so"
rm "$dir"/saved/*
run --engine "$dir/wrong.so" --engine "$dir/wrong-2.so" --save "$dir/saved" $seeds
check "two of the same name: by their paths" test "$(lines "^finding [0-9]* of engine $dir/wrong.so: ")" -eq "$kinds" -a \
	"$(lines "^finding [0-9]* of engine $dir/wrong-2.so: ")" -eq "$kinds"
check "... each finding in a file of its own" test "$(ls "$dir/saved" | wc -l)" -eq $((2 * kinds))
run --quiet --engine emulator --engine "$dir/wrong.so" $seeds
check "--quiet: findings, no table" test $status -eq 1 -a "$(lines '^finding ')" -eq "$kinds" -a "$(lines ' unreached ')" -eq 0

# What comes after does not take away what was found: another engine that kills the program, or a case long in coming.
run --engine "$dir/wrong.so" --engine "$dir/dies.so" "$(find "$dir/saved" -type f | head -n 1)"
check "another that kills the program: what was found is printed" test $status -ge 128 -a "$(lines '^finding 1 of engine ')" -eq 1
# Threads that crash at the same time: one of them is named, whatever the other is about to do.
crashes=0
for _ in 1 2 3 4 5 6 7 8 9 10; do
	run --engine "$dir/dies.so" --random 1K --jobs 2
	[ "$(grep -c '^rdpmc-diff: SIGILL in random case ' "$dir/err")" -eq 1 ] && crashes=$((crashes + 1))
done
check "two threads that crash at the same time: one case is named" test $crashes -eq 10
first=$(find $seeds -type f | sort | head -n 1)
{ sleep 2.5; cat "$first"; } | "$diff" run --timeout 1 "$first" - >"$dir/out" 2>"$dir/err"
check "a case that is long in coming is no hang of the one before" test $? -eq 0 -a "$(lines ': 2 cases, ')" -eq 1

# One that cannot run here.
untried="limits   $((2 * guests)) cases with the guest PMU reduced to what the engine supports"
run --engine "$dir/absent.so" --engine emulator --engine "$dir/right.so" $seeds
check "one cannot run here: a row says why" test $status -eq 0 -a "$(row absent)" = "cannot run here: there is none here"
check "... the others do" test "$(row right | cut -d ' ' -f 1,2)" = "$files 0" -a "$(tail -n 1 "$dir/out")" = "$untried" -a \
	"$(sed -n 1p "$dir/out" | grep -c "^No finding by 2 of 3 engines in what was tried: $((2 * files)) cases, ")" -eq 1
check "... nothing else is said" silent
run --quiet --engine "$dir/absent.so" --engine emulator $seeds
check "... with --quiet on standard error" test $status -eq 0 -a ! -s "$dir/out" -a "$(grep -c 'absent: there is none here' "$dir/err")" -eq 1
cp "$dir/absent.so" "$dir/absent-2.so"
run --engine "$dir/absent.so" --engine "$dir/absent-2.so" $seeds
check "none can run here: exit 77, and why" test $status -eq 77 -a ! -s "$dir/out" -a "$(grep -c 'there is none here' "$dir/err")" -eq 2
export RDPMC_KVM="$dir/none"
run --engine emulator --engine kvm $seeds
check "kvm without its device: $(row kvm)" test $status -eq 0 -a "$(lines '^2 kvm .*cannot run here: ')" -eq 1 -a \
	"$(awk 'length > 100' "$dir/out" | wc -l)" -eq 0
unset RDPMC_KVM
mkdir "$dir/empty"
run --engine emulator --engine "$dir/right.so" "$dir/empty"
check "no case to run: exit 77" test $status -eq 77
many=
for i in 1 2 3 4 5 6 7 8 9; do
	cp "$dir/right.so" "$dir/right-$i.so"
	many="$many --engine $dir/right-$i.so"
done
# shellcheck disable=SC2086 # words
run $many $seeds
check "wrong use: nine engines" test $status -eq 2 -a ! -s "$dir/out" -a "$(wc -l <"$dir/err")" -eq 1 -a \
	"$(grep -c 'there can be 8 engines' "$dir/err")" -eq 1
# shellcheck disable=SC2086 # words
run ${many% --engine *} $seeds
check "eight engines" test $status -eq 0 -a "$(lines "^8 .*  $files  *0  ")" -eq 1

# At random: the same cases as one engine has.
run --random 20K --seed 5 --engine "$dir/wrong.so"
wrong=$(sed -n 's/^finding [0-9]*: .*; \([0-9]*\) cases*, first: .*/\1/p' "$dir/out" | awk '{ n += $1 } END { print n + 0 }')
run --random 20K --seed 5 --engine emulator --engine "$dir/wrong.so"
check "at random: $wrong of 20000 differ" test "$(row wrong | cut -d' ' -f 1,2)" = "20000 $wrong" -a \
	"$(row emulator | cut -d' ' -f 1,2)" = "20000 0"

# A case that any guest can have: no PMU, on a host without.
: >"$dir/nothing"
if [ -r /dev/kvm ] && [ -w /dev/kvm ] && "$diff" run --engine kvm "$dir/nothing" >/dev/null 2>&1; then
	run --engine emulator --engine kvm $seeds
	check "kvm: every read is told of: $(row kvm)" test $status -eq 0 -a "$(row kvm | cut -d' ' -f 1,2)" = "$files 0" -a \
		"$(row kvm | awk '{ print $3 + $4 + $5 + $6 + $7 + $8 + $9 }')" -gt "$files"
else
	skip "kvm: every read is told of" "/dev/kvm is not to be had"
fi

# Standard input cannot be read twice.
"$diff" run --engine emulator --engine "$dir/right.so" - <"$dir/nothing" >"$dir/out" 2>"$dir/err"
check "standard input is for one engine" test $? -eq 2 -a "$(grep -c 'is for one --engine' "$dir/err")" -eq 1

# Ctrl-C, though a script's background job starts with it ignored; SIGTERM.
for signal in INT TERM; do
	"$diff" run --random 100G --engine emulator --engine "$dir/right.so" >"$dir/out" 2>"$dir/err" &
	pid=$!
	sleep 0.3
	start=$(date +%s%N)
	expected=143
	[ $signal = INT ] && expected=130
	kill -$signal $pid
	wait $pid
	status=$?
	ms=$((($(date +%s%N) - start) / 1000000))
	check "SIG$signal: 128 + signal, within a second ($ms ms)" test $status -eq $expected -a $ms -lt 1000
	check "... with the table of what was done" test "$(row emulator | cut -d ' ' -f 1)" -gt 1000 -a "$(lines 'No finding')" -eq 0 -a \
		"$(sed -n 1p "$dir/out" | grep -c '^PARTIAL: interrupted after [0-9]* cases, ')" -eq 1
done

echo "1..$n"
exit $((failed > 0))
