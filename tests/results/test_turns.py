# SPDX-License-Identifier: GPL-2.0-or-later
"""Proves that A and B are measured by turns, and that what goes wrong on the way is told.

The programs are fakes: they write synthetic results, and log that they were called."""

import contextlib
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from datetime import timedelta
from unittest import mock

import pytest
import synthetic
from test_files import call

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "scripts/results"
PROCESSES = itertools.count(1)
ROWS = {"control/cpuid/cpl3": 1100.0, "rdpmc/metrics/intercepted/cpl3": 1300.0}
FAKE = """#!/bin/sh
echo {name} "$@" >>{place}/log
at=$(wc -l <{place}/log)
{extra}
if [ {status} -gt 1 ]; then
    echo "fake: no /dev/kvm here" >&2
    exit {status}
fi
while [ "$1" != --json ]; do shift; done
sed s/HOST/{host}/ {pool}/{level}/$at.json >"$2"
exit {status}
"""


@pytest.fixture(scope="session")
def pool(tmp_path_factory):
    """Results of one run each, of a program as it is and of slower ones."""
    folder = tmp_path_factory.mktemp("pool")
    for level in 1.0, 1.05, 1.06:
        for at in range(1, 62):
            synthetic.write(folder / str(level) / f"{at}.json", synthetic.a_result(
                7, at=at, runs=1, rows=ROWS, level=level, only="rdpmc", host="HOST",
                every=timedelta(seconds=1)))
    return folder


@pytest.fixture
def place(tmp_path, pool):
    (tmp_path / "results").mkdir()
    (tmp_path / "pool").symlink_to(pool)
    return tmp_path


def fake(place, name, level=1.0, status=0, host="synthetic", extra=""):
    path = place / name
    path.write_text(FAKE.format(name=name, level=level, status=status, host=host, extra=extra,
                                place=place, pool=place / "pool"))
    path.chmod(0o755)
    return str(path)


def run(place, *words):
    """In this process, as call() says, by a number of its own: by that and the second results are kept
    apart. The programs are processes all the same."""
    with contextlib.chdir(place), mock.patch("os.getpid", return_value=next(PROCESSES)):
        done = call(*words)
    return subprocess.CompletedProcess(words, done.status, done.out, done.err)


def wrong_use(done, said):
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and said in done.stderr, done.stderr


def log(place):
    return [line.split() for line in (place / "log").read_text().splitlines()]


def test_each_turn_has_both_and_either_first(place):
    done = run(place, "ab", fake(place, "one"), fake(place, "two"), "--runs", "12")
    assert done.returncode == 0, done.stderr
    order = [words[0] for words in log(place)]
    turns = [tuple(order[at:at + 2]) for at in range(0, len(order), 2)]
    # By lot: all twelve the same way happens once in two thousand times.
    assert len(turns) == 12 and set(turns) == {("one", "two"), ("two", "one")}
    assert "use `make ab`" not in done.stdout
    # The ratio of a pair is not that of the medians beside it.
    assert "interleaved: change is the median of each B to the A beside it" in done.stdout


def test_a_run_is_a_process_with_what_was_asked_for(place):
    run(place, "ab", fake(place, "one"), fake(place, "two"), "--runs", "2", "--seconds", "2.5",
        "--filter", "*/cpl3", "--out", "there")
    for words in log(place):
        assert words[1:6] == ["run", "--runs", "1", "--time", "2.5"]
        assert words[-2:] == ["--filter", "*/cpl3"]
    assert sorted(os.listdir(place / "there")) == ["a-01.json", "a-02.json", "b-01.json", "b-02.json"]


def test_what_is_slower_is_found_and_what_is_not_is_not(place):
    done = run(place, "ab", fake(place, "one"), fake(place, "two", 1.06), "--runs", "10")
    assert done.returncode == 1
    assert done.stdout.splitlines()[2].startswith("B is slower in 1 of ")
    assert [line for line in done.stdout.splitlines() if "SLOWER" in line][0].startswith(
        "rdpmc/metrics/intercepted/cpl3")
    assert "control/cpuid/cpl3" in done.stdout and done.stdout.count("SLOWER") == 1


