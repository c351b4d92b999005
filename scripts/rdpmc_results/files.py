# SPDX-License-Identifier: GPL-2.0-or-later
"""A result file, read with suspicion.

A file may be damaged, foreign, of a later version, or made to do harm. Whatever it is, read() gives a
Result of which every figure is finite and every name is one that the schema allows, or raises Refused
with the reason. Texts (host names, reasons) are whatever somebody wrote: data, never markup.
"""

import contextlib
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
EMULATED = "Emulated "      # the names of such processors begin so
NUMBERS = {int, float}      # but not bool, which is an int
PATH_FIGURES = (            # of an exit path
    "reason", "exits", "disturbed", "same", "instructions", "user", "rdmsr", "wrmsr", "vmread", "vmwrite", "atomic",
    "indirect", "exceptions", "text_lines", "text_pages", "stack_lines", "stack_pages", "data_lines", "data_pages",
    "user_lines", "user_pages")
REGISTER = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,7})")
MAX_REGISTERS = 64
DEEPEST_STACK = 256         # functions
LONGEST_STACK = 16384       # characters
STARTED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class Refused(Exception):
    """Why a file is not used, in words that follow its name."""


class NotAResult(Refused):
    """A file of this project's that holds something else: no damage."""


@dataclass(slots=True)
class Row:
    """One case under one setting; figures in the result's unit. Without runs: not measured, for the reason."""
    name: str
    setting: str
    status: str
    reason: str
    median: float | None = None
    mad: float | None = None
    p99: float | None = None
    max: float | None = None
    exits: float | None = None                       # exits per read; None: nothing counts them
    runs: list = field(default_factory=list)         # the value of each run
    details: list = field(default_factory=list)      # of each run, as in the file, where asked for
    path: dict | None = None                         # exit_path(), exact; None: there is none


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
    profiles: dict = field(default_factory=dict)     # of rows with a path: {folded stack: instructions}

    @property
    def identity(self):
        """What two results do not share, unless one is a copy of the other."""
        return self.machine, self.kind, self.started, self.version, repr(self.context.get("kernel")), \
            repr(self.rows), repr(self.summary)

    @property
    def machine(self):
        """What must not differ between results that are compared: (host, processor, backend)."""
        return machine(self.context)

    @property
    def unit(self):
        return unit(self.machine)


def unit(machine):
    """Of a machine's figures. The TSC of an emulated processor counts instructions: they are no times."""
    return "instructions" if machine[1].startswith(EMULATED) else "ns"


