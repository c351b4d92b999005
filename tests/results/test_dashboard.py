# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/results dashboard: what it says is true, what it cannot say it says; and in a browser, that
one can see it, by keyboard, in the dark, on a phone, on paper, and that it asks for nothing else."""

import base64
import copy
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import zlib
from datetime import datetime, timedelta, timezone

import numpy
import pytest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/results")]

import synthetic  # noqa: E402
import tools  # noqa: E402
from rdpmc_results import history, trend  # noqa: E402
from rdpmc_results.changes import Changes, Step  # noqa: E402
from rdpmc_results.dashboard import data, npm, page  # noqa: E402
from rdpmc_results.dashboard import series as packed  # noqa: E402
from test_emulated import emulated  # noqa: E402

PLAYWRIGHT = ("playwright-core", "1.65.1",
              "hqPpz7blSMPxWVdoeE1yiBSzXsKiVOd2k+kjCvmUywD2GPO2Dd9HfcWnq9NN0GHbNZDFgZ9JfBFr+X5/BLo0qw==")
CHROMIUM = "/usr/bin/chromium"
CHECKS = re.findall(r"check\((?:\"([a-z-]+)\"|`([a-z-]+)\$)",
                    (ROOT / "tests/results/browser.mjs").read_text())
HOST = '<script>window.pwned=1</script>"><img src=x onerror="window.pwned=1">'
ROWS = {name: cost for name, cost in synthetic.catalogue(38).items()
        if "metrics" in name or "fixed0" in name or "cpuid" in name}
FAST = {"runs": 6, "rows": ROWS, "between": 0.002}


def results(count, change=None, **arguments):
    """@count results, as of a history; @change(of, at) alters one."""
    made = []
    for at in range(count):
        of = synthetic.a_result(1, at=at, **FAST | {name: value(at) if callable(value) else value
                                                    for name, value in arguments.items()})
        if change:
            change(of, at)
        made.append(of)
    return made


def write(folder, *histories):
    for of in (each for every in histories for each in every):
        name = f"{len(list(folder.glob('*')))}.json"
        synthetic.write(folder / name, of)
    return folder


def rdpmc_results(*arguments, **environment):
    return subprocess.run([ROOT / "scripts/results", *map(str, arguments)], capture_output=True,
                          text=True, timeout=120, env=os.environ | environment)


def collect(folder, beside=None):
    return data.collect(history.read([str(folder)]), "title", 0, beside)["page"]


def verdict(folder):
    return collect(folder)["verdict"]


@pytest.fixture(scope="module")
def uplot():
    try:
        return npm.uplot()
    except npm.Missing as why:
        pytest.skip(str(why))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "results"
    made.mkdir()
    return made


# What is said of a history

def stepped(at, factor=1.05, **more):
    return {"level": lambda now: factor if now >= at else 1.0,
            "version": lambda now: "synthetic-2" if now >= at else "synthetic-1",
            "only": "rdpmc/metrics/intercepted"} | more


def test_a_new_regression_comes_first(folder):
    said = verdict(write(folder, results(40, **stepped(36))))
    assert said["tone"] == "worse"
    assert re.fullmatch(r"2 benchmarks are slower on synthetic than a week ago, by up to [56]\.\d %",
                        said["headline"])
    assert [each["class"] for each in said["classes"]] == ["new"]
    rows = [row for group in said["classes"][0]["groups"] for row in group["rows"]]
    assert all(abs(ratio - 1.05) < 0.01 for _, ratio, _, _ in rows)
    assert ["program", "synthetic-1", "synthetic-2"] in said["classes"][0]["groups"][0]["changed"]


def test_a_busier_machine_is_told(folder):
    def load(of, at):
        of["context"]["load_average"] = [3.0 if at >= 26 else 0.5, 0, 0]
    group = verdict(write(folder, results(30, load, **stepped(26))))["classes"][0]["groups"][0]
    assert group["loads"] == [0.5, 3.0]


def test_an_old_regression_is_still_worse(folder):
    said = verdict(write(folder, results(40, **stepped(25))))
    assert said["tone"] == "still"
    assert said["headline"].startswith("Nothing new is worse this week, but 2 benchmarks are slower")
    assert [each["class"] for each in said["classes"]] == ["still"]


def test_one_row_is_named_with_its_figure(folder):
    said = verdict(write(folder, results(30, **stepped(26, only="rdpmc/metrics/intercepted/cpl3"))))
    assert re.fullmatch(r"rdpmc/metrics/intercepted/cpl3 is [45]\.\d % slower on synthetic than a "
                        r"week ago", said["headline"])


def test_nothing_is_worse(folder):
    said = verdict(write(folder, results(30)))
    assert (said["tone"], said["headline"]) == ("good", "Nothing is worse than a week ago")


def test_a_short_history_says_since_when(folder):
    said = verdict(write(folder, results(16, every=timedelta(minutes=5))))
    assert said["headline"] == "Nothing is worse since the first result, 75 minutes before the newest"


def test_too_few_to_say(folder):
    said = verdict(write(folder, results(4)))
    assert (said["tone"], said["headline"]) == ("unknown", "No verdict yet: 4 of 10 results needed")


def test_rows_that_are_not_judged_say_how_far_they_are(folder):
    said = verdict(write(folder, results(12), results(3, host="synthetic-b"), results(5, host="synthetic-c")))
    assert any(re.fullmatch(r"\d+ benchmarks are not judged yet: 3 to 5 of 10 results needed\.", line)
               for line in said["lines"])


def test_a_disturbed_newest_result_is_told(folder):
    told = "The newest result of synthetic was disturbed: other tasks had the CPU for 40 % of the time. " \
           "Its figures are marked ×."
    assert told in verdict(write(folder, results(20, busy)))["lines"]
    for path in folder.iterdir():
        path.unlink()
    assert told not in verdict(write(folder, results(19, busy)))["lines"]


def test_a_lost_intercept_is_suspicious(folder):
    said = verdict(write(folder, results(30, **stepped(26, factor=0.01))))
    assert said["tone"] == "worse" and "fell to half" in said["headline"]
    assert "suspicious" in [each["class"] for each in said["classes"]]


def test_what_is_not_confirmed_is_not_called_worse(folder, monkeypatch):
    def one_unconfirmed(of):
        found = [trend.Watched(series, Changes(), "steady", 1.0, None, "") for series in of.series]
        name = [each.series.name for each in found].index("rdpmc/metrics/intercepted/cpl3")
        steps = [Step(28, 1000.0, 1300.0, 1.3, False)]
        found[name] = trend.Watched(of.series[name], Changes(steps), "unconfirmed", 1.3, 28, "step")
        return found
    monkeypatch.setattr(trend, "watch", one_unconfirmed)
    said = verdict(write(folder, results(30)))
    assert said["tone"] == "still"
    assert said["headline"] == "rdpmc/metrics/intercepted/cpl3 is 30.0 % slower on synthetic " \
                               "if more results confirm it"
    assert [each["class"] for each in said["classes"]] == ["unconfirmed"]


def test_a_host_that_fell_silent_and_a_failed_row_are_told(folder):
    def fail(of, at):
        if at == 11:
            of["rows"][-1] |= {"status": "failed", "reason": "wrong answer"}
    write(folder, results(12), results(12, fail, host="synthetic-late",
                                       started=datetime(2026, 3, 1, tzinfo=timezone.utc)))
    lines = "\n".join(verdict(folder)["lines"])
    assert "synthetic has given no result for 55 days" in lines
    assert "1 benchmark failed in the newest result of synthetic-late" in lines


def test_simulated_rows_never_make_a_verdict(folder):
    said = verdict(write(folder, results(30, simulate, **stepped(26))))
    assert said["tone"] == "unknown" and said["classes"] == []


def simulate(of, at):
    of["options"]["vpmu"] = "user"
    for row in of["rows"]:
        if row["setting"] in ("intercepted", "passthrough"):
            details = of["details"].pop(row["name"])
            row["name"] = row["name"].replace(row["setting"], "simulated-vpmu")
            row["setting"] = "simulated-vpmu"
            of["details"][row["name"]] = details
    names = [row["name"] for row in of["rows"]]
    of["rows"] = [row for at, row in enumerate(of["rows"]) if row["name"] not in names[:at]]


# What fuzzing found

def test_a_finding_has_the_address_of_its_report(tmp_path):
    results, page = tmp_path / "campaign/results", "outcome-no-fast-0123"
    reports = tmp_path / "campaign/findings"
    (reports / page).mkdir(parents=True)
    (reports / page / "finding.md").write_text("# x")
    results.mkdir()
    write(results, [campaign(bare(), at) for at in range(3)])

    def address(beside):
        told, = collect(results, beside)["trials"]
        (*_, found), = told["told"]["findings"]
        return found
    assert address(tmp_path) == f"./campaign/findings/{page}/finding.md"
    (tmp_path / "a b").mkdir()
    assert address(tmp_path / "a b") == f"./../campaign/findings/{page}/finding.md"
    assert address(None) == ""                  # on standard output it has no place
    (reports / page / "finding.md").unlink()
    assert address(tmp_path) == ""              # dealt with, or on another machine


@pytest.mark.parametrize("page", ["../../secret", "..", "/etc", "", "a/b", "javascript:x"])
def test_a_report_lies_where_reports_lie(tmp_path, page):
    results = tmp_path / "campaign/results"
    results.mkdir(parents=True)
    for place in tmp_path / "secret", tmp_path / "campaign/findings/a/b", tmp_path / "campaign/findings", \
            tmp_path / "campaign":
        place.mkdir(parents=True, exist_ok=True)
        (place / "finding.md").write_text("# x")
    of = campaign(bare(), 2)
    of["summary"]["findings"][0]["page"] = page
    told, = collect(write(results, [of]), tmp_path)["trials"]
    assert told["told"]["findings"][0][-1] == ""


# What goes into the page

def unpacked(block, hosts_results, position):
    """median, lower, upper as in steps, of the series at @position."""
    raw = numpy.frombuffer(zlib.decompress(base64.b64decode(block)), dtype=numpy.uint8)
    planes = raw[12 * hosts_results:].reshape(2, -1).astype(numpy.int64)
    words = (planes[0] | planes[1] << 8).reshape(-1, 3, hosts_results)
    return words[position]


def test_disturbed_results_are_named(folder):
    head, = collect(write(folder, results(20, busy)))["hosts"]
    assert head["disturbed"] == {at: "other tasks had the CPU for 40 % of the time" for at in (9, 19)}


def test_packed_figures_are_near_enough(folder):
    of = history.read([str(write(folder, results(30, **stepped(20, factor=40))))])
    made = data.collect(of, "title", 0)
    host = made["page"]["hosts"][0]
    spread = 0
    for position, (told, series) in enumerate(zip(host["series"], of.series)):
        logarithmic, low, high = told["scale"]
        middle, below, above = unpacked(made["blocks"][0], 30, position)
        for steps, wanted in (middle, series.median), (middle - below, series.lower), \
                (middle + above, series.upper):
            part = steps / packed.STEPS
            found = low * (high / low) ** part if logarithmic else low + (high - low) * part
            error = abs(found - wanted) / (wanted if logarithmic else high - low)
            assert error.max() < 2e-4
            spread = max(spread, error.max())
    assert spread > 0
    assert {told["scale"][0] for told in host["series"]} == {True, False}


def test_what_is_missing_is_missing(folder):
    def drop(of, at):
        if at == 5:
            del of["rows"][3]
    of = history.read([str(write(folder, results(8, drop)))])
    made = data.collect(of, "title", 0)
    name = results(1)[0]["rows"][3]["name"]
    position = next(at for at, series in enumerate(of.series) if series.name == name)
    medians = unpacked(made["blocks"][0], 8, position)[0]
    assert (medians == packed.MISSING).nonzero()[0].tolist() == [5]


def test_rows_that_vanished_are_told(folder):
    def drop(of, at):
        if at == 7:
            del of["rows"][3]
    assert "1 benchmark measured before on synthetic, but not in its newest result." in \
        verdict(write(folder, results(8, drop)))["lines"]


def test_a_clock_that_is_wrong_is_no_trouble(folder):
    for year in 1901, 2999:
        write(folder, results(1, started=datetime(year, 1, 1, tzinfo=timezone.utc)))
    host = collect(folder)["hosts"][0]
    assert host["last"] - host["first"] > 1000 * 365 * 86400


def test_few_runs_have_no_interval(folder):
    of = history.read([str(write(folder, results(8, runs=3)))])
    made = data.collect(of, "title", 0)
    assert (unpacked(made["blocks"][0], 8, 0)[1:] == packed.MISSING).all()
    assert made["page"]["hosts"][0]["series"][0]["last"][2] is None


def test_percentiles_are_those_of_the_samples(folder):
    of = results(1)[0]
    row = next(row for row in of["rows"] if row["name"] == "rdpmc/metrics/intercepted/cpl3")
    for run in of["details"][row["name"]]:
        run["sample_overhead"] = 500.0
    made = data.collect(history.read([str(write(folder, [of]))]), "title", 0)
    tail = json.loads(zlib.decompress(base64.b64decode(made["tails"][0])))[row["name"]]
    assert tail["n"] == 600
    assert tail["p"][4] == pytest.approx(row["max"], rel=1e-4)
    assert tail["p"][2] == pytest.approx(row["p99"], rel=1e-4)
    # A bucket is 1/16 wide; what was taken off the samples is not in the histogram.
    median = tail["curve"][round(0.301 * data.A_DECADE)] + 500
    assert median == pytest.approx(row["median"], rel=0.07)
    assert tail["curve"] == sorted(tail["curve"])


def test_json_cannot_end_its_element():
    text = page.embedded({"a": "</script><!--\u2028\u2029&"})
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == {"a": "</script><!--\u2028\u2029&"}


def test_every_script_is_inlined():
    assert sorted(page.SCRIPTS) == sorted(path.name for path in page.HERE.glob("*.js"))


def test_the_page_carries_licence_and_policy(tmp_path, folder, uplot):
    out = tmp_path / "page.html"
    ran = rdpmc_results("dashboard", "--out", out, "--title", "A & <b>", write(folder, results(3)))
    assert (ran.returncode, ran.stderr) == (0, "")
    text = out.read_text()
    assert "Permission is hereby granted, free of charge" in text.split("<style>")[0]
    assert "connect-src &#x27;none&#x27;" in text and "unsafe" not in text.split("<title>")[0]
    assert "<title>A &amp; &lt;b&gt;</title>" in text
    assert not re.search(r"<(script|img|iframe)[^>]*\ssrc=|<link[^>]*href=(?!\"data:,\")", text)


# The command

def test_help_fits_a_terminal():
    lines = rdpmc_results("dashboard", "--help", COLUMNS="80").stdout.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80


def test_nothing_to_show_is_one_line(folder, uplot):
    ran = rdpmc_results("dashboard", "--out", folder / "x.html", folder)
    assert ran.returncode == 2 and len(ran.stderr.splitlines()) == 1
    assert "no results in" in ran.stderr and not (folder / "x.html").exists()


def test_damaged_files_make_status_3(tmp_path, folder, uplot):
    write(folder, results(2))
    (folder / "damaged.json").write_text('{"schema": "rdpmc-results/2", ')
    ran = rdpmc_results("dashboard", "--out", tmp_path / "x.html", folder)
    assert ran.returncode == 3 and "damaged.json" in ran.stderr and "1 file skipped" in ran.stderr
    assert "damaged.json" in (tmp_path / "x.html").read_text()


def test_damaged_details_are_named_and_cost_nothing_but_the_percentiles(tmp_path, folder, uplot):
    whole, good = write(folder, results(2)), tmp_path / "good.html"
    rdpmc_results("dashboard", "--out", good, whole)
    newest = sorted(folder.rglob("*.json"))[-1]
    data = newest.read_bytes()
    at = data.index(b'"histogram"', data.index(b'"details"'))
    newest.write_bytes(data[:at] + bytes(64) + data[at + 64:])
    ran = rdpmc_results("dashboard", "--out", tmp_path / "x.html", folder)
    assert ran.returncode == 3 and "2 results of 1 host" in ran.stdout
    assert f"skipped {newest}: for its percentiles: not JSON" in ran.stderr
    assert "for its percentiles" in (tmp_path / "x.html").read_text()


def test_a_regression_is_no_failure(tmp_path, folder, uplot):
    write(folder, results(30, **stepped(26)))
    ran = rdpmc_results("dashboard", "--out", tmp_path / "x.html", folder)
    assert ran.returncode == 0


def test_what_cannot_be_written_is_one_line(folder, uplot):
    write(folder, results(1))
    (folder / "is-a-folder").mkdir()
    ran = rdpmc_results("dashboard", "--out", folder / "is-a-folder", folder)
    assert ran.returncode == 2 and len(ran.stderr.splitlines()) == 1
    assert not list(folder.glob(".dashboard*"))


def test_its_folder_is_made(tmp_path, folder, uplot):
    write(folder, results(1))
    ran = subprocess.run([ROOT / "scripts/results", "dashboard", folder], capture_output=True,
                         text=True, timeout=120, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "build/dashboard.html: 1 result of 1 host\n"
    assert (tmp_path / "build/dashboard.html").is_file()


def without_npm(tmp_path, script=None):
    """Environment with an empty cache, and as npm nothing but @script."""
    programs = tmp_path / "bin"
    programs.mkdir()
    if script:
        (programs / "npm").write_text("#!/bin/sh\n" + script)
        (programs / "npm").chmod(0o755)
    (programs / "sh").symlink_to("/bin/sh")
    return {"PATH": str(programs), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.mark.parametrize("script, said", [
    (None, "is missing (Debian: npm)"), ("exit 1", "npm cannot fetch uplot@1.6.32"),
    ('for last; do :; done; echo other > "$last/uplot-1.6.32.tgz"', "is something else")])
def test_without_uplot_one_line_says_what_to_do(tmp_path, folder, script, said):
    ran = rdpmc_results("dashboard", "--out", tmp_path / "x.html", write(folder, results(1)),
                        **without_npm(tmp_path, script))
    assert ran.returncode == 2 and len(ran.stderr.splitlines()) == 1
    assert said in ran.stderr and "npm pack uplot@1.6.32" in ran.stderr
    assert not list((tmp_path / "cache").rglob("*.tgz"))


@pytest.mark.parametrize("code, network", (("ENOTFOUND", True), ("EACCES", False), ("EROFS", False)))
def test_what_npm_says_is_told_and_a_network_only_where_it_helps(tmp_path, folder, code, network):
    """As of npm 9 and before, and since."""
    for number, prefix in enumerate(("npm ERR!", "npm error")):
        place = tmp_path / str(number)
        place.mkdir()
        script = f"printf '%s\\n' '{prefix} code {code}' '{prefix} syscall x' >&2; exit 1"
        ran = rdpmc_results("dashboard", "--out", tmp_path / "x.html", write(folder, results(1)),
                            **without_npm(place, script))
        assert ran.returncode == 2 and len(ran.stderr.splitlines()) == 1
        assert f"npm cannot fetch uplot@1.6.32 ({code})" in ran.stderr
        assert ("try again with a network" in ran.stderr) == network


def test_cache_that_cannot_be_written_is_told_as_that(tmp_path, folder):
    (tmp_path / "cache").write_text("")
    ran = rdpmc_results("dashboard", "--out", tmp_path / "x.html", write(folder, results(1)),
                        **without_npm(tmp_path, "exit 0"))
    assert ran.returncode == 2 and len(ran.stderr.splitlines()) == 1
    assert "network" not in ran.stderr.split(";")[0] and "not a directory" in ran.stderr
    assert "XDG_CACHE_HOME" in ran.stderr


# In a browser

def hostile(of, at):
    of["context"]["hostname"] = HOST
    of["context"]["kernel"]["release"] = "<i>kernel" + "\u2028" * at
    of["context"]["kvm_modules"] = {"__proto__": {"constructor": str(at // 8)}}
    of["program"]["version"] = f"</script><b>version {at // 8}<!--"
    of["rows"][-1]["reason"] = "<u>reason</u>"


def no_passthrough(of, at):
    for row in of["rows"]:
        if row["setting"] == "passthrough":
            name = row["name"]
            row.clear()
            row |= {"name": name, "setting": "passthrough", "status": "skipped", "unit": "ns",
                    "reason": "kvm_pvm has no mediated PMU; needs a host with VMX or SVM of its own"}


def bare():
    """What a result of fuzzing has of one of a benchmark."""
    of = copy.deepcopy(synthetic.a_result(1, runs=1, rows={}))
    del of["exit_costs"], of["details"]
    return of


def trials():
    """One result of each kind that is not a benchmark's."""
    of = bare()
    kinds = {
        "faults": [{"name": "f", "origin": "o", "found": True, "engine": "emulator", "seconds": 0.1,
                    "executions": 12, "oracle": "outcome", "driver": "made"}],
        "sweep": [{"configuration": "c", "part": "full", "cases": 10, "mismatches": 1,
                   "seconds": 1}],
        "survey": [{"engine": "e", "entry": "exit", "oracle": "o", "rule": "<b>rule</b>",
                    "example": "x", "count": 3, "known": [], "new": True}]}
    return [of | {"kind": kind, "rows": rows} for kind, rows in kinds.items()] + \
        [campaign(of, at) for at in range(3)]


