# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes into the page: figures that are read at once as JSON, the rest packed by host.

Every text from a file passes plain(): no control characters, nothing that turns writing around."""

import base64
import json
import zlib

from .. import files, trend
from ..history import Table
from ..text import plain
from . import exact
from . import series as packed
from .tails import PERCENTILES, A_DECADE, tails
from .trials import trials
from .verdict import verdict


def known(value, digits=7):
    """A figure for JSON, which has no nan."""
    return None if value != value else float(f"{value:.{digits}g}")


def simulated(series):
    return series.setting == "simulated-vpmu"


def one_series(of, series, base, scale, names, watched, changes):
    """A series as the page knows it before its figures are unpacked. Positions are among the
    host's results."""
    at = series.at

    def step(each):
        return [int(at[each.at]) - base, known(each.before), known(each.after), known(each.ratio),
                each.confirmed, changes.add(tuple(trend.changed(of, watched, each.at)))]

    drift = watched.changes.drift
    return {
        "row": names.add(series.name), "setting": series.setting, "count": len(at),
        "scale": [scale[0], scale[1], scale[2]],
        "last": [int(at[-1]) - base, *(known(float(figures[-1])) for figures in (
            series.median, series.lower, series.upper, series.exits))],
        "verdict": watched.verdict, "ratio": known(watched.ratio),
        "since": None if watched.since is None else int(at[watched.since]) - base,
        "steps": [step(each) for each in watched.changes.steps],
        "drift": drift and [int(at[drift.start]) - base, int(at[drift.end]) - base,
                            known(drift.before), known(drift.after), known(drift.ratio)]}


def one_host(of, name, points, watched, names, changes, numbers, synthetic):
    """(head, block, tails) of a host; @points as (index, Point)."""
    base = points[0][0]
    series = [each for each in of.series if each.host == name and not each.paths]
    versions, kernels = Table(), Table()
    version = [versions.add(plain(point.version)) for _, point in points]
    kernel = [kernels.add(plain(of.conditions[point.conditions].get("kernel", "unknown")))
              for _, point in points]
    scales = [packed.scale(each) for each in series]
    told = []
    for each, scale in zip(series, scales):
        told.append(one_series(of, each, base, scale, names, watched[id(each)], changes))
        told[-1]["index"] = numbers[id(each)]
    real = [each for each in series if not simulated(each)]
    newest, last = next((each for each in reversed(points) if each[1].vpmu == ""), points[-1])
    head = {
        "name": plain(name), "cpu": plain(last.machine[1]), "backend": plain(last.machine[2]),
        "unit": files.unit(last.machine),
        "results": len(points), "first": points[0][1].started, "last": last.started,
        "newest": newest - base,
        "partial": last.partial, "versions": versions.values, "kernels": kernels.values,
        "version": version[newest - base], "kernel": kernel[newest - base], "synthetic": synthetic,
        "absent": [[row, setting, status, plain(reason)]
                   for row, setting, status, reason in of.absent[last.absent]],
        "disturbed": {at: plain(point.disturbed) for at, (_, point) in enumerate(points)
                      if point.disturbed},
        "series": told} | exact.head(of, name, points, watched, names, changes)
    return (head, packed.block(points, series, scales, version, kernel),
            tails(of, real))


def deflated(value):
    return base64.b64encode(zlib.compress(json.dumps(value, allow_nan=False).encode())).decode()


def collect(of, title, now, beside=None):
    """{"page": what is JSON, "blocks": [base64 of figures], "tails", "profiles": [base64 of JSON]}. @beside: the
    folder that the page is for; None: nobody knows."""
    watched = trend.watch(of)
    by = {id(each.series): each for each in watched}
    numbers = {id(series): at for at, series in enumerate(of.series)}
    names, changes = Table(), Table()
    points = {}
    for at, point in enumerate(of.points):
        points.setdefault(point.host, []).append((at, point))
    hosts, blocks, curves, profiles = [], [], [], []
    for name in of.hosts:
        head, block, tail = one_host(of, name, points[name], by, names, changes, numbers,
                                     any(point.synthetic for _, point in points[name]))
        hosts.append(head)
        blocks.append(block)
        curves.append(deflated(tail))
        found = exact.profiles(of, head, points[name][0][0])
        profiles.append(deflated(found) if found["of"] else "")
    numbered = {host: at for at, host in enumerate(of.hosts)}
    told = trials(of.others, beside)
    first = verdict(of, [each for each in watched if not simulated(each.series) and each.moves is None],
                    numbered, numbers)
    exact.add_verdict(first, of, [each for each in watched if each.moves is not None], numbered)
    page = {
        "title": plain(title), "made": now, "hosts": hosts, "rows": names.values,
        "changes": [[[plain(text) for text in each] for each in found] for found in changes.values],
        "percentiles": PERCENTILES, "decade": A_DECADE, "steps": packed.STEPS,
        "needed": trend.SHORT,
        "verdict": first,
        "trials": told,
        "synthetic": any(host["synthetic"] for host in hosts + told),
        "skipped": [[plain(path), plain(reason)] for path, reason in of.skipped]}
    return {"page": page, "blocks": blocks, "tails": curves, "profiles": profiles}
