#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds result files against the schema, and against what a schema cannot say.

Run: tests/check_schema.py SCHEMA FILE... Prints one line per problem, with its JSON path. Exit
status: 0 no problem, 1 problems, 2 wrong usage.
"""
import json
import math
import re
import sys
from collections import Counter
from datetime import datetime
from statistics import median

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

TOLERANCE = 1e-6  # relative; the program writes nine digits
MESSAGE_LIMIT = 200  # a message may quote half a document
SUB_BITS, MAX_BITS = 4, 40  # of the histogram, see bench/stats.h
PATH_MSRS = 64  # different ones that an exit path tells of by register, see machine/path.h
LINES_OF_A_PAGE = 64
LEAST_TOGETHER = 0.9  # of the time in blocks, see bench/vcpus.h


class Unreadable(Exception):
    """Not JSON, or JSON that readers would read differently."""


def refuse_constant(name):
    raise Unreadable(f"{name} is not JSON")


def unique_keys(pairs):
    repeated = [key for key, n in Counter(key for key, _ in pairs).items() if n > 1]
    if repeated:
        raise Unreadable(f"key {repeated[0]!r} stands twice in one object")
    return dict(pairs)


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file, parse_constant=refuse_constant, object_pairs_hook=unique_keys)
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def read_schema(path):
    schema = read_json(path)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise Unreadable(f"{error.json_path}: not a schema: {error.message}") from error
    return Draft202012Validator(schema)


def close(a, b, scale=0):
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE * abs(scale))


def mad(values):
    centre = median(values)
    return median(abs(value - centre) for value in values)


# A row's figure, the figure of the runs' details it comes from (None: their values), how, and in words.
SUMMARIES = (
    ("median", None, median, "median"),
    ("mad", None, mad, "MAD"),
    ("p99", "p99", median, "median"),
    ("max", "max", max, "maximum"),
    ("exits_per_read", "exits_per_read", median, "median"),
    ("emulated_per_read", "emulated_per_read", median, "median"),
)


def check_summaries(row, details, path):
    for name, of, summary, word in SUMMARIES:
        values = [run[of] for run in details] if of else row["runs"]
        if row[name] is None or None in values:
            if row[name] is not None or any(value is not None for value in values):
                yield f"{path}.{name}", "is null in the row or in a run, but not in all"
            continue
        expected = summary(values)
        # What cancels out in a MAD or between two runs leaves the rounding of what it was made of.
        if not close(row[name], expected, max(map(abs, values))):
            yield f"{path}.{name}", f"is {row[name]}, the {word} of the runs' {of or 'values'} is {expected}"


def is_lower_bound(value):
    shift = max(value.bit_length() - SUB_BITS - 1, 0)
    return value.bit_length() <= MAX_BITS and value % (1 << shift) == 0


def check_histogram(run, path):
    histogram = run["histogram"]
    bounds = [lower for lower, _ in histogram["buckets"]]
    total = sum(count for _, count in histogram["buckets"]) + histogram["overflow"]
    if total != run["samples"]:
        yield f"{path}.histogram", f"holds {total} samples, the run has {run['samples']}"
    for i, lower in enumerate(bounds):
        if not is_lower_bound(lower):
            yield f"{path}.histogram.buckets[{i}]", f"no bucket begins at {lower}"
        if i and lower <= bounds[i - 1]:
            yield f"{path}.histogram.buckets[{i}]", "lower bounds do not rise"


def check_values(document, row, path):
    """A run's value is its raw less that of the empty loop in the same run, where that was measured."""
    name, details = row["name"], document["details"]
    loop = "control/empty-no-pmu" if document["options"].get("pmu_cost") else \
        f"control/empty-vcpus{row['vcpus']}" if "vcpus" in row else "control/empty"
    empty = "control/empty/call" if row["setting"] == "emulator" else \
        f"{loop}/{'cpl3' if 'cpl3' in name else 'cpl0'}"
    loops = [None] * len(row["runs"]) if name.startswith(f"{loop}/") else details.get(empty, [])
    for i, (value, run, loop) in enumerate(zip(row["runs"], details[name], loops)):
        expected = run["raw"] - (loop["raw"] if loop else 0)
        if not close(value, expected, run["raw"]):
            yield f"{path}.runs[{i}]", f"is {value}, raw less the empty loop is {expected}"


def check_run(run, path):
    order = ("min", "sample_median", "p90", "p99", "p999", "max")
    for lesser, greater in zip(order, order[1:]):
        if run[lesser] > run[greater]:
            yield f"{path}.{lesser}", f"{run[lesser]} is above {greater}, {run[greater]}"
    if run["disturbed"] > run["samples"]:
        yield f"{path}.disturbed", f"is {run['disturbed']} of {run['samples']} samples"
    yield from check_histogram(run, path)


def check_name(row, path):
    parts = row["name"].split("/")
    if parts[0] != "control" and parts[2] != row["setting"]:
        yield f"{path}.name", f"says {parts[2]}, the setting is {row['setting']}"


