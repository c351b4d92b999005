# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/results export: each format by its own rules or its own tool, each figure as in the
source, and no text from a result that is anything but a text."""

import contextlib
import copy
import csv
import io
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import sys
import threading
import unicodedata
import urllib.request
from datetime import datetime, timezone
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/results")]

import synthetic  # noqa: E402
import tools  # noqa: E402
from rdpmc_results import main  # noqa: E402

TIMES = ["github-action-benchmark", "bencher", "otava", "lnt", "prometheus"]
ALL = TIMES + ["hgrm", "junit", "ktap", "csv"]
INTERCEPTED = "rdpmc/metrics/intercepted/cpl3"
CPU = "Synthetic processor (6/207/2)"
HOSTILE = 'a"b\\c\n<script>x</script>]]>&\x00\x1b[31m\r\t#|`,;\u2028\ufffe😀\ud800é' \
    '\n# SKIP no\nok 9 x'


@pytest.fixture(autouse=True)
def only_export(monkeypatch):
    """These tests are of one command, whatever the state of the others."""
    monkeypatch.setattr(main, "COMMANDS", ("export",))
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def results(*arguments):
    """(status, standard output, standard error) of `results export ARGUMENTS`, in this process."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    before, sys.argv = sys.argv, ["results", "export", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main.main()
            except SystemExit as end:
                status = end.code
    finally:
        sys.argv = before
    return status, out.buffer.getvalue().decode("utf-8"), err.getvalue()


def export(form, *paths):
    """What is written where all is well."""
    row = ["--row", INTERCEPTED] if form == "hgrm" else []
    status, out, err = results("--format", form, *row, *paths)
    assert (status, err) == (0, "")
    return out


BASE = synthetic.a_result(1, host="synthetic-a")
SLOW = "control/cpuid-slow/cpl0"
BASE["rows"].append({**copy.deepcopy(BASE["rows"][0]), "name": SLOW, "status": "failed",
                     "reason": "no exits, " * 60 + "none at all"})
BASE["details"][SLOW] = BASE["details"][BASE["rows"][0]["name"]]


def changed(**changes):
    """A copy of BASE; keys of changes are paths with __."""
    of = copy.deepcopy(BASE)
    for path, value in changes.items():
        *way, last = path.split("__")
        inner = of
        for key in way:
            inner = inner[key]
        inner[last] = value
    return of


@pytest.fixture
def make(tmp_path):
    """make(result, name="a.json"): a file in the folder of this test."""
    def write(of, name="a.json"):
        synthetic.write(tmp_path / name, of)
        return tmp_path / name
    return write


@pytest.fixture
def base(make):
    return make(BASE)


def measured(of):
    return [row for row in of["rows"] if row["status"] == "measured"]


def medians(of):
    """{(row, setting): its runs}, costs of exits included, from the source alone."""
    found = {(row["name"], row["setting"]): row["runs"] for row in measured(of)}
    for (name, how), runs in list(found.items()):
        free = found.get((name.replace("intercepted", "passthrough"), "passthrough"))
        if how == "intercepted" and name.startswith("rdpmc/") and free:
            _, counter, _, cpl = name.split("/")
            found[f"exit-cost/{counter}/{cpl}", "exit-cost"] = [
                dear - cheap for dear, cheap in zip(runs, free)]
    return found


def middle(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def series(of):
    """{name of a series: its runs}."""
    return {f"{name} [{how}, {CPU}]": runs for (name, how), runs in medians(of).items()}


def one_line(text):
    """Nothing in it that could begin a line or move a cursor."""
    return not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)


# github-action-benchmark: its README on custom benchmarks, and BenchmarkResult in src/extract.ts.

def test_github(base):
    entries = json.loads(export("github-action-benchmark", base))
    want = series(BASE)
    assert {entry["name"]: entry["value"] for entry in entries} == {
        name: middle(runs) for name, runs in want.items()}
    for entry in entries:
        assert set(entry) == {"name", "unit", "value", "range", "extra"} and entry["unit"] == "ns"
        runs = want[entry["name"]]
        assert entry["range"] == f"± {middle([abs(run - middle(runs)) for run in runs])!r}"
        for line in ("host: synthetic-a", "kernel: 6.12.1-synthetic", "version: synthetic-1",
                     f"95 % interval: {sorted(runs)[1]!r} to {sorted(runs)[-2]!r} ns", "runs: 10",
                     "partial: no"):
            assert line in entry["extra"].split("\n")
    assert any("exits per read: 1.0" in entry["extra"] for entry in entries)


# Bencher Metric Format: the JSON schema in bencher.dev/docs/reference/bencher-metric-format.

BMF = {"type": "object", "minProperties": 1, "propertyNames": {"minLength": 1, "maxLength": 1024},
       "additionalProperties": {"type": "object", "minProperties": 1, "additionalProperties": {
           "type": "object", "required": ["value"], "additionalProperties": False,
           "properties": dict.fromkeys(("value", "lower_value", "upper_value"),
                                       {"type": "number"})}}}


