# SPDX-License-Identifier: GPL-2.0-or-later
"""Prometheus' text format for the textfile collector of node_exporter: no timestamps, base units,
a classic histogram. Of each host its newest result that measured something: a gauge has one value.
https://prometheus.io/docs/instrumenting/exposition_formats/ ; .../practices/naming/

The name of the file must end in .prom for the collector to read it."""

from .. import exact
from ..conditions import disturbance, disturbed
from ..history import name_machines
from ..main import Failed
from ..text import plain
from .found import context, figures
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
    "rdpmc_result_rows": "Rows of the result by what became of them.",
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
}
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
    results = found.newest(details=True)
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
    lines = []
    for metric, text in GAUGES.items():
        if samples[metric]:
            lines += [f"# HELP {metric} {text}", f"# TYPE {metric} gauge", *samples[metric]]
    for base, samples_of in histograms.items():
        if samples_of:
            lines += [f"# HELP rdpmc_read_{base} {HISTOGRAM_HELP}",
                      f"# TYPE rdpmc_read_{base} histogram", *samples_of]
    return "\n".join(lines) + "\n"
