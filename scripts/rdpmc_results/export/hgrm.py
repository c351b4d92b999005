# SPDX-License-Identifier: GPL-2.0-or-later
"""HdrHistogram's text of percentiles (.hgrm) of one row, all its runs together, in the result's unit.
https://github.com/HdrHistogram/HdrHistogram, AbstractHistogram.outputPercentileDistribution() and
PercentileIterator, with 5 ticks to each half of the distance

Samples as timed: nothing is taken off, so they are longer than the row's median. What overflowed is
counted where that begins. The last lines, comments to all that read the format, are ours."""

import math
from decimal import ROUND_HALF_UP, Decimal

from ..main import Failed
from .found import context, figures
from .histogram import OVERFLOW, cycles_per_unit, greatest, merged, middle

TICKS = 5
BUCKETS, SUB_BUCKETS = 37, 32       # of an HdrHistogram with one digit that reaches 2^41 - 1


def fixed(value, digits=1):
    """As C's %.*f, but halves go up as in Java and JavaScript."""
    return f"{Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"


def percentiles(buckets):
    """(value, percentile, count to there): ever smaller steps, and 100 at the end."""
    total = sum(count for _, count in buckets)
    level, seen = 0.0, 0
    for low, count in buckets:
        seen += count
        while 100.0 * seen / total >= level:
            yield greatest(low), level, seen
            halves = math.floor(math.log2(100.0 / (100.0 - level)))
            level += 100.0 / (TICKS * 2 ** (halves + 1))
            if seen == total:
                break
    yield greatest(buckets[-1][0]), 100.0, total


def distribution(buckets, ratio):
    """The text, of @buckets in cycles and @ratio cycles to the unit."""
    lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
    for value, level, seen in percentiles(buckets):
        line = f"{fixed(value / ratio):>12} {fixed(level / 100, 12)} {seen:10}"
        lines.append(line + (f" {fixed(1 / (1 - level / 100), 2):>14}" if level < 100 else ""))
    total = sum(count for _, count in buckets)
    mean = sum(middle(low) * count for low, count in buckets) / total
    deviation = math.sqrt(sum((middle(low) - mean) ** 2 * count for low, count in buckets) / total)
    most = greatest(buckets[-1][0])
    return lines + [
        f"#[Mean    = {fixed(mean / ratio):>12}, StdDeviation   = {fixed(deviation / ratio):>12}]",
        f"#[Max     = {fixed(most / ratio):>12}, Total count    = {total:12}]",
        f"#[Buckets = {BUCKETS:12}, SubBuckets     = {SUB_BUCKETS:12}]"]


def chosen(rows, name):
    names = [row.name for row in rows]
    if not names:
        raise Failed("no row was measured")
    if name is None and len(names) > 1:
        raise Failed(f"which row? --row with one of {', '.join(names)}")
    if name is not None and name not in names:
        raise Failed(f"{name} was not measured; those that were: {', '.join(names)}")
    return rows[names.index(name) if name else 0]


def render(found, options):
    result = found.one(details=True)
    row = chosen([figure.row for figure in figures(result) if figure.row.details], options.row)
    buckets = merged(row)
    if not buckets:
        raise Failed(f"{row.name} has no samples")
    lines = distribution(buckets, cycles_per_unit(result))
    lines.append(f"# row: {row.name}; unit: {result.unit}, as timed, nothing taken off")
    lines += [f"# {what}: {value}" for what, value in context(result).items()]
    over = dict(buckets).get(OVERFLOW)
    if over:
        lines.append(f"# overflow: {over} samples of 2^40 cycles or more, counted as the least")
    return "\n".join(lines) + "\n"
