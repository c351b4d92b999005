# SPDX-License-Identifier: GPL-2.0-or-later
"""The history of each row, watched: what is worse at its end, since when, and what changed there."""

import argparse
import json
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy

from . import exact, files, floor, history, workers
from .changes import CONFIRMING, SHORT, Changes, find, relation
from .conditions import differences, shift
from .main import name_skipped, nothing, option_number, progress
from .statistics import tests
from .text import BENCH, change, counted, date, plain, share, table, time

MAGNITUDE = 0.02            # share that a level has to move
RECENT = 30                 # points: how far back the end reaches
AROUND = 10                 # points on either side of a change whose conditions are reported
HALVED = 0.5                # no software makes an exit that cheap: it was not taken
FEW = 200                   # series for which no worker is started


@dataclass(slots=True)
class Watched:
    series: object          # history.Series
    changes: Changes
    verdict: str            # "regression", "improvement", "suspicious" (an intercepted read fell to
                            # half: is the intercept still there?), "unconfirmed" (dearer, on too few
                            # points to believe it), "steady", "short" (too few points to say)
    ratio: float            # of the change that the verdict is about; 1.0 without
    since: int | None       # index into series.at of its first point
    kind: str               # "step", "drift", or ""
    left_out: int = 0       # disturbed points that had no say in it; of an exact row those without a path
    moves: list | None = None   # of Move, by time; None: the row is not exact
    change: tuple | None = None  # of an exact row: the two exit paths that the verdict compares


@dataclass(slots=True)
class Move:
    """An exact row that differs between two neighbours of its history."""
    before: int             # indices into series.at
    after: int
    was: dict               # the exit paths
    now: dict
    verdict: str            # of exact.VERDICTS


VERDICTS = ("regression", "suspicious", "unconfirmed", "improvement", "steady", "short")


def cheaper(series, ratio):
    """What to call a fall of the cost."""
    return "suspicious" if series.setting == "intercepted" and ratio <= HALVED else "improvement"


def stands(count, steps, magnitude):
    """(ratio, index of its step) of the recent steps: how the last level stands to what was before
    them or, if that is worse, to what was before the last one. None: as it was."""
    late = [step for step in steps if step.at >= count - RECENT]
    if not late:
        return None
    ratio = max(relation(late[0].before, late[-1].after), late[-1].ratio) \
        if late[-1].ratio > 1 else relation(late[0].before, late[-1].after)
    if max(ratio, 1 / ratio) <= 1 + magnitude:
        return None
    return ratio, next(step.at for step in reversed(late) if (step.ratio > 1) == (ratio > 1))


def deciding(series):
    """Indices of the points that decide: of those that were disturbed none, unless too few others are
    there, of all or of the recent ones, to say how it is now."""
    count = len(series.median)
    if series.disturbed is None:
        return numpy.arange(count)
    kept = numpy.flatnonzero(~series.disturbed)
    recent = min(count, RECENT)
    enough = len(kept) >= SHORT and 2 * (kept >= count - recent).sum() >= recent
    return kept if enough else numpy.arange(count)


def judge(task):
    """The Watched of (series, magnitude): how its end stands to what was before the recent points."""
    series, magnitude = task
    kept = deciding(series)
    found = judge_values(series, series.median[kept], magnitude)
    found.left_out = len(series.median) - len(kept)
    # Of those that decided, to all that are there.
    if found.since is not None:
        found.since = int(kept[found.since])
    for step in found.changes.steps:
        step.at = int(kept[step.at])
    if found.changes.drift:
        found.changes.drift.start = int(kept[found.changes.drift.start])
        found.changes.drift.end = int(kept[found.changes.drift.end])
    return found


