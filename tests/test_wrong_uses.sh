#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
# Proves that plausible wrong uses of every program and make target end with the status that is documented and with one
# line on standard error, which begins with the program's name, says what is wrong and what to do; and leave nothing.
set -u
. tests/checks.sh
build=${BUILD:-build}
bench=$build/rdpmc-bench diff=$build/rdpmc-diff replay=$build/fuzz-rdpmc-replay

mkdir "$dir/empty" "$dir/two" "$dir/tmp"
: >"$dir/nothing"
echo hello >"$dir/text"
echo '{"a": 1}' >"$dir/other.json"
for case in corpus/seeds/*; do break; done
cp "$case" "$dir/case"
cp "$case" "$dir/two/a"
cp "$case" "$dir/two/b"
good=$dir/good.json
cp results/recorded/2026-11-22-pvm-no-pmu.json "$good"
none=$dir/none
locked=/sys/locked	# where nobody can make a file, not even root
export TMPDIR="$dir/tmp" RDPMC_JOURNAL=none
# As typed, not called by the make that runs this: that would be make[1].
unset MAKELEVEL MAKEFLAGS MFLAGS

# Make says of itself that it ended; $(error) says file and line.
wrong() # STATUS, what the line has, COMMAND...
{
	expected=$1 text=$2
	shift 2
	timeout 60 "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	name=$(basename "$1")
	case $name in
	make)	sed -i -e '/^make: \*\*\* \[.*\] Error [0-9]*$/d' -e 's/^Makefile:[0-9]*: \*\*\*/make: ***/' "$dir/err"
		# Of another test's making it may find something to build.
		sed -i '/^  [A-Z][A-Z]*  *[^ ]*$/d' "$dir/out"
		name='[a-z-]*' ;;
	env)	name='[a-z-]*' ;;
	esac
	lines=$(wc -l <"$dir/err")
	if [ $status -eq "$expected" ] && [ ! -s "$dir/out" ] && [ "$lines" -eq 1 ] && grep -qF -e "$text" "$dir/err" &&
		grep -q "^$name: " "$dir/err"; then
		ok "$*"
	else
		echo "# exit status $status, expected $expected and: $text"
		not_ok "$*"
	fi
}

# What there is of options, commands and numbers.
wrong 2 '`rdpmc-bench --help` lists them' "$bench" frobnicate
wrong 2 '`rdpmc-bench --help` lists them' "$bench" --frobnicate
wrong 2 "unrecognized option '--bogus' (see rdpmc-bench run --help)" "$bench" run --bogus
wrong 2 "invalid option -- 'z' (see rdpmc-bench run --help)" "$bench" run -z
wrong 2 "'--time' requires an argument (see rdpmc-bench run --help)" "$bench" run --time
wrong 2 "doesn't allow an argument (see rdpmc-bench run --help)" "$bench" run --quick=3
wrong 2 "is ambiguous" "$bench" run --f
wrong 2 "'10s' is not a number from 1 to 86400" "$bench" run --time 10s
wrong 2 "'-3' is not a number from 1 to 86400" "$bench" run --time=-3
wrong 2 "'1K' is not a whole number from 1 to 1000" "$bench" run --runs 1K
wrong 2 "is not a whole number from 0 to 65535" "$bench" run --cpu x
wrong 2 "is not a whole number below 2^64" "$bench" run --seed -1
wrong 2 "'1000' is not a whole number from 1 to 128" "$bench" run --vcpus 1000
wrong 2 "the pattern is empty" "$bench" run --filter ''
wrong 2 "there is only 'user'" "$bench" run --vpmu=kvm
wrong 2 "see rdpmc-bench run --help" "$bench" run extra
wrong 2 "--pmu-cost: --vpmu=user" "$bench" run --vpmu=user --pmu-cost
wrong 2 "choose one of them" "$bench" run --quick --full
wrong 2 "see rdpmc-bench doctor --help" "$bench" doctor --quick
wrong 2 "see rdpmc-bench nested --help" "$bench" nested --filter x
wrong 2 '`rdpmc-diff --help` lists them' "$diff" frobnicate
wrong 2 "unrecognized option '--bogus' (see rdpmc-diff run --help)" "$diff" run --bogus
wrong 2 "invalid option -- 'z' (see rdpmc-diff run --help)" "$diff" run -z
wrong 2 "'--random' requires an argument (see rdpmc-diff run --help)" "$diff" run --random
wrong 2 "name a FILE, or how many cases by --random" "$diff" run
for number in lots 1T -1 0 1.5; do
	wrong 2 "(K, M and G behind it are 10^3, 10^6 and 10^9)" "$diff" run --random="$number"
