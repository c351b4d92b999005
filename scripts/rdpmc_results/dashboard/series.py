# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures packed for the page: a million of them in some megabytes.

A host is a block of its own, unpacked in the browser when somebody looks at it. Each series has
three columns (median, distance to lower, distance to upper) with a place for each of the host's
results, in steps of 1/16382 of what the series spans: wrong by at most 0.0031 % of the range shown.
Where a series spans more than a factor of 4, steps of the logarithm: wrong by at most ln(span) *
0.0031 % of the figure.
"""

import base64
import zlib

import numpy

STEPS = 16382
MISSING = 65535
SPAN = 4                    # above this factor: logarithmic


def scale(series):
    """(logarithmic, low, high) of all that is drawn of it."""
    drawn = numpy.concatenate([series.median, series.lower, series.upper])
    low, high = float(numpy.nanmin(drawn)), float(numpy.nanmax(drawn))
    return bool(low > 0 and high > SPAN * low), low, high


def steps(values, logarithmic, low, high):
    """Whole steps above @low; nan stays nan."""
    if high <= low:
        return numpy.where(numpy.isnan(values), numpy.nan, 0.0)
    # Not of a quotient, which may be beyond what a float holds.
    part = (numpy.log(values) - numpy.log(low)) / (numpy.log(high) - numpy.log(low)) if logarithmic else \
        (values - low) / (high - low)
    return numpy.rint(part * STEPS)


def columns(series, scaled, base, count):
    """3 x @count of uint16; the host's results begin at point @base."""
    middle, lower, upper = (steps(values, *scaled)
                            for values in (series.median, series.lower, series.upper))
    packed = numpy.full((3, count), MISSING, dtype="<u2")
    for row, values in zip(packed, (middle, middle - lower, upper - middle)):
        row[series.at - base] = numpy.where(numpy.isnan(values), MISSING, values).astype("<u2")
    return packed


def block(points, of, scales, versions, kernels):
    """base64 of the deflated columns of one host: times, versions, kernels, then those of @of."""
    base, count = points[0][0], len(points)
    head = [numpy.array(column, dtype=kind).tobytes() for column, kind in (
        ([point.started for _, point in points], "<f8"), (versions, "<u2"), (kernels, "<u2"))]
    body = numpy.concatenate([columns(series, scaled, base, count)
                              for series, scaled in zip(of, scales)]) if of else numpy.empty((0, 0))
    # All low bytes, then all high ones: those are alike.
    planes = body.astype("<u2").reshape(-1, 1).view(numpy.uint8).T
    return base64.b64encode(zlib.compress(b"".join(head) + planes.tobytes(), 6)).decode()
