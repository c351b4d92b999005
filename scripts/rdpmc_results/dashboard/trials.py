# SPDX-License-Identifier: GPL-2.0-or-later
"""The fuzzing side: what faults, sweeps and surveys found. Their rows are less strictly read than
those of a benchmark: what is not as it should be counts as absent."""

import math

from .. import files
from ..files import text
from ..text import plain

MOST = 200                  # rows of a table


def figure(row, key):
    value = row.get(key)
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if good and math.isfinite(value) and abs(value) < 1e18 else None


def name(row, key):
    value = row.get(key)
    return plain(text(value)) if isinstance(value, str) else ""


def total(rows, key):
    return sum(figure(row, key) or 0 for row in rows)


def head(result):
    engine = result.options.get("engine")
    return {"kind": result.kind, "started": result.started, "version": plain(result.version),
            "engine": plain(text(engine)), "partial": result.partial,
            "host": plain(text(result.context.get("hostname"))),
            "synthetic": result.context.get("synthetic") is True}


def faults(result):
    """By driver: how many defects it was set against, found, after how many executions."""
    drivers = {}
    for row in result.rows:
        drivers.setdefault(name(row, "driver") or "unnamed", []).append(row)
    missed = [[name(row, "name"), name(row, "driver"), name(row, "what"), figure(row, "executions"),
               figure(row, "seconds")] for row in result.rows if row.get("found") is not True]
    table = []
    for driver, rows in drivers.items():
        found = [row for row in rows if row.get("found") is True]
        spent = sorted(figure(row, "executions") or 0 for row in found)
        table.append([driver, len(rows), len(found), spent[len(spent) // 2] if spent else None,
                      spent[-1] if spent else None, total(rows, "executions"),
                      total(rows, "seconds")])
    return {"drivers": table, "missed": missed[:MOST], "missed_count": len(missed)}


def sweep(result):
    parts = {}
    for row in result.rows:
        parts.setdefault(name(row, "part") or "unnamed", []).append(row)
    wrong = [[name(row, "configuration"), name(row, "part"), figure(row, "mismatches"),
              figure(row, "cases")] for row in result.rows if figure(row, "mismatches")]
    return {"parts": [[part, len(rows), total(rows, "cases") + total(rows, "cases_before"),
                       total(rows, "mismatches"), total(rows, "costly"), total(rows, "seconds"),
                       all(row.get("complete") is not False for row in rows)]
                      for part, rows in parts.items()],
            "wrong": wrong[:MOST], "wrong_count": len(wrong)}


def survey(result):
    def known(row):
        value = row.get("known")
        if isinstance(value, list):
            return ", ".join(plain(text(each)) for each in value)
        return plain(text(value)) if isinstance(value, str) else "known" if value is True else ""

    summary = result.summary
    intercepts = {}
    for value in files.part(summary, "intercepts").values():
        if isinstance(value, str):
            intercepts[plain(text(value))] = intercepts.get(plain(text(value)), 0) + 1
    rows = [[name(row, "rule"), name(row, "entry"), name(row, "oracle"), name(row, "model"),
             name(row, "answer"), figure(row, "count"),
             "new" if row.get("new") is True else known(row)] for row in result.rows]
    rows.sort(key=lambda row: (row[-1] != "new", -(row[5] or 0)))
    return {"reads": figure(summary, "reads"), "configurations": figure(summary, "configurations"),
            "states": figure(summary, "states"), "made": figure(summary, "made"),
            "new": sum(row.get("new") is True for row in result.rows), "classes": len(rows),
            "intercepts": sorted(intercepts.items()), "rows": rows[:MOST]}


TELL = {"faults": faults, "sweep": sweep, "survey": survey}


def trials(others):
    """The newest of each kind, engine and host, with how many there are; newest first."""
    found = {}
    for result in others:
        made = head(result)
        key = made["kind"], made["engine"], made["host"]
        earlier = found[key]["results"] if key in found else 0
        found[key] = made | {"results": earlier + 1, "rows": len(result.rows)}
        found[key]["told"] = TELL[result.kind](result) if result.kind in TELL else None
    return sorted(found.values(), key=lambda each: -each["started"])