def campaign(of, at):
    """How a campaign stood the @at-th time; the last time it had found something, and had an alarm."""
    finding = {"page": "outcome-no-fast-0123", "engine": "kernel:6.1", "first": "2026-01-01T00:00:00Z",
               "class": "kernel:6.1: outcome: #GP by <i>NO-FAST</i>, here value", "count": 7,
               "last": "2026-01-03T00:00:00Z"}
    worker = {"name": "libfuzzer-emulator", "driver": "libfuzzer", "engine": "emulator",
              "state": "running", "reason": None, "executions": 1000 * (at + 1), "seconds": 60.0,
              "slices": 2, "deaths": 0}
    dead = worker | {"name": "live-kvm", "engine": "kvm", "driver": "live", "state": "dead",
                     "reason": "no <b>luck</b> today", "deaths": 3}
    return of | {
        "kind": "campaign", "partial": at < 2, "options": {"directory": "campaign"},
        "rows": [worker] + [dead] * (at == 2),
        "summary": {"at": f"2026-01-0{at + 1}T00:00:00Z", "executions": 1000 * (at + 1),
                    "cases": 10 + at, "given_up": 0, "findings": [finding] * (at == 2), "flaky": at,
                    "known": 0, "coverage": {"emulator, lines": {"reached": 290 + at, "of": 293}},
                    "alarms": ["live-kvm dead: no <b>luck</b> today"] * (at == 2),
                    "disk": {"used": 1, "limit": 2}}}


