#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
# Proves that rdpmc-diff survey answers wrong use with one clear line, writes what the schema accepts
# and cases that `run` repeats, tells a known engine from a wrong one by its exit status, and ends on
# Ctrl-C with what it has and without leaving a process.
set -u
diff=${BUILD:-build}/rdpmc-diff
python=${SETUP_PYTHON:-/usr/bin/python3}
export PYTHONDONTWRITEBYTECODE=1
schema=results/rdpmc-results-2.schema.json
. tests/checks.sh

run() { # arguments of rdpmc-diff survey; sets $status
	"$diff" survey "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
valid() { # name, file
	if ! "$python" -c 'import jsonschema' 2>/dev/null; then
		skip "$1" "$python has no jsonschema"
	elif "$python" tests/check_schema.py $schema "$2" >"$dir/out" 2>&1; then
		ok "$1"
	else
		not_ok "$1"
	fi
}


wrong_use "'extra' is not expected" extra
wrong_use "there is no 'pentium'" --configuration pentium
wrong_use "there is no such engine" --engine qemu
wrong_use "there is no such engine" --against qemu
wrong_use "name another" --against emulator
wrong_use "'0' is not a whole number from 1 to 256" --jobs 0
wrong_use "No such file or directory" --json "$dir/none/x.json"
wrong_use "No such file or directory" --markdown "$dir/none/x.md"
wrong_use "Not a directory" --save /dev/null/none
wrong_use "cannot both go to standard output" --json - --markdown -
run --list
check "--list" ends 0 'sapphire-rapids-no-metrics'
run --help
check "--help fits a screen" test $status -eq 0 -a "$(wc -l <"$dir/out")" -le 24

run --configuration skylake --configuration amd-v2 --json "$dir/good.json" --markdown "$dir/good.md"
check "the emulator is right" ends 0 "Every read in 2 of $("$diff" survey --list | wc -l) configurations has the processor's outcome"
check "what was surveyed is told" says '2 configurations, 26 CPU states'
valid "the schema accepts it" "$dir/good.json"
check "Markdown" grep -q '^\*\*Every read in 2 of [0-9]* configurations has the processor.s outcome\*\*$' "$dir/good.md"
run --configuration skylake --json -
cp "$dir/out" "$dir/stdout.json"
valid "JSON on standard output, and nothing else" "$dir/stdout.json"

# Engines that are wrong.
engine() { # name, sed command on emulator/FILE, FILE
	mkdir -p "$dir/$1" && cp -r emulator "$dir/$1/" && sed -i "$2" "$dir/$1/emulator/$3" &&
		! cmp -s "$dir/$1/emulator/$3" "emulator/$3" &&
		${CC:-gcc} -O2 -std=gnu11 -D_GNU_SOURCE -I"$dir/$1" -I. -shared -fPIC -DENGINE_NAME="\"$1\"" \
			-Dengine_emulator=rdpmc_engine fuzz/engines/emulator/engine_emulator_inlined.c -o "$dir/$1.so" 2>"$dir/err"
}
if command -v "${CC:-gcc}" >/dev/null; then
	engine bit-20 's/#define INTEL_RDPMC_TYPE_MASK .*/#define INTEL_RDPMC_TYPE_MASK 0xffef0000u/' pmu_intel.c
	mkdir "$dir/saved"
	run --engine "$dir/bit-20.so" --configuration skylake --json "$dir/bad.json" --save "$dir/saved"
	# 4 general-purpose and 3 fixed counters, in the 15 states that allow it.
	check "a wrong engine" ends 1 'cases     105'
	check "its lowest ECX" says 'ECX = 0x00100000'
	valid "the schema accepts it, too" "$dir/bad.json"
	"$diff" run --engine "$dir/bit-20.so" "$dir/saved" >"$dir/out" 2>"$dir/err"
	check "each case that was kept repeats" test $? -eq 1 -a "$(grep -c '^finding' "$dir/out")" -ge 1
	run --against "$dir/bit-20.so" --configuration skylake --json "$dir/worse.json" --markdown "$dir/worse.md"
	check "it became wrong" ends 1 'Became wrong'
	valid "the schema accepts what changed" "$dir/worse.json"
	check "what changed as Markdown" grep -q '^\*\*1\. .*: #GP -> value (rule TYPE-OTHER)\*\*$' "$dir/worse.md"
	run --engine "$dir/bit-20.so" --against emulator --configuration skylake
	check "it became right" ends 0 'Became right'
	# One that refuses every read has shown nothing.
	cat >"$dir/refuses.c" <<-'END'
		#include "fuzz/engines/emulator/engine_emulator_inlined.c"
		struct engine rdpmc_engine;
		static void refuse(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
				   struct engine_answer *answer)
		{
			emulator_read(vcpu, entry, state, answer);
			answer->refused = "KVM_RUN: EINVAL";
		}
		__attribute__((constructor)) static void make(void)
		{
			rdpmc_engine = engine_emulator;
			rdpmc_engine.name = "refuses";
			rdpmc_engine.read = refuse;
		}
	END
	${CC:-gcc} -O2 -std=gnu11 -D_GNU_SOURCE -I. -shared -fPIC "$dir/refuses.c" -o "$dir/refuses.so" 2>"$dir/err"
	cp "$dir/refuses.so" "$dir/refuses-too.so"
	for second in "" "--engine $dir/refuses-too.so"; do
		# shellcheck disable=SC2086
		"$diff" run --engine "$dir/refuses.so" $second corpus/seeds >"$dir/out" 2>"$dir/err"
		status=$?
		check "run finds nothing, and does not say so $second" ends 77 'Nothing was tried'
		check "... and says why" says 'KVM_RUN: EINVAL'
	done
	"$diff" explain --engine "$dir/refuses.so" "$(find corpus/seeds -type f | sort | head -n 1)" >"$dir/out" 2>"$dir/err"
	status=$?
	check "explain of an engine that refuses a case" ends 77 'refuses answers no read of this case: KVM_RUN: EINVAL'
	run --engine "$dir/refuses.so" --configuration skylake --json "$dir/refused.json"
	check "an engine that refuses everything" ends 77 'Nothing was tried'
	check "... and why" says 'KVM_RUN: EINVAL'
	valid "the schema accepts that nothing was tried" "$dir/refused.json"
	run --against "$dir/refuses.so" --configuration skylake
	check "... and as the other one" ends 77 'Nothing was tried'
else
	skip "wrong engines" "no compiler"
fi

# Ctrl-C, which a shell without job control would have ignored in the background.
timeout --foreground --preserve-status -s INT 0.4 "$diff" survey --jobs 1 --json "$dir/partial.json" >"$dir/out" 2>"$dir/err" </dev/null
check "interrupted: status 130" test $? -eq 130
check "interrupted: what was done is told" says 'PARTIAL'
check "interrupted: the result is partial" grep -q '"partial": true' "$dir/partial.json"
valid "interrupted: the schema accepts it" "$dir/partial.json"

echo "1..$n"
[ $failed -eq 0 ]
