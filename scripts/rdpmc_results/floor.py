# SPDX-License-Identifier: GPL-2.0-or-later
"""The noise floor of a machine: how far apart the same program finds itself, measured and kept.

A row's floor is the ratio that nine of ten comparisons of a program with itself stay below. An alarm
takes more than that, however small p is: a machine that is never the same twice has no better word.
"""

import glob
import math
import os
import re

import numpy

from . import files
from .text import AA, counted, date, share

SCHEMA = "rdpmc-noise-floor/1"
FOLDER = "results"          # where floors are kept and looked for, from where one is
ASSUMED = 0.01              # where nothing was measured
LEAST = 0.002               # a few pairs that happen to agree prove no less
QUANTILE = 0.9
PAIRS = 10                  # comparisons; fewer may agree by chance: see Floor.of()


FEW = f"fewer than {PAIRS} pairs: no floor below the assumed {share(ASSUMED)} is used"


class Floor:
    """Of one machine; without a file what is assumed."""

    def __init__(self, path=None, of=None, source="assumed"):
        self.few = bool(of) and of["pairs"] < PAIRS
        self.rows = {name: row["floor"] for name, row in of["rows"].items()} if of else {}
        self.overall = of["overall"] if of else ASSUMED
        self.source = source if not of else \
            f"{share(self.of())}, {path}, measured {of['measured'][:10]}, {counted(of['pairs'], 'pair')}"
        if self.few:
            self.source += f"; {FEW}"

    def of(self, name=None):
        """Of a row, or overall. As a share: 0.01 is one per cent."""
        found = self.rows.get(name, self.overall)
        return max(found, ASSUMED) if self.few else found


def file_name(machine):
    """A host's name is data: only plain characters of it are kept."""
    return f"noise-floor-{re.sub(r'[^A-Za-z0-9._-]', '', machine[0]) or 'unnamed'}.json"


def checked(of):
    """A floor file's content, or Refused."""
    try:
        if of["schema"] != SCHEMA:
            raise files.Refused(f"holds {files.text(of['schema'])}, no noise floor")
        floors = [row["floor"] for row in of["rows"].values()] + [of["overall"]]
        machine = tuple(of["machine"])
        good = all(isinstance(floor, float) and 0 < floor < math.inf for floor in floors) and \
            all(isinstance(part, str) for part in (of["measured"], *machine)) and \
            files.whole(of["pairs"])
    except (KeyError, TypeError, AttributeError, ValueError):
        good = False
    if not good:
        raise files.Refused("no noise floor")
    return of


def load(machine, path=None, folder=FOLDER):
    """The Floor of a machine: of the file @path (raises Refused), or of one in @folder, or assumed."""
    if path:
        of = checked(files.parse(files.content(path)))
        return Floor(path + (" OF ANOTHER MACHINE" if tuple(of["machine"]) != machine else ""), of)
    for found in sorted(glob.glob(os.path.join(glob.escape(folder), "noise-floor-*.json"))):
        try:
            of = checked(files.parse(files.content(found)))
        except files.Refused:
            continue
        if tuple(of["machine"]) == machine:
            return Floor(found, of)
    named = " ".join(filter(None, machine))
    return Floor(source=f"{share(ASSUMED)}, assumed: none measured for {named} in {folder}/; `{AA}` measures it")


def measured(machine, started, kernel, version, runs, pairs):
    """The content of a floor file. @pairs: for each comparison {name of row: ratio B/A}."""
    def floor(ratios):
        away = numpy.abs(numpy.log(ratios))
        return max(LEAST, float(numpy.expm1(numpy.quantile(away, QUANTILE, method="higher"))))

    names = dict.fromkeys(name for pair in pairs for name in pair)
    rows = {name: [pair[name] for pair in pairs if name in pair] for name in names}
    return {"schema": SCHEMA, "measured": date(started).replace(" ", "T") + ":00Z",
            "machine": list(machine), "kernel": kernel, "program": version,
            "runs": runs, "pairs": len(pairs),
            "overall": floor([ratio for ratios in rows.values() for ratio in ratios]),
            "rows": {name: {"floor": floor(ratios), "ratios": ratios}
                     for name, ratios in rows.items()}}
