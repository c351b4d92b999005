# SPDX-License-Identifier: GPL-2.0-or-later
"""CSV as RFC 4180 has it but with \\n, UTF-8: a line for each row of each result. A cell is empty
where nothing is known, and of each figure either that of time or that of instructions. Columns
exact_ are of one exit of an emulated machine, without statistics. Rows simulated-vpmu are here, too:
their times mean nothing.

A spreadsheet takes a text that begins with = + - @ for a formula. Such a text, and one that begins
with an apostrophe, gets an apostrophe before it, as spreadsheets themselves mark a text; whoever
reads the file with a program takes one off again. Figures are never touched."""

import csv
import io

from .. import exact
from ..conditions import said
from ..files import part
from ..history import exit_costs, setting
from ..statistics import median_interval
from ..text import plain
from .found import started

FORMULA = "=+-@＝＋－＠'"       # full-width as well: some locales take them for the same
FIGURES = "median", "mad", "lower", "upper", "p99", "max"
EXACT = *exact.COUNTS, *exact.FOOTPRINT
COLUMNS = ("path", "host", "cpu", "backend", "nested", "microcode", "kernel", "governor", "turbo",
           "smt", "version", "compiler", "flags", "started", "partial", "name", "setting", "status",
           "reason", *(f"{figure}_ns" for figure in FIGURES), "exits_per_read", "runs",
           *(f"{figure}_instructions" for figure in FIGURES), *(f"exact_{figure}" for figure in EXACT))


def cell(value):
    if isinstance(value, str):
        value = plain(value)
        return f"'{value}" if value.startswith(tuple(FORMULA)) else value
    return "" if value is None or value != value else repr(value)


def table(rows):
    """Lists of str, float, int or None as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def lines(result):
    host, cpu, backend = result.machine
    of = result.context
    known = (result.path, host, cpu, backend, said(of.get("nested")),
             said(part(of, "cpu").get("microcode")), said(part(of, "kernel").get("release")),
             said(of.get("governor")), said(of.get("turbo")), said(part(of, "smt").get("control")),
             result.version, result.compiler, result.flags, started(result), said(result.partial))
    none = (None,) * len(FIGURES)
    for row in result.rows + exit_costs(result.rows):
        lower, upper = median_interval(row.runs) if row.runs else (None, None)
        figures = row.median, row.mad, lower, upper, row.p99, row.max
        times, instructions = (figures, none) if result.unit == "ns" else (none, figures)
        yield *known, row.name, setting(row, result.options), row.status, row.reason, *times, \
            row.exits, len(row.runs), *instructions, *(row.path[figure] if row.path else None for figure in EXACT)


def render(found, options):
    return table([COLUMNS, *(line for result in found.bench() for line in lines(result))])
