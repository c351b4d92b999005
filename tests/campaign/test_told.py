# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is told of findings, how often, and what a program that misbehaves does to a campaign: nothing."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from rdpmc_campaign import coverage, notices as module, plan
from campaign_tools import ROOT, TITLE, Place, fuzzers, hook, made_fuzzer, mutant, pages, run, status, words


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "a b; $(touch x) 'c'")


def noting(folder):
    """A program that notes what it was given, in a folder whose name is no word of the shell's."""
    return hook(folder / "it's; $here" / "note", """
exec >>"${0%/*}/log"
printf 'arguments %s\\n1=%s\\n' "$#" "$1"
env | grep ^RDPMC_ | sort
echo end
""")


def noted(program):
    """What it was given each time, as dictionaries."""
    log = program.parent / "log"
    return [dict(line.split("=", 1) for line in each.splitlines())
            for each in re.findall(r"(?ms)^arguments 1\n(.*?)^end$", log.read_text())] if log.exists() else []


def test_each_class_once_and_with_all_it_needs(place, tmp_path):
    program = noting(tmp_path)
    place.found("one")
    assert place.tell(program) == 0
    told, = noted(program)
    report = str(place.folder / "findings/one/finding.md")
    assert told["1"] == report == told["RDPMC_FINDING_REPORT"]
    assert told["RDPMC_FINDING_TITLE"] == TITLE and told["RDPMC_FINDING_RULE"] == "NO-FAST"
    assert told["RDPMC_FINDING_ENGINE"] == "kernel:x" and told["RDPMC_CAMPAIGN"] == str(place.folder)
    assert told["RDPMC_FINDING_STATUS"] == "new" and told["RDPMC_FINDING_TRY"] == "1"
    # The same class on another page, another start, a state that counts anew: nothing is told again.
    place.found("two")
    place.state["new"] = []
    assert place.tell(program) == 0 and place.tell(program) == 0 and len(noted(program)) == 1
    # The same from another engine, and another title, are classes of their own.
    place.found("three", engine="emulator")
    place.found("four", "another")
    assert place.tell(program) == 0
    assert [each["RDPMC_FINDING_ENGINE"] for each in noted(program)[1:]] == ["emulator", "kernel:x"]
    assert not (place.folder.parent / "x").exists() and not os.path.exists("x") and not place.state["alarms"]


def test_what_was_there_before_is_seen(place, tmp_path):
    program = noting(tmp_path)
    place.found("one")
    assert place.tell(None) == 0
    assert place.tell(program) == 0
    assert [each["RDPMC_FINDING_STATUS"] for each in noted(program)] == ["seen"]
    # Dealt with; then it comes again, as another case.
    place.removed("one")
    assert place.tell(program) == 0 and len(noted(program)) == 1
    place.found("two")
    assert place.tell(program) == 0
    assert [each["RDPMC_FINDING_STATUS"] for each in noted(program)] == ["seen", "seen"]
    assert noted(program)[1]["1"].endswith("/two/finding.md")


def test_a_title_is_one_line(place, tmp_path):
    place.found("one", "what\x0bBcc: all@example.org\0\x1b[2J\u2028end")
    program = noting(tmp_path)
    assert place.tell(program) == 0
    assert noted(program)[0]["RDPMC_FINDING_TITLE"] == "what Bcc: all@example.org [2J end"


@pytest.mark.parametrize("body, why", [
    ("echo one; echo two >&2; exit 3\n", "exit status 3: two"), ("kill -9 $$\n", "signal 9"),
    ("exec sleep 1000\n", "took longer than"), (None, "no such program"), ("", "Exec format error"),
    ("exec yes\n", "took longer than 0.3 s: y")])
def test_what_fails_is_said_once_and_tried_again(place, tmp_path, monkeypatch, body, why):
    monkeypatch.setattr(module, "LONGEST", 0.3)
    monkeypatch.setattr(module, "FIRST_PAUSE", 0)
    program = tmp_path / "program"
    if body is not None:
        hook(program, body)
    if body == "":
        program.write_bytes(b"\x7fELF no program")
    place.found("one")
    place.found("two", "another")
    notices = place.start(program)
    end = time.monotonic() + 60
    while not all(each["tries"] >= 3 for each in notices.classes) or not notices.classes:
        began = time.monotonic()
        notices.look()
        assert time.monotonic() - began < 5 and time.monotonic() < end
        assert len(notices.said) <= module.LAST_WORDS
    notices.stop()
    assert len(place.said) == 3 and sum("FOUND" in text for text in place.said) == 2, place.said
    assert sum(why in text for text in place.said) == 1 and len(place.state["alarms"]) == 1, place.said
    monkeypatch.undo()
    # Once it works it is told, and the alarm is over.
    noting(tmp_path).replace(program)
    assert place.tell(program) == 0 and not place.state["alarms"]
    told = noted(program)
    assert len(told) == 2 and all(int(each["RDPMC_FINDING_TRY"]) > 3 for each in told)
    assert {each["RDPMC_FINDING_STATUS"] for each in told} == {"new"}