def judge_values(series, values, magnitude):
    count = len(values)
    found = find(values, magnitude)
    judged = partial(Watched, series, found)
    if count < SHORT:
        return judged("short", 1.0, None, "")
    if found.drift:
        ratio = found.drift.ratio
        return judged("regression" if ratio > 1 else cheaper(series, ratio), ratio,
                      found.drift.start, "drift")
    sure = stands(count, [step for step in found.steps if step.confirmed], magnitude)
    if sure:
        ratio, since = sure
        return judged("regression" if ratio > 1 else cheaper(series, ratio), ratio, since, "step")
    if found.steps and not found.steps[-1].confirmed and found.steps[-1].ratio > 1:
        return judged("unconfirmed", found.steps[-1].ratio, found.steps[-1].at, "step")
    return judged("steady", 1.0, None, "")


def moves(series):
    known = [at for at, path in enumerate(series.paths) if path]
    found = []
    for before, after in zip(known, known[1:]):
        was, now = series.paths[before], series.paths[after]
        verdict = exact.verdict_of(was, now)
        if verdict != "identical":
            found.append(Move(before, after, was, now, verdict))
    return found


def recent(watched):
    """The moves within the last points that are no mere footprint."""
    known = [at for at, path in enumerate(watched.series.paths) if path]
    first = known[max(0, len(known) - RECENT)]
    return [move for move in watched.moves if move.verdict != "footprint" and move.after >= first]


def judge_exact(series):
    """The Watched of an exact row: how its last path stands to the one before the recent points, or before its
    last move if that is worse. Each single point counts."""
    known = sum(map(bool, series.paths))
    watched = Watched(series, Changes(), "short" if known < 2 else "steady", 1.0, None, "",
                      len(series.paths) - known, moves(series))
    late = recent(watched)
    if not late:
        return watched
    was, now = late[0].was, late[-1].now
    worse = exact.more(was, now) or exact.more(late[-1].was, now)
    if worse:
        watched.verdict = "regression"
        if not exact.more(was, now):
            was = late[-1].was      # longer again, after it became shorter
    elif exact.work(was, now):
        watched.verdict = "improvement"
    else:
        return watched      # it went, and came back
    watched.kind, watched.ratio, watched.change = "step", now["instructions"] / was["instructions"], (was, now)
    watched.since = next(move.after for move in reversed(late)
                         if exact.more(move.was, move.now) == worse)
    return watched


def watch(of, magnitude=MAGNITUDE):
    """[Watched] for every series of a History; what is worse comes first, the worst at the top.

    A level has to move by the share @magnitude, or by its machine's noise floor if that is more."""
    machines = {point.host: point.machine for point in of.points}
    floors = {host: floor.load(machine) for host, machine in machines.items()}
    precise = [judge_exact(series) for series in of.series if series.paths]
    others = [series for series in of.series if not series.paths]
    tasks = [(series, max(magnitude, floors[series.host].of(series.name))) for series in others]
    if len(tasks) < FEW:
        judged = list(map(judge, tasks))
    else:
        tests()     # here, not in each worker
        judged = list(workers.each(judge, tasks, chunk=8))
        for watched, series in zip(judged, others):
            watched.series = series
    return sorted(precise + judged, key=lambda watched: (VERDICTS.index(watched.verdict), -watched.ratio))


def around(of, watched):
    """(last point before, first point of) a change; at the beginning of a history both the first."""
    at = watched.series.at
    return of.points[at[max(0, watched.since - 1)]], of.points[at[watched.since]]


def sides(watched, place, drifting=False):
    """Indices of the points before and after a change; of a drift those at its ends."""
    at = watched.series.at
    if drifting:
        return at[place:place + AROUND], at[-AROUND:]
    return at[max(0, place - AROUND):place], at[place:place + AROUND]


def changed(of, watched, place, drifting=False):
    """[(what, before, after)] of the conditions around a change that begins at the @place-th point."""
    return shift(*([of.conditions[of.points[at].conditions] for at in side]
                   for side in sides(watched, place, drifting)))


def loads(of, watched):
    """(before, after): medians of the machine's load there; nan where it is unknown."""
    return [median(of.points[at].load for at in side)
            for side in sides(watched, watched.since, watched.kind == "drift")]


def moved(watched):
    """A level before and the one now."""
    if watched.kind == "drift":
        return watched.changes.drift.before, watched.changes.drift.after
    now = watched.changes.steps[-1].after
    return now / watched.ratio, now


