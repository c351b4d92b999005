#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Would this machine notice? Live comparisons of rdpmc-bench with itself, which must not alarm, and
with a build whose guest takes longer around each RDPMC, which must.

The delay is a loop of registers, planted in a copy of the tree, and made so long that it adds the
share asked for to the rows of CPL 3; how much it really adds is measured and told.
"""

import argparse
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
sys.dont_write_bytecode = True

from rdpmc_results import compare, floor, judging, turns  # noqa: E402

PLACE = "\t.macro\tmeasured_rdpmc\n"
DELAY = PLACE + "\tmov\t${turns}, %r11d\n2:\tdec\t%r11d\n\tjnz\t2b\n"
FIRST_GUESS = 4000          # turns of the delay


def planted(loop_turns):
    """The path of rdpmc-bench with a delay of so many turns."""
    tree = ROOT / f"build/power/{loop_turns}"
    listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, check=True,
                            capture_output=True).stdout.decode().split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    loops = tree / "guest/loops.S"
    text = loops.read_text()
    if text.count(PLACE) != 1:
        sys.exit("power: guest/loops.S has no place for the delay any more")
    loops.write_text(text.replace(PLACE, DELAY.replace("{turns}", str(loop_turns))))
    turns.make(str(tree), f"planted-{loop_turns}")
    return str(tree / "build/rdpmc-bench")


def is_planted(name):
    return name.startswith("rdpmc") and not name.startswith("rdpmc/native")


def measured(a, b, folder, options, said):
    """The Verdicts of one comparison."""
    turns.take_turns(a, b, folder, options, said)
    one, other = turns.both_sides(folder)
    rows = compare.comparable(one, other)
    return judging.judge(rows, floor.load(one.results[0].machine))


def effect(rows):
    """Median ratio of the rows that have the delay in them."""
    return statistics.median_high(row.ratio for row in rows if is_planted(row.name))


def alarms(rows):
    return [row for row in rows if row.verdict in ("slower", "faster", "suspicious")]


def told(rows):
    return ", ".join(f"{row.name} {(row.ratio - 1) * 100:+.1f} %" for row in rows) or "none"


def noise(rows):
    """Of a turn: how far B is from A in a planted row, as a share."""
    return statistics.median_high(judging.noise(row) ** 0.5 for row in rows
                                  if is_planted(row.name))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program", help="rdpmc-bench, as it is")
    parser.add_argument("--percent", type=float, default=5)
    parser.add_argument("--aa", type=int, default=20, help="comparisons with itself (20)")
    parser.add_argument("--planted", type=int, default=20, help="with the slower build (20)")
    parser.add_argument("--runs", type=int, default=turns.RUNS)
    parser.add_argument("--seconds", type=float, default=1.5)
    options = parser.parse_args()
    measuring = types.SimpleNamespace(runs=options.runs, seconds=options.seconds, filter="*/cpl3")
    folder = turns.fresh_folder()
    random.seed()
    try:
        guess = measured(options.program, planted(FIRST_GUESS), folder + "/guess", measuring, "first")
        length = round(FIRST_GUESS * options.percent / 100 / (effect(guess) - 1))
        if not 0 < length < 50 * FIRST_GUESS:
            sys.exit(f"power: this machine is too noisy: a delay of {FIRST_GUESS} turns seems to make "
                     f"{(effect(guess) - 1) * 100:+.1f} %")
        slow = planted(length)
        quiet = heard = clean = 0
        ratios = []
        for number in range(options.aa):
            rows = measured(options.program, options.program, f"{folder}/aa-{number}", measuring,
                            f"A/A {number + 1}")
            quiet += not alarms(rows)
            print(f"A/A     {number + 1:2}: noise of a turn {noise(rows) * 100:.1f} %, alarms: "
                  f"{told(alarms(rows))}", flush=True)
        for number in range(options.planted):
            rows = measured(options.program, slow, f"{folder}/planted-{number}", measuring,
                            f"planted {number + 1}")
            found = [row for row in rows if is_planted(row.name) and row.verdict == "slower"]
            wrong = [row for row in alarms(rows) if row not in found]
            of = sum(is_planted(row.name) for row in rows)
            heard += bool(found)
            clean += not wrong
            ratios.append(effect(rows))
            print(f"planted {number + 1:2}: {(effect(rows) - 1) * 100:+.1f} %, noise of a turn "
                  f"{noise(rows) * 100:.1f} %, found in {len(found)} of {of} rows, others: "
                  f"{told(wrong)}", flush=True)
    except turns.NothingToMeasure as why:
        print(f"power: {why}", file=sys.stderr)
        return 77
    except KeyboardInterrupt:
        return 130
    print(f"\n{quiet} of {options.aa} comparisons with itself without an alarm")
    if ratios:
        print(f"a slow-down of {(statistics.median(ratios) - 1) * 100:.1f} % (a delay of {length} "
              f"turns) found {heard} times of {options.planted}, {clean} times without a word on "
              "other rows")
    return 0 if (quiet, heard) == (options.aa, options.planted) else 1


if __name__ == "__main__":
    sys.exit(main())
