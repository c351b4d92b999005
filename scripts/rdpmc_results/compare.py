# SPDX-License-Identifier: GPL-2.0-or-later
"""A against B: what of them can be compared, and the table. How a benchmark is judged is in judging."""

import argparse
import json
import os
from dataclasses import dataclass, field

import numpy

from . import exact, files, floor
from .conditions import conditions, differences, disturbance, disturbed
from .history import exit_costs, setting
from .judging import FEW, MARGIN, VERDICTS, Verdict, fewest, flat, judge
from .main import Failed, name_skipped, nothing, option_number
from .text import AA, AB, NAME, change, counted, plain, share, table, time


@dataclass(slots=True)
class Side:
    """What the files of one side say."""
    results: list           # of files.Result
    rows: dict              # (name, setting) -> [Row], of the files in which it was measured
    absent: dict            # (name, setting) -> [Row] that were not measured
    paths: dict             # files.Result.identity -> its path
    disturbed: list = field(default_factory=list)   # of files.Result: of these only exact rows are in rows
    left_out: set = field(default_factory=set)      # (name, setting) of their other rows that were measured


def side(paths, skipped, take_disturbed=True):
    results, rows, absent, seen, busy, left_out = [], {}, {}, {}, [], set()
    for path in files.find(paths):
        try:
            result = files.read(path)
            if result.kind != "bench":
                raise files.Refused(f"of kind {result.kind}: no times")
            bad = [] if take_disturbed else disturbed([result])
            # What others do takes nothing from an exit's path.
            if bad and not any(row.path for row in result.rows):
                raise files.Refused(f"{disturbance(bad)} (--disturbed compares it all the same)")
            if result.identity in seen:
                raise files.Refused(f"the same result as {seen[result.identity]}")
            seen[result.identity] = path
        except files.Refused as reason:
            # In a folder of results a noise floor is at home.
            if path in paths or not isinstance(reason, files.NotAResult):
                skipped.append((path, str(reason)))
            continue
        results.append(result)
        if bad:
            busy.append(result)
        for row in result.rows + exit_costs(result.rows):
            key = row.name, setting(row, result.options)
            if bad and row.status == "measured" and not row.path:
                left_out.add(key)
            elif row.status == "measured":
                rows.setdefault(key, []).append(row)
            else:
                absent.setdefault(key, []).append(row)
    results.sort(key=lambda result: result.started)
    return Side(results, rows, absent, seen, busy, left_out)


def without_setting(key):
    name, how = key
    return "/".join(part for part in name.split("/") if part not in files.SETTINGS[:-1])


def incomparable(a, b):
    """[(what, why)] of rows that only differ in what must not differ."""
    found = []
    for key in a.rows:
        name, how = key
        others = {other[1] for other in b.rows if without_setting(other) == without_setting(key)}
        if key in b.rows or not others:
            continue
        mine = {other[1] for other in a.rows if without_setting(other) == without_setting(key)}
        if others & mine:
            continue
        why = "a simulated PMU's times mean nothing" if "simulated-vpmu" in others | {how} else \
            "the difference is the cost of an exit, not a change"
        found.append((without_setting(key), f"{how} in A, {' and '.join(sorted(others))} in B: {why}"))
    found += [(name, "an exit path in B only, which alone is exact: the medians are not judged")
              for name, _ in sorted(one_sided(a, b)[1])]
    return found


def lost(a, b):
    """[(name, what became of it)]: measured in A, not any more in B."""
    found = []
    for key in a.rows:
        lacking = b.absent.get(key, [])
        failed = [row for row in lacking if row.status == "failed"]
        # What failed now and then in A as well is not lost in B.
        bad = failed if key in b.rows and key not in a.absent else [] if key in b.rows else lacking
        if bad:
            found.append((key[0], f"{bad[-1].status} in {len(bad)} of {counted(len(b.results), 'result')}: "
                                  f"{bad[-1].reason}"))
    found += [(name, "measured without an exit path, which alone is exact: the medians are not judged")
              for name, _ in sorted(one_sided(a, b)[0])]
    return found


