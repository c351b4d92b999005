#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
#
# Proves that what rdpmc-bench writes, and what is recorded in results/, is what the schema says,
# and that the schema and its check refuse what is not.
set -u

# The distribution's interpreter: the one that has the distribution's jsonschema.
python=${SETUP_PYTHON:-/usr/bin/python3}
export PYTHONDONTWRITEBYTECODE=1
bench=${BUILD:-build}/rdpmc-bench
schema=results/rdpmc-results-2.schema.json
recorded=results/recorded/2026-11-22-pvm-no-pmu.json
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
count=0
failures=0

ok()
{
	count=$((count + 1))
	echo "ok $count - $1"
}

skip() # NAME REASON
{
	ok "$1 # SKIP $2"
}

# With what is in the file WHY, if anything, as the explanation.
not_ok() # NAME [WHY]
{
	count=$((count + 1))
	failures=$((failures + 1))
	[ -z "${2:-}" ] || sed 's/^/# /' "$2"
	echo "not ok $count - $1"
}

check()
{
	"$python" tests/check_schema.py "$@" >"$work/problems" 2>&1
}

valid() # NAME FILE
{
	if check $schema "$2"; then ok "$1"; else not_ok "$1" "$work/problems"; fi
}

# The check of FILE ends with status 1 and says SAID.
refused() # NAME SAID SCHEMA FILE
{
	check "$3" "$4"
	if [ $? -eq 1 ] && grep -q -e "$2" "$work/problems"; then
		ok "$1"
	else
		not_ok "$1" "$work/problems"
	fi
}

# Why nothing can be measured here; empty when something can.
obstacle()
{
	"$bench" list >/dev/null 2>"$work/errors" && return
	[ $? -eq 77 ] && sed 's/^rdpmc-bench: //' "$work/errors"
}

# A failed row makes status 1 and is a result like others; 77 with a file is a table of skipped rows.
run_is_valid() # NAME FILE [OPTION...]
{
	name=$1
	file=$2
	shift 2
	# On a busy machine that may be too little for any run.
	for seconds in 2 20 60; do
		"$bench" run --time $seconds --runs 2 --json "$file" "$@" >"$work/table" 2>"$work/errors"
		status=$?
		grep -q "^rdpmc-bench: $seconds s is too little for" "$work/errors" || break
	done
	case $status in
	0 | 1)	valid "$name" "$file" ;;
	77)	if [ -s "$file" ]; then
			valid "$name" "$file"
		else
			skip "$name" "$(tail -n 1 "$work/errors")"
		fi ;;
	*)	not_ok "$name" "$work/errors" ;;
	esac
}

interrupted_is_valid()
{
	name='rdpmc-bench run, interrupted'
	timeout --foreground -s INT 2 "$bench" run --time 30 --json "$work/partial.json" >"$work/table" 2>"$work/errors"
	if [ -s "$work/partial.json" ] && ! grep -q '"partial": true' "$work/partial.json"; then
		not_ok "$name: partial is true" "$work/errors"
	else
		valid "$name" "$work/partial.json"
	fi
}

pipe_is_valid()
{
	name='rdpmc-bench run --filter --json -'
	"$bench" run --time 1 --runs 1 --filter 'rdpmc*/cpl0' --json - >"$work/stdout.json" 2>"$work/errors"
	valid "$name" "$work/stdout.json"
}

# What the emulator's rows may not say, each by one change of FILE.
test_emulator_rows() # FILE
{
	sed 's|"rdpmc/metrics/emulator/exit"|"rdpmc/metrics/emulator/cpl3"|' "$1" >"$work/changed.json"
	refused "refused: an emulator's row with a privilege" 'does not match' $schema "$work/changed.json"
	sed 's|"rdpmc/metrics/emulator/exit"|"rdpmc/metrics/native/exit"|' "$1" >"$work/changed.json"
	refused "refused: an emulator's row of another name" 'does not match' $schema "$work/changed.json"
	sed 's|"setting": "emulator"|"setting": "native"|' "$1" >"$work/changed.json"
	refused 'refused: an entry under another setting' 'does not match' $schema "$work/changed.json"
	sed 's|"rule": "METRICS-VALUE",*||' "$1" >"$work/changed.json"
	refused "refused: an emulator's row without its rule" "'rule' is a required" $schema "$work/changed.json"
	sed 's|"exits_per_read": null|"exits_per_read": 0.0|' "$1" >"$work/changed.json"
	refused 'refused: exits where there is no guest' "is not of type 'null'" $schema "$work/changed.json"
	sed 's|"engine": "emulator"|"engine": "qemu"|' "$1" >"$work/changed.json"
	refused 'refused: another engine' 'is not one of' $schema "$work/changed.json"
}

