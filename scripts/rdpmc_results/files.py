# SPDX-License-Identifier: GPL-2.0-or-later
"""A result file, read with suspicion.

A file may be damaged, foreign, of a later version, or made to do harm. Whatever it is, read() gives a
Result of which every figure is finite and every name is one that the schema allows, or raises Refused
with the reason. Texts (host names, reasons) are whatever somebody wrote: data, never markup.
"""

import gzip
import json
import os
import re
import stat
import statistics
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timezone

LARGEST = 64 << 20          # bytes of a file, or of what a .gz holds; a real one has about 1 MiB
LONGEST_TEXT = 4096         # characters of a text that is kept; the rest is cut
DEEPEST = 20                # levels of what the schema leaves open
LARGEST_TIME = 1e15         # ns: eleven days for a read is no measurement

RECORDED = "recorded"       # see find()
PATH_HELP = f"result file, or folder of them (but what is in {RECORDED}/ there)"

# As in the schema.
ROW_NAME = re.compile(
    r"(?:(?:control/[a-z0-9-]+|rdpmc(?:-fault)?/[a-z0-9-]+/[a-z-]+)/cpl[03](?:-nopce)?"
    r"|control/empty/call|rdpmc(?:-fault)?/[a-z0-9-]+/emulator/(?:exit|emulator)(?:-nopce)?)")
SETTINGS = ("passthrough", "intercepted", "native", "simulated-vpmu", "emulator", "control")
STATUSES = ("measured", "skipped", "failed")
KINDS = ("bench", "faults", "sweep", "survey", "campaign")
STARTED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class Refused(Exception):
    """Why a file is not used, in words that follow its name."""


class NotAResult(Refused):
    """A file of this project's that holds something else: no damage."""


@dataclass(slots=True)
class Row:
    """One case under one setting; times in ns. Without runs: not measured, for the reason."""
    name: str
    setting: str
    status: str
    reason: str
    median: float | None = None
    mad: float | None = None
    p99: float | None = None
    max: float | None = None
    exits: float | None = None                       # exits per read; None: nothing counts them
    runs: list = field(default_factory=list)         # ns: each run's median
    details: list = field(default_factory=list)      # the runs as in the file, where asked for


@dataclass(slots=True)
class Result:
    path: str
    kind: str
    started: int                                     # s since 1970, UTC
    partial: bool
    version: str
    compiler: str
    flags: str
    context: dict
    options: dict
    rows: list                                       # of Row; of another kind than bench: of dict
    summary: dict

    @property
    def identity(self):
        """What two results do not share, unless one is a copy of the other."""
        return self.machine, self.kind, self.started, self.version, repr(self.rows)

    @property
    def machine(self):
        """What must not differ between results that are compared: (host, processor, backend)."""
        return machine(self.context)


def machine(context):
    cpu = part(context, "cpu")
    number = "/".join(str(cpu[key]) for key in ("family", "model", "stepping")
                      if whole(cpu.get(key)))
    return (text(context.get("hostname")) or "anonymous",
            f"{text(cpu.get('model_name')) or 'processor unknown'} ({number or 'model unknown'})",
            text(context.get("backend")) or "")


def part(of, key):
    """An object inside another, empty where it is missing or something else."""
    value = of.get(key)
    return value if isinstance(value, dict) else {}


def text(value):
    if not isinstance(value, str):
        return ""
    if not value.isascii():
        # Half a surrogate pair is possible in JSON, and in no encoding that is written.
        value = value.encode("utf-8", "replace").decode()
    return value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + "…"


def whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def number(of, key, where, optional=False):
    value = of.get(key)
    if value is None and optional:
        return None
    if type(value) not in (int, float):
        raise Refused(f"{where}: {key} is no number")
    if not abs(value) <= LARGEST_TIME:      # nor nan
        raise Refused(f"{where}: {key} is beyond all measure")
    return float(value)


class Space:
    """Room for a file's bytes, used again and again: to fetch memory for each file takes more time than
    to read it."""

    def __init__(self):
        self.data = bytearray()
        self.size = 0

    def fill(self, file, size):
        if len(self.data) < size:
            self.data = bytearray(2 * size)
        self.size = file.readinto(memoryview(self.data)[:size])


