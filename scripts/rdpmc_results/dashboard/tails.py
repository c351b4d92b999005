# SPDX-License-Identifier: GPL-2.0-or-later
"""Percentiles of each row in its newest result: of all samples of all runs, from the histograms."""

import statistics

import numpy

from .. import files

A_DECADE = 12               # points of a curve for each factor of ten in 1 / (1 - p)
AT_MOST = 4                 # files of a host that are read again
PERCENTILES = ("sample_median", "p90", "p99", "p999", "max")


def short(value):
    return float(f"{value:.5g}")


def samples(runs, khz):
    """(values, counts), sorted: the middles of buckets, less what was taken off the run's samples."""
    values, counts = [], []
    for run in runs:
        buckets = numpy.array(run["histogram"]["buckets"], dtype=float).reshape(-1, 2)
        low = buckets[:, 0]
        power = numpy.floor(numpy.log2(numpy.maximum(low, 32)))
        width = numpy.where(low < 32, 1, 2 ** (power - 4))
        values.append((low + (width - 1) / 2) * 1e6 / khz - files.number(run, "sample_overhead", "run"))
        counts.append(buckets[:, 1])
    values, counts = numpy.concatenate(values), numpy.concatenate(counts)
    order = numpy.argsort(values, kind="stable")
    return values[order], counts[order]


def curve(values, counts):
    """The samples at p = 1 - 10^(-k / A_DECADE), k = 0, 1, ..., as far as there are samples."""
    below = numpy.cumsum(counts)
    total = below[-1]
    k = numpy.arange(int(numpy.log10(total) * A_DECADE) + 1)
    rank = numpy.clip(numpy.ceil(total * (1 - 10 ** (-k / A_DECADE))), 1, total)
    return values[numpy.searchsorted(below, rank)]


def percentiles(row, khz):
    """{"n", "p": PERCENTILES in the unit, "curve"} of a row with details; None: nothing to draw."""
    figures = [statistics.median(run[key] for run in row.details) for key in PERCENTILES[:-1]]
    values, counts = samples(row.details, khz)
    if not counts.sum() > 0:
        return None
    return {"n": int(counts.sum()), "p": [short(value) for value in figures + [row.max]],
            "curve": [short(value) for value in curve(values, counts)]}


def newest(points, series):
    """{at: names}: of the host's newest results those that hold the newest figures of its rows."""
    wanted = {}
    for each in series:
        wanted.setdefault(int(each.at[-1]), set()).add(each.name)
    return dict(sorted(wanted.items(), reverse=True)[:AT_MOST])


def tails(of, series):
    """{row: percentiles()} of one host of a History. What has damaged details is among the skipped."""
    found = {}
    for at, names in newest(of.points, series).items():
        path = of.points[at].path
        try:
            result = files.read(path, details=True)
            # What a histogram counts is the unit itself where that is not ns.
            khz = files.number(result.context, "guest_tsc_khz", "context") if result.unit == "ns" else 1e6
            for row in result.rows:
                if row.name in names and row.status == "measured" and khz >= 1:
                    drawn = percentiles(row, khz)
                    if drawn:
                        found[row.name] = drawn
        except files.Refused as reason:
            of.skipped.append((path, f"for its percentiles: {reason}"))
    return found