def test_the_same_as_json(place):
    done = run(place, "ab", fake(place, "one"), fake(place, "two", 1.06), "--runs", "6", "--json")
    of = json.loads(done.stdout)
    assert of["schema"] == "rdpmc-comparison/1" and not of["warnings"][:-2]
    assert {row["name"]: row["verdict"] for row in of["rows"]}["rdpmc/metrics/intercepted/cpl3"] == \
        "slower"


def test_a_row_that_failed_does_not_end_it(place):
    done = run(place, "ab", fake(place, "one", status=1), fake(place, "two", status=1), "--runs", "6")
    assert done.returncode == 0 and len(log(place)) == 12


def test_nothing_to_measure_here_is_77(place):
    done = run(place, "ab", fake(place, "one", status=77), fake(place, "two"), "--runs", "3")
    assert (done.returncode, done.stdout) == (77, "")
    assert done.stderr == "results: fake: no /dev/kvm here\n"


def test_a_program_that_fails_is_named_with_its_words(place):
    done = run(place, "ab", fake(place, "one", status=2), fake(place, "two"), "--runs", "3")
    wrong_use(done, f"{place}/one: fake: no /dev/kvm here")


def test_what_is_neither_program_nor_revision(place):
    wrong_use(run(place, "ab", "nowhere", "--runs", "3", fake(place, "two")),
              "nowhere: neither a program nor a git revision")
    wrong_use(run(place, "ab", "x", "y", "--", "z"), "only compare takes two sides")


@pytest.mark.parametrize("words, said", [
    (("--runs", "0"), "0 is no whole number from 1 to 1000"),
    (("--runs", "x"), "x is no whole number from 1 to 1000"),
    (("--seconds", "0.5"), "0.5 is no number of seconds from 1 to 3600"),
    (("--seconds", "nan"), "nan is no number of seconds from 1 to 3600"),
    (("--noise-floor", "nowhere"), "nowhere: no such file"),
])
def test_wrong_use(place, words, said):
    wrong_use(run(place, "ab", fake(place, "one"), fake(place, "two"), *words), said)
    assert not (place / "log").exists()     # before minutes of measuring, not after them


def interrupted(place, count, *words):
    """What it says when Ctrl-C comes after the programs were called @count times."""
    child = subprocess.Popen(
        [sys.executable, RESULTS, *words, "--out", "kept"], cwd=place, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    for _ in range(600):
        if (place / "log").exists() and len(log(place)) >= count:
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "") and "Traceback" not in err
    return err.strip()


def test_ctrl_c_keeps_what_was_measured(place):
    slow = "sleep 0.2"
    one, two = fake(place, "one", extra=slow), fake(place, "two", extra=slow)
    err = interrupted(place, 4, "ab", one, two, "--runs", "100")
    assert err == "results: interrupted; what was measured is in kept"
    assert len(list((place / "kept").glob("*.json"))) >= 2


def test_ctrl_c_keeps_what_was_measured_of_a_floor_and_says_that_there_is_none(place):
    err = interrupted(place, 5, "aa", fake(place, "one", extra="sleep 0.2"), "--runs", "2")
    assert err == "results: interrupted; what was measured is in kept"
    assert len(list((place / "kept").rglob("*.json"))) >= 3
    assert not list((place / "results").iterdir())


def test_ctrl_c_before_anything_was_measured_promises_nothing(place):
    program = fake(place, "one", extra="sleep 5")
    for words in ["ab", program, program], ["aa", program]:
        assert interrupted(place, 1, *words) == "results: interrupted; nothing was measured yet"
        (place / "log").unlink()


