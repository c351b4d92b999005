# SPDX-License-Identifier: GPL-2.0-or-later
"""LNT report, format_version 2, for the suite nts: one machine, one run, the medians of each row's
runs. https://llvm.org/docs/lnt/importing_data.html, "LNT Report File Format"

execution_time is in ns, not in seconds as nts says: LNT takes a change below 0.01 of its unit for
none. Its unit is a label there, and all runs of a machine have the same: of an exit path the instructions
are here, which are exact, and nothing else of it."""

import json

from .found import context, series, started


def render(found, options):
    result = found.one()
    known = context(result)
    begin = started(result, "%Y-%m-%dT%H:%M:%S")
    tests = [{"name": figure.name, "execution_time": figure.row.runs}
             for figure in series(result) if figure.exact in ("", "instructions")]
    report = {
        "format_version": "2",
        # A machine with another description is another machine to LNT: nothing here that updates.
        "machine": {"name": known["host"], "cpu": known["cpu"], "backend": known["backend"]},
        # LNT orders runs by the numbers in llvm_project_revision, of which a git hash has none.
        "run": {"start_time": begin, "end_time": begin,
                "llvm_project_revision": started(result, "%Y%m%d%H%M%S"), "unit": result.unit,
                **{what: known[what] for what in ("version", "kernel", "microcode", "partial")}},
        "tests": tests,
    }
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"