NO_CONDITION = "no recorded condition changed there (program, kernel, settings of the host)"


def describe(of, group):
    """Lines on changes of one host that began together."""
    before, after = around(of, group[0])
    results = counted(len(group[0].series.at) - group[0].since, "result")
    began = f"drift since {date(after.started)}, over" if group[0].kind == "drift" else \
        f"step between {date(before.started, after.started)} and {date(after.started, before.started)}, seen in"
    series = group[0].series
    marked = 0 if series.disturbed is None else int(series.disturbed[group[0].since:].sum())
    results += f", {marked} of them disturbed" if marked else ""
    lines = [f"{plain(after.host)}: {began} {results}"]
    cells = []
    for watched in group:
        was, now = moved(watched)
        start = watched.since - 1 if watched.since else 0
        exits = watched.series.exits[[start, -1]]
        cells.append([change(watched.ratio), watched.series.name,
                      f"{time(was, watched.series.unit)} -> {time(now, watched.series.unit)}",
                      f"exits per read {exits[0]:.2f} -> {exits[1]:.2f}"
                      if abs(exits[1] - exits[0]) > 0.25 else ""])
    lines += ["  " + line for line in table(cells, right=(0,))]
    versions = [f"{what}: {was} -> {now}" for what, was, now in
                changed(of, group[0], group[0].since, group[0].kind == "drift")]
    before, after = loads(of, group[0])
    if abs(after - before) >= 0.5:
        versions.append(f"load average: {before:.1f} -> {after:.1f}: the host was busier" if after > before else
                        f"load average: {before:.1f} -> {after:.1f}: the host was less busy")
    return lines + ["  " + plain(line) for line in versions or [NO_CONDITION]]


def groups(of, watched):
    """Those of a verdict that began together on one host, together."""
    found = {}
    for each in watched:
        before, after = around(of, each)
        found.setdefault((after.host, after.started, each.kind), []).append(each)
    return found.values()


EXACT_HEADINGS = {
    "another exit": "ANOTHER EXIT: the guest exits for another reason",
    "longer": "LONGER: more instructions in an exit, or the same and more of something else",
    "mixed": "MIXED: no more instructions in an exit, but more of something else",
    "shorter": "shorter",
    "steady": "changed and came back",
}


def heading_of(watched):
    """The key of EXACT_HEADINGS under which an exact benchmark belongs, or its verdict."""
    return exact.direction(*watched.change) if watched.change else watched.verdict


def differing(of, watched, move):
    """[(what, before, after)] of the conditions of two neighbours."""
    return differences(*(of.conditions[of.points[watched.series.at[at]].conditions]
                         for at in (move.before, move.after)))


def describe_moves(of, found):
    """Lines on [(Watched, Move)] of one host and the same two results; benchmarks that differ alike together."""
    watched, move = found[0]
    before, after = (of.points[watched.series.at[at]] for at in (move.before, move.after))
    lines = [f"{plain(after.host)}: between {date(before.started)} and {date(after.started)}, first in "
             f"{plain(after.path)}"]
    alike = {}
    for each, one in found:
        alike.setdefault(exact.in_words(one.was, one.now), []).append(each.series.name)
    for words, names in alike.items():
        lines += [f"  {names[0]}: {words}"] if len(names) == 1 else \
            [f"  {words} in each of {len(names)} benchmarks:", *(f"    {name}" for name in names)]
    changed = [f"{what}: {was} -> {now}" for what, was, now in differing(of, watched, move)]
    return lines + ["    " + plain(line) for line in changed or [NO_CONDITION]]


def moves_lines(of, every):
    """Lines on [(Watched, Move)], those of the same two results together, the newest last."""
    together = {}
    for watched, move in every:
        at = watched.series.at
        together.setdefault((int(at[move.after]), int(at[move.before])), []).append((watched, move))
    return ["  " + line for _, found in sorted(together.items()) for line in describe_moves(of, found)]


