# SPDX-License-Identifier: GPL-2.0-or-later
"""The mutant catalogue, proved: does each deliberate defect give a counterexample, and one that names its rule?"""

import concurrent.futures
import dataclasses
import glob
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from rdpmc_machine.failed import Failed

from . import cases, checker
from .emulator import sources
from .tools import TOP

# What a theorem can show: that entries differ, or that the code complains of itself, is nothing that they say.
ORACLES = ("outcome", "nothing-else", "pass-sound")


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    path: str
    oracle: str
    rule: str


@dataclasses.dataclass
class Found:
    """What a mutant came to."""
    mutant: Mutant
    rules: list        # that the first counterexample is about; none: it was not found
    seconds: float     # until then
    reproduces: bool   # when it is run natively

    @property
    def right(self):
        return self.mutant.rule in self.rules


def _read(path):
    with open(path, encoding="utf-8") as file:
        header = dict(re.findall(r"^(\w+): (.*)$", file.read().split("\n\n")[0], re.M))
    for key in "Oracle", "Rule":
        if key not in header:
            raise Failed(f"{path}: its header lacks {key}:")
    return Mutant(os.path.basename(path).removesuffix(".patch"), path, header["Oracle"], header["Rule"])


def catalogue(names):
    """The mutants that there are, those of @names if any are given."""
    directory = os.path.join(TOP, "fuzz/mutants/patches")
    found = [_read(path) for path in sorted(glob.glob(os.path.join(directory, "*.patch")))]
    unknown = set(names) - {mutant.name for mutant in found}
    if unknown:
        raise Failed(f"there is no mutant {min(unknown)} in {directory}")
    return [mutant for mutant in found if not names or mutant.name in names]


def _patched(mutant, directory):
    shutil.copytree(os.path.join(TOP, "emulator"), os.path.join(directory, "emulator"))
    done = subprocess.run(["patch", "-s", "-p1", "-d", directory, "-i", os.path.abspath(mutant.path)], check=False,
                          capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{mutant.path} does not apply: {(done.stdout + done.stderr).strip()}")


def _blamed(repeat, engine, found):
    return cases.judge(repeat, engine, found.trace).blamed


def attempt(tools, mutant, build):
    """One mutant: the theorems on the engine, until one is refuted; all classes of it, where the first counterexample
    is another's."""
    begun = time.monotonic()
    diff, repeat = os.path.join(build, "rdpmc-diff"), os.path.join(build, "prove-repeat")
    engine = os.path.join(build, "mutants", mutant.name, "plain.so")
    with tempfile.TemporaryDirectory() as work:
        _patched(mutant, work)
        for function in ("refute_read", "refute_intercept"):
            found = checker.refute(tools, sources(work), function)
            if not found:
                continue
            seconds = time.monotonic() - begun
            differs = cases.keep(found.trace, os.path.join(work, "case"), diff, engine)
            if function == "refute_intercept":
                return Found(mutant, ["PASS-SOUND"], seconds, differs)
            rules = _blamed(repeat, engine, found)
            reproduces = bool(differs and rules)
            if mutant.rule == "PASS-SOUND" and checker.refute(tools, sources(work), "refute_intercept"):
                rules.append("PASS-SOUND")
            if mutant.rule not in rules:
                for each in checker.check(tools, sources(work), "theorem_read").of("theorem"):
                    rules += [] if each.holds else _blamed(repeat, engine, each)
            return Found(mutant, list(dict.fromkeys(rules)), seconds, reproduces)
    return Found(mutant, [], time.monotonic() - begun, False)


def score(options, tools):
    """The catalogue, a line each as they come; the status."""
    found = []
    if not os.path.exists(os.path.join(options.build, "mutants")):
        raise Failed(f"{os.path.join(options.build, 'mutants')} is not built; make prove-mutants builds it")
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        mutants = [mutant for mutant in catalogue(options.mutants) if mutant.oracle in ORACLES]
        for each in pool.map(lambda mutant: attempt(tools, mutant, options.build), mutants):
            found.append(each)
            said = "NOT FOUND" if not each.rules else ", ".join(each.rules)
            said += "" if each.right or not each.rules else f": NOT {each.mutant.rule}"
            said += "" if each.reproduces else ": DOES NOT REPRODUCE"
            print(f"{each.mutant.name:32} {each.seconds:5.1f} s  {said}", flush=True)
    refuted = [each for each in found if each.rules]
    right = [each for each in refuted if each.right and each.reproduces]
    print(f"{len(refuted)} of {len(found)} refuted, {len(right)} by the right rule and natively as well; "
          f"median {statistics.median(each.seconds for each in found):.1f} s, "
          f"slowest {max(each.seconds for each in found):.1f} s")
    return 0 if len(right) == len(found) else 1