done
wrong 2 "'0' is not a whole number from 1 to 256" "$diff" run --random 10 --jobs 0
wrong 2 "'0' is not a whole number from 1 to 86400" "$diff" run --random 10 --timeout 0
wrong 2 "see rdpmc-diff explain --help" "$diff" explain --seed 3 "$dir/case"
wrong 2 "one FILE is wanted (- is standard input)" "$diff" explain
wrong 2 "one FILE is wanted" "$diff" explain "$dir/case" "$dir/case"
wrong 2 "FILE and OUTPUT are wanted" "$diff" minimize "$dir/case"
wrong 2 "name a FILE, or a DIRECTORY, that a fuzzer saved" "$diff" triage
wrong 2 "'0' is not a whole number from 1 to 1000" "$diff" triage --times 0 "$dir/case"
wrong 2 "--list prints what there is" "$diff" survey --configuration frobnicate
wrong 2 "name another" "$diff" survey --against emulator
wrong 2 "see rdpmc-diff survey --help" "$diff" survey extra
wrong 2 "cannot both go to standard output" "$diff" survey --json - --markdown -
wrong 2 "there are libfuzzer, afl, made and random" "$diff" mutants --driver frobnicate
wrong 2 "has a name like 'no-such'" "$diff" mutants no-such
wrong 2 "see rdpmc-diff engines --help" "$diff" engines extra
wrong 2 "name the DIRECTORY to write to" "$diff" seeds
wrong 2 "unknown option '--bogus' (see --help)" "$replay" --bogus

# Engines, and what is known of them.
wrong 2 '`rdpmc-diff engines` lists what there is' "$diff" run --engine qemu "$dir/case"
wrong 2 '`make kernel-engine KDIR=...` makes it' "$diff" run --engine kernel:nowhere "$dir/case"
wrong 2 "'$dir/text': file too short" "$diff" run --engine "$dir/text" "$dir/case"
wrong 2 "'$none/': cannot open" "$diff" run --engine "$none/" "$dir/case"
wrong 2 "a single engine is wanted" "$diff" survey --engine emulator --engine kvm
wrong 2 "the engine emulator has no known differences" "$diff" run --known "$dir/empty" "$dir/case"
wrong 2 "the engine emulator has no known differences" "$diff" explain --known "$none" "$dir/case"
wrong 2 "there are metrics-any-index" "$diff" run --choice frobnicate "$dir/case"
wrong 2 '`rdpmc-diff engines` lists what there is' env RDPMC_ENGINE=frobnicate "$replay" "$dir/case"

