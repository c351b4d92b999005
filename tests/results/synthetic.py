#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes result files that nobody measured, for tests: seeded, and marked as synthetic all over.

The noise is that of a real host in an ordinary week: 1 % between runs, 2 % of the samples far out,
and, between results, whatever @between says. Every file says context.synthetic = true, its host's
name begins with "synthetic" and so does its program's version.
"""

import argparse
import collections
import copy
import functools
import json
import multiprocessing
import os
import pathlib
import statistics
import sys
from datetime import datetime, timedelta, timezone

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = 100               # of a run
RUN_NOISE = 0.01            # standard deviation between runs
SAMPLE_NOISE = 0.02         # within a run
TAIL = 0.02                 # share of samples that are far out
TSC_KHZ = 2400000

COUNTERS = ("metrics", "gp-first", "gp-last", "fixed0", "fixed1", "fixed2", "fixed3")
ECX = {"metrics": "20000000", "gp-first": "00000000", "gp-last": "00000007"} | \
      {f"fixed{n}": f"4000000{n}" for n in range(4)}


def catalogue(count):
    """{name: ns}: @count rows as of a host with a PMU that has both settings."""
    rows = {"control/empty/cpl0": 0.3, "control/empty/cpl3": 0.3}
    for instruction, cost in ("rdtsc", 8.0), ("cpuid", 1150.0), ("port", 4200.0):
        rows |= {f"control/{instruction}/cpl{cpl}": cost + cpl for cpl in (0, 3)}
    for counter in COUNTERS:
        for cpl in (0, 3):
            rows[f"rdpmc/{counter}/intercepted/cpl{cpl}"] = 1310.0 + 7 * len(counter) + cpl
            rows[f"rdpmc/{counter}/passthrough/cpl{cpl}"] = 11.0 + len(counter) / 2 + cpl / 10
    for name, cost in list(rows.items()):
        if "/intercepted/" in name and len(rows) < count:
            rows[name.replace("rdpmc/", "rdpmc-fault/") + "-nopce" * name.endswith("3")] = cost * 1.9
    for n in range(count):
        if len(rows) < count:
            rows[f"rdpmc-fault/made-{n}/intercepted/cpl{n % 2 * 3}"] = 2400.0 + n
    return dict(list(rows.items())[:count])


def samples_of(rng, runs, between_runs=RUN_NOISE):
    """Factors by which samples are off, runs x SAMPLES."""
    off = 1 + rng.normal(0, between_runs, (runs, 1)) + rng.normal(0, SAMPLE_NOISE, (runs, SAMPLES))
    far = rng.random((runs, SAMPLES)) < TAIL
    return off * numpy.where(far, 1 + rng.pareto(1.5, (runs, SAMPLES)), 1)


def buckets(cycles):
    """Of each run. Log-linear, as the schema says: 16 to each power of two, below 32 each value its own."""
    low = numpy.maximum(cycles.astype(numpy.int64), 0)
    width = 1 << numpy.maximum(numpy.floor(numpy.log2(numpy.maximum(low, 1))).astype(int) - 4, 0)
    # By hand: of a hundred samples numpy would take longer to begin than to count, and tests make many.
    return [[[value, count] for value, count in sorted(collections.Counter(run).items())]
            for run in numpy.where(low < 32, low, low // width * width).tolist()]


def runs_of(samples, exits):
    """(values, details) as in the file; @samples in ns, runs x samples."""
    p90, p99, p999 = numpy.percentile(samples, (90, 99, 99.9), axis=1).tolist()
    middle = numpy.median(samples, axis=1)
    mad = numpy.median(abs(samples - middle[:, None]), axis=1).tolist()
    low, high, disturbed = samples.min(1), samples.max(1), (samples > 2 * middle[:, None]).sum(1)
    counted = buckets(samples * TSC_KHZ / 1e6)
    return middle.tolist(), [
        {"raw": float(middle[n]) + 0.3, "min": float(low[n]), "sample_median": float(middle[n]),
         "mad": mad[n], "p90": p90[n], "p99": p99[n], "p999": p999[n], "max": float(high[n]),
         "sample_overhead": 0.0, "exits_per_read": exits, "emulated_per_read": 0.0,
         "samples": samples.shape[1], "disturbed": int(disturbed[n]), "interrupts": 1,
         "histogram": {"unit": "cycles", "overflow": 0, "buckets": counted[n]}}
        for n in range(len(samples))]


def a_row(name, samples):
    """(row, details); @samples in ns, runs x samples."""
    setting = name.split("/")[2] if name.startswith("rdpmc") else "control"
    exits = 1.0 if setting == "intercepted" or "cpuid" in name or "port" in name else 0.0
    runs, details = runs_of(samples, exits)
    middle = statistics.median(runs)
    row = {"name": name, "setting": setting, "status": "measured", "reason": "", "unit": "ns",
           "median": middle, "mad": statistics.median(abs(run - middle) for run in runs),
           "p99": statistics.median(run["p99"] for run in details),
           "max": max(run["max"] for run in details), "cycles_median": middle * TSC_KHZ / 1e6,
           "exits_per_read": exits, "emulated_per_read": 0.0, "runs": runs}
    if setting != "control":
        row |= {"ecx": ECX.get(name.split("/")[1], "0000ffff"), "rule": "SYNTHETIC"}
        if name.startswith("rdpmc/"):
            row["value"] = "0x1"
    return row, details


@functools.cache
def template():
    """Context and options of a real result, made to say that this is none."""
    recorded = ROOT / "results/recorded/2026-11-22-pvm-no-pmu.json"
    of = json.loads(recorded.read_text())
    of["rows"], of["exit_costs"], of["details"] = [], [], {}
    of["context"] |= {"synthetic": True, "backend": "vmx", "nested": False,
                      "guest_tsc_khz": TSC_KHZ}
    of["context"]["cpu"] |= {"model_name": "Synthetic processor", "hypervisor": False}
    return of


def a_result(seed, *, host="synthetic", at=0, runs=10, rows=None, level=1.0, only=None, between=0.0,
             version="synthetic-1", kernel="6.12.1-synthetic", between_runs=RUN_NOISE,
             started=datetime(2026, 1, 5, 2, 0, tzinfo=timezone.utc), every=timedelta(days=1)):
    """The @at-th result of a history, as a dict. @rows: {name: ns}; those that match @only (all) are
    @level times as dear; @between: standard deviation of all of a row's runs together."""
    rng = numpy.random.default_rng((seed, at, *host.encode()))
    of = copy.deepcopy(template())
    of["started"] = (started + at * every).strftime("%Y-%m-%dT%H:%M:%SZ")
    of["program"]["version"] = version
    of["options"] |= {"runs": runs, "seed": str(seed)}
    of["context"]["hostname"] = host
    of["context"]["kernel"]["release"] = kernel
    for name, cost in (rows or catalogue(28)).items():
        changed = level if not only or only in name else 1
        row, of["details"][name] = a_row(name, cost * changed * (1 + rng.normal(0, between)) *
                                         samples_of(rng, runs, between_runs))
        of["rows"].append(row)
    of["rows"].append({"name": "rdpmc/metrics/native/cpl3", "setting": "native", "status": "skipped",
                       "reason": "synthetic: nobody looked at a host", "unit": "ns"})
    for what in "samples", "disturbed", "interrupts":
        of["context"]["noise"][what] = sum(run[what] for runs in of["details"].values()
                                           for run in runs)
    return of


