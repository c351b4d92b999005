# SPDX-License-Identifier: GPL-2.0-or-later
"""Exact rows in the dashboard: what goes into the page, and in a browser what one sees and reaches."""

import base64
import json
import re
import shutil
import zlib

import pytest

from rdpmc_results import history
from rdpmc_results.dashboard import data, npm
from test_dashboard import ROOT, assert_good, chromium, opened, rdpmc_results, without_npm
from test_exact import DEAR, FREE, OTHER, OUTER, PATH, STACKS, path, recorded
from test_files import result, written

CHECKS = re.findall(r"check\((?:\"([a-z-]+)\"|`([a-z-]+)\$)",
                    (ROOT / "tests/results/browser_exact.mjs").read_text())
# As STACKS, but 34 more, and one function in place of another.
CHANGED = {stack: count for stack, count in STACKS.items() if "rdpmc" not in stack} | {f"{OUTER};<b>new</b>": 195}


def kernel(at, of):
    of["context"]["kernel"]["release"] = f"7.{at}"
    return of


def three_kernels(folder, profiles=True):
    """The newest of which makes an exit longer; and a real host."""
    for at in range(3):
        last = at == 2
        figures = {DEAR: path(34, ["0x38f"]) if last and profiles else PATH, OTHER: PATH}
        stacks = {DEAR: CHANGED if last else STACKS, OTHER: STACKS} if profiles else None
        written(folder / f"emulated-{at}.json", kernel(at, recorded(figures, at=at, stacks=stacks)))
        written(folder / f"real-{at}.json", result(at=at, host="synthetic-real"))
    return folder


def collected(folder):
    of = history.read([str(folder)])
    return data.collect(of, "title", 0), of


def unpacked(block):
    return json.loads(zlib.decompress(base64.b64decode(block)))


def test_exact_rows_are_no_series_of_medians(tmp_path):
    page = collected(three_kernels(tmp_path))[0]["page"]
    emulated, real = sorted(page["hosts"], key=lambda host: host["unit"])
    names = [page["rows"][each["row"]] for each in emulated["series"]]
    assert FREE in names and not {DEAR, OTHER} & set(names)
    assert not any(name.startswith("exit-cost") for name in names)
    assert [page["rows"][each["row"]] for each in emulated["exact"]] == [DEAR, OTHER]
    assert real["exact"] == [] and DEAR in [page["rows"][each["row"]] for each in real["series"]]


def test_newest_result_of_each_path_and_kernel_can_be_chosen(tmp_path):
    for at, (release, more) in enumerate([(0, 0), (0, 0), (1, 0), (1, 5), (1, 5)]):
        written(tmp_path / f"{at}.json", kernel(
            release, recorded({DEAR: path(more, disturbed=at, same=50)}, at=at)))
    host, = collected(tmp_path)[0]["page"]["hosts"]
    row, = host["exact"]
    assert [at for at, _ in row["results"]] == [1, 2, 4]
    assert [host["paths"][number]["instructions"] for _, number in row["results"]] == [2703, 2703, 2708]
    assert list(host["exact_results"]) == [1, 2, 4]
    assert host["exact_results"][4][1:] == ["7.1", "synthetic-1", "4.json"]


def test_profiles_are_those_of_the_results_that_can_be_chosen(tmp_path):
    whole, of = collected(three_kernels(tmp_path))
    block, none = whole["profiles"] if whole["profiles"][0] else whole["profiles"][::-1]
    found = unpacked(block)
    assert none == "" and not of.skipped
    assert found["stacks"] == [STACKS, CHANGED]             # each once
    assert found["of"] == {DEAR: {"0": 0, "1": 0, "2": 1}, OTHER: {"0": 0, "1": 0, "2": 0}}


def test_longer_exit_comes_first(tmp_path):
    said = collected(three_kernels(tmp_path))[0]["page"]["verdict"]
    assert said["tone"] == "worse"
    assert said["headline"].startswith("1 exit path is longer on synthetic, Emulated skylake (Bochs)")
    assert said["headline"].endswith("by up to 34 instructions")
    group, = said["exact"]["longer"]
    assert group["file"] == "emulated-2.json" and ["kernel", "7.1", "7.2"] in group["changed"]
    assert group["rows"] == [[DEAR, "+34 instructions (2703 -> 2737), +1 WRMSR 0x38f (5 -> 6)"]]


def test_msr_alone_is_no_number_of_instructions(tmp_path):
    for at in range(2):
        written(tmp_path / f"{at}.json", kernel(at, recorded({DEAR: path(0, ["0x38f"] * at)}, at=at)))
    assert collected(tmp_path)[0]["page"]["verdict"]["headline"].endswith(", though not in instructions")


