# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps and drift in one series."""

from dataclasses import dataclass, field

CONFIRMING = 3              # points that a level needs on either side before anybody believes it


@dataclass(slots=True)
class Step:
    at: int                 # index of the first point of the new level
    before: float           # median of the level before, in the series' unit
    after: float
    ratio: float            # after / before; nan where before is not above 0
    p: float
    confirmed: bool         # CONFIRMING points or more of the new level are there


@dataclass(slots=True)
class Drift:
    start: int              # indices of the first and the last point of the stretch
    end: int
    before: float           # of the fitted line, at its ends
    after: float
    ratio: float
    per_point: float        # share of before, a point


@dataclass(slots=True)
class Changes:
    steps: list = field(default_factory=list)    # of Step, by at
    drift: Drift | None = None                   # of the stretch at the end; steps in it are left out


def find(values, magnitude=0.02):
    """The Changes in a sequence of figures that are larger than the share @magnitude."""
    raise NotImplementedError