def test_pauses_grow_and_one_that_fails_stops_no_other(place, tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    program = hook(tmp_path / "program", '[ "$RDPMC_FINDING_TITLE" != bad ]\n')
    place.found("one", "bad")
    place.found("two", "good")
    notices = place.start(program)

    def settle():
        notices.look()
        while notices.running:
            notices.running[1].wait()
            notices.look()

    settle()
    assert [(each["title"], each["tries"], bool(each["told"])) for each in notices.classes] == [
        ("bad", 1, False), ("good", 1, True)]
    pauses = []
    for _ in range(9):
        tries = notices.classes[0]["tries"]
        began = now[0]
        while notices.classes[0]["tries"] == tries:
            now[0] += 10
            settle()
        pauses.append(now[0] - began)
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert len(place.said) == 3 and "on-finding" in place.state["alarms"]


def test_killed_while_it_tells(place, tmp_path):
    """The campaign is gone before it could note that it has told: better twice than never."""
    program = hook(tmp_path / "program", 'echo "$RDPMC_FINDING_TRY" >>"${0%/*}/log"; exec sleep 1000\n')
    place.found("one")
    child = os.fork()
    if not child:
        try:
            place.start(program).finish(60)
        finally:
            os._exit(0)
    while not (tmp_path / "log").exists():
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    end = time.monotonic() + 60
    while fuzzers(place.folder):        # what it was running is gone with it
        assert time.monotonic() < end
        time.sleep(0.02)
    hook(program, 'echo "$RDPMC_FINDING_TRY" >>"${0%/*}/log"\n')
    assert place.tell(program) == 0 and place.tell(program) == 0
    assert (tmp_path / "log").read_text().split() == ["1", "2"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": "rdpmc-campaign-notices/1", "classes": [{"title": 1}]}'])
def test_notices_that_are_damaged_lose_nothing(place, tmp_path, damage):
    program = noting(tmp_path)
    place.found("one")
    assert place.tell(program) == 0
    (place.folder / "notices.json").write_text(damage)
    place.state["new"] = []
    assert place.tell(program) == 0 and "cannot be read" in place.state["alarms"]["notices"]["text"]
    assert [each["RDPMC_FINDING_STATUS"] for each in noted(program)] == ["new", "seen"]


# ----- a whole campaign -----

def test_new_and_old_findings_of_a_campaign(tmp_path):
    engine = mutant("v61-fast-bit")
    program = noting(tmp_path)
    place = tmp_path / "c $x"
    options = [*made_fuzzer(tmp_path, engine), "--engine", engine, "--driver", "libfuzzer", "--time", 1, "--jobs", 1]
    first = run(place, *options, "--on-finding", program)
    assert first.returncode == 1, first.stderr
    page, = pages(place)
    since = status(place)["since"]
    assert first.stderr.splitlines()[-1] == f"campaign: 1 class, 1 new since {since}; {place}/report.md"
    assert f"## Findings: 1 class, 1 new since {since}" in (place / "report.md").read_text()
    assert first.stderr.count("FOUND") == 1 and status(place)["new"] == [page]
    told, = noted(program)
    assert told["RDPMC_FINDING_RULE"] == "NO-FAST" and told["RDPMC_FINDING_ENGINE"] == engine
    assert told["RDPMC_FINDING_REPORT"] == f"{place}/findings/{page}/finding.md"
    # Nothing new in the second start, and nobody is told; also when status.json is lost.
    for _ in range(2):
        again = run(place, *options, "--on-finding", program)
        assert again.returncode == 3, again.stderr
        assert "campaign: 1 class, none new since" in again.stderr and "FOUND" not in again.stderr
        assert status(place)["new"] == [] and len(noted(program)) == 1
        (place / "status.json").unlink()


def test_a_report_that_a_kill_left_uncounted_is_new(tmp_path):
    engine = mutant("v61-fast-bit")
    options = [*made_fuzzer(tmp_path, engine), "--engine", engine, "--driver", "libfuzzer", "--time", 1, "--jobs", 1]
    assert run(tmp_path / "c", *options).returncode == 1
    for name in "notices.json", "status.json":
        (tmp_path / "c" / name).unlink()
    program = noting(tmp_path)
    done = run(tmp_path / "c", *options, "--on-finding", program)
    assert done.returncode == 1 and "1 class, 1 new since" in done.stderr, done.stderr
    assert [each["RDPMC_FINDING_STATUS"] for each in noted(program)] == ["new"]


def test_a_notification_can_be_tried_before_there_is_a_finding(tmp_path):
    program = noting(tmp_path)
    done = run(tmp_path / "c", "--on-finding", program, "--test-notification")
    assert done.returncode == 0 and not (tmp_path / "c").exists(), done.stderr
    (given,) = noted(program)
    assert given["RDPMC_FINDING_STATUS"] == "test" and given["RDPMC_FINDING_TITLE"]
    fails = hook(tmp_path / "fails", "echo no mail server; exit 3\n")
    done = run(tmp_path / "c", "--on-finding", fails, "--test-notification")
    assert (done.returncode, done.stderr) == (2, f"campaign: --on-finding {fails}: exit status 3: no mail server\n")
    done = run(tmp_path / "c", "--test-notification")
    assert done.returncode == 2 and "wants --on-finding" in done.stderr


def test_a_program_that_is_missing_or_hangs_does_not_harm_a_campaign(tmp_path):
    engine = mutant("v61-fast-bit")
    options = [*made_fuzzer(tmp_path, engine), "--engine", engine, "--driver", "libfuzzer", "--time", 1, "--jobs", 1]
    done = run(tmp_path / "c", *options, "--on-finding", "/nowhere/at all")
    assert done.returncode == 1 and done.stderr.count("/nowhere/at all") == 1, done.stderr
    assert "1 notification pending" in done.stderr and len(pages(tmp_path / "c")) == 1
    assert "/nowhere/at all" in (tmp_path / "c/report.md").read_text()
    # Ten seconds for who is interrupted; here it does not end by itself at all.
    hangs = hook(tmp_path / "hangs", 'echo "$RDPMC_FINDING_TRY" >"${0%/*}/began"; exec sleep 1000\n')
    running = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); "
         "from rdpmc_campaign import notices, main; notices.LONGEST = 1; sys.exit(main.main())",
         str(ROOT / "scripts"), *words(tmp_path / "c", *options[:-3], 1000, "--on-finding", hangs)[1:]],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _, said = running.communicate(timeout=60) if wait_for(
        lambda: (found := status(tmp_path / "c"))["starts"] == 2 and "on-finding" in found["alarms"], running) else (None, "")
    assert running.returncode == 143 and said.count("took longer than 1 s") == 1, said
    assert int((tmp_path / "began").read_text()) == 2      # the first try was the missing program's
    done = run(tmp_path / "c", *options, "--on-finding", noting(tmp_path))
    assert done.returncode == 3 and len(noted(tmp_path / "it's; $here" / "note")) == 1


