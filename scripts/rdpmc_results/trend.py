# SPDX-License-Identifier: GPL-2.0-or-later
"""The history of each row, watched: what is worse at its end, since when, and what changed there."""

from dataclasses import dataclass

from .changes import Changes


@dataclass(slots=True)
class Watched:
    series: object          # history.Series
    changes: Changes
    verdict: str            # "regression", "improvement", "suspicious" (an intercepted read fell to half:
                            # is the intercept still there?), "unconfirmed" (it became dearer, too few
                            # points to believe it), "steady", "short" (too few points to say)
    ratio: float            # of the change that the verdict is about; 1.0 without
    since: int | None       # index into series.at of its first point
    kind: str               # "step", "drift", or ""


def watch(history, magnitude=0.02, recent=30):
    """[Watched] for every series; those that are worse come first, the worst at the top."""
    raise NotImplementedError