def paths(side, key):
    """The exit path of a row in each file of a side that measured it."""
    return [row.path for row in side.rows.get(key, ())]


def one_sided(a, b):
    """Keys of rows that have an exit path in A only, and in B only. The median is no substitute: it is not
    exact."""
    return [[key for key in one.rows if any(paths(one, key)) and not any(paths(other, key)) and
             key in other.rows.keys() | other.left_out] for one, other in ((a, b), (b, a))]


def exact_rows(a, b):
    """[exact.Verdict] of the rows that have exit paths on both sides."""
    return [exact.judge(key, paths(a, key), paths(b, key)) for key in a.rows
            if any(paths(a, key)) and any(paths(b, key))]


def interleaved(a, b):
    """Were the n-th files of both sides measured one right after the other, all along?"""
    turns = [sorted((one.started, other.started)) for one, other in zip(a.results, b.results)]
    return len(a.results) == len(b.results) > 1 and \
        all(one[1] <= other[0] for one, other in zip(turns, turns[1:]))


def unit(side):
    return side.results[0].unit


def machines(a, b):
    return {result.machine for result in a.results + b.results}


def unreliable(a, b):
    """What makes the comparison useless."""
    both = len(a.paths.keys() & b.paths.keys())
    if both:
        yield f"{counted(both, 'result')} {'is' if both == 1 else 'are'} on both sides"
    bad = [disturbed([result for result in of.results if result not in of.disturbed]) for of in (a, b)]
    if any(bad):
        yield f"{len(bad[0])} of {counted(len(a.results), 'result')} of A and {len(bad[1])} of {len(b.results)} of B " \
            f"disturbed: {disturbance(sum(bad, []))}"
    found = sorted(machines(a, b))
    if len(found) > 1:
        yield "different machines: " + "; ".join(" ".join(filter(None, each)) for each in found)
    for name, of in ("A", a), ("B", b):
        if any(result.context.get("synthetic") for result in of.results):
            yield f"{name} is synthetic: nobody measured it"


def weaknesses(a, b):
    """Of the statistics."""
    if not interleaved(a, b):
        yield f"drift of the machine between A and B is not in the interval: use `{AB}`"
    if min(len(a.results), len(b.results)) < FEW:
        yield f"fewer than {FEW} processes a side: the variation between processes is not in the interval"
    elif min(len(a.results), len(b.results)) < fewest(len(inexact(a, b))):
        yield "few processes a side: Welch's t test, which assumes that they scatter alike"


def notes(a, b):
    if unit(a) != "ns":
        yield f"figures are {unit(a)} of an emulated processor, not time"
    if inexact(a, b):
        yield from weaknesses(a, b)
    for name, of in ("A", a), ("B", b):
        if of.disturbed:
            yield f"{len(of.disturbed)} of {counted(len(of.results), 'result')} of {name}: exit paths only, " \
                f"{disturbance(disturbed(of.disturbed))} (--disturbed compares the times as well)"
    for name, of, other in ("A", a, b), ("B", b, a):
        alone = [key[0] for key in of.rows
                 if key not in other.rows and key not in other.absent and key not in other.left_out]
        if alone:
            yield f"only in {name}: {', '.join(alone)}"
    for name, of in ("A", a), ("B", b):
        versions = sorted({result.version for result in of.results})
        if len(versions) > 1:
            yield f"{name} has results of several versions: {', '.join(versions)}"
        if any(result.partial for result in of.results):
            yield f"{name} has partial results"


def cell(row):
    if numpy.isnan(row.ratio):
        return "-", "-"
    interval = "-" if numpy.isnan(row.lower) else \
        f"{(row.lower - 1) * 100:+.1f} to {(row.upper - 1) * 100:+.1f}"
    return change(row.ratio), interval


SHOWN = {"cannot tell": "inconclusive"}