# What another host would have written. A PMU's cost, of one with a PMU: FILE's cpuid row of the guest without one once
# more. Several vCPUs, of a quiet one with a CPU more: its rows of one once more, as those of two.
make_costs() # pmu|vcpus FROM TO CHANGE, a statement in Python
{
	"$python" - "$@" <<'END'
import copy, json, sys
kind, source, made, change = sys.argv[1:]
of = json.load(open(source))
rows = {row["name"]: row for row in of["rows"]}

def again(row, name, like, **more):
    """Make @row, of that @name, what @like is, with its runs."""
    row.clear()
    row.update(copy.deepcopy(rows[like]), name=name, **more)
    details = of["details"][name] = copy.deepcopy(of["details"][like])
    for figure in ("interrupts", "samples", "disturbed"):
        of["context"]["noise"][figure] += sum(run[figure] for run in details)

cost = {"unit": "ns", "cost": 0.0, "lower": None, "upper": None}
if kind == "pmu":
    name, like = "control/cpuid-passthrough-all/cpl3", "control/cpuid-no-pmu/cpl3"
    row = rows[name]
    again(row, name, like)
    cost.update(row=name, without=like)
else:
    of["options"]["vcpus"] = 2
    for like in "control/empty-vcpus1/cpl3", "control/cpuid-vcpus1/cpl3":
        row, name = {}, like.replace("vcpus1", "vcpus2")
        again(row, name, like, vcpus=2)
        row["each_vcpu"].append({**row["each_vcpu"][0], "cpu": row["each_vcpu"][0]["cpu"] + 1})
        of["rows"].append(row)
    cost.update(row=name, alone=like)
of["pmu_costs" if kind == "pmu" else "vcpu_costs"] = [cost]
exec(change)
json.dump(of, open(made, "w"))
END
}

test_pmu_cost() # FILE
{
	if ! grep -q '"name": "control/cpuid-no-pmu/cpl3"' "$1" 2>/dev/null ||
		! make_costs pmu "$1" "$work/changed.json" pass 2>"$work/errors"; then
		skip "a PMU's cost" 'no row of the guest without a PMU was measured'
		return
	fi
	valid "a PMU's cost" "$work/changed.json"
	make_costs pmu "$1" "$work/changed.json" 'cost["cost"] = 1e6'
	refused 'refused: a cost that is not the difference' 'medians differ by 0' $schema "$work/changed.json"
	make_costs pmu "$1" "$work/changed.json" 'cost["without"] = cost["row"]'
	refused 'refused: a cost to another row than that without a PMU' 'cpuid-no-pmu/cpl3' $schema "$work/changed.json"
	make_costs pmu "$1" "$work/changed.json" 'row["status"] = "failed"; row["reason"] = "x"'
	refused 'refused: a cost of a row that failed' 'was measured' $schema "$work/changed.json"
	make_costs pmu "$1" "$work/changed.json" 'cost["lower"], cost["upper"] = 2.0, 1.0'
	refused 'refused: an interval upside down' 'is above upper' $schema "$work/changed.json"
	make_costs pmu "$1" "$work/changed.json" 'cost["exit_path"] = {"instructions": 1, "wrmsr": 0}'
	refused 'refused: a path that no row has' 'the rows have None' $schema "$work/changed.json"
	make_costs pmu "$1" "$work/changed.json" 'cost["unit"] = "instructions"'
	refused 'refused: instructions on a host that has times' "'ns' was expected" $schema "$work/changed.json"
	make_costs pmu "$1" "$work/changed.json" 'del of["options"]["pmu_cost"]'
	refused 'refused: costs that nobody asked for' 'goes with the option' $schema "$work/changed.json"
}

