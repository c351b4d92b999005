# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of two is slower, by how much, and how sure that is: the rules, for all benchmarks of a comparison.

What decides are medians of processes (Mann-Whitney; of a few Welch's t test, which needs no more than
three a side), or of runs where there are only one or two processes; over all benchmarks
(Benjamini-Hochberg), and only if the difference exceeds what the machine shows between two times the
same program. Where A and B were measured interleaved, each is compared with its neighbour (Wilcoxon's
signed ranks): a machine that is slower for a minute is so for both.
"""

from dataclasses import dataclass
from math import exp, inf, log, nan
from statistics import median      # numpy's takes ten times as long for a few values

import numpy

from . import statistics

ALPHA = 0.01                # false alarms in all rows that alarm
MARGIN = 0.02               # share below which a difference is of no interest
LEAST = 0.5                 # ns: about a cycle (or instructions); less is no difference, whatever its share
WIDEST = log(1e6)           # half an interval of logarithms; a wider one says nothing
HALVED = 0.5                # an intercepted read does not fall to that by better software
FEWEST = statistics.fewest(ALPHA)   # with fewer values a side no rank test alarms, whatever they show
FEW = 3                     # files a side from which on they, and not their runs, are what is tested
VERDICTS = ("slower", "suspicious", "faster", "cannot tell", "same")    # the first two are alarms
MAX_RUNS = 300              # more runs than that nobody makes


@dataclass(slots=True)
class Verdict:
    name: str
    setting: str
    a: list                 # run medians, a list for each file
    b: list
    median_a: float = nan
    median_b: float = nan
    ratio: float = nan      # median_b / median_a, paired the median of all b / a; nan: says nothing
    lower: float = nan      # 95 % interval of the ratio
    upper: float = nan
    p: float = 1.0
    adjusted: float = 1.0   # p, for as many rows as there are
    floor: float = 0.0      # share
    verdict: str = ""       # one of VERDICTS
    more: int | None = None     # units (see there) a side needed; None: more than MAX_RUNS
    note: str = ""
    exits_a: float | None = None
    exits_b: float | None = None
    turns: bool = False     # measured interleaved: the n-th file of a beside the n-th of b
    paired: bool = False    # and judged so, because there are enough of them
    by_files: bool = False  # tested as files, because there are enough of them: see units()
    unit: str = "ns"        # of the figures
    few: bool = False       # and so few that no rank test could alarm in this table: by Welch's t test


def fewest(rows):
    """Values a side with which a row can alarm in a table of so many."""
    return statistics.fewest(ALPHA / max(1, rows))


def flat(groups):
    return [run for group in groups for run in group]


def units(row):
    """What is tested: medians of processes (files) where there are several, because runs of one
    process have more in common than runs of two; else the runs, each of which had a VM of its own."""
    if row.by_files:
        return [[float(median(group)) for group in side] for side in (row.a, row.b)]
    return flat(row.a), flat(row.b)


def measure_few(row, a, b):
    """p and the interval of a few files. Ratios are what scatters; a figure of next to nothing has none."""
    if numpy.isnan(row.ratio) or min(a + b) < LEAST:
        row.p, _ = statistics.welch(a, b, LEAST ** 2 / 12)
        return
    finest = (LEAST / min(row.median_a, row.median_b)) ** 2 / 12
    row.p, half = statistics.welch([log(each) for each in a], [log(each) for each in b], finest)
    if half < WIDEST:
        row.lower, row.upper = row.ratio * exp(-half), row.ratio * exp(half)


def measure(row):
    """Fills in the figures of one row."""
    a, b = units(row)
    row.median_a, row.median_b = (float(median(flat(side))) for side in (row.a, row.b))
    row.paired = row.paired and min(a) >= LEAST and min(b) >= statistics.TINY
    if row.paired:
        ratios = [other / one for one, other in zip(a, b)]
        row.ratio = float(median(ratios))
        row.lower, row.upper = statistics.turns_interval(ratios)
        row.p = statistics.signed_rank([log(ratio) for ratio in ratios])
        return
    if row.median_a >= LEAST and row.median_b >= statistics.TINY:
        row.ratio = row.median_b / row.median_a
    if row.few:
        measure_few(row, a, b)
        return
    if not numpy.isnan(row.ratio):
        # Of a few values drawn anew there is no telling how far others would be.
        if min(len(a), len(b)) >= FEWEST:
            row.lower, row.upper = statistics.ratio_interval(row.a, row.b)
    row.p = statistics.mann_whitney(a, b)


def noise(row):
    """Relative variance of B to A, times the number of values a side."""
    a, b = units(row)
    if row.paired:
        return statistics.spread([other / one for one, other in zip(a, b)]) ** 2
    return statistics.spread(a) ** 2 + statistics.spread(b) ** 2


def runs_more(row, count, margin, alpha):
    """How many more than @count a side would make an alarm or a "same" of it, if it goes on so."""
    effect = abs(log(row.ratio))
    needed = inf
    if effect > log(1 + row.floor) and abs(rise(row)) >= LEAST:
        around = noise(row)
        needed = inf if numpy.isnan(around) else statistics.values_needed(around, effect, alpha)
    if effect < log(1 + margin) and not numpy.isnan(row.lower):
        # The interval narrows as the root of the number of runs, until it is within the margin.
        half = log(row.upper / row.lower) / 2
        needed = min(needed, count * (half / (log(1 + margin) - effect)) ** 2)
    # What the estimate says is there already was not enough: half as many again.
    more = max(needed - count, count / 2)
    return int(more) + 1 if more < MAX_RUNS else None


def rise(row):
    """By how much B is dearer, in the row's unit. Of turns not what the medians say: they lie at different times."""
    return (row.ratio - 1) * row.median_a if row.paired else row.median_b - row.median_a


