# SPDX-License-Identifier: GPL-2.0-or-later
"""Bencher Metric Format: {benchmark: {measure: {value, lower_value, upper_value}}}, latency in ns, or
instructions of an emulated processor; of an exact row "exact instructions" and accesses to MSRs of one exit.
https://bencher.dev/docs/reference/bencher-metric-format/"""

import json


def metric(figure):
    bounds = {"lower_value": figure.lower, "upper_value": figure.upper}
    return {"value": figure.row.median} | {end: bound for end, bound in bounds.items()
                                           if bound is not None}


def measure(figure):
    return f"exact {figure.exact}" if figure.exact else "latency" if figure.unit == "ns" else figure.unit


def render(found, options):
    return json.dumps({name: {measure(figure): metric(figure)}
                       for name, figure in found.named().items()},
                      indent=1, ensure_ascii=False) + "\n"