def listing(rows):
    """The table, what is worse first."""
    floors = len({row.floor for row in rows}) > 1
    lines = [["benchmark", "A", "B", "change", "95 % interval", *["floor"] * floors, "verdict"]]
    for row in sorted(rows, key=lambda row: VERDICTS.index(row.verdict)):
        lines.append([row.name, time(row.median_a, row.unit), time(row.median_b, row.unit), *cell(row),
                      *[share(row.floor)] * floors,
                      row.verdict.upper() if row.verdict in VERDICTS[:2] else SHOWN.get(row.verdict, row.verdict)])
        if row.note:
            lines[-1][-1] += f" ({row.note})"
        if None not in (row.exits_a, row.exits_b) and abs(row.exits_a - row.exits_b) > 0.25:
            lines[-1][-1] += f"; exits per read {row.exits_a:.2f} -> {row.exits_b:.2f}"
    return table(lines, right=range(1, 5 + floors))


def exact_listing(rows):
    """Lines on exact benchmarks, what is worse first; without the identical ones."""
    changed = [row for row in rows if row.verdict != "identical" or row.notes]
    lines = [["instructions of one exit", "A", "B", "change", "verdict"]]
    for row in sorted(changed, key=lambda row: exact.VERDICTS.index(row.verdict)):
        a, b = row.a["instructions"], row.b["instructions"]
        verdict = row.shown.upper() if row.verdict in exact.ALARMS else row.verdict
        words = [verdict] * (row.verdict != "footprint") + [row.words] * bool(row.words)
        lines.append([row.name, str(a), str(b), f"{b - a:+d}" if b - a else "0", ": ".join(words)])
    return table(lines, right=(1, 2, 3)) if changed else []


def up_to(rows):
    """By how much they are slower."""
    most = max((row.ratio for row in rows if not numpy.isnan(row.ratio)), default=1)
    return f" by up to {share(most - 1)}" if most > 1 else ""


def times_sentence(rows):
    """The verdict on times."""
    by = {verdict: [row for row in rows if row.verdict == verdict] for verdict in VERDICTS}
    count = {verdict: len(found) for verdict, found in by.items()}
    of = counted(len(rows), "benchmark")
    parts = []
    if count["slower"]:
        parts.append(f"B is slower in {count['slower']} of {of}{up_to(by['slower'])}")
    if count["suspicious"]:
        parts.append(f"{counted(count['suspicious'], 'intercepted read')} fell to half the cost: is the intercept "
                     "still there?")
    if count["faster"]:
        parts.append(f"B is faster in {count['faster']} of {of}")
    if not parts and count["same"] == len(rows):
        return f"A and B are the same in {of}"
    rest = [f"{count[verdict]} {SHOWN.get(verdict, verdict)}" for verdict in ("cannot tell", "same") if count[verdict]]
    if not parts:
        return f"No difference proven: {of}, {', '.join(rest)}"
    return "; ".join([*parts, ", ".join(rest)] if rest else parts)


EXACT_WORDS = {"another exit": "with another exit reason", "varies": "that varies between results of a side",
               "longer": "longer", "mixed": "mixed (no more instructions, but more of something else)",
               "shorter": "shorter", "footprint": "with another footprint only", "identical": "identical"}


def exact_sentence(rows):
    """The verdict on exit paths."""
    found = {verdict: sum(row.shown == verdict for row in rows) for verdict in exact.VERDICTS}
    if found["identical"] == len(rows):
        return f"{counted(len(rows), 'exit path')} identical: instructions, MSR accesses and all else"
    return f"{counted(len(rows), 'exit path')}: " + ", ".join(
        f"{count} {EXACT_WORDS[verdict]}" for verdict, count in found.items() if count)


def sentence(rows, precise, gone):
    """What came out, in a line."""
    parts = [f"{counted(len(gone), 'benchmark')} LOST"] * bool(gone) + \
        [exact_sentence(precise)] * bool(precise) + [times_sentence(rows)] * bool(rows)
    return "; ".join(parts) or "Nothing to compare"


