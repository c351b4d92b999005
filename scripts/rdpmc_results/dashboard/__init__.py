# SPDX-License-Identifier: GPL-2.0-or-later
"""One HTML file of a folder of results: what fuzzing found, what is slower, since when; all else below.

  data      what goes into the page      verdict   what it says first
  series    figures, packed              tails     percentiles of the newest results
  exact     exit paths and profiles      trials    the fuzzing side
  page      the file, of page.html, page.css and *.js
  npm       fetches uPlot, the charts, and d3-hierarchy, the layout of flame graphs
"""

import os
import time

from .. import files, history, output
from ..main import Failed, name_skipped, nothing, progress
from ..text import BENCH, counted, plain

OUT = "build/dashboard.html"


def run(options):
    from . import data, npm, page
    try:
        uplot = npm.uplot()
    except npm.Missing as why:
        raise Failed(str(why)) from None
    of = history.read(options.paths, progress)
    if not of.points and not of.others:
        nothing(f"no results in {' '.join(options.paths)}", of.skipped, f"; `{BENCH}` makes one")
    if options.out == OUT:
        os.makedirs(os.path.dirname(OUT), exist_ok=True)    # outside of a tree that is built
    beside = None if options.out == "-" else os.path.dirname(os.path.abspath(options.out))
    collected = data.collect(of, options.title, int(time.time()), beside)
    status = name_skipped(of.skipped)
    try:
        hierarchy = npm.hierarchy() if any(collected["profiles"]) else None
    except npm.Missing as why:
        raise Failed(str(why)) from None
    output.write(options.out, page.page(collected, uplot, hierarchy))
    print(f"{plain(options.out)}: {counted(len(of.points), 'result')} of "
          f"{counted(len(of.hosts), 'host')}"
          + (f", {counted(len(of.others), 'result')} of fuzzing" if of.others else ""))
    return status


def add(commands):
    made = commands.add_parser(
        "dashboard", help="one HTML file of a folder of results", allow_abbrev=False,
        description="Makes one HTML file that needs nothing else and loads nothing: what fuzzing found, "
                    "what is slower and since when, what an exit costs, the history of each benchmark, "
                    "percentiles, what was skipped. Charts are uPlot's, the layout of flame "
                    "graphs d3-hierarchy's, both fetched once by npm.")
    made.add_argument("paths", nargs="+", metavar="PATH", help=files.PATH_HELP)
    made.add_argument("--out", default=OUT, metavar="FILE", help=f"where to write it ({OUT})")
    made.add_argument("--title", default="RDPMC under KVM",
                      help="heading of the page (%(default)s)")
    made.set_defaults(run=run)