@pytest.mark.parametrize("runs", [10, 5])
def test_bencher(make, runs):
    of = changed()
    for row in measured(of):
        row["runs"] = row["runs"][:runs]
        row["median"] = middle(row["runs"])
    metrics = json.loads(export("bencher", make(of)))
    jsonschema.validate(metrics, BMF)
    # With 10 runs the second from either end; with 5 not even the ends reach 95 %.
    assert metrics == {name: {"latency": {"value": middle(each)} | (
        {"lower_value": sorted(each)[1], "upper_value": sorted(each)[-2]} if runs == 10 else {})}
        for name, each in series(of).items()}


# LNT: llvm.org/docs/lnt/importing_data.html, the report file format and the suite nts.

def test_lnt(base):
    report = json.loads(export("lnt", base))
    assert set(report) == {"format_version", "machine", "run", "tests"}
    assert report["format_version"] == "2"
    assert report["machine"]["name"] == "synthetic-a"
    for end in "start_time", "end_time":
        assert datetime.strptime(report["run"][end], "%Y-%m-%dT%H:%M:%S") == datetime(2026, 1, 5, 2)
    # LNT orders by the numbers that are in it (lnt/server, convert_revision).
    assert re.findall(r"\d+", report["run"]["llvm_project_revision"]) == ["20260105020000"]
    assert {test["name"]: test["execution_time"] for test in report["tests"]} == series(BASE)
    assert report["run"]["unit"] == "ns" and report["run"]["version"] == "synthetic-1"


# Otava: docs/CSV.md; what CsvImporter.fetch_data() and create_csv_test_config() do, in our words.

def otava(config, text):
    """{metric: floats}, [datetime] as Otava would read them."""
    test, = yaml.safe_load(config)["tests"].values()
    assert test["type"] == "csv" and isinstance(test["attributes"], list)
    lines = list(csv.reader(io.StringIO(text), delimiter=test["csv_options"]["delimiter"],
                            quotechar=test["csv_options"]["quote_char"]))
    header, lines = lines[0], lines[1:]
    assert all(len(line) == len(header) for line in lines) and "branch" not in header
    assert all(header.index(attribute) for attribute in test["attributes"])
    assert all(metric["direction"] == -1 and metric["scale"] == 1
               for metric in test["metrics"].values())
    at = header.index(test["time_column"])
    return {name: [float(line[header.index(metric["column"])]) for line in lines]
            for name, metric in test["metrics"].items()}, [
        datetime.strptime(line[at], "%Y-%m-%d %H:%M:%S %z") for line in lines], test["file"]


def test_otava(make, tmp_path):
    history = [synthetic.a_result(1, at=at, rows=synthetic.catalogue(24)) for at in (2, 0, 1)]
    lost = history[0]["rows"].pop(0)["name"]
    for at, of in enumerate(history):
        make(of, f"in/{at}.json")
    status, out, err = results("--format", "otava", "--out", tmp_path / "o.csv", "--otava-config",
                               tmp_path / "o.yaml", tmp_path / "in")
    assert (status, out) == (0, "") and "1 of 32 columns have empty cells" in err
    text = (tmp_path / "o.csv").read_text()
    values, times, file = otava((tmp_path / "o.yaml").read_text(), text)
    assert file == str(tmp_path / "o.csv")
    ordered = [history[1], history[2], history[0]]
    assert times == [datetime(2026, 1, day, 2, tzinfo=timezone.utc) for day in (5, 6, 7)]
    want = [series(of) for of in ordered]
    assert values == {name: [middle(of[name]) for of in want] for name in want[2]}
    column = [line[lost + f" [control, {CPU}]"] for line in csv.DictReader(io.StringIO(text))]
    assert column[2] == "" and all(column[:2])
    make(synthetic.a_result(1, host="other"), "in/9.json")
    status, out, err = results("--format", "otava", tmp_path / "in")
    assert (status, out) == (2, "") and "two machines" in err


# HdrHistogram: its own text, from its port to JavaScript.

PORT = """
const { default: Histogram } = require(process.argv[1] + "/dist/Float64Histogram.js");
const given = JSON.parse(require("fs").readFileSync(0));
const histogram = new Histogram(1, 2 ** 41 - 1, 1);
for (const [value, count] of given.samples) histogram.recordValueWithCount(value, count);
process.stdout.write(histogram.outputPercentileDistribution(5, given.ratio));
"""


def samples(of, name):
    """(greatest value of a bucket, count) of all runs of a row; overflow is 2^40 and its bucket."""
    for run in of["details"][name]:
        yield (1 << 40) + (1 << 36) - 1, run["histogram"]["overflow"]
        for low, count in run["histogram"]["buckets"]:
            yield low + 2 ** max(0, low.bit_length() - 5) - 1, count


def overflowing():
    of = changed(context__guest_tsc_khz=2299998)
    of["details"][INTERCEPTED][3]["histogram"]["overflow"] = 7
    return of


@pytest.mark.parametrize("of", [BASE, overflowing()], ids=["plain", "overflow"])
@pytest.mark.parametrize("row", [INTERCEPTED, "control/empty/cpl0"])
def test_hgrm_is_what_hdrhistogram_prints(make, of, row):
    try:
        port = tools.npm("hdr-histogram-js", "3.0.1")
        tools.call(["node", "--version"], ".")
    except tools.Unavailable as reason:
        pytest.skip(str(reason))
    given = {"samples": [pair for pair in samples(of, row) if pair[1]],
             "ratio": of["context"]["guest_tsc_khz"] / 1e6}
    theirs = subprocess.run(["node", "-e", PORT, str(port)], input=json.dumps(given), text=True,
                            capture_output=True, check=True, timeout=60).stdout
    status, ours, err = results("--format", "hgrm", "--row", row, make(of))
    assert (status, err) == (0, "")
    # What follows is for people; all that reads the format passes over lines that begin with #.
    assert "#[Buckets" in theirs and ours.startswith(theirs.rstrip("\n") + "\n# row: " + row)
    assert all(line.startswith("# ") for line in ours[len(theirs.rstrip("\n")) + 1:].splitlines())


