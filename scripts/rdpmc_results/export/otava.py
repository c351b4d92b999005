# SPDX-License-Identifier: GPL-2.0-or-later
"""Apache Otava (once Hunter), tests of type csv: a time column, attributes, a column a metric.
https://github.com/apache/otava, docs/CSV.md; otava/importer.py, CsvImporter; otava/test_config.py

Otava cannot read an empty cell in a column that its configuration names. A row that some results
lack is in the CSV, its cells empty there, and not in the configuration."""

import json

from .. import output
from ..main import Failed
from ..text import say
from .found import context, series, started
from .spreadsheet import table

ATTRIBUTES = ("version", "kernel", "microcode", "host", "partial")


def configuration(file, metrics):
    """otava.yaml: every JSON string is one of YAML, too."""
    def quoted(text):
        return json.dumps(text, ensure_ascii=False)
    lines = ["tests:", "  rdpmc:", "    type: csv", f"    file: {quoted(file)}",
             "    time_column: time", f"    attributes: [{', '.join(ATTRIBUTES)}]",
             "    csv_options: {delimiter: ',', quote_char: '\"'}", "    metrics:"]
    for metric in metrics:
        lines += [f"      {quoted(metric)}:", f"        column: {quoted(metric)}",
                  "        direction: -1", "        scale: 1"]
    return "\n".join(lines) + "\n"


def render(found, options):
    results = found.timed()
    for result in results[1:]:
        if result.machine != results[0].machine:
            raise Failed(f"{results[0].path} and {result.path} are of two machines: "
                         "to Otava a file is one series of results")
    points = [(result, {figure.name: figure.row.median for figure in series(result)})
              for result in results]
    metrics = list(dict.fromkeys(name for _, medians in points for name in medians))
    if not metrics:
        raise Failed("no row was measured")
    whole = [name for name in metrics if all(name in medians for _, medians in points)]
    if len(whole) < len(metrics):
        say(f"{len(metrics) - len(whole)} of {len(metrics)} columns have empty cells, with which Otava "
            "cannot read them")
    if options.otava_config:
        output.write(options.otava_config, configuration(options.out, whole))
    return table([["time", *ATTRIBUTES, *metrics], *(
        [started(result, "%Y-%m-%d %H:%M:%S +0000"), *(context(result)[a] for a in ATTRIBUTES),
         *(medians.get(name) for name in metrics)] for result, medians in points)])