def test_a_revision_is_built_once_in_a_tree_of_its_own(place):
    program = fake(place, "one")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false"]
    (place / "Makefile").write_text(
        "build/rdpmc-bench: one\n\tmkdir -p build; cp one $@; echo made >>" + str(place / "made") + "\n")
    for words in ["init", "-q"], ["add", "Makefile", "one"], ["commit", "-q", "-m", "x"]:
        subprocess.run([*git, *words], cwd=place, check=True, capture_output=True)
    for _ in range(2):
        done = run(place, "ab", "HEAD", program, "--runs", "6")
        assert done.returncode == 0, done.stderr
    assert (place / "made").read_text() == "made\n"


def test_noise_floor_is_measured_kept_and_used(place):
    done = run(place, "aa", fake(place, "one"), "--pairs", "5", "--runs", "6")
    assert done.returncode == 0, done.stderr
    kept = place / "results/noise-floor-synthetic.json"
    of = json.loads(kept.read_text())
    row = of["rows"]["rdpmc/metrics/intercepted/cpl3"]
    assert (of["schema"], of["pairs"], of["runs"]) == ("rdpmc-noise-floor/1", 5, 6)
    # Nine of ten of five are all five.
    assert row["floor"] == pytest.approx(max(max(ratio, 1 / ratio) for ratio in row["ratios"]) - 1)

    of["rows"]["rdpmc/metrics/intercepted/cpl3"]["floor"] = 0.08
    kept.write_text(json.dumps(of))
    (place / "log").unlink()
    done = run(place, "ab", fake(place, "one"), fake(place, "two", 1.05), "--runs", "8")
    assert done.returncode == 0 and "noise-floor-synthetic.json, measured " in done.stdout
    assert " 8.0 % " in done.stdout
    # Of another machine it says nothing.
    done = run(place, "ab", fake(place, "one", host="synthetic-2"),
               fake(place, "two", 1.05, host="synthetic-2"), "--runs", "8")
    assert done.returncode == 1
    assert "assumed: none measured for synthetic-2 Synthetic processor" in done.stdout


def test_a_floor_of_few_pairs_is_not_below_the_assumed_one(place):
    """Two pairs that happen to agree prove nothing."""
    done = run(place, "aa", fake(place, "one"), "--pairs", "2", "--runs", "12", "--floor", "f.json")
    of = json.loads((place / "f.json").read_text())
    assert done.returncode == 0 and of["pairs"] == 2
    assert "fewer than 10 pairs" in done.stdout
    for few, floors in (True, {"1.0 %", "8.0 %"}), (False, {"0.4 %", "8.0 %"}):
        of |= {"overall": 0.004, "pairs": 9 if few else 10}
        of["rows"] = {"rdpmc/metrics/intercepted/cpl3": {"floor": 0.08}}
        (place / "f.json").write_text(json.dumps(of))
        (place / "log").unlink()
        done = run(place, "ab", fake(place, "one"), fake(place, "two"), "--runs", "6",
                   "--noise-floor", "f.json")
        assert {floor for floor in ("0.4 %", "1.0 %", "8.0 %") if f" {floor} " in done.stdout} \
            >= floors
        assert ("fewer than 10 pairs" in done.stdout) == few
        assert few != (" 0.4 % " in done.stdout)


def test_a_floor_that_cannot_be_written_is_told_before_anything_is_measured(place):
    (place / "file").write_text("")
    (place / "folder").mkdir()
    for where, said in (("file/floor.json", "/file: file exists"),
                        ("folder", "folder: is a directory")):
        done = run(place, "aa", fake(place, "one"), "--runs", "2", "--pairs", "2", "--floor", where)
        wrong_use(done, said)
    assert not (place / "log").exists()


def test_a_floor_has_its_folder_made(place):
    (place / "results").rmdir()
    done = run(place, "aa", fake(place, "one"), "--runs", "2", "--pairs", "1")
    assert done.returncode == 0, done.stderr
    assert "written to results/noise-floor-synthetic.json" in done.stdout
    assert (place / "results/noise-floor-synthetic.json").is_file()
    assert "1 comparison of" in done.stdout


