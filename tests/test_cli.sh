#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Proves that rdpmc-bench answers wrong use with one clear line and the right exit status, keeps
# files whole, ends on Ctrl-C with what it measured, and that make and README say what is there.
set -u
bench=${BUILD:-build}/rdpmc-bench
sanitized=${SANITIZED:-build/sanitized}/rdpmc-bench
dir=$(mktemp -d) || exit 1
mounted=
cleanup() {
	[ -n "$mounted" ] && umount "$dir/small"
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
n=0 failed=0

ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() {
	n=$((n + 1)) failed=$((failed + 1))
	echo "not ok $n - $1"
	sed 's/^/# out: /' "$dir/out" 2>/dev/null
	sed 's/^/# err: /' "$dir/err" 2>/dev/null
}
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }
check() { # name, condition...
	name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name"; fi
}
run() { # arguments of rdpmc-bench; sets $status
	"$bench" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

# A short run. On a busy machine a second may be too little for any: then more of it.
measure() { # program, arguments of run but --time; sets $status
	program=$1
	shift
	for seconds in 1 10 60; do
		"$program" run --time $seconds "$@" >"$dir/out" 2>"$dir/err" </dev/null
		status=$?
		grep -q "^rdpmc-bench: $seconds s is too little for" "$dir/err" || break
	done
}

# A run of this host's rows: good, or failed by nothing but what KVM is known to answer wrongly here.
good_run() { # status, JSON file
	[ "$1" -eq 0 ] || { [ "$1" -eq 1 ] && /usr/bin/python3 -c 'import json, sys
failed = [row["reason"] for row in json.load(open(sys.argv[1]))["rows"] if row["status"] == "failed"]
for reason in failed:
    print("# failed row:", reason)
sys.exit(not failed or not all("known: " in reason for reason in failed))' "$2"; }
}

# Exit 2, nothing on stdout, exactly one line on stderr that holds the text.
wrong_use() { # text, arguments...
	text=$1
	shift
	run "$@"
	if [ $status -eq 2 ] && [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
		grep -qF -e "$text" "$dir/err"; then
		ok "wrong use: $*"
	else
		echo "# exit status $status, expected 2 and: $text"
		not_ok "wrong use: $*"
	fi
}

wrong_use "'frobnicate' is not a command" frobnicate
wrong_use "unrecognized option '--bogus'" run --bogus
wrong_use "requires an argument" run --time
wrong_use "'0' is not a number from 1 to 86400" run --time 0
wrong_use "'-3' is not a number" run --time=-3
wrong_use "'nan' is not a number" run --time nan
wrong_use "'1e9' is not a number" run --time 1e9
wrong_use "'10s' is not a number" run --time 10s
wrong_use "'0' is not a whole number from 1 to 1000" run --runs 0
wrong_use "'1001' is not a whole number" run --runs 1001
wrong_use "'2.5' is not a whole number" run --runs 2.5
wrong_use "is not a whole number below 2^64" run --seed 99999999999999999999
wrong_use "unclosed '['" run --filter 'rdpmc/[a'
wrong_use "the pattern is empty" run --filter ''
wrong_use "there is only 'user'" run --vpmu kernel
wrong_use "--unit: 'ms' is unknown; there are ns and cycles" run --unit ms
wrong_use "'extra' is not expected" run extra
wrong_use "'extra' is not expected" doctor extra
wrong_use "'extra' is not expected" nested extra
wrong_use "unrecognized option '--filter'" nested --filter x
wrong_use "is a directory" nested --json "$dir"
wrong_use "/no-such-device" run --device "$dir/no-such-device"
wrong_use "is not KVM" run --device /dev/null
wrong_use "is a directory" run --json "$dir"
wrong_use "No such file or directory" run --json "$dir/none/x.json"

"$bench" >"$dir/out" 2>"$dir/err"
check "no command: usage on stderr, exit 2" test $? -eq 2 -a ! -s "$dir/out"
for command in "" run list doctor nested; do
	run $command --help
	check "help fits a screen: $command" test $status -eq 0 -a "$(wc -l <"$dir/out")" -le 40 -a \
		-s "$dir/out" -a ! -s "$dir/err"
done
run --version
check "version" grep -q '^rdpmc-bench [0-9a-f.]' "$dir/out"
status=0
"$bench" list >/dev/full 2>"$dir/err" || status=$?
check "standard output full: exit 2 or nothing to say" test $status -eq 2 -o $status -eq 77
wrong_use "given twice" run --filter a --filter b
wrong_use "--pmu-cost: --vpmu=user takes KVM's PMU" run --vpmu=user --pmu-cost
wrong_use "unrecognized option '--pmu-cost'" doctor --pmu-cost
for wrong in 0 -1 1000 two 2.5 ''; do
	wrong_use "--vcpus: '$wrong' is not a whole number from 1 to 128" run --vcpus "$wrong"
done
wrong_use "--vcpus: --vpmu=user answers in this program" run --vpmu=user --vcpus 2
wrong_use "--vcpus: --pmu-cost has benchmarks of its own" list --vcpus 2 --pmu-cost
wrong_use "--cpu: --vcpus chooses a CPU for each vCPU" run --vcpus 2 --cpu 0

# A device that may not be opened: as somebody else, on a file of root's.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	: >"$dir/locked" && chmod 600 "$dir/locked" && chmod 755 "$dir"
	cp "$bench" "$dir/bench"
	setpriv --reuid 65534 --clear-groups "$dir/bench" run --device "$dir/locked" >"$dir/out" 2>"$dir/err"
	check "device not permitted: one line with the command, exit 2" test $? -eq 2 -a \
		"$(grep -c 'permission denied; as root: setfacl -m u:nobody:rw ' "$dir/err")" -eq 1
	mkdir "$dir/closed" && chmod 500 "$dir/closed"
	setpriv --reuid 65534 --clear-groups "$dir/bench" run --json "$dir/closed/x" >"$dir/out" 2>"$dir/err"
	check "unwritable directory: exit 2" test $? -eq 2 -a "$(grep -c 'Permission denied' "$dir/err")" -eq 1
else
	skip "device not permitted" "needs root and setpriv"
	skip "unwritable directory" "needs root and setpriv"
fi

make -s help >"$dir/out" 2>"$dir/err"
check "make help" test $? -eq 0
undocumented=$(sed -n 's/^\([a-z][a-z-]*\):.*/\1/p' Makefile | grep -v '^setup-' | while read -r target; do
	grep -q "^  $target " "$dir/out" || echo "$target"
done)
check "make help names every target a person may type: $undocumented" test -z "$undocumented"

# A host without KVM is a case for a doctor too.
run doctor -v
check "doctor looks at the host, KVM or not" test "$(grep -c 'clocksource' "$dir/out")" -eq 1 -a \
	\( $status -eq 0 -o $status -eq 77 -a "$(wc -l <"$dir/err")" -eq 1 \)

good=$(grep -c '^good ' "$dir/out")
run doctor
check "... $good checks are good with -v, without it they are a line" test "$good" -gt 1 -a "$(grep -c '^good ' "$dir/out")" -eq 1 -a \
	"$(grep -c '^good  *[0-9]* other checks (-v lists them)$' "$dir/out")" -eq 1

run nested
check "nested: a verdict on every read, or one line why there is none" test \
	\( $status -eq 0 -a "$(head -n 1 "$dir/out" | grep -c '^nested RDPMC on .* of .* reads')" -eq 1 \) -o \
	\( $status -eq 77 -a ! -s "$dir/out" -a "$(wc -l <"$dir/err")" -eq 1 \)

run list
if [ $status -eq 77 ]; then
	reason=$(cat "$dir/err")
	for name in "doctor's settings" "list" "list's count" "list's reasons" "pmu-cost" "vcpus" "run" "filter" "stdout" "interrupt" "disk" "file" "device full" "doctor json" "tracepoints" \
		"simulated" "budget" "cpu" "sanitizers" "anonymous"; do
		skip "$name" "$reason"
	done
	echo "1..$n"
	exit $((failed > 0))
fi
"$bench" doctor >"$dir/doctor" 2>&1
check "doctor speaks of both settings" test "$(grep -c -e '^passthrough ' -e '^intercepted ' "$dir/doctor")" -eq 2
# Fixed counters, PERF_METRICS and types of counter are Intel's: AMD has fewer rows.
# (What the program says: the test may run as another host.)
least=51
"$bench" run --time 1 --runs 1 --filter 'control/empty/cpl3' --json "$dir/vendor.json" >/dev/null
grep -qE '"vendor": *"(AuthenticAMD|HygonGenuine)"' "$dir/vendor.json" && least=30
check "list: every row measurable or with its reason" test $status -eq 0 -a \
	"$(grep -c '^ *[a-z-]*/' "$dir/out")" -ge $least -a "$(grep -c 'skipped: $' "$dir/out")" -eq 0
check "list: how many first" test "$(head -n 1 "$dir/out")" = \
	"$(sed '/^skipped: /,$d' "$dir/out" | grep -c '^[a-z-]*/') of $(grep -c '^ *[a-z-]*/' "$dir/out") benchmarks can be measured here:"
check "list: each reason once" test -z "$(grep '^skipped: ' "$dir/out" | sort | uniq -d)"
wrong_use "matches no benchmark" run --filter 'no-such-row*'
if [ $least -eq 30 ]; then
	run run --filter 'rdpmc/fixed*'
	check "a filter of Intel's benchmarks on AMD: one line with the reason, exit 77" test $status -eq 77 -a ! -s "$dir/out" -a \
		"$(wc -l <"$dir/err")" -eq 1 -a "$(grep -c 'benchmarks of Intel hosts only, rdpmc/fixed0/.*AMD processors have no fixed' "$dir/err")" -eq 1
else
	skip "a filter of Intel's benchmarks on AMD" "this is an Intel processor"
fi
run list --pmu-cost
check "list --pmu-cost: five exits of seven guests and the loops, nothing else" test $status -eq 0 -a \
	"$(grep -c '^ *[a-z-]*/' "$dir/out")" -eq 37 -a "$(grep -c '^ *control/[a-z]*-no-pmu/' "$dir/out")" -eq 7 -a \
	"$(grep -c '^ *control/[a-z]*-\(intercepted\|passthrough\)-\(0\|1\|all\)/' "$dir/out")" -eq 30
cp "$dir/out" "$dir/list"
run run --pmu-cost --list
check "... and run --list says the same" cmp -s "$dir/out" "$dir/list"
wrong_use "matches no benchmark" run --pmu-cost --filter 'rdpmc/*'
run list --vcpus 3
check "list --vcpus: each row with one, two and three, and nothing else" test $status -eq 0 -a \
	"$(grep -c '^ *[a-z-]*/' "$dir/out")" -eq "$(grep -c '^ *[a-z-]*/[a-z0-9-]*-vcpus[123]/' "$dir/out")" -a \
	"$(grep -c -e '-vcpus3/' "$dir/out")" -eq "$(grep -c -e '-vcpus1/' "$dir/out")" -a \
	"$(grep -c '^ *control/cpuid-vcpus3/cpl[03]$' "$dir/out")" -eq 2
one=$(taskset -cp $$ | sed 's/.*[ ,-]//')
taskset -c "$one" "$bench" run --vcpus 2 >"$dir/out" 2>"$dir/err"
check "more vCPUs than CPUs: one line, exit 77" test $? -eq 77 -a ! -s "$dir/out" -a "$(wc -l <"$dir/err")" -eq 1 -a \
	"$(grep -c -e '--vcpus: 2 vCPUs want as many CPUs, this process may use 1' "$dir/err")" -eq 1
taskset -c "$one" "$bench" run --vcpus 2 --force >"$dir/out" 2>"$dir/err"
check "... by force as well" test $? -eq 77
wrong_use "CPU 65535 does not exist" run --cpu 65535
wrong_use "is too little for 1000 runs" run --time 1 --runs 1000

quick="--runs 2 --seed 7"
measure "$bench" $quick --json "$dir/a.json"
check "a run: good, a table, a file" good_run $status "$dir/a.json"
check "no line is wider than 100 columns" test "$(awk 'length > 100' "$dir/out" | wc -l)" -eq 0
check "no escape codes where there is no terminal" test "$(grep -c "$(printf '\033')" "$dir/out")" -eq 0
check "no progress where there is no terminal" test ! -s "$dir/err"
check "exits per read on every row" test "$(awk '/^  [a-z0-9-]+\/cpl/ && NF != 6' "$dir/out" | wc -l)" -eq 0
faulting='^  (out-of-range|metrics|type6000)'
if grep -q '^backend svm' "$dir/out"; then
	skip "faulting reads are intercepted" "on SVM #GP comes before the exit"
else
	check "faulting reads are intercepted: at least one exit each" test \
		"$(grep -cE "$faulting" "$dir/out")" -gt 0 -a "$(awk "/$faulting/ && \$NF < 0.9" "$dir/out" | wc -l)" -eq 0
fi
check "permissions follow umask" test "$(stat -c %a "$dir/a.json")" = "$(printf '%o' $((0666 & ~0$(umask))))"

measure "$bench" $quick --filter 'rdpmc-fault/out-of-range/*' --json -
check "JSON on stdout is JSON alone" /usr/bin/python3 -c 'import json,sys
rows = json.load(open(sys.argv[1]))["rows"]
names = {row["name"] for row in rows if row["status"] == "measured"}
assert {"rdpmc-fault/out-of-range/intercepted/cpl3", "control/empty/cpl3"} <= names, names' "$dir/out"
check "the table then goes to stderr, without the loops that only net others" test \
	"$(grep -c 'out-of-range/cpl3' "$dir/err")" -eq 1 -a "$(grep -c 'empty/cpl3' "$dir/err")" -eq 0

measure "$bench" --pmu-cost $quick --filter '*/cpuid-*/cpl3' --json "$dir/cost.json"
check "a PMU's cost: a run" good_run $status "$dir/cost.json"
check "... the matrix, or why there is none, before the rows" test \
	"$(grep -n -m 1 "^what a guest's PMU costs" "$dir/out" | cut -d: -f1)" -lt \
	"$(grep -n -m 1 'net of the empty loop' "$dir/out" | cut -d: -f1)" -a \
	"$(grep -cE '^  (counters on:|unknown: )' "$dir/out")" -eq 1 -a "$(awk 'length > 100' "$dir/out" | wc -l)" -eq 0
check "... a cost for each row of a guest with a PMU, to the guest without" /usr/bin/python3 -c 'import json,sys
result = json.load(open(sys.argv[1]))
rows = {row["name"]: row for row in result["rows"]}
assert rows["control/cpuid-no-pmu/cpl3"]["status"] == "measured", rows
assert result["options"]["pmu_cost"] is True
measured = {name for name, row in rows.items() if row["status"] == "measured" and "-no-pmu/" not in name}
assert {cost["row"] for cost in result["pmu_costs"]} == measured
assert all(cost["without"] == "control/cpuid-no-pmu/cpl3" for cost in result["pmu_costs"])' "$dir/cost.json"
check "without the option: no cost" /usr/bin/python3 -c 'import json,sys
result = json.load(open(sys.argv[1]))
assert "pmu_costs" not in result and "pmu_cost" not in result["options"]' "$dir/a.json"

# Of a single vCPU: it needs one CPU, as all of this does.
measure "$bench" --vcpus 1 $quick --filter '*/cpuid-*/cpl3' --json "$dir/vcpus.json"
check "vcpus: a run" good_run $status "$dir/vcpus.json"
check "... its own figure is the row's" /usr/bin/python3 -c 'import json,sys
result = json.load(open(sys.argv[1]))
rows = {row["name"]: row for row in result["rows"]}
assert set(rows) == {"control/empty-vcpus1/cpl3", "control/cpuid-vcpus1/cpl3"}, rows
row = rows["control/cpuid-vcpus1/cpl3"]
assert row["vcpus"] == 1 and row["together"] == 1, row
assert [each["cpu"] for each in row["each_vcpu"]] == [result["context"]["placement"]["cpu"]]
assert result["options"]["vcpus"] == 1 and result["vcpu_costs"] == []' "$dir/vcpus.json"
# Of two, where there are two cores; what else runs here may keep them from running together, and then they say so.
cores=$(lscpu -p=CORE 2>/dev/null | grep -v '^#' | sort -u | wc -l)
if [ "$cores" -ge 2 ] && [ "$(nproc)" -ge 2 ] && [ -z "${MADE:-}" ]; then
	measure "$bench" --force --vcpus 2 $quick --filter '*/cpuid-*/cpl3' --json "$dir/vcpus.json"
	check "vcpus: two at the same time, or said that they were not" /usr/bin/python3 -c 'import json,sys
result = json.load(open(sys.argv[1]))
rows = {row["name"]: row for row in result["rows"]}
assert int(sys.argv[2]) in (0, 1), sys.argv[2]
assert rows["control/cpuid-vcpus1/cpl3"]["status"] == "measured", rows
row = rows["control/cpuid-vcpus2/cpl3"]
assert len({each["cpu"] for each in row["each_vcpu"]}) == 2 and all(each["median"] for each in row["each_vcpu"]), row
together = min(row["together"], rows["control/empty-vcpus2/cpl3"]["together"])
assert row["status"] == ("measured" if together >= 0.9 else "failed"), row
assert row["status"] == "measured" or "at the same time" in row["reason"], row
measured = [name for name, row in rows.items() if row["vcpus"] == 2 and row["status"] == "measured"]
assert sorted(cost["row"] for cost in result["vcpu_costs"]) == sorted(measured)' "$dir/vcpus.json" "$status"
else
	skip "vcpus: two at the same time" "fewer than two cores"
fi

measure "$bench" --vpmu=user $quick --filter '*metrics/*' --json "$dir/sim.json"
check "simulated metrics rows are measured and marked" /usr/bin/python3 -c 'import json,sys
rows = {row["name"]: row for row in json.load(open(sys.argv[1]))["rows"]}
row = rows["rdpmc/metrics/simulated-vpmu/cpl3"]
assert row["status"] == "measured" and row["setting"] == "simulated-vpmu", row
value = int(row["value"], 16)
assert sum(value >> 8 * i & 0xff for i in range(4)) == 0xff, row' "$dir/sim.json"

# Ctrl-C: what was measured is kept. On a busy machine the first run may take a while.
for seconds in 3 15 60; do
	"$bench" run --time 300 --runs 1000 --filter 'control/*' --json "$dir/part.json" >"$dir/out" 2>"$dir/err" &
	pid=$!
	sleep $seconds
	start=$(date +%s%N)
	# A background job of a script ignores SIGINT; SIGTERM goes the same way.
	kill -TERM $pid
	wait $pid
	status=$?
	ms=$((($(date +%s%N) - start) / 1000000))
	grep -q '"status": "measured"' "$dir/part.json" && break
done
check "interrupted: exit 128 + signal (took $ms ms)" test $status -eq 143
check "interrupted: what was measured is kept, marked as partial" /usr/bin/python3 -c 'import json,sys
result = json.load(open(sys.argv[1]))
assert result["partial"] is True
assert any(row["status"] == "measured" for row in result["rows"])' "$dir/part.json"

# A disk that is full: the old file survives, nothing else is left.
mkdir "$dir/small"
if mount -t tmpfs -o size=16k none "$dir/small" 2>/dev/null; then
	mounted=yes
	echo old >"$dir/small/x.json"
	measure "$bench" $quick --filter 'control/*' --json "$dir/small/x.json"
	check "disk full: exit 2 and one line" test $status -eq 2 -a "$(wc -l <"$dir/err")" -eq 1 -a \
		"$(grep -c 'No space left on device' "$dir/err")" -eq 1
	check "disk full: the old file survives alone" test "$(cat "$dir/small/x.json")" = old -a \
		"$(ls -A "$dir/small")" = x.json
else
	skip "disk full" "tmpfs cannot be mounted here"
fi
measure "$bench" $quick --filter 'control/*' --json /dev/full
check "a device that is full: exit 2" test $status -eq 2 -a "$(wc -l <"$dir/err")" -eq 1

run doctor --json "$dir/doctor.json"
check "doctor as JSON" /usr/bin/python3 -c 'import json,sys
advice = json.load(open(sys.argv[1]))["advice"]
assert len(advice) > 10 and all(a["level"] in ("good", "note", "disturbs", "prevents") for a in advice)' \
	"$dir/doctor.json"

measure "$sanitized" $quick --time 4 --json "$dir/b.json"
check "the whole program under ASan and UBSan" good_run $status "$dir/b.json"
check "... without a complaint" test ! -s "$dir/err"
measure "$sanitized" --vpmu=user $quick --json "$dir/b.json"
check "the simulated path under ASan and UBSan" good_run $status "$dir/b.json"
check "... without a complaint" test ! -s "$dir/err"
measure "$bench" $quick --anonymous --filter 'control/empty/*' --json "$dir/c.json"
check "anonymous: neither name nor command line" /usr/bin/python3 -c 'import json,sys
context = json.load(open(sys.argv[1]))["context"]
assert context["hostname"] is None and context["kernel"]["cmdline"] is None and context["kernel"]["release"]' \
	"$dir/c.json"

echo "1..$n"
exit $((failed > 0))
