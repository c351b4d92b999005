#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
# Proves that the fuzz targets build, run, and find: every mutant of the catalogue by made cases, some
# by libFuzzer and AFL++; that the corpus covers model/ and emulator/; that any file is an input.
set -u

cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
count=0 failures=0

# check TITLE COMMAND...
check()
{
	title=$1
	shift
	count=$((count + 1))
	if "$@" >"$dir/out" 2>&1; then
		echo "ok $count - $title"
	else
		failures=$((failures + 1))
		echo "not ok $count - $title"
		tail -n 30 "$dir/out" | sed 's/^/# /'
	fi
}

skip()
{
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

make_quietly()
{
	make -s -j"$(nproc)" SETUP=no BUILD="$build" "$@"
}

faults_of()
{
	for name; do
		for flavour in plain libfuzzer afl; do
			echo "$build/mutants/$name/$flavour.so"
		done
	done
}

# Defects of every oracle, the seed's among them.
some='v5-metrics-flag proposal-metrics-index v61-fast-bit clear-metrics-only pass-metrics'

patches_apply_exactly()
{
	for patch in fuzz/mutants/patches/*.patch; do
		rm -rf "$dir/tree" && mkdir "$dir/tree" && cp -r emulator "$dir/tree/" || return
		patch --fuzz=0 -p1 -d "$dir/tree" <"$patch" >"$dir/patch" || { echo "$patch"; return 1; }
		! grep -n offset "$dir/patch" || { echo "$patch: its line numbers are stale"; return 1; }
	done
}

# ASan, UBSan and the leak check are on; from the corpus, then from nothing.
libfuzzer_runs()
{
	mkdir -p "$dir/corpus"
	"$build/fuzz-rdpmc" -runs=20000 -max_len=172 -artifact_prefix="$dir/" "$dir/corpus" \
		corpus/seeds &&
		"$build/fuzz-rdpmc" -runs=20000 -max_len=4096 -artifact_prefix="$dir/"
}

any_file_is_an_input()
{
	mkdir -p "$dir/files"
	: >"$dir/files/empty"
	printf x >"$dir/files/byte"
	head -c 1048576 /dev/urandom >"$dir/files/random"
	head -c 1048576 /dev/zero >"$dir/files/zero"
	cp README.md "$dir/files/text"
	"$build/fuzz-rdpmc" -timeout=60 -artifact_prefix="$dir/" "$dir"/files/* &&
		"$build/fuzz-rdpmc-replay" "$dir/files" && grep -q '' "$dir/out"
}

afl_is_stable()
{
	mkdir -p "$dir/in" && printf 0 >"$dir/in/0"
	AFL_CUSTOM_MUTATOR_LIBRARY=$build/afl-mutator.so AFL_CUSTOM_MUTATOR_ONLY=1 AFL_SKIP_CPUFREQ=1 \
		AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 timeout 60 \
		afl-fuzz -i "$dir/in" -o "$dir/afl" -V 4 -- "$build/fuzz-rdpmc-afl" &&
		grep -q '^stability *: 100.00%' "$dir/afl/default/fuzzer_stats" &&
		grep -q '^saved_crashes *: 0' "$dir/afl/default/fuzzer_stats"
}

service_build()
{
	OUT=$dir/service LIB_FUZZING_ENGINE=-fsanitize=fuzzer CC=clang CXX=clang++ \
		CFLAGS='-O1 -fsanitize=address' CXXFLAGS=-fsanitize=address make_quietly fuzz-target &&
		"$dir/service/fuzz-rdpmc" -runs=1000 -dict="$dir/service/fuzz-rdpmc.dict" &&
		[ -s "$dir/service/fuzz-rdpmc_seed_corpus.zip" ] &&
		grep -q '^max_len = ' "$dir/service/fuzz-rdpmc.options"
}

# Through /dev/kvm: no finding from the corpus on, new features, no journal left; a KVM that misbehaves stops it.
live_runs()
{
	mkdir -p "$dir/live" "$dir/live-corpus"
	RDPMC_ENGINE=kvm RDPMC_JOURNAL=$dir/live "$build/fuzz-rdpmc-live" -runs=2000 -max_len=172 \
		-artifact_prefix="$dir/" "$dir/live-corpus" corpus/seeds &&
		[ -z "$(ls "$dir/live")" ] && [ -n "$(ls "$dir/live-corpus")" ]
}

live_finds()
{
	clang -shared -fPIC -o "$dir/shim.so" tests/kvm_shim.c -ldl || return 1
	# Again and again: a NOP of the engine's own may be what is changed.
	SHIM=r12 SHIM_EVERY=101 ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$dir/shim.so RDPMC_ENGINE=kvm RDPMC_JOURNAL=none \
		"$build/fuzz-rdpmc-live" -runs=20000 -max_len=172 -artifact_prefix="$dir/live-" "$dir/live-corpus" corpus/seeds \
		>"$dir/found" 2>&1 && return 1
	grep -q 'differs  r12: ' "$dir/found" && ls "$dir"/live-crash-* >/dev/null
}

check 'every patch of the catalogue applies to the line' patches_apply_exactly
check 'the catalogue builds' make_quietly mutants-plain
check 'made cases find every mutant' "$build/rdpmc-diff" mutants --build "$build" --driver made
check 'a name that is no mutant: exit 2' sh -c "'$build/rdpmc-diff' mutants nonsense; [ \$? = 2 ]"
check 'the libFuzzer target builds' make_quietly "$build/fuzz-rdpmc"
check 'libFuzzer runs, sanitizers on, no leak' libfuzzer_runs
check 'any file up to a mebibyte is an input' any_file_is_an_input
check 'the target is built as services build it' service_build
check 'the live target builds' make_quietly "$build/fuzz-rdpmc-live"
if "$build/rdpmc-diff" run --engine kvm --random 1 >/dev/null 2>"$dir/why"; then
	check 'libFuzzer runs the live engine, sanitizers on, no leak' live_runs
	check 'a KVM that changes a register is found, and the case saved' live_finds
else
	skip 'libFuzzer and the live engine' "$(cat "$dir/why")"
fi
# shellcheck disable=SC2046,SC2086 # lists
if command -v afl-fuzz >/dev/null; then
	check 'the AFL++ target and some mutants build' make_quietly "$build/fuzz-rdpmc-afl" \
		"$build/fuzz-rdpmc-plain" "$build/afl-mutator.so" $(faults_of $some)
	check 'AFL++ is stable and finds nothing' afl_is_stable
	check 'libFuzzer and AFL++ find some mutants' "$build/rdpmc-diff" mutants --build "$build" \
		--driver libfuzzer --driver afl $some
else
	skip 'AFL++' 'afl-fuzz is not installed'
fi
check 'the corpus covers every line and branch of model/ and emulator/' make_quietly coverage

echo "1..$count"
[ $failures -eq 0 ]