def opened(path):
    """(file descriptor, size) of a regular file of bearable size."""
    try:
        # A FIFO of that name must not make us wait for its writer.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(error.strerror.lower()) from None
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST:
        return fd, found.st_size
    os.close(fd)
    raise Refused("not a regular file" if not stat.S_ISREG(found.st_mode) else
                  f"larger than {LARGEST >> 20} MiB")


def content(path):
    """The bytes of a regular file, unpacked if its name ends in .gz."""
    fd, size = opened(path)
    try:
        with open(fd, "rb") as file:
            if path.endswith(".gz"):
                with gzip.open(file) as packed:
                    data = packed.read(LARGEST + 1)
            else:
                # Not read(LARGEST + 1), which would fetch as much memory first.
                data = file.read(size)
    except (OSError, EOFError, zlib.error) as error:
        raise Refused(f"cannot be read: {error}") from None
    if len(data) > LARGEST:
        raise Refused(f"larger than {LARGEST >> 20} MiB")
    if not data.strip():
        raise Refused("empty")
    return data


def constant(name):
    raise ValueError(f"{name} is not JSON")


RUN = re.compile(rb'\{\s*"median":\s*(-?\d[\d.eE+-]*),\s*$')


def shortened(space):
    """(bytes, runs): a file with nothing but its median in place of each run, which is nine tenths less
    to parse. A history has no use for the rest, and it is not looked at. None: it is not as
    rdpmc-bench writes it."""
    data, size = space.data, space.size
    kept, runs, last = [], 0, 0
    at = data.find(b'"raw":', 0, size)
    while at >= 0:
        begins = RUN.search(data, max(last, at - 99), at)
        # The histogram's end, and nothing between it and the run's.
        closes = data.find(b"}", at, size)
        end = data.find(b"}", closes + 1, size) if closes >= 0 else -1
        if end < 0 or not begins or data[closes + 1:end].strip():
            return None
        kept += data[last:begins.start()], begins[1]
        last, runs = end + 1, runs + 1
        at = data.find(b'"raw":', end, size)
    kept.append(data[last:size])
    return b"".join(kept), runs


def unique(pairs):
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def parse(data):
    try:
        # As text, or UTF-16 would be taken as well.
        return json.loads(data.decode(), parse_constant=constant, object_pairs_hook=unique)
    except RecursionError:
        raise Refused("nested too deeply") from None
    except UnicodeDecodeError:
        raise Refused("not UTF-8") from None
    except ValueError as error:
        # A file that ends too early ends where the error is.
        at = getattr(error, "pos", 0)
        if at and at >= len(getattr(error, "doc", "").rstrip()):
            raise Refused(f"truncated: it ends in the middle, after {at} characters") from None
        raise Refused(f"not JSON: {error}") from None


def when(value):
    if isinstance(value, str) and STARTED.fullmatch(value):
        try:
            return int(datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
                       .replace(tzinfo=timezone.utc).timestamp())
        except ValueError:
            pass
    raise Refused("started is no time")


def row(of, at, details, bare):
    """A Row of the @at-th element of rows; @bare: of its runs only the medians are there."""
    if not isinstance(of, dict):
        raise Refused(f"row {at} is no object")
    name = of.get("name")
    if not isinstance(name, str) or not ROW_NAME.fullmatch(name):
        raise Refused(f"row {at} has no name of a row")
    if of.get("setting") not in SETTINGS:
        raise Refused(f"{name}: setting is none")
    if of.get("status") not in STATUSES:
        raise Refused(f"{name}: status is none")
    if of.get("unit") != "ns":
        raise Refused(f"{name}: unit is not ns")
    made = Row(name, of["setting"], of["status"], text(of.get("reason")))
    runs = of.get("runs")
    if runs is None and made.status != "measured":
        return made
    if not isinstance(runs, list) or not runs:
        raise Refused(f"{name}: runs is no list of runs")
    made.median = number(of, "median", name)
    made.mad = number(of, "mad", name)
    made.p99 = number(of, "p99", name)
    made.max = number(of, "max", name)
    made.exits = number(of, "exits_per_read", name, optional=True)
    if not bare and not all(isinstance(run, dict) for run in runs):
        raise Refused(f"{name}: a run is no object")
    made.runs = [run.get("median") if isinstance(run, dict) else run for run in runs]
    if not all(type(run) in (int, float) and -LARGEST_TIME < run < LARGEST_TIME
               for run in made.runs):
        raise Refused(f"{name}: a run's median is no number, or beyond all measure")
    middle = statistics.median(made.runs)
    if abs(made.median - middle) > 1e-6 * max(1, abs(middle)):
        raise Refused(f"{name}: median is not the median of its runs")
    if details:
        for run in runs:
            detail(run, name)
        made.details = runs
    return made