def differs(row):
    """Is the difference proven, above the noise floor, and of any size?"""
    return row.adjusted < ALPHA and abs(rise(row)) >= LEAST and \
        (numpy.isnan(row.ratio) or abs(log(row.ratio)) > log(1 + row.floor))


def advise(row, margin, alpha):
    """What an inconclusive row needs for a verdict."""
    count, least = min(map(len, units(row))), FEW if row.turns else statistics.fewest(alpha)
    single = max(map(len, row.a + row.b)) == 1
    kind = "results" if row.by_files and not single and not row.turns else "runs"
    if count < least and not row.few:
        row.more = least - count
        row.note = f"at least {least} {kind} a side needed"
        return
    row.more = runs_more(row, count, margin, alpha)
    row.note = f"about {row.more} more {kind} a side needed" if row.more else \
        f"more than {MAX_RUNS} more {kind} a side needed"


def decide(row, margin, alpha):
    """The verdict; @alpha: the p that a single row of this table takes."""
    nothing = LEAST / row.median_a if row.median_a > 0 else 0
    margin = max(margin, row.floor, nothing)
    small = max(abs(row.median_a), abs(row.median_b)) < LEAST
    if differs(row):
        row.verdict = "slower" if rise(row) > 0 else "faster"
        if row.setting == "intercepted" and rise(row) <= (HALVED - 1) * row.median_a:
            row.verdict = "suspicious"
            row.note = "half the cost: is the intercept still there?"
    elif small:
        row.verdict = "same"
        row.note = f"both below {LEAST} {row.unit}"
    elif 1 / (1 + margin) < row.lower and row.upper < 1 + margin:
        row.verdict = "same"
        row.note = f"differ by less than {LEAST} {row.unit}" if margin == nothing else ""
    elif numpy.isnan(row.ratio):
        row.verdict = "cannot tell"
        row.note = "no ratio: a median is not above 0"
    else:
        row.verdict = "cannot tell"
        advise(row, margin, alpha)


def judge(rows, floors, margin=MARGIN):
    """Gives each Verdict of a table, of which name, setting, a, b and turns are set, the rest."""
    alpha = ALPHA / max(1, len(rows))
    least, least_turns = fewest(len(rows)), statistics.fewest(alpha, paired=True)
    for row in rows:
        row.by_files = min(len(row.a), len(row.b)) >= FEW
        row.few = row.by_files and min(len(row.a), len(row.b)) < least
        # Of a few turns Wilcoxon's test can tell less than the other.
        row.paired = row.turns and len(row.a) >= least_turns
        measure(row)
        row.floor = floors.of(row.name)
    for row, adjusted in zip(rows, statistics.benjamini_hochberg([row.p for row in rows])):
        row.adjusted = adjusted
        decide(row, margin, alpha)
    return rows
