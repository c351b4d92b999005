# SPDX-License-Identifier: GPL-2.0-or-later
"""The histograms of a row's runs as one. Their buckets are those of an HdrHistogram from 1 cycle up
with one significant digit: 32 values, then 16 to each power of two."""

from collections import Counter

from ..files import Refused, whole

OVERFLOW = 1 << 40          # cycles: samples from here on are counted, not told apart


def width(low):
    return 1 << max(0, low.bit_length() - 5)


def merged(row):
    """[(least cycles, count)] by cycles; what overflowed is in the bucket of OVERFLOW."""
    counts = Counter()
    for run in row.details:
        for low, count in run["histogram"]["buckets"]:
            counts[low - low % width(low)] += count
        counts[OVERFLOW] += run["histogram"]["overflow"]
    return sorted((low, count) for low, count in counts.items() if count)


def middle(low):
    return low + width(low) // 2


def greatest(low):
    return low + width(low) - 1


def cycles_per_unit(result):
    """How many of what a histogram counts are 1 in the result's unit."""
    if result.unit != "ns":
        return 1.0
    khz = result.context.get("guest_tsc_khz")
    if not whole(khz) or not 0 < khz < 1e9:
        raise Refused("guest_tsc_khz is no frequency, and histograms are in cycles")
    return khz / 1e6
