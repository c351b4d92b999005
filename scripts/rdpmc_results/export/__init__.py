# SPDX-License-Identifier: GPL-2.0-or-later
"""Results in the formats of other tools: scripts/results export. A module for each format, of which
render(found, options) is all that is called; a text from a result is data in every one of them."""

import argparse
import importlib
import os

from .. import files, output
from ..main import Failed, name_skipped, nothing
from ..text import NAME
from .found import read

# The names by which people know the formats; the module; what it is, in a line of --help.
FORMATS = {
    "github-action-benchmark": ("github", "customSmallerIsBetter, JSON"),
    "bencher": ("bencher", "Bencher Metric Format, JSON"),
    "otava": ("otava", "CSV of a machine's history, a column per benchmark"),
    "lnt": ("lnt", "LNT report, format 2, ns"),
    "hgrm": ("hgrm", "HdrHistogram's percentiles of one benchmark, ns"),
    "prometheus": ("prometheus", "textfile collector of node_exporter, s"),
    "junit": ("junit", "JUnit XML: what passed, failed or was skipped"),
    "ktap": ("ktap", "the same as KTAP version 1"),
    "csv": ("spreadsheet", "all figures, a line per benchmark and result"),
}


def add(commands):
    parser = commands.add_parser(
        "export", help="results in the formats of other tools", allow_abbrev=False,
        usage=f"{NAME} export --format FORMAT [OPTION...] PATH...",
        description="Writes results in the format of another tool. All but otava, junit, ktap "
                    "and csv\nhold no time, and take each host's newest result that measured "
                    "something.\n"
                    "Figures of an emulated processor are instructions, or exact, and named so.\n"
                    f"PATH: {files.PATH_HELP}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Formats:\n" + "\n".join(f"  {name:25}{what}"
                                        for name, (_, what) in FORMATS.items()))
    parser.add_argument("paths", nargs="+", metavar="PATH", help=argparse.SUPPRESS)
    parser.add_argument("--format", required=True, choices=FORMATS, metavar="FORMAT",
                        help="one of those below")
    parser.add_argument("--out", default="-", metavar="FILE", help="default: standard output")
    parser.add_argument("--row", metavar="ROW", help="hgrm: which benchmark, where more were measured")
    parser.add_argument("--otava-config", metavar="FILE", help="otava: write its otava.yaml, too")
    parser.set_defaults(run=run)


def check(options):
    """Refuses options that do not belong together."""
    if options.row is not None and options.format != "hgrm":
        raise Failed("--row is for --format hgrm")
    if options.otava_config is not None and (options.format != "otava" or options.out == "-"):
        raise Failed("--otava-config is for --format otava with --out FILE, which it names")


def check_written(options, results):
    """Refuses to write over a result."""
    for written in options.out, options.otava_config:
        if written and os.path.exists(written) and any(
                os.path.samefile(written, result.path) for result in results):
            raise Failed(f"{written} is a result that is to be read")


def run(options):
    check(options)
    writer = importlib.import_module(f".{FORMATS[options.format][0]}", __package__)
    found = read(options.paths)
    check_written(options, found.results)
    if not found.results:
        nothing("there is no result to export", found.skipped)
    try:
        exported = writer.render(found, options)
    finally:
        status = name_skipped(found.skipped)
    output.write(options.out, exported)
    return status
