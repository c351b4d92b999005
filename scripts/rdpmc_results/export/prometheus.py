# SPDX-License-Identifier: GPL-2.0-or-later
"""Prometheus' text format for the textfile collector of node_exporter: no timestamps, base units,
a classic histogram. Of each host its newest result that measured something, of each campaign its newest
result: a gauge has one value.
https://prometheus.io/docs/instrumenting/exposition_formats/ ; .../practices/naming/

The name of the file must end in .prom for the collector to read it."""

from collections import Counter
from datetime import datetime, timezone

from .. import exact, files
from ..conditions import disturbance, disturbed
from ..history import name_machines
from ..main import Failed
from ..text import plain
from .found import context, figures, label
from .histogram import cycles_per_unit, greatest, merged, middle

# Upper bounds, s: from a read that passes through to one that an interrupt hit. A result's bucket
# that lies across a bound is above it: a count may lack that one bucket, which is 6 % wide.
BOUNDS = [float(f"{digit}e-{power}") for power in range(8, 3, -1) for digit in (1, 2, 5)]
INSTRUCTION_BOUNDS = [float(f"{digit}e{power}") for power in range(1, 6) for digit in (1, 2, 5)]

GAUGES = {
    "rdpmc_result_info": "The result of each host that is shown here; always 1.",
    "rdpmc_result_timestamp_seconds": "When the result's program began, since 1970.",
    "rdpmc_result_newest_timestamp_seconds":
        "The same of the host's newest result: later where that measured nothing and is not shown.",
    "rdpmc_result_partial": "1: a signal ended the program early, there is less than asked for.",
    "rdpmc_result_disturbed": "1: rdpmc-bench warned that other tasks or the clock disturbed the result.",
    "rdpmc_result_rows": "Benchmarks of the result by status: measured, skipped, failed.",
    "rdpmc_read_median_seconds": "A read: median of the runs, net of the empty loop.",
    "rdpmc_read_median_lower_seconds": "Lower end of the median's 95 % interval over runs.",
    "rdpmc_read_median_upper_seconds": "Upper end of the median's 95 % interval over runs.",
    "rdpmc_read_p99_seconds": "A read: median of the runs' 99th percentiles of samples.",
    "rdpmc_read_median_instructions": "The same of an emulated processor, which has no times.",
    "rdpmc_read_median_lower_instructions": "Lower end of that median's 95 % interval over runs.",
    "rdpmc_read_median_upper_instructions": "Upper end of that median's 95 % interval over runs.",
    "rdpmc_read_p99_instructions": "Median of the runs' 99th percentiles of samples, as above.",
    "rdpmc_exit_exact_instructions": "Instructions of one exit on an emulated processor: exact, no statistics.",
    "rdpmc_exit_exact_count": "What else that exit does, how often: exact.",
    "rdpmc_exit_exact_msr_accesses": "Of these its MSR accesses by register: exact.",
    "rdpmc_exit_exact_footprint": "Different cache lines of 64 bytes and pages of 4 KiB that exit touches: exact.",
    "rdpmc_exits_per_read": "Exits of the guest per read, the proof of the setting.",
    "rdpmc_campaign_timestamp_seconds": "When the campaign wrote the result that is shown, since 1970.",
    "rdpmc_campaign_executions": "Cases that all fuzzers of the campaign have run.",
    "rdpmc_campaign_findings": "Findings of an engine whose report is still in the campaign's findings/.",
    "rdpmc_campaign_new_findings": "Of these findings those first seen in the 24 hours before the result.",
    "rdpmc_campaign_alarms": "Alarms of the campaign: a fuzzer that dies, a full disk, cases that cannot be triaged.",
}
DAY = 86400
# By the unit of a result: the end of a metric's name, how many of the unit are 1 there, bounds.
SCALES = {"ns": ("seconds", 1e9, BOUNDS), "instructions": ("instructions", 1, INSTRUCTION_BOUNDS)}
HISTOGRAM_HELP = "Samples of reads as timed, nothing taken off; the sum is of buckets' middles."


def labels(pairs):
    def escaped(value):
        kept = "\n".join(map(plain, value.split("\n")))
        return kept.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return ",".join(f'{name}="{escaped(value)}"' for name, value in pairs.items())


def gauges(result, host, newest):
    """(metric, labels, value) of a result, in s; value None where it is unknown. @newest: when the
    host's newest one began."""
    known = context(result)
    yield "rdpmc_result_info", host | {"cpu_model": known["cpu"]} | {
        what: known[what] for what in ("backend", "kernel", "microcode", "version")}, 1
    yield "rdpmc_result_timestamp_seconds", host, result.started
    yield "rdpmc_result_newest_timestamp_seconds", host, newest
    yield "rdpmc_result_partial", host, int(result.partial)
    yield "rdpmc_result_disturbed", host, int(bool(disturbance(disturbed([result]))))
    for status in "measured", "skipped", "failed":
        yield "rdpmc_result_rows", host | {"status": status}, sum(
            row.status == status for row in result.rows)
    base, size, _ = SCALES[result.unit]
    for figure in figures(result):
        row = figure.row
        which = host | {"row": row.name, "setting": figure.setting}
        for kind, value in (("median", row.median), ("median_lower", figure.lower),
                            ("median_upper", figure.upper), ("p99", row.p99)):
            yield f"rdpmc_read_{kind}_{base}", which, None if value is None else value / size
        yield "rdpmc_exits_per_read", which, row.exits
        if row.path:
            yield from path_gauges(row.path, which)