def simulated_twin(of, at):
    simulate(of, at)
    for row in of["rows"]:
        if "runs" in row:
            row["median"], row["runs"] = 77.7, [77.7]
            of["details"][row["name"]][1:] = []


def busy(of, at):
    """Of each ten the last was disturbed."""
    if at % 10 == 9:
        of["context"]["noise"]["cpu_share"] = 0.6


def no_pmu(of, at):
    """No counter at all, as in most guests."""
    for row in of["rows"]:
        if row["name"].startswith("rdpmc/"):
            kept = {"name": row["name"], "setting": row["setting"], "status": "skipped", "unit": "ns",
                    "reason": "the host has no PMU"}
            of["details"].pop(row["name"], None)
            row.clear()
            row |= kept


def one_row_less(of, at):
    del of["details"][of["rows"].pop(3)["name"]]


def fleet():
    """Twelve hosts: one is slower, one faster, one new, and one lacks a row."""
    special = {4: {}, 7: stepped(8, 1.07), 9: stepped(8, 0.93), 11: {}}
    for at in range(1, 13):
        made = results(4 if at == 4 else 14, one_row_less if at == 11 else None,
                       host=f"synthetic-{at}", **special.get(at, {}))
        yield made


PAGES = {
    "one": lambda: [results(1, no_pmu)],
    "few": lambda: [results(4)],
    "fleet": fleet,
    "planted": lambda: [results(40, host="synthetic-1", kernel=kernel, **stepped(36)),
                        results(40, host="synthetic-2", kernel=kernel),
                        results(40, host="synthetic-3", kernel=kernel)],
    "flat": lambda: [results(30)],
    "disturbed": lambda: [results(30, busy)],
    "hostile": lambda: [results(24, hostile, **stepped(16))],
    "lacking": lambda: [results(12, no_passthrough)],
    "simulated": lambda: [results(10), results(2, simulated_twin)],
    "emulated": lambda: [results(12), results(12, lambda of, at: emulated(of),
                                              host="synthetic-emulated-machine-whose-name-is-long")],
    "trials": lambda: [trials()],
    "campaign": lambda: [[campaign(bare(), at) for at in range(3)]],
    "quiet": lambda: [[campaign(bare(), at) for at in range(2)]],
    "both": lambda: [results(12), [campaign(bare(), at) for at in range(3)]],
}


