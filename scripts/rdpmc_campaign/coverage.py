# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kept cases reach: rules of the model, lines of model and emulator, lines of each kernel's path.

By the programs of `make coverage` and `make coverage-kernel`, where they are built: by themselves they
do not come about."""

import os
import re
import shutil
import time

from .findings import utc

RULES = re.compile(r"rules: (\d+) of (\d+) asked")
KERNEL = re.compile(r"(?m)^(\d+) of (\d+) lines of the RDPMC path")
SUMMARY = re.compile(r"(?m)^(model|emulator)/\S+\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d*)\s*$")


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
        self.parts = {}
        self.chores.add([f"{self.build}/rdpmc-diff", "run", *cases],
                        lambda status, output: self.rules(output), 600, "rules")
        program = f"{self.build}/coverage/rdpmc-diff"
        if os.access(program, os.X_OK):
            link = f"{self.place}/rdpmc-diff"
            if os.path.lexists(link):
                os.unlink(link)
            os.symlink(program, link)
            self.chores.add([f"{self.root}/scripts/coverage", self.place, *cases],
                            lambda status, output: self.lines(output), 600, "coverage")
        for engine in self.engines:
            if engine.name.startswith("kernel:") and not engine.absent:
                self.kernel(engine, cases)
        self.chores.add(["true"], lambda status, output: self.done(state), 10, "coverage done")

    def rules(self, output):
        found = RULES.search(output)
        if found:
            self.parts["rules, both answers"] = [int(found[1]), int(found[2])]

    def lines(self, output):
        for where in ("model", "emulator"):
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

    def done(self, state):
        if self.parts:
            state["coverage"] = {"at": utc(time.time()), "parts": self.parts}