# Files and folders: not there, of another kind, empty, not to be written.
wrong 2 "$none: No such file or directory" "$diff" run "$none"
wrong 77 "no file in what was named" "$diff" run "$dir/empty"
wrong 2 "there is no file in it" "$diff" explain "$dir/empty"
wrong 2 "a single file is wanted" "$diff" explain "$dir/two"
wrong 2 "--save: $locked: cannot be made" "$diff" run --save "$locked" "$dir/case"
wrong 2 "--save: $dir/text: Not a directory" "$diff" run --save "$dir/text" "$dir/case"
wrong 2 "--save: $none/x: cannot be made: No such file" "$diff" survey --save "$none/x"
wrong 2 "--json: $none/x: No such file or directory" "$diff" survey --json "$none/x"
wrong 2 "--markdown: $dir/empty: is a directory" "$diff" survey --markdown "$dir/empty"
wrong 77 "no file in what was named" "$diff" triage --into "$none" "$dir/empty"
wrong 2 "$none: No such file or directory" "$diff" triage --into "$dir/pages" "$none"
wrong 2 "--into: $dir/text: Not a directory" "$diff" triage --into "$dir/text" "$dir/case"
wrong 2 "$none: no *.patch there" "$diff" mutants --catalogue "$none"
wrong 2 '`make mutants` builds' "$diff" mutants --build "$none"
wrong 2 "$dir/text: Not a directory" "$diff" seeds "$dir/text"
wrong 2 "$none: No such file or directory" "$replay" "$none"
wrong 77 "no file in what was named" "$replay" "$dir/empty"
wrong 2 "--json: $locked: Permission denied" "$bench" run --json "$locked"
wrong 2 "--json: $none/x: No such file or directory" "$bench" list --json "$none/x"
wrong 2 "--json: $dir/empty: is a directory" "$bench" doctor --json "$dir/empty"
wrong 2 "no device $none" "$bench" run --device "$none"
wrong 2 "$dir/text is not KVM" "$bench" run --device "$dir/text"
if [ "$("$bench" list 2>/dev/null | wc -l)" -gt 0 ]; then
	wrong 2 "matches no benchmark; see rdpmc-bench list" "$bench" run --filter 'no-such-row*'
	wrong 2 "'control' is no whole name; '*control*' matches " "$bench" run --filter control
	wrong 2 'a pattern has no {a,b}, only' "$bench" run --filter 'control/empty/{cpl0,cpl3}'
	wrong 2 "CPU 65535 does not exist here" "$bench" run --cpu 65535
else
	skip "a filter, and a CPU" "no KVM here"
fi

# Python.
results=scripts/results
if /usr/bin/python3 -c 'import scipy' 2>/dev/null; then
	wrong 2 "invalid choice: 'frobnicate' (choose from 'compare'" $results frobnicate
	wrong 2 "compare takes two sides: A B" $results compare "$good"
	wrong 2 "the same file, $good: name two results" $results compare "$good" "$good"
	wrong 2 "B holds no result of rdpmc-bench that can be used: $none: no such file" $results compare "$good" "$none"
	wrong 2 "$dir/nothing: empty" $results compare "$good" -- "$dir/nothing"
	wrong 2 "$dir/text: not JSON" $results trend "$dir/text"
	wrong 2 "$dir/other.json: no result of this project" $results export --format csv "$dir/other.json"
	wrong 2 '`make bench` makes one' $results trend "$dir/empty"
	wrong 2 "no percentage between 0 and 100 (see --help)" $results compare --margin 5% "$good" "$dir/other.json"
	wrong 2 "invalid choice: 'frobnicate' (choose from 'github-action-benchmark'" $results export --format frobnicate "$good"
	wrong 2 "$locked: permission denied" $results export --format csv --out "$locked" "$good"
	wrong 2 "those that were: control/empty" $results export --format hgrm --row no-such-row "$good"
	wrong 2 "neither a program nor a git revision" $results ab "$none" "$none"
	wrong 2 "x is no whole number from 1 to 1000 (see --help)" $results aa --pairs x HEAD
	wrong 2 '`make bench` makes one' make -s trend RESULTS="$dir/empty"
else
	skip "$results" "no SciPy"
fi
wrong 2 "make bench BENCH_ARGS=\"--filter 'rdpmc'\"" make -s bench FILTER=rdpmc
wrong 2 "--engine frobnicate: there are emulator, kvm" scripts/campaign --engine frobnicate
wrong 2 '`make campaign KDIR=... NAME=nowhere` builds them' scripts/campaign --engine kernel:nowhere
wrong 2 "'1h' is no number from 1 to 1000000000 (see --help)" scripts/campaign --time 1h
wrong 2 "not empty, and not a campaign's directory" scripts/campaign --build "$build" --engine emulator --dir "$dir/two"
wrong 2 '`make campaign` builds all of it' scripts/campaign --build "$none" --dir "$dir/campaign" --time 1
wrong 2 "no such processor; there are skylake" scripts/machine run --cpu frobnicate -- true
wrong 2 "it is debian:VERSION or a bzImage" scripts/machine run --kernel "$none" -- true
wrong 2 "invalid choice: 'frobnicate'" scripts/machine frobnicate
wrong 2 "$dir/empty is no Linux source tree" scripts/prove --kernel "$dir/empty"
wrong 2 "--against is of --kernel" scripts/prove --against kernel:nowhere

