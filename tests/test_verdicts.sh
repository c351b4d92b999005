#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
# Proves that what was not looked at is no agreement: of engines that refuse, lack an entry, move
# states, reduce guests, or crash, every command says what was not tried, by headline and exit status.
set -u
diff=${BUILD:-build}/rdpmc-diff
replay=${BUILD:-build}/fuzz-rdpmc-replay
seeds=corpus/seeds
. tests/checks.sh

if ! command -v "${CC:-gcc}" >/dev/null; then
	skip "engines that look away" "no compiler"
	echo "1..$n"
	exit 0
fi

run() { # command, arguments...
	"$diff" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
run_replay() { # engine, arguments...
	RDPMC_ENGINE=$dir/$1.so "$replay" $seeds >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
never() { ! grep -qF -e "$1" "$dir/out"; }
# A survey's lines are wrapped.
run_survey()
{
	run survey "$@"
	tr -s '\n ' ' ' <"$dir/out" >"$dir/flat" && mv "$dir/flat" "$dir/out"
}

# The emulator but for one function, which takes the place of its own: name, field, definition.
engine()
{
	cat >"$dir/$1.c" <<-END
		#include <stdlib.h>
		#include "fuzz/engines/emulator/engine_emulator_inlined.c"
		struct engine rdpmc_engine;
		$3
		__attribute__((constructor)) static void make(void)
		{
			rdpmc_engine = engine_emulator;
			rdpmc_engine.name = "$1";
			rdpmc_engine.$2 = other;
		}
	END
	${CC:-gcc} -O2 -std=gnu11 -D_GNU_SOURCE -I. -shared -fPIC "$dir/$1.c" -o "$dir/$1.so" 2>"$dir/err" ||
		not_ok "an engine that is built: $1"
}
reads='static void other(struct engine_vcpu *vcpu, enum entry entry, const struct rdpmc_state *state,
	struct engine_answer *answer)
{
	emulator_read(vcpu, entry, state, answer);'
has='static unsigned int other(struct engine_vcpu *vcpu) { (void)vcpu;'
engine refuses read "$reads answer->refused = \"KVM_RUN: EINVAL\"; }"
engine refuses-some read "$reads if (state->mode == MODE_VM86) answer->refused = \"KVM_RUN: EINVAL\"; }"
engine no-entry has "$has return 0; }"
engine one-entry has "$has return 1U << ENTRY_EXIT; }"
engine moves adapt 'static bool other(struct engine_vcpu *vcpu, struct rdpmc_state *state)
{
	(void)vcpu;
	state->regs.rip = 0x12340;
	return true;
}'
engine reduces clamp 'static bool other(struct engine_vcpu *vcpu, struct rdpmc_pmu *guest, struct rdpmc_pmu *host,
	struct rdpmc_policy *policy)
{
	emulator_clamp(vcpu, guest, host, policy);
	guest->perf_capabilities = 0;
	return true;
}'
engine crashes read "$reads static int reads; if (++reads == 300) abort(); }"
engine aborts read "$reads if ((uint32_t)state->regs.rcx == 0x20000000 && state->lock) abort(); }"
engine hangs read "$reads while ((uint32_t)state->regs.rcx == 0x20000000 && state->lock) ; }"

# Nothing at all.
while read -r engine why; do
	run run --engine "$dir/$engine.so" $seeds
	check "run: $engine" ends 77 'Nothing was tried: no read was answered'
	run run --engine "$dir/$engine.so" --engine "$dir/$engine.so" --random 9 $seeds
	check "run: $engine, named twice" test $status -eq 2
	run_survey --engine "$dir/$engine.so" --configuration skylake
	check "survey: $engine" ends 77 'Nothing was tried'
	check "... and never that all is right" never "has the processor's outcome"
	run explain --engine "$dir/$engine.so" "$(find $seeds -type f | sort | head -n 1)"
	check "explain: $engine" ends 77 'answers no read of this case'
	case=$(find $seeds -type f | sort | head -n 1)
	run triage --engine "$dir/$engine.so" --into "$dir/pages" "$case"
	check "triage: $engine" ends 0 "$case: nothing: engine $dir/$engine.so answered no read of it; limits: "
	check "... and why" says "$why"
	run_replay "$engine"
	check "replay: $engine" test $status -eq 77 -a ! -s "$dir/out" -a \
		"$(grep -c 'Nothing was tried: no read was answered' "$dir/err")" -eq 1
done <<-'END'
	refuses reads refused by the host (KVM_RUN: EINVAL)
	no-entry reads by an entry that the engine does not have here
END

# A fault that no driver could look for is none that they did not find.
mkdir -p "$dir/catalogue" "$dir/mutants/gp-one-too-few"
cp fuzz/mutants/patches/gp-one-too-few.patch "$dir/catalogue"
cp "$dir/refuses.so" "$dir/mutants/gp-one-too-few/plain.so"
run mutants --build "$dir" --catalogue "$dir/catalogue" --driver made --time 1
check "mutants: an engine that refuses" ends 1 'made did not run: no read was answered: KVM_RUN: EINVAL'
check "... and is not counted" says 'found 0 of 0'

# Ctrl-C ends a fuzzer that runs.
mkdir "$dir/bin"
printf '#!/bin/sh\necho $$ >%s/afl.pid\nexec sleep 100\n' "$dir" >"$dir/bin/afl-fuzz"
: >"$dir/fuzz-rdpmc-afl"
chmod +x "$dir/bin/afl-fuzz" "$dir/fuzz-rdpmc-afl"
begun=$(date +%s)
PATH=$dir/bin:$PATH timeout --foreground --preserve-status -s INT 1 "$diff" mutants --build "$dir" --catalogue "$dir/catalogue" \
	--driver afl --time 60 >"$dir/out" 2>"$dir/err"
check "mutants: Ctrl-C ends AFL++" test $? -eq 130 -a $(($(date +%s) - begun)) -lt 10 -a -s "$dir/afl.pid"
check "... which is gone" sh -c "! kill -0 $(cat "$dir/afl.pid") 2>/dev/null"

# Not all of it.
all=$("$diff" survey --list | wc -l)
while read -r engine what; do
	run run --engine "$dir/$engine.so" $seeds
	check "run: $engine" ends 0 "No finding in what was tried"
	check "... and why" says "$what"
	run run --engine "$dir/$engine.so" --engine emulator $seeds
	check "run with another: $engine" ends 0 "No finding by 2 of 2 engines in what was tried"
	check "... and why" says "$what"
	run_survey --engine "$dir/$engine.so" --configuration skylake
	check "survey: $engine" ends 0 "Every read that was tried in 1 of $all configurations has the processor's outcome; limits: "
	check "... and why" says "$what"
	run_replay "$engine"
	check "replay: $engine" ends 0 '; limits: '
	check "... and why" says "$what"
done <<-'END'
	refuses-some reads refused by the host (KVM_RUN: EINVAL)
	one-entry reads by an entry that the engine does not have here
	moves reads in another CPU state
	reduces with the guest PMU
END

# One that takes the process with it.
run run --engine "$dir/crashes.so" $seeds
check "run: a crash" test $status -ge 128
check "... and never that nothing was found" never 'No finding'
run run --engine emulator --engine "$dir/crashes.so" $seeds
check "run with another: a crash" test $status -ge 128
check "... and never that nothing was found" never 'No finding'

# The case is named, and kept: it does it again.
mkdir "$dir/kept"
while read -r engine status_is file what; do
	run run --engine "$dir/$engine.so" --random 50K --jobs 2 --timeout 1 --save "$dir/kept"
	check "run: $engine: the case is named" test $status -eq "$status_is" -a \
		"$(grep -c "^rdpmc-diff: $what in random case [0-9]* of seed 1; saved as $dir/kept/$file\$" "$dir/err")" -eq 1
	number=$(sed -n 's/.* in random case \([0-9]*\) of .*/\1/p' "$dir/err")
	run run --engine "$dir/$engine.so" --timeout 1 "$dir/kept/$file"
	check "... and does it again" test $status -eq "$status_is" -a \
		"$(grep -c "^rdpmc-diff: $what in $dir/kept/$file\$" "$dir/err")" -eq 1
	run run --engine emulator --engine "$dir/$engine.so" --random 50K --jobs 1 --timeout 1
	check "... of two engines, and without --save: case $number" test $status -eq "$status_is" -a \
		"$(grep -c "^rdpmc-diff: $what in random case [0-9]* of seed 1; --save DIRECTORY keeps it\$" "$dir/err")" -eq 1
	run run --engine emulator "$dir/kept/$file"
	check "... a case as any other" ends 0 'No finding'
done <<-'END'
	aborts 134 crash SIGABRT
	hangs 1 hang no end within 1 s
END
run_survey --engine "$dir/crashes.so" --configuration skylake --configuration no-pmu --jobs 1
check "survey: a crash" ends 1 'PARTIAL, a worker ended by Aborted, in configuration skylake: '
check "... and never that all is right" never "has the processor's outcome"

# A real machine's legal states are tried before its survey, also where there is no /dev/kvm.
engine real real 'enum { other = true };'
engine real-differs 'real = true, rdpmc_engine.read' "$reads if (state->mode == MODE_VM86) answer->regs.rip++; }"
run_survey --engine "$dir/real.so" --configuration skylake --configuration no-pmu
check "survey of a real machine" ends 0 "Every read in 2 of $all configurations has the processor's outcome "
# 11 reads in each by two entries; LOCK comes to one.
check "... each shape of ECX in 62 states" says "62 states: $((62 * 21)) reads answered "
run_survey --engine "$dir/real-differs.so" --configuration skylake --json "$dir/json"
check "... what differs there is in the headline" ends 1 '; but FOUND IN ITS LEGAL STATES: '
check "... and in the JSON" grep -q '"states_new": [1-9]' "$dir/json"

echo "1..$n"
[ $failed -eq 0 ]
