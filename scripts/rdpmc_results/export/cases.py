# SPDX-License-Identifier: GPL-2.0-or-later
"""What passed, failed or was skipped in a result of any kind but campaign, whose rows nothing
describes yet. A row of which that cannot be told has failed: silence is no proof."""

from dataclasses import dataclass, field

from .. import exact
from ..files import text, whole
from ..history import setting
from ..main import Failed
from ..text import plain
from .found import SIMULATED, label, say_left_out

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(slots=True)
class Case:
    """All texts on one line, without control characters."""
    group: str
    name: str
    verdict: str
    reason: str = ""                                # of what did not pass
    figures: dict = field(default_factory=dict)     # {what: value}, for a person
    seconds: float | None = None


def bench(row, options, unit):
    how = setting(row, options)
    verdict = {"measured": PASSED, "skipped": SKIPPED, "failed": FAILED}[row.status]
    figures = {}
    if row.median is not None and how != SIMULATED:
        figures = {f"median_{unit}": row.median, f"mad_{unit}": row.mad, f"p99_{unit}": row.p99,
                   f"max_{unit}": row.max, "runs": len(row.runs)}
    if row.exits is not None:
        figures["exits_per_read"] = row.exits
    if row.path:
        figures |= {f"exact_{figure.replace(' ', '_')}": count for figure, count in row.path.items()
                    if figure not in exact.RECORDED}
    return Case(how, row.name, verdict, row.reason, figures)


def mutants(row):
    by = ", ".join(filter(None, (text(row.get("driver")), text(row.get("engine")))))
    case = Case(by, text(row.get("name")), PASSED)
    if row.get("found") is not True:
        case.verdict, case.reason = FAILED, "the mutant was not found"
    if whole(row.get("executions")):
        case.figures["executions"] = row["executions"]
    return case


def sweep(row):
    cases, wrong = row.get("cases"), row.get("mismatches")
    case = Case(text(row.get("part")), text(row.get("configuration")), FAILED)
    case.figures = {key: row[key] for key in ("cases", "cases_before", "mismatches")
                    if whole(row.get(key))}
    if not whole(cases) or not whole(wrong):
        case.reason = "how many cases differ is not told"
    elif wrong:
        case.reason = f"{wrong} of {cases} cases differ from the model"
    elif row.get("complete") is False:
        case.verdict = SKIPPED
        case.reason = f"incomplete: none of {cases} cases differs, the others were not compared"
    else:
        case.verdict = PASSED
    return case


def survey(row):
    def said(key):
        return text(row.get(key)) or "none"
    new = row.get("new")
    if not isinstance(new, bool):
        new = not row.get("known") and row.get("oracle") is not None
    name = f"{said('rule')}: {said('model')}, answered {said('answer')} ({said('oracle')})"
    case = Case(f"{said('engine')}, {said('entry')}", name, FAILED if new else PASSED)
    if new:
        example = row.get("example")
        example = text(example.get("text") if isinstance(example, dict) else example)
        case.reason = f"nothing known explains this difference: {example}"
    if whole(row.get("count")):
        case.figures["count"] = row["count"]
    return case


def cases(result):
    """The Cases of a result; no two have the same group and name."""
    judge = {"faults": mutants, "sweep": sweep, "survey": survey}
    made, names = [], {}
    for row in result.rows:
        case = bench(row, result.options, result.unit) if result.kind == "bench" else judge[result.kind](row)
        seconds = None if result.kind == "bench" else row.get("seconds")
        if isinstance(seconds, (int, float)) and 0 <= seconds < 1e9:
            case.seconds = seconds
        case.group, case.reason = label(case.group), plain(case.reason)
        case.name = label(case.name) or "without a name"
        at = names[case.group, case.name] = names.get((case.group, case.name), 0) + 1
        if at > 1:
            case.name += f" ({at})"
        made.append(case)
    return made


def suites(found):
    """[(Result, its Cases)] of all that can be judged."""
    judged = [result for result in found.results if result.kind != "campaign"]
    others = len(found.results) - len(judged)
    say_left_out(others, "result", "no cases in those of kind campaign")
    if not judged:
        raise Failed("no result has cases")
    return [(result, cases(result)) for result in judged]
