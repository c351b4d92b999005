# SPDX-License-Identifier: GPL-2.0-or-later
"""A folder of results as series of points: one series for each row and machine, in order of time.

Thousands of files are read by all processors; a worker sends back only what a point is made of, and
that is remembered.
"""

import contextlib
import json
from dataclasses import dataclass, field
from math import nan
from statistics import median

import numpy

from . import exact, files, workers
from .conditions import conditions, disturbance, disturbed
from .files import Row
from .memory import Memory
from .statistics import median_interval

FIGURES = ("median", "lower", "upper", "p99", "exits")
CHUNK = 32                  # files a worker reads before it answers
FEW = 64                    # files for which no worker is started, and nothing remembered


@dataclass(slots=True)
class Point:
    """A result as the history knows it."""
    path: str
    started: int            # s since 1970, UTC
    version: str            # of the program
    partial: bool
    vpmu: str               # "user", or ""
    machine: tuple          # as Result.machine
    load: float             # tasks that wanted to run when it began, averaged over a minute; nan
    conditions: int = 0     # index into History.conditions
    absent: int = 0         # index into History.absent
    host: str = ""          # the name of its machine among all
    synthetic: bool = False  # made up for a test: nobody measured it
    disturbed: str = ""     # by what, if rdpmc-bench warned of it


@dataclass(slots=True)
class Series:
    """A row's history on one machine. Arrays of one length: in @unit, but exits (per read; nan: unknown)."""
    host: str
    name: str
    setting: str
    at: numpy.ndarray       # indices into History.points, by time
    median: numpy.ndarray   # of the point's runs
    lower: numpy.ndarray    # 95 % interval of that median; nan: fewer than 6 runs
    upper: numpy.ndarray
    p99: numpy.ndarray
    exits: numpy.ndarray
    unit: str = "ns"
    disturbed: numpy.ndarray | None = None  # bool; None: nowhere
    paths: list | None = None   # exit paths without exact.RECORDED, None where a point has none; None: nowhere


@dataclass(slots=True)
class History:
    points: list = field(default_factory=list)      # of Point, by machine, then time
    conditions: list = field(default_factory=list)  # dicts, see conditions()
    absent: list = field(default_factory=list)      # tuples of (name, setting, status, reason)
    series: list = field(default_factory=list)      # of Series, by host, then as in the files
    others: list = field(default_factory=list)      # of Result: kinds that are not bench, by time
    skipped: list = field(default_factory=list)     # (path, reason): files that were of no use

    @property
    def hosts(self):
        return list(dict.fromkeys(point.host for point in self.points))


def exit_costs(rows):
    """Rows of what the intercept costs, of those measured with it and without, run by run. An exact row has its
    path, which is that cost; a difference of means would be less."""
    measured = {row.name: row for row in rows if row.status == "measured"}
    costs = []
    for name, row in measured.items():
        parts = name.split("/")
        if row.path or parts[0] != "rdpmc" or row.setting != "intercepted" or parts[2] != "intercepted":
            continue
        free = measured.get(f"rdpmc/{parts[1]}/passthrough/{parts[3]}")
        if free is None or len(free.runs) != len(row.runs):
            continue
        runs = [dear - cheap for dear, cheap in zip(row.runs, free.runs)]
        middle = median(runs)
        costs.append(Row(f"exit-cost/{parts[1]}/{parts[3]}", "exit-cost", "measured", "", middle,
                         median(abs(run - middle) for run in runs), runs=runs))
    return costs


def setting(row, options):
    """A control row in a guest with a simulated PMU is no control of a real one."""
    if row.setting == "control" and options.get("vpmu") == "user":
        return "simulated-vpmu"
    return row.setting


def load(context):
    averages = context.get("load_average")
    first = averages[0] if isinstance(averages, list) and averages else None
    return float(first) if type(first) in (int, float) and 0 <= first < 1e6 else nan


