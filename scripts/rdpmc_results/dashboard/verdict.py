# SPDX-License-Identifier: GPL-2.0-or-later
"""What the page says first: is anything worse than a week ago, on which host, by how much."""

from math import isnan

from ..text import counted, date, plain, share
from ..trend import SHORT, around, changed, loads, moved

WEEK = 7 * 86400

# In the order in which they are told: class, heading.
CLASSES = (
    ("new", "Slower"),
    ("suspicious", "Suspicious: an intercepted read fell to half its cost. "
                   "Is the intercept still there?"),
    ("still", "Still slower, since before this week"),
    ("unconfirmed", "Perhaps slower: three results confirm it, and fewer are there"),
    ("better", "Faster"),
)


def span(seconds):
    """A length of time as people say it: 75 minutes."""
    for unit, size in ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1):
        if seconds >= 2 * size or unit == "second":
            return counted(round(seconds / size), unit)
    return ""


def rows(count):
    return counted(count, "benchmark")


def rows_are(count):
    return rows(count) + (" are" if count != 1 else " is")


def needed(watched):
    """How far rows are that cannot be judged yet."""
    counts = [len(each.series.at) for each in watched] or [0]
    least = "" if min(counts) == max(counts) else f"{min(counts)} to "
    return f"{least}{max(counts)} of {SHORT} results needed"


def class_of(watched, began, newest):
    if watched.verdict == "regression":
        return "new" if began > newest - WEEK else "still"
    return {"improvement": "better"}.get(watched.verdict, watched.verdict)


def without_echoes(found):
    """An exit cost rises because its intercepted row does: said once."""
    dear = {(kind, each.series.host, each.series.name) for kind, each in found}
    for kind, each in found:
        parts = each.series.name.split("/")
        if parts[0] != "exit-cost" or \
                (kind, each.series.host, f"rdpmc/{parts[1]}/intercepted/{parts[2]}") not in dear:
            yield kind, each


def group(of, members, hosts, numbers):
    """Changes of one host that began together, as the page has them."""
    before, after = around(of, members[0])
    place, drifting = members[0].since, members[0].kind == "drift"
    return {
        "host": hosts[after.host], "kind": members[0].kind, "before": before.started,
        "since": after.started, "points": len(members[0].series.at) - place,
        "loads": [None if isnan(load) else round(load, 2) for load in loads(of, members[0])],
        "changed": [[plain(text) for text in each] for each in changed(of, members[0], place, drifting)],
        "rows": [[numbers[id(each.series)], each.ratio, *moved(each)]
                 for each in sorted(members, key=lambda each: -abs(each.ratio - 1))]}


def headline(of, groups, than=""):
    """A sentence, or half of one, on the groups of a class that is worse."""
    found = [row for each in groups for row in each["rows"]]
    where = list(dict.fromkeys(each["host"] for each in groups))
    on = of.hosts[where[0]] if len(where) == 1 else f"{len(where)} hosts"
    most = share(max(ratio for _, ratio, _, _ in found) - 1)
    if len(found) == 1:
        return f"{of.series[found[0][0]].name} is {most} slower on {on}{than}"
    # Of times and instructions no figure is the greatest.
    by = f", by up to {most}" if len({of.series[row[0]].unit for row in found}) == 1 else ""
    return f"{rows_are(len(found))} slower on {on}{than}{by}"


def verdict(of, watched, hosts, numbers):
    """{"tone", "headline", "lines", "classes"}: numbers are indices of series by id(series)."""
    if not of.points:
        return {"tone": "unknown", "headline": "", "classes": [], "lines": []}
    newest = max(point.started for point in of.points)
    first = min(point.started for point in of.points)
    found = [(class_of(each, of.points[each.series.at[each.since]].started, newest), each)
             for each in watched if each.since is not None]
    together = {}
    for kind, each in without_echoes(found):
        before, after = around(of, each)
        together.setdefault(kind, {}).setdefault(
            (after.host, before.started, after.started, each.kind), []).append(each)
    classes = [{"class": kind, "heading": heading,
                "groups": [group(of, members, hosts, numbers)
                           for members in together[kind].values()]}
               for kind, heading in CLASSES if kind in together]
    by = {each["class"]: each["groups"] for each in classes}
    short = newest - first < WEEK
    since = f"since the first result, {span(newest - first)} before the newest"
    judged = sum(each.verdict != "short" for each in watched)
    lines = []
    if "new" in by:
        tone, text = "worse", headline(of, by["new"], "" if short else " than a week ago")
        if short:
            lines.append("There is no week of history: the first result is "
                         f"{span(newest - first)} older than the newest.")
    elif "suspicious" in by:
        tone, text = "worse", "An intercepted read fell to half its cost"
    elif not judged:
        tone, text = "unknown", f"No verdict yet: {needed(watched)}"
        lines.append(f"A benchmark is judged once one host has {SHORT} results of it.")
    elif "still" in by:
        tone, text = "still", "Nothing new is worse this week, but " + headline(of, by["still"])
    elif "unconfirmed" in by:
        tone, text = "still", headline(of, by["unconfirmed"], " if more results confirm it")
    else:
        tone, text = "good", f"Nothing is worse {since if short else 'than a week ago'}"
    lines += remarks(of, watched, judged)
    return {"tone": tone, "headline": plain(text), "lines": lines, "classes": classes}


def remarks(of, watched, judged):
    """Sentences on what else one should know before one believes the verdict."""
    lines = []
    short = len(watched) - judged
    if short and judged:
        lines.append(f"{rows_are(short)} not judged yet: "
                     f"{needed(each for each in watched if each.verdict == 'short')}.")
    last = {point.host: (at, point) for at, point in enumerate(of.points) if point.vpmu == ""}
    newest = max(point.started for point in of.points)
    for host, (at, point) in last.items():
        if newest - point.started > WEEK:
            lines.append(f"{plain(host)} has given no result for {span(newest - point.started)} "
                         f"(last {date(point.started)}).")
        if point.disturbed:
            lines.append(f"The newest result of {plain(host)} was disturbed: {plain(point.disturbed)}. "
                         "Its figures are marked ×.")
        failed = sum(status == "failed" for _, _, status, _ in of.absent[point.absent])
        if failed:
            lines.append(f"{rows(failed)} failed in the newest result of {plain(host)}: see what was "
                         "not measured.")
        lost = sum(each.series.host == host and int(each.series.at[-1]) < at
                   for each in watched if each.series.setting != "exit-cost")
        if lost:
            lines.append(f"{rows(lost)} measured before on {plain(host)}, but not in its newest "
                         "result.")
    return lines