def report_exact(of, watched):
    """Lines on benchmarks whose every difference counts."""
    lines, others = [], 0
    for key, heading in EXACT_HEADINGS.items():
        every = [(each, move) for each in watched if heading_of(each) == key for move in recent(each)]
        # A move the other way is no reason for the heading.
        found = [(each, move) for each, move in every
                 if key in ("steady", exact.direction(move.was, move.now))] or every
        others += len(every) - len(found)
        if found:
            lines += [heading, *moves_lines(of, found), ""]
    if others:
        lines += [f"{counted(others, 'other recent change')} of these benchmarks: --json", ""]
    layout = [(each, move) for each in watched for move in each.moves if move.verdict == "footprint"]
    if layout:
        lines += ["only the footprint differs: another layout of the code, no regression",
                  *moves_lines(of, layout), ""]
    return lines


HEADINGS = {
    "regression": "SLOWER",
    "suspicious": "SUSPICIOUS: an intercepted read fell to half its cost; is the intercept still there?",
    "unconfirmed": f"perhaps slower, in fewer than {CONFIRMING} results",
    "improvement": "faster",
}

# In the order of a sentence: what became of a benchmark. The alarms first.
WORDS = {
    "regression": "slower", "longer": "longer", "another exit": "with another exit reason",
    "mixed": "mixed (no more instructions, but more of something else)", "suspicious": "suspiciously fast",
    "unconfirmed": "perhaps slower", "improvement": "faster", "shorter": "shorter", "steady": "unchanged",
    "short": "with too few results",
}
WORSE = tuple(WORDS)[:5]


def sentence(watched):
    """The verdict on all of them."""
    by = {}
    for each in watched:
        by.setdefault(heading_of(each), []).append(each)
    if set(by) == {"short"}:
        return f"No verdict: too few results of {counted(len(watched), 'benchmark')}"
    parts = []
    for key, words in WORDS.items():
        if key in by:
            most = max(each.ratio for each in by[key])
            up_to = f" by up to {share(most - 1)}" if key in ("regression", "longer") and most > 1 else ""
            parts.append(f"{len(by[key])} {words}{up_to}")
    judged = counted(len(watched), "benchmark")
    if any(key in by for key in WORSE):
        return f"{judged}: {', '.join(parts)}"
    return f"Nothing became slower: {judged}, {', '.join(parts)}"


def doubtful(watched):
    """Those judged by disturbed results, because too few others are there."""
    return [each for each in watched if each.moves is None and each.verdict != "short" and not each.left_out and
            each.series.disturbed is not None and each.series.disturbed.any()]


def limits(of, watched):
    """Lines on what the verdict does not cover."""
    lines = []
    short = [each for each in watched if each.verdict == "short"]
    for least, found in ((f"fewer than {SHORT} results", [each for each in short if each.moves is None]),
                         ("an exit path in one result only", [each for each in short if each.moves is not None])):
        if found:
            lines.append(f"{counted(len(found), 'benchmark')} not judged: {least}")
    steady = [each for each in watched if each.verdict == "steady" and each.moves is None]
    earlier = sum(len(each.changes.steps) for each in steady)
    if steady:
        lines.append(f"{counted(len(steady), 'benchmark')} unchanged over the last {RECENT} results" +
                     (f"; {counted(earlier, 'earlier step')}: --json" if earlier else ""))
    same = sum(each.verdict == "steady" and each.moves == [] for each in watched)
    if same:
        lines.append(f"{counted(same, 'exact benchmark')} identical in every result")
    marked = [point for point in of.points if point.disturbed]
    if marked:
        lines.append(f"{len(marked)} of {counted(len(of.points), 'result')} disturbed by other tasks or the guest's "
                     f"clock, the newest {date(max(point.started for point in marked))}: " +
                     ("their times count only where too few others are there" if doubtful(watched) else
                      "their times are left out"))
    return lines


def report(of, watched):
    precise = [each for each in watched if each.moves is not None]
    lines = report_exact(of, precise)
    for verdict, heading in HEADINGS.items():
        found = [each for each in watched if each.moves is None and each.verdict == verdict]
        if found:
            lines.append(heading)
            for group in groups(of, found):
                lines += ["  " + line for line in describe(of, group)]
            lines.append("")
    return lines + limits(of, watched)


