#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Proves that rdpmc-diff sweep answers wrong use with one clear line, writes results that the schema
# accepts, ends on Ctrl-C with what it has, and sees what an engine does wrong.
set -u
diff=${BUILD:-build}/rdpmc-diff
python=${SETUP_PYTHON:-/usr/bin/python3}
export PYTHONDONTWRITEBYTECODE=1
schema=results/rdpmc-results-2.schema.json
. tests/checks.sh

run() { # arguments of rdpmc-diff sweep; sets $status
	"$diff" sweep "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

wrong_use "'extra' is not expected" extra
wrong_use "unrecognized option '--bogus'" --bogus
wrong_use "there is no 'pentium'" --configuration pentium
wrong_use "there is no such engine" --engine qemu
wrong_use "requires an argument" --full
wrong_use "is no TYPE" --full 12345H
wrong_use "is no TYPE" --full kernel
wrong_use "No such file or directory" --json "$dir/none/x.json"
wrong_use "is a directory" --json "$dir"

run --list
check "--list" ends 0 'sapphire-rapids-no-metrics'
run --help
check "--help fits a screen" test "$(wc -l <"$dir/out")" -le 40

valid() { # name, file
	check "the schema accepts $1" "$python" tests/check_schema.py $schema "$2"
}
run --configuration sapphire-rapids --json "$dir/one.json"
check "one configuration: all agree" ends 0 ' agree, 0 differ, 0 the host refuses'
check "... in 62 states" test "$(grep -c '^\(real\|protected\|virtual-8086\|compatibility\|64-bit\) .*CPL [0-3]' "$dir/out")" -eq 62
valid "it" "$dir/one.json"
run --full 2000H --configuration metrics-clear --engine emulator --json -
cp "$dir/out" "$dir/full.json"
check "all of a type" test $status -eq 0 -a "$(grep -c '"cases": 8126464,' "$dir/full.json")" -eq 1 -a \
	"$(grep -c '"full": "2000H"' "$dir/full.json")" -eq 1
valid "that, on standard output" "$dir/full.json"
run --configuration p6
check "a guest that the engine cannot give" ends 0 'the engine cannot give this guest'

# Ctrl-C, which a shell without job control would have ignored in the background. Gone within a second.
timeout --foreground -s INT 0.5 "$diff" sweep --json "$dir/partial.json" >"$dir/out" 2>"$dir/err" </dev/null &
pid=$!
begun=$(date +%s%N)
wait $pid
check "interrupted: gone at once" test $(($(date +%s%N) - begun)) -lt 1500000000
check "interrupted: what was done is told" says 'interrupted: this is part of it'
check "interrupted: the result is partial" grep -q '"partial": true' "$dir/partial.json"
valid "what was done" "$dir/partial.json"
timeout --foreground --preserve-status -s INT 0.3 "$diff" sweep >"$dir/out" 2>"$dir/err" </dev/null
check "interrupted: status 130" test $? -eq 130

# Engines that are wrong, and nowhere but in emulator/.
engine() { # name, sed command on emulator/FILE, FILE
	mkdir -p "$dir/$1" && cp -r emulator "$dir/$1/" && sed -i "$2" "$dir/$1/emulator/$3" &&
		! cmp -s "$dir/$1/emulator/$3" "emulator/$3" &&
		${CC:-gcc} -O2 -std=gnu11 -D_GNU_SOURCE -I"$dir/$1" -I. -shared -fPIC -DENGINE_NAME="\"$1\"" \
			-Dengine_emulator=rdpmc_engine fuzz/engine_emulator_inlined.c -o "$dir/$1.so" 2>"$dir/err"
}
found() { # name, configuration, number of mismatches, oracle
	run --engine "$dir/$1.so" --configuration "$2"
	check "found: $1" test $status -eq 1 -a "$(grep -c "^$2 .* $3  " "$dir/out")" -eq 1 -a "$(grep -c "by oracle $4" "$dir/out")" -ge 1
}
if command -v "${CC:-gcc}" >/dev/null; then
	engine clobbers 's/^void kvm_inject_gp(.*/&/; /^void kvm_inject_gp/,/^}/s/^{/{ if ((uint32_t)vcpu->regs.rcx == 0x20000007) vcpu->regs.rax = 0;/' x86.c
	found clobbers sapphire-rapids 62 nothing-else
	engine bit-20 's/#define INTEL_RDPMC_TYPE_MASK .*/#define INTEL_RDPMC_TYPE_MASK 0xffef0000u/' pmu_intel.c
	# 8 general-purpose counters in the 39 states that allow it.
	found bit-20 sapphire-rapids 312 outcome
	engine no-clear 's/pmu->perf_metrics = 0;//' pmu_intel.c
	found no-clear metrics-clear 39 nothing-else
else
	skip "wrong engines" "no compiler"
fi

echo "1..$n"
[ $failed -eq 0 ]