def test_hgrm_by_its_columns(make):
    of = overflowing()
    lines = export("hgrm", make(of)).splitlines()
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    table = [list(map(float, line.split())) for line in lines[2:] if not line.startswith("#")]
    every = sorted(value for value, count in samples(of, INTERCEPTED) for _ in range(count))
    assert table[-1] == [round(every[-1] / 2.299998, 1), 1, len(every)] and len(every) == 1007
    for value, percentile, seen, *inverse in table[:-1]:
        at = max(0, -(-round(percentile * len(every), 6) // 1) - 1)
        assert value == pytest.approx(every[int(at)] / 2.299998, abs=0.051)
        assert inverse == [pytest.approx(1 / (1 - percentile), abs=0.0051, rel=1e-6)]
        assert seen >= percentile * len(every) - 1e-6
    assert "# overflow: 7 samples of 2^40 cycles or more, counted as the least" in lines


def test_hgrm_asks_which_row(make, base):
    status, out, err = results("--format", "hgrm", base)
    assert (status, out, err.count("\n")) == (2, "", 1) and "--row" in err and INTERCEPTED in err
    for row in "rdpmc/metrics/native/cpl3", "control/cpuid-slow/cpl0", "nothing":
        assert results("--format", "hgrm", "--row", row, base)[0] == 2
    alone = changed(rows=[next(row for row in BASE["rows"] if row["name"] == INTERCEPTED)])
    assert results("--format", "hgrm", make(alone))[0] == 0
    status, out, err = results("--format", "hgrm", make(changed(context__guest_tsc_khz=0)),
                               "--row", INTERCEPTED)
    assert status == 2 and "guest_tsc_khz" in err


# Prometheus: its text format, promtool, and a node_exporter that reads the file.

SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def exposed(text):
    """{(metric, labels): value} of a text that follows the format."""
    found, types = {}, {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("#"):
            _, what, name, rest = line.split(" ", 3)
            if what == "TYPE":
                assert name not in types        # all lines of a metric stand together
                types[name] = rest
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name = re.sub("_(bucket|sum|count)$", "", match[1]) \
            if "histogram" in types.values() and match[1] not in types else match[1]
        assert name == list(types)[-1]
        labels = tuple(sorted((key, re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), value))
                              for key, value in LABEL.findall(match[2] or "")))
        assert (match[1], labels) not in found
        found[match[1], labels] = float(match[3])
    return found


def test_prometheus(make, tmp_path):
    of = overflowing()
    older = make(changed(started="2025-12-31T00:00:00Z", program__version="old"), "z-older.json")
    status, text, err = results("--format", "prometheus", make(of), older)
    assert status == 0 and err.startswith("results: left out 1 result: ")
    found = exposed(text)
    hz = 2299998e3

    def value(metric, **labels):
        return found.pop((metric, tuple(sorted(labels.items()))))

    host = {"host": "synthetic-a"}
    assert value("rdpmc_result_info", **host, cpu_model=CPU, backend="vmx", microcode="0x1",
                 kernel="6.12.1-synthetic", version="synthetic-1") == 1
    for which in "", "newest_":
        assert value(f"rdpmc_result_{which}timestamp_seconds", **host) == datetime(
            2026, 1, 5, 2, tzinfo=timezone.utc).timestamp()
    assert value("rdpmc_result_partial", **host) == 0
    assert value("rdpmc_result_disturbed", **host) == 0
    for status, count in ("measured", 28), ("skipped", 1), ("failed", 1):
        assert value("rdpmc_result_rows", **host, status=status) == count
    rows = {row["name"]: row for row in of["rows"]}
    for (row, how), runs in medians(of).items():
        which = host | {"row": row, "setting": how}
        assert value("rdpmc_read_median_seconds", **which) == middle(runs) / 1e9
        assert value("rdpmc_read_median_lower_seconds", **which) == sorted(runs)[1] / 1e9
        assert value("rdpmc_read_median_upper_seconds", **which) == sorted(runs)[-2] / 1e9
        if how == "exit-cost":
            continue
        assert value("rdpmc_read_p99_seconds", **which) == rows[row]["p99"] / 1e9
        assert value("rdpmc_exits_per_read", **which) == rows[row]["exits_per_read"]
        every = [greatest for greatest, count in samples(of, row) for _ in range(count)]
        assert value("rdpmc_read_seconds_count", **which) == len(every)
        total = value("rdpmc_read_seconds_sum", **which)
        assert sum(every) * 0.93 / hz < total <= sum(every) / hz
        bounds = sorted((float(dict(labels)["le"]), dict(labels)["le"]) for metric, labels in found
                        if metric == "rdpmc_read_seconds_bucket" and dict(labels)["row"] == row)
        assert bounds[0][0] <= 2e-8 and bounds[-2][0] >= 1e-4 and len(bounds) <= 20
        for bound, le in bounds:
            assert value("rdpmc_read_seconds_bucket", **which, le=le) == sum(
                each <= bound * hz for each in every)
        assert bounds[-1] == (float("inf"), "+Inf")
    assert not found        # nothing but what was asked for, and of the older result nothing


def test_prometheus_says_that_a_result_is_disturbed(make):
    for share, told in (0.5, 1), (0.999, 0), (None, 0):
        text = export("prometheus", make(changed(context__noise__cpu_share=share)))
        assert exposed(text)["rdpmc_result_disturbed", (("host", "synthetic-a"),)] == told


@pytest.fixture
def two_hosts(make):
    return make(BASE), make(changed(context__hostname=HOSTILE, program__version=HOSTILE), "b.json")


def test_promtool_has_no_complaint(two_hosts):
    try:
        promtool = tools.debian("prometheus", "promtool")
    except tools.Unavailable as reason:
        pytest.skip(str(reason))
    said = subprocess.run([promtool, "check", "metrics"], input=export("prometheus", *two_hosts),
                          text=True, capture_output=True, timeout=60)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_node_exporter_shows_every_value(two_hosts, tmp_path):
    try:
        program = tools.debian("prometheus-node-exporter", "prometheus-node-exporter")
    except tools.Unavailable as reason:
        pytest.skip(str(reason))
    folder = tmp_path / "textfiles"
    folder.mkdir()
    written = folder / "rdpmc.prom"
    assert results("--format", "prometheus", "--out", written, *two_hosts)[0] == 0
    with subprocess.Popen(
            [program, "--collector.disable-defaults", "--collector.textfile",
             f"--collector.textfile.directory={folder}", "--web.disable-exporter-metrics",
             "--web.listen-address=127.0.0.1:0", "--log.format=json"],
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as exporter:
        too_long = threading.Timer(30, exporter.kill)
        too_long.start()
        try:
            # It says which port the kernel gave it; the pipe ends if it dies.
            address = next(told["address"] for told in map(json.loads, exporter.stderr)
                           if told.get("msg", "").startswith("Listening on"))
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as page:
                shown = page.read().decode()
        finally:
            too_long.cancel()
            exporter.terminate()
    shown = exposed(shown)
    assert shown.pop(("node_textfile_scrape_error", ())) == 0
    mine = {key: value for key, value in shown.items() if key[0].startswith("rdpmc_")}
    assert mine == exposed(written.read_text()) and len(mine) > 1000
    hosts = {dict(labels)["host"] for _, labels in mine}
    assert len(hosts) == 2 and any("\n" in host and '"' in host and "\\" in host for host in hosts)


# JUnit: what the schema of Jenkins' xUnit plugin (junit-10.xsd) allows and we use; properties first
# and at most one outcome, as Ant's demands.

CONTENT = {"testsuites": {"testsuite"}, "testsuite": {"properties", "testcase"},
           "properties": {"property"}, "property": set(), "failure": set(), "skipped": set(),
           "testcase": {"failure", "skipped", "system-out"}, "system-out": set()}
MUST = {"testsuite": {"name", "tests", "failures", "errors"}, "testcase": {"name", "classname"},
        "property": {"name", "value"}}
MAY = {"testsuite": {"id", "hostname", "timestamp", "skipped"}, "testcase": {"time"},
       "failure": {"type", "message"}, "skipped": {"message"}}


def junit(text):
    """[(suite's attributes and properties, {(group, name): (verdict, message, figures)})]."""
    root = ElementTree.fromstring(text.encode())
    for element in root.iter():
        assert {child.tag for child in element} <= CONTENT[element.tag]
        assert MUST.get(element.tag, set()) <= set(element.attrib) <= (
            MUST.get(element.tag, set()) | MAY.get(element.tag, set()))
    suites = []
    for suite in root:
        properties, *cases = suite
        assert properties.tag == "properties"
        datetime.strptime(suite.get("timestamp"), "%Y-%m-%dT%H:%M:%S")
        found = {}
        for case in cases:
            outcome = [child for child in case if child.tag != "system-out"]
            assert len(outcome) <= 1 and case.get("classname") and case.get("name")
            assert re.fullmatch(r"(\d+(\.\d*)?)?", case.get("time", ""))
            verdict = outcome[0].tag if outcome else "passed"
            key = case.get("classname"), case.get("name")
            assert key not in found
            found[key] = (verdict, outcome[0].get("message") if outcome else "",
                          dict(line.split() for line in (case.findtext("system-out") or "").split(
                              "\n") if line))
        counts = [sum(verdict == what for verdict, _, _ in found.values())
                  for what in ("failure", "skipped")]
        assert [int(suite.get(key)) for key in ("tests", "errors", "failures", "skipped")] == [
            len(cases), 0, *counts]
        suites.append(({**suite.attrib, **{p.get("name"): p.get("value") for p in properties}},
                       found))
    return suites


def test_junit(base):
    (known, cases), = junit(export("junit", base))
    assert known["host"] == known["hostname"] == "synthetic-a" and known["version"] == "synthetic-1"
    assert len(cases) == len(BASE["rows"])
    for row in BASE["rows"]:
        verdict, message, figures = cases[f"rdpmc.bench.{row['setting']}", row["name"]]
        assert verdict == {"measured": "passed", "skipped": "skipped",
                           "failed": "failure"}[row["status"]]
        assert message == row["reason"]
        if "runs" in row:
            assert {key: float(value) for key, value in figures.items()} == {
                "median_ns": row["median"], "mad_ns": row["mad"], "p99_ns": row["p99"],
                "max_ns": row["max"], "runs": 10, "exits_per_read": row["exits_per_read"]}


# KTAP: docs.kernel.org/dev-tools/ktap.html, in our words; its directives, and its order of lines.

RESULT = re.compile(r"(ok|not ok) (\d+) ([^#]*[^# ])"
                    r"(?: # (?:(SKIP|TODO|XFAIL|TIMEOUT|ERROR)\b ?)?(.*))?")


def ktap(text):
    """[(verdict, name, [(verdict, name, what is said)])]."""
    assert text.endswith("\n") and all(map(one_line, text[:-1].split("\n")))
    lines = text.splitlines()
    assert lines[0] == "KTAP version 1"
    plan = int(re.fullmatch(r"1\.\.(\d+)", lines[1])[1])
    tests, inner, wanted = [], None, 0
    for line in lines[2:]:
        if line == "  KTAP version 1":
            assert inner is None
            inner = []
        elif line.startswith("  1.."):
            assert inner == []
            wanted = int(line[5:])
        elif line.startswith("  #"):
            assert inner is not None
        else:
            nested = line.startswith("  ")
            match = RESULT.fullmatch(line[2 * nested:])
            assert match and match[4] in (None, "SKIP"), line
            into = inner if nested else tests
            assert int(match[2]) == len(into) + 1
            verdict = "skipped" if match[4] else {"ok": "passed", "not ok": "failed"}[match[1]]
            if nested:
                inner.append((verdict, match[3], match[5] or ""))
            else:
                assert len(inner) == wanted
                assert (verdict == "failed") == any(each[0] == "failed" for each in inner)
                tests.append((verdict, match[3], inner))
                inner = None
    assert len(tests) == plan and inner is None
    return tests


def test_ktap(make, base):
    (verdict, name, cases), = ktap(export("ktap", base))
    assert (verdict, name) == ("failed", "rdpmc bench")
    assert [(how, name) for how, name, _ in cases] == [
        ({"measured": "passed"}.get(row["status"], row["status"]),
         f"{row['name']} ({row['setting']})") for row in BASE["rows"]]
    for row, (how, _, said) in zip(BASE["rows"], cases):
        assert row["reason"] in said
        if how == "passed":
            assert f"median_ns={row['median']!r} " in said
    skipped = changed(rows=[row for row in BASE["rows"] if row["status"] == "skipped"])
    assert ktap(export("ktap", make(skipped, "b.json")))[0][0] == "skipped"


def test_ktap_as_perl_reads_tap(base):
    program = "use TAP::Parser; my $p = TAP::Parser->new({tap => join '', <STDIN>}); $p->run; " \
        "print join ' ', scalar $p->passed, scalar $p->failed, scalar $p->skipped, " \
        "$p->tests_run, $p->parse_errors"
    text = export("ktap", base)
    inner = "".join(f"{line[2:]}\n" for line in text.splitlines() if line.startswith("  "))
    inner = inner.replace("KTAP version 1", "TAP version 13")
    said = subprocess.run(["perl", "-e", program], input=inner, capture_output=True, text=True,
                          timeout=60)
    if "Can't locate TAP/Parser.pm" in said.stderr:
        pytest.skip("this Perl has no TAP::Parser")
    assert said.stdout.split() == ["29", "1", "1", "30"]


# CSV: RFC 4180 but for the ends of lines, as export/spreadsheet.py says.

def unguarded(text):
    return text[1:] if text.startswith("'") else text


def test_csv(make, tmp_path):
    of = changed(program__flags="-O2", context__hostname="=HYPERLINK(1)",
                 context__governor="'quoted")
    row = of["rows"][0]
    row["median"], row["runs"] = -row["median"], [-run for run in row["runs"]]
    lines = list(csv.DictReader(io.StringIO(export("csv", make(of)), newline="")))
    want = medians(of)
    assert [(line["name"], line["setting"]) for line in lines] == [
        (row["name"], row["setting"]) for row in of["rows"]] + [
        key for key in want if key[1] == "exit-cost"]
    for line, row in zip(lines, of["rows"]):
        assert (line["status"], line["reason"]) == (row["status"], row["reason"])
        for column, key in (("median_ns", "median"), ("mad_ns", "mad"), ("p99_ns", "p99"),
                            ("max_ns", "max"), ("exits_per_read", "exits_per_read")):
            assert line[column] == (repr(row[key]) if key in row else "")
        assert line["runs"] == str(len(row.get("runs", [])))
    for line in lines:
        runs = want.get((line["name"], line["setting"]))
        if line["status"] != "failed":
            assert (line["lower_ns"], line["upper_ns"]) == (
                (repr(sorted(runs)[1]), repr(sorted(runs)[-2])) if runs else ("", ""))
        assert line["path"] == str(tmp_path / "a.json") and line["cpu"] == CPU
        assert line["started"] == "2026-01-05T02:00:00Z" and line["partial"] == "no"
        assert line["flags"] == "'-O2" and line["host"] == "'=HYPERLINK(1)"
        assert unguarded(line["governor"]) == "'quoted"
    assert lines[0]["median_ns"].startswith("-0.")


# The other kinds have cases, and no times.

FAULTS = [{"name": "one", "origin": "x", "found": True, "engine": "e", "seconds": 1.5,
           "executions": 9, "oracle": "o", "driver": "afl"},
          {"name": "one", "origin": "x", "found": False, "engine": "e", "seconds": 2.0,
           "executions": 9, "oracle": None, "driver": "made"},
          {"name": "odd", "found": "yes"}]
SWEEP = [{"configuration": "icelake#1", "cases": 10, "mismatches": 0, "seconds": 1, "part": "full"},
         {"configuration": "b", "cases": 10, "mismatches": 2, "seconds": 1},
         {"configuration": "c", "cases": 4, "mismatches": 0, "seconds": 1, "complete": False},
         {"configuration": "d"}]
SURVEY = [{"engine": "emulator", "entry": "exit", "oracle": "value", "rule": "PRIV", "example": "x",
           "count": 3, "known": [], "new": True},
          {"engine": "emulator", "entry": "exit", "oracle": "value", "rule": "PRIV", "example": "x",
           "count": 3, "known": ["it"], "new": False},
          {"engine": "kvm", "entry": "exit", "oracle": "value", "rule": None, "count": 3,
           "example": {"text": "the example", "bytes": "00"}, "known": None},
          {"engine": "kvm", "entry": "exit", "oracle": "value", "rule": "R", "example": "x",
           "count": 3, "known": "it"}]


@pytest.mark.parametrize("kind, rows, verdicts, reason", [
    ("faults", FAULTS, ["passed", "failure", "failure"], "not found"),
    ("sweep", SWEEP, ["passed", "failure", "skipped", "failure"], "2 of 10 cases differ"),
    ("survey", SURVEY, ["failure", "passed", "failure", "passed"], "the example")])
def test_other_kinds(make, kind, rows, verdicts, reason):
    path = make({"schema": "rdpmc-results/2", "kind": kind, "started": "2026-01-05T02:00:00Z",
                 "partial": False, "program": BASE["program"], "context": BASE["context"],
                 "rows": rows})
    (_, cases), = junit(export("junit", path))
    assert [verdict for verdict, _, _ in cases.values()] == verdicts
    assert any(reason in message for _, message, _ in cases.values())
    (verdict, name, cases), = ktap(export("ktap", path))
    assert (verdict, name) == ("failed", f"rdpmc {kind}")
    assert [how for how, _, _ in cases] == [{"failure": "failed"}.get(v, v) for v in verdicts]
    for form in set(ALL) - {"junit", "ktap"}:
        assert results("--format", form, path)[0] == 2
    status, _, err = results("--format", "csv", path, make(BASE, "b.json"))
    assert status == 0 and "left out 1 result" in err


# Texts of a result are texts.

def check_hostile(form, text):
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text if c != "\n")
    if form == "github-action-benchmark":
        for entry in json.loads(text):
            assert one_line(entry["name"]) and not set(entry["name"]) & set("`|")
            assert len(entry["extra"].split("\n")) == 13 or "exit-cost" in entry["name"]
    elif form in ("bencher", "lnt"):
        of = json.loads(text)
        assert all(map(one_line, of if form == "bencher" else [of["machine"]["name"]]))
    elif form == "otava":
        lines = list(csv.reader(io.StringIO(text)))
        assert len(lines) == 2 and len(lines[0]) == len(lines[1])
    elif form == "hgrm":
        lines = text.split("#[Buckets")[1].splitlines()[1:]
        assert len(lines) == 9 and all(line.startswith("# ") for line in lines)
    elif form == "prometheus":
        names = {dict(labels)["host"] for _, labels in exposed(text)}
        assert len(names) == 1 and names.pop().startswith('a"b\\c\n<script>')
    elif form == "junit":
        (known, cases), = junit(text)
        assert known["host"].startswith('a"b\\c\\x0a<script>x</script>]]>&\\x00')
        assert all("\\x0a" in message for how, message, _ in cases.values() if how != "passed")
    elif form == "ktap":
        (_, _, cases), = ktap(text)
        assert [how for how, _, _ in cases if how != "passed"] == ["skipped", "failed"]
    else:
        lines = list(csv.DictReader(io.StringIO(text)))
        assert len(lines) == text.count("\n") - 1 and all(None not in line for line in lines)
        assert {line["kernel"] for line in lines} == {"'=cmd()"}


@pytest.mark.parametrize("form", ALL)
def test_hostile_texts(make, form):
    of = changed(context__hostname=HOSTILE, program__version=HOSTILE, program__compiler="@x",
                 context__kernel__release="=cmd()", context__cpu__model_name=HOSTILE * 200,
                 context__cpu__microcode={"a": HOSTILE}, context__backend=HOSTILE)
    for row in of["rows"]:
        if row["status"] != "measured":
            row["reason"] = "SKIP " + HOSTILE
    check_hostile(form, export(form, make(of)))


# What is damaged, there twice, partial, simulated or failed.

@pytest.mark.parametrize("form", ALL)
def test_damaged_files_are_named_and_the_rest_exported(make, base, tmp_path, form):
    alone = export(form, base)
    (tmp_path / "cut.json").write_text(json.dumps(BASE)[:-100])
    (tmp_path / "empty.json.gz").write_bytes(b"")
    (tmp_path / "foreign.json").write_text('{"schema": "other/1"}')
    make(BASE, "copy.json")
    row = ["--row", INTERCEPTED] if form == "hgrm" else []
    status, out, err = results("--format", form, *row, tmp_path)
    assert status == 3 and out == alone
    for name in ("cut.json: truncated", "empty.json.gz", "foreign.json",
                 "copy.json: the same result"):
        assert name in err
    assert "4 files skipped" in err
    base.unlink()
    (tmp_path / "copy.json").unlink()
    status, out, err = results("--format", form, *row, tmp_path)
    assert (status, out) == (2, "") and "there is no result" in err.splitlines()[-1]


@pytest.mark.parametrize("what", ["buckets", "frequency"])
def test_a_damaged_histogram_gives_way_to_an_older_result(make, tmp_path, what):
    make(changed(started="2025-12-31T00:00:00Z"), "old.json")
    of = changed(context__guest_tsc_khz=0 if what == "frequency" else 2400000)
    if what == "buckets":
        of["details"][of["rows"][0]["name"]][0]["histogram"]["buckets"] = [[5, 1], [4, 1]]
    make(of, "new.json")
    status, out, err = results("--format", "prometheus", tmp_path)
    assert status == 3 and "new.json" in err
    assert exposed(out)["rdpmc_result_timestamp_seconds", (("host", "synthetic-a"),)] == 1767139200


@pytest.mark.parametrize("damaged", ["a.json", "b.json"])
def test_a_copy_with_damaged_histograms_gives_way_to_the_other(make, tmp_path, damaged):
    want = export("prometheus", make(BASE, "a.json"))
    make(BASE, "b.json")
    data = (tmp_path / damaged).read_bytes()
    at = data.index(b'"histogram"', data.index(b'"details"'))
    (tmp_path / damaged).write_bytes(data[:at] + bytes(64) + data[at + 64:])
    status, out, err = results("--format", "prometheus", tmp_path)
    assert (status, out) == (3, want) and "b.json: the same result as" in err
    assert ("a.json: not JSON" in err) == (damaged == "a.json")


def test_hosts_that_look_alike_are_refused(make):
    paths = [make(changed(context__hostname=name), f"{at}.json")
             for at, name in enumerate(("a\x1b", r"a\x1b"))]
    status, out, err = results("--format", "prometheus", *paths)
    assert (status, out) == (2, "") and "cannot be told apart" in err


ONE = ["github-action-benchmark", "bencher", "lnt", "hgrm", "prometheus"]


def nothing_measured(**changes):
    """A result that was interrupted before it had measured anything."""
    of = changed(partial=True, **changes)
    for row in of["rows"]:
        for key in set(row) - {"name", "setting", "unit"}:
            del row[key]
        row |= {"status": "skipped", "reason": "interrupted"}
    return of


@pytest.mark.parametrize("form", ONE)
def test_where_there_is_no_time_the_newest_is_taken_and_the_rest_told(make, tmp_path, form):
    make(changed(started="2026-01-04T02:00:00Z", program__version="old"), "in/c.json")
    make(changed(started="2026-01-03T02:00:00Z", program__version="old"), "in/a.json")
    alone = export(form, make(BASE, "in/b.json"))
    row = ["--row", INTERCEPTED] if form == "hgrm" else []
    status, out, err = results("--format", form, *row, tmp_path / "in")
    assert (status, out, err.count("\n")) == (0, alone, 1)
    assert err.startswith("results: left out 2 results: ")


@pytest.mark.parametrize("form", ONE)
def test_a_result_that_measured_nothing_does_not_replace_one_that_did(make, base, form):
    alone = export(form, base)
    empty = make(nothing_measured(started="2026-01-06T02:00:00Z"), "b.json")
    row = ["--row", INTERCEPTED] if form == "hgrm" else []
    status, out, err = results("--format", form, *row, base, empty)
    assert status == 0 and err.startswith("results: left out 1 result: ")
    if form != "prometheus":
        assert out == alone
        return
    # But that there is a newer one can be seen, and alarmed on.
    before, after = exposed(alone), exposed(out)
    key = "rdpmc_result_newest_timestamp_seconds", (("host", "synthetic-a"),)
    assert (before.pop(key), after.pop(key)) == (1767578400, 1767578400 + 86400)
    assert before == after


@pytest.mark.parametrize("form", ONE)
def test_where_nothing_was_measured_there_is_nothing_to_export(make, form):
    status, out, err = results("--format", form, make(nothing_measured()))
    assert (status, out) == (2, "") and "no result has times" in err.splitlines()[-1]


@pytest.mark.parametrize("form", ["github-action-benchmark", "bencher", "lnt", "hgrm"])
def test_two_machines_cannot_have_one_name(make, base, form):
    other = make(changed(context__hostname="other"), "b.json")
    status, out, err = results("--format", form, base, other)
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert str(base) in err and str(other) in err and "two machines" in err


@pytest.mark.parametrize("form", ALL)
def test_partial_is_marked(make, form):
    text = export(form, make(changed(partial=True)))
    if form == "bencher":
        return              # which has no place for it
    marks = {"otava": ",yes,", "prometheus": 'partial{host="synthetic-a"} 1', "csv": ",yes,",
             "lnt": '"partial": "yes"', "junit": '<property name="partial" value="yes" />'}
    assert marks.get(form, "partial: yes") in text


@pytest.mark.parametrize("form", ALL)
def test_simulated_and_failed_rows_are_no_times(make, form):
    of = changed(options__vpmu="user")
    for row in of["rows"]:
        if row["setting"] in ("intercepted", "passthrough"):
            row["setting"] = "simulated-vpmu"
    keep = copy.deepcopy(next(row for row in BASE["rows"] if row["setting"] == "passthrough"))
    keep["name"] = INTERCEPTED.replace("cpl3", "cpl3-nopce")
    of["rows"].append(keep)
    of["details"][keep["name"]] = BASE["details"][INTERCEPTED]
    row = ["--row", keep["name"]] if form == "hgrm" else []
    status, out, err = results("--format", form, *row, make(of))
    assert status == 0
    if form in TIMES:
        assert "left out 28 rows" in err and err.count("left out") == 1
        assert "exit-cost" not in out and "cpuid-slow" not in out and "control/" not in out
        assert keep["name"] in out
    elif form == "csv":
        assert err == "" and out.count(",simulated-vpmu,measured,") == 28
        assert out.count(",simulated-vpmu,failed,") == 1
    elif form == "junit":
        (_, cases), = junit(out)
        assert all("median_ns" not in figures for (group, _), (_, _, figures) in cases.items()
                   if "simulated" in group)


# Files are written whole or not at all.

def test_written_whole_or_not_at_all(base, tmp_path, monkeypatch):
    out = tmp_path / "out" / "r.prom"
    out.parent.mkdir()
    out.write_text("before")
    calls = []
    for name in "fsync", "replace":
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (
            calls.append((name, a)), real(*a))[1])
    mask = os.umask(0o027)
    try:
        assert results("--format", "prometheus", "--out", out, base)[:2] == (0, "")
    finally:
        os.umask(mask)
    assert [name for name, _ in calls] == ["fsync", "replace"]
    assert pathlib.Path(calls[1][1][0]).parent == out.parent
    assert not calls[1][1][0].endswith(".prom")
    assert out.read_text() == export("prometheus", base)
    assert stat.S_IMODE(out.stat().st_mode) == 0o640 and os.listdir(out.parent) == ["r.prom"]

    def fails(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "fsync", fails)
    status, _, err = results("--format", "csv", "--out", out, base)
    assert status == 2 and err == f"results: {out}: no space left on device\n"
    assert out.read_text().startswith("# HELP") and os.listdir(out.parent) == ["r.prom"]