def test_a_program_that_measures_nothing_is_told(place):
    for words in ["ab", "/bin/true", "/bin/true"], ["aa", "/bin/true"]:
        wrong_use(run(place, *words, "--runs", "2", "--seconds", "1"),
                  "/bin/true: wrote no result: is it an rdpmc-bench?")
    wrong = fake(place, "one", extra='for last; do :; done; echo "{}" >"$last"; exit 0')
    wrong_use(run(place, "ab", wrong, wrong, "--runs", "2", "--out", "x"),
              "no result of this project")


def test_a_floor_of_no_row_is_none(place):
    program = fake(place, "one", extra='touch=$6; sed s/measured/skipped/ '
                   f'{place}/pool/1.0/$at.json >"$7"; exit 0')
    done = run(place, "aa", program, "--runs", "2", "--pairs", "2")
    wrong_use(done, "no benchmark was measured")


def test_where_results_cannot_go_is_one_line(place):
    (place / "file").write_text("")
    for command in ["ab", fake(place, "one"), fake(place, "two")], ["aa", fake(place, "one")]:
        wrong_use(run(place, *command, "--runs", "2", "--out", "file"), "file: file exists")
        wrong_use(run(place, *command, "--runs", "2", "--out", "file/x"), "not a directory")
    assert not (place / "log").exists()


def test_an_earlier_run_is_not_written_over(place):
    program = fake(place, "one")
    (place / "kept").mkdir()        # an empty one is as good as a new one
    assert run(place, "ab", program, program, "--runs", "2", "--out", "kept").returncode == 0
    before = {path.name: path.read_bytes() for path in (place / "kept").iterdir()}
    for command in ["ab", program, program], ["aa", program]:
        wrong_use(run(place, *command, "--runs", "3", "--out", "kept"),
                  "kept holds results already")
    assert before == {path.name: path.read_bytes() for path in (place / "kept").iterdir()}


def test_a_single_turn_is_not_told_to_be_none(place):
    done = run(place, "ab", fake(place, "one"), fake(place, "two"), "--runs", "1")
    assert done.returncode == 0
    assert "note: drift of the machine between A and B is not in the interval" in done.stdout
    assert "A: 1 result, 1 run, " in done.stdout


def test_too_few_turns_say_how_many_could_alarm(place):
    done = run(place, "ab", fake(place, "one"), fake(place, "two", 1.06), "--runs", "2")
    assert done.returncode == 0
    # Three a side have a scatter of their own, for Welch's t test.
    assert "(at least 3 runs a side needed)" in done.stdout and "about" not in done.stdout
    assert run(place, "ab", fake(place, "one"), fake(place, "two", 1.06), "--runs", "4").returncode == 1


def test_a_loaded_machine_is_told(place):
    loaded = fake(place, "two", extra=f'while [ "$1" != --json ]; do shift; done; '
                  's=s/.cpu_share.:.*/\\"cpu_share\\":0.6,/; '
                  f'sed "s/HOST/synthetic/; $s" {place}/pool/1.0/$at.json >"$2"; exit 0')
    done = run(place, "ab", fake(place, "one"), loaded, "--runs", "3")
    assert done.returncode == 0, done.stderr
    assert "UNRELIABLE: 0 of 3 results of A and 3 of 3 of B disturbed: other tasks had the CPU for up to 40 % " \
        in done.stdout.splitlines()[0]


@pytest.mark.parametrize("text", [
    "", "[]", "{}", '{"schema": "rdpmc-noise-floor/2"}',
    '{"schema": "rdpmc-noise-floor/1", "rows": {"a": {"floor": "x"}}, "overall": 0.1, "pairs": 1,'
    ' "measured": "2026", "machine": ["a", "b", "c"]}',
    '{"schema": "rdpmc-noise-floor/1", "rows": {}, "overall": -0.1, "pairs": 1, "measured": "2026",'
    ' "machine": ["a", "b", "c"]}',
])
def test_a_damaged_floor_is_no_floor(place, text):
    (place / "floor.json").write_text(text)
    wrong_use(run(place, "ab", fake(place, "one"), fake(place, "two"), "--runs", "2",
                  "--noise-floor", "floor.json"), "floor.json: ")