def machine(context):
    cpu = part(context, "cpu")
    name = text(cpu.get("model_name")) or "processor unknown"
    if cpu.get("emulated") is True:
        name = EMULATED + name.removeprefix(EMULATED)
    number = "/".join(str(cpu[key]) for key in ("family", "model", "stepping")
                      if whole(cpu.get(key)))
    return (text(context.get("hostname")) or "anonymous",
            f"{name} ({number or 'model unknown'})",
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
    if type(value) not in NUMBERS:
        if value is None and optional:
            return None
        raise Refused(f"{where}: {key} is no number")
    if not abs(value) <= LARGEST_TIME:      # nor nan
        raise Refused(f"{where}: {key} is beyond all measure")
    return float(value)


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


DETAILS = b'"details":'
END = b"\n  ]\n }\n}\n"       # of a row's details, of all of them, of the document
CHUNK = 64 << 10            # bytes: the rows of most results
MOST = 1 << 20              # bytes before the details, where it pays to look for them


def without_details(path):
    """A file's document but for the details of its runs, which are most of it and come last: they
    are not even read, so whatever is wrong there is not seen. None: it is not as rdpmc-bench writes it
    from its beginning to its end, and to be read as a whole."""
    fd, size = opened(path)
    try:
        with open(fd, "rb", buffering=0) as file:
            # Or the system reads on where we stop.
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
            data, at = b"", -1
            while at < 0:
                known, more = len(data), file.read(CHUNK)
                if not more or known >= MOST:
                    return None
                data += more
                at = data.find(DETAILS, max(0, known - len(DETAILS)))
            # Another key might follow, or the file was cut short.
            if os.pread(fd, len(END), max(0, size - len(END))) != END:
                return None
        # A document only if the details are on its first level.
        return parse(data[:at] + DETAILS + b"null}")
    except (OSError, Refused):
        return None


def expect(paths):
    """Tells the system what without_details() will read next, so that it is fetched side by side."""
    for path in paths:
        try:
            fd, size = opened(path)
        except Refused:
            continue
        with open(fd, "rb", buffering=0), contextlib.suppress(OSError):
            os.posix_fadvise(fd, 0, CHUNK, os.POSIX_FADV_WILLNEED)
            os.posix_fadvise(fd, max(0, size - len(END)), len(END), os.POSIX_FADV_WILLNEED)


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
        # A file that ends too early ends where the error is, or in a string.
        at, size = getattr(error, "pos", 0), len(getattr(error, "doc", "").rstrip())
        if at and (at >= size or error.msg.startswith("Unterminated string")):
            raise Refused(f"truncated: it ends in the middle, after {size} characters") from None
        raise Refused(f"not JSON: {error}") from None


def when(value):
    if isinstance(value, str) and STARTED.fullmatch(value):
        try:
            return int(datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
                       .replace(tzinfo=timezone.utc).timestamp())
        except ValueError:
            pass
    raise Refused("started is no time")


def natural(of, key, where, least=0):
    value = of.get(key)
    if not whole(value) or not least <= value < 1 << 53:
        raise Refused(f"{where}: {text(key)} is no number of times")
    return value


def exit_path(of, name):
    """{figure: how often} of an exit path, MSRs by register in it: {"instructions": 2705, "wrmsr 0x38f": 5}."""
    where = f"{name}: exit_path"
    if not isinstance(of, dict):
        raise Refused(f"{where} is no object")
    made = {key: natural(of, key, where) for key in PATH_FIGURES}
    if min(made["instructions"], made["same"]) < 1:
        raise Refused(f"{where}: is of no exit")
    for access in "rdmsr", "wrmsr":
        by = of.get(f"{access}_by_register")
        if not isinstance(by, dict) or len(by) > MAX_REGISTERS or not all(map(REGISTER.fullmatch, by)):
            raise Refused(f"{where}: {access}_by_register is not by register")
        made |= {f"{access} {register}": natural(by, register, where, 1) for register in by}
    return made


def exit_profiles(of, rows):
    """{name of a row: {folded stack: instructions}}, which must be of the rows' paths."""
    paths = {row.name: row.path for row in rows if row.path}
    if not isinstance(of, dict):
        raise Refused("exit_profiles is no object")
    made = {}
    for name, profile in of.items():
        stacks = profile.get("stacks") if isinstance(profile, dict) else None
        if name not in paths or not isinstance(stacks, dict):
            raise Refused(f"{text(name)}: its profile is of no exit path")
        for stack in stacks:
            if not (stack.isascii() and stack.isprintable() and all(stack.split(";"))
                    and stack.count(";") < DEEPEST_STACK and len(stack) <= LONGEST_STACK):
                raise Refused(f"{name}: a stack of its profile is none")
        total = sum(natural(stacks, stack, f"{name}: profile", 1) for stack in stacks)
        if total != paths[name]["instructions"]:
            raise Refused(f"{name}: its profile does not add up to its instructions")
        made[name] = stacks
    return made


def row(of, at, unit):
    """A Row of the @at-th element of rows, which has to be in @unit."""
    if not isinstance(of, dict):
        raise Refused(f"row {at} is no object")
    name = of.get("name")
    if not isinstance(name, str) or not ROW_NAME.fullmatch(name):
        raise Refused(f"row {at} has no name of a row")
    if of.get("setting") not in SETTINGS:
        raise Refused(f"{name}: setting is none")
    if of.get("status") not in STATUSES:
        raise Refused(f"{name}: status is none")
    if of.get("unit") != unit:
        raise Refused(f"{name}: unit is not {unit}")
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
    # JSON has no NaN, which would pass.
    if not NUMBERS.issuperset(map(type, runs)) or max(map(abs, runs)) > LARGEST_TIME:
        raise Refused(f"{name}: a run is no number, or beyond all measure")
    middle = statistics.median(runs)
    if abs(made.median - middle) > 1e-6 * max(1, abs(middle)):
        raise Refused(f"{name}: median is not the median of its runs")
    made.runs = runs
    if "exit_path" in of:
        if unit == "ns":
            raise Refused(f"{name}: an exit path of a real processor")
        made.path = exit_path(of["exit_path"], name)
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


def bench_rows(of, unit):
    rows = [row(each, at, unit) for at, each in enumerate(of)]
    if len({each.name for each in rows}) != len(rows):
        raise Refused("two rows have the same name")
    return rows


def add_details(rows, of):
    if not isinstance(of, dict):
        raise Refused("details is no object")
    for each in rows:
        each.details = of.get(each.name, [])
        if not isinstance(each.details, list) or len(each.details) != len(each.runs) or \
                not all(isinstance(run, dict) for run in each.details):
            raise Refused(f"{each.name}: details are not of its runs")
        for run in each.details:
            detail(run, each.name)


def upgraded(of):
    """A document of version 1, which had in a row's runs what is now in the details."""
    details = {}
    for each in of["rows"]:
        runs = each.get("runs") if isinstance(each, dict) else None
        if isinstance(runs, list) and isinstance(each.get("name"), str):
            if not all(isinstance(run, dict) for run in runs):
                raise Refused(f"{text(each['name'])}: a run is no object")
            details[each["name"]] = runs
            each["runs"] = [run.get("median") for run in runs]
    return of | {"details": details}


def read(path, details=False):
    """The result in a file; with @details those of each run as they are there, histograms included."""
    of = None if details or path.endswith(".gz") else without_details(path)
    if of and of.get("kind") == "bench":
        try:
            return interpret(path, of)
        except Refused:
            pass            # for a reason that may lie in the rest
    return interpret(path, parse(content(path)), details)


def interpret(path, of, details=False):
    schema = of.get("schema") if isinstance(of, dict) else None
    if not isinstance(schema, str) or not schema.startswith("rdpmc-"):
        raise Refused("no result of this project")
    name, _, version = schema.partition("/")
    if name != "rdpmc-results":
        raise NotAResult(f"holds {text(schema)}, no result")
    if version not in ("1", "2"):
        raise Refused(f"format {text(schema)}: made by a later version")
    kind = of.get("kind")
    if kind not in KINDS:
        raise Refused("kind is none")
    if not isinstance(of.get("rows"), list):
        raise Refused("rows is no list")
    if not isinstance(of.get("context"), dict):
        raise Refused("context is no object")
    program = part(of, "program")
    options, summary = part(of, "options"), part(of, "summary")
    left_open, profiles = [of["context"], options, summary], {}
    if kind == "bench":
        if version == "1":
            of = upgraded(of)
        rows = bench_rows(of["rows"], unit(machine(of["context"])))
        profiles = exit_profiles(of.get("exit_profiles", {}), rows)
        if details:
            add_details(rows, of.get("details"))
    else:
        rows = [each for each in of["rows"] if isinstance(each, dict)]
        left_open += rows
    if not shallow(left_open):
        raise Refused("nested too deeply")
    return Result(path, kind, when(of.get("started")), of.get("partial") is True,
                  text(program.get("version")), text(program.get("compiler")),
                  text(program.get("flags")), of["context"], options, rows, summary, profiles)


def shallow(value, levels=DEEPEST):
    """Whoever walks through it, to print it or to hand it to another process, comes to an end."""
    if isinstance(value, (dict, list)):
        return levels > 0 and all(shallow(each, levels - 1) for each in
                                  (value.values() if isinstance(value, dict) else value))
    return True


def find(paths):
    """Files named, and all *.json and *.json.gz below the folders named, but schemas. Sorted, each once. A
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
    return list(dict.fromkeys(found))
