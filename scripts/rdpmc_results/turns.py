# SPDX-License-Identifier: GPL-2.0-or-later
"""A and B interleaved, run by run: the only honest comparison on a machine that others use as well.

Each run is a process of its own with one fresh VM. Which of a pair goes first is drawn by lot, so that
what drifts or repeats on the machine falls to both alike.
"""

import argparse
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import time as clock
from datetime import datetime, timezone

import numpy

from . import compare, files, floor, output
from .conditions import conditions
from .judging import judge
from .main import Failed, option_number
from .text import counted, plain, say, share, table

BUILT = "build/turns"       # sources, programs and results of comparisons
RUNS = 20                   # a side: as many turns, of which eight at least can alarm at all
SECONDS = 2                 # of a run: all its rows together


class NothingToMeasure(Failed):
    """rdpmc-bench said that nothing can be measured here; its words."""
    status = 77


def command(words, **more):
    """Runs a program and gives its output; ends with its last word where it fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", **more)
    except OSError as error:
        raise Failed(f"{words[0]}: {error.strerror}") from None
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
        raise Failed(f"{' '.join(words[:4])} failed: {last}")
    return done.stdout


def build(revision):
    """The path of rdpmc-bench as it was at a git revision, built once in a tree of its own."""
    git = ["git", "-c", "safe.directory=*"]
    try:
        full = command([*git, "rev-parse", "--verify", "--quiet", "--end-of-options",
                        revision + "^{commit}"]).strip()
    except Failed:
        raise Failed(f"{revision}: neither a program nor a git revision") from None
    short = command([*git, "rev-parse", "--short", full]).strip()
    tree = os.path.abspath(f"{BUILT}/{short}")
    program = f"{tree}/build/rdpmc-bench"
    if os.access(program, os.X_OK):
        return program
    print(f"building {revision} ({short})", file=sys.stderr)
    os.makedirs(tree, exist_ok=True)
    archive = f"{tree}.tar"
    command([*git, "archive", "--output", archive, full])
    command(["tar", "-xf", archive, "-C", tree])
    os.remove(archive)
    make(tree, f"{number(tree)}+g{short}")
    return program


def number(tree):
    """The first word of its VERSION. All trees from before there was one are 0.1.0."""
    try:
        with open(f"{tree}/VERSION", encoding="utf-8") as file:
            return file.read().split()[0]
    except (FileNotFoundError, IndexError):
        return "0.1.0"


def make(tree, version):
    """Builds rdpmc-bench in a tree of its own. Make's variables would be those of whoever called us."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command(["make", "-C", tree, "BUILD=build", f"VERSION={version}", "build/rdpmc-bench"], env=clean)


def program(named):
    """A program as it is named, or built from a git revision."""
    if os.path.isfile(named) and os.access(named, os.X_OK):
        return os.path.abspath(named)
    return build(named)


def measure(path, out, options):
    """One run of a program into a file. A row that failed is in the file, and no end to the rest."""
    words = [path, "run", "--runs", "1", "--time", str(options.seconds), "--json", out]
    if options.filter:
        words += ["--filter", options.filter]
    # In its group: Ctrl-C reaches it, and it keeps what it has.
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, errors="replace")
    last = (done.stderr.strip() or "no word").splitlines()[-1]
    if done.returncode == 77:
        raise NothingToMeasure(last)
    if done.returncode >= 128 or done.returncode < 0:
        raise KeyboardInterrupt
    if done.returncode not in (0, 1):
        raise Failed(f"{path}: {last}")
    if not os.path.exists(out):
        raise Failed(f"{path}: wrote no result: is it an rdpmc-bench?")


def take_turns(a, b, folder, options, said):
    """Measures both, interleaved, into a-NN.json and b-NN.json."""
    os.makedirs(folder, exist_ok=True)
    for number in range(options.runs):
        pair = [("a", a), ("b", b)]
        random.shuffle(pair)
        for name, path in pair:
            measure(path, f"{folder}/{name}-{number + 1:02}.json", options)
        if sys.stderr.isatty():
            print(f"\r{said}: {number + 1} of {counted(options.runs, 'run')} a side"
                  + "\n" * (number + 1 == options.runs), end="", file=sys.stderr, flush=True)


def both_sides(folder):
    """(A, B) of a folder that take_turns() filled."""
    skipped = []
    names = sorted(os.listdir(folder))
    found = [compare.side([f"{folder}/{name}" for name in names if re.match(side + r"-\d+\.json$", name)],
                          skipped) for side in "ab"]
    if skipped:
        raise Failed(f"{skipped[0][0]}: {skipped[0][1]}")
    return found


def fresh_folder():
    """A name by the time; the number of the process tells apart what began in the same second."""
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    return f"{BUILT}/{now}-{os.getpid()}"


