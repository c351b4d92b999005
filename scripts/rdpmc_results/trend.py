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
from .text import BENCH, change, counted, date, plain, time

MAGNITUDE = 0.02            # share that a level has to move
RECENT = 30                 # points: how far back the end reaches
AROUND = 10                 # points on either side of a change whose conditions are told
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
    elif exact.work(was, now):
        watched.verdict = "improvement"
    else:
        return watched      # it went, and came back
    watched.kind, watched.ratio = "step", now["instructions"] / was["instructions"]
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


def describe(of, group):
    """Lines on changes of one host that began together."""
    before, after = around(of, group[0])
    points = counted(len(group[0].series.at) - group[0].since, "point")
    began = f"drifting since {date(after.started)}" if group[0].kind == "drift" else \
        f"between {date(before.started)} and {date(after.started)}"
    series = group[0].series
    marked = 0 if series.disturbed is None else int(series.disturbed[group[0].since:].sum())
    points += f", {marked} of them disturbed" if marked else ""
    lines = [f"{plain(after.host)}, {began}, {points}:"]
    for watched in group:
        was, now = moved(watched)
        lines.append(f"  {change(watched.ratio):>8}  {watched.series.name}  "
                     f"{time(was, watched.series.unit)} -> {time(now, watched.series.unit)}")
        start = watched.since - 1 if watched.since else 0
        exits = watched.series.exits[[start, -1]]
        if abs(exits[1] - exits[0]) > 0.25:
            lines.append(f"            exits per read {exits[0]:.2f} -> {exits[1]:.2f}")
    versions = [f"{what}: {was} -> {now}" for what, was, now in
                changed(of, group[0], group[0].since, group[0].kind == "drift")]
    before, after = loads(of, group[0])
    if abs(after - before) >= 0.5:
        versions.append(f"load average: {before:.1f} -> {after:.1f}: the machine had other work")
    for line in versions or ["nothing in the results' contexts changed there: look elsewhere"]:
        lines.append("      " + plain(line))
    return lines


def groups(of, watched):
    """Those of a verdict that began together on one host, together."""
    found = {}
    for each in watched:
        before, after = around(of, each)
        found.setdefault((after.host, after.started, each.kind), []).append(each)
    return found.values()


EXACT_HEADINGS = {
    "regression": "LONGER, exactly",
    "improvement": "shorter, exactly",
    "steady": "moved and came back, exactly",
}


def differing(of, watched, move):
    """[(what, before, after)] of the conditions of two neighbours."""
    return differences(*(of.conditions[of.points[watched.series.at[at]].conditions]
                         for at in (move.before, move.after)))


def describe_moves(of, found):
    """Lines on [(Watched, Move)] of one host and the same two results."""
    watched, move = found[0]
    before, after = (of.points[watched.series.at[at]] for at in (move.before, move.after))
    lines = [f"{plain(after.host)}, between {date(before.started)} and {date(after.started)}, first in "
             f"{plain(after.path)}:"]
    lines += [f"  {each.series.name}: {exact.told(one.was, one.now)}" for each, one in found]
    changed = [f"{what}: {was} -> {now}" for what, was, now in differing(of, watched, move)]
    return lines + ["      " + plain(line) for line in
                    changed or ["nothing in the results' contexts changed there: look elsewhere"]]


def told_moves(of, every):
    """Lines on [(Watched, Move)], those of the same two results together, the newest last."""
    together = {}
    for watched, move in every:
        at = watched.series.at
        together.setdefault((int(at[move.after]), int(at[move.before])), []).append((watched, move))
    return ["  " + line for _, found in sorted(together.items()) for line in describe_moves(of, found)]


def report_exact(of, watched):
    """Lines on rows whose every difference counts."""
    lines = []
    for verdict, heading in EXACT_HEADINGS.items():
        found = [(each, move) for each in watched if each.verdict == verdict for move in recent(each)]
        if found:
            lines += [heading, *told_moves(of, found), ""]
    layout = [(each, move) for each in watched for move in each.moves if move.verdict == "footprint"]
    if layout:
        lines += ["only the footprint differs, exactly: another layout of the code, no regression",
                  *told_moves(of, layout), ""]
    for verdict, (one, several) in {"steady": ("is the same in every result", "are the same in every result"),
                                    "short": ("is in one result only", "are in one result only")}.items():
        count = sum(each.verdict == verdict and not each.moves for each in watched)
        if count:
            lines.append(f"{counted(count, 'exact row')} {one if count == 1 else several}")
    return lines


HEADINGS = {
    "regression": "SLOWER",
    "suspicious": "SUSPICIOUS: an intercepted read fell to half its cost; is the intercept still there?",
    "unconfirmed": f"perhaps slower, on fewer than {CONFIRMING} points",
    "improvement": "faster",
}


def rows(found, one, more):
    return f"{counted(len(found), 'row')} {one if len(found) == 1 else more}"


def told_disturbed(of, watched):
    """Lines on the results of which rdpmc-bench warned."""
    marked = [point for point in of.points if point.disturbed]
    if not marked:
        return []
    lines = [f"{len(marked)} of {counted(len(of.points), 'result')} disturbed, the newest "
             f"{date(max(point.started for point in marked))}: in the rows' levels they have no say"]
    doubtful = [each for each in watched if not each.left_out and each.series.disturbed is not None and
                each.series.disturbed.any()]
    if doubtful:
        lines.append(f"  but in {counted(len(doubtful), 'row')}, of which too few others are there: "
                     "measure again when the machine is idle")
    return lines


def report(of, watched):
    lines = report_exact(of, [each for each in watched if each.moves is not None])
    watched = [each for each in watched if each.moves is None]
    by = {verdict: [each for each in watched if each.verdict == verdict] for verdict in VERDICTS}
    for verdict, heading in HEADINGS.items():
        if by[verdict]:
            lines.append(heading)
            for group in groups(of, by[verdict]):
                lines += ["  " + line for line in describe(of, group)]
            lines.append("")
    if by["short"]:
        lines.append(f"{rows(by['short'], 'has', 'have')} fewer than {SHORT} points: too few to "
                     "say anything")
    if by["steady"]:
        earlier = sum(len(each.changes.steps) for each in by["steady"])
        lines.append(f"{rows(by['steady'], 'is', 'are')} steady over their last {RECENT} points" +
                     (f"; further back: {counted(earlier, 'step')} (--json)" if earlier else ""))
    return lines + told_disturbed(of, watched)


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
        print(f"{counted(len(of.points), 'result')} of {counted(len(of.hosts), 'host')}, "
              f"{counted(len(of.series), 'row')}, {date(first)} to {date(last)} UTC\n")
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
        "trend", help="steps and drift in the history of each row", allow_abbrev=False,
        description="Says which rows are slower at the end of their history, since when, and what "
                    f"changed there. A step counts once {CONFIRMING} points confirm it, of exit paths of an "
                    "emulated machine, which are exact, any difference at once. Exit status 1 if "
                    "something is slower, or an intercepted read fell to half its cost.")
    made.add_argument("paths", nargs="+", metavar="PATH", help=files.PATH_HELP)
    made.add_argument("--magnitude", type=above_zero, default=MAGNITUDE * 100, metavar="PERCENT",
                      help=f"how far a level has to move ({MAGNITUDE * 100:g})")
    made.add_argument("--json", action="store_true", help="print JSON, every step included")
    made.set_defaults(run=run)
