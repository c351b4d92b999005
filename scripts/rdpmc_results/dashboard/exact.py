# SPDX-License-Identifier: GPL-2.0-or-later
"""Exact rows of an emulated machine: the paths of an exit that a host's results have, and their profiles."""

from .. import exact, files, trend
from ..history import Table
from ..text import counted, plain

AT_MOST = 12                # results of a row that can be looked at: the newest of each path and kernel


def choosable(of, series):
    """Places in @series of its newest results of each path and kernel, by time."""
    newest = {}
    for place, path in enumerate(series.paths):
        if path:
            found = of.conditions[of.points[series.at[place]].conditions]
            newest[tuple(path.items()), found["kernel"], found["kernel build"]] = place
    return sorted(newest.values())[-AT_MOST:]


def told(of, watched, move, base, changes):
    """A move as the page has it; positions are among the host's results."""
    at = watched.series.at
    return [int(at[move.before]) - base, int(at[move.after]) - base, move.verdict,
            plain(exact.differences(move.was, move.now)), plain(exact.brief(move.was, move.now)),
            changes.add(tuple(map(tuple, trend.differing(of, watched, move))))]


def head(of, host, points, watched, names, changes):
    """What the page knows of a host's exact rows before it unpacks profiles."""
    base, paths, rows, shown = points[0][0], Table(), [], set()
    for series in of.series:
        if series.host != host or not series.paths:
            continue
        each = watched[id(series)]
        places = choosable(of, series)
        at = [int(series.at[place]) - base for place in places]
        shown.update(at)
        rows.append({
            "row": names.add(series.name), "setting": series.setting, "verdict": each.verdict,
            "count": len(series.paths) - each.left_out, "left_out": each.left_out,
            "current": bool(series.paths[-1]) and int(series.at[-1]) - base == len(points) - 1,
            "results": [[one, paths.add(tuple(series.paths[place].items()))] for one, place in zip(at, places)],
            "moves": [told(of, each, move, base, changes) for move in each.moves]})
    results = {}
    for at in sorted(shown):
        point = points[at][1]
        results[at] = [point.started, plain(of.conditions[point.conditions]["kernel"]), plain(point.version),
                       plain(point.path.rsplit("/", 1)[-1])]
    return {"exact": rows, "paths": [dict(items) for items in paths.values], "exact_results": results}


def profiles(of, head, base):
    """{"stacks": [{folded stack: instructions}], "of": {row: {result: number of its stacks}}} of a host."""
    stacks, found = Table(), {}
    for at in head["exact_results"]:
        path = of.points[base + at].path
        try:
            profiles = files.read(path).profiles
        except files.Refused as reason:
            of.skipped.append((path, f"for its profiles: {reason}"))
            continue
        for name, profile in profiles.items():
            found.setdefault(name, {})[at] = stacks.add(tuple(profile.items()))
    return {"stacks": [dict(items) for items in stacks.values], "of": found}


def groups(of, every, hosts):
    """[(Watched, Move)] as the page has them: those of the same two results together."""
    together = {}
    for watched, move in every:
        key = int(watched.series.at[move.before]), int(watched.series.at[move.after])
        together.setdefault(key, []).append((watched, move))
    made = []
    for (before, after), found in sorted(together.items(), reverse=True):
        watched, move = found[0]
        made.append({
            "host": hosts[watched.series.host], "file": plain(of.points[after].path.rsplit("/", 1)[-1]),
            "changed": [[plain(text) for text in each] for each in trend.differing(of, watched, move)],
            "rows": [[plain(each.series.name), plain(exact.summary(one.was, one.now))] for each, one in found]})
    return made


def longest(every):
    """By how many instructions a path became longer, at most."""
    return max(move.now["instructions"] - move.was["instructions"] for _, move in every)


def headline(of, every):
    """A sentence on [(Watched, Move)] of which something became more."""
    # Fewer instructions, and more of something else, are no longer path, if there is one.
    grown = [(each, move) for each, move in every if move.now["instructions"] > move.was["instructions"]]
    every = grown or every
    rows = {(each.series.host, each.series.name) for each, _ in every}
    where = {host for host, _ in rows}
    on = min(where) if len(where) == 1 else f"{len(where)} hosts"
    more = longest(every)
    by = f", by up to {counted(more, 'instruction')}" if more > 0 else ", though not in instructions"
    return plain(f"{counted(len(rows), 'exit path')} {'is' if len(rows) == 1 else 'are'} longer on {on}{by}")


def add_verdict(first, of, watched, hosts):
    """Adds to what the page says first what there is to say of exact rows."""
    moved = {verdict: [(each, move) for each in watched if each.verdict == verdict for move in trend.recent(each)]
             for verdict in ("regression", "improvement")}
    longer = [(each, move) for each, move in moved["regression"] if exact.more(move.was, move.now)]
    first["exact"] = {"longer": groups(of, longer, hosts),
                      "shorter": groups(of, moved["improvement"], hosts)}
    judged = [each for each in watched if each.verdict != "short"]
    if moved["regression"]:
        said = headline(of, longer)
        if first["tone"] == "worse":
            first["lines"].insert(0, f"{said}.")
        else:
            if first["tone"] != "unknown":
                first["lines"].insert(0, f"{first['headline']}.")
            first["tone"], first["headline"] = "worse", said
    elif judged and first["tone"] == "unknown":
        first["tone"], first["headline"] = "good", \
            f"No exit path is longer ({counted(len(judged), 'exact benchmark')})"
    last = {point.host: at for at, point in enumerate(of.points)}
    gone = [each for each in watched if not each.series.paths[-1] or int(each.series.at[-1]) < last[each.series.host]]
    if gone:
        first["lines"].append(f"{counted(len(gone), 'exact benchmark')} had an exit path before, but not in the newest "
                              "result.")
