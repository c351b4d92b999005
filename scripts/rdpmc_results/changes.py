# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps and drift in one series.

Steps are found by E-divisive (Matteson and James, 2014): the split of a stretch at which the energy
distance of its two sides is greatest, then the same on either side. It is done on ranks, so outliers
have no weight of their own and what happens without a change depends on the length alone: the test of
significance is a table. A stretch that a line explains better than steps do is drift.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from statistics import median      # of a few values numpy's takes ten times as long

import numpy

from .statistics import tests

CONFIRMING = 3      # points that a level needs on either side before anybody believes it
SHORT = 10          # fewer points than that say nothing
WINDOW = 256        # points that are looked at together; longer series in windows that overlap by half
CLOSER = (64, 24, 12)   # windows for the last WINDOW points as well: of a while that is over, halves of
                        # a long stretch show nothing
NEWEST = 8          # points at the end that are held against the level before by themselves
REACH = 60          # points of the level before, that the newest ones are held against
ALPHA = 0.002       # of a step, of the newest points, of drift
FLOOR = 0.5         # ns: about a cycle; less is no change, whatever its share

# By length of a stretch: what the greatest energy distance of its ranks exceeds in ALPHA of all
# cases without any change. tests/results/test_trend.py works it out anew.
LENGTHS = (12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
CRITICAL = (1.83, 2.15, 2.38, 2.49, 2.64, 2.74, 2.84, 2.88, 2.93, 3.00)

EARLIER = numpy.tri(WINDOW, dtype=numpy.float32)    # 1 where the second index is not above the first


@dataclass(slots=True)
class Step:
    at: int             # index of the first point of the new level
    before: float       # median of the level before, in the series' unit
    after: float
    ratio: float        # after / before
    confirmed: bool     # CONFIRMING points or more of the new level are there


@dataclass(slots=True)
class Drift:
    start: int          # indices of the first and the last point of the stretch
    end: int
    before: float       # of the fitted line, at its ends
    after: float
    ratio: float
    per_point: float    # share of before, a point


@dataclass(slots=True)
class Changes:
    steps: list = field(default_factory=list)    # of Step, by at
    drift: Drift | None = None                   # of the stretch at the end; steps in it are left out


def ranked(values):
    """From 1 on; SciPy's only where some are alike, because it takes most of the time."""
    order = values.argsort()
    ordered = values[order]
    if (ordered[1:] == ordered[:-1]).any():
        return tests().rankdata(values).astype(numpy.float32)
    ranks = numpy.empty(len(values), numpy.float32)
    ranks[order] = numpy.arange(1, len(values) + 1)
    return ranks


@lru_cache(maxsize=None)
def splits(count):
    """What energy() has to know of each split of so many points, the same whatever their values."""
    here = numpy.arange(CONFIRMING, count - CONFIRMING + 1, dtype=float)
    there = count - here
    return here * there / count ** 2, here * there, here * (here - 1), there * (there - 1)


def energy(values):
    """(split, distance): where the energy distance of the two sides is greatest, by ranks as shares
    of @values, WINDOW at most."""
    count = len(values)
    ranks = ranked(values)
    # In half the memory of double precision, and just as exact: these are halves of whole numbers.
    apart = numpy.abs(ranks[:, None] - ranks)
    within = 2 * numpy.einsum("ij,ij->i", apart, EARLIER[:count, :count]).cumsum(dtype=float)
    inner = slice(CONFIRMING - 1, count - CONFIRMING)
    left = within[inner]
    across = apart.sum(1).cumsum(dtype=float)[inner] - left
    right = within[-1] - left - 2 * across
    weight, pairs, before, behind = splits(count)
    distance = weight * (2 * across / pairs - left / before - right / behind)
    best = int(distance.argmax())
    return CONFIRMING + best, float(distance[best])


def significant(distance, count):
    return distance > numpy.interp(count, LENGTHS, CRITICAL)


def divide(values, start, end, found):
    """Adds to @found where values[start:end] changes, and recursively on both sides."""
    if end - start < LENGTHS[0]:
        return
    split, distance = energy(values[start:end])
    if significant(distance, end - start):
        found.add(start + split)
        divide(values, start, start + split, found)
        divide(values, start + split, end, found)


def candidates(values, magnitude):
    """Where windows of the series change, unless nothing in them is as far apart as @magnitude."""
    count, found = len(values), set()
    for width, first, step in (WINDOW, 0, WINDOW // 2), *(
            (width, max(0, count - WINDOW), width // 4) for width in CLOSER):
        for start in range(first, max(first + 1, count - width + step), step):
            window = values[start:start + width]
            if large(window.min(), window.max(), magnitude):
                divide(values, start, start + len(window), found)
    return sorted(found)


def relation(before, after):
    """after / before; less than FLOOR is as good as nothing, and counts as FLOOR."""
    return max(after, FLOOR) / max(before, FLOOR)


def large(before, after, magnitude):
    ratio = relation(before, after)
    return abs(after - before) >= FLOOR and max(ratio, 1 / ratio) > 1 + magnitude


def weakest(values, bounds, magnitude):
    """The inner bound that is least of a change among those that are none; None: all are."""
    worst, least = None, numpy.inf
    for number in range(1, len(bounds) - 1):
        start, at, end = bounds[number - 1:number + 2]
        before, after = numpy.median(values[start:at]), numpy.median(values[at:end])
        size = abs(after - before)
        if size < least and not large(before, after, magnitude):
            worst, least = number, size
    return worst


def settled(values, found, magnitude):
    """Bounds of levels: of the candidates those that are large, each where it fits best."""
    bounds = [0, *found, len(values)]
    while (number := weakest(values, bounds, magnitude)) is not None:
        del bounds[number]
    for number in range(1, len(bounds) - 1):
        start = max(bounds[number - 1], bounds[number] - WINDOW // 2)
        end = min(bounds[number + 1], bounds[number] + WINDOW // 2)
        if end - start >= 2 * CONFIRMING:
            bounds[number] = start + energy(values[start:end])[0]
    return bounds


def newest(values, start, magnitude):
    """Where the newest points, too few for a split, leave the level from @start; None: they do not."""
    figures = values[max(start, len(values) - NEWEST - REACH):].tolist()
    for count in range(NEWEST, 1, -1):
        at = len(values) - count
        level = values[max(start, at - REACH):at]
        if len(level) < SHORT:
            continue
        end = values[at:]
        before, after = median(figures[-count - len(level):-count]), median(figures[-count:])
        # Each of them: two that moved and an old one are not three that moved.
        if not large(before, after, magnitude) or \
                (abs(end - after) >= abs(end - before)).any():
            continue
        # After a short level, to lie apart from all of it is as sure as so few points can be.
        if end.min() > level.max() or end.max() < level.min() or \
                tests().mannwhitneyu(end, level, method="exact").pvalue <= ALPHA:
            return at
    return None


def misfit(values, fitted, parameters):
    """Bayesian information criterion of a fit, by absolute residuals: outliers do not decide."""
    residual = numpy.abs(values - fitted).mean() or numpy.finfo(float).tiny
    return 2 * len(values) * numpy.log(residual) + parameters * numpy.log(len(values))


def drift(values, bounds, magnitude):
    """The Drift of a stretch from one of @bounds to the end, the longest that there is; or None."""
    count = len(values)
    for number, start in enumerate(bounds[:-1]):
        start = max(start, count - WINDOW)
        stretch = values[start:]
        if len(stretch) < 2 * SHORT:
            break
        time = numpy.arange(len(stretch))
        if tests().kendalltau(time, stretch).pvalue > ALPHA:
            continue
        slope, origin, *_ = tests().theilslopes(stretch, time)
        line = origin + slope * time
        if not large(line[0], line[-1], magnitude):
            continue
        inner = [bound - start for bound in bounds[number + 1:-1] if bound > start]
        levels = numpy.concatenate([numpy.full(len(part), numpy.median(part))
                                    for part in numpy.split(stretch, inner)])
        if misfit(stretch, line, 2) < misfit(stretch, levels, 1 + 2 * len(inner)):
            return Drift(start, count - 1, float(line[0]), float(line[-1]),
                         relation(line[0], line[-1]), float(slope / line[0]))
    return None


def find(values, magnitude=0.02):
    """The Changes in a sequence of figures (ns) that are larger than the share @magnitude."""
    values = numpy.asarray(values, dtype=float)
    count = len(values)
    if count < SHORT:
        return Changes()
    bounds = settled(values, candidates(values, magnitude), magnitude)
    last = newest(values, bounds[-2], magnitude)
    if last is not None:
        bounds.insert(-1, last)
    drifting = drift(values, bounds, magnitude)
    if drifting:
        # A step that ends where the drift begins has its level there, not at the drift's median.
        bounds = [bound for bound in bounds if bound < drifting.start] + [drifting.start, count]
    found = Changes(drift=drifting)
    for start, at, end in zip(bounds, bounds[1:], bounds[2:]):
        before = float(numpy.median(values[start:at]))
        after = drifting.before if drifting and at == drifting.start else \
            float(numpy.median(values[at:end]))
        if large(before, after, magnitude):
            found.steps.append(Step(at, before, after, relation(before, after),
                                    end - at >= CONFIRMING))
    return found
