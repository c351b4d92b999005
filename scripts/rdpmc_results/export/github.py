# SPDX-License-Identifier: GPL-2.0-or-later
"""github-action-benchmark, tool customSmallerIsBetter: an array of name, unit, value, range, extra.
https://github.com/benchmark-action/github-action-benchmark, README and BenchmarkResult in
src/extract.ts"""

import json

from .found import context

# The action puts names into a Markdown table, in backticks.
MARKDOWN = str.maketrans("`|", "'/")


def extra(figure):
    row, unit = figure.row, figure.unit
    if figure.exact:
        return "\n".join(f"{what}: {value}" for what, value in
                         {**context(figure.result), "exact": "of one exit, on an emulated processor"}.items())
    interval = "unknown (fewer than 6 runs)" if figure.lower is None \
        else f"{figure.lower!r} to {figure.upper!r} {unit}"
    lines = context(figure.result) | {"95 % interval": interval, "runs": len(row.runs)}
    if row.exits is not None:
        lines["exits per read"] = row.exits
    if row.p99 is not None:
        lines |= {"p99": f"{row.p99!r} {unit}", "max": f"{row.max!r} {unit}"}
    return "\n".join(f"{what}: {value}" for what, value in lines.items())


def render(found, options):
    entries = [{"name": name.translate(MARKDOWN), "unit": figure.unit, "value": figure.row.median,
                "range": f"± {figure.row.mad!r}", "extra": extra(figure)}
               for name, figure in found.named().items()]
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