def check_vcpus(document, row, path):
    number, each = row["vcpus"], row["each_vcpu"]
    if f"-vcpus{number}/" not in row["name"]:
        yield f"{path}.name", f"says other than {number} vCPUs"
    if number > document["options"].get("vcpus", 0):
        yield f"{path}.vcpus", "are more than were asked for"
    if len(each) != number or len({vcpu["cpu"] for vcpu in each}) != number:
        yield f"{path}.each_vcpu", f"is not of {number} vCPUs on a CPU of their own each"
    if number == 1 and not close(each[0]["median"], row["median"], row["median"]):
        yield f"{path}.each_vcpu", f"is {each[0]['median']} of the only one, the row's median is {row['median']}"
    if row["status"] == "measured" and row["together"] < LEAST_TOGETHER:
        yield f"{path}.together", f"is {row['together']} of a row that did not fail"


def check_exit_path(figures, path):
    exits, undisturbed = figures["exits"], figures["exits"] - figures["disturbed"]
    if figures["same"] > undisturbed:
        yield f"{path}.same", f"is {figures['same']} and {figures['disturbed']} were disturbed, of {exits} exits"
    if figures["user"] > figures["instructions"]:
        yield f"{path}.user", f"is {figures['user']} of {figures['instructions']} instructions"
    every = [figures["rdmsr_by_register"], figures["wrmsr_by_register"]]
    full = sum(map(len, every)) == PATH_MSRS
    for name, by in zip(("rdmsr", "wrmsr"), every):
        told = sum(by.values())
        if told > figures[name] or told < figures[name] and not full:
            yield f"{path}.{name}", f"is {figures[name]}, by register they are {told}"
    for name in ("text", "stack", "data", "user"):
        lines, pages = figures[f"{name}_lines"], figures[f"{name}_pages"]
        if not pages <= lines <= pages * LINES_OF_A_PAGE:
            for key in "lines", "pages":
                yield f"{path}.{name}_{key}", f"{lines} lines are not in {pages} pages"


def check_exit_profiles(document, rows):
    for name, profile in document.get("exit_profiles", {}).items():
        where, figures = f"$.exit_profiles.{name}", rows.get(name, {}).get("exit_path")
        total = sum(profile["stacks"].values())
        if figures is None:
            yield where, "no row of that name has an exit path"
        elif total != figures["instructions"]:
            yield where, f"its stacks add up to {total}, the exit path has {figures['instructions']} instructions"


def check_bench_row(document, row, path):
    yield from check_name(row, path)
    if "runs" not in row:
        return
    if "exit_path" in row:
        yield from check_exit_path(row["exit_path"], f"{path}.exit_path")
    if "vcpus" in row:
        yield from check_vcpus(document, row, path)
    khz = document["context"]["guest_tsc_khz"]
    cycles = row["median"] * (khz or 0) / 1e6
    if row["unit"] == "ns" and not close(row["cycles_median"], cycles):
        yield f"{path}.cycles_median", f"is {row['cycles_median']}, the median is {cycles} at {khz} kHz"
    if len(row["runs"]) > document["options"]["runs"]:
        yield f"{path}.runs", f"are {len(row['runs'])}, asked for were {document['options']['runs']}"
    details, where = document["details"].get(row["name"], []), f"$.details.{row['name']}"
    if len(details) != len(row["runs"]):
        yield where, f"tells of {len(details)} runs, the row has {len(row['runs'])}"
        return
    yield from check_summaries(row, details, path)
    yield from check_values(document, row, path)
    for i, run in enumerate(details):
        yield from check_run(run, f"{where}[{i}]")


def check_exit_cost(cost, rows, path):
    pair = []
    for setting in ("intercepted", "passthrough"):
        row = rows.get(cost[setting])
        if row is None:
            yield f"{path}.{setting}", f"no row is named {cost[setting]!r}"
        elif row["setting"] != setting or row["status"] != "measured":
            yield f"{path}.{setting}", f"that row is {row['setting']} and {row['status']}"
        else:
            pair.append(row["median"])
    if len(pair) == 2 and not close(cost["cost"], pair[0] - pair[1], max(map(abs, pair))):
        yield f"{path}.cost", f"is {cost['cost']}, the rows' medians differ by {pair[0] - pair[1]}"
    yield from check_interval(cost, path)


def check_interval(cost, path):
    lower, upper = cost["lower"], cost["upper"]
    if (lower is None) != (upper is None):
        yield path, "has one end of an interval"
    elif lower is not None and lower > upper:
        yield f"{path}.lower", f"{lower} is above upper, {upper}"


def without_pmu(name):
    """The row that one of a guest with a PMU is held against."""
    group, what, privilege = name.split("/")
    for setting in ("intercepted", "passthrough"):
        for counters in ("0", "1", "all"):
            what = what.removesuffix(f"-{setting}-{counters}")
    return f"{group}/{what}-no-pmu/{privilege}"


def alone(name):
    """The row of one vCPU that one of several is held against."""
    return re.sub(r"-vcpus\d+/", "-vcpus1/", name)