def wait_for(condition, running):
    """Then the campaign is asked to end."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if condition():
                break
        except OSError:
            pass
        time.sleep(0.05)
    running.terminate()
    return True


def test_coverage_is_of_the_engines_that_ran(tmp_path):
    """A campaign of another engine alone reaches nothing of emulator/, whatever its cases reach there."""
    engine = mutant("v61-fast-bit")
    options = [*made_fuzzer(tmp_path, engine, covered=True), "--driver", "libfuzzer", "--time", 1, "--jobs", 1]
    done = run(tmp_path / "c", *options, "--engine", engine)
    assert done.returncode == 1, done.stderr
    found = status(tmp_path / "c")["coverage"]
    assert set(found["parts"]) == {"rules, both answers", "model, lines", "model, branches"}, found
    assert found["parts"]["rules, both answers"][0] > 20 and found["parts"]["model, lines"][0] > 100
    report = (tmp_path / "c/report.md").read_text()
    assert "emulator, " not in report
    row, = re.findall(rf"(?m)^\| {re.escape(engine)} \| 1,000 \| (.*) \| (.*) \|$", report)
    for last in row:
        assert re.fullmatch(r"\d+ s of fuzzing ago \(20\S+Z\)", last), report
    # What another engine reached is not told of this one; one that has had no slice has not run.
    done = run(tmp_path / "c", *options, "--engine", "emulator")
    report = (tmp_path / "c/report.md").read_text()
    assert "emulator, lines: " in report and re.search(r"(?m)^\| emulator \| [\d,]+ \| ", report), report
    assert not re.search(rf"(?m)^\| {re.escape(engine)} \| [\d,]+ \|", report), report


def test_what_ran():
    def task(engine, executions, slices, deaths):
        return {"engine": engine, "executions": executions, "slices": slices, "deaths": deaths}

    engines = [plan.Engine(name, name, {}, absent) for name, absent in (
        ("emulator", ""), ("kernel:a", ""), ("kernel:b", ""), ("kvm", "no /dev/kvm"))]
    state = {"tasks": {"1": task("emulator", 0, 0, 0), "2": task("kernel:a", 0, 2, 1), "3": task("kernel:b", 0, 2, 2),
                       "4": task("kvm", 9, 1, 0), "5": task("gone", 9, 1, 0)}}
    assert [each.name for each in coverage.ran(state, engines)] == ["kernel:a"]
    measured = {"at": "then", "engines": ["kernel:a"], "parts": {"model, lines": [1, 2]}}
    assert coverage.of_these(measured, engines) == measured
    assert coverage.of_these(measured, engines[2:]) == {} == coverage.of_these({"parts": {}}, engines)
