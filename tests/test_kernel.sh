#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, longest
# limit 30m
# Puts a real kernel's RDPMC path on trial: Debian's 6.12, fetched once into the cache. As it is it
# differs only as is known; bugs planted into a copy are found, and so is what the review of the
# PERF_METRICS series spoke of.
set -u

cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
. tests/kernels.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
count=0 failures=0

result()
{
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
		return
	fi
	failures=$((failures + 1))
	echo "not ok $count - $2"
	tail -n 30 "$out" | sed 's/^/# /'
}

# check TITLE COMMAND...
check()
{
	title=$1
	shift
	"$@" >"$out" 2>&1
	result $? "$title"
}

finish()
{
	echo "1..$count"
	[ $failures -eq 0 ]
	exit
}

tree=$(scripts/kernel-tree debian:6.12 2>"$dir/out")
status=$?
if [ $status = 77 ]; then
	count=1
	echo "ok 1 - a real kernel's RDPMC path # SKIP $(tail -n 1 "$dir/out")"
	finish
fi
result $status "Debian's 6.12 is there"
[ $status = 0 ] || finish

# Engines are found beside the program; this one's are its own.
own_programs
diff=$dir/bin/rdpmc-diff
out=$dir/out

engine_of()
{
	scripts/kernel-engine --out "$dir/bin/kernel/$1.so" --name "$1" "$2"
}
fuzzer_of()
{
	scripts/kernel-engine --for fuzz --out "$1/copy.so" --name copy "$2"
}

check 'an engine of it' engine_of plain "$tree"
# What was compiled once is not again, wherever the tree is.
again()
{
	cp -as "$tree" "$dir/again" && CCACHE_STATSLOG=$dir/cache scripts/kernel-engine --name plain --out "$dir/again.so" "$dir/again" || return
	# A line "# FILE", then what came of it.
	awk '/^# / { file = $2 } file ~ /^tree\// && /cache_(hit|miss)/ { print file, $1 }' "$dir/cache" >"$dir/of-tree"
	cat "$dir/of-tree"
	[ "$(grep -c ' direct_cache_hit$' "$dir/of-tree")" -ge 8 ] && ! grep -q 'miss' "$dir/of-tree"
}
if command -v ccache >/dev/null && [ "${CCACHE_DISABLE:-}" = "" ]; then
	check '... another, of a copy of the tree, of which nothing is compiled' again
else
	count=$((count + 1))
	echo "ok $count - an engine of a copy # SKIP no ccache; scripts/setup kernel installs it"
fi
check 'nothing new in the seeds' "$diff" run --engine kernel:plain corpus/seeds corpus/regressions
# The survey tries these as well, and millions more.
check 'nothing new in 200,000 cases' "$diff" run --engine kernel:plain --random 200K
check 'the engines that there are' sh -c "'$diff' engines | grep -q 'kernel:plain.*Linux 6.12'"
surveys()
{
	"$diff" survey --engine kernel:plain --json "$dir/survey.json" --markdown "$dir/survey.md" &&
		python3 tests/check_schema.py results/rdpmc-results-2.schema.json "$dir/survey.json" || return
	# What must turn up by itself, and that nothing is stale.
	for known in vmware-by-exit vmware-by-emulator bitmaps-ignored three-fixed-counters; do
		grep -q "^[*][*]$known ([0-9]" "$dir/survey.md" || { echo "$known is not told"; return 1; }
	done
	! grep stale "$dir/survey.md"
}
check 'survey: only what is known, all of it, by the schema' surveys
"$diff" run --engine kernel:plain --known none corpus/seeds >"$dir/out" 2>&1
[ $? = 1 ]
result $? 'without known differences it does differ'

if [ ! -x "$build/fuzz-rdpmc" ] && ! make -s -j"$(nproc)" SETUP=no BUILD="$build" "$build/fuzz-rdpmc" >"$dir/out" 2>&1; then
	result 1 'the fuzz target builds'
	finish
fi

options=${FUZZ_OPTIONS-} # the Makefile's
seeds=$(pwd)/corpus/seeds
target=$(pwd)/$build/fuzz-rdpmc
# fuzz ENGINE ARGUMENT...
fuzz()
{
	engine=$1
	shift
	# What the fuzzer keeps goes into the first directory, not among the seeds.
	mkdir -p "$engine.corpus"
	# shellcheck disable=SC2086 # options
	(cd "$(dirname "$engine")" && RDPMC_ENGINE=$engine "$target" $options "$engine.corpus" "$@")
}