def test_what_a_killed_one_left_does_not_stop_the_next(base, tmp_path):
    (tmp_path / f"r.csv.{os.getpid()}.tmp").write_text("half of")
    assert results("--format", "csv", "--out", tmp_path / "r.csv", base)[0] == 0
    assert not list(tmp_path.glob("*.tmp"))


def test_what_is_no_file_is_not_replaced(base, tmp_path):
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    (tmp_path / "target").write_text("before")
    link.symlink_to("target")
    with subprocess.Popen(["timeout", "30", "cat", fifo], stdout=subprocess.PIPE,
                          text=True) as reader:
        assert results("--format", "ktap", "--out", fifo, base)[0] == 0
        assert reader.stdout.read() == export("ktap", base)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert results("--format", "ktap", "--out", link, base)[0] == 0
    assert link.is_symlink() and (tmp_path / "target").read_text().startswith("KTAP")
    for path in base, tmp_path:
        status, _, err = results("--format", "csv", "--out", base, path)
        assert status == 2 and "is a result that is to be read" in err


# Wrong use is one line.

@pytest.mark.parametrize("arguments, why", [
    (["--format", "xml"], "invalid choice"), ([], "--format"),
    (["--format", "csv", "--row", INTERCEPTED], "--row is for"),
    (["--format", "csv", "--otava-config", "x"], "--otava-config is for"),
    (["--format", "otava", "--otava-config", "x"], "--otava-config is for"),
    (["--format", "csv", "--out", "/nowhere/at/all"], "/nowhere/at/all: no such file")])
def test_wrong_use(base, arguments, why):
    status, out, err = results(*arguments, base)
    assert (status, out) == (2, "") and why in err and err.count("\n") == 1


def test_the_program_itself(base, tmp_path):
    """And that its help fits a terminal."""
    def program(*arguments):
        return subprocess.run([ROOT / "scripts/results", "export", *arguments], text=True,
                              timeout=60, capture_output=True, env=os.environ | {"COLUMNS": "80"})
    ran = program("--help")
    if "No module named" in ran.stderr:
        pytest.skip("the other commands are not there yet")
    lines = ran.stdout.splitlines()
    assert ran.returncode == 0 and len(lines) <= 24 and max(map(len, lines)) <= 80
    ran = program("--format", "csv", "--out", tmp_path / "o.csv", base)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert (tmp_path / "o.csv").read_text() == export("csv", base)