test_vcpus() # FILE
{
	if ! grep -q '"name": "control/cpuid-vcpus1/cpl3"' "$1" 2>/dev/null ||
		! make_costs vcpus "$1" "$work/changed.json" pass 2>"$work/errors"; then
		skip 'several vCPUs' 'no row of one was measured'
		return
	fi
	valid 'several vCPUs' "$work/changed.json"
	make_costs vcpus "$1" "$work/changed.json" 'cost["cost"] = 1e6'
	refused 'refused: a cost of vCPUs that is not the difference' 'medians differ by 0' $schema "$work/changed.json"
	make_costs vcpus "$1" "$work/changed.json" 'cost["alone"] = cost["row"]'
	refused 'refused: a cost of vCPUs to itself' 'cpuid-vcpus1/cpl3' $schema "$work/changed.json"
	make_costs vcpus "$1" "$work/changed.json" 'row["together"] = 0.8'
	refused 'refused: vCPUs that did not run together, measured' 'that did not fail' $schema "$work/changed.json"
	make_costs vcpus "$1" "$work/changed.json" 'row["vcpus"] = 3'
	refused 'refused: another number of vCPUs than the name has' 'says other than 3' $schema "$work/changed.json"
	make_costs vcpus "$1" "$work/changed.json" 'row["each_vcpu"][1] = row["each_vcpu"][0]'
	refused 'refused: two vCPUs on one CPU' 'a CPU of their own' $schema "$work/changed.json"
	make_costs vcpus "$1" "$work/changed.json" 'del row["each_vcpu"]'
	refused 'refused: vCPUs without the figures of each' "'each_vcpu' is a dependency" $schema "$work/changed.json"
	make_costs vcpus "$1" "$work/changed.json" 'of["details"][name][0]["raw"] += 1e6'
	refused 'refused: a value that is not net of the loop of as many vCPUs' 'raw less the empty loop' $schema "$work/changed.json"
	make_costs vcpus "$1" "$work/changed.json" 'of["options"]["vcpus"] = 1'
	refused 'refused: more vCPUs than were asked for' 'more than were asked for' $schema "$work/changed.json"
	make_costs vcpus "$1" "$work/changed.json" 'del of["options"]["vcpus"]'
	refused 'refused: costs of vCPUs that nobody asked for' 'goes with the option' $schema "$work/changed.json"
}

test_output()
{
	valid 'a result of the engine that is no more' tests/results/emulator-engine.json
	test_emulator_rows tests/results/emulator-engine.json
	reason=$(obstacle)
	if [ -n "$reason" ]; then
		for name in run 'run --pmu-cost' 'run --vcpus 1' 'run --vcpus 2' 'run --vpmu=user' 'run, interrupted' 'run --filter --json -'; do
			skip "rdpmc-bench $name" "$reason"
		done
		return
	fi
	run_is_valid 'rdpmc-bench run' "$work/run.json"
	run_is_valid 'rdpmc-bench run --pmu-cost' "$work/pmu-cost.json" --pmu-cost
	test_pmu_cost "$work/pmu-cost.json"
	run_is_valid 'rdpmc-bench run --vcpus 1' "$work/vcpus.json" --vcpus 1
	test_vcpus "$work/vcpus.json"
	# Where other tasks have the CPUs its rows of two fail, where there is one CPU it says so.
	run_is_valid 'rdpmc-bench run --vcpus 2' "$work/two.json" --vcpus 2 --filter 'control/*'
	run_is_valid 'rdpmc-bench run --vpmu=user' "$work/simulated.json" --vpmu=user --time 5
	interrupted_is_valid
	pipe_is_valid
}