# Copy $1 shares with the tree what is not edited; this puts the edited files back.
restore()
{
	find "$1/arch/x86" -type f | while read -r file; do
		ln -sf "$tree/${file#"$1/"}" "$file"
	done
}

# The fuzzer ends with a report, within ten seconds, and the report says what it should.
found()
{
	fuzz "$1" -max_total_time=10 "$seeds" >"$1.out" 2>&1 && { cat "$1.out"; return 1; }
	cat "$1.out"
	grep -qE '^FOUND: |^SUMMARY: AddressSanitizer' "$1.out" && grep -q "$2" "$1.out"
}

# Again and again: libFuzzer's handler of signals must not keep ours from the second one.
should_continue()
{
	mkdir "$1/known" && cp fuzz/oracle/known/*.json "$1/known" || return
	cat >"$1/known/planted.json" <<-'END'
		{ "kernels": "6.12 -", "differences": [ {
			"name": "planted", "when": ["ecx >= 0"],
			"trouble": "null or misaligned pointer", "answer": "any",
			"kernel": "reads what is nowhere", "processor": "reads a counter",
			"why": "it was planted", "source": "arch/x86/kvm/pmu.c", "reach": "nobody"
		} ] }
	END
	# 64-bit mode, ECX = 1, four counters of 48 bits.
	{
		printf '\001\004' && head -c 14 /dev/zero && printf '\001' && head -c 32 /dev/zero
		printf '\002\004\060' && head -c 25 /dev/zero && printf '\002\004\060' && head -c 52 /dev/zero
	} >"$1/case"
	# A directory is the fuzzer's corpus, files are run.
	engine=$1/copy.so
	! RDPMC_ENGINE=$engine "$target" "$1/case" || return
	RDPMC_KNOWN=$1/known RDPMC_ENGINE=$engine "$target" "$1/case" "$1/case" "$1/case"
}

# plant WORKER: its share of the bugs, each by an engine of its own, in which it is chosen.
plant()
{
	work=$dir/worker-$1
	count=0 failures=0
	number=0
	while read -r bug feature complaint; do
		number=$((number + 1))
		[ $((number % 2)) = "$1" ] || continue
		[ "$feature" = - ] || grep -q kvm_need_rdpmc_intercept "$tree/arch/x86/kvm/pmu.h" || continue
		if ! tests/kernel_edit.py --choose "$bug" "$dir/fuzz/copy.so" "$work/copy.so" >"$out" 2>&1; then
			result 1 "planted: $bug: can be chosen"
			continue
		fi
		check "planted: $bug: found" found "$work/copy.so" "${complaint:-^FOUND: }"
		[ "$bug" != null-pointer ] || check 'a memory fault that is known does not stop the fuzzer' should_continue "$work"
	done <"$dir/bugs"
}

tests/kernel_edit.py --list >"$dir/bugs"
mkdir "$dir/fuzz" "$dir/worker-0" "$dir/worker-1" && cp -as "$tree" "$dir/fuzz/copy" || exit 1
check 'an engine for the fuzzer' fuzzer_of "$dir/fuzz" "$dir/fuzz/copy"
check 'fuzzed with sanitizers, nothing new' fuzz "$dir/fuzz/copy.so" -runs=300000 "$seeds"
# The compiler takes longer for one bug than the fuzzer does to find it: there is one engine for all, and in that one is
# chosen, or none.
check 'all bugs can be planted' tests/kernel_edit.py --all "$dir/fuzz/copy"
check '... in an engine' fuzzer_of "$dir/fuzz" "$dir/fuzz/copy"
check '... in which none is found while none is chosen' fuzz "$dir/fuzz/copy.so" -runs=100000 "$seeds"
for worker in 0 1; do
	(out=$dir/worker-$worker.out && plant $worker >"$dir/plant-$worker" 2>&1) &
done
wait
# One list of numbers.
sed -E 's/^(ok|not ok) [0-9]+ /\1 /' "$dir/plant-0" "$dir/plant-1" >"$dir/planted"
while read -r line; do
	case $line in
	ok*)		count=$((count + 1)); echo "ok $count ${line#ok }" ;;
	'not ok'*)	count=$((count + 1)) failures=$((failures + 1)); echo "not ok $count ${line#not ok }" ;;
	*)		echo "$line" ;;
	esac
done <"$dir/planted"
[ "$(grep -c '^ok - planted' "$dir/planted")" -ge 10 ]
result $? 'at least ten planted bugs were found'

# The designs of the review: what each of them answers that the processor does not.
series()
{
	# The corrected one is the proposed one but for a line: the rest of it is compiled already.
	if [ "$1" = corrected ]; then
		tests/kernel_edit.py "$dir/copy" correction
	else
		restore "$dir/copy"
		tests/kernel_edit.py "$dir/copy" "series-$1"
	fi && scripts/kernel-engine --out "$dir/bin/kernel/$1.so" --name "$1" "$dir/copy"
}
finds()
{
	"$diff" run --engine "kernel:$1" --random 300K >"$dir/findings"
	grep -q "$2" "$dir/findings" || { cat "$dir/findings"; return 1; }
}
cp -as "$tree" "$dir/copy"
for design in posted proposed corrected; do
	check "the series as $design: an engine" series $design
done
check 'as posted: type 0x6000 is answered' finds posted '0x6000....: type 0x6000'
check 'as posted: index 1 and others are answered' finds posted 'type 0x2000, index [1-9]'
check 'as posted: AMD is answered, too' finds posted 'ECX = 0x2000....: index'
check 'as proposed: indices but 0 are answered' finds proposed 'type 0x2000, index [1-9]'
check 'corrected: nothing new' "$diff" run --engine kernel:corrected --random 2M

# Where PERF_METRICS is kept elsewhere nothing can be said of its value; of who may read it all can.
elsewhere()
{
	tests/kernel_edit.py "$dir/copy" metrics-elsewhere pdcm-forgotten &&
		scripts/kernel-engine --out "$dir/bin/kernel/elsewhere.so" --name elsewhere "$dir/copy" &&
		"$diff" survey --engine kernel:elsewhere --configuration sapphire-rapids >"$dir/moved" &&
		"$diff" survey --engine kernel:elsewhere --configuration sapphire-rapids-no-metrics >"$dir/none" || return
	tr -s ' \n' ' ' <"$dir/moved" | grep -q '^Every read that was tried .* reads not checked (this tree has PERF_METRICS where it cannot be set' &&
		! grep -q 'not checked' "$dir/none" || { cat "$dir/moved" "$dir/none"; return 1; }
}
check 'PERF_METRICS in another place: told, and not judged' elsewhere
# The value is not judged, but that there is one.
no_pdcm()
{
	"$diff" survey --engine "kernel:$1" --configuration sapphire-rapids-no-pdcm >"$dir/forgotten"
	[ $? = "$2" ] && { [ "$2" = 0 ] || grep -q 'got a value, expected #GP (rule TYPE-METRICS)' "$dir/forgotten"; } ||
		{ cat "$dir/forgotten"; return 1; }
}
check 'a guest without PDCM has no PERF_METRICS: corrected' no_pdcm corrected 0
check '... and a tree that does not ask for PDCM is found' no_pdcm elsewhere 1

changes()
{
	"$diff" survey --engine kernel:plain --against "kernel:$1" --configuration sapphire-rapids >"$dir/changes"
	[ $? = "$2" ] && grep -q "$3" "$dir/changes" || { cat "$dir/changes"; return 1; }
}
check 'what the corrected series changes: PERF_METRICS can be read' changes corrected 0 '#GP -> value'
# A tree that intercepts RDPMC always does so with PERF_METRICS, too.
check '... and whether RDPMC is intercepted is known as before' sh -c "! grep 'unknown to the engine' '$dir/changes'"
check 'what the posted series changes: type 0x6000 and others became wrong' changes posted 1 'Became wrong'

# What public reports tell of, at once, so that there is one engine to build: each shows by its own rule and answers.
reported()
{
	restore "$dir/copy"
	tests/kernel_edit.py "$dir/copy" v1-fixed amd-six stale-cr4 tf-lost perf-forgotten exits-to-user \
		vmx-cleared svm-forgotten &&
		scripts/kernel-engine --out "$dir/bin/kernel/reported.so" --name reported "$dir/copy" || return
	mkdir "$dir/kept"
	"$diff" survey --engine kernel:plain --against kernel:reported --configuration smaller-version-1 \
		--configuration smaller-ext-core --save "$dir/kept" >"$dir/changes"
	[ $? = 1 ] || { cat "$dir/changes"; return 1; }
}
shows()
{
	sed -n '/^Became wrong/,/^[A-W][a-z]* [a-z]* [a-z]*/p' "$dir/changes" | grep -qE "^[0-9]+[.] .*$1" ||
		{ cat "$dir/changes"; return 1; }
}
# Its file differs by the engine that became wrong.
repeats()
{
	repeat=$(sed -n 's/^ *repeat *rdpmc-diff //p' "$dir/changes" | head -n 1)
	# shellcheck disable=SC2086 # a command
	"$diff" $repeat >"$dir/found"
	[ $? = 1 ] || { cat "$dir/found"; return 1; }
}
check 'faults of public reports: --against says that they are wrong' reported
check '... fixed counters of version 1' shows 'Intel guest: #GP -> value \(rule TYPE-FIXED'
check '... six counters on AMD without PerfCtrExtCore' shows 'AMD guest: #GP -> value \(rule AMD-OTHER'
check '... CR4.PCE read where KVM has not fetched it' shows 'Intel guest: #GP -> value \(rule PRIV'
check '... a single step that is lost' shows 'side effects \(rule SINGLE-STEP'
check '... what a perf event counted, forgotten' shows 'value -> another value \(rule (TYPE-GP|AMD-CORE)'
check '... a return to user space for #GP' shows '#GP -> return to user space \(rule NO-FAST'
check '... RDPMC exiting cleared in vmx.c' shows 'intercept, Intel guest: NOT intercepted'
check '... RDPMC not intercepted in svm.c' shows 'intercept, AMD guest: NOT intercepted'
check '... with its reason' grep -q 'KVM_EXIT_INTERNAL_ERROR' "$dir/changes"
check '... and the command that repeats the first' repeats