@contextlib.contextmanager
def measuring(options):
    """The folder that results go to, in which there are none yet; says what Ctrl-C left there."""
    folder = options.out or fresh_folder()
    os.makedirs(folder, exist_ok=True)
    if files.find([folder]):
        raise Failed(f"{folder} holds results already")
    try:
        yield folder
    except KeyboardInterrupt:
        kept = f"what was measured is in {plain(folder)}" if files.find([folder]) else \
            "nothing was measured yet"
        print(file=sys.stderr)
        say(f"interrupted; {kept}")
        raise


def run_ab(options):
    if options.noise_floor:
        compare.load_floor(options, ())     # a damaged one ends it now, not after minutes
    a, b = program(options.a), program(options.b)
    with measuring(options) as folder:
        take_turns(a, b, folder, options, "A and B")
    one, other = both_sides(folder)
    status = compare.report(one, other, options)
    say(f"measured into {plain(folder)}")
    return status


def compare_with_itself(path, folder, options):
    """(a result, for each pair the ratios by row)."""
    result, pairs = None, []
    for number in range(options.pairs):
        place = f"{folder}/{number + 1:02}"
        take_turns(path, path, place, options, f"pair {number + 1} of {options.pairs}")
        one, other = both_sides(place)
        result = one.results[0]
        rows = judge(compare.comparable(one, other), floor.Floor())
        pairs.append({row.name: row.ratio for row in rows if not numpy.isnan(row.ratio)})
        if not pairs[-1]:
            raise Failed(f"{place}: no benchmark was measured that has a ratio")
    return result, pairs


def run_aa(options):
    output.check(options.floor or os.path.join(floor.FOLDER, "noise-floor.json"))
    path = program(options.program)
    began = clock.time()
    with measuring(options) as folder:
        result, pairs = compare_with_itself(path, folder, options)
    found = floor.measured(result.machine, began, conditions(result)["kernel"],
                           result.version, options.runs, pairs)
    path = options.floor or os.path.join(floor.FOLDER, floor.file_name(result.machine))
    output.write(path, json.dumps(found, indent=1) + "\n")
    kept = floor.Floor(path, found)
    print(f"noise floor of this machine: {share(kept.of())}; of {counted(options.pairs, 'comparison')} of a program "
          "with itself, nine of ten differ by less\n")
    lines = [["benchmark", "noise floor"]] + [[name, share(kept.of(name))] for name in kept.rows]
    print("\n".join(table(lines, right=(1,))))
    if kept.few:
        print(f"\nnote: {floor.FEW}")
    print(f"\nwritten to {plain(path)}")
    return 0


def count(value):
    number = option_number(value)
    if not 1 <= number <= 1000 or number != int(number):
        raise argparse.ArgumentTypeError(f"{value} is no whole number from 1 to 1000")
    return int(number)


def seconds(value):
    number = option_number(value)
    if not 1 <= number <= 3600:
        raise argparse.ArgumentTypeError(f"{value} is no number of seconds from 1 to 3600")
    return number


def add_measuring(made):
    made.add_argument("--runs", type=count, default=RUNS, metavar="N",
                      help=f"runs a side, a process each ({RUNS})")
    made.add_argument("--seconds", type=seconds, default=SECONDS, metavar="S",
                      help=f"of each run ({SECONDS})")
    made.add_argument("--filter", metavar="GLOB", help="only benchmarks whose name matches")
    made.add_argument("--out", metavar="DIR",
                      help=f"where results go; holds none yet (a new folder in {BUILT})")


def add(commands):
    made = commands.add_parser(
        "ab", help="measure two programs interleaved and compare them", allow_abbrev=False,
        description="Builds A and B, measures them interleaved, run by run, and compares. Each is a git "
                    "revision of this tree or an rdpmc-bench. Exit status as of compare.")
    made.add_argument("a", metavar="A")
    made.add_argument("b", metavar="B")
    add_measuring(made)
    compare.add_judging(made)
    made.set_defaults(run=run_ab)

    made = commands.add_parser(
        "aa", help="measure the noise floor of this machine, and keep it", allow_abbrev=False,
        description="Compares a program with itself, interleaved, several times. The difference that nine of ten "
                    "comparisons stay below becomes the noise floor of this machine.")
    made.add_argument("program", metavar="PROGRAM", help="a git revision or an rdpmc-bench")
    made.add_argument("--pairs", type=count, default=floor.PAIRS, metavar="N",
                      help=f"comparisons ({floor.PAIRS})")
    made.add_argument("--floor", metavar="FILE",
                      help=f"where it goes ({floor.FOLDER}/noise-floor-HOST.json, from here)")
    add_measuring(made)
    made.set_defaults(run=run_aa)
