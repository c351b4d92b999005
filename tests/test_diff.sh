#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Proves that rdpmc-diff and fuzz-rdpmc-replay answer wrong use with one clear line and the right exit
# status, take any bytes for a case, give the same from the same seed, and end on Ctrl-C with a tally.
set -u
diff=${BUILD:-build}/rdpmc-diff
replay=${BUILD:-build}/fuzz-rdpmc-replay
seeds=corpus/seeds
. tests/checks.sh

run() { # arguments of rdpmc-diff; sets $status
	"$diff" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
run_replay() {
	"$replay" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
# How many lines of standard output match?
lines() { grep -c -e "$1" "$dir/out"; }

# Exit 2, nothing on stdout, exactly one line on stderr that holds the text.
one_line() { # name, text
	if [ $status -eq 2 ] && [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
		grep -qF -e "$2" "$dir/err"; then
		ok "$1"
	else
		echo "# exit status $status, expected 2 and: $2"
		not_ok "$1"
	fi
}
wrong_use() { # text, arguments...
	text=$1
	shift
	run "$@"
	one_line "wrong use: $*" "$text"
}

mkdir "$dir/many" "$dir/empty"
echo text >"$dir/file"
echo 1 >"$dir/many/1"
echo 2 >"$dir/many/2"
seed=$(find $seeds -type f | sort | head -n 1)

wrong_use "'frobnicate' is not a command" frobnicate
wrong_use "nothing to run" run
wrong_use "unrecognized option '--bogus'" run --bogus
wrong_use "unrecognized option '--bogus'" explain --bogus
wrong_use "requires an argument" run --random
wrong_use "'extra'" engines extra
for number in -1 0 1e9 10X 10k 5K5 10KM 1.5 +5 ' 5' '' x 99999999999999999999 10000000000G 9223372036854775808; do
	wrong_use "--random: '$number' is not a whole number" run --random="$number"
done
wrong_use "--seed: '-1' is not a whole number" run --random 1 --seed=-1
wrong_use "--seed: '18446744073709551616' is not" run --random 1 --seed=18446744073709551616
wrong_use "--jobs: '0' is not a whole number" run --random 1 --jobs=0
wrong_use "--jobs: '257' is not a whole number" run --random 1 --jobs=257
wrong_use "--cases: '0' is not a whole number" seeds --cases 0 "$dir/x"
wrong_use "'qemu'" run --engine=qemu "$seed"
wrong_use "'qemu'" explain -e qemu "$seed"
wrong_use "no-such.so" run --engine="$dir/no-such.so" "$seed"
wrong_use "--choice: 'x' is unknown; there are metrics-any-index,user-disable-metrics,vmware-needs-pmu,no-pmu-zero,metrics-level-1,leaf23-replaces,amd-l2i" run --choice=x "$seed"
wrong_use "$dir/none: No such file or directory" run "$dir/none"
wrong_use "$dir/none: No such file or directory" run "$seed" "$dir/none"
wrong_use "$dir/file/x: Not a directory" run "$dir/file/x"
wrong_use "No such file or directory" run ''
wrong_use "one FILE is wanted" explain
wrong_use "one FILE is wanted" explain "$seed" "$seed"
wrong_use "$dir/none: No such file or directory" explain "$dir/none"
wrong_use "a single file is wanted" explain "$dir/many"
wrong_use "$dir/empty" explain "$dir/empty"
wrong_use "FILE and OUTPUT are wanted" minimize
wrong_use "FILE and OUTPUT are wanted" minimize "$seed"
wrong_use "$dir/none: No such file or directory" minimize "$dir/none" "$dir/x"
wrong_use "name the DIRECTORY" seeds
wrong_use "one DIRECTORY is wanted" seeds "$dir/x" "$dir/y"
wrong_use "$dir/none/x: cannot be made: No such file or directory" seeds "$dir/none/x"
wrong_use "Not a directory" seeds --cases 1K "$dir/file"
run_replay "$dir/none"
one_line "wrong use: replay of what is not there" "$dir/none: No such file or directory"
RDPMC_ENGINE=qemu run_replay "$seed"
one_line "wrong use: replay with an unknown engine" "qemu"

"$diff" >"$dir/out" 2>"$dir/err"
check "no command: usage on stderr, exit 2" test $? -eq 2 -a ! -s "$dir/out" -a -s "$dir/err"
"$replay" >"$dir/out" 2>"$dir/err"
check "replay of nothing: usage on stderr, exit 2" test $? -eq 2 -a ! -s "$dir/out" -a -s "$dir/err"
run --help
commands=$(sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' "$dir/out")
check "help names the commands" test \
	"$(echo "$commands" | grep -cx -e run -e explain -e minimize -e engines -e seeds)" -eq 5
for command in "" $commands; do
	run $command --help
	check "help fits a screen: $command" test $status -eq 0 -a -s "$dir/out" -a ! -s "$dir/err" -a \
		"$(wc -l <"$dir/out")" -le 24 -a "$(awk 'length > 80' "$dir/out" | wc -l)" -eq 0
done
run_replay --help
check "help fits a screen: replay" test $status -eq 0 -a "$(lines '^Usage: fuzz-rdpmc-replay')" -eq 1 -a \
	"$(wc -l <"$dir/out")" -le 24 -a ! -s "$dir/err"
run --version
check "version" test $status -eq 0 -a "$(lines '^rdpmc-diff [0-9]')" -eq 1 -a "$(wc -l <"$dir/out")" -eq 1
run_replay --version
check "version: replay" test $status -eq 0 -a "$(lines '^fuzz-rdpmc-replay [0-9]')" -eq 1
run engines
check "engines: the emulator with its entries" test $status -eq 0 -a "$(lines '^emulator .*exit emulator')" -eq 1

# The corpus: nothing is found, and no rule is left unasked.
files=$(find $seeds -type f | wc -l)
run run $seeds
guests=$(for case in $(find $seeds -type f); do "$diff" explain "$case" | grep -m 1 '^clamped'; done | wc -l)
not_given="$guests cases with the guest PMU reduced to what the engine supports"
check "run: the corpus" test $status -eq 0 -a ! -s "$dir/err" -a "$guests" -gt 0 -a \
	"$(lines "^No finding in what was tried: $files cases, [0-9]* reads$")" -eq 1 -a \
	"$(sed -n '2,$p' "$dir/out")" = "limits   $not_given"
run run --verbose $seeds
check "... --verbose: the same, and statistics" test "$(lines "^No finding in what was tried: $files cases, ")" -eq 1 -a \
	"$(lines "^limits   $not_given$")" -eq 1 -a "$(lines '^speed  \|^cases  \|^reads  \|^exits  \|^rules  ')" -eq 5
check "... every rule answered both ways" test "$(lines 'never yes\|never no')" -eq 0 -a \
	"$(awk '/^rules / { print $2 - $4 }' "$dir/out")" = 0
# Version 1 is read for ever: these files ask what they asked, by the rules that it had.
run run -v corpus/version-1
check "run: cases of version 1" test $status -eq 0 -a ! -s "$dir/err" -a "$(lines '^No finding.*: 413 cases, ')" -eq 1
check "... none has a prefix or a single step" \
	test "$(lines '^  .*: never yes$')" -eq 2 -a "$(lines '^ *LENGTH: never yes$\|^ *SINGLE-STEP: never yes$')" -eq 2
run run --quiet $seeds
check "run --quiet has nothing to say" test $status -eq 0 -a ! -s "$dir/out" -a ! -s "$dir/err"
run run "$seed" "$seed" $seeds
check "run: files and directories add up" says ": $((files + 2)) cases, "
"$diff" run - <"$seed" >"$dir/out" 2>"$dir/err"
check "run: standard input" test $? -eq 0 -a "$(lines '^No finding.*: 1 case, ')" -eq 1
run_replay $seeds
check "replay: the corpus" test $status -eq 0 -a "$(cat "$dir/out")" = "No finding in what was tried: $files cases; limits: $not_given"
run_replay $seeds "$seed"
check "replay: and a file" test $status -eq 0 -a "$(wc -l <"$dir/out")" -eq 1 -a \
	"$(lines "^No finding.*: $((files + 1)) cases")" -eq 1

# Whatever bytes.
mkdir "$dir/odd"
{ echo '#!'; head -c 1048576 /dev/urandom; } >"$dir/odd/random"
: >"$dir/odd/empty"
echo "This is no case." >"$dir/odd/text"
head -c 131 "$seed" >"$dir/odd/cut"
# What cannot come of a fuzzer, of minimize or of seeds is tried, but not without a word.
warned() {
	case $1 in
	*/text | */random) [ "$(cat "$dir/err")" = "rdpmc-diff: $1: this is no case file; its bytes are tried as a case" ] ;;
	*) [ ! -s "$dir/err" ] ;;
	esac
}
for odd in "$dir"/odd/*; do
	run run "$odd"
	check "run: any input, $(basename "$odd")" test $status -eq 0 -a "$(lines '^No finding.*: 1 case, ')" -eq 1
	check "... and what it is" warned "$odd"
	run explain "$odd"
	check "explain: any input, $(basename "$odd")" test $status -eq 0 -a "$(sed -n 1p "$dir/out")" = "emulator answers as expected, by all its entries"
	check "... and what it is" warned "$odd"
done

# A known difference is told as one: by an engine that gives #UD only.
mkdir "$dir/known"
if command -v "${CC:-gcc}" >/dev/null; then
	cat >"$dir/ud.c" <<-'END'
		#include "fuzz/engines/emulator/engine_emulator_inlined.c"
		struct engine rdpmc_engine;
		static void answer(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
				   struct engine_answer *answer)
		{
			emulator_read(vcpu, entry, state, answer);
			answer->answer = ANSWER_UD;
		}
		__attribute__((constructor)) static void make(void)
		{
			rdpmc_engine = engine_emulator;
			rdpmc_engine.name = "ud";
			rdpmc_engine.version = "6.12";
			rdpmc_engine.read = answer;
		}
	END
	cat >"$dir/known/ud.json" <<-'END'
		{ "kernels": "6.1 -", "differences": [ {
			"name": "always-ud", "when": ["ecx >= 0"], "answer": "any", "kernel": "k",
			"processor": "p", "why": "w", "source": "s", "reach": "r"
		} ] }
	END
	${CC:-gcc} -O1 -std=gnu11 -D_GNU_SOURCE -I. -shared -fPIC "$dir/ud.c" -o "$dir/ud.so" 2>"$dir/err"
	run explain --engine "$dir/ud.so" --known "$dir/known" "$seed"
	check "explain: a known difference" test $status -eq 0 -a \
		"$(sed -n 1p "$dir/out")" = "ud has a known difference: always-ud"
	run explain --engine "$dir/ud.so" --known none "$seed"
	check "explain: the same, not known" test $status -eq 1
else
	skip "explain: a known difference" "no compiler"
fi

run run --engine emulator --engine kvm "$dir/odd/text"
check "run: several engines, any input" grep -q 'this is no case file' "$dir/err"
run_replay "$dir/odd"
check "replay: any input" test $status -eq 0 -a "$(wc -l <"$dir/out")" -eq 1 -a "$(lines "^No finding.*: 4 cases")" -eq 1
run run "$dir/empty"
check "run: a directory without files has no cases" test $status -eq 77 -a ! -s "$dir/out" -a "$(grep -c "there was no case to run" "$dir/err")" -eq 1

# In words.
run explain "$seed"
cp "$dir/out" "$dir/explained"
check "explain: a file" test $status -eq 0 -a \
	"$(sed '/^clamped/,/^exits/d' "$dir/out" | grep -c '^tried  \|^guest  \|^host  \|^read  \|^exits  \|^bytes  ')" -eq 6
check "... and how to repeat it" test "$(tail -n 1 "$dir/out")" = "repeat   rdpmc-diff run $seed"
"$diff" explain - <"$seed" >"$dir/out" 2>"$dir/err"
check "explain: standard input" test $? -eq 0 -a "$(sed '/^repeat/d' "$dir/explained" | cksum)" = "$(cksum <"$dir/out")"

# A finding: the emulator has not the processor that --choice speaks of.
choice=--choice=metrics-any-index
mkdir "$dir/saved"
run run $choice --random 100K --save "$dir/saved"
check "run: a finding is told and kept, exit 1" test $status -eq 1 -a \
	"$(sed -n 1p "$dir/out" | grep -c '^FOUND: [1-9][0-9]* kinds* of differences from the processor: [1-9][0-9]* of 100000 cases$')" -eq 1 -a \
	"$(lines '^finding 1: .*; [1-9][0-9]* cases*, first: random case')" -eq 1 -a \
	-s "$dir/saved/finding-1" -a "$(lines 'No finding')" -eq 0
found=$dir/saved/finding-1
run run $choice --random 100K --quiet --save /dev/null/none
check "run: --save where nothing can be written, exit 2" test $status -eq 2 -a "$(wc -l <"$dir/err")" -eq 1
run run $choice "$found"
check "run: the kept finding again" test $status -eq 1 -a "$(lines "first: $found\$")" -eq 1
run explain $choice "$found"
check "explain: a finding, exit 1" test $status -eq 1 -a "$(sed -n 1p "$dir/out" | grep -c '^emulator: got ')" -eq 1 -a "$(lines '^oracle   outcome')" -eq 1
{ cat "$found"; head -c 500 /dev/zero; } >"$dir/padded"
run minimize $choice "$dir/padded" "$dir/small"
check "minimize" test $status -eq 0 -a \
	"$(wc -c <"$dir/small")" -eq 132 -a "$(tr -d '\000' <"$dir/small" | wc -c)" -lt 20
check "... says how much is left" grep -q "^minimized from $(wc -c <"$dir/padded") to 132 bytes: got " "$dir/err"
run run $choice "$dir/small"
check "... to the same finding" test $status -eq 1 -a "$(lines 'METRICS')" -gt 0
"$diff" minimize $choice - - <"$dir/padded" >"$dir/small-2" 2>"$dir/err"
check "minimize: standard input and output" cmp -s "$dir/small" "$dir/small-2"
run minimize $choice "$dir/small" "$dir/small-2"
check "minimize: again changes nothing" cmp -s "$dir/small" "$dir/small-2"
for output in "$dir" "$dir/none/x" /dev/full; do
	wrong_use "$output" minimize $choice "$found" "$output"
done
run minimize "$seed" "$dir/nothing"
check "minimize: nothing found, exit 1, nothing written" test $status -eq 1 -a ! -e "$dir/nothing" -a \
	"$(wc -l <"$dir/err")" -eq 1

# The same cases, however many threads.
counts() { sed '/^speed /d' "$dir/out"; }
for jobs in 1 2 7; do
	run run -v --random 300K --seed 5 --jobs $jobs
	counts >"$dir/jobs-$jobs"
	check "run --random: $jobs jobs" test $status -eq 0 -a "$(lines '^No finding.*: 300000 cases, ')" -eq 1
	check "... give the same counts" cmp -s "$dir/jobs-$jobs" "$dir/jobs-1"
done
run run -v --random 300K --seed 6
counts >"$dir/other"
check "run --random: another seed, other cases" test $status -eq 0 -a "$(cmp "$dir/other" "$dir/jobs-1" | wc -l)" -eq 1

# Ctrl-C, though a script's background job starts with it ignored; SIGTERM.
for signal in INT TERM; do
	"$diff" run --random 100G >"$dir/out" 2>"$dir/err" &
	pid=$!
	sleep 0.5
	start=$(date +%s%N)
	expected=143
	[ $signal = INT ] && expected=130
	kill -$signal $pid
	wait $pid
	status=$?
	ms=$((($(date +%s%N) - start) / 1000000))
	check "SIG$signal: 128 + signal, within a second ($ms ms)" test $status -eq $expected -a $ms -lt 1000
	check "... with a tally" test "$(lines '^PARTIAL: interrupted after [0-9]* cases, ')" -eq 1 -a "$(lines 'No finding')" -eq 0
done

# A full disk where standard output goes.
full() { # name, program, arguments...
	name=$1
	shift
	"$@" >/dev/full 2>"$dir/err"
	status=$?
	: >"$dir/out"
	check "standard output full: $name" test $status -eq 2 -a "$(grep -c 'No space left on device' "$dir/err")" -eq 1
}
full run "$diff" run "$seed"
full explain "$diff" explain "$seed"
full minimize "$diff" minimize $choice "$dir/small" -
full engines "$diff" engines
full help "$diff" --help
full replay "$replay" "$seed"

# The corpus is what the program writes.
for i in 1 2; do
	run seeds --cases 200K --seed 9 "$dir/seeds-$i"
	check "seeds: written, time $i" test $status -eq 0 -a -s "$dir/out" -a "$(ls "$dir/seeds-$i" | wc -l)" -gt 50
done
diff -rq "$dir/seeds-1" "$dir/seeds-2" >"$dir/out" 2>"$dir/err"
check "seeds: the same twice" test $? -eq 0
run seeds "$dir/seeds"
diff -rq "$dir/seeds" $seeds >"$dir/out" 2>"$dir/err"
check "seeds: the same as $seeds" test $? -eq 0

echo "1..$n"
exit $((failed > 0))