def middle_exits(rows):
    known = [row.exits for row in rows if row.exits is not None]
    return float(numpy.median(known)) if known else None


def inexact(a, b):
    """Keys of the rows that statistics are to compare."""
    return [key for key in a.rows if key in b.rows and not any(paths(a, key)) and not any(paths(b, key))]


def comparable(a, b):
    turns = interleaved(a, b)
    return [Verdict(*key, [row.runs for row in a.rows[key]], [row.runs for row in b.rows[key]],
                    exits_a=middle_exits(a.rows[key]), exits_b=middle_exits(b.rows[key]),
                    unit=unit(a), turns=turns and len(a.rows[key]) == len(b.rows[key]) == len(a.results))
            for key in inexact(a, b)]


def exact_document(row):
    def differences(found):
        return [{"figure": figure, "a": before, "b": after} for figure, before, after in found]

    return {"name": row.name, "setting": row.setting, "verdict": row.verdict,
            "instructions_a": row.a["instructions"], "instructions_b": row.b["instructions"],
            "work": differences(exact.work(row.a, row.b)),
            "footprint": differences(exact.footprint(row.a, row.b)), "notes": row.notes}


def document(rows, precise, a, b, floors, refused, gone):
    def finite(value):
        return None if isinstance(value, float) and numpy.isnan(value) else value

    def one(of):
        return {"files": [result.path for result in of.results],
                "versions": sorted({result.version for result in of.results})}

    shown = ("name", "setting", "median_a", "median_b", "ratio", "lower", "upper", "p", "adjusted",
             "floor", "verdict", "more", "note", "exits_a", "exits_b", "paired")
    return {"schema": "rdpmc-comparison/1", "unit": unit(a), "a": one(a), "b": one(b),
            "floor": floors.source, "warnings": [*unreliable(a, b), *notes(a, b)],
            "changed": differences(conditions(a.results[-1]), conditions(b.results[-1])),
            "rows": [{key: finite(getattr(row, key)) for key in shown} |
                     {"runs_a": row.a, "runs_b": row.b} for row in rows],
            "exact": [exact_document(row) for row in precise],
            "not_compared": refused, "lost": gone}


def sides(options):
    """(A, B, files skipped); ends with what is wrong where they cannot be compared."""
    skipped = []
    a, b = (side(paths, skipped, options.disturbed) for paths in (options.paths, options.after))
    for name, of in ("A", a), ("B", b):
        if not of.results:
            nothing(f"{name} holds no result of rdpmc-bench" + " that can be used" * bool(skipped), skipped)
    status = name_skipped(skipped)
    found = sorted(machines(a, b))
    named = "; ".join(" ".join(filter(None, each)) for each in found)
    if len({files.unit(each) for each in found}) > 1:
        raise Failed("instructions of an emulated processor cannot be compared with times: " + named)
    if len(found) > 1 and not options.across_hosts:
        raise Failed("measured on different machines, whose difference is no change of the program: "
                     + named + " (--across-hosts compares them all the same)")
    return a, b, status


def load_floor(options, machine):
    try:
        return floor.load(machine, options.noise_floor)
    except files.Refused as reason:
        raise Failed(f"{options.noise_floor}: {reason}") from None


def run(options):
    if len(options.paths) == 2 and not options.after and not options.dashes:
        options.paths, options.after = options.paths[:1], options.paths[1:]
    if not options.paths or not options.after:
        raise Failed("compare takes two sides: A B, or A.json... -- B.json...")
    if len(options.paths) == len(options.after) == 1 and os.path.isfile(options.paths[0]) and \
            os.path.exists(options.after[0]) and os.path.samefile(options.paths[0], options.after[0]):
        raise Failed(f"A and B are the same file, {options.paths[0]}: name two results")
    a, b, status = sides(options)
    if not a.rows.keys() & b.rows.keys() and not lost(a, b):
        raise Failed("A and B have no benchmark in common" +
                     "".join(f"; {name}: {why}" for name, why in incomparable(a, b)[:1]))
    return report(a, b, options) or status


