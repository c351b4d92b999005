# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs: for each engine the drivers that can drive it, each a task of its own.

A task runs for a slice of time and begins the next from what all have kept by then. With more tasks
than jobs they take turns; with more jobs than tasks there are more secondaries.
"""

import os
import sys
from dataclasses import dataclass, field

from .failed import Failed

# How AFL++'s instances differ, as its documentation recommends for many cores: schedules, MOpt, old queue order,
# no trimming, and mutators: ours knows the format, AFL++'s own does not and takes the dictionary.
OURS = {"AFL_CUSTOM_MUTATOR_ONLY": "1"}
MIX = (
    (["-p", "explore"], OURS | {"AFL_DISABLE_TRIM": "1"}),
    (["-p", "fast", "-L", "0"], {"AFL_DISABLE_TRIM": "1"}),
    (["-p", "coe", "-x", "corpus/rdpmc.dict"], {"AFL_EXPAND_HAVOC_NOW": "1"}),
    (["-p", "exploit", "-Z"], OURS),
    (["-p", "rare"], {"AFL_DISABLE_TRIM": "1"}),
    (["-p", "seek"], OURS | {"AFL_DISABLE_TRIM": "1", "AFL_CYCLE_SCHEDULES": "1"}),
)


@dataclass
class Engine:
    name: str               # as it was asked for
    tried: str              # as rdpmc-diff takes it
    drivers: dict           # driver: what the fuzz target takes as RDPMC_ENGINE, or None
    absent: str = ""        # why it cannot run here
    machine: list = field(default_factory=list)     # options of scripts/machine, for its kernel

    @property
    def label(self):
        """Fit for the name of a folder."""
        short = self.name.removeprefix("machine:") if self.machine else os.path.basename(self.name.rstrip("/"))
        return "".join(c if c.isalnum() or c in "._-" else "-" for c in short)


@dataclass
class Task:
    name: str               # of its folder, too
    driver: str             # "libfuzzer", "afl", "live" or "machine"
    engine: Engine
    program: str
    environment: dict = field(default_factory=dict)
    words: list = field(default_factory=list)


def kernel(build, name):
    short = name.removeprefix("kernel:")
    fuzzed, tried = f"{build}/kernel/fuzz/{short}.so", f"{build}/kernel/{short}.so"
    if not os.path.exists(tried) or not os.path.exists(fuzzed):
        raise Failed(f"--engine {name}: needs both {tried} and {fuzzed}: `make campaign "
                     f"KDIR=... NAME={short}` builds them")
    return Engine(name, name, {"libfuzzer": fuzzed})


def folder(name):
    """plain.so, libfuzzer.so and afl.so of one engine, as in build/mutants/NAME."""
    found = {driver: os.path.abspath(f"{name}/{driver}.so") for driver in ("libfuzzer", "afl")
             if os.path.exists(f"{name}/{driver}.so")}
    plain = os.path.abspath(f"{name}/plain.so")
    if not found or not os.path.exists(plain):
        raise Failed(f"--engine {name}: no folder with plain.so and libfuzzer.so or afl.so")
    return Engine(name, plain, found)


def machine(name):
    """machine:CPU, or machine:CPU:KERNEL"""
    _, cpu, *kernel_of = name.split(":", 2)
    words = ["--cpu", cpu, *(["--kernel", kernel_of[0]] if kernel_of else [])]
    return Engine(name, "", {"machine": "kvm"}, machine=words)


def engine(build, name):
    if name.startswith("machine:"):
        return machine(name)
    if name == "emulator":
        return Engine(name, name, {"libfuzzer": None, "afl": None})
    if name == "kvm":
        return Engine(name, name, {"live": "kvm"})
    if name.startswith("kernel:"):
        return kernel(build, name)
    if "/" in name:
        return folder(name)
    raise Failed(f"--engine {name}: there are emulator, kvm, kernel:NAME, machine:CPU:KERNEL, and folders of engines")


def engines(build, names):
    """Those named; without names all that are here."""
    if not names:
        judged, fuzzed = ({each.removesuffix(".so") for each in os.listdir(folder_of) if each.endswith(".so")}
                          if os.path.isdir(folder_of) else set()
                          for folder_of in (f"{build}/kernel", f"{build}/kernel/fuzz"))
        for each in sorted(judged ^ fuzzed):
            lacks = "a fuzzer" if each in judged else "rdpmc-diff"
            print(f"campaign: kernel:{each} is left out, it has no engine for {lacks}: "
                  f"`make campaign KDIR=... NAME={each}` makes both", file=sys.stderr)
        names = ["emulator", *(f"kernel:{each}" for each in sorted(judged & fuzzed)), "kvm"]
    if len(set(names)) != len(names):
        raise Failed("--engine: one is named twice")
    return [engine(build, name) for name in names]


PROGRAMS = {"libfuzzer": "fuzz-rdpmc", "afl": "fuzz-rdpmc-afl", "live": "fuzz-rdpmc-live", "machine": "fuzz-rdpmc-live"}


def task(build, driver, of, number=0):
    """The @number-th task of a driver with an engine; AFL++'s first is the main one."""
    environment = {} if of.drivers[driver] is None else {"RDPMC_ENGINE": of.drivers[driver]}
    made = Task(f"{driver}-{of.label}" + (f"-{number + 1}" if number else ""), driver, of,
                os.path.abspath(f"{build}/{PROGRAMS[driver]}"), environment)
    if driver == "afl":
        made.environment["AFL_CUSTOM_MUTATOR_LIBRARY"] = os.path.abspath(f"{build}/afl-mutator.so")
        words, more = MIX[(number - 1) % len(MIX)] if number else ([], OURS)
        made.words = list(words)
        made.environment |= more
    return made


def tasks(build, of, jobs, drivers):
    """The Tasks of some engines for so many jobs."""
    here = [each for each in of if not each.absent]
    made = [task(build, driver, each) for each in here for driver in each.drivers
            if driver in drivers]
    if len({each.name for each in made}) != len(made):
        raise Failed("two of the engines have the same name")
    # On a real machine a second one would only wait for the first.
    more = [(each, driver) for driver in ("afl", "libfuzzer") for each in here
            if driver in each.drivers and driver in drivers]
    more = [pair for pair in more if pair[1] == "afl"] or more
    number = 1
    while len(made) < jobs and more:
        for each, driver in more[:jobs - len(made)]:
            made.append(task(build, driver, each, number))
        number += 1
    return made
