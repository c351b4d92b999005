#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, long
# Proves the engine "kvm": every state agrees with the model, a wrong model is caught, a host that
# misbehaves is told and survived, cases are on disk before they run. Skipped by name without /dev/kvm.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
diff=$build/rdpmc-diff
. tests/checks.sh
export RDPMC_JOURNAL="$dir/journals"
mkdir "$RDPMC_JOURNAL"

run() {
	"$diff" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
errs() { grep -qF -e "$1" "$dir/err"; }
count() { sed -n "s/.*[^0-9]\([0-9][0-9]*\) $1.*/\1/p; s/^\([0-9][0-9]*\) $1.*/\1/p" "$dir/out" | head -n 1; }
# Of the line of what was not tried, which is wrapped.
not_asked() { sed -n '/^limits /,$p' "$dir/out" | tr -s '\n ' ' ' | sed -n "s/.* \([0-9][0-9]*\) $1.*/\1/p"; }

# Without a device, without permission, wrong use: the same everywhere.
for command in run survey; do
	files=
	[ $command = run ] && files=corpus/seeds
	RDPMC_KVM=$dir/none run $command --engine kvm $files
	check "$command without a device: 77 and the reason" test $status -eq 77 -a "$(wc -l <"$dir/err")" -eq 1 -a \
		"$(grep -c "no device $dir/none\$" "$dir/err")" -eq 1
done
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir -m 755 "$dir/open" && cp "$diff" "$dir/open" && : >"$dir/open/kvm" && chmod 600 "$dir/open/kvm"
	chmod 755 "$dir"
	(cd / && RDPMC_KVM=$dir/open/kvm setpriv --reuid=65534 --regid=65534 --clear-groups "$dir/open/rdpmc-diff" \
		run --engine kvm --random 1 >"$dir/out" 2>"$dir/err")
	status=$?
	check "without permission: 77 and the command that gives it" test $status -eq 77 -a \
		"$(grep -c 'permission denied; as root: setfacl -m u:[^ ]*:rw' "$dir/err")" -eq 1
else
	skip "without permission: 77 and the command that gives it" "not root"
fi
wrong_use "is not expected" survey --engine kvm 0x2000

if ! "$diff" run --engine kvm --random 1 >/dev/null 2>"$dir/err"; then
	skip "the live engine" "$(cat "$dir/err")"
	echo "1..$n"
	[ $failed -eq 0 ]
	exit
fi

run engines
check "engines: kvm, with the entries there are" test "$(grep -c '^kvm .*entries:.* plain' "$dir/out")" -eq 1
run run --engine kvm corpus/seeds
check "the corpus" ends 0 'No finding'
check "... told by KVM's counters" says "exits    by KVM's counters"
check "... the host is told" test "$(grep -c '^host: Linux .*KVM by' "$dir/out")" -eq 1
check "... and its entries" test "$(grep -c '^entries: plain' "$dir/out")" -eq 1
run run --engine kvm --random 20K
check "random cases" ends 0 'No finding'

# Every legal state and shape of ECX; what the host refuses is told, all else was run.
run survey --engine kvm --json "$dir/survey.json"
check "survey: nothing new" ends 0 "has the processor's outcome"
entries=$(grep -c '^entries: plain, and emulator' "$dir/out")
# 11 reads in each; without an emulator each is not tried by that.
check "survey: every shape of ECX in each of 62 states, or the host refuses it" test \
	"$(($(count 'reads answered') + $(awk '/^62 states/ { for (i = 1; i < NF; i++) if ($(i + 1) == "reads" && $(i + 2) == "refused") n = $i } END { print n + 0 }' "$dir/out")))" \
	-eq $((62 * 11 * (1 + entries)))
check "survey: states that were moved are counted" test "$(count 'reads in another CPU state')" -ge 62
check "survey: a refusal has its reason" sh -c "! grep -q '^62 states.* refused by the host' '$dir/out' || grep -q '^refused by the host: .*(..*)' '$dir/out'"
check "survey: no guest twice" sh -c "! grep -q 'guests at most: no PMU' '$dir/out' || grep -q '^$(($("$diff" survey --list | wc -l) - 1)) configurations left out' '$dir/out'"
python=python3
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null && python=/usr/bin/python3
check "survey: the schema accepts it" "$python" tests/check_schema.py results/rdpmc-results-2.schema.json "$dir/survey.json"

# A model that is wrong in one rule, and the same engine: found within ten seconds.
objects=$(make -s SETUP=no BUILD="$build" --eval 'the-objects: ; @echo $(call objects,$(BUILD),$(DIFF_SOURCES))' the-objects 2>/dev/null)
wrong_model() { # rule, sed command on model/rdpmc.h
	mkdir -p "$dir/model/model" && cp model/*.h "$dir/model/model" && sed -i "$2" "$dir/model/model/rdpmc.h" &&
		! cmp -s model/rdpmc.h "$dir/model/model/rdpmc.h" &&
		${CC:-gcc} -O0 -std=gnu11 -D_GNU_SOURCE -I"$dir/model" -I. -c -o "$dir/trial.o" fuzz/oracle/trial.c 2>"$dir/err" &&
		${CC:-gcc} -O0 -std=gnu11 -D_GNU_SOURCE -I"$dir/model" -I. -c -o "$dir/rdpmc.o" model/rdpmc.c 2>"$dir/err" &&
		${CC:-gcc} -pthread -o "$dir/wrong-diff" "$dir/trial.o" "$dir/rdpmc.o" \
			$(echo "$objects" | tr ' ' '\n' | grep -v 'fuzz/oracle/trial\.c\.o\|model/rdpmc\.c\.o') \
			$(pkg-config --libs jansson hwloc) -lm 2>"$dir/err"
	if [ $? -ne 0 ]; then
		not_ok "wrong model: $1: it can be built"
		return
	fi
	timeout 60 "$dir/wrong-diff" run --engine kvm --known none --random 15K >"$dir/out" 2>"$dir/err"
	status=$?
	check "wrong model is caught: $1" ends 1 'FOUND: '
}
# In front of the privilege check: an ECX that no guest here can read is a value.
value() { # condition on ecx
	printf '%s' "/RULE_PRIV, rdpmc_allowed(state))/i} else if ($1) { decision.width = 64;"
}
if [ -n "$objects" ] && command -v "${CC:-gcc}" >/dev/null; then
	wrong_model UD-LOCK 's/RULE_UD_LOCK, state->lock)/RULE_UD_LOCK, false)/'
	wrong_model PRIV 's/rdpmc_deny(&decision, ANSWER_GP, RULE_PRIV);/rdpmc_deny(\&decision, ANSWER_UD, RULE_PRIV);/'
	wrong_model VMWARE-PMC 's/policy->vmware_backdoor && !view->no_vmware/true/'
	wrong_model "FAULT: RAX" '/^static inline struct rdpmc_regs rdpmc_result/,/^}/s/^\t\treturn regs;/\t\tregs.rax = 0;\n&/'
	wrong_model "FAULT: RIP" '/^static inline struct rdpmc_regs rdpmc_result/,/^}/s/^\t\treturn regs;/\t\tregs.rip += 2;\n&/'
	wrong_model "FAULT: RFLAGS" '/^static inline struct rdpmc_regs rdpmc_result/,/^}/s/^\t\treturn regs;/\t\tregs.rflags ^= 0x40;\n&/'
	wrong_model TYPE-GP "$(value 'ecx - 30 < 2')"
	wrong_model TYPE-FIXED "$(value 'ecx - 0x4000001e < 2')"
	wrong_model METRICS-INDEX "$(value 'ecx >> 16 == 0x2000 && (ecx & 0xffff)')"
	wrong_model NO-FAST "$(value 'ecx >> 31')"
	wrong_model TYPE-OTHER "$(value 'ecx >> 16 == 0x6000')"
	wrong_model "ECX32: RCX[63:32]" "$(value 'state->regs.rcx >> 63')"
else
	skip "wrong models" "no compiler, or make does not tell the objects"
fi

# A KVM that misbehaves: tests/kvm_shim.c stands between.
with_shim() { # what it does, arguments...
	how=$1
	shift
	SHIM=$how LD_PRELOAD="$dir/shim.so" timeout 60 "$diff" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
told() { # how, text
	# Again and again, but for what takes a second: a NOP of the engine's own may be what is struck.
	every=397
	[ "$1" = hang ] && every=0
	SHIM_EVERY=$every with_shim "$1" run --engine kvm --random 3K
	check "the host misbehaves, $1: $2" test $status -eq 1 -a "$(grep -c "$2" "$dir/out")" -ge 1 -a \
		"$(grep -c '^\(FOUND\|No finding\).* 3000 cases' "$dir/out")" -eq 1
}
refused() { # how
	SHIM_EVERY=1 with_shim "$1" run --engine kvm --random 3K
	check "the host refuses, $1: counted, and it goes on" test $status -eq 0 -a "$(not_asked 'reads refused by the host')" -ge 1 -a \
		"$(grep -c '^\(FOUND\|No finding\).* 3000 cases' "$dir/out")" -eq 1
}
if ${CC:-gcc} -shared -fPIC -o "$dir/shim.so" tests/kvm_shim.c -ldl 2>"$dir/err"; then
	told internal-error 'splat    KVM_EXIT_INTERNAL_ERROR, suberror 3'
	told triple-fault 'splat    triple fault'
	told unknown 'splat    KVM exit reason 77'
	told hang 'splat    it did not come back within'
	told r12 'differs  r12: 0x[0-9a-f]* became'
	told rax 'differs  RAX: expected'
	told cr4 'differs  cr4: '
	told tr 'differs  tr.base: '
	told fail-entry 'splat    KVM_EXIT_FAIL_ENTRY, hardware reason 0x21, where a NOP is not refused'
	told refuse 'splat    KVM_RUN: Invalid argument, where a NOP is not refused'
	told eio 'splat    KVM_RUN: Input/output error'
	refused fail-entry
	refused refuse
	# From the very first on, wherever it strikes: told, never a crash of our own.
	for after in 100 250 400 511 659 800; do
		SHIM_AFTER=$after with_shim triple-fault run --engine kvm --random 1K
		[ $status -le 1 ] || [ $status -eq 77 ] || break
	done
	check "a triple fault early on: nothing worse than a finding" test $status -le 1 -o $status -eq 77
	with_shim hang run --engine kvm --random 3K --save "$dir"
	check "one that hangs is saved" test -s "$dir/finding-1"
	run explain "$dir/finding-1"
	check "... and can be explained" test $status -eq 0
	with_shim no-vm run --engine kvm --random 3K
	check "no VM any more: reported, and it ends" test $status -eq 1 -a "$(not_asked 'reads refused by the host')" -ge 100
	SHIM_EVERY=3 with_shim eintr run --engine kvm --random 3K
	check "a signal at every third KVM_RUN" ends 0 'No finding'
	with_shim eintr-create run --engine kvm corpus/seeds
	check "a signal while a VM is created: no read is refused for that" test $status -eq 0 -a \
		"$(grep -c 'Interrupted system call' "$dir/out")" -eq 0
	check "nothing is left beside the journals" test "$(ls "$RDPMC_JOURNAL" | wc -l)" -eq 0

	# The machine goes down in the middle: here only the program does.
	with_shim kill run --engine kvm --random 3K
	journal=$(ls "$RDPMC_JOURNAL"/* 2>/dev/null)
	check "killed: the journal is there" test $status -ne 0 -a -s "$journal"
	run run --engine kvm --random 10
	check "... the next run tells" test $status -eq 0 -a "$(grep -c "did not end: $journal holds the 256 cases" "$dir/err")" -eq 1
	run run --engine kvm "$journal"
	check "... and its cases can be tried again" test $status -eq 0 -a "$(grep -c '^No finding.*: 256 cases' "$dir/out")" -eq 1
	rm -f "$journal"
	SHIM_AFTER=3500 with_shim kill survey --engine kvm --configuration skylake
	check "a survey's worker is killed: it says so" test $status -eq 1 -a "$(grep -c 'a worker ended by Killed' "$dir/out")" -eq 1
	journal=$(ls "$RDPMC_JOURNAL"/* 2>/dev/null)
	run run --engine emulator "$journal"
	check "... and the reads are in the journal" test $status -eq 0 -a "$(grep -c '^No finding.*: 1 case,' "$dir/out")" -eq 1 -a \
		"$(count 'reads')" -gt 1
	rm -f "$journal"
else
	skip "a host that misbehaves" "no compiler for tests/kvm_shim.c"
fi
RDPMC_JOURNAL=$dir/nowhere run run --engine kvm --random 10
check "no journal, no run" test $status -eq 2 -a "$(grep -c 'RDPMC_JOURNAL=none does without' "$dir/err")" -eq 1
RDPMC_JOURNAL=none run run --engine kvm --random 10
check "... unless told so" ends 0 'No finding'

# Two at once, and Ctrl-C.
"$diff" run --engine kvm --random 3K >"$dir/second" 2>&1 &
run run --engine kvm --random 3K
wait $!
check "two users of KVM at once" test $? -eq 0 -a $status -eq 0
timeout --foreground --preserve-status -s INT 1 "$diff" run --engine kvm --random 10M >"$dir/out" 2>"$dir/err" </dev/null
check "interrupted: 130, and what was done is told" test $? -eq 130 -a "$(count cases)" -ge 1000
check "... no journal is left" test "$(ls "$RDPMC_JOURNAL" | wc -l)" -eq 0

echo "1..$n"
[ $failed -eq 0 ]