def kernel(at):
    return f"6.12.{1 + at // 20}-synthetic"


def playwright():
    name, version, _ = PLAYWRIGHT

    def fetch(folder):
        with tarfile.open(npm.package(*PLAYWRIGHT)) as archive:
            archive.extractall(folder)
    return tools.cached(f"{name}-{version}", fetch) / "package"


def chromium():
    """The library that drives it; skips where there is none, or no browser."""
    if not os.path.exists(CHROMIUM) or not shutil.which("node"):
        pytest.skip("needs Chromium and Node.js (Debian: chromium, nodejs)")
    try:
        return playwright()
    except npm.Missing as why:
        pytest.skip(str(why))


def opened(library, pages, *checks):
    """{check: line} of all that browser.mjs said of @pages, by its own checks or those of another module."""
    ran = subprocess.run(["node", ROOT / "tests/results/browser.mjs", library, CHROMIUM, pages, *checks],
                         capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return {line.removeprefix("not ").split()[1].rstrip(":"): line
            for line in ran.stdout.splitlines()}


def assert_good(browser, name):
    """One that ends in a variable stands for several."""
    said = [line for check, line in browser.items()
            if check == name or name.endswith("-") and check.startswith(name)]
    assert said, "was not checked"
    assert not [line for line in said if not line.startswith("ok")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory, uplot):
    library = chromium()
    pages = tmp_path_factory.mktemp("pages")
    for name, histories in PAGES.items():
        folder = tmp_path_factory.mktemp(name)
        write(folder, *histories())
        if name == "lacking":
            (folder / "damaged.json").write_text('{"schema": "rdpmc-results/2", ')
        if name == "campaign":
            (pages / "findings/outcome-no-fast-0123").mkdir(parents=True)
            (pages / "findings/outcome-no-fast-0123/finding.md").write_text("# The report\n")
            folder = folder.rename(pages / "results")
        ran = rdpmc_results("dashboard", "--out", pages / f"{name}.html", folder)
        assert ran.returncode in (0, 3), ran.stderr
    return opened(library, pages)


def names():
    """Those of browser.mjs."""
    for whole, beginning in CHECKS:
        yield whole or beginning


@pytest.mark.parametrize("name", names())
def test_browser(browser, name):
    assert_good(browser, name)
