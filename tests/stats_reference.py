#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The expected values of tests/test_stats.c, from NumPy and SciPy and never from bench/stats.c.

Run: python3 tests/stats_reference.py. Nothing reads its output; compare it with the tables by eye.
"""
import numpy as np
from scipy import stats

MASK = 2**64 - 1


def splitmix64(seed):
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def tailed(n, seed):
    """What tailed_sample() of the test draws."""
    rng = splitmix64(seed)
    below = lambda bound: (next(rng) >> 32) * bound >> 32
    return [100000 + below(100000) if below(50) == 0 else 1000 + below(100) for _ in range(n)]


VECTORS = {
    "one": [7],
    "two": [10, 3],
    "odd": [5, 1, 4, 2, 3],
    "even": [30, 1, 100, 2, 7, 4],
    "half": [8, 3, 1, 4],
    "ties": [5, 9, 5, 5, 1, 5],
    "squares": [i * i for i in range(1001)],
    "tailed": tailed(20000, 42),
}
DOUBLES = [2.5, -1.25, 0.0, 1e3, -7.5, 3.125, 2.5, 0.5]

print("summary: median, mad, p90, p99, p999")
for name, values in VECTORS.items():
    x = np.array(values, dtype=float)
    row = [np.median(x), stats.median_abs_deviation(x), *np.percentile(x, [90, 99, 99.9])]
    print(f"{name:8}", ", ".join(f"{v:.15g}" for v in row))

print("doubles:", [float(np.quantile(DOUBLES, q)) for q in (0, 0.1, 0.25, 0.5, 0.9, 1)],
      stats.median_abs_deviation(DOUBLES))

# The bootstrap median of an odd number n of distinct runs is at most the k-th smallest when at
# least (n + 1) / 2 of n draws are among the k smallest.
print("bootstrap: n, level, ranks of the bounds, distance to the next rank in standard errors of "
      "2000 resamples")
for n in (5, 9, 11, 15, 21):
    below = stats.binom.sf((n - 1) // 2, n, np.arange(n + 1) / n)
    for level in (0.5, 0.9, 0.95, 0.99):
        tail = (1 - level) / 2
        low, high = (int(np.searchsorted(below, p)) for p in (tail, 1 - tail))
        away = np.abs(below - tail).min() / np.sqrt(tail * (1 - tail) / 2000)
        print(f"{n:2} {level:.2f}  {low} {high}  {away:.1f}")