test_recorded()
{
	found=no
	for file in results/recorded/*.json; do
		[ -e "$file" ] || continue
		found=yes
		valid "recorded: ${file##*/}" "$file"
	done
	[ $found = yes ] || skip 'recorded results' 'results/recorded holds none'
}

# Documents to change: this machine's, and a recorded one that has all of its runs.
bases()
{
	for file in "$work/run.json" "$work/simulated.json"; do
		[ -s "$file" ] && check $schema "$file" && echo "$file"
	done
	echo "$recorded"
}

test_unreadable() # FILE
{
	head -c 1000 "$1" >"$work/cut.json"
	refused 'refused: a file cut short' 'line ' $schema "$work/cut.json"
	sed '1,/"median"/s/"median": [^,]*/"median": NaN/' "$1" >"$work/nan.json"
	refused 'refused: NaN' 'NaN is not JSON' $schema "$work/nan.json"
	sed '1s/{/{"kind": "bench",/' "$1" >"$work/twice.json"
	refused 'refused: the same key twice' "'kind' stands twice" $schema "$work/twice.json"
}

# What the program's mutations of FILEs say, each as a check of ours.
test_mutations() # FILE...
{
	"$python" tests/schema_mutations.py $schema "$@" >"$work/mutations" 2>"$work/errors"
	status=$?
	while read -r line; do
		case $line in
		'ok - '*)	ok "${line#ok - }" ;;
		'not ok - '*)	not_ok "${line#not ok - }" ;;
		*)		echo "$line" ;;
		esac
	done <"$work/mutations"
	# A traceback has neither; a failure has been counted above.
	[ $status -eq 0 ] || grep -q '^not ok' "$work/mutations" || not_ok 'mutated documents' "$work/errors"
}

# A busy machine gives up runs, of the first read here all but one: the mutations take another row.
test_given_up_run() # FILE
{
	name='a row that lacks runs is not what is changed'
	if PYTHONPATH=tests "$python" - "$1" 2>"$work/errors" <<'END'
import json, sys
from schema_mutations import first_whole, parts_of, prepare
document = json.load(open(sys.argv[1]))
row = next(row for row in document["rows"] if row["status"] == "measured" and row["setting"] == "intercepted")
row["runs"] = row["runs"][:1]
document["details"][row["name"]] = document["details"][row["name"]][:1]
changed = parts_of(prepare(document))
assert changed["row"][1]["name"] != row["name"], "the row is changed"
asked = document["options"]["runs"]
assert {len(changed[part][1]["runs"]) for part in ("row", "fault", "passthrough")} == {asked}, "runs lack"
for row in document["rows"]:
    if row["setting"] == "intercepted":
        row["status"] = "failed"
json.dump(document, open(sys.argv[1] + ".none", "w"))
assert first_whole([sys.argv[1] + ".none", sys.argv[1]])["rows"] != document["rows"], "nothing to change there"
END
	then
		ok "$name"
	else
		not_ok "$name" "$work/errors"
	fi
}

test_check()
{
	refused 'refused: no such file' 'No such file' $schema "$work/nothing.json"
	: >"$work/empty.json"
	refused 'refused: an empty file' 'Expecting value' $schema "$work/empty.json"
	echo '[]' >"$work/array.json"
	refused 'refused: another thing than an object' 'is not of type' $schema "$work/array.json"
	echo '{"type": "nonsense"}' >"$work/schema.json"
	refused 'refused: a schema that is none' 'not a schema' "$work/schema.json" "$work/array.json"
	check
	if [ $? -eq 2 ]; then ok 'usage'; else not_ok 'usage' "$work/problems"; fi
}

if ! "$python" -c 'import jsonschema' 2>/dev/null; then
	skip 'results and their schema' "$python has no jsonschema; see scripts/setup --list"
	echo "1..$count"
	exit 0
fi
test_output
test_recorded
test_check
documents=$(bases)
test_unreadable "${documents%%
*}"
# shellcheck disable=SC2086
test_mutations $documents
cp "$recorded" "$work/recorded.json"
test_given_up_run "$work/recorded.json"

echo "1..$count"
[ $failures -eq 0 ]
