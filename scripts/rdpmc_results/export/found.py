# SPDX-License-Identifier: GPL-2.0-or-later
"""The results to export, and what the formats of times share: which rows have a time, the names of
their series, and that no two results may claim one name."""

from dataclasses import dataclass, field
from datetime import datetime, timezone

import numpy

from .. import exact, files
from ..conditions import said
from ..history import exit_costs, setting
from ..main import Failed, progress
from ..statistics import median_interval
from ..text import counted, plain, say
from .histogram import cycles_per_unit

SIMULATED = "simulated-vpmu"        # answered by rdpmc-bench itself: such times mean nothing
LONGEST_LABEL = 128                 # characters of a text inside a name
WATCHED = ("instructions", "wrmsr", "rdmsr")    # of an exit path: those of which a series is made each


@dataclass(slots=True)
class Figure:
    """A measured row of a result, or what the intercept costs there, in the result's unit; None where
    unknown."""
    result: files.Result
    row: files.Row
    setting: str
    lower: float | None             # 95 % interval of the median
    upper: float | None
    exact: str = ""                 # of which figure of an exit path it is: what is counted; "": a median

    @property
    def unit(self):
        return self.exact or self.result.unit

    @property
    def name(self):
        """For tools that know a series by its name alone."""
        unit = f", exact {self.exact}" if self.exact else "" if self.result.unit == "ns" else f", {self.result.unit}"
        return f"{self.row.name} [{self.setting}, {label(self.result.machine[1])}{unit}]"


@dataclass(slots=True)
class Found:
    results: list                                   # of files.Result, by time
    skipped: list = field(default_factory=list)     # (path, reason)
    copies: dict = field(default_factory=dict)      # path of a result -> paths of its copies
    kinds: tuple = ("bench",)                       # that the format has something of

    def bench(self):
        """The results that can have times; reports how many others are left out."""
        bench = [result for result in self.results if result.kind == "bench"]
        others = sum(result.kind not in self.kinds for result in self.results)
        say_left_out(others, "result", "no times in those of another kind than bench")
        if not bench:
            raise Failed("no result has times")
        return bench

    def timed(self):
        """The same for formats that cannot tell a simulated time from one that was measured."""
        bench = self.bench()
        rows = sum(setting(row, result.options) == SIMULATED and row.status == "measured"
                   for result in bench for row in result.rows)
        say_left_out(rows, "row", f"with setting {SIMULATED} times mean nothing")
        return bench

    def newest(self, details=False):
        """For formats without a time: of each machine the newest result that measured something.
        With @details histograms, too; where they are damaged an older one is taken."""
        newest, older = {}, 0
        for result in reversed(self.timed()):
            if result.machine in newest or not any(figures(result)):
                older += 1
                continue
            if not details:
                newest[result.machine] = result
                continue
            for path in result.path, *self.copies.get(result.path, ()):
                try:
                    newest[result.machine] = detailed(path)
                    break
                except files.Refused as reason:
                    self.skipped.append((path, str(reason)))
        say_left_out(older, "result",
                     "this format holds each host's newest that measured something")
        if not newest:
            raise Failed("no result has times")
        return list(newest.values())

    def one(self, details=False):
        """The same for formats that hold one result."""
        newest = self.newest(details)
        if len(newest) > 1:
            raise Failed(f"{newest[0].path} and {newest[1].path} are of two machines: this format "
                         "holds one result")
        return newest[0]

    def named(self):
        """{name: Figure} of the newest results, which must not share a name: it holds no host."""
        named = {}
        for result in self.newest():
            for figure in series(result):
                other = named.setdefault(figure.name, figure)
                if other is not figure:
                    raise Failed(f"{other.result.path} and {result.path} of two machines both have "
                                 f"{figure.name}, and this format holds no host")
        return named


def detailed(path):
    """A result with histograms, whose cycles are known in ns; or Refused."""
    read = files.read(path, details=True)
    if any(row.details for row in read.rows):
        cycles_per_unit(read)
    return read


def say_left_out(count, what, why):
    if count:
        say(f"left out {counted(count, what)}: {why}")


def read(paths):
    """Found in files and folders; what is damaged, or there twice, is among the skipped."""
    found = Found([])
    seen = {}
    every = files.find(paths)
    for at, path in enumerate(every, 1):
        try:
            result = files.read(path)
        except files.NotAResult:
            continue
        except files.Refused as reason:
            found.skipped.append((path, str(reason)))
            continue
        finally:
            if len(every) > 1:
                progress(at, len(every))
        if result.identity in seen:
            found.skipped.append((path, f"the same result as {seen[result.identity]}"))
            found.copies.setdefault(seen[result.identity], []).append(path)
        else:
            seen[result.identity] = path
            found.results.append(result)
    found.results.sort(key=lambda result: (result.started, result.path))
    return found


def figures(result):
    """The Figures of a result: a row that failed is no time, nor one that was simulated."""
    rows = [row for row in result.rows
            if row.status == "measured" and setting(row, result.options) != SIMULATED]
    for row in rows + exit_costs(rows):
        lower, upper = median_interval(row.runs)
        known = not numpy.isnan(lower)
        yield Figure(result, row, row.setting, lower if known else None, upper if known else None)


def series(result):
    """The Figures for tools that watch each as a series of its own: of an exact row those of its path that are
    WATCHED, in place of the median, which has the timer's interrupts in it."""
    for figure in figures(result):
        path = figure.row.path
        if not path:
            yield figure
            continue
        for watched in WATCHED:
            count = path[watched]
            row = files.Row(figure.row.name, figure.row.setting, figure.row.status, "", count, 0,
                            exits=figure.row.exits, runs=[count])
            yield Figure(result, row, figure.setting, count, count, exact.COUNTS[watched])


def label(text):
    """A text of bounded length on one line, without control characters."""
    text = plain(text)
    return text if len(text) <= LONGEST_LABEL else text[:LONGEST_LABEL - 1] + "…"


def started(result, form="%Y-%m-%dT%H:%M:%SZ"):
    return datetime.fromtimestamp(result.started, timezone.utc).strftime(form)


def context(result):
    """{what: text} that a figure needs beside it; every text is a label."""
    host, cpu, backend = result.machine
    of = result.context
    found = {"host": host, "cpu": cpu, "backend": backend or "unknown",
             "kernel": said(files.part(of, "kernel").get("release")),
             "microcode": said(files.part(of, "cpu").get("microcode")),
             "version": result.version or "unknown", "started": started(result),
             "partial": said(result.partial)}
    return {what: label(value) for what, value in found.items()}
