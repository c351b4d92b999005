# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests and intervals. The unit is the run: samples within a run are not independent.

Nothing here is random from one call to the next: the bootstrap's generator has a fixed seed.
"""

import importlib
from bisect import bisect
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import ceil, comb, log, nan, pi
from statistics import median

import numpy

TINY = 1e-100       # ns: less is as good as 0, of which there is no ratio that a float could hold
CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 20250101


def tests():
    """scipy.stats, for whoever wants a test of it: to import it takes longer than most commands do."""
    return importlib.import_module("scipy.stats")


def functions():
    """scipy.special: what the distributions of scipy.stats call, a hundred times as fast for one value."""
    return importlib.import_module("scipy.special")


@lru_cache(maxsize=None)
def interval_rank(count):
    """Rank k from either end so that the median lies between the k-th least and the k-th greatest
    of @count values with 95 %; 0 where even the extremes do not reach that (fewer than 6)."""
    rank, ways = 0, 1       # of 2 ** count: so many leave fewer than rank + 1 values on one side
    while 2 * ways < (1 - Fraction(str(CONFIDENCE))) * 2 ** count:
        rank += 1
        ways += comb(count, rank)
    return rank


def median_interval(runs):
    """(lower, upper) of the median, 95 %, by order statistics: no assumption but independence."""
    rank = interval_rank(len(runs))
    if rank == 0:
        return numpy.nan, numpy.nan
    ordered = sorted(runs)
    return ordered[rank - 1], ordered[-rank]


def run_matrix(groups):
    """Run values as an array, a line for each group (a file), short lines filled up with nan."""
    made = numpy.full((len(groups), max(map(len, groups))), numpy.nan)
    for line, values in zip(made, groups):
        line[:len(values)] = values
    return made


def resampled_medians(groups, rng):
    """Medians of @groups drawn anew with replacement: first the groups, then the runs of each."""
    runs = run_matrix(groups)
    sizes = numpy.array([len(values) for values in groups])
    drawn = rng.integers(len(groups), size=(RESAMPLES, len(groups)))
    inner = (rng.random((RESAMPLES, *runs.shape)) * sizes[drawn][:, :, None]).astype(int)
    values = runs[drawn[:, :, None], inner]
    beyond = numpy.arange(runs.shape[1]) >= sizes[drawn][:, :, None]
    values[beyond] = numpy.nan
    # numpy.nanmedian() takes several times as long. To sort puts nan behind all others.
    values = numpy.sort(values.reshape(RESAMPLES, -1), axis=1)
    counts, lines = sizes[drawn].sum(1), numpy.arange(RESAMPLES)
    return (values[lines, (counts - 1) // 2] + values[lines, counts // 2]) / 2


def ratio_interval(a, b):
    """95 % interval of median b / median a by hierarchical bootstrap. Groups of runs on both sides:
    a file each, because runs of one process have more in common than runs of two."""
    rng = numpy.random.default_rng(SEED)
    below, above = resampled_medians(a, rng), resampled_medians(b, rng)
    if not ((below > TINY).all() and (above > TINY).all()):
        return nan, nan
    tail = 100 * (1 - CONFIDENCE) / 2
    lower, upper = numpy.percentile(above / below, (tail, 100 - tail))
    return float(lower), float(upper)


def turns_interval(ratios):
    """95 % interval of the median of ratios, one of each turn, by bootstrap over turns."""
    rng = numpy.random.default_rng(SEED)
    drawn = rng.integers(len(ratios), size=(RESAMPLES, len(ratios)))
    tail = 100 * (1 - CONFIDENCE) / 2
    lower, upper = numpy.percentile(numpy.median(numpy.array(ratios)[drawn], axis=1),
                                    (tail, 100 - tail))
    return float(lower), float(upper)


def signed_rank(differences):
    """Two-sided p of Wilcoxon's test that they are as often and as far above 0 as below."""
    moved = [each for each in differences if each]
    if not moved:
        return 1.0
    alike = len({abs(each) for each in moved}) < len(differences)
    return float(tests().wilcoxon(moved, method="approx" if alike else "exact").pvalue)


@lru_cache(maxsize=64)
def pairs_at_most(m, n):
    """In how many of the orders of m + n values no more than so many pairs have b's before a's, from 0 pairs on:
    the coefficients of a Gaussian binomial, added up."""
    ways = [1] + [0] * (m * n)
    for factor in range(1, m + 1):
        for at in range(m * n, n + factor - 1, -1):
            ways[at] -= ways[at - n - factor]
        for at in range(factor, m * n + 1):
            ways[at] += ways[at - factor]
    return list(accumulate(ways))


def mann_whitney(a, b):
    """Two-sided p of run medians, exact where no two are alike."""
    m, n = len(a), len(b)
    if len(set(a) | set(b)) < m + n:
        return float(tests().mannwhitneyu(a, b, alternative="two-sided", method="asymptotic").pvalue)
    before = sum(bisect(sorted(b), one) for one in a)
    return min(1.0, 2 * pairs_at_most(m, n)[min(before, m * n - before)] / comb(m + n, m))


def welch(a, b, least):
    """Two-sided p of Welch's t test that the means of a few values are alike, and half the width of the 95 %
    interval of their difference. @least: the variance that values have because nobody knows them finer."""
    parts = [max(float(numpy.var(side, ddof=1)), least) / len(side) for side in (a, b)]
    error = sum(parts) ** 0.5
    freedom = sum(parts) ** 2 / sum(part ** 2 / (len(side) - 1) for part, side in zip(parts, (a, b)))
    apart = abs(float(numpy.mean(a)) - float(numpy.mean(b)))
    return float(2 * functions().stdtr(freedom, -apart / error)), \
        float(functions().stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error


def benjamini_hochberg(p):
    """p-values adjusted so that of those below a level no more than that share are false."""
    count = len(p)
    order = numpy.argsort(p)
    adjusted = numpy.asarray(p, dtype=float)[order] * count / numpy.arange(1, count + 1)
    adjusted = numpy.minimum.accumulate(adjusted[::-1])[::-1].clip(max=1)
    back = numpy.empty(count)
    back[order] = adjusted
    return back.tolist()


def spread(values):
    """Relative standard deviation between runs, by the median absolute deviation: robust."""
    middle = median(values)
    return 1.4826 * median([abs(value - middle) for value in values]) / middle if middle > 0 else nan


def fewest(alpha, paired=False):
    """Values a side from which on Mann-Whitney, or Wilcoxon's of pairs, can have a p below @alpha."""
    return next(count for count in range(1, 1000)
                if 2 / (2 ** count if paired else comb(2 * count, count)) < alpha)


def values_needed(noise, effect, alpha, power=0.9):
    """Values with which a rank test finds a change of the share @effect in @power of all cases.

    A normal approximation, for a difference of means with a variance of @noise / values; rank tests
    take pi / 3 times as many."""
    z = functions().ndtri(1 - alpha / 2) + functions().ndtri(power)
    return ceil(noise * (z / log(1 + effect)) ** 2 * pi / 3)