def test_path_that_is_shorter_on_the_whole_is_not_called_longer(tmp_path):
    """It does more of something, which is an alarm, and says of what."""
    for at, figures in enumerate((path(0), path(40), path(-700, vmread=path(0)["vmread"] + 1))):
        written(tmp_path / f"{at}.json", kernel(at, recorded({DEAR: figures}, at=at)))
    said = collected(tmp_path)[0]["page"]["verdict"]
    assert said["headline"].endswith("by up to 40 instructions")
    fell, rose = said["exact"]["longer"]
    assert rose["rows"][0][1].startswith("+40 instructions")
    assert re.search(r"-740 instructions.*\+1 VMREAD", fell["rows"][0][1])


def test_what_went_back_is_not_among_what_is_more(tmp_path):
    for at, more in enumerate((0, 50, 20)):
        written(tmp_path / f"{at}.json", kernel(at, recorded({DEAR: path(more)}, at=at)))
    group, = collected(tmp_path)[0]["page"]["verdict"]["exact"]["longer"]
    assert group["rows"] == [[DEAR, "+50 instructions (2703 -> 2753)"]]


def test_shorter_exit_is_no_alarm(tmp_path):
    for at in range(2):
        written(tmp_path / f"{at}.json", kernel(at, recorded({DEAR: path(-at)}, at=at)))
    said = collected(tmp_path)[0]["page"]["verdict"]
    assert said["tone"] == "good" and not said["exact"]["longer"]
    assert said["exact"]["shorter"][0]["rows"] == [[DEAR, "-1 instructions (2703 -> 2702)"]]


def test_slower_and_longer_are_both_told(tmp_path):
    for at in range(16):
        written(tmp_path / f"real-{at}.json", result(at=at, level=1.3 if at > 10 else 1.0, host="synthetic-real"))
        written(tmp_path / f"{at}.json", recorded({DEAR: path(at > 10)}, at=at))
    said = collected(tmp_path)[0]["page"]["verdict"]
    assert said["tone"] == "worse" and "slower on synthetic-real" in said["headline"]
    assert said["lines"][0].startswith("1 exit path is longer on ")


def test_path_that_is_not_there_any_more_is_told(tmp_path):
    for at in range(2):
        written(tmp_path / f"{at}.json", recorded({OTHER: PATH} | ({} if at else {DEAR: PATH}), at=at))
    lines = collected(tmp_path)[0]["page"]["verdict"]["lines"]
    assert "1 exact benchmark had an exit path before, but not in the newest result." in lines


@pytest.fixture(scope="module")
def libraries():
    try:
        return npm.uplot(), npm.hierarchy()
    except npm.Missing as why:
        pytest.skip(str(why))


def test_library_of_flame_graphs_comes_with_its_licence_where_it_is_needed(tmp_path, libraries):
    for profiles in True, False:
        folder = three_kernels(tmp_path / str(profiles), profiles)
        ran = rdpmc_results("dashboard", "--out", tmp_path / "page.html", folder)
        assert (ran.returncode, ran.stderr) == (0, "")
        text = (tmp_path / "page.html").read_text()
        assert (libraries[1][0].strip() in text) == profiles
        assert ("Copyright 2010-2026 Mike Bostock" in text.split("<style>")[0]) == profiles


def test_without_the_library_one_line_says_what_to_do(tmp_path, libraries):
    environment = without_npm(tmp_path, "exit 1")
    kept = tmp_path / "cache/rdpmc/npm"
    kept.mkdir(parents=True)
    shutil.copy(npm.package(*npm.UPLOT), kept)
    ran = rdpmc_results("dashboard", "--out", tmp_path / "x.html", three_kernels(tmp_path / "profiles"), **environment)
    assert ran.returncode == 2 and len(ran.stderr.splitlines()) == 1
    assert "npm pack d3-hierarchy@" in ran.stderr
    folder = three_kernels(tmp_path / "none", False)
    ran = rdpmc_results("dashboard", "--out", tmp_path / "x.html", folder, **environment)
    assert (ran.returncode, ran.stderr) == (0, "")


# In a browser

@pytest.fixture(scope="module")
def browser(tmp_path_factory, libraries):
    library = chromium()
    pages = tmp_path_factory.mktemp("pages")
    for name in "exact", "profileless":
        folder = three_kernels(tmp_path_factory.mktemp(name), name == "exact")
        ran = rdpmc_results("dashboard", "--out", pages / f"{name}.html", folder)
        assert ran.returncode == 0, ran.stderr
    return opened(library, pages, ROOT / "tests/results/browser_exact.mjs")


@pytest.mark.parametrize("name", [whole or beginning for whole, beginning in CHECKS])
def test_browser(browser, name):
    assert_good(browser, name)