def document(of, watched):
    def point(series, at):
        found = of.points[series.at[at]]
        return {"file": found.path, "started": found.started, "version": found.version}

    def step(watched, each):
        return {"before": point(watched.series, each.at - 1),
                "after": point(watched.series, each.at),
                "level_before": each.before, "level_after": each.after, "ratio": each.ratio,
                "confirmed": each.confirmed, "changed": changed(of, watched, each.at)}

    def move(watched, one):
        def differing_in(found):
            return [{"figure": figure, "before": was, "after": now} for figure, was, now in found]
        return {"before": point(watched.series, one.before), "after": point(watched.series, one.after),
                "verdict": one.verdict, "instructions_before": one.was["instructions"],
                "instructions_after": one.now["instructions"],
                "work": differing_in(exact.work(one.was, one.now)),
                "footprint": differing_in(exact.footprint(one.was, one.now)),
                "changed": differing(of, watched, one)}

    rows = []
    for each in watched:
        drift = each.changes.drift
        rows.append({
            "host": each.series.host, "name": each.series.name, "setting": each.series.setting,
            "unit": each.series.unit, "points": len(each.series.at), "disturbed":
            0 if each.series.disturbed is None else int(each.series.disturbed.sum()),
            "left_out": each.left_out, "verdict": each.verdict, "kind": each.kind,
            "ratio": each.ratio,
            "since": None if each.since is None else point(each.series, each.since),
            "steps": [step(each, one) for one in each.changes.steps],
            "exact": None if each.moves is None else [move(each, one) for one in each.moves],
            "drift": drift and {"start": point(each.series, drift.start),
                                "level_before": drift.before, "level_after": drift.after,
                                "ratio": drift.ratio, "per_point": drift.per_point}})
    return {"schema": "rdpmc-trend/1", "rows": rows,
            "skipped": [{"file": path, "reason": reason} for path, reason in of.skipped]}


def run(options):
    of = history.read(options.paths, progress)
    if not of.points:
        nothing(f"no result of rdpmc-bench in {' '.join(options.paths)}", of.skipped, f"; `{BENCH}` makes one")
    status = name_skipped(of.skipped)
    watched = watch(of, options.magnitude / 100)
    if options.json:
        print(json.dumps(document(of, watched), indent=1))
    else:
        first = min(point.started for point in of.points)
        last = max(point.started for point in of.points)
        bad = doubtful(watched)
        if bad:
            print(f"UNRELIABLE: {counted(len(bad), 'benchmark')} judged by disturbed results, too few others are "
                  "there: measure again on an idle host")
        print(sentence(watched))
        print(f"{counted(len(of.points), 'result')} of {counted(len(of.hosts), 'host')}, {date(first)} to "
              f"{date(last)} UTC\n")
        print("\n".join(report(of, watched)))
    worse = any(each.verdict in ("regression", "suspicious") for each in watched)
    return 1 if worse else status


def above_zero(value):
    number = option_number(value)
    if not 0 < number < 1000:
        raise argparse.ArgumentTypeError(f"{value} is no percentage above 0")
    return number


def add(commands):
    made = commands.add_parser(
        "trend", help="steps and drift in the history of each benchmark", allow_abbrev=False,
        description="Reports which benchmarks are slower at the end of their history, since when, and what "
                    f"changed there. A step counts once {CONFIRMING} results confirm it. Exit paths of an "
                    "emulated machine are exact: any difference counts at once. Exit status 1 if a benchmark is "
                    "slower, an exit path has more of anything, or an intercepted read fell to half its cost.")
    made.add_argument("paths", nargs="+", metavar="PATH", help=files.PATH_HELP)
    made.add_argument("--magnitude", type=above_zero, default=MAGNITUDE * 100, metavar="PERCENT",
                      help=f"smallest change that counts ({MAGNITUDE * 100:g})")
    made.add_argument("--json", action="store_true", help="print JSON, every step included")
    made.set_defaults(run=run)