class Table:
    """Values that many share, each kept once and known by its number."""

    def __init__(self):
        self.values = []
        self.index = {}

    def add(self, key, value=None):
        """The number of @value, which is @key itself where that is not given."""
        at = self.index.get(key)
        if at is None:
            at = self.index[key] = len(self.values)
            self.values.append(key if value is None else value)
        return at


@dataclass(slots=True)
class Entry:
    """A result of the kind bench, condensed. Files of a folder share most of it but the figures."""
    point: Point
    conditions: dict
    absent: tuple           # of (name, setting, status, reason)
    layout: tuple           # of (name, setting): the rows of
    paths: tuple            # of (number of the row, (figure, how often), ...): exit paths
    figures: numpy.ndarray  # FIGURES of each


def condense(paths):
    """Of each file what a history needs: an Entry, a Result of another kind, the reason why it is of no
    use, or None: it holds something else."""
    made = []
    shares = {}             # what is one object is sent to another process once
    files.expect(paths)
    for path in paths:
        try:
            result = files.read(path)
        except files.NotAResult:
            made.append(None)
            continue
        except files.Refused as reason:
            made.append(str(reason))
            continue
        if result.kind != "bench":
            made.append(result)
            continue
        rows = [row for row in result.rows if row.status == "measured"]
        rows += exit_costs(rows)
        layout = tuple((row.name, setting(row, result.options)) for row in rows)
        absent = tuple((row.name, setting(row, result.options), row.status, row.reason)
                       for row in result.rows if row.status != "measured")
        figures = numpy.array(
            [(row.median, *median_interval(row.runs),
              nan if row.p99 is None else row.p99,
              nan if row.exits is None else row.exits) for row in rows],
            dtype=float).reshape(-1, len(FIGURES))
        paths = tuple((number, *((figure, count) for figure, count in row.path.items()
                                 if figure not in exact.RECORDED))
                      for number, row in enumerate(rows) if row.path)
        found = conditions(result)
        point = Point(path, result.started, result.version, result.partial,
                      "user" if result.options.get("vpmu") == "user" else "", result.machine,
                      load(result.context), synthetic=result.context.get("synthetic") is True,
                      disturbed=disturbance(disturbed([result])))
        made.append(Entry(point, shares.setdefault(tuple(found.items()), found),
                          shares.setdefault(absent, absent), shares.setdefault(layout, layout),
                          shares.setdefault(paths, paths), figures))
    return made


def remembered(memory, path, objects):
    """The Entry of a file that was read before; @objects: those that texts stand for."""
    found = memory.recall(path)
    if not found:
        return None
    own, shared, figures = found
    for text in shared:
        if text not in objects:
            objects[text] = tuples(json.loads(text))
    own = json.loads(own)
    point = Point(path, *own[:-2], synthetic=own[-2], disturbed=own[-1])
    point.machine = tuple(point.machine)
    return Entry(point, *(objects[text] for text in shared),
                 numpy.frombuffer(figures).reshape(-1, len(FIGURES)))


def remember(memory, path, entry, texts):
    """@texts: of objects by their id(), which stays theirs as long as there is an Entry that has them."""
    def text(of):
        found = texts.get(id(of))
        if not found:
            found = texts[id(of)] = json.dumps(of)
        return found

    point = entry.point
    memory.keep(path, json.dumps([point.started, point.version, point.partial, point.vpmu,
                                  point.machine, point.load, point.synthetic, point.disturbed]),
                [text(each) for each in (entry.conditions, entry.absent, entry.layout, entry.paths)],
                entry.figures.tobytes())


