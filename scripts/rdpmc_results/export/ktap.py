# SPDX-License-Identifier: GPL-2.0-or-later
"""KTAP version 1: a test for each result, a subtest for each row.
https://docs.kernel.org/dev-tools/ktap.html"""

from .cases import FAILED, PASSED, SKIPPED, suites
from .found import context


def line(at, verdict, description, data):
    """A result line. What follows # is free but for its first word, which may be a directive."""
    # A description cannot have #; what stands for it is how control characters are shown.
    description = description.replace("#", r"\x23")
    said = {PASSED: data, SKIPPED: f"SKIP {data}", FAILED: f"failed: {data}"}[verdict]
    result = "not ok" if verdict == FAILED else "ok"
    return f"{result} {at} {description}" + (f" # {said}" if said else "")


def data(case):
    figures = " ".join(f"{what}={value!r}" for what, value in case.figures.items())
    return figures if case.verdict == PASSED else " ".join(filter(None, (case.reason, figures)))


def overall(cases):
    """(verdict, why) of a result."""
    failed = sum(case.verdict == FAILED for case in cases)
    if failed:
        return FAILED, f"{failed} of {len(cases)}"
    if all(case.verdict == SKIPPED for case in cases):
        return SKIPPED, "nothing was measured or compared"
    return PASSED, ""


def render(found, options):
    every = suites(found)
    lines = ["KTAP version 1", f"1..{len(every)}"]
    for at, (result, cases) in enumerate(every, 1):
        lines += ["  KTAP version 1", f"  1..{len(cases)}"]
        lines += [f"  # {what}: {value}" for what, value in context(result).items()]
        for number, case in enumerate(cases, 1):
            name = f"{case.name} ({case.group})" if case.group else case.name
            lines.append("  " + line(number, case.verdict, name, data(case)))
        lines.append(line(at, overall(cases)[0], f"rdpmc {result.kind}", overall(cases)[1]))
    return "\n".join(lines) + "\n"