def detail(run, name):
    """Refuses a run of which something cannot be shown."""
    for key in ("min", "sample_median", "p90", "p99", "p999", "max"):
        number(run, key, name)
    histogram = part(run, "histogram")
    buckets = histogram.get("buckets")
    if not isinstance(buckets, list):
        raise Refused(f"{name}: a run has no histogram")
    last = -1
    for bucket in buckets + [[1 << 40, histogram.get("overflow")]]:
        if not (isinstance(bucket, list) and len(bucket) == 2 and all(map(whole, bucket))
                and last < bucket[0] <= 1 << 40 and 0 <= bucket[1] < 1 << 53):
            raise Refused(f"{name}: a histogram is damaged")
        last = bucket[0]


def bench_rows(of, details, bare):
    rows = [row(each, at, details, bare) for at, each in enumerate(of)]
    if len({each.name for each in rows}) != len(rows):
        raise Refused("two rows have the same name")
    return rows


def read(path, details=False, space=None):
    """The result in a file; with @details each run as it is there, histograms included. Who reads many
    lends their @space."""
    if not details and not path.endswith(".gz"):
        found = glance(path, space or Space())
        if found:
            return found
    return interpret(path, parse(content(path)), details)


def glance(path, space):
    """The result in a file by what shortened() leaves of it; None: that is none, or not surely one."""
    fd, size = opened(path)
    with open(fd, "rb", buffering=0) as file:
        space.fill(file, size)
    # Damage is often a block of zeros, or bytes that are no text. (A name that is not in ASCII, here or
    # in an earlier file that was longer, costs some time and nothing else.)
    good = space.data.isascii() and space.data.find(0, 0, space.size) < 0
    short = shortened(space) if good else None
    if not short:
        return None
    try:
        result = interpret(path, parse(short[0]), bare=True)
    except Refused:
        return None
    return result if result.kind != "bench" or \
        sum(len(row.runs) for row in result.rows) == short[1] else None


def interpret(path, of, details=False, bare=False):
    schema = of.get("schema") if isinstance(of, dict) else None
    if not isinstance(schema, str) or not schema.startswith("rdpmc-"):
        raise Refused("no result of this project")
    name, _, version = schema.partition("/")
    if name != "rdpmc-results":
        raise NotAResult(f"holds {text(schema)}, no result")
    if version != "1":
        raise Refused(f"format {text(schema)}: made by a later version")
    kind = of.get("kind")
    if kind not in KINDS:
        raise Refused("kind is none")
    rows = of.get("rows")
    if not isinstance(rows, list):
        raise Refused("rows is no list")
    if not isinstance(of.get("context"), dict):
        raise Refused("context is no object")
    program = part(of, "program")
    options, summary = part(of, "options"), part(of, "summary")
    if not shallow([of["context"], options, summary] + (rows if kind != "bench" else [])):
        raise Refused("nested too deeply")
    return Result(path, kind, when(of.get("started")), of.get("partial") is True,
                  text(program.get("version")), text(program.get("compiler")),
                  text(program.get("flags")), of["context"], options,
                  bench_rows(rows, details, bare) if kind == "bench"
                  else [each for each in rows if isinstance(each, dict)],
                  summary)


def shallow(value, levels=DEEPEST):
    """Whoever walks through it, to print it or to hand it to another process, comes to an end."""
    if isinstance(value, (dict, list)):
        return levels > 0 and all(shallow(each, levels - 1) for each in
                                  (value.values() if isinstance(value, dict) else value))
    return True


def find(paths):
    """Files named, and all *.json and *.json.gz below the folders named, but schemas. Sorted. A
    folder inside that is called RECORDED is passed over: what others measured, kept as examples."""
    found = []
    for path in paths:
        if not os.path.isdir(path):
            found.append(path)
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(set(folders) - {RECORDED})
            found += [os.path.join(folder, name) for name in sorted(names)
                      if name.endswith((".json", ".json.gz")) and ".schema." not in name]
    return found