def tuples(value):
    """What JSON made lists of."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def condensed(paths, progress):
    """{path: what condense() makes of it} of all: remembered, or read by as many processes as there are
    processors."""
    if len(paths) <= FEW:
        return dict(zip(paths, condense(paths)))
    memory, made, objects, texts = Memory(), {}, {}, {}
    try:
        for path in paths:
            entry = remembered(memory, path, objects)
            if entry:
                made[path] = entry
        unknown = [path for path in paths if path not in made]
        chunks = [unknown[at:at + CHUNK] for at in range(0, len(unknown), CHUNK)]
        with contextlib.closing(workers.each(condense, chunks)) as answers:
            for chunk, answer in zip(chunks, answers):
                for path, found in zip(chunk, answer):
                    made[path] = found
                    if isinstance(found, Entry):
                        remember(memory, path, found, texts)
                progress(len(made), len(paths))
    finally:
        memory.close()
    return made


def name_machines(machines):
    """{machine: name}: the host's name alone where that tells them apart, and the processor is real."""
    names = {}
    for machine in machines:
        host, cpu, backend = machine
        same = [other for other in machines if other[0] == host]
        if len(same) == 1 and files.unit(machine) == "ns":
            names[machine] = host
        elif len({other[1] for other in same}) == len(same):
            names[machine] = f"{host}, {cpu}"
        else:
            names[machine] = f"{host}, {cpu}, {backend or 'backend unknown'}"
    return names


def paths_at(found, at):
    return found and [found.get(int(point)) for point in at]


def read(paths, progress=lambda done, of: None):
    """The History of the files in these paths (files, or folders with all below them).

    A result that is there twice counts once; the copy is among the skipped."""
    history = History()
    known, absents = Table(), Table()
    entries = []
    paths = files.find(paths)
    made = condensed(paths, progress)
    for path in paths:
        found = made[path]
        if isinstance(found, Entry):
            found.point.conditions = known.add(tuple(found.conditions.items()), found.conditions)
            found.point.absent = absents.add(found.absent)
            entries.append(found)
        elif isinstance(found, files.Result):
            history.others.append(found)
        elif found:
            history.skipped.append((path, found))
    history.conditions = known.values
    history.absent = absents.values
    history.others.sort(key=lambda result: (result.started, result.path))

    names = name_machines(dict.fromkeys(entry.point.machine for entry in entries))
    units = {name: files.unit(machine) for machine, name in names.items()}
    for entry in entries:
        entry.point.host = names[entry.point.machine]
    entries.sort(key=lambda entry: (entry.point.host, entry.point.started, entry.point.path))

    seen = {}
    exactly = {}            # (host, name, setting) -> {index of point: exit path}
    alike = {}              # (host, layout) -> [index of point], [figures]: most files have the same rows
    for entry in entries:
        point = entry.point
        # An emulated machine's clock begins at the same time with each kernel.
        key = point.machine, point.started, point.version, point.conditions, entry.layout, entry.paths, \
            entry.figures.tobytes()
        if key in seen:
            history.skipped.append((point.path, f"the same result as {seen[key]}"))
            continue
        seen[key] = point.path
        for number, *figures in entry.paths:
            exactly.setdefault((point.host, *entry.layout[number]), {})[len(history.points)] = dict(figures)
        group = alike.setdefault((point.host, entry.layout), ([], []))
        group[0].append(len(history.points))
        group[1].append(entry.figures)
        history.points.append(point)
    columns = {}            # (host, name, setting) -> [array of indices of points], [array of figures]
    for (host, layout), (at, figures) in alike.items():
        at, figures = numpy.array(at), numpy.array(figures)
        for number, row in enumerate(layout):
            column = columns.setdefault((host, *row), ([], []))
            column[0].append(at)
            column[1].append(figures[:, number])
    bad = numpy.array([bool(point.disturbed) for point in history.points], dtype=bool)
    for (host, name, how), (at, values) in columns.items():
        at, values = numpy.concatenate(at), numpy.concatenate(values)
        order = numpy.argsort(at)
        history.series.append(Series(host, name, how, at[order],
                                     *(values[order, figure] for figure in range(len(FIGURES))), units[host],
                                     bad[at[order]] if bad.any() else None,
                                     paths_at(exactly.get((host, name, how)), at[order])))
    return history