def check_added_cost(cost, rows, path, key, base):
    """@key: where the row is named that the cost is held against; @base: which that has to be."""
    if cost[key] != base(cost["row"]) or cost[key] == cost["row"]:
        yield f"{path}.{key}", f"is {cost[key]}, of {cost['row']} {base(cost['row'])}"
    pair = [rows.get(cost["row"]), rows.get(cost[key])]
    for name, row in zip(("row", key), pair):
        if row is None or row["status"] != "measured":
            yield f"{path}.{name}", f"no row {cost[name]!r} was measured"
            return
    medians = [row["median"] for row in pair]
    if not close(cost["cost"], medians[0] - medians[1], max(map(abs, medians))):
        yield f"{path}.cost", f"is {cost['cost']}, the rows' medians differ by {medians[0] - medians[1]}"
    yield from check_interval(cost, path)
    for figure, value in cost.get("exit_path", {}).items():
        paths = [row.get("exit_path", {}).get(figure) for row in pair]
        if None in paths or value != paths[0] - paths[1]:
            yield f"{path}.exit_path.{figure}", f"is {value}, the rows have {paths[0]} and {paths[1]}"


def check_noise(document):
    runs = [run for details in document["details"].values() for run in details]
    for name in ("interrupts", "samples", "disturbed"):
        stated, total = document["context"]["noise"][name], sum(run[name] for run in runs)
        if stated != total:
            yield f"$.context.noise.{name}", f"is {stated}, the runs' add up to {total}"


def check_bench(document):
    rows = {row["name"]: row for row in document["rows"]}
    for i, row in enumerate(document["rows"]):
        yield from check_bench_row(document, row, f"$.rows[{i}]")
    for i, cost in enumerate(document["exit_costs"]):
        yield from check_exit_cost(cost, rows, f"$.exit_costs[{i}]")
    for i, cost in enumerate(document.get("pmu_costs", ())):
        yield from check_added_cost(cost, rows, f"$.pmu_costs[{i}]", "without", without_pmu)
    for i, cost in enumerate(document.get("vcpu_costs", ())):
        yield from check_added_cost(cost, rows, f"$.vcpu_costs[{i}]", "alone", alone)
    for option, costs in ("pmu_cost", "pmu_costs"), ("vcpus", "vcpu_costs"):
        if bool(document["options"].get(option)) != (costs in document):
            yield f"$.{costs}", "goes with the option"
    for name in document["details"]:
        if "runs" not in rows.get(name, ()):
            yield f"$.details.{name}", "no row of that name has runs"
    yield from check_exit_profiles(document, rows)
    yield from check_noise(document)


def check_started(document):
    try:
        datetime.strptime(document["started"], "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        yield "$.started", f"there is no such time: {document['started']}"


def check_names(document):
    first = {}
    for i, row in enumerate(document["rows"]):
        # A fault has a row for each driver.
        name = row.get("name"), row.get("driver")
        if name[0] is not None and first.setdefault(name, i) != i:
            yield f"$.rows[{i}].name", f"{name[0]!r} is the name of $.rows[{first[name]}] too"


def check_verdicts(document):
    counted = [(f"$.rows[{i}].verdicts", row.get("verdicts")) for i, row in enumerate(document["rows"])]
    summary = document.get("summary", {})
    counted += [(f"$.summary.{key}", summary.get(key)) for key in ("verdicts", "verdicts_before")]
    for path, verdicts in counted:
        if verdicts and sum(verdicts.values()) != 2 * verdicts["asked"]:
            yield path, f"they do not add up to {verdicts['asked']}"


def invariants(document):
    """What holds in a document that the schema accepts; yields (path, problem)."""
    yield from check_started(document)
    yield from check_names(document)
    yield from check_verdicts(document)
    if document["kind"] == "bench":
        yield from check_bench(document)


def problems(validator, document):
    """(path, problem) of all that is wrong with a document; empty when nothing is."""
    errors = [(error.json_path, error.message) for error in validator.iter_errors(document)]
    return errors or list(invariants(document))


def check_file(validator, path):
    try:
        return problems(validator, read_json(path))
    except Unreadable as error:
        return [("$", str(error))]


def printable(text):
    """One line, whatever a file's keys and strings hold."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shorten(text):
    """Without its middle: the end of a message says what was expected."""
    half = MESSAGE_LIMIT // 2
    return text if len(text) <= MESSAGE_LIMIT else f"{text[:half]} ... {text[-half:]}"


def main(arguments):
    if len(arguments) < 2 or arguments[0].startswith("-"):
        print("Usage: check_schema.py SCHEMA FILE...", file=sys.stderr)
        return 2
    try:
        validator = read_schema(arguments[0])
    except Unreadable as error:
        print(printable(f"{arguments[0]}: {error}"))
        return 1
    found = 0
    for path in arguments[1:]:
        for where, problem in check_file(validator, path):
            print(printable(f"{path}: {where}: {shorten(problem)}"))
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