def report(a, b, options):
    """Judges, and prints what came out; the exit status that it makes."""
    floors = load_floor(options, a.results[0].machine)
    refused, gone = incomparable(a, b), lost(a, b)
    rows = judge(comparable(a, b), floors, options.margin / 100)
    precise = exact_rows(a, b)
    if options.json:
        print(json.dumps(document(rows, precise, a, b, floors, refused, gone), indent=1))
    else:
        show(rows, precise, a, b, floors, refused, gone)
    return 1 if gone or any(row.verdict in VERDICTS[:2] for row in rows) or \
        any(row.verdict in exact.ALARMS for row in precise) else 0


def show(rows, precise, a, b, floors, refused, gone):
    """The verdict, the evidence, and what limits it."""
    for warning in unreliable(a, b):
        print(plain(f"UNRELIABLE: {warning}"))
    print(sentence(rows, precise, gone))
    for name, why in gone:
        print(plain(f"LOST: {name}: measured in A, in B {why}"))
    for part in exact_listing(precise), listing(rows) if rows else []:
        if part:
            print("", *part, sep="\n")
    print()
    for name, of in ("A", a), ("B", b):
        runs = max((len(flat(row.a if name == "A" else row.b)) for row in rows), default=0)
        print(f"{name}: {counted(len(of.results), 'result')}, " + f"{counted(runs, 'run')}, " * bool(rows) +
              f"rdpmc-bench {plain(of.results[-1].version)}, Linux {plain(conditions(of.results[-1])['kernel'])}")
    for what, before, after in differences(conditions(a.results[-1]), conditions(b.results[-1])):
        if what not in ("program", "kernel"):
            print(plain(f"differs: {what}: {before} -> {after}"))
    for name, why in refused:
        print(plain(f"not compared: {name}: {why}"))
    for note in notes(a, b):
        print(plain(f"note: {note}"))
    if any(row.paired for row in rows):
        print("note: A and B were interleaved: change is the median of each B to the A beside it")
    if rows:
        print(plain(f"noise floor: {floors.source}"))


def percentage(value):
    number = option_number(value)
    if not 0 < number < 100:
        raise argparse.ArgumentTypeError(f"{value} is no percentage between 0 and 100")
    return number


def add_judging(made):
    """Options of whatever compares."""
    made.add_argument("--margin", type=percentage, default=MARGIN * 100, metavar="PERCENT",
                      help=f"smaller differences count as the same ({MARGIN * 100:g})")
    made.add_argument("--noise-floor", metavar="FILE",
                      help=f"as `{AA}` writes it (results/noise-floor-HOST.json)")
    made.add_argument("--json", action="store_true", help="print JSON")


def add(commands):
    made = commands.add_parser(
        "compare", help="A against B, benchmark by benchmark", allow_abbrev=False,
        usage=f"{NAME} compare [OPTION...] A B | A.json... -- B.json...",
        description="Compares medians of runs. A benchmark is slower if p < 0.01 over all benchmarks (Mann-Whitney, "
                    "Benjamini-Hochberg) and the difference is above the machine's noise floor. Exit "
                    "paths of an emulated machine are exact: every difference counts. Exit status "
                    "1 if a benchmark is slower, its path longer, it was lost, or an intercepted read "
                    "fell to half. p, and all that differs of a path: --json.")
    made.add_argument("paths", nargs="*", metavar="PATH", help=files.PATH_HELP)
    made.add_argument("--across-hosts", action="store_true",
                      help="compare results of different machines (of emulated ones only with each "
                           "other)")
    made.add_argument("--disturbed", action="store_true",
                      help="compare also results that rdpmc-bench called unreliable: other tasks had the "
                           "CPU, or the guest's clock was wrong")
    add_judging(made)
    made.set_defaults(run=run, takes_two=True)
