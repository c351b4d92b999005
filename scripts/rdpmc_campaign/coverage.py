# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kept cases reach by the engines that ran: rules and lines of the model, lines of the emulator, lines of each
kernel's path. What ran nowhere is not told: a campaign of a kernel says nothing of emulator/.

By the programs of `make coverage` and `make coverage-kernel`, where they are built: by themselves they
do not come about."""

import os
import re
import shutil
import time

from .findings import utc
from .status import has_run

RULES = re.compile(r"(?m)^rules +\d+ of (\d+) answered")
NEVER = re.compile(r"(?m)^ +(\S+): never (yes|no)$")
KERNEL = re.compile(r"(?m)^(\d+) of (\d+) lines of the RDPMC path")
SUMMARY = re.compile(r"(?m)^(model|emulator)/\S+\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d*)\s*$")


def ran(state, engines):
    """Those of the @engines that have run in this campaign."""
    names = {task["engine"] for task in state["tasks"].values() if has_run(task)}
    return [each for each in engines if not each.absent and each.name in names]


def of_these(coverage, engines):
    """What was measured before, unless by an engine that is not part of the campaign any more."""
    by = coverage.get("engines", [None])
    return coverage if set(by) <= {each.name for each in engines} else {}


class Coverage:
    def __init__(self, directory, root, build, chores, engines, seeds):
        self.place = f"{directory}/coverage"
        self.root, self.build, self.chores = root, build, chores
        self.engines = engines
        self.seeds = seeds
        self.parts = {}

    def measure(self, state):
        """Begins; state["coverage"] has it in the end."""
        os.makedirs(self.place, exist_ok=True)
        cases = self.seeds
        self.parts, self.never = {}, None
        here = ran(state, self.engines)
        # A real vCPU executes everything once more for it: only where nothing else can tell.
        tell = [each for each in here if each.tried and "live" not in each.drivers] or \
            [each for each in here if each.tried]
        for engine in tell:
            self.chores.add([f"{self.build}/rdpmc-diff", "run", "--verbose", "--engine", engine.tried, *cases],
                            lambda status, output: self.rules(output), 600, f"rules {engine.name}")
        program = f"{self.build}/coverage/rdpmc-diff"
        if tell and os.access(program, os.X_OK):
            link = f"{self.place}/rdpmc-diff"
            if os.path.lexists(link):
                os.unlink(link)
            os.symlink(program, link)
            names = {each.name for each in tell}
            words = [word for each in tell for word in ("--engine", self.path(each))]
            # It looks for what is known of kernels beside itself, which is elsewhere.
            known = os.environ.get("RDPMC_KNOWN", f"{self.root}/fuzz/oracle/known")
            self.chores.add([f"{self.root}/scripts/coverage", self.place, *words, *cases],
                            lambda status, output: self.lines(output, names), 600, "coverage", RDPMC_KNOWN=known)
        for engine in here:
            if engine.name.startswith("kernel:"):
                self.kernel(engine, cases)
        self.chores.add(["true"], lambda status, output: self.done(state, here), 10, "coverage done")

    def rules(self, output):
        """What one engine never answered another may have."""
        found = RULES.search(output)
        if found:
            never = set(NEVER.findall(output[found.end():]))
            self.never = never if self.never is None else self.never & never
            of = int(found[1])
            self.parts["rules, both answers"] = [of - len({rule for rule, _ in self.never}), of]

    def path(self, engine):
        """As a program takes it that is in another folder."""
        short = engine.name.removeprefix("kernel:")
        return f"{self.build}/kernel/{short}.so" if engine.name.startswith("kernel:") else engine.tried

    def lines(self, output, engines):
        for where in ("model", *engines & {"emulator"}):
            rows = [row for row in SUMMARY.findall(output) if row[0] == where]
            for what, total, missed in ("lines", 1, 2), ("branches", 3, 4):
                of = sum(int(row[total]) for row in rows)
                if of:
                    self.parts[f"{where}, {what}"] = [of - sum(int(row[missed] or 0) for row in rows), of]

    def kernel(self, engine, cases):
        name = engine.name.removeprefix("kernel:")
        built = f"{self.build}/kernel/coverage/{name}.so"
        if not os.path.exists(built):
            return
        copy = f"{self.place}/{name}.so"
        shutil.copyfile(built, copy)
        with open(copy, "rb") as file:
            tree = re.search(rb"(/[^\0]{1,400}?)/arch/x86/kvm/", file.read())

        def told(status, output):
            found = KERNEL.search(output)
            if found:
                self.parts[f"{engine.name}, lines"] = [int(found[1]), int(found[2])]

        if tree:
            self.chores.add([f"{self.root}/scripts/coverage-kernel", self.build, copy,
                             tree[1].decode(errors="replace"), *cases], told, 600, f"coverage {name}")

    def done(self, state, engines):
        if self.parts:
            state["coverage"] = {"at": utc(time.time()), "engines": [each.name for each in engines],
                                 "parts": self.parts}