# Shell.
wrong 2 "a tree is debian:VERSION or a DIRECTORY" scripts/kernel-tree frobnicate
wrong 2 "a version is two numbers, as in debian:6.12" scripts/kernel-tree debian:99
wrong 2 "Give the top of a Linux source tree" scripts/kernel-engine "$dir/empty"
wrong 2 "there are diff, fuzz, coverage and prove" scripts/kernel-engine --for frobnicate "$dir/empty"
wrong 2 "(the groups are: build" scripts/setup frobnicate
wrong 2 "which cases? (see --help)" scripts/regression
wrong 2 "$none: no case" scripts/regression "$none"
wrong 2 "wanted: scripts/coverage BUILD/coverage" scripts/coverage
wrong 2 '`make coverage` builds it' scripts/coverage "$none"
wrong 2 "wanted: scripts/coverage-kernel BUILD ENGINE.so TREE" scripts/coverage-kernel "$build"
wrong 2 "wanted: scripts/fuzz-speed BUILD" scripts/fuzz-speed
wrong 2 "(see --help)" scripts/record-paths "$none"

# Make. What these build is built before tests begin.
if SETUP=no scripts/setup test 2>/dev/null; then
	wrong 2 "No rule to make target 'frobnicate'" make -s frobnicate
	wrong 2 "A= and B= name git revisions" make -s ab A=HEAD
	wrong 2 "A= and B= name kernels" make -s BUILD="$build" ab-kernel
	wrong 2 "KDIR= is missing" make -s BUILD="$build" kernel-engine
	wrong 2 "$none: no such directory" make -s BUILD="$build" kernel-engine KDIR="$none"
	wrong 2 "Give the top of a Linux source tree" make -s BUILD="$build" kernel-engine KDIR="$dir/empty"
	wrong 2 "KDIR= is missing" make -s BUILD="$build" coverage-kernel
	wrong 2 "TIME=1h: a number of seconds is wanted" make -s BUILD="$build" fuzz TIME=1h
	wrong 2 "FROM= names a page of a finding" make -s BUILD="$build" regression
	wrong 2 "T=frobnicate: no such test" make -s check T=frobnicate
	wrong 2 "no such processor; there are skylake" make -s BUILD="$build" bench-machine CPU=frobnicate
	wrong 2 "it is debian:VERSION or a bzImage" make -s BUILD="$build" bench-machine KERNEL=frobnicate
	wrong 2 "BUILD must be one word" make -s BUILD='a b' all
	wrong 2 "(see rdpmc-bench run --help)" make -s BUILD="$build" bench BENCH_ARGS=--bogus
else
	skip "make" "$(SETUP=no scripts/setup test 2>&1 | head -n 1)"
fi

# A campaign's own directory is begun before its programs are looked for.
rm -rf "$dir/campaign"
find "$dir" -mindepth 1 ! -path "$dir/two*" -printf '%P\n' | sort | tr '\n' ' ' >"$dir/out"
check "nothing is left behind" test "$(cat "$dir/out")" = "case empty err good.json nothing other.json out text tmp "

# What is not wrong.
run() {
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
run "$diff" run --known none "$dir/case"
check "--known none asks for nothing" test $status -eq 0 -a ! -s "$dir/err"
run "$diff" run --save "$dir/new" "$dir/case"
check "--save makes its directory" test $status -eq 0 -a -d "$dir/new"
run "$diff" run --save "$dir/new" "$dir/case"
check "... or takes one that is there" test $status -eq 0
if /usr/bin/python3 -c 'import scipy' 2>/dev/null; then
	cp "$good" "$dir/copy.json"
	run $results compare "$good" "$dir/copy.json"
	check "compare A B" test $status -eq 0 -a -s "$dir/out" -a ! -s "$dir/err"
else
	skip "compare A B" "no SciPy"
fi

echo "1..$n"
exit $((failed > 0))