# Code of other shapes is right as well; what of it is not run is named.
shapes()
{
	restore "$dir/copy"
	tests/kernel_edit.py "$dir/copy" counters-by-bitmap feature-in-cr4 vmcb-in-refresh vmcs-in-refresh message-in-refresh \
		exit-not-run &&
		scripts/kernel-engine --out "$dir/bin/kernel/shapes.so" --name shapes "$dir/copy" &&
		"$diff" survey --engine kernel:plain --against kernel:shapes --configuration skylake --configuration amd-v2 \
			--configuration panther-cove >"$dir/changes" &&
		grep -q '^Nothing changed in what was run' "$dir/changes" && grep -q 'not run .*vmx/vmx.c: handle_triple_fault()' "$dir/changes" ||
		{ cat "$dir/changes"; return 1; }
}
check 'counters by bitmap, a VMCS, a VMCB, messages, features of CR4 change nothing; what is not run is named' shapes

# What the vendors' files do not have by its name is told, and their controls are not judged then.
renamed()
{
	restore "$dir/copy"
	sed -i 's/svm_vcpu_after_set_cpuid/svm_after_cpuid/' "$dir/copy/arch/x86/kvm/svm/svm.c" &&
		scripts/kernel-engine --features "$dir/copy" >"$dir/features" 2>&1 || return
	grep -q '^controls false ' "$dir/features" && grep -q "not judged in vmx.c and svm.c: .*'svm_vcpu_after_set_cpuid'" "$dir/features" ||
		{ cat "$dir/features"; return 1; }
}
check 'a function of svm.c by another name: told' renamed

# Trees before 6.2 ask perf for last branch records; in 5.10 a vendor's operations are a table, and each has its own handler
# of the exit.
decided()
{
	"$diff" survey --engine kernel:old --configuration skylake --configuration amd-ext-core --verbose >"$dir/decided" 2>&1 &&
		grep -q 'intercepted needlessly in 2 of 2 configurations' "$dir/decided" || { cat "$dir/decided"; return 1; }
}
for version in 6.1 5.10; do
	old=$(cached_tree -name "debian-${version}_*")
	if [ "$old" ]; then
		check "an engine of Debian's $version" engine_of old "$old"
		check '... only what is known in 300,000 cases' "$diff" run --engine kernel:old --random 300K
		check '... nor with more counters than its arrays hold' "$diff" survey --engine kernel:old \
			--configuration ten-counters-kvm --configuration most
		check '... which always intercepts' decided
	else
		count=$((count + 1))
		echo "ok $count - Debian's $version # SKIP no tree of debian:$version in the cache; scripts/kernel-tree debian:$version makes one"
	fi
done
finish
