# SPDX-License-Identifier: GPL-2.0-or-later
"""The fuzzing side: what mutants, sweeps, surveys and campaigns found. Their rows are less strictly read than
those of a benchmark: what is not as it should be counts as absent."""

import math
import os
import re
from urllib.parse import quote

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


def mutants(result):
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


def count(summary, key):
    return figure(summary, key) or 0


def report(result, page, beside):
    """Address of a finding's report, from a page in the folder @beside; "" where it is not there any more."""
    campaign_of = os.path.dirname(os.path.dirname(os.path.abspath(result.path)))
    path = os.path.join(campaign_of, "findings", page, "finding.md")
    if beside is None or not re.fullmatch(r"\w[\w.+-]*", page) or not os.path.isfile(path):
        return ""
    return "./" + quote(os.path.relpath(path, beside))


def campaign(result, beside=None):
    """How it stands; what it is over time is added by trials()."""
    summary = result.summary
    findings = [each for each in summary.get("findings") or [] if isinstance(each, dict)] \
        if isinstance(summary.get("findings"), list) else []
    alarms = summary.get("alarms") if isinstance(summary.get("alarms"), list) else []
    covered = [[plain(text(what)), count(part, "reached"), count(part, "of")] for what, part
               in files.part(summary, "coverage").items() if isinstance(part, dict)]
    return {
        "at": name(summary, "at"), "executions": count(summary, "executions"),
        "cases": count(summary, "cases"), "flaky": count(summary, "flaky"),
        "known": count(summary, "known"), "coverage": covered[:MOST],
        "alarms": [plain(text(each)) for each in alarms if isinstance(each, str)][:MOST],
        "findings": [[name(each, "page"), name(each, "class"), figure(each, "count"),
                      name(each, "first"), name(each, "last"), report(result, name(each, "page"), beside)]
                     for each in findings[:MOST]],
        "findings_count": len(findings),
        "workers": [[name(row, "name"), name(row, "state"), name(row, "reason"),
                     figure(row, "executions"), figure(row, "seconds"), figure(row, "deaths")]
                    for row in result.rows][:MOST]}


def moment(result):
    """[when, executions, cases, findings, share covered] of a result of a campaign; shares as percent."""
    told = campaign(result)
    covered = {what: 100 * reached / of for what, reached, of in told["coverage"] if of}
    return [told["at"], told["executions"], told["cases"], told["findings_count"], covered]


def over_time(results):
    """{what: values}, oldest first, of the results of one campaign."""
    moments = sorted(map(moment, results), key=lambda each: each[0])
    lines = {"executions": [each[1] for each in moments],
             "cases kept": [each[2] for each in moments], "findings": [each[3] for each in moments]}
    for what in dict.fromkeys(what for each in moments for what in each[4]):
        lines[f"{what}, %"] = [round(each[4][what], 2) for each in moments if what in each[4]]
    return {"from": moments[0][0], "to": moments[-1][0], "lines": list(lines.items())[:MOST]}


TELL = {"faults": mutants, "sweep": sweep, "survey": survey}


def key(result):
    made = head(result)
    return (made["kind"], made["host"]) + ((made["started"], name(result.options, "directory"))
                                           if result.kind == "campaign" else (made["engine"],))


def newest(result):
    return result.started, name(result.summary, "at")


def trials(others, beside=None):
    """The newest of each kind, engine and host, with how many there are; of each campaign how it stands,
    and how it came there. Newest first. @beside: the folder that the page is for."""
    groups = {}
    for result in sorted(others, key=newest):
        groups.setdefault(key(result), []).append(result)
    found = []
    for results in groups.values():
        last = results[-1]
        made = head(last) | {"results": len(results), "rows": len(last.rows),
                             "told": TELL[last.kind](last) if last.kind in TELL else None}
        if last.kind == "campaign":
            made["told"] = campaign(last, beside) | {"over_time": over_time(results)}
        found.append(made)
    return sorted(found, key=lambda each: -each["started"])