def rounded(value):
    """With as many digits as rdpmc-bench writes."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def laid_out(value, level=0):
    """As JSON, in the lines that rdpmc-bench writes."""
    if level == 3 or not value or not isinstance(value, (dict, list)):
        return json.dumps(value)
    if isinstance(value, list):
        (begin, end), lines = "[]", [laid_out(each, level + 1) for each in value]
    else:
        (begin, end), lines = "{}", [f"{json.dumps(key)}: {laid_out(each, level + 1)}"
                                     for key, each in value.items()]
    between = "\n" + " " * level
    return begin + between + " " + f",{between} ".join(lines) + between + end


def write(path, of):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(laid_out(of) + "\n")


def make(job):
    path, arguments = job
    write(path, rounded(a_result(**arguments)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--points", type=int, default=100, help="results of each host")
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--rows", type=int, default=28)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--between", type=float, default=0.003, help="noise between results")
    parser.add_argument("--step", type=float, default=1.0, help="factor, from --step-at on")
    parser.add_argument("--step-at", type=int, default=0, help="point, on the first host alone")
    parser.add_argument("--drift", type=float, default=0.0, help="share a point, likewise")
    parser.add_argument("--only", help="step and drift only in rows that hold this")
    options = parser.parse_args()
    rows = catalogue(options.rows)
    jobs = []
    for host in range(options.hosts):
        name = f"synthetic-{host + 1}"
        for at in range(options.points):
            after = host == 0 and at >= options.step_at
            level = (options.step if after else 1) * (1 + options.drift * at * (host == 0))
            jobs.append((options.folder / name / f"{at:05}.json", {
                "seed": options.seed, "host": name, "at": at, "runs": options.runs, "rows": rows,
                "level": level, "only": options.only, "between": options.between,
                "version": "synthetic-2" if after and options.step != 1 else "synthetic-1",
                "kernel": f"6.12.{1 + at // 20}-synthetic"}))
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.imap_unordered(make, jobs, 16), 1):
            if sys.stderr.isatty():
                print(f"\r{done} of {len(jobs)}", end="", file=sys.stderr)


if __name__ == "__main__":
    main()
