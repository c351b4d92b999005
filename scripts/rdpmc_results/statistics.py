# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests and intervals. The unit is the run: samples within a run are not independent.

Nothing here is random from one call to the next: the bootstrap's generator has a fixed seed.
"""

from functools import lru_cache
from math import ceil, log

import numpy
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000


@lru_cache(maxsize=None)
def interval_rank(count):
    """Rank k from either end so that the median lies between the k-th least and the k-th greatest
    of @count values with 95 %; 0 where even the extremes do not reach that (fewer than 6)."""
    rank = int(stats.binom.ppf((1 - CONFIDENCE) / 2, count, 0.5))
    while rank > 0 and stats.binom.cdf(rank - 1, count, 0.5) > (1 - CONFIDENCE) / 2:
        rank -= 1
    return rank


def median_interval(runs):
    """(lower, upper) of the median, 95 %, by order statistics: no assumption but independence."""
    rank = interval_rank(len(runs))
    if rank == 0:
        return numpy.nan, numpy.nan
    ordered = sorted(runs)
    return ordered[rank - 1], ordered[-rank]