def path_gauges(path, which):
    yield "rdpmc_exit_exact_instructions", which, path["instructions"]
    for figure, count in path.items():
        access, _, register = figure.partition(" ")
        if register:
            yield "rdpmc_exit_exact_msr_accesses", which | {"access": access, "msr": register}, count
        elif figure in exact.FOOTPRINT:
            yield "rdpmc_exit_exact_footprint", which | {"of": figure}, count
        elif figure in exact.COUNTS and figure != "instructions":
            yield "rdpmc_exit_exact_count", which | {"of": figure}, count


def seconds(moment):
    """Since 1970, of a campaign's UTC; None: it is none."""
    try:
        return int(datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp())
    except (TypeError, ValueError):
        return None


def newest_campaigns(results):
    """{labels as items: the newest result} of each campaign of a host."""
    found = {}
    for result in sorted((each for each in results if each.kind == "campaign"),
                         key=lambda each: seconds(each.summary.get("at")) or 0):
        directory = label(files.text(result.options.get("directory")) or "unnamed")
        found[("host", context(result)["host"]), ("campaign", directory)] = result
    return found


def campaign_gauges(result, which):
    """(metric, labels, value) of a campaign; an engine that ran and found nothing has 0 findings."""
    summary, at = result.summary, seconds(result.summary.get("at"))
    yield "rdpmc_campaign_timestamp_seconds", which, at
    executions, alarms, findings = (summary.get(key) for key in ("executions", "alarms", "findings"))
    yield "rdpmc_campaign_executions", which, executions if files.whole(executions) else None
    yield "rdpmc_campaign_alarms", which, len(alarms) if isinstance(alarms, list) else None
    findings = [each for each in findings if isinstance(each, dict)] if isinstance(findings, list) else []
    count, new = Counter(), Counter()
    for row in result.rows:
        if row.get("state") != "absent":
            count[label(files.text(row.get("engine")))] += 0
    for each in findings:
        engine, first = label(files.text(each.get("engine"))), seconds(each.get("first"))
        count[engine] += 1
        new[engine] += None not in (at, first) and at - first < DAY
    for engine in count:
        yield "rdpmc_campaign_findings", which | {"engine": engine}, count[engine]
        yield "rdpmc_campaign_new_findings", which | {"engine": engine}, new[engine]


def histogram(row, which, result):
    """Lines of a row's samples."""
    base, size, bounds = SCALES[result.unit]
    hz = cycles_per_unit(result) * size
    name = f"rdpmc_read_{base}"
    buckets = merged(row)
    for bound in bounds:
        count = sum(count for low, count in buckets if greatest(low) <= bound * hz)
        yield f'{name}_bucket{{{labels(which | {"le": repr(bound)})}}} {count}'
    total = sum(count for _, count in buckets)
    yield f'{name}_bucket{{{labels(which | {"le": "+Inf"})}}} {total}'
    yield f"{name}_sum{{{labels(which)}}} " \
          f"{sum(middle(low) * count for low, count in buckets) / hz!r}"
    yield f"{name}_count{{{labels(which)}}} {total}"


def render(found, options):
    campaigns = newest_campaigns(found.results)
    found.kinds = ("bench", "campaign")
    # Without either it is for newest() to report that.
    results = found.newest(details=True) if not campaigns or any(
        result.kind == "bench" for result in found.results) else []
    # Of all, by time: the last one stays.
    newest = {result.machine: result.started for result in found.results if result.kind == "bench"}
    names = name_machines([result.machine for result in results])
    if len({labels({"host": name}) for name in names.values()}) < len(names):
        raise Failed("two machines cannot be told apart by their names")
    samples = {metric: [] for metric in GAUGES}
    histograms = {base: [] for base, _, _ in SCALES.values()}
    for result in sorted(results, key=lambda result: names[result.machine]):
        host = {"host": names[result.machine]}
        for metric, which, value in gauges(result, host, newest[result.machine]):
            if value is not None:
                samples[metric].append(f"{metric}{{{labels(which)}}} {value!r}")
        for figure in figures(result):
            if figure.row.details:
                which = host | {"row": figure.row.name, "setting": figure.setting}
                histograms[SCALES[result.unit][0]] += histogram(figure.row, which, result)
    for which, result in campaigns.items():
        for metric, of, value in campaign_gauges(result, dict(which)):
            if value is not None:
                samples[metric].append(f"{metric}{{{labels(of)}}} {value!r}")
    lines = []
    for metric, text in GAUGES.items():
        if samples[metric]:
            lines += [f"# HELP {metric} {text}", f"# TYPE {metric} gauge", *samples[metric]]
    for base, samples_of in histograms.items():
        if samples_of:
            lines += [f"# HELP rdpmc_read_{base} {HISTOGRAM_HELP}",
                      f"# TYPE rdpmc_read_{base} histogram", *samples_of]
    return "\n".join(lines) + "\n"
