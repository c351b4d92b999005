#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Proves that rdpmc-diff sweep answers wrong use with one clear line, writes results that the schema
# accepts, takes a sweep up where kill -9 left it, ends on Ctrl-C with what it has, and that its
# loop over ECX sees what an engine does wrong.
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
wrong_use "'0' is not a whole number from 1 to 256" --jobs 0
wrong_use "is not a whole number from 0 to 4294967295" --last 0x100000000
wrong_use "--first is above --last" --first 2 --last 1
wrong_use "--resume is for the full sweep" --pairs --resume "$dir/resume"
wrong_use "No such file or directory" --full --last 1 --resume "$dir/none/resume"
wrong_use "No such file or directory" --full --last 1 --json "$dir/none/x.json"
wrong_use "is a directory" --full --last 1 --json "$dir"

run --list
check "--list" ends 0 'sapphire-rapids-no-metrics'
run --help
check "--help fits a screen" test "$(wc -l <"$dir/out")" -le 40

# Part of each, and the document of all.
run --full --first 0x1ffff000 --last 0x20000fff --json "$dir/full.json"
check "a part in full" ends 0 '229376            0'
run --representatives --configuration metrics-clear --json "$dir/representatives.json"
check "representatives of one configuration" ends 0 'no mismatch'
run --representatives --configuration p6
check "a guest that the engine cannot give" ends 0 'the engine cannot give this guest'
run --pairs --json -
check "pairs" test $status -eq 0
cp "$dir/out" "$dir/pairs.json"
for part in full representatives pairs; do
	if "$python" tests/check_schema.py $schema "$dir/$part.json" >"$dir/out" 2>&1; then
		ok "the schema accepts $part"
	else
		not_ok "the schema accepts $part"
	fi
done

# Killed, then taken up: what was done is not done again.
resume() { # file, arguments...
	file=$1
	shift
	run --full --configuration no-pmu --last 0x3ffffff --jobs 1 --resume "$file" "$@"
}
chunks() { grep -c '^chunk [0-9]*$' "$1"; }
"$diff" sweep --full --configuration no-pmu --last 0x3ffffff --jobs 1 --resume "$dir/resume" >/dev/null 2>&1 &
pid=$!
i=0
until grep -q '^chunk 1$' "$dir/resume" 2>/dev/null || [ $i -ge 500 ]; do
	sleep 0.02
	i=$((i + 1))
done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
done=$(chunks "$dir/resume")
printf 'chunk 1' >>"$dir/resume"
check "killed after some chunks ($done of 16)" test "$done" -ge 1 -a "$done" -lt 16
resume "$dir/resume"
check "taken up" ends 0 "of these cases $((done * 4194304 * 28)) were done before"
check "all chunks are noted, once each" test "$(chunks "$dir/resume")" -eq 16 -a "$(sort "$dir/resume" | uniq -d | wc -l)" -eq 0
resume "$dir/resume"
check "nothing is left to do" ends 0 "of these cases $((16 * 4194304 * 28)) were done before"
refused() { # text, arguments of resume...
	text=$1
	shift
	resume "$@"
	check "refused: $text" test $status -eq 2 -a "$(wc -l <"$dir/err")" -eq 1 -a "$(grep -c "$text" "$dir/err")" -eq 1
}
refused 'another configuration' "$dir/resume" --configuration skylake
refused 'another --choice' "$dir/resume" --choice metrics-any-index
refused 'another --choice' "$dir/resume" --choice vmware-needs-pmu
refused 'other --first and --last' "$dir/resume" --first 1
sed '1s/version=/version=0/' "$dir/resume" >"$dir/older"
refused 'another version of this program' "$dir/older"
echo hello >"$dir/hello"
refused 'is not the file of a sweep' "$dir/hello"
check "a file that was refused is as it was" test "$(cat "$dir/hello")" = hello

# Ctrl-C, which a shell without job control would have ignored in the background. Gone within a second.
timeout --foreground -s INT 0.5 "$diff" sweep --full --json "$dir/partial.json" >"$dir/out" 2>"$dir/err" </dev/null &
pid=$!
begun=$(date +%s%N)
wait $pid
check "interrupted: gone at once" test $(($(date +%s%N) - begun)) -lt 1500000000
check "interrupted: what was done is told" says 'interrupted: this is part of it'
check "interrupted: the result is partial" grep -q '"partial": true' "$dir/partial.json"
check "interrupted: the schema accepts it" "$python" tests/check_schema.py $schema "$dir/partial.json"
timeout --foreground --preserve-status -s INT 0.3 "$diff" sweep --full >"$dir/out" 2>"$dir/err" </dev/null
check "interrupted: status 130" test $? -eq 130

# Engines that are wrong, and nowhere but in emulator/: the loop over ECX runs compiled code of theirs.
engine() { # name, sed command on emulator/FILE, FILE
	mkdir -p "$dir/$1" && cp -r emulator "$dir/$1/" && sed -i "$2" "$dir/$1/emulator/$3" &&
		! cmp -s "$dir/$1/emulator/$3" "emulator/$3" &&
		${CC:-gcc} -O2 -std=gnu11 -D_GNU_SOURCE -I"$dir/$1" -I. -shared -fPIC -DENGINE_NAME="\"$1\"" \
			-Dengine_emulator=rdpmc_engine fuzz/engine_emulator_inlined.c -o "$dir/$1.so" 2>"$dir/err"
}
found() { # name, number of mismatches, oracle; arguments...
	name=$1 count=$2 oracle=$3
	shift 3
	run --full --engine "$dir/$name.so" "$@"
	check "found: $name" test $status -eq 1 -a "$(grep -c "^full .* $count  " "$dir/out")" -eq 1 -a "$(grep -c "by oracle $oracle" "$dir/out")" -ge 1
}
if command -v "${CC:-gcc}" >/dev/null; then
	engine clobbers 's/^void kvm_inject_gp(.*/&/; /^void kvm_inject_gp/,/^}/s/^{/{ if ((uint32_t)vcpu->regs.rcx == 0x20000007) vcpu->regs.rax = 0;/' x86.c
	found clobbers 28 nothing-else --first 0x20000000 --last 0x20000fff
	engine bit-20 's/#define INTEL_RDPMC_TYPE_MASK .*/#define INTEL_RDPMC_TYPE_MASK 0xffefffffu/' pmu_intel.c
	run --full --engine "$dir/bit-20.so" --first 0x100000 --last 0x100fff
	check "found: a bit of the type ignored" test $status -eq 1
	engine no-clear 's/pmu->perf_metrics = 0;//' pmu_intel.c
	found no-clear 18 nothing-else --configuration metrics-clear --first 0x20000000 --last 0x20000fff
	refused 'another build' "$dir/resume" --engine "$dir/no-clear.so"
else
	skip "wrong engines" "no compiler"
fi

echo "1..$n"
[ $failed -eq 0 ]
